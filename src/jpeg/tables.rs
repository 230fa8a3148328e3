//! The tables in force, and streams that hold nothing else (T.81 B.2.4, B.5).

use std::borrow::Cow;
use std::iter;

use crate::coefficients::CodingProcess;
use crate::error::{Error, Malformed, Result};
use crate::limits::Budget;
use crate::quantization::QuantizationTable;

use super::arithmetic::Conditioning;
use super::decode::DecodeOptions;
use super::header::{DefinedTable, TableClass, parse_huffman, parse_quantization};
use super::huffman::HuffmanSpec;
use super::marker::{self, Segment, Source, malformed};

/// Tables and settings that persist from segment to segment: what the abbreviated format for
/// table-specification data carries (T.81 B.5), to be used by images in the abbreviated format (B.4).
///
/// TIFF files and some video formats store the tables of many images once.
///
/// ```
/// use feature_distillation::{
///     CoefficientImage, ColorSpace, DecodeOptions, EncodeOptions, QuantizationTable, SamplingFactor,
///     StreamFormat, TableSpecification,
/// };
/// let table = QuantizationTable::uniform(16)?;
/// let image = CoefficientImage::new(24, 16, ColorSpace::Grey, &[SamplingFactor::ONE], &table.into())?;
///
/// let tables = image.encode_with(&EncodeOptions::new().with_format(StreamFormat::TableSpecification))?;
/// let abbreviated = image.encode_with(&EncodeOptions::new().with_format(StreamFormat::AbbreviatedImage))?;
///
/// let tables = TableSpecification::decode(&tables.bytes)?;
/// let read = CoefficientImage::decode_abbreviated(&abbreviated.bytes, &tables, &DecodeOptions::new())?;
/// assert_eq!(read.components(), image.components());
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableSpecification {
    quantization: [Option<DefinedTable>; 4],
    dc: [Option<HuffmanSpec>; 4],
    ac: [Option<HuffmanSpec>; 4],
    conditioning: Conditioning,
    restart_interval: u16,
}

impl TableSpecification {
    /// Reads a stream of tables without an image, within the default [`Limits`](crate::Limits).
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`](crate::Error::Malformed) and
    /// [`Error::UnexpectedEnd`](crate::Error::UnexpectedEnd) with the byte offset; a frame or a scan is
    /// [`Malformed::UnexpectedMarker`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        Self::decode_with(bytes, &DecodeOptions::default())
    }

    /// As [`decode`](Self::decode), with options.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), and [`Error::LimitExceeded`](crate::Error::LimitExceeded).
    pub fn decode_with(bytes: &[u8], options: &DecodeOptions) -> Result<Self> {
        let mut source = Source::new(bytes);
        source.start_of_image()?;
        let mut budget = Budget::new(*options.limits());
        let mut tables = Self::default();
        loop {
            let (code, position) = source.marker()?;
            if code == marker::EOI {
                return Ok(tables);
            }
            budget.charge_segment()?;
            if marker::is_metadata(code) {
                budget.charge_metadata(source.segment(code)?.payload().len() as u64)?;
            } else if !tables.read_segment(&mut source, code)? {
                return Err(malformed(
                    position,
                    Malformed::UnexpectedMarker { marker: code },
                ));
            }
        }
    }

    /// The quantization table of a destination, 0 to 3; `None` where it is not defined, or with a step of 0.
    #[must_use]
    pub fn quantization_table(&self, destination: u8) -> Option<&QuantizationTable> {
        let defined = self.quantization.get(usize::from(destination))?.as_ref()?;
        defined.zero_step.is_none().then_some(&defined.table)
    }

    /// Restart interval in MCUs; 0 for none.
    #[must_use]
    pub const fn restart_interval(&self) -> u16 {
        self.restart_interval
    }

    /// What is left of it behind the SOI of another stream.
    pub(super) fn at_start_of_image(&self) -> Self {
        Self {
            conditioning: Conditioning::default(),
            restart_interval: 0,
            ..self.clone()
        }
    }

    pub(super) const fn conditioning(&self) -> &Conditioning {
        &self.conditioning
    }

    /// Reads the segment after a marker if it is one of tables or settings; whether it was.
    pub(super) fn read_segment(&mut self, source: &mut Source<'_>, code: u8) -> Result<bool> {
        match code {
            marker::DQT => {
                let segment = source.segment(code)?;
                for_each_table(&segment, parse_quantization, |(destination, table)| {
                    self.quantization[usize::from(destination)] = Some(table);
                })?;
            }
            marker::DHT => {
                let segment = source.segment(code)?;
                for_each_table(&segment, parse_huffman, |(class, destination, spec)| {
                    let tables = match class {
                        TableClass::Dc => &mut self.dc,
                        TableClass::Ac => &mut self.ac,
                    };
                    tables[usize::from(destination)] = Some(spec);
                })?;
            }
            marker::DAC => {
                let mut segment = source.segment(code)?;
                while !segment.is_empty() {
                    let position = segment.position();
                    let (class, destination) = segment.nibbles()?;
                    let value = segment.byte()?;
                    self.conditioning.set(class, destination, value).map_err(
                        |kind| match kind {
                            Malformed::ConditioningValue { .. } => malformed(position + 1, kind),
                            _ => malformed(position, kind),
                        },
                    )?;
                }
            }
            marker::DRI => {
                let mut segment = source.segment(code)?;
                let interval = segment.word()?;
                segment.finish()?;
                self.restart_interval = interval;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The quantization table of a destination, 0 to 3, for a scan whose header is at `position`; an error
    /// beside it if a step was 0.
    pub(super) fn quantization(
        &self,
        destination: u8,
        position: usize,
    ) -> Result<(QuantizationTable, Option<Error>)> {
        let missing = Malformed::MissingQuantizationTable { destination };
        let defined = self.quantization[usize::from(destination)]
            .as_ref()
            .ok_or_else(|| malformed(position, missing))?;
        let breach = defined
            .zero_step
            .map(|(position, index)| malformed(position, Malformed::ZeroStep { index }));
        Ok((defined.table, breach))
    }

    /// The Huffman table of a destination for a scan whose header is at `position`.
    ///
    /// Frames of motion JPEG leave out the standard's tables; like libjpeg, sequential scans then take
    /// those for destinations 0 and 1.
    pub(super) fn huffman(
        &self,
        class: TableClass,
        destination: u8,
        process: CodingProcess,
        position: usize,
    ) -> Result<Cow<'_, HuffmanSpec>> {
        let tables = match class {
            TableClass::Dc => &self.dc,
            TableClass::Ac => &self.ac,
        };
        if let Some(spec) = &tables[usize::from(destination)] {
            return Ok(Cow::Borrowed(spec));
        }
        if process == CodingProcess::Progressive || destination > 1 {
            return Err(malformed(
                position,
                Malformed::MissingHuffmanTable { destination },
            ));
        }
        let chrominance = destination == 1;
        Ok(Cow::Owned(match class {
            TableClass::Dc => HuffmanSpec::standard_dc(chrominance),
            TableClass::Ac => HuffmanSpec::standard_ac(chrominance),
        }))
    }
}

/// Applies the tables of a segment, all of them or, where one is bad, none.
fn for_each_table<T>(
    segment: &Segment<'_>,
    parse: fn(&mut Segment<'_>) -> Result<T>,
    apply: impl FnMut(T),
) -> Result<()> {
    let tables = || {
        let mut rest = segment.clone();
        iter::from_fn(move || (!rest.is_empty()).then(|| parse(&mut rest)))
    };
    for table in tables() {
        table?;
    }
    tables().flatten().for_each(apply);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_whose_last_table_is_bad_changes_nothing() {
        let quantization = |step: u8, precision: u8| [&[precision << 4][..], &[step; 64]].concat();
        let huffman = |symbol: u8, length_1: u8| {
            let mut table = vec![0x10, length_1];
            table.extend([0; 15]);
            table.extend(vec![symbol; length_1.into()]);
            table
        };
        let mut tables = TableSpecification::default();
        let mut read = |code, payload: &[u8]| {
            let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
            let bytes = [&length[..], payload].concat();
            let result = tables.read_segment(&mut Source::new(&bytes), code);
            (result.is_ok(), tables.clone())
        };
        for (code, good, other, bad) in [
            (
                marker::DQT,
                quantization(1, 0),
                quantization(2, 0),
                quantization(1, 2),
            ),
            (marker::DHT, huffman(1, 1), huffman(2, 1), huffman(1, 2)),
        ] {
            let (is_read, before) = read(code, &good);
            assert!(is_read);
            assert_eq!(
                read(code, &[other.clone(), bad].concat()),
                (false, before.clone())
            );
            // The last of them is in force.
            assert_eq!(
                read(code, &[other.clone(), good].concat()),
                (true, before.clone())
            );
            assert_ne!(read(code, &other), (true, before));
        }
    }
}
