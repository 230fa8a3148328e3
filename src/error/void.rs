//! Why a certificate says nothing.

use thiserror::Error;

/// Why the certificate of a picture does not hold for a receiver or for a received picture.
///
/// A certificate is about one grid, one set of components and one table; a second pass that differs from
/// it in any of them removes nothing for certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum CertificateVoid {
    /// The received picture has another size: it was cropped or scaled.
    #[error(
        "it is for {certified_width}x{certified_height} pixels, the received picture has {width}x{height}"
    )]
    Size {
        /// Width of the certified picture.
        certified_width: u32,
        /// Height of the certified picture.
        certified_height: u32,
        /// Width of the received picture.
        width: u32,
        /// Height of the received picture.
        height: u32,
    },
    /// The received picture lies on another grid of blocks.
    #[error("the picture starts {x} columns and {y} rows off the grid of blocks of pass one")]
    Grid {
        /// Columns, below the width of an MCU.
        x: u32,
        /// Rows, below the height of an MCU.
        y: u32,
    },
    /// The received picture has other channels.
    #[error("it is for {certified} pixels, the received ones are {received}")]
    PixelFormat {
        /// Channels of the certified picture.
        certified: &'static str,
        /// Channels of the received picture.
        received: &'static str,
    },
    /// The receiver distils other components.
    #[error("it is for {certified} components, the receiver distils {receiver}")]
    ColorSpace {
        /// What the certificate is for.
        certified: &'static str,
        /// What the receiver distils.
        receiver: &'static str,
    },
    /// The receiver samples the chrominance otherwise.
    #[error("the receiver samples the chrominance otherwise")]
    Sampling,
    /// The receiver has other steps.
    #[error("the receiver has other quantization steps for component {component}")]
    Tables {
        /// Index of the first component that differs.
        component: usize,
    },
    /// The receiver computes in another pipeline, with other rounding between the stages.
    #[error("the receiver computes in another pipeline")]
    Pipeline,
}
