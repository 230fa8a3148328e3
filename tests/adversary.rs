//! The hooks for attacks: gradients against finite differences, distillation at random against what
//! it draws from.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "samples and indices are small, what is exact is compared so"
)]

use std::path::PathBuf;

use feature_distillation::{
    ArgumentError, ChromaSubsampling, CoefficientImage, ColorSpace, DifferentiableDistiller, Error,
    FeatureDistiller, FeatureDistillerBuilder, InverseOptions, PixelFormat, PixelPipeline,
    PixelView, Profile, QuantizationTable, QuantizationTables, Randomization, RandomizedDistiller,
    Rounding, SoftRounding, Upsampling,
};
use ndarray::{Array3, Ix3, ShapeBuilder, s};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// Every colour space, sampling, upsampling and tie rule that a profile can have.
fn builders() -> impl Strategy<Value = FeatureDistillerBuilder> {
    let layout = prop_oneof![
        Just((ColorSpace::Rgb, ChromaSubsampling::None)),
        Just((ColorSpace::Grey, ChromaSubsampling::None)),
        Just((ColorSpace::YCbCr, ChromaSubsampling::None)),
        Just((ColorSpace::YCbCr, ChromaSubsampling::Horizontal)),
        Just((ColorSpace::YCbCr, ChromaSubsampling::Both)),
    ];
    let upsampling = prop_oneof![Just(Upsampling::Replicate), Just(Upsampling::Triangle)];
    let rounding = prop_oneof![
        Just(Rounding::HalfAwayFromZero),
        Just(Rounding::HalfToEven),
        Just(Rounding::HalfTowardZero)
    ];
    (layout, upsampling, rounding).prop_map(|((color, subsampling), upsampling, rounding)| {
        FeatureDistiller::builder()
            .color_space(color)
            .subsampling(subsampling)
            .upsampling(upsampling)
            .rounding(rounding)
    })
}

/// Steps that differ by band and, but for grey, by component.
fn distiller(builder: FeatureDistillerBuilder, first: u16) -> FeatureDistiller {
    let table = |more: u16| {
        QuantizationTable::from_fn(|band| {
            first + more + 2 * u16::from(band.u()) + u16::from(band.v())
        })
        .unwrap()
    };
    builder
        .clone()
        .tables(QuantizationTables::luminance_chrominance(
            table(0),
            table(7),
        ))
        .build()
        .or_else(|_| builder.tables(table(0)).build())
        .unwrap()
}

/// Slow waves and noise about mid-grey, less than `contrast` away.
fn picture(shape: (usize, usize, usize), contrast: f64, seed: u64) -> Array3<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let phases: Vec<f64> = (0..6).map(|_| random.random_range(0.0..6.3)).collect();
    Array3::from_shape_fn(shape, |(y, x, channel)| {
        let wave = (x as f64 * 0.31 + phases[channel]).sin()
            + (y as f64 * 0.23 + phases[channel + 3]).cos();
        128.0 + contrast * (0.3 * wave + random.random_range(-0.3..0.3))
    })
}

fn noise(shape: impl ShapeBuilder<Dim = Ix3>, seed: u64) -> Array3<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    Array3::from_shape_simple_fn(shape, || random.random_range(-1.0..1.0))
}

fn product(a: &Array3<f64>, b: &Array3<f64>) -> f64 {
    (a * b).sum()
}

fn bytes(picture: &Array3<f64>) -> Array3<u8> {
    picture.mapv(|sample| sample.clamp(0.0, 255.0) as u8)
}

fn softness() -> impl Strategy<Value = SoftRounding> {
    (0_u8..=4, prop_oneof![Just(0.0), 0.0..=1.0_f64])
        .prop_map(|(sharpness, least)| soft(sharpness).with_least_slope(least).unwrap())
}

fn soft(sharpness: u8) -> SoftRounding {
    SoftRounding::new(sharpness).unwrap()
}

/// Sizes on both sides of whole blocks, and channels.
fn shapes() -> impl Strategy<Value = (usize, usize, usize)> {
    (
        1_usize..26,
        1_usize..26,
        prop_oneof![Just(1_usize), Just(3)],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_hard_forward_is_what_the_distiller_rounds(
        builder in builders(),
        shape in shapes(),
        step in 1_u16..60,
        seed in any::<u64>(),
    ) {
        // Half of the contrast clips.
        let samples = bytes(&picture(shape, 300.0, seed));
        let distiller = distiller(builder, step);
        let expected = distiller.one_pass_pixels(PixelView::from_hwc(samples.view()).unwrap()).unwrap();
        let hooks = DifferentiableDistiller::new(distiller.profile()).unwrap();
        let single = hooks.distill(samples.mapv(f32::from).view()).unwrap();
        let double = hooks.distill(samples.mapv(f64::from).view()).unwrap();
        let expected = expected.to_hwc_view();
        prop_assert_eq!(single.shape(), expected.shape());
        for ((&single, &double), &expected) in single.iter().zip(&double).zip(&expected) {
            prop_assert!((single - f32::from(expected)).abs() <= 0.5001, "{} {}", single, expected);
            prop_assert!((f64::from(single) - double).abs() < 1e-4);
        }
    }

    #[test]
    fn the_gradient_of_the_linear_surrogate_is_its_adjoint(
        builder in builders(),
        shape in shapes(),
        seed in any::<u64>(),
    ) {
        let distiller = distiller(builder, 16);
        let hooks = DifferentiableDistiller::new(distiller.profile()).unwrap().without_clipping();
        let start = picture(shape, 100.0, seed);
        let direction = noise(shape, seed ^ 1);
        // Rounding replaced by the identity, the surrogate is affine: differences are J v.
        let forward = |picture: &Array3<f64>| hooks.distill_softly(picture.view(), soft(0)).unwrap();
        let change = forward(&(&start + &direction)) - forward(&start);
        let upstream = noise(change.raw_dim(), seed ^ 2);
        let gradient = hooks.soft_gradient(start.view(), soft(0), upstream.view()).unwrap();
        prop_assert_eq!(gradient.shape(), start.shape());
        let (forwards, backwards) = (product(&change, &upstream), product(&direction, &gradient));
        prop_assert!((forwards - backwards).abs() < 1e-9, "{} {}", forwards, backwards);
        // The straight-through gradient is that of the same map.
        let straight = hooks.straight_through_gradient(start.view(), upstream.view()).unwrap();
        for (straight, linear) in straight.iter().zip(&gradient) {
            prop_assert!((straight - linear).abs() < 1e-5, "{} {}", straight, linear);
        }
    }

    #[test]
    fn the_gradient_of_soft_rounding_is_that_of_finite_differences(
        builder in builders(),
        shape in shapes(),
        rounding in softness(),
        step in 4_u16..40,
        seed in any::<u64>(),
    ) {
        let distiller = distiller(builder, step);
        let hooks = DifferentiableDistiller::new(distiller.profile()).unwrap().without_clipping();
        let start = picture(shape, 150.0, seed);
        let direction = noise(shape, seed ^ 1);
        let forward = |distance: f64| {
            hooks.distill_softly((&start + &(&direction * distance)).view(), rounding).unwrap()
        };
        let width = 1e-4;
        let slope = (forward(width) - forward(-width)) / (2.0 * width);
        let upstream = noise(slope.raw_dim(), seed ^ 2);
        let gradient = hooks.soft_gradient(start.view(), rounding, upstream.view()).unwrap();
        let (expected, found) = (product(&slope, &upstream), product(&direction, &gradient));
        let scale = 1.0 + slope.iter().map(|value| value.abs()).sum::<f64>();
        prop_assert!((expected - found).abs() < 1e-5 * scale, "{} {}", expected, found);
    }

    #[test]
    fn clipped_samples_send_no_gradient_back(
        builder in builders(),
        shape in shapes(),
        sharpness in 0_u8..4,
        seed in any::<u64>(),
    ) {
        let distiller = distiller(builder, 20);
        let clipping = DifferentiableDistiller::new(distiller.profile()).unwrap();
        let open = clipping.clone().without_clipping();
        let start = picture(shape, 300.0, seed).mapv(|sample| sample.clamp(0.0, 255.0));
        let rounding = soft(sharpness);
        let masked = |distilled: Array3<f64>, upstream: &Array3<f64>| {
            let inside = distilled.mapv(|sample| f64::from(u8::from((-1e-3..=255.001).contains(&sample))));
            upstream * &inside
        };

        let distilled = open.distill_softly(start.view(), rounding).unwrap();
        let upstream = noise(distilled.raw_dim(), seed ^ 1);
        let held = clipping.distill_softly(start.view(), rounding).unwrap();
        prop_assert_eq!(held, distilled.mapv(|sample| sample.clamp(0.0, 255.0)));
        prop_assert_eq!(
            clipping.soft_gradient(start.view(), rounding, upstream.view()).unwrap(),
            open.soft_gradient(start.view(), rounding, masked(distilled, &upstream).view()).unwrap()
        );

        let distilled = open.distill(start.view()).unwrap();
        prop_assert_eq!(
            clipping.straight_through_gradient(start.view(), upstream.view()).unwrap(),
            open.straight_through_gradient(start.view(), masked(distilled, &upstream).view()).unwrap()
        );
    }

    #[test]
    fn without_subsampling_the_straight_through_gradient_is_the_identity(
        color in prop_oneof![Just(ColorSpace::Rgb), Just(ColorSpace::YCbCr)],
        shape in shapes(),
        seed in any::<u64>(),
    ) {
        let distiller = distiller(FeatureDistiller::builder().color_space(color), 20);
        let hooks = DifferentiableDistiller::new(distiller.profile()).unwrap();
        let (start, upstream) = (picture(shape, 60.0, seed), noise(shape, seed));
        prop_assert_eq!(hooks.straight_through_gradient(start.view(), upstream.view()).unwrap(), upstream);
    }

    #[test]
    fn soft_rounding_rises_from_integer_to_integer_through_ties(
        rounding in softness(),
        integer in -50_i32..50,
        fraction in 0.001..0.999_f64,
    ) {
        let integer = f64::from(integer);
        prop_assert_eq!(rounding.round(integer), integer);
        prop_assert!((rounding.round(integer + 0.5) - (integer + 0.5)).abs() < 1e-12);
        let value = integer + fraction;
        prop_assert!(rounding.round(value + 1e-3) >= rounding.round(value));
        let slope = (rounding.round(value + 1e-6) - rounding.round(value - 1e-6)) / 2e-6;
        prop_assert!((slope - rounding.slope(value)).abs() < 1e-4);
        // Nearer to the nearest integer than before, in the half it was in.
        prop_assert!((rounding.round(value) - value.round()).abs() <= (value - value.round()).abs() + 1e-12);
    }
}

#[test]
fn sharp_soft_rounding_becomes_the_distiller() {
    for (seed, subsampling) in [ChromaSubsampling::None, ChromaSubsampling::Both]
        .into_iter()
        .enumerate()
    {
        let builder = FeatureDistiller::builder()
            .color_space(ColorSpace::YCbCr)
            .subsampling(subsampling);
        let hooks = DifferentiableDistiller::new(distiller(builder, 20).profile()).unwrap();
        // Samples that are no integers, so that no coefficient is a tie.
        let start = picture((37, 45, 3), 100.0, seed as u64);
        let hard = hooks.distill(start.view()).unwrap();
        let distance = |sharpness: u8| {
            let soft = hooks.distill_softly(start.view(), soft(sharpness)).unwrap();
            (soft - &hard).mapv(f64::abs).mean().unwrap()
        };
        let distances: Vec<f64> = [0, 1, 2, 4, 8, 16, 32].map(distance).to_vec();
        assert!(distances.is_sorted_by(|a, b| a > b), "{distances:?}");
        assert!(distances[6] < 1e-3, "{distances:?}");
    }
}

#[test]
fn at_a_distilled_picture_the_slope_is_the_least_slope() {
    let distiller = distiller(FeatureDistiller::builder(), 20);
    let hooks = DifferentiableDistiller::new(distiller.profile()).unwrap();
    let distilled = hooks.distill(picture((24, 24, 3), 60.0, 5).view()).unwrap();
    let upstream = noise((24, 24, 3), 6);
    let largest = |rounding: SoftRounding| {
        hooks
            .soft_gradient(distilled.view(), rounding, upstream.view())
            .unwrap()
            .fold(0.0_f64, |largest, value| largest.max(value.abs()))
    };
    assert!(largest(soft(1)) < 1e-3);
    assert!(largest(soft(3)) < 1e-6);
    assert!((largest(soft(3).with_least_slope(0.25).unwrap()) - 0.25).abs() < 0.01);
}

#[test]
fn arrays_of_any_layout_and_precision_give_the_same() {
    let builder = FeatureDistiller::builder()
        .color_space(ColorSpace::YCbCr)
        .subsampling(ChromaSubsampling::Both);
    let hooks = DifferentiableDistiller::new(distiller(builder, 20).profile()).unwrap();
    let start = picture((21, 19, 3), 100.0, 3);
    let upstream = noise((21, 19, 3), 4);
    let planar = |array: &Array3<f64>| {
        let standard = array.view().permuted_axes([2, 0, 1]);
        standard.as_standard_layout().to_owned()
    };
    let (start_chw, upstream_chw) = (planar(&start), planar(&upstream));
    let expected = hooks
        .soft_gradient(start.view(), soft(2), upstream.view())
        .unwrap();
    let found = hooks
        .soft_gradient(
            start_chw.view().permuted_axes([1, 2, 0]),
            soft(2),
            upstream_chw.view().permuted_axes([1, 2, 0]),
        )
        .unwrap();
    assert_eq!(found, expected);
    let single = hooks
        .soft_gradient(
            start.mapv(|value| value as f32).view(),
            soft(2),
            upstream.mapv(|value| value as f32).view(),
        )
        .unwrap();
    for (single, double) in single.iter().zip(&expected) {
        assert!((f64::from(*single) - double).abs() < 1e-4);
    }
}

#[test]
fn the_gradient_follows_what_only_some_samples_do() {
    // The last sample of a row of nine stands eight times in its block: seven more in the padding.
    let hooks =
        DifferentiableDistiller::new(distiller(FeatureDistiller::builder(), 20).profile()).unwrap();
    let start = picture((1, 9, 1), 50.0, 1);
    let mut upstream = Array3::zeros((1, 9, 1));
    upstream[[0, 8, 0]] = 1.0;
    let gradient = hooks
        .soft_gradient(start.view(), soft(0), upstream.view())
        .unwrap();
    for (x, slope) in gradient.iter().enumerate() {
        assert!((slope - f64::from(u8::from(x == 8))).abs() < 1e-12);
    }
}

#[test]
fn pictures_and_gradients_that_do_not_fit_are_refused() {
    let distiller = distiller(FeatureDistiller::builder(), 20);
    let hooks = DifferentiableDistiller::new(distiller.profile()).unwrap();
    let start = picture((8, 8, 3), 50.0, 1);
    let argument = |result: Result<Array3<f64>, Error>| match result {
        Err(Error::InvalidArgument(error)) => error,
        other => panic!("{other:?}"),
    };
    for shape in [(8, 8, 2), (8, 8, 4), (8, 8, 0)] {
        let other = Array3::<f64>::zeros(shape);
        assert!(matches!(
            argument(hooks.distill(other.view())),
            ArgumentError::Components { .. }
        ));
    }
    for shape in [(0, 8, 3), (8, 0, 3), (65_536, 1, 1)] {
        let other = Array3::<f64>::zeros(shape);
        assert!(matches!(
            argument(hooks.distill_softly(other.view(), soft(1))),
            ArgumentError::ImageSize { .. }
        ));
    }
    for sample in [f64::NAN, f64::INFINITY, -1e30, 65_536.5] {
        let mut other = start.clone();
        other[[7, 7, 2]] = sample;
        for result in [
            hooks.distill(other.view()),
            hooks.distill_softly(other.view(), soft(1)),
            hooks.soft_gradient(other.view(), soft(1), start.view()),
            hooks.straight_through_gradient(other.view(), start.view()),
        ] {
            assert!(matches!(argument(result), ArgumentError::Number { .. }));
        }
    }
    for shape in [(7, 8, 3), (8, 9, 3), (8, 8, 1)] {
        let upstream = Array3::<f64>::zeros(shape);
        assert!(matches!(
            argument(hooks.soft_gradient(start.view(), soft(1), upstream.view())),
            ArgumentError::Shape { .. }
        ));
        assert!(matches!(
            argument(hooks.straight_through_gradient(start.view(), upstream.view())),
            ArgumentError::Shape { .. }
        ));
    }
    assert!(SoftRounding::new(33).is_err());
    for least in [-0.1, 1.1, f64::NAN] {
        assert!(soft(1).with_least_slope(least).is_err());
    }
    let libjpeg = libjpeg_equal();
    assert!(DifferentiableDistiller::new(&libjpeg).is_err());
    assert!(RandomizedDistiller::new(&libjpeg, Randomization::Offsets).is_err());
}

fn libjpeg_equal() -> Profile {
    FeatureDistiller::builder()
        .tables(QuantizationTable::uniform(20).unwrap())
        .pipeline(PixelPipeline::LibjpegEqual)
        .build()
        .unwrap()
        .profile()
        .clone()
}

fn randomizations() -> impl Strategy<Value = Randomization> {
    prop_oneof![
        Just(Randomization::Tables(
            [20, 40, 60, 80]
                .map(|quality| QuantizationTable::annex_k_luminance()
                    .at_quality(quality)
                    .unwrap()
                    .into())
                .to_vec()
        )),
        (0.2..=1.0).prop_map(Randomization::Steps),
        Just(Randomization::Offsets),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_seed_decides_every_bit(
        builder in builders(),
        randomization in randomizations(),
        channels in prop_oneof![Just(1_usize), Just(3)],
        (rows, columns) in (17_usize..40, 17_usize..40),
        seed in any::<u64>(),
    ) {
        let samples = bytes(&picture((rows, columns, channels), 200.0, seed));
        let random = RandomizedDistiller::new(distiller(builder, 20).profile(), randomization).unwrap();
        let view = PixelView::from_hwc(samples.view()).unwrap();
        let distilled = random.distill(view, seed).unwrap();
        prop_assert_eq!(&random.distill(view, seed).unwrap(), &distilled);
        prop_assert_ne!(&random.distill(view, seed ^ 1).unwrap(), &distilled);
        prop_assert_ne!(&random.distill(view, seed ^ (1 << 63)).unwrap(), &distilled);
    }

    #[test]
    fn nothing_to_choose_from_leaves_the_distiller(
        builder in builders(),
        shape in shapes(),
        seed in any::<u64>(),
    ) {
        let samples = bytes(&picture(shape, 200.0, seed));
        let view = PixelView::from_hwc(samples.view()).unwrap();
        let distiller = distiller(builder, 20);
        let expected = distiller.one_pass_pixels(view).unwrap();
        let tables = vec![distiller.profile().tables().clone(); 3];
        for randomization in [Randomization::Steps(0.0), Randomization::Tables(tables)] {
            let random = RandomizedDistiller::new(distiller.profile(), randomization).unwrap();
            let found = random.distill(view, seed).unwrap();
            prop_assert_eq!(&found, &expected);
        }
    }
}

#[test]
fn each_block_takes_one_of_the_tables_for_all_its_components() {
    let choices = [10, 30, 60].map(|step| QuantizationTable::uniform(step).unwrap());
    let samples = bytes(&picture((96, 104, 3), 120.0, 8));
    let view = PixelView::from_hwc(samples.view()).unwrap();
    let distilled = choices.map(|table| {
        let distiller = FeatureDistiller::builder().tables(table).build().unwrap();
        distiller.one_pass_pixels(view).unwrap()
    });
    let profile = distiller(FeatureDistiller::builder(), 20).profile().clone();
    let tables = choices.map(QuantizationTables::from).to_vec();
    let random = RandomizedDistiller::new(&profile, Randomization::Tables(tables)).unwrap();
    let mut counts = [0; 3];
    for seed in 0..8 {
        let found = random.distill(view, seed).unwrap();
        for y in (0..96).step_by(8) {
            for x in (0..104).step_by(8) {
                let area = s![y..y + 8, x..x + 8, ..];
                let block = found.to_hwc_view();
                let choice = distilled
                    .iter()
                    .position(|whole| whole.to_hwc_view().slice(area) == block.slice(area))
                    .expect("a block of one of the tables");
                counts[choice] += 1;
            }
        }
    }
    // 1248 blocks: 416 each, with a standard deviation of 17.
    assert!(
        counts.iter().all(|count| (316..516).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn subtractive_dither_is_unbiased_with_the_variance_of_a_uniform_error() {
    // A flat picture, whose plain distillation is off by up to half a step of 40 / 8.
    let table = QuantizationTable::uniform(40).unwrap();
    let distiller = FeatureDistiller::builder().tables(table).build().unwrap();
    let samples = vec![131; 64 * 64];
    let view = PixelView::new(&samples, 64, 64, PixelFormat::Grey).unwrap();
    assert_eq!(
        distiller.one_pass_pixels(view).unwrap().as_slice(),
        vec![133; 64 * 64]
    );
    let random = RandomizedDistiller::new(distiller.profile(), Randomization::Offsets).unwrap();
    let found = random.distill(view, 3).unwrap();
    let errors: Vec<f64> = found
        .as_slice()
        .iter()
        .map(|&sample| f64::from(sample) - 131.0)
        .collect();
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    let variance = errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64;
    // 40^2 / 12, and 1 / 12 of the rounding; a mean of 4096 samples.
    assert!(mean.abs() < 1.0, "{mean}");
    assert!((variance - 133.4).abs() < 12.0, "{variance}");
}

#[test]
fn random_steps_are_even_within_their_share() {
    // Of a flat block at about one step the distilled sample tells the step: 240 to 400 of 320.
    let table = QuantizationTable::uniform(320).unwrap();
    let distiller = FeatureDistiller::builder().tables(table).build().unwrap();
    let samples = vec![168; 512 * 512];
    let view = PixelView::new(&samples, 512, 512, PixelFormat::Grey).unwrap();
    let random = RandomizedDistiller::new(distiller.profile(), Randomization::Steps(0.25)).unwrap();
    let found = random.distill(view, 9).unwrap();
    let mut counts = [0_u32; 256];
    for block in found.to_hwc_view().exact_chunks((8, 8, 1)) {
        counts[usize::from(block[[0, 0, 0]])] += 1;
    }
    for (sample, count) in counts.into_iter().enumerate() {
        // 161 steps, eight of which give one sample; of 4096 draws six standard deviations.
        let steps = (240..=400)
            .filter(|step| 128 + (step + 4) / 8 == sample)
            .count();
        let expected = 4096.0 * steps as f64 / 161.0;
        let reach = 6.0 * expected.sqrt();
        assert!(
            (f64::from(count) - expected).abs() <= reach,
            "{sample}: {count} {expected}"
        );
    }
}

#[test]
fn on_average_randomization_lets_through_what_two_passes_remove() {
    // 27 / 16, less 0.5 for 8 bits, is more than 1.
    let table = QuantizationTable::uniform(27).unwrap();
    let distiller = FeatureDistiller::builder().tables(table).build().unwrap();
    let sensor = bytes(&picture((64, 64, 3), 60.0, 12));
    let view = PixelView::from_hwc(sensor.view()).unwrap();
    let sent = distiller.distill(view).unwrap();
    let mut received = sent.clone();
    let mut random = ChaCha8Rng::seed_from_u64(13);
    let signs: Vec<bool> = sent.as_slice().iter().map(|_| random.random()).collect();
    for (sample, &up) in received.as_mut_slice().iter_mut().zip(&signs) {
        *sample = if up { *sample + 1 } else { *sample - 1 };
    }
    assert_eq!(distiller.distill(received.view()).unwrap(), sent);

    let tables = [20, 40, 60, 80].map(|quality| {
        let table = QuantizationTable::annex_k_luminance().at_quality(quality);
        table.unwrap().into()
    });
    for (randomization, least) in [
        (Randomization::Tables(tables.to_vec()), 0.1),
        (Randomization::Steps(0.5), 0.02),
        (Randomization::Offsets, 0.8),
    ] {
        let random = RandomizedDistiller::new(distiller.profile(), randomization).unwrap();
        // Of the change of one a sample, what is left on average over samples and seeds.
        let mut left = 0.0;
        for seed in 0..32 {
            let benign = random.distill(sent.view(), seed).unwrap();
            let attacked = random.distill(received.view(), seed).unwrap();
            let pairs = attacked.as_slice().iter().zip(benign.as_slice());
            for ((&attacked, &benign), &up) in pairs.zip(&signs) {
                let change = f64::from(attacked) - f64::from(benign);
                left += if up { change } else { -change };
            }
        }
        left /= 32.0 * signs.len() as f64;
        assert!(left > least, "{left}");
    }
}

#[test]
fn what_cannot_be_drawn_from_is_refused() {
    let profile = distiller(FeatureDistiller::builder(), 20).profile().clone();
    for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(RandomizedDistiller::new(&profile, Randomization::Steps(share)).is_err());
    }
    assert!(RandomizedDistiller::new(&profile, Randomization::Tables(Vec::new())).is_err());
    let four = (1..=4).map(|step| QuantizationTable::uniform(step).unwrap());
    let four = QuantizationTables::per_component(four.collect()).unwrap();
    assert!(RandomizedDistiller::new(&profile, Randomization::Tables(vec![four])).is_err());
    let random = RandomizedDistiller::new(&profile, Randomization::Offsets).unwrap();
    let cmyk = PixelView::new(&[0; 64], 4, 4, PixelFormat::Cmyk).unwrap();
    assert!(random.distill(cmyk, 1).is_err());
}

#[test]
fn the_largest_steps_do_not_overflow() {
    let table = QuantizationTable::uniform(65_535).unwrap();
    let distiller = FeatureDistiller::builder().tables(table).build().unwrap();
    let samples: Vec<u8> = (0..=255).collect();
    let view = PixelView::new(&samples, 16, 16, PixelFormat::Grey).unwrap();
    for randomization in [Randomization::Steps(1.0), Randomization::Offsets] {
        let random = RandomizedDistiller::new(distiller.profile(), randomization).unwrap();
        assert_eq!(random.distill(view, 1).unwrap().as_slice().len(), 256);
    }
    let hooks = DifferentiableDistiller::new(distiller.profile()).unwrap();
    let extreme = Array3::from_shape_fn((16, 16, 1), |(y, x, _)| {
        if (x + y) % 2 == 0 {
            65_536.0_f32
        } else {
            -65_536.0
        }
    });
    assert!(
        hooks
            .distill(extreme.view())
            .unwrap()
            .iter()
            .all(|value| value.is_finite())
    );
}

/// The digest of pictures distilled at random, the same on every platform.
#[test]
fn draws_are_the_same_bits_on_every_platform() {
    let samples: Vec<u8> = (0..40 * 24 * 3_u32)
        .map(|i| (i * i / 7 % 256) as u8)
        .collect();
    let view = PixelView::new(&samples, 40, 24, PixelFormat::Rgb).unwrap();
    let profile = distiller(
        FeatureDistiller::builder()
            .color_space(ColorSpace::YCbCr)
            .subsampling(ChromaSubsampling::Both),
        20,
    )
    .profile()
    .clone();
    let tables = [20, 80].map(|quality| QuantizationTables::annex_k(quality).unwrap());
    let mut hash = Sha256::new();
    for randomization in [
        Randomization::Tables(tables.to_vec()),
        Randomization::Steps(0.5),
        Randomization::Offsets,
    ] {
        let random = RandomizedDistiller::new(&profile, randomization).unwrap();
        for seed in [0, u64::MAX] {
            let distilled = random.distill(view, seed).unwrap();
            assert_ne!(distilled.as_slice(), samples);
            hash.update(distilled.as_slice());
        }
    }
    assert_eq!(
        format!("{:x}", hash.finalize()),
        "3c35a71c260fa6b76fdf4fb99fa2037eda7d1167166e6da823efd1f2f5c1211a"
    );
}
/// The best score of a linear classifier on distilled pictures that sign steps along a gradient find
/// within `eps`, over that of the clean picture; in shares of what `eps` does to it undefended.
fn gain(
    hooks: &DifferentiableDistiller,
    clean: &Array3<f64>,
    eps: f64,
    rounding: Option<SoftRounding>,
) -> f64 {
    // White noise smoothed, as the gradients of networks are.
    let white = noise(clean.raw_dim(), 77);
    let weights = Array3::from_shape_fn(clean.raw_dim(), |(y, x, channel)| {
        let area = s![
            y.saturating_sub(1)..(y + 2).min(48),
            x.saturating_sub(1)..(x + 2).min(48),
            channel
        ];
        white.slice(area).sum()
    });
    let score = |picture: &Array3<f64>| product(&hooks.distill(picture.view()).unwrap(), &weights);
    let before = score(clean);
    let (mut picture, mut best) = (clean.clone(), before);
    for _ in 0..30 {
        let gradient = match rounding {
            None => hooks.straight_through_gradient(picture.view(), weights.view()),
            Some(rounding) => hooks.soft_gradient(picture.view(), rounding, weights.view()),
        };
        picture.zip_mut_with(&gradient.unwrap(), |sample, slope| {
            *sample += eps / 8.0 * slope.signum();
        });
        picture.zip_mut_with(clean, |sample, clean| {
            *sample = sample.clamp(clean - eps, clean + eps);
        });
        best = best.max(score(&picture));
    }
    (best - before) / (eps * weights.mapv(f64::abs).sum())
}

#[test]
fn attacks_through_the_surrogate_find_what_the_straight_through_gradient_misses() {
    let table = QuantizationTable::uniform(24).unwrap();
    let distiller = FeatureDistiller::builder().tables(table).build().unwrap();
    let hooks = DifferentiableDistiller::new(distiller.profile()).unwrap();
    let sensor = picture((48, 48, 3), 100.0, 4);
    let sent = hooks.distill(sensor.view()).unwrap();
    let soft = Some(SoftRounding::default());

    // One pass, on the picture of the sensor.
    let (straight, through) = (
        gain(&hooks, &sensor, 2.0, None),
        gain(&hooks, &sensor, 2.0, soft),
    );
    assert!(
        straight > 0.2 && through > 1.3 * straight,
        "{straight} {through}"
    );
    // Two passes, on what pass one sent, beyond the radius of 24 / 16.
    let (straight, through) = (
        gain(&hooks, &sent, 2.0, None),
        gain(&hooks, &sent, 2.0, soft),
    );
    assert!(
        through > 0.3 && through > 3.0 * straight,
        "{straight} {through}"
    );
    // Within the radius neither moves a single sample: nothing clips here.
    assert_eq!(gain(&hooks, &sent, 1.49, None), 0.0);
    assert_eq!(gain(&hooks, &sent, 1.49, soft), 0.0);
}

/// The digest of gradients to the last bit, the same on every platform.
#[test]
fn soft_gradients_are_the_same_bits_on_every_platform() {
    let mut hash = Sha256::new();
    for upsampling in [Upsampling::Replicate, Upsampling::Triangle] {
        let builder = FeatureDistiller::builder()
            .color_space(ColorSpace::YCbCr)
            .subsampling(ChromaSubsampling::Both)
            .upsampling(upsampling);
        let hooks = DifferentiableDistiller::new(distiller(builder, 20).profile()).unwrap();
        let start = Array3::from_shape_fn((13, 22, 3), |(y, x, channel)| {
            f64::from(u32::try_from((x * x + 7 * y * channel + 31 * x * y) % 256).unwrap())
        });
        let upstream = start.mapv(|sample| sample / 64.0 - 2.0);
        let rounding = soft(3).with_least_slope(0.125).unwrap();
        let gradient = hooks
            .soft_gradient(start.view(), rounding, upstream.view())
            .unwrap();
        for value in &gradient {
            hash.update(value.to_le_bytes());
        }
    }
    assert_eq!(
        format!("{:x}", hash.finalize()),
        "f422f27cf3eae1f4e55b621d0003802575de74cd0dbb6295e089416c8ccf6172"
    );
}

/// `FEATURE_DISTILLATION_DATA` names a folder with `photos224`, JPEG files; without it only made
/// pictures are compared.
#[test]
fn on_photographs_the_hard_forward_is_what_the_distiller_rounds() {
    let Some(folder) = std::env::var_os("FEATURE_DISTILLATION_DATA").map(PathBuf::from) else {
        eprintln!("FEATURE_DISTILLATION_DATA is not set: not compared on photographs");
        return;
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("photos224"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let subsampled = FeatureDistiller::builder()
        .color_space(ColorSpace::YCbCr)
        .subsampling(ChromaSubsampling::Both);
    for builder in [FeatureDistiller::builder(), subsampled] {
        let distiller = distiller(builder, 20);
        let hooks = DifferentiableDistiller::new(distiller.profile()).unwrap();
        for file in files.iter().step_by(10) {
            let photo = CoefficientImage::decode(&std::fs::read(file).unwrap())
                .and_then(|image| image.to_pixels(&InverseOptions::libjpeg_equal()))
                .unwrap();
            let expected = distiller.one_pass_pixels(photo.view()).unwrap();
            let found = hooks
                .distill(photo.to_hwc_view().mapv(f32::from).view())
                .unwrap();
            for (found, &expected) in found.iter().zip(&expected.to_hwc_view()) {
                assert!(
                    (found - f32::from(expected)).abs() <= 0.5001,
                    "{}",
                    file.display()
                );
            }
        }
    }
}
