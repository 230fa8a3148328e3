//! Quantization tables: 64 steps, one for each band, and the arithmetic of changing them.

mod annex_k;
mod reciprocals;
mod requantizer;
mod rounding;
mod tables;
mod text;

pub(crate) use reciprocals::{Reciprocals, quotient};
pub(crate) use requantizer::{RequantizationBounds, Requantizer};
pub use rounding::Rounding;
pub use tables::QuantizationTables;

use std::num::NonZeroU16;
use std::ops::Index;

use crate::band::{BANDS, Band, NATURAL_FROM_ZIGZAG};
use crate::error::{ArgumentError, Result};

/// 64 quantization steps, 1 to 65535 each, in natural order (T.81 B.2.4.1).
///
/// A step of zero cannot be represented, so no later stage can divide by it.
///
/// ```
/// use feature_distillation::{Band, QuantizationTable};
/// let table = QuantizationTable::uniform(30)?;
/// assert_eq!(table[Band::DC], 30);
/// assert_eq!(QuantizationTable::annex_k_luminance().at_quality(75)?[Band::DC], 8);
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Vec<u16>", into = "Vec<u16>"))]
// Invariant: no step is 0; every constructor checks it.
pub struct QuantizationTable([u16; BANDS]);

impl QuantizationTable {
    /// A table from 64 steps in natural (row-major) order.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Step`] if a step is 0.
    pub fn from_natural(steps: [u16; BANDS]) -> Result<Self> {
        if steps.contains(&0) {
            return Err(ArgumentError::Step { step: 0 }.into());
        }
        Ok(Self(steps))
    }

    /// A table from 64 steps in the zig-zag order of a DQT segment.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Step`] if a step is 0.
    pub fn from_zigzag(steps: [u16; BANDS]) -> Result<Self> {
        let mut natural = [0; BANDS];
        for (&index, step) in NATURAL_FROM_ZIGZAG.iter().zip(steps) {
            natural[usize::from(index)] = step;
        }
        Self::from_natural(natural)
    }

    /// A table with one step for each band, computed by `step`.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Step`] if a step is 0.
    pub fn from_fn(step: impl Fn(Band) -> u16) -> Result<Self> {
        let mut natural = [0; BANDS];
        for band in Band::all() {
            natural[band.natural()] = step(band);
        }
        Self::from_natural(natural)
    }

    /// A table with one step for each band, none of which can be 0.
    pub(crate) fn from_nonzero(step: impl Fn(Band) -> NonZeroU16) -> Self {
        let mut natural = [1; BANDS];
        for band in Band::all() {
            natural[band.natural()] = step(band).get();
        }
        Self(natural)
    }

    /// The same step for every band.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Step`] if the step is 0.
    pub fn uniform(step: u16) -> Result<Self> {
        Self::from_natural([step; BANDS])
    }

    /// The luminance table of T.81 Annex K.1 (table K.1), the base of IJG quality scaling.
    #[must_use]
    pub const fn annex_k_luminance() -> Self {
        Self(annex_k::LUMINANCE)
    }

    /// The chrominance table of T.81 Annex K.1 (table K.2).
    #[must_use]
    pub const fn annex_k_chrominance() -> Self {
        Self(annex_k::CHROMINANCE)
    }

    /// This table scaled by the Independent JPEG Group's quality rule, steps held to 1..=255.
    ///
    /// Quality 50 leaves the table as it is, 100 makes every step 1.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Quality`] unless the quality is 1 to 100.
    pub fn at_quality(&self, quality: u8) -> Result<Self> {
        let percent = match quality {
            1..=49 => 5000 / u32::from(quality),
            50..=100 => 200 - 2 * u32::from(quality),
            _ => return Err(ArgumentError::Quality { quality }.into()),
        };
        Ok(self.map(|step| {
            let scaled = (u32::from(step) * percent + 50) / 100;
            u16::try_from(scaled.clamp(1, 255)).unwrap_or(255)
        }))
    }

    /// Every step times `factor`, rounded to the nearest, held to 1..=65535: the paper's FD 2x, 3x.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] unless the factor is finite and positive.
    pub fn scaled(&self, factor: f64) -> Result<Self> {
        if !(factor.is_finite() && factor > 0.0) {
            return Err(ArgumentError::Number {
                what: "table scale factor",
                value: factor,
            }
            .into());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "held to 1..=65535 before the cast"
        )]
        Ok(self.map(|step| (f64::from(step) * factor).round().clamp(1.0, 65535.0) as u16))
    }

    /// The step of a band.
    #[must_use]
    pub const fn step(&self, band: Band) -> u16 {
        self.0[band.natural()]
    }

    /// The largest step.
    #[must_use]
    pub fn largest_step(&self) -> u16 {
        self.0.into_iter().max().unwrap_or(1)
    }

    /// The 64 steps in natural (row-major) order.
    #[must_use]
    pub const fn to_natural(&self) -> [u16; BANDS] {
        self.0
    }

    /// The 64 steps in the zig-zag order of a DQT segment.
    #[must_use]
    pub fn to_zigzag(&self) -> [u16; BANDS] {
        NATURAL_FROM_ZIGZAG.map(|index| self.0[usize::from(index)])
    }

    /// Whether an 8-bit DQT segment, the only kind that baseline allows, can carry the table.
    #[must_use]
    pub fn is_baseline(&self) -> bool {
        self.largest_step() <= 255
    }

    /// Rows and columns exchanged: the table of blocks that are transposed.
    pub(crate) fn transposed(&self) -> Self {
        Self(std::array::from_fn(|band| self.0[band % 8 * 8 + band / 8]))
    }

    fn map(&self, change: impl Fn(u16) -> u16) -> Self {
        Self(self.0.map(|step| change(step).max(1)))
    }
}

impl Index<Band> for QuantizationTable {
    type Output = u16;

    fn index(&self, band: Band) -> &u16 {
        &self.0[band.natural()]
    }
}

impl TryFrom<Vec<u16>> for QuantizationTable {
    type Error = crate::error::Error;

    fn try_from(steps: Vec<u16>) -> Result<Self> {
        let actual = steps.len() as u64;
        let steps = <[u16; BANDS]>::try_from(steps).map_err(|_| ArgumentError::Shape {
            what: "number of quantization steps",
            expected: 64,
            actual,
        })?;
        Self::from_natural(steps)
    }
}

impl From<QuantizationTable> for Vec<u16> {
    fn from(table: QuantizationTable) -> Self {
        table.to_natural().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_and_natural_order_are_inverse() {
        let table = QuantizationTable::from_fn(|band| 1 + band.natural() as u16).unwrap();
        assert_eq!(
            QuantizationTable::from_zigzag(table.to_zigzag()).unwrap(),
            table
        );
        assert_eq!(table.to_zigzag()[..4], [1, 2, 9, 17]);
    }

    #[test]
    fn a_transposed_table_has_the_frequencies_exchanged() {
        let table = QuantizationTable::from_fn(|band| 1 + band.natural() as u16).unwrap();
        for band in Band::all() {
            let exchanged = Band::new(band.v(), band.u()).unwrap();
            assert_eq!(table.transposed()[band], table[exchanged]);
        }
    }

    #[test]
    fn a_table_is_its_64_steps_and_back() {
        let table = QuantizationTable::annex_k_luminance();
        let steps = Vec::from(table);
        assert_eq!(steps, table.to_natural());
        assert_eq!(QuantizationTable::try_from(steps).unwrap(), table);
    }

    #[test]
    fn quality_follows_the_ijg_rule() {
        let base = QuantizationTable::annex_k_luminance();
        assert_eq!(base.at_quality(50).unwrap(), base);
        assert_eq!(
            base.at_quality(100).unwrap(),
            QuantizationTable::uniform(1).unwrap()
        );
        assert_eq!(
            base.at_quality(1).unwrap(),
            QuantizationTable::uniform(255).unwrap()
        );
        assert_eq!(
            base.at_quality(75).unwrap().to_natural()[..8],
            [8, 6, 5, 8, 12, 20, 26, 31]
        );
        assert_eq!(
            base.at_quality(10).unwrap().to_natural()[..4],
            [80, 55, 50, 80]
        );
        assert!(base.at_quality(0).is_err() && base.at_quality(101).is_err());
    }

    #[test]
    fn a_step_of_zero_is_refused_however_it_comes() {
        assert!(QuantizationTable::uniform(0).is_err());
        assert!(QuantizationTable::from_fn(|band| band.natural() as u16).is_err());
        assert!(QuantizationTable::try_from(vec![1; 63]).is_err());
    }

    #[test]
    fn scaling_rounds_and_stays_in_range() {
        let table =
            QuantizationTable::from_fn(|band| if band == Band::DC { 65535 } else { 3 }).unwrap();
        let doubled = table.scaled(2.5).unwrap();
        assert_eq!(
            (doubled[Band::DC], doubled.step(Band::new(7, 7).unwrap())),
            (65535, 8)
        );
        assert_eq!(
            table.scaled(1e-9).unwrap(),
            QuantizationTable::uniform(1).unwrap()
        );
        assert!(table.scaled(f64::NAN).is_err() && table.scaled(0.0).is_err());
    }
}
