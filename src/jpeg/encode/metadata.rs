//! Which metadata segments a file gets, and the one that tells its colour space.

use crate::coefficients::ColorSpace;
use crate::error::Result;
use crate::metadata::{MetadataKind, MetadataSegment};

use super::super::header::color_space;
use super::super::marker;
use super::{Encoder, MetadataPolicy};

impl Encoder<'_> {
    /// Writes the segments that the policy keeps, and the one that tells the colour space if the
    /// reader could not know it otherwise.
    pub(super) fn metadata(&mut self) -> Result<()> {
        let color = self.image.color_space();
        let ids = &self.plan.ids;
        // All of them together may tell the right one although one alone would not.
        let all_agree = color_space(ids, self.image.metadata().iter()) == color;
        let kept: Vec<&MetadataSegment> = self
            .image
            .metadata()
            .iter()
            .filter(|segment| match self.options.metadata {
                MetadataPolicy::Keep => all_agree || tells_no_other(segment, color),
                MetadataPolicy::IccOnly => segment.kind() == MetadataKind::Icc,
                MetadataPolicy::Strip => false,
            })
            .collect();
        let told = color_space(ids, kept.iter().copied()) == color;
        let has_colour_marker = kept
            .iter()
            .any(|segment| matches!(segment.kind(), MetadataKind::Jfif | MetadataKind::Adobe));
        // A file that was read without such a segment stays without; a new or stripped one gets it.
        let made = self.options.metadata != MetadataPolicy::Keep || !self.image.origin().from_file;
        if (!told || (made && !has_colour_marker))
            && let Some((code, payload)) = colour_marker(color)
        {
            self.segment(code, payload)?;
        }
        for segment in kept {
            self.segment(segment.marker(), segment.payload())?;
        }
        Ok(())
    }
}

/// Whether a segment can stay beside components of this colour space without contradicting it.
fn tells_no_other(segment: &MetadataSegment, color: ColorSpace) -> bool {
    match (segment.kind(), color) {
        (MetadataKind::Jfif | MetadataKind::Jfxx, ColorSpace::Grey | ColorSpace::YCbCr) => true,
        (MetadataKind::Jfif | MetadataKind::Jfxx, _) => false,
        (MetadataKind::Adobe, ColorSpace::Rgb | ColorSpace::Cmyk) => {
            segment.adobe_transform() == Some(0)
        }
        (MetadataKind::Adobe, ColorSpace::YCbCr | ColorSpace::Ycck) => {
            segment.adobe_transform() != Some(0)
        }
        _ => true,
    }
}

/// The segment that tells a colour space: JFIF 1.01 without density, or Adobe's.
const fn colour_marker(color: ColorSpace) -> Option<(u8, &'static [u8])> {
    match color {
        ColorSpace::Grey | ColorSpace::YCbCr => {
            Some((marker::APP0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"))
        }
        ColorSpace::Rgb | ColorSpace::Cmyk => Some((marker::APP0 + 14, b"Adobe\0\x64\0\0\0\0\0")),
        ColorSpace::Ycck => Some((marker::APP0 + 14, b"Adobe\0\x64\0\0\0\0\x02")),
        ColorSpace::Unknown => None,
    }
}
