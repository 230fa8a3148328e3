//! Alignment: the grid and the profile of a first pass, found in a picture that was cropped or saved again.
//!
//! The coefficients of a pass-one picture lie near multiples of the profile's steps, on the right grid and in
//! the right colour space only. That is a lattice, and how well it explains the picture is a number of bits.

mod evidence;
mod lattice;
mod sample;
mod search;

use crate::coefficients::{CoefficientImage, Rectangle};
use crate::distiller::FeatureDistiller;
use crate::error::{AlignmentError, ArgumentError, Error, Result};
use crate::jpeg::DecodeOptions;
use crate::limits::Limits;
use crate::pixels::{InverseOptions, PixelBuffer, PixelFormat, PixelView};
use crate::profile::Profile;

use evidence::Weights;
use lattice::Lattice;
use sample::Sample;
use search::Hypothesis;

/// Other candidates that are compared with the best by what pass two makes of the picture.
const MOST_RIVALS: usize = 8;

/// The second pass on pictures that were cropped or saved again since the first.
///
/// Knows the profiles that senders may have used, finds which of them made a picture and where its grid
/// lies, cuts the picture to whole MCUs of that grid, and distils.
///
/// ```
/// use feature_distillation::{
///     ColorSpace, FeatureDistiller, PixelFormat, PixelView, QuantizationTable, Receiver, Rectangle,
/// };
///
/// let of_rgb = FeatureDistiller::builder().tables(QuantizationTable::uniform(24)?).build()?;
/// let of_ycbcr = FeatureDistiller::builder()
///     .tables(QuantizationTable::uniform(24)?)
///     .color_space(ColorSpace::YCbCr)
///     .build()?;
/// let receiver = Receiver::new(&[of_rgb.profile().clone(), of_ycbcr.profile().clone()])?;
///
/// // Pass one at the sensor.
/// let samples: Vec<u8> = (0..96_u32 * 96 * 3)
///     .map(|i| (128 + (i * i / 977 + i / 288 * (i % 288) / 40) % 97) as u8 - 50)
///     .collect();
/// let picture = PixelView::new(&samples, 96, 96, PixelFormat::Rgb)?;
/// let sent = of_ycbcr.distill_jpeg(&of_ycbcr.compress(picture)?)?;
///
/// // On the way three columns and six rows are cut off.
/// let received = sent.view().cropped(Rectangle::new(3, 6, 93, 90))?;
///
/// let distilled = receiver.distill(received)?;
/// assert_eq!(distilled.alignment.profile(), 1);
/// assert_eq!(distilled.alignment.rectangle(), Rectangle::new(5, 2, 88, 88));
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Receiver {
    profiles: Vec<Profile>,
    limits: Limits,
    weights: Weights,
    of_grey: Vec<Lattice>,
    of_rgb: Vec<Lattice>,
}

/// Where the grid of a first pass lies in a picture, and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Alignment {
    profile: usize,
    alike: Vec<usize>,
    rectangle: Rectangle,
    evidence: f64,
}

/// What a [`Receiver`] made of a received picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The distilled picture: what lies in [`Alignment::rectangle`] of the received one.
    pub pixels: PixelBuffer,
    /// Whose lattice it is, and where.
    pub alignment: Alignment,
}

impl Receiver {
    /// A receiver of pictures that any of these profiles may have made.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Shape`] for no profile at all.
    pub fn new(profiles: &[Profile]) -> Result<Self> {
        if profiles.is_empty() {
            return Err(ArgumentError::Shape {
                what: "number of profiles",
                expected: 1,
                actual: 0,
            }
            .into());
        }
        Ok(Self {
            profiles: profiles.to_vec(),
            limits: Limits::default(),
            weights: Weights::new(),
            of_grey: Lattice::of_profiles(profiles, PixelFormat::Grey),
            of_rgb: Lattice::of_profiles(profiles, PixelFormat::Rgb),
        })
    }

    /// Replaces the limits on what a received file may cost.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The candidates.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// Finds the profile that made a picture and where its grid lies.
    ///
    /// Looks at 96 blocks of the picture at most on each of the 64 grids of 8x8, then at about a thousand on the
    /// most promising ones, whatever the size of the picture: the work of some eight second passes over 224x224
    /// pixels, for one candidate or for eight. Of large pictures the busiest of 64 parts are looked at; blocks with samples of 0 or 255 may have been clipped and are left
    /// out. Robust to changes of one up or down in every sample, and to a re-save as JPEG of quality 90 at 4:4:4
    /// on any grid; less to chrominance that was subsampled since, from which colour spaces cannot be told.
    ///
    /// - Of profiles with the same tables, colour space and sampling the first is taken.
    /// - Where the lattice of one profile is part of another's, as with steps of 48 and 24, the coarser one that
    ///   fits is taken. Without it among the candidates its pictures are refused.
    /// - Candidates that explain a picture about equally well are ambiguous, unless pass two makes the same of it
    ///   with each, but for one up or down and a twentieth of its samples: such as grey pictures in RGB and YCbCr.
    ///   Then the first is taken. That costs a second pass over the picture for each of at most 9 candidates; more
    ///   are ambiguous.
    /// - Steps of about twice the noise or less leave no lattice to be found: 1 and 2 for pixels of 8 bits.
    ///
    /// # Errors
    ///
    /// [`AlignmentError`], which tells why no alignment can be vouched for; [`ArgumentError::PixelFormat`] for
    /// CMYK pixels; as [`FeatureDistiller::distill`] where candidates are compared by it.
    pub fn align(&self, pixels: PixelView<'_>) -> Result<Alignment> {
        let lattices = match pixels.format() {
            PixelFormat::Grey => &self.of_grey,
            _ => &self.of_rgb,
        };
        if pixels.width().min(pixels.height()) < 8 {
            return Err(too_small(pixels, 8));
        }
        let sample = Sample::of(pixels)?;
        let found = search::search(&sample, lattices, &self.weights)?;
        let alignment = |hypothesis: &Hypothesis| {
            let lattice = &lattices[hypothesis.lattice];
            Alignment {
                profile: lattice.profile,
                alike: Vec::new(),
                rectangle: whole_mcus(pixels, hypothesis.offset, lattice.mcu_blocks),
                evidence: found.evidence,
            }
        };
        let mut choice = alignment(&found.best);
        if choice.rectangle.width == 0 || choice.rectangle.height == 0 {
            let mcu = lattices[found.best.lattice].mcu_blocks;
            return Err(too_small(pixels, 8 * mcu.0.max(mcu.1)));
        }
        let mut alike = vec![choice.profile];
        if let Some(rival) = found.rivals.get(MOST_RIVALS) {
            return Err(ambiguity(&choice, &alignment(rival)).into());
        }
        let mut distilled = None;
        for rival in found.rivals.iter().map(alignment) {
            if rival.rectangle.width == 0 || rival.rectangle.height == 0 {
                continue;
            }
            let one = match distilled.take() {
                Some(one) => one,
                None => self.distilled(pixels, &choice)?,
            };
            let other = self.distilled(pixels, &rival)?;
            if !is_nearly_same(&one, choice.rectangle, &other, rival.rectangle) {
                return Err(ambiguity(&choice, &rival).into());
            }
            alike.push(rival.profile);
            if (rival.profile, rival.offset()) < (choice.profile, choice.offset()) {
                choice = rival;
                distilled = Some(other);
            } else {
                distilled = Some(one);
            }
        }
        alike.retain(|&profile| profile != choice.profile);
        alike.sort_unstable();
        alike.dedup();
        Ok(Alignment { alike, ..choice })
    }

    fn distilled(&self, pixels: PixelView<'_>, alignment: &Alignment) -> Result<PixelBuffer> {
        self.distiller(alignment.profile)
            .distill(alignment.realigned(pixels)?)
    }

    /// Pass two on received pixels: aligns, cuts to whole MCUs and distils with the profile found.
    ///
    /// # Errors
    ///
    /// As [`align`](Self::align) and [`FeatureDistiller::distill`].
    pub fn distill(&self, pixels: PixelView<'_>) -> Result<Received> {
        let alignment = self.align(pixels)?;
        let distiller = self.distiller(alignment.profile);
        Ok(Received {
            pixels: distiller.distill(alignment.realigned(pixels)?)?,
            alignment,
        })
    }

    /// Pass two on a received JPEG.
    ///
    /// A file with the tables, colour space and sampling of one of the profiles is taken for its pass-one file,
    /// as it is, and distilled whole. Any other is decoded as libjpeg does, and its pixels distilled.
    ///
    /// # Errors
    ///
    /// As [`CoefficientImage::decode`], [`CoefficientImage::to_pixels`] and [`distill`](Self::distill).
    pub fn distill_jpeg(&self, bytes: &[u8]) -> Result<Received> {
        let options = DecodeOptions::new().with_limits(self.limits);
        let image = CoefficientImage::decode_with(bytes, &options)?;
        let own = (0..self.profiles.len())
            .map(|profile| (profile, self.distiller(profile)))
            .find(|(_, distiller)| distiller.profile().check_origin(&image.outline()).is_ok());
        if let Some((profile, distiller)) = own {
            let alignment = Alignment {
                profile,
                alike: Vec::new(),
                rectangle: Rectangle::new(0, 0, image.width(), image.height()),
                evidence: f64::INFINITY,
            };
            return Ok(Received {
                pixels: distiller.distill_decoded(image)?,
                alignment,
            });
        }
        let pixels = image.to_pixels(&InverseOptions::libjpeg_equal().with_limits(self.limits))?;
        self.distill(pixels.view())
    }

    fn distiller(&self, profile: usize) -> FeatureDistiller {
        FeatureDistiller::from_profile(self.profiles[profile].clone()).with_limits(self.limits)
    }
}

impl Alignment {
    /// Index of the profile that made the picture, among the receiver's.
    #[must_use]
    pub const fn profile(&self) -> usize {
        self.profile
    }

    /// Other candidates that the picture does not tell from this one, by index, though their tables, colour space or
    /// sampling differ: pass two makes the same of it with each, but for a twentieth of its samples. A grey picture
    /// has the lattice of RGB and of YCbCr. None for a JPEG that was recognized by its tables.
    #[must_use]
    pub fn alike(&self) -> &[usize] {
        &self.alike
    }

    /// Column and row of the picture where its first whole MCU begins.
    #[must_use]
    pub const fn offset(&self) -> (u32, u32) {
        (self.rectangle.x, self.rectangle.y)
    }

    /// All whole MCUs of the picture.
    #[must_use]
    pub const fn rectangle(&self) -> Rectangle {
        self.rectangle
    }

    /// Evidence in bits; infinite for a JPEG with the profile's tables, colour space and sampling.
    ///
    /// It comes from the AC coefficients, each distinct block of them counted once, and is what is left once the
    /// number of grids, profiles and kinds of noise that were tried is paid for. Of pictures whose coefficients
    /// lie independently and evenly between the multiples of the steps, at most one in 2^evidence has as much.
    /// Real pictures are less likely to, since the density of their coefficients falls away from zero. No
    /// alignment has less than 40 bits.
    #[must_use]
    pub const fn evidence(&self) -> f64 {
        self.evidence
    }

    /// The whole MCUs of the picture that was aligned, or of another of the same size.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Rectangle`] where the picture is smaller.
    pub fn realigned<'a>(&self, pixels: PixelView<'a>) -> Result<PixelView<'a>> {
        pixels.cropped(self.rectangle)
    }
}

/// Whether two distilled parts of a picture are the same where they overlap, but for one up or down and a
/// twentieth of the samples.
fn is_nearly_same(one: &PixelBuffer, a: Rectangle, other: &PixelBuffer, b: Rectangle) -> bool {
    if one.format() != other.format() {
        return false;
    }
    // The rows that both have, sample by sample.
    let (left, top) = (a.x.max(b.x), a.y.max(b.y));
    let right = (a.x + a.width).min(b.x + b.width);
    let bottom = (a.y + a.height).min(b.y + b.height);
    let (mut different, mut samples) = (0_u64, 0_u64);
    let row = |picture: &PixelBuffer, of: Rectangle, y: u32| {
        let channels = picture.format().channels();
        let start = ((y - of.y) as usize * of.width as usize + (left - of.x) as usize) * channels;
        start..start + right.saturating_sub(left) as usize * channels
    };
    for y in top..bottom {
        let pairs = one.as_slice()[row(one, a, y)]
            .iter()
            .zip(&other.as_slice()[row(other, b, y)]);
        for (a, b) in pairs {
            samples += 1;
            different += u64::from(a.abs_diff(*b) > 1);
        }
    }
    samples > 0 && different * 20 <= samples
}

/// The part of a picture that is whole MCUs of a grid.
fn whole_mcus(
    pixels: PixelView<'_>,
    offset: (usize, usize),
    mcu_blocks: (usize, usize),
) -> Rectangle {
    let side = |offset: usize, mcu_blocks: usize, length: u32| {
        // Both are below 32.
        let start = u32::try_from(offset).unwrap_or(0);
        let mcu = u32::try_from(8 * mcu_blocks).unwrap_or(8);
        (start, length.saturating_sub(start) / mcu * mcu)
    };
    let (x, width) = side(offset.0, mcu_blocks.0, pixels.width());
    let (y, height) = side(offset.1, mcu_blocks.1, pixels.height());
    Rectangle::new(x, y, width, height)
}

fn too_small(pixels: PixelView<'_>, required: usize) -> Error {
    AlignmentError::TooSmall {
        width: pixels.width(),
        height: pixels.height(),
        required: u32::try_from(required).unwrap_or(u32::MAX),
    }
    .into()
}

fn ambiguity(best: &Alignment, rival: &Alignment) -> AlignmentError {
    let (first, second) = (best.offset(), rival.offset());
    if best.profile != rival.profile {
        AlignmentError::AmbiguousProfiles {
            first: best.profile,
            second: rival.profile,
        }
    } else if (first.0 % 8, first.1 % 8) == (second.0 % 8, second.1 % 8) {
        AlignmentError::AmbiguousChrominanceGrid { first, second }
    } else {
        AlignmentError::AmbiguousGrid { first, second }
    }
}
