//! The way through the MCUs of a scan and the blocks in them (T.81 A.2.2, A.2.3).

use std::ops::Range;

use crate::band::Block;
use crate::coefficients::Component;
use crate::error::Malformed;

use super::scan::{Faults, Grid, IntervalEnd};

/// Reads the blocks of an interval one after the other.
pub(super) trait BlockReader<F: Faults> {
    /// Bytes that have been read from, in whole or in part.
    fn consumed_bytes(&self) -> usize;

    /// Reads what the scan brings of the next block, which is of the component in this place of the scan.
    fn read(&mut self, slot: usize, block: &mut Block, faults: &mut F) -> Result<(), Malformed>;
}

/// Reads the MCUs of an interval, counted row by row, until they end or the data do.
///
/// Blocks that are not there yet come into being as zeros, a row of MCUs at a time: they are still in
/// the cache when they are read. There must be room for them.
pub(super) fn walk<F: Faults>(
    grid: &Grid,
    components: &mut [Component],
    mcus: Range<u64>,
    reader: &mut impl BlockReader<F>,
    faults: &mut F,
) -> IntervalEnd {
    let result = walk_rows(grid, components, mcus, reader, faults);
    IntervalEnd {
        result,
        consumed: reader.consumed_bytes(),
    }
}

fn walk_rows<F: Faults>(
    grid: &Grid,
    components: &mut [Component],
    mcus: Range<u64>,
    reader: &mut impl BlockReader<F>,
    faults: &mut F,
) -> Result<(), Malformed> {
    let wide = u64::from(grid.mcus_wide);
    let mut next = mcus.start;
    while next < mcus.end {
        // An image has at most 65535 MCUs in each direction.
        #[expect(clippy::cast_possible_truncation, reason = "shown above")]
        let (row, first_column) = ((next / wide) as u32, (next % wide) as u32);
        let end = mcus.end.min((u64::from(row) + 1) * wide);
        for part in &grid.components {
            components[part.index].grow_to_row((row + 1) * part.in_mcu.1);
        }
        for (mcu, column) in (next..end).zip(first_column..) {
            if faults.stops_before(mcu, reader.consumed_bytes()) {
                return Ok(());
            }
            for (slot, part) in grid.components.iter().enumerate() {
                let component = &mut components[part.index];
                let (horizontal, vertical) = part.in_mcu;
                for y in row * vertical..(row + 1) * vertical {
                    for x in column * horizontal..(column + 1) * horizontal {
                        match component.block_mut(x, y) {
                            Some(block) => reader.read(slot, block, faults)?,
                            // Pads the MCU, and is no part of the picture.
                            None => reader.read(slot, &mut [0; 64], faults)?,
                        }
                    }
                }
            }
        }
        next = end;
    }
    Ok(())
}
