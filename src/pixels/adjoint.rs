//! The adjoints of what leads from pictures to planes of components and back: gradients go through
//! them in the opposite direction. And the stages in double precision, which derivatives are taken in.

use ndarray::{ArrayView3, Axis};

use crate::band::cosine;
use crate::coefficients::ColorSpace;
use crate::error::{ArgumentError, Result};
use crate::limits::try_vec;

use super::color::{rgb_from_ycbcr_precise, ycbcr_from_rgb_precise};
use super::plane::Plane;
use super::real::{Colour, ComponentPlanes, Real};
use super::resample::Spread;
use super::view::array_size;
use super::{ChromaSubsampling, Upsampling};

impl Real for f64 {
    fn forward_dct(samples: &[[Self; 8]; 8]) -> [[Self; 8]; 8] {
        matrix_product(&DCT, &matrix_product(samples, &INVERSE_DCT))
    }

    fn inverse_dct(coefficients: &[[Self; 8]; 8]) -> [[Self; 8]; 8] {
        matrix_product(&INVERSE_DCT, &matrix_product(coefficients, &DCT))
    }

    fn ycbcr_from_rgb(rgb: [Self; 3]) -> [Self; 3] {
        product(ycbcr_from_rgb_precise, rgb)
    }

    fn rgb_from_ycbcr(ycbcr: [Self; 3]) -> [Self; 3] {
        product(rgb_from_ycbcr_precise, ycbcr)
    }
}

impl ComponentPlanes {
    /// For pictures in an array of rows, columns and 1 or 3 channels.
    pub(crate) fn for_array<T>(
        array: &ArrayView3<'_, T>,
        color_space: ColorSpace,
        subsampling: ChromaSubsampling,
        upsampling: Upsampling,
    ) -> Result<Self> {
        let channels = array.len_of(Axis(2));
        if !matches!(channels, 1 | 3) {
            return Err(ArgumentError::Components {
                expected: "1 or 3 channels",
                actual: channels,
            }
            .into());
        }
        let size = (array.len_of(Axis(1)), array.len_of(Axis(0)));
        array_size(size.0, size.1)?;
        Ok(Self::of(
            size,
            channels,
            color_space,
            subsampling,
            upsampling,
        ))
    }

    /// Rows, columns and channels of the pictures that are split.
    pub(crate) const fn input_shape(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    /// Rows, columns and channels of the pictures that planes are joined to.
    pub(crate) const fn output_shape(&self) -> [usize; 3] {
        [self.height, self.width, self.component_count()]
    }

    /// Whether splitting and joining give back every picture.
    pub(crate) fn is_lossless(&self) -> bool {
        self.colour != Colour::Luminance && self.luminance_factors == (1, 1)
    }

    /// The adjoint of [`join`](Self::join): from a gradient by the picture to those by the planes.
    pub(crate) fn join_adjoint(&self, gradient: &[f64]) -> Result<Vec<Plane<f64>>> {
        let count = self.component_count();
        let max = self.luminance_factors;
        let mut planes = Vec::with_capacity(count);
        for component in 0..count {
            let factor = self.factors(component);
            let mut plane = Plane::<f64>::new(
                self.width.div_ceil(usize::from(max.0 / factor.0)),
                self.height.div_ceil(usize::from(max.1 / factor.1)),
            )?;
            let spread = Spread::of(factor, max, plane.width, self.upsampling);
            for (y, row) in gradient.chunks_exact(self.width * count).enumerate() {
                let rows = spread.row_taps(y, (factor.1, max.1), plane.height);
                for (x, pixel) in row.chunks_exact(count).enumerate() {
                    let value = match (self.colour, pixel) {
                        (Colour::YCbCr, &[r, g, b]) => {
                            dot(column(rgb_from_ycbcr_precise, component), [r, g, b])
                        }
                        _ => pixel[component],
                    };
                    for (source_x, weight_x) in
                        spread.column_taps(x, (factor.0, max.0), plane.width)
                    {
                        for (source_y, weight_y) in rows {
                            plane.samples[source_y * plane.stride + source_x] +=
                                weight_x * weight_y * value;
                        }
                    }
                }
            }
            planes.push(plane);
        }
        Ok(planes)
    }

    /// The adjoint of [`split`](Self::split): from gradients by the planes to that by the picture.
    ///
    /// A sample that padding repeats has the gradients of all its copies.
    pub(crate) fn split_adjoint(&self, planes: &[Plane<f64>]) -> Result<Vec<f64>> {
        let mut gradient = try_vec(0.0, self.width * self.height * self.channels)?;
        for (component, plane) in planes.iter().enumerate() {
            let factor = self.factors(component);
            let horizontal = usize::from(self.luminance_factors.0 / factor.0);
            let vertical = usize::from(self.luminance_factors.1 / factor.1);
            let share = 1.0
                / f64::from(
                    self.luminance_factors.0 / factor.0 * (self.luminance_factors.1 / factor.1),
                );
            let weights: [f64; 3] = match self.colour {
                Colour::Same => {
                    std::array::from_fn(|channel| f64::from(u8::from(channel == component)))
                }
                Colour::Luminance | Colour::YCbCr => std::array::from_fn(|channel| {
                    column(ycbcr_from_rgb_precise, channel)[component]
                }),
            };
            for (y, row) in plane.samples.chunks_exact(plane.stride).enumerate() {
                // The rows below the picture repeat its last, the columns beside it average its padding.
                let y = y.min(plane.height - 1);
                for (x, value) in row.iter().enumerate() {
                    for picture_y in vertical * y..vertical * (y + 1) {
                        for picture_x in horizontal * x..horizontal * (x + 1) {
                            let pixel = picture_y.min(self.height - 1) * self.width
                                + picture_x.min(self.width - 1);
                            let pixel = &mut gradient[pixel * self.channels..][..self.channels];
                            for (sum, weight) in pixel.iter_mut().zip(weights) {
                                *sum += share * weight * value;
                            }
                        }
                    }
                }
            }
        }
        Ok(gradient)
    }
}

/// The orthonormal DCT of eight samples as a matrix: frequencies by samples. Of constants, so that
/// unlike a planned transform's it has the same bits on every platform.
const DCT: Matrix = {
    let mut matrix = [[0.0; 8]; 8];
    let mut frequency = 0_u8;
    while frequency < 8 {
        let mut x = 0;
        while x < 8 {
            matrix[frequency as usize][x] = cosine(frequency, x);
            x += 1;
        }
        frequency += 1;
    }
    matrix
};

const INVERSE_DCT: Matrix = {
    let mut matrix = DCT;
    let mut row = 0;
    while row < 8 {
        let mut column = 0;
        while column < 8 {
            matrix[column][row] = DCT[row][column];
            column += 1;
        }
        row += 1;
    }
    matrix
};

type Matrix = [[f64; 8]; 8];

fn matrix_product(a: &Matrix, b: &Matrix) -> Matrix {
    let mut product = [[0.0; 8]; 8];
    for (out, factors) in product.iter_mut().zip(a) {
        for (factor, row) in factors.iter().zip(b) {
            for (out, value) in out.iter_mut().zip(row) {
                *out += factor * value;
            }
        }
    }
    product
}

/// One column of the matrix of a linear map: the colour transforms' constants stand in one place.
#[inline(always)]
fn column(map: impl Fn([f32; 3]) -> [f32; 3], index: usize) -> [f64; 3] {
    let mut unit = [0.0; 3];
    unit[index] = 1.0;
    map(unit).map(f64::from)
}

fn product(map: impl Fn([f32; 3]) -> [f32; 3] + Copy, vector: [f64; 3]) -> [f64; 3] {
    let [a, b, c] = [0, 1, 2].map(|index| column(map, index).map(|entry| entry * vector[index]));
    [0, 1, 2].map(|row| a[row] + b[row] + c[row])
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dct::reference;

    #[test]
    fn the_transform_in_double_precision_is_the_reference() {
        let samples: Matrix =
            std::array::from_fn(|y| std::array::from_fn(|x| ((97 * y + 31 * x * x) % 255) as f64));
        let mut expected: [f64; 64] = std::array::from_fn(|i| samples[i / 8][i % 8]);
        reference::forward(&mut expected);
        let coefficients = f64::forward_dct(&samples);
        for (found, expected) in coefficients.as_flattened().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        let restored = f64::inverse_dct(&coefficients);
        for (found, expected) in restored.as_flattened().iter().zip(samples.as_flattened()) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }
}
