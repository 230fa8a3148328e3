//! Rounding with a slope.

use crate::error::{ArgumentError, Result};

/// A smooth stand-in for rounding to the nearest integer, whose derivative an attack can follow.
///
/// Between two integers it is the cubic `s(f) = 3 f^2 - 2 f^3` of the fraction `f`, applied
/// `sharpness` times: 0 gives the identity, each application makes the slope at the ties 1.5 times
/// steeper, and the limit is rounding. It keeps integers and ties, rises everywhere, and is
/// continuously differentiable. Of its kind (a sine, a sigmoid, the cubic of Shin and Song, which
/// jumps at ties) it was chosen because sums and products suffice: the same bits on every platform.
///
/// At integers the slope is 0, and a picture that was distilled before has all its coefficients there:
/// gradients vanish unless [`with_least_slope`](Self::with_least_slope) mixes in some of the identity.
/// The default, sharpness 3 and a least slope of 0.1, did well against one pass and two where it was
/// measured (see [`DifferentiableDistiller`](super::DifferentiableDistiller)).
///
/// ```
/// use feature_distillation::SoftRounding;
/// let soft = SoftRounding::new(1)?;
/// assert_eq!(soft.round(2.25), 2.15625);
/// assert_eq!((soft.slope(2.0), soft.slope(2.5)), (0.0, 1.5));
/// assert!((SoftRounding::new(12)?.round(2.4) - 2.0).abs() < 1e-9);
/// assert_eq!(soft.with_least_slope(0.5)?.slope(2.0), 0.5);
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoftRounding {
    sharpness: u8,
    least_slope: f64,
}

impl SoftRounding {
    /// The largest sharpness, at which ties have a slope of 4e5.
    pub const MAX_SHARPNESS: u8 = 32;

    /// The cubic, applied `sharpness` times.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] above [`MAX_SHARPNESS`](Self::MAX_SHARPNESS).
    pub fn new(sharpness: u8) -> Result<Self> {
        if sharpness > Self::MAX_SHARPNESS {
            return Err(ArgumentError::Number {
                what: "sharpness of soft rounding",
                value: sharpness.into(),
            }
            .into());
        }
        Ok(Self {
            sharpness,
            least_slope: 0.0,
        })
    }

    /// Mixes in this share of the identity: the slope at integers, and the least of all.
    ///
    /// With a share above 0 the limit of growing sharpness is no longer rounding.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] unless it is 0 to 1.
    pub fn with_least_slope(mut self, least_slope: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&least_slope) {
            return Err(ArgumentError::Number {
                what: "least slope of soft rounding",
                value: least_slope,
            }
            .into());
        }
        self.least_slope = least_slope;
        Ok(self)
    }

    /// Near the integer nearest to `value`, the nearer the sharper.
    #[must_use]
    pub fn round(&self, value: f64) -> f64 {
        let (integer, mut fraction) = parts(value);
        for _ in 0..self.sharpness {
            fraction = fraction * fraction * (3.0 - 2.0 * fraction);
        }
        self.mixed(value, integer + fraction)
    }

    /// The derivative of [`round`](Self::round).
    #[must_use]
    pub fn slope(&self, value: f64) -> f64 {
        let (_, mut fraction) = parts(value);
        let mut slope = 1.0;
        for _ in 0..self.sharpness {
            slope *= 6.0 * fraction * (1.0 - fraction);
            fraction = fraction * fraction * (3.0 - 2.0 * fraction);
        }
        self.mixed(1.0, slope)
    }

    const fn mixed(&self, identity: f64, rounded: f64) -> f64 {
        // In this form integers stay what they are to the last bit.
        rounded + self.least_slope * (identity - rounded)
    }
}

impl Default for SoftRounding {
    fn default() -> Self {
        Self {
            sharpness: 3,
            least_slope: 0.1,
        }
    }
}

fn parts(value: f64) -> (f64, f64) {
    let integer = value.floor();
    (integer, value - integer)
}
