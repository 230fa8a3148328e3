//! The lattice of a profile: where the coefficients of its pass-one pictures can lie.

use crate::band::BANDS;
use crate::coefficients::ColorSpace;
use crate::pixels::PixelFormat;
use crate::profile::Profile;
use crate::quantization::QuantizationTable;

use super::evidence::{BINS, NOISES, NoiseRows, Tally, Weights, log2};
use super::sample::Coefficients;

/// The lattice of one candidate, or of several that share it.
#[derive(Debug, Clone)]
pub(super) struct Lattice {
    /// Index of the first profile that has it.
    pub(super) profile: usize,
    pub(super) color_space: ColorSpace,
    /// Width and height of an MCU in blocks of the first component.
    pub(super) mcu_blocks: (usize, usize),
    tables: [QuantizationTable; 3],
    /// 1 / step, by component and band.
    inverse_steps: [[f32; BANDS]; 3],
    /// Rows of weights for each kind of noise, by component.
    noises: [Vec<NoiseRows>; 3],
}

/// Part of the evidence that the noise lets expect at which a band speaks for the lattice.
const LEAST_OF_EXPECTED: f64 = 0.25;
/// One coefficient in so many must have level one or minus one: otherwise the steps were larger.
const LEAST_LOWEST_LEVELS: u32 = 8;
/// Coefficients of a band that count when bands are asked whether they agree: no band decides alone.
const MOST_OF_A_BAND: u32 = 20;

impl Lattice {
    /// The lattices of the candidates for pictures of one format, each once.
    pub(super) fn of_profiles(profiles: &[Profile], format: PixelFormat) -> Vec<Self> {
        let mut lattices: Vec<Self> = Vec::with_capacity(profiles.len());
        for (index, profile) in profiles.iter().enumerate() {
            let lattice = Self::new(index, profile, format);
            if !lattices.iter().any(|known| known.is_same(&lattice)) {
                lattices.push(lattice);
            }
        }
        lattices
    }

    fn new(index: usize, profile: &Profile, format: PixelFormat) -> Self {
        let color_space = match format {
            PixelFormat::Grey => ColorSpace::Grey,
            _ => profile.color_space(),
        };
        let (horizontal, vertical) = match color_space {
            ColorSpace::YCbCr => profile.subsampling().luminance_factors(),
            _ => (1, 1),
        };
        let components = if color_space == ColorSpace::Grey {
            1
        } else {
            3
        };
        let tables = std::array::from_fn(|component: usize| {
            *profile.tables().table(component.min(components - 1))
        });
        Self {
            profile: index,
            color_space,
            mcu_blocks: (horizontal.into(), vertical.into()),
            inverse_steps: tables.map(|table| table.to_natural().map(|step| 1.0 / f32::from(step))),
            noises: tables.map(|table| NOISES.iter().map(|noise| noise.rows(&table)).collect()),
            tables,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.color_space, self.mcu_blocks, self.tables)
            == (other.color_space, other.mcu_blocks, other.tables)
    }

    pub(super) const fn is_subsampled(&self) -> bool {
        self.mcu_blocks.0 * self.mcu_blocks.1 > 1
    }

    /// The components whose blocks lie on the 8x8 grid of the picture, in the order in which they are looked at.
    pub(super) const fn full_components(&self) -> &'static [usize] {
        match self.color_space {
            ColorSpace::Grey => &[0],
            // Green resembles the other two most.
            ColorSpace::Rgb => &[1, 0, 2],
            _ if self.is_subsampled() => &[0],
            _ => &[0, 1, 2],
        }
    }

    /// Where the coefficients of one component of a block lie. Those of level zero are none.
    ///
    /// The planes R, G and B resemble each other, so where R or B has the level that G has, the one lies near
    /// the lattice because the other does: that is no evidence of its own.
    pub(super) fn places(&self, block: &Coefficients, component: usize) -> [Option<Place>; BANDS] {
        let place = |component: usize, band: usize| {
            Place::of(block[component][band] * self.inverse_steps[component][band])
        };
        let resembling = (self.color_space == ColorSpace::Rgb
            && component != 1
            && self.tables[component] == self.tables[1])
            .then_some(1);
        std::array::from_fn(|band| {
            let here = place(component, band)?;
            let is_repeated = resembling
                .and_then(|other| place(other, band))
                .is_some_and(|other| other.level == here.level);
            (!is_repeated).then_some(here)
        })
    }

    /// Coefficients of a block that are neither near level zero nor at another level: a lattice has few.
    pub(super) fn between(&self, block: &Coefficients, component: usize) -> u64 {
        let steps = block[component].iter().zip(&self.inverse_steps[component]);
        steps
            .map(|(value, inverse)| (value * inverse).abs())
            .map(|magnitude| u64::from(magnitude > 0.25 && magnitude < 0.5))
            .sum()
    }

    /// First component with the same table: the same levels mean the same there.
    pub(super) fn table_class(&self, component: usize) -> usize {
        (0..component)
            .find(|&earlier| self.tables[earlier] == self.tables[component])
            .unwrap_or(component)
    }

    /// The component that resembles the luminance, by which grids are compared first.
    pub(super) const fn principal(&self) -> usize {
        self.full_components()[0]
    }

    /// Counts those coefficients of the principal component that are most often away from zero.
    pub(super) fn count_low_bands(&self, block: &[f32; BANDS], tally: &mut Tally) {
        let steps = &self.inverse_steps[self.principal()];
        for &band in &LOW_BANDS {
            if let Some(place) = Place::of(block[band] * steps[band]) {
                tally.distances[band][place.bin] += 1;
            }
        }
    }

    /// The evidence of counted coefficients, under the noise of each component that explains it best.
    pub(super) fn evidence(&self, tally: &[Tally; 3], weights: &Weights) -> Evidence {
        let mut sum = Evidence::default();
        for (component, tally) in tally.iter().enumerate() {
            let part = self.evidence_of(component, tally, weights);
            sum.ac += part.ac;
            sum.dc += part.dc;
            sum.coefficients += part.coefficients;
            if component == self.principal() {
                sum.principal = part.ac;
                sum.principal_dc = part.dc;
                sum.agreement = part.agreement;
            }
        }
        sum
    }

    /// The evidence of one component alone, as if it were the principal one.
    pub(super) fn evidence_of(
        &self,
        component: usize,
        tally: &Tally,
        weights: &Weights,
    ) -> Evidence {
        let totals = tally.distances.map(|bins| bins.iter().sum::<u32>());
        let mut best = Evidence::default();
        if totals.iter().all(|&total| total == 0) {
            return best;
        }
        best.ac = f64::NEG_INFINITY;
        for rows in &self.noises[component] {
            let evidence = Evidence::under(rows, tally, &totals, weights);
            if evidence.total() > best.total() {
                best = evidence;
            }
        }
        // The choice among kinds of noise is paid for.
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        {
            best.ac -= log2(NOISES.len() as f64);
        }
        best
    }
}

/// The bands of lowest frequency.
const LOW_BANDS: [usize; 15] = [0, 1, 2, 3, 4, 8, 9, 10, 11, 16, 17, 18, 24, 25, 32];

/// Where a coefficient lies between two multiples of its step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The nearest level, not zero.
    pub(super) level: i32,
    /// Bin of the distance to it.
    pub(super) bin: usize,
}

impl Place {
    #[inline]
    fn of(steps: f32) -> Option<Self> {
        let magnitude = steps.abs();
        if magnitude < 0.5 {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "coefficients are within ±2048, and casts of floats saturate"
        )]
        let level = (magnitude + 0.5) as i32;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "levels and bins are small"
        )]
        let bin = ((magnitude - level as f32).abs() * (2 * BINS) as f32) as usize;
        Some(Self {
            level: if steps < 0.0 { -level } else { level },
            bin: bin.min(BINS - 1),
        })
    }
}

/// Evidence for a lattice.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Evidence {
    /// Bits from AC coefficients.
    pub(super) ac: f64,
    /// Bits from DC coefficients.
    pub(super) dc: f64,
    /// AC coefficients that were counted.
    pub(super) coefficients: u64,
    /// Bits from the AC and the DC coefficients of the principal component.
    pub(super) principal: f64,
    principal_dc: f64,
    /// Share of the principal component's AC coefficients that are in bands which speak for the lattice as much
    /// as the noise lets expect.
    ///
    /// Bands of low frequency are asked, which noise troubles least, and none counts much. An ordinary JPEG has
    /// steps that are multiples of the profile's in some bands, but not in nearly all.
    pub(super) agreement: f64,
}

impl Evidence {
    pub(super) fn total(&self) -> f64 {
        self.ac + self.dc
    }

    /// Bits from the components other than the principal one: what tells colour spaces apart.
    pub(super) fn of_colour(&self) -> f64 {
        self.total() - self.principal - self.principal_dc
    }

    fn under(rows: &NoiseRows, tally: &Tally, totals: &[u32; BANDS], weights: &Weights) -> Self {
        let mut evidence = Self::default();
        let (mut agreeing, mut judged) = (0, 0);
        for (band, ((counts, &total), &row)) in
            tally.distances.iter().zip(totals).zip(rows).enumerate()
        {
            if total == 0 {
                continue;
            }
            let bits = weights.evidence(counts, row);
            if band == 0 {
                evidence.dc = bits;
                continue;
            }
            evidence.ac += bits;
            evidence.coefficients += u64::from(total);
            let expected = weights.expected(row) * f64::from(total);
            if expected > 0.0 && LOW_BANDS.contains(&band) {
                let weight = total.min(MOST_OF_A_BAND);
                judged += weight;
                let has_lowest = tally.lowest_levels[band] * LEAST_LOWEST_LEVELS >= total;
                if has_lowest && bits > LEAST_OF_EXPECTED * expected {
                    agreeing += weight;
                }
            }
        }
        evidence.agreement = f64::from(agreeing) / f64::from(judged.max(1));
        evidence
    }
}
