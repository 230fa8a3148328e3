//! The transform of the precise pipeline: single-precision floats without rounding between stages.
//!
//! Only additions, multiplications and comparisons in a fixed order, so results are the same bits on
//! every platform. The bands (0, 0), (0, 4), (4, 0) and (4, 4) of integer samples are exact: they are
//! sums scaled by 1/8.

use std::array::from_fn;
use std::f32::consts::FRAC_1_SQRT_2;

use super::transpose;

type Lanes = [f32; 8];

/// cos(k pi / 16) / 2.
const C1: f32 = 0.490_392_64;
const C2: f32 = 0.461_939_77;
const C3: f32 = 0.415_734_8;
const C5: f32 = 0.277_785_12;
const C6: f32 = 0.191_341_72;
const C7: f32 = 0.097_545_16;

/// What the passes leave out for frequencies 0 and 4, by (u, v).
const SCALE: [Lanes; 8] = {
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
pub(crate) fn forward(samples: &[Lanes; 8]) -> [Lanes; 8] {
    let rows = forward_pass(&transpose(samples));
    let coefficients = forward_pass(&transpose(&rows));
    from_fn(|u| from_fn(|v| coefficients[u][v] * SCALE[u][v]))
}

/// Orthonormal inverse DCT of coefficients to samples (T.81 A.3.3).
pub(crate) fn inverse(coefficients: &[Lanes; 8]) -> [Lanes; 8] {
    let scaled = from_fn(|u| from_fn(|v| coefficients[u][v] * SCALE[u][v]));
    let columns = inverse_pass(&scaled);
    transpose(&inverse_pass(&transpose(&columns)))
}

#[inline(always)]
fn forward_pass(x: &[Lanes; 8]) -> [Lanes; 8] {
    let s: [Lanes; 4] = from_fn(|k| add(x[k], x[7 - k]));
    let d: [Lanes; 4] = from_fn(|k| subtract(x[k], x[7 - k]));
    let (outer, inner) = (add(s[0], s[3]), add(s[1], s[2]));
    let (tilt_outer, tilt_inner) = (subtract(s[0], s[3]), subtract(s[1], s[2]));
    [
        add(outer, inner),
        weighted(&d, [C1, C3, C5, C7]),
        from_fn(|i| tilt_outer[i] * C2 + tilt_inner[i] * C6),
        weighted(&d, [C3, -C7, -C1, -C5]),
        subtract(outer, inner),
        weighted(&d, [C5, -C1, C7, C3]),
        from_fn(|i| tilt_outer[i] * C6 - tilt_inner[i] * C2),
        weighted(&d, [C7, -C5, C3, -C1]),
    ]
}

#[inline(always)]
fn inverse_pass(x: &[Lanes; 8]) -> [Lanes; 8] {
    let (sum, difference) = (add(x[0], x[4]), subtract(x[0], x[4]));
    let outer: Lanes = from_fn(|i| x[2][i] * C2 + x[6][i] * C6);
    let inner: Lanes = from_fn(|i| x[2][i] * C6 - x[6][i] * C2);
    let even = [
        add(sum, outer),
        add(difference, inner),
        subtract(difference, inner),
        subtract(sum, outer),
    ];
    let odd_inputs = [x[1], x[3], x[5], x[7]];
    let odd = [
        weighted(&odd_inputs, [C1, C3, C5, C7]),
        weighted(&odd_inputs, [C3, -C7, -C1, -C5]),
        weighted(&odd_inputs, [C5, -C1, C7, C3]),
        weighted(&odd_inputs, [C7, -C5, C3, -C1]),
    ];
    from_fn(|k| {
        if k < 4 {
            add(even[k], odd[k])
        } else {
            subtract(even[7 - k], odd[7 - k])
        }
    })
}

#[inline(always)]
fn weighted(x: &[Lanes; 4], weights: [f32; 4]) -> Lanes {
    from_fn(|i| {
        (x[0][i] * weights[0] + x[1][i] * weights[1])
            + (x[2][i] * weights[2] + x[3][i] * weights[3])
    })
}

#[inline(always)]
fn add(a: Lanes, b: Lanes) -> Lanes {
    from_fn(|i| a[i] + b[i])
}

#[inline(always)]
fn subtract(a: Lanes, b: Lanes) -> Lanes {
    from_fn(|i| a[i] - b[i])
}

#[cfg(test)]
mod tests {
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
