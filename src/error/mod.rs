//! What can go wrong, sorted by who has to act on it.

mod alignment;
mod argument;
mod malformed;
mod script;
mod void;

pub use alignment::AlignmentError;
pub use argument::ArgumentError;
pub use malformed::Malformed;
pub use script::ScriptFault;
pub use void::CertificateVoid;

use std::io;

use thiserror::Error;

use crate::band::Band;

/// The result of every fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error, by culprit: the file, this crate, the limits in force, the caller, the machine.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file breaks a rule of ITU-T T.81: ask for another file.
    #[error("malformed JPEG at byte {offset}: {kind}")]
    Malformed {
        /// Position in the input of the byte that breaks the rule.
        offset: u64,
        /// Which rule is broken.
        kind: Malformed,
    },
    /// The file ends before the image is complete: the transfer was cut short.
    #[error(
        "the JPEG ends at byte {offset}, before the image is complete; fetch the rest of the file"
    )]
    UnexpectedEnd {
        /// Length of the input.
        offset: u64,
    },
    /// The file is legal, but this version of the crate does not implement what it uses.
    #[error("unsupported JPEG feature at byte {offset}: {feature}")]
    Unsupported {
        /// Position in the input of the marker that asks for the feature.
        offset: u64,
        /// What is not implemented.
        feature: UnsupportedFeature,
    },
    /// The file costs more than the caller's [`Limits`](crate::Limits) allow.
    #[error(
        "{limit} limit exceeded: {required} required, {allowed} allowed; raise it in `Limits` if the source is trusted"
    )]
    LimitExceeded {
        /// Which limit.
        limit: LimitKind,
        /// What the file would need.
        required: u64,
        /// What the limit allows.
        allowed: u64,
    },
    /// The caller passed something that cannot work.
    #[error("invalid argument: {0}")]
    InvalidArgument(#[from] ArgumentError),
    /// The lattice of a first pass was not found in a received picture, or not only one: pass two would
    /// guarantee nothing, do not go on without asking the sender.
    #[error("not aligned with a first pass: {0}")]
    Alignment(#[from] AlignmentError),
    /// A level does not fit the coding process asked for, or 16 bits when it is requantized or negated.
    #[error(
        "component {component}, block ({block_x}, {block_y}), band {band}: {value} is outside ±{bound}; quantize with a larger step, or choose `OutOfRange::Clamp` where a file is written"
    )]
    CoefficientOutOfRange {
        /// Index of the component in frame order.
        component: usize,
        /// Column of the block.
        block_x: u32,
        /// Row of the block.
        block_y: u32,
        /// The band; for DC, `value` is the difference to the previous block.
        band: Band,
        /// The value that cannot be coded.
        value: i32,
        /// The largest magnitude that can.
        bound: i32,
    },
    /// The allocator refused.
    #[error("out of memory: {bytes} bytes could not be allocated")]
    OutOfMemory {
        /// Size of the request.
        bytes: u64,
    },
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A legal feature of T.81 that this version does not implement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnsupportedFeature {
    /// The lossless processes (SOF3, SOF11).
    #[error("the lossless processes")]
    Lossless,
    /// The hierarchical processes (SOF5..=SOF7, SOF13..=SOF15, DHP, EXP).
    #[error("the hierarchical processes")]
    Hierarchical,
}

/// The limit that a file ran into; each is a field of [`Limits`](crate::Limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum LimitKind {
    /// Width times height.
    #[error("pixel")]
    Pixels,
    /// Bytes held at a time.
    #[error("memory")]
    Memory,
    /// Scans in the file.
    #[error("scan")]
    Scans,
    /// Blocks coded, added up over all scans.
    #[error("block visit")]
    BlockVisits,
    /// Marker segments in the file.
    #[error("segment")]
    Segments,
    /// Bytes of application and comment segments.
    #[error("metadata")]
    Metadata,
    /// Bytes read from a stream.
    #[error("input")]
    InputBytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_stays_small_enough_to_return_by_value() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    }

    #[test]
    fn errors_cross_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Error>();
    }
}
