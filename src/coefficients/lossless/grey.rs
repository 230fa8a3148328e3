//! The luminance alone.

use crate::error::{ArgumentError, Result};

use super::super::geometry::{Geometry, SamplingFactor};
use super::super::{CoefficientImage, ColorSpace};
use super::Rectangle;

impl CoefficientImage {
    /// The luminance as a grey image without loss: `jpegtran -grayscale`.
    ///
    /// Of a YCbCr image the first component is kept, of a grey image its only one; it becomes sampled 1x1.
    /// Metadata is copied as it is: an ICC profile of colours no longer fits.
    ///
    /// No other colour space stores the picture's luminance: YCCK's first component leaves black out.
    ///
    /// ```
    /// use feature_distillation::{CoefficientImage, ColorSpace, QuantizationTables, SamplingFactor};
    ///
    /// let sampling = [SamplingFactor::new(2, 1)?, SamplingFactor::ONE, SamplingFactor::ONE];
    /// let image = CoefficientImage::new(40, 30, ColorSpace::YCbCr, &sampling, &QuantizationTables::annex_k(75)?)?;
    /// let grey = image.luminance()?;
    /// assert_eq!((grey.color_space(), grey.components().len()), (ColorSpace::Grey, 1));
    /// assert_eq!(grey.component(0).unwrap().blocks(), image.component(0).unwrap().blocks());
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ArgumentError::NoLuminance`] unless the image is grey, or YCbCr with a luminance sampled as densely
    /// as any component, [`ArgumentError::Shape`] where a component was exchanged for one of another size,
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn luminance(&self) -> Result<Self> {
        let grid = self.grid()?;
        let luminance = match self.components.as_slice() {
            [first, ..] if matches!(self.color_space, ColorSpace::Grey | ColorSpace::YCbCr) => {
                first
            }
            _ => {
                return Err(
                    ArgumentError::NoLuminance("the image is neither grey nor YCbCr").into(),
                );
            }
        };
        let factor = self.grid_factor(luminance);
        if (factor.horizontal(), factor.vertical()) != (grid.max_horizontal, grid.max_vertical) {
            let reason = "luminance is sampled more coarsely than chrominance";
            return Err(ArgumentError::NoLuminance(reason).into());
        }
        let geometry = Geometry::new(
            self.width(),
            self.height(),
            [SamplingFactor::ONE].into_iter(),
        );
        let whole = Rectangle::new(0, 0, self.width(), self.height());
        let area = geometry.area(whole, SamplingFactor::ONE);
        let mut component = luminance.cut(area, SamplingFactor::ONE, &geometry)?;
        component.id = ColorSpace::Grey.component_ids().next().unwrap_or(1);
        let mut grey = self.with_picture(geometry, vec![component])?;
        grey.color_space = ColorSpace::Grey;
        Ok(grey)
    }
}
