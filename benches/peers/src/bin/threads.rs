//! How many times faster several threads are than one: batches of pictures, and a large picture alone.

use std::hint::black_box;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Parser;
use feature_distillation::{
    BandStatistics, ChromaSubsampling, DecodeOptions, FeatureDistiller, PixelPipeline,
    PixelScratch, PixelView,
};
use peers::{
    Libjpeg, Photo, Sources, distiller, enlarged, exit, libjpeg, median, one_pass, photos,
};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Rounds that a median takes at least.
const FEWEST_ROUNDS: usize = 5;
/// Of the files, which are baseline, 4:2:0 and without restart markers.
const QUALITY: u8 = 90;
/// Sides of the large picture.
const LARGE: (u32, u32) = (6000, 4000);
/// Side of the crops, and of the large picture, of a smoke run.
const SMALL: u32 = 64;

/// Prints time on one thread / time on several, by the clock on the wall: the machine is to be idle otherwise.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of JPEG photos; without it dead leaves are drawn
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    /// Number of photos in a batch, spread over the folder
    #[arg(long, value_name = "N", default_value_t = 200)]
    files: usize,
    /// Threads to compare with one
    #[arg(long, value_name = "N", default_value_t = 2)]
    threads: usize,
    /// Time to measure for; five rounds are run in any case
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Run everything once on small pictures, and measure nothing
    #[arg(long)]
    test: bool,
}

/// Work that may use the threads of the pool in which it is done.
struct Work<'a> {
    name: &'static str,
    do_it: Box<dyn Fn() + Sync + 'a>,
    /// Seconds on one thread and on several, by round.
    times: [Vec<f64>; 2],
}

impl<'a> Work<'a> {
    fn new<T>(name: &'static str, result: impl Fn() -> T + Sync + 'a) -> Self {
        Self {
            name,
            do_it: Box::new(move || {
                black_box(result());
            }),
            times: [const { Vec::new() }; 2],
        }
    }

    /// Runs on both pools, the first one first in even rounds.
    fn round(&mut self, number: usize, pools: &[ThreadPool; 2]) {
        for turn in 0..2 {
            let index = (number + turn) % 2;
            let start = Instant::now();
            pools[index].install(&*self.do_it);
            self.times[index].push(start.elapsed().as_secs_f64());
        }
    }
}

fn main() -> ExitCode {
    exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let libjpeg = libjpeg()?;
    let pools = [pool(1)?, pool(arguments.threads)?];
    let sources = Sources {
        folder: arguments.photos.clone(),
        count: if arguments.test { 3 } else { arguments.files },
    };
    let mut photos = photos(&sources, libjpeg)?;
    let large = if arguments.test {
        photos = photos
            .iter()
            .map(|photo| enlarged(photo, SMALL, SMALL))
            .collect();
        enlarged(&photos[0], SMALL, SMALL)
    } else {
        enlarged(&photos[0], LARGE.0, LARGE.1)
    };
    let views: Vec<PixelView<'_>> = photos.iter().map(Photo::view).collect();
    let files: Vec<Vec<u8>> = photos.iter().map(|photo| file(photo, libjpeg)).collect();
    let large = file(&large, libjpeg);
    // The first is the default pipeline.
    let [precise, libjpeg_equal] = [PixelPipeline::Precise, PixelPipeline::LibjpegEqual]
        .map(|pipeline| distiller(ChromaSubsampling::Both, pipeline));
    let mut works = works([&precise, &libjpeg_equal], &views, &files, &large);

    if arguments.test {
        for work in &mut works {
            work.round(0, &pools);
        }
        println!("{} cases run", works.len());
        return Ok(());
    }
    for work in &works {
        for pool in &pools {
            pool.install(&*work.do_it);
        }
    }
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let mut rounds = 0;
    while rounds < FEWEST_ROUNDS || Instant::now() < end {
        for work in &mut works {
            work.round(rounds, &pools);
        }
        rounds += 1;
    }
    println!(
        "{} photos a batch, {rounds} rounds; time on one thread / time on {}\n",
        photos.len(),
        arguments.threads
    );
    print_summary(works);
    Ok(())
}

fn pool(threads: usize) -> Result<ThreadPool, String> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| error.to_string())
}

fn file(photo: &Photo, libjpeg: &Libjpeg) -> Vec<u8> {
    photo.file(QUALITY, ChromaSubsampling::Both, false, libjpeg)
}

fn works<'a>(
    [distiller, libjpeg_equal]: [&'a FeatureDistiller; 2],
    views: &'a [PixelView<'a>],
    files: &'a [Vec<u8>],
    large: &'a [u8],
) -> [Work<'a>; 6] {
    [
        Work::new("batch, one pass", || {
            all(distiller.batch().one_pass_jpeg(files))
        }),
        Work::new("batch, pass one of two", || {
            all(distiller.batch().compress(views))
        }),
        Work::new("batch, calibration", || {
            let mut statistics = BandStatistics::new();
            all(statistics.add_jpegs(files, &DecodeOptions::new()));
            statistics
        }),
        Work::new("one large picture, one pass", || one_pass(distiller, large)),
        Work::new(
            "the same, kept memory",
            one_pass_in_kept_memory(distiller, large),
        ),
        Work::new(
            "the same, libjpeg-equal, kept memory",
            one_pass_in_kept_memory(libjpeg_equal, large),
        ),
    ]
}

/// As a service goes it: pixels too lie where those before lay.
fn one_pass_in_kept_memory<'a>(
    distiller: &'a FeatureDistiller,
    bytes: &'a [u8],
) -> impl Fn() + Sync + 'a {
    let scratch = Mutex::new(PixelScratch::new());
    move || {
        let mut scratch = scratch.lock().unwrap();
        let pixels = distiller.one_pass_jpeg_in(bytes, &mut scratch).unwrap();
        scratch.recycle(pixels);
    }
}

/// The results of a batch in which nothing fails.
fn all<T>(results: Vec<feature_distillation::Result<T>>) -> Vec<T> {
    results.into_iter().map(Result::unwrap).collect()
}

fn print_summary(works: [Work<'_>; 6]) {
    println!("| work | ms on one thread | ms on several | ratio | lowest | highest |");
    println!("|---|---:|---:|---:|---:|---:|");
    for Work { name, times, .. } in works {
        let [one, several] = &times;
        let ratios: Vec<f64> = one
            .iter()
            .zip(several)
            .map(|(one, several)| one / several)
            .collect();
        let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = ratios.iter().copied().fold(0.0, f64::max);
        let ratio = median(ratios);
        let [one, several] = times.map(|times| 1e3 * median(times));
        println!("| {name} | {one:.1} | {several:.1} | {ratio:.2} | {lowest:.2} | {highest:.2} |");
    }
}
