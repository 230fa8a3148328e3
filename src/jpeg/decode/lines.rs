//! The number of lines that a frame header leaves to a DNL segment (T.81 B.2.5).

use crate::error::{Malformed, Result};

use super::super::marker::{self, Segment, Source, malformed};

/// Reads ahead for the DNL segment that follows the first scan.
///
/// `source` stands behind a frame header whose height, at `position`, is 0. Blocks can only be counted
/// once the height is known, so it must be known before the first scan is decoded.
pub(super) fn read_ahead(source: &Source<'_>, position: usize) -> Result<u16> {
    let mut ahead = source.clone();
    let missing = || malformed(position, Malformed::MissingLines);
    loop {
        let (code, _) = ahead.marker()?;
        match code {
            marker::EOI | marker::SOI => return Err(missing()),
            code if marker::is_idle(code) => {}
            marker::SOS => {
                ahead.segment(code)?;
                break;
            }
            code => {
                ahead.segment(code)?;
            }
        }
    }
    loop {
        ahead.skip_entropy_coded_data();
        let (code, _) = ahead.marker()?;
        match code {
            marker::RST0..=marker::RST7 => {}
            marker::DNL => return parse(&mut ahead.segment(code)?),
            _ => return Err(missing()),
        }
    }
}

/// The number of lines in a DNL segment.
pub(super) fn parse(segment: &mut Segment<'_>) -> Result<u16> {
    let position = segment.position();
    let lines = segment.word()?;
    segment.finish()?;
    if lines == 0 {
        return Err(malformed(position, Malformed::NumberOfLines { lines }));
    }
    Ok(lines)
}
