//! Builds a distiller and checks that its parts fit together.

use crate::certificate::{Handover, Norm};
use crate::coefficients::ColorSpace;
use crate::design::{TableDesign, TableScope, design_tables};
use crate::error::{ArgumentError, Result};
use crate::jpeg::DecodeOptions;
use crate::limits::Limits;
use crate::pixels::{ChromaSubsampling, PixelPipeline, Upsampling};
use crate::profile::{Profile, ProfileParts};
use crate::quantization::{QuantizationTable, QuantizationTables, Rounding};
use crate::statistics::BandStatistics;

use super::{FeatureDistiller, ProfileCheck};

/// Collects the settings of a [`FeatureDistiller`].
///
/// Defaults: RGB planes without subsampling (the published code's choice), the precise pipeline,
/// repeated samples, ties away from zero, the profile check and the default limits on.
#[derive(Debug, Clone)]
#[must_use]
pub struct FeatureDistillerBuilder {
    tables: Option<QuantizationTables>,
    /// What the components of the statistics were, where each table was designed for one of them.
    designed_for: Option<ColorSpace>,
    color_space: ColorSpace,
    subsampling: ChromaSubsampling,
    rounding: Rounding,
    pipeline: PixelPipeline,
    upsampling: Upsampling,
    profile_check: ProfileCheck,
    limits: Limits,
    /// Norm and size of the perturbations that the steps must remove at least, and how pixels travel.
    certifying: Option<(Norm, f64, Handover)>,
}

impl FeatureDistillerBuilder {
    /// The defensive quantization tables.
    pub fn tables(mut self, tables: impl Into<QuantizationTables>) -> Self {
        self.tables = Some(tables.into());
        self.designed_for = None;
        self
    }

    /// The defensive tables by a design from the statistics of benign images.
    ///
    /// Tables per component must come from statistics of the colour space that is distilled in; a shared table
    /// may come from any.
    ///
    /// # Errors
    ///
    /// As [`design_tables`].
    pub fn design(
        self,
        design: &dyn TableDesign,
        statistics: &BandStatistics,
        scope: TableScope,
    ) -> Result<Self> {
        let mut builder = self.tables(design_tables(design, statistics, scope)?);
        if scope == TableScope::PerComponent {
            builder.designed_for = statistics.color_space();
        }
        Ok(builder)
    }

    /// Demands that two passes remove every perturbation of at most `size`: steps that are too small are raised to
    /// the smallest that do, see [`Profile::certifying`]. Without tables these are the steps, the finest there are.
    ///
    /// ```
    /// use feature_distillation::{
    ///     AsMdDesign, BandStatistics, FeatureDistiller, Handover, Norm, TableScope,
    /// };
    /// // The published code's table, above a floor.
    /// let distiller = FeatureDistiller::builder()
    ///     .design(&AsMdDesign::authors_code(), &BandStatistics::new(), TableScope::Shared)?
    ///     .certifying(Norm::Linf, 1.25, Handover::EightBit)
    ///     .build()?;
    /// // The floor is 29 for DC, which becomes a multiple of 8, 26 for (0, 1), and below the design's 25 for (1, 1).
    /// let table = distiller.profile().tables().table(0).to_natural();
    /// assert_eq!((table[0], table[1], table[2], table[9], table[63]), (32, 26, 26, 25, 30));
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    pub const fn certifying(mut self, norm: Norm, size: f64, handover: Handover) -> Self {
        self.certifying = Some((norm, size, handover));
        self
    }

    /// The components to distil pixels in: grey, RGB or YCbCr.
    pub const fn color_space(mut self, color_space: ColorSpace) -> Self {
        self.color_space = color_space;
        self
    }

    /// The sampling of the chrominance of YCbCr components.
    pub const fn subsampling(mut self, subsampling: ChromaSubsampling) -> Self {
        self.subsampling = subsampling;
        self
    }

    /// What happens to values between two levels.
    pub const fn rounding(mut self, rounding: Rounding) -> Self {
        self.rounding = rounding;
        self
    }

    /// The arithmetic between samples and coefficients.
    pub const fn pipeline(mut self, pipeline: PixelPipeline) -> Self {
        self.pipeline = pipeline;
        self
    }

    /// How subsampled chrominance is spread over the pixels.
    pub const fn upsampling(mut self, upsampling: Upsampling) -> Self {
        self.upsampling = upsampling;
        self
    }

    /// Whether the second pass insists on a JPEG of its own profile.
    pub const fn profile_check(mut self, check: ProfileCheck) -> Self {
        self.profile_check = check;
        self
    }

    /// What a file to be distilled may cost.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Checks the settings and builds the distiller.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Distiller`](crate::ArgumentError::Distiller) naming what does not fit: no tables and no size to certify; a
    /// colour space other than grey, RGB and YCbCr; subsampling without chrominance; more tables than
    /// components; tables designed per component for another colour space; a tie rule that the libjpeg-equal pipeline does not have.
    /// As [`Profile::certifying`].
    pub fn build(self) -> Result<FeatureDistiller> {
        if self
            .designed_for
            .is_some_and(|designed| designed != self.color_space)
        {
            return Err(ArgumentError::Distiller(
                "the tables were designed for the components of another colour space",
            )
            .into());
        }
        let tables = match (self.tables, self.certifying) {
            (None, Some(_)) => Some(QuantizationTable::uniform(1)?.into()),
            (tables, _) => tables,
        };
        let mut profile = Profile::try_from(ProfileParts {
            tables,
            color_space: self.color_space,
            subsampling: self.subsampling,
            rounding: self.rounding,
            pipeline: self.pipeline,
            upsampling: self.upsampling,
        })?;
        if let Some((norm, size, handover)) = self.certifying {
            profile = profile.certifying(norm, size, handover)?;
        }
        Ok(FeatureDistiller {
            profile,
            profile_check: self.profile_check,
            decode_options: DecodeOptions::new().with_limits(self.limits),
        })
    }
}

impl Default for FeatureDistillerBuilder {
    fn default() -> Self {
        Self {
            tables: None,
            designed_for: None,
            color_space: ColorSpace::Rgb,
            subsampling: ChromaSubsampling::None,
            rounding: Rounding::HalfAwayFromZero,
            pipeline: PixelPipeline::Precise,
            upsampling: Upsampling::Replicate,
            profile_check: ProfileCheck::Refuse,
            limits: Limits::default(),
            certifying: None,
        }
    }
}
