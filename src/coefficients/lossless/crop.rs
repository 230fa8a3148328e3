//! Rectangles of whole MCUs: cut out, or wiped.

use crate::error::Result;

use super::super::CoefficientImage;
use super::{OffGrid, Rectangle, check_on_grid, floor_to};

impl CoefficientImage {
    /// Cuts out a rectangle without loss; returns it with the rectangle that was really cut.
    ///
    /// The left and upper edges must lie on MCU bounds, see [`mcu_size`](Self::mcu_size). With
    /// [`OffGrid::Snap`] they move left and up to the next, and the rectangle grows by that much:
    /// `jpegtran -crop WxH+X+Y`. The right and lower edges are free. Metadata is copied as it is.
    ///
    /// `jpegtran` extends an image where the rectangle is larger; here that is an error.
    ///
    /// ```
    /// use feature_distillation::{
    ///     CoefficientImage, ColorSpace, OffGrid, QuantizationTables, Rectangle, SamplingFactor,
    /// };
    ///
    /// // 4:2:0: MCUs of 16x16 pixels.
    /// let sampling = [SamplingFactor::new(2, 2)?, SamplingFactor::ONE, SamplingFactor::ONE];
    /// let image = CoefficientImage::new(67, 45, ColorSpace::YCbCr, &sampling, &QuantizationTables::annex_k(75)?)?;
    ///
    /// let (cut, rectangle) = image.cropped(Rectangle::new(20, 16, 30, 20), OffGrid::Snap)?;
    /// assert_eq!(rectangle, Rectangle::new(16, 16, 34, 20));
    /// assert_eq!((cut.width(), cut.height()), (34, 20));
    /// assert!(image.cropped(Rectangle::new(20, 16, 30, 20), OffGrid::Refuse).is_err());
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Rectangle`](crate::ArgumentError::Rectangle) where it is empty or leaves the
    /// image, [`ArgumentError::McuGrid`](crate::ArgumentError::McuGrid) as [`OffGrid::Refuse`] says,
    /// [`ArgumentError::Shape`](crate::ArgumentError::Shape) where a component was exchanged for one of
    /// another size, [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn cropped(&self, rectangle: Rectangle, off_grid: OffGrid) -> Result<(Self, Rectangle)> {
        self.check_inside(rectangle)?;
        let rectangle = self.starting_on_grid(rectangle, off_grid)?;
        let grid = self.grid()?;
        let geometry = grid.with_size(rectangle.width, rectangle.height);
        let mut components = Vec::with_capacity(self.components.len());
        for component in &self.components {
            let factor = self.grid_factor(component);
            components.push(component.cut(grid.area(rectangle, factor), factor, &geometry)?);
        }
        Ok((self.with_picture(geometry, components)?, rectangle))
    }

    /// Sets a rectangle to coefficients of zero, mid-grey in every component; returns the image with the
    /// rectangle that was really wiped.
    ///
    /// All edges must lie on MCU bounds or be the image's. With [`OffGrid::Snap`] they move
    /// outwards until they do: `jpegtran -wipe WxH+X+Y`. What was there is gone from the coefficients,
    /// but metadata is copied as it is, with the thumbnails in it.
    ///
    /// ```
    /// use feature_distillation::{
    ///     CoefficientImage, ForwardOptions, OffGrid, PixelFormat, PixelView, QuantizationTables,
    ///     Rectangle,
    /// };
    ///
    /// let samples = vec![200; 32 * 16];
    /// let picture = PixelView::new(&samples, 32, 16, PixelFormat::Grey)?;
    /// let image = CoefficientImage::from_pixels(picture, &QuantizationTables::annex_k(75)?, &ForwardOptions::libjpeg_equal())?;
    ///
    /// let (wiped, rectangle) = image.wiped(Rectangle::new(10, 2, 3, 3), OffGrid::Snap)?;
    /// assert_eq!(rectangle, Rectangle::new(8, 0, 8, 8));
    /// assert_eq!(wiped.component(0).unwrap().block(1, 0), Some(&[0; 64]));
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`cropped`](Self::cropped).
    pub fn wiped(&self, rectangle: Rectangle, off_grid: OffGrid) -> Result<(Self, Rectangle)> {
        self.check_inside(rectangle)?;
        let rectangle = self.on_grid(rectangle, off_grid)?;
        let grid = self.grid()?;
        let mut image = self.normalized()?;
        for component in &mut image.components {
            let area = grid.area(rectangle, component.sampling);
            for row in component.area_rows_mut(area) {
                row.fill([0; 64]);
            }
        }
        Ok((image, rectangle))
    }

    /// The rectangle with its left and upper edges on MCU bounds.
    fn starting_on_grid(&self, rectangle: Rectangle, off_grid: OffGrid) -> Result<Rectangle> {
        let Rectangle { x, y, .. } = rectangle;
        let (mcu_width, mcu_height) = self.mcu_size();
        if off_grid == OffGrid::Refuse {
            check_on_grid("left edge", x, mcu_width)?;
            check_on_grid("upper edge", y, mcu_height)?;
        }
        Ok(Rectangle {
            x: floor_to(x, mcu_width),
            y: floor_to(y, mcu_height),
            width: rectangle.width + x % mcu_width,
            height: rectangle.height + y % mcu_height,
        })
    }

    /// The rectangle with each edge on an MCU bound or the image's edge.
    fn on_grid(&self, rectangle: Rectangle, off_grid: OffGrid) -> Result<Rectangle> {
        let start = self.starting_on_grid(rectangle, off_grid)?;
        let (mcu_width, mcu_height) = self.mcu_size();
        let (right, lower) = (start.x + start.width, start.y + start.height);
        if off_grid == OffGrid::Refuse {
            if right != self.width() {
                check_on_grid("right edge", right, mcu_width)?;
            }
            if lower != self.height() {
                check_on_grid("lower edge", lower, mcu_height)?;
            }
        }
        Ok(Rectangle {
            width: right.next_multiple_of(mcu_width).min(self.width()) - start.x,
            height: lower.next_multiple_of(mcu_height).min(self.height()) - start.y,
            ..start
        })
    }

    /// A copy of the image; a lone component becomes sampled 1x1.
    pub(super) fn normalized(&self) -> Result<Self> {
        let whole = Rectangle::new(0, 0, self.width(), self.height());
        Ok(self.cropped(whole, OffGrid::Refuse)?.0)
    }
}
