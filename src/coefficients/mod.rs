//! The hub: an image as quantized DCT coefficients and the tables they were quantized with.
//!
//! The decoder fills it, the distiller changes it, the encoder and the inverse transform drain it.
//! It knows nothing of bytes or pixels.

mod component;
mod geometry;
mod lossless;

pub use component::Component;
pub use geometry::SamplingFactor;
pub(crate) use geometry::{Geometry, check_image_size};
pub use lossless::{Edges, InsertedTables, OffGrid, Orientation, Rectangle};

use crate::band::Block;
use crate::error::{ArgumentError, Result};
use crate::limits::try_reserve;
use crate::metadata::MetadataSegment;
use crate::quantization::{QuantizationTable, QuantizationTables, Rounding};

/// What the components of an image stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum ColorSpace {
    /// One component of luminance.
    Grey,
    /// Red, green, blue, without a transform.
    Rgb,
    /// Luminance and two colour differences by JFIF's full-range BT.601 matrix.
    YCbCr,
    /// Cyan, magenta, yellow, black, as stored (Adobe's files store them inverted).
    Cmyk,
    /// CMYK whose first three components went through the YCbCr matrix (Adobe transform 2).
    Ycck,
    /// Components of no declared meaning.
    Unknown,
}

impl ColorSpace {
    /// Number of components; `None` where the space does not say.
    #[must_use]
    pub const fn components(self) -> Option<usize> {
        match self {
            Self::Grey => Some(1),
            Self::Rgb | Self::YCbCr => Some(3),
            Self::Cmyk | Self::Ycck => Some(4),
            Self::Unknown => None,
        }
    }

    /// A short lower-case name, stable across versions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Rgb => "rgb",
            Self::YCbCr => "ycbcr",
            Self::Cmyk => "cmyk",
            Self::Ycck => "ycck",
            Self::Unknown => "unknown",
        }
    }

    /// The identifiers that libjpeg gives the components.
    const fn component_ids(self) -> [u8; 4] {
        match self {
            Self::Rgb => [b'R', b'G', b'B', 0],
            Self::Cmyk => [b'C', b'M', b'Y', b'K'],
            Self::Grey | Self::YCbCr | Self::Ycck | Self::Unknown => [1, 2, 3, 4],
        }
    }
}

/// The coding process of a file (T.81 4.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodingProcess {
    /// Baseline sequential (SOF0).
    Baseline,
    /// Extended sequential, Huffman-coded (SOF1).
    ExtendedSequential,
    /// Progressive, Huffman-coded (SOF2).
    Progressive,
}

impl CodingProcess {
    /// A short lower-case name, stable across versions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::ExtendedSequential => "extended",
            Self::Progressive => "progressive",
        }
    }
}

/// An image as quantized DCT coefficients.
///
/// One to four components of 8-bit samples, each with its own sampling factor, quantization table
/// and blocks, together with the metadata segments of the file it came from.
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
    process: CodingProcess,
    restart_interval: u16,
    components: Vec<Component>,
    metadata: Vec<MetadataSegment>,
    /// Whether the image was read from a file, whose segments are then as complete as they were.
    from_file: bool,
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
        process: CodingProcess,
        components: Vec<Component>,
    ) -> Self {
        Self {
            geometry,
            color_space,
            process,
            restart_interval: 0,
            components,
            metadata: Vec::new(),
            from_file: false,
        }
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

    /// Bits a sample: 8.
    #[must_use]
    pub const fn precision(&self) -> u8 {
        8
    }

    /// What the components stand for.
    #[must_use]
    pub const fn color_space(&self) -> ColorSpace {
        self.color_space
    }

    /// The coding process of the file that was read; baseline for an image made otherwise.
    #[must_use]
    pub const fn process(&self) -> CodingProcess {
        self.process
    }

    /// MCUs between restart markers in the file that was read, at its end; 0 for none.
    #[must_use]
    pub const fn restart_interval(&self) -> u16 {
        self.restart_interval
    }

    /// The components in frame order.
    #[must_use]
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// The components in frame order, to be changed.
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
        for (index, component) in self.components.iter().enumerate() {
            component.check_requantization(tables.table(index), index)?;
        }
        for (index, component) in self.components.iter_mut().enumerate() {
            component.requantize(tables.table(index), rounding);
        }
        Ok(())
    }

    pub(crate) const fn is_from_file(&self) -> bool {
        self.from_file
    }

    pub(crate) const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    pub(crate) fn set_origin(&mut self, restart_interval: u16, metadata: Vec<MetadataSegment>) {
        self.restart_interval = restart_interval;
        self.metadata = metadata;
        self.from_file = true;
    }

    /// Another picture in place of this one; all else is copied.
    fn with_picture(&self, geometry: Geometry, components: Vec<Component>) -> Result<Self> {
        let mut metadata = Vec::new();
        try_reserve(&mut metadata, self.metadata.len())?;
        for segment in &self.metadata {
            metadata.push(segment.try_clone()?);
        }
        Ok(Self {
            geometry,
            components,
            metadata,
            ..*self
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
            None => (1..=4).contains(&components),
        };
        if !fits {
            return Err(ArgumentError::Components {
                expected: match color_space {
                    ColorSpace::Grey => "1",
                    ColorSpace::Rgb | ColorSpace::YCbCr => "3",
                    ColorSpace::Cmyk | ColorSpace::Ycck => "4",
                    ColorSpace::Unknown => "1 to 4",
                },
                actual: components,
            }
            .into());
        }
        let geometry = Geometry::new(width, height, std::iter::empty());
        Ok(Self::from_parts(
            geometry,
            color_space,
            CodingProcess::Baseline,
            Vec::new(),
        ))
    }
}

/// Images are equal that hold the same, wherever they come from.
impl PartialEq for CoefficientImage {
    fn eq(&self, other: &Self) -> bool {
        (
            self.geometry,
            self.color_space,
            self.process,
            self.restart_interval,
        ) == (
            other.geometry,
            other.color_space,
            other.process,
            other.restart_interval,
        ) && self.components == other.components
            && self.metadata == other.metadata
    }
}

impl Eq for CoefficientImage {}
