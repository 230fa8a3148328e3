//! Pictures of real-valued samples, to the planes of components and back.
//!
//! Both ways are linear and have no rounding: what lies between them is the caller's. In single
//! precision they are the precise pipeline's own arithmetic.

use std::ops::{Add, Mul};

use crate::coefficients::ColorSpace;
use crate::dct;
use crate::error::{ArgumentError, Result};
use crate::limits::{try_reserve, try_vec};
use crate::vectors::Vectors;

use super::color::{rgb_from_ycbcr_precise, sample, ycbcr_from_rgb_precise};
use super::plane::{Plane, downsample};
use super::resample::{Rows, Scaling, Upsampler};
use super::{ChromaSubsampling, PixelBuffer, PixelFormat, PixelView, Upsampling};

/// A float type, with the stages that are not sums of a few samples.
pub(crate) trait Real:
    Copy + Default + Add<Output = Self> + Mul<Output = Self> + From<f32> + From<u8> + Send + Sync
{
    fn forward_dct(samples: &[[Self; 8]; 8]) -> [[Self; 8]; 8];
    fn inverse_dct(coefficients: &[[Self; 8]; 8]) -> [[Self; 8]; 8];
    fn ycbcr_from_rgb(rgb: [Self; 3]) -> [Self; 3];
    fn rgb_from_ycbcr(ycbcr: [Self; 3]) -> [Self; 3];
}

impl Real for f32 {
    fn forward_dct(samples: &[[Self; 8]; 8]) -> [[Self; 8]; 8] {
        dct::precise::forward(samples)
    }

    fn inverse_dct(coefficients: &[[Self; 8]; 8]) -> [[Self; 8]; 8] {
        dct::precise::inverse(coefficients)
    }

    #[inline(always)]
    fn ycbcr_from_rgb(rgb: [Self; 3]) -> [Self; 3] {
        ycbcr_from_rgb_precise(rgb)
    }

    #[inline(always)]
    fn rgb_from_ycbcr(ycbcr: [Self; 3]) -> [Self; 3] {
        rgb_from_ycbcr_precise(ycbcr)
    }
}

/// What the channels of a picture are to its components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// Channels are components.
    Same,
    /// Three channels, of which only the luminance is kept.
    Luminance,
    /// Three channels by JFIF's transform.
    YCbCr,
}

/// How pictures of one size and colour space split into planes of components.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ComponentPlanes {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
    pub(super) colour: Colour,
    /// Sampling factors of the luminance; chrominance has 1x1.
    pub(super) luminance_factors: (u8, u8),
    pub(super) upsampling: Upsampling,
}

impl ComponentPlanes {
    /// For pictures like this one.
    pub(crate) fn for_view(
        pixels: PixelView<'_>,
        color_space: ColorSpace,
        subsampling: ChromaSubsampling,
        upsampling: Upsampling,
    ) -> Result<Self> {
        let format = pixels.format();
        if !matches!(format, PixelFormat::Grey | PixelFormat::Rgb) {
            return Err(ArgumentError::PixelFormat {
                color_space: color_space.name(),
                format: format.name(),
            }
            .into());
        }
        Ok(Self::of(
            (pixels.width() as usize, pixels.height() as usize),
            format.channels(),
            color_space,
            subsampling,
            upsampling,
        ))
    }

    /// For pictures of a size that was checked and 1 or 3 channels, and colour spaces of pixels.
    pub(super) fn of(
        (width, height): (usize, usize),
        channels: usize,
        color_space: ColorSpace,
        subsampling: ChromaSubsampling,
        upsampling: Upsampling,
    ) -> Self {
        let colour = match (channels, color_space) {
            (3, ColorSpace::Grey) => Colour::Luminance,
            (3, ColorSpace::YCbCr) => Colour::YCbCr,
            _ => Colour::Same,
        };
        Self {
            width,
            height,
            channels,
            colour,
            luminance_factors: match colour {
                Colour::YCbCr => subsampling.luminance_factors(),
                Colour::Same | Colour::Luminance => (1, 1),
            },
            upsampling,
        }
    }

    /// Components, and channels of the picture that they give.
    pub(crate) const fn component_count(&self) -> usize {
        match self.colour {
            Colour::Luminance => 1,
            Colour::Same | Colour::YCbCr => self.channels,
        }
    }

    /// Sampling factors of a component.
    pub(super) const fn factors(&self, component: usize) -> (u8, u8) {
        if component == 0 || !matches!(self.colour, Colour::YCbCr) {
            self.luminance_factors
        } else {
            (1, 1)
        }
    }

    /// Whether a component has fewer samples than the picture has pixels.
    pub(crate) fn is_subsampled(&self, component: usize) -> bool {
        self.factors(component) != self.luminance_factors
    }

    /// Level-shifted samples of 8 bits, channels of a pixel together.
    pub(crate) fn samples(&self, pixels: PixelView<'_>) -> Result<Vec<f32>> {
        let mut samples = try_vec(0.0, self.width * self.height * self.channels)?;
        let mut row = try_vec(0_u8, self.width)?;
        for (y, out) in samples
            .chunks_exact_mut(self.width * self.channels)
            .enumerate()
        {
            for channel in 0..self.channels {
                pixels.copy_row(y, channel, &mut row);
                for (pixel, &sample) in out.chunks_exact_mut(self.channels).zip(&row) {
                    pixel[channel] = f32::from(sample) - 128.0;
                }
            }
        }
        Ok(samples)
    }

    /// The planes of a picture of level-shifted samples, padded by repetition to whole blocks.
    pub(crate) fn split<T: Real>(&self, samples: &[T]) -> Result<Vec<Plane<T>>> {
        let mut planes = Vec::with_capacity(3);
        for _ in 0..self.component_count() {
            planes.push(Plane::new(self.width, self.height)?);
        }
        for (y, row) in samples.chunks_exact(self.width * self.channels).enumerate() {
            for (x, pixel) in row.chunks_exact(self.channels).enumerate() {
                let (converted, components);
                match (self.colour, pixel) {
                    (Colour::YCbCr | Colour::Luminance, &[r, g, b]) => {
                        converted = T::ycbcr_from_rgb([r, g, b]);
                        components = converted.as_slice();
                    }
                    _ => components = pixel,
                }
                for (plane, &component) in planes.iter_mut().zip(components) {
                    plane.padded_row_mut(y)[x] = component;
                }
            }
        }
        for (index, plane) in planes.iter_mut().enumerate() {
            plane.extend_edges();
            if self.is_subsampled(index) {
                let (horizontal, vertical) = self.luminance_factors;
                *plane = downsample(plane, horizontal, vertical)?;
                plane.extend_bottom();
            }
        }
        Ok(planes)
    }

    /// The picture of planes, as level-shifted samples without clipping.
    pub(crate) fn join<T: Real>(&self, planes: Vec<Plane<T>>) -> Result<Vec<T>> {
        let count = self.component_count();
        let mut samples = Vec::new();
        try_reserve(&mut samples, self.width * self.height * count)?;
        let mut components = Vec::with_capacity(count);
        for (index, plane) in planes.into_iter().enumerate() {
            let factors = self.factors(index);
            let (max, width) = (self.luminance_factors, plane.width());
            let scaling = Scaling::new(factors, max, width, self.upsampling);
            let upsampler = Upsampler::new(scaling, width, self.width, Vectors::detected())?;
            components.push((plane, upsampler));
        }
        for y in 0..self.height {
            match components.as_mut_slice() {
                [luma, cb, cr] if self.colour == Colour::YCbCr => {
                    let rows = row(luma, y).iter().zip(row(cb, y)).zip(row(cr, y));
                    for ((&y, &cb), &cr) in rows.take(self.width) {
                        samples.extend(T::rgb_from_ycbcr([y, cb, cr]));
                    }
                }
                [a, b, c] => {
                    let rows = row(a, y).iter().zip(row(b, y)).zip(row(c, y));
                    for ((&a, &b), &c) in rows.take(self.width) {
                        samples.extend([a, b, c]);
                    }
                }
                components => {
                    for component in components {
                        samples.extend_from_slice(&row(component, y)[..self.width]);
                    }
                }
            }
        }
        Ok(samples)
    }

    /// The picture of level-shifted samples, rounded and clipped to 8 bits.
    pub(crate) fn pixels(&self, samples: &[f32]) -> Result<PixelBuffer> {
        let mut bytes = Vec::new();
        try_reserve(&mut bytes, samples.len())?;
        bytes.extend(samples.iter().map(|&value| sample(value)));
        let format = match self.component_count() {
            1 => PixelFormat::Grey,
            _ => PixelFormat::Rgb,
        };
        #[expect(clippy::cast_possible_truncation, reason = "sides are at most 65535")]
        let (width, height) = (self.width as u32, self.height as u32);
        PixelBuffer::new(bytes, width, height, format)
    }
}

fn row<T: Real>((plane, upsampler): &mut (Plane<T>, Upsampler<T>), y: usize) -> &[T] {
    upsampler.row(plane, y)
}

impl<T: Real> Plane<T> {
    /// Replaces each block by a function of its index in raster order and itself.
    pub(crate) fn map_blocks(&mut self, mut map: impl FnMut(usize, [[T; 8]; 8]) -> [[T; 8]; 8]) {
        for y in 0..self.blocks_high() {
            for x in 0..self.blocks_wide() {
                let block = map(y * self.blocks_wide() + x, self.block(x, y));
                self.set_block(x, y, &block);
            }
        }
    }
}
