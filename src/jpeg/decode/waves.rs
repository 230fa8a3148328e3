//! The blocks of a restart interval, or of a scan without, decoded on several threads: wave after wave of chunks that
//! start all over the data, joined where they fall into step.
//!
//! Only what the sequential decoder would decode is ever handed on. Where anything is odd a wave ends before it, and
//! the sequential decoder goes on from there: all errors are its own.

use std::mem;
use std::ops::Range;
use std::slice;

use rayon::prelude::*;

use crate::band::Block;
use crate::error::Malformed;
use crate::limits::Budget;
use crate::parallel;

use super::super::bits::{AHEAD, BitPlace, EntropyData, WINDOW};
use super::scan::{Grid, Refuse};
use super::speculation::{Chunk, McuLayout, Stretch};
use super::walk::{BlockReader, BlockStore, Lines};

/// Blocks that a chunk may read past its end to fall into step with the next one.
const MOST_JOINING_BLOCKS: usize = 512;

/// The most waves of one chunk between two tries.
const MOST_PATIENCE: u32 = 64;

/// How large chunks and waves are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Chunks of a wave.
    pub(super) chunks: usize,
    /// Blocks that a chunk should have.
    pub(super) blocks: usize,
    /// Blocks that a chunk may have, where they turn out shorter than those before.
    pub(super) most_blocks: usize,
    /// The fewest bytes of a chunk.
    pub(super) least_bytes: usize,
    pub(super) most_bytes: usize,
    /// Bits that a chunk may take to fall into step.
    pub(super) settling_bits: usize,
    /// Rows of MCUs that a sink may be given at a time.
    pub(super) mcu_rows: usize,
}

impl Pace {
    /// For a scan, of which `input` has so many bytes at most, and the threads of the current pool. `None` where they
    /// do not share the image, or the input is so short beside its blocks that memory for more of them would break a
    /// promise of [`Limits`](crate::Limits).
    pub(super) fn of_pool(grid: &Grid, input: usize) -> Option<Self> {
        /// Many times what it takes to fall into step, and 128 KiB.
        const BLOCKS: usize = 1024;
        /// As some chunks take longer than others, several for each thread; more would only take memory.
        const CHUNKS: usize = 32;
        /// However many threads there are: places in a window are 32-bit numbers of bits.
        const MOST_CHUNKS: usize = 1024;
        const MOST_BYTES: usize = 32 * BLOCKS;
        const _: () = assert!(MOST_CHUNKS * MOST_BYTES + AHEAD < 1 << 29);
        /// What a byte of the input may cost: four blocks.
        const MEMORY_PER_BYTE: u64 = 4 * size_of::<Block>() as u64;
        if !parallel::share(&grid.geometry) {
            return None;
        }
        let threads = rayon::current_num_threads();
        let pace = Self {
            chunks: threads.clamp(CHUNKS.min(4 * threads), MOST_CHUNKS),
            blocks: BLOCKS,
            most_blocks: 2 * BLOCKS,
            least_bytes: 2048,
            most_bytes: MOST_BYTES,
            settling_bits: 1 << 14,
            mcu_rows: parallel::rows_at_a_time(),
        };
        let memory = grid.frame_blocks * size_of::<Block>() as u64 + pace.memory();
        let allowed = (input as u64).saturating_mul(MEMORY_PER_BYTE);
        (memory + pace.window() as u64 <= allowed).then_some(pace)
    }

    /// Clean bytes that a wave needs before it.
    pub(super) const fn window(&self) -> usize {
        self.chunks * self.most_bytes + AHEAD
    }

    /// Bytes of memory that two waves take.
    const fn memory(&self) -> u64 {
        let block = size_of::<Block>() + size_of::<u32>();
        let blocks = (self.most_blocks + MOST_JOINING_BLOCKS) * block;
        let clean = EntropyData::memory(usize::MAX, WINDOW);
        (2 * self.chunks * (blocks + clean + size_of::<Chunk>() + size_of::<Part>())) as u64
    }
}

/// Where a decoder stands that came from the start of the interval.
#[derive(Debug)]
pub(super) struct Truth {
    pub(super) place: BitPlace,
    /// The next MCU.
    pub(super) mcu: u64,
    pub(super) predictions: [i32; 4],
}

/// Consecutive MCUs, decoded.
#[derive(Debug, Default)]
pub(super) struct Wave {
    first_mcu: u64,
    mcus: u64,
    chunks: Vec<Chunk>,
    /// What is true of the first chunks.
    parts: Vec<Part>,
    /// Chunks that were decoded.
    #[cfg(test)]
    tried: usize,
}

/// The blocks of a chunk that are true.
#[derive(Debug)]
struct Part {
    /// Their first one, counted from the first of the wave.
    first: usize,
    /// Indices in the chunk.
    blocks: Range<usize>,
    /// The components in the scan, by those that the chunk takes them for.
    components: [usize; 4],
    /// What is to be added to DC values, by component in the scan.
    offsets: [i32; 4],
}

/// Decodes intervals in waves.
#[derive(Debug)]
pub(super) struct Waves {
    pace: Pace,
    /// Bits and blocks of the last wave.
    density: Option<(usize, usize)>,
    /// Waves of one chunk after the next one that falls short.
    patience: u32,
    /// Waves of one chunk before the next one of several.
    resting: u32,
    memory: WaveMemory,
}

/// The one wave that is taken, and the one that is decoded meanwhile.
#[derive(Debug, Default)]
pub(super) struct WaveMemory([Wave; 2]);

impl Waves {
    /// `None` where there is not memory enough.
    pub(super) fn new(pace: Pace, mut memory: WaveMemory, budget: &mut Budget) -> Option<Self> {
        // Who reads the interval charges the window.
        let window = pace.window() as u64;
        budget.charge_memory_if_left(pace.memory() + window)?;
        budget.release_memory(window);
        let mut waves = memory.0.iter_mut();
        if waves.try_for_each(|wave| wave.reserve(&pace)).is_none() {
            budget.release_memory(pace.memory());
            return None;
        }
        Some(Self {
            pace,
            density: None,
            patience: 1,
            resting: 0,
            memory,
        })
    }

    /// The memory, which is charged no longer.
    pub(super) fn into_memory(self, budget: &mut Budget) -> WaveMemory {
        budget.release_memory(self.pace.memory());
        self.memory
    }

    /// Decodes MCUs up to the `end` of an interval or the first that is odd. `take` is handed one wave after the
    /// other, while the next one is decoded.
    pub(super) fn decode(
        &mut self,
        layout: &McuLayout<'_>,
        data: &mut EntropyData<'_>,
        truth: &mut Truth,
        end: u64,
        take: impl FnMut(&Wave) + Send,
    ) {
        if !self.is_worth_waves((end - truth.mcu) * layout.blocks() as u64) {
            return;
        }
        let mut memory = mem::take(&mut self.memory);
        take_waves(
            &mut memory,
            |wave| self.next(layout, data, truth, end, wave),
            take,
        );
        self.memory = memory;
    }

    /// Whether so many blocks are enough for several chunks.
    pub(super) const fn is_worth_waves(&self, blocks: u64) -> bool {
        blocks >= 2 * self.pace.blocks as u64
    }

    pub(super) const fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(super) const fn memory(&mut self) -> &mut WaveMemory {
        &mut self.memory
    }

    /// Decodes the next MCUs; none where the next one is odd, or is the `end`.
    fn next(
        &mut self,
        layout: &McuLayout<'_>,
        data: &mut EntropyData<'_>,
        truth: &mut Truth,
        end: u64,
        wave: &mut Wave,
    ) {
        wave.begin(truth.mcu);
        let blocks_left =
            usize::try_from((end - truth.mcu) * layout.blocks() as u64).unwrap_or(usize::MAX);
        if blocks_left == 0 {
            return;
        }
        let mut chunks = self.pace.chunks.min(blocks_left.div_ceil(self.pace.blocks));
        if self.resting > 0 {
            self.resting -= 1;
            chunks = 1;
        }
        let bytes = self.chunk_bytes(blocks_left, data);
        let wanted = chunks * bytes + AHEAD;
        if data.held_bytes() < truth.place.held_bits_read(data) / 8 + wanted {
            data.begin_at(&mut truth.place);
        }
        let first_bit = truth.place.held_bits_read(data);
        let first = first_bit / 8;
        let room = data.held_bytes() - first;
        let chunks = chunks.min(room / self.pace.least_bytes).max(1);
        let bytes = bytes.min(room / chunks).max(1);

        let held: &EntropyData<'_> = data;
        let stretch = |index: usize| Stretch {
            layout,
            data: held,
            settling_bits: self.pace.settling_bits,
            end: (first + (index + 1) * bytes) * 8,
            most_blocks: self.pace.most_blocks.min(blocks_left),
        };
        let (place, predictions) = (truth.place.clone(), truth.predictions);
        wave.chunks[..chunks]
            .par_iter_mut()
            .enumerate()
            .with_max_len(1)
            .for_each(|(index, chunk)| {
                if index == 0 {
                    chunk.begin(place.clone(), predictions);
                    chunk.read(&stretch(index));
                } else {
                    chunk.speculate(&stretch(index), (first + index * bytes) * 8);
                }
            });
        #[cfg(test)]
        {
            wave.tried = chunks;
        }
        wave.join(&stretch(chunks), truth.predictions, chunks);

        let is_short = wave.parts.len() < chunks;
        let mcus = (wave.blocks() / layout.blocks()) as u64;
        wave.finish(mcus.min(end - truth.mcu));
        // What is in memory can be counted.
        #[expect(clippy::cast_possible_truncation, reason = "shown above")]
        let blocks = wave.mcus as usize * layout.blocks();
        let bit = wave.position(blocks, held);
        truth.predictions = wave.predictions(layout, blocks, truth.predictions);
        truth.mcu += wave.mcus;
        truth.place = held.place_at(bit);
        if wave.mcus > 0 {
            self.density = Some((bit - first_bit, blocks));
        }
        if is_short && truth.mcu < end {
            self.resting = self.patience;
            self.patience = (self.patience * 2).min(MOST_PATIENCE);
        } else if chunks > 1 {
            self.patience = (self.patience / 2).max(1);
        }
    }

    /// Bytes of a chunk, from what blocks took last, or take in the mean of all that are left.
    fn chunk_bytes(&self, blocks_left: usize, data: &EntropyData<'_>) -> usize {
        let all = || {
            let bytes = data.held_bytes() + data.ahead_of_window();
            (bytes.saturating_mul(8), blocks_left)
        };
        let (bits, blocks) = self.density.unwrap_or_else(all);
        let bytes = bits as u64 * self.pace.blocks as u64 / (8 * blocks as u64);
        usize::try_from(bytes)
            .unwrap_or(usize::MAX)
            .clamp(self.pace.least_bytes, self.pace.most_bytes)
    }
}

/// Lets one wave after the other be taken, while the `next` one is decoded, until it has no MCUs.
pub(super) fn take_waves(
    memory: &mut WaveMemory,
    mut next: impl FnMut(&mut Wave) + Send,
    mut take: impl FnMut(&Wave) + Send,
) {
    let WaveMemory([ready, coming]) = memory;
    // Inside of the pool from here on.
    rayon::scope(|_| {
        next(ready);
        while ready.mcus > 0 {
            rayon::join(|| next(coming), || take(ready));
            mem::swap(ready, coming);
        }
    });
}

impl Wave {
    /// Makes room, if there is any.
    fn reserve(&mut self, pace: &Pace) -> Option<()> {
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
    fn blocks(&self) -> usize {
        self.parts.last().map_or(0, Part::end)
    }

    /// Finds what is true of the chunks, of which the first one is.
    fn join(&mut self, stretch: &Stretch<'_, '_>, predictions: [i32; 4], chunks: usize) {
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
    fn position(&self, block: usize, data: &EntropyData<'_>) -> usize {
        let index = self.part_of(block).min(self.parts.len() - 1);
        let (part, chunk) = (&self.parts[index], &self.chunks[index]);
        let start = chunk.starts.get(part.blocks.start + block - part.first);
        start.map_or_else(|| chunk.position(data), |&start| start as usize)
    }

    /// The DC predictions before a block; those `at_start` of the wave where a component had no block yet.
    fn predictions(&self, layout: &McuLayout<'_>, block: usize, at_start: [i32; 4]) -> [i32; 4] {
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

#[cfg(test)]
mod tests;
