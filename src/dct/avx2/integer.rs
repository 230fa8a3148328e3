//! The integer transform, two blocks at a time.
//!
//! A vector holds eight 16-bit values of one block in its lower half and eight of another in its upper
//! half. Sums of 16 bits wrap, pairs of products are added in 32 bits, and results saturate to 16.

use std::arch::x86_64::{__m128i, __m256i};

use pulp::bytemuck::cast;

use crate::band::Block;
use crate::vectors::Avx2;

use super::super::integer::{
    BETWEEN_BITS, CONSTANT_BITS, Divisors, F_0_298631336, F_0_390180644, F_0_541196100,
    F_0_765366865, F_0_899976223, F_1_175875602, F_1_501321110, F_1_847759065, F_1_961570560,
    F_2_053119869, F_2_562915447, F_3_072711026,
};

/// Sixty-four values of each block: by row and, in each half, column; or the other way round.
type Pair = [__m256i; 8];
/// Sixteen values of 32 bits: what the lower and the upper four of each half widen to.
type Wide = [__m256i; 2];

const AFTER_COLUMNS: i32 = (CONSTANT_BITS - BETWEEN_BITS).cast_signed();
const AFTER_ROWS: i32 = (CONSTANT_BITS + BETWEEN_BITS + 3).cast_signed();

const AFTER_FORWARD_ROWS: i32 = (CONSTANT_BITS - BETWEEN_BITS).cast_signed();
const AFTER_FORWARD_COLUMNS: i32 = (CONSTANT_BITS + BETWEEN_BITS).cast_signed();

/// Dequantizes two blocks and transforms them to rows of samples.
///
/// `first_row_only` tells of each block whether only its first row has levels that are not zero.
#[inline(always)]
pub(in super::super) fn inverse(
    v: Avx2,
    [lower, upper]: [&Block; 2],
    first_row_only: [bool; 2],
    steps: &[i16; 64],
) -> [[[u8; 8]; 8]; 2] {
    let (lower, upper) = (lower.as_chunks::<8>().0, upper.as_chunks::<8>().0);
    let steps = steps.as_chunks::<8>().0;
    let mut values = [v.avx._mm256_setzero_si256(); 8];
    for row in 0..8 {
        let levels = halves(v, lower[row], upper[row]);
        let steps = halves(v, steps[row], steps[row]);
        values[row] = v.avx2._mm256_mullo_epi16(levels, steps);
    }
    let mut columns = inverse_pass::<AFTER_COLUMNS>(v, values);
    // The scaled first row stands for all rows of a block that has no other. The pass has the same result
    // unless that wraps, which takes levels that no picture has.
    let scaled = v
        .avx2
        ._mm256_slli_epi16::<{ BETWEEN_BITS.cast_signed() }>(values[0]);
    let restored = v
        .avx2
        ._mm256_srai_epi16::<{ BETWEEN_BITS.cast_signed() }>(scaled);
    let only = halves(
        v,
        [-i16::from(first_row_only[0]); 8],
        [-i16::from(first_row_only[1]); 8],
    );
    let wrapped = v.avx2._mm256_xor_si256(restored, values[0]);
    if v.avx._mm256_testz_si256(wrapped, only) == 0 {
        for column in &mut columns {
            *column = v.avx2._mm256_blendv_epi8(*column, scaled, only);
        }
    }
    let rows = inverse_pass::<AFTER_ROWS>(v, transposed(v, columns));
    samples(v, rows)
}

/// Rows of bytes from columns of level-shifted values.
#[inline(always)]
fn samples(v: Avx2, columns: Pair) -> [[[u8; 8]; 8]; 2] {
    // Columns 0 to 3 in the lower eight bytes of a half, 4 to 7 in the upper.
    let c04 = bytes(v, columns[0], columns[4]);
    let c15 = bytes(v, columns[1], columns[5]);
    let c26 = bytes(v, columns[2], columns[6]);
    let c37 = bytes(v, columns[3], columns[7]);
    let [c01, c45] = interleaved_bytes(v, c04, c15);
    let [c23, c67] = interleaved_bytes(v, c26, c37);
    let [upper_0123, lower_0123] = interleaved(v, c01, c23);
    let [upper_4567, lower_4567] = interleaved(v, c45, c67);
    let [rows_01, rows_23] = interleaved_pairs(v, upper_0123, upper_4567);
    let [rows_45, rows_67] = interleaved_pairs(v, lower_0123, lower_4567);
    let [[a0, a1], [b0, b1]]: [[[u8; 8]; 2]; 2] = cast(rows_01);
    let [[a2, a3], [b2, b3]]: [[[u8; 8]; 2]; 2] = cast(rows_23);
    let [[a4, a5], [b4, b5]]: [[[u8; 8]; 2]; 2] = cast(rows_45);
    let [[a6, a7], [b6, b7]]: [[[u8; 8]; 2]; 2] = cast(rows_67);
    [
        [a0, a1, a2, a3, a4, a5, a6, a7],
        [b0, b1, b2, b3, b4, b5, b6, b7],
    ]
}

#[inline(always)]
fn bytes(v: Avx2, a: __m256i, b: __m256i) -> __m256i {
    let packed = v.avx2._mm256_packs_epi16(a, b);
    v.avx2
        ._mm256_xor_si256(packed, v.avx._mm256_set1_epi8(i8::MIN))
}

#[inline(always)]
fn inverse_pass<const DESCALE: i32>(v: Avx2, x: Pair) -> Pair {
    let x26 = interleaved(v, x[2], x[6]);
    let even_2 = products(v, x26, F_0_541196100, F_0_541196100 - F_1_847759065);
    let even_3 = products(v, x26, F_0_541196100 + F_0_765366865, F_0_541196100);
    // With half a unit of the result, so that it need not be added to all eight.
    let half = 1 << (DESCALE - 1);
    let even_0 = scaled(v, v.avx2._mm256_add_epi16(x[0], x[4]), half);
    let even_1 = scaled(v, v.avx2._mm256_sub_epi16(x[0], x[4]), half);

    let sums = interleaved(
        v,
        v.avx2._mm256_add_epi16(x[7], x[3]),
        v.avx2._mm256_add_epi16(x[5], x[1]),
    );
    let z3 = products(v, sums, F_1_175875602 - F_1_961570560, F_1_175875602);
    let z4 = products(v, sums, F_1_175875602, F_1_175875602 - F_0_390180644);
    let x71 = interleaved(v, x[7], x[1]);
    let x53 = interleaved(v, x[5], x[3]);
    let odd_0 = products(v, x71, F_0_298631336 - F_0_899976223, -F_0_899976223);
    let odd_1 = products(v, x53, F_2_053119869 - F_2_562915447, -F_2_562915447);
    let odd_2 = products(v, x53, -F_2_562915447, F_3_072711026 - F_2_562915447);
    let odd_3 = products(v, x71, -F_0_899976223, F_1_501321110 - F_0_899976223);

    let even = [
        sum(v, even_0, even_3),
        sum(v, even_1, even_2),
        difference(v, even_1, even_2),
        difference(v, even_0, even_3),
    ];
    let odd = [
        sum(v, odd_3, z4),
        sum(v, odd_2, z3),
        sum(v, odd_1, z4),
        sum(v, odd_0, z3),
    ];
    let mut out = x;
    for k in 0..4 {
        out[k] = descaled::<DESCALE>(v, sum(v, even[k], odd[k]));
        out[7 - k] = descaled::<DESCALE>(v, difference(v, even[k], odd[k]));
    }
    out
}

/// Transforms samples of two blocks, `rows` of both, to rows of quantized levels.
#[inline(always)]
pub(in super::super) fn forward(
    v: Avx2,
    rows: [[[u8; 8]; 2]; 8],
    divisors: &Divisors,
) -> [[[i16; 8]; 2]; 8] {
    let mut samples = [v.avx._mm256_setzero_si256(); 8];
    for (values, [lower, upper]) in samples.iter_mut().zip(rows) {
        let bytes = v
            .sse2
            ._mm_set_epi64x(i64::from_le_bytes(upper), i64::from_le_bytes(lower));
        *values = v.avx2._mm256_sub_epi16(
            v.avx2._mm256_cvtepu8_epi16(bytes),
            v.avx._mm256_set1_epi16(128),
        );
    }
    let mut rows = forward_pass::<AFTER_FORWARD_ROWS>(v, transposed(v, samples));
    for k in [0, 4] {
        rows[k] = v
            .avx2
            ._mm256_slli_epi16::<{ BETWEEN_BITS.cast_signed() }>(rows[k]);
    }
    let mut values = forward_pass::<AFTER_FORWARD_COLUMNS>(v, transposed(v, rows));
    for k in [0, 4] {
        let half = v.avx._mm256_set1_epi16(1 << (BETWEEN_BITS - 1));
        let rounded = v.avx2._mm256_add_epi16(values[k], half);
        values[k] = v
            .avx2
            ._mm256_srai_epi16::<{ BETWEEN_BITS.cast_signed() }>(rounded);
    }
    let mut levels = [[[0; 8]; 2]; 8];
    for (k, levels) in levels.iter_mut().enumerate() {
        *levels = cast(quantized(v, values[k], divisors, k));
    }
    levels
}

/// Row `k` of two blocks, see [`Divisors`].
#[inline(always)]
fn quantized(v: Avx2, values: __m256i, divisors: &Divisors, k: usize) -> __m256i {
    let half = twice(v, divisors.0.half.as_chunks().0[k]);
    let reciprocal = twice(v, divisors.0.reciprocal.as_chunks().0[k]);
    let scale = twice(v, divisors.0.scale.as_chunks().0[k]);
    let rounded = v
        .avx2
        ._mm256_add_epi16(v.avx2._mm256_abs_epi16(values), half);
    let high = v.avx2._mm256_mulhi_epu16(rounded, reciprocal);
    let magnitude = v.avx2._mm256_mulhi_epu16(high, scale);
    v.avx2._mm256_sign_epi16(magnitude, values)
}

/// The outputs of frequencies 0 and 4, which take no product, are left unscaled.
#[inline(always)]
fn forward_pass<const DESCALE: i32>(v: Avx2, x: Pair) -> Pair {
    let [s0, d0] = sum_and_difference(v, x[0], x[7]);
    let [s1, d1] = sum_and_difference(v, x[1], x[6]);
    let [s2, d2] = sum_and_difference(v, x[2], x[5]);
    let [s3, d3] = sum_and_difference(v, x[3], x[4]);
    let [outer_sum, outer] = sum_and_difference(v, s0, s3);
    let [inner_sum, inner] = sum_and_difference(v, s1, s2);
    let [out_0, out_4] = sum_and_difference(v, outer_sum, inner_sum);

    let half = v.avx._mm256_set1_epi32(1 << (DESCALE - 1));
    let half = [half, half];
    let tilts = interleaved(v, inner, outer);
    let out_2 = products(v, tilts, F_0_541196100, F_0_541196100 + F_0_765366865);
    let out_6 = products(v, tilts, F_0_541196100 - F_1_847759065, F_0_541196100);
    let sums = interleaved(
        v,
        v.avx2._mm256_add_epi16(d3, d1),
        v.avx2._mm256_add_epi16(d2, d0),
    );
    let z3 = products(v, sums, F_1_175875602 - F_1_961570560, F_1_175875602);
    let z4 = products(v, sums, F_1_175875602, F_1_175875602 - F_0_390180644);
    let (z3, z4) = (sum(v, z3, half), sum(v, z4, half));
    let d03 = interleaved(v, d0, d3);
    let d12 = interleaved(v, d1, d2);
    let out_1 = products(v, d03, F_1_501321110 - F_0_899976223, -F_0_899976223);
    let out_3 = products(v, d12, F_3_072711026 - F_2_562915447, -F_2_562915447);
    let out_5 = products(v, d12, -F_2_562915447, F_2_053119869 - F_2_562915447);
    let out_7 = products(v, d03, -F_0_899976223, F_0_298631336 - F_0_899976223);
    [
        out_0,
        descaled::<DESCALE>(v, sum(v, out_1, z4)),
        descaled::<DESCALE>(v, sum(v, out_2, half)),
        descaled::<DESCALE>(v, sum(v, out_3, z3)),
        out_4,
        descaled::<DESCALE>(v, sum(v, out_5, z4)),
        descaled::<DESCALE>(v, sum(v, out_6, half)),
        descaled::<DESCALE>(v, sum(v, out_7, z3)),
    ]
}

#[inline(always)]
fn sum_and_difference(v: Avx2, a: __m256i, b: __m256i) -> [__m256i; 2] {
    [v.avx2._mm256_add_epi16(a, b), v.avx2._mm256_sub_epi16(a, b)]
}

/// The same eight values in both halves.
#[inline(always)]
fn twice(v: Avx2, values: [u16; 8]) -> __m256i {
    v.avx2
        ._mm256_broadcastsi128_si256(cast::<[u16; 8], __m128i>(values))
}

/// 16-bit values times 2^13, in 32 bits, and an addend.
#[inline(always)]
fn scaled(v: Avx2, values: __m256i, addend: i32) -> Wide {
    const FROM_UPPER_HALF: i32 = 16 - CONSTANT_BITS.cast_signed();
    let addend = v.avx._mm256_set1_epi32(addend);
    let [lower, upper] = interleaved(v, v.avx._mm256_setzero_si256(), values);
    let lower = v.avx2._mm256_srai_epi32::<FROM_UPPER_HALF>(lower);
    let upper = v.avx2._mm256_srai_epi32::<FROM_UPPER_HALF>(upper);
    sum(v, [lower, upper], [addend, addend])
}

/// Sums of the products of interleaved a and b.
#[inline(always)]
fn products(v: Avx2, [lower, upper]: Wide, by_a: i32, by_b: i32) -> Wide {
    let factors = v.avx._mm256_set1_epi32(by_b << 16 | by_a & 0xffff);
    [
        v.avx2._mm256_madd_epi16(lower, factors),
        v.avx2._mm256_madd_epi16(upper, factors),
    ]
}

#[inline(always)]
fn sum(v: Avx2, a: Wide, b: Wide) -> Wide {
    [
        v.avx2._mm256_add_epi32(a[0], b[0]),
        v.avx2._mm256_add_epi32(a[1], b[1]),
    ]
}

#[inline(always)]
fn difference(v: Avx2, a: Wide, b: Wide) -> Wide {
    [
        v.avx2._mm256_sub_epi32(a[0], b[0]),
        v.avx2._mm256_sub_epi32(a[1], b[1]),
    ]
}

/// Divided by a power of two and saturated to 16 bits.
#[inline(always)]
fn descaled<const BITS: i32>(v: Avx2, [lower, upper]: Wide) -> __m256i {
    v.avx2._mm256_packs_epi32(
        v.avx2._mm256_srai_epi32::<BITS>(lower),
        v.avx2._mm256_srai_epi32::<BITS>(upper),
    )
}

/// Swaps rows and columns of both blocks: three times, what is four vectors apart comes together.
#[inline(always)]
fn transposed(v: Avx2, mut x: Pair) -> Pair {
    for _ in 0..3 {
        let [a, b] = interleaved(v, x[0], x[4]);
        let [c, d] = interleaved(v, x[1], x[5]);
        let [e, f] = interleaved(v, x[2], x[6]);
        let [g, h] = interleaved(v, x[3], x[7]);
        x = [a, b, c, d, e, f, g, h];
    }
    x
}

#[inline(always)]
fn interleaved(v: Avx2, a: __m256i, b: __m256i) -> [__m256i; 2] {
    [
        v.avx2._mm256_unpacklo_epi16(a, b),
        v.avx2._mm256_unpackhi_epi16(a, b),
    ]
}

#[inline(always)]
fn interleaved_bytes(v: Avx2, a: __m256i, b: __m256i) -> [__m256i; 2] {
    [
        v.avx2._mm256_unpacklo_epi8(a, b),
        v.avx2._mm256_unpackhi_epi8(a, b),
    ]
}

#[inline(always)]
fn interleaved_pairs(v: Avx2, a: __m256i, b: __m256i) -> [__m256i; 2] {
    [
        v.avx2._mm256_unpacklo_epi32(a, b),
        v.avx2._mm256_unpackhi_epi32(a, b),
    ]
}

#[inline(always)]
fn halves(v: Avx2, lower: [i16; 8], upper: [i16; 8]) -> __m256i {
    let lower = v
        .avx
        ._mm256_castsi128_si256(cast::<[i16; 8], __m128i>(lower));
    v.avx2
        ._mm256_inserti128_si256::<1>(lower, cast::<[i16; 8], __m128i>(upper))
}
