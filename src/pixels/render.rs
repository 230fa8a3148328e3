//! Rows of blocks to rows of pixels.

use std::ops::Range;

#[cfg(feature = "rayon")]
use rayon::prelude::*;

use crate::coefficients::{ColorSpace, Component, Geometry, Outline, SamplePrecision};
use crate::error::{ArgumentError, Result};
use crate::limits::try_fit;
use crate::quantization::QuantizationTables;
use crate::vectors::Vectors;

use super::inverse::Rendering;
use super::output::{Conversion, OutputRow};
use super::resample::{Rows, Scaling, Upsampler};
use super::window::{Levels, Window};
use super::{InverseOptions, PixelFormat, Upsampling};

/// Turns rows of blocks to rows of pixels as they come.
pub(super) struct Renderer<T: Rendering> {
    vectors: Vectors,
    output: Output,
    windows: Vec<Window<T>>,
    /// Those of the windows that the picture needs; others are memory.
    needed: usize,
    makers: Vec<RowMaker<T>>,
    /// Those of the makers that share the rows; others are memory.
    sharing: usize,
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
            output: Output::NONE,
            windows: Vec::new(),
            needed: 0,
            makers: Vec::new(),
            sharing: 0,
            width: 0,
            height: 0,
            next: 0,
        }
    }

    /// Begins a picture whose levels are multiples of the steps of `tables`, or of those of its own, in the memory
    /// of the one before; at most so many rows of MCUs at a time.
    pub(super) fn begin(
        &mut self,
        outline: &Outline<'_>,
        tables: Option<&QuantizationTables>,
        output: Output,
        upsampling: Upsampling,
        mcu_rows: usize,
    ) -> Result<()> {
        self.width = outline.geometry.width as usize;
        self.height = outline.geometry.height as usize;
        self.next = 0;
        self.output = output;
        let needed = output.needed(outline.components);
        self.needed = needed.len();
        for (index, component) in needed.iter().enumerate() {
            let scaling = scaling(outline, component, upsampling);
            let table = tables.map_or(component.quantization_table(), |tables| tables.table(index));
            if let Some(window) = self.windows.get_mut(index) {
                window.reuse(component, scaling, table, mcu_rows)?;
            } else {
                let window = Window::new(component, scaling, table, mcu_rows, self.vectors)?;
                self.windows.push(window);
            }
        }
        self.sharing = makers(mcu_rows);
        let count = self.makers.len().max(self.sharing);
        self.makers
            .resize_with(count, || RowMaker::new(self.vectors));
        for maker in &mut self.makers[..self.sharing] {
            let windows = &self.windows[..self.needed];
            maker.begin(windows, output, self.width)?;
        }
        Ok(())
    }

    /// Bytes that a renderer holds for a picture.
    pub(super) fn memory(
        outline: &Outline<'_>,
        output: Output,
        upsampling: Upsampling,
        mcu_rows: usize,
    ) -> u64 {
        let image_width = outline.geometry.width as usize;
        let (mut windows, mut maker) = (0, output.format.channels() * image_width);
        for component in output.needed(outline.components) {
            let scaling = scaling(outline, component, upsampling);
            let width = component.width() as usize;
            windows += Window::<T>::memory(component, mcu_rows);
            maker += Upsampler::<T>::memory(scaling, width, image_width);
        }
        (windows + makers(mcu_rows) * maker) as u64
    }

    /// Takes the next rows of blocks of each component, those of one or more rows of MCUs, and fills the rows of
    /// pixels that they complete: `pixels` starts with the first row that is not yet filled. Returns the bytes
    /// filled.
    pub(super) fn draw<'b>(
        &mut self,
        rows: impl Iterator<Item = Levels<'b>>,
        pixels: &mut [u8],
    ) -> usize {
        let windows = &mut self.windows[..self.needed];
        let keeps_last = windows.iter().any(|window| window.scaling().spans_rows());
        for (window, levels) in windows.iter_mut().zip(rows) {
            window.show(levels, keeps_last);
        }
        let complete = windows.iter().map(Window::image_rows).min().unwrap_or(0);
        let rows = self.next..complete.min(self.height).max(self.next);
        let stride = self.width * self.output.format.channels();
        let filled = rows.len() * stride;
        self.fill(rows, &mut pixels[..filled]);
        filled
    }

    /// Fills rows of pixels, each maker a part of them.
    fn fill(&mut self, rows: Range<usize>, pixels: &mut [u8]) {
        self.next = rows.end;
        let stride = self.width * self.output.format.channels();
        let lines = rows.len().div_ceil(self.sharing).max(1);
        let windows = &self.windows[..self.needed];
        let makers = &mut self.makers[..self.sharing];
        let fill = |(index, (maker, pixels)): (usize, (&mut RowMaker<T>, &mut [u8]))| {
            maker.fill(windows, rows.start + index * lines, pixels);
        };
        #[cfg(feature = "rayon")]
        if makers.len() > 1 {
            let parts = makers
                .par_iter_mut()
                .zip(pixels.par_chunks_mut(lines * stride));
            return parts.enumerate().for_each(fill);
        }
        let parts = makers.iter_mut().zip(pixels.chunks_mut(lines * stride));
        parts.enumerate().for_each(fill);
    }
}

/// Rows of MCUs of an image that are drawn at a time: several where threads share them.
pub(super) fn mcu_rows_at_a_time(outline: &Outline<'_>) -> usize {
    #[cfg(feature = "rayon")]
    if crate::parallel::share(&outline.geometry) {
        return crate::parallel::rows_at_a_time();
    }
    let _ = outline;
    1
}

/// Makers of rows of pixels, by the rows of MCUs that are drawn at a time.
fn makers(mcu_rows: usize) -> usize {
    #[cfg(feature = "rayon")]
    if mcu_rows > 1 {
        // More than threads: some are late since they decode.
        return mcu_rows.min(4 * rayon::current_num_threads());
    }
    let _ = mcu_rows;
    1
}

/// Makes rows of pixels of windows.
struct RowMaker<T: Rendering> {
    upsamplers: Vec<Upsampler<T>>,
    /// A row of each channel.
    channels: Vec<u8>,
    vectors: Vectors,
    output: Output,
    width: usize,
}

impl<T: Rendering> RowMaker<T> {
    const fn new(vectors: Vectors) -> Self {
        Self {
            upsamplers: Vec::new(),
            channels: Vec::new(),
            vectors,
            output: Output::NONE,
            width: 0,
        }
    }

    fn begin(&mut self, windows: &[Window<T>], output: Output, image_width: usize) -> Result<()> {
        for (index, window) in windows.iter().enumerate() {
            let (scaling, width) = (window.scaling(), window.width());
            if let Some(upsampler) = self.upsamplers.get_mut(index) {
                upsampler.reuse(scaling, width, image_width)?;
            } else {
                let upsampler = Upsampler::new(scaling, width, image_width, self.vectors)?;
                self.upsamplers.push(upsampler);
            }
        }
        (self.output, self.width) = (output, image_width);
        try_fit(&mut self.channels, image_width * output.format.channels())
    }

    /// Fills rows of pixels from image row `first` on.
    fn fill(&mut self, windows: &[Window<T>], first: usize, pixels: &mut [u8]) {
        let lines = pixels.chunks_exact_mut(self.channels.len());
        for (y, out) in (first..).zip(lines) {
            let mut rows: [&[T]; 4] = [&[]; 4];
            let components = windows.iter().zip(&mut self.upsamplers);
            for (row, (window, upsampler)) in rows.iter_mut().zip(components) {
                *row = &upsampler.row(window, y)[..self.width];
            }
            self.vectors.run(OutputRow {
                conversion: self.output.conversion,
                components: rows,
                channels: &mut self.channels,
                out,
                width: self.width,
            });
        }
    }
}

/// How a component is spread over the image.
fn scaling(outline: &Outline<'_>, component: &Component, upsampling: Upsampling) -> Scaling {
    let (own, geometry) = (component.sampling(), outline.geometry);
    Scaling::new(
        (own.horizontal(), own.vertical()),
        (geometry.max_horizontal, geometry.max_vertical),
        component.width() as usize,
        upsampling,
    )
}

/// The pixel format to give and the conversion that leads there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) format: PixelFormat,
    conversion: Conversion,
}

impl Output {
    /// Before there is a picture.
    const NONE: Self = Self {
        format: PixelFormat::Grey,
        conversion: Conversion::None,
    };

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

    /// Bytes of the pixels of an image.
    pub(super) fn bytes(self, geometry: &Geometry) -> u64 {
        u64::from(geometry.width) * u64::from(geometry.height) * self.format.channels() as u64
    }

    /// The components that the pixels are made of.
    pub(super) fn needed(self, components: &[Component]) -> &[Component] {
        match self.conversion {
            Conversion::LuminanceOnly => &components[..1],
            _ => components,
        }
    }
}
