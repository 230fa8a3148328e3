//! Times of each road of ours under criterion, to see what a change brings; peers are in `benches/peers`.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pictures are drawn in floats; sides and samples are small"
)]

#[path = "../examples/support/dead_leaves.rs"]
mod dead_leaves;
#[allow(unreachable_pub, reason = "shared with the peers' package")]
#[path = "common/ours.rs"]
mod ours;

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use feature_distillation::{
    BandStatistics, ChromaSubsampling, CoefficientImage, EncodeOptions, ForwardOptions,
    HuffmanTables, PixelBuffer, PixelPipeline, Process, QuantizationTables,
};

/// A picture and a file of it.
struct Picture {
    name: String,
    pixels: PixelBuffer,
    subsampling: ChromaSubsampling,
    tables: QuantizationTables,
    jpeg: Vec<u8>,
}

impl Picture {
    fn new([width, height]: [u32; 2], subsampling: ChromaSubsampling, process: Process) -> Self {
        let pixels = dead_leaves::picture(width, height, 1).unwrap();
        let tables = QuantizationTables::annex_k(85).unwrap();
        let options = ForwardOptions::libjpeg_equal().with_subsampling(subsampling);
        let image = CoefficientImage::from_pixels(pixels.view(), &tables, &options).unwrap();
        let options = EncodeOptions::new().with_process(process);
        let sampling = match subsampling {
            ChromaSubsampling::None => "444",
            _ => "420",
        };
        let suffix = match process {
            Process::Progressive => "-progressive",
            _ => "",
        };
        Self {
            name: format!("{width}x{height}-{sampling}{suffix}"),
            jpeg: image.encode_with(&options).unwrap().bytes,
            pixels,
            subsampling,
            tables,
        }
    }
}

fn roads(criterion: &mut Criterion) {
    // Without `--bench`, or with `--test`, criterion runs everything once.
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    let (small, large) = if has("--bench") && !has("--test") {
        ([224, 224], [1024, 768])
    } else {
        ([47, 33], [64, 48])
    };
    let pictures = [
        Picture::new(small, ChromaSubsampling::Both, Process::Baseline),
        Picture::new(small, ChromaSubsampling::None, Process::Baseline),
        Picture::new(large, ChromaSubsampling::Both, Process::Baseline),
        Picture::new(large, ChromaSubsampling::Both, Process::Progressive),
    ];
    let mut road = |name: &str, case: fn(&Picture, &mut BenchmarkGroup<'_, WallTime>)| {
        let mut group = criterion.benchmark_group(name);
        for picture in &pictures {
            let pixels = u64::from(picture.pixels.width()) * u64::from(picture.pixels.height());
            group.throughput(Throughput::Elements(pixels));
            case(picture, &mut group);
        }
        group.finish();
    };
    road("bytes to coefficients", |picture, group| {
        run(group, "default", picture, |picture| {
            ours::to_coefficients(&picture.jpeg)
        });
    });
    road("coefficients to bytes", |picture, group| {
        let image = ours::to_coefficients(&picture.jpeg);
        for (name, huffman) in HUFFMAN {
            run(group, name, picture, |_| ours::to_bytes(&image, huffman));
        }
    });
    road("bytes to pixels", |picture, group| {
        for (name, pipeline) in ours::PIPELINES {
            run(group, name, picture, |picture| {
                ours::to_rgb(&picture.jpeg, pipeline)
            });
        }
    });
    road("pixels to bytes", |picture, group| {
        for (name, pipeline) in ours::PIPELINES {
            run(group, name, picture, |picture| from_rgb(picture, pipeline));
        }
    });
    road("one pass", |picture, group| {
        for (name, pipeline) in ours::PIPELINES {
            let distiller = ours::distiller(picture.subsampling, pipeline);
            run(group, name, picture, |picture| {
                ours::one_pass(&distiller, &picture.jpeg)
            });
        }
    });
    road("two passes", |picture, group| {
        for (name, pipeline) in ours::PIPELINES {
            let distiller = ours::distiller(picture.subsampling, pipeline);
            run(group, name, picture, |picture| {
                ours::two_passes(&distiller, picture.pixels.view())
            });
        }
    });
    road("calibration", |picture, group| {
        let mut statistics = BandStatistics::new();
        run(group, "default", picture, |picture| {
            ours::calibrate(&mut statistics, &picture.jpeg);
        });
    });
}

const HUFFMAN: [(&str, HuffmanTables); 2] = [
    ("standard", HuffmanTables::Standard),
    ("optimized", HuffmanTables::Optimized),
];

fn run<T>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    picture: &Picture,
    mut work: impl FnMut(&Picture) -> T,
) {
    group.bench_function(BenchmarkId::new(name, &picture.name), |bencher| {
        bencher.iter(|| black_box(work(picture)));
    });
}

fn from_rgb(picture: &Picture, pipeline: PixelPipeline) -> Vec<u8> {
    ours::from_rgb(
        picture.pixels.view(),
        &picture.tables,
        picture.subsampling,
        pipeline,
        HuffmanTables::Standard,
    )
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(900));
    targets = roads
}
criterion_main!(benches);
