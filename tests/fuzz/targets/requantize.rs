//! Requantization: nothing by the same tables, else the nearest level by the rule named, or a refusal
//! that leaves the image as it was.
#![no_main]

use arbitrary::{Result, Unstructured};
use feature_distillation::{CoefficientImage, Component, Error, QuantizationTables, Rounding};
use feature_distillation_fuzz::{draw, jpeg};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(image) = jpeg::decode(input, 1 << 18) else {
        return;
    };
    // Room for four tables of 16-bit steps and some levels.
    let mut u = Unstructured::new(jpeg::tail(input, 768));
    // An input that runs dry is checked as far as it went.
    let _ = check(&mut u, image);
});

fn check(u: &mut Unstructured<'_>, mut image: CoefficientImage) -> Result<()> {
    let rounding = draw::rounding(u)?;
    let tables = draw::tables(u)?;
    same_tables_change_nothing(&image, rounding);
    other_tables_give_the_nearest_level(&image, &tables, rounding);
    draw::set_levels(u, &mut image)?;
    same_tables_change_nothing(&image, rounding);
    other_tables_give_the_nearest_level(&image, &tables, rounding);
    Ok(())
}

fn same_tables_change_nothing(image: &CoefficientImage, rounding: Rounding) {
    let own = QuantizationTables::per_component(image.quantization_tables())
        .expect("an image has 1 to 4 components");
    let mut same = image.clone();
    same.requantize(&own, rounding)
        .expect("the image's own tables");
    assert_eq!(&same, image);
}

fn other_tables_give_the_nearest_level(
    image: &CoefficientImage,
    tables: &QuantizationTables,
    rounding: Rounding,
) {
    let mut moved = image.clone();
    let result = moved.requantize(tables, rounding);
    let expected: Vec<Vec<i64>> = image
        .components()
        .iter()
        .enumerate()
        .map(|(index, component)| levels(component, &tables.table(index).to_natural(), rounding))
        .collect();
    match result {
        Ok(()) => {
            for ((index, component), expected) in
                moved.components().iter().enumerate().zip(expected)
            {
                assert_eq!(component.quantization_table(), tables.table(index));
                let found: Vec<i64> = component
                    .blocks()
                    .as_flattened()
                    .iter()
                    .map(|&level| level.into())
                    .collect();
                assert_eq!(found, expected, "{rounding:?}");
            }
        }
        Err(Error::CoefficientOutOfRange { .. }) => {
            assert_eq!(&moved, image, "a refusal leaves the image unchanged");
            // Some level would leave the range, or is the one level that has no negative.
            let leaves = expected.iter().flatten().any(|level| level.abs() > 32767);
            let lowest = image
                .components()
                .iter()
                .any(|component| component.blocks().as_flattened().contains(&i16::MIN));
            assert!(leaves || lowest, "refused without need");
        }
        Err(error) => panic!("{error}"),
    }
}

/// The nearest levels by exact integers.
fn levels(component: &Component, to: &[u16; 64], rounding: Rounding) -> Vec<i64> {
    let from = component.quantization_table().to_natural();
    let mut levels = Vec::with_capacity(64 * component.blocks().len());
    for block in component.blocks() {
        for ((&level, from), &to) in block.iter().zip(from).zip(to) {
            let (value, step) = (i64::from(level) * i64::from(from), i64::from(to));
            let (below, rest) = (value.div_euclid(step), value.rem_euclid(step));
            let up = match (2 * rest).cmp(&step) {
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Greater => true,
                std::cmp::Ordering::Equal => match rounding {
                    Rounding::HalfAwayFromZero => value > 0,
                    Rounding::HalfToEven => below % 2 != 0,
                    Rounding::HalfTowardZero => value < 0,
                },
            };
            let nearest = below + i64::from(up);
            assert!(2 * (nearest * step - value).abs() <= step);
            levels.push(nearest);
        }
    }
    levels
}
