//! Pixels of the libjpeg-equal pipeline are libjpeg-turbo's, bit for bit, in both directions.
//!
//! Against committed hashes always, against the library itself where it is present.

mod common;
#[path = "oracle/mod.rs"]
mod oracle;

use feature_distillation::{
    ChromaSubsampling, CoefficientImage, ColorSpace, ForwardOptions, InverseOptions, PixelBuffer,
    PixelFormat, PixelView, QuantizationTable, QuantizationTables, Upsampling,
};
use oracle::{Coding, Libjpeg, Mode, Picture};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// RGB for one and three components, CMYK for four, as the reference has it.
fn decoded(image: &CoefficientImage, upsampling: Upsampling) -> PixelBuffer {
    let mut options = InverseOptions::libjpeg_equal().with_upsampling(upsampling);
    if image.components().len() < 4 {
        options = options.with_format(PixelFormat::Rgb);
    }
    image.to_pixels(&options).unwrap()
}

/// Whether libjpeg has pixels for the image: it refuses sampling ratios that are no integers, and
/// here components of no declared meaning have none.
fn has_reference(image: &CoefficientImage) -> bool {
    image.color_space() != ColorSpace::Unknown
}

#[test]
fn pixels_of_the_fixtures_have_the_committed_hashes() {
    let mut compared = 0;
    for line in common::expectations().lines() {
        let expected: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = expected["file"].as_str().unwrap();
        // Of 12 bits no pixels are recorded.
        if name.starts_with("abbreviated") || expected["precision"] != 8 {
            continue;
        }
        let bytes = common::fixture_file(name);
        let image = CoefficientImage::decode_with(&bytes, &common::many_scans()).unwrap();
        if !has_reference(&image) {
            assert!(
                image.to_pixels(&InverseOptions::libjpeg_equal()).is_err(),
                "{name}"
            );
            continue;
        }
        for (key, upsampling) in [
            ("rgb_fancy_sha256", Upsampling::Triangle),
            ("rgb_plain_sha256", Upsampling::Replicate),
        ] {
            let pixels = decoded(&image, upsampling);
            assert_eq!(
                (pixels.width(), pixels.height()),
                (image.width(), image.height())
            );
            let Some(hash) = expected[key].as_str() else {
                continue;
            };
            let found = format!("{:x}", Sha256::digest(pixels.as_slice()));
            assert_eq!(found, hash, "{name} {key}");
            compared += 1;
        }
    }
    assert!(compared >= 254, "only {compared} pictures compared");
}

#[test]
fn pixels_of_the_fixtures_equal_the_librarys() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    for fixture in common::fixtures_that_libjpeg_reads() {
        let image = CoefficientImage::decode(&fixture.bytes).unwrap();
        if !has_reference(&image) {
            continue;
        }
        for (fancy, upsampling) in [(true, Upsampling::Triangle), (false, Upsampling::Replicate)] {
            let Ok(expected) = libjpeg.decode(&fixture.bytes, fancy) else {
                continue;
            };
            let pixels = decoded(&image, upsampling);
            assert!(
                pixels.as_slice() == expected.data,
                "{} fancy {fancy}",
                fixture.name
            );
        }
    }
}

#[test]
fn pixels_of_extreme_coefficients_equal_the_librarys() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for round in 0..200 {
        let table = QuantizationTable::from_fn(|_| random_step(round)).unwrap();
        let mut image = CoefficientImage::new(
            64,
            64,
            ColorSpace::Grey,
            &[feature_distillation::SamplingFactor::ONE],
            &table.into(),
        )
        .unwrap();
        for block in image.component_mut(0).unwrap().blocks_mut() {
            let largest = [3, 40, 1023][round % 3];
            let count = random.random_range(0..=64);
            for _ in 0..count {
                block[random.random_range(0..64)] = random.random_range(-largest..=largest);
            }
            block[0] = random.random_range(-1000..=1000);
        }
        let bytes = image.encode().unwrap();
        let expected = libjpeg.decode(&bytes, true).unwrap();
        assert_eq!(expected.warnings, 0);
        assert!(
            decoded(&image, Upsampling::Triangle).as_slice() == expected.data,
            "round {round}"
        );
    }
}

/// Steps that take coefficients past what pictures have, and past 16 bits.
fn random_step(round: usize) -> u16 {
    [1, 7, 60, 255][round % 4]
}

fn noise(width: u32, height: u32, channels: u32, seed: u64) -> Vec<u8> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut level = 128_i32;
    (0..width * height * channels)
        .map(|_| {
            level = (level + random.random_range(-40..=40)).clamp(-20, 275);
            u8::try_from(level.clamp(0, 255)).unwrap()
        })
        .collect()
}

/// The file that libjpeg makes of a picture with the sampling and the tables of `like`.
fn written_by(
    libjpeg: &Libjpeg,
    mode: Mode,
    view: PixelView<'_>,
    samples: &[u8],
    like: &CoefficientImage,
) -> Vec<u8> {
    let sampling: Vec<[u8; 2]> = like
        .components()
        .iter()
        .map(|component| {
            [
                component.sampling().horizontal(),
                component.sampling().vertical(),
            ]
        })
        .collect();
    // Components that share a table share it in the file too.
    let mut tables = like.quantization_tables();
    tables.dedup();
    let tables: Vec<[u16; 64]> = tables.iter().map(QuantizationTable::to_natural).collect();
    let picture = Picture {
        samples,
        width: view.width(),
        height: view.height(),
        channels: view.format().channels(),
        mode,
        sampling: &sampling,
        tables: &tables,
        coding: Coding::default(),
    };
    libjpeg.encode(&picture).unwrap()
}

#[test]
fn coefficients_made_of_pixels_equal_the_librarys() {
    let Some(libjpeg) = Libjpeg::load() else {
        return;
    };
    let kinds = [
        (Mode::Grey, 1, ColorSpace::Grey, ChromaSubsampling::None),
        (
            Mode::RgbAsYcbcr,
            3,
            ColorSpace::YCbCr,
            ChromaSubsampling::None,
        ),
        (
            Mode::RgbAsYcbcr,
            3,
            ColorSpace::YCbCr,
            ChromaSubsampling::Horizontal,
        ),
        (
            Mode::RgbAsYcbcr,
            3,
            ColorSpace::YCbCr,
            ChromaSubsampling::Both,
        ),
        (Mode::RgbAsRgb, 3, ColorSpace::Rgb, ChromaSubsampling::None),
    ];
    let tables = [
        QuantizationTables::annex_k(90).unwrap(),
        QuantizationTables::annex_k(20).unwrap(),
        QuantizationTable::uniform(1).unwrap().into(),
        QuantizationTable::from_fn(|band| 1 + 580 * u16::from(band.u() + band.v()))
            .unwrap()
            .into(),
    ];
    for (mode, channels, color_space, subsampling) in kinds {
        for (seed, &(width, height)) in (0..).zip(&[
            (1, 1),
            (7, 9),
            (16, 16),
            (33, 31),
            (47, 33),
            (64, 50),
            (2, 70),
        ]) {
            for tables in &tables {
                let samples = noise(width, height, channels, seed);
                let format = if channels == 1 {
                    PixelFormat::Grey
                } else {
                    PixelFormat::Rgb
                };
                let view = PixelView::new(&samples, width, height, format).unwrap();
                let options = ForwardOptions::libjpeg_equal()
                    .with_color_space(color_space)
                    .with_subsampling(subsampling);
                let ours = CoefficientImage::from_pixels(view, tables, &options).unwrap();
                let file = written_by(libjpeg, mode, view, &samples, &ours);
                let theirs = CoefficientImage::decode(&file).unwrap();
                assert_eq!(theirs.color_space(), color_space);
                assert!(
                    ours.components() == theirs.components(),
                    "{mode:?} {subsampling:?} {width}x{height}"
                );
                if tables.table(0).is_baseline() {
                    assert!(
                        ours.encode().unwrap() == file,
                        "same bytes: {mode:?} {subsampling:?} {width}x{height}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_precise_pipeline_stays_within_rounding_of_the_integer_one() {
    for (subsampling, upsampling) in [
        (ChromaSubsampling::None, Upsampling::Replicate),
        (ChromaSubsampling::Horizontal, Upsampling::Triangle),
        (ChromaSubsampling::Both, Upsampling::Triangle),
        (ChromaSubsampling::Both, Upsampling::Replicate),
    ] {
        let samples: Vec<u8> = (0..61 * 43)
            .flat_map(|i: u32| {
                [i % 61 * 4, i / 61 * 5, 128].map(|value| u8::try_from(value.min(255)).unwrap())
            })
            .collect();
        let view = PixelView::new(&samples, 61, 43, PixelFormat::Rgb).unwrap();
        let options = ForwardOptions::precise().with_subsampling(subsampling);
        let image = CoefficientImage::from_pixels(
            view,
            &QuantizationTable::uniform(2).unwrap().into(),
            &options,
        )
        .unwrap();
        let precise = image
            .to_pixels(&InverseOptions::precise().with_upsampling(upsampling))
            .unwrap();
        let integer = image
            .to_pixels(&InverseOptions::libjpeg_equal().with_upsampling(upsampling))
            .unwrap();
        let largest = precise
            .as_slice()
            .iter()
            .zip(integer.as_slice())
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        // Three roundings of half a level each, through gains of up to 1.772.
        assert!(
            largest <= Some(3),
            "{subsampling:?} {upsampling:?} {largest:?}"
        );
    }
}

#[test]
fn luminance_is_the_grey_of_a_colour_image() {
    let image = CoefficientImage::decode(&common::fixture("baseline-420-q90-47x33")).unwrap();
    let grey = image
        .to_pixels(&InverseOptions::libjpeg_equal().with_format(PixelFormat::Grey))
        .unwrap();
    assert_eq!(grey.as_slice().len(), 47 * 33);
    let cmyk = InverseOptions::libjpeg_equal().with_format(PixelFormat::Cmyk);
    assert!(image.to_pixels(&cmyk).is_err());
}

/// Hash over the components: rows of blocks, natural order, 16 bits little-endian.
fn coefficient_hash(image: &CoefficientImage) -> String {
    let mut hash = Sha256::new();
    for coefficient in image.components().iter().flat_map(common::coefficients) {
        hash.update(coefficient.to_le_bytes());
    }
    format!("{:x}", hash.finalize())
}

/// `FEATURE_DISTILLATION_DATA` names a folder with `photos-manifest.jsonl`: a photograph a line, with
/// `file` and the hashes of libjpeg-turbo's coefficients (`coef_sha256`) and pixels (`rgb_sha256`).
#[test]
fn coefficients_and_pixels_of_photographs_have_the_hashes_of_their_manifest() {
    let Some(folder) = std::env::var_os("FEATURE_DISTILLATION_DATA").map(std::path::PathBuf::from)
    else {
        eprintln!("FEATURE_DISTILLATION_DATA is not set: not compared on photographs");
        return;
    };
    let manifest = std::fs::read_to_string(folder.join("photos-manifest.jsonl")).unwrap();
    let mut equal = 0;
    for line in manifest.lines() {
        let expected: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = expected["file"].as_str().unwrap();
        let image = CoefficientImage::decode(&std::fs::read(folder.join(name)).unwrap()).unwrap();
        assert_eq!(coefficient_hash(&image), expected["coef_sha256"], "{name}");
        let pixels = decoded(&image, Upsampling::Triangle);
        let hash = format!("{:x}", Sha256::digest(pixels.as_slice()));
        assert_eq!(hash, expected["rgb_sha256"], "{name}");
        equal += 1;
    }
    assert!(equal > 0);
    println!("{equal} photographs: coefficients and pixels equal");
}
