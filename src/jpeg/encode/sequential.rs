//! Sequential scans: one visit codes a block whole (T.81 F.1.2).

use crate::band::{Block, NATURAL_FROM_ZIGZAG};
use crate::error::Result;

use super::OutOfRange;
use super::huffman::TablePair;
use super::nonzero::nonzero_by_zigzag;
use super::range::{Bounds, OutOfRangeAt};
use super::tokens::{BlockTokens, Magnitude, Token, TokenQueue};
use super::walk::BlockCoder;

/// Sixteen zero coefficients.
const ZERO_RUN: u32 = 0xF0;

/// Codes the blocks of a sequential scan.
#[derive(Debug)]
pub(super) struct SequentialCoder<'a> {
    queue: TokenQueue<'a>,
    pairs: [TablePair; 4],
    predictions: [i32; 4],
    bounds: Bounds,
    out_of_range: OutOfRange,
    clamped: u64,
}

impl<'a> SequentialCoder<'a> {
    pub(super) const fn new(
        queue: TokenQueue<'a>,
        pairs: [TablePair; 4],
        bounds: Bounds,
        out_of_range: OutOfRange,
    ) -> Self {
        Self {
            queue,
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

impl BlockCoder for SequentialCoder<'_> {
    #[inline(always)]
    fn block(&mut self, slot: usize, block: &Block, _: (u32, u32)) -> Result<(), OutOfRangeAt> {
        // Bit 0 is DC.
        let nonzero = nonzero_by_zigzag(block) & !1;
        let (pair, dc) = (self.pairs[slot], i32::from(block[0]));
        let tokens = self.queue.block();
        if push_common_block(tokens, pair, block, dc - self.predictions[slot], nonzero) {
            self.predictions[slot] = dc;
            Ok(())
        } else {
            self.any_block(slot, block, nonzero)
        }
    }

    #[inline(always)]
    fn padding(&mut self, slot: usize) {
        self.queue.push(Token::dc(self.pairs[slot]));
        self.queue.push(Token::ac(self.pairs[slot]));
    }

    fn restart(&mut self, number: u8) {
        self.queue.restart(number);
        self.predictions = [0; 4];
    }

    fn finish(&mut self) {
        self.queue.flush();
    }
}

/// Codes what nearly all blocks are: values that are tabulated, which no bounds exclude, and runs of at
/// most 15 zeros. Returns false, with nothing done, where there is anything else.
#[inline(always)]
fn push_common_block(
    mut tokens: BlockTokens<'_>,
    pair: TablePair,
    block: &Block,
    difference: i32,
    mut nonzero: u64,
) -> bool {
    let Some(magnitude) = Magnitude::tabulated(difference) else {
        return false;
    };
    tokens.push(Token::dc(pair).with_run(0, magnitude));
    let end_of_block = Token::ac(pair);
    let mut next = 1;
    while nonzero != 0 {
        let position = nonzero.trailing_zeros();
        nonzero &= nonzero - 1;
        let run = position - next;
        next = position + 1;
        let Some(magnitude) = Magnitude::tabulated(value_at(block, position)) else {
            return false;
        };
        if run > 15 {
            return false;
        }
        tokens.push(end_of_block.with_run(run, magnitude));
    }
    if next < 64 {
        tokens.push(end_of_block);
    }
    tokens.finish();
    true
}

impl SequentialCoder<'_> {
    /// Codes any block.
    #[inline(never)]
    fn any_block(
        &mut self,
        slot: usize,
        block: &Block,
        mut nonzero: u64,
    ) -> Result<(), OutOfRangeAt> {
        let (pair, bounds) = (self.pairs[slot], self.bounds);
        // The prediction is always a value that an i16 holds, or within the bound of one.
        let mut difference = i32::from(block[0]) - self.predictions[slot];
        if difference.abs() > bounds.dc {
            difference = self.out_of_range.replace(0, difference, bounds.dc)?;
            self.clamped += 1;
        }
        self.predictions[slot] += difference;
        let mut tokens = self.queue.block();
        tokens.push(Token::dc(pair).with_run(0, Magnitude::of(difference)));
        let end_of_block = Token::ac(pair);
        let mut next = 1;
        while nonzero != 0 {
            let position = nonzero.trailing_zeros();
            nonzero &= nonzero - 1;
            let mut run = position - next;
            next = position + 1;
            while run > 15 {
                tokens.push(end_of_block.with(ZERO_RUN, 0));
                run -= 16;
            }
            let mut value = value_at(block, position);
            if value.abs() > bounds.ac {
                value = self.out_of_range.replace(position, value, bounds.ac)?;
                self.clamped += 1;
            }
            tokens.push(end_of_block.with_run(run, Magnitude::of(value)));
        }
        if next < 64 {
            tokens.push(end_of_block);
        }
        tokens.finish();
        Ok(())
    }
}

#[inline(always)]
fn value_at(block: &Block, zigzag: u32) -> i32 {
    let natural = NATURAL_FROM_ZIGZAG[zigzag as usize & 63];
    block[usize::from(natural) & 63].into()
}
