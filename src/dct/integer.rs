//! The integer transform that equals libjpeg's `islow` bit for bit.
//!
//! Loeffler, Ligtenberg and Moschytz' factorization (ICASSP 1989) with constants of 13 fraction
//! bits, in two passes of eight lanes: columns first, then rows of the transposed result. Where
//! libjpeg-turbo's vector code and its C code differ, which takes coefficients that no picture has,
//! this is the vector code: 16-bit products wrap, results saturate.

use std::array::from_fn;

use crate::band::Block;
use crate::quantization::QuantizationTable;

use super::transpose;

/// Eight values of one row or column position, one for each lane.
type Lanes = [i16; 8];
type Wide = [i32; 8];

/// Fraction bits of the constants.
const CONSTANT_BITS: u32 = 13;
/// Fraction bits kept between the passes.
const BETWEEN_BITS: u32 = 2;

// round(x * 2^13) of the factorization's constants.
const F_0_298631336: i32 = 2446;
const F_0_390180644: i32 = 3196;
const F_0_541196100: i32 = 4433;
const F_0_765366865: i32 = 6270;
const F_0_899976223: i32 = 7373;
const F_1_175875602: i32 = 9633;
const F_1_501321110: i32 = 12299;
const F_1_847759065: i32 = 15137;
const F_1_961570560: i32 = 16069;
const F_2_053119869: i32 = 16819;
const F_2_562915447: i32 = 20995;
const F_3_072711026: i32 = 25172;

/// Dequantizes a block and transforms it to samples, level shift undone (T.81 A.3.3, A.3.4).
pub(crate) fn inverse(block: &Block, table: &QuantizationTable) -> [[u8; 8]; 8] {
    let steps = table.to_natural();
    #[expect(clippy::cast_possible_wrap, reason = "wraps by design, see the module")]
    let dequantized: [Lanes; 8] = from_fn(|row| {
        from_fn(|lane| block[8 * row + lane].wrapping_mul(steps[8 * row + lane] as i16))
    });
    let only_first_row = block[8..].iter().all(|&level| level == 0);
    let columns = if only_first_row {
        // Each column is constant.
        [dequantized[0].map(|mean| mean << BETWEEN_BITS); 8]
    } else {
        inverse_pass(&dequantized, CONSTANT_BITS - BETWEEN_BITS)
    };
    let rows = inverse_pass(&transpose(&columns), CONSTANT_BITS + BETWEEN_BITS + 3);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0..=255 after the clamp"
    )]
    transpose(&rows.map(|lanes| lanes.map(|value| (value.clamp(-128, 127) + 128) as u8)))
}

#[inline(always)]
fn inverse_pass(x: &[Lanes; 8], descale: u32) -> [Lanes; 8] {
    let even_2 = products(x[2], F_0_541196100, x[6], F_0_541196100 - F_1_847759065);
    let even_3 = products(x[2], F_0_541196100 + F_0_765366865, x[6], F_0_541196100);
    let even_0: Wide = from_fn(|i| i32::from(x[0][i].wrapping_add(x[4][i])) << CONSTANT_BITS);
    let even_1: Wide = from_fn(|i| i32::from(x[0][i].wrapping_sub(x[4][i])) << CONSTANT_BITS);

    let sum_73 = from_fn(|i| x[7][i].wrapping_add(x[3][i]));
    let sum_51 = from_fn(|i| x[5][i].wrapping_add(x[1][i]));
    let z3 = products(sum_73, F_1_175875602 - F_1_961570560, sum_51, F_1_175875602);
    let z4 = products(sum_73, F_1_175875602, sum_51, F_1_175875602 - F_0_390180644);
    let odd_0 = add(
        products(x[7], F_0_298631336 - F_0_899976223, x[1], -F_0_899976223),
        z3,
    );
    let odd_1 = add(
        products(x[5], F_2_053119869 - F_2_562915447, x[3], -F_2_562915447),
        z4,
    );
    let odd_2 = add(
        products(x[5], -F_2_562915447, x[3], F_3_072711026 - F_2_562915447),
        z3,
    );
    let odd_3 = add(
        products(x[7], -F_0_899976223, x[1], F_1_501321110 - F_0_899976223),
        z4,
    );

    let even = [
        add(even_0, even_3),
        add(even_1, even_2),
        subtract(even_1, even_2),
        subtract(even_0, even_3),
    ];
    let odd = [odd_3, odd_2, odd_1, odd_0];
    from_fn(|row| {
        let sum = if row < 4 {
            add(even[row], odd[row])
        } else {
            subtract(even[7 - row], odd[7 - row])
        };
        saturate(sum.map(|value| value.wrapping_add(1 << (descale - 1)) >> descale))
    })
}

/// Transforms samples, level-shifted by 128, to eight times their coefficients (T.81 A.3.3).
///
/// The samples are -128..=127, so sums of eight of them with two fraction bits stay within 2^12
/// and every intermediate fits; results are within +-2^14.
pub(crate) fn forward(samples: &[Lanes; 8]) -> [Lanes; 8] {
    let rows = forward_pass(
        &transpose(samples),
        |value| value << BETWEEN_BITS,
        CONSTANT_BITS - BETWEEN_BITS,
    );
    let round_off = |value: i32| (value + (1 << (BETWEEN_BITS - 1))) >> BETWEEN_BITS;
    forward_pass(&transpose(&rows), round_off, CONSTANT_BITS + BETWEEN_BITS)
}

/// `scale` brings the outputs that need no product to the scale that `descale` brings the others to.
#[inline(always)]
fn forward_pass(x: &[Lanes; 8], scale: impl Fn(i32) -> i32, descale: u32) -> [Lanes; 8] {
    let sum = |a: usize, b: usize| -> Wide { from_fn(|i| i32::from(x[a][i]) + i32::from(x[b][i])) };
    let difference =
        |a: usize, b: usize| -> Wide { from_fn(|i| i32::from(x[a][i]) - i32::from(x[b][i])) };
    let (s0, s1, s2, s3) = (sum(0, 7), sum(1, 6), sum(2, 5), sum(3, 4));
    let (d0, d1, d2, d3) = (
        difference(0, 7),
        difference(1, 6),
        difference(2, 5),
        difference(3, 4),
    );

    let (outer_sum, outer_difference) = (add(s0, s3), subtract(s0, s3));
    let (inner_sum, inner_difference) = (add(s1, s2), subtract(s1, s2));
    let z1 = times(add(inner_difference, outer_difference), F_0_541196100);

    let z5 = times(add(add(d3, d1), add(d2, d0)), F_1_175875602);
    let z_30 = times(add(d3, d0), -F_0_899976223);
    let z_21 = times(add(d2, d1), -F_2_562915447);
    let z_31 = add(times(add(d3, d1), -F_1_961570560), z5);
    let z_20 = add(times(add(d2, d0), -F_0_390180644), z5);

    let descaled =
        |value: Wide| saturate(value.map(|value| (value + (1 << (descale - 1))) >> descale));
    [
        saturate(add(outer_sum, inner_sum).map(&scale)),
        descaled(add(add(times(d0, F_1_501321110), z_30), z_20)),
        descaled(add(z1, times(outer_difference, F_0_765366865))),
        descaled(add(add(times(d1, F_3_072711026), z_21), z_31)),
        saturate(subtract(outer_sum, inner_sum).map(&scale)),
        descaled(add(add(times(d2, F_2_053119869), z_21), z_20)),
        descaled(add(z1, times(inner_difference, -F_1_847759065))),
        descaled(add(add(times(d3, F_0_298631336), z_30), z_31)),
    ]
}

/// The divisions of quantization as multiplications, exact for every output of [`forward`].
///
/// With d = 8 * step and m = ceil(2^40 / d), n * m >> 40 is n / d rounded down for every n and d
/// with n * d <= 2^40. Here n <= 2^14 + 4 * 65535 < 2^19 and d < 2^19.
#[derive(Debug, Clone)]
pub(crate) struct Reciprocals {
    multiplier: [u64; 64],
    half: [u32; 64],
}

impl Reciprocals {
    pub(crate) fn new(table: &QuantizationTable) -> Self {
        let steps = table.to_natural();
        Self {
            multiplier: steps.map(|step| (1_u64 << 40).div_ceil(8 * u64::from(step))),
            half: steps.map(|step| 4 * u32::from(step)),
        }
    }

    /// Levels of coefficients scaled by eight, halves away from zero as libjpeg has it.
    pub(crate) fn quantize(&self, scaled: &[Lanes; 8]) -> Block {
        let mut block = [0; 64];
        let entries = block.iter_mut().zip(scaled.as_flattened());
        for ((level, &value), (&multiplier, &half)) in
            entries.zip(self.multiplier.iter().zip(&self.half))
        {
            let numerator = u64::from(u32::from(value.unsigned_abs()) + half);
            // At most 2^14 / 8, since d >= 8.
            #[expect(clippy::cast_possible_truncation, reason = "shown above")]
            let magnitude = ((numerator * multiplier) >> 40) as i16;
            *level = if value < 0 { -magnitude } else { magnitude };
        }
        block
    }
}

#[inline(always)]
fn products(a: Lanes, by_a: i32, b: Lanes, by_b: i32) -> Wide {
    // The constants fit 16 bits, so neither product overflows; the sum of two can, and wraps.
    from_fn(|i| (i32::from(a[i]) * by_a).wrapping_add(i32::from(b[i]) * by_b))
}

#[inline(always)]
fn times(a: Wide, by: i32) -> Wide {
    a.map(|value| value * by)
}

#[inline(always)]
fn add(a: Wide, b: Wide) -> Wide {
    from_fn(|i| a[i].wrapping_add(b[i]))
}

#[inline(always)]
fn subtract(a: Wide, b: Wide) -> Wide {
    from_fn(|i| a[i].wrapping_sub(b[i]))
}

#[inline(always)]
fn saturate(wide: Wide) -> Lanes {
    #[expect(clippy::cast_possible_truncation, reason = "in range after the clamp")]
    wide.map(|value| value.clamp(i16::MIN.into(), i16::MAX.into()) as i16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::reference;
    use super::*;
    use crate::quantization::Rounding;

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
            let samples = inverse(&block, &QuantizationTable::uniform(1).unwrap());
            assert_eq!(i16::from(samples[3][5]), mean + 128);
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
            let samples = inverse(&block, &QuantizationTable::uniform(step).unwrap());
            for (&found, expected) in samples.as_flattened().iter().zip(reference_inverse(&block, step)) {
                let expected = (expected + 128.0).clamp(0.0, 255.0);
                prop_assert!((f64::from(found) - expected).abs() <= 1.0, "{found} {expected}");
            }
        }

        #[test]
        fn quantization_by_multiplication_is_exact(value in -16384_i16..=16384, step in 1_u16..=65535) {
            let mut scaled = [[0; 8]; 8];
            scaled[0][0] = value;
            let level = Reciprocals::new(&QuantizationTable::uniform(step).unwrap()).quantize(&scaled)[0];
            // Doubling both sides keeps the quotient and lets the divisor 8 * step be split.
            let exact = (2 * i64::from(value.unsigned_abs()) + 8 * i64::from(step)) / (16 * i64::from(step));
            prop_assert_eq!(i64::from(level.unsigned_abs()), exact);
            prop_assert!(level == 0 || (level < 0) == (value < 0));
            if step < 4096 && value % 8 == 0 {
                prop_assert_eq!(i32::from(level), Rounding::HalfAwayFromZero.divide(i32::from(value) / 8, step));
            }
        }
    }
}
