//! Inputs that once broke a promise, kept in `tests/crashes` and named after what they broke.

use std::path::PathBuf;

use feature_distillation::{BandStatistics, CoefficientImage, DecodeOptions};

#[test]
fn statistics_of_no_image_are_refused() {
    for name in [
        // Values from 1 to 2 with a mean of -1.5.
        "statistics-mean-outside-range",
        // The same of the images' own figures, which have sums of their own.
        "statistics-image-mean-outside-range",
        // Values from 1 to 2 that are further than 0.5 from their mean.
        "statistics-deviation-beyond-range",
        "statistics-image-deviation-beyond-range",
    ] {
        let error = serde_json::from_slice::<BandStatistics>(&crash(&format!("{name}.json")));
        let error = error.expect_err(name).to_string();
        assert!(
            error.contains("no images have these sums"),
            "{name}: {error}"
        );
    }
}

#[test]
fn the_same_statistics_without_the_fault_are_taken() {
    let text = String::from_utf8(crash("statistics-image-deviation-beyond-range.json")).unwrap();
    // A deviation of 9 sixteenths, and of 8, in fractions of 2^-20.
    let sound = text.replace("9437184", "8388608");
    assert_ne!(sound, text);
    assert!(serde_json::from_str::<BandStatistics>(&sound).is_ok());
}

#[test]
fn damages_are_reported_in_the_order_of_their_bytes() {
    // Codes that no marker has stand behind the bits that are no code.
    let report = CoefficientImage::recover(&crash("tem-inside-data.jpg"))
        .unwrap()
        .report;
    let offsets: Vec<u64> = report.damages().iter().map(|one| one.offset).collect();
    assert_eq!(offsets, [146, 148]);
}

#[test]
fn data_behind_a_recovered_image_begin_with_the_marker_of_the_next() {
    for (name, marker) in [
        ("frame-after-scan.jpg", [0xFF, 0xC0]),
        ("soi-inside-data.jpg", [0xFF, 0xD8]),
    ] {
        let bytes = crash(name);
        let options = DecodeOptions::new().with_trailing_data(true);
        let image = CoefficientImage::recover_with(&bytes, &options)
            .unwrap()
            .image;
        let data = image.trailing_data();
        assert!(data.starts_with(&marker), "{name}: {data:?}");
        assert!(bytes.ends_with(data), "{name}");
    }
}

fn crash(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/crashes");
    std::fs::read(path.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
