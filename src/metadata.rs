//! Application and comment segments, kept byte for byte.

use crate::error::{ArgumentError, Result};
use crate::limits::try_reserve;

/// Longest payload of a marker segment: its 16-bit length counts itself too (T.81 B.1.1.4).
const LONGEST_PAYLOAD: usize = 65533;

/// One `APPn` or COM segment (T.81 B.2.4.5, B.2.4.6).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetadataSegment {
    marker: u8,
    payload: Vec<u8>,
}

impl MetadataSegment {
    /// An `APPn` segment; `n` is 0 to 15.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Shape`] if `n` is above 15, [`ArgumentError::SegmentTooLong`] past 65533 bytes.
    pub fn application(n: u8, payload: Vec<u8>) -> Result<Self> {
        if n > 15 {
            return Err(ArgumentError::Shape {
                what: "number of an application segment",
                expected: 15,
                actual: u64::from(n),
            }
            .into());
        }
        Self::new(0xE0 + n, payload)
    }

    /// A COM segment.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::SegmentTooLong`] past 65533 bytes.
    pub fn comment(payload: Vec<u8>) -> Result<Self> {
        Self::new(0xFE, payload)
    }

    /// Second byte of the marker: 0xE0 to 0xEF for `APPn`, 0xFE for COM.
    #[must_use]
    pub const fn marker(&self) -> u8 {
        self.marker
    }

    /// The bytes after the length field.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What the segment holds, told by its marker and signature.
    #[must_use]
    pub fn kind(&self) -> MetadataKind {
        MetadataKind::of(self.marker, &self.payload)
    }

    /// The colour transform that an Adobe segment declares.
    pub(crate) fn adobe_transform(&self) -> Option<u8> {
        adobe_transform(self.marker, &self.payload)
    }

    /// A copy, or [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub(crate) fn try_clone(&self) -> Result<Self> {
        let mut payload = Vec::new();
        try_reserve(&mut payload, self.payload.len())?;
        payload.extend_from_slice(&self.payload);
        Ok(Self {
            marker: self.marker,
            payload,
        })
    }

    pub(crate) fn new(marker: u8, payload: Vec<u8>) -> Result<Self> {
        if payload.len() > LONGEST_PAYLOAD {
            return Err(ArgumentError::SegmentTooLong {
                bytes: payload.len(),
            }
            .into());
        }
        Ok(Self { marker, payload })
    }
}

/// What a metadata segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MetadataKind {
    /// JFIF header with pixel density (APP0).
    Jfif,
    /// JFIF extension, a thumbnail (APP0).
    Jfxx,
    /// Exif (APP1).
    Exif,
    /// XMP packet (APP1).
    Xmp,
    /// Continuation of an XMP packet (APP1).
    ExtendedXmp,
    /// Chunk of an ICC colour profile (APP2).
    Icc,
    /// CIPA multi-picture index (APP2).
    MultiPicture,
    /// Photoshop resources, IPTC among them (APP13).
    Photoshop,
    /// Adobe's colour transform (APP14).
    Adobe,
    /// A comment.
    Comment,
    /// Any other application segment.
    Application,
}

/// The colour transform that an Adobe segment declares: 0 none, 1 YCbCr, 2 YCCK.
pub(crate) fn adobe_transform(marker: u8, payload: &[u8]) -> Option<u8> {
    if marker == 0xEE && payload.starts_with(b"Adobe") {
        payload.get(11).copied()
    } else {
        None
    }
}

impl MetadataKind {
    /// What a segment holds.
    pub(crate) fn of(marker: u8, payload: &[u8]) -> Self {
        let starts = |signature: &[u8]| payload.starts_with(signature);
        match marker {
            0xE0 if starts(b"JFIF\0") => Self::Jfif,
            0xE0 if starts(b"JFXX\0") => Self::Jfxx,
            0xE1 if starts(b"Exif\0") => Self::Exif,
            0xE1 if starts(b"http://ns.adobe.com/xap/1.0/\0") => Self::Xmp,
            0xE1 if starts(b"http://ns.adobe.com/xmp/extension/\0") => Self::ExtendedXmp,
            0xE2 if starts(b"ICC_PROFILE\0") => Self::Icc,
            0xE2 if starts(b"MPF\0") => Self::MultiPicture,
            0xED if starts(b"Photoshop 3.0\0") => Self::Photoshop,
            0xEE if adobe_transform(marker, payload).is_some() => Self::Adobe,
            0xFE => Self::Comment,
            _ => Self::Application,
        }
    }

    /// A short lower-case name, stable across versions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jfif => "jfif",
            Self::Jfxx => "jfxx",
            Self::Exif => "exif",
            Self::Xmp => "xmp",
            Self::ExtendedXmp => "extended-xmp",
            Self::Icc => "icc",
            Self::MultiPicture => "multi-picture",
            Self::Photoshop => "photoshop",
            Self::Adobe => "adobe",
            Self::Comment => "comment",
            Self::Application => "application",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_marker_and_signature() {
        let kind = |n, payload: &[u8]| {
            MetadataSegment::application(n, payload.to_vec())
                .unwrap()
                .kind()
        };
        assert_eq!(kind(0, b"JFIF\0\x01\x01"), MetadataKind::Jfif);
        assert_eq!(kind(1, b"JFIF\0"), MetadataKind::Application);
        assert_eq!(kind(2, b"ICC_PROFILE\0\x01\x01"), MetadataKind::Icc);
        assert_eq!(kind(14, b"Adobe\0\x64\0\0\0\0\x02"), MetadataKind::Adobe);
        assert_eq!(kind(14, b"Adobe"), MetadataKind::Application);
        let comment = MetadataSegment::comment(b"made by hand".to_vec()).unwrap();
        assert_eq!(comment.kind().name(), "comment");
    }

    #[test]
    fn a_payload_must_fit_its_length_field() {
        assert!(MetadataSegment::comment(vec![0; 65533]).is_ok());
        assert!(MetadataSegment::comment(vec![0; 65534]).is_err());
        assert!(MetadataSegment::application(16, Vec::new()).is_err());
    }
}
