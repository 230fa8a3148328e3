//! Feature distillation from end to end, on pictures that it makes itself.
//!
//! `cargo run --release --example quickstart` calibrates, designs the AS/MD table, runs pass one,
//! perturbs the result, and shows what one pass and two passes remove.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes and samples are small"
)]

#[path = "support/dead_leaves.rs"]
mod dead_leaves;
#[path = "support/png_file.rs"]
mod png_file;

use std::error::Error;
use std::path::PathBuf;

use feature_distillation::{
    AsMdDesign, Band, BandClass, BandStatistics, ColorSpace, FeatureDistiller, PixelBuffer,
    PixelFormat, TableScope, Weighting,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CALIBRATION_PICTURES: u64 = 60;
const SIDE: u32 = 224;

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "Calibrating on {CALIBRATION_PICTURES} dead-leaves pictures of {SIDE}x{SIDE} pixels, planes R, G, B."
    );
    let mut statistics = BandStatistics::new();
    for seed in 0..CALIBRATION_PICTURES {
        let picture = dead_leaves::picture(SIDE, SIDE, seed)?;
        statistics.add_pixels(picture.view(), ColorSpace::Rgb)?;
    }
    let pooled = statistics.pooled();
    let design = AsMdDesign::paper();
    print_map(&pooled, &design)?;

    let distiller = FeatureDistiller::builder()
        .design(&design, &statistics, TableScope::Shared)?
        .build()?;
    println!(
        "Defensive table (profile {:.16}...):",
        distiller.profile().fingerprint().to_string()
    );
    println!("{}", distiller.profile().tables().table(0));

    // A picture that calibration has not seen.
    let raw = dead_leaves::picture(SIDE, SIDE, 1000)?;
    let jpeg = distiller.compress(raw.view())?;
    let sent = distiller.distill_jpeg(&jpeg)?;
    println!(
        "Pass one: {} bytes of pixels become a JPEG of {} bytes; {:.2} dB.\n",
        raw.as_slice().len(),
        jpeg.len(),
        signal_to_noise(&raw, &sent)
    );

    println!("A perturbation of +-eps on every sample, and how many blocks come back bit for bit:");
    println!("  eps   one pass alone   two passes   energy left: one pass   two passes");
    for eps in [1, 2, 4, 8] {
        let one = Outcome::of(&distiller, &raw, &perturbed(&raw, eps))?;
        let two = Outcome::of(&distiller, &sent, &perturbed(&sent, eps))?;
        println!(
            "  {eps:3}   {:12.2} %   {:8.2} %   {:21.1} %   {:8.1} %",
            one.restored, two.restored, one.energy, two.energy
        );
    }
    println!(
        "(One pass alone is applied to the raw picture, two passes to the picture that pass one made.)\n"
    );

    let folder = PathBuf::from("target").join("quickstart");
    std::fs::create_dir_all(&folder)?;
    let received = perturbed(&sent, 2);
    let after_one = distiller.one_pass_pixels(perturbed(&raw, 2).view())?;
    let after_two = distiller.distill(received.view())?;
    let unperturbed_one = distiller.one_pass_pixels(raw.view())?;
    for (name, picture) in [
        ("1-raw.png", raw),
        ("2-pass-one.png", sent.clone()),
        ("3-perturbed.png", received),
        ("4-after-two-passes.png", after_two.clone()),
        (
            "5-difference-one-pass.png",
            difference(&unperturbed_one, &after_one)?,
        ),
        (
            "6-difference-two-passes.png",
            difference(&sent, &after_two)?,
        ),
    ] {
        let path = folder.join(name);
        png_file::write_png(&path, &picture)?;
        println!("wrote {}", path.display());
    }
    let path = folder.join("pass-one.jpg");
    std::fs::write(&path, jpeg)?;
    println!("wrote {}", path.display());
    println!("Difference maps show what is left of +-2, sixteen times enlarged about grey.");
    Ok(())
}

fn print_map(statistics: &BandStatistics, design: &AsMdDesign) -> Result<(), Box<dyn Error>> {
    let deviations = statistics.deviations(0, Weighting::Blocks)?;
    let partition = design.partition(statistics, 0)?;
    println!(
        "\nStandard deviation of every band; [AS] bands take step {}, the others {}:",
        design.accuracy_sensitive_step(),
        design.malicious_defense_step()
    );
    for u in 0..8 {
        for v in 0..8 {
            let Some(band) = Band::new(u, v) else {
                continue;
            };
            let deviation = deviations[band.natural()];
            match partition.class(band) {
                BandClass::AccuracySensitive => print!(" [{deviation:6.1}]"),
                BandClass::MaliciousDefense => print!("  {deviation:6.1} "),
            }
        }
        println!();
    }
    if let Some(stability) = design.stability(statistics, 0)? {
        println!(
            "Cut after {} bands: ratio {:.3}{}{}\n",
            partition.accuracy_sensitive_count(),
            stability.ratio(),
            if stability.is_coin_toss() {
                ", a coin toss"
            } else {
                ""
            },
            if stability.needs_more_images() {
                ", few images"
            } else {
                ""
            },
        );
    }
    Ok(())
}

/// What distillation leaves of a perturbation.
struct Outcome {
    /// Blocks that come back bit for bit, in percent.
    restored: f64,
    /// Energy of the difference after distillation over the energy of the perturbation, in percent.
    energy: f64,
}

impl Outcome {
    fn of(
        distiller: &FeatureDistiller,
        sent: &PixelBuffer,
        received: &PixelBuffer,
    ) -> Result<Self, Box<dyn Error>> {
        let expected = distiller.distill(sent.view())?;
        let found = distiller.distill(received.view())?;
        let row = 3 * SIDE as usize;
        let mut restored = 0;
        for y in (0..SIDE as usize).step_by(8) {
            for x in (0..row).step_by(24) {
                let same = (y..y + 8).all(|y| {
                    let line = y * row + x..y * row + x + 24;
                    expected.as_slice()[line.clone()] == found.as_slice()[line]
                });
                restored += usize::from(same);
            }
        }
        let blocks = (SIDE as usize / 8).pow(2);
        Ok(Self {
            restored: 100.0 * restored as f64 / blocks as f64,
            energy: 100.0 * squared_difference(&expected, &found)
                / squared_difference(sent, received),
        })
    }
}

fn perturbed(picture: &PixelBuffer, eps: u8) -> PixelBuffer {
    let mut random = ChaCha8Rng::seed_from_u64(2019);
    let mut result = picture.clone();
    for sample in result.as_mut_slice() {
        *sample = if random.random() {
            sample.saturating_add(eps)
        } else {
            sample.saturating_sub(eps)
        };
    }
    result
}

fn difference(expected: &PixelBuffer, found: &PixelBuffer) -> Result<PixelBuffer, Box<dyn Error>> {
    let samples = expected
        .as_slice()
        .iter()
        .zip(found.as_slice())
        .map(|(&expected, &found)| {
            (128 + 16 * (i32::from(found) - i32::from(expected))).clamp(0, 255) as u8
        })
        .collect();
    Ok(PixelBuffer::new(
        samples,
        expected.width(),
        expected.height(),
        PixelFormat::Rgb,
    )?)
}

fn squared_difference(a: &PixelBuffer, b: &PixelBuffer) -> f64 {
    a.as_slice()
        .iter()
        .zip(b.as_slice())
        .map(|(&a, &b)| f64::from(a.abs_diff(b)).powi(2))
        .sum()
}

fn signal_to_noise(a: &PixelBuffer, b: &PixelBuffer) -> f64 {
    let mean = squared_difference(a, b) / a.as_slice().len() as f64;
    10.0 * (255.0_f64.powi(2) / mean).log10()
}
