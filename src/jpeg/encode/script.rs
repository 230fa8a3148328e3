//! The sequence of scans of a file: the usual ones, and what T.81 asks of any.

use crate::band::{Band, NATURAL_FROM_ZIGZAG};
use crate::coefficients::{CoefficientImage, ColorSpace, Component, Scan};
use crate::error::ScriptFault;

/// Blocks that an interleaved MCU may have (T.81 B.2.3).
const MAX_BLOCKS_PER_MCU: u32 = 10;
/// Components that a scan may have.
const MAX_COMPONENTS_PER_SCAN: usize = 4;

/// The scans of a file, in order.
///
/// [`CoefficientImage::encode_with`] checks it against the image: the components exist, an interleaved
/// MCU has at most ten blocks, nothing is coded twice, DC stands before AC, refinements follow bit by
/// bit, and every component is coded. Bits may be left out that are zero in every block; a script that
/// would drop others is an error.
///
/// ```
/// use feature_distillation::{
///     CodingProcess, CoefficientImage, ColorSpace, EncodeOptions, QuantizationTable, SamplingFactor,
///     Scan, ScanScript,
/// };
/// let table = QuantizationTable::uniform(16)?;
/// let image = CoefficientImage::new(24, 16, ColorSpace::Grey, &[SamplingFactor::ONE], &table.into())?;
/// // DC first, then all AC bands: a preview, and the picture.
/// let script = ScanScript::new(vec![
///     Scan::progressive(&[0], 0..=0, 0, 0)?,
///     Scan::progressive(&[0], 1..=63, 0, 0)?,
/// ]);
/// let encoded = image.encode_with(&EncodeOptions::new().with_scans(script))?;
/// let read = CoefficientImage::decode(&encoded.bytes)?;
/// assert_eq!((read.process(), read.scans().len()), (CodingProcess::Progressive, 2));
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScanScript {
    scans: Vec<Scan>,
}

impl ScanScript {
    /// A script of any scans.
    #[must_use]
    pub const fn new(scans: Vec<Scan>) -> Self {
        Self { scans }
    }

    /// One sequential scan of all components; one scan for each where an MCU would have more than ten
    /// blocks or a scan more than four components (T.81 B.2.3).
    #[must_use]
    pub fn interleaved(image: &CoefficientImage) -> Self {
        let mut script = Self { scans: Vec::new() };
        script.add_interleaved(image, 0, 63, 0, 0);
        script
    }

    /// One sequential scan for each component.
    #[must_use]
    pub fn by_component(image: &CoefficientImage) -> Self {
        let mut script = Self { scans: Vec::new() };
        for index in 0..image.components().len() {
            script.add(index, 0, 63, 0, 0);
        }
        script
    }

    /// libjpeg's progressive scans, those of `jpegtran -progressive`: ten for [`ColorSpace::YCbCr`],
    /// and for other images two of DC, which are interleaved, and four of AC for each component.
    ///
    /// A DC scan whose MCU would have more than ten blocks is one scan for each component.
    #[must_use]
    pub fn progression(image: &CoefficientImage) -> Self {
        let mut script = Self { scans: Vec::new() };
        if image.color_space() == ColorSpace::YCbCr {
            script.add_interleaved(image, 0, 0, 0, 1);
            script.add(0, 1, 5, 0, 2);
            script.add(2, 1, 63, 0, 1);
            script.add(1, 1, 63, 0, 1);
            script.add(0, 6, 63, 0, 2);
            script.add(0, 1, 63, 2, 1);
            script.add_interleaved(image, 0, 0, 1, 0);
            script.add(2, 1, 63, 1, 0);
            script.add(1, 1, 63, 1, 0);
            script.add(0, 1, 63, 1, 0);
        } else {
            let each = 0..image.components().len();
            script.add_interleaved(image, 0, 0, 0, 1);
            each.clone().for_each(|index| script.add(index, 1, 5, 0, 2));
            each.clone()
                .for_each(|index| script.add(index, 6, 63, 0, 2));
            each.clone()
                .for_each(|index| script.add(index, 1, 63, 2, 1));
            script.add_interleaved(image, 0, 0, 1, 0);
            each.for_each(|index| script.add(index, 1, 63, 1, 0));
        }
        script
    }

    /// The scans, in order.
    #[must_use]
    pub fn scans(&self) -> &[Scan] {
        &self.scans
    }

    /// Whether a scan codes less than whole blocks, as only progressive files do.
    #[must_use]
    pub fn is_progressive(&self) -> bool {
        !self.scans.iter().all(Scan::is_sequential)
    }

    /// Checks that these are the scans of a file of this image (T.81 B.2.3, G.1.1.1).
    pub(super) fn check(
        &self,
        image: &CoefficientImage,
        progressive: bool,
    ) -> Result<(), ScriptFault> {
        let mut progress = vec![Progress::NONE; image.components().len()];
        for (index, scan) in self.scans.iter().enumerate() {
            if scan.is_sequential() == progressive {
                return Err(ScriptFault::OtherProcess {
                    scan: index,
                    process: if progressive {
                        "progressive"
                    } else {
                        "sequential"
                    },
                });
            }
            check_mcu(index, scan, image)?;
            for component in scan.components() {
                progress[component].advance(index, scan, component)?;
            }
        }
        for (index, (progress, component)) in progress.iter().zip(image.components()).enumerate() {
            progress.check_nothing_is_lost(index, component)?;
        }
        Ok(())
    }

    fn add(&mut self, component: usize, start: u8, end: u8, high: u8, low: u8) {
        // An image has at most 255 components.
        let component = u8::try_from(component).unwrap_or(u8::MAX);
        self.scans
            .push(Scan::from_parts([component], start..=end, high, low));
    }

    fn add_interleaved(&mut self, image: &CoefficientImage, start: u8, end: u8, high: u8, low: u8) {
        let components = image.components();
        if components.len() > MAX_COMPONENTS_PER_SCAN
            || blocks_per_mcu(components) > MAX_BLOCKS_PER_MCU
        {
            for index in 0..components.len() {
                self.add(index, start, end, high, low);
            }
        } else {
            let all = (0..=u8::MAX).take(components.len());
            self.scans
                .push(Scan::from_parts(all, start..=end, high, low));
        }
    }
}

/// How far the scans before have coded a component.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// Bits still left out of each zig-zag index; `None` before its first scan.
    left: [Option<u8>; 64],
}

impl Progress {
    const NONE: Self = Self { left: [None; 64] };

    fn advance(&mut self, scan: usize, by: &Scan, component: usize) -> Result<(), ScriptFault> {
        if by.is_sequential() && self.left[0].is_some() {
            return Err(ScriptFault::CodedTwice { scan, component });
        }
        if *by.zigzag_range().start() > 0 && self.left[0].is_none() {
            return Err(ScriptFault::AcBeforeDc { scan, component });
        }
        for zigzag in by.zigzag_range().map(usize::from) {
            let in_turn = match self.left[zigzag] {
                None => by.high() == 0,
                Some(left) => by.high() == left && left > 0,
            };
            if !in_turn {
                let band = Band::from_zigzag(zigzag).unwrap_or(Band::DC);
                return Err(ScriptFault::OutOfTurn {
                    scan,
                    component,
                    band,
                });
            }
            self.left[zigzag] = Some(by.low());
        }
        Ok(())
    }

    fn check_nothing_is_lost(
        &self,
        index: usize,
        component: &Component,
    ) -> Result<(), ScriptFault> {
        if self.left[0].is_none() {
            return Err(ScriptFault::NotCoded { component: index });
        }
        // The bits left out of each band, in natural order.
        let mut lost = [0_u16; 64];
        for (left, &natural) in self.left.iter().zip(&NATURAL_FROM_ZIGZAG) {
            lost[usize::from(natural)] = left.map_or(u16::MAX, |left| (1 << left) - 1);
        }
        if lost == [0; 64] {
            return Ok(());
        }
        // DC is cut as two's complement, AC as magnitude, but whether the lowest bits are zero is the
        // same of both.
        let found = component
            .blocks()
            .iter()
            .find_map(|block| (0..64).find(|&band| block[band].cast_unsigned() & lost[band] != 0));
        match found.and_then(Band::from_natural) {
            Some(band) => Err(ScriptFault::Incomplete {
                component: index,
                band,
            }),
            None => Ok(()),
        }
    }
}

fn check_mcu(index: usize, scan: &Scan, image: &CoefficientImage) -> Result<(), ScriptFault> {
    let components = image.components();
    if let Some(component) = scan.components().find(|&index| index >= components.len()) {
        return Err(ScriptFault::NoSuchComponent {
            scan: index,
            component,
        });
    }
    let blocks = blocks_per_mcu(scan.components().map(|index| &components[index]));
    if scan.components().len() > 1 && blocks > MAX_BLOCKS_PER_MCU {
        return Err(ScriptFault::McuTooLarge {
            scan: index,
            blocks,
        });
    }
    Ok(())
}

/// Blocks of an MCU of these components, where there are several.
fn blocks_per_mcu<'a>(components: impl IntoIterator<Item = &'a Component>) -> u32 {
    components
        .into_iter()
        .map(|component| u32::from(component.sampling().blocks_per_mcu()))
        .sum()
}
