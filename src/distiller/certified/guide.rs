//! Which levels to change: what a move is expected to cost, and what it is expected to mend.

use crate::band::BANDS;
use crate::dct::precise;
use crate::pixels::Blocks;

use super::search::Search;
use super::unit::{Levels, Outcome};

/// A level up or down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Move {
    pub(super) block: usize,
    pub(super) band: usize,
    /// 1 or -1.
    pub(super) change: i16,
    /// How much it is expected to add to the distortion.
    pub(super) cost: f32,
    /// How much of the violation it is expected to take away.
    relief: f32,
}

impl Move {
    /// Cost per relief; where the distortion falls as well, the more of both the better.
    pub(super) fn rate(&self) -> f32 {
        if self.cost <= 0.0 {
            self.cost * self.relief
        } else {
            self.cost / (self.relief + f32::MIN_POSITIVE)
        }
    }

    /// What tells moves apart that are worth the same.
    pub(super) const fn place(&self) -> (usize, usize, i16) {
        (self.block, self.band, self.change)
    }

    /// A number whose sum over several moves tells which levels they lead to, in any order.
    pub(super) fn mark(&self) -> u64 {
        // SplitMix64: multiples of different marks meet with a probability of 2^-64.
        let mut mark =
            ((self.block * BANDS + self.band) as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mark = (mark ^ (mark >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mark = (mark ^ (mark >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mark ^= mark >> 31;
        if self.change < 0 {
            mark.wrapping_neg()
        } else {
            mark
        }
    }
}

impl Search<'_> {
    /// The move of each band that takes violation away, if one does.
    pub(super) fn moves(&self, levels: &Levels, outcome: &Outcome) -> Vec<Move> {
        let gradient = self.gradient(levels, outcome);
        let mut moves = Vec::with_capacity(BANDS * self.unit.block_count());
        for (block, allowance) in self.unit.allowances.iter().enumerate() {
            let slopes = gradient[block].as_flattened().iter();
            for (band, (slope, step)) in slopes.zip(allowance.steps.as_flattened()).enumerate() {
                let change = if *slope > 0.0 { -1 } else { 1 };
                let level = f32::from(levels[block][band] + change);
                if level.abs() * step <= LARGEST_COEFFICIENT + step / 2.0 {
                    moves.push(Move {
                        relief: slope.abs() * step,
                        ..self.priced(levels, block, band, change)
                    });
                }
            }
        }
        moves
    }

    /// A move and its cost, as if nothing were clipped.
    pub(super) fn priced(&self, levels: &Levels, block: usize, band: usize, change: i16) -> Move {
        let step = self.unit.allowances[block].steps.as_flattened()[band];
        let wanted = self.wanted[block].as_flattened()[band];
        let level = levels[block][band];
        let [before, after] = [level, level + change].map(|level| f32::from(level) * step - wanted);
        Move {
            block,
            band,
            change,
            cost: self.pixel_gain(block) * (after * after - before * before),
            relief: 0.0,
        }
    }

    /// What the square of a change of a coefficient is multiplied by on its way to the pixels.
    fn pixel_gain(&self, block: usize) -> f32 {
        match block.checked_sub(self.unit.tile.pixel_blocks()) {
            None if self.unit.tile.channels() == 1 => 1.0,
            None => GAIN_TO_RGB[0],
            #[expect(clippy::cast_precision_loss, reason = "1, 2 or 4")]
            Some(chroma) => GAIN_TO_RGB[1 + chroma] * self.unit.tile.pixel_blocks() as f32,
        }
    }

    /// The derivative of half the violation by each coefficient.
    ///
    /// With R from components to pixels, C back, and M for "not clipped", the residual of samples x is
    /// `DCT(C M R x - x)` and what is constant. The derivative takes the excess back through the transposes; where
    /// nothing is clipped and no edge is padded, C R is the identity and nothing is left.
    fn gradient(&self, levels: &Levels, outcome: &Outcome) -> Blocks<f32> {
        let mut excess = self.unit.excess(outcome);
        for block in &mut excess[..self.unit.block_count()] {
            *block = precise::inverse(block);
        }
        let shown = self.unit.tile.render_linear(&self.unit.samples(levels));
        let mut at_pixels = self.unit.tile.components_transposed(&excess);
        let values = at_pixels.as_flattened_mut().as_flattened_mut();
        let shown = shown.as_flattened().as_flattened();
        for (value, shown) in values
            .as_flattened_mut()
            .iter_mut()
            .zip(shown.as_flattened())
        {
            if !(-128.5..127.5).contains(shown) {
                *value = 0.0;
            }
        }
        let mut gradient = self.unit.tile.render_transposed(&at_pixels);
        for (gradient, direct) in gradient
            .iter_mut()
            .zip(&excess)
            .take(self.unit.block_count())
        {
            let values = gradient.as_flattened_mut().iter_mut();
            for (value, direct) in values.zip(direct.as_flattened()) {
                *value -= direct;
            }
            *gradient = precise::forward(gradient);
        }
        gradient
    }
}

/// What no coefficient of 8-bit samples exceeds: 128 times the largest sum of magnitudes of a basis function.
const LARGEST_COEFFICIENT: f32 = 1024.0;

/// Sums of squares of the columns of the matrix from YCbCr to RGB (ITU-T T.871).
const GAIN_TO_RGB: [f32; 3] = [3.0, 3.2584, 2.4756];
