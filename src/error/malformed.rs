//! The rules of ITU-T T.81 that a file can break.

use thiserror::Error;

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
    /// Neither the frame header nor a DNL segment after the first scan gives the number of lines.
    #[error("image height is 0 and no DNL segment follows the first scan (T.81 B.2.5)")]
    MissingLines,
    /// A DNL segment that stands elsewhere than after the first scan, or contradicts the frame header.
    #[error(
        "DNL segment of {lines} lines is out of place or contradicts the frame header (T.81 B.2.5)"
    )]
    NumberOfLines {
        /// Number of lines in the segment.
        lines: u16,
    },
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
    /// A conditioning table class other than DC or AC.
    #[error("arithmetic conditioning class {class} (T.81 B.2.4.3 allows 0 and 1)")]
    ConditioningClass {
        /// The value found.
        class: u8,
    },
    /// A conditioning value that its class does not have.
    #[error(
        "arithmetic conditioning value {value:#04x} of class {class} (T.81 B.2.4.3 allows L <= U for DC, 1 to 63 for AC)"
    )]
    ConditioningValue {
        /// Table class, 0 for DC and 1 for AC.
        class: u8,
        /// The value found.
        value: u8,
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
    /// An arithmetic-coded magnitude of more bits than a coefficient has.
    #[error("arithmetic-coded magnitude of more than 16 bits (T.81 F.1.4.1, F.1.4.2)")]
    ArithmeticMagnitude,
    /// An arithmetic-coded run of zero coefficients past the end of the band or of the block.
    #[error(
        "arithmetic-coded run past zig-zag index 63 or the scan's last (T.81 F.2.4.2, G.2.3.2)"
    )]
    ArithmeticRun,
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
}
