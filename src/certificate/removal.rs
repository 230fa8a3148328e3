//! Whether one given perturbation is removed.

use crate::coefficients::CoefficientImage;
use crate::error::{CertificateVoid, Result};
use crate::pixels::PixelView;

use super::{BlockPosition, Certificate};

/// What pass two makes of one received picture, compared with the picture that was certified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    changed: Vec<BlockPosition>,
    flips: u64,
}

impl Removal {
    /// Whether the perturbation is removed: pass two gives the same levels with it and without.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.changed.is_empty()
    }

    /// The blocks in which it is not, by component and then row by row.
    #[must_use]
    pub fn changed_blocks(&self) -> &[BlockPosition] {
        &self.changed
    }

    /// Number of coefficients that have another level.
    #[must_use]
    pub const fn flips(&self) -> u64 {
        self.flips
    }
}

impl Certificate {
    /// Whether the difference between the certified picture and a received one is removed by pass two, and
    /// in which blocks it is not.
    ///
    /// Exact for any received picture, inside the radius or far outside.
    ///
    /// # Errors
    ///
    /// [`CertificateVoid::Size`] or [`CertificateVoid::PixelFormat`], in
    /// [`ArgumentError::CertificateVoid`](crate::ArgumentError::CertificateVoid), where the pictures cannot be
    /// compared; as [`CoefficientImage::from_pixels`].
    ///
    /// ```
    /// use feature_distillation::{FeatureDistiller, PixelBuffer, PixelFormat, QuantizationTable};
    ///
    /// let distiller = FeatureDistiller::builder().tables(QuantizationTable::uniform(24)?).build()?;
    /// let picture = PixelBuffer::new(vec![128; 16 * 8], 16, 8, PixelFormat::Grey)?;
    /// let certificate = distiller.certificate(picture.view())?;
    ///
    /// let mut received = picture.clone();
    /// received.as_mut_slice()[3] = 255;
    /// let removal = certificate.removal(received.view())?;
    /// assert!(!removal.is_complete());
    /// assert_eq!((removal.changed_blocks().len(), removal.changed_blocks()[0].x), (1, 0));
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    pub fn removal(&self, received: PixelView<'_>) -> Result<Removal> {
        let (width, height) = (received.width(), received.height());
        if (width, height) != self.size() {
            let (certified_width, certified_height) = self.size();
            return Err(void(CertificateVoid::Size {
                certified_width,
                certified_height,
                width,
                height,
            }));
        }
        if received.format() != self.format() {
            return Err(void(CertificateVoid::PixelFormat {
                certified: self.format().name(),
                received: received.format().name(),
            }));
        }
        let profile = self.profile();
        let levels =
            CoefficientImage::from_pixels(received, profile.tables(), &profile.forward_options())?;
        let mut removal = Removal {
            changed: Vec::new(),
            flips: 0,
        };
        let pairs = self.levels().components().iter().zip(levels.components());
        for (index, (certified, received)) in pairs.enumerate() {
            let blocks = certified.blocks().iter().zip(received.blocks());
            for ((x, y), (before, after)) in certified.positions().zip(blocks) {
                let flips = before.iter().zip(after).filter(|(a, b)| a != b).count();
                if flips > 0 {
                    removal.flips += flips as u64;
                    removal.changed.push(BlockPosition {
                        component: index,
                        x,
                        y,
                    });
                }
            }
        }
        Ok(removal)
    }
}

pub(super) fn void(reason: CertificateVoid) -> crate::error::Error {
    crate::error::ArgumentError::CertificateVoid(reason).into()
}
