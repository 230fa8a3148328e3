//! Borrowed pictures of any memory layout.

#[cfg(feature = "ndarray")]
use ndarray::{ArrayView2, ArrayView3, Axis, Slice};

use crate::coefficients::{Rectangle, check_image_size};
use crate::error::{ArgumentError, Result};

use super::{PixelBuffer, PixelFormat};

/// A borrowed picture of 8-bit samples, in any layout that strides can describe.
///
/// ```
/// use feature_distillation::{PixelFormat, PixelView};
/// // Two rows of three RGB pixels, each row padded to 12 bytes.
/// let samples = [0_u8; 24];
/// let view = PixelView::with_row_stride(&samples, 3, 2, PixelFormat::Rgb, 12)?;
/// assert_eq!((view.width(), view.height()), (3, 2));
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct PixelView<'a> {
    width: u32,
    height: u32,
    format: PixelFormat,
    samples: Samples<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Samples<'a> {
    Slice {
        samples: &'a [u8],
        row_stride: usize,
        pixel_stride: usize,
        channel_stride: usize,
    },
    /// Axes are row, column, channel, whatever the memory layout.
    #[cfg(feature = "ndarray")]
    Array(ArrayView3<'a, u8>),
}

impl<'a> PixelView<'a> {
    /// A picture of interleaved channels without gaps between rows (HWC).
    ///
    /// # Errors
    ///
    /// [`ArgumentError::ImageSize`] for sides outside 1..=65535, [`ArgumentError::BufferTooSmall`].
    pub fn new(samples: &'a [u8], width: u32, height: u32, format: PixelFormat) -> Result<Self> {
        Self::with_row_stride(
            samples,
            width,
            height,
            format,
            width as usize * format.channels(),
        )
    }

    /// A picture of interleaved channels whose rows start `row_stride` bytes apart.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and [`ArgumentError::Shape`] where the stride is shorter than a row.
    pub fn with_row_stride(
        samples: &'a [u8],
        width: u32,
        height: u32,
        format: PixelFormat,
        row_stride: usize,
    ) -> Result<Self> {
        let row = width as usize * format.channels();
        if row_stride < row {
            return Err(ArgumentError::Shape {
                what: "row stride",
                expected: row as u64,
                actual: row_stride as u64,
            }
            .into());
        }
        Self::strided(
            samples,
            width,
            height,
            format,
            row_stride,
            format.channels(),
            1,
        )
    }

    /// A picture of one plane a channel, one after the other without gaps (CHW).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn planar(samples: &'a [u8], width: u32, height: u32, format: PixelFormat) -> Result<Self> {
        let row = width as usize;
        Self::strided(
            samples,
            width,
            height,
            format,
            row,
            1,
            row.saturating_mul(height as usize),
        )
    }

    /// A picture in an array of (rows, columns, channels) with 1, 3 or 4 channels, without copying.
    ///
    /// Any strides will do: slices, flipped and transposed views too.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::ImageSize`], or [`ArgumentError::Components`] for another number of channels.
    #[cfg(feature = "ndarray")]
    #[expect(clippy::needless_pass_by_value, reason = "a view is a reference")]
    pub fn from_hwc(array: ArrayView3<'a, u8>) -> Result<Self> {
        let format = match array.len_of(Axis(2)) {
            1 => PixelFormat::Grey,
            3 => PixelFormat::Rgb,
            4 => PixelFormat::Cmyk,
            actual => {
                return Err(ArgumentError::Components {
                    expected: "1, 3 or 4 channels",
                    actual,
                }
                .into());
            }
        };
        let (width, height) = array_size(array.len_of(Axis(1)), array.len_of(Axis(0)))?;
        Ok(Self {
            width,
            height,
            format,
            samples: Samples::Array(array),
        })
    }

    /// A picture in an array of (channels, rows, columns) with 1, 3 or 4 channels, without copying.
    ///
    /// # Errors
    ///
    /// As [`from_hwc`](Self::from_hwc).
    #[cfg(feature = "ndarray")]
    #[expect(clippy::needless_pass_by_value, reason = "a view is a reference")]
    pub fn from_chw(array: ArrayView3<'a, u8>) -> Result<Self> {
        Self::from_hwc(array.permuted_axes([1, 2, 0]))
    }

    /// A grey picture in an array of (rows, columns), without copying.
    ///
    /// # Errors
    ///
    /// As [`from_hwc`](Self::from_hwc).
    #[cfg(feature = "ndarray")]
    #[expect(clippy::needless_pass_by_value, reason = "a view is a reference")]
    pub fn from_hw(array: ArrayView2<'a, u8>) -> Result<Self> {
        Self::from_hwc(array.insert_axis(Axis(2)))
    }

    /// A rectangle of the picture, without copying.
    ///
    /// ```
    /// use feature_distillation::{PixelFormat, PixelView, Rectangle};
    /// let samples = [0_u8; 40 * 30];
    /// let picture = PixelView::new(&samples, 40, 30, PixelFormat::Grey)?;
    /// let part = picture.cropped(Rectangle::new(3, 5, 32, 24))?;
    /// assert_eq!((part.width(), part.height()), (32, 24));
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Rectangle`] where it is empty or leaves the picture.
    pub fn cropped(self, rectangle: Rectangle) -> Result<Self> {
        let Rectangle {
            x,
            y,
            width,
            height,
        } = rectangle;
        let ends_inside = |start: u32, length: u32, end: u32| {
            start
                .checked_add(length)
                .is_some_and(|stop| length > 0 && stop <= end)
        };
        if !(ends_inside(x, width, self.width) && ends_inside(y, height, self.height)) {
            return Err(ArgumentError::Rectangle {
                x,
                y,
                width,
                height,
                image_width: self.width,
                image_height: self.height,
                reason: "is empty or leaves the picture",
            }
            .into());
        }
        let samples = match self.samples {
            Samples::Slice {
                samples,
                row_stride,
                pixel_stride,
                channel_stride,
            } => Samples::Slice {
                // The first sample of the rectangle is one of the picture's, which are all there.
                samples: samples
                    .get(y as usize * row_stride + x as usize * pixel_stride..)
                    .unwrap_or(&[]),
                row_stride,
                pixel_stride,
                channel_stride,
            },
            #[cfg(feature = "ndarray")]
            Samples::Array(array) => {
                let rows = Slice::from(y as usize..(y + height) as usize);
                let columns = Slice::from(x as usize..(x + width) as usize);
                let array = array
                    .slice_axis_move(Axis(0), rows)
                    .slice_axis_move(Axis(1), columns);
                Samples::Array(array)
            }
        };
        Ok(Self {
            width,
            height,
            format: self.format,
            samples,
        })
    }

    /// Width in pixels.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// What the channels are.
    #[must_use]
    pub const fn format(&self) -> PixelFormat {
        self.format
    }

    /// Whether it shows the same picture: size, channels and samples.
    pub(crate) fn shows(&self, other: &PixelBuffer) -> bool {
        if (self.width, self.height, self.format) != (other.width(), other.height(), other.format())
        {
            return false;
        }
        let (width, channels) = (self.width as usize, self.format.channels());
        let mut row = vec![0; width];
        other
            .as_slice()
            .chunks_exact(width * channels)
            .enumerate()
            .all(|(y, samples)| {
                (0..channels).all(|channel| {
                    self.copy_row(y, channel, &mut row);
                    let own = samples.iter().skip(channel).step_by(channels);
                    row.iter().eq(own)
                })
            })
    }

    /// Row `y`, where it is stored as pixels of three channels side by side.
    pub(crate) fn packed_row(&self, y: usize) -> Option<&'a [[u8; 3]]> {
        let Samples::Slice {
            samples,
            row_stride,
            pixel_stride: 3,
            channel_stride: 1,
        } = self.samples
        else {
            return None;
        };
        let row = samples.get(y * row_stride..)?.as_chunks().0;
        row.get(..self.width as usize)
            .filter(|_| self.format == PixelFormat::Rgb)
    }

    /// Copies one channel of row `y` to `out`, whose length is the width.
    pub(crate) fn copy_row(&self, y: usize, channel: usize, out: &mut [u8]) {
        match &self.samples {
            &Samples::Slice {
                samples,
                row_stride,
                pixel_stride,
                channel_stride,
            } => {
                let start = y * row_stride + channel * channel_stride;
                let row = samples.get(start..).unwrap_or(&[]);
                match pixel_stride {
                    1 => out.copy_from_slice(&row[..out.len()]),
                    // A stride known to the compiler makes this loop several times faster.
                    3 => copy_strided::<3>(row, out),
                    4 => copy_strided::<4>(row, out),
                    _ => copy_every(row, pixel_stride, out),
                }
            }
            #[cfg(feature = "ndarray")]
            Samples::Array(array) => {
                let row = array.index_axis(Axis(0), y);
                let row = row.index_axis(Axis(1), channel);
                for (sample, &value) in out.iter_mut().zip(row) {
                    *sample = value;
                }
            }
        }
    }

    fn strided(
        samples: &'a [u8],
        width: u32,
        height: u32,
        format: PixelFormat,
        row_stride: usize,
        pixel_stride: usize,
        channel_stride: usize,
    ) -> Result<Self> {
        check_image_size(width, height)?;
        // Index of the last sample; sides are below 2^16 and strides come from memory that exists
        // or are checked here not to.
        let last = (u64::from(height) - 1)
            .saturating_mul(row_stride as u64)
            .saturating_add((u64::from(width) - 1) * pixel_stride as u64)
            .saturating_add((format.channels() as u64 - 1).saturating_mul(channel_stride as u64));
        let required = last.saturating_add(1);
        if (samples.len() as u64) < required {
            return Err(ArgumentError::BufferTooSmall {
                required,
                actual: samples.len() as u64,
            }
            .into());
        }
        Ok(Self {
            width,
            height,
            format,
            samples: Samples::Slice {
                samples,
                row_stride,
                pixel_stride,
                channel_stride,
            },
        })
    }
}

#[cfg(feature = "ndarray")]
pub(super) fn array_size(width: usize, height: usize) -> Result<(u32, u32)> {
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(width), Ok(height)) => {
            check_image_size(width, height)?;
            Ok((width, height))
        }
        _ => Err(ArgumentError::ImageSize {
            width: width as u64,
            height: height as u64,
        }
        .into()),
    }
}

fn copy_strided<const STRIDE: usize>(row: &[u8], out: &mut [u8]) {
    copy_every(row, STRIDE, out);
}

#[inline(always)]
fn copy_every(row: &[u8], stride: usize, out: &mut [u8]) {
    for (sample, pixel) in out.iter_mut().zip(row.chunks(stride)) {
        *sample = pixel[0];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(view: &PixelView<'_>, channel: usize) -> Vec<Vec<u8>> {
        (0..view.height() as usize)
            .map(|y| {
                let mut row = vec![0; view.width() as usize];
                view.copy_row(y, channel, &mut row);
                row
            })
            .collect()
    }

    #[test]
    fn every_layout_reads_the_same_picture() {
        // Pixel (x, y) of channel c is 100 c + 10 y + x.
        let value = |x: usize, y: usize, c: usize| (100 * c + 10 * y + x) as u8;
        let mut interleaved = [0; 2 * 10];
        let mut planar = [0; 3 * 2 * 3];
        for c in 0..3 {
            for y in 0..2 {
                for x in 0..3 {
                    interleaved[10 * y + 3 * x + c] = value(x, y, c);
                    planar[6 * c + 3 * y + x] = value(x, y, c);
                }
            }
        }
        let strided =
            PixelView::with_row_stride(&interleaved[..19], 3, 2, PixelFormat::Rgb, 10).unwrap();
        let planes = PixelView::planar(&planar, 3, 2, PixelFormat::Rgb).unwrap();
        for c in 0..3 {
            let expected: Vec<Vec<u8>> = (0..2)
                .map(|y| (0..3).map(|x| value(x, y, c)).collect())
                .collect();
            assert_eq!(rows(&strided, c), expected);
            assert_eq!(rows(&planes, c), expected);
            #[cfg(feature = "ndarray")]
            {
                let array = ArrayView3::from_shape((3, 2, 3), &planar).unwrap();
                let view = PixelView::from_chw(array).unwrap();
                assert_eq!(rows(&view, c), expected);
                let mut flipped = array;
                flipped.invert_axis(Axis(2));
                let mirrored: Vec<Vec<u8>> = expected
                    .iter()
                    .map(|row| row.iter().rev().copied().collect())
                    .collect();
                assert_eq!(rows(&PixelView::from_chw(flipped).unwrap(), c), mirrored);
            }
        }
    }

    #[test]
    fn a_rectangle_of_any_layout_is_that_part_of_the_picture() {
        let samples: Vec<u8> = (0..3 * 7 * 5).collect();
        let rectangle = Rectangle::new(2, 1, 4, 3);
        let mut views = vec![
            PixelView::new(&samples, 7, 5, PixelFormat::Rgb).unwrap(),
            PixelView::planar(&samples, 7, 5, PixelFormat::Rgb).unwrap(),
        ];
        #[cfg(feature = "ndarray")]
        {
            let mut array = ArrayView3::from_shape((5, 7, 3), &samples).unwrap();
            array.invert_axis(Axis(1));
            views.push(PixelView::from_hwc(array).unwrap());
        }
        for view in views {
            let part = view.cropped(rectangle).unwrap();
            for channel in 0..3 {
                let expected: Vec<Vec<u8>> = rows(&view, channel)[1..4]
                    .iter()
                    .map(|row| row[2..6].to_vec())
                    .collect();
                assert_eq!(rows(&part, channel), expected);
            }
            for outside in [
                Rectangle::new(2, 1, 6, 3),
                Rectangle::new(2, 3, 4, 3),
                Rectangle::new(2, 1, 0, 3),
                Rectangle::new(u32::MAX, 1, 1, 1),
            ] {
                assert!(view.cropped(outside).is_err());
            }
        }
    }

    #[test]
    fn views_that_do_not_fit_are_refused() {
        assert!(PixelView::new(&[0; 11], 2, 2, PixelFormat::Rgb).is_err());
        assert!(PixelView::new(&[], 0, 2, PixelFormat::Grey).is_err());
        assert!(PixelView::with_row_stride(&[0; 12], 2, 2, PixelFormat::Rgb, 5).is_err());
        assert!(PixelView::new(&[0; 12], u32::MAX, u32::MAX, PixelFormat::Cmyk).is_err());
        assert!(PixelView::with_row_stride(&[0; 12], 1, 2, PixelFormat::Grey, usize::MAX).is_err());
    }
}
