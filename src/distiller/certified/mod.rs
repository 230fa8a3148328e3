//! The certified first pass: pass one whose result no small perturbation changes, whether it was clipped or not.

mod guide;
mod reference;
mod report;
mod search;
mod sweep;
mod unit;

pub use report::{CertificationReport, UncertifiedBlock};

use crate::band::Block;
use crate::certificate::{BlockPosition, Certificate};
use crate::coefficients::{CoefficientImage, ColorSpace};
use crate::error::{ArgumentError, Result};
use crate::pixels::{ChromaSubsampling, PixelBuffer, PixelPipeline, PixelView, Upsampling};

use super::FeatureDistiller;
use reference::Reference;
use sweep::{Replaced, Sweep};

/// How often blocks that pass two does not reproduce are replaced by what pass two makes of them.
const MOST_ROUNDS: u32 = 8;

/// What [`FeatureDistiller::compress_certified`] gives.
#[derive(Debug, Clone)]
pub struct CertifiedPass {
    levels: CoefficientImage,
    picture: PixelBuffer,
    certificate: Certificate,
    report: CertificationReport,
}

impl CertifiedPass {
    /// The levels of pass one, to be encoded as a JPEG file.
    #[must_use]
    pub const fn levels(&self) -> &CoefficientImage {
        &self.levels
    }

    /// What attacker and receiver see: the levels as pixels.
    #[must_use]
    pub const fn picture(&self) -> &PixelBuffer {
        &self.picture
    }

    /// What pass two provably removes from the picture.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What was repaired, what was not, and what it cost.
    #[must_use]
    pub const fn report(&self) -> &CertificationReport {
        &self.report
    }
}

impl FeatureDistiller {
    /// Pass one of two, at the sensor, such that every block keeps its levels under every perturbation of at
    /// most `target_linf` in each 8-bit sample, or is named in the report with the radius that it has.
    ///
    /// Without clipping, steps alone decide what pass two removes. A block whose pixels were clipped to 0..=255,
    /// or that reaches past the edge of the picture, does not show its levels any more, and a smaller
    /// perturbation changes it, or none at all. Here such blocks get other levels: of those that are found to be
    /// certified, those that are nearest to the raw pixels. All others stay as
    /// [`compress_coefficients`](Self::compress_coefficients) makes them.
    ///
    /// Where the report has no uncertified block, [`distill`](Self::distill) gives
    /// [`CertifiedPass::picture`] back bit for bit, under every perturbation of at most the target. Grey flat blocks certify wherever anything
    /// does if the step of DC is a multiple of 8; other steps may leave blocks uncertified. A target that the
    /// tables do not allow, [`CertificationReport::attainable`], repairs nothing where they do not; the blocks are
    /// named all the same.
    ///
    /// Sides that are no multiple of the MCU's are dear: pass two pads the last blocks by repeating their last
    /// pixels, which the levels must then show; such blocks lose several decibels.
    ///
    /// The work is bounded, whatever the picture: about 2000 trials at most for each block of grey or RGB planes, or
    /// each MCU of YCbCr, that is not certified as it is (of photographs 2 to 5 of 100),
    /// and at most 8 rounds in which the blocks that pass two does not reproduce are replaced by what it
    /// makes of them.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] unless the target is finite and not negative; [`ArgumentError::Distiller`] for
    /// subsampled chrominance with [`Upsampling::Triangle`], which ties every MCU to its neighbours; as
    /// [`compress_coefficients`](Self::compress_coefficients) and [`CoefficientImage::to_pixels`].
    ///
    /// ```
    /// use feature_distillation::{FeatureDistiller, PixelFormat, PixelView, QuantizationTable};
    ///
    /// let distiller = FeatureDistiller::builder().tables(QuantizationTable::uniform(24)?).build()?;
    /// // Black letters on white: whatever overshoots is clipped.
    /// let raw: Vec<u8> = (0..32 * 32).map(|i| if i % 7 < 3 && i / 32 % 5 > 1 { 0 } else { 255 }).collect();
    /// let raw = PixelView::new(&raw, 32, 32, PixelFormat::Grey)?;
    /// let plain = distiller.one_pass_pixels(raw)?;
    /// assert_eq!(distiller.certificate(plain.view())?.radii().linf, 0.0);
    ///
    /// let pass = distiller.compress_certified(raw, 1.0)?;
    /// assert!(pass.report().is_certified() && pass.report().is_fixed_point());
    /// let jpeg = pass.levels().encode()?;
    ///
    /// // Any change of at most 1 is undone.
    /// let mut received = distiller.distill_jpeg(&jpeg)?;
    /// for sample in received.as_mut_slice() {
    ///     *sample = sample.saturating_add(1);
    /// }
    /// assert_eq!(&distiller.distill(received.view())?, pass.picture());
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    pub fn compress_certified(
        &self,
        pixels: PixelView<'_>,
        target_linf: f64,
    ) -> Result<CertifiedPass> {
        ArgumentError::check_not_negative("target radius", target_linf)?;
        let mut levels = self.compress_coefficients(pixels)?;
        if levels.color_space() == ColorSpace::YCbCr
            && self.profile.subsampling() != ChromaSubsampling::None
            && self.profile.upsampling() == Upsampling::Triangle
        {
            return Err(ArgumentError::Distiller(
                "triangle upsampling spreads chrominance over the edges of MCUs, so that none can be certified by itself; choose `Upsampling::Replicate` or no subsampling",
            )
            .into());
        }
        let reference = Reference::new(pixels, &levels);
        let sweep = Sweep::new(&self.profile, reference, &levels, target_linf);
        let mut swept = match self.profile.pipeline() {
            PixelPipeline::Precise => sweep.repair::<f32>(&mut levels)?,
            PixelPipeline::LibjpegEqual => sweep.repair::<u8>(&mut levels)?,
        };
        let mut rounds = 0;
        let (picture, certificate) = loop {
            let picture = levels.to_pixels(&self.inverse_options())?;
            let certificate = self.certificate(picture.view())?;
            // Levels that come back give their picture back; other levels may happen to show the same picture.
            if rounds == MOST_ROUNDS || levels.components() == certificate.levels().components() {
                break (picture, certificate);
            }
            adopt(&mut levels, certificate.levels(), &mut swept.replaced);
            rounds += 1;
        };
        let report = CertificationReport {
            target: target_linf,
            attainable: sweep.attainable(),
            block_count: certificate.block_count(),
            sample_count: picture.as_slice().len() as u64,
            repaired: repaired(&levels, &swept.replaced),
            uncertified: uncertified(&levels, &certificate, target_linf),
            is_fixed_point: certificate.is_fixed_point(),
            rounds,
            unrepaired_error: swept.unrepaired_error,
            error: reference.squared_error(&picture)?,
        };
        Ok(CertifiedPass {
            levels,
            picture,
            certificate,
            report,
        })
    }
}

/// Takes over the blocks that differ.
fn adopt(levels: &mut CoefficientImage, received: &CoefficientImage, replaced: &mut Replaced) {
    let components = levels
        .components_mut()
        .iter_mut()
        .zip(received.components());
    for (index, (own, received)) in components.enumerate() {
        let positions = own.positions();
        let blocks = own.blocks_mut().iter_mut().zip(received.blocks());
        for ((x, y), (own, received)) in positions.zip(blocks) {
            if own != received {
                let component = index;
                replaced
                    .entry(BlockPosition { component, x, y })
                    .or_insert(*own);
                *own = *received;
            }
        }
    }
}

/// The blocks that differ from those that they replaced.
fn repaired(levels: &CoefficientImage, replaced: &Replaced) -> Vec<BlockPosition> {
    let differs = |position: &BlockPosition, before: &Block| {
        levels
            .component(position.component)
            .and_then(|component| component.block(position.x, position.y))
            != Some(before)
    };
    let mut repaired: Vec<BlockPosition> = replaced
        .iter()
        .filter(|(position, before)| differs(position, before))
        .map(|(&position, _)| position)
        .collect();
    repaired.sort_by_key(|position| (position.component, position.y, position.x));
    repaired
}

/// The blocks below the target, and those of which pass two makes others than were sent.
fn uncertified(
    sent: &CoefficientImage,
    certificate: &Certificate,
    target: f64,
) -> Vec<UncertifiedBlock> {
    let mut blocks = Vec::new();
    let received = certificate.levels().components();
    let components = sent.components().iter().zip(received);
    for (index, (sent, received)) in components.enumerate() {
        let positions = sent.positions();
        let pairs = sent.blocks().iter().zip(received.blocks());
        for ((x, y), (sent, received)) in positions.zip(pairs) {
            let radius = if sent == received {
                let component = &certificate.components()[index];
                component.radii(x, y).map_or(0.0, |radii| radii.linf)
            } else {
                0.0
            };
            if radius <= target {
                let component = index;
                blocks.push(UncertifiedBlock {
                    position: BlockPosition { component, x, y },
                    radius,
                });
            }
        }
    }
    blocks
}
