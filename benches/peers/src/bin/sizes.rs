//! What one pass costs by the size of the picture: time a pixel, and memory.
//!
//! A process of its own, since it counts what the allocator gives.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "sides of pictures and bytes of memory are small"
)]

#[allow(dead_code, unreachable_pub, reason = "shared with the tests")]
#[path = "../../../../tests/common/allocation.rs"]
mod allocation;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use allocation::{Counting, peak_of};
use clap::Parser;
use feature_distillation::{ChromaSubsampling, PixelScratch};
use peers::{
    Libjpeg, PIPELINES, Photo, Picture, Sources, decode_by, distiller, enlarged, exit, libjpeg,
    median, one_pass, photos, seconds, versions,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Megapixels of the pictures.
const SIZES: [f64; 7] = [0.05, 0.2, 1.0, 4.0, 12.0, 24.0, 100.0];
const SMOKE: [f64; 2] = [0.002, 0.01];
/// Of the files, which are baseline and 4:2:0.
const QUALITY: u8 = 90;
/// Of a run: all anew, or what the runs before have left, pixels and all.
const MEMORY: [&str; 2] = ["fresh", "kept"];
/// Seconds that the runs over one picture take about.
const SECONDS: f64 = 6.0;
const FEWEST_ROUNDS: usize = 5;

/// Prints what one pass costs by the size of the picture, beside libjpeg-turbo's plain decoding.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of JPEG photos, of which the first is repeated; without it dead leaves are drawn
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    /// Run everything on small pictures
    #[arg(long)]
    test: bool,
}

fn main() -> ExitCode {
    exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let libjpeg = libjpeg()?;
    println!("{}\n", versions(libjpeg));
    let sources = Sources {
        folder: arguments.photos.clone(),
        count: 1,
    };
    let photos = photos(&sources, libjpeg)?;
    println!(
        "| megapixels | bits a pixel | ours | memory | ns a pixel | libjpeg-turbo, ns a pixel \
         | its time / ours | beyond input and output, MiB |"
    );
    println!("|---:|---:|---|---|---:|---:|---:|---:|");
    let sizes: &[f64] = if arguments.test { &SMOKE } else { &SIZES };
    for &megapixels in sizes {
        print_rows(megapixels, &photos[0], libjpeg);
    }
    Ok(())
}

fn print_rows(megapixels: f64, photo: &Photo, libjpeg: &'static Libjpeg) {
    let height = (megapixels * 1e6 * 0.75).sqrt().round();
    let width = (megapixels * 1e6 / height).round();
    let photo = Box::leak(Box::new(enlarged(photo, width as u32, height as u32)));
    let picture = Picture::new(photo, QUALITY, ChromaSubsampling::Both, false, libjpeg);
    // Kept to the end of the process, as the ratios keep theirs.
    let picture: &'static Picture = Box::leak(Box::new(picture));
    let bytes = picture.jpeg.as_slice();
    let distillers = PIPELINES.map(|(_, pipeline)| distiller(picture.subsampling, pipeline));
    let decode = decode_by(libjpeg, picture);

    let beyond = distillers.each_ref().map(|distiller| {
        let (pixels, peak) = peak_of(|| one_pass(distiller, bytes));
        peak - pixels.as_slice().len()
    });
    let mut contenders: Vec<Box<dyn FnMut()>> = Vec::new();
    for distiller in &distillers {
        contenders.push(Box::new(|| drop(one_pass(distiller, bytes))));
        let mut scratch = PixelScratch::new();
        contenders.push(Box::new(move || {
            let pixels = distiller.one_pass_jpeg_in(bytes, &mut scratch).unwrap();
            scratch.recycle(pixels);
        }));
    }
    contenders.push(Box::new(|| drop(decode(bytes))));
    let mut pixels = vec![0; picture.photo.rgb.len()];
    contenders.push(Box::new(move || {
        libjpeg.decode_into(bytes, true, &mut pixels).unwrap();
    }));
    let count = contenders.len();
    let mut times = vec![Vec::new(); count];
    let start = Instant::now();
    for round in 0.. {
        if round >= FEWEST_ROUNDS && start.elapsed().as_secs_f64() > SECONDS {
            break;
        }
        for place in 0..count {
            let index = (round + place) % count;
            times[index].push(seconds(&mut contenders[index]));
        }
    }
    let pixels = picture.photo.pixels() as f64;
    let times: Vec<f64> = times.into_iter().map(median).collect();
    let (ours, theirs) = times.split_at(count - MEMORY.len());
    for ((ours, (pipeline, _)), beyond) in ours.chunks(MEMORY.len()).zip(PIPELINES).zip(beyond) {
        for ((memory, ours), theirs) in MEMORY.iter().zip(ours).zip(theirs) {
            println!(
                "| {megapixels} | {:.2} | {pipeline} | {memory} | {:.1} | {:.1} | {:.2} | {:.2} |",
                picture.bits_per_pixel(),
                1e9 * ours / pixels,
                1e9 * theirs / pixels,
                theirs / ours,
                beyond as f64 / f64::from(1 << 20),
            );
        }
    }
}
