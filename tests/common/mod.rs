//! What the test files share: the fixtures, and JPEG files taken apart and put together by hand.

// Each test binary uses a part of this module.
#![allow(dead_code, unreachable_pub)]

pub mod bytes;

use std::path::PathBuf;

use feature_distillation::{CoefficientImage, Component, Error};

/// A file of `tests/fixtures`.
#[derive(Debug, Clone)]
pub struct Fixture {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// All `.jpg` files of `tests/fixtures`, by name.
pub fn fixtures() -> Vec<Fixture> {
    let mut fixtures: Vec<Fixture> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jpg"))
        .map(|path| Fixture {
            name: path.file_name().unwrap().to_str().unwrap().to_owned(),
            bytes: std::fs::read(&path).unwrap(),
        })
        .collect();
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    fixtures
}

/// The bytes of one fixture, named without `.jpg`.
pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("{name}.jpg")))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The text of `tests/fixtures/expected.jsonl`.
pub fn expectations() -> String {
    std::fs::read_to_string(folder().join("expected.jsonl")).unwrap()
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

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}
