//! What the targets that start from a JPEG file share.

use feature_distillation::{
    CoefficientImage, Component, DecodeOptions, Limits, TableSpecification,
};

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

/// Decodes within [`limits`], with the data behind the image; `None` for a file that is refused.
#[must_use]
pub fn decode(bytes: &[u8], pixels: u64) -> Option<CoefficientImage> {
    // A component of an odd sampling factor can have more blocks than the pixels suggest.
    let limits = limits(pixels).with_max_memory(64 << 20);
    let options = DecodeOptions::new()
        .with_limits(limits)
        .with_trailing_data(true);
    CoefficientImage::decode_with(bytes, &options).ok()
}

/// An image within [`limits`] of a file, which may be damaged; with the data behind it.
#[must_use]
pub fn decode_or_recover(bytes: &[u8], pixels: u64) -> Option<CoefficientImage> {
    let limits = limits(pixels).with_max_memory(64 << 20);
    let options = DecodeOptions::new()
        .with_limits(limits)
        .with_trailing_data(true);
    match CoefficientImage::decode_with(bytes, &options) {
        Ok(image) => Some(image),
        Err(_) => Some(CoefficientImage::recover_with(bytes, &options).ok()?.image),
    }
}

/// Whether components share an identifier: writing numbers them where scans could not tell them apart.
#[must_use]
pub fn shares_ids(image: &CoefficientImage) -> bool {
    let mut ids: Vec<u8> = image.components().iter().map(Component::id).collect();
    ids.sort_unstable();
    ids.windows(2).any(|pair| pair[0] == pair[1])
}

/// Checks that what was read is what was written.
///
/// # Panics
///
/// If a component differs, be it in its identifier where none is shared.
pub fn assert_same_components(read: &CoefficientImage, written: &CoefficientImage) {
    if !shares_ids(written) {
        assert_eq!(read.components(), written.components());
    }
    assert_eq!(read.components().len(), written.components().len());
    for (read, written) in read.components().iter().zip(written.components()) {
        assert_eq!(read.sampling(), written.sampling());
        assert_eq!(read.quantization_table(), written.quantization_table());
        assert!(read.blocks() == written.blocks());
    }
}

/// A stream of tables, and what stands behind it.
///
/// # Panics
///
/// If the input does not begin with such a stream.
#[must_use]
pub fn split_tables(input: &[u8]) -> (&[u8], &[u8]) {
    let ends = (2..=input.len()).filter(|&end| input[..end].ends_with(&[0xFF, 0xD9]));
    let whole = ends.map(|end| input.split_at(end));
    let mut whole = whole.filter(|(tables, _)| TableSpecification::decode(tables).is_ok());
    whole.next().expect("a stream of tables")
}

/// The last bytes of an input, for what a target draws besides the file.
///
/// A decoder ignores what stands behind the end of an image, so a plain JPEG file is a seed and the
/// fuzzer can change one without the other.
#[must_use]
pub fn tail(input: &[u8], length: usize) -> &[u8] {
    &input[input.len().saturating_sub(length)..]
}
