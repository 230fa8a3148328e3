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
use super::frame::{Frame, Nonzero};
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
        self.band_blocks(
            frame,
            header,
            |bits, skip, block, nonzero, faults: &mut F| {
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
                            let level = if let Some(level) = level {
                                level
                            } else {
                                let kind = Malformed::CoefficientRange { value: shifted };
                                wrapped_level(bits, shifted, kind, faults)?
                            };
                            *at_zigzag(block, position - 1) = level;
                            nonzero.set(position - 1, level != 0);
                        }
                    }
                }
                Ok(())
            },
        )
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
        self.band_blocks(
            frame,
            header,
            |bits, skip, block, nonzero, faults: &mut F| {
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
                    position = refine(bits, block, *nonzero, position..end + 1, zeros, bit);
                    if position > end {
                        faults.tolerate(bits.consumed_bytes(), Malformed::RunPastBlock)?;
                    }
                    if new != 0 {
                        *at_zigzag(block, position) = if new > 0 { bit } else { -bit };
                        nonzero.set(position, true);
                    }
                    position += 1;
                }
                if *skip > 0 {
                    refine(bits, block, *nonzero, position..end + 1, u32::MAX, bit);
                    *skip -= 1;
                }
                Ok(())
            },
        )
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
    /// blocks that the current end-of-band run still skips, and which coefficients are nonzero.
    fn band_blocks<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        visit: impl Fn(
            &mut BitReader<'_>,
            &mut u32,
            &mut Block,
            &mut Nonzero,
            &mut F,
        ) -> Result<(), Malformed>,
    ) -> Result<()> {
        let grid = Grid::new(frame, header);
        let index = grid.components[0].index;
        let (component, nonzero) = (&mut frame.components[index], &mut frame.nonzero[index]);
        self.intervals(&grid, |data, mcus, faults: &mut F| {
            // In a scan of one component an MCU is a block, and the blocks follow one another.
            #[expect(clippy::cast_possible_truncation, reason = "the blocks are in memory")]
            let range = mcus.start as usize..mcus.end as usize;
            let blocks = component.blocks_mut()[range.clone()].iter_mut();
            let blocks = blocks.zip(&mut nonzero[range]);
            let mut bits = data.bits();
            let mut skip = 0;
            let result = (|| {
                for (mcu, (block, nonzero)) in mcus.zip(blocks) {
                    if faults.stops_before(mcu, bits.consumed_bytes()) {
                        return Ok(());
                    }
                    visit(&mut bits, &mut skip, block, nonzero, faults)?;
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

/// Reads a correction bit for each coefficient in `range` that is `nonzero`, passing `zeros` others.
///
/// Returns the zig-zag index of the zero coefficient after those, or the end of the range. A block with
/// nothing to refine is not touched: a few bytes may ask for that in millions of blocks.
#[inline(always)]
fn refine(
    bits: &mut BitReader<'_>,
    block: &mut Block,
    nonzero: Nonzero,
    range: Range<u32>,
    zeros: u32,
    bit: i16,
) -> u32 {
    let (mut position, mut left) = (range.start, zeros);
    for next in nonzero.within(range.clone()) {
        let zeros = next - position;
        if left < zeros {
            return position + left;
        }
        left -= zeros;
        position = next + 1;
        let coefficient = at_zigzag(block, next);
        if bits.bit() && *coefficient & bit == 0 {
            // In sound data a multiple of twice the bit, and not i16::MIN: it does not overflow, and
            // the bit is never set. Otherwise it may wrap, but not to zero: the bit is at most 2^13.
            let grown = if *coefficient > 0 { bit } else { -bit };
            *coefficient = coefficient.wrapping_add(grown);
        }
    }
    range.end.min(position.saturating_add(left))
}

/// The coefficient at a zig-zag index; the last one for indices past it, as in libjpeg.
#[inline(always)]
fn at_zigzag(block: &mut Block, position: u32) -> &mut i16 {
    let natural = NATURAL_FROM_ZIGZAG[position.min(63) as usize & 63];
    &mut block[usize::from(natural) & 63]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::bits::{BitWriter, EntropyData};
    use super::*;

    /// T.81 figure G.7, one coefficient after the other.
    fn refine_by_walking(
        bits: &mut BitReader<'_>,
        block: &mut Block,
        range: Range<u32>,
        mut zeros: u32,
        bit: i16,
    ) -> u32 {
        for position in range.clone() {
            let coefficient = at_zigzag(block, position);
            if *coefficient != 0 {
                if bits.bit() && *coefficient & bit == 0 {
                    *coefficient += coefficient.signum() * bit;
                }
            } else if zeros == 0 {
                return position;
            } else {
                zeros -= 1;
            }
        }
        range.end
    }

    proptest! {
        #[test]
        fn refining_by_what_is_nonzero_is_refining_by_walking(
            levels in prop::collection::vec(prop_oneof![4 => Just(0_i16), 1 => -500_i16..500], 64),
            (start, end) in (1_u32..=66, 1_u32..=64),
            zeros in prop_oneof![0_u32..70, Just(u32::MAX)],
            corrections in any::<[u32; 2]>(),
        ) {
            let (mut block, mut nonzero) = ([0; 64], Nonzero::default());
            for (position, level) in (0..).zip(levels) {
                // Levels whose two lowest bits are yet to come.
                *at_zigzag(&mut block, position) = 4 * level;
                nonzero.set(position, level != 0);
            }
            let mut writer = BitWriter::default();
            for word in corrections {
                writer.put(word, 32);
            }
            let mut data = EntropyData::default();
            data.load(&writer.finish(), 0, |code| code != 0).unwrap();

            let (mut walked, mut walking, mut bits) = (block, data.bits(), data.bits());
            let expected = refine_by_walking(&mut walking, &mut walked, start..end, zeros, 2);
            let found = refine(&mut bits, &mut block, nonzero, start..end, zeros, 2);
            if start < end {
                prop_assert_eq!(found, expected);
            }
            prop_assert_eq!(block, walked);
            prop_assert_eq!(bits.consumed_bytes(), walking.consumed_bytes());
            prop_assert_eq!(bits.bit(), walking.bit());
        }
    }
}
