//! The running sums over one image, before they are brought to sixteenths and added to the others.

use std::collections::BTreeMap;

use crate::band::{BANDS, Block};

use super::sums::{BandSums, IMAGE_SCALE, squared_deviation};

/// The running sums over one component of one image, in whatever unit its values have.
///
/// Values are below 2^16 in magnitude (levels are i16; sixteenths of coefficients of 8-bit samples are
/// below 2^15) and an image has fewer than 2^27 blocks, so squares sum below 2^59.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tally {
    blocks: u64,
    sum: [i64; BANDS],
    squares: [u64; BANDS],
    magnitudes: [u64; BANDS],
    low: [i32; BANDS],
    high: [i32; BANDS],
    /// Exact values and their counts, where a histogram is wanted.
    values: Option<Vec<BTreeMap<i32, u64>>>,
}

impl Tally {
    pub(super) fn new(histogram: bool) -> Self {
        Self {
            blocks: 0,
            sum: [0; BANDS],
            squares: [0; BANDS],
            magnitudes: [0; BANDS],
            low: [i32::MAX; BANDS],
            high: [i32::MIN; BANDS],
            values: histogram.then(|| vec![BTreeMap::new(); BANDS]),
        }
    }

    pub(super) const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Adds blocks of levels.
    pub(super) fn add_levels(&mut self, blocks: &[Block]) {
        for batch in blocks.chunks(BATCH) {
            match Narrow::of(batch) {
                Some(narrow) => self.add_narrow(&narrow),
                None => batch
                    .iter()
                    .for_each(|block| self.add_wide(&block.map(i32::from))),
            }
            self.blocks += batch.len() as u64;
        }
        if self.values.is_some() {
            for block in blocks {
                self.count_values(&block.map(i32::from));
            }
        }
    }

    /// Adds real coefficients, rounded to sixteenths.
    pub(super) fn add_real(&mut self, coefficients: &[[f32; 8]; 8]) {
        let mut values = [0; BANDS];
        for (value, &coefficient) in values.iter_mut().zip(coefficients.as_flattened()) {
            // A product and a sum of floats that are exact here, then truncation: halves away from zero.
            let scaled = coefficient * 16.0;
            #[expect(clippy::cast_possible_truncation, reason = "below 2^15")]
            {
                *value = (scaled + 0.5_f32.copysign(scaled)) as i32;
            }
        }
        self.add_wide(&values);
        self.count_values(&values);
        self.blocks += 1;
    }

    fn add_narrow(&mut self, narrow: &Narrow) {
        for band in 0..BANDS {
            self.sum[band] += i64::from(narrow.sum[band]);
            self.squares[band] += u64::from(narrow.squares[band]);
            self.magnitudes[band] += u64::from(narrow.magnitudes[band]);
            self.low[band] = self.low[band].min(narrow.low[band].into());
            self.high[band] = self.high[band].max(narrow.high[band].into());
        }
    }

    fn add_wide(&mut self, values: &[i32; BANDS]) {
        for (band, &value) in values.iter().enumerate() {
            let magnitude = value.unsigned_abs();
            self.sum[band] += i64::from(value);
            self.squares[band] += u64::from(magnitude) * u64::from(magnitude);
            self.magnitudes[band] += u64::from(magnitude);
            self.low[band] = self.low[band].min(value);
            self.high[band] = self.high[band].max(value);
        }
    }

    fn count_values(&mut self, values: &[i32; BANDS]) {
        if let Some(counts) = &mut self.values {
            for (counts, &value) in counts.iter_mut().zip(values) {
                *counts.entry(value).or_default() += 1;
            }
        }
    }

    /// The image's sums of one band, each value being worth `unit` sixteenths.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an image's own figures are rounded once, the same way everywhere"
    )]
    pub(super) fn band(&self, band: usize, unit: i64, bin_width: u32) -> BandSums {
        let sum = i128::from(self.sum[band]) * i128::from(unit);
        let squares = u128::from(self.squares[band]) * u128::from(unit.unsigned_abs().pow(2));
        let magnitudes = u128::from(self.magnitudes[band]) * u128::from(unit.unsigned_abs());
        let blocks = self.blocks as f64;
        let deviation = (squared_deviation(self.blocks, sum, squares) as f64).sqrt() / blocks;
        let mut histogram = BTreeMap::new();
        if let Some(counts) = &self.values {
            for (&value, &count) in &counts[band] {
                let bin = (i64::from(value) * unit).div_euclid(i64::from(bin_width));
                *histogram.entry(bin).or_default() += count;
            }
        }
        BandSums {
            sum,
            squares,
            magnitudes,
            range: Some((
                i64::from(self.low[band]) * unit,
                i64::from(self.high[band]) * unit,
            )),
            image_means: (sum as f64 / blocks * IMAGE_SCALE).round() as i128,
            image_deviations: (deviation * IMAGE_SCALE).round() as u128,
            image_magnitudes: (magnitudes as f64 / blocks * IMAGE_SCALE).round() as u128,
            histogram,
        }
    }
}

/// Blocks that are added up in integers of 32 bits at a time.
const BATCH: usize = 1024;
/// Blocks that are added up in integers of 16 bits at a time.
const SMALL_BATCH: usize = 16;
/// The largest magnitude of a level for both: all of samples of 8 bits that a file can hold.
const LARGEST_NARROW: i16 = 2047;

const _: () = {
    let largest = LARGEST_NARROW as u64;
    assert!(BATCH as u64 * largest * largest <= u32::MAX as u64);
    assert!(SMALL_BATCH as u64 * largest <= i16::MAX as u64);
};

/// The sums over a batch.
struct Narrow {
    sum: [i32; BANDS],
    magnitudes: [u32; BANDS],
    squares: [u32; BANDS],
    low: [i16; BANDS],
    high: [i16; BANDS],
}

impl Narrow {
    /// The sums over at most [`BATCH`] blocks; `None` where a level may be too large for them.
    fn of(batch: &[Block]) -> Option<Self> {
        let mut sums = Self {
            sum: [0; BANDS],
            magnitudes: [0; BANDS],
            squares: [0; BANDS],
            low: [i16::MAX; BANDS],
            high: [i16::MIN; BANDS],
        };
        for small in batch.chunks(SMALL_BATCH) {
            sums.add(small);
        }
        let fits = |bound: i16| (-LARGEST_NARROW..=LARGEST_NARROW).contains(&bound);
        let all_fit = sums.low.into_iter().all(fits) && sums.high.into_iter().all(fits);
        all_fit.then_some(sums)
    }

    /// Adds at most [`SMALL_BATCH`] blocks. Sums may wrap where a level is too large, which its range tells.
    fn add(&mut self, blocks: &[Block]) {
        let (mut sum, mut magnitudes) = ([0; BANDS], [0; BANDS]);
        let (eights, rest) = blocks.as_chunks::<8>();
        for eight in eights {
            self.add_some(eight, &mut sum, &mut magnitudes);
        }
        for block in rest {
            self.add_some(&[*block], &mut sum, &mut magnitudes);
        }
        for band in 0..BANDS {
            self.sum[band] += i32::from(sum[band]);
            self.magnitudes[band] += u32::from(magnitudes[band]);
        }
    }

    /// Adds some blocks at once, so that the sums are loaded and stored once for all.
    #[inline(always)]
    fn add_some<const COUNT: usize>(
        &mut self,
        blocks: &[Block; COUNT],
        sums: &mut [i16; BANDS],
        sums_of_magnitudes: &mut [u16; BANDS],
    ) {
        for band in 0..BANDS {
            let (mut sum, mut magnitudes) = (sums[band], sums_of_magnitudes[band]);
            let (mut low, mut high) = (self.low[band], self.high[band]);
            for block in blocks {
                let level = block[band];
                sum = sum.wrapping_add(level);
                magnitudes = magnitudes.wrapping_add(level.unsigned_abs());
                low = low.min(level);
                high = high.max(level);
            }
            (sums[band], sums_of_magnitudes[band]) = (sum, magnitudes);
            (self.low[band], self.high[band]) = (low, high);
        }
        // A loop of its own: it has half as many lanes.
        for band in 0..BANDS {
            let mut squares = self.squares[band];
            for block in blocks {
                let level = i32::from(block[band]);
                squares = squares.wrapping_add((level * level).cast_unsigned());
            }
            self.squares[band] = squares;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_of_batches_are_those_of_single_blocks(
            runs in prop::collection::vec((prop_oneof![9 => 1..40_usize, 1 => 1000..1100_usize], prop_oneof![
                Just(1_i16), Just(2047), Just(2048), Just(i16::MAX),
            ], any::<u64>()), 1..6),
        ) {
            let mut blocks = Vec::new();
            for (count, largest, mut seed) in runs {
                for _ in 0..count {
                    blocks.push(std::array::from_fn(|_| {
                        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        // Extremes of either sign, and zeros.
                        [largest, -largest, 0, largest.wrapping_neg().saturating_sub(1)][(seed >> 62) as usize]
                    }));
                }
            }
            let (mut batches, mut single) = (Tally::new(true), Tally::new(true));
            batches.add_levels(&blocks);
            for block in &blocks {
                let values = block.map(i32::from);
                single.add_wide(&values);
                single.count_values(&values);
                single.blocks += 1;
            }
            prop_assert_eq!(batches, single);
        }
    }
}
