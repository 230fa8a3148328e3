//! Sequential scans, Huffman-coded: one visit decodes a block whole (T.81 F.2.2).

use std::mem;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::band::{Block, NATURAL_FROM_ZIGZAG};
use crate::error::{Malformed, Result};

use super::super::bits::{BitPlace, BitReader, EntropyData};
use super::super::header::ScanHeader;
use super::super::huffman::{DecodeTable, SYMBOLS_PER_REFILL, SymbolClass, advance};
use super::Decoder;
use super::frame::Frame;
#[cfg(feature = "rayon")]
use super::scan::Refuse;
use super::scan::{Faults, Grid};
#[cfg(feature = "rayon")]
use super::speculation::McuLayout;
use super::walk::{BlockReader, BlockStore, WholeImage, walk};
#[cfg(feature = "rayon")]
use super::waves::{Pace, Truth, Waves};

impl Decoder<'_> {
    pub(super) fn sequential_scan<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        let grid = Grid::new(frame, header);
        let tables = self.sequential_tables::<F>(frame, header, position)?;
        if let Some(sink) = self.sink.take_if(|_| frame.is_handed_over) {
            let mut strips = mem::take(&mut self.scratch.strips);
            let result =
                self.sequential_blocks::<F>(&grid, &tables, &mut strips.before(&mut *sink));
            self.scratch.strips = strips;
            return result;
        }
        self.sequential_blocks::<F>(&grid, &tables, &mut WholeImage(&mut frame.components))
    }

    /// The tables of the components of a scan.
    pub(super) fn sequential_tables<F: Faults>(
        &mut self,
        frame: &Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<SmallVec<[Tables; 4]>> {
        let mut tables: SmallVec<[Tables; 4]> = SmallVec::new();
        for scanned in &header.components {
            let mut table =
                |class, destination| self.decode_table::<F>(frame, class, destination, position);
            tables.push(Tables {
                dc: table(SymbolClass::Dc, scanned.dc_destination)?,
                ac: table(SymbolClass::SequentialAc, scanned.ac_destination)?,
            });
        }
        Ok(tables)
    }

    fn sequential_blocks<F: Faults>(
        &mut self,
        grid: &Grid,
        tables: &[Tables],
        store: &mut (impl BlockStore + Send),
    ) -> Result<()> {
        #[cfg(feature = "rayon")]
        if self.report.is_none()
            && let Some(pace) = self
                .pace
                .or_else(|| Pace::of_pool(grid, self.source.remaining().len()))
        {
            return self.blocks_in_waves(grid, tables, store, pace);
        }
        self.intervals(grid, F::WINDOW, |data, mcus, faults: &mut F| {
            let mut blocks = SequentialBlocks {
                place: data.first(),
                data,
                tables,
                predictions: [0; 4],
            };
            walk(grid, store, mcus, &mut blocks, faults)
        })
    }

    /// As strict [`sequential_blocks`](Self::sequential_blocks), on the threads of the current pool.
    #[cfg(feature = "rayon")]
    fn blocks_in_waves(
        &mut self,
        grid: &Grid,
        tables: &[Tables],
        store: &mut (impl BlockStore + Send),
        pace: Pace,
    ) -> Result<()> {
        let layout = McuLayout::new(grid, tables);
        let memory = mem::take(&mut self.scratch.waves);
        let mut waves = Waves::new(pace, memory, &mut self.budget);
        let window = waves.as_ref().map_or(Refuse::WINDOW, |_| pace.window());
        let mut place = self.start_of_scan(grid);
        if let Some(waves) = &mut waves {
            let mut position = self.source.position();
            let input = self.source.bytes();
            waves.decode_intervals(&layout, input, &mut position, &mut place, |wave| {
                wave.put(grid, &layout, store);
            });
            self.source.seek(position);
        }
        let result = self.intervals_from(place, grid, window, |data, mcus, faults: &mut Refuse| {
            let mut truth = Truth {
                place: data.first(),
                mcu: mcus.start,
                predictions: [0; 4],
            };
            if let Some(waves) = &mut waves {
                waves.decode(&layout, data, &mut truth, mcus.end, |wave| {
                    wave.put(grid, &layout, store);
                });
            }
            let mut blocks = SequentialBlocks {
                place: truth.place,
                data,
                tables,
                predictions: truth.predictions,
            };
            walk(grid, store, truth.mcu..mcus.end, &mut blocks, faults)
        });
        if let Some(waves) = waves {
            self.scratch.waves = waves.into_memory(&mut self.budget);
        }
        result
    }
}

/// The tables of a component.
#[derive(Debug, PartialEq)]
pub(super) struct Tables {
    dc: Arc<DecodeTable>,
    ac: Arc<DecodeTable>,
}

/// The blocks of an interval.
struct SequentialBlocks<'a, 'i> {
    data: &'a mut EntropyData<'i>,
    place: BitPlace,
    /// By component in the scan.
    tables: &'a [Tables],
    /// DC value of each component's previous block (T.81 F.1.1.5.1).
    predictions: [i32; 4],
}

impl<F: Faults> BlockReader<F> for SequentialBlocks<'_, '_> {
    fn consumed_bytes(&self) -> usize {
        self.place.consumed_bytes(self.data)
    }

    #[inline(always)]
    fn read(&mut self, slot: usize, block: &mut Block, faults: &mut F) -> Result<(), Malformed> {
        let prediction = &mut self.predictions[slot];
        let clean = self.data.ahead(&mut self.place);
        read_block(
            clean,
            &mut self.place,
            &self.tables[slot],
            prediction,
            block,
            faults,
        )
    }
}

/// Decodes one block into zeros (T.81 F.2.2).
#[inline(always)]
pub(super) fn read_block<F: Faults>(
    clean: &[u8],
    place: &mut BitPlace,
    tables: &Tables,
    prediction: &mut i32,
    block: &mut Block,
    faults: &mut F,
) -> Result<(), Malformed> {
    let mut bits = BitReader::at(clean, place);
    let result = read_dc(&mut bits, &tables.dc, prediction, block, faults)
        .and_then(|()| read_ac(&mut bits, &tables.ac, block, faults));
    *place = bits.place(clean);
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
    let last = 'block: {
        // The refill before DC holds two more symbols.
        for _ in 1..SYMBOLS_PER_REFILL {
            if let Some(last) = store_coefficient(bits, table, &mut position, block, faults) {
                break 'block last;
            }
        }
        loop {
            bits.refill();
            for _ in 0..SYMBOLS_PER_REFILL {
                if let Some(last) = store_coefficient(bits, table, &mut position, block, faults) {
                    break 'block last;
                }
            }
        }
    };
    let (leads, value) = last;
    if position == 63 {
        block[63] = value;
        return Ok(());
    }
    match leads {
        advance::END => Ok(()),
        advance::END_IN_EFFECT => faults.tolerate(bits.consumed_bytes(), Malformed::IllegalSymbol),
        _ => {
            tolerate_symbol(bits, leads, faults)?;
            // As in libjpeg, a value past the end is the last one.
            if value != 0 {
                block[63] = value;
            }
            Ok(())
        }
    }
}

/// Decodes one AC symbol and stores its coefficient; the symbol, (advance, value), where it leads to the last
/// coefficient or past it, and nothing is stored.
///
/// On x86-64 this is 23 instructions with BMI2 and 26 without, no call, bound to check or spill among them. The next symbol
/// waits for three of them: shift the code down, load its entry, shift it out.
#[inline(always)]
fn store_coefficient<F: Faults>(
    bits: &mut BitReader<'_>,
    table: &DecodeTable,
    position: &mut u32,
    block: &mut Block,
    faults: &mut F,
) -> Option<(u8, i16)> {
    let (leads, value) = read_symbol(bits, table, faults);
    *position += u32::from(leads);
    if *position >= 63 {
        return Some((leads, value));
    }
    // Sixteen zeros store a zero where one is.
    block[natural(*position)] = value;
    None
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
    let (leads, difference) = read_symbol(bits, table, faults);
    if leads >= advance::ILLEGAL {
        tolerate_symbol(bits, leads, faults)?;
        return Ok(0);
    }
    Ok(difference.into())
}

/// Consumes a symbol and its value: (advance, value).
///
/// [`SYMBOLS_PER_REFILL`] of them may follow a refill.
#[inline(always)]
pub(super) fn read_symbol<F: Faults>(
    bits: &mut BitReader<'_>,
    table: &DecodeTable,
    faults: &mut F,
) -> (u8, i16) {
    if let Some(symbol) = table.read_short(bits) {
        return symbol;
    }
    let (behind, leads, value) = read_long(bits.clone(), table, faults);
    *bits = behind;
    (leads, value)
}

/// Leaves as many bits as a refill.
#[cold]
#[inline(never)]
fn read_long<'a, F: Faults>(
    mut bits: BitReader<'a>,
    table: &DecodeTable,
    faults: &mut F,
) -> (BitReader<'a>, u8, i16) {
    bits.refill();
    let symbol = table.symbol(bits.peek(16));
    let value = symbol.value(bits.peek(31));
    bits.consume(symbol.code_bits());
    if symbol.size() > 10 && symbol.advance() != advance::END {
        faults.check_size(bits.consumed_bytes(), symbol.size(), table.class());
    }
    bits.consume(symbol.size());
    bits.refill();
    (bits, symbol.advance(), value)
}

/// What stands behind a symbol that cannot be, where that is tolerated: like libjpeg, bits that are no
/// code are passed over as far as the longest code would reach.
#[inline(always)]
pub(super) fn tolerate_symbol<F: Faults>(
    bits: &mut BitReader<'_>,
    leads: u8,
    faults: &mut F,
) -> Result<(), Malformed> {
    let kind = match leads {
        advance::UNKNOWN => Malformed::UnknownCode,
        advance::ILLEGAL => Malformed::IllegalSymbol,
        _ => Malformed::RunPastBlock,
    };
    faults.tolerate(bits.consumed_bytes(), kind)?;
    if leads == advance::UNKNOWN {
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
