//! The roads, each with its contenders: ours, and the peers that go the same way.
//!
//! Every contender allocates its result anew, as a caller would have it, unless its name says otherwise. Whoever is to give libjpeg's result
//! is checked before anything is timed.

use std::hint::black_box;

use feature_distillation::{
    Band, BandStatistics, ChromaSubsampling, CoefficientImage, ColorSpace, DecodeOptions,
    HuffmanTables, PixelPipeline, PixelScratch, QuantizationTables,
};
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace as ZuneColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::oracle::{Coding, Libjpeg};
use crate::ours::{self, PIPELINES};
use crate::pictures::Picture;

/// A way through the codec, and who goes it.
#[derive(Debug, Clone, Copy)]
pub struct Road {
    pub name: &'static str,
    /// Starts from progressive files, others from baseline files.
    progressive: bool,
    contenders: fn(&'static Picture, &'static Libjpeg) -> Vec<Contender>,
}

/// All roads.
pub const ROADS: [Road; 10] = [
    Road {
        name: "baseline to coefficients",
        progressive: false,
        contenders: bytes_to_coefficients,
    },
    Road {
        name: "progressive to coefficients",
        progressive: true,
        contenders: bytes_to_coefficients,
    },
    Road {
        name: "coefficients to bytes, standard",
        progressive: false,
        contenders: coefficients_to_bytes,
    },
    Road {
        name: "coefficients to bytes, optimized",
        progressive: false,
        contenders: coefficients_to_bytes_optimized,
    },
    Road {
        name: "bytes to RGB",
        progressive: false,
        contenders: bytes_to_rgb,
    },
    Road {
        name: "RGB to bytes, standard",
        progressive: false,
        contenders: rgb_to_bytes,
    },
    Road {
        name: "RGB to bytes, optimized",
        progressive: false,
        contenders: rgb_to_bytes_optimized,
    },
    Road {
        name: "one pass",
        progressive: false,
        contenders: one_pass,
    },
    Road {
        name: "two passes",
        progressive: false,
        contenders: two_passes,
    },
    Road {
        name: "calibration",
        progressive: false,
        contenders: calibration,
    },
];

/// One way to do the work of a road.
pub struct Contender {
    pub name: &'static str,
    /// Ours are compared with peers, not with each other.
    pub ours: bool,
    pub run: Box<dyn FnMut()>,
}

/// A road over one picture.
pub struct Case {
    pub road: &'static str,
    pub picture: &'static Picture,
    pub contenders: Vec<Contender>,
}

/// The roads over the pictures, road by road.
///
/// # Panics
///
/// Where a contender that is to give libjpeg's result gives another.
pub fn cases(
    roads: &[Road],
    pictures: &[&'static Picture],
    libjpeg: &'static Libjpeg,
) -> Vec<Case> {
    let case = |road: &Road, picture: &&'static Picture| Case {
        road: road.name,
        picture,
        contenders: (road.contenders)(picture, libjpeg),
    };
    roads
        .iter()
        .flat_map(|road| {
            let pictures = pictures.iter();
            let pictures = pictures.filter(|picture| picture.progressive == road.progressive);
            pictures.map(move |picture| case(road, picture))
        })
        .collect()
}

const LIBJPEG: &str = "libjpeg-turbo";
const LIBJPEG_RS: &str = "libjpeg-turbo-rs";
const DCT_IO: &str = "dct-io";

fn ours<T>(name: &'static str, mut run: impl FnMut() -> T + 'static) -> Contender {
    Contender {
        name,
        ours: true,
        run: Box::new(move || {
            black_box(run());
        }),
    }
}

fn peer<T>(name: &'static str, run: impl FnMut() -> T + 'static) -> Contender {
    Contender {
        ours: false,
        ..ours(name, run)
    }
}

/// As a caller reads many files: into the image that held the one before. libjpeg has no such way.
fn reusing_buffers(bytes: &'static [u8]) -> Contender {
    let (mut image, options) = (CoefficientImage::default(), DecodeOptions::default());
    ours("reused buffers", move || {
        image.decode_into(bytes, &options).unwrap();
    })
}

/// libjpeg's coefficients stay inside libjpeg, where its callers have them.
fn bytes_to_coefficients(picture: &'static Picture, libjpeg: &'static Libjpeg) -> Vec<Contender> {
    let bytes = picture.jpeg.as_slice();
    let image = ours::to_coefficients(bytes);
    let expected = libjpeg.read_coefficients(bytes).unwrap().components;
    let equal = image
        .components()
        .iter()
        .map(|ours| ours.blocks().as_flattened());
    let equal = equal.eq(expected.iter().map(|theirs| theirs.coefficients.as_slice()));
    assert!(equal, "{}: our coefficients", picture.name());
    let mut contenders = vec![
        ours("fresh buffers", || ours::to_coefficients(bytes)),
        reusing_buffers(bytes),
        peer(LIBJPEG, || libjpeg.read_coefficients_only(bytes).unwrap()),
    ];

    let read = || libjpeg_turbo_rs::read_coefficients(bytes).unwrap();
    let theirs = read().components;
    assert_same_blocks(&image, LIBJPEG_RS, picture, |component, x, y| {
        let theirs = &theirs[component];
        in_natural_order(&theirs.blocks[y * theirs.blocks_x + x])
    });
    contenders.push(peer(LIBJPEG_RS, read));

    // dct-io reads no progressive files.
    if !picture.progressive {
        let read = || dct_io::read_coefficients(bytes).unwrap();
        let theirs = read().components;
        // It has blocks MCU by MCU, in natural order inside.
        let wide = image.components()[0].sampling().horizontal();
        let mcus = picture.photo.width.div_ceil(8 * u32::from(wide)) as usize;
        assert_same_blocks(&image, DCT_IO, picture, |component, x, y| {
            let sampling = image.components()[component].sampling();
            let [h, v] = [sampling.horizontal(), sampling.vertical()].map(usize::from);
            let mcu = y / v * mcus + x / h;
            theirs[component].blocks[(mcu * v + y % v) * h + x % h]
        });
        contenders.push(peer(DCT_IO, read));
    }
    contenders
}

fn coefficients_to_bytes(picture: &'static Picture, libjpeg: &'static Libjpeg) -> Vec<Contender> {
    writing(HuffmanTables::Standard, picture, libjpeg)
}

fn coefficients_to_bytes_optimized(
    picture: &'static Picture,
    libjpeg: &'static Libjpeg,
) -> Vec<Contender> {
    writing(HuffmanTables::Optimized, picture, libjpeg)
}

fn writing(
    huffman: HuffmanTables,
    picture: &'static Picture,
    libjpeg: &'static Libjpeg,
) -> Vec<Contender> {
    let optimize = huffman == HuffmanTables::Optimized;
    let image = ours::to_coefficients(&picture.jpeg);
    let write = move || ours::to_bytes(&image, huffman);
    let found = write();
    let size = found.len();

    let mut held = libjpeg.open(&picture.jpeg).unwrap();
    let coding = Coding {
        optimize,
        ..Coding::default()
    };
    // libjpeg is given room enough, and is spared the growing.
    let mut write_c = move || {
        let mut out = Vec::with_capacity(size + 4096);
        held.transcode(coding, &mut out).unwrap();
        out
    };
    let expected = write_c();
    assert_eq!(size, expected.len(), "{}: bytes written", picture.name());
    assert_same_coefficients(&expected, &found, picture);

    let coefficients = libjpeg_turbo_rs::read_coefficients(&picture.jpeg).unwrap();
    let write_rs = move || {
        if optimize {
            libjpeg_turbo_rs::write_coefficients_optimized(&coefficients).unwrap()
        } else {
            libjpeg_turbo_rs::write_coefficients(&coefficients).unwrap()
        }
    };
    assert_same_coefficients(&expected, &write_rs(), picture);
    vec![
        ours("default", write),
        peer(LIBJPEG, write_c),
        peer(LIBJPEG_RS, write_rs),
    ]
}

fn bytes_to_rgb(picture: &'static Picture, libjpeg: &'static Libjpeg) -> Vec<Contender> {
    let bytes = picture.jpeg.as_slice();
    let decode = decode_by(libjpeg, picture);
    let found = ours::to_rgb(bytes, PixelPipeline::LibjpegEqual);
    assert!(
        found.as_slice() == decode(bytes),
        "{}: pixels",
        picture.name()
    );

    let mut contenders = by_pipeline(|pipeline| move || ours::to_rgb(bytes, pipeline));
    contenders.push(peer(LIBJPEG, move || decode(bytes)));
    contenders.push(peer("zune-jpeg", move || {
        let options = DecoderOptions::default().jpeg_set_out_colorspace(ZuneColorSpace::RGB);
        JpegDecoder::new_with_options(ZCursor::new(bytes), options)
            .decode()
            .unwrap()
    }));
    contenders
}

fn rgb_to_bytes(picture: &'static Picture, libjpeg: &'static Libjpeg) -> Vec<Contender> {
    encoding(HuffmanTables::Standard, picture, libjpeg)
}

fn rgb_to_bytes_optimized(picture: &'static Picture, libjpeg: &'static Libjpeg) -> Vec<Contender> {
    encoding(HuffmanTables::Optimized, picture, libjpeg)
}

fn encoding(
    huffman: HuffmanTables,
    picture: &'static Picture,
    libjpeg: &'static Libjpeg,
) -> Vec<Contender> {
    let optimize = huffman == HuffmanTables::Optimized;
    let tables = picture.tables();
    let encode = encode_by(libjpeg, picture, &tables, optimize);
    let ours = |pipeline| {
        let tables = tables.clone();
        move || {
            let pixels = picture.photo.view();
            ours::from_rgb(pixels, &tables, picture.subsampling, pipeline, huffman)
        }
    };
    assert_same_coefficients(&encode(), &ours(PixelPipeline::LibjpegEqual)(), picture);

    let mut contenders = by_pipeline(ours);
    contenders.push(peer(LIBJPEG, encode));
    if !optimize {
        contenders.push(peer("jpeg-encoder", || encode_by_jpeg_encoder(picture)));
    }
    contenders
}

/// libjpeg decodes the same file, and distils nothing.
fn one_pass(picture: &'static Picture, libjpeg: &'static Libjpeg) -> Vec<Contender> {
    let bytes = picture.jpeg.as_slice();
    let mut contenders = by_pipeline(|pipeline| {
        let distiller = ours::distiller(picture.subsampling, pipeline);
        move || ours::one_pass(&distiller, bytes)
    });
    for (name, (_, pipeline)) in ["libjpeg-equal, kept memory", "precise, kept memory"]
        .into_iter()
        .zip(PIPELINES)
    {
        let distiller = ours::distiller(picture.subsampling, pipeline);
        let mut scratch = PixelScratch::new();
        contenders.push(ours(name, move || {
            let pixels = distiller.one_pass_jpeg_in(bytes, &mut scratch).unwrap();
            scratch.recycle(pixels);
        }));
    }
    let decode = decode_by(libjpeg, picture);
    contenders.push(peer(LIBJPEG, move || decode(bytes)));
    contenders
}

/// libjpeg encodes with the same tables, and decodes.
fn two_passes(picture: &'static Picture, libjpeg: &'static Libjpeg) -> Vec<Contender> {
    let ours = |pipeline| {
        let distiller = ours::distiller(picture.subsampling, pipeline);
        move || ours::two_passes(&distiller, picture.photo.view())
    };
    let encode = encode_by(libjpeg, picture, &ours::defensive_tables(), false);
    let decode = decode_by(libjpeg, picture);
    let both = move || {
        let bytes = encode();
        let pixels = decode(&bytes);
        (bytes, pixels)
    };
    let (expected, (bytes, pixels)) = (both(), ours(PixelPipeline::LibjpegEqual)());
    assert_same_coefficients(&expected.0, &bytes, picture);
    assert!(
        pixels.as_slice() == expected.1,
        "{}: pixels",
        picture.name()
    );

    let mut contenders = by_pipeline(ours);
    contenders.push(peer(LIBJPEG, both));
    contenders
}

/// The peers are our own: what reading the file costs alone, and the way through pixels.
fn calibration(picture: &'static Picture, _: &'static Libjpeg) -> Vec<Contender> {
    let bytes = picture.jpeg.as_slice();
    let mut statistics = BandStatistics::new();
    let add = move || ours::calibrate(&mut statistics, bytes);
    vec![
        ours("default", add),
        peer("our decode alone", || ours::to_coefficients(bytes)),
        peer("our way by pixels", || {
            let pixels = ours::to_rgb(bytes, PixelPipeline::LibjpegEqual);
            let mut statistics = BandStatistics::new();
            let added = statistics.add_pixels(pixels.view(), ColorSpace::YCbCr);
            added.map(|()| statistics).unwrap()
        }),
    ]
}

/// One contender of ours for each pipeline.
fn by_pipeline<T, F: FnMut() -> T + 'static>(run: impl Fn(PixelPipeline) -> F) -> Vec<Contender> {
    PIPELINES
        .map(|(name, pipeline)| ours(name, run(pipeline)))
        .into()
}

/// Decodes to RGB as libjpeg does, `islow` and with fancy upsampling.
pub fn decode_by(
    libjpeg: &'static Libjpeg,
    picture: &'static Picture,
) -> impl Fn(&[u8]) -> Vec<u8> {
    move |bytes| {
        let mut pixels = vec![0; picture.photo.rgb.len()];
        libjpeg.decode_into(bytes, true, &mut pixels).unwrap();
        pixels
    }
}

fn encode_by(
    libjpeg: &'static Libjpeg,
    picture: &'static Picture,
    tables: &QuantizationTables,
    optimize: bool,
) -> impl Fn() -> Vec<u8> + use<> {
    let tables = tables.clone();
    let coding = Coding {
        optimize,
        ..Coding::default()
    };
    move || {
        let Picture {
            photo, subsampling, ..
        } = picture;
        photo.encoded(&tables, *subsampling, coding, libjpeg)
    }
}

/// Averages chrominance, as libjpeg and we do.
fn encode_by_jpeg_encoder(picture: &Picture) -> Vec<u8> {
    let photo = picture.photo;
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, picture.quality);
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    encoder.set_sampling_factor(match picture.subsampling {
        ChromaSubsampling::None => SamplingFactor::R_4_4_4,
        _ => SamplingFactor::R_4_2_0,
    });
    let [width, height] = [photo.width, photo.height].map(|side| u16::try_from(side).unwrap());
    encoder
        .encode(&photo.rgb, width, height, ColorType::Rgb)
        .unwrap();
    bytes
}

fn assert_same_coefficients(expected: &[u8], found: &[u8], picture: &Picture) {
    let [expected, found] = [expected, found].map(ours::to_coefficients);
    let equal = expected.components() == found.components();
    assert!(equal, "{}: coefficients", picture.name());
}

/// A peer's blocks are given by component, column and row.
fn assert_same_blocks(
    image: &CoefficientImage,
    peer: &str,
    picture: &Picture,
    theirs: impl Fn(usize, usize, usize) -> [i16; 64],
) {
    for (index, component) in image.components().iter().enumerate() {
        let wide = component.blocks_wide() as usize;
        let mut blocks = component.blocks().iter().enumerate();
        let equal = blocks.all(|(at, block)| *block == theirs(index, at % wide, at / wide));
        assert!(equal, "{}: {peer}'s coefficients", picture.name());
    }
}

fn in_natural_order(zigzag: &[i16; 64]) -> [i16; 64] {
    let mut natural = [0; 64];
    for band in Band::all() {
        natural[band.natural()] = zigzag[band.zigzag()];
    }
    natural
}
