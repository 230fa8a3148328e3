//! What the options mean for an image: process, scans, tables and bounds.

use crate::coefficients::{CoefficientImage, Component, EntropyCoding, SamplePrecision, Scan};
use crate::error::{ArgumentError, Result};

use super::super::marker;
use super::range::Bounds;
use super::{EncodeOptions, HuffmanTables, Process, ScanScript};

/// Components of a progressive frame (T.81 table B.2).
const MOST_PROGRESSIVE_COMPONENTS: usize = 4;

/// How an image is going to be written.
#[derive(Debug)]
pub(super) struct Plan {
    /// The marker of the frame header.
    pub(super) start_of_frame: u8,
    script: ScanScript,
    /// The identifiers of the components.
    pub(super) ids: Vec<u8>,
    pub(super) huffman_tables: HuffmanTables,
    pub(super) bounds: Bounds,
}

impl Plan {
    pub(super) fn new(image: &CoefficientImage, options: &EncodeOptions) -> Result<Self> {
        image.check_components()?;
        let progressive = match (options.process, &options.scans) {
            (Process::Progressive, _) => true,
            (Process::Automatic, Some(script)) => script.is_progressive(),
            _ => false,
        };
        let components = image.components().len();
        if progressive && components > MOST_PROGRESSIVE_COMPONENTS {
            return Err(ArgumentError::Components {
                expected: "at most 4 in a progressive file",
                actual: components,
            }
            .into());
        }
        let script = match &options.scans {
            Some(script) => {
                script
                    .check(image, progressive)
                    .map_err(ArgumentError::from)?;
                script.clone()
            }
            None if progressive => ScanScript::progression(image),
            None => ScanScript::interleaved(image),
        };
        let twelve_bits = image.precision() == SamplePrecision::Twelve;
        Ok(Self {
            start_of_frame: start_of_frame(image, options, progressive)?,
            ids: told_apart(image, script.scans()),
            script,
            huffman_tables: if progressive || twelve_bits {
                HuffmanTables::Optimized
            } else {
                options.huffman_tables
            },
            bounds: match options.entropy_coding {
                EntropyCoding::Huffman => Bounds::huffman(image.precision()),
                EntropyCoding::Arithmetic => Bounds::ARITHMETIC,
            },
        })
    }

    pub(super) fn scans(&self) -> &[Scan] {
        self.script.scans()
    }
}

/// The components' own identifiers, or numbers from 1 where they share some and a scan could then mean
/// another component: a reader takes the first of that identifier behind the one before.
fn told_apart(image: &CoefficientImage, scans: &[Scan]) -> Vec<u8> {
    let own: Vec<u8> = image.components().iter().map(Component::id).collect();
    let is_told = |scan: &Scan| {
        let mut first = 0;
        scan.components().all(|index| {
            let found = (first..own.len()).find(|&other| own[other] == own[index]);
            first = index + 1;
            found == Some(index)
        })
    };
    if scans.iter().all(is_told) {
        own
    } else {
        (1..=255).take(own.len()).collect()
    }
}

fn start_of_frame(
    image: &CoefficientImage,
    options: &EncodeOptions,
    progressive: bool,
) -> Result<u8> {
    let (extended, with_progression) = match options.entropy_coding {
        EntropyCoding::Huffman => (marker::SOF1, marker::SOF2),
        EntropyCoding::Arithmetic => (marker::SOF9, marker::SOF10),
    };
    match (options.process, beyond_baseline(image, options)) {
        _ if progressive => Ok(with_progression),
        (Process::Baseline, Some(error)) => Err(error.into()),
        (Process::Baseline | Process::Automatic, None) => Ok(marker::SOF0),
        _ => Ok(extended),
    }
}

/// What the image or the options have that baseline coding has not.
fn beyond_baseline(image: &CoefficientImage, options: &EncodeOptions) -> Option<ArgumentError> {
    if image.precision() == SamplePrecision::Twelve {
        return Some(ArgumentError::BeyondBaseline {
            feature: "12-bit samples",
        });
    }
    if options.entropy_coding == EntropyCoding::Arithmetic {
        return Some(ArgumentError::BeyondBaseline {
            feature: "arithmetic coding",
        });
    }
    image
        .components()
        .iter()
        .map(|component| component.quantization_table().largest_step())
        .enumerate()
        .find(|&(_, step)| step > 255)
        .map(|(component, step)| ArgumentError::StepAboveBaseline { component, step })
}
