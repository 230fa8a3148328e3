//! What the encoder writes is read back equal, whatever the file was and however it is written.
#![no_main]

use std::num::NonZeroU16;

use arbitrary::{Result, Unstructured};
use feature_distillation::{
    CoefficientImage, DecodeOptions, EncodeOptions, Encoded, Error, HuffmanTables, Limits,
    MetadataPolicy, OutOfRange, Process, RestartInterval,
};
use feature_distillation_fuzz::{draw, jpeg};
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
        check(&image, options);
    }
});

fn drawn(u: &mut Unstructured<'_>) -> Result<EncodeOptions> {
    let interval = NonZeroU16::new(u.arbitrary()?).unwrap_or(NonZeroU16::MIN);
    let small = NonZeroU16::new(interval.get() % 8).unwrap_or(NonZeroU16::MIN);
    Ok(EncodeOptions::new()
        .with_process(draw::one_of(
            u,
            &[Process::Automatic, Process::ExtendedSequential],
        )?)
        .with_huffman_tables(draw::one_of(
            u,
            &[HuffmanTables::Standard, HuffmanTables::Optimized],
        )?)
        .with_restart_interval(draw::one_of(
            u,
            &[
                RestartInterval::Mcus(small),
                RestartInterval::Mcus(interval),
                RestartInterval::McuRows(small),
                RestartInterval::McuRows(interval),
                RestartInterval::Keep,
                RestartInterval::Never,
            ],
        )?)
        .with_metadata(draw::one_of(
            u,
            &[
                MetadataPolicy::Keep,
                MetadataPolicy::IccOnly,
                MetadataPolicy::Strip,
            ],
        )?))
}

fn check(image: &CoefficientImage, options: EncodeOptions) {
    match image.encode_with(&options) {
        Ok(encoded) => {
            assert_eq!(encoded.clamped, 0, "{options:?}");
            let read = read(&encoded);
            assert_same_picture(&read, image, options);
            assert_eq!(read.components(), image.components(), "{options:?}");
        }
        Err(Error::CoefficientOutOfRange { .. }) => {
            let clamping = options.with_out_of_range(OutOfRange::Clamp);
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

fn read(encoded: &Encoded) -> CoefficientImage {
    let options = DecodeOptions::new().with_limits(Limits::none());
    CoefficientImage::decode_with(&encoded.bytes, &options).expect("the encoder's own file")
}

fn assert_same_picture(read: &CoefficientImage, image: &CoefficientImage, options: EncodeOptions) {
    let of = |image: &CoefficientImage| (image.width(), image.height(), image.color_space());
    assert_eq!(of(read), of(image), "{options:?}");
    assert_eq!(
        read.quantization_tables(),
        image.quantization_tables(),
        "{options:?}"
    );
}
