//! What happens beyond the radius: the most bands that a perturbation can flip, and the share that noise flips.

use std::f64::consts::SQRT_2;

use crate::band::{BANDS, Band};
use crate::error::{ArgumentError, Result};

use super::{Certificate, ComponentCertificate, Norm};

/// Noise on the samples: independent, of mean 0, with a deviation that may differ from band to band.
///
/// Perturbations that follow a network's gradient are not white: measured on a `MobileNetV2`, the deviation of
/// FGSM's coefficients falls from 1.7 of the white one in the lowest bands to 0.6 in the highest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseModel {
    deviation: f64,
    shape: [f64; BANDS],
}

impl NoiseModel {
    /// Gaussian noise of this standard deviation in every sample.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] unless the deviation is finite and not negative.
    pub fn gaussian(deviation: f64) -> Result<Self> {
        ArgumentError::check_not_negative("deviation of noise", deviation)?;
        Ok(Self {
            deviation,
            shape: [1.0; BANDS],
        })
    }

    /// Every sample up or down by `eps`, by independent signs. A coefficient is a sum of 64 or more of them, and
    /// close to Gaussian.
    ///
    /// # Errors
    ///
    /// As [`gaussian`](Self::gaussian).
    pub fn random_signs(eps: f64) -> Result<Self> {
        Self::gaussian(eps)
    }

    /// Multiplies the deviation of each band's coefficient by a factor, natural order.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] for a factor that is negative or not finite.
    pub fn with_shape(mut self, shape: [f64; BANDS]) -> Result<Self> {
        for factor in shape {
            ArgumentError::check_not_negative("factor of a band's noise", factor)?;
        }
        self.shape = shape;
        Ok(self)
    }
}

impl ComponentCertificate {
    /// The most bands of a block that a perturbation of at most `size` can flip, 0 to 64; `None` outside the
    /// component.
    ///
    /// Flipping bands takes at least the sum of the squares of their margins (Parseval), and a perturbation of at
    /// most `eps` in every sample has 64 `eps`^2 to give. So this is an upper bound: signs that flip so many
    /// at once need not exist. It is 0 exactly where the block is certified at `size`.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] unless the size is finite and not negative.
    pub fn most_flips(&self, x: u32, y: u32, norm: Norm, size: f64) -> Result<Option<usize>> {
        ArgumentError::check_not_negative("perturbation size", size)?;
        let (Some(margins), Some(weights)) = (self.margins(x, y), self.weights(x, y)) else {
            return Ok(None);
        };
        let energy = match norm {
            Norm::Linf => 64.0 * size * size,
            // An L1 norm is never below the L2 norm.
            Norm::L2 | Norm::L1 => weights.energy_gain * size * size,
        };
        let mut within_reach: Vec<f64> = Band::all()
            .map(Band::natural)
            .filter(|&band| {
                !weights.picture[band]
                    .radii(margins[band])
                    .certify(norm, size)
            })
            .map(|band| margins[band].max(0.0))
            .collect();
        within_reach.sort_by(f64::total_cmp);
        let mut left = energy;
        let affordable = within_reach.iter().take_while(|&&margin| {
            left -= margin * margin;
            // The sums of a reachable optimum may exceed each other by a rounding.
            left >= -1e-9 * energy
        });
        Ok(Some(affordable.count()))
    }

    /// The expected number of coefficients of a block that noise moves to another level; `None` outside the
    /// component.
    #[must_use]
    pub fn expected_flips(&self, x: u32, y: u32, noise: &NoiseModel) -> Option<f64> {
        let (residuals, weights) = (self.residuals(x, y)?, self.weights(x, y)?);
        let mut flips = 0.0;
        for band in Band::all() {
            let natural = band.natural();
            let half = f64::from(self.table()[band]) / 2.0;
            let deviation = noise.deviation * noise.shape[natural] * weights.picture[natural].l2;
            let residual = f64::from(residuals[natural]);
            flips += beyond(half - residual, deviation) + beyond(half + residual, deviation);
        }
        Some(flips)
    }
}

impl Certificate {
    /// The expected share, 0 to 1, of all coefficients that noise moves to another level in pass two.
    ///
    /// ```
    /// use feature_distillation::{FeatureDistiller, NoiseModel, PixelBuffer, PixelFormat, QuantizationTable};
    ///
    /// let distiller = FeatureDistiller::builder().tables(QuantizationTable::uniform(24)?).build()?;
    /// let flat = PixelBuffer::new(vec![128; 64 * 64], 64, 64, PixelFormat::Grey)?;
    /// let certificate = distiller.certificate(flat.view())?;
    /// let share = |deviation| Ok::<_, feature_distillation::Error>(
    ///     certificate.expected_flipped_share(&NoiseModel::gaussian(deviation)?));
    /// // Half a step is 12, so 2 standard deviations of 6: 4.6 % of a normal distribution are beyond.
    /// assert!((share(6.0)? - 0.0455).abs() < 1e-3);
    /// assert!(share(1.0)? < 1e-30);
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    #[must_use]
    pub fn expected_flipped_share(&self, noise: &NoiseModel) -> f64 {
        let mut flips = 0.0;
        for component in self.components() {
            for (x, y) in component.positions() {
                flips += component.expected_flips(x, y, noise).unwrap_or(0.0);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        {
            flips / (self.block_count() * BANDS as u64) as f64
        }
    }
}

/// The probability that Gaussian noise exceeds a threshold.
fn beyond(threshold: f64, deviation: f64) -> f64 {
    if deviation == 0.0 {
        return if threshold > 0.0 { 0.0 } else { 1.0 };
    }
    0.5 * libm::erfc(threshold / (deviation * SQRT_2))
}
