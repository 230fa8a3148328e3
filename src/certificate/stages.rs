//! What each stage between samples and levels can add to a coefficient beyond exact arithmetic.
//!
//! All in coefficient units, as bounds that hold for every picture of 8-bit samples.

use crate::band::{BANDS, Band};
use crate::coefficients::ColorSpace;
use crate::pixels::{ChromaSubsampling, PixelPipeline};

use super::functional::BlockWeights;

/// Single-precision colour conversion, DCT and division by the step.
///
/// A rounding is off by at most 2^-24 of the value. Conversion takes 5 of values up to 128, which the DCT enlarges at
/// most 8 times (3e-4); the DCT 10 of sums that stay below 1024 when scaled (6e-4); the division 1 (6e-5).
pub(crate) const SINGLE_PRECISION: f64 = 1e-3;

/// libjpeg's integer forward DCT (`islow`).
///
/// The first pass rounds to quarters, which the second pass sums up (1/8), the second to eighths (1/16), and the
/// rounding of its constants to 13 bits adds at most 0.11. The unit test adds it up from the flow graph.
pub(crate) const INTEGER_DCT: f64 = 0.3;

/// libjpeg's integer inverse DCT, per sample, before that is rounded to 8 bits, where no sample is clipped.
///
/// As above; the coefficients of a block that is not clipped have squares that add up to at most 1024^2.
pub(crate) const INTEGER_INVERSE_DCT: f64 = 0.25;

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
    /// Pixels that a sample averages, horizontally and vertically.
    pub(crate) averaged: (usize, usize),
}

impl SampleOrigin {
    /// The origin of component `index` of pixels with `channels` channels.
    pub(crate) fn of_component(
        channels: usize,
        color_space: ColorSpace,
        subsampling: ChromaSubsampling,
        index: usize,
    ) -> Self {
        let (across, down) = match (color_space, index) {
            (ColorSpace::YCbCr, 1..) => subsampling.luminance_factors(),
            _ => (1, 1),
        };
        Self {
            color_converted: channels == 3 && color_space != ColorSpace::Rgb,
            averaged: (across.into(), down.into()),
        }
    }

    const fn is_averaged(self) -> bool {
        self.averaged.0 > 1 || self.averaged.1 > 1
    }

    /// Whether the coefficients of a band are sums of whole samples scaled by 1/8, which no transform rounds.
    pub(crate) const fn is_exact(self, band: Band) -> bool {
        !self.color_converted
            && !self.is_averaged()
            && band.u().is_multiple_of(4)
            && band.v().is_multiple_of(4)
    }

    /// How far what pass two computes can be from the exact coefficients, band by band, together with the
    /// error of measuring them in single precision.
    pub(crate) fn receiver_margins(
        self,
        pipeline: PixelPipeline,
        weights: &BlockWeights,
    ) -> [f64; BANDS] {
        let mut margins = [0.0; BANDS];
        for band in Band::all() {
            let transform = match pipeline {
                _ if self.is_exact(band) => 0.0,
                PixelPipeline::Precise => 2.0 * SINGLE_PRECISION,
                PixelPipeline::LibjpegEqual => SINGLE_PRECISION + INTEGER_DCT,
            };
            let sample = match pipeline {
                PixelPipeline::Precise => 0.0,
                PixelPipeline::LibjpegEqual => {
                    f64::from(u8::from(self.color_converted)) * EIGHT_BIT_COLOR
                        + f64::from(u8::from(self.is_averaged())) * EIGHT_BIT_AVERAGE
                }
            };
            margins[band.natural()] = transform + sample * weights.component_l1[band.natural()];
        }
        margins
    }
}

#[cfg(test)]
mod tests {
    use std::array::from_fn;

    use proptest::prelude::*;

    use super::*;
    use crate::dct::{integer, reference};
    use crate::pixels::{PixelFormat, PixelView, Planes, ycbcr_from_rgb};
    use crate::quantization::QuantizationTable;

    /// Blocks that drive a transform to its ends: the signs of each basis function, and their opposites.
    fn sign_patterns() -> impl Iterator<Item = [u8; 64]> {
        Band::all().flat_map(|band| {
            [false, true].map(|opposite| {
                from_fn(|i| {
                    if (band.basis(i / 8, i % 8) > 0.0) == opposite {
                        0
                    } else {
                        255
                    }
                })
            })
        })
    }

    fn exact(samples: impl Fn(usize) -> f64) -> [f64; 64] {
        let mut block = from_fn(samples);
        reference::forward(&mut block);
        block
    }

    fn integer_error(samples: &[u8; 64]) -> f64 {
        let shifted = from_fn(|y| from_fn(|x| i16::from(samples[8 * y + x]) - 128));
        let expected = exact(|i| f64::from(samples[i]) - 128.0);
        let found = integer::forward(&shifted);
        let errors = found.as_flattened().iter().zip(expected);
        errors.fold(0.0, |largest, (&found, expected)| {
            (f64::from(found) / 8.0 - expected).abs().max(largest)
        })
    }

    fn precise_error(rgb: &[[u8; 64]; 3]) -> f64 {
        let samples: Vec<u8> = (0..64).flat_map(|i| rgb.map(|plane| plane[i])).collect();
        let view = PixelView::new(&samples, 8, 8, PixelFormat::Rgb).unwrap();
        let planes = Planes::precise(view, ColorSpace::YCbCr).unwrap();
        // ITU-T T.871, with the six digits that its inverse has.
        let rows = [
            [0.299, 0.587, 0.114],
            [-0.299 / 1.772, -0.587 / 1.772, 0.5],
            [0.5, -0.587 / 1.402, -0.114 / 1.402],
        ];
        let mut largest = 0.0_f64;
        for (component, row) in rows.iter().enumerate() {
            let expected = exact(|i| {
                (0..3)
                    .map(|channel| row[channel] * (f64::from(rgb[channel][i]) - 128.0))
                    .sum()
            });
            let found = planes.coefficients(component, 0, 0);
            for (&found, expected) in found.as_flattened().iter().zip(expected) {
                largest = largest.max((f64::from(found) - expected).abs());
            }
        }
        largest
    }

    #[test]
    fn stages_stay_within_their_margins_where_signs_are_worst() {
        for pattern in sign_patterns() {
            assert!(integer_error(&pattern) < INTEGER_DCT);
            for other in sign_patterns().step_by(17) {
                assert!(precise_error(&[pattern, other, pattern]) < SINGLE_PRECISION);
                assert!(precise_error(&[pattern, other, other]) < SINGLE_PRECISION);
            }
        }
    }

    proptest! {
        #[test]
        fn stages_stay_within_their_margins(samples in prop::collection::vec(any::<[u8; 3]>(), 64), hard in any::<bool>()) {
            let channel = |index: usize| -> [u8; 64] {
                from_fn(|i| if hard { 255 * (samples[i][index] >> 7) } else { samples[i][index] })
            };
            let rgb = [channel(0), channel(1), channel(2)];
            prop_assert!(precise_error(&rgb) < SINGLE_PRECISION);
            prop_assert!(integer_error(&rgb[0]) < INTEGER_DCT);
        }

        /// Against the reference, with what the rounding of the sample itself may take.
        #[test]
        fn the_integer_inverse_stays_within_its_margin(levels in prop::collection::vec(-40_i16..=40, 64), step in 1_u16..40, sparse in 0_u8..3) {
            let block: [i16; 64] = from_fn(|i| if sparse > 0 && i % (3 * usize::from(sparse)) > 0 { 0 } else { levels[i] });
            let mut expected = block.map(|level| f64::from(level) * f64::from(step));
            reference::inverse(&mut expected);
            // What no picture has, libjpeg wraps.
            prop_assume!(expected.iter().all(|sample| sample.abs() < 1000.0));
            let found = integer::inverse(&block, &integer::wrapping_steps(&QuantizationTable::uniform(step).unwrap()));
            for (&found, expected) in found.as_flattened().iter().zip(expected) {
                let error = f64::from(found) - (expected + 128.0).clamp(0.0, 255.0);
                prop_assert!(error.abs() <= 0.5 + INTEGER_INVERSE_DCT, "{found} {expected}");
            }
        }
    }

    /// The flow graph of both integer transforms in exact arithmetic, with its rounded constants: by sample and
    /// frequency, scaled by the square root of 8.
    fn integer_basis() -> [[f64; 8]; 8] {
        let fix = |value: f64| (value * 8192.0).round() / 8192.0;
        let pass = |x: [f64; 8]| -> [f64; 8] {
            let [s0, s1, s2, s3] = from_fn(|k| x[k] + x[7 - k]);
            let [d0, d1, d2, d3] = from_fn(|k| x[k] - x[7 - k]);
            let (outer, inner) = (s0 - s3, s1 - s2);
            let (a, b) = (d3 + d1, d2 + d0);
            let (c1, c2, c3) = (fix(1.175_875_602), fix(1.961_570_560), fix(0.390_180_644));
            let (c4, c5) = (fix(0.899_976_223), fix(2.562_915_447));
            let z3 = a * (c1 - c2) + b * c1;
            let z4 = a * c1 + b * (c1 - c3);
            [
                s0 + s3 + s1 + s2,
                d0 * (fix(1.501_321_110) - c4) - d3 * c4 + z4,
                inner * fix(0.541_196_100) + outer * (fix(0.541_196_100) + fix(0.765_366_865)),
                d1 * (fix(3.072_711_026) - c5) - d2 * c5 + z3,
                s0 + s3 - s1 - s2,
                d2 * (fix(2.053_119_869) - c5) - d1 * c5 + z4,
                inner * (fix(0.541_196_100) - fix(1.847_759_065)) + outer * fix(0.541_196_100),
                d3 * (fix(0.298_631_336) - c4) - d0 * c4 + z3,
            ]
        };
        from_fn(|x| pass(from_fn(|k| f64::from(u8::from(k == x)))))
    }

    #[test]
    fn the_margin_of_the_integer_transform_covers_its_constants_and_its_rounding() {
        let columns = integer_basis();
        let mut worst = 0.0_f64;
        for band in Band::all() {
            let (u, v) = (usize::from(band.u()), usize::from(band.v()));
            let mut constants = 0.0;
            for (y, row) in columns.iter().enumerate() {
                for (x, column) in columns.iter().enumerate() {
                    constants += 128.0 * (row[u] * column[v] / 8.0 - band.basis(y, x)).abs();
                }
            }
            // The first pass rounds to quarters, unless it multiplies by nothing, and the second one sums that up;
            // its own result, eight times the coefficient, is rounded to a whole number.
            for (first, second) in [(u, v), (v, u)] {
                let between = if first % 4 == 0 { 0.0 } else { 0.5 / 4.0 };
                let spread: f64 = columns.iter().map(|column| column[second].abs()).sum();
                worst = worst.max(constants + between * spread / 8.0 + 0.5 / 8.0);
            }
            if u % 4 == 0 && v % 4 == 0 {
                assert!(constants < 1e-9, "{band} is exact");
            }
        }
        assert!(worst < INTEGER_DCT, "{worst}");
    }

    #[test]
    fn the_margin_of_the_integer_inverse_covers_its_constants_and_its_rounding() {
        let columns = integer_basis();
        for (y, row) in columns.iter().enumerate() {
            for (x, column) in columns.iter().enumerate() {
                let mut square = 0.0;
                for band in Band::all() {
                    let (u, v) = (usize::from(band.u()), usize::from(band.v()));
                    square += (row[u] * column[v] / 8.0 - band.basis(y, x)).powi(2);
                }
                let spread: f64 = column.iter().map(|value| value.abs()).sum();
                let worst = 1024.0 * square.sqrt() + 0.5 / 4.0 * spread / 8.0;
                assert!(worst < INTEGER_INVERSE_DCT, "{worst}");
            }
        }
    }

    /// All colours.
    #[test]
    fn eight_bit_colours_stay_within_their_margin() {
        let rows = [
            [0.299, 0.587, 0.114, 0.0],
            [-0.299 / 1.772, -0.587 / 1.772, 0.5, 128.0],
            [0.5, -0.587 / 1.402, -0.114 / 1.402, 128.0],
        ];
        let mut largest = 0.0_f64;
        for red in 0..=255_u8 {
            for green in 0..=255_u8 {
                for blue in 0..=255_u8 {
                    let found = ycbcr_from_rgb(red, green, blue);
                    for (row, found) in rows.iter().zip(found) {
                        let exact = row[0] * f64::from(red)
                            + row[1] * f64::from(green)
                            + row[2] * f64::from(blue)
                            + row[3];
                        largest = largest.max((f64::from(found) - exact.min(255.0)).abs());
                    }
                }
            }
        }
        assert!(largest < EIGHT_BIT_COLOR && largest > 0.5, "{largest}");
    }
}
