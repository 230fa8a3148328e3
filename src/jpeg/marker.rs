//! Marker codes and the framing of segments (T.81 B.1.1).

use crate::error::{Error, Malformed, Result};

// Second bytes of the markers (T.81 table B.1).
pub(super) const TEM: u8 = 0x01;
pub(super) const SOF0: u8 = 0xC0;
pub(super) const SOF1: u8 = 0xC1;
pub(super) const SOF2: u8 = 0xC2;
pub(super) const SOF3: u8 = 0xC3;
pub(super) const DHT: u8 = 0xC4;
pub(super) const SOF5: u8 = 0xC5;
pub(super) const SOF7: u8 = 0xC7;
pub(super) const SOF9: u8 = 0xC9;
pub(super) const SOF10: u8 = 0xCA;
pub(super) const SOF11: u8 = 0xCB;
pub(super) const DAC: u8 = 0xCC;
pub(super) const SOF13: u8 = 0xCD;
pub(super) const SOF15: u8 = 0xCF;
pub(super) const RST0: u8 = 0xD0;
pub(super) const RST7: u8 = 0xD7;
pub(super) const SOI: u8 = 0xD8;
pub(super) const EOI: u8 = 0xD9;
pub(super) const SOS: u8 = 0xDA;
pub(super) const DQT: u8 = 0xDB;
pub(super) const DNL: u8 = 0xDC;
pub(super) const DRI: u8 = 0xDD;
pub(super) const DHP: u8 = 0xDE;
pub(super) const EXP: u8 = 0xDF;
pub(super) const APP0: u8 = 0xE0;
pub(super) const APP15: u8 = 0xEF;
pub(super) const COM: u8 = 0xFE;

/// Whether a marker starts an application or comment segment.
pub(super) const fn is_metadata(code: u8) -> bool {
    matches!(code, APP0..=APP15 | COM)
}

/// Whether a marker starts a frame of any process.
pub(super) const fn is_start_of_frame(code: u8) -> bool {
    matches!(code, SOF0..=SOF3 | SOF5..=SOF7 | SOF9..=SOF11 | SOF13..=SOF15)
}

/// Whether a marker stands alone and means nothing between segments: restarts behind the last interval
/// of a scan, and TEM. libjpeg passes over them in silence.
pub(super) const fn is_idle(code: u8) -> bool {
    matches!(code, TEM | RST0..=RST7)
}

/// A cursor over the whole input that knows where it stands.
#[derive(Debug, Clone)]
pub(super) struct Source<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Source<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(super) const fn position(&self) -> usize {
        self.position
    }

    pub(super) fn seek(&mut self, position: usize) {
        self.position = position;
    }

    pub(super) fn remaining(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or(&[])
    }

    pub(super) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Reads SOI, which must stand at the start.
    pub(super) fn start_of_image(&mut self) -> Result<()> {
        match self.bytes {
            [0xFF, SOI, ..] => {
                self.position = 2;
                Ok(())
            }
            [] | [0xFF] => Err(self.end()),
            _ => Err(malformed(0, Malformed::MissingStartOfImage)),
        }
    }

    /// The next marker and the position of its code byte; fill bytes before it are skipped (T.81 B.1.1.2).
    pub(super) fn marker(&mut self) -> Result<(u8, usize)> {
        let first = self.byte()?;
        if first != 0xFF {
            return Err(malformed(
                self.position - 1,
                Malformed::ExpectedMarker { found: first },
            ));
        }
        loop {
            let code = self.byte()?;
            if code == 0 {
                return Err(malformed(
                    self.position - 1,
                    Malformed::ExpectedMarker { found: 0 },
                ));
            }
            if code != 0xFF {
                return Ok((code, self.position - 1));
            }
        }
    }

    /// The payload of the segment that starts here with its length field (T.81 B.1.1.4).
    pub(super) fn segment(&mut self, marker: u8) -> Result<Segment<'a>> {
        let start = self.position;
        let length = u16::from_be_bytes([self.byte()?, self.byte()?]);
        let Some(payload_length) = usize::from(length).checked_sub(2) else {
            return Err(malformed(
                start,
                Malformed::SegmentLength { marker, length },
            ));
        };
        let payload = self
            .remaining()
            .get(..payload_length)
            .ok_or_else(|| self.end())?;
        self.position += payload_length;
        Ok(Segment {
            marker,
            payload,
            start: start + 2,
            consumed: 0,
        })
    }

    /// The next marker and the position of its code byte, whatever stands before it; `None` at the end.
    pub(super) fn next_marker(&mut self) -> Option<(u8, usize)> {
        loop {
            let offset = memchr::memchr(0xFF, self.remaining())?;
            self.position += offset + 1;
            while self.remaining().first() == Some(&0xFF) {
                self.position += 1;
            }
            let code = *self.remaining().first()?;
            self.position += 1;
            if code != 0 {
                return Some((code, self.position - 1));
            }
        }
    }

    /// The number of the next marker behind entropy-coded data that starts here, if it is a restart.
    pub(super) fn following_restart(&self) -> Option<u8> {
        let mut ahead = self.clone();
        loop {
            let (code, _) = ahead.next_marker()?;
            match code {
                RST0..=RST7 => return Some(code - RST0),
                SOF0.. => return None,
                _ => {}
            }
        }
    }

    /// Whether a marker stands here, behind any number of fill bytes.
    pub(super) fn is_at(&self, code: u8) -> bool {
        let mut ahead = self.clone();
        ahead.marker().is_ok_and(|(found, _)| found == code)
    }

    /// Moves to the next marker behind entropy-coded data, or to the end of input.
    pub(super) fn skip_entropy_coded_data(&mut self) {
        loop {
            let Some(offset) = memchr::memchr(0xFF, self.remaining()) else {
                self.position = self.bytes.len();
                return;
            };
            if self.remaining().get(offset + 1) != Some(&0) {
                self.position += offset;
                return;
            }
            self.position += offset + 2;
        }
    }

    pub(super) fn end(&self) -> Error {
        Error::UnexpectedEnd {
            offset: self.bytes.len() as u64,
        }
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.position).ok_or_else(|| self.end())?;
        self.position += 1;
        Ok(byte)
    }
}

/// The payload of one marker segment, read from front to back.
#[derive(Debug, Clone)]
pub(super) struct Segment<'a> {
    marker: u8,
    payload: &'a [u8],
    start: usize,
    consumed: usize,
}

impl<'a> Segment<'a> {
    pub(super) const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Position in the input of the next byte.
    pub(super) const fn position(&self) -> usize {
        self.start + self.consumed
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.consumed >= self.payload.len()
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        let byte = *self
            .payload
            .get(self.consumed)
            .ok_or_else(|| self.bad_length())?;
        self.consumed += 1;
        Ok(byte)
    }

    /// The two halves of a byte, high first.
    pub(super) fn nibbles(&mut self) -> Result<(u8, u8)> {
        let byte = self.byte()?;
        Ok((byte >> 4, byte & 15))
    }

    pub(super) fn word(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let taken = self
            .payload
            .get(self.consumed..self.consumed + count)
            .ok_or_else(|| self.bad_length())?;
        self.consumed += count;
        Ok(taken)
    }

    /// Checks that nothing is left over.
    pub(super) fn finish(&self) -> Result<()> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.bad_length())
        }
    }

    /// The segment's length contradicts its content.
    pub(super) fn bad_length(&self) -> Error {
        // The payload came from a 16-bit length of at least 2.
        let length = u16::try_from(self.payload.len() + 2).unwrap_or(u16::MAX);
        let marker = self.marker;
        malformed(self.start - 2, Malformed::SegmentLength { marker, length })
    }
}

pub(super) fn malformed(position: usize, kind: Malformed) -> Error {
    Error::Malformed {
        offset: position as u64,
        kind,
    }
}
