//! One component as samples, whole blocks of them.

use crate::error::Result;
use crate::limits::try_vec;

use super::resample::{Average, Rows};

/// Samples of one component. The stored plane is padded to whole blocks; `width` and `height` tell
/// how many samples belong to the picture.
#[derive(Debug, Clone)]
pub(crate) struct Plane<T> {
    pub(super) samples: Vec<T>,
    pub(super) stride: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl<T: Copy + Default> Plane<T> {
    /// A plane of `width` x `height` samples, padded to whole blocks.
    pub(super) fn new(width: usize, height: usize) -> Result<Self> {
        let stride = width.next_multiple_of(8);
        Ok(Self {
            samples: try_vec(T::default(), stride * height.next_multiple_of(8))?,
            stride,
            width,
            height,
        })
    }

    pub(crate) const fn blocks_wide(&self) -> usize {
        self.stride / 8
    }

    pub(crate) const fn blocks_high(&self) -> usize {
        self.height.div_ceil(8)
    }

    /// A whole stored row, with its padding.
    pub(super) fn padded_row_mut(&mut self, y: usize) -> &mut [T] {
        &mut self.samples[y * self.stride..][..self.stride]
    }

    /// Repeats the last sample of each row and the last row into the padding.
    pub(super) fn extend_edges(&mut self) {
        let width = self.width;
        for y in 0..self.height {
            let row = self.padded_row_mut(y);
            let last = row[width - 1];
            row[width..].fill(last);
        }
        self.extend_bottom();
    }

    /// Repeats the last row into the padding.
    pub(super) fn extend_bottom(&mut self) {
        let (height, stride) = (self.height, self.stride);
        let last = (height - 1) * stride;
        for y in height..self.blocks_high() * 8 {
            self.samples.copy_within(last..last + stride, y * stride);
        }
    }

    pub(crate) fn block(&self, x: usize, y: usize) -> [[T; 8]; 8] {
        let mut block = [[T::default(); 8]; 8];
        for (row, line) in block.iter_mut().enumerate() {
            let start = (8 * y + row) * self.stride + 8 * x;
            line.copy_from_slice(&self.samples[start..start + 8]);
        }
        block
    }

    pub(crate) fn set_block(&mut self, x: usize, y: usize, block: &[[T; 8]; 8]) {
        for (row, line) in block.iter().enumerate() {
            let start = (8 * y + row) * self.stride + 8 * x;
            self.samples[start..start + 8].copy_from_slice(line);
        }
    }
}

impl<T: Copy + Default> Rows<T> for Plane<T> {
    fn width(&self) -> usize {
        self.width
    }

    fn height(&self) -> usize {
        self.height
    }

    fn row(&self, y: usize) -> &[T] {
        &self.samples[y * self.stride..][..self.width]
    }
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
