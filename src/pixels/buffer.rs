//! Owned pictures, and what a network takes of them.

use crate::error::{ArgumentError, Result};

use super::{PixelFormat, PixelView};

/// An owned picture of 8-bit samples: interleaved channels, no gaps (HWC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PixelBuffer {
    width: u32,
    height: u32,
    format: PixelFormat,
    samples: Vec<u8>,
}

impl PixelBuffer {
    /// A picture from its samples.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::ImageSize`] for sides outside 1..=65535, [`ArgumentError::Shape`] unless there
    /// are width x height x channels samples.
    pub fn new(samples: Vec<u8>, width: u32, height: u32, format: PixelFormat) -> Result<Self> {
        PixelView::new(&samples, width, height, format)?;
        let expected = u64::from(width) * u64::from(height) * format.channels() as u64;
        if samples.len() as u64 != expected {
            return Err(ArgumentError::Shape {
                what: "number of samples",
                expected,
                actual: samples.len() as u64,
            }
            .into());
        }
        Ok(Self::from_parts(samples, width, height, format))
    }

    pub(super) const fn from_parts(
        samples: Vec<u8>,
        width: u32,
        height: u32,
        format: PixelFormat,
    ) -> Self {
        Self {
            width,
            height,
            format,
            samples,
        }
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

    /// The samples, row by row, channels of a pixel together.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.samples
    }

    /// The samples, to be changed.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.samples
    }

    /// The samples, row by row, channels of a pixel together.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.samples
    }

    /// The picture, borrowed.
    #[must_use]
    pub fn view(&self) -> PixelView<'_> {
        #[expect(
            clippy::expect_used,
            clippy::missing_panics_doc,
            reason = "the invariant of this type"
        )]
        PixelView::new(&self.samples, self.width, self.height, self.format)
            .expect("samples of the picture")
    }

    /// The picture as floats in (channels, rows, columns) order: `(sample / 255 - mean) / deviation`.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Components`] where the normalization has another number of channels.
    pub fn to_chw_f32(&self, normalization: &Normalization) -> Result<Vec<f32>> {
        let channels = self.format.channels();
        normalization.check(channels)?;
        let mut tensor = Vec::with_capacity(self.samples.len());
        for channel in 0..channels {
            let table = normalization.table(channel);
            tensor.extend(
                self.samples
                    .chunks_exact(channels)
                    .map(|pixel| table[usize::from(pixel[channel])]),
            );
        }
        Ok(tensor)
    }

    /// The picture as an array of (rows, columns, channels), without copying.
    #[cfg(feature = "ndarray")]
    #[must_use]
    pub fn to_hwc_view(&self) -> ndarray::ArrayView3<'_, u8> {
        let shape = (
            self.height as usize,
            self.width as usize,
            self.format.channels(),
        );
        #[expect(
            clippy::expect_used,
            clippy::missing_panics_doc,
            reason = "the invariant of this type"
        )]
        ndarray::ArrayView3::from_shape(shape, &self.samples).expect("samples of the picture")
    }

    /// The picture as an array of floats of shape (channels, rows, columns); see [`to_chw_f32`](Self::to_chw_f32).
    ///
    /// # Errors
    ///
    /// As [`to_chw_f32`](Self::to_chw_f32).
    #[cfg(feature = "ndarray")]
    pub fn to_chw_array(&self, normalization: &Normalization) -> Result<ndarray::Array3<f32>> {
        let shape = (
            self.format.channels(),
            self.height as usize,
            self.width as usize,
        );
        let tensor = self.to_chw_f32(normalization)?;
        #[expect(
            clippy::expect_used,
            clippy::missing_panics_doc,
            reason = "there is one float for each sample"
        )]
        Ok(ndarray::Array3::from_shape_vec(shape, tensor).expect("samples of the picture"))
    }
}

/// How samples become a network's input: `(sample / 255 - mean) / deviation`, channel by channel.
///
/// ```
/// use feature_distillation::{Normalization, PixelBuffer, PixelFormat};
/// let picture = PixelBuffer::new(vec![0, 255, 51], 1, 1, PixelFormat::Rgb)?;
/// assert_eq!(picture.to_chw_f32(&Normalization::unit())?, [0.0, 1.0, 0.2]);
/// let centred = Normalization::new(&[0.5; 3], &[0.5; 3])?;
/// assert_eq!(picture.to_chw_f32(&centred)?[..2], [-1.0, 1.0]);
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Normalization {
    /// Mean and deviation of each channel; empty for none.
    channels: Vec<(f32, f32)>,
}

impl Normalization {
    /// Floats in [0, 1], any number of channels.
    #[must_use]
    pub fn unit() -> Self {
        Self::default()
    }

    /// Subtracts a mean and divides by a deviation, both in units of [0, 1], one of each a channel.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Shape`] where the lengths differ, [`ArgumentError::Number`] for a mean that is
    /// not finite or a deviation that is not positive.
    pub fn new(mean: &[f32], deviation: &[f32]) -> Result<Self> {
        if mean.is_empty() {
            return Err(ArgumentError::Components {
                expected: "a mean and deviation for each channel",
                actual: 0,
            }
            .into());
        }
        if mean.len() != deviation.len() {
            return Err(ArgumentError::Shape {
                what: "number of deviations",
                expected: mean.len() as u64,
                actual: deviation.len() as u64,
            }
            .into());
        }
        for &value in mean {
            if !value.is_finite() {
                return Err(number("mean", value));
            }
        }
        for &value in deviation {
            if !(value.is_finite() && value > 0.0) {
                return Err(number("deviation", value));
            }
        }
        Ok(Self {
            channels: mean
                .iter()
                .copied()
                .zip(deviation.iter().copied())
                .collect(),
        })
    }

    fn check(&self, channels: usize) -> Result<()> {
        if self.channels.is_empty() || self.channels.len() == channels {
            return Ok(());
        }
        Err(ArgumentError::Components {
            expected: "a mean and deviation for each channel",
            actual: self.channels.len(),
        }
        .into())
    }

    fn table(&self, channel: usize) -> [f32; 256] {
        let (mean, deviation) = self.channels.get(channel).copied().unwrap_or((0.0, 1.0));
        let mut table = [0.0; 256];
        for (sample, value) in (0_u8..=255).zip(&mut table) {
            *value = (f32::from(sample) / 255.0 - mean) / deviation;
        }
        table
    }
}

fn number(what: &'static str, value: f32) -> crate::error::Error {
    ArgumentError::Number {
        what,
        value: value.into(),
    }
    .into()
}
