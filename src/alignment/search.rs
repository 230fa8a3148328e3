//! The search: a first look at every grid, a second at those that did best, and the verdict.

use std::collections::{BTreeMap, HashSet};

use crate::coefficients::ColorSpace;
use crate::error::{AlignmentError, Result};

use super::evidence::{Tally, Weights, log2};
use super::lattice::{Evidence, Lattice};
use super::sample::{Coefficients, Sample, ycbcr};

/// Bits of evidence from AC coefficients that are needed once the number of hypotheses is paid for.
const REQUIRED: f64 = 40.0;
/// Bits by which the best hypothesis must beat any other.
const MARGIN: f64 = 20.0;
/// Part of the best evidence from which on a rival of another colour space is alike, where nothing but the
/// principal component speaks.
const ALIKE: f64 = 0.7;
/// Coefficients between levels that may be there by chance.
const FEW: u64 = 20;
/// Share of the coefficients whose bands must speak for the lattice.
const AGREEMENT: f64 = 0.82;
/// Lattices on 8x8 grids that get a second look.
const FEWEST_SECOND_LOOKS: usize = 4;
const MOST_SECOND_LOOKS: usize = 16;
/// Part of the best evidence at first look that earns a second look.
const SECOND_LOOK_SHARE: f64 = 0.25;
/// The most bits that a coefficient can give, about.
const BITS_PER_COEFFICIENT: f64 = 4.0;

/// A lattice on a grid, and what speaks for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hypothesis {
    /// Index of the lattice.
    pub(super) lattice: usize,
    /// Column and row of the picture's first MCU.
    pub(super) offset: (usize, usize),
    pub(super) evidence: Evidence,
    /// Coefficients of the subsampled components between level zero and the others.
    between: u64,
}

impl Hypothesis {
    /// Whether only the grid of the subsampled components differs.
    fn differs_in_phase(&self, other: &Self) -> bool {
        let grid = |offset: (usize, usize)| (offset.0 % 8, offset.1 % 8);
        self.lattice == other.lattice && grid(self.offset) == grid(other.offset)
    }

    /// Whether far fewer coefficients lie between levels than on another grid of the same blocks.
    fn is_far_emptier(&self, other: &Self) -> bool {
        self.differs_in_phase(other) && other.between > 2 * self.between + FEW
    }
}

/// What was found.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) best: Hypothesis,
    /// Others that explain the picture about as well.
    pub(super) rivals: Vec<Hypothesis>,
    /// Bits of AC evidence that are left once the number of hypotheses is paid for.
    pub(super) evidence: f64,
}

/// The hypothesis that explains the picture, or why there is none.
pub(super) fn search(sample: &Sample, lattices: &[Lattice], weights: &Weights) -> Result<Finding> {
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
    let mut tallies = vec![Tally::NOTHING; lattices.len()];
    for offset in (0..64).map(|index| (index % 8, index / 8)) {
        tallies.fill(Tally::NOTHING);
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
                let block = Block::of(&channels, patch.is_grey());
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
            let between = if lattice.is_subsampled() {
                add_averaged(sample, lattice, offset, &mut tally)
            } else {
                0
            };
            hypotheses.push(Hypothesis {
                lattice: index,
                offset,
                evidence: lattice.evidence(&tally.counts, weights),
                between,
            });
        }
    }
}

/// Adds the subsampled components of a lattice on an MCU grid; returns how many of their coefficients lie
/// between level zero and the others.
fn add_averaged(
    sample: &Sample,
    lattice: &Lattice,
    offset: (usize, usize),
    tally: &mut DistinctTally,
) -> u64 {
    let mut between = 0;
    let scale = lattice.mcu_blocks;
    for patch in sample.patches() {
        for (x, y) in patch.positions(offset, (8 * scale.0, 8 * scale.1)) {
            if let Some(channels) = patch.block(x, y, scale) {
                let block = ycbcr(&channels);
                for component in [1, 2] {
                    tally.add(lattice, &block, component);
                    between += lattice.between(&block, component);
                }
            }
        }
    }
    between
}

/// Decides; the hypotheses come best first.
fn verdict(hypotheses: &[Hypothesis], lattices: &[Lattice]) -> Result<Finding> {
    let tried: usize = lattices
        .iter()
        .map(|lattice| 64 * lattice.mcu_blocks.0 * lattice.mcu_blocks.1)
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let price = log2(tried.max(1) as f64);
    let Some(&first) = hypotheses.first() else {
        return Err(AlignmentError::TooLittleDetail { coefficients: 0 }.into());
    };
    let is_close = |rival: &Hypothesis| first.evidence.total() - rival.evidence.total() < MARGIN;
    // Chrominance seldom has many levels, but the grid on which it has none shows all the same.
    let best = hypotheses
        .iter()
        .filter(|rival| is_close(rival))
        .fold(first, |best, rival| {
            if rival.is_far_emptier(&best) {
                *rival
            } else {
                best
            }
        });
    let evidence = |hypothesis: &Hypothesis| {
        let evidence = &hypothesis.evidence;
        evidence.ac.min(evidence.principal) - price
    };
    let is_enough = |hypothesis: &Hypothesis| {
        evidence(hypothesis) >= REQUIRED && hypothesis.evidence.agreement >= AGREEMENT
    };
    if !is_enough(&best) {
        let coefficients = best.evidence.coefficients;
        #[expect(clippy::cast_precision_loss, reason = "a count of coefficients")]
        let attainable = coefficients as f64 * BITS_PER_COEFFICIENT - price;
        return Err(if attainable < REQUIRED {
            AlignmentError::TooLittleDetail { coefficients }
        } else {
            AlignmentError::NoLattice {
                evidence: evidence(&best),
                required: REQUIRED,
                agreement: best.evidence.agreement,
            }
        }
        .into());
    }
    let space = |hypothesis: &Hypothesis| lattices[hypothesis.lattice].color_space;
    // Where no other component speaks for the best, the principal ones of all colour spaces are too alike.
    let is_rival = |rival: &Hypothesis| {
        let is_uncoloured = best.evidence.of_colour() < MARGIN
            && rival.offset == best.offset
            && space(rival) != space(&best)
            && rival.evidence.total() > ALIKE * best.evidence.total();
        (is_close(rival) && !best.is_far_emptier(rival)) || (is_uncoloured && is_enough(rival))
    };
    let is_same = |a: &Hypothesis| (a.lattice, a.offset) == (best.lattice, best.offset);
    Ok(Finding {
        evidence: evidence(&best),
        rivals: hypotheses
            .iter()
            .copied()
            .filter(|rival| !is_same(rival) && is_rival(rival))
            .collect(),
        best,
    })
}

/// One block position in every colour space.
struct Block {
    channels: Coefficients,
    ycbcr: Coefficients,
}

impl Block {
    fn of(channels: &Coefficients, is_grey: bool) -> Self {
        Self {
            ycbcr: if is_grey { *channels } else { ycbcr(channels) },
            channels: *channels,
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
    counts: [Tally; 3],
    patterns: HashSet<u64>,
    dc_levels: HashSet<(usize, i32)>,
}

impl DistinctTally {
    fn new() -> Self {
        Self {
            counts: [Tally::NOTHING; 3],
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
        let tally = &mut self.counts[component];
        for (band, place) in places.into_iter().enumerate() {
            if let Some(place) = place
                && match band {
                    0 => self.dc_levels.insert((class, place.level)),
                    _ => is_new,
                }
            {
                tally.distances[band][place.bin] += 1;
                tally.lowest_levels[band] += u32::from(place.level.abs() == 1);
            }
        }
    }
}
