//! ITU-T T.81 between bytes and [`CoefficientImage`](crate::CoefficientImage): one file a stage, both directions alike.

mod arithmetic;
mod bit_writer;
mod bits;
mod decode;
mod encode;
mod header;
mod huffman;
mod marker;
mod tables;

pub use decode::{BlockArea, Damage, DamageKind, DecodeOptions, Recovered, RecoveryReport};
pub(crate) use decode::{DecodeScratch, Decoded, MOST_COMPONENTS, RowSink, decode_rows};
pub use encode::{
    EncodeOptions, Encoded, HuffmanTables, MetadataPolicy, OutOfRange, Process, RestartInterval,
    ScanScript, StreamFormat,
};
pub use tables::TableSpecification;
