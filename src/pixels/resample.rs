//! Chroma resampling: libjpeg's filters in its integers, and their like in floats.

use std::ops::{Add, Mul};

use super::Upsampling;
use super::plane::Plane;
use super::real::Real;

/// How one component's samples are spread over the pixels of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    /// One sample a pixel.
    Full,
    /// Triangle filter over two columns.
    Horizontal,
    /// Triangle filter over two rows.
    Vertical,
    /// Triangle filter over two columns and rows.
    Both,
    /// Sample index = pixel index * factor / largest factor, rounded down.
    Nearest,
}

impl Spread {
    /// libjpeg's choice for a component with `factor` of at most `max` samples each way.
    pub(super) fn of(
        factor: (u8, u8),
        max: (u8, u8),
        width: usize,
        upsampling: Upsampling,
    ) -> Self {
        let (double_columns, double_rows) = (factor.0 * 2 == max.0, factor.1 * 2 == max.1);
        let (all_columns, all_rows) = (factor.0 == max.0, factor.1 == max.1);
        let triangle = upsampling == Upsampling::Triangle;
        match () {
            () if all_columns && all_rows => Self::Full,
            () if triangle && double_columns && all_rows && width > 2 => Self::Horizontal,
            () if triangle && all_columns && double_rows => Self::Vertical,
            () if triangle && double_columns && double_rows && width > 2 => Self::Both,
            () => Self::Nearest,
        }
    }

    /// The rows that image row `y` is made of, with their weights; of `rows` at factor / max.
    #[cfg(feature = "ndarray")]
    pub(super) fn row_taps(self, y: usize, ratio: (u8, u8), rows: usize) -> [(usize, f64); 2] {
        match self {
            Self::Vertical | Self::Both => triangle_taps(y, rows),
            Self::Full | Self::Horizontal | Self::Nearest => nearest_tap(y, ratio),
        }
    }

    /// The columns that image column `x` is made of, with their weights; of `columns` at factor / max.
    #[cfg(feature = "ndarray")]
    pub(super) fn column_taps(
        self,
        x: usize,
        ratio: (u8, u8),
        columns: usize,
    ) -> [(usize, f64); 2] {
        match self {
            Self::Horizontal | Self::Both => triangle_taps(x, columns),
            Self::Full | Self::Vertical | Self::Nearest => nearest_tap(x, ratio),
        }
    }
}

/// Three quarters of the nearer sample, one of the next; at the edges the first is both.
#[cfg(feature = "ndarray")]
fn triangle_taps(position: usize, count: usize) -> [(usize, f64); 2] {
    let near = position / 2;
    let next = if position % 2 == 1 {
        (near + 1).min(count - 1)
    } else {
        near.saturating_sub(1)
    };
    [(near, 0.75), (next, 0.25)]
}

#[cfg(feature = "ndarray")]
fn nearest_tap(position: usize, (factor, max): (u8, u8)) -> [(usize, f64); 2] {
    let source = position * usize::from(factor) / usize::from(max);
    [(source, 1.0), (source, 0.0)]
}

/// Arithmetic of the triangle filters on one sample type.
pub(crate) trait Triangle: Copy + Default {
    /// Sums of samples.
    type Sum: Copy + Default + Add<Output = Self::Sum> + Mul<Output = Self::Sum> + From<u8>;

    fn widen(self) -> Self::Sum;
    /// A sum of four samples' weight, with libjpeg's rounding offset.
    fn quarter(sum: Self::Sum, offset: u8) -> Self;
    /// A sum of sixteen samples' weight, with libjpeg's rounding offset.
    fn sixteenth(sum: Self::Sum, offset: u8) -> Self;
}

impl Triangle for u8 {
    type Sum = u16;

    #[inline(always)]
    fn widen(self) -> u16 {
        self.into()
    }

    #[inline(always)]
    fn quarter(sum: u16, offset: u8) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a mean of samples is a sample"
        )]
        {
            ((sum + u16::from(offset)) >> 2) as Self
        }
    }

    #[inline(always)]
    fn sixteenth(sum: u16, offset: u8) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a mean of samples is a sample"
        )]
        {
            ((sum + u16::from(offset)) >> 4) as Self
        }
    }
}

impl<T: Real> Triangle for T {
    type Sum = Self;

    #[inline(always)]
    fn widen(self) -> Self {
        self
    }

    #[inline(always)]
    fn quarter(sum: Self, _: u8) -> Self {
        sum * Self::from(0.25_f32)
    }

    #[inline(always)]
    fn sixteenth(sum: Self, _: u8) -> Self {
        sum * Self::from(0.0625_f32)
    }
}

/// Spreads a component over the rows of the image, one at a time.
#[derive(Debug)]
pub(super) struct Upsampler<T: Triangle> {
    plane: Plane<T>,
    spread: Spread,
    factor: (u8, u8),
    max: (u8, u8),
    row: Vec<T>,
    column_sums: Vec<T::Sum>,
}

impl<T: Triangle> Upsampler<T> {
    pub(super) fn new(
        plane: Plane<T>,
        factor: (u8, u8),
        max: (u8, u8),
        image_width: usize,
        upsampling: Upsampling,
    ) -> Self {
        let spread = Spread::of(factor, max, plane.width, upsampling);
        Self {
            row: vec![T::default(); image_width.max(2 * plane.width)],
            column_sums: vec![T::Sum::default(); plane.width],
            plane,
            spread,
            factor,
            max,
        }
    }

    /// The samples of image row `y`, at least as many as the image is wide.
    pub(super) fn row(&mut self, y: usize) -> &[T] {
        match self.spread {
            Spread::Full => return self.plane.row(y),
            Spread::Horizontal => widen_row(self.plane.row(y), &mut self.row),
            Spread::Vertical => {
                let (near, far, below) = nearest_rows(&self.plane, y);
                // libjpeg rounds the upper of two rows down, the lower up.
                let offset = if below { 2 } else { 1 };
                let three = T::Sum::from(3);
                for ((out, &near), &far) in self.row.iter_mut().zip(near).zip(far) {
                    *out = T::quarter(near.widen() * three + far.widen(), offset);
                }
            }
            Spread::Both => {
                let (near, far, _) = nearest_rows(&self.plane, y);
                let three = T::Sum::from(3);
                for ((sum, &near), &far) in self.column_sums.iter_mut().zip(near).zip(far) {
                    *sum = near.widen() * three + far.widen();
                }
                widen_column_sums(&self.column_sums, &mut self.row);
            }
            Spread::Nearest => self.nearest_row(y),
        }
        &self.row
    }

    fn nearest_row(&mut self, y: usize) {
        let (horizontal, vertical) = (usize::from(self.factor.0), usize::from(self.factor.1));
        let (max_horizontal, max_vertical) = (usize::from(self.max.0), usize::from(self.max.1));
        let source = self.plane.row(y * vertical / max_vertical);
        if max_horizontal % horizontal == 0 {
            let repeat = max_horizontal / horizontal;
            for (out, &sample) in self.row.chunks_mut(repeat).zip(source) {
                out.fill(sample);
            }
        } else {
            for (x, out) in self.row.iter_mut().enumerate() {
                *out = source[(x * horizontal / max_horizontal).min(source.len() - 1)];
            }
        }
    }
}

/// The component rows nearest to image row `y` and next to it, and whether the latter lies below.
/// At the edges of the picture a row stands in for its missing neighbour.
fn nearest_rows<T: Copy + Default>(plane: &Plane<T>, y: usize) -> (&[T], &[T], bool) {
    let (near, below) = (y / 2, y % 2 == 1);
    let far = if below {
        (near + 1).min(plane.height - 1)
    } else {
        near.saturating_sub(1)
    };
    (plane.row(near), plane.row(far), below)
}

/// Doubles a row of at least three samples: each pixel takes 3/4 of the nearer sample, 1/4 of the next.
fn widen_row<T: Triangle>(input: &[T], out: &mut [T]) {
    let three = T::Sum::from(3);
    let last = input.len() - 1;
    for (trio, pair) in input.windows(3).zip(out[2..].chunks_exact_mut(2)) {
        let middle = trio[1].widen() * three;
        pair[0] = T::quarter(middle + trio[0].widen(), 1);
        pair[1] = T::quarter(middle + trio[2].widen(), 2);
    }
    out[0] = input[0];
    out[1] = T::quarter(input[0].widen() * three + input[1].widen(), 2);
    out[2 * last] = T::quarter(input[last].widen() * three + input[last - 1].widen(), 1);
    out[2 * last + 1] = input[last];
}

/// As [`widen_row`], from sums of two rows that weigh four samples.
fn widen_column_sums<T: Triangle>(sums: &[T::Sum], out: &mut [T]) {
    let (three, four) = (T::Sum::from(3), T::Sum::from(4));
    let last = sums.len() - 1;
    for (trio, pair) in sums.windows(3).zip(out[2..].chunks_exact_mut(2)) {
        let middle = trio[1] * three;
        pair[0] = T::sixteenth(middle + trio[0], 8);
        pair[1] = T::sixteenth(middle + trio[2], 7);
    }
    out[0] = T::sixteenth(sums[0] * four, 8);
    out[1] = T::sixteenth(sums[0] * three + sums[1], 7);
    out[2 * last] = T::sixteenth(sums[last] * three + sums[last - 1], 8);
    out[2 * last + 1] = T::sixteenth(sums[last] * four, 7);
}

/// Averages pairs of columns (and of rows, where there are two) of rows padded to an even length.
pub(crate) trait Average: Copy + Default {
    fn pair(row: &[Self], out: &mut [Self]);
    fn quad(upper: &[Self], lower: &[Self], out: &mut [Self]);
}

impl Average for u8 {
    /// libjpeg's rounding: halves go down in even columns, up in odd ones.
    fn pair(row: &[Self], out: &mut [Self]) {
        for ((pair, out), odd) in row.chunks_exact(2).zip(out).zip([0, 1].into_iter().cycle()) {
            let sum = u16::from(pair[0]) + u16::from(pair[1]) + odd;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a mean of samples is a sample"
            )]
            {
                *out = (sum >> 1) as Self;
            }
        }
    }

    /// libjpeg's rounding offset is 1 in even columns, 2 in odd ones.
    fn quad(upper: &[Self], lower: &[Self], out: &mut [Self]) {
        let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
        for (((a, b), out), offset) in pairs.zip(out).zip([1, 2].into_iter().cycle()) {
            let sum = u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a mean of samples is a sample"
            )]
            {
                *out = ((sum + offset) >> 2) as Self;
            }
        }
    }
}

impl<T: Real> Average for T {
    fn pair(row: &[Self], out: &mut [Self]) {
        for (pair, out) in row.chunks_exact(2).zip(out) {
            *out = (pair[0] + pair[1]) * Self::from(0.5_f32);
        }
    }

    fn quad(upper: &[Self], lower: &[Self], out: &mut [Self]) {
        let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
        for ((a, b), out) in pairs.zip(out) {
            *out = ((a[0] + a[1]) + (b[0] + b[1])) * Self::from(0.25_f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The margin that certificates leave for it.
        #[test]
        fn averages_of_eight_bit_samples_are_off_by_half_a_unit_at_most(upper in any::<[u8; 16]>(), lower in any::<[u8; 16]>()) {
            let (mut pairs, mut quads) = ([0_u8; 8], [0_u8; 8]);
            u8::pair(&upper, &mut pairs);
            u8::quad(&upper, &lower, &mut quads);
            for x in 0..8 {
                let sum = |row: &[u8; 16]| f64::from(row[2 * x]) + f64::from(row[2 * x + 1]);
                prop_assert!((f64::from(pairs[x]) - sum(&upper) / 2.0).abs() <= 0.5);
                prop_assert!((f64::from(quads[x]) - (sum(&upper) + sum(&lower)) / 4.0).abs() <= 0.5);
            }
        }
    }
}
