//! Ways to write an image, drawn from the bytes of an input.

use std::num::NonZeroU16;

use arbitrary::{Result, Unstructured};
use feature_distillation::{
    CoefficientImage, EncodeOptions, EntropyCoding, HuffmanTables, MetadataPolicy, OutOfRange,
    Process, RestartInterval, Scan, ScanScript,
};

use crate::draw::one_of;

/// Components that a progressive file may have, and a scan.
const MOST_IN_SCAN: usize = 4;
/// Blocks that an interleaved MCU may have.
const MOST_BLOCKS: u32 = 10;
/// Scans after which the rest of a script takes few.
const PLAYFUL_SCANS: usize = 20;

/// Any options under which the image can be written, but for coefficients out of range and what
/// baseline has not.
pub fn options(u: &mut Unstructured<'_>, image: &CoefficientImage) -> Result<EncodeOptions> {
    let few = image.components().len() <= MOST_IN_SCAN;
    let options = match u.int_in_range(0..=5)? {
        0 => return Ok(EncodeOptions::as_read(image)),
        1 => EncodeOptions::new().with_process(Process::Baseline),
        2 => EncodeOptions::new().with_process(Process::ExtendedSequential),
        3 if few => EncodeOptions::new().with_process(Process::Progressive),
        4 if few => EncodeOptions::new().with_scans(progressive_script(u, image)?),
        _ => EncodeOptions::new().with_scans(sequential_script(u, image)?),
    };
    let coding = one_of(u, &[EntropyCoding::Huffman, EntropyCoding::Arithmetic])?;
    Ok(options
        .with_entropy_coding(coding)
        .with_huffman_tables(one_of(
            u,
            &[HuffmanTables::Standard, HuffmanTables::Optimized],
        )?)
        .with_restart_interval(restarts(u)?)
        .with_metadata(metadata(u)?)
        .with_out_of_range(one_of(u, &[OutOfRange::Error, OutOfRange::Clamp])?))
}

/// Any restart interval, small ones more often.
pub fn restarts(u: &mut Unstructured<'_>) -> Result<RestartInterval> {
    let interval = NonZeroU16::new(u.arbitrary()?).unwrap_or(NonZeroU16::MIN);
    let small = NonZeroU16::new(interval.get() % 8).unwrap_or(NonZeroU16::MIN);
    one_of(
        u,
        &[
            RestartInterval::Never,
            RestartInterval::Keep,
            RestartInterval::Mcus(small),
            RestartInterval::Mcus(interval),
            RestartInterval::McuRows(small),
            RestartInterval::McuRows(interval),
        ],
    )
}

/// Any policy of metadata.
pub fn metadata(u: &mut Unstructured<'_>) -> Result<MetadataPolicy> {
    one_of(
        u,
        &[
            MetadataPolicy::Keep,
            MetadataPolicy::IccOnly,
            MetadataPolicy::Strip,
        ],
    )
}

/// Scans of one to four components each, in any order.
fn sequential_script(u: &mut Unstructured<'_>, image: &CoefficientImage) -> Result<ScanScript> {
    let mut left: Vec<usize> = (0..image.components().len()).collect();
    let mut scans = Vec::new();
    while !left.is_empty() {
        let size = u.int_in_range(1..=MOST_IN_SCAN.min(left.len()))?;
        let mut indices = Vec::new();
        for _ in 0..size {
            indices.push(left.swap_remove(u.choose_index(left.len())?));
        }
        indices.sort_unstable();
        if blocks_per_mcu(image, &indices) > MOST_BLOCKS {
            left.extend(indices.drain(1..));
        }
        scans.push(Scan::sequential(&indices).expect("one to four, ascending"));
    }
    Ok(ScanScript::new(scans))
}

/// DC of some components, bands of one, one bit after the other, in any order that is legal.
fn progressive_script(u: &mut Unstructured<'_>, image: &CoefficientImage) -> Result<ScanScript> {
    let count = image.components().len();
    // Bits that the scans so far have left out, by component and zig-zag index.
    let mut left = vec![[None::<u8>; 64]; count];
    let mut scans = Vec::new();
    let unfinished = |left: &[[Option<u8>; 64]]| -> Vec<usize> {
        (0..count)
            .filter(|&index| left[index].iter().any(|&bits| bits != Some(0)))
            .collect()
    };
    while let candidates = unfinished(&left)
        && !candidates.is_empty()
    {
        let playful = scans.len() < PLAYFUL_SCANS && !u.is_empty();
        let index = if playful {
            one_of(u, &candidates)?
        } else {
            candidates[0]
        };
        let open: Vec<u8> = (0..64)
            .filter(|&zigzag| left[index][usize::from(zigzag)] != Some(0))
            .collect();
        let start = if playful && left[index][0].is_some() {
            one_of(u, &open)?
        } else {
            open[0]
        };
        let before = left[index][usize::from(start)];
        let (high, low) = match before {
            None if playful => (0, one_of(u, &[0, 0, 1, 1, 2, 3, 4, 10, 13])?),
            None => (0, 0),
            Some(bits) => (bits, bits - 1),
        };
        let (end, indices) = if start == 0 {
            (0, dc_companions(u, image, &left, index, playful)?)
        } else {
            let last = (start..64)
                .take_while(|&zigzag| left[index][usize::from(zigzag)] == before)
                .last()
                .unwrap_or(start);
            let end = if playful && u.arbitrary()? {
                u.int_in_range(start..=last)?
            } else {
                last
            };
            (end, vec![index])
        };
        for &index in &indices {
            left[index][usize::from(start)..=usize::from(end)].fill(Some(low));
        }
        scans.push(Scan::progressive(&indices, start..=end, high, low).expect("a legal scan"));
    }
    Ok(ScanScript::new(scans))
}

/// Components whose DC can be coded together with that of `index`, in frame order.
fn dc_companions(
    u: &mut Unstructured<'_>,
    image: &CoefficientImage,
    left: &[[Option<u8>; 64]],
    index: usize,
    playful: bool,
) -> Result<Vec<usize>> {
    let mut indices = Vec::new();
    for other in 0..left.len() {
        let can = left[other][0] == left[index][0];
        if other == index || (can && (!playful || u.arbitrary()?)) {
            indices.push(other);
        }
    }
    if blocks_per_mcu(image, &indices) > MOST_BLOCKS {
        indices = vec![index];
    }
    Ok(indices)
}

fn blocks_per_mcu(image: &CoefficientImage, indices: &[usize]) -> u32 {
    if let [_] = indices {
        return 1;
    }
    let blocks = indices.iter().map(|&index| {
        let sampling = image.components()[index].sampling();
        u32::from(sampling.horizontal()) * u32::from(sampling.vertical())
    });
    blocks.sum()
}
