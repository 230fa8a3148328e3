//! The pictures: photographs of the caller's or synthetic ones, and JPEG files that libjpeg makes of them.

use std::path::{Path, PathBuf};

use feature_distillation::{ChromaSubsampling, PixelFormat, PixelView, QuantizationTables};

use crate::dead_leaves;
use crate::oracle::{self, Coding, Libjpeg, Mode};

/// RGB pixels.
#[derive(Debug, Clone)]
pub struct Photo {
    pub name: String,
    pub width: u32,
    pub height: u32,
    pub rgb: Vec<u8>,
}

/// A photo, and a JPEG file of it.
#[derive(Debug)]
pub struct Picture {
    pub photo: &'static Photo,
    pub quality: u8,
    /// 4:2:0 or 4:4:4.
    pub subsampling: ChromaSubsampling,
    pub progressive: bool,
    pub jpeg: Vec<u8>,
}

/// Where pictures come from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// A folder of JPEG photos; without one dead leaves are drawn.
    pub folder: Option<PathBuf>,
    /// Number of photos.
    pub count: usize,
}

/// Which files are made of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// A small part of it at one quality, to see that everything runs.
    Smoke,
    /// Native size and a 224x224 crop at four qualities.
    All,
}

/// The pictures of a run, sequential and progressive; the same ones every time.
///
/// # Errors
///
/// Says which file or folder could not be read.
pub fn pictures(
    sources: &Sources,
    sizes: Sizes,
    libjpeg: &Libjpeg,
) -> Result<Vec<&'static Picture>, String> {
    let mut pictures = Vec::new();
    for photo in photos(sources, libjpeg)? {
        let (photos, qualities): (_, &[u8]) = match sizes {
            Sizes::Smoke => (vec![photo.cropped(61, 47)], &[75]),
            Sizes::All => (vec![photo.cropped(CROP, CROP), photo], &[50, 75, 90, 96]),
        };
        for photo in photos {
            // Kept to the end of the process.
            let photo = &*Box::leak(Box::new(photo));
            for &quality in qualities {
                for subsampling in [ChromaSubsampling::Both, ChromaSubsampling::None] {
                    for progressive in [false, true] {
                        let picture =
                            Picture::new(photo, quality, subsampling, progressive, libjpeg);
                        pictures.push(&*Box::leak(Box::new(picture)));
                    }
                }
            }
        }
    }
    Ok(pictures)
}

/// The photos as they are.
///
/// # Errors
///
/// Says which folder could not be read, or has none.
pub fn photos(sources: &Sources, libjpeg: &Libjpeg) -> Result<Vec<Photo>, String> {
    match &sources.folder {
        Some(folder) => from_folder(folder, sources.count, libjpeg),
        None => Ok((0..sources.count as u64).map(synthetic).collect()),
    }
}

/// A photo of `width` x `height` pixels, of copies of this one side by side.
pub fn enlarged(photo: &Photo, width: u32, height: u32) -> Photo {
    let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
    for y in 0..height {
        let row = photo.row(y % photo.height);
        rgb.extend(row.iter().cycle().take(width as usize * 3));
    }
    Photo {
        name: format!("{} enlarged to {width}x{height}", photo.name),
        width,
        height,
        rgb,
    }
}

/// Side of the crops.
const CROP: u32 = 224;

/// Dead leaves, about as large as photos on the web are.
fn synthetic(seed: u64) -> Photo {
    let (width, height) = if seed.is_multiple_of(2) {
        (500, 375)
    } else {
        (1024, 768)
    };
    Photo {
        name: format!("dead leaves {seed}"),
        width,
        height,
        rgb: dead_leaves::picture(width, height, seed)
            .unwrap()
            .into_vec(),
    }
}

/// `count` photos spread evenly over the names in a folder; passes over grey ones, those that are no
/// larger than the crop, and those that libjpeg complains about.
fn from_folder(folder: &Path, count: usize, libjpeg: &Libjpeg) -> Result<Vec<Photo>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut paths = std::fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.retain(|path| {
        path.extension().is_some_and(|ending| {
            ending.eq_ignore_ascii_case("jpg") || ending.eq_ignore_ascii_case("jpeg")
        })
    });
    paths.sort();
    let stretch = paths.len().div_ceil(count.max(1)).max(1);
    let photos: Vec<Photo> = paths
        .chunks(stretch)
        .filter_map(|paths| paths.iter().find_map(|path| photo(path, libjpeg)))
        .collect();
    if photos.is_empty() {
        return Err(format!("{}: no colour photo of JPEG", folder.display()));
    }
    Ok(photos)
}

fn photo(path: &Path, libjpeg: &Libjpeg) -> Option<Photo> {
    let pixels = libjpeg.decode(&std::fs::read(path).ok()?, true).ok()?;
    let large_enough = pixels.width.min(pixels.height) >= CROP;
    let grey = pixels
        .data
        .chunks_exact(3)
        .all(|pixel| pixel == [pixel[0]; 3]);
    (pixels.channels == 3 && pixels.warnings == 0 && large_enough && !grey).then(|| Photo {
        name: path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        width: pixels.width,
        height: pixels.height,
        rgb: pixels.data,
    })
}

impl Photo {
    fn row(&self, y: u32) -> &[u8] {
        let stride = self.width as usize * 3;
        &self.rgb[y as usize * stride..][..stride]
    }

    /// Its centre.
    fn cropped(&self, width: u32, height: u32) -> Self {
        let (left, top) = ((self.width - width) / 2, (self.height - height) / 2);
        Self {
            name: format!("{} cropped to {width}x{height}", self.name),
            width,
            height,
            rgb: (top..top + height)
                .flat_map(|y| &self.row(y)[left as usize * 3..][..width as usize * 3])
                .copied()
                .collect(),
        }
    }

    pub fn view(&self) -> PixelView<'_> {
        PixelView::new(&self.rgb, self.width, self.height, PixelFormat::Rgb).unwrap()
    }

    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// As a file of libjpeg's of some quality.
    pub fn file(
        &self,
        quality: u8,
        subsampling: ChromaSubsampling,
        progressive: bool,
        libjpeg: &Libjpeg,
    ) -> Vec<u8> {
        let coding = Coding {
            progressive,
            ..Coding::default()
        };
        let tables = QuantizationTables::annex_k(quality).unwrap();
        self.encoded(&tables, subsampling, coding, libjpeg)
    }

    /// As a file of libjpeg's with these tables.
    pub fn encoded(
        &self,
        tables: &QuantizationTables,
        subsampling: ChromaSubsampling,
        coding: Coding,
        libjpeg: &Libjpeg,
    ) -> Vec<u8> {
        let tables = [0, 1].map(|component| tables.table(component).to_natural());
        libjpeg
            .encode(&oracle::Picture {
                samples: &self.rgb,
                width: self.width,
                height: self.height,
                channels: 3,
                mode: Mode::RgbAsYcbcr,
                sampling: match subsampling {
                    ChromaSubsampling::None => &[[1, 1]; 3],
                    _ => &[[2, 2], [1, 1], [1, 1]],
                },
                tables: &tables,
                coding,
            })
            .unwrap()
    }
}

impl Picture {
    /// Has libjpeg make the file.
    pub fn new(
        photo: &'static Photo,
        quality: u8,
        subsampling: ChromaSubsampling,
        progressive: bool,
        libjpeg: &Libjpeg,
    ) -> Self {
        Self {
            jpeg: photo.file(quality, subsampling, progressive, libjpeg),
            photo,
            quality,
            subsampling,
            progressive,
        }
    }

    /// The tables of the file.
    pub fn tables(&self) -> QuantizationTables {
        QuantizationTables::annex_k(self.quality).unwrap()
    }

    pub fn name(&self) -> String {
        let sampling = match self.subsampling {
            ChromaSubsampling::None => "4:4:4",
            _ => "4:2:0",
        };
        let process = if self.progressive {
            ", progressive"
        } else {
            ""
        };
        let Photo { name, .. } = self.photo;
        format!("{name}, {sampling}, quality {}{process}", self.quality)
    }

    /// Of the file.
    pub fn bits_per_pixel(&self) -> f64 {
        8.0 * self.jpeg.len() as f64 / self.photo.pixels() as f64
    }
}
