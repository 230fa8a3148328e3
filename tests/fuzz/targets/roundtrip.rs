//! What the encoder writes is read back equal, whatever the file was and however it is written, in one
//! stream or two, with what stands behind the image; and with levels that no file of the fuzzer has.
#![no_main]

use arbitrary::{Result, Unstructured};
use feature_distillation::{
    ArgumentError, Band, CoefficientImage, DecodeOptions, EncodeOptions, Encoded, Error,
    HuffmanTables, Limits, OutOfRange, Process, RestartInterval, StreamFormat, TableSpecification,
};
use feature_distillation_fuzz::{draw, jpeg, writing};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(mut image) = jpeg::decode(input, 1 << 18) else {
        return;
    };
    let drawn = drawn(&mut Unstructured::new(jpeg::tail(input, 16))).unwrap_or_default();
    for options in [
        EncodeOptions::new(),
        EncodeOptions::new()
            .with_huffman_tables(HuffmanTables::Optimized)
            .with_restart_interval(RestartInterval::Keep),
        drawn.clone(),
    ] {
        check(&image, &options);
    }
    // An input that runs dry has fewer levels.
    let _ = set_levels(&mut Unstructured::new(jpeg::tail(input, 256)), &mut image);
    check(&image, &drawn);
});

/// Sets levels that a file may have, after runs of zeros of any length, or any.
fn set_levels(u: &mut Unstructured<'_>, image: &mut CoefficientImage) -> Result<()> {
    if u.ratio(1_u8, 4_u8)? {
        return draw::set_levels(u, image);
    }
    let band = |zigzag| Band::from_zigzag(zigzag).expect("below 64").natural();
    while !u.is_empty() {
        let component = u.choose_index(image.components().len())?;
        let blocks = image.components_mut()[component].blocks_mut();
        // Those of the last row and column have padding beside them.
        let block = blocks.len() - 1 - u.choose_index(blocks.len())?;
        let block = &mut blocks[block];
        *block = [0; 64];
        let mut zigzag = usize::from(u.int_in_range(0..=16_u8)?);
        while zigzag < 64 {
            let bits = u.int_in_range(0..=10_u8)?;
            let level = u.int_in_range(0..=(1_i16 << bits) - 1)?;
            block[band(zigzag)] = if u.arbitrary()? { level } else { -level };
            zigzag += 1 + usize::from(u.int_in_range(0..=63_u8)? >> u.int_in_range(0..=6_u8)?);
        }
    }
    Ok(())
}

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
