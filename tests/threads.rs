//! The promise: threads that share a picture keep within its memory, all of them together.

mod common;

use std::num::NonZeroU16;
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::allocation::{Counting, peak_of_all_threads};
use common::bytes::flat_baseline;
use common::least_memory;
use feature_distillation::{
    CoefficientImage, ColorSpace, DecodeOptions, EncodeOptions, Error, FeatureDistiller, Limits,
    PixelPipeline, QuantizationTable, RestartInterval, SamplingFactor,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::{ThreadPool, ThreadPoolBuilder};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Tables, headers and what rayon keeps are small and not charged.
const UNCHARGED: usize = 256 << 10;

#[test]
fn several_threads_keep_within_the_limit() {
    let _alone = alone();
    let pool = pool(4);
    for restarts in [0, 40] {
        let bytes = noisy_file(2048, 1024, 1000, restarts);
        let least = least_memory(|limits| decode(&bytes, limits));
        let mut before = 0;
        for more in [0, 1 << 20, 32 << 20] {
            let memory = least + more;
            let limits = Limits::default().with_max_memory(memory);
            let peak = peak_of_decoding(&pool, &bytes, limits);
            assert!(
                peak <= usize::try_from(memory).unwrap() + UNCHARGED,
                "{peak} bytes held of {memory}"
            );
            assert!(peak + (64 << 10) >= before, "{peak} {before}");
            before = peak;
        }
        // Otherwise the threads had nothing to do.
        let least = usize::try_from(least).unwrap();
        assert!(
            before > least + (4 << 20),
            "{before} bytes held, {least} needed"
        );
    }
}

#[test]
fn several_threads_keep_within_the_multiple_of_the_input() {
    let _alone = alone();
    let flat = flat_baseline(4096);
    let peak = peak_of_decoding(&pool(4), &flat, Limits::none());
    assert!(peak <= 513 * flat.len() + UNCHARGED, "{peak} bytes");
}

#[test]
fn memory_does_not_grow_with_the_height_of_the_picture() {
    let _alone = alone();
    let pool = pool(2);
    for restarts in [0, 40] {
        let [low, high] = [1024, 2048].map(|height| noisy_file(1600, height, 20, restarts));
        for pipeline in [PixelPipeline::LibjpegEqual, PixelPipeline::Precise] {
            let distiller = FeatureDistiller::builder()
                .tables(QuantizationTable::uniform(20).unwrap())
                .pipeline(pipeline)
                .build()
                .unwrap();
            let held = |bytes: &[u8]| {
                let pass = || distiller.one_pass_jpeg(bytes).unwrap();
                let (pixels, peak) = pool.install(|| peak_of_all_threads(pass));
                peak - pixels.as_slice().len()
            };
            let [low, high] = [held(&low), held(&high)];
            assert!(low.abs_diff(high) < 64 << 10, "{low} and {high} bytes");
            assert!(high < 16 << 20, "{high} bytes");
        }
    }
}

/// No other test of this file runs while this is held: memory is counted for the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pool(threads: usize) -> ThreadPool {
    let pool = ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap()
}

fn peak_of_decoding(pool: &ThreadPool, bytes: &[u8], limits: Limits) -> usize {
    let (_, peak) = pool.install(|| peak_of_all_threads(|| decode(bytes, limits).unwrap()));
    peak
}

fn decode(bytes: &[u8], limits: Limits) -> Result<CoefficientImage, Error> {
    CoefficientImage::decode_with(bytes, &DecodeOptions::new().with_limits(limits))
}

/// A file with chroma halved both ways, levels as large as `most`, and a marker behind so many MCUs.
fn noisy_file(width: u32, height: u32, most: i16, restarts: u16) -> Vec<u8> {
    let table = QuantizationTable::uniform(1).unwrap();
    let two = SamplingFactor::new(2, 2).unwrap();
    let factors = [two, SamplingFactor::ONE, SamplingFactor::ONE];
    let mut image =
        CoefficientImage::new(width, height, ColorSpace::YCbCr, &factors, &table.into()).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for component in image.components_mut() {
        for block in component.blocks_mut() {
            block.fill_with(|| random.random_range(-most..=most));
        }
    }
    let restarts = NonZeroU16::new(restarts);
    let restarts = restarts.map_or(RestartInterval::Never, RestartInterval::Mcus);
    let options = EncodeOptions::new().with_restart_interval(restarts);
    image.encode_with(&options).unwrap().bytes
}
