//! The order of blocks in a scan: MCUs, padding and restart intervals (T.81 A.2, E.1.4).

use crate::band::Block;
use crate::coefficients::{CoefficientImage, Component, Scan};
use crate::error::Result;

use super::RestartInterval;
use super::range::OutOfRangeAt;

/// The blocks of a scan, in the order in which they are coded.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    image: &'a CoefficientImage,
    /// With each component's index in the frame.
    components: Vec<(usize, &'a Component)>,
    /// MCUs between restart markers; 0 for none.
    interval: u16,
}

/// What codes the blocks of a scan. Components are counted within the scan, by `slot`, which is below 4.
pub(super) trait BlockCoder {
    /// `at` is the block's column and row in its component.
    fn block(&mut self, slot: usize, block: &Block, at: (u32, u32)) -> Result<(), OutOfRangeAt>;

    /// A block that only completes an MCU: it repeats the mean of the component's block before it, and
    /// has no AC (T.81 A.2.4).
    fn padding(&mut self, slot: usize);

    /// Ends a restart interval.
    fn restart(&mut self, number: u8);

    /// Ends the scan.
    fn finish(&mut self) {}
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        image: &'a CoefficientImage,
        scan: &Scan,
        restart_interval: RestartInterval,
    ) -> Self {
        let components = scan
            .components()
            .map(|index| (index, &image.components()[index]))
            .collect();
        let mut walk = Self {
            image,
            components,
            interval: 0,
        };
        walk.interval = match restart_interval {
            RestartInterval::Never => 0,
            RestartInterval::Keep => image.restart_interval(),
            RestartInterval::Mcus(mcus) => mcus.get(),
            RestartInterval::McuRows(rows) => {
                // A row is at most 8192 MCUs.
                let (mcu_row, _) = walk.mcus();
                let rows = u32::from(rows.get()).min(u32::from(u16::MAX) / mcu_row);
                u16::try_from(rows * mcu_row).unwrap_or(u16::MAX)
            }
        };
        walk
    }

    pub(super) const fn interval(&self) -> u16 {
        self.interval
    }

    /// Columns and rows of MCUs.
    fn mcus(&self) -> (u32, u32) {
        match self.components.as_slice() {
            [(_, only)] => (only.blocks_wide(), only.blocks_high()),
            _ => self.image.geometry().mcus(),
        }
    }

    /// Leads a coder over all blocks.
    pub(super) fn visit(&self, coder: &mut impl BlockCoder) -> Result<()> {
        let (mcus_wide, mcus_high) = self.mcus();
        let interleaved = self.components.len() > 1;
        let mut until_restart = self.interval;
        let mut restarts = 0_u8;
        for row in 0..mcus_high {
            for column in 0..mcus_wide {
                if self.interval > 0 && until_restart == 0 {
                    coder.restart(restarts);
                    restarts = (restarts + 1) % 8;
                    until_restart = self.interval;
                }
                until_restart = until_restart.wrapping_sub(1);
                for (slot, &(index, component)) in self.components.iter().enumerate() {
                    let (horizontal, vertical) = component.sampling().blocks_in_mcu(interleaved);
                    for y in row * vertical..(row + 1) * vertical {
                        for x in column * horizontal..(column + 1) * horizontal {
                            if let Some(block) = component.block(x, y) {
                                coder
                                    .block(slot & 3, block, (x, y))
                                    .map_err(|found| found.at(index, x, y))?;
                            } else {
                                coder.padding(slot & 3);
                            }
                        }
                    }
                }
            }
        }
        coder.finish();
        Ok(())
    }
}
