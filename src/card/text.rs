//! The card as a page of text and as serialized figures.

use std::fmt;

use crate::certificate::{Handover, Radii};

use super::ProfileCard;

impl fmt::Display for ProfileCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile = self.profile();
        writeln!(
            f,
            "{} components, {}, {} pipeline",
            profile.color_space().name(),
            profile.subsampling().name(),
            profile.pipeline().name(),
        )?;
        writeln!(f, "{}", profile.fingerprint())?;
        write!(f, "{}", profile.tables())?;
        for (name, handover) in [("floats", Handover::Float), ("8 bits", Handover::EightBit)] {
            let Radii { linf, l2, l1 } = self.radii(handover);
            writeln!(f, "radius, {name}: Linf {linf:.3}, L2 {l2:.2}, L1 {l1:.1}")?;
        }
        let (Some(mean), Some(min), Some(bits), Some(clipped)) = (
            self.psnr_mean(),
            self.psnr_min(),
            self.bits_per_pixel(),
            self.clipped_share(),
        ) else {
            return Ok(());
        };
        writeln!(f, "pictures: {}", self.pictures())?;
        writeln!(f, "PSNR: {mean:.2} dB on average, {min:.2} dB at least")?;
        writeln!(f, "size: {bits:.3} bits per pixel")?;
        writeln!(f, "clipped: {} of blocks", Percent(clipped))?;
        for (index, (norm, size)) in self.sizes().enumerate() {
            let blocks = Percent(self.certified_blocks(index).unwrap_or(0.0));
            let pictures = Percent(self.certified_pictures(index).unwrap_or(0.0));
            let norm = norm.name();
            writeln!(
                f,
                "certified at {norm} {size}: {blocks} of blocks, {pictures} of pictures"
            )?;
        }
        Ok(())
    }
}

/// A share of 1 in percent. Never rounded up to all, never down to none.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100.0 * self.0;
        match self.0 {
            share if share > 0.0 && percent < 0.01 => write!(f, "under 0.01 %"),
            share if share < 1.0 && percent > 99.99 => write!(f, "over 99.99 %"),
            _ => write!(f, "{percent:.2} %"),
        }
    }
}

#[cfg(feature = "serde")]
mod serial {
    use serde::{Serialize, Serializer};

    use crate::certificate::{Handover, Norm, Radii};
    use crate::profile::Profile;

    use super::ProfileCard;

    /// The figures of a card, in its words.
    #[derive(Serialize)]
    struct Figures<'a> {
        profile: &'a Profile,
        fingerprint: String,
        radii_float: Radii,
        radii_eight_bit: Radii,
        pictures: u64,
        psnr_mean: Option<f64>,
        psnr_min: Option<f64>,
        bits_per_pixel: Option<f64>,
        clipped_share: Option<f64>,
        certified: Vec<Certified>,
    }

    #[derive(Serialize)]
    struct Certified {
        norm: Norm,
        size: f64,
        blocks: Option<f64>,
        pictures: Option<f64>,
    }

    impl Serialize for ProfileCard {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let sizes = self.sizes().enumerate();
            Figures {
                profile: self.profile(),
                fingerprint: self.profile().fingerprint().to_string(),
                radii_float: self.radii(Handover::Float),
                radii_eight_bit: self.radii(Handover::EightBit),
                pictures: self.pictures(),
                psnr_mean: self.psnr_mean(),
                psnr_min: self.psnr_min(),
                bits_per_pixel: self.bits_per_pixel(),
                clipped_share: self.clipped_share(),
                certified: sizes
                    .map(|(index, (norm, size))| Certified {
                        norm,
                        size,
                        blocks: self.certified_blocks(index),
                        pictures: self.certified_pictures(index),
                    })
                    .collect(),
            }
            .serialize(serializer)
        }
    }
}
