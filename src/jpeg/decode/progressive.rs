//! Progressive scans: spectral selection and successive approximation (T.81 G.2).

use std::ops::Range;

use crate::band::{Block, NATURAL_FROM_ZIGZAG};
use crate::error::{Malformed, Result};

use super::super::bits::BitReader;
use super::super::header::ScanHeader;
use super::super::huffman::{
    ADVANCE_END, ADVANCE_UNKNOWN, DecodeTable, SymbolClass, receive_extend,
};
use super::scan::{bad_symbol, mcus};
use super::{Decoder, Frame};

impl Decoder<'_> {
    pub(super) fn progressive_scan(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        for scanned in &header.components {
            let component = &mut frame.components[scanned.index];
            let count = component.block_count();
            component.storage().resize(count, [0; 64]);
        }
        match (header.start, header.high) {
            (0, 0) => self.dc_first_scan(frame, header, position),
            (0, _) => self.dc_refinement_scan(frame, header),
            (_, 0) => self.ac_first_scan(frame, header, position),
            (_, _) => self.ac_refinement_scan(frame, header, position),
        }
    }

    /// T.81 G.1.2.1: DC differences as in sequential scans, without the lowest bits.
    fn dc_first_scan(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        let tables: Vec<DecodeTable> = header
            .components
            .iter()
            .map(|scanned| self.dc_table(scanned.dc_destination, position))
            .collect::<Result<_>>()?;
        let mut predictions = [0_i32; 4];
        self.dc_blocks(
            frame,
            header,
            |predictions| *predictions = [0; 4],
            |bits, component, predictions: &mut [i32; 4], block| {
                bits.refill();
                let symbol = tables[component].symbol(bits);
                if symbol.advance() >= ADVANCE_UNKNOWN {
                    return Err(bad_symbol(symbol));
                }
                let difference = match symbol.extra_bits() {
                    0 => symbol.value(),
                    size => receive_extend(bits, size),
                };
                // The prediction is an i16 shifted right by `low`, and `low` is at most 13.
                let value = predictions[component] + difference;
                let shifted = value << header.low;
                let stored =
                    i16::try_from(shifted).map_err(|_| Malformed::DcRange { value: shifted })?;
                predictions[component] = value;
                if let Some(block) = block {
                    block[0] = stored;
                }
                Ok(())
            },
            &mut predictions,
        )
    }

    /// T.81 G.1.2.1: one more bit of each DC coefficient.
    fn dc_refinement_scan(&mut self, frame: &mut Frame, header: &ScanHeader) -> Result<()> {
        let bit = 1_i16 << header.low;
        self.dc_blocks(
            frame,
            header,
            |()| {},
            |bits, _, (), block| {
                let set = bits.bit();
                if let (true, Some(block)) = (set, block) {
                    block[0] |= bit;
                }
                Ok(())
            },
            &mut (),
        )
    }

    /// Visits the blocks of a DC scan, which may be interleaved; padding blocks are given as `None`.
    fn dc_blocks<State>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        reset: impl Fn(&mut State),
        visit: impl Fn(
            &mut BitReader<'_>,
            usize,
            &mut State,
            Option<&mut Block>,
        ) -> Result<(), Malformed>,
        state: &mut State,
    ) -> Result<()> {
        let (mcus_wide, mcus_high) = mcus(frame, header);
        let interleaved = header.components.len() > 1;
        self.intervals(
            u64::from(mcus_wide) * u64::from(mcus_high),
            |bits, range| {
                reset(state);
                for (row, column) in positions(&range, mcus_wide) {
                    for (slot, scanned) in header.components.iter().enumerate() {
                        let component = &mut frame.components[scanned.index];
                        let (horizontal, vertical) =
                            component.sampling().blocks_in_mcu(interleaved);
                        for y in row * vertical..(row + 1) * vertical {
                            for x in column * horizontal..(column + 1) * horizontal {
                                visit(bits, slot, state, component.block_mut(x, y))?;
                            }
                        }
                    }
                }
                Ok(())
            },
        )
    }

    /// T.81 G.1.2.2: the first bits of a band, with runs of blocks that have none.
    fn ac_first_scan(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        let table = self.band_table(header, position)?;
        let (start, end, low) = (u32::from(header.start), u32::from(header.end), header.low);
        self.band_blocks(frame, header, |bits, skip, block| {
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
                    ADVANCE_UNKNOWN.. => return Err(bad_symbol(symbol)),
                    advance => {
                        position += advance;
                        let value = match symbol.extra_bits() {
                            0 => symbol.value(),
                            size => receive_extend(bits, size),
                        };
                        if position > end + 1 {
                            return Err(Malformed::RunPastBlock);
                        }
                        let shifted = value << low;
                        // i16::MIN is excluded: a refinement scan could not let it grow.
                        *at_zigzag(block, position - 1) = i16::try_from(shifted)
                            .ok()
                            .filter(|&coefficient| coefficient != i16::MIN)
                            .ok_or(Malformed::CoefficientRange { value: shifted })?;
                    }
                }
            }
            Ok(())
        })
    }

    /// T.81 G.1.2.3: one more bit of the coefficients that are nonzero, and new ones of magnitude 1.
    fn ac_refinement_scan(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        let table = self.band_table(header, position)?;
        let (start, end) = (u32::from(header.start), u32::from(header.end));
        let bit = 1_i16 << header.low;
        self.band_blocks(frame, header, |bits, skip, block| {
            let mut position = start;
            while *skip == 0 && position <= end {
                bits.refill();
                let symbol = table.symbol(bits);
                let zeros = match symbol.advance() {
                    ADVANCE_END => {
                        *skip = end_of_band_run(bits, symbol.extra_bits());
                        break;
                    }
                    ADVANCE_UNKNOWN.. => return Err(bad_symbol(symbol)),
                    advance => advance - 1,
                };
                // The bits of a new coefficient's sign stand before the refinement bits it passes.
                let new = match symbol.extra_bits() {
                    0 => symbol.value(),
                    size => receive_extend(bits, size),
                };
                if !(-1..=1).contains(&new) {
                    return Err(Malformed::RefinementSize);
                }
                position = refine(bits, block, position..end + 1, Some(zeros), bit);
                if position > end {
                    return Err(Malformed::RunPastBlock);
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

    fn band_table(&self, header: &ScanHeader, position: usize) -> Result<DecodeTable> {
        self.ac_table(
            header.components[0].ac_destination,
            SymbolClass::ProgressiveAc,
            position,
        )
    }

    /// Visits the blocks of an AC scan, which has one component. `visit` is also given the number of
    /// blocks that the current end-of-band run still skips.
    fn band_blocks(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        visit: impl Fn(&mut BitReader<'_>, &mut u32, &mut Block) -> Result<(), Malformed>,
    ) -> Result<()> {
        let (mcus_wide, mcus_high) = mcus(frame, header);
        let component = &mut frame.components[header.components[0].index];
        self.intervals(
            u64::from(mcus_wide) * u64::from(mcus_high),
            |bits, range| {
                // In a scan of one component an MCU is a block, and the blocks follow one another.
                #[expect(clippy::cast_possible_truncation, reason = "the blocks are in memory")]
                let blocks = &mut component.blocks_mut()[range.start as usize..range.end as usize];
                let mut skip = 0;
                for block in blocks {
                    visit(bits, &mut skip, block)?;
                }
                if skip > 0 {
                    return Err(Malformed::EndOfBandRun.into());
                }
                Ok(())
            },
        )
    }
}

/// (row, column) of the MCUs in a range.
fn positions(range: &Range<u64>, mcus_wide: u32) -> impl Iterator<Item = (u32, u32)> + use<> {
    let wide = u64::from(mcus_wide);
    // An image has at most 65535 / 8 MCUs in each direction.
    #[expect(clippy::cast_possible_truncation, reason = "shown above")]
    range
        .clone()
        .map(move |mcu| ((mcu / wide) as u32, (mcu % wide) as u32))
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
        } else if bits.bit() {
            // A multiple of twice the bit, and not i16::MIN: growing by the bit cannot overflow.
            *coefficient += if *coefficient > 0 { bit } else { -bit };
        }
    }
    range.end
}

#[inline(always)]
fn at_zigzag(block: &mut Block, position: u32) -> &mut i16 {
    &mut block[usize::from(NATURAL_FROM_ZIGZAG[position as usize & 63]) & 63]
}
