//! The search: a first look at every grid, a second at those that did best, and the verdict.

use std::collections::{BTreeMap, HashSet};

use crate::band::BANDS;
use crate::coefficients::ColorSpace;
use crate::error::{AlignmentError, Result};

use super::evidence::{BINS, Tally, Weights, log2};
use super::lattice::{Evidence, Lattice};
use super::sample::{Coefficients, Sample, ycbcr};

/// Bits of evidence from AC coefficients that are needed once the number of hypotheses is paid for.
const REQUIRED: f64 = 50.0;
/// Bits by which the best hypothesis must beat any other.
const MARGIN: f64 = 20.0;
/// Share of the coefficients whose bands must speak for the lattice.
const AGREEMENT: f64 = 0.8;
/// Lattices on 8x8 grids that get a second look.
const FEWEST_SECOND_LOOKS: usize = 4;
const MOST_SECOND_LOOKS: usize = 16;
/// Part of the best evidence at first look that earns a second look.
const SECOND_LOOK_SHARE: f64 = 0.25;
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
    for (offset, chosen) in promising(sample, lattices, weights) {
        examine(sample, lattices, &chosen, offset, weights, &mut hypotheses);
    }
    hypotheses.sort_by(|a, b| b.evidence.total().total_cmp(&a.evidence.total()));
    verdict(&hypotheses, lattices)
}

/// The 8x8 grids and lattices that explain the principal components of a scattered few blocks best.
fn promising(
    sample: &Sample,
    lattices: &[Lattice],
    weights: &Weights,
) -> BTreeMap<(usize, usize), Vec<usize>> {
    let mut ranked = Vec::with_capacity(64 * lattices.len());
    let mut tallies = vec![NOTHING[0]; lattices.len()];
    for offset in (0..64).map(|index| (index % 8, index / 8)) {
        tallies.fill(NOTHING[0]);
        for (patch, x, y) in sample.scattered(offset) {
            if let Some([green, luminance]) = patch.principal_blocks(x, y) {
                for (lattice, tally) in lattices.iter().zip(&mut tallies) {
                    let block = match lattice.color_space {
                        ColorSpace::Rgb => &green,
                        _ => &luminance,
                    };
                    lattice.count_low_bands(block, tally);
                }
            }
        }
        for (index, (lattice, tally)) in lattices.iter().zip(&tallies).enumerate() {
            let evidence = lattice.evidence_of(lattice.principal(), tally, weights);
            ranked.push((evidence.total(), offset, index));
        }
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let enough = ranked
        .first()
        .map_or(0.0, |best| best.0 * SECOND_LOOK_SHARE);
    let mut chosen: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (rank, (evidence, offset, lattice)) in ranked.into_iter().enumerate() {
        if rank < FEWEST_SECOND_LOOKS || rank < MOST_SECOND_LOOKS && evidence > enough {
            chosen.entry(offset).or_default().push(lattice);
        }
    }
    chosen
}

/// Weighs lattices on one 8x8 grid and, where their chrominance is subsampled, on all MCU grids in it.
fn examine(
    sample: &Sample,
    lattices: &[Lattice],
    chosen: &[usize],
    offset: (usize, usize),
    weights: &Weights,
    hypotheses: &mut Vec<Hypothesis>,
) {
    let mut tallies = vec![DistinctTally::new(); chosen.len()];
    for patch in sample.patches() {
        for (x, y) in patch.positions(offset, (8, 8)) {
            if let Some(channels) = patch.block(x, y, (1, 1)) {
                let block = Block::of(channels, patch.is_grey());
                for (tally, &index) in tallies.iter_mut().zip(chosen) {
                    let lattice = &lattices[index];
                    let block = block.components(lattice.color_space);
                    for &component in lattice.full_components() {
                        tally.add(lattice, block, component);
                    }
                }
            }
        }
    }
    for (full, &index) in tallies.into_iter().zip(chosen) {
        let lattice = &lattices[index];
        let (wide, high) = lattice.mcu_blocks;
        for phase in (0..wide * high).map(|phase| (phase % wide, phase / wide)) {
            let offset = (offset.0 + 8 * phase.0, offset.1 + 8 * phase.1);
            let mut tally = full.clone();
            if lattice.is_subsampled() {
                add_averaged(sample, lattice, offset, &mut tally);
            }
            hypotheses.push(Hypothesis {
                lattice: index,
                offset,
                evidence: lattice.evidence(&tally.counts, weights),
            });
        }
    }
}

/// Adds the subsampled components of a lattice on an MCU grid.
fn add_averaged(
    sample: &Sample,
    lattice: &Lattice,
    offset: (usize, usize),
    tally: &mut DistinctTally,
) {
    let scale = lattice.mcu_blocks;
    for patch in sample.patches() {
        for (x, y) in patch.positions(offset, (8 * scale.0, 8 * scale.1)) {
            if let Some(channels) = patch.block(x, y, scale) {
                let block = ycbcr(&channels);
                for component in [1, 2] {
                    tally.add(lattice, &block, component);
                }
            }
        }
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
    let evidence = best.evidence.ac.min(best.evidence.principal) - price;
    #[expect(clippy::cast_precision_loss, reason = "a count of coefficients")]
    let attainable = best.evidence.coefficients as f64 * BITS_PER_COEFFICIENT - price;
    if attainable < REQUIRED {
        let coefficients = best.evidence.coefficients;
        return Err(AlignmentError::TooLittleDetail { coefficients }.into());
    }
    if evidence < REQUIRED || best.evidence.agreement < AGREEMENT {
        return Err(AlignmentError::NoLattice {
            evidence,
            required: REQUIRED,
            agreement: best.evidence.agreement,
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

/// Counts that take what is the same only once: a pattern that repeats, in another block or in another
/// component, is no further evidence, and a plain area has one level of DC.
#[derive(Clone)]
struct DistinctTally {
    counts: Tally,
    patterns: HashSet<u64>,
    dc_levels: HashSet<(usize, i32)>,
}

impl DistinctTally {
    fn new() -> Self {
        Self {
            counts: NOTHING,
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
        for (band, (counts, place)) in self.counts[component].iter_mut().zip(places).enumerate() {
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
