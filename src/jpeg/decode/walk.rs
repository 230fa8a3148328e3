//! The way through the MCUs of a scan and the blocks in them (T.81 A.2.2, A.2.3).

#[cfg(feature = "rayon")]
use std::iter;
use std::ops::Range;

use crate::band::Block;
use crate::coefficients::Component;
use crate::error::Malformed;
use crate::vectors::{Kernel, Vectors};

use super::scan::{Faults, Grid, GridComponent, IntervalEnd};

/// Reads the blocks of an interval one after the other.
pub(super) trait BlockReader<F: Faults> {
    /// Bytes that have been read from, in whole or in part.
    fn consumed_bytes(&self) -> usize;

    /// Reads what the scan brings of the next block, which is of the component in this place of the scan.
    fn read(&mut self, slot: usize, block: &mut Block, faults: &mut F) -> Result<(), Malformed>;
}

/// Where the blocks of a scan go, a row of MCUs at a time.
pub(super) trait BlockStore {
    /// The rows of blocks in a row of MCUs, which may be begun already.
    fn lines(&mut self, grid: &Grid, row: u32) -> Lines<'_>;

    /// All blocks of the row of MCUs are there.
    fn finish_row(&mut self, grid: &Grid);

    /// The rows of blocks in consecutive rows of MCUs, from one on that may be begun already: `most` of them, or as
    /// many as there is room for.
    #[cfg(feature = "rayon")]
    fn lines_of_rows(&mut self, grid: &Grid, first: usize, most: usize) -> Vec<Lines<'_>>;

    /// All blocks of the first rows of MCUs are there that `lines_of_rows` gave, and those of the next one as far
    /// as a column of MCUs, unless that is 0.
    #[cfg(feature = "rayon")]
    fn finish_rows(&mut self, grid: &Grid, whole: usize, column: usize);
}

/// An MCU has at most ten blocks (T.81 B.2.3), so a row of them no more rows of blocks.
const MOST_LINES: usize = 10;

/// The rows of blocks that a row of MCUs takes by turns.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    lines: [Line<'a>; MOST_LINES],
    count: usize,
}

/// A row of blocks.
#[derive(Debug, Default)]
struct Line<'a> {
    /// Place of the component in the scan.
    slot: usize,
    /// Blocks that each MCU takes of it.
    in_mcu: usize,
    /// Those that are not padding.
    blocks: &'a mut [Block],
}

impl<'a> Lines<'a> {
    pub(super) fn new() -> Self {
        Self {
            lines: Default::default(),
            count: 0,
        }
    }

    /// Adds the rows of a component; missing ones at the bottom of the picture are padding.
    pub(super) fn add(
        &mut self,
        slot: usize,
        part: &GridComponent,
        mut rows: impl Iterator<Item = &'a mut [Block]>,
    ) {
        for _ in 0..part.in_mcu.1 {
            if let Some(line) = self.lines.get_mut(self.count) {
                *line = Line {
                    slot,
                    in_mcu: part.in_mcu.0 as usize,
                    blocks: rows.next().unwrap_or_default(),
                };
                self.count += 1;
            }
        }
    }

    /// Reads MCUs of a row from a column on; false where the data end before they do.
    #[inline(always)]
    pub(super) fn read<F: Faults>(
        &mut self,
        mcus: Range<u64>,
        first_column: usize,
        reader: &mut impl BlockReader<F>,
        faults: &mut F,
    ) -> Result<bool, Malformed> {
        for (mcu, column) in mcus.zip(first_column..) {
            if faults.stops_before(mcu, reader.consumed_bytes()) {
                return Ok(false);
            }
            for line in &mut self.lines[..self.count] {
                let first = column * line.in_mcu;
                for x in first..first + line.in_mcu {
                    let mut padding = [0; 64];
                    let block = match line.blocks.get_mut(x) {
                        Some(block) => block,
                        None => &mut padding,
                    };
                    reader.read(line.slot, block, faults)?;
                }
            }
        }
        Ok(true)
    }

    /// Makes zeros of the blocks from a column of MCUs on.
    #[cfg(feature = "rayon")]
    pub(super) fn clear_from(&mut self, column: usize) {
        for line in &mut self.lines[..self.count] {
            let blocks = line.blocks.get_mut(column * line.in_mcu..);
            blocks.unwrap_or_default().fill([0; 64]);
        }
    }
}

/// All blocks of all components.
///
/// Blocks that are not there yet come into being as zeros, a row of MCUs at a time: they are still in
/// the cache when they are read. There must be room for them.
#[derive(Debug)]
pub(super) struct WholeImage<'a>(pub(super) &'a mut [Component]);

impl BlockStore for WholeImage<'_> {
    fn lines(&mut self, grid: &Grid, row: u32) -> Lines<'_> {
        let mut lines = Lines::new();
        // The components of a scan are in the order of the frame.
        let mut components = self.0.iter_mut().enumerate();
        for (slot, part) in grid.components.iter().enumerate() {
            let Some((_, component)) = components.find(|(index, _)| *index == part.index) else {
                continue;
            };
            component.grow_to_row((row + 1) * part.in_mcu.1);
            let first = (row * part.in_mcu.1) as usize;
            lines.add(slot, part, component.block_rows_mut(first));
        }
        lines
    }

    fn finish_row(&mut self, _: &Grid) {}

    #[cfg(feature = "rayon")]
    fn lines_of_rows(&mut self, grid: &Grid, first: usize, most: usize) -> Vec<Lines<'_>> {
        let mut lines: Vec<Lines<'_>> = iter::repeat_with(Lines::new).take(most).collect();
        let mut components = self.0.iter_mut().enumerate();
        for (slot, part) in grid.components.iter().enumerate() {
            let Some((_, component)) = components.find(|(index, _)| *index == part.index) else {
                continue;
            };
            // There are at most 65535 rows of MCUs.
            #[expect(clippy::cast_possible_truncation, reason = "shown above")]
            component.grow_to_row((first + most) as u32 * part.in_mcu.1);
            let mut rows = component.block_rows_mut(first * part.in_mcu.1 as usize);
            for lines in &mut lines {
                lines.add(slot, part, &mut rows);
            }
        }
        lines
    }

    #[cfg(feature = "rayon")]
    fn finish_rows(&mut self, _: &Grid, _: usize, _: usize) {}
}

/// Reads the MCUs of an interval, counted row by row, until they end or the data do.
pub(super) fn walk<F: Faults>(
    grid: &Grid,
    store: &mut impl BlockStore,
    mcus: Range<u64>,
    reader: &mut impl BlockReader<F>,
    faults: &mut F,
) -> IntervalEnd {
    let result = walk_rows(grid, store, mcus, reader, faults);
    IntervalEnd {
        result,
        consumed: reader.consumed_bytes(),
    }
}

fn walk_rows<F: Faults>(
    grid: &Grid,
    store: &mut impl BlockStore,
    mcus: Range<u64>,
    reader: &mut impl BlockReader<F>,
    faults: &mut F,
) -> Result<(), Malformed> {
    let vectors = Vectors::detected();
    let wide = u64::from(grid.mcus_wide);
    let mut next = mcus.start;
    while next < mcus.end {
        // An image has at most 65535 MCUs in each direction.
        #[expect(clippy::cast_possible_truncation, reason = "shown above")]
        let (row, first_column) = ((next / wide) as u32, (next % wide) as usize);
        let end_of_row = (u64::from(row) + 1) * wide;
        let end = mcus.end.min(end_of_row);
        let mut lines = store.lines(grid, row);
        let mut outcome = Ok(false);
        vectors.run(RowOfMcus {
            lines: &mut lines,
            mcus: next..end,
            first_column,
            reader: &mut *reader,
            faults: &mut *faults,
            outcome: &mut outcome,
        });
        if !outcome? {
            return Ok(());
        }
        if end == end_of_row {
            store.finish_row(grid);
        }
        next = end;
    }
    Ok(())
}

/// The reading of a row of MCUs: where the machine has them, shifts by any register and without flags (BMI2) make
/// the way from bits to symbols shorter.
struct RowOfMcus<'k, 'l, R, F> {
    lines: &'k mut Lines<'l>,
    mcus: Range<u64>,
    first_column: usize,
    reader: &'k mut R,
    faults: &'k mut F,
    outcome: &'k mut Result<bool, Malformed>,
}

impl<F: Faults, R: BlockReader<F>> Kernel for RowOfMcus<'_, '_, R, F> {
    #[inline(always)]
    fn portable(self) {
        *self.outcome = self
            .lines
            .read(self.mcus, self.first_column, self.reader, self.faults);
    }
}
