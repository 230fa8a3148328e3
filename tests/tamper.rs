//! The tamper report: what it recovers, what its verdicts prove, and what it cannot see.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "samples and indices are small"
)]

#[path = "../examples/support/dead_leaves.rs"]
mod dead_leaves;
mod photographs;

use feature_distillation::{
    ArgumentError, AsMdDesign, BandStatistics, Certificate, CertificateVoid, ChromaSubsampling,
    CoefficientImage, ColorSpace, Error, FeatureDistiller, FeatureDistillerBuilder, ForwardOptions,
    Handover, InverseOptions, Norm, PixelBuffer, PixelFormat, PixelPipeline, PixelView,
    ProfileCheck, QuantizationTable, QuantizationTables, Radii, TableDesign, TamperReport,
    TamperVerdict, Upsampling,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use photographs::photographs;

/// A picture that pass two reproduces: the picture after as many passes as it takes.
fn sent(distiller: &FeatureDistiller, raw: PixelView<'_>) -> Option<PixelBuffer> {
    let mut picture = distiller.one_pass_pixels(raw).unwrap();
    for _ in 0..30 {
        let again = distiller.distill(picture.view()).unwrap();
        if again == picture {
            return Some(picture);
        }
        picture = again;
    }
    None
}

fn certifying(norm: Norm, size: f64) -> FeatureDistillerBuilder {
    FeatureDistiller::builder().certifying(norm, size, Handover::EightBit)
}

/// Adds what `change` says to each sample of the rectangle, held to 0..=255.
fn changed(
    picture: &PixelBuffer,
    (left, top, width, height): (usize, usize, usize, usize),
    mut change: impl FnMut() -> i16,
) -> PixelBuffer {
    let mut result = picture.clone();
    let (columns, channels) = (picture.width() as usize, picture.format().channels());
    for y in top..top + height {
        for x in left..left + width {
            for sample in &mut result.as_mut_slice()[(y * columns + x) * channels..][..channels] {
                *sample = (i16::from(*sample) + change()).clamp(0, 255) as u8;
            }
        }
    }
    result
}

fn whole(picture: &PixelBuffer) -> (usize, usize, usize, usize) {
    (0, 0, picture.width() as usize, picture.height() as usize)
}

/// One up or down in each sample.
fn signs(size: i16, seed: u64) -> impl FnMut() -> i16 {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    move || if random.random() { size } else { -size }
}

fn difference(received: &PixelBuffer, picture: &PixelBuffer) -> Vec<i16> {
    let samples = received.as_slice().iter().zip(picture.as_slice());
    samples
        .map(|(&a, &b)| i16::from(a) - i16::from(b))
        .collect()
}

/// The samples of a tile of a picture or a perturbation.
fn tile<T: Copy>(report: &TamperReport, samples: &[T], size: (u32, u32), at: (u32, u32)) -> Vec<T> {
    let channels = samples.len() / (size.0 as usize * size.1 as usize);
    let (wide, high) = report.tile_size();
    let mut found = Vec::new();
    for y in at.1 * high..((at.1 + 1) * high).min(size.1) {
        for x in at.0 * wide..((at.0 + 1) * wide).min(size.0) {
            let first = (y * size.0 + x) as usize * channels;
            found.extend_from_slice(&samples[first..first + channels]);
        }
    }
    found
}

/// The radii of each tile, from the public maps.
fn radii(certificate: &Certificate) -> Vec<Radii> {
    let map = |norm| certificate.radius_map(norm).unwrap().as_slice().to_vec();
    let (linf, l2, l1) = (map(Norm::Linf), map(Norm::L2), map(Norm::L1));
    let maps = linf.into_iter().zip(l2).zip(l1);
    maps.map(|((linf, l2), l1)| Radii { linf, l2, l1 })
        .collect()
}

fn inside(perturbation: &[i16], radii: &Radii) -> bool {
    let magnitudes = || perturbation.iter().map(|change| f64::from(change.abs()));
    magnitudes().fold(0.0, f64::max) < radii.linf
        || magnitudes().map(|size| size * size).sum::<f64>().sqrt() < radii.l2
        || magnitudes().sum::<f64>() < radii.l1
}

fn positions(report: &TamperReport) -> Vec<(u32, u32)> {
    let columns = report.columns();
    (0..report.rows())
        .flat_map(|y| (0..columns).map(move |x| (x, y)))
        .collect()
}

/// Leaves of every kind, clipped at both ends.
fn leaves(seed: u64) -> PixelBuffer {
    let mut picture = dead_leaves::picture(96, 80, seed).unwrap();
    for sample in picture.as_mut_slice() {
        *sample = (f32::from(*sample) * 1.1 - 12.0).clamp(0.0, 255.0) as u8;
    }
    picture
}

/// Checks everything that the report of one perturbation of a sent picture promises, tile by tile; returns the tiles
/// that were changed inside the radius, and whether all were.
fn check_recovery(
    distiller: &FeatureDistiller,
    sent: &PixelBuffer,
    received: &PixelBuffer,
) -> (usize, bool) {
    let certificate = distiller.certificate(sent.view()).unwrap();
    assert!(certificate.is_fixed_point());
    let (distilled, report) = distiller.distill_with_report(received.view()).unwrap();
    assert_eq!(distilled, distiller.distill(received.view()).unwrap());
    let injected = difference(received, sent);
    let size = (sent.width(), sent.height());
    let (mut recovered, mut all_inside) = (0, true);
    for ((index, at), radii) in positions(&report)
        .into_iter()
        .enumerate()
        .zip(radii(&certificate))
    {
        let of_tile = tile(&report, &injected, size, at);
        let untouched = of_tile.iter().all(|&change| change == 0);
        if untouched || inside(&of_tile, &radii) {
            assert_eq!(
                tile(&report, report.perturbation(), size, at),
                of_tile,
                "{at:?}"
            );
            let expected = if untouched {
                TamperVerdict::Untouched
            } else {
                TamperVerdict::RemovedExactly
            };
            assert_eq!(report.tiles()[index], expected, "{at:?}");
            recovered += usize::from(!untouched);
        } else {
            all_inside = false;
        }
    }
    if all_inside {
        assert_eq!(&distilled, sent);
        assert_eq!(report.perturbation(), injected);
        assert!(report.is_fixed_point());
        assert!(report.verdict() < TamperVerdict::OutsideRadius);
    }
    (recovered, all_inside)
}

#[test]
fn an_untouched_picture_is_untouched_as_pixels_and_as_a_file() {
    for seed in 0..3 {
        let distiller = certifying(Norm::Linf, 1.0).build().unwrap();
        let picture = sent(&distiller, leaves(seed).view()).unwrap();
        let file = distiller.compress(picture.view()).unwrap();
        for (distilled, report) in [
            distiller.distill_with_report(picture.view()).unwrap(),
            distiller.distill_jpeg_with_report(&file).unwrap(),
        ] {
            assert_eq!(distilled, picture);
            assert_eq!(report.verdict(), TamperVerdict::Untouched);
            assert_eq!(report.largest_change(), 0);
            assert!(
                report
                    .tiles()
                    .iter()
                    .all(|&tile| tile == TamperVerdict::Untouched)
            );
            assert_eq!(report.perturbation(), vec![0; picture.as_slice().len()]);
            assert_eq!(
                (report.columns(), report.rows(), report.tile_size()),
                (12, 10, (8, 8))
            );
            assert!(report.is_fixed_point());
        }
        // One level in one sample is enough.
        let received = changed(&picture, (50, 33, 1, 1), || 1);
        let received = if received == picture {
            changed(&picture, (50, 33, 1, 1), || -1)
        } else {
            received
        };
        let (_, report) = distiller.distill_with_report(received.view()).unwrap();
        assert_ne!(report.verdict(), TamperVerdict::Untouched);
        assert!(
            report
                .tiles_at_least(TamperVerdict::RemovedExactly)
                .eq([(6, 4)])
        );
    }
}

#[test]
fn patches_and_noise_are_recovered_bit_for_bit_wherever_the_picture_is_certified() {
    for (seed, size) in [(0, 1), (1, 2), (2, 4), (3, 8)] {
        for color_space in [ColorSpace::Rgb, ColorSpace::YCbCr] {
            let distiller = certifying(Norm::Linf, f64::from(size))
                .color_space(color_space)
                .build()
                .unwrap();
            let Some(picture) = sent(&distiller, leaves(seed).view()) else {
                continue;
            };
            let noise = changed(&picture, whole(&picture), signs(size, seed));
            let (tiles, _) = check_recovery(&distiller, &picture, &noise);
            assert!(tiles > 40, "{tiles} of 120 tiles certified at {size}");
            for step in [size, -size] {
                let patch = changed(&picture, (21, 13, 30, 22), || step);
                let (tiles, _) = check_recovery(&distiller, &picture, &patch);
                assert!(tiles > 6, "{tiles} of 20 tiles certified at {size}");
            }
        }
    }
}

#[test]
fn a_picture_that_is_certified_as_a_whole_comes_back_as_a_whole() {
    for subsampling in [
        ChromaSubsampling::None,
        ChromaSubsampling::Horizontal,
        ChromaSubsampling::Both,
    ] {
        let distiller = certifying(Norm::Linf, 2.0)
            .color_space(ColorSpace::YCbCr)
            .subsampling(subsampling)
            .build()
            .unwrap();
        let mut raw = dead_leaves::picture(96, 80, 5).unwrap();
        for sample in raw.as_mut_slice() {
            // Far from both ends: nothing clips.
            *sample = 70 + *sample / 3;
        }
        let picture = sent(&distiller, raw.view()).unwrap();
        assert!(
            distiller
                .certificate(picture.view())
                .unwrap()
                .radii()
                .certify(Norm::Linf, 2.0)
        );
        for received in [
            changed(&picture, whole(&picture), signs(2, 1)),
            changed(&picture, (3, 3, 70, 50), || 2),
            changed(&picture, (90, 75, 6, 5), || -1),
        ] {
            let (_, all) = check_recovery(&distiller, &picture, &received);
            assert!(all);
            let (_, report) = distiller.distill_with_report(received.view()).unwrap();
            assert_eq!(report.verdict(), TamperVerdict::RemovedExactly);
        }
    }
}

#[test]
fn one_norm_that_is_inside_is_enough() {
    let distiller = certifying(Norm::Linf, 1.0).build().unwrap();
    let raw = PixelBuffer::new(vec![128; 32 * 32 * 3], 32, 32, PixelFormat::Rgb).unwrap();
    let picture = sent(&distiller, raw.view()).unwrap();
    let radii = distiller.certificate(picture.view()).unwrap().radii();
    // One sample: beyond Linf and L2, inside L1.
    let spike = radii.l1.floor() as i16;
    assert!(f64::from(spike) > radii.linf && f64::from(spike) > radii.l2);
    let mut received = picture.clone();
    received.as_mut_slice()[3 * (32 * 9 + 9)] += spike as u8;
    assert!(check_recovery(&distiller, &picture, &received).1);
    // A few samples of a tile: beyond Linf and L1, inside L2.
    let received = changed(&picture, (8, 8, 2, 4), signs(2, 1));
    assert!(2.0 > radii.linf && 48.0 > radii.l1 && 24.0_f64.sqrt() * 2.0 < radii.l2);
    assert!(check_recovery(&distiller, &picture, &received).1);
    // Beyond all three.
    let received = changed(&picture, (8, 8, 2, 4), signs(40, 1));
    assert!(!check_recovery(&distiller, &picture, &received).1);
    let (_, report) = distiller.distill_with_report(received.view()).unwrap();
    assert!(
        report
            .tiles_at_least(TamperVerdict::OutsideRadius)
            .eq([(1, 1)])
    );
}

#[test]
fn a_raw_picture_is_outside_the_radius() {
    for seed in 0..4 {
        let distiller = certifying(Norm::Linf, 1.0).build().unwrap();
        let (_, report) = distiller.distill_with_report(leaves(seed).view()).unwrap();
        assert_eq!(report.verdict(), TamperVerdict::OutsideRadius);
        let outside = report.tiles_at_least(TamperVerdict::OutsideRadius).count();
        assert!(outside > report.tiles().len() / 4, "{report}");
    }
}

#[test]
fn a_large_patch_is_outside_in_the_tiles_that_it_cuts() {
    for seed in 0..4 {
        let distiller = certifying(Norm::Linf, 1.0).build().unwrap();
        let picture = sent(&distiller, leaves(seed).view()).unwrap();
        let received = changed(&picture, (12, 12, 33, 25), || 40);
        let (_, report) = distiller.distill_with_report(received.view()).unwrap();
        assert_eq!(report.verdict(), TamperVerdict::OutsideRadius);
        let outside: Vec<_> = report
            .tiles_at_least(TamperVerdict::OutsideRadius)
            .collect();
        // The patch covers columns 1 to 5 and rows 1 to 4 of tiles; those on its border it cuts.
        for at in positions(&report) {
            let covered = (1..=5).contains(&at.0) && (1..=4).contains(&at.1);
            let cut = covered && !((2..=4).contains(&at.0) && (2..=3).contains(&at.1));
            if !covered {
                assert!(!outside.contains(&at), "{at:?}");
            }
            let clipped = tile(&report, picture.as_slice(), (96, 80), at)
                .iter()
                .any(|&sample| sample > 215);
            if cut && !clipped {
                assert!(outside.contains(&at), "{at:?} {report}");
            }
        }
        assert!(outside.len() > 8, "{outside:?}");
    }
}

#[test]
fn a_move_from_lattice_point_to_lattice_point_is_not_seen() {
    let distiller = FeatureDistiller::builder()
        .tables(QuantizationTable::uniform(24).unwrap())
        .build()
        .unwrap();
    let mut raw = dead_leaves::picture(64, 64, 1).unwrap();
    for sample in raw.as_mut_slice() {
        *sample = 70 + *sample / 3;
    }
    let picture = sent(&distiller, raw.view()).unwrap();
    // An eighth of DC's step in each sample of four tiles.
    let forged = changed(&picture, (16, 16, 16, 16), || 3);
    let (distilled, report) = distiller.distill_with_report(forged.view()).unwrap();
    assert_eq!(distilled, forged);
    assert_eq!(report.verdict(), TamperVerdict::Untouched);
    // One less is seen, and taken back.
    let near = changed(&picture, (16, 16, 16, 16), || 1);
    assert!(check_recovery(&distiller, &picture, &near).1);
}

#[test]
fn a_file_of_another_profile_is_refused_or_judged_by_its_pixels() {
    let builder = certifying(Norm::Linf, 3.0);
    let distiller = builder.clone().build().unwrap();
    let mut raw = dead_leaves::picture(96, 80, 5).unwrap();
    for sample in raw.as_mut_slice() {
        *sample = 70 + *sample / 3;
    }
    let picture = sent(&distiller, raw.view()).unwrap();
    let saved = |quality| {
        CoefficientImage::from_pixels(
            picture.view(),
            &QuantizationTables::annex_k(quality).unwrap(),
            &ForwardOptions::libjpeg_equal(),
        )
        .unwrap()
        .encode()
        .unwrap()
    };
    let refused = distiller.distill_jpeg_with_report(&saved(98));
    assert!(matches!(
        refused,
        Err(Error::InvalidArgument(
            ArgumentError::ProfileMismatch { .. }
        ))
    ));
    let lenient = builder.profile_check(ProfileCheck::Skip).build().unwrap();
    let (distilled, report) = lenient.distill_jpeg_with_report(&saved(98)).unwrap();
    assert_eq!(distilled, picture);
    assert_eq!(report.verdict(), TamperVerdict::RemovedExactly);
    let viewed = CoefficientImage::decode(&saved(98)).unwrap();
    let viewed = viewed.to_pixels(&InverseOptions::libjpeg_equal()).unwrap();
    assert_eq!(report.perturbation(), difference(&viewed, &picture));
    let (_, report) = lenient.distill_jpeg_with_report(&saved(40)).unwrap();
    assert_eq!(report.verdict(), TamperVerdict::OutsideRadius);
    // Its own file is untouched all the same.
    let own = lenient.compress(picture.view()).unwrap();
    let (_, report) = lenient.distill_jpeg_with_report(&own).unwrap();
    assert_eq!(report.verdict(), TamperVerdict::Untouched);
}

#[test]
fn an_own_file_whose_pixels_do_not_come_back_is_untouched_but_no_fixed_point() {
    let distiller = FeatureDistiller::builder()
        .tables(
            AsMdDesign::paper_v1()
                .scaled(20.0)
                .unwrap()
                .design(&flat_statistics(), 0)
                .unwrap(),
        )
        .build()
        .unwrap();
    let file = distiller.compress(leaves(1).view()).unwrap();
    let picture = distiller.distill_jpeg(&file).unwrap();
    assert_ne!(
        distiller.distill(picture.view()).unwrap(),
        picture,
        "clipping moves it"
    );
    let (distilled, report) = distiller.distill_jpeg_with_report(&file).unwrap();
    assert_eq!(distilled, picture);
    assert_eq!(report.verdict(), TamperVerdict::Untouched);
    assert!(!report.is_fixed_point());
    let (_, report) = distiller.distill_with_report(picture.view()).unwrap();
    assert_eq!(report.verdict(), TamperVerdict::OutsideRadius);
}

fn flat_statistics() -> BandStatistics {
    let mut statistics = BandStatistics::new();
    statistics
        .add_pixels(leaves(0).view(), ColorSpace::Grey)
        .unwrap();
    statistics
}

#[test]
fn residual_energy_tells_rounding_from_noise_from_raw_pictures() {
    let distiller = FeatureDistiller::builder()
        .tables(QuantizationTable::uniform(24).unwrap())
        .build()
        .unwrap();
    let mut raw = dead_leaves::picture(128, 128, 3).unwrap();
    for sample in raw.as_mut_slice() {
        *sample = 70 + *sample / 3;
    }
    let picture = sent(&distiller, raw.view()).unwrap();
    let noisy = changed(&picture, whole(&picture), signs(1, 7));
    let energies = |received: &PixelBuffer| {
        let (_, report) = distiller.distill_with_report(received.view()).unwrap();
        assert!(report.residual_energy(3).is_none());
        *report.residual_energy(1).unwrap()
    };
    let mean = |energy: [f64; 64]| energy.iter().sum::<f64>() / 64.0;
    let (untouched, noise, unseen) = (energies(&picture), energies(&noisy), energies(&raw));
    assert!(mean(untouched) < 1.2 / 12.0, "{untouched:?}");
    assert!(
        (mean(noise) - mean(untouched) - 1.0).abs() < 0.1,
        "{noise:?}"
    );
    // Uniform over a step in the lowest band, and Parseval for the picture as a whole.
    assert!((unseen[0] / (576.0 / 12.0) - 1.0).abs() < 0.3, "{unseen:?}");
}

#[test]
fn the_picture_of_a_report_is_green_where_changed_and_red_where_beyond() {
    let distiller = certifying(Norm::Linf, 1.0).build().unwrap();
    let picture = PixelBuffer::new(vec![128; 30 * 20], 30, 20, PixelFormat::Grey).unwrap();
    let received = changed(&picture, (9, 2, 3, 3), || 1);
    let received = changed(&received, (25, 17, 5, 3), || 90);
    let (_, report) = distiller.distill_with_report(received.view()).unwrap();
    assert_eq!(
        report
            .tiles_at_least(TamperVerdict::RemovedExactly)
            .collect::<Vec<_>>(),
        [(1, 0), (3, 2)]
    );
    assert!(
        report
            .tiles_at_least(TamperVerdict::OutsideRadius)
            .eq([(3, 2)])
    );
    assert_eq!(
        report.to_string(),
        format!(
            "outside the radius: 2 of 12 tiles changed, 1 outside the radius, largest change {}",
            report.largest_change()
        )
    );
    let map = report.to_picture(received.view()).unwrap();
    assert_eq!(
        (map.width(), map.height(), map.format()),
        (30, 20, PixelFormat::Rgb)
    );
    let pixel = |x: usize, y: usize| &map.as_slice()[3 * (30 * y + x)..][..3];
    assert_eq!(pixel(0, 0), [64; 3]);
    assert!(pixel(8, 7)[1] > 150 && pixel(8, 7)[0] == 64 && pixel(8, 7)[2] == 64);
    assert!(pixel(24, 16)[0] > 150 && pixel(24, 16)[1] == 64);
    assert_eq!(pixel(23, 16), [64; 3]);
    let other = PixelBuffer::new(vec![128; 30 * 20 * 3], 30, 20, PixelFormat::Rgb).unwrap();
    assert!(report.to_picture(other.view()).is_err());
    let other = PixelBuffer::new(vec![128; 30 * 21], 30, 21, PixelFormat::Grey).unwrap();
    assert!(report.to_picture(other.view()).is_err());
}

#[test]
fn colour_that_is_distilled_to_grey_has_no_difference() {
    let distiller = certifying(Norm::Linf, 1.0)
        .color_space(ColorSpace::Grey)
        .build()
        .unwrap();
    let colour = leaves(0);
    assert!(matches!(
        distiller.distill_with_report(colour.view()),
        Err(Error::InvalidArgument(ArgumentError::CertificateVoid(
            CertificateVoid::PixelFormat {
                certified: "grey",
                received: "rgb"
            }
        )))
    ));
}

fn any_distiller() -> impl Strategy<Value = FeatureDistiller> {
    let components = prop_oneof![
        Just((ColorSpace::Rgb, ChromaSubsampling::None)),
        Just((ColorSpace::YCbCr, ChromaSubsampling::None)),
        Just((ColorSpace::YCbCr, ChromaSubsampling::Horizontal)),
        Just((ColorSpace::YCbCr, ChromaSubsampling::Both)),
    ];
    let pipeline = prop_oneof![
        Just(PixelPipeline::Precise),
        Just(PixelPipeline::LibjpegEqual)
    ];
    let upsampling = prop_oneof![3 => Just(Upsampling::Replicate), 1 => Just(Upsampling::Triangle)];
    (components, pipeline, upsampling, 4_u16..60).prop_map(
        |((color, subsampling), pipeline, upsampling, step)| {
            FeatureDistiller::builder()
                .tables(QuantizationTable::uniform(step).unwrap())
                .color_space(color)
                .subsampling(subsampling)
                .pipeline(pipeline)
                .upsampling(upsampling)
                .build()
                .unwrap()
        },
    )
}

fn any_picture() -> impl Strategy<Value = PixelBuffer> {
    (
        1_u32..40,
        1_u32..40,
        0_u8..=255,
        0_u8..=120,
        any::<u64>(),
        any::<bool>(),
    )
        .prop_map(|(width, height, base, spread, seed, grey)| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let format = if grey {
                PixelFormat::Grey
            } else {
                PixelFormat::Rgb
            };
            let slope = random.random_range(-3.0..3.0_f32);
            let mut samples = Vec::new();
            for y in 0..height {
                for x in 0..width {
                    for _ in 0..format.channels() {
                        let noise =
                            random.random_range(-f32::from(spread)..=f32::from(spread)) / 8.0;
                        samples.push(
                            (f32::from(base) + slope * (x + y) as f32 + noise).clamp(0.0, 255.0)
                                as u8,
                        );
                    }
                }
            }
            PixelBuffer::new(samples, width, height, format).unwrap()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Raw pictures, sent ones, and perturbations of all sizes: the verdict is what its definition says.
    #[test]
    fn verdicts_are_what_the_certificate_of_the_result_says(
        distiller in any_distiller(), raw in any_picture(), is_sent in any::<bool>(),
        size in prop_oneof![Just(0_i16), 1_i16..4, 1_i16..60], seed in any::<u64>(),
    ) {
        let base = if is_sent { sent(&distiller, raw.view()) } else { Some(raw) };
        let Some(base) = base else { return Ok(()) };
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let received = changed(&base, whole(&base), || {
            if random.random_bool(0.3) { random.random_range(-size..=size) } else { 0 }
        });
        let (distilled, report) = distiller.distill_with_report(received.view()).unwrap();
        prop_assert_eq!(&distilled, &distiller.distill(received.view()).unwrap());
        prop_assert_eq!(report.perturbation(), difference(&received, &distilled));
        prop_assert_eq!(report.verdict(), *report.tiles().iter().max().unwrap());
        prop_assert_eq!(report.verdict() == TamperVerdict::Untouched, received == distilled);
        let certificate = distiller.certificate(distilled.view()).unwrap();
        prop_assert_eq!(report.is_fixed_point(), certificate.is_fixed_point());
        prop_assert!(certificate.is_fixed_point() || report.verdict() == TamperVerdict::OutsideRadius);
        let size = (received.width(), received.height());
        for ((index, at), radii) in positions(&report).into_iter().enumerate().zip(radii(&certificate)) {
            let perturbation = tile(&report, report.perturbation(), size, at);
            let expected = match perturbation.iter().any(|&change| change != 0) {
                false => TamperVerdict::Untouched,
                true if inside(&perturbation, &radii) => TamperVerdict::RemovedExactly,
                true => TamperVerdict::OutsideRadius,
            };
            prop_assert_eq!(report.tiles()[index], expected, "{:?}", at);
        }
        if is_sent {
            let certificate = distiller.certificate(base.view()).unwrap();
            let injected = difference(&received, &base);
            let near = positions(&report).into_iter().zip(radii(&certificate)).all(|(at, radii)| {
                let injected = tile(&report, &injected, size, at);
                injected.iter().all(|&change| change == 0) || inside(&injected, &radii)
            });
            // Outside is a proof that it was not near.
            if near {
                prop_assert_eq!(&distilled, &base);
                prop_assert!(report.verdict() < TamperVerdict::OutsideRadius);
            }
        }
    }
}

#[test]
fn photographs_give_back_what_was_injected() {
    let Some(photos) = photographs("no photographs were tampered with") else {
        return;
    };
    for size in [1_i16, 2, 4] {
        let distiller = certifying(Norm::Linf, f64::from(size)).build().unwrap();
        let [mut fixed, mut raw_outside, mut patch_outside] = [0; 3];
        // By noise and patch: pictures whose report says so, changed tiles, tiles recovered.
        let mut removed = [[0; 3]; 2];
        for (seed, photo) in photos.iter().enumerate() {
            let (_, report) = distiller.distill_with_report(photo.view()).unwrap();
            raw_outside += usize::from(report.verdict() == TamperVerdict::OutsideRadius);
            let Some(picture) = sent(&distiller, photo.view()) else {
                continue;
            };
            fixed += 1;
            let file = distiller.compress(picture.view()).unwrap();
            let (_, report) = distiller.distill_jpeg_with_report(&file).unwrap();
            assert_eq!(report.verdict(), TamperVerdict::Untouched);
            assert!(report.is_fixed_point());
            let (_, report) = distiller.distill_with_report(picture.view()).unwrap();
            assert_eq!(report.verdict(), TamperVerdict::Untouched);
            let noise = changed(&picture, whole(&picture), signs(size, seed as u64));
            let patch = changed(&picture, (61, 83, 90, 70), || size);
            for (counts, received) in removed.iter_mut().zip([noise, patch]) {
                let (tiles, all) = check_recovery(&distiller, &picture, &received);
                let (_, report) = distiller.distill_with_report(received.view()).unwrap();
                if all {
                    assert_eq!(report.verdict(), TamperVerdict::RemovedExactly);
                }
                counts[0] += usize::from(all);
                counts[1] += report.tiles_at_least(TamperVerdict::RemovedExactly).count();
                counts[2] += tiles;
            }
            let large = changed(&picture, (61, 83, 90, 70), || 40);
            let (_, report) = distiller.distill_with_report(large.view()).unwrap();
            patch_outside += usize::from(report.verdict() == TamperVerdict::OutsideRadius);
            for (x, y) in report.tiles_at_least(TamperVerdict::RemovedExactly) {
                assert!(
                    (7..=18).contains(&x) && (10..=19).contains(&y),
                    "({x}, {y})"
                );
            }
        }
        println!(
            "certified at {size}: {fixed} of {} photographs became fixed points; raw outside {raw_outside}, \
             patch of 40 outside {patch_outside}; inside as a whole (noise, patch): {} {}; \
             changed tiles, certified and recovered: {}/{} {}/{}",
            photos.len(),
            removed[0][0],
            removed[1][0],
            removed[0][2],
            removed[0][1],
            removed[1][2],
            removed[1][1],
        );
        assert_eq!((raw_outside, patch_outside), (photos.len(), fixed));
        assert!(fixed * 10 > 9 * photos.len());
        for counts in removed {
            assert!(counts[2] * 10 > counts[1] * 7, "{counts:?}");
        }
    }
}
