//! Many pictures on several threads.

use crate::error::Result;
use crate::jpeg::{EncodeOptions, Encoded};
use crate::parallel::each_with;
use crate::pixels::{PixelBuffer, PixelScratch, PixelView};

use super::{FeatureDistiller, TamperReport};

/// A [`FeatureDistiller`]'s passes over many pictures, on several threads (feature `rayon`).
///
/// Results stand in the order of the inputs, and are bit for bit those of one picture after the other, on any
/// number of threads. A picture that fails leaves its error in its place and disturbs no other.
///
/// The threads are those of rayon's current pool: the global one, of as many threads as there are cores, unless
/// the call is made inside [`ThreadPool::install`](https://docs.rs/rayon/latest/rayon/struct.ThreadPool.html#method.install).
/// On n threads up to n pictures are in work at a time, each within the distiller's
/// [`Limits`](crate::Limits), so together they may take n times the memory that the limits allow one.
/// All results are held at once; where that is too much, feed the batch in pieces.
///
/// ```
/// use feature_distillation::{FeatureDistiller, PixelFormat, PixelView, QuantizationTable};
///
/// let distiller = FeatureDistiller::builder()
///     .tables(QuantizationTable::uniform(24)?)
///     .build()?;
/// let samples: Vec<Vec<u8>> = (0..8_u8)
///     .map(|shift| (0..48 * 32 * 3).map(|i| (i / 24 % 160) as u8 + shift).collect())
///     .collect();
///
/// // The sensor: pass one.
/// let pictures = samples
///     .iter()
///     .map(|samples| PixelView::new(samples, 48, 32, PixelFormat::Rgb))
///     .collect::<Result<Vec<_>, _>>()?;
/// let files = distiller.batch().compress(&pictures);
/// let mut files = files.into_iter().collect::<Result<Vec<_>, _>>()?;
/// files[3].truncate(100);
///
/// // The receiver: pass two, picture by picture with a result of its own.
/// let distilled = distiller.batch().distill_jpeg(&files);
/// assert_eq!(distilled.len(), 8);
/// assert!(distilled[3].is_err());
/// assert_eq!(distilled[4].as_ref().ok(), distiller.distill_jpeg(&files[4]).ok().as_ref());
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    distiller: &'a FeatureDistiller,
}

impl FeatureDistiller {
    /// Goes over many pictures at once, on several threads (feature `rayon`).
    #[must_use]
    pub const fn batch(&self) -> Batch<'_> {
        Batch { distiller: self }
    }
}

impl Batch<'_> {
    /// One pass over JPEG files: [`FeatureDistiller::one_pass_jpeg`] of each.
    #[must_use]
    pub fn one_pass_jpeg<B: AsRef<[u8]> + Sync>(self, files: &[B]) -> Vec<Result<PixelBuffer>> {
        self.each_file(files, |distiller, file, scratch| {
            distiller.one_pass_jpeg_in(file, scratch)
        })
    }

    /// One pass from JPEG files to JPEG files: [`FeatureDistiller::one_pass_transcode`] of each.
    #[must_use]
    pub fn one_pass_transcode<B: AsRef<[u8]> + Sync>(
        self,
        files: &[B],
        options: &EncodeOptions,
    ) -> Vec<Result<Encoded>> {
        self.each(files, |distiller, file| {
            distiller.one_pass_transcode(file.as_ref(), options)
        })
    }

    /// One pass over pixels: [`FeatureDistiller::one_pass_pixels`] of each.
    #[must_use]
    pub fn one_pass_pixels(self, pictures: &[PixelView<'_>]) -> Vec<Result<PixelBuffer>> {
        self.each(pictures, |distiller, &pixels| {
            distiller.one_pass_pixels(pixels)
        })
    }

    /// Pass one of two, at the sensor: [`FeatureDistiller::compress`] of each picture.
    #[must_use]
    pub fn compress(self, pictures: &[PixelView<'_>]) -> Vec<Result<Vec<u8>>> {
        self.each(pictures, |distiller, &pixels| distiller.compress(pixels))
    }

    /// Pass two of two, on received pixels: [`FeatureDistiller::distill`] of each picture.
    #[must_use]
    pub fn distill(self, pictures: &[PixelView<'_>]) -> Vec<Result<PixelBuffer>> {
        self.each(pictures, |distiller, &pixels| distiller.distill(pixels))
    }

    /// Pass two of two, on received JPEG files: [`FeatureDistiller::distill_jpeg`] of each.
    #[must_use]
    pub fn distill_jpeg<B: AsRef<[u8]> + Sync>(self, files: &[B]) -> Vec<Result<PixelBuffer>> {
        self.each_file(files, |distiller, file, scratch| {
            distiller.distill_jpeg_in(file, scratch)
        })
    }

    /// Pass two of two with a report, on received JPEG files: [`FeatureDistiller::distill_jpeg_with_report`] of each.
    #[must_use]
    pub fn distill_jpeg_with_report<B: AsRef<[u8]> + Sync>(
        self,
        files: &[B],
    ) -> Vec<Result<(PixelBuffer, TamperReport)>> {
        self.each(files, |distiller, file| {
            distiller.distill_jpeg_with_report(file.as_ref())
        })
    }

    fn each_file<B: AsRef<[u8]> + Sync>(
        self,
        files: &[B],
        pass: impl Fn(&FeatureDistiller, &[u8], &mut PixelScratch) -> Result<PixelBuffer> + Sync,
    ) -> Vec<Result<PixelBuffer>> {
        each_with(files, PixelScratch::new, |scratch, file| {
            pass(self.distiller, file.as_ref(), scratch)
        })
        .0
    }

    fn each<I: Sync, T: Send>(
        self,
        inputs: &[I],
        pass: impl Fn(&FeatureDistiller, &I) -> Result<T> + Sync,
    ) -> Vec<Result<T>> {
        each_with(inputs, || (), |(), input| pass(self.distiller, input)).0
    }
}
