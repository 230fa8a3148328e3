//! Pixels to coefficients and back, in every layout, format and pipeline, and coefficients that no
//! picture has to pixels. An input that begins as a JPEG file is one.
#![no_main]

use arbitrary::{Result, Unstructured};
use feature_distillation::{
    Band, CoefficientImage, ColorSpace, Error, ForwardOptions, InverseOptions, Normalization,
    PixelFormat, PixelPipeline, QuantizationTable, SamplePrecision, Upsampling,
};
use feature_distillation_fuzz::picture::Picture;
use feature_distillation_fuzz::{draw, jpeg};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if input.starts_with(&[0xFF, 0xD8]) {
        if let Some(image) = jpeg::decode(input, 1 << 16) {
            render_in_every_way(&image);
        }
        return;
    }
    // An input that runs dry is checked as far as it went.
    let _ = drawn(&mut Unstructured::new(input));
});

fn drawn(u: &mut Unstructured<'_>) -> Result<()> {
    if u.arbitrary()? {
        let color_space = draw::color_space(u)?;
        render_in_every_way(&draw::coefficient_image(u, color_space, 80)?);
        return Ok(());
    }
    let precise: bool = u.arbitrary()?;
    let options = if precise {
        ForwardOptions::precise()
    } else {
        ForwardOptions::libjpeg_equal()
    };
    let options = options
        .with_color_space(draw::color_space(u)?)
        .with_subsampling(draw::subsampling(u)?)
        .with_rounding(draw::rounding(u)?);
    let tables = draw::tables(u)?;
    let format = draw::pixel_format(u)?;
    let picture = Picture::draw(u, 80, format)?;
    let packed = picture.packed();
    let image = picture.with_view(|view| CoefficientImage::from_pixels(view, &tables, &options));
    let same = packed.with_view(|view| CoefficientImage::from_pixels(view, &tables, &options));
    match (image, same) {
        (Ok(image), Ok(same)) => {
            assert_eq!(image, same, "the layout shows in the coefficients");
            render_in_every_way(&image);
        }
        (Err(Error::InvalidArgument(_)), Err(Error::InvalidArgument(_))) => {}
        (one, other) => panic!("{one:?}, {other:?}"),
    }
    if format != PixelFormat::Cmyk {
        near_lossless(&packed, format, u.int_in_range(1..=8)?);
    }
    Ok(())
}

/// Every pipeline, upsampling and format: pixels of the right size, or a refusal of the format.
fn render_in_every_way(image: &CoefficientImage) {
    for pipeline in [PixelPipeline::LibjpegEqual, PixelPipeline::Precise] {
        for upsampling in [Upsampling::Triangle, Upsampling::Replicate] {
            let options = InverseOptions::libjpeg_equal()
                .with_pipeline(pipeline)
                .with_upsampling(upsampling);
            render(image, &options, None);
            for format in [PixelFormat::Grey, PixelFormat::Rgb, PixelFormat::Cmyk] {
                render(image, &options.with_format(format), Some(format));
            }
        }
    }
}

fn render(image: &CoefficientImage, options: &InverseOptions, format: Option<PixelFormat>) {
    match image.to_pixels(options) {
        Ok(pixels) => {
            assert_eq!(
                (pixels.width(), pixels.height()),
                (image.width(), image.height())
            );
            assert!(format.is_none_or(|format| pixels.format() == format));
            let area = image.width() as usize * image.height() as usize;
            assert_eq!(pixels.as_slice().len(), area * pixels.format().channels());
            let tensor = pixels
                .to_chw_f32(&Normalization::unit())
                .expect("any channels");
            assert_eq!(tensor.len(), pixels.as_slice().len());
        }
        Err(Error::InvalidArgument(_)) => {
            // Pixels have 8 bits, and colours a meaning.
            let has_pixels = image.precision() == SamplePrecision::Eight
                && image.color_space() != ColorSpace::Unknown;
            let own = format.is_none() && has_pixels;
            assert!(!own, "an image refuses its own format");
        }
        Err(error) => panic!("{error}"),
    }
}

/// Components as they are, quantized with a small step: each coefficient is off by half a step at
/// most, and a sample by what the basis functions make of that, and its own rounding.
fn near_lossless(packed: &Picture, format: PixelFormat, step: u16) {
    let table = QuantizationTable::uniform(step).expect("a step of 1 or more");
    let options = ForwardOptions::precise().with_color_space(ColorSpace::Rgb);
    let image = packed
        .with_view(|view| CoefficientImage::from_pixels(view, &table.into(), &options))
        .expect("a picture that can be distilled");
    let pixels = image
        .to_pixels(&InverseOptions::precise().with_format(format))
        .expect("the picture's own format");
    // The same for every sample: the cosines of one position are a permutation of another's.
    let spread: f64 = Band::all().map(|band| band.basis(0, 0).abs()).sum();
    let bound = spread * f64::from(step) / 2.0 + 0.5 + 0.01;
    for (&before, &after) in packed.samples().iter().zip(pixels.as_slice()) {
        let error = f64::from(before.abs_diff(after));
        assert!(
            error <= bound,
            "{before} became {after} at a step of {step}"
        );
    }
}
