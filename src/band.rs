//! The 64 frequency bands of an 8x8 DCT block, their two orders and the norms of their basis functions.

use std::fmt;

/// Samples or coefficients of one 8x8 block in natural order: index = 8 * row + column.
///
/// In a block of coefficients the row is the vertical frequency `u`, the column the horizontal
/// frequency `v` (ITU-T T.81 A.3.3 swaps the letters; the paper does not).
pub type Block = [i16; 64];

/// Number of bands of an 8x8 block.
pub const BANDS: usize = 64;

/// Natural index of the coefficient at each zig-zag position (T.81 figure A.6).
pub(crate) const NATURAL_FROM_ZIGZAG: [u8; BANDS] = natural_from_zigzag();

/// Zig-zag position of each natural index.
pub(crate) const ZIGZAG_FROM_NATURAL: [u8; BANDS] = {
    let mut inverse = [0; BANDS];
    let mut position = 0_u8;
    while position < 64 {
        inverse[NATURAL_FROM_ZIGZAG[position as usize] as usize] = position;
        position += 1;
    }
    inverse
};

/// One frequency band: vertical frequency `u` (row) and horizontal frequency `v` (column), both 0..=7.
///
/// Bands are ordered by natural index, as everything in the public API; what is in the order of the file
/// format has `zigzag` in its name.
///
/// ```
/// use feature_distillation::Band;
/// let band = Band::new(2, 1).unwrap();
/// assert_eq!((band.natural(), band.zigzag()), (17, 8));
/// assert_eq!(band.to_string(), "(2, 1)");
/// assert_eq!(Band::DC.l1_norm(), 8.0);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Band(u8);

impl Band {
    /// The band of the block's mean, (0, 0).
    pub const DC: Self = Self(0);

    /// The band of vertical frequency `u` and horizontal frequency `v`; `None` unless both are below 8.
    #[must_use]
    pub const fn new(u: u8, v: u8) -> Option<Self> {
        if u < 8 && v < 8 {
            Some(Self(8 * u + v))
        } else {
            None
        }
    }

    /// The band at a natural (row-major) index; `None` from 64 on.
    #[must_use]
    pub const fn from_natural(index: usize) -> Option<Self> {
        if index < BANDS {
            #[expect(clippy::cast_possible_truncation, reason = "below 64")]
            Some(Self(index as u8))
        } else {
            None
        }
    }

    /// The band at a zig-zag position; `None` from 64 on.
    #[must_use]
    pub const fn from_zigzag(position: usize) -> Option<Self> {
        if position < BANDS {
            Some(Self(NATURAL_FROM_ZIGZAG[position]))
        } else {
            None
        }
    }

    /// All bands in natural order.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        (0..64_u8).map(Self)
    }

    /// All bands in zig-zag order, from low to high frequency.
    pub fn all_zigzag() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        NATURAL_FROM_ZIGZAG.into_iter().map(Self)
    }

    /// Vertical frequency: the row in the block.
    #[must_use]
    pub const fn u(self) -> u8 {
        self.0 / 8
    }

    /// Horizontal frequency: the column in the block.
    #[must_use]
    pub const fn v(self) -> u8 {
        self.0 % 8
    }

    /// Index in a natural-order array of 64.
    #[must_use]
    pub const fn natural(self) -> usize {
        self.0 as usize
    }

    /// Position in the zig-zag sequence of T.81 figure A.6.
    #[must_use]
    pub const fn zigzag(self) -> usize {
        ZIGZAG_FROM_NATURAL[self.0 as usize] as usize
    }

    /// Sum of the absolute values of the band's basis function.
    ///
    /// A perturbation of at most `eps` per sample moves this band's coefficient by at most
    /// `eps * l1_norm()`, and reaches that with the signs of the basis function. The paper's
    /// Eq. 5 uses the largest of them, 8, for every band.
    #[must_use]
    pub fn l1_norm(self) -> f64 {
        // The product of two equal square roots, which floats would miss by a bit.
        if self.has_flat_basis() {
            return 8.0;
        }
        let absolute_sum = |frequency: u8| (0..8).map(|x| cosine(frequency, x).abs()).sum::<f64>();
        absolute_sum(self.u()) * absolute_sum(self.v())
    }

    /// Euclidean norm of the band's basis function: 1, since the transform is orthonormal.
    #[must_use]
    pub const fn l2_norm(self) -> f64 {
        1.0
    }

    /// Largest absolute value of the band's basis function: what one sample can move the
    /// coefficient by, per unit.
    #[must_use]
    pub fn linf_norm(self) -> f64 {
        if self.has_flat_basis() {
            return 0.125;
        }
        let peak = |frequency: u8| {
            (0..8)
                .map(|x| cosine(frequency, x).abs())
                .fold(0.0, f64::max)
        };
        peak(self.u()) * peak(self.v())
    }

    /// Value of the band's orthonormal basis function at row `y`, column `x` (T.81 A.3.3).
    ///
    /// # Panics
    ///
    /// If `x` or `y` is above 7.
    #[must_use]
    pub fn basis(self, y: usize, x: usize) -> f64 {
        assert!(x < 8 && y < 8, "a block has rows and columns 0 to 7");
        cosine(self.u(), y) * cosine(self.v(), x)
    }

    /// Whether all values of the basis function have one magnitude: (0, 0), (0, 4), (4, 0), (4, 4).
    const fn has_flat_basis(self) -> bool {
        self.u().is_multiple_of(4) && self.v().is_multiple_of(4)
    }
}

impl fmt::Debug for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Band({}, {})", self.u(), self.v())
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.u(), self.v())
    }
}

/// cos(k pi / 16) for k in 0..=8, halved.
const HALF_COSINES: [f64; 9] = [
    0.5,
    0.490_392_640_201_615_2,
    0.461_939_766_255_643_4,
    0.415_734_806_151_272_6,
    0.353_553_390_593_273_8,
    0.277_785_116_509_801_1,
    0.191_341_716_182_544_9,
    0.097_545_161_008_064_13,
    0.0,
];
/// One-dimensional orthonormal DCT-II basis: sqrt(1/8) for frequency 0, else
/// 1/2 cos((2x + 1) k pi / 16), reduced to the first quadrant so that equal magnitudes are equal bits.
pub(crate) const fn cosine(frequency: u8, x: usize) -> f64 {
    if frequency == 0 {
        return std::f64::consts::FRAC_1_SQRT_2 / 2.0;
    }
    let angle = (2 * x + 1) * frequency as usize % 32;
    let folded = if angle > 16 { 32 - angle } else { angle };
    let (sixteenths, sign) = if folded > 8 {
        (16 - folded, -1.0)
    } else {
        (folded, 1.0)
    };
    sign * HALF_COSINES[sixteenths]
}

/// Walks the anti-diagonals, alternating direction.
const fn natural_from_zigzag() -> [u8; BANDS] {
    let mut order = [0; BANDS];
    let (mut row, mut column) = (0_u8, 0_u8);
    let mut position = 0;
    while position < BANDS {
        order[position] = 8 * row + column;
        let upwards = (row + column) % 2 == 0;
        if upwards {
            if column == 7 {
                row += 1;
            } else {
                column += 1;
                row = row.saturating_sub(1);
            }
        } else if row == 7 {
            column += 1;
        } else {
            row += 1;
            column = column.saturating_sub(1);
        }
        position += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_is_the_sequence_of_figure_a_6() {
        let expected = [
            0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34,
            27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37,
            44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
        ];
        assert_eq!(NATURAL_FROM_ZIGZAG, expected);
        for (position, band) in Band::all_zigzag().enumerate() {
            assert_eq!(band.zigzag(), position);
            assert_eq!(Band::from_zigzag(position), Some(band));
        }
    }

    #[test]
    fn indices_outside_the_block_are_refused() {
        assert_eq!(Band::new(8, 0), None);
        assert_eq!(Band::new(0, 8), None);
        assert_eq!(Band::from_natural(64), None);
        assert_eq!(Band::from_zigzag(64), None);
        assert_eq!(Band::new(7, 7), Band::from_natural(63));
    }

    #[test]
    fn the_basis_is_orthonormal() {
        for a in Band::all() {
            for b in Band::all() {
                let product: f64 = (0..64)
                    .map(|i| a.basis(i / 8, i % 8) * b.basis(i / 8, i % 8))
                    .sum();
                let expected = if a == b { a.l2_norm() } else { 0.0 };
                assert!((product - expected).abs() < 1e-14, "{a} {b} {product}");
            }
        }
    }

    #[test]
    fn norms_are_those_of_the_basis_functions() {
        for band in Band::all() {
            let values = || (0..64).map(|i| band.basis(i / 8, i % 8).abs());
            assert!((values().sum::<f64>() - band.l1_norm()).abs() < 1e-13);
            assert!((values().fold(0.0, f64::max) - band.linf_norm()).abs() < 1e-15);
            // Where all values have one magnitude, and nowhere else, they sum to 8: to the last bit.
            let is_flat = band.u() % 4 == 0 && band.v() % 4 == 0;
            assert_eq!(band.l1_norm() >= 8.0, is_flat, "{band}");
            assert_eq!(band.l1_norm() == 8.0, is_flat, "{band}");
            assert_eq!(band.linf_norm() == 0.125, is_flat, "{band}");
        }
    }

    #[test]
    fn a_band_is_written_as_its_frequencies() {
        let band = Band::new(2, 1).unwrap();
        assert_eq!(format!("{band} {band:?}"), "(2, 1) Band(2, 1)");
    }
}
