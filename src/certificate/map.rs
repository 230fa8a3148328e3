//! Radii as a map over the picture.

use crate::error::{ArgumentError, Result};
use crate::limits::{try_reserve, try_vec};
use crate::pixels::{PixelBuffer, PixelFormat};

use super::{Certificate, Norm, Radii};

/// The radius of each tile of a picture, the area of one MCU: the smallest radius of the blocks of all
/// components in it.
#[derive(Debug, Clone, PartialEq)]
pub struct RadiusMap {
    size: (u32, u32),
    tile: (u32, u32),
    columns: u32,
    rows: u32,
    radii: Vec<f64>,
}

impl RadiusMap {
    pub(super) fn new(certificate: &Certificate, norm: Norm) -> Result<Self> {
        let of_tiles = certificate.tile_radii()?;
        let mut radii = Vec::new();
        try_reserve(&mut radii, of_tiles.len())?;
        radii.extend(of_tiles.iter().map(|of_tile| of_tile.get(norm)));
        let (width, height) = certificate.size();
        let tile = certificate.tile();
        Ok(Self {
            size: (width, height),
            tile,
            columns: width.div_ceil(tile.0),
            rows: height.div_ceil(tile.1),
            radii,
        })
    }

    /// Columns of tiles.
    #[must_use]
    pub const fn columns(&self) -> u32 {
        self.columns
    }

    /// Rows of tiles.
    #[must_use]
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// Width and height of a tile in pixels: 8 or 16; the last column and row of tiles may reach past the
    /// picture.
    #[must_use]
    pub const fn tile_size(&self) -> (u32, u32) {
        self.tile
    }

    /// The radii, row by row, in the norm that was asked for.
    #[must_use]
    pub fn as_slice(&self) -> &[f64] {
        &self.radii
    }

    /// The map as a grey picture of the size of the certified one: black is a radius of 0, white is
    /// `full_scale` and above (with a scale of 0, any radius above 0).
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] unless the scale is finite and not negative;
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn to_picture(&self, full_scale: f64) -> Result<PixelBuffer> {
        ArgumentError::check_not_negative("full scale of a radius map", full_scale)?;
        let (width, height) = self.size;
        let mut samples = Vec::new();
        try_reserve(&mut samples, width as usize * height as usize)?;
        for y in 0..height {
            for x in 0..width {
                let index =
                    (y / self.tile.1) as usize * self.columns as usize + (x / self.tile.0) as usize;
                let share = self.radii[index] / full_scale.max(f64::MIN_POSITIVE);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "0..=255 after the clamp"
                )]
                samples.push((255.0 * share.clamp(0.0, 1.0)).round() as u8);
            }
        }
        PixelBuffer::new(samples, width, height, PixelFormat::Grey)
    }
}

impl Certificate {
    /// The radii of each tile, row by row.
    pub(crate) fn tile_radii(&self) -> Result<Vec<Radii>> {
        let ((width, height), tile) = (self.size(), self.tile());
        let (columns, rows) = (width.div_ceil(tile.0), height.div_ceil(tile.1));
        let mut radii = try_vec(Radii::UNBOUNDED, columns as usize * rows as usize)?;
        for component in self.components() {
            let (across, down) = component.blocks_per_tile();
            for (x, y) in component.positions() {
                let index = (y / down) as usize * columns as usize + (x / across) as usize;
                if let (Some(radii), Some(of_block)) = (radii.get_mut(index), component.radii(x, y))
                {
                    *radii = radii.min(of_block);
                }
            }
        }
        Ok(radii)
    }
}
