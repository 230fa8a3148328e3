//! The rows of one component that an image row needs, transformed when they are first asked for.

use crate::coefficients::Component;
use crate::error::Result;
use crate::limits::try_vec;
use crate::vectors::Vectors;

use super::inverse::Rendering;
use super::resample::Rows;

/// Rows of blocks that are held.
const HELD: usize = 2;

/// The samples of two rows of blocks of a component: any two rows of samples next to each other lie in those.
pub(super) struct Window<'a, T: Rendering> {
    component: &'a Component,
    transform: T::Transform,
    vectors: Vectors,
    samples: Vec<T>,
    /// The row of blocks that each half holds.
    held: [Option<u32>; HELD],
}

impl<'a, T: Rendering> Window<'a, T> {
    pub(super) fn new(component: &'a Component, vectors: Vectors) -> Result<Self> {
        Ok(Self {
            component,
            transform: T::transform(component.quantization_table()),
            vectors,
            samples: try_vec(T::default(), Self::size(component))?,
            held: [None; HELD],
        })
    }

    /// Samples that a window of a component has.
    pub(super) const fn size(component: &Component) -> usize {
        HELD * 64 * component.blocks_wide() as usize
    }

    fn hold(&mut self, y: usize) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a component has fewer than 2^16 rows"
        )]
        let wanted = (y / 8) as u32;
        let half = y / 8 % HELD;
        if self.held[half] == Some(wanted) {
            return;
        }
        let size = 8 * self.stride();
        let rows = &mut self.samples[half * size..][..size];
        let blocks = self.component.block_row(wanted);
        T::inverse(&self.transform, self.vectors, blocks, rows);
        self.held[half] = Some(wanted);
    }

    const fn stride(&self) -> usize {
        8 * self.component.blocks_wide() as usize
    }
}

impl<T: Rendering> Rows<T> for Window<'_, T> {
    fn width(&self) -> usize {
        self.component.width() as usize
    }

    fn height(&self) -> usize {
        self.component.height() as usize
    }

    fn rows(&mut self, near: usize, far: usize) -> [&[T]; 2] {
        for y in [near, far] {
            self.hold(y);
        }
        [near, far].map(|y| {
            let start = (y % (8 * HELD)) * self.stride();
            &self.samples[start..start + self.width()]
        })
    }
}
