//! What perturbations two passes provably remove: of a table, of a picture, of a block.

mod a_priori;
mod flips;
mod functional;
mod map;
mod radii;
mod removal;
mod stages;
mod tables;

pub use a_priori::Handover;
pub use flips::NoiseModel;
pub use map::RadiusMap;
pub use radii::{Norm, Radii};
pub use removal::Removal;

use crate::band::{BANDS, Band, Block};
use crate::coefficients::{CoefficientImage, Component};
use crate::error::{CertificateVoid, Result};
use crate::limits::try_reserve;
use crate::pixels::{InverseOptions, PixelFormat, PixelView, Planes};
use crate::profile::Profile;
use crate::quantization::QuantizationTable;

pub(crate) use a_priori::float_radius;
pub(crate) use functional::{BlockWeights, ComponentWeights};
pub(crate) use stages::SampleOrigin;

/// A block by component, column and row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockPosition {
    /// Index of the component.
    pub component: usize,
    /// Column of the block.
    pub x: u32,
    /// Row of the block.
    pub y: u32,
}

/// What pass two provably removes from one picture of pass one, whoever computed the perturbation.
///
/// Let y be the picture as the attacker gets it. Pass two computes its coefficients C and takes the nearest
/// levels n; `r = C - n Q` is the residual, and `m = Q / 2 - |r|` the margin, less what the stages of pass two may
/// round. A perturbation of size s moves a coefficient by at most s times the dual norm of its weights, and some
/// perturbation does. So pass two gives the same for y and for *every* perturbed y as long as the size
/// is below the smallest `m / norm`, the radius; above it nothing is guaranteed. The proof, how far it is tight, the
/// margins and the limits of the statement are in the guide's chapter
/// [`certificate`](crate::guide::certificate).
///
/// The statement is about a perturbation that is added after pass one, on the same grid, and received as 8-bit
/// samples. Where y is reproduced by pass two ([`is_fixed_point`](Self::is_fixed_point)), what the receiver
/// gets is y itself, bit for bit.
///
/// ```
/// use feature_distillation::{FeatureDistiller, Norm, PixelFormat, PixelView, QuantizationTable};
///
/// let distiller = FeatureDistiller::builder().tables(QuantizationTable::uniform(32)?).build()?;
/// let raw: Vec<u8> = (0..48 * 48 * 3).map(|i| (70 + i / 144 + i % 144 / 3) as u8).collect();
/// let picture = distiller.one_pass_pixels(PixelView::new(&raw, 48, 48, PixelFormat::Rgb)?)?;
///
/// let certificate = distiller.certificate(picture.view())?;
/// assert!(certificate.is_fixed_point());
/// assert!(certificate.radii().certify(Norm::Linf, 1.0));
/// assert_eq!(certificate.certified_share(Norm::Linf, 1.0), 1.0);
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Certificate {
    profile: Profile,
    format: PixelFormat,
    levels: CoefficientImage,
    components: Vec<ComponentCertificate>,
    radii: Radii,
    is_fixed_point: bool,
}

/// The part of a [`Certificate`] that is about one component.
#[derive(Debug, Clone)]
pub struct ComponentCertificate {
    table: QuantizationTable,
    weights: ComponentWeights,
    /// By (last row, last column), as the weights.
    stages: [[[f64; BANDS]; 2]; 2],
    blocks_per_tile: (u32, u32),
    residuals: Vec<[f32; BANDS]>,
}

impl Certificate {
    /// Certifies a picture, as the attacker gets it, for a receiver with this profile.
    ///
    /// # Errors
    ///
    /// As [`CoefficientImage::from_pixels`] and [`CoefficientImage::to_pixels`].
    pub fn new(profile: &Profile, picture: PixelView<'_>) -> Result<Self> {
        Self::with_inverse(profile, picture, &profile.inverse_options())
    }

    /// As [`new`](Self::new), with the limits of a distiller in the options.
    pub(crate) fn with_inverse(
        profile: &Profile,
        picture: PixelView<'_>,
        inverse: &InverseOptions,
    ) -> Result<Self> {
        let levels =
            CoefficientImage::from_pixels(picture, profile.tables(), &profile.forward_options())?;
        let planes = Planes::subsampled(picture, profile.color_space(), profile.subsampling())?;
        let mut components = Vec::with_capacity(levels.components().len());
        let mut radii = Radii::UNBOUNDED;
        for (index, component) in levels.components().iter().enumerate() {
            let certificate =
                ComponentCertificate::new(profile, picture, &planes, component, index)?;
            for (x, y) in certificate.positions() {
                radii = radii.min(certificate.radii(x, y).unwrap_or(Radii::UNBOUNDED));
            }
            components.push(certificate);
        }
        let reproduced = levels.to_pixels(inverse)?;
        Ok(Self {
            profile: profile.clone(),
            format: picture.format(),
            is_fixed_point: picture.shows(&reproduced),
            levels,
            components,
            radii,
        })
    }

    /// The profile that the receiver must have.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Width and height of the certified picture in pixels.
    #[must_use]
    pub const fn size(&self) -> (u32, u32) {
        (self.levels.width(), self.levels.height())
    }

    /// Channels of the certified picture.
    #[must_use]
    pub const fn format(&self) -> PixelFormat {
        self.format
    }

    /// What pass two makes of the picture, perturbed or not.
    #[must_use]
    pub const fn levels(&self) -> &CoefficientImage {
        &self.levels
    }

    /// The radii of the picture: the smallest of all blocks.
    #[must_use]
    pub const fn radii(&self) -> Radii {
        self.radii
    }

    /// Whether pass two gives the picture back bit for bit.
    ///
    /// Where it does not, pass two gives the same for every perturbation inside the radius all the same, but that
    /// is another picture.
    #[must_use]
    pub const fn is_fixed_point(&self) -> bool {
        self.is_fixed_point
    }

    /// The components in frame order.
    #[must_use]
    pub fn components(&self) -> &[ComponentCertificate] {
        &self.components
    }

    /// Number of blocks of all components.
    #[must_use]
    pub fn block_count(&self) -> u64 {
        self.components
            .iter()
            .map(|component| component.residuals.len() as u64)
            .sum()
    }

    /// The blocks that are not certified at a size: their radius is not above it.
    pub fn uncertified_blocks(
        &self,
        norm: Norm,
        size: f64,
    ) -> impl Iterator<Item = BlockPosition> + '_ {
        self.components
            .iter()
            .enumerate()
            .flat_map(move |(index, component)| {
                component
                    .positions()
                    .filter(move |&(x, y)| {
                        !component
                            .radii(x, y)
                            .is_some_and(|radii| radii.certify(norm, size))
                    })
                    .map(move |(x, y)| BlockPosition {
                        component: index,
                        x,
                        y,
                    })
            })
    }

    /// The share, 0 to 1, of the blocks of all components that are certified at a size.
    #[must_use]
    pub fn certified_share(&self, norm: Norm, size: f64) -> f64 {
        let uncertified = self.uncertified_blocks(norm, size).count();
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        {
            1.0 - uncertified as f64 / self.block_count() as f64
        }
    }

    /// The radius of each tile of the picture, as a mask or a picture.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn radius_map(&self, norm: Norm) -> Result<RadiusMap> {
        RadiusMap::new(self, norm)
    }

    /// Checks that the certificate holds for a receiver, and a picture that starts `offset` columns and rows
    /// off the grid of pass one. A picture that was cut must end where it ended before, or with whole MCUs: the last
    /// blocks are padded otherwise.
    ///
    /// The tie rule and the upsampling do not matter: the radius is strict, and pass two's own pixels come
    /// after its levels.
    ///
    /// # Errors
    ///
    /// Why it does not.
    ///
    /// ```
    /// use feature_distillation::{
    ///     CertificateVoid, ColorSpace, FeatureDistiller, PixelBuffer, PixelFormat, QuantizationTable,
    /// };
    /// let builder = FeatureDistiller::builder().tables(QuantizationTable::uniform(24)?);
    /// let distiller = builder.clone().build()?;
    /// let picture = PixelBuffer::new(vec![90; 16 * 16 * 3], 16, 16, PixelFormat::Rgb)?;
    /// let certificate = distiller.certificate(picture.view())?;
    ///
    /// assert_eq!(certificate.check(distiller.profile(), (8, 16)), Ok(()));
    /// assert_eq!(
    ///     certificate.check(distiller.profile(), (1, 0)),
    ///     Err(CertificateVoid::Grid { x: 1, y: 0 }),
    /// );
    /// let other = builder.color_space(ColorSpace::YCbCr).build()?;
    /// assert!(matches!(
    ///     certificate.check(other.profile(), (0, 0)),
    ///     Err(CertificateVoid::ColorSpace { .. }),
    /// ));
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    pub fn check(&self, receiver: &Profile, offset: (u32, u32)) -> Result<(), CertificateVoid> {
        let profile = &self.profile;
        let (x, y) = (offset.0 % self.tile().0, offset.1 % self.tile().1);
        if (x, y) != (0, 0) {
            return Err(CertificateVoid::Grid { x, y });
        }
        if profile.color_space() != receiver.color_space() {
            return Err(CertificateVoid::ColorSpace {
                certified: profile.color_space().name(),
                receiver: receiver.color_space().name(),
            });
        }
        if profile.subsampling() != receiver.subsampling() {
            return Err(CertificateVoid::Sampling);
        }
        let differing = (0..self.components.len())
            .find(|&index| profile.tables().table(index) != receiver.tables().table(index));
        if let Some(component) = differing {
            return Err(CertificateVoid::Tables { component });
        }
        if profile.pipeline() != receiver.pipeline() {
            return Err(CertificateVoid::Pipeline);
        }
        Ok(())
    }

    /// Width and height in pixels of the area of one MCU.
    pub(crate) fn tile(&self) -> (u32, u32) {
        let (across, down) = self
            .components
            .first()
            .map_or((1, 1), |component| component.blocks_per_tile);
        (8 * across, 8 * down)
    }
}

impl ComponentCertificate {
    fn new(
        profile: &Profile,
        picture: PixelView<'_>,
        planes: &Planes,
        component: &Component,
        index: usize,
    ) -> Result<Self> {
        let channels = picture.format().channels();
        let origin = SampleOrigin::of_component(
            channels,
            planes.color_space(),
            profile.subsampling(),
            index,
        );
        let weights = ComponentWeights::new(
            (picture.width() as usize, picture.height() as usize),
            channels,
            planes.color_space(),
            index,
            origin.averaged,
        );
        let stages = weights.classes().each_ref().map(|row| {
            row.each_ref()
                .map(|block| origin.receiver_margins(profile.pipeline(), block))
        });
        let table = *component.quantization_table();
        let steps = table.to_natural();
        let mut residuals = Vec::new();
        try_reserve(&mut residuals, component.blocks().len())?;
        for ((x, y), block) in component.positions().zip(component.blocks()) {
            let coefficients = planes.coefficients(index, x as usize, y as usize);
            residuals.push(residual(coefficients.as_flattened(), &steps, block));
        }
        Ok(Self {
            table,
            weights,
            stages,
            blocks_per_tile: (
                component.sampling().horizontal().into(),
                component.sampling().vertical().into(),
            ),
            residuals,
        })
    }

    /// Columns of blocks.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "at most 8192")]
    pub const fn blocks_wide(&self) -> u32 {
        self.weights.blocks().0 as u32
    }

    /// Rows of blocks.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "at most 8192")]
    pub const fn blocks_high(&self) -> u32 {
        self.weights.blocks().1 as u32
    }

    /// The steps.
    #[must_use]
    pub const fn table(&self) -> &QuantizationTable {
        &self.table
    }

    /// The residuals of a block in natural order: what each coefficient is away from its level times the step,
    /// in coefficient units; `None` outside the component.
    #[must_use]
    pub fn residuals(&self, x: u32, y: u32) -> Option<&[f32; BANDS]> {
        if x >= self.blocks_wide() {
            return None;
        }
        self.residuals
            .get(y as usize * self.weights.blocks().0 + x as usize)
    }

    /// The margins of a block in natural order: how far each coefficient may move before its level changes, less
    /// what pass two may round; 0 or negative where nothing is certain. `None` outside the component.
    #[must_use]
    pub fn margins(&self, x: u32, y: u32) -> Option<[f64; BANDS]> {
        let residuals = self.residuals(x, y)?;
        let mut margins = *self.stage_margins(x, y)?;
        for (band, margin) in Band::all().zip(&mut margins) {
            let residual = f64::from(residuals[band.natural()]);
            *margin = f64::from(self.table[band]) / 2.0 - residual.abs() - *margin;
        }
        Some(margins)
    }

    /// The radii of a block: every smaller perturbation of the picture leaves its levels as they are. `None`
    /// outside the component.
    #[must_use]
    pub fn radii(&self, x: u32, y: u32) -> Option<Radii> {
        let margins = self.margins(x, y)?;
        let weights = self.weights(x, y)?;
        Some(
            margins
                .iter()
                .zip(&weights.picture)
                .fold(Radii::UNBOUNDED, |radii, (&margin, weights)| {
                    radii.min(weights.radii(margin))
                }),
        )
    }

    fn weights(&self, x: u32, y: u32) -> Option<&BlockWeights> {
        self.residuals(x, y)?;
        Some(self.weights.block(x as usize, y as usize))
    }

    fn stage_margins(&self, x: u32, y: u32) -> Option<&[f64; BANDS]> {
        self.residuals(x, y)?;
        let (last_row, last_column) = (y + 1 == self.blocks_high(), x + 1 == self.blocks_wide());
        Some(&self.stages[usize::from(last_row)][usize::from(last_column)])
    }

    /// Columns and rows of blocks in one MCU.
    const fn blocks_per_tile(&self) -> (u32, u32) {
        self.blocks_per_tile
    }

    /// Columns and rows of all blocks, row by row.
    pub(crate) fn positions(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let (wide, high) = (self.blocks_wide(), self.blocks_high());
        (0..high).flat_map(move |y| (0..wide).map(move |x| (x, y)))
    }
}

/// Coefficients less levels times steps.
fn residual(coefficients: &[f32], steps: &[u16; BANDS], levels: &Block) -> [f32; BANDS] {
    let mut residual = [0.0; BANDS];
    for (band, value) in residual.iter_mut().enumerate() {
        // Integers below 2^24, and a difference of close numbers: exact.
        *value = coefficients[band] - f32::from(levels[band]) * f32::from(steps[band]);
    }
    residual
}
