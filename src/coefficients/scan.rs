//! One pass over coefficients in a file (T.81 B.2.3).

use std::ops::RangeInclusive;

use crate::error::{ArgumentError, Result};

/// A scan: which components it codes, which bands of them, and which bits of those.
///
/// Bands are meant by zig-zag index here, since a scan codes an interval of that sequence.
///
/// ```
/// use feature_distillation::Scan;
/// // Luminance whole, in a sequential file.
/// let scan = Scan::sequential(&[0])?;
/// assert_eq!(scan.zigzag_range(), 0..=63);
/// // In a progressive file: the five lowest AC bands of it, without their two lowest bits,
/// let first = Scan::progressive(&[0], 1..=5, 0, 2)?;
/// // and the second lowest of those bits.
/// let refinement = Scan::progressive(&[0], 1..=5, 2, 1)?;
/// assert_eq!(refinement.high(), first.low());
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scan {
    /// Indices of the components in frame order; the first `count` of them.
    components: [u8; 4],
    count: u8,
    start: u8,
    end: u8,
    high: u8,
    low: u8,
}

/// Largest bit position of a scan, Al (T.81 table B.3).
const LARGEST_LOW: u8 = 13;

impl Scan {
    /// A scan of a sequential file: all bands of one to four components, given by their indices in
    /// frame order.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Scan`] unless there are one to four components in ascending order below 255.
    pub fn sequential(components: &[usize]) -> Result<Self> {
        Self::checked(components, 0..=63, 0, 0)
    }

    /// A scan of a progressive file (T.81 G.1.1.1): of DC, bands `0..=0`, for one to four components,
    /// or of AC bands, by zig-zag index, for one component.
    ///
    /// `low` is the number of lowest bits that are left for later scans, at most 13. `high` is 0 in
    /// the first scan of the bands; a later one brings one more bit, and `high` is `low + 1`.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Scan`] where a rule of these is broken, or one of [`sequential`](Self::sequential).
    pub fn progressive(
        components: &[usize],
        bands: RangeInclusive<u8>,
        high: u8,
        low: u8,
    ) -> Result<Self> {
        let (start, end) = (*bands.start(), *bands.end());
        let reason = if start > end || end > 63 {
            "bands are an ascending range within 0 to 63"
        } else if start == 0 && end > 0 {
            "a progressive scan codes DC or AC bands, not both"
        } else if start > 0 && components.len() != 1 {
            "a scan of AC bands has one component"
        } else if low > LARGEST_LOW {
            "at most 13 lowest bits can be left for later scans"
        } else if high != 0 && high != low + 1 {
            "a later scan of the same bands brings one bit"
        } else {
            return Self::checked(components, bands, high, low);
        };
        Err(ArgumentError::Scan { reason }.into())
    }

    fn checked(components: &[usize], bands: RangeInclusive<u8>, high: u8, low: u8) -> Result<Self> {
        let reason = if !(1..=4).contains(&components.len()) {
            "a scan has one to four components"
        } else if !components.is_sorted_by(|before, after| before < after) {
            "the components of a scan stand in frame order, each once"
        } else if components.iter().any(|&component| component > 254) {
            "an image has at most 255 components"
        } else {
            #[expect(clippy::cast_possible_truncation, reason = "at most 254")]
            let indices = components.iter().map(|&component| component as u8);
            return Ok(Self::from_parts(indices, bands, high, low));
        };
        Err(ArgumentError::Scan { reason }.into())
    }

    /// A scan whose fields were checked against its frame: one to four components in frame order.
    pub(crate) fn from_parts(
        components: impl IntoIterator<Item = u8>,
        bands: RangeInclusive<u8>,
        high: u8,
        low: u8,
    ) -> Self {
        let mut scan = Self {
            components: [0; 4],
            count: 0,
            start: *bands.start(),
            end: *bands.end(),
            high,
            low,
        };
        for (slot, component) in scan.components.iter_mut().zip(components) {
            *slot = component;
            scan.count += 1;
        }
        scan
    }

    /// Indices of the scan's components in frame order.
    #[must_use]
    pub fn components(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.components[..usize::from(self.count)]
            .iter()
            .map(|&index| usize::from(index))
    }

    /// First to last zig-zag index of its bands, Ss and Se.
    #[must_use]
    pub const fn zigzag_range(&self) -> RangeInclusive<u8> {
        self.start..=self.end
    }

    /// Bit position of the scan before of the same bands, Ah; 0 for the first.
    #[must_use]
    pub const fn high(&self) -> u8 {
        self.high
    }

    /// Bit position of this scan, Al: so many lowest bits are left for later scans.
    #[must_use]
    pub const fn low(&self) -> u8 {
        self.low
    }

    /// Whether the scan codes all bands at once; progressive scans code DC or AC.
    pub(crate) const fn is_sequential(&self) -> bool {
        self.end == 63 && self.start == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_keep_to_the_ranges_of_table_b_3() {
        for components in [&[][..], &[0, 0], &[1, 0], &[0, 1, 2, 3, 4], &[255]] {
            assert!(Scan::sequential(components).is_err(), "{components:?}");
        }
        assert!(Scan::sequential(&[0, 2, 9, 254]).is_ok());
        for (components, bands, high, low, legal) in [
            (&[0, 1, 2][..], 0..=0, 0, 13, true),
            (&[0], 0..=0, 0, 14, false),
            (&[0], 0..=0, 1, 0, true),
            (&[0], 0..=0, 2, 0, false),
            (&[0], 0..=0, 1, 1, false),
            (&[0], 0..=1, 0, 0, false),
            (&[0], 0..=63, 0, 0, false),
            (&[0], 1..=63, 14, 13, true),
            (&[0, 1], 1..=63, 0, 0, false),
            (&[0], RangeInclusive::new(5, 4), 0, 0, false),
            (&[0], 63..=64, 0, 0, false),
            (&[], 0..=0, 0, 0, false),
        ] {
            let scan = Scan::progressive(components, bands.clone(), high, low);
            assert_eq!(scan.is_ok(), legal, "{components:?} {bands:?} {high} {low}");
        }
    }
}
