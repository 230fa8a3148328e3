//! Pixels to coefficients: colour, downsampling, forward DCT, quantization.

use crate::band::Block;
use crate::coefficients::{CoefficientImage, ColorSpace};
use crate::dct;
use crate::error::{ArgumentError, Result};
use crate::limits::{try_reserve, try_vec};
use crate::quantization::{QuantizationTable, QuantizationTables, Rounding};

use super::color::{ycbcr_from_rgb, ycbcr_from_rgb_precise};
use super::plane::Plane;
use super::resample::Average;
use super::{ChromaSubsampling, PixelFormat, PixelPipeline, PixelView};

/// How pixels become coefficients.
///
/// ```
/// use feature_distillation::{
///     ChromaSubsampling, CoefficientImage, ForwardOptions, PixelFormat, PixelView, QuantizationTables,
/// };
/// let pixels = vec![90; 40 * 30 * 3];
/// let view = PixelView::new(&pixels, 40, 30, PixelFormat::Rgb)?;
/// let options = ForwardOptions::libjpeg_equal().with_subsampling(ChromaSubsampling::Both);
/// let image = CoefficientImage::from_pixels(view, &QuantizationTables::annex_k(90)?, &options)?;
/// std::fs::write(std::env::temp_dir().join("flat.jpg"), image.encode()?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForwardOptions {
    pipeline: PixelPipeline,
    color_space: ColorSpace,
    subsampling: ChromaSubsampling,
    rounding: Rounding,
}

impl ForwardOptions {
    /// What libjpeg-turbo does: 8-bit YCbCr, `islow`; 4:4:4 unless told otherwise.
    #[must_use]
    pub const fn libjpeg_equal() -> Self {
        Self {
            pipeline: PixelPipeline::LibjpegEqual,
            color_space: ColorSpace::YCbCr,
            subsampling: ChromaSubsampling::None,
            rounding: Rounding::HalfAwayFromZero,
        }
    }

    /// Floats up to the quantizer.
    #[must_use]
    pub const fn precise() -> Self {
        Self {
            pipeline: PixelPipeline::Precise,
            ..Self::libjpeg_equal()
        }
    }

    /// Chooses grey, RGB or YCbCr components. Grey pixels give grey components in any case.
    #[must_use]
    pub const fn with_color_space(mut self, color_space: ColorSpace) -> Self {
        self.color_space = color_space;
        self
    }

    /// Chooses the sampling of the chrominance; RGB and grey components are not subsampled.
    #[must_use]
    pub const fn with_subsampling(mut self, subsampling: ChromaSubsampling) -> Self {
        self.subsampling = subsampling;
        self
    }

    /// Chooses the tie rule of the quantizer; the libjpeg-equal pipeline has libjpeg's own.
    #[must_use]
    pub const fn with_rounding(mut self, rounding: Rounding) -> Self {
        self.rounding = rounding;
        self
    }
}

impl CoefficientImage {
    /// Transforms pixels to coefficients, quantized with `tables`.
    ///
    /// Edges are padded to whole blocks by repeating the last column and row.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::PixelFormat`] for CMYK pixels, or for colour spaces other than grey, RGB and
    /// YCbCr; [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn from_pixels(
        pixels: PixelView<'_>,
        tables: &QuantizationTables,
        options: &ForwardOptions,
    ) -> Result<Self> {
        match options.pipeline {
            PixelPipeline::LibjpegEqual => quantized::<u8>(pixels, tables, *options),
            PixelPipeline::Precise => quantized::<f32>(pixels, tables, *options),
        }
    }
}

/// The components of a picture as samples.
#[derive(Debug)]
pub(crate) struct Planes<T> {
    color_space: ColorSpace,
    subsampling: ChromaSubsampling,
    components: Vec<Plane<T>>,
}

/// The arithmetic of one pipeline on its sample type.
pub(crate) trait Pipeline: Average {
    /// What quantizes blocks with one table.
    type Quantizer;

    fn from_sample(sample: u8) -> Self;
    fn convert(red: &[u8], green: &[u8], blue: &[u8], out: [&mut [Self]; 3]);
    fn quantizer(table: &QuantizationTable, rounding: Rounding) -> Self::Quantizer;
    fn quantize(block: &[[Self; 8]; 8], quantizer: &Self::Quantizer) -> Block;
}

impl Pipeline for u8 {
    type Quantizer = dct::integer::Divisors;

    #[inline(always)]
    fn from_sample(sample: u8) -> Self {
        sample
    }

    fn convert(red: &[u8], green: &[u8], blue: &[u8], out: [&mut [Self]; 3]) {
        ycbcr_from_rgb(red, green, blue, out);
    }

    fn quantizer(table: &QuantizationTable, _: Rounding) -> Self::Quantizer {
        dct::integer::Divisors::new(table)
    }

    fn quantize(block: &[[Self; 8]; 8], quantizer: &Self::Quantizer) -> Block {
        let mut shifted = [[0; 8]; 8];
        for (shifted, &sample) in shifted
            .as_flattened_mut()
            .iter_mut()
            .zip(block.as_flattened())
        {
            *shifted = i16::from(sample) - 128;
        }
        quantizer.quantize(&dct::integer::forward(&shifted))
    }
}

impl Pipeline for f32 {
    type Quantizer = ([Self; 64], Rounding);

    #[inline(always)]
    fn from_sample(sample: u8) -> Self {
        Self::from(sample) - 128.0
    }

    fn convert(
        red: &[u8],
        green: &[u8],
        blue: &[u8],
        [luma, blue_difference, red_difference]: [&mut [Self]; 3],
    ) {
        let inputs = red.iter().zip(green).zip(blue);
        let outputs = luma.iter_mut().zip(blue_difference).zip(red_difference);
        for (((&r, &g), &b), ((y, cb), cr)) in inputs.zip(outputs) {
            [*y, *cb, *cr] = ycbcr_from_rgb_precise([r, g, b].map(Self::from_sample));
        }
    }

    fn quantizer(table: &QuantizationTable, rounding: Rounding) -> Self::Quantizer {
        (table.to_natural().map(Self::from), rounding)
    }

    fn quantize(block: &[[Self; 8]; 8], (steps, rounding): &Self::Quantizer) -> Block {
        let coefficients = dct::precise::forward(block);
        // One loop for each rule, so that the rule is known inside it.
        match rounding {
            Rounding::HalfAwayFromZero => levels(&coefficients, steps, Rounding::HalfAwayFromZero),
            Rounding::HalfToEven => levels(&coefficients, steps, Rounding::HalfToEven),
            Rounding::HalfTowardZero => levels(&coefficients, steps, Rounding::HalfTowardZero),
        }
    }
}

#[inline(always)]
fn levels(coefficients: &[[f32; 8]; 8], steps: &[f32; 64], rounding: Rounding) -> Block {
    let mut block = [0; 64];
    for ((level, &value), &step) in block.iter_mut().zip(coefficients.as_flattened()).zip(steps) {
        *level = rounding.divide_real(value, step);
    }
    block
}

impl<T: Pipeline> Planes<T> {
    fn of(
        pixels: PixelView<'_>,
        color_space: ColorSpace,
        subsampling: ChromaSubsampling,
    ) -> Result<Self> {
        let (width, height) = (pixels.width() as usize, pixels.height() as usize);
        let color_space = match (pixels.format(), color_space) {
            (PixelFormat::Grey, ColorSpace::Grey | ColorSpace::Rgb | ColorSpace::YCbCr) => {
                ColorSpace::Grey
            }
            (PixelFormat::Rgb, ColorSpace::Grey | ColorSpace::Rgb | ColorSpace::YCbCr) => {
                color_space
            }
            (format, _) => {
                return Err(ArgumentError::PixelFormat {
                    color_space: color_space.name(),
                    format: format.name(),
                }
                .into());
            }
        };
        let subsampling = match color_space {
            ColorSpace::YCbCr => subsampling,
            _ => ChromaSubsampling::None,
        };
        let channels = pixels.format().channels();
        let mut rows = try_vec(0_u8, 3 * width)?;
        let (red, rest) = rows.split_at_mut(width);
        let (green, blue) = rest.split_at_mut(width);
        let mut planes = Vec::with_capacity(3);
        for _ in 0..color_space.components().unwrap_or(1) {
            planes.push(Plane::new(width, height)?);
        }
        // Luminance alone needs the other two nowhere.
        let mut unused = if channels == 3 && color_space == ColorSpace::Grey {
            try_vec(T::default(), 2 * width)?
        } else {
            Vec::new()
        };
        for y in 0..height {
            for (channel, row) in [&mut *red, &mut *green, &mut *blue]
                .into_iter()
                .enumerate()
                .take(channels)
            {
                pixels.copy_row(y, channel, row);
            }
            match planes.as_mut_slice() {
                [a, b, c] if color_space == ColorSpace::YCbCr => {
                    let out = [a, b, c].map(|plane| &mut plane.padded_row_mut(y)[..width]);
                    T::convert(red, green, blue, out);
                }
                [luma] if channels == 3 => {
                    let (blue_difference, red_difference) = unused.split_at_mut(width);
                    let out = [
                        &mut luma.padded_row_mut(y)[..width],
                        blue_difference,
                        red_difference,
                    ];
                    T::convert(red, green, blue, out);
                }
                planes => {
                    for (plane, row) in planes.iter_mut().zip([&*red, &*green, &*blue]) {
                        for (out, &sample) in plane.padded_row_mut(y).iter_mut().zip(row) {
                            *out = T::from_sample(sample);
                        }
                    }
                }
            }
        }
        let (horizontal, vertical) = subsampling.luminance_factors();
        for (index, plane) in planes.iter_mut().enumerate() {
            plane.extend_edges();
            if index > 0 && (horizontal, vertical) != (1, 1) {
                *plane = downsample(plane, horizontal, vertical)?;
                plane.extend_bottom();
            }
        }
        Ok(Self {
            color_space,
            subsampling,
            components: planes,
        })
    }
}

impl Planes<f32> {
    /// The samples of a picture in the precise pipeline, for transforms without quantization.
    pub(crate) fn precise(pixels: PixelView<'_>, color_space: ColorSpace) -> Result<Self> {
        Self::of(pixels, color_space, ChromaSubsampling::None)
    }

    /// As [`precise`](Self::precise), with chrominance averaged as pass two averages it.
    pub(crate) fn subsampled(
        pixels: PixelView<'_>,
        color_space: ColorSpace,
        subsampling: ChromaSubsampling,
    ) -> Result<Self> {
        Self::of(pixels, color_space, subsampling)
    }

    pub(crate) const fn color_space(&self) -> ColorSpace {
        self.color_space
    }

    pub(crate) fn component_count(&self) -> usize {
        self.components.len()
    }

    /// Columns and rows of blocks.
    pub(crate) fn blocks(&self, component: usize) -> (usize, usize) {
        let plane = &self.components[component];
        (plane.blocks_wide(), plane.blocks_high())
    }

    /// Coefficients of one block, by vertical and horizontal frequency.
    pub(crate) fn coefficients(&self, component: usize, x: usize, y: usize) -> [[f32; 8]; 8] {
        dct::precise::forward(&self.components[component].block(x, y))
    }
}

fn quantized<T: Pipeline>(
    pixels: PixelView<'_>,
    tables: &QuantizationTables,
    options: ForwardOptions,
) -> Result<CoefficientImage> {
    let source = Planes::<T>::of(pixels, options.color_space, options.subsampling)?;
    let factors = source.subsampling.sampling_factors();
    let mut components = Vec::with_capacity(source.components.len());
    for (index, (plane, factor)) in source.components.iter().zip(factors).enumerate() {
        let table = tables.table(index);
        let quantizer = T::quantizer(table, options.rounding);
        let mut blocks = Vec::new();
        try_reserve(&mut blocks, plane.blocks_wide() * plane.blocks_high())?;
        for y in 0..plane.blocks_high() {
            for x in 0..plane.blocks_wide() {
                blocks.push(T::quantize(&plane.block(x, y), &quantizer));
            }
        }
        components.push((factor, *table, blocks));
    }
    CoefficientImage::from_blocks(
        pixels.width(),
        pixels.height(),
        source.color_space,
        components,
    )
}

/// Averages 2x1 or 2x2 samples. As in libjpeg the columns of the result are padded by averages of
/// the padded input, and an odd last row is averaged with itself.
pub(super) fn downsample<T: Average>(
    plane: &Plane<T>,
    horizontal: u8,
    vertical: u8,
) -> Result<Plane<T>> {
    let (width, height) = (
        plane.width.div_ceil(horizontal.into()),
        plane.height.div_ceil(vertical.into()),
    );
    let mut result = Plane::new(width, height)?;
    let stride = result.stride;
    let mut upper = try_vec(T::default(), 2 * stride)?;
    let mut lower = try_vec(T::default(), 2 * stride)?;
    let padded = |y: usize, out: &mut [T]| {
        let row = plane.row(y.min(plane.height - 1));
        out[..plane.width].copy_from_slice(row);
        out[plane.width..].fill(row[plane.width - 1]);
    };
    for y in 0..height {
        if vertical == 2 {
            padded(2 * y, &mut upper);
            padded(2 * y + 1, &mut lower);
            T::quad(&upper, &lower, result.padded_row_mut(y));
        } else {
            padded(y, &mut upper);
            T::pair(&upper, result.padded_row_mut(y));
        }
    }
    Ok(result)
}
