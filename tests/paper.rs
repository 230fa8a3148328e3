//! The paper's claims on real photographs, where a folder of them is given.
//!
//! `FEATURE_DISTILLATION_DATA` names a folder with `photos/`, `photos224/` and the reference maps
//! `sigma-photos.json` and `sigma-photos224.json` (population deviations of independently computed
//! coefficients for `y`, `cb`, `cr` and pooled `rgb`). Without it they say so and compare nothing; what holds for
//! all pictures is tested in `distillation.rs` and `statistics.rs`.
#![allow(
    clippy::cast_precision_loss,
    reason = "block counts are far below 2^52"
)]

use std::fs;
use std::path::{Path, PathBuf};

use feature_distillation::{
    AsMdDesign, Band, BandStatistics, BlockSelection, CoefficientImage, ColorSpace,
    FeatureDistiller, InverseOptions, PixelBuffer, PixelFormat, QuantizationTable, TableScope,
    Weighting,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("FEATURE_DISTILLATION_DATA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("FEATURE_DISTILLATION_DATA is not set: not compared on photographs");
    }
    folder
}

fn photos(folder: &Path) -> Vec<PixelBuffer> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| rgb(file)).collect()
}

fn rgb(file: &Path) -> PixelBuffer {
    let image = CoefficientImage::decode(&fs::read(file).unwrap()).unwrap();
    image
        .to_pixels(&InverseOptions::libjpeg_equal().with_format(PixelFormat::Rgb))
        .unwrap()
}

fn statistics(pictures: &[PixelBuffer], color_space: ColorSpace) -> BandStatistics {
    // The reference leaves out the blocks that padding completes.
    let mut statistics = BandStatistics::with_selection(BlockSelection::Interior);
    for picture in pictures {
        statistics.add_pixels(picture.view(), color_space).unwrap();
    }
    statistics
}

#[test]
fn deviations_of_photographs_agree_with_an_independent_computation() {
    let Some(folder) = data() else { return };
    for (pictures, reference) in [
        ("photos", "sigma-photos.json"),
        ("photos224", "sigma-photos224.json"),
    ] {
        let pictures = photos(&folder.join(pictures));
        let reference: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.join(reference)).unwrap()).unwrap();
        let ycbcr = statistics(&pictures, ColorSpace::YCbCr);
        let rgb = statistics(&pictures, ColorSpace::Rgb).pooled();
        let views = [
            ("y", &ycbcr, 0),
            ("cb", &ycbcr, 1),
            ("cr", &ycbcr, 2),
            ("rgb", &rgb, 0),
        ];
        for (name, statistics, component) in views {
            let deviations = statistics.deviations(component, Weighting::Blocks).unwrap();
            let mut worst = 0.0_f64;
            for band in Band::all() {
                let expected = reference[name]["sigma"][usize::from(band.u())]
                    [usize::from(band.v())]
                .as_f64()
                .unwrap();
                worst = worst.max((deviations[band.natural()] / expected - 1.0).abs());
            }
            println!(
                "{} pictures, {name}: {} blocks (reference {}), largest deviation {:.3} %",
                pictures.len(),
                statistics.blocks(component),
                reference[name]["blocks"],
                100.0 * worst
            );
            assert!(worst < 0.005, "{name}: {worst}");
            let top: Vec<Band> = statistics
                .ranking(component, Weighting::Blocks)
                .unwrap()
                .top(15)
                .to_vec();
            assert!(
                top.iter().all(|band| band.u() + band.v() <= 4),
                "{name}: {top:?}"
            );
        }
        let ranking = rgb.ranking(0, Weighting::Blocks).unwrap();
        let square = ranking
            .top(16)
            .iter()
            .filter(|band| band.u() < 4 && band.v() < 4)
            .count();
        assert!(square < 16, "the published code's square is not the top 16");
        println!("of the published code's 16 bands {square} are among the top 16");
    }
}

/// Share of blocks, in percent, that pass two returns to what it makes of the unperturbed picture.
fn removed(distiller: &FeatureDistiller, pictures: &[PixelBuffer], passes: usize) -> f64 {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut clean, mut blocks) = (0_u64, 0_u64);
    for picture in pictures {
        let sent = match passes {
            1 => picture.clone(),
            _ => distiller
                .distill_jpeg(&distiller.compress(picture.view()).unwrap())
                .unwrap(),
        };
        let mut received = sent.clone();
        for sample in received.as_mut_slice() {
            *sample = if random.random() {
                sample.saturating_add(1)
            } else {
                sample.saturating_sub(1)
            };
        }
        let expected = distiller.distill(sent.view()).unwrap();
        let found = distiller.distill(received.view()).unwrap();
        let width = picture.width() as usize;
        for y in (0..picture.height() as usize).step_by(8) {
            for x in (0..width).step_by(8) {
                let rows = y..(y + 8).min(picture.height() as usize);
                let columns = 3 * x..3 * (x + 8).min(width);
                let row = |picture: &PixelBuffer, y: usize| {
                    picture.as_slice()[3 * width * y..][columns.clone()].to_vec()
                };
                clean += u64::from(rows.clone().all(|y| row(&expected, y) == row(&found, y)));
                blocks += 1;
            }
        }
    }
    100.0 * clean as f64 / blocks as f64
}

#[test]
fn two_passes_remove_a_perturbation_of_one_from_nearly_all_blocks_of_photographs() {
    let Some(folder) = data() else { return };
    let pictures = photos(&folder.join("photos224"));
    let rgb = statistics(&pictures, ColorSpace::Rgb);
    let triangle = |accuracy_sensitive: u16, malicious_defense: u16| {
        let design = AsMdDesign::new(
            feature_distillation::AccuracySensitive::Top(15),
            accuracy_sensitive,
            malicious_defense,
        )
        .unwrap();
        FeatureDistiller::builder()
            .design(&design, &rgb, TableScope::Shared)
            .unwrap()
            .build()
            .unwrap()
    };
    for (distiller, name, at_least) in [
        (triangle(24, 32), "24/32", 98.0),
        (triangle(20, 30), "20/30", 95.0),
        (
            FeatureDistiller::builder()
                .tables(QuantizationTable::uniform(40).unwrap())
                .build()
                .unwrap(),
            "flat 40",
            98.0,
        ),
    ] {
        let (one, two) = (
            removed(&distiller, &pictures, 1),
            removed(&distiller, &pictures, 2),
        );
        println!(
            "{name}: blocks free of a random +-1 after two passes {two:.3} %, after one pass {one:.3} %"
        );
        assert!(two > at_least, "{name}: {two}");
        assert!(one < two);
    }
}
