//! What the encoder writes is read back equal, whatever the file was and however it is written, in one
//! stream or two, with what stands behind the image.
#![no_main]

use arbitrary::{Result, Unstructured};
use feature_distillation::{
    ArgumentError, CoefficientImage, DecodeOptions, EncodeOptions, Encoded, Error, HuffmanTables,
    Limits, OutOfRange, Process, RestartInterval, StreamFormat, TableSpecification,
};
use feature_distillation_fuzz::{draw, jpeg, writing};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(image) = jpeg::decode(input, 1 << 18) else {
        return;
    };
    for options in [
        EncodeOptions::new(),
        EncodeOptions::new()
            .with_huffman_tables(HuffmanTables::Optimized)
            .with_restart_interval(RestartInterval::Keep),
        drawn(&mut Unstructured::new(jpeg::tail(input, 16))).unwrap_or_default(),
    ] {
        check(&image, &options);
    }
});

fn drawn(u: &mut Unstructured<'_>) -> Result<EncodeOptions> {
    Ok(EncodeOptions::new()
        .with_process(draw::one_of(
            u,
            &[Process::Automatic, Process::ExtendedSequential],
        )?)
        .with_huffman_tables(draw::one_of(
            u,
            &[HuffmanTables::Standard, HuffmanTables::Optimized],
        )?)
        .with_restart_interval(writing::restarts(u)?)
        .with_metadata(writing::metadata(u)?))
}

fn check(image: &CoefficientImage, options: &EncodeOptions) {
    match image.encode_with(options) {
        Ok(encoded) => {
            assert_eq!(encoded.clamped, 0, "{options:?}");
            let read = read(&encoded);
            assert_same_picture(&read, image, options);
            jpeg::assert_same_components(&read, image);
            let data = read.trailing_data();
            // A policy that strips metadata strips it too.
            assert!(data.is_empty() || data == image.trailing_data());
            check_apart(image, options);
        }
        Err(Error::CoefficientOutOfRange { .. }) => {
            let clamping = options.clone().with_out_of_range(OutOfRange::Clamp);
            let encoded = image.encode_with(&clamping).expect("clamped");
            assert!(encoded.clamped > 0, "{options:?}");
            let clamped = read(&encoded);
            assert_same_picture(&clamped, image, options);
            // What was clamped fits: it is written again without a change.
            check(&clamped, options);
        }
        Err(error) => panic!("{options:?}: {error}"),
    }
}

/// The same in two streams, where each table stands once.
fn check_apart(image: &CoefficientImage, options: &EncodeOptions) {
    let write = |format| image.encode_with(&options.clone().with_format(format));
    match (
        write(StreamFormat::TableSpecification),
        write(StreamFormat::AbbreviatedImage),
    ) {
        (Ok(tables), Ok(abbreviated)) => {
            let tables = TableSpecification::decode(&tables.bytes).expect("its own tables");
            let all = DecodeOptions::new().with_limits(Limits::none());
            let read = CoefficientImage::decode_abbreviated(&abbreviated.bytes, &tables, &all);
            let read = read.expect("the encoder's own image");
            jpeg::assert_same_components(&read, image);
        }
        (Err(tables), Err(abbreviated)) => {
            for error in [tables, abbreviated] {
                let redefined = matches!(
                    error,
                    Error::InvalidArgument(ArgumentError::TableRedefined { .. })
                );
                assert!(redefined, "{options:?}: {error}");
            }
        }
        (tables, abbreviated) => panic!("{options:?}: {tables:?}, {abbreviated:?}"),
    }
}

fn read(encoded: &Encoded) -> CoefficientImage {
    let options = DecodeOptions::new()
        .with_limits(Limits::none())
        .with_trailing_data(true);
    CoefficientImage::decode_with(&encoded.bytes, &options).expect("the encoder's own file")
}

fn assert_same_picture(read: &CoefficientImage, image: &CoefficientImage, options: &EncodeOptions) {
    let of = |image: &CoefficientImage| (image.width(), image.height(), image.color_space());
    assert_eq!(of(read), of(image), "{options:?}");
    assert_eq!(
        read.quantization_tables(),
        image.quantization_tables(),
        "{options:?}"
    );
}
