//! Arithmetic coding: the adaptive binary coder (T.81 annex D) and the statistical models of
//! sequential and progressive scans (T.81 F.1.4, F.2.4, G.1.3, G.2.3).
//!
//! [`BlockDecoder`] and [`BlockEncoder`] live for one restart interval, since all they know starts
//! anew with it: the code, the statistics, the DC predictions. What persists between scans is the
//! [`Conditioning`] that DAC segments define.
//!
//! Bytes in and out are those of libjpeg. Zero bytes at the end of an interval carry nothing: an
//! encoder may drop as many as there are (T.81 D.1.8), so a decoder that reads past the end has met
//! no fault as long as a marker follows.

mod conditioning;
mod decode_block;
mod decoder;
mod encode_block;
mod encoder;
mod state;
mod statistics;

pub(super) use conditioning::Conditioning;
pub(super) use decode_block::BlockDecoder;
pub(super) use encode_block::BlockEncoder;
pub(super) use statistics::CodedComponent;

#[cfg(test)]
mod libjpeg;
