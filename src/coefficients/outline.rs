//! An image before its blocks are there.

use super::{CoefficientImage, ColorSpace, Component, Geometry, SamplePrecision};

/// What is known of an image before its blocks: the components have none, or not yet all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outline<'a> {
    pub(crate) geometry: Geometry,
    pub(crate) precision: SamplePrecision,
    pub(crate) color_space: ColorSpace,
    pub(crate) components: &'a [Component],
}

impl CoefficientImage {
    pub(crate) fn outline(&self) -> Outline<'_> {
        Outline {
            geometry: self.geometry,
            precision: self.precision,
            color_space: self.color_space,
            components: &self.components,
        }
    }
}
