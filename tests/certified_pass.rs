//! The certified first pass: every block certified or named, whatever the picture, and perturbations undone.
//!
//! `FEATURE_DISTILLATION_DATA` names a folder with `photos224/`; `FEATURE_DISTILLATION_PERTURBATIONS` is the
//! number of random and of worst-case perturbations of each block there (2 of each unless told otherwise; best
//! in release mode), `FEATURE_DISTILLATION_PHOTOS` that of photographs (100).

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "small numbers, and exact results"
)]

#[path = "../examples/support/dead_leaves.rs"]
mod dead_leaves;

use std::path::PathBuf;

use feature_distillation::{
    ArgumentError, Band, BlockPosition, CertifiedPass, ChromaSubsampling, CoefficientImage,
    ColorSpace, Error, FeatureDistiller, InverseOptions, Norm, PixelBuffer, PixelFormat,
    PixelPipeline, PixelView, QuantizationTable, UncertifiedBlock, Upsampling, removing_table,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// AS bands u + v <= 4 with 24, the others with 32: 1.5 px between levels, 1 px after 8-bit rounding.
fn as_md() -> QuantizationTable {
    QuantizationTable::from_fn(|band| if band.u() + band.v() <= 4 { 24 } else { 32 }).unwrap()
}

/// 2 px after 8-bit rounding, DC in whole grey levels.
fn two_pixels() -> QuantizationTable {
    let mut steps = removing_table(2.0 + 0.5).unwrap().to_natural();
    steps[0] = steps[0].next_multiple_of(8);
    QuantizationTable::from_natural(steps).unwrap()
}

const MODES: [(ColorSpace, ChromaSubsampling); 5] = [
    (ColorSpace::Grey, ChromaSubsampling::None),
    (ColorSpace::Rgb, ChromaSubsampling::None),
    (ColorSpace::YCbCr, ChromaSubsampling::None),
    (ColorSpace::YCbCr, ChromaSubsampling::Horizontal),
    (ColorSpace::YCbCr, ChromaSubsampling::Both),
];

fn distiller(
    table: QuantizationTable,
    (color_space, subsampling): (ColorSpace, ChromaSubsampling),
    pipeline: PixelPipeline,
) -> FeatureDistiller {
    FeatureDistiller::builder()
        .tables(table)
        .color_space(color_space)
        .subsampling(subsampling)
        .pipeline(pipeline)
        .build()
        .unwrap()
}

/// A natural-looking picture with so much contrast that a part of it is black and white.
fn harsh_picture(width: u32, height: u32, seed: u64) -> PixelBuffer {
    let mut picture = dead_leaves::picture(width, height, seed).unwrap();
    for sample in picture.as_mut_slice() {
        *sample = (128 + 2 * (i32::from(*sample) - 128)).clamp(0, 255) as u8;
    }
    picture
}

/// What must hold for any picture.
fn check(distiller: &FeatureDistiller, raw: PixelView<'_>, pass: &CertifiedPass) {
    let report = pass.report();
    let certificate = distiller.certificate(pass.picture().view()).unwrap();
    // A block is certified that has a radius above the target, and that pass two finds again as it was sent.
    let mut expected = Vec::new();
    for (component, certified) in certificate.components().iter().enumerate() {
        for y in 0..certified.blocks_high() {
            for x in 0..certified.blocks_wide() {
                let [sent, received] = [pass.levels(), certificate.levels()]
                    .map(|image| image.component(component).unwrap().block(x, y).unwrap());
                let radius = if sent == received {
                    certified.radii(x, y).unwrap().linf
                } else {
                    0.0
                };
                if radius <= report.target() {
                    let position = BlockPosition { component, x, y };
                    expected.push(UncertifiedBlock { position, radius });
                }
            }
        }
    }
    assert_eq!(report.uncertified_blocks(), expected);
    assert_eq!(report.is_certified(), expected.is_empty());
    assert!(report.is_fixed_point() || !report.is_certified());
    assert_eq!(report.block_count(), certificate.block_count());
    assert_eq!(report.is_fixed_point(), certificate.is_fixed_point());
    assert!(pass.certificate().radii().linf == certificate.radii().linf);
    assert!(certificate.radii().linf <= report.attainable());

    let options = InverseOptions::precise()
        .with_pipeline(distiller.profile().pipeline())
        .with_upsampling(distiller.profile().upsampling());
    assert_eq!(&pass.levels().to_pixels(&options).unwrap(), pass.picture());
    // The rounds end before they settle only where the tables do not allow the target.
    let settled = report.rounds() < 8 || report.target() < report.attainable();
    if certificate.radii().linf > 0.0 && settled {
        assert!(report.is_fixed_point());
        assert_eq!(
            &distiller.distill(pass.picture().view()).unwrap(),
            pass.picture()
        );
        assert_eq!(
            certificate.levels().components(),
            pass.levels().components()
        );
    }

    let plain = distiller.compress_coefficients(raw).unwrap();
    let mut repaired = report.repaired_blocks().iter();
    for (index, component) in plain.components().iter().enumerate() {
        let own = &pass.levels().components()[index];
        for (number, (before, after)) in component.blocks().iter().zip(own.blocks()).enumerate() {
            if before != after {
                let position = repaired.next().unwrap();
                let place = position.y * own.blocks_wide() + position.x;
                assert_eq!((position.component, place as usize), (index, number));
            }
        }
    }
    assert!(repaired.next().is_none());
    let plain = plain.to_pixels(&options).unwrap();
    let plain = distiller.certificate(plain.view()).unwrap();
    if plain.is_fixed_point() && plain.radii().certify(Norm::Linf, report.target()) {
        assert_eq!(report.repaired_blocks(), []);
        assert_eq!(report.extra_squared_error(), 0);
    }
}

#[test]
fn pictures_with_clipping_are_certified_whole_in_every_mode() {
    let raw = harsh_picture(96, 64, 1);
    for mode in MODES {
        for (table, target) in [(as_md(), 1.0), (two_pixels(), 2.0)] {
            let distiller = distiller(table, mode, PixelPipeline::Precise);
            let plain = distiller.one_pass_pixels(raw.view()).unwrap();
            let before = distiller.certificate(plain.view()).unwrap();
            let pass = distiller.compress_certified(raw.view(), target).unwrap();
            check(&distiller, raw.view(), &pass);
            let report = pass.report();
            assert!(
                !before.radii().certify(Norm::Linf, target),
                "nothing to repair in {mode:?}"
            );
            assert!(
                report.is_certified(),
                "{mode:?}: {:?}",
                report.uncertified_blocks()
            );
            assert!(pass.certificate().radii().certify(Norm::Linf, target));
            let cost = report.unrepaired_psnr() - report.psnr();
            assert!(cost < 3.0, "{mode:?}, {target} px: {cost} dB");
        }
    }
}

#[test]
fn the_integer_pipeline_is_certified_too_where_its_rounding_leaves_room() {
    let raw = harsh_picture(64, 64, 2);
    for mode in [MODES[0], MODES[1]] {
        let distiller = distiller(as_md(), mode, PixelPipeline::LibjpegEqual);
        let pass = distiller.compress_certified(raw.view(), 1.0).unwrap();
        // Luminance of colour is rounded to 8 bits once more before pass one; the receiver sees grey.
        check(&distiller, raw.view(), &pass);
        assert!(pass.report().is_certified(), "{mode:?}");
        assert!(!pass.report().repaired_blocks().is_empty());
    }
}

#[test]
fn a_target_beyond_the_tables_is_reported_and_nothing_fails() {
    let raw = harsh_picture(64, 48, 3);
    let integers = distiller(as_md(), MODES[2], PixelPipeline::LibjpegEqual);
    let pass = integers.compress_certified(raw.view(), 1.0).unwrap();
    check(&integers, raw.view(), &pass);
    let report = pass.report();
    assert!(report.attainable() < 1.0);
    // The rounding of 8-bit YCbCr leaves none of the bands with step 24 a radius of 1.
    assert_eq!(
        report.uncertified_blocks().len() as u64,
        report.block_count()
    );
    let less = integers
        .compress_certified(raw.view(), 0.9 * report.attainable())
        .unwrap();
    check(&integers, raw.view(), &less);
    assert!(less.report().uncertified_blocks().len() < report.uncertified_blocks().len());
}

#[test]
fn sides_that_are_no_multiple_of_an_mcu_are_certified() {
    for (width, height) in [(45, 35), (64, 33), (41, 48), (7, 5), (1, 1), (17, 9)] {
        let raw = harsh_picture(width, height, 4);
        for mode in MODES {
            let distiller = distiller(as_md(), mode, PixelPipeline::Precise);
            let pass = distiller.compress_certified(raw.view(), 1.0).unwrap();
            check(&distiller, raw.view(), &pass);
            assert!(pass.report().is_certified(), "{width}x{height}, {mode:?}");
        }
    }
}

#[test]
fn unclipped_pictures_are_left_as_they_are() {
    let mut soft = dead_leaves::picture(64, 64, 5).unwrap();
    for sample in soft.as_mut_slice() {
        *sample = 64 + *sample / 2;
    }
    for mode in MODES {
        let table = QuantizationTable::uniform(32).unwrap();
        let distiller = distiller(table, mode, PixelPipeline::Precise);
        let pass = distiller.compress_certified(soft.view(), 1.0).unwrap();
        check(&distiller, soft.view(), &pass);
        let plain = distiller.compress_coefficients(soft.view()).unwrap();
        assert_eq!(pass.levels().components(), plain.components());
        assert!(pass.report().is_certified() && pass.report().rounds() == 0);
        assert_eq!(pass.report().psnr(), pass.report().unrepaired_psnr());
    }
}

#[test]
fn the_file_carries_the_certified_picture() {
    let raw = harsh_picture(48, 48, 6);
    let distiller = distiller(as_md(), MODES[2], PixelPipeline::Precise);
    let pass = distiller.compress_certified(raw.view(), 1.0).unwrap();
    let file = pass.levels().encode().unwrap();
    assert_eq!(&distiller.distill_jpeg(&file).unwrap(), pass.picture());
}

#[test]
fn what_cannot_work_is_refused() {
    let raw = harsh_picture(32, 32, 7);
    let plain = distiller(as_md(), MODES[1], PixelPipeline::Precise);
    for target in [f64::NAN, f64::INFINITY, -0.5] {
        let error = plain.compress_certified(raw.view(), target).unwrap_err();
        assert!(
            matches!(error, Error::InvalidArgument(ArgumentError::Number { .. })),
            "{error}"
        );
    }
    let triangle = FeatureDistiller::builder()
        .tables(as_md())
        .color_space(ColorSpace::YCbCr)
        .subsampling(ChromaSubsampling::Both)
        .upsampling(Upsampling::Triangle)
        .build()
        .unwrap();
    let error = triangle.compress_certified(raw.view(), 1.0).unwrap_err();
    assert!(matches!(
        error,
        Error::InvalidArgument(ArgumentError::Distiller(_))
    ));
    // Grey has no chrominance to spread.
    let grey = PixelView::new(raw.as_slice(), 96, 32, PixelFormat::Grey).unwrap();
    assert!(triangle.compress_certified(grey, 1.0).is_ok());
}

#[test]
fn perturbations_of_clipped_pictures_are_undone() {
    let raw = harsh_picture(64, 64, 8);
    for mode in MODES {
        for (table, target) in [(as_md(), 1), (two_pixels(), 2)] {
            let distiller = distiller(table, mode, PixelPipeline::Precise);
            let pass = distiller
                .compress_certified(raw.view(), target.into())
                .unwrap();
            assert!(pass.report().is_certified());
            undone(&distiller, &pass, target, 16);
        }
    }
}

/// Perturbs every block of a certified picture `count` times at random and `count` times in the worst direction,
/// all blocks at once, and lets pass two undo it.
fn undone(distiller: &FeatureDistiller, pass: &CertifiedPass, eps: u8, count: usize) {
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let attack = Attack::new(pass);
    let mut received = pass.picture().clone();
    for number in 0..2 * count {
        let signs = if number < count {
            let mut draws = vec![0_u8; received.as_slice().len()];
            random.fill(draws.as_mut_slice());
            let uniform = number % 2 == 0;
            let sign = |draw: u8| {
                if uniform {
                    i16::from(draw % 3) - 1
                } else {
                    2 * i16::from(draw % 2) - 1
                }
            };
            draws.into_iter().map(sign).collect()
        } else {
            attack.signs(number - count, &mut random)
        };
        let samples = received.as_mut_slice().iter_mut();
        for ((sample, &benign), sign) in samples.zip(pass.picture().as_slice()).zip(signs) {
            *sample = (i16::from(benign) + i16::from(eps) * sign).clamp(0, 255) as u8;
        }
        let distilled = distiller.distill(received.view()).unwrap();
        assert!(
            &distilled == pass.picture(),
            "perturbation {number} is not undone"
        );
    }
}

/// Component, block, band, and the direction to the nearest boundary.
type Coefficient = (usize, (u32, u32), Band, f64);

/// The coefficients of each MCU, the weakest first.
struct Attack<'a> {
    pass: &'a CertifiedPass,
    tile: usize,
    weakest: Vec<Vec<Coefficient>>,
    tiles_wide: usize,
}

impl<'a> Attack<'a> {
    fn new(pass: &'a CertifiedPass) -> Self {
        let certificate = pass.certificate();
        let luminance = pass.levels().components()[0].sampling();
        // One size for both directions: a 4:2:2 MCU is taken twice.
        let across = u32::from(luminance.horizontal());
        let tile = 8 * across as usize;
        let (width, height) = certificate.size();
        let tiles_wide = (width as usize).div_ceil(tile);
        let tiles_high = (height as usize).div_ceil(tile);
        let mut found = vec![Vec::new(); tiles_wide * tiles_high];
        for (index, component) in certificate.components().iter().enumerate() {
            let sampling = pass.levels().components()[index].sampling();
            let columns = u32::from(sampling.horizontal());
            let rows = u32::from(sampling.vertical()) * across / u32::from(luminance.vertical());
            for y in 0..component.blocks_high() {
                for x in 0..component.blocks_wide() {
                    let margins = component.margins(x, y).unwrap();
                    let residuals = component.residuals(x, y).unwrap();
                    let place = (y / rows) as usize * tiles_wide + (x / columns) as usize;
                    for band in Band::all() {
                        let weakness = margins[band.natural()] / band.l1_norm();
                        let direction = f64::from(residuals[band.natural()].signum());
                        found[place].push((weakness, (index, (x, y), band, direction)));
                    }
                }
            }
        }
        let weakest = found
            .into_iter()
            .map(|mut all| {
                all.sort_by(|a, b| a.0.total_cmp(&b.0));
                all.into_iter().take(64).map(|(_, moved)| moved).collect()
            })
            .collect();
        Self {
            pass,
            tile,
            weakest,
            tiles_wide,
        }
    }

    /// In each MCU the signs that move one coefficient, the `number`-th weakest, as far as it goes, and past the
    /// 64th a mix of a few of the weakest; on the side of the nearest boundary.
    fn signs(&self, number: usize, random: &mut ChaCha8Rng) -> Vec<i16> {
        let picture = self.pass.picture();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let channels = picture.format().channels();
        let mut pull = vec![0.0_f64; width * height * channels];
        for weakest in &self.weakest {
            let chosen: Vec<(usize, f64)> = if number < 64 {
                vec![(number, 1.0)]
            } else {
                (0..random.random_range(1..5))
                    .map(|_| (random.random_range(0..16), random.random::<f64>()))
                    .collect()
            };
            for (rank, weight) in chosen {
                let (component, block, band, direction) = weakest[rank];
                self.pull(&mut pull, component, block, band, weight * direction);
            }
        }
        assert_eq!(self.weakest.len() % self.tiles_wide, 0);
        assert!(self.tile >= 8 && pull.len() == width * height * channels);
        pull.into_iter()
            .map(|value| if value < 0.0 { -1 } else { 1 })
            .collect()
    }

    /// Adds the weights of one coefficient on the samples of the picture.
    fn pull(&self, pull: &mut [f64], index: usize, (x, y): (u32, u32), band: Band, weight: f64) {
        const ROWS: [[f64; 3]; 3] = [
            [0.299, 0.587, 0.114],
            [-0.168_735_89, -0.331_264_11, 0.5],
            [0.5, -0.418_687_59, -0.081_312_41],
        ];
        let picture = self.pass.picture();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let components = self.pass.levels().components();
        let luminance = components[0].sampling();
        let (across, down) = if index == 0 {
            (1, 1)
        } else {
            (luminance.horizontal().into(), luminance.vertical().into())
        };
        let channel_weights: [f64; 3] = match self.pass.levels().color_space() {
            ColorSpace::YCbCr => ROWS[index],
            _ => std::array::from_fn(|channel| f64::from(u8::from(channel == index))),
        };
        let channels = picture.format().channels();
        for row in 0..8 * down {
            for column in 0..8 * across {
                let x = (8 * across * x as usize + column).min(width - 1);
                let y = (8 * down * y as usize + row).min(height - 1);
                let basis = weight * band.basis(row / down, column / across);
                for channel in 0..channels {
                    pull[(y * width + x) * channels + channel] += basis * channel_weights[channel];
                }
            }
        }
    }
}

fn hostile(kind: u8, width: u32, height: u32, seed: u64) -> PixelBuffer {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let period = random.random_range(1..9);
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let on = match kind {
                    0 => random.random(),
                    1 => (x / period + y / period) % 2 == 0,
                    2 => x / period % 2 == 0,
                    3 => y / period % 2 == channel % 2,
                    _ => (x * y + channel * period) % 7 < 3,
                };
                samples.push(if on { 255 } else { 0 });
            }
        }
    }
    PixelBuffer::new(samples, width, height, PixelFormat::Rgb).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_block_is_certified_or_named_and_work_is_bounded_on_hostile_pictures(
        kind in 0_u8..5, width in 1_u32..34, height in 1_u32..34, seed in any::<u64>(), mode in 0_usize..5,
        integers in any::<bool>(), table in 0_usize..4, target in 0.0_f64..2.5,
    ) {
        let table = [
            as_md(),
            two_pixels(),
            QuantizationTable::uniform(1).unwrap(),
            QuantizationTable::from_fn(|band| 3 + 5 * u16::from(band.u()) + 7 * u16::from(band.v())).unwrap(),
        ][table];
        let pipeline = if integers { PixelPipeline::LibjpegEqual } else { PixelPipeline::Precise };
        let distiller = distiller(table, MODES[mode], pipeline);
        let raw = hostile(kind, width, height, seed);
        let pass = distiller.compress_certified(raw.view(), target).unwrap();
        check(&distiller, raw.view(), &pass);
    }

    #[test]
    fn natural_pictures_are_certified_wherever_the_target_is_below_what_the_table_allows(
        width in 1_u32..40, height in 1_u32..40, seed in any::<u64>(), mode in 0_usize..5, target in 0.0_f64..1.0,
    ) {
        let distiller = distiller(as_md(), MODES[mode], PixelPipeline::Precise);
        let raw = harsh_picture(width, height, seed);
        let pass = distiller.compress_certified(raw.view(), target).unwrap();
        check(&distiller, raw.view(), &pass);
        prop_assert!(pass.report().is_certified());
    }
}

/// What the certified pass is for, in figures.
#[test]
fn photographs_are_certified_at_one_pixel_at_a_small_cost_and_every_perturbation_is_undone() {
    certify_photographs(
        as_md(),
        1,
        &[
            (MODES[1], 0.99, 0.1),
            (MODES[2], 0.97, 0.25),
            (MODES[4], 0.97, 0.25),
        ],
    );
}

#[test]
fn photographs_are_certified_at_two_pixels_and_every_perturbation_is_undone() {
    certify_photographs(
        two_pixels(),
        2,
        &[(MODES[1], 0.97, 0.25), (MODES[2], 0.97, 0.5)],
    );
}

/// For each mode, the least share of photographs that are certified whole, and the most decibels that it costs.
fn certify_photographs(
    table: QuantizationTable,
    target: u8,
    modes: &[((ColorSpace, ChromaSubsampling), f64, f64)],
) {
    let Some(folder) = std::env::var_os("FEATURE_DISTILLATION_DATA").map(PathBuf::from) else {
        eprintln!("FEATURE_DISTILLATION_DATA is not set: no photographs were certified");
        return;
    };
    let number = |name: &str, default: usize| {
        std::env::var(name).map_or(default, |value| value.parse().unwrap())
    };
    let photos = photographs(&folder, number("FEATURE_DISTILLATION_PHOTOS", 100));
    let perturbations = number("FEATURE_DISTILLATION_PERTURBATIONS", 2);
    for &(mode, share, most) in modes {
        let distiller = distiller(table, mode, PixelPipeline::Precise);
        let (mut whole, mut sum, mut worst) = (0, 0.0, (0.0, ""));
        let (mut blocks, mut undone_blocks) = (0, 0);
        for (name, photo) in &photos {
            let pass = distiller
                .compress_certified(photo.view(), target.into())
                .unwrap();
            let report = pass.report();
            let cost = report.unrepaired_psnr() - report.psnr();
            sum += cost;
            if cost > worst.0 {
                worst = (cost, name);
            }
            blocks += report.repaired_blocks().len();
            if report.is_certified() {
                whole += 1;
                undone(&distiller, &pass, target, perturbations);
                undone_blocks += 2 * perturbations as u64 * report.block_count();
            }
        }
        let (count, average) = (photos.len() as f64, sum / photos.len() as f64);
        println!(
            "{mode:?} at {target} px: {whole} of {count} photographs whole, {average:.4} dB on average, {:.3} dB at worst ({}), {blocks} blocks repaired, {undone_blocks} perturbed blocks undone",
            worst.0, worst.1
        );
        assert!(f64::from(whole) >= share * count && average <= most);
    }
}

fn photographs(folder: &std::path::Path, count: usize) -> Vec<(String, PixelBuffer)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("photos224"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jpg"))
        .collect();
    files.sort();
    files
        .into_iter()
        .take(count)
        .map(|path| {
            let image = CoefficientImage::decode(&std::fs::read(&path).unwrap()).unwrap();
            let options = InverseOptions::libjpeg_equal().with_format(PixelFormat::Rgb);
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, image.to_pixels(&options).unwrap())
        })
        .collect()
}
