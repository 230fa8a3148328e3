//! The lattice of a profile: where the coefficients of its pass-one pictures can lie.

use crate::band::BANDS;
use crate::coefficients::ColorSpace;
use crate::error::Result;
use crate::pixels::PixelFormat;
use crate::profile::Profile;
use crate::quantization::QuantizationTable;

use super::evidence::{BINS, LEAST_MAGNITUDE, NOISES, NoiseRows, Tally, Weights, log2};

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
    noises: Vec<NoiseRows>,
}

/// Evidence for a lattice under the kind of noise that explains the picture best.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    /// Bits from AC coefficients.
    pub(super) ac: f64,
    /// Bits from DC coefficients.
    pub(super) dc: f64,
    /// Share of the AC coefficients that are in bands which speak for the lattice, among the bands that
    /// should.
    pub(super) agreement: f64,
    /// AC coefficients that were counted.
    pub(super) coefficients: u64,
}

impl Evidence {
    pub(super) fn total(&self) -> f64 {
        self.ac + self.dc
    }
}

impl Lattice {
    /// The lattices of the candidates for pictures of one format, each once.
    pub(super) fn of_profiles(profiles: &[Profile], format: PixelFormat) -> Result<Vec<Self>> {
        let mut lattices: Vec<Self> = Vec::with_capacity(profiles.len());
        for (index, profile) in profiles.iter().enumerate() {
            let lattice = Self::new(index, profile, format)?;
            if !lattices.iter().any(|known| known.is_same(&lattice)) {
                lattices.push(lattice);
            }
        }
        Ok(lattices)
    }

    fn new(index: usize, profile: &Profile, format: PixelFormat) -> Result<Self> {
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
        let noises = NOISES
            .iter()
            .map(|noise| noise.rows(color_space, &tables, horizontal * vertical))
            .collect::<Result<_>>()?;
        Ok(Self {
            profile: index,
            color_space,
            mcu_blocks: (horizontal.into(), vertical.into()),
            inverse_steps: tables.map(|table| table.to_natural().map(|step| 1.0 / f32::from(step))),
            tables,
            noises,
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.color_space, self.mcu_blocks, self.tables)
            == (other.color_space, other.mcu_blocks, other.tables)
    }

    pub(super) const fn is_subsampled(&self) -> bool {
        self.mcu_blocks.0 * self.mcu_blocks.1 > 1
    }

    /// First component with the same table: the same levels mean the same there.
    fn table_class(&self, component: usize) -> usize {
        (0..component)
            .find(|&earlier| self.tables[earlier] == self.tables[component])
            .unwrap_or(component)
    }

    /// Where a coefficient lies between two multiples of its step; none where that says nothing.
    #[inline(always)]
    pub(super) fn place(&self, component: usize, band: usize, value: f32) -> Option<Place> {
        let steps = (value * self.inverse_steps[component][band]).abs();
        if steps < LEAST_MAGNITUDE {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "coefficients are within ±2048, and casts of floats saturate"
        )]
        let level = (steps + 0.5) as u32;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "levels and bins are small"
        )]
        let bin = ((steps - level as f32).abs() * (2 * BINS) as f32) as usize;
        Some(Place {
            level,
            bin: bin.min(BINS - 1),
        })
    }

    /// Identifies one component's block by its AC levels, whichever component of the same table it is in.
    pub(super) fn pattern_seed(&self, component: usize) -> u64 {
        self.table_class(component) as u64 + 1
    }

    /// The evidence of counted coefficients, under the noise that explains them best.
    pub(super) fn evidence(&self, tally: &Tally, weights: &Weights) -> Evidence {
        let mut best: Option<Evidence> = None;
        for rows in &self.noises {
            let evidence = evidence_under(rows, tally, weights);
            if best.is_none_or(|best| evidence.total() > best.total()) {
                best = Some(evidence);
            }
        }
        let mut evidence = best.unwrap_or(Evidence {
            ac: 0.0,
            dc: 0.0,
            agreement: 0.0,
            coefficients: 0,
        });
        // The choice among kinds of noise is paid for.
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        {
            evidence.ac -= log2(self.noises.len().max(1) as f64);
        }
        evidence
    }
}

/// Where a coefficient lies between two multiples of its step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Magnitude of the nearest level.
    pub(super) level: u32,
    /// Bin of the distance to it.
    pub(super) bin: usize,
}

fn evidence_under(rows: &NoiseRows, tally: &Tally, weights: &Weights) -> Evidence {
    let (mut ac, mut dc) = (0.0, 0.0);
    let (mut coefficients, mut agreeing, mut disagreeing) = (0, 0, 0);
    for (rows, bands) in rows.iter().zip(tally) {
        for (band, (counts, &row)) in bands.iter().zip(rows).enumerate() {
            let count: u64 = counts.iter().copied().map(u64::from).sum();
            if count == 0 {
                continue;
            }
            let bits = weights.evidence(counts, row);
            if band == 0 {
                dc += bits;
                continue;
            }
            ac += bits;
            coefficients += count;
            if bits > 0.0 {
                agreeing += count;
            } else if weights.is_telling(row) {
                disagreeing += count;
            }
        }
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of coefficients of a bounded sample"
    )]
    let agreement = agreeing as f64 / (agreeing + disagreeing).max(1) as f64;
    Evidence {
        ac,
        dc,
        agreement,
        coefficients,
    }
}
