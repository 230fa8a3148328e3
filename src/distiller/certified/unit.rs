//! The smallest part of a picture that can be certified by itself, and what levels do to it.

use crate::band::{BANDS, Block};
use crate::certificate::{BlockWeights, ComponentWeights, SampleOrigin};
use crate::dct::precise;
use crate::pixels::{Blocks, MOST_BLOCKS, PixelPipeline, Pixels, Rendering, Samples, Tile};
use crate::quantization::QuantizationTable;

/// The levels of the blocks of a unit; the first [`Unit::block_count`] count.
pub(super) type Levels = [Block; MOST_BLOCKS];

/// What a coefficient of one kind of block may be away from its level times the step.
#[derive(Debug, Clone)]
pub(super) struct Allowance {
    pub(super) table: QuantizationTable,
    pub(super) steps: Samples<f32>,
    weights: BlockWeights,
    stages: [f64; BANDS],
    /// Half a step, less what the stages round and what the target moves; of no use where it is negative.
    allowed: Samples<f32>,
}

impl Allowance {
    pub(super) fn new(
        table: &QuantizationTable,
        weights: &BlockWeights,
        origin: SampleOrigin,
        pipeline: PixelPipeline,
        target: f64,
    ) -> Self {
        let stages = origin.receiver_margins(pipeline, weights);
        let steps = table.to_natural();
        let mut allowance = Self {
            table: *table,
            steps: [[0.0; 8]; 8],
            weights: *weights,
            stages,
            allowed: [[0.0; 8]; 8],
        };
        for (band, step) in steps.into_iter().enumerate() {
            allowance.steps[band / 8][band % 8] = f32::from(step);
            let allowed =
                f64::from(step) / 2.0 - stages[band] - target * weights.picture[band].l1 - SLACK;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a guide of the search; certificates are computed from the doubles"
            )]
            {
                allowance.allowed[band / 8][band % 8] = allowed as f32;
            }
        }
        allowance
    }

    /// The four kinds of blocks of a component, by (last row, last column).
    pub(super) fn of_component(
        table: &QuantizationTable,
        weights: &ComponentWeights,
        origin: SampleOrigin,
        pipeline: PixelPipeline,
        target: f64,
    ) -> [[Self; 2]; 2] {
        weights.classes().each_ref().map(|row| {
            row.each_ref()
                .map(|block| Self::new(table, block, origin, pipeline, target))
        })
    }

    /// The radius of a block with these residuals, as its certificate has it.
    pub(super) fn radius(&self, residuals: &Samples<f32>) -> f64 {
        let mut radius = f64::INFINITY;
        for (band, residual) in residuals.as_flattened().iter().enumerate() {
            let step = f64::from(self.steps[band / 8][band % 8]);
            let margin = step / 2.0 - f64::from(residual.abs()) - self.stages[band];
            radius = radius.min(self.weights.picture[band].radii(margin).linf);
        }
        radius
    }

    /// The radius of a block without residuals: no levels have a larger one.
    pub(super) fn largest_radius(&self) -> f64 {
        self.radius(&[[0.0; 8]; 8])
    }
}

/// Pixels and blocks that depend on no others.
#[derive(Debug)]
pub(super) struct Unit<'a> {
    pub(super) tile: Tile,
    /// One for each block.
    pub(super) allowances: Vec<&'a Allowance>,
    /// What the camera gave.
    pub(super) raw: Pixels<u8>,
    pub(super) target: f64,
}

/// What levels lead to.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    /// Sum of squared differences to the raw pixels of the picture.
    pub(super) distortion: f64,
    /// Sum of squares of what residuals exceed the allowed ones by.
    pub(super) violation: f32,
    pub(super) residuals: Blocks<f32>,
}

impl Unit<'_> {
    /// The coefficients of the raw pixels.
    pub(super) fn wanted(&self) -> Blocks<f32> {
        let mut wanted = self.tile.components(&self.raw);
        for block in &mut wanted[..self.block_count()] {
            *block = precise::forward(block);
        }
        wanted
    }

    pub(super) fn block_count(&self) -> usize {
        self.allowances.len()
    }

    /// The samples that all blocks become.
    pub(super) fn samples<T: Rendering>(&self, levels: &Levels) -> Blocks<T> {
        let mut samples = [[[T::default(); 8]; 8]; MOST_BLOCKS];
        for (block, allowance) in self.allowances.iter().enumerate() {
            samples[block] = T::block(&levels[block], &allowance.table);
        }
        samples
    }

    /// What levels and the samples that they become lead to, unless the distortion is `bound` or more.
    pub(super) fn outcome<T: Rendering>(
        &self,
        levels: &Levels,
        samples: &Blocks<T>,
        bound: f64,
    ) -> Option<Outcome> {
        let pixels = self.tile.render(samples);
        let distortion = self.distortion(&pixels);
        if distortion >= bound {
            return None;
        }
        let received = self.tile.components(&pixels);
        let mut residuals = [[[0.0; 8]; 8]; MOST_BLOCKS];
        let mut violation = 0.0;
        for (block, allowance) in self.allowances.iter().enumerate() {
            let mut residual = precise::forward(&received[block]);
            let mut excess = [0.0; 8];
            for (row, line) in residual.iter_mut().enumerate() {
                for (column, value) in line.iter_mut().enumerate() {
                    let level = f32::from(levels[block][8 * row + column]);
                    *value -= level * allowance.steps[row][column];
                    let over = (value.abs() - allowance.allowed[row][column]).max(0.0);
                    excess[column] += over * over;
                }
            }
            violation += excess.iter().sum::<f32>();
            residuals[block] = residual;
        }
        Some(Outcome {
            distortion,
            violation,
            residuals,
        })
    }

    /// The smallest radius of the blocks.
    pub(super) fn radius(&self, outcome: &Outcome) -> f64 {
        let blocks = self.allowances.iter().zip(&outcome.residuals);
        blocks.fold(f64::INFINITY, |radius, (allowance, residuals)| {
            radius.min(allowance.radius(residuals))
        })
    }

    pub(super) fn is_certified(&self, outcome: &Outcome) -> bool {
        outcome.violation == 0.0
            || outcome.violation < NEGLIGIBLE && self.radius(outcome) > self.target
    }

    /// What the residuals exceed the allowed ones by, with their signs.
    pub(super) fn excess(&self, outcome: &Outcome) -> Blocks<f32> {
        let mut excess = outcome.residuals;
        for (block, allowance) in excess.iter_mut().zip(&self.allowances) {
            for (value, allowed) in block
                .as_flattened_mut()
                .iter_mut()
                .zip(allowance.allowed.as_flattened())
            {
                *value = (value.abs() - allowed).max(0.0).copysign(*value);
            }
        }
        excess
    }

    /// The largest radius that any levels have.
    pub(super) fn largest_radius(&self) -> f64 {
        self.allowances
            .iter()
            .map(|allowance| allowance.largest_radius())
            .fold(f64::INFINITY, f64::min)
    }

    fn distortion(&self, pixels: &Pixels<u8>) -> f64 {
        let mut sum = 0.0;
        for channel in 0..self.tile.channels() {
            for block in 0..self.tile.pixel_blocks() {
                let (pixels, raw) = (&pixels[channel][block], &self.raw[channel][block]);
                let (width, height) = self.tile.visible(block);
                let mut squares = [0.0; 8];
                for (pixels, raw) in pixels.iter().zip(raw).take(height) {
                    for column in 0..8 {
                        let difference = f32::from(pixels[column]) - f32::from(raw[column]);
                        squares[column] += difference * difference;
                    }
                }
                squares[width..].fill(0.0);
                sum += squares.iter().copied().map(f64::from).sum::<f64>();
            }
        }
        sum
    }
}

/// What the allowed residuals of the search are below those of the certificate, so that single precision is
/// enough to tell that a block is certified.
const SLACK: f64 = 1e-4;

/// What violations of certified blocks are below: the squares of the slack.
const NEGLIGIBLE: f32 = 1e-5;
