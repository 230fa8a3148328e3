//! Photographs of a folder that `FEATURE_DISTILLATION_DATA` names; the tests pass without it, and say so.

use std::fs;
use std::path::PathBuf;

use feature_distillation::{CoefficientImage, InverseOptions, PixelBuffer, PixelFormat};

/// Every fifth photograph of `photos224/`, as RGB; `None`, with `consequence` on stderr, where there is no folder.
pub(crate) fn photographs(consequence: &str) -> Option<Vec<PixelBuffer>> {
    let Some(folder) = std::env::var_os("FEATURE_DISTILLATION_DATA").map(PathBuf::from) else {
        eprintln!("FEATURE_DISTILLATION_DATA is not set: {consequence}");
        return None;
    };
    let mut files: Vec<PathBuf> = fs::read_dir(folder.join("photos224"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let photographs = files.iter().step_by(5).map(|file| {
        let image = CoefficientImage::decode(&fs::read(file).unwrap()).unwrap();
        let options = InverseOptions::libjpeg_equal().with_format(PixelFormat::Rgb);
        image.to_pixels(&options).unwrap()
    });
    Some(photographs.collect())
}
