//! Reading what is left of a damaged file.
//!
//! Inside a restart interval this does what libjpeg does, bit for bit: bits that are no code count as the
//! symbol 0, and the MCUs behind the end of the data stay zero. It goes on where libjpeg stops or gives up:
//! at codes after 0xFF that no marker has, between restart intervals, and between segments.

use crate::coefficients::{CoefficientImage, Component, EntropyCoding};
use crate::error::{Error, Malformed, Result};

use super::super::bits::EntropyData;
use super::super::header::ScanHeader;
use super::super::huffman::{Sizes, SymbolClass};
use super::super::marker;
use super::frame::Frame;
use super::report::{BlockArea, Damage, DamageKind, Recovered, RecoveryReport};
use super::scan::{Faults, Grid, IntervalEnd, PADDING_BYTES, Place, Refuse};
use super::{DecodeOptions, Decoder, SamplePrecision};

impl CoefficientImage {
    /// Reads what can be read of a damaged file, and reports what cannot.
    ///
    /// Blocks that are lost stay zero, which is mid-grey; those of the MCU in which the data run out are
    /// finished from zero bits, as libjpeg does it. Where a quantization table is missing, the levels
    /// are read and stand beside the luminance table of T.81 K.1; steps of 0 become 1. A sound file gives
    /// what [`decode`](Self::decode) gives, and an empty report, but for bytes before the end of the image
    /// that `decode` passes over.
    ///
    /// The guard that refuses files too short for their number of blocks cannot hold here: memory is
    /// bounded by [`Limits`](crate::Limits) alone, not by the length of the input.
    ///
    /// ```
    /// use feature_distillation::{CoefficientImage, ColorSpace, QuantizationTable, SamplingFactor};
    /// # let table = QuantizationTable::uniform(16)?;
    /// # let mut image = CoefficientImage::new(80, 80, ColorSpace::Grey, &[SamplingFactor::ONE], &table.into())?;
    /// # for (level, block) in (0..).zip(image.components_mut()[0].blocks_mut()) { block[0] = level; }
    /// let bytes = image.encode()?;
    /// let truncated = &bytes[..bytes.len() - 40];
    /// assert!(CoefficientImage::decode(truncated).is_err());
    ///
    /// let recovered = CoefficientImage::recover(truncated)?;
    /// let (found, expected) = (&recovered.image.components()[0], &image.components()[0]);
    /// assert_eq!(found.blocks()[..40], expected.blocks()[..40]);
    /// for damage in recovered.report.damages() {
    ///     println!("{damage}");
    /// }
    /// # assert!(!recovered.report.is_sound());
    /// # Ok::<(), feature_distillation::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where nothing of an image can be read: no frame header, one that is itself malformed or of an
    /// unsupported process, no scan; [`Error::LimitExceeded`], [`Error::OutOfMemory`].
    pub fn recover(bytes: &[u8]) -> Result<Recovered> {
        Self::recover_with(bytes, &DecodeOptions::default())
    }

    /// As [`recover`](Self::recover), with options.
    ///
    /// # Errors
    ///
    /// As [`recover`](Self::recover).
    pub fn recover_with(bytes: &[u8], options: &DecodeOptions) -> Result<Recovered> {
        Decoder::recovering(bytes, options).recover()
    }
}

/// What was tolerated in an interval.
#[derive(Debug)]
pub(super) struct Note {
    /// Bytes of the interval.
    data_bytes: usize,
    coding: EntropyCoding,
    /// The sizes that the process has.
    sizes: Sizes,
    /// The MCU at hand.
    mcu: u64,
    /// The first breach, and the bytes consumed by then.
    first: Option<(Malformed, usize)>,
    /// The MCU in which the data ran out.
    ran_out: Option<u64>,
}

/// Breaches are noted, and decoding goes on.
#[derive(Debug)]
pub(super) struct Tolerate(Note);

impl Faults for Tolerate {
    // The length of the data tells where they run out.
    const WINDOW: usize = usize::MAX;

    fn sizes(_: SamplePrecision) -> Sizes {
        Sizes::Any
    }

    fn ends_data(code: u8) -> bool {
        // No marker has the other codes: a stuffed zero was damaged, or a byte before 0xFF.
        (marker::SOF0..0xFF).contains(&code)
    }

    fn begin(data: &EntropyData<'_>, grid: &Grid) -> Self {
        Self(Note {
            data_bytes: data.len(),
            coding: grid.coding,
            sizes: Refuse::sizes(grid.precision),
            mcu: 0,
            first: None,
            ran_out: None,
        })
    }

    fn stops_before(&mut self, mcu: u64, consumed: usize) -> bool {
        let note = &mut self.0;
        if consumed > note.data_bytes && note.ran_out.is_none() {
            note.ran_out = Some(note.mcu);
        }
        note.mcu = mcu;
        // Arithmetic decoding goes on with the zeros that its encoder may have dropped.
        note.ran_out.is_some() && note.coding == EntropyCoding::Huffman
    }

    fn check_size(&mut self, consumed: usize, size: u32, class: SymbolClass) {
        if size > self.0.sizes.largest(class) {
            self.note(consumed, Malformed::IllegalSymbol);
        }
    }

    fn tolerate(&mut self, consumed: usize, kind: Malformed) -> Result<(), Malformed> {
        self.note(consumed, kind);
        Ok(())
    }

    fn into_note(self) -> Option<Note> {
        Some(self.0)
    }
}

impl Tolerate {
    fn note(&mut self, consumed: usize, kind: Malformed) {
        let note = &mut self.0;
        // What is wrong past the end of the data is not the data's fault.
        if note.first.is_none() && consumed <= note.data_bytes {
            note.first = Some((kind, consumed));
        }
    }
}

impl Decoder<'_> {
    fn recover(mut self) -> Result<Recovered> {
        let bytes = self.source.bytes();
        let start = self.find_start()?;
        self.source.seek(start);
        // Where the image ends, and where what is behind it starts.
        let (end, behind) = loop {
            let before = self.source.position();
            let Some((code, position)) = self.source.next_marker() else {
                self.note_damage(bytes.len(), DamageKind::UnexpectedEnd);
                break (bytes.len(), bytes.len());
            };
            if self.note_skipped(before, position, None) {
                self.go_astray();
            }
            if code == marker::EOI {
                break (position, position + 1);
            }
            self.charge_segment(code)?;
            if let Err(error) = self.segment(code, position) {
                let is_next_image = self.frame.as_ref().is_some_and(|frame| {
                    let is_complete = frame.first_not_coded().is_none();
                    marker::is_start_of_frame(code) || (code == marker::SOI && is_complete)
                });
                self.tolerate(error)?;
                if is_next_image {
                    break (position, position - 1);
                }
                if !marker::is_metadata(code) {
                    self.go_astray();
                }
            }
        };
        self.finish_recovery(end, behind)
    }

    /// The position behind SOI, which may have something before it or be damaged itself.
    fn find_start(&mut self) -> Result<usize> {
        let bytes = self.source.bytes();
        let missing = super::malformed(0, Malformed::MissingStartOfImage);
        match bytes {
            [0xFF, marker::SOI, ..] => return Ok(2),
            // A marker follows where it must. The next SOI may be that of a thumbnail.
            [0xFF, _, 0xFF, ..] | [_, marker::SOI, 0xFF, ..] => {
                self.tolerate(missing)?;
                return Ok(2);
            }
            [] | [0xFF] => return Err(self.source.end()),
            _ => {}
        }
        let start = memchr::memmem::find(bytes, &[0xFF, marker::SOI]).ok_or(missing)?;
        let skipped = start as u64;
        self.note_damage(0, DamageKind::SkippedBytes { bytes: skipped });
        Ok(start + 2)
    }

    /// Reads a scan; where its tables are missing, all its blocks are lost.
    pub(super) fn recover_scan(
        &mut self,
        frame: &mut Frame,
        header: &ScanHeader,
        position: usize,
    ) -> Result<()> {
        let grid = Grid::new(frame, header);
        let all = 0..grid.mcu_count();
        if let Some(damage) = self.astray
            && let Some(report) = &mut self.report
        {
            report.add_doubtful(damage, grid.areas(all.clone()));
        }
        match self.read_scan::<Tolerate>(frame, header, position) {
            Err(Error::Malformed { offset, kind }) => {
                #[expect(clippy::cast_possible_truncation, reason = "a position in the input")]
                let offset = offset as usize;
                let (kind, scan) = (DamageKind::Malformed(kind), Some(grid.scan));
                self.note_loss(offset, kind, scan, grid.areas(all), Vec::new());
                Ok(())
            }
            result => result,
        }
    }

    /// Notes an error of the file and goes on; errors of another culprit stay errors, as does a
    /// frame header that cannot be read.
    pub(super) fn tolerate(&mut self, error: Error) -> Result<()> {
        if self.report.is_none() {
            return Err(error);
        }
        let (offset, kind) = match error {
            Error::Malformed { offset, kind } => (offset, DamageKind::Malformed(kind)),
            Error::UnexpectedEnd { offset } => (offset, DamageKind::UnexpectedEnd),
            Error::Unsupported { offset, feature } if self.frame.is_some() => {
                (offset, DamageKind::Unsupported(feature))
            }
            error => return Err(error),
        };
        self.first_error.get_or_insert(error);
        #[expect(clippy::cast_possible_truncation, reason = "a position in the input")]
        self.note_damage(offset as usize, kind);
        Ok(())
    }

    /// From the last damage on, scans may be read by other tables or parameters than they were written with.
    fn go_astray(&mut self) {
        let last = self.report.as_ref().and_then(RecoveryReport::last);
        self.astray = self.astray.or(last);
    }

    /// Notes the bytes from `before` on that belong to no marker, the next of which has its code at
    /// `position`; whether there are any. Fill bytes belong to it.
    fn note_skipped(&mut self, before: usize, position: usize, scan: Option<usize>) -> bool {
        let last = self.source.bytes()[before..position]
            .iter()
            .rposition(|&byte| byte != 0xFF);
        if let Some(last) = last {
            let bytes = last as u64 + 1;
            let kind = DamageKind::SkippedBytes { bytes };
            self.note_loss(before, kind, scan, Vec::new(), Vec::new());
        }
        last.is_some()
    }

    fn note_damage(&mut self, offset: usize, kind: DamageKind) {
        self.note_loss(offset, kind, None, Vec::new(), Vec::new());
    }

    fn note_loss(
        &mut self,
        offset: usize,
        kind: DamageKind,
        scan: Option<usize>,
        lost: Vec<BlockArea>,
        doubtful: Vec<BlockArea>,
    ) {
        if let Some(report) = &mut self.report {
            report.add(Damage {
                offset: offset as u64,
                kind,
                scan,
                lost,
                doubtful,
            });
        }
    }

    /// Notes what went wrong in an interval and finds the next one; false where the scan is over.
    pub(super) fn resume(
        &mut self,
        entropy: &EntropyData<'_>,
        grid: &Grid,
        note: &Note,
        end: &IntervalEnd,
        place: &mut Place,
    ) -> bool {
        self.note_interval(entropy, grid, note, end, place);
        while !place.is_last() {
            let rest = place.last()..place.total;
            let scan = Some(grid.scan);
            let before = self.source.position();
            let Some((code, position)) = self.source.next_marker() else {
                let end = self.source.bytes().len();
                let lost = grid.areas(rest);
                self.note_loss(end, DamageKind::UnexpectedEnd, scan, lost, Vec::new());
                return false;
            };
            if before == entropy.end() {
                self.note_skipped(before, position, scan);
            }
            let kind = DamageKind::Malformed(Malformed::RestartMarker {
                expected: place.number,
                found: code,
            });
            if !matches!(code, marker::RST0..=marker::RST7) {
                if code < marker::SOF0 {
                    self.note_loss(position, kind, scan, Vec::new(), Vec::new());
                    continue;
                }
                self.source.seek(position - 1);
                self.note_loss(position, kind, scan, grid.areas(rest), Vec::new());
                return false;
            }
            let found = code - marker::RST0;
            let following = self.source.following_restart();
            let left = (place.total - place.last()).div_ceil(place.interval);
            let Some(missing) = missing_intervals(place.number, found, following, left) else {
                self.note_loss(position, kind, scan, Vec::new(), Vec::new());
                continue;
            };
            if found != place.number {
                let lost_from = place.last();
                let lost = lost_from..lost_from + u64::from(missing) * place.interval;
                self.note_loss(position, kind, scan, grid.areas(lost), Vec::new());
            }
            place.advance(usize::from(1 + missing));
            return true;
        }
        false
    }

    fn note_interval(
        &mut self,
        entropy: &EntropyData<'_>,
        grid: &Grid,
        note: &Note,
        end: &IntervalEnd,
        place: &Place,
    ) {
        let input = self.source.bytes();
        let scan = Some(grid.scan);
        let last = place.last();
        let ran_out = note
            .ran_out
            .or_else(|| (end.consumed > entropy.len()).then_some(note.mcu));
        let at_end_of_input = entropy.end() >= input.len();
        // Only a decoder that cannot go on returns an error here: what follows was not decoded.
        let failed = end.result.err().map(|kind| (kind, end.consumed));
        let lost_from = match (failed, ran_out) {
            (Some(_), _) => note.mcu,
            (None, Some(mcu)) if grid.coding == EntropyCoding::Huffman => mcu,
            _ => last,
        };
        let lost = grid.areas(lost_from..last);
        // A fault shows some way behind the damage that made it, which may lie anywhere before.
        let decoded = grid.areas(place.first..lost_from);
        if let Some((offset, marker)) = entropy.damaged_stuffing() {
            let kind = DamageKind::Malformed(Malformed::UnexpectedMarker { marker });
            self.note_loss(offset, kind, scan, Vec::new(), decoded.clone());
        }
        if let Some((kind, consumed)) = note.first.or(failed) {
            let offset = entropy.input_position(consumed.saturating_sub(1));
            self.note_loss(offset, DamageKind::Malformed(kind), scan, lost, decoded);
        } else if let Some(mcu) = ran_out {
            if at_end_of_input {
                // The file was cut: what came before the cut is sound.
                let doubtful = grid.areas(mcu.min(lost_from)..lost_from);
                self.note_loss(input.len(), DamageKind::UnexpectedEnd, scan, lost, doubtful);
            } else if grid.coding == EntropyCoding::Huffman {
                // An arithmetic decoder may read past the end of sound data.
                let mut ahead = self.source.clone();
                let (marker, offset) = ahead.next_marker().unwrap_or((0, entropy.end()));
                let kind = DamageKind::Malformed(Malformed::ScanCutShort { marker });
                self.note_loss(offset, kind, scan, lost, decoded);
            }
        } else if end.consumed < entropy.len() {
            let bytes = (entropy.len() - end.consumed) as u64;
            let offset = entropy.input_position(end.consumed);
            let kind = DamageKind::Malformed(Malformed::LeftoverData { bytes });
            self.note_loss(offset, kind, scan, lost, decoded);
        }
    }

    fn finish_recovery(mut self, end: usize, behind: usize) -> Result<Recovered> {
        let Some(mut frame) = self.frame.take() else {
            let no_frame = super::malformed(end, Malformed::NoFrame);
            return Err(self.first_error.unwrap_or(no_frame));
        };
        let coded = (0..frame.components.len()).find(|&index| frame.is_coded(index));
        let Some(coded) = coded else {
            return Err(self.first_error.unwrap_or_else(|| self.source.end()));
        };
        for index in 0..frame.components.len() {
            frame.reserve(index, &mut self.budget)?;
            frame.fill_up(index);
            if frame.is_coded(index) {
                continue;
            }
            let destination = frame.header.components[index].table_destination;
            let table = self.tables.quantization_table(destination);
            let fallback = *frame.components[coded].quantization_table();
            let component = &mut frame.components[index];
            component.set_table(table.copied().unwrap_or(fallback));
            let kind = Malformed::ComponentNotCoded { id: component.id() };
            let lost = vec![whole(index, component)];
            self.note_loss(end, DamageKind::Malformed(kind), None, lost, Vec::new());
        }
        // A script may leave bits out. Bytes that strict reading passes over make it no more suspect.
        let is_padding = |damage: &Damage| {
            matches!(damage.kind, DamageKind::Malformed(Malformed::LeftoverData { bytes })
                if bytes <= PADDING_BYTES as u64)
        };
        if self
            .report
            .as_ref()
            .is_some_and(|report| !report.damages().iter().all(is_padding))
        {
            for index in frame.incomplete() {
                let component = &frame.components[index];
                let kind = DamageKind::MissingBits { id: component.id() };
                let lost = vec![whole(index, component)];
                self.note_loss(end, kind, None, lost, Vec::new());
            }
        }
        let mut report = self.report.take().unwrap_or_default();
        report.sort();
        if !report.is_sound() {
            // The scans of a damaged file need not make a legal script.
            frame.scans.clear();
        }
        let image = self.image(frame, behind)?;
        Ok(Recovered { image, report })
    }
}

/// All blocks of a component.
fn whole(index: usize, component: &Component) -> BlockArea {
    BlockArea {
        component: index,
        columns: 0..component.blocks_wide(),
        rows: 0..component.blocks_high(),
    }
}

/// How many intervals are missing before the one that a restart marker starts; `None` where the marker
/// starts none.
///
/// `expected` and `found` are numbers of markers, `following` that of the marker behind the one found, if
/// that too is a restart, `left` the number of intervals that are still to come. The number of a marker
/// may itself be damaged: then the following one is that which would follow the expected one.
fn missing_intervals(expected: u8, found: u8, following: Option<u8>, left: u64) -> Option<u8> {
    let missing = (found + 8 - expected) % 8;
    let in_sequence = following == Some((expected + 1) % 8);
    let jumps = following == Some((found + 1) % 8);
    let fits = u64::from(missing) < left;
    match missing {
        0 => Some(0),
        _ if in_sequence => Some(0),
        1 | 2 if fits => Some(missing),
        3..=5 if fits && jumps => Some(missing),
        // Too far away, or past the last interval: the number is wrong rather than the place.
        1..=5 => Some(0),
        // One of the two before: a marker too many, unless nothing else can be the expected one.
        _ if following.is_none() && left == 1 => Some(0),
        _ => None,
    }
}
