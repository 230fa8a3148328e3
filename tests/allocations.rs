//! The promise: reading one ordinary file after the other takes no memory of the heap but that of the results.

mod common;

use common::allocation::{Counting, allocations_of};
use common::bytes::{DHT, DQT, SOS, part, parts};
use common::fixture;
use feature_distillation::{
    CoefficientImage, DecodeOptions, FeatureDistiller, PixelScratch, QuantizationTable,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Sequential, Huffman-coded, of up to four components that are all in one scan; with metadata, restarts and
/// tables of their own, some of them.
const ORDINARY: [&str; 11] = [
    "baseline-420-q50-67x45",
    "baseline-422-q90-67x45",
    "baseline-444-q10-67x45",
    "baseline-grey-q90-67x45",
    "baseline-optimized-420-q75-47x33",
    "baseline-rgb-q75-33x31",
    "restart-1mcu-baseline-444-67x45",
    "metadata-exif-icc-com-app9-420-33x31",
    "motion-jpeg-422-33x31",
    "extended-dqt8-420-33x31",
    "ycck-420-31x27",
];

#[test]
fn one_pass_over_ordinary_files_takes_memory_for_its_pixels_alone() {
    let distiller = FeatureDistiller::builder()
        .tables(QuantizationTable::uniform(30).unwrap())
        .build()
        .unwrap();
    let mut scratch = PixelScratch::new();
    let files = ORDINARY.map(fixture);
    // Once for the memory, and once for the tables of the last file in the memory of the first one.
    for round in 0..3 {
        for (bytes, name) in files.iter().zip(ORDINARY) {
            let pass = || distiller.one_pass_jpeg_in(bytes, &mut scratch);
            let (pixels, fresh) = allocations_of(pass);
            let expected = distiller.one_pass_jpeg(bytes).unwrap();
            assert_eq!(pixels.unwrap(), expected, "{name}");
            if round > 0 {
                assert_eq!(fresh, 1, "{name}");
            }
            scratch.recycle(expected);
            let pass = || distiller.one_pass_jpeg_in(bytes, &mut scratch);
            let (pixels, recycled) = allocations_of(pass);
            drop(pixels.unwrap());
            if round > 0 {
                assert_eq!(recycled, 0, "{name}");
            }
        }
    }
}

#[test]
fn tables_in_segments_take_none() {
    for name in ["baseline-420-q50-67x45", "progressive-420-q75-47x33"] {
        let bytes = fixture(name);
        assert_eq!(warm(&with_tables_again(&bytes, 50)), warm(&bytes), "{name}");
    }
}

#[test]
fn coefficients_in_place_of_others_take_few() {
    // For the image in place of the one that is taken: its component, their list; of that one the list of its
    // blocks. For the one that is read: its components, its scan, a metadata segment, their list. For reading: four
    // decoding tables, the entropy-coded data.
    let most = 12;
    assert!(warm(&fixture("baseline-420-q50-67x45")) <= most);
}

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
