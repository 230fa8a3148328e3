//! Statistics are exact integers: right, mergeable in any order, and honest about what they have seen.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "small numbers, and equality of bits is what is promised"
)]

use std::collections::BTreeMap;

use feature_distillation::{
    ArgumentError, AsMdDesign, Band, BandClass, BandStatistics, Block, BlockSelection,
    CoefficientImage, ColorSpace, Error, PixelFormat, PixelView, QuantizationTable,
    QuantizationTables, SamplingFactor, TableDesign, TableScope, Weighting, design_tables,
};
use proptest::prelude::*;

/// Grey images of up to 3x3 blocks with tables of their own.
fn images() -> impl Strategy<Value = Vec<CoefficientImage>> {
    let image = (1_u32..=24, 1_u32..=24, 1_u16..=300).prop_flat_map(|(width, height, step)| {
        let blocks = (width.div_ceil(8) * height.div_ceil(8)) as usize;
        prop::collection::vec(prop::collection::vec(-1023_i16..=1023, 64), blocks).prop_map(
            move |blocks| {
                let table =
                    QuantizationTable::from_fn(|band| step + band.natural() as u16).unwrap();
                let blocks: Vec<Block> = blocks
                    .into_iter()
                    .map(|block| block.try_into().unwrap())
                    .collect();
                CoefficientImage::from_blocks(
                    width,
                    height,
                    ColorSpace::Grey,
                    vec![(SamplingFactor::ONE, table, blocks)],
                )
                .unwrap()
            },
        )
    });
    prop::collection::vec(image, 1..8)
}

fn counted<'a>(images: impl IntoIterator<Item = &'a CoefficientImage>) -> BandStatistics {
    let mut statistics = BandStatistics::new().with_histogram(10.0).unwrap();
    for image in images {
        statistics.add_image(image).unwrap();
    }
    statistics
}

/// The coefficients of one band, dequantized.
fn coefficients(images: &[CoefficientImage], band: Band) -> Vec<i64> {
    images
        .iter()
        .flat_map(CoefficientImage::components)
        .flat_map(|component| {
            let step = i64::from(component.quantization_table().step(band));
            component
                .blocks()
                .iter()
                .map(move |block| i64::from(block[band.natural()]) * step)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn statistics_split_anywhere_and_merged_are_equal(images in images(), seed in any::<u64>()) {
        let whole = counted(&images);
        for split in 0..=images.len() {
            let (front, back) = images.split_at(split);
            let mut merged = counted(front);
            merged.merge(&counted(back)).unwrap();
            prop_assert_eq!(&merged, &whole);
            let mut reversed = counted(back);
            reversed.merge(&counted(front)).unwrap();
            prop_assert_eq!(&reversed, &whole);
        }
        let mut rotated = images.clone();
        rotated.rotate_left(seed as usize % images.len());
        prop_assert_eq!(counted(&rotated), whole);
    }

    #[test]
    fn figures_are_those_of_the_coefficients(images in images(), band in (0_usize..64).prop_map(|i| Band::from_natural(i).unwrap())) {
        let statistics = counted(&images);
        let values = coefficients(&images, band);
        let n = values.len() as f64;
        let mean = values.iter().sum::<i64>() as f64 / n;
        let variance = values.iter().map(|&x| (x as f64 - mean).powi(2)).sum::<f64>() / n;
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()));

        let summary = statistics.summary(0, band, Weighting::Blocks).unwrap();
        prop_assert_eq!(summary.count(), values.len() as u64);
        prop_assert!(close(summary.mean(), mean));
        prop_assert!((summary.population_deviation() - variance.sqrt()).abs() < 1e-6 * (1.0 + variance.sqrt()));
        if let Some(sample) = summary.sample_deviation() {
            prop_assert!((sample - (variance * n / (n - 1.0)).sqrt()).abs() < 1e-6 * (1.0 + sample));
        } else {
            prop_assert_eq!(values.len(), 1);
        }
        prop_assert!(close(summary.laplace_scale(), values.iter().map(|x| x.abs()).sum::<i64>() as f64 / n));
        prop_assert_eq!(summary.minimum(), *values.iter().min().unwrap() as f64);
        prop_assert_eq!(summary.maximum(), *values.iter().max().unwrap() as f64);

        let mut bins = BTreeMap::new();
        for value in values {
            *bins.entry(value.div_euclid(10)).or_insert(0_u64) += 1;
        }
        let expected: Vec<(f64, u64)> = bins.into_iter().map(|(bin, count)| (10.0 * bin as f64, count)).collect();
        prop_assert_eq!(statistics.histogram(0, band).unwrap(), expected);
    }

    #[test]
    fn under_image_weighting_every_image_counts_the_same(images in images()) {
        let statistics = counted(&images);
        for band in [Band::DC, Band::new(3, 4).unwrap()] {
            let of_one = |image: &CoefficientImage| {
                counted([image]).summary(0, band, Weighting::Blocks).unwrap()
            };
            let n = images.len() as f64;
            let deviation = images.iter().map(|image| of_one(image).population_deviation()).sum::<f64>() / n;
            let mean = images.iter().map(|image| of_one(image).mean()).sum::<f64>() / n;
            let summary = statistics.summary(0, band, Weighting::Images).unwrap();
            prop_assert!((summary.population_deviation() - deviation).abs() < 1e-6);
            prop_assert!((summary.mean() - mean).abs() < 1e-6);
            prop_assert_eq!(summary.sample_deviation(), None);
        }
    }

    #[test]
    fn rankings_never_rise_and_break_ties_by_frequency(images in images()) {
        let statistics = counted(&images);
        for weighting in [Weighting::Blocks, Weighting::Images] {
            let ranking = statistics.ranking(0, weighting).unwrap();
            for pair in ranking.bands().windows(2) {
                let (first, second) = (ranking.deviation(pair[0]), ranking.deviation(pair[1]));
                prop_assert!(first > second || (first == second && pair[0].zigzag() < pair[1].zigzag()) || (first - second).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn bands_of_equal_deviation_rank_by_frequency() {
    let mut blocks = vec![[0_i16; 64]; 4];
    // The same two values in each band, in turns, so that all deviations are equal.
    for (index, block) in blocks.iter_mut().enumerate() {
        *block = [if index % 2 == 0 { 7 } else { -3 }; 64];
    }
    let table = QuantizationTable::uniform(5).unwrap();
    let image = CoefficientImage::from_blocks(
        16,
        16,
        ColorSpace::Grey,
        vec![(SamplingFactor::ONE, table, blocks)],
    )
    .unwrap();
    let ranking = counted([&image]).ranking(0, Weighting::Blocks).unwrap();
    assert!(ranking.bands().iter().copied().eq(Band::all_zigzag()));
    assert_eq!(ranking.stability(15).ratio(), 1.0);
    assert!(ranking.stability(15).is_coin_toss() && ranking.stability(15).needs_more_images());
    assert_eq!(ranking.stability(64).ratio(), f64::INFINITY);
    assert_eq!(ranking.stability(0).ratio(), f64::INFINITY);
}

#[test]
fn statistics_of_nothing_are_refused() {
    let empty = BandStatistics::new();
    let is_empty = |result: Result<_, Error>| {
        matches!(
            result,
            Err(Error::InvalidArgument(ArgumentError::EmptyStatistics))
        )
    };
    assert!(is_empty(
        empty.summary(0, Band::DC, Weighting::Blocks).map(|_| ())
    ));
    assert!(is_empty(empty.ranking(0, Weighting::Images).map(|_| ())));
    assert!(is_empty(empty.deviations(0, Weighting::Blocks).map(|_| ())));
    assert!(is_empty(AsMdDesign::paper().design(&empty, 0).map(|_| ())));
    assert!(is_empty(
        design_tables(&AsMdDesign::paper(), &empty, TableScope::PerComponent).map(|_| ())
    ));
    // A picture of which no block is free of padding counts nothing.
    let mut interior = BandStatistics::with_selection(BlockSelection::Interior);
    let pixels = [9; 7 * 7];
    interior
        .add_pixels(
            PixelView::new(&pixels, 7, 7, PixelFormat::Grey).unwrap(),
            ColorSpace::Grey,
        )
        .unwrap();
    assert_eq!((interior.blocks(0), interior.images(0)), (0, 0));
    assert!(is_empty(interior.ranking(0, Weighting::Blocks).map(|_| ())));
}

#[test]
fn interior_selection_leaves_padded_blocks_out() {
    let image = CoefficientImage::new(
        20,
        17,
        ColorSpace::YCbCr,
        &[
            SamplingFactor::new(2, 2).unwrap(),
            SamplingFactor::ONE,
            SamplingFactor::ONE,
        ],
        &QuantizationTables::annex_k(50).unwrap(),
    )
    .unwrap();
    let mut all = BandStatistics::new();
    all.add_image(&image).unwrap();
    let mut interior = BandStatistics::with_selection(BlockSelection::Interior);
    interior.add_image(&image).unwrap();
    // 20x17 samples are 3x3 blocks, 2x2 of them whole; 10x9 are 2x2 blocks, one of them whole.
    assert_eq!(
        [
            all.blocks(0),
            all.blocks(1),
            interior.blocks(0),
            interior.blocks(1)
        ],
        [9, 4, 4, 1]
    );
}

#[test]
fn statistics_of_different_things_do_not_mix() {
    let grey = CoefficientImage::new(
        8,
        8,
        ColorSpace::Grey,
        &[SamplingFactor::ONE],
        &QuantizationTables::annex_k(50).unwrap(),
    )
    .unwrap();
    let pixels = [0; 192];
    let rgb = PixelView::new(&pixels, 8, 8, PixelFormat::Rgb).unwrap();
    let mut statistics = BandStatistics::new();
    statistics.add_pixels(rgb, ColorSpace::Rgb).unwrap();
    let before = statistics.clone();
    assert!(statistics.add_image(&grey).is_err());
    assert!(statistics.add_pixels(rgb, ColorSpace::YCbCr).is_err());
    assert!(
        statistics
            .merge(&BandStatistics::with_selection(BlockSelection::Interior))
            .is_err()
    );
    assert!(
        statistics
            .merge(&BandStatistics::new().with_histogram(1.0).unwrap())
            .is_err()
    );
    assert!(statistics.merge(&BandStatistics::new()).is_ok());
    assert_eq!(statistics, before);
    assert!(statistics.with_histogram(1.0).is_err());
}

#[test]
fn pixels_and_the_coefficients_made_of_them_agree() {
    let samples: Vec<u8> = (0..40 * 24 * 3)
        .map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let view = PixelView::new(&samples, 40, 24, PixelFormat::Rgb).unwrap();
    let mut from_pixels = BandStatistics::new();
    from_pixels.add_pixels(view, ColorSpace::Rgb).unwrap();
    let options = feature_distillation::ForwardOptions::precise().with_color_space(ColorSpace::Rgb);
    let table = QuantizationTable::uniform(1).unwrap();
    let image = CoefficientImage::from_pixels(view, &table.into(), &options).unwrap();
    let mut from_image = BandStatistics::new();
    from_image.add_image(&image).unwrap();
    for component in 0..3 {
        let (a, b) = (
            from_pixels
                .deviations(component, Weighting::Blocks)
                .unwrap(),
            from_image.deviations(component, Weighting::Blocks).unwrap(),
        );
        // Rounding to integers adds a deviation of at most 1/2.
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.5));
    }
    let pooled = from_pixels.pooled();
    assert_eq!((pooled.blocks(0), pooled.component_count()), (3 * 15, 1));
}

#[test]
fn statistics_travel_between_machines_and_are_checked_on_arrival() {
    let samples: Vec<u8> = (0..48 * 40 * 3)
        .map(|i: u32| (i * i / 7 % 251) as u8)
        .collect();
    let view = PixelView::new(&samples, 48, 40, PixelFormat::Rgb).unwrap();
    let mut statistics = BandStatistics::new().with_histogram(2.0).unwrap();
    statistics.add_pixels(view, ColorSpace::Rgb).unwrap();
    for statistics in [
        statistics.clone(),
        statistics.pooled(),
        BandStatistics::new(),
    ] {
        let text = serde_json::to_string(&statistics).unwrap();
        assert_eq!(
            serde_json::from_str::<BandStatistics>(&text).unwrap(),
            statistics
        );
    }
    let value = serde_json::to_value(&statistics).unwrap();
    let refuses = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut broken = value.clone();
        change(&mut broken);
        assert_ne!(broken, value);
        serde_json::from_value::<BandStatistics>(broken).is_err()
    };
    assert!(refuses(&|value| value["color_space"] = "grey".into()));
    assert!(refuses(
        &|value| value["color_space"] = serde_json::Value::Null
    ));
    assert!(refuses(&|value| value["components"][0]["blocks"] = 0.into()));
    assert!(refuses(
        &|value| value["components"][0]["images"] = 1000.into()
    ));
    assert!(refuses(
        &|value| value["components"][0]["bands"][5]["squares"] = 1.into()
    ));
    assert!(refuses(
        &|value| value["components"][0]["bands"][5]["sum"] = i64::MAX.into()
    ));
    assert!(refuses(
        &|value| value["components"][0]["bands"][5]["range"] = serde_json::Value::Null
    ));
    assert!(refuses(
        &|value| value["components"][1]["bands"][9]["histogram"] = serde_json::json!({})
    ));
    assert!(refuses(&|value| value["bin_width"] = (1_u32 << 21).into()));
    assert!(refuses(&|value| {
        let histogram = &mut value["components"][1]["bands"][9]["histogram"];
        *histogram = serde_json::json!({ "9223372036854775807": 30 });
    }));
    assert!(refuses(&|value| {
        value["components"][2]["bands"]
            .as_array_mut()
            .unwrap()
            .pop();
    }));
}

#[test]
fn presets_are_the_papers() {
    let ramp = |band: Band| 200 - 10 * i16::from(band.u() + band.v()) - i16::from(band.u());
    let mut blocks = vec![[0_i16; 64]; 2];
    for band in Band::all() {
        blocks[0][band.natural()] = ramp(band);
        blocks[1][band.natural()] = -ramp(band);
    }
    let one = QuantizationTable::uniform(1).unwrap();
    let image = CoefficientImage::from_blocks(
        16,
        8,
        ColorSpace::Grey,
        vec![(SamplingFactor::ONE, one, blocks)],
    )
    .unwrap();
    let statistics = counted([&image]);
    let steps = |design: AsMdDesign| {
        let table = design.design(&statistics, 0).unwrap();
        let partition = design.partition(&statistics, 0).unwrap();
        let inside: Vec<Band> = partition.accuracy_sensitive().collect();
        for band in Band::all() {
            let expected = match partition.class(band) {
                BandClass::AccuracySensitive => design.accuracy_sensitive_step(),
                BandClass::MaliciousDefense => design.malicious_defense_step(),
            };
            assert_eq!(table.step(band), expected);
        }
        (
            inside,
            table.step(Band::DC),
            table.step(Band::new(7, 7).unwrap()),
        )
    };
    let triangle: Vec<Band> = Band::all()
        .filter(|band| band.u() + band.v() <= 4)
        .collect();
    assert_eq!(steps(AsMdDesign::paper()), (triangle.clone(), 20, 30));
    assert_eq!(steps(AsMdDesign::paper_v1()), (triangle.clone(), 1, 40));
    assert_eq!(
        steps(AsMdDesign::paper().scaled(2.0).unwrap()),
        (triangle.clone(), 40, 60)
    );
    assert_eq!(
        steps(AsMdDesign::paper().scaled(3.0).unwrap()),
        (triangle.clone(), 60, 90)
    );
    let square: Vec<Band> = Band::all()
        .filter(|band| band.u() < 4 && band.v() < 4)
        .collect();
    assert_eq!(steps(AsMdDesign::authors_code()), (square, 25, 30));
    let above =
        feature_distillation::AccuracySensitive::Above(f64::from(ramp(Band::new(5, 0).unwrap())));
    let by_threshold = AsMdDesign::new(above, 20, 30).unwrap();
    // Strictly above: (5, 0) itself is out, the rest of its diagonal is in.
    let (inside, ..) = steps(by_threshold);
    assert_eq!(inside.len(), 20);
    let stability = AsMdDesign::paper()
        .stability(&statistics, 0)
        .unwrap()
        .unwrap();
    assert_eq!(stability.images(), 1);
    assert!(stability.ratio() > 1.0);
    assert_eq!(
        AsMdDesign::authors_code()
            .stability(&statistics, 0)
            .unwrap(),
        None
    );
}

#[test]
fn designs_that_cannot_be_are_refused() {
    use feature_distillation::AccuracySensitive::{Above, LowFrequencySquare, Top};
    assert!(AsMdDesign::new(Top(65), 20, 30).is_err());
    assert!(AsMdDesign::new(Top(64), 65535, 1).is_ok());
    assert!(AsMdDesign::new(Top(15), 0, 30).is_err());
    assert!(AsMdDesign::new(Top(15), 20, 0).is_err());
    assert!(AsMdDesign::new(Above(f64::NAN), 20, 30).is_err());
    assert!(AsMdDesign::new(LowFrequencySquare(9), 20, 30).is_err());
}
