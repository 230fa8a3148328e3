//! How many times faster each road is than its peers.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use peers::{
    Picture, ROADS, Race, Road, Sizes, Sources, cases, exit, libjpeg, median, pictures, versions,
};

/// Rounds that a median takes at least.
const FEWEST_ROUNDS: usize = 5;

/// Prints time of the peer / time of ours, road by road: more than 1 means that ours is faster.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of JPEG photos; without it dead leaves are drawn
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    /// Number of photos, spread over the folder; each becomes 32 files
    #[arg(long, value_name = "N", default_value_t = 6)]
    files: usize,
    /// Time to measure for; five rounds are run in any case
    #[arg(long, value_name = "N", default_value_t = 120)]
    seconds: u64,
    /// Only the roads whose name contains this
    #[arg(long, value_name = "NAME", default_value = "")]
    road: String,
    /// Print the ratios of each file too
    #[arg(long)]
    each: bool,
    /// Name the roads, and measure nothing
    #[arg(long)]
    list: bool,
    /// Run everything once on small pictures, and measure nothing
    #[arg(long)]
    test: bool,
}

fn main() -> ExitCode {
    exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let roads: Vec<Road> = ROADS
        .into_iter()
        .filter(|road| road.name.contains(&arguments.road))
        .collect();
    if roads.is_empty() {
        return Err(format!("no road is called {:?}", arguments.road));
    }
    if arguments.list {
        for road in roads {
            println!("{}", road.name);
        }
        return Ok(());
    }
    let libjpeg = libjpeg()?;
    println!("{}\n", versions(libjpeg));
    let sources = Sources {
        folder: arguments.photos.clone(),
        count: if arguments.test { 1 } else { arguments.files },
    };
    let sizes = if arguments.test {
        Sizes::Smoke
    } else {
        Sizes::All
    };
    let pictures = pictures(&sources, sizes, libjpeg)?;
    let mut races: Vec<Race> = cases(&roads, &pictures, libjpeg)
        .into_iter()
        .map(Race::new)
        .collect();
    if arguments.test {
        println!("{} cases run", races.len());
        return Ok(());
    }
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let mut rounds = 0;
    while rounds < FEWEST_ROUNDS || Instant::now() < end {
        for race in &mut races {
            race.round(rounds);
        }
        rounds += 1;
    }
    describe(&pictures);
    println!("{rounds} rounds; time of the peer / time of ours\n");
    if arguments.each {
        print_each(&races);
    }
    print_summary(&races);
    Ok(())
}

fn describe(pictures: &[&Picture]) {
    let mut pixels: Vec<u64> = pictures
        .iter()
        .map(|picture| picture.photo.pixels())
        .collect();
    pixels.sort_unstable();
    let bits = pictures.iter().map(|picture| picture.bits_per_pixel());
    println!(
        "{} files of {} to {} pixels, at {:.1} to {:.1} bits a pixel",
        pictures.len(),
        pixels[0],
        pixels[pixels.len() - 1],
        bits.clone().fold(f64::INFINITY, f64::min),
        bits.fold(0.0, f64::max),
    );
}

fn print_each(races: &[Race]) {
    println!("| road | file | ours | peer | ratio |\n|---|---|---|---|---:|");
    for race in races {
        let (road, file) = (race.case.road, race.case.picture.name());
        for (ours, peer, ratio) in race.ratios() {
            println!("| {road} | {file} | {ours} | {peer} | {ratio:.2} |");
        }
    }
    println!();
}

fn print_summary(races: &[Race]) {
    println!("| road | ours | peer | files | median | lowest | highest |");
    println!("|---|---|---|---:|---:|---:|---:|");
    for road in races.chunk_by(|one, next| one.case.road == next.case.road) {
        // Every race of a road has the same pairs in the same order.
        let by_race: Vec<Vec<_>> = road.iter().map(|race| race.ratios().collect()).collect();
        for (index, (ours, peer, _)) in by_race[0].iter().enumerate() {
            let ratios: Vec<f64> = by_race.iter().map(|pairs| pairs[index].2).collect();
            let (name, files) = (road[0].case.road, ratios.len());
            let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
            let highest = ratios.iter().copied().fold(0.0, f64::max);
            let median = median(ratios);
            println!(
                "| {name} | {ours} | {peer} | {files} | {median:.2} | {lowest:.2} | {highest:.2} |"
            );
        }
    }
}
