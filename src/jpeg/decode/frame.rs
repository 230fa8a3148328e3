//! A frame on its way: which components are decoded, and how far (T.81 B.2.2, G.1.1.1).

use std::mem;
use std::ops::Range;

use smallvec::{SmallVec, smallvec};

use crate::band::Block;
use crate::coefficients::{CodingProcess, Component, Scan};
use crate::error::{Malformed, Result};
use crate::limits::{Budget, try_reserve, try_vec};
use crate::quantization::QuantizationTable;

use super::super::header::{FrameHeader, ScanHeader};
use super::super::marker::malformed;

/// Bytes that a block costs in memory.
pub(super) const BLOCK_BYTES: u64 = 128;

/// A frame and how far its components are decoded.
pub(super) struct Frame {
    pub(super) header: FrameHeader,
    pub(super) components: SmallVec<[Component; 4]>,
    /// By component and block; empty before the component's first Huffman-coded AC scan.
    pub(super) nonzero: SmallVec<[Vec<Nonzero>; 4]>,
    progress: SmallVec<[Progress; 4]>,
    /// Memory for the blocks of each component, until they need it.
    pub(super) spare_blocks: Vec<Vec<Block>>,
    /// The scans so far.
    pub(super) scans: SmallVec<[Scan; 4]>,
    /// Whether a sink takes the blocks, and the components have none.
    pub(super) is_handed_over: bool,
}

/// How far one component is decoded.
#[derive(Debug, Clone)]
struct Progress {
    /// Whether a scan has coded the component; its table is latched then, as libjpeg does.
    coded: bool,
    /// Bit position of the last scan of each zig-zag index; `None` before the first.
    precision: [Option<u8>; 64],
}

/// The zig-zag indices of a block's nonzero AC coefficients, a bit each: what refinement scans must
/// look at, in a sixteenth of the memory that they would else go through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Nonzero(u64);

impl Nonzero {
    /// Records a coefficient; the last one for indices past it, as in libjpeg.
    #[inline(always)]
    pub(super) fn set(&mut self, position: u32, is_nonzero: bool) {
        let place = position.min(63);
        self.0 = self.0 & !(1 << place) | u64::from(is_nonzero) << place;
    }

    /// The indices inside `range`, ascending; none where the range is empty.
    #[inline(always)]
    pub(super) fn within(self, range: Range<u32>) -> impl Iterator<Item = u32> {
        let below = |end: u32| 1_u64.checked_shl(end).map_or(u64::MAX, |bit| bit - 1);
        let mut left = self.0 & below(range.end) & !below(range.start);
        std::iter::from_fn(move || {
            let next = left.trailing_zeros();
            // Drops the lowest bit.
            left &= left.wrapping_sub(1);
            (next < 64).then_some(next)
        })
    }
}

impl Frame {
    pub(super) fn new(header: FrameHeader, spare_blocks: Vec<Vec<Block>>) -> Self {
        // The table is a stand-in until the component's first scan latches the real one.
        let stand_in = QuantizationTable::annex_k_luminance();
        let components: SmallVec<[Component; 4]> = header
            .components
            .iter()
            .map(|component| {
                Component::unfilled(component.id, component.sampling, stand_in, &header.geometry)
            })
            .collect();
        let not_coded = Progress {
            coded: false,
            precision: [None; 64],
        };
        Self {
            header,
            nonzero: smallvec![Vec::new(); components.len()],
            progress: smallvec![not_coded; components.len()],
            components,
            spare_blocks,
            scans: SmallVec::new(),
            is_handed_over: false,
        }
    }

    /// Blocks of all components.
    pub(super) fn block_count(&self) -> u64 {
        self.components
            .iter()
            .map(|component| component.block_count() as u64)
            .sum()
    }

    /// Blocks of the components of a scan.
    pub(super) fn scanned_blocks(&self, header: &ScanHeader) -> u64 {
        header
            .components
            .iter()
            .map(|scanned| self.components[scanned.index].block_count() as u64)
            .sum()
    }

    /// Index of the first component that no scan has coded.
    pub(super) fn first_not_coded(&self) -> Option<usize> {
        self.progress.iter().position(|progress| !progress.coded)
    }

    /// Indices of the components that scans have coded, but not all bits of.
    pub(super) fn incomplete(&self) -> Vec<usize> {
        let is_incomplete = |progress: &Progress| {
            progress.coded && progress.precision.iter().any(|&bits| bits != Some(0))
        };
        (0..)
            .zip(&self.progress)
            .filter(|(_, progress)| is_incomplete(progress))
            .map(|(index, _)| index)
            .collect()
    }

    /// Whether a scan has coded the component.
    pub(super) fn is_coded(&self, component: usize) -> bool {
        self.progress[component].coded
    }

    /// Records the precision that a scan brings; an error if it is not in turn (T.81 B.2.3, G.1.1.1).
    ///
    /// The record is complete in either case.
    pub(super) fn advance_progress(&mut self, header: &ScanHeader, position: usize) -> Result<()> {
        let progressive = self.header.process == CodingProcess::Progressive;
        let mut breach = None;
        for scanned in &header.components {
            let id = self.header.components[scanned.index].id;
            let progress = &mut self.progress[scanned.index];
            if !progressive && progress.coded {
                breach.get_or_insert(Malformed::ComponentCodedTwice { id });
            }
            if header.start > 0 && progress.precision[0].is_none() {
                let index = header.start;
                breach.get_or_insert(Malformed::ProgressionOrder { id, index });
            }
            for index in header.start..=header.end {
                let precision = &mut progress.precision[usize::from(index)];
                let in_turn = match *precision {
                    None => header.high == 0,
                    Some(before) => header.high == before && header.high > 0,
                };
                if !in_turn {
                    breach.get_or_insert(Malformed::ProgressionOrder { id, index });
                }
                *precision = Some(header.low);
            }
        }
        breach.map_or(Ok(()), |kind| Err(malformed(position, kind)))
    }

    /// The components of a scan that no scan has coded yet, with the destinations of their tables.
    pub(super) fn first_coded_by(&self, header: &ScanHeader) -> SmallVec<[(usize, u8); 4]> {
        header
            .components
            .iter()
            .map(|scanned| scanned.index)
            .filter(|&index| !self.progress[index].coded)
            .map(|index| (index, self.header.components[index].table_destination))
            .collect()
    }

    /// Gives a component the quantization table in force at its first scan.
    pub(super) fn latch_table(&mut self, component: usize, table: QuantizationTable) {
        self.components[component].set_table(table);
        self.progress[component].coded = true;
    }

    /// Drops memory that is of no use to the blocks of this frame: it is not held beside what takes its place.
    pub(super) fn drop_small_spares(&mut self) {
        self.spare_blocks.truncate(self.components.len());
        for (spare, component) in self.spare_blocks.iter_mut().zip(&self.components) {
            if spare.capacity() < component.block_count() {
                *spare = Vec::new();
            }
        }
    }

    /// Room for all blocks of a component, charged before it is taken.
    pub(super) fn reserve(&mut self, index: usize, budget: &mut Budget) -> Result<()> {
        let component = &mut self.components[index];
        let count = component.block_count();
        let storage = component.storage();
        if storage.capacity() < count {
            budget.charge_memory(count as u64 * BLOCK_BYTES)?;
            let spare = self.spare_blocks.get_mut(index).map(mem::take);
            *storage = spare.unwrap_or_default();
            storage.clear();
            try_reserve(storage, count)?;
        }
        Ok(())
    }

    /// Room for what [`Nonzero`] holds of a component whose AC coefficients are all zero yet.
    pub(super) fn track_nonzero(&mut self, component: usize, budget: &mut Budget) -> Result<()> {
        let count = self.components[component].block_count();
        if self.nonzero[component].len() < count {
            budget.charge_memory(count as u64 * size_of::<Nonzero>() as u64)?;
            self.nonzero[component] = try_vec(Nonzero::default(), count)?;
        }
        Ok(())
    }

    /// Zeros for the blocks of a component that are not there yet; there must be room for them.
    pub(super) fn fill_up(&mut self, component: usize) {
        let component = &mut self.components[component];
        let count = component.block_count();
        component.storage().resize(count, [0; 64]);
    }
}
