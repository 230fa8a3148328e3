//! What components stand for.

/// What the components of an image stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum ColorSpace {
    /// One component of luminance.
    Grey,
    /// Red, green, blue, without a transform.
    Rgb,
    /// Luminance and two colour differences by JFIF's full-range BT.601 matrix.
    YCbCr,
    /// Cyan, magenta, yellow, black, as stored (Adobe's files store them inverted).
    Cmyk,
    /// CMYK whose first three components went through the YCbCr matrix (Adobe transform 2).
    Ycck,
    /// Components of no declared meaning.
    Unknown,
}

impl ColorSpace {
    /// Number of components; `None` where the space does not say.
    #[must_use]
    pub const fn components(self) -> Option<usize> {
        match self {
            Self::Grey => Some(1),
            Self::Rgb | Self::YCbCr => Some(3),
            Self::Cmyk | Self::Ycck => Some(4),
            Self::Unknown => None,
        }
    }

    /// A short lower-case name, stable across versions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Rgb => "rgb",
            Self::YCbCr => "ycbcr",
            Self::Cmyk => "cmyk",
            Self::Ycck => "ycck",
            Self::Unknown => "unknown",
        }
    }

    /// The identifiers that libjpeg gives the components.
    pub(super) fn component_ids(self) -> impl Iterator<Item = u8> {
        let letters: &[u8] = match self {
            Self::Rgb => b"RGB",
            Self::Cmyk => b"CMYK",
            Self::Grey | Self::YCbCr | Self::Ycck | Self::Unknown => &[],
        };
        let numbers = (1..=255).filter(|_| letters.is_empty());
        letters.iter().copied().chain(numbers)
    }
}
