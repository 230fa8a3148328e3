//! The blocks of a restart interval, or of a scan without, decoded on several threads: wave after wave of chunks that
//! start all over the data, joined where they fall into step.
//!
//! Only what the sequential decoder would decode is ever handed on. Where anything is odd a wave ends before it, and
//! the sequential decoder goes on from there: all errors are its own.

use std::mem;

use rayon::prelude::*;

use crate::band::Block;
use crate::limits::Budget;
use crate::parallel;

use super::super::bits::{AHEAD, BitPlace, EntropyData};
use super::scan::Grid;
use super::speculation::{McuLayout, Stretch};
use super::wave::Wave;

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
            chunks: threads.clamp(CHUNKS.min(8 * threads), MOST_CHUNKS),
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
        2 * Wave::memory(self) as u64
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

#[cfg(test)]
mod tests;
