//! What the test files share: the fixtures, and JPEG files taken apart and put together by hand.

// Each test binary uses a part of this module.
#![allow(dead_code, unreachable_pub)]

pub mod allocation;
pub mod bytes;

use std::path::{Path, PathBuf};

use feature_distillation::{
    CoefficientImage, Component, DecodeOptions, Error, LimitKind, Limits, Result,
};
use serde_json::Value;

/// A file of `tests/fixtures`.
#[derive(Debug, Clone)]
pub struct Fixture {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// The one fixture that needs more scans than the default limits allow.
pub const TOO_MANY_SCANS: &str = "components-255-8x8.jpg";

/// All `.jpg` files of `tests/fixtures` that are within the default limits, by name.
pub fn fixtures() -> Vec<Fixture> {
    let mut fixtures: Vec<Fixture> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jpg"))
        .map(|path| Fixture {
            name: path.file_name().unwrap().to_str().unwrap().to_owned(),
            bytes: std::fs::read(&path).unwrap(),
        })
        .filter(|fixture| fixture.name != TOO_MANY_SCANS)
        .collect();
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    fixtures
}

/// The bytes of one fixture, named without `.jpg`.
pub fn fixture(name: &str) -> Vec<u8> {
    fixture_file(&format!("{name}.jpg"))
}

/// The bytes of a file of `tests/fixtures` by its full name.
pub fn fixture_file(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Options for [`TOO_MANY_SCANS`].
pub fn many_scans() -> DecodeOptions {
    DecodeOptions::new().with_limits(Limits::default().with_max_scans(255))
}

/// The text of `tests/fixtures/expected.jsonl`.
pub fn expectations() -> String {
    std::fs::read_to_string(folder().join("expected.jsonl")).unwrap()
}

/// The fixtures of which libjpeg's own reading is recorded.
pub fn fixtures_that_libjpeg_reads() -> Vec<Fixture> {
    let refused: Vec<String> = expectations()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|expected| !expected["read_by_libjpeg"].as_bool().unwrap())
        .map(|expected| expected["file"].as_str().unwrap().to_owned())
        .collect();
    let mut fixtures = fixtures();
    fixtures.retain(|fixture| !refused.contains(&fixture.name));
    fixtures
}

/// A damaged file of `tests/fixtures/damaged`, and what is recorded of it.
#[derive(Debug, Clone)]
pub struct Damaged {
    pub name: String,
    pub bytes: Vec<u8>,
    /// The file that it was made of.
    pub original: Vec<u8>,
    /// The object that `damaged.jsonl` holds for it.
    pub recorded: Value,
}

/// All files of `tests/fixtures/damaged`, by name.
pub fn damaged() -> Vec<Damaged> {
    let folder = folder().join("damaged");
    std::fs::read_to_string(folder.join("damaged.jsonl"))
        .unwrap()
        .lines()
        .map(|line| {
            let recorded: Value = serde_json::from_str(line).unwrap();
            let name = recorded["file"].as_str().unwrap().to_owned();
            let original = recorded["original"].as_str().unwrap();
            Damaged {
                bytes: std::fs::read(folder.join(&name)).unwrap(),
                original: fixture(original.strip_suffix(".jpg").unwrap()),
                name,
                recorded,
            }
        })
        .collect()
}

/// The coefficients of a component, row by row of blocks, natural order inside.
pub fn coefficients(component: &Component) -> Vec<i16> {
    component.blocks().iter().flatten().copied().collect()
}

/// Encodes with the default options; `None` where a coefficient does not fit sequential coding.
///
/// # Panics
///
/// On any other error.
pub fn encode_unless_out_of_range(image: &CoefficientImage) -> Option<Vec<u8>> {
    match image.encode() {
        Ok(bytes) => Some(bytes),
        Err(Error::CoefficientOutOfRange { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

pub fn jpeg_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            jpeg_files(&path, found);
        } else if path.extension().is_some_and(|extension| {
            extension.eq_ignore_ascii_case("jpg") || extension.eq_ignore_ascii_case("jpeg")
        }) {
            found.push(path);
        }
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The smallest memory limit within which this succeeds; below it nothing else may be at fault.
pub fn least_memory<T>(work: impl Fn(Limits) -> Result<T>) -> u64 {
    let (mut refused, mut enough) = (0, Limits::default().max_memory());
    while enough - refused > 1 {
        let middle = u64::midpoint(refused, enough);
        match work(Limits::default().with_max_memory(middle)) {
            Ok(_) => enough = middle,
            Err(Error::LimitExceeded {
                limit: LimitKind::Memory,
                ..
            }) => refused = middle,
            Err(error) => panic!("{error}"),
        }
    }
    enough
}
