//! The promise: a file costs at most what [`Limits`] allow, and the bill is refused before it is run up.

// Counts come from files of a few kilobytes, or from constants beside the cast.
#![allow(clippy::cast_possible_truncation)]

mod common;

use std::fmt::Write as _;
use std::io::{self, Read};
use std::num::NonZeroU16;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use common::allocation::{self, Counting};
use common::bytes::{
    COM, EOI, RST0, SOF0, SOF2, SOI, SOS, TEM, Writer, flat_baseline, frame_part, parts, payload,
};
use common::{fixture, fixtures, least_memory};
use feature_distillation::{
    CoefficientImage, ColorSpace, Component, DecodeOptions, EncodeOptions, Error, FeatureDistiller,
    InverseOptions, LimitKind, Limits, Malformed, QuantizationTable, RestartInterval,
    SamplingFactor,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::{ThreadPool, ThreadPoolBuilder};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// ---- each limit, to the unit ---------------------------------------------------------

#[test]
fn the_pixel_limit_is_width_times_height() {
    for fixture in fixtures() {
        let image = CoefficientImage::decode(&fixture.bytes).unwrap();
        let pixels = u64::from(image.width()) * u64::from(image.height());
        exactly(
            &fixture.bytes,
            pixels,
            Limits::with_max_pixels,
            LimitKind::Pixels,
        );
    }
}

#[test]
fn the_scan_limit_counts_scan_headers() {
    for fixture in fixtures() {
        let scans = count(&fixture.bytes, |code| code == SOS);
        exactly(
            &fixture.bytes,
            scans,
            Limits::with_max_scans,
            LimitKind::Scans,
        );
    }
}

#[test]
fn the_segment_limit_counts_every_marker_segment() {
    for fixture in fixtures() {
        let segments = count(&fixture.bytes, |code| {
            !matches!(code, SOI | EOI | TEM) && !(RST0..RST0 + 8).contains(&code)
        });
        exactly(
            &fixture.bytes,
            segments,
            Limits::with_max_segments,
            LimitKind::Segments,
        );
    }
}

#[test]
fn the_metadata_limit_counts_bytes_of_application_and_comment_segments() {
    let mut some = 0;
    for fixture in fixtures() {
        let bytes: u64 = parts(&fixture.bytes)
            .iter()
            .filter(|part| matches!(part.code, 0xE0..=0xEF | COM))
            .map(|&part| payload(&fixture.bytes, part).len() as u64)
            .sum();
        if bytes > 0 {
            let (kind, limit) = (LimitKind::Metadata, bytes - 1);
            let error = refusal(&fixture.bytes, Limits::default().with_max_metadata(limit));
            // The segment that goes too far is the last one that has any bytes.
            assert_exceeded(&error, kind, bytes, limit);
            some += 1;
        }
        let limits = Limits::default().with_max_metadata(bytes);
        assert!(decode(&fixture.bytes, limits).is_ok(), "{}", fixture.name);
    }
    assert!(some > 100);
}

#[test]
fn the_memory_limit_is_exact() {
    for name in [
        "baseline-420-q50-67x45",
        "progressive-420-q75-47x33",
        "restart-1mcu-baseline-444-67x45",
        "metadata-exif-icc-com-app9-420-33x31",
        "scans-noninterleaved-420-33x31",
    ] {
        let bytes = fixture(name);
        let least = least_memory(|limits| decode(&bytes, limits));
        let image = CoefficientImage::decode(&bytes).unwrap();
        assert!(least >= coefficient_bytes(&image), "{name}");
        exactly(&bytes, least, Limits::with_max_memory, LimitKind::Memory);
    }
}

#[test]
fn the_block_visit_limit_is_visits_by_blocks_of_the_image() {
    for name in [
        "progressive-deep-420-47x33",
        "progressive-420-q75-47x33",
        "progressive-grey-q75-33x31",
        "baseline-420-q50-67x45",
        "scans-noninterleaved-420-33x31",
        "sampling-3x2-2x1-1x1-progressive-47x33",
    ] {
        let bytes = fixture(name);
        let image = CoefficientImage::decode(&bytes).unwrap();
        let blocks: u64 = image
            .components()
            .iter()
            .map(|part| part.blocks().len() as u64)
            .sum();
        // Visits after each scan, added up.
        let visits: Vec<u64> = parts(&bytes)
            .iter()
            .filter(|part| part.code == SOS)
            .map(|&part| {
                let header = payload(&bytes, part);
                let ids = header[1..]
                    .chunks(2)
                    .take(header[0].into())
                    .map(|entry| entry[0]);
                ids.map(|id| {
                    let component = image
                        .components()
                        .iter()
                        .find(|component| component.id() == id);
                    component.unwrap().blocks().len() as u64
                })
                .sum::<u64>()
            })
            .scan(0, |total, visits| {
                *total += visits;
                Some(*total)
            })
            .collect();
        let least = visits.last().unwrap().div_ceil(blocks);
        let limits = Limits::default().with_max_block_visits_per_block(least);
        assert!(decode(&bytes, limits).is_ok(), "{name}");
        let allowed = (least - 1) * blocks;
        let required = *visits.iter().find(|&&visits| visits > allowed).unwrap();
        let error = refusal(&bytes, limits.with_max_block_visits_per_block(least - 1));
        assert_exceeded(&error, LimitKind::BlockVisits, required, allowed);
    }
}

#[test]
fn the_input_limit_holds_for_streams_alone() {
    let bytes = fixture("baseline-420-q50-67x45");
    let length = bytes.len() as u64;
    let options =
        |limit| DecodeOptions::new().with_limits(Limits::default().with_max_input_bytes(limit));
    let read = CoefficientImage::read_with(bytes.as_slice(), &options(length)).unwrap();
    assert_eq!(read, CoefficientImage::decode(&bytes).unwrap());
    let error = CoefficientImage::read_with(bytes.as_slice(), &options(length - 1)).unwrap_err();
    assert_exceeded(&error, LimitKind::InputBytes, length, length - 1);
    assert!(CoefficientImage::decode_with(&bytes, &options(0)).is_ok());
}

#[test]
fn an_endless_stream_is_left_after_the_limit() {
    struct Endless(u64);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += buffer.len() as u64;
            buffer.fill(0xFF);
            Ok(buffer.len())
        }
    }
    let limit = 100_000;
    let options = DecodeOptions::new().with_limits(Limits::default().with_max_input_bytes(limit));
    let mut stream = Endless(0);
    let error = CoefficientImage::read_with(&mut stream, &options).unwrap_err();
    assert_exceeded(&error, LimitKind::InputBytes, limit + 1, limit);
    assert!(stream.0 <= limit + 1, "{} bytes taken", stream.0);
}

#[test]
fn a_failing_stream_is_an_error_of_the_machine() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("unplugged"))
        }
    }
    let error = CoefficientImage::read(Failing).unwrap_err();
    assert!(matches!(error, Error::Io(_)), "{error}");
}

// ---- no cost before the refusal ----------------------------------------------------------

#[test]
fn a_huge_frame_of_few_bytes_is_refused_without_allocating() {
    for code in [SOF0, SOF2] {
        let end = if code == SOF0 { 63 } else { 0 };
        let bytes = Writer::new()
            .quantization(0, 1)
            .huffman(0, 0, &[(1, 0)])
            .huffman(1, 0, &[(1, 0)])
            .frame(
                code,
                65_500,
                65_500,
                &[(1, 1, 1, 0), (2, 1, 1, 0), (3, 1, 1, 0)],
            )
            .scan(&[(1, 0, 0), (2, 0, 0), (3, 0, 0)], [0, end, 0, 0])
            .data(&"0".repeat(4000))
            .finish();
        let (error, peak) = peak_of(|| refusal(&bytes, Limits::default()));
        assert_exceeded(&error, LimitKind::Pixels, 65_500 * 65_500, 1 << 27);
        assert!(peak < 16 << 10, "{peak} bytes");

        // Without limits the bytes themselves tell that the blocks cannot be there.
        let (error, peak) = peak_of(|| refusal(&bytes, Limits::none()));
        assert!(matches!(error, Error::UnexpectedEnd { .. }), "{error}");
        assert!(peak < 16 << 10, "{peak} bytes");

        // Neither does a frame within the pixel limit get memory that it cannot fill.
        let mut bytes = bytes;
        let sides = frame_part(&bytes).position + 4;
        bytes[sides..sides + 4].copy_from_slice(&[0x20, 0, 0x20, 0]);
        let (error, peak) = peak_of(|| refusal(&bytes, Limits::default()));
        assert!(matches!(error, Error::UnexpectedEnd { .. }), "{error}");
        assert!(peak < 16 << 10, "{peak} bytes");
    }
}

#[test]
fn memory_is_refused_before_it_is_allocated() {
    let bytes = noisy_file(1024, 1024, RestartInterval::Never, &[(1, 1)]);
    let (error, peak) = peak_of(|| refusal(&bytes, Limits::default().with_max_memory(1 << 20)));
    // The JFIF segment's payload of 14 bytes is held already.
    assert_exceeded(&error, LimitKind::Memory, 1024 * 1024 * 2 + 14, 1 << 20);
    assert!(peak < 64 << 10, "{peak} bytes");
}

#[test]
fn no_more_memory_is_held_than_was_charged() {
    let restarts = NonZeroU16::new(16).map(RestartInterval::McuRows).unwrap();
    // The last has too many blocks for an MCU: a scan for each component.
    for (restarts, factors) in [
        (RestartInterval::Never, &[(1, 1)][..]),
        (restarts, &[(1, 1)]),
        (RestartInterval::Never, &[(2, 2), (1, 1), (1, 1)]),
        (RestartInterval::Never, &[(4, 4), (4, 2), (2, 4)]),
    ] {
        let bytes = noisy_file(1024, 1024, restarts, factors);
        let least = least_memory(|limits| decode(&bytes, limits));
        let (image, peak) = peak_of(|| decode(&bytes, Limits::default()).unwrap());
        assert!(least >= coefficient_bytes(&image));
        // Tables and headers are small and not charged.
        let charged = least as usize + (64 << 10);
        assert!(peak <= charged, "{peak} bytes held, {least} charged");
    }
}

#[test]
fn a_file_like_the_one_before_takes_no_new_memory_for_its_blocks() {
    let options = DecodeOptions::default();
    let files = [(1024, 1024), (1024, 1024), (512, 768)].map(|(width, height)| {
        noisy_file(
            width,
            height,
            RestartInterval::Never,
            &[(2, 2), (1, 1), (1, 1)],
        )
    });
    let mut image = CoefficientImage::decode(&files[0]).unwrap();
    let places = |image: &CoefficientImage| {
        let components = image.components().iter();
        components
            .map(|component| component.blocks().as_ptr())
            .collect::<Vec<_>>()
    };
    let before = places(&image);
    for bytes in &files {
        let (result, peak) = peak_of(|| image.decode_into(bytes, &options));
        result.unwrap();
        assert_eq!(places(&image), before);
        // The de-stuffed scan, tables and headers.
        assert!(
            peak < bytes.len() + (64 << 10),
            "{peak} bytes for {}",
            bytes.len()
        );
    }
    // What is held already is charged all the same.
    let least = least_memory(|limits| decode(&files[2], limits));
    let limits =
        |memory| DecodeOptions::new().with_limits(Limits::default().with_max_memory(memory));
    image.decode_into(&files[2], &limits(least)).unwrap();
    let error = image
        .decode_into(&files[2], &limits(least - 1))
        .unwrap_err();
    assert_exceeded(&error, LimitKind::Memory, least, least - 1);
}

#[test]
fn memory_is_at_most_a_multiple_of_the_input() {
    let baseline = flat_baseline(4096);
    for (bytes, multiple, reached) in [
        (baseline, 513, 500),
        // A bit for each block, and nothing else but what is known of its coefficients.
        (progressive_bomb(4096, 4096, 2), 1089, 1060),
    ] {
        let enough = multiple * bytes.len() + (256 << 10);
        let (_, peak) = peak_of(|| decode(&bytes, Limits::none()).unwrap());
        assert!(peak <= enough, "{peak} bytes for {}", bytes.len());
        // The bound is no wider than it must be.
        assert!(peak >= reached * bytes.len(), "{peak} bytes");
        // Cut short, the same file costs no more, whether the guard or the end of the data stops it.
        for length in [bytes.len() - 100, bytes.len() / 2, 1000] {
            let (_, peak) = peak_of(|| refusal(&bytes[..length], Limits::none()));
            assert!(
                peak <= multiple * length + (256 << 10),
                "{peak} bytes for {length}"
            );
        }
    }
}

#[test]
fn frame_after_frame_that_leaves_its_height_to_dnl_costs_one_search() {
    let file = (0..4000).fold(Writer::new(), |file, _| {
        file.frame(SOF0, 8, 0, &[(1, 1, 1, 0)])
    });
    let bytes = file
        .scan(&[(1, 0, 0)], [0, 63, 0, 0])
        .raw(&[0xFF, RST0].repeat(1 << 20))
        .finish();
    let started = Instant::now();
    let error = CoefficientImage::recover(&bytes).unwrap_err();
    let elapsed = started.elapsed();
    assert!(
        matches!(
            error,
            Error::Malformed {
                kind: Malformed::MissingLines,
                ..
            }
        ),
        "{error}"
    );
    // A search for each would take minutes.
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
}

#[test]
fn metadata_is_refused_before_it_is_copied() {
    let bytes = metadata_file(2, 60_000);
    let (error, peak) = peak_of(|| refusal(&bytes, Limits::default().with_max_metadata(1000)));
    assert_exceeded(&error, LimitKind::Metadata, 60_000, 1000);
    assert!(peak < 16 << 10, "{peak} bytes");
}

// ---- bombs -----------------------------------------------------------------------------------

#[test]
fn a_progressive_bomb_is_refused_by_its_block_visits() {
    let bytes = progressive_bomb(2048, 2048, 882);
    assert!(bytes.len() < 50_000, "{} bytes", bytes.len());
    let started = Instant::now();
    let error = refusal(&bytes, Limits::default());
    let elapsed = started.elapsed();
    let blocks = 256 * 256;
    assert_exceeded(&error, LimitKind::BlockVisits, 65 * blocks, 64 * blocks);
    assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
}

#[test]
fn a_progressive_bomb_is_refused_by_its_scans() {
    let bytes = progressive_bomb(64, 64, 200);
    let limits = Limits::default().with_max_block_visits_per_block(u64::MAX);
    assert_exceeded(&refusal(&bytes, limits), LimitKind::Scans, 101, 100);
    assert_exceeded(
        &refusal(&bytes, limits.with_max_scans(7)),
        LimitKind::Scans,
        8,
        7,
    );
}

#[test]
fn thousands_of_segments_are_refused() {
    let bytes = metadata_file(5000, 0);
    assert_exceeded(
        &refusal(&bytes, Limits::default()),
        LimitKind::Segments,
        4097,
        4096,
    );
}

#[test]
fn megabytes_of_metadata_are_refused() {
    let bytes = metadata_file(257, 65_533);
    let required = 257 * 65_533;
    assert_exceeded(
        &refusal(&bytes, Limits::default()),
        LimitKind::Metadata,
        required,
        16 << 20,
    );
}

// ---- no limits ---------------------------------------------------------------------------------

#[test]
fn no_limits_read_what_the_default_reads() {
    for fixture in fixtures() {
        let image = decode(&fixture.bytes, Limits::none()).unwrap();
        assert_eq!(
            image,
            CoefficientImage::decode(&fixture.bytes).unwrap(),
            "{}",
            fixture.name
        );
    }
}

#[test]
fn no_limits_read_what_the_default_refuses() {
    for bytes in [
        progressive_bomb(64, 64, 882),
        progressive_bomb(256, 256, 200),
        metadata_file(5000, 0),
        metadata_file(257, 65_533),
    ] {
        assert!(matches!(
            refusal(&bytes, Limits::default()),
            Error::LimitExceeded { .. }
        ));
        assert!(decode(&bytes, Limits::none()).is_ok());
    }
}

#[test]
fn limits_of_zero_refuse_everything() {
    let bytes = fixture("baseline-444-q50-8x8");
    let all: [fn(Limits, u64) -> Limits; 6] = [
        Limits::with_max_pixels,
        Limits::with_max_memory,
        Limits::with_max_scans,
        Limits::with_max_block_visits_per_block,
        Limits::with_max_segments,
        Limits::with_max_metadata,
    ];
    for set in all {
        let error = refusal(&bytes, set(Limits::none(), 0));
        assert!(
            matches!(error, Error::LimitExceeded { allowed: 0, .. }),
            "{error}"
        );
    }
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let limits = Limits::default();
    assert_eq!(limits.max_pixels(), 1 << 27);
    assert_eq!(limits.max_memory(), 512 << 20);
    assert_eq!(limits.max_scans(), 100);
    assert_eq!(limits.max_block_visits_per_block(), 64);
    assert_eq!(limits.max_segments(), 4096);
    assert_eq!(limits.max_metadata(), 16 << 20);
    assert_eq!(limits.max_input_bytes(), 512 << 20);
    assert_eq!(DecodeOptions::new().limits(), &limits);
}

// ---- files made for the purpose --------------------------------------------------------------

/// A grey progressive file of a DC scan and empty AC scans: each visits all blocks in a few bytes.
///
/// One band and one bit a scan, 63 bands of 14 bits: up to 882 of them are legal.
fn progressive_bomb(width: u16, height: u16, scans: usize) -> Vec<u8> {
    let blocks = usize::from(width / 8) * usize::from(height / 8);
    // 0 and fourteen bits: an end-of-band run of 16384 or more; 10 and a bit: of 2 or 3; 110: of 1.
    let mut run = String::new();
    let mut left = blocks;
    while left > 0 {
        if left >= 1 << 14 {
            let length = left.min((1 << 15) - 1);
            write!(run, "0{:014b}", length - (1 << 14)).unwrap();
            left -= length;
        } else if left >= 2 {
            let length = left.min(3);
            write!(run, "10{:b}", length - 2).unwrap();
            left -= length;
        } else {
            run += "110";
            left -= 1;
        }
    }
    let mut file = Writer::new()
        .quantization(0, 1)
        .huffman(0, 0, &[(1, 0)])
        .huffman(1, 0, &[(1, 0xE0), (2, 0x10), (3, 0x00)])
        .frame(SOF2, width, height, &[(1, 1, 1, 0)])
        .scan(&[(1, 0, 0)], [0, 0, 0, 0])
        .data(&"0".repeat(blocks));
    let all = (1..64).flat_map(|band| (0..14).rev().map(move |low| (band, low)));
    for (band, low) in all.take(scans) {
        let high = if low == 13 { 0 } else { low + 1 };
        file = file.scan(&[(1, 0, 0)], [band, band, high, low]).data(&run);
    }
    file.finish()
}

/// A picture of one block behind so many comments of so many bytes.
fn metadata_file(segments: usize, bytes: usize) -> Vec<u8> {
    let mut file = Writer::new();
    let comment = vec![0x20; bytes];
    for _ in 0..segments {
        file = file.segment(COM, &comment);
    }
    file.raw(&fixture("baseline-grey-q90-1x1")[2..])
        .unfinished()
}

/// A file with a lot of entropy-coded data.
fn noisy_file(width: u32, height: u32, restarts: RestartInterval, factors: &[(u8, u8)]) -> Vec<u8> {
    let table = QuantizationTable::uniform(1).unwrap();
    let factors: Vec<SamplingFactor> = factors
        .iter()
        .map(|&(h, v)| SamplingFactor::new(h, v).unwrap())
        .collect();
    let color = if factors.len() == 1 {
        ColorSpace::Grey
    } else {
        ColorSpace::YCbCr
    };
    let mut image = CoefficientImage::new(width, height, color, &factors, &table.into()).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for block in image
        .components_mut()
        .iter_mut()
        .flat_map(Component::blocks_mut)
    {
        block.fill_with(|| random.random_range(-1000..=1000));
    }
    let options = EncodeOptions::new().with_restart_interval(restarts);
    image.encode_with(&options).unwrap().bytes
}

// ---- what is expected --------------------------------------------------------------------------

fn decode(bytes: &[u8], limits: Limits) -> Result<CoefficientImage, Error> {
    CoefficientImage::decode_with(bytes, &DecodeOptions::new().with_limits(limits))
}

#[track_caller]
fn refusal(bytes: &[u8], limits: Limits) -> Error {
    decode(bytes, limits).unwrap_err()
}

/// A limit of `least` suffices; one less is exceeded by one.
#[track_caller]
fn exactly(bytes: &[u8], least: u64, set: fn(Limits, u64) -> Limits, kind: LimitKind) {
    assert!(decode(bytes, set(Limits::default(), least)).is_ok());
    let error = refusal(bytes, set(Limits::default(), least - 1));
    assert_exceeded(&error, kind, least, least - 1);
}

#[track_caller]
fn assert_exceeded(error: &Error, kind: LimitKind, least: u64, most: u64) {
    match *error {
        Error::LimitExceeded {
            limit,
            required,
            allowed,
        } => assert_eq!((limit, required, allowed), (kind, least, most)),
        _ => panic!("expected the {kind} limit, got {error}"),
    }
}

/// What one thread holds: where several share a large picture, they take more while the limit leaves it.
fn peak_of<T: Send>(work: impl FnOnce() -> T + Send) -> (T, usize) {
    static ONE_THREAD: LazyLock<ThreadPool> = LazyLock::new(|| {
        let pool = ThreadPoolBuilder::new().num_threads(1);
        pool.build().unwrap()
    });
    ONE_THREAD.install(|| allocation::peak_of(work))
}

fn coefficient_bytes(image: &CoefficientImage) -> u64 {
    image
        .components()
        .iter()
        .map(|component| size_of_val(component.blocks()) as u64)
        .sum()
}

fn count(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> u64 {
    parts(bytes).iter().filter(|part| wanted(part.code)).count() as u64
}

#[test]
fn pixels_are_refused_before_they_are_allocated() {
    let table = QuantizationTable::uniform(20).unwrap();
    let one = [SamplingFactor::ONE];
    // A short file, so that pixels take more than reading it.
    let image = CoefficientImage::new(256, 256, ColorSpace::Grey, &one, &table.into()).unwrap();
    let bytes = image.encode().unwrap();
    // Pixels of one byte and a row more of them, 16 rows of samples of one, or of floats of four.
    let libjpeg_equal = 256 * 256 + 256 + 256 * 16;
    let precise = 256 * 256 + 256 + 256 * 16 * 4;
    for (options, bytes) in [
        (InverseOptions::libjpeg_equal(), libjpeg_equal),
        (InverseOptions::precise(), precise),
    ] {
        // And coefficients of two bytes.
        let bytes = bytes + 256 * 256 * 2;
        let enough = options.with_limits(Limits::default().with_max_memory(bytes));
        assert!(image.to_pixels(&enough).is_ok());
        let short = options.with_limits(Limits::default().with_max_memory(bytes - 1));
        let (result, peak) = peak_of(|| image.to_pixels(&short));
        assert_exceeded(&result.unwrap_err(), LimitKind::Memory, bytes, bytes - 1);
        assert!(peak < 1 << 10, "{peak} bytes");
    }
    // A row of blocks is all that is held of the coefficients where the pixels come from a file.
    let distilled = precise + 256 / 8 * 128;
    let distiller = FeatureDistiller::builder()
        .tables(table)
        .limits(Limits::default().with_max_memory(distilled - 1))
        .build()
        .unwrap();
    let error = distiller.one_pass_jpeg(&bytes).unwrap_err();
    assert_exceeded(&error, LimitKind::Memory, distilled, distilled - 1);
    assert!(
        distiller
            .with_limits(Limits::default())
            .one_pass_jpeg(&bytes)
            .is_ok()
    );
}
