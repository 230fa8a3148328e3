//! A race between the contenders of a road over one picture, run so that a busy machine matters little.
//!
//! All contenders run in turn, round by round, each round beginning with another one. A round gives one
//! ratio for each pair, and the median over the rounds counts. Time is this thread's time on the processor,
//! the system's work for it included.

use std::time::Duration;

use cpu_time::ThreadTime;

use crate::workloads::{Case, Contender};

/// A turn lasts at least as long, by repetition.
const TURN: Duration = Duration::from_millis(2);

/// A case and the times of its contenders, one of each a round.
pub struct Race {
    pub case: Case,
    repetitions: Vec<u32>,
    /// Seconds for one run, by contender and round.
    times: Vec<Vec<f64>>,
}

impl Race {
    /// Runs each contender twice, the second time to learn how often it fits into a turn.
    pub fn new(mut case: Case) -> Self {
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

    pub fn round(&mut self, number: usize) {
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

    /// (ours, peer, time of the peer / time of ours) for each pair.
    pub fn ratios(&self) -> impl Iterator<Item = (&'static str, &'static str, f64)> + '_ {
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

/// Seconds of the processor for one run.
fn time(contender: &mut Contender, repetitions: u32) -> f64 {
    seconds(|| {
        for _ in 0..repetitions {
            (contender.run)();
        }
    }) / f64::from(repetitions)
}

/// Seconds of the processor that this thread takes for some work.
pub fn seconds(work: impl FnOnce()) -> f64 {
    let start = ThreadTime::now();
    work();
    start.elapsed().as_secs_f64()
}

/// The middle value, or the mean of the two.
///
/// # Panics
///
/// If there are no values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
    f64::midpoint(values[low], values[high])
}
