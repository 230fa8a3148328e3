//! The tables that a search chooses from.

use std::cmp::Ordering;
use std::num::NonZeroU16;

use sha2::{Digest, Sha256};

use crate::band::BANDS;
use crate::design::{AccuracySensitive, AsMdDesign, BandClass, BandPartition, TableScope};
use crate::error::{ArgumentError, Result};
use crate::quantization::{QuantizationTable, QuantizationTables};
use crate::statistics::{BandStatistics, Weighting};

/// Values for the four parameters of the paper's mapping; their combinations are the candidates.
///
/// A candidate has n accuracy-sensitive (AS) bands, the first n of the statistics' ranking, a step for
/// them and one for the other bands (MD), and a scale for each component that multiplies both. Combinations whose AS
/// step is above the MD step are left out.
///
/// ```
/// use feature_distillation::SearchSpace;
/// // The paper's figures 3 and 4, with chrominance at once and at twice the steps of luminance.
/// let space = SearchSpace::new(&[6, 10, 15, 21], &[10, 20, 30, 40], &[20, 30, 40, 60])?
///     .with_scales(&[&[1.0], &[1.0, 2.0]])?;
/// assert_eq!(space.candidates(), 4 * 2 * 13);
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SearchSpace {
    /// Falling: more accuracy-sensitive bands make finer tables, which come first.
    bands: Vec<usize>,
    accuracy_sensitive_steps: Vec<NonZeroU16>,
    malicious_defense_steps: Vec<NonZeroU16>,
    scales: Vec<Vec<f64>>,
    scope: TableScope,
    weighting: Weighting,
}

impl SearchSpace {
    /// All combinations of a number of AS bands, an AS step and an MD step, in any order.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::BandCount`] for more than 64 bands, [`ArgumentError::Step`] for a step of 0,
    /// [`ArgumentError::Search`] where nothing is left to try.
    pub fn new(
        bands: &[usize],
        accuracy_sensitive_steps: &[u16],
        malicious_defense_steps: &[u16],
    ) -> Result<Self> {
        if let Some(&count) = bands.iter().find(|&&count| count > BANDS) {
            return Err(ArgumentError::BandCount { count }.into());
        }
        let mut bands = bands.to_vec();
        bands.sort_unstable_by(|a, b| b.cmp(a));
        bands.dedup();
        let space = Self {
            bands,
            accuracy_sensitive_steps: rising(accuracy_sensitive_steps)?,
            malicious_defense_steps: rising(malicious_defense_steps)?,
            scales: vec![vec![1.0]],
            scope: TableScope::default(),
            weighting: Weighting::Blocks,
        };
        if space.candidates() == 0 {
            return Err(ArgumentError::Search(
                "no number of bands, or no AS step that an MD step reaches: nothing to search",
            )
            .into());
        }
        Ok(space)
    }

    /// Chooses the scales: each is a factor for the steps of each component, the last one for all further
    /// components. One scale of 1 unless told otherwise.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] for a factor that is not finite and positive,
    /// [`ArgumentError::Components`] for a scale of no or more than 255 factors, [`ArgumentError::Search`] for no
    /// scales.
    pub fn with_scales(mut self, scales: &[&[f64]]) -> Result<Self> {
        for scale in scales {
            if scale.is_empty() || scale.len() > 255 {
                return Err(ArgumentError::Components {
                    expected: "1 to 255 factors",
                    actual: scale.len(),
                }
                .into());
            }
            if let Some(&value) = scale
                .iter()
                .find(|factor| !(factor.is_finite() && **factor > 0.0))
            {
                return Err(ArgumentError::Number {
                    what: "table scale factor",
                    value,
                }
                .into());
            }
        }
        if scales.is_empty() {
            return Err(ArgumentError::Search("no scale: nothing to search").into());
        }
        self.scales = scales.iter().map(|scale| scale.to_vec()).collect();
        // Finer tables first, by the first components first; all factors compare.
        self.scales
            .sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        self.scales.dedup();
        Ok(self)
    }

    /// Chooses whether components share the ranking of bands, as they do by default.
    #[must_use]
    pub const fn with_scope(mut self, scope: TableScope) -> Self {
        self.scope = scope;
        self
    }

    /// Replaces the weighting of the statistics, blocks by default.
    #[must_use]
    pub const fn with_weighting(mut self, weighting: Weighting) -> Self {
        self.weighting = weighting;
        self
    }

    /// Number of combinations. Some may give the same tables: the AS step means nothing to no band.
    #[must_use]
    pub fn candidates(&self) -> u64 {
        let steps: u64 = self
            .accuracy_sensitive_steps
            .iter()
            .map(|step| {
                let below = self
                    .malicious_defense_steps
                    .partition_point(|other| other < step);
                (self.malicious_defense_steps.len() - below) as u64
            })
            .sum();
        steps
            .saturating_mul(self.bands.len() as u64)
            .saturating_mul(self.scales.len() as u64)
    }
}

/// One combination, as positions in the lists of the space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Position {
    bands: usize,
    scale: usize,
    accuracy_sensitive: usize,
    malicious_defense: usize,
}

/// A space with the classes of bands that the statistics give for each number of AS bands.
#[derive(Debug, Clone)]
pub(super) struct RankedSpace {
    space: SearchSpace,
    /// For each number of AS bands, the classes of each component.
    partitions: Vec<Vec<BandPartition>>,
}

impl RankedSpace {
    pub(super) fn new(space: &SearchSpace, statistics: &BandStatistics) -> Result<Self> {
        let pooled;
        let (statistics, components) = match space.scope {
            TableScope::Shared => {
                pooled = statistics.pooled();
                (&pooled, 1)
            }
            TableScope::PerComponent => (statistics, statistics.component_count()),
        };
        if components == 0 {
            return Err(ArgumentError::EmptyStatistics.into());
        }
        if space.scope == TableScope::PerComponent
            && let Some(actual) = space
                .scales
                .iter()
                .map(Vec::len)
                .find(|&count| count > components)
        {
            return Err(ArgumentError::Components {
                expected: "no more factors than components",
                actual,
            }
            .into());
        }
        let partitions = space
            .bands
            .iter()
            .map(|&count| {
                let design = AsMdDesign::new(AccuracySensitive::Top(count), 1, 1)?
                    .with_weighting(space.weighting);
                (0..components)
                    .map(|component| design.partition(statistics, component))
                    .collect()
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            space: space.clone(),
            partitions,
        })
    }

    pub(super) const fn space(&self) -> &SearchSpace {
        &self.space
    }

    /// All candidates; of two that differ in one parameter the finer comes first.
    pub(super) fn positions(&self) -> impl Iterator<Item = Position> + '_ {
        let lengths = self.lengths();
        (0..lengths[0]).flat_map(move |bands| {
            (0..lengths[1]).flat_map(move |scale| {
                (0..lengths[2]).flat_map(move |accuracy_sensitive| {
                    (0..lengths[3]).filter_map(move |malicious_defense| {
                        self.checked([bands, scale, accuracy_sensitive, malicious_defense])
                    })
                })
            })
        })
    }

    /// A candidate of four draws, each below the length that it is given; `None` where the draws are no candidate.
    pub(super) fn draw(&self, mut below: impl FnMut(u32) -> u32) -> Option<Position> {
        let indices = self
            .lengths()
            .map(|length| below(u32::try_from(length).unwrap_or(u32::MAX)) as usize);
        self.checked(indices)
    }

    /// The candidates one step away: in one parameter, or in both steps at once.
    pub(super) fn neighbours(&self, position: Position) -> impl Iterator<Item = Position> + '_ {
        const MOVES: [[isize; 4]; 12] = [
            [-1, 0, 0, 0],
            [1, 0, 0, 0],
            [0, -1, 0, 0],
            [0, 1, 0, 0],
            [0, 0, -1, 0],
            [0, 0, 1, 0],
            [0, 0, 0, -1],
            [0, 0, 0, 1],
            [0, 0, -1, -1],
            [0, 0, -1, 1],
            [0, 0, 1, -1],
            [0, 0, 1, 1],
        ];
        let from = [
            position.bands,
            position.scale,
            position.accuracy_sensitive,
            position.malicious_defense,
        ];
        MOVES.into_iter().filter_map(move |step| {
            let mut indices = [0; 4];
            for ((index, from), step) in indices.iter_mut().zip(from).zip(step) {
                *index = from.checked_add_signed(step)?;
            }
            self.checked(indices)
        })
    }

    pub(super) fn tables(&self, position: Position) -> QuantizationTables {
        let partitions = &self.partitions[position.bands];
        let scale = &self.space.scales[position.scale];
        let tables = (0..partitions.len().max(scale.len())).map(|component| {
            let partition = partitions[component.min(partitions.len() - 1)];
            let factor = scale[component.min(scale.len() - 1)];
            let [accuracy_sensitive, malicious_defense] = [
                self.space.accuracy_sensitive_steps[position.accuracy_sensitive],
                self.space.malicious_defense_steps[position.malicious_defense],
            ]
            .map(|step| scaled(step, factor));
            QuantizationTable::from_nonzero(|band| match partition.class(band) {
                BandClass::AccuracySensitive => accuracy_sensitive,
                BandClass::MaliciousDefense => malicious_defense,
            })
        });
        QuantizationTables::canonical(tables.collect())
    }

    pub(super) fn parameters(&self, position: Position) -> TableParameters {
        TableParameters {
            accuracy_sensitive_bands: self.space.bands[position.bands],
            accuracy_sensitive_step: self.space.accuracy_sensitive_steps
                [position.accuracy_sensitive]
                .get(),
            malicious_defense_step: self.space.malicious_defense_steps[position.malicious_defense]
                .get(),
            scales: self.space.scales[position.scale].clone(),
        }
    }

    /// Adds all that decides the candidates' tables and order.
    pub(super) fn hash(&self, hash: &mut Sha256) {
        let mut number = |value: u64| hash.update(value.to_be_bytes());
        for length in self.lengths() {
            number(length as u64);
        }
        for steps in [
            &self.space.accuracy_sensitive_steps,
            &self.space.malicious_defense_steps,
        ] {
            for step in steps {
                number(step.get().into());
            }
        }
        for scale in &self.space.scales {
            number(scale.len() as u64);
            for factor in scale {
                number(factor.to_bits());
            }
        }
        for (partitions, &count) in self.partitions.iter().zip(&self.space.bands) {
            number(count as u64);
            number(partitions.len() as u64);
            for partition in partitions {
                number(
                    partition
                        .accuracy_sensitive()
                        .fold(0, |set, band| set | 1 << band.natural()),
                );
            }
        }
    }

    fn lengths(&self) -> [usize; 4] {
        [
            self.space.bands.len(),
            self.space.scales.len(),
            self.space.accuracy_sensitive_steps.len(),
            self.space.malicious_defense_steps.len(),
        ]
    }

    fn checked(
        &self,
        [bands, scale, accuracy_sensitive, malicious_defense]: [usize; 4],
    ) -> Option<Position> {
        let lower = self
            .space
            .accuracy_sensitive_steps
            .get(accuracy_sensitive)?;
        let upper = self.space.malicious_defense_steps.get(malicious_defense)?;
        let inside = bands < self.space.bands.len() && scale < self.space.scales.len();
        (inside && lower <= upper).then_some(Position {
            bands,
            scale,
            accuracy_sensitive,
            malicious_defense,
        })
    }
}

/// The parameters of one candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct TableParameters {
    accuracy_sensitive_bands: usize,
    accuracy_sensitive_step: u16,
    malicious_defense_step: u16,
    scales: Vec<f64>,
}

impl TableParameters {
    /// Number of accuracy-sensitive bands, the paper's n.
    #[must_use]
    pub const fn accuracy_sensitive_bands(&self) -> usize {
        self.accuracy_sensitive_bands
    }

    /// Step of the accuracy-sensitive bands before scaling, the paper's QS1.
    #[must_use]
    pub const fn accuracy_sensitive_step(&self) -> u16 {
        self.accuracy_sensitive_step
    }

    /// Step of the malicious-defense bands before scaling, the paper's QS2.
    #[must_use]
    pub const fn malicious_defense_step(&self) -> u16 {
        self.malicious_defense_step
    }

    /// The factor of each component, the last one for all further components.
    #[must_use]
    pub fn scales(&self) -> &[f64] {
        &self.scales
    }
}

fn rising(steps: &[u16]) -> Result<Vec<NonZeroU16>> {
    let mut steps = steps
        .iter()
        .map(|&step| NonZeroU16::new(step).ok_or(ArgumentError::Step { step: 0 }))
        .collect::<Result<Vec<_>, _>>()?;
    steps.sort_unstable();
    steps.dedup();
    Ok(steps)
}

/// As [`QuantizationTable::scaled`].
fn scaled(step: NonZeroU16, factor: f64) -> NonZeroU16 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "held to 1..=65535 before the cast"
    )]
    let scaled = (f64::from(step.get()) * factor).round().clamp(1.0, 65535.0) as u16;
    NonZeroU16::new(scaled).unwrap_or(NonZeroU16::MIN)
}
