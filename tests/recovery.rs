//! The promise: of a damaged file all is kept that could be read, at least as much as libjpeg keeps,
//! and the report says what was lost.

mod common;
mod oracle;

use std::collections::HashSet;
use std::num::NonZeroU16;
use std::time::Instant;

use common::bytes::{COM, DHT, EOI, RST0, SOF0, SOS, Writer, part, parts};
use common::{Damaged, Fixture, coefficients, damaged, fixture, fixtures};
use feature_distillation::{
    BlockArea, CoefficientImage, ColorSpace, Component, DamageKind, DecodeOptions, EncodeOptions,
    Error, Limits, Malformed, QuantizationTable, Recovered, RestartInterval, SamplingFactor,
    ScanScript, UnsupportedFeature,
};
use oracle::Libjpeg;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

#[test]
fn a_sound_file_is_recovered_as_it_is_decoded_with_nothing_to_report() {
    for Fixture { name, bytes } in fixtures() {
        let options = common::many_scans();
        let recovered = CoefficientImage::recover_with(&bytes, &options)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let decoded = CoefficientImage::decode_with(&bytes, &options).unwrap();
        assert_eq!(recovered.image, decoded, "{name}");
        assert!(
            recovered.report.is_sound() || name.starts_with("leftover-"),
            "{name}: {:?}",
            recovered.report.damages()
        );
    }
}

#[test]
fn at_least_as_many_blocks_are_recovered_as_by_libjpeg() {
    let (mut files, mut more, mut equal) = (0, 0, 0);
    for Damaged {
        name,
        bytes,
        original,
        recorded,
    } in damaged()
    {
        let Recovered { image, report } = match CoefficientImage::recover(&bytes) {
            Ok(recovered) => recovered,
            Err(_) if name.starts_with("truncated-before-first-scan") => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        let original = CoefficientImage::decode(&original).unwrap();
        // What libjpeg notices is reported.
        let warned = recorded["warnings"].as_u64() != Some(0);
        assert!(!report.is_sound() || !warned, "{name}: nothing reported");
        let empty = Vec::new();
        let theirs = recorded["components"].as_array().unwrap_or(&empty);
        for (index, component) in image.components().iter().enumerate() {
            let ours = blocks_equal(component, &original.components()[index]);
            let recorded = theirs.get(index);
            let libjpegs = recorded.map_or(0, |one| one["blocks_equal"].as_u64().unwrap());
            assert!(
                ours >= libjpegs,
                "{name}: component {index}: {ours} blocks, libjpeg {libjpegs}; {:?}",
                report.damages()
            );
            more += u32::from(ours > libjpegs);
            equal += u32::from(
                recorded.is_some_and(|one| one["sha256"].as_str() == Some(&hash(component))),
            );
        }
        files += 1;
    }
    assert!(files >= 40, "{files} damaged files");
    eprintln!("{files} damaged files: {equal} components as libjpeg's, {more} with more blocks");
}

/// Set `FEATURE_DISTILLATION_DATA` to a folder of JPEG files to compare those that libjpeg repairs.
#[test]
fn files_of_the_callers_choice_are_repaired_as_libjpeg_repairs_them() {
    let Some(folder) = std::env::var_os("FEATURE_DISTILLATION_DATA") else {
        eprintln!(
            "FEATURE_DISTILLATION_DATA is not set: no files beside the fixtures were compared"
        );
        return;
    };
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    let mut files = Vec::new();
    common::jpeg_files(folder.as_ref(), &mut files);
    files.sort();
    let (mut warned, mut equal, mut refused) = (0, 0, 0);
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        let Ok(theirs) = libjpeg.read_coefficients(&bytes) else {
            continue;
        };
        if theirs.warnings == 0 {
            continue;
        }
        warned += 1;
        match CoefficientImage::recover(&bytes) {
            Ok(Recovered { image, report }) => {
                let same = image
                    .components()
                    .iter()
                    .zip(&theirs.components)
                    .all(|(ours, theirs)| coefficients(ours) == theirs.coefficients);
                if same {
                    equal += 1;
                } else {
                    let first = report.damages().first().map(ToString::to_string);
                    eprintln!("{}: differs; {first:?}", path.display());
                }
            }
            Err(error) => {
                refused += 1;
                eprintln!("{}: {error}", path.display());
            }
        }
    }
    eprintln!("{warned} files with warnings: {equal} equal, {refused} refused");
}

#[test]
fn a_truncated_file_keeps_all_blocks_before_the_cut() {
    for name in [
        "baseline-420-q90-47x33",
        "baseline-optimized-444-q100-16x16",
        "scans-noninterleaved-420-33x31",
        "restart-3mcu-baseline-420-47x33",
    ] {
        let bytes = fixture(name);
        let original = CoefficientImage::decode(&bytes).unwrap();
        let first_scan = parts(&bytes)
            .iter()
            .find(|part| part.code == SOS)
            .unwrap()
            .end;
        let mut before = 0;
        for length in first_scan..bytes.len() - 2 {
            let Recovered { image, report } = CoefficientImage::recover(&bytes[..length]).unwrap();
            assert!(!report.is_sound(), "{name} cut to {length}");
            let recovered: u64 = image
                .components()
                .iter()
                .zip(original.components())
                .map(|(found, expected)| blocks_equal(found, expected))
                .sum();
            // What the report does not call lost is there.
            let mut lost = vec![Vec::new(); image.components().len()];
            for area in report.damages().iter().flat_map(|damage| &damage.lost) {
                for y in area.rows.clone() {
                    lost[area.component].extend(area.columns.clone().map(|x| (x, y)));
                }
            }
            for (component, lost) in lost.iter().enumerate() {
                let (found, expected) = (
                    &image.components()[component],
                    &original.components()[component],
                );
                for y in 0..found.blocks_high() {
                    for x in 0..found.blocks_wide() {
                        assert!(
                            lost.contains(&(x, y)) || found.block(x, y) == expected.block(x, y),
                            "{name} cut to {length}: component {component}, block ({x}, {y}); {report:?}"
                        );
                    }
                }
            }
            before = recovered;
        }
        let whole: u64 = original
            .components()
            .iter()
            .map(|one| one.blocks().len() as u64)
            .sum();
        assert!(
            before + 12 >= whole,
            "{name}: {before} of {whole} blocks with all but the last bytes"
        );
    }
}

#[test]
fn an_interval_without_its_restart_marker_is_the_only_one_lost() {
    let name = "restart-1mcu-baseline-444-67x45";
    let bytes = fixture(name);
    let original = CoefficientImage::decode(&bytes).unwrap();
    let restarts: Vec<_> = parts(&bytes)
        .into_iter()
        .filter(|part| (RST0..=RST0 + 7).contains(&part.code))
        .collect();
    for (index, restart) in restarts.iter().enumerate() {
        let mut without = bytes.clone();
        without.drain(restart.start..restart.end);
        let Recovered { image, report } = CoefficientImage::recover(&without).unwrap();
        for (found, expected) in image.components().iter().zip(original.components()) {
            let wrong: Vec<usize> = (0..found.blocks().len())
                .filter(|&block| found.blocks()[block] != expected.blocks()[block])
                .collect();
            assert!(
                wrong.iter().all(|&block| block == index + 1),
                "{index}: {wrong:?}; {report:?}"
            );
        }
        assert!(!report.is_sound());
    }
}

#[test]
fn a_restart_marker_whose_number_is_damaged_costs_nothing() {
    let name = "restart-1mcu-baseline-444-67x45";
    let bytes = fixture(name);
    let original = CoefficientImage::decode(&bytes).unwrap();
    for restart in parts(&bytes)
        .iter()
        .filter(|part| (RST0..=RST0 + 7).contains(&part.code))
    {
        for code in (RST0..=RST0 + 7).filter(|&code| code != restart.code) {
            let mut damaged = bytes.clone();
            damaged[restart.position] = code;
            let Recovered { image, report } = CoefficientImage::recover(&damaged).unwrap();
            assert_eq!(image.components(), original.components(), "{report:?}");
            let expected = restart.code - RST0;
            let damage = &report.damages()[0];
            assert_eq!(
                (damage.offset, damage.kind),
                (
                    restart.position as u64,
                    DamageKind::Malformed(Malformed::RestartMarker {
                        expected,
                        found: code
                    })
                )
            );
        }
    }
}

#[test]
fn a_stuffed_zero_that_is_damaged_costs_nothing() {
    let bytes = fixture("baseline-420-q90-47x33");
    let original = CoefficientImage::decode(&bytes).unwrap();
    let scan = parts(&bytes)
        .iter()
        .find(|part| part.code == SOS)
        .unwrap()
        .end;
    let stuffed: Vec<usize> = (scan..bytes.len() - 1)
        .filter(|&at| bytes[at] == 0xFF && bytes[at + 1] == 0)
        .collect();
    assert!(!stuffed.is_empty());
    for at in stuffed {
        for marker in [0x01, 0x40, 0xBF] {
            let mut damaged = bytes.clone();
            damaged[at + 1] = marker;
            let Recovered { image, report } = CoefficientImage::recover(&damaged).unwrap();
            assert_eq!(image.components(), original.components());
            let kinds: Vec<_> = report
                .damages()
                .iter()
                .map(|one| (one.offset, one.kind))
                .collect();
            let kind = DamageKind::Malformed(Malformed::UnexpectedMarker { marker });
            assert_eq!(kinds, [(at as u64 + 1, kind)]);
        }
    }
}

#[test]
fn a_byte_that_is_damaged_to_look_like_fill_does_not_end_the_data() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    let bytes = fixture("baseline-420-q90-47x33");
    let scan = parts(&bytes)
        .iter()
        .find(|part| part.code == SOS)
        .unwrap()
        .end;
    let stuffed: Vec<usize> = (scan + 1..bytes.len() - 1)
        .filter(|&at| bytes[at] == 0xFF && bytes[at + 1] == 0)
        .collect();
    assert!(!stuffed.is_empty());
    for at in stuffed {
        let mut damaged = bytes.clone();
        damaged[at - 1] = 0xFF;
        let Recovered { image, report } = CoefficientImage::recover(&damaged).unwrap();
        assert!(!report.is_sound());
        let theirs = libjpeg.read_coefficients(&damaged).unwrap();
        for (ours, theirs) in image.components().iter().zip(&theirs.components) {
            assert_eq!(coefficients(ours), theirs.coefficients, "byte {at}");
        }
    }
}

#[test]
fn a_missing_end_of_image_costs_nothing() {
    for Fixture { name, bytes } in fixtures()
        .into_iter()
        .filter(|one| one.name.starts_with("progressive"))
    {
        let end = parts(&bytes).last().unwrap().start;
        let recovered = CoefficientImage::recover(&bytes[..end]).unwrap();
        let original = CoefficientImage::decode(&bytes).unwrap();
        assert_eq!(
            recovered.image.components(),
            original.components(),
            "{name}"
        );
        let kinds: Vec<DamageKind> = recovered
            .report
            .damages()
            .iter()
            .map(|one| one.kind)
            .collect();
        assert_eq!(kinds, [DamageKind::UnexpectedEnd], "{name}");
    }
}

#[test]
fn bytes_before_between_and_after_segments_are_skipped_and_counted() {
    let bytes = fixture("baseline-420-q90-47x33");
    let original = CoefficientImage::decode(&bytes).unwrap();
    for part in parts(&bytes) {
        let mut damaged = bytes.clone();
        damaged.splice(part.start..part.start, *b"garbage");
        let Recovered { image, report } = CoefficientImage::recover(&damaged).unwrap();
        assert_eq!(image.components(), original.components());
        // Before the end of the image, they are left-over data of its scan.
        if part.code != EOI {
            let damage = &report.damages()[0];
            assert_eq!(
                (damage.offset, damage.kind),
                (part.start as u64, DamageKind::SkippedBytes { bytes: 7 })
            );
        }
    }
}

#[test]
fn a_damaged_start_of_image_does_not_lead_to_the_thumbnail() {
    let bytes = fixture("exif-thumbnail-420-47x33");
    let original = CoefficientImage::decode(&bytes).unwrap();
    for at in [0, 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let Recovered { image, report } = CoefficientImage::recover(&damaged).unwrap();
        assert_eq!(image.components(), original.components());
        let kind = DamageKind::Malformed(Malformed::MissingStartOfImage);
        assert_eq!(report.damages()[0].kind, kind);
    }
}

#[test]
fn restart_markers_of_a_scan_that_is_skipped_do_not_count_as_segments() {
    let table = QuantizationTable::uniform(16).unwrap();
    let sampling = [SamplingFactor::ONE; 3];
    let image =
        CoefficientImage::new(640, 640, ColorSpace::YCbCr, &sampling, &table.into()).unwrap();
    let options = EncodeOptions::new()
        .with_scans(ScanScript::by_component(&image))
        .with_restart_interval(RestartInterval::Mcus(NonZeroU16::MIN));
    let mut bytes = image.encode_with(&options).unwrap().bytes;
    let scan = parts(&bytes)
        .into_iter()
        .find(|part| part.code == SOS)
        .unwrap();
    bytes[scan.position + 4] = 77;
    let Recovered { image, report } = CoefficientImage::recover(&bytes).unwrap();
    assert_eq!(image.components().len(), 3);
    assert!(!report.is_sound());
}

#[test]
fn many_frame_headers_without_lines_cost_one_look_ahead() {
    let mut bytes = vec![0xFF, 0xD8];
    for _ in 0..4000 {
        bytes.extend([0xFF, 0xC0, 0, 11, 8, 0, 0, 0, 8, 1, 1, 0x11, 0]);
    }
    bytes.extend([0xFF, SOS, 0, 8, 1, 1, 0, 0, 63, 0]);
    bytes.extend([0xFF, 0].repeat(1_000_000));
    bytes.extend([0xFF, EOI]);
    let start = Instant::now();
    assert!(matches!(
        CoefficientImage::recover(&bytes),
        Err(Error::Malformed {
            offset: 7,
            kind: Malformed::MissingLines
        })
    ));
    // A look at each would take a minute.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn segments_of_other_processes_are_passed_over_and_named() {
    const EXP: u8 = 0xDF;
    let bytes = fixture("baseline-420-q90-47x33");
    let original = CoefficientImage::decode(&bytes).unwrap();
    let scan = part(&bytes, SOS).start;
    let mut damaged = bytes.clone();
    damaged.splice(scan..scan, [0xFF, EXP, 0, 3, 0x11]);
    let Recovered { image, report } = CoefficientImage::recover(&damaged).unwrap();
    assert_eq!(image.components(), original.components());
    let damage = &report.damages()[0];
    assert_eq!(
        (damage.offset, damage.kind),
        (
            scan as u64 + 1,
            DamageKind::Unsupported(UnsupportedFeature::Hierarchical)
        )
    );
}

#[test]
fn damages_past_a_thousand_are_counted_and_not_listed() {
    let mut bytes = fixture("baseline-420-q90-47x33");
    let original = CoefficientImage::decode(&bytes).unwrap();
    let comments_with_a_byte_too_many = [0xFF, COM, 0, 2, 0x42].repeat(1500);
    bytes.splice(2..2, comments_with_a_byte_too_many);
    let Recovered { image, report } = CoefficientImage::recover(&bytes).unwrap();
    assert_eq!(image.components(), original.components());
    assert_eq!((report.damages().len(), report.unlisted()), (1000, 500));
    for (index, damage) in report.damages().iter().enumerate() {
        assert_eq!(
            (damage.offset, damage.kind),
            (6 + 5 * index as u64, DamageKind::SkippedBytes { bytes: 1 })
        );
    }
}

#[test]
fn a_damage_says_how_many_blocks_it_costs() {
    let mut bytes = fixture("restart-1mcu-baseline-444-67x45");
    // 9 MCUs of three blocks a row, 6 rows: all after the first are gone.
    let restart = part(&bytes, RST0);
    bytes.truncate(restart.start);
    let Recovered { report, .. } = CoefficientImage::recover(&bytes).unwrap();
    let damage = &report.damages()[0];
    let lost: u64 = damage.lost.iter().map(BlockArea::block_count).sum();
    assert_eq!(lost, 3 * (9 * 6 - 1));
    assert_eq!(
        damage.to_string(),
        format!(
            "byte {}: the file ends before the image is complete; \
             scan 0: 159 blocks lost, 0 doubtful",
            restart.start
        )
    );
}

#[test]
fn files_with_nothing_of_an_image_are_refused() {
    let bytes = fixture("baseline-420-q90-47x33");
    let end_of_header = parts(&bytes)
        .iter()
        .find(|part| part.code == SOS)
        .unwrap()
        .start;
    for nothing in [
        &[][..],
        &[0xFF],
        b"text",
        &bytes[..2],
        &bytes[..end_of_header],
        &[0xFF, 0xD8, 0xFF, EOI],
    ] {
        assert!(
            CoefficientImage::recover(nothing).is_err(),
            "{} bytes",
            nothing.len()
        );
    }
}

#[test]
fn limits_hold_for_recovery_too() {
    let bytes = fixture("baseline-420-q90-47x33");
    let options = DecodeOptions::new().with_limits(Limits::default().with_max_memory(1000));
    assert!(matches!(
        CoefficientImage::recover_with(&bytes, &options),
        Err(Error::LimitExceeded { .. })
    ));
}

/// Every byte of the scans of Huffman-coded files is damaged in turn.
#[test]
fn a_wrong_block_is_listed_wherever_damaged_data_are_noticed() {
    let mut noticed = 0;
    for name in [
        "baseline-420-q90-47x33",
        "scans-noninterleaved-420-33x31",
        "restart-3mcu-baseline-420-47x33",
        "progressive-420-q75-47x33",
        "restart-1mcu-progressive-420-47x33",
    ] {
        let bytes = fixture(name);
        let original = CoefficientImage::decode(&bytes).unwrap();
        for (part, next) in parts(&bytes).iter().zip(parts(&bytes).iter().skip(1)) {
            for at in part.end..next.start {
                for change in [0x01, 0x10, 0x80, 0xFF] {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= change;
                    let recovered = CoefficientImage::recover(&damaged).unwrap();
                    noticed += u32::from(!recovered.report.is_sound());
                    if !recovered.report.is_sound() {
                        assert_wrong_blocks_are_listed(
                            &recovered,
                            &original,
                            &format!("{name}, {at}"),
                        );
                    }
                }
            }
        }
    }
    assert!(noticed > 2000, "{noticed} damages noticed");
}

#[test]
fn what_scans_without_tables_headers_or_ends_would_have_brought_is_lost() {
    let bytes = fixture("progressive-420-q75-47x33");
    let original = CoefficientImage::decode(&bytes).unwrap();
    let parts = parts(&bytes);
    let positions = |code| {
        let found = parts.iter().filter(move |part| part.code == code);
        found.map(|part| part.position).collect::<Vec<_>>()
    };
    let recover = |damaged: &[u8], what: &str| {
        let recovered = CoefficientImage::recover(damaged).unwrap();
        assert_ne!(
            recovered.image.components(),
            original.components(),
            "{what}"
        );
        assert_wrong_blocks_are_listed(&recovered, &original, what);
    };
    for &position in &positions(DHT) {
        let mut damaged = bytes.clone();
        damaged[position + 3] ^= 0x20;
        recover(&damaged, "class of a table");
        damaged[position + 3] ^= 0x23;
        recover(&damaged, "destination of a table");
    }
    for &position in &positions(SOS)[1..] {
        recover(&bytes[..position - 1], "cut before a scan");
        let mut damaged = bytes.clone();
        damaged[position + 4] = 77;
        recover(&damaged, "component of a scan");
    }
}

proptest! {
    #[test]
    fn what_decodes_recovers_the_same_and_nothing_panics(
        index in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let all = fixtures();
        let mut bytes = index.get(&all).bytes.clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(bytes.len() - cut.index(bytes.len()) / 2);
        match (CoefficientImage::decode(&bytes), CoefficientImage::recover(&bytes)) {
            (Ok(decoded), Ok(recovered)) => prop_assert_eq!(decoded, recovered.image),
            (Ok(_), Err(error)) => prop_assert!(false, "{}", error),
            (Err(_), Ok(recovered)) => prop_assert!(!recovered.report.is_sound()),
            (Err(_), Err(_)) => {}
        }
    }
}

fn assert_wrong_blocks_are_listed(
    Recovered { image, report }: &Recovered,
    original: &CoefficientImage,
    what: &str,
) {
    let mut listed = HashSet::new();
    for damage in report.damages() {
        for area in damage.lost.iter().chain(&damage.doubtful) {
            for y in area.rows.clone() {
                listed.extend(area.columns.clone().map(|x| (area.component, x, y)));
            }
        }
    }
    for (index, (found, expected)) in
        (0..).zip(image.components().iter().zip(original.components()))
    {
        for y in 0..found.blocks_high() {
            for x in 0..found.blocks_wide() {
                assert!(
                    found.block(x, y) == expected.block(x, y) || listed.contains(&(index, x, y)),
                    "{what}: component {index}, block ({x}, {y}); {report:?}"
                );
            }
        }
    }
}

fn blocks_equal(found: &Component, expected: &Component) -> u64 {
    let same = found
        .blocks()
        .iter()
        .zip(expected.blocks())
        .filter(|(a, b)| a == b);
    same.count() as u64
}

fn hash(component: &Component) -> String {
    let mut hash = Sha256::new();
    for level in coefficients(component) {
        hash.update(level.to_le_bytes());
    }
    format!("{:x}", hash.finalize())
}

#[test]
fn blocks_of_more_damages_than_are_listed_are_told_too() {
    let table = QuantizationTable::uniform(1).unwrap().into();
    let factors = [SamplingFactor::ONE];
    let mut image =
        CoefficientImage::new(8 * 60, 8 * 40, ColorSpace::Grey, &factors, &table).unwrap();
    for block in image.components_mut()[0].blocks_mut() {
        block[0] = 100;
    }
    let each_block = RestartInterval::Mcus(NonZeroU16::MIN);
    let options = EncodeOptions::new().with_restart_interval(each_block);
    let sound = image.encode_with(&options).unwrap().bytes;
    // Markers without data between them.
    let markers = parts(&sound);
    let scan = markers.iter().find(|part| part.code == SOS).unwrap().end;
    let mut bytes = sound[..scan].to_vec();
    for part in markers.iter().filter(|part| part.position >= scan) {
        bytes.extend([0xFF, part.code]);
    }
    let report = CoefficientImage::recover(&bytes).unwrap().report;
    assert_eq!(report.damages().len() as u64 + report.unlisted(), 2400);
    let mut told = vec![false; 2400];
    for area in report.lost() {
        for y in area.rows.clone() {
            for x in area.columns.clone() {
                told[(60 * y + x) as usize] = true;
            }
        }
    }
    assert!(told.iter().all(|&told| told));
    assert_eq!(report.doubtful().count(), 0);
}

#[test]
fn an_end_of_block_changes_nothing_of_a_block_that_was_coded_before() {
    let scan = |file: Writer, bits| file.scan(&[(1, 0, 0)], [0, 63, 0, 0]).data(bits);
    let tables = Writer::new()
        .quantization(0, 1)
        .frame(SOF0, 8, 8, &[(1, 1, 1, 0)])
        .huffman(0, 0, &[(1, 0)])
        // End of block, sixteen zeros, fourteen zeros and a value of one bit.
        .huffman(1, 0, &[(2, 0x00), (2, 0xF0), (2, 0xE1)]);
    let once = scan(tables, "0 01 01 01 10 1");
    let bytes = scan(once, "0 00").finish();
    let recovered = CoefficientImage::recover(&bytes).unwrap();
    let mut expected = [0; 64];
    expected[63] = 1;
    assert_eq!(recovered.image.components()[0].blocks(), [expected]);
    assert_eq!(recovered.report.damages().len(), 1, "coded twice");
}
