//! The promise: what is written is read back equal, for every legal image and every option, and
//! what cannot be written is an error that names the coefficient.

mod common;

use std::num::NonZeroU16;

use common::bytes::{APP0, COM, DQT, DRI, RST0, SOF0, SOF1, frame_part, part, parts, payload};
use common::fixtures;
use feature_distillation::{
    ArgumentError, BANDS, Band, Block, CodingProcess, CoefficientImage, ColorSpace, DecodeOptions,
    EncodeOptions, Error, HuffmanTables, Limits, MetadataKind, MetadataPolicy, MetadataSegment,
    OutOfRange, Process, QuantizationTable, QuantizationTables, RestartInterval, Rounding,
    SamplingFactor,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const COLOR_SPACES: [ColorSpace; 6] = [
    ColorSpace::Grey,
    ColorSpace::Rgb,
    ColorSpace::YCbCr,
    ColorSpace::Cmyk,
    ColorSpace::Ycck,
    ColorSpace::Unknown,
];
const POLICIES: [MetadataPolicy; 3] = [
    MetadataPolicy::Keep,
    MetadataPolicy::IccOnly,
    MetadataPolicy::Strip,
];
const ROUNDINGS: [Rounding; 3] = [
    Rounding::HalfAwayFromZero,
    Rounding::HalfToEven,
    Rounding::HalfTowardZero,
];
const JFIF: &[u8] = b"JFIF\0\x01\x02\x01\0\x48\0\x48\0\0";

// ---- every legal image, every option ---------------------------------------

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_legal_image_is_read_back_equal_under_every_option(image in images(), interval in 1_u16..40) {
        let fits_baseline = image.quantization_tables().iter().all(QuantizationTable::is_baseline);
        for tables in [HuffmanTables::Standard, HuffmanTables::Optimized] {
            for restarts in restart_intervals(interval) {
                for process in [Process::Automatic, Process::Baseline, Process::ExtendedSequential] {
                    let options = EncodeOptions::new()
                        .with_huffman_tables(tables)
                        .with_restart_interval(restarts)
                        .with_process(process);
                    let encoded = image.encode_with(&options);
                    if process == Process::Baseline && !fits_baseline {
                        let refused = matches!(
                            encoded,
                            Err(Error::InvalidArgument(ArgumentError::StepAboveBaseline { .. }))
                        );
                        prop_assert!(refused);
                        continue;
                    }
                    let encoded = encoded.unwrap();
                    prop_assert_eq!(encoded.clamped, 0);
                    let read = CoefficientImage::decode(&encoded.bytes).unwrap();
                    prop_assert_eq!(read.components(), image.components());
                    prop_assert_eq!((read.width(), read.height()), (image.width(), image.height()));
                    prop_assert_eq!(read.color_space(), tellable(&image));
                    let expected = if process == Process::ExtendedSequential || !fits_baseline {
                        CodingProcess::ExtendedSequential
                    } else {
                        CodingProcess::Baseline
                    };
                    prop_assert_eq!(read.process(), expected);
                }
            }
        }
    }

    #[test]
    fn reading_and_writing_streams_is_decoding_and_encoding(image in images()) {
        let options = EncodeOptions::new().with_huffman_tables(HuffmanTables::Optimized);
        let encoded = image.encode_with(&options).unwrap();
        let mut written = Vec::new();
        let clamped = image.write_to(&mut written, &options).unwrap();
        prop_assert_eq!(clamped, encoded.clamped);
        prop_assert_eq!(&written, &encoded.bytes);
        let read = CoefficientImage::read(written.as_slice()).unwrap();
        prop_assert_eq!(read, CoefficientImage::decode(&written).unwrap());
    }

    #[test]
    fn decoding_into_an_image_is_decoding_whatever_it_held(images in prop::collection::vec(images(), 1..5)) {
        let mut reused = CoefficientImage::default();
        for image in &images {
            let bytes = image.encode_with(&EncodeOptions::new().with_huffman_tables(HuffmanTables::Optimized)).unwrap().bytes;
            reused.decode_into(&bytes, &DecodeOptions::default()).unwrap();
            prop_assert_eq!(&reused, &CoefficientImage::decode(&bytes).unwrap());
            // What an earlier picture leaves in memory must not shine through.
            for component in reused.components_mut() {
                component.blocks_mut().fill([i16::MIN; 64]);
            }
        }
    }

    #[test]
    fn writing_what_was_read_gives_the_same_bytes(image in images()) {
        // A file read as another space is written with that space's tables.
        prop_assume!(image.color_space() == tellable(&image));
        let options = EncodeOptions::new().with_huffman_tables(HuffmanTables::Optimized);
        let first = image.encode_with(&options).unwrap().bytes;
        let second = CoefficientImage::decode(&first).unwrap().encode_with(&options).unwrap().bytes;
        prop_assert_eq!(first, second);
    }

    #[test]
    fn an_image_from_blocks_is_the_image_filled_block_by_block(image in images()) {
        let parts = image
            .components()
            .iter()
            .map(|component| (component.sampling(), *component.quantization_table(), component.blocks().to_vec()))
            .collect();
        let rebuilt =
            CoefficientImage::from_blocks(image.width(), image.height(), image.color_space(), parts).unwrap();
        prop_assert_eq!(rebuilt, image);
    }
}

#[test]
fn every_fixture_is_read_back_equal() {
    for fixture in fixtures() {
        let image = read(&fixture.bytes);
        for tables in [HuffmanTables::Standard, HuffmanTables::Optimized] {
            for restarts in restart_intervals(3) {
                let options = EncodeOptions::new()
                    .with_huffman_tables(tables)
                    .with_restart_interval(restarts);
                let bytes = image.encode_with(&options).unwrap().bytes;
                let read = read(&bytes);
                assert_eq!(read.components(), image.components(), "{}", fixture.name);
                assert_eq!(read.color_space(), image.color_space(), "{}", fixture.name);
                if restarts == RestartInterval::Keep {
                    assert_eq!(
                        read.restart_interval(),
                        image.restart_interval(),
                        "{}",
                        fixture.name
                    );
                }
            }
        }
    }
}

#[test]
fn every_fixture_is_decoded_into_the_image_of_the_one_before() {
    let mut reused = CoefficientImage::default();
    for fixture in fixtures() {
        let result = reused.decode_into(&fixture.bytes, &DecodeOptions::default());
        if let Ok(image) = CoefficientImage::decode(&fixture.bytes) {
            assert_eq!(result.ok(), Some(()), "{}", fixture.name);
            assert_eq!(reused, image, "{}", fixture.name);
            assert_eq!(reused.scans(), image.scans(), "{}", fixture.name);
        } else {
            assert!(result.is_err(), "{}", fixture.name);
            assert_eq!(reused, CoefficientImage::default(), "{}", fixture.name);
        }
    }
}

#[test]
fn an_error_leaves_a_single_grey_block() {
    let mut image = colour_image(&[(2, 2), (1, 1), (1, 1)], 40, 24);
    let bytes = image.encode().unwrap();
    let error = image.decode_into(&bytes[..bytes.len() - 8], &DecodeOptions::default());
    assert!(error.is_err());
    assert_eq!(image, CoefficientImage::default());
    assert_eq!((image.width(), image.height()), (8, 8));
    assert_eq!(image.components()[0].blocks(), [[0; 64]]);
    assert!(image.encode().is_ok());
}

#[test]
fn restart_markers_stand_where_they_were_asked_for() {
    // 7 x 5 MCUs of 16 x 16.
    let image = colour_image(&[(2, 2), (1, 1), (1, 1)], 105, 70);
    let count = |restarts| {
        let options = EncodeOptions::new().with_restart_interval(restarts);
        let bytes = image.encode_with(&options).unwrap().bytes;
        let numbers: Vec<u8> = parts(&bytes)
            .iter()
            .filter(|part| (RST0..RST0 + 8).contains(&part.code))
            .map(|part| part.code - RST0)
            .collect();
        let in_turn: Vec<u8> = (0..8).cycle().take(numbers.len()).collect();
        assert_eq!(numbers, in_turn);
        let interval = parts(&bytes)
            .iter()
            .find(|part| part.code == DRI)
            .map(|&part| u16::from_be_bytes(payload(&bytes, part).try_into().unwrap()));
        (numbers.len(), interval)
    };
    assert_eq!(count(RestartInterval::Never), (0, None));
    assert_eq!(count(RestartInterval::Keep), (0, None));
    assert_eq!(count(RestartInterval::Mcus(interval(1))), (34, Some(1)));
    assert_eq!(count(RestartInterval::Mcus(interval(8))), (4, Some(8)));
    assert_eq!(count(RestartInterval::Mcus(interval(34))), (1, Some(34)));
    assert_eq!(count(RestartInterval::Mcus(interval(35))), (0, Some(35)));
    assert_eq!(count(RestartInterval::McuRows(interval(1))), (4, Some(7)));
    assert_eq!(count(RestartInterval::McuRows(interval(2))), (2, Some(14)));
    assert_eq!(
        count(RestartInterval::McuRows(interval(9999))),
        (0, Some(7 * 9362)),
        "the most rows of 7 that fit"
    );
}

#[test]
fn optimized_tables_never_make_a_file_longer() {
    for fixture in fixtures() {
        let image = read(&fixture.bytes);
        if image.components().len() > 4 {
            // One scan each of a few blocks, and each with tables of its own.
            continue;
        }
        let optimized = EncodeOptions::new().with_huffman_tables(HuffmanTables::Optimized);
        let bytes = image.encode_with(&optimized).unwrap().bytes;
        assert!(
            bytes.len() <= image.encode().unwrap().len(),
            "{}",
            fixture.name
        );
    }
}

// ---- requantization ---------------------------------------------------------

proptest! {
    #[test]
    fn requantizing_by_the_same_tables_changes_nothing(image in images()) {
        let tables = QuantizationTables::per_component(image.quantization_tables()).unwrap();
        for rounding in ROUNDINGS {
            let mut same = image.clone();
            same.requantize(&tables, rounding).unwrap();
            prop_assert_eq!(&same, &image);
        }
    }

    #[test]
    fn requantizing_errs_by_at_most_half_a_step(image in images(), seed in any::<u64>(), fine in any::<bool>()) {
        let table = random_table(&mut ChaCha8Rng::seed_from_u64(seed), if fine { 100 } else { 65535 });
        for rounding in ROUNDINGS {
            let mut moved = image.clone();
            if let Err(error) = moved.requantize(&table.into(), rounding) {
                // A level past 16 bits: named, and nothing was changed.
                let Error::CoefficientOutOfRange { component, block_x, block_y, band, value, bound } = error else {
                    panic!("{error}");
                };
                let component = &image.components()[component];
                let level = component.block(block_x, block_y).unwrap()[band.natural()];
                let wanted = i64::from(level) * i64::from(component.quantization_table()[band]);
                prop_assert!(2 * (i64::from(value) * i64::from(table[band]) - wanted).abs() <= i64::from(table[band]));
                prop_assert!(value.abs() > bound && bound == 32767);
                prop_assert_eq!(&moved, &image);
                continue;
            }
            for (before, after) in image.components().iter().zip(moved.components()) {
                prop_assert_eq!(after.quantization_table(), &table);
                for (old, new) in before.blocks().iter().zip(after.blocks()) {
                    for band in Band::all() {
                        let level = new[band.natural()];
                        let step = i64::from(table[band]);
                        let wanted = i64::from(old[band.natural()]) * i64::from(before.quantization_table()[band]);
                        let error = (i64::from(level) * step - wanted).abs();
                        prop_assert!(2 * error <= step, "{} by {}: off by {}", wanted, step, error);
                    }
                }
            }
        }
    }
}

#[test]
fn a_level_may_just_reach_16_bits_when_it_is_requantized() {
    let one = QuantizationTable::uniform(1).unwrap();
    for (from, to, fits, past) in [
        (2, 1, 16383, 16384), // Ends between half a step below 32768 and 32767 itself.
        (101, 100, 32443, 32444),
        (100, 3, 983, 984),
        (65535, 65534, 32766, 32767),
    ] {
        let table = |step| QuantizationTable::uniform(step).unwrap();
        let moved = |level: i16| {
            let mut image = grey(&[[0; 64]], 8, 8, table(from));
            image.components_mut()[0].blocks_mut()[0][9] = level;
            image
                .requantize(&table(to).into(), Rounding::default())
                .map(|()| image)
        };
        for sign in [1, -1] {
            let image = moved(sign * fits).unwrap();
            let level = i32::from(image.components()[0].blocks()[0][9]);
            assert!(
                (level * i32::from(to) - i32::from(sign * fits) * i32::from(from)).abs() * 2
                    <= i32::from(to)
            );
            assert!(matches!(
                moved(sign * past),
                Err(Error::CoefficientOutOfRange { component: 0, .. })
            ));
        }
    }
    let mut unchanged = grey(&[[i16::MAX; 64]], 8, 8, one);
    unchanged
        .requantize(&one.into(), Rounding::default())
        .unwrap();
}

#[test]
fn requantizing_breaks_ties_by_the_rule_asked_for() {
    let from = QuantizationTable::uniform(15).unwrap();
    let to = QuantizationTable::uniform(30).unwrap();
    for (rounding, expected) in [
        (Rounding::HalfAwayFromZero, [1, -1, 2, -2]),
        (Rounding::HalfToEven, [0, 0, 2, -2]),
        (Rounding::HalfTowardZero, [0, 0, 1, -1]),
    ] {
        let mut image = grey(&[[0; 64]], 8, 8, from);
        image.components_mut()[0].blocks_mut()[0][..4].copy_from_slice(&[1, -1, 3, -3]);
        image.requantize(&to.into(), rounding).unwrap();
        assert_eq!(
            image.components()[0].blocks()[0][..4],
            expected,
            "{rounding:?}"
        );
    }
}

// ---- coefficients that do not fit -------------------------------------------

#[test]
fn an_ac_coefficient_past_ten_bits_is_named_in_the_error() {
    for value in [1024, -1024, i16::MAX, i16::MIN] {
        for band in [
            Band::new(0, 1).unwrap(),
            Band::new(7, 7).unwrap(),
            Band::new(4, 2).unwrap(),
        ] {
            let mut image = colour_image(&[(2, 1), (1, 1), (1, 1)], 48, 24);
            image.components_mut()[2].block_mut(1, 2).unwrap()[band.natural()] = value;
            for tables in [HuffmanTables::Standard, HuffmanTables::Optimized] {
                let options = EncodeOptions::new().with_huffman_tables(tables);
                let error = image.encode_with(&options).unwrap_err();
                let Error::CoefficientOutOfRange {
                    component,
                    block_x,
                    block_y,
                    band: named,
                    value: told,
                    bound,
                } = error
                else {
                    panic!("{error}");
                };
                assert_eq!((component, block_x, block_y, named), (2, 1, 2, band));
                assert_eq!((told, bound), (value.into(), 1023));
            }
        }
    }
}

#[test]
fn the_largest_coefficients_that_fit_are_written() {
    let mut block = [1023; 64];
    block[0] = 2047;
    let mut opposite = block.map(|value: i16| -value);
    opposite[0] = 0;
    let image = grey(
        &[block, opposite],
        16,
        8,
        QuantizationTable::uniform(1).unwrap(),
    );
    for tables in [HuffmanTables::Standard, HuffmanTables::Optimized] {
        let options = EncodeOptions::new().with_huffman_tables(tables);
        let bytes = image.encode_with(&options).unwrap().bytes;
        assert_eq!(
            CoefficientImage::decode(&bytes).unwrap().components(),
            image.components()
        );
    }
}

#[test]
fn a_dc_difference_past_eleven_bits_is_named_in_the_error() {
    for (first, second, difference) in [
        (1024, -1024, -2048),
        (-1024, 1024, 2048),
        (-2047, 2047, 4094),
    ] {
        let mut blocks = [[0; 64]; 6];
        blocks[3][0] = first;
        blocks[4][0] = second;
        let image = grey(&blocks, 24, 16, QuantizationTable::uniform(1).unwrap());
        let error = image.encode().unwrap_err();
        let Error::CoefficientOutOfRange {
            component: 0,
            block_x,
            block_y,
            band: Band::DC,
            value,
            bound: 2047,
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!((block_x, block_y, value), (1, 1, difference));
    }
}

#[test]
fn a_restart_makes_the_difference_to_zero_count() {
    let mut blocks = [[0; 64]; 2];
    blocks[0][0] = 1500;
    blocks[1][0] = 3000;
    let image = grey(&blocks, 16, 8, QuantizationTable::uniform(1).unwrap());
    assert!(image.encode().is_ok());
    let every_mcu = EncodeOptions::new().with_restart_interval(RestartInterval::Mcus(interval(1)));
    let error = image.encode_with(&every_mcu).unwrap_err();
    assert!(
        matches!(
            error,
            Error::CoefficientOutOfRange {
                block_x: 1,
                value: 3000,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn clamping_writes_the_nearest_value_and_counts_it() {
    let mut blocks = [[0; 64]; 3];
    blocks[0][0] = 2050;
    blocks[0][1] = 1024;
    blocks[1][0] = 2048;
    blocks[1][63] = i16::MIN;
    blocks[2][0] = -32768;
    let image = grey(&blocks, 24, 8, QuantizationTable::uniform(1).unwrap());
    let options = EncodeOptions::new().with_out_of_range(OutOfRange::Clamp);
    let encoded = image.encode_with(&options).unwrap();
    assert_eq!(encoded.clamped, 4);
    let read = CoefficientImage::decode(&encoded.bytes).unwrap();
    let read = read.components()[0].blocks();
    assert_eq!((read[0][0], read[0][1]), (2047, 1023));
    // The decoder's prediction is the clamped value, so the next block is exact again.
    assert_eq!((read[1][0], read[1][63]), (2048, -1023));
    assert_eq!(read[2][0], 2048 - 2047);
}

proptest! {
    #[test]
    fn clamping_follows_the_decoders_prediction(levels in prop::collection::vec(any::<(i16, i16)>(), 1..40)) {
        let blocks: Vec<Block> = levels
            .iter()
            .map(|&(dc, ac)| {
                let mut block = [0; 64];
                (block[0], block[9]) = (dc, ac);
                block
            })
            .collect();
        let width = u32::try_from(8 * blocks.len()).unwrap();
        let image = grey(&blocks, width, 8, QuantizationTable::uniform(1).unwrap());
        let mut prediction = 0_i32;
        let mut clamped = 0;
        let mut expected = blocks.clone();
        for block in &mut expected {
            let difference = i32::from(block[0]) - prediction;
            prediction += difference.clamp(-2047, 2047);
            clamped += u64::from(difference.abs() > 2047) + u64::from(block[9].unsigned_abs() > 1023);
            block[0] = i16::try_from(prediction).unwrap();
            block[9] = block[9].clamp(-1023, 1023);
        }
        for tables in [HuffmanTables::Standard, HuffmanTables::Optimized] {
            let options = EncodeOptions::new()
                .with_huffman_tables(tables)
                .with_out_of_range(OutOfRange::Clamp);
            let encoded = image.encode_with(&options).unwrap();
            prop_assert_eq!(encoded.clamped, clamped);
            let read = CoefficientImage::decode(&encoded.bytes).unwrap();
            prop_assert_eq!(read.components()[0].blocks(), expected.as_slice());
        }
    }
}

// ---- the coding process -------------------------------------------------------

#[test]
fn a_step_above_255_cannot_be_written_as_baseline() {
    let mut image = colour_image(&[(1, 1), (1, 1), (1, 1)], 16, 16);
    let tables = vec![
        QuantizationTable::uniform(255).unwrap(),
        QuantizationTable::from_fn(|band| if band == Band::DC { 256 } else { 255 }).unwrap(),
    ];
    image
        .requantize(
            &QuantizationTables::per_component(tables).unwrap(),
            Rounding::default(),
        )
        .unwrap();
    let error = image
        .encode_with(&EncodeOptions::new().with_process(Process::Baseline))
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::InvalidArgument(ArgumentError::StepAboveBaseline {
                component: 1,
                step: 256
            })
        ),
        "{error}"
    );
}

#[test]
fn automatic_turns_to_extended_sequential_for_wide_steps_alone() {
    let wide = QuantizationTable::uniform(256).unwrap();
    let narrow = QuantizationTable::uniform(255).unwrap();
    let mut image = colour_image(&[(1, 1), (1, 1), (1, 1)], 16, 16);
    image
        .requantize(&narrow.into(), Rounding::default())
        .unwrap();
    let bytes = image.encode().unwrap();
    assert_eq!(frame_part(&bytes).code, SOF0);
    assert_eq!(payload(&bytes, part(&bytes, DQT)).len(), 65);

    image
        .requantize(
            &QuantizationTables::luminance_chrominance(narrow, wide),
            Rounding::default(),
        )
        .unwrap();
    let bytes = image.encode().unwrap();
    assert_eq!(frame_part(&bytes).code, SOF1);
    let tables: Vec<(u8, usize)> = parts(&bytes)
        .iter()
        .filter(|part| part.code == DQT)
        .map(|&part| (payload(&bytes, part)[0], payload(&bytes, part).len()))
        .collect();
    // Precision in the high half, destination in the low; the equal chrominance tables stand once.
    assert_eq!(tables, [(0x00, 65), (0x11, 129)]);
    assert_eq!(
        CoefficientImage::decode(&bytes).unwrap().components(),
        image.components()
    );
}

// ---- metadata -------------------------------------------------------------------

#[test]
fn keeping_metadata_keeps_every_segment_in_order() {
    for fixture in fixtures() {
        let image = read(&fixture.bytes);
        let read = read(&image.encode().unwrap());
        assert_eq!(read.metadata(), image.metadata(), "{}", fixture.name);
    }
}

#[test]
fn icc_only_keeps_the_profile_and_the_colour_marker() {
    let image = image_with_metadata();
    let options = EncodeOptions::new().with_metadata(MetadataPolicy::IccOnly);
    let bytes = image.encode_with(&options).unwrap().bytes;
    let read = CoefficientImage::decode(&bytes).unwrap();
    let kinds: Vec<MetadataKind> = read.metadata().iter().map(MetadataSegment::kind).collect();
    assert_eq!(
        kinds,
        [MetadataKind::Jfif, MetadataKind::Icc, MetadataKind::Icc]
    );
    let chunks: Vec<&MetadataSegment> = image
        .metadata()
        .iter()
        .filter(|segment| segment.kind() == MetadataKind::Icc)
        .collect();
    assert_eq!(read.metadata()[1..].iter().collect::<Vec<_>>(), chunks);
    assert_eq!(application_markers(&bytes), [APP0, APP0 + 2, APP0 + 2]);
    // The picture's own density is metadata too: it does not survive.
    assert_ne!(read.metadata()[0].payload(), JFIF);
    for secret in [&b"Exif"[..], b"a comment", b"anything"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
}

#[test]
fn stripping_leaves_the_colour_marker_alone() {
    let image = image_with_metadata();
    let options = EncodeOptions::new().with_metadata(MetadataPolicy::Strip);
    let bytes = image.encode_with(&options).unwrap().bytes;
    assert_eq!(application_markers(&bytes), [APP0]);
    let read = CoefficientImage::decode(&bytes).unwrap();
    assert_eq!(read.metadata().len(), 1);
    assert_eq!(read.components(), image.components());
}

#[test]
fn the_colour_space_survives_every_policy_beside_every_marker() {
    let adobe = |transform| {
        MetadataSegment::application(
            14,
            vec![b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, transform],
        )
    };
    let jfif = MetadataSegment::application(0, JFIF.to_vec()).unwrap();
    let short_jfif = MetadataSegment::application(0, b"JFIF\0\x01".to_vec()).unwrap();
    let profile =
        MetadataSegment::application(2, b"ICC_PROFILE\0\x01\x01profile".to_vec()).unwrap();
    let markers = [
        jfif,
        short_jfif,
        adobe(0).unwrap(),
        adobe(1).unwrap(),
        adobe(2).unwrap(),
        adobe(9).unwrap(),
        profile,
    ];
    for color in COLOR_SPACES {
        let counts = color.components().map_or(1..=4, |count| count..=count);
        for components in counts {
            // Every set of the markers, in both orders.
            for set in 0..1_u32 << markers.len() {
                let mut chosen: Vec<MetadataSegment> = markers
                    .iter()
                    .enumerate()
                    .filter(|(index, _)| set >> index & 1 == 1)
                    .map(|(_, marker)| marker.clone())
                    .collect();
                for _ in 0..2 {
                    chosen.reverse();
                    let mut image = CoefficientImage::new(
                        8,
                        8,
                        color,
                        &vec![SamplingFactor::ONE; components],
                        &QuantizationTable::uniform(1).unwrap().into(),
                    )
                    .unwrap();
                    image.metadata_mut().clone_from(&chosen);
                    for policy in POLICIES {
                        let bytes = image
                            .encode_with(&EncodeOptions::new().with_metadata(policy))
                            .unwrap()
                            .bytes;
                        let read = CoefficientImage::decode(&bytes).unwrap();
                        if color == ColorSpace::Unknown && components != 2 {
                            // No file can say so: its reader falls back on a space of its own.
                            assert_ne!(read.color_space(), ColorSpace::Unknown);
                        } else {
                            assert_eq!(read.color_space(), color, "{policy:?} {chosen:?}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_metadata_segment_of_any_legal_length_survives() {
    for length in [0, 1, 65533] {
        let mut image = image_with_metadata();
        image
            .metadata_mut()
            .push(MetadataSegment::application(9, vec![0xFF; length]).unwrap());
        image
            .metadata_mut()
            .push(MetadataSegment::comment(vec![0xFF; length]).unwrap());
        let read = CoefficientImage::decode(&image.encode().unwrap()).unwrap();
        assert_eq!(read.metadata(), image.metadata());
    }
}

// ---- arbitrary images and how they are read -------------------------------------------------------------

/// Without limits: an image of many components has more scans than the default ones allow.
fn read(bytes: &[u8]) -> CoefficientImage {
    let options = DecodeOptions::new().with_limits(Limits::none());
    CoefficientImage::decode_with(bytes, &options).unwrap()
}

/// Any image that sequential coding can carry.
fn images() -> impl Strategy<Value = CoefficientImage> {
    let factor = (1_u8..=4, 1_u8..=4);
    // Small factors come often enough that interleaved scans are well covered.
    let factors = prop_oneof![
        prop::collection::vec(factor, 1..=4),
        prop::collection::vec((1_u8..=2, 1_u8..=2), 1..=4),
        prop::collection::vec(Just((1, 1)), 1..=4),
    ];
    (factors, 1_u32..=70, 1_u32..=70, any::<bool>(), any::<u64>()).prop_map(
        |(factors, width, height, unknown, seed)| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let color = color_space(factors.len(), unknown, &mut random);
            let largest = [1, 255, 255, 300, 65535][random.random_range(0..5)];
            let tables = (0..random.random_range(1..=4))
                .map(|_| random_table(&mut random, largest))
                .collect();
            let mut image = CoefficientImage::new(
                width,
                height,
                color,
                &sampling(&factors),
                &QuantizationTables::per_component(tables).unwrap(),
            )
            .unwrap();
            for component in image.components_mut() {
                for block in component.blocks_mut() {
                    fill(block, &mut random);
                }
            }
            image
        },
    )
}

fn color_space(components: usize, unknown: bool, random: &mut ChaCha8Rng) -> ColorSpace {
    let fitting: Vec<ColorSpace> = COLOR_SPACES
        .into_iter()
        .filter(|color| color.components() == Some(components))
        .collect();
    if unknown || fitting.is_empty() {
        ColorSpace::Unknown
    } else {
        fitting[random.random_range(0..fitting.len())]
    }
}

/// The colour space that a file of this image can tell: one of no declared meaning it cannot, save
/// for two components.
fn tellable(image: &CoefficientImage) -> ColorSpace {
    match (image.color_space(), image.components().len()) {
        (ColorSpace::Unknown, 1) => ColorSpace::Grey,
        (ColorSpace::Unknown, 3) => ColorSpace::YCbCr,
        (ColorSpace::Unknown, 4) => ColorSpace::Cmyk,
        (color, _) => color,
    }
}

fn random_table(random: &mut ChaCha8Rng, largest: u16) -> QuantizationTable {
    let mut steps = [0; BANDS];
    steps.fill_with(|| random.random_range(1..=largest));
    QuantizationTable::from_natural(steps).unwrap()
}

/// Mostly sparse, now and then dense, full of extremes, or empty.
fn fill(block: &mut Block, random: &mut ChaCha8Rng) {
    let (density, bound) = match random.random_range(0..20) {
        0 => (1.0, 1023),
        1 => (0.5, 1023),
        2 => (0.02, 1023),
        3..=6 => (0.0, 0),
        7..=10 => (0.5, 3),
        _ => (0.1, 40),
    };
    for level in &mut block[1..] {
        if random.random_bool(density) {
            *level = if random.random_bool(0.1) {
                [-bound, bound][random.random_range(0..2)]
            } else {
                random.random_range(-bound..=bound)
            };
        }
    }
    // Any two of these differ by at most 2047.
    block[0] = match random.random_range(0..4) {
        0 => [-1024, 1023][random.random_range(0..2)],
        1 => 0,
        _ => random.random_range(-1024..=1023),
    };
}

fn restart_intervals(mcus: u16) -> [RestartInterval; 6] {
    [
        RestartInterval::Never,
        RestartInterval::Keep,
        RestartInterval::Mcus(interval(1)),
        RestartInterval::Mcus(interval(mcus)),
        RestartInterval::McuRows(interval(1)),
        RestartInterval::McuRows(interval(mcus)),
    ]
}

fn interval(mcus: u16) -> NonZeroU16 {
    NonZeroU16::new(mcus).unwrap()
}

fn sampling(factors: &[(u8, u8)]) -> Vec<SamplingFactor> {
    factors
        .iter()
        .map(|&(horizontal, vertical)| SamplingFactor::new(horizontal, vertical).unwrap())
        .collect()
}

fn grey(blocks: &[Block], width: u32, height: u32, table: QuantizationTable) -> CoefficientImage {
    let component = (SamplingFactor::ONE, table, blocks.to_vec());
    CoefficientImage::from_blocks(width, height, ColorSpace::Grey, vec![component]).unwrap()
}

fn colour_image(factors: &[(u8, u8)], width: u32, height: u32) -> CoefficientImage {
    let tables = QuantizationTables::annex_k(75).unwrap();
    let mut image = CoefficientImage::new(
        width,
        height,
        ColorSpace::YCbCr,
        &sampling(factors),
        &tables,
    )
    .unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(5);
    for component in image.components_mut() {
        for block in component.blocks_mut() {
            fill(block, &mut random);
        }
    }
    image
}

fn image_with_metadata() -> CoefficientImage {
    let mut image = colour_image(&[(2, 2), (1, 1), (1, 1)], 33, 17);
    *image.metadata_mut() = vec![
        MetadataSegment::application(0, JFIF.to_vec()).unwrap(),
        MetadataSegment::application(1, b"Exif\0\0II*\0".to_vec()).unwrap(),
        MetadataSegment::application(2, b"ICC_PROFILE\0\x01\x02first".to_vec()).unwrap(),
        MetadataSegment::comment(b"a comment".to_vec()).unwrap(),
        MetadataSegment::application(2, b"ICC_PROFILE\0\x02\x02second".to_vec()).unwrap(),
        MetadataSegment::application(9, b"anything".to_vec()).unwrap(),
    ];
    image
}

fn application_markers(bytes: &[u8]) -> Vec<u8> {
    parts(bytes)
        .iter()
        .map(|part| part.code)
        .filter(|code| (APP0..=APP0 + 15).contains(code) || *code == COM)
        .collect()
}
