//! From bits to symbols: one look-up for short codes and the values behind them (T.81 F.2.2).

use super::super::bits::BitReader;
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

/// A decoded symbol and, where its code was short, the value that follows it.
///
/// Bits 0..5: bits to consume. Bits 5..9: bits of the value still to be read. Bits 9..16: by how much
/// to advance in the zig-zag sequence, or one of the special advances below. Bits 16..32: the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::jpeg) struct Symbol(u32);

/// Advance of end-of-block, and of end-of-band runs with their size in the extra bits.
pub(in crate::jpeg) const ADVANCE_END: u32 = 127;
/// Advance of a symbol that the process does not have.
pub(in crate::jpeg) const ADVANCE_ILLEGAL: u32 = 126;
/// What is added to the advance of a refinement symbol of another size than 1, where that is read.
pub(in crate::jpeg) const ADVANCE_WRONG_SIZE: u32 = 32;
/// Advance of bits that are no code.
pub(in crate::jpeg) const ADVANCE_UNKNOWN: u32 = 125;

impl Symbol {
    #[inline(always)]
    pub(in crate::jpeg) const fn bits(self) -> u32 {
        self.0 & 31
    }

    #[inline(always)]
    pub(in crate::jpeg) const fn extra_bits(self) -> u32 {
        self.0 >> 5 & 15
    }

    #[inline(always)]
    pub(in crate::jpeg) const fn advance(self) -> u32 {
        self.0 >> 9 & 127
    }

    #[inline(always)]
    pub(in crate::jpeg) const fn value(self) -> i32 {
        self.0.cast_signed() >> 16
    }

    const fn new(bits: u32, extra: u32, advance: u32) -> Self {
        Self(bits | extra << 5 | advance << 9)
    }

    const fn with_value(self, value: i32) -> Self {
        Self(self.0 | value.cast_unsigned() << 16)
    }

    const fn of(symbol: u8, length: u32, class: SymbolClass, sizes: Sizes) -> Self {
        let (run, size) = (symbol as u32 >> 4, symbol as u32 & 15);
        match class {
            SymbolClass::Dc if symbol as u32 > sizes.largest(class) => {
                Self::new(length, 0, ADVANCE_ILLEGAL)
            }
            SymbolClass::Dc => Self::new(length, size, 0),
            SymbolClass::SequentialAc | SymbolClass::ProgressiveAc | SymbolClass::RefinementAc => {
                Self::of_ac(run, size, length, class, sizes)
            }
        }
    }

    const fn of_ac(run: u32, size: u32, length: u32, class: SymbolClass, sizes: Sizes) -> Self {
        let any = matches!(sizes, Sizes::Any);
        match class {
            _ if run == 15 && size == 0 => Self::new(length, 0, 16),
            SymbolClass::SequentialAc if size == 0 && run == 0 => Self::new(length, 0, ADVANCE_END),
            // The value tells it from a lawful end.
            SymbolClass::SequentialAc if size == 0 && any => {
                Self::new(length, 0, ADVANCE_END).with_value(1)
            }
            SymbolClass::ProgressiveAc | SymbolClass::RefinementAc if size == 0 => {
                Self::new(length, run, ADVANCE_END)
            }
            SymbolClass::RefinementAc if size == 1 => Self::new(length, 1, run + 1),
            // libjpeg warns of other sizes, and reads one bit.
            SymbolClass::RefinementAc if any => Self::new(length, 1, run + 1 + ADVANCE_WRONG_SIZE),
            SymbolClass::SequentialAc | SymbolClass::ProgressiveAc
                if size != 0 && size <= sizes.largest(class) =>
            {
                Self::new(length, size, run + 1)
            }
            _ => Self::new(length, 0, ADVANCE_ILLEGAL),
        }
    }
}

/// Bits resolved by one look-up. Ten bits keep four tables in the first-level cache.
const FAST_BITS: u32 = 10;

/// A table ready for decoding one class of symbols.
#[derive(Debug, Clone)]
pub(in crate::jpeg) struct DecodeTable {
    /// Symbol for each value of the next ten bits; 0 where the code is longer.
    fast: Box<[Symbol; 1 << FAST_BITS]>,
    /// Codes longer than ten bits, by length: codes below `limit`, left-aligned to 16 bits, have it.
    slow: Vec<LongCodes>,
    symbols: Vec<u8>,
    class: SymbolClass,
    sizes: Sizes,
}

#[derive(Debug, Clone, Copy)]
struct LongCodes {
    limit: u32,
    length: u32,
    first_code: u32,
    first_symbol: usize,
}

impl DecodeTable {
    pub(in crate::jpeg) fn new(spec: &HuffmanSpec, class: SymbolClass, sizes: Sizes) -> Self {
        let mut fast = Box::new([Symbol(0); 1 << FAST_BITS]);
        for (symbol, code, length) in spec.codes().take_while(|code| code.2 <= FAST_BITS) {
            let base = Symbol::of(symbol, length, class, sizes);
            let free = FAST_BITS - length;
            let first = (code << free) as usize;
            for (following, entry) in (0_u32..).zip(&mut fast[first..first + (1 << free)]) {
                *entry = resolve_value(base, following, free);
            }
        }
        let mut slow = Vec::new();
        let mut first_code = 0_u32;
        let mut first_symbol = 0;
        for (length, count) in (1_u32..).zip(spec.counts) {
            let end = first_code + u32::from(count);
            if length > FAST_BITS {
                slow.push(LongCodes {
                    limit: end << (16 - length),
                    length,
                    first_code,
                    first_symbol,
                });
            }
            first_symbol += usize::from(count);
            first_code = end << 1;
        }
        Self {
            fast,
            slow,
            symbols: spec.symbols.clone(),
            class,
            sizes,
        }
    }

    /// The symbol at the reader's position, 16 bits of which must be available. Consumes its code
    /// and, where [`Symbol::extra_bits`] is 0, its value.
    #[inline(always)]
    pub(in crate::jpeg) fn symbol(&self, bits: &mut BitReader<'_>) -> Symbol {
        let mut symbol = self.fast[bits.peek(FAST_BITS) as usize];
        if symbol.0 == 0 {
            symbol = self.long_symbol(bits.peek(16));
        }
        bits.consume(symbol.bits());
        symbol
    }

    #[cold]
    #[inline(never)]
    fn long_symbol(&self, next: u32) -> Symbol {
        for codes in &self.slow {
            if next < codes.limit {
                let offset = (next >> (16 - codes.length)).wrapping_sub(codes.first_code);
                if let Some(&symbol) = self
                    .symbols
                    .get(codes.first_symbol.wrapping_add(offset as usize))
                {
                    return Symbol::of(symbol, codes.length, self.class, self.sizes);
                }
            }
        }
        Symbol::new(0, 0, ADVANCE_UNKNOWN)
    }
}

/// Adds the value to a symbol if all its bits are among the `free` bits that follow the code.
fn resolve_value(base: Symbol, following: u32, free: u32) -> Symbol {
    let size = base.extra_bits();
    if size == 0 || size > free || base.advance() == ADVANCE_END {
        return base;
    }
    let value = extend(following >> (free - size), size);
    Symbol::new(base.bits() + size, 0, base.advance()).with_value(value)
}

/// The signed value of `size` bits, 1 to 15 (T.81 F.2.2.1, EXTEND).
#[inline(always)]
pub(in crate::jpeg) const fn extend(bits: u32, size: u32) -> i32 {
    let bits = bits.cast_signed();
    // -1 for values whose top bit is clear, else 0.
    let negative = (bits >> (size - 1)) - 1;
    bits + (negative & (1 - (1 << size)))
}

/// Reads the signed value that follows a symbol; up to [`PROMPT_BITS`] must be available.
#[inline(always)]
pub(in crate::jpeg) fn receive_extend(bits: &mut BitReader<'_>, size: u32) -> i32 {
    if size > PROMPT_BITS {
        return receive_extend_long(bits, size);
    }
    let value = extend(bits.peek(size), size);
    bits.consume(size);
    value
}

/// Bits of a value that callers have refilled for. Longer ones are all but unknown in samples of 8 bits.
const PROMPT_BITS: u32 = 10;

/// Leaves as many bits available as after a short value.
#[cold]
#[inline(never)]
fn receive_extend_long(bits: &mut BitReader<'_>, size: u32) -> i32 {
    bits.refill();
    let value = extend(bits.peek(size), size);
    bits.consume(size);
    bits.refill();
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::bits::{BitWriter, EntropyData};
    use super::super::EncodeTable;
    use super::*;

    #[test]
    fn extend_follows_table_f_1() {
        assert_eq!([extend(0, 1), extend(1, 1)], [-1, 1]);
        assert_eq!(
            [extend(0, 3), extend(3, 3), extend(4, 3), extend(7, 3)],
            [-7, -4, 4, 7]
        );
        assert_eq!([extend(0, 11), extend(2047, 11)], [-2047, 2047]);
    }

    #[test]
    fn values_of_every_size_are_read_where_the_bits_of_a_short_one_are_left() {
        for size in 1..=15 {
            for value in [0, 1, 1 << (size - 1), (1 << size) - 1] {
                let mut writer = BitWriter::default();
                writer.put(0, 23);
                writer.put(0, 23);
                writer.put(value, size);
                writer.put(0b1011_0110, 8);
                let bytes = writer.finish();
                let mut data = EntropyData::default();
                data.load(&bytes, 0, |code| code != 0).unwrap();
                let mut bits = data.bits();
                // Of 56 bits ten stay available.
                bits.refill();
                bits.consume(23);
                bits.consume(23);
                assert_eq!(receive_extend(&mut bits, size), extend(value, size));
                bits.refill();
                assert_eq!(bits.peek(8), 0b1011_0110, "{value} of {size} bits");
            }
        }
    }

    /// T.81 tables F.1, F.2, F.6, F.7, G.1 and G.1.2.3; `Any` is what libjpeg makes of the rest.
    #[test]
    fn symbols_mean_what_their_class_and_the_sizes_of_the_process_say() {
        use SymbolClass::{Dc, ProgressiveAc, RefinementAc, SequentialAc};
        const END: u32 = ADVANCE_END;
        const ILLEGAL: (u32, u32, i32) = (0, ADVANCE_ILLEGAL, 0);
        for (sizes, largest_dc, largest_ac) in [
            (Sizes::EightBit, 11, 10),
            (Sizes::TwelveBit, 15, 14),
            (Sizes::Any, 15, 15),
        ] {
            let any = sizes == Sizes::Any;
            for symbol in 0..=255_u8 {
                let (run, size) = (u32::from(symbol / 16), u32::from(symbol % 16));
                for class in [Dc, SequentialAc, ProgressiveAc, RefinementAc] {
                    let expected = match (class, run, size) {
                        (Dc, 0, size) if size <= largest_dc => (size, 0, 0),
                        (Dc, _, _) => ILLEGAL,
                        (_, 15, 0) => (0, 16, 0),
                        (SequentialAc, 0, 0) => (0, END, 0),
                        (SequentialAc, _, 0) => {
                            if any {
                                (0, END, 1)
                            } else {
                                ILLEGAL
                            }
                        }
                        (_, run, 0) => (run, END, 0),
                        (RefinementAc, run, 1) => (1, run + 1, 0),
                        (RefinementAc, run, _) => {
                            if any {
                                (1, run + 1 + 32, 0)
                            } else {
                                ILLEGAL
                            }
                        }
                        (_, run, size) => {
                            if size <= largest_ac {
                                (size, run + 1, 0)
                            } else {
                                ILLEGAL
                            }
                        }
                    };
                    let found = Symbol::of(symbol, 9, class, sizes);
                    assert_eq!(found.bits(), 9);
                    assert_eq!(
                        (found.extra_bits(), found.advance(), found.value()),
                        expected,
                        "{symbol:#04X}, {class:?}, {sizes:?}"
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn symbols_written_with_an_optimal_table_are_read_back(
            symbols in prop::collection::vec(any::<u8>().prop_map(|byte| byte & byte.rotate_left(3)), 1..400),
        ) {
            let mut frequencies = [0; 256];
            for &symbol in &symbols {
                frequencies[usize::from(symbol)] += 1;
            }
            let spec = HuffmanSpec::optimal(&frequencies);
            prop_assert_eq!(HuffmanSpec::new(spec.counts, &spec.symbols), Ok(spec.clone()));
            let encode = EncodeTable::new(&spec);
            let mut writer = BitWriter::default();
            for &symbol in &symbols {
                let (code, length) = encode.code(symbol);
                writer.put(code, length);
            }
            let bytes = writer.finish();
            let mut data = EntropyData::default();
            data.load(&bytes, 0, |code| code != 0).unwrap();
            let mut bits = data.bits();
            // The progressive class has a distinct entry for every legal symbol.
            let decode = DecodeTable::new(&spec, SymbolClass::ProgressiveAc, Sizes::EightBit);
            for &symbol in &symbols {
                bits.refill();
                let (code, length) = encode.code(symbol);
                prop_assert_eq!(bits.peek(length), code);
                let mut one = bits.clone();
                let found = decode.symbol(&mut one);
                let expected = Symbol::of(symbol, length, SymbolClass::ProgressiveAc, Sizes::EightBit);
                prop_assert_eq!(found.advance(), expected.advance());
                prop_assert_eq!(found.bits() + found.extra_bits(), length + expected.extra_bits());
                bits.consume(length);
            }
        }
    }
}
