//! From statistics to tables.

mod as_md;
mod bounds;

pub use as_md::{AccuracySensitive, AsMdDesign, BandClass, BandPartition};
pub use bounds::{paper_step, perturbation_bound, removing_table};

use crate::error::{ArgumentError, Result};
use crate::quantization::{QuantizationTable, QuantizationTables};
use crate::statistics::BandStatistics;

/// A rule that makes a quantization table from the statistics of benign images.
///
/// Object-safe: a service can keep `Box<dyn TableDesign>`. A table is a design that ignores the
/// statistics, and a closure is one too:
///
/// ```
/// use feature_distillation::{BandStatistics, QuantizationTable, TableDesign, Weighting};
/// // Half of each band's deviation, a guess at a rate-controlled table.
/// let design = |statistics: &BandStatistics, component: usize| {
///     let deviations = statistics.deviations(component, Weighting::Blocks)?;
///     QuantizationTable::from_fn(|band| (deviations[band.natural()] / 2.0).clamp(1.0, 255.0) as u16)
/// };
/// let design: Box<dyn TableDesign> = Box::new(design);
/// assert!(design.design(&BandStatistics::new(), 0).is_err());
/// # Ok::<(), feature_distillation::Error>(())
/// ```
pub trait TableDesign {
    /// The table for one component of the statistics.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::EmptyStatistics`] where the rule needs statistics and the component has none;
    /// what else the rule refuses.
    fn design(&self, statistics: &BandStatistics, component: usize) -> Result<QuantizationTable>;
}

impl TableDesign for QuantizationTable {
    fn design(&self, _: &BandStatistics, _: usize) -> Result<QuantizationTable> {
        Ok(*self)
    }
}

impl<F: Fn(&BandStatistics, usize) -> Result<QuantizationTable>> TableDesign for F {
    fn design(&self, statistics: &BandStatistics, component: usize) -> Result<QuantizationTable> {
        self(statistics, component)
    }
}

/// Whether the components share a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TableScope {
    /// One table, from the statistics of all components pooled: the paper's.
    #[default]
    Shared,
    /// A table for each component, from its own statistics.
    PerComponent,
}

/// Applies a design to statistics.
///
/// # Errors
///
/// [`ArgumentError::EmptyStatistics`] where a table per component is asked for and there is no
/// component; what the design refuses.
pub fn design_tables(
    design: &dyn TableDesign,
    statistics: &BandStatistics,
    scope: TableScope,
) -> Result<QuantizationTables> {
    match scope {
        TableScope::Shared => Ok(design.design(&statistics.pooled(), 0)?.into()),
        TableScope::PerComponent => {
            if statistics.component_count() == 0 {
                return Err(ArgumentError::EmptyStatistics.into());
            }
            let tables = (0..statistics.component_count())
                .map(|component| design.design(statistics, component))
                .collect::<Result<_>>()?;
            QuantizationTables::per_component(tables)
        }
    }
}
