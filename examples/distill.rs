//! Distils one JPEG file.
//!
//! `cargo run --release --example distill -- IN.jpg OUT.png [--profile profile.json] [--passes 1|2]`
//!
//! One pass requantizes the file's own coefficients; OUT is the result as PNG pixels or as JPEG. Two
//! passes distil the file's pixels as a sensor and a receiver that share the profile would; OUT.jpg is
//! then the defensive JPEG of pass one, OUT.png the picture that the classifier gets from pass two.

#[path = "support/png_file.rs"]
mod png_file;
#[path = "support/profile_file.rs"]
mod profile_file;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use feature_distillation::{
    AsMdDesign, BandStatistics, CoefficientImage, EncodeOptions, FeatureDistiller, HuffmanTables,
    InverseOptions, TableScope,
};

#[derive(Parser)]
#[command(about = "Distils one JPEG file")]
struct Arguments {
    /// The JPEG file to distil.
    input: PathBuf,
    /// The result: .png for pixels, .jpg or .jpeg for a JPEG file.
    output: PathBuf,
    /// A profile made by the `calibrate` example; without it, the table of the published code.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Passes to run.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    passes: u8,
}

enum OutputKind {
    Jpeg,
    Png,
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
    let kind = match arguments
        .output
        .extension()
        .and_then(|extension| extension.to_str())
    {
        Some("jpg" | "jpeg") => OutputKind::Jpeg,
        Some("png") => OutputKind::Png,
        _ => return Err("OUT must end in .png, .jpg or .jpeg".into()),
    };
    let distiller = match &arguments.profile {
        Some(file) => FeatureDistiller::from_profile(profile_file::read_profile(file)?),
        None => FeatureDistiller::builder()
            .design(
                &AsMdDesign::authors_code(),
                &BandStatistics::new(),
                TableScope::Shared,
            )?
            .build()?,
    };
    let input = fs::read(&arguments.input)
        .map_err(|error| format!("{}: {error}", arguments.input.display()))?;
    let output = &arguments.output;
    write(&distiller, &input, output, kind, arguments.passes)
        .map_err(|error| format!("{}: {error}", arguments.input.display()))?;
    println!(
        "{} -> {} ({} bytes -> {} bytes), profile {}",
        arguments.input.display(),
        output.display(),
        input.len(),
        fs::metadata(output)?.len(),
        distiller.profile().fingerprint()
    );
    Ok(())
}

fn write(
    distiller: &FeatureDistiller,
    input: &[u8],
    output: &Path,
    kind: OutputKind,
    passes: u8,
) -> Result<(), Box<dyn Error>> {
    let optimized = EncodeOptions::new().with_huffman_tables(HuffmanTables::Optimized);
    match (passes, kind) {
        (1, OutputKind::Jpeg) => fs::write(
            output,
            distiller.one_pass_transcode(input, &optimized)?.bytes,
        )?,
        (1, OutputKind::Png) => png_file::write_png(output, &distiller.one_pass_jpeg(input)?)?,
        (_, kind) => {
            let picture =
                CoefficientImage::decode(input)?.to_pixels(&InverseOptions::libjpeg_equal())?;
            let defensive = distiller.compress_coefficients(picture.view())?;
            match kind {
                OutputKind::Jpeg => fs::write(output, defensive.encode_with(&optimized)?.bytes)?,
                OutputKind::Png => {
                    let sent = distiller.distill_jpeg(&defensive.encode()?)?;
                    png_file::write_png(output, &distiller.distill(sent.view())?)?;
                }
            }
        }
    }
    Ok(())
}
