//! From bits to symbols: one look-up for short codes and the values behind them (T.81 F.2.2).

use super::super::bits::{BitReader, REFILLED};
use super::HuffmanSpec;

/// What the symbols of a table mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::jpeg) enum SymbolClass {
    /// Size of a DC difference (T.81 F.1.2.1).
    Dc,
    /// Run and size of a sequential scan (T.81 F.1.2.2).
    SequentialAc,
    /// Run and size, or end-of-band run, of a progressive scan (T.81 G.1.2.2).
    ProgressiveAc,
    /// The same of a refinement scan, whose sizes are 1 (T.81 G.1.2.3).
    RefinementAc,
}

/// The sizes of values that a process has, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::jpeg) enum Sizes {
    /// Samples of 8 bits (T.81 tables F.1, F.2).
    EightBit,
    /// Samples of 12 bits (T.81 tables F.6, F.7).
    TwelveBit,
    /// Whatever a symbol can say, and runs without a value end a block: what libjpeg reads.
    Any,
}

impl Sizes {
    /// The largest size of a class of symbols.
    pub(in crate::jpeg) const fn largest(self, class: SymbolClass) -> u32 {
        match (self, class) {
            (Self::EightBit, SymbolClass::Dc) => 11,
            (Self::EightBit, _) => 10,
            (Self::TwelveBit, SymbolClass::Dc) | (Self::Any, _) => 15,
            (Self::TwelveBit, _) => 14,
        }
    }
}

/// A symbol: how long its code is, which value follows, and where it leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::jpeg) struct Symbol {
    code_bits: u8,
    /// Bits of the value, SSSS; of an end-of-band run those of its length.
    size: u8,
    /// How far the zig-zag sequence goes on, or one of the codes of [`advance`].
    advance: u8,
}

/// Advances that lead nowhere: past the end of the sequence from wherever they start.
pub(in crate::jpeg) mod advance {
    /// End-of-block and end-of-band runs.
    pub(in crate::jpeg) const END: u8 = 64;
    /// A run without a value, where that is read: as an end.
    pub(in crate::jpeg) const END_IN_EFFECT: u8 = 65;
    /// A symbol that the process does not have.
    pub(in crate::jpeg) const ILLEGAL: u8 = 66;
    /// Bits that are no code; they are not consumed.
    pub(in crate::jpeg) const UNKNOWN: u8 = 67;
    /// What is added for a refinement symbol of another size than 1, where that is read.
    pub(in crate::jpeg) const OF_WRONG_SIZE: u8 = 32;
}

impl Symbol {
    const fn new(code_bits: u8, size: u8, advance: u8) -> Self {
        Self {
            code_bits,
            size,
            advance,
        }
    }

    /// Bits of the code and of the value; at most 31.
    pub(in crate::jpeg) const fn bits(self) -> u32 {
        self.code_bits as u32 + self.size as u32
    }

    pub(in crate::jpeg) const fn code_bits(self) -> u32 {
        self.code_bits as u32
    }

    pub(in crate::jpeg) const fn size(self) -> u32 {
        self.size as u32
    }

    pub(in crate::jpeg) const fn advance(self) -> u8 {
        self.advance
    }

    /// What has to be added to the bits of the code and of the value, taken as one number, to get the
    /// value that they stand for, by whether the first bit of the value is set. That is the value itself
    /// (T.81 F.2.2.1, EXTEND), 0 where there is none, or the blocks of an end-of-band run, the one at hand
    /// included (T.81 G.1.2.2).
    const fn offset(self, code: u32, first_bit: bool) -> i32 {
        let (code, size) = (code << self.size, self.size);
        let of_zero_bits = match (self.advance, first_bit) {
            (advance::END, _) => 1 << size,
            (_, true) => 0,
            (_, false) => 1 - (1 << size),
        };
        of_zero_bits - code.cast_signed()
    }

    /// The value behind the code, among the next 31 bits.
    pub(in crate::jpeg) const fn value(self, next: u32) -> i16 {
        let number = next >> (31 - self.bits());
        let code = number >> self.size;
        let first_bit = self.size > 0 && number >> (self.size - 1) & 1 == 1;
        // Sizes are at most 15.
        #[expect(clippy::cast_possible_truncation, reason = "shown above")]
        {
            (number.cast_signed() + self.offset(code, first_bit)) as i16
        }
    }

    const fn of(symbol: u8, code_bits: u8, class: SymbolClass, sizes: Sizes) -> Self {
        let (run, size) = (symbol >> 4, symbol & 15);
        let any = matches!(sizes, Sizes::Any);
        let is_legal = size as u32 <= sizes.largest(class);
        match class {
            SymbolClass::Dc if run == 0 && is_legal => Self::new(code_bits, size, 0),
            SymbolClass::Dc => Self::new(code_bits, 0, advance::ILLEGAL),
            _ if run == 15 && size == 0 => Self::new(code_bits, 0, 16),
            SymbolClass::SequentialAc if size == 0 && run == 0 => {
                Self::new(code_bits, 0, advance::END)
            }
            SymbolClass::SequentialAc if size == 0 && any => {
                Self::new(code_bits, 0, advance::END_IN_EFFECT)
            }
            SymbolClass::ProgressiveAc | SymbolClass::RefinementAc if size == 0 => {
                Self::new(code_bits, run, advance::END)
            }
            SymbolClass::RefinementAc if size == 1 => Self::new(code_bits, 1, run + 1),
            // libjpeg warns of other sizes, and reads one bit.
            SymbolClass::RefinementAc if any => {
                Self::new(code_bits, 1, run + 1 + advance::OF_WRONG_SIZE)
            }
            SymbolClass::SequentialAc | SymbolClass::ProgressiveAc if size != 0 && is_legal => {
                Self::new(code_bits, size, run + 1)
            }
            _ => Self::new(code_bits, 0, advance::ILLEGAL),
        }
    }
}

/// A symbol of a short code, as a table holds it; 0 for other codes.
///
/// Bits 0..8: bits to consume, with those of the value. Bits 8..16: the advance. Bits 16..32: what has to be
/// added to the consumed bits to get the value, modulo 2^16. So neither the size nor the sign of a value,
/// which are as hard to foresee as the picture, takes a branch or its own look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry(u32);

impl Entry {
    const LONG: Self = Self(0);

    fn new(symbol: Symbol, code: u32, first_bit: bool) -> Self {
        let offset = symbol.offset(code, first_bit).cast_unsigned() << 16;
        Self(symbol.bits() | u32::from(symbol.advance) << 8 | offset)
    }

    #[inline(always)]
    const fn bits(self) -> u32 {
        self.0 & 0xFF
    }

    #[inline(always)]
    const fn advance(self) -> u8 {
        self.0.to_le_bytes()[1]
    }

    /// The value, from the bits that are consumed.
    #[inline(always)]
    const fn value(self, consumed: u64) -> i16 {
        #[expect(clippy::cast_possible_truncation, reason = "modulo 2^16")]
        {
            (consumed as u32).wrapping_add(self.0 >> 16) as i16
        }
    }
}

/// Bits that one look-up resolves: a code and the first bit of its value. Ten bits keep the tables of two
/// components in the first-level cache.
const FAST_BITS: u32 = 10;

/// The most that a code of the first table takes with its value.
const MOST_SHORT_BITS: u32 = 18;

/// Symbols of short codes that may follow a refill. Longer codes refill before and after.
pub(in crate::jpeg) const SYMBOLS_PER_REFILL: u32 = 3;

const _: () = assert!(MOST_SHORT_BITS * SYMBOLS_PER_REFILL <= REFILLED);

/// A table ready for decoding one class of symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::jpeg) struct DecodeTable {
    /// By the next ten bits.
    fast: [Entry; 1 << FAST_BITS],
    /// Of codes of 1 to 16 bits: those below `limit`, left-aligned to 16 bits, have that length.
    lengths: [CodesOfLength; 16],
    /// What it was built from.
    spec: HuffmanSpec,
    class: SymbolClass,
    sizes: Sizes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct CodesOfLength {
    limit: u32,
    first_code: u32,
    first_symbol: usize,
}

impl DecodeTable {
    pub(in crate::jpeg) fn new(spec: &HuffmanSpec, class: SymbolClass, sizes: Sizes) -> Self {
        let mut table = Self {
            fast: [Entry::LONG; 1 << FAST_BITS],
            lengths: [CodesOfLength::default(); 16],
            spec: spec.clone(),
            class,
            sizes,
        };
        table.build();
        table
    }

    /// Makes it the table of another specification.
    pub(super) fn rebuild(&mut self, spec: &HuffmanSpec, class: SymbolClass, sizes: Sizes) {
        self.spec.clone_from(spec);
        (self.class, self.sizes) = (class, sizes);
        self.build();
    }

    /// Whether [`new`](Self::new) with these arguments makes this table.
    pub(super) fn is_of(&self, spec: &HuffmanSpec, class: SymbolClass, sizes: Sizes) -> bool {
        (self.class, self.sizes) == (class, sizes) && self.spec == *spec
    }

    fn build(&mut self) {
        // Codes follow one another from 0 on, and so do their entries.
        let mut filled = 0;
        for (symbol, code, length) in self.spec.codes() {
            let Some(free) = FAST_BITS.checked_sub(length.into()) else {
                break;
            };
            let end = filled + (1 << free);
            let entries = &mut self.fast[filled..end];
            filled = end;
            let symbol = Symbol::of(symbol, length, self.class, self.sizes);
            // Longer values than samples of 8 bits have are for who counts them.
            let has_value = symbol.size > 0 && symbol.advance != advance::END;
            if symbol.bits() > MOST_SHORT_BITS || has_value && (symbol.size > 10 || free == 0) {
                entries.fill(Entry::LONG);
                continue;
            }
            let (clear, set) = entries.split_at_mut(entries.len() / 2);
            clear.fill(Entry::new(symbol, code, false));
            set.fill(Entry::new(symbol, code, has_value));
        }
        self.fast[filled..].fill(Entry::LONG);
        let mut first_code = 0_u32;
        let mut first_symbol = 0;
        let lengths = (1_u8..).zip(&mut self.lengths);
        for ((length, codes), &count) in lengths.zip(self.spec.counts()) {
            let end = first_code + u32::from(count);
            *codes = CodesOfLength {
                limit: end << (16 - length),
                first_code,
                first_symbol,
            };
            first_symbol += usize::from(count);
            first_code = end << 1;
        }
    }

    pub(in crate::jpeg) const fn class(&self) -> SymbolClass {
        self.class
    }

    /// Reads a symbol of a short code with its value, as (advance, value); `None` where the next code is
    /// none, and nothing is consumed.
    #[inline(always)]
    pub(in crate::jpeg) fn read_short(&self, bits: &mut BitReader<'_>) -> Option<(u8, i16)> {
        let entry = self.fast[bits.peek(FAST_BITS) as usize];
        if entry == Entry::LONG {
            return None;
        }
        let consumed = bits.take(entry.bits());
        Some((entry.advance(), entry.value(consumed)))
    }

    /// The symbol whose code starts the next 16 bits.
    pub(in crate::jpeg) fn symbol(&self, next: u32) -> Symbol {
        for (length, codes) in (1_u8..).zip(&self.lengths) {
            if next < codes.limit {
                let offset = (next >> (16 - length)).wrapping_sub(codes.first_code);
                let index = codes.first_symbol.wrapping_add(offset as usize);
                if let Some(&symbol) = self.spec.symbols.get(index) {
                    return Symbol::of(symbol, length, self.class, self.sizes);
                }
            }
        }
        Symbol::new(0, 0, advance::UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::bit_writer::BitWriter;
    use super::super::super::bits::EntropyData;
    use super::*;

    #[test]
    fn values_of_every_size_follow_table_f_1() {
        for (value, size, expected) in [
            (0, 1, -1),
            (1, 1, 1),
            (0, 3, -7),
            (3, 3, -4),
            (4, 3, 4),
            (7, 3, 7),
            (0, 11, -2047),
            (2047, 11, 2047),
            (0, 15, -32767),
            (32767, 15, 32767),
            (0, 0, 0),
        ] {
            for code_bits in [1_u8, 5, 10, 16] {
                let code = (1_u32 << code_bits) - 2;
                let symbol = Symbol::new(code_bits, size, 1);
                let next = (code << size | value) << (31 - symbol.bits());
                assert_eq!(symbol.value(next), expected, "{value} of {size} bits");
            }
        }
    }

    #[test]
    fn an_end_of_band_run_has_the_length_that_its_bits_add() {
        for size in 0..=14_u8 {
            for extra in [0, (1_i32 << size) - 1] {
                let symbol = Symbol::new(4, size, advance::END);
                let next = (0b1110 << size | extra.cast_unsigned()) << (31 - symbol.bits());
                assert_eq!(i32::from(symbol.value(next)), (1 << size) + extra);
            }
        }
    }

    #[test]
    fn short_codes_give_what_their_symbols_say() {
        let classes = [
            SymbolClass::Dc,
            SymbolClass::SequentialAc,
            SymbolClass::ProgressiveAc,
            SymbolClass::RefinementAc,
        ];
        // All that 18 bits may be, each with 14 zeros behind.
        let mut writer = BitWriter::default();
        for bits in 0..1 << 18 {
            writer.put(bits << 14, 32);
        }
        let bytes = writer.finish();
        let data = EntropyData::of(&bytes);
        for spec in [
            HuffmanSpec::standard_ac(false),
            HuffmanSpec::standard_ac(true),
            HuffmanSpec::standard_dc(false),
            // Symbols that are legal nowhere, and long values behind short codes.
            HuffmanSpec::new(
                [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
                &[15, 14, 11, 10, 0x1F, 0xE0, 9, 0x90, 0x21, 0x07],
            )
            .unwrap(),
        ] {
            for (class, sizes) in classes.into_iter().flat_map(|class| {
                [Sizes::EightBit, Sizes::TwelveBit, Sizes::Any].map(|sizes| (class, sizes))
            }) {
                let table = DecodeTable::new(&spec, class, sizes);
                let mut short = 0;
                let mut all = data.bits();
                for next in (0..1_u32 << 18).map(|bits| bits << 13) {
                    all.refill();
                    let (mut bits, mut behind) = (all.clone(), all.clone());
                    all.consume(32);
                    if let Some(found) = table.read_short(&mut bits) {
                        let symbol = table.symbol(next >> 15);
                        assert_eq!(found, (symbol.advance(), symbol.value(next)), "{symbol:?}");
                        behind.consume(symbol.bits());
                        assert_eq!(bits.peek(32), behind.peek(32));
                        assert!(symbol.bits() <= MOST_SHORT_BITS);
                        short += 1;
                    }
                }
                assert!(short > 1 << 13, "{short}");
            }
        }
    }

    /// T.81 tables F.1, F.2, F.6, F.7, G.1 and G.1.2.3; `Any` is what libjpeg makes of the rest.
    #[test]
    fn symbols_mean_what_their_class_and_the_sizes_of_the_process_say() {
        use SymbolClass::{Dc, ProgressiveAc, RefinementAc, SequentialAc};
        const END: u8 = advance::END;
        const ILLEGAL: (u8, u8) = (0, advance::ILLEGAL);
        for (sizes, largest_dc, largest_ac) in [
            (Sizes::EightBit, 11, 10),
            (Sizes::TwelveBit, 15, 14),
            (Sizes::Any, 15, 15),
        ] {
            let any = sizes == Sizes::Any;
            for symbol in 0..=255_u8 {
                let (run, size) = (symbol / 16, symbol % 16);
                for class in [Dc, SequentialAc, ProgressiveAc, RefinementAc] {
                    let expected = match (class, run, size) {
                        (Dc, 0, size) if size <= largest_dc => (size, 0),
                        (Dc, _, _) => ILLEGAL,
                        (_, 15, 0) => (0, 16),
                        (SequentialAc, 0, 0) => (0, END),
                        (SequentialAc, _, 0) => {
                            if any {
                                (0, advance::END_IN_EFFECT)
                            } else {
                                ILLEGAL
                            }
                        }
                        (_, run, 0) => (run, END),
                        (RefinementAc, run, 1) => (1, run + 1),
                        (RefinementAc, run, _) => {
                            if any {
                                (1, run + 1 + 32)
                            } else {
                                ILLEGAL
                            }
                        }
                        (_, run, size) => {
                            if size <= largest_ac {
                                (size, run + 1)
                            } else {
                                ILLEGAL
                            }
                        }
                    };
                    let found = Symbol::of(symbol, 9, class, sizes);
                    assert_eq!(found.code_bits(), 9);
                    assert_eq!(
                        (found.size, found.advance()),
                        expected,
                        "{symbol:#04X}, {class:?}, {sizes:?}"
                    );
                }
            }
        }
    }

    /// Legal symbols of any frequencies, in a table as good as can be.
    fn any_spec() -> impl Strategy<Value = HuffmanSpec> {
        prop::collection::vec(prop_oneof![Just(0), 1_u64..4, 1_u64..1 << 40], 256).prop_map(
            |counts| {
                let mut frequencies = [0; 256];
                frequencies.copy_from_slice(&counts);
                HuffmanSpec::optimal(&frequencies)
            },
        )
    }

    fn any_class() -> impl Strategy<Value = (SymbolClass, Sizes)> {
        use SymbolClass::{Dc, ProgressiveAc, RefinementAc, SequentialAc};
        let classes = vec![Dc, SequentialAc, ProgressiveAc, RefinementAc];
        let sizes = vec![Sizes::EightBit, Sizes::TwelveBit, Sizes::Any];
        (prop::sample::select(classes), prop::sample::select(sizes))
    }

    proptest! {
        #[test]
        fn nothing_of_a_table_is_left_when_it_is_built_again(
            (before, after) in (any_spec(), any_spec()),
            (first, second) in (any_class(), any_class()),
        ) {
            let mut table = DecodeTable::new(&before, first.0, first.1);
            table.rebuild(&after, second.0, second.1);
            prop_assert!(table.is_of(&after, second.0, second.1));
            prop_assert_eq!(table, DecodeTable::new(&after, second.0, second.1));
        }

        #[test]
        fn symbols_written_with_an_optimal_table_are_read_back(
            symbols in prop::collection::vec(any::<u8>().prop_map(|byte| byte & byte.rotate_left(3)), 1..400),
        ) {
            let mut frequencies = [0; 256];
            for &symbol in &symbols {
                frequencies[usize::from(symbol)] += 1;
            }
            let spec = HuffmanSpec::optimal(&frequencies);
            prop_assert_eq!(HuffmanSpec::new(spec.counts, spec.symbols()), Ok(spec.clone()));
            let codes = spec.codes_by_symbol();
            let mut writer = BitWriter::default();
            for &symbol in &symbols {
                let (code, length) = codes[usize::from(symbol)];
                writer.put(code, length);
            }
            let bytes = writer.finish();
            let data = EntropyData::of(&bytes);
            let mut bits = data.bits();
            // The progressive class has a distinct entry for every legal symbol.
            let decode = DecodeTable::new(&spec, SymbolClass::ProgressiveAc, Sizes::EightBit);
            for &symbol in &symbols {
                bits.refill();
                let (code, length) = codes[usize::from(symbol)];
                prop_assert_eq!(bits.peek(length), code);
                let found = decode.symbol(bits.peek(16));
                let class = SymbolClass::ProgressiveAc;
                prop_assert_eq!(found, Symbol::of(symbol, u8::try_from(length).unwrap(), class, Sizes::EightBit));
                bits.consume(length);
            }
        }
    }
}
