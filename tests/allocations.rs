//! The promise: headers and tables of ordinary files cost no memory of the heap.

mod common;

use common::allocation::{Counting, allocations_of};
use common::bytes::{DHT, DQT, SOS, part, parts};
use common::fixture;
use feature_distillation::{CoefficientImage, DecodeOptions};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Of a file that is read in place of itself.
fn warm(bytes: &[u8]) -> usize {
    let options = DecodeOptions::default();
    let mut image = CoefficientImage::decode(bytes).unwrap();
    let (result, allocations) = allocations_of(|| image.decode_into(bytes, &options));
    result.unwrap();
    allocations
}

/// The file with the segments of tables of its first scan `times` more.
fn with_tables_again(bytes: &[u8], times: usize) -> Vec<u8> {
    let scan = part(bytes, SOS).start;
    let tables: Vec<u8> = parts(bytes)
        .into_iter()
        .filter(|part| part.start < scan && matches!(part.code, DHT | DQT))
        .flat_map(|part| bytes[part.start..part.end].to_vec())
        .collect();
    [&bytes[..scan], &tables.repeat(times), &bytes[scan..]].concat()
}

#[test]
fn tables_in_segments_take_none() {
    for name in [
        "baseline-420-q50-67x45",
        "progressive-420-q75-47x33",
        "metadata-exif-icc-com-app9-420-33x31",
    ] {
        let bytes = fixture(name);
        assert_eq!(warm(&with_tables_again(&bytes, 50)), warm(&bytes), "{name}");
    }
}

#[test]
fn a_file_that_is_read_in_place_of_another_takes_few() {
    // The image's list of components and their former blocks, its scan, a metadata segment and their list; of
    // the frame its components and three records of each; four decoding tables; the entropy-coded data.
    let most = 13;
    assert!(warm(&fixture("baseline-420-q50-67x45")) <= most);
}
