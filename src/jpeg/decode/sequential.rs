//! Sequential scans: one visit decodes a block whole (T.81 F.2).

use crate::band::{Block, NATURAL_FROM_ZIGZAG};
use crate::error::{Malformed, Result};

use super::super::bits::BitReader;
use super::super::header::ScanHeader;
use super::super::huffman::{
    ADVANCE_END, ADVANCE_UNKNOWN, DecodeTable, SymbolClass, receive_extend,
};
use super::scan::{Fault, bad_symbol, mcus};
use super::{Decoder, Frame};

/// A component during its scan.
struct Plane<'a> {
    blocks: &'a mut Vec<Block>,
    blocks_wide: usize,
    blocks_high: usize,
    /// Blocks of the component in an MCU.
    horizontal: usize,
    vertical: usize,
    dc: DecodeTable,
    ac: DecodeTable,
    /// DC value of the previous block (T.81 F.1.1.5.1).
    prediction: i32,
}

impl Decoder<'_> {
    pub(super) fn sequential_scan(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        let (mcus_wide, mcus_high) = mcus(frame, header);
        let mut planes = self.planes(frame, header, position)?;
        let mcus_wide = u64::from(mcus_wide);
        self.intervals(mcus_wide * u64::from(mcus_high), |bits, range| {
            for plane in &mut planes {
                plane.prediction = 0;
            }
            let mut first = range.start;
            while first < range.end {
                let row = first / mcus_wide;
                let last = range.end.min((row + 1) * mcus_wide);
                // Both fit: an image has at most 65535 / 8 MCUs in each direction.
                #[expect(clippy::cast_possible_truncation, reason = "shown above")]
                decode_row(
                    bits,
                    &mut planes,
                    row as usize,
                    (first - row * mcus_wide) as usize..(last - row * mcus_wide) as usize,
                )?;
                first = last;
            }
            Ok(())
        })
    }

    fn planes<'f>(
        &self,
        frame: &'f mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<Vec<Plane<'f>>> {
        let interleaved = header.components.len() > 1;
        let mut scanned = header.components.iter().peekable();
        let mut planes = Vec::with_capacity(header.components.len());
        // Scan components stand in frame order, so one walk over the frame meets them all.
        for (index, component) in frame.components.iter_mut().enumerate() {
            let Some(entry) = scanned.next_if(|entry| entry.index == index) else {
                continue;
            };
            let (horizontal, vertical) = component.sampling().blocks_in_mcu(interleaved);
            planes.push(Plane {
                blocks_wide: component.blocks_wide() as usize,
                blocks_high: component.blocks_high() as usize,
                blocks: component.storage(),
                horizontal: horizontal as usize,
                vertical: vertical as usize,
                dc: self.dc_table(entry.dc_destination, position)?,
                ac: self.ac_table(entry.ac_destination, SymbolClass::SequentialAc, position)?,
                prediction: 0,
            });
        }
        Ok(planes)
    }
}

/// Decodes the MCUs `columns` of one row.
fn decode_row(
    bits: &mut BitReader<'_>,
    planes: &mut [Plane<'_>],
    row: usize,
    columns: std::ops::Range<usize>,
) -> Result<(), Fault> {
    for plane in &mut *planes {
        // Storage grows row by row: zeroing the blocks just before they are filled keeps them in cache.
        let rows = plane.blocks_high.min((row + 1) * plane.vertical);
        plane.blocks.resize(rows * plane.blocks_wide, [0; 64]);
    }
    for column in columns {
        for plane in &mut *planes {
            for y in row * plane.vertical..(row + 1) * plane.vertical {
                for x in column * plane.horizontal..(column + 1) * plane.horizontal {
                    if x < plane.blocks_wide && y < plane.blocks_high {
                        let block = &mut plane.blocks[y * plane.blocks_wide + x];
                        decode_block(bits, &plane.dc, &plane.ac, &mut plane.prediction, block)?;
                    } else {
                        decode_block(
                            bits,
                            &plane.dc,
                            &plane.ac,
                            &mut plane.prediction,
                            &mut [0; 64],
                        )?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Decodes one block into zeros (T.81 F.2.2).
#[inline(always)]
fn decode_block(
    bits: &mut BitReader<'_>,
    dc: &DecodeTable,
    ac: &DecodeTable,
    prediction: &mut i32,
    block: &mut Block,
) -> Result<(), Malformed> {
    // A refill holds 56 bits: a DC symbol takes at most 16 + 11, an AC symbol 16 + 10.
    bits.refill();
    let symbol = dc.symbol(bits);
    if symbol.advance() >= ADVANCE_UNKNOWN {
        return Err(bad_symbol(symbol));
    }
    let size = symbol.extra_bits();
    let difference = if size == 0 {
        symbol.value()
    } else {
        receive_extend(bits, size)
    };
    // Both terms are small: the prediction is checked to be an i16 each time.
    let value = *prediction + difference;
    block[0] = i16::try_from(value).map_err(|_| Malformed::DcRange { value })?;
    *prediction = value;
    let mut position = 0_u32;
    if ac_symbol(bits, ac, &mut position, block)? {
        return Ok(());
    }
    loop {
        bits.refill();
        if ac_symbol(bits, ac, &mut position, block)? || ac_symbol(bits, ac, &mut position, block)?
        {
            return Ok(());
        }
    }
}

/// Decodes one AC symbol; true at the end of the block.
#[inline(always)]
fn ac_symbol(
    bits: &mut BitReader<'_>,
    ac: &DecodeTable,
    position: &mut u32,
    block: &mut Block,
) -> Result<bool, Malformed> {
    let symbol = ac.symbol(bits);
    *position += symbol.advance();
    let size = symbol.extra_bits();
    let value = if size == 0 {
        symbol.value()
    } else {
        receive_extend(bits, size)
    };
    if *position > 63 {
        return if symbol.advance() == ADVANCE_END {
            Ok(true)
        } else {
            Err(bad_symbol(symbol))
        };
    }
    // Sixteen zeros store a zero where a zero is. Values have at most 10 bits.
    #[expect(clippy::cast_possible_truncation, reason = "shown above")]
    {
        block[usize::from(NATURAL_FROM_ZIGZAG[*position as usize & 63]) & 63] = value as i16;
    }
    Ok(*position == 63)
}
