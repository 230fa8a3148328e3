//! Rows of blocks to rows of pixels.

use crate::band::Block;
use crate::coefficients::{ColorSpace, Component, Outline, SamplePrecision};
use crate::error::{ArgumentError, Result};
use crate::limits::try_fit;
use crate::quantization::QuantizationTables;
use crate::vectors::Vectors;

use super::inverse::Rendering;
use super::output::{Conversion, OutputRow};
use super::resample::{Spread, Upsampler};
use super::window::Window;
use super::{InverseOptions, PixelFormat, Upsampling};

/// Turns rows of blocks to rows of pixels as they come.
pub(super) struct Renderer<T: Rendering> {
    vectors: Vectors,
    conversion: Conversion,
    components: Vec<Upsampler<T, Window<T>>>,
    /// Those of the components that the picture needs; others are memory.
    needed: usize,
    /// A row of each channel.
    channels: Vec<u8>,
    width: usize,
    height: usize,
    /// The row of pixels that comes next.
    next: usize,
}

impl<T: Rendering> Renderer<T> {
    /// Shows nothing yet.
    pub(super) const fn new(vectors: Vectors) -> Self {
        Self {
            vectors,
            conversion: Conversion::None,
            components: Vec::new(),
            needed: 0,
            channels: Vec::new(),
            width: 0,
            height: 0,
            next: 0,
        }
    }

    /// Begins a picture whose levels are multiples of the steps of `tables`, or of those of its own, in the memory
    /// of the one before.
    pub(super) fn begin(
        &mut self,
        outline: &Outline<'_>,
        tables: Option<&QuantizationTables>,
        output: Output,
        upsampling: Upsampling,
    ) -> Result<()> {
        self.width = outline.geometry.width as usize;
        self.height = outline.geometry.height as usize;
        self.next = 0;
        self.conversion = output.conversion;
        let needed = output.needed(outline.components);
        self.needed = needed.len();
        for (index, component) in needed.iter().enumerate() {
            let table = tables.map_or(component.quantization_table(), |tables| tables.table(index));
            let (factor, max) = factors(outline, component);
            if let Some(upsampler) = self.components.get_mut(index) {
                upsampler.source.reuse(component, table)?;
                upsampler.reuse(factor, max, self.width, upsampling)?;
            } else {
                let window = Window::new(component, table, self.vectors)?;
                let vectors = self.vectors;
                let upsampler =
                    Upsampler::new(window, factor, max, self.width, upsampling, vectors)?;
                self.components.push(upsampler);
            }
        }
        try_fit(&mut self.channels, self.width * output.format.channels())
    }

    /// Bytes that a renderer holds for a picture.
    pub(super) fn memory(outline: &Outline<'_>, output: Output, upsampling: Upsampling) -> u64 {
        let image_width = outline.geometry.width as usize;
        let mut memory = output.format.channels() * image_width;
        for component in output.needed(outline.components) {
            let (factor, max) = factors(outline, component);
            let width = component.width() as usize;
            let spread = Spread::of(factor, max, width, upsampling);
            memory += Window::<T>::memory(component)
                + Upsampler::<T, Window<T>>::memory(spread, width, image_width);
        }
        memory as u64
    }

    /// Takes the next rows of blocks of each component, at most those of a row of MCUs, and fills the rows of pixels
    /// that they complete: `pixels` starts with the first row that is not yet filled. Returns the bytes filled.
    pub(super) fn draw<'b>(
        &mut self,
        rows: impl Iterator<Item = &'b [Block]>,
        pixels: &mut [u8],
    ) -> usize {
        let components = &mut self.components[..self.needed];
        for (component, blocks) in components.iter_mut().zip(rows) {
            let window = &mut component.source;
            for row in blocks.chunks_exact(window.blocks_wide()) {
                window.push(row);
            }
        }
        let complete = components.iter().map(|component| {
            let available = component.source.available();
            component.rows_of(available)
        });
        let complete = complete.min().unwrap_or(0).min(self.height);
        let stride = self.channels.len();
        let mut filled = 0;
        for (y, out) in (self.next..complete).zip(pixels.chunks_exact_mut(stride)) {
            let mut rows: [&[T]; 4] = [&[]; 4];
            for (row, component) in rows.iter_mut().zip(&mut self.components[..self.needed]) {
                *row = &component.row(y)[..self.width];
            }
            self.vectors.run(OutputRow {
                conversion: self.conversion,
                components: rows,
                channels: &mut self.channels,
                out,
                width: self.width,
            });
            filled += stride;
        }
        self.next = complete.max(self.next);
        filled
    }
}

/// A component's sampling factors, horizontal and vertical, and the largest of the image.
const fn factors(outline: &Outline<'_>, component: &Component) -> ((u8, u8), (u8, u8)) {
    let (own, geometry) = (component.sampling(), outline.geometry);
    (
        (own.horizontal(), own.vertical()),
        (geometry.max_horizontal, geometry.max_vertical),
    )
}

/// The pixel format to give and the conversion that leads there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) format: PixelFormat,
    conversion: Conversion,
}

impl Output {
    /// What an image gives as pixels.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::PixelFormat`], [`ArgumentError::Precision`].
    pub(super) fn of(outline: &Outline<'_>, options: &InverseOptions) -> Result<Self> {
        let output = Self::new(outline.color_space, options.format())?;
        if outline.precision != SamplePrecision::Eight {
            let bits = outline.precision.bits();
            return Err(ArgumentError::Precision { bits }.into());
        }
        Ok(output)
    }

    /// The format of a colour space's own, or the one that is asked for.
    pub(super) fn new(color_space: ColorSpace, asked: Option<PixelFormat>) -> Result<Self> {
        let own = match color_space {
            ColorSpace::Grey => Some(PixelFormat::Grey),
            ColorSpace::Rgb | ColorSpace::YCbCr => Some(PixelFormat::Rgb),
            ColorSpace::Cmyk | ColorSpace::Ycck => Some(PixelFormat::Cmyk),
            ColorSpace::Unknown => None,
        };
        let conversion = match (color_space, asked.or(own)) {
            (ColorSpace::Grey, Some(PixelFormat::Grey))
            | (ColorSpace::Rgb, Some(PixelFormat::Rgb))
            | (ColorSpace::Cmyk, Some(PixelFormat::Cmyk)) => Conversion::None,
            (ColorSpace::Grey, Some(PixelFormat::Rgb)) => Conversion::RepeatGrey,
            (ColorSpace::YCbCr, Some(PixelFormat::Grey)) => Conversion::LuminanceOnly,
            (ColorSpace::YCbCr, Some(PixelFormat::Rgb)) => Conversion::FromYCbCr,
            (ColorSpace::Ycck, Some(PixelFormat::Cmyk)) => Conversion::FromYcck,
            _ => {
                return Err(ArgumentError::PixelFormat {
                    color_space: color_space.name(),
                    format: asked.map_or("any", PixelFormat::name),
                }
                .into());
            }
        };
        // The last arm above returned where neither is known.
        let format = asked.or(own).unwrap_or(PixelFormat::Grey);
        Ok(Self { format, conversion })
    }

    /// The components that the pixels are made of.
    pub(super) fn needed(self, components: &[Component]) -> &[Component] {
        match self.conversion {
            Conversion::LuminanceOnly => &components[..1],
            _ => components,
        }
    }
}
