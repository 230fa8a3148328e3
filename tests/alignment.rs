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
use std::time::{Duration, Instant};

use feature_distillation::{
    Alignment, AlignmentError, ChromaSubsampling, CoefficientImage, ColorSpace, Error,
    FeatureDistiller, ForwardOptions, InverseOptions, PixelBuffer, PixelFormat, PixelView, Profile,
    QuantizationTable, QuantizationTables, Receiver, Rectangle, Result, removing_table,
};
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
fn photographs(count: usize) -> Option<Vec<(String, PixelBuffer)>> {
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
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, decoded(&fs::read(path).unwrap()))
            })
            .collect(),
    )
}

/// Whether two pictures are the same but for a few blocks, such as clipped ones.
fn close_to(one: &PixelBuffer, other: &PixelBuffer) -> bool {
    let pairs = one.as_slice().iter().zip(other.as_slice());
    let different = pairs.filter(|(a, b)| a.abs_diff(**b) > 1).count();
    20 * different <= one.as_slice().len()
}

/// Right, wrong and refused alignments.
#[derive(Debug, Default)]
struct Score {
    right: usize,
    /// Another profile, but one that distils the picture to the same pixels.
    equal: usize,
    wrong: usize,
    refused: usize,
    time: Duration,
    least_evidence: Option<f64>,
}

impl Score {
    fn judge(
        &mut self,
        receiver: &Receiver,
        picture: &PixelBuffer,
        profile: usize,
        offset: (u32, u32),
        what: &str,
    ) {
        let start = Instant::now();
        let found = receiver.align(picture.view());
        self.time += start.elapsed();
        match found {
            Ok(found) if (found.profile(), found.offset()) == (profile, offset) => {
                self.right += 1;
                println!("TRUE {what}: {found:?}");
                let least = self.least_evidence.unwrap_or(f64::INFINITY);
                self.least_evidence = Some(least.min(found.evidence()));
            }
            Ok(found)
                if found.offset() == offset && {
                    let [found, right] = [found.profile(), profile].map(|profile| {
                        FeatureDistiller::from_profile(receiver.profiles()[profile].clone())
                            .distill(found.realigned(picture.view()).unwrap())
                            .unwrap()
                    });
                    close_to(&found, &right)
                } =>
            {
                self.equal += 1;
            }
            Ok(found) => {
                self.wrong += 1;
                eprintln!("{what}: {found:?}, not {profile} at {offset:?}");
            }
            Err(error) => {
                self.refused += 1;
                eprintln!("{what}: {error}; it is {profile} at {offset:?}");
            }
        }
    }
}

#[test]
fn photographs_after_a_first_pass_are_aligned() {
    let Some(photographs) = photographs(100) else {
        return;
    };
    let candidates = candidates();
    let receiver = receiver(&candidates);
    for color in 0..2 {
        let mut scores: [Score; 5] = Default::default();
        for (index, (name, photograph)) in photographs.iter().enumerate() {
            let mut random = ChaCha8Rng::seed_from_u64(index as u64);
            let profile = 4 * color + index % 4;
            let sent = first_pass(&candidates[profile], photograph.view());
            let cut = random_crop(&sent, &mut random);
            let received = cropped(&sent, cut);
            let offset = expected_offset(cut, (8, 8));
            let noisy = perturbed(&received, &mut random);
            let variants = [
                received.clone(),
                noisy.clone(),
                resaved(&received, 90, ChromaSubsampling::None),
                resaved(&received, 90, ChromaSubsampling::Both),
                resaved(&received, 75, ChromaSubsampling::None),
            ];
            for ((variant, score), what) in variants
                .iter()
                .zip(&mut scores)
                .zip(["as sent", "+-1", "q90 444", "q90 420", "q75 444"])
            {
                score.judge(
                    &receiver,
                    variant,
                    profile,
                    offset,
                    &format!("{what} {name}"),
                );
            }
        }
        for (score, what) in scores
            .iter()
            .zip(["as sent", "+-1", "q90 444", "q90 420", "q75 444"])
        {
            println!("colour {color}, {what}: {score:?}");
        }
    }
}

#[test]
fn photographs_without_a_first_pass_are_refused() {
    let Some(photographs) = photographs(100) else {
        return;
    };
    let receiver = receiver(&candidates());
    let mut matches = 0;
    let mut closest = f64::NEG_INFINITY;
    for (index, (name, photograph)) in photographs.iter().enumerate() {
        let mut random = ChaCha8Rng::seed_from_u64(index as u64);
        let cut = cropped(photograph, random_crop(photograph, &mut random));
        let quality = random.random_range(5..=95);
        for (what, picture) in [
            ("as it is", photograph.clone()),
            ("cropped", cut.clone()),
            (
                "resaved 444",
                resaved(&cut, quality, ChromaSubsampling::None),
            ),
            (
                "resaved 420",
                resaved(&cut, quality, ChromaSubsampling::Both),
            ),
        ] {
            match receiver.align(picture.view()) {
                Ok(found) => {
                    matches += 1;
                    println!("{name} {what} {quality}: {found:?}");
                }
                Err(Error::Alignment(AlignmentError::NoLattice {
                    evidence,
                    agreement,
                    ..
                })) => {
                    closest = closest.max(evidence);
                    println!(
                        "NEG {what} {quality} {evidence} not and {} %",
                        (100.0 * agreement).round()
                    );
                }
                Err(error) => println!("{name} {what} {quality}: {error}"),
            }
        }
    }
    println!("{matches} false matches in 400; closest {closest}");
}
