//! Huffman tables: their definition, the standard's examples, the optimal ones, decoding and encoding.

mod decode;
mod decode_tables;
mod optimal;
mod standard;

pub(super) use decode::{DecodeTable, SYMBOLS_PER_REFILL, Sizes, SymbolClass, advance};
pub(super) use decode_tables::DecodeTables;

use crate::error::Malformed;

/// A table as DHT carries it: the number of codes of each length, and the symbols in code order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HuffmanSpec {
    /// Codes of length 1 to 16 (BITS).
    counts: [u8; 16],
    /// Symbols by increasing code (HUFFVAL), as many as `counts` add up to, and zeros behind them.
    symbols: [u8; 256],
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
        Ok(Self::from_parts(counts, symbols))
    }

    /// Lengths that form a prefix code, with as many symbols; there are at most 256.
    const fn from_parts(counts: [u8; 16], symbols: &[u8]) -> Self {
        let mut spec = Self {
            counts,
            symbols: [0; 256],
        };
        spec.symbols
            .split_at_mut(symbols.len())
            .0
            .copy_from_slice(symbols);
        spec
    }

    pub(super) const fn counts(&self) -> &[u8; 16] {
        &self.counts
    }

    pub(super) fn symbols(&self) -> &[u8] {
        let total: usize = self.counts.iter().map(|&count| usize::from(count)).sum();
        &self.symbols[..total]
    }

    /// (symbol, code, length) in code order (T.81 C.2).
    pub(super) fn codes(&self) -> impl Iterator<Item = (u8, u32, u8)> + '_ {
        let lengths = (1_u8..)
            .zip(self.counts)
            .flat_map(|(length, count)| std::iter::repeat_n(length, count.into()));
        let (mut next_code, mut before) = (0_u32, 1);
        self.symbols()
            .iter()
            .zip(lengths)
            .map(move |(&symbol, length)| {
                let code = next_code << (length - before);
                (next_code, before) = (code + 1, length);
                (symbol, code, length)
            })
    }

    /// Code and length by symbol, length 0 where there is none.
    pub(super) const fn codes_by_symbol(&self) -> [(u32, u32); 256] {
        let mut codes = [(0, 0); 256];
        let (mut index, mut code, mut length) = (0, 0, 1);
        while length <= 16 {
            let mut left = self.counts[length as usize - 1];
            while left > 0 {
                codes[self.symbols[index] as usize] = (code, length);
                (index, code, left) = (index + 1, code + 1, left - 1);
            }
            (code, length) = (code << 1, length + 1);
        }
        codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_by_symbol_are_those_in_order() {
        let mut counts = [0; 16];
        (counts[0], counts[2], counts[15]) = (1, 2, 3);
        let sparse = HuffmanSpec::new(counts, &[9, 0, 255, 7, 1, 2]).unwrap();
        let standard = [false, true].map(|chrominance| {
            [
                HuffmanSpec::standard_dc(chrominance),
                HuffmanSpec::standard_ac(chrominance),
            ]
        });
        for spec in standard.iter().flatten().chain([&sparse]) {
            let mut expected = [(0, 0); 256];
            for (symbol, code, length) in spec.codes() {
                expected[usize::from(symbol)] = (code, length.into());
            }
            assert_eq!(spec.codes_by_symbol(), expected);
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
}
