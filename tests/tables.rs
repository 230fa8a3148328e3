//! Tables for a size of perturbation: the finest that certify it, floors under designed tables, and the cards that
//! tell what a table certifies and costs.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "samples and indices are small, and equal floats are meant"
)]

#[path = "../examples/support/dead_leaves.rs"]
mod dead_leaves;
mod photographs;

use feature_distillation::{
    AccuracySensitive, ArgumentError, AsMdDesign, Band, BandStatistics, ChromaSubsampling,
    CoefficientImage, ColorSpace, Error, FeatureDistiller, FeatureDistillerBuilder, Handover, Norm,
    PixelBuffer, PixelFormat, PixelPipeline, Profile, ProfileCard, QuantizationTable,
    QuantizationTables, TableDesign, TableScope, Upsampling, removing_table,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use photographs::photographs;

const HANDOVERS: [Handover; 2] = [Handover::Float, Handover::EightBit];

/// Components, sampling and arithmetic for which a size can be certified.
fn settings() -> impl Strategy<Value = FeatureDistillerBuilder> {
    let components = prop_oneof![
        Just((ColorSpace::Grey, ChromaSubsampling::None)),
        Just((ColorSpace::Rgb, ChromaSubsampling::None)),
        Just((ColorSpace::YCbCr, ChromaSubsampling::None)),
        Just((ColorSpace::YCbCr, ChromaSubsampling::Horizontal)),
        Just((ColorSpace::YCbCr, ChromaSubsampling::Both)),
    ];
    let pipeline = prop_oneof![
        Just(PixelPipeline::Precise),
        Just(PixelPipeline::LibjpegEqual)
    ];
    (components, pipeline).prop_map(|((color, subsampling), pipeline)| {
        FeatureDistiller::builder()
            .color_space(color)
            .subsampling(subsampling)
            .pipeline(pipeline)
    })
}

/// Sizes that need steps of at most a few thousand, whole ones among them.
fn sizes() -> impl Strategy<Value = (Norm, f64)> {
    (
        0..3_usize,
        prop_oneof![(0..40_u8).prop_map(f64::from), 0.0..40.0],
    )
        .prop_map(|(norm, size)| {
            // What one perturbation of a whole block has in each norm.
            let scale = [1.0, 8.0, 64.0][norm];
            (Norm::ALL[norm], scale * size)
        })
}

fn build(builder: FeatureDistillerBuilder) -> Profile {
    builder.build().unwrap().profile().clone()
}

fn component_count(profile: &Profile) -> usize {
    if profile.color_space() == ColorSpace::Grey {
        1
    } else {
        3
    }
}

/// The profile's tables, one a component, with one step changed.
fn with_step(profile: &Profile, component: usize, band: Band, step: u16) -> QuantizationTables {
    let tables = (0..component_count(profile)).map(|index| {
        let mut steps = profile.tables().table(index).to_natural();
        if index == component {
            steps[band.natural()] = step;
        }
        QuantizationTable::from_natural(steps).unwrap()
    });
    QuantizationTables::per_component(tables.collect()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn certifying_steps_are_the_smallest_that_certify(
        settings in settings(), (norm, size) in sizes(), handover in 0..2_usize,
    ) {
        let handover = HANDOVERS[handover];
        let profile = build(settings.clone().certifying(norm, size, handover));
        prop_assert!(profile.certified_radii(handover).certify(norm, size));
        for component in 0..component_count(&profile) {
            for band in Band::all() {
                let step = profile.tables().table(component)[band];
                let rounded = band == Band::DC && handover == Handover::EightBit;
                prop_assert!(!rounded || step.is_multiple_of(8));
                let Some(finer) = step.checked_sub(if rounded { 8 } else { 1 }).filter(|&step| step > 0) else {
                    continue;
                };
                let tables = with_step(&profile, component, band, finer);
                let finer = build(settings.clone().tables(tables));
                prop_assert!(
                    !finer.certified_radii(handover).certify(norm, size),
                    "component {component}, band {band}: {step} could be finer"
                );
            }
        }
    }

    #[test]
    fn a_floor_raises_what_is_below_it_and_nothing_else(
        settings in settings(), (norm, size) in sizes(), handover in 0..2_usize, seed in any::<u64>(),
    ) {
        let handover = HANDOVERS[handover];
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let steps = std::array::from_fn(|_| random.random_range(1..300));
        let given = QuantizationTable::from_natural(steps).unwrap();
        let floor = build(settings.clone().certifying(norm, size, handover));
        let raised = build(settings.clone().tables(given).certifying(norm, size, handover));
        prop_assert!(raised.certified_radii(handover).certify(norm, size));
        for component in 0..component_count(&raised) {
            for band in Band::all() {
                let larger = given[band].max(floor.tables().table(component)[band]);
                let expected = if band == Band::DC && handover == Handover::EightBit {
                    larger.next_multiple_of(8)
                } else {
                    larger
                };
                prop_assert_eq!(raised.tables().table(component)[band], expected);
            }
        }
        // What is large enough stays.
        prop_assert_eq!(raised.certifying(norm, size, handover).unwrap(), raised);
    }
}

#[test]
fn steps_against_linf_are_those_of_the_norms_of_the_basis() {
    let range = |size, handover| {
        let profile = build(FeatureDistiller::builder().certifying(Norm::Linf, size, handover));
        assert_eq!(profile.tables().as_slice().len(), 1);
        let ac = profile.tables().table(0).to_natural()[1..].to_vec();
        (
            *ac.iter().min().unwrap(),
            *ac.iter().max().unwrap(),
            profile.tables().table(0)[Band::DC],
        )
    };
    // Q > 2 eps L1, and eps + 0.5 for pixels; L1 is 6.57 to 8.
    assert_eq!(range(2.0, Handover::Float), (27, 33, 33));
    assert_eq!(range(1.0, Handover::EightBit), (20, 25, 32));
    assert_eq!(range(2.0, Handover::EightBit), (33, 41, 48));
    assert_eq!(range(4.0, Handover::EightBit), (60, 73, 80));
    assert_eq!(range(8.0, Handover::EightBit), (112, 137, 144));
}

#[test]
fn without_rounding_the_steps_against_linf_are_those_of_removing_tables() {
    for size in [0.0, 0.3, 1.0, 1.25, 2.0, 3.7, 8.0, 100.0] {
        for color_space in [ColorSpace::Grey, ColorSpace::Rgb, ColorSpace::YCbCr] {
            let profile = build(
                FeatureDistiller::builder()
                    .color_space(color_space)
                    .certifying(Norm::Linf, size, Handover::Float),
            );
            assert_eq!(
                profile.tables(),
                &removing_table(size).unwrap().into(),
                "{size}"
            );
        }
    }
}

#[test]
fn each_norm_has_its_shape() {
    let table = |norm, size| {
        *build(FeatureDistiller::builder().certifying(norm, size, Handover::Float))
            .tables()
            .table(0)
    };
    assert_eq!(
        table(Norm::L2, 10.0),
        QuantizationTable::uniform(21).unwrap()
    );
    let against_l1 = table(Norm::L1, 100.0);
    for band in Band::all() {
        let bound = 2.0 * 100.0 * band.linf_norm();
        assert_eq!(
            f64::from(against_l1[band]),
            (bound * (1.0 + 1e-12)).floor() + 1.0,
            "{band}"
        );
    }
}

#[test]
fn chrominance_may_be_finer_where_the_matrix_shrinks_perturbations() {
    let profile = build(
        FeatureDistiller::builder()
            .color_space(ColorSpace::YCbCr)
            .certifying(Norm::L2, 50.0, Handover::Float),
    );
    // L2 norms of the rows of the matrix: 0.6686, 0.6231, 0.6572; twice 50 of each.
    let dc = |component| profile.tables().table(component)[Band::DC];
    assert_eq!([dc(0), dc(1), dc(2)], [67, 63, 66]);
    // Averages of four pixels halve them once more; libjpeg's integers take a larger margin.
    let subsampled = |pipeline| {
        let builder = FeatureDistiller::builder()
            .color_space(ColorSpace::YCbCr)
            .pipeline(pipeline);
        build(builder.subsampling(ChromaSubsampling::Both).certifying(
            Norm::L2,
            50.0,
            Handover::EightBit,
        ))
    };
    let (precise, libjpeg) = (
        subsampled(PixelPipeline::Precise),
        subsampled(PixelPipeline::LibjpegEqual),
    );
    for component in 0..3 {
        for band in Band::all() {
            let steps = [&precise, &libjpeg].map(|profile| profile.tables().table(component)[band]);
            assert!(steps[0] < steps[1], "{band} {steps:?}");
        }
    }
    let finest = |profile: &Profile, component| profile.tables().table(component).to_natural()[63];
    assert!(finest(&precise, 1) < finest(&precise, 0));
}

#[test]
fn flat_blocks_are_exact_with_the_steps_for_pixels() {
    for size in [0.0, 0.7, 1.0, 2.0, 5.5] {
        let distiller = FeatureDistiller::builder()
            .certifying(Norm::Linf, size, Handover::EightBit)
            .build()
            .unwrap();
        for grey in [0_u8, 13, 100, 128, 131, 200, 255] {
            let raw = PixelBuffer::new(vec![grey; 64], 8, 8, PixelFormat::Grey).unwrap();
            let picture = distiller.one_pass_pixels(raw.view()).unwrap();
            let certificate = distiller.certificate(picture.view()).unwrap();
            let residuals = certificate.components()[0].residuals(0, 0).unwrap();
            if (5..250).contains(&picture.as_slice()[0]) {
                assert_eq!(residuals, &[0.0; 64], "{grey}");
            }
        }
    }
}

#[test]
fn certifying_tables_remove_what_they_certify() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut raw = dead_leaves::picture(64, 48, 9).unwrap();
    for sample in raw.as_mut_slice() {
        // Far from both ends: nothing clips.
        *sample = 80 + *sample / 3;
    }
    for pipeline in [PixelPipeline::Precise, PixelPipeline::LibjpegEqual] {
        for (color_space, subsampling) in [
            (ColorSpace::Rgb, ChromaSubsampling::None),
            (ColorSpace::YCbCr, ChromaSubsampling::None),
            (ColorSpace::YCbCr, ChromaSubsampling::Horizontal),
            (ColorSpace::YCbCr, ChromaSubsampling::Both),
        ] {
            for size in [1_u8, 2, 3] {
                let distiller = FeatureDistiller::builder()
                    .pipeline(pipeline)
                    .color_space(color_space)
                    .subsampling(subsampling)
                    .certifying(Norm::Linf, size.into(), Handover::EightBit)
                    .build()
                    .unwrap();
                let file = distiller.compress(raw.view()).unwrap();
                let picture = distiller.distill_jpeg(&file).unwrap();
                let mut shift = random.random();
                for kind in 0..3 {
                    let mut received = picture.clone();
                    for (index, sample) in received.as_mut_slice().iter_mut().enumerate() {
                        let up = match kind {
                            0 => random.random(),
                            1 => shift,
                            _ => index / 8 % 2 == 0,
                        };
                        *sample = if up { *sample + size } else { *sample - size };
                    }
                    shift = !shift;
                    assert_eq!(
                        distiller.distill(received.view()).unwrap(),
                        distiller.distill(picture.view()).unwrap(),
                        "{size} {color_space:?} {subsampling:?} {pipeline:?}"
                    );
                }
                // And the levels are those of the file.
                let levels = distiller.compress_coefficients(picture.view()).unwrap();
                assert_eq!(
                    levels.components(),
                    CoefficientImage::decode(&file).unwrap().components()
                );
            }
        }
    }
}

#[test]
fn a_designed_table_keeps_its_steps_above_the_floor() {
    let mut statistics = BandStatistics::new();
    for seed in 0..4 {
        let picture = dead_leaves::picture(128, 128, seed).unwrap();
        statistics
            .add_pixels(picture.view(), ColorSpace::Rgb)
            .unwrap();
    }
    let design = AsMdDesign::new(AccuracySensitive::Top(15), 10, 60).unwrap();
    let distiller = FeatureDistiller::builder()
        .design(&design, &statistics, TableScope::Shared)
        .unwrap()
        .certifying(Norm::Linf, 1.0, Handover::EightBit)
        .build()
        .unwrap();
    let partition = design.partition(&statistics.pooled(), 0).unwrap();
    let table = distiller.profile().tables().table(0);
    let sensitive: Vec<Band> = partition.accuracy_sensitive().collect();
    assert_eq!(sensitive.len(), 15);
    for band in Band::all() {
        if sensitive.contains(&band) {
            assert!((20..=32).contains(&table[band]), "{band}");
        } else {
            assert_eq!(table[band], 60, "{band}");
        }
    }
    assert!(
        distiller
            .profile()
            .certified_radii(Handover::EightBit)
            .certify(Norm::Linf, 1.0)
    );
}

#[test]
fn sizes_that_no_table_certifies_are_refused() {
    let builder = FeatureDistiller::builder;
    for size in [f64::NAN, f64::INFINITY, -1.0] {
        assert!(matches!(
            builder()
                .certifying(Norm::Linf, size, Handover::Float)
                .build(),
            Err(Error::InvalidArgument(ArgumentError::Number {
                what: "perturbation size",
                ..
            }))
        ));
    }
    // 65535 / 16 is the largest radius of a band of norm 8; DC must be a multiple of 8 for pixels.
    assert!(
        builder()
            .certifying(Norm::Linf, 4095.0, Handover::Float)
            .build()
            .is_ok()
    );
    for (size, handover) in [(4096.0, Handover::Float), (4095.4, Handover::EightBit)] {
        assert!(
            matches!(
                builder().certifying(Norm::Linf, size, handover).build(),
                Err(Error::InvalidArgument(ArgumentError::Step { step: 65536 }))
            ),
            "{size}"
        );
    }
    let triangle = builder()
        .color_space(ColorSpace::YCbCr)
        .upsampling(Upsampling::Triangle)
        .certifying(Norm::Linf, 1.0, Handover::EightBit);
    assert!(triangle.clone().build().is_ok(), "nothing is upsampled");
    assert!(matches!(
        triangle.subsampling(ChromaSubsampling::Both).build(),
        Err(Error::InvalidArgument(ArgumentError::Distiller(_)))
    ));
    assert!(builder().build().is_err(), "neither tables nor a size");
}

/// Half a period of noise as strong as can be: pass one clips it.
fn partly_clipped() -> PixelBuffer {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut picture = PixelBuffer::new(vec![120; 32 * 24 * 3], 32, 24, PixelFormat::Rgb).unwrap();
    // Green of the tile in column 1, row 2.
    for y in 16..24 {
        for x in 8..16 {
            picture.as_mut_slice()[3 * (32 * y + x) + 1] = if random.random() { 0 } else { 255 };
        }
    }
    picture
}

#[test]
fn a_card_counts_what_pass_one_makes() {
    let sizes = [(Norm::Linf, 1.0), (Norm::L2, 8.0), (Norm::Linf, 50.0)];
    let distiller = FeatureDistiller::builder()
        .certifying(Norm::Linf, 1.0, Handover::EightBit)
        .build()
        .unwrap();
    let mut card = ProfileCard::new(distiller.profile(), &sizes);
    assert_eq!(
        (
            card.psnr_mean(),
            card.bits_per_pixel(),
            card.clipped_share()
        ),
        (None, None, None)
    );
    assert_eq!(
        (card.certified_blocks(0), card.certified_pictures(0)),
        (None, None)
    );
    assert!(!card.to_string().contains("PSNR"));

    let pictures = [dead_leaves::picture(72, 40, 1).unwrap(), partly_clipped()];
    let (mut psnr, mut bits, mut pixels) = (Vec::new(), 0, 0);
    let (mut blocks, mut whole, mut all_blocks) = ([0; 3], [0; 3], 0);
    for raw in &pictures {
        card.add(raw.view()).unwrap();
        let sent = distiller.one_pass_pixels(raw.view()).unwrap();
        let errors = raw.as_slice().iter().zip(sent.as_slice());
        let squares: f64 = errors
            .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
            .sum();
        psnr.push(10.0 * (65025.0 * raw.as_slice().len() as f64 / squares).log10());
        bits += 8 * distiller.compress(raw.view()).unwrap().len();
        pixels += raw.width() as usize * raw.height() as usize;
        let certificate = distiller.certificate(sent.view()).unwrap();
        all_blocks += certificate.block_count();
        for (index, (norm, size)) in sizes.into_iter().enumerate() {
            let uncertified = certificate.uncertified_blocks(norm, size).count();
            blocks[index] += certificate.block_count() - uncertified as u64;
            whole[index] += u64::from(uncertified == 0);
        }
    }
    assert_eq!(card.pictures(), 2);
    assert!((card.psnr_mean().unwrap() - f64::midpoint(psnr[0], psnr[1])).abs() < 1e-9);
    assert!((card.psnr_min().unwrap() - psnr[0].min(psnr[1])).abs() < 1e-9);
    assert_eq!(card.bits_per_pixel().unwrap(), bits as f64 / pixels as f64);
    assert!(card.sizes().eq(sizes));
    for index in 0..3 {
        assert_eq!(
            card.certified_blocks(index).unwrap(),
            blocks[index] as f64 / all_blocks as f64
        );
        assert_eq!(
            card.certified_pictures(index).unwrap(),
            whole[index] as f64 / 2.0
        );
    }
    assert!(blocks[0] > blocks[2] && blocks[2] == 0);
    assert_eq!(card.certified_blocks(3), None);

    let text = card.to_string();
    for line in [
        "rgb components, 4:4:4, precise pipeline",
        "pictures: 2",
        "certified at Linf 50: 0.00 % of blocks",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains(&distiller.profile().fingerprint().to_string()));
}

#[test]
fn a_card_counts_the_blocks_that_clipping_touches() {
    // One plane of one tile is clipped: a block of RGB, the three components' blocks of YCbCr, and with 4:2:0 a block of
    // luminance and two of chrominance.
    for (color_space, subsampling, clipped, blocks) in [
        (ColorSpace::Rgb, ChromaSubsampling::None, 1.0, 36.0),
        (ColorSpace::YCbCr, ChromaSubsampling::None, 3.0, 36.0),
        (ColorSpace::YCbCr, ChromaSubsampling::Both, 3.0, 12.0 + 8.0),
    ] {
        let distiller = FeatureDistiller::builder()
            .color_space(color_space)
            .subsampling(subsampling)
            .tables(QuantizationTable::uniform(10).unwrap())
            .build()
            .unwrap();
        let mut raw = partly_clipped();
        if subsampling == ChromaSubsampling::Both {
            // Grey, so that nothing of it is in the chrominance of the neighbours.
            for pixel in raw.as_mut_slice().chunks_exact_mut(3) {
                let green = pixel[1];
                pixel.fill(green);
            }
        }
        let mut card = ProfileCard::new(distiller.profile(), &[]);
        card.add(raw.view()).unwrap();
        let found = card.clipped_share().unwrap() * blocks;
        assert!((found - clipped).abs() < 1e-9, "{color_space:?}: {found}");
    }
}

#[test]
fn a_card_takes_the_levels_of_another_first_pass() {
    let distiller = FeatureDistiller::builder()
        .tables(QuantizationTable::uniform(24).unwrap())
        .build()
        .unwrap();
    let raw = dead_leaves::picture(40, 32, 2).unwrap();
    let levels = distiller.compress_coefficients(raw.view()).unwrap();
    let mut own = ProfileCard::new(distiller.profile(), &[(Norm::Linf, 1.0)]);
    own.add(raw.view()).unwrap();
    let mut given = ProfileCard::new(distiller.profile(), &[(Norm::Linf, 1.0)]);
    given.add_with_levels(raw.view(), &levels).unwrap();
    assert_eq!(own, given);
    let mut coarser = levels.clone();
    coarser.component_mut(0).unwrap().blocks_mut()[0][0] += 3;
    given.add_with_levels(raw.view(), &coarser).unwrap();
    assert!(given.psnr_min().unwrap() < own.psnr_min().unwrap());

    let other = FeatureDistiller::builder()
        .tables(QuantizationTable::uniform(25).unwrap())
        .build()
        .unwrap();
    let foreign = other.compress_coefficients(raw.view()).unwrap();
    assert!(matches!(
        given.add_with_levels(raw.view(), &foreign),
        Err(Error::InvalidArgument(
            ArgumentError::ProfileMismatch { .. }
        ))
    ));
    let smaller = dead_leaves::picture(40, 24, 2).unwrap();
    assert!(matches!(
        given.add_with_levels(smaller.view(), &levels),
        Err(Error::InvalidArgument(ArgumentError::Shape {
            what: "height of the levels",
            ..
        }))
    ));
    let grey = FeatureDistiller::builder()
        .tables(QuantizationTable::uniform(24).unwrap())
        .color_space(ColorSpace::Grey)
        .build()
        .unwrap();
    let mut card = ProfileCard::new(grey.profile(), &[]);
    assert!(matches!(
        card.add(raw.view()),
        Err(Error::InvalidArgument(ArgumentError::PixelFormat { .. }))
    ));
    assert_eq!(
        (card.pictures(), given.pictures()),
        (0, 2),
        "what failed does not count"
    );
}

#[test]
fn a_card_serializes_its_figures() {
    let distiller = FeatureDistiller::builder()
        .certifying(Norm::Linf, 1.0, Handover::EightBit)
        .build()
        .unwrap();
    let mut card = ProfileCard::new(distiller.profile(), &[(Norm::Linf, 1.0)]);
    card.add(dead_leaves::picture(40, 32, 2).unwrap().view())
        .unwrap();
    let json = serde_json::to_value(&card).unwrap();
    assert_eq!(json["profile"]["tables"][0][0], 32);
    assert_eq!(
        json["fingerprint"],
        distiller.profile().fingerprint().to_string()
    );
    assert_eq!(
        json["radii_eight_bit"]["linf"],
        card.radii(Handover::EightBit).linf
    );
    assert_eq!(json["radii_float"]["l2"], card.radii(Handover::Float).l2);
    assert_eq!(json["pictures"], 1);
    assert_eq!(json["psnr_mean"], card.psnr_mean().unwrap());
    assert_eq!(json["psnr_min"], card.psnr_min().unwrap());
    assert_eq!(json["bits_per_pixel"], card.bits_per_pixel().unwrap());
    assert_eq!(json["clipped_share"], card.clipped_share().unwrap());
    assert_eq!(json["certified"][0]["norm"], "Linf");
    assert_eq!(json["certified"][0]["size"], 1.0);
    assert_eq!(
        json["certified"][0]["blocks"],
        card.certified_blocks(0).unwrap()
    );
    assert_eq!(
        json["certified"][0]["pictures"],
        card.certified_pictures(0).unwrap()
    );
}

/// The tables of the guide, by name.
fn presets(statistics: &BandStatistics) -> Vec<(&'static str, QuantizationTables)> {
    let designed = |low, high| {
        let design = AsMdDesign::new(AccuracySensitive::Top(15), low, high).unwrap();
        design.design(statistics, 0).unwrap().into()
    };
    let certifying = |size| {
        let builder = FeatureDistiller::builder().certifying(Norm::Linf, size, Handover::EightBit);
        build(builder).tables().clone()
    };
    vec![
        ("20/30", designed(20, 30)),
        (
            "authors' 25/30",
            AsMdDesign::authors_code()
                .design(statistics, 0)
                .unwrap()
                .into(),
        ),
        ("24/32", designed(24, 32)),
        ("1/40", designed(1, 40)),
        ("certified 1", certifying(1.0)),
        ("certified 2", certifying(2.0)),
        ("certified 4", certifying(4.0)),
        ("certified 8", certifying(8.0)),
    ]
}

#[test]
fn the_radii_of_presets_are_those_of_the_formula() {
    let mut statistics = BandStatistics::new();
    statistics
        .add_pixels(
            dead_leaves::picture(256, 256, 1).unwrap().view(),
            ColorSpace::Grey,
        )
        .unwrap();
    let expected = [
        (1.25, 0.75, 10.0),
        (1.5625, 1.0625, 12.5),
        (1.5, 1.0, 12.0),
        (0.0625, 0.0, 0.5),
    ];
    for ((name, tables), (float, pixels, l2)) in presets(&statistics).into_iter().zip(expected) {
        let profile = build(FeatureDistiller::builder().tables(tables));
        let radii = profile.certified_radii(Handover::Float);
        assert_eq!(radii.linf, float, "{name}");
        assert!((radii.l2 - l2).abs() < 1e-9, "{name}");
        assert_eq!(
            profile.certified_radii(Handover::EightBit).linf,
            pixels,
            "{name}"
        );
    }
}

#[test]
fn cards_of_photographs() {
    let Some(photos) = photographs("no cards of photographs") else {
        return;
    };
    let mut statistics = BandStatistics::new();
    for photo in &photos {
        statistics
            .add_pixels(photo.view(), ColorSpace::Rgb)
            .unwrap();
    }
    let sizes = [(Norm::Linf, 1.0), (Norm::Linf, 2.0), (Norm::Linf, 4.0)];
    for color_space in [ColorSpace::Rgb, ColorSpace::YCbCr] {
        for (name, tables) in presets(&statistics.pooled()) {
            let profile = build(
                FeatureDistiller::builder()
                    .color_space(color_space)
                    .tables(tables),
            );
            let mut card = ProfileCard::new(&profile, &sizes);
            for photo in &photos {
                card.add(photo.view()).unwrap();
            }
            let (float, pixels) = (card.radii(Handover::Float), card.radii(Handover::EightBit));
            let shares: Vec<String> = (0..sizes.len())
                .map(|index| {
                    format!(
                        "{:.2}/{:.1}",
                        100.0 * card.certified_blocks(index).unwrap(),
                        100.0 * card.certified_pictures(index).unwrap()
                    )
                })
                .collect();
            println!(
                "{} {name}: Linf {:.4} {:.4}, L2 {:.2} {:.2}, L1 {:.1} {:.1}; PSNR {:.2} ({:.2}) dB, {:.3} bpp, \
                 clipped {:.1} %, certified blocks/pictures % at 1, 2, 4: {}",
                color_space.name(),
                float.linf,
                pixels.linf,
                float.l2,
                pixels.l2,
                float.l1,
                pixels.l1,
                card.psnr_mean().unwrap(),
                card.psnr_min().unwrap(),
                card.bits_per_pixel().unwrap(),
                100.0 * card.clipped_share().unwrap(),
                shares.join(", "),
            );
            // Blocks that do not clip have at least the radius of the table.
            for (index, (norm, size)) in card.sizes().enumerate() {
                if pixels.certify(norm, size) {
                    let uncertified = 1.0 - card.certified_blocks(index).unwrap();
                    assert!(
                        uncertified <= card.clipped_share().unwrap() + 1e-12,
                        "{name}"
                    );
                }
            }
        }
    }
}
