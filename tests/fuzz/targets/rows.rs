//! Any bytes: without the coefficients of the image, in memory that all inputs before have used, a file
//! becomes what it becomes with them. Pixels, requantized ones, statistics, or the same error.
#![no_main]

use std::cell::RefCell;

use arbitrary::{Result as Drawn, Unstructured};
use feature_distillation::{
    ArgumentError, BandStatistics, BlockSelection, CoefficientImage, ColorSpace, DecodeOptions,
    Error, FeatureDistiller, InverseOptions, PixelBuffer, PixelPipeline, PixelScratch,
    ProfileCheck, QuantizationTable, QuantizationTables, Result, Rounding, Upsampling,
};
use feature_distillation_fuzz::{draw, jpeg};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::new(Memory::default());
}

/// What lives over all inputs.
#[derive(Default)]
struct Memory {
    scratch: PixelScratch,
    image: CoefficientImage,
}

fuzz_target!(|input: &[u8]| {
    // More than any image of so many pixels takes: what is not held is not charged either.
    let limits = jpeg::limits(1 << 16).with_max_memory(64 << 20);
    let options = DecodeOptions::new().with_limits(limits);
    let decoded = CoefficientImage::decode_with(input, &options);
    // Room for four tables of 16-bit steps; what the input does not have is zero.
    let mut u = Unstructured::new(jpeg::tail(input, 512));
    let inverse = inverse_options(&mut u).unwrap_or(InverseOptions::precise());
    MEMORY.with_borrow_mut(|memory| {
        check_image(input, &options, &decoded, &mut memory.image);
        let inverse = inverse.with_limits(limits);
        check_pixels(input, &options, &decoded, &inverse, &mut memory.scratch);
        let distiller = distiller(&mut u, &decoded)
            .expect("an input that runs dry has zeros")
            .with_limits(limits);
        check_pass(input, &decoded, &distiller, &mut memory.scratch);
    });
    check_statistics(input, &options, &decoded, &mut u);
});

fn inverse_options(u: &mut Unstructured<'_>) -> Drawn<InverseOptions> {
    let options = InverseOptions::precise()
        .with_pipeline(pipeline(u)?)
        .with_upsampling(upsampling(u)?);
    Ok(if u.ratio(1_u8, 4_u8)? {
        options.with_format(draw::pixel_format(u)?)
    } else {
        options
    })
}

fn pipeline(u: &mut Unstructured<'_>) -> Drawn<PixelPipeline> {
    draw::one_of(u, &[PixelPipeline::LibjpegEqual, PixelPipeline::Precise])
}

fn upsampling(u: &mut Unstructured<'_>) -> Drawn<Upsampling> {
    draw::one_of(u, &[Upsampling::Triangle, Upsampling::Replicate])
}

/// A distiller with the file's own tables, finer and coarser ones, or any.
fn distiller(
    u: &mut Unstructured<'_>,
    decoded: &Result<CoefficientImage>,
) -> Drawn<FeatureDistiller> {
    // libjpeg has but one tie rule.
    let (pipeline, rounding) = match draw::rounding(u)? {
        Rounding::HalfAwayFromZero => (pipeline(u)?, Rounding::HalfAwayFromZero),
        rounding => (PixelPipeline::Precise, rounding),
    };
    let check = draw::one_of(u, &[ProfileCheck::Refuse, ProfileCheck::Skip])?;
    let builder = FeatureDistiller::builder()
        .pipeline(pipeline)
        .rounding(rounding)
        .upsampling(upsampling(u)?)
        .profile_check(check);
    let builder = match decoded.as_ref().map(CoefficientImage::color_space) {
        Ok(ColorSpace::YCbCr) => builder
            .color_space(ColorSpace::YCbCr)
            .subsampling(draw::subsampling(u)?),
        _ => builder,
    };
    let own = match decoded {
        Ok(image) => image.quantization_tables(),
        Err(_) => Vec::new(),
    };
    let mut tables = match u.int_in_range(0..=2)? {
        0 if !own.is_empty() => own,
        1 if !own.is_empty() => own
            .iter()
            .map(|table| scaled(u, table))
            .collect::<Drawn<_>>()?,
        _ => draw::tables(u)?.as_slice().to_vec(),
    };
    // No profile has more components; further ones of the file take the last.
    tables.truncate(3);
    let tables = QuantizationTables::per_component(tables).expect("one to three tables");
    Ok(builder.tables(tables).build().expect("a sound profile"))
}

/// A table whose steps are up to sixteen times smaller or larger.
fn scaled(u: &mut Unstructured<'_>, table: &QuantizationTable) -> Drawn<QuantizationTable> {
    let [numerator, denominator] = [(); 2].map(|()| u.int_in_range(1..=16_u32));
    let (numerator, denominator) = (numerator?, denominator?);
    let steps = table.to_natural().map(|step| {
        let step = u32::from(step) * numerator / denominator;
        u16::try_from(step.max(1)).unwrap_or(u16::MAX)
    });
    Ok(QuantizationTable::from_natural(steps).expect("steps of 1 and more"))
}

/// In the memory of the image before, or not: the same image, or none.
fn check_image(
    input: &[u8],
    options: &DecodeOptions,
    decoded: &Result<CoefficientImage>,
    image: &mut CoefficientImage,
) {
    match (image.decode_into(input, options), decoded) {
        (Ok(()), Ok(decoded)) => assert!(image == decoded, "another image"),
        (Err(found), Err(expected)) => {
            assert_eq!(found.to_string(), expected.to_string());
            assert!(*image == CoefficientImage::default());
        }
        (found, expected) => panic!("{found:?}, expected {:?}", expected.as_ref().err()),
    }
}

fn check_pixels(
    input: &[u8],
    options: &DecodeOptions,
    decoded: &Result<CoefficientImage>,
    inverse: &InverseOptions,
    scratch: &mut PixelScratch,
) {
    let expected = of(decoded, |image| image.to_pixels(inverse));
    let decode = |scratch: &mut _| PixelBuffer::decode_in(input, options, inverse, scratch);
    check_outcome(decode, &expected, scratch);
}

fn check_pass(
    input: &[u8],
    decoded: &Result<CoefficientImage>,
    distiller: &FeatureDistiller,
    scratch: &mut PixelScratch,
) {
    let profile = distiller.profile();
    let expected = of(decoded, |image| {
        let mut image = image.clone();
        distiller.one_pass_coefficients(&mut image)?;
        let options = InverseOptions::precise()
            .with_pipeline(profile.pipeline())
            .with_upsampling(profile.upsampling());
        image.to_pixels(&options)
    });
    check_outcome(
        |scratch| distiller.one_pass_jpeg_in(input, scratch),
        &expected,
        scratch,
    );
    let refuses = |outcome: &Result<_>| {
        matches!(
            outcome,
            Err(Error::InvalidArgument(
                ArgumentError::ProfileMismatch { .. }
            ))
        )
    };
    if decoded.is_ok() && refuses(&distiller.distill_jpeg_in(input, scratch)) {
        // By its headers: in a scratch without history as well.
        assert!(refuses(&distiller.distill_jpeg(input)));
        return;
    }
    check_outcome(
        |scratch| distiller.distill_jpeg_in(input, scratch),
        &expected,
        scratch,
    );
}

/// What comes of an image; of none, why there is none.
fn of<T>(
    decoded: &Result<CoefficientImage>,
    work: impl FnOnce(&CoefficientImage) -> Result<T>,
) -> Result<T, String> {
    let image = decoded.as_ref().map_err(ToString::to_string)?;
    work(image).map_err(|error| error.to_string())
}

/// The same pixels or the same error, in the scratch.
fn check_outcome(
    decode: impl Fn(&mut PixelScratch) -> Result<PixelBuffer>,
    expected: &Result<PixelBuffer, String>,
    scratch: &mut PixelScratch,
) {
    let is_expected = |found: &Result<PixelBuffer>| match (found, expected) {
        (Ok(found), Ok(expected)) => found == expected,
        (Err(found), Err(expected)) => found.to_string() == *expected,
        _ => false,
    };
    let found = decode(scratch);
    assert!(
        is_expected(&found),
        "{:?}, expected {:?}; in a new scratch {}",
        found.as_ref().err(),
        expected.as_ref().err(),
        if is_expected(&decode(&mut PixelScratch::new())) {
            "as expected"
        } else {
            "as well"
        }
    );
    // Its memory, full of other pixels, is that of the next picture.
    if let Ok(pixels) = found {
        scratch.recycle(pixels);
    }
}

fn check_statistics(
    input: &[u8],
    options: &DecodeOptions,
    decoded: &Result<CoefficientImage>,
    u: &mut Unstructured<'_>,
) {
    let mut found = statistics(u).unwrap_or_default();
    let mut expected = found.clone();
    // The second time sums are there.
    for _ in 0..2 {
        let added = found.add_jpeg(input, options);
        let counted = of(decoded, |image| expected.add_image(image));
        assert_eq!(added.map_err(|error| error.to_string()), counted);
        assert_eq!(found, expected);
    }
}

/// Empty ones, or some that take grey pictures only.
fn statistics(u: &mut Unstructured<'_>) -> Drawn<BandStatistics> {
    let selection = draw::one_of(u, &[BlockSelection::All, BlockSelection::Interior])?;
    let mut statistics = BandStatistics::with_selection(selection);
    if u.arbitrary()? {
        let width = f64::from(u.int_in_range(1..=64_u8)?) / 16.0;
        statistics = statistics.with_histogram(width).expect("a width above 0");
    }
    if u.ratio(1_u8, 8_u8)? {
        statistics
            .add_image(&CoefficientImage::default())
            .expect("a grey image");
    }
    Ok(statistics)
}
