//! The road from real-valued samples to levels in double precision, written down directly and apart from the crate's:
//! colour, averages, padding by the last pixel or sample, DCT by its definition.

use feature_distillation::{Band, Certificate, ChromaSubsampling, ColorSpace, PixelFormat};

const YCBCR: [[f64; 3]; 3] = [
    [0.299, 0.587, 0.114],
    [-0.168_735_892, -0.331_264_108, 0.5],
    [0.5, -0.418_687_589, -0.081_312_411],
];

/// One component of a certified picture.
pub(crate) struct LinearModel {
    width: usize,
    height: usize,
    channels: usize,
    mix: [f64; 3],
    across: usize,
    down: usize,
    steps: [f64; 64],
    first_block: usize,
}

impl LinearModel {
    pub(crate) fn of(certificate: &Certificate, component: usize) -> Self {
        let profile = certificate.profile();
        let (width, height) = certificate.size();
        let channels = certificate.format().channels();
        let mut unit = [0.0; 3];
        unit[component] = 1.0;
        let mix = match (certificate.format(), profile.color_space()) {
            (PixelFormat::Grey, _) | (_, ColorSpace::Rgb) => unit,
            _ => YCBCR[component],
        };
        let (across, down) = match (component, profile.subsampling()) {
            (0, _) | (_, ChromaSubsampling::None) => (1, 1),
            (_, ChromaSubsampling::Horizontal) => (2, 1),
            (_, ChromaSubsampling::Both) => (2, 2),
            (_, other) => panic!("{other:?}"),
        };
        let first_block = certificate.components()[..component]
            .iter()
            .map(|component| component.blocks_wide() as usize * component.blocks_high() as usize)
            .sum();
        Self {
            width: width as usize,
            height: height as usize,
            channels,
            mix,
            across,
            down,
            steps: profile
                .tables()
                .table(component)
                .to_natural()
                .map(f64::from),
            first_block,
        }
    }

    fn blocks(&self) -> (usize, usize) {
        let samples = |pixels: usize, factor: usize| pixels.div_ceil(factor);
        (
            samples(self.width, self.across).div_ceil(8),
            samples(self.height, self.down).div_ceil(8),
        )
    }

    /// Calls `visit` with the index of each sample of the picture that a sample (row, column) of the component's
    /// block takes part of, and that part.
    fn sources(
        &self,
        x: u32,
        y: u32,
        row: usize,
        column: usize,
        mut visit: impl FnMut(usize, f64),
    ) {
        // Rows repeat samples, columns repeat pixels.
        let last_row = self.height.div_ceil(self.down) - 1;
        let sample_row = (8 * y as usize + row).min(last_row);
        let sample_column = 8 * x as usize + column;
        let share = 1.0 / (self.across * self.down) as f64;
        for part_row in 0..self.down {
            let pixel_row = (sample_row * self.down + part_row).min(self.height - 1);
            for part_column in 0..self.across {
                let pixel_column = (sample_column * self.across + part_column).min(self.width - 1);
                for channel in 0..self.channels {
                    let index = (pixel_row * self.width + pixel_column) * self.channels + channel;
                    visit(index, share * self.mix[channel]);
                }
            }
        }
    }

    /// The weights that make a coefficient, over all samples of the picture.
    pub(crate) fn weights(&self, x: u32, y: u32, band: Band) -> Vec<f64> {
        let mut weights = vec![0.0; self.width * self.height * self.channels];
        for row in 0..8 {
            for column in 0..8 {
                let basis = band.basis(row, column);
                self.sources(x, y, row, column, |index, share| {
                    weights[index] += share * basis;
                });
            }
        }
        weights
    }

    /// Visits the weights of a block that is whole, each sample once where nothing is averaged or padded.
    pub(crate) fn for_each_weight(
        &self,
        x: u32,
        y: u32,
        band: Band,
        mut visit: impl FnMut(usize, f64),
    ) {
        for row in 0..8 {
            for column in 0..8 {
                let basis = band.basis(row, column);
                self.sources(x, y, row, column, |index, share| {
                    visit(index, share * basis);
                });
            }
        }
    }

    fn block_levels(&self, samples: &[f64], x: u32, y: u32) -> [i32; 64] {
        let mut block = [[0.0; 8]; 8];
        let shift: f64 = 128.0 * self.mix.iter().take(self.channels).sum::<f64>();
        for (row, line) in block.iter_mut().enumerate() {
            for (column, value) in line.iter_mut().enumerate() {
                self.sources(x, y, row, column, |index, share| {
                    *value += share * samples[index];
                });
                *value -= shift;
            }
        }
        std::array::from_fn(|index| {
            let band = Band::from_natural(index).unwrap();
            let mut coefficient = 0.0;
            for (row, line) in block.iter().enumerate() {
                for (column, value) in line.iter().enumerate() {
                    coefficient += band.basis(row, column) * value;
                }
            }
            (coefficient / self.steps[index]).round() as i32
        })
    }

    /// The levels of all blocks of all components.
    pub(crate) fn levels(certificate: &Certificate, samples: &[f64]) -> Vec<[i32; 64]> {
        let mut levels = Vec::new();
        for index in 0..certificate.components().len() {
            let model = Self::of(certificate, index);
            let (wide, high) = model.blocks();
            for y in 0..high {
                for x in 0..wide {
                    levels.push(model.block_levels(samples, x as u32, y as u32));
                }
            }
        }
        levels
    }

    /// One level of those.
    pub(crate) fn level(&self, levels: &[[i32; 64]], x: u32, y: u32, band: Band) -> i32 {
        let index = self.first_block + y as usize * self.blocks().0 + x as usize;
        levels[index][band.natural()]
    }
}
