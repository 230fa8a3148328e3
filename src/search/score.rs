//! How good tables are, and which are better.

use std::cmp::Ordering;

use crate::certificate::float_radius;
use crate::error::{ArgumentError, Result};
use crate::quantization::QuantizationTables;

use super::TableParameters;

/// What the caller measured with tables: shares of pictures that the network classifies rightly.
///
/// ```
/// use feature_distillation::Score;
/// let score = Score::new(0.74, 0.61)?.with_mean_bytes(9_800.0)?;
/// assert_eq!((score.benign(), score.attacked()), (0.74, 0.61));
/// assert!(Score::new(f64::NAN, 0.0).is_err());
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "super::state::ScoreParts",
        into = "super::state::ScoreParts"
    )
)]
pub struct Score {
    benign: f64,
    attacked: f64,
    mean_bytes: Option<f64>,
}

impl Score {
    /// Accuracy on benign and on attacked pictures after distillation, 0 to 1.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] outside that range.
    pub fn new(benign: f64, attacked: f64) -> Result<Self> {
        for (what, value) in [("benign accuracy", benign), ("attacked accuracy", attacked)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(ArgumentError::Number { what, value }.into());
            }
        }
        Ok(Self {
            benign,
            attacked,
            mean_bytes: None,
        })
    }

    /// Adds the mean size of the defensive files in bytes. It is reported beside the others, and decides nothing.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] unless it is finite and not negative.
    pub fn with_mean_bytes(mut self, mean_bytes: f64) -> Result<Self> {
        ArgumentError::check_not_negative("mean size of files", mean_bytes)?;
        self.mean_bytes = Some(mean_bytes);
        Ok(self)
    }

    /// Accuracy on benign pictures.
    #[must_use]
    pub const fn benign(&self) -> f64 {
        self.benign
    }

    /// Accuracy on attacked pictures.
    #[must_use]
    pub const fn attacked(&self) -> f64 {
        self.attacked
    }

    /// Mean size of the files in bytes, where it was measured.
    #[must_use]
    pub const fn mean_bytes(&self) -> Option<f64> {
        self.mean_bytes
    }
}

/// Tables that a search evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredTables {
    parameters: TableParameters,
    tables: QuantizationTables,
    score: Score,
    radius: f64,
}

impl ScoredTables {
    pub(super) fn new(
        parameters: TableParameters,
        tables: QuantizationTables,
        score: Score,
    ) -> Self {
        Self {
            radius: float_radius(&tables),
            parameters,
            tables,
            score,
        }
    }

    /// The parameters; of several that give these tables, those met first.
    #[must_use]
    pub const fn parameters(&self) -> &TableParameters {
        &self.parameters
    }

    /// The tables.
    #[must_use]
    pub const fn tables(&self) -> &QuantizationTables {
        &self.tables
    }

    /// What the caller measured.
    #[must_use]
    pub const fn score(&self) -> &Score {
        &self.score
    }

    /// The largest change of each sample, in 8-bit pixel units, below which pass two removes every
    /// perturbation of a picture that pass one handed over in floats without clipping: the least of
    /// step / (2 L1) over bands and components. Rounding to 8 bits in between takes 0.5 off it.
    #[must_use]
    pub const fn radius(&self) -> f64 {
        self.radius
    }

    /// Whether the benign accuracy reaches the floor, if there is one.
    pub(super) fn reaches(&self, floor: Option<f64>) -> bool {
        floor.is_none_or(|floor| self.score.benign >= floor)
    }

    /// Whether the other is at least as good in benign and attacked accuracy and radius, and better in one.
    pub(super) fn is_dominated_by(&self, other: &Self) -> bool {
        let pairs = || {
            [
                (self.score.benign, other.score.benign),
                (self.score.attacked, other.score.attacked),
                (self.radius, other.radius),
            ]
            .into_iter()
        };
        pairs().all(|(own, other)| other >= own) && pairs().any(|(own, other)| other > own)
    }

    /// The worse is less. Those that reach the floor are above the others; of them more attacked accuracy
    /// counts first, then radius, benign accuracy and coarseness. Below the floor benign accuracy counts first.
    pub(super) fn compare(&self, other: &Self, floor: Option<f64>) -> Ordering {
        let benign = self.score.benign.total_cmp(&other.score.benign);
        let attacked = self.score.attacked.total_cmp(&other.score.attacked);
        let radius = self.radius.total_cmp(&other.radius);
        let reaches = self.reaches(floor).cmp(&other.reaches(floor));
        let order = if self.reaches(floor) || reaches.is_ne() {
            reaches.then(attacked).then(radius).then(benign)
        } else {
            benign.then(attacked).then(radius)
        };
        order.then_with(|| self.coarseness(other).cmp(&other.coarseness(self)))
    }

    /// Whether no step is smaller than the other's, component by component.
    pub(super) fn is_coarser_or_equal(
        tables: &QuantizationTables,
        other: &QuantizationTables,
    ) -> bool {
        let components = tables.as_slice().len().max(other.as_slice().len());
        (0..components).all(|component| {
            let steps = tables.table(component).to_natural();
            let others = other.table(component).to_natural();
            steps.iter().zip(&others).all(|(step, other)| step >= other)
        })
    }

    /// Sum of the steps of as many components as either has tables.
    fn coarseness(&self, other: &Self) -> u64 {
        let components = self
            .tables
            .as_slice()
            .len()
            .max(other.tables.as_slice().len());
        (0..components)
            .flat_map(|component| self.tables.table(component).to_natural())
            .map(u64::from)
            .sum()
    }
}
