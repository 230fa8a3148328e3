mod damage;

use std::num::NonZeroU16;
use std::sync::LazyLock;

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::ThreadPool;

use super::*;
use crate::coefficients::{CoefficientImage, ColorSpace, Component, Outline, SamplingFactor};
use crate::error::{Error, Malformed, Result};
use crate::jpeg::bit_writer::BitWriter;
use crate::jpeg::decode::scan::{Faults, Refuse};
use crate::jpeg::decode::{DecodeOptions, Decoder, RowSink};
use crate::jpeg::header::ScanHeader;
use crate::jpeg::marker;
use crate::limits::{Budget, Limits};
use crate::quantization::{QuantizationTable, QuantizationTables};
use crate::{EncodeOptions, HuffmanTables, OutOfRange, RestartInterval, ScanScript};

/// Sampling factors of the components, and the colour space.
const LAYOUTS: [(&[(u8, u8)], ColorSpace); 9] = [
    (&[(1, 1)], ColorSpace::Grey),
    (&[(1, 1), (1, 1), (1, 1)], ColorSpace::YCbCr),
    (&[(2, 1), (1, 1), (1, 1)], ColorSpace::YCbCr),
    (&[(2, 2), (1, 1), (1, 1)], ColorSpace::YCbCr),
    // Standard tables: the same ones for all components.
    (&[(1, 1), (1, 1), (1, 1)], ColorSpace::Rgb),
    (&[(1, 1), (1, 1), (1, 1), (1, 1)], ColorSpace::Cmyk),
    (&[(2, 2), (1, 1), (1, 1), (2, 2)], ColorSpace::Ycck),
    (&[(2, 2), (1, 1), (2, 1)], ColorSpace::YCbCr),
    // The same tables for components of different numbers of blocks: only luck finds the right one.
    (&[(2, 2), (1, 1), (1, 1)], ColorSpace::Rgb),
];

/// Chunks so short that small pictures have many.
const SHORT: Pace = Pace {
    chunks: 5,
    blocks: 40,
    most_blocks: 90,
    least_bytes: 60,
    most_bytes: 4000,
    settling_bits: 1500,
    mcu_rows: 3,
};

/// A picture whose blocks have coefficients as rare and as small as those of photographs.
fn picture(layout: usize, width: u32, height: u32, busy: f64, seed: u64) -> CoefficientImage {
    let (samplings, color_space) = LAYOUTS[layout];
    let samplings: Vec<SamplingFactor> = samplings
        .iter()
        .map(|&(h, v)| SamplingFactor::new(h, v).unwrap())
        .collect();
    let tables = QuantizationTables::shared(QuantizationTable::uniform(3).unwrap());
    let mut image = CoefficientImage::new(width, height, color_space, &samplings, &tables).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for component in image.components_mut() {
        let mut dc = 0_i16;
        for block in component.blocks_mut() {
            dc = (dc + random.random_range(-30..=30)).clamp(-900, 900);
            block[0] = dc;
            for level in &mut block[1..] {
                if random.random_bool(busy) {
                    let most = random.random_range(1..8);
                    let size = random.random_range(0..most);
                    let value = random.random_range(0..2 << size);
                    *level = if random.random() { value } else { -value };
                }
            }
        }
    }
    image
}

/// Up to three threads, which are started once.
fn pool(threads: usize) -> &'static ThreadPool {
    static POOLS: LazyLock<[ThreadPool; 3]> = LazyLock::new(|| {
        [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap()
        })
    });
    &POOLS[threads - 1]
}

/// On so many threads, at a pace; alone where there is none.
fn decode(bytes: &[u8], threads: usize, pace: Option<Pace>) -> Result<CoefficientImage> {
    pool(threads).install(|| {
        let options = DecodeOptions::default();
        let mut decoder = Decoder::new(bytes, &options);
        decoder.pace = pace;
        decoder.decode_image()
    })
}

/// Puts the rows together that a sink is given.
#[derive(Debug, Default)]
struct Rows {
    components: Vec<Vec<Block>>,
}

impl RowSink for Rows {
    fn begin(&mut self, outline: &Outline<'_>, mcu_rows: usize, _: &mut Budget) -> Result<usize> {
        self.components = vec![Vec::new(); outline.components.len()];
        Ok(mcu_rows)
    }

    fn take(&mut self, rows: &mut [&mut [Block]]) {
        for (component, rows) in self.components.iter_mut().zip(rows) {
            component.extend_from_slice(rows);
        }
    }
}

fn rows(bytes: &[u8], threads: usize, pace: Pace) -> Result<Vec<Vec<Block>>> {
    let mut rows = Rows::default();
    pool(threads).install(|| {
        let mut decoder = Decoder::new(bytes, &DecodeOptions::default());
        decoder.pace = Some(pace);
        decoder.sink = Some(&mut rows);
        decoder.decode_rows().map(|_| ())
    })?;
    Ok(rows.components)
}

fn assert_waves_change_nothing(bytes: &[u8], pace: Pace) {
    let expected = decode(bytes, 1, None);
    let found = decode(bytes, 3, Some(pace));
    assert_same(&found, &expected);
}

/// The same value or the same error.
fn assert_same<T: PartialEq>(found: &Result<T>, expected: &Result<T>) {
    match (found, expected) {
        (Ok(found), Ok(expected)) => assert!(found == expected),
        (found, expected) => assert_eq!(
            format!("{:?}", found.as_ref().err()),
            format!("{:?}", expected.as_ref().err())
        ),
    }
}

fn tables(optimized: bool) -> HuffmanTables {
    if optimized {
        HuffmanTables::Optimized
    } else {
        HuffmanTables::Standard
    }
}

fn encoded(
    image: &CoefficientImage,
    tables: HuffmanTables,
    restarts: u16,
    interleaved: bool,
) -> Vec<u8> {
    let mut options = EncodeOptions::new()
        .with_huffman_tables(tables)
        .with_restart_interval(
            NonZeroU16::new(restarts).map_or(RestartInterval::Never, RestartInterval::Mcus),
        )
        // Differences of DC values have their bounds.
        .with_out_of_range(OutOfRange::Clamp);
    if !interleaved {
        options = options.with_scans(ScanScript::by_component(image));
    }
    image.encode_with(&options).unwrap().bytes
}

fn paces() -> impl Strategy<Value = Pace> {
    let chunks = (1_usize..8, 5_usize..200, 1_usize..4, 1_usize..200);
    (chunks, 0_usize..5000, 1_usize..6).prop_map(
        |((chunks, blocks, more, least_bytes), settling_bits, mcu_rows)| Pace {
            chunks,
            blocks,
            most_blocks: blocks * more,
            least_bytes,
            most_bytes: 4000,
            settling_bits,
            mcu_rows,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn waves_decode_what_one_thread_does(
        layout in 0..LAYOUTS.len(),
        (width, height) in (1_u32..500, 1_u32..300),
        busy in 0.0..0.4,
        seed in any::<u64>(),
        optimized in any::<bool>(),
        restarts in prop_oneof![Just(0_u16), 1_u16..400],
        interleaved in any::<bool>(),
        pace in paces(),
    ) {
        let image = picture(layout, width, height, busy, seed);
        let bytes = encoded(&image, tables(optimized), restarts, interleaved);
        let found = decode(&bytes, 3, Some(pace)).unwrap();
        prop_assert!(found.components() == image.components());
        if interleaved {
            let rows = rows(&bytes, 2, pace).unwrap();
            let components = image.components().iter().map(Component::blocks);
            prop_assert!(components.eq(rows.iter().map(Vec::as_slice)));
        }
    }
}

#[test]
fn data_that_never_fall_into_step_are_read_all_the_same() {
    // Blocks of zeros: the bits repeat, and a start in their middle stays there.
    for layout in 0..LAYOUTS.len() {
        let image = picture(layout, 1000, 700, 0.0, 1);
        let mut grey = image.clone();
        for component in grey.components_mut() {
            component.blocks_mut().fill([0; 64]);
        }
        for image in [image, grey] {
            let bytes = encoded(&image, HuffmanTables::Standard, 0, true);
            let found = decode(&bytes, 2, Some(SHORT)).unwrap();
            assert!(found.components() == image.components());
        }
    }
}

#[test]
fn a_wave_of_thousands_of_rows_is_put_a_few_at_a_time() {
    let image = picture(0, 24, 65_535, 0.05, 9);
    for restarts in [0, 30, 30_000] {
        let bytes = encoded(&image, HuffmanTables::Standard, restarts, true);
        let pace = Pace {
            chunks: 40,
            ..SHORT
        };
        let found = decode(&bytes, 2, Some(pace)).unwrap();
        assert!(found.components() == image.components());
        let rows = rows(&bytes, 2, pace).unwrap();
        assert!(rows[0] == image.components()[0].blocks());
    }
}

#[test]
fn memory_outlives_a_file_that_is_malformed() {
    let image = picture(3, 300, 200, 0.1, 5);
    for restarts in [0, 7] {
        let bytes = encoded(&image, HuffmanTables::Standard, restarts, true);
        let options = DecodeOptions::default();
        let mut decoder = Decoder::new(&bytes[..bytes.len() / 2], &options);
        decoder.pace = Some(SHORT);
        decoder.decode_image().unwrap_err();
        assert!(decoder.scratch.clean.capacity() > 0);
        for wave in &decoder.scratch.waves.0 {
            assert_eq!(wave.chunks.len(), SHORT.chunks);
        }
    }
}

#[test]
fn memory_that_cannot_be_had_is_not_charged() {
    let pace = Pace {
        chunks: 1,
        most_blocks: usize::MAX / 300,
        ..SHORT
    };
    let mut budget = Budget::new(Limits::none());
    assert!(Waves::new(pace, WaveMemory::default(), &mut budget).is_none());
    assert!(budget.charge_memory_if_left(u64::MAX).is_some());
}

/// What became of the chunks of a file's first scan.
#[derive(Debug, Default)]
struct Tally {
    waves: usize,
    /// Those that started at a guess.
    chunks: usize,
    joined: usize,
    /// Bits that each of the joined ones took to fall into step.
    bits: Vec<u32>,
    mcus: u64,
    all_mcus: u64,
    /// Blocks, and how many were decoded to get them.
    blocks: usize,
    decoded: usize,
}

impl Tally {
    fn of(bytes: &[u8], pace: Pace) -> Self {
        let mut decoder = Decoder::new(bytes, &DecodeOptions::default());
        decoder.source.start_of_image().unwrap();
        let position = loop {
            let (code, position) = decoder.source.marker().unwrap();
            if code == marker::SOS {
                break position;
            }
            decoder.segment(code, position).unwrap();
        };
        let frame = decoder.frame.take().unwrap();
        let mut segment = decoder.source.segment(marker::SOS).unwrap();
        let (header, _) = ScanHeader::parse(&mut segment, &frame.header).unwrap();
        let grid = Grid::new(&frame, &header);
        let tables = decoder
            .sequential_tables::<Refuse>(&frame, &header, position)
            .unwrap();
        let layout = McuLayout::new(&grid, &tables);
        let mut data = EntropyData::new(bytes, Refuse::ends_data, pace.window(), Vec::new());
        data.load(decoder.source.position()).unwrap();
        let mut truth = Truth {
            place: data.first(),
            mcu: 0,
            predictions: [0; 4],
        };
        let memory = WaveMemory::default();
        let mut waves = Waves::new(pace, memory, &mut decoder.budget).unwrap();
        let mut tally = Self {
            all_mcus: grid.mcu_count(),
            ..Self::default()
        };
        let end = grid.mcu_count();
        waves.decode(&layout, &mut data, &mut truth, end, |wave| {
            tally.waves += 1;
            tally.mcus += wave.mcus;
            tally.chunks += wave.tried - 1;
            tally.joined += wave.parts.len() - 1;
            tally.blocks += usize::try_from(wave.mcus).unwrap() * layout.blocks();
            let chunks = &wave.chunks[..wave.tried];
            tally.decoded += chunks.iter().map(|chunk| chunk.blocks.len()).sum::<usize>();
            for (part, chunk) in wave.parts.iter().zip(&wave.chunks).skip(1) {
                tally
                    .bits
                    .push(chunk.starts[part.blocks.start] - chunk.guess);
            }
        });
        tally.bits.sort_unstable();
        tally
    }
}

#[test]
fn chunks_fall_into_step() {
    let pace = Pace {
        blocks: 300,
        most_blocks: 900,
        most_bytes: 12_000,
        settling_bits: 10_000,
        ..SHORT
    };
    for layout in 0..LAYOUTS.len() - 1 {
        for optimized in [false, true] {
            let image = picture(layout, 900, 700, 0.1, 3);
            let tables = tables(optimized);
            let tally = Tally::of(&encoded(&image, tables, 0, true), pace);
            let (chunks, joined) = (tally.chunks, tally.joined);
            // An MCU of ten blocks, eight of which share their tables, takes longer.
            let least = if layout == 6 { 25 } else { 90 };
            assert!(
                chunks > 20 && joined * 100 > chunks * least,
                "{layout}: {joined} of {chunks}"
            );
            assert_eq!(tally.mcus, tally.all_mcus);
        }
    }
}

/// Whatever a file does, the work stays below about twice that of one thread.
#[test]
fn work_in_vain_is_bounded() {
    let mut fewest = usize::MAX;
    for layout in 0..LAYOUTS.len() {
        let mut image = picture(layout, 1500, 1000, 0.0, 1);
        for component in image.components_mut() {
            component.blocks_mut().fill([0; 64]);
        }
        let tally = Tally::of(&encoded(&image, HuffmanTables::Standard, 0, true), SHORT);
        assert_eq!(tally.mcus, tally.all_mcus);
        assert!(tally.decoded * 2 < tally.blocks * 5, "{layout}: {tally:?}");
        fewest = fewest.min(tally.joined * 100 / tally.chunks);
    }
    // Otherwise nothing was shown.
    assert!(fewest < 10, "{fewest}");
}

/// The DC values of a chunk are in range as long as nobody knows what comes before it.
#[test]
fn a_dc_value_that_leaves_its_range_behind_a_guess_is_found() {
    let image = picture(0, 1600, 800, 0.0, 1);
    let mut bytes = encoded(&image, HuffmanTables::Standard, 0, true);
    let start = bytes
        .windows(2)
        .position(|pair| pair == [0xFF, marker::SOS]);
    bytes.truncate(start.unwrap() + 10);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut writer = BitWriter::new(bytes);
    for _ in 0..200 * 100 {
        // Differences of 0, 1 and 3 by the tables of T.81 K.3, and the end of the block.
        let (difference, count) =
            [(0b00, 2), (0b0101, 4), (0b01111, 5), (0b01111, 5)][random.random_range(0..4)];
        writer.put(difference << 4 | 0b1010, count + 4);
    }
    let mut bytes = writer.finish();
    bytes.extend_from_slice(&[0xFF, marker::EOI]);
    let error = decode(&bytes, 1, None).unwrap_err();
    let is_dc_range = matches!(
        error,
        Error::Malformed {
            kind: Malformed::DcRange {
                value: 32768..=32770
            },
            ..
        }
    );
    assert!(is_dc_range, "{error:?}");
    for chunks in 2..9 {
        assert_waves_change_nothing(&bytes, Pace { chunks, ..SHORT });
    }
}

/// Prints how soon chunks fall into step in photographs.
#[test]
fn chunks_of_photographs_fall_into_step() {
    let Some(folder) = std::env::var_os("FEATURE_DISTILLATION_DATA") else {
        println!("did not run: FEATURE_DISTILLATION_DATA is not set");
        return;
    };
    let mut paths: Vec<_> = std::fs::read_dir(std::path::Path::new(&folder).join("photos"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let pace = Pace {
        chunks: 8,
        blocks: 2048,
        most_blocks: 4096,
        least_bytes: 2048,
        most_bytes: 32768,
        settling_bits: 1 << 14,
        mcu_rows: 1,
    };
    let (mut chunks, mut joined, mut bits, mut complete) = (0, 0, Vec::new(), 0);
    let mut files = 0;
    for path in paths {
        let image = CoefficientImage::decode(&std::fs::read(&path).unwrap()).unwrap();
        for tables in [HuffmanTables::Standard, HuffmanTables::Optimized] {
            let options = EncodeOptions::new().with_huffman_tables(tables);
            let Ok(encoded) = image.encode_with(&options) else {
                continue;
            };
            let tally = Tally::of(&encoded.bytes, pace);
            files += 1;
            complete += usize::from(tally.mcus == tally.all_mcus);
            chunks += tally.chunks;
            joined += tally.joined;
            bits.extend(tally.bits);
        }
    }
    bits.sort_unstable();
    let percentile = |percent: usize| bits[percent * (bits.len() - 1) / 100];
    println!(
        "{files} files, {complete} of them long enough and to the end; {joined} of {chunks} chunks joined; bits: median {}, 90 % {}, 99 % {}, most {}",
        percentile(50),
        percentile(90),
        percentile(99),
        percentile(100)
    );
    assert!(joined * 100 > chunks * 95);
}
