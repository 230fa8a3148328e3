//! A JPEG codec at the level of quantized DCT coefficients, and a defence of image classifiers by
//! compression built on it: feature distillation, after Liu et al., *Feature Distillation:
//! DNN-Oriented JPEG Compression Against Adversarial Examples*, CVPR 2019
//! ([arXiv:1803.05787](https://arxiv.org/abs/1803.05787)).
//!
//! ```
//! use feature_distillation::{FeatureDistiller, PixelFormat, PixelView, removing_table};
//!
//! // Tables that remove every change of at most 1, and 0.5 for the rounding of pixels.
//! let distiller = FeatureDistiller::builder().tables(removing_table(1.0 + 0.5)?).build()?;
//!
//! // Pass one, at the sensor: an 8-bit RGB picture becomes a defensive JPEG.
//! let samples: Vec<u8> = (0..64 * 64 * 3).map(|i| (60 + i / 192 + i % 192 / 3) as u8).collect();
//! let jpeg = distiller.compress(PixelView::new(&samples, 64, 64, PixelFormat::Rgb)?)?;
//! let picture = distiller.distill_jpeg(&jpeg)?;
//!
//! // On the way, each sample is changed by one.
//! let mut received = picture.clone();
//! for (i, sample) in received.as_mut_slice().iter_mut().enumerate() {
//!     *sample = if i % 5 < 2 { *sample + 1 } else { *sample - 1 };
//! }
//!
//! // Pass two, before the classifier: the change is gone.
//! assert_eq!(distiller.distill(received.view())?, picture);
//! # Ok::<(), feature_distillation::Error>(())
//! ```
//!
//! # Where to start
//!
//! | task | entry point |
//! |---|---|
//! | read coefficients | [`CoefficientImage::decode`], [`CoefficientImage::read`] |
//! | read many files into the same memory | [`CoefficientImage::decode_into`], [`PixelBuffer::decode_in`] |
//! | read what is left of a damaged file | [`CoefficientImage::recover`] |
//! | read tables and images from separate streams | [`TableSpecification::decode`], [`CoefficientImage::decode_abbreviated`] |
//! | write them | [`CoefficientImage::encode`], [`CoefficientImage::encode_with`], [`EncodeOptions::as_read`] |
//! | make an image without a file | [`CoefficientImage::new`], [`CoefficientImage::from_blocks`] |
//! | change tables | [`CoefficientImage::requantize`] |
//! | turn, mirror, crop, wipe without loss | [`CoefficientImage::oriented`], [`CoefficientImage::cropped`], [`CoefficientImage::wiped`] |
//! | insert one image into another without loss | [`CoefficientImage::with_inserted`] |
//! | colour to grey without loss | [`CoefficientImage::luminance`] |
//! | coefficients from and to pixels | [`CoefficientImage::from_pixels`], [`CoefficientImage::to_pixels`] |
//! | a file to pixels | [`PixelBuffer::decode`] |
//! | statistics of benign images | [`BandStatistics::add_jpeg`], [`BandStatistics`] |
//! | tables from statistics | [`AsMdDesign`], [`TableDesign`], [`design_tables`] |
//! | tables from a size of perturbation | [`Profile::certifying`], [`removing_table`], [`paper_step`] |
//! | tables by measured accuracy | [`TableSearch`] |
//! | what tables certify and cost | [`ProfileCard`] |
//! | defend in one pass | [`FeatureDistiller::one_pass_jpeg`], [`FeatureDistiller::one_pass_pixels`] |
//! | defend in a service, file after file | [`FeatureDistiller::one_pass_jpeg_in`], [`FeatureDistiller::distill_jpeg_in`] |
//! | defend many pictures on several threads | `FeatureDistiller::batch` (feature `rayon`) |
//! | calibrate on many files on several threads | `BandStatistics::add_jpegs` (feature `rayon`) |
//! | keep a large picture to one thread | `on_this_thread` (feature `rayon`) |
//! | defend in two passes | [`FeatureDistiller::compress`], then [`FeatureDistiller::distill`] |
//! | pass one that survives clipping | [`FeatureDistiller::compress_certified`] |
//! | what is provably removed from a picture | [`FeatureDistiller::certificate`], [`Certificate`] |
//! | what was changed on the way | [`FeatureDistiller::distill_with_report`], [`TamperReport`] |
//! | receive a cropped or re-saved picture | [`Receiver`] |
//! | share settings between the passes | [`Profile`] |
//! | attack it honestly | `DifferentiableDistiller` (feature `ndarray`), [`RandomizedDistiller`] |
//!
//! # From the paper
//!
//! | the paper | here |
//! |---|---|
//! | bound of a perturbation in a band | [`perturbation_bound`], [`Band::l1_norm`] |
//! | Eq. 5, Q > 16 eps | [`paper_step`] |
//! | Fig. 3 and 4, accuracy by steps | [`TableSearch`] |
//! | sigma of each band | [`BandStatistics::deviations`] |
//! | accuracy-sensitive (AS) and malicious-defense (MD) bands | [`AccuracySensitive`], [`BandPartition`] |
//! | steps 20 and 30 | [`AsMdDesign::paper`] |
//! | FD-1P | [`FeatureDistiller::one_pass_jpeg`], [`FeatureDistiller::one_pass_pixels`] |
//! | FD-2P | [`FeatureDistiller::compress`] and [`FeatureDistiller::distill`] |
//! | FD 2x, 3x | [`AsMdDesign::scaled`] |
//! | the published code | [`AsMdDesign::authors_code`], [`distill_published`] |
//!
//! # What is not promised
//!
//! The defence is not robust against adaptive attackers beyond its bound. One pass guarantees nothing.
//! Two passes help only if the first ran before the attacker, on the same grid, components, sampling and
//! tables; what they remove from a given picture, its [`Certificate`] tells. Large changes of few pixels survive.
//! Benign accuracy falls. The chapters [`guide::threat_model`] and [`guide::certificate`] have the conditions,
//! proofs and figures.
//!
//! # Conventions
//!
//! - Coefficients and tables are in natural (row-major) order everywhere.
//! - Perturbations and coefficients are in 8-bit pixel units; distil first, normalize for a network after.
//! - Same input, same bits: on every platform, in any order of merging, on any number of threads.
//! - Errors are sorted by who has to act, see [`Error`]. Functions panic only where their documentation
//!   says so, under "Panics".
//! - Decoding is strict, and bounded by [`Limits`], which are on by default.
//!
//! # Features
//!
//! - `ndarray` (default): pictures from and to arrays, coefficients as array views.
//! - `serde`: tables, profiles and statistics serialize, steps in natural order.
//! - `rayon`: batches of pictures on several threads, which also share a large picture.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "tests count small things and compare exact ones"
    )
)]
#![cfg_attr(
    not(test),
    deny(clippy::expect_used, clippy::panic, clippy::unwrap_used)
)]

mod adversary;
mod alignment;
mod band;
mod card;
mod certificate;
mod coefficients;
mod dct;
mod design;
mod distiller;
mod error;
mod jpeg;
mod limits;
mod metadata;
#[cfg(feature = "rayon")]
mod parallel;
mod pixels;
mod profile;
mod quantization;
mod random;
mod search;
mod statistics;
mod vectors;

#[cfg(feature = "ndarray")]
pub use adversary::{DifferentiableDistiller, SoftRounding};
pub use adversary::{Randomization, RandomizedDistiller};
pub use alignment::{Alignment, Received, Receiver};
pub use band::{BANDS, Band, Block};
pub use card::ProfileCard;
pub use certificate::{
    BlockPosition, Certificate, ComponentCertificate, Handover, NoiseModel, Norm, Radii, RadiusMap,
    Removal,
};
pub use coefficients::{
    CodingProcess, CoefficientImage, ColorSpace, Component, Edges, EntropyCoding, InsertedTables,
    OffGrid, Orientation, Rectangle, SamplePrecision, SamplingFactor, Scan,
};
pub use design::{
    AccuracySensitive, AsMdDesign, BandClass, BandPartition, TableDesign, TableScope,
    design_tables, paper_step, perturbation_bound, removing_table,
};
#[cfg(feature = "rayon")]
pub use distiller::Batch;
pub use distiller::{
    CertificationReport, CertifiedPass, FeatureDistiller, FeatureDistillerBuilder, ProfileCheck,
    TamperReport, TamperVerdict, UncertifiedBlock, distill_published,
};
pub use error::{
    AlignmentError, ArgumentError, CertificateVoid, Error, LimitKind, Malformed, Result,
    ScriptFault, UnsupportedFeature,
};
pub use jpeg::{
    BlockArea, Damage, DamageKind, DecodeOptions, EncodeOptions, Encoded, HuffmanTables,
    MetadataPolicy, OutOfRange, Process, Recovered, RecoveryReport, RestartInterval, ScanScript,
    StreamFormat, TableSpecification,
};
pub use limits::Limits;
pub use metadata::{MetadataKind, MetadataSegment};
#[cfg(feature = "rayon")]
pub use parallel::on_this_thread;
pub use pixels::{
    ChromaSubsampling, ForwardOptions, InverseOptions, Normalization, PixelBuffer, PixelFormat,
    PixelPipeline, PixelScratch, PixelView, Upsampling,
};
pub use profile::{Fingerprint, Profile};
pub use quantization::{QuantizationTable, QuantizationTables, Rounding};
pub use search::{
    Score, ScoredTables, SearchOutcome, SearchProgress, SearchSpace, SearchState, TableParameters,
    TableSearch,
};
pub use statistics::{
    BandRanking, BandStatistics, BandSummary, BlockSelection, Stability, Weighting,
};

/// The guide: why it works, how to use it, and what it does not do.
#[cfg(any(doc, doctest))]
pub mod guide {
    // Chapters link to each other by file. The definitions before each include take precedence over those
    // in the file, so the same links lead to modules here.

    #[doc = "[coefficients]: crate::guide::coefficients\n[calibration]: crate::guide::calibration\n[threat model]: crate::guide::threat_model\n[certificate]: crate::guide::certificate\n[serving]: crate::guide::serving\n\n"]
    #[doc = include_str!("../docs/theory.md")]
    pub mod theory {}

    #[doc = "[theory]: crate::guide::theory\n[calibration]: crate::guide::calibration\n[threat model]: crate::guide::threat_model\n[certificate]: crate::guide::certificate\n[serving]: crate::guide::serving\n\n"]
    #[doc = include_str!("../docs/coefficients.md")]
    pub mod coefficients {}

    #[doc = "[theory]: crate::guide::theory\n[coefficients]: crate::guide::coefficients\n[threat model]: crate::guide::threat_model\n[certificate]: crate::guide::certificate\n[serving]: crate::guide::serving\n\n"]
    #[doc = include_str!("../docs/calibration.md")]
    pub mod calibration {}

    #[doc = "[theory]: crate::guide::theory\n[coefficients]: crate::guide::coefficients\n[calibration]: crate::guide::calibration\n[certificate]: crate::guide::certificate\n[serving]: crate::guide::serving\n\n"]
    #[doc = include_str!("../docs/threat-model.md")]
    pub mod threat_model {}

    #[doc = "[theory]: crate::guide::theory\n[coefficients]: crate::guide::coefficients\n[calibration]: crate::guide::calibration\n[threat model]: crate::guide::threat_model\n[serving]: crate::guide::serving\n\n"]
    #[doc = include_str!("../docs/certificate.md")]
    pub mod certificate {}

    #[doc = include_str!("../docs/serving.md")]
    pub mod serving {}
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
