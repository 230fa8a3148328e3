//! Colour in instructions of AVX2: libjpeg's RGB to YCbCr, and floats to 8-bit samples.

use std::arch::x86_64::{__m128i, __m256, __m256i};

use pulp::bytemuck::cast;

use crate::vectors::Avx2;

use super::color::{rgb_from_ycbcr_precise, sample, ycbcr_from_rgb};

/// Rows of channels to rows of components, as [`ycbcr_from_rgb`] pixel by pixel.
#[inline(always)]
pub(super) fn ycbcr_rows(
    v: Avx2,
    [red, green, blue]: [&[u8]; 3],
    [luma, blue_difference, red_difference]: [&mut [u8]; 3],
) {
    let width = red.len();
    let (red, red_rest) = red.as_chunks::<32>();
    let (green, green_rest) = green.as_chunks::<32>();
    let (blue, blue_rest) = blue.as_chunks::<32>();
    let (luma, luma_rest) = luma[..width].as_chunks_mut::<32>();
    let (blue_difference, blue_difference_rest) = blue_difference[..width].as_chunks_mut::<32>();
    let (red_difference, red_difference_rest) = red_difference[..width].as_chunks_mut::<32>();
    let inputs = red.iter().zip(green).zip(blue);
    let outputs = luma.iter_mut().zip(blue_difference).zip(red_difference);
    for (((&red, &green), &blue), ((y, cb), cr)) in inputs.zip(outputs) {
        let [red, green, blue]: [[[u8; 16]; 2]; 3] = [cast(red), cast(green), cast(blue)];
        let lower = ycbcr(v, red[0], green[0], blue[0]);
        let upper = ycbcr(v, red[1], green[1], blue[1]);
        *y = bytes(v, lower[0], upper[0]);
        *cb = bytes(v, lower[1], upper[1]);
        *cr = bytes(v, lower[2], upper[2]);
    }
    let inputs = red_rest.iter().zip(green_rest).zip(blue_rest);
    let outputs = luma_rest
        .iter_mut()
        .zip(blue_difference_rest)
        .zip(red_difference_rest);
    for (((&r, &g), &b), ((y, cb), cr)) in inputs.zip(outputs) {
        [*y, *cb, *cr] = ycbcr_from_rgb(r, g, b);
    }
}

/// Sixteen pixels, in 16 bits a value.
#[inline(always)]
fn ycbcr(v: Avx2, red: [u8; 16], green: [u8; 16], blue: [u8; 16]) -> [__m256i; 3] {
    let (red, green, blue) = (widened(v, red), widened(v, green), widened(v, blue));
    let rg = interleaved(v, red, green);
    // With 2, whose product with 2^14 is the half that rounds the luminance.
    let b2 = interleaved(v, blue, v.avx._mm256_set1_epi16(2));
    let y = sums(v, rg, [19595, -27066], b2, [7471, 1 << 14]);
    let y = shifted(v, y);
    // 2^15 fits 16 bits as a negative factor alone, so the differences come with the other sign.
    let cb = sums(v, rg, [11059, 21709], b2, [i16::MIN, 0]);
    let cr = sums(v, rg, [i16::MIN, 27439], b2, [5329, 0]);
    [
        v.avx2._mm256_add_epi16(y, green),
        shifted(v, subtracted(v, cb)),
        shifted(v, subtracted(v, cr)),
    ]
}

#[inline(always)]
fn widened(v: Avx2, samples: [u8; 16]) -> __m256i {
    v.avx2
        ._mm256_cvtepu8_epi16(cast::<[u8; 16], __m128i>(samples))
}

#[inline(always)]
fn interleaved(v: Avx2, a: __m256i, b: __m256i) -> [__m256i; 2] {
    [
        v.avx2._mm256_unpacklo_epi16(a, b),
        v.avx2._mm256_unpackhi_epi16(a, b),
    ]
}

/// a * `by_ab[0]` + b * `by_ab[1]` + c * `by_cd[0]` + d * `by_cd[1]` of interleaved a, b and c, d.
#[inline(always)]
fn sums(
    v: Avx2,
    ab: [__m256i; 2],
    by_ab: [i16; 2],
    cd: [__m256i; 2],
    by_cd: [i16; 2],
) -> [__m256i; 2] {
    let by_ab = v.avx._mm256_set1_epi32(cast(by_ab));
    let by_cd = v.avx._mm256_set1_epi32(cast(by_cd));
    [
        v.avx2._mm256_add_epi32(
            v.avx2._mm256_madd_epi16(ab[0], by_ab),
            v.avx2._mm256_madd_epi16(cd[0], by_cd),
        ),
        v.avx2._mm256_add_epi32(
            v.avx2._mm256_madd_epi16(ab[1], by_ab),
            v.avx2._mm256_madd_epi16(cd[1], by_cd),
        ),
    ]
}

/// 128 and a half, rounded down, less the values; all times 2^16.
#[inline(always)]
fn subtracted(v: Avx2, [lower, upper]: [__m256i; 2]) -> [__m256i; 2] {
    let offset = v.avx._mm256_set1_epi32((128 << 16) + (1 << 15) - 1);
    [
        v.avx2._mm256_sub_epi32(offset, lower),
        v.avx2._mm256_sub_epi32(offset, upper),
    ]
}

/// Divided by 2^16.
#[inline(always)]
fn shifted(v: Avx2, [lower, upper]: [__m256i; 2]) -> __m256i {
    v.avx2._mm256_packs_epi32(
        v.avx2._mm256_srai_epi32::<16>(lower),
        v.avx2._mm256_srai_epi32::<16>(upper),
    )
}

#[inline(always)]
fn bytes(v: Avx2, lower: __m256i, upper: __m256i) -> [u8; 32] {
    // The halves of a vector are packed apart.
    const IN_ORDER: i32 = 0b11_01_10_00;
    let packed = v.avx2._mm256_packus_epi16(lower, upper);
    cast(v.avx2._mm256_permute4x64_epi64::<IN_ORDER>(packed))
}

/// Rows of level-shifted YCbCr to rows of RGB, as [`rgb_from_ycbcr_precise`] and [`sample`] pixel by pixel.
#[inline(always)]
pub(super) fn rgb_rows(
    v: Avx2,
    [luma, blue_difference, red_difference]: [&[f32]; 3],
    [red, green, blue]: [&mut [u8]; 3],
) {
    let (luma, luma_rest) = luma.as_chunks::<32>();
    let (blue_difference, blue_difference_rest) = blue_difference.as_chunks::<32>();
    let (red_difference, red_difference_rest) = red_difference.as_chunks::<32>();
    let (red, red_rest) = red.as_chunks_mut::<32>();
    let (green, green_rest) = green.as_chunks_mut::<32>();
    let (blue, blue_rest) = blue.as_chunks_mut::<32>();
    let inputs = luma.iter().zip(blue_difference).zip(red_difference);
    let outputs = red.iter_mut().zip(green).zip(blue);
    for (((y, cb), cr), ((red, green), blue)) in inputs.zip(outputs) {
        let mut rgb = [[v.avx._mm256_setzero_si256(); 4]; 3];
        let inputs = y
            .as_chunks::<8>()
            .0
            .iter()
            .zip(cb.as_chunks::<8>().0)
            .zip(cr.as_chunks::<8>().0);
        for (part, ((&y, &cb), &cr)) in inputs.enumerate() {
            let (y, cb, cr): (__m256, __m256, __m256) = (cast(y), cast(cb), cast(cr));
            let r = v.avx._mm256_add_ps(y, times(v, cr, 1.402));
            let g = v.avx._mm256_sub_ps(y, times(v, cb, 0.344_136_3));
            let g = v.avx._mm256_sub_ps(g, times(v, cr, 0.714_136_3));
            let b = v.avx._mm256_add_ps(y, times(v, cb, 1.772));
            rgb[0][part] = rounded(v, r);
            rgb[1][part] = rounded(v, g);
            rgb[2][part] = rounded(v, b);
        }
        *red = packed(v, rgb[0]);
        *green = packed(v, rgb[1]);
        *blue = packed(v, rgb[2]);
    }
    let inputs = luma_rest
        .iter()
        .zip(blue_difference_rest)
        .zip(red_difference_rest);
    let outputs = red_rest.iter_mut().zip(green_rest).zip(blue_rest);
    for (((&y, &cb), &cr), ((red, green), blue)) in inputs.zip(outputs) {
        let [r, g, b] = rgb_from_ycbcr_precise([y, cb, cr]);
        [*red, *green, *blue] = [sample(r), sample(g), sample(b)];
    }
}

#[inline(always)]
fn times(v: Avx2, a: __m256, factor: f32) -> __m256 {
    v.avx._mm256_mul_ps(a, v.avx._mm256_set1_ps(factor))
}

/// The nearest 8-bit sample of level-shifted floats, halves upwards, as [`sample`].
#[inline(always)]
fn rounded(v: Avx2, values: __m256) -> __m256i {
    let shifted = v.avx._mm256_add_ps(values, v.avx._mm256_set1_ps(128.5));
    let positive = v.avx._mm256_max_ps(shifted, v.avx._mm256_setzero_ps());
    let held = v.avx._mm256_min_ps(positive, v.avx._mm256_set1_ps(255.5));
    v.avx._mm256_cvttps_epi32(held)
}

#[inline(always)]
fn packed(v: Avx2, [a, b, c, d]: [__m256i; 4]) -> [u8; 32] {
    // Packing takes turns between the halves of vectors.
    const IN_ORDER: [i32; 8] = [0, 4, 1, 5, 2, 6, 3, 7];
    let ab = v.avx2._mm256_packs_epi32(a, b);
    let cd = v.avx2._mm256_packs_epi32(c, d);
    let bytes = v.avx2._mm256_packus_epi16(ab, cd);
    cast(v.avx2._mm256_permutevar8x32_epi32(bytes, cast(IN_ORDER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_single_pixels() {
        let Some(v) = Avx2::try_new() else {
            return println!("not run: the machine has no AVX2");
        };
        // One more than whole vectors.
        let blue: Vec<u8> = (0..=255).chain([77]).collect();
        let mut rows = [0; 3].map(|_: u8| vec![0; 257]);
        for red in (0..=255).step_by(3) {
            for green in (0..=255).step_by(3) {
                let [y, cb, cr] = &mut rows;
                ycbcr_rows(v, [&[red; 257], &[green; 257], &blue], [y, cb, cr]);
                for (x, &blue) in blue.iter().enumerate() {
                    let found = [y[x], cb[x], cr[x]];
                    assert_eq!(
                        found,
                        ycbcr_from_rgb(red, green, blue),
                        "{red} {green} {blue}"
                    );
                }
            }
        }
    }

    #[test]
    fn floats_are_rounded_as_single_samples() {
        let Some(v) = Avx2::try_new() else {
            return println!("not run: the machine has no AVX2");
        };
        let near = |value: f32| [value.next_down(), value, value.next_up()];
        let luma: Vec<f32> = (-300..300)
            .flat_map(|halves| near(halves as f32 / 2.0))
            .collect();
        let zeros = vec![0.0; luma.len()];
        let mut rows = [0; 3].map(|_: u8| vec![0; luma.len()]);
        let [red, green, blue] = &mut rows;
        rgb_rows(v, [&luma, &zeros, &zeros], [red, green, blue]);
        let expected: Vec<u8> = luma.into_iter().map(sample).collect();
        assert_eq!(rows, [0; 3].map(|_: u8| expected.clone()));
    }
}
