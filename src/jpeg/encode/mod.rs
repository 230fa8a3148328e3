//! Coefficients to bytes: the sequence of segments (T.81 B.2.1) and the options that shape it.

mod sequential;

use std::io::Write;
use std::num::NonZeroU16;

use crate::coefficients::{CoefficientImage, ColorSpace, Component};
use crate::error::{ArgumentError, Error, Result};
use crate::metadata::{MetadataKind, MetadataSegment};
use crate::quantization::QuantizationTable;

use super::header::color_space;
use super::huffman::HuffmanSpec;
use super::marker;

use sequential::{Scan, TablePair};

/// How an image is written.
///
/// ```
/// use feature_distillation::{EncodeOptions, HuffmanTables, MetadataPolicy};
/// let options = EncodeOptions::new()
///     .with_huffman_tables(HuffmanTables::Optimized)
///     .with_metadata(MetadataPolicy::IccOnly);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EncodeOptions {
    process: Process,
    huffman_tables: HuffmanTables,
    restart_interval: RestartInterval,
    metadata: MetadataPolicy,
    out_of_range: OutOfRange,
}

impl EncodeOptions {
    /// Baseline where the tables allow it, standard Huffman tables, no restart markers, all metadata.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses the coding process.
    #[must_use]
    pub const fn with_process(mut self, process: Process) -> Self {
        self.process = process;
        self
    }

    /// Chooses the Huffman tables.
    #[must_use]
    pub const fn with_huffman_tables(mut self, tables: HuffmanTables) -> Self {
        self.huffman_tables = tables;
        self
    }

    /// Chooses where restart markers stand.
    #[must_use]
    pub const fn with_restart_interval(mut self, interval: RestartInterval) -> Self {
        self.restart_interval = interval;
        self
    }

    /// Chooses which metadata segments are written.
    #[must_use]
    pub const fn with_metadata(mut self, policy: MetadataPolicy) -> Self {
        self.metadata = policy;
        self
    }

    /// Chooses what happens to coefficients that the coding cannot carry.
    #[must_use]
    pub const fn with_out_of_range(mut self, out_of_range: OutOfRange) -> Self {
        self.out_of_range = out_of_range;
        self
    }
}

/// The coding process to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Process {
    /// Baseline, or extended sequential where a step is above 255.
    #[default]
    Automatic,
    /// Baseline (SOF0); a step above 255 is an error.
    Baseline,
    /// Extended sequential (SOF1).
    ExtendedSequential,
}

/// The Huffman tables to write with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum HuffmanTables {
    /// The example tables of T.81 K.3: one visit of the coefficients.
    #[default]
    Standard,
    /// Tables made for this image by T.81 K.2: smaller files, two visits.
    Optimized,
}

/// Where restart markers stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RestartInterval {
    /// Nowhere.
    #[default]
    Never,
    /// After as many MCUs as in the file that was read, by its last restart interval.
    Keep,
    /// After every so many MCUs.
    Mcus(NonZeroU16),
    /// After every so many rows of MCUs, or the most that 65535 MCUs hold.
    McuRows(NonZeroU16),
}

/// Which metadata segments are written.
///
/// The segments that tell the colour space are written in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum MetadataPolicy {
    /// All segments, in their order, except JFIF and Adobe segments that contradict the colour space.
    #[default]
    Keep,
    /// The ICC profile alone.
    IccOnly,
    /// None.
    Strip,
}

/// What happens to a coefficient that sequential Huffman coding of 8-bit samples cannot carry: AC
/// beyond ±1023, or a DC difference beyond ±2047 (T.81 tables F.1, F.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OutOfRange {
    /// [`Error::CoefficientOutOfRange`].
    #[default]
    Error,
    /// The nearest value that can be carried is written, and counted in [`Encoded::clamped`].
    Clamp,
}

/// A written file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// Coefficients that were changed to fit the coding; always 0 under [`OutOfRange::Error`].
    pub clamped: u64,
}

/// Blocks that an interleaved MCU may have (T.81 B.2.3).
const MAX_BLOCKS_PER_MCU: u8 = 10;

impl CoefficientImage {
    /// Writes a JPEG file with the default [`EncodeOptions`].
    ///
    /// Reading it back gives equal components.
    ///
    /// # Errors
    ///
    /// [`Error::CoefficientOutOfRange`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        Ok(self.encode_with(&EncodeOptions::default())?.bytes)
    }

    /// Writes a JPEG file.
    ///
    /// # Errors
    ///
    /// [`Error::CoefficientOutOfRange`] unless [`OutOfRange::Clamp`] is chosen,
    /// [`ArgumentError::StepAboveBaseline`] where baseline is demanded.
    pub fn encode_with(&self, options: &EncodeOptions) -> Result<Encoded> {
        Encoder {
            image: self,
            options,
            bytes: Vec::new(),
            clamped: 0,
        }
        .encode()
    }

    /// Writes a JPEG file to a stream; returns the number of coefficients changed to fit the coding.
    ///
    /// # Errors
    ///
    /// As [`encode_with`](Self::encode_with), and [`Error::Io`].
    pub fn write_to(&self, mut writer: impl Write, options: &EncodeOptions) -> Result<u64> {
        let encoded = self.encode_with(options)?;
        writer.write_all(&encoded.bytes)?;
        Ok(encoded.clamped)
    }
}

struct Encoder<'a> {
    image: &'a CoefficientImage,
    options: &'a EncodeOptions,
    bytes: Vec<u8>,
    clamped: u64,
}

impl Encoder<'_> {
    fn encode(mut self) -> Result<Encoded> {
        let start_of_frame = self.start_of_frame()?;
        self.bytes.extend_from_slice(&[0xFF, marker::SOI]);
        self.metadata()?;
        let destinations = self.quantization_tables()?;
        self.frame_header(start_of_frame, &destinations)?;
        self.scans()?;
        self.bytes.extend_from_slice(&[0xFF, marker::EOI]);
        Ok(Encoded {
            bytes: self.bytes,
            clamped: self.clamped,
        })
    }

    fn start_of_frame(&self) -> Result<u8> {
        let above = self
            .image
            .components()
            .iter()
            .map(|component| component.quantization_table().largest_step())
            .enumerate()
            .find(|&(_, step)| step > 255);
        match (self.options.process, above) {
            (Process::Baseline, Some((component, step))) => {
                Err(ArgumentError::StepAboveBaseline { component, step }.into())
            }
            (Process::ExtendedSequential, _) | (Process::Automatic, Some(_)) => Ok(marker::SOF1),
            (Process::Baseline | Process::Automatic, None) => Ok(marker::SOF0),
        }
    }

    /// Writes the segments that the policy keeps, and the one that tells the colour space if the
    /// reader could not know it otherwise.
    fn metadata(&mut self) -> Result<()> {
        let color = self.image.color_space();
        let kept: Vec<&MetadataSegment> = self
            .image
            .metadata()
            .iter()
            .filter(|segment| match self.options.metadata {
                MetadataPolicy::Keep => tells_no_other(segment, color),
                MetadataPolicy::IccOnly => segment.kind() == MetadataKind::Icc,
                MetadataPolicy::Strip => false,
            })
            .collect();
        let ids: Vec<u8> = self.image.components().iter().map(Component::id).collect();
        let told = color_space(&ids, kept.iter().copied()) == color;
        let has_colour_marker = kept
            .iter()
            .any(|segment| matches!(segment.kind(), MetadataKind::Jfif | MetadataKind::Adobe));
        // A file that was read without such a segment stays without; a new or stripped one gets it.
        let made = self.options.metadata != MetadataPolicy::Keep || !self.image.origin().from_file;
        if (!told || (made && !has_colour_marker))
            && let Some((code, payload)) = colour_marker(color)
        {
            self.segment(code, payload)?;
        }
        for segment in kept {
            self.segment(segment.marker(), segment.payload())?;
        }
        Ok(())
    }

    /// Writes each distinct table once; returns the destination of each component's table.
    fn quantization_tables(&mut self) -> Result<Vec<u8>> {
        let mut written: Vec<QuantizationTable> = Vec::new();
        let mut destinations = Vec::new();
        for component in self.image.components() {
            let table = component.quantization_table();
            if let Some(index) = written.iter().position(|other| other == table) {
                destinations.push(low_byte(index));
                continue;
            }
            let destination = low_byte(written.len());
            written.push(*table);
            let mut payload = Vec::with_capacity(129);
            if table.is_baseline() {
                payload.push(destination);
                payload.extend(table.to_zigzag().map(|step| low_byte(step.into())));
            } else {
                payload.push(0x10 | destination);
                payload.extend(table.to_zigzag().into_iter().flat_map(u16::to_be_bytes));
            }
            self.segment(marker::DQT, &payload)?;
            destinations.push(destination);
        }
        Ok(destinations)
    }

    fn frame_header(&mut self, code: u8, destinations: &[u8]) -> Result<()> {
        let side = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX).to_be_bytes();
        let mut payload = vec![self.image.precision().bits()];
        payload.extend(side(self.image.height()));
        payload.extend(side(self.image.width()));
        payload.push(low_byte(self.image.components().len()));
        for (component, &destination) in self.image.components().iter().zip(destinations) {
            let sampling = component.sampling();
            payload.extend([
                component.id(),
                sampling.horizontal() << 4 | sampling.vertical(),
                destination,
            ]);
        }
        self.segment(code, &payload)
    }

    /// One interleaved scan, or one for each component where an MCU would be too large (T.81 B.2.3).
    fn scans(&mut self) -> Result<()> {
        let components = self.image.components();
        let blocks: u8 = components
            .iter()
            .map(|component| component.sampling().blocks_per_mcu())
            .sum();
        let all: Vec<usize> = (0..components.len()).collect();
        let scans: Vec<&[usize]> = if components.len() > 1 && blocks <= MAX_BLOCKS_PER_MCU {
            vec![&all]
        } else {
            all.chunks(1).collect()
        };
        let mut sent = [false; 2];
        let mut interval_in_force = 0;
        for indices in scans {
            let scan = Scan::new(self.image, indices, self.options.out_of_range);
            let mcu_row = scan.mcus().0;
            let interval = match self.options.restart_interval {
                RestartInterval::Never => 0,
                RestartInterval::Keep => self.image.restart_interval(),
                RestartInterval::Mcus(mcus) => mcus.get(),
                RestartInterval::McuRows(rows) => {
                    // A row is at most 8192 MCUs.
                    let rows = u32::from(rows.get()).min(u32::from(u16::MAX) / mcu_row);
                    u16::try_from(rows * mcu_row).unwrap_or(u16::MAX)
                }
            };
            let pairs: Vec<TablePair> = indices
                .iter()
                .map(|&index| table_pair(self.image.color_space(), index))
                .collect();
            let specs = match self.options.huffman_tables {
                HuffmanTables::Standard => [false, true].map(|chrominance| {
                    (
                        HuffmanSpec::standard_dc(chrominance),
                        HuffmanSpec::standard_ac(chrominance),
                    )
                }),
                HuffmanTables::Optimized => {
                    sent = [false; 2];
                    scan.optimal_tables(&pairs, interval)?
                }
            };
            for &pair in &pairs {
                let destination = pair as usize;
                if !std::mem::replace(&mut sent[destination], true) {
                    self.huffman_table(0, pair, &specs[destination].0)?;
                    self.huffman_table(1, pair, &specs[destination].1)?;
                }
            }
            if interval != interval_in_force {
                self.segment(marker::DRI, &interval.to_be_bytes())?;
                interval_in_force = interval;
            }
            self.scan_header(indices, &pairs)?;
            let bytes = std::mem::take(&mut self.bytes);
            let (bytes, clamped) = scan.write(bytes, &pairs, &specs, interval)?;
            self.bytes = bytes;
            self.clamped += clamped;
        }
        Ok(())
    }

    fn huffman_table(&mut self, class: u8, pair: TablePair, spec: &HuffmanSpec) -> Result<()> {
        let mut payload = vec![class << 4 | pair as u8];
        payload.extend(spec.counts());
        payload.extend(spec.symbols());
        self.segment(marker::DHT, &payload)
    }

    fn scan_header(&mut self, indices: &[usize], pairs: &[TablePair]) -> Result<()> {
        let mut payload = vec![low_byte(indices.len())];
        for (&index, &pair) in indices.iter().zip(pairs) {
            let destination = pair as u8;
            payload.extend([
                self.image.components()[index].id(),
                destination << 4 | destination,
            ]);
        }
        payload.extend([0, 63, 0]);
        self.segment(marker::SOS, &payload)
    }

    fn segment(&mut self, code: u8, payload: &[u8]) -> Result<()> {
        let length = u16::try_from(payload.len() + 2).map_err(|_| {
            Error::from(ArgumentError::SegmentTooLong {
                bytes: payload.len(),
            })
        })?;
        self.bytes.extend_from_slice(&[0xFF, code]);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(payload);
        Ok(())
    }
}

/// libjpeg's choice: the second pair of tables serves colour differences.
fn table_pair(color: ColorSpace, component: usize) -> TablePair {
    match (color, component) {
        (ColorSpace::YCbCr | ColorSpace::Ycck, 1 | 2) => TablePair::Second,
        _ => TablePair::First,
    }
}

/// Whether a segment can stay beside components of this colour space without contradicting it.
fn tells_no_other(segment: &MetadataSegment, color: ColorSpace) -> bool {
    match (segment.kind(), color) {
        (MetadataKind::Jfif | MetadataKind::Jfxx, ColorSpace::Grey | ColorSpace::YCbCr) => true,
        (MetadataKind::Jfif | MetadataKind::Jfxx, _) => false,
        (MetadataKind::Adobe, ColorSpace::Rgb | ColorSpace::Cmyk) => {
            segment.adobe_transform() == Some(0)
        }
        (MetadataKind::Adobe, ColorSpace::YCbCr | ColorSpace::Ycck) => {
            segment.adobe_transform() != Some(0)
        }
        _ => true,
    }
}

/// The segment that tells a colour space: JFIF 1.01 without density, or Adobe's.
const fn colour_marker(color: ColorSpace) -> Option<(u8, &'static [u8])> {
    match color {
        ColorSpace::Grey | ColorSpace::YCbCr => {
            Some((marker::APP0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"))
        }
        ColorSpace::Rgb | ColorSpace::Cmyk => Some((marker::APP0 + 14, b"Adobe\0\x64\0\0\0\0\0")),
        ColorSpace::Ycck => Some((marker::APP0 + 14, b"Adobe\0\x64\0\0\0\0\x02")),
        ColorSpace::Unknown => None,
    }
}

/// For counts and steps that are known to be below 256.
fn low_byte(value: usize) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}
