//! Progressive scans: spectral selection and successive approximation (T.81 G.1.2).

use crate::band::{Block, NATURAL_FROM_ZIGZAG};
use crate::coefficients::Scan;
use crate::error::Result;

use super::huffman::TablePair;
use super::nonzero::nonzero_by_zigzag;
use super::range::{Bounds, OutOfRangeAt};
use super::tokens::{Magnitude, SymbolSink, Token, TokenQueue};
use super::walk::BlockCoder;

/// Sixteen zero coefficients.
const ZERO_RUN: u32 = 0xF0;
/// The longest run of ended bands that has a symbol (T.81 table G.1).
const LONGEST_RUN: u32 = 0x7FFF;
/// Correction bits that libjpeg holds back at most, less those that the next block may bring.
const MOST_CORRECTIONS: u32 = 1000 - 63;

/// First scan of DC: differences as in sequential scans, of values without their lowest bits
/// (T.81 G.1.2.1).
#[derive(Debug)]
pub(super) struct DcFirst<'a> {
    queue: TokenQueue<'a>,
    pairs: [TablePair; 4],
    low: u8,
    bound: i32,
    predictions: [i32; 4],
}

impl<'a> DcFirst<'a> {
    pub(super) fn new(
        queue: TokenQueue<'a>,
        pairs: [TablePair; 4],
        scan: &Scan,
        bounds: Bounds,
    ) -> Self {
        Self {
            queue,
            pairs,
            low: scan.low(),
            bound: bounds.dc,
            predictions: [0; 4],
        }
    }
}

impl BlockCoder for DcFirst<'_> {
    fn block(&mut self, slot: usize, block: &Block, _: (u32, u32)) -> Result<(), OutOfRangeAt> {
        // The point transform of DC is an arithmetic shift.
        let value = i32::from(block[0]) >> self.low;
        let difference = value - self.predictions[slot];
        if difference.abs() > self.bound {
            return Err(OutOfRangeAt::new(0, difference, self.bound));
        }
        self.predictions[slot] = value;
        let magnitude = Magnitude::of(difference);
        self.queue
            .push(Token::dc(self.pairs[slot]).with_run(0, magnitude));
        Ok(())
    }

    fn padding(&mut self, slot: usize) {
        self.queue.push(Token::dc(self.pairs[slot]));
    }

    fn restart(&mut self, number: u8) {
        self.queue.restart(number);
        self.predictions = [0; 4];
    }

    fn finish(&mut self) {
        self.queue.flush();
    }
}

/// Later scan of DC: one more bit of each (T.81 G.1.2.1).
#[derive(Debug)]
pub(super) struct DcRefinement<'a> {
    queue: TokenQueue<'a>,
    low: u8,
    /// The last bit of each component, which padding repeats.
    bits: [u32; 4],
}

impl<'a> DcRefinement<'a> {
    pub(super) fn new(queue: TokenQueue<'a>, scan: &Scan) -> Self {
        Self {
            queue,
            low: scan.low(),
            bits: [0; 4],
        }
    }
}

impl BlockCoder for DcRefinement<'_> {
    fn block(&mut self, slot: usize, block: &Block, _: (u32, u32)) -> Result<(), OutOfRangeAt> {
        self.bits[slot] = u32::from(block[0].cast_unsigned() >> self.low & 1);
        self.queue.push(Token::bare(self.bits[slot], 1));
        Ok(())
    }

    fn padding(&mut self, slot: usize) {
        self.queue.push(Token::bare(self.bits[slot], 1));
    }

    fn restart(&mut self, number: u8) {
        self.queue.restart(number);
    }

    fn finish(&mut self) {
        self.queue.flush();
    }
}

/// What both kinds of AC scans share: the band, and the run of blocks whose band has ended.
#[derive(Debug)]
struct Bands<'a> {
    queue: TokenQueue<'a>,
    pair: TablePair,
    /// Bit i is set for each zig-zag position i of the scan.
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

impl<'a> Bands<'a> {
    fn new(queue: TokenQueue<'a>, pairs: [TablePair; 4], scan: &Scan) -> Self {
        let (start, end) = (*scan.zigzag_range().start(), *scan.zigzag_range().end());
        Self {
            queue,
            pair: pairs[0],
            mask: (start..=end).fold(0, |mask, zigzag| mask | 1 << zigzag),
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
    fn value(&mut self, run: u32, value: i32) {
        let token = Token::ac(self.pair).with_run(run, Magnitude::of(value));
        self.queue.push(token);
    }

    fn zero_run(&mut self) {
        self.queue.push(Token::ac(self.pair).with(ZERO_RUN, 0));
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
        let bits = self.run & ((1 << size) - 1);
        self.queue.push(Token::ac(self.pair).with(size << 4, bits));
        self.run = 0;
        self.correction_count = 0;
        for corrections in self.corrections.drain(..) {
            corrections.send(&mut self.queue);
        }
    }

    fn restart(&mut self, number: u8) {
        self.send_run();
        self.queue.restart(number);
    }
}

impl Corrections {
    fn push(&mut self, bit: i16) {
        self.bits = self.bits << 1 | u64::from(bit & 1 != 0);
        self.count += 1;
    }

    fn send(self, queue: &mut TokenQueue<'_>) {
        let mut left = self.count;
        while left > 0 {
            let count = (left - 1) % 16 + 1;
            left -= count;
            #[expect(clippy::cast_possible_truncation, reason = "the low bits are meant")]
            let bits = (self.bits >> left) as u32 & ((1 << count) - 1);
            queue.push(Token::bare(bits, count));
        }
    }
}

/// First scan of AC bands (T.81 G.1.2.2).
#[derive(Debug)]
pub(super) struct AcFirst<'a> {
    bands: Bands<'a>,
    bound: i32,
}

impl<'a> AcFirst<'a> {
    pub(super) fn new(
        queue: TokenQueue<'a>,
        pairs: [TablePair; 4],
        scan: &Scan,
        bounds: Bounds,
    ) -> Self {
        Self {
            bands: Bands::new(queue, pairs, scan),
            bound: bounds.ac_without(scan.low()),
        }
    }
}

impl BlockCoder for AcFirst<'_> {
    fn block(&mut self, _: usize, block: &Block, _: (u32, u32)) -> Result<(), OutOfRangeAt> {
        let bands = &mut self.bands;
        let magnitudes = bands.magnitudes(block);
        let mut nonzero = nonzero_by_zigzag(&magnitudes) & bands.mask;
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
                bands.zero_run();
                run -= 16;
            }
            let shifted = i32::from(magnitudes[natural(position)]);
            bands.value(run, if value < 0 { -shifted } else { shifted });
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
        self.bands.queue.flush();
    }
}

/// Later scan of AC bands: one more bit of the coefficients that are nonzero, and new ones of
/// magnitude 1 (T.81 G.1.2.3).
#[derive(Debug)]
pub(super) struct AcRefinement<'a> {
    bands: Bands<'a>,
}

impl<'a> AcRefinement<'a> {
    pub(super) fn new(queue: TokenQueue<'a>, pairs: [TablePair; 4], scan: &Scan) -> Self {
        Self {
            bands: Bands::new(queue, pairs, scan),
        }
    }
}

impl BlockCoder for AcRefinement<'_> {
    fn block(&mut self, _: usize, block: &Block, _: (u32, u32)) -> Result<(), OutOfRangeAt> {
        let bands = &mut self.bands;
        let magnitudes = bands.magnitudes(block);
        let mut nonzero = nonzero_by_zigzag(&magnitudes) & bands.mask;
        let new = nonzero & !nonzero_by_zigzag(&magnitudes.map(|magnitude| magnitude >> 1));
        // Zeros behind the last new coefficient need no symbol.
        let behind_last_new = 64 - new.leading_zeros();
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
                bands.zero_run();
                std::mem::take(&mut corrections).send(&mut bands.queue);
                run -= 16;
            }
            let magnitude = magnitudes[natural(position)];
            if magnitude > 1 {
                corrections.push(magnitude);
                continue;
            }
            bands.send_run();
            bands.value(run, if block[natural(position)] > 0 { 1 } else { -1 });
            std::mem::take(&mut corrections).send(&mut bands.queue);
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
        self.bands.queue.flush();
    }
}

fn natural(zigzag: u32) -> usize {
    usize::from(NATURAL_FROM_ZIGZAG[zigzag as usize & 63]) & 63
}
