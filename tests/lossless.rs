//! The promise: lossless operations give jpegtran's coefficients, and keep the laws that geometry gives
//! them.

mod common;
mod oracle;

use std::sync::Mutex;

use common::{fixture, fixtures_that_libjpeg_reads};
use feature_distillation::{
    ArgumentError, CodingProcess, CoefficientImage, ColorSpace, Component, Edges, Error,
    InsertedTables, InverseOptions, MetadataSegment, OffGrid, Orientation, PixelBuffer,
    PixelFormat, PixelPipeline, QuantizationTable, QuantizationTables, Rectangle, Result, Rounding,
    SamplingFactor, Upsampling,
};
use oracle::jpegtran;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Colour space and sampling factors.
type Kind = (ColorSpace, &'static [(u8, u8)]);

const KINDS: [Kind; 16] = [
    (ColorSpace::Grey, &[(1, 1)]),
    (ColorSpace::Grey, &[(2, 2)]),
    (ColorSpace::YCbCr, &[(1, 1), (1, 1), (1, 1)]),
    (ColorSpace::YCbCr, &[(2, 1), (1, 1), (1, 1)]),
    (ColorSpace::YCbCr, &[(2, 2), (1, 1), (1, 1)]),
    (ColorSpace::YCbCr, &[(1, 2), (1, 1), (1, 1)]),
    (ColorSpace::YCbCr, &[(4, 1), (1, 1), (1, 1)]),
    (ColorSpace::YCbCr, &[(3, 2), (2, 1), (1, 1)]),
    (ColorSpace::YCbCr, &[(1, 3), (1, 1), (1, 2)]),
    (ColorSpace::YCbCr, &[(2, 2), (2, 2), (2, 2)]),
    (ColorSpace::YCbCr, &[(1, 1), (2, 2), (2, 1)]),
    (ColorSpace::YCbCr, &[(4, 2), (1, 1), (2, 1)]),
    (ColorSpace::Rgb, &[(1, 1), (1, 1), (1, 1)]),
    (ColorSpace::Cmyk, &[(1, 1), (1, 1), (1, 1), (1, 1)]),
    (ColorSpace::Ycck, &[(2, 2), (1, 1), (1, 1), (2, 2)]),
    (ColorSpace::Unknown, &[(2, 1), (1, 2)]),
];

// ---- jpegtran ---------------------------------------------------------------

type Call = dyn Fn(&CoefficientImage) -> Result<CoefficientImage>;

/// One operation as jpegtran's arguments and as a call.
struct Operation {
    arguments: Vec<String>,
    /// A file whose name follows the arguments.
    inserted: Option<Vec<u8>>,
    call: Box<Call>,
}

/// How comparisons came out.
#[derive(Debug, Default)]
struct Tally {
    equal: usize,
    refused_by_both: usize,
    /// With levels outside 16 bits, or that a Huffman-coded file of 8-bit samples cannot carry.
    unwritable: usize,
    /// Where an insertion has fewer blocks in its last MCUs than the target, padding included, which
    /// jpegtran copies too.
    bogus_in_jpegtran: usize,
}

#[test]
fn orientation_crop_wipe_and_grey_of_the_fixtures_equal_jpegtrans() {
    if !jpegtran::is_available() {
        return;
    }
    let inputs: Vec<(String, Vec<u8>)> = fixtures_that_libjpeg_reads()
        .into_iter()
        // jpegtran refuses files that redefine a table between scans.
        .filter(|fixture| !fixture.name.starts_with("scans-dqt-redefined"))
        .map(|fixture| (fixture.name, fixture.bytes))
        .collect();
    let tally = compare_all(&inputs, unary_operations);
    eprintln!("{} files: {tally:?}", inputs.len());
    assert!(
        tally.equal > 4000 && tally.refused_by_both > 100,
        "{tally:?}"
    );
}

#[test]
fn orientation_crop_wipe_and_grey_of_every_sampling_and_size_equal_jpegtrans() {
    if !jpegtran::is_available() {
        return;
    }
    let sizes = [
        (1, 1),
        (7, 9),
        (8, 8),
        (16, 16),
        (17, 1),
        (1, 17),
        (33, 31),
        (47, 33),
        (64, 48),
        (67, 45),
    ];
    let mut inputs = Vec::new();
    for (index, kind) in KINDS.into_iter().enumerate() {
        for (width, height) in sizes {
            let image = picture(kind, width, height, index as u64);
            let name = format!("{kind:?} {width}x{height}");
            let baseline = image.encode().unwrap();
            let mut arguments = scan_script(&image);
            if arguments.is_empty() {
                arguments.push("-progressive".to_owned());
                let progressive = jpegtran::run(&arguments, &baseline).unwrap();
                inputs.push((format!("{name} progressive"), progressive));
            }
            inputs.push((name, baseline));
        }
    }
    let tally = compare_all(&inputs, unary_operations);
    eprintln!("{} files: {tally:?}", inputs.len());
    assert!(
        tally.equal > 7000 && tally.refused_by_both > 100,
        "{tally:?}"
    );
}

#[test]
fn insertion_equals_jpegtrans() {
    if !jpegtran::is_available() {
        return;
    }
    let mut inputs: Vec<(String, Vec<u8>)> = fixtures_that_libjpeg_reads()
        .into_iter()
        .filter(|fixture| !fixture.name.starts_with("scans-dqt-redefined"))
        .map(|fixture| (fixture.name, fixture.bytes))
        .collect();
    for (index, kind) in KINDS.into_iter().enumerate() {
        for (width, height) in [(7, 9), (33, 31), (64, 48), (67, 45)] {
            let image = picture(kind, width, height, 77 + index as u64);
            inputs.push((
                format!("{kind:?} {width}x{height}"),
                image.encode().unwrap(),
            ));
        }
    }
    let tally = compare_all(&inputs, insertions);
    eprintln!("{} files: {tally:?}", inputs.len());
    assert!(
        tally.equal > 3000 && tally.refused_by_both > 500,
        "{tally:?}"
    );
}

/// Runs all operations on all files, two at a time.
fn compare_all(
    inputs: &[(String, Vec<u8>)],
    operations: impl Fn(&CoefficientImage, u64) -> Vec<Operation> + Sync,
) -> Tally {
    let total = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (total, operations) = (&total, &operations);
            scope.spawn(move || {
                for (index, (name, file)) in inputs.iter().enumerate().skip(thread).step_by(2) {
                    let image = CoefficientImage::decode(file).unwrap();
                    for operation in operations(&image, index as u64) {
                        let outcome = compare(name, file, &image, &operation);
                        let mut total = total.lock().unwrap();
                        *match outcome {
                            Outcome::Equal => &mut total.equal,
                            Outcome::RefusedByBoth => &mut total.refused_by_both,
                            Outcome::Unwritable => &mut total.unwritable,
                            Outcome::BogusInJpegtran => &mut total.bogus_in_jpegtran,
                        } += 1;
                    }
                }
            });
        }
    });
    total.into_inner().unwrap()
}

enum Outcome {
    Equal,
    RefusedByBoth,
    Unwritable,
    BogusInJpegtran,
}

fn compare(name: &str, file: &[u8], image: &CoefficientImage, operation: &Operation) -> Outcome {
    let what = format!("{name}: {}", operation.arguments.join(" "));
    let mut arguments = operation.arguments.clone();
    if let Some(inserted) = &operation.inserted {
        arguments.push(jpegtran::file("inserted.jpg", inserted));
    }
    let ours = (operation.call)(image);
    arguments.extend(scan_script(ours.as_ref().unwrap_or(image)));
    // jpegtran wraps such levels, or writes what no decoder reads.
    let written = ours.as_ref().map(CoefficientImage::encode);
    if let Err(Error::CoefficientOutOfRange { .. }) | Ok(Err(Error::CoefficientOutOfRange { .. })) =
        written
    {
        return Outcome::Unwritable;
    }
    match (ours, jpegtran::run(&arguments, file)) {
        (Ok(ours), Ok(bytes)) => {
            let theirs = CoefficientImage::decode(&bytes).unwrap();
            assert_same_picture(&ours, &theirs, &what);
            Outcome::Equal
        }
        (Err(error), Err(reason)) => {
            let Error::InvalidArgument(
                ArgumentError::McuGrid { .. }
                | ArgumentError::NoLuminance(_)
                | ArgumentError::IncompatibleImages { .. },
            ) = error
            else {
                panic!("{what}: {error}; jpegtran: {reason}");
            };
            Outcome::RefusedByBoth
        }
        (Ok(_), Err(reason))
            if reason == "Bogus virtual array access" && other_sampling(image, operation) =>
        {
            Outcome::BogusInJpegtran
        }
        (Ok(_), Err(reason)) => panic!("{what}: only jpegtran refuses: {reason}"),
        (Err(error), Ok(_)) => panic!("{what}: only we refuse: {error}"),
    }
}

fn other_sampling(image: &CoefficientImage, operation: &Operation) -> bool {
    let sampling = |image: &CoefficientImage| image.component(0).unwrap().sampling();
    operation
        .inserted
        .as_ref()
        .is_some_and(|bytes| sampling(&CoefficientImage::decode(bytes).unwrap()) != sampling(image))
}

fn assert_same_picture(ours: &CoefficientImage, theirs: &CoefficientImage, what: &str) {
    assert_eq!(
        (ours.width(), ours.height(), ours.color_space()),
        (theirs.width(), theirs.height(), theirs.color_space()),
        "{what}"
    );
    assert_eq!(ours.components().len(), theirs.components().len(), "{what}");
    for (ours, theirs) in ours.components().iter().zip(theirs.components()) {
        assert_eq!(
            (ours.id(), ours.sampling(), ours.quantization_table()),
            (theirs.id(), theirs.sampling(), theirs.quantization_table()),
            "{what}"
        );
        assert!(
            ours == theirs,
            "{what}: blocks of component {} differ",
            ours.id()
        );
    }
}

/// Arguments that make jpegtran write each component alone where an MCU would have more than ten blocks.
fn scan_script(image: &CoefficientImage) -> Vec<String> {
    let components = image.components();
    let blocks: u32 = components
        .iter()
        .map(Component::sampling)
        .map(|factor| u32::from(factor.horizontal() * factor.vertical()))
        .sum();
    if components.len() == 1 || blocks <= 10 {
        return Vec::new();
    }
    let count = components.len();
    let script: String = ["0;", "1;", "2;", "3;"][..count].concat();
    let path = jpegtran::file(&format!("{count}.scans"), script.as_bytes());
    vec!["-scans".to_owned(), path]
}

fn unary_operations(image: &CoefficientImage, seed: u64) -> Vec<Operation> {
    let mut operations = Vec::new();
    for orientation in Orientation::ALL {
        for (edges, argument) in [
            (Edges::Keep, None),
            (Edges::Trim, Some("-trim")),
            (Edges::Refuse, Some("-perfect")),
        ] {
            let arguments = orientation_arguments(orientation);
            operations.push(Operation {
                arguments: arguments
                    .into_iter()
                    .chain(argument.map(str::to_owned))
                    .collect(),
                inserted: None,
                call: Box::new(move |image| image.oriented(orientation, edges)),
            });
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for rectangle in rectangles(image, &mut rng) {
        let Rectangle {
            x,
            y,
            width,
            height,
        } = rectangle;
        let place = format!("{width}x{height}+{x}+{y}");
        operations.push(Operation {
            arguments: vec!["-crop".to_owned(), place.clone()],
            inserted: None,
            call: Box::new(move |image| Ok(image.cropped(rectangle, OffGrid::Snap)?.0)),
        });
        operations.push(Operation {
            arguments: vec!["-wipe".to_owned(), place],
            inserted: None,
            call: Box::new(move |image| Ok(image.wiped(rectangle, OffGrid::Snap)?.0)),
        });
    }
    operations.push(Operation {
        arguments: vec!["-grayscale".to_owned()],
        inserted: None,
        call: Box::new(CoefficientImage::luminance),
    });
    // Two in one go: jpegtran crops what it has turned, and counts MCUs of the grey image.
    let orientation = Orientation::ALL[rng.random_range(1..8)];
    let turned = image.oriented(orientation, Edges::Keep).unwrap();
    for rectangle in rectangles(&turned, &mut rng).into_iter().take(3) {
        let Rectangle {
            x,
            y,
            width,
            height,
        } = rectangle;
        let mut arguments = orientation_arguments(orientation);
        arguments.extend(["-crop".to_owned(), format!("{width}x{height}+{x}+{y}")]);
        operations.push(Operation {
            arguments,
            inserted: None,
            call: Box::new(move |image| {
                let turned = image.oriented(orientation, Edges::Keep)?;
                Ok(turned.cropped(rectangle, OffGrid::Snap)?.0)
            }),
        });
    }
    let mut arguments = orientation_arguments(orientation);
    arguments.push("-grayscale".to_owned());
    operations.push(Operation {
        arguments,
        inserted: None,
        call: Box::new(move |image| image.luminance()?.oriented(orientation, Edges::Keep)),
    });
    operations
}

fn orientation_arguments(orientation: Orientation) -> Vec<String> {
    let arguments: &[&str] = match orientation {
        Orientation::Identity => &[],
        Orientation::FlipHorizontal => &["-flip", "horizontal"],
        Orientation::FlipVertical => &["-flip", "vertical"],
        Orientation::Transpose => &["-transpose"],
        Orientation::Transverse => &["-transverse"],
        Orientation::Rotate90 => &["-rotate", "90"],
        Orientation::Rotate180 => &["-rotate", "180"],
        Orientation::Rotate270 => &["-rotate", "270"],
    };
    arguments
        .iter()
        .map(|&argument| argument.to_owned())
        .collect()
}

/// Rectangles inside the image: all of it, its last pixel, some on the grid of MCUs and some off it.
fn rectangles(image: &CoefficientImage, rng: &mut ChaCha8Rng) -> Vec<Rectangle> {
    let (width, height) = (image.width(), image.height());
    let mut rectangles: Vec<Rectangle> = (0..5)
        .map(|_| {
            let (x, y) = (rng.random_range(0..width), rng.random_range(0..height));
            Rectangle::new(
                x,
                y,
                rng.random_range(1..=width - x),
                rng.random_range(1..=height - y),
            )
        })
        .collect();
    let (mcu_width, mcu_height) = image.mcu_size();
    let (x, y) = (
        width / 2 / mcu_width * mcu_width,
        height / 2 / mcu_height * mcu_height,
    );
    rectangles.push(Rectangle::new(x, y, width - x, height - y));
    rectangles.push(Rectangle::new(width - 1, height - 1, 1, 1));
    rectangles.push(Rectangle::new(0, 0, width, height));
    rectangles
}

/// Insertions of images of the same kind, of equal and of other tables, and between grey and colour.
fn insertions(image: &CoefficientImage, seed: u64) -> Vec<Operation> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut operations = Vec::new();
    for (index, place) in rectangles(image, &mut rng).into_iter().enumerate() {
        // Components that share a table must go on doing so: jpegtran changes it for all of them.
        let factor = [1.0, 0.5, 1.7][index % 3];
        let tables = image.quantization_tables();
        let tables = tables
            .iter()
            .map(|table| table.scaled(factor).unwrap())
            .collect();
        let tables = QuantizationTables::per_component(tables).unwrap();
        let sampling: Vec<SamplingFactor> =
            image.components().iter().map(Component::sampling).collect();
        let (width, height) = (place.width, place.height);
        let mut inserted =
            CoefficientImage::new(width, height, image.color_space(), &sampling, &tables).unwrap();
        if index % 4 == 3 && image.color_space() == ColorSpace::Grey {
            inserted = empty(KINDS[4], width, height, &tables);
        }
        scatter(&mut inserted, &mut rng);
        if index % 4 == 3
            && !shares_first_table(image)
            && let Ok(luminance) = inserted.luminance()
            && image.color_space() == ColorSpace::YCbCr
        {
            inserted = luminance;
        }
        operations.push(insertion(&inserted, place, InsertedTables::CommonDivisor));
        // jpegtran requantizes in 16 bits.
        if largest_coefficient(&inserted) <= 16384 {
            let target = InsertedTables::Target(Rounding::HalfAwayFromZero);
            operations.push(insertion(&inserted, place, target));
        }
    }
    if image.color_space() == ColorSpace::YCbCr {
        // Some have other factors, but the same relative to the largest.
        let place = Rectangle::new(0, 0, image.width(), image.height());
        for kind in &KINDS[2..12] {
            let tables = QuantizationTables::per_component(image.quantization_tables()).unwrap();
            let mut inserted = empty(*kind, place.width, place.height, &tables);
            scatter(&mut inserted, &mut rng);
            operations.push(insertion(&inserted, place, InsertedTables::CommonDivisor));
        }
    }
    operations
}

fn insertion(inserted: &CoefficientImage, place: Rectangle, tables: InsertedTables) -> Operation {
    let bytes = inserted.encode().unwrap();
    let trim = matches!(tables, InsertedTables::Target(_)).then(|| "-trim".to_owned());
    let drop = ["-drop".to_owned(), format!("+{}+{}", place.x, place.y)];
    let inserted = inserted.clone();
    Operation {
        arguments: trim.into_iter().chain(drop).collect(),
        inserted: Some(bytes),
        call: Box::new(move |image| insert_as_jpegtran(image, &inserted, place, tables)),
    }
}

fn insert_as_jpegtran(
    image: &CoefficientImage,
    inserted: &CoefficientImage,
    place: Rectangle,
    tables: InsertedTables,
) -> Result<CoefficientImage> {
    match image.with_inserted(inserted, place.x, place.y, OffGrid::Snap, tables) {
        Ok((image, _)) => Ok(image),
        Err(error) if refusal(&error) == Some("covers no whole MCU") => {
            image.oriented(Orientation::Identity, Edges::Keep)
        }
        Err(error) => Err(error),
    }
}

fn refusal(error: &Error) -> Option<&'static str> {
    match error {
        Error::InvalidArgument(ArgumentError::Rectangle { reason, .. }) => Some(reason),
        _ => None,
    }
}

/// The largest magnitude of a dequantized coefficient.
fn largest_coefficient(image: &CoefficientImage) -> u32 {
    let coefficients = image.components().iter().flat_map(|component| {
        let steps = component.quantization_table().to_natural();
        let levels = component
            .blocks()
            .iter()
            .flatten()
            .zip(steps.into_iter().cycle());
        levels.map(|(level, step)| u32::from(level.unsigned_abs()) * u32::from(step))
    });
    coefficients.max().unwrap_or(0)
}

fn shares_first_table(image: &CoefficientImage) -> bool {
    let tables = image.quantization_tables();
    tables[1..].contains(&tables[0])
}

// ---- laws -------------------------------------------------------------------

/// Where a pixel of a picture of this size comes to lie.
fn moved(orientation: Orientation, (x, y): (u32, u32), (width, height): (u32, u32)) -> (u32, u32) {
    let (right, lower) = (width - 1 - x, height - 1 - y);
    match orientation {
        Orientation::Identity => (x, y),
        Orientation::FlipHorizontal => (right, y),
        Orientation::FlipVertical => (x, lower),
        Orientation::Rotate180 => (right, lower),
        Orientation::Transpose => (y, x),
        Orientation::Transverse => (lower, right),
        Orientation::Rotate90 => (lower, x),
        Orientation::Rotate270 => (y, right),
    }
}

fn moved_size(orientation: Orientation, (width, height): (u32, u32)) -> (u32, u32) {
    if orientation.swaps_sides() {
        (height, width)
    } else {
        (width, height)
    }
}

/// The orientation that does what one does after another, by where it takes the corners of a picture.
fn composed(first: Orientation, second: Orientation) -> Orientation {
    let size = (3, 2);
    let corners = [(0, 0), (2, 0), (0, 1)];
    let both =
        corners.map(|corner| moved(second, moved(first, corner, size), moved_size(first, size)));
    let same = |one: &Orientation| corners.map(|corner| moved(*one, corner, size)) == both;
    Orientation::ALL.into_iter().find(same).unwrap()
}

#[test]
fn exif_orientations_are_made_upright() {
    // Where row 0 and column 0 of the stored picture are seen, by the Exif standard: (top, left) of the
    // upright picture as the side that holds them.
    let sides = [
        (1, "top", "left"),
        (2, "top", "right"),
        (3, "bottom", "right"),
        (4, "bottom", "left"),
        (5, "left", "top"),
        (6, "right", "top"),
        (7, "right", "bottom"),
        (8, "left", "bottom"),
    ];
    let size = (24, 16);
    let stored = picture(KINDS[0], 24, 16, 1);
    for (value, row_0, column_0) in sides {
        let orientation = Orientation::from_exif(value).unwrap();
        assert_eq!(orientation as u16, value);
        let upright = stored.oriented(orientation, Edges::Refuse).unwrap();
        let (width, height) = moved_size(orientation, size);
        assert_eq!((upright.width(), upright.height()), (width, height));
        let on = |side, (x, y)| match side {
            "top" => y == 0,
            "bottom" => y == height / 8 - 1,
            "left" => x == 0,
            _ => x == width / 8 - 1,
        };
        let mean = |image: &CoefficientImage, (x, y)| image.components()[0].block(x, y).unwrap()[0];
        for (x, y) in [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)] {
            let to = moved(orientation, (x, y), (3, 2));
            assert_eq!(mean(&stored, (x, y)), mean(&upright, to));
            assert!(y > 0 || on(row_0, to), "{value}");
            assert!(x > 0 || on(column_0, to), "{value}");
        }
    }
    assert_eq!(Orientation::from_exif(0), None);
    assert_eq!(Orientation::from_exif(9), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn orientations_of_whole_mcus_compose_as_the_symmetries_of_the_square(
        kind in kinds(), columns in 1_u32..4, rows in 1_u32..4, seed: u64,
    ) {
        let (mcu_width, mcu_height) = picture(kind, 1, 1, 0).mcu_size();
        let image = normalized(&picture(kind, columns * mcu_width, rows * mcu_height, seed));
        for first in Orientation::ALL {
            let once = image.oriented(first, Edges::Refuse).unwrap();
            for second in Orientation::ALL {
                let twice = once.oriented(second, Edges::Refuse).unwrap();
                let direct = image.oriented(composed(first, second), Edges::Refuse).unwrap();
                prop_assert!(twice == direct, "{first:?}, {second:?}");
            }
        }
    }

    #[test]
    fn kept_edges_come_back_where_they_were(image in images()) {
        let image = normalized(&image);
        for orientation in Orientation::ALL {
            let back = Orientation::ALL
                .into_iter()
                .find(|&other| composed(orientation, other) == Orientation::Identity)
                .unwrap();
            let turned = image.oriented(orientation, Edges::Keep).unwrap();
            prop_assert!(turned.oriented(back, Edges::Keep).unwrap() == image, "{orientation:?}");
        }
    }

    #[test]
    fn trimming_is_cropping_to_whole_mcus_first(image in images()) {
        let (mcu_width, mcu_height) = image.mcu_size();
        let whole = |pixels: u32, mcu: u32| if pixels > mcu { pixels / mcu * mcu } else { pixels };
        let (width, height) = (image.width(), image.height());
        let both = Rectangle::new(0, 0, whole(width, mcu_width), whole(height, mcu_height));
        let (cropped, _) = image.cropped(both, OffGrid::Refuse).unwrap();
        for orientation in [Orientation::Rotate180, Orientation::Transverse] {
            let expected = cropped.oriented(orientation, Edges::Keep).unwrap();
            prop_assert!(image.oriented(orientation, Edges::Trim).unwrap() == expected);
        }
        let transposed = image.oriented(Orientation::Transpose, Edges::Trim).unwrap();
        prop_assert_eq!((transposed.width(), transposed.height()), (height, width));
    }

    #[test]
    fn pixels_move_with_the_blocks_within_one(
        kind in kinds_with_pixels(), columns in 1_u32..4, rows in 1_u32..4, seed: u64,
    ) {
        let (mcu_width, mcu_height) = picture(kind, 1, 1, 0).mcu_size();
        let image = picture(kind, columns * mcu_width, rows * mcu_height, seed);
        // Where libjpeg rounds samples before it converts colours, a difference of one grows there.
        let converted = matches!(image.color_space(), ColorSpace::YCbCr | ColorSpace::Ycck);
        let pipelines = [PixelPipeline::Precise, PixelPipeline::LibjpegEqual];
        for options in pipelines.into_iter().take(2 - usize::from(converted)).map(replicated) {
            let before = image.to_pixels(&options).unwrap();
            let size = (image.width(), image.height());
            for orientation in Orientation::ALL {
                let after = image.oriented(orientation, Edges::Refuse).unwrap();
                let after = after.to_pixels(&options).unwrap();
                prop_assert_eq!((after.width(), after.height()), moved_size(orientation, size));
                for y in 0..size.1 {
                    for x in 0..size.0 {
                        let to = moved(orientation, (x, y), size);
                        let pairs = pixel(&before, (x, y)).iter().zip(pixel(&after, to));
                        for (before, after) in pairs {
                            prop_assert!(before.abs_diff(*after) <= 1, "{orientation:?} {x} {y}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_pixels_of_a_crop_are_the_crop_of_the_pixels(
        kind in kinds_with_pixels(), width in 1_u32..70, height in 1_u32..70, seed: u64,
    ) {
        let image = picture(kind, width, height, seed);
        for options in [replicated(PixelPipeline::Precise), replicated(PixelPipeline::LibjpegEqual)] {
            let whole = image.to_pixels(&options).unwrap();
            for asked in rectangles(&image, &mut ChaCha8Rng::seed_from_u64(seed)) {
                let (cut, real) = image.cropped(asked, OffGrid::Snap).unwrap();
                prop_assert!(real.x <= asked.x && real.y <= asked.y);
                prop_assert_eq!(real.x + real.width, asked.x + asked.width);
                prop_assert_eq!(real.y + real.height, asked.y + asked.height);
                prop_assert_eq!((cut.width(), cut.height()), (real.width, real.height));
                let cut = cut.to_pixels(&options).unwrap();
                for y in 0..real.height {
                    for x in 0..real.width {
                        prop_assert_eq!(pixel(&cut, (x, y)), pixel(&whole, (real.x + x, real.y + y)));
                    }
                }
            }
        }
    }

    #[test]
    fn what_was_cut_and_wiped_is_put_back_by_insertion(image in images(), seed: u64) {
        let image = normalized(&image);
        for asked in rectangles(&image, &mut ChaCha8Rng::seed_from_u64(seed)) {
            let (wiped, real) = image.wiped(asked, OffGrid::Snap).unwrap();
            prop_assert!(image.wiped(real, OffGrid::Refuse).unwrap() == (wiped.clone(), real));
            let (cut, same) = image.cropped(real, OffGrid::Refuse).unwrap();
            prop_assert_eq!(same, real);
            let (rest, _) = wiped.cropped(real, OffGrid::Refuse).unwrap();
            let mut levels = rest.components().iter().flat_map(|component| component.blocks().as_flattened());
            prop_assert!(levels.all(|&level| level == 0));
            for tables in [InsertedTables::CommonDivisor, InsertedTables::Target(Rounding::HalfToEven)] {
                let back = wiped.with_inserted(&cut, real.x, real.y, OffGrid::Refuse, tables).unwrap();
                prop_assert!(back == (image.clone(), real));
            }
        }
    }

    #[test]
    fn a_common_divisor_changes_no_coefficient_of_either_image(
        image in images(), steps in [1_u16..200, 1_u16..200], seed: u64,
    ) {
        let mut inserted = image.clone();
        scatter(&mut inserted, &mut ChaCha8Rng::seed_from_u64(seed));
        let steps = steps.map(|step| QuantizationTable::uniform(step).unwrap());
        let target = requantized(&image, steps[0]);
        let inserted = requantized(&inserted, steps[1]);
        for asked in rectangles(&image, &mut ChaCha8Rng::seed_from_u64(seed)) {
            let (piece, real) = inserted.cropped(asked, OffGrid::Snap).unwrap();
            let result = target.with_inserted(&piece, real.x, real.y, OffGrid::Snap, InsertedTables::CommonDivisor);
            let (result, replaced) = match result {
                Err(error) if refusal(&error) == Some("covers no whole MCU") => continue,
                result => result.unwrap(),
            };
            let expected = piece.cropped(Rectangle { x: 0, y: 0, ..replaced }, OffGrid::Refuse).unwrap().0;
            let found = result.cropped(replaced, OffGrid::Refuse).unwrap().0;
            prop_assert!(dequantized(&found) == dequantized(&expected));
            let outside = |image: &CoefficientImage| {
                dequantized(&image.wiped(replaced, OffGrid::Refuse).unwrap().0)
            };
            prop_assert!(outside(&result) == outside(&target));
        }
    }

    #[test]
    fn the_pixels_of_the_luminance_are_the_grey_pixels(
        factor in 2..10_usize, width in 1_u32..70, height in 1_u32..70, seed: u64,
    ) {
        let image = picture(KINDS[factor], width, height, seed);
        for options in [InverseOptions::precise(), InverseOptions::libjpeg_equal()] {
            let expected = image.to_pixels(&options.with_format(PixelFormat::Grey)).unwrap();
            let grey = image.luminance().unwrap();
            prop_assert_eq!(&grey.to_pixels(&options).unwrap(), &expected);
            prop_assert_eq!(grey.luminance().unwrap(), grey);
        }
    }

    #[test]
    fn results_are_written_and_read_back(image in images(), seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rectangle = rectangles(&image, &mut rng)[0];
        let mut results: Vec<CoefficientImage> = Orientation::ALL
            .into_iter()
            .flat_map(|orientation| [Edges::Keep, Edges::Trim].map(|edges| (orientation, edges)))
            .map(|(orientation, edges)| image.oriented(orientation, edges).unwrap())
            .collect();
        results.push(image.cropped(rectangle, OffGrid::Snap).unwrap().0);
        results.push(image.wiped(rectangle, OffGrid::Snap).unwrap().0);
        results.extend(image.luminance().ok());
        for result in results {
            let read = CoefficientImage::decode(&result.encode().unwrap()).unwrap();
            prop_assert_eq!(read.components(), result.components());
            prop_assert_eq!(read.color_space(), result.color_space());
        }
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(KINDS.to_vec())
}

/// Those that have pixels, whose samples are repeated a whole number of times.
fn kinds_with_pixels() -> impl Strategy<Value = Kind> {
    let whole = |&(space, factors): &Kind| {
        let largest = |direction: fn(&(u8, u8)) -> u8| factors.iter().map(direction).max().unwrap();
        let (h, v) = (largest(|factor| factor.0), largest(|factor| factor.1));
        space != ColorSpace::Unknown
            && factors
                .iter()
                .all(|factor| h % factor.0 == 0 && v % factor.1 == 0)
    };
    prop::sample::select(KINDS.into_iter().filter(whole).collect::<Vec<_>>())
}

fn images() -> impl Strategy<Value = CoefficientImage> {
    (kinds(), 1_u32..70, 1_u32..70, any::<u64>())
        .prop_map(|(kind, width, height, seed)| picture(kind, width, height, seed))
}

/// The image with a lone component sampled 1x1, as every operation leaves it.
fn normalized(image: &CoefficientImage) -> CoefficientImage {
    image.oriented(Orientation::Identity, Edges::Keep).unwrap()
}

fn replicated(pipeline: PixelPipeline) -> InverseOptions {
    InverseOptions::precise()
        .with_pipeline(pipeline)
        .with_upsampling(Upsampling::Replicate)
}

fn pixel(pixels: &PixelBuffer, (x, y): (u32, u32)) -> &[u8] {
    let channels = pixels.format().channels();
    let start = (y as usize * pixels.width() as usize + x as usize) * channels;
    &pixels.as_slice()[start..start + channels]
}

fn requantized(image: &CoefficientImage, table: QuantizationTable) -> CoefficientImage {
    let mut image = image.clone();
    image
        .requantize(&table.into(), Rounding::default())
        .unwrap();
    image
}

fn dequantized(image: &CoefficientImage) -> Vec<Vec<i32>> {
    let component = |component: &Component| {
        let steps = component.quantization_table().to_natural();
        let levels = component
            .blocks()
            .iter()
            .flatten()
            .zip(steps.into_iter().cycle());
        levels
            .map(|(level, step)| i32::from(*level) * i32::from(step))
            .collect()
    };
    image.components().iter().map(component).collect()
}

// ---- what is kept, what is refused -------------------------------------------

#[test]
fn all_but_the_picture_is_kept() {
    let mut image = CoefficientImage::decode(&fixture("restart-2mcu-grey-q75-33x31")).unwrap();
    assert_eq!(image.restart_interval(), 2);
    let comment = MetadataSegment::comment(b"kept".to_vec()).unwrap();
    image.metadata_mut().push(comment);
    let progressive = CoefficientImage::decode(&fixture("metadata-progressive-444-17x19")).unwrap();
    assert_eq!(progressive.process(), CodingProcess::Progressive);
    assert!(progressive.metadata().len() > 1);
    for image in [image, progressive] {
        let results = [
            image.oriented(Orientation::Rotate90, Edges::Trim).unwrap(),
            image
                .cropped(Rectangle::new(8, 8, 9, 9), OffGrid::Refuse)
                .unwrap()
                .0,
            image
                .wiped(Rectangle::new(8, 8, 8, 8), OffGrid::Refuse)
                .unwrap()
                .0,
            image.luminance().unwrap(),
            image
                .with_inserted(&image, 0, 0, OffGrid::Refuse, InsertedTables::CommonDivisor)
                .unwrap()
                .0,
        ];
        for result in results {
            assert_eq!(result.metadata(), image.metadata());
            assert_eq!(result.process(), image.process());
            assert_eq!(result.restart_interval(), image.restart_interval());
        }
    }
}

#[test]
fn partial_mcus_are_refused_only_where_they_would_move() {
    let image = picture(KINDS[4], 32, 40, 1);
    for orientation in Orientation::ALL {
        let moves_rows = matches!(
            orientation,
            Orientation::FlipVertical
                | Orientation::Rotate90
                | Orientation::Rotate180
                | Orientation::Transverse
        );
        match image.oriented(orientation, Edges::Refuse) {
            Ok(_) => assert!(!moves_rows, "{orientation:?}"),
            Err(Error::InvalidArgument(error)) => {
                assert!(moves_rows, "{orientation:?}");
                let expected = ArgumentError::McuGrid {
                    what: "image height",
                    pixels: 40,
                    mcu: 16,
                };
                assert_eq!(error, expected);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn rectangles_must_lie_inside_and_on_the_grid() {
    let image = picture(KINDS[3], 40, 20, 1);
    assert_eq!(image.mcu_size(), (16, 8));
    let (refuse, snap) = (OffGrid::Refuse, OffGrid::Snap);
    for (x, y, width, height) in [
        (0, 0, 0, 1),
        (0, 0, 1, 0),
        (40, 0, 1, 1),
        (0, 0, 41, 1),
        (39, 19, 2, 1),
        (u32::MAX, 0, 2, 2),
        (2, 2, u32::MAX, 1),
    ] {
        let rectangle = Rectangle::new(x, y, width, height);
        for result in [image.cropped(rectangle, snap), image.wiped(rectangle, snap)] {
            assert!(refusal(&result.unwrap_err()).is_some(), "{rectangle:?}");
        }
    }
    let off_grid = |result: Result<_>, expected, position| match result
        .map(|_: (CoefficientImage, Rectangle)| ())
    {
        Err(Error::InvalidArgument(ArgumentError::McuGrid { what, pixels, .. })) => {
            assert_eq!((what, pixels), (expected, position));
        }
        other => panic!("{other:?}"),
    };
    off_grid(
        image.cropped(Rectangle::new(8, 8, 4, 4), refuse),
        "left edge",
        8,
    );
    off_grid(
        image.cropped(Rectangle::new(16, 4, 4, 4), refuse),
        "upper edge",
        4,
    );
    off_grid(
        image.wiped(Rectangle::new(16, 8, 8, 8), refuse),
        "right edge",
        24,
    );
    off_grid(
        image.wiped(Rectangle::new(16, 8, 16, 9), refuse),
        "lower edge",
        17,
    );
    assert!(image.cropped(Rectangle::new(16, 8, 5, 5), refuse).is_ok());
    assert!(image.wiped(Rectangle::new(16, 8, 24, 12), refuse).is_ok());

    let inserted = picture(KINDS[3], 16, 8, 2);
    let tables = InsertedTables::CommonDivisor;
    off_grid(
        image.with_inserted(&inserted, 8, 8, refuse, tables),
        "left edge",
        8,
    );
    off_grid(
        image.with_inserted(&inserted, 0, 4, refuse, tables),
        "upper edge",
        4,
    );
    let wide = picture(KINDS[3], 17, 8, 2);
    off_grid(
        image.with_inserted(&wide, 16, 0, refuse, tables),
        "right edge",
        33,
    );
    let high = picture(KINDS[3], 16, 9, 2);
    off_grid(
        image.with_inserted(&high, 16, 0, refuse, tables),
        "lower edge",
        9,
    );
    let nothing = image
        .with_inserted(&inserted, 8, 8, snap, tables)
        .unwrap_err();
    assert_eq!(refusal(&nothing), Some("covers no whole MCU"));
    let outside = image
        .with_inserted(&inserted, 32, 8, snap, tables)
        .unwrap_err();
    assert_eq!(refusal(&outside), Some("leaves the image"));
    assert!(
        image
            .with_inserted(&inserted, 16, 8, refuse, tables)
            .is_ok()
    );
    // Moved to (16, 8), and one of its two MCUs is left.
    let (_, replaced) = image
        .with_inserted(&picture(KINDS[3], 30, 12, 2), 10, 8, snap, tables)
        .unwrap();
    assert_eq!(replaced, Rectangle::new(16, 8, 24, 12));
}

#[test]
fn only_grey_and_ycbcr_have_a_luminance() {
    for kind in KINDS {
        let luminance = picture(kind, 20, 20, 1).luminance();
        let first_is_densest = kind
            .1
            .iter()
            .all(|factor| factor.0 <= kind.1[0].0 && factor.1 <= kind.1[0].1);
        if matches!(kind.0, ColorSpace::Grey | ColorSpace::YCbCr) && first_is_densest {
            let luminance = luminance.unwrap();
            assert_eq!(luminance.color_space(), ColorSpace::Grey);
            assert_eq!(luminance.component(0).unwrap().id(), 1);
        } else {
            let refused = matches!(
                luminance,
                Err(Error::InvalidArgument(ArgumentError::NoLuminance(_)))
            );
            assert!(refused, "{kind:?}");
        }
    }
}

#[test]
fn only_images_of_one_kind_are_inserted() {
    let insert = |into: Kind, kind: Kind| {
        let inserted = picture(kind, 48, 48, 2);
        match picture(into, 48, 48, 1).with_inserted(
            &inserted,
            0,
            0,
            OffGrid::Refuse,
            InsertedTables::CommonDivisor,
        ) {
            Ok(_) => None,
            Err(Error::InvalidArgument(ArgumentError::IncompatibleImages { what })) => Some(what),
            Err(error) => panic!("{error}"),
        }
    };
    let [grey, .., two] = KINDS;
    let (full, half, rgb, cmyk, ycck) = (KINDS[2], KINDS[4], KINDS[12], KINDS[13], KINDS[14]);
    for kind in KINDS {
        assert_eq!(insert(kind, kind), None, "{kind:?}");
    }
    assert_eq!(insert(full, KINDS[9]), None);
    assert_eq!(insert(half, grey), None);
    assert_eq!(insert(grey, half), None);
    assert_eq!(insert(full, half), Some("sampling"));
    assert_eq!(insert(grey, KINDS[10]), Some("sampling"));
    for (into, kind) in [
        (rgb, full),
        (rgb, grey),
        (grey, rgb),
        (cmyk, ycck),
        (ycck, grey),
        (full, two),
    ] {
        assert_eq!(insert(into, kind), Some("colour space"));
    }
    let three = (ColorSpace::Unknown, KINDS[2].1);
    assert_eq!(insert(two, three), Some("the number of components"));
}

#[test]
fn a_level_without_a_negative_is_refused_where_it_would_be_negated() {
    let mut image = picture(KINDS[2], 24, 8, 1);
    image.component_mut(1).unwrap().block_mut(2, 0).unwrap()[11] = i16::MIN;
    // Band 11 is odd in both directions.
    for orientation in [
        Orientation::Identity,
        Orientation::Rotate180,
        Orientation::Transpose,
    ] {
        assert!(
            image.oriented(orientation, Edges::Refuse).is_ok(),
            "{orientation:?}"
        );
    }
    for orientation in [
        Orientation::FlipHorizontal,
        Orientation::FlipVertical,
        Orientation::Rotate90,
    ] {
        let error = image.oriented(orientation, Edges::Refuse).unwrap_err();
        let Error::CoefficientOutOfRange {
            component,
            block_x,
            block_y,
            band,
            value,
            ..
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!(
            (component, block_x, block_y, band.natural(), value),
            (1, 2, 0, 11, 32768)
        );
    }
}

#[test]
fn a_common_divisor_that_needs_more_than_16_bits_is_refused() {
    let mut image = picture(KINDS[0], 16, 8, 1);
    image
        .requantize(
            &QuantizationTable::uniform(1000).unwrap().into(),
            Rounding::default(),
        )
        .unwrap();
    image.component_mut(0).unwrap().block_mut(1, 0).unwrap()[9] = 33;
    let inserted = empty(
        KINDS[0],
        8,
        8,
        &QuantizationTable::uniform(999).unwrap().into(),
    );
    let tables = InsertedTables::CommonDivisor;
    let error = image
        .with_inserted(&inserted, 0, 0, OffGrid::Refuse, tables)
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::CoefficientOutOfRange {
                block_x: 1,
                value: 33000,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn exchanged_components_are_refused() {
    let mut image = picture(KINDS[2], 24, 24, 1);
    let mut smaller = picture(KINDS[2], 8, 24, 1);
    std::mem::swap(
        &mut image.components_mut()[1],
        &mut smaller.components_mut()[1],
    );
    let whole = Rectangle::new(0, 0, 8, 8);
    let (refuse, tables) = (OffGrid::Refuse, InsertedTables::CommonDivisor);
    let good = picture(KINDS[2], 24, 24, 1);
    let errors = [
        image
            .oriented(Orientation::Rotate90, Edges::Keep)
            .unwrap_err(),
        image.cropped(whole, refuse).unwrap_err(),
        image.wiped(whole, refuse).unwrap_err(),
        image.luminance().unwrap_err(),
        image
            .with_inserted(&good, 0, 0, refuse, tables)
            .unwrap_err(),
        good.with_inserted(&image, 0, 0, refuse, tables)
            .unwrap_err(),
    ];
    for error in errors {
        assert!(
            matches!(error, Error::InvalidArgument(ArgumentError::Shape { .. })),
            "{error}"
        );
    }
}

// ---- pictures ---------------------------------------------------------------

fn empty(kind: Kind, width: u32, height: u32, tables: &QuantizationTables) -> CoefficientImage {
    let (color_space, factors) = kind;
    let sampling: Vec<SamplingFactor> = factors
        .iter()
        .map(|&(h, v)| SamplingFactor::new(h, v).unwrap())
        .collect();
    CoefficientImage::new(width, height, color_space, &sampling, tables).unwrap()
}

/// A picture of random coefficients.
fn picture(kind: Kind, width: u32, height: u32, seed: u64) -> CoefficientImage {
    let mut image = empty(
        kind,
        width,
        height,
        &QuantizationTables::annex_k(75).unwrap(),
    );
    scatter(&mut image, &mut ChaCha8Rng::seed_from_u64(seed));
    image
}

/// Sets every DC coefficient and some others to small levels.
fn scatter(image: &mut CoefficientImage, rng: &mut ChaCha8Rng) {
    for block in image
        .components_mut()
        .iter_mut()
        .flat_map(Component::blocks_mut)
    {
        for level in block.iter_mut() {
            if rng.random_ratio(1, 4) {
                *level = rng.random_range(-3..=3);
            }
        }
        block[0] = rng.random_range(-30..=30);
    }
}
