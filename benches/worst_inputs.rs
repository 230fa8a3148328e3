//! What the worst inputs cost, beside libjpeg-turbo and zune-jpeg: `cargo bench --bench worst_inputs`.
//!
//! Every input is read once by everyone, and the quick ones a few times: what counts is the order of
//! magnitude. The table has ratios and bytes, no seconds.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a picture is drawn in floats; lengths of inputs and bytes of memory are small"
)]

#[allow(dead_code, unreachable_pub, reason = "shared with the tests")]
#[path = "../tests/common/allocation.rs"]
mod allocation;
#[path = "common/bombs.rs"]
mod bombs;
#[allow(dead_code, unreachable_pub, reason = "shared with the tests")]
#[path = "../tests/common/bytes.rs"]
mod bytes;
#[path = "../examples/support/dead_leaves.rs"]
mod dead_leaves;
#[path = "../tests/oracle/mod.rs"]
mod oracle;

use std::hint::black_box;
use std::time::{Duration, Instant};

use allocation::{Counting, peak_of};
use bombs::{Bomb, bombs};
use feature_distillation::{
    CoefficientImage, Error, ForwardOptions, QuantizationTables, RecoveryReport,
};
use oracle::Libjpeg;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// An input that is read in less is read again, up to [`MOST_RUNS`] times, and the quickest run counts.
const QUICK: Duration = Duration::from_millis(200);
const MOST_RUNS: usize = 5;

const MEBIBYTE: usize = 1 << 20;

/// What reading an input came to.
struct Cost {
    verdict: String,
    has_read: bool,
    time: Duration,
    /// Bytes held at a time, beyond the input; `None` where nobody can tell.
    peak: Option<usize>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if !has("--bench") || has("--test") {
        // Without optimization all of them would take minutes.
        for bomb in bombs().into_iter().rev().take(1) {
            let bomb = bomb();
            println!("{}: {}", bomb.name, ours(&bomb).verdict);
        }
        return;
    }
    let filter = arguments
        .iter()
        .position(|argument| argument == "--input")
        .and_then(|index| arguments.get(index + 1));
    let libjpeg = Libjpeg::load();
    // What zune-jpeg panics about is its verdict, not a message.
    std::panic::set_hook(Box::new(|_| {}));

    let ordinary = ordinary_time_per_byte();
    println!(
        "| input | bytes | ours | peak, MiB | peak / input | time a byte / ordinary | \
         libjpeg-turbo | its time / ours | its peak / ours | zune-jpeg | its time / ours | its peak / ours |"
    );
    println!("|---|---:|---|---:|---:|---:|---|---:|---:|---|---:|---:|");
    for bomb in bombs() {
        let bomb = bomb();
        if filter.is_some_and(|part| !bomb.name.contains(part.as_str())) {
            continue;
        }
        let ours = ours(&bomb);
        if has("--seconds") {
            eprintln!("{}: {:?}", bomb.name, ours.time);
        }
        let length = bomb.bytes.len() as f64;
        let peak = ours.peak.unwrap_or_default() as f64;
        println!(
            "| {} | {} | {} | {:.1} | {} | {} | {} | {} |",
            bomb.name,
            bomb.bytes.len(),
            ours.verdict,
            peak / MEBIBYTE as f64,
            ratio(peak / length),
            ratio(ours.time.as_secs_f64() / length / ordinary),
            columns(
                libjpeg.and_then(|libjpeg| by_libjpeg(libjpeg, &bomb)),
                &ours
            ),
            columns(Some(by_zune(&bomb)), &ours),
        );
    }
}

/// Seconds that we take for a byte of a photograph-like baseline file.
fn ordinary_time_per_byte() -> f64 {
    let picture = dead_leaves::picture(1024, 768, 2).unwrap();
    let tables = QuantizationTables::annex_k(75).unwrap();
    let options = ForwardOptions::libjpeg_equal();
    let image = CoefficientImage::from_pixels(picture.view(), &tables, &options).unwrap();
    let bytes = image.encode().unwrap();
    let cost = cost(|| match CoefficientImage::decode(&bytes) {
        Ok(_) => Ok(String::new()),
        Err(error) => Err(error.to_string()),
    });
    cost.time.as_secs_f64() / bytes.len() as f64
}

fn ours(bomb: &Bomb) -> Cost {
    cost(|| {
        if bomb.recover {
            CoefficientImage::recover(black_box(&bomb.bytes))
                .map(|recovered| damages(&recovered.report))
        } else {
            CoefficientImage::decode(black_box(&bomb.bytes)).map(|_| "read".to_owned())
        }
        .map_err(|error| match error {
            Error::LimitExceeded { limit, .. } => format!("limit: {limit}"),
            Error::Malformed { .. } => "malformed".to_owned(),
            Error::UnexpectedEnd { .. } => "unexpected end".to_owned(),
            error => error.to_string(),
        })
    })
}

fn damages(report: &RecoveryReport) -> String {
    match report.damages().len() as u64 + report.unlisted() {
        0 => "read".to_owned(),
        1 => "1 damage".to_owned(),
        count => format!("{count} damages"),
    }
}

fn by_libjpeg(libjpeg: &Libjpeg, bomb: &Bomb) -> Option<Cost> {
    if bomb.too_much_for_libjpeg {
        return None;
    }
    let before = resident::reset_peak();
    let mut cost = cost(|| {
        libjpeg
            .read_coefficients_only(black_box(&bomb.bytes))
            .map(|image| match image.warnings {
                0 => "read".to_owned(),
                1 => "1 warning".to_owned(),
                count => format!("{count} warnings"),
            })
            .map_err(|_| "refused".to_owned())
    });
    // Its memory is not of our allocator.
    let peak = resident::peak();
    cost.peak = before
        .zip(peak)
        .map(|(before, peak)| peak.saturating_sub(before));
    Some(cost)
}

fn by_zune(bomb: &Bomb) -> Cost {
    cost(|| {
        let decode = || JpegDecoder::new(ZCursor::new(black_box(&bomb.bytes))).decode();
        match std::panic::catch_unwind(decode) {
            Ok(Ok(_)) => Ok("read".to_owned()),
            Ok(Err(_)) => Err("refused".to_owned()),
            Err(_) => Err("panic".to_owned()),
        }
    })
}

fn cost(mut read: impl FnMut() -> Result<String, String>) -> Cost {
    let mut best: Option<Cost> = None;
    for _ in 0..MOST_RUNS {
        let start = Instant::now();
        let (verdict, peak) = peak_of(&mut read);
        let time = start.elapsed();
        if best.as_ref().is_none_or(|best| time < best.time) {
            best = Some(Cost {
                has_read: verdict.is_ok(),
                verdict: verdict.unwrap_or_else(|error| error),
                time,
                peak: Some(peak),
            });
        }
        if time > QUICK {
            break;
        }
    }
    best.expect("it was run")
}

/// Verdict, time and memory of a peer, the latter two by ours.
fn columns(peer: Option<Cost>, ours: &Cost) -> String {
    let Some(peer) = peer else {
        return "not run | | ".to_owned();
    };
    if !peer.has_read {
        return format!("{} | | ", peer.verdict);
    }
    let time = ratio(peer.time.as_secs_f64() / ours.time.as_secs_f64());
    let peak = match (peer.peak, ours.peak) {
        (Some(peer), Some(ours)) if ours >= MEBIBYTE => ratio(peer as f64 / ours as f64),
        // A few pages of ours are no measure.
        (Some(peer), _) if peer >= MEBIBYTE => format!("{} MiB", peer / MEBIBYTE),
        _ => String::new(),
    };
    format!("{} | {time} | {peak}", peer.verdict)
}

/// Two digits that count, where the order of magnitude tells anything.
fn ratio(value: f64) -> String {
    match value {
        1_000_000.0.. => "> 10^6".to_owned(),
        10.0.. => format!("{value:.0}"),
        1.0.. => format!("{value:.1}"),
        0.01.. => format!("{value:.2}"),
        _ => "< 0.01".to_owned(),
    }
}

/// Memory of the whole process, by the kernel's account: pages that the allocator keeps count as held
/// before, so that it should keep none (`MALLOC_MMAP_THRESHOLD_`).
mod resident {
    use std::fs;

    /// Forgets the peak so far, and returns the bytes held now; `None` where there is no such account.
    pub(super) fn reset_peak() -> Option<usize> {
        fs::write("/proc/self/clear_refs", "5").ok()?;
        peak()
    }

    /// The most bytes held since.
    pub(super) fn peak() -> Option<usize> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: usize = line.split_whitespace().next()?.parse().ok()?;
        Some(kibibytes << 10)
    }
}
