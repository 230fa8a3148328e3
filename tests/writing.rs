//! The promise: whatever process, scans, sampling and intervals a file is written with, every reader
//! finds the same coefficients, and libjpeg writes the same bytes where it makes the same choice.

mod common;
#[path = "oracle/mod.rs"]
mod oracle;

use std::num::NonZeroU16;

use common::bytes::{frame_part, payload};
use common::fixtures;
use feature_distillation::{CoefficientImage, EncodeOptions, Process, RestartInterval};
use oracle::{Coding, Libjpeg};

// ---- the bytes of libjpeg ----------------------------------------------------------------------

#[test]
fn progressive_files_are_those_of_libjpeg_from_the_frame_header_on() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    let mut compared = 0;
    for fixture in fixtures() {
        let image = CoefficientImage::decode(&fixture.bytes).unwrap();
        let mut transcoder = libjpeg.open(&fixture.bytes).unwrap();
        for interval in [0, 1, 3, 40] {
            let mut theirs = Vec::new();
            let coding = Coding {
                optimize: true,
                restart_interval: interval,
                progressive: true,
            };
            if let Err(refusal) = transcoder.transcode(coding, &mut theirs) {
                // libjpeg cannot write two tables that shared a destination; we can.
                assert!(fixture.name.starts_with("scans-dqt-redefined"), "{refusal}");
                continue;
            }
            let options = EncodeOptions::new()
                .with_process(Process::Progressive)
                .with_restart_interval(mcus(interval));
            let ours = image.encode_with(&options).unwrap().bytes;
            let what = format!("{}, restart {interval}", fixture.name);
            assert_same_coding(&ours, &theirs, &what);
            compared += 1;
        }
    }
    assert_eq!(compared, 4 * (fixtures().len() - 2), "files compared");
}

#[test]
fn a_file_written_as_it_was_read_is_read_equal() {
    for fixture in fixtures() {
        let image = CoefficientImage::decode(&fixture.bytes).unwrap();
        let bytes = image
            .encode_with(&EncodeOptions::as_read(&image))
            .unwrap_or_else(|error| panic!("{}: {error}", fixture.name))
            .bytes;
        let read = CoefficientImage::decode(&bytes).unwrap();
        assert_eq!(read.scans(), image.scans(), "{}", fixture.name);
        assert_eq!(read, image, "{}", fixture.name);
    }
}

/// Compares frame header, Huffman tables, restart intervals, scan headers and entropy-coded data.
///
/// The frame's table destinations may be numbered otherwise, since we write equal tables once.
fn assert_same_coding(ours: &[u8], theirs: &[u8], what: &str) {
    let (our_frame, their_frame) = (frame_part(ours), frame_part(theirs));
    assert_eq!(our_frame.code, their_frame.code, "{what}: process");
    let strip = |bytes: &[u8]| {
        let mut header = payload(bytes, frame_part(bytes)).to_vec();
        for destination in header[6..].iter_mut().skip(2).step_by(3) {
            *destination = 0;
        }
        header
    };
    assert_eq!(strip(ours), strip(theirs), "{what}: frame header");
    let (ours, theirs) = (&ours[our_frame.end..], &theirs[their_frame.end..]);
    if ours != theirs {
        let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
        panic!(
            "{what}: byte {at} after the frame header: {:02x?} against {:02x?} ({} and {} bytes)",
            &ours[at..ours.len().min(at + 16)],
            &theirs[at..theirs.len().min(at + 16)],
            ours.len(),
            theirs.len()
        );
    }
}

fn mcus(interval: u16) -> RestartInterval {
    NonZeroU16::new(interval).map_or(RestartInterval::Never, RestartInterval::Mcus)
}
