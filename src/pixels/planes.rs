//! The components of a picture as whole planes of samples.

use crate::coefficients::ColorSpace;
use crate::dct::precise;
use crate::error::Result;
use crate::limits::try_reserve;
use crate::vectors::Vectors;

use super::strips::Strips;
use super::{ChromaSubsampling, PixelView};

/// The components of a picture in the precise pipeline, for transforms without quantization.
#[derive(Debug)]
pub(crate) struct Planes {
    color_space: ColorSpace,
    components: Vec<Plane>,
}

/// Samples of one component, padded to whole blocks.
#[derive(Debug)]
struct Plane {
    samples: Vec<f32>,
    blocks_wide: usize,
    blocks_high: usize,
}

impl Planes {
    /// All components at full size.
    pub(crate) fn precise(pixels: PixelView<'_>, color_space: ColorSpace) -> Result<Self> {
        Self::subsampled(pixels, color_space, ChromaSubsampling::None)
    }

    /// As [`precise`](Self::precise), with chrominance averaged as pass two averages it.
    pub(crate) fn subsampled(
        pixels: PixelView<'_>,
        color_space: ColorSpace,
        subsampling: ChromaSubsampling,
    ) -> Result<Self> {
        let mut strips = Strips::new(pixels, color_space, subsampling, Vectors::detected())?;
        let mut components = Vec::with_capacity(strips.components().len());
        for component in strips.components() {
            let (blocks_wide, blocks_high) = component.blocks();
            let mut samples = Vec::new();
            try_reserve(&mut samples, 64 * blocks_wide * blocks_high)?;
            components.push(Plane {
                samples,
                blocks_wide,
                blocks_high,
            });
        }
        for index in 0..strips.count() {
            strips.fill(index);
            for (component, plane) in strips.components().iter().zip(&mut components) {
                for rows in component.block_rows(index) {
                    plane.samples.extend_from_slice(rows);
                }
            }
        }
        Ok(Self {
            color_space: strips.color_space(),
            components,
        })
    }

    pub(crate) const fn color_space(&self) -> ColorSpace {
        self.color_space
    }

    pub(crate) fn component_count(&self) -> usize {
        self.components.len()
    }

    /// Columns and rows of blocks.
    pub(crate) fn blocks(&self, component: usize) -> (usize, usize) {
        let plane = &self.components[component];
        (plane.blocks_wide, plane.blocks_high)
    }

    /// Coefficients of one block, by vertical and horizontal frequency.
    pub(crate) fn coefficients(&self, component: usize, x: usize, y: usize) -> [[f32; 8]; 8] {
        let plane = &self.components[component];
        let chunks = plane.samples.as_chunks::<8>().0;
        let mut block = [[0.0; 8]; 8];
        for (row, samples) in block.iter_mut().enumerate() {
            *samples = chunks[(8 * y + row) * plane.blocks_wide + x];
        }
        precise::forward(&block)
    }
}
