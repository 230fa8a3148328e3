//! Distillation: what one pass does, what two passes undo, and what the passes refuse.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "samples and indices are small"
)]

use feature_distillation::{
    ArgumentError, AsMdDesign, Band, BandStatistics, ChromaSubsampling, CoefficientImage,
    ColorSpace, EncodeOptions, Error, FeatureDistiller, FeatureDistillerBuilder, ForwardOptions,
    InverseOptions, Limits, Normalization, PixelBuffer, PixelFormat, PixelPipeline, PixelView,
    Profile, ProfileCheck, QuantizationTable, QuantizationTables, Rounding, TableDesign,
    TableScope, Upsampling, distill_published, removing_table,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A picture of slow waves and mild noise that stays clear of 0 and 255, so that nothing clips.
fn unclipped(width: u32, height: u32, format: PixelFormat, seed: u64) -> PixelBuffer {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let phases: Vec<f32> = (0..8).map(|_| random.random_range(0.0..6.3)).collect();
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for channel in 0..format.channels() {
                let wave = (x as f32 * 0.21 + phases[channel]).sin()
                    + (y as f32 * 0.17 + phases[channel + 4]).cos();
                samples.push((128.0 + 18.0 * wave + random.random_range(-12.0..12.0)) as u8);
            }
        }
    }
    PixelBuffer::new(samples, width, height, format).unwrap()
}

fn perturbed(picture: &PixelBuffer, eps: i16, seed: u64) -> PixelBuffer {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut result = picture.clone();
    for sample in result.as_mut_slice() {
        *sample = (i16::from(*sample) + random.random_range(-eps..=eps)).clamp(0, 255) as u8;
    }
    result
}

fn with_table(table: QuantizationTable) -> FeatureDistillerBuilder {
    FeatureDistiller::builder().tables(table)
}

/// The settings that make pass two return what pass one made.
fn settings() -> impl Strategy<Value = FeatureDistillerBuilder> {
    let color = prop_oneof![
        Just(ColorSpace::Rgb),
        Just(ColorSpace::YCbCr),
        Just(ColorSpace::Grey)
    ];
    let subsampling = prop_oneof![
        Just(ChromaSubsampling::None),
        Just(ChromaSubsampling::Horizontal),
        Just(ChromaSubsampling::Both)
    ];
    let rounding = prop_oneof![
        Just(Rounding::HalfAwayFromZero),
        Just(Rounding::HalfToEven),
        Just(Rounding::HalfTowardZero)
    ];
    (color, subsampling, rounding).prop_map(|(color, subsampling, rounding)| {
        let subsampling = if color == ColorSpace::YCbCr {
            subsampling
        } else {
            ChromaSubsampling::None
        };
        FeatureDistiller::builder()
            .color_space(color)
            .subsampling(subsampling)
            .rounding(rounding)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn distilling_twice_changes_nothing_on_an_unclipped_picture(
        builder in settings(),
        // Blocks that padding completes are not reproduced.
        (columns, rows) in (1_u32..4, 1_u32..4),
        step in 20_u16..60,
        seed in any::<u64>(),
    ) {
        let picture = unclipped(16 * columns, 16 * rows, PixelFormat::Rgb, seed);
        let distiller = builder.tables(QuantizationTable::uniform(step).unwrap()).build().unwrap();
        let sent = distiller.distill_jpeg(&distiller.compress(picture.view()).unwrap()).unwrap();
        prop_assert!(distiller.distill(sent.view()).unwrap() == sent);
        prop_assert!(distiller.distill(picture.view()).unwrap() == sent);
    }

    #[test]
    fn two_passes_remove_what_the_bound_says(
        color in prop_oneof![Just(ColorSpace::Rgb), Just(ColorSpace::YCbCr)],
        eps in 1_i16..=3,
        // Blocks that padding completes are not covered.
        (columns, rows) in (1_u32..6, 1_u32..6),
        seed in any::<u64>(),
    ) {
        // Half a level of rounding between the passes counts like half a level of perturbation.
        let table = removing_table(f64::from(eps) + 0.5).unwrap();
        let distiller = with_table(table).color_space(color).build().unwrap();
        let picture = unclipped(8 * columns, 8 * rows, PixelFormat::Rgb, seed);
        let sent = distiller.distill_jpeg(&distiller.compress(picture.view()).unwrap()).unwrap();
        let received = perturbed(&sent, eps, seed ^ 1);
        prop_assert!(distiller.distill(received.view()).unwrap() == sent);
    }

    #[test]
    fn one_pass_moves_every_coefficient_by_half_a_step_at_most(
        first in 1_u16..40,
        second in 1_u16..80,
        seed in any::<u64>(),
    ) {
        let picture = unclipped(24, 24, PixelFormat::Rgb, seed);
        let tables = QuantizationTable::uniform(first).unwrap().into();
        let original = CoefficientImage::from_pixels(picture.view(), &tables, &ForwardOptions::precise()).unwrap();
        let distiller = with_table(QuantizationTable::uniform(second).unwrap()).build().unwrap();
        let mut image = original.clone();
        distiller.one_pass_coefficients(&mut image).unwrap();
        for (before, after) in original.components().iter().zip(image.components()) {
            let pairs = before.blocks().iter().flatten().zip(after.blocks().iter().flatten());
            for (&before, &after) in pairs {
                let error = i32::from(before) * i32::from(first) - i32::from(after) * i32::from(second);
                prop_assert!(2 * error.abs() <= i32::from(second));
            }
        }
        let file = original.encode().unwrap();
        let transcoded = distiller.one_pass_transcode(&file, &EncodeOptions::new()).unwrap();
        let reread = CoefficientImage::decode(&transcoded.bytes).unwrap();
        prop_assert_eq!(reread.components(), image.components());
        let pixels = distiller.one_pass_jpeg(&file).unwrap();
        prop_assert!(pixels == image.to_pixels(&InverseOptions::precise()).unwrap());
    }
}

#[test]
fn a_perturbation_past_the_bound_survives_two_passes() {
    let distiller = with_table(QuantizationTable::uniform(24).unwrap())
        .build()
        .unwrap();
    let flat = PixelBuffer::new(vec![128; 64], 8, 8, PixelFormat::Grey).unwrap();
    assert_eq!(distiller.distill(flat.view()).unwrap(), flat);
    for (eps, survives) in [(1_u8, false), (2, true)] {
        // The signs of the basis function of (0, 4) reach its bound of 8 eps: 8 is below 24 / 2, 16 above.
        let band = Band::new(0, 4).unwrap();
        let samples = (0..64)
            .map(|i| {
                if band.basis(i / 8, i % 8) > 0.0 {
                    128 + eps
                } else {
                    128 - eps
                }
            })
            .collect();
        let received = PixelBuffer::new(samples, 8, 8, PixelFormat::Grey).unwrap();
        assert_eq!(
            distiller.distill(received.view()).unwrap() != flat,
            survives,
            "eps {eps}"
        );
    }
}

#[test]
fn the_published_arithmetic_equals_an_independent_run() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("vectors/published.json")).unwrap();
    let number = |key: &str| vectors[key].as_u64().unwrap() as usize;
    let (width, height, channels) = (number("width"), number("height"), number("channels"));
    let floats = |value: &serde_json::Value| -> Vec<f32> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|number| number.as_f64().unwrap() as f32)
            .collect()
    };
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let steps: Vec<u16> = case["table"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step.as_u64().unwrap() as u16)
            .collect();
        let table = QuantizationTable::try_from(steps).unwrap();
        if case["name"] == "authors_code" {
            let design = AsMdDesign::authors_code()
                .design(&BandStatistics::new(), 0)
                .unwrap();
            assert_eq!(table, design);
        }
        for pass in ["first", "second"] {
            let found =
                distill_published(&floats(&case[pass]), width, height, channels, &table).unwrap();
            let expected = floats(&case[format!("{pass}_distilled")]);
            let largest = found
                .iter()
                .zip(&expected)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(largest < 1e-4, "{} {pass}: {largest}", case["name"]);
            assert!(
                largest < 1e-6,
                "both are double precision: {} {pass}: {largest}",
                case["name"]
            );
        }
    }
}

#[test]
fn the_published_arithmetic_and_the_precise_one_differ_by_rounding_where_the_lattices_agree() {
    // 1024, the level shift of DC, is a multiple of 32: only then are the two lattices the same.
    let table = QuantizationTable::uniform(32).unwrap();
    let picture = unclipped(32, 24, PixelFormat::Rgb, 3);
    let unit: Vec<f32> = picture
        .as_slice()
        .iter()
        .map(|&sample| f32::from(sample) / 255.0)
        .collect();
    let published = distill_published(&unit, 32, 24, 3, &table).unwrap();
    let distiller = with_table(table)
        .rounding(Rounding::HalfToEven)
        .build()
        .unwrap();
    let precise = distiller.one_pass_pixels(picture.view()).unwrap();
    for (published, &precise) in published.iter().zip(precise.as_slice()) {
        assert!((published * 255.0 - f32::from(precise)).abs() <= 0.5 + 1e-3);
    }
}

#[test]
fn the_published_arithmetic_refuses_what_the_published_code_cannot_do() {
    let table = QuantizationTable::uniform(30).unwrap();
    assert!(distill_published(&[0.5; 56], 7, 8, 1, &table).is_err());
    assert!(distill_published(&[0.5; 63], 8, 8, 1, &table).is_err());
    assert!(distill_published(&[], 0, 8, 1, &table).is_err());
    for bad in [-0.01, 1.01, f32::NAN] {
        let mut samples = [0.5; 64];
        samples[9] = bad;
        assert!(matches!(
            distill_published(&samples, 8, 8, 1, &table),
            Err(Error::InvalidArgument(ArgumentError::SampleRange {
                index: 9,
                ..
            }))
        ));
    }
}

#[test]
fn any_sampling_and_colour_can_be_distilled_in_one_pass() {
    let distiller = with_table(QuantizationTable::uniform(30).unwrap())
        .build()
        .unwrap();
    for name in [
        "baseline-grey-q90-67x45",
        "baseline-420-q90-47x33",
        "baseline-422-q90-67x45",
        "baseline-rgb-q75-33x31",
        "cmyk-31x27",
        "ycck-420-progressive-restart-3mcu-31x27",
        "progressive-420-q75-47x33",
        "sampling-3x2-2x1-1x1-47x33",
    ] {
        let path = format!("{}/tests/fixtures/{name}.jpg", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(path).unwrap();
        let image = CoefficientImage::decode(&bytes).unwrap();
        let pixels = distiller.one_pass_jpeg(&bytes).unwrap();
        assert_eq!(
            (pixels.width(), pixels.height()),
            (image.width(), image.height()),
            "{name}"
        );
        let transcoded = distiller
            .one_pass_transcode(&bytes, &EncodeOptions::new())
            .unwrap();
        let reread = CoefficientImage::decode(&transcoded.bytes).unwrap();
        assert_eq!(reread.color_space(), image.color_space(), "{name}");
        assert!(
            reread
                .quantization_tables()
                .iter()
                .all(|table| table.largest_step() == 30),
            "{name}"
        );
        assert_eq!(
            distiller.one_pass_jpeg(&transcoded.bytes).unwrap(),
            pixels,
            "{name}"
        );
    }
}

#[test]
fn the_second_pass_refuses_files_of_another_profile() {
    let picture = unclipped(40, 40, PixelFormat::Rgb, 5);
    let distiller = with_table(QuantizationTable::uniform(24).unwrap())
        .build()
        .unwrap();
    let mismatch = |distiller: &FeatureDistiller, file: &[u8]| match distiller.distill_jpeg(file) {
        Err(Error::InvalidArgument(ArgumentError::ProfileMismatch { what })) => what,
        other => panic!("{other:?}"),
    };
    let other = |builder: FeatureDistillerBuilder| {
        builder.build().unwrap().compress(picture.view()).unwrap()
    };
    let table = |step| QuantizationTable::uniform(step).unwrap();
    assert_eq!(
        mismatch(&distiller, &other(with_table(table(25)))),
        "quantization tables"
    );
    let ycbcr = with_table(table(24)).color_space(ColorSpace::YCbCr);
    assert_eq!(mismatch(&distiller, &other(ycbcr.clone())), "colour spaces");
    let subsampled = other(ycbcr.clone().subsampling(ChromaSubsampling::Both));
    assert_eq!(
        mismatch(&ycbcr.build().unwrap(), &subsampled),
        "sampling factors"
    );

    let lenient = with_table(table(24))
        .profile_check(ProfileCheck::Skip)
        .build()
        .unwrap();
    assert_eq!(
        lenient.distill_jpeg(&subsampled).unwrap(),
        lenient.one_pass_jpeg(&subsampled).unwrap()
    );
    // Grey pictures of the same tables are the profile's own.
    let grey = unclipped(40, 40, PixelFormat::Grey, 5);
    let file = distiller.compress(grey.view()).unwrap();
    assert_eq!(
        distiller.distill_jpeg(&file).unwrap().format(),
        PixelFormat::Grey
    );
}

#[test]
fn profiles_serialize_and_are_checked_when_they_come_back() {
    let distiller = FeatureDistiller::builder()
        .tables(QuantizationTables::luminance_chrominance(
            QuantizationTable::uniform(24).unwrap(),
            QuantizationTable::uniform(300).unwrap(),
        ))
        .color_space(ColorSpace::YCbCr)
        .subsampling(ChromaSubsampling::Both)
        .upsampling(Upsampling::Triangle)
        .build()
        .unwrap();
    let profile = distiller.profile();
    let text = serde_json::to_string(profile).unwrap();
    let back: Profile = serde_json::from_str(&text).unwrap();
    assert_eq!(&back, profile);
    assert_eq!(back.fingerprint(), profile.fingerprint());
    assert_eq!(FeatureDistiller::from_profile(back).profile(), profile);

    for (from, to) in [
        ("\"ycbcr\"", "\"cmyk\""),
        ("\"ycbcr\"", "\"rgb\""),
        ("300,", "0,"),
        ("300,", ""),
        ("half_away_from_zero", "half_up"),
        ("4:2:0", "4:1:0"),
        ("\"tables\"", "\"table\""),
    ] {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from}");
        assert!(
            serde_json::from_str::<Profile>(&broken).is_err(),
            "{from} -> {to}"
        );
    }
}

#[test]
fn fingerprints_tell_profiles_apart_and_never_change() {
    let base = || with_table(QuantizationTable::uniform(24).unwrap());
    let variants = [
        base(),
        with_table(QuantizationTable::uniform(25).unwrap()),
        base().color_space(ColorSpace::YCbCr),
        base().color_space(ColorSpace::Grey),
        base()
            .color_space(ColorSpace::YCbCr)
            .subsampling(ChromaSubsampling::Horizontal),
        base()
            .color_space(ColorSpace::YCbCr)
            .subsampling(ChromaSubsampling::Both),
        base().rounding(Rounding::HalfToEven),
        base().rounding(Rounding::HalfTowardZero),
        base().pipeline(PixelPipeline::LibjpegEqual),
        base().upsampling(Upsampling::Triangle),
    ];
    let fingerprints: Vec<String> = variants
        .into_iter()
        .map(|builder| builder.build().unwrap().profile().fingerprint().to_string())
        .collect();
    for (index, fingerprint) in fingerprints.iter().enumerate() {
        assert_eq!(fingerprint.len(), 64);
        assert!(!fingerprints[..index].contains(fingerprint));
    }
    // SHA-256 of the first one's fixed form; a change would part sensors from receivers in the field.
    assert_eq!(
        fingerprints[0],
        "00c0f04e5ea66a6b3a9ca578c5fb76a69c171fcb862a03cbd713321d33055994"
    );
}

#[test]
fn settings_that_do_not_fit_together_are_refused() {
    let table = QuantizationTable::uniform(24).unwrap();
    let tables = |count: u16| {
        let tables = (0..count)
            .map(|i| QuantizationTable::uniform(24 + i).unwrap())
            .collect();
        QuantizationTables::per_component(tables).unwrap()
    };
    let refused = |builder: FeatureDistillerBuilder| {
        matches!(
            builder.build(),
            Err(Error::InvalidArgument(ArgumentError::Distiller(_)))
        )
    };
    assert!(refused(FeatureDistiller::builder()));
    assert!(refused(FeatureDistiller::builder().tables(tables(4))));
    assert!(refused(
        FeatureDistiller::builder()
            .tables(tables(2))
            .color_space(ColorSpace::Grey)
    ));
    assert!(refused(with_table(table).color_space(ColorSpace::Cmyk)));
    assert!(refused(
        with_table(table).subsampling(ChromaSubsampling::Both)
    ));
    assert!(refused(
        with_table(table)
            .pipeline(PixelPipeline::LibjpegEqual)
            .rounding(Rounding::HalfToEven)
    ));
    assert!(!refused(FeatureDistiller::builder().tables(tables(3))));
}

#[test]
fn limits_of_the_distiller_hold_for_the_files_it_is_given() {
    let distiller = with_table(QuantizationTable::uniform(24).unwrap())
        .limits(Limits::default().with_max_pixels(100))
        .build()
        .unwrap();
    let file = distiller
        .compress(unclipped(16, 16, PixelFormat::Rgb, 1).view())
        .unwrap();
    for result in [
        distiller.one_pass_jpeg(&file),
        distiller.distill_jpeg(&file),
    ] {
        assert!(matches!(
            result,
            Err(Error::LimitExceeded {
                required: 256,
                allowed: 100,
                ..
            })
        ));
    }
}

#[test]
fn tables_of_a_design_reach_the_distiller() {
    let mut statistics = BandStatistics::new();
    for seed in 0..4 {
        statistics
            .add_pixels(
                unclipped(64, 64, PixelFormat::Rgb, seed).view(),
                ColorSpace::Rgb,
            )
            .unwrap();
    }
    let shared = FeatureDistiller::builder()
        .design(&AsMdDesign::paper(), &statistics, TableScope::Shared)
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(shared.profile().tables().as_slice().len(), 1);
    let own = FeatureDistiller::builder()
        .design(&AsMdDesign::paper(), &statistics, TableScope::PerComponent)
        .unwrap()
        .build()
        .unwrap();
    for component in 0..3 {
        let expected = AsMdDesign::paper().design(&statistics, component).unwrap();
        assert_eq!(own.profile().tables().table(component), &expected);
    }
    let mismatch = FeatureDistiller::builder()
        .color_space(ColorSpace::YCbCr)
        .design(&AsMdDesign::paper(), &statistics, TableScope::PerComponent)
        .unwrap();
    assert!(matches!(
        mismatch.build(),
        Err(Error::InvalidArgument(ArgumentError::Distiller(_)))
    ));
    let constant = QuantizationTable::uniform(7).unwrap();
    let fixed = FeatureDistiller::builder()
        .design(&constant, &BandStatistics::new(), TableScope::Shared)
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(fixed.profile().tables().table(2), &constant);
}

#[test]
fn steps_above_255_travel_in_an_extended_file() {
    let distiller = with_table(QuantizationTable::uniform(400).unwrap())
        .build()
        .unwrap();
    let picture = unclipped(24, 24, PixelFormat::Rgb, 9);
    let file = distiller.compress(picture.view()).unwrap();
    let image = CoefficientImage::decode(&file).unwrap();
    assert_eq!(image.process().name(), "extended");
    assert_eq!(image.quantization_tables()[0].largest_step(), 400);
    assert_eq!(
        distiller.distill_jpeg(&file).unwrap(),
        distiller.distill(picture.view()).unwrap()
    );
}

#[test]
fn outputs_go_straight_into_a_network() {
    let picture = PixelBuffer::new(vec![0, 51, 255, 255, 102, 0], 2, 1, PixelFormat::Rgb).unwrap();
    assert_eq!(
        picture.to_chw_f32(&Normalization::unit()).unwrap(),
        [0.0, 1.0, 0.2, 0.4, 1.0, 0.0]
    );
    let normalization = Normalization::new(&[0.5, 0.2, 0.0], &[0.5, 0.1, 2.0]).unwrap();
    let tensor = picture.to_chw_array(&normalization).unwrap();
    assert_eq!(tensor.shape(), [3, 1, 2]);
    for (found, expected) in tensor.iter().zip([-1.0, 1.0, 0.0, 2.0, 0.5, 0.0]) {
        assert!((found - expected).abs() < 1e-6);
    }
    assert_eq!(picture.to_hwc_view()[[0, 1, 1]], 102);
    assert!(
        picture
            .to_chw_f32(&Normalization::new(&[0.5], &[0.5]).unwrap())
            .is_err()
    );
    assert!(Normalization::new(&[0.5], &[0.0]).is_err());
    assert!(Normalization::new(&[f32::NAN], &[1.0]).is_err());
    assert!(Normalization::new(&[0.5, 0.5], &[1.0]).is_err());
}

#[test]
fn arrays_of_any_layout_are_distilled_without_copying() {
    let picture = unclipped(24, 16, PixelFormat::Rgb, 2);
    let distiller = with_table(QuantizationTable::uniform(24).unwrap())
        .build()
        .unwrap();
    let expected = distiller.distill(picture.view()).unwrap();
    let chw = picture
        .to_hwc_view()
        .permuted_axes([2, 0, 1])
        .as_standard_layout()
        .into_owned();
    assert_eq!(
        distiller
            .distill(PixelView::from_chw(chw.view()).unwrap())
            .unwrap(),
        expected
    );
    assert_eq!(
        distiller
            .distill(PixelView::from_hwc(picture.to_hwc_view()).unwrap())
            .unwrap(),
        expected
    );
}
