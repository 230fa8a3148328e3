//! Symbols straight into the file, by the example tables of T.81 K.3.3.

use super::super::bit_writer::{BitWriter, Fields};
use super::super::huffman::HuffmanSpec;
use super::huffman::TablePair;
use super::tokens::{BYTE_MAGNITUDES, BlockSink, SymbolSink, Token};

/// Writes the symbols of sequential scans whose coefficients are those of 8-bit samples.
#[derive(Debug)]
pub(super) struct StandardWriter {
    bits: BitWriter,
}

impl StandardWriter {
    /// Appends to bytes that are already there.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self {
            bits: BitWriter::new(bytes),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bits.finish()
    }
}

impl SymbolSink for StandardWriter {
    type Block<'s> = BlockFields<'s>;

    #[inline(always)]
    fn block(&mut self, pair: TablePair) -> BlockFields<'_> {
        BlockFields {
            fields: self.bits.fields(),
            levels: &LEVELS[pair as usize],
        }
    }

    fn restart(&mut self, number: u8) {
        self.bits.restart(number);
    }

    fn flush(&mut self) {}
}

/// Symbols of a block.
#[derive(Debug)]
pub(super) struct BlockFields<'s> {
    fields: Fields<'s>,
    levels: &'static Levels,
}

impl BlockSink for BlockFields<'_> {
    #[inline(always)]
    fn push(&mut self, token: Token) {
        let (code, length) = CODES[token.place() % CODES.len()];
        debug_assert!(length > 0, "{token:?} has no code");
        self.fields.put(code | token.bits(), length);
    }

    #[inline(always)]
    fn push_level(&mut self, run: u32, level: i8) -> bool {
        let Some(levels) = self.levels.get(run as usize) else {
            return false;
        };
        let field = levels[usize::from(level.cast_unsigned())];
        self.fields.put(field >> 8, field & 0xFF);
        field != 0
    }

    #[inline(always)]
    fn settle(&mut self) {
        self.fields.settle();
    }

    #[inline(always)]
    fn finish(self) {
        self.fields.finish();
    }
}

/// By place: code and length, with what stands behind. All but bare bits.
static CODES: [(u32, u32); 4 * 256] = {
    let mut codes = [(0, 0); 4 * 256];
    let tables = [
        HuffmanSpec::standard_dc(false).codes_by_symbol(),
        HuffmanSpec::standard_dc(true).codes_by_symbol(),
        HuffmanSpec::standard_ac(false).codes_by_symbol(),
        HuffmanSpec::standard_ac(true).codes_by_symbol(),
    ];
    let mut place = 0_u32;
    while place < 4 * 256 {
        let (code, length) = tables[place as usize / 256][place as usize % 256];
        // The lower half of the symbol.
        let size = place & 15;
        codes[place as usize] = (code << size, length + size);
        place += 1;
    }
    codes
};

/// By run and level: the code and the bits that tell the level, above 8 bits of their number; 0 where no
/// symbol is certain.
type Levels = [[u32; 256]; 16];

static LEVELS: [Levels; 2] = [
    levels(&HuffmanSpec::standard_ac(false)),
    levels(&HuffmanSpec::standard_ac(true)),
];

const fn levels(spec: &HuffmanSpec) -> Levels {
    let codes = spec.codes_by_symbol();
    let mut levels = [[0; 256]; 16];
    let mut run = 0;
    while run < 16 {
        let mut level = 0;
        while level < 256 {
            let magnitude = BYTE_MAGNITUDES[level];
            if magnitude.size() > 0 {
                let (code, length) = codes[run << 4 | magnitude.size() as usize];
                let bits = code << magnitude.size() | magnitude.bits();
                levels[run][level] = bits << 8 | (length + magnitude.size());
            }
            level += 1;
        }
        run += 1;
    }
    levels
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::huffman::{HuffmanSpecs, Writer};
    use super::super::tokens::{Magnitude, TokenQueue};
    use super::*;

    #[test]
    fn only_levels_that_8_bits_hold_for_certain_behind_runs_of_at_most_15_have_one_field() {
        for (table, spec) in LEVELS
            .iter()
            .zip([false, true].map(HuffmanSpec::standard_ac))
        {
            let codes = spec.codes_by_symbol();
            for (run, fields) in table.iter().enumerate() {
                for level in i8::MIN..=i8::MAX {
                    let field = fields[usize::from(level.cast_unsigned())];
                    let is_certain = level != 0 && i8::MIN < level && level < i8::MAX;
                    assert_eq!(field != 0, is_certain, "{run} {level}");
                    let size = 8 - level.unsigned_abs().leading_zeros();
                    let (_, length) = codes[run << 4 | size as usize];
                    assert!(!is_certain || field & 0xFF == length + size);
                    // Two of them and an end of block between settlings.
                    assert!(2 * (field & 0xFF) + 4 <= BitWriter::MOST);
                }
            }
        }
        let mut writer = StandardWriter::new(Vec::new());
        assert!(!writer.block(TablePair::First).push_level(16, 1));
    }

    proptest! {
        /// The queue and the general writer behind it know nothing of the tables here.
        #[test]
        fn symbols_are_written_as_from_a_queue(
            blocks in prop::collection::vec(
                (any::<bool>(), -2047..=2047, prop::collection::vec((0_u32..18, any::<i8>(), -1023..=1023), 0..=31)),
                1..100,
            ),
        ) {
            let mut straight = StandardWriter::new(vec![1, 2, 3]);
            let mut writer = Writer::new(vec![1, 2, 3], &HuffmanSpecs::standard());
            let mut queue = TokenQueue::new(&mut writer);
            for (number, (second, difference, levels)) in (0..).zip(&blocks) {
                let pair = if *second { TablePair::Second } else { TablePair::First };
                let told = push_block(straight.block(pair), pair, *difference, levels);
                prop_assert_eq!(told, push_block(queue.block(pair), pair, *difference, levels));
                if number % 7 == 3 {
                    straight.restart(number % 8);
                    queue.restart(number % 8);
                }
            }
            straight.flush();
            queue.flush();
            prop_assert_eq!(straight.finish(), writer.finish());
        }
    }

    /// Pushes levels by themselves where they have a field, and as a token of another value where not.
    fn push_block(
        mut block: impl BlockSink,
        pair: TablePair,
        difference: i32,
        levels: &[(u32, i8, i32)],
    ) -> Vec<bool> {
        block.push(Token::dc(pair).with_run(0, Magnitude::of(difference)));
        let mut told = Vec::new();
        for (index, &(run, level, value)) in levels.iter().enumerate() {
            if index % 2 == 1 {
                block.settle();
            }
            told.push(block.push_level(run, level));
            if !told[index] && value != 0 {
                block.settle();
                block.push(Token::ac(pair).with_run(run % 16, Magnitude::of(value)));
                block.settle();
            }
        }
        block.push(Token::ac(pair));
        block.settle();
        block.finish();
        told
    }
}
