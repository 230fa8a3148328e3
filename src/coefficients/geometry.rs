//! Sizes in pixels, samples, blocks and MCUs (T.81 A.1, A.2).

use crate::error::{ArgumentError, Result};

/// How densely a component is sampled, relative to the others: 1 to 4 in each direction (T.81 A.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SamplingFactor {
    horizontal: u8,
    vertical: u8,
}

impl SamplingFactor {
    /// One by one.
    pub const ONE: Self = Self {
        horizontal: 1,
        vertical: 1,
    };

    /// A sampling factor.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::SamplingFactor`] unless both are 1 to 4.
    pub fn new(horizontal: u8, vertical: u8) -> Result<Self> {
        if !(1..=4).contains(&horizontal) || !(1..=4).contains(&vertical) {
            return Err(ArgumentError::SamplingFactor {
                horizontal,
                vertical,
            }
            .into());
        }
        Ok(Self {
            horizontal,
            vertical,
        })
    }

    /// Horizontal factor, H in T.81.
    #[must_use]
    pub const fn horizontal(self) -> u8 {
        self.horizontal
    }

    /// Vertical factor, V in T.81.
    #[must_use]
    pub const fn vertical(self) -> u8 {
        self.vertical
    }

    pub(super) const fn transposed(self) -> Self {
        Self {
            horizontal: self.vertical,
            vertical: self.horizontal,
        }
    }

    /// Columns and rows of the component's blocks in an MCU: in a scan of its own, one block (T.81 A.2).
    pub(crate) fn blocks_in_mcu(self, interleaved: bool) -> (u32, u32) {
        if interleaved {
            (self.horizontal.into(), self.vertical.into())
        } else {
            (1, 1)
        }
    }

    /// Blocks that the component adds to an interleaved MCU.
    pub(crate) const fn blocks_per_mcu(self) -> u8 {
        self.horizontal * self.vertical
    }
}

/// The grid of an image: its size and the largest sampling factors of its components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) max_horizontal: u8,
    pub(crate) max_vertical: u8,
}

impl Geometry {
    pub(crate) fn new(
        width: u32,
        height: u32,
        factors: impl Iterator<Item = SamplingFactor> + Clone,
    ) -> Self {
        Self {
            width,
            height,
            max_horizontal: factors
                .clone()
                .map(SamplingFactor::horizontal)
                .max()
                .unwrap_or(1),
            max_vertical: factors.map(SamplingFactor::vertical).max().unwrap_or(1),
        }
    }

    /// The grid of a part of the image.
    pub(super) const fn with_size(self, width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            ..self
        }
    }

    pub(super) const fn transposed(self) -> Self {
        Self {
            width: self.height,
            height: self.width,
            max_horizontal: self.max_vertical,
            max_vertical: self.max_horizontal,
        }
    }

    /// Size of a component in samples (T.81 A.1.1).
    pub(crate) fn samples(&self, factor: SamplingFactor) -> (u32, u32) {
        let scaled =
            |size: u32, factor: u8, max: u8| (size * u32::from(factor)).div_ceil(u32::from(max));
        (
            scaled(self.width, factor.horizontal, self.max_horizontal),
            scaled(self.height, factor.vertical, self.max_vertical),
        )
    }

    /// Size of a component in blocks, without the padding of interleaved MCUs.
    pub(crate) fn blocks(&self, factor: SamplingFactor) -> (u32, u32) {
        let (width, height) = self.samples(factor);
        (width.div_ceil(8), height.div_ceil(8))
    }

    /// Width and height of an interleaved MCU in pixels.
    pub(super) const fn mcu_size(&self) -> (u32, u32) {
        (8 * self.max_horizontal as u32, 8 * self.max_vertical as u32)
    }

    /// Columns and rows of interleaved MCUs (T.81 A.2.3).
    pub(crate) fn mcus(&self) -> (u32, u32) {
        (
            self.width.div_ceil(8 * u32::from(self.max_horizontal)),
            self.height.div_ceil(8 * u32::from(self.max_vertical)),
        )
    }
}

pub(crate) fn check_image_size(width: u32, height: u32) -> Result<()> {
    if (1..=65535).contains(&width) && (1..=65535).contains(&height) {
        return Ok(());
    }
    Err(ArgumentError::ImageSize {
        width: width.into(),
        height: height.into(),
    }
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_formulas_of_a_1_1() {
        let luma = SamplingFactor::new(2, 2).unwrap();
        let chroma = SamplingFactor::ONE;
        let geometry = Geometry::new(47, 33, [luma, chroma, chroma].into_iter());
        assert_eq!(geometry.samples(luma), (47, 33));
        assert_eq!(geometry.samples(chroma), (24, 17));
        assert_eq!(geometry.blocks(luma), (6, 5));
        assert_eq!(geometry.blocks(chroma), (3, 3));
        assert_eq!(geometry.mcus(), (3, 3));
    }

    #[test]
    fn ratios_need_not_be_integers() {
        let wide = SamplingFactor::new(3, 2).unwrap();
        let narrow = SamplingFactor::new(2, 1).unwrap();
        let geometry = Geometry::new(50, 50, [wide, narrow].into_iter());
        assert_eq!(geometry.samples(narrow), (34, 25));
        assert_eq!(geometry.mcus(), (3, 4));
    }
}
