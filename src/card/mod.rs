//! A profile on one page: what it certifies and what it costs.

mod text;

use crate::certificate::{Certificate, Handover, Norm, Radii};
use crate::coefficients::{CoefficientImage, ColorSpace, Component};
use crate::error::{ArgumentError, Result};
use crate::pixels::{PixelBuffer, PixelView, signal_to_noise};
use crate::profile::Profile;

/// What a profile certifies before any picture is seen, and what pass one makes of given pictures: quality,
/// size of the files, clipping, and how much of them is certified.
///
/// Figures of pictures are `None` as long as there is no picture. Displays as a page of text; with the feature
/// `serde` it serializes as the same figures.
///
/// ```
/// use feature_distillation::{
///     FeatureDistiller, Handover, Norm, PixelFormat, PixelView, ProfileCard,
/// };
/// let distiller =
///     FeatureDistiller::builder().certifying(Norm::Linf, 1.0, Handover::EightBit).build()?;
/// let mut card = ProfileCard::new(distiller.profile(), &[(Norm::Linf, 1.0), (Norm::Linf, 2.0)]);
/// let samples: Vec<u8> = (0..48 * 48 * 3).map(|i| (60 + i / 144 + i % 144 / 3) as u8).collect();
/// card.add(PixelView::new(&samples, 48, 48, PixelFormat::Rgb)?)?;
///
/// assert!(card.psnr_mean().unwrap() > 30.0);
/// assert_eq!(card.clipped_share(), Some(0.0));
/// assert_eq!(card.certified_pictures(0), Some(1.0));
/// println!("{card}");
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileCard {
    profile: Profile,
    sizes: Vec<SizeCount>,
    pictures: u64,
    pixels: u64,
    bytes: u64,
    psnr_sum: f64,
    psnr_min: f64,
    blocks: u64,
    clipped_blocks: u64,
}

/// What is certified at one size.
#[derive(Debug, Clone, PartialEq)]
struct SizeCount {
    norm: Norm,
    size: f64,
    blocks: u64,
    pictures: u64,
}

impl ProfileCard {
    /// The card of a profile, without pictures yet, that will count what is certified at these sizes.
    #[must_use]
    pub fn new(profile: &Profile, sizes: &[(Norm, f64)]) -> Self {
        let count = |&(norm, size)| SizeCount {
            norm,
            size,
            blocks: 0,
            pictures: 0,
        };
        Self {
            profile: profile.clone(),
            sizes: sizes.iter().map(count).collect(),
            pictures: 0,
            pixels: 0,
            bytes: 0,
            psnr_sum: 0.0,
            psnr_min: f64::INFINITY,
            blocks: 0,
            clipped_blocks: 0,
        }
    }

    /// Adds a raw picture: pass one is made of it.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::PixelFormat`] for colour pixels of a profile that distils to grey; as
    /// [`CoefficientImage::from_pixels`], [`CoefficientImage::encode`], [`CoefficientImage::to_pixels`] and
    /// [`Certificate::new`].
    pub fn add(&mut self, raw: PixelView<'_>) -> Result<()> {
        let options = self.profile.forward_options();
        let levels = CoefficientImage::from_pixels(raw, self.profile.tables(), &options)?;
        self.add_with_levels(raw, &levels)
    }

    /// Adds a raw picture with what a pass one of the caller's choice made of it.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add), [`ArgumentError::ProfileMismatch`] for levels that no pass of this profile makes, and
    /// [`ArgumentError::Shape`] where they are of a picture of another size.
    pub fn add_with_levels(&mut self, raw: PixelView<'_>, levels: &CoefficientImage) -> Result<()> {
        self.profile.check_origin(&levels.outline())?;
        let picture = levels.to_pixels(&self.profile.inverse_options())?;
        if picture.format() != raw.format() {
            return Err(ArgumentError::PixelFormat {
                color_space: levels.color_space().name(),
                format: raw.format().name(),
            }
            .into());
        }
        for (what, expected, actual) in [
            ("width of the levels", raw.width(), picture.width()),
            ("height of the levels", raw.height(), picture.height()),
        ] {
            if expected != actual {
                let (expected, actual) = (expected.into(), actual.into());
                return Err(ArgumentError::Shape {
                    what,
                    expected,
                    actual,
                }
                .into());
            }
        }
        let bytes = levels.encode()?.len() as u64;
        let clipping = levels.clipping(&self.profile.inverse_options())?;
        let certificate = Certificate::new(&self.profile, picture.view())?;
        // Nothing fails from here on, so a picture counts as a whole or not at all.
        for count in &mut self.sizes {
            let uncertified = certificate
                .uncertified_blocks(count.norm, count.size)
                .count();
            count.blocks += certificate.block_count() - uncertified as u64;
            count.pictures += u64::from(certificate.radii().certify(count.norm, count.size));
        }
        self.blocks += certificate.block_count();
        self.clipped_blocks += clipped_blocks(levels, &clipping);
        self.bytes += bytes;
        self.pixels += u64::from(raw.width()) * u64::from(raw.height());
        self.pictures += 1;
        let psnr = psnr(raw, &picture);
        self.psnr_sum += psnr;
        self.psnr_min = self.psnr_min.min(psnr);
        Ok(())
    }

    /// The profile.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What is certified before any picture is seen, see [`Profile::certified_radii`].
    #[must_use]
    pub fn radii(&self, handover: Handover) -> Radii {
        self.profile.certified_radii(handover)
    }

    /// Number of pictures.
    #[must_use]
    pub const fn pictures(&self) -> u64 {
        self.pictures
    }

    /// The mean over the pictures of the peak signal-to-noise ratio of pass one against the raw samples, in
    /// dB: 10 log10(255^2 / mean squared error); infinite if a picture is not changed at all.
    #[must_use]
    pub fn psnr_mean(&self) -> Option<f64> {
        self.share(self.psnr_sum, self.pictures)
    }

    /// The smallest peak signal-to-noise ratio of any picture, in dB.
    #[must_use]
    pub fn psnr_min(&self) -> Option<f64> {
        (self.pictures > 0).then_some(self.psnr_min)
    }

    /// Bits per pixel of all files together, with headers and optimized Huffman tables.
    #[must_use]
    pub fn bits_per_pixel(&self) -> Option<f64> {
        self.share(8.0 * real(self.bytes), self.pixels)
    }

    /// The share, 0 to 1, of the blocks of all components that cover a sample which leaves pass one clipped to 0 or
    /// 255. A block of an RGB picture covers samples of its own plane, one of a YCbCr picture those of all
    /// channels. Judged by the precise pipeline.
    #[must_use]
    pub fn clipped_share(&self) -> Option<f64> {
        self.share(real(self.clipped_blocks), self.blocks)
    }

    /// The norms and sizes at which certified blocks are counted.
    #[must_use]
    pub fn sizes(&self) -> impl ExactSizeIterator<Item = (Norm, f64)> + '_ {
        self.sizes.iter().map(|count| (count.norm, count.size))
    }

    /// The share, 0 to 1, of blocks that are certified at the size of this index; `None` for an index that there is
    /// not.
    #[must_use]
    pub fn certified_blocks(&self, index: usize) -> Option<f64> {
        self.share(real(self.sizes.get(index)?.blocks), self.blocks)
    }

    /// The share, 0 to 1, of pictures that are certified as a whole at the size of this index; `None` for an index
    /// that there is not.
    #[must_use]
    pub fn certified_pictures(&self, index: usize) -> Option<f64> {
        self.share(real(self.sizes.get(index)?.pictures), self.pictures)
    }

    fn share(&self, part: f64, whole: u64) -> Option<f64> {
        (self.pictures > 0).then(|| part / real(whole))
    }
}

/// Blocks of all components whose area has a clipped sample.
fn clipped_blocks(levels: &CoefficientImage, clipping: &PixelBuffer) -> u64 {
    let components = levels.components();
    let planes = levels.color_space() == ColorSpace::Rgb;
    let factor = |factor: fn(&Component) -> u8| components.iter().map(factor).max().unwrap_or(1);
    let across = factor(|component| component.sampling().horizontal());
    let down = factor(|component| component.sampling().vertical());
    let mut clipped = 0;
    for (index, component) in components.iter().enumerate() {
        let channels = if planes {
            index..index + 1
        } else {
            0..clipping.format().channels()
        };
        let side = |most: u8, own: u8| 8 * usize::from(most / own.max(1));
        let width = side(across, component.sampling().horizontal());
        let height = side(down, component.sampling().vertical());
        for (x, y) in component.positions() {
            let corner = (x as usize * width, y as usize * height);
            clipped += u64::from(any_clipped(
                clipping,
                corner,
                (width, height),
                channels.clone(),
            ));
        }
    }
    clipped
}

fn any_clipped(
    clipping: &PixelBuffer,
    (left, top): (usize, usize),
    (width, height): (usize, usize),
    channels: std::ops::Range<usize>,
) -> bool {
    let (columns, step) = (clipping.width() as usize, clipping.format().channels());
    let rows = clipping.as_slice().chunks_exact(columns * step);
    rows.skip(top).take(height).any(|row| {
        let mut pixels = row.chunks_exact(step).skip(left).take(width);
        pixels.any(|pixel| pixel[channels.clone()].contains(&1))
    })
}

fn psnr(raw: PixelView<'_>, picture: &PixelBuffer) -> f64 {
    let (width, channels) = (raw.width() as usize, raw.format().channels());
    let mut row = vec![0; width];
    let mut squares = 0_u64;
    for (y, samples) in picture
        .as_slice()
        .chunks_exact(width * channels)
        .enumerate()
    {
        for channel in 0..channels {
            raw.copy_row(y, channel, &mut row);
            let pairs = row
                .iter()
                .zip(samples.iter().skip(channel).step_by(channels));
            squares += pairs
                .map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2))
                .sum::<u64>();
        }
    }
    signal_to_noise(squares, picture.as_slice().len() as u64)
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
const fn real(count: u64) -> f64 {
    count as f64
}
