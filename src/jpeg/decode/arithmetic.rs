//! Arithmetic-coded scans, sequential and progressive (T.81 F.2.4, G.2.3).

use crate::band::Block;
use crate::coefficients::CodingProcess;
use crate::error::{Malformed, Result};

use super::super::arithmetic::{BlockDecoder, CodedComponent};
use super::super::header::ScanHeader;
use super::Decoder;
use super::frame::Frame;
use super::scan::{Faults, Grid, IntervalEnd};

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
    /// Decodes an arithmetic-coded scan into blocks that are there already.
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
        let coded: Vec<CodedComponent> = (0..)
            .zip(&header.components)
            .map(|(slot, scanned)| CodedComponent {
                slot,
                dc_destination: scanned.dc_destination,
                ac_destination: scanned.ac_destination,
            })
            .collect();
        let conditioning = *self.tables.conditioning();
        self.intervals(&grid, |data, mcus, faults: &mut F| {
            let mut decoder = BlockDecoder::new(data.clean_bytes(), &conditioning);
            let mut decode = || {
                for (mcu, row, column) in grid.positions(mcus.clone()) {
                    if faults.stops_before(mcu, decoder.consumed_bytes()) {
                        break;
                    }
                    for (part, &coded) in grid.components.iter().zip(&coded) {
                        let component = &mut frame.components[part.index];
                        let (horizontal, vertical) = part.in_mcu;
                        for y in row * vertical..(row + 1) * vertical {
                            for x in column * horizontal..(column + 1) * horizontal {
                                let mut padding = [0; 64];
                                let block = component.block_mut(x, y).unwrap_or(&mut padding);
                                decode_block(&mut decoder, pass, header, coded, block)?;
                            }
                        }
                    }
                }
                Ok(())
            };
            IntervalEnd {
                result: decode(),
                consumed: decoder.consumed_bytes(),
            }
        })
    }
}

#[inline]
fn decode_block(
    decoder: &mut BlockDecoder<'_>,
    pass: Pass,
    header: &ScanHeader,
    component: CodedComponent,
    block: &mut Block,
) -> Result<(), Malformed> {
    let (band, low) = (header.start..=header.end, header.low);
    match pass {
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
