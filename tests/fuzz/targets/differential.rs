//! libjpeg beside the crate: where both read a file, they read the same.
//!
//! A file that libjpeg reads without a warning and the crate refuses is no failure: the crate is
//! strict. With `FUZZ_REFUSALS=1` such refusals are counted by kind and printed at powers of two.
#![no_main]

#[path = "../../oracle/mod.rs"]
mod oracle;

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use feature_distillation::{CoefficientImage, DecodeOptions, Error, Limits};
use libfuzzer_sys::fuzz_target;
use oracle::{Libjpeg, OracleImage};

/// libjpeg has no limits of its own, so larger frames are kept from it.
const MAX_PIXELS: u64 = 1 << 17;

fuzz_target!(|input: &[u8]| {
    if frame_pixels(input).is_none_or(|pixels| pixels == 0 || pixels > MAX_PIXELS) {
        return;
    }
    let libjpeg = Libjpeg::load().expect("a C compiler and libjpeg's headers");
    let options = DecodeOptions::new().with_limits(Limits::none());
    let ours = CoefficientImage::decode_with(input, &options);
    let theirs = libjpeg.read_coefficients(input);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) if theirs.warnings == 0 => assert_same(&ours, &theirs),
        (Ok(_), Ok(_)) => count("read with a warning by libjpeg", "accepted"),
        (Ok(_), Err(reason)) => count("refused by libjpeg", &reason),
        (Err(error), Ok(theirs)) if theirs.warnings == 0 => count("refused by us", &kind(&error)),
        (Err(_), _) => {}
    }
});

fn assert_same(ours: &CoefficientImage, theirs: &OracleImage) {
    assert_eq!((ours.width(), ours.height()), (theirs.width, theirs.height));
    assert_eq!(ours.components().len(), theirs.components.len());
    for (ours, theirs) in ours.components().iter().zip(&theirs.components) {
        let sampling = (ours.sampling().horizontal(), ours.sampling().vertical());
        assert_eq!(ours.id(), theirs.id);
        assert_eq!(sampling, (theirs.horizontal, theirs.vertical));
        assert_eq!(
            (ours.blocks_wide(), ours.blocks_high()),
            (theirs.blocks_wide, theirs.blocks_high)
        );
        assert_eq!(ours.quantization_table().to_natural(), theirs.table);
        assert!(
            ours.blocks().as_flattened() == theirs.coefficients,
            "coefficients of component {} differ",
            theirs.id
        );
    }
}

/// Width times height of the first frame header; `None` where the segments before it do not add up.
fn frame_pixels(input: &[u8]) -> Option<u64> {
    let mut rest = input.strip_prefix(&[0xFF, 0xD8])?;
    loop {
        rest = rest.strip_prefix(&[0xFF])?;
        while let Some(fewer) = rest.strip_prefix(&[0xFF]) {
            rest = fewer;
        }
        let (&code, segment) = rest.split_first()?;
        let length = usize::from(u16::from_be_bytes(*segment.first_chunk()?));
        if matches!(code, 0xC0..=0xCF) && !matches!(code, 0xC4 | 0xC8 | 0xCC) {
            let side = |at: usize| {
                let bytes = segment.get(at..)?.first_chunk()?;
                Some(u64::from(u16::from_be_bytes(*bytes)))
            };
            return Some(side(3)? * side(5)?);
        }
        rest = segment.get(length..)?;
    }
}

/// The variant of an error, without its figures.
fn kind(error: &Error) -> String {
    let text = match error {
        Error::Malformed { kind, .. } => format!("{kind:?}"),
        Error::Unsupported { feature, .. } => format!("{feature:?}"),
        other => format!("{other:?}"),
    };
    text.split([' ', '{']).next().unwrap_or_default().to_owned()
}

fn count(side: &str, reason: &str) {
    static ASKED: LazyLock<bool> =
        LazyLock::new(|| std::env::var_os("FUZZ_REFUSALS").is_some_and(|value| value == "1"));
    static COUNTS: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
    if !*ASKED {
        return;
    }
    let name = format!("{side}: {reason}");
    let mut counts = COUNTS.lock().expect("one thread");
    let seen = counts.entry(name.clone()).or_default();
    *seen += 1;
    if seen.is_power_of_two() {
        eprintln!("{seen} x {name}");
    }
}
