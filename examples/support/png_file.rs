//! Pictures as PNG files.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use feature_distillation::{PixelBuffer, PixelFormat};

/// Writes a grey or RGB picture.
pub(crate) fn write_png(path: &Path, picture: &PixelBuffer) -> Result<(), Box<dyn Error>> {
    let color = match picture.format() {
        PixelFormat::Grey => png::ColorType::Grayscale,
        PixelFormat::Rgb => png::ColorType::Rgb,
        other => {
            return Err(format!("PNG has no {} pixels; write a JPEG instead", other.name()).into());
        }
    };
    let mut encoder = png::Encoder::new(
        BufWriter::new(File::create(path)?),
        picture.width(),
        picture.height(),
    );
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(picture.as_slice())?;
    writer.finish()?;
    Ok(())
}
