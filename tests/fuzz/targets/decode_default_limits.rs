//! Any bytes under the limits that are on by default: memory and time stay bounded.
#![no_main]

use feature_distillation::{CoefficientImage, EntropyCoding, Limits};
use feature_distillation_fuzz::allocation::{Counting, peak_of};
use feature_distillation_fuzz::jpeg::UNCHARGED;
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fuzz_target!(|input: &[u8]| {
    let (image, peak) = peak_of(|| CoefficientImage::decode(input));
    let allowed = Limits::default().max_memory();
    assert!(peak <= allowed + UNCHARGED, "{peak} bytes were held");
    if let Ok(image) = image {
        let blocks: usize = image
            .components()
            .iter()
            .map(|component| component.blocks().len())
            .sum();
        // A block of Huffman codes costs a bit of input or more, so few bytes never make a large image.
        assert!(
            image.entropy_coding() == EntropyCoding::Arithmetic || blocks <= 8 * input.len(),
            "{blocks} blocks"
        );
    }
});
