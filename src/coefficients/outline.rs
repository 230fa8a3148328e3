//! An image before its blocks are there.

use crate::band::Block;

use super::{CoefficientImage, ColorSpace, Component, Geometry, SamplePrecision};

/// What is known of an image before its blocks: the components have none, or not yet all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outline<'a> {
    pub(crate) geometry: Geometry,
    pub(crate) precision: SamplePrecision,
    pub(crate) color_space: ColorSpace,
    pub(crate) components: &'a [Component],
}

impl Outline<'_> {
    /// Bytes of the blocks in so many rows of the image's MCUs.
    pub(crate) fn memory_of_rows(&self, mcu_rows: usize) -> u64 {
        let blocks = self.components.iter().map(|component| {
            let rows = mcu_rows * usize::from(component.sampling.vertical());
            rows.min(component.blocks_high as usize) as u64 * u64::from(component.blocks_wide)
        });
        blocks.sum::<u64>() * size_of::<Block>() as u64
    }
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
