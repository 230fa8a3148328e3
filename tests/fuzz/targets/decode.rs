//! Any bytes: a typed error or an image, within the limits, the same at every try and from a stream.
#![no_main]

use std::io::Read;

use feature_distillation::{CoefficientImage, DecodeOptions, Limits};
use feature_distillation_fuzz::allocation::{Counting, peak_of};
use feature_distillation_fuzz::jpeg::{UNCHARGED, limits};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fuzz_target!(|input: &[u8]| {
    let limits = limits(1 << 20);
    let options = DecodeOptions::new().with_limits(limits);
    let (image, peak) = peak_of(|| CoefficientImage::decode_with(input, &options));
    assert!(
        peak <= limits.max_memory() + UNCHARGED,
        "{peak} bytes were held under a limit of {}",
        limits.max_memory()
    );
    let again = CoefficientImage::decode_with(input, &options);
    assert_eq!(summary(&image), summary(&again), "the second try differs");
    let streamed = CoefficientImage::read_with(Trickle(input), &options);
    assert_eq!(summary(&image), summary(&streamed), "the stream differs");
    if let Ok(image) = image {
        // What the limits allow is what no limits give.
        let unlimited = DecodeOptions::new().with_limits(Limits::none());
        let free = CoefficientImage::decode_with(input, &unlimited);
        assert_eq!(Ok(&image), free.as_ref().map_err(|_| ()));
    }
});

/// The image, or the error's text, which tells kind and position.
fn summary(
    image: &Result<CoefficientImage, feature_distillation::Error>,
) -> Result<&CoefficientImage, String> {
    image.as_ref().map_err(ToString::to_string)
}

/// A stream that never gives more than seven bytes at a time.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(7);
        self.0.read(&mut buffer[..count])
    }
}
