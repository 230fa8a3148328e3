//! Levels from one table's steps to another's.

use crate::band::Block;
use crate::vectors::{Kernel, Vectors};

use super::reciprocals::{LARGEST_DIVIDEND, Reciprocals, quotient};
use super::rounding::nearest_i16;
use super::{QuantizationTable, Rounding};

/// Moves blocks of levels from one table's steps to another's, nearest level by a rounding rule.
///
/// Levels that would leave the range of `i16` are refused before; here they are held at its end.
#[derive(Debug)]
pub(crate) struct Requantizer {
    from: [u16; 64],
    to: [u16; 64],
    rounding: Rounding,
    /// For coefficients of at most [`LARGEST_DIVIDEND`]; none where a step is below 3.
    reciprocals: Option<Reciprocals>,
    /// Largest magnitude of a level for which the reciprocals will do.
    largest_divided: u16,
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
        let largest_step = from.largest_step();
        let divisible = to.0.iter().all(|&step| step >= 3);
        let ties_to_zero = rounding == Rounding::HalfTowardZero;
        Self {
            from: from.0,
            to: to.0,
            rounding,
            reciprocals: divisible.then(|| Reciprocals::new(&to.0.map(u32::from), ties_to_zero)),
            largest_divided: LARGEST_DIVIDEND / largest_step,
            largest_exact: u16::try_from(((1 << 20) - 1) / u32::from(largest_step))
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

    pub(crate) fn requantize(&self, vectors: Vectors, blocks: &mut [Block]) {
        vectors.run(Requantization {
            requantizer: self,
            blocks,
        });
    }

    #[inline(always)]
    fn requantize_block(&self, block: &mut Block) {
        let mut largest = 0;
        for level in &*block {
            largest = level.unsigned_abs().max(largest);
        }
        match &self.reciprocals {
            // One loop for each way, so that it is known inside it.
            Some(reciprocals) if largest <= self.largest_divided => match self.rounding {
                Rounding::HalfToEven => self.requantize_divided::<true>(reciprocals, block),
                _ => self.requantize_divided::<false>(reciprocals, block),
            },
            _ if largest <= self.largest_exact => self.requantize_real(block),
            _ => self.requantize_integer(block),
        }
    }

    /// For coefficients of at most [`LARGEST_DIVIDEND`].
    #[inline(always)]
    fn requantize_divided<const TIES_TO_EVEN: bool>(
        &self,
        reciprocals: &Reciprocals,
        block: &mut Block,
    ) {
        let steps = self.from.iter().zip(&self.to);
        let reciprocals = reciprocals
            .half
            .iter()
            .zip(&reciprocals.reciprocal)
            .zip(&reciprocals.scale);
        for ((level, (&from, &to)), ((&half, &reciprocal), &scale)) in
            block.iter_mut().zip(steps).zip(reciprocals)
        {
            let n = level.unsigned_abs().wrapping_mul(from) + half;
            let mut magnitude = quotient(n, reciprocal, scale);
            if TIES_TO_EVEN {
                // Up to here ties grew: where n is a multiple of an even step, to an odd level wrongly. A
                // step above 2^15, which has no reciprocal, has level 0.
                let tie = u16::from(magnitude.wrapping_mul(to) == n) & !to & magnitude & 1;
                magnitude -= tie;
            }
            let magnitude = magnitude.cast_signed();
            *level = if *level < 0 { -magnitude } else { magnitude };
        }
    }

    /// For coefficients below 2^20: those are exact in a float, and so is the sum with 1/4.
    ///
    /// A tie lies on a multiple of half a step, so an integer moved by 1/4 is at least 1/4 from all of them, and
    /// the quotient is off by less than 2^20 / step * 2^-24, a sixteenth of a step. Unmoved, ties are exact.
    #[inline(always)]
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

struct Requantization<'a> {
    requantizer: &'a Requantizer,
    blocks: &'a mut [Block],
}

impl Kernel for Requantization<'_> {
    #[inline(always)]
    fn portable(self) {
        for block in self.blocks {
            self.requantizer.requantize_block(block);
        }
    }
}

/// The largest levels, by band, that stay within +-32767 when they are requantized.
#[derive(Debug)]
pub(crate) struct RequantizationBounds {
    /// In natural order, below 2^31.
    largest: [i32; 64],
}

impl RequantizationBounds {
    pub(crate) const BOUND: i32 = 32767;

    /// `None` where no step becomes finer, and any level will do.
    pub(crate) fn new(from: &QuantizationTable, to: &QuantizationTable) -> Option<Self> {
        let (from, to) = (from.to_natural(), to.to_natural());
        if from.iter().zip(&to).all(|(from, to)| from <= to) {
            return None;
        }
        // A level at the largest lands short of half a step above the bound.
        let largest = |band: usize| {
            let (from, to) = (i32::from(from[band]), i32::from(to[band]));
            (Self::BOUND * to + (to - 1) / 2) / from
        };
        Some(Self {
            largest: std::array::from_fn(largest),
        })
    }

    /// Whether no level is beyond.
    pub(crate) fn hold(&self, blocks: &[Block]) -> bool {
        let least = self.largest.iter().copied().min().unwrap_or(0);
        i32::from(largest_magnitude(Vectors::detected(), blocks)) <= least
            || self.first_beyond(blocks).is_none()
    }

    /// Indices of the first block with a level beyond, and of its band in natural order.
    pub(crate) fn first_beyond(&self, blocks: &[Block]) -> Option<(usize, usize)> {
        let beyond = |(level, largest): (&i16, &i32)| i32::from(level.unsigned_abs()) > *largest;
        blocks.iter().enumerate().find_map(|(index, block)| {
            let band = block.iter().zip(&self.largest).position(beyond)?;
            Some((index, band))
        })
    }
}

/// The largest magnitude of all levels.
fn largest_magnitude(vectors: Vectors, blocks: &[Block]) -> u16 {
    let mut largest = [0; 64];
    vectors.run(LargestMagnitudes {
        blocks,
        largest: &mut largest,
    });
    largest.into_iter().max().unwrap_or(0)
}

/// The largest magnitude in each band.
struct LargestMagnitudes<'a> {
    blocks: &'a [Block],
    largest: &'a mut [u16; 64],
}

impl Kernel for LargestMagnitudes<'_> {
    #[inline(always)]
    fn portable(self) {
        for block in self.blocks {
            for (largest, level) in self.largest.iter_mut().zip(block) {
                *largest = level.unsigned_abs().max(*largest);
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
    fn the_ends_of_the_range_are_held() {
        let coarse = QuantizationTable::uniform(65535).unwrap();
        let fine = QuantizationTable::uniform(1).unwrap();
        let mut block = [0; 64];
        (block[0], block[1]) = (i16::MIN, i16::MAX);
        Requantizer::new(&coarse, &fine, Rounding::HalfAwayFromZero)
            .requantize(Vectors::detected(), std::slice::from_mut(&mut block));
        assert_eq!(block[..3], [i16::MIN, i16::MAX, 0]);
    }

    #[test]
    fn coefficients_that_no_float_holds_are_requantized_in_integers() {
        let [from, to] = [40001, 40000].map(|step| QuantizationTable::uniform(step).unwrap());
        let requantizer = Requantizer::new(&from, &to, Rounding::HalfAwayFromZero);
        // 19999 * 40001 is one below a tie of 40000, and 19 bits too many for it to show in a float.
        let mut block = [19999; 64];
        requantizer.requantize(Vectors::detected(), std::slice::from_mut(&mut block));
        assert_eq!(block, [19999; 64]);
        requantizer.requantize_real(&mut block);
        assert_eq!(block, [20000; 64]);
    }

    #[test]
    fn reciprocals_floats_and_integers_requantize_alike() {
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
                        for vectors in [Vectors::detected(), Vectors::of_the_target()] {
                            let mut chosen = [block; 3];
                            requantizer.requantize(vectors, &mut chosen);
                            assert_eq!(
                                chosen, [integer; 3],
                                "{from} -> {to}, {rounding:?}, {first}"
                            );
                        }
                    }
                }
            }
        }
    }
}
