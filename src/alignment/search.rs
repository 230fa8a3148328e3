//! The search: a first look at every grid, a second at those that did best, and the verdict.

use std::collections::HashSet;

use crate::band::BANDS;
use crate::coefficients::ColorSpace;
use crate::error::{AlignmentError, Result};

use super::evidence::{BINS, Tally, Weights, log2};
use super::lattice::{Evidence, Lattice};
use super::sample::{Coefficients, Sample, ycbcr};

/// Bits of evidence from AC coefficients that are needed once the number of hypotheses is paid for.
const REQUIRED: f64 = 30.0;
/// Bits by which the best hypothesis must beat any other.
const MARGIN: f64 = 20.0;
/// Share of the coefficients whose bands must speak for the lattice.
const AGREEMENT: f64 = 0.8;
/// 8x8 grids that get a second look.
const SECOND_LOOKS: usize = 3;
/// The most bits that a coefficient can give, about.
const BITS_PER_COEFFICIENT: f64 = 4.0;

const NOTHING: Tally = [[[0; BINS]; BANDS]; 3];

/// A lattice on a grid, and what speaks for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hypothesis {
    /// Index of the lattice.
    pub(super) lattice: usize,
    /// Column and row of the picture's first MCU.
    pub(super) offset: (usize, usize),
    pub(super) evidence: Evidence,
}

/// The hypothesis that explains the picture, with the bits of AC evidence that are left once the number of
/// hypotheses is paid for, or why there is none.
pub(super) fn search(
    sample: &Sample,
    lattices: &[Lattice],
    weights: &Weights,
) -> Result<(Hypothesis, f64)> {
    let mut hypotheses = Vec::new();
    for offset in most_promising_grids(sample, lattices, weights) {
        for (index, lattice) in lattices.iter().enumerate() {
            examine(sample, (index, lattice), offset, weights, &mut hypotheses);
        }
    }
    hypotheses.sort_by(|a, b| b.evidence.total().total_cmp(&a.evidence.total()));
    verdict(&hypotheses, lattices)
}

/// The 8x8 grids on which some lattice explains a scattered few blocks best.
fn most_promising_grids(
    sample: &Sample,
    lattices: &[Lattice],
    weights: &Weights,
) -> Vec<(usize, usize)> {
    let mut grids = Vec::with_capacity(64);
    for offset in (0..64).map(|index| (index % 8, index / 8)) {
        let mut tallies = vec![NOTHING; lattices.len()];
        for (patch, x, y) in sample.scattered(offset) {
            let Some(channels) = patch.block(x, y) else {
                continue;
            };
            let block = Block::of(channels, patch.is_grey());
            for (lattice, tally) in lattices.iter().zip(&mut tallies) {
                let block = block.components(lattice.color_space);
                for &component in lattice.full_components() {
                    count(lattice, block, component, tally);
                }
            }
        }
        let best = lattices
            .iter()
            .zip(&tallies)
            .map(|(lattice, tally)| lattice.evidence(tally, weights).total())
            .fold(f64::NEG_INFINITY, f64::max);
        grids.push((best, offset));
    }
    grids.sort_by(|a, b| b.0.total_cmp(&a.0));
    grids
        .into_iter()
        .take(SECOND_LOOKS)
        .map(|(_, offset)| offset)
        .collect()
}

/// Weighs one lattice on one 8x8 grid and, where its chrominance is subsampled, on all MCU grids in it.
fn examine(
    sample: &Sample,
    (index, lattice): (usize, &Lattice),
    offset: (usize, usize),
    weights: &Weights,
    hypotheses: &mut Vec<Hypothesis>,
) {
    let mut full = DistinctTally::new();
    for patch in sample.patches() {
        for (x, y) in patch.positions(offset, (8, 8)) {
            if let Some(channels) = patch.block(x, y) {
                let block = Block::of(channels, patch.is_grey());
                let block = block.components(lattice.color_space);
                for &component in lattice.full_components() {
                    full.add(lattice, block, component);
                }
            }
        }
    }
    let (wide, high) = lattice.mcu_blocks;
    for phase in (0..wide * high).map(|phase| (phase % wide, phase / wide)) {
        let offset = (offset.0 + 8 * phase.0, offset.1 + 8 * phase.1);
        let mut distinct = full.clone();
        if lattice.is_subsampled() {
            for patch in sample.patches() {
                for (x, y) in patch.positions(offset, (8 * wide, 8 * high)) {
                    if let Some(channels) = patch.averaged_block(x, y, lattice.mcu_blocks) {
                        let block = ycbcr(&channels);
                        for component in [1, 2] {
                            distinct.add(lattice, &block, component);
                        }
                    }
                }
            }
        }
        hypotheses.push(Hypothesis {
            lattice: index,
            offset,
            evidence: lattice.evidence(&distinct.tally, weights),
        });
    }
}

/// Decides; the hypotheses come best first.
fn verdict(hypotheses: &[Hypothesis], lattices: &[Lattice]) -> Result<(Hypothesis, f64)> {
    let tried: usize = lattices
        .iter()
        .map(|lattice| 64 * lattice.mcu_blocks.0 * lattice.mcu_blocks.1)
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let price = log2(tried.max(1) as f64);
    let Some(&best) = hypotheses.first() else {
        return Err(AlignmentError::TooLittleDetail { coefficients: 0 }.into());
    };
    let evidence = best.evidence.ac - price;
    #[expect(clippy::cast_precision_loss, reason = "a count of coefficients")]
    let attainable = best.evidence.coefficients as f64 * BITS_PER_COEFFICIENT - price;
    if attainable < REQUIRED {
        let coefficients = best.evidence.coefficients;
        return Err(AlignmentError::TooLittleDetail { coefficients }.into());
    }
    if evidence < REQUIRED || best.evidence.agreement() < AGREEMENT {
        return Err(AlignmentError::NoLattice {
            evidence,
            required: REQUIRED,
        }
        .into());
    }
    let rival = hypotheses[1..]
        .iter()
        .find(|rival| best.evidence.total() - rival.evidence.total() < MARGIN);
    if let Some(rival) = rival {
        return Err(ambiguity(&best, rival, lattices).into());
    }
    Ok((best, evidence))
}

fn ambiguity(best: &Hypothesis, rival: &Hypothesis, lattices: &[Lattice]) -> AlignmentError {
    let place = |offset: (usize, usize)| {
        let narrow = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        (narrow(offset.0), narrow(offset.1))
    };
    let (first, second) = (place(best.offset), place(rival.offset));
    if best.lattice != rival.lattice {
        AlignmentError::AmbiguousProfiles {
            first: lattices[best.lattice].profile,
            second: lattices[rival.lattice].profile,
        }
    } else if (first.0 % 8, first.1 % 8) == (second.0 % 8, second.1 % 8) {
        AlignmentError::AmbiguousChrominanceGrid { first, second }
    } else {
        AlignmentError::AmbiguousGrid { first, second }
    }
}

/// One block position in every colour space.
struct Block {
    channels: Coefficients,
    ycbcr: Coefficients,
}

impl Block {
    fn of(channels: Coefficients, is_grey: bool) -> Self {
        Self {
            ycbcr: if is_grey { channels } else { ycbcr(&channels) },
            channels,
        }
    }

    fn components(&self, color_space: ColorSpace) -> &Coefficients {
        match color_space {
            ColorSpace::Rgb => &self.channels,
            _ => &self.ycbcr,
        }
    }
}

fn count(lattice: &Lattice, block: &Coefficients, component: usize, tally: &mut Tally) {
    for (counts, place) in tally[component]
        .iter_mut()
        .zip(lattice.places(block, component))
    {
        if let Some(place) = place {
            counts[place.bin] += 1;
        }
    }
}

/// Counts that take what is the same only once: a pattern that repeats, in another block or in another
/// component, is no further evidence, and a plain area has one level of DC.
#[derive(Clone)]
struct DistinctTally {
    tally: Tally,
    patterns: HashSet<u64>,
    dc_levels: HashSet<(usize, i32)>,
}

impl DistinctTally {
    fn new() -> Self {
        Self {
            tally: NOTHING,
            patterns: HashSet::new(),
            dc_levels: HashSet::new(),
        }
    }

    fn add(&mut self, lattice: &Lattice, block: &Coefficients, component: usize) {
        let places = lattice.places(block, component);
        let class = lattice.table_class(component);
        let mut pattern = class as u64 + 1;
        for (band, place) in (0_u64..).zip(&places).skip(1) {
            if let Some(place) = place {
                // FNV-1a.
                for part in [
                    band,
                    place.level.unsigned_abs().into(),
                    u64::from(place.level < 0),
                ] {
                    pattern = (pattern ^ part).wrapping_mul(0x0100_0000_01b3);
                }
            }
        }
        let is_new = self.patterns.insert(pattern);
        for (band, (counts, place)) in self.tally[component].iter_mut().zip(places).enumerate() {
            if let Some(place) = place
                && match band {
                    0 => self.dc_levels.insert((class, place.level)),
                    _ => is_new,
                }
            {
                counts[place.bin] += 1;
            }
        }
    }
}
