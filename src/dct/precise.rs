//! The transform of the precise pipeline: single-precision floats without rounding between stages.
//!
//! Only additions, multiplications and comparisons in a fixed order, so results are the same bits on
//! every platform. The bands (0, 0), (0, 4), (4, 0) and (4, 4) of integer samples are exact: they are
//! sums scaled by 1/8.

use std::f32::consts::FRAC_1_SQRT_2;

use super::transpose;

type Lanes = [f32; 8];

/// cos(k pi / 16) / 2.
pub(super) const C1: f32 = 0.490_392_64;
pub(super) const C2: f32 = 0.461_939_77;
pub(super) const C3: f32 = 0.415_734_8;
pub(super) const C5: f32 = 0.277_785_12;
pub(super) const C6: f32 = 0.191_341_72;
pub(super) const C7: f32 = 0.097_545_16;

/// What the passes leave out for frequencies 0 and 4, by (u, v).
pub(super) const SCALE: [Lanes; 8] = {
    let mut scale = [[1.0; 8]; 8];
    let mut u = 0;
    while u < 8 {
        let mut v = 0;
        while v < 8 {
            scale[u][v] = match (u % 4, v % 4) {
                (0, 0) => 0.125,
                (0, _) | (_, 0) => FRAC_1_SQRT_2 / 2.0,
                _ => 1.0,
            };
            v += 1;
        }
        u += 1;
    }
    scale
};

/// Orthonormal forward DCT of samples to coefficients (T.81 A.3.3).
#[inline(always)]
pub(crate) fn forward(samples: &[Lanes; 8]) -> [Lanes; 8] {
    let rows = forward_pass(&transpose(samples));
    scaled(&forward_pass(&transpose(&rows)))
}

/// Orthonormal inverse DCT of coefficients to samples (T.81 A.3.3).
#[inline(always)]
pub(crate) fn inverse(coefficients: &[Lanes; 8]) -> [Lanes; 8] {
    let columns = inverse_pass(&scaled(coefficients));
    transpose(&inverse_pass(&transpose(&columns)))
}

/// The sample that [`inverse`] gives all over a block whose coefficients are zero but for DC.
#[inline(always)]
pub(super) fn flat_sample(dc: f32) -> f32 {
    dc * SCALE[0][0]
}

#[inline(always)]
fn scaled(coefficients: &[Lanes; 8]) -> [Lanes; 8] {
    let mut result = *coefficients;
    for (value, scale) in result
        .as_flattened_mut()
        .iter_mut()
        .zip(SCALE.as_flattened())
    {
        *value *= scale;
    }
    result
}

/// One loop over the lanes, which the compiler turns into vectors.
#[inline(always)]
fn forward_pass(x: &[Lanes; 8]) -> [Lanes; 8] {
    let mut out = [[0.0; 8]; 8];
    for i in 0..8 {
        let sum = |k: usize| x[k][i] + x[7 - k][i];
        let difference = |k: usize| x[k][i] - x[7 - k][i];
        let [s0, s1, s2, s3] = [sum(0), sum(1), sum(2), sum(3)];
        let d = [difference(0), difference(1), difference(2), difference(3)];
        let (outer, inner) = (s0 + s3, s1 + s2);
        let (tilt_outer, tilt_inner) = (s0 - s3, s1 - s2);
        out[0][i] = outer + inner;
        out[1][i] = weighted(d, [C1, C3, C5, C7]);
        out[2][i] = tilt_outer * C2 + tilt_inner * C6;
        out[3][i] = weighted(d, [C3, -C7, -C1, -C5]);
        out[4][i] = outer - inner;
        out[5][i] = weighted(d, [C5, -C1, C7, C3]);
        out[6][i] = tilt_outer * C6 - tilt_inner * C2;
        out[7][i] = weighted(d, [C7, -C5, C3, -C1]);
    }
    out
}

#[inline(always)]
fn inverse_pass(x: &[Lanes; 8]) -> [Lanes; 8] {
    let mut out = [[0.0; 8]; 8];
    for i in 0..8 {
        let (sum, difference) = (x[0][i] + x[4][i], x[0][i] - x[4][i]);
        let outer = x[2][i] * C2 + x[6][i] * C6;
        let inner = x[2][i] * C6 - x[6][i] * C2;
        let even = [
            sum + outer,
            difference + inner,
            difference - inner,
            sum - outer,
        ];
        let inputs = [x[1][i], x[3][i], x[5][i], x[7][i]];
        let odd = [
            weighted(inputs, [C1, C3, C5, C7]),
            weighted(inputs, [C3, -C7, -C1, -C5]),
            weighted(inputs, [C5, -C1, C7, C3]),
            weighted(inputs, [C7, -C5, C3, -C1]),
        ];
        for k in 0..4 {
            out[k][i] = even[k] + odd[k];
            out[7 - k][i] = even[k] - odd[k];
        }
    }
    out
}

#[inline(always)]
fn weighted(x: [f32; 4], weights: [f32; 4]) -> f32 {
    (x[0] * weights[0] + x[1] * weights[1]) + (x[2] * weights[2] + x[3] * weights[3])
}

#[cfg(test)]
mod tests {
    use std::array::from_fn;

    use proptest::prelude::*;

    use super::super::reference;
    use super::*;

    proptest! {
        #[test]
        fn both_directions_are_within_a_thousandth_of_the_reference(
            samples in prop::array::uniform32(any::<[i8; 2]>()),
        ) {
            let flat: Vec<f32> = samples.as_flattened().iter().map(|&sample| sample.into()).collect();
            let block: [Lanes; 8] = from_fn(|y| from_fn(|x| flat[8 * y + x]));
            let mut expected: [f64; 64] = from_fn(|i| flat[i].into());
            reference::forward(&mut expected);
            let coefficients = forward(&block);
            for (index, (&found, expected)) in coefficients.as_flattened().iter().zip(expected).enumerate() {
                prop_assert!((f64::from(found) - expected).abs() < 1e-3, "{found} {expected}");
                if index / 8 % 4 == 0 && index % 4 == 0 {
                    prop_assert_eq!(found * 8.0, (expected * 8.0).round() as f32, "exact band");
                }
            }
            for (&found, &expected) in inverse(&coefficients).as_flattened().iter().zip(&flat) {
                prop_assert!((found - expected).abs() < 1e-3, "{found} {expected}");
            }
        }
    }
}
