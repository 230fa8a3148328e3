//! What a caller can pass that cannot work.

use thiserror::Error;

use super::{CertificateVoid, ScriptFault};

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
    /// Samples of another precision than the operation takes.
    #[error("samples of {bits} bits; pixels are of 8 bits")]
    Precision {
        /// Bits a sample.
        bits: u8,
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
    /// Settings of a search for tables that do not fit together, or the state of another search.
    #[error("{0}")]
    Search(&'static str),
    /// A JPEG that this profile did not make.
    #[error(
        "the JPEG was not made by this profile: its {what} differ; the two-pass guarantee would be void (use `ProfileCheck::Skip` to go on all the same)"
    )]
    ProfileMismatch {
        /// What differs.
        what: &'static str,
    },
    /// A certificate that says nothing about what it was asked.
    #[error("the certificate is void: {0}")]
    CertificateVoid(#[from] CertificateVoid),
    /// A rectangle that is not one of the image's.
    #[error(
        "rectangle of {width}x{height} pixels at ({x}, {y}) in an image of {image_width}x{image_height} {reason}"
    )]
    Rectangle {
        /// First column.
        x: u32,
        /// First row.
        y: u32,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Width of the image.
        image_width: u32,
        /// Height of the image.
        image_height: u32,
        /// What is wrong.
        reason: &'static str,
    },
    /// A position or size that would have to be a multiple of the MCU's.
    #[error("{what} is {pixels}, no multiple of the MCU's {mcu} pixels")]
    McuGrid {
        /// What was measured.
        what: &'static str,
        /// Its position or size in pixels.
        pixels: u32,
        /// Size of an MCU in that direction.
        mcu: u32,
    },
    /// An image without a component that is its luminance.
    #[error("no luminance to extract: {0}")]
    NoLuminance(&'static str),
    /// An image that cannot be inserted into another.
    #[error("the images differ in {what}")]
    IncompatibleImages {
        /// The property that differs.
        what: &'static str,
    },
    /// A metadata segment that does not fit a marker segment.
    #[error("metadata segment of {bytes} bytes; a marker segment holds 65533")]
    SegmentTooLong {
        /// Length of the payload.
        bytes: usize,
    },
    /// Something that baseline coding does not have.
    #[error(
        "baseline coding has no {feature}; use `Process::ExtendedSequential`, `Progressive` or `Automatic`"
    )]
    BeyondBaseline {
        /// What was asked for.
        feature: &'static str,
    },
    /// A scan that T.81 does not have.
    #[error("no scan: {reason} (T.81 B.2.3)")]
    Scan {
        /// The rule that is broken.
        reason: &'static str,
    },
    /// Scans that cannot code this image.
    #[error("scan script: {0}")]
    ScanScript(#[from] ScriptFault),
    /// An abbreviated format, whose tables stand once and before the scans, where the scans need
    /// different tables at one destination.
    #[error(
        "the scans need different {class} tables at destination {destination}, which the abbreviated formats cannot define twice"
    )]
    TableRedefined {
        /// What the tables are for.
        class: &'static str,
        /// The destination.
        destination: u8,
    },
}

impl ArgumentError {
    /// Takes a number that may be zero, but neither negative nor infinite nor not a number.
    pub(crate) fn check_not_negative(what: &'static str, value: f64) -> Result<(), Self> {
        if value.is_finite() && value >= 0.0 {
            Ok(())
        } else {
            Err(Self::Number { what, value })
        }
    }
}
