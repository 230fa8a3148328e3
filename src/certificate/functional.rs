//! How the samples of a picture make one coefficient, and how far a perturbation of them can move it.
//!
//! Colour conversion, averaging of chrominance, padding and DCT are linear, so a coefficient is a weighted sum
//! of samples. A perturbation of size s moves it by at most s times the dual norm of the weights: their L1 norm
//! for Linf, their L2 norm for L2, their largest magnitude for L1; and some perturbation attains that.

use std::array::from_fn;

use crate::band::{BANDS, Band};
use crate::coefficients::ColorSpace;

use super::Radii;

/// RGB to Y, Cb, Cr (ITU-T T.871).
const YCBCR_ROWS: [[f64; 3]; 3] = [
    [0.299, 0.587, 0.114],
    [-0.168_735_89, -0.331_264_11, 0.5],
    [0.5, -0.418_687_59, -0.081_312_41],
];

/// Norms of a vector of weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weights {
    pub(crate) l1: f64,
    pub(crate) l2: f64,
    pub(crate) linf: f64,
}

impl Weights {
    const ONE: Self = Self {
        l1: 1.0,
        l2: 1.0,
        linf: 1.0,
    };

    fn of(weights: impl IntoIterator<Item = f64>) -> Self {
        let (mut l1, mut square, mut linf) = (0.0, 0.0, 0.0_f64);
        for weight in weights {
            l1 += weight.abs();
            square += weight * weight;
            linf = linf.max(weight.abs());
        }
        Self {
            l1,
            l2: square.sqrt(),
            linf,
        }
    }

    /// Norms of all products of two vectors' weights.
    fn times(self, other: Self) -> Self {
        Self {
            l1: self.l1 * other.l1,
            l2: self.l2 * other.l2,
            linf: self.linf * other.linf,
        }
    }

    /// The radii of a coefficient that may move by less than `margin`.
    pub(crate) fn radii(self, margin: f64) -> Radii {
        let margin = margin.max(0.0);
        Radii {
            linf: margin / self.l1,
            l2: margin / self.l2,
            l1: margin / self.linf,
        }
    }
}

/// What follows the last sample of a row or a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extension {
    /// Rows: the last pixel is repeated, and averaged like the others.
    Pixels,
    /// Columns: the last sample is repeated.
    Samples,
}

/// One direction of a component: its pixels, and how many of them one sample averages.
#[derive(Debug, Clone, Copy)]
struct Axis {
    pixels: usize,
    factor: usize,
    extension: Extension,
}

impl Axis {
    fn samples(self) -> usize {
        self.pixels.div_ceil(self.factor)
    }

    fn blocks(self) -> usize {
        self.samples().div_ceil(8)
    }

    /// Adds up, pixel by pixel of one block, what 8 samples with these weights take from it.
    fn gather(self, block: usize, sample_weight: impl Fn(usize) -> f64) -> Vec<f64> {
        let first = 8 * block * self.factor;
        let mut weights = vec![0.0; (self.pixels - first).min(8 * self.factor)];
        for x in 0..8 {
            let mut sample = 8 * block + x;
            if self.extension == Extension::Samples {
                sample = sample.min(self.samples() - 1);
            }
            for part in 0..self.factor {
                let pixel = (sample * self.factor + part).min(self.pixels - 1);
                #[expect(clippy::cast_precision_loss, reason = "1 or 2")]
                {
                    weights[pixel - first] += sample_weight(x) / self.factor as f64;
                }
            }
        }
        weights
    }

    fn basis(self, block: usize, frequency: u8) -> Weights {
        // In the first row of bands the vertical basis function is constant, 1 / sqrt(8).
        let band = Band::new(0, frequency).unwrap_or(Band::DC);
        Weights::of(self.gather(block, |x| band.basis(0, x) * 8.0_f64.sqrt()))
    }

    /// What the squares of a perturbation's pixels are at most multiplied by when they become samples of a
    /// block: the largest share of one pixel in all samples (Schur's test; each sample's weights add up to 1).
    fn energy_gain(self, block: usize) -> f64 {
        self.gather(block, |_| 1.0).into_iter().fold(0.0, f64::max)
    }
}

/// The weights of the 64 coefficients of a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BlockWeights {
    /// Over the samples of the picture, all channels.
    pub(crate) picture: [Weights; BANDS],
    /// Over the samples of the component that belong to the picture: L1 norm.
    pub(crate) component_l1: [f64; BANDS],
    /// What the sum of squares of a perturbation is at most multiplied by on its way to the 64 samples.
    pub(crate) energy_gain: f64,
}

/// The weights of all blocks of a component: only the last column and the last row of blocks differ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ComponentWeights {
    blocks: (usize, usize),
    /// By (last row, last column).
    classes: [[BlockWeights; 2]; 2],
}

impl ComponentWeights {
    /// Component `index` of a picture of `width` x `height` pixels with `channels` channels, where a sample of
    /// the component averages `averaged` pixels (horizontally, vertically).
    pub(crate) fn new(
        (width, height): (usize, usize),
        channels: usize,
        color_space: ColorSpace,
        index: usize,
        averaged: (usize, usize),
    ) -> Self {
        let colour = match color_space {
            ColorSpace::YCbCr | ColorSpace::Grey if channels == 3 => {
                Weights::of(YCBCR_ROWS[index.min(2)])
            }
            _ => Weights::ONE,
        };
        // The rows of the matrix add up to 1 in magnitude; floats would miss it by a bit.
        let colour = Weights { l1: 1.0, ..colour };
        let across = Axis {
            pixels: width,
            factor: averaged.0,
            extension: Extension::Pixels,
        };
        let down = Axis {
            pixels: height,
            factor: averaged.1,
            extension: Extension::Samples,
        };
        let class = |last_row: bool, last_column: bool| {
            let row = if last_row { down.blocks() - 1 } else { 0 };
            let column = if last_column { across.blocks() - 1 } else { 0 };
            let by_row: [Weights; 8] = from_fn(|u| down.basis(row, index_of(u)));
            let by_column: [Weights; 8] = from_fn(|v| across.basis(column, index_of(v)));
            let whole = down.gather(row, |_| 1.0).len() == 8 * down.factor
                && across.gather(column, |_| 1.0).len() == 8 * across.factor;
            let plane: [Weights; BANDS] = from_fn(|band| {
                let weights = by_row[band / 8].times(by_column[band % 8]);
                match Band::from_natural(band) {
                    // Free of the products' rounding: 8 is 8.
                    Some(band) if whole => Weights {
                        l1: band.l1_norm(),
                        ..weights
                    },
                    _ => weights,
                }
            });
            BlockWeights {
                picture: plane.map(|weights| weights.times(colour)),
                component_l1: plane.map(|weights| weights.l1),
                energy_gain: colour.l2.powi(2) * down.energy_gain(row) * across.energy_gain(column),
            }
        };
        Self {
            blocks: (across.blocks(), down.blocks()),
            classes: [false, true]
                .map(|last_row| [false, true].map(|last_column| class(last_row, last_column))),
        }
    }

    /// Columns and rows of blocks.
    pub(crate) const fn blocks(&self) -> (usize, usize) {
        self.blocks
    }

    /// The kinds of blocks, by (last row, last column).
    pub(crate) const fn classes(&self) -> &[[BlockWeights; 2]; 2] {
        &self.classes
    }

    pub(crate) fn block(&self, x: usize, y: usize) -> &BlockWeights {
        &self.classes[usize::from(y + 1 == self.blocks.1)][usize::from(x + 1 == self.blocks.0)]
    }
}

fn index_of(frequency: usize) -> u8 {
    u8::try_from(frequency).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pixels::{ChromaSubsampling, PixelFormat, PixelView, Planes};

    #[test]
    fn whole_blocks_have_the_norms_of_the_basis() {
        let weights = ComponentWeights::new((16, 16), 1, ColorSpace::Grey, 0, (1, 1));
        for band in Band::all() {
            let found = weights.block(0, 1).picture[band.natural()];
            assert_eq!(found.l1, band.l1_norm());
            assert!((found.l2 - 1.0).abs() < 1e-12);
            assert!((found.linf - band.linf_norm()).abs() < 1e-12);
        }
        assert!((weights.block(1, 1).energy_gain - 1.0).abs() < 1e-12);
    }

    #[test]
    fn chrominance_has_the_gains_of_the_matrix_and_of_averages() {
        for (component, gain) in [(0, 0.668_6), (1, 0.623_1), (2, 0.657_2)] {
            let weights = ComponentWeights::new((32, 32), 3, ColorSpace::YCbCr, component, (1, 1));
            let dc = weights.block(0, 0).picture[0];
            assert!((dc.l1 - 8.0).abs() < 1e-12 && (dc.l2 - gain).abs() < 1e-4);
        }
        let halved = ComponentWeights::new((32, 32), 3, ColorSpace::YCbCr, 1, (2, 2));
        let dc = halved.block(0, 0).picture[0];
        assert!((dc.l1 - 8.0).abs() < 1e-12 && (dc.l2 - 0.623_1 / 2.0).abs() < 1e-4);
        assert!((dc.linf - 0.125 * 0.5 / 4.0).abs() < 1e-12);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Every weight, found by changing one sample at a time, for any size, colour and sampling.
        #[test]
        fn norms_are_those_of_the_weights_that_the_transform_has(
            width in 1_usize..20, height in 1_usize..20, mode in 0_usize..5, last in any::<[bool; 2]>(),
        ) {
            let (channels, color_space, subsampling) = [
                (1, ColorSpace::Grey, ChromaSubsampling::None),
                (3, ColorSpace::Rgb, ChromaSubsampling::None),
                (3, ColorSpace::Grey, ChromaSubsampling::None),
                (3, ColorSpace::YCbCr, ChromaSubsampling::Horizontal),
                (3, ColorSpace::YCbCr, ChromaSubsampling::Both),
            ][mode];
            let format = if channels == 1 { PixelFormat::Grey } else { PixelFormat::Rgb };
            let planes = |samples: &[u8]| {
                let view = PixelView::new(samples, width as u32, height as u32, format).unwrap();
                Planes::subsampled(view, color_space, subsampling).unwrap()
            };
            let base = vec![100; width * height * channels];
            let reference = planes(&base);
            for component in 0..reference.component_count() {
                let averaged = if component == 0 { (1, 1) } else {
                    let (across, down) = subsampling.luminance_factors();
                    (usize::from(across), usize::from(down))
                };
                let weights = ComponentWeights::new((width, height), channels, color_space, component, averaged);
                prop_assert_eq!(weights.blocks(), reference.blocks(component));
                let x = if last[0] { weights.blocks().0 - 1 } else { 0 };
                let y = if last[1] { weights.blocks().1 - 1 } else { 0 };
                let before = reference.coefficients(component, x, y);
                let mut columns: Vec<[f64; 64]> = Vec::new();
                for sample in 0..base.len() {
                    let mut changed = base.clone();
                    changed[sample] += 100;
                    let after = planes(&changed).coefficients(component, x, y);
                    columns.push(from_fn(|band| {
                        f64::from(after.as_flattened()[band] - before.as_flattened()[band]) / 100.0
                    }));
                }
                for band in 0..64 {
                    let found = weights.block(x, y).picture[band];
                    let expected = Weights::of(columns.iter().map(|column| column[band]));
                    prop_assert!((found.l1 - expected.l1).abs() < 1e-3, "{band}: {found:?} {expected:?}");
                    prop_assert!((found.l2 - expected.l2).abs() < 1e-4, "{band}: {found:?} {expected:?}");
                    prop_assert!((found.linf - expected.linf).abs() < 1e-4, "{band}: {found:?} {expected:?}");
                }
            }
        }
    }
}
