//! What the residuals of coefficients say for a lattice, and against it.
//!
//! The distance of a coefficient to the nearest multiple of its step, in units of the step, falls into one
//! of [`BINS`] equal bins. Without a lattice the bins are about equally likely, and for densities that fall
//! away from zero the bins far from a multiple a little more. On a lattice the distance is noise around zero.
//! The logarithm of the ratio of both probabilities, added up over coefficients, is the evidence, in bits.
//!
//! Only additions, multiplications, divisions and square roots, so that the same picture gives the same bits
//! on every platform.

use crate::band::BANDS;
use crate::coefficients::ColorSpace;
use crate::error::Result;
use crate::quantization::QuantizationTable;

/// Bins of a distance between 0 and half a step.
pub(super) const BINS: usize = 16;

/// Coefficients nearer to zero than this part of a step say nothing: they crowd there without a lattice too.
pub(super) const LEAST_MAGNITUDE: f32 = 0.25;

/// Probability that a coefficient of a lattice lies anywhere: in a block that was clipped or changed.
const STRAYS: f64 = 0.04;

/// Deviations in units of the step for which weights are kept, each 1.15 times the one before.
const DEVIATIONS: usize = 34;
const SMALLEST_DEVIATION: f64 = 0.005;
const DEVIATION_RATIO: f64 = 1.15;

/// Counts of distances, by component, band and bin.
pub(super) type Tally = [[[u32; BINS]; BANDS]; 3];

/// Bits of evidence that one coefficient of a bin gives, by the deviation of the noise.
#[derive(Debug, Clone)]
pub(super) struct Weights(Vec<[f64; BINS]>);

impl Weights {
    pub(super) fn new() -> Self {
        let mut rows = Vec::with_capacity(DEVIATIONS + 1);
        let mut deviation = SMALLEST_DEVIATION;
        for _ in 0..DEVIATIONS {
            rows.push(weights(deviation));
            deviation *= DEVIATION_RATIO;
        }
        // Noise of about a step and more leaves no trace of a lattice.
        rows.push([0.0; BINS]);
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
        let weights = &self.0[usize::from(row)];
        counts
            .iter()
            .zip(weights)
            .map(|(&count, weight)| f64::from(count) * weight)
            .sum()
    }

    /// Whether noise of this row leaves enough of the lattice to expect evidence.
    pub(super) fn is_telling(&self, row: u8) -> bool {
        self.0[usize::from(row)][0] > 1.0
    }
}

fn weights(deviation: f64) -> [f64; BINS] {
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
    masses.map(|mass| log2((1.0 - STRAYS) * mass / total * BINS as f64 + STRAYS))
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

/// What may have happened to a picture after its first pass, as the deviation of each coefficient.
#[derive(Debug, Clone, Copy)]
pub(super) enum Noise {
    /// Independent noise of this deviation in each sample.
    White(f64),
    /// Quantization by an ordinary JPEG of this IJG quality, on any grid.
    Resaved(u8),
}

/// The kinds of noise that are tried. Rounding to 8 bits has a deviation of 0.29, one up or down of 1.
pub(super) const NOISES: [Noise; 6] = [
    Noise::White(0.35),
    Noise::White(0.95),
    Noise::White(1.6),
    Noise::White(3.0),
    Noise::Resaved(95),
    Noise::Resaved(90),
];

/// Rows of weights, by component and band.
pub(super) type NoiseRows = [[u8; BANDS]; 3];

impl Noise {
    pub(super) fn rows(
        self,
        color_space: ColorSpace,
        steps: &[QuantizationTable; 3],
        averaged: u8,
    ) -> Result<NoiseRows> {
        let variances = match self {
            Self::White(deviation) => white(color_space, deviation * deviation, averaged),
            Self::Resaved(quality) => resaved(color_space, quality, averaged)?,
        };
        let mut rows = [[0; BANDS]; 3];
        for ((rows, variances), steps) in rows.iter_mut().zip(&variances).zip(steps) {
            for ((row, variance), step) in rows.iter_mut().zip(variances).zip(steps.to_natural()) {
                *row = Weights::row(variance.sqrt() / f64::from(step));
            }
        }
        Ok(rows)
    }
}

/// The squares of the rows of the colour transform add up to these.
const LUMINANCE_GAIN: f64 = 0.447;
const CHROMINANCE_GAINS: [f64; 2] = [0.388, 0.432];

fn white(color_space: ColorSpace, variance: f64, averaged: u8) -> [[f64; BANDS]; 3] {
    let gains = match color_space {
        ColorSpace::YCbCr => {
            let [blue, red] = CHROMINANCE_GAINS.map(|gain| gain / f64::from(averaged));
            [LUMINANCE_GAIN, blue, red]
        }
        _ => [1.0; 3],
    };
    gains.map(|gain| [gain * variance; BANDS])
}

fn resaved(color_space: ColorSpace, quality: u8, averaged: u8) -> Result<[[f64; BANDS]; 3]> {
    // The error of a quantizer; coefficients smaller than half a step are lost, but are no larger.
    let error = |table: QuantizationTable| {
        table
            .to_natural()
            .map(|step| f64::from(step) * f64::from(step) / 12.0)
    };
    let luminance = error(QuantizationTable::annex_k_luminance().at_quality(quality)?);
    let chrominance = error(QuantizationTable::annex_k_chrominance().at_quality(quality)?);
    let rounding = 0.25;
    // Variances of the samples of each component as sums of those of Y, Cb and Cr.
    let mix = |of_luminance: f64, of_chrominance: f64| {
        std::array::from_fn(|band| {
            of_luminance * luminance[band] + of_chrominance * chrominance[band] + rounding
        })
    };
    Ok(match color_space {
        ColorSpace::YCbCr => {
            let chrominance = mix(0.0, 1.0 / f64::from(averaged));
            [mix(1.0, 0.0), chrominance, chrominance]
        }
        ColorSpace::Rgb => [mix(1.0, 1.966), mix(1.0, 0.628), mix(1.0, 3.14)],
        _ => [mix(1.0, 0.0); 3],
    })
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
            let mean_ratio = row.iter().map(|bits| bits.exp2()).sum::<f64>() / BINS as f64;
            assert!((mean_ratio - 1.0).abs() < 1e-6, "{mean_ratio}");
            assert!(row.iter().sum::<f64>() <= 1e-6);
        }
    }
}
