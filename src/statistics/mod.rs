//! Calibration: exact statistics of every band over benign images.

#[cfg(feature = "rayon")]
mod batch;
mod file;
mod image;
mod ranking;
mod run;
#[cfg(feature = "serde")]
mod serial;
mod sums;
mod tally;

pub use ranking::{BandRanking, Stability};
pub use sums::BandSummary;

use sums::{BandSums, UNITS};
use tally::Tally;

use crate::band::{BANDS, Band, Block};
use crate::coefficients::{CoefficientImage, ColorSpace};
use crate::error::{ArgumentError, Result};
use crate::pixels::{PixelView, Planes};
use crate::vectors::Vectors;

/// What has the same weight in a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Weighting {
    /// Every block: large images count for more. The paper's choice.
    #[default]
    Blocks,
    /// Every image: a figure is the average of the images' own figures.
    Images,
}

/// Which blocks are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum BlockSelection {
    /// All blocks of the picture.
    #[default]
    All,
    /// Only blocks without padding: the last column and row are left out where the size is no
    /// multiple of eight.
    Interior,
}

/// Sums over the coefficients of benign images, by component and band, in exact integers.
///
/// Coefficients are counted in sixteenths: those of a JPEG, level times step, are exact; those of
/// pixels are rounded once. Everything else is addition of integers, so images can be added and
/// partial statistics merged in any order, on any number of threads, to the same bits. With the
/// feature `serde` partial statistics serialize, and are checked when they come back, so that machines
/// can share the work.
///
/// ```
/// use feature_distillation::{
///     Band, BandStatistics, ColorSpace, PixelFormat, PixelView, Weighting,
/// };
/// let ramp: Vec<u8> = (0..64 * 64).map(|i| (4 * (i % 64)) as u8).collect();
/// let view = PixelView::new(&ramp, 64, 64, PixelFormat::Grey)?;
/// let mut statistics = BandStatistics::new();
/// statistics.add_pixels(view, ColorSpace::Grey)?;
/// let ranking = statistics.ranking(0, Weighting::Blocks)?;
/// assert_eq!(ranking.bands()[0], Band::DC);
/// assert_eq!(statistics.summary(0, Band::DC, Weighting::Blocks)?.count(), 64);
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BandStatistics {
    selection: BlockSelection,
    /// Bin width in sixteenths; 0 for no histogram.
    bin_width: u32,
    /// `None` until the first image is added.
    color_space: Option<ColorSpace>,
    components: Vec<ComponentSums>,
}

/// The sums of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct ComponentSums {
    blocks: u64,
    images: u64,
    /// Images' own figures that were added up: one an image, until components are pooled.
    figures: u64,
    bands: Vec<BandSums>,
}

impl ComponentSums {
    fn empty() -> Self {
        Self {
            blocks: 0,
            images: 0,
            figures: 0,
            bands: (0..BANDS).map(|_| BandSums::default()).collect(),
        }
    }

    /// Takes over the tally of an image; units as in [`Tally::add_to`].
    fn add_image(&mut self, tally: &Tally, units: &[u64; BANDS], bin_width: u32) {
        let blocks = tally.blocks();
        if blocks == 0 {
            return;
        }
        tally.add_to(&mut self.bands, units, bin_width);
        self.blocks = self.blocks.saturating_add(blocks);
        self.images = self.images.saturating_add(1);
        self.figures = self.figures.saturating_add(1);
    }

    fn merge(&mut self, other: &Self) {
        self.blocks = self.blocks.saturating_add(other.blocks);
        self.images = self.images.saturating_add(other.images);
        self.figures = self.figures.saturating_add(other.figures);
        for (band, other) in self.bands.iter_mut().zip(&other.bands) {
            band.merge(other);
        }
    }
}

impl BandStatistics {
    /// Empty statistics over all blocks, without histograms.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Empty statistics over the blocks of a selection.
    #[must_use]
    pub fn with_selection(selection: BlockSelection) -> Self {
        Self {
            selection,
            ..Self::default()
        }
    }

    /// Keeps a histogram of each band, with bins of `bin_width` coefficient units.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] unless the width is at least 1/16 and at most 65535,
    /// [`ArgumentError::IncompatibleStatistics`] once images were added.
    pub fn with_histogram(mut self, bin_width: f64) -> Result<Self> {
        if !(1.0 / UNITS..=65535.0).contains(&bin_width) {
            return Err(ArgumentError::Number {
                what: "bin width",
                value: bin_width,
            }
            .into());
        }
        if !self.components.is_empty() {
            return Err(ArgumentError::IncompatibleStatistics { what: "histogram" }.into());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1..=2^20"
        )]
        {
            self.bin_width = (bin_width * UNITS).round() as u32;
        }
        Ok(self)
    }

    /// Adds the coefficients of a JPEG image, each component as it is stored.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::IncompatibleStatistics`] where the colour space is not that of the images
    /// before.
    pub fn add_image(&mut self, image: &CoefficientImage) -> Result<()> {
        let mut tally = self.begin_image(&image.outline())?;
        for (index, component) in image.components().iter().enumerate() {
            tally.add_rows(index, component.blocks());
        }
        self.finish_image(&tally)
    }

    /// Adds the coefficients of a picture in a colour space: grey, RGB (the published code's choice)
    /// or YCbCr, without subsampling, by the precise transform.
    ///
    /// Grey pixels count as a picture of one component, whatever the colour space.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::IncompatibleStatistics`] where the components are not those of the images
    /// before, [`ArgumentError::PixelFormat`], [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn add_pixels(&mut self, pixels: PixelView<'_>, color_space: ColorSpace) -> Result<()> {
        let planes = Planes::precise(pixels, color_space)?;
        self.begin(planes.color_space(), planes.component_count())?;
        let mut row = Vec::new();
        for (index, sums) in self.components.iter_mut().enumerate() {
            let (wide, high) = match self.selection {
                BlockSelection::All => planes.blocks(index),
                BlockSelection::Interior => {
                    (pixels.width() as usize / 8, pixels.height() as usize / 8)
                }
            };
            let mut tally = Tally::new(Vectors::detected(), self.bin_width > 0);
            for y in 0..high {
                row.clear();
                row.extend((0..wide).map(|x| sixteenths(&planes.coefficients(index, x, y))));
                tally.add(&row);
            }
            sums.add_image(&tally, &[1; BANDS], self.bin_width);
        }
        Ok(())
    }

    /// Adds what other statistics counted. The result is that of adding all images to one.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::IncompatibleStatistics`] where they count other blocks, colour spaces or bins.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let what = if self.selection != other.selection {
            Some("block selection")
        } else if self.bin_width != other.bin_width {
            Some("histogram")
        } else {
            None
        };
        if let Some(what) = what {
            return Err(ArgumentError::IncompatibleStatistics { what }.into());
        }
        let Some(color_space) = other.color_space else {
            return Ok(());
        };
        self.begin(color_space, other.components.len())?;
        self.merge_sums(other);
        Ok(())
    }

    /// Adds the sums of statistics of the same kind.
    fn merge_sums(&mut self, other: &Self) {
        for (sums, other) in self.components.iter_mut().zip(&other.components) {
            sums.merge(other);
        }
    }

    /// The statistics of all components taken as one: the paper's, over the planes R, G and B.
    ///
    /// Under [`Weighting::Images`] each component of an image has a figure of its own.
    #[must_use]
    pub fn pooled(&self) -> Self {
        let mut pooled = ComponentSums::empty();
        for component in &self.components {
            pooled.merge(component);
        }
        pooled.images = self
            .components
            .iter()
            .map(|component| component.images)
            .max()
            .unwrap_or(0);
        Self {
            selection: self.selection,
            bin_width: self.bin_width,
            color_space: self.color_space.map(|_| ColorSpace::Unknown),
            components: if self.components.is_empty() {
                Vec::new()
            } else {
                vec![pooled]
            },
        }
    }

    /// What the components stand for; `None` until an image is added.
    #[must_use]
    pub const fn color_space(&self) -> Option<ColorSpace> {
        self.color_space
    }

    /// Number of components; 0 until an image is added.
    #[must_use]
    pub fn component_count(&self) -> usize {
        self.components.len()
    }

    /// Images with at least one block counted in a component.
    #[must_use]
    pub fn images(&self, component: usize) -> u64 {
        self.components.get(component).map_or(0, |sums| sums.images)
    }

    /// Blocks counted in a component.
    #[must_use]
    pub fn blocks(&self, component: usize) -> u64 {
        self.components.get(component).map_or(0, |sums| sums.blocks)
    }

    /// The figures of one band.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::EmptyStatistics`] where the component has no blocks.
    pub fn summary(
        &self,
        component: usize,
        band: Band,
        weighting: Weighting,
    ) -> Result<BandSummary> {
        let sums = self.counted(component)?;
        Ok(sums.bands[band.natural()].summary(sums.blocks, sums.figures, weighting))
    }

    /// The population standard deviation of every band, natural order: the paper's sigma.
    ///
    /// # Errors
    ///
    /// As [`summary`](Self::summary).
    pub fn deviations(&self, component: usize, weighting: Weighting) -> Result<[f64; BANDS]> {
        let mut deviations = [0.0; BANDS];
        for band in Band::all() {
            deviations[band.natural()] = self
                .summary(component, band, weighting)?
                .population_deviation();
        }
        Ok(deviations)
    }

    /// The bands by decreasing standard deviation; of exact equals the lower frequency (in zig-zag
    /// order) comes first.
    ///
    /// # Errors
    ///
    /// As [`summary`](Self::summary).
    pub fn ranking(&self, component: usize, weighting: Weighting) -> Result<BandRanking> {
        let sums = self.counted(component)?;
        let mut order: Vec<Band> = Band::all_zigzag().collect();
        // A stable sort of exact integers: one count serves all bands of a component.
        order.sort_by_cached_key(|band| {
            std::cmp::Reverse(sums.bands[band.natural()].spread(sums.blocks, weighting))
        });
        Ok(BandRanking::new(
            &order,
            &self.deviations(component, weighting)?,
            sums.images,
        ))
    }

    /// The histogram of a band as (lower edge of the bin, count), rising; `None` unless asked for by
    /// [`with_histogram`](Self::with_histogram).
    #[must_use]
    pub fn histogram(&self, component: usize, band: Band) -> Option<Vec<(f64, u64)>> {
        if self.bin_width == 0 {
            return None;
        }
        let sums = self.components.get(component)?;
        let bins = &sums.bands[band.natural()].histogram;
        #[expect(
            clippy::cast_precision_loss,
            reason = "bin edges are below 2^40 sixteenths"
        )]
        let edge = |bin: i64| (bin * i64::from(self.bin_width)) as f64 / UNITS;
        Some(
            bins.iter()
                .map(|(&bin, &count)| (edge(bin), count))
                .collect(),
        )
    }

    fn counted(&self, component: usize) -> Result<&ComponentSums> {
        self.components
            .get(component)
            .filter(|sums| sums.blocks > 0)
            .ok_or_else(|| ArgumentError::EmptyStatistics.into())
    }

    /// Checks that images of this kind fit those before.
    fn check(&self, color_space: ColorSpace, components: usize) -> Result<()> {
        match self.color_space {
            Some(known) if known != color_space || self.components.len() != components => {
                Err(ArgumentError::IncompatibleStatistics {
                    what: "colour space",
                }
                .into())
            }
            _ => Ok(()),
        }
    }

    /// The same, and makes room for the first.
    fn begin(&mut self, color_space: ColorSpace, components: usize) -> Result<()> {
        self.check(color_space, components)?;
        if self.color_space.is_none() {
            self.color_space = Some(color_space);
            self.components = (0..components).map(|_| ComponentSums::empty()).collect();
        }
        Ok(())
    }
}

/// A block of real coefficients, rounded to sixteenths.
fn sixteenths(coefficients: &[[f32; 8]; 8]) -> Block {
    let mut values = [0; BANDS];
    for (value, &coefficient) in values.iter_mut().zip(coefficients.as_flattened()) {
        // A product and a sum of floats that are exact here, then truncation: halves away from zero.
        let scaled = coefficient * 16.0;
        #[expect(clippy::cast_possible_truncation, reason = "below 2^15")]
        {
            *value = (scaled + 0.5_f32.copysign(scaled)) as i16;
        }
    }
    values
}
