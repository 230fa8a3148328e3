//! Coefficients to pixels: dequantization, inverse DCT, upsampling, colour.

use std::array::from_fn;

use crate::band::Block;
use crate::coefficients::{CoefficientImage, ColorSpace, Component, SamplePrecision};
use crate::dct::{self, IntegerInverse, PreciseInverse};
use crate::error::{ArgumentError, LimitKind, Result};
use crate::limits::{Limits, check, try_reserve, try_vec};
use crate::quantization::{QuantizationTable, QuantizationTables, Rounding};
#[cfg(target_arch = "x86_64")]
use crate::vectors::Avx2;
use crate::vectors::Vectors;

#[cfg(target_arch = "x86_64")]
use super::avx2;
use super::buffer::PixelBuffer;
use super::color::{rgb_from_ycbcr, rgb_from_ycbcr_precise, sample};
use super::output::{Conversion, OutputRow};
use super::resample::{Triangle, Upsampler};
use super::window::Window;
use super::{PixelFormat, PixelPipeline, Upsampling};

/// How coefficients become pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InverseOptions {
    pipeline: PixelPipeline,
    upsampling: Upsampling,
    format: Option<PixelFormat>,
    limits: Limits,
}

impl InverseOptions {
    /// What libjpeg-turbo gives by default: `islow`, triangle upsampling.
    #[must_use]
    pub const fn libjpeg_equal() -> Self {
        Self {
            pipeline: PixelPipeline::LibjpegEqual,
            upsampling: Upsampling::Triangle,
            format: None,
            limits: Limits::new(),
        }
    }

    /// Floats to the end, samples repeated: what the distiller uses between its passes.
    #[must_use]
    pub const fn precise() -> Self {
        Self {
            pipeline: PixelPipeline::Precise,
            upsampling: Upsampling::Replicate,
            format: None,
            limits: Limits::new(),
        }
    }

    /// Replaces the pipeline.
    #[must_use]
    pub const fn with_pipeline(mut self, pipeline: PixelPipeline) -> Self {
        self.pipeline = pipeline;
        self
    }

    /// Replaces the upsampling.
    #[must_use]
    pub const fn with_upsampling(mut self, upsampling: Upsampling) -> Self {
        self.upsampling = upsampling;
        self
    }

    /// Replaces the limits; [`Limits::max_memory`] bounds coefficients, held rows of samples and pixels together.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Asks for a pixel format instead of the image's own. Grey can become RGB; YCbCr can become
    /// grey, which is its luminance.
    #[must_use]
    pub const fn with_format(mut self, format: PixelFormat) -> Self {
        self.format = Some(format);
        self
    }
}

impl CoefficientImage {
    /// Transforms the coefficients to pixels.
    ///
    /// The format is the image's own unless the options ask for another: grey, RGB (of RGB and
    /// YCbCr), CMYK (of CMYK and YCCK). libjpeg refuses sampling factors of a ratio that is no
    /// integer; here each pixel takes the sample it lies in.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::PixelFormat`] where the image cannot give the format,
    /// [`ArgumentError::Precision`] for samples of 12 bits, [`ArgumentError::Shape`] where a component is
    /// that of an image of another size,
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) before anything is allocated,
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn to_pixels(&self, options: &InverseOptions) -> Result<PixelBuffer> {
        self.to_pixels_through(None, options)
    }

    /// The pixels that the image would have once requantized, with less memory moved.
    ///
    /// # Errors
    ///
    /// As [`requantize`](Self::requantize) and [`to_pixels`](Self::to_pixels).
    pub(crate) fn to_requantized_pixels(
        &self,
        tables: &QuantizationTables,
        rounding: Rounding,
        options: &InverseOptions,
    ) -> Result<PixelBuffer> {
        self.check_requantization(tables)?;
        self.to_pixels_through(Some((tables, rounding)), options)
    }

    fn to_pixels_through(
        &self,
        target: Option<(&QuantizationTables, Rounding)>,
        options: &InverseOptions,
    ) -> Result<PixelBuffer> {
        let (format, colour) = self.output(options.format)?;
        self.check_components()?;
        if self.precision() != SamplePrecision::Eight {
            let bits = self.precision().bits();
            return Err(ArgumentError::Precision { bits }.into());
        }
        let vectors = Vectors::detected();
        match options.pipeline {
            PixelPipeline::LibjpegEqual => {
                render::<u8>(self, target, options, format, colour, vectors)
            }
            PixelPipeline::Precise => render::<f32>(self, target, options, format, colour, vectors),
        }
    }

    /// Which samples of the precise pipeline's pixels are clipped: 1 where the exact value is more than half a unit
    /// beyond 0 or 255, 0 elsewhere. For samples of 8 bits.
    ///
    /// # Errors
    ///
    /// As [`to_pixels`](Self::to_pixels), but for the precision.
    pub(crate) fn clipping(&self, options: &InverseOptions) -> Result<PixelBuffer> {
        let (format, colour) = self.output(options.format)?;
        self.check_components()?;
        render::<Exact>(self, None, options, format, colour, Vectors::detected())
    }

    /// The pixel format to give and the conversion that leads there.
    fn output(&self, asked: Option<PixelFormat>) -> Result<(PixelFormat, Conversion)> {
        let color_space = self.color_space();
        let own = match color_space {
            ColorSpace::Grey => Some(PixelFormat::Grey),
            ColorSpace::Rgb | ColorSpace::YCbCr => Some(PixelFormat::Rgb),
            ColorSpace::Cmyk | ColorSpace::Ycck => Some(PixelFormat::Cmyk),
            ColorSpace::Unknown => None,
        };
        let conversion = match (color_space, asked.or(own)) {
            (ColorSpace::Grey, Some(PixelFormat::Grey))
            | (ColorSpace::Rgb, Some(PixelFormat::Rgb))
            | (ColorSpace::Cmyk, Some(PixelFormat::Cmyk)) => Conversion::None,
            (ColorSpace::Grey, Some(PixelFormat::Rgb)) => Conversion::RepeatGrey,
            (ColorSpace::YCbCr, Some(PixelFormat::Grey)) => Conversion::LuminanceOnly,
            (ColorSpace::YCbCr, Some(PixelFormat::Rgb)) => Conversion::FromYCbCr,
            (ColorSpace::Ycck, Some(PixelFormat::Cmyk)) => Conversion::FromYcck,
            _ => {
                return Err(ArgumentError::PixelFormat {
                    color_space: color_space.name(),
                    format: asked.map_or("any", PixelFormat::name),
                }
                .into());
            }
        };
        // The last arm above returned where neither is known.
        let format = asked.or(own).unwrap_or(PixelFormat::Grey);
        Ok((format, conversion))
    }
}

/// The arithmetic of one pipeline on its sample type.
pub(crate) trait Rendering: Triangle {
    /// The inverse transform with the steps of a table.
    type Transform;

    fn transform(table: &QuantizationTable) -> Self::Transform;
    /// Fills eight rows of samples from a row of blocks.
    fn inverse(transform: &Self::Transform, vectors: Vectors, blocks: &[Block], rows: &mut [Self]);
    /// The samples of one block, the same bits.
    fn block(levels: &Block, table: &QuantizationTable) -> [[Self; 8]; 8];
    fn sample(self) -> u8;
    fn rgb(ycbcr: [Self; 3]) -> [u8; 3];

    /// Rows of components to rows of channels.
    #[inline(always)]
    fn rgb_rows([y, cb, cr]: [&[Self]; 3], [red, green, blue]: [&mut [u8]; 3]) {
        let inputs = y.iter().zip(cb).zip(cr);
        let outputs = red.iter_mut().zip(green).zip(blue);
        for (((&y, &cb), &cr), ((red, green), blue)) in inputs.zip(outputs) {
            [*red, *green, *blue] = Self::rgb([y, cb, cr]);
        }
    }

    /// As [`rgb_rows`](Self::rgb_rows).
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn rgb_rows_avx2(_: Avx2, components: [&[Self]; 3], channels: [&mut [u8]; 3]) {
        Self::rgb_rows(components, channels);
    }
}

impl Rendering for u8 {
    type Transform = IntegerInverse;

    fn transform(table: &QuantizationTable) -> IntegerInverse {
        IntegerInverse::new(table)
    }

    fn inverse(transform: &IntegerInverse, vectors: Vectors, blocks: &[Block], rows: &mut [Self]) {
        transform.row(vectors, blocks, rows);
    }

    fn block(levels: &Block, table: &QuantizationTable) -> [[Self; 8]; 8] {
        dct::integer::inverse(levels, &dct::integer::wrapping_steps(table))
    }

    #[inline(always)]
    fn sample(self) -> u8 {
        self
    }

    #[inline(always)]
    fn rgb([y, cb, cr]: [Self; 3]) -> [u8; 3] {
        rgb_from_ycbcr(y, cb, cr)
    }
}

impl Rendering for f32 {
    type Transform = PreciseInverse;

    fn transform(table: &QuantizationTable) -> PreciseInverse {
        PreciseInverse::new(table)
    }

    fn inverse(transform: &PreciseInverse, vectors: Vectors, blocks: &[Block], rows: &mut [Self]) {
        transform.row(vectors, blocks, rows);
    }

    fn block(levels: &Block, table: &QuantizationTable) -> [[Self; 8]; 8] {
        let steps = table.to_natural();
        let coefficients =
            from_fn(|u| from_fn(|v| Self::from(levels[8 * u + v]) * Self::from(steps[8 * u + v])));
        dct::precise::inverse(&coefficients)
    }

    #[inline(always)]
    fn sample(self) -> u8 {
        sample(self)
    }

    #[inline(always)]
    fn rgb(ycbcr: [Self; 3]) -> [u8; 3] {
        rgb_from_ycbcr_precise(ycbcr).map(sample)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn rgb_rows_avx2(v: Avx2, components: [&[Self]; 3], channels: [&mut [u8]; 3]) {
        avx2::rgb_rows(v, components, channels);
    }
}

/// A sample of the precise pipeline that becomes a mark instead of a pixel.
#[derive(Debug, Clone, Copy, Default)]
struct Exact(f32);

impl Triangle for Exact {
    type Sum = f32;

    #[inline(always)]
    fn widen(self) -> f32 {
        self.0
    }

    #[inline(always)]
    fn quarter(sum: f32, offset: u8) -> Self {
        Self(f32::quarter(sum, offset))
    }

    #[inline(always)]
    fn sixteenth(sum: f32, offset: u8) -> Self {
        Self(f32::sixteenth(sum, offset))
    }
}

impl Rendering for Exact {
    type Transform = PreciseInverse;

    fn transform(table: &QuantizationTable) -> PreciseInverse {
        PreciseInverse::new(table)
    }

    fn inverse(transform: &PreciseInverse, vectors: Vectors, blocks: &[Block], rows: &mut [Self]) {
        let mut samples = vec![0.0; rows.len()];
        transform.row(vectors, blocks, &mut samples);
        for (row, sample) in rows.iter_mut().zip(samples) {
            *row = Self(sample);
        }
    }

    fn block(levels: &Block, table: &QuantizationTable) -> [[Self; 8]; 8] {
        f32::block(levels, table).map(|row| row.map(Self))
    }

    #[inline(always)]
    fn sample(self) -> u8 {
        u8::from(!(-128.5..=127.5).contains(&self.0))
    }

    #[inline(always)]
    fn rgb(ycbcr: [Self; 3]) -> [u8; 3] {
        rgb_from_ycbcr_precise(ycbcr.map(|sample| sample.0)).map(|sample| Self(sample).sample())
    }
}

fn render<T: Rendering>(
    image: &CoefficientImage,
    target: Option<(&QuantizationTables, Rounding)>,
    options: &InverseOptions,
    format: PixelFormat,
    conversion: Conversion,
    vectors: Vectors,
) -> Result<PixelBuffer> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let geometry = image.geometry();
    let max = (geometry.max_horizontal, geometry.max_vertical);
    let needed = match conversion {
        Conversion::LuminanceOnly => &image.components()[..1],
        _ => image.components(),
    };
    let memory = memory::<T>(image, needed, target.is_some(), format);
    check(LimitKind::Memory, memory, options.limits.max_memory())?;
    let mut components = Vec::with_capacity(needed.len());
    for (index, component) in needed.iter().enumerate() {
        let target = target.map(|(tables, rounding)| (tables.table(index), rounding));
        let sampling = component.sampling();
        let factor = (sampling.horizontal(), sampling.vertical());
        components.push(Upsampler::new(
            Window::<T>::new(component, target, vectors)?,
            factor,
            max,
            width,
            options.upsampling,
            vectors,
        ));
    }
    let channels = format.channels();
    let mut pixels = Vec::new();
    try_reserve(&mut pixels, width * height * channels)?;
    let mut channel_rows = try_vec(0_u8, width * channels)?;
    let mut out = try_vec(0_u8, width * channels)?;
    for y in 0..height {
        let mut rows: [&[T]; 4] = [&[]; 4];
        for (row, component) in rows.iter_mut().zip(&mut components) {
            *row = &component.row(y)[..width];
        }
        vectors.run(OutputRow {
            conversion,
            components: rows,
            channels: &mut channel_rows,
            out: &mut out,
            width,
        });
        pixels.extend_from_slice(&out);
    }
    Ok(PixelBuffer::from_parts(
        pixels,
        image.width(),
        image.height(),
        format,
    ))
}

/// Bytes that coefficients, held rows of samples and pixels take together.
fn memory<T: Rendering>(
    image: &CoefficientImage,
    needed: &[Component],
    requantized: bool,
    format: PixelFormat,
) -> u64 {
    let blocks: u64 = image
        .components()
        .iter()
        .map(|component| component.blocks().len() as u64)
        .sum();
    let windows: u64 = needed
        .iter()
        .map(|component| Window::<T>::memory(component, requantized))
        .sum();
    let pixels = u64::from(image.width()) * u64::from(image.height());
    size_of::<Block>() as u64 * blocks + windows + format.channels() as u64 * pixels
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::coefficients::SamplingFactor;

    /// With and without vectors, requantized before and on the way.
    fn assert_alike<T: Rendering>(
        image: &CoefficientImage,
        tables: &QuantizationTables,
        options: &InverseOptions,
    ) {
        let (format, conversion) = image.output(options.format).unwrap();
        let mut requantized = image.clone();
        requantized
            .requantize(tables, Rounding::HalfAwayFromZero)
            .unwrap();
        let [before, on_the_way] = [
            (&requantized, None),
            (image, Some((tables, Rounding::HalfAwayFromZero))),
        ]
        .map(|(image, target)| {
            let [detected, of_the_target] =
                [Vectors::detected(), Vectors::of_the_target()].map(|vectors| {
                    render::<T>(image, target, options, format, conversion, vectors).unwrap()
                });
            assert!(detected == of_the_target);
            detected
        });
        assert!(before == on_the_way);
    }

    proptest! {
        #[test]
        fn pixels_are_the_same_with_and_without_vectors(
            (width, height) in (1_u32..90, 1_u32..40),
            (horizontal, vertical) in (1_u8..=4, 1_u8..=2),
            seed in any::<u32>(),
        ) {
            let luminance = SamplingFactor::new(horizontal, vertical).unwrap();
            let one = SamplingFactor::ONE;
            let tables = QuantizationTables::annex_k(60).unwrap();
            let targets = QuantizationTables::annex_k(80).unwrap();
            for (color_space, sampling) in [
                (ColorSpace::YCbCr, &[luminance, one, one][..]),
                (ColorSpace::Ycck, &[luminance, one, one, luminance]),
                (ColorSpace::Rgb, &[one; 3]),
                (ColorSpace::Grey, &[one]),
            ] {
                let mut image =
                    CoefficientImage::new(width, height, color_space, sampling, &tables).unwrap();
                let mut state = seed;
                for component in image.components_mut() {
                    for block in component.blocks_mut() {
                        for level in &mut block[..20] {
                            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                            *level = (state >> 24) as i16 / 8 - 16;
                        }
                    }
                }
                for upsampling in [Upsampling::Triangle, Upsampling::Replicate] {
                    let options = InverseOptions::libjpeg_equal().with_upsampling(upsampling);
                    assert_alike::<u8>(&image, &targets, &options);
                    assert_alike::<f32>(&image, &tables, &options);
                }
            }
        }
    }
}
