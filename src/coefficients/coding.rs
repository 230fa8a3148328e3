//! How a file codes its coefficients: process, entropy coding, sample precision, scans.

use super::Scan;

/// The coding process of a file (T.81 4.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodingProcess {
    /// Baseline sequential (SOF0), always Huffman-coded.
    Baseline,
    /// Extended sequential (SOF1, SOF9).
    ExtendedSequential,
    /// Progressive (SOF2, SOF10).
    Progressive,
}

impl CodingProcess {
    /// A short lower-case name, stable across versions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::ExtendedSequential => "extended",
            Self::Progressive => "progressive",
        }
    }
}

/// How symbols become bits (T.81 annexes C and D).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EntropyCoding {
    /// Huffman codes.
    #[default]
    Huffman,
    /// The adaptive binary arithmetic coder.
    Arithmetic,
}

impl EntropyCoding {
    /// A short lower-case name, stable across versions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Huffman => "huffman",
            Self::Arithmetic => "arithmetic",
        }
    }
}

/// Bits a sample, P in T.81 B.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SamplePrecision {
    /// Eight bits: every process.
    #[default]
    Eight,
    /// Twelve bits: extended sequential and progressive.
    Twelve,
}

impl SamplePrecision {
    /// Bits a sample.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Eight => 8,
            Self::Twelve => 12,
        }
    }
}

/// How the file was coded that an image was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) process: CodingProcess,
    pub(crate) entropy_coding: EntropyCoding,
    pub(crate) restart_interval: u16,
    /// Empty for an image that was made otherwise.
    pub(crate) scans: Vec<Scan>,
    /// Whether there was a file, whose segments are then as complete as they were.
    pub(crate) from_file: bool,
}

impl Origin {
    /// The origin of an image that no file holds yet.
    pub(super) const NONE: Self = Self {
        process: CodingProcess::Baseline,
        entropy_coding: EntropyCoding::Huffman,
        restart_interval: 0,
        scans: Vec::new(),
        from_file: false,
    };
}
