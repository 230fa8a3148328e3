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
        // Bit 0 is DC.
        let nonzero = nonzero_by_zigzag(block) & !1;
        let before_ac = tokens.len();
        if !push_common_ac(&mut tokens, end_of_block, block, nonzero) {
            tokens.truncate(before_ac);
            self.clamped += push_ac(
                &mut tokens,
                end_of_block,
                block,
                nonzero,
                (bounds.ac, self.out_of_range),
            )?;
        }
        if nonzero >> 63 == 0 {
            tokens.push(end_of_block);
        }
        tokens.finish();
        Ok(())
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

/// Pushes the AC coefficients that are not zero; `table` is a token of the table without symbol.
///
/// Does so for what nearly all blocks are: values that are tabulated, runs of at most 15 zeros. Gives up
/// and returns false where there is anything else.
#[inline(always)]
fn push_common_ac(
    tokens: &mut BlockTokens<'_>,
    table: Token,
    block: &Block,
    mut nonzero: u64,
) -> bool {
    if has_long_run(nonzero) {
        return false;
    }
    let mut next = 1;
    while nonzero != 0 {
        let position = nonzero.trailing_zeros();
        nonzero &= nonzero - 1;
        let run = position - next;
        next = position + 1;
        let Some(magnitude) = Magnitude::tabulated(value_at(block, position)) else {
            return false;
        };
        tokens.push(table.with_run(run, magnitude));
    }
    true
}

/// As [`push_common_ac`] for any block; returns the number of values that were changed to fit.
#[inline(never)]
fn push_ac(
    tokens: &mut BlockTokens<'_>,
    table: Token,
    block: &Block,
    mut nonzero: u64,
    (bound, out_of_range): (i32, OutOfRange),
) -> Result<u64, OutOfRangeAt> {
    let mut clamped = 0;
    let mut next = 1;
    while nonzero != 0 {
        let position = nonzero.trailing_zeros();
        nonzero &= nonzero - 1;
        let mut run = position - next;
        next = position + 1;
        while run > 15 {
            tokens.push(table.with(ZERO_RUN, 0));
            run -= 16;
        }
        let mut value = value_at(block, position);
        if value.abs() > bound {
            value = out_of_range.replace(position, value, bound)?;
            clamped += 1;
        }
        tokens.push(table.with_run(run, Magnitude::of(value)));
    }
    Ok(clamped)
}

/// Whether 16 zeros or more stand between DC or a bit that is set and the next one.
#[inline(always)]
const fn has_long_run(nonzero: u64) -> bool {
    // Set where one of the 16 positions that end here is.
    let mut near = nonzero | 1;
    near |= near << 1;
    near |= near << 2;
    near |= near << 4;
    near |= near << 8;
    nonzero & !(near << 1) != 0
}

#[inline(always)]
fn value_at(block: &Block, zigzag: u32) -> i32 {
    let natural = NATURAL_FROM_ZIGZAG[zigzag as usize & 63];
    block[usize::from(natural) & 63].into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_of_16_zeros_are_found(sparse in any::<[u64; 4]>(), count in 0_usize..=4) {
            let nonzero = sparse[..count].iter().fold(u64::MAX, |mask, bits| mask & bits) & !1;
            let ones = (1..64).filter(|position| nonzero >> position & 1 == 1);
            let longest = ones.fold((0, 0), |(before, longest), position| {
                (position, longest.max(position - before - 1))
            }).1;
            prop_assert_eq!(has_long_run(nonzero), longest > 15);
        }
    }
}
