//! The bands in order of their deviation, and how far that order can be trusted.

use crate::band::{BANDS, Band};

/// All 64 bands by decreasing standard deviation.
#[derive(Debug, Clone, PartialEq)]
pub struct BandRanking {
    order: [Band; BANDS],
    deviations: [f64; BANDS],
    images: u64,
}

impl BandRanking {
    pub(super) fn new(order: &[Band], deviations: &[f64; BANDS], images: u64) -> Self {
        let mut bands = [Band::DC; BANDS];
        bands.copy_from_slice(order);
        Self {
            order: bands,
            deviations: *deviations,
            images,
        }
    }

    /// The bands, the one of the largest deviation first.
    #[must_use]
    pub const fn bands(&self) -> &[Band; BANDS] {
        &self.order
    }

    /// The first `n` bands; all of them from 64 on.
    #[must_use]
    pub fn top(&self, n: usize) -> &[Band] {
        &self.order[..n.min(BANDS)]
    }

    /// The standard deviation of a band.
    #[must_use]
    pub const fn deviation(&self, band: Band) -> f64 {
        self.deviations[band.natural()]
    }

    /// How clear the cut after the first `n` bands is.
    #[must_use]
    pub fn stability(&self, n: usize) -> Stability {
        let deviation_at = |rank: usize| self.order.get(rank).map(|&band| self.deviation(band));
        let ratio = match (n.checked_sub(1).and_then(deviation_at), deviation_at(n)) {
            (Some(last), Some(next)) if next > 0.0 => last / next,
            (Some(0.0), Some(_)) => 1.0,
            _ => f64::INFINITY,
        };
        Stability {
            ratio,
            images: self.images,
        }
    }
}

/// How clear a cut between accuracy-sensitive and other bands is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stability {
    ratio: f64,
    images: u64,
}

impl Stability {
    /// Below this ratio the set changes from sample to sample: at 1.01 (n = 16 on photographs) a
    /// hundred images give the full set's bands six times in ten, at 1.19 (n = 15) nearly always.
    pub const CLEAR_RATIO: f64 = 1.05;

    /// Images below which even a clear cut is often missed: a single one finds the 15 bands in one
    /// case out of eight.
    pub const ENOUGH_IMAGES: u64 = 50;

    /// `sigma_n / sigma_(n+1)`: the last deviation inside over the first one outside; infinite where
    /// nothing is outside, inside, or varies outside.
    #[must_use]
    pub const fn ratio(&self) -> f64 {
        self.ratio
    }

    /// Images behind the ranking.
    #[must_use]
    pub const fn images(&self) -> u64 {
        self.images
    }

    /// Whether the bands on both sides of the cut are so alike that the choice is a coin toss.
    #[must_use]
    pub fn is_coin_toss(&self) -> bool {
        self.ratio < Self::CLEAR_RATIO
    }

    /// Whether more images should be seen before the set is relied on.
    #[must_use]
    pub const fn needs_more_images(&self) -> bool {
        self.images < Self::ENOUGH_IMAGES
    }
}
