//! How a quotient becomes a level: the three tie rules.

use crate::band::Block;

use super::QuantizationTable;

/// What happens to a value that lies exactly between two levels.
///
/// In one-pass distillation of real files about one surviving coefficient in eleven is such a tie
/// (`c * q1` is an integer, and half of an even step is one too), so the rule shows in the result.
///
/// ```
/// use feature_distillation::Rounding;
/// assert_eq!(Rounding::HalfAwayFromZero.divide(-45, 30), -2);
/// assert_eq!(Rounding::HalfToEven.divide(75, 30), 2);
/// assert_eq!(Rounding::HalfTowardZero.divide(-45, 30), -1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Rounding {
    /// Ties go to the larger magnitude, as in libjpeg.
    #[default]
    HalfAwayFromZero,
    /// Ties go to the even level, as in the published code (numpy's `round`).
    HalfToEven,
    /// Ties go to the smaller magnitude: fewer nonzero levels, no sign bias.
    HalfTowardZero,
}

impl Rounding {
    /// The level nearest to `value / step`.
    #[must_use]
    pub const fn divide(self, value: i32, step: u16) -> i32 {
        let step = step as u32;
        let magnitude = value.unsigned_abs();
        let (quotient, remainder) = (magnitude / step, magnitude % step);
        // remainder < 65535, so twice it fits.
        let doubled = 2 * remainder;
        let up = match self {
            Self::HalfAwayFromZero => doubled >= step,
            Self::HalfToEven => doubled > step || (doubled == step && quotient % 2 == 1),
            Self::HalfTowardZero => doubled > step,
        };
        // A quotient rounded up has step >= 2, so the level is at most 2^30; unrounded it is at
        // most |value|, and -2^31 / 1 negates to itself.
        #[expect(clippy::cast_possible_wrap, reason = "shown above")]
        let level = (quotient + up as u32) as i32;
        if value < 0 {
            level.wrapping_neg()
        } else {
            level
        }
    }

    /// The level nearest to `value / step` for a real-valued coefficient.
    ///
    /// Levels are held to +-32767; not-a-number gives 0.
    #[must_use]
    pub fn divide_real(self, value: f32, step: f32) -> i16 {
        // Truncation and comparison vectorize on every target, which a call of `round` does not.
        // Past 2^23 a float is an integer and the fraction 0; the casts saturate.
        let quotient = value / step;
        let magnitude = quotient.abs();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, then held to the range of i16"
        )]
        let whole = magnitude as i32;
        #[expect(
            clippy::cast_precision_loss,
            reason = "exact below 2^24, saturated above"
        )]
        let fraction = magnitude - whole as f32;
        #[expect(clippy::float_cmp, reason = "the fraction is exact, and so is a tie")]
        let up = match self {
            Self::HalfAwayFromZero => fraction >= 0.5,
            Self::HalfToEven => fraction > 0.5 || (fraction == 0.5 && whole % 2 == 1),
            Self::HalfTowardZero => fraction > 0.5,
        };
        let level = whole.saturating_add(i32::from(up)).min(32767);
        #[expect(clippy::cast_possible_truncation, reason = "0..=32767")]
        {
            (if quotient < 0.0 { -level } else { level }) as i16
        }
    }
}

/// Moves one block of levels from one table's steps to another's, nearest level by `rounding`.
///
/// A level past the range of `i16`, which only steps finer by a large factor reach, is held at its end.
pub(crate) fn requantize_block(
    block: &mut Block,
    from: &QuantizationTable,
    to: &QuantizationTable,
    rounding: Rounding,
) {
    for ((level, old), new) in block.iter_mut().zip(from.0).zip(to.0) {
        if *level != 0 && old != new {
            // |level| <= 2^15 and the step is below 2^16, so the product is above -2^31.
            let value = i32::from(*level) * i32::from(old);
            let nearest = rounding.divide(value, new);
            *level =
                i16::try_from(nearest).unwrap_or(if nearest < 0 { i16::MIN } else { i16::MAX });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [Rounding; 3] = [
        Rounding::HalfAwayFromZero,
        Rounding::HalfToEven,
        Rounding::HalfTowardZero,
    ];

    #[test]
    fn ties_follow_the_named_rule_and_nothing_else_does() {
        for step in [1_u16, 2, 3, 7, 20, 30, 31, 255, 65535] {
            for value in -3 * i32::from(step) - 2..=3 * i32::from(step) + 2 {
                let exact = f64::from(value) / f64::from(step);
                let tie = (2 * value).rem_euclid(2 * i32::from(step)) == i32::from(step);
                for rule in RULES {
                    let level = rule.divide(value, step);
                    let expected = match rule {
                        Rounding::HalfToEven if tie => exact.round_ties_even(),
                        Rounding::HalfTowardZero if tie => exact.trunc(),
                        _ => exact.round(),
                    };
                    assert_eq!(f64::from(level), expected, "{rule:?} {value} / {step}");
                    let real = rule.divide_real(value as f32, f32::from(step));
                    if step < 4096 {
                        assert_eq!(i32::from(real), level, "{rule:?} {value} / {step}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_ends_of_the_range_do_not_overflow() {
        for rule in RULES {
            assert_eq!(rule.divide(i32::MIN, 1), i32::MIN);
            assert_eq!(rule.divide(i32::MAX, 1), i32::MAX);
            assert_eq!(rule.divide_real(f32::INFINITY, 1.0), i16::MAX);
            assert_eq!(rule.divide_real(f32::NAN, 1.0), 0);
        }
        let coarse = QuantizationTable::uniform(65535).unwrap();
        let fine = QuantizationTable::uniform(1).unwrap();
        let mut block = [0; 64];
        (block[0], block[1]) = (i16::MIN, i16::MAX);
        requantize_block(&mut block, &coarse, &fine, Rounding::HalfAwayFromZero);
        assert_eq!(block[..3], [i16::MIN, i16::MAX, 0]);
    }
}
