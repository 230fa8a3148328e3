//! Huffman tables: their definition, the decoder's look-up and the encoder's codes (T.81 Annex C, F.1.2, K.2, K.3).

use crate::error::Malformed;

use super::bits::BitReader;

/// A table as DHT carries it: the number of codes of each length, and the symbols in code order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HuffmanSpec {
    /// Codes of length 1 to 16 (BITS).
    counts: [u8; 16],
    /// Symbols by increasing code (HUFFVAL), at most 256.
    symbols: Vec<u8>,
}

impl HuffmanSpec {
    /// Checks that the lengths form a prefix code without the all-ones code (T.81 C.2).
    pub(super) fn new(counts: [u8; 16], symbols: &[u8]) -> Result<Self, Malformed> {
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        if total > 256 || total != symbols.len() {
            return Err(Malformed::HuffmanCode);
        }
        let mut code = 0_u32;
        for (length, &count) in (1..).zip(&counts) {
            code += u32::from(count);
            if count > 0 && code >= 1 << length {
                return Err(Malformed::HuffmanCode);
            }
            code <<= 1;
        }
        Ok(Self {
            counts,
            symbols: symbols.to_vec(),
        })
    }

    pub(super) const fn counts(&self) -> &[u8; 16] {
        &self.counts
    }

    pub(super) fn symbols(&self) -> &[u8] {
        &self.symbols
    }

    /// The example table of T.81 K.3.3.1 (tables K.3, K.4).
    pub(super) fn standard_dc(chrominance: bool) -> Self {
        let counts = if chrominance {
            [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
        } else {
            [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
        };
        Self {
            counts,
            symbols: (0..12).collect(),
        }
    }

    /// The example table of T.81 K.3.3.2 (tables K.5, K.6).
    pub(super) fn standard_ac(chrominance: bool) -> Self {
        let (counts, symbols) = if chrominance {
            (AC_CHROMINANCE_COUNTS, AC_CHROMINANCE_SYMBOLS)
        } else {
            (AC_LUMINANCE_COUNTS, AC_LUMINANCE_SYMBOLS)
        };
        Self {
            counts,
            symbols: symbols.to_vec(),
        }
    }

    /// The optimal table for symbols of these frequencies, by the procedure of T.81 K.2.
    pub(super) fn optimal(frequencies: &[u32; 256]) -> Self {
        let lengths = code_lengths(frequencies);
        let mut bits = [0_u32; 257];
        for &length in lengths.iter().filter(|&&length| length > 0) {
            bits[usize::from(length)] += 1;
        }
        limit_to_16_bits(&mut bits);
        // Symbol 256, in the longest length, reserved the all-ones code; it goes now.
        if let Some(longest) = (1..=16).rev().find(|&length| bits[length] > 0) {
            bits[longest] -= 1;
        }
        let mut counts = [0; 16];
        for (count, &number) in counts.iter_mut().zip(&bits[1..=16]) {
            *count = u8::try_from(number).unwrap_or(u8::MAX);
        }
        let mut symbols: Vec<u8> = (0..=255)
            .filter(|&symbol| lengths[usize::from(symbol)] > 0)
            .collect();
        symbols.sort_by_key(|&symbol| lengths[usize::from(symbol)]);
        Self { counts, symbols }
    }

    /// (symbol, code, length) in code order (T.81 C.2).
    fn codes(&self) -> impl Iterator<Item = (u8, u32, u32)> + '_ {
        let mut symbols = self.symbols.iter();
        let mut next_code = 0_u32;
        (1_u32..).zip(self.counts).flat_map(move |(length, count)| {
            let first = next_code;
            next_code = (first + u32::from(count)) << 1;
            symbols
                .by_ref()
                .take(usize::from(count))
                .zip(first..)
                .map(move |(&symbol, code)| (symbol, code, length))
                .collect::<Vec<_>>()
        })
    }
}

/// Code length of each symbol and of the reserved symbol 256 (T.81 figure K.1).
fn code_lengths(frequencies: &[u32; 256]) -> [u16; 257] {
    let mut weight = [0_u64; 257];
    for (weight, &frequency) in weight.iter_mut().zip(frequencies) {
        *weight = u64::from(frequency);
    }
    weight[256] = 1;
    let mut length = [0_u16; 257];
    // Symbols merged into one tree are chained through `next`.
    let mut next = [None::<usize>; 257];
    // The lighter of two trees; of equals the one of the larger symbol.
    let lightest = |weight: &[u64; 257], except: Option<usize>| {
        (0..257)
            .rev()
            .filter(|&index| weight[index] > 0 && Some(index) != except)
            .min_by_key(|&index| weight[index])
    };
    while let Some(first) = lightest(&weight, None) {
        let Some(second) = lightest(&weight, Some(first)) else {
            break;
        };
        weight[first] += weight[second];
        weight[second] = 0;
        let mut symbol = first;
        loop {
            length[symbol] += 1;
            match next[symbol] {
                Some(following) => symbol = following,
                None => break,
            }
        }
        next[symbol] = Some(second);
        let mut chained = Some(second);
        while let Some(symbol) = chained {
            length[symbol] += 1;
            chained = next[symbol];
        }
    }
    length
}

/// Shortens codes of more than 16 bits (T.81 figure K.3).
///
/// Two codes of the longest length share a prefix: it becomes the code of one of them, and the
/// other takes half of a shorter code, which grows by one bit.
fn limit_to_16_bits(bits: &mut [u32; 257]) {
    for length in (17..=256).rev() {
        while bits[length] > 0 {
            let Some(shorter) = (1..length - 1).rev().find(|&shorter| bits[shorter] > 0) else {
                break;
            };
            bits[length] -= 2;
            bits[length - 1] += 1;
            bits[shorter + 1] += 2;
            bits[shorter] -= 1;
        }
    }
}

/// What the symbols of a table mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SymbolClass {
    /// Size of a DC difference (T.81 F.1.2.1).
    Dc,
    /// Run and size of a sequential scan (T.81 F.1.2.2).
    SequentialAc,
    /// Run and size, or end-of-band run, of a progressive scan (T.81 G.1.2.2).
    ProgressiveAc,
}

/// A decoded symbol and, where its code was short, the value that follows it.
///
/// Bits 0..5: bits to consume. Bits 5..9: bits of the value still to be read. Bits 9..16: by how much
/// to advance in the zig-zag sequence, or one of the special advances below. Bits 16..32: the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Symbol(u32);

/// Advance of end-of-block, and of end-of-band runs with their size in the extra bits.
pub(super) const ADVANCE_END: u32 = 127;
/// Advance of a symbol that the process does not have.
pub(super) const ADVANCE_ILLEGAL: u32 = 126;
/// Advance of bits that are no code.
pub(super) const ADVANCE_UNKNOWN: u32 = 125;

impl Symbol {
    #[inline(always)]
    pub(super) const fn bits(self) -> u32 {
        self.0 & 31
    }

    #[inline(always)]
    pub(super) const fn extra_bits(self) -> u32 {
        self.0 >> 5 & 15
    }

    #[inline(always)]
    pub(super) const fn advance(self) -> u32 {
        self.0 >> 9 & 127
    }

    #[inline(always)]
    pub(super) const fn value(self) -> i32 {
        self.0.cast_signed() >> 16
    }

    const fn new(bits: u32, extra: u32, advance: u32) -> Self {
        Self(bits | extra << 5 | advance << 9)
    }

    const fn with_value(self, value: i32) -> Self {
        Self(self.0 | value.cast_unsigned() << 16)
    }

    const fn of(symbol: u8, length: u32, class: SymbolClass) -> Self {
        let (run, size) = (symbol as u32 >> 4, symbol as u32 & 15);
        match class {
            SymbolClass::Dc if symbol > 11 => Self::new(length, 0, ADVANCE_ILLEGAL),
            SymbolClass::Dc => Self::new(length, size, 0),
            SymbolClass::SequentialAc | SymbolClass::ProgressiveAc => match (run, size) {
                (15, 0) => Self::new(length, 0, 16),
                (0, 0) => Self::new(length, 0, ADVANCE_END),
                (run, 0) if matches!(class, SymbolClass::ProgressiveAc) => {
                    Self::new(length, run, ADVANCE_END)
                }
                (_, 0 | 11..) => Self::new(length, 0, ADVANCE_ILLEGAL),
                (run, size) => Self::new(length, size, run + 1),
            },
        }
    }
}

/// Bits resolved by one look-up. Ten bits keep four tables in the first-level cache.
const FAST_BITS: u32 = 10;

/// A table ready for decoding one class of symbols.
#[derive(Debug, Clone)]
pub(super) struct DecodeTable {
    /// Symbol for each value of the next ten bits; 0 where the code is longer.
    fast: Box<[Symbol; 1 << FAST_BITS]>,
    /// Codes longer than ten bits, by length: codes below `limit`, left-aligned to 16 bits, have it.
    slow: Vec<LongCodes>,
    symbols: Vec<u8>,
    class: SymbolClass,
}

#[derive(Debug, Clone, Copy)]
struct LongCodes {
    limit: u32,
    length: u32,
    first_code: u32,
    first_symbol: usize,
}

impl DecodeTable {
    pub(super) fn new(spec: &HuffmanSpec, class: SymbolClass) -> Self {
        let mut fast = Box::new([Symbol(0); 1 << FAST_BITS]);
        for (symbol, code, length) in spec.codes().take_while(|code| code.2 <= FAST_BITS) {
            let base = Symbol::of(symbol, length, class);
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
        }
    }

    /// The symbol at the reader's position, 16 bits of which must be available. Consumes its code
    /// and, where [`Symbol::extra_bits`] is 0, its value.
    #[inline(always)]
    pub(super) fn symbol(&self, bits: &mut BitReader<'_>) -> Symbol {
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
                    return Symbol::of(symbol, codes.length, self.class);
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
pub(super) const fn extend(bits: u32, size: u32) -> i32 {
    let bits = bits.cast_signed();
    // -1 for values whose top bit is clear, else 0.
    let negative = (bits >> (size - 1)) - 1;
    bits + (negative & (1 - (1 << size)))
}

/// Reads the signed value that follows a symbol; its bits must be available.
#[inline(always)]
pub(super) fn receive_extend(bits: &mut BitReader<'_>, size: u32) -> i32 {
    let value = extend(bits.peek(size), size);
    bits.consume(size);
    value
}

/// A table ready for encoding: code and length of each symbol, length 0 where there is none.
#[derive(Debug, Clone)]
pub(super) struct EncodeTable {
    codes: Box<[(u32, u32); 256]>,
}

impl EncodeTable {
    pub(super) fn new(spec: &HuffmanSpec) -> Self {
        let mut codes = Box::new([(0, 0); 256]);
        for (symbol, code, length) in spec.codes() {
            codes[usize::from(symbol)] = (code, length);
        }
        Self { codes }
    }

    #[inline(always)]
    pub(super) fn code(&self, symbol: u8) -> (u32, u32) {
        self.codes[usize::from(symbol)]
    }
}

const AC_LUMINANCE_COUNTS: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D];

#[rustfmt::skip]
const AC_LUMINANCE_SYMBOLS: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0,
    0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
    0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
    0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
    0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
    0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5,
    0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2,
    0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
];

const AC_CHROMINANCE_COUNTS: [u8; 16] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77];

#[rustfmt::skip]
const AC_CHROMINANCE_SYMBOLS: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0,
    0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26,
    0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
    0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
    0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5,
    0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
    0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
    0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bits::{BitWriter, EntropyData};
    use super::*;

    #[test]
    fn standard_tables_are_complete_prefix_codes() {
        for chrominance in [false, true] {
            let dc = HuffmanSpec::standard_dc(chrominance);
            assert_eq!(HuffmanSpec::new(dc.counts, &dc.symbols).as_ref(), Ok(&dc));
            let ac = HuffmanSpec::standard_ac(chrominance);
            assert_eq!(HuffmanSpec::new(ac.counts, &ac.symbols).as_ref(), Ok(&ac));
            let mut sorted = ac.symbols.clone();
            sorted.sort_unstable();
            // Runs 0 to 15 with sizes 1 to 10, end of block and sixteen zeros.
            let expected: Vec<u8> = (0..=255_u8)
                .filter(|symbol| matches!(symbol & 15, 1..=10) || matches!(symbol, 0 | 0xF0))
                .collect();
            assert_eq!(sorted, expected);
        }
    }

    #[test]
    fn lengths_that_form_no_prefix_code_are_refused() {
        let lengths = |pairs: &[(usize, u8)]| {
            let mut counts = [0; 16];
            for &(length, count) in pairs {
                counts[length - 1] = count;
            }
            counts
        };
        let symbols: Vec<u8> = (0..=255).collect();
        let check = |counts: [u8; 16]| {
            let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
            HuffmanSpec::new(counts, &symbols[..total.min(256)]).is_ok()
        };
        assert!(check(lengths(&[])));
        assert!(check(lengths(&[(1, 1)])));
        assert!(!check(lengths(&[(1, 2)])), "all ones");
        assert!(!check(lengths(&[(1, 1), (2, 2)])), "all ones");
        assert!(!check(lengths(&[(1, 1), (2, 3)])), "over-subscribed");
        assert!(!check(lengths(&[(8, 255), (16, 2)])), "more than 256");
        assert!(HuffmanSpec::new(lengths(&[(2, 2)]), &[1]).is_err());
    }

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
    fn the_optimal_code_of_one_symbol_is_one_bit() {
        let mut frequencies = [0; 256];
        frequencies[7] = 100;
        let spec = HuffmanSpec::optimal(&frequencies);
        assert_eq!(
            (spec.counts[0], spec.symbols.as_slice()),
            (1, [7].as_slice())
        );
        assert_eq!(HuffmanSpec::optimal(&[0; 256]).symbols, []);
    }

    #[test]
    fn fibonacci_frequencies_are_held_to_16_bits() {
        let mut frequencies = [0; 256];
        let (mut a, mut b) = (1_u32, 1_u32);
        for frequency in &mut frequencies[..40] {
            *frequency = a;
            (a, b) = (b, a + b);
        }
        let spec = HuffmanSpec::optimal(&frequencies);
        assert_eq!(spec.symbols.len(), 40);
        assert_eq!(HuffmanSpec::new(spec.counts, &spec.symbols), Ok(spec));
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
            data.load(&bytes, 0).unwrap();
            let mut bits = data.bits();
            // The progressive class has a distinct entry for every legal symbol.
            let decode = DecodeTable::new(&spec, SymbolClass::ProgressiveAc);
            for &symbol in &symbols {
                bits.refill();
                let (code, length) = encode.code(symbol);
                prop_assert_eq!(bits.peek(length), code);
                let mut one = bits.clone();
                let found = decode.symbol(&mut one);
                let expected = Symbol::of(symbol, length, SymbolClass::ProgressiveAc);
                prop_assert_eq!(found.advance(), expected.advance());
                prop_assert_eq!(found.bits() + found.extra_bits(), length + expected.extra_bits());
                bits.consume(length);
            }
        }
    }
}
