//! Bytes to coefficients: the sequence of segments and scans (T.81 E.2).

mod arithmetic;
mod frame;
#[cfg(feature = "rayon")]
mod intervals;
mod lines;
mod progressive;
mod recovery;
mod report;
mod rows;
mod scan;
mod sequential;
#[cfg(feature = "rayon")]
mod speculation;
mod walk;
#[cfg(feature = "rayon")]
mod wave;
#[cfg(feature = "rayon")]
mod waves;

pub use report::{BlockArea, Damage, DamageKind, Recovered, RecoveryReport};

use std::io::Read;
use std::mem;

use smallvec::SmallVec;

use crate::band::Block;
use crate::coefficients::{
    CodingProcess, CoefficientImage, ColorSpace, Component, EntropyCoding, Origin, SamplePrecision,
};
use crate::error::{Error, LimitKind, Malformed, Result, UnsupportedFeature};
use crate::limits::{Budget, Limits, check, try_reserve};
use crate::metadata::MetadataSegment;

use super::header::{ColorMarkers, FrameHeader, ScanHeader, unsupported};
use super::marker::{self, Source, malformed};
use super::tables::TableSpecification;

pub(crate) use rows::{DecodeScratch, Decoded, MOST_COMPONENTS, RowSink, decode_rows};

use frame::Frame;
use scan::{Faults, Refuse};

/// How a file is read.
///
/// Reading is strict: the first breach of T.81 is an error that names the clause and the byte. Passed
/// over, because files with them are common, nothing in them is a guess, and libjpeg reads them in silence:
///
/// - 16-bit quantization tables beside samples of 8 bits;
/// - quantization steps of 0, and Huffman tables of destinations 2 and 3 in a baseline frame, where no scan
///   uses them;
/// - segments of tables without a table, and a DNL segment that repeats the number of lines;
/// - bits other than 1 that fill the last byte of an interval;
/// - identifiers that two components share: an entry of a scan header means the next of them;
/// - missing Huffman tables of destinations 0 and 1 in a sequential frame, which are those of T.81 K.3, as
///   in frames of motion JPEG;
/// - `RSTm` and TEM markers between segments;
/// - up to seven bytes between the last block and the end of the image.
///
/// For everything else there is [`CoefficientImage::recover`].
///
/// What reading costs is bounded by the [`Limits`] and, where the file is Huffman-coded, by
/// [a multiple of its length](Limits#memory-and-the-length-of-the-input).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DecodeOptions {
    limits: Limits,
    trailing_data: bool,
}

impl DecodeOptions {
    /// Strict reading within the default [`Limits`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the limits on what the file may cost.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Keeps the bytes after the end of the image: [`CoefficientImage::trailing_data`]. They are
    /// ignored unless asked for.
    #[must_use]
    pub const fn with_trailing_data(mut self, keep: bool) -> Self {
        self.trailing_data = keep;
        self
    }

    /// The limits on what the file may cost.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl CoefficientImage {
    /// Reads the quantized coefficients of a JPEG file: baseline, extended sequential or progressive,
    /// Huffman-coded or arithmetic-coded, 8 or 12 bits a sample, any components of any sampling.
    ///
    /// The coefficients are those of libjpeg's `jpeg_read_coefficients`, bit for bit. Of a container of
    /// several images, such as a multi-picture file, the first is read; thumbnails stay in their
    /// metadata segments.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] and [`Error::UnexpectedEnd`] with the byte offset, [`Error::Unsupported`],
    /// [`Error::LimitExceeded`] past the default [`Limits`], [`Error::OutOfMemory`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        Self::decode_with(bytes, &DecodeOptions::default())
    }

    /// As [`decode`](Self::decode), with options.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_with(bytes: &[u8], options: &DecodeOptions) -> Result<Self> {
        Decoder::new(bytes, options).decode_image()
    }

    /// As [`decode_with`](Self::decode_with), in place of this image and in its memory: a file of the
    /// same geometry as the one before takes no new memory for its blocks, and a smaller one of as many components
    /// keeps it, until the image is dropped or replaced.
    ///
    /// On an error this image is one of a single mid-grey block, [`Self::default`], and its memory is
    /// released. What it holds before does not count against [`Limits::max_memory`]; what the file costs
    /// does, whether it is new or not.
    ///
    /// ```
    /// use feature_distillation::{BandStatistics, CoefficientImage, DecodeOptions};
    /// # let files = [CoefficientImage::default().encode()?, CoefficientImage::default().encode()?];
    /// let mut statistics = BandStatistics::new();
    /// let mut image = CoefficientImage::default();
    /// for bytes in &files {
    ///     image.decode_into(bytes, &DecodeOptions::default())?;
    ///     statistics.add_image(&image)?;
    /// }
    /// assert_eq!(statistics.images(0), 2);
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_into(&mut self, bytes: &[u8], options: &DecodeOptions) -> Result<()> {
        let mut decoder = Decoder::new(bytes, options);
        decoder.spare_blocks = mem::take(self).into_blocks();
        *self = decoder.decode_image()?;
        Ok(())
    }

    /// As [`decode_with`](Self::decode_with), for a stream in the abbreviated format, whose tables come
    /// from elsewhere (T.81 B.4). Tables in the stream itself replace those. Restart intervals and the
    /// conditioning of arithmetic coding are not taken from elsewhere: SOI sets them back (T.81 B.2.4.3,
    /// B.2.4.4).
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_abbreviated(
        bytes: &[u8],
        tables: &TableSpecification,
        options: &DecodeOptions,
    ) -> Result<Self> {
        let mut decoder = Decoder::new(bytes, options);
        decoder.tables = tables.at_start_of_image();
        decoder.decode_image()
    }

    /// As [`decode`](Self::decode), from a stream that is read to its end.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), and [`Error::Io`].
    pub fn read(reader: impl Read) -> Result<Self> {
        Self::read_with(reader, &DecodeOptions::default())
    }

    /// As [`read`](Self::read), with options; at most [`Limits::max_input_bytes`] are taken.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_with(reader: impl Read, options: &DecodeOptions) -> Result<Self> {
        let allowed = options.limits.max_input_bytes();
        let mut bytes = Vec::new();
        let taken = reader
            .take(allowed.saturating_add(1))
            .read_to_end(&mut bytes)?;
        check(LimitKind::InputBytes, taken as u64, allowed)?;
        Self::decode_with(&bytes, options)
    }
}

/// State of one decode: tables persist between segments, components fill up scan by scan.
struct Decoder<'a> {
    source: Source<'a>,
    options: DecodeOptions,
    budget: Budget,
    tables: TableSpecification,
    color_markers: ColorMarkers,
    metadata: Vec<MetadataSegment>,
    /// Whether its segments are kept, beyond what they say about colours.
    keeps_metadata: bool,
    frame: Option<Frame>,
    /// Memory for the blocks of each component, in frame order.
    spare_blocks: Vec<Vec<Block>>,
    scratch: DecodeScratch,
    /// Who may take the rows of blocks.
    sink: Option<&'a mut dyn RowSink>,
    /// How scans are decoded in waves; `None` where their size and the threads tell.
    #[cfg(feature = "rayon")]
    pace: Option<waves::Pace>,
    /// Whether a frame header has had DNL looked for: of a damaged file, one after another might ask.
    sought_lines: bool,
    /// Where damage is noted; `None` where it is an error.
    report: Option<RecoveryReport>,
    /// The damage behind which scans may be read wrongly, by its index in the report.
    astray: Option<usize>,
    /// The first error that was noted as a damage, for the case that nothing can be read at all.
    first_error: Option<Error>,
}

impl<'a> Decoder<'a> {
    fn new(bytes: &'a [u8], options: &DecodeOptions) -> Self {
        Self {
            source: Source::new(bytes),
            options: *options,
            budget: Budget::new(options.limits),
            tables: TableSpecification::default(),
            color_markers: ColorMarkers::default(),
            metadata: Vec::new(),
            keeps_metadata: true,
            frame: None,
            spare_blocks: Vec::new(),
            scratch: DecodeScratch::default(),
            sink: None,
            #[cfg(feature = "rayon")]
            pace: None,
            sought_lines: false,
            report: None,
            astray: None,
            first_error: None,
        }
    }

    fn recovering(bytes: &'a [u8], options: &DecodeOptions) -> Self {
        Self {
            report: Some(RecoveryReport::default()),
            ..Self::new(bytes, options)
        }
    }

    fn decode_image(&mut self) -> Result<CoefficientImage> {
        let (frame, behind) = self.read_frame()?;
        self.image(frame, behind)
    }

    /// Reads up to the end of the image: its frame, whose components are complete, and the position of the
    /// first byte behind.
    fn read_frame(&mut self) -> Result<(Frame, usize)> {
        self.source.start_of_image()?;
        loop {
            let (code, position) = self.source.marker()?;
            if code == marker::EOI {
                return Ok((self.finish_frame(position)?, position + 1));
            }
            self.charge_segment(code)?;
            self.segment(code, position)?;
        }
    }

    /// Restart markers are no segments: one may stand behind every MCU.
    fn charge_segment(&mut self, code: u8) -> Result<()> {
        if marker::is_idle(code) {
            return Ok(());
        }
        self.budget.charge_segment()
    }

    fn segment(&mut self, code: u8, position: usize) -> Result<()> {
        match code {
            marker::SOF0..=marker::SOF2 | marker::SOF9 | marker::SOF10 => {
                self.start_frame(code, position)
            }
            marker::SOS => self.start_scan(position),
            marker::DNL => self.number_of_lines(),
            marker::SOF3 | marker::SOF11 => {
                Err(unsupported(position, UnsupportedFeature::Lossless))
            }
            marker::SOF5..=marker::SOF7
            | marker::SOF13..=marker::SOF15
            | marker::DHP
            | marker::EXP => Err(unsupported(position, UnsupportedFeature::Hierarchical)),
            code if marker::is_metadata(code) => {
                let payload = self.source.segment(code)?.payload();
                self.budget.charge_metadata(payload.len() as u64)?;
                self.color_markers.add(code, payload);
                if self.keeps_metadata {
                    self.metadata
                        .push(MetadataSegment::new(code, payload.to_vec())?);
                }
                Ok(())
            }
            code if marker::is_idle(code) => Ok(()),
            marker => {
                if self.tables.read_segment(&mut self.source, marker)? {
                    return Ok(());
                }
                Err(malformed(position, Malformed::UnexpectedMarker { marker }))
            }
        }
    }

    fn start_frame(&mut self, code: u8, position: usize) -> Result<()> {
        if self.frame.is_some() {
            return Err(malformed(position, Malformed::SecondFrame));
        }
        let mut segment = self.source.segment(code)?;
        let lines = segment.position() + 1;
        let header = FrameHeader::parse(code, &mut segment, || {
            if mem::replace(&mut self.sought_lines, true) {
                return Err(malformed(lines, Malformed::MissingLines));
            }
            lines::read_ahead(&self.source, lines)
        })?;
        let frame = Frame::new(header, mem::take(&mut self.spare_blocks));
        let geometry = frame.header.geometry;
        self.budget
            .charge_frame(geometry.width, geometry.height, frame.block_count())?;
        self.frame = Some(frame);
        Ok(())
    }

    /// A DNL segment: the frame has its number of lines already, by its header or by reading ahead.
    fn number_of_lines(&mut self) -> Result<()> {
        let mut segment = self.source.segment(marker::DNL)?;
        let position = segment.position();
        let lines = lines::parse(&mut segment)?;
        match &self.frame {
            Some(frame)
                if frame.scans.len() == 1 && frame.header.geometry.height == u32::from(lines) =>
            {
                Ok(())
            }
            _ => Err(malformed(position, Malformed::NumberOfLines { lines })),
        }
    }

    fn start_scan(&mut self, position: usize) -> Result<()> {
        let Some(mut frame) = self.frame.take() else {
            return Err(malformed(position, Malformed::ScanBeforeFrame));
        };
        let result = self.scan(&mut frame, position);
        self.frame = Some(frame);
        result
    }

    fn scan(&mut self, frame: &mut Frame, position: usize) -> Result<()> {
        let mut segment = self.source.segment(marker::SOS)?;
        let (header, breach) = ScanHeader::parse(&mut segment, &frame.header)?;
        let progressive = frame.header.process == CodingProcess::Progressive;
        match breach {
            Some(error) if progressive => return Err(error),
            Some(error) => self.tolerate(error)?,
            None => {}
        }
        if let Err(error) = frame.advance_progress(&header, position) {
            self.tolerate(error)?;
        }
        let mut tables: SmallVec<[_; 4]> = SmallVec::new();
        for (component, destination) in frame.first_coded_by(&header) {
            let table = match self.tables.quantization(destination, position) {
                Ok((table, None)) => table,
                Ok((table, Some(error))) => {
                    self.tolerate(error)?;
                    table
                }
                Err(error) => {
                    self.tolerate(error)?;
                    // The levels can be read all the same; what they stand for cannot be known.
                    *frame.components[component].quantization_table()
                }
            };
            tables.push((component, table));
        }
        for (component, table) in tables {
            frame.latch_table(component, table);
        }
        self.charge_scan(frame, &header)?;
        frame.scans.push(header.scan());
        if self.report.is_some() {
            self.recover_scan(frame, &header, position)
        } else {
            self.read_scan::<Refuse>(frame, &header, position)
        }
    }

    fn read_scan<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        match (frame.header.entropy_coding, frame.header.process) {
            (EntropyCoding::Arithmetic, _) => self.arithmetic_scan::<F>(frame, header),
            (EntropyCoding::Huffman, CodingProcess::Progressive) => {
                self.progressive_scan::<F>(frame, header, position)
            }
            (EntropyCoding::Huffman, _) => self.sequential_scan::<F>(frame, header, position),
        }
    }

    /// Charges the scan's work and memory before either arises.
    fn charge_scan(&mut self, frame: &mut Frame, header: &ScanHeader) -> Result<()> {
        let blocks = frame.scanned_blocks(header);
        self.budget.charge_scan(blocks)?;
        // Every Huffman code has a bit or more: a block of a sequential scan has at least a DC and
        // an AC code, one of a progressive DC scan a bit; only end-of-band runs and arithmetic coding
        // cost less.
        let coding = (frame.header.entropy_coding, frame.header.process);
        let bits_per_block = match coding {
            (EntropyCoding::Arithmetic, _) => 0,
            (EntropyCoding::Huffman, CodingProcess::Progressive) => u64::from(header.start == 0),
            (EntropyCoding::Huffman, _) => 2,
        };
        let available = self.source.remaining().len() as u64;
        if self.report.is_none() && blocks * bits_per_block > available * 8 {
            // Cut short, or a header that promises more than it brings: either way not all is there.
            return Err(self.source.end());
        }
        if coding.0 == EntropyCoding::Huffman && coding.1 != CodingProcess::Progressive {
            self.offer_rows(frame, header)?;
        }
        if frame.is_handed_over {
            return Ok(());
        }
        frame.drop_small_spares();
        for scanned in &header.components {
            frame.reserve(scanned.index, &mut self.budget)?;
            if coding.0 == EntropyCoding::Huffman && header.start > 0 {
                frame.track_nonzero(scanned.index, &mut self.budget)?;
                // Damage may have kept them from the scans before.
                frame.fill_up(scanned.index);
            }
        }
        Ok(())
    }

    fn finish_frame(&mut self, position: usize) -> Result<Frame> {
        let Some(frame) = self.frame.take() else {
            return Err(malformed(position, Malformed::NoFrame));
        };
        if let Some(component) = frame
            .first_not_coded()
            .and_then(|index| frame.components.get(index))
        {
            let id = component.id();
            return Err(malformed(position, Malformed::ComponentNotCoded { id }));
        }
        Ok(frame)
    }

    /// What the components of a frame stand for.
    fn color_space(&self, frame: &Frame) -> ColorSpace {
        let ids: SmallVec<[u8; 4]> = frame.components.iter().map(Component::id).collect();
        self.color_markers.color_space(&ids)
    }

    /// The image of a frame whose components are complete; `behind` is the position of the first byte
    /// that is none of it.
    fn image(&mut self, frame: Frame, behind: usize) -> Result<CoefficientImage> {
        let mut image = CoefficientImage::from_parts(
            frame.header.geometry,
            self.color_space(&frame),
            frame.header.precision,
            frame.components.into_vec(),
        );
        let origin = Origin {
            process: frame.header.process,
            entropy_coding: frame.header.entropy_coding,
            restart_interval: self.tables.restart_interval(),
            scans: frame.scans.into_vec(),
            from_file: true,
        };
        let mut trailing_data = Vec::new();
        if self.options.trailing_data {
            let rest = self.source.bytes().get(behind..).unwrap_or(&[]);
            self.budget.charge_memory(rest.len() as u64)?;
            try_reserve(&mut trailing_data, rest.len())?;
            trailing_data.extend_from_slice(rest);
        }
        image.set_origin(origin, mem::take(&mut self.metadata), trailing_data);
        Ok(image)
    }
}
