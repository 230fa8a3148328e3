//! What keeps scans from coding an image.

use thiserror::Error;

use crate::band::Band;

/// Why a sequence of scans cannot code an image. Scans are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScriptFault {
    /// A component that the image has not.
    #[error("scan {scan} names component {component}, which the image has not")]
    NoSuchComponent {
        /// The scan.
        scan: usize,
        /// The component's index.
        component: usize,
    },
    /// A sequential scan in a progressive file, or the other way round.
    #[error("scan {scan} is not of the {process} process")]
    OtherProcess {
        /// The scan.
        scan: usize,
        /// The process that is written.
        process: &'static str,
    },
    /// Components that are interleaved to more than ten blocks an MCU (T.81 B.2.3).
    #[error("an MCU of scan {scan} would have {blocks} blocks; 10 are allowed")]
    McuTooLarge {
        /// The scan.
        scan: usize,
        /// Blocks in its MCU.
        blocks: u32,
    },
    /// A component that an earlier scan of a sequential file coded.
    #[error("scan {scan} codes component {component} again")]
    CodedTwice {
        /// The scan.
        scan: usize,
        /// The component's index.
        component: usize,
    },
    /// AC bands of a component before its DC (T.81 G.1.1.1.1).
    #[error("scan {scan} codes AC bands of component {component} before its DC")]
    AcBeforeDc {
        /// The scan.
        scan: usize,
        /// The component's index.
        component: usize,
    },
    /// Bits of a band out of turn: a first scan where there was one, a later one where there was none,
    /// or not the bit that follows (T.81 G.1.1.1.2).
    #[error("scan {scan} does not go on where band {band} of component {component} stands")]
    OutOfTurn {
        /// The scan.
        scan: usize,
        /// The component's index.
        component: usize,
        /// The band.
        band: Band,
    },
    /// A component that no scan codes.
    #[error("no scan codes component {component}")]
    NotCoded {
        /// The component's index.
        component: usize,
    },
    /// A band whose lowest bits, or all, no scan codes although a block has some.
    #[error(
        "no scan codes all bits of band {band} of component {component}, and they are not zero"
    )]
    Incomplete {
        /// The component's index.
        component: usize,
        /// The band.
        band: Band,
    },
}
