//! The values that an entropy coding carries, and coefficients beyond them.

use crate::band::{Band, Block, NATURAL_FROM_ZIGZAG};
use crate::coefficients::{CoefficientImage, SamplePrecision, Scan};
use crate::error::{Error, Result};

use super::RestartInterval;
use super::walk::{BlockCoder, Walk};

/// The largest magnitudes that an entropy coding carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) ac: i32,
    /// Of the difference between DC coefficients.
    pub(super) dc: i32,
}

impl Bounds {
    /// T.81 F.1.4 has categories up to 2^15, of which 16 bits hold all but the last.
    pub(super) const ARITHMETIC: Self = Self {
        ac: 32767,
        dc: 32767,
    };

    /// T.81 tables F.1 and F.2 for 8 bits, F.6 and F.7 for 12.
    pub(super) const fn huffman(precision: SamplePrecision) -> Self {
        match precision {
            SamplePrecision::Eight => Self { ac: 1023, dc: 2047 },
            SamplePrecision::Twelve => Self {
                ac: 16383,
                dc: 32767,
            },
        }
    }

    /// The largest AC magnitude whose bits from `low` on are within the bounds. The most negative
    /// 16-bit value is never within: readers add refinements to a magnitude.
    pub(super) fn ac_without(self, low: u8) -> i32 {
        let shifted = (self.ac + 1) << low;
        (shifted - 1).min(i16::MAX.into())
    }
}

/// A coefficient that does not fit, before its block is known.
#[derive(Debug)]
pub(super) struct OutOfRangeAt {
    zigzag: u32,
    value: i32,
    bound: i32,
}

impl OutOfRangeAt {
    pub(super) const fn new(zigzag: u32, value: i32, bound: i32) -> Self {
        Self {
            zigzag,
            value,
            bound,
        }
    }

    pub(super) fn at(&self, component: usize, block_x: u32, block_y: u32) -> Error {
        Error::CoefficientOutOfRange {
            component,
            block_x,
            block_y,
            band: Band::from_zigzag(self.zigzag as usize).unwrap_or(Band::DC),
            value: self.value,
            bound: self.bound,
        }
    }
}

/// A copy of an image whose coefficients are all within bounds, and the number of those changed.
///
/// Scans that come back to a coefficient must all see the same value, so that it is not changed on its way
/// into the file.
pub(super) fn fitted(
    image: &CoefficientImage,
    scans: &[Scan],
    bounds: Bounds,
    restart_interval: RestartInterval,
) -> Result<(CoefficientImage, u64)> {
    let mut copy = image.clone();
    let mut changed = 0;
    for scan in scans.iter().filter(|scan| scan.high() == 0) {
        let mut dc = DcFitter {
            low: scan.low(),
            bound: bounds.dc,
            predictions: [0; 4],
            changes: Vec::new(),
        };
        if *scan.zigzag_range().start() == 0 {
            Walk::new(image, scan, restart_interval).visit(&mut dc)?;
        }
        changed += dc.changes.len() as u64;
        let bound = bounds.ac_without(scan.low());
        for (slot, index) in scan.components().enumerate() {
            let Some(component) = copy.component_mut(index) else {
                continue;
            };
            for change in dc.changes.iter().filter(|change| change.slot == slot) {
                if let Some(block) = component.block_mut(change.at.0, change.at.1) {
                    block[0] = change.value;
                }
            }
            for block in component.blocks_mut() {
                for zigzag in scan.zigzag_range().skip_while(|&zigzag| zigzag == 0) {
                    let value = &mut block[usize::from(NATURAL_FROM_ZIGZAG[usize::from(zigzag)])];
                    if i32::from(*value).abs() > bound {
                        // The bound is at most 32767.
                        #[expect(clippy::cast_possible_truncation, reason = "shown above")]
                        {
                            *value = i32::from(*value).clamp(-bound, bound) as i16;
                        }
                        changed += 1;
                    }
                }
            }
        }
    }
    Ok((copy, changed))
}

/// Finds the DC coefficients of a scan that do not fit, as a reader predicts them.
#[derive(Debug)]
struct DcFitter {
    low: u8,
    bound: i32,
    predictions: [i32; 4],
    changes: Vec<DcChange>,
}

#[derive(Debug)]
struct DcChange {
    slot: usize,
    at: (u32, u32),
    value: i16,
}

impl BlockCoder for DcFitter {
    fn block(&mut self, slot: usize, block: &Block, at: (u32, u32)) -> Result<(), OutOfRangeAt> {
        let difference = (i32::from(block[0]) >> self.low) - self.predictions[slot];
        let nearest = difference.clamp(-self.bound, self.bound);
        self.predictions[slot] += nearest;
        if nearest != difference {
            // The lowest bits bring it nearest to the value it stands for, which lies beyond it.
            let lowest = if nearest > 0 { (1 << self.low) - 1 } else { 0 };
            let value = self.predictions[slot] << self.low | lowest;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it lies between zero or the block before and this one"
            )]
            self.changes.push(DcChange {
                slot,
                at,
                value: value as i16,
            });
        }
        Ok(())
    }

    fn padding(&mut self, _: usize) {}

    fn restart(&mut self, _: u8) {
        self.predictions = [0; 4];
    }
}
