//! Frame and scan headers, tables and the rules of their fields (T.81 B.2).

use smallvec::SmallVec;

use crate::band::BANDS;
use crate::coefficients::{
    CodingProcess, ColorSpace, EntropyCoding, Geometry, SamplePrecision, SamplingFactor, Scan,
};
use crate::error::{Error, Malformed, Result, UnsupportedFeature};
use crate::metadata::{MetadataKind, MetadataSegment, adobe_transform};
use crate::quantization::QuantizationTable;

use super::huffman::HuffmanSpec;
use super::marker::{self, Segment, malformed};

/// A component as the frame header declares it.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameComponent {
    pub(super) id: u8,
    pub(super) sampling: SamplingFactor,
    pub(super) table_destination: u8,
}

/// A frame header (T.81 B.2.2).
#[derive(Debug, Clone)]
pub(super) struct FrameHeader {
    pub(super) process: CodingProcess,
    pub(super) entropy_coding: EntropyCoding,
    pub(super) precision: SamplePrecision,
    pub(super) geometry: Geometry,
    /// Files seldom have more than four.
    pub(super) components: SmallVec<[FrameComponent; 4]>,
}

impl FrameHeader {
    /// Parses the frame header of a process of SOF0 to SOF2, SOF9 or SOF10.
    ///
    /// `lines` is asked for the number of lines where the header leaves it to DNL.
    pub(super) fn parse(
        code: u8,
        segment: &mut Segment<'_>,
        lines: impl FnOnce() -> Result<u16>,
    ) -> Result<Self> {
        let (process, entropy_coding) = match code {
            marker::SOF0 => (CodingProcess::Baseline, EntropyCoding::Huffman),
            marker::SOF1 => (CodingProcess::ExtendedSequential, EntropyCoding::Huffman),
            marker::SOF9 => (CodingProcess::ExtendedSequential, EntropyCoding::Arithmetic),
            marker::SOF10 => (CodingProcess::Progressive, EntropyCoding::Arithmetic),
            _ => (CodingProcess::Progressive, EntropyCoding::Huffman),
        };
        let start = segment.position();
        let precision = match segment.byte()? {
            8 => SamplePrecision::Eight,
            12 if process != CodingProcess::Baseline => SamplePrecision::Twelve,
            precision => return Err(malformed(start, Malformed::Precision { precision })),
        };
        let mut height = segment.word()?;
        let width = segment.word()?;
        if width == 0 {
            return Err(malformed(start + 3, Malformed::ZeroWidth));
        }
        let count = segment.byte()?;
        if count == 0 || (count > 4 && process == CodingProcess::Progressive) {
            return Err(malformed(start + 5, Malformed::ComponentCount { count }));
        }
        let mut components: SmallVec<[FrameComponent; 4]> =
            SmallVec::with_capacity(usize::from(count));
        for _ in 0..count {
            let position = segment.position();
            // Identifiers should differ (T.81 B.2.2), but files are about in which they do not.
            let id = segment.byte()?;
            let (horizontal, vertical) = segment.nibbles()?;
            let sampling = SamplingFactor::new(horizontal, vertical).map_err(|_| {
                malformed(
                    position + 1,
                    Malformed::SamplingFactor {
                        horizontal,
                        vertical,
                    },
                )
            })?;
            let table_destination = destination(segment)?;
            components.push(FrameComponent {
                id,
                sampling,
                table_destination,
            });
        }
        segment.finish()?;
        if height == 0 {
            height = lines()?;
        }
        let geometry = Geometry::new(
            width.into(),
            height.into(),
            components.iter().map(|component| component.sampling),
        );
        Ok(Self {
            process,
            entropy_coding,
            precision,
            geometry,
            components,
        })
    }
}

/// A component of a scan: its index in the frame and its Huffman tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanComponent {
    pub(super) index: usize,
    pub(super) dc_destination: u8,
    pub(super) ac_destination: u8,
}

/// A scan header (T.81 B.2.3).
#[derive(Debug, Clone)]
pub(super) struct ScanHeader {
    /// One to four.
    pub(super) components: SmallVec<[ScanComponent; 4]>,
    /// First zig-zag index, Ss.
    pub(super) start: u8,
    /// Last zig-zag index, Se.
    pub(super) end: u8,
    /// Bit position of the preceding scan of these coefficients, Ah; 0 for the first.
    pub(super) high: u8,
    /// Bit position of this scan, Al.
    pub(super) low: u8,
}

impl ScanHeader {
    /// Parses a scan header; parameters that the process does not have are an error beside it. Sequential
    /// processes leave no choice, so the header then says what it must.
    pub(super) fn parse(
        segment: &mut Segment<'_>,
        frame: &FrameHeader,
    ) -> Result<(Self, Option<Error>)> {
        let start_position = segment.position();
        let count = segment.byte()?;
        if !(1..=4).contains(&count) {
            return Err(malformed(
                start_position,
                Malformed::ScanComponentCount { count },
            ));
        }
        let mut components: SmallVec<[ScanComponent; 4]> = SmallVec::new();
        for _ in 0..count {
            let position = segment.position();
            let id = segment.byte()?;
            let first = components.last().map_or(0, |last| last.index + 1);
            let index = (first..)
                .zip(frame.components.get(first..).unwrap_or(&[]))
                .find(|(_, component)| component.id == id)
                .ok_or_else(|| malformed(position, Malformed::ScanComponent { id }))?
                .0;
            let (dc_destination, ac_destination) = segment.nibbles()?;
            let largest = if frame.process == CodingProcess::Baseline {
                1
            } else {
                3
            };
            let destination = dc_destination.max(ac_destination);
            if destination > largest {
                return Err(malformed(
                    position + 1,
                    Malformed::TableDestination { destination },
                ));
            }
            components.push(ScanComponent {
                index,
                dc_destination,
                ac_destination,
            });
        }
        let parameters = segment.position();
        let (start, end) = (segment.byte()?, segment.byte()?);
        let (high, low) = segment.nibbles()?;
        segment.finish()?;
        let mut header = Self {
            components,
            start,
            end,
            high,
            low,
        };
        let mut breach = None;
        if !header.parameters_fit(frame.process) {
            let kind = Malformed::ScanParameters {
                start,
                end,
                high,
                low,
            };
            breach = Some(malformed(parameters, kind));
            if frame.process != CodingProcess::Progressive {
                (header.start, header.end, header.high, header.low) = (0, 63, 0, 0);
            }
        }
        let blocks: u8 = header
            .components
            .iter()
            .map(|component| frame.components[component.index].sampling.blocks_per_mcu())
            .sum();
        if count > 1 && blocks > 10 {
            return Err(malformed(start_position, Malformed::McuTooLarge { blocks }));
        }
        Ok((header, breach))
    }

    /// The scan for the record.
    pub(super) fn scan(&self) -> Scan {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a frame has at most 255 components"
        )]
        let indices = self.components.iter().map(|scanned| scanned.index as u8);
        Scan::from_parts(indices, self.start..=self.end, self.high, self.low)
    }

    fn parameters_fit(&self, process: CodingProcess) -> bool {
        if process != CodingProcess::Progressive {
            return (self.start, self.end, self.high, self.low) == (0, 63, 0, 0);
        }
        let band = if self.start == 0 {
            self.end == 0
        } else {
            self.end >= self.start && self.end <= 63 && self.components.len() == 1
        };
        let bits = self.low <= 13 && (self.high == 0 || self.high == self.low + 1);
        band && bits
    }
}

/// A quantization table as a file defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DefinedTable {
    /// The table, with steps of 1 for those of 0.
    pub(super) table: QuantizationTable,
    /// Position in the input and zig-zag index of the first step of 0, which no table in use may have.
    pub(super) zero_step: Option<(usize, u8)>,
}

/// The next table of a DQT segment and its destination (T.81 B.2.4.1).
pub(super) fn parse_quantization(segment: &mut Segment<'_>) -> Result<(u8, DefinedTable)> {
    let position = segment.position();
    let (precision, destination) = segment.nibbles()?;
    if precision > 1 {
        return Err(malformed(position, Malformed::TablePrecision { precision }));
    }
    if destination > 3 {
        return Err(malformed(
            position,
            Malformed::TableDestination { destination },
        ));
    }
    let mut steps = [0; BANDS];
    let mut zero_step = None;
    for (index, step) in (0_u8..).zip(&mut steps) {
        let position = segment.position();
        *step = if precision == 0 {
            segment.byte()?.into()
        } else {
            segment.word()?
        };
        if *step == 0 {
            zero_step.get_or_insert((position, index));
            *step = 1;
        }
    }
    let table = QuantizationTable::from_zigzag(steps)?;
    Ok((destination, DefinedTable { table, zero_step }))
}

/// Class of a Huffman table, Tc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableClass {
    Dc,
    Ac,
}

/// The next table of a DHT segment, its class and destination (T.81 B.2.4.2).
pub(super) fn parse_huffman(segment: &mut Segment<'_>) -> Result<(TableClass, u8, HuffmanSpec)> {
    let position = segment.position();
    let (class, destination) = segment.nibbles()?;
    let class = match class {
        0 => TableClass::Dc,
        1 => TableClass::Ac,
        _ => return Err(malformed(position, Malformed::HuffmanClass { class })),
    };
    if destination > 3 {
        return Err(malformed(
            position,
            Malformed::TableDestination { destination },
        ));
    }
    let mut counts = [0; 16];
    counts.copy_from_slice(segment.take(16)?);
    let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
    if total > 256 {
        return Err(malformed(position + 1, Malformed::HuffmanCode));
    }
    let symbols = segment.take(total)?;
    if class == TableClass::Dc
        && let Some(index) = symbols.iter().position(|&symbol| symbol > 15)
    {
        let symbol = symbols[index];
        return Err(malformed(
            position + 17 + index,
            Malformed::HuffmanSymbol { symbol },
        ));
    }
    let spec = HuffmanSpec::new(counts, symbols).map_err(|kind| malformed(position + 1, kind))?;
    Ok((class, destination, spec))
}

/// What the application segments of a file say about its colours.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ColorMarkers {
    jfif: bool,
    /// The transform of the last Adobe segment.
    adobe: Option<u8>,
}

impl ColorMarkers {
    /// Takes note of the next segment.
    pub(super) fn add(&mut self, marker: u8, payload: &[u8]) {
        self.jfif |= MetadataKind::of(marker, payload) == MetadataKind::Jfif && payload.len() >= 14;
        self.adobe = adobe_transform(marker, payload).or(self.adobe);
    }

    /// What the components stand for, by libjpeg's reading of the markers and identifiers.
    pub(super) const fn color_space(self, component_ids: &[u8]) -> ColorSpace {
        match (component_ids, self.adobe) {
            ([_], _) => ColorSpace::Grey,
            ([_, _, _], _) if self.jfif => ColorSpace::YCbCr,
            ([_, _, _], Some(0)) | ([b'R', b'G', b'B'], None) => ColorSpace::Rgb,
            ([_, _, _], _) => ColorSpace::YCbCr,
            ([_, _, _, _], Some(0) | None) => ColorSpace::Cmyk,
            ([_, _, _, _], Some(_)) => ColorSpace::Ycck,
            _ => ColorSpace::Unknown,
        }
    }
}

/// What the components stand for in a file with these segments.
pub(super) fn color_space<'a>(
    component_ids: &[u8],
    metadata: impl Iterator<Item = &'a MetadataSegment>,
) -> ColorSpace {
    let mut markers = ColorMarkers::default();
    for segment in metadata {
        markers.add(segment.marker(), segment.payload());
    }
    markers.color_space(component_ids)
}

pub(super) fn unsupported(position: usize, feature: UnsupportedFeature) -> Error {
    Error::Unsupported {
        offset: position as u64,
        feature,
    }
}

fn destination(segment: &mut Segment<'_>) -> Result<u8> {
    let position = segment.position();
    let destination = segment.byte()?;
    if destination > 3 {
        return Err(malformed(
            position,
            Malformed::TableDestination { destination },
        ));
    }
    Ok(destination)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_segment() -> impl Strategy<Value = (u8, Vec<u8>)> {
        let signature =
            prop::sample::select(vec![&b"JFIF\0"[..], b"JFXX\0", b"Adobe", b"Adob", b""]);
        let marker = prop::sample::select(vec![marker::APP0, marker::APP0 + 14, marker::COM]);
        let rest = prop::collection::vec(0_u8..4, 0..12);
        (marker, signature, rest)
            .prop_map(|(marker, signature, rest)| (marker, [signature, &rest].concat()))
    }

    proptest! {
        #[test]
        fn colors_are_those_of_the_last_adobe_segment_unless_there_is_a_whole_jfif_segment(
            segments in prop::collection::vec(any_segment(), 0..6),
            ids in prop_oneof![Just(b"RGB".to_vec()), prop::collection::vec(any::<u8>(), 1..6)],
        ) {
            let mut markers = ColorMarkers::default();
            for (marker, payload) in &segments {
                markers.add(*marker, payload);
            }
            let found = markers.color_space(&ids);

            let has_jfif = segments.iter().any(|(marker, payload)| {
                *marker == marker::APP0 && payload.starts_with(b"JFIF\0") && payload.len() >= 14
            });
            let mut transforms = segments.iter().filter_map(|(marker, payload)| {
                let is_adobe = *marker == marker::APP0 + 14 && payload.starts_with(b"Adobe");
                payload.get(11).filter(|_| is_adobe)
            });
            let expected = match (ids.len(), transforms.next_back()) {
                (1, _) => ColorSpace::Grey,
                (3, _) if has_jfif => ColorSpace::YCbCr,
                (3, Some(0)) => ColorSpace::Rgb,
                (3, None) if ids == b"RGB" => ColorSpace::Rgb,
                (3, _) => ColorSpace::YCbCr,
                (4, Some(1..)) => ColorSpace::Ycck,
                (4, _) => ColorSpace::Cmyk,
                _ => ColorSpace::Unknown,
            };
            prop_assert_eq!(found, expected);

            let segments: Vec<MetadataSegment> = segments
                .into_iter()
                .map(|(marker, payload)| MetadataSegment::new(marker, payload).unwrap())
                .collect();
            prop_assert_eq!(color_space(&ids, segments.iter()), expected);
        }
    }
}
