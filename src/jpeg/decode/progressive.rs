//! Progressive scans, Huffman-coded: spectral selection and successive approximation (T.81 G.2).

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::band::{Block, NATURAL_FROM_ZIGZAG};
use crate::error::{Malformed, Result};

use super::super::bits::BitReader;
use super::super::header::ScanHeader;
use super::super::huffman::{DecodeTable, SymbolClass, advance};
use super::Decoder;
use super::frame::{Frame, Nonzero};
use super::scan::{Faults, Grid, IntervalEnd};
use super::sequential::{dc_difference, level, low_half, read_symbol, tolerate_symbol};
use super::walk::{BlockReader, WholeImage, walk};

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

    fn dc_first_scan<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        let tables: SmallVec<[Arc<DecodeTable>; 4]> = header
            .components
            .iter()
            .map(|scanned| {
                let destination = scanned.dc_destination;
                self.decode_table::<F>(frame, SymbolClass::Dc, destination, position)
            })
            .collect::<Result<_>>()?;
        let grid = Grid::new(frame, header);
        self.intervals(&grid, usize::MAX, |data, mcus, faults: &mut F| {
            let mut blocks = DcFirst {
                bits: data.bits(),
                tables: &tables,
                predictions: [0; 4],
                low: header.low,
            };
            walk(
                &grid,
                &mut WholeImage(&mut frame.components),
                mcus,
                &mut blocks,
                faults,
            )
        })
    }

    fn dc_refinement_scan<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
    ) -> Result<()> {
        let grid = Grid::new(frame, header);
        self.intervals(&grid, usize::MAX, |data, mcus, faults: &mut F| {
            let mut blocks = DcRefinement {
                bits: data.bits(),
                bit: 1 << header.low,
            };
            walk(
                &grid,
                &mut WholeImage(&mut frame.components),
                mcus,
                &mut blocks,
                faults,
            )
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
            InRun::Untouched,
            |bits, run, block, nonzero, faults: &mut F| {
                let mut position = start;
                while position <= end {
                    bits.refill();
                    let (leads, value) = read_symbol(bits, &table, faults);
                    match leads {
                        advance::END => {
                            *run = blocks_of_run(value) - 1;
                            return Ok(());
                        }
                        advance::ILLEGAL.. => return tolerate_symbol(bits, leads, faults),
                        _ => position += u32::from(leads),
                    }
                    if position > end + 1 {
                        faults.tolerate(bits.consumed_bytes(), Malformed::RunPastBlock)?;
                        if value == 0 {
                            return Ok(());
                        }
                    }
                    let shifted = i32::from(value) << low;
                    // i16::MIN is excluded: a refinement scan could not let it grow.
                    if i16::try_from(shifted).is_err() || shifted == i16::MIN.into() {
                        let kind = Malformed::CoefficientRange { value: shifted };
                        faults.tolerate(bits.consumed_bytes(), kind)?;
                    }
                    let level = low_half(shifted);
                    *at_zigzag(block, position - 1) = level;
                    nonzero.set(position - 1, level != 0);
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
            InRun::Visited,
            |bits, run, block, nonzero, faults: &mut F| {
                let mut position = start;
                while *run == 0 && position <= end {
                    bits.refill();
                    let (leads, value) = read_symbol(bits, &table, faults);
                    match leads {
                        advance::END => {
                            *run = blocks_of_run(value);
                            break;
                        }
                        advance::ILLEGAL => return Err(Malformed::RefinementSize),
                        advance::UNKNOWN => {
                            tolerate_symbol(bits, leads, faults)?;
                            // What libjpeg goes on with: the end of this band alone.
                            *run = 1;
                            break;
                        }
                        advance::OF_WRONG_SIZE.. => {
                            faults.tolerate(bits.consumed_bytes(), Malformed::RefinementSize)?;
                        }
                        _ => {}
                    }
                    // The bit of a new coefficient's sign stands before the refinement bits it passes.
                    let zeros = u32::from(leads.wrapping_sub(1) % advance::OF_WRONG_SIZE);
                    position = refine(bits, block, *nonzero, position..end + 1, zeros, bit);
                    if position > end {
                        faults.tolerate(bits.consumed_bytes(), Malformed::RunPastBlock)?;
                    }
                    if value != 0 {
                        *at_zigzag(block, position) = if value > 0 { bit } else { -bit };
                        nonzero.set(position, true);
                    }
                    position += 1;
                }
                if *run > 0 {
                    refine(bits, block, *nonzero, position..end + 1, u32::MAX, bit);
                    *run -= 1;
                }
                Ok(())
            },
        )
    }

    fn band_table<F: Faults>(
        &mut self,
        frame: &Frame,
        header: &ScanHeader,
        class: SymbolClass,
        position: usize,
    ) -> Result<Arc<DecodeTable>> {
        let destination = header.components[0].ac_destination;
        self.decode_table::<F>(frame, class, destination, position)
    }

    /// Visits the blocks of an AC scan, which has one component. `visit` is also given the number of
    /// blocks that the current end-of-band run still holds, and which coefficients are nonzero.
    fn band_blocks<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        in_run: InRun,
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
        self.intervals(&grid, usize::MAX, |data, mcus, faults: &mut F| {
            // In a scan of one component an MCU is a block, and the blocks follow one another.
            #[expect(clippy::cast_possible_truncation, reason = "the blocks are in memory")]
            let range = mcus.start as usize..mcus.end as usize;
            let blocks = component.blocks_mut()[range.clone()].iter_mut();
            let blocks = blocks.zip(&mut nonzero[range.clone()]);
            let mut blocks = range.zip(blocks);
            let mut bits = data.bits();
            let mut run = 0;
            let result = (|| {
                while let Some((mcu, (block, nonzero))) = blocks.next() {
                    if faults.stops_before(mcu as u64, bits.consumed_bytes()) {
                        return Ok(());
                    }
                    if run == 0 || in_run == InRun::Visited {
                        visit(&mut bits, &mut run, block, nonzero, faults)?;
                        continue;
                    }
                    // This block and those behind it.
                    run -= 1;
                    let skipped = blocks.len().min(run as usize);
                    if let Some(last) = skipped.checked_sub(1) {
                        blocks.nth(last);
                    }
                    #[expect(clippy::cast_possible_truncation, reason = "at most the run")]
                    {
                        run -= skipped as u32;
                    }
                }
                if run > 0 {
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

/// Blocks of an end-of-band run, the one at hand included, by the value of its symbol.
#[inline(always)]
fn blocks_of_run(value: i16) -> u32 {
    // 1 to 2^15 - 1.
    u32::from(value.cast_unsigned())
}

/// What becomes of the blocks in an end-of-band run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InRun {
    /// Nothing: they are passed over at once.
    Untouched,
    /// They may have something to refine.
    Visited,
}

/// DC differences as in sequential scans, without the lowest bits (T.81 G.1.2.1).
struct DcFirst<'a> {
    bits: BitReader<'a>,
    /// By component in the scan.
    tables: &'a [Arc<DecodeTable>],
    predictions: [i32; 4],
    low: u8,
}

impl<F: Faults> BlockReader<F> for DcFirst<'_> {
    fn consumed_bytes(&self) -> usize {
        self.bits.consumed_bytes()
    }

    #[inline(always)]
    fn read(&mut self, slot: usize, block: &mut Block, faults: &mut F) -> Result<(), Malformed> {
        let bits = &mut self.bits;
        bits.refill();
        let difference = dc_difference(bits, &self.tables[slot], faults)?;
        // In sound data the prediction is an i16 shifted right by `low`, which is at most 13.
        let value = self.predictions[slot].wrapping_add(difference);
        self.predictions[slot] = value;
        let shifted = value << self.low;
        let wraps = || Malformed::DcRange { value: shifted };
        block[0] = level(bits, shifted, wraps, faults)?;
        Ok(())
    }
}

/// One more bit of each DC coefficient (T.81 G.1.2.1).
struct DcRefinement<'a> {
    bits: BitReader<'a>,
    bit: i16,
}

impl<F: Faults> BlockReader<F> for DcRefinement<'_> {
    fn consumed_bytes(&self) -> usize {
        self.bits.consumed_bytes()
    }

    #[inline(always)]
    fn read(&mut self, _: usize, block: &mut Block, _: &mut F) -> Result<(), Malformed> {
        if self.bits.bit() {
            block[0] |= self.bit;
        }
        Ok(())
    }
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
        // Nobody can foresee the bit: no branch depends on it.
        let (is_due, is_new) = (bits.bit(), *coefficient & bit == 0);
        let growth = if is_due && is_new { bit } else { 0 };
        // In sound data a multiple of twice the bit, and not i16::MIN: it does not overflow, and
        // the bit is never set. Otherwise it may wrap, but not to zero: the bit is at most 2^13.
        let sign = *coefficient >> 15;
        *coefficient = coefficient.wrapping_add((growth ^ sign) - sign);
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

    use super::super::super::bit_writer::BitWriter;
    use super::super::super::bits::EntropyData;
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
            let bytes = writer.finish();
            let data = EntropyData::of(&bytes);

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
