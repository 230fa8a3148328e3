//! Calibration on several threads.

use crate::error::Result;
use crate::jpeg::{DecodeOptions, DecodeScratch};
use crate::parallel::each_with;

use super::{BandStatistics, ComponentSums};

impl BandStatistics {
    /// Adds the coefficients of JPEG files as [`add_jpeg`](Self::add_jpeg) does, on several threads (feature
    /// `rayon`).
    ///
    /// Each file has its result, in the order of the files; those that fail are not counted. All sums are exact
    /// integers, so whichever thread adds whatever file, the statistics are bit for bit those of one file after
    /// the other. Where no image was added before, the first that can be read, in the order of the files, decides
    /// on the colour space; it is read before the others.
    ///
    /// The threads are those of rayon's current pool. On n threads up to n images are in memory at a time, each
    /// within the limits of the options, and n statistics of a few ten thousand bytes, histograms apart.
    ///
    /// ```
    /// use feature_distillation::{BandStatistics, DecodeOptions, FeatureDistiller, PixelFormat, PixelView, QuantizationTable};
    /// # let encoder = FeatureDistiller::builder().tables(QuantizationTable::uniform(8)?).build()?;
    /// # let samples: Vec<u8> = (0..64 * 64 * 3).map(|i| (i / 192 * 3 + i % 64) as u8).collect();
    /// # let jpeg = encoder.compress(PixelView::new(&samples, 64, 64, PixelFormat::Rgb)?)?;
    /// let files: Vec<Vec<u8>> = vec![jpeg.clone(), b"no JPEG".to_vec(), jpeg];
    /// let mut statistics = BandStatistics::new();
    /// let results = statistics.add_jpegs(&files, &DecodeOptions::new());
    /// assert!(results[0].is_ok() && results[1].is_err() && results[2].is_ok());
    /// assert_eq!(statistics.images(0), 2);
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    pub fn add_jpegs<B: AsRef<[u8]> + Sync>(
        &mut self,
        files: &[B],
        options: &DecodeOptions,
    ) -> Vec<Result<()>> {
        let mut results = Vec::with_capacity(files.len());
        let mut files = files.iter();
        while self.color_space.is_none()
            && let Some(file) = files.next()
        {
            results.push(self.add_jpeg(file.as_ref(), options));
        }
        let (others, parts) = each_with(
            files.as_slice(),
            || (self.emptied(), DecodeScratch::default()),
            |(part, scratch), file| part.add_jpeg_in(file.as_ref(), options, scratch),
        );
        results.extend(others);
        for (part, _) in parts {
            self.merge_sums(&part);
        }
        results
    }

    /// Statistics of images of the same kind, of which none was added.
    fn emptied(&self) -> Self {
        Self {
            components: self
                .components
                .iter()
                .map(|_| ComponentSums::empty())
                .collect(),
            ..*self
        }
    }
}
