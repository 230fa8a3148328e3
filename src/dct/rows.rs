//! Rows of blocks and the eight rows of samples that they stand for: the transforms as kernels.

use crate::band::Block;
use crate::quantization::QuantizationTable;
#[cfg(target_arch = "x86_64")]
use crate::vectors::Avx2;
use crate::vectors::{Kernel, Vectors};

#[cfg(target_arch = "x86_64")]
use super::avx2::{self, Extent};
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
        let first_row_only = [a.1, b.1].map(|extent| extent == Extent::FirstRow);
        let [samples_a, samples_b] = avx2::inverse(v, blocks, first_row_only, self.steps);
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
            let extent = avx2::extent(v, block);
            if extent == Extent::Dc {
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

impl Kernel for PreciseInverseRow<'_> {
    #[inline(always)]
    fn portable(self) {
        for (x, block) in self.blocks.iter().enumerate() {
            let mut coefficients = [[0.0; 8]; 8];
            let values = coefficients.as_flattened_mut().iter_mut();
            for ((value, &level), step) in values.zip(block).zip(self.steps) {
                *value = f32::from(level) * step;
            }
            let samples = precise::inverse(&coefficients);
            put(self.rows, self.blocks.len(), x, &samples);
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

    /// Blocks of every extent: a DC level, levels anywhere, in the first row and in the first column.
    fn any_block() -> impl Strategy<Value = Block> {
        let level = prop_oneof![4 => -40_i16..=40, 2 => -2048_i16..=2048, 1 => any::<i16>()];
        let position = prop_oneof![
            Just(0_usize),
            0_usize..8,
            (0_usize..8).prop_map(|row| 8 * row),
            0_usize..64
        ];
        // One kind of position a block, so that blocks of one row or column are common.
        (0_usize..4, prop::collection::vec((level, position), 0..24)).prop_map(|(kind, levels)| {
            let mut block = [0; 64];
            for (level, position) in levels {
                let position = match kind {
                    0 => 0,
                    1 => position % 8,
                    2 => position / 8 * 8,
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

    proptest! {
        #[test]
        fn integer_rows_equal_the_blocks_of_the_scalar_transform(
            blocks in prop::collection::vec(any_block(), 0..9),
            table in any_table(),
        ) {
            let steps = integer::wrapping_steps(&table);
            let expected: Vec<_> = blocks.iter().map(|block| integer::inverse(block, &steps)).collect();
            for vectors in [Vectors::detected(), Vectors::of_the_target()] {
                let mut rows = vec![1; 64 * blocks.len()];
                IntegerInverse::new(&table).row(vectors, &blocks, &mut rows);
                prop_assert_eq!(&blocks_of(&rows, blocks.len()), &expected);
            }
        }

        #[test]
        fn precise_rows_equal_the_blocks_of_the_scalar_transform(
            blocks in prop::collection::vec(any_block(), 0..5),
            table in any_table(),
        ) {
            let steps = table.to_natural().map(f32::from);
            let expected: Vec<_> = blocks.iter().map(|block| {
                let coefficients: [f32; 64] = std::array::from_fn(|i| f32::from(block[i]) * steps[i]);
                let rows = coefficients.as_chunks::<8>().0;
                precise::inverse(rows.first_chunk().unwrap()).map(|row| row.map(f32::to_bits))
            }).collect();
            for vectors in [Vectors::detected(), Vectors::of_the_target()] {
                let mut rows = vec![1.0; 64 * blocks.len()];
                PreciseInverse::new(&table).row(vectors, &blocks, &mut rows);
                let rows: Vec<u32> = rows.into_iter().map(f32::to_bits).collect();
                prop_assert_eq!(&blocks_of(&rows, blocks.len()), &expected);
            }
        }
    }
}
