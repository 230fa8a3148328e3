//! The raw picture in the channels that pass one gives: what distortion is measured against.

use crate::coefficients::{CoefficientImage, ColorSpace};
use crate::error::Result;
use crate::limits::try_vec;
use crate::pixels::{PixelBuffer, PixelView, rounded_luminance};

/// Rows of a raw picture, channel by channel: its own channels, or its luminance rounded to 8 bits where
/// colour is distilled to grey.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reference<'a> {
    pixels: PixelView<'a>,
    to_grey: bool,
}

impl<'a> Reference<'a> {
    pub(super) fn new(pixels: PixelView<'a>, image: &CoefficientImage) -> Self {
        Self {
            pixels,
            to_grey: image.color_space() == ColorSpace::Grey && pixels.format().channels() == 3,
        }
    }

    pub(super) const fn width(&self) -> usize {
        self.pixels.width() as usize
    }

    pub(super) const fn height(&self) -> usize {
        self.pixels.height() as usize
    }

    pub(super) const fn channels(&self) -> usize {
        if self.to_grey {
            1
        } else {
            self.pixels.format().channels()
        }
    }

    /// `count` rows from row `first`: of each row all channels, one after the other.
    pub(super) fn rows(&self, first: usize, count: usize) -> Result<Vec<u8>> {
        let width = self.width();
        let mut rows = try_vec(0, count * self.channels() * width)?;
        let mut colour = try_vec(0, if self.to_grey { 3 * width } else { 0 })?;
        for (index, row) in rows.chunks_exact_mut(self.channels() * width).enumerate() {
            if self.to_grey {
                for (channel, line) in colour.chunks_exact_mut(width).enumerate() {
                    self.pixels.copy_row(first + index, channel, line);
                }
                rounded_luminance(&colour, row);
            } else {
                for (channel, line) in row.chunks_exact_mut(width).enumerate() {
                    self.pixels.copy_row(first + index, channel, line);
                }
            }
        }
        Ok(rows)
    }

    /// The sum of squared differences between the raw picture and one of the same size and channels.
    pub(super) fn squared_error(&self, picture: &PixelBuffer) -> Result<u64> {
        let channels = self.channels();
        let mut sum = 0;
        for (y, row) in picture
            .as_slice()
            .chunks_exact(channels * self.width())
            .enumerate()
        {
            let raw = self.rows(y, 1)?;
            for (channel, raw) in raw.chunks_exact(self.width()).enumerate() {
                let shown = row.iter().skip(channel).step_by(channels);
                for (shown, raw) in shown.zip(raw) {
                    sum += u64::from(shown.abs_diff(*raw)).pow(2);
                }
            }
        }
        Ok(sum)
    }
}
