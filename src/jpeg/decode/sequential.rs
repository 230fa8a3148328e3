//! Sequential scans, Huffman-coded: one visit decodes a block whole (T.81 F.2.2).

use crate::band::{Block, NATURAL_FROM_ZIGZAG};
use crate::error::{Malformed, Result};

use super::super::bits::BitReader;
use super::super::header::ScanHeader;
use super::super::huffman::{
    ADVANCE_END, ADVANCE_UNKNOWN, DecodeTable, Symbol, SymbolClass, receive_extend,
};
use super::Decoder;
use super::frame::Frame;
use super::scan::{Faults, Grid, IntervalEnd, bad_symbol};

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
    pub(super) fn sequential_scan<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        let grid = Grid::new(frame, header);
        let mut planes = self.planes::<F>(frame, header, &grid, position)?;
        let mcus_wide = u64::from(grid.mcus_wide);
        self.intervals(&grid, |data, mcus, faults: &mut F| {
            for plane in &mut planes {
                plane.prediction = 0;
            }
            let mut bits = data.bits();
            let mut result = Ok(true);
            let mut first = mcus.start;
            while first < mcus.end && result == Ok(true) {
                let last = mcus.end.min((first / mcus_wide + 1) * mcus_wide);
                result = decode_row(&mut bits, &mut planes, mcus_wide, first..last, faults);
                first = last;
            }
            IntervalEnd {
                result: result.map(|_| ()),
                consumed: bits.consumed_bytes(),
            }
        })
    }

    fn planes<'f, F: Faults>(
        &self,
        frame: &'f mut Frame,
        header: &ScanHeader,
        grid: &Grid,
        position: usize,
    ) -> Result<Vec<Plane<'f>>> {
        let mut tables = Vec::with_capacity(header.components.len());
        for scanned in &header.components {
            let table =
                |class, destination| self.decode_table::<F>(frame, class, destination, position);
            tables.push((
                table(SymbolClass::Dc, scanned.dc_destination)?,
                table(SymbolClass::SequentialAc, scanned.ac_destination)?,
            ));
        }
        let mut scanned = grid.components.iter().zip(tables).peekable();
        let mut planes = Vec::with_capacity(header.components.len());
        // Scan components stand in frame order, so one walk over the frame meets them all.
        for (index, component) in frame.components.iter_mut().enumerate() {
            let Some((part, (dc, ac))) = scanned.next_if(|(part, _)| part.index == index) else {
                continue;
            };
            planes.push(Plane {
                blocks: component.storage(),
                blocks_wide: part.blocks.0 as usize,
                blocks_high: part.blocks.1 as usize,
                horizontal: part.in_mcu.0 as usize,
                vertical: part.in_mcu.1 as usize,
                dc,
                ac,
                prediction: 0,
            });
        }
        Ok(planes)
    }
}

/// Decodes MCUs of one row; false where the data ran out before the last.
fn decode_row<F: Faults>(
    bits: &mut BitReader<'_>,
    planes: &mut [Plane<'_>],
    mcus_wide: u64,
    mcus: std::ops::Range<u64>,
    faults: &mut F,
) -> Result<bool, Malformed> {
    // Both fit: an image has at most 65535 MCUs in each direction.
    #[expect(clippy::cast_possible_truncation, reason = "shown above")]
    let (row, first_column) = (
        (mcus.start / mcus_wide) as usize,
        (mcus.start % mcus_wide) as usize,
    );
    for plane in &mut *planes {
        // Storage grows row by row: zeroing the blocks just before they are filled keeps them in cache.
        let rows = plane.blocks_high.min((row + 1) * plane.vertical);
        if plane.blocks.len() < rows * plane.blocks_wide {
            plane.blocks.resize(rows * plane.blocks_wide, [0; 64]);
        }
    }
    for (mcu, column) in mcus.zip(first_column..) {
        if faults.stops_before(mcu, bits.consumed_bytes()) {
            return Ok(false);
        }
        for plane in &mut *planes {
            for y in row * plane.vertical..(row + 1) * plane.vertical {
                for x in column * plane.horizontal..(column + 1) * plane.horizontal {
                    let (dc, ac, prediction) = (&plane.dc, &plane.ac, &mut plane.prediction);
                    if x < plane.blocks_wide && y < plane.blocks_high {
                        let block = &mut plane.blocks[y * plane.blocks_wide + x];
                        decode_block(bits, dc, ac, prediction, block, faults)?;
                    } else {
                        decode_block(bits, dc, ac, prediction, &mut [0; 64], faults)?;
                    }
                }
            }
        }
    }
    Ok(true)
}

/// Decodes one block into zeros (T.81 F.2.2).
#[inline(always)]
fn decode_block<F: Faults>(
    bits: &mut BitReader<'_>,
    dc: &DecodeTable,
    ac: &DecodeTable,
    prediction: &mut i32,
    block: &mut Block,
    faults: &mut F,
) -> Result<(), Malformed> {
    // A refill holds 56 bits: a DC symbol takes at most 16 + 10, as does an AC symbol; longer values
    // refill for themselves.
    bits.refill();
    let symbol = dc.symbol(bits);
    let difference = if symbol.advance() >= ADVANCE_UNKNOWN {
        tolerate_symbol(bits, symbol, faults)?;
        0
    } else {
        value(bits, symbol, SymbolClass::Dc, faults)
    };
    // No overflow in sound data, where the prediction is checked to be an i16 each time.
    let value = prediction.wrapping_add(difference);
    *prediction = value;
    block[0] = match i16::try_from(value) {
        Ok(level) => level,
        Err(_) => wrapped_level(bits, value, Malformed::DcRange { value }, faults)?,
    };
    let mut position = 0_u32;
    if ac_symbol(bits, ac, &mut position, block, faults)? {
        return Ok(());
    }
    loop {
        bits.refill();
        if ac_symbol(bits, ac, &mut position, block, faults)?
            || ac_symbol(bits, ac, &mut position, block, faults)?
        {
            return Ok(());
        }
    }
}

/// Decodes one AC symbol; true at the end of the block.
#[inline(always)]
fn ac_symbol<F: Faults>(
    bits: &mut BitReader<'_>,
    ac: &DecodeTable,
    position: &mut u32,
    block: &mut Block,
    faults: &mut F,
) -> Result<bool, Malformed> {
    let symbol = ac.symbol(bits);
    *position += symbol.advance();
    let value = value(bits, symbol, SymbolClass::SequentialAc, faults);
    if *position > 63 {
        if symbol.advance() == ADVANCE_END {
            if value != 0 {
                faults.tolerate(bits.consumed_bytes(), Malformed::IllegalSymbol)?;
            }
            return Ok(true);
        }
        tolerate_symbol(bits, symbol, faults)?;
        // As in libjpeg, a value past the end is the last one.
        if symbol.advance() < ADVANCE_UNKNOWN && value != 0 {
            block[63] = low_half(value);
        }
        return Ok(true);
    }
    // Sixteen zeros store a zero where a zero is.
    block[usize::from(NATURAL_FROM_ZIGZAG[*position as usize & 63]) & 63] = low_half(value);
    Ok(*position == 63)
}

/// The value of a symbol, which its table knows or which follows.
#[inline(always)]
pub(super) fn value<F: Faults>(
    bits: &mut BitReader<'_>,
    symbol: Symbol,
    class: SymbolClass,
    faults: &mut F,
) -> i32 {
    let size = symbol.extra_bits();
    if size == 0 {
        return symbol.value();
    }
    if size > 10 {
        faults.check_size(bits.consumed_bytes(), size, class);
    }
    receive_extend(bits, size)
}

/// What stands behind a symbol that cannot be, where that is tolerated: like libjpeg, bits that are no
/// code are passed over as far as the longest code would reach.
#[cold]
pub(super) fn tolerate_symbol<F: Faults>(
    bits: &mut BitReader<'_>,
    symbol: Symbol,
    faults: &mut F,
) -> Result<(), Malformed> {
    faults.tolerate(bits.consumed_bytes(), bad_symbol(symbol))?;
    if symbol.advance() == ADVANCE_UNKNOWN {
        bits.refill();
        bits.consume(17);
        bits.refill();
    }
    Ok(())
}

/// A value that leaves 16 bits wraps where that is tolerated, as in libjpeg.
#[cold]
pub(super) fn wrapped_level<F: Faults>(
    bits: &BitReader<'_>,
    value: i32,
    kind: Malformed,
    faults: &mut F,
) -> Result<i16, Malformed> {
    faults.tolerate(bits.consumed_bytes(), kind)?;
    Ok(low_half(value))
}

/// The low 16 bits of a value: all of it, in sound data.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "that is meant")]
pub(super) const fn low_half(value: i32) -> i16 {
    value as i16
}
