//! What a profile certifies before any picture is seen.

use std::array::from_fn;

use crate::band::{BANDS, Band};
use crate::coefficients::ColorSpace;
use crate::pixels::{ChromaSubsampling, PixelPipeline, Upsampling};
use crate::profile::Profile;
use crate::quantization::QuantizationTables;

use super::Radii;
use super::functional::{ComponentWeights, Weights};
use super::stages::{
    EIGHT_BIT_COLOR, EIGHT_BIT_PIXELS, INTEGER_INVERSE_DCT, SINGLE_PRECISION, SampleOrigin,
};

/// What pass one gives to the attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Handover {
    /// Real samples, neither rounded nor clipped, and exact arithmetic in both passes: the paper's setting. (Its
    /// code hands over floats too, but clips them.)
    Float,
    /// 8-bit pixels, of which none was clipped.
    EightBit,
}

impl Profile {
    /// What two passes with this profile remove from *every* picture of RGB pixels (grey pixels for a profile of
    /// grey components) whose sides are multiples of the MCU's, as long as no sample of pass one's result is
    /// clipped, nor a sample of a component in the libjpeg-equal pipeline.
    ///
    /// In band k with step Q the radius of [`Norm::Linf`](super::Norm::Linf) is `Q / (2 L1(k))` for floats; pixels of 8 bits take 0.5
    /// from it, and each stage of the pipeline takes what it rounds. The smallest counts. What a given picture
    /// has, clipped or not, tells its [`Certificate`](super::Certificate).
    ///
    /// Subsampled chrominance with [`Upsampling::Triangle`] has no radius before a picture is seen: the filter
    /// is not undone by averaging, so coefficients do not come back to the lattice. All radii are 0.
    ///
    /// ```
    /// use feature_distillation::{AsMdDesign, BandStatistics, FeatureDistiller, Handover, TableDesign};
    ///
    /// let table = AsMdDesign::authors_code().design(&BandStatistics::new(), 0)?;
    /// let distiller = FeatureDistiller::builder().tables(table).build()?;
    /// assert_eq!(distiller.profile().certified_radii(Handover::Float).linf, 1.5625);
    /// assert_eq!(distiller.profile().certified_radii(Handover::EightBit).linf, 1.0625);
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    #[must_use]
    pub fn certified_radii(&self, handover: Handover) -> Radii {
        let Some(losses) = self.losses(handover) else {
            return Radii {
                linf: 0.0,
                l2: 0.0,
                l1: 0.0,
            };
        };
        let mut radii = Radii::UNBOUNDED;
        for (index, losses) in losses.iter().enumerate() {
            for band in Band::all() {
                radii = radii.min(losses.radii(band, self.tables().table(index)[band]));
            }
        }
        radii
    }

    /// What a step gives in each component; `None` where pictures do not come back to the lattice at all.
    pub(super) fn losses(&self, handover: Handover) -> Option<Vec<ComponentLosses>> {
        let subsampled = self.subsampling() != ChromaSubsampling::None;
        if subsampled && self.upsampling() == Upsampling::Triangle {
            return None;
        }
        let (channels, components) = match self.color_space() {
            ColorSpace::Grey => (1, 1),
            _ => (3, 3),
        };
        let losses = (0..components).map(|index| {
            let origin =
                SampleOrigin::of_component(channels, self.color_space(), self.subsampling(), index);
            // Two blocks each way, so that the first one is not the last.
            let size = (16 * origin.averaged.0, 16 * origin.averaged.1);
            let weights =
                ComponentWeights::new(size, channels, self.color_space(), index, origin.averaged);
            let block = weights.block(0, 0);
            let stages = origin.receiver_margins(self.pipeline(), block);
            ComponentLosses {
                weights: block.picture,
                lost: from_fn(|index| match (handover, Band::from_natural(index)) {
                    (Handover::EightBit, Some(band)) => {
                        let sample = EIGHT_BIT_PIXELS + self.first_pass_error(origin, band);
                        stages[index] + sample * block.component_l1[index]
                    }
                    _ => 0.0,
                }),
            }
        });
        Some(losses.collect())
    }

    /// How far an 8-bit sample of pass one's result can be from the exact one beyond half a unit, as seen in a
    /// component.
    fn first_pass_error(&self, origin: SampleOrigin, band: Band) -> f64 {
        match self.pipeline() {
            // Levels times steps are whole numbers, coefficients of whole samples in these bands whole eighths, and
            // so is the residual. What floats add to the 4 that rounding can make of it is less than an eighth.
            PixelPipeline::Precise if origin.is_exact(band) => 0.0,
            PixelPipeline::Precise => SINGLE_PRECISION / 8.0,
            // The components are rounded to 8 bits before they are mixed to channels; mixing back returns that error
            // as it was.
            PixelPipeline::LibjpegEqual if origin.color_converted => {
                INTEGER_INVERSE_DCT + EIGHT_BIT_COLOR
            }
            PixelPipeline::LibjpegEqual => INTEGER_INVERSE_DCT,
        }
    }
}

/// The radius in Linf of [`Handover::Float`], the same in all colour spaces and samplings that have one: the least
/// step over twice its band's L1 norm.
pub(crate) fn float_radius(tables: &QuantizationTables) -> f64 {
    tables
        .as_slice()
        .iter()
        .flat_map(|table| Band::all().map(|band| f64::from(table[band]) / 2.0 / band.l1_norm()))
        .fold(f64::INFINITY, f64::min)
}

/// How the coefficients of a component depend on the picture, and what of half a step the stages between the
/// passes use up.
#[derive(Debug, Clone, Copy)]
pub(super) struct ComponentLosses {
    weights: [Weights; BANDS],
    lost: [f64; BANDS],
}

impl ComponentLosses {
    /// The radii of a band with this step.
    pub(super) fn radii(&self, band: Band, step: u16) -> Radii {
        let margin = f64::from(step) / 2.0 - self.lost[band.natural()];
        self.weights[band.natural()].radii(margin)
    }
}
