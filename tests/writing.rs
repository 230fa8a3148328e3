//! The promise: whatever process, scans, sampling and intervals a file is written with, every reader
//! finds the same coefficients, and libjpeg writes the same bytes where it makes the same choice.

mod common;
#[path = "oracle/mod.rs"]
mod oracle;

use std::num::NonZeroU16;
use std::ops::RangeInclusive;

use common::bytes::{
    DHT, DQT, EOI, SOF0, SOF1, SOF2, SOI, SOS, assert_same_coding, frame_part, parts, payload,
};
use common::{coefficients, fixture, fixtures, fixtures_that_libjpeg_reads};
use feature_distillation::{
    ArgumentError, BANDS, Band, Block, CodingProcess, CoefficientImage, ColorSpace, DecodeOptions,
    EncodeOptions, EntropyCoding, Error, HuffmanTables, Limits, MetadataPolicy, OutOfRange,
    Process, QuantizationTable, QuantizationTables, RestartInterval, Rounding, SamplePrecision,
    SamplingFactor, Scan, ScanScript, ScriptFault, StreamFormat, TableSpecification,
};
use oracle::{Coding, Conditioning, Libjpeg, ScanRecord};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::options::DecoderOptions;

// ---- every process, sampling, interval, table and size ------------------------------------------

/// Colour space and sampling factors.
const SAMPLINGS: [(ColorSpace, &[(u8, u8)]); 12] = [
    (ColorSpace::Grey, &[(1, 1)]),
    (ColorSpace::Grey, &[(2, 2)]),
    (ColorSpace::YCbCr, &[(1, 1), (1, 1), (1, 1)]),
    (ColorSpace::YCbCr, &[(2, 1), (1, 1), (1, 1)]),
    (ColorSpace::YCbCr, &[(2, 2), (1, 1), (1, 1)]),
    (ColorSpace::YCbCr, &[(1, 2), (1, 1), (1, 1)]),
    (ColorSpace::YCbCr, &[(4, 1), (1, 1), (1, 1)]),
    (ColorSpace::YCbCr, &[(3, 2), (2, 1), (1, 1)]),
    (ColorSpace::Rgb, &[(1, 1), (1, 1), (1, 1)]),
    (ColorSpace::Cmyk, &[(1, 1), (1, 1), (1, 1), (1, 1)]),
    (ColorSpace::Ycck, &[(2, 2), (1, 1), (1, 1), (2, 2)]),
    (ColorSpace::Unknown, &[(2, 1), (1, 1)]),
];
const SIZES: [(u32, u32); 7] = [
    (1, 1),
    (7, 9),
    (8, 8),
    (17, 1),
    (1, 17),
    (33, 31),
    (129, 67),
];

#[test]
fn every_reader_finds_the_coefficients_that_were_written() {
    let libjpeg = Libjpeg::load();
    let (mut written, mut same_bytes, mut strictly_read) = (0, 0, 0);
    for (index, (color, factors)) in SAMPLINGS.into_iter().enumerate() {
        for (width, height) in SIZES {
            for largest_step in [255, 65535] {
                let image = image(color, factors, width, height, largest_step, index as u64);
                for script in scripts(&image) {
                    for restarts in [mcus(0), mcus(1), mcus(3), one_row()] {
                        for coding in [EntropyCoding::Huffman, EntropyCoding::Arithmetic] {
                            let what = format!(
                                "{color:?} {factors:?} {width}x{height} {restarts:?} {coding:?} {script:?}"
                            );
                            let options = EncodeOptions::new()
                                .with_scans(script.clone())
                                .with_entropy_coding(coding)
                                .with_huffman_tables(HuffmanTables::Optimized)
                                .with_restart_interval(restarts);
                            let bytes = image.encode_with(&options).unwrap().bytes;
                            written += 1;
                            assert_read_back(&image, &bytes, &what);
                            if coding == EntropyCoding::Huffman
                                && strict_decoder_takes(&image, &script, restarts)
                            {
                                assert_strictly_read(&bytes, &what);
                                strictly_read += 1;
                            }
                            let Some(libjpeg) = libjpeg else {
                                continue;
                            };
                            assert_read_by_libjpeg(libjpeg, &image, &bytes, &what);
                            // It is told intervals in MCUs.
                            if restarts != one_row() && libjpeg_writes(&script) {
                                let theirs =
                                    written_by_libjpeg(libjpeg, &bytes, &script, coding, restarts);
                                assert_same_coding(&bytes, &theirs.unwrap(), &what);
                                same_bytes += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    println!("{written} files, {strictly_read} read strictly, {same_bytes} as libjpeg writes them");
    assert!(written >= 5000, "{written}");
    assert!(strictly_read >= 3000, "{strictly_read}");
}

#[test]
fn sequential_files_need_no_optimized_tables() {
    for (color, factors) in SAMPLINGS {
        let image = image(color, factors, 67, 45, 255, 9);
        for script in [
            ScanScript::interleaved(&image),
            ScanScript::by_component(&image),
        ] {
            for process in [
                Process::Automatic,
                Process::Baseline,
                Process::ExtendedSequential,
            ] {
                let options = EncodeOptions::new()
                    .with_process(process)
                    .with_scans(script.clone());
                let bytes = image.encode_with(&options).unwrap().bytes;
                let expected = match process {
                    Process::ExtendedSequential => SOF1,
                    _ => SOF0,
                };
                assert_eq!(frame_part(&bytes).code, expected);
                assert_read_back(
                    &image,
                    &bytes,
                    &format!("{factors:?} {process:?} {script:?}"),
                );
            }
        }
    }
}

/// Sequential and progressive scripts of all shapes.
fn scripts(image: &CoefficientImage) -> Vec<ScanScript> {
    let count = image.components().len();
    let all: Vec<usize> = (0..count).collect();
    let each = |bands: RangeInclusive<u8>, high, low| {
        all.iter()
            .map(move |&index| progressive(&[index], bands.clone(), high, low))
            .collect::<Vec<_>>()
    };
    let dc = |high, low| {
        let blocks: u8 = image
            .components()
            .iter()
            .map(|component| component.sampling().horizontal() * component.sampling().vertical())
            .sum();
        if blocks > 10 {
            each(0..=0, high, low)
        } else {
            vec![progressive(&all, 0..=0, high, low)]
        }
    };
    let mut scripts = vec![
        ScanScript::interleaved(image),
        ScanScript::by_component(image),
        // Last component first.
        ScanScript::new(
            all.iter()
                .rev()
                .map(|&index| Scan::sequential(&[index]).unwrap())
                .collect(),
        ),
        ScanScript::new(match count {
            3 => vec![
                Scan::sequential(&[0]).unwrap(),
                Scan::sequential(&[1, 2]).unwrap(),
            ],
            4 => vec![
                Scan::sequential(&[0, 2]).unwrap(),
                Scan::sequential(&[1, 3]).unwrap(),
            ],
            _ => ScanScript::by_component(image).scans().to_vec(),
        }),
        ScanScript::progression(image),
        // Spectral selection alone.
        ScanScript::new([dc(0, 0), each(1..=5, 0, 0), each(6..=63, 0, 0)].concat()),
        // Successive approximation alone.
        ScanScript::new(
            [
                dc(0, 2),
                each(1..=63, 0, 2),
                dc(2, 1),
                each(1..=63, 2, 1),
                each(1..=63, 1, 0),
                dc(1, 0),
            ]
            .concat(),
        ),
        // DC not interleaved, bands of one, and refinements in other bands than first scans.
        ScanScript::new(
            [
                each(0..=0, 0, 4),
                each(2..=63, 0, 1),
                each(1..=1, 0, 3),
                each(0..=0, 4, 3),
                each(2..=20, 1, 0),
                each(1..=1, 3, 2),
                each(21..=63, 1, 0),
                each(1..=1, 2, 1),
                each(1..=1, 1, 0),
                each(0..=0, 3, 2),
                dc(2, 1),
                dc(1, 0),
            ]
            .concat(),
        ),
        // As deep as libjpeg goes.
        ScanScript::new(
            [
                dc(0, 10),
                each(1..=63, 0, 10),
                (0..10)
                    .rev()
                    .flat_map(|low| each(1..=63, low + 1, low))
                    .collect(),
                (0..10).rev().flat_map(|low| dc(low + 1, low)).collect(),
            ]
            .concat(),
        ),
        // As deep as T.81 goes.
        ScanScript::new(
            [
                dc(0, 13),
                each(1..=63, 0, 13),
                (0..13).rev().flat_map(|low| dc(low + 1, low)).collect(),
                (0..13)
                    .rev()
                    .flat_map(|low| each(1..=63, low + 1, low))
                    .collect(),
            ]
            .concat(),
        ),
    ];
    scripts.dedup();
    scripts
}

// ---- the bytes of libjpeg ----------------------------------------------------------------------

#[test]
fn progressive_and_arithmetic_files_are_those_of_libjpeg_from_the_frame_header_on() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    let (mut compared, mut shared) = (0, 0);
    let kinds = [(true, false), (true, true), (false, true)];
    for fixture in fixtures_that_libjpeg_reads() {
        let image = read(&fixture.bytes);
        let mut transcoder = libjpeg.open(&fixture.bytes).unwrap();
        for ((progressive, arithmetic), interval) in kinds
            .into_iter()
            .flat_map(|kind| [0, 1, 3, 40].map(|interval| (kind, interval)))
        {
            if progressive && fixture.name.starts_with("component-ids-") {
                // libjpeg writes AC scans whose component its own reader takes for another one.
                shared += 1;
                continue;
            }
            let mut theirs = Vec::new();
            let coding = Coding {
                optimize: !arithmetic,
                restart_interval: interval,
                progressive,
                arithmetic: arithmetic.then(Conditioning::default),
            };
            if let Err(refusal) = transcoder.transcode(coding, &mut theirs) {
                // libjpeg cannot write two tables that shared a destination; we can.
                assert!(fixture.name.starts_with("scans-dqt-redefined"), "{refusal}");
                continue;
            }
            let mut options = EncodeOptions::new().with_restart_interval(mcus(interval));
            if progressive {
                options = options.with_process(Process::Progressive);
            }
            if arithmetic {
                options = options.with_entropy_coding(EntropyCoding::Arithmetic);
            }
            let ours = image.encode_with(&options).unwrap().bytes;
            let what = format!("{}, {coding:?}", fixture.name);
            assert_same_coding(&ours, &theirs, &what);
            compared += 1;
        }
    }
    println!("{compared} files compared");
    assert_eq!(
        compared + shared,
        3 * 4 * (fixtures_that_libjpeg_reads().len() - 2)
    );
}

#[test]
fn long_runs_and_many_corrections_are_sent_when_libjpeg_sends_them() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    // 182 x 182 blocks are more than a run of 32767; one block in so many has anything at all.
    for (every, level) in [(40_000, 1), (1000, 1), (1, 2), (1, 3), (2, 6), (70, 7)] {
        let table = QuantizationTable::uniform(1).unwrap();
        let mut image = CoefficientImage::new(
            182 * 8,
            182 * 8,
            ColorSpace::Grey,
            &[SamplingFactor::ONE],
            &table.into(),
        )
        .unwrap();
        for block in image.components_mut()[0]
            .blocks_mut()
            .iter_mut()
            .step_by(every)
        {
            block[1..].fill(level);
        }
        for script in scripts(&image) {
            let options = EncodeOptions::new()
                .with_scans(script.clone())
                .with_huffman_tables(HuffmanTables::Optimized);
            let ours = image.encode_with(&options).unwrap().bytes;
            assert_read_by_libjpeg(libjpeg, &image, &ours, "runs");
            if libjpeg_writes(&script) {
                let theirs =
                    written_by_libjpeg(libjpeg, &ours, &script, EntropyCoding::Huffman, mcus(0))
                        .unwrap();
                assert_same_coding(&ours, &theirs, &format!("{every} {level} {script:?}"));
            }
        }
    }
}

#[test]
fn blocks_without_zeros_are_written_as_libjpeg_writes_them() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    // More symbols than are worth keeping between counting and writing; codes and values of all lengths.
    let mut image = image(ColorSpace::YCbCr, &[(2, 2), (1, 1), (1, 1)], 70, 45, 9, 1);
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for component in image.components_mut() {
        for block in component.blocks_mut() {
            for level in &mut block[1..] {
                let largest = 1 << random.random_range(1..=10);
                *level = random.random_range(1..largest) * [-1, 1][random.random_range(0..2)];
            }
        }
    }
    for (optimize, interval) in [false, true]
        .into_iter()
        .flat_map(|optimize| [0, 1, 5].map(|interval| (optimize, interval)))
    {
        let tables = [HuffmanTables::Standard, HuffmanTables::Optimized][usize::from(optimize)];
        let options = EncodeOptions::new()
            .with_huffman_tables(tables)
            .with_restart_interval(mcus(interval));
        let ours = image.encode_with(&options).unwrap().bytes;
        let coding = Coding {
            optimize,
            restart_interval: interval,
            ..Coding::default()
        };
        let mut theirs = Vec::new();
        libjpeg
            .open(&ours)
            .unwrap()
            .transcode(coding, &mut theirs)
            .unwrap();
        assert_same_coding(&ours, &theirs, &format!("{coding:?}"));
        assert_read_back(&image, &ours, "dense");
    }
}

// ---- as it was read ----------------------------------------------------------------------------

#[test]
fn a_file_written_as_it_was_read_is_read_equal() {
    for fixture in fixtures() {
        let image = read(&fixture.bytes);
        let bytes = image
            .encode_with(&EncodeOptions::as_read(&image))
            .unwrap_or_else(|error| panic!("{}: {error}", fixture.name))
            .bytes;
        let read = read(&bytes);
        assert_eq!(read.scans(), image.scans(), "{}", fixture.name);
        let coding = |image: &CoefficientImage| {
            (
                image.process(),
                image.entropy_coding(),
                image.restart_interval(),
            )
        };
        assert_eq!(coding(&read), coding(&image), "{}", fixture.name);
        assert_eq!(read.metadata(), image.metadata(), "{}", fixture.name);
        assert!(read == image, "{}", fixture.name);
        // What was written so is written so again.
        assert_eq!(
            read.encode_with(&EncodeOptions::as_read(&read))
                .unwrap()
                .bytes,
            bytes
        );
    }
}

#[test]
fn data_behind_the_image_are_written_again_unless_metadata_are_not() {
    let options = DecodeOptions::new().with_trailing_data(true);
    for fixture in fixtures() {
        let Ok(image) = CoefficientImage::decode_with(&fixture.bytes, &options) else {
            continue;
        };
        for (policy, kept) in [
            (MetadataPolicy::Keep, true),
            (MetadataPolicy::IccOnly, false),
            (MetadataPolicy::Strip, false),
        ] {
            let written = EncodeOptions::as_read(&image).with_metadata(policy);
            let bytes = image.encode_with(&written).unwrap().bytes;
            let read = CoefficientImage::decode_with(&bytes, &options).unwrap();
            let expected = if kept { image.trailing_data() } else { &[] };
            assert_eq!(read.trailing_data(), expected, "{}", fixture.name);
            assert_eq!(read.components(), image.components(), "{}", fixture.name);
        }
        if fixture.name.starts_with("trailing-bytes") {
            assert!(!image.trailing_data().is_empty());
        }
    }
}

#[test]
fn scans_that_left_bits_out_are_used_again_only_while_those_are_zero() {
    // Neither the two lowest bits of AC nor anything above band 5.
    let partial = ScanScript::new(vec![
        progressive(&[0], 0..=0, 0, 0),
        progressive(&[0], 1..=5, 0, 2),
    ]);
    let mut image = image(ColorSpace::Grey, &[(1, 1)], 16, 16, 255, 1);
    let keep = [0, 1, 2, 8, 9, 16];
    for block in image.components_mut()[0].blocks_mut() {
        for (band, level) in block.iter_mut().enumerate().skip(1) {
            *level = if keep.contains(&band) {
                *level / 4 * 4
            } else {
                0
            };
        }
    }
    let partly = EncodeOptions::new().with_scans(partial.clone());
    let bytes = image.encode_with(&partly).unwrap().bytes;
    let mut moved = read(&bytes);
    assert_eq!(moved.components(), image.components());
    assert_eq!(moved.scans(), partial.scans());
    assert_eq!(
        moved
            .encode_with(&EncodeOptions::as_read(&moved))
            .unwrap()
            .bytes,
        bytes
    );

    for (band, level) in [(1, 2), (63, 512), (9, -3), (3, 4)] {
        let before = std::mem::replace(&mut moved.components_mut()[0].blocks_mut()[3][band], level);
        let error = moved.encode_with(&partly).unwrap_err();
        let expected = ScriptFault::Incomplete {
            component: 0,
            band: Band::from_natural(band).unwrap(),
        };
        assert_eq!(fault(&error), Some(expected));
        // As read, the usual scans take over.
        let whole = moved
            .encode_with(&EncodeOptions::as_read(&moved))
            .unwrap()
            .bytes;
        let again = read(&whole);
        assert_eq!(again.components(), moved.components());
        assert_eq!(again.process(), CodingProcess::Progressive);
        moved.components_mut()[0].blocks_mut()[3][band] = before;
    }
}

// ---- scripts -----------------------------------------------------------------------------------

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_legal_script_is_read_equal_by_libjpeg(
        seed in any::<u64>(),
        interval in 0_u16..5,
        arithmetic in any::<bool>(),
    ) {
        let coding = if arithmetic { EntropyCoding::Arithmetic } else { EntropyCoding::Huffman };
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (color, factors) = SAMPLINGS[random.random_range(0..SAMPLINGS.len())];
        let (width, height) = (random.random_range(1..60), random.random_range(1..60));
        let image = image(color, factors, width, height, 255, seed);
        let script = legal_script(&image, &mut random);
        prop_assert!(is_legal(&image, script.scans()), "{:?}", script);
        let options = EncodeOptions::new()
            .with_scans(script.clone())
            .with_entropy_coding(coding)
            .with_huffman_tables(HuffmanTables::Optimized)
            .with_restart_interval(mcus(interval));
        let bytes = image.encode_with(&options).unwrap().bytes;
        let read = read(&bytes);
        prop_assert_eq!(read.components(), image.components());
        prop_assert_eq!(read.scans(), script.scans());
        prop_assert_eq!(read.entropy_coding(), coding);
        if let Some(libjpeg) = Libjpeg::load() {
            assert_read_by_libjpeg(libjpeg, &image, &bytes, "any script");
            let theirs = written_by_libjpeg(libjpeg, &bytes, &script, coding, mcus(interval)).unwrap();
            assert_same_coding(&bytes, &theirs, "any script");
        }
    }

    #[test]
    fn a_script_is_taken_if_and_only_if_it_is_legal(seed in any::<u64>(), changes in 0..4) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (color, factors) = SAMPLINGS[random.random_range(0..SAMPLINGS.len())];
        let mut image = image(color, factors, 9, 9, 255, seed);
        // With every lowest bit set, nothing may be left out.
        for component in image.components_mut() {
            component.blocks_mut().fill([1; 64]);
        }
        let mut scans = legal_script(&image, &mut random).scans().to_vec();
        for _ in 0..changes {
            change(&mut scans, &mut random);
        }
        let options = EncodeOptions::new().with_scans(ScanScript::new(scans.clone()));
        match image.encode_with(&options) {
            Ok(encoded) => {
                prop_assert!(is_legal(&image, &scans), "taken: {:?}", scans);
                let read = read(&encoded.bytes);
                prop_assert_eq!(read.components(), image.components());
            }
            Err(error) => {
                prop_assert!(fault(&error).is_some(), "{}", error);
                prop_assert!(!is_legal(&image, &scans), "refused: {} {:?}", error, scans);
            }
        }
    }
}

#[test]
fn each_rule_of_scripts_has_its_own_error() {
    let image = image(ColorSpace::YCbCr, &[(3, 2), (2, 1), (2, 2)], 33, 33, 255, 2);
    let sequential = |indices: &[usize]| Scan::sequential(indices).unwrap();
    let whole = [
        progressive(&[0], 0..=0, 0, 0),
        progressive(&[1], 0..=0, 0, 0),
        progressive(&[2], 0..=0, 0, 0),
        progressive(&[0], 1..=63, 0, 0),
        progressive(&[1], 1..=63, 0, 0),
        progressive(&[2], 1..=63, 0, 0),
    ];
    let with = |at: usize, scan: Scan| {
        let mut scans = whole.to_vec();
        scans.insert(at, scan);
        scans
    };
    let cases: [(Vec<Scan>, ScriptFault); 11] = [
        (vec![], ScriptFault::NotCoded { component: 0 }),
        (
            vec![sequential(&[0]), sequential(&[2])],
            ScriptFault::NotCoded { component: 1 },
        ),
        (
            vec![sequential(&[0]), sequential(&[1, 3])],
            ScriptFault::NoSuchComponent {
                scan: 1,
                component: 3,
            },
        ),
        (
            vec![sequential(&[0, 1, 2])],
            ScriptFault::McuTooLarge {
                scan: 0,
                blocks: 12,
            },
        ),
        (
            vec![sequential(&[0, 1]), sequential(&[1, 2])],
            ScriptFault::CodedTwice {
                scan: 1,
                component: 1,
            },
        ),
        (
            with(2, sequential(&[2])),
            ScriptFault::OtherProcess {
                scan: 2,
                process: "progressive",
            },
        ),
        (
            with(2, progressive(&[2], 1..=5, 0, 0)),
            ScriptFault::AcBeforeDc {
                scan: 2,
                component: 2,
            },
        ),
        (
            with(5, progressive(&[1], 63..=63, 0, 0)),
            ScriptFault::OutOfTurn {
                scan: 5,
                component: 1,
                band: Band::from_zigzag(63).unwrap(),
            },
        ),
        (
            with(3, progressive(&[0], 1..=63, 1, 0)),
            ScriptFault::OutOfTurn {
                scan: 3,
                component: 0,
                band: Band::from_zigzag(1).unwrap(),
            },
        ),
        (
            with(6, progressive(&[0], 0..=0, 1, 0)),
            ScriptFault::OutOfTurn {
                scan: 6,
                component: 0,
                band: Band::DC,
            },
        ),
        (
            whole[..5].to_vec(),
            ScriptFault::Incomplete {
                component: 2,
                band: first_nonzero_ac(&image, 2),
            },
        ),
    ];
    for (scans, expected) in cases {
        let options = EncodeOptions::new().with_scans(ScanScript::new(scans));
        let error = image.encode_with(&options).unwrap_err();
        assert_eq!(fault(&error), Some(expected), "{error}");
    }
}

#[test]
fn a_script_of_another_process_is_refused() {
    let image = image(ColorSpace::Grey, &[(1, 1)], 33, 33, 255, 2);
    for (process, script) in [
        (Process::Progressive, ScanScript::by_component(&image)),
        (Process::Baseline, ScanScript::progression(&image)),
        (Process::ExtendedSequential, ScanScript::progression(&image)),
    ] {
        let options = EncodeOptions::new()
            .with_process(process)
            .with_scans(script);
        let error = image.encode_with(&options).unwrap_err();
        assert!(
            matches!(
                fault(&error),
                Some(ScriptFault::OtherProcess { scan: 0, .. })
            ),
            "{error}"
        );
    }
}

/// T.81's rules once more, bit by bit: a set of known bits for each coefficient.
fn is_legal(image: &CoefficientImage, scans: &[Scan]) -> bool {
    let count = image.components().len();
    let progressive = scans.iter().any(|scan| scan.zigzag_range() != (0..=63));
    let mut known = vec![[0_u16; 64]; count];
    for scan in scans {
        let (bands, high, low) = (scan.zigzag_range(), scan.high(), scan.low());
        let indices: Vec<usize> = scan.components().collect();
        if indices.iter().any(|&index| index >= count) {
            return false;
        }
        let blocks: u32 = indices
            .iter()
            .map(|&index| image.components()[index].sampling())
            .map(|factor| u32::from(factor.horizontal()) * u32::from(factor.vertical()))
            .sum();
        if indices.len() > 1 && blocks > 10 || progressive && bands == (0..=63) {
            return false;
        }
        for index in indices {
            if *bands.start() > 0 && known[index][0] == 0 {
                return false;
            }
            for zigzag in bands.clone() {
                let bits = &mut known[index][usize::from(zigzag)];
                let (before, brought) = if high == 0 {
                    (0, u16::MAX << low)
                } else {
                    (u16::MAX << high, 1 << low)
                };
                if *bits != before || *bits & brought != 0 {
                    return false;
                }
                *bits |= brought;
            }
        }
    }
    known.iter().flatten().all(|&bits| bits == u16::MAX)
}

/// A random order of random pieces: DC of some components, bands of one, one bit after the other.
fn legal_script(image: &CoefficientImage, random: &mut ChaCha8Rng) -> ScanScript {
    let count = image.components().len();
    if random.random_bool(0.2) {
        return scripts(image).swap_remove(random.random_range(0..4));
    }
    let mut left = vec![[None::<u8>; 64]; count];
    let mut scans = Vec::new();
    while left.iter().flatten().any(|&left| left != Some(0)) {
        // After a while in few, large steps.
        let hurry = scans.len() > 20;
        let index = random.random_range(0..count);
        let unfinished: Vec<usize> = (0..64)
            .filter(|&zigzag| left[index][zigzag] != Some(0))
            .collect();
        let Some(&start) = unfinished.get(if hurry || left[index][0].is_none() {
            0
        } else {
            random.random_range(0..unfinished.len().max(1))
        }) else {
            continue;
        };
        let state = left[index][start];
        let (high, low) = match state {
            None if hurry => (0, 0),
            None => (0, [0, 0, 1, 1, 2, 3, 10][random.random_range(0..7)]),
            Some(left) => (left, left - 1),
        };
        let mut end = start;
        let mut indices = vec![index];
        if start > 0 {
            while end < 63 && left[index][end + 1] == state && (hurry || random.random_bool(0.95)) {
                end += 1;
            }
        } else {
            for (other, left) in left.iter().enumerate() {
                if other != index && left[0] == state && random.random_bool(0.7) {
                    indices.push(other);
                }
            }
            indices.sort_unstable();
            let blocks: u8 = indices
                .iter()
                .map(|&index| image.components()[index].sampling())
                .map(|factor| factor.horizontal() * factor.vertical())
                .sum();
            if blocks > 10 {
                indices = vec![index];
            }
        }
        for &index in &indices {
            left[index][start..=end].fill(Some(low));
        }
        let bands = u8::try_from(start).unwrap()..=u8::try_from(end).unwrap();
        scans.push(progressive(&indices, bands, high, low));
    }
    ScanScript::new(scans)
}

/// Drops, repeats, moves or alters a scan.
fn change(scans: &mut Vec<Scan>, random: &mut ChaCha8Rng) {
    if scans.is_empty() {
        return;
    }
    let at = random.random_range(0..scans.len());
    let other = random.random_range(0..scans.len());
    match random.random_range(0..5) {
        0 => {
            scans.remove(at);
        }
        1 => scans.insert(other, scans[at]),
        2 => scans.swap(at, other),
        3 => scans[at] = Scan::sequential(&[random.random_range(0..5)]).unwrap(),
        _ => {
            let scan = scans[at];
            let indices: Vec<usize> = scan.components().collect();
            let low = scan.low() + 1;
            let high = if scan.high() == 0 { 0 } else { low + 1 };
            if let Ok(altered) = Scan::progressive(&indices, scan.zigzag_range(), high, low) {
                scans[at] = altered;
            }
        }
    }
}

// ---- coefficients that do not fit ---------------------------------------------------------------

#[test]
fn the_bits_that_a_first_scan_leaves_out_do_not_count_against_its_bounds() {
    let table = QuantizationTable::uniform(1).unwrap();
    let component = (SamplingFactor::ONE, table, vec![[0; 64]; 2]);
    let mut image =
        CoefficientImage::from_blocks(16, 8, ColorSpace::Grey, vec![component]).unwrap();
    let write = |image: &CoefficientImage, low: u8, clamp| {
        let mut scans = vec![
            progressive(&[0], 0..=0, 0, low),
            progressive(&[0], 1..=63, 0, low),
        ];
        for low in (0..low).rev() {
            scans.push(progressive(&[0], 0..=0, low + 1, low));
            scans.push(progressive(&[0], 1..=63, low + 1, low));
        }
        let options = EncodeOptions::new()
            .with_scans(ScanScript::new(scans))
            .with_out_of_range(clamp);
        image.encode_with(&options)
    };
    // A shift rounds DC down.
    for (low, ac, dc, lowest_dc) in [
        (0, 1023, 2047, -2047),
        (2, 4095, 8191, -8188),
        (4, 16383, 32767, -32752),
        (5, 32767, 32767, -32768),
    ] {
        for (sign, dc) in [(1, dc), (-1, lowest_dc)] {
            let block = &mut image.components_mut()[0].blocks_mut()[1];
            (block[0], block[63]) = (dc, sign * ac);
            let bytes = write(&image, low, OutOfRange::Error).unwrap().bytes;
            assert_read_back(&image, &bytes, "extremes");
            if let Some(libjpeg) = Libjpeg::load() {
                assert_read_by_libjpeg(libjpeg, &image, &bytes, "extremes");
            }
            if ac == i16::MAX {
                continue;
            }
            image.components_mut()[0].blocks_mut()[1][63] = sign * (ac + 1);
            let error = write(&image, low, OutOfRange::Error).unwrap_err();
            let Error::CoefficientOutOfRange {
                block_x: 1,
                block_y: 0,
                band,
                value,
                bound,
                ..
            } = error
            else {
                panic!("{error}");
            };
            assert_eq!(band, Band::from_natural(63).unwrap());
            assert_eq!((value, bound), (i32::from(sign * (ac + 1)), i32::from(ac)));
            let clamped = write(&image, low, OutOfRange::Clamp).unwrap();
            assert_eq!(clamped.clamped, 1);
            let read = read(&clamped.bytes);
            assert_eq!(read.components()[0].blocks()[1][63], sign * ac);
            assert_eq!(read.components()[0].blocks()[1][0], dc);
        }
    }
}

proptest! {
    #[test]
    fn clamping_changes_in_a_progressive_file_what_does_not_fit_and_nothing_else(
        seed in any::<u64>(),
        interval in 0_u16..4,
        rare in any::<bool>(),
    ) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (color, factors) = SAMPLINGS[random.random_range(0..SAMPLINGS.len())];
        let mut image = image(color, factors, 40, 24, 255, seed);
        for component in image.components_mut() {
            for block in component.blocks_mut() {
                if !rare || random.random_bool(0.1) {
                    block.fill_with(|| random.random());
                }
            }
        }
        let script = legal_script(&image, &mut random);
        let options = EncodeOptions::new()
            .with_scans(script.clone())
            .with_restart_interval(mcus(interval))
            .with_huffman_tables(HuffmanTables::Optimized)
            .with_out_of_range(OutOfRange::Clamp);
        let encoded = image.encode_with(&options).unwrap();
        let read = read(&encoded.bytes);
        if let Some(libjpeg) = Libjpeg::load() {
            assert_read_by_libjpeg(libjpeg, &read, &encoded.bytes, "clamped");
        }
        let mut changed = 0;
        for (index, (before, after)) in image.components().iter().zip(read.components()).enumerate() {
            for (before, after) in before.blocks().iter().zip(after.blocks()) {
                for band in Band::all() {
                    let (before, after) = (before[band.natural()], after[band.natural()]);
                    changed += u64::from(before != after);
                    if band != Band::DC {
                        let first = script
                            .scans()
                            .iter()
                            .find(|scan| {
                                let zigzag = u8::try_from(band.zigzag()).unwrap();
                                scan.components().any(|component| component == index)
                                    && scan.zigzag_range().contains(&zigzag)
                            })
                            .unwrap();
                        let bound = ((1024_i32 << first.low()) - 1).min(32767);
                        prop_assert_eq!(i32::from(after), i32::from(before).clamp(-bound, bound));
                    }
                }
            }
        }
        prop_assert_eq!(encoded.clamped, changed);
        // What was written now fits.
        let options = options.with_out_of_range(OutOfRange::Error);
        prop_assert_eq!(read.encode_with(&options).unwrap().bytes, encoded.bytes);
    }
}

// ---- abbreviated formats ------------------------------------------------------------------------

#[test]
fn tables_and_image_can_stand_in_two_streams() {
    for (color, factors) in SAMPLINGS {
        let image = image(color, factors, 33, 17, 300, 4);
        for tables in [HuffmanTables::Standard, HuffmanTables::Optimized] {
            let options = EncodeOptions::new()
                .with_huffman_tables(tables)
                .with_restart_interval(mcus(2));
            let write = |format| image.encode_with(&options.clone().with_format(format));
            let whole = write(StreamFormat::Interchange).unwrap().bytes;
            let (Ok(specification), Ok(abbreviated)) = (
                write(StreamFormat::TableSpecification),
                write(StreamFormat::AbbreviatedImage),
            ) else {
                // Scans of one component each, whose tables share a destination.
                assert!(factors[0] == (3, 2) && tables == HuffmanTables::Optimized);
                continue;
            };
            let codes = |bytes: &[u8]| -> Vec<u8> {
                parts(bytes)
                    .iter()
                    .map(|part| part.code)
                    .filter(|code| [DQT, DHT, SOS].contains(code))
                    .collect()
            };
            assert!(!codes(&specification.bytes).contains(&SOS));
            assert!(codes(&abbreviated.bytes).iter().all(|&code| code == SOS));
            assert!(CoefficientImage::decode(&abbreviated.bytes).is_err());
            let tables = TableSpecification::decode(&specification.bytes).unwrap();
            let read =
                CoefficientImage::decode_abbreviated(&abbreviated.bytes, &tables, &unlimited());
            assert_eq!(read.unwrap().components(), image.components());
            // The tables go before the frame header, and the file is whole.
            let at = frame_part(&abbreviated.bytes).start;
            let inner = &specification.bytes[2..specification.bytes.len() - 2];
            let joined = [&abbreviated.bytes[..at], inner, &abbreviated.bytes[at..]].concat();
            assert_eq!(joined.len(), whole.len());
            assert_read_back(&image, &joined, &format!("{factors:?}"));
        }
    }
}

#[test]
fn arithmetic_coding_leaves_only_quantization_tables_to_a_stream_of_their_own() {
    let image = image(ColorSpace::YCbCr, &[(2, 2), (1, 1), (1, 1)], 33, 17, 255, 4);
    for process in [Process::ExtendedSequential, Process::Progressive] {
        let options = EncodeOptions::new()
            .with_process(process)
            .with_entropy_coding(EntropyCoding::Arithmetic)
            .with_restart_interval(mcus(3));
        let write = |format| {
            let options = options.clone().with_format(format);
            image.encode_with(&options).unwrap().bytes
        };
        let tables = write(StreamFormat::TableSpecification);
        let codes: Vec<u8> = parts(&tables).iter().map(|part| part.code).collect();
        assert_eq!(codes, [SOI, DQT, DQT, DQT, EOI]);
        let tables = TableSpecification::decode(&tables).unwrap();
        let bytes = write(StreamFormat::AbbreviatedImage);
        let read = CoefficientImage::decode_abbreviated(&bytes, &tables, &unlimited()).unwrap();
        assert_eq!(read.components(), image.components());
    }
}

#[test]
fn tables_that_would_be_redefined_cannot_stand_alone() {
    let image = image(ColorSpace::YCbCr, &[(1, 1), (1, 1), (1, 1)], 33, 17, 255, 4);
    for format in [
        StreamFormat::TableSpecification,
        StreamFormat::AbbreviatedImage,
    ] {
        let options = EncodeOptions::new()
            .with_process(Process::Progressive)
            .with_format(format);
        let error = image.encode_with(&options).unwrap_err();
        assert!(
            matches!(
                error,
                Error::InvalidArgument(ArgumentError::TableRedefined {
                    class: "Huffman",
                    ..
                })
            ),
            "{error}"
        );
    }
}

#[test]
fn more_quantization_tables_than_destinations_cannot_stand_alone() {
    let mut image = image(ColorSpace::Unknown, &[(1, 1); 5], 17, 9, 1, 4);
    let five = (11..16).map(|step| QuantizationTable::uniform(step).unwrap());
    let five = QuantizationTables::per_component(five.collect()).unwrap();
    image.requantize(&five, Rounding::default()).unwrap();
    for format in [
        StreamFormat::TableSpecification,
        StreamFormat::AbbreviatedImage,
    ] {
        let error = image
            .encode_with(&EncodeOptions::new().with_format(format))
            .unwrap_err();
        assert!(
            matches!(
                error,
                Error::InvalidArgument(ArgumentError::TableRedefined {
                    class: "quantization",
                    ..
                })
            ),
            "{error}"
        );
    }
    let bytes = image.encode().unwrap();
    let read = CoefficientImage::decode_with(&bytes, &unlimited()).unwrap();
    assert_eq!(read.components(), image.components());
}

// ---- processes -----------------------------------------------------------------------------------

#[test]
fn the_process_follows_the_script_and_the_script_the_process() {
    let image = image(ColorSpace::YCbCr, &[(2, 2), (1, 1), (1, 1)], 33, 17, 255, 4);
    let by_script = EncodeOptions::new().with_scans(ScanScript::progression(&image));
    let by_process = EncodeOptions::new().with_process(Process::Progressive);
    let bytes = image.encode_with(&by_script).unwrap().bytes;
    assert_eq!(bytes, image.encode_with(&by_process).unwrap().bytes);
    assert_eq!(frame_part(&bytes).code, SOF2);
    assert_eq!(
        parts(&bytes).iter().filter(|part| part.code == SOS).count(),
        10
    );
}

#[test]
fn a_progressive_file_has_at_most_four_components() {
    let image = CoefficientImage::new(
        8,
        8,
        ColorSpace::Unknown,
        &[SamplingFactor::ONE; 5],
        &QuantizationTable::uniform(1).unwrap().into(),
    )
    .unwrap();
    let error = image
        .encode_with(&EncodeOptions::new().with_process(Process::Progressive))
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::InvalidArgument(ArgumentError::Components { actual: 5, .. })
        ),
        "{error}"
    );
}

proptest! {
    #[test]
    fn any_number_of_components_and_tables_is_read_equal(
        seed in any::<u64>(),
        count in prop_oneof![5_usize..=12, 5_usize..=255],
        coding in prop_oneof![Just(EntropyCoding::Huffman), Just(EntropyCoding::Arithmetic)],
        interval in 0_u16..3,
    ) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let factors: Vec<(u8, u8)> =
            (0..count).map(|_| (random.random_range(1..=4), random.random_range(1..=2))).collect();
        // From all tables alike to all of them different.
        let mut image = image(ColorSpace::Unknown, &factors, 19, 17, 300, seed);
        let distinct: Vec<QuantizationTable> =
            (0..random.random_range(1..=count)).map(|_| random_table(&mut random, 300)).collect();
        let tables = (0..count).map(|_| distinct[random.random_range(0..distinct.len())]);
        let tables: Vec<QuantizationTable> = tables.collect();
        let parts = image
            .components()
            .iter()
            .zip(tables)
            .map(|(component, table)| (component.sampling(), table, component.blocks().to_vec()))
            .collect();
        image = CoefficientImage::from_blocks(19, 17, ColorSpace::Unknown, parts).unwrap();
        // In scans of up to four, in any order.
        let mut left: Vec<usize> = (0..count).collect();
        let mut scans = Vec::new();
        while !left.is_empty() {
            let size = random.random_range(1..=4);
            let mut indices: Vec<usize> = (0..size.min(left.len()))
                .map(|_| left.swap_remove(random.random_range(0..left.len())))
                .collect();
            indices.sort_unstable();
            let blocks: u8 = indices.iter().map(|&index| factors[index].0 * factors[index].1).sum();
            if blocks > 10 {
                left.extend(indices.drain(1..));
            }
            scans.push(Scan::sequential(&indices).unwrap());
        }
        for script in [ScanScript::new(scans), ScanScript::interleaved(&image)] {
            for tables in [HuffmanTables::Standard, HuffmanTables::Optimized] {
                let options = EncodeOptions::new()
                    .with_scans(script.clone())
                    .with_entropy_coding(coding)
                    .with_huffman_tables(tables)
                    .with_restart_interval(mcus(interval));
                let bytes = image.encode_with(&options).unwrap().bytes;
                let read = read(&bytes);
                prop_assert_eq!(read.components(), image.components());
                prop_assert_eq!(read.scans(), script.scans());
            }
        }
    }

    #[test]
    fn samples_of_12_bits_are_read_equal(
        seed in any::<u64>(),
        coding in prop_oneof![Just(EntropyCoding::Huffman), Just(EntropyCoding::Arithmetic)],
        interval in 0_u16..4,
    ) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (color, factors) = SAMPLINGS[random.random_range(0..SAMPLINGS.len())];
        let mut image = image(color, factors, 40, 24, 300, seed).with_precision(SamplePrecision::Twelve);
        for component in image.components_mut() {
            for block in component.blocks_mut() {
                if random.random_bool(0.3) {
                    block[1..].fill_with(|| random.random_range(-16383..=16383));
                    block[0] = [-16384, -1, 0, 16383][random.random_range(0..4)];
                }
            }
        }
        let script = legal_script(&image, &mut random);
        let options = EncodeOptions::new()
            .with_scans(script.clone())
            .with_entropy_coding(coding)
            .with_restart_interval(mcus(interval));
        let encoded = image.encode_with(&options).unwrap();
        prop_assert_eq!(payload(&encoded.bytes, frame_part(&encoded.bytes))[0], 12);
        let read = read(&encoded.bytes);
        prop_assert_eq!(read.components(), image.components());
        prop_assert_eq!((read.precision(), read.scans()), (image.precision(), script.scans()));
        let again = read.encode_with(&EncodeOptions::as_read(&read)).unwrap();
        prop_assert_eq!(again.bytes.len(), encoded.bytes.len());

        let baseline = EncodeOptions::new().with_process(Process::Baseline);
        let refused = matches!(
            image.encode_with(&baseline),
            Err(Error::InvalidArgument(ArgumentError::BeyondBaseline { .. }))
        );
        prop_assert!(refused);
    }
}

#[test]
fn samples_of_12_bits_have_bounds_of_their_own() {
    let table = QuantizationTable::uniform(1).unwrap();
    for (ac, first, second, out) in [
        (16383, -16384, 16383, None),
        (-16383, 16383, -16384, None),
        (16384, 0, 0, Some((16384, 16383))),
        (-16384, 0, 0, Some((-16384, 16383))),
        (0, -16385, 16383, Some((32768, 32767))),
    ] {
        let mut blocks = vec![[0; 64]; 2];
        (blocks[0][0], blocks[1][0], blocks[1][63]) = (first, second, ac);
        let component = (SamplingFactor::ONE, table, blocks);
        let image = CoefficientImage::from_blocks(16, 8, ColorSpace::Grey, vec![component])
            .unwrap()
            .with_precision(SamplePrecision::Twelve);
        match (image.encode_with(&EncodeOptions::new()), out) {
            (Ok(encoded), None) => {
                assert_eq!(frame_part(&encoded.bytes).code, SOF1);
                assert_read_back(&image, &encoded.bytes, "12 bits");
            }
            (Err(Error::CoefficientOutOfRange { value, bound, .. }), Some(expected)) => {
                assert_eq!((value, bound), expected);
            }
            (result, _) => panic!("{result:?}"),
        }
    }
}

#[test]
fn baseline_has_no_arithmetic_coding() {
    let image = image(ColorSpace::Grey, &[(1, 1)], 8, 8, 255, 4);
    let options = EncodeOptions::new()
        .with_entropy_coding(EntropyCoding::Arithmetic)
        .with_process(Process::Baseline);
    let error = image.encode_with(&options).unwrap_err();
    assert!(
        matches!(
            error,
            Error::InvalidArgument(ArgumentError::BeyondBaseline { .. })
        ),
        "{error}"
    );
}

// ---- images, options and readers ------------------------------------------------------------------

fn image(
    color: ColorSpace,
    factors: &[(u8, u8)],
    width: u32,
    height: u32,
    largest_step: u16,
    seed: u64,
) -> CoefficientImage {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let tables = factors
        .iter()
        .take(4)
        .map(|_| random_table(&mut random, largest_step))
        .collect();
    let sampling: Vec<SamplingFactor> = factors
        .iter()
        .map(|&(horizontal, vertical)| SamplingFactor::new(horizontal, vertical).unwrap())
        .collect();
    let tables = QuantizationTables::per_component(tables).unwrap();
    let mut image = CoefficientImage::new(width, height, color, &sampling, &tables).unwrap();
    for component in image.components_mut() {
        for block in component.blocks_mut() {
            fill(block, &mut random);
        }
    }
    image
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

fn progressive(indices: &[usize], bands: RangeInclusive<u8>, high: u8, low: u8) -> Scan {
    Scan::progressive(indices, bands, high, low).unwrap()
}

fn first_nonzero_ac(image: &CoefficientImage, component: usize) -> Band {
    let blocks = image.components()[component].blocks();
    let band = blocks
        .iter()
        .find_map(|block| (1..64).find(|&band| block[band] != 0));
    Band::from_natural(band.unwrap()).unwrap()
}

fn fault(error: &Error) -> Option<ScriptFault> {
    match error {
        Error::InvalidArgument(ArgumentError::ScanScript(fault)) => Some(*fault),
        _ => None,
    }
}

fn mcus(interval: u16) -> RestartInterval {
    NonZeroU16::new(interval).map_or(RestartInterval::Never, RestartInterval::Mcus)
}

fn one_row() -> RestartInterval {
    RestartInterval::McuRows(NonZeroU16::MIN)
}

/// Some scripts visit the blocks more often than the default limits let them.
fn unlimited() -> DecodeOptions {
    DecodeOptions::new().with_limits(Limits::none())
}

fn read(bytes: &[u8]) -> CoefficientImage {
    CoefficientImage::decode_with(bytes, &unlimited()).unwrap()
}

fn assert_read_back(image: &CoefficientImage, bytes: &[u8], what: &str) {
    let read = CoefficientImage::decode_with(bytes, &unlimited())
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(read.components() == image.components(), "{what}");
}

fn assert_read_by_libjpeg(libjpeg: &Libjpeg, image: &CoefficientImage, bytes: &[u8], what: &str) {
    let read = libjpeg
        .read_coefficients(bytes)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(read.first_warning, None, "{what}");
    assert_eq!(read.components.len(), image.components().len(), "{what}");
    for (ours, theirs) in image.components().iter().zip(&read.components) {
        assert_eq!(
            ours.quantization_table().to_natural(),
            theirs.table,
            "{what}"
        );
        assert!(coefficients(ours) == theirs.coefficients, "{what}");
    }
}

fn assert_strictly_read(bytes: &[u8], what: &str) {
    let strict = DecoderOptions::default().set_strict_mode(true);
    JpegDecoder::new_with_options(ZCursor::new(bytes), strict)
        .decode()
        .unwrap_or_else(|error| panic!("{what}: {error:?}"));
}

/// Whether the strict decoder takes such a file at all, for reasons of its own.
fn strict_decoder_takes(
    image: &CoefficientImage,
    script: &ScanScript,
    restarts: RestartInterval,
) -> bool {
    let power_of_two = image.components().iter().all(|component| {
        component.sampling().horizontal().is_power_of_two()
            && component.sampling().vertical().is_power_of_two()
    });
    let frame_order = script.scans().iter().flat_map(Scan::components).is_sorted();
    matches!(image.components().len(), 1 | 3 | 4)
        && power_of_two
        && (script.is_progressive()
            || script.scans().len() == 1
            || frame_order && restarts == RestartInterval::Never)
}

/// libjpeg leaves out at most 10 lowest bits.
fn libjpeg_writes(script: &ScanScript) -> bool {
    script.scans().iter().all(|scan| scan.low() <= 10)
}

fn written_by_libjpeg(
    libjpeg: &Libjpeg,
    bytes: &[u8],
    script: &ScanScript,
    entropy_coding: EntropyCoding,
    restarts: RestartInterval,
) -> Result<Vec<u8>, String> {
    let scans: Vec<ScanRecord> = script
        .scans()
        .iter()
        .map(|scan| {
            let mut components = [0; 4];
            for (slot, index) in components.iter_mut().zip(scan.components()) {
                *slot = i32::try_from(index).unwrap();
            }
            ScanRecord {
                count: i32::try_from(scan.components().len()).unwrap(),
                components,
                start: (*scan.zigzag_range().start()).into(),
                end: (*scan.zigzag_range().end()).into(),
                high: scan.high().into(),
                low: scan.low().into(),
            }
        })
        .collect();
    let coding = Coding {
        optimize: entropy_coding == EntropyCoding::Huffman,
        restart_interval: match restarts {
            RestartInterval::Mcus(mcus) => mcus.get(),
            _ => 0,
        },
        arithmetic: (entropy_coding == EntropyCoding::Arithmetic).then(Conditioning::default),
        ..Coding::default()
    };
    let mut theirs = Vec::new();
    libjpeg
        .open(bytes)?
        .transcode_scans(coding, &scans, &mut theirs)?;
    Ok(theirs)
}

// ---- components that are not what they seem -----------------------------------------------------

#[test]
fn components_of_one_identifier_are_numbered_where_scans_could_not_tell_them_apart() {
    let image = CoefficientImage::decode(&fixture("component-ids-1-1-1-420-33x31")).unwrap();
    let ids = |bytes: &[u8]| {
        let read = CoefficientImage::decode(bytes).unwrap();
        for (found, expected) in read.components().iter().zip(image.components()) {
            assert_eq!(found.blocks(), expected.blocks());
        }
        assert_eq!(read.color_space(), image.color_space());
        read.components()
            .iter()
            .map(feature_distillation::Component::id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&image.encode().unwrap()), [1, 1, 1]);
    let progressive = EncodeOptions::new().with_process(Process::Progressive);
    assert_eq!(
        ids(&image.encode_with(&progressive).unwrap().bytes),
        [1, 2, 3]
    );
}

#[test]
fn components_that_a_reader_would_put_elsewhere_are_refused() {
    let image = CoefficientImage::decode(&fixture("baseline-420-q50-67x45")).unwrap();

    let mut coarse = image.clone();
    coarse.components_mut()[0] = image.components()[1].clone();
    let error = coarse.encode().unwrap_err();
    assert!(
        matches!(error, Error::InvalidArgument(ArgumentError::Shape { .. })),
        "all components coarser than the grid: {error}"
    );

    let other = CoefficientImage::decode(&fixture("baseline-420-q10-33x31")).unwrap();
    let mut small = image.clone();
    small.components_mut()[1] = other.components()[1].clone();
    let error = small.encode().unwrap_err();
    assert!(
        matches!(error, Error::InvalidArgument(ArgumentError::Shape { .. })),
        "a component of a smaller image: {error}"
    );

    let mut swapped = image.clone();
    swapped.components_mut().swap(0, 1);
    let read = CoefficientImage::decode(&swapped.encode().unwrap()).unwrap();
    assert_eq!(read.components(), swapped.components());
}
