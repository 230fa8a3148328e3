//! What can go wrong, sorted by who has to act on it.

use std::io;

use thiserror::Error;

use crate::band::Band;

/// The result of every fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error, by culprit: the file, this crate, the limits in force, the caller, the machine.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file breaks a rule of ITU-T T.81: ask for another file.
    #[error("malformed JPEG at byte {offset}: {kind}")]
    Malformed {
        /// Position in the input of the byte that breaks the rule.
        offset: u64,
        /// Which rule is broken.
        kind: Malformed,
    },
    /// The file ends before the image is complete: the transfer was cut short.
    #[error(
        "the JPEG ends at byte {offset}, before the image is complete; fetch the rest of the file"
    )]
    UnexpectedEnd {
        /// Length of the input.
        offset: u64,
    },
    /// The file is legal, but this version of the crate does not implement what it uses.
    #[error("unsupported JPEG feature at byte {offset}: {feature}")]
    Unsupported {
        /// Position in the input of the marker that asks for the feature.
        offset: u64,
        /// What is not implemented.
        feature: UnsupportedFeature,
    },
    /// The file costs more than the caller's [`Limits`](crate::Limits) allow.
    #[error(
        "{limit} limit exceeded: {required} required, {allowed} allowed; raise it in `Limits` if the source is trusted"
    )]
    LimitExceeded {
        /// Which limit.
        limit: LimitKind,
        /// What the file would need.
        required: u64,
        /// What the limit allows.
        allowed: u64,
    },
    /// The caller passed something that cannot work.
    #[error("invalid argument: {0}")]
    InvalidArgument(#[from] ArgumentError),
    /// A coefficient does not fit the coding process asked for.
    #[error(
        "component {component}, block ({block_x}, {block_y}), band {band}: {value} is outside ±{bound}, all that the coding can carry; quantize with a larger step or choose `OutOfRange::Clamp`"
    )]
    CoefficientOutOfRange {
        /// Index of the component in frame order.
        component: usize,
        /// Column of the block.
        block_x: u32,
        /// Row of the block.
        block_y: u32,
        /// The band; for DC, `value` is the difference to the previous block.
        band: Band,
        /// The value that cannot be coded.
        value: i32,
        /// The largest magnitude that can.
        bound: i32,
    },
    /// The allocator refused.
    #[error("out of memory: {bytes} bytes could not be allocated")]
    OutOfMemory {
        /// Size of the request.
        bytes: u64,
    },
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The rule of ITU-T T.81 that a file breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The first two bytes are not SOI.
    #[error("no SOI marker at the start; this is not a JPEG file (T.81 B.2.1)")]
    MissingStartOfImage,
    /// Something other than a marker stands where a marker must.
    #[error("expected a marker, found byte {found:#04x} (T.81 B.1.1.2)")]
    ExpectedMarker {
        /// The byte found.
        found: u8,
    },
    /// A marker that may not stand here.
    #[error("marker {marker:#04x} may not stand here (T.81 B.2.1)")]
    UnexpectedMarker {
        /// Second byte of the marker.
        marker: u8,
    },
    /// A segment's length does not fit its content.
    #[error(
        "segment of marker {marker:#04x} has a length of {length}, which does not fit its content (T.81 B.1.1.4)"
    )]
    SegmentLength {
        /// Second byte of the marker.
        marker: u8,
        /// The length field.
        length: u16,
    },
    /// A second frame header in a non-hierarchical file.
    #[error("second frame header (T.81 B.2.1 allows one)")]
    SecondFrame,
    /// A scan header before the frame header.
    #[error("scan before the frame header (T.81 B.2.1)")]
    ScanBeforeFrame,
    /// End of image before any frame header.
    #[error("the image ends before a frame header (T.81 B.2.1)")]
    NoFrame,
    /// Image width of zero.
    #[error("image width is 0 (T.81 B.2.2)")]
    ZeroWidth,
    /// A sample precision that the process does not have.
    #[error("sample precision of {precision} bits (T.81 B.2.2 allows 8, and 12 outside baseline)")]
    Precision {
        /// Bits a sample.
        precision: u8,
    },
    /// A number of components that the frame may not have.
    #[error("{count} components (T.81 B.2.2 allows 1 to 255, and 1 to 4 in progressive frames)")]
    ComponentCount {
        /// The number found.
        count: u8,
    },
    /// Two components with one identifier.
    #[error("component identifier {id} occurs twice (T.81 B.2.2)")]
    DuplicateComponent {
        /// The identifier.
        id: u8,
    },
    /// A sampling factor outside 1..=4.
    #[error("sampling factors {horizontal}x{vertical} (T.81 B.2.2 allows 1 to 4)")]
    SamplingFactor {
        /// Horizontal factor found.
        horizontal: u8,
        /// Vertical factor found.
        vertical: u8,
    },
    /// A table destination that does not exist.
    #[error(
        "table destination {destination} (T.81 B.2.4 allows 0 to 3, and Huffman tables of baseline 0 to 1)"
    )]
    TableDestination {
        /// The destination found.
        destination: u8,
    },
    /// A quantization table precision other than 0 or 1.
    #[error("quantization table precision {precision} (T.81 B.2.4.1 allows 0 and 1)")]
    TablePrecision {
        /// The value found.
        precision: u8,
    },
    /// A quantization step of zero.
    #[error("quantization step 0 at zig-zag index {index} (T.81 B.2.4.1)")]
    ZeroStep {
        /// Zig-zag index of the step.
        index: u8,
    },
    /// A component's quantization table was never defined.
    #[error("quantization table {destination} is used but not defined (T.81 B.2.4.1)")]
    MissingQuantizationTable {
        /// The destination.
        destination: u8,
    },
    /// A Huffman table class other than DC or AC.
    #[error("Huffman table class {class} (T.81 B.2.4.2 allows 0 and 1)")]
    HuffmanClass {
        /// The value found.
        class: u8,
    },
    /// More codes than a prefix code of these lengths can have, or more than 256.
    #[error("Huffman code lengths do not form a prefix code (T.81 C.2)")]
    HuffmanCode,
    /// A symbol that a DC table cannot hold.
    #[error("symbol {symbol:#04x} in a DC Huffman table (T.81 F.1.2.1)")]
    HuffmanSymbol {
        /// The symbol.
        symbol: u8,
    },
    /// Coded data uses a symbol that the process does not have.
    #[error("a Huffman symbol that the process does not have (T.81 F.1.2, G.1.2)")]
    IllegalSymbol,
    /// A scan uses a Huffman table that was never defined.
    #[error("Huffman table {destination} is used but not defined (T.81 B.2.4.2)")]
    MissingHuffmanTable {
        /// The destination.
        destination: u8,
    },
    /// A number of scan components outside 1..=4.
    #[error("scan of {count} components (T.81 B.2.3 allows 1 to 4)")]
    ScanComponentCount {
        /// The number found.
        count: u8,
    },
    /// A scan names a component that the frame lacks, names it twice, or out of frame order.
    #[error("scan component {id} is unknown, repeated or out of frame order (T.81 B.2.3)")]
    ScanComponent {
        /// The identifier.
        id: u8,
    },
    /// An interleaved MCU of more than ten blocks.
    #[error("an MCU of {blocks} blocks (T.81 B.2.3 allows 10)")]
    McuTooLarge {
        /// Blocks in the MCU.
        blocks: u8,
    },
    /// Spectral selection or successive approximation that the process forbids.
    #[error(
        "spectral selection {start}..={end}, successive approximation {high}/{low} (T.81 B.2.3, G.1.1.1)"
    )]
    ScanParameters {
        /// First zig-zag index (Ss).
        start: u8,
        /// Last zig-zag index (Se).
        end: u8,
        /// Successive approximation bit position, high (Ah).
        high: u8,
        /// Successive approximation bit position, low (Al).
        low: u8,
    },
    /// A progressive scan that repeats or refines bits out of turn.
    #[error(
        "progressive scan sends zig-zag index {index} of component {id} out of turn (T.81 G.1.1.1)"
    )]
    ProgressionOrder {
        /// Identifier of the component.
        id: u8,
        /// Zig-zag index.
        index: u8,
    },
    /// A sequential scan of a component that an earlier scan has coded.
    #[error("component {id} is coded by a second scan (T.81 B.2.3)")]
    ComponentCodedTwice {
        /// Identifier of the component.
        id: u8,
    },
    /// The file ends without a scan of this component.
    #[error("no scan codes component {id} (T.81 B.2.2)")]
    ComponentNotCoded {
        /// Identifier of the component.
        id: u8,
    },
    /// A bit pattern that is no code of the Huffman table.
    #[error("bits that are no Huffman code of the table in use (T.81 F.2.2.3)")]
    UnknownCode,
    /// A run of zero coefficients past the end of the band or of the block.
    #[error("coefficient run past zig-zag index 63 or the scan's last (T.81 F.2.2.2)")]
    RunPastBlock,
    /// An end-of-band run longer than the scan.
    #[error("end-of-band run past the last block of the scan (T.81 G.1.2.2)")]
    EndOfBandRun,
    /// DC prediction left the range of a coefficient.
    #[error("DC coefficient {value} outside the range of the process (T.81 F.1.2.1)")]
    DcRange {
        /// The value.
        value: i32,
    },
    /// A coefficient left the range of its type.
    #[error("AC coefficient {value} outside the range of the process (T.81 F.1.2.2)")]
    CoefficientRange {
        /// The value.
        value: i32,
    },
    /// A coefficient that turns nonzero in a refinement scan with a magnitude other than 1.
    #[error("newly nonzero coefficient of more than one bit in a refinement scan (T.81 G.1.2.3)")]
    RefinementSize,
    /// Entropy-coded data runs out inside a scan.
    #[error("marker {marker:#04x} before the scan is complete (T.81 E.2.4)")]
    ScanCutShort {
        /// Second byte of the marker found.
        marker: u8,
    },
    /// A restart marker is missing or out of order.
    #[error("expected RST{expected}, found marker {found:#04x} (T.81 E.2.4)")]
    RestartMarker {
        /// Number expected, 0..=7.
        expected: u8,
        /// Second byte of the marker found.
        found: u8,
    },
    /// Entropy-coded data left over after the last block.
    #[error(
        "{bytes} bytes of entropy-coded data left over after the last block of the interval (T.81 E.2.4)"
    )]
    LeftoverData {
        /// Bytes that no block used.
        bytes: u64,
    },
    /// Too few bytes for the blocks that the headers announce.
    #[error(
        "{available} bytes cannot hold the {blocks} blocks of this scan (T.81 F.1.2: each takes 2 bits or more, 1 in a progressive DC scan)"
    )]
    TooShortForBlocks {
        /// Bytes left in the file.
        available: u64,
        /// Blocks of the scan.
        blocks: u64,
    },
}

/// A legal feature of T.81 that this version does not implement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnsupportedFeature {
    /// Arithmetic coding (SOF9, SOF10, SOF11, SOF13..=SOF15, DAC).
    #[error("arithmetic coding")]
    ArithmeticCoding,
    /// Samples of 12 bits.
    #[error("12-bit samples")]
    TwelveBitSamples,
    /// The lossless process (SOF3).
    #[error("the lossless process")]
    Lossless,
    /// The hierarchical processes (SOF5..=SOF7, DHP, EXP).
    #[error("the hierarchical processes")]
    Hierarchical,
    /// The number of lines given after the first scan (DNL).
    #[error("image height given by DNL")]
    DefineNumberOfLines,
    /// More than four components.
    #[error("{count} components")]
    ComponentCount {
        /// Components of the frame.
        count: u8,
    },
}

/// The limit that a file ran into; each is a field of [`Limits`](crate::Limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum LimitKind {
    /// Width times height.
    #[error("pixel")]
    Pixels,
    /// Bytes allocated at a time.
    #[error("memory")]
    Memory,
    /// Scans in the file.
    #[error("scan")]
    Scans,
    /// Blocks coded, added up over all scans.
    #[error("block visit")]
    BlockVisits,
    /// Marker segments in the file.
    #[error("segment")]
    Segments,
    /// Bytes of application and comment segments.
    #[error("metadata")]
    Metadata,
    /// Bytes read from a stream.
    #[error("input")]
    InputBytes,
}

/// What is wrong with an argument.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// A width or height of zero or above 65535.
    #[error("image of {width}x{height} pixels; both sides must be 1 to 65535")]
    ImageSize {
        /// Width in pixels.
        width: u64,
        /// Height in pixels.
        height: u64,
    },
    /// A slice that is too short for the picture it should hold.
    #[error("buffer of {actual} samples, {required} needed")]
    BufferTooSmall {
        /// Samples needed.
        required: u64,
        /// Samples given.
        actual: u64,
    },
    /// An array axis of the wrong length.
    #[error("{what} is {actual}, expected {expected}")]
    Shape {
        /// What was measured.
        what: &'static str,
        /// What it should be.
        expected: u64,
        /// What it is.
        actual: u64,
    },
    /// Pixels of this format cannot come from, or go to, components of this colour space.
    #[error("no conversion between {color_space} components and {format} pixels")]
    PixelFormat {
        /// Colour space of the components.
        color_space: &'static str,
        /// Format asked for or given, or "any" where the colour space has none of its own.
        format: &'static str,
    },
    /// A number of components outside what the operation takes.
    #[error("{actual} components, expected {expected}")]
    Components {
        /// What would work, in words.
        expected: &'static str,
        /// The number given.
        actual: usize,
    },
    /// A sampling factor outside 1..=4.
    #[error("sampling factors {horizontal}x{vertical}; each must be 1 to 4")]
    SamplingFactor {
        /// Horizontal factor.
        horizontal: u8,
        /// Vertical factor.
        vertical: u8,
    },
    /// A quantization step outside 1..=65535.
    #[error("quantization step {step}; steps are 1 to 65535")]
    Step {
        /// The step.
        step: u64,
    },
    /// A quantization step above 255 where baseline coding is demanded.
    #[error(
        "quantization step {step} of component {component} is above 255, which baseline cannot carry; use `Process::ExtendedSequential` or `Process::Automatic`"
    )]
    StepAboveBaseline {
        /// Index of the component.
        component: usize,
        /// The step.
        step: u16,
    },
    /// Text that is not a quantization table.
    #[error("line {line}: {reason}")]
    TableText {
        /// Line of the text, from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// An IJG quality outside 1..=100.
    #[error("quality {quality}; the IJG scale runs from 1 to 100")]
    Quality {
        /// The value.
        quality: u8,
    },
    /// Statistics over no block at all.
    #[error("no blocks were counted; calibrate on at least one image")]
    EmptyStatistics,
    /// Statistics that count different things.
    #[error("statistics differ in {what} and cannot be merged")]
    IncompatibleStatistics {
        /// The property that differs.
        what: &'static str,
    },
    /// More accuracy-sensitive bands than there are bands.
    #[error("{count} accuracy-sensitive bands; there are 64 bands")]
    BandCount {
        /// The number asked for.
        count: usize,
    },
    /// A number that is negative, infinite or not a number where it may not be.
    #[error("{what} is {value}")]
    Number {
        /// What the number is.
        what: &'static str,
        /// The value.
        value: f64,
    },
    /// A sample outside the range that the caller declared.
    #[error("sample {value} at index {index} is outside [0, 1]")]
    SampleRange {
        /// Index of the sample.
        index: usize,
        /// The value.
        value: f32,
    },
    /// Distiller settings that do not fit together.
    #[error("{0}")]
    Distiller(&'static str),
    /// A JPEG that this profile did not make.
    #[error(
        "the JPEG was not made by this profile: its {what} differ; the two-pass guarantee would be void (use `ProfileCheck::Skip` to go on all the same)"
    )]
    ProfileMismatch {
        /// What differs.
        what: &'static str,
    },
    /// A metadata segment that does not fit a marker segment.
    #[error("metadata segment of {bytes} bytes; a marker segment holds 65533")]
    SegmentTooLong {
        /// Length of the payload.
        bytes: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_stays_small_enough_to_return_by_value() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    }

    #[test]
    fn errors_cross_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Error>();
    }
}
