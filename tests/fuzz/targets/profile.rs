//! Any JSON as a profile: refused, or a profile that keeps its fingerprint and distils.
#![no_main]

use std::sync::LazyLock;

use feature_distillation::{
    CoefficientImage, ColorSpace, Error, FeatureDistiller, InverseOptions, Limits, PixelBuffer,
    PixelFormat, Profile, TamperVerdict,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(profile) = serde_json::from_slice::<Profile>(input) else {
        return;
    };
    let text = serde_json::to_string(&profile).expect("a profile is plain");
    let again: Profile = serde_json::from_str(&text).expect("the crate's own profile");
    assert_eq!(again, profile);
    assert_eq!(again.fingerprint(), profile.fingerprint());
    let distiller = FeatureDistiller::from_profile(profile.clone());
    assert_eq!(rebuilt(&profile).profile(), &profile);
    for picture in PICTURES.iter() {
        distil(&distiller, picture);
    }
});

/// Small pictures whose sides are no multiples of an MCU: one grey, one of colours.
static PICTURES: LazyLock<[PixelBuffer; 2]> = LazyLock::new(|| {
    [PixelFormat::Grey, PixelFormat::Rgb].map(|format| {
        let samples: Vec<u8> = (0_u32..19 * 11)
            .flat_map(|i| {
                (0_u32..)
                    .take(format.channels())
                    .map(move |c| (i * i / 7 + 90 * c) % 251)
            })
            .map(|sample| u8::try_from(sample).expect("below 251"))
            .collect();
        PixelBuffer::new(samples, 19, 11, format).expect("samples of the picture")
    })
});

/// The profile by the builder, which checks the same rules.
fn rebuilt(profile: &Profile) -> FeatureDistiller {
    FeatureDistiller::builder()
        .tables(profile.tables().clone())
        .color_space(profile.color_space())
        .subsampling(profile.subsampling())
        .rounding(profile.rounding())
        .pipeline(profile.pipeline())
        .upsampling(profile.upsampling())
        .limits(Limits::default())
        .build()
        .expect("the parts of an accepted profile")
}

fn distil(distiller: &FeatureDistiller, picture: &PixelBuffer) {
    let coefficients = distiller
        .compress_coefficients(picture.view())
        .expect("a picture of any profile");
    let distilled = distiller.distill(picture.view()).expect("as before");
    let options = InverseOptions::precise()
        .with_pipeline(distiller.profile().pipeline())
        .with_upsampling(distiller.profile().upsampling());
    assert_eq!(
        coefficients.to_pixels(&options).expect("as before"),
        distilled
    );
    let jpeg = match distiller.compress(picture.view()) {
        Ok(jpeg) => jpeg,
        // Steps so fine that a level does not fit sequential coding.
        Err(Error::CoefficientOutOfRange { .. }) => return,
        Err(error) => panic!("{error}"),
    };
    let read = CoefficientImage::decode(&jpeg).expect("the crate's own file");
    assert_eq!(read.components(), coefficients.components());
    assert_eq!(
        distiller
            .distill_jpeg(&jpeg)
            .expect("the profile's own file"),
        distilled
    );
    assert_eq!(distiller.one_pass_jpeg(&jpeg).expect("any file"), distilled);
    check_report(distiller, picture);
    let (own, report) = distiller
        .distill_jpeg_with_report(&jpeg)
        .expect("the profile's own file");
    assert_eq!(own, distilled);
    assert_eq!(report.verdict(), TamperVerdict::Untouched);
    check_report(distiller, &distilled);
}

/// The verdict is the weakest that the samples allow, and what it implies is so.
fn check_report(distiller: &FeatureDistiller, received: &PixelBuffer) {
    let (distilled, report) = match distiller.distill_with_report(received.view()) {
        Ok(found) => found,
        Err(_) if received.format() == PixelFormat::Rgb && distils_to_grey(distiller) => return,
        Err(error) => panic!("{error}"),
    };
    let untouched = report.verdict() == TamperVerdict::Untouched;
    assert_eq!(untouched, distilled == *received);
    let again = distiller.distill(distilled.view()).expect("as before");
    assert_eq!(report.is_fixed_point(), again == distilled);
    assert!(report.is_fixed_point() || report.verdict() == TamperVerdict::OutsideRadius);
}

fn distils_to_grey(distiller: &FeatureDistiller) -> bool {
    distiller.profile().color_space() == ColorSpace::Grey
}
