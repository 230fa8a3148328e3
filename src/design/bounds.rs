//! What a perturbation of bounded size can do to a band, and the step that undoes it.

use crate::band::Band;
use crate::error::{ArgumentError, Result};
use crate::quantization::QuantizationTable;

/// The smallest step that the paper's Eq. 5 allows: Q > 16 eps, with `eps` in 8-bit pixel units.
///
/// The rule takes the largest bound of any band, 8 eps, for all of them.
///
/// # Errors
///
/// [`ArgumentError::Number`] unless eps is finite and not negative, [`ArgumentError::Step`] above 65535.
///
/// ```
/// // The paper's eps of 0.01 of the full scale of 256.
/// assert_eq!(feature_distillation::paper_step(0.01 * 256.0)?, 41);
/// assert_eq!(feature_distillation::paper_step(1.0)?, 17);
/// # Ok::<(), feature_distillation::Error>(())
/// ```
pub fn paper_step(eps: f64) -> Result<u16> {
    step_above(16.0 * checked(eps)?)
}

/// The furthest that a perturbation of at most `eps` a sample can move a band's coefficient:
/// `eps` times the L1 norm of the band's basis function. It is reached by the signs of that function.
///
/// # Errors
///
/// [`ArgumentError::Number`] unless eps is finite and not negative.
pub fn perturbation_bound(band: Band, eps: f64) -> Result<f64> {
    Ok(checked(eps)? * band.l1_norm())
}

/// The finest table with which two passes remove every perturbation of at most `eps` a sample, band
/// by band: each step is the smallest integer above twice [`perturbation_bound`].
///
/// That holds for coefficients that sit on multiples of the steps; rounding and clipping of pixels
/// between the passes use up part of it (half a pixel of rounding counts like 0.5 more of `eps`). What a given
/// colour space, sampling and arithmetic use up, and other norms, knows
/// [`Profile::certifying`](crate::Profile::certifying).
///
/// # Errors
///
/// As [`paper_step`].
pub fn removing_table(eps: f64) -> Result<QuantizationTable> {
    let eps = checked(eps)?;
    let mut steps = [1; 64];
    for band in Band::all() {
        steps[band.natural()] = step_above(2.0 * eps * band.l1_norm())?;
    }
    QuantizationTable::from_natural(steps)
}

/// The smallest integer above `bound`, itself an integer or not. Bounds that differ from an integer by
/// no more than the rounding of a few float operations count as that integer.
fn step_above(bound: f64) -> Result<u16> {
    let nearest = bound.round();
    let step = if (bound - nearest).abs() <= 1e-9 * bound {
        nearest + 1.0
    } else {
        bound.ceil().max(1.0)
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive integer; the cast saturates"
    )]
    let step = step as u64;
    Ok(u16::try_from(step).map_err(|_| ArgumentError::Step { step })?)
}

fn checked(eps: f64) -> Result<f64> {
    ArgumentError::check_not_negative("perturbation size", eps)?;
    Ok(eps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_steps_come_out() {
        // Section 4: eps = 0.005, 0.007, 0.01, 0.012, 0.015 of 256; the rule is strict.
        let steps = [0.005, 0.007, 0.01, 0.012, 0.015].map(|eps| paper_step(eps * 256.0).unwrap());
        assert_eq!(steps, [21, 29, 41, 50, 62]);
        assert_eq!(paper_step(0.0).unwrap(), 1);
        assert_eq!(paper_step(2.0).unwrap(), 33);
        assert!(
            paper_step(5000.0).is_err()
                && paper_step(-1.0).is_err()
                && paper_step(f64::NAN).is_err()
        );
    }

    #[test]
    fn the_exact_bound_is_attained_and_never_above_the_papers() {
        for band in Band::all() {
            let attained: f64 = (0..64)
                .map(|i| {
                    let basis = band.basis(i / 8, i % 8);
                    1.5 * basis.signum() * basis
                })
                .sum();
            let bound = perturbation_bound(band, 1.5).unwrap();
            assert!((attained - bound).abs() < 1e-12);
            assert!(bound <= 8.0 * 1.5 + 1e-12);
        }
    }

    #[test]
    fn removing_tables_are_finer_than_the_papers_step() {
        let table = removing_table(2.0).unwrap();
        assert_eq!(table.largest_step(), paper_step(2.0).unwrap());
        assert_eq!(table.step(Band::new(1, 1).unwrap()), 27);
    }
}
