//! The worst inputs known: files that ask for much more time or memory than their bytes suggest.

use std::fmt::Write as _;

use feature_distillation::{
    CoefficientImage, ColorSpace, EncodeOptions, EntropyCoding, QuantizationTable, SamplingFactor,
    Scan, ScanScript,
};

use super::bytes::{
    COM, DHT, DNL, FrameEntry, RST0, SOF0, SOF2, SOI, ScanEntry, Writer, frame_part,
};

const SOF9: u8 = 0xC9;
const SOF10: u8 = 0xCA;

/// One component and nothing subsampled.
const GREY: [FrameEntry; 1] = [(1, 1, 1, 0)];
const GREY_SCAN: [ScanEntry; 1] = [(1, 0, 0)];
/// Ss, Se, Ah, Al of a sequential scan.
const WHOLE: [u8; 4] = [0, 63, 0, 0];
const DC: [u8; 4] = [0, 0, 0, 0];

/// The largest grey frame within the default limits: 2^27 pixels, 256 MiB of coefficients.
const LARGEST: (u16, u16) = (16_384, 8192);

/// An input and how it is read.
pub(crate) struct Bomb {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// By `recover` rather than by `decode`.
    pub(crate) recover: bool,
    /// Whether libjpeg, which has no limits, would take more memory than a bench may.
    pub(crate) too_much_for_libjpeg: bool,
}

impl Bomb {
    fn new(name: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            name,
            bytes,
            recover: false,
            too_much_for_libjpeg: false,
        }
    }

    fn recovered(self) -> Self {
        Self {
            recover: true,
            ..self
        }
    }

    fn too_much_for_libjpeg(self) -> Self {
        Self {
            too_much_for_libjpeg: true,
            ..self
        }
    }
}

/// All of them; made when asked for, since some are large.
pub(crate) fn bombs() -> Vec<fn() -> Bomb> {
    let mut all = progressive_bombs();
    all.extend(arithmetic_bombs());
    all.extend(header_bombs());
    all.extend(segment_bombs());
    all.extend(damage_bombs());
    all
}

// ---- progressive frames ----------------------------------------------------------------

fn progressive_bombs() -> Vec<fn() -> Bomb> {
    vec![
        || {
            let bytes = empty_bands((16_384, 16_384), &first_bits(63, 89));
            Bomb::new("progressive, 16384x16384, 90 scans", bytes)
        },
        || {
            let bytes = empty_bands((4096, 4096), &first_bits(63, 882));
            Bomb::new("progressive, 4096x4096, 882 empty AC scans", bytes)
        },
        || {
            let bytes = empty_bands(LARGEST, &first_bits(5, 63));
            Bomb::new("progressive, 16384x8192, 63 empty AC scans", bytes)
        },
        || {
            let bytes = empty_bands((4096, 4096), &refinements(7));
            Bomb::new("progressive, 4096x4096, 91 empty refinements", bytes)
        },
        || {
            let bytes = empty_bands(LARGEST, &refinements(4));
            Bomb::new("progressive, 16384x8192, 52 empty refinements", bytes)
        },
        || {
            let bytes = refined_blocks(LARGEST, 1);
            let name = "progressive, 16384x8192, 13 refinements of a coefficient in every block";
            Bomb::new(name, bytes)
        },
        || {
            let bytes = refined_blocks(LARGEST, 4);
            let name =
                "progressive, 16384x8192, 52 refinements, 13 of a coefficient in every block";
            Bomb::new(name, bytes)
        },
        || {
            let bytes = empty_bands(LARGEST, &first_bits(5, 63));
            let name = "progressive, 16384x8192, 63 empty AC scans, `recover`";
            Bomb::new(name, bytes).recovered()
        },
        || {
            let again = vec![[1, 63, 1, 0]; 63];
            let bytes = empty_bands(LARGEST, &again);
            let name = "progressive, 16384x8192, the same refinement 63 times, `recover`";
            Bomb::new(name, bytes).recovered()
        },
    ]
}

/// The parameters of the first `count` scans that bring a bit of one of the first `bands` bands.
fn first_bits(bands: u8, count: usize) -> Vec<[u8; 4]> {
    (1..=bands)
        .flat_map(|band| bits_of([band, band]))
        .take(count)
        .collect()
}

/// The parameters of scans of all 14 bits of so many ranges of bands.
fn refinements(ranges: u8) -> Vec<[u8; 4]> {
    band_ranges(ranges).into_iter().flat_map(bits_of).collect()
}

/// Ranges of bands that together are 1 to 63.
fn band_ranges(count: u8) -> Vec<[u8; 2]> {
    let width = 63 / count;
    (0..count)
        .map(|range| {
            let start = width * range + 1;
            [
                start,
                if range + 1 == count {
                    63
                } else {
                    start + width - 1
                },
            ]
        })
        .collect()
}

fn bits_of([start, end]: [u8; 2]) -> impl Iterator<Item = [u8; 4]> {
    (0..14).rev().map(move |low| {
        let high = if low == 13 { 0 } else { low + 1 };
        [start, end, high, low]
    })
}

/// A grey progressive file of a DC scan and AC scans that are one end-of-band run after another.
fn empty_bands(size: (u16, u16), scans: &[[u8; 4]]) -> Vec<u8> {
    let run = entropy_coded(&end_of_band_runs(blocks(size), ""));
    let mut file = progressive_start(size);
    for &parameters in scans {
        file = file.scan(&GREY_SCAN, parameters).raw(&run);
    }
    file.finish()
}

/// The same with the highest bit of the last coefficient of each block, and bits that refine it.
fn refined_blocks(size: (u16, u16), ranges: u8) -> Vec<u8> {
    let blocks = blocks(size);
    let empty = entropy_coded(&end_of_band_runs(blocks, ""));
    let refined = entropy_coded(&end_of_band_runs(blocks, "0"));
    let mut file = progressive_start(size);
    for [start, end] in band_ranges(ranges) {
        // Zeros in sixteens by the code 110, and the rest of them with a coefficient by 1110.
        let zeros = end - start;
        let last = if end == 63 {
            let block = format!("{}1110 1", "110".repeat(usize::from(zeros / 16)));
            file = file.huffman(
                1,
                0,
                &[
                    (1, 0xE0),
                    (2, 0x10),
                    (3, 0xF0),
                    (4, ((zeros % 16) << 4) | 1),
                ],
            );
            entropy_coded(&block.repeat(blocks))
        } else {
            empty.clone()
        };
        for parameters in bits_of([start, end]) {
            file = file.scan(&GREY_SCAN, parameters).raw(match parameters {
                [_, _, 0, _] => &last,
                [_, 63, ..] => &refined,
                _ => &empty,
            });
        }
    }
    file.finish()
}

fn progressive_start(size: (u16, u16)) -> Writer {
    Writer::new()
        .quantization(0, 1)
        .huffman(0, 0, &[(1, 0)])
        .huffman(1, 0, &[(1, 0xE0), (2, 0x10)])
        .frame(SOF2, size.0, size.1, &GREY)
        .scan(&GREY_SCAN, DC)
        .data(&"0".repeat(blocks(size)))
}

/// End-of-band runs for two or more blocks, with `correction` for each of them.
fn end_of_band_runs(blocks: usize, correction: &str) -> String {
    // 0 and fourteen bits: a run of 16384 to 32767; 10 and a bit: of 2 or 3.
    let mut bits = String::new();
    let mut left = blocks;
    while left > 0 {
        let length = match left {
            2 | 3 => left,
            ..0x4000 => 2,
            _ => left.min(0x7FFF),
        };
        if length < 4 {
            write!(bits, "10{:b}", length - 2).unwrap();
        } else {
            write!(bits, "0{:014b}", length - 0x4000).unwrap();
        }
        bits += &correction.repeat(length);
        left -= length;
    }
    bits
}

// ---- arithmetic coding -----------------------------------------------------------------

fn arithmetic_bombs() -> Vec<fn() -> Bomb> {
    vec![
        || {
            let bytes = arithmetic(LARGEST, 0, None);
            Bomb::new("arithmetic, sequential, 16384x8192, empty", bytes)
        },
        || {
            let bytes = arithmetic(LARGEST, 0, Some(&first_bits(5, 63)));
            Bomb::new("arithmetic, progressive, 16384x8192, 64 empty scans", bytes)
        },
        || {
            let bytes = arithmetic((4096, 2048), 1023, None);
            let name = "arithmetic, sequential, 4096x2048, every coefficient 1023";
            Bomb::new(name, bytes)
        },
        || {
            let scans: Vec<_> = bits_of([1, 63])
                .filter(|&[.., low]| low < 10)
                .map(|[start, end, high, low]| [start, end, high * u8::from(low < 9), low])
                .collect();
            let bytes = arithmetic((4096, 2048), 1023, Some(&scans));
            let name = "arithmetic, progressive, 4096x2048, every coefficient 1023 bit by bit";
            Bomb::new(name, bytes)
        },
    ]
}

/// An arithmetic-coded grey file whose coefficients are all equal, but for the DC, which is 0.
fn arithmetic((width, height): (u16, u16), level: i16, ac_scans: Option<&[[u8; 4]]>) -> Vec<u8> {
    let table = QuantizationTable::uniform(1).unwrap();
    let (width, height) = (width.into(), height.into());
    let sampling = [SamplingFactor::ONE];
    let mut image =
        CoefficientImage::new(width, height, ColorSpace::Grey, &sampling, &table.into()).unwrap();
    if level != 0 {
        for block in image.components_mut()[0].blocks_mut() {
            block[1..].fill(level);
        }
    }
    let mut options = EncodeOptions::new().with_entropy_coding(EntropyCoding::Arithmetic);
    if let Some(ac_scans) = ac_scans {
        let scans = [DC]
            .iter()
            .chain(ac_scans)
            .map(|&[start, end, high, low]| {
                Scan::progressive(&[0], start..=end, high, low).unwrap()
            })
            .collect();
        options = options.with_scans(ScanScript::new(scans));
    }
    image.encode_with(&options).unwrap().bytes
}

// ---- headers ---------------------------------------------------------------------------

fn header_bombs() -> Vec<fn() -> Bomb> {
    vec![
        || {
            let bytes = header(SOF0, (65_500, 65_500), WHOLE);
            Bomb::new("baseline, 65500x65500, a header", bytes).too_much_for_libjpeg()
        },
        || {
            let bytes = header(SOF2, (65_500, 65_500), DC);
            Bomb::new("progressive, 65500x65500, a header", bytes).too_much_for_libjpeg()
        },
        || {
            let bytes = header(SOF9, (65_500, 65_500), WHOLE);
            Bomb::new("arithmetic, 65500x65500, a header", bytes).too_much_for_libjpeg()
        },
        || {
            let bytes = header(SOF0, LARGEST, WHOLE);
            Bomb::new("baseline, 16384x8192, a header", bytes)
        },
        || {
            let bytes = header(SOF0, LARGEST, WHOLE);
            Bomb::new("baseline, 16384x8192, a header, `recover`", bytes).recovered()
        },
        || {
            let bytes = header(SOF10, LARGEST, DC);
            Bomb::new("arithmetic, progressive, 16384x8192, a header", bytes)
        },
        || {
            let components: Vec<FrameEntry> = (0..=254).map(|id| (id, 1, 1, 0)).collect();
            let mut file = sequential_tables().frame(SOF0, 512, 512, &components);
            let data = entropy_coded(&"00".repeat(4 * blocks((512, 512))));
            for four in components.chunks(4) {
                let scan: Vec<ScanEntry> = four.iter().map(|&(id, ..)| (id, 0, 0)).collect();
                let bytes = data.len() * four.len() / 4;
                file = file.scan(&scan, WHOLE).raw(&data[..bytes]);
            }
            Bomb::new("baseline, 512x512, 255 components", file.finish())
        },
        || {
            let data = entropy_coded(&"00".repeat(blocks(LARGEST)));
            let file = sequential_tables().frame(SOF0, LARGEST.0, LARGEST.1, &GREY);
            let file = file.scan(&GREY_SCAN, WHOLE).raw(&data);
            Bomb::new("baseline, 16384x8192, 2 bits a block", file.finish())
        },
    ]
}

/// Headers and a scan of four bytes.
fn header(code: u8, (width, height): (u16, u16), parameters: [u8; 4]) -> Vec<u8> {
    sequential_tables()
        .frame(code, width, height, &GREY)
        .scan(&GREY_SCAN, parameters)
        .raw(&[0; 4])
        .finish()
}

/// Tables in which 0 is a DC difference of 0 and an end of block.
fn sequential_tables() -> Writer {
    Writer::new()
        .quantization(0, 1)
        .huffman(0, 0, &[(1, 0)])
        .huffman(1, 0, &[(1, 0)])
}

// ---- segments ---------------------------------------------------------------------------

fn segment_bombs() -> Vec<fn() -> Bomb> {
    vec![
        || {
            let file = (0..200_000).fold(Writer::new(), |file, _| file.segment(COM, &[]));
            Bomb::new("200000 comments", tiny_rest(file))
        },
        || {
            let comment = vec![0x20; 65_533];
            let file = (0..256).fold(Writer::new(), |file, _| file.segment(COM, &comment));
            Bomb::new("16 MiB of comments", tiny_rest(file))
        },
        || {
            let file = Writer::new().raw(&vec![0xFF; 8 << 20]);
            Bomb::new("8 MiB of fill bytes", tiny_rest(file))
        },
        || {
            let mut tables = Vec::new();
            for destination in (0..4).cycle().take(3640) {
                tables.push(0x10 | destination);
                // One code of one bit, for the symbol 0.
                tables.push(1);
                tables.extend([0; 16]);
            }
            let file = (0..250).fold(Writer::new(), |file, _| file.segment(DHT, &tables));
            Bomb::new("910000 Huffman tables", tiny_rest(file))
        },
        || {
            let file = (0..4000).fold(Writer::new(), |file, _| file.quantization(0, 1));
            Bomb::new("4000 quantization tables", tiny_rest(file))
        },
        || {
            let file = sequential_tables().frame(SOF0, 8, 0, &GREY);
            let file = (0..100_000).fold(file, |file, _| file.segment(COM, &[]));
            let file = file.scan(&GREY_SCAN, WHOLE).data("00");
            let bytes = file.segment(DNL, &[0, 8]).finish();
            Bomb::new("100000 comments before the scan that DNL follows", bytes)
        },
        || {
            let bytes = [0xFF, SOI].repeat(500_000);
            Bomb::new("500000 SOI", bytes)
        },
        || {
            let bytes = [0xFF, SOI].repeat(500_000);
            Bomb::new("500000 SOI, `recover`", bytes).recovered()
        },
    ]
}

/// The rest of a file of one block.
fn tiny_rest(file: Writer) -> Vec<u8> {
    file.raw(&sequential_tables().unfinished()[2..])
        .frame(SOF0, 8, 8, &GREY)
        .scan(&GREY_SCAN, WHOLE)
        .data("00")
        .finish()
}

// ---- restart intervals and damage -------------------------------------------------------

fn damage_bombs() -> Vec<fn() -> Bomb> {
    vec![
        || {
            let bytes = restarts(SOF0, (4096, 4096), &[0b0011_1111]);
            Bomb::new("baseline, 4096x4096, a restart at every block", bytes)
        },
        || {
            let bytes = restarts(SOF9, (4096, 4096), &[]);
            let name = "arithmetic, 4096x4096, a restart at every block, `recover`";
            Bomb::new(name, bytes).recovered()
        },
        || {
            let markers = (0_u32..2_000_000).map(|index| index.wrapping_mul(0x9E37_79B9) >> 29);
            Bomb::new(
                "2000000 restart markers in disorder, `recover`",
                garbage(markers),
            )
            .recovered()
        },
        || {
            let markers = (0..2_000_000).map(|_| 7);
            Bomb::new(
                "2000000 times the same restart marker, `recover`",
                garbage(markers),
            )
            .recovered()
        },
        || {
            let file = sequential_tables();
            let file = (0..4000).fold(file, |file, _| file.frame(SOF0, 8, 0, &GREY));
            let file = file.scan(&GREY_SCAN, WHOLE);
            let bytes = file.raw(&[0xFF, RST0].repeat(1 << 20)).finish();
            let name = "4000 frames without height before 2 MiB of restart markers, `recover`";
            Bomb::new(name, bytes).recovered()
        },
        || {
            let mut bytes = restarts(SOF0, (4096, 4096), &[0b0011_1111]);
            let height = frame_part(&bytes).position + 4;
            bytes[height..height + 2].copy_from_slice(&[0, 0]);
            bytes.truncate(bytes.len() - 2);
            let bytes = [&bytes[..], &[0xFF, DNL, 0, 4, 0x10, 0, 0xFF, 0xD9]].concat();
            Bomb::new(
                "baseline, 4096x4096 by DNL, a restart at every block",
                bytes,
            )
        },
        || {
            let bytes = [&[0xFF, SOI][..], &[0xFF, 2].repeat(500_000)].concat();
            Bomb::new("500000 codes of no marker, `recover`", bytes).recovered()
        },
    ]
}

/// A file with a restart interval of one block, each of these bytes.
fn restarts(code: u8, size: (u16, u16), block: &[u8]) -> Vec<u8> {
    let file = sequential_tables()
        .restart_interval(1)
        .frame(code, size.0, size.1, &GREY)
        .scan(&GREY_SCAN, WHOLE);
    let mut data = Vec::new();
    for number in (0..8).cycle().take(blocks(size) - 1) {
        data.extend(block);
        data.extend([0xFF, RST0 + number]);
    }
    data.extend(block);
    file.raw(&data).finish()
}

/// The largest frame with a byte for each block, and restart markers with these numbers after it.
fn garbage(numbers: impl Iterator<Item = u32>) -> Vec<u8> {
    let mut data = Vec::new();
    for number in numbers {
        data.extend([0x55, 0xFF, RST0 + number.to_le_bytes()[0]]);
    }
    sequential_tables()
        .restart_interval(1)
        .frame(SOF0, LARGEST.0, LARGEST.1, &GREY)
        .scan(&GREY_SCAN, WHOLE)
        .raw(&data)
        .finish()
}

// ---- parts -------------------------------------------------------------------------------

fn blocks((width, height): (u16, u16)) -> usize {
    usize::from(width / 8) * usize::from(height / 8)
}

/// Entropy-coded bytes of bits given as text.
fn entropy_coded(bits: &str) -> Vec<u8> {
    Writer::new().data(bits).unfinished()[2..].to_vec()
}
