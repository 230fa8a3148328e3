//! Pixels to coefficients: colour, downsampling, forward DCT, quantization.

use crate::band::Block;
use crate::coefficients::{CoefficientImage, ColorSpace};
use crate::dct::{IntegerForward, PreciseForward};
use crate::error::Result;
use crate::limits::{try_reserve, try_vec};
use crate::quantization::{QuantizationTable, QuantizationTables, Rounding};
#[cfg(target_arch = "x86_64")]
use crate::vectors::Avx2;
use crate::vectors::Vectors;

#[cfg(target_arch = "x86_64")]
use super::avx2;
use super::color::{ycbcr_from_rgb, ycbcr_from_rgb_precise};
use super::resample::Average;
use super::strips::Strips;
use super::{ChromaSubsampling, PixelPipeline, PixelView};

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
    /// [`ArgumentError::PixelFormat`](crate::ArgumentError::PixelFormat) for CMYK pixels, or for colour spaces other than grey, RGB and
    /// YCbCr; [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn from_pixels(
        pixels: PixelView<'_>,
        tables: &QuantizationTables,
        options: &ForwardOptions,
    ) -> Result<Self> {
        let vectors = Vectors::detected();
        match options.pipeline {
            PixelPipeline::LibjpegEqual => quantized::<u8>(pixels, tables, *options, vectors),
            PixelPipeline::Precise => quantized::<f32>(pixels, tables, *options, vectors),
        }
    }
}

/// The arithmetic of one pipeline on its sample type.
pub(crate) trait Pipeline: Average {
    /// The forward transform and quantization with the steps of a table.
    type Transform;

    fn from_sample(sample: u8) -> Self;
    fn ycbcr(rgb: [u8; 3]) -> [Self; 3];

    /// Rows of channels to rows of components, which may be longer.
    #[inline(always)]
    fn ycbcr_rows([red, green, blue]: [&[u8]; 3], [luma, cb, cr]: [&mut [Self]; 3]) {
        let inputs = red.iter().zip(green).zip(blue);
        let outputs = luma.iter_mut().zip(cb).zip(cr);
        for (((&r, &g), &b), ((y, cb), cr)) in inputs.zip(outputs) {
            [*y, *cb, *cr] = Self::ycbcr([r, g, b]);
        }
    }

    /// As [`ycbcr_rows`](Self::ycbcr_rows).
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn ycbcr_rows_avx2(_: Avx2, channels: [&[u8]; 3], out: [&mut [Self]; 3]) {
        Self::ycbcr_rows(channels, out);
    }

    fn transform(table: &QuantizationTable, rounding: Rounding) -> Self::Transform;
    /// Fills a row of blocks from eight rows of samples.
    fn forward(transform: &Self::Transform, vectors: Vectors, rows: &[Self], blocks: &mut [Block]);
}

impl Pipeline for u8 {
    type Transform = IntegerForward;

    #[inline(always)]
    fn from_sample(sample: u8) -> Self {
        sample
    }

    #[inline(always)]
    fn ycbcr([r, g, b]: [u8; 3]) -> [Self; 3] {
        ycbcr_from_rgb(r, g, b)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn ycbcr_rows_avx2(v: Avx2, channels: [&[u8]; 3], out: [&mut [Self]; 3]) {
        avx2::ycbcr_rows(v, channels, out);
    }

    fn transform(table: &QuantizationTable, _: Rounding) -> IntegerForward {
        IntegerForward::new(table)
    }

    fn forward(transform: &IntegerForward, vectors: Vectors, rows: &[Self], blocks: &mut [Block]) {
        transform.row(vectors, rows, blocks);
    }
}

impl Pipeline for f32 {
    type Transform = PreciseForward;

    #[inline(always)]
    fn from_sample(sample: u8) -> Self {
        Self::from(sample) - 128.0
    }

    #[inline(always)]
    fn ycbcr(rgb: [u8; 3]) -> [Self; 3] {
        ycbcr_from_rgb_precise(rgb.map(Self::from_sample))
    }

    fn transform(table: &QuantizationTable, rounding: Rounding) -> PreciseForward {
        PreciseForward::new(table, rounding)
    }

    fn forward(transform: &PreciseForward, vectors: Vectors, rows: &[Self], blocks: &mut [Block]) {
        transform.row(vectors, rows, blocks);
    }
}

fn quantized<T: Pipeline>(
    pixels: PixelView<'_>,
    tables: &QuantizationTables,
    options: ForwardOptions,
    vectors: Vectors,
) -> Result<CoefficientImage> {
    let mut strips = Strips::<T>::new(pixels, options.color_space, options.subsampling, vectors)?;
    let factors = strips.subsampling().sampling_factors();
    let mut components = Vec::with_capacity(strips.components().len());
    let mut widest = 0;
    for (index, component) in strips.components().iter().enumerate() {
        let mut blocks = Vec::new();
        let (wide, high) = component.blocks();
        try_reserve(&mut blocks, wide * high)?;
        widest = widest.max(wide);
        let transform = T::transform(tables.table(index), options.rounding);
        components.push((transform, blocks));
    }
    let mut row = try_vec([0; 64], widest)?;
    for index in 0..strips.count() {
        strips.fill(index);
        for (component, (transform, blocks)) in strips.components().iter().zip(&mut components) {
            let row = &mut row[..component.blocks().0];
            for rows in component.block_rows(index) {
                T::forward(transform, vectors, rows, row);
                blocks.extend_from_slice(row);
            }
        }
    }
    let components = components.into_iter().zip(factors).enumerate();
    CoefficientImage::from_blocks(
        pixels.width(),
        pixels.height(),
        strips.color_space(),
        components
            .map(|(index, ((_, blocks), factor))| (factor, *tables.table(index), blocks))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pixels::PixelFormat;

    fn assert_alike<T: Pipeline>(view: PixelView<'_>, options: ForwardOptions) {
        let tables = QuantizationTables::annex_k(90).unwrap();
        let [detected, of_the_target] = [Vectors::detected(), Vectors::of_the_target()]
            .map(|vectors| quantized::<T>(view, &tables, options, vectors).unwrap());
        assert!(detected.components() == of_the_target.components());
    }

    proptest! {
        #[test]
        fn coefficients_are_the_same_with_and_without_vectors(
            (width, height) in (1_u32..80, 1_u32..20),
            noise in prop::collection::vec(any::<u8>(), 3 * 80 * 20),
            planar in any::<bool>(),
        ) {
            let samples = &noise[..(3 * width * height) as usize];
            let view = if planar {
                PixelView::planar(samples, width, height, PixelFormat::Rgb)
            } else {
                PixelView::new(samples, width, height, PixelFormat::Rgb)
            }.unwrap();
            for color_space in [ColorSpace::YCbCr, ColorSpace::Rgb, ColorSpace::Grey] {
                for subsampling in [
                    ChromaSubsampling::None,
                    ChromaSubsampling::Horizontal,
                    ChromaSubsampling::Both,
                ] {
                    let options = ForwardOptions::precise()
                        .with_color_space(color_space)
                        .with_subsampling(subsampling);
                    assert_alike::<u8>(view, options);
                    assert_alike::<f32>(view, options);
                }
            }
        }
    }
}
