//! What all scans share: restart intervals, MCUs and what is done about faults.

use std::mem;
use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::coefficients::EntropyCoding;
#[cfg(feature = "rayon")]
use crate::coefficients::Geometry;
use crate::error::{Malformed, Result};

use super::super::bits::{EntropyData, WINDOW};
use super::super::header::{ScanHeader, TableClass};
use super::super::huffman::{DecodeTable, Sizes, SymbolClass};
use super::super::marker::{self, malformed};
use super::frame::Frame;
use super::recovery::Note;
use super::report::BlockArea;
use super::{Decoder, SamplePrecision};

/// Bytes before the end of the image that no block uses and that are passed over: encoders are about
/// that pad the last scan, and libjpeg's bit buffer swallows as many in silence.
pub(super) const PADDING_BYTES: usize = 7;

/// What is done about a breach inside entropy-coded data.
pub(super) trait Faults: Sized {
    /// The sizes that symbols may announce.
    fn sizes(precision: SamplePrecision) -> Sizes;

    /// Clean bytes of an interval that a reader of blocks needs at a time.
    const WINDOW: usize;

    /// Whether a code after 0xFF ends entropy-coded data.
    fn ends_data(code: u8) -> bool;

    /// Before the first MCU of an interval.
    fn begin(data: &EntropyData<'_>, grid: &Grid) -> Self;

    /// Whether to leave out this MCU and all after it since the data have run out.
    fn stops_before(&mut self, mcu: u64, consumed: usize) -> bool;

    /// Before a value of `size` bits, where it is longer than most.
    fn check_size(&mut self, consumed: usize, size: u32, class: SymbolClass);

    /// Whether to go on after a breach.
    fn tolerate(&mut self, consumed: usize, kind: Malformed) -> Result<(), Malformed>;

    /// What was tolerated; `None` where nothing is.
    fn into_note(self) -> Option<Note>;
}

/// Every breach is an error.
#[derive(Debug)]
pub(super) struct Refuse;

impl Faults for Refuse {
    const WINDOW: usize = WINDOW;

    fn sizes(precision: SamplePrecision) -> Sizes {
        match precision {
            SamplePrecision::Eight => Sizes::EightBit,
            SamplePrecision::Twelve => Sizes::TwelveBit,
        }
    }

    fn ends_data(code: u8) -> bool {
        code != 0
    }

    fn begin(_: &EntropyData<'_>, _: &Grid) -> Self {
        Self
    }

    #[inline(always)]
    fn check_size(&mut self, _: usize, _: u32, _: SymbolClass) {
        // The tables have no others.
    }

    #[inline(always)]
    fn stops_before(&mut self, _: u64, _: usize) -> bool {
        // Running out is noticed once, when the interval is closed.
        false
    }

    fn tolerate(&mut self, _: usize, kind: Malformed) -> Result<(), Malformed> {
        Err(kind)
    }

    fn into_note(self) -> Option<Note> {
        None
    }
}

/// How the decoding of an interval ended.
#[derive(Debug)]
pub(super) struct IntervalEnd {
    pub(super) result: Result<(), Malformed>,
    /// Bytes that were read from, in whole or in part; more than there are past the end.
    pub(super) consumed: usize,
}

/// A component's part in a scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct GridComponent {
    /// Index in the frame.
    pub(super) index: usize,
    /// Columns and rows of its blocks in an MCU.
    pub(super) in_mcu: (u32, u32),
    /// Columns and rows of its blocks.
    pub(super) blocks: (u32, u32),
}

impl GridComponent {
    /// The component's own blocks in a rectangle of MCUs.
    fn area(&self, columns: &Range<u64>, rows: &Range<u64>) -> Option<BlockArea> {
        let scale = |range: &Range<u64>, factor: u32, size: u32| {
            let bound = |mcu: u64| (mcu * u64::from(factor)).min(size.into());
            // Below the size, which is a u32.
            #[expect(clippy::cast_possible_truncation, reason = "shown above")]
            (bound(range.start) as u32..bound(range.end) as u32)
        };
        let columns = scale(columns, self.in_mcu.0, self.blocks.0);
        let rows = scale(rows, self.in_mcu.1, self.blocks.1);
        (!columns.is_empty() && !rows.is_empty()).then_some(BlockArea {
            component: self.index,
            columns,
            rows,
        })
    }
}

/// The MCUs of a scan (T.81 A.2.2, A.2.3).
#[derive(Debug, Clone)]
pub(super) struct Grid {
    /// Number of the scan, from 0.
    pub(super) scan: usize,
    pub(super) coding: EntropyCoding,
    pub(super) precision: SamplePrecision,
    /// Blocks of all components of the frame.
    #[cfg(feature = "rayon")]
    pub(super) frame_blocks: u64,
    /// That of the frame.
    #[cfg(feature = "rayon")]
    pub(super) geometry: Geometry,
    pub(super) mcus_wide: u32,
    pub(super) mcus_high: u32,
    pub(super) components: SmallVec<[GridComponent; 4]>,
}

impl Grid {
    pub(super) fn new(frame: &Frame, header: &ScanHeader) -> Self {
        let interleaved = header.components.len() > 1;
        let components: SmallVec<[GridComponent; 4]> = header
            .components
            .iter()
            .map(|scanned| {
                let component = &frame.components[scanned.index];
                GridComponent {
                    index: scanned.index,
                    in_mcu: component.sampling().blocks_in_mcu(interleaved),
                    blocks: (component.blocks_wide(), component.blocks_high()),
                }
            })
            .collect();
        let (mcus_wide, mcus_high) = match components.as_slice() {
            [only] => only.blocks,
            _ => frame.header.geometry.mcus(),
        };
        Self {
            scan: frame.scans.len().saturating_sub(1),
            coding: frame.header.entropy_coding,
            precision: frame.header.precision,
            #[cfg(feature = "rayon")]
            frame_blocks: frame.block_count(),
            #[cfg(feature = "rayon")]
            geometry: frame.header.geometry,
            mcus_wide,
            mcus_high,
            components,
        }
    }

    pub(super) fn mcu_count(&self) -> u64 {
        u64::from(self.mcus_wide) * u64::from(self.mcus_high)
    }

    /// Row and column of an MCU that is counted row by row, or of the end of the last.
    #[cfg(feature = "rayon")]
    pub(super) fn row_and_column(&self, mcu: u64) -> (usize, usize) {
        let wide = u64::from(self.mcus_wide);
        // An image has at most 65535 MCUs in each direction.
        #[expect(clippy::cast_possible_truncation, reason = "shown above")]
        ((mcu / wide) as usize, (mcu % wide) as usize)
    }

    /// The blocks in a range of MCUs, as at most three rectangles of each component.
    pub(super) fn areas(&self, mcus: Range<u64>) -> Vec<BlockArea> {
        let wide = u64::from(self.mcus_wide);
        let mut areas = Vec::new();
        let mut first = mcus.start;
        while first < mcus.end {
            let (row, column) = (first / wide, first % wide);
            // A part of a row, or as many whole rows as there are.
            let last = if column > 0 || mcus.end - first < wide {
                mcus.end.min((row + 1) * wide)
            } else {
                mcus.end - mcus.end % wide
            };
            let rows = row..(last - 1) / wide + 1;
            let columns = if rows.end - rows.start > 1 {
                0..wide
            } else {
                column..(last - 1) % wide + 1
            };
            areas.extend(
                self.components
                    .iter()
                    .filter_map(|part| part.area(&columns, &rows)),
            );
            first = last;
        }
        areas
    }
}

/// Where a scan stands among its restart intervals.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// MCUs of the scan.
    pub(super) total: u64,
    /// MCUs of an interval.
    pub(super) interval: u64,
    /// First MCU of the interval at hand.
    pub(super) first: u64,
    /// Number of the restart marker that ends it.
    pub(super) number: u8,
}

impl Place {
    pub(super) fn last(&self) -> u64 {
        self.total.min(self.first + self.interval)
    }

    pub(super) fn is_last(&self) -> bool {
        self.last() == self.total
    }

    /// Moves on by `intervals`.
    pub(super) fn advance(&mut self, intervals: usize) {
        self.first = self
            .total
            .min(self.first + self.interval * intervals as u64);
        self.number = number_after(self.number, intervals);
    }
}

/// The number of a restart marker so many behind another one (T.81 E.1.4).
pub(super) const fn number_after(number: u8, markers: usize) -> u8 {
    #[expect(clippy::cast_possible_truncation, reason = "below 8")]
    {
        ((number as usize + markers % 8) % 8) as u8
    }
}

impl Decoder<'_> {
    /// Runs `decode` over the restart intervals of the scan that starts at the source's position.
    ///
    /// `decode` is given the data of an interval, de-stuffed as far as the window goes, and the range of MCUs it
    /// holds, counted row by row.
    pub(super) fn intervals<F: Faults>(
        &mut self,
        grid: &Grid,
        window: usize,
        decode: impl FnMut(&mut EntropyData<'_>, Range<u64>, &mut F) -> IntervalEnd,
    ) -> Result<()> {
        let place = self.start_of_scan(grid);
        self.intervals_from(place, grid, window, decode)
    }

    /// The first of the intervals of a scan.
    pub(super) fn start_of_scan(&self, grid: &Grid) -> Place {
        let total = grid.mcu_count();
        Place {
            total,
            interval: match self.tables.restart_interval() {
                0 => total,
                mcus => u64::from(mcus),
            },
            first: 0,
            number: 0,
        }
    }

    /// As [`intervals`](Self::intervals), from the one that starts at the source's position.
    pub(super) fn intervals_from<F: Faults>(
        &mut self,
        place: Place,
        grid: &Grid,
        window: usize,
        decode: impl FnMut(&mut EntropyData<'_>, Range<u64>, &mut F) -> IntervalEnd,
    ) -> Result<()> {
        // A clean copy of an interval is never longer than what is left of the input, and a window of it is all
        // that stays behind the scan, sound or not: what is released below is not held.
        let scratch = self.source.remaining().len().min(window) as u64;
        self.budget.charge_memory(scratch)?;
        let memory = mem::take(&mut self.scratch.clean);
        let mut entropy = EntropyData::new(self.source.bytes(), F::ends_data, window, memory);
        let result = self.each_interval(place, grid, &mut entropy, decode);
        self.budget.release_memory(scratch);
        if window < usize::MAX {
            self.scratch.clean = entropy.into_memory();
        }
        result
    }

    fn each_interval<'i, F: Faults>(
        &mut self,
        mut place: Place,
        grid: &Grid,
        entropy: &mut EntropyData<'i>,
        mut decode: impl FnMut(&mut EntropyData<'i>, Range<u64>, &mut F) -> IntervalEnd,
    ) -> Result<()> {
        loop {
            entropy.load(self.source.position())?;
            let mut faults = F::begin(entropy, grid);
            let end = decode(entropy, place.first..place.last(), &mut faults);
            entropy.finish();
            self.source.seek(entropy.end());
            let goes_on = match faults.into_note() {
                None => self.close_interval(entropy, grid.coding, &end, &mut place)?,
                Some(note) => self.resume(entropy, grid, &note, &end, &mut place),
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Checks that an interval used all its data and no more, and moves on to the next one; false
    /// behind the last.
    fn close_interval(
        &mut self,
        entropy: &EntropyData<'_>,
        coding: EntropyCoding,
        end: &IntervalEnd,
        place: &mut Place,
    ) -> Result<bool> {
        // Past the end everything that was decoded is padding: that is the fault, whatever else looks
        // wrong. Arithmetic decoding supplies the zeros that its encoder may have dropped (T.81 D.1.8).
        let ran_out = end.consumed > entropy.len();
        if ran_out && (coding == EntropyCoding::Huffman || end.result.is_err()) {
            let (found, position) = self.source.marker()?;
            return Err(malformed(
                position,
                Malformed::ScanCutShort { marker: found },
            ));
        }
        // A walk over the data: for errors alone.
        let position = |index| entropy.input_position(index);
        if let Err(kind) = end.result {
            // The byte that holds the last bit read; the first one where no bit was.
            return Err(malformed(position(end.consumed.saturating_sub(1)), kind));
        }
        let left = entropy.len().saturating_sub(end.consumed);
        let is_padding = left <= PADDING_BYTES && place.is_last() && self.source.is_at(marker::EOI);
        if left > 0 && !is_padding {
            return Err(malformed(
                position(end.consumed),
                Malformed::LeftoverData { bytes: left as u64 },
            ));
        }
        if place.is_last() {
            return Ok(false);
        }
        let (found, position) = self.source.marker()?;
        if found != marker::RST0 + place.number {
            return Err(malformed(
                position,
                Malformed::RestartMarker {
                    expected: place.number,
                    found,
                },
            ));
        }
        place.advance(1);
        Ok(true)
    }

    pub(super) fn decode_table<F: Faults>(
        &mut self,
        frame: &Frame,
        class: SymbolClass,
        destination: u8,
        position: usize,
    ) -> Result<Arc<DecodeTable>> {
        let table_class = match class {
            SymbolClass::Dc => TableClass::Dc,
            _ => TableClass::Ac,
        };
        let process = frame.header.process;
        let spec = self
            .tables
            .huffman(table_class, destination, process, position)?;
        let sizes = F::sizes(frame.header.precision);
        let tables = &mut self.scratch.decode_tables;
        Ok(tables.table(destination, &spec, class, sizes))
    }
}
