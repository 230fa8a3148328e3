//! The rows of one component that an image row needs, transformed when they are first asked for.

use crate::band::Block;
use crate::coefficients::Component;
use crate::error::Result;
use crate::limits::try_vec;
use crate::quantization::{QuantizationTable, Requantizer, Rounding};
use crate::vectors::Vectors;

use super::inverse::Rendering;
use super::resample::Rows;

/// Rows of blocks that are held.
const HELD: usize = 2;

/// The samples of two rows of blocks of a component: any two rows of samples next to each other lie in those.
pub(super) struct Window<'a, T: Rendering> {
    component: &'a Component,
    requantization: Option<Requantization>,
    transform: T::Transform,
    vectors: Vectors,
    samples: Vec<T>,
    /// The row of blocks that each half holds.
    held: [Option<u32>; HELD],
}

/// Moves a row of blocks to another table on their way to samples.
struct Requantization {
    requantizer: Requantizer,
    row: Vec<Block>,
}

impl<'a, T: Rendering> Window<'a, T> {
    /// Shows the component as requantized to another table, where one is given.
    pub(super) fn new(
        component: &'a Component,
        target: Option<(&QuantizationTable, Rounding)>,
        vectors: Vectors,
    ) -> Result<Self> {
        let own = component.quantization_table();
        let (table, requantization) = match target {
            Some((table, rounding)) if table != own => {
                let requantization = Requantization {
                    requantizer: Requantizer::new(own, table, rounding),
                    row: try_vec([0; 64], component.blocks_wide() as usize)?,
                };
                (table, Some(requantization))
            }
            _ => (own, None),
        };
        Ok(Self {
            component,
            requantization,
            transform: T::transform(table),
            vectors,
            samples: try_vec(T::default(), HELD * 64 * component.blocks_wide() as usize)?,
            held: [None; HELD],
        })
    }

    /// Bytes that a window of a component takes.
    pub(super) fn memory(component: &Component, requantized: bool) -> u64 {
        let block = HELD * 64 * size_of::<T>() + usize::from(requantized) * size_of::<Block>();
        block as u64 * u64::from(component.blocks_wide())
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
        let mut blocks = self.component.block_row(wanted);
        if let Some(Requantization { requantizer, row }) = &mut self.requantization {
            row.copy_from_slice(blocks);
            requantizer.requantize(self.vectors, row);
            blocks = row;
        }
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
