//! Statistics: the same bits in any order and partition, and only consistent values from outside. An
//! input that begins with a brace is JSON.
#![no_main]

use arbitrary::{Result, Unstructured};
use feature_distillation::{
    Band, BandStatistics, BlockSelection, CoefficientImage, ColorSpace, PixelFormat, Weighting,
};
use feature_distillation_fuzz::draw;
use feature_distillation_fuzz::picture::Picture;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    if input.starts_with(b"{") {
        if let Ok(statistics) = serde_json::from_slice::<BandStatistics>(input) {
            assert_consistent(&statistics);
        }
        return;
    }
    // An input that runs dry is checked as far as it went.
    let _ = drawn(&mut Unstructured::new(input));
});

/// An image to be counted.
enum Sample {
    Coefficients(CoefficientImage),
    Pixels(Picture, ColorSpace),
}

fn drawn(u: &mut Unstructured<'_>) -> Result<()> {
    let empty = empty(u)?;
    let samples = samples(u)?;
    let mut whole = empty.clone();
    for sample in &samples {
        add(&mut whole, sample);
    }
    assert_consistent(&whole);

    // The same images dealt to several statistics, each in an order of its own.
    let mut parts = vec![empty.clone(); u.int_in_range(1..=4)?];
    let mut order: Vec<usize> = (0..samples.len()).collect();
    shuffle(u, &mut order)?;
    for index in order {
        let part = u.choose_index(parts.len())?;
        add(&mut parts[part], &samples[index]);
    }
    shuffle(u, &mut parts)?;
    let mut merged = empty;
    for part in &parts {
        let travelled = travelled(part);
        assert_eq!(&travelled, part);
        merged.merge(&travelled).expect("statistics of one kind");
    }
    assert_eq!(merged, whole, "order or partition shows");
    assert_consistent(&whole.pooled());
    edited(u, &whole)
}

fn empty(u: &mut Unstructured<'_>) -> Result<BandStatistics> {
    let selection = draw::one_of(u, &[BlockSelection::All, BlockSelection::Interior])?;
    let empty = BandStatistics::with_selection(selection);
    let width: f64 = match u.int_in_range(0..=2)? {
        0 => return Ok(empty),
        1 => f64::from(u.arbitrary::<u16>()?) / 16.0,
        _ => u.arbitrary()?,
    };
    Ok(empty.clone().with_histogram(width).unwrap_or(empty))
}

/// Images whose components stand for the same.
fn samples(u: &mut Unstructured<'_>) -> Result<Vec<Sample>> {
    let color_space = draw::color_space(u)?;
    let count = color_space.components();
    let mut samples = Vec::new();
    for _ in 0..u.int_in_range(0..=5)? {
        let format = match color_space {
            ColorSpace::Grey => Some(draw::one_of(u, &[PixelFormat::Grey, PixelFormat::Rgb])?),
            ColorSpace::Rgb | ColorSpace::YCbCr => Some(PixelFormat::Rgb),
            _ => None,
        };
        match format {
            Some(format) if u.arbitrary()? => {
                samples.push(Sample::Pixels(Picture::draw(u, 24, format)?, color_space));
            }
            _ => {
                let image = draw::coefficient_image(u, color_space, 24)?;
                if count.is_some() || samples.is_empty() {
                    samples.push(Sample::Coefficients(image));
                }
            }
        }
    }
    Ok(samples)
}

fn add(statistics: &mut BandStatistics, sample: &Sample) {
    match sample {
        Sample::Coefficients(image) => statistics.add_image(image),
        Sample::Pixels(picture, color_space) => {
            picture.with_view(|view| statistics.add_pixels(view, *color_space))
        }
    }
    .expect("images of one kind");
}

fn shuffle<T>(u: &mut Unstructured<'_>, items: &mut [T]) -> Result<()> {
    for last in (1..items.len()).rev() {
        items.swap(last, u.int_in_range(0..=last)?);
    }
    Ok(())
}

fn travelled(statistics: &BandStatistics) -> BandStatistics {
    let text = serde_json::to_string(statistics).expect("statistics are plain");
    serde_json::from_str(&text).expect("the crate's own statistics")
}

/// Statistics of a machine that lies: some numbers of true ones are others.
fn edited(u: &mut Unstructured<'_>, statistics: &BandStatistics) -> Result<()> {
    // A `Value` holds no integer of more than 64 bits; the text of JSON does.
    let Ok(mut value) = serde_json::to_value(statistics) else {
        return Ok(());
    };
    for _ in 0..u.int_in_range(1..=4)? {
        edit(u, &mut value)?;
    }
    if let Ok(statistics) = serde_json::from_value::<BandStatistics>(value) {
        assert_consistent(&statistics);
    }
    Ok(())
}

/// Walks down to some leaf and changes it.
fn edit(u: &mut Unstructured<'_>, value: &mut Value) -> Result<()> {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let index = u.choose_index(items.len())?;
            edit(u, &mut items[index])
        }
        Value::Object(fields) if !fields.is_empty() => {
            let index = u.choose_index(fields.len())?;
            match fields.values_mut().nth(index) {
                Some(field) => edit(u, field),
                None => Ok(()),
            }
        }
        leaf => {
            *leaf = match (u.int_in_range(0..=4)?, leaf.as_i64()) {
                (0, Some(number)) => number.wrapping_add(u.arbitrary::<i8>()?.into()).into(),
                (1, Some(number)) => number.wrapping_neg().into(),
                (2, _) => u.arbitrary::<i64>()?.into(),
                (3, _) => u.arbitrary::<u64>()?.into(),
                _ => draw::one_of(u, &[0, 1, -1, i64::MAX, i64::MIN])?.into(),
            };
            Ok(())
        }
    }
}

/// What holds for every value: figures of numbers that exist, and a way there and back.
fn assert_consistent(statistics: &BandStatistics) {
    assert_eq!(&travelled(statistics), statistics);
    if let Some(color_space) = statistics.color_space() {
        let count = statistics.component_count();
        assert!(color_space.components().unwrap_or(count) == count);
    }
    for component in 0..statistics.component_count() {
        for weighting in [Weighting::Blocks, Weighting::Images] {
            assert_figures(statistics, component, weighting);
        }
    }
    // Addition leads to nothing that would be refused, short of more blocks than any archive has.
    if (0..statistics.component_count()).all(|component| statistics.blocks(component) < 1 << 48) {
        let mut twice = statistics.clone();
        twice.merge(statistics).expect("statistics of one kind");
        assert_eq!(travelled(&twice.pooled()), twice.pooled());
        assert_eq!(travelled(&twice), twice);
    }
    assert_eq!(
        statistics.pooled().component_count(),
        statistics.component_count().min(1)
    );
}

fn assert_figures(statistics: &BandStatistics, component: usize, weighting: Weighting) {
    let blocks = statistics.blocks(component);
    assert_eq!(blocks == 0, statistics.images(component) == 0);
    let Ok(ranking) = statistics.ranking(component, weighting) else {
        assert_eq!(blocks, 0, "no ranking of {blocks} blocks");
        return;
    };
    let mut bands = *ranking.bands();
    bands.sort_unstable();
    assert!(
        bands.into_iter().eq(Band::all()),
        "a ranking has every band once"
    );
    for band in Band::all() {
        let summary = statistics
            .summary(component, band, weighting)
            .expect("a component that was counted");
        let (low, high) = (summary.minimum(), summary.maximum());
        // Images' own figures are rounded to a fraction of a unit, and sums of many to a float.
        let slack = 1e-6 + 1e-9 * low.abs().max(high.abs());
        let text = format!("component {component}, {band}, {weighting:?}: {summary:?}");
        assert_eq!(summary.count(), blocks, "{text}");
        assert!(low <= high, "{text}");
        assert!(summary.mean() >= low - slack, "{text}");
        assert!(summary.mean() <= high + slack, "{text}");
        // Values between two bounds deviate by half their distance at most.
        let deviation = summary.population_deviation();
        assert!(deviation >= 0.0, "{text}");
        assert!(deviation <= (high - low) / 2.0 + slack, "{text}");
        assert!(
            summary.laplace_scale() >= summary.mean().abs() - slack,
            "{text}"
        );
        assert!(
            summary.laplace_scale() <= low.abs().max(high.abs()) + slack,
            "{text}"
        );
        if let Some(bins) = statistics.histogram(component, band) {
            let counted: u128 = bins.iter().map(|&(_, count)| u128::from(count)).sum();
            assert_eq!(counted, u128::from(blocks), "{text}");
        }
    }
}
