//! Feature distillation.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod band;
mod coefficients;
mod dct;
mod design;
mod distiller;
mod error;
mod jpeg;
mod limits;
mod metadata;
mod pixels;
mod quantization;
mod statistics;

pub use band::{BANDS, Band, Block};
pub use coefficients::{CodingProcess, CoefficientImage, ColorSpace, Component, SamplingFactor};
pub use design::{
    AccuracySensitive, AsMdDesign, BandClass, BandPartition, TableDesign, TableScope, design_tables, paper_step,
    perturbation_bound, removing_table,
};
pub use distiller::{
    FeatureDistiller, FeatureDistillerBuilder, Fingerprint, Profile, ProfileCheck, distill_published,
};
pub use error::{ArgumentError, Error, LimitKind, Malformed, Result, UnsupportedFeature};
pub use jpeg::{
    DecodeOptions, EncodeOptions, Encoded, HuffmanTables, MetadataPolicy, OutOfRange, Process, RestartInterval,
};
pub use limits::Limits;
pub use metadata::{MetadataKind, MetadataSegment};
pub use pixels::{
    ChromaSubsampling, ForwardOptions, InverseOptions, Normalization, PixelBuffer, PixelFormat, PixelPipeline,
    PixelView, Upsampling,
};
pub use quantization::{QuantizationTable, QuantizationTables, Rounding};
pub use statistics::{BandRanking, BandStatistics, BandSummary, BlockSelection, Stability, Weighting};
