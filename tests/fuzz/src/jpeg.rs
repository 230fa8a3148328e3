//! What the targets that start from a JPEG file share.

use feature_distillation::{CoefficientImage, DecodeOptions, Limits};

/// Bytes that a decode may hold beyond its memory limit, whatever the file: tables and headers.
///
/// A segment of 64 KiB full of empty Huffman tables, parsed before any is kept, takes 300 KiB; the
/// list of 4096 metadata segments 200 KiB, growth by doubling included; a scan's tables 64 KiB.
pub const UNCHARGED: u64 = 640 << 10;

/// Limits that keep an execution short: `pixels`, and enough memory for one component of so many.
#[must_use]
pub const fn limits(pixels: u64) -> Limits {
    Limits::new()
        .with_max_pixels(pixels)
        .with_max_memory(2 * pixels + (64 << 10))
        .with_max_segments(512)
        .with_max_metadata(32 << 10)
        .with_max_block_visits_per_block(32)
}

/// Decodes within [`limits`]; `None` for a file that is refused.
#[must_use]
pub fn decode(bytes: &[u8], pixels: u64) -> Option<CoefficientImage> {
    // A component of an odd sampling factor can have more blocks than the pixels suggest.
    let limits = limits(pixels).with_max_memory(64 << 20);
    CoefficientImage::decode_with(bytes, &DecodeOptions::new().with_limits(limits)).ok()
}

/// The last bytes of an input, for what a target draws besides the file.
///
/// A decoder ignores what stands behind the end of an image, so a plain JPEG file is a seed and the
/// fuzzer can change one without the other.
#[must_use]
pub fn tail(input: &[u8], length: usize) -> &[u8] {
    &input[input.len().saturating_sub(length)..]
}
