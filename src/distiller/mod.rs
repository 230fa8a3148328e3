//! Feature distillation: one pass, or two with a profile that both share.

#[cfg(feature = "rayon")]
mod batch;
mod builder;
mod certified;
mod published;
mod tamper;

#[cfg(feature = "rayon")]
pub use batch::Batch;
pub use builder::FeatureDistillerBuilder;
pub use certified::{CertificationReport, CertifiedPass, UncertifiedBlock};
pub use published::distill_published;
pub use tamper::{TamperReport, TamperVerdict};

use crate::certificate::Certificate;
use crate::coefficients::{CoefficientImage, Outline};
use crate::error::Result;
use crate::jpeg::{DecodeOptions, EncodeOptions, Encoded};
use crate::limits::Limits;
use crate::pixels::{InverseOptions, PixelBuffer, PixelScratch, PixelView, Rendition};
use crate::profile::Profile;

/// Whether the second pass insists on a JPEG of its own profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ProfileCheck {
    /// A JPEG with other tables, colour space or sampling is refused: two passes that differ in any
    /// of them guarantee nothing.
    #[default]
    Refuse,
    /// Any JPEG is taken, and requantized: in effect one pass.
    Skip,
}

/// Feature distillation (Liu et al., CVPR 2019) with one [`Profile`].
///
/// | the paper | here |
/// |---|---|
/// | FD-1P on a JPEG | [`one_pass_jpeg`](Self::one_pass_jpeg), [`one_pass_transcode`](Self::one_pass_transcode), [`one_pass_coefficients`](Self::one_pass_coefficients) |
/// | FD-1P on pixels | [`one_pass_pixels`](Self::one_pass_pixels) |
/// | FD-2P, pass one, at the sensor | [`compress`](Self::compress) |
/// | FD-2P, pass two, before the classifier | [`distill`](Self::distill), [`distill_jpeg`](Self::distill_jpeg) |
///
/// ```
/// use feature_distillation::{FeatureDistiller, PixelFormat, PixelView, QuantizationTable};
///
/// let distiller = FeatureDistiller::builder()
///     .tables(QuantizationTable::uniform(24)?)
///     .build()?;
///
/// // The sensor: pass one.
/// let picture: Vec<u8> = (0..32 * 32 * 3).map(|i| (i / 24 % 200 + 20) as u8).collect();
/// let jpeg = distiller.compress(PixelView::new(&picture, 32, 32, PixelFormat::Rgb)?)?;
/// let benign = distiller.distill_jpeg(&jpeg)?;
///
/// // The attacker: one up or down, pixel by pixel.
/// let mut received = benign.clone();
/// for (i, sample) in received.as_mut_slice().iter_mut().enumerate() {
///     *sample = if i % 3 == 0 { sample.saturating_add(1) } else { sample.saturating_sub(1) };
/// }
///
/// // The receiver: pass two.
/// let distilled = distiller.distill(received.view())?;
/// assert_eq!(distilled, benign);
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureDistiller {
    profile: Profile,
    profile_check: ProfileCheck,
    decode_options: DecodeOptions,
}

impl FeatureDistiller {
    /// Starts from the defaults; the tables must be given.
    pub fn builder() -> FeatureDistillerBuilder {
        FeatureDistillerBuilder::default()
    }

    /// A distiller of a profile that another part of the system made.
    #[must_use]
    pub fn from_profile(profile: Profile) -> Self {
        Self {
            profile,
            profile_check: ProfileCheck::default(),
            decode_options: DecodeOptions::default(),
        }
    }

    /// Replaces the limits on what a file to be distilled may cost.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.decode_options = DecodeOptions::new().with_limits(limits);
        self
    }

    /// Chooses whether the second pass insists on a JPEG of its own profile.
    #[must_use]
    pub const fn with_profile_check(mut self, check: ProfileCheck) -> Self {
        self.profile_check = check;
        self
    }

    /// What both passes share.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// One pass over the coefficients, in place: each goes to the nearest multiple of the profile's
    /// step (FD-1P; the quantize/dequantize pair of the paper's figure 2).
    ///
    /// Sampling and colour space are the image's own; component `i` takes table `i`.
    ///
    /// # Errors
    ///
    /// As [`CoefficientImage::requantize`].
    pub fn one_pass_coefficients(&self, image: &mut CoefficientImage) -> Result<()> {
        image.requantize(self.profile.tables(), self.profile.rounding())
    }

    /// One pass over a JPEG file of any kind that the codec reads, to pixels.
    ///
    /// # Errors
    ///
    /// As [`CoefficientImage::decode`], [`CoefficientImage::requantize`] and [`CoefficientImage::to_pixels`].
    pub fn one_pass_jpeg(&self, bytes: &[u8]) -> Result<PixelBuffer> {
        self.one_pass_jpeg_in(bytes, &mut PixelScratch::new())
    }

    /// As [`one_pass_jpeg`](Self::one_pass_jpeg), in memory that is reused: what a server does with one file after the
    /// other. Once the scratch has grown, sequential, Huffman-coded files in one scan take no memory but that of their pixels.
    ///
    /// With the feature `rayon`, threads of the current pool share a large picture; in tasks of a pool, see
    /// `on_this_thread`.
    ///
    /// # Errors
    ///
    /// As [`one_pass_jpeg`](Self::one_pass_jpeg).
    pub fn one_pass_jpeg_in(
        &self,
        bytes: &[u8],
        scratch: &mut PixelScratch,
    ) -> Result<PixelBuffer> {
        self.rendition()
            .decode(bytes, &self.decode_options, scratch)
    }

    /// One pass over a JPEG file, to a JPEG file: no pixels in between, metadata kept or not by choice.
    ///
    /// # Errors
    ///
    /// As [`CoefficientImage::decode`], [`CoefficientImage::requantize`] and
    /// [`CoefficientImage::encode_with`].
    pub fn one_pass_transcode(&self, bytes: &[u8], options: &EncodeOptions) -> Result<Encoded> {
        let mut image = CoefficientImage::decode_with(bytes, &self.decode_options)?;
        self.one_pass_coefficients(&mut image)?;
        image.encode_with(options)
    }

    /// One pass over pixels: forward DCT in the profile's colour space, quantize, dequantize, inverse.
    ///
    /// The published code does this on the planes R, G and B, the profile's default. Grey stays grey.
    ///
    /// # Errors
    ///
    /// As [`CoefficientImage::from_pixels`].
    pub fn one_pass_pixels(&self, pixels: PixelView<'_>) -> Result<PixelBuffer> {
        self.compress_coefficients(pixels)?
            .to_pixels(&self.inverse_options())
    }

    /// Pass one of two, at the sensor: pixels to the defensive JPEG file.
    ///
    /// Where the size is no multiple of the MCU's, pass two does not see the padding of the last blocks, and
    /// does not find their coefficients again; see the guide's chapter on theory.
    ///
    /// # Errors
    ///
    /// As [`CoefficientImage::from_pixels`] and [`CoefficientImage::encode`].
    pub fn compress(&self, pixels: PixelView<'_>) -> Result<Vec<u8>> {
        self.compress_coefficients(pixels)?.encode()
    }

    /// Pass one of two, as coefficients: for other [`EncodeOptions`], or no file at all.
    ///
    /// # Errors
    ///
    /// As [`CoefficientImage::from_pixels`].
    pub fn compress_coefficients(&self, pixels: PixelView<'_>) -> Result<CoefficientImage> {
        CoefficientImage::from_pixels(
            pixels,
            self.profile.tables(),
            &self.profile.forward_options(),
        )
    }

    /// Pass two of two, before the classifier, on received pixels of a pass-one picture.
    ///
    /// The pixels must be on pass one's grid: uncropped, unscaled. Perturbations that move no
    /// coefficient by half a step or more vanish. The arithmetic is that of
    /// [`one_pass_pixels`](Self::one_pass_pixels); what makes it pass two is where the pixels come from.
    ///
    /// # Errors
    ///
    /// As [`CoefficientImage::from_pixels`].
    pub fn distill(&self, pixels: PixelView<'_>) -> Result<PixelBuffer> {
        self.one_pass_pixels(pixels)
    }

    /// Pass two of two on a received JPEG file of pass one.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::ProfileMismatch`](crate::ArgumentError::ProfileMismatch) for a file that the profile did not make, unless
    /// [`ProfileCheck::Skip`] was chosen; as [`CoefficientImage::decode`].
    pub fn distill_jpeg(&self, bytes: &[u8]) -> Result<PixelBuffer> {
        self.distill_jpeg_in(bytes, &mut PixelScratch::new())
    }

    /// As [`distill_jpeg`](Self::distill_jpeg), in memory that is reused; see
    /// [`one_pass_jpeg_in`](Self::one_pass_jpeg_in).
    ///
    /// # Errors
    ///
    /// As [`distill_jpeg`](Self::distill_jpeg).
    pub fn distill_jpeg_in(&self, bytes: &[u8], scratch: &mut PixelScratch) -> Result<PixelBuffer> {
        let check = |outline: &Outline<'_>| self.check_origin(outline);
        self.rendition()
            .checked(&check)
            .decode(bytes, &self.decode_options, scratch)
    }

    /// Pass two of two on a received JPEG file of pass one, once it is decoded.
    pub(crate) fn distill_decoded(&self, image: CoefficientImage) -> Result<PixelBuffer> {
        self.check_origin(&image.outline())?;
        self.rendition().draw(image)
    }

    /// Refuses what the profile did not make, unless told otherwise.
    fn check_origin(&self, outline: &Outline<'_>) -> Result<()> {
        match self.profile_check {
            ProfileCheck::Refuse => self.profile.check_origin(outline),
            ProfileCheck::Skip => Ok(()),
        }
    }

    /// What pass two provably removes from a picture of pass one, as the attacker gets it.
    ///
    /// # Errors
    ///
    /// As [`Certificate::new`].
    pub fn certificate(&self, picture: PixelView<'_>) -> Result<Certificate> {
        Certificate::with_inverse(&self.profile, picture, &self.inverse_options())
    }

    /// What [`one_pass_coefficients`](Self::one_pass_coefficients) would leave of an image, as pixels.
    const fn rendition(&self) -> Rendition<'_> {
        Rendition::of(self.inverse_options())
            .requantized(self.profile.tables(), self.profile.rounding())
    }

    const fn inverse_options(&self) -> InverseOptions {
        self.profile
            .inverse_options()
            .with_limits(*self.decode_options.limits())
    }
}
