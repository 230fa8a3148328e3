//! Alignment: the grid and profile of a first pass, found in pictures that were cropped or saved again.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "samples and indices are small"
)]

#[path = "../examples/support/dead_leaves.rs"]
mod dead_leaves;

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use feature_distillation::{
    Alignment, AlignmentError, ArgumentError, ChromaSubsampling, CoefficientImage, ColorSpace,
    Error, FeatureDistiller, ForwardOptions, InverseOptions, Limits, PixelBuffer, PixelFormat,
    PixelPipeline, PixelView, Profile, QuantizationTable, QuantizationTables, Receiver, Rectangle,
    Result, SamplingFactor, removing_table,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The table of the paper's mapping with the set of accuracy-sensitive bands that photographs have.
fn as_md(accuracy_sensitive: u16, malicious_defense: u16) -> QuantizationTable {
    QuantizationTable::from_fn(|band| {
        if band.u() + band.v() <= 4 {
            accuracy_sensitive
        } else {
            malicious_defense
        }
    })
    .unwrap()
}

fn distiller(table: QuantizationTable, color_space: ColorSpace) -> FeatureDistiller {
    FeatureDistiller::builder()
        .tables(table)
        .color_space(color_space)
        .build()
        .unwrap()
}

/// Four tables in RGB, then the same in YCbCr.
fn candidates() -> Vec<FeatureDistiller> {
    [ColorSpace::Rgb, ColorSpace::YCbCr]
        .into_iter()
        .flat_map(|color_space| {
            [
                as_md(20, 30),
                as_md(24, 32),
                as_md(25, 30),
                removing_table(1.5).unwrap(),
            ]
            .map(|table| distiller(table, color_space))
        })
        .collect()
}

fn receiver(candidates: &[FeatureDistiller]) -> Receiver {
    let profiles: Vec<Profile> = candidates.iter().map(|d| d.profile().clone()).collect();
    Receiver::new(&profiles).unwrap()
}

/// What pass one sends, as pixels.
fn first_pass(distiller: &FeatureDistiller, picture: PixelView<'_>) -> PixelBuffer {
    distiller
        .distill_jpeg(&distiller.compress(picture).unwrap())
        .unwrap()
}

fn cropped(picture: &PixelBuffer, rectangle: Rectangle) -> PixelBuffer {
    let channels = picture.format().channels();
    let width = picture.width() as usize;
    let samples = (rectangle.y..rectangle.y + rectangle.height)
        .flat_map(|y| {
            let start = (y as usize * width + rectangle.x as usize) * channels;
            &picture.as_slice()[start..start + rectangle.width as usize * channels]
        })
        .copied()
        .collect();
    PixelBuffer::new(samples, rectangle.width, rectangle.height, picture.format()).unwrap()
}

/// Each sample one up, one down or left alone.
fn perturbed(picture: &PixelBuffer, random: &mut ChaCha8Rng) -> PixelBuffer {
    let mut result = picture.clone();
    for sample in result.as_mut_slice() {
        *sample = (i16::from(*sample) + random.random_range(-1..=1)).clamp(0, 255) as u8;
    }
    result
}

fn resaved_file(picture: &PixelBuffer, quality: u8, subsampling: ChromaSubsampling) -> Vec<u8> {
    let options = ForwardOptions::libjpeg_equal().with_subsampling(subsampling);
    let tables = QuantizationTables::annex_k(quality).unwrap();
    CoefficientImage::from_pixels(picture.view(), &tables, &options)
        .unwrap()
        .encode()
        .unwrap()
}

fn decoded(bytes: &[u8]) -> PixelBuffer {
    CoefficientImage::decode(bytes)
        .unwrap()
        .to_pixels(&InverseOptions::libjpeg_equal())
        .unwrap()
}

fn resaved(picture: &PixelBuffer, quality: u8, subsampling: ChromaSubsampling) -> PixelBuffer {
    decoded(&resaved_file(picture, quality, subsampling))
}

/// A rectangle off the grid with some pixels cut from every side.
fn random_crop(picture: &PixelBuffer, random: &mut ChaCha8Rng) -> Rectangle {
    let (x, y) = (random.random_range(0..32), random.random_range(0..32));
    let width = random.random_range(picture.width() * 3 / 4..=picture.width() - x.max(1));
    let height = random.random_range(picture.height() * 3 / 4..=picture.height() - y.max(1));
    Rectangle::new(
        x,
        y,
        width.min(picture.width() - x),
        height.min(picture.height() - y),
    )
}

/// Where the grid of a picture lies in a cut of it.
fn expected_offset(cut: Rectangle, mcu: (u32, u32)) -> (u32, u32) {
    (
        (mcu.0 - cut.x % mcu.0) % mcu.0,
        (mcu.1 - cut.y % mcu.1) % mcu.1,
    )
}

/// Photographs of 224x224 pixels; none where the environment names no folder.
fn photographs(count: usize) -> Option<Vec<PixelBuffer>> {
    let Some(folder) = std::env::var_os("FEATURE_DISTILLATION_DATA").map(PathBuf::from) else {
        eprintln!("FEATURE_DISTILLATION_DATA is not set: photographs were not aligned");
        return None;
    };
    let mut paths: Vec<_> = fs::read_dir(folder.join("photos224"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let stride = paths.len() / count;
    Some(
        paths
            .iter()
            .step_by(stride)
            .take(count)
            .map(|path| decoded(&fs::read(path).unwrap()))
            .collect(),
    )
}

/// Whether two pictures are the same but for a few blocks, such as clipped ones.
fn close_to(one: &PixelBuffer, other: &PixelBuffer) -> bool {
    let pairs = one.as_slice().iter().zip(other.as_slice());
    let different = pairs.filter(|(a, b)| a.abs_diff(**b) > 1).count();
    20 * different <= one.as_slice().len()
}

/// What became of pictures that had a first pass.
#[derive(Debug, Default)]
struct Score {
    right: usize,
    /// Another profile on the right grid, with which pass two gives nearly the same picture.
    alike: usize,
    refused: usize,
    wrong: usize,
    time: Duration,
}

impl Score {
    fn judge(
        &mut self,
        receiver: &Receiver,
        picture: &PixelBuffer,
        profile: usize,
        offset: (u32, u32),
    ) {
        let start = Instant::now();
        let found = receiver.align(picture.view());
        self.time += start.elapsed();
        let distiller =
            |profile: usize| FeatureDistiller::from_profile(receiver.profiles()[profile].clone());
        let is_alike = |found: &Alignment| {
            let (wide, high) = mcu(&distiller(profile));
            let true_part = Rectangle::new(
                offset.0,
                offset.1,
                (picture.width() - offset.0) / wide * wide,
                (picture.height() - offset.1) / high * high,
            );
            let part = found.rectangle();
            let (left, top) = (part.x.max(offset.0), part.y.max(offset.1));
            let width = (part.x + part.width).min(true_part.x + true_part.width) - left;
            let height = (part.y + part.height).min(true_part.y + true_part.height) - top;
            let distilled = |profile: usize, part: Rectangle| {
                let view = picture.view().cropped(part).unwrap();
                let distilled = distiller(profile).distill(view).unwrap();
                cropped(
                    &distilled,
                    Rectangle::new(left - part.x, top - part.y, width, height),
                )
            };
            close_to(
                &distilled(found.profile(), part),
                &distilled(profile, true_part),
            )
        };
        match found {
            Ok(found) if (found.profile(), found.offset()) == (profile, offset) => self.right += 1,
            Ok(found) if is_alike(&found) => {
                assert!(found.profile() == profile || found.alike().contains(&profile));
                self.alike += 1;
            }
            Ok(found) => {
                self.wrong += 1;
                println!("{found:?}, not {profile} at {offset:?}");
            }
            Err(Error::Alignment(reason)) => {
                println!("  {profile} at {offset:?}: {reason}");
                self.refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn good(&self) -> usize {
        self.right + self.alike
    }
}

#[derive(Debug, Clone, Copy)]
enum Road {
    AsSent,
    OneUpOrDown,
    Resaved(u8, ChromaSubsampling),
}

impl Road {
    fn travel(self, picture: &PixelBuffer, random: &mut ChaCha8Rng) -> PixelBuffer {
        match self {
            Self::AsSent => picture.clone(),
            Self::OneUpOrDown => perturbed(picture, random),
            Self::Resaved(quality, subsampling) => resaved(picture, quality, subsampling),
        }
    }
}

/// Crops of pass-one pictures after one road each.
fn scored(
    candidates: &[FeatureDistiller],
    pictures: &[PixelBuffer],
    profile: impl Fn(usize) -> usize,
    road: Road,
) -> Score {
    let receiver = receiver(candidates);
    let mut score = Score::default();
    for (index, picture) in pictures.iter().enumerate() {
        let mut random = ChaCha8Rng::seed_from_u64(index as u64);
        let profile = profile(index);
        let sent = first_pass(&candidates[profile], picture.view());
        let cut = random_crop(&sent, &mut random);
        let received = road.travel(&cropped(&sent, cut), &mut random);
        let offset = expected_offset(cut, mcu(&candidates[profile]));
        score.judge(&receiver, &received, profile, offset);
    }
    score
}

fn mcu(distiller: &FeatureDistiller) -> (u32, u32) {
    match distiller.profile().subsampling() {
        ChromaSubsampling::None => (8, 8),
        ChromaSubsampling::Horizontal => (16, 8),
        _ => (16, 16),
    }
}

fn leaves(count: u64, side: u32) -> Vec<PixelBuffer> {
    (0..count)
        .map(|seed| dead_leaves::picture(side, side, seed).unwrap())
        .collect()
}

fn grey(picture: &PixelBuffer) -> PixelBuffer {
    let samples = picture
        .as_slice()
        .chunks_exact(3)
        .map(|pixel| pixel[1])
        .collect();
    PixelBuffer::new(
        samples,
        picture.width(),
        picture.height(),
        PixelFormat::Grey,
    )
    .unwrap()
}

fn refusal(result: Result<Alignment>) -> AlignmentError {
    match result.unwrap_err() {
        Error::Alignment(reason) => reason,
        error => panic!("{error}"),
    }
}

#[test]
fn crops_of_pass_one_pictures_are_aligned_in_both_colour_modes() {
    let candidates = candidates();
    let pictures = leaves(8, 160);
    for road in [
        Road::AsSent,
        Road::OneUpOrDown,
        Road::Resaved(90, ChromaSubsampling::None),
    ] {
        let score = scored(&candidates, &pictures, |index| index, road);
        assert_eq!((score.right, score.wrong), (8, 0), "{road:?}: {score:?}");
    }
}

#[test]
fn subsampled_chrominance_has_a_grid_of_its_own() {
    let candidates: Vec<_> = [
        (ChromaSubsampling::None, ColorSpace::YCbCr),
        (ChromaSubsampling::Horizontal, ColorSpace::YCbCr),
        (ChromaSubsampling::Both, ColorSpace::YCbCr),
        (ChromaSubsampling::None, ColorSpace::Rgb),
    ]
    .map(|(subsampling, color_space)| {
        FeatureDistiller::builder()
            .tables(as_md(24, 32))
            .color_space(color_space)
            .subsampling(subsampling)
            .build()
            .unwrap()
    })
    .into();
    let pictures = leaves(8, 192);
    for road in [Road::AsSent, Road::OneUpOrDown] {
        let score = scored(&candidates, &pictures, |index| index % 4, road);
        assert_eq!((score.right, score.wrong), (8, 0), "{road:?}: {score:?}");
    }
}

#[test]
fn grey_pictures_are_aligned() {
    let candidates: Vec<_> = [as_md(20, 30), as_md(24, 32), as_md(25, 30)]
        .map(|table| distiller(table, ColorSpace::Rgb))
        .into();
    let pictures: Vec<_> = leaves(6, 160).iter().map(grey).collect();
    for road in [
        Road::AsSent,
        Road::OneUpOrDown,
        Road::Resaved(90, ChromaSubsampling::None),
    ] {
        let score = scored(&candidates, &pictures, |index| index % 3, road);
        assert_eq!((score.right, score.wrong), (6, 0), "{road:?}: {score:?}");
    }
}

#[test]
fn pictures_without_a_first_pass_are_refused() {
    let receiver = receiver(&candidates());
    for (index, picture) in leaves(6, 160).iter().enumerate() {
        let quality = [95, 75, 50, 40, 20, 5][index];
        for received in [
            picture.clone(),
            resaved(picture, quality, ChromaSubsampling::None),
            resaved(picture, quality, ChromaSubsampling::Both),
            // A first pass with a table that the receiver does not know.
            first_pass(&distiller(as_md(28, 36), ColorSpace::Rgb), picture.view()),
            first_pass(&distiller(as_md(48, 64), ColorSpace::YCbCr), picture.view()),
        ] {
            let reason = refusal(receiver.align(received.view()));
            assert!(
                matches!(reason, AlignmentError::NoLattice { .. }),
                "{reason}"
            );
        }
    }
}

#[test]
fn of_nested_lattices_the_coarser_one_that_fits_is_taken() {
    let candidates =
        [24, 48].map(|step| distiller(QuantizationTable::uniform(step).unwrap(), ColorSpace::Rgb));
    for road in [Road::AsSent, Road::OneUpOrDown] {
        let score = scored(&candidates, &leaves(4, 160), |index| index % 2, road);
        assert_eq!((score.right, score.wrong), (4, 0), "{road:?}: {score:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_shift_of_the_crop_shifts_the_grid(x in 0_u32..24, y in 0_u32..24) {
        static SENT: OnceLock<(Receiver, PixelBuffer)> = OnceLock::new();
        let (receiver, sent) = SENT.get_or_init(|| {
            let candidates = candidates();
            let picture = dead_leaves::picture(120, 104, 7).unwrap();
            (receiver(&candidates), first_pass(&candidates[5], picture.view()))
        });
        let received = sent.view().cropped(Rectangle::new(x, y, 96, 80)).unwrap();
        let found = receiver.align(received).unwrap();
        prop_assert_eq!(found.profile(), 5);
        prop_assert_eq!((found.offset().0 + x) % 8, 0);
        prop_assert_eq!((found.offset().1 + y) % 8, 0);
        let Rectangle { x: left, y: top, width, height } = found.rectangle();
        prop_assert!(left < 8 && top < 8 && width % 8 == 0 && height % 8 == 0);
        prop_assert!(left + width > 88 && top + height > 72);
    }

    #[test]
    fn any_pixels_are_aligned_or_refused(
        (width, height) in (1_u32..40, 1_u32..40),
        format in prop_oneof![Just(PixelFormat::Grey), Just(PixelFormat::Rgb)],
        levels in 1_u8..=255,
        seed in any::<u64>(),
    ) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let samples: Vec<u8> = (0..width as usize * height as usize * format.channels())
            .map(|_| random.random_range(0..levels))
            .collect();
        let picture = PixelView::new(&samples, width, height, format).unwrap();
        refusal(receiver(&candidates()[3..5]).align(picture));
    }
}

#[test]
fn plain_and_repeating_pictures_are_refused_even_where_they_fit() {
    let receiver = receiver(&[distiller(
        QuantizationTable::uniform(16).unwrap(),
        ColorSpace::Rgb,
    )]);
    let plain = vec![128 + 4; 3 * 128 * 128];
    // Every block is the same, and on the lattice.
    let block = CoefficientImage::from_blocks(
        8,
        8,
        ColorSpace::Grey,
        vec![(
            SamplingFactor::ONE,
            QuantizationTable::uniform(16).unwrap(),
            vec![{
                let mut block = [0; 64];
                block[1..12].copy_from_slice(&[3, -2, 1, 2, 0, -1, 2, 1, -1, 1, 1]);
                block
            }],
        )],
    )
    .unwrap()
    .to_pixels(&InverseOptions::precise())
    .unwrap();
    let tiled: Vec<u8> = (0..128 * 128)
        .flat_map(|i| [block.as_slice()[i / 128 % 8 * 8 + i % 8]; 3])
        .collect();
    for samples in [plain, tiled] {
        let picture = PixelView::new(&samples, 128, 128, PixelFormat::Rgb).unwrap();
        let reason = refusal(receiver.align(picture));
        assert!(
            matches!(reason, AlignmentError::TooLittleDetail { .. }),
            "{reason}"
        );
    }
}

#[test]
fn a_picture_smaller_than_a_block_is_refused_as_such() {
    let picture = PixelBuffer::new(vec![7; 3 * 7 * 90], 90, 7, PixelFormat::Rgb).unwrap();
    assert_eq!(
        refusal(receiver(&candidates()).align(picture.view())),
        AlignmentError::TooSmall {
            width: 90,
            height: 7,
            required: 8
        }
    );
}

#[test]
fn cmyk_is_no_picture_to_align_and_no_profile_no_receiver() {
    let picture = PixelBuffer::new(vec![7; 4 * 64 * 64], 64, 64, PixelFormat::Cmyk).unwrap();
    assert!(matches!(
        receiver(&candidates()).align(picture.view()),
        Err(Error::InvalidArgument(ArgumentError::PixelFormat { .. }))
    ));
    assert!(Receiver::new(&[]).is_err());
}

#[test]
fn colour_spaces_that_pass_two_cannot_tell_apart_either_are_no_ambiguity() {
    let table = as_md(24, 32);
    let candidates = [ColorSpace::YCbCr, ColorSpace::Rgb].map(|space| distiller(table, space));
    let grey = grey(&dead_leaves::picture(160, 160, 3).unwrap());
    let samples = grey
        .as_slice()
        .iter()
        .flat_map(|&sample| [sample; 3])
        .collect();
    let picture = PixelBuffer::new(samples, 160, 160, PixelFormat::Rgb).unwrap();
    let sent = first_pass(&candidates[1], picture.view());
    let found = receiver(&candidates).align(sent.view()).unwrap();
    assert_eq!((found.profile(), found.offset()), (0, (0, 0)));
    assert_eq!(found.alike(), [1]);

    let coloured = dead_leaves::picture(160, 160, 3).unwrap();
    for (profile, candidate) in candidates.iter().enumerate() {
        let sent = first_pass(candidate, coloured.view());
        let found = receiver(&candidates).align(sent.view()).unwrap();
        assert_eq!((found.profile(), found.alike()), (profile, &[][..]));
    }
}

#[test]
fn profiles_of_one_lattice_are_taken_for_the_first() {
    let builder = || {
        FeatureDistiller::builder()
            .tables(as_md(24, 32))
            .color_space(ColorSpace::YCbCr)
    };
    let candidates = [
        builder()
            .pipeline(PixelPipeline::LibjpegEqual)
            .build()
            .unwrap(),
        builder().build().unwrap(),
    ];
    let picture = dead_leaves::picture(160, 160, 4).unwrap();
    for candidate in &candidates {
        let sent = first_pass(candidate, picture.view());
        assert_eq!(
            receiver(&candidates).align(sent.view()).unwrap().profile(),
            0
        );
    }
}

#[test]
fn the_second_pass_finds_the_first_again_in_a_cropped_picture() {
    let candidates =
        [1.0, 1.5].map(|eps| distiller(removing_table(eps + 0.5).unwrap(), ColorSpace::Rgb));
    let mut random = ChaCha8Rng::seed_from_u64(9);
    // Nothing clips.
    let mut picture = dead_leaves::picture(128, 128, 9).unwrap();
    for sample in picture.as_mut_slice() {
        *sample = 64 + *sample / 2;
    }
    let sent = first_pass(&candidates[1], picture.view());
    let cut = Rectangle::new(5, 3, 120, 120);
    let received = perturbed(&cropped(&sent, cut), &mut random);
    let distilled = receiver(&candidates).distill(received.view()).unwrap();
    assert_eq!(
        distilled.alignment.rectangle(),
        Rectangle::new(3, 5, 112, 112)
    );
    assert!(distilled.pixels == cropped(&sent, Rectangle::new(8, 8, 112, 112)));
}

#[test]
fn a_pass_one_file_is_taken_as_it_is_and_any_other_by_its_pixels() {
    let candidates = candidates();
    let receiver = receiver(&candidates);
    let picture = dead_leaves::picture(150, 131, 5).unwrap();
    let file = candidates[6].compress(picture.view()).unwrap();
    let own = receiver.distill_jpeg(&file).unwrap();
    assert!(own.pixels == candidates[6].distill_jpeg(&file).unwrap());
    assert_eq!(own.alignment.profile(), 6);
    assert_eq!(own.alignment.rectangle(), Rectangle::new(0, 0, 150, 131));
    assert!(own.alignment.evidence().is_infinite());

    let cut = cropped(&own.pixels, Rectangle::new(1, 2, 140, 120));
    let other = resaved_file(&cut, 92, ChromaSubsampling::None);
    let found = receiver.distill_jpeg(&other).unwrap();
    assert_eq!(found.alignment.profile(), 6);
    assert_eq!(found.alignment.rectangle(), Rectangle::new(7, 6, 128, 112));
    assert!(found.alignment.evidence().is_finite());
    assert!(receiver.distill_jpeg(&other[..200]).is_err());
    let limited = receiver.with_limits(Limits::default().with_max_pixels(100));
    assert!(matches!(
        limited.distill_jpeg(&other),
        Err(Error::LimitExceeded { .. })
    ));
}

#[test]
fn large_pictures_are_looked_at_in_part() {
    let candidates = candidates();
    let receiver = receiver(&candidates);
    let picture = dead_leaves::picture(1200, 700, 6).unwrap();
    let sent = first_pass(&candidates[2], picture.view());
    let received = sent
        .view()
        .cropped(Rectangle::new(13, 22, 1100, 600))
        .unwrap();
    let found = receiver.align(received).unwrap();
    assert_eq!(found.profile(), 2);
    assert_eq!(found.rectangle(), Rectangle::new(3, 2, 1096, 592));
    // A flat wall around a small picture.
    let mut samples = vec![90; 3 * 1500 * 900];
    for y in 0..120 {
        let from = (y * 1200 + 64) * 3;
        let to = ((y + 403) * 1500 + 701) * 3;
        samples[to..to + 120 * 3].copy_from_slice(&sent.as_slice()[from..from + 120 * 3]);
    }
    let wall = PixelView::new(&samples, 1500, 900, PixelFormat::Rgb).unwrap();
    let found = receiver.align(wall).unwrap();
    assert_eq!((found.profile(), found.offset()), (2, (5, 3)));
}

#[test]
fn photographs_after_a_first_pass_are_aligned() {
    let Some(photographs) = photographs(100) else {
        return;
    };
    let candidates = candidates();
    for (mode, name) in [(0, "RGB"), (4, "YCbCr 4:4:4")] {
        for (road, least) in [
            (Road::AsSent, 99),
            (Road::OneUpOrDown, 99),
            (Road::Resaved(90, ChromaSubsampling::None), 95),
            (Road::Resaved(75, ChromaSubsampling::None), 0),
            (Road::Resaved(90, ChromaSubsampling::Both), 0),
        ] {
            let score = scored(&candidates, &photographs, |index| mode + index % 4, road);
            println!("{name}, {road:?}: {score:?}");
            assert!(
                score.good() >= least && score.wrong == 0,
                "{name}, {road:?}: {score:?}"
            );
        }
    }
}

#[test]
fn photographs_with_subsampled_chrominance_are_aligned() {
    let Some(photographs) = photographs(50) else {
        return;
    };
    let mut candidates = candidates();
    candidates.push(
        FeatureDistiller::builder()
            .tables(as_md(24, 32))
            .color_space(ColorSpace::YCbCr)
            .subsampling(ChromaSubsampling::Both)
            .build()
            .unwrap(),
    );
    for road in [
        Road::AsSent,
        Road::OneUpOrDown,
        Road::Resaved(90, ChromaSubsampling::None),
    ] {
        let score = scored(&candidates, &photographs, |_| 8, road);
        println!("YCbCr 4:2:0, {road:?}: {score:?}");
        assert_eq!(score.wrong, 0, "{road:?}: {score:?}");
    }
}

#[test]
fn photographs_may_be_small() {
    let Some(photographs) = photographs(50) else {
        return;
    };
    let candidates = candidates();
    let receiver = receiver(&candidates);
    for side in [16, 24, 32, 48, 64, 96] {
        let mut scores: [Score; 2] = Default::default();
        for (index, photograph) in photographs.iter().enumerate() {
            let profile = index % 8;
            let sent = first_pass(&candidates[profile], photograph.view());
            let cut = Rectangle::new(83, 66, side, side);
            let received = cropped(&sent, cut);
            let mut random = ChaCha8Rng::seed_from_u64(index as u64);
            let noisy = perturbed(&received, &mut random);
            for (received, score) in [received, noisy].iter().zip(&mut scores) {
                score.judge(&receiver, received, profile, expected_offset(cut, (8, 8)));
            }
        }
        println!("{side}x{side}, as sent: {:?}", scores[0]);
        println!("{side}x{side}, one up or down: {:?}", scores[1]);
        assert_eq!(scores[0].wrong + scores[1].wrong, 0);
    }
}

#[test]
fn photographs_without_a_first_pass_are_refused() {
    let Some(photographs) = photographs(100) else {
        return;
    };
    let receiver = receiver(&candidates());
    let mut matches = 0;
    for (index, photograph) in photographs.iter().enumerate() {
        let mut random = ChaCha8Rng::seed_from_u64(index as u64);
        let cut = cropped(photograph, random_crop(photograph, &mut random));
        let quality = random.random_range(2..=98);
        for picture in [
            photograph.clone(),
            cut.clone(),
            resaved(&cut, quality, ChromaSubsampling::None),
            resaved(&cut, quality, ChromaSubsampling::Both),
        ] {
            matches += usize::from(receiver.align(picture.view()).is_ok());
        }
    }
    println!("{matches} false matches in {}", 4 * photographs.len());
    assert_eq!(matches, 0);
}
