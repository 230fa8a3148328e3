//! ITU-T T.81 between bytes and [`CoefficientImage`](crate::CoefficientImage): one file a stage, both directions alike.

#[cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "scans do not use it yet")
)]
mod arithmetic;
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
