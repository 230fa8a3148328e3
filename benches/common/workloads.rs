//! The roads through the library, each with the peers that go the same way.
//!
//! Every contender allocates its result anew, unless the road says otherwise.

use std::hint::black_box;

use feature_distillation::{
    BandStatistics, CoefficientImage, ColorSpace, DecodeOptions, EncodeOptions, FeatureDistiller,
    ForwardOptions, HuffmanTables, InverseOptions, PixelPipeline, QuantizationTable,
    QuantizationTables, Upsampling,
};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace as ZuneColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::oracle::{Coding, Libjpeg};
use super::pictures::Picture;

/// One way to do the work of a road.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// Ours are compared with peers, not with each other.
    pub(crate) ours: bool,
    pub(crate) run: Box<dyn FnMut()>,
}

/// A road over one picture.
pub(crate) struct Case {
    pub(crate) road: &'static str,
    pub(crate) picture: &'static Picture,
    pub(crate) contenders: Vec<Contender>,
}

pub(crate) const LIBJPEG: &str = "libjpeg-turbo";

const PIPELINES: [(&str, PixelPipeline); 2] = [
    ("libjpeg-equal", PixelPipeline::LibjpegEqual),
    ("precise", PixelPipeline::Precise),
];

type Road = fn(&'static Picture, Option<&'static Libjpeg>) -> Case;

/// Whether a road needs the pixels of a picture, or nothing but its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    File,
    Pixels,
}

/// All roads over all pictures, road by road; of pictures without pixels those that need none.
///
/// # Panics
///
/// Where a contender that is to give libjpeg's result gives another.
pub(crate) fn cases(pictures: &[&'static Picture], libjpeg: Option<&'static Libjpeg>) -> Vec<Case> {
    let roads: [(Needs, Road); 9] = [
        (Needs::File, bytes_to_coefficients),
        (Needs::File, bytes_to_coefficients_reused),
        (Needs::Pixels, coefficients_to_bytes),
        (Needs::Pixels, coefficients_to_bytes_optimized),
        (Needs::Pixels, bytes_to_pixels),
        (Needs::Pixels, pixels_to_bytes),
        (Needs::Pixels, one_pass),
        (Needs::Pixels, two_pass),
        (Needs::File, calibration),
    ];
    roads
        .iter()
        .flat_map(|&(needs, road)| {
            let pictures = pictures.iter();
            let able =
                pictures.filter(move |picture| needs == Needs::File || !picture.rgb.is_empty());
            able.map(move |&picture| road(picture, libjpeg))
        })
        // Writing is always sequential: the progressive files bring nothing new.
        .filter(|case| !(case.picture.progressive && WRITING.contains(&case.road)))
        .collect()
}

const WRITING: [&str; 4] = [
    "coefficients to bytes",
    "coefficients to bytes, optimized",
    "pixels to bytes",
    "two passes",
];

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

fn bytes_to_coefficients(picture: &'static Picture, libjpeg: Option<&'static Libjpeg>) -> Case {
    let bytes = &picture.jpeg;
    let mut contenders = vec![ours("default", || CoefficientImage::decode(bytes).unwrap())];
    if let Some(libjpeg) = libjpeg {
        let read = move || libjpeg.read_coefficients_only(bytes).unwrap();
        contenders.push(peer(LIBJPEG, read));
    }
    Case {
        road: "bytes to coefficients",
        picture,
        contenders,
    }
}

/// As a caller reads many files: ours into the image that held the one before. libjpeg has no such way.
fn bytes_to_coefficients_reused(
    picture: &'static Picture,
    libjpeg: Option<&'static Libjpeg>,
) -> Case {
    let mut case = bytes_to_coefficients(picture, libjpeg);
    case.road = "bytes to coefficients, reused";
    let (mut image, options) = (CoefficientImage::default(), DecodeOptions::default());
    case.contenders[0] = ours("default", move || {
        image.decode_into(&picture.jpeg, &options).unwrap();
    });
    case
}

fn coefficients_to_bytes(picture: &'static Picture, libjpeg: Option<&'static Libjpeg>) -> Case {
    writing("coefficients to bytes", false, picture, libjpeg)
}

fn coefficients_to_bytes_optimized(
    picture: &'static Picture,
    libjpeg: Option<&'static Libjpeg>,
) -> Case {
    writing("coefficients to bytes, optimized", true, picture, libjpeg)
}

fn writing(
    road: &'static str,
    optimize: bool,
    picture: &'static Picture,
    libjpeg: Option<&'static Libjpeg>,
) -> Case {
    let image = CoefficientImage::decode(&picture.jpeg).unwrap();
    let options = EncodeOptions::new().with_huffman_tables(if optimize {
        HuffmanTables::Optimized
    } else {
        HuffmanTables::Standard
    });
    let size = image.encode_with(&options).unwrap().bytes.len();
    let mut contenders = vec![ours("default", move || {
        image.encode_with(&options).unwrap()
    })];
    if let Some(libjpeg) = libjpeg {
        let mut held = libjpeg.open(&picture.jpeg).unwrap();
        let coding = Coding {
            optimize,
            ..Coding::default()
        };
        // libjpeg is given room enough, and is spared the growing.
        contenders.push(peer(LIBJPEG, move || {
            let mut out = Vec::with_capacity(size + 4096);
            held.transcode(coding, &mut out).unwrap();
            out
        }));
    }
    Case {
        road,
        picture,
        contenders,
    }
}

fn bytes_to_pixels(picture: &'static Picture, libjpeg: Option<&'static Libjpeg>) -> Case {
    let bytes = &picture.jpeg;
    let to_pixels = |pipeline: PixelPipeline| {
        let options = InverseOptions::libjpeg_equal().with_pipeline(pipeline);
        move || {
            let image = CoefficientImage::decode(bytes).unwrap();
            image.to_pixels(&options).unwrap()
        }
    };
    let mut contenders: Vec<_> = PIPELINES
        .map(|(name, pipeline)| ours(name, to_pixels(pipeline)))
        .into();
    if let Some(libjpeg) = libjpeg {
        let decode = decode_by(libjpeg, picture);
        let expected = decode(bytes);
        let found = to_pixels(PixelPipeline::LibjpegEqual)();
        assert!(found.as_slice() == expected, "{}: pixels", picture.name);
        contenders.push(peer(LIBJPEG, move || decode(bytes)));
    }
    contenders.push(peer("zune-jpeg", move || {
        let options = DecoderOptions::default().jpeg_set_out_colorspace(ZuneColorSpace::RGB);
        JpegDecoder::new_with_options(ZCursor::new(bytes), options)
            .decode()
            .unwrap()
    }));
    Case {
        road: "bytes to pixels",
        picture,
        contenders,
    }
}

fn pixels_to_bytes(picture: &'static Picture, libjpeg: Option<&'static Libjpeg>) -> Case {
    let to_bytes = |pipeline: PixelPipeline| {
        let options = match pipeline {
            PixelPipeline::Precise => ForwardOptions::precise(),
            _ => ForwardOptions::libjpeg_equal(),
        }
        .with_subsampling(picture.subsampling());
        let tables = picture.tables();
        move || {
            let image = CoefficientImage::from_pixels(picture.view(), &tables, &options);
            image.unwrap().encode().unwrap()
        }
    };
    let mut contenders: Vec<_> = PIPELINES
        .map(|(name, pipeline)| ours(name, to_bytes(pipeline)))
        .into();
    if let Some(libjpeg) = libjpeg {
        let encode = encode_by(libjpeg, picture, &picture.tables());
        let (expected, found) = (encode(), to_bytes(PixelPipeline::LibjpegEqual)());
        assert_same_coefficients(&expected, &found, picture);
        contenders.push(peer(LIBJPEG, encode));
    }
    contenders.push(peer("jpeg-encoder", move || {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, picture.quality);
        encoder.set_sampling_factor(if picture.subsampled {
            SamplingFactor::R_4_2_0
        } else {
            SamplingFactor::R_4_4_4
        });
        let side = |pixels: u32| u16::try_from(pixels).unwrap();
        let (width, height) = (side(picture.width), side(picture.height));
        encoder
            .encode(&picture.rgb, width, height, ColorType::Rgb)
            .unwrap();
        bytes
    }));
    Case {
        road: "pixels to bytes",
        picture,
        contenders,
    }
}

fn one_pass(picture: &'static Picture, libjpeg: Option<&'static Libjpeg>) -> Case {
    let bytes = &picture.jpeg;
    let mut contenders: Vec<_> = PIPELINES
        .map(|(name, pipeline)| {
            let distiller = distiller(picture, pipeline);
            ours(name, move || distiller.one_pass_jpeg(bytes).unwrap())
        })
        .into();
    if let Some(libjpeg) = libjpeg {
        let decode = decode_by(libjpeg, picture);
        contenders.push(peer(LIBJPEG, move || decode(bytes)));
    }
    Case {
        road: "one pass",
        picture,
        contenders,
    }
}

fn two_pass(picture: &'static Picture, libjpeg: Option<&'static Libjpeg>) -> Case {
    let both = |pipeline: PixelPipeline| {
        let distiller = distiller(picture, pipeline);
        move || {
            let bytes = distiller.compress(picture.view()).unwrap();
            let pixels = distiller.distill_jpeg(&bytes).unwrap();
            (bytes, pixels)
        }
    };
    let mut contenders: Vec<_> = PIPELINES
        .map(|(name, pipeline)| ours(name, both(pipeline)))
        .into();
    if let Some(libjpeg) = libjpeg {
        let encode = encode_by(libjpeg, picture, &defensive_tables());
        let decode = decode_by(libjpeg, picture);
        let bytes = encode();
        let (found, pixels) = both(PixelPipeline::LibjpegEqual)();
        assert_same_coefficients(&bytes, &found, picture);
        let expected = decode(&bytes);
        assert!(pixels.as_slice() == expected, "{}: pixels", picture.name);
        contenders.push(peer(LIBJPEG, move || {
            let bytes = encode();
            let pixels = decode(&bytes);
            (bytes, pixels)
        }));
    }
    Case {
        road: "two passes",
        picture,
        contenders,
    }
}

/// The peers are our own: what reading the file costs alone, and the way through pixels.
fn calibration(picture: &'static Picture, _: Option<&'static Libjpeg>) -> Case {
    let bytes = &picture.jpeg;
    let statistics = || {
        let image = CoefficientImage::decode(bytes).unwrap();
        let mut statistics = BandStatistics::new();
        statistics.add_image(&image).unwrap();
        statistics
    };
    let by_pixels = || {
        let image = CoefficientImage::decode(bytes).unwrap();
        let pixels = image.to_pixels(&InverseOptions::libjpeg_equal()).unwrap();
        let mut statistics = BandStatistics::new();
        statistics
            .add_pixels(pixels.view(), ColorSpace::YCbCr)
            .unwrap();
        statistics
    };
    Case {
        road: "calibration",
        picture,
        contenders: vec![
            ours("default", statistics),
            peer("our decode alone", || {
                CoefficientImage::decode(bytes).unwrap()
            }),
            peer("our way by pixels", by_pixels),
        ],
    }
}

/// Tables of the kind that the distiller uses: fine steps in the low bands, coarse ones above.
fn defensive_tables() -> QuantizationTables {
    QuantizationTable::from_fn(|band| if band.zigzag() < 15 { 20 } else { 30 })
        .unwrap()
        .into()
}

fn distiller(picture: &Picture, pipeline: PixelPipeline) -> FeatureDistiller {
    FeatureDistiller::builder()
        .tables(defensive_tables())
        .color_space(ColorSpace::YCbCr)
        .subsampling(picture.subsampling())
        .pipeline(pipeline)
        .upsampling(Upsampling::Triangle)
        .build()
        .unwrap()
}

fn decode_by(
    libjpeg: &'static Libjpeg,
    picture: &'static Picture,
) -> impl Fn(&[u8]) -> Vec<u8> + use<> {
    move |bytes| {
        let mut pixels = vec![0; picture.rgb.len()];
        libjpeg.decode_into(bytes, true, &mut pixels).unwrap();
        pixels
    }
}

fn encode_by(
    libjpeg: &'static Libjpeg,
    picture: &'static Picture,
    tables: &QuantizationTables,
) -> impl Fn() -> Vec<u8> + use<> {
    let tables = [0, 1].map(|component| tables.table(component).to_natural());
    move || {
        let job = picture.for_libjpeg(&tables, Coding::default());

        libjpeg.encode(&job).unwrap()
    }
}

fn assert_same_coefficients(expected: &[u8], found: &[u8], picture: &Picture) {
    let [expected, found] = [expected, found].map(|bytes| CoefficientImage::decode(bytes).unwrap());
    assert!(
        expected.components() == found.components(),
        "{}: coefficients",
        picture.name
    );
}
