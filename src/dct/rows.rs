//! Rows of blocks and the eight rows of samples that they stand for: the transforms as kernels.

use crate::band::Block;
use crate::quantization::{QuantizationTable, Rounding};
#[cfg(target_arch = "x86_64")]
use crate::vectors::Avx2;
use crate::vectors::{Kernel, Vectors};

#[cfg(target_arch = "x86_64")]
use super::avx2::{self, extent::Extent};
use super::{integer, precise};

/// Quantized blocks to samples by the integer transform.
#[derive(Debug, Clone)]
pub(crate) struct IntegerInverse([i16; 64]);

impl IntegerInverse {
    pub(crate) fn new(table: &QuantizationTable) -> Self {
        Self(integer::wrapping_steps(table))
    }

    /// Fills eight rows of samples, as wide as the blocks are together.
    pub(crate) fn row(&self, vectors: Vectors, blocks: &[Block], rows: &mut [u8]) {
        vectors.run(IntegerInverseRow {
            blocks,
            steps: &self.0,
            rows: rows.as_chunks_mut().0,
        });
    }
}

struct IntegerInverseRow<'a> {
    blocks: &'a [Block],
    steps: &'a [i16; 64],
    rows: &'a mut [[u8; 8]],
}

impl IntegerInverseRow<'_> {
    #[inline(always)]
    fn put(&mut self, x: usize, samples: &[[u8; 8]; 8]) {
        put(self.rows, self.blocks.len(), x, samples);
    }

    #[inline(always)]
    fn put_flat(&mut self, x: usize) {
        let sample = integer::flat_sample(self.blocks[x][0], self.steps[0]);
        self.put(x, &[[sample; 8]; 8]);
    }

    /// Two blocks by their columns and whether they have levels in their first row alone.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn put_pair(&mut self, v: Avx2, [a, b]: [(usize, Extent); 2]) {
        let blocks = [&self.blocks[a.0], &self.blocks[b.0]];
        let first_row_only = [a.1.is_first_row(), b.1.is_first_row()];
        let [samples_a, samples_b] = avx2::integer::inverse(v, blocks, first_row_only, self.steps);
        self.put(a.0, &samples_a);
        self.put(b.0, &samples_b);
    }
}

impl Kernel for IntegerInverseRow<'_> {
    #[inline(always)]
    fn portable(mut self) {
        for (x, block) in self.blocks.iter().enumerate() {
            if block[1..].iter().all(|&level| level == 0) {
                self.put_flat(x);
            } else {
                self.put(x, &integer::inverse(block, self.steps));
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn avx2(mut self, v: Avx2) {
        let mut waiting = None;
        for (x, block) in self.blocks.iter().enumerate() {
            let extent = Extent::of(v, block);
            if extent.is_flat() {
                self.put_flat(x);
            } else if let Some(first) = waiting.take() {
                self.put_pair(v, [first, (x, extent)]);
            } else {
                waiting = Some((x, extent));
            }
        }
        if let Some(last) = waiting {
            self.put_pair(v, [last, last]);
        }
    }
}

/// Quantized blocks to samples by the precise transform.
#[derive(Debug, Clone)]
pub(crate) struct PreciseInverse([f32; 64]);

impl PreciseInverse {
    pub(crate) fn new(table: &QuantizationTable) -> Self {
        Self(table.to_natural().map(f32::from))
    }

    /// Fills eight rows of samples, as wide as the blocks are together.
    pub(crate) fn row(&self, vectors: Vectors, blocks: &[Block], rows: &mut [f32]) {
        vectors.run(PreciseInverseRow {
            blocks,
            steps: &self.0,
            rows: rows.as_chunks_mut().0,
        });
    }
}

struct PreciseInverseRow<'a> {
    blocks: &'a [Block],
    steps: &'a [f32; 64],
    rows: &'a mut [[f32; 8]],
}

impl PreciseInverseRow<'_> {
    #[inline(always)]
    fn put_flat(&mut self, x: usize) {
        let sample = precise::flat_sample(f32::from(self.blocks[x][0]) * self.steps[0]);
        put(self.rows, self.blocks.len(), x, &[[sample; 8]; 8]);
    }

    /// A block whose levels are zero but in the upper half, the left half, or anywhere.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn put_within<const UPPER: bool, const LEFT: bool>(&mut self, v: Avx2, x: usize) {
        let samples = avx2::precise::inverse::<UPPER, LEFT>(v, &self.blocks[x], self.steps);
        put(self.rows, self.blocks.len(), x, &samples);
    }
}

impl Kernel for PreciseInverseRow<'_> {
    #[inline(always)]
    fn portable(mut self) {
        for (x, block) in self.blocks.iter().enumerate() {
            if block[1..].iter().all(|&level| level == 0) {
                self.put_flat(x);
                continue;
            }
            let mut coefficients = [[0.0; 8]; 8];
            let values = coefficients.as_flattened_mut().iter_mut();
            for ((value, &level), step) in values.zip(block).zip(self.steps) {
                *value = f32::from(level) * step;
            }
            let samples = precise::inverse(&coefficients);
            put(self.rows, self.blocks.len(), x, &samples);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn avx2(mut self, v: Avx2) {
        for x in 0..self.blocks.len() {
            let extent = Extent::of(v, &self.blocks[x]);
            if extent.is_flat() {
                self.put_flat(x);
                continue;
            }
            match (extent.is_upper(), extent.is_left()) {
                (true, true) => self.put_within::<true, true>(v, x),
                (true, false) => self.put_within::<true, false>(v, x),
                (false, true) => self.put_within::<false, true>(v, x),
                (false, false) => self.put_within::<false, false>(v, x),
            }
        }
    }
}

/// Samples to quantized blocks by the integer transform, halves away from zero as libjpeg has it.
#[derive(Debug, Clone)]
pub(crate) struct IntegerForward(integer::Divisors);

impl IntegerForward {
    pub(crate) fn new(table: &QuantizationTable) -> Self {
        Self(integer::Divisors::new(table))
    }

    /// Fills blocks from eight rows of samples, as wide as the blocks are together.
    pub(crate) fn row(&self, vectors: Vectors, rows: &[u8], blocks: &mut [Block]) {
        vectors.run(IntegerForwardRow {
            rows: rows.as_chunks().0,
            divisors: &self.0,
            blocks,
        });
    }
}

struct IntegerForwardRow<'a> {
    rows: &'a [[u8; 8]],
    divisors: &'a integer::Divisors,
    blocks: &'a mut [Block],
}

impl Kernel for IntegerForwardRow<'_> {
    #[inline(always)]
    fn portable(self) {
        let wide = self.blocks.len();
        for (x, block) in self.blocks.iter_mut().enumerate() {
            let mut shifted = [[0; 8]; 8];
            for (y, shifted) in shifted.iter_mut().enumerate() {
                for (shifted, &sample) in shifted.iter_mut().zip(&self.rows[y * wide + x]) {
                    *shifted = i16::from(sample) - 128;
                }
            }
            *block = self.divisors.quantize(&integer::forward(&shifted));
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn avx2(self, v: Avx2) {
        let wide = self.blocks.len();
        for x in (0..wide).step_by(2) {
            // The last of an odd number is its own neighbour.
            let next = (x + 1).min(wide - 1);
            let mut rows = [[[0; 8]; 2]; 8];
            for (y, row) in rows.iter_mut().enumerate() {
                *row = [self.rows[y * wide + x], self.rows[y * wide + next]];
            }
            let levels = avx2::integer::forward(v, rows, self.divisors);
            for (k, [lower, upper]) in levels.into_iter().enumerate() {
                self.blocks[x].as_chunks_mut().0[k] = lower;
                self.blocks[next].as_chunks_mut().0[k] = upper;
            }
        }
    }
}

/// Samples to quantized blocks by the precise transform.
#[derive(Debug, Clone)]
pub(crate) struct PreciseForward {
    steps: [f32; 64],
    rounding: Rounding,
}

impl PreciseForward {
    pub(crate) fn new(table: &QuantizationTable, rounding: Rounding) -> Self {
        Self {
            steps: table.to_natural().map(f32::from),
            rounding,
        }
    }

    /// Fills blocks from eight rows of samples, as wide as the blocks are together.
    pub(crate) fn row(&self, vectors: Vectors, rows: &[f32], blocks: &mut [Block]) {
        vectors.run(PreciseForwardRow {
            rows: rows.as_chunks().0,
            steps: &self.steps,
            rounding: self.rounding,
            blocks,
        });
    }
}

struct PreciseForwardRow<'a> {
    rows: &'a [[f32; 8]],
    steps: &'a [f32; 64],
    rounding: Rounding,
    blocks: &'a mut [Block],
}

impl PreciseForwardRow<'_> {
    #[inline(always)]
    fn samples(&self, x: usize) -> [[f32; 8]; 8] {
        let mut samples = [[0.0; 8]; 8];
        for (y, samples) in samples.iter_mut().enumerate() {
            *samples = self.rows[y * self.blocks.len() + x];
        }
        samples
    }

    #[inline(always)]
    fn put(&mut self, x: usize, coefficients: &[[f32; 8]; 8]) {
        // One loop for each rule, so that the rule is known inside it.
        match self.rounding {
            Rounding::HalfAwayFromZero => {
                self.put_by(x, coefficients, Rounding::HalfAwayFromZero);
            }
            Rounding::HalfToEven => self.put_by(x, coefficients, Rounding::HalfToEven),
            Rounding::HalfTowardZero => self.put_by(x, coefficients, Rounding::HalfTowardZero),
        }
    }

    #[inline(always)]
    fn put_by(&mut self, x: usize, coefficients: &[[f32; 8]; 8], rounding: Rounding) {
        let levels = self.blocks[x].iter_mut();
        let values = coefficients.as_flattened().iter().zip(self.steps);
        for (level, (&value, &step)) in levels.zip(values) {
            *level = rounding.divide_real(value, step);
        }
    }
}

impl Kernel for PreciseForwardRow<'_> {
    #[inline(always)]
    fn portable(mut self) {
        for x in 0..self.blocks.len() {
            let coefficients = precise::forward(&self.samples(x));
            self.put(x, &coefficients);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn avx2(mut self, v: Avx2) {
        for x in 0..self.blocks.len() {
            let samples = self.samples(x);
            if self.rounding == Rounding::HalfAwayFromZero {
                self.blocks[x] = avx2::precise::forward_quantized(v, samples, self.steps);
            } else {
                let coefficients = avx2::precise::forward(v, samples);
                self.put(x, &coefficients);
            }
        }
    }
}

/// Puts the samples of block `x` of `wide` into eight rows.
#[inline(always)]
fn put<T: Copy>(rows: &mut [[T; 8]], wide: usize, x: usize, samples: &[[T; 8]; 8]) {
    for (y, samples) in samples.iter().enumerate() {
        rows[y * wide + x] = *samples;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Blocks of every extent: a DC level, levels in the first row or column, in the first four, in the upper left
    /// quarter, anywhere.
    fn any_block() -> impl Strategy<Value = Block> {
        let level = prop_oneof![4 => -40_i16..=40, 2 => -2048_i16..=2048, 1 => any::<i16>()];
        let position = prop_oneof![
            Just(0_usize),
            0_usize..8,
            (0_usize..8).prop_map(|row| 8 * row),
            0_usize..64
        ];
        // One kind of position a block, so that blocks of one row or column are common.
        (0_usize..7, prop::collection::vec((level, position), 0..24)).prop_map(|(kind, levels)| {
            let mut block = [0; 64];
            for (level, position) in levels {
                let position = match kind {
                    0 => 0,
                    1 => position % 8,
                    2 => position / 8 * 8,
                    3 => position % 32,
                    4 => position / 8 * 8 + position % 4,
                    5 => position % 32 / 8 * 8 + position % 4,
                    _ => position,
                };
                block[position] = level;
            }
            block
        })
    }

    fn any_table() -> impl Strategy<Value = QuantizationTable> {
        let step = prop_oneof![8 => 1_u16..64, 1 => 1_u16..=u16::MAX];
        prop::collection::vec(step, 64)
            .prop_map(|steps| QuantizationTable::from_natural(steps.try_into().unwrap()).unwrap())
    }

    /// Samples of each block, cut out of the rows.
    fn blocks_of<T: Copy + Default>(rows: &[T], wide: usize) -> Vec<[[T; 8]; 8]> {
        let chunks = rows.as_chunks::<8>().0;
        (0..wide)
            .map(|x| std::array::from_fn(|y| chunks[y * wide + x]))
            .collect()
    }

    fn assert_integer_rows(blocks: &[Block], table: &QuantizationTable) {
        let steps = integer::wrapping_steps(table);
        let expected: Vec<_> = blocks
            .iter()
            .map(|block| integer::inverse(block, &steps))
            .collect();
        for vectors in [Vectors::detected(), Vectors::of_the_target()] {
            let mut rows = vec![1; 64 * blocks.len()];
            IntegerInverse::new(table).row(vectors, blocks, &mut rows);
            assert_eq!(blocks_of(&rows, blocks.len()), expected);
        }
    }

    fn assert_precise_rows(blocks: &[Block], table: &QuantizationTable) {
        let steps = table.to_natural().map(f32::from);
        let expected: Vec<_> = blocks
            .iter()
            .map(|block| {
                let coefficients: [f32; 64] =
                    std::array::from_fn(|i| f32::from(block[i]) * steps[i]);
                let rows = coefficients.as_chunks::<8>().0;
                precise::inverse(rows.first_chunk().unwrap()).map(|row| row.map(f32::to_bits))
            })
            .collect();
        for vectors in [Vectors::detected(), Vectors::of_the_target()] {
            let mut rows = vec![1.0; 64 * blocks.len()];
            PreciseInverse::new(table).row(vectors, blocks, &mut rows);
            let rows: Vec<u32> = rows.into_iter().map(f32::to_bits).collect();
            assert_eq!(blocks_of(&rows, blocks.len()), expected);
        }
    }

    /// Each number of rows and columns, filled with the largest levels, with levels that cancel each other and
    /// with one level at the far corner.
    #[test]
    fn extremes_of_every_extent_equal_those_of_the_scalar_transform() {
        for step in [1, 255, u16::MAX] {
            let table = QuantizationTable::uniform(step).unwrap();
            let mut blocks = Vec::new();
            for (high, wide) in (0..64).map(|index| (index / 8, index % 8)) {
                for [even, odd] in [
                    [i16::MAX; 2],
                    [i16::MIN; 2],
                    [i16::MIN, i16::MAX],
                    [1, -1],
                    [0, 0],
                ] {
                    let mut block: Block = std::array::from_fn(|index| {
                        let (y, x) = (index / 8, index % 8);
                        let level = if (y + x) % 2 == 0 { even } else { odd };
                        if y <= high && x <= wide { level } else { 0 }
                    });
                    if even == 0 {
                        block[8 * high + wide] = -1;
                    }
                    blocks.push(block);
                }
            }
            assert_integer_rows(&blocks, &table);
            assert_precise_rows(&blocks, &table);
        }
    }

    proptest! {
        #[test]
        fn integer_rows_equal_the_blocks_of_the_scalar_transform(
            blocks in prop::collection::vec(any_block(), 0..9),
            table in any_table(),
        ) {
            assert_integer_rows(&blocks, &table);
        }

        #[test]
        fn precise_rows_equal_the_blocks_of_the_scalar_transform(
            blocks in prop::collection::vec(any_block(), 0..5),
            table in any_table(),
        ) {
            assert_precise_rows(&blocks, &table);
        }

        #[test]
        fn forward_rows_equal_the_blocks_of_the_scalar_transform(
            samples in prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(255)], 5 * 64),
            wide in 0_usize..=5,
            table in any_table(),
        ) {
            let samples = &samples[..64 * wide];
            let divisors = integer::Divisors::new(&table);
            let expected: Vec<_> = blocks_of(samples, wide).iter().map(|block| {
                divisors.quantize(&integer::forward(&block.map(|row| row.map(|sample| i16::from(sample) - 128))))
            }).collect();
            let reals: Vec<f32> = samples.iter().map(|&sample| f32::from(sample) - 127.7).collect();
            let steps = table.to_natural().map(f32::from);
            for vectors in [Vectors::detected(), Vectors::of_the_target()] {
                let mut blocks = vec![[1; 64]; wide];
                IntegerForward::new(&table).row(vectors, samples, &mut blocks);
                prop_assert_eq!(&blocks, &expected);
                for rounding in [Rounding::HalfAwayFromZero, Rounding::HalfToEven, Rounding::HalfTowardZero] {
                    PreciseForward::new(&table, rounding).row(vectors, &reals, &mut blocks);
                    for (found, block) in blocks.iter().zip(blocks_of(&reals, wide)) {
                        let coefficients = precise::forward(&block);
                        let expected: Block = std::array::from_fn(|i| {
                            rounding.divide_real(coefficients[i / 8][i % 8], steps[i])
                        });
                        prop_assert_eq!(found, &expected);
                    }
                }
            }
        }
    }
}
