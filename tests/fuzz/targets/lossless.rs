//! Lossless operations one after the other: no panic, refusals only with a reason, results that are
//! written and read back, and turns that undo each other.
#![no_main]

use arbitrary::{Result, Unstructured};
use feature_distillation::{
    ArgumentError, CoefficientImage, DecodeOptions, Edges, EncodeOptions, Error, InsertedTables,
    Limits, OffGrid, Orientation, OutOfRange, Rectangle,
};
use feature_distillation_fuzz::{draw, jpeg};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(image) = jpeg::decode_or_recover(input, 1 << 16) else {
        return;
    };
    check_turns(&image);
    let mut u = Unstructured::new(jpeg::tail(input, 96));
    // The input may end before the chain does.
    let _ = chain(&mut u, image);
});

fn chain(u: &mut Unstructured<'_>, first: CoefficientImage) -> Result<()> {
    let mut images = vec![first];
    while !u.is_empty() && images.len() < 8 {
        let image = &images[u.choose_index(images.len())?];
        let other = &images[u.choose_index(images.len())?];
        let result = match u.int_in_range(0..=5)? {
            0 => oriented(u, image)?,
            1 => cropped(u, image)?,
            2 => wiped(u, image)?,
            3 => inserted(u, image, other)?,
            4 => image.luminance().ok(),
            _ => exchanged(u, image, other)?,
        };
        if let Some(result) = result {
            check_written(&result);
            images.push(result);
        }
    }
    Ok(())
}

fn oriented(
    u: &mut Unstructured<'_>,
    image: &CoefficientImage,
) -> Result<Option<CoefficientImage>> {
    let orientation = draw::one_of(u, &Orientation::ALL)?;
    let edges = draw::one_of(u, &[Edges::Keep, Edges::Trim, Edges::Refuse])?;
    match image.oriented(orientation, edges) {
        Ok(turned) => Ok(Some(turned)),
        Err(Error::CoefficientOutOfRange { value, .. }) => {
            assert_eq!(value, 32768);
            Ok(None)
        }
        Err(error) => {
            assert!(edges == Edges::Refuse || is_exchanged(image), "{error}");
            Ok(None)
        }
    }
}

fn cropped(u: &mut Unstructured<'_>, image: &CoefficientImage) -> Result<Option<CoefficientImage>> {
    let (rectangle, off_grid) = rectangle(u, image)?;
    match image.cropped(rectangle, off_grid) {
        Ok((cut, really)) => {
            assert_eq!((cut.width(), cut.height()), (really.width, really.height));
            assert!(really.x <= rectangle.x && really.y <= rectangle.y);
            assert_eq!(really.x + really.width, rectangle.x + rectangle.width);
            assert_eq!(really.y + really.height, rectangle.y + rectangle.height);
            // Put back where it was, it changes nothing.
            let back = image.with_inserted(
                &cut,
                really.x,
                really.y,
                OffGrid::Snap,
                InsertedTables::CommonDivisor,
            );
            match back {
                Ok((back, _)) => assert_eq!(back, normalized(image)),
                // It covers no whole MCU, or has a level of -32768.
                Err(
                    Error::InvalidArgument(ArgumentError::Rectangle { .. })
                    | Error::CoefficientOutOfRange { .. },
                ) => {}
                Err(error) => panic!("cut, not put back: {error}"),
            }
            Ok(Some(cut))
        }
        Err(error) => {
            assert!(
                off_grid == OffGrid::Refuse || is_exchanged(image),
                "{error}"
            );
            Ok(None)
        }
    }
}

fn wiped(u: &mut Unstructured<'_>, image: &CoefficientImage) -> Result<Option<CoefficientImage>> {
    let (rectangle, off_grid) = rectangle(u, image)?;
    match image.wiped(rectangle, off_grid) {
        Ok((wiped, really)) => {
            let (cut, same) = wiped.cropped(really, OffGrid::Refuse).expect("on the grid");
            assert_eq!(same, really);
            for component in cut.components() {
                assert!(component.blocks().iter().all(|block| *block == [0; 64]));
            }
            Ok(Some(wiped))
        }
        Err(error) => {
            assert!(
                off_grid == OffGrid::Refuse || is_exchanged(image),
                "{error}"
            );
            Ok(None)
        }
    }
}

fn inserted(
    u: &mut Unstructured<'_>,
    image: &CoefficientImage,
    other: &CoefficientImage,
) -> Result<Option<CoefficientImage>> {
    let (x, y) = (u.arbitrary::<u8>()?.into(), u.arbitrary::<u8>()?.into());
    let off_grid = draw::one_of(u, &[OffGrid::Snap, OffGrid::Refuse])?;
    let tables = if u.arbitrary()? {
        InsertedTables::CommonDivisor
    } else {
        InsertedTables::Target(draw::rounding(u)?)
    };
    let result = image.with_inserted(other, x, y, off_grid, tables);
    Ok(result.ok().map(|(result, _)| result))
}

/// A component of another image in place of one, which safe code can do: everything refuses it unless
/// it has the same size.
fn exchanged(
    u: &mut Unstructured<'_>,
    image: &CoefficientImage,
    other: &CoefficientImage,
) -> Result<Option<CoefficientImage>> {
    let mut result = image.clone();
    let index = u.choose_index(image.components().len())?;
    let component = u.choose(other.components())?.clone();
    result.components_mut()[index] = component;
    Ok(Some(result))
}

/// A rectangle inside the image; now and then any.
fn rectangle(u: &mut Unstructured<'_>, image: &CoefficientImage) -> Result<(Rectangle, OffGrid)> {
    if u.ratio(1, 8)? {
        let any = Rectangle::new(
            u.arbitrary()?,
            u.arbitrary()?,
            u.arbitrary()?,
            u.arbitrary()?,
        );
        return Ok((any, OffGrid::Refuse));
    }
    let x = u.int_in_range(0..=image.width() - 1)?;
    let y = u.int_in_range(0..=image.height() - 1)?;
    let width = u.int_in_range(1..=image.width() - x)?;
    let height = u.int_in_range(1..=image.height() - y)?;
    let off_grid = draw::one_of(u, &[OffGrid::Snap, OffGrid::Refuse])?;
    Ok((Rectangle::new(x, y, width, height), off_grid))
}

fn check_turns(image: &CoefficientImage) {
    let same = normalized(image);
    for (orientation, inverse) in [
        (Orientation::Identity, Orientation::Identity),
        (Orientation::FlipHorizontal, Orientation::FlipHorizontal),
        (Orientation::Rotate180, Orientation::Rotate180),
        (Orientation::FlipVertical, Orientation::FlipVertical),
        (Orientation::Transpose, Orientation::Transpose),
        (Orientation::Rotate90, Orientation::Rotate270),
        (Orientation::Transverse, Orientation::Transverse),
        (Orientation::Rotate270, Orientation::Rotate90),
    ] {
        let Ok(turned) = image.oriented(orientation, Edges::Refuse) else {
            continue;
        };
        let back = turned.oriented(inverse, Edges::Keep).expect("turned back");
        assert_eq!(back, same, "{orientation:?}");
    }
    let mut turned = Ok(same.clone());
    for _ in 0..4 {
        turned = turned.and_then(|image| image.oriented(Orientation::Rotate90, Edges::Refuse));
    }
    if let Ok(turned) = turned {
        assert_eq!(turned, same);
    }
}

/// What writing makes of an image: its like, or a refusal of an exchanged component.
fn check_written(image: &CoefficientImage) {
    let options = EncodeOptions::as_read(image).with_out_of_range(OutOfRange::Clamp);
    match image.encode_with(&options) {
        Ok(encoded) => {
            let all = DecodeOptions::new()
                .with_limits(Limits::none())
                .with_trailing_data(true);
            let read = CoefficientImage::decode_with(&encoded.bytes, &all).expect("written");
            if encoded.clamped == 0 {
                jpeg::assert_same_components(&read, image);
            }
            assert_eq!(read.quantization_tables(), image.quantization_tables());
            assert_eq!(read.color_space(), image.color_space());
        }
        Err(error) => assert!(is_exchanged(image), "{error}"),
    }
}

/// Whether a component is not of the size that the image gives it.
fn is_exchanged(image: &CoefficientImage) -> bool {
    let whole = Rectangle::new(0, 0, image.width(), image.height());
    matches!(
        image.cropped(whole, OffGrid::Refuse),
        Err(Error::InvalidArgument(ArgumentError::Shape { .. }))
    )
}

/// The image as every lossless operation leaves it: a lone component is sampled 1x1.
fn normalized(image: &CoefficientImage) -> CoefficientImage {
    let whole = Rectangle::new(0, 0, image.width(), image.height());
    image.cropped(whole, OffGrid::Refuse).expect("the whole").0
}
