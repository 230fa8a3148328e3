//! Blocks from the middle of entropy-coded data: a Huffman decoder that starts at some bit falls into step with the
//! one that started at the first, mostly within a few hundred blocks.
//!
//! Three things are not known in the middle. Where a code starts: found by decoding on. Which block of an MCU comes
//! next: found as well, where the tables tell the blocks apart, and of no account where they do not, except for the
//! names of the components. The DC predictions: these are sums of differences, so that all DC values behind are off
//! by the same amount.

use crate::band::Block;

use super::super::bits::{AHEAD, BitPlace, EntropyData};
use super::scan::{Grid, Refuse};
use super::sequential::{Tables, read_block};

/// The blocks of an MCU, in their order.
#[derive(Debug)]
pub(super) struct McuLayout<'a> {
    /// By component in the scan.
    tables: &'a [Tables],
    /// Of each block the component in the scan.
    slots: Vec<usize>,
    /// By how far a count of the blocks may be ahead of the true one and none the wiser: the components in the scan
    /// that those are in truth which it takes for one.
    shifts: Vec<Option<[usize; 4]>>,
}

impl<'a> McuLayout<'a> {
    pub(super) fn new(grid: &Grid, tables: &'a [Tables]) -> Self {
        let slots: Vec<usize> = grid
            .components
            .iter()
            .enumerate()
            .flat_map(|(slot, part)| {
                std::iter::repeat_n(slot, (part.in_mcu.0 * part.in_mcu.1) as usize)
            })
            .collect();
        let shifts = (0..slots.len())
            .map(|shift| truth_of_shift(&slots, tables, shift))
            .collect();
        Self {
            tables,
            slots,
            shifts,
        }
    }

    /// Blocks of an MCU.
    pub(super) fn blocks(&self) -> usize {
        self.slots.len()
    }

    /// Components of the scan.
    pub(super) fn components(&self) -> usize {
        self.tables.len()
    }

    /// Component in the scan of a block that is counted from the first of any MCU.
    pub(super) fn slot(&self, block: usize) -> usize {
        self.slots[block % self.slots.len()]
    }

    /// The true components, by those of a count of blocks that says `counted` where `actual` is true; `None` where
    /// the tables tell the two apart.
    pub(super) fn truth(&self, counted: usize, actual: usize) -> Option<[usize; 4]> {
        let blocks = self.slots.len();
        self.shifts[(actual % blocks + blocks - counted % blocks) % blocks]
    }
}

fn truth_of_shift(slots: &[usize], tables: &[Tables], shift: usize) -> Option<[usize; 4]> {
    let mut truth = [None; 4];
    for (&counted, &actual) in slots.iter().zip(slots.iter().cycle().skip(shift)) {
        if tables[counted] != tables[actual] || *truth[counted].get_or_insert(actual) != actual {
            return None;
        }
    }
    let truth = truth.map(Option::unwrap_or_default);
    let is_bijection = (0..tables.len()).all(|slot| truth[..tables.len()].contains(&slot));
    is_bijection.then_some(truth)
}

/// What is read of the data that are held, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch<'a, 'i> {
    pub(super) layout: &'a McuLayout<'a>,
    pub(super) data: &'a EntropyData<'i>,
    /// Bits behind a start at a guess within which faults are ascribed to the guess.
    pub(super) settling_bits: usize,
    /// No block starts at this bit or behind.
    pub(super) end: usize,
    /// The most blocks to be held.
    pub(super) most_blocks: usize,
}

/// The next block cannot be read: it breaches T.81, or the data end before it does.
#[derive(Debug)]
pub(super) struct NoBlock {
    /// The first bit behind what was read of it.
    behind: usize,
}

/// Consecutive blocks in the order of decoding, first of them that with which an MCU begins, by its own count.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) blocks: Vec<Block>,
    /// Of each block the first bit, among those that are held.
    pub(super) starts: Vec<u32>,
    place: BitPlace,
    /// Place in an MCU of the block that comes next, by the chunk's count.
    phase: usize,
    predictions: [i32; 4],
    settled: Option<Settled>,
    /// De-stuffed data of short intervals.
    pub(super) clean: Vec<u8>,
    /// The bit at which it was to start.
    #[cfg(test)]
    pub(super) guess: u32,
}

/// The blocks of a chunk behind those that settle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled {
    /// Index of the first.
    pub(super) first: usize,
    /// Lowest DC value, as the chunk has them.
    pub(super) lowest: i32,
    pub(super) highest: i32,
}

impl Chunk {
    /// Room for so many blocks, if there is any.
    pub(super) fn reserve(&mut self, blocks: usize) -> Option<()> {
        self.clear();
        self.blocks.try_reserve_exact(blocks).ok()?;
        self.starts.try_reserve_exact(blocks).ok()
    }

    pub(super) fn clear(&mut self) {
        self.blocks.clear();
        self.starts.clear();
    }

    /// Starts where an MCU does.
    pub(super) fn begin(&mut self, place: BitPlace, predictions: [i32; 4]) {
        self.clear();
        self.place = place;
        self.phase = 0;
        self.predictions = predictions;
        self.settled = None;
    }

    /// Reads blocks from where the chunk stands as far as the stretch goes, or the first fault.
    pub(super) fn read(&mut self, stretch: &Stretch<'_, '_>) {
        // A fault is met again by who reads on from here.
        let _ = self.read_to_fault(stretch, 0);
    }

    /// Starts at a bit that may be the first of a block or not. After a fault it starts anew behind it: a true
    /// decoder does not come this way, unless its data are at fault.
    pub(super) fn speculate(&mut self, stretch: &Stretch<'_, '_>, first: usize) {
        #[cfg(test)]
        {
            self.guess = u32::try_from(first).unwrap();
        }
        let settling_end = first + stretch.settling_bits;
        let mut start = first;
        loop {
            self.begin(stretch.data.place_at(start), [0; 4]);
            let Err(NoBlock { behind }) = self.read_to_fault(stretch, settling_end) else {
                return;
            };
            if behind >= settling_end.min(stretch.end) {
                return;
            }
            // What is no code is not read.
            start = behind.max(start + 1);
        }
    }

    pub(super) const fn settled(&self) -> Option<Settled> {
        self.settled
    }

    /// The bit behind the last block.
    pub(super) fn position(&self, data: &EntropyData<'_>) -> usize {
        self.place.held_bits_read(data)
    }

    /// The DC predictions before a block, as the chunk has them.
    pub(super) fn predictions_before(&self, block: usize, layout: &McuLayout<'_>) -> [i32; 4] {
        let mut predictions = [0; 4];
        // The last of each component counts.
        for index in block.saturating_sub(layout.blocks())..block {
            predictions[layout.slot(index)] = self.blocks[index][0].into();
        }
        predictions
    }

    /// Adds the blocks of an interval; the bytes that they take, or `None` where one breaches T.81.
    pub(super) fn read_interval(
        &mut self,
        layout: &McuLayout<'_>,
        data: &mut EntropyData<'_>,
        blocks: usize,
    ) -> Option<usize> {
        let mut place = data.first();
        let mut predictions = [0; 4];
        for index in 0..blocks {
            let slot = layout.slot(index);
            self.blocks.push([0; 64]);
            let clean = data.ahead(&mut place);
            read_block(
                clean,
                &mut place,
                &layout.tables[slot],
                &mut predictions[slot],
                self.blocks.last_mut()?,
                &mut Refuse,
            )
            .ok()?;
        }
        Some(place.consumed_bytes(data))
    }

    fn read_to_fault(
        &mut self,
        stretch: &Stretch<'_, '_>,
        settling_end: usize,
    ) -> Result<(), NoBlock> {
        loop {
            let start = self.place.held_bits_read(stretch.data);
            if start >= stretch.end || self.blocks.len() >= stretch.most_blocks {
                return Ok(());
            }
            let value = self.read_block(stretch, start)?;
            if start >= settling_end {
                let settled = self.settled.get_or_insert(Settled {
                    first: self.blocks.len() - 1,
                    lowest: value,
                    highest: value,
                });
                settled.lowest = value.min(settled.lowest);
                settled.highest = value.max(settled.highest);
            }
        }
    }

    /// Reads the block that starts at a bit, which is where the chunk stands; its DC value.
    #[inline(always)]
    pub(super) fn read_block(
        &mut self,
        stretch: &Stretch<'_, '_>,
        start: usize,
    ) -> Result<i32, NoBlock> {
        let data = stretch.data;
        if !data.is_complete() && start / 8 + AHEAD > data.held_bytes() {
            return Err(NoBlock { behind: usize::MAX });
        }
        let slot = stretch.layout.slots[self.phase];
        self.blocks.push([0; 64]);
        let index = self.blocks.len() - 1;
        let prediction = self.predictions[slot];
        let result = read_block(
            data.held(),
            &mut self.place,
            &stretch.layout.tables[slot],
            &mut self.predictions[slot],
            &mut self.blocks[index],
            &mut Refuse,
        );
        let behind = self.place.held_bits_read(data);
        if result.is_err() || behind > data.held_bytes() * 8 {
            self.blocks.pop();
            self.place = data.place_at(start);
            self.predictions[slot] = prediction;
            return Err(NoBlock { behind });
        }
        // A window has less than 2^29 bytes.
        #[expect(clippy::cast_possible_truncation, reason = "shown above")]
        self.starts.push(start as u32);
        self.phase += 1;
        if self.phase == stretch.layout.blocks() {
            self.phase = 0;
        }
        Ok(self.predictions[slot])
    }
}
