//! The samples of a component that the next rows of pixels are made of.

use crate::band::Block;
use crate::coefficients::Component;
use crate::error::Result;
use crate::limits::try_fit;
use crate::quantization::QuantizationTable;
use crate::vectors::Vectors;

use super::inverse::Rendering;
use super::resample::Rows;

/// The samples of the last rows of blocks of a component: those of a row of MCUs, and one before, from which the
/// first row of pixels may take its part.
pub(super) struct Window<T: Rendering> {
    transform: T::Transform,
    vectors: Vectors,
    /// Rows of blocks that are held, one after the other by their number modulo `held`.
    samples: Vec<T>,
    held: usize,
    /// Samples in a stored row.
    stride: usize,
    width: usize,
    height: usize,
    /// The row of blocks that comes next.
    next: usize,
}

impl<T: Rendering> Window<T> {
    /// A window on a component whose levels are multiples of a table's steps.
    pub(super) fn new(
        component: &Component,
        table: &QuantizationTable,
        vectors: Vectors,
    ) -> Result<Self> {
        let mut window = Self {
            transform: T::transform(table),
            vectors,
            samples: Vec::new(),
            held: 0,
            stride: 0,
            width: 0,
            height: 0,
            next: 0,
        };
        window.reuse(component, table)?;
        Ok(window)
    }

    /// Shows another component, in the same memory.
    pub(super) fn reuse(&mut self, component: &Component, table: &QuantizationTable) -> Result<()> {
        self.transform = T::transform(table);
        self.held = held_rows(component);
        self.stride = 8 * component.blocks_wide() as usize;
        self.width = component.width() as usize;
        self.height = component.height() as usize;
        self.next = 0;
        try_fit(&mut self.samples, self.held * 8 * self.stride)
    }

    /// Bytes that a window on a component takes.
    pub(super) const fn memory(component: &Component) -> usize {
        size_of::<T>() * 64 * held_rows(component) * component.blocks_wide() as usize
    }

    /// Columns of blocks.
    pub(super) const fn blocks_wide(&self) -> usize {
        self.stride / 8
    }

    /// Takes the next row of blocks.
    pub(super) fn push(&mut self, blocks: &[Block]) {
        let size = 8 * self.stride;
        let rows = &mut self.samples[self.next % self.held * size..][..size];
        T::inverse(&self.transform, self.vectors, blocks, rows);
        self.next += 1;
    }

    /// Rows of samples that have come by.
    pub(super) fn available(&self) -> usize {
        self.height.min(8 * self.next)
    }
}

/// Rows of blocks that a window holds.
const fn held_rows(component: &Component) -> usize {
    component.sampling().vertical() as usize + 1
}

impl<T: Rendering> Rows<T> for Window<T> {
    fn width(&self) -> usize {
        self.width
    }

    fn height(&self) -> usize {
        self.height
    }

    fn rows(&mut self, near: usize, far: usize) -> [&[T]; 2] {
        [near, far].map(|y| {
            debug_assert!(y < self.available() && y / 8 + self.held >= self.next);
            let start = y % (8 * self.held) * self.stride;
            &self.samples[start..start + self.width]
        })
    }
}
