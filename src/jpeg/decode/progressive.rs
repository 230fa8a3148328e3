//! Progressive scans, Huffman-coded: spectral selection and successive approximation (T.81 G.2).

use std::ops::Range;

use crate::band::{Block, NATURAL_FROM_ZIGZAG};
use crate::error::{Malformed, Result};

use super::super::bits::BitReader;
use super::super::header::ScanHeader;
use super::super::huffman::{
    ADVANCE_END, ADVANCE_ILLEGAL, ADVANCE_UNKNOWN, ADVANCE_WRONG_SIZE, DecodeTable, SymbolClass,
};
use super::Decoder;
use super::frame::Frame;
use super::scan::{Faults, Grid, IntervalEnd};
use super::sequential::{tolerate_symbol, value, wrapped_level};

impl Decoder<'_> {
    pub(super) fn progressive_scan<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        match (header.start, header.high) {
            (0, 0) => self.dc_first_scan::<F>(frame, header, position),
            (0, _) => self.dc_refinement_scan::<F>(frame, header),
            (_, 0) => self.ac_first_scan::<F>(frame, header, position),
            (_, _) => self.ac_refinement_scan::<F>(frame, header, position),
        }
    }

    /// T.81 G.1.2.1: DC differences as in sequential scans, without the lowest bits.
    fn dc_first_scan<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        let tables: Vec<DecodeTable> = header
            .components
            .iter()
            .map(|scanned| {
                let destination = scanned.dc_destination;
                self.decode_table::<F>(frame, SymbolClass::Dc, destination, position)
            })
            .collect::<Result<_>>()?;
        self.dc_blocks(
            frame,
            header,
            |bits, component, predictions: &mut [i32; 4], block, faults: &mut F| {
                bits.refill();
                let symbol = tables[component].symbol(bits);
                let difference = if symbol.advance() >= ADVANCE_UNKNOWN {
                    tolerate_symbol(bits, symbol, faults)?;
                    0
                } else {
                    value(bits, symbol, SymbolClass::Dc, faults)
                };
                // In sound data the prediction is an i16 shifted right by `low`, which is at most 13.
                let value = predictions[component].wrapping_add(difference);
                let shifted = value << header.low;
                let stored = if let Ok(level) = i16::try_from(shifted) {
                    level
                } else {
                    let kind = Malformed::DcRange { value: shifted };
                    wrapped_level(bits, shifted, kind, faults)?
                };
                predictions[component] = value;
                if let Some(block) = block {
                    block[0] = stored;
                }
                Ok(())
            },
        )
    }

    /// T.81 G.1.2.1: one more bit of each DC coefficient.
    fn dc_refinement_scan<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
    ) -> Result<()> {
        let bit = 1_i16 << header.low;
        self.dc_blocks(frame, header, |bits, _, _, block, _: &mut F| {
            let set = bits.bit();
            if let (true, Some(block)) = (set, block) {
                block[0] |= bit;
            }
            Ok(())
        })
    }

    /// Visits the blocks of a DC scan, which may be interleaved; padding blocks are given as `None`.
    ///
    /// `visit` is also given the place of the component in the scan and the predictions of all.
    fn dc_blocks<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        visit: impl Fn(
            &mut BitReader<'_>,
            usize,
            &mut [i32; 4],
            Option<&mut Block>,
            &mut F,
        ) -> Result<(), Malformed>,
    ) -> Result<()> {
        let grid = Grid::new(frame, header);
        self.intervals(&grid, |data, mcus, faults: &mut F| {
            let mut bits = data.bits();
            let mut predictions = [0; 4];
            let result = (|| {
                for (mcu, row, column) in grid.positions(mcus) {
                    if faults.stops_before(mcu, bits.consumed_bytes()) {
                        break;
                    }
                    for (slot, part) in grid.components.iter().enumerate() {
                        let component = &mut frame.components[part.index];
                        let (horizontal, vertical) = part.in_mcu;
                        for y in row * vertical..(row + 1) * vertical {
                            for x in column * horizontal..(column + 1) * horizontal {
                                let block = component.block_mut(x, y);
                                visit(&mut bits, slot, &mut predictions, block, faults)?;
                            }
                        }
                    }
                }
                Ok(())
            })();
            IntervalEnd {
                result,
                consumed: bits.consumed_bytes(),
            }
        })
    }

    /// T.81 G.1.2.2: the first bits of a band, with runs of blocks that have none.
    fn ac_first_scan<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        let table = self.band_table::<F>(frame, header, SymbolClass::ProgressiveAc, position)?;
        let (start, end, low) = (u32::from(header.start), u32::from(header.end), header.low);
        self.band_blocks(frame, header, |bits, skip, block, faults: &mut F| {
            if *skip > 0 {
                *skip -= 1;
                return Ok(());
            }
            let mut position = start;
            while position <= end {
                bits.refill();
                let symbol = table.symbol(bits);
                match symbol.advance() {
                    ADVANCE_END => {
                        *skip = end_of_band_run(bits, symbol.extra_bits()) - 1;
                        return Ok(());
                    }
                    ADVANCE_UNKNOWN.. => return tolerate_symbol(bits, symbol, faults),
                    advance => {
                        position += advance;
                        let value = value(bits, symbol, SymbolClass::ProgressiveAc, faults);
                        if position > end + 1 {
                            faults.tolerate(bits.consumed_bytes(), Malformed::RunPastBlock)?;
                            if value == 0 {
                                return Ok(());
                            }
                        }
                        let shifted = value << low;
                        // i16::MIN is excluded: a refinement scan could not let it grow.
                        let level = i16::try_from(shifted)
                            .ok()
                            .filter(|&level| level != i16::MIN);
                        *at_zigzag(block, position - 1) = if let Some(level) = level {
                            level
                        } else {
                            let kind = Malformed::CoefficientRange { value: shifted };
                            wrapped_level(bits, shifted, kind, faults)?
                        };
                    }
                }
            }
            Ok(())
        })
    }

    /// T.81 G.1.2.3: one more bit of the coefficients that are nonzero, and new ones of magnitude 1.
    fn ac_refinement_scan<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        let table = self.band_table::<F>(frame, header, SymbolClass::RefinementAc, position)?;
        let (start, end) = (u32::from(header.start), u32::from(header.end));
        let bit = 1_i16 << header.low;
        self.band_blocks(frame, header, |bits, skip, block, faults: &mut F| {
            let mut position = start;
            while *skip == 0 && position <= end {
                bits.refill();
                let symbol = table.symbol(bits);
                let zeros = match symbol.advance() {
                    ADVANCE_END => {
                        *skip = end_of_band_run(bits, symbol.extra_bits());
                        break;
                    }
                    ADVANCE_ILLEGAL => return Err(Malformed::RefinementSize),
                    ADVANCE_UNKNOWN.. => {
                        tolerate_symbol(bits, symbol, faults)?;
                        // What libjpeg goes on with: the end of this band alone.
                        *skip = 1;
                        break;
                    }
                    advance if advance > ADVANCE_WRONG_SIZE => {
                        faults.tolerate(bits.consumed_bytes(), Malformed::RefinementSize)?;
                        advance - ADVANCE_WRONG_SIZE - 1
                    }
                    advance => advance - 1,
                };
                // The bit of a new coefficient's sign stands before the refinement bits it passes.
                let new = value(bits, symbol, SymbolClass::RefinementAc, faults);
                position = refine(bits, block, position..end + 1, Some(zeros), bit);
                if position > end {
                    faults.tolerate(bits.consumed_bytes(), Malformed::RunPastBlock)?;
                }
                if new != 0 {
                    *at_zigzag(block, position) = if new > 0 { bit } else { -bit };
                }
                position += 1;
            }
            if *skip > 0 {
                refine(bits, block, position..end + 1, None, bit);
                *skip -= 1;
            }
            Ok(())
        })
    }

    fn band_table<F: Faults>(
        &self,
        frame: &Frame,
        header: &ScanHeader,
        class: SymbolClass,
        position: usize,
    ) -> Result<DecodeTable> {
        let destination = header.components[0].ac_destination;
        self.decode_table::<F>(frame, class, destination, position)
    }

    /// Visits the blocks of an AC scan, which has one component. `visit` is also given the number of
    /// blocks that the current end-of-band run still skips.
    fn band_blocks<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        visit: impl Fn(&mut BitReader<'_>, &mut u32, &mut Block, &mut F) -> Result<(), Malformed>,
    ) -> Result<()> {
        let grid = Grid::new(frame, header);
        let component = &mut frame.components[grid.components[0].index];
        self.intervals(&grid, |data, mcus, faults: &mut F| {
            // In a scan of one component an MCU is a block, and the blocks follow one another.
            #[expect(clippy::cast_possible_truncation, reason = "the blocks are in memory")]
            let blocks = &mut component.blocks_mut()[mcus.start as usize..mcus.end as usize];
            let mut bits = data.bits();
            let mut skip = 0;
            let result = (|| {
                for (mcu, block) in mcus.zip(blocks) {
                    if faults.stops_before(mcu, bits.consumed_bytes()) {
                        return Ok(());
                    }
                    visit(&mut bits, &mut skip, block, faults)?;
                }
                if skip > 0 {
                    faults.tolerate(bits.consumed_bytes(), Malformed::EndOfBandRun)?;
                }
                Ok(())
            })();
            IntervalEnd {
                result,
                consumed: bits.consumed_bytes(),
            }
        })
    }
}

/// Length of an end-of-band run whose symbol announced `size` more bits (T.81 G.1.2.2).
fn end_of_band_run(bits: &mut BitReader<'_>, size: u32) -> u32 {
    if size == 0 {
        return 1;
    }
    let extra = bits.peek(size);
    bits.consume(size);
    (1 << size) + extra
}

/// Reads a correction bit for each nonzero coefficient in `range`, passing `zeros` zero ones.
///
/// Returns the zig-zag index of the zero coefficient after those, or the end of the range.
fn refine(
    bits: &mut BitReader<'_>,
    block: &mut Block,
    range: Range<u32>,
    zeros: Option<u32>,
    bit: i16,
) -> u32 {
    let mut left = zeros;
    for position in range.clone() {
        let coefficient = at_zigzag(block, position);
        if *coefficient == 0 {
            match left {
                Some(0) => return position,
                Some(count) => left = Some(count - 1),
                None => {}
            }
        } else if bits.bit() && *coefficient & bit == 0 {
            // In sound data a multiple of twice the bit, and not i16::MIN: it does not overflow, and
            // the bit is never set.
            let grown = if *coefficient > 0 { bit } else { -bit };
            *coefficient = coefficient.wrapping_add(grown);
        }
    }
    range.end
}

/// The coefficient at a zig-zag index; the last one for indices past it, as in libjpeg.
#[inline(always)]
fn at_zigzag(block: &mut Block, position: u32) -> &mut i16 {
    let natural = NATURAL_FROM_ZIGZAG[position.min(63) as usize & 63];
    &mut block[usize::from(natural) & 63]
}
