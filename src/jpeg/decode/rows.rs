//! Rows of blocks for who takes them as they are decoded: no image of coefficients arises.

#[cfg(feature = "rayon")]
use std::iter;
use std::mem;

use crate::band::Block;
use crate::coefficients::{CoefficientImage, ColorSpace, Outline};
use crate::error::Result;
use crate::limits::{Budget, try_reserve};

use super::super::bits::WINDOW;
use super::super::header::ScanHeader;
use super::super::huffman::DecodeTables;
use super::frame::{BLOCK_BYTES, Frame};
use super::scan::{Grid, GridComponent};
use super::walk::{BlockStore, Lines};
#[cfg(feature = "rayon")]
use super::waves::{Pace, WaveMemory};
use super::{DecodeOptions, Decoder};

/// Components of a scan, at most (T.81 B.2.3).
pub(crate) const MOST_COMPONENTS: usize = 4;

/// Takes the blocks of an image as they are decoded.
pub(crate) trait RowSink: Send {
    /// How many rows of MCUs of this image the sink takes at a time, at most, of the `mcu_rows` that it may be offered;
    /// of an image of which it takes none, all are decoded before. Called once, before the
    /// first row; the sink charges what it will hold.
    ///
    /// # Errors
    ///
    /// Those of whoever cannot take what it wants to.
    fn begin(
        &mut self,
        outline: &Outline<'_>,
        mcu_rows: usize,
        budget: &mut Budget,
    ) -> Result<usize>;

    /// Takes the next rows of blocks of each component, those of one row of MCUs or more.
    ///
    /// The blocks may be changed; they are lost behind the call.
    fn take(&mut self, rows: &mut [&mut [Block]]);
}

/// What became of a file.
#[derive(Debug)]
pub(crate) enum Decoded {
    /// A sink has taken all rows. The colour space is what the whole file says; the sink was told that of the
    /// segments before the first scan.
    Rows { color_space: ColorSpace },
    /// No sink has taken any. The image has none of the file's metadata.
    Image(CoefficientImage),
}

/// Memory for decoding one file after the other.
#[derive(Debug, Default)]
pub(crate) struct DecodeScratch {
    /// De-stuffed data.
    pub(super) clean: Vec<u8>,
    /// The rows of MCUs that a sink takes.
    pub(super) strips: Strips,
    /// The blocks of each component of an image that was decoded whole.
    spare_blocks: Vec<Vec<Block>>,
    pub(super) decode_tables: DecodeTables,
    /// Blocks that several threads decode.
    #[cfg(feature = "rayon")]
    pub(super) waves: WaveMemory,
}

impl DecodeScratch {
    /// Takes the memory of an image that is no longer needed.
    pub(crate) fn recycle(&mut self, image: CoefficientImage) {
        self.spare_blocks = image.into_blocks();
    }
}

/// Reads a file, row by row for the sink where the file allows it: where it is sequential, Huffman-coded, and its
/// components are all in one scan.
///
/// Memory for the file is that of the scratch, where it has enough.
///
/// # Errors
///
/// As [`CoefficientImage::decode_with`], and those of the sink. It may have taken rows by then.
pub(crate) fn decode_rows(
    bytes: &[u8],
    options: &DecodeOptions,
    sink: &mut dyn RowSink,
    scratch: &mut DecodeScratch,
) -> Result<Decoded> {
    let mut decoder = Decoder::new(bytes, options);
    decoder.scratch = mem::take(scratch);
    decoder.sink = Some(sink);
    decoder.keeps_metadata = false;
    decoder.spare_blocks = mem::take(&mut decoder.scratch.spare_blocks);
    let decoded = decoder.decode_rows();
    *scratch = decoder.scratch;
    decoded
}

impl Decoder<'_> {
    pub(super) fn decode_rows(&mut self) -> Result<Decoded> {
        let (mut frame, behind) = self.read_frame()?;
        if frame.is_handed_over {
            self.scratch.spare_blocks = mem::take(&mut frame.spare_blocks);
            let color_space = self.color_space(&frame);
            return Ok(Decoded::Rows { color_space });
        }
        Ok(Decoded::Image(self.image(frame, behind)?))
    }

    /// Offers the rows of a frame whose components are all in this scan to the sink.
    pub(super) fn offer_rows(&mut self, frame: &mut Frame, header: &ScanHeader) -> Result<()> {
        let is_whole = header.components.len() == frame.components.len();
        let color_space = self.color_space(frame);
        let Some(sink) = self.sink.as_deref_mut().filter(|_| is_whole) else {
            return Ok(());
        };
        let outline = Outline {
            geometry: frame.header.geometry,
            precision: frame.header.precision,
            color_space,
            components: &frame.components,
        };
        let grid = Grid::new(frame, header);
        #[cfg(feature = "rayon")]
        let offered = self
            .pace
            .or_else(|| Pace::of_pool(&grid, self.source.remaining().len()))
            .map_or(1, |pace| pace.mcu_rows);
        #[cfg(not(feature = "rayon"))]
        let offered = 1;
        let taken = sink.begin(&outline, offered, &mut self.budget)?;
        if taken > 0 {
            self.scratch.strips.begin(&grid, taken, &mut self.budget)?;
            frame.is_handed_over = true;
        }
        Ok(())
    }
}

/// The blocks of a few rows of MCUs, by component.
#[derive(Debug, Default)]
pub(super) struct Strips {
    by_component: [Strip; MOST_COMPONENTS],
    /// Rows of MCUs that there is room for.
    mcu_rows: usize,
    /// Whether the first row at hand is not empty.
    is_begun: bool,
}

/// The rows of blocks of one component.
#[derive(Debug, Default)]
struct Strip {
    blocks: Vec<Block>,
    wide: usize,
    /// Rows of blocks of the component that are yet to come, those at hand included.
    left: usize,
}

impl Strips {
    /// Makes room for rows of MCUs of a scan: for one where there is no more.
    fn begin(&mut self, grid: &Grid, mcu_rows: usize, budget: &mut Budget) -> Result<()> {
        self.is_begun = false;
        let count = |part: &GridComponent, mcu_rows: usize| {
            let rows = (part.blocks.1 as usize).min(mcu_rows * part.in_mcu.1 as usize);
            part.blocks.0 as usize * rows
        };
        let memory = |mcu_rows| {
            let blocks = grid.components.iter().map(|part| count(part, mcu_rows));
            blocks.sum::<usize>() as u64 * BLOCK_BYTES
        };
        self.mcu_rows = mcu_rows;
        // With several, enough must be left to go on as one thread does.
        if memory(mcu_rows).saturating_add(WINDOW as u64) > budget.memory_left() {
            self.mcu_rows = 1;
        }
        budget.charge_memory(memory(self.mcu_rows))?;
        for (strip, part) in self.by_component.iter_mut().zip(&grid.components) {
            (strip.wide, strip.left) = (part.blocks.0 as usize, part.blocks.1 as usize);
            strip.blocks.clear();
            try_reserve(&mut strip.blocks, count(part, self.mcu_rows))?;
        }
        Ok(())
    }

    /// Puts them before a sink.
    pub(super) fn before<'a>(&'a mut self, sink: &'a mut dyn RowSink) -> StripStore<'a> {
        StripStore { strips: self, sink }
    }
}

/// Rows of MCUs on their way to a sink.
pub(super) struct StripStore<'a> {
    strips: &'a mut Strips,
    sink: &'a mut dyn RowSink,
}

impl BlockStore for StripStore<'_> {
    fn lines(&mut self, grid: &Grid, _: u32) -> Lines<'_> {
        let Strips {
            by_component: strips,
            is_begun,
            ..
        } = self.strips;
        let mut lines = Lines::new();
        for (slot, (strip, part)) in strips.iter_mut().zip(&grid.components).enumerate() {
            let count = strip.wide * strip.left.min(part.in_mcu.1 as usize);
            if !*is_begun {
                strip.blocks.clear();
                strip.blocks.resize(count, [0; 64]);
            }
            let rows = strip.blocks[..count].chunks_exact_mut(strip.wide);
            lines.add(slot, part, rows);
        }
        *is_begun = true;
        lines
    }

    fn finish_row(&mut self, grid: &Grid) {
        self.hand_over(grid, 1);
        self.strips.is_begun = false;
    }

    #[cfg(feature = "rayon")]
    fn lines_of_rows(&mut self, grid: &Grid, _: usize, most: usize) -> Vec<Lines<'_>> {
        let most = most.min(self.strips.mcu_rows);
        let mut lines: Vec<Lines<'_>> = iter::repeat_with(Lines::new).take(most).collect();
        let strips = self.strips.by_component.iter_mut().zip(&grid.components);
        for (slot, (strip, part)) in strips.enumerate() {
            // What is no zeros is overwritten, or made zeros in the end.
            let count = strip.wide * strip.left.min(most * part.in_mcu.1 as usize);
            if strip.blocks.len() < count {
                strip.blocks.resize(count, [0; 64]);
            }
            let mut rows = strip.blocks[..count].chunks_exact_mut(strip.wide);
            for lines in &mut lines {
                lines.add(slot, part, &mut rows);
            }
        }
        lines
    }

    #[cfg(feature = "rayon")]
    fn finish_rows(&mut self, grid: &Grid, whole: usize, column: usize) {
        self.hand_over(grid, whole);
        self.strips.is_begun = column > 0;
        if self.strips.is_begun {
            for (strip, part) in self.strips.by_component.iter_mut().zip(&grid.components) {
                let high = part.in_mcu.1 as usize;
                let start = strip.wide * whole * high;
                let end = start + strip.wide * strip.left.min(high);
                strip.blocks.copy_within(start..end, 0);
            }
            self.lines(grid, 0).clear_from(column);
        }
    }
}

impl StripStore<'_> {
    /// Lets the sink take the first rows of MCUs.
    fn hand_over(&mut self, grid: &Grid, mcu_rows: usize) {
        let mut rows: [&mut [Block]; MOST_COMPONENTS] = Default::default();
        let count = grid.components.len();
        // Others are memory from an image of more components.
        let strips = self.strips.by_component[..count]
            .iter_mut()
            .zip(&grid.components);
        for (rows, (strip, part)) in rows.iter_mut().zip(strips) {
            let high = strip.left.min(mcu_rows * part.in_mcu.1 as usize);
            strip.left -= high;
            *rows = &mut strip.blocks[..high * strip.wide];
        }
        if mcu_rows > 0 {
            self.sink.take(&mut rows[..count]);
        }
    }
}
