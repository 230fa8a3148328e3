//! Pictures as samples: views in, buffers out, and the two pipelines between samples and coefficients.

#[cfg(feature = "ndarray")]
mod adjoint;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod buffer;
mod color;
mod forward;
mod inverse;
mod output;
mod plane;
mod planes;
mod real;
mod render;
mod rendition;
mod resample;
mod strips;
mod tile;
mod view;
mod window;

pub use buffer::{Normalization, PixelBuffer};
#[cfg(test)]
pub(crate) use color::ycbcr_from_rgb;
pub(crate) use color::{rounded_luminance, ycbcr_from_rgb_precise};
pub use forward::ForwardOptions;
pub use inverse::InverseOptions;
pub(crate) use inverse::Rendering;
#[cfg(feature = "ndarray")]
pub(crate) use plane::Plane;
pub(crate) use planes::Planes;
pub(crate) use real::{ComponentPlanes, Real};
pub use rendition::PixelScratch;
pub(crate) use rendition::Rendition;
pub(crate) use tile::{Blocks, MOST_BLOCKS, Pixels, Samples, Tile};
pub use view::PixelView;

use crate::coefficients::SamplingFactor;

/// What the channels of a picture are, 8 bits each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PixelFormat {
    /// One channel of luminance.
    Grey,
    /// Red, green, blue.
    Rgb,
    /// Cyan, magenta, yellow, black, as stored in the file (Adobe's files store them inverted).
    Cmyk,
}

impl PixelFormat {
    /// Channels of a pixel.
    #[must_use]
    pub const fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }

    /// A short lower-case name, stable across versions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Rgb => "rgb",
            Self::Cmyk => "cmyk",
        }
    }
}

/// The arithmetic between samples and coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum PixelPipeline {
    /// libjpeg's: integer DCT (`islow`), 8-bit samples between the stages. Results equal
    /// libjpeg-turbo's bit for bit.
    LibjpegEqual,
    /// Floats from end to end: samples are rounded once, when they leave as 8-bit pixels.
    Precise,
}

impl PixelPipeline {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::LibjpegEqual => "libjpeg-equal",
            Self::Precise => "precise",
        }
    }
}

/// How samples of a component that is sampled more coarsely are spread over the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Upsampling {
    /// A triangle filter, libjpeg's "fancy" upsampling, where it has one: factors 2x1, 1x2 and 2x2.
    /// Other factors repeat samples.
    Triangle,
    /// Each sample is repeated, libjpeg's plain upsampling. The exact inverse of averaging.
    Replicate,
}

/// How densely the chrominance of a picture is sampled when coefficients are made from pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ChromaSubsampling {
    /// 4:4:4, every pixel.
    #[default]
    #[cfg_attr(feature = "serde", serde(rename = "4:4:4"))]
    None,
    /// 4:2:2, every second column.
    #[cfg_attr(feature = "serde", serde(rename = "4:2:2"))]
    Horizontal,
    /// 4:2:0, every second column and row.
    #[cfg_attr(feature = "serde", serde(rename = "4:2:0"))]
    Both,
}

impl ChromaSubsampling {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "4:4:4",
            Self::Horizontal => "4:2:2",
            Self::Both => "4:2:0",
        }
    }

    /// Sampling factor of the luminance; chrominance has 1x1.
    pub(crate) const fn luminance_factors(self) -> (u8, u8) {
        match self {
            Self::None => (1, 1),
            Self::Horizontal => (2, 1),
            Self::Both => (2, 2),
        }
    }

    pub(crate) fn sampling_factors(self) -> [SamplingFactor; 3] {
        let (horizontal, vertical) = self.luminance_factors();
        let luminance = SamplingFactor::new(horizontal, vertical).unwrap_or(SamplingFactor::ONE);
        [luminance, SamplingFactor::ONE, SamplingFactor::ONE]
    }
}

/// Peak signal-to-noise ratio in decibels of 8-bit samples whose squared differences add up to this; infinite where
/// there are none.
pub(crate) fn signal_to_noise(squared_error: u64, samples: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let (error, samples) = (squared_error as f64, samples as f64);
    // One logarithm for all platforms.
    10.0 * libm::log10(255.0 * 255.0 * samples / error)
}
