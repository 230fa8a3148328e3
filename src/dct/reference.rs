//! The reference transform: rustdct's type-II and type-III DCT in double precision.

use std::sync::{Arc, OnceLock};

use rustdct::{DctPlanner, TransformType2And3};

/// Orthonormal forward DCT of a block in natural order (T.81 A.3.3).
pub(crate) fn forward(values: &mut [f64; 64]) {
    rows_then_columns(values, |line| {
        plan().process_dct2(line);
        line[0] *= std::f64::consts::FRAC_1_SQRT_2;
        for value in line {
            *value *= 0.5;
        }
    });
}

/// Orthonormal inverse DCT of a block in natural order (T.81 A.3.3).
pub(crate) fn inverse(values: &mut [f64; 64]) {
    rows_then_columns(values, |line| {
        // rustdct's type III halves its first input, ours is orthonormal.
        line[0] *= std::f64::consts::SQRT_2;
        plan().process_dct3(line);
        for value in line {
            *value *= 0.5;
        }
    });
}

fn rows_then_columns(values: &mut [f64; 64], transform: impl Fn(&mut [f64])) {
    for row in values.chunks_exact_mut(8) {
        transform(row);
    }
    let mut column = [0.0; 8];
    for x in 0..8 {
        for (y, value) in column.iter_mut().enumerate() {
            *value = values[8 * y + x];
        }
        transform(&mut column);
        for (y, value) in column.iter().enumerate() {
            values[8 * y + x] = *value;
        }
    }
}

fn plan() -> &'static Arc<dyn TransformType2And3<f64>> {
    static PLAN: OnceLock<Arc<dyn TransformType2And3<f64>>> = OnceLock::new();
    PLAN.get_or_init(|| DctPlanner::new().plan_dct2(8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::band::Band;

    #[test]
    fn coefficients_are_inner_products_with_the_basis_functions() {
        for band in Band::all() {
            let basis: [f64; 64] = std::array::from_fn(|i| band.basis(i / 8, i % 8));
            let mut values = basis;
            forward(&mut values);
            for (index, value) in values.iter().enumerate() {
                let expected = f64::from(u8::from(index == band.natural()));
                assert!((value - expected).abs() < 1e-14, "{band} {index} {value}");
            }
            inverse(&mut values);
            for (value, expected) in values.iter().zip(basis) {
                assert!((value - expected).abs() < 1e-14);
            }
        }
    }
}
