//! Sequential scans, Huffman-coded: one visit decodes a block whole (T.81 F.2.2).

use crate::band::{Block, NATURAL_FROM_ZIGZAG};
use crate::error::{Malformed, Result};

use super::super::bits::BitReader;
use super::super::header::ScanHeader;
use super::super::huffman::{DecodeTable, Symbol, SymbolClass};
use super::Decoder;
use super::frame::Frame;
use super::scan::{Faults, Grid};
use super::walk::{BlockReader, walk};

impl Decoder<'_> {
    pub(super) fn sequential_scan<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        let grid = Grid::new(frame, header);
        let mut tables = Vec::with_capacity(header.components.len());
        for scanned in &header.components {
            let table =
                |class, destination| self.decode_table::<F>(frame, class, destination, position);
            tables.push(Tables {
                dc: table(SymbolClass::Dc, scanned.dc_destination)?,
                ac: table(SymbolClass::SequentialAc, scanned.ac_destination)?,
            });
        }
        self.intervals(&grid, |data, mcus, faults: &mut F| {
            let mut blocks = SequentialBlocks {
                bits: data.bits(),
                tables: &tables,
                predictions: [0; 4],
            };
            walk(&grid, &mut frame.components, mcus, &mut blocks, faults)
        })
    }
}

/// The tables of a component.
struct Tables {
    dc: DecodeTable,
    ac: DecodeTable,
}

/// The blocks of an interval.
struct SequentialBlocks<'a> {
    bits: BitReader<'a>,
    /// By component in the scan.
    tables: &'a [Tables],
    /// DC value of each component's previous block (T.81 F.1.1.5.1).
    predictions: [i32; 4],
}

impl<F: Faults> BlockReader<F> for SequentialBlocks<'_> {
    fn consumed_bytes(&self) -> usize {
        self.bits.consumed_bytes()
    }

    #[inline(always)]
    fn read(&mut self, slot: usize, block: &mut Block, faults: &mut F) -> Result<(), Malformed> {
        let prediction = &mut self.predictions[slot];
        read_block(
            &mut self.bits,
            &self.tables[slot],
            prediction,
            block,
            faults,
        )
    }
}

/// Decodes one block into zeros (T.81 F.2.2).
#[inline(never)]
fn read_block<F: Faults>(
    reader: &mut BitReader<'_>,
    tables: &Tables,
    prediction: &mut i32,
    block: &mut Block,
    faults: &mut F,
) -> Result<(), Malformed> {
    let mut bits = reader.clone();
    let result = read_dc(&mut bits, &tables.dc, prediction, block, faults)
        .and_then(|()| read_ac(&mut bits, &tables.ac, block, faults));
    *reader = bits;
    result
}

#[inline(always)]
fn read_dc<F: Faults>(
    bits: &mut BitReader<'_>,
    table: &DecodeTable,
    prediction: &mut i32,
    block: &mut Block,
    faults: &mut F,
) -> Result<(), Malformed> {
    bits.refill();
    let difference = dc_difference(bits, table, faults)?;
    // No overflow in sound data, where the prediction is checked to be an i16 each time.
    let value = prediction.wrapping_add(difference);
    *prediction = value;
    let wraps = || Malformed::DcRange { value };
    block[0] = level(bits, value, wraps, faults)?;
    Ok(())
}

/// Behind [`read_dc`], with what its refill left.
#[inline(always)]
fn read_ac<F: Faults>(
    bits: &mut BitReader<'_>,
    table: &DecodeTable,
    block: &mut Block,
    faults: &mut F,
) -> Result<(), Malformed> {
    let mut position = 0_u32;
    let mut last = next_coefficient(bits, table, &mut position, faults);
    while position < 63 {
        block[natural(position)] = last.level();
        bits.refill();
        last = next_coefficient(bits, table, &mut position, faults);
        if position < 63 {
            block[natural(position)] = last.level();
            last = next_coefficient(bits, table, &mut position, faults);
        }
    }
    if position == 63 {
        block[63] = last.level();
        return Ok(());
    }
    match last.symbol.advance() {
        Symbol::END => Ok(()),
        Symbol::END_IN_EFFECT => faults.tolerate(bits.consumed_bytes(), Malformed::IllegalSymbol),
        _ => {
            tolerate_symbol(bits, last.symbol, faults)?;
            // As in libjpeg, a value past the end is the last one.
            if last.value != 0 {
                block[63] = last.level();
            }
            Ok(())
        }
    }
}

/// Decodes one AC symbol and moves on to its coefficient.
#[inline(always)]
fn next_coefficient<F: Faults>(
    bits: &mut BitReader<'_>,
    table: &DecodeTable,
    position: &mut u32,
    faults: &mut F,
) -> Coefficient {
    let symbol = table.symbol(bits);
    let value = consume_value(bits, symbol, SymbolClass::SequentialAc, faults);
    *position += u32::from(symbol.advance());
    Coefficient { symbol, value }
}

/// A symbol and its value: sixteen zeros have a zero, which is stored where one is.
#[derive(Clone, Copy)]
struct Coefficient {
    symbol: Symbol,
    value: i32,
}

impl Coefficient {
    #[inline(always)]
    const fn level(self) -> i16 {
        low_half(self.value)
    }
}

/// The natural index of a zig-zag index below 64.
#[inline(always)]
fn natural(position: u32) -> usize {
    usize::from(NATURAL_FROM_ZIGZAG[position as usize & 63]) & 63
}

/// The difference to the prediction; 0 for symbols that cannot be and are tolerated.
#[inline(always)]
pub(super) fn dc_difference<F: Faults>(
    bits: &mut BitReader<'_>,
    table: &DecodeTable,
    faults: &mut F,
) -> Result<i32, Malformed> {
    let symbol = table.symbol(bits);
    let difference = consume_value(bits, symbol, SymbolClass::Dc, faults);
    if symbol.is_breach() {
        tolerate_symbol(bits, symbol, faults)?;
        return Ok(0);
    }
    Ok(difference)
}

/// Consumes a symbol that stands at the reader's position, and its value.
#[inline(always)]
pub(super) fn consume_value<F: Faults>(
    bits: &mut BitReader<'_>,
    symbol: Symbol,
    class: SymbolClass,
    faults: &mut F,
) -> i32 {
    let value = symbol.value(bits);
    if symbol.size() > 10 {
        let mut behind_code = bits.clone();
        behind_code.consume(symbol.code_bits());
        faults.check_size(behind_code.consumed_bytes(), symbol.size(), class);
    }
    bits.consume(symbol.bits());
    value
}

/// What stands behind a symbol that cannot be, where that is tolerated: like libjpeg, bits that are no
/// code are passed over as far as the longest code would reach.
#[inline(always)]
pub(super) fn tolerate_symbol<F: Faults>(
    bits: &mut BitReader<'_>,
    symbol: Symbol,
    faults: &mut F,
) -> Result<(), Malformed> {
    let kind = match symbol.advance() {
        Symbol::UNKNOWN => Malformed::UnknownCode,
        Symbol::ILLEGAL => Malformed::IllegalSymbol,
        _ => Malformed::RunPastBlock,
    };
    faults.tolerate(bits.consumed_bytes(), kind)?;
    if symbol.advance() == Symbol::UNKNOWN {
        bits.refill();
        bits.consume(17);
        bits.refill();
    }
    Ok(())
}

/// A value as a level. One that leaves 16 bits wraps where that is tolerated, as in libjpeg.
#[inline(always)]
pub(super) fn level<F: Faults>(
    bits: &BitReader<'_>,
    value: i32,
    breach: impl Fn() -> Malformed,
    faults: &mut F,
) -> Result<i16, Malformed> {
    if i16::try_from(value).is_err() {
        faults.tolerate(bits.consumed_bytes(), breach())?;
    }
    Ok(low_half(value))
}

/// The low 16 bits of a value: all of it, in sound data.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "that is meant")]
pub(super) const fn low_half(value: i32) -> i16 {
    value as i16
}
