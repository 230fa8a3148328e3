//! How a quotient becomes a level: the three tie rules.

use crate::band::Block;

use super::QuantizationTable;

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
pub(crate) fn nearest_i16(value: f32) -> i16 {
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are meant")]
    {
        (value + ONE_AND_A_HALF_2_23).to_bits() as i16
    }
}

/// Moves blocks of levels from one table's steps to another's, nearest level by a rounding rule.
///
/// Levels that would leave the range of `i16` are refused before; here they are held at its end.
#[derive(Debug)]
pub(crate) struct Requantizer {
    from: [u16; 64],
    to: [u16; 64],
    rounding: Rounding,
    /// Largest magnitude of a level for which floats are exact.
    largest_exact: u16,
    from_real: [f32; 64],
    to_real: [f32; 64],
    /// What turns ties into clear cases, in units of the coefficient and away from zero.
    bias: f32,
}

impl Requantizer {
    pub(crate) fn new(
        from: &QuantizationTable,
        to: &QuantizationTable,
        rounding: Rounding,
    ) -> Self {
        Self {
            from: from.0,
            to: to.0,
            rounding,
            largest_exact: u16::try_from(((1 << 20) - 1) / u32::from(from.largest_step()))
                .unwrap_or(u16::MAX),
            from_real: from.0.map(f32::from),
            to_real: to.0.map(f32::from),
            bias: match rounding {
                Rounding::HalfAwayFromZero => 0.25,
                Rounding::HalfToEven => 0.0,
                Rounding::HalfTowardZero => -0.25,
            },
        }
    }

    pub(crate) fn requantize(&self, block: &mut Block) {
        let largest = block
            .iter()
            .fold(0, |largest: u16, level| largest.max(level.unsigned_abs()));
        if largest <= self.largest_exact {
            self.requantize_real(block);
        } else {
            self.requantize_integer(block);
        }
    }

    /// For coefficients below 2^20: those are exact in a float, and so is the sum with 1/4.
    ///
    /// A tie lies on a multiple of half a step, so an integer moved by 1/4 is at least 1/4 from all of them, and
    /// the quotient is off by less than 2^20 / step * 2^-24, a sixteenth of a step. Unmoved, ties are exact.
    fn requantize_real(&self, block: &mut Block) {
        for ((level, from), to) in block.iter_mut().zip(&self.from_real).zip(&self.to_real) {
            let value = f32::from(*level) * from;
            let quotient = (value + self.bias * 1.0_f32.copysign(value)) / to;
            *level = nearest_i16(quotient.clamp(f32::from(i16::MIN), f32::from(i16::MAX)));
        }
    }

    fn requantize_integer(&self, block: &mut Block) {
        for ((level, from), to) in block.iter_mut().zip(self.from).zip(self.to) {
            if *level != 0 && from != to {
                // |level| <= 2^15 and the step is below 2^16, so the product is above -2^31.
                let value = i32::from(*level) * i32::from(from);
                let nearest = self.rounding.divide(value, to);
                *level =
                    i16::try_from(nearest).unwrap_or(if nearest < 0 { i16::MIN } else { i16::MAX });
            }
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
            assert_eq!(rule.divide_real(-1e9, 1.0), -i16::MAX);
        }
        let coarse = QuantizationTable::uniform(65535).unwrap();
        let fine = QuantizationTable::uniform(1).unwrap();
        let mut block = [0; 64];
        (block[0], block[1]) = (i16::MIN, i16::MAX);
        Requantizer::new(&coarse, &fine, Rounding::HalfAwayFromZero).requantize(&mut block);
        assert_eq!(block[..3], [i16::MIN, i16::MAX, 0]);
    }

    #[test]
    fn coefficients_that_no_float_holds_are_requantized_in_integers() {
        let [from, to] = [40001, 40000].map(|step| QuantizationTable::uniform(step).unwrap());
        let requantizer = Requantizer::new(&from, &to, Rounding::HalfAwayFromZero);
        // 19999 * 40001 is one below a tie of 40000, and 19 bits too many for it to show in a float.
        let mut block = [19999; 64];
        requantizer.requantize(&mut block);
        assert_eq!(block, [19999; 64]);
        requantizer.requantize_real(&mut block);
        assert_eq!(block, [20000; 64]);
    }

    #[test]
    fn floats_and_integers_requantize_alike() {
        let steps = [
            1, 2, 3, 8, 17, 20, 21, 30, 31, 32, 99, 255, 256, 1000, 4095, 65535,
        ];
        for from in steps {
            for to in steps {
                for rounding in RULES {
                    let tables = [from, to].map(|step| QuantizationTable::uniform(step).unwrap());
                    let requantizer = Requantizer::new(&tables[0], &tables[1], rounding);
                    let end = i32::from(requantizer.largest_exact.min(2100));
                    for first in (-end..=end - 63).step_by(64).chain([end - 63]) {
                        let block: Block = std::array::from_fn(|i| {
                            (first + i32::try_from(i).unwrap()).max(-end) as i16
                        });
                        let (mut real, mut integer) = (block, block);
                        requantizer.requantize_real(&mut real);
                        requantizer.requantize_integer(&mut integer);
                        assert_eq!(real, integer, "{from} -> {to}, {rounding:?}, {first}");
                    }
                }
            }
        }
    }
}
