//! What each stage between samples and levels can add to a coefficient beyond exact arithmetic.
//!
//! All in coefficient units, as bounds that hold for every picture of 8-bit samples.

use crate::band::{BANDS, Band};
use crate::pixels::PixelPipeline;

use super::functional::BlockWeights;

/// Single-precision colour conversion, DCT and division by the step.
///
/// Samples are at most 128 in magnitude, a component's sample is off by at most 4 roundings of 2^-17, which the
/// DCT enlarges at most 8 times, and its own two passes of 5 roundings each on sums of at most 1024 by 10 times 2^-15.
pub(crate) const SINGLE_PRECISION: f64 = 1e-3;

/// libjpeg's integer forward DCT (`islow`).
///
/// The first pass rounds to quarters of an eighth-scaled unit (half of 2^-2 / sqrt 8, which the second pass
/// enlarges at most sqrt 8 times: 1/8), the second to eighths (1/16), and constants of 13 bits are off by
/// at most 2^-14 of sums that are at most 1024.
pub(crate) const INTEGER_DCT: f64 = 0.25;

/// libjpeg's colour conversion to 8-bit components, per sample: half a unit, and constants of 16 bits.
pub(crate) const EIGHT_BIT_COLOR: f64 = 0.507;

/// libjpeg's averages of 8-bit chrominance samples, per sample.
pub(crate) const EIGHT_BIT_AVERAGE: f64 = 0.5;

/// Rounding of the pixels that are handed over, per sample.
pub(crate) const EIGHT_BIT_PIXELS: f64 = 0.5;

/// How a component's samples come from pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SampleOrigin {
    /// Whether the component is a mix of channels.
    pub(crate) color_converted: bool,
    /// Whether a sample averages several pixels.
    pub(crate) averaged: bool,
}

impl SampleOrigin {
    /// How far what pass two computes can be from the exact coefficients, band by band, together with the
    /// error of measuring them in single precision.
    pub(crate) fn receiver_margins(
        self,
        pipeline: PixelPipeline,
        weights: &BlockWeights,
    ) -> [f64; BANDS] {
        let mut margins = [0.0; BANDS];
        for band in Band::all() {
            // Sums of whole samples scaled by 1/8: no float and no integer transform rounds them.
            let exact = !self.color_converted
                && !self.averaged
                && band.u().is_multiple_of(4)
                && band.v().is_multiple_of(4);
            let transform = match pipeline {
                _ if exact => 0.0,
                PixelPipeline::Precise => 2.0 * SINGLE_PRECISION,
                PixelPipeline::LibjpegEqual => SINGLE_PRECISION + INTEGER_DCT,
            };
            let sample = match pipeline {
                PixelPipeline::Precise => 0.0,
                PixelPipeline::LibjpegEqual => {
                    f64::from(u8::from(self.color_converted)) * EIGHT_BIT_COLOR
                        + f64::from(u8::from(self.averaged)) * EIGHT_BIT_AVERAGE
                }
            };
            margins[band.natural()] = transform + sample * weights.component_l1[band.natural()];
        }
        margins
    }
}
