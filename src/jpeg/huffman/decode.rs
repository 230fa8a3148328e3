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

/// A decoded symbol: the bits that it takes, with those of the value behind it, and where it leads.
///
/// Plain bytes, since the decoders wait for nothing longer than for the next of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::jpeg) struct Symbol {
    /// Bits of the code and of the value: what is consumed; at most 31.
    bits: u8,
    code_bits: u8,
    /// Bits of the value, SSSS; of an end-of-band run those of its length.
    size: u8,
    /// How far the zig-zag sequence goes on, or one of the codes below, which all lead past its end.
    advance: u8,
}

impl Symbol {
    /// Advance of end-of-block, and of end-of-band runs.
    pub(in crate::jpeg) const END: u8 = 64;
    /// Advance of a run without a value, where that is read: as an end.
    pub(in crate::jpeg) const END_IN_EFFECT: u8 = 65;
    /// Advance of a symbol that the process does not have.
    pub(in crate::jpeg) const ILLEGAL: u8 = 66;
    /// Advance of bits that are no code; they are not consumed.
    pub(in crate::jpeg) const UNKNOWN: u8 = 67;
    /// What is added to the advance of a refinement symbol of another size than 1, where that is read.
    const OF_WRONG_SIZE: u8 = 32;

    /// Stands in the first table for the codes that it cannot tell.
    const LONG: Self = Self::new(0, 0, Self::UNKNOWN);

    const fn new(code_bits: u8, size: u8, advance: u8) -> Self {
        Self {
            bits: code_bits + size,
            code_bits,
            size,
            advance,
        }
    }

    #[inline(always)]
    pub(in crate::jpeg) const fn bits(self) -> u32 {
        self.bits as u32
    }

    #[inline(always)]
    pub(in crate::jpeg) const fn code_bits(self) -> u32 {
        self.code_bits as u32
    }

    #[inline(always)]
    pub(in crate::jpeg) const fn size(self) -> u32 {
        self.size as u32
    }

    #[inline(always)]
    pub(in crate::jpeg) const fn advance(self) -> u8 {
        self.advance
    }

    /// Whether there is no such symbol, or none here.
    #[inline(always)]
    pub(in crate::jpeg) const fn is_breach(self) -> bool {
        self.advance >= Self::ILLEGAL
    }

    /// The zeros before the coefficient of a refinement symbol, RRRR.
    #[inline(always)]
    pub(in crate::jpeg) const fn run(self) -> u32 {
        (self.advance.wrapping_sub(1) & 15) as u32
    }

    /// Whether a refinement symbol has another size than 1.
    #[inline(always)]
    pub(in crate::jpeg) const fn has_wrong_size(self) -> bool {
        self.advance & Self::OF_WRONG_SIZE != 0
    }

    /// The signed value behind the code, at which the reader still stands; 0 where the symbol has none
    /// (T.81 F.2.2.1, EXTEND). Without a branch: sizes are as hard to foresee as the picture.
    #[inline(always)]
    pub(in crate::jpeg) const fn value(self, bits: &BitReader<'_>) -> i32 {
        let behind = bits.behind(self.code_bits());
        // All ones where the first bit is clear: the value is negative, and its complement follows.
        let negative = !(behind.cast_signed() >> 63);
        let magnitude = first_bits(behind ^ negative.cast_unsigned(), self.size());
        // Of at most 15 bits.
        #[expect(clippy::cast_possible_truncation, reason = "shown above")]
        {
            ((magnitude.cast_signed() ^ negative) - negative) as i32
        }
    }

    /// Blocks of the end-of-band run that the symbol starts, this one included (T.81 G.1.2.2); the reader
    /// still stands at the code.
    #[inline(always)]
    pub(in crate::jpeg) const fn end_of_band_run(self, bits: &BitReader<'_>) -> u32 {
        let extra = first_bits(bits.behind(self.code_bits()), self.size());
        // Of at most 14 bits.
        #[expect(clippy::cast_possible_truncation, reason = "shown above")]
        {
            (1 << self.size()) + extra as u32
        }
    }

    const fn of(symbol: u8, code_bits: u8, class: SymbolClass, sizes: Sizes) -> Self {
        let (run, size) = (symbol >> 4, symbol & 15);
        let any = matches!(sizes, Sizes::Any);
        let is_legal = size as u32 <= sizes.largest(class);
        match class {
            SymbolClass::Dc if run == 0 && is_legal => Self::new(code_bits, size, 0),
            SymbolClass::Dc => Self::new(code_bits, 0, Self::ILLEGAL),
            _ if run == 15 && size == 0 => Self::new(code_bits, 0, 16),
            SymbolClass::SequentialAc if size == 0 && run == 0 => {
                Self::new(code_bits, 0, Self::END)
            }
            SymbolClass::SequentialAc if size == 0 && any => {
                Self::new(code_bits, 0, Self::END_IN_EFFECT)
            }
            SymbolClass::ProgressiveAc | SymbolClass::RefinementAc if size == 0 => {
                Self::new(code_bits, run, Self::END)
            }
            SymbolClass::RefinementAc if size == 1 => Self::new(code_bits, 1, run + 1),
            // libjpeg warns of other sizes, and reads one bit.
            SymbolClass::RefinementAc if any => {
                Self::new(code_bits, 1, run + 1 + Self::OF_WRONG_SIZE)
            }
            SymbolClass::SequentialAc | SymbolClass::ProgressiveAc if size != 0 && is_legal => {
                Self::new(code_bits, size, run + 1)
            }
            _ => Self::new(code_bits, 0, Self::ILLEGAL),
        }
    }
}

/// The first `count` bits, at most 63 and possibly none.
#[inline(always)]
const fn first_bits(bits: u64, count: u32) -> u64 {
    bits >> 1 >> (63 - count & 63)
}

/// Bits of the codes that one look-up tells. Tables of four bytes an entry leave room in the first-level
/// cache for those of two components and their blocks.
const FAST_BITS: u32 = 10;

/// A table ready for decoding one class of symbols.
#[derive(Debug, Clone)]
pub(in crate::jpeg) struct DecodeTable {
    /// Symbol for each value of the next ten bits; [`Symbol::LONG`] where the code is longer.
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
    length: u8,
    first_code: u32,
    first_symbol: usize,
}

impl DecodeTable {
    pub(in crate::jpeg) fn new(spec: &HuffmanSpec, class: SymbolClass, sizes: Sizes) -> Self {
        let mut fast = Box::new([Symbol::LONG; 1 << FAST_BITS]);
        for (symbol, code, length) in spec.codes() {
            let Some(free) = FAST_BITS.checked_sub(length.into()) else {
                break;
            };
            let first = (code << free) as usize;
            fast[first..first + (1 << free)].fill(Symbol::of(symbol, length, class, sizes));
        }
        let mut slow = Vec::new();
        let mut first_code = 0_u32;
        let mut first_symbol = 0;
        for (length, count) in (1_u8..).zip(spec.counts) {
            let end = first_code + u32::from(count);
            if u32::from(length) > FAST_BITS {
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

    /// The symbol at the reader's position, which is not consumed.
    ///
    /// [`SYMBOL_BITS`] must be available: what a short code takes with its value. Longer codes refill for
    /// themselves, and leave as many as after a short one. So two symbols may follow a refill.
    #[inline(always)]
    pub(in crate::jpeg) fn symbol(&self, bits: &mut BitReader<'_>) -> Symbol {
        let symbol = self.fast[bits.peek(FAST_BITS) as usize];
        if symbol.bits != 0 {
            return symbol;
        }
        bits.refill();
        self.long_symbol(bits.peek(16))
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
        Symbol::LONG
    }
}

/// Bits of a code of the first table and of the longest value.
const SYMBOL_BITS: u32 = FAST_BITS + 15;

// A refill holds two of them, or one beside the longest code and value.
const _: () = assert!(2 * SYMBOL_BITS <= REFILLED && 16 + 15 + SYMBOL_BITS <= REFILLED);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::bits::{BitWriter, EntropyData};
    use super::super::EncodeTable;
    use super::*;

    /// A reader of these bits, the first one on top, behind a code of `code_bits` ones.
    fn with_reader<T>(
        code_bits: u32,
        value: u32,
        size: u32,
        run: impl FnOnce(&BitReader<'_>) -> T,
    ) -> T {
        let mut writer = BitWriter::default();
        writer.put((1 << code_bits) - 1, code_bits);
        writer.put(value, size);
        writer.put(0b1011_0110, 8);
        let bytes = writer.finish();
        let mut data = EntropyData::default();
        data.load(&bytes, 0, |code| code != 0 && code != 0xFF)
            .unwrap();
        let mut bits = data.bits();
        bits.refill();
        run(&bits)
    }

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
            (0, 0, 0),
        ] {
            let symbol = Symbol::new(5, size, 1);
            let found = with_reader(5, value, size.into(), |bits| symbol.value(bits));
            assert_eq!(found, expected, "{value} of {size} bits");
        }
        for code_bits in [1, 10, 16] {
            for size in 1..=15_u8 {
                for value in [
                    0,
                    1,
                    (1 << (size - 1)) - 1,
                    1 << (size - 1),
                    (1 << size) - 1,
                ] {
                    let symbol = Symbol::new(code_bits, size, 1);
                    let found = with_reader(code_bits.into(), value, size.into(), |bits| {
                        symbol.value(bits)
                    });
                    let signed = value.cast_signed();
                    let expected = if value >> (size - 1) == 1 {
                        signed
                    } else {
                        signed + 1 - (1 << size)
                    };
                    assert_eq!(found, expected, "{value} of {size} bits");
                }
            }
        }
    }

    #[test]
    fn an_end_of_band_run_has_the_length_that_its_bits_add() {
        for size in 0..=14_u8 {
            for extra in [0, (1 << size) - 1] {
                let symbol = Symbol::new(4, size, Symbol::END);
                let found = with_reader(4, extra, size.into(), |bits| symbol.end_of_band_run(bits));
                assert_eq!(found, (1 << size) + extra);
            }
        }
    }

    /// T.81 tables F.1, F.2, F.6, F.7, G.1 and G.1.2.3; `Any` is what libjpeg makes of the rest.
    #[test]
    fn symbols_mean_what_their_class_and_the_sizes_of_the_process_say() {
        use SymbolClass::{Dc, ProgressiveAc, RefinementAc, SequentialAc};
        const END: u8 = Symbol::END;
        const ILLEGAL: (u8, u8) = (0, Symbol::ILLEGAL);
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
                                (0, Symbol::END_IN_EFFECT)
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
                    assert_eq!((found.code_bits(), found.bits()), (9, 9 + found.size()));
                    assert_eq!(
                        (found.size, found.advance()),
                        expected,
                        "{symbol:#04X}, {class:?}, {sizes:?}"
                    );
                    if class == RefinementAc && found.advance() < END {
                        assert_eq!(found.run(), run.into());
                        assert_eq!(found.has_wrong_size(), size > 1);
                    }
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
                let found = decode.symbol(&mut bits);
                let class = SymbolClass::ProgressiveAc;
                prop_assert_eq!(found, Symbol::of(symbol, u8::try_from(length).unwrap(), class, Sizes::EightBit));
                bits.consume(length);
            }
        }
    }
}
