//! Progressive scans: spectral selection and successive approximation (T.81 G.1.2).

use crate::band::{Block, NATURAL_FROM_ZIGZAG, ZIGZAG_FROM_NATURAL};
use crate::coefficients::Scan;
use crate::error::Result;

use super::huffman::{SymbolSink, TablePair, magnitude, nonzero_mask};
use super::range::{Bounds, OutOfRangeAt};
use super::walk::BlockCoder;

/// Sixteen zero coefficients.
const ZERO_RUN: u8 = 0xF0;
/// The longest run of ended bands that has a symbol (T.81 table G.1).
const LONGEST_RUN: u32 = 0x7FFF;
/// Correction bits that libjpeg holds back at most, less those that the next block may bring.
const MOST_CORRECTIONS: u32 = 1000 - 63;

/// First scan of DC: differences as in sequential scans, of values without their lowest bits
/// (T.81 G.1.2.1).
#[derive(Debug)]
pub(super) struct DcFirst<'a, S> {
    sink: &'a mut S,
    pairs: [TablePair; 4],
    low: u8,
    bound: i32,
    predictions: [i32; 4],
}

impl<'a, S> DcFirst<'a, S> {
    pub(super) fn new(sink: &'a mut S, pairs: [TablePair; 4], scan: &Scan, bounds: Bounds) -> Self {
        Self {
            sink,
            pairs,
            low: scan.low(),
            bound: bounds.dc,
            predictions: [0; 4],
        }
    }
}

impl<S: SymbolSink> BlockCoder for DcFirst<'_, S> {
    fn block(&mut self, slot: usize, block: &Block, _: (u32, u32)) -> Result<(), OutOfRangeAt> {
        // The point transform of DC is an arithmetic shift.
        let value = i32::from(block[0]) >> self.low;
        let difference = value - self.predictions[slot];
        if difference.abs() > self.bound {
            return Err(OutOfRangeAt::new(0, difference, self.bound));
        }
        self.predictions[slot] = value;
        let (size, bits) = magnitude(difference);
        self.sink.dc(self.pairs[slot], size, bits);
        Ok(())
    }

    fn padding(&mut self, slot: usize) {
        self.sink.dc(self.pairs[slot], 0, 0);
    }

    fn restart(&mut self, number: u8) {
        self.sink.restart(number);
        self.predictions = [0; 4];
    }
}

/// Later scan of DC: one more bit of each (T.81 G.1.2.1).
#[derive(Debug)]
pub(super) struct DcRefinement<'a, S> {
    sink: &'a mut S,
    low: u8,
    /// The last bit of each component, which padding repeats.
    bits: [u32; 4],
}

impl<'a, S> DcRefinement<'a, S> {
    pub(super) fn new(sink: &'a mut S, scan: &Scan) -> Self {
        Self {
            sink,
            low: scan.low(),
            bits: [0; 4],
        }
    }
}

impl<S: SymbolSink> BlockCoder for DcRefinement<'_, S> {
    fn block(&mut self, slot: usize, block: &Block, _: (u32, u32)) -> Result<(), OutOfRangeAt> {
        self.bits[slot] = u32::from(block[0].cast_unsigned() >> self.low & 1);
        self.sink.bits(self.bits[slot], 1);
        Ok(())
    }

    fn padding(&mut self, slot: usize) {
        self.sink.bits(self.bits[slot], 1);
    }

    fn restart(&mut self, number: u8) {
        self.sink.restart(number);
    }
}

/// What both kinds of AC scans share: the band, and the run of blocks whose band has ended.
#[derive(Debug)]
struct Bands<'a, S> {
    sink: &'a mut S,
    pair: TablePair,
    /// Bit i is set for each natural index i of the scan.
    mask: u64,
    start: u32,
    end: u32,
    low: u8,
    /// Blocks whose band has ended and that no symbol tells of yet.
    run: u32,
    /// The correction bits of those blocks, at most 63 of each, and their number.
    corrections: Vec<Corrections>,
    correction_count: u32,
}

/// The correction bits of one block, the first one highest.
#[derive(Debug, Clone, Copy, Default)]
struct Corrections {
    bits: u64,
    count: u32,
}

impl<'a, S: SymbolSink> Bands<'a, S> {
    fn new(sink: &'a mut S, pairs: [TablePair; 4], scan: &Scan) -> Self {
        let (start, end) = (*scan.zigzag_range().start(), *scan.zigzag_range().end());
        Self {
            sink,
            pair: pairs[0],
            mask: (start..=end).fold(0, |mask, zigzag| mask | 1 << natural(zigzag.into())),
            start: start.into(),
            end: end.into(),
            low: scan.low(),
            run: 0,
            corrections: Vec::new(),
            correction_count: 0,
        }
    }

    /// Magnitudes in natural order without their lowest bits. All are non-negative.
    fn magnitudes(&self, block: &Block) -> [i16; 64] {
        // The first scan refuses -32768, whose magnitude an i16 does not hold.
        block.map(|value| value.saturating_abs() >> self.low)
    }

    /// A run of at most 15 zeros and a value; longer runs must be shortened before.
    fn symbol(&mut self, run: u32, size: u32, bits: u32) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a run is at most 15, a size at most 14"
        )]
        self.sink.ac(self.pair, (run << 4 | size) as u8, size, bits);
    }

    /// Counts a block whose band has ended.
    fn end_band(&mut self, corrections: Corrections) {
        self.run += 1;
        if corrections.count > 0 {
            self.corrections.push(corrections);
            self.correction_count += corrections.count;
        }
        if self.run == LONGEST_RUN || self.correction_count > MOST_CORRECTIONS {
            self.send_run();
        }
    }

    /// Sends the run, its length and its correction bits (T.81 figure G.4).
    fn send_run(&mut self) {
        if self.run == 0 {
            return;
        }
        // 0 to 14: a run has at most 15 bits.
        let size = self.run.ilog2();
        #[expect(clippy::cast_possible_truncation, reason = "shown above")]
        self.sink.ac(
            self.pair,
            (size << 4) as u8,
            size,
            self.run & ((1 << size) - 1),
        );
        self.run = 0;
        self.correction_count = 0;
        for corrections in self.corrections.drain(..) {
            corrections.send(self.sink);
        }
    }

    fn restart(&mut self, number: u8) {
        self.send_run();
        self.sink.restart(number);
    }
}

impl Corrections {
    fn push(&mut self, bit: i16) {
        self.bits = self.bits << 1 | u64::from(bit & 1 != 0);
        self.count += 1;
    }

    fn send(self, sink: &mut impl SymbolSink) {
        #[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
        let (high, low) = ((self.bits >> 32) as u32, self.bits as u32);
        if self.count > 32 {
            sink.bits(high, self.count - 32);
        }
        sink.bits(low, self.count.min(32));
    }
}

/// First scan of AC bands (T.81 G.1.2.2).
#[derive(Debug)]
pub(super) struct AcFirst<'a, S> {
    bands: Bands<'a, S>,
    bound: i32,
}

impl<'a, S: SymbolSink> AcFirst<'a, S> {
    pub(super) fn new(sink: &'a mut S, pairs: [TablePair; 4], scan: &Scan, bounds: Bounds) -> Self {
        Self {
            bands: Bands::new(sink, pairs, scan),
            bound: bounds.ac_without(scan.low()),
        }
    }
}

impl<S: SymbolSink> BlockCoder for AcFirst<'_, S> {
    fn block(&mut self, _: usize, block: &Block, _: (u32, u32)) -> Result<(), OutOfRangeAt> {
        let bands = &mut self.bands;
        let magnitudes = bands.magnitudes(block);
        let mut nonzero = zigzag_mask(nonzero_mask(&magnitudes) & bands.mask);
        let mut next = bands.start;
        while nonzero != 0 {
            let position = nonzero.trailing_zeros();
            nonzero &= nonzero - 1;
            let value = i32::from(block[natural(position)]);
            if value.abs() > self.bound {
                return Err(OutOfRangeAt::new(position, value, self.bound));
            }
            bands.send_run();
            let mut run = position - next;
            next = position + 1;
            while run > 15 {
                bands.sink.ac(bands.pair, ZERO_RUN, 0, 0);
                run -= 16;
            }
            let shifted = i32::from(magnitudes[natural(position)]);
            let (size, bits) = magnitude(if value < 0 { -shifted } else { shifted });
            bands.symbol(run, size, bits);
        }
        if next <= bands.end {
            bands.end_band(Corrections::default());
        }
        Ok(())
    }

    fn padding(&mut self, _: usize) {}

    fn restart(&mut self, number: u8) {
        self.bands.restart(number);
    }

    fn finish(&mut self) {
        self.bands.send_run();
    }
}

/// Later scan of AC bands: one more bit of the coefficients that are nonzero, and new ones of
/// magnitude 1 (T.81 G.1.2.3).
#[derive(Debug)]
pub(super) struct AcRefinement<'a, S> {
    bands: Bands<'a, S>,
}

impl<'a, S: SymbolSink> AcRefinement<'a, S> {
    pub(super) fn new(sink: &'a mut S, pairs: [TablePair; 4], scan: &Scan) -> Self {
        Self {
            bands: Bands::new(sink, pairs, scan),
        }
    }
}

impl<S: SymbolSink> BlockCoder for AcRefinement<'_, S> {
    fn block(&mut self, _: usize, block: &Block, _: (u32, u32)) -> Result<(), OutOfRangeAt> {
        let bands = &mut self.bands;
        let magnitudes = bands.magnitudes(block);
        let nonzero = nonzero_mask(&magnitudes) & bands.mask;
        let new = nonzero & !nonzero_mask(&magnitudes.map(|magnitude| magnitude >> 1));
        // Zeros behind the last new coefficient need no symbol.
        let behind_last_new = 64 - zigzag_mask(new).leading_zeros();
        let mut nonzero = zigzag_mask(nonzero);
        let mut next = bands.start;
        let mut run = 0;
        let mut corrections = Corrections::default();
        while nonzero != 0 {
            let position = nonzero.trailing_zeros();
            nonzero &= nonzero - 1;
            run += position - next;
            next = position + 1;
            while run > 15 && position < behind_last_new {
                bands.send_run();
                bands.sink.ac(bands.pair, ZERO_RUN, 0, 0);
                std::mem::take(&mut corrections).send(bands.sink);
                run -= 16;
            }
            let magnitude = magnitudes[natural(position)];
            if magnitude > 1 {
                corrections.push(magnitude);
                continue;
            }
            bands.send_run();
            bands.symbol(run, 1, (block[natural(position)] > 0).into());
            std::mem::take(&mut corrections).send(bands.sink);
            run = 0;
        }
        if next <= bands.end || run > 0 || corrections.count > 0 {
            bands.end_band(corrections);
        }
        Ok(())
    }

    fn padding(&mut self, _: usize) {}

    fn restart(&mut self, number: u8) {
        self.bands.restart(number);
    }

    fn finish(&mut self) {
        self.bands.send_run();
    }
}

fn natural(zigzag: u32) -> usize {
    usize::from(NATURAL_FROM_ZIGZAG[zigzag as usize & 63]) & 63
}

/// From bits by natural index to bits by zig-zag index. Few are set in most blocks: this is faster than to
/// bring all values into that order.
fn zigzag_mask(mut natural: u64) -> u64 {
    let mut zigzag = 0;
    while natural != 0 {
        let index = natural.trailing_zeros() as usize;
        natural &= natural - 1;
        zigzag |= 1 << (ZIGZAG_FROM_NATURAL[index & 63] & 63);
    }
    zigzag
}
