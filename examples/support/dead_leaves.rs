//! Natural-looking pictures without a camera: dead leaves.
//!
//! Opaque shapes that hide one another, with sizes distributed as r^-3, have the scale invariance and
//! the spectrum of photographs (Lee, Mumford and Huang, IJCV 2001). Half of the leaves are discs, half
//! upright rectangles, since edges in photographs favour the vertical and the horizontal. Each leaf
//! is shaded and has a faint texture, so that smooth areas, edges and fine detail all occur.

use feature_distillation::{PixelBuffer, PixelFormat, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A picture of `width` x `height` RGB pixels; the same seed gives the same picture everywhere.
pub(crate) fn picture(width: u32, height: u32, seed: u64) -> Result<PixelBuffer> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (columns, rows) = (width as usize, height as usize);
    let mut canvas = vec![[f32::NAN; 3]; columns * rows];
    let mut bare = canvas.len();
    // Front to back: a pixel belongs to the first leaf that covers it.
    let largest = width.min(height) as f32 * 0.4;
    let smallest = 2.0;
    for _ in 0..4000 {
        if bare == 0 {
            break;
        }
        let leaf = Leaf::random(
            &mut random,
            [width as f32, height as f32],
            smallest,
            largest,
        );
        bare -= leaf.paint(&mut canvas, columns, &mut random);
    }
    let background = [
        random.random_range(60.0..180.0),
        random.random_range(60.0..180.0),
        120.0,
    ];
    for pixel in &mut canvas {
        if pixel[0].is_nan() {
            *pixel = background;
        }
    }
    let samples = blurred(&canvas, columns, rows).into_flattened();
    PixelBuffer::new(samples, width, height, PixelFormat::Rgb)
}

struct Leaf {
    centre: [f32; 2],
    /// Half of the width and the height.
    reach: [f32; 2],
    round: bool,
    colour: [f32; 3],
    /// Change of brightness across the leaf, per pixel.
    shade: [f32; 2],
    texture: f32,
}

impl Leaf {
    fn random(random: &mut ChaCha8Rng, size: [f32; 2], smallest: f32, largest: f32) -> Self {
        // Inverse of the distribution function of a density proportional to r^-3.
        let (near, far) = (smallest.powi(-2), largest.powi(-2));
        let radius = (near - random.random::<f32>() * (near - far)).powf(-0.5);
        let brightness = random.random_range(20.0..235.0_f32);
        let steepest = 60.0 / radius.max(8.0);
        let round = random.random();
        let stretch = if round {
            1.0
        } else {
            random.random_range(0.5..2.0_f32)
        };
        Self {
            centre: size.map(|side| random.random_range(-radius..side + radius)),
            reach: [radius * stretch, radius / stretch],
            round,
            // Colours of natural scenes are mostly muted.
            colour: [0; 3].map(|_| brightness + random.random_range(-40.0..40.0)),
            shade: [0; 2].map(|_| random.random_range(-steepest..steepest)),
            texture: random.random_range(0.0..10.0),
        }
    }

    /// Paints the pixels that are still bare; returns their number.
    fn paint(&self, canvas: &mut [[f32; 3]], columns: usize, random: &mut ChaCha8Rng) -> usize {
        let rows = canvas.len() / columns;
        let span = |axis: usize, end: usize| {
            let first = (self.centre[axis] - self.reach[axis] + 1.0).max(0.0) as usize;
            first..((self.centre[axis] + self.reach[axis] + 1.0).max(0.0) as usize).min(end)
        };
        let mut painted = 0;
        for y in span(1, rows) {
            for x in span(0, columns) {
                let pixel = &mut canvas[y * columns + x];
                let (dx, dy) = (x as f32 - self.centre[0], y as f32 - self.centre[1]);
                let covered = !self.round || dx * dx + dy * dy <= self.reach[0] * self.reach[0];
                if pixel[0].is_nan() && covered {
                    let grain = self.texture * (random.random::<f32>() - 0.5);
                    let light = self.shade[0] * dx + self.shade[1] * dy + grain;
                    *pixel = self.colour.map(|channel| channel + light);
                    painted += 1;
                }
            }
        }
        painted
    }
}

/// Softens edges as a lens does: weights 1, 4, 1 in both directions.
fn blurred(canvas: &[[f32; 3]], columns: usize, rows: usize) -> Vec<[u8; 3]> {
    let mut samples = Vec::with_capacity(canvas.len());
    for y in 0..rows {
        for x in 0..columns {
            let mut sum = [0.0_f32; 3];
            for (dy, row_weight) in [(0, 1.0), (1, 4.0), (2, 1.0)] {
                for (dx, weight) in [(0, row_weight), (1, 4.0 * row_weight), (2, row_weight)] {
                    let row = (y + dy).saturating_sub(1).min(rows - 1);
                    let column = (x + dx).saturating_sub(1).min(columns - 1);
                    for (sum, channel) in sum.iter_mut().zip(canvas[row * columns + column]) {
                        *sum += weight * channel.clamp(0.0, 255.0);
                    }
                }
            }
            samples.push(sum.map(|sum| (sum / 36.0).round() as u8));
        }
    }
    samples
}
