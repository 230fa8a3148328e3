//! The eight orientations, block by block.

use crate::band::{Band, Block};
use crate::error::{Error, Result};
use crate::limits::try_reserve;

use super::super::CoefficientImage;
use super::super::component::Component;
use super::super::geometry::{Geometry, SamplingFactor};
use super::{check_on_grid, floor_to};

/// One of the eight ways to turn and mirror a picture.
///
/// Numbered as the Exif tag `Orientation` (0x0112): each undoes what the tag of its number declares, so
/// that the picture stands upright without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Orientation {
    /// As it is (Exif 1).
    Identity = 1,
    /// Left and right swapped (Exif 2).
    FlipHorizontal,
    /// Turned by 180 degrees (Exif 3).
    Rotate180,
    /// Top and bottom swapped (Exif 4).
    FlipVertical,
    /// Mirrored at the diagonal from top left to bottom right: rows become columns (Exif 5).
    Transpose,
    /// Turned by 90 degrees clockwise (Exif 6).
    Rotate90,
    /// Mirrored at the diagonal from top right to bottom left (Exif 7).
    Transverse,
    /// Turned by 270 degrees clockwise (Exif 8).
    Rotate270,
}

impl Orientation {
    /// All of them, by Exif number.
    pub const ALL: [Self; 8] = [
        Self::Identity,
        Self::FlipHorizontal,
        Self::Rotate180,
        Self::FlipVertical,
        Self::Transpose,
        Self::Rotate90,
        Self::Transverse,
        Self::Rotate270,
    ];

    /// What makes a picture upright whose Exif tag `Orientation` has this value; `None` outside 1..=8.
    ///
    /// ```
    /// use feature_distillation::Orientation;
    /// // A camera held upright writes 6.
    /// assert_eq!(Orientation::from_exif(6), Some(Orientation::Rotate90));
    /// assert_eq!(Orientation::from_exif(0), None);
    /// ```
    #[must_use]
    pub fn from_exif(value: u16) -> Option<Self> {
        let index = usize::from(value).checked_sub(1)?;
        Self::ALL.get(index).copied()
    }

    /// Whether width and height change places.
    #[must_use]
    pub const fn swaps_sides(self) -> bool {
        matches!(
            self,
            Self::Transpose | Self::Rotate90 | Self::Transverse | Self::Rotate270
        )
    }

    /// Whether left and right are swapped, before width and height are.
    const fn mirrors_columns(self) -> bool {
        matches!(
            self,
            Self::FlipHorizontal | Self::Rotate180 | Self::Transverse | Self::Rotate270
        )
    }

    /// Whether top and bottom are swapped, before width and height are.
    const fn mirrors_rows(self) -> bool {
        matches!(
            self,
            Self::FlipVertical | Self::Rotate180 | Self::Transverse | Self::Rotate90
        )
    }
}

/// What happens where the image ends inside an MCU and its right or lower edge would have to become the
/// left or upper one, where no MCU can begin late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edges {
    /// The partial MCUs stay at their edge, mirrored only along it: `jpegtran`'s default. The picture is
    /// then wrong in a strip narrower than an MCU, but nothing is lost: the inverse brings it all back.
    Keep,
    /// The partial MCUs are cut off: `jpegtran -trim`. In a direction in which the image is smaller than
    /// an MCU it stays as by [`Keep`](Self::Keep).
    Trim,
    /// [`ArgumentError::McuGrid`](crate::ArgumentError::McuGrid): `jpegtran -perfect`.
    Refuse,
}

impl CoefficientImage {
    /// Turns or mirrors the image without loss.
    ///
    /// Blocks are moved, their coefficients transposed and negated; nothing is rounded. Tables are
    /// transposed with the blocks, sampling factors and sizes swap their directions. A lone component
    /// becomes sampled 1x1, as by `jpegtran`.
    ///
    /// Metadata is copied as it is: an Exif tag `Orientation`, Exif dimensions and thumbnails are the
    /// caller's to correct. (`jpegtran -copy all` corrects the dimensions only.)
    ///
    /// ```
    /// use feature_distillation::{
    ///     Band, CoefficientImage, ColorSpace, Edges, Orientation, QuantizationTable,
    ///     SamplingFactor,
    /// };
    ///
    /// let table = QuantizationTable::uniform(16)?;
    /// let mut image = CoefficientImage::new(24, 16, ColorSpace::Grey, &[SamplingFactor::ONE], &table.into())?;
    /// image.component_mut(0).unwrap().block_mut(0, 0).unwrap()[Band::DC.natural()] = 9;
    ///
    /// let turned = image.oriented(Orientation::Rotate90, Edges::Refuse)?;
    /// assert_eq!((turned.width(), turned.height()), (16, 24));
    /// // The upper left block is now at the upper right.
    /// assert_eq!(turned.component(0).unwrap().block(1, 0).unwrap()[Band::DC.natural()], 9);
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ArgumentError::McuGrid`](crate::ArgumentError::McuGrid) as [`Edges::Refuse`] says,
    /// [`Error::CoefficientOutOfRange`] where a level of -32768 would be negated,
    /// [`ArgumentError::Shape`](crate::ArgumentError::Shape) where a component was exchanged for one of
    /// another size, [`Error::OutOfMemory`].
    pub fn oriented(&self, orientation: Orientation, edges: Edges) -> Result<Self> {
        let grid = self.grid()?;
        let (mcu_width, mcu_height) = grid.mcu_size();
        let kept = |what, mirrored, pixels, mcu| match edges {
            Edges::Refuse if mirrored => check_on_grid(what, pixels, mcu).map(|()| pixels),
            Edges::Trim if mirrored && pixels > mcu => Ok(floor_to(pixels, mcu)),
            _ => Ok(pixels),
        };
        let source = grid.with_size(
            kept(
                "image width",
                orientation.mirrors_columns(),
                self.width(),
                mcu_width,
            )?,
            kept(
                "image height",
                orientation.mirrors_rows(),
                self.height(),
                mcu_height,
            )?,
        );
        let target = if orientation.swaps_sides() {
            source.transposed()
        } else {
            source
        };
        let mut components = Vec::with_capacity(self.components.len());
        for (index, component) in self.components.iter().enumerate() {
            let factor = self.grid_factor(component);
            let motion = Motion::new(orientation, &source, factor);
            motion.check(component, index)?;
            components.push(motion.apply(component, factor, &target)?);
        }
        self.with_picture(target, components)
    }
}

/// Where the blocks of one component go: mirrored first, then transposed.
#[derive(Debug)]
struct Motion {
    transposes: bool,
    /// Columns of blocks from the left that swap places.
    mirrored_wide: u32,
    /// Rows of blocks from the top that swap places.
    mirrored_high: u32,
    /// Factors of the coefficients, by whether the block is among those columns and rows.
    signs: [[[i16; 64]; 2]; 2],
}

impl Motion {
    fn new(orientation: Orientation, source: &Geometry, factor: SamplingFactor) -> Self {
        let (mcu_width, mcu_height) = source.mcu_size();
        // Blocks of whole MCUs.
        let mirrored = |mirrors, pixels: u32, mcu: u32, factor: u8| {
            if mirrors {
                pixels / mcu * u32::from(factor)
            } else {
                0
            }
        };
        Self {
            transposes: orientation.swaps_sides(),
            mirrored_wide: mirrored(
                orientation.mirrors_columns(),
                source.width,
                mcu_width,
                factor.horizontal(),
            ),
            mirrored_high: mirrored(
                orientation.mirrors_rows(),
                source.height,
                mcu_height,
                factor.vertical(),
            ),
            signs: [false, true].map(|rows| [false, true].map(|columns| signs(columns, rows))),
        }
    }

    /// Checks that no level is negated that has no negative.
    fn check(&self, component: &Component, index: usize) -> Result<()> {
        if self.mirrored_wide == 0 && self.mirrored_high == 0 {
            return Ok(());
        }
        for y in 0..component.blocks_high {
            for (x, block) in (0..).zip(component.block_row(y)) {
                if !block.contains(&i16::MIN) {
                    continue;
                }
                let signs = self.signs_at(x, y);
                let negated = |band: &usize| block[*band] == i16::MIN && signs[*band] < 0;
                if let Some(band) = (0..64).find(negated) {
                    return Err(Error::CoefficientOutOfRange {
                        component: index,
                        block_x: x,
                        block_y: y,
                        band: Band::from_natural(band).unwrap_or(Band::DC),
                        value: -i32::from(i16::MIN),
                        bound: i16::MAX.into(),
                    });
                }
            }
        }
        Ok(())
    }

    fn apply(
        &self,
        component: &Component,
        factor: SamplingFactor,
        target: &Geometry,
    ) -> Result<Component> {
        let (factor, table) = if self.transposes {
            (factor.transposed(), component.table.transposed())
        } else {
            (factor, component.table)
        };
        let mut moved = Component::unfilled(component.id, factor, table, target);
        let count = moved.block_count();
        try_reserve(&mut moved.blocks, count)?;
        let stride = component.blocks_wide as usize;
        for y in 0..moved.blocks_high {
            moved.blocks.extend((0..moved.blocks_wide).map(|x| {
                let (x, y) = if self.transposes { (y, x) } else { (x, y) };
                let from_x = mirrored(x, self.mirrored_wide) as usize;
                let from_y = mirrored(y, self.mirrored_high) as usize;
                let mut block = component.blocks[from_y * stride + from_x];
                for (level, sign) in block.iter_mut().zip(self.signs_at(x, y)) {
                    *level = level.wrapping_mul(*sign);
                }
                if self.transposes {
                    transposed(&block)
                } else {
                    block
                }
            }));
        }
        Ok(moved)
    }

    const fn signs_at(&self, x: u32, y: u32) -> &[i16; 64] {
        &self.signs[(y < self.mirrored_high) as usize][(x < self.mirrored_wide) as usize]
    }
}

/// Mirroring a block negates the basis functions that are odd in that direction.
fn signs(columns: bool, rows: bool) -> [i16; 64] {
    std::array::from_fn(|band| {
        let negated = (columns && band % 2 == 1) != (rows && band / 8 % 2 == 1);
        if negated { -1 } else { 1 }
    })
}

/// The position that comes to `position` when the first `count` swap places.
const fn mirrored(position: u32, count: u32) -> u32 {
    if position < count {
        count - 1 - position
    } else {
        position
    }
}

fn transposed(block: &Block) -> Block {
    std::array::from_fn(|band| block[band % 8 * 8 + band / 8])
}
