//! Times of each road under criterion, beside those of its peers.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pictures are drawn in floats; sides and samples are small"
)]

mod common;

use std::time::Duration;

use common::oracle::Libjpeg;
use common::pictures::{Selection, pictures};
use common::workloads::cases;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn roads(criterion: &mut Criterion) {
    let libjpeg = Libjpeg::load();
    // Without `--bench`, or with `--test`, criterion runs everything once.
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    let selection = if has("--bench") && !has("--test") {
        Selection::Few
    } else {
        Selection::Smoke
    };
    let mut cases = cases(&pictures(selection, libjpeg), libjpeg);
    for road in cases.chunk_by_mut(|one, next| one.road == next.road) {
        let mut group = criterion.benchmark_group(road[0].road);
        for case in road {
            let pixels = u64::from(case.picture.width) * u64::from(case.picture.height);
            group.throughput(Throughput::Elements(pixels));
            for contender in &mut case.contenders {
                let whose = if contender.ours { "ours, " } else { "" };
                let id = BenchmarkId::new(format!("{whose}{}", contender.name), &case.picture.name);
                group.bench_function(id, |bencher| bencher.iter(&mut contender.run));
            }
        }
        group.finish();
    }
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
