//! The samples of a component that the next rows of pixels are made of.

#[cfg(feature = "rayon")]
use rayon::prelude::*;

use crate::band::Block;
use crate::coefficients::Component;
use crate::error::Result;
use crate::limits::try_fit;
use crate::quantization::{QuantizationTable, Requantizer};
use crate::vectors::Vectors;

use super::inverse::Rendering;
use super::resample::{Rows, Scaling};

/// The samples of a few rows of blocks of a component, and of the row before them, from which the
/// first row of pixels may take its part.
pub(super) struct Window<T: Rendering> {
    scaling: Scaling,
    transform: T::Transform,
    vectors: Vectors,
    /// The row of blocks before the first, then the others; eight rows of samples each.
    samples: Vec<T>,
    /// Samples in a stored row.
    stride: usize,
    width: usize,
    height: usize,
    /// Number of the first row of blocks, and how many there are from it on.
    first: usize,
    count: usize,
    /// Whether several rows of MCUs come at a time, and threads share them.
    #[cfg(feature = "rayon")]
    is_shared: bool,
}

impl<T: Rendering> Window<T> {
    /// A window on a component whose levels are multiples of a table's steps; at most so many rows of MCUs at a
    /// time.
    pub(super) fn new(
        component: &Component,
        scaling: Scaling,
        table: &QuantizationTable,
        mcu_rows: usize,
        vectors: Vectors,
    ) -> Result<Self> {
        let mut window = Self {
            scaling,
            transform: T::transform(table),
            vectors,
            samples: Vec::new(),
            stride: 0,
            width: 0,
            height: 0,
            first: 0,
            count: 0,
            #[cfg(feature = "rayon")]
            is_shared: false,
        };
        window.reuse(component, scaling, table, mcu_rows)?;
        Ok(window)
    }

    /// Shows another component, in the same memory.
    pub(super) fn reuse(
        &mut self,
        component: &Component,
        scaling: Scaling,
        table: &QuantizationTable,
        mcu_rows: usize,
    ) -> Result<()> {
        self.scaling = scaling;
        self.transform = T::transform(table);
        self.stride = 8 * component.blocks_wide() as usize;
        self.width = component.width() as usize;
        self.height = component.height() as usize;
        (self.first, self.count) = (0, 0);
        #[cfg(feature = "rayon")]
        {
            self.is_shared = mcu_rows > 1;
        }
        try_fit(&mut self.samples, samples(component, mcu_rows))
    }

    /// Bytes that a window on a component takes.
    pub(super) fn memory(component: &Component, mcu_rows: usize) -> usize {
        size_of::<T>() * samples(component, mcu_rows)
    }

    pub(super) const fn scaling(&self) -> Scaling {
        self.scaling
    }

    /// Rows of the image that the samples up to here suffice for.
    pub(super) fn image_rows(&self) -> usize {
        let available = 8 * (self.first + self.count);
        self.scaling.rows_of(available, self.height)
    }

    /// Moves on to the next rows of blocks, and keeps the last one, if it will be asked for.
    pub(super) fn show(&mut self, levels: Levels<'_>, keeps_last: bool) {
        let (columns, size) = (self.stride / 8, 8 * self.stride);
        if keeps_last {
            let last = self.count * size;
            self.samples.copy_within(last..last + size, 0);
        }
        self.first += self.count;
        self.count = levels.blocks() / columns;
        let (vectors, transform) = (self.vectors, &self.transform);
        let samples = &mut self.samples[size..];
        let inverse = |rows: &mut [T], blocks: &[Block]| {
            T::inverse(transform, vectors, blocks, rows);
        };
        match levels {
            Levels::OfTable(blocks) => {
                let inverse = |(rows, blocks): (&mut [T], &[Block])| inverse(rows, blocks);
                #[cfg(feature = "rayon")]
                if self.is_shared {
                    let rows = samples.par_chunks_exact_mut(size);
                    return rows.zip(blocks.par_chunks_exact(columns)).for_each(inverse);
                }
                let rows = samples.chunks_exact_mut(size);
                rows.zip(blocks.chunks_exact(columns)).for_each(inverse);
            }
            Levels::OfOther(blocks, requantizer) => {
                // A row at a time, which is still in the cache when it is transformed.
                let inverse = |(rows, blocks): (&mut [T], &mut [Block])| {
                    requantizer.requantize(vectors, blocks);
                    inverse(rows, blocks);
                };
                #[cfg(feature = "rayon")]
                if self.is_shared {
                    let rows = samples.par_chunks_exact_mut(size);
                    return rows
                        .zip(blocks.par_chunks_exact_mut(columns))
                        .for_each(inverse);
                }
                let rows = samples.chunks_exact_mut(size);
                rows.zip(blocks.chunks_exact_mut(columns)).for_each(inverse);
            }
        }
    }
}

/// Rows of blocks on their way to samples.
pub(super) enum Levels<'b> {
    /// Multiples of the steps that the window has.
    OfTable(&'b [Block]),
    /// Multiples of others, to be requantized in place.
    OfOther(&'b mut [Block], &'b Requantizer),
}

impl Levels<'_> {
    const fn blocks(&self) -> usize {
        match self {
            Self::OfTable(blocks) => blocks.len(),
            Self::OfOther(blocks, _) => blocks.len(),
        }
    }
}

/// Samples that a window holds.
fn samples(component: &Component, mcu_rows: usize) -> usize {
    let rows = mcu_rows * usize::from(component.sampling().vertical());
    let rows = rows.min(component.blocks_high() as usize);
    64 * (1 + rows) * component.blocks_wide() as usize
}

impl<T: Rendering> Rows<T> for Window<T> {
    fn width(&self) -> usize {
        self.width
    }

    fn height(&self) -> usize {
        self.height
    }

    fn row(&self, y: usize) -> &[T] {
        let start = (y + 8 - 8 * self.first) * self.stride;
        &self.samples[start..start + self.width]
    }
}
