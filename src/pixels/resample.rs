//! Chroma resampling: libjpeg's filters in its integers, and their like in floats.

use std::ops::{Add, Mul};

use crate::error::Result;
use crate::limits::try_fit;
use crate::vectors::{Kernel, Vectors};

use super::Upsampling;
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

    /// Samples in a row that is spread, and sums of columns, by the columns of the component and of the image.
    const fn lengths(self, width: usize, image_width: usize) -> (usize, usize) {
        let row = if image_width > 2 * width {
            image_width
        } else {
            2 * width
        };
        match self {
            Self::Full => (0, 0),
            Self::Both => (row, width),
            Self::Horizontal | Self::Vertical | Self::Nearest => (row, 0),
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
pub(crate) trait Triangle: Copy + Default + Send + Sync {
    /// Sums of samples.
    type Sum: Copy
        + Default
        + Add<Output = Self::Sum>
        + Mul<Output = Self::Sum>
        + From<u8>
        + Send
        + Sync;

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

/// Where the rows of a component come from.
pub(super) trait Rows<T> {
    /// Samples in a row of the component.
    fn width(&self) -> usize;
    /// Rows of the component.
    fn height(&self) -> usize;
    /// A row of samples.
    fn row(&self, y: usize) -> &[T];
}

/// How a component's samples are spread over an image of its size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scaling {
    spread: Spread,
    factor: (u8, u8),
    max: (u8, u8),
}

impl Scaling {
    /// libjpeg's choice for a component with `factor` of at most `max` samples each way, of `width` columns.
    pub(super) fn new(
        factor: (u8, u8),
        max: (u8, u8),
        width: usize,
        upsampling: Upsampling,
    ) -> Self {
        Self {
            spread: Spread::of(factor, max, width, upsampling),
            factor,
            max,
        }
    }

    /// Whether a row of the image takes its part of two rows of the component.
    pub(super) const fn spans_rows(self) -> bool {
        matches!(self.spread, Spread::Vertical | Spread::Both)
    }

    /// Rows of the image that the first rows of a component of `height` rows suffice for.
    pub(super) fn rows_of(self, available: usize, height: usize) -> usize {
        let (factor, max) = (usize::from(self.factor.1), usize::from(self.max.1));
        if available >= height {
            usize::MAX
        } else if self.spans_rows() {
            // The last one takes a quarter of the next sample.
            (2 * available).saturating_sub(1)
        } else {
            (available * max).div_ceil(factor)
        }
    }
}

/// Spreads a component over the rows of the image, one at a time.
pub(super) struct Upsampler<T: Triangle> {
    scaling: Scaling,
    vectors: Vectors,
    row: Vec<T>,
    column_sums: Vec<T::Sum>,
}

impl<T: Triangle> Upsampler<T> {
    /// For a component of `width` columns.
    pub(super) fn new(
        scaling: Scaling,
        width: usize,
        image_width: usize,
        vectors: Vectors,
    ) -> Result<Self> {
        let mut upsampler = Self {
            scaling,
            vectors,
            row: Vec::new(),
            column_sums: Vec::new(),
        };
        upsampler.reuse(scaling, width, image_width)?;
        Ok(upsampler)
    }

    /// Goes on with another component.
    pub(super) fn reuse(
        &mut self,
        scaling: Scaling,
        width: usize,
        image_width: usize,
    ) -> Result<()> {
        self.scaling = scaling;
        let (row, column_sums) = scaling.spread.lengths(width, image_width);
        try_fit(&mut self.row, row)?;
        try_fit(&mut self.column_sums, column_sums)
    }

    /// Bytes that an upsampler holds.
    pub(super) fn memory(scaling: Scaling, width: usize, image_width: usize) -> usize {
        let (row, column_sums) = scaling.spread.lengths(width, image_width);
        size_of::<T>() * row + size_of::<T::Sum>() * column_sums
    }

    /// The samples of image row `y`, at least as many as the image is wide.
    pub(super) fn row<'r>(&'r mut self, source: &'r impl Rows<T>, y: usize) -> &'r [T] {
        let out = self.row.as_mut_slice();
        match self.scaling.spread {
            Spread::Full => return source.row(y),
            Spread::Horizontal => {
                let row = source.row(y);
                self.vectors.run(Horizontal { row, out });
            }
            Spread::Vertical => {
                let (near, far) = nearest_rows(y, source.height());
                // libjpeg rounds the upper of two rows down, the lower up.
                let offset = if y % 2 == 1 { 2 } else { 1 };
                self.vectors.run(Vertical {
                    near: source.row(near),
                    far: source.row(far),
                    offset,
                    out,
                });
            }
            Spread::Both => {
                let (near, far) = nearest_rows(y, source.height());
                self.vectors.run(Both {
                    near: source.row(near),
                    far: source.row(far),
                    sums: &mut self.column_sums,
                    out,
                });
            }
            Spread::Nearest => self.nearest_row(source, y),
        }
        &self.row
    }

    fn nearest_row(&mut self, source: &impl Rows<T>, y: usize) {
        let Scaling { factor, max, .. } = self.scaling;
        let (horizontal, vertical) = (usize::from(factor.0), usize::from(factor.1));
        let (max_horizontal, max_vertical) = (usize::from(max.0), usize::from(max.1));
        let row = source.row(y * vertical / max_vertical);
        let out = self.row.as_mut_slice();
        if max_horizontal == 2 * horizontal {
            self.vectors.run(Doubled { row, out });
        } else if max_horizontal % horizontal == 0 {
            let repeat = max_horizontal / horizontal;
            for (out, &sample) in out.chunks_mut(repeat).zip(row) {
                out.fill(sample);
            }
        } else {
            for (x, out) in out.iter_mut().enumerate() {
                *out = row[(x * horizontal / max_horizontal).min(row.len() - 1)];
            }
        }
    }
}

/// The component rows nearest to image row `y` and next to it, of a component of `height` rows.
/// At the edges of the picture a row stands in for its missing neighbour.
const fn nearest_rows(y: usize, height: usize) -> (usize, usize) {
    let near = y / 2;
    if y.is_multiple_of(2) {
        (near, near.saturating_sub(1))
    } else if near + 1 < height {
        (near, near + 1)
    } else {
        (near, near)
    }
}

/// Repeats each sample of a row.
struct Doubled<'a, T> {
    row: &'a [T],
    out: &'a mut [T],
}

impl<T: Copy> Kernel for Doubled<'_, T> {
    #[inline(always)]
    fn portable(self) {
        for (pair, &sample) in self.out.as_chunks_mut().0.iter_mut().zip(self.row) {
            *pair = [sample, sample];
        }
    }
}

/// Doubles a row of at least three samples: each pixel takes 3/4 of the nearer sample, 1/4 of the next.
struct Horizontal<'a, T> {
    row: &'a [T],
    out: &'a mut [T],
}

impl<T: Triangle> Kernel for Horizontal<'_, T> {
    #[inline(always)]
    fn portable(self) {
        let Self { row, out } = self;
        let three = T::Sum::from(3);
        let last = row.len() - 1;
        let pairs = out.as_chunks_mut().0;
        let neighbours = row.iter().zip(&row[2..]);
        for ((&middle, (left, right)), pair) in row[1..].iter().zip(neighbours).zip(&mut pairs[1..])
        {
            let middle = middle.widen() * three;
            *pair = [
                T::quarter(middle + left.widen(), 1),
                T::quarter(middle + right.widen(), 2),
            ];
        }
        let [first, second] = [row[0], row[1]];
        pairs[0] = [first, T::quarter(first.widen() * three + second.widen(), 2)];
        let [before, end] = [row[last - 1], row[last]];
        pairs[last] = [T::quarter(end.widen() * three + before.widen(), 1), end];
    }
}

/// Each sample takes 3/4 of the nearer row, 1/4 of the next.
struct Vertical<'a, T> {
    near: &'a [T],
    far: &'a [T],
    offset: u8,
    out: &'a mut [T],
}

impl<T: Triangle> Kernel for Vertical<'_, T> {
    #[inline(always)]
    fn portable(self) {
        let three = T::Sum::from(3);
        for ((out, &near), &far) in self.out.iter_mut().zip(self.near).zip(self.far) {
            *out = T::quarter(near.widen() * three + far.widen(), self.offset);
        }
    }
}

/// As [`Horizontal`], of sums of two rows of at least three samples; they weigh four.
struct Both<'a, T: Triangle> {
    near: &'a [T],
    far: &'a [T],
    sums: &'a mut [T::Sum],
    out: &'a mut [T],
}

impl<T: Triangle> Kernel for Both<'_, T> {
    #[inline(always)]
    fn portable(self) {
        let Self {
            near,
            far,
            sums,
            out,
        } = self;
        let (three, four) = (T::Sum::from(3), T::Sum::from(4));
        for ((sum, &near), &far) in sums.iter_mut().zip(near).zip(far) {
            *sum = near.widen() * three + far.widen();
        }
        let sums = &*sums;
        let last = sums.len() - 1;
        let pairs = out.as_chunks_mut().0;
        let neighbours = sums.iter().zip(&sums[2..]);
        for ((&middle, (&left, &right)), pair) in
            sums[1..].iter().zip(neighbours).zip(&mut pairs[1..])
        {
            let middle = middle * three;
            *pair = [
                T::sixteenth(middle + left, 8),
                T::sixteenth(middle + right, 7),
            ];
        }
        pairs[0] = [
            T::sixteenth(sums[0] * four, 8),
            T::sixteenth(sums[0] * three + sums[1], 7),
        ];
        pairs[last] = [
            T::sixteenth(sums[last] * three + sums[last - 1], 8),
            T::sixteenth(sums[last] * four, 7),
        ];
    }
}

/// Averages pairs of columns (and of rows, where there are two) of rows padded to an even length.
pub(crate) trait Average: Copy + Default {
    fn pair(row: &[Self], out: &mut [Self]);
    fn quad(upper: &[Self], lower: &[Self], out: &mut [Self]);
}

impl Average for u8 {
    /// libjpeg's rounding: halves go down in even columns, up in odd ones.
    #[inline(always)]
    fn pair(row: &[Self], out: &mut [Self]) {
        for (x, (&pair, out)) in row.as_chunks().0.iter().zip(out).enumerate() {
            let sum = sum_of_two(pair) + odd(x);
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
    #[inline(always)]
    fn quad(upper: &[Self], lower: &[Self], out: &mut [Self]) {
        let pairs = upper.as_chunks().0.iter().zip(lower.as_chunks().0);
        for (x, ((&a, &b), out)) in pairs.zip(out).enumerate() {
            let sum = sum_of_two(a) + sum_of_two(b) + 1 + odd(x);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a mean of samples is a sample"
            )]
            {
                *out = (sum >> 2) as Self;
            }
        }
    }
}

/// As a number of 16 bits, two samples are one lane of a vector.
#[inline(always)]
fn sum_of_two(pair: [u8; 2]) -> u16 {
    let both = u16::from_le_bytes(pair);
    (both & 0xff) + (both >> 8)
}

/// 1 in odd columns.
#[inline(always)]
fn odd(x: usize) -> u16 {
    #[expect(clippy::cast_possible_truncation, reason = "0 or 1")]
    {
        (x % 2) as u16
    }
}

impl<T: Real> Average for T {
    #[inline(always)]
    fn pair(row: &[Self], out: &mut [Self]) {
        for (pair, out) in row.as_chunks::<2>().0.iter().zip(out) {
            *out = (pair[0] + pair[1]) * Self::from(0.5_f32);
        }
    }

    #[inline(always)]
    fn quad(upper: &[Self], lower: &[Self], out: &mut [Self]) {
        let pairs = upper
            .as_chunks::<2>()
            .0
            .iter()
            .zip(lower.as_chunks::<2>().0);
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
