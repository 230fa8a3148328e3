//! The promise: every item of the list of what hostile, broken and merely unusual files bring has a
//! small file in `tests/crashes`, and the reader says of each exactly this.
//!
//! What needs megabytes, or every length of a file, is made here.

mod common;
mod oracle;

use std::path::PathBuf;

use common::allocation::{Counting, peak_of};
use common::bytes::{APP0, COM, DHT, DQT, SOF0, SOF2, SOS, Writer, part};
use common::{coefficients, fixture, fixtures};
use feature_distillation::{
    ArgumentError, Band, CoefficientImage, ColorSpace, DecodeOptions, EncodeOptions, Error,
    HuffmanTables, LimitKind, Limits, Malformed, MetadataSegment, Process, QuantizationTable,
    QuantizationTables, SamplingFactor, UnsupportedFeature,
};
use oracle::Libjpeg;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test for each file of the same name; the lists together are the whole folder.
macro_rules! checklist {
    (
        malformed { $($malformed:ident: $kind:pat,)* }
        ends_early { $($early:ident,)* }
        unsupported { $($unsupported:ident: $feature:pat,)* }
        beyond_limits { $($beyond:ident: $limit:pat,)* }
        read { $($read:ident: $width:literal x $height:literal x $components:literal,)* }
        read_or_refused { $($either:ident,)* }
    ) => {
        $(
            #[test]
            fn $malformed() {
                match refusal(stringify!($malformed)) {
                    Error::Malformed { kind: $kind, .. } => {}
                    error => panic!("expected {}, got {error}", stringify!($kind)),
                }
            }
        )*
        $(
            #[test]
            fn $early() {
                let error = refusal(stringify!($early));
                assert!(matches!(error, Error::UnexpectedEnd { .. }), "{error}");
            }
        )*
        $(
            #[test]
            fn $unsupported() {
                match refusal(stringify!($unsupported)) {
                    Error::Unsupported { feature: $feature, .. } => {}
                    error => panic!("expected {}, got {error}", stringify!($feature)),
                }
            }
        )*
        $(
            #[test]
            fn $beyond() {
                let (error, peak) = peak_of(|| refusal(stringify!($beyond)));
                match error {
                    Error::LimitExceeded { limit: $limit, .. } => {}
                    error => panic!("expected {}, got {error}", stringify!($limit)),
                }
                assert!(peak < 256 << 10, "{peak} bytes held");
            }
        )*
        $(
            #[test]
            fn $read() {
                let image = read(stringify!($read));
                let size = (image.width(), image.height(), image.components().len());
                assert_eq!(size, ($width, $height, $components));
            }
        )*
        $(
            #[test]
            fn $either() {
                match decoded(stringify!($either)) {
                    Ok(_) | Err(Error::Malformed { .. } | Error::UnexpectedEnd { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        )*

        const LISTED: &[&str] = &[
            $(stringify!($malformed),)*
            $(stringify!($early),)*
            $(stringify!($unsupported),)*
            $(stringify!($beyond),)*
            $(stringify!($read),)*
            $(stringify!($either),)*
        ];
    };
}

checklist! {
    malformed {
        // framing
        no_start_of_image: Malformed::MissingStartOfImage,
        no_frame: Malformed::NoFrame,
        segment_length_0: Malformed::SegmentLength { marker: COM, length: 0 },
        segment_length_1: Malformed::SegmentLength { marker: COM, length: 1 },
        garbage_between_segments: Malformed::ExpectedMarker { found: b'g' },
        two_starts_of_image: Malformed::UnexpectedMarker { marker: 0xD8 },
        reserved_marker: Malformed::UnexpectedMarker { marker: 2 },
        leftover_8_bytes: Malformed::LeftoverData { bytes: 8 },
        leftover_before_dht: Malformed::LeftoverData { bytes: 1 },

        // frame header
        zero_width: Malformed::ZeroWidth,
        no_components: Malformed::ComponentCount { count: 0 },
        _5_components_progressive: Malformed::ComponentCount { count: 5 },
        _255_components_progressive: Malformed::ComponentCount { count: 255 },
        sampling_0_by_1: Malformed::SamplingFactor { horizontal: 0, vertical: 1 },
        sampling_1_by_0: Malformed::SamplingFactor { horizontal: 1, vertical: 0 },
        sampling_5_by_1: Malformed::SamplingFactor { horizontal: 5, vertical: 1 },
        sampling_1_by_5: Malformed::SamplingFactor { horizontal: 1, vertical: 5 },
        sampling_15_by_15: Malformed::SamplingFactor { horizontal: 15, vertical: 15 },
        two_frames: Malformed::SecondFrame,
        two_frames_of_two_processes: Malformed::SecondFrame,
        frame_after_scan: Malformed::SecondFrame,
        precision_0_baseline: Malformed::Precision { precision: 0 },
        precision_7_baseline: Malformed::Precision { precision: 7 },
        precision_9_baseline: Malformed::Precision { precision: 9 },
        precision_12_baseline: Malformed::Precision { precision: 12 },
        precision_16_baseline: Malformed::Precision { precision: 16 },
        precision_16_extended: Malformed::Precision { precision: 16 },
        sof8: Malformed::UnexpectedMarker { marker: 0xC8 },
        frame_shorter_than_its_components: Malformed::SegmentLength { marker: SOF0, .. },
        frame_longer_than_its_components: Malformed::SegmentLength { marker: SOF0, .. },
        component_table_4: Malformed::TableDestination { destination: 4 },

        // the number of lines
        dnl_missing: _,
        dnl_length_5: _,
        dnl_of_zero_lines: _,
        dnl_before_scan: _,
        dnl_after_second_scan: _,
        dnl_contradicts_height: _,

        // tables
        dqt_destination_4: Malformed::TableDestination { destination: 4 },
        dqt_destination_15: Malformed::TableDestination { destination: 15 },
        dqt_precision_2: Malformed::TablePrecision { precision: 2 },
        dqt_precision_15: Malformed::TablePrecision { precision: 15 },
        dqt_zero_step: Malformed::ZeroStep { index: 63 },
        dqt_all_zero: Malformed::ZeroStep { index: 0 },
        dqt_16_bit_zero_step: Malformed::ZeroStep { index: 63 },
        dqt_cut_short: Malformed::SegmentLength { marker: DQT, .. },
        dqt_missing: Malformed::MissingQuantizationTable { destination: 0 },
        dht_class_2: Malformed::HuffmanClass { class: 2 },
        dht_class_15: Malformed::HuffmanClass { class: 15 },
        dht_destination_4: Malformed::TableDestination { destination: 4 },
        dht_destination_15: Malformed::TableDestination { destination: 15 },
        dht_257_symbols: Malformed::HuffmanCode,
        dht_255_codes_of_each_length: Malformed::HuffmanCode,
        dht_oversubscribed: Malformed::HuffmanCode,
        dht_code_of_ones: Malformed::HuffmanCode,
        dht_without_codes: Malformed::UnknownCode,
        dht_dc_symbol_255: Malformed::HuffmanSymbol { symbol: 255 },
        dht_cut_short: Malformed::SegmentLength { marker: DHT, .. },
        dht_fewer_symbols_than_codes: Malformed::SegmentLength { marker: DHT, .. },
        dht_missing_destination_2: Malformed::MissingHuffmanTable { destination: 2 },
        dht_missing_progressive: Malformed::MissingHuffmanTable { destination: 0 },
        dht_destination_2_in_baseline: Malformed::TableDestination { destination: 2 },
        dri_length_3: Malformed::SegmentLength { length: 3, .. },
        dri_length_5: Malformed::SegmentLength { length: 5, .. },

        // scan header
        scan_before_frame: Malformed::ScanBeforeFrame,
        scan_of_no_components: Malformed::ScanComponentCount { count: 0 },
        scan_of_5_components: Malformed::ScanComponentCount { count: 5 },
        scan_of_unknown_component: Malformed::ScanComponent { id: 9 },
        scan_of_repeated_component: Malformed::ScanComponent { id: 1 },
        scan_out_of_frame_order: Malformed::ScanComponent { id: 1 },
        scan_table_15: Malformed::TableDestination { destination: 15 },
        scan_longer_than_its_components: Malformed::SegmentLength { marker: SOS, .. },
        mcu_of_11_blocks: Malformed::McuTooLarge { blocks: 11 },
        mcu_of_18_blocks: Malformed::McuTooLarge { blocks: 18 },
        baseline_start_1: Malformed::ScanParameters { start: 1, .. },
        baseline_end_62: Malformed::ScanParameters { end: 62, .. },
        baseline_low_1: Malformed::ScanParameters { low: 1, .. },
        component_never_sent: Malformed::ComponentNotCoded { id: 2 },
        no_scan: Malformed::ComponentNotCoded { id: 1 },
        baseline_scan_twice: Malformed::ComponentCodedTwice { id: 1 },

        // progression
        progressive_start_past_end: Malformed::ScanParameters { start: 5, end: 4, .. },
        progressive_end_64: Malformed::ScanParameters { end: 64, .. },
        progressive_end_255: Malformed::ScanParameters { end: 255, .. },
        progressive_low_14: Malformed::ScanParameters { low: 14, .. },
        progressive_two_bits_at_once: Malformed::ScanParameters { high: 2, low: 0, .. },
        progressive_no_bit: Malformed::ScanParameters { high: 1, low: 1, .. },
        progressive_bit_backwards: Malformed::ScanParameters { high: 1, low: 2, .. },
        progressive_dc_and_ac: Malformed::ScanParameters { start: 0, end: 63, .. },
        progressive_ac_of_several_components: Malformed::ScanParameters { start: 1, .. },
        progressive_refinement_first: Malformed::ProgressionOrder { index: 0, .. },
        progressive_ac_refinement_first: Malformed::ProgressionOrder { index: 1, .. },
        progressive_ac_before_dc: Malformed::ProgressionOrder { index: 1, .. },
        progressive_band_twice: Malformed::ProgressionOrder { index: 1, .. },
        progressive_bands_overlap: Malformed::ProgressionOrder { index: 5, .. },
        progressive_refinement_skips_a_bit: Malformed::ProgressionOrder { index: 0, .. },
        progressive_refinement_twice: Malformed::ProgressionOrder { index: 0, .. },
        progressive_component_never_sent: Malformed::ComponentNotCoded { id: 2 },

        // entropy-coded data
        dc_category_12: Malformed::IllegalSymbol,
        ac_size_11: Malformed::IllegalSymbol,
        end_of_band_run_in_baseline: Malformed::IllegalSymbol,
        run_past_63: Malformed::RunPastBlock,
        zero_runs_for_ever: Malformed::RunPastBlock,
        run_past_band: Malformed::RunPastBlock,
        end_of_band_run_past_the_image: Malformed::EndOfBandRun,
        end_of_band_run_of_32767: Malformed::EndOfBandRun,
        dc_overflow_by_differences: Malformed::DcRange { .. },
        dc_overflow_by_shift: Malformed::DcRange { .. },
        ac_overflow_by_shift: Malformed::CoefficientRange { .. },
        refinement_of_two_bits: Malformed::RefinementSize,
        code_not_in_table: Malformed::UnknownCode,
        code_of_16_ones: Malformed::UnknownCode,
        scan_without_data: Malformed::ScanCutShort { marker: 0xD9 },
        eoi_inside_data: Malformed::ScanCutShort { marker: 0xD9 },
        sos_inside_data: Malformed::ScanCutShort { marker: SOS },
        com_inside_data: Malformed::ScanCutShort { marker: COM },
        rst_inside_data: Malformed::ScanCutShort { marker: 0xD0 },
        tem_inside_data: Malformed::ScanCutShort { marker: 1 },
        soi_inside_data: Malformed::ScanCutShort { marker: 0xD8 },
        data_for_one_block_too_few: Malformed::ScanCutShort { marker: 0xD9 },

        // restarts
        restart_too_early: Malformed::ScanCutShort { marker: 0xD0 },
        restart_too_late: _,
        restart_missing: Malformed::LeftoverData { .. },
        restart_of_the_wrong_number: Malformed::RestartMarker { expected: 0, found: 0xD1 },
        restart_twice: Malformed::ScanCutShort { marker: 0xD0 },
        restart_without_interval: Malformed::ScanCutShort { marker: 0xD0 },
        restart_ends_end_of_band_run: Malformed::EndOfBandRun,

        // arithmetic coding
        dac_lower_above_upper: _,
        dac_low_bands_0: _,
        dac_low_bands_64: _,
        dac_class_2: _,
        dac_destination_4: Malformed::TableDestination { destination: 4 },
        dac_of_odd_length: Malformed::SegmentLength { length: 5, .. },
        arithmetic_precision_16: Malformed::Precision { precision: 16 },
    }
    ends_early {
        empty,
        one_byte,
        start_of_image_alone,
        segment_length_past_end,
        missing_end_of_image,
        half_an_end_of_image,
        half_a_stuffed_byte,
        dnl_truncated,
        arithmetic_truncated,
        arithmetic_truncated_progressive,
    }
    unsupported {
        sof3: UnsupportedFeature::Lossless,
        sof5: UnsupportedFeature::Hierarchical,
        sof6: UnsupportedFeature::Hierarchical,
        sof7: UnsupportedFeature::Hierarchical,
        sof11: UnsupportedFeature::Lossless,
        sof13: UnsupportedFeature::Hierarchical,
        sof14: UnsupportedFeature::Hierarchical,
        sof15: UnsupportedFeature::Hierarchical,
        hierarchical_progression: UnsupportedFeature::Hierarchical,
        expand_reference: UnsupportedFeature::Hierarchical,
    }
    beyond_limits {
        _65535_by_65535_sequential: LimitKind::Pixels,
        _65535_by_65535_progressive: LimitKind::Pixels,
        arithmetic_65535_by_65535: LimitKind::Pixels,
        // Each in a scan of its own.
        _255_components: LimitKind::Scans,
    }
    read {
        fill_bytes: 8 x 8 x 1,
        data_after_end_of_image: 8 x 8 x 1,
        nested_in_application_segment: 8 x 8 x 1,
        stray_rst_and_tem: 8 x 8 x 1,
        leftover_7_bytes: 8 x 8 x 1,
        _2_components: 8 x 8 x 2,
        _5_components: 8 x 8 x 5,
        duplicate_ids: 8 x 8 x 3,
        sampling_3_by_3: 8 x 8 x 1,
        sampling_grey_2_by_2: 8 x 8 x 1,
        sampling_no_integer_ratios: 8 x 8 x 3,
        precision_12_extended: 8 x 8 x 1,
        precision_12_progressive: 8 x 8 x 1,
        _1_by_1: 1 x 1 x 1,
        dnl: 8 x 8 x 1,
        dnl_progressive: 8 x 8 x 1,
        dnl_repeats_height: 8 x 8 x 1,
        dqt_unused_zero_step: 8 x 8 x 1,
        dqt_16_bit_in_baseline: 8 x 8 x 1,
        dqt_empty: 8 x 8 x 1,
        dqt_redefined_between_scans: 8 x 8 x 2,
        dqt_redefined_between_scans_of_a_component: 8 x 8 x 1,
        dht_duplicate_symbols: 8 x 8 x 1,
        dht_missing: 8 x 8 x 1,
        dht_missing_ac: 8 x 8 x 1,
        dht_redefined_between_scans: 8 x 8 x 2,
        non_interleaved_baseline: 8 x 8 x 3,
        progressive_bits_never_sent: 8 x 8 x 1,
        last_coefficient_without_end_of_block: 8 x 8 x 1,
        ac_extreme_by_refinement: 8 x 8 x 1,
        stuffed_byte_at_end: 8 x 8 x 1,
        fill_byte_after_data: 8 x 8 x 1,
        padding_of_zeros: 8 x 8 x 1,
        restart_interval_1: 16 x 8 x 1,
        restart_interval_65535: 16 x 8 x 1,
        restart_after_the_last_interval: 16 x 8 x 1,
    }
    read_or_refused {
        // Arithmetic decoding makes something of nearly all data.
        arithmetic_noise,
        arithmetic_noise_progressive,
        arithmetic_noise_ac,
        // Whether the data fits the number of lines shows where the scan ends, not where it is told.
        dnl_of_fewer_lines_than_blocks,
        dnl_of_more_lines_than_blocks,
    }
}

#[test]
fn every_file_has_a_test() {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jpg"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut listed: Vec<String> = LISTED.iter().copied().map(file_name).collect();
    files.sort();
    listed.sort();
    assert_eq!(files, listed);
    assert!(files.len() >= 190, "{} files", files.len());
}

// ---- what the unusual ones hold ---------------------------------------------------------------

#[test]
fn a_table_counts_from_the_first_scan_of_its_component() {
    let steps = |name, component: usize| {
        read(name).components()[component]
            .quantization_table()
            .to_natural()[0]
    };
    assert_eq!(steps("dqt_redefined_between_scans", 0), 1);
    assert_eq!(steps("dqt_redefined_between_scans", 1), 9);
    assert_eq!(steps("dqt_redefined_between_scans_of_a_component", 0), 1);
    assert_eq!(steps("dqt_16_bit_in_baseline", 0), 0x102);
}

#[test]
fn each_scan_is_read_by_the_huffman_tables_before_it() {
    assert_eq!(dc_levels("dht_redefined_between_scans"), [-1, 1]);
    assert_eq!(dc_levels("dht_duplicate_symbols"), [0]);
    assert_eq!(dc_levels("dht_missing"), [0]);
    assert_eq!(dc_levels("dht_missing_ac"), [0]);
}

#[test]
fn scans_past_the_limit_are_read_where_it_is_raised() {
    let options = DecodeOptions::new().with_limits(Limits::default().with_max_scans(255));
    let image = CoefficientImage::decode_with(&bytes("_255_components"), &options).unwrap();
    assert_eq!(image.components().len(), 255);
}

#[test]
fn components_of_one_identifier_are_scanned_one_after_another() {
    assert_eq!(dc_levels("duplicate_ids"), [-1, 1, 0]);
}

#[test]
fn levels_reach_the_ends_of_their_range() {
    assert_eq!(dc_levels("precision_12_extended"), [4095]);
    assert_eq!(dc_levels("precision_12_progressive"), [4095]);
    assert_eq!(dc_levels("progressive_bits_never_sent"), [2]);
    let levels = |name| read(name).components()[0].blocks()[0];
    assert_eq!(levels("ac_extreme_by_refinement")[1], -32767);
    assert_eq!(levels("stuffed_byte_at_end")[63], 1023);
    assert_eq!(
        levels("last_coefficient_without_end_of_block")[1..],
        [1; 63]
    );
}

#[test]
fn what_follows_the_image_is_no_part_of_it() {
    let sound = read("_1_by_1");
    assert_eq!(read("data_after_end_of_image").components().len(), 1);
    assert!(sound.metadata().is_empty());
    let nested = read("nested_in_application_segment");
    assert_eq!(nested.metadata().len(), 1);
    assert_eq!(nested.metadata()[0].marker(), 0xE1);
}

// ---- beside libjpeg, and recovered ---------------------------------------------------------------

#[test]
fn of_these_files_none_is_read_that_libjpeg_warns_of_or_reads_otherwise() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    let mut compared = 0;
    for &test in LISTED {
        let Ok(image) = decoded(test) else { continue };
        match libjpeg.read_coefficients(&bytes(test)) {
            Ok(theirs) => {
                assert_eq!(theirs.first_warning, None, "{test}");
                let ours = image.components().iter().map(coefficients);
                let theirs = theirs.components.into_iter().map(|one| one.coefficients);
                assert!(ours.eq(theirs), "{test}");
                compared += 1;
            }
            Err(refusal) => {
                // It lacks DNL, 12 bits, and scans of components past the fourth.
                let lacking = ["dnl", "precision_12_", "_5_components"];
                assert!(
                    lacking.iter().any(|start| test.starts_with(start)),
                    "{test}: {refusal}"
                );
            }
        }
    }
    assert!(compared >= 25, "only {compared} compared");
}

#[test]
fn recovery_gives_what_decoding_gives_and_reports_what_it_refuses() {
    let mut unreported = Vec::new();
    for &test in LISTED {
        let (result, peak) = peak_of(|| CoefficientImage::recover(&bytes(test)));
        assert!(peak < 2 << 20, "{test}: {peak} bytes held");
        match (decoded(test), result) {
            (Ok(image), Ok(recovered)) => assert_eq!(recovered.image, image, "{test}"),
            (Ok(_), Err(error)) => panic!("{test}: {error}"),
            (Err(error), Ok(recovered)) if recovered.report.is_sound() => {
                unreported.push(format!("{test}: {error}"));
            }
            (Err(_), _) => {}
        }
    }
    assert!(unreported.is_empty(), "{}", unreported.join("\n"));
}

#[test]
fn recovery_keeps_within_the_limits() {
    let limits = Limits::default().with_max_memory(1 << 20);
    let options = DecodeOptions::new().with_limits(limits);
    for name in [
        "_65535_by_65535_sequential",
        "_65535_by_65535_progressive",
        "arithmetic_65535_by_65535",
    ] {
        for limits in [limits, limits.with_max_pixels(u64::MAX)] {
            let options = options.with_limits(limits);
            let (result, peak) = peak_of(|| CoefficientImage::recover_with(&bytes(name), &options));
            let error = result.unwrap_err();
            assert!(matches!(error, Error::LimitExceeded { .. }), "{error}");
            assert!(peak < 64 << 10, "{peak} bytes held");
        }
    }
    for bytes in [bomb(1024, 89), bomb(16384, 89)] {
        let (result, peak) = peak_of(|| CoefficientImage::recover_with(&bytes, &options));
        assert!(peak < 2 << 20, "{peak} bytes held");
        if let Err(error) = result {
            assert!(matches!(error, Error::LimitExceeded { .. }), "{error}");
        }
    }
}

#[test]
fn the_report_on_a_file_full_of_faults_stays_short() {
    // Restart markers out of turn, garbage, and scans of nothing, by the thousands.
    let markers = (0..3000_u32).flat_map(|n| [0xFF, 0xD0 + u8::try_from(n * n % 8).unwrap()]);
    let scan = sequential(4096, 8)
        .restart_interval(1)
        .scan(&[(1, 0, 0)], [0, 63, 0, 0])
        .raw(&markers.collect::<Vec<u8>>());
    let garbage = (0..4000).fold(sequential(8, 8), |file, _| {
        file.raw(b"garbage").segment(COM, b"")
    });
    let scans = (0..60).fold(sequential(8, 8), |file, _| {
        file.scan(&[(1, 0, 0)], [0, 63, 0, 0])
    });
    for file in [scan, garbage, scans] {
        let bytes = file.scan(&[(1, 0, 0)], [0, 63, 0, 0]).finish();
        let (result, peak) = peak_of(|| CoefficientImage::recover(&bytes));
        let report = result.unwrap().report;
        assert!(!report.is_sound());
        assert!(report.damages().len() <= 1000);
        assert!(peak < 2 << 20, "{peak} bytes held");
    }
}

// ---- every length ------------------------------------------------------------------------------

#[test]
fn truncation_at_every_byte_ends_too_early() {
    for name in [
        "baseline-420-q90-47x33",
        "restart-1mcu-baseline-420-47x33",
        "progressive-420-q75-47x33",
        "arithmetic-420-47x33",
        "arithmetic-progressive-420-47x33",
    ] {
        let bytes = fixture(name);
        for length in 0..bytes.len() {
            match CoefficientImage::decode(&bytes[..length]) {
                Err(Error::UnexpectedEnd { offset }) => {
                    assert_eq!(offset, length as u64, "{name}");
                }
                Err(error) => panic!("{name} cut to {length}: {error}"),
                Ok(_) => panic!("{name} cut to {length} was read"),
            }
        }
    }
}

// ---- megabytes -----------------------------------------------------------------------------------

#[test]
fn megabytes_of_fill_bytes_are_passed_over() {
    let sound = fixture("baseline-420-q90-47x33");
    let at = part(&sound, SOS).start;
    let mut bytes = sound.clone();
    bytes.splice(at..at, vec![0xFF; 8 << 20]);
    let (image, peak) = peak_of(|| CoefficientImage::decode(&bytes).unwrap());
    assert_eq!(
        image.components(),
        CoefficientImage::decode(&sound).unwrap().components()
    );
    assert!(peak < 1 << 20, "{peak} bytes held");
}

#[test]
fn two_hundred_thousand_segments_are_past_the_limit() {
    let file = (0..200_000).fold(Writer::new(), |file, _| file.segment(COM, b""));
    let bytes = file.raw(&bytes("_1_by_1")[2..]).unfinished();
    past_limit(&bytes, &Limits::default(), LimitKind::Segments, 1 << 20);
    let options = DecodeOptions::new().with_limits(Limits::none());
    let image = CoefficientImage::decode_with(&bytes, &options).unwrap();
    assert_eq!(image.metadata().len(), 200_000);
}

#[test]
fn application_segments_of_64_kib_without_end_are_past_the_limit() {
    let payload = vec![0x5A; 65_533];
    let file = (0..1000).fold(Writer::new(), |file, n| {
        file.segment(APP0 + u8::try_from(n % 16).unwrap(), &payload)
    });
    let bytes = file.raw(&bytes("_1_by_1")[2..]).unfinished();
    past_limit(&bytes, &Limits::default(), LimitKind::Metadata, 17 << 20);
}

#[test]
fn a_baseline_scan_repeated_500_times_is_refused() {
    let scan = |file: Writer| file.scan(&[(1, 0, 0)], [0, 63, 0, 0]).data("00");
    let file = (0..500).fold(sequential(8, 8), |file, _| scan(file));
    let error = CoefficientImage::decode(&file.finish()).unwrap_err();
    let twice = Malformed::ComponentCodedTwice { id: 1 };
    assert!(
        matches!(error, Error::Malformed { kind, .. } if kind == twice),
        "{error}"
    );
}

// ---- much work asked for by few bytes ------------------------------------------------------------

#[test]
fn ninety_scans_of_16384_by_16384_are_refused_at_once() {
    let bytes = bomb(16384, 89);
    assert!(bytes.len() < 600_000, "{} bytes", bytes.len());
    past_limit(&bytes, &Limits::default(), LimitKind::Pixels, 64 << 10);
    let pixels_allowed = Limits::default()
        .with_max_pixels(u64::MAX)
        .with_max_memory(256 << 20);
    past_limit(&bytes, &pixels_allowed, LimitKind::Memory, 64 << 10);
}

#[test]
fn ninety_scans_of_4096_by_4096_run_out_of_block_visits() {
    let bytes = bomb(4096, 89);
    // Of each block the coefficients, and which of them are nonzero.
    let own = 512 * 512 * (128 + 8);
    past_limit(
        &bytes,
        &Limits::default(),
        LimitKind::BlockVisits,
        own + (1 << 20),
    );
    let few = Limits::default().with_max_block_visits_per_block(1);
    past_limit(&bytes, &few, LimitKind::BlockVisits, own + (1 << 20));
}

#[test]
fn huge_frames_of_few_bytes_are_refused_without_allocating() {
    for code in [SOF0, SOF2] {
        let end = if code == SOF0 { 63 } else { 0 };
        let start = |side| {
            Writer::new()
                .quantization(0, 1)
                .huffman(0, 0, &[(1, 0)])
                .huffman(1, 0, &[(1, 0)])
                .frame(code, side, side, &[(1, 1, 1, 0)])
                .scan(&[(1, 0, 0)], [0, end, 0, 0])
                .data("00000000")
                .finish()
        };
        for side in [65_500, 16_000] {
            past_limit(
                &start(side),
                &Limits::default(),
                LimitKind::Pixels,
                64 << 10,
            );
        }
        // Within the limits, but not within what so few bytes can code.
        let (error, peak) = peak_of(|| CoefficientImage::decode(&start(11_000)).unwrap_err());
        assert!(matches!(error, Error::UnexpectedEnd { .. }), "{error}");
        assert!(peak < 64 << 10, "{peak} bytes held");
    }
}

#[test]
fn an_arithmetic_frame_of_few_bytes_costs_what_the_limits_allow() {
    // No count of bytes bounds what these coders carry: a decision may cost next to nothing.
    for code in [0xC9, 0xCA] {
        let end = if code == 0xC9 { 63 } else { 0 };
        let bytes = Writer::new()
            .quantization(0, 1)
            .frame(code, 11_000, 11_000, &[(1, 1, 1, 0)])
            .scan(&[(1, 0, 0)], [0, end, 0, 0])
            .data("00000000")
            .finish();
        let limits = Limits::default().with_max_memory(200 << 20);
        past_limit(&bytes, &limits, LimitKind::Memory, 64 << 10);
    }
}

#[test]
fn the_stack_does_not_grow_with_the_input() {
    let files: Vec<Vec<u8>> = LISTED
        .iter()
        .copied()
        .map(bytes)
        .chain(fixtures().into_iter().map(|fixture| fixture.bytes))
        .chain([bomb(1024, 89)])
        .collect();
    let thread = std::thread::Builder::new().stack_size(128 << 10);
    let read = thread
        .spawn(move || {
            files
                .iter()
                .filter(|bytes| CoefficientImage::decode(bytes).is_ok())
                .count()
        })
        .unwrap();
    assert!(read.join().unwrap() > 100);
}

// ---- the write side ---------------------------------------------------------------------------------

#[test]
fn an_ac_level_past_ten_bits_is_an_error_and_never_cut() {
    for (level, fits) in [(1023, true), (-1023, true), (1024, false), (-1024, false)] {
        let mut block = [0; 64];
        block[9] = level;
        written(&[block], fits, Band::from_natural(9).unwrap(), level.into());
    }
}

#[test]
fn a_dc_difference_past_eleven_bits_is_an_error_and_never_cut() {
    for (first, second, fits) in [
        (-1024, 1023, true),
        (1023, -1024, true),
        (-1024, 1024, false),
        (1024, -1024, false),
    ] {
        let blocks = [first, second].map(|level| {
            let mut block = [0; 64];
            block[0] = level;
            block
        });
        written(&blocks, fits, Band::DC, i32::from(second - first));
    }
}

#[test]
fn a_step_past_255_is_an_error_in_baseline() {
    for (step, fits) in [(255, true), (256, false)] {
        let image = grey_image(&[[0; 64]], step);
        let options = EncodeOptions::new().with_process(Process::Baseline);
        assert_eq!(image.encode_with(&options).is_ok(), fits, "step {step}");
        assert_eq!(
            CoefficientImage::decode(&image.encode().unwrap())
                .unwrap()
                .components(),
            image.components()
        );
    }
}

#[test]
fn the_longest_blocks_are_written_whole() {
    for magnitude in [1023, -1023, 512, -1] {
        let mut block = [magnitude; 64];
        let mut other = block.map(|level: i16| -level);
        (block[0], other[0]) = (1023, -1024);
        let image = grey_image(&[block, other, block], 1);
        for tables in [HuffmanTables::Standard, HuffmanTables::Optimized] {
            let options = EncodeOptions::new().with_huffman_tables(tables);
            let bytes = image.encode_with(&options).unwrap().bytes;
            let again = CoefficientImage::decode(&bytes).unwrap();
            assert_eq!(again.components(), image.components());
        }
    }
}

#[test]
fn sides_outside_one_to_65535_are_an_error() {
    let tables = QuantizationTables::annex_k(50).unwrap();
    for (width, height) in [
        (0, 8),
        (8, 0),
        (0, 0),
        (65_536, 1),
        (1, 65_536),
        (u32::MAX, u32::MAX),
    ] {
        let error = CoefficientImage::new(
            width,
            height,
            ColorSpace::Grey,
            &[SamplingFactor::ONE],
            &tables,
        )
        .unwrap_err();
        let size = ArgumentError::ImageSize {
            width: width.into(),
            height: height.into(),
        };
        assert!(
            matches!(&error, Error::InvalidArgument(found) if *found == size),
            "{error}"
        );
    }
}

#[test]
fn the_largest_image_asks_for_its_blocks_before_any_memory() {
    let parts = vec![(
        SamplingFactor::ONE,
        QuantizationTable::annex_k_luminance(),
        vec![[0; 64]],
    )];
    let (result, peak) =
        peak_of(|| CoefficientImage::from_blocks(65_535, 65_535, ColorSpace::Grey, parts));
    let error = result.unwrap_err();
    let wrong = matches!(
        error,
        Error::InvalidArgument(ArgumentError::Shape {
            expected: 67_108_864,
            actual: 1,
            ..
        })
    );
    assert!(wrong, "{error}");
    assert!(peak < 64 << 10, "{peak} bytes held");
}

#[test]
fn a_wrong_number_of_blocks_is_an_error() {
    for count in [0, 1, 3, 5] {
        let parts = vec![(
            SamplingFactor::ONE,
            QuantizationTable::annex_k_luminance(),
            vec![[0; 64]; count],
        )];
        let error = CoefficientImage::from_blocks(9, 9, ColorSpace::Grey, parts).unwrap_err();
        let wrong = matches!(
            error,
            Error::InvalidArgument(ArgumentError::Shape { expected: 4, actual, .. })
                if actual == count as u64
        );
        assert!(wrong, "{error}");
    }
}

#[test]
fn a_metadata_segment_past_65533_bytes_is_an_error() {
    for (bytes, fits) in [(65_533, true), (65_534, false)] {
        for segment in [
            MetadataSegment::application(7, vec![0; bytes]),
            MetadataSegment::comment(vec![0; bytes]),
        ] {
            match segment {
                Ok(segment) => assert!(fits && segment.payload().len() == bytes),
                Err(Error::InvalidArgument(ArgumentError::SegmentTooLong { bytes: found })) => {
                    assert!(!fits && found == bytes);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

// ---- files -------------------------------------------------------------------------------------------

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/crashes")
}

/// The file of a test: no name of a function starts with a digit or has a hyphen.
fn file_name(test: &str) -> String {
    format!("{}.jpg", test.trim_start_matches('_').replace('_', "-"))
}

fn bytes(test: &str) -> Vec<u8> {
    let name = file_name(test);
    std::fs::read(folder().join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn decoded(test: &str) -> Result<CoefficientImage, Error> {
    CoefficientImage::decode(&bytes(test))
}

fn read(test: &str) -> CoefficientImage {
    decoded(test).unwrap_or_else(|error| panic!("{test}: {error}"))
}

fn refusal(test: &str) -> Error {
    decoded(test)
        .err()
        .unwrap_or_else(|| panic!("{test} was read"))
}

/// The first DC level of each component.
fn dc_levels(test: &str) -> Vec<i16> {
    let image = read(test);
    let first = |component: &feature_distillation::Component| component.blocks()[0][0];
    image.components().iter().map(first).collect()
}

#[track_caller]
fn past_limit(bytes: &[u8], limits: &Limits, kind: LimitKind, most: usize) {
    let options = DecodeOptions::new().with_limits(*limits);
    let (result, peak) = peak_of(|| CoefficientImage::decode_with(bytes, &options));
    match result {
        Err(Error::LimitExceeded { limit, .. }) => assert_eq!(limit, kind),
        Err(error) => panic!("expected a {kind} limit, got {error}"),
        Ok(_) => panic!("expected a {kind} limit"),
    }
    assert!(peak < most, "{peak} bytes held");
}

/// A grey baseline file up to its scan; codes of one bit for no difference and for end of block.
fn sequential(width: u16, height: u16) -> Writer {
    Writer::new()
        .quantization(0, 1)
        .huffman(0, 0, &[(1, 0)])
        .huffman(1, 0, &[(1, 0)])
        .frame(SOF0, width, height, &[(1, 1, 1, 0)])
}

/// A grey progressive file: a DC scan of a bit a block, then scans that are one end-of-band run after
/// another, of each band once and once more for its last bit.
fn bomb(side: u16, scans: u8) -> Vec<u8> {
    let blocks = usize::from(side / 8).pow(2);
    let longest = format!("0{}", "1".repeat(14)).repeat(blocks / 32_767);
    let left = blocks % 32_767;
    let size = left.ilog2();
    let rest = format!("10{:0width$b}", left - (1 << size), width = size as usize);
    let runs = longest + if left > 1 { &rest } else { "" };
    let mut file = Writer::new()
        .quantization(0, 1)
        .huffman(0, 0, &[(1, 0)])
        .huffman(1, 0, &[(1, 0xE0), (2, u8::try_from(size).unwrap() << 4)])
        .frame(SOF2, side, side, &[(1, 1, 1, 0)])
        .scan(&[(1, 0, 0)], [0, 0, 0, 0])
        .data(&"0".repeat(blocks));
    for n in 0..scans {
        let band = 1 + n % 63;
        let bits = if n < 63 { [0, 1] } else { [1, 0] };
        file = file
            .scan(&[(1, 0, 0)], [band, band, bits[0], bits[1]])
            .data(&runs);
    }
    file.finish()
}

fn grey_image(blocks: &[[i16; 64]], step: u16) -> CoefficientImage {
    let table = QuantizationTable::uniform(step).unwrap();
    let width = 8 * u32::try_from(blocks.len()).unwrap();
    let parts = vec![(SamplingFactor::ONE, table, blocks.to_vec())];
    CoefficientImage::from_blocks(width, 8, ColorSpace::Grey, parts).unwrap()
}

/// Blocks that fit are read back equal; others are an error that names the band and the value.
#[track_caller]
fn written(blocks: &[[i16; 64]], fits: bool, wrong: Band, level: i32) {
    let image = grey_image(blocks, 1);
    match image.encode() {
        Ok(bytes) => {
            assert!(fits, "written for all that");
            let again = CoefficientImage::decode(&bytes).unwrap();
            assert_eq!(again.components(), image.components());
        }
        Err(Error::CoefficientOutOfRange { band, value, .. }) => {
            assert!(!fits);
            assert_eq!((band, value), (wrong, level));
        }
        Err(error) => panic!("{error}"),
    }
}
