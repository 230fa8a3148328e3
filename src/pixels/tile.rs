//! The pixels of one MCU, by themselves: the same bits as those of whole pictures.
//!
//! Where the samples of a component are repeated and averaged, the pixels of an MCU depend on its own blocks
//! alone, and its coefficients on its own pixels. So one MCU can be changed, and looked at, without the others.

use std::array::from_fn;

use super::color::{
    rgb_from_ycbcr_precise, rgb_from_ycbcr_transposed, ycbcr_from_rgb_precise,
    ycbcr_from_rgb_transposed,
};
use super::inverse::Rendering;

/// Most blocks of an MCU that the distiller makes: 4 of luminance, 2 of chrominance.
pub(crate) const MOST_BLOCKS: usize = 6;

/// Samples of one block, row by row.
pub(crate) type Samples<T> = [[T; 8]; 8];

/// Samples of the blocks of an MCU: luminance row by row, then chrominance; as many
/// as there are.
pub(crate) type Blocks<T> = [Samples<T>; MOST_BLOCKS];

/// Values at the pixels of an MCU, by channel and by block of 8x8 pixels.
pub(crate) type Pixels<T> = [[Samples<T>; 4]; 3];

/// The part of an MCU that belongs to the picture, and how its blocks cover it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tile {
    width: usize,
    height: usize,
    /// Pixels that a sample of the chrominance averages; `None` where the one component is the one channel.
    averaged: Option<(usize, usize)>,
}

impl Tile {
    /// A tile of `width` x `height` pixels, at least one and at most those of an MCU.
    pub(crate) const fn new(
        (width, height): (usize, usize),
        averaged: Option<(usize, usize)>,
    ) -> Self {
        Self {
            width,
            height,
            averaged,
        }
    }

    pub(crate) const fn channels(self) -> usize {
        if self.averaged.is_some() { 3 } else { 1 }
    }

    /// Blocks of 8x8 pixels, which are those of the luminance.
    pub(crate) const fn pixel_blocks(self) -> usize {
        self.columns() * self.height.div_ceil(8)
    }

    /// Columns of blocks of 8x8 pixels.
    pub(crate) const fn columns(self) -> usize {
        self.width.div_ceil(8)
    }

    /// Columns and rows of a block of 8x8 pixels that belong to the picture.
    pub(crate) fn visible(self, block: usize) -> (usize, usize) {
        let (left, top) = (8 * (block % self.columns()), 8 * (block / self.columns()));
        ((self.width - left).min(8), (self.height - top).min(8))
    }

    /// The pixels that samples become, those outside the picture too.
    pub(crate) fn render<T: Rendering>(self, samples: &Blocks<T>) -> Pixels<u8> {
        let mut pixels = [[[[0; 8]; 8]; 4]; 3];
        let Some(averaged) = self.averaged else {
            pixels[0][0] = samples[0].map(|row| row.map(T::sample));
            return pixels;
        };
        self.each_row(averaged, |block, row, chroma_row, chroma_columns| {
            let luma = &samples[block][row];
            let [cb, cr] = [1, 2].map(|component| {
                let source = &samples[self.pixel_blocks() + component - 1][chroma_row];
                chroma_columns.map(|column| source[column])
            });
            for column in 0..8 {
                let rgb = T::rgb([luma[column], cb[column], cr[column]]);
                for (channel, value) in rgb.into_iter().enumerate() {
                    pixels[channel][block][row][column] = value;
                }
            }
        });
        pixels
    }

    /// What [`render`](Self::render) does to floats if nothing is rounded and clipped.
    pub(crate) fn render_linear(self, samples: &Blocks<f32>) -> Pixels<f32> {
        let mut pixels = [[[[0.0; 8]; 8]; 4]; 3];
        let Some(averaged) = self.averaged else {
            pixels[0][0] = samples[0];
            return pixels;
        };
        self.each_row(averaged, |block, row, chroma_row, chroma_columns| {
            for column in 0..8 {
                let chroma = chroma_columns[column];
                let rgb = rgb_from_ycbcr_precise([
                    samples[block][row][column],
                    samples[self.pixel_blocks()][chroma_row][chroma],
                    samples[self.pixel_blocks() + 1][chroma_row][chroma],
                ]);
                for (channel, value) in rgb.into_iter().enumerate() {
                    pixels[channel][block][row][column] = value;
                }
            }
        });
        pixels
    }

    /// The transpose of [`render_linear`](Self::render_linear).
    pub(crate) fn render_transposed(self, pixels: &Pixels<f32>) -> Blocks<f32> {
        let mut samples = [[[0.0; 8]; 8]; MOST_BLOCKS];
        let Some(averaged) = self.averaged else {
            samples[0] = pixels[0][0];
            return samples;
        };
        self.each_row(averaged, |block, row, chroma_row, chroma_columns| {
            for column in 0..8 {
                let rgb = from_fn(|channel| pixels[channel][block][row][column]);
                let [y, cb, cr] = rgb_from_ycbcr_transposed(rgb);
                let chroma = chroma_columns[column];
                samples[block][row][column] += y;
                samples[self.pixel_blocks()][chroma_row][chroma] += cb;
                samples[self.pixel_blocks() + 1][chroma_row][chroma] += cr;
            }
        });
        samples
    }

    /// The samples of the components that pixels become in the precise pipeline: converted, averaged, padded.
    pub(crate) fn components(self, pixels: &Pixels<u8>) -> Blocks<f32> {
        let shifted = |sample: u8| f32::from(sample) - 128.0;
        let mut samples = [[[0.0; 8]; 8]; MOST_BLOCKS];
        let Some(averaged) = self.averaged else {
            samples[0] = pixels[0][0].map(|row| row.map(shifted));
            self.extend(&mut samples[..1]);
            return samples;
        };
        if averaged == (1, 1) {
            for row in 0..8 {
                for column in 0..8 {
                    let rgb = from_fn(|channel| shifted(pixels[channel][0][row][column]));
                    let ycbcr = ycbcr_from_rgb_precise(rgb);
                    for (component, value) in ycbcr.into_iter().enumerate() {
                        samples[component][row][column] = value;
                    }
                }
            }
            for component in &mut samples[..3] {
                self.extend(std::slice::from_mut(component));
            }
            return samples;
        }
        let mut full: Pixels<f32> = [[[[0.0; 8]; 8]; 4]; 3];
        for block in 0..self.pixel_blocks() {
            for row in 0..8 {
                let [red, green, blue] = [0, 1, 2].map(|channel| &pixels[channel][block][row]);
                for column in 0..8 {
                    let rgb = [red[column], green[column], blue[column]].map(shifted);
                    let ycbcr = ycbcr_from_rgb_precise(rgb);
                    for (component, value) in ycbcr.into_iter().enumerate() {
                        full[component][block][row][column] = value;
                    }
                }
            }
        }
        samples[..4].copy_from_slice(&full[0]);
        self.extend(&mut samples[..self.pixel_blocks()]);
        for component in 1..3 {
            let chroma = &mut samples[self.pixel_blocks() + component - 1];
            self.average(averaged, &full[component], chroma);
        }
        samples
    }

    /// The transpose of [`components`](Self::components), of its linear part.
    pub(crate) fn components_transposed(self, samples: &Blocks<f32>) -> Pixels<f32> {
        let mut full: Pixels<f32> = [[[[0.0; 8]; 8]; 4]; 3];
        for (block, samples) in samples.iter().enumerate().take(self.pixel_blocks()) {
            let (left, top) = (8 * (block % self.columns()), 8 * (block / self.columns()));
            for (row, line) in samples.iter().enumerate() {
                for (column, value) in line.iter().enumerate() {
                    let (block, row, column) = self.clamped(left + column, top + row);
                    full[0][block][row][column] += value;
                }
            }
        }
        let Some(averaged) = self.averaged else {
            return full;
        };
        #[expect(clippy::cast_precision_loss, reason = "1, 2 or 4")]
        let share = 1.0 / (averaged.0 * averaged.1) as f32;
        for component in 1..3 {
            let chroma = &samples[self.pixel_blocks() + component - 1];
            for (row, line) in chroma.iter().enumerate() {
                for (column, value) in line.iter().enumerate() {
                    self.each_averaged(averaged, (column, row), |(block, row, column)| {
                        full[component][block][row][column] += value * share;
                    });
                }
            }
        }
        let [y, cb, cr] = &mut full;
        for block in 0..self.pixel_blocks() {
            let values = y[block].as_flattened_mut().iter_mut();
            let values = values.zip(cb[block].as_flattened_mut());
            for ((a, b), c) in values.zip(cr[block].as_flattened_mut()) {
                [*a, *b, *c] = ycbcr_from_rgb_transposed([*a, *b, *c]);
            }
        }
        full
    }

    /// Calls with each block and row of pixels, and the row and the columns of their chrominance.
    #[inline(always)]
    fn each_row(
        self,
        (across, down): (usize, usize),
        mut call: impl FnMut(usize, usize, usize, [usize; 8]),
    ) {
        for block in 0..self.pixel_blocks() {
            let (left, top) = (8 * (block % self.columns()), 8 * (block / self.columns()));
            let columns = from_fn(|column| (left + column) / across);
            for row in 0..8 {
                call(block, row, (top + row) / down, columns);
            }
        }
    }

    /// The block, row and column of a pixel, or of the pixel that stands in for it.
    fn clamped(self, x: usize, y: usize) -> (usize, usize, usize) {
        let (x, y) = (x.min(self.width - 1), y.min(self.height - 1));
        (y / 8 * self.columns() + x / 8, y % 8, x % 8)
    }

    /// Repeats the last column and row of the picture into the rest of the blocks of pixels.
    fn extend(self, blocks: &mut [Samples<f32>]) {
        if self.width.is_multiple_of(8) && self.height.is_multiple_of(8) {
            return;
        }
        for block in 0..blocks.len() {
            let (left, top) = (8 * (block % self.columns()), 8 * (block / self.columns()));
            for row in 0..8 {
                for column in 0..8 {
                    let (from, from_row, from_column) = self.clamped(left + column, top + row);
                    blocks[block][row][column] = blocks[from][from_row][from_column];
                }
            }
        }
    }

    /// Averages pixels to the samples of a block of chrominance, in the order of additions of whole pictures.
    fn average(
        self,
        averaged: (usize, usize),
        full: &[Samples<f32>; 4],
        chroma: &mut Samples<f32>,
    ) {
        let down = averaged.1;
        for (row, out) in chroma.iter_mut().enumerate() {
            let first = down * row.min(self.height.div_ceil(down) - 1);
            let upper = self.line(full, first);
            let pairs = out.iter_mut().zip(upper.as_chunks::<2>().0);
            if down == 2 {
                let lower = self.line(full, first + 1);
                for ((out, a), b) in pairs.zip(lower.as_chunks::<2>().0) {
                    *out = ((a[0] + a[1]) + (b[0] + b[1])) * 0.25;
                }
            } else {
                for (out, a) in pairs {
                    *out = (a[0] + a[1]) * 0.5;
                }
            }
        }
    }

    /// A row of 16 values, with those past the edge.
    fn line(self, full: &[Samples<f32>; 4], y: usize) -> [f32; 16] {
        let y = y.min(self.height - 1);
        let blocks = &full[y / 8 * self.columns()..][..self.columns()];
        let mut line = [0.0; 16];
        for (out, block) in line.chunks_exact_mut(8).zip(blocks) {
            out.copy_from_slice(&block[y % 8]);
        }
        let last = line[self.width - 1];
        line[self.width..].fill(last);
        line
    }

    /// Calls with the pixels that a sample of the chrominance averages, row by row. Past the edge, columns
    /// average the last pixel, and rows repeat the last sample.
    #[inline(always)]
    fn each_averaged(
        self,
        (across, down): (usize, usize),
        (column, row): (usize, usize),
        mut call: impl FnMut((usize, usize, usize)),
    ) {
        let row = row.min(self.height.div_ceil(down) - 1);
        for y in down * row..down * (row + 1) {
            for x in across * column..across * (column + 1) {
                call(self.clamped(x, y));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::band::Block;
    use crate::coefficients::{CoefficientImage, ColorSpace};
    use crate::dct::precise;
    use crate::pixels::{ChromaSubsampling, InverseOptions, PixelPipeline, Planes};
    use crate::quantization::QuantizationTable;

    const MODES: [(ColorSpace, ChromaSubsampling); 4] = [
        (ColorSpace::Grey, ChromaSubsampling::None),
        (ColorSpace::YCbCr, ChromaSubsampling::None),
        (ColorSpace::YCbCr, ChromaSubsampling::Horizontal),
        (ColorSpace::YCbCr, ChromaSubsampling::Both),
    ];

    fn averaged(
        (color_space, subsampling): (ColorSpace, ChromaSubsampling),
    ) -> Option<(usize, usize)> {
        let (across, down) = subsampling.luminance_factors();
        (color_space == ColorSpace::YCbCr).then_some((across.into(), down.into()))
    }

    /// All tiles of a picture of random levels: position in blocks of the luminance, and samples.
    fn check_whole_picture<T: Rendering>(
        size: (u32, u32),
        mode: (ColorSpace, ChromaSubsampling),
        pipeline: PixelPipeline,
        seed: u64,
    ) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let table = QuantizationTable::uniform(24).unwrap();
        let components = if mode.0 == ColorSpace::Grey { 1 } else { 3 };
        let sampling = &mode.1.sampling_factors()[..components];
        let mut image =
            CoefficientImage::new(size.0, size.1, mode.0, sampling, &table.into()).unwrap();
        for component in image.components_mut() {
            for block in component.blocks_mut() {
                block[0] = random.random_range(-50..50);
                for _ in 0..6 {
                    block[random.random_range(1..64)] = random.random_range(-12..12);
                }
            }
        }
        let options = InverseOptions::precise().with_pipeline(pipeline);
        let picture = image.to_pixels(&options).unwrap();
        let planes = Planes::subsampled(picture.view(), mode.0, mode.1).unwrap();

        let (across, down) = averaged(mode).unwrap_or((1, 1));
        let (width, height) = (size.0 as usize, size.1 as usize);
        let channels = picture.format().channels();
        for top in (0..height).step_by(8 * down) {
            for left in (0..width).step_by(8 * across) {
                let part = ((width - left).min(8 * across), (height - top).min(8 * down));
                let tile = Tile::new(part, averaged(mode));
                let mut places = Vec::new();
                for block in 0..tile.pixel_blocks() {
                    places.push((
                        0,
                        left / 8 + block % tile.columns(),
                        top / 8 + block / tile.columns(),
                    ));
                }
                for component in 1..components {
                    places.push((component, left / 8 / across, top / 8 / down));
                }
                let mut samples = [[[T::default(); 8]; 8]; MOST_BLOCKS];
                for (samples, &(component, x, y)) in samples.iter_mut().zip(&places) {
                    let block: &Block = image.components()[component]
                        .block(x as u32, y as u32)
                        .unwrap();
                    *samples = T::block(block, &table);
                }
                let pixels = tile.render(&samples);
                let blocks =
                    pixels
                        .iter()
                        .take(channels)
                        .enumerate()
                        .flat_map(|(channel, blocks)| {
                            let blocks = blocks.iter().take(tile.pixel_blocks()).enumerate();
                            blocks.map(move |(block, pixels)| (channel, block, pixels))
                        });
                for (channel, block, pixels) in blocks {
                    let (columns, rows) = tile.visible(block);
                    let first = left + 8 * (block % tile.columns());
                    for (row, line) in pixels.iter().enumerate().take(rows) {
                        let y = top + 8 * (block / tile.columns()) + row;
                        for (column, &found) in line.iter().enumerate().take(columns) {
                            let index = (y * width + first + column) * channels + channel;
                            assert_eq!(found, picture.as_slice()[index]);
                        }
                    }
                }
                for (found, &(component, x, y)) in tile.components(&pixels).iter().zip(&places) {
                    assert_eq!(
                        precise::forward(found),
                        planes.coefficients(component, x, y)
                    );
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn tiles_have_the_bits_of_whole_pictures(
            width in 1_u32..40, height in 1_u32..40, mode in 0_usize..4, seed in any::<u64>(),
        ) {
            check_whole_picture::<f32>((width, height), MODES[mode], PixelPipeline::Precise, seed);
            check_whole_picture::<u8>((width, height), MODES[mode], PixelPipeline::LibjpegEqual, seed);
        }

        #[test]
        fn transposes_have_the_same_products(
            width in 1_usize..17, height in 1_usize..17, mode in 0_usize..4, seed in any::<u64>(),
        ) {
            let averaged = averaged(MODES[mode]);
            let (across, down) = averaged.unwrap_or((1, 1));
            let tile = Tile::new((width.min(8 * across), height.min(8 * down)), averaged);
            let blocks = tile.pixel_blocks() + tile.channels() - 1;
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut samples: Blocks<f32> = [[[0.0; 8]; 8]; MOST_BLOCKS];
            for sample in samples[..blocks].as_flattened_mut().as_flattened_mut() {
                *sample = random.random_range(-1.0..1.0);
            }
            let mut whole: Pixels<u8> = [[[[0; 8]; 8]; 4]; 3];
            let mut factors: Pixels<f32> = [[[[0.0; 8]; 8]; 4]; 3];
            for channel in 0..tile.channels() {
                for block in 0..tile.pixel_blocks() {
                    for index in 0..64 {
                        whole[channel][block][index / 8][index % 8] = random.random();
                        factors[channel][block][index / 8][index % 8] = random.random_range(-1.0..1.0);
                    }
                }
            }
            let product = |a: &[[f32; 8]], b: &[[f32; 8]]| -> f64 {
                let pairs = a.as_flattened().iter().zip(b.as_flattened());
                pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let rendered = product(
                tile.render_linear(&samples).as_flattened().as_flattened(),
                factors.as_flattened().as_flattened(),
            );
            let transposed = product(
                samples.as_flattened(),
                tile.render_transposed(&factors).as_flattened(),
            );
            prop_assert!((rendered - transposed).abs() < 1e-2, "{rendered} {transposed}");

            let shifted = whole.map(|channel| channel.map(|block| block.map(|row| row.map(|sample| f32::from(sample) - 128.0))));
            let converted = product(tile.components(&whole)[..blocks].as_flattened(), samples[..blocks].as_flattened());
            let transposed = product(
                shifted[..tile.channels()].as_flattened().as_flattened(),
                tile.components_transposed(&samples)[..tile.channels()].as_flattened().as_flattened(),
            );
            prop_assert!((converted - transposed).abs() < 0.5, "{converted} {transposed}");
        }
    }
}
