//! The promise: coefficients are read as libjpeg reads them, bit for bit, and what is written is
//! what libjpeg would write, and what other decoders read.

mod common;
mod oracle;

use std::fmt::Write as _;
use std::num::NonZeroU16;
use std::path::Path;

use common::bytes::{DHT, SOF0, SOF2, SOS, assert_same_coding, frame_part, parts};
use common::{coefficients, expectations, fixtures, fixtures_that_libjpeg_reads};
use feature_distillation::{
    CodingProcess, CoefficientImage, ColorSpace, Component, EncodeOptions, EntropyCoding, Error,
    HuffmanTables, InverseOptions, Malformed, RestartInterval, SamplePrecision, TableSpecification,
};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use oracle::{Coding, Libjpeg, OracleImage};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use sha2::{Digest, Sha256};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::options::DecoderOptions;

#[test]
fn every_fixture_is_read_as_recorded_from_libjpeg() {
    let mut checked = 0;
    for line in expectations().lines() {
        let expected: Value = serde_json::from_str(line).unwrap();
        let name = expected["file"].as_str().unwrap();
        let image = read_fixture(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            description(name, &image),
            of_coefficients(&expected),
            "{name}"
        );
        checked += 1;
    }
    assert_eq!(
        checked,
        fixtures().len() + 2,
        "files, one of many scans, one abbreviated stream, and lines of expected.jsonl"
    );
    assert!(checked >= 138, "{checked} fixtures");
}

/// A fixture by its full name; one in the abbreviated format is read with the tables beside it.
fn read_fixture(name: &str) -> Result<CoefficientImage, Error> {
    let options = common::many_scans();
    if let Some(stem) = name.strip_suffix(".image") {
        let tables = common::fixture_file(&format!("{stem}.tables"));
        let tables = TableSpecification::decode(&tables)?;
        let image = common::fixture_file(name);
        assert!(
            CoefficientImage::decode(&image).is_err(),
            "{name} without tables"
        );
        return CoefficientImage::decode_abbreviated(&image, &tables, &options);
    }
    CoefficientImage::decode_with(&common::fixture_file(name), &options)
}

#[test]
fn every_fixture_is_read_as_libjpeg_reads_it_now() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    for fixture in fixtures_that_libjpeg_reads() {
        let image = CoefficientImage::decode(&fixture.bytes).unwrap();
        let expected = libjpeg.read_coefficients(&fixture.bytes).unwrap();
        assert_eq!(expected.first_warning, None, "{}", fixture.name);
        if let Some(difference) = first_difference(&image, &expected) {
            panic!("{}: {difference}", fixture.name);
        }
        assert_eq!(
            image.restart_interval(),
            expected.restart_interval,
            "{}: restart interval",
            fixture.name
        );
        assert_eq!(
            libjpeg_color_space(image.color_space()),
            expected.color_space,
            "{}: colour space",
            fixture.name
        );
    }
}

#[test]
fn what_is_recorded_of_damaged_files_is_what_libjpeg_finds_now() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    for common::Damaged {
        name,
        bytes,
        original,
        recorded,
        ..
    } in common::damaged()
    {
        let original = libjpeg.read_coefficients(&original);
        let found = match libjpeg.read_coefficients(&bytes) {
            Err(reason) => serde_json::json!({ "refused": reason }),
            Ok(image) => {
                let pairs = image.components.iter().zip(original.unwrap().components);
                let components: Vec<Value> = pairs
                    .map(|(ours, sound)| {
                        let (ours, sound) = (&ours.coefficients, &sound.coefficients);
                        let blocks = ours.chunks_exact(64).zip(sound.chunks_exact(64));
                        serde_json::json!({
                            "sha256": levels_hash(ours),
                            "blocks": ours.len() / 64,
                            "blocks_equal": blocks.filter(|(a, b)| a == b).count(),
                        })
                    })
                    .collect();
                serde_json::json!({
                    "warnings": image.warnings,
                    "first_warning": image.first_warning.map(|warning| warning.message),
                    "components": components,
                })
            }
        };
        let mut recorded = recorded;
        let object = recorded.as_object_mut().unwrap();
        object.retain(|key, _| key != "file" && key != "original");
        assert_eq!(found, recorded, "{name}");
    }
}

#[test]
fn of_damaged_files_only_those_are_read_that_libjpeg_reads_alike_and_without_a_warning() {
    let mut read = 0;
    for common::Damaged {
        name,
        bytes,
        recorded,
        ..
    } in common::damaged()
    {
        let Ok(image) = CoefficientImage::decode(&bytes) else {
            continue;
        };
        assert_eq!(recorded["warnings"], 0, "{name}");
        let hashes = recorded["components"].as_array().unwrap();
        for (component, expected) in image.components().iter().zip(hashes) {
            let hash = levels_hash(&coefficients(component));
            assert_eq!(expected["sha256"], hash, "{name}");
        }
        read += 1;
    }
    assert!(read > 0, "damage that leaves a legal file is among them");
}

/// Set `FEATURE_DISTILLATION_DATA` to a folder of JPEG files to compare all of them.
#[test]
fn files_of_the_callers_choice_are_read_as_libjpeg_reads_them() {
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
    common::jpeg_files(Path::new(&folder), &mut files);
    files.sort();
    assert!(!files.is_empty(), "no .jpg file below {}", folder.display());
    let (mut equal, mut lenient, mut unsound, mut unsupported) = (0, 0, 0, 0);
    let mut different = String::new();
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        let ours = CoefficientImage::decode(&bytes);
        let theirs = libjpeg.read_coefficients(&bytes);
        match (&ours, &theirs) {
            (Ok(image), Ok(expected)) if expected.warnings == 0 => {
                match first_difference(image, expected) {
                    None => equal += 1,
                    Some(difference) => {
                        writeln!(different, "{}: {difference}", path.display()).unwrap();
                    }
                }
            }
            (Err(Error::Unsupported { .. }), _) => unsupported += 1,
            // Breaches that libjpeg passes over in silence: it would divide by nothing, and it puts
            // the example tables where Huffman tables are missing, as motion JPEG wants.
            (
                Err(Error::Malformed {
                    kind: Malformed::ZeroStep { .. } | Malformed::MissingHuffmanTable { .. },
                    ..
                }),
                _,
            ) => lenient += 1,
            // What libjpeg repairs or refuses need not be read.
            (_, Err(_)) => unsound += 1,
            (_, Ok(expected)) if expected.warnings > 0 => unsound += 1,
            (Err(error), Ok(_)) => {
                writeln!(
                    different,
                    "{}: libjpeg reads it, we say: {error}",
                    path.display()
                )
                .unwrap();
            }
            (Ok(_), Ok(_)) => unreachable!("the guards above cover this"),
        }
    }
    println!("files  equal  unsupported  refused by us alone  not clean for libjpeg  different");
    println!(
        "{:5}  {equal:5}  {unsupported:11}  {lenient:19}  {unsound:21}  {:9}",
        files.len(),
        different.lines().count()
    );
    assert!(different.is_empty(), "\n{different}");
}

#[test]
fn files_of_another_encoder_are_read_as_libjpeg_reads_them() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    let samplings = [
        SamplingFactor::R_4_4_4,
        SamplingFactor::R_4_4_0,
        SamplingFactor::R_4_4_1,
        SamplingFactor::R_4_2_2,
        SamplingFactor::R_4_2_0,
        SamplingFactor::R_4_1_1,
        SamplingFactor::R_4_1_0,
    ];
    let colors = [
        (ColorType::Luma, 1),
        (ColorType::Rgb, 3),
        (ColorType::Cmyk, 4),
        (ColorType::CmykAsYcck, 4),
    ];
    let mut compared = 0;
    for (width, height) in [(1, 1), (9, 7), (33, 50), (64, 16)] {
        for (color, channels) in colors {
            let samples = noise(usize::from(width) * usize::from(height) * channels);
            for sampling in samplings {
                // With optimized tables and restarts together that encoder panics.
                for (scans, optimize, interval) in [
                    (None, false, 0),
                    (None, true, 0),
                    (None, false, 3),
                    (Some(2), false, 0),
                    (Some(5), true, 0),
                    (Some(5), false, 2),
                    (Some(20), false, 1),
                ] {
                    let what = format!(
                        "{width}x{height} {color:?} {sampling:?} {scans:?} {optimize} {interval}"
                    );
                    let mut bytes = Vec::new();
                    let mut encoder = Encoder::new(&mut bytes, 92);
                    encoder.set_sampling_factor(sampling);
                    encoder.set_optimized_huffman_tables(optimize);
                    if let Some(scans) = scans {
                        encoder.set_progressive_scans(scans);
                    }
                    if interval > 0 {
                        encoder.set_restart_interval(interval);
                    }
                    encoder.encode(&samples, width, height, color).unwrap();
                    let expected = libjpeg.read_coefficients(&bytes);
                    let Ok(expected) = expected else {
                        panic!("{what}: libjpeg says {}", expected.unwrap_err());
                    };
                    if expected.warnings > 0 {
                        // What libjpeg has to repair is no comparison.
                        continue;
                    }
                    let image = CoefficientImage::decode(&bytes)
                        .unwrap_or_else(|error| panic!("{what}: {error}"));
                    if let Some(difference) = first_difference(&image, &expected) {
                        panic!("{what}: {difference}");
                    }
                    compared += 1;
                }
            }
        }
    }
    assert!(
        compared >= 600,
        "only {compared} of 784 files were compared"
    );
}

#[test]
fn files_that_we_write_are_read_by_libjpeg_without_a_warning() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    for fixture in fixtures_that_libjpeg_reads() {
        let image = CoefficientImage::decode(&fixture.bytes).unwrap();
        for (what, options) in encodings() {
            let bytes = image.encode_with(&options).unwrap().bytes;
            let read = libjpeg
                .read_coefficients(&bytes)
                .unwrap_or_else(|error| panic!("{} {what}: {error}", fixture.name));
            assert_eq!(read.warnings, 0, "{} {what}", fixture.name);
            assert!(!read.progressive);
            if let Some(difference) = first_coefficient_difference(&image, &read) {
                panic!("{} {what}: {difference}", fixture.name);
            }
            assert_eq!(
                libjpeg_color_space(image.color_space()),
                read.color_space,
                "{} {what}: colour space",
                fixture.name
            );
        }
    }
}

#[test]
fn files_that_we_write_are_read_by_a_strict_decoder() {
    let (mut read, mut compared) = (0, 0);
    for fixture in fixtures() {
        let image = read_fixture(&fixture.name).unwrap();
        // The one fixture where two chroma components differ in height: not implemented there.
        if !strict_decoder_takes(&image) || fixture.name == "sampling-1x4-1x1-1x2-47x33.jpg" {
            continue;
        }
        for (what, options) in encodings() {
            let bytes = image.encode_with(&options).unwrap().bytes;
            let strict = DecoderOptions::default().set_strict_mode(true);
            let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&bytes), strict);
            let pixels = decoder
                .decode()
                .unwrap_or_else(|error| panic!("{} {what}: {error:?}", fixture.name));
            let info = decoder.info().unwrap();
            assert_eq!(
                (u32::from(info.width), u32::from(info.height)),
                (image.width(), image.height())
            );
            // Its transform and colours round differently, and its upsampling is its own.
            let full = image
                .components()
                .iter()
                .all(|component| component.sampling() == feature_distillation::SamplingFactor::ONE);
            if full && image.color_space() == ColorSpace::YCbCr {
                let ours = image.to_pixels(&InverseOptions::libjpeg_equal()).unwrap();
                let pairs = ours.as_slice().iter().zip(&pixels);
                let largest = pairs.map(|(a, b)| a.abs_diff(*b)).max();
                assert_eq!(ours.as_slice().len(), pixels.len());
                assert!(largest <= Some(4), "{} {what}: {largest:?}", fixture.name);
                compared += 1;
            }
        }
        read += 1;
    }
    assert!(read >= 80, "only {read} fixtures qualified");
    assert!(compared >= 100, "only {compared} compared");
}

#[test]
fn what_we_write_is_what_libjpeg_writes_from_the_frame_header_on() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    let (mut compared, mut refused) = (0, 0);
    for fixture in fixtures_that_libjpeg_reads() {
        let image = CoefficientImage::decode(&fixture.bytes).unwrap();
        let mut transcoder = libjpeg.open(&fixture.bytes).unwrap();
        for optimize in [false, true] {
            for interval in [0, 3] {
                let mut theirs = Vec::new();
                let coding = Coding {
                    optimize,
                    restart_interval: interval,
                    ..Coding::default()
                };
                if let Err(refusal) = transcoder.transcode(coding, &mut theirs) {
                    // libjpeg cannot write two tables that shared a destination; we can.
                    assert!(fixture.name.starts_with("scans-dqt-redefined"), "{refusal}");
                    refused += 1;
                    continue;
                }
                let ours = image
                    .encode_with(&options(optimize, mcus(interval)))
                    .unwrap()
                    .bytes;
                let what = format!("{} optimize {optimize}, restart {interval}", fixture.name);
                assert_same_coding(&ours, &theirs, &what);
                compared += 1;
            }
        }
    }
    assert_eq!(refused, 4 * 2, "files that libjpeg cannot write");
    assert_eq!(
        compared + refused,
        4 * fixtures_that_libjpeg_reads().len(),
        "files compared"
    );
}

#[test]
fn the_fixtures_cover_what_their_names_say() {
    let all = fixtures();
    let count = |wanted: &dyn Fn(&[u8]) -> bool| {
        all.iter().filter(|fixture| wanted(&fixture.bytes)).count()
    };
    let markers =
        |bytes: &[u8], code: u8| parts(bytes).iter().filter(|part| part.code == code).count();
    assert!(count(&|bytes| frame_part(bytes).code == SOF0) >= 60);
    assert!(count(&|bytes| frame_part(bytes).code == SOF2) >= 30);
    assert!(count(&|bytes| frame_part(bytes).code == SOF0 && markers(bytes, SOS) > 1) >= 10);
    assert!(count(&|bytes| markers(bytes, 0xD0) > 0) >= 10);
    assert!(count(&|bytes| markers(bytes, DHT) == 1) >= 1);
}

/// The object that `expected.jsonl` holds for an image, without the hashes of its pixels.
fn description(name: &str, image: &CoefficientImage) -> Value {
    let components: Vec<Value> = image
        .components()
        .iter()
        .map(|component| {
            serde_json::json!({
                "id": component.id(),
                "h": component.sampling().horizontal(),
                "v": component.sampling().vertical(),
                "blocks_wide": component.blocks_wide(),
                "blocks_high": component.blocks_high(),
                "table": component.quantization_table().to_natural().to_vec(),
                "sha256": levels_hash(&coefficients(component)),
            })
        })
        .collect();
    serde_json::json!({
        "file": name,
        "width": image.width(),
        "height": image.height(),
        "precision": image.precision().bits(),
        "process": image.process().name(),
        "entropy_coding": image.entropy_coding().name(),
        "components": components,
    })
}

/// The hash rule of `expected.jsonl`.
fn levels_hash(levels: &[i16]) -> String {
    let bytes: Vec<u8> = levels
        .iter()
        .flat_map(|level| level.to_le_bytes())
        .collect();
    format!("{:x}", Sha256::digest(bytes))
}

/// What is recorded of the coefficients and of how they are coded.
fn of_coefficients(expected: &Value) -> Value {
    let mut expected = expected.clone();
    let object = expected.as_object_mut().unwrap();
    object.remove("rgb_fancy_sha256").unwrap();
    object.remove("rgb_plain_sha256").unwrap();
    object.remove("read_by_libjpeg").unwrap();
    expected
}

/// Where an image differs from libjpeg's reading of the same file.
fn first_difference(image: &CoefficientImage, expected: &OracleImage) -> Option<String> {
    if (image.process() == CodingProcess::Progressive) != expected.progressive {
        return Some(format!("process {:?}", image.process()));
    }
    if (image.entropy_coding() == EntropyCoding::Arithmetic) != expected.arithmetic {
        return Some(format!("entropy coding {:?}", image.entropy_coding()));
    }
    if image.precision().bits() != expected.precision {
        return Some(format!("precision {:?}", image.precision()));
    }
    first_coefficient_difference(image, expected)
}

/// As [`first_difference`], for files whose coding processes may differ.
fn first_coefficient_difference(
    image: &CoefficientImage,
    expected: &OracleImage,
) -> Option<String> {
    if (image.width(), image.height()) != (expected.width, expected.height) {
        return Some(format!("{}x{}", image.width(), image.height()));
    }
    if image.components().len() != expected.components.len() {
        return Some(format!("{} components", image.components().len()));
    }
    for (index, (ours, theirs)) in image
        .components()
        .iter()
        .zip(&expected.components)
        .enumerate()
    {
        let shape = (
            ours.id(),
            ours.sampling().horizontal(),
            ours.sampling().vertical(),
            ours.blocks_wide(),
            ours.blocks_high(),
        );
        let wanted = (
            theirs.id,
            theirs.horizontal,
            theirs.vertical,
            theirs.blocks_wide,
            theirs.blocks_high,
        );
        if shape != wanted {
            return Some(format!("component {index} is {shape:?}, not {wanted:?}"));
        }
        if ours.quantization_table().to_natural() != theirs.table {
            return Some(format!("quantization table of component {index}"));
        }
        let ours = coefficients(ours);
        if ours != theirs.coefficients {
            let at = ours
                .iter()
                .zip(&theirs.coefficients)
                .position(|(a, b)| a != b)?;
            return Some(format!(
                "component {index}, block {}, natural index {}: {} against {}",
                at / 64,
                at % 64,
                ours[at],
                theirs.coefficients[at]
            ));
        }
    }
    None
}

/// libjpeg's `J_COLOR_SPACE` for a colour space.
fn libjpeg_color_space(color: ColorSpace) -> i32 {
    match color {
        ColorSpace::Grey => 1,
        ColorSpace::Rgb => 2,
        ColorSpace::YCbCr => 3,
        ColorSpace::Cmyk => 4,
        ColorSpace::Ycck => 5,
        _ => 0,
    }
}

fn encodings() -> Vec<(String, EncodeOptions)> {
    let one_row = RestartInterval::McuRows(NonZeroU16::MIN);
    let mut encodings = Vec::new();
    for optimize in [false, true] {
        for restarts in [mcus(0), mcus(1), mcus(3), one_row, RestartInterval::Keep] {
            encodings.push((
                format!("optimize {optimize}, {restarts:?}"),
                options(optimize, restarts),
            ));
        }
    }
    encodings
}

fn options(optimize: bool, restarts: RestartInterval) -> EncodeOptions {
    let tables = if optimize {
        HuffmanTables::Optimized
    } else {
        HuffmanTables::Standard
    };
    EncodeOptions::new()
        .with_huffman_tables(tables)
        .with_restart_interval(restarts)
}

fn mcus(interval: u16) -> RestartInterval {
    NonZeroU16::new(interval).map_or(RestartInterval::Never, RestartInterval::Mcus)
}

/// Whether the strict decoder takes such a file at all, for reasons of its own.
fn strict_decoder_takes(image: &CoefficientImage) -> bool {
    let components = image.components();
    let power_of_two = components.iter().all(|component| {
        component.sampling().horizontal().is_power_of_two()
            && component.sampling().vertical().is_power_of_two()
    });
    let mut ids: Vec<u8> = components.iter().map(Component::id).collect();
    ids.sort_unstable();
    ids.dedup();
    let distinct = ids.len() == components.len();
    matches!(components.len(), 1 | 3 | 4)
        && power_of_two
        && distinct
        && image.precision() == SamplePrecision::Eight
}

fn noise(length: usize) -> Vec<u8> {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut level = 128_i32;
    (0..length)
        .map(|_| {
            level = (level + random.random_range(-40..=40)).clamp(0, 255);
            u8::try_from(level).unwrap()
        })
        .collect()
}
