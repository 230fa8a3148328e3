//! Inputs that once broke a promise, kept in `tests/crashes` and named after what they broke.

use std::path::PathBuf;

use feature_distillation::{
    ArgumentError, BandStatistics, CoefficientImage, ColorSpace, DamageKind, DecodeOptions,
    EncodeOptions, Error, Malformed, QuantizationTable, Recovered, RestartInterval, SamplingFactor,
    ScanScript, StreamFormat, TableSpecification,
};

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
        // The same where half of the distance is no whole sixteenth.
        "statistics-image-deviation-beyond-odd-range",
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

    let odd = crash("statistics-image-deviation-beyond-odd-range.json");
    let text = String::from_utf8(odd).unwrap();
    // A deviation of 8.9 sixteenths, and of 8.5.
    let sound = text.replace("9312896", "8912896");
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
fn what_stands_behind_fill_bytes_before_a_restart_is_reported() {
    let sound = CoefficientImage::decode(&crash("restart-interval-1.jpg")).unwrap();
    for name in [
        "code-after-fill-bytes-before-restart.bin",
        "zeros-after-fill-bytes-before-restart.bin",
    ] {
        let bytes = crash(name);
        assert!(CoefficientImage::decode(&bytes).is_err(), "{name}");
        let Recovered { image, report } = CoefficientImage::recover(&bytes).unwrap();
        assert_eq!(image.components(), sound.components(), "{name}");
        // No marker follows the fill bytes, so they count as data that no block uses.
        let kinds: Vec<DamageKind> = report.damages().iter().map(|one| one.kind).collect();
        let expected = [
            Malformed::LeftoverData { bytes: 2 },
            Malformed::UnexpectedMarker { marker: 0xFF },
        ];
        assert_eq!(kinds, expected.map(DamageKind::Malformed), "{name}");
    }
}

#[test]
fn bits_that_are_never_sent_are_no_damage_beside_bytes_left_over() {
    let bytes = crash("leftover-bytes-and-bits-never-sent.bin");
    let Recovered { image, report } = CoefficientImage::recover(&bytes).unwrap();
    assert_eq!(image, CoefficientImage::decode(&bytes).unwrap());
    let kinds: Vec<DamageKind> = report.damages().iter().map(|one| one.kind).collect();
    let leftover = Malformed::LeftoverData { bytes: 2 };
    assert_eq!(kinds, [DamageKind::Malformed(leftover)]);
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

#[test]
fn components_that_are_not_of_the_image_are_not_written() {
    let image = |width, height, factors: [u8; 2]| {
        let factors = factors.map(|factor| SamplingFactor::new(factor, factor).unwrap());
        let table = QuantizationTable::uniform(16).unwrap().into();
        CoefficientImage::new(width, height, ColorSpace::Unknown, &factors, &table).unwrap()
    };
    let first = image(32, 16, [1, 1]);
    for other in [
        // Fewer blocks; as many, of another width.
        image(16, 16, [1, 1]),
        image(31, 16, [1, 1]),
        // The size that its factor would have, but beside it the other component would be halved.
        image(64, 32, [1, 2]),
    ] {
        let mut exchanged = first.clone();
        exchanged.components_mut()[1] = other.components()[1].clone();
        let error = exchanged.encode().unwrap_err();
        assert!(
            matches!(error, Error::InvalidArgument(ArgumentError::Shape { .. })),
            "{error}"
        );
    }
}

#[test]
fn components_that_share_an_identifier_are_told_apart_in_whatever_scans() {
    let bytes = crash("duplicate-ids.jpg");
    let image = CoefficientImage::decode(&bytes).unwrap();
    // All in one scan, each stands for the next.
    let whole = CoefficientImage::decode(&image.encode().unwrap()).unwrap();
    assert_eq!(whole.components(), image.components());
    for script in [
        ScanScript::by_component(&image),
        ScanScript::progression(&image),
    ] {
        let options = EncodeOptions::new().with_scans(script);
        let read = CoefficientImage::decode(&image.encode_with(&options).unwrap().bytes).unwrap();
        for (found, expected) in read.components().iter().zip(image.components()) {
            assert_eq!(found.blocks(), expected.blocks());
        }
    }
}

#[test]
fn restart_intervals_and_conditioning_end_with_the_stream_of_tables() {
    let whole = CoefficientImage::decode(&crash("../fixtures/arithmetic-420-47x33.jpg")).unwrap();
    let options = EncodeOptions::as_read(&whole).with_restart_interval(RestartInterval::Never);
    let write = |format| {
        let options = options.clone().with_format(format);
        whole.encode_with(&options).unwrap().bytes
    };
    let mut tables = write(StreamFormat::TableSpecification);
    let end = tables.len() - 2;
    // An interval of one MCU, and for destination 0 conditioning unlike the usual.
    tables.splice(
        end..end,
        *b"\xFF\xDD\0\x04\0\x01\xFF\xCC\0\x06\0\xF2\x10\x3F",
    );
    let tables = TableSpecification::decode(&tables).unwrap();
    assert_eq!(tables.restart_interval(), 1);
    let mut image = write(StreamFormat::AbbreviatedImage);
    // The image without the conditioning that it tells all the same.
    let told = image
        .windows(2)
        .position(|pair| pair == [0xFF, 0xCC])
        .unwrap();
    let length = usize::from(u16::from_be_bytes([image[told + 2], image[told + 3]]));
    image.drain(told..told + 2 + length);
    let read =
        CoefficientImage::decode_abbreviated(&image, &tables, &DecodeOptions::new()).unwrap();
    assert_eq!(read.components(), whole.components());
    assert_eq!(read.restart_interval(), 0);
}

fn crash(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/crashes");
    std::fs::read(path.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
