//! Makes a profile from a folder of benign JPEG pictures.
//!
//! `cargo run --release --example calibrate -- DIR --out profile.json`
//!
//! Files that cannot be read are named and counted; they do not end the run.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use feature_distillation::{
    AsMdDesign, BandStatistics, ChromaSubsampling, CoefficientImage, ColorSpace, FeatureDistiller,
    InverseOptions, PixelFormat, TableScope,
};
use indicatif::{ProgressBar, ProgressStyle};

#[derive(Parser)]
#[command(about = "Makes a feature-distillation profile from a folder of benign JPEG pictures")]
struct Arguments {
    /// Folder of JPEG files.
    folder: PathBuf,
    /// Where the profile goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The mapping from deviations to steps.
    #[arg(long, value_enum, default_value = "paper")]
    design: Preset,
    /// Multiplies the steps: 2 and 3 are the paper's FD 2x and FD 3x.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// The components to distil in.
    #[arg(long, value_enum, default_value = "rgb")]
    color: Components,
    /// A table for each component instead of one for all.
    #[arg(long)]
    per_component: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Preset {
    /// 15 bands at step 20, the others at 30.
    Paper,
    /// 15 bands at step 1, the others at 40.
    PaperV1,
    /// The top-left 4x4 bands at step 25, the others at 30.
    AuthorsCode,
}

#[derive(Clone, Copy, ValueEnum)]
enum Components {
    /// Red, green and blue planes.
    Rgb,
    /// Luminance and chrominance, 4:4:4.
    Ycbcr,
    /// YCbCr with 4:2:0 chrominance.
    Ycbcr420,
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
    let (color_space, subsampling) = match arguments.color {
        Components::Rgb => (ColorSpace::Rgb, ChromaSubsampling::None),
        Components::Ycbcr => (ColorSpace::YCbCr, ChromaSubsampling::None),
        Components::Ycbcr420 => (ColorSpace::YCbCr, ChromaSubsampling::Both),
    };

    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&arguments.folder)? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();

    let progress = ProgressBar::new(files.len() as u64).with_style(ProgressStyle::with_template(
        "{bar:40} {pos}/{len} pictures, {eta} left",
    )?);
    let mut statistics = BandStatistics::new();
    let mut unreadable = Vec::new();
    for file in &files {
        if let Err(error) = add(&mut statistics, file, color_space) {
            progress.suspend(|| eprintln!("{}: {error}", file.display()));
            unreadable.push(file);
        }
        progress.inc(1);
    }
    progress.finish_and_clear();

    let design = match arguments.design {
        Preset::Paper => AsMdDesign::paper(),
        Preset::PaperV1 => AsMdDesign::paper_v1(),
        Preset::AuthorsCode => AsMdDesign::authors_code(),
    }
    .scaled(arguments.scale)?;
    let scope = if arguments.per_component {
        TableScope::PerComponent
    } else {
        TableScope::Shared
    };
    println!(
        "{} pictures counted, {} unreadable of {} files in {}",
        statistics.images(0),
        unreadable.len(),
        files.len(),
        arguments.folder.display()
    );
    let distiller = FeatureDistiller::builder()
        .color_space(color_space)
        .subsampling(subsampling)
        .design(&design, &statistics, scope)?
        .build()?;

    if let Some(stability) = design.stability(&statistics.pooled(), 0)? {
        println!(
            "cut between AS and MD bands: ratio {:.3}",
            stability.ratio()
        );
        if stability.is_coin_toss() {
            println!(
                "warning: the bands on both sides of the cut are alike; another sample may choose others"
            );
        }
        if stability.needs_more_images() {
            println!(
                "warning: {} pictures are few; use 50 or more",
                stability.images()
            );
        }
    }
    print!("{}", distiller.profile().tables());
    println!("fingerprint {}", distiller.profile().fingerprint());
    fs::write(
        &arguments.out,
        serde_json::to_string_pretty(distiller.profile())?,
    )?;
    println!("wrote {}", arguments.out.display());
    Ok(())
}

fn add(
    statistics: &mut BandStatistics,
    file: &Path,
    color_space: ColorSpace,
) -> Result<(), Box<dyn Error>> {
    let image = CoefficientImage::decode(&fs::read(file)?)?;
    let pixels = image.to_pixels(&InverseOptions::libjpeg_equal().with_format(PixelFormat::Rgb))?;
    statistics.add_pixels(pixels.view(), color_space)?;
    Ok(())
}
