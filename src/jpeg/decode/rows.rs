//! Rows of blocks for who takes them as they are decoded: no image of coefficients arises.

use std::mem;

use crate::band::Block;
use crate::coefficients::{CoefficientImage, ColorSpace, Outline};
use crate::error::Result;
use crate::limits::{Budget, try_reserve};

use super::super::header::ScanHeader;
use super::super::huffman::DecodeTables;
use super::frame::{BLOCK_BYTES, Frame};
use super::scan::Grid;
use super::walk::{BlockStore, Lines};
#[cfg(feature = "rayon")]
use super::waves::WaveMemory;
use super::{DecodeOptions, Decoder};

/// Components of a scan, at most (T.81 B.2.3).
pub(crate) const MOST_COMPONENTS: usize = 4;

/// Takes the blocks of an image as they are decoded.
pub(crate) trait RowSink: Send {
    /// Whether the sink takes the rows of this image; if not, it is decoded whole. Called once, before the
    /// first row; what the sink will hold is charged by itself.
    ///
    /// # Errors
    ///
    /// Those of whoever cannot take what it wants to.
    fn begin(&mut self, outline: &Outline<'_>) -> Result<bool>;

    /// Takes the next rows of blocks of each component, those of one row of MCUs.
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
        let (frame, behind) = self.read_frame()?;
        if frame.is_handed_over {
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
        if sink.begin(&outline)? {
            let grid = Grid::new(frame, header);
            self.scratch.strips.begin(&grid, &mut self.budget)?;
            frame.is_handed_over = true;
        }
        Ok(())
    }
}

/// The blocks of a row of MCUs, by component.
#[derive(Debug, Default)]
pub(super) struct Strips {
    strips: [Strip; MOST_COMPONENTS],
    /// Whether the row at hand is not empty.
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
    /// Makes room for a row of MCUs of a scan.
    fn begin(&mut self, grid: &Grid, budget: &mut Budget) -> Result<()> {
        self.is_begun = false;
        for (strip, part) in self.strips.iter_mut().zip(&grid.components) {
            let (wide, high) = (part.blocks.0 as usize, part.blocks.1 as usize);
            (strip.wide, strip.left) = (wide, high);
            let count = wide * high.min(part.in_mcu.1 as usize);
            budget.charge_memory(count as u64 * BLOCK_BYTES)?;
            strip.blocks.clear();
            try_reserve(&mut strip.blocks, count)?;
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
        let Strips { strips, is_begun } = self.strips;
        let mut lines = Lines::new();
        for (slot, (strip, part)) in strips.iter_mut().zip(&grid.components).enumerate() {
            if !*is_begun {
                let rows = strip.left.min(part.in_mcu.1 as usize);
                strip.blocks.clear();
                strip.blocks.resize(rows * strip.wide, [0; 64]);
            }
            lines.add(slot, part, strip.blocks.chunks_exact_mut(strip.wide));
        }
        *is_begun = true;
        lines
    }

    fn finish_row(&mut self, grid: &Grid) {
        let mut rows: [&mut [Block]; MOST_COMPONENTS] = Default::default();
        let count = grid.components.len();
        // Others are memory from an image of more components.
        for (rows, strip) in rows.iter_mut().zip(&mut self.strips.strips[..count]) {
            strip.left -= strip.blocks.len() / strip.wide;
            *rows = &mut strip.blocks;
        }
        self.sink.take(&mut rows[..count]);
        self.strips.is_begun = false;
    }
}
