//! What the certified pass did.

use crate::certificate::BlockPosition;
use crate::pixels::signal_to_noise;

/// A block that is not certified at the target: nothing is guaranteed for a perturbation of that size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UncertifiedBlock {
    /// Where it is.
    pub position: BlockPosition,
    /// Its radius in the largest change of a sample, at most the target; 0 says that nothing is guaranteed, or that pass
    /// two makes another block of it even unperturbed.
    pub radius: f64,
}

/// What a certified pass repaired, what it could not, and what that cost.
#[derive(Debug, Clone, PartialEq)]
pub struct CertificationReport {
    pub(super) target: f64,
    pub(super) attainable: f64,
    pub(super) block_count: u64,
    pub(super) sample_count: u64,
    pub(super) repaired: Vec<BlockPosition>,
    pub(super) uncertified: Vec<UncertifiedBlock>,
    pub(super) is_fixed_point: bool,
    pub(super) rounds: u32,
    pub(super) unrepaired_error: u64,
    pub(super) error: u64,
}

impl CertificationReport {
    /// The radius that was asked for, in the largest change of a sample.
    #[must_use]
    pub const fn target(&self) -> f64 {
        self.target
    }

    /// The largest radius that the tables allow for any picture of this size; at a target that is not below
    /// it, some blocks cannot be certified.
    #[must_use]
    pub const fn attainable(&self) -> f64 {
        self.attainable
    }

    /// Number of blocks of all components.
    #[must_use]
    pub const fn block_count(&self) -> u64 {
        self.block_count
    }

    /// The blocks that have other levels than [`compress_coefficients`](crate::FeatureDistiller::compress_coefficients)
    /// gives, by component and then row by row.
    #[must_use]
    pub fn repaired_blocks(&self) -> &[BlockPosition] {
        &self.repaired
    }

    /// The blocks that are not certified at the target, by component and then row by row.
    #[must_use]
    pub fn uncertified_blocks(&self) -> &[UncertifiedBlock] {
        &self.uncertified
    }

    /// Whether every block is certified at the target.
    #[must_use]
    pub fn is_certified(&self) -> bool {
        self.uncertified.is_empty()
    }

    /// Whether pass two gives the picture back bit for bit.
    #[must_use]
    pub const fn is_fixed_point(&self) -> bool {
        self.is_fixed_point
    }

    /// How often the blocks that pass two did not reproduce were replaced by what it made of them: 0 where
    /// all are certified, at most 8.
    #[must_use]
    pub const fn rounds(&self) -> u32 {
        self.rounds
    }

    /// The sum of squared differences between the raw pixels and the picture, beyond those of the unrepaired
    /// pass; negative where a repaired block happens to be nearer.
    #[must_use]
    pub const fn extra_squared_error(&self) -> i64 {
        self.error.cast_signed() - self.unrepaired_error.cast_signed()
    }

    /// Peak signal-to-noise ratio of the picture to the raw pixels, in decibels; infinite for equal pictures.
    ///
    /// Where colour is distilled to grey, the raw pixels are its luminance, rounded.
    #[must_use]
    pub fn psnr(&self) -> f64 {
        signal_to_noise(self.error, self.sample_count)
    }

    /// Peak signal-to-noise ratio of the unrepaired pass, in decibels.
    #[must_use]
    pub fn unrepaired_psnr(&self) -> f64 {
        signal_to_noise(self.unrepaired_error, self.sample_count)
    }
}
