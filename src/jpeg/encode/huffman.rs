//! Where Huffman symbols go: into a count, for the best tables, or into the file.

use crate::coefficients::{ColorSpace, Scan};

use super::super::bits::BitWriter;
use super::super::huffman::{EncodeTable, HuffmanSpec};

/// The pair of Huffman tables, DC and AC, that a component uses; the value is the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TablePair {
    First = 0,
    Second = 1,
}

impl TablePair {
    /// libjpeg's choice: the second pair of tables serves colour differences.
    fn of(color: ColorSpace, component: usize) -> Self {
        match (color, component) {
            (ColorSpace::YCbCr | ColorSpace::Ycck, 1 | 2) => Self::Second,
            _ => Self::First,
        }
    }

    /// The pair of each component of a scan, by slot.
    pub(super) fn of_scan(color: ColorSpace, scan: &Scan) -> [Self; 4] {
        let mut pairs = [Self::First; 4];
        for (pair, component) in pairs.iter_mut().zip(scan.components()) {
            *pair = Self::of(color, component);
        }
        pairs
    }
}

/// The tables of both pairs.
#[derive(Debug, Clone)]
pub(super) struct HuffmanSpecs {
    pub(super) dc: [HuffmanSpec; 2],
    pub(super) ac: [HuffmanSpec; 2],
}

impl HuffmanSpecs {
    /// The example tables of T.81 K.3.3.
    pub(super) fn standard() -> Self {
        Self {
            dc: [false, true].map(HuffmanSpec::standard_dc),
            ac: [false, true].map(HuffmanSpec::standard_ac),
        }
    }
}

/// Where the symbols of a scan go.
pub(super) trait SymbolSink {
    /// A DC size with the bits that follow it.
    fn dc(&mut self, pair: TablePair, size: u32, bits: u32);
    /// An AC symbol with the `size` bits that follow it, at most 14.
    fn ac(&mut self, pair: TablePair, symbol: u8, size: u32, bits: u32);
    /// At most 32 bits without a symbol.
    fn bits(&mut self, bits: u32, count: u32);
    fn restart(&mut self, number: u8);
}

/// Counts symbols.
#[derive(Debug)]
pub(super) struct Counter {
    dc: [[u64; 256]; 2],
    ac: [[u64; 256]; 2],
}

impl Counter {
    pub(super) const fn new() -> Self {
        Self {
            dc: [[0; 256]; 2],
            ac: [[0; 256]; 2],
        }
    }

    /// The best tables for what was counted.
    pub(super) fn optimal(&self) -> HuffmanSpecs {
        HuffmanSpecs {
            dc: [0, 1].map(|pair| HuffmanSpec::optimal(&self.dc[pair])),
            ac: [0, 1].map(|pair| HuffmanSpec::optimal(&self.ac[pair])),
        }
    }
}

impl SymbolSink for Counter {
    #[inline(always)]
    fn dc(&mut self, pair: TablePair, size: u32, _: u32) {
        self.dc[pair as usize][size as usize & 255] += 1;
    }

    #[inline(always)]
    fn ac(&mut self, pair: TablePair, symbol: u8, _: u32, _: u32) {
        self.ac[pair as usize][usize::from(symbol)] += 1;
    }

    #[inline(always)]
    fn bits(&mut self, _: u32, _: u32) {}

    fn restart(&mut self, _: u8) {}
}

/// Writes symbols.
#[derive(Debug)]
pub(super) struct Writer {
    bits: BitWriter,
    dc: [EncodeTable; 2],
    ac: [EncodeTable; 2],
}

impl Writer {
    /// Appends to bytes that are already there.
    pub(super) fn new(bytes: Vec<u8>, specs: &HuffmanSpecs) -> Self {
        Self {
            bits: BitWriter::new(bytes),
            dc: [0, 1].map(|pair| EncodeTable::new(&specs.dc[pair])),
            ac: [0, 1].map(|pair| EncodeTable::new(&specs.ac[pair])),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bits.finish()
    }
}

impl SymbolSink for Writer {
    #[inline(always)]
    fn dc(&mut self, pair: TablePair, size: u32, bits: u32) {
        #[expect(clippy::cast_possible_truncation, reason = "a size is at most 15")]
        let (code, length) = self.dc[pair as usize].code(size as u8);
        self.bits.put(code << size | bits, length + size);
    }

    #[inline(always)]
    fn ac(&mut self, pair: TablePair, symbol: u8, size: u32, bits: u32) {
        let (code, length) = self.ac[pair as usize].code(symbol);
        self.bits.put(code << size | bits, length + size);
    }

    #[inline(always)]
    fn bits(&mut self, bits: u32, count: u32) {
        self.bits.put(bits, count);
    }

    fn restart(&mut self, number: u8) {
        self.bits.restart(number);
    }
}

/// Size category and low bits of a value (T.81 F.1.2.1): negative values are sent less one.
#[inline(always)]
pub(super) fn magnitude(value: i32) -> (u32, u32) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    let bits = (value + (value >> 31)).cast_unsigned() & ((1 << size) - 1);
    (size, bits)
}

/// Bit i is set where value i is not zero.
#[inline(always)]
pub(super) fn nonzero_mask(values: &[i16; 64]) -> u64 {
    let mut flags = [0_u8; 64];
    for (flag, &value) in flags.iter_mut().zip(values) {
        *flag = u8::from(value != 0);
    }
    let mut mask = 0;
    for (index, eight) in (0..).zip(flags.as_chunks::<8>().0) {
        // The product gathers the lowest bit of each byte, first byte lowest, in the highest byte.
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= bits << (8 * index);
    }
    mask
}
