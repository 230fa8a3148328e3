//! Operations that move whole blocks and change no sample: orientation, crop, wipe, insertion, grey.
//!
//! Equal to `jpegtran` bit for bit, but for the departures that each operation documents.
//!
//! An image keeps only the blocks of each component's own size, while `jpegtran` also has those that
//! pad the last MCUs. None of them can come into view. With W the width, H the component's factor, M the
//! largest and k the number of whole MCUs, a component is ceil(ceil(W H / M) / 8) >= k H blocks wide, and
//! likewise high. Blocks are mirrored among the first k H, or keep their place. A cut of width w that begins
//! k MCUs from the left and ends inside the image needs blocks up to k H + ceil(ceil(w H / M) / 8), which is
//! ceil(ceil((8 k M + w) H / M) / 8) and no more than the image has.

mod crop;
mod grey;
mod insert;
mod orient;

pub use insert::InsertedTables;
pub use orient::{Edges, Orientation};

use crate::band::Block;
use crate::error::{ArgumentError, Error, Result};
use crate::limits::try_reserve;

use super::CoefficientImage;
use super::component::Component;
use super::geometry::{Geometry, SamplingFactor};

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rectangle {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Rectangle {
    /// The rectangle whose first column and row are `x` and `y`.
    #[must_use]
    pub const fn new(x: u32, y: u32, width: u32, height: u32) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    fn refused(self, image: &CoefficientImage, reason: &'static str) -> Error {
        ArgumentError::Rectangle {
            x: self.x,
            y: self.y,
            width: self.width,
            height: self.height,
            image_width: image.width(),
            image_height: image.height(),
            reason,
        }
        .into()
    }
}

/// What happens to a rectangle that does not lie on the bounds of MCUs, which are all that blocks can be
/// cut at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OffGrid {
    /// [`ArgumentError::McuGrid`].
    Refuse,
    /// Its edges move to MCU bounds, as `jpegtran` moves them: outwards where a rectangle is cropped or
    /// wiped, inwards where one is inserted.
    Snap,
}

impl CoefficientImage {
    /// Width and height in pixels of an MCU, the grid of lossless operations (T.81 A.2).
    ///
    /// Eight times the largest sampling factors; 8x8 where there is only one component, whatever its
    /// factor. The last column and row of MCUs may reach past the image.
    #[must_use]
    pub const fn mcu_size(&self) -> (u32, u32) {
        self.unchecked_grid().mcu_size()
    }

    /// The image's geometry; a lone component counts as sampled 1x1.
    ///
    /// Components can be exchanged for others, whose blocks are not where the geometry says: refused.
    fn grid(&self) -> Result<Geometry> {
        self.check_components()?;
        Ok(self.unchecked_grid())
    }

    const fn unchecked_grid(&self) -> Geometry {
        if self.components.len() == 1 {
            Geometry {
                max_horizontal: 1,
                max_vertical: 1,
                ..self.geometry
            }
        } else {
            self.geometry
        }
    }

    /// The component's sampling factor in [`grid`](Self::grid).
    fn grid_factor(&self, component: &Component) -> SamplingFactor {
        if self.components.len() == 1 {
            SamplingFactor::ONE
        } else {
            component.sampling
        }
    }

    /// Refuses a rectangle that is empty or leaves the image.
    fn check_inside(&self, rectangle: Rectangle) -> Result<()> {
        let Rectangle {
            x,
            y,
            width,
            height,
        } = rectangle;
        if width == 0 || height == 0 {
            return Err(rectangle.refused(self, "is empty"));
        }
        let inside = |start: u32, size: u32, whole: u32| size <= whole && start <= whole - size;
        if inside(x, width, self.width()) && inside(y, height, self.height()) {
            Ok(())
        } else {
            Err(rectangle.refused(self, "leaves the image"))
        }
    }
}

impl Geometry {
    /// The blocks of a component under a rectangle that starts on an MCU bound and ends on one or at the
    /// image's edge.
    fn area(&self, rectangle: Rectangle, factor: SamplingFactor) -> BlockRegion {
        let (mcu_width, mcu_height) = self.mcu_size();
        let (wide, high) = self
            .with_size(rectangle.width, rectangle.height)
            .blocks(factor);
        BlockRegion {
            x: (rectangle.x / mcu_width * u32::from(factor.horizontal())) as usize,
            y: rectangle.y / mcu_height * u32::from(factor.vertical()),
            wide: wide as usize,
            high,
        }
    }
}

/// Columns and rows of blocks of one component.
#[derive(Debug, Clone, Copy)]
struct BlockRegion {
    x: usize,
    y: u32,
    wide: usize,
    high: u32,
}

impl Component {
    /// A component of its own from an area of blocks.
    fn cut(&self, area: BlockRegion, factor: SamplingFactor, geometry: &Geometry) -> Result<Self> {
        let mut piece = Self::unfilled(self.id, factor, self.table, geometry);
        let count = piece.block_count();
        try_reserve(&mut piece.blocks, count)?;
        for y in area.y..area.y + area.high {
            let row = &self.block_row(y)[area.x..area.x + area.wide];
            piece.blocks.extend_from_slice(row);
        }
        Ok(piece)
    }

    /// The rows of an area, to be changed.
    fn area_rows_mut(&mut self, area: BlockRegion) -> impl Iterator<Item = &mut [Block]> {
        // A component has at least one column of blocks.
        self.blocks
            .chunks_exact_mut(self.blocks_wide as usize)
            .skip(area.y as usize)
            .take(area.high as usize)
            .map(move |row| &mut row[area.x..area.x + area.wide])
    }
}

/// A multiple of `step`, at or below `position`.
const fn floor_to(position: u32, step: u32) -> u32 {
    position - position % step
}

/// Refuses a position that is no multiple of the MCU's size.
fn check_on_grid(what: &'static str, pixels: u32, mcu: u32) -> Result<()> {
    if pixels.is_multiple_of(mcu) {
        return Ok(());
    }
    Err(ArgumentError::McuGrid { what, pixels, mcu }.into())
}
