//! Other levels for one unit: certified, and with the least distortion that is found.
//!
//! The work is bounded, whatever the pixels are. A trial is one unit decoded, clipped and transformed again;
//! there are at most
//!
//! - 48 + 16 times 16 + 2, or 1152, in the best-first search,
//! - 17 for each of 5 colours with less contrast, 40 of flat blocks,
//! - twice as many as there are levels to undo, 64 a block: 768 in an MCU of 6 blocks.

use std::collections::BTreeSet;

use crate::band::BANDS;
use crate::pixels::{Blocks, MOST_BLOCKS, Rendering};

use super::guide::Move;
use super::unit::{Levels, Outcome, Unit};

/// How many sets of levels the best-first search looks around until something is certified, and from there on.
const EXPANSIONS_TO_CERTIFY: u32 = 48;
const EXPANSIONS_TO_IMPROVE: u32 = 16;

/// How many moves it tries around each: those of the least distortion for what they take from the excess, and
/// those of the least distortion.
const MOVES_BY_RATE: usize = 16;
const MOVES_BY_COST: usize = 2;

/// How many expansions in a row may find nothing better than the best certified levels.
const PATIENCE: u32 = 5;

/// What a unit of violation is worth in distortion, before anything is certified and after. The first finds
/// certified levels soon; the second finds better ones.
const FIRST_PRICE: f64 = 10_000.0;
const PRICE: f64 = 100.0;

/// Levels and what they lead to.
#[derive(Debug, Clone)]
struct Candidate {
    levels: Levels,
    outcome: Outcome,
}

/// The best levels so far: certified ones of the least distortion; without any, those of the largest radius.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub(super) unit: &'a Unit<'a>,
    /// The coefficients of the raw pixels.
    pub(super) wanted: Blocks<f32>,
    start: Levels,
    certified: Option<Candidate>,
    widest: Option<(f64, Candidate)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(unit: &'a Unit<'a>, start: &Levels) -> Self {
        Self {
            unit,
            wanted: unit.wanted(),
            start: *start,
            certified: None,
            widest: None,
        }
    }

    /// The best levels that are found; the start if none are better.
    pub(super) fn run<T: Rendering>(mut self, outcome: Outcome) -> Levels {
        let start = Candidate {
            levels: self.start,
            outcome,
        };
        self.consider(&start);
        self.best_first::<T>(start);
        self.contract::<T>();
        if self.certified.is_none() {
            self.flatten::<T>();
        }
        self.undo::<T>();
        self.certified
            .or(self.widest.map(|(_, widest)| widest))
            .map_or(self.start, |best| best.levels)
    }

    /// Levels that are less distorted than the best certified ones.
    fn tried<T: Rendering>(&self, levels: &Levels) -> Option<Candidate> {
        let samples = self.unit.samples::<T>(levels);
        let outcome = self.unit.outcome(levels, &samples, self.bound())?;
        Some(Candidate {
            levels: *levels,
            outcome,
        })
    }

    /// Keeps a candidate that is better than the best so far, as all certified ones are that are tried; tells
    /// whether it is certified.
    fn consider(&mut self, candidate: &Candidate) -> bool {
        if self.unit.is_certified(&candidate.outcome) {
            self.certified = Some(candidate.clone());
            return true;
        }
        if self.certified.is_none() {
            let distortion = candidate.outcome.distortion;
            let radius = self.unit.radius(&candidate.outcome);
            let is_better = self.widest.as_ref().is_none_or(|(widest, best)| {
                radius
                    .total_cmp(widest)
                    .then(best.outcome.distortion.total_cmp(&distortion))
                    .is_gt()
            });
            if is_better {
                self.widest = Some((radius, candidate.clone()));
            }
        }
        false
    }

    /// What the distortion of a better certified candidate is below.
    fn bound(&self) -> f64 {
        self.certified
            .as_ref()
            .map_or(f64::INFINITY, |best| best.outcome.distortion)
    }

    /// Looks around the most promising levels again and again, until none of them can be better, or none were for
    /// a while. What was certified is not looked around, nor what is no nearer to the raw pixels.
    fn best_first<T: Rendering>(&mut self, start: Candidate) {
        let mut seen = BTreeSet::from([0]);
        let unrepaired = start.outcome.distortion;
        let mut open = vec![(0_u64, start)];
        let (mut best, mut idle, mut certified_at) = (f64::INFINITY, 0, None);
        for expansion in 0..EXPANSIONS_TO_CERTIFY + EXPANSIONS_TO_IMPROVE {
            let bound = self.bound();
            idle = if bound < best { 0 } else { idle + 1 };
            best = bound;
            if bound.is_finite() {
                let first = *certified_at.get_or_insert(expansion);
                let is_over = expansion - first == EXPANSIONS_TO_IMPROVE || idle == PATIENCE;
                if is_over || bound <= unrepaired {
                    return;
                }
            } else if expansion == EXPANSIONS_TO_CERTIFY {
                return;
            }
            open.retain(|(_, candidate)| candidate.outcome.distortion < bound);
            let price = if bound.is_finite() {
                PRICE
            } else {
                FIRST_PRICE
            };
            let merit = |(_, candidate): &(u64, Candidate)| {
                candidate.outcome.distortion + price * f64::from(candidate.outcome.violation)
            };
            let Some(next) =
                (0..open.len()).min_by(|&a, &b| merit(&open[a]).total_cmp(&merit(&open[b])))
            else {
                return;
            };
            let (path, parent) = open.swap_remove(next);
            let samples = self.unit.samples::<T>(&parent.levels);
            let moves = self.moves(&parent.levels, &parent.outcome);
            for step in promising(moves) {
                let path = path.wrapping_add(step.mark());
                if !seen.insert(path) {
                    continue;
                }
                let mut levels = parent.levels;
                levels[step.block][step.band] += step.change;
                let mut samples = samples;
                samples[step.block] =
                    T::block(&levels[step.block], &self.unit.allowances[step.block].table);
                let Some(outcome) = self.unit.outcome(&levels, &samples, self.bound()) else {
                    continue;
                };
                let child = Candidate { levels, outcome };
                if !self.consider(&child) {
                    open.push((path, child));
                }
            }
        }
    }

    /// The raw picture with less and less contrast around the mean of each block, and with less and less
    /// colour: for each colour until one is certified or worse than what is.
    fn contract<T: Rendering>(&mut self) {
        let least_colour = if self.unit.tile.channels() == 1 { 4 } else { 0 };
        for quarters in (least_colour..=4_u8).rev() {
            for sixteenths in (0..=16_u8).rev() {
                let levels =
                    self.contracted(f32::from(sixteenths) / 16.0, f32::from(quarters) / 4.0);
                let tried = self.tried::<T>(&levels);
                if tried.is_none_or(|candidate| self.consider(&candidate)) {
                    break;
                }
            }
        }
    }

    /// The levels of the raw picture with other contrast and colour, both 0 to 1.
    fn contracted(&self, contrast: f32, colour: f32) -> Levels {
        let mut levels = self.start;
        for (block, allowance) in self.unit.allowances.iter().enumerate() {
            let steps = allowance.steps.as_flattened();
            let wanted = self.wanted[block].as_flattened();
            let colour = if block < self.unit.tile.pixel_blocks() {
                1.0
            } else {
                colour
            };
            for band in 0..BANDS {
                let scale = if band == 0 { colour } else { contrast * colour };
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "no larger than the level of the raw picture"
                )]
                {
                    levels[block][band] = (wanted[band] * scale / steps[band]).round() as i16;
                }
            }
        }
        levels
    }

    /// Flat blocks, coloured and grey, from their own means inwards: where 8 divides the steps of DC, grey ones
    /// are exact and have the largest radius that there is.
    fn flatten<T: Rendering>(&mut self) {
        let (luminance, blocks) = (self.unit.tile.pixel_blocks(), self.unit.block_count());
        let mut colours = vec![[0, 0]];
        if luminance < blocks {
            let [cb, cr] = [0, 1].map(|chroma| self.start[luminance + chroma][0]);
            for change in 0..9 {
                colours.push([cb + change / 3 - 1, cr + change % 3 - 1]);
            }
        }
        for inwards in 0..4 {
            for colour in &colours {
                let mut levels: Levels = [[0; BANDS]; MOST_BLOCKS];
                for (level, own) in levels.iter_mut().zip(&self.start).take(luminance) {
                    level[0] = own[0] - own[0].signum() * inwards.min(own[0].abs());
                }
                for (level, chroma) in levels[luminance..blocks].iter_mut().zip(colour) {
                    level[0] = *chroma;
                }
                if let Some(candidate) = self.tried::<T>(&levels) {
                    self.consider(&candidate);
                }
            }
        }
    }

    /// Brings levels of the certified candidate back towards the start, one by one, as long as it stays
    /// certified and the distortion falls.
    fn undo<T: Rendering>(&mut self) {
        for _ in 0..2 {
            let Some(best) = &self.certified else {
                return;
            };
            let mut back: Vec<Move> = Vec::new();
            for block in 0..self.unit.block_count() {
                for band in 0..BANDS {
                    let change = (self.start[block][band] - best.levels[block][band]).signum();
                    if change != 0 {
                        back.push(self.priced(&best.levels, block, band, change));
                    }
                }
            }
            back.sort_by(|a, b| a.cost.total_cmp(&b.cost));
            let before = self.bound();
            let mut levels = best.levels;
            for step in back {
                let level = levels[step.block][step.band];
                levels[step.block][step.band] += step.change;
                let candidate = self.tried::<T>(&levels);
                if !candidate.is_some_and(|candidate| self.consider(&candidate)) {
                    levels[step.block][step.band] = level;
                }
            }
            if self.bound() >= before {
                return;
            }
        }
    }
}

/// The moves to try: the best rates of cost to relief, then the lowest costs.
fn promising(mut moves: Vec<Move>) -> Vec<Move> {
    // Moves of one worth have an order too, so that the same ones are kept everywhere.
    let by_rate =
        |a: &Move, b: &Move| (a.rate().total_cmp(&b.rate())).then(a.place().cmp(&b.place()));
    let by_cost = |a: &Move, b: &Move| (a.cost.total_cmp(&b.cost)).then(a.place().cmp(&b.place()));
    if moves.len() > MOVES_BY_RATE {
        moves.select_nth_unstable_by(MOVES_BY_RATE, by_rate);
        let others = &mut moves[MOVES_BY_RATE..];
        if others.len() > MOVES_BY_COST {
            others.select_nth_unstable_by(MOVES_BY_COST, by_cost);
        }
        moves.truncate(MOVES_BY_RATE + MOVES_BY_COST);
    }
    moves.sort_unstable_by(by_rate);
    moves
}
