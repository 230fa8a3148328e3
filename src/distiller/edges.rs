//! Pass one of pictures whose size is no multiple of the MCU's.
//!
//! The last blocks of such a picture hold samples that no pixel shows. The receiver cannot see what
//! pass one put there, it repeats the last column and row, so its coefficients differ from pass
//! one's even without an attacker. Here the blocks at the right and bottom edge are passed on to
//! pixels and back until they come back the same: then they do so at the receiver too. They have less
//! room for a perturbation than other blocks, since the repeated samples are off the lattice.

use crate::coefficients::CoefficientImage;
use crate::error::Result;
use crate::pixels::Upsampling;

use super::Profile;

/// Rounds after which an edge is left as it is; ten times what was ever seen.
const ROUNDS: usize = 64;

/// Settles the edge blocks of a pass-one image.
///
/// Blocks are independent of each other only where chrominance is repeated, so with
/// triangle upsampling the image is left alone.
pub(super) fn settle(image: &mut CoefficientImage, profile: &Profile) -> Result<()> {
    if profile.upsampling() != Upsampling::Replicate {
        return Ok(());
    }
    let (columns, rows) = image.geometry().mcus();
    let (mcu_width, mcu_height) = image.geometry().mcu_size();
    // The corner belongs to both edges; once settled it stays so.
    if !image.width().is_multiple_of(mcu_width) {
        settle_strip(image, profile, (columns - 1, 0))?;
    }
    if !image.height().is_multiple_of(mcu_height) {
        settle_strip(image, profile, (0, rows - 1))?;
    }
    Ok(())
}

/// Settles the blocks from an MCU to the right and below.
fn settle_strip(image: &mut CoefficientImage, profile: &Profile, first: (u32, u32)) -> Result<()> {
    let mut strip = image.cropped_before(first)?;
    for _ in 0..ROUNDS {
        let pixels = strip.to_pixels(&profile.inverse_options())?;
        let again = CoefficientImage::from_pixels(
            pixels.view(),
            profile.tables(),
            &profile.forward_options(),
        )?;
        if again == strip {
            break;
        }
        strip = again;
    }
    image.replace_from(first, &strip);
    Ok(())
}
