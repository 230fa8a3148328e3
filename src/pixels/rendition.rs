//! Files to pixels: row by row where the file allows it, by way of the coefficients where not.

use std::fmt;
use std::mem;

use crate::band::Block;
use crate::coefficients::{CoefficientImage, ColorSpace, Outline};
use crate::error::Result;
use crate::jpeg::{DecodeOptions, DecodeScratch, Decoded, MOST_COMPONENTS, RowSink, decode_rows};
use crate::limits::{Budget, try_bytes, try_zeroed};
use crate::quantization::{QuantizationTables, RequantizationBounds, Requantizer, Rounding};
use crate::vectors::Vectors;

use super::inverse::Rendering;
use super::render::{Output, Renderer, mcu_rows_at_a_time};
use super::window::Levels;
use super::{InverseOptions, PixelBuffer, PixelFormat, PixelPipeline};

/// Memory for turning files to pixels, one after the other.
///
/// It grows to what the largest file needs, and keeps that until it is dropped or replaced: for sequential, Huffman-coded files in one
/// scan a row of MCUs in coefficients, two in samples, and a few tables; for others the coefficients of the whole image; for a
/// large picture that threads share some MiB. Then further files take no memory but that of their pixels, and
/// [`recycle`](Self::recycle) spares even this. [`Limits`](crate::Limits) count what a file needs, held already or not, and not what
/// larger ones have left.
///
/// ```
/// use feature_distillation::{CoefficientImage, DecodeOptions, InverseOptions, PixelBuffer, PixelScratch};
/// # let files = [CoefficientImage::default().encode()?, CoefficientImage::default().encode()?];
/// let (decode, inverse) = (DecodeOptions::default(), InverseOptions::libjpeg_equal());
/// let mut scratch = PixelScratch::new();
/// for bytes in &files {
///     let pixels = PixelBuffer::decode_in(bytes, &decode, &inverse, &mut scratch)?;
///     // ... to the classifier, then
///     scratch.recycle(pixels);
/// }
/// # Ok::<(), feature_distillation::Error>(())
/// ```
pub struct PixelScratch {
    decode: DecodeScratch,
    libjpeg_equal: Renderer<u8>,
    precise: Renderer<f32>,
    /// The pixels of a picture that is no longer needed.
    pixels: Vec<u8>,
}

impl PixelScratch {
    /// No memory yet.
    #[must_use]
    pub fn new() -> Self {
        let vectors = Vectors::detected();
        Self {
            decode: DecodeScratch::default(),
            libjpeg_equal: Renderer::new(vectors),
            precise: Renderer::new(vectors),
            pixels: Vec::new(),
        }
    }

    /// Gives the memory of a picture back, for the next one, which then has all of it, small as it may be. Of the
    /// memory of several, the largest is kept.
    pub fn recycle(&mut self, picture: PixelBuffer) {
        let pixels = picture.into_vec();
        if pixels.capacity() > self.pixels.capacity() {
            self.pixels = pixels;
        }
    }
}

impl Default for PixelScratch {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for PixelScratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PixelScratch").finish_non_exhaustive()
    }
}

impl PixelBuffer {
    /// Reads a JPEG file to pixels.
    ///
    /// The result is that of [`CoefficientImage::decode_with`] and [`CoefficientImage::to_pixels`]. Where a file is
    /// sequential, Huffman-coded and in one scan, as baseline files are, its coefficients are never held: memory beyond the pixels is
    /// that of two rows of MCUs. Where threads share a large file (feature `rayon`), it is that of a few rows for each
    /// thread, some MiB.
    ///
    /// # Errors
    ///
    /// As those two.
    pub fn decode(bytes: &[u8], decode: &DecodeOptions, inverse: &InverseOptions) -> Result<Self> {
        Self::decode_in(bytes, decode, inverse, &mut PixelScratch::new())
    }

    /// As [`decode`](Self::decode), in memory that is reused.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_in(
        bytes: &[u8],
        decode: &DecodeOptions,
        inverse: &InverseOptions,
        scratch: &mut PixelScratch,
    ) -> Result<Self> {
        Rendition::of(*inverse).decode(bytes, decode, scratch)
    }
}

/// Passes or refuses an image by its headers.
type Check<'a> = dyn Fn(&Outline<'_>) -> Result<()> + Sync + 'a;

/// What pixels a file is to become.
#[derive(Clone, Copy)]
pub(crate) struct Rendition<'a> {
    options: InverseOptions,
    target: Option<(&'a QuantizationTables, Rounding)>,
    accept: Option<&'a Check<'a>>,
}

impl<'a> Rendition<'a> {
    /// Those of the file itself.
    pub(crate) const fn of(options: InverseOptions) -> Self {
        Self {
            options,
            target: None,
            accept: None,
        }
    }

    /// Those that the image would have once requantized.
    pub(crate) const fn requantized(
        self,
        tables: &'a QuantizationTables,
        rounding: Rounding,
    ) -> Self {
        Self {
            target: Some((tables, rounding)),
            ..self
        }
    }

    /// None, and an error, unless the headers pass a check.
    pub(crate) const fn checked(self, accept: &'a Check<'a>) -> Self {
        Self {
            accept: Some(accept),
            ..self
        }
    }

    /// Reads a file to pixels.
    ///
    /// # Errors
    ///
    /// As [`CoefficientImage::decode_with`] and [`draw`](Self::draw).
    pub(crate) fn decode(
        &self,
        bytes: &[u8],
        options: &DecodeOptions,
        scratch: &mut PixelScratch,
    ) -> Result<PixelBuffer> {
        let PixelScratch {
            decode,
            libjpeg_equal,
            precise,
            pixels,
        } = scratch;
        match self.options.pipeline() {
            PixelPipeline::LibjpegEqual => {
                self.decode_with(bytes, options, decode, libjpeg_equal, pixels)
            }
            PixelPipeline::Precise => self.decode_with(bytes, options, decode, precise, pixels),
        }
    }

    fn decode_with<T: Rendering>(
        &self,
        bytes: &[u8],
        options: &DecodeOptions,
        scratch: &mut DecodeScratch,
        renderer: &mut Renderer<T>,
        pixels: &mut Vec<u8>,
    ) -> Result<PixelBuffer> {
        let mut picture = Picture::new(self, renderer, pixels);
        let mut image = match decode_rows(bytes, options, &mut picture, scratch)? {
            Decoded::Image(image) => image,
            Decoded::Rows { color_space } if picture.is_valid(color_space) => {
                return Ok(picture.into_pixels());
            }
            // A rare file: it names its colours behind its scan, or has levels that are to be refused.
            Decoded::Rows { .. } => CoefficientImage::decode_with(bytes, options)?,
        };
        let drawn = self.draw_with(&mut image, renderer, pixels);
        scratch.recycle(image);
        drawn
    }

    /// Transforms an image to pixels.
    ///
    /// # Errors
    ///
    /// As [`CoefficientImage::requantize`] and [`CoefficientImage::to_pixels`].
    pub(crate) fn draw(&self, mut image: CoefficientImage) -> Result<PixelBuffer> {
        let (vectors, pixels) = (Vectors::detected(), &mut Vec::new());
        match self.options.pipeline() {
            PixelPipeline::LibjpegEqual => {
                self.draw_with::<u8>(&mut image, &mut Renderer::new(vectors), pixels)
            }
            PixelPipeline::Precise => {
                self.draw_with::<f32>(&mut image, &mut Renderer::new(vectors), pixels)
            }
        }
    }

    fn draw_with<T: Rendering>(
        &self,
        image: &mut CoefficientImage,
        renderer: &mut Renderer<T>,
        pixels: &mut Vec<u8>,
    ) -> Result<PixelBuffer> {
        if let Some(accept) = self.accept {
            accept(&image.outline())?;
        }
        if let Some((tables, _)) = self.target {
            image.check_requantization(tables)?;
        }
        let output = Output::of(&image.outline(), &self.options)?;
        image.check_components()?;
        let (outline, blocks) = (image.outline(), image.block_count());
        let mcu_rows = mcu_rows_at_a_time(&outline);
        let memory = |mcu_rows| self.options.memory::<T>(&outline, output, blocks, mcu_rows);
        let mcu_rows = self.options.rows_within_limit(mcu_rows, memory)?;
        let mut picture = Picture::new(self, renderer, pixels);
        picture.start(&image.outline(), output, mcu_rows)?;
        let (_, mcus_high) = image.geometry().mcus();
        for row in (0..mcus_high as usize).step_by(mcu_rows) {
            let components = image.components_mut().iter_mut();
            picture.put(components.map(|component| component.mcu_rows_mut(row..row + mcu_rows)));
        }
        Ok(picture.into_pixels())
    }
}

/// Pixels that arise.
struct Picture<'p, T: Rendering> {
    rendition: &'p Rendition<'p>,
    renderer: &'p mut Renderer<T>,
    pixels: &'p mut Vec<u8>,
    /// Bytes of pixels that are there.
    filled: usize,
    /// By component; those to the same table have none.
    requantizations: [Option<Requantization>; MOST_COMPONENTS],
    /// Whether a level cannot be requantized.
    is_out_of_range: bool,
    width: u32,
    height: u32,
    format: PixelFormat,
    color_space: ColorSpace,
}

/// From the steps of a component's table to those of another.
struct Requantization {
    requantizer: Requantizer,
    /// `None` where any level will do.
    bounds: Option<RequantizationBounds>,
}

impl<'p, T: Rendering> Picture<'p, T> {
    const fn new(
        rendition: &'p Rendition<'p>,
        renderer: &'p mut Renderer<T>,
        pixels: &'p mut Vec<u8>,
    ) -> Self {
        Self {
            rendition,
            renderer,
            pixels,
            filled: 0,
            requantizations: [const { None }; MOST_COMPONENTS],
            is_out_of_range: false,
            width: 0,
            height: 0,
            format: PixelFormat::Grey,
            color_space: ColorSpace::Unknown,
        }
    }

    /// Begins a picture that has the output.
    fn start(&mut self, outline: &Outline<'_>, output: Output, mcu_rows: usize) -> Result<()> {
        let Rendition {
            options, target, ..
        } = self.rendition;
        (self.width, self.height) = (outline.geometry.width, outline.geometry.height);
        (self.format, self.color_space) = (output.format, outline.color_space);
        if let Some((tables, rounding)) = target {
            let components = output.needed(outline.components).iter().enumerate();
            for (slot, (index, component)) in self.requantizations.iter_mut().zip(components) {
                let (from, to) = (component.quantization_table(), tables.table(index));
                *slot = (from != to).then(|| Requantization {
                    requantizer: Requantizer::new(from, to, *rounding),
                    bounds: RequantizationBounds::new(from, to),
                });
            }
        }
        let tables = target.map(|(tables, _)| tables);
        self.renderer
            .begin(outline, tables, output, options.upsampling(), mcu_rows)?;
        let count = try_bytes(output.bytes(&outline.geometry))?;
        if self.pixels.capacity() < count {
            // Not both at a time.
            *self.pixels = Vec::new();
            *self.pixels = try_zeroed(count)?;
        }
        self.pixels.resize(count, 0);
        Ok(())
    }

    /// Takes the next rows of blocks of each component.
    fn put<'b>(&mut self, rows: impl Iterator<Item = &'b mut [Block]>) {
        let is_out_of_range = &mut self.is_out_of_range;
        let levels = rows.zip(&self.requantizations);
        let levels = levels.map(|(blocks, requantization)| match requantization {
            None => Levels::OfTable(blocks),
            Some(Requantization {
                requantizer,
                bounds,
            }) => {
                *is_out_of_range |= bounds.as_ref().is_some_and(|bounds| !bounds.hold(blocks));
                Levels::OfOther(blocks, requantizer)
            }
        });
        self.filled += self.renderer.draw(levels, &mut self.pixels[self.filled..]);
    }

    /// Whether the picture is that of the file, of which the colour space is known in the end.
    fn is_valid(&self, color_space: ColorSpace) -> bool {
        color_space == self.color_space && !self.is_out_of_range
    }

    fn into_pixels(self) -> PixelBuffer {
        let pixels = mem::take(self.pixels);
        PixelBuffer::from_parts(pixels, self.width, self.height, self.format)
    }
}

impl<T: Rendering> RowSink for Picture<'_, T> {
    fn begin(
        &mut self,
        outline: &Outline<'_>,
        mcu_rows: usize,
        budget: &mut Budget,
    ) -> Result<usize> {
        /// What decoding holds beside the rows: a window of data.
        const DECODING: u64 = 16 << 10;
        let Rendition {
            options, accept, ..
        } = self.rendition;
        // A profile or format that is refused is so once the file is decoded: a damaged one is told to be that.
        let is_accepted = accept.is_none_or(|accept| accept(outline).is_ok());
        let Some(output) = Output::of(outline, options).ok().filter(|_| is_accepted) else {
            return Ok(0);
        };
        let own = |mcu_rows| options.memory::<T>(outline, output, 0, mcu_rows);
        let all = |mcu_rows| own(mcu_rows) + outline.memory_of_rows(mcu_rows);
        let is_left = all(mcu_rows).saturating_add(DECODING) <= budget.memory_left();
        let mcu_rows = if is_left { mcu_rows } else { 1 };
        let mcu_rows = options.rows_within_limit(mcu_rows, all)?;
        budget.charge_memory(own(mcu_rows))?;
        self.start(outline, output, mcu_rows)?;
        Ok(mcu_rows)
    }

    fn take(&mut self, rows: &mut [&mut [Block]]) {
        self.put(rows.iter_mut().map(|blocks| &mut **blocks));
    }
}
