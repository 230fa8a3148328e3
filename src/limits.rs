//! What a file may cost, and the budget that is charged before the cost arises.

use crate::error::{Error, LimitKind, Result};

/// Upper bounds on what one file may cost. All are on by default.
///
/// # Memory and the length of the input
///
/// Strict reading of a Huffman-coded file of `n` bytes holds at most
///
/// - `513 n` bytes for a sequential frame,
/// - `1089 n` bytes for a progressive frame,
///
/// beside the tables, less than 256 KiB, and about a hundred bytes for each marker segment; even under
/// [`Limits::none`]. Every Huffman code has a bit or more. So a block of a sequential scan, which has a DC
/// and an AC code, takes 2 bits, and a block of the first DC scan of a progressive component, before which
/// no other may stand, takes 1: a byte gives 4 or 8 blocks. A scan of more blocks than the bytes left can
/// hold is refused before they are allocated. A block has 128 bytes of coefficients, and 8 in progressive
/// frames that tell which are nonzero: 4 · 128 is 512, and 8 · 136 is 1088. One `n` more is for metadata,
/// de-stuffed scan data and trailing data, which are different bytes of the input. Streams that
/// [`CoefficientImage::read`](crate::CoefficientImage::read) collects come on top.
///
/// Pixels and statistics of a sequential file in one scan take a row of MCUs in place of all blocks. Threads that share a
/// picture (feature `rayon`) take some MiB more, where the limit and the multiple above leave room for them.
///
/// Two kinds of reading have no such multiple, and the limits alone bound their memory: a few bytes of
/// an arithmetic-coded scan may stand for any number of blocks, and
/// [`CoefficientImage::recover`](crate::CoefficientImage::recover) fills up what is missing.
///
/// Time has no such multiple either: runs of empty bands and arithmetic coding visit blocks at next to no
/// bytes. [`max_block_visits_per_block`](Self::max_block_visits_per_block) and
/// [`max_memory`](Self::max_memory) bound it together.
///
/// ```
/// use feature_distillation::Limits;
/// let limits = Limits::default().with_max_pixels(4_000_000).with_max_memory(64 << 20);
/// assert_eq!(limits.max_scans(), 100);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pixels: u64,
    memory: u64,
    scans: u64,
    block_visits_per_block: u64,
    segments: u64,
    metadata: u64,
    input_bytes: u64,
}

impl Limits {
    /// The defaults that the getters state.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pixels: 1 << 27,
            memory: 512 << 20,
            scans: 100,
            block_visits_per_block: 64,
            segments: 4096,
            metadata: 16 << 20,
            input_bytes: 512 << 20,
        }
    }

    /// No limit at all: for files from a source that is trusted completely.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            pixels: u64::MAX,
            memory: u64::MAX,
            scans: u64::MAX,
            block_visits_per_block: u64::MAX,
            segments: u64::MAX,
            metadata: u64::MAX,
            input_bytes: u64::MAX,
        }
    }

    /// Width times height of the picture; 2^27 by default.
    #[must_use]
    pub const fn max_pixels(&self) -> u64 {
        self.pixels
    }

    /// Bytes for coefficients, metadata, de-stuffed scan data and, in progressive files, 8 for each block
    /// of what is known about it while a file is read, and for coefficients, held rows of samples and pixels while an image is turned to pixels; 512 MiB by default.
    #[must_use]
    pub const fn max_memory(&self) -> u64 {
        self.memory
    }

    /// Scans in one file; 100 by default.
    #[must_use]
    pub const fn max_scans(&self) -> u64 {
        self.scans
    }

    /// How often the average block may be visited over all scans; 64 by default.
    ///
    /// A legal progressive file can ask for millions of block visits with a few bytes; a limit
    /// on scans alone does not bound that work.
    #[must_use]
    pub const fn max_block_visits_per_block(&self) -> u64 {
        self.block_visits_per_block
    }

    /// Marker segments in one file; 4096 by default.
    #[must_use]
    pub const fn max_segments(&self) -> u64 {
        self.segments
    }

    /// Bytes of `APPn` and COM segments kept; 16 MiB by default.
    #[must_use]
    pub const fn max_metadata(&self) -> u64 {
        self.metadata
    }

    /// Bytes taken from a stream; 512 MiB by default. Slices are not subject to it.
    #[must_use]
    pub const fn max_input_bytes(&self) -> u64 {
        self.input_bytes
    }

    /// Replaces [`max_pixels`](Self::max_pixels).
    #[must_use]
    pub const fn with_max_pixels(mut self, pixels: u64) -> Self {
        self.pixels = pixels;
        self
    }

    /// Replaces [`max_memory`](Self::max_memory).
    #[must_use]
    pub const fn with_max_memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Replaces [`max_scans`](Self::max_scans).
    #[must_use]
    pub const fn with_max_scans(mut self, scans: u64) -> Self {
        self.scans = scans;
        self
    }

    /// Replaces [`max_block_visits_per_block`](Self::max_block_visits_per_block).
    #[must_use]
    pub const fn with_max_block_visits_per_block(mut self, visits: u64) -> Self {
        self.block_visits_per_block = visits;
        self
    }

    /// Replaces [`max_segments`](Self::max_segments).
    #[must_use]
    pub const fn with_max_segments(mut self, segments: u64) -> Self {
        self.segments = segments;
        self
    }

    /// Replaces [`max_metadata`](Self::max_metadata).
    #[must_use]
    pub const fn with_max_metadata(mut self, bytes: u64) -> Self {
        self.metadata = bytes;
        self
    }

    /// Replaces [`max_input_bytes`](Self::max_input_bytes).
    #[must_use]
    pub const fn with_max_input_bytes(mut self, bytes: u64) -> Self {
        self.input_bytes = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// The running account of one decode against its [`Limits`].
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    memory: u64,
    scans: u64,
    block_visits: u64,
    block_visits_allowed: u64,
    segments: u64,
    metadata: u64,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            memory: 0,
            scans: 0,
            block_visits: 0,
            block_visits_allowed: 0,
            segments: 0,
            metadata: 0,
        }
    }

    /// Checks the picture's size and sets how many block visits it may cost.
    pub(crate) fn charge_frame(&mut self, width: u32, height: u32, blocks: u64) -> Result<()> {
        let pixels = u64::from(width) * u64::from(height);
        check(LimitKind::Pixels, pixels, self.limits.pixels)?;
        self.block_visits_allowed = blocks.saturating_mul(self.limits.block_visits_per_block);
        Ok(())
    }

    pub(crate) fn charge_segment(&mut self) -> Result<()> {
        self.segments += 1;
        check(LimitKind::Segments, self.segments, self.limits.segments)
    }

    pub(crate) fn charge_metadata(&mut self, bytes: u64) -> Result<()> {
        self.metadata = self.metadata.saturating_add(bytes);
        check(LimitKind::Metadata, self.metadata, self.limits.metadata)?;
        self.charge_memory(bytes)
    }

    pub(crate) fn charge_scan(&mut self, blocks: u64) -> Result<()> {
        self.scans += 1;
        check(LimitKind::Scans, self.scans, self.limits.scans)?;
        self.block_visits = self.block_visits.saturating_add(blocks);
        check(
            LimitKind::BlockVisits,
            self.block_visits,
            self.block_visits_allowed,
        )
    }

    pub(crate) fn charge_memory(&mut self, bytes: u64) -> Result<()> {
        self.memory = self.memory.saturating_add(bytes);
        check(LimitKind::Memory, self.memory, self.limits.memory)
    }

    /// Charges memory that something could do without; `None` where the limit does not allow it.
    #[cfg(feature = "rayon")]
    pub(crate) fn charge_memory_if_left(&mut self, bytes: u64) -> Option<()> {
        let memory = self.memory.checked_add(bytes)?;
        self.memory = (memory <= self.limits.memory).then_some(memory)?;
        Some(())
    }

    /// Memory that may still be charged.
    pub(crate) const fn memory_left(&self) -> u64 {
        self.limits.memory.saturating_sub(self.memory)
    }

    pub(crate) fn release_memory(&mut self, bytes: u64) {
        self.memory = self.memory.saturating_sub(bytes);
    }
}

pub(crate) fn check(limit: LimitKind, required: u64, allowed: u64) -> Result<()> {
    if required > allowed {
        return Err(Error::LimitExceeded {
            limit,
            required,
            allowed,
        });
    }
    Ok(())
}

/// `count` copies of `value`, or [`Error::OutOfMemory`] where the allocator refuses.
pub(crate) fn try_vec<T: Clone>(value: T, count: usize) -> Result<Vec<T>> {
    let mut items = Vec::new();
    try_reserve(&mut items, count)?;
    items.resize(count, value);
    Ok(items)
}

/// Makes a vector as long as wanted, whatever it holds: its memory is kept.
pub(crate) fn try_fit<T: Clone + Default>(items: &mut Vec<T>, count: usize) -> Result<()> {
    if items.capacity() < count {
        items.clear();
        try_reserve(items, count)?;
    }
    items.resize(count, T::default());
    Ok(())
}

/// A number of bytes as one that memory can have.
pub(crate) fn try_bytes(bytes: u64) -> Result<usize> {
    usize::try_from(bytes).map_err(|_| Error::OutOfMemory { bytes })
}

/// Zeros.
pub(crate) fn try_zeroed(count: usize) -> Result<Vec<u8>> {
    /// From here on the system gives pages that are zero, and they need not be touched.
    const LARGE: usize = 1 << 20;
    if count < LARGE {
        return try_vec(0, count);
    }
    // The library asks for zeroed pages only where failure is no choice: whether there is room is asked before.
    let mut room = Vec::<u8>::new();
    try_reserve(&mut room, count)?;
    drop(room);
    Ok(vec![0; count])
}

pub(crate) fn try_reserve<T>(items: &mut Vec<T>, additional: usize) -> Result<()> {
    items
        .try_reserve_exact(additional)
        .map_err(|_| Error::OutOfMemory {
            bytes: additional as u64 * size_of::<T>() as u64,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_adds_up_and_refuses_the_first_unit_past_the_limit() {
        let mut budget = Budget::new(Limits::default().with_max_memory(10));
        assert!(budget.charge_memory(10).is_ok());
        budget.release_memory(4);
        assert!(budget.charge_memory(4).is_ok());
        assert!(matches!(
            budget.charge_memory(1),
            Err(Error::LimitExceeded {
                limit: LimitKind::Memory,
                required: 11,
                allowed: 10
            })
        ));
    }

    #[test]
    fn block_visits_are_bounded_per_block_of_the_image() {
        let mut budget = Budget::new(Limits::default().with_max_block_visits_per_block(2));
        budget.charge_frame(16, 16, 4).unwrap();
        assert!(budget.charge_scan(8).is_ok());
        assert!(matches!(
            budget.charge_scan(1),
            Err(Error::LimitExceeded {
                limit: LimitKind::BlockVisits,
                required: 9,
                allowed: 8
            })
        ));
    }

    #[test]
    fn an_impossible_allocation_is_an_error() {
        assert!(matches!(
            try_vec(0_u64, usize::MAX / 16),
            Err(Error::OutOfMemory { .. })
        ));
    }
}
