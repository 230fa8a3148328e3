//! The promise: from bytes to pixels without the coefficients of the image, the same bits as with them.

mod common;

use common::allocation::{Counting, peak_of};
use common::bytes::{EOI, SOS, part};
#[cfg(feature = "rayon")]
use common::least_memory;
use common::{fixture, fixtures};
#[cfg(feature = "rayon")]
use feature_distillation::Process;
use feature_distillation::{
    CoefficientImage, ColorSpace, DecodeOptions, EncodeOptions, Error, FeatureDistiller,
    InverseOptions, Limits, PixelBuffer, PixelPipeline, PixelScratch, ProfileCheck,
    QuantizationTable, QuantizationTables, RestartInterval, Result, SamplingFactor, Upsampling,
};
use proptest::prelude::*;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn files_become_the_pixels_of_their_coefficients() {
    let mut scratch = PixelScratch::new();
    let mut read = 0;
    for fixture in fixtures() {
        for options in [InverseOptions::libjpeg_equal(), InverseOptions::precise()] {
            let found = decode_in(&fixture.bytes, &options, &mut scratch);
            assert_same(
                &found,
                &by_coefficients(&fixture.bytes, &options),
                &fixture.name,
            );
            read += usize::from(found.is_ok());
        }
    }
    assert!(read > 200);
}

#[test]
fn one_pass_gives_the_pixels_of_the_requantized_coefficients() {
    let mut scratch = PixelScratch::new();
    // Coarser than the files', finer, and both.
    let tables = [
        QuantizationTable::uniform(99).unwrap().into(),
        QuantizationTable::uniform(1).unwrap().into(),
        QuantizationTables::annex_k(80).unwrap(),
    ];
    for fixture in fixtures() {
        for tables in &tables {
            for pipeline in [PixelPipeline::LibjpegEqual, PixelPipeline::Precise] {
                let distiller = distiller(tables, pipeline);
                let found = distiller.one_pass_jpeg_in(&fixture.bytes, &mut scratch);
                let expected = one_pass_by_coefficients(&distiller, &fixture.bytes);
                assert_same(&found, &expected, &fixture.name);
                if let Ok(pixels) = found {
                    scratch.recycle(pixels);
                }
            }
        }
    }
}

#[test]
fn a_level_that_no_finer_step_can_hold_is_the_same_error() {
    let coarse = QuantizationTable::uniform(65535).unwrap();
    let one = [SamplingFactor::ONE];
    let mut image = CoefficientImage::new(40, 24, ColorSpace::Grey, &one, &coarse.into()).unwrap();
    image.component_mut(0).unwrap().block_mut(3, 2).unwrap()[9] = -200;
    let bytes = image.encode().unwrap();
    let fine = QuantizationTable::uniform(16).unwrap().into();
    let distiller = distiller(&fine, PixelPipeline::Precise);
    let error = distiller.one_pass_jpeg(&bytes).unwrap_err();
    assert!(
        matches!(
            error,
            Error::CoefficientOutOfRange {
                block_x: 3,
                block_y: 2,
                ..
            }
        ),
        "{error}"
    );
    let expected = one_pass_by_coefficients(&distiller, &bytes).unwrap_err();
    assert_eq!(error.to_string(), expected.to_string());
}

#[test]
fn colours_that_are_named_behind_the_scan_count() {
    let bytes = fixture("baseline-444-q90-47x33");
    let adobe_rgb = [
        0xFF, 0xEE, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, 0,
    ];
    let end = part(&bytes, EOI).start;
    // Without the JFIF segment, which would overrule it.
    let jfif = part(&bytes, 0xE0);
    let late = [
        &bytes[..jfif.start],
        &bytes[jfif.end..end],
        &adobe_rgb,
        &bytes[end..],
    ]
    .concat();
    let options = InverseOptions::libjpeg_equal();
    let image = CoefficientImage::decode(&late).unwrap();
    assert_eq!(image.color_space(), ColorSpace::Rgb);
    let found = decode_in(&late, &options, &mut PixelScratch::new()).unwrap();
    assert_eq!(found, image.to_pixels(&options).unwrap());
    let without = [&bytes[..jfif.start], &bytes[jfif.end..]].concat();
    assert_ne!(found, by_coefficients(&without, &options).unwrap());
}

#[test]
fn a_file_of_another_profile_is_refused_with_and_without_its_coefficients() {
    let tables = QuantizationTable::uniform(24).unwrap().into();
    let distiller = distiller(&tables, PixelPipeline::Precise);
    for name in ["baseline-444-q90-47x33", "progressive-444-q75-47x33"] {
        let bytes = fixture(name);
        let error = distiller.distill_jpeg(&bytes).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument(_)), "{error}");
        // What is damaged is told to be damaged, whoever made it.
        let scan = part(&bytes, SOS).end;
        let error = distiller.distill_jpeg(&bytes[..scan + 20]).unwrap_err();
        assert!(!matches!(error, Error::InvalidArgument(_)), "{error}");
        let lenient = distiller.clone().with_profile_check(ProfileCheck::Skip);
        assert_same(
            &lenient.distill_jpeg(&bytes),
            &one_pass_by_coefficients(&distiller, &bytes),
            name,
        );
    }
}

#[test]
fn memory_does_not_grow_with_the_height_of_the_picture() {
    let held = |height: u32, pipeline: PixelPipeline| {
        let two = SamplingFactor::new(2, 2).unwrap();
        let sampling = [two, SamplingFactor::ONE, SamplingFactor::ONE];
        let tables = QuantizationTables::annex_k(90).unwrap();
        let mut image =
            CoefficientImage::new(1600, height, ColorSpace::YCbCr, &sampling, &tables).unwrap();
        fill(&mut image, 7);
        let bytes = image.encode().unwrap();
        let distiller = distiller(&QuantizationTable::uniform(20).unwrap().into(), pipeline);
        let (pixels, peak) = peak_of(|| distiller.one_pass_jpeg(&bytes).unwrap());
        peak - pixels.as_slice().len()
    };
    for pipeline in [PixelPipeline::LibjpegEqual, PixelPipeline::Precise] {
        let [low, high] = [64, 1024].map(|height| on_threads(1, || held(height, pipeline)));
        assert_eq!(low, high);
        // 1600 columns: some 150 bytes of coefficients, samples and sums for each.
        assert!(high < 1 << 20, "{high} bytes");
    }
}

#[cfg(feature = "rayon")]
#[test]
fn threads_take_no_memory_that_the_limit_does_not_leave() {
    let one = [SamplingFactor::ONE; 3];
    let tables = QuantizationTables::annex_k(80).unwrap();
    let mut image = CoefficientImage::new(1200, 900, ColorSpace::YCbCr, &one, &tables).unwrap();
    fill(&mut image, 3);
    let progressive = EncodeOptions::new().with_process(Process::Progressive);
    let [sequential, progressive] = [EncodeOptions::new(), progressive]
        .map(|options| image.encode_with(&options).unwrap().bytes);
    let table = QuantizationTable::uniform(30).unwrap().into();
    let pass = |bytes: &[u8], limits| {
        let distiller = distiller(&table, PixelPipeline::Precise).with_limits(limits);
        distiller.one_pass_jpeg(bytes)
    };
    let draw = |limits| {
        let options = InverseOptions::precise().with_limits(limits);
        image.to_pixels(&options)
    };
    let least = |threads| {
        on_threads(threads, || {
            [
                least_memory(|limits| pass(&sequential, limits)),
                least_memory(|limits| pass(&progressive, limits)),
                least_memory(draw),
            ]
        })
    };
    assert_eq!(least(8), least(1));
}

#[cfg(feature = "rayon")]
#[test]
fn threads_share_a_large_picture_to_the_same_bits() {
    let two = SamplingFactor::new(2, 2).unwrap();
    let one = SamplingFactor::ONE;
    let tables = QuantizationTables::annex_k(80).unwrap();
    let coarse = QuantizationTable::uniform(30).unwrap();
    for (color_space, sampling) in [
        (ColorSpace::YCbCr, &[two, one, one][..]),
        (ColorSpace::Rgb, &[one; 3]),
        (ColorSpace::Grey, &[two]),
    ] {
        // More than a megapixel, and a last row of MCUs that is not whole.
        let (width, height) = (1203, 907);
        let mut image =
            CoefficientImage::new(width, height, color_space, sampling, &tables).unwrap();
        fill(&mut image, 3);
        let progressive = EncodeOptions::new().with_process(Process::Progressive);
        let files = [EncodeOptions::new(), progressive]
            .map(|options| image.encode_with(&options).unwrap().bytes);
        for pipeline in [PixelPipeline::LibjpegEqual, PixelPipeline::Precise] {
            for upsampling in [Upsampling::Triangle, Upsampling::Replicate] {
                let options = InverseOptions::precise()
                    .with_pipeline(pipeline)
                    .with_upsampling(upsampling);
                let distiller = FeatureDistiller::builder()
                    .tables(coarse)
                    .pipeline(pipeline)
                    .upsampling(upsampling)
                    .build()
                    .unwrap();
                let on = |threads| {
                    on_threads(threads, || {
                        let plain = image.to_pixels(&options).unwrap();
                        let distilled = files
                            .each_ref()
                            .map(|bytes| distiller.one_pass_jpeg(bytes).unwrap());
                        (plain, distilled)
                    })
                };
                let expected = on(1);
                for threads in [2, 3, 8] {
                    assert!(on(threads) == expected, "{threads} threads");
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn any_sampling_size_and_restart_interval_give_the_same_pixels(
        (width, height) in (1_u32..100, 1_u32..100),
        factors in prop::collection::vec((1_u8..=4, 1_u8..=4), 1..=4),
        restart in prop::option::of(1_u16..20),
        upsampling in prop_oneof![Just(Upsampling::Triangle), Just(Upsampling::Replicate)],
        seed in any::<u32>(),
    ) {
        let sampling: Vec<SamplingFactor> = factors
            .iter()
            .map(|&(horizontal, vertical)| SamplingFactor::new(horizontal, vertical).unwrap())
            .collect();
        let color_space = match sampling.len() {
            1 => ColorSpace::Grey,
            3 => ColorSpace::YCbCr,
            4 => ColorSpace::Ycck,
            _ => ColorSpace::Unknown,
        };
        let tables = QuantizationTables::annex_k(70).unwrap();
        let mut image = CoefficientImage::new(width, height, color_space, &sampling, &tables).unwrap();
        fill(&mut image, seed);
        let restart = restart.and_then(std::num::NonZeroU16::new);
        let options = EncodeOptions::new()
            .with_restart_interval(restart.map_or(RestartInterval::Never, RestartInterval::Mcus));
        // More than ten blocks to an MCU are written scan by scan.
        let bytes = image.encode_with(&options).unwrap().bytes;
        let mut scratch = PixelScratch::new();
        for options in [InverseOptions::libjpeg_equal(), InverseOptions::precise()] {
            let options = options.with_upsampling(upsampling);
            let found = decode_in(&bytes, &options, &mut scratch);
            assert_same(&found, &by_coefficients(&bytes, &options), "");
        }
    }

    #[test]
    fn files_sound_and_damaged_have_the_same_outcome_in_the_memory_of_those_before(
        files in prop::collection::vec(
            (
                any::<prop::sample::Index>(),
                prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
                prop::option::weighted(0.3, any::<prop::sample::Index>()),
                any::<bool>(),
            ),
            1..6,
        ),
    ) {
        let fixtures = fixtures();
        let mut scratch = PixelScratch::new();
        for (index, changes, cut, precise) in files {
            let mut bytes = index.get(&fixtures).bytes.clone();
            for (position, value) in changes {
                let position = position.index(bytes.len());
                bytes[position] = value;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            // Headers may promise large pictures.
            let limits = Limits::default().with_max_pixels(1 << 20);
            let options = if precise {
                InverseOptions::precise()
            } else {
                InverseOptions::libjpeg_equal()
            };
            let decode = DecodeOptions::new().with_limits(limits);
            let found = PixelBuffer::decode_in(&bytes, &decode, &options, &mut scratch);
            let expected = CoefficientImage::decode_with(&bytes, &decode)
                .and_then(|image| image.to_pixels(&options));
            assert_same(&found, &expected, "");
            if let Ok(pixels) = found {
                scratch.recycle(pixels);
            }
        }
    }
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap().install(work)
}

fn decode_in(
    bytes: &[u8],
    options: &InverseOptions,
    scratch: &mut PixelScratch,
) -> Result<PixelBuffer> {
    PixelBuffer::decode_in(bytes, &DecodeOptions::default(), options, scratch)
}

fn by_coefficients(bytes: &[u8], options: &InverseOptions) -> Result<PixelBuffer> {
    CoefficientImage::decode(bytes)?.to_pixels(options)
}

fn distiller(tables: &QuantizationTables, pipeline: PixelPipeline) -> FeatureDistiller {
    FeatureDistiller::builder()
        .tables(tables.clone())
        .pipeline(pipeline)
        .build()
        .unwrap()
}

fn one_pass_by_coefficients(distiller: &FeatureDistiller, bytes: &[u8]) -> Result<PixelBuffer> {
    let mut image = CoefficientImage::decode(bytes)?;
    distiller.one_pass_coefficients(&mut image)?;
    let profile = distiller.profile();
    let options = InverseOptions::precise()
        .with_pipeline(profile.pipeline())
        .with_upsampling(profile.upsampling());
    image.to_pixels(&options)
}

/// Low frequencies and some high ones, by a generator.
fn fill(image: &mut CoefficientImage, mut seed: u32) {
    for component in image.components_mut() {
        for block in component.blocks_mut() {
            for level in &mut block[..24] {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = i16::from((seed >> 24) as u8);
                *level = if noise % 3 == 0 { noise / 8 - 16 } else { 0 };
            }
        }
    }
}

/// The same pixels or the same error.
fn assert_same(found: &Result<PixelBuffer>, expected: &Result<PixelBuffer>, name: &str) {
    match (found, expected) {
        (Ok(found), Ok(expected)) => assert!(found == expected, "{name}"),
        (Err(found), Err(expected)) => {
            assert_eq!(found.to_string(), expected.to_string(), "{name}");
        }
        (found, expected) => panic!(
            "{name}: {:?}, expected {:?}",
            found.as_ref().err(),
            expected.as_ref().err()
        ),
    }
}
