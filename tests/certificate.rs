//! Certificates: no perturbation inside a radius changes what pass two gives, and the best one just outside does.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "samples and indices are small, and equal floats are meant"
)]

mod linear_model;

use std::path::PathBuf;

use feature_distillation::{
    ArgumentError, Band, Certificate, CertificateVoid, ChromaSubsampling, CoefficientImage,
    ColorSpace, Error, FeatureDistiller, Handover, InverseOptions, NoiseModel, Norm, PixelBuffer,
    PixelFormat, PixelPipeline, QuantizationTable, Rounding,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use linear_model::LinearModel;

/// Waves and noise clear of black and white: neither pass one nor a perturbation of 30 clips.
fn clear_picture(width: u32, height: u32, format: PixelFormat, seed: u64) -> PixelBuffer {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let phases: [f32; 3] = std::array::from_fn(|_| random.random_range(0.0..6.3));
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for phase in phases.iter().take(format.channels()) {
                let wave = (x as f32 * 0.3 + phase).sin() + (y as f32 * 0.2 + 2.0 * phase).cos();
                samples.push((128.0 + 12.0 * wave + random.random_range(-10.0..10.0)) as u8);
            }
        }
    }
    PixelBuffer::new(samples, width, height, format).unwrap()
}

#[derive(Debug, Clone, Copy)]
struct Setting {
    format: PixelFormat,
    color_space: ColorSpace,
    subsampling: ChromaSubsampling,
}

const SETTINGS: [Setting; 6] = {
    const fn setting(
        format: PixelFormat,
        color_space: ColorSpace,
        subsampling: ChromaSubsampling,
    ) -> Setting {
        Setting {
            format,
            color_space,
            subsampling,
        }
    }
    [
        setting(PixelFormat::Grey, ColorSpace::Grey, ChromaSubsampling::None),
        setting(PixelFormat::Rgb, ColorSpace::Rgb, ChromaSubsampling::None),
        setting(PixelFormat::Rgb, ColorSpace::Grey, ChromaSubsampling::None),
        setting(PixelFormat::Rgb, ColorSpace::YCbCr, ChromaSubsampling::None),
        setting(
            PixelFormat::Rgb,
            ColorSpace::YCbCr,
            ChromaSubsampling::Horizontal,
        ),
        setting(PixelFormat::Rgb, ColorSpace::YCbCr, ChromaSubsampling::Both),
    ]
};

impl Setting {
    /// The result of pass one; where that is grey, the coloured picture itself, whose margins are small.
    fn sent(self, distiller: &FeatureDistiller, raw: &PixelBuffer) -> PixelBuffer {
        let picture = distiller.one_pass_pixels(raw.view()).unwrap();
        if picture.format() == self.format {
            picture
        } else {
            raw.clone()
        }
    }

    fn distiller(self, table: QuantizationTable, pipeline: PixelPipeline) -> FeatureDistiller {
        FeatureDistiller::builder()
            .tables(table)
            .color_space(self.color_space)
            .subsampling(self.subsampling)
            .pipeline(pipeline)
            .build()
            .unwrap()
    }
}

fn random_table(seed: u64) -> QuantizationTable {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let steps: [u16; 64] = std::array::from_fn(|_| random.random_range(20..60));
    QuantizationTable::from_natural(steps).unwrap()
}

/// The coefficient with the smallest radius: component, column, row, band, and the sign of its way out.
fn weakest(certificate: &Certificate, norm: Norm) -> (usize, u32, u32, Band, f64) {
    let mut best = (f64::INFINITY, (0, 0, 0, Band::DC, 1.0));
    for (index, component) in certificate.components().iter().enumerate() {
        for y in 0..component.blocks_high() {
            for x in 0..component.blocks_wide() {
                let radius = component.radii(x, y).unwrap().get(norm);
                if radius >= best.0 {
                    continue;
                }
                let model = LinearModel::of(certificate, index);
                let (margins, residuals) = (
                    component.margins(x, y).unwrap(),
                    component.residuals(x, y).unwrap(),
                );
                let of_band = |band: Band| {
                    margins[band.natural()].max(0.0) / dual(&model.weights(x, y, band), norm)
                };
                let band = Band::all()
                    .min_by(|&a, &b| of_band(a).total_cmp(&of_band(b)))
                    .unwrap();
                assert!(
                    (of_band(band) - radius).abs() < 1e-6 * radius.max(1.0),
                    "the radius of a block is that of its weakest band"
                );
                let sign = if residuals[band.natural()] < 0.0 {
                    -1.0
                } else {
                    1.0
                };
                best = (radius, (index, x, y, band, sign));
            }
        }
    }
    best.1
}

fn dual(weights: &[f64], norm: Norm) -> f64 {
    match norm {
        Norm::Linf => weights.iter().map(|weight| weight.abs()).sum(),
        Norm::L2 => weights
            .iter()
            .map(|weight| weight * weight)
            .sum::<f64>()
            .sqrt(),
        Norm::L1 => weights
            .iter()
            .fold(0.0, |largest, weight| weight.abs().max(largest)),
        other => panic!("{other:?}"),
    }
}

/// The perturbation of size 1 that moves a weighted sum furthest.
fn steepest(weights: &[f64], norm: Norm) -> Vec<f64> {
    let largest = dual(weights, Norm::L1);
    let peak = weights.iter().position(|weight| weight.abs() == largest);
    weights
        .iter()
        .enumerate()
        .map(|(index, weight)| match norm {
            Norm::Linf if *weight == 0.0 => 0.0,
            Norm::Linf => weight.signum(),
            Norm::L2 => weight / dual(weights, Norm::L2),
            Norm::L1 if Some(index) == peak => weight.signum(),
            Norm::L1 => 0.0,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn size(perturbation: &[f64], norm: Norm) -> f64 {
    match norm {
        Norm::Linf => dual(perturbation, Norm::L1),
        Norm::L1 => dual(perturbation, Norm::Linf),
        other => dual(perturbation, other),
    }
}

fn reals(picture: &PixelBuffer) -> Vec<f64> {
    picture.as_slice().iter().copied().map(f64::from).collect()
}

fn plus(samples: &[f64], scale: f64, direction: &[f64]) -> Vec<f64> {
    let pairs = samples.iter().zip(direction);
    pairs
        .map(|(sample, change)| sample + scale * change)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Received as real numbers and computed in double precision, independently of the crate.
    #[test]
    fn the_optimal_attack_flips_just_outside_the_radius_and_never_inside(
        width in 3_u32..34, height in 3_u32..34, setting in 0_usize..6, norm in 0_usize..3, seed in any::<u64>(),
    ) {
        let (setting, norm) = (SETTINGS[setting], Norm::ALL[norm]);
        let distiller = setting.distiller(random_table(seed), PixelPipeline::Precise);
        let raw = clear_picture(width, height, setting.format, seed);
        let picture = setting.sent(&distiller, &raw);
        let certificate = distiller.certificate(picture.view()).unwrap();
        let radius = certificate.radii().get(norm);
        let (component, x, y, band, sign) = weakest(&certificate, norm);
        let model = LinearModel::of(&certificate, component);
        let weights = model.weights(x, y, band);
        let attack: Vec<f64> = steepest(&weights, norm).iter().map(|change| sign * change).collect();
        prop_assert!((size(&attack, norm) - 1.0).abs() < 1e-9);
        let samples = reals(&picture);
        let levels = LinearModel::levels(&certificate, &samples);

        let inside = plus(&samples, radius * (1.0 - 1e-6), &attack);
        prop_assert_eq!(&LinearModel::levels(&certificate, &inside), &levels, "{} {}", norm.name(), radius);
        // What the stages may round, twice, is not the attacker's to use.
        let slack = 0.01 / dual(&weights, norm);
        let outside = plus(&samples, radius + slack, &attack);
        let flipped = LinearModel::levels(&certificate, &outside);
        prop_assert_ne!(&flipped, &levels, "{} {}", norm.name(), radius);
        let moved = model.level(&flipped, x, y, band) - model.level(&levels, x, y, band);
        prop_assert_eq!(f64::from(moved), sign);
    }

    /// Received as 8-bit pixels, through the crate's own pass two: for every whole number of pixel units.
    #[test]
    fn whole_steps_of_the_optimal_attack_flip_exactly_outside_the_radius(
        width in 2_u32..5, height in 2_u32..5, setting in 0_usize..6, pipeline in any::<bool>(), seed in any::<u64>(),
    ) {
        let setting = SETTINGS[setting];
        let pipeline = if pipeline { PixelPipeline::Precise } else { PixelPipeline::LibjpegEqual };
        let distiller = setting.distiller(random_table(seed), pipeline);
        let raw = clear_picture(8 * width, 8 * height, setting.format, seed);
        let picture = setting.sent(&distiller, &raw);
        let certificate = distiller.certificate(picture.view()).unwrap();
        let radius = certificate.radii().linf;
        let (component, x, y, band, sign) = weakest(&certificate, Norm::Linf);
        let model = LinearModel::of(&certificate, component);
        let weights = model.weights(x, y, band);
        // Beyond the stages' margins, where the tightness is claimed only for the precise pipeline.
        let slack = if pipeline == PixelPipeline::Precise { 0.01 / dual(&weights, Norm::Linf) } else { f64::INFINITY };
        for eps in 1..=6_u8 {
            let mut received = picture.clone();
            for (sample, weight) in received.as_mut_slice().iter_mut().zip(&weights) {
                if *weight != 0.0 {
                    let up = sign * weight > 0.0;
                    *sample = if up { *sample + eps } else { *sample - eps };
                }
            }
            let removal = certificate.removal(received.view()).unwrap();
            if f64::from(eps) < radius {
                prop_assert!(removal.is_complete(), "{eps} of {radius}: {:?}", removal.changed_blocks());
                let same = distiller.distill(received.view()).unwrap() == distiller.distill(picture.view()).unwrap();
                prop_assert!(same);
            } else if f64::from(eps) > radius + slack {
                prop_assert!(!removal.is_complete(), "{eps} of {radius}");
                prop_assert!(removal.changed_blocks().iter().any(|block| (block.component, block.x, block.y) == (component, x, y)));
            }
        }
    }

    /// Any perturbation, sound or not: flips are counted right, and stay below the bound block by block.
    #[test]
    fn perturbations_flip_no_more_bands_than_the_bound(
        setting in 0_usize..6, eps in 1_u8..12, signs in any::<bool>(), seed in any::<u64>(),
    ) {
        let setting = SETTINGS[setting];
        let distiller = setting.distiller(random_table(seed), PixelPipeline::Precise);
        let picture = setting.sent(&distiller, &clear_picture(37, 26, setting.format, seed));
        let certificate = distiller.certificate(picture.view()).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ 1);
        let mut received = picture.clone();
        for sample in received.as_mut_slice() {
            let eps = i16::from(eps);
            let change = match (signs, random.random::<bool>()) {
                (true, true) => eps,
                (true, false) => -eps,
                (false, _) => random.random_range(-eps..=eps),
            };
            *sample = (i16::from(*sample) + change) as u8;
        }
        let levels = CoefficientImage::from_pixels(
            received.view(),
            distiller.profile().tables(),
            &feature_distillation::ForwardOptions::precise()
                .with_color_space(setting.color_space)
                .with_subsampling(setting.subsampling),
        ).unwrap();
        let removal = certificate.removal(received.view()).unwrap();
        let mut flips = 0;
        let mut changed = 0;
        for (index, component) in certificate.components().iter().enumerate() {
            for y in 0..component.blocks_high() {
                for x in 0..component.blocks_wide() {
                    let [before, after] = [certificate.levels(), &levels].map(|image| {
                        *image.component(index).unwrap().block(x, y).unwrap()
                    });
                    let found = before.iter().zip(&after).filter(|(a, b)| a != b).count();
                    flips += found as u64;
                    changed += usize::from(found > 0);
                    for norm in [Norm::Linf, Norm::L2, Norm::L1] {
                        // The norm of the part that this block sees is below that of the whole perturbation.
                        let whole: Vec<f64> = plus(&reals(&received), -1.0, &reals(&picture));
                        let most = component.most_flips(x, y, norm, size(&whole, norm)).unwrap().unwrap();
                        prop_assert!(found <= most, "{found} of at most {most} in {}", norm.name());
                        let certified = component.radii(x, y).unwrap().certify(norm, size(&whole, norm));
                        prop_assert_eq!(certified, most == 0);
                    }
                }
            }
        }
        prop_assert_eq!(removal.flips(), flips);
        prop_assert_eq!(removal.changed_blocks().len(), changed);
        prop_assert_eq!(removal.is_complete(), flips == 0);
    }

    /// What a profile promises for every picture is never more than what an unclipped picture has.
    #[test]
    fn unclipped_pictures_have_at_least_the_radii_of_their_profile(
        width in 1_u32..4, height in 1_u32..4, setting in 0_usize..6, pipeline in any::<bool>(), seed in any::<u64>(),
    ) {
        let setting = SETTINGS[setting];
        let pipeline = if pipeline { PixelPipeline::Precise } else { PixelPipeline::LibjpegEqual };
        let builder = FeatureDistiller::builder()
            .tables(random_table(seed))
            .color_space(setting.color_space)
            .subsampling(setting.subsampling)
            .pipeline(pipeline);
        let distiller = builder.build().unwrap();
        let raw = clear_picture(16 * width, 16 * height, setting.format, seed);
        let picture = distiller.one_pass_pixels(raw.view()).unwrap();
        let certificate = distiller.certificate(picture.view()).unwrap();
        let promised = distiller.profile().certified_radii(Handover::EightBit);
        let float = distiller.profile().certified_radii(Handover::Float);
        for norm in Norm::ALL {
            let found = certificate.radii().get(norm);
            prop_assert!(found >= promised.get(norm) - 1e-9, "{}: {found} < {}", norm.name(), promised.get(norm));
            prop_assert!(found <= float.get(norm) + 1e-9);
            prop_assert!(promised.get(norm) <= float.get(norm));
        }
        if promised.linf > 0.0 {
            prop_assert!(certificate.is_fixed_point());
            prop_assert_eq!(distiller.distill(picture.view()).unwrap(), picture);
        }
    }
}

#[test]
fn the_share_of_certified_blocks_the_list_and_the_map_tell_the_same() {
    let distiller = SETTINGS[5].distiller(random_table(5), PixelPipeline::Precise);
    let picture = distiller
        .one_pass_pixels(clear_picture(75, 50, PixelFormat::Rgb, 5).view())
        .unwrap();
    let certificate = distiller.certificate(picture.view()).unwrap();
    let map = certificate.radius_map(Norm::Linf).unwrap();
    assert_eq!(
        (map.columns(), map.rows(), map.tile_size()),
        (5, 4, (16, 16))
    );
    let smallest = map.as_slice().iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(smallest, certificate.radii().linf);

    let size = map.as_slice()[7];
    let uncertified: Vec<_> = certificate.uncertified_blocks(Norm::Linf, size).collect();
    assert!(!uncertified.is_empty() && uncertified.is_sorted());
    let share = 1.0 - uncertified.len() as f64 / certificate.block_count() as f64;
    assert_eq!(certificate.certified_share(Norm::Linf, size), share);
    // 10 x 7 blocks of luminance, 5 x 4 of each chrominance component.
    assert_eq!(certificate.block_count(), 70 + 40);
    for (tile, &radius) in map.as_slice().iter().enumerate() {
        let inside = uncertified.iter().any(|block| {
            let per_tile = if block.component == 0 { 2 } else { 1 };
            (block.y / per_tile * 5 + block.x / per_tile) as usize == tile
        });
        assert_eq!(inside, radius <= size, "tile {tile}");
    }
    let grey = map.to_picture(2.0 * size).unwrap();
    assert_eq!((grey.width(), grey.height()), (75, 50));
    assert_eq!(grey.as_slice()[16 * 75 + 2 * 16], 128);
    assert!(map.to_picture(f64::NAN).is_err());
}

#[test]
fn expected_flips_agree_with_counted_ones() {
    for (setting, noise) in [(SETTINGS[1], 9.0), (SETTINGS[3], 9.0), (SETTINGS[5], 9.0)] {
        let distiller = setting.distiller(random_table(9), PixelPipeline::Precise);
        let picture = distiller
            .one_pass_pixels(clear_picture(64, 64, PixelFormat::Rgb, 9).view())
            .unwrap();
        let certificate = distiller.certificate(picture.view()).unwrap();
        let model = NoiseModel::random_signs(noise).unwrap();
        let expected = certificate.expected_flipped_share(&model);
        let mut random = ChaCha8Rng::seed_from_u64(9);
        let mut flips = 0;
        for _ in 0..40 {
            let mut received = picture.clone();
            for sample in received.as_mut_slice() {
                let change = if random.random() { noise } else { -noise };
                *sample = (f64::from(*sample) + change) as u8;
            }
            flips += certificate.removal(received.view()).unwrap().flips();
        }
        let counted = flips as f64 / (40 * 64 * certificate.block_count()) as f64;
        assert!(
            expected > 1e-4 && (counted / expected - 1.0).abs() < 0.06,
            "{counted} {expected}"
        );

        let mut lowest_only = [0.0; 64];
        lowest_only[0] = 1.0;
        let still = NoiseModel::gaussian(0.0).unwrap();
        assert_eq!(certificate.expected_flipped_share(&still), 0.0);
        let shaped = certificate.expected_flipped_share(&model.with_shape(lowest_only).unwrap());
        assert!(shaped < expected / 30.0 && shaped > 0.0);
    }
    assert!(NoiseModel::gaussian(-1.0).is_err() && NoiseModel::random_signs(f64::NAN).is_err());
    assert!(
        NoiseModel::gaussian(1.0)
            .unwrap()
            .with_shape([-1.0; 64])
            .is_err()
    );
}

#[test]
fn expected_flips_are_a_share_where_stages_leave_no_margin() {
    let distiller = SETTINGS[3].distiller(
        QuantizationTable::uniform(2).unwrap(),
        PixelPipeline::LibjpegEqual,
    );
    let picture = clear_picture(32, 32, PixelFormat::Rgb, 4);
    let certificate = distiller.certificate(picture.view()).unwrap();
    assert_eq!(certificate.radii().linf, 0.0);
    for deviation in [0.0, 0.1, 5.0, 100.0] {
        let noise = NoiseModel::gaussian(deviation).unwrap();
        assert!((0.0..=1.0).contains(&certificate.expected_flipped_share(&noise)));
    }
}

#[test]
fn a_tie_is_not_certified() {
    // DC of a flat block of 128 is 0 and the step 16: a uniform change of 1 is exactly half a step.
    let table = QuantizationTable::uniform(16).unwrap();
    for rounding in [Rounding::HalfAwayFromZero, Rounding::HalfTowardZero] {
        let distiller = FeatureDistiller::builder()
            .tables(table)
            .rounding(rounding)
            .build()
            .unwrap();
        let picture = PixelBuffer::new(vec![128; 64], 8, 8, PixelFormat::Grey).unwrap();
        let certificate = distiller.certificate(picture.view()).unwrap();
        assert_eq!(certificate.radii().linf, 1.0);
        assert!(!certificate.radii().certify(Norm::Linf, 1.0));
        assert_eq!(
            certificate.components()[0]
                .most_flips(0, 0, Norm::Linf, 1.0)
                .unwrap(),
            Some(1)
        );
        let received = PixelBuffer::new(vec![129; 64], 8, 8, PixelFormat::Grey).unwrap();
        let removed = certificate.removal(received.view()).unwrap().is_complete();
        assert_eq!(
            removed,
            rounding == Rounding::HalfTowardZero,
            "the rule decides, not the certificate"
        );
    }
}

#[test]
fn a_clipped_picture_has_a_smaller_radius_or_none() {
    // Black and white stripes overshoot when their fine bands are dropped.
    let samples: Vec<u8> = (0..64 * 64)
        .map(|i| if i % 3 == 0 { 255 } else { 0 })
        .collect();
    let raw = PixelBuffer::new(samples, 64, 64, PixelFormat::Grey).unwrap();
    let distiller = SETTINGS[0].distiller(
        QuantizationTable::uniform(60).unwrap(),
        PixelPipeline::Precise,
    );
    let picture = distiller.one_pass_pixels(raw.view()).unwrap();
    let certificate = distiller.certificate(picture.view()).unwrap();
    let promised = distiller.profile().certified_radii(Handover::EightBit).linf;
    assert!(certificate.radii().linf < promised);
    assert!(certificate.certified_share(Norm::Linf, promised) < 1.0);
}

#[test]
fn certificates_are_void_elsewhere() {
    let table = QuantizationTable::uniform(24).unwrap();
    let builder = FeatureDistiller::builder().tables(table);
    let distiller = builder.clone().build().unwrap();
    let picture = clear_picture(32, 24, PixelFormat::Rgb, 1);
    let certificate = distiller.certificate(picture.view()).unwrap();
    let check = |builder: feature_distillation::FeatureDistillerBuilder| {
        certificate.check(builder.build().unwrap().profile(), (0, 0))
    };
    assert_eq!(check(builder.clone()), Ok(()));
    assert_eq!(
        check(builder.clone().rounding(Rounding::HalfToEven)),
        Ok(())
    );
    assert_eq!(
        check(builder.clone().pipeline(PixelPipeline::LibjpegEqual)),
        Err(CertificateVoid::Pipeline)
    );
    let other = QuantizationTable::uniform(25).unwrap();
    let per_component =
        feature_distillation::QuantizationTables::per_component(vec![table, table, other]);
    assert_eq!(
        check(builder.clone().tables(per_component.unwrap())),
        Err(CertificateVoid::Tables { component: 2 })
    );
    let converted = builder.clone().color_space(ColorSpace::YCbCr);
    assert!(matches!(
        check(converted.clone()),
        Err(CertificateVoid::ColorSpace { .. })
    ));
    let halved = converted.clone().subsampling(ChromaSubsampling::Both);
    let of_converted = converted
        .build()
        .unwrap()
        .certificate(picture.view())
        .unwrap();
    assert_eq!(
        of_converted.check(halved.build().unwrap().profile(), (0, 0)),
        Err(CertificateVoid::Sampling)
    );
    assert_eq!(
        of_converted.check(of_converted.profile(), (8, 13)),
        Err(CertificateVoid::Grid { x: 0, y: 5 })
    );

    let cropped = clear_picture(32, 16, PixelFormat::Rgb, 1);
    let grey = clear_picture(32, 24, PixelFormat::Grey, 1);
    let void = |picture: &PixelBuffer| match certificate.removal(picture.view()) {
        Err(Error::InvalidArgument(ArgumentError::CertificateVoid(void))) => void,
        other => panic!("{other:?}"),
    };
    assert!(matches!(
        void(&cropped),
        CertificateVoid::Size { height: 16, .. }
    ));
    assert!(matches!(void(&grey), CertificateVoid::PixelFormat { .. }));
}

/// The AS/MD tables of the guide, for the bands that 15 of photographs are.
fn as_md(low: u16, high: u16) -> QuantizationTable {
    QuantizationTable::from_fn(|band| if band.u() + band.v() <= 4 { low } else { high }).unwrap()
}

/// `FEATURE_DISTILLATION_DATA` names a folder with `photos224/`.
#[test]
fn the_optimal_attack_on_photographs_flips_exactly_outside_the_radius() {
    let Some(folder) = std::env::var_os("FEATURE_DISTILLATION_DATA").map(PathBuf::from) else {
        eprintln!("FEATURE_DISTILLATION_DATA is not set: not attacked on photographs");
        return;
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("photos224"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut attacks, mut flipped) = (0_u64, 0_u64);
    for file in files.iter().step_by(files.len().div_ceil(40)) {
        let raw = CoefficientImage::decode(&std::fs::read(file).unwrap())
            .unwrap()
            .to_pixels(&InverseOptions::libjpeg_equal().with_format(PixelFormat::Rgb))
            .unwrap();
        for setting in [SETTINGS[1], SETTINGS[3], SETTINGS[5]] {
            let distiller = setting.distiller(as_md(24, 32), PixelPipeline::Precise);
            let picture = distiller.one_pass_pixels(raw.view()).unwrap();
            let certificate = distiller.certificate(picture.view()).unwrap();
            // The weakest coefficient of every block, attacked in all blocks of a component at once.
            for (index, component) in certificate.components().iter().enumerate() {
                let model = LinearModel::of(&certificate, index);
                for eps in [1_i16, 2] {
                    let mut received = picture.clone();
                    let mut expected = Vec::new();
                    for y in 0..component.blocks_high() {
                        for x in 0..component.blocks_wide() {
                            let margins = component.margins(x, y).unwrap();
                            let residuals = component.residuals(x, y).unwrap();
                            let band = Band::all()
                                .min_by(|a, b| {
                                    let radius = |band: &Band| {
                                        margins[band.natural()].max(0.0) / band.l1_norm()
                                    };
                                    radius(a).total_cmp(&radius(b))
                                })
                                .unwrap();
                            let sign = f64::from(residuals[band.natural()].signum());
                            let mut legal = true;
                            model.for_each_weight(x, y, band, |sample, weight| {
                                let change = if sign * weight > 0.0 { eps } else { -eps };
                                let sample = &mut received.as_mut_slice()[sample];
                                let changed =
                                    i16::from(*sample) + if weight == 0.0 { 0 } else { change };
                                legal &= (0..=255).contains(&changed);
                                *sample = changed.clamp(0, 255) as u8;
                            });
                            expected.push(((x, y), component.radii(x, y).unwrap().linf, legal));
                        }
                    }
                    let removal = certificate.removal(received.view()).unwrap();
                    for ((x, y), radius, legal) in expected {
                        let flips = removal
                            .changed_blocks()
                            .binary_search_by_key(&(index, y, x), |block| {
                                (block.component, block.y, block.x)
                            })
                            .is_ok();
                        attacks += 1;
                        flipped += u64::from(flips);
                        if radius > f64::from(eps) {
                            assert!(!flips, "{file:?} {x} {y}: {eps} inside {radius}");
                        } else if legal && f64::from(eps) > radius + 0.002 {
                            assert!(flips, "{file:?} {x} {y}: {eps} outside {radius}");
                        }
                    }
                }
            }
        }
    }
    eprintln!("{attacks} optimal attacks on blocks of photographs, {flipped} outside the radius");
    assert!(flipped > 0 && flipped < attacks);
}
