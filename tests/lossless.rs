//! The promise: lossless operations give jpegtran's coefficients, and keep the laws that geometry gives
//! them.

mod common;
mod oracle;

use std::sync::Mutex;

use common::{fixture, fixtures};
use feature_distillation::{
    ArgumentError, CodingProcess, CoefficientImage, ColorSpace, Edges, Error, InsertedTables,
    InverseOptions, MetadataSegment, OffGrid, Orientation, PixelBuffer, PixelFormat, PixelPipeline,
    QuantizationTable, QuantizationTables, Rectangle, Result, Rounding, SamplingFactor, Upsampling,
};
use oracle::jpegtran::Jpegtran;
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

/// One operation as jpegtran's arguments and as a call.
struct Operation {
    arguments: Vec<String>,
    /// A file whose name follows the arguments.
    inserted: Option<Vec<u8>>,
    call: Box<dyn Fn(&CoefficientImage) -> Result<CoefficientImage>>,
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
    let Some(jpegtran) = Jpegtran::find() else {
        return;
    };
    let inputs: Vec<(String, Vec<u8>)> = fixtures()
        .into_iter()
        // jpegtran refuses files that redefine a table between scans.
        .filter(|fixture| !fixture.name.starts_with("scans-dqt-redefined"))
        .map(|fixture| (fixture.name, fixture.bytes))
        .collect();
    let tally = compare_all(jpegtran, &inputs, |image, seed| {
        unary_operations(image, seed)
    });
    eprintln!("{} files: {tally:?}", inputs.len());
    assert!(
        tally.equal > 4000 && tally.refused_by_both > 100,
        "{tally:?}"
    );
}

#[test]
fn orientation_crop_wipe_and_grey_of_every_sampling_and_size_equal_jpegtrans() {
    let Some(jpegtran) = Jpegtran::find() else {
        return;
    };
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
                let progressive = jpegtran.run(&arguments, &baseline).unwrap();
                inputs.push((format!("{name} progressive"), progressive));
            }
            inputs.push((name, baseline));
        }
    }
    let tally = compare_all(jpegtran, &inputs, |image, seed| {
        unary_operations(image, seed)
    });
    eprintln!("{} files: {tally:?}", inputs.len());
    assert!(
        tally.equal > 7000 && tally.refused_by_both > 100,
        "{tally:?}"
    );
}

#[test]
fn insertion_equals_jpegtrans() {
    let Some(jpegtran) = Jpegtran::find() else {
        return;
    };
    let mut inputs: Vec<(String, Vec<u8>)> = fixtures()
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
    let tally = compare_all(jpegtran, &inputs, insertions);
    eprintln!("{} files: {tally:?}", inputs.len());
    assert!(tally.equal > 1000, "{tally:?}");
}

/// Runs all operations on all files, two at a time.
fn compare_all(
    jpegtran: &Jpegtran,
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
                        let outcome = compare(jpegtran, name, file, &image, &operation);
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

fn compare(
    jpegtran: &Jpegtran,
    name: &str,
    file: &[u8],
    image: &CoefficientImage,
    operation: &Operation,
) -> Outcome {
    let what = format!("{name}: {}", operation.arguments.join(" "));
    let thread = std::thread::current().id();
    let mut arguments = operation.arguments.clone();
    if let Some(inserted) = &operation.inserted {
        arguments.push(Jpegtran::file(&format!("{thread:?}.jpg"), inserted));
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
    match (ours, jpegtran.run(&arguments, file)) {
        (Ok(ours), Ok(bytes)) => {
            let theirs = CoefficientImage::decode(&bytes).unwrap();
            assert_same_picture(&ours, &theirs, &what);
            Outcome::Equal
        }
        (Err(_), Err(_)) => Outcome::RefusedByBoth,
        (Ok(_), Err(reason))
            if reason == "Bogus virtual array access" && operation.inserted.is_some() =>
        {
            Outcome::BogusInJpegtran
        }
        (Ok(_), Err(reason)) => panic!("{what}: only jpegtran refuses: {reason}"),
        (Err(error), Ok(_)) => panic!("{what}: only we refuse: {error}"),
    }
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
        .map(|component| component.sampling())
        .map(|factor| u32::from(factor.horizontal() * factor.vertical()))
        .sum();
    if components.len() == 1 || blocks <= 10 {
        return Vec::new();
    }
    let count = components.len();
    let script: String = (0..count).map(|index| format!("{index};\n")).collect();
    let thread = std::thread::current().id();
    let path = Jpegtran::file(&format!("{count}-{thread:?}.scans"), script.as_bytes());
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
        let sampling: Vec<SamplingFactor> = image
            .components()
            .iter()
            .map(|component| component.sampling())
            .collect();
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
        let bytes = inserted.encode().unwrap();
        let policies = [
            InsertedTables::CommonDivisor,
            InsertedTables::Target(Rounding::HalfAwayFromZero),
        ];
        for tables in policies {
            // jpegtran requantizes in 16 bits.
            if matches!(tables, InsertedTables::Target(_)) && largest_coefficient(&inserted) > 16384
            {
                continue;
            }
            let trim = matches!(tables, InsertedTables::Target(_)).then(|| "-trim".to_owned());
            let inserted = inserted.clone();
            let drop = ["-drop".to_owned(), format!("+{}+{}", place.x, place.y)];
            operations.push(Operation {
                arguments: trim.into_iter().chain(drop).collect(),
                inserted: Some(bytes.clone()),
                call: Box::new(move |image| insert_as_jpegtran(image, &inserted, place, tables)),
            });
        }
    }
    operations
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
        .flat_map(|component| component.blocks_mut())
    {
        for level in block.iter_mut() {
            if rng.random_ratio(1, 4) {
                *level = rng.random_range(-3..=3);
            }
        }
        block[0] = rng.random_range(-30..=30);
    }
}
