//! Any bytes: what is recovered is what decodes, if it does, and the account of the rest adds up.
#![no_main]

use feature_distillation::{
    BlockArea, CodingProcess, CoefficientImage, Damage, DamageKind, DecodeOptions, Error,
    Malformed, Recovered,
};
use feature_distillation_fuzz::allocation::{Counting, peak_of};
use feature_distillation_fuzz::jpeg::{UNCHARGED, limits};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes of a report of 1000 damages, with three areas of four components lost and doubtful in each.
const REPORT: u64 = 2 << 20;

fuzz_target!(|input: &[u8]| {
    let limits = limits(1 << 20);
    let options = DecodeOptions::new().with_limits(limits);
    let (recovered, peak) = peak_of(|| CoefficientImage::recover_with(input, &options));
    assert!(
        peak <= limits.max_memory() + UNCHARGED + REPORT,
        "{peak} bytes were held under a limit of {}",
        limits.max_memory()
    );
    let again = CoefficientImage::recover_with(input, &options);
    assert_eq!(recovered.as_ref().ok(), again.as_ref().ok());
    match (CoefficientImage::decode_with(input, &options), &recovered) {
        (Ok(decoded), Ok(recovered)) => {
            assert_eq!(decoded, recovered.image);
            if recovered.report.is_sound() {
                assert_eq!(decoded.scans(), recovered.image.scans());
            }
            for damage in recovered.report.damages() {
                // Reading passes over up to seven bytes at the end, which the report tells.
                assert!(
                    matches!(
                        damage.kind,
                        DamageKind::Malformed(Malformed::LeftoverData { bytes: 1..=7 })
                    ),
                    "decoded, but {damage}"
                );
            }
        }
        (Ok(_), Err(error)) => panic!("decoded, not recovered: {error}"),
        (Err(error @ Error::LimitExceeded { .. }), Ok(_)) => panic!("recovered past {error}"),
        (Err(error), Ok(recovered)) => assert!(!recovered.report.is_sound(), "{error}"),
        (Err(_), Err(_)) => {}
    }
    if let Ok(recovered) = recovered {
        check_report(input, &recovered);
        check_trailing_data(input, &recovered, &options);
    }
});

fn check_report(input: &[u8], Recovered { image, report }: &Recovered) {
    let damages = report.damages();
    assert!(damages.len() <= 1000);
    assert!(report.unlisted() == 0 || damages.len() == 1000);
    assert!(
        damages.is_sorted_by_key(|damage| damage.offset),
        "{damages:?}"
    );
    // With one scan, what it does not give stays zero, but for the MCU that it breaks off in.
    let scans = input.windows(2).filter(|pair| *pair == [0xFF, 0xDA]);
    let one_scan = scans.count() == 1 && image.process() != CodingProcess::Progressive;
    for damage in damages {
        let Damage {
            offset,
            scan,
            lost,
            doubtful,
            ..
        } = damage;
        assert!(*offset <= input.len() as u64, "{damage}");
        assert!(scan.is_none_or(|scan| scan < 100), "{damage}");
        for area in lost.iter().chain(doubtful) {
            let component = image.component(area.component).expect("one of the image's");
            let BlockArea { columns, rows, .. } = area;
            assert!(area.block_count() > 0, "{damage:?}");
            assert!(columns.end <= component.blocks_wide(), "{damage:?}");
            assert!(rows.end <= component.blocks_high(), "{damage:?}");
        }
        if one_scan {
            let given = lost.iter().map(|area| blocks_given(image, area));
            assert!(given.sum::<usize>() <= 10, "{damage:?}");
        }
    }
}

/// Blocks of an area that are not zero.
fn blocks_given(image: &CoefficientImage, area: &BlockArea) -> usize {
    let component = &image.components()[area.component];
    let blocks = area.rows.clone().flat_map(|y| {
        let columns = area.columns.clone();
        columns.map(move |x| component.block(x, y))
    });
    blocks.filter(|block| *block != Some(&[0; 64])).count()
}

fn check_trailing_data(input: &[u8], recovered: &Recovered, options: &DecodeOptions) {
    match CoefficientImage::recover_with(input, &options.with_trailing_data(true)) {
        Ok(mut trailed) => {
            let data = std::mem::take(trailed.image.trailing_data_mut());
            let before = input.strip_suffix(data.as_slice());
            let before = before.expect("the end of the input");
            // The image ends where it says so, or where the next one begins.
            assert!(data.is_empty() || before.ends_with(&[0xFF, 0xD9]) || data[0] == 0xFF);
            assert_eq!(&trailed, recovered);
        }
        // They count against the memory.
        Err(Error::LimitExceeded { .. }) => {}
        Err(error) => panic!("with trailing data: {error}"),
    }
}
