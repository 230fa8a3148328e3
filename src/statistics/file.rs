//! Files on their way into the statistics, row by row.

use crate::band::Block;
use crate::coefficients::{CoefficientImage, Outline};
use crate::error::Result;
use crate::jpeg::{DecodeOptions, DecodeScratch, Decoded, RowSink, decode_rows};
use crate::limits::Budget;

use super::BandStatistics;
use super::image::ImageTally;

impl BandStatistics {
    /// Adds the coefficients of a JPEG file, as [`add_image`](Self::add_image) does once it is decoded. A file that fails is
    /// not counted.
    ///
    /// The coefficients of a baseline file in one scan are never held: that is faster than decoding them.
    ///
    /// # Errors
    ///
    /// As [`CoefficientImage::decode`] and [`add_image`](Self::add_image).
    pub fn add_jpeg(&mut self, bytes: &[u8], options: &DecodeOptions) -> Result<()> {
        self.add_jpeg_in(bytes, options, &mut DecodeScratch::default())
    }

    /// As [`add_jpeg`](Self::add_jpeg), in memory that is reused.
    pub(super) fn add_jpeg_in(
        &mut self,
        bytes: &[u8],
        options: &DecodeOptions,
        scratch: &mut DecodeScratch,
    ) -> Result<()> {
        let mut rows = TalliedRows {
            statistics: self,
            image: None,
        };
        match (decode_rows(bytes, options, &mut rows, scratch)?, rows.image) {
            (Decoded::Rows { color_space }, Some(image)) if image.color_space() == color_space => {
                self.finish_image(&image)
            }
            // A rare file: it names its colours behind its scan.
            (Decoded::Rows { .. }, _) => {
                self.add_image(&CoefficientImage::decode_with(bytes, options)?)
            }
            (Decoded::Image(image), _) => {
                let added = self.add_image(&image);
                scratch.recycle(image);
                added
            }
        }
    }
}

/// Adds the rows of an image up.
struct TalliedRows<'a> {
    statistics: &'a BandStatistics,
    image: Option<ImageTally>,
}

impl RowSink for TalliedRows<'_> {
    fn begin(&mut self, outline: &Outline<'_>, mcu_rows: usize, _: &mut Budget) -> Result<usize> {
        // What does not fit is decoded whole before: a damaged file is told to be one.
        self.image = self.statistics.begin_image(outline).ok();
        Ok(self.image.as_ref().map_or(0, |_| mcu_rows))
    }

    fn take(&mut self, rows: &mut [&mut [Block]]) {
        if let Some(image) = &mut self.image {
            for (component, blocks) in rows.iter().enumerate() {
                image.add_rows(component, blocks);
            }
        }
    }
}
