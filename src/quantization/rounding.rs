//! How a quotient becomes a level: the three tie rules.

/// What happens to a value that lies exactly between two levels.
///
/// In one-pass distillation of real files about one surviving coefficient in eleven is such a tie
/// (`c * q1` is an integer, and half of an even step is one too), so the rule shows in the result. With a step of
/// 30 the coefficient -45 becomes level -2, -2 and -1 by the three rules, 75 becomes 3, 2 and 2.
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
    /// The level nearest to `value / step`; the step is not 0.
    pub(crate) const fn divide(self, value: i32, step: u16) -> i32 {
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

    /// The level nearest to `value / step` for a real-valued coefficient, held to +-32767.
    #[inline(always)]
    pub(crate) fn divide_real(self, value: f32, step: f32) -> i16 {
        let quotient = (value / step).clamp(-32767.0, 32767.0);
        // Halves to even; the difference to the quotient is exact, and so is a tie.
        let nearest = (quotient + ONE_AND_A_HALF_2_23) - ONE_AND_A_HALF_2_23;
        #[expect(clippy::float_cmp, reason = "shown above")]
        let tie = (quotient - nearest).abs() == 0.5;
        let grew = nearest.abs() > quotient.abs();
        // 1 in the direction of the value, where the rule differs from halves to even.
        let correction = match self {
            Self::HalfAwayFromZero if tie && !grew => 1.0_f32,
            Self::HalfTowardZero if tie && grew => -1.0,
            _ => 0.0,
        };
        nearest_i16(nearest + correction * 1.0_f32.copysign(quotient))
    }
}

/// Between 2^23 and 2^24 a float has no fraction: adding this rounds to an integer, halves to even.
const ONE_AND_A_HALF_2_23: f32 = 12_582_912.0;

/// The integer nearest to a float within the range of `i16`, halves to even.
///
/// The sum's low bits are the integer in two's complement. Unlike a cast, which saturates, this
/// is two instructions on vectors too.
#[inline(always)]
pub(super) fn nearest_i16(value: f32) -> i16 {
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are meant")]
    {
        (value + ONE_AND_A_HALF_2_23).to_bits() as i16
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
            assert_eq!(rule.divide_real(-1e9, 1.0), -i16::MAX);
        }
    }
}
