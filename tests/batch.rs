//! Batches: on any number of threads the results of one picture after the other, each in its place.
#![allow(
    clippy::cast_possible_truncation,
    reason = "samples of a pattern that wraps"
)]

use feature_distillation::{
    ArgumentError, BandStatistics, BlockSelection, ColorSpace, DecodeOptions, EncodeOptions, Error,
    FeatureDistiller, Limits, PixelBuffer, PixelFormat, PixelView, QuantizationTable, Result,
};
use proptest::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

const THREADS: [usize; 3] = [1, 2, 5];

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
}

fn distiller() -> FeatureDistiller {
    FeatureDistiller::builder()
        .tables(QuantizationTable::uniform(12).unwrap())
        .color_space(ColorSpace::YCbCr)
        .build()
        .unwrap()
}

/// Pictures of many sizes, so that late ones may be done before early ones.
fn pictures() -> Vec<PixelBuffer> {
    (0..24_u32)
        .map(|index| {
            let (width, height) = (8 + 97 * (index * 5 % 7), 8 + 41 * (index * 3 % 5));
            let samples = (0..width * height * 3)
                .map(|i| (i / 3 % width * (index + 1) / 4 + i / (3 * width) + i % 3 * 40) as u8)
                .collect();
            PixelBuffer::new(samples, width, height, PixelFormat::Rgb).unwrap()
        })
        .collect()
}

fn views(pictures: &[PixelBuffer]) -> Vec<PixelView<'_>> {
    pictures.iter().map(PixelBuffer::view).collect()
}

/// Files of the pictures, of which some are damaged, some not JPEG, and one grey.
fn files() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = views(&pictures())
        .into_iter()
        .map(|picture| distiller().compress(picture).unwrap())
        .collect();
    files[0] = b"no JPEG".to_vec();
    let half = files[7].len() / 2;
    files[7].truncate(half);
    files[11] = Vec::new();
    let grey = PixelBuffer::new(vec![99; 40 * 40], 40, 40, PixelFormat::Grey).unwrap();
    files[13] = distiller().compress(grey.view()).unwrap();
    files[23] = b"\xff\xd8\xff\xd9".to_vec();
    files
}

/// Results as they are compared: errors by what they say.
fn told<T>(results: impl IntoIterator<Item = Result<T>>) -> Vec<std::result::Result<T, String>> {
    results
        .into_iter()
        .map(|result| result.map_err(|error| format!("{error:?}")))
        .collect()
}

/// Checks the passes of a batch against those of single pictures.
fn check<I, T: PartialEq + std::fmt::Debug + Send>(
    inputs: &[I],
    single: impl Fn(&I) -> Result<T>,
    batch: impl Fn() -> Vec<Result<T>> + Sync,
) -> Vec<std::result::Result<T, String>> {
    let expected = told(inputs.iter().map(single));
    for threads in THREADS {
        assert_eq!(
            told(pool(threads).install(&batch)),
            expected,
            "{threads} threads"
        );
    }
    expected
}

#[test]
fn files_of_a_batch_are_distilled_as_single_ones_and_failures_stay_in_their_places() {
    let (distiller, files) = (distiller(), files());
    let batch = distiller.batch();
    for results in [
        check(
            &files,
            |file| distiller.one_pass_jpeg(file),
            || batch.one_pass_jpeg(&files),
        ),
        check(
            &files,
            |file| distiller.distill_jpeg(file),
            || batch.distill_jpeg(&files),
        ),
    ] {
        for (index, result) in results.iter().enumerate() {
            assert_eq!(result.is_err(), [0, 7, 11, 23].contains(&index), "{index}");
        }
    }
    let options = EncodeOptions::new();
    check(
        &files,
        |file| distiller.one_pass_transcode(file, &options),
        || batch.one_pass_transcode(&files, &options),
    );
    check(
        &files,
        |file| distiller.distill_jpeg_with_report(file),
        || batch.distill_jpeg_with_report(&files),
    );
}

#[test]
fn large_pictures_are_distilled_as_single_ones_whether_threads_share_them_or_not() {
    let large = PixelBuffer::new(
        (0..1300 * 900)
            .map(|i: u32| (i % 1300 / 8 + i / 13000) as u8)
            .collect(),
        1300,
        900,
        PixelFormat::Grey,
    );
    let distiller = distiller();
    let file = distiller.compress(large.unwrap().view()).unwrap();
    // Fewer than the threads, as many, and more.
    for count in [1, 2, 6] {
        let files = vec![&file; count];
        check(
            &files,
            |file| distiller.one_pass_jpeg(file),
            || distiller.batch().one_pass_jpeg(&files),
        );
    }
}

#[test]
fn pixels_of_a_batch_are_distilled_as_single_ones() {
    let (distiller, pictures) = (distiller(), pictures());
    let (batch, views) = (distiller.batch(), views(&pictures));
    check(
        &views,
        |&view| distiller.compress(view),
        || batch.compress(&views),
    );
    check(
        &views,
        |&view| distiller.distill(view),
        || batch.distill(&views),
    );
    check(
        &views,
        |&view| distiller.one_pass_pixels(view),
        || batch.one_pass_pixels(&views),
    );
}

#[test]
fn a_batch_of_nothing_is_nothing() {
    let distiller = distiller();
    let batch = distiller.batch();
    assert!(batch.one_pass_jpeg::<Vec<u8>>(&[]).is_empty());
    assert!(batch.distill_jpeg::<&[u8]>(&[]).is_empty());
    assert!(batch.compress(&[]).is_empty());
    assert!(batch.distill(&[]).is_empty());
    assert!(batch.one_pass_pixels(&[]).is_empty());
    let mut statistics = BandStatistics::new();
    let none: [&[u8]; 0] = [];
    assert!(
        statistics
            .add_jpegs(&none, &DecodeOptions::new())
            .is_empty()
    );
    assert_eq!(statistics, BandStatistics::new());
}

#[test]
fn each_file_of_a_batch_has_the_limits_for_itself() {
    let picture = PixelBuffer::new(vec![80; 64 * 64 * 3], 64, 64, PixelFormat::Rgb).unwrap();
    let large = PixelBuffer::new(vec![80; 65 * 64 * 3], 65, 64, PixelFormat::Rgb).unwrap();
    let distiller = distiller().with_limits(Limits::default().with_max_pixels(64 * 64));
    let mut files = vec![distiller.compress(picture.view()).unwrap(); 12];
    files[5] = distiller.compress(large.view()).unwrap();
    let results = pool(2).install(|| distiller.batch().one_pass_jpeg(&files));
    for (index, result) in results.iter().enumerate() {
        assert_eq!(
            matches!(result, Err(Error::LimitExceeded { .. })),
            index == 5,
            "{index}: {result:?}"
        );
    }
}

/// Statistics of every kind, with and without an image before.
fn kinds_of_statistics() -> Vec<BandStatistics> {
    let file = distiller().compress(pictures()[3].view()).unwrap();
    let empty = [
        BandStatistics::new(),
        BandStatistics::with_selection(BlockSelection::Interior),
        BandStatistics::new().with_histogram(4.0).unwrap(),
    ];
    let mut begun = empty.clone();
    for statistics in &mut begun {
        statistics.add_jpeg(&file, &DecodeOptions::new()).unwrap();
    }
    empty.into_iter().chain(begun).collect()
}

#[test]
fn statistics_of_a_batch_are_those_of_single_files() {
    let (files, options) = (files(), DecodeOptions::new());
    for empty in kinds_of_statistics() {
        let mut single = empty.clone();
        let expected: Vec<_> = files
            .iter()
            .map(|file| single.add_jpeg(file, &options))
            .collect();
        assert!(matches!(
            expected[13],
            Err(Error::InvalidArgument(
                ArgumentError::IncompatibleStatistics { .. }
            ))
        ));
        let told_expected = told(expected);
        for threads in THREADS {
            let mut batch = empty.clone();
            let results = pool(threads).install(|| batch.add_jpegs(&files, &options));
            assert_eq!(told(results), told_expected, "{threads} threads");
            assert_eq!(batch, single, "{threads} threads");
        }
    }
}

#[test]
fn the_first_file_that_can_be_read_decides_on_the_colour_space_of_a_batch() {
    let mut files = files();
    // One that cannot be read, then the grey one.
    files.swap(1, 13);
    for threads in THREADS {
        let mut statistics = BandStatistics::new();
        let results = pool(threads).install(|| statistics.add_jpegs(&files, &DecodeOptions::new()));
        assert_eq!(statistics.color_space(), Some(ColorSpace::Grey));
        assert_eq!(statistics.images(0), 1);
        let counted = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(counted, 1);
    }
}

#[test]
fn files_that_all_fail_leave_statistics_empty() {
    let files = vec![b"no JPEG".as_slice(); 9];
    let mut statistics = BandStatistics::new();
    let results = pool(2).install(|| statistics.add_jpegs(&files, &DecodeOptions::new()));
    assert_eq!(results.len(), 9);
    assert!(results.iter().all(Result::is_err));
    assert_eq!(statistics, BandStatistics::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn statistics_of_a_batch_do_not_depend_on_the_order_or_the_pieces(
        order in Just((0..24_usize).collect::<Vec<_>>()).prop_shuffle(),
        piece in 1..24_usize,
    ) {
        let files = files();
        let options = DecodeOptions::new();
        let begun = kinds_of_statistics().remove(3);
        let mut whole = begun.clone();
        whole.add_jpegs(&files, &options);
        let shuffled: Vec<_> = order.iter().map(|&index| files[index].as_slice()).collect();
        let mut pieces = begun;
        for files in shuffled.chunks(piece) {
            pool(2).install(|| pieces.add_jpegs(files, &options));
        }
        prop_assert_eq!(pieces, whole);
    }
}
