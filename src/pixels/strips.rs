//! Pixels to samples of components, one row of MCUs at a time: colour, downsampling, padding.

use crate::coefficients::ColorSpace;
use crate::error::{ArgumentError, Result};
use crate::limits::try_vec;
#[cfg(target_arch = "x86_64")]
use crate::vectors::Avx2;
use crate::vectors::{Kernel, Vectors};

use super::forward::Pipeline;
use super::{ChromaSubsampling, PixelFormat, PixelView};

/// The components of a picture in strips as high as an MCU.
///
/// Edges are padded to whole blocks by repeating the last column and row.
#[derive(Debug)]
pub(super) struct Strips<'a, T> {
    pixels: PixelView<'a>,
    color_space: ColorSpace,
    subsampling: ChromaSubsampling,
    vectors: Vectors,
    /// A row of each channel of the pixels.
    channels: Vec<u8>,
    /// Rows of chrominance that are yet to be averaged, one or two of each component.
    full: Vec<T>,
    components: Vec<Strip<T>>,
}

/// A strip of one component.
#[derive(Debug)]
pub(super) struct Strip<T> {
    samples: Vec<T>,
    stride: usize,
    /// Rows of samples in a strip.
    rows: usize,
    /// Rows of samples in the whole component.
    height: usize,
}

impl<T: Copy> Strip<T> {
    /// Columns and rows of blocks in the whole component.
    pub(super) const fn blocks(&self) -> (usize, usize) {
        (self.stride / 8, self.height.div_ceil(8))
    }

    /// The rows of blocks that strip `index` of the picture has, each as eight rows of samples.
    pub(super) fn block_rows(&self, index: usize) -> impl Iterator<Item = &[T]> {
        let before = index * self.rows / 8;
        self.samples
            .chunks_exact(8 * self.stride)
            .take(self.blocks().1 - before)
    }

    fn row_mut(&mut self, y: usize) -> &mut [T] {
        &mut self.samples[y * self.stride..][..self.stride]
    }

    fn repeat_row_before(&mut self, y: usize) {
        let start = y * self.stride;
        self.samples.copy_within(start - self.stride..start, start);
    }
}

impl<'a, T: Pipeline> Strips<'a, T> {
    pub(super) fn new(
        pixels: PixelView<'a>,
        color_space: ColorSpace,
        subsampling: ChromaSubsampling,
        vectors: Vectors,
    ) -> Result<Self> {
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
        let (width, height) = (pixels.width() as usize, pixels.height() as usize);
        let (horizontal, vertical) = factors(subsampling);
        let mut components = Vec::with_capacity(3);
        for index in 0..color_space.components().unwrap_or(1) {
            let (horizontal, vertical, rows) = if index == 0 {
                (1, 1, 8 * vertical)
            } else {
                (horizontal, vertical, 8)
            };
            let stride = width.div_ceil(horizontal).next_multiple_of(8);
            components.push(Strip {
                samples: try_vec(T::default(), rows * stride)?,
                stride,
                rows,
                height: height.div_ceil(vertical),
            });
        }
        let full = match components.as_slice() {
            [_, chrominance, _] if horizontal > 1 => 2 * vertical * horizontal * chrominance.stride,
            _ => 0,
        };
        Ok(Self {
            pixels,
            color_space,
            subsampling,
            vectors,
            channels: try_vec(0, pixels.format().channels() * width)?,
            full: try_vec(T::default(), full)?,
            components,
        })
    }

    pub(super) const fn color_space(&self) -> ColorSpace {
        self.color_space
    }

    pub(super) const fn subsampling(&self) -> ChromaSubsampling {
        self.subsampling
    }

    pub(super) fn components(&self) -> &[Strip<T>] {
        &self.components
    }

    /// Strips in the picture.
    pub(super) const fn count(&self) -> usize {
        let (_, vertical) = factors(self.subsampling);
        (self.pixels.height() as usize).div_ceil(8 * vertical)
    }

    /// Makes the strips of all components hold row `index` of the MCUs.
    pub(super) fn fill(&mut self, index: usize) {
        let (_, vertical) = factors(self.subsampling);
        let first = index * 8 * vertical;
        for y in 0..8 * vertical {
            if first + y < self.pixels.height() as usize {
                self.fetch(first + y);
                self.convert(first + y, y);
                continue;
            }
            let (luminance, chrominance) = self.components.split_at_mut(1);
            luminance[0].repeat_row_before(y);
            if y % vertical == 0 {
                for component in chrominance {
                    component.repeat_row_before(y / vertical);
                }
            }
        }
    }

    /// Takes the channels of row `y` of the pixels apart.
    fn fetch(&mut self, y: usize) {
        let width = self.pixels.width() as usize;
        if let Some(pixels) = self.pixels.packed_row(y) {
            let (red, rest) = self.channels.split_at_mut(width);
            let (green, blue) = rest.split_at_mut(width);
            self.vectors.run(Separation {
                pixels,
                channels: [red, green, blue],
            });
        } else {
            for (channel, row) in self.channels.chunks_exact_mut(width).enumerate() {
                self.pixels.copy_row(y, channel, row);
            }
        }
    }

    /// Brings row `y` of the pixels into row `row` of the strips.
    fn convert(&mut self, y: usize, row: usize) {
        let width = self.pixels.width() as usize;
        let (horizontal, vertical) = factors(self.subsampling);
        let mut channels = [&[][..]; 3];
        for (channel, row) in channels.iter_mut().zip(self.channels.chunks_exact(width)) {
            *channel = row;
        }
        match self.components.as_mut_slice() {
            [luminance, blue, red] if horizontal > 1 => {
                let half = self.full.len() / 2;
                let (full_blue, full_red) = self.full.split_at_mut(half);
                let stride = full_blue.len() / vertical;
                let phase = row % vertical;
                self.vectors.run(Components {
                    conversion: Conversion::ToYCbCr,
                    channels,
                    out: [
                        luminance.row_mut(row),
                        &mut full_blue[phase * stride..][..stride],
                        &mut full_red[phase * stride..][..stride],
                    ],
                });
                // An odd last row is averaged with itself.
                if phase + 1 == vertical || y + 1 == self.pixels.height() as usize {
                    for (full, component) in [(full_blue, blue), (full_red, red)] {
                        self.vectors.run(Averages {
                            upper: &full[..stride],
                            lower: (vertical == 2).then(|| &full[phase * stride..][..stride]),
                            out: component.row_mut(row / vertical),
                        });
                    }
                }
            }
            components => {
                let mut out = [&mut [][..], &mut [], &mut []];
                for (out, component) in out.iter_mut().zip(components) {
                    *out = component.row_mut(row);
                }
                self.vectors.run(Components {
                    conversion: match (self.pixels.format(), self.color_space) {
                        (PixelFormat::Rgb, ColorSpace::YCbCr) => Conversion::ToYCbCr,
                        (PixelFormat::Rgb, ColorSpace::Grey) => Conversion::ToLuminance,
                        _ => Conversion::None,
                    },
                    channels,
                    out,
                });
            }
        }
    }
}

/// Columns and rows of luminance for one of chrominance.
const fn factors(subsampling: ChromaSubsampling) -> (usize, usize) {
    let (horizontal, vertical) = subsampling.luminance_factors();
    (horizontal as usize, vertical as usize)
}

/// Pixels of three channels to a row of each channel.
struct Separation<'a> {
    pixels: &'a [[u8; 3]],
    channels: [&'a mut [u8]; 3],
}

impl Kernel for Separation<'_> {
    #[inline(always)]
    fn portable(self) {
        let [first, second, third] = self.channels;
        let channels = first.iter_mut().zip(second).zip(third);
        for (&pixel, ((first, second), third)) in self.pixels.iter().zip(channels) {
            [*first, *second, *third] = pixel;
        }
    }
}

/// The step from channels to components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conversion {
    None,
    ToLuminance,
    ToYCbCr,
}

/// Rows of channels to rows of components, whose last sample is repeated to their end.
struct Components<'a, T> {
    conversion: Conversion,
    channels: [&'a [u8]; 3],
    out: [&'a mut [T]; 3],
}

impl<T: Pipeline> Kernel for Components<'_, T> {
    #[inline(always)]
    fn portable(mut self) {
        match self.conversion {
            Conversion::None => self.copy(),
            Conversion::ToLuminance => {
                let [red, green, blue] = self.channels;
                let pixels = red.iter().zip(green).zip(blue);
                for (y, ((&r, &g), &b)) in self.out[0].iter_mut().zip(pixels) {
                    [*y, _, _] = T::ycbcr([r, g, b]);
                }
            }
            Conversion::ToYCbCr => {
                let [y, cb, cr] = &mut self.out;
                T::ycbcr_rows(self.channels, [y, cb, cr]);
            }
        }
        self.pad();
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn avx2(mut self, v: Avx2) {
        if self.conversion == Conversion::ToYCbCr {
            let [y, cb, cr] = &mut self.out;
            T::ycbcr_rows_avx2(v, self.channels, [y, cb, cr]);
            self.pad();
        } else {
            self.portable();
        }
    }
}

impl<T: Pipeline> Components<'_, T> {
    #[inline(always)]
    fn copy(&mut self) {
        for (row, out) in self.channels.into_iter().zip(&mut self.out) {
            for (out, &sample) in out.iter_mut().zip(row) {
                *out = T::from_sample(sample);
            }
        }
    }

    #[inline(always)]
    fn pad(self) {
        let width = self.channels[0].len();
        for out in self.out {
            repeat_last(out, width);
        }
    }
}

#[inline(always)]
fn repeat_last<T: Copy>(row: &mut [T], width: usize) {
    if let Some((&mut last, padding)) = row
        .get_mut(width.wrapping_sub(1)..)
        .and_then(<[T]>::split_first_mut)
    {
        padding.fill(last);
    }
}

/// Averages of pairs of columns, of one row or of two.
struct Averages<'a, T> {
    upper: &'a [T],
    lower: Option<&'a [T]>,
    out: &'a mut [T],
}

impl<T: Pipeline> Kernel for Averages<'_, T> {
    #[inline(always)]
    fn portable(self) {
        match self.lower {
            Some(lower) => T::quad(self.upper, lower, self.out),
            None => T::pair(self.upper, self.out),
        }
    }
}
