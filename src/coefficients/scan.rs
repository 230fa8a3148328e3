//! One pass over coefficients in a file (T.81 B.2.3).

use std::ops::RangeInclusive;

/// A scan: which components it codes, which bands of them, and which bits of those.
///
/// Bands are meant by zig-zag index here, since a scan codes an interval of that sequence.
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

impl Scan {
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
}
