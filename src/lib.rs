//! Feature distillation.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod band;
mod coefficients;
mod dct;
mod error;
mod jpeg;
mod limits;
mod metadata;
mod pixels;
mod quantization;

pub use band::{BANDS, Band, Block};
pub use coefficients::{CodingProcess, CoefficientImage, ColorSpace, Component, SamplingFactor};
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
