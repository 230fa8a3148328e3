//! The integer transform that equals libjpeg's `islow` bit for bit.
//!
//! Loeffler, Ligtenberg and Moschytz' factorization (ICASSP 1989) with constants of 13 fraction
//! bits, in two passes of eight lanes: columns first, then rows of the transposed result. Where
//! libjpeg-turbo's vector code and its C code differ, which takes coefficients that no picture has,
//! this is the vector code: 16-bit products wrap, results saturate.

use crate::band::Block;
use crate::quantization::{QuantizationTable, Reciprocals, quotient};

use super::transpose;

/// Eight values of one row or column position, one for each lane.
type Lanes = [i16; 8];

/// Fraction bits of the constants.
pub(super) const CONSTANT_BITS: u32 = 13;
/// Fraction bits kept between the passes.
pub(super) const BETWEEN_BITS: u32 = 2;

// round(x * 2^13) of the factorization's constants.
pub(super) const F_0_298631336: i32 = 2446;
pub(super) const F_0_390180644: i32 = 3196;
pub(super) const F_0_541196100: i32 = 4433;
pub(super) const F_0_765366865: i32 = 6270;
pub(super) const F_0_899976223: i32 = 7373;
pub(super) const F_1_175875602: i32 = 9633;
pub(super) const F_1_501321110: i32 = 12299;
pub(super) const F_1_847759065: i32 = 15137;
pub(super) const F_1_961570560: i32 = 16069;
pub(super) const F_2_053119869: i32 = 16819;
pub(super) const F_2_562915447: i32 = 20995;
pub(super) const F_3_072711026: i32 = 25172;

/// Steps as the inverse multiplies by them: the 16 low bits, which wrap by design.
pub(crate) fn wrapping_steps(table: &QuantizationTable) -> [i16; 64] {
    table.to_natural().map(u16::cast_signed)
}

/// Dequantizes a block and transforms it to samples, level shift undone (T.81 A.3.3, A.3.4).
pub(crate) fn inverse(block: &Block, steps: &[i16; 64]) -> [[u8; 8]; 8] {
    let mut dequantized = [[0_i16; 8]; 8];
    for ((value, level), &step) in dequantized
        .as_flattened_mut()
        .iter_mut()
        .zip(block)
        .zip(steps)
    {
        *value = level.wrapping_mul(step);
    }
    let only_first_row = block[8..].iter().all(|&level| level == 0);
    let columns = if only_first_row {
        // Each column is constant.
        let mut means = dequantized[0];
        for mean in &mut means {
            *mean <<= BETWEEN_BITS;
        }
        [means; 8]
    } else {
        inverse_pass::<{ CONSTANT_BITS - BETWEEN_BITS }>(&dequantized)
    };
    let rows = inverse_pass::<{ CONSTANT_BITS + BETWEEN_BITS + 3 }>(&transpose(&columns));
    let mut samples = [[0_u8; 8]; 8];
    for (sample, &value) in samples
        .as_flattened_mut()
        .iter_mut()
        .zip(rows.as_flattened())
    {
        *sample = unshifted(value);
    }
    transpose(&samples)
}

/// The sample that [`inverse`] gives all over a block whose levels are zero but for DC.
#[inline(always)]
pub(super) fn flat_sample(dc: i16, step: i16) -> u8 {
    let mean = dc.wrapping_mul(step) << BETWEEN_BITS;
    unshifted(descaled::<{ BETWEEN_BITS + 3 }>(mean.into()))
}

/// The 8-bit sample of a level-shifted value.
#[inline(always)]
fn unshifted(value: i16) -> u8 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0..=255 after the clamp"
    )]
    {
        (value.clamp(-128, 127) + 128) as u8
    }
}

/// One loop over the lanes with nothing but scalar arithmetic inside, which the compiler turns into
/// vectors; functions of whole arrays would stay calls.
#[inline(always)]
fn inverse_pass<const DESCALE: u32>(x: &[Lanes; 8]) -> [Lanes; 8] {
    let mut out = [[0; 8]; 8];
    for i in 0..8 {
        let even_2 = products(
            x[2][i],
            F_0_541196100,
            x[6][i],
            F_0_541196100 - F_1_847759065,
        );
        let even_3 = products(
            x[2][i],
            F_0_541196100 + F_0_765366865,
            x[6][i],
            F_0_541196100,
        );
        let even_0 = i32::from(x[0][i].wrapping_add(x[4][i])) << CONSTANT_BITS;
        let even_1 = i32::from(x[0][i].wrapping_sub(x[4][i])) << CONSTANT_BITS;

        let sum_73 = x[7][i].wrapping_add(x[3][i]);
        let sum_51 = x[5][i].wrapping_add(x[1][i]);
        let z3 = products(sum_73, F_1_175875602 - F_1_961570560, sum_51, F_1_175875602);
        let z4 = products(sum_73, F_1_175875602, sum_51, F_1_175875602 - F_0_390180644);
        let odd_0 = products(
            x[7][i],
            F_0_298631336 - F_0_899976223,
            x[1][i],
            -F_0_899976223,
        )
        .wrapping_add(z3);
        let odd_1 = products(
            x[5][i],
            F_2_053119869 - F_2_562915447,
            x[3][i],
            -F_2_562915447,
        )
        .wrapping_add(z4);
        let odd_2 = products(
            x[5][i],
            -F_2_562915447,
            x[3][i],
            F_3_072711026 - F_2_562915447,
        )
        .wrapping_add(z3);
        let odd_3 = products(
            x[7][i],
            -F_0_899976223,
            x[1][i],
            F_1_501321110 - F_0_899976223,
        )
        .wrapping_add(z4);

        let even = [
            even_0.wrapping_add(even_3),
            even_1.wrapping_add(even_2),
            even_1.wrapping_sub(even_2),
            even_0.wrapping_sub(even_3),
        ];
        let odd = [odd_3, odd_2, odd_1, odd_0];
        for k in 0..4 {
            out[k][i] = descaled::<DESCALE>(even[k].wrapping_add(odd[k]));
            out[7 - k][i] = descaled::<DESCALE>(even[k].wrapping_sub(odd[k]));
        }
    }
    out
}

/// Transforms samples, level-shifted by 128, to eight times their coefficients (T.81 A.3.3).
///
/// Samples are -128..=127. The first pass multiplies by at most 8 * 2^2: DC lies within -4096..=4064 and
/// the other frequencies, whose signs alternate, within +-4080. Sums of eight of those are within
/// -32768..=32640, so no 16-bit sum overflows, and results are within +-2^13.
#[inline(always)]
pub(crate) fn forward(samples: &[Lanes; 8]) -> [Lanes; 8] {
    let rows = forward_pass::<{ CONSTANT_BITS - BETWEEN_BITS }>(&transpose(samples), |value| {
        value << BETWEEN_BITS
    });
    forward_pass::<{ CONSTANT_BITS + BETWEEN_BITS }>(&transpose(&rows), |value| {
        (value + (1 << (BETWEEN_BITS - 1))) >> BETWEEN_BITS
    })
}

/// `scale` brings the outputs that need no product to the scale that `DESCALE` brings the others to.
#[inline(always)]
fn forward_pass<const DESCALE: u32>(x: &[Lanes; 8], scale: impl Fn(i16) -> i16) -> [Lanes; 8] {
    let mut out = [[0; 8]; 8];
    for i in 0..8 {
        let sum = |k: usize| x[k][i] + x[7 - k][i];
        let difference = |k: usize| x[k][i] - x[7 - k][i];
        let (outer_sum, outer) = (sum(0) + sum(3), sum(0) - sum(3));
        let (inner_sum, inner) = (sum(1) + sum(2), sum(1) - sum(2));
        let [d0, d1, d2, d3] = [difference(0), difference(1), difference(2), difference(3)];
        let (sum_31, sum_20) = (d3 + d1, d2 + d0);
        let z3 = products(sum_31, F_1_175875602 - F_1_961570560, sum_20, F_1_175875602);
        let z4 = products(sum_31, F_1_175875602, sum_20, F_1_175875602 - F_0_390180644);

        out[0][i] = scale(outer_sum + inner_sum);
        out[1][i] = descaled::<DESCALE>(
            products(d0, F_1_501321110 - F_0_899976223, d3, -F_0_899976223) + z4,
        );
        out[2][i] = descaled::<DESCALE>(products(
            inner,
            F_0_541196100,
            outer,
            F_0_541196100 + F_0_765366865,
        ));
        out[3][i] = descaled::<DESCALE>(
            products(d1, F_3_072711026 - F_2_562915447, d2, -F_2_562915447) + z3,
        );
        out[4][i] = scale(outer_sum - inner_sum);
        out[5][i] = descaled::<DESCALE>(
            products(d2, F_2_053119869 - F_2_562915447, d1, -F_2_562915447) + z4,
        );
        out[6][i] = descaled::<DESCALE>(products(
            inner,
            F_0_541196100 - F_1_847759065,
            outer,
            F_0_541196100,
        ));
        out[7][i] = descaled::<DESCALE>(
            products(d3, F_0_298631336 - F_0_899976223, d0, -F_0_899976223) + z3,
        );
    }
    out
}

/// Quantization of what [`forward`] yields, which is within +-2^14 as [`Reciprocals`] want it.
#[derive(Debug, Clone)]
pub(crate) struct Divisors(pub(super) Reciprocals);

impl Divisors {
    pub(crate) fn new(table: &QuantizationTable) -> Self {
        let divisors = table.to_natural().map(|step| 8 * u32::from(step));
        Self(Reciprocals::new(&divisors, false))
    }

    /// Levels of coefficients scaled by eight, halves away from zero as libjpeg has it.
    #[inline(always)]
    pub(crate) fn quantize(&self, scaled: &[Lanes; 8]) -> Block {
        let mut block = [0; 64];
        let Reciprocals {
            half,
            reciprocal,
            scale,
        } = &self.0;
        let reciprocals = half.iter().zip(reciprocal).zip(scale);
        let values = scaled.as_flattened();
        for ((level, &value), ((&half, &reciprocal), &scale)) in
            block.iter_mut().zip(values).zip(reciprocals)
        {
            let magnitude = quotient(value.unsigned_abs() + half, reciprocal, scale).cast_signed();
            *level = if value < 0 { -magnitude } else { magnitude };
        }
        block
    }
}

#[inline(always)]
fn products(a: i16, by_a: i32, b: i16, by_b: i32) -> i32 {
    // The constants fit 16 bits, so neither product overflows; the sum of two can in the inverse, and wraps.
    (i32::from(a) * by_a).wrapping_add(i32::from(b) * by_b)
}

#[inline(always)]
fn descaled<const BITS: u32>(value: i32) -> i16 {
    let rounded = value.wrapping_add(1 << (BITS - 1)) >> BITS;
    #[expect(clippy::cast_possible_truncation, reason = "in range after the clamp")]
    {
        rounded.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }
}

#[cfg(test)]
mod tests {
    use std::array::from_fn;

    use proptest::prelude::*;

    use super::super::reference;
    use super::*;

    fn reference_inverse(block: &Block, step: u16) -> [f64; 64] {
        let mut values = block.map(|level| f64::from(level) * f64::from(step));
        reference::inverse(&mut values);
        values
    }

    #[test]
    fn flat_blocks_are_exact() {
        for mean in -128_i16..=127 {
            let scaled = forward(&[[mean; 8]; 8]);
            assert_eq!(scaled[0][0], 64 * mean);
            assert!(scaled.as_flattened()[1..].iter().all(|&value| value == 0));
            let mut block = [0; 64];
            block[0] = mean * 8;
            let samples = inverse(&block, &[1; 64]);
            assert_eq!(i16::from(samples[3][5]), mean + 128);
        }
    }

    #[test]
    fn extreme_samples_do_not_overflow() {
        // The signs of each basis function, both ways, reach the largest sums.
        for band in crate::band::Band::all() {
            for (positive, negative) in [(127, -128), (-128, 127), (-128, -128), (127, 127)] {
                let samples: [Lanes; 8] = from_fn(|y| {
                    from_fn(|x| {
                        if band.basis(y, x) > 0.0 {
                            positive
                        } else {
                            negative
                        }
                    })
                });
                let mut expected: [f64; 64] = from_fn(|i| samples[i / 8][i % 8].into());
                reference::forward(&mut expected);
                for (&found, expected) in forward(&samples).as_flattened().iter().zip(expected) {
                    assert!(
                        (f64::from(found) / 8.0 - expected).abs() < 0.25,
                        "{band}: {found} {expected}"
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn forward_is_within_a_quarter_of_the_reference(samples in prop::array::uniform32(any::<[i8; 2]>())) {
            let flat: Vec<i16> = samples.as_flattened().iter().map(|&sample| sample.into()).collect();
            let lanes: [Lanes; 8] = from_fn(|y| from_fn(|x| flat[8 * y + x]));
            let mut expected: [f64; 64] = from_fn(|i| flat[i].into());
            reference::forward(&mut expected);
            for (&found, expected) in forward(&lanes).as_flattened().iter().zip(expected) {
                prop_assert!((f64::from(found) / 8.0 - expected).abs() < 0.25, "{found} {expected}");
            }
        }

        #[test]
        fn inverse_is_within_one_of_the_reference(
            levels in prop::collection::vec((0_usize..64, -60_i16..=60), 0..20),
            step in 1_u16..=8,
        ) {
            let mut block = [0; 64];
            for (index, level) in levels {
                block[index] = level;
            }
            let samples = inverse(&block, &wrapping_steps(&QuantizationTable::uniform(step).unwrap()));
            for (&found, expected) in samples.as_flattened().iter().zip(reference_inverse(&block, step)) {
                let expected = (expected + 128.0).clamp(0.0, 255.0);
                prop_assert!((f64::from(found) - expected).abs() <= 1.0, "{found} {expected}");
            }
        }
    }

    #[test]
    fn quantization_by_reciprocals_is_exact() {
        let mut steps: Vec<u16> = (1..=300).collect();
        steps.extend([
            511, 512, 1023, 1024, 2047, 4095, 4096, 8191, 16384, 32767, 32768, 65534, 65535,
        ]);
        for step in steps {
            let divisors = Divisors::new(&QuantizationTable::uniform(step).unwrap());
            let divisor = 8 * i32::from(step);
            for first in (-16384..16384_i16).step_by(64) {
                let scaled: [Lanes; 8] =
                    from_fn(|y| from_fn(|x| first + i16::try_from(8 * y + x).unwrap()));
                let levels = divisors.quantize(&scaled);
                for (&value, level) in scaled.as_flattened().iter().zip(levels) {
                    let magnitude = (i32::from(value).abs() + divisor / 2) / divisor;
                    assert_eq!(
                        i32::from(level),
                        magnitude * i32::from(value.signum()),
                        "{value} / {divisor}"
                    );
                }
            }
        }
    }
}
