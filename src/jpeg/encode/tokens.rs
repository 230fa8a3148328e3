//! What a scan sends, on its way from the coders of blocks to the file: symbols with the bits behind them.

use std::fmt;

use super::huffman::TablePair;

/// A symbol of a table with the bits behind it, or bits alone; at most 16 of them.
///
/// From the lowest: 16 bits of what stands behind, 8 of the symbol, 3 of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Token(u32);

impl Token {
    /// Symbols of all tables; bits alone count as a table whose symbol is their number.
    pub(super) const PLACES: usize = 8 * 256;

    /// The symbol 0 of a DC table.
    pub(super) const fn dc(pair: TablePair) -> Self {
        Self((pair as u32) << 24)
    }

    /// The symbol 0 of an AC table: the end of a block.
    pub(super) const fn ac(pair: TablePair) -> Self {
        Self((2 + pair as u32) << 24)
    }

    /// The low `count` bits of `bits` alone, at most 16; higher ones must be zero.
    pub(super) const fn bare(bits: u32, count: u32) -> Self {
        Self(4 << 24 | count << 16 | bits)
    }

    /// The symbol 0 replaced by another, with bits behind it.
    #[inline(always)]
    pub(super) const fn with(self, symbol: u32, bits: u32) -> Self {
        Self(self.0 | symbol << 16 | bits)
    }

    /// The symbol 0 replaced by that of a run of at most 15 zeros and a value.
    #[inline(always)]
    pub(super) const fn with_run(self, run: u32, magnitude: Magnitude) -> Self {
        Self(self.0 | run << 20 | magnitude.0)
    }

    /// The place of the symbol among those of all tables.
    #[inline(always)]
    pub(super) const fn place(self) -> usize {
        (self.0 >> 16) as usize & (Self::PLACES - 1)
    }

    /// The bits behind the symbol, or alone.
    #[inline(always)]
    pub(super) const fn bits(self) -> u32 {
        self.0 & 0xFFFF
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:#x}, {:#x})", self.place(), self.bits())
    }
}

/// Size category of a value and the bits that tell it (T.81 F.1.2.1), where a [`Token`] has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Magnitude(u32);

/// All that 8-bit samples bring: AC up to the bound of T.81 table F.2.
const LARGEST_TABULATED: i32 = 1023;
const TABULATED: usize = 2 * LARGEST_TABULATED.cast_unsigned() as usize + 1;

static MAGNITUDES: [Magnitude; TABULATED] = {
    let mut magnitudes = [Magnitude(0); TABULATED];
    let mut value = -LARGEST_TABULATED;
    while value <= LARGEST_TABULATED {
        magnitudes[(value + LARGEST_TABULATED).cast_unsigned() as usize] =
            Magnitude::computed(value);
        value += 1;
    }
    magnitudes
};

/// Of levels in 8 bits, as unsigned; that of zero for the ends of their range, which stand for all beyond.
pub(super) static BYTE_MAGNITUDES: [Magnitude; 256] = {
    let mut magnitudes = [Magnitude(0); 256];
    let mut level = -127_i32;
    while level <= 126 {
        magnitudes[level.cast_unsigned() as usize % 256] = Magnitude::computed(level);
        level += 1;
    }
    magnitudes
};

impl Magnitude {
    /// Of a value of at most 15 bits and a sign.
    #[inline(always)]
    pub(super) fn of(value: i32) -> Self {
        Self::tabulated(value).unwrap_or_else(|| Self::computed(value))
    }

    /// Of values up to ±1023 only.
    #[inline(always)]
    pub(super) fn tabulated(value: i32) -> Option<Self> {
        let index = (value + LARGEST_TABULATED).cast_unsigned() as usize;
        MAGNITUDES.get(index).copied()
    }

    pub(super) const fn size(self) -> u32 {
        self.0 >> 16
    }

    pub(super) const fn bits(self) -> u32 {
        self.0 & 0xFFFF
    }

    /// Negative values are sent less one.
    const fn computed(value: i32) -> Self {
        let size = 32 - value.unsigned_abs().leading_zeros();
        let bits = (value + (value >> 31)).cast_unsigned() & ((1 << size) - 1);
        Self(size << 16 | bits)
    }
}

/// Where tokens go: into a count, for the best tables, or into the file.
pub(super) trait TokenSink {
    fn take(&mut self, tokens: &[Token]);
    fn restart(&mut self, number: u8);
}

/// What takes the symbols of sequential scans.
pub(super) trait SymbolSink {
    type Block<'s>: BlockSink
    where
        Self: 's;

    /// Takes those of one block.
    fn block(&mut self, pair: TablePair) -> Self::Block<'_>;

    fn restart(&mut self, number: u8);

    /// Hands on what is left.
    fn flush(&mut self);
}

/// What takes the symbols of one block, at most 64; they count when they are finished.
pub(super) trait BlockSink {
    fn push(&mut self, token: Token);

    /// Takes the AC symbol for a level behind a run of zeros. Returns false where there is none: for runs above
    /// 15 and levels that 8 bits may have cut.
    fn push_level(&mut self, run: u32, level: i8) -> bool;

    /// Between two calls there may be a symbol of DC or a level that was pushed as such, another level, and the
    /// end of the block; or one other symbol. It is called last, too.
    fn settle(&mut self);

    fn finish(self);
}

/// Hands tokens on by the thousand, so that neither side keeps the other's state out of registers.
pub(super) struct TokenQueue<'a> {
    tokens: Box<[Token; ROOM]>,
    len: usize,
    sink: &'a mut dyn TokenSink,
}

/// Tokens of a queue; a power of two.
const ROOM: usize = 2048;
/// A block has at most 63 AC symbols: runs of 16 zeros and the end of the block stand for coefficients
/// that have none.
const MOST_OF_BLOCK: usize = 64;

impl<'a> TokenQueue<'a> {
    pub(super) fn new(sink: &'a mut dyn TokenSink) -> Self {
        Self {
            tokens: Box::new([Token(0); ROOM]),
            len: 0,
            sink,
        }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, token: Token) {
        let mut tokens = self.block(TablePair::First);
        tokens.push(token);
        tokens.finish();
    }
}

impl SymbolSink for TokenQueue<'_> {
    type Block<'s>
        = BlockTokens<'s>
    where
        Self: 's;

    #[inline(always)]
    fn block(&mut self, pair: TablePair) -> BlockTokens<'_> {
        if self.len > ROOM - MOST_OF_BLOCK {
            self.flush();
        }
        BlockTokens {
            tokens: &mut self.tokens,
            len: self.len,
            queue_len: &mut self.len,
            pair,
        }
    }

    fn restart(&mut self, number: u8) {
        self.flush();
        self.sink.restart(number);
    }

    #[inline(never)]
    fn flush(&mut self) {
        self.sink.take(&self.tokens[..self.len]);
        self.len = 0;
    }
}

impl fmt::Debug for TokenQueue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens = &self.tokens[..self.len];
        f.debug_struct("TokenQueue")
            .field("tokens", &tokens)
            .finish_non_exhaustive()
    }
}

/// The tokens of one block, at most 64, at the end of a queue; they count when they are finished.
#[derive(Debug)]
pub(super) struct BlockTokens<'q> {
    tokens: &'q mut [Token; ROOM],
    /// Of the queue with these.
    len: usize,
    queue_len: &'q mut usize,
    pair: TablePair,
}

impl BlockSink for BlockTokens<'_> {
    #[inline(always)]
    fn push(&mut self, token: Token) {
        // There is room, so that the remainder changes nothing; it spares a check.
        self.tokens[self.len % ROOM] = token;
        self.len += 1;
    }

    #[inline(always)]
    fn push_level(&mut self, run: u32, level: i8) -> bool {
        let magnitude = BYTE_MAGNITUDES[usize::from(level.cast_unsigned())];
        if run > 15 || magnitude.size() == 0 {
            return false;
        }
        self.push(Token::ac(self.pair).with_run(run, magnitude));
        true
    }

    #[inline(always)]
    fn settle(&mut self) {}

    #[inline(always)]
    fn finish(self) {
        *self.queue_len = self.len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabulated_magnitudes_are_those_of_table_f_1() {
        let found = |value: i32| {
            let token = Token::dc(TablePair::First).with_run(0, Magnitude::of(value));
            (token.place(), token.bits())
        };
        assert_eq!([0, 1, -1].map(found), [(0, 0), (1, 1), (1, 0)]);
        assert_eq!([2, 3, -2, -3].map(found), [(2, 2), (2, 3), (2, 1), (2, 0)]);
        for value in -32767..=32767_i32 {
            let (size, bits) = found(value);
            let lowest = if value < 0 { (1 << size) - 1 } else { 0 };
            assert_eq!(i64::from(bits), i64::from(value) + lowest, "{value}");
            assert!(value == 0 || value.unsigned_abs().ilog2() as usize == size - 1);
        }
    }

    #[test]
    fn a_queue_hands_on_the_tokens_that_were_finished_in_their_order() {
        #[derive(Default)]
        struct Collector(Vec<Token>, Vec<usize>);
        impl TokenSink for Collector {
            fn take(&mut self, tokens: &[Token]) {
                self.0.extend_from_slice(tokens);
            }
            fn restart(&mut self, _: u8) {
                self.1.push(self.0.len());
            }
        }
        let mut collector = Collector::default();
        let mut queue = TokenQueue::new(&mut collector);
        let mut expected = Vec::new();
        for block in 0..1000 {
            let mut tokens = queue.block(TablePair::First);
            for index in 0..=block % 64 {
                expected.push(Token::bare(block * 64 + index, 16));
                tokens.push(expected[expected.len() - 1]);
            }
            tokens.finish();
            queue
                .block(TablePair::First)
                .push(Token::ac(TablePair::First));
        }
        queue.restart(0);
        queue.push(expected[0]);
        queue.flush();
        assert_eq!(collector.1, [expected.len()]);
        assert_eq!(collector.0[..expected.len()], expected);
        assert_eq!(collector.0[expected.len()..], expected[..1]);
    }
}
