//! Seeded pictures with the statistics of photographs, and JPEG files of them.
//!
//! Dead leaves: discs that occlude each other, with radii distributed as 1/r^3. That gives edges at
//! every scale and a power spectrum near 1/f^2, so that quantized blocks look like a photograph's.

use feature_distillation::{
    ChromaSubsampling, CoefficientImage, ForwardOptions, PixelFormat, PixelView, QuantizationTables,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::oracle::{self, Coding, Libjpeg, Mode};

/// A picture and a JPEG file of it.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) name: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rgb: Vec<u8>,
    /// 4:2:0 rather than 4:4:4.
    pub(crate) subsampled: bool,
    pub(crate) quality: u8,
    pub(crate) progressive: bool,
    pub(crate) jpeg: Vec<u8>,
}

impl Picture {
    pub(crate) fn view(&self) -> PixelView<'_> {
        PixelView::new(&self.rgb, self.width, self.height, PixelFormat::Rgb).unwrap()
    }

    pub(crate) const fn subsampling(&self) -> ChromaSubsampling {
        if self.subsampled {
            ChromaSubsampling::Both
        } else {
            ChromaSubsampling::None
        }
    }

    /// The tables of the file.
    pub(crate) fn tables(&self) -> QuantizationTables {
        QuantizationTables::annex_k(self.quality).unwrap()
    }

    /// As libjpeg is to encode it with these tables.
    pub(crate) fn for_libjpeg<'a>(
        &'a self,
        tables: &'a [[u16; 64]],
        coding: Coding,
    ) -> oracle::Picture<'a> {
        oracle::Picture {
            samples: &self.rgb,
            width: self.width,
            height: self.height,
            channels: 3,
            mode: Mode::RgbAsYcbcr,
            sampling: if self.subsampled {
                &[[2, 2], [1, 1], [1, 1]]
            } else {
                &[[1, 1]; 3]
            },
            tables,
            coding,
        }
    }
}

/// How many pictures a run uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    /// Small ones, to see that everything runs.
    Smoke,
    /// One of each kind.
    Few,
    /// All.
    All,
}

/// The pictures of a run; the same ones every time.
pub(crate) fn pictures(selection: Selection, libjpeg: Option<&Libjpeg>) -> Vec<&'static Picture> {
    const SMALL: (u32, u32) = (224, 224);
    const LARGE: (u32, u32) = (1024, 768);
    let all = [
        (SMALL, true, 75, false, Selection::Smoke),
        (SMALL, true, 90, false, Selection::All),
        (SMALL, false, 75, false, Selection::All),
        (SMALL, false, 90, false, Selection::Few),
        (SMALL, true, 75, true, Selection::Smoke),
        (LARGE, true, 75, false, Selection::Few),
        (LARGE, true, 90, false, Selection::All),
        (LARGE, false, 75, false, Selection::All),
        (LARGE, false, 90, false, Selection::Few),
        (LARGE, true, 75, true, Selection::Few),
    ];
    let small = dead_leaves(1, SMALL.0, SMALL.1);
    let large = if selection == Selection::Smoke {
        Vec::new()
    } else {
        dead_leaves(2, LARGE.0, LARGE.1)
    };
    all.into_iter()
        .filter(|&(.., rank)| match selection {
            Selection::Smoke => rank == Selection::Smoke,
            Selection::Few => rank != Selection::All,
            Selection::All => true,
        })
        .filter_map(|(size, subsampled, quality, progressive, _)| {
            let sampling = if subsampled { "420" } else { "444" };
            let process = if progressive { "-progressive" } else { "" };
            let mut picture = Picture {
                name: format!("{}x{}-{sampling}-q{quality}{process}", size.0, size.1),
                width: size.0,
                height: size.1,
                rgb: if size == SMALL { &small } else { &large }.clone(),
                subsampled,
                quality,
                progressive,
                jpeg: Vec::new(),
            };
            picture.jpeg = encode(&picture, libjpeg)?;
            // Kept to the end of the process.
            Some(&*Box::leak(Box::new(picture)))
        })
        .collect()
}

/// libjpeg's file, or our own; `None` where nobody here writes such a file.
fn encode(picture: &Picture, libjpeg: Option<&Libjpeg>) -> Option<Vec<u8>> {
    let tables = picture.tables();
    if let Some(libjpeg) = libjpeg {
        let natural = [0, 1].map(|component| tables.table(component).to_natural());
        let coding = Coding {
            progressive: picture.progressive,
            ..Coding::default()
        };
        return Some(
            libjpeg
                .encode(&picture.for_libjpeg(&natural, coding))
                .unwrap(),
        );
    }
    if picture.progressive {
        eprintln!("{}: left out, nothing here writes it", picture.name);
        return None;
    }
    let options = ForwardOptions::libjpeg_equal().with_subsampling(picture.subsampling());
    let image = CoefficientImage::from_pixels(picture.view(), &tables, &options).unwrap();
    Some(image.encode().unwrap())
}

/// An occluding disc: a colour that changes linearly across it, and the contrast of its texture.
struct Leaf {
    colour: [f32; 3],
    slope: [f32; 2],
    contrast: f32,
}

/// A picture of dead leaves, RGB.
fn dead_leaves(seed: u64, width: u32, height: u32) -> Vec<u8> {
    const SMALLEST: f32 = 2.0;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (wide, high) = (width as usize, height as usize);
    let largest = width.max(height) as f32 / 3.0;
    let background = Leaf::new(&mut random, largest);
    let mut canvas = vec![None::<[f32; 3]>; wide * high];
    let mut free = canvas.len();
    // From the front to the back: a leaf shows where nothing lies over it. The last few pixels are
    // not worth the leaves that it takes to hit them.
    while free > canvas.len() / 1000 {
        let radius = power_law_radius(random.random(), SMALLEST, largest);
        let leaf = Leaf::new(&mut random, radius);
        let centre = [
            random.random_range(-radius..width as f32 + radius),
            random.random_range(-radius..height as f32 + radius),
        ];
        let first = |at: f32| (at - radius).ceil().max(0.0) as usize;
        let last = |at: f32, side: usize| ((at + radius).max(-1.0) + 1.0).min(side as f32) as usize;
        for y in first(centre[1])..last(centre[1], high) {
            let dy = y as f32 - centre[1];
            for x in first(centre[0])..last(centre[0], wide) {
                let dx = x as f32 - centre[0];
                let pixel = &mut canvas[y * wide + x];
                if pixel.is_none() && dx * dx + dy * dy <= radius * radius {
                    *pixel = Some(leaf.at(dx, dy, &mut random));
                    free -= 1;
                }
            }
        }
    }
    let sharp: Vec<[f32; 3]> = canvas
        .into_iter()
        .map(|pixel| pixel.unwrap_or(background.colour))
        .collect();
    through_a_lens(&sharp, wide, &mut random)
}

impl Leaf {
    fn new(random: &mut ChaCha8Rng, radius: f32) -> Self {
        let luminance: f32 = random.random_range(25.0..230.0);
        // Colours of a scene are mostly dull.
        let tint = random.random::<f32>().powi(2) * 45.0;
        let colour = [0, 1, 2].map(|_| luminance + random.random_range(-1.0..1.0) * tint);
        let slope = [0, 1].map(|_| random.random_range(-25.0..25.0) / radius);
        Self {
            colour,
            slope,
            contrast: random.random::<f32>().powi(3) * 16.0,
        }
    }

    fn at(&self, dx: f32, dy: f32, random: &mut ChaCha8Rng) -> [f32; 3] {
        let shade = dx * self.slope[0] + dy * self.slope[1];
        let texture = random.random_range(-1.0..1.0) * self.contrast;
        self.colour.map(|channel| channel + shade + texture)
    }
}

/// A radius of density 1/r^3 between the two ends, from a number in 0..1.
fn power_law_radius(uniform: f32, smallest: f32, largest: f32) -> f32 {
    let (a, b) = (smallest.powi(-2), largest.powi(-2));
    (a - uniform * (a - b)).powf(-0.5)
}

/// Blurs by the binomial filter of 3x3 and adds the noise of a sensor.
fn through_a_lens(sharp: &[[f32; 3]], wide: usize, random: &mut ChaCha8Rng) -> Vec<u8> {
    let high = sharp.len() / wide;
    let mut out = Vec::with_capacity(3 * sharp.len());
    for y in 0..high {
        let rows = [y.saturating_sub(1), y, (y + 1).min(high - 1)];
        for x in 0..wide {
            let columns = [x.saturating_sub(1), x, (x + 1).min(wide - 1)];
            let mut sums = [0.0; 3];
            for (row, down) in rows.into_iter().zip([1.0, 2.0, 1.0]) {
                for (column, across) in columns.into_iter().zip([1.0, 2.0, 1.0]) {
                    for (sum, value) in sums.iter_mut().zip(sharp[row * wide + column]) {
                        *sum += down * across * value;
                    }
                }
            }
            out.extend(sums.map(|sum: f32| {
                let noise = random.random_range(-1.2..1.2);
                (sum / 16.0 + noise).round().clamp(0.0, 255.0) as u8
            }));
        }
    }
    out
}
