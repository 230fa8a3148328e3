//! One component: its blocks of quantized coefficients and the table they were quantized with.

use std::ops::Range;

use crate::band::{Band, Block};
use crate::error::{ArgumentError, Error, Result};
use crate::limits::try_vec;
use crate::quantization::{QuantizationTable, RequantizationBounds, Requantizer, Rounding};
use crate::vectors::Vectors;

use super::geometry::{Geometry, SamplingFactor};

/// One component of a [`CoefficientImage`](super::CoefficientImage).
///
/// Blocks stand row by row, only those inside the component's own size; the blocks that pad an
/// interleaved MCU are no part of the picture (T.81 A.2.4) and are not kept. Coefficients inside a
/// block are in natural order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    pub(super) id: u8,
    pub(super) sampling: SamplingFactor,
    pub(super) table: QuantizationTable,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) blocks_wide: u32,
    pub(super) blocks_high: u32,
    pub(super) blocks: Vec<Block>,
}

impl Component {
    /// A component whose blocks are yet to be appended.
    pub(crate) fn unfilled(
        id: u8,
        sampling: SamplingFactor,
        table: QuantizationTable,
        geometry: &Geometry,
    ) -> Self {
        let (width, height) = geometry.samples(sampling);
        let (blocks_wide, blocks_high) = geometry.blocks(sampling);
        Self {
            id,
            sampling,
            table,
            width,
            height,
            blocks_wide,
            blocks_high,
            blocks: Vec::new(),
        }
    }

    pub(super) fn zeroed(
        id: u8,
        sampling: SamplingFactor,
        table: QuantizationTable,
        geometry: &Geometry,
    ) -> Result<Self> {
        let mut component = Self::unfilled(id, sampling, table, geometry);
        component.blocks = try_vec([0; 64], component.block_count())?;
        Ok(component)
    }

    /// The component's identifier in the file, C in T.81.
    #[must_use]
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// Sampling factor.
    #[must_use]
    pub const fn sampling(&self) -> SamplingFactor {
        self.sampling
    }

    /// The table that the coefficients are quantized with.
    #[must_use]
    pub const fn quantization_table(&self) -> &QuantizationTable {
        &self.table
    }

    /// Width in samples.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in samples.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Columns of blocks.
    #[must_use]
    pub const fn blocks_wide(&self) -> u32 {
        self.blocks_wide
    }

    /// Rows of blocks.
    #[must_use]
    pub const fn blocks_high(&self) -> u32 {
        self.blocks_high
    }

    /// All blocks, row by row.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// All blocks, row by row, to be changed.
    #[must_use]
    pub fn blocks_mut(&mut self) -> &mut [Block] {
        &mut self.blocks
    }

    /// One row of blocks; empty past the last row.
    #[must_use]
    pub fn block_row(&self, y: u32) -> &[Block] {
        let wide = self.blocks_wide as usize;
        let start = (y as usize).saturating_mul(wide);
        self.blocks
            .get(start..start.saturating_add(wide))
            .unwrap_or(&[])
    }

    /// The blocks of some rows of the image's MCUs, interleaved or not.
    pub(crate) fn mcu_rows(&self, rows: Range<usize>) -> &[Block] {
        &self.blocks[self.range_of_mcu_rows(rows)]
    }

    /// As [`mcu_rows`](Self::mcu_rows), to be changed.
    pub(crate) fn mcu_rows_mut(&mut self, rows: Range<usize>) -> &mut [Block] {
        let range = self.range_of_mcu_rows(rows);
        &mut self.blocks[range]
    }

    fn range_of_mcu_rows(&self, rows: Range<usize>) -> Range<usize> {
        let blocks = self.blocks_wide as usize * usize::from(self.sampling.vertical());
        let bound = |row: usize| row.saturating_mul(blocks).min(self.blocks.len());
        bound(rows.start)..bound(rows.end)
    }

    /// The rows of blocks from one on.
    pub(crate) fn block_rows_mut(&mut self, first: usize) -> impl Iterator<Item = &mut [Block]> {
        let wide = self.blocks_wide as usize;
        let start = first.saturating_mul(wide).min(self.blocks.len());
        self.blocks[start..].chunks_exact_mut(wide)
    }

    /// The block in column `x`, row `y`; `None` outside the component.
    #[must_use]
    pub fn block(&self, x: u32, y: u32) -> Option<&Block> {
        let index = self.index_of(x, y)?;
        self.blocks.get(index)
    }

    /// The block in column `x`, row `y`, to be changed; `None` outside the component.
    #[must_use]
    pub fn block_mut(&mut self, x: u32, y: u32) -> Option<&mut Block> {
        let index = self.index_of(x, y)?;
        self.blocks.get_mut(index)
    }

    /// Coefficients as an array of (block rows, block columns, 8, 8), without copying.
    #[cfg(feature = "ndarray")]
    #[must_use]
    pub fn view(&self) -> ndarray::ArrayView4<'_, i16> {
        let shape = (self.blocks_high as usize, self.blocks_wide as usize, 8, 8);
        #[expect(
            clippy::expect_used,
            clippy::missing_panics_doc,
            reason = "there are always blocks_high * blocks_wide blocks of 64"
        )]
        ndarray::ArrayView4::from_shape(shape, self.blocks.as_flattened())
            .expect("shape of the blocks")
    }

    /// Coefficients as an array of (block rows, block columns, 8, 8) to be changed, without copying.
    #[cfg(feature = "ndarray")]
    #[must_use]
    pub fn view_mut(&mut self) -> ndarray::ArrayViewMut4<'_, i16> {
        let shape = (self.blocks_high as usize, self.blocks_wide as usize, 8, 8);
        #[expect(
            clippy::expect_used,
            clippy::missing_panics_doc,
            reason = "there are always blocks_high * blocks_wide blocks of 64"
        )]
        ndarray::ArrayViewMut4::from_shape(shape, self.blocks.as_flattened_mut())
            .expect("shape of the blocks")
    }

    pub(crate) const fn block_count(&self) -> usize {
        self.blocks_wide as usize * self.blocks_high as usize
    }

    /// The block storage itself, for the decoder that fills it row by row.
    pub(crate) const fn storage(&mut self) -> &mut Vec<Block> {
        &mut self.blocks
    }

    /// Adds zeros up to the end of row `rows - 1`, or of the component.
    pub(crate) fn grow_to_row(&mut self, rows: u32) {
        let count = rows.min(self.blocks_high) as usize * self.blocks_wide as usize;
        if self.blocks.len() < count {
            self.blocks.resize(count, [0; 64]);
        }
    }

    pub(crate) const fn set_table(&mut self, table: QuantizationTable) {
        self.table = table;
    }

    pub(super) fn requantize(&mut self, table: &QuantizationTable, rounding: Rounding) {
        if self.table != *table {
            let requantizer = Requantizer::new(&self.table, table, rounding);
            requantizer.requantize(Vectors::detected(), &mut self.blocks);
            self.table = *table;
        }
    }

    /// Checks that levels stay within +-32767 when they are requantized.
    pub(super) fn check_requantization(
        &self,
        table: &QuantizationTable,
        component: usize,
    ) -> Result<()> {
        let Some(bounds) = RequantizationBounds::new(&self.table, table) else {
            return Ok(());
        };
        if bounds.hold(&self.blocks) {
            return Ok(());
        }
        let Some((index, band)) = bounds.first_beyond(&self.blocks) else {
            return Ok(());
        };
        let wide = self.blocks_wide as usize;
        let step = |table: &QuantizationTable| table.to_natural()[band];
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a component has at most 8192 x 8192 blocks"
        )]
        Err(Error::CoefficientOutOfRange {
            component,
            block_x: (index % wide) as u32,
            block_y: (index / wide) as u32,
            band: Band::from_natural(band).unwrap_or(Band::DC),
            value: Rounding::HalfAwayFromZero.divide(
                i32::from(self.blocks[index][band]) * i32::from(step(&self.table)),
                step(table),
            ),
            bound: RequantizationBounds::BOUND,
        })
    }

    pub(super) fn fill(&mut self, blocks: Vec<Block>) -> Result<()> {
        if blocks.len() != self.block_count() {
            return Err(ArgumentError::Shape {
                what: "number of blocks of a component",
                expected: self.block_count() as u64,
                actual: blocks.len() as u64,
            }
            .into());
        }
        self.blocks = blocks;
        Ok(())
    }

    /// Columns and rows of the blocks, in their order.
    pub(crate) fn positions(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let (wide, high) = (self.blocks_wide, self.blocks_high);
        (0..high).flat_map(move |y| (0..wide).map(move |x| (x, y)))
    }

    fn index_of(&self, x: u32, y: u32) -> Option<usize> {
        (x < self.blocks_wide && y < self.blocks_high)
            .then(|| y as usize * self.blocks_wide as usize + x as usize)
    }
}
