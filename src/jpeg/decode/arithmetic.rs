//! Arithmetic-coded scans, sequential and progressive (T.81 F.2.4, G.2.3).

use smallvec::SmallVec;

use crate::band::Block;
use crate::coefficients::CodingProcess;
use crate::error::{Malformed, Result};

use super::super::arithmetic::{BlockDecoder, CodedComponent};
use super::super::header::ScanHeader;
use super::Decoder;
use super::frame::Frame;
use super::scan::{Faults, Grid};
use super::walk::{BlockReader, WholeImage, walk};

/// What a scan brings of each block.
#[derive(Debug, Clone, Copy)]
enum Pass {
    Whole,
    DcFirst,
    DcRefinement,
    AcFirst,
    AcRefinement,
}

impl Decoder<'_> {
    pub(super) fn arithmetic_scan<F: Faults>(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
    ) -> Result<()> {
        let grid = Grid::new(frame, header);
        let pass = match (frame.header.process, header.start, header.high) {
            (CodingProcess::Progressive, 0, 0) => Pass::DcFirst,
            (CodingProcess::Progressive, 0, _) => Pass::DcRefinement,
            (CodingProcess::Progressive, _, 0) => Pass::AcFirst,
            (CodingProcess::Progressive, _, _) => Pass::AcRefinement,
            _ => Pass::Whole,
        };
        let coded: SmallVec<[CodedComponent; 4]> = (0..)
            .zip(&header.components)
            .map(|(slot, scanned)| CodedComponent {
                slot,
                dc_destination: scanned.dc_destination,
                ac_destination: scanned.ac_destination,
            })
            .collect();
        let conditioning = *self.tables.conditioning();
        self.intervals(&grid, usize::MAX, |data, mcus, faults: &mut F| {
            let mut blocks = ArithmeticBlocks {
                decoder: BlockDecoder::new(data.clean_bytes(), &conditioning),
                pass,
                header,
                components: &coded,
            };
            walk(
                &grid,
                &mut WholeImage(&mut frame.components),
                mcus,
                &mut blocks,
                faults,
            )
        })
    }
}

/// The blocks of an interval.
struct ArithmeticBlocks<'a> {
    decoder: BlockDecoder<'a>,
    pass: Pass,
    header: &'a ScanHeader,
    /// By component in the scan.
    components: &'a [CodedComponent],
}

impl<F: Faults> BlockReader<F> for ArithmeticBlocks<'_> {
    fn consumed_bytes(&self) -> usize {
        self.decoder.consumed_bytes()
    }

    fn read(&mut self, slot: usize, block: &mut Block, _: &mut F) -> Result<(), Malformed> {
        let component = self.components[slot];
        let (band, low) = (self.header.start..=self.header.end, self.header.low);
        let decoder = &mut self.decoder;
        match self.pass {
            Pass::Whole => decoder.sequential(component, block),
            Pass::DcFirst => decoder.dc_first(component, block, low),
            Pass::DcRefinement => {
                decoder.dc_refinement(block, low);
                Ok(())
            }
            Pass::AcFirst => decoder.ac_first(component, block, band, low),
            Pass::AcRefinement => decoder.ac_refinement(component, block, band, low),
        }
    }
}
