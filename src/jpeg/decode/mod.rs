//! Bytes to coefficients: the sequence of segments and scans (T.81 E.2).

mod progressive;
mod scan;
mod sequential;

use std::io::Read;

use crate::coefficients::{
    CodingProcess, CoefficientImage, Component, EntropyCoding, Origin, Scan,
};
use crate::error::{Error, LimitKind, Malformed, Result, UnsupportedFeature};
use crate::limits::{Budget, Limits, check, try_reserve};
use crate::metadata::MetadataSegment;
use crate::quantization::QuantizationTable;

use super::header::{
    FrameHeader, ScanHeader, TableClass, color_space, parse_huffman, parse_quantization,
    unsupported,
};
use super::huffman::HuffmanSpec;
use super::marker::{self, Source, malformed};

/// How a file is read.
///
/// Reading is strict: the first breach of T.81 is an error that names the clause and the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DecodeOptions {
    limits: Limits,
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

    /// The limits on what the file may cost.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl CoefficientImage {
    /// Reads the quantized coefficients of a JPEG file: baseline, extended sequential or progressive,
    /// Huffman-coded, 8 bits a sample, one to four components of any sampling.
    ///
    /// The coefficients are those of libjpeg's `jpeg_read_coefficients`, bit for bit. Bytes after
    /// the end of the image are ignored.
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
        Decoder::new(bytes, options).decode()
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

/// Bytes that a block costs in memory.
const BLOCK_BYTES: u64 = 128;

/// State of one decode: tables persist between segments, components fill up scan by scan.
struct Decoder<'a> {
    source: Source<'a>,
    budget: Budget,
    quantization: [Option<QuantizationTable>; 4],
    dc_tables: [Option<HuffmanSpec>; 4],
    ac_tables: [Option<HuffmanSpec>; 4],
    restart_interval: u16,
    metadata: Vec<MetadataSegment>,
    frame: Option<Frame>,
}

/// A frame and how far its components are decoded.
struct Frame {
    header: FrameHeader,
    components: Vec<Component>,
    progress: Vec<Progress>,
    /// The scans so far.
    scans: Vec<Scan>,
}

/// How far one component is decoded.
#[derive(Debug, Clone)]
struct Progress {
    /// Whether a scan has coded the component; its table is latched then, as libjpeg does.
    coded: bool,
    /// Bit position of the last scan of each zig-zag index; `None` before the first.
    precision: [Option<u8>; 64],
}

impl<'a> Decoder<'a> {
    fn new(bytes: &'a [u8], options: &DecodeOptions) -> Self {
        Self {
            source: Source::new(bytes),
            budget: Budget::new(options.limits),
            quantization: [None; 4],
            dc_tables: [const { None }; 4],
            ac_tables: [const { None }; 4],
            restart_interval: 0,
            metadata: Vec::new(),
            frame: None,
        }
    }

    fn decode(mut self) -> Result<CoefficientImage> {
        match self.source.bytes() {
            [0xFF, marker::SOI, ..] => self.source.seek(2),
            [] | [0xFF] => return Err(self.source.end()),
            _ => return Err(malformed(0, Malformed::MissingStartOfImage)),
        }
        loop {
            let (code, position) = self.source.marker()?;
            if code == marker::EOI {
                return self.finish(position);
            }
            self.budget.charge_segment()?;
            self.segment(code, position)?;
        }
    }

    fn segment(&mut self, code: u8, position: usize) -> Result<()> {
        match code {
            marker::SOF0..=marker::SOF2 => self.frame(code, position),
            marker::SOS => self.scan(position),
            marker::DQT => {
                let mut segment = self.source.segment(code)?;
                for (destination, table) in parse_quantization(&mut segment)? {
                    self.quantization[usize::from(destination)] = Some(table);
                }
                Ok(())
            }
            marker::DHT => {
                let mut segment = self.source.segment(code)?;
                for (class, destination, spec) in parse_huffman(&mut segment)? {
                    let tables = match class {
                        TableClass::Dc => &mut self.dc_tables,
                        TableClass::Ac => &mut self.ac_tables,
                    };
                    tables[usize::from(destination)] = Some(spec);
                }
                Ok(())
            }
            marker::DRI => {
                let mut segment = self.source.segment(code)?;
                self.restart_interval = segment.word()?;
                segment.finish()
            }
            marker::APP0..=marker::APP15 | marker::COM => {
                let payload = self.source.segment(code)?.payload();
                self.budget.charge_metadata(payload.len() as u64)?;
                self.metadata
                    .push(MetadataSegment::new(code, payload.to_vec())?);
                Ok(())
            }
            marker::SOF3 => Err(unsupported(position, UnsupportedFeature::Lossless)),
            marker::SOF5..=marker::SOF7 | marker::DHP | marker::EXP => {
                Err(unsupported(position, UnsupportedFeature::Hierarchical))
            }
            marker::SOF9..=marker::SOF11 | marker::SOF13..=marker::SOF15 | marker::DAC => {
                Err(unsupported(position, UnsupportedFeature::ArithmeticCoding))
            }
            marker::DNL => Err(unsupported(
                position,
                UnsupportedFeature::DefineNumberOfLines,
            )),
            marker => Err(malformed(position, Malformed::UnexpectedMarker { marker })),
        }
    }

    fn frame(&mut self, code: u8, position: usize) -> Result<()> {
        if self.frame.is_some() {
            return Err(malformed(position, Malformed::SecondFrame));
        }
        let header = FrameHeader::parse(code, &mut self.source.segment(code)?)?;
        let geometry = header.geometry;
        // The table is a stand-in until the component's first scan latches the real one.
        let stand_in = QuantizationTable::annex_k_luminance();
        let components: Vec<Component> = header
            .components
            .iter()
            .map(|component| {
                Component::unfilled(component.id, component.sampling, stand_in, &geometry)
            })
            .collect();
        let blocks = components
            .iter()
            .map(|component| component.block_count() as u64)
            .sum();
        self.budget
            .charge_frame(geometry.width, geometry.height, blocks)?;
        let progress = vec![
            Progress {
                coded: false,
                precision: [None; 64],
            };
            components.len()
        ];
        self.frame = Some(Frame {
            header,
            components,
            progress,
            scans: Vec::new(),
        });
        Ok(())
    }

    fn scan(&mut self, position: usize) -> Result<()> {
        let Some(mut frame) = self.frame.take() else {
            return Err(malformed(position, Malformed::ScanBeforeFrame));
        };
        let mut segment = self.source.segment(marker::SOS)?;
        let header = ScanHeader::parse(&mut segment, &frame.header)?;
        frame.scans.push(header.scan());
        let result = self.run_scan(&mut frame, &header, position);
        self.frame = Some(frame);
        result
    }

    fn run_scan(&mut self, frame: &mut Frame, header: &ScanHeader, position: usize) -> Result<()> {
        frame.advance_progress(header, position)?;
        self.latch_tables(frame, header, position)?;
        self.charge_scan(frame, header)?;
        if frame.header.process == CodingProcess::Progressive {
            self.progressive_scan(frame, header, position)
        } else {
            self.sequential_scan(frame, header, position)
        }
    }

    /// Gives each component the quantization table in force at its first scan.
    fn latch_tables(&self, frame: &mut Frame, header: &ScanHeader, position: usize) -> Result<()> {
        for scanned in &header.components {
            let progress = &mut frame.progress[scanned.index];
            if progress.coded {
                continue;
            }
            let destination = frame.header.components[scanned.index].table_destination;
            let table = self.quantization[usize::from(destination)].ok_or_else(|| {
                malformed(
                    position,
                    Malformed::MissingQuantizationTable { destination },
                )
            })?;
            frame.components[scanned.index].set_table(table);
            progress.coded = true;
        }
        Ok(())
    }

    /// Charges the scan's work and memory before either arises.
    fn charge_scan(&mut self, frame: &mut Frame, header: &ScanHeader) -> Result<()> {
        let blocks: u64 = header
            .components
            .iter()
            .map(|scanned| frame.components[scanned.index].block_count() as u64)
            .sum();
        self.budget.charge_scan(blocks)?;
        // Every Huffman code has a bit or more: a block of a sequential scan has at least a DC and
        // an AC code, one of a progressive DC scan a bit; only end-of-band runs cost less.
        let bits_per_block = match (frame.header.process, header.start) {
            (CodingProcess::Progressive, 0) => 1,
            (CodingProcess::Progressive, _) => 0,
            _ => 2,
        };
        let available = self.source.remaining().len() as u64;
        if blocks * bits_per_block > available * 8 {
            // Cut short, or a header that promises more than it brings: either way not all is there.
            return Err(self.source.end());
        }
        for scanned in &header.components {
            let component = &mut frame.components[scanned.index];
            let count = component.block_count();
            let storage = component.storage();
            if storage.capacity() < count {
                self.budget.charge_memory(count as u64 * BLOCK_BYTES)?;
                try_reserve(storage, count)?;
            }
        }
        Ok(())
    }

    fn finish(self, position: usize) -> Result<CoefficientImage> {
        let Some(frame) = self.frame else {
            return Err(malformed(position, Malformed::NoFrame));
        };
        let missing = frame.progress.iter().position(|progress| !progress.coded);
        if let Some(component) = missing.and_then(|index| frame.components.get(index)) {
            let id = component.id();
            return Err(malformed(position, Malformed::ComponentNotCoded { id }));
        }
        let ids: Vec<u8> = frame.components.iter().map(Component::id).collect();
        let mut image = CoefficientImage::from_parts(
            frame.header.geometry,
            color_space(&ids, self.metadata.iter()),
            frame.header.precision,
            frame.components,
        );
        let origin = Origin {
            process: frame.header.process,
            entropy_coding: EntropyCoding::Huffman,
            restart_interval: self.restart_interval,
            scans: frame.scans,
            from_file: true,
        };
        image.set_origin(origin, self.metadata, Vec::new());
        Ok(image)
    }
}

impl Frame {
    /// Checks that the scan is in turn and records the precision it brings (T.81 B.2.3, G.1.1.1).
    fn advance_progress(&mut self, header: &ScanHeader, position: usize) -> Result<()> {
        let progressive = self.header.process == CodingProcess::Progressive;
        for scanned in &header.components {
            let id = self.header.components[scanned.index].id;
            let progress = &mut self.progress[scanned.index];
            if !progressive && progress.coded {
                return Err(malformed(position, Malformed::ComponentCodedTwice { id }));
            }
            if header.start > 0 && progress.precision[0].is_none() {
                let index = header.start;
                return Err(malformed(
                    position,
                    Malformed::ProgressionOrder { id, index },
                ));
            }
            for index in header.start..=header.end {
                let precision = &mut progress.precision[usize::from(index)];
                let in_turn = match *precision {
                    None => header.high == 0,
                    Some(before) => header.high == before && header.high > 0,
                };
                if !in_turn {
                    return Err(malformed(
                        position,
                        Malformed::ProgressionOrder { id, index },
                    ));
                }
                *precision = Some(header.low);
            }
        }
        Ok(())
    }
}

impl From<Error> for scan::Fault {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
