//! Reading what is left of a damaged file, and the account of what is not.
//!
//! Inside a restart interval this does what libjpeg does, bit for bit: bits that are no code count as the
//! symbol 0, and the MCUs behind the end of the data stay zero. It goes on where libjpeg stops or gives up:
//! at codes after 0xFF that no marker has, between restart intervals, and between segments.

use std::fmt;
use std::ops::Range;

use crate::coefficients::{CoefficientImage, EntropyCoding};
use crate::error::{Error, Malformed, Result, UnsupportedFeature};

use super::super::bits::EntropyData;
use super::super::huffman::{Sizes, SymbolClass};
use super::super::marker;
use super::scan::{Faults, Grid, IntervalEnd, Place, Refuse};
use super::{DecodeOptions, Decoder, SamplePrecision};

/// Damages that a report lists one by one; more are counted.
const LISTED_DAMAGES: usize = 1000;

impl CoefficientImage {
    /// Reads what can be read of a damaged file, and reports what cannot.
    ///
    /// Blocks that are lost stay zero, which is mid-grey. Where a quantization table is missing, the levels
    /// are read and stand beside the luminance table of T.81 K.1; steps of 0 become 1. A sound file gives
    /// what [`decode`](Self::decode) gives, and an empty report.
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

/// What could be read of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The image; lost blocks are zero.
    pub image: CoefficientImage,
    /// What is wrong with the file.
    pub report: RecoveryReport,
}

/// What is wrong with a file, in the order of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecoveryReport {
    damages: Vec<Damage>,
    unlisted: u64,
}

impl RecoveryReport {
    /// Whether the file has no fault at all.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damages.is_empty()
    }

    /// The damages, at most 1000 of them.
    #[must_use]
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// Damages that are not listed since there are too many.
    #[must_use]
    pub const fn unlisted(&self) -> u64 {
        self.unlisted
    }

    pub(super) fn add(&mut self, damage: Damage) {
        if let Some(last) = self.damages.last_mut()
            && (last.offset, last.kind, last.scan) == (damage.offset, damage.kind, damage.scan)
        {
            last.lost.extend(damage.lost);
            last.doubtful.extend(damage.doubtful);
        } else if self.damages.len() < LISTED_DAMAGES {
            self.damages.push(damage);
        } else {
            self.unlisted += 1;
        }
    }
}

/// One fault of a file and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// Position in the input of the byte that breaks a rule.
    pub offset: u64,
    /// What is wrong.
    pub kind: DamageKind,
    /// Number of the scan it is in, from 0; `None` between scans.
    pub scan: Option<usize>,
    /// Blocks that this scan gives no, or not all, bits of: as far as it goes they are zero.
    pub lost: Vec<BlockArea>,
    /// Blocks that were decoded after the fault from bits that may be out of step.
    pub doubtful: Vec<BlockArea>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |areas: &[BlockArea]| areas.iter().map(BlockArea::block_count).sum::<u64>();
        write!(f, "byte {}: {}", self.offset, self.kind)?;
        if let Some(scan) = self.scan {
            let (lost, doubtful) = (count(&self.lost), count(&self.doubtful));
            write!(f, "; scan {scan}: {lost} blocks lost, {doubtful} doubtful")?;
        }
        Ok(())
    }
}

/// What is wrong at a place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DamageKind {
    /// A rule of T.81 is broken.
    #[error(transparent)]
    Malformed(Malformed),
    /// The file ends before the image is complete.
    #[error("the file ends before the image is complete")]
    UnexpectedEnd,
    /// A segment of a process that is not implemented.
    #[error("unsupported JPEG feature: {0}")]
    Unsupported(UnsupportedFeature),
    /// Bytes between segments that belong to none.
    #[error("{bytes} bytes that belong to no segment")]
    SkippedBytes {
        /// How many.
        bytes: u64,
    },
}

/// A rectangle of blocks of one component.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BlockArea {
    /// Index of the component in frame order.
    pub component: usize,
    /// Columns of blocks.
    pub columns: Range<u32>,
    /// Rows of blocks.
    pub rows: Range<u32>,
}

impl BlockArea {
    /// Number of blocks.
    #[must_use]
    pub fn block_count(&self) -> u64 {
        self.columns.len() as u64 * self.rows.len() as u64
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
    /// The first breach, the bytes consumed by then, and the MCU.
    first: Option<(Malformed, usize, u64)>,
    /// The MCU in which the data ran out.
    ran_out: Option<u64>,
}

/// Breaches are noted, and decoding goes on.
#[derive(Debug)]
pub(super) struct Tolerate(Note);

impl Faults for Tolerate {
    fn sizes(_: SamplePrecision) -> Sizes {
        Sizes::Any
    }

    fn ends_data(code: u8) -> bool {
        // No marker has these codes: a stuffed zero was damaged.
        code >= marker::SOF0
    }

    fn begin(data: &EntropyData, grid: &Grid) -> Self {
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
            note.first = Some((kind, consumed, note.mcu));
        }
    }
}

impl Decoder<'_> {
    fn recover(mut self) -> Result<Recovered> {
        let bytes = self.source.bytes();
        let start =
            memchr::memmem::find(bytes, &[0xFF, marker::SOI]).ok_or_else(|| match bytes {
                [] | [0xFF] => self.source.end(),
                _ => super::malformed(0, Malformed::MissingStartOfImage),
            })?;
        if start > 0 {
            let bytes = start as u64;
            self.note_damage(0, DamageKind::SkippedBytes { bytes });
        }
        self.source.seek(start + 2);
        // Where the image ends, and where what is behind it starts.
        let (end, behind) = loop {
            let before = self.source.position();
            let Some((code, position)) = self.source.next_marker() else {
                self.note_damage(bytes.len(), DamageKind::UnexpectedEnd);
                break (bytes.len(), bytes.len());
            };
            self.note_skipped(before, position, None);
            if code == marker::EOI {
                break (position, position + 1);
            }
            self.budget.charge_segment()?;
            if let Err(error) = self.segment(code, position) {
                let is_next_image = self.frame.as_ref().is_some_and(|frame| {
                    let is_complete = frame.first_not_coded().is_none();
                    marker::is_start_of_frame(code) || (code == marker::SOI && is_complete)
                });
                self.tolerate(error)?;
                if is_next_image {
                    break (position, position - 1);
                }
            }
        };
        self.finish_recovery(end, behind)
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

    /// Notes the bytes from `before` on that belong to no marker, whose code is at `position`; fill bytes
    /// do.
    fn note_skipped(&mut self, before: usize, position: usize, scan: Option<usize>) {
        let last = self.source.bytes()[before..position]
            .iter()
            .rposition(|&byte| byte != 0xFF);
        if let Some(last) = last {
            let bytes = last as u64 + 1;
            let kind = DamageKind::SkippedBytes { bytes };
            self.note_loss(before, kind, scan, Vec::new(), Vec::new());
        }
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
        entropy: &EntropyData,
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
            place.advance(1 + missing);
            return true;
        }
        false
    }

    fn note_interval(
        &mut self,
        entropy: &EntropyData,
        grid: &Grid,
        note: &Note,
        end: &IntervalEnd,
        place: &Place,
    ) {
        let input = self.source.bytes();
        let scan = Some(grid.scan);
        let last = place.last();
        if let Some((offset, marker)) = entropy.damaged_stuffing() {
            let kind = DamageKind::Malformed(Malformed::UnexpectedMarker { marker });
            self.note_loss(offset, kind, scan, Vec::new(), Vec::new());
        }
        let ran_out = note
            .ran_out
            .or_else(|| (end.consumed > entropy.len()).then_some(note.mcu));
        let at_end_of_input = entropy.end() >= input.len();
        // Only a decoder that cannot go on returns an error here: what follows was not decoded.
        let failed = end.result.err().map(|kind| (kind, end.consumed, note.mcu));
        let lost_from = match (failed, ran_out) {
            (Some((.., mcu)), _) => mcu,
            (None, Some(mcu)) if grid.coding == EntropyCoding::Huffman => mcu,
            _ => last,
        };
        if let Some((kind, consumed, mcu)) = note.first.or(failed) {
            let offset = entropy.input_position(input, consumed.saturating_sub(1));
            let kind = DamageKind::Malformed(kind);
            let doubtful = grid.areas(mcu.min(lost_from)..lost_from);
            self.note_loss(offset, kind, scan, grid.areas(lost_from..last), doubtful);
        } else if let Some(mcu) = ran_out {
            let (offset, kind) = if at_end_of_input {
                (input.len(), DamageKind::UnexpectedEnd)
            } else {
                let mut ahead = self.source.clone();
                let marker = ahead.next_marker().map_or(0, |(code, _)| code);
                let cut_short = Malformed::ScanCutShort { marker };
                (entropy.end() + 1, DamageKind::Malformed(cut_short))
            };
            // An arithmetic decoder may read past the end of sound data.
            if grid.coding == EntropyCoding::Huffman || at_end_of_input {
                let doubtful = grid.areas(mcu.min(lost_from)..lost_from);
                self.note_loss(offset, kind, scan, grid.areas(lost_from..last), doubtful);
            }
        } else if end.consumed < entropy.len() {
            let bytes = (entropy.len() - end.consumed) as u64;
            let offset = entropy.input_position(input, end.consumed);
            let kind = DamageKind::Malformed(Malformed::LeftoverData { bytes });
            self.note_loss(offset, kind, scan, Vec::new(), Vec::new());
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
            let lost = vec![BlockArea {
                component: index,
                columns: 0..component.blocks_wide(),
                rows: 0..component.blocks_high(),
            }];
            self.note_loss(end, DamageKind::Malformed(kind), None, lost, Vec::new());
        }
        let mut report = self.report.take().unwrap_or_default();
        report.damages.sort_by_key(|damage| damage.offset);
        if !report.is_sound() {
            // The scans of a damaged file need not make a legal script.
            frame.scans.clear();
        }
        let image = self.image(frame, behind)?;
        Ok(Recovered { image, report })
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
