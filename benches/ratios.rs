//! How much faster each road is than its peers, measured so that a busy machine matters little.
//!
//! All contenders of a road over one picture run in turn, round by round, each round beginning with
//! another one. A round gives one ratio for each pair, and the median over the rounds counts.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pictures are drawn in floats; sides, samples and counts are small"
)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::oracle::Libjpeg;
use common::pictures::{Picture, Selection, pictures};
use common::workloads::{Case, Contender, cases};
use feature_distillation::{CodingProcess, CoefficientImage, SamplingFactor};

/// Rounds that a median takes at least.
const FEWEST_ROUNDS: usize = 5;
/// A turn lasts at least as long, by repetition.
const TURN: Duration = Duration::from_millis(2);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    // As criterion has it: everything once, unless cargo says that it is a benchmark.
    let smoke = !has("--bench") || has("--test");
    let value_of = |flag: &str| {
        let place = arguments.iter().position(|argument| argument == flag);
        place.and_then(|index| arguments.get(index + 1))
    };
    let seconds =
        value_of("--seconds").map_or(75, |value| value.parse().expect("--seconds takes a number"));
    let filter = value_of("--road");
    let folder = value_of("--files").map(Path::new);

    let libjpeg = Libjpeg::load();
    match libjpeg {
        Some(libjpeg) => {
            let version = libjpeg.version();
            println!(
                "libjpeg-turbo {}.{}.{}",
                version / 1_000_000,
                version / 1000 % 1000,
                version % 1000
            );
        }
        None => eprintln!("without libjpeg: its rows are missing"),
    }
    let selection = if smoke {
        Selection::Smoke
    } else {
        Selection::All
    };
    let pictures = match folder {
        None => pictures(selection, libjpeg),
        Some(folder) => files(folder),
    };
    for picture in &pictures {
        let pixels = f64::from(picture.width) * f64::from(picture.height);
        let bits = 8.0 * picture.jpeg.len() as f64 / pixels;
        println!("{}: {bits:.2} bits a pixel", picture.name);
    }
    let mut races: Vec<Race> = cases(&pictures, libjpeg)
        .into_iter()
        .filter(|case| filter.is_none_or(|road| case.road == road))
        .map(Race::new)
        .collect();
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut rounds = 0;
    while !smoke && (rounds < FEWEST_ROUNDS || Instant::now() < end) {
        for race in &mut races {
            race.round(rounds);
        }
        rounds += 1;
    }
    if smoke {
        println!("{} cases run", races.len());
    } else {
        println!("{rounds} rounds; time of the peer / time of ours\n");
        print_table(&races);
    }
}

/// The JPEG files of a folder, in the order of their names.
fn files(folder: &Path) -> Vec<&'static Picture> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jpg"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let jpeg = std::fs::read(&path).unwrap();
        let image = CoefficientImage::decode(&jpeg).unwrap();
        let picture = Picture {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            width: image.width(),
            height: image.height(),
            rgb: Vec::new(),
            subsampled: image.components()[0].sampling() != SamplingFactor::ONE,
            quality: 0,
            progressive: image.process() == CodingProcess::Progressive,
            jpeg,
        };
        &*Box::leak(Box::new(picture))
    };
    paths.into_iter().map(read).collect()
}

/// A case and the times of its contenders, one of each a round.
struct Race {
    case: Case,
    repetitions: Vec<u32>,
    /// Seconds for one run, by contender and round.
    times: Vec<Vec<f64>>,
}

impl Race {
    /// Runs each contender twice, the second time to learn how often it fits into a turn.
    fn new(mut case: Case) -> Self {
        let repetitions = case
            .contenders
            .iter_mut()
            .map(|contender| {
                (contender.run)();
                let once = time(contender, 1).max(1e-9);
                (TURN.as_secs_f64() / once).ceil().max(1.0) as u32
            })
            .collect();
        Self {
            times: vec![Vec::new(); case.contenders.len()],
            case,
            repetitions,
        }
    }

    fn round(&mut self, number: usize) {
        let count = self.case.contenders.len();
        for turn in 0..count {
            // The direction changes too, so that each follows each of the others.
            let place = if (number / count).is_multiple_of(2) {
                turn
            } else {
                count - 1 - turn
            };
            let index = (number + place) % count;
            let seconds = time(&mut self.case.contenders[index], self.repetitions[index]);
            self.times[index].push(seconds);
        }
    }

    /// (ours, peer, ratio) for each pair.
    fn ratios(&self) -> impl Iterator<Item = (&'static str, &'static str, f64)> + '_ {
        let pairs = |ours: bool| {
            let named = self.case.contenders.iter().zip(&self.times);
            named.filter(move |(contender, _)| contender.ours == ours)
        };
        pairs(true).flat_map(move |(ours, our_times)| {
            pairs(false).map(move |(peer, peer_times)| {
                let ratios = peer_times.iter().zip(our_times).map(|(p, o)| p / o);
                (ours.name, peer.name, median(ratios.collect()))
            })
        })
    }
}

/// Seconds for one run.
fn time(contender: &mut Contender, repetitions: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..repetitions {
        (contender.run)();
    }
    start.elapsed().as_secs_f64() / f64::from(repetitions)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
    f64::midpoint(values[low], values[high])
}

fn print_table(races: &[Race]) {
    println!("| road | picture | ours | peer | ratio |\n|---|---|---|---|---:|");
    let mut summary: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    for (place, road) in races
        .chunk_by(|one, next| one.case.road == next.case.road)
        .enumerate()
    {
        for race in road {
            let (name, picture) = (race.case.road, &race.case.picture.name);
            for (ours, peer, ratio) in race.ratios() {
                println!("| {name} | {picture} | {ours} | {peer} | {ratio:.2} |");
                let key = (place, name, ours, peer);
                summary.entry(key).or_default().push(ratio);
            }
        }
    }
    println!("\n| road | ours | peer | median | geometric mean | lowest | highest |");
    println!("|---|---|---|---:|---:|---:|---:|");
    for ((_, name, ours, peer), ratios) in summary {
        let mean = ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64;
        let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = ratios.iter().copied().fold(0.0, f64::max);
        let mean = mean.exp();
        let median = median(ratios);
        println!(
            "| {name} | {ours} | {peer} | {median:.2} | {mean:.2} | {lowest:.2} | {highest:.2} |"
        );
    }
}
