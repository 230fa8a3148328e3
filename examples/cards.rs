//! Compares tables: what they certify, and what they cost on a folder of pictures.
//!
//! `cargo run --release --example cards -- [DIR] [--certify SIZE]... [--color ycbcr] [--json]`
//!
//! Prints the cards of the paper's table, the published code's, and one table for each size of perturbation (1, 2 and
//! 4 unless told otherwise). Without a folder of JPEG files it makes pictures itself.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes and samples are small"
)]

#[path = "support/dead_leaves.rs"]
mod dead_leaves;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use feature_distillation::{
    AsMdDesign, BandStatistics, CoefficientImage, ColorSpace, FeatureDistiller, Handover,
    InverseOptions, Norm, PixelBuffer, PixelFormat, ProfileCard, TableScope,
};

#[derive(Parser)]
#[command(about = "Compares tables: what they certify, and what they cost on a folder of pictures")]
struct Arguments {
    /// Folder of JPEG files.
    folder: Option<PathBuf>,
    /// Largest change of a sample that a table must remove; one table each.
    #[arg(long, value_name = "SIZE", default_values_t = [1.0, 2.0, 4.0])]
    certify: Vec<f64>,
    /// The components to distil in.
    #[arg(long, value_enum, default_value = "rgb")]
    color: Components,
    /// One JSON object a line instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Components {
    /// Red, green and blue planes.
    Rgb,
    /// Luminance and chrominance, 4:4:4.
    Ycbcr,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let color_space = match arguments.color {
        Components::Rgb => ColorSpace::Rgb,
        Components::Ycbcr => ColorSpace::YCbCr,
    };
    let pictures = match &arguments.folder {
        Some(folder) => read(folder)?,
        None => (0..8)
            .map(|seed| dead_leaves::picture(224, 224, seed))
            .collect::<Result<_, _>>()?,
    };
    let mut statistics = BandStatistics::new();
    for picture in &pictures {
        statistics.add_pixels(picture.view(), color_space)?;
    }

    let builder = FeatureDistiller::builder().color_space(color_space);
    let mut distillers = Vec::new();
    for (name, design) in [
        ("the paper's", AsMdDesign::paper()),
        ("the published code's", AsMdDesign::authors_code()),
    ] {
        let designed = builder
            .clone()
            .design(&design, &statistics, TableScope::Shared)?;
        distillers.push((name.to_owned(), designed.build()?));
    }
    for &size in &arguments.certify {
        let certifying = builder
            .clone()
            .certifying(Norm::Linf, size, Handover::EightBit);
        distillers.push((
            format!("for changes of at most {size}"),
            certifying.build()?,
        ));
    }
    let sizes: Vec<(Norm, f64)> = arguments
        .certify
        .iter()
        .map(|&size| (Norm::Linf, size))
        .collect();
    for (name, distiller) in &distillers {
        let mut card = ProfileCard::new(distiller.profile(), &sizes);
        for picture in &pictures {
            card.add(picture.view())?;
        }
        if arguments.json {
            println!("{}", serde_json::to_string(&card)?);
        } else {
            println!("{name}\n{card}");
        }
    }
    Ok(())
}

fn read(folder: &Path) -> Result<Vec<PixelBuffer>, Box<dyn Error>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.path());
    }
    files.sort();
    let options = InverseOptions::libjpeg_equal().with_format(PixelFormat::Rgb);
    let mut pictures = Vec::new();
    for file in files {
        let picture = fs::read(&file)
            .map_err(Into::into)
            .and_then(|bytes| CoefficientImage::decode(&bytes)?.to_pixels(&options));
        match picture {
            Ok(picture) => pictures.push(picture),
            Err(error) => eprintln!("{}: {error}", file.display()),
        }
    }
    Ok(pictures)
}
