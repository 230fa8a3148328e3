//! All units of a picture, one after the other.

use std::collections::BTreeMap;

use crate::band::Block;
use crate::certificate::{BlockPosition, ComponentWeights, SampleOrigin};
use crate::coefficients::CoefficientImage;
use crate::error::Result;
use crate::pixels::{MOST_BLOCKS, Pixels, Rendering, Tile};
use crate::profile::Profile;

use super::reference::Reference;
use super::search::Search;
use super::unit::{Allowance, Levels, Unit};

/// The levels that repaired blocks had before.
pub(super) type Replaced = BTreeMap<BlockPosition, Block>;

/// A picture cut into units.
#[derive(Debug)]
pub(super) struct Sweep<'a> {
    reference: Reference<'a>,
    /// Pixels that a sample of the chrominance averages; `None` where each component is a channel.
    averaged: Option<(usize, usize)>,
    /// By component, last row and last column.
    allowances: Vec<[[Allowance; 2]; 2]>,
    /// Columns and rows of blocks of each component.
    blocks: Vec<(usize, usize)>,
    target: f64,
}

/// What a sweep found and did.
#[derive(Debug, Default)]
pub(super) struct Swept {
    pub(super) replaced: Replaced,
    /// Sum of squared differences between the raw picture and the unrepaired pass.
    pub(super) unrepaired_error: u64,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(
        profile: &Profile,
        reference: Reference<'a>,
        image: &CoefficientImage,
        target: f64,
    ) -> Self {
        let size = (reference.width(), reference.height());
        let (channels, color_space) = (reference.channels(), image.color_space());
        let origin =
            |index| SampleOrigin::of_component(channels, color_space, profile.subsampling(), index);
        let chrominance = origin(1);
        let averaged = chrominance.color_converted.then_some(chrominance.averaged);
        let mut allowances = Vec::new();
        let mut blocks = Vec::new();
        for (index, component) in image.components().iter().enumerate() {
            let origin = origin(index);
            let weights =
                ComponentWeights::new(size, channels, color_space, index, origin.averaged);
            blocks.push(weights.blocks());
            allowances.push(Allowance::of_component(
                component.quantization_table(),
                &weights,
                origin,
                profile.pipeline(),
                target,
            ));
        }
        Self {
            reference,
            averaged,
            allowances,
            blocks,
            target,
        }
    }

    /// The largest radius that any levels have with these tables.
    pub(super) fn attainable(&self) -> f64 {
        self.allowances
            .iter()
            .flatten()
            .flatten()
            .map(Allowance::largest_radius)
            .fold(f64::INFINITY, f64::min)
    }

    /// Repairs the units that are not certified.
    pub(super) fn repair<T: Rendering>(&self, image: &mut CoefficientImage) -> Result<Swept> {
        let (across, down) = self.averaged.unwrap_or((1, 1));
        let (width, height) = (self.reference.width(), self.reference.height());
        let mut swept = Swept::default();
        for top in (0..height).step_by(8 * down) {
            let rows = (height - top).min(8 * down);
            let raw = self.reference.rows(top, rows)?;
            for left in (0..width).step_by(8 * across) {
                let tile = Tile::new(((width - left).min(8 * across), rows), self.averaged);
                let mcu = (left / (8 * across), top / (8 * down));
                if self.averaged.is_some() {
                    let pixels = self.cut(&raw, tile, left, None);
                    let positions = self.positions(tile, mcu);
                    self.repair_unit::<T>(image, tile, &pixels, &positions, &mut swept);
                } else {
                    for component in 0..self.allowances.len() {
                        let pixels = self.cut(&raw, tile, left, Some(component));
                        let position = [(component, mcu.0, mcu.1)];
                        self.repair_unit::<T>(image, tile, &pixels, &position, &mut swept);
                    }
                }
            }
        }
        Ok(swept)
    }

    /// The blocks of an MCU: component, column, row.
    fn positions(&self, tile: Tile, (x, y): (usize, usize)) -> Vec<(usize, usize, usize)> {
        let (across, down) = self.averaged.unwrap_or((1, 1));
        let mut positions = Vec::with_capacity(MOST_BLOCKS);
        for block in 0..tile.pixel_blocks() {
            let (column, row) = (block % tile.columns(), block / tile.columns());
            positions.push((0, across * x + column, down * y + row));
        }
        positions.extend([(1, x, y), (2, x, y)]);
        positions
    }

    /// The raw pixels of a tile: all channels, or one as the first.
    fn cut(&self, rows: &[u8], tile: Tile, left: usize, channel: Option<usize>) -> Pixels<u8> {
        let (width, channels) = (self.reference.width(), self.reference.channels());
        let mut pixels = [[[[0; 8]; 8]; 4]; 3];
        let taken = channel.map_or(0..channels, |channel| channel..channel + 1);
        for (pixels, channel) in pixels.iter_mut().zip(taken) {
            for (block, pixels) in pixels.iter_mut().enumerate().take(tile.pixel_blocks()) {
                let first = left + 8 * (block % tile.columns());
                let count = (width - first).min(8);
                let top = 8 * (block / tile.columns());
                for (row, line) in pixels.iter_mut().enumerate() {
                    let start = ((top + row) * channels + channel) * width + first;
                    if let Some(source) = rows.get(start..start + count) {
                        line[..count].copy_from_slice(source);
                    }
                }
            }
        }
        pixels
    }

    fn repair_unit<T: Rendering>(
        &self,
        image: &mut CoefficientImage,
        tile: Tile,
        raw: &Pixels<u8>,
        positions: &[(usize, usize, usize)],
        swept: &mut Swept,
    ) {
        let allowances = positions
            .iter()
            .map(|&(component, x, y)| {
                let (wide, high) = self.blocks[component];
                &self.allowances[component][usize::from(y + 1 == high)][usize::from(x + 1 == wide)]
            })
            .collect();
        let unit = Unit {
            tile,
            allowances,
            raw: *raw,
            target: self.target,
        };
        let mut levels: Levels = [[0; 64]; MOST_BLOCKS];
        for (levels, &(component, x, y)) in levels.iter_mut().zip(positions) {
            let component = &image.components()[component];
            *levels = component.blocks()[y * component.blocks_wide() as usize + x];
        }
        let samples = unit.samples::<T>(&levels);
        let Some(outcome) = unit.outcome(&levels, &samples, f64::INFINITY) else {
            return;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a sum of squares of integers below 2^53"
        )]
        {
            swept.unrepaired_error += outcome.distortion as u64;
        }
        if unit.is_certified(&outcome) || unit.largest_radius() <= self.target {
            return;
        }
        let found = Search::new(&unit, &levels).run::<T>(outcome);
        for ((before, after), &(component, x, y)) in levels.iter().zip(&found).zip(positions) {
            if before == after {
                continue;
            }
            #[expect(clippy::cast_possible_truncation, reason = "at most 8192")]
            let position = BlockPosition {
                component,
                x: x as u32,
                y: y as u32,
            };
            if let Some(block) = image.components_mut()[component].block_mut(position.x, position.y)
            {
                swept.replaced.insert(position, *before);
                *block = *after;
            }
        }
    }
}
