//! The hub: an image as quantized DCT coefficients and the tables they were quantized with.
//!
//! The decoder fills it, the distiller changes it, the encoder and the inverse transform drain it.
//! It knows nothing of bytes or pixels.

mod coding;
mod color_space;
mod component;
mod geometry;
mod lossless;
mod outline;
mod scan;

pub(crate) use coding::Origin;
pub use coding::{CodingProcess, EntropyCoding, SamplePrecision};
pub use color_space::ColorSpace;
pub use component::Component;
pub use geometry::SamplingFactor;
pub(crate) use geometry::{Geometry, check_image_size};
pub use lossless::{Edges, InsertedTables, OffGrid, Orientation, Rectangle};
pub(crate) use outline::Outline;
pub use scan::Scan;

use std::iter;

use crate::band::Block;
use crate::error::{ArgumentError, Result};
use crate::limits::try_reserve;
use crate::metadata::MetadataSegment;
use crate::quantization::{QuantizationTable, QuantizationTables, Rounding};

/// An image as quantized DCT coefficients.
///
/// One component or more, of samples of 8 or 12 bits, each with its own sampling factor, quantization
/// table and blocks, together with the metadata segments of the file it came from.
///
/// Levels are `i16`, which holds every level of both precisions: with a step of 1, samples of 12 bits
/// have DC levels within ±16384 and AC levels within ±16383 (T.81 F.1.1, table F.7).
///
/// ```
/// use feature_distillation::{
///     Band, CoefficientImage, ColorSpace, QuantizationTable, SamplingFactor,
/// };
///
/// // A flat grey picture, from coefficients and a table alone.
/// let table = QuantizationTable::uniform(16)?;
/// let mut image = CoefficientImage::new(24, 16, ColorSpace::Grey, &[SamplingFactor::ONE], &table.into())?;
/// image.component_mut(0).unwrap().block_mut(2, 1).unwrap()[Band::DC.natural()] = -8;
/// let bytes = image.encode()?;
/// assert_eq!(CoefficientImage::decode(&bytes)?.components(), image.components());
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CoefficientImage {
    geometry: Geometry,
    color_space: ColorSpace,
    precision: SamplePrecision,
    components: Vec<Component>,
    metadata: Vec<MetadataSegment>,
    trailing_data: Vec<u8>,
    origin: Origin,
}

impl CoefficientImage {
    /// An image of zero coefficients, which is mid-grey in every component.
    ///
    /// `sampling` holds one factor for each component.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::ImageSize`] for sides outside 1..=65535, [`ArgumentError::Components`] where
    /// the number of components does not fit the colour space, [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new(
        width: u32,
        height: u32,
        color_space: ColorSpace,
        sampling: &[SamplingFactor],
        tables: &QuantizationTables,
    ) -> Result<Self> {
        let mut image = Self::unfilled(width, height, color_space, sampling.len())?;
        image.geometry = Geometry::new(width, height, sampling.iter().copied());
        let ids = color_space.component_ids();
        for (index, (&factor, id)) in sampling.iter().zip(ids).enumerate() {
            let component = Component::zeroed(id, factor, *tables.table(index), &image.geometry)?;
            image.components.push(component);
        }
        Ok(image)
    }

    /// An image from blocks of quantized coefficients, row by row and natural order inside a block.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and [`ArgumentError::Shape`] where a component has not
    /// ceil(width / 8) x ceil(height / 8) blocks of its own size.
    pub fn from_blocks(
        width: u32,
        height: u32,
        color_space: ColorSpace,
        components: Vec<(SamplingFactor, QuantizationTable, Vec<Block>)>,
    ) -> Result<Self> {
        let mut image = Self::unfilled(width, height, color_space, components.len())?;
        image.geometry = Geometry::new(width, height, components.iter().map(|parts| parts.0));
        let ids = color_space.component_ids();
        for ((factor, table, blocks), id) in components.into_iter().zip(ids) {
            let mut component = Component::unfilled(id, factor, table, &image.geometry);
            component.fill(blocks)?;
            image.components.push(component);
        }
        Ok(image)
    }

    pub(crate) fn from_parts(
        geometry: Geometry,
        color_space: ColorSpace,
        precision: SamplePrecision,
        components: Vec<Component>,
    ) -> Self {
        Self {
            geometry,
            color_space,
            precision,
            components,
            metadata: Vec::new(),
            trailing_data: Vec::new(),
            origin: Origin::NONE,
        }
    }

    /// Declares the precision of the samples that the coefficients stand for; 8 bits unless told otherwise.
    #[must_use]
    pub const fn with_precision(mut self, precision: SamplePrecision) -> Self {
        self.precision = precision;
        self
    }

    /// Width in pixels.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.geometry.width
    }

    /// Height in pixels.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.geometry.height
    }

    /// Precision of the samples that the coefficients stand for.
    #[must_use]
    pub const fn precision(&self) -> SamplePrecision {
        self.precision
    }

    /// What the components stand for.
    #[must_use]
    pub const fn color_space(&self) -> ColorSpace {
        self.color_space
    }

    /// The coding process of the file that was read; baseline for an image made otherwise.
    #[must_use]
    pub const fn process(&self) -> CodingProcess {
        self.origin.process
    }

    /// The entropy coding of the file that was read; Huffman for an image made otherwise.
    #[must_use]
    pub const fn entropy_coding(&self) -> EntropyCoding {
        self.origin.entropy_coding
    }

    /// The scans of the file that was read, in order; none for an image made otherwise.
    #[must_use]
    pub fn scans(&self) -> &[Scan] {
        &self.origin.scans
    }

    /// MCUs between restart markers in the file that was read, at its end; 0 for none.
    #[must_use]
    pub const fn restart_interval(&self) -> u16 {
        self.origin.restart_interval
    }

    /// The components in frame order.
    #[must_use]
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// The components in frame order, to be changed.
    ///
    /// One that is put in the place of another must have the size that its sampling factor gives it in
    /// this image; otherwise the image can neither be written nor turned to pixels.
    #[must_use]
    pub fn components_mut(&mut self) -> &mut [Component] {
        &mut self.components
    }

    /// A component by its index in frame order.
    #[must_use]
    pub fn component(&self, index: usize) -> Option<&Component> {
        self.components.get(index)
    }

    /// A component by its index in frame order, to be changed.
    #[must_use]
    pub fn component_mut(&mut self, index: usize) -> Option<&mut Component> {
        self.components.get_mut(index)
    }

    /// Application and comment segments in file order.
    #[must_use]
    pub fn metadata(&self) -> &[MetadataSegment] {
        &self.metadata
    }

    /// Application and comment segments, to be changed.
    #[must_use]
    pub const fn metadata_mut(&mut self) -> &mut Vec<MetadataSegment> {
        &mut self.metadata
    }

    /// Bytes after the end of the image, where reading was asked to keep them; they are written again
    /// unless the metadata is not.
    #[must_use]
    pub fn trailing_data(&self) -> &[u8] {
        &self.trailing_data
    }

    /// Bytes after the end of the image, to be changed.
    #[must_use]
    pub const fn trailing_data_mut(&mut self) -> &mut Vec<u8> {
        &mut self.trailing_data
    }

    /// The table of each component.
    #[must_use]
    pub fn quantization_tables(&self) -> Vec<QuantizationTable> {
        self.components
            .iter()
            .map(|component| component.table)
            .collect()
    }

    /// Moves every coefficient to the nearest multiple of other tables' steps: one-pass distillation.
    ///
    /// Component `i` gets `tables.table(i)`. The error is at most half the new step. Requantizing by the
    /// image's own tables changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::CoefficientOutOfRange`](crate::Error::CoefficientOutOfRange) where a step is so much finer that a level would leave +-32767; the image is then
    /// unchanged.
    pub fn requantize(&mut self, tables: &QuantizationTables, rounding: Rounding) -> Result<()> {
        self.check_requantization(tables)?;
        for (index, component) in self.components.iter_mut().enumerate() {
            component.requantize(tables.table(index), rounding);
        }
        Ok(())
    }

    /// Checks that [`requantize`](Self::requantize) would find no level out of range.
    pub(crate) fn check_requantization(&self, tables: &QuantizationTables) -> Result<()> {
        for (index, component) in self.components.iter().enumerate() {
            component.check_requantization(tables.table(index), index)?;
        }
        Ok(())
    }

    /// Checks that the components are those of this image's size, and that the largest of their sampling
    /// factors are the image's: safe code can put a component of another image in the place of one.
    pub(crate) fn check_components(&self) -> Result<()> {
        let factors = self.components.iter().map(Component::sampling);
        let grid = Geometry::new(self.width(), self.height(), factors);
        for (what, expected, actual) in [
            (
                "largest horizontal sampling factor",
                self.geometry.max_horizontal,
                grid.max_horizontal,
            ),
            (
                "largest vertical sampling factor",
                self.geometry.max_vertical,
                grid.max_vertical,
            ),
        ] {
            check_shape(what, expected.into(), actual.into())?;
        }
        for component in &self.components {
            let (width, height) = self.geometry.samples(component.sampling);
            check_shape("width of a component in samples", width, component.width)?;
            check_shape("height of a component in samples", height, component.height)?;
        }
        Ok(())
    }

    /// Blocks of all components.
    pub(crate) fn block_count(&self) -> u64 {
        let components = self.components.iter();
        components
            .map(|component| component.blocks.len() as u64)
            .sum()
    }

    /// The blocks of each component.
    pub(crate) fn into_blocks(self) -> Vec<Vec<Block>> {
        let components = self.components.into_iter();
        components.map(|component| component.blocks).collect()
    }

    pub(crate) const fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Adds what a file holds beside its coefficients.
    pub(crate) fn set_origin(
        &mut self,
        origin: Origin,
        metadata: Vec<MetadataSegment>,
        trailing_data: Vec<u8>,
    ) {
        self.origin = origin;
        self.metadata = metadata;
        self.trailing_data = trailing_data;
    }

    /// Another picture in place of this one; all else is copied, but the scans where they are of other
    /// components.
    fn with_picture(&self, geometry: Geometry, components: Vec<Component>) -> Result<Self> {
        let mut metadata = Vec::new();
        try_reserve(&mut metadata, self.metadata.len())?;
        for segment in &self.metadata {
            metadata.push(segment.try_clone()?);
        }
        let mut trailing_data = Vec::new();
        try_reserve(&mut trailing_data, self.trailing_data.len())?;
        trailing_data.extend_from_slice(&self.trailing_data);
        let mut origin = self.origin.clone();
        if components.len() != self.components.len() {
            origin.scans.clear();
        }
        Ok(Self {
            geometry,
            color_space: self.color_space,
            precision: self.precision,
            components,
            metadata,
            trailing_data,
            origin,
        })
    }

    fn unfilled(
        width: u32,
        height: u32,
        color_space: ColorSpace,
        components: usize,
    ) -> Result<Self> {
        check_image_size(width, height)?;
        let fits = match color_space.components() {
            Some(expected) => components == expected,
            None => (1..=255).contains(&components),
        };
        if !fits {
            return Err(ArgumentError::Components {
                expected: match color_space {
                    ColorSpace::Grey => "1",
                    ColorSpace::Rgb | ColorSpace::YCbCr => "3",
                    ColorSpace::Cmyk | ColorSpace::Ycck => "4",
                    ColorSpace::Unknown => "1 to 255",
                },
                actual: components,
            }
            .into());
        }
        let geometry = Geometry::new(width, height, iter::empty());
        Ok(Self::from_parts(
            geometry,
            color_space,
            SamplePrecision::Eight,
            Vec::new(),
        ))
    }
}

fn check_shape(what: &'static str, expected: u32, actual: u32) -> Result<()> {
    if expected == actual {
        return Ok(());
    }
    let (expected, actual) = (expected.into(), actual.into());
    Err(ArgumentError::Shape {
        what,
        expected,
        actual,
    }
    .into())
}

/// Images are equal that hold the same, coded the same way; the division into scans does not count.
impl PartialEq for CoefficientImage {
    fn eq(&self, other: &Self) -> bool {
        let coding = |image: &Self| {
            let origin = &image.origin;
            (
                origin.process,
                origin.entropy_coding,
                origin.restart_interval,
            )
        };
        (
            self.geometry,
            self.color_space,
            self.precision,
            coding(self),
        ) == (
            other.geometry,
            other.color_space,
            other.precision,
            coding(other),
        ) && self.components == other.components
            && self.metadata == other.metadata
            && self.trailing_data == other.trailing_data
    }
}

impl Eq for CoefficientImage {}

/// A single mid-grey block of 8x8 pixels: something to [`decode_into`](CoefficientImage::decode_into).
impl Default for CoefficientImage {
    fn default() -> Self {
        let geometry = Geometry::new(8, 8, iter::once(SamplingFactor::ONE));
        let table = QuantizationTable::annex_k_luminance();
        let mut component = Component::unfilled(1, SamplingFactor::ONE, table, &geometry);
        component.grow_to_row(1);
        let components = vec![component];
        Self::from_parts(
            geometry,
            ColorSpace::Grey,
            SamplePrecision::Eight,
            components,
        )
    }
}
