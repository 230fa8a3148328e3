//! The promise: no input makes the reader panic, hang or guess. Every breach of T.81 is the error
//! named after it, at the byte where it stands.

// Files here are a few kilobytes long and their parts are picked by reduced random numbers.
#![allow(clippy::cast_possible_truncation)]

mod common;

use std::ops::Range;
use std::time::{Duration, Instant};

use common::bytes::{
    APP0, COM, DHT, DNL, DQT, DRI, EOI, FrameEntry, RST0, SOF0, SOF1, SOF2, SOI, SOS, ScanEntry,
    Writer, frame_part, part, parts,
};
use common::{Fixture, encode_unless_out_of_range, fixture, fixtures};
use feature_distillation::{
    CoefficientImage, DecodeOptions, Error, Limits, Malformed, QuantizationTable,
    TableSpecification, UnsupportedFeature,
};
use proptest::prelude::*;

// ---- the ends of the file ---------------------------------------------------

#[test]
fn nothing_at_all_ends_too_early() {
    ends_at(&[], 0);
}

#[test]
fn half_a_marker_ends_too_early() {
    ends_at(&[0xFF], 1);
}

#[test]
fn one_byte_of_something_else_is_no_jpeg() {
    malformed(&[0x89], 0, Malformed::MissingStartOfImage);
}

#[test]
fn a_start_of_image_alone_ends_too_early() {
    ends_at(&[0xFF, SOI], 2);
}

#[test]
fn a_file_of_another_format_is_no_jpeg() {
    malformed(b"\x89PNG\r\n\x1a\n", 0, Malformed::MissingStartOfImage);
    malformed(&[0xFF, EOI], 0, Malformed::MissingStartOfImage);
    malformed(&[0xFF, 0xFF, SOI], 0, Malformed::MissingStartOfImage);
    let without = &fixture("baseline-420-q50-1x1")[2..];
    malformed(without, 0, Malformed::MissingStartOfImage);
}

#[test]
fn a_start_and_an_end_have_no_frame_between() {
    malformed(&[0xFF, SOI, 0xFF, EOI], 3, Malformed::NoFrame);
}

#[test]
fn a_file_cut_anywhere_is_never_taken_for_whole() {
    for Fixture { name, bytes } in fixtures() {
        // Bytes left over are passed over right before the end of the image, not before the end of input.
        if name.starts_with("leftover-") {
            continue;
        }
        let end = parts(&bytes).last().unwrap().end;
        for length in 0..end {
            match refusal(&bytes[..length]) {
                Error::UnexpectedEnd { offset } => assert_eq!(offset, length as u64, "{name}"),
                error => panic!("{name} cut to {length}: {error}"),
            }
        }
    }
}

#[test]
fn a_missing_end_of_image_is_noticed() {
    let bytes = fixture("baseline-420-q50-67x45");
    let bytes = fixture_without(&bytes, EOI);
    ends_at(&bytes, bytes.len());
}

#[test]
fn bytes_after_the_end_of_the_image_do_no_harm() {
    let mut bytes = fixture("baseline-420-q50-1x1");
    let image = CoefficientImage::decode(&bytes).unwrap();
    bytes.extend_from_slice(&[0xFF, SOI, 0, 0xFF]);
    assert_eq!(CoefficientImage::decode(&bytes).unwrap(), image);
}

// ---- the framing of segments ------------------------------------------------

#[test]
fn a_segment_length_below_two_is_refused() {
    for length in [0_u8, 1] {
        for code in [DQT, DHT, DRI, SOF0, APP0, COM] {
            let bytes = Writer::new()
                .raw(&[0xFF, code, 0, length, 0, 0, 0, 0])
                .finish();
            let length = length.into();
            malformed(
                &bytes,
                4,
                Malformed::SegmentLength {
                    marker: code,
                    length,
                },
            );
        }
    }
}

#[test]
fn a_segment_that_reaches_past_the_end_ends_too_early() {
    for code in [DQT, DHT, DRI, SOF0, APP0, COM] {
        let bytes = Writer::new().raw(&[0xFF, code, 0xFF, 0xFF, 0, 0]).finish();
        ends_at(&bytes, bytes.len());
    }
}

#[test]
fn a_segment_length_that_does_not_fit_the_content_is_refused() {
    let short: [(u8, &[u8]); 10] = [
        (DRI, &[0]),
        (DRI, &[0, 1, 2]),
        (DQT, &[0, 1, 2, 3]),
        (DHT, &[0, 1, 2, 3]),
        (DHT, &[0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]),
        (SOF0, &[]),
        (SOF0, &[8, 0, 8, 0, 8]),
        (SOF0, &[8, 0, 8, 0, 8, 1, 1, 0x11]),
        (SOF0, &[8, 0, 8, 0, 8, 1, 1, 0x11, 0, 0]),
        (SOF2, &[8, 0, 8, 0, 8, 2, 1, 0x11, 0]),
    ];
    for (marker, payload) in short {
        let length = payload.len() as u16 + 2;
        let bytes = Writer::new().segment(marker, payload).finish();
        malformed(&bytes, 4, Malformed::SegmentLength { marker, length });
    }
    for payload in [
        &[][..],
        &[1],
        &[1, 1, 0],
        &[1, 1, 0, 0, 63],
        &[1, 1, 0, 0, 63, 0, 0],
    ] {
        let start = sequential(8, 8);
        let at = start.len() + 2;
        let length = payload.len() as u16 + 2;
        let bytes = start.segment(SOS, payload).data("00").finish();
        malformed(
            &bytes,
            at,
            Malformed::SegmentLength {
                marker: SOS,
                length,
            },
        );
    }
}

#[test]
fn garbage_between_segments_is_refused() {
    let start = Writer::new().quantization(0, 1);
    let at = start.len();
    let bytes = start.raw(&[0x42]).quantization(1, 1).finish();
    malformed(&bytes, at, Malformed::ExpectedMarker { found: 0x42 });
}

#[test]
fn a_stuffed_byte_is_no_marker() {
    let start = Writer::new().quantization(0, 1);
    let at = start.len();
    let bytes = start.raw(&[0xFF, 0xFF, 0]).finish();
    malformed(&bytes, at + 2, Malformed::ExpectedMarker { found: 0 });
}

#[test]
fn fill_bytes_before_a_marker_do_no_harm() {
    let bytes = Writer::new().raw(&[0xFF; 7]).marker(EOI).unfinished();
    malformed(&bytes, 10, Malformed::NoFrame);
}

#[test]
fn markers_that_may_not_stand_alone_are_refused() {
    for marker in [0x02, 0xBF, 0xC8, 0xF0, 0xFD, SOI] {
        let bytes = Writer::new().marker(marker).finish();
        malformed(&bytes, 3, Malformed::UnexpectedMarker { marker });
    }
}

// ---- the frame header -------------------------------------------------------

#[test]
fn a_width_of_zero_is_refused() {
    for code in [SOF0, SOF1, SOF2] {
        let bytes = Writer::new().frame(code, 0, 8, &[(1, 1, 1, 0)]).finish();
        malformed(&bytes, 9, Malformed::ZeroWidth);
    }
}

#[test]
fn markers_that_mean_nothing_between_segments_do_no_harm() {
    let bytes = fixture("baseline-420-q50-67x45");
    let image = CoefficientImage::decode(&bytes).unwrap();
    for part in parts(&bytes).into_iter().filter(|part| part.code != SOI) {
        for marker in [0x01, RST0, RST0 + 7] {
            let mut bytes = bytes.clone();
            bytes.splice(part.start..part.start, [0xFF, marker]);
            assert_eq!(CoefficientImage::decode(&bytes).unwrap(), image);
        }
    }
}

#[test]
fn a_height_of_zero_without_a_number_of_lines_is_refused() {
    let header = tables().frame(SOF0, 8, 0, &[(1, 1, 1, 0)]);
    let at = 7 + tables().len() - Writer::new().len();
    malformed(&header.clone().finish(), at, Malformed::MissingLines);
    let scan = header.scan(&[(1, 0, 0)], [0, 63, 0, 0]).data("00");
    malformed(&scan.clone().finish(), at, Malformed::MissingLines);
    let late = scan.huffman(0, 0, DC).segment(DNL, &[0, 8]).finish();
    malformed(&late, at, Malformed::MissingLines);
}

#[test]
fn a_number_of_lines_that_is_zero_or_contradicts_the_frame_is_refused() {
    let scan = |height| {
        tables()
            .frame(SOF0, 8, height, &[(1, 1, 1, 0)])
            .scan(&[(1, 0, 0)], [0, 63, 0, 0])
            .data("00")
    };
    let at = scan(8).len() + 4;
    let file = |height, lines| scan(height).segment(DNL, &[0, lines]).finish();
    malformed(&file(0, 0), at, Malformed::NumberOfLines { lines: 0 });
    malformed(&file(8, 7), at, Malformed::NumberOfLines { lines: 7 });
    for (height, lines) in [(0, 7), (8, 8)] {
        let image = CoefficientImage::decode(&file(height, lines)).unwrap();
        assert_eq!(image.height(), u32::from(lines));
    }
    let early = Writer::new().segment(DNL, &[0, 8]).finish();
    malformed(&early, 6, Malformed::NumberOfLines { lines: 8 });
    let twice = scan(8)
        .segment(DNL, &[0, 8])
        .scan(&[(1, 0, 0)], [0, 63, 0, 0])
        .data("00");
    malformed(
        &twice.finish(),
        at + 3,
        Malformed::ComponentCodedTwice { id: 1 },
    );
}

#[test]
fn no_components_are_refused() {
    let bytes = Writer::new().frame(SOF0, 8, 8, &[]).finish();
    malformed(&bytes, 11, Malformed::ComponentCount { count: 0 });
}

#[test]
fn more_than_four_components_are_sequential() {
    for count in [5, 255] {
        let components: Vec<FrameEntry> = (0..count).map(|id| (id, 1, 1, 0)).collect();
        for code in [SOF0, SOF1] {
            let file = (0..count).fold(tables().frame(code, 8, 8, &components), |file, id| {
                file.scan(&[(id, 0, 0)], [0, 63, 0, 0]).data("10100")
            });
            let limits = Limits::default().with_max_scans(255);
            let options = DecodeOptions::new().with_limits(limits);
            let image = CoefficientImage::decode_with(&file.finish(), &options).unwrap();
            assert_eq!(image.components().len(), usize::from(count));
            assert!(
                image
                    .components()
                    .iter()
                    .all(|component| component.blocks()[0][0] == 1)
            );
        }
        let bytes = Writer::new().frame(SOF2, 8, 8, &components).finish();
        malformed(&bytes, 11, Malformed::ComponentCount { count });
    }
}

#[test]
fn an_identifier_that_components_share_means_the_next_of_them() {
    let bytes = tables()
        .frame(SOF0, 8, 8, &[(1, 1, 1, 0), (2, 1, 1, 0), (1, 1, 1, 0)])
        .scan(&[(1, 0, 0), (2, 0, 0), (1, 0, 0)], [0, 63, 0, 0])
        .data("1010 00 1000")
        .finish();
    let image = CoefficientImage::decode(&bytes).unwrap();
    let dc = |index: usize| image.components()[index].blocks()[0][0];
    assert_eq!([dc(0), dc(1), dc(2)], [1, 0, -1]);
}

#[test]
fn sampling_factors_outside_one_to_four_are_refused() {
    for (horizontal, vertical) in [(0, 1), (1, 0), (5, 1), (1, 5), (15, 15), (0, 0)] {
        let bytes = Writer::new()
            .frame(SOF0, 8, 8, &[(1, 1, 1, 0), (2, horizontal, vertical, 0)])
            .finish();
        malformed(
            &bytes,
            12 + 4,
            Malformed::SamplingFactor {
                horizontal,
                vertical,
            },
        );
    }
}

#[test]
fn a_component_with_an_impossible_table_is_refused() {
    for destination in [4, 255] {
        let bytes = Writer::new()
            .frame(SOF0, 8, 8, &[(1, 1, 1, destination)])
            .finish();
        malformed(&bytes, 14, Malformed::TableDestination { destination });
    }
}

#[test]
fn a_second_frame_is_refused() {
    for code in [SOF0, SOF1, SOF2] {
        let start = sequential(8, 8);
        let at = start.len() + 1;
        let bytes = start.frame(code, 8, 8, &[(1, 1, 1, 0)]).finish();
        malformed(&bytes, at, Malformed::SecondFrame);
    }
}

#[test]
fn other_processes_are_named() {
    let processes = [
        (0xC3, UnsupportedFeature::Lossless),
        (0xC5, UnsupportedFeature::Hierarchical),
        (0xC6, UnsupportedFeature::Hierarchical),
        (0xC7, UnsupportedFeature::Hierarchical),
        (0xCB, UnsupportedFeature::Lossless),
        (0xCD, UnsupportedFeature::Hierarchical),
        (0xCE, UnsupportedFeature::Hierarchical),
        (0xCF, UnsupportedFeature::Hierarchical),
    ];
    let bytes = fixture("baseline-420-q50-67x45");
    let at = frame_part(&bytes).position;
    for (code, feature) in processes {
        let mut bytes = bytes.clone();
        bytes[at] = code;
        unsupported(&bytes, at, feature);
    }
    for (code, feature) in [
        (0xDE, UnsupportedFeature::Hierarchical),
        (0xDF, UnsupportedFeature::Hierarchical),
    ] {
        unsupported(&Writer::new().segment(code, &[0, 0]).finish(), 3, feature);
    }
}

#[test]
fn precisions_that_the_process_lacks_are_refused() {
    for code in [SOF0, SOF1, SOF2] {
        for precision in [0, 1, 7, 9, 12, 16, 255] {
            let mut bytes = Writer::new().frame(code, 8, 8, &[(1, 1, 1, 0)]).finish();
            bytes[6] = precision;
            if precision == 12 && code != SOF0 {
                // Read on, to the end of the image without a scan.
                let end = bytes.len() - 1;
                malformed(&bytes, end, Malformed::ComponentNotCoded { id: 1 });
            } else {
                malformed(&bytes, 6, Malformed::Precision { precision });
            }
        }
    }
}

// ---- tables -------------------------------------------------------------------

#[test]
fn a_quantization_table_needs_a_destination_that_exists() {
    for destination in [4, 15] {
        let bytes = Writer::new().quantization(destination, 1).finish();
        malformed(&bytes, 6, Malformed::TableDestination { destination });
    }
}

#[test]
fn a_quantization_table_has_steps_of_one_or_two_bytes() {
    for precision in [2, 15] {
        let bytes = Writer::new().quantization(precision << 4, 1).finish();
        malformed(&bytes, 6, Malformed::TablePrecision { precision });
    }
}

#[test]
fn a_stream_of_tables_may_hold_metadata_but_no_image() {
    let tables = || {
        Writer::new()
            .segment(COM, b"of all pictures")
            .segment(APP0, &[7; 100])
            .quantization(1, 3)
    };
    let read = TableSpecification::decode(&tables().finish()).unwrap();
    let table = QuantizationTable::uniform(3).unwrap();
    assert_eq!(read.quantization_table(0), None);
    assert_eq!(read.quantization_table(1), Some(&table));
    let frugal = DecodeOptions::new().with_limits(Limits::default().with_max_metadata(114));
    assert!(matches!(
        TableSpecification::decode_with(&tables().finish(), &frugal),
        Err(Error::LimitExceeded { .. })
    ));
    let image = tables().frame(SOF0, 8, 8, &[(1, 1, 1, 1)]).finish();
    match TableSpecification::decode(&image) {
        Err(Error::Malformed { offset, kind }) => {
            assert_eq!(kind, Malformed::UnexpectedMarker { marker: SOF0 });
            assert_eq!(offset, tables().len() as u64 + 1);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_step_of_zero_is_refused_in_a_table_that_is_used() {
    for index in [0_u8, 1, 63] {
        for precision in [0_u8, 1] {
            let width = 1 + usize::from(precision);
            let mut payload = vec![1; 1 + 64 * width];
            payload[0] = precision << 4;
            payload[1 + width * usize::from(index)..][..width].fill(0);
            let file = |destination| {
                Writer::new()
                    .segment(DQT, &payload)
                    .quantization(1, 1)
                    .huffman(0, 0, DC)
                    .huffman(1, 0, AC)
                    .frame(SOF1, 8, 8, &[(1, 1, 1, destination)])
                    .scan(&[(1, 0, 0)], [0, 63, 0, 0])
                    .data("00")
                    .finish()
            };
            malformed(
                &file(0),
                7 + width * usize::from(index),
                Malformed::ZeroStep { index },
            );
            assert!(CoefficientImage::decode(&file(1)).is_ok());
        }
    }
}

#[test]
fn a_scan_without_its_quantization_table_is_refused() {
    let bytes = fixture("baseline-444-q50-33x31");
    let without = fixture_without(&bytes, DQT);
    let at = part(&without, SOS).position;
    malformed(
        &without,
        at,
        Malformed::MissingQuantizationTable { destination: 0 },
    );

    let mut bytes = bytes;
    let frame = frame_part(&bytes);
    bytes[frame.position + 11] = 3;
    let at = part(&bytes, SOS).position;
    malformed(
        &bytes,
        at,
        Malformed::MissingQuantizationTable { destination: 3 },
    );
}

#[test]
fn a_huffman_table_is_dc_or_ac() {
    for class in [2, 15] {
        let bytes = Writer::new().huffman(class, 0, &[(1, 0)]).finish();
        malformed(&bytes, 6, Malformed::HuffmanClass { class });
    }
}

#[test]
fn a_huffman_table_needs_a_destination_that_exists() {
    for destination in [4, 15] {
        let bytes = Writer::new().huffman(1, destination, &[(1, 0)]).finish();
        malformed(&bytes, 6, Malformed::TableDestination { destination });
    }
}

#[test]
fn a_huffman_table_has_at_most_256_symbols() {
    let mut codes: Vec<(u8, u8)> = (0..255).map(|symbol| (15, symbol)).collect();
    codes.extend([(16, 255), (16, 0)]);
    let bytes = Writer::new().huffman(1, 0, &codes).finish();
    malformed(&bytes, 7, Malformed::HuffmanCode);
}

#[test]
fn more_codes_than_a_length_has_are_refused() {
    let sets: [&[(u8, u8)]; 3] = [
        &[(1, 0), (1, 1), (1, 2)],
        &[(1, 0), (2, 1), (2, 2), (2, 3)],
        &[(2, 0), (2, 1), (2, 2), (3, 3), (3, 4), (4, 5)],
    ];
    for codes in sets {
        let bytes = Writer::new().huffman(1, 0, codes).finish();
        malformed(&bytes, 7, Malformed::HuffmanCode);
    }
}

#[test]
fn a_code_of_ones_alone_is_refused() {
    let sets: [&[(u8, u8)]; 3] = [
        &[(1, 0), (1, 1)],
        &[(1, 0), (2, 1), (3, 2), (3, 3)],
        &[(2, 0), (2, 1), (2, 2), (2, 3)],
    ];
    for codes in sets {
        let bytes = Writer::new().huffman(0, 0, codes).finish();
        malformed(&bytes, 7, Malformed::HuffmanCode);
    }
}

#[test]
fn a_dc_table_holds_sizes_alone() {
    let bytes = Writer::new().huffman(0, 0, &[(1, 0), (2, 16)]).finish();
    malformed(&bytes, 24, Malformed::HuffmanSymbol { symbol: 16 });
}

#[test]
fn a_sequential_scan_without_its_huffman_table_takes_the_standard_one() {
    let file = |start: Writer, bits: &str| {
        let bytes = start
            .frame(SOF0, 8, 8, &[(1, 1, 1, 0)])
            .scan(&[(1, 0, 0)], [0, 63, 0, 0])
            .data(bits)
            .finish();
        CoefficientImage::decode(&bytes).unwrap().components()[0].blocks()[0][0]
    };
    let start = || Writer::new().quantization(0, 1);
    // T.81 tables K.3 and K.5: a difference of two bits is 011, the end of block 1010.
    assert_eq!(file(start(), "011 10 1010"), 2);
    assert_eq!(file(start().huffman(0, 0, DC), "10 1 1010"), 1);
    assert_eq!(file(start().huffman(1, 0, AC), "011 11 0"), 3);
}

#[test]
fn a_scan_without_its_huffman_table_is_refused() {
    for destination in [2, 3] {
        let start = tables().frame(SOF1, 8, 8, &[(1, 1, 1, 0)]);
        let at = start.len() + 1;
        let bytes = start
            .scan(&[(1, 0, destination)], [0, 63, 0, 0])
            .data("00")
            .finish();
        malformed(&bytes, at, Malformed::MissingHuffmanTable { destination });
    }
    let start = progressive(8, 8).quantization(0, 1);
    let at = start.len() + 1;
    let bytes = start.scan(&[(1, 3, 0)], [0, 0, 0, 0]).data("00").finish();
    malformed(
        &bytes,
        at,
        Malformed::MissingHuffmanTable { destination: 3 },
    );
}

// ---- the scan header ------------------------------------------------------------

#[test]
fn a_scan_before_the_frame_is_refused() {
    let bytes = Writer::new()
        .scan(&[(1, 0, 0)], [0, 63, 0, 0])
        .data("00")
        .finish();
    malformed(&bytes, 3, Malformed::ScanBeforeFrame);
}

#[test]
fn a_scan_has_one_to_four_components() {
    for count in [0, 5, 255] {
        let start = sequential(8, 8);
        let at = start.len() + 4;
        let bytes = start
            .segment(SOS, &[count, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 0, 63, 0])
            .finish();
        malformed(&bytes, at, Malformed::ScanComponentCount { count });
    }
}

#[test]
fn a_scan_names_each_component_once_and_in_frame_order() {
    let cases: [(&[ScanEntry], usize, u8); 4] = [
        (&[(9, 0, 0)], 0, 9),
        (&[(1, 0, 0), (2, 0, 0), (9, 0, 0)], 2, 9),
        (&[(1, 0, 0), (1, 0, 0)], 1, 1),
        (&[(2, 0, 0), (1, 0, 0)], 1, 1),
    ];
    for (components, wrong, id) in cases {
        let start = tables().frame(SOF0, 8, 8, &[(1, 1, 1, 0), (2, 1, 1, 0), (3, 1, 1, 0)]);
        let at = start.len() + 5 + 2 * wrong;
        let bytes = start
            .scan(components, [0, 63, 0, 0])
            .data("000000")
            .finish();
        malformed(&bytes, at, Malformed::ScanComponent { id });
    }
}

#[test]
fn baseline_has_two_huffman_tables_of_each_class() {
    for (dc, ac, destination) in [(2, 0, 2), (0, 3, 3), (15, 15, 15)] {
        let start = sequential(8, 8);
        let at = start.len() + 6;
        let bytes = start
            .scan(&[(1, dc, ac)], [0, 63, 0, 0])
            .data("00")
            .finish();
        malformed(&bytes, at, Malformed::TableDestination { destination });
    }
    let start = progressive(8, 8);
    let at = start.len() + 6;
    let bytes = start.scan(&[(1, 4, 0)], [0, 0, 0, 0]).data("0").finish();
    malformed(&bytes, at, Malformed::TableDestination { destination: 4 });
}

#[test]
fn an_mcu_has_at_most_ten_blocks() {
    let cases: [(&[FrameEntry], u8); 3] = [
        (&[(1, 3, 3, 0), (2, 2, 1, 0)], 11),
        (&[(1, 4, 4, 0), (2, 1, 1, 0)], 17),
        (&[(1, 4, 4, 0), (2, 4, 4, 0)], 32),
    ];
    for (components, blocks) in cases {
        for code in [SOF0, SOF2] {
            let end = if code == SOF0 { 63 } else { 0 };
            let start = tables().frame(code, 8, 8, components);
            let at = start.len() + 4;
            let bytes = start
                .scan(&[(1, 0, 0), (2, 0, 0)], [0, end, 0, 0])
                .data("0")
                .finish();
            malformed(&bytes, at, Malformed::McuTooLarge { blocks });
        }
    }
    // A single component is not interleaved: its factors do not count.
    let bytes = tables()
        .frame(SOF0, 8, 8, &[(1, 4, 4, 0)])
        .scan(&[(1, 0, 0)], [0, 63, 0, 0])
        .data("00")
        .finish();
    assert!(CoefficientImage::decode(&bytes).is_ok());
}

#[test]
fn a_sequential_scan_carries_all_bands_at_full_precision() {
    for parameters in [
        [1, 63, 0, 0],
        [0, 62, 0, 0],
        [0, 64, 0, 0],
        [0, 63, 1, 0],
        [0, 63, 0, 1],
        [0, 0, 0, 0],
    ] {
        scan_parameters(sequential(8, 8), &[(1, 0, 0)], parameters);
    }
}

#[test]
fn progressive_scan_parameters_outside_the_standard_are_refused() {
    let after_dc = || progressive(8, 8).scan(&[(1, 0, 0)], [0, 0, 0, 0]).data("0");
    for parameters in [
        [0, 1, 0, 0],   // DC and AC together
        [0, 63, 0, 0],  // all bands
        [5, 4, 0, 0],   // start past the end
        [64, 64, 0, 0], // no such band
        [1, 64, 0, 0],
        [1, 255, 0, 0],
        [1, 5, 0, 14], // more bits than there are
        [1, 5, 0, 15],
        [1, 5, 2, 0], // two bits at once
        [1, 5, 1, 1], // none
        [1, 5, 1, 2], // backwards
        [0, 0, 3, 1],
    ] {
        scan_parameters(after_dc(), &[(1, 0, 0)], parameters);
    }
}

#[test]
fn an_ac_scan_of_several_components_is_refused() {
    let start = tables()
        .frame(SOF2, 8, 8, &[(1, 1, 1, 0), (2, 1, 1, 0)])
        .scan(&[(1, 0, 0), (2, 0, 0)], [0, 0, 0, 0])
        .data("00");
    scan_parameters(start, &[(1, 0, 0), (2, 0, 0)], [1, 63, 0, 0]);
}

// ---- the order of scans -----------------------------------------------------------

#[test]
fn refinement_before_the_first_bits_is_refused() {
    progression(progressive(8, 8), [0, 0, 1, 0], 0);
    let after_dc = progressive(8, 8).scan(&[(1, 0, 0)], [0, 0, 0, 0]).data("0");
    progression(after_dc, [1, 5, 1, 0], 1);
}

#[test]
fn ac_before_dc_is_refused() {
    progression(progressive(8, 8), [1, 63, 0, 0], 1);
    progression(progressive(8, 8), [6, 63, 0, 0], 6);
}

#[test]
fn a_band_may_not_be_sent_twice() {
    let after_dc = || progressive(8, 8).scan(&[(1, 0, 0)], [0, 0, 0, 0]).data("0");
    progression(after_dc(), [0, 0, 0, 0], 0);
    let after_ac = after_dc().scan(&[(1, 0, 0)], [1, 5, 0, 0]).data("0");
    progression(after_ac.clone(), [1, 5, 0, 0], 1);
    progression(after_ac, [4, 9, 0, 0], 4);
}

#[test]
fn refinement_that_skips_a_bit_is_refused() {
    let start = || progressive(8, 8).scan(&[(1, 0, 0)], [0, 0, 0, 3]).data("0");
    progression(start(), [0, 0, 2, 1], 0);
    progression(start(), [0, 0, 1, 0], 0);
    let once = start().scan(&[(1, 0, 0)], [0, 0, 3, 2]).data("0");
    progression(once.clone(), [0, 0, 3, 2], 0);
    // In turn it is read, down to the last bit; bits that never come are zero.
    let bytes = once.scan(&[(1, 0, 0)], [0, 0, 2, 1]).data("0").finish();
    assert!(CoefficientImage::decode(&bytes).is_ok());
}

#[test]
fn a_component_that_no_scan_codes_is_noticed() {
    for code in [SOF0, SOF2] {
        let end = if code == SOF0 { 63 } else { 0 };
        let start = tables()
            .frame(code, 8, 8, &[(1, 1, 1, 0), (7, 1, 1, 0)])
            .scan(&[(1, 0, 0)], [0, end, 0, 0])
            .data("00");
        let at = start.len() + 1;
        malformed(&start.finish(), at, Malformed::ComponentNotCoded { id: 7 });
    }
    let start = sequential(8, 8);
    let at = start.len() + 1;
    malformed(&start.finish(), at, Malformed::ComponentNotCoded { id: 1 });
}

#[test]
fn a_sequential_component_may_not_be_coded_twice() {
    let start = sequential(8, 8)
        .scan(&[(1, 0, 0)], [0, 63, 0, 0])
        .data("00");
    let at = start.len() + 1;
    let bytes = start.scan(&[(1, 0, 0)], [0, 63, 0, 0]).data("00").finish();
    malformed(&bytes, at, Malformed::ComponentCodedTwice { id: 1 });
}

// ---- entropy-coded data -------------------------------------------------------------

#[test]
fn the_hand_made_tables_work() {
    // DC +1, then AC -1 and +1 with a run of two between, end of block; sixteen zeros, +1, end.
    let bytes = sequential_data(16, 8, "101 100 1111101 0 | 0 110 101 0").0;
    let image = CoefficientImage::decode(&bytes).unwrap();
    let blocks = image.components()[0].blocks();
    let mut first = [0; 64];
    (first[0], first[1], first[9]) = (1, -1, 1);
    assert_eq!(blocks[0], first);
    let mut second = [0; 64];
    (second[0], second[24 + 2]) = (1, 0);
    second[common_zigzag(17)] = 1;
    assert_eq!(blocks[1], second);
}

#[test]
fn a_run_past_the_last_coefficient_is_refused() {
    // Four times sixteen zeros; and sixty-two, then a run of two.
    for bits in [
        "0 110 110 110 110 0".to_owned(),
        format!("0 {} 1111101 0", "101".repeat(61)),
    ] {
        let (bytes, data) = sequential_data(8, 8, &bits);
        malformed_within(&bytes, data, Malformed::RunPastBlock);
    }
}

#[test]
fn the_last_coefficient_needs_no_end_of_block() {
    let (bytes, _) = sequential_data(8, 8, &format!("0 {}", "101".repeat(63)));
    let image = CoefficientImage::decode(&bytes).unwrap();
    assert_eq!(image.components()[0].blocks()[0][1..], [1; 63]);
    let more = format!("0 {} 00 {}", "101".repeat(63), "0".repeat(64));
    let (bytes, data) = sequential_data(8, 8, &more);
    malformed_within(&bytes, data, Malformed::LeftoverData { bytes: 8 });
}

#[test]
fn symbols_that_the_process_lacks_are_refused() {
    for bits in [
        "1110 000000000000 0",  // DC difference of twelve bits
        "0 1110 00000000000 0", // AC coefficient of eleven bits
        "0 11110 00000 0",      // an end-of-band run
    ] {
        let (bytes, data) = sequential_data(8, 8, bits);
        malformed_within(&bytes, data, Malformed::IllegalSymbol);
    }
}

#[test]
fn bits_that_are_no_code_are_refused() {
    for bits in ["1111 0000 0000 0000 0000", "0 1111111 0 0000 0000 0000"] {
        let (bytes, data) = sequential_data(8, 8, bits);
        malformed_within(&bytes, data, Malformed::UnknownCode);
    }
}

#[test]
fn a_dc_coefficient_past_its_type_is_refused() {
    // Seventeen differences of 2047.
    let (bytes, data) = sequential_data(17 * 8, 8, &"110 11111111111 0".repeat(17));
    let value = 17 * 2047;
    malformed_within(&bytes, data, Malformed::DcRange { value });
    // A progressive scan that leaves out thirteen bits: 4 << 13.
    let (bytes, data) = progressive_data(8, 8, [0, 0, 0, 13], "110 10000000000 0");
    malformed_within(&bytes, data, Malformed::DcRange { value: 1024 << 13 });
}

#[test]
fn an_ac_coefficient_past_its_type_is_refused() {
    let (bytes, data) = progressive_data(8, 8, [1, 63, 0, 13], "111110 1000000000 0");
    malformed_within(
        &bytes,
        data,
        Malformed::CoefficientRange { value: 512 << 13 },
    );
}

#[test]
fn a_band_that_ends_later_than_its_scan_is_refused() {
    for (end, bits) in [(5, "11111101 0 0000"), (16, "101 110 0 0000")] {
        let (bytes, data) = progressive_data(8, 8, [1, end, 0, 0], bits);
        malformed_within(&bytes, data, Malformed::RunPastBlock);
    }
}

#[test]
fn a_refined_band_that_ends_later_than_its_scan_is_refused() {
    let start = after_dc(8, 8).scan(&[(1, 0, 0)], [1, 5, 0, 1]).data("0");
    let start = start.scan(&[(1, 0, 0)], [1, 5, 1, 0]);
    let data = start.len();
    let bytes = start.data("11111101 0 0000").finish();
    malformed_within(&bytes, data..bytes.len(), Malformed::RunPastBlock);
}

#[test]
fn an_end_of_band_run_past_the_scan_is_refused() {
    // Runs of 2 and 3 for two blocks.
    let (fits, _) = progressive_data(16, 8, [1, 63, 0, 0], "1110 0");
    assert!(CoefficientImage::decode(&fits).is_ok());
    let (bytes, data) = progressive_data(16, 8, [1, 63, 0, 0], "1110 1");
    malformed_within(&bytes, data, Malformed::EndOfBandRun);
    // Restart intervals end a run too.
    let start = after_dc(16, 8)
        .restart_interval(1)
        .scan(&[(1, 0, 0)], [1, 63, 0, 0]);
    let data = start.len();
    let bytes = start.data("1110 0").marker(RST0).data("0").finish();
    malformed_within(&bytes, data..bytes.len(), Malformed::EndOfBandRun);
}

#[test]
fn a_refinement_that_brings_more_than_a_bit_is_refused() {
    let start = after_dc(8, 8).scan(&[(1, 0, 0)], [1, 63, 0, 1]).data("0");
    let start = start.scan(&[(1, 0, 0)], [1, 63, 1, 0]);
    let data = start.len();
    let bytes = start.data("11110 11 0 0000").finish();
    malformed_within(&bytes, data..bytes.len(), Malformed::RefinementSize);
}

#[test]
fn too_few_bytes_for_the_blocks_are_refused_before_any_work() {
    let start = sequential(65_500, 65_500).scan(&[(1, 0, 0)], [0, 63, 0, 0]);
    let bytes = start.data(&"0".repeat(800)).finish();
    let options = DecodeOptions::new().with_limits(Limits::none());
    let error = CoefficientImage::decode_with(&bytes, &options).unwrap_err();
    let end = bytes.len() as u64;
    assert!(
        matches!(error, Error::UnexpectedEnd { offset } if offset == end),
        "{error}"
    );
}

// ---- restart markers ------------------------------------------------------------------

#[test]
fn a_restart_marker_of_the_wrong_number_is_refused() {
    for name in [
        "restart-1mcu-baseline-444-67x45",
        "restart-1mcu-progressive-420-47x33",
    ] {
        let bytes = fixture(name);
        let restarts: Vec<_> = parts(&bytes)
            .into_iter()
            .filter(|part| is_restart(part.code))
            .collect();
        for restart in [restarts[0], restarts[1]] {
            for found in (RST0..RST0 + 8).filter(|&code| code != restart.code) {
                let mut bytes = bytes.clone();
                bytes[restart.position] = found;
                let expected = restart.code - RST0;
                malformed(
                    &bytes,
                    restart.position,
                    Malformed::RestartMarker { expected, found },
                );
            }
        }
    }
}

#[test]
fn a_missing_restart_marker_is_noticed() {
    let mut bytes = fixture("restart-1mcu-baseline-444-67x45");
    let restarts: Vec<_> = parts(&bytes)
        .into_iter()
        .filter(|part| is_restart(part.code))
        .collect();
    let (first, second) = (restarts[0], restarts[1]);
    let left = (second.start - first.end) as u64;
    bytes.drain(first.start..first.end);
    let stuffed = Malformed::LeftoverData { bytes: left };
    malformed(&bytes, first.start, stuffed);
}

#[test]
fn another_marker_in_place_of_a_restart_is_refused() {
    let bytes = fixture("restart-1mcu-baseline-444-67x45");
    let restart = part(&bytes, RST0).position;
    for found in [EOI, DHT, COM] {
        let mut bytes = bytes.clone();
        bytes[restart] = found;
        malformed(
            &bytes,
            restart,
            Malformed::RestartMarker { expected: 0, found },
        );
    }
}

#[test]
fn a_restart_marker_that_comes_early_is_refused() {
    let start = sequential(32, 8)
        .restart_interval(4)
        .scan(&[(1, 0, 0)], [0, 63, 0, 0]);
    let at = start.len() + 1;
    let bytes = start.marker(RST0).data("00000000").finish();
    malformed(&bytes, at, Malformed::ScanCutShort { marker: RST0 });
}

#[test]
fn restart_markers_that_nobody_asked_for_are_refused() {
    let start = sequential(64, 8).scan(&[(1, 0, 0)], [0, 63, 0, 0]);
    let at = start.len() + 2;
    let bytes = start
        .data("00000000")
        .marker(RST0)
        .data("00000000")
        .finish();
    malformed(&bytes, at, Malformed::ScanCutShort { marker: RST0 });

    let start = sequential(8, 8)
        .restart_interval(1)
        .scan(&[(1, 0, 0)], [0, 63, 0, 0])
        .data("00");
    // Behind the last interval it does no harm.
    assert!(CoefficientImage::decode(&start.marker(RST0).finish()).is_ok());
}

// ---- the end of a scan ------------------------------------------------------------------

#[test]
fn data_left_over_after_the_last_block_is_refused() {
    let block = "00 111111";
    // The stuffed byte counts once.
    let left = format!("{block} 11111111 {}", "10101010".repeat(7));
    let (bytes, data) = sequential_data(8, 8, &left);
    malformed(&bytes, data.start + 1, Malformed::LeftoverData { bytes: 8 });
    let one = format!("{block} 10101010");
    let (bytes, data) = sequential_data(8, 8, &one);
    assert!(
        CoefficientImage::decode(&bytes).is_ok(),
        "right before the end of the image"
    );
    let comment = [&bytes[..data.end], &[0xFF, COM, 0, 2, 0xFF, EOI]].concat();
    malformed(
        &comment,
        data.start + 1,
        Malformed::LeftoverData { bytes: 1 },
    );
    let start = sequential(16, 8)
        .restart_interval(1)
        .scan(&[(1, 0, 0)], [0, 63, 0, 0]);
    let at = start.len() + 1;
    let early = start.data(&one).marker(RST0).data(block).finish();
    malformed(&early, at, Malformed::LeftoverData { bytes: 1 });
}

#[test]
fn a_marker_before_the_scan_is_complete_is_refused() {
    let bytes = fixture("baseline-420-q50-67x45");
    let scan = part(&bytes, SOS);
    let middle = usize::midpoint(scan.end, bytes.len());
    for marker in [EOI, SOS, DHT, DQT, COM, SOI, 0x01, RST0] {
        let mut bytes = bytes.clone();
        bytes.splice(middle..middle, [0xFF, marker]);
        malformed(&bytes, middle + 1, Malformed::ScanCutShort { marker });
    }
}

#[test]
fn a_scan_without_data_is_refused() {
    let start = sequential(8, 8).scan(&[(1, 0, 0)], [0, 63, 0, 0]);
    let at = start.len() + 1;
    malformed(&start.finish(), at, Malformed::ScanCutShort { marker: EOI });
}

// ---- anything at all ----------------------------------------------------------------------

/// One change to a file; numbers are reduced to what the file has.
#[derive(Debug, Clone)]
enum Mutation {
    Flip {
        at: usize,
        bit: u8,
    },
    Set {
        at: usize,
        value: u8,
    },
    /// As `Set`, in the segments before the first scan's data.
    SetHeader {
        at: usize,
        value: u8,
    },
    Insert {
        at: usize,
        value: u8,
    },
    Delete {
        at: usize,
        count: usize,
    },
    Truncate {
        at: usize,
    },
    CopySegment {
        from: usize,
        to: usize,
    },
    DropSegment {
        at: usize,
    },
}

fn mutations() -> impl Strategy<Value = Mutation> {
    let value = prop_oneof![any::<u8>(), Just(0xFF), Just(0)];
    prop_oneof![
        (any::<usize>(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip { at, bit }),
        (any::<usize>(), value.clone()).prop_map(|(at, value)| Mutation::Set { at, value }),
        (any::<usize>(), value.clone()).prop_map(|(at, value)| Mutation::SetHeader { at, value }),
        (any::<usize>(), value).prop_map(|(at, value)| Mutation::Insert { at, value }),
        (any::<usize>(), 1..64_usize).prop_map(|(at, count)| Mutation::Delete { at, count }),
        any::<usize>().prop_map(|at| Mutation::Truncate { at }),
        (any::<usize>(), any::<usize>()).prop_map(|(from, to)| Mutation::CopySegment { from, to }),
        any::<usize>().prop_map(|at| Mutation::DropSegment { at }),
    ]
}

impl Mutation {
    /// Segments are those of the file before any change.
    fn apply(&self, bytes: &mut Vec<u8>, original: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        let segments = parts(original);
        match *self {
            Self::Flip { at, bit } => bytes[at % length] ^= 1 << bit,
            Self::Set { at, value } => bytes[at % length] = value,
            Self::SetHeader { at, value } => {
                let header = part(original, SOS).end;
                bytes[at % header.min(length)] = value;
            }
            Self::Insert { at, value } => bytes.insert(at % (length + 1), value),
            Self::Delete { at, count } => {
                let start = at % length;
                bytes.drain(start..(start + count).min(length));
            }
            Self::Truncate { at } => bytes.truncate(at % length),
            Self::CopySegment { from, to } => {
                let from = segments[from % segments.len()];
                let to = segments[to % segments.len()].start.min(length);
                bytes.splice(to..to, original[from.start..from.end].iter().copied());
            }
            Self::DropSegment { at } => {
                let dropped = segments[at % segments.len()];
                bytes.drain(dropped.start.min(length)..dropped.end.min(length));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn a_damaged_file_is_refused_or_read_but_never_more(
        chosen in any::<prop::sample::Index>(),
        changes in prop::collection::vec(mutations(), 1..6),
    ) {
        let fixtures = all_fixtures();
        let original = chosen.get(fixtures);
        let mut bytes = original.clone();
        for change in &changes {
            change.apply(&mut bytes, original);
        }
        survives(&bytes)?;
    }

    #[test]
    fn noise_behind_a_sound_start_is_refused_or_read_but_never_more(
        chosen in any::<prop::sample::Index>(),
        segments in any::<usize>(),
        noise in prop::collection::vec(prop_oneof![4 => any::<u8>(), 1 => Just(0xFF_u8)], 0..400),
    ) {
        let original = chosen.get(all_fixtures());
        let parts = parts(original);
        let mut bytes = original[..parts[segments % parts.len()].end].to_vec();
        bytes.extend(noise);
        survives(&bytes)?;
    }
}

/// Reading ends soon, errors point into the file, and what is read can be written and read again.
fn survives(bytes: &[u8]) -> Result<(), TestCaseError> {
    let started = Instant::now();
    let result = CoefficientImage::decode(bytes);
    let elapsed = started.elapsed();
    prop_assert!(
        elapsed < Duration::from_secs(10),
        "{elapsed:?} for {} bytes",
        bytes.len()
    );
    match result {
        Ok(image) => {
            if let Some(written) = encode_unless_out_of_range(&image) {
                let again = CoefficientImage::decode(&written).unwrap();
                prop_assert_eq!(again.components(), image.components());
            }
        }
        Err(
            Error::Malformed { offset, .. }
            | Error::Unsupported { offset, .. }
            | Error::UnexpectedEnd { offset },
        ) => prop_assert!(offset <= bytes.len() as u64),
        Err(Error::LimitExceeded {
            required, allowed, ..
        }) => prop_assert!(required > allowed),
        Err(error) => prop_assert!(false, "{}", error),
    }
    Ok(())
}

fn all_fixtures() -> &'static [Vec<u8>] {
    static ALL: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    ALL.get_or_init(|| {
        fixtures()
            .into_iter()
            .map(|fixture| fixture.bytes)
            .collect()
    })
}

// ---- files made by hand ----------------------------------------------------------------------

/// Codes 0: no difference; 10: one bit; 110: eleven bits; 1110: twelve bits, which 8-bit samples lack.
const DC: &[(u8, u8)] = &[(1, 0), (2, 1), (3, 11), (4, 12)];

/// Codes 0: end of block; 10: one bit; 110: sixteen zeros; 1110: eleven bits; 11110: the end-of-band
/// run 5, both not in sequential scans; 111110: two zeros, one bit.
const AC: &[(u8, u8)] = &[
    (1, 0x00),
    (2, 0x01),
    (3, 0xF0),
    (4, 0x0B),
    (5, 0x50),
    (6, 0x21),
];

/// Codes 0: end of band; 10: one bit; 110: sixteen zeros; 1110: end-of-band run of 2 or 3; 11110: two
/// bits; 111110: ten bits; 1111110: seven zeros, one bit.
const PROGRESSIVE_AC: &[(u8, u8)] = &[
    (1, 0x00),
    (2, 0x01),
    (3, 0xF0),
    (4, 0x10),
    (5, 0x02),
    (6, 0x0A),
    (7, 0x71),
];

fn tables() -> Writer {
    Writer::new()
        .quantization(0, 1)
        .huffman(0, 0, DC)
        .huffman(1, 0, AC)
}

/// A grey baseline file up to its scan.
fn sequential(width: u16, height: u16) -> Writer {
    tables().frame(SOF0, width, height, &[(1, 1, 1, 0)])
}

/// A grey progressive file up to its first scan.
fn progressive(width: u16, height: u16) -> Writer {
    Writer::new()
        .quantization(0, 1)
        .huffman(0, 0, DC)
        .huffman(1, 0, PROGRESSIVE_AC)
        .frame(SOF2, width, height, &[(1, 1, 1, 0)])
}

/// As [`progressive`], with a first scan of zero DC differences.
fn after_dc(width: u16, height: u16) -> Writer {
    let blocks = usize::from(width.div_ceil(8)) * usize::from(height.div_ceil(8));
    progressive(width, height)
        .scan(&[(1, 0, 0)], [0, 0, 0, 0])
        .data(&"0".repeat(blocks))
}

/// A grey baseline file with this data, and where the data stands.
fn sequential_data(width: u16, height: u16, bits: &str) -> (Vec<u8>, Range<usize>) {
    let start = sequential(width, height).scan(&[(1, 0, 0)], [0, 63, 0, 0]);
    with_data(start, bits)
}

/// A grey progressive file whose last scan holds this data, and where the data stands.
fn progressive_data(
    width: u16,
    height: u16,
    parameters: [u8; 4],
    bits: &str,
) -> (Vec<u8>, Range<usize>) {
    let start = if parameters[0] == 0 {
        progressive(width, height)
    } else {
        after_dc(width, height)
    };
    with_data(start.scan(&[(1, 0, 0)], parameters), bits)
}

fn with_data(start: Writer, bits: &str) -> (Vec<u8>, Range<usize>) {
    let from = start.len();
    let start = start.data(bits);
    let to = start.len();
    (start.finish(), from..to)
}

/// The file without any segment of this marker.
fn fixture_without(bytes: &[u8], code: u8) -> Vec<u8> {
    let mut kept = bytes.to_vec();
    for part in parts(bytes)
        .into_iter()
        .rev()
        .filter(|part| part.code == code)
    {
        kept.drain(part.start..part.end);
    }
    kept
}

fn is_restart(code: u8) -> bool {
    (RST0..RST0 + 8).contains(&code)
}

/// Natural index of a zig-zag position.
fn common_zigzag(position: usize) -> usize {
    feature_distillation::Band::from_zigzag(position)
        .unwrap()
        .natural()
}

// ---- what is expected ------------------------------------------------------------------------

fn refusal(bytes: &[u8]) -> Error {
    match CoefficientImage::decode(bytes) {
        Ok(_) => panic!("{} bytes were read", bytes.len()),
        Err(error) => error,
    }
}

#[track_caller]
fn malformed(bytes: &[u8], offset: usize, kind: Malformed) {
    malformed_within(bytes, offset..offset + 1, kind);
}

#[track_caller]
fn malformed_within(bytes: &[u8], range: Range<usize>, expected: Malformed) {
    match refusal(bytes) {
        Error::Malformed { offset, kind } => {
            assert_eq!(kind, expected, "at byte {offset}");
            assert!(
                range.contains(&usize::try_from(offset).unwrap()),
                "{kind} at byte {offset}, expected in {range:?}"
            );
        }
        error => panic!("expected {expected}, got {error}"),
    }
}

#[track_caller]
fn unsupported(bytes: &[u8], expected: usize, wanted: UnsupportedFeature) {
    match refusal(bytes) {
        Error::Unsupported { offset, feature } => {
            assert_eq!((offset, feature), (expected as u64, wanted));
        }
        error => panic!("expected {wanted}, got {error}"),
    }
}

#[track_caller]
fn ends_at(bytes: &[u8], expected: usize) {
    match refusal(bytes) {
        Error::UnexpectedEnd { offset } => assert_eq!(offset, expected as u64),
        error => panic!("expected an early end, got {error}"),
    }
}

/// A scan header with these parameters is refused where they stand.
#[track_caller]
fn scan_parameters(start: Writer, components: &[(u8, u8, u8)], parameters: [u8; 4]) {
    let at = start.len() + 5 + 2 * components.len();
    let bytes = start.scan(components, parameters).data("0").finish();
    let [start, end, high, low] = parameters;
    malformed(
        &bytes,
        at,
        Malformed::ScanParameters {
            start,
            end,
            high,
            low,
        },
    );
}

/// A scan of component 1 with these parameters is out of turn at zig-zag index `index`.
#[track_caller]
fn progression(start: Writer, parameters: [u8; 4], index: u8) {
    let at = start.len() + 1;
    let bytes = start.scan(&[(1, 0, 0)], parameters).data("0").finish();
    malformed(&bytes, at, Malformed::ProgressionOrder { id: 1, index });
}

#[test]
fn a_bad_value_in_a_table_is_the_byte_that_the_error_points_at() {
    let mut bytes = fixture("baseline-420-q90-47x33");
    let dht = parts(&bytes)
        .into_iter()
        .find(|part| part.code == DHT)
        .unwrap();
    // Length, class and destination, sixteen counts, and the sixth symbol.
    let symbol = dht.position + 3 + 1 + 16 + 5;
    bytes[symbol] = 0x7F;
    malformed(&bytes, symbol, Malformed::HuffmanSymbol { symbol: 0x7F });

    let mut bytes = fixture("arithmetic-420-47x33");
    let dac = parts(&bytes)
        .into_iter()
        .find(|part| part.code == 0xCC)
        .unwrap();
    let value = dac.position + 4;
    bytes[value] = 0x01;
    let kind = Malformed::ConditioningValue {
        class: 0,
        value: 0x01,
    };
    malformed(&bytes, value, kind);
}
