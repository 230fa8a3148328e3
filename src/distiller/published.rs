//! The arithmetic of the code published with the paper, for comparing results with it.

use crate::dct::reference;
use crate::error::{ArgumentError, Result};
use crate::quantization::QuantizationTable;

/// Distils floats in [0, 1] exactly as the code published with the paper does.
///
/// Each channel is scaled by 255, without a level shift; each 8x8 block is transformed in double
/// precision, divided by the table, rounded with halves to even, multiplied back, transformed back;
/// the result is divided by 255, rounded to single precision and clipped to [0, 1]. There is no
/// rounding to 8 bits. `samples` are `height` rows of `width` pixels of `channels` samples.
///
/// Pass one and pass two of the published evaluation are this same function.
///
/// # Errors
///
/// [`ArgumentError::Shape`] unless width and height are positive multiples of 8 (the published code
/// cannot split other sizes), there is a channel, and there are height x width x channels samples;
/// [`ArgumentError::SampleRange`] for a sample outside [0, 1].
///
/// ```
/// use feature_distillation::{AsMdDesign, BandStatistics, TableDesign, distill_published};
/// let table = AsMdDesign::authors_code().design(&BandStatistics::new(), 0)?;
/// let distilled = distill_published(&[0.5; 64], 8, 8, 1, &table)?;
/// // DC is 8 * 127.5 = 1020, the nearest multiple of 25 is 1025.
/// assert!((distilled[0] - 1025.0 / 8.0 / 255.0).abs() < 1e-6);
/// # Ok::<(), feature_distillation::Error>(())
/// ```
pub fn distill_published(
    samples: &[f32],
    width: usize,
    height: usize,
    channels: usize,
    table: &QuantizationTable,
) -> Result<Vec<f32>> {
    for (what, actual) in [("width", width), ("height", height)] {
        if actual == 0 || actual % 8 != 0 {
            return Err(shape(what, (actual / 8).max(1) * 8, actual));
        }
    }
    if channels == 0 {
        return Err(shape("number of channels", 1, 0));
    }
    let expected = width.saturating_mul(height).saturating_mul(channels);
    if samples.len() != expected {
        return Err(shape("number of samples", expected, samples.len()));
    }
    if let Some((index, &value)) = samples
        .iter()
        .enumerate()
        .find(|&(_, sample)| !(0.0..=1.0).contains(sample))
    {
        return Err(ArgumentError::SampleRange { index, value }.into());
    }
    let steps = table.to_natural().map(f64::from);
    let mut distilled = vec![0.0; samples.len()];
    let position = |block_x: usize, block_y: usize, index: usize, channel: usize| {
        let (y, x) = (8 * block_y + index / 8, 8 * block_x + index % 8);
        (y * width + x) * channels + channel
    };
    for channel in 0..channels {
        for block_y in 0..height / 8 {
            for block_x in 0..width / 8 {
                let mut block = [0.0; 64];
                for (index, value) in block.iter_mut().enumerate() {
                    *value = f64::from(samples[position(block_x, block_y, index, channel)]) * 255.0;
                }
                reference::forward(&mut block);
                for (value, step) in block.iter_mut().zip(steps) {
                    *value = (*value / step).round_ties_even() * step;
                }
                reference::inverse(&mut block);
                for (index, value) in block.iter().enumerate() {
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "the published code rounds to single precision"
                    )]
                    let single = (value / 255.0) as f32;
                    distilled[position(block_x, block_y, index, channel)] = single.clamp(0.0, 1.0);
                }
            }
        }
    }
    Ok(distilled)
}

fn shape(what: &'static str, expected: usize, actual: usize) -> crate::error::Error {
    ArgumentError::Shape {
        what,
        expected: expected as u64,
        actual: actual as u64,
    }
    .into()
}
