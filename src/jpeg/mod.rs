//! ITU-T T.81 between bytes and [`CoefficientImage`](crate::CoefficientImage): one file a stage, both directions alike.

mod bits;
mod decode;
mod encode;
mod header;
mod huffman;
mod marker;

pub use decode::DecodeOptions;
pub use encode::{
    EncodeOptions, Encoded, HuffmanTables, MetadataPolicy, OutOfRange, Process, RestartInterval,
    ScanScript, StreamFormat,
};
