//! How an image is written.

use std::num::NonZeroU16;

use crate::coefficients::{CodingProcess, CoefficientImage, EntropyCoding};

use super::script::ScanScript;

/// How an image is written.
///
/// ```
/// use feature_distillation::{EncodeOptions, HuffmanTables, MetadataPolicy};
/// let options = EncodeOptions::new()
///     .with_huffman_tables(HuffmanTables::Optimized)
///     .with_metadata(MetadataPolicy::IccOnly);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EncodeOptions {
    pub(super) process: Process,
    pub(super) entropy_coding: EntropyCoding,
    pub(super) scans: Option<ScanScript>,
    pub(super) huffman_tables: HuffmanTables,
    pub(super) restart_interval: RestartInterval,
    pub(super) metadata: MetadataPolicy,
    pub(super) out_of_range: OutOfRange,
    pub(super) format: StreamFormat,
}

impl EncodeOptions {
    /// Baseline where the image allows it, standard Huffman tables, no restart markers, all metadata.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// As the file was that the image was read from: its process, entropy coding, scans and restart
    /// interval, all metadata and trailing data, and Huffman tables optimized for each scan.
    ///
    /// What changed within the file is not all kept: every scan gets the last restart interval, and
    /// arithmetic coding the conditioning of the start of a file.
    ///
    /// Reading what is written so gives the image back, its [`scans`](CoefficientImage::scans) included.
    /// The scans are the usual ones of the process for an image that no file was read for, and where those
    /// of the file cannot code the image as it is now. A baseline file with steps above 255, which T.81
    /// does not have, is written as extended sequential.
    ///
    /// ```
    /// use feature_distillation::{CoefficientImage, EncodeOptions, Process};
    /// # use feature_distillation::{ColorSpace, QuantizationTable, SamplingFactor};
    /// # let table = QuantizationTable::uniform(1)?.into();
    /// # let file = CoefficientImage::new(16, 16, ColorSpace::Grey, &[SamplingFactor::ONE], &table)?
    /// #     .encode_with(&EncodeOptions::new().with_process(Process::Progressive))?.bytes;
    /// let mut image = CoefficientImage::decode(&file)?;
    /// assert_eq!(image.encode_with(&EncodeOptions::as_read(&image))?.bytes, file);
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    #[must_use]
    pub fn as_read(image: &CoefficientImage) -> Self {
        let script = ScanScript::new(image.scans().to_vec());
        let progressive = image.process() == CodingProcess::Progressive;
        Self {
            process: match image.process() {
                CodingProcess::Baseline => Process::Automatic,
                CodingProcess::ExtendedSequential => Process::ExtendedSequential,
                CodingProcess::Progressive => Process::Progressive,
            },
            entropy_coding: image.entropy_coding(),
            scans: script.check(image, progressive).is_ok().then_some(script),
            huffman_tables: HuffmanTables::Optimized,
            restart_interval: RestartInterval::Keep,
            ..Self::default()
        }
    }

    /// Chooses the coding process.
    #[must_use]
    pub const fn with_process(mut self, process: Process) -> Self {
        self.process = process;
        self
    }

    /// Chooses how symbols become bits. Arithmetic coding is extended sequential (SOF9) or progressive
    /// (SOF10), and needs no tables.
    #[must_use]
    pub const fn with_entropy_coding(mut self, coding: EntropyCoding) -> Self {
        self.entropy_coding = coding;
        self
    }

    /// Chooses the scans; without, they are [`ScanScript::interleaved`] or [`ScanScript::progression`].
    #[must_use]
    pub fn with_scans(mut self, script: ScanScript) -> Self {
        self.scans = Some(script);
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

    /// Chooses whether tables and image stand in one stream.
    #[must_use]
    pub const fn with_format(mut self, format: StreamFormat) -> Self {
        self.format = format;
        self
    }
}

/// The coding process to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Process {
    /// Progressive where the [`ScanScript`] is; else baseline, or extended sequential where a step is
    /// above 255, samples have 12 bits or the coding is arithmetic.
    #[default]
    Automatic,
    /// Baseline (SOF0); what it does not have is an error.
    Baseline,
    /// Extended sequential (SOF1, SOF9).
    ExtendedSequential,
    /// Progressive (SOF2, SOF10), of at most four components.
    Progressive,
}

/// The Huffman tables to write with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum HuffmanTables {
    /// The example tables of T.81 K.3: nothing is kept.
    ///
    /// They lack the symbols of progressive scans and of 12-bit samples: there, tables are optimized.
    #[default]
    Standard,
    /// Tables made for each scan by T.81 K.2: smaller files.
    ///
    /// What the scan sends is kept meanwhile, in 4 bytes for a symbol. Where that came to more bytes than
    /// the coefficients of the scan's components have, those are visited again instead.
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
    /// All segments, in their order, except JFIF and Adobe segments that contradict the colour space;
    /// and the image's [`trailing_data`](CoefficientImage::trailing_data) at the end.
    #[default]
    Keep,
    /// The ICC profile alone.
    IccOnly,
    /// None.
    Strip,
}

/// What happens to a coefficient that the coding cannot carry.
///
/// | coding | AC | DC difference | |
/// |---|---|---|---|
/// | Huffman, 8-bit samples | ±1023 | ±2047 | T.81 tables F.1, F.2 |
/// | Huffman, 12-bit samples | ±16383 | ±32767 | T.81 tables F.6, F.7 |
/// | arithmetic | ±32767 | ±32767 | T.81 F.1.4 |
///
/// In a progressive file the bounds hold for what is left without the lowest bits that the first scan
/// of a band leaves for later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OutOfRange {
    /// [`Error::CoefficientOutOfRange`](crate::Error::CoefficientOutOfRange).
    #[default]
    Error,
    /// The nearest value that can be carried is written, and counted in
    /// [`Encoded::clamped`](crate::Encoded::clamped).
    Clamp,
}

/// Whether tables and image stand in one stream (T.81 B.2, B.4, B.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum StreamFormat {
    /// A whole file.
    #[default]
    Interchange,
    /// An image without quantization and Huffman tables, to be read with those of a
    /// [`TableSpecification`](Self::TableSpecification) that was written with the same other options.
    AbbreviatedImage,
    /// The quantization and Huffman tables alone, no image.
    TableSpecification,
}
