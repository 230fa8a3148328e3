//! One image's blocks put into another.

use crate::error::{ArgumentError, Result};
use crate::quantization::{QuantizationTable, Rounding};

use super::super::component::Component;
use super::super::geometry::{Geometry, SamplingFactor};
use super::super::{CoefficientImage, ColorSpace};
use super::{OffGrid, Rectangle, check_on_grid, floor_to};

/// What happens to the tables of an inserted image that differ from the target's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InsertedTables {
    /// The step of each band becomes the greatest common divisor of both: no coefficient of either image
    /// changes its value, but their levels grow and with them the file. `jpegtran -drop`.
    CommonDivisor,
    /// The target's tables stay; inserted coefficients move to their steps, which loses what
    /// requantization loses. `jpegtran -trim -drop`, where halves are rounded away from zero.
    Target(Rounding),
}

impl CoefficientImage {
    /// Puts another image into this one, its upper left corner at (`x`, `y`); returns the result with the
    /// rectangle that was really replaced.
    ///
    /// The inserted image must lie inside this one, its edges on MCU bounds or the image's right and lower
    /// edge. With [`OffGrid::Snap`] its corner moves right and down to the next MCU bound, and the
    /// inserted image loses columns and rows at its right and lower edge until it ends inside its former
    /// place on an MCU bound, or at the edge of this image where it did before: `jpegtran -drop +X+Y`.
    ///
    /// Sampling must match relative to the densest component. A grey image can be inserted into a YCbCr
    /// image, whose chrominance becomes neutral there, and the luminance of a YCbCr image into a grey one.
    /// All but the picture is this image's.
    ///
    /// Departures: `jpegtran` does not compare colour spaces, returns the target unchanged where no whole
    /// MCU is left to insert, computes levels in 16 bits without a check, and where components share a
    /// table may change the steps of one without its levels.
    ///
    /// ```
    /// use feature_distillation::{
    ///     CoefficientImage, ColorSpace, InsertedTables, OffGrid, QuantizationTables, Rectangle,
    ///     SamplingFactor,
    /// };
    ///
    /// let tables = QuantizationTables::annex_k(75)?;
    /// let sampling = [SamplingFactor::new(2, 2)?, SamplingFactor::ONE, SamplingFactor::ONE];
    /// let mut image = CoefficientImage::new(67, 45, ColorSpace::YCbCr, &sampling, &tables)?;
    /// image.component_mut(0).unwrap().block_mut(4, 2).unwrap()[0] = 7;
    ///
    /// // A region is taken out, and put back after something was done to it.
    /// let (cut, rectangle) = image.cropped(Rectangle::new(32, 16, 35, 29), OffGrid::Refuse)?;
    /// let (back, replaced) =
    ///     image.with_inserted(&cut, 32, 16, OffGrid::Refuse, InsertedTables::CommonDivisor)?;
    /// assert_eq!((back, replaced), (image, rectangle));
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Rectangle`] where the inserted image leaves this one or covers no whole MCU,
    /// [`ArgumentError::McuGrid`] as [`OffGrid::Refuse`] says, [`ArgumentError::IncompatibleImages`] where
    /// precision, colour spaces or sampling do not match, [`Error::CoefficientOutOfRange`] where the new
    /// steps need a level outside +-32767 (of a block of this image or of the inserted part),
    /// [`ArgumentError::Shape`] where a component was exchanged for one of another size,
    /// [`Error::OutOfMemory`].
    ///
    /// [`Error::CoefficientOutOfRange`]: crate::Error::CoefficientOutOfRange
    /// [`Error::OutOfMemory`]: crate::Error::OutOfMemory
    pub fn with_inserted(
        &self,
        inserted: &Self,
        x: u32,
        y: u32,
        off_grid: OffGrid,
        tables: InsertedTables,
    ) -> Result<(Self, Rectangle)> {
        self.check_compatible(inserted)?;
        let given = Rectangle::new(x, y, inserted.width(), inserted.height());
        self.check_inside(given)?;
        let rectangle = self.inside_on_grid(given, off_grid)?;
        let origin = Rectangle {
            x: 0,
            y: 0,
            ..rectangle
        };
        let grid = self.grid()?;
        let geometry = grid.with_size(rectangle.width, rectangle.height);
        let mut image = self.normalized()?;
        for (index, component) in image.components.iter_mut().enumerate() {
            let factor = component.sampling;
            let area = grid.area(rectangle, factor);
            let Some(source) = inserted.components.get(index) else {
                for row in component.area_rows_mut(area) {
                    row.fill([0; 64]);
                }
                continue;
            };
            let mut piece = source.cut(grid.area(origin, factor), factor, &geometry)?;
            match_tables(component, &mut piece, tables, index)?;
            let rows = piece.blocks.chunks_exact(area.wide);
            for (to, from) in component.area_rows_mut(area).zip(rows) {
                to.copy_from_slice(from);
            }
        }
        Ok((image, rectangle))
    }

    fn check_compatible(&self, inserted: &Self) -> Result<()> {
        let differ = |what| Err(ArgumentError::IncompatibleImages { what }.into());
        if self.precision() != inserted.precision() {
            return differ("precision");
        }
        let spaces = (self.color_space, inserted.color_space);
        let grey_and_colour = matches!(
            spaces,
            (ColorSpace::YCbCr, ColorSpace::Grey) | (ColorSpace::Grey, ColorSpace::YCbCr)
        );
        if spaces.0 != spaces.1 && !grey_and_colour {
            return differ("colour space");
        }
        if self.components.len() != inserted.components.len() && !grey_and_colour {
            return differ("the number of components");
        }
        let (grid, inserted_grid) = (self.grid()?, inserted.grid()?);
        let pairs = self.components.iter().zip(&inserted.components);
        for (component, other) in pairs {
            // Both ratios to the largest factor on one denominator.
            let density = multiplied(self.grid_factor(component), &inserted_grid);
            if density != multiplied(inserted.grid_factor(other), &grid) {
                return differ("sampling");
            }
        }
        Ok(())
    }

    /// The rectangle of whole MCUs inside a rectangle; those at the image's edge may be partial.
    fn inside_on_grid(&self, given: Rectangle, off_grid: OffGrid) -> Result<Rectangle> {
        let (mcu_width, mcu_height) = self.mcu_size();
        let (right, lower) = (given.x + given.width, given.y + given.height);
        if off_grid == OffGrid::Refuse {
            check_on_grid("left edge", given.x, mcu_width)?;
            check_on_grid("upper edge", given.y, mcu_height)?;
            if right != self.width() {
                check_on_grid("right edge", right, mcu_width)?;
            }
            if lower != self.height() {
                check_on_grid("lower edge", lower, mcu_height)?;
            }
        }
        let (x, width) = shrunk(given.x, right, self.width(), mcu_width);
        let (y, height) = shrunk(given.y, lower, self.height(), mcu_height);
        if width == 0 || height == 0 {
            return Err(given.refused(self, "covers no whole MCU"));
        }
        Ok(Rectangle {
            x,
            y,
            width,
            height,
        })
    }
}

fn multiplied(factor: SamplingFactor, grid: &Geometry) -> (u8, u8) {
    (
        factor.horizontal() * grid.max_horizontal,
        factor.vertical() * grid.max_vertical,
    )
}

/// Start and length of the whole MCUs from `start` to `end`, of a partial one too where the image ends.
const fn shrunk(start: u32, end: u32, image: u32, mcu: u32) -> (u32, u32) {
    let start = start.next_multiple_of(mcu);
    let end = if end == image {
        end
    } else {
        floor_to(end, mcu)
    };
    (start, end.saturating_sub(start))
}

/// Gives both components one table.
fn match_tables(
    target: &mut Component,
    piece: &mut Component,
    tables: InsertedTables,
    index: usize,
) -> Result<()> {
    match tables {
        InsertedTables::Target(rounding) => {
            piece.check_requantization(&target.table, index)?;
            piece.requantize(&target.table, rounding);
        }
        InsertedTables::CommonDivisor => {
            let common = common_divisor(&target.table, &piece.table)?;
            for component in [target, piece] {
                component.check_requantization(&common, index)?;
                // Each step is a multiple of the new one: nothing is rounded.
                component.requantize(&common, Rounding::default());
            }
        }
    }
    Ok(())
}

fn common_divisor(one: &QuantizationTable, other: &QuantizationTable) -> Result<QuantizationTable> {
    QuantizationTable::from_fn(|band| {
        let (mut divisor, mut rest) = (one.step(band), other.step(band));
        while rest > 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        divisor
    })
}
