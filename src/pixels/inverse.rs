//! Coefficients to pixels: dequantization, inverse DCT, upsampling, colour.

use std::array::from_fn;

use crate::band::Block;
use crate::coefficients::{CoefficientImage, ColorSpace, Component, SamplePrecision};
use crate::dct;
use crate::error::{ArgumentError, LimitKind, Result};
use crate::limits::{Limits, check, try_reserve, try_vec};
use crate::quantization::QuantizationTable;

use super::buffer::PixelBuffer;
use super::color::{rgb_from_ycbcr, rgb_from_ycbcr_precise, sample};
use super::plane::Plane;
use super::resample::{Triangle, Upsampler};
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

    /// Replaces the limits; [`Limits::max_memory`] bounds coefficients, planes of samples and pixels together.
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
        let (format, colour) = self.output(options.format)?;
        self.check_components()?;
        if self.precision() != SamplePrecision::Eight {
            let bits = self.precision().bits();
            return Err(ArgumentError::Precision { bits }.into());
        }
        match options.pipeline {
            PixelPipeline::LibjpegEqual => render::<u8>(self, options, format, colour),
            PixelPipeline::Precise => render::<f32>(self, options, format, colour),
        }
    }

    /// Which samples of the precise pipeline's pixels are clipped: 1 where the exact value is more than half a unit
    /// beyond 0 or 255, 0 elsewhere.
    ///
    /// # Errors
    ///
    /// As [`to_pixels`](Self::to_pixels).
    pub(crate) fn clipping(&self, options: &InverseOptions) -> Result<PixelBuffer> {
        let (format, colour) = self.output(options.format)?;
        self.check_components()?;
        render::<Exact>(self, options, format, colour)
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

/// The step from components to channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conversion {
    None,
    RepeatGrey,
    LuminanceOnly,
    FromYCbCr,
    FromYcck,
}

/// The arithmetic of one pipeline on its sample type.
pub(crate) trait Rendering: Triangle {
    fn inverse(block: &Block, table: &QuantizationTable) -> [[Self; 8]; 8];
    fn sample(self) -> u8;
    fn rgb(ycbcr: [Self; 3]) -> [u8; 3];
}

impl Rendering for u8 {
    fn inverse(block: &Block, table: &QuantizationTable) -> [[Self; 8]; 8] {
        dct::integer::inverse(block, table)
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
    fn inverse(block: &Block, table: &QuantizationTable) -> [[Self; 8]; 8] {
        let steps = table.to_natural();
        let coefficients =
            from_fn(|u| from_fn(|v| Self::from(block[8 * u + v]) * Self::from(steps[8 * u + v])));
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
}

/// A sample of the precise pipeline that becomes a mark instead of a pixel.
#[derive(Debug, Clone, Copy, Default)]
struct Exact(f32);

impl Triangle for Exact {
    type Sum = f32;

    fn widen(self) -> f32 {
        self.0
    }

    fn quarter(sum: f32, offset: u8) -> Self {
        Self(f32::quarter(sum, offset))
    }

    fn sixteenth(sum: f32, offset: u8) -> Self {
        Self(f32::sixteenth(sum, offset))
    }
}

impl Rendering for Exact {
    fn inverse(block: &Block, table: &QuantizationTable) -> [[Self; 8]; 8] {
        f32::inverse(block, table).map(|row| row.map(Self))
    }

    fn sample(self) -> u8 {
        u8::from(!(-128.5..=127.5).contains(&self.0))
    }

    fn rgb(ycbcr: [Self; 3]) -> [u8; 3] {
        rgb_from_ycbcr_precise(ycbcr.map(|sample| sample.0)).map(|sample| Self(sample).sample())
    }
}

fn render<T: Rendering>(
    image: &CoefficientImage,
    options: &InverseOptions,
    format: PixelFormat,
    conversion: Conversion,
) -> Result<PixelBuffer> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let geometry = image.geometry();
    let max = (geometry.max_horizontal, geometry.max_vertical);
    let needed = match conversion {
        Conversion::LuminanceOnly => &image.components()[..1],
        _ => image.components(),
    };
    let memory = memory::<T>(image, needed, format);
    check(LimitKind::Memory, memory, options.limits.max_memory())?;
    let mut components = Vec::with_capacity(needed.len());
    for component in needed {
        let sampling = component.sampling();
        let factor = (sampling.horizontal(), sampling.vertical());
        components.push(Upsampler::<T>::new(
            samples(component)?,
            factor,
            max,
            width,
            options.upsampling,
        ));
    }
    let channels = format.channels();
    let mut pixels = Vec::new();
    try_reserve(&mut pixels, width * height * channels)?;
    let mut row = try_vec(0_u8, width * channels)?;
    for y in 0..height {
        let mut planes = components
            .iter_mut()
            .map(|component| &component.row(y)[..width]);
        match conversion {
            Conversion::FromYCbCr | Conversion::FromYcck => {
                let [Some(luma), Some(cb), Some(cr)] =
                    [planes.next(), planes.next(), planes.next()]
                else {
                    break;
                };
                let ycbcr = luma
                    .iter()
                    .zip(cb)
                    .zip(cr)
                    .map(|((&y, &cb), &cr)| T::rgb([y, cb, cr]));
                match planes.next() {
                    None => {
                        for (pixel, rgb) in row.as_chunks_mut::<3>().0.iter_mut().zip(ycbcr) {
                            *pixel = rgb;
                        }
                    }
                    Some(black) => {
                        for ((pixel, [r, g, b]), black) in
                            row.as_chunks_mut::<4>().0.iter_mut().zip(ycbcr).zip(black)
                        {
                            *pixel = [255 - r, 255 - g, 255 - b, black.sample()];
                        }
                    }
                }
            }
            Conversion::RepeatGrey => {
                for (pixel, grey) in row
                    .chunks_exact_mut(channels)
                    .zip(planes.next().unwrap_or(&[]))
                {
                    pixel.fill(grey.sample());
                }
            }
            Conversion::None | Conversion::LuminanceOnly => {
                for (channel, plane) in planes.enumerate() {
                    for (pixel, value) in row.chunks_exact_mut(channels).zip(plane) {
                        pixel[channel] = value.sample();
                    }
                }
            }
        }
        pixels.extend_from_slice(&row);
    }
    Ok(PixelBuffer::from_parts(
        pixels,
        image.width(),
        image.height(),
        format,
    ))
}

/// Bytes that coefficients, planes and pixels take together.
fn memory<T>(image: &CoefficientImage, needed: &[Component], format: PixelFormat) -> u64 {
    let blocks = |components: &[Component]| -> u64 {
        components
            .iter()
            .map(|component| component.blocks().len() as u64)
            .sum()
    };
    let pixels = u64::from(image.width()) * u64::from(image.height());
    size_of::<Block>() as u64 * blocks(image.components())
        + 64 * size_of::<T>() as u64 * blocks(needed)
        + format.channels() as u64 * pixels
}

/// The samples of one component.
fn samples<T: Rendering>(component: &Component) -> Result<Plane<T>> {
    let mut plane = Plane::new(component.width() as usize, component.height() as usize)?;
    let wide = component.blocks_wide() as usize;
    for (index, block) in component.blocks().iter().enumerate() {
        let samples = T::inverse(block, component.quantization_table());
        plane.set_block(index % wide, index / wide, &samples);
    }
    Ok(plane)
}
