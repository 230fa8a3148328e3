//! Sequential scans: one visit codes a block whole (T.81 F.1.2).

use crate::band::{Block, NATURAL_FROM_ZIGZAG};
use crate::error::Result;

use super::OutOfRange;
use super::huffman::{SymbolSink, TablePair, magnitude, nonzero_mask};
use super::range::{Bounds, OutOfRangeAt};
use super::walk::BlockCoder;

/// Sixteen zero coefficients.
const ZERO_RUN: u8 = 0xF0;
const END_OF_BLOCK: u8 = 0;

/// Codes the blocks of a sequential scan.
#[derive(Debug)]
pub(super) struct SequentialCoder<'a, S> {
    sink: &'a mut S,
    pairs: [TablePair; 4],
    predictions: [i32; 4],
    bounds: Bounds,
    out_of_range: OutOfRange,
    clamped: u64,
}

impl<'a, S> SequentialCoder<'a, S> {
    pub(super) const fn new(
        sink: &'a mut S,
        pairs: [TablePair; 4],
        bounds: Bounds,
        out_of_range: OutOfRange,
    ) -> Self {
        Self {
            sink,
            pairs,
            predictions: [0; 4],
            bounds,
            out_of_range,
            clamped: 0,
        }
    }

    /// Coefficients that were changed to fit.
    pub(super) const fn clamped(&self) -> u64 {
        self.clamped
    }
}

impl<S: SymbolSink> BlockCoder for SequentialCoder<'_, S> {
    #[inline(always)]
    fn block(&mut self, slot: usize, block: &Block, _: (u32, u32)) -> Result<(), OutOfRangeAt> {
        // Locals stay in registers while the sink writes to memory.
        let (pair, bounds, sink) = (self.pairs[slot], self.bounds, &mut *self.sink);
        // The prediction is always a value that an i16 holds, or within the bound of one.
        let mut difference = i32::from(block[0]) - self.predictions[slot];
        if difference.abs() > bounds.dc {
            difference = self.out_of_range.replace(0, difference, bounds.dc)?;
            self.clamped += 1;
        }
        self.predictions[slot] += difference;
        let (size, bits) = magnitude(difference);
        sink.dc(pair, size, bits);

        let mut zigzag = [0_i16; 64];
        for (value, &natural) in zigzag.iter_mut().zip(&NATURAL_FROM_ZIGZAG) {
            *value = block[usize::from(natural) & 63];
        }
        let mut nonzero = nonzero_mask(&zigzag);
        // Bit 0 is DC.
        nonzero &= !1;
        let mut previous = 0;
        while nonzero != 0 {
            let position = nonzero.trailing_zeros();
            nonzero &= nonzero - 1;
            let mut run = position - previous - 1;
            previous = position;
            while run > 15 {
                sink.ac(pair, ZERO_RUN, 0, 0);
                run -= 16;
            }
            let mut value = i32::from(zigzag[position as usize & 63]);
            if value.abs() > bounds.ac {
                value = self.out_of_range.replace(position, value, bounds.ac)?;
                self.clamped += 1;
            }
            let (size, bits) = magnitude(value);
            // run <= 15 and 1 <= size <= 14.
            #[expect(clippy::cast_possible_truncation, reason = "shown above")]
            sink.ac(pair, (run << 4 | size) as u8, size, bits);
        }
        if previous < 63 {
            sink.ac(pair, END_OF_BLOCK, 0, 0);
        }
        Ok(())
    }

    #[inline(always)]
    fn padding(&mut self, slot: usize) {
        self.sink.dc(self.pairs[slot], 0, 0);
        self.sink.ac(self.pairs[slot], END_OF_BLOCK, 0, 0);
    }

    fn restart(&mut self, number: u8) {
        self.sink.restart(number);
        self.predictions = [0; 4];
    }
}
