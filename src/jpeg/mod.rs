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
mod tables;

pub use decode::{BlockArea, Damage, DamageKind, DecodeOptions, Recovered, RecoveryReport};
pub use encode::{
    EncodeOptions, Encoded, HuffmanTables, MetadataPolicy, OutOfRange, Process, RestartInterval,
};
pub use tables::TableSpecification;
