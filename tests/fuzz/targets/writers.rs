//! Whatever process, coding, scans and intervals an image is written with, reading gives it back, and
//! libjpeg reads the same without a warning. The file that the image comes from may be damaged.
#![no_main]

#[path = "../../oracle/mod.rs"]
mod oracle;

use arbitrary::Unstructured;
use feature_distillation::{
    ArgumentError, CoefficientImage, DecodeOptions, EncodeOptions, Encoded, Error, Limits,
    OutOfRange,
};
use feature_distillation_fuzz::{jpeg, writing};
use libfuzzer_sys::fuzz_target;
use oracle::Libjpeg;

/// libjpeg's warnings of metadata that are kept as they were: an unknown transform of Adobe's, an unknown
/// revision of JFIF.
const OF_METADATA: [i32; 2] = [114, 119];

fuzz_target!(|input: &[u8]| {
    let Some(image) = jpeg::decode_or_recover(input, 1 << 16) else {
        return;
    };
    check_as_read(&image);
    let mut u = Unstructured::new(jpeg::tail(input, 64));
    let options = writing::options(&mut u, &image).unwrap_or_default();
    let encoded = match image.encode_with(&options) {
        Ok(encoded) => encoded,
        Err(Error::CoefficientOutOfRange { .. }) => {
            let clamping = options.clone().with_out_of_range(OutOfRange::Clamp);
            let encoded = image.encode_with(&clamping).expect("clamped");
            assert!(encoded.clamped > 0, "{options:?}");
            encoded
        }
        Err(error) => {
            assert!(has_reason(&image, &error), "{options:?}: {error}");
            return;
        }
    };
    let read = read(&encoded.bytes);
    assert_same_picture(&read, &image);
    if encoded.clamped == 0 {
        jpeg::assert_same_components(&read, &image);
    } else {
        // What was clamped fits: it is written again without a change.
        let strict = options.clone().with_out_of_range(OutOfRange::Error);
        let again = read.encode_with(&strict).expect("what was clamped fits");
        let again = self::read(&again.bytes);
        assert_eq!(again.components(), read.components(), "{options:?}");
    }
    check_by_libjpeg(&read, &encoded.bytes);
});

/// Written as it was read, the image is the same with all that belongs to it.
fn check_as_read(image: &CoefficientImage) {
    let options = EncodeOptions::as_read(image);
    let bytes = match image.encode_with(&options) {
        Ok(Encoded { bytes, .. }) => bytes,
        Err(Error::CoefficientOutOfRange { .. }) => return,
        Err(error) => {
            assert!(has_reason(image, &error), "{error}");
            return;
        }
    };
    let read = read(&bytes);
    let beyond_baseline = image
        .quantization_tables()
        .iter()
        .any(|table| table.largest_step() > 255);
    if beyond_baseline || jpeg::shares_ids(image) {
        jpeg::assert_same_components(&read, image);
        assert_eq!(read.metadata(), image.metadata());
        assert_eq!(read.trailing_data(), image.trailing_data());
    } else {
        assert_eq!(&read, image);
    }
    let again = read.encode_with(&EncodeOptions::as_read(&read));
    assert!(again.expect("as just now").bytes == bytes);
    check_by_libjpeg(&read, &bytes);
}

/// Whether the image has what the error says it has.
fn has_reason(image: &CoefficientImage, error: &Error) -> bool {
    match error {
        Error::InvalidArgument(ArgumentError::StepAboveBaseline { component, step }) => {
            let table = image.components()[*component].quantization_table();
            *step > 255 && table.largest_step() == *step
        }
        Error::InvalidArgument(ArgumentError::BeyondBaseline { .. }) => true,
        _ => false,
    }
}

fn read(bytes: &[u8]) -> CoefficientImage {
    let options = DecodeOptions::new()
        .with_limits(Limits::none())
        .with_trailing_data(true);
    CoefficientImage::decode_with(bytes, &options).expect("the encoder's own file")
}

fn assert_same_picture(read: &CoefficientImage, image: &CoefficientImage) {
    let of = |image: &CoefficientImage| {
        (
            image.width(),
            image.height(),
            image.color_space(),
            image.precision(),
            image.quantization_tables(),
        )
    };
    assert_eq!(of(read), of(image));
}

fn check_by_libjpeg(image: &CoefficientImage, bytes: &[u8]) {
    // The shim takes four components, and libjpeg is built for samples of eight bits.
    if image.components().len() > 4 || image.precision().bits() != 8 {
        return;
    }
    let libjpeg = Libjpeg::load().expect("a C compiler and libjpeg's headers");
    let read = libjpeg.read_coefficients(bytes).expect("read by libjpeg");
    let warning = read.first_warning.map(|warning| warning.code);
    assert!(
        warning.is_none_or(|code| OF_METADATA.contains(&code)),
        "libjpeg warns, code {warning:?}"
    );
    for (ours, theirs) in image.components().iter().zip(&read.components) {
        assert_eq!(ours.quantization_table().to_natural(), theirs.table);
        assert!(
            ours.blocks().as_flattened() == theirs.coefficients,
            "coefficients of component {} differ",
            theirs.id
        );
    }
}
