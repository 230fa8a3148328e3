//! A wave: consecutive MCUs in chunks that are joined where they fall into step.

use std::ops::Range;
use std::slice;

use rayon::prelude::*;

use crate::band::Block;
use crate::error::Malformed;

use super::super::bits::{EntropyData, WINDOW};
use super::scan::{Grid, Refuse};
use super::speculation::{Chunk, McuLayout, Stretch};
use super::walk::{BlockReader, BlockStore, Lines};
use super::waves::Pace;

/// Blocks that a chunk may read past its end to fall into step with the next one.
const MOST_JOINING_BLOCKS: usize = 512;

/// Consecutive MCUs, decoded.
#[derive(Debug, Default)]
pub(super) struct Wave {
    first_mcu: u64,
    pub(super) mcus: u64,
    pub(super) chunks: Vec<Chunk>,
    /// What is true of the first chunks.
    pub(super) parts: Vec<Part>,
    /// Chunks that were decoded.
    #[cfg(test)]
    pub(super) tried: usize,
}

/// The blocks of a chunk that are true.
#[derive(Debug)]
pub(super) struct Part {
    /// Their first one, counted from the first of the wave.
    first: usize,
    /// Indices in the chunk.
    pub(super) blocks: Range<usize>,
    /// The components in the scan, by those that the chunk takes them for.
    components: [usize; 4],
    /// What is to be added to DC values, by component in the scan.
    offsets: [i32; 4],
}

impl Wave {
    /// Bytes of memory that one takes.
    pub(super) const fn memory(pace: &Pace) -> usize {
        let block = size_of::<Block>() + size_of::<u32>();
        let blocks = (pace.most_blocks + MOST_JOINING_BLOCKS) * block;
        let clean = EntropyData::memory(usize::MAX, WINDOW);
        pace.chunks * (blocks + clean + size_of::<Chunk>() + size_of::<Part>())
    }

    /// Makes room, if there is any.
    pub(super) fn reserve(&mut self, pace: &Pace) -> Option<()> {
        let more = pace.chunks.saturating_sub(self.chunks.len());
        self.chunks.try_reserve_exact(more).ok()?;
        self.chunks.resize_with(pace.chunks, Chunk::default);
        self.parts.clear();
        self.parts.try_reserve_exact(pace.chunks).ok()?;
        self.chunks
            .iter_mut()
            .try_for_each(|chunk| chunk.reserve(pace.most_blocks + MOST_JOINING_BLOCKS))
    }

    pub(super) fn begin(&mut self, mcu: u64) {
        self.parts.clear();
        (self.first_mcu, self.mcus) = (mcu, 0);
    }

    pub(super) fn chunks_mut(&mut self) -> &mut [Chunk] {
        &mut self.chunks
    }

    /// The next chunk is true as it is.
    pub(super) fn add_whole_chunk(&mut self) {
        if let Some(chunk) = self.chunks.get(self.parts.len()) {
            self.parts.push(Part {
                first: self.blocks(),
                blocks: 0..chunk.blocks.len(),
                components: [0, 1, 2, 3],
                offsets: [0; 4],
            });
        }
    }

    /// All that is true is there.
    pub(super) const fn finish(&mut self, mcus: u64) {
        self.mcus = mcus;
    }

    /// The MCUs, counted row by row.
    const fn mcus(&self) -> Range<u64> {
        self.first_mcu..self.first_mcu + self.mcus
    }

    /// Puts the blocks where they belong, several rows of MCUs at a time.
    pub(super) fn put(&self, grid: &Grid, layout: &McuLayout<'_>, store: &mut impl BlockStore) {
        /// Of a narrow picture a wave has thousands.
        const MOST_ROWS: usize = 64;
        let wide = u64::from(grid.mcus_wide);
        let all = self.mcus();
        let mut next = all.start;
        while next < all.end {
            let (first, _) = grid.row_and_column(next);
            let (last, _) = grid.row_and_column(all.end - 1);
            let mut rows = store.lines_of_rows(grid, first, (last + 1 - first).min(MOST_ROWS));
            let rows_end = (first + rows.len()) as u64 * wide;
            let read = |(row, lines): (usize, &mut Lines<'_>)| {
                let start = (first + row) as u64 * wide;
                let mcus = start.max(all.start)..(start + wide).min(all.end);
                let mut blocks = self.blocks_from(mcus.start, layout);
                let (_, column) = grid.row_and_column(mcus.start);
                // Nothing is at fault that is decoded.
                let _ = lines.read(mcus, column, &mut blocks, &mut Refuse);
            };
            rows.par_iter_mut()
                .enumerate()
                .with_max_len(1)
                .for_each(read);
            drop(rows);
            next = rows_end.min(all.end);
            let (end, column) = grid.row_and_column(next);
            store.finish_rows(grid, end - first, column);
        }
    }

    /// The blocks from one MCU on, in the order of decoding.
    fn blocks_from(&self, mcu: u64, layout: &McuLayout<'_>) -> DecodedBlocks<'_> {
        #[expect(clippy::cast_possible_truncation, reason = "the blocks are in memory")]
        let first = (mcu - self.first_mcu) as usize * layout.blocks();
        let part = self.part_of(first);
        let mut blocks = DecodedBlocks {
            wave: self,
            next_part: part,
            rest: [].iter(),
            offsets: [0; 4],
        };
        blocks.enter_part(first - self.parts.get(part).map_or(first, |part| part.first));
        blocks
    }

    /// True blocks.
    pub(super) fn blocks(&self) -> usize {
        self.parts.last().map_or(0, Part::end)
    }

    /// Finds what is true of the chunks, of which the first one is.
    pub(super) fn join(&mut self, stretch: &Stretch<'_, '_>, predictions: [i32; 4], chunks: usize) {
        self.add_whole_chunk();
        for index in 1..chunks {
            let Some((behind, components)) = self.meet(stretch, index) else {
                return;
            };
            let first = self.blocks();
            let truth = self.predictions(stretch.layout, first, predictions);
            let chunk = &self.chunks[index];
            let counted = chunk.predictions_before(behind, stretch.layout);
            let mut offsets = [0; 4];
            for slot in 0..stretch.layout.components() {
                let component = components[slot];
                offsets[component] = truth[component] - counted[slot];
            }
            let part = Part {
                first,
                blocks: behind..chunk.blocks.len(),
                components,
                offsets,
            };
            if !part.is_in_range(chunk, stretch.layout) {
                return;
            }
            self.parts.push(part);
        }
    }

    /// Lets the chunk before one go on until it falls into step; the block of the latter that is next then, and how
    /// it takes the components.
    fn meet(&mut self, stretch: &Stretch<'_, '_>, index: usize) -> Option<(usize, [usize; 4])> {
        let (before, behind) = self.chunks.split_at_mut(index);
        let (last, next) = (before.last_mut()?, behind.first()?);
        let part = self.parts.last_mut()?;
        let bound = *next.starts.first()? as usize + stretch.settling_bits;
        let mut candidates = next.starts.iter().map(|&start| start as usize).enumerate();
        let (mut candidate, mut start) = candidates.next()?;
        for _ in 0..MOST_JOINING_BLOCKS {
            let position = last.position(stretch.data);
            while start < position {
                (candidate, start) = candidates.next()?;
            }
            if start == position
                && let Some(components) = stretch.layout.truth(candidate, part.end())
            {
                return Some((candidate, components));
            }
            if position > bound {
                return None;
            }
            let slot = stretch.layout.slot(last.blocks.len());
            let value = last.read_block(stretch, position).ok()?;
            if !part.holds(slot, value) {
                return None;
            }
            part.blocks.end += 1;
        }
        None
    }

    /// The bit with which a block begins, or ends, where it is the last.
    pub(super) fn position(&self, block: usize, data: &EntropyData<'_>) -> usize {
        let index = self.part_of(block).min(self.parts.len() - 1);
        let (part, chunk) = (&self.parts[index], &self.chunks[index]);
        let start = chunk.starts.get(part.blocks.start + block - part.first);
        start.map_or_else(|| chunk.position(data), |&start| start as usize)
    }

    /// The DC predictions before a block; those `at_start` of the wave where a component had no block yet.
    pub(super) fn predictions(
        &self,
        layout: &McuLayout<'_>,
        block: usize,
        at_start: [i32; 4],
    ) -> [i32; 4] {
        let mut predictions = at_start;
        // The last of each component counts.
        for block in block.saturating_sub(layout.blocks())..block {
            let index = self.part_of(block);
            let (part, chunk) = (&self.parts[index], &self.chunks[index]);
            let slot = layout.slot(block);
            let value = chunk.blocks[part.blocks.start + block - part.first][0];
            predictions[slot] = i32::from(value) + part.offsets[slot];
        }
        predictions
    }

    /// Index of the part that has a block; of none behind the last.
    fn part_of(&self, block: usize) -> usize {
        self.parts.partition_point(|part| part.end() <= block)
    }
}

impl Part {
    /// One more than its last block, counted from the first of the wave.
    const fn end(&self) -> usize {
        self.first + self.blocks.end - self.blocks.start
    }

    /// Whether the true DC value is one, where the chunk has another.
    fn holds(&self, slot: usize, value: i32) -> bool {
        i16::try_from(value + self.offsets[self.components[slot]]).is_ok()
    }

    /// Whether all true DC values are; false where it might be otherwise.
    fn is_in_range(&self, chunk: &Chunk, layout: &McuLayout<'_>) -> bool {
        let settled = chunk.settled();
        let settling = self.blocks.start
            ..settled
                .as_ref()
                .map_or(self.blocks.end, |settled| settled.first);
        let values = chunk
            .blocks
            .get(settling.clone())
            .unwrap_or(&[])
            .iter()
            .map(|block| block[0]);
        let mut values = settling.zip(values);
        values.all(|(index, value)| self.holds(layout.slot(index), value.into()))
            && settled.is_none_or(|settled| {
                (0..layout.components()).all(|slot| {
                    self.holds(slot, settled.lowest) && self.holds(slot, settled.highest)
                })
            })
    }
}

/// Blocks of a wave, one after the other, in place of those that are read from bits.
#[derive(Debug)]
pub(super) struct DecodedBlocks<'a> {
    wave: &'a Wave,
    next_part: usize,
    rest: slice::Iter<'a, Block>,
    offsets: [i32; 4],
}

impl DecodedBlocks<'_> {
    /// Goes to the next part, without its first blocks.
    fn enter_part(&mut self, without: usize) {
        let wave = self.wave;
        if let Some(part) = wave.parts.get(self.next_part) {
            let blocks = part.blocks.start + without..part.blocks.end;
            self.rest = wave.chunks[self.next_part].blocks[blocks].iter();
            self.offsets = part.offsets;
            self.next_part += 1;
        }
    }
}

impl BlockReader<Refuse> for DecodedBlocks<'_> {
    fn consumed_bytes(&self) -> usize {
        0
    }

    #[inline(always)]
    fn read(&mut self, slot: usize, block: &mut Block, _: &mut Refuse) -> Result<(), Malformed> {
        while self.rest.as_slice().is_empty() && self.next_part < self.wave.parts.len() {
            self.enter_part(0);
        }
        if let Some(decoded) = self.rest.next() {
            *block = *decoded;
            // In range, as is known since the chunks were joined.
            #[expect(clippy::cast_possible_truncation, reason = "modulo 2^16")]
            {
                block[0] = block[0].wrapping_add(self.offsets[slot] as i16);
            }
        }
        Ok(())
    }
}
