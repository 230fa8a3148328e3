//! Coefficients to bytes: the sequence of segments (T.81 B.2.1).

mod arithmetic;
mod huffman;
mod metadata;
mod nonzero;
mod options;
mod plan;
mod progressive;
mod range;
mod scan;
mod script;
mod sequential;
mod standard;
mod tables;
mod tokens;
mod walk;
mod zigzag;

pub use options::{
    EncodeOptions, HuffmanTables, MetadataPolicy, OutOfRange, Process, RestartInterval,
    StreamFormat,
};
pub use script::ScanScript;

use std::io::Write;

use crate::coefficients::CoefficientImage;
use crate::error::{ArgumentError, Error, Result};
use crate::quantization::QuantizationTable;

use super::huffman::HuffmanSpec;
use super::marker;

use plan::Plan;
use range::fitted;
use tables::{QuantizationPlan, quantization_payload};

/// A written file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoded {
    /// The file.
    pub bytes: Vec<u8>,
    /// Coefficients that were changed to fit the coding; always 0 under [`OutOfRange::Error`].
    pub clamped: u64,
}

impl CoefficientImage {
    /// Writes a JPEG file with the default [`EncodeOptions`].
    ///
    /// Reading it back gives equal components. Those that share an identifier are numbered from 1 where a
    /// scan could not tell them apart otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::CoefficientOutOfRange`]; [`ArgumentError::Shape`] where a component is that of an image of
    /// another size.
    pub fn encode(&self) -> Result<Vec<u8>> {
        Ok(self.encode_with(&EncodeOptions::default())?.bytes)
    }

    /// Writes a JPEG file, or the part of one that [`StreamFormat`] says.
    ///
    /// # Errors
    ///
    /// [`Error::CoefficientOutOfRange`] unless [`OutOfRange::Clamp`] is chosen;
    /// [`ArgumentError::StepAboveBaseline`] and [`ArgumentError::BeyondBaseline`] where baseline is
    /// demanded; [`ArgumentError::ScanScript`] for scans that cannot code the image without loss;
    /// [`ArgumentError::Components`] for a progressive file of more than four;
    /// [`ArgumentError::TableRedefined`] in the abbreviated formats; [`ArgumentError::Shape`] where a
    /// component was exchanged for one of another size.
    pub fn encode_with(&self, options: &EncodeOptions) -> Result<Encoded> {
        let plan = Plan::new(self, options)?;
        match Encoder::new(self, options, &plan).encode() {
            Err(Error::CoefficientOutOfRange { .. })
                if options.out_of_range == OutOfRange::Clamp =>
            {
                let (fitted, clamped) =
                    fitted(self, plan.scans(), plan.bounds, options.restart_interval)?;
                let encoded = Encoder::new(&fitted, options, &plan).encode()?;
                Ok(Encoded { clamped, ..encoded })
            }
            result => result,
        }
    }

    /// Writes a JPEG file to a stream; returns the number of coefficients changed to fit the coding.
    ///
    /// # Errors
    ///
    /// As [`encode_with`](Self::encode_with), and [`Error::Io`].
    pub fn write_to(&self, mut writer: impl Write, options: &EncodeOptions) -> Result<u64> {
        let encoded = self.encode_with(options)?;
        writer.write_all(&encoded.bytes)?;
        Ok(encoded.clamped)
    }
}

/// State of one encode, which changes no coefficient.
struct Encoder<'a> {
    image: &'a CoefficientImage,
    options: &'a EncodeOptions,
    plan: &'a Plan,
    bytes: Vec<u8>,
    restart_interval: u16,
    /// The tables that a reader has, by class and destination.
    huffman: [[Option<HuffmanSpec>; 2]; 2],
}

impl<'a> Encoder<'a> {
    fn new(image: &'a CoefficientImage, options: &'a EncodeOptions, plan: &'a Plan) -> Self {
        Self {
            image,
            options,
            plan,
            bytes: Vec::new(),
            restart_interval: 0,
            huffman: [const { [None, None] }; 2],
        }
    }

    fn encode(mut self) -> Result<Encoded> {
        let image_wanted = self.options.format != StreamFormat::TableSpecification;
        let quantization = QuantizationPlan::new(self.image, self.plan.scans());
        self.bytes.extend_from_slice(&[0xFF, marker::SOI]);
        if image_wanted {
            self.metadata()?;
        }
        self.quantization_tables(&quantization.ahead)?;
        if image_wanted {
            self.frame_header(&quantization.destinations)?;
        }
        for (index, scan) in self.plan.scans().iter().enumerate() {
            if let Some(tables) = quantization.by_scan.get(index) {
                self.redefine_quantization_tables(tables)?;
            }
            self.scan(scan)?;
        }
        self.bytes.extend_from_slice(&[0xFF, marker::EOI]);
        if image_wanted && self.options.metadata == MetadataPolicy::Keep {
            self.bytes.extend_from_slice(self.image.trailing_data());
        }
        Ok(Encoded {
            bytes: self.bytes,
            clamped: 0,
        })
    }

    fn quantization_tables(&mut self, tables: &[(u8, QuantizationTable)]) -> Result<()> {
        if self.options.format == StreamFormat::AbbreviatedImage {
            return Ok(());
        }
        for (destination, table) in tables {
            self.segment(marker::DQT, &quantization_payload(*destination, table))?;
        }
        Ok(())
    }

    fn redefine_quantization_tables(&mut self, tables: &[(u8, QuantizationTable)]) -> Result<()> {
        match tables.first() {
            Some(&(destination, _)) if self.options.format != StreamFormat::Interchange => {
                Err(ArgumentError::TableRedefined {
                    class: "quantization",
                    destination,
                }
                .into())
            }
            _ => self.quantization_tables(tables),
        }
    }

    fn frame_header(&mut self, destinations: &[u8]) -> Result<()> {
        let side = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX).to_be_bytes();
        let mut payload = vec![self.image.precision().bits()];
        payload.extend(side(self.image.height()));
        payload.extend(side(self.image.width()));
        payload.push(low_byte(self.image.components().len()));
        let components = self.image.components().iter();
        for ((component, &id), &destination) in components.zip(&self.plan.ids).zip(destinations) {
            let sampling = component.sampling();
            payload.extend([
                id,
                sampling.horizontal() << 4 | sampling.vertical(),
                destination,
            ]);
        }
        self.segment(self.plan.start_of_frame, &payload)
    }

    fn segment(&mut self, code: u8, payload: &[u8]) -> Result<()> {
        let length = u16::try_from(payload.len() + 2).map_err(|_| {
            Error::from(ArgumentError::SegmentTooLong {
                bytes: payload.len(),
            })
        })?;
        self.bytes.extend_from_slice(&[0xFF, code]);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(payload);
        Ok(())
    }
}

/// For counts and steps that are known to be below 256.
fn low_byte(value: usize) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}
