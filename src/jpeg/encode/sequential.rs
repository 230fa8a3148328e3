//! Sequential scans: one visit codes a block whole (T.81 F.1.2).

use crate::band::{Block, NATURAL_FROM_ZIGZAG};
use crate::error::Result;
#[cfg(target_arch = "x86_64")]
use crate::vectors::Avx2;
use crate::vectors::{Kernel, Vectors};

use super::huffman::TablePair;
use super::range::{Bounds, OutOfRangeAt};
use super::tokens::{BlockSink, Magnitude, SymbolSink, Token};
use super::walk::{BlockCoder, Walk};
use super::zigzag::{Portable, Reorder, Zigzag};

/// Sixteen zero coefficients.
const ZERO_RUN: u32 = 0xF0;

/// Sends the symbols of a sequential scan to a sink.
///
/// The whole visit is one kernel: nearly all that a block takes are shifts and counts of zero bits, for which
/// machines with AVX2 have better instructions too.
pub(super) fn send_sequential(
    walk: &Walk<'_>,
    pairs: [TablePair; 4],
    bounds: Bounds,
    sink: &mut impl SymbolSink,
    vectors: Vectors,
) -> Result<()> {
    let mut sent = Ok(());
    vectors.run(Visit {
        walk,
        pairs,
        bounds,
        sink,
        sent: &mut sent,
    });
    sent
}

struct Visit<'v, S> {
    walk: &'v Walk<'v>,
    pairs: [TablePair; 4],
    bounds: Bounds,
    sink: &'v mut S,
    sent: &'v mut Result<()>,
}

impl<S: SymbolSink> Visit<'_, S> {
    #[inline(always)]
    fn by(self, instructions: impl Reorder) {
        *self.sent = self.walk.visit(&mut SequentialCoder {
            instructions,
            sink: self.sink,
            pairs: self.pairs,
            bounds: self.bounds,
            predictions: [0; 4],
        });
    }
}

impl<S: SymbolSink> Kernel for Visit<'_, S> {
    #[inline(always)]
    fn portable(self) {
        self.by(Portable);
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn avx2(self, avx2: Avx2) {
        self.by(avx2);
    }
}

/// Codes the blocks of a sequential scan.
struct SequentialCoder<'s, S, R> {
    instructions: R,
    sink: &'s mut S,
    pairs: [TablePair; 4],
    bounds: Bounds,
    predictions: [i32; 4],
}

impl<S: SymbolSink, R: Reorder> BlockCoder for SequentialCoder<'_, S, R> {
    #[inline(always)]
    fn block(&mut self, slot: usize, block: &Block, _: (u32, u32)) -> Result<(), OutOfRangeAt> {
        let (pair, bounds) = (self.pairs[slot], self.bounds);
        let zigzag = self.instructions.reorder(block);
        let mut runs = Runs::before(zigzag.nonzero() & !1);
        let mut symbols = self.sink.block(pair);
        let difference = i32::from(block[0]) - self.predictions[slot];
        let magnitude = difference_magnitude(difference, bounds)?;
        symbols.push(Token::dc(pair).with_run(0, magnitude));
        // Two at a time: whether their number is odd is known long before the last.
        if runs.left().count_ones() % 2 == 1 {
            let (run, position) = runs.take();
            if !symbols.push_level(run, zigzag.saturated(position)) {
                symbols = send_any(symbols, pair, run, (block, position), bounds)?;
            }
        }
        while runs.left() != 0 {
            symbols.settle();
            let (run, position) = runs.take();
            if !symbols.push_level(run, zigzag.saturated(position)) {
                symbols = send_any(symbols, pair, run, (block, position), bounds)?;
            }
            let (run, position) = runs.take();
            if !symbols.push_level(run, zigzag.saturated(position)) {
                symbols = send_any(symbols, pair, run, (block, position), bounds)?;
            }
        }
        if runs.next < 64 {
            symbols.push(Token::ac(pair));
        }
        symbols.settle();
        symbols.finish();
        self.predictions[slot] = block[0].into();
        Ok(())
    }

    #[inline(always)]
    fn padding(&mut self, slot: usize) {
        let pair = self.pairs[slot];
        let mut symbols = self.sink.block(pair);
        symbols.push(Token::dc(pair));
        symbols.push(Token::ac(pair));
        symbols.settle();
        symbols.finish();
    }

    fn restart(&mut self, number: u8) {
        self.sink.restart(number);
        self.predictions = [0; 4];
    }

    fn finish(&mut self) {
        self.sink.flush();
    }
}

#[inline(always)]
fn difference_magnitude(difference: i32, bounds: Bounds) -> Result<Magnitude, OutOfRangeAt> {
    match Magnitude::tabulated(difference) {
        Some(magnitude) => Ok(magnitude),
        None if difference.abs() > bounds.dc => Err(OutOfRangeAt::new(0, difference, bounds.dc)),
        None => Ok(Magnitude::of(difference)),
    }
}

/// Runs of zeros in a block, and the levels behind them.
struct Runs {
    /// Bit i is set for the levels at zig-zag position i that are not taken yet.
    levels: u64,
    /// The position behind the last that was taken.
    next: u32,
}

impl Runs {
    /// Those before AC levels.
    #[inline(always)]
    const fn before(levels: u64) -> Self {
        Self { levels, next: 1 }
    }

    #[inline(always)]
    const fn left(&self) -> u64 {
        self.levels
    }

    /// The next run, and the position of the level behind it, of which there must be one.
    #[inline(always)]
    const fn take(&mut self) -> (u32, u32) {
        let position = self.levels.trailing_zeros();
        self.levels &= self.levels - 1;
        let run = position - self.next;
        self.next = position + 1;
        (run, position)
    }
}

/// Sends a level of any size behind a run of any length.
///
/// Takes the sink and gives it back: what is lent to a function that is not inlined has to stay in memory.
#[inline(never)]
fn send_any<B: BlockSink>(
    mut symbols: B,
    pair: TablePair,
    mut run: u32,
    (block, position): (&Block, u32),
    bounds: Bounds,
) -> Result<B, OutOfRangeAt> {
    let natural = NATURAL_FROM_ZIGZAG[position as usize & 63];
    let level = i32::from(block[usize::from(natural) & 63]);
    if level.abs() > bounds.ac {
        return Err(OutOfRangeAt::new(position, level, bounds.ac));
    }
    symbols.settle();
    let end_of_block = Token::ac(pair);
    while run > 15 {
        symbols.push(end_of_block.with(ZERO_RUN, 0));
        symbols.settle();
        run -= 16;
    }
    symbols.push(end_of_block.with_run(run, Magnitude::of(level)));
    symbols.settle();
    Ok(symbols)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use proptest::prelude::*;

    use super::super::RestartInterval;
    use super::super::huffman::{HuffmanSpecs, Writer};
    use super::super::standard::StandardWriter;
    use super::super::tokens::TokenQueue;
    use super::*;
    use crate::coefficients::{
        CoefficientImage, ColorSpace, SamplePrecision, SamplingFactor, Scan,
    };
    use crate::error::Error;
    use crate::quantization::QuantizationTables;

    /// Levels at either side of every bound, and zeros enough for runs of all lengths.
    fn levels() -> impl Strategy<Value = Vec<i16>> {
        let level = prop_oneof![
            30 => Just(0_i16),
            5 => -3_i16..=3,
            1 => -130_i16..=130,
            1 => prop::sample::select(vec![-1023_i16, -512, -511, -128, -127, -126, 126, 127, 128, 511, 512, 1023]),
        ];
        prop::collection::vec(level, 64 * 40)
    }

    fn image(factors: &[(u8, u8)], levels: &[i16]) -> CoefficientImage {
        let sampling: Vec<_> = factors
            .iter()
            .map(|&(h, v)| SamplingFactor::new(h, v).unwrap())
            .collect();
        let tables = QuantizationTables::annex_k(50).unwrap();
        let color = match factors.len() {
            1 => ColorSpace::Grey,
            _ => ColorSpace::YCbCr,
        };
        let mut image = CoefficientImage::new(37, 29, color, &sampling, &tables).unwrap();
        let mut blocks = levels.as_chunks::<64>().0.iter().cycle();
        for index in 0..factors.len() {
            for block in image.component_mut(index).unwrap().blocks_mut() {
                *block = *blocks.next().unwrap();
            }
        }
        image
    }

    /// Codes position by position, as T.81 F.1.2 puts it.
    struct ByPosition<'q> {
        queue: TokenQueue<'q>,
        pairs: [TablePair; 4],
        predictions: [i32; 4],
    }

    impl BlockCoder for ByPosition<'_> {
        fn block(&mut self, slot: usize, block: &Block, _: (u32, u32)) -> Result<(), OutOfRangeAt> {
            let (dc, ac) = (Token::dc(self.pairs[slot]), Token::ac(self.pairs[slot]));
            let zigzag = NATURAL_FROM_ZIGZAG.map(|natural| i32::from(block[usize::from(natural)]));
            let difference = zigzag[0] - self.predictions[slot];
            self.predictions[slot] = zigzag[0];
            self.queue.push(dc.with_run(0, Magnitude::of(difference)));
            let mut run = 0;
            for &level in &zigzag[1..] {
                if level == 0 {
                    run += 1;
                    continue;
                }
                for _ in 0..run / 16 {
                    self.queue.push(ac.with(0xF0, 0));
                }
                self.queue.push(ac.with_run(run % 16, Magnitude::of(level)));
                run = 0;
            }
            if run > 0 {
                self.queue.push(ac);
            }
            Ok(())
        }

        fn padding(&mut self, slot: usize) {
            let mut block = [0; 64];
            block[0] = self.predictions[slot].try_into().unwrap();
            self.block(slot, &block, (0, 0)).unwrap();
        }

        fn restart(&mut self, number: u8) {
            self.queue.restart(number);
            self.predictions = [0; 4];
        }

        fn finish(&mut self) {
            self.queue.flush();
        }
    }

    fn bytes_by_position(walk: &Walk<'_>, pairs: [TablePair; 4]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), &HuffmanSpecs::standard());
        let queue = TokenQueue::new(&mut writer);
        let predictions = [0; 4];
        let mut coder = ByPosition {
            queue,
            pairs,
            predictions,
        };
        walk.visit(&mut coder).unwrap();
        writer.finish()
    }

    const BOUNDS: Bounds = Bounds::huffman(SamplePrecision::Eight);

    proptest! {
        #[test]
        fn all_instructions_and_both_ways_to_the_file_write_what_the_standard_says(
            levels in levels(),
            sampling in prop::sample::select(vec![&[(1, 1)][..], &[(2, 2), (1, 1), (1, 1)], &[(1, 1), (1, 1), (1, 1)]]),
            interval in 0_u16..4,
        ) {
            let image = image(sampling, &levels);
            let scan = Scan::sequential(&[0, 1, 2][..image.components().len()]).unwrap();
            let interval = NonZeroU16::new(interval).map_or(RestartInterval::Never, RestartInterval::Mcus);
            let walk = Walk::new(&image, &scan, interval);
            let pairs = TablePair::of_scan(image.color_space(), &scan);
            let expected = bytes_by_position(&walk, pairs);
            for vectors in [Vectors::of_the_target(), Vectors::detected()] {
                let mut straight = StandardWriter::new(Vec::new());
                send_sequential(&walk, pairs, BOUNDS, &mut straight, vectors).unwrap();
                prop_assert_eq!(&straight.finish(), &expected);
                let mut writer = Writer::new(Vec::new(), &HuffmanSpecs::standard());
                let mut queue = TokenQueue::new(&mut writer);
                send_sequential(&walk, pairs, BOUNDS, &mut queue, vectors).unwrap();
                prop_assert_eq!(&writer.finish(), &expected);
            }
        }

        #[test]
        fn what_is_beyond_the_bounds_is_found_in_its_block(
            natural in 0_usize..64,
            beyond in prop_oneof![Just(0_i16), Just(1), 2_i16..30_000],
            negative in any::<bool>(),
        ) {
            let bound = if natural == 0 { 2047 } else { 1023 };
            let value = if negative { -bound - beyond } else { bound + beyond };
            let mut image = image(&[(1, 1)], &[0; 64]);
            image.component_mut(0).unwrap().block_mut(3, 2).unwrap()[natural] = value;
            let scan = Scan::sequential(&[0]).unwrap();
            let walk = Walk::new(&image, &scan, RestartInterval::Never);
            for vectors in [Vectors::of_the_target(), Vectors::detected()] {
                let mut writer = StandardWriter::new(Vec::new());
                let sent = send_sequential(&walk, [TablePair::First; 4], BOUNDS, &mut writer, vectors);
                let found = match sent {
                    Ok(()) => None,
                    Err(Error::CoefficientOutOfRange { block_x, block_y, band, value, .. }) => {
                        Some((block_x, block_y, band.natural(), value))
                    }
                    Err(error) => panic!("{error}"),
                };
                prop_assert_eq!(found, (beyond > 0).then_some((3, 2, natural, value.into())));
            }
        }
    }
}
