//! Sends a picture, changes it on its way, and shows what pass two finds out about that.
//!
//! `cargo run --release --example tamper -- OUT_DIR` writes `sent.png`, `received.png`, `distilled.png` and
//! `report.png`: green where a tile was changed and restored bit for bit, red where the change was larger than what the
//! picture is certified for.

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
use std::fs;
use std::path::PathBuf;

use feature_distillation::{FeatureDistiller, Handover, Norm, PixelBuffer, TamperVerdict};

const SIDE: u32 = 224;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or("usage: tamper OUT_DIR")?;
    fs::create_dir_all(&folder)?;
    let distiller = FeatureDistiller::builder()
        .certifying(Norm::Linf, 2.0, Handover::EightBit)
        .build()?;

    // Mostly clear of black and white: blocks that pass one clips have smaller radii.
    let mut raw = dead_leaves::picture(SIDE, SIDE, 7)?;
    for sample in raw.as_mut_slice() {
        *sample = 30 + *sample / 4 * 3;
    }
    // The sender repeats pass one until pass two gives the picture back: then every smaller change can be undone
    // exactly.
    let mut sent = distiller.one_pass_pixels(raw.view())?;
    for _ in 0..20 {
        let again = distiller.distill(sent.view())?;
        if again == sent {
            break;
        }
        sent = again;
    }

    let mut received = sent.clone();
    add(&mut received, (20, 28), (90, 70), 2);
    add(&mut received, (130, 140), (60, 45), 40);
    let (distilled, report) = distiller.distill_with_report(received.view())?;

    println!("{report}");
    let outside: Vec<_> = report
        .tiles_at_least(TamperVerdict::OutsideRadius)
        .collect();
    println!("tiles outside the radius, column and row: {outside:?}");
    let map = report.to_picture(received.view())?;
    for (name, picture) in [
        ("sent.png", &sent),
        ("received.png", &received),
        ("distilled.png", &distilled),
        ("report.png", &map),
    ] {
        png_file::write_png(&folder.join(name), picture)?;
    }
    Ok(())
}

/// Brightens a rectangle, given by its corner and its size.
fn add(picture: &mut PixelBuffer, corner: (usize, usize), size: (usize, usize), change: u8) {
    let row = 3 * SIDE as usize;
    for y in corner.1..corner.1 + size.1 {
        for sample in &mut picture.as_mut_slice()[y * row + 3 * corner.0..][..3 * size.0] {
            *sample = sample.saturating_add(change);
        }
    }
}
