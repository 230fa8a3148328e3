//! Prints what a JPEG file holds as JSON: frame, components with hashes of their coefficients, metadata.
//!
//! `cargo run --release --example inspect -- FILE.jpg [--pixels] [--recover]`, or `--json-lines DIR` for
//! every file of a folder, one object a line. A refused file gives `file` and `error`; with `--recover`,
//! what can be read of a damaged one is given, with its `damages`.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use feature_distillation::{
    CoefficientImage, ColorSpace, Component, InverseOptions, PixelFormat, SamplePrecision,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[derive(Parser)]
#[command(about = "Prints what a JPEG file holds, as JSON")]
struct Arguments {
    /// The file to inspect.
    #[arg(required_unless_present = "json_lines")]
    file: Option<PathBuf>,
    /// Inspect every file of a folder and print one JSON object a line.
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    json_lines: Option<PathBuf>,
    #[command(flatten)]
    what: What,
}

#[derive(clap::Args)]
struct What {
    /// Add the hash of the decoded pixels (libjpeg-equal pipeline).
    #[arg(long)]
    pixels: bool,
    /// Read what can be read of damaged files, and list the damages.
    #[arg(long)]
    recover: bool,
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
    let mut output = io::stdout().lock();
    if let Some(folder) = &arguments.json_lines {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_file() {
                files.push(path);
            }
        }
        files.sort();
        for file in files {
            writeln!(output, "{}", inspect(&file, &arguments.what))?;
        }
    } else if let Some(file) = &arguments.file {
        writeln!(output, "{:#}", inspect(file, &arguments.what))?;
    }
    Ok(())
}

fn inspect(path: &Path, what: &What) -> Value {
    let file = path.display().to_string();
    match describe(path, what) {
        Ok(mut description) => {
            description["file"] = file.into();
            description
        }
        Err(error) => json!({ "file": file, "error": error.to_string() }),
    }
}

fn describe(path: &Path, what: &What) -> Result<Value, Box<dyn Error>> {
    let bytes = fs::read(path)?;
    let (image, report) = if what.recover {
        let recovered = CoefficientImage::recover(&bytes)?;
        (recovered.image, Some(recovered.report))
    } else {
        (CoefficientImage::decode(&bytes)?, None)
    };
    let components: Vec<Value> = image.components().iter().map(component).collect();
    let metadata: Vec<Value> = image
        .metadata()
        .iter()
        .map(|segment| json!({ "kind": segment.kind().name(), "bytes": segment.payload().len() }))
        .collect();
    let mut description = json!({
        "width": image.width(),
        "height": image.height(),
        "precision": image.precision().bits(),
        "process": image.process().name(),
        "entropy_coding": image.entropy_coding().name(),
        "components": components,
        "metadata": metadata,
    });
    if let Some(report) = report {
        let damages = report.damages().iter().map(ToString::to_string);
        description["damages"] = damages.collect::<Vec<_>>().into();
    }
    if what.pixels {
        let options = match image.color_space().components() {
            Some(1 | 3) => InverseOptions::libjpeg_equal().with_format(PixelFormat::Rgb),
            _ => InverseOptions::libjpeg_equal(),
        };
        // Components of no declared meaning and samples of 12 bits have coefficients but no pixels.
        description["rgb_sha256"] = match (image.color_space(), image.precision()) {
            (ColorSpace::Unknown, _) | (_, SamplePrecision::Twelve) => Value::Null,
            _ => format!(
                "{:x}",
                Sha256::digest(image.to_pixels(&options)?.as_slice())
            )
            .into(),
        };
    }
    Ok(description)
}

fn component(component: &Component) -> Value {
    let mut hash = Sha256::new();
    for block in component.blocks() {
        for coefficient in block {
            hash.update(coefficient.to_le_bytes());
        }
    }
    json!({
        "id": component.id(),
        "horizontal_sampling": component.sampling().horizontal(),
        "vertical_sampling": component.sampling().vertical(),
        "blocks_wide": component.blocks_wide(),
        "blocks_high": component.blocks_high(),
        "quantization_table": component.quantization_table().to_natural().to_vec(),
        "sha256": format!("{:x}", hash.finalize()),
    })
}
