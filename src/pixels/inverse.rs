//! Coefficients to pixels: dequantization, inverse DCT, upsampling, colour.

use std::array::from_fn;

use crate::band::Block;
use crate::coefficients::{CoefficientImage, Outline};
use crate::dct::{self, IntegerInverse, PreciseInverse};
use crate::error::{LimitKind, Result};
use crate::limits::{Limits, check, try_bytes, try_zeroed};
use crate::quantization::QuantizationTable;
#[cfg(target_arch = "x86_64")]
use crate::vectors::Avx2;
use crate::vectors::Vectors;

#[cfg(target_arch = "x86_64")]
use super::avx2;
use super::buffer::PixelBuffer;
use super::color::{rgb_from_ycbcr, rgb_from_ycbcr_precise, sample};
use super::render::{Output, Renderer, mcu_rows_at_a_time};
use super::resample::Triangle;
use super::window::Levels;
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

    pub(super) const fn pipeline(&self) -> PixelPipeline {
        self.pipeline
    }

    pub(super) const fn upsampling(&self) -> Upsampling {
        self.upsampling
    }

    pub(super) const fn format(&self) -> Option<PixelFormat> {
        self.format
    }

    /// Bytes that blocks of coefficients, held rows of samples and pixels take together.
    pub(super) fn memory<T: Rendering>(
        &self,
        outline: &Outline<'_>,
        output: Output,
        blocks: u64,
        mcu_rows: usize,
    ) -> u64 {
        size_of::<Block>() as u64 * blocks
            + Renderer::<T>::memory(outline, output, self.upsampling, mcu_rows)
            + output.bytes(&outline.geometry)
    }

    /// Rows of MCUs at a time: as many as are wanted where the limit leaves memory for them, or one.
    pub(super) fn rows_within_limit(
        &self,
        wanted: usize,
        memory: impl Fn(usize) -> u64,
    ) -> Result<usize> {
        let check = |mcu_rows| {
            check(
                LimitKind::Memory,
                memory(mcu_rows),
                self.limits.max_memory(),
            )
            .map(|()| mcu_rows)
        };
        check(wanted).or_else(|_| check(1))
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
    /// [`ArgumentError::PixelFormat`](crate::ArgumentError::PixelFormat) where the image cannot give the format,
    /// [`ArgumentError::Precision`](crate::ArgumentError::Precision) for samples of 12 bits, [`ArgumentError::Shape`](crate::ArgumentError::Shape) where a component is
    /// that of an image of another size,
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) before anything is allocated,
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn to_pixels(&self, options: &InverseOptions) -> Result<PixelBuffer> {
        let output = Output::of(&self.outline(), options)?;
        let vectors = Vectors::detected();
        match options.pipeline {
            PixelPipeline::LibjpegEqual => render::<u8>(self, options, output, vectors),
            PixelPipeline::Precise => render::<f32>(self, options, output, vectors),
        }
    }

    /// Which samples of the precise pipeline's pixels are clipped: 1 where the exact value is more than half a unit
    /// beyond 0 or 255, 0 elsewhere. For samples of 8 bits.
    ///
    /// # Errors
    ///
    /// As [`to_pixels`](Self::to_pixels), but for the precision.
    pub(crate) fn clipping(&self, options: &InverseOptions) -> Result<PixelBuffer> {
        let output = Output::new(self.color_space(), options.format)?;
        render::<Exact>(self, options, output, Vectors::detected())
    }
}

fn render<T: Rendering>(
    image: &CoefficientImage,
    options: &InverseOptions,
    output: Output,
    vectors: Vectors,
) -> Result<PixelBuffer> {
    let outline = image.outline();
    image.check_components()?;
    let wanted = mcu_rows_at_a_time(&outline);
    let memory = |mcu_rows| options.memory::<T>(&outline, output, image.block_count(), mcu_rows);
    let mcu_rows = options.rows_within_limit(wanted, memory)?;
    let mut renderer = Renderer::<T>::new(vectors);
    renderer.begin(&outline, None, output, options.upsampling, mcu_rows)?;
    let (width, height) = (image.width(), image.height());
    let mut pixels = try_zeroed(try_bytes(output.bytes(&outline.geometry))?)?;
    let mut filled = 0;
    let (_, mcus_high) = outline.geometry.mcus();
    for row in (0..mcus_high as usize).step_by(mcu_rows) {
        let components = outline.components.iter();
        let rows =
            components.map(|component| Levels::OfTable(component.mcu_rows(row..row + mcu_rows)));
        filled += renderer.draw(rows, &mut pixels[filled..]);
    }
    Ok(PixelBuffer::from_parts(
        pixels,
        width,
        height,
        output.format,
    ))
}

/// The arithmetic of one pipeline on its sample type.
pub(crate) trait Rendering: Triangle + Send + Sync {
    /// The inverse transform with the steps of a table.
    type Transform: Send + Sync;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::coefficients::{ColorSpace, SamplingFactor};
    use crate::quantization::QuantizationTables;

    fn assert_alike<T: Rendering>(image: &CoefficientImage, options: &InverseOptions) {
        let output = Output::of(&image.outline(), options).unwrap();
        let [detected, of_the_target] = [Vectors::detected(), Vectors::of_the_target()]
            .map(|vectors| render::<T>(image, options, output, vectors).unwrap());
        assert!(detected == of_the_target);
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
                    assert_alike::<u8>(&image, &options);
                    assert_alike::<f32>(&image, &options);
                }
            }
        }
    }
}
