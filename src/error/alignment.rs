//! Why a received picture is not aligned with any first pass.

use thiserror::Error;

/// Why the grid and the profile of a first pass were not told from a received picture.
///
/// Profiles are named by their index among the candidates.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum AlignmentError {
    /// A picture that holds no whole MCU of any candidate at every position of its grid.
    #[error("a picture of {width}x{height} pixels; both sides must be {required} or more")]
    TooSmall {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The smallest side that could do.
        required: u32,
    },
    /// A picture with too few coefficients away from zero to tell a lattice from chance.
    #[error(
        "only {coefficients} coefficients are away from zero, too few to tell a lattice from chance"
    )]
    TooLittleDetail {
        /// Coefficients that the best candidate had to show.
        coefficients: u64,
    },
    /// No candidate's lattice, on any grid: the picture never had a first pass of theirs, was scaled, or
    /// was changed by more than the search tolerates.
    #[error(
        "no candidate's lattice on any grid; the best has {evidence:.0} bits of evidence, {required:.0} needed"
    )]
    NoLattice {
        /// Evidence of the best candidate in bits.
        evidence: f64,
        /// Evidence needed.
        required: f64,
        /// Share of its coefficients that are in bands which agree.
        agreement: f64,
    },
    /// Two candidates that explain the picture about equally well, on one grid.
    #[error("profiles {first} and {second} of the candidates explain the picture equally well")]
    AmbiguousProfiles {
        /// Index of the better.
        first: usize,
        /// Index of the other.
        second: usize,
    },
    /// Two positions of the grid that explain the picture about equally well.
    #[error("the grid may start at {first:?} or at {second:?}")]
    AmbiguousGrid {
        /// Column and row of the better.
        first: (u32, u32),
        /// Column and row of the other.
        second: (u32, u32),
    },
    /// The 8x8 grid of the luminance is known, but not which of its blocks begin an MCU: the
    /// subsampled chrominance has too little detail.
    #[error(
        "the grid of the subsampled chrominance is unknown: it may start at {first:?} or at {second:?}"
    )]
    AmbiguousChrominanceGrid {
        /// Column and row of the better.
        first: (u32, u32),
        /// Column and row of the other.
        second: (u32, u32),
    },
}
