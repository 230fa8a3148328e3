//! Certifies one picture: what two passes provably remove from it, block by block.
//!
//! `cargo run --release --example certify -- IN.jpg [--target 1] [--profile profile.json] [--map MAP.png] [--out OUT.jpg]`
//!
//! The pixels of IN.jpg are the raw picture. It goes through pass one as it is, and through the certified pass that
//! repairs clipped blocks; the card compares the two. MAP.png shows the radius of each tile (the area of an MCU) after repair, from black
//! (none) to white (the largest that the tables allow anywhere); OUT.jpg is the certified pass one.

#[path = "support/png_file.rs"]
mod png_file;
#[path = "support/profile_file.rs"]
mod profile_file;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use feature_distillation::{
    Certificate, CoefficientImage, EncodeOptions, FeatureDistiller, Handover, HuffmanTables,
    InverseOptions, NoiseModel, Norm, ProfileCard,
};

#[derive(Parser)]
#[command(about = "Certifies one picture: what two passes provably remove from it")]
struct Arguments {
    /// The JPEG file of the raw picture.
    input: PathBuf,
    /// Largest change of a sample that is to be removed, in 8-bit units.
    #[arg(long, default_value_t = 1.0)]
    target: f64,
    /// A profile made by the `calibrate` example; without it, the finest RGB tables for the target.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Where to write the map of radii.
    #[arg(long, value_name = "PNG")]
    map: Option<PathBuf>,
    /// Where to write the certified picture.
    #[arg(long, value_name = "JPEG")]
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let named = |error: Box<dyn Error>| format!("{}: {error}", arguments.input.display());
    let distiller = match &arguments.profile {
        Some(file) => FeatureDistiller::from_profile(profile_file::read_profile(file)?),
        None => FeatureDistiller::builder()
            .certifying(Norm::Linf, arguments.target, Handover::EightBit)
            .build()?,
    };
    let bytes = fs::read(&arguments.input).map_err(|error| named(error.into()))?;
    let raw = CoefficientImage::decode(&bytes)
        .and_then(|image| image.to_pixels(&InverseOptions::libjpeg_equal()))
        .map_err(|error| named(error.into()))?;

    println!(
        "{}: {}x{}",
        arguments.input.display(),
        raw.width(),
        raw.height()
    );
    print!("{}", ProfileCard::new(distiller.profile(), &[]));
    let plain = distiller.one_pass_pixels(raw.view())?;
    let pass = distiller.compress_certified(raw.view(), arguments.target)?;
    let report = pass.report();
    println!("\nas it comes (PSNR {:.2} dB)", report.unrepaired_psnr());
    print_certificate(&distiller.certificate(plain.view())?, arguments.target)?;
    println!(
        "\nrepaired (PSNR {:.2} dB), {} of {} blocks changed",
        report.psnr(),
        report.repaired_blocks().len(),
        report.block_count()
    );
    print_certificate(pass.certificate(), arguments.target)?;
    for block in report.uncertified_blocks() {
        println!(
            "not certified: component {}, block ({}, {}), radius {:.3}",
            block.position.component, block.position.x, block.position.y, block.radius
        );
    }

    if let Some(map) = &arguments.map {
        let white = distiller.profile().certified_radii(Handover::Float).linf;
        let radii = pass.certificate().radius_map(Norm::Linf)?;
        png_file::write_png(map, &radii.to_picture(white)?)?;
    }
    if let Some(out) = &arguments.out {
        let optimized = EncodeOptions::new().with_huffman_tables(HuffmanTables::Optimized);
        fs::write(out, pass.levels().encode_with(&optimized)?.bytes)?;
    }
    Ok(())
}

fn print_certificate(certificate: &Certificate, target: f64) -> Result<(), Box<dyn Error>> {
    let radii = certificate.radii();
    println!(
        "  radius of the picture: Linf {:.3}, L2 {:.2}, L1 {:.1}; {}",
        radii.linf,
        radii.l2,
        radii.l1,
        if certificate.is_fixed_point() {
            "reproduced by pass two"
        } else {
            "not reproduced by pass two"
        }
    );
    let mut of_blocks: Vec<f64> = certificate.radius_map(Norm::Linf)?.as_slice().to_vec();
    of_blocks.sort_by(f64::total_cmp);
    println!(
        "  certified for changes of at most {target}: {:.3} % of blocks; median radius of a tile {:.3}",
        100.0 * certificate.certified_share(Norm::Linf, target),
        of_blocks[of_blocks.len() / 2]
    );
    for eps in [2.0, 4.0, 8.0] {
        let mut most = 0;
        for component in certificate.components() {
            for y in 0..component.blocks_high() {
                for x in 0..component.blocks_wide() {
                    let flips = component.most_flips(x, y, Norm::Linf, eps)?;
                    most = most.max(flips.unwrap_or(0));
                }
            }
        }
        let share = certificate.expected_flipped_share(&NoiseModel::random_signs(eps)?);
        println!(
            "  at {eps}: at most {most} bands of a block flip; by random signs {share:.2e} of all"
        );
    }
    Ok(())
}
