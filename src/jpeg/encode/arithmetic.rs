//! Arithmetic-coded scans, sequential and progressive (T.81 F.1.4, G.1.3).

use crate::band::Block;
use crate::coefficients::Scan;
use crate::error::Result;

use super::super::arithmetic::{BlockEncoder, CodedComponent, Conditioning};
use super::huffman::TablePair;
use super::range::OutOfRangeAt;
use super::walk::BlockCoder;

/// Codes the blocks of any scan.
#[derive(Debug)]
pub(super) struct ArithmeticCoder<'a> {
    encoder: BlockEncoder<'a>,
    scan: &'a Scan,
    components: [CodedComponent; 4],
    /// The last DC coefficient of each component, which padding repeats.
    previous: [i16; 4],
}

impl<'a> ArithmeticCoder<'a> {
    /// Appends to bytes that are already there. The statistics of a component are those of its pair.
    pub(super) fn new(
        bytes: Vec<u8>,
        scan: &'a Scan,
        pairs: [TablePair; 4],
        conditioning: &'a Conditioning,
    ) -> Self {
        let component = |slot: usize| CodedComponent {
            slot,
            dc_destination: pairs[slot] as u8,
            ac_destination: pairs[slot] as u8,
        };
        Self {
            encoder: BlockEncoder::new(bytes, conditioning),
            scan,
            components: [0, 1, 2, 3].map(component),
            previous: [0; 4],
        }
    }

    /// Ends the scan and returns the bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.encoder.finish()
    }

    fn code(&mut self, slot: usize, block: &Block) -> Result<(), OutOfRangeAt> {
        let (encoder, component, low) = (&mut self.encoder, self.components[slot], self.scan.low());
        let bands = self.scan.zigzag_range();
        let coded = match (*bands.start(), self.scan.high()) {
            _ if self.scan.is_sequential() => encoder.sequential(component, block),
            (0, 0) => encoder.dc_first(component, block, low),
            (0, _) => {
                encoder.dc_refinement(block, low);
                Ok(())
            }
            (_, 0) => encoder.ac_first(component, block, bands, low),
            (_, _) => {
                encoder.ac_refinement(component, block, bands, low);
                Ok(())
            }
        };
        coded.map_err(|found| OutOfRangeAt::new(found.position.into(), found.value, found.bound))
    }
}

impl BlockCoder for ArithmeticCoder<'_> {
    fn block(&mut self, slot: usize, block: &Block, _: (u32, u32)) -> Result<(), OutOfRangeAt> {
        self.previous[slot] = block[0];
        self.code(slot, block)
    }

    fn padding(&mut self, slot: usize) {
        let mut block = [0; 64];
        block[0] = self.previous[slot];
        // A difference of zero and no AC always fit.
        let coded = self.code(slot, &block);
        debug_assert!(coded.is_ok(), "{coded:?}");
    }

    fn restart(&mut self, number: u8) {
        self.encoder.restart(number);
    }
}
