//! Whatever is wrong with a file, and wherever: waves find what one thread finds, and hand on no more.

use std::mem;

use proptest::sample::Index;

use super::*;
use crate::jpeg::decode::{DecodeScratch, Decoded};

/// Where something is done.
#[derive(Debug, Clone)]
enum Place {
    /// In all of the file.
    File(Index),
    /// In the entropy-coded data.
    Data(Index),
    /// About where a chunk of the first wave begins: bytes behind so many chunks.
    Border { chunks: usize, offset: usize },
    /// At a restart marker.
    Restart(Index),
}

/// What is done.
#[derive(Debug, Clone)]
enum Change {
    Bit(u32),
    Byte(u8),
    /// In place of two bytes.
    Marker(u8),
    Insert(Vec<u8>),
    InsertMarker(u8),
    Remove(usize),
    /// Some bytes stand there twice.
    Repeat(usize),
    /// The file ends there.
    Cut,
}

impl Place {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            1 => any::<Index>().prop_map(Self::File),
            2 => any::<Index>().prop_map(Self::Data),
            // Up to eight bytes before a border, or behind.
            4 => (1_usize..8, 0_usize..16)
                .prop_map(|(chunks, offset)| Self::Border { chunks, offset }),
            3 => any::<Index>().prop_map(Self::Restart),
        ]
    }

    fn position(&self, bytes: &[u8], pace: &Pace) -> usize {
        let pairs = |second: fn(u8) -> bool| {
            let pairs = bytes.windows(2).enumerate();
            pairs.filter_map(move |(index, pair)| {
                (pair[0] == 0xFF && second(pair[1])).then_some(index)
            })
        };
        let data = pairs(|code| code == marker::SOS).next().unwrap_or(0) + 10;
        let position = match self {
            Self::File(index) => index.index(bytes.len()),
            Self::Data(index) => data + index.index(bytes.len()),
            Self::Border { chunks, offset } => {
                data + (chunks * pace.least_bytes + offset).saturating_sub(8)
            }
            Self::Restart(index) => {
                let markers = pairs(|code| (marker::RST0..=marker::RST7).contains(&code));
                let markers: Vec<usize> = markers.collect();
                if markers.is_empty() {
                    data + index.index(bytes.len())
                } else {
                    *index.get(&markers)
                }
            }
        };
        position.min(bytes.len() - 1)
    }
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        let code = || {
            prop_oneof![
                4 => marker::RST0..=marker::RST7,
                1 => Just(marker::EOI),
                1 => Just(marker::SOS),
                1 => Just(marker::DNL),
                1 => Just(0),
                1 => Just(0xFF),
                1 => any::<u8>(),
            ]
        };
        let some_bytes = prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(0xFF)], 1..9);
        prop_oneof![
            (0_u32..8).prop_map(Self::Bit),
            any::<u8>().prop_map(Self::Byte),
            code().prop_map(Self::Marker),
            some_bytes.prop_map(Self::Insert),
            code().prop_map(Self::InsertMarker),
            (1_usize..200).prop_map(Self::Remove),
            (1_usize..200).prop_map(Self::Repeat),
            Just(Self::Cut),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>, at: usize) {
        let end = |count: usize| bytes.len().min(at + count);
        match self {
            Self::Bit(bit) => bytes[at] ^= 1 << bit,
            Self::Byte(value) => bytes[at] = *value,
            Self::Marker(code) => {
                bytes.splice(at..end(2), [0xFF, *code]);
            }
            Self::Insert(some) => {
                bytes.splice(at..at, some.iter().copied());
            }
            Self::InsertMarker(code) => {
                bytes.splice(at..at, [0xFF, *code]);
            }
            Self::Remove(count) => {
                bytes.drain(at..end(*count));
            }
            Self::Repeat(count) => {
                let again = bytes[at..end(*count)].to_vec();
                bytes.splice(at..at, again);
            }
            // A byte at least is left.
            Self::Cut => bytes.truncate(at + 1),
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
}

/// What becomes of a file whose rows a sink takes: the image where it takes none, and its rows, be it that the
/// file fails behind them.
fn rows_in(
    bytes: &[u8],
    threads: usize,
    pace: Option<Pace>,
    scratch: &mut DecodeScratch,
) -> (Result<Option<CoefficientImage>>, Vec<Vec<Block>>) {
    let mut rows = Rows::default();
    let decoded = pool(threads).install(|| {
        let mut decoder = Decoder::new(bytes, &DecodeOptions::default());
        decoder.pace = pace;
        decoder.scratch = mem::take(scratch);
        decoder.sink = Some(&mut rows);
        let decoded = decoder.decode_rows();
        *scratch = mem::take(&mut decoder.scratch);
        decoded
    });
    let image = decoded.map(|decoded| match decoded {
        Decoded::Image(image) => Some(image),
        Decoded::Rows { .. } => None,
    });
    (image, rows.components)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn waves_find_the_same_fault_at_the_same_byte(
        layout in 0..LAYOUTS.len(),
        (width, height) in (1_u32..400, 1_u32..250),
        busy in prop_oneof![Just(0.0), 0.0..0.4],
        seed in any::<u64>(),
        // Near the ends of the range, DC values leave it where a difference is wrong.
        dc in prop_oneof![3 => Just(0_i16), 1 => Just(32_600), 1 => Just(-32_600)],
        restarts in prop_oneof![Just(0_u16), 1_u16..12, 12_u16..1000],
        optimized in any::<bool>(),
        interleaved in prop_oneof![4 => Just(true), 1 => Just(false)],
        changes in prop::collection::vec((Place::any(), Change::any()), 1..4),
        pace in prop_oneof![
            paces(),
            // Chunks of one size, so that borders are where they are thought to be.
            (paces(), 8_usize..400).prop_map(|(pace, bytes)| Pace {
                least_bytes: bytes,
                most_bytes: bytes,
                ..pace
            }),
        ],
    ) {
        let mut image = picture(layout, width, height, busy, seed);
        for block in image.components_mut().iter_mut().flat_map(Component::blocks_mut) {
            block[0] = block[0].saturating_add(dc);
        }
        let sound = encoded(&image, tables(optimized), restarts, interleaved);
        let mut damaged = sound.clone();
        for (place, change) in &changes {
            let position = place.position(&damaged, &pace);
            change.apply(&mut damaged, position);
        }
        assert_waves_change_nothing(&damaged, pace);

        // The same for a sink, in memory that other files have used.
        let (mut memory, mut shared) = (DecodeScratch::default(), DecodeScratch::default());
        for bytes in [&sound, &damaged, &sound] {
            let (expected, expected_rows) = rows_in(bytes, 1, None, &mut memory);
            let (found, rows) = rows_in(bytes, 3, Some(pace), &mut shared);
            assert_same(&found, &expected);
            prop_assert!(rows == expected_rows);
        }
    }
}
