//! Prints what a JPEG file holds as JSON: frame, components with hashes of their coefficients, metadata.
//!
//! `cargo run --release --example inspect -- FILE.jpg [--pixels]`, or `--json-lines DIR` for every
//! file of a folder, one object a line. A refused file gives `file` and `error`.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use feature_distillation::{CoefficientImage, ColorSpace, Component, InverseOptions, PixelFormat};
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
    /// Add the hash of the decoded pixels (libjpeg-equal pipeline).
    #[arg(long)]
    pixels: bool,
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
            writeln!(output, "{}", inspect(&file, arguments.pixels))?;
        }
    } else if let Some(file) = &arguments.file {
        writeln!(output, "{:#}", inspect(file, arguments.pixels))?;
    }
    Ok(())
}

fn inspect(path: &Path, pixels: bool) -> Value {
    let file = path.display().to_string();
    match describe(path, pixels) {
        Ok(mut description) => {
            description["file"] = file.into();
            description
        }
        Err(error) => json!({ "file": file, "error": error.to_string() }),
    }
}

fn describe(path: &Path, pixels: bool) -> Result<Value, Box<dyn Error>> {
    let image = CoefficientImage::decode(&fs::read(path)?)?;
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
    if pixels {
        let options = match image.color_space().components() {
            Some(1 | 3) => InverseOptions::libjpeg_equal().with_format(PixelFormat::Rgb),
            _ => InverseOptions::libjpeg_equal(),
        };
        // Components of no declared meaning have coefficients but no pixels.
        description["rgb_sha256"] = match image.color_space() {
            ColorSpace::Unknown => Value::Null,
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
