//! From a size of perturbations to the finest steps that remove them.

use crate::band::{BANDS, Band};
use crate::error::{ArgumentError, Result};
use crate::profile::{Profile, ProfileParts};
use crate::quantization::{QuantizationTable, QuantizationTables};

use super::a_priori::ComponentLosses;
use super::{Handover, Norm};

impl Profile {
    /// This profile with the steps that are too small raised to the smallest that remove every perturbation of at
    /// most `size`, band by band and component by component: the radius of
    /// [`certified_radii`](Self::certified_radii) in that norm is then larger than `size`.
    ///
    /// From steps of 1 that is the finest profile there is for the size. Against [`Norm::Linf`] its steps have
    /// the shape of the L1 norms of the basis functions, against [`Norm::L2`] they are flat within a component, against
    /// [`Norm::L1`] they have the shape of the largest magnitudes. From a designed table it is that table, above the
    /// floor that the size needs. Steps that are large enough stay as they are.
    ///
    /// For [`Handover::EightBit`] the step of DC is rounded up to a multiple of 8, so that flat blocks of RGB and
    /// grey components have integer samples, which no rounding moves.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] unless the size is finite and not negative, [`ArgumentError::Step`] where it takes
    /// steps above 65535, [`ArgumentError::Distiller`] where no step helps: chrominance that is subsampled and
    /// upsampled by a triangle filter.
    ///
    /// ```
    /// use feature_distillation::{FeatureDistiller, Handover, Norm, QuantizationTable};
    ///
    /// let distiller = FeatureDistiller::builder().tables(QuantizationTable::uniform(1)?).build()?;
    /// let profile = distiller.profile().certifying(Norm::Linf, 1.0, Handover::EightBit)?;
    /// assert_eq!(profile.tables().table(0).to_natural()[..4], [32, 22, 23, 22]);
    /// assert!(profile.certified_radii(Handover::EightBit).certify(Norm::Linf, 1.0));
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    pub fn certifying(&self, norm: Norm, size: f64, handover: Handover) -> Result<Self> {
        ArgumentError::check_not_negative("perturbation size", size)?;
        let Some(losses) = self.losses(handover) else {
            return Err(ArgumentError::Distiller(
                "no step certifies subsampled chrominance that is upsampled by a triangle filter",
            )
            .into());
        };
        let mut tables = Vec::with_capacity(losses.len());
        for (index, losses) in losses.iter().enumerate() {
            let mut steps = [0; BANDS];
            for band in Band::all() {
                let floor = losses.smallest_step(band, norm, size)?;
                let step = self.tables().table(index)[band].max(floor);
                steps[band.natural()] = match handover {
                    Handover::EightBit if band == Band::DC => next_multiple_of_8(step)?,
                    _ => step,
                };
            }
            tables.push(QuantizationTable::from_natural(steps)?);
        }
        Self::try_from(ProfileParts {
            tables: Some(QuantizationTables::per_component(tables)?),
            ..self.clone().into()
        })
    }
}

impl ComponentLosses {
    /// The smallest step with which a band certifies a size. Searched, not computed: it is the inverse of
    /// the radius to the last bit.
    fn smallest_step(&self, band: Band, norm: Norm, size: f64) -> Result<u16> {
        let certifies = |step: u16| self.radii(band, step).certify(norm, size);
        if !certifies(u16::MAX) {
            return Err(beyond_16_bits());
        }
        // A step of 0 certifies nothing, and radii grow with the step.
        let (mut too_small, mut enough) = (0, u16::MAX);
        while enough - too_small > 1 {
            let middle = too_small.midpoint(enough);
            if certifies(middle) {
                enough = middle;
            } else {
                too_small = middle;
            }
        }
        Ok(enough)
    }
}

fn next_multiple_of_8(step: u16) -> Result<u16> {
    step.checked_next_multiple_of(8).ok_or_else(beyond_16_bits)
}

fn beyond_16_bits() -> crate::error::Error {
    let step = u64::from(u16::MAX) + 1;
    ArgumentError::Step { step }.into()
}
