//! What sequential and progressive scans share: restart intervals, MCUs and where a fault stands.

use crate::error::{Error, Malformed, Result};

use super::super::bits::{BitReader, EntropyData};
use super::super::header::ScanHeader;
use super::super::huffman::{
    ADVANCE_ILLEGAL, ADVANCE_UNKNOWN, DecodeTable, HuffmanSpec, Symbol, SymbolClass,
};
use super::super::marker::{self, malformed};
use super::{Decoder, Frame};

/// Why decoding of an interval stopped: a breach at the reader's position, or an error already placed.
#[derive(Debug)]
pub(super) enum Fault {
    Here(Malformed),
    Error(Error),
}

impl From<Malformed> for Fault {
    fn from(kind: Malformed) -> Self {
        Self::Here(kind)
    }
}

/// The breach behind a symbol that cannot be.
#[cold]
pub(super) fn bad_symbol(symbol: Symbol) -> Malformed {
    match symbol.advance() {
        ADVANCE_UNKNOWN => Malformed::UnknownCode,
        ADVANCE_ILLEGAL => Malformed::IllegalSymbol,
        _ => Malformed::RunPastBlock,
    }
}

/// Columns and rows of the MCUs of a scan (T.81 A.2.2, A.2.3).
pub(super) fn mcus(frame: &Frame, header: &ScanHeader) -> (u32, u32) {
    match header.components.as_slice() {
        [only] => {
            let component = &frame.components[only.index];
            (component.blocks_wide(), component.blocks_high())
        }
        _ => frame.header.geometry.mcus(),
    }
}

impl Decoder<'_> {
    /// Runs `decode` over the restart intervals of the scan that starts at the source's position.
    ///
    /// `decode` is given the bits of an interval and the range of MCUs it holds, counted row by row.
    pub(super) fn intervals(
        &mut self,
        total_mcus: u64,
        mut decode: impl FnMut(&mut BitReader<'_>, std::ops::Range<u64>) -> Result<(), Fault>,
    ) -> Result<()> {
        let input = self.source.bytes();
        let interval = match self.restart_interval {
            0 => total_mcus,
            mcus => u64::from(mcus),
        };
        // The clean copy of an interval is never longer than what is left of the input, and is dropped
        // with the scan: what is released below is not held.
        let mut entropy = EntropyData::default();
        let scratch = self.source.remaining().len() as u64;
        self.budget.charge_memory(scratch)?;
        let mut first = 0;
        let mut number = 0_u8;
        loop {
            let last = total_mcus.min(first + interval);
            entropy.load(input, self.source.position())?;
            let mut bits = entropy.bits();
            let result = decode(&mut bits, first..last);
            self.close_interval(&entropy, &bits, result)?;
            if last == total_mcus {
                break;
            }
            let (found, position) = self.source.marker()?;
            if found != marker::RST0 + number {
                return Err(malformed(
                    position,
                    Malformed::RestartMarker {
                        expected: number,
                        found,
                    },
                ));
            }
            number = (number + 1) % 8;
            first = last;
        }
        self.budget.release_memory(scratch);
        Ok(())
    }

    /// Checks that an interval used all its data and no more, and moves on to the marker behind it.
    fn close_interval(
        &mut self,
        entropy: &EntropyData,
        bits: &BitReader<'_>,
        result: Result<(), Fault>,
    ) -> Result<()> {
        let input = self.source.bytes();
        let consumed = bits.consumed_bytes();
        self.source.seek(entropy.end());
        // Past the end everything that was decoded is padding: that is the fault, whatever else looks wrong.
        if consumed > entropy.len() {
            let (found, position) = self.source.marker()?;
            return Err(malformed(
                position,
                Malformed::ScanCutShort { marker: found },
            ));
        }
        // A walk over the data: for errors alone.
        let position = |index| entropy.input_position(input, index);
        match result {
            // The byte that holds the last bit read; the first one where no bit was.
            Err(Fault::Here(kind)) => Err(malformed(position(consumed.saturating_sub(1)), kind)),
            Err(Fault::Error(error)) => Err(error),
            Ok(()) if consumed < entropy.len() => Err(malformed(
                position(consumed),
                Malformed::LeftoverData {
                    bytes: (entropy.len() - consumed) as u64,
                },
            )),
            Ok(()) => Ok(()),
        }
    }

    pub(super) fn dc_table(&self, destination: u8, position: usize) -> Result<DecodeTable> {
        decode_table(&self.dc_tables, destination, SymbolClass::Dc, position)
    }

    pub(super) fn ac_table(
        &self,
        destination: u8,
        class: SymbolClass,
        position: usize,
    ) -> Result<DecodeTable> {
        decode_table(&self.ac_tables, destination, class, position)
    }
}

fn decode_table(
    tables: &[Option<HuffmanSpec>; 4],
    destination: u8,
    class: SymbolClass,
    position: usize,
) -> Result<DecodeTable> {
    match &tables[usize::from(destination)] {
        Some(spec) => Ok(DecodeTable::new(spec, class)),
        None => Err(malformed(
            position,
            Malformed::MissingHuffmanTable { destination },
        )),
    }
}
