//! The transform of the precise pipeline: a vector is a row or a column of a block.

use std::arch::x86_64::{__m256, __m256i};

use pulp::bytemuck::cast;

use crate::band::Block;
use crate::vectors::Avx2;

use super::super::precise::{C1, C2, C3, C5, C6, C7, SCALE};

/// The values of a block by row and, in each vector, column; or the other way round.
type Vectors = [__m256; 8];

#[inline(always)]
pub(in super::super) fn forward(v: Avx2, samples: [[f32; 8]; 8]) -> [[f32; 8]; 8] {
    stored(coefficients(v, samples))
}

/// Levels of the coefficients, halves away from zero, held to +-32767.
#[inline(always)]
pub(in super::super) fn forward_quantized(
    v: Avx2,
    samples: [[f32; 8]; 8],
    steps: &[f32; 64],
) -> Block {
    // The halves of a vector are packed apart.
    const IN_ORDER: i32 = 0b11_01_10_00;
    let coefficients = coefficients(v, samples);
    let steps = steps.as_chunks::<8>().0;
    let mut block = [0; 64];
    for (pair, levels) in block.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let upper = rounded_quotients(v, coefficients[2 * pair], steps[2 * pair]);
        let lower = rounded_quotients(v, coefficients[2 * pair + 1], steps[2 * pair + 1]);
        let packed = v.avx2._mm256_packs_epi32(upper, lower);
        *levels = cast(v.avx2._mm256_permute4x64_epi64::<IN_ORDER>(packed));
    }
    block
}

/// A quotient moved away from zero by the float below 1/2 and cut off there: that float, and not 1/2, because
/// the sum with the quotient below 1/2 would round up to 1. The sum of a quotient of exactly 1/2 does.
#[inline(always)]
fn rounded_quotients(v: Avx2, values: __m256, steps: [f32; 8]) -> __m256i {
    let quotients = v.avx._mm256_div_ps(values, cast(steps));
    let sign = v.avx._mm256_and_ps(quotients, v.avx._mm256_set1_ps(-0.0));
    let below_half = v.avx._mm256_set1_ps(0.5_f32.next_down());
    let moved = v
        .avx
        ._mm256_add_ps(quotients, v.avx._mm256_or_ps(below_half, sign));
    let held = v.avx._mm256_max_ps(
        v.avx._mm256_min_ps(moved, v.avx._mm256_set1_ps(32767.0)),
        v.avx._mm256_set1_ps(-32767.0),
    );
    v.avx._mm256_cvttps_epi32(held)
}

#[inline(always)]
fn coefficients(v: Avx2, samples: [[f32; 8]; 8]) -> Vectors {
    let rows = forward_pass(v, transposed(v, loaded(v, samples)));
    scaled(v, forward_pass(v, transposed(v, rows)))
}

/// Dequantizes a block, whose levels are zero but in the upper half, the left half, or anywhere, and transforms
/// it to rows of samples.
#[inline(always)]
pub(in super::super) fn inverse<const UPPER: bool, const LEFT: bool>(
    v: Avx2,
    block: &Block,
    steps: &[f32; 64],
) -> [[f32; 8]; 8] {
    let mut rows = [v.avx._mm256_setzero_ps(); 8];
    let high = if UPPER { 4 } else { 8 };
    for (row, values) in rows.iter_mut().enumerate().take(high) {
        *values = dequantized(v, block, steps, row);
    }
    let columns = transposed(v, inverse_pass::<UPPER>(v, rows));
    stored(transposed(v, inverse_pass::<LEFT>(v, columns)))
}

/// A row of coefficients, scaled.
#[inline(always)]
fn dequantized(v: Avx2, block: &Block, steps: &[f32; 64], row: usize) -> __m256 {
    let levels = v
        .avx2
        ._mm256_cvtepi16_epi32(cast(block.as_chunks::<8>().0[row]));
    let values = v.avx._mm256_mul_ps(
        v.avx._mm256_cvtepi32_ps(levels),
        cast(steps.as_chunks::<8>().0[row]),
    );
    v.avx._mm256_mul_ps(values, cast(SCALE[row]))
}

#[inline(always)]
fn loaded(v: Avx2, rows: [[f32; 8]; 8]) -> Vectors {
    let mut vectors = [v.avx._mm256_setzero_ps(); 8];
    for (vector, row) in vectors.iter_mut().zip(rows) {
        *vector = cast(row);
    }
    vectors
}

#[inline(always)]
fn stored(vectors: Vectors) -> [[f32; 8]; 8] {
    let mut rows = [[0.0; 8]; 8];
    for (row, vector) in rows.iter_mut().zip(vectors) {
        *row = cast(vector);
    }
    rows
}

#[inline(always)]
fn scaled(v: Avx2, mut coefficients: Vectors) -> Vectors {
    for (row, scale) in coefficients.iter_mut().zip(SCALE) {
        *row = v.avx._mm256_mul_ps(*row, cast(scale));
    }
    coefficients
}

#[inline(always)]
fn forward_pass(v: Avx2, x: Vectors) -> Vectors {
    let (s0, d0) = (sum(v, x[0], x[7]), difference(v, x[0], x[7]));
    let (s1, d1) = (sum(v, x[1], x[6]), difference(v, x[1], x[6]));
    let (s2, d2) = (sum(v, x[2], x[5]), difference(v, x[2], x[5]));
    let (s3, d3) = (sum(v, x[3], x[4]), difference(v, x[3], x[4]));
    let (outer, tilt_outer) = (sum(v, s0, s3), difference(v, s0, s3));
    let (inner, tilt_inner) = (sum(v, s1, s2), difference(v, s1, s2));
    let d = [d0, d1, d2, d3];
    [
        sum(v, outer, inner),
        weighted(v, d, [C1, C3, C5, C7]),
        sum(v, times(v, tilt_outer, C2), times(v, tilt_inner, C6)),
        weighted(v, d, [C3, -C7, -C1, -C5]),
        difference(v, outer, inner),
        weighted(v, d, [C5, -C1, C7, C3]),
        difference(v, times(v, tilt_outer, C6), times(v, tilt_inner, C2)),
        weighted(v, d, [C7, -C5, C3, -C1]),
    ]
}

/// `LOW` tells that the last four frequencies are zero, and their terms left out.
///
/// That changes no bit, not even the sign of a zero: no level is -0, and no sum or difference of two values is -0
/// unless the first is. So `x[0]`, the even parts and the outputs never are, in neither pass, and they are the same
/// whatever the sign of a zero is that is added to them or taken from them.
#[inline(always)]
fn inverse_pass<const LOW: bool>(v: Avx2, x: Vectors) -> Vectors {
    let (even, odd) = if LOW {
        low_inverse_parts(v, [x[0], x[1], x[2], x[3]])
    } else {
        inverse_parts(v, x)
    };
    let mut out = x;
    for k in 0..4 {
        out[k] = sum(v, even[k], odd[k]);
        out[7 - k] = difference(v, even[k], odd[k]);
    }
    out
}

#[inline(always)]
fn inverse_parts(v: Avx2, x: Vectors) -> ([__m256; 4], [__m256; 4]) {
    let (sum_04, difference_04) = (sum(v, x[0], x[4]), difference(v, x[0], x[4]));
    let outer = sum(v, times(v, x[2], C2), times(v, x[6], C6));
    let inner = difference(v, times(v, x[2], C6), times(v, x[6], C2));
    let even = [
        sum(v, sum_04, outer),
        sum(v, difference_04, inner),
        difference(v, difference_04, inner),
        difference(v, sum_04, outer),
    ];
    let inputs = [x[1], x[3], x[5], x[7]];
    let odd = [
        weighted(v, inputs, [C1, C3, C5, C7]),
        weighted(v, inputs, [C3, -C7, -C1, -C5]),
        weighted(v, inputs, [C5, -C1, C7, C3]),
        weighted(v, inputs, [C7, -C5, C3, -C1]),
    ];
    (even, odd)
}

#[inline(always)]
fn low_inverse_parts(v: Avx2, x: [__m256; 4]) -> ([__m256; 4], [__m256; 4]) {
    let (outer, inner) = (times(v, x[2], C2), times(v, x[2], C6));
    let even = [
        sum(v, x[0], outer),
        sum(v, x[0], inner),
        difference(v, x[0], inner),
        difference(v, x[0], outer),
    ];
    let odd = [
        sum(v, times(v, x[1], C1), times(v, x[3], C3)),
        difference(v, times(v, x[1], C3), times(v, x[3], C7)),
        difference(v, times(v, x[1], C5), times(v, x[3], C1)),
        difference(v, times(v, x[1], C7), times(v, x[3], C5)),
    ];
    (even, odd)
}

#[inline(always)]
fn weighted(v: Avx2, x: [__m256; 4], weights: [f32; 4]) -> __m256 {
    sum(
        v,
        sum(v, times(v, x[0], weights[0]), times(v, x[1], weights[1])),
        sum(v, times(v, x[2], weights[2]), times(v, x[3], weights[3])),
    )
}

#[inline(always)]
fn sum(v: Avx2, a: __m256, b: __m256) -> __m256 {
    v.avx._mm256_add_ps(a, b)
}

#[inline(always)]
fn difference(v: Avx2, a: __m256, b: __m256) -> __m256 {
    v.avx._mm256_sub_ps(a, b)
}

#[inline(always)]
fn times(v: Avx2, a: __m256, factor: f32) -> __m256 {
    v.avx._mm256_mul_ps(a, v.avx._mm256_set1_ps(factor))
}

/// Swaps rows and columns: of single values and of pairs inside the halves, then of the halves.
#[inline(always)]
fn transposed(v: Avx2, x: Vectors) -> Vectors {
    let [a0, a1, a2, a3] = transposed_halves(v, [x[0], x[1], x[2], x[3]]);
    let [b0, b1, b2, b3] = transposed_halves(v, [x[4], x[5], x[6], x[7]]);
    [
        v.avx._mm256_permute2f128_ps::<0x20>(a0, b0),
        v.avx._mm256_permute2f128_ps::<0x20>(a1, b1),
        v.avx._mm256_permute2f128_ps::<0x20>(a2, b2),
        v.avx._mm256_permute2f128_ps::<0x20>(a3, b3),
        v.avx._mm256_permute2f128_ps::<0x31>(a0, b0),
        v.avx._mm256_permute2f128_ps::<0x31>(a1, b1),
        v.avx._mm256_permute2f128_ps::<0x31>(a2, b2),
        v.avx._mm256_permute2f128_ps::<0x31>(a3, b3),
    ]
}

#[inline(always)]
fn transposed_halves(v: Avx2, [a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
    let (ab_lower, ab_upper) = (
        v.avx._mm256_unpacklo_ps(a, b),
        v.avx._mm256_unpackhi_ps(a, b),
    );
    let (cd_lower, cd_upper) = (
        v.avx._mm256_unpacklo_ps(c, d),
        v.avx._mm256_unpackhi_ps(c, d),
    );
    [
        v.avx._mm256_shuffle_ps::<0x44>(ab_lower, cd_lower),
        v.avx._mm256_shuffle_ps::<0xee>(ab_lower, cd_lower),
        v.avx._mm256_shuffle_ps::<0x44>(ab_upper, cd_upper),
        v.avx._mm256_shuffle_ps::<0xee>(ab_upper, cd_upper),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantization::Rounding;

    #[test]
    fn quotients_are_rounded_as_single_ones_around_every_tie() {
        let Some(v) = Avx2::try_new() else {
            return println!("not run: the machine has no AVX2");
        };
        for step in [1_u16, 3, 7, 20, 30, 255, 1000, 65535].map(f32::from) {
            for halves in (-300..300).chain([-80001, 65535, 65533, 70000, 1 << 20]) {
                let middle = halves as f32 / 2.0 * step;
                let values = [
                    middle,
                    middle.next_down(),
                    middle.next_up(),
                    middle.next_down().next_down(),
                    middle.next_up().next_up(),
                    -0.0,
                    middle + 0.25 * step,
                    middle - 0.25 * step,
                ];
                let found: [i32; 8] = cast(rounded_quotients(v, cast(values), [step; 8]));
                let expected =
                    values.map(|value| Rounding::HalfAwayFromZero.divide_real(value, step).into());
                assert_eq!(found, expected, "{values:?} / {step}");
            }
        }
    }
}
