//! The account of what is wrong with a file and which blocks it costs.

use std::fmt;
use std::ops::Range;

use crate::coefficients::CoefficientImage;
use crate::error::{Malformed, UnsupportedFeature};

/// Damages that a report lists one by one; more are counted.
const LISTED_DAMAGES: usize = 1000;

/// What could be read of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The image; lost blocks are zero.
    pub image: CoefficientImage,
    /// What is wrong with the file.
    pub report: RecoveryReport,
}

/// What is wrong with a file, in the order of its bytes.
///
/// Blocks that no damage calls lost or doubtful were read without a fault. Damage that turns one valid
/// code into another cannot be noticed: without a checksum no report can rule it out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecoveryReport {
    damages: Vec<Damage>,
    unlisted: u64,
    /// Of the unlisted damages, a rectangle for each component that encloses all.
    unlisted_lost: Vec<BlockArea>,
    unlisted_doubtful: Vec<BlockArea>,
}

impl RecoveryReport {
    /// Whether the file has no fault at all.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damages.is_empty()
    }

    /// The damages, at most 1000 of them; [`lost`](Self::lost) and [`doubtful`](Self::doubtful) speak of all.
    #[must_use]
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// Damages that are not listed since there are too many.
    #[must_use]
    pub const fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// The blocks that are lost, as rectangles that may overlap; of unlisted damages, one for each
    /// component that encloses all. See [`Damage::lost`].
    pub fn lost(&self) -> impl Iterator<Item = &BlockArea> {
        let listed = self.damages.iter().flat_map(|damage| &damage.lost);
        listed.chain(&self.unlisted_lost)
    }

    /// The blocks that are doubtful, as [`lost`](Self::lost) gives the lost ones. See
    /// [`Damage::doubtful`].
    pub fn doubtful(&self) -> impl Iterator<Item = &BlockArea> {
        let listed = self.damages.iter().flat_map(|damage| &damage.doubtful);
        listed.chain(&self.unlisted_doubtful)
    }

    /// Puts the damages in the order of their bytes.
    pub(super) fn sort(&mut self) {
        self.damages.sort_by_key(|damage| damage.offset);
    }

    /// Index of the last damage that is listed.
    pub(super) fn last(&self) -> Option<usize> {
        self.damages.len().checked_sub(1)
    }

    /// Adds to the blocks that a damage makes doubtful.
    pub(super) fn add_doubtful(&mut self, damage: usize, blocks: Vec<BlockArea>) {
        if let Some(damage) = self.damages.get_mut(damage) {
            damage.doubtful.extend(blocks);
        }
    }

    pub(super) fn add(&mut self, damage: Damage) {
        if let Some(last) = self.damages.last_mut()
            && (last.offset, last.kind, last.scan) == (damage.offset, damage.kind, damage.scan)
        {
            last.lost.extend(damage.lost);
            last.doubtful.extend(damage.doubtful);
        } else if self.damages.len() < LISTED_DAMAGES {
            self.damages.push(damage);
        } else {
            self.unlisted += 1;
            enclose(&mut self.unlisted_lost, damage.lost);
            enclose(&mut self.unlisted_doubtful, damage.doubtful);
        }
    }
}

/// Widens the rectangle of each component to enclose more.
fn enclose(rectangles: &mut Vec<BlockArea>, areas: Vec<BlockArea>) {
    let around = |a: &Range<u32>, b: &Range<u32>| a.start.min(b.start)..a.end.max(b.end);
    for area in areas {
        let same = |rectangle: &&mut BlockArea| rectangle.component == area.component;
        if let Some(rectangle) = rectangles.iter_mut().find(same) {
            rectangle.columns = around(&rectangle.columns, &area.columns);
            rectangle.rows = around(&rectangle.rows, &area.rows);
        } else {
            rectangles.push(area);
        }
    }
}

/// One fault of a file and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// Position in the input of the byte that breaks a rule.
    pub offset: u64,
    /// What is wrong.
    pub kind: DamageKind,
    /// Number of the scan it is in, from 0; `None` between scans.
    pub scan: Option<usize>,
    /// Blocks that this scan gives no, or not all, bits of: as far as it goes they are zero.
    pub lost: Vec<BlockArea>,
    /// Blocks that were read but need not be what they were: those of the restart interval with the
    /// fault, since the damage lies anywhere before the byte that shows it; and all of later scans where
    /// a segment that they may depend on could not be read.
    pub doubtful: Vec<BlockArea>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |areas: &[BlockArea]| areas.iter().map(BlockArea::block_count).sum::<u64>();
        write!(f, "byte {}: {}", self.offset, self.kind)?;
        if let Some(scan) = self.scan {
            write!(f, "; scan {scan}")?;
        }
        let (lost, doubtful) = (count(&self.lost), count(&self.doubtful));
        if lost + doubtful > 0 {
            write!(f, ": {lost} blocks lost, {doubtful} doubtful")?;
        }
        Ok(())
    }
}

/// What is wrong at a place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DamageKind {
    /// A rule of T.81 is broken.
    #[error(transparent)]
    Malformed(Malformed),
    /// The file ends before the image is complete.
    #[error("the file ends before the image is complete")]
    UnexpectedEnd,
    /// A segment of a process that is not implemented.
    #[error("unsupported JPEG feature: {0}")]
    Unsupported(UnsupportedFeature),
    /// No scan brings the lowest bits, or some bands, of a component of a damaged progressive file.
    #[error("no scan brings all bits of component {id}")]
    MissingBits {
        /// Identifier of the component.
        id: u8,
    },
    /// Bytes between segments that belong to none.
    #[error("{bytes} bytes that belong to no segment")]
    SkippedBytes {
        /// How many.
        bytes: u64,
    },
}

/// A rectangle of blocks of one component.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BlockArea {
    /// Index of the component in frame order.
    pub component: usize,
    /// Columns of blocks.
    pub columns: Range<u32>,
    /// Rows of blocks.
    pub rows: Range<u32>,
}

impl BlockArea {
    /// Number of blocks.
    #[must_use]
    pub fn block_count(&self) -> u64 {
        self.columns.len() as u64 * self.rows.len() as u64
    }
}
