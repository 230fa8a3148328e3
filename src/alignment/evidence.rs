//! What the residuals of coefficients say for a lattice, and against it.
//!
//! Coefficients of level zero say nothing: they crowd around zero without a lattice too.
//! The distance of any other coefficient to the nearest multiple of its step, in units of the step, falls into one
//! of [`BINS`] equal bins. Without a lattice the bins are about equally likely, and for densities that fall
//! away from zero the bins far from a multiple a little more. On a lattice the distance is noise around zero.
//! The logarithm of the ratio of both probabilities, added up over coefficients, is the evidence, in bits.
//!
//! Only additions, multiplications, divisions and square roots, so that the same picture gives the same bits
//! on every platform.

use crate::band::BANDS;
use crate::quantization::QuantizationTable;

/// Bins of a distance between 0 and half a step.
pub(super) const BINS: usize = 16;

/// Probability that a coefficient of a lattice lies anywhere: in a block that was clipped or changed.
const STRAYS: f64 = 0.04;

/// Deviations in units of the step for which weights are kept, each 1.15 times the one before.
const DEVIATIONS: usize = 34;
const SMALLEST_DEVIATION: f64 = 0.005;
const DEVIATION_RATIO: f64 = 1.15;

/// Counts of the coefficients of one component that are not of level zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    /// By band and bin of the distance.
    pub(super) distances: [[u32; BINS]; BANDS],
    /// Those of level one or minus one, by band.
    pub(super) lowest_levels: [u32; BANDS],
}

impl Tally {
    pub(super) const NOTHING: Self = Self {
        distances: [[0; BINS]; BANDS],
        lowest_levels: [0; BANDS],
    };
}

/// Bits of evidence that one coefficient of a bin gives, by the deviation of the noise.
#[derive(Debug, Clone)]
pub(super) struct Weights(Vec<Row>);

/// Weights for noise of one deviation.
#[derive(Debug, Clone, Copy)]
struct Row {
    bits: [f64; BINS],
    expected: f64,
}

impl Weights {
    pub(super) fn new() -> Self {
        let mut rows = Vec::with_capacity(DEVIATIONS + 1);
        let mut deviation = SMALLEST_DEVIATION;
        for _ in 0..DEVIATIONS {
            rows.push(weights(deviation));
            deviation *= DEVIATION_RATIO;
        }
        // Noise of about a step and more leaves no trace of a lattice.
        rows.push(Row {
            bits: [0.0; BINS],
            expected: 0.0,
        });
        Self(rows)
    }

    /// The row for noise of a deviation, in units of the step.
    fn row(deviation: f64) -> u8 {
        let mut row = 0;
        let mut reached = SMALLEST_DEVIATION;
        while reached < deviation && usize::from(row) < DEVIATIONS {
            reached *= DEVIATION_RATIO;
            row += 1;
        }
        row
    }

    /// Evidence of one band under noise that has this row.
    pub(super) fn evidence(&self, counts: &[u32; BINS], row: u8) -> f64 {
        let weights = &self.0[usize::from(row)].bits;
        counts
            .iter()
            .zip(weights)
            .map(|(&count, weight)| f64::from(count) * weight)
            .sum()
    }

    /// Evidence that one coefficient gives on average where it lies on the lattice, under noise of this row.
    pub(super) fn expected(&self, row: u8) -> f64 {
        self.0[usize::from(row)].expected
    }
}

fn weights(deviation: f64) -> Row {
    // The density of the noise, wrapped around the lattice, at a few points of each bin.
    const POINTS: usize = 8;
    let mut masses = [0.0; BINS];
    let mut total = 0.0;
    for (bin, mass) in masses.iter_mut().enumerate() {
        for point in 0..POINTS {
            #[expect(clippy::cast_precision_loss, reason = "below 2^8")]
            let distance = ((bin * POINTS + point) as f64 + 0.5) / (2.0 * (BINS * POINTS) as f64);
            *mass += [-1.0, 0.0, 1.0]
                .map(|step| bell((distance + step) / deviation))
                .iter()
                .sum::<f64>();
        }
        total += *mass;
    }
    #[expect(clippy::cast_precision_loss, reason = "16")]
    let bins = BINS as f64;
    let ratios = masses.map(|mass| (1.0 - STRAYS) * mass / total * bins + STRAYS);
    let bits = ratios.map(log2);
    Row {
        bits,
        expected: ratios
            .iter()
            .zip(bits)
            .map(|(ratio, bits)| ratio * bits)
            .sum::<f64>()
            / bins,
    }
}

/// exp(-x^2 / 2), as the 1024th power of 1 - x^2 / 2048; its error is no matter here.
fn bell(x: f64) -> f64 {
    let mut power = (1.0 - x * x / 2048.0).max(0.0);
    for _ in 0..10 {
        power *= power;
    }
    power
}

/// The binary logarithm of a positive normal number, within 1e-7.
pub(super) fn log2(value: f64) -> f64 {
    let bits = value.to_bits();
    #[expect(clippy::cast_precision_loss, reason = "an exponent has 11 bits")]
    let exponent = (bits >> 52) as f64 - 1023.0;
    let mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    // 2 artanh(y) = log(mantissa), y at most 1/3.
    let y = (mantissa - 1.0) / (mantissa + 1.0);
    let square = y * y;
    let (mut power, mut sum) = (y, 0.0);
    for odd in [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0] {
        sum += power / odd;
        power *= square;
    }
    exponent + 2.0 * sum / std::f64::consts::LN_2
}

/// What the noise of one component may be after a first pass, as the deviation of its coefficients.
#[derive(Debug, Clone, Copy)]
pub(super) enum Noise {
    /// The same in every band: rounding, and changes of single pixels.
    White(f64),
    /// This deviation at frequency zero, growing with frequency: quantization by an ordinary JPEG.
    Growing(f64),
    /// So much that nothing is left of the lattice: subsampled chrominance.
    Overwhelming,
}

/// The kinds of noise that are tried. Rounding to 8 bits has a deviation of 0.29, one up or down about 1.
pub(super) const NOISES: [Noise; 12] = [
    Noise::White(0.33),
    Noise::White(0.6),
    Noise::White(0.95),
    Noise::White(1.5),
    Noise::White(2.3),
    Noise::White(3.5),
    Noise::White(5.5),
    Noise::Growing(0.6),
    Noise::Growing(1.0),
    Noise::Growing(1.6),
    Noise::Growing(2.5),
    Noise::Overwhelming,
];

/// Rows of weights, by band.
pub(super) type NoiseRows = [u8; BANDS];

impl Noise {
    /// The rows of the weights for coefficients on the lattice of a table.
    pub(super) fn rows(self, table: &QuantizationTable) -> NoiseRows {
        std::array::from_fn(|band| {
            let step = f64::from(table.to_natural()[band]);
            #[expect(clippy::cast_precision_loss, reason = "0..=14")]
            let frequency = (band / 8 + band % 8) as f64;
            let deviation = match self {
                Self::White(deviation) => deviation,
                Self::Growing(deviation) => deviation * (1.0 + frequency / 3.0),
                Self::Overwhelming => f64::INFINITY,
            };
            Weights::row(deviation / step)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_and_bells_are_near_the_real_ones() {
        for value in [1e-3_f64, 0.04, 0.5, 0.999, 1.0, 1.5, 2.0, 15.9, 1e6] {
            assert!((log2(value) - value.log2()).abs() < 1e-7, "{value}");
        }
        for x in [0.0_f64, 0.3, 1.0, 2.5, 4.0] {
            assert!((bell(x) - (-x * x / 2.0).exp()).abs() < 1e-3, "{x}");
        }
    }

    #[test]
    fn evidence_of_evenly_spread_distances_is_a_fair_bet_lost_on_average() {
        for row in &Weights::new().0 {
            let mean_ratio = row.bits.iter().map(|bits| bits.exp2()).sum::<f64>() / BINS as f64;
            assert!((mean_ratio - 1.0).abs() < 1e-6, "{mean_ratio}");
            assert!(row.bits.iter().sum::<f64>() <= 1e-6 && row.expected >= 0.0);
        }
    }
}
