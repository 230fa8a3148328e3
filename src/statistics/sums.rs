//! The integers behind the statistics, from one image's tally to the figures of a band.

use std::collections::BTreeMap;

use super::Weighting;

/// Units to a coefficient.
pub(super) const UNITS: f64 = 16.0;

/// Fraction of a unit to which an image's own figures are rounded before they are added up.
const IMAGE_FRACTION: u32 = 1 << 20;
pub(super) const IMAGE_SCALE: f64 = IMAGE_FRACTION as f64;

/// Largest magnitude of a coefficient: 2^15 times 2^16 sixteenths of a step.
#[cfg(feature = "serde")]
const LARGEST: u64 = 1 << 35;

/// Sums of one band over all images, in sixteenths of a coefficient.
///
/// A coefficient is a level below 2^15 times a step below 2^16, so below 2^35 sixteenths; its square
/// is below 2^70, and 2^57 blocks of the worst file fit the sums.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct BandSums {
    pub(super) sum: i128,
    pub(super) squares: u128,
    pub(super) magnitudes: u128,
    /// Smallest and largest value; `None` before the first.
    pub(super) range: Option<(i64, i64)>,
    /// The images' own means, deviations and mean magnitudes, added up in [`IMAGE_SCALE`] fractions.
    pub(super) image_means: i128,
    pub(super) image_deviations: u128,
    pub(super) image_magnitudes: u128,
    pub(super) histogram: BTreeMap<i64, u64>,
}

/// What one image adds to the sums of a band, in sixteenths.
#[derive(Debug)]
pub(super) struct ImageSums {
    pub(super) sum: i64,
    pub(super) squares: u128,
    pub(super) magnitudes: u64,
    /// The image's own figures, in [`IMAGE_SCALE`] fractions.
    pub(super) mean: i64,
    pub(super) deviation: u64,
    pub(super) mean_magnitude: u64,
}

impl BandSums {
    // Saturation takes more blocks than any archive has, or sums that no image made.

    pub(super) fn add_image(&mut self, image: &ImageSums) {
        let add = |sum: &mut u128, term: u128| *sum = sum.saturating_add(term);
        self.sum = self.sum.saturating_add(image.sum.into());
        add(&mut self.squares, image.squares);
        add(&mut self.magnitudes, image.magnitudes.into());
        self.image_means = self.image_means.saturating_add(image.mean.into());
        add(&mut self.image_deviations, image.deviation.into());
        add(&mut self.image_magnitudes, image.mean_magnitude.into());
    }

    /// Takes the smallest and the largest value of an image into the range.
    pub(super) fn widen(&mut self, low: i64, high: i64) {
        let (lowest, highest) = self.range.unwrap_or((low, high));
        self.range = Some((lowest.min(low), highest.max(high)));
    }

    /// Adds to the histogram.
    pub(super) fn count(&mut self, bin: i64, count: u64) {
        let counted = self.histogram.entry(bin).or_default();
        *counted = counted.saturating_add(count);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.squares = self.squares.saturating_add(other.squares);
        self.magnitudes = self.magnitudes.saturating_add(other.magnitudes);
        self.range = match (self.range, other.range) {
            (Some((low, high)), Some((other_low, other_high))) => {
                Some((low.min(other_low), high.max(other_high)))
            }
            (one, other) => one.or(other),
        };
        self.image_means = self.image_means.saturating_add(other.image_means);
        self.image_deviations = self.image_deviations.saturating_add(other.image_deviations);
        self.image_magnitudes = self.image_magnitudes.saturating_add(other.image_magnitudes);
        for (&bin, &count) in &other.histogram {
            self.count(bin, count);
        }
    }

    /// Whether `count` coefficients can have these sums, in as many images as there are `figures`.
    #[cfg(feature = "serde")]
    pub(super) fn is_possible(&self, count: u64, figures: u64, bin_width: u32) -> bool {
        let (low, high) = self.range.unwrap_or((0, 0));
        let count_wide = u128::from(count);
        let largest = u128::from(low.unsigned_abs().max(high.unsigned_abs()));
        let counted: u128 = self
            .histogram
            .values()
            .map(|&count| u128::from(count))
            .sum();
        self.range.is_some() == (count > 0)
            && low <= high
            && low.unsigned_abs().max(high.unsigned_abs()) <= LARGEST
            && self.sum.unsigned_abs() <= self.magnitudes
            && self.magnitudes <= count_wide.saturating_mul(largest)
            && self.magnitudes <= self.squares
            && self.squares <= self.magnitudes.saturating_mul(largest)
            && self.moments_are_possible(low, high, count)
            && self.image_figures_are_possible(low, high, figures)
            && counted == if bin_width > 0 { count_wide } else { 0 }
            && self.bins_are_possible(low, high, bin_width)
    }

    /// Whether values from `low` to `high` can have this mean and deviation. Sums too large to tell
    /// take more blocks than any archive has.
    #[cfg(feature = "serde")]
    fn moments_are_possible(&self, low: i64, high: i64, count: u64) -> bool {
        let (low, high) = (i128::from(low), i128::from(high));
        // Below 2^35 times 2^64.
        let (least, most) = (i128::from(count) * low, i128::from(count) * high);
        // (value - low) * (high - value) is never negative, added up over all values.
        let most_squares = (low + high)
            .checked_mul(self.sum)
            .zip(least.checked_mul(high))
            .and_then(|(of_sum, of_count)| of_sum.checked_sub(of_count))
            .and_then(|squares| u128::try_from(squares).ok());
        // The square of the mean magnitude, times the count, without the fraction that integers lose.
        let count = u128::from(count.max(1));
        let (mean, rest) = (self.magnitudes / count, self.magnitudes % count);
        let least_squares = (mean * mean)
            .saturating_mul(count)
            .saturating_add(2 * mean * rest)
            .saturating_add((rest * rest).div_ceil(count));
        (least..=most).contains(&self.sum)
            && self.squares >= least_squares
            && most_squares.is_some_and(|most| self.squares <= most)
    }

    /// Whether images with values from `low` to `high` can have figures of their own of these sums.
    #[cfg(feature = "serde")]
    fn image_figures_are_possible(&self, low: i64, high: i64, figures: u64) -> bool {
        let largest = low.unsigned_abs().max(high.unsigned_abs());
        // A figure of 55 bits goes through a few floats of 53, and to an integer.
        let slack = i128::from(1 + (largest >> 30));
        let figures = i128::from(figures);
        // Below 2^64 figures of 2^56.
        let sum_of = |figure: i128| figures * (figure * i128::from(IMAGE_FRACTION) + slack);
        // Values between two bounds deviate by half their distance at most.
        let distance = i128::from(high) - i128::from(low);
        let twice_deviations = figures * (distance * i128::from(IMAGE_FRACTION) + 2 * slack);
        let not_above = |sum: u128, most: i128| sum <= most.unsigned_abs();
        self.image_means <= sum_of(high.into())
            && self.image_means >= -sum_of(-i128::from(low))
            && not_above(self.image_deviations.saturating_mul(2), twice_deviations)
            && not_above(self.image_magnitudes, sum_of(largest.into()))
            && not_above(
                self.image_means.unsigned_abs(),
                sum_of(0).saturating_add_unsigned(self.image_magnitudes),
            )
    }

    #[cfg(feature = "serde")]
    fn bins_are_possible(&self, low: i64, high: i64, bin_width: u32) -> bool {
        let width = i64::from(bin_width.max(1));
        let bins = low.div_euclid(width)..=high.div_euclid(width);
        self.histogram.keys().all(|bin| bins.contains(bin))
    }

    /// What the ranking compares: count^2 times the variance, or the sum of the images' deviations.
    pub(super) fn spread(&self, count: u64, weighting: Weighting) -> u128 {
        match weighting {
            Weighting::Blocks => squared_deviation(count, self.sum, self.squares),
            Weighting::Images => self.image_deviations,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "the one float step at the end")]
    pub(super) fn summary(&self, count: u64, figures: u64, weighting: Weighting) -> BandSummary {
        let blocks = count as f64;
        let (low, high) = self.range.unwrap_or((0, 0));
        let root = (squared_deviation(count, self.sum, self.squares) as f64).sqrt();
        let per_image = 1.0 / (figures as f64 * IMAGE_SCALE);
        let (mean, population_deviation, mean_magnitude) = match weighting {
            Weighting::Blocks => (
                self.sum as f64 / blocks,
                root / blocks,
                self.magnitudes as f64 / blocks,
            ),
            Weighting::Images => (
                self.image_means as f64 * per_image,
                self.image_deviations as f64 * per_image,
                self.image_magnitudes as f64 * per_image,
            ),
        };
        let sample_deviation = (count > 1 && weighting == Weighting::Blocks)
            .then(|| root / (blocks * (blocks - 1.0)).sqrt() / UNITS);
        BandSummary {
            count,
            mean: mean / UNITS,
            population_deviation: population_deviation / UNITS,
            sample_deviation,
            mean_magnitude: mean_magnitude / UNITS,
            minimum: low as f64 / UNITS,
            maximum: high as f64 / UNITS,
        }
    }
}

/// n * sum of squares - square of the sum, which is n^2 times the variance and never negative.
///
/// Saturates past 2^128, which takes more than 2^29 blocks of the worst file.
pub(super) fn squared_deviation(count: u64, sum: i128, squares: u128) -> u128 {
    let magnitude = sum.unsigned_abs();
    u128::from(count)
        .saturating_mul(squares)
        .saturating_sub(magnitude.saturating_mul(magnitude))
}

/// The figures of one band over the images counted, in coefficient units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandSummary {
    count: u64,
    mean: f64,
    population_deviation: f64,
    sample_deviation: Option<f64>,
    mean_magnitude: f64,
    minimum: f64,
    maximum: f64,
}

impl BandSummary {
    /// Coefficients counted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Mean. That of DC is relative to mid-grey.
    #[must_use]
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// Standard deviation about the mean, divided by n: the paper's sigma.
    #[must_use]
    pub const fn population_deviation(&self) -> f64 {
        self.population_deviation
    }

    /// Standard deviation about the mean, divided by n - 1; `None` for a single coefficient, and
    /// under [`Weighting::Images`].
    #[must_use]
    pub const fn sample_deviation(&self) -> Option<f64> {
        self.sample_deviation
    }

    /// Scale of the Laplace distribution about zero that fits best: the mean magnitude. Its
    /// deviation would be sqrt(2) times as large.
    #[must_use]
    pub const fn laplace_scale(&self) -> f64 {
        self.mean_magnitude
    }

    /// Smallest coefficient.
    #[must_use]
    pub const fn minimum(&self) -> f64 {
        self.minimum
    }

    /// Largest coefficient.
    #[must_use]
    pub const fn maximum(&self) -> f64 {
        self.maximum
    }
}
