//! What pass two tells about the way between the passes: which tiles were changed, by what, and whether that is
//! certain.

use std::fmt;

use crate::band::BANDS;
use crate::certificate::{Certificate, ComponentCertificate, Norm, Radii};
use crate::coefficients::CoefficientImage;
use crate::error::{ArgumentError, CertificateVoid, Result};
use crate::limits::{try_reserve, try_vec};
use crate::pixels::{InverseOptions, PixelBuffer, PixelFormat, PixelView};

use super::{FeatureDistiller, ProfileCheck};

/// What happened to a picture, or to one of its tiles, between the passes.
///
/// The verdict of a picture is the gravest of its tiles' verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum TamperVerdict {
    /// The received samples are what pass two gives back, bit for bit.
    Untouched,
    /// The samples were changed, by less than the radius: if the picture was one that pass two reproduces and
    /// nobody went beyond its radius, pass two gives that very picture, and the difference is the perturbation, bit for
    /// bit.
    RemovedExactly,
    /// Proof that somebody went beyond the radius, or that the picture never was one that pass two reproduces: a
    /// raw picture, another profile, a shifted grid.
    OutsideRadius,
}

impl TamperVerdict {
    /// A short name, stable across versions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::RemovedExactly => "removed exactly",
            Self::OutsideRadius => "outside the radius",
        }
    }
}

/// What pass two found out about one received picture.
///
/// # What it proves
///
/// Call a picture y that pass two reproduces ([`Certificate::is_fixed_point`]) a sent picture, and let it be changed by
/// e on its way. If in every tile e is zero or, in one norm or another, smaller than the tile's radius in y's
/// certificate, pass two finds y's levels and gives y. So the recovered difference is e and below the radii of
/// the picture that pass two gave: exactly what is checked. Hence
///
/// - [`OutsideRadius`](TamperVerdict::OutsideRadius) is a proof that no sent picture is so near: the attacker went
///   further, or the picture never was a sent one.
/// - [`RemovedExactly`](TamperVerdict::RemovedExactly) names the only sent picture that is so near. (It is one: pass two
///   finds the same levels for it as for the received picture, and those are its own.) Whether it is the one that was
///   sent nobody can know: an attacker who goes further may end next to another one.
///
/// # What it does not
///
/// Nothing is authenticated. A change from one sent picture to another is itself untouched: it takes at
/// least the sum of both pictures' radii in a tile, and a block that is brighter by an eighth of DC's step is such a change. So is every
/// file that an attacker writes with the profile. A signature is the means against that.
///
/// With [`Upsampling::Triangle`](crate::Upsampling::Triangle) pixels depend on neighbouring tiles. The verdict of the
/// picture holds as it is, but a tile next to one that was changed beyond the radius may be named with it.
#[derive(Debug, Clone, PartialEq)]
pub struct TamperReport {
    size: (u32, u32),
    format: PixelFormat,
    perturbation: Vec<i16>,
    tile: (u32, u32),
    tiles: Vec<TamperVerdict>,
    residual_energy: Vec<[f64; BANDS]>,
    is_fixed_point: bool,
}

impl FeatureDistiller {
    /// Pass two of two, as [`distill`](Self::distill), with a report on what the received picture went through.
    ///
    /// It costs about three times as much, and up to 24 bytes of memory for each sample of the picture.
    ///
    /// # Errors
    ///
    /// As [`distill`](Self::distill) and [`certificate`](Self::certificate);
    /// [`CertificateVoid::PixelFormat`], in [`ArgumentError::CertificateVoid`], for a colour picture that the profile
    /// distils to grey.
    ///
    /// ```
    /// use feature_distillation::{
    ///     FeatureDistiller, Handover, Norm, PixelBuffer, PixelFormat, TamperVerdict,
    /// };
    ///
    /// let distiller =
    ///     FeatureDistiller::builder().certifying(Norm::Linf, 2.0, Handover::EightBit).build()?;
    /// let raw = PixelBuffer::new((0..32 * 24).map(|i| 60 + (i % 32) as u8).collect(), 32, 24, PixelFormat::Grey)?;
    /// let sent = distiller.one_pass_pixels(raw.view())?;
    /// assert!(distiller.certificate(sent.view())?.is_fixed_point());
    ///
    /// let mut received = sent.clone();
    /// received.as_mut_slice()[32 * 9 + 20] += 2;
    /// let (picture, report) = distiller.distill_with_report(received.view())?;
    /// assert_eq!(picture, sent);
    /// assert_eq!(report.verdict(), TamperVerdict::RemovedExactly);
    /// assert_eq!(report.perturbation()[32 * 9 + 20], 2);
    /// assert_eq!(report.tiles_at_least(TamperVerdict::RemovedExactly).collect::<Vec<_>>(), [(2, 1)]);
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    pub fn distill_with_report(
        &self,
        received: PixelView<'_>,
    ) -> Result<(PixelBuffer, TamperReport)> {
        let of_received = self.certificate(received)?;
        let distilled = of_received.levels().to_pixels(&self.inverse_options())?;
        if distilled.format() != received.format() {
            return Err(
                ArgumentError::CertificateVoid(CertificateVoid::PixelFormat {
                    certified: distilled.format().name(),
                    received: received.format().name(),
                })
                .into(),
            );
        }
        let perturbation = difference(received, &distilled)?;
        let mut residual_energy = Vec::with_capacity(of_received.components().len());
        for component in of_received.components() {
            residual_energy.push(mean_squares(component));
        }
        let mut report = TamperReport {
            size: of_received.size(),
            format: distilled.format(),
            perturbation,
            tile: of_received.tile(),
            tiles: Vec::new(),
            residual_energy,
            is_fixed_point: true,
        };
        if of_received.is_fixed_point() {
            let count = report.columns() as usize * report.rows() as usize;
            report.tiles = try_vec(TamperVerdict::Untouched, count)?;
        } else {
            drop(of_received);
            let certificate = self.certificate(distilled.view())?;
            report.is_fixed_point = certificate.is_fixed_point();
            report.tiles = judge(&report, &certificate)?;
        }
        Ok((distilled, report))
    }

    /// Pass two of two on a received JPEG file, as [`distill_jpeg`](Self::distill_jpeg), with a report on what the
    /// picture went through.
    ///
    /// A file of this profile holds levels, which are on the lattice whatever they are: the report says [`TamperVerdict::Untouched`], which means no more than that the file is on the lattice.
    ///
    /// Any other file, which only [`ProfileCheck::Skip`] lets through, is a picture that somebody saved again. What
    /// its viewers see counts as received: it is decoded to pixels as libjpeg decodes it, and goes the way of
    /// [`distill_with_report`](Self::distill_with_report). Saving is a perturbation like any other, inside the radius or not. (Without a report
    /// [`distill_jpeg`](Self::distill_jpeg) requantizes such a file's coefficients, which can end on other levels.)
    ///
    /// # Errors
    ///
    /// As [`distill_jpeg`](Self::distill_jpeg) and [`distill_with_report`](Self::distill_with_report).
    pub fn distill_jpeg_with_report(&self, bytes: &[u8]) -> Result<(PixelBuffer, TamperReport)> {
        let image = CoefficientImage::decode_with(bytes, &self.decode_options)?;
        match (
            self.profile.check_origin(&image.outline()),
            self.profile_check,
        ) {
            (Ok(()), _) => self.report_on_levels(&image),
            (Err(error), ProfileCheck::Refuse) => Err(error),
            (Err(_), ProfileCheck::Skip) => {
                let options =
                    InverseOptions::libjpeg_equal().with_limits(*self.decode_options.limits());
                self.distill_with_report(image.to_pixels(&options)?.view())
            }
        }
    }

    /// The report on a file whose levels are the profile's own: they are what was received.
    fn report_on_levels(&self, image: &CoefficientImage) -> Result<(PixelBuffer, TamperReport)> {
        let distilled = image.to_pixels(&self.inverse_options())?;
        let certificate = self.certificate(distilled.view())?;
        let mut report = TamperReport {
            size: certificate.size(),
            format: distilled.format(),
            perturbation: try_vec(0, distilled.as_slice().len())?,
            tile: certificate.tile(),
            tiles: Vec::new(),
            residual_energy: vec![[0.0; BANDS]; image.components().len()],
            is_fixed_point: certificate.is_fixed_point(),
        };
        let count = report.columns() as usize * report.rows() as usize;
        report.tiles = try_vec(TamperVerdict::Untouched, count)?;
        Ok((distilled, report))
    }
}

impl TamperReport {
    /// The gravest verdict of any tile.
    #[must_use]
    pub fn verdict(&self) -> TamperVerdict {
        let gravest = self.tiles.iter().max();
        gravest.copied().unwrap_or(TamperVerdict::Untouched)
    }

    /// The recovered perturbation, received minus distilled: row by row, channels of a pixel together, as in
    /// [`PixelBuffer`].
    #[must_use]
    pub fn perturbation(&self) -> &[i16] {
        &self.perturbation
    }

    /// The largest change of a sample.
    #[must_use]
    pub fn largest_change(&self) -> u16 {
        let changes = self.perturbation.iter();
        changes
            .map(|change| change.unsigned_abs())
            .max()
            .unwrap_or(0)
    }

    /// Whether pass two reproduces the picture that it gave. It does unless the verdict is
    /// [`TamperVerdict::OutsideRadius`], or the picture came as a file: levels on the lattice need not come back from 8-bit
    /// pixels.
    #[must_use]
    pub const fn is_fixed_point(&self) -> bool {
        self.is_fixed_point
    }

    /// Columns of tiles; a tile is the area of one MCU.
    #[must_use]
    pub const fn columns(&self) -> u32 {
        self.size.0.div_ceil(self.tile.0)
    }

    /// Rows of tiles.
    #[must_use]
    pub const fn rows(&self) -> u32 {
        self.size.1.div_ceil(self.tile.1)
    }

    /// Width and height of a tile in pixels: 8 or 16; the last column and row of tiles may reach past the
    /// picture.
    #[must_use]
    pub const fn tile_size(&self) -> (u32, u32) {
        self.tile
    }

    /// The verdicts of the tiles, row by row.
    ///
    /// Each is about its own tile. Inside a large patch of one shift, tiles may be next to another sent picture's, and
    /// are not named; the patch's border is.
    #[must_use]
    pub fn tiles(&self) -> &[TamperVerdict] {
        &self.tiles
    }

    /// Column and row of the tiles whose verdict is this one or a graver one.
    pub fn tiles_at_least(&self, verdict: TamperVerdict) -> impl Iterator<Item = (u32, u32)> + '_ {
        let columns = self.columns();
        let positions = (0..self.rows()).flat_map(move |y| (0..columns).map(move |x| (x, y)));
        positions
            .zip(&self.tiles)
            .filter(move |&(_, &of_tile)| of_tile >= verdict)
            .map(|(position, _)| position)
    }

    /// The mean square, over the blocks of a component, of what each band of the received picture is away from
    /// its level times the step; natural order, `None` for a component that there is not.
    ///
    /// Rounding to 8 bits leaves about 1/12 in each band of an RGB or grey component. Noise adds its variance, up to the
    /// 1/12 of the squared step that a picture has that never saw the lattice.
    #[must_use]
    pub fn residual_energy(&self, component: usize) -> Option<&[f64; BANDS]> {
        self.residual_energy.get(component)
    }

    /// The tiles over the picture, which becomes a dark grey RGB picture: green where it was changed and
    /// restored, red where it was changed beyond the radius. `picture` is the received or the distilled one.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Shape`] for a picture of another size or other channels;
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn to_picture(&self, picture: PixelView<'_>) -> Result<PixelBuffer> {
        let ((width, height), channels) = (self.size, self.format.channels());
        for (what, expected, actual) in [
            ("width of the picture", width, picture.width()),
            ("height of the picture", height, picture.height()),
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
        if picture.format() != self.format {
            return Err(ArgumentError::Shape {
                what: "number of channels",
                expected: channels as u64,
                actual: picture.format().channels() as u64,
            }
            .into());
        }
        let mut samples = Vec::new();
        try_reserve(&mut samples, 3 * width as usize * height as usize)?;
        let mut sums = vec![0_u16; width as usize];
        let mut row = vec![0_u8; width as usize];
        for y in 0..height {
            sums.fill(0);
            for channel in 0..channels {
                picture.copy_row(y as usize, channel, &mut row);
                for (sum, &sample) in sums.iter_mut().zip(&row) {
                    *sum += u16::from(sample);
                }
            }
            for (x, &sum) in (0..width).zip(&sums) {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "half of a mean of at most 4 samples"
                )]
                let grey = (usize::from(sum) / channels / 2) as u8;
                samples.extend(match self.tiles[self.tile_of(x, y)] {
                    TamperVerdict::Untouched => [grey; 3],
                    TamperVerdict::RemovedExactly => [grey, grey + TINT, grey],
                    TamperVerdict::OutsideRadius => [grey + TINT, grey, grey],
                });
            }
        }
        PixelBuffer::new(samples, width, height, PixelFormat::Rgb)
    }

    /// Index of the tile of a pixel.
    fn tile_of(&self, x: u32, y: u32) -> usize {
        (y / self.tile.1) as usize * self.columns() as usize + (x / self.tile.0) as usize
    }
}

/// What the colour of a verdict adds to a grey of at most 127.
const TINT: u8 = 110;

impl fmt::Display for TamperReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} of {} tiles changed, {} outside the radius, largest change {}",
            self.verdict().name(),
            self.tiles_at_least(TamperVerdict::RemovedExactly).count(),
            self.tiles.len(),
            self.tiles_at_least(TamperVerdict::OutsideRadius).count(),
            self.largest_change(),
        )
    }
}

/// The size of the change of one tile.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    largest: u16,
    squares: u64,
    magnitudes: u64,
}

impl Change {
    fn verdict(self, radii: Radii) -> TamperVerdict {
        // A tile that nobody touched needs no radius: it has the levels that it had.
        let certified = |&norm: &Norm| radii.certify(norm, self.size(norm));
        match self.largest {
            0 => TamperVerdict::Untouched,
            _ if Norm::ALL.iter().any(certified) => TamperVerdict::RemovedExactly,
            _ => TamperVerdict::OutsideRadius,
        }
    }

    fn size(self, norm: Norm) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "at most 16 x 16 pixels of 3 channels and 255^2"
        )]
        match norm {
            Norm::Linf => f64::from(self.largest),
            Norm::L2 => (self.squares as f64).sqrt(),
            Norm::L1 => self.magnitudes as f64,
        }
    }
}

/// The verdicts of all tiles, by the certificate of the distilled picture.
fn judge(report: &TamperReport, certificate: &Certificate) -> Result<Vec<TamperVerdict>> {
    let radii = certificate.tile_radii()?;
    let mut changes = try_vec(Change::default(), radii.len())?;
    let channels = report.format.channels();
    let pixels = (0..report.size.1).flat_map(|y| (0..report.size.0).map(move |x| (x, y)));
    for ((x, y), pixel) in pixels.zip(report.perturbation.chunks_exact(channels)) {
        let change = &mut changes[report.tile_of(x, y)];
        for sample in pixel {
            let magnitude = sample.unsigned_abs();
            change.largest = change.largest.max(magnitude);
            change.squares += u64::from(magnitude) * u64::from(magnitude);
            change.magnitudes += u64::from(magnitude);
        }
    }
    let verdicts = changes.iter().zip(&radii);
    Ok(verdicts
        .map(|(change, &radii)| change.verdict(radii))
        .collect())
}

/// Received minus distilled, sample by sample.
fn difference(received: PixelView<'_>, distilled: &PixelBuffer) -> Result<Vec<i16>> {
    let (width, channels) = (received.width() as usize, received.format().channels());
    let mut difference = try_vec(0, distilled.as_slice().len())?;
    let mut row = vec![0_u8; width];
    let rows = difference
        .chunks_exact_mut(width * channels)
        .zip(distilled.as_slice().chunks_exact(width * channels));
    for (y, (difference, distilled)) in rows.enumerate() {
        for channel in 0..channels {
            received.copy_row(y, channel, &mut row);
            let samples = difference.iter_mut().zip(distilled).skip(channel);
            for ((difference, &distilled), &received) in samples.step_by(channels).zip(&row) {
                *difference = i16::from(received) - i16::from(distilled);
            }
        }
    }
    Ok(difference)
}

fn mean_squares(component: &ComponentCertificate) -> [f64; BANDS] {
    let mut sums = [0.0; BANDS];
    let mut blocks = 0.0;
    for (x, y) in component.positions() {
        let Some(residuals) = component.residuals(x, y) else {
            continue;
        };
        for (sum, &residual) in sums.iter_mut().zip(residuals) {
            *sum += f64::from(residual) * f64::from(residual);
        }
        blocks += 1.0;
    }
    sums.map(|sum| sum / blocks)
}
