//! The paper's mapping: small steps for the bands that a network needs, large ones for the others.

use crate::band::{BANDS, Band};
use crate::error::{ArgumentError, Result};
use crate::quantization::QuantizationTable;
use crate::statistics::{BandStatistics, Stability, Weighting};

use super::TableDesign;

/// Which bands are accuracy-sensitive (AS); the others are malicious-defense (MD) bands.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum AccuracySensitive {
    /// The n bands of the largest standard deviation, 0 to 64.
    Top(usize),
    /// The bands whose standard deviation is above a threshold.
    Above(f64),
    /// The bands of the top-left square of this side, 0 to 8, whatever the statistics.
    LowFrequencySquare(u8),
}

/// The class of a band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BandClass {
    /// A network's accuracy depends on the band: small step.
    AccuracySensitive,
    /// The band mostly serves perturbations: large step.
    MaliciousDefense,
}

/// The bands split in two classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BandPartition {
    /// Bit i is set where natural index i is accuracy-sensitive.
    accuracy_sensitive: u64,
}

impl BandPartition {
    fn of(bands: impl IntoIterator<Item = Band>) -> Self {
        Self {
            accuracy_sensitive: bands
                .into_iter()
                .fold(0, |set, band| set | 1 << band.natural()),
        }
    }

    /// The class of a band.
    #[must_use]
    pub const fn class(&self, band: Band) -> BandClass {
        if self.accuracy_sensitive >> band.natural() & 1 == 1 {
            BandClass::AccuracySensitive
        } else {
            BandClass::MaliciousDefense
        }
    }

    /// The accuracy-sensitive bands in natural order.
    pub fn accuracy_sensitive(&self) -> impl Iterator<Item = Band> + use<> {
        let set = *self;
        Band::all().filter(move |&band| set.class(band) == BandClass::AccuracySensitive)
    }

    /// Number of accuracy-sensitive bands.
    #[must_use]
    pub const fn accuracy_sensitive_count(&self) -> usize {
        self.accuracy_sensitive.count_ones() as usize
    }
}

/// The paper's mapping from deviations to a table of two steps (section 3.3; v1 Eq. 11).
///
/// ```
/// use feature_distillation::{AsMdDesign, BandStatistics, CoefficientImage, TableDesign};
/// # let image = CoefficientImage::new(64, 64, feature_distillation::ColorSpace::Grey,
/// #     &[feature_distillation::SamplingFactor::ONE], &feature_distillation::QuantizationTables::annex_k(90)?)?;
/// let mut statistics = BandStatistics::new();
/// statistics.add_image(&image)?;
/// let table = AsMdDesign::paper().design(&statistics, 0)?;
/// assert_eq!(table.to_natural().iter().filter(|&&step| step == 20).count(), 15);
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AsMdDesign {
    accuracy_sensitive: AccuracySensitive,
    accuracy_sensitive_step: u16,
    malicious_defense_step: u16,
    weighting: Weighting,
}

impl AsMdDesign {
    /// A mapping of one's own.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Step`] for a step of 0, [`ArgumentError::BandCount`] for more than 64 bands,
    /// [`ArgumentError::Number`] for a threshold that is negative or not a number.
    pub fn new(
        accuracy_sensitive: AccuracySensitive,
        accuracy_sensitive_step: u16,
        malicious_defense_step: u16,
    ) -> Result<Self> {
        if accuracy_sensitive_step == 0 || malicious_defense_step == 0 {
            return Err(ArgumentError::Step { step: 0 }.into());
        }
        match accuracy_sensitive {
            AccuracySensitive::Top(count) if count > BANDS => {
                return Err(ArgumentError::BandCount { count }.into());
            }
            AccuracySensitive::Above(value) if value.is_nan() || value < 0.0 => {
                return Err(ArgumentError::Number {
                    what: "deviation threshold",
                    value,
                }
                .into());
            }
            AccuracySensitive::LowFrequencySquare(side) if side > 8 => {
                let count = usize::from(side) * usize::from(side);
                return Err(ArgumentError::BandCount { count }.into());
            }
            _ => {}
        }
        Ok(Self {
            accuracy_sensitive,
            accuracy_sensitive_step,
            malicious_defense_step,
            weighting: Weighting::Blocks,
        })
    }

    /// The paper's: the 15 bands of the largest deviation at step 20, the others at 30.
    #[must_use]
    pub const fn paper() -> Self {
        Self {
            accuracy_sensitive: AccuracySensitive::Top(15),
            accuracy_sensitive_step: 20,
            malicious_defense_step: 30,
            weighting: Weighting::Blocks,
        }
    }

    /// The first version of the paper's (arXiv 1803.05787v1): 15 bands at step 1, the others at 40.
    #[must_use]
    pub const fn paper_v1() -> Self {
        Self {
            accuracy_sensitive_step: 1,
            malicious_defense_step: 40,
            ..Self::paper()
        }
    }

    /// The published code's: the top-left 4x4 bands at step 25, the others at 30, whatever the images.
    #[must_use]
    pub const fn authors_code() -> Self {
        Self {
            accuracy_sensitive: AccuracySensitive::LowFrequencySquare(4),
            accuracy_sensitive_step: 25,
            ..Self::paper()
        }
    }

    /// Both steps times `factor`, rounded, held to 1..=65535: the paper's FD 2x and 3x.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] unless the factor is finite and positive.
    pub fn scaled(mut self, factor: f64) -> Result<Self> {
        for step in [
            &mut self.accuracy_sensitive_step,
            &mut self.malicious_defense_step,
        ] {
            *step = QuantizationTable::uniform(*step)?
                .scaled(factor)?
                .step(Band::DC);
        }
        Ok(self)
    }

    /// Replaces the weighting of the statistics, blocks by default.
    #[must_use]
    pub const fn with_weighting(mut self, weighting: Weighting) -> Self {
        self.weighting = weighting;
        self
    }

    /// Step of the accuracy-sensitive bands, the paper's QS1.
    #[must_use]
    pub const fn accuracy_sensitive_step(&self) -> u16 {
        self.accuracy_sensitive_step
    }

    /// Step of the malicious-defense bands, the paper's QS2.
    #[must_use]
    pub const fn malicious_defense_step(&self) -> u16 {
        self.malicious_defense_step
    }

    /// The classes of the bands for one component of the statistics.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::EmptyStatistics`], unless the classes do not depend on statistics.
    pub fn partition(
        &self,
        statistics: &BandStatistics,
        component: usize,
    ) -> Result<BandPartition> {
        Ok(match self.accuracy_sensitive {
            AccuracySensitive::Top(n) => {
                let ranking = statistics.ranking(component, self.weighting)?;
                BandPartition::of(ranking.top(n).iter().copied())
            }
            AccuracySensitive::Above(threshold) => {
                let deviations = statistics.deviations(component, self.weighting)?;
                BandPartition::of(Band::all().filter(|band| deviations[band.natural()] > threshold))
            }
            AccuracySensitive::LowFrequencySquare(side) => {
                BandPartition::of(Band::all().filter(|band| band.u() < side && band.v() < side))
            }
        })
    }

    /// How clear the cut between the classes is for one component of the statistics; `None` where
    /// the classes do not depend on statistics.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::EmptyStatistics`].
    pub fn stability(
        &self,
        statistics: &BandStatistics,
        component: usize,
    ) -> Result<Option<Stability>> {
        if matches!(
            self.accuracy_sensitive,
            AccuracySensitive::LowFrequencySquare(_)
        ) {
            return Ok(None);
        }
        let count = self
            .partition(statistics, component)?
            .accuracy_sensitive_count();
        let ranking = statistics.ranking(component, self.weighting)?;
        Ok(Some(ranking.stability(count)))
    }
}

impl TableDesign for AsMdDesign {
    fn design(&self, statistics: &BandStatistics, component: usize) -> Result<QuantizationTable> {
        let partition = self.partition(statistics, component)?;
        QuantizationTable::from_fn(|band| match partition.class(band) {
            BandClass::AccuracySensitive => self.accuracy_sensitive_step,
            BandClass::MaliciousDefense => self.malicious_defense_step,
        })
    }
}
