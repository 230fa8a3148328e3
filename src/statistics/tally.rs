//! The running sums over one image, before they are brought to sixteenths and added to the others.

use std::collections::BTreeMap;

use crate::band::{BANDS, Block};
#[cfg(target_arch = "x86_64")]
use crate::vectors::Avx2;
use crate::vectors::{Kernel, Vectors};

use super::run::{LANES, LARGEST, QUARTERS, RUN, RunSums, lanes};
use super::sums::{BandSums, IMAGE_SCALE, ImageSums, squared_deviation};

/// The running sums over one component of one image, in whatever unit its values have.
///
/// Values are of 16 bits (levels are; sixteenths of coefficients of 8-bit samples are below 2^15) and an
/// image has fewer than 2^27 blocks, so values sum below 2^42 and squares below 2^57.
#[derive(Debug)]
pub(super) struct Tally {
    vectors: Vectors,
    blocks: u64,
    /// [`QUARTERS`] of them, on the heap: a tally is moved while it is made.
    quarters: Vec<Quarter>,
    /// Blocks in the sums of 32 bits.
    recent: usize,
    /// Exact values and their counts, where a histogram is wanted.
    values: Option<Vec<BTreeMap<i16, u64>>>,
}

/// The sums over a quarter of the bands.
#[derive(Debug, Clone, Copy)]
struct Quarter {
    low: [i16; LANES],
    high: [i16; LANES],
    /// Of recent blocks, at most [`BATCH`].
    sum: [i32; LANES],
    magnitudes: [u32; LANES],
    squares: [u32; LANES],
    /// Of blocks before them, and of those with levels too large for the above.
    earlier_sum: [i64; LANES],
    earlier_magnitudes: [u64; LANES],
    earlier_squares: [u64; LANES],
}

/// Most blocks that are added up in integers of 32 bits.
const BATCH: usize = 1024;

const _: () = assert!(BATCH as u64 * (LARGEST as u64).pow(2) <= u32::MAX as u64);

impl Tally {
    pub(super) fn new(vectors: Vectors, histogram: bool) -> Self {
        Self {
            vectors,
            blocks: 0,
            quarters: vec![Quarter::EMPTY; QUARTERS],
            recent: 0,
            values: histogram.then(|| vec![BTreeMap::new(); BANDS]),
        }
    }

    pub(super) const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Adds blocks of values.
    pub(super) fn add(&mut self, blocks: &[Block]) {
        self.vectors.run(AddBlocks {
            quarters: &mut self.quarters,
            recent: &mut self.recent,
            blocks,
        });
        self.blocks += blocks.len() as u64;
        if let Some(values) = &mut self.values {
            for block in blocks {
                for (counts, &value) in values.iter_mut().zip(block) {
                    *counts.entry(value).or_default() += 1;
                }
            }
        }
    }

    /// Adds the image to the sums over all images, each value of a band being worth so many sixteenths: below 2^20.
    pub(super) fn add_to(&self, sums: &mut [BandSums], units: &[u64; BANDS], bin_width: u32) {
        let mut figures = Figures::of(self, units);
        self.vectors.run(Averages {
            figures: &mut figures,
            blocks: self.blocks,
        });
        for (band, (sums, &unit)) in sums.iter_mut().zip(units).enumerate() {
            let (quarter, lane) = (&self.quarters[band / LANES], band % LANES);
            let worth = |value: i64| value * unit.cast_signed();
            sums.widen(
                worth(quarter.low[lane].into()),
                worth(quarter.high[lane].into()),
            );
            let magnitudes = quarter.magnitudes(lane);
            if magnitudes > 0 {
                sums.add_image(&ImageSums {
                    sum: worth(quarter.sum(lane)),
                    squares: u128::from(quarter.squares(lane)) * u128::from(unit * unit),
                    magnitudes: magnitudes * unit,
                    mean: rounded(figures.means[band]),
                    deviation: rounded(figures.deviations[band]).unsigned_abs(),
                    mean_magnitude: rounded(figures.magnitudes[band]).unsigned_abs(),
                });
            }
            if let Some(values) = &self.values {
                for (&value, &count) in &values[band] {
                    let bin = worth(value.into()).div_euclid(i64::from(bin_width));
                    sums.count(bin, count);
                }
            }
        }
    }
}

/// An image's own figures, band by band.
struct Figures {
    means: [f64; BANDS],
    deviations: [f64; BANDS],
    magnitudes: [f64; BANDS],
}

impl Figures {
    /// The sums, and the variances times the squared number of blocks.
    #[expect(
        clippy::cast_precision_loss,
        reason = "figures are rounded once, the same way everywhere"
    )]
    fn of(tally: &Tally, units: &[u64; BANDS]) -> Self {
        let mut figures = Self {
            means: [0.0; BANDS],
            deviations: [0.0; BANDS],
            magnitudes: [0.0; BANDS],
        };
        for (band, &unit) in units.iter().enumerate() {
            let (quarter, lane) = (&tally.quarters[band / LANES], band % LANES);
            let (sum, magnitudes) = (quarter.sum(lane), quarter.magnitudes(lane));
            if magnitudes == 0 {
                continue;
            }
            let spread = squared_deviation(tally.blocks, sum.into(), quarter.squares(lane).into());
            // Below 2^62, and 2^84 times 2^40.
            figures.means[band] = (sum * unit.cast_signed()) as f64;
            figures.magnitudes[band] = (magnitudes * unit) as f64;
            figures.deviations[band] = (spread * u128::from(unit * unit)) as f64;
        }
        figures
    }
}

/// Makes averages of sums, in the fractions in which images' own figures are added up.
struct Averages<'a> {
    figures: &'a mut Figures,
    blocks: u64,
}

impl Kernel for Averages<'_> {
    #[inline(always)]
    #[expect(clippy::cast_precision_loss, reason = "below 2^27")]
    fn portable(self) {
        let blocks = self.blocks as f64;
        for mean in &mut self.figures.means {
            *mean = *mean / blocks * IMAGE_SCALE;
        }
        for deviation in &mut self.figures.deviations {
            *deviation = deviation.sqrt() / blocks * IMAGE_SCALE;
        }
        for magnitude in &mut self.figures.magnitudes {
            *magnitude = *magnitude / blocks * IMAGE_SCALE;
        }
    }
}

/// The nearest integer of a number below 2^56, halves away from zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a number of 2^53 or more is an integer, and so is what is cut off its end"
)]
fn rounded(value: f64) -> i64 {
    let whole = value as i64;
    let rest = value - whole as f64;
    whole + i64::from(rest >= 0.5) - i64::from(rest <= -0.5)
}

impl Quarter {
    const EMPTY: Self = Self {
        low: [i16::MAX; LANES],
        high: [i16::MIN; LANES],
        sum: [0; LANES],
        magnitudes: [0; LANES],
        squares: [0; LANES],
        earlier_sum: [0; LANES],
        earlier_magnitudes: [0; LANES],
        earlier_squares: [0; LANES],
    };

    fn sum(&self, lane: usize) -> i64 {
        self.earlier_sum[lane] + i64::from(self.sum[lane])
    }

    fn magnitudes(&self, lane: usize) -> u64 {
        self.earlier_magnitudes[lane] + u64::from(self.magnitudes[lane])
    }

    fn squares(&self, lane: usize) -> u64 {
        self.earlier_squares[lane] + u64::from(self.squares[lane])
    }

    /// Makes room for more recent blocks.
    #[inline(always)]
    fn settle(&mut self) {
        for lane in 0..LANES {
            self.earlier_sum[lane] += i64::from(self.sum[lane]);
            self.earlier_magnitudes[lane] += u64::from(self.magnitudes[lane]);
            self.earlier_squares[lane] += u64::from(self.squares[lane]);
        }
        self.sum = [0; LANES];
        self.magnitudes = [0; LANES];
        self.squares = [0; LANES];
    }

    #[inline(always)]
    fn widen(&mut self, low: &[i16; LANES], high: &[i16; LANES]) {
        for (lowest, &low) in self.low.iter_mut().zip(low) {
            *lowest = low.min(*lowest);
        }
        for (highest, &high) in self.high.iter_mut().zip(high) {
            *highest = high.max(*highest);
        }
    }

    // A loop for each array becomes vectors; one for all does not.
    #[inline(always)]
    fn add(&mut self, run: &RunSums) {
        self.widen(&run.low, &run.high);
        for (total, &sum) in self.sum.iter_mut().zip(&run.sum) {
            *total += i32::from(sum);
        }
        for (total, &sum) in self.magnitudes.iter_mut().zip(&run.magnitudes) {
            *total += u32::from(sum);
        }
        for (total, &sum) in self.squares.iter_mut().zip(&run.squares) {
            *total += sum;
        }
    }

    /// Adds what is too large for the sums of a run.
    #[inline(always)]
    fn add_large(&mut self, values: &[i16; LANES]) {
        for (lane, &value) in values.iter().enumerate() {
            let magnitude = u32::from(value.unsigned_abs());
            self.low[lane] = self.low[lane].min(value);
            self.high[lane] = self.high[lane].max(value);
            self.earlier_sum[lane] += i64::from(value);
            self.earlier_magnitudes[lane] += u64::from(magnitude);
            self.earlier_squares[lane] += u64::from(magnitude * magnitude);
        }
    }
}

struct AddBlocks<'a> {
    quarters: &'a mut [Quarter],
    recent: &'a mut usize,
    blocks: &'a [Block],
}

impl AddBlocks<'_> {
    #[inline(always)]
    fn run(self, sums: impl Fn(&[Block], usize) -> RunSums) {
        for run in self.blocks.chunks(RUN) {
            if *self.recent + run.len() > BATCH {
                for quarter in &mut *self.quarters {
                    quarter.settle();
                }
                *self.recent = 0;
            }
            *self.recent += run.len();
            for (index, quarter) in self.quarters.iter_mut().enumerate() {
                let sums = sums(run, index);
                if sums.fit {
                    quarter.add(&sums);
                } else {
                    for block in run {
                        quarter.add_large(lanes(block, index));
                    }
                }
            }
        }
    }
}

impl Kernel for AddBlocks<'_> {
    #[inline(always)]
    fn portable(self) {
        self.run(RunSums::portable);
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn avx2(self, v: Avx2) {
        self.run(
            #[inline(always)]
            |run, quarter| RunSums::avx2(v, run, quarter),
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The sums of one band, value by value.
    #[expect(clippy::cast_sign_loss, reason = "neither is negative")]
    fn expected(blocks: &[Block], band: usize, unit: i128) -> BandSums {
        let values = || blocks.iter().map(|block| i128::from(block[band]) * unit);
        let (low, high) = (values().min().unwrap(), values().max().unwrap());
        let sum: i128 = values().sum();
        let squares: i128 = values().map(|value| value * value).sum();
        let magnitudes: i128 = values().map(i128::abs).sum();
        let count = blocks.len() as f64;
        let spread = blocks.len() as i128 * squares - sum * sum;
        let mut histogram = BTreeMap::new();
        for value in values() {
            *histogram
                .entry(i64::try_from(value.div_euclid(7)).unwrap())
                .or_default() += 1;
        }
        BandSums {
            sum,
            squares: squares.unsigned_abs(),
            magnitudes: magnitudes.unsigned_abs(),
            range: Some((low.try_into().unwrap(), high.try_into().unwrap())),
            image_means: (sum as f64 / count * IMAGE_SCALE).round() as i128,
            image_deviations: ((spread as f64).sqrt() / count * IMAGE_SCALE).round() as u128,
            image_magnitudes: (magnitudes as f64 / count * IMAGE_SCALE).round() as u128,
            histogram,
        }
    }

    proptest! {
        #[test]
        fn sums_are_those_of_the_values_however_they_come(
            runs in prop::collection::vec((prop_oneof![9 => 1..40_usize, 1 => 1000..1100_usize], prop_oneof![
                Just(0_i16), Just(1), Just(2047), Just(2048), Just(i16::MAX),
            ], any::<u64>()), 1..6),
            large_bands in any::<u64>(),
            unit in prop_oneof![Just(1_u64), Just(16), Just(16 * 255), Just(16 * 65535)],
            pieces in 1..50_usize,
        ) {
            let mut blocks: Vec<Block> = Vec::new();
            for (count, largest, mut seed) in runs {
                for _ in 0..count {
                    blocks.push(std::array::from_fn(|band| {
                        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        let largest = if large_bands >> band & 1 == 1 { largest } else { largest.min(3) };
                        // Extremes of either sign, and zeros.
                        [largest, -largest, 0, largest.wrapping_neg().saturating_sub(1)][(seed >> 62) as usize]
                    }));
                }
            }
            for vectors in [Vectors::detected(), Vectors::of_the_target()] {
                let mut tally = Tally::new(vectors, true);
                for piece in blocks.chunks(pieces) {
                    tally.add(piece);
                }
                prop_assert_eq!(tally.blocks(), blocks.len() as u64);
                let mut sums = vec![BandSums::default(); BANDS];
                tally.add_to(&mut sums, &[unit; BANDS], 7);
                for (band, sums) in sums.into_iter().enumerate() {
                    prop_assert_eq!(sums, expected(&blocks, band, unit.into()));
                }
            }
        }

        #[test]
        fn figures_are_rounded_as_floats_are(value in prop_oneof![
            -1e4..1e4, -(2_f64.powi(56))..2_f64.powi(56), (-100_000..100_000_i32).prop_map(|halves| f64::from(halves) / 2.0),
            (-100_000..100_000_i32).prop_map(|halves| (f64::from(halves) / 2.0).next_down()),
        ]) {
            prop_assert_eq!(rounded(value), value.round() as i64);
        }
    }
}
