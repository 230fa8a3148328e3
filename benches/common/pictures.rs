//! JPEG files of natural-looking pictures, the same ones every time.

#[path = "../../examples/support/dead_leaves.rs"]
mod dead_leaves;

use feature_distillation::{
    ChromaSubsampling, CoefficientImage, ForwardOptions, PixelFormat, PixelView, QuantizationTables,
};

use super::oracle::{self, Coding, Libjpeg, Mode};

/// A picture and a JPEG file of it.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) name: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Empty where only the file is at hand.
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
    let small = dead_leaves(SMALL, 1);
    let large = if selection == Selection::Smoke {
        Vec::new()
    } else {
        dead_leaves(LARGE, 2)
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

fn dead_leaves((width, height): (u32, u32), seed: u64) -> Vec<u8> {
    dead_leaves::picture(width, height, seed)
        .unwrap()
        .into_vec()
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
