//! A bounded part of a picture, to be transformed on any grid.

use crate::band::BANDS;
use crate::coefficients::Rectangle;
use crate::dct;
use crate::error::{ArgumentError, Result};
use crate::limits::try_vec;
use crate::pixels::{PixelFormat, PixelView, ycbcr_from_rgb_precise};

/// Pictures of up to this many pixels are taken whole.
const WHOLE: u64 = 256 * 256;
/// Side of the patches that are taken of larger pictures: 8 blocks on any grid, and an MCU to spare.
const PATCH: u32 = 8 * 8 + 16;
/// Patches along each side of which the busiest are taken.
const CANDIDATES: u32 = 8;
/// Patches that are taken of a large picture.
const PATCHES: usize = 16;
/// Cells that a first look at every grid is based on, one block in each.
const CELLS: usize = 96;

/// Coefficients of the components of one block position.
pub(super) type Coefficients = [[f32; BANDS]; 3];

/// The parts of a picture that are looked at.
#[derive(Debug)]
pub(super) struct Sample {
    patches: Vec<Patch>,
    /// Patch, column and row of places with detail, the busiest of each neighbourhood first.
    cells: Vec<(usize, usize, usize)>,
}

/// A rectangle of a picture, its channels apart.
#[derive(Debug)]
pub(super) struct Patch {
    /// Position in the picture.
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    channels: Vec<Vec<u8>>,
}

impl Sample {
    pub(super) fn of(pixels: PixelView<'_>) -> Result<Self> {
        if pixels.format() == PixelFormat::Cmyk {
            return Err(ArgumentError::PixelFormat {
                color_space: "grey, RGB or YCbCr",
                format: pixels.format().name(),
            }
            .into());
        }
        let mut patches = Vec::new();
        for rectangle in candidates(pixels.width(), pixels.height()) {
            patches.push(Patch::of(pixels, rectangle)?);
        }
        if patches.len() > PATCHES {
            patches.sort_by_cached_key(|patch| std::cmp::Reverse(patch.activity()));
            patches.truncate(PATCHES);
        }
        let cells = busiest_cells(&patches);
        Ok(Self { patches, cells })
    }

    pub(super) fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// Patch and position in it of one block near each busy place, on the grid of an offset below 8.
    pub(super) fn scattered(
        &self,
        offset: (usize, usize),
    ) -> impl Iterator<Item = (&Patch, usize, usize)> {
        self.cells.iter().filter_map(move |&(patch, x, y)| {
            let patch = &self.patches[patch];
            let x = x + (8 + offset.0 - (patch.x + x) % 8) % 8;
            let y = y + (8 + offset.1 - (patch.y + y) % 8) % 8;
            (x + 8 <= patch.width && y + 8 <= patch.height).then_some((patch, x, y))
        })
    }
}

/// The whole of a small picture, evenly spread rectangles of a large one.
fn candidates(width: u32, height: u32) -> Vec<Rectangle> {
    if u64::from(width) * u64::from(height) <= WHOLE {
        return vec![Rectangle::new(0, 0, width, height)];
    }
    let spread = |side: u32| {
        let patch = side.min(PATCH);
        let count = (side / patch).clamp(1, CANDIDATES);
        (0..count).map(move |index| {
            // The middle of one of `count` equal parts; the products are below 2^32.
            let start = side * (2 * index + 1) / (2 * count) - patch / 2;
            (start.min(side - patch), patch)
        })
    };
    spread(height)
        .flat_map(|(y, patch_height)| {
            spread(width)
                .map(move |(x, patch_width)| Rectangle::new(x, y, patch_width, patch_height))
        })
        .collect()
}

/// Places of the most activity, at most two in each of 64 neighbourhoods before others follow.
fn busiest_cells(patches: &[Patch]) -> Vec<(usize, usize, usize)> {
    let mut cells = Vec::new();
    for (index, patch) in patches.iter().enumerate() {
        let (columns, rows) = (patch.width / 8, patch.height / 8);
        for row in 0..rows {
            for column in 0..columns {
                let activity = patch.activity_of_cell(8 * column, 8 * row);
                if activity > 0 {
                    let neighbourhood = if patches.len() > 1 {
                        index
                    } else {
                        row * 8 / rows * 8 + column * 8 / columns
                    };
                    cells.push((activity, neighbourhood, (index, 8 * column, 8 * row)));
                }
            }
        }
    }
    cells.sort_by_key(|&(activity, _, cell)| (std::cmp::Reverse(activity), cell));
    let mut taken = [0_usize; 64];
    let mut ranked: Vec<_> = cells
        .into_iter()
        .map(|(_, neighbourhood, cell)| {
            taken[neighbourhood] += 1;
            (taken[neighbourhood] / 2, cell)
        })
        .collect();
    ranked.sort_by_key(|&(rank, _)| rank);
    ranked.truncate(CELLS);
    ranked.into_iter().map(|(_, cell)| cell).collect()
}

impl Patch {
    fn of(pixels: PixelView<'_>, rectangle: Rectangle) -> Result<Self> {
        let part = pixels.cropped(rectangle)?;
        let (width, height) = (part.width() as usize, part.height() as usize);
        let mut channels = Vec::new();
        for channel in 0..pixels.format().channels() {
            let mut samples = try_vec(0, width * height)?;
            for (y, row) in samples.chunks_exact_mut(width).enumerate() {
                part.copy_row(y, channel, row);
            }
            channels.push(samples);
        }
        Ok(Self {
            x: rectangle.x as usize,
            y: rectangle.y as usize,
            width,
            height,
            channels,
        })
    }

    /// Positions in the patch of the blocks of a grid: those that begin at `offset` modulo `period`, and
    /// are `size` wide and high.
    pub(super) fn positions(
        &self,
        offset: (usize, usize),
        period: (usize, usize),
    ) -> impl Iterator<Item = (usize, usize)> + use<> {
        let first = |offset: usize, period: usize, start: usize| {
            (period + offset - start % period) % period
        };
        let columns = (first(offset.0, period.0, self.x)
            ..(self.width + 1).saturating_sub(period.0))
            .step_by(period.0);
        let rows = (first(offset.1, period.1, self.y)..(self.height + 1).saturating_sub(period.1))
            .step_by(period.1);
        rows.flat_map(move |y| columns.clone().map(move |x| (x, y)))
    }

    /// Coefficients of each channel of the block at a position, of samples that are means over `scale`
    /// columns and rows; none where samples at the ends of the range show that it was clipped.
    pub(super) fn block(&self, x: usize, y: usize, scale: (usize, usize)) -> Option<Coefficients> {
        let samples = self.samples(x, y, scale)?;
        let mut coefficients = [[0.0; BANDS]; 3];
        for (samples, coefficients) in samples
            .iter()
            .zip(&mut coefficients)
            .take(self.channels.len())
        {
            coefficients.copy_from_slice(dct::precise::forward(samples).as_flattened());
        }
        Some(coefficients)
    }

    /// Coefficients of green and of the luminance of the block at a position; of the one channel of grey twice.
    pub(super) fn principal_blocks(&self, x: usize, y: usize) -> Option<[[f32; BANDS]; 2]> {
        let samples = self.samples(x, y, (1, 1))?;
        let transformed = |samples: &[[f32; 8]; 8]| {
            let mut coefficients = [0.0; BANDS];
            coefficients.copy_from_slice(dct::precise::forward(samples).as_flattened());
            coefficients
        };
        if self.is_grey() {
            return Some([transformed(&samples[0]); 2]);
        }
        let mut luminance = [[0.0; 8]; 8];
        for (y, row) in luminance.iter_mut().enumerate() {
            for (x, value) in row.iter_mut().enumerate() {
                *value =
                    ycbcr_from_rgb_precise([samples[0][y][x], samples[1][y][x], samples[2][y][x]])
                        [0];
            }
        }
        Some([transformed(&samples[1]), transformed(&luminance)])
    }

    /// Level-shifted samples of each channel.
    fn samples(&self, x: usize, y: usize, scale: (usize, usize)) -> Option<[[[f32; 8]; 8]; 3]> {
        let mut blocks = [[[0.0_f32; 8]; 8]; 3];
        #[expect(clippy::cast_precision_loss, reason = "1, 2 or 4")]
        let weight = 1.0 / (scale.0 * scale.1) as f32;
        for (samples, block) in self.channels.iter().zip(&mut blocks) {
            for row in 0..8 * scale.1 {
                let samples = &samples[(y + row) * self.width + x..][..8 * scale.0];
                if samples.iter().any(|&sample| sample == 0 || sample == 255) {
                    return None;
                }
                for (value, samples) in block[row / scale.1]
                    .iter_mut()
                    .zip(samples.chunks_exact(scale.0))
                {
                    for &sample in samples {
                        *value += (f32::from(sample) - 128.0) * weight;
                    }
                }
            }
        }
        Some(blocks)
    }

    pub(super) fn is_grey(&self) -> bool {
        self.channels.len() == 1
    }

    fn activity(&self) -> u64 {
        let mut sum = 0;
        for y in (0..self.height.saturating_sub(7)).step_by(8) {
            for x in (0..self.width.saturating_sub(7)).step_by(8) {
                sum += self.activity_of_cell(x, y);
            }
        }
        sum
    }

    /// Sum of the differences between neighbours, zero where samples are at the ends of the range.
    fn activity_of_cell(&self, x: usize, y: usize) -> u64 {
        let mut sum = 0;
        for samples in &self.channels {
            for row in y..y + 8 {
                let row = &samples[row * self.width + x..][..8];
                if row.contains(&0) || row.contains(&255) {
                    return 0;
                }
                sum += row
                    .windows(2)
                    .map(|pair| u64::from(pair[0].abs_diff(pair[1])))
                    .sum::<u64>();
            }
            for row in y..y + 7 {
                let upper = &samples[row * self.width + x..][..8];
                let lower = &samples[(row + 1) * self.width + x..][..8];
                sum += upper
                    .iter()
                    .zip(lower)
                    .map(|(&upper, &lower)| u64::from(upper.abs_diff(lower)))
                    .sum::<u64>();
            }
        }
        sum
    }
}

/// Coefficients of Y, Cb and Cr from those of R, G and B: both transforms are linear, and the level shift of
/// the channels is that of Y.
pub(super) fn ycbcr(rgb: &Coefficients) -> Coefficients {
    let mut out = [[0.0; BANDS]; 3];
    for band in 0..BANDS {
        let mixed = ycbcr_from_rgb_precise([rgb[0][band], rgb[1][band], rgb[2][band]]);
        for (component, value) in out.iter_mut().zip(mixed) {
            component[band] = value;
        }
    }
    out
}
