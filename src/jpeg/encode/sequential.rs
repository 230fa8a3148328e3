//! Sequential scans: the symbols of each block, counted or written (T.81 F.1.2).

use crate::band::{Band, Block, NATURAL_FROM_ZIGZAG};
use crate::coefficients::{CoefficientImage, Component};
use crate::error::{Error, Result};

use super::super::bits::BitWriter;
use super::super::huffman::{EncodeTable, HuffmanSpec};
use super::OutOfRange;

/// Largest magnitude of an AC coefficient: ten bits (T.81 table F.2, 8-bit samples).
const AC_BOUND: i32 = 1023;
/// Largest magnitude of a DC difference: eleven bits (T.81 table F.1, 8-bit samples).
const DC_BOUND: i32 = 2047;
/// Sixteen zero coefficients.
const ZERO_RUN: u8 = 0xF0;
const END_OF_BLOCK: u8 = 0;

/// The pair of Huffman tables, DC and AC, that a component uses; the value is the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TablePair {
    First = 0,
    Second = 1,
}

/// DC and AC table of both pairs.
pub(super) type Specs = [(HuffmanSpec, HuffmanSpec); 2];

/// The components of one scan.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    image: &'a CoefficientImage,
    /// With each component's index in the frame.
    components: Vec<(usize, &'a Component)>,
    out_of_range: OutOfRange,
}

/// Where the symbols of a scan go.
trait Sink {
    /// A DC size with the bits that follow it.
    fn dc(&mut self, pair: TablePair, size: u32, bits: u32);
    /// An AC symbol with the `size` bits that follow it.
    fn ac(&mut self, pair: TablePair, symbol: u8, size: u32, bits: u32);
    fn restart(&mut self, number: u8);
}

impl<'a> Scan<'a> {
    pub(super) fn new(
        image: &'a CoefficientImage,
        indices: &[usize],
        out_of_range: OutOfRange,
    ) -> Self {
        Self {
            image,
            components: indices
                .iter()
                .map(|&index| (index, &image.components()[index]))
                .collect(),
            out_of_range,
        }
    }

    /// Columns and rows of MCUs.
    pub(super) fn mcus(&self) -> (u32, u32) {
        match self.components.as_slice() {
            [(_, only)] => (only.blocks_wide(), only.blocks_high()),
            _ => self.image.geometry().mcus(),
        }
    }

    /// The best tables for this scan.
    pub(super) fn optimal_tables(&self, pairs: &[TablePair], interval: u16) -> Result<Specs> {
        let mut counter = Counter {
            dc: [[0; 256]; 2],
            ac: [[0; 256]; 2],
        };
        self.visit(pairs, interval, &mut counter)?;
        Ok([0, 1].map(|pair| {
            (
                HuffmanSpec::optimal(&counter.dc[pair]),
                HuffmanSpec::optimal(&counter.ac[pair]),
            )
        }))
    }

    /// Appends the entropy-coded data; returns the bytes and the number of clamped coefficients.
    pub(super) fn write(
        &self,
        bytes: Vec<u8>,
        pairs: &[TablePair],
        specs: &Specs,
        interval: u16,
    ) -> Result<(Vec<u8>, u64)> {
        let mut writer = Writer {
            bits: BitWriter::new(bytes),
            dc: [0, 1].map(|pair| EncodeTable::new(&specs[pair].0)),
            ac: [0, 1].map(|pair| EncodeTable::new(&specs[pair].1)),
        };
        let clamped = self.visit(pairs, interval, &mut writer)?;
        Ok((writer.bits.finish(), clamped))
    }

    /// Sends the symbols of all MCUs to a sink; returns the number of clamped coefficients.
    fn visit(&self, pairs: &[TablePair], interval: u16, sink: &mut impl Sink) -> Result<u64> {
        let (mcus_wide, mcus_high) = self.mcus();
        let interleaved = self.components.len() > 1;
        let mut clamped = 0;
        let mut predictions = [0_i32; 4];
        let mut until_restart = interval;
        let mut restarts = 0_u8;
        for row in 0..mcus_high {
            for column in 0..mcus_wide {
                if interval > 0 && until_restart == 0 {
                    sink.restart(restarts);
                    restarts = (restarts + 1) % 8;
                    until_restart = interval;
                    predictions = [0; 4];
                }
                until_restart = until_restart.wrapping_sub(1);
                let parts = self.components.iter().zip(pairs).zip(&mut predictions);
                for ((&(index, component), &pair), prediction) in parts {
                    let (horizontal, vertical) = component.sampling().blocks_in_mcu(interleaved);
                    for y in row * vertical..(row + 1) * vertical {
                        for x in column * horizontal..(column + 1) * horizontal {
                            if let Some(block) = component.block(x, y) {
                                clamped += self
                                    .block(block, pair, prediction, sink)
                                    .map_err(|found| found.at(index, x, y))?;
                            } else {
                                // Padding repeats the mean of the block before it (T.81 A.2.4).
                                sink.dc(pair, 0, 0);
                                sink.ac(pair, END_OF_BLOCK, 0, 0);
                            }
                        }
                    }
                }
            }
        }
        Ok(clamped)
    }

    /// Sends the symbols of one block; returns the number of clamped coefficients.
    #[inline(always)]
    fn block(
        &self,
        block: &Block,
        pair: TablePair,
        prediction: &mut i32,
        sink: &mut impl Sink,
    ) -> Result<u64, OutOfRangeAt> {
        let mut clamped = 0;
        // The prediction is always a value that an i16 holds, or within DC_BOUND of one.
        let mut difference = i32::from(block[0]) - *prediction;
        if difference.abs() > DC_BOUND {
            difference = self.clamp(0, difference, DC_BOUND)?;
            clamped += 1;
        }
        *prediction += difference;
        let (size, bits) = magnitude(difference);
        sink.dc(pair, size, bits);

        let mut zigzag = [0_i16; 64];
        for (value, &natural) in zigzag.iter_mut().zip(&NATURAL_FROM_ZIGZAG) {
            *value = block[usize::from(natural) & 63];
        }
        let mut nonzero = nonzero_mask(&zigzag);
        // Bit 0 is DC.
        nonzero &= !1;
        let mut previous = 0;
        while nonzero != 0 {
            let position = nonzero.trailing_zeros();
            nonzero &= nonzero - 1;
            let mut run = position - previous - 1;
            previous = position;
            while run > 15 {
                sink.ac(pair, ZERO_RUN, 0, 0);
                run -= 16;
            }
            let mut value = i32::from(zigzag[position as usize & 63]);
            if value.abs() > AC_BOUND {
                value = self.clamp(position, value, AC_BOUND)?;
                clamped += 1;
            }
            let (size, bits) = magnitude(value);
            // run <= 15 and 1 <= size <= 10.
            #[expect(clippy::cast_possible_truncation, reason = "shown above")]
            sink.ac(pair, (run << 4 | size) as u8, size, bits);
        }
        if previous < 63 {
            sink.ac(pair, END_OF_BLOCK, 0, 0);
        }
        Ok(clamped)
    }

    #[cold]
    fn clamp(&self, zigzag: u32, value: i32, bound: i32) -> Result<i32, OutOfRangeAt> {
        match self.out_of_range {
            OutOfRange::Clamp => Ok(value.clamp(-bound, bound)),
            OutOfRange::Error => Err(OutOfRangeAt {
                zigzag,
                value,
                bound,
            }),
        }
    }
}

/// A coefficient that does not fit, before its block is known.
#[derive(Debug)]
struct OutOfRangeAt {
    zigzag: u32,
    value: i32,
    bound: i32,
}

impl OutOfRangeAt {
    fn at(&self, component: usize, block_x: u32, block_y: u32) -> Error {
        Error::CoefficientOutOfRange {
            component,
            block_x,
            block_y,
            band: Band::from_zigzag(self.zigzag as usize).unwrap_or(Band::DC),
            value: self.value,
            bound: self.bound,
        }
    }
}

/// Bit i is set where value i is not zero.
#[inline(always)]
fn nonzero_mask(values: &[i16; 64]) -> u64 {
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

/// Size category and low bits of a value (T.81 F.1.2.1): negative values are sent less one.
#[inline(always)]
fn magnitude(value: i32) -> (u32, u32) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    let bits = (value + (value >> 31)).cast_unsigned() & ((1 << size) - 1);
    (size, bits)
}

#[derive(Debug)]
struct Counter {
    dc: [[u64; 256]; 2],
    ac: [[u64; 256]; 2],
}

impl Sink for Counter {
    #[inline(always)]
    fn dc(&mut self, pair: TablePair, size: u32, _: u32) {
        self.dc[pair as usize][size as usize & 255] += 1;
    }

    #[inline(always)]
    fn ac(&mut self, pair: TablePair, symbol: u8, _: u32, _: u32) {
        self.ac[pair as usize][usize::from(symbol)] += 1;
    }

    fn restart(&mut self, _: u8) {}
}

#[derive(Debug)]
struct Writer {
    bits: BitWriter,
    dc: [EncodeTable; 2],
    ac: [EncodeTable; 2],
}

impl Sink for Writer {
    #[inline(always)]
    fn dc(&mut self, pair: TablePair, size: u32, bits: u32) {
        #[expect(clippy::cast_possible_truncation, reason = "a size is at most 11")]
        let (code, length) = self.dc[pair as usize].code(size as u8);
        self.bits.put(code << size | bits, length + size);
    }

    #[inline(always)]
    fn ac(&mut self, pair: TablePair, symbol: u8, size: u32, bits: u32) {
        let (code, length) = self.ac[pair as usize].code(symbol);
        self.bits.put(code << size | bits, length + size);
    }

    fn restart(&mut self, number: u8) {
        self.bits.restart(number);
    }
}
