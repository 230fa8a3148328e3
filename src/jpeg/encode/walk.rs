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

    /// Blocks that are not padding.
    pub(super) fn blocks(&self) -> usize {
        let components = self.components.iter();
        components
            .map(|(_, component)| component.blocks().len())
            .sum()
    }

    /// Columns and rows of MCUs.
    fn mcus(&self) -> (u32, u32) {
        match self.components.as_slice() {
            [(_, only)] => (only.blocks_wide(), only.blocks_high()),
            _ => self.image.geometry().mcus(),
        }
    }

    /// Leads a coder over all blocks.
    #[inline(always)]
    pub(super) fn visit(&self, coder: &mut impl BlockCoder) -> Result<()> {
        let (mcus_wide, mcus_high) = self.mcus();
        let mut until_restart = self.interval;
        let mut restarts = 0_u8;
        let mut lines = Vec::new();
        for row in 0..mcus_high {
            lines.clear();
            lines.extend(self.lines(row));
            for column in 0..mcus_wide {
                if self.interval > 0 && until_restart == 0 {
                    coder.restart(restarts);
                    restarts = (restarts + 1) % 8;
                    until_restart = self.interval;
                }
                until_restart = until_restart.wrapping_sub(1);
                for line in &lines {
                    let first = column * line.in_mcu;
                    for x in first..first + line.in_mcu {
                        if let Some(block) = line.blocks.get(x as usize) {
                            let coded = coder.block(line.slot & 3, block, (x, line.y));
                            coded.map_err(|found| found.at(line.component, x, line.y))?;
                        } else {
                            coder.padding(line.slot & 3);
                        }
                    }
                }
            }
        }
        coder.finish();
        Ok(())
    }

    /// The rows of blocks that a row of MCUs takes by turns.
    fn lines(&self, mcu_row: u32) -> impl Iterator<Item = Line<'a>> + '_ {
        let interleaved = self.components.len() > 1;
        let components = self.components.iter().enumerate();
        components.flat_map(move |(slot, &(index, component))| {
            let (in_mcu, high) = component.sampling().blocks_in_mcu(interleaved);
            (mcu_row * high..(mcu_row + 1) * high).map(move |y| Line {
                slot,
                component: index,
                y,
                in_mcu,
                blocks: component.block_row(y),
            })
        })
    }
}

/// A row of blocks.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    slot: usize,
    /// Index in the frame.
    component: usize,
    y: u32,
    /// Blocks that each MCU takes of it.
    in_mcu: u32,
    /// Those that are not padding.
    blocks: &'a [Block],
}
