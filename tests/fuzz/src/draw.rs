//! Values of the crate's types, drawn from the bytes of an input.

use arbitrary::{Result, Unstructured};
use feature_distillation::{
    ChromaSubsampling, CoefficientImage, ColorSpace, PixelFormat, QuantizationTable,
    QuantizationTables, Rounding, SamplingFactor,
};

/// One of a list.
pub fn one_of<T: Copy>(u: &mut Unstructured<'_>, values: &[T]) -> Result<T> {
    u.choose(values).copied()
}

/// One of the three tie rules.
pub fn rounding(u: &mut Unstructured<'_>) -> Result<Rounding> {
    one_of(
        u,
        &[
            Rounding::HalfAwayFromZero,
            Rounding::HalfToEven,
            Rounding::HalfTowardZero,
        ],
    )
}

/// Any colour space.
pub fn color_space(u: &mut Unstructured<'_>) -> Result<ColorSpace> {
    one_of(
        u,
        &[
            ColorSpace::YCbCr,
            ColorSpace::Grey,
            ColorSpace::Rgb,
            ColorSpace::Cmyk,
            ColorSpace::Ycck,
            ColorSpace::Unknown,
        ],
    )
}

/// Any subsampling of the chrominance.
pub fn subsampling(u: &mut Unstructured<'_>) -> Result<ChromaSubsampling> {
    one_of(
        u,
        &[
            ChromaSubsampling::None,
            ChromaSubsampling::Horizontal,
            ChromaSubsampling::Both,
        ],
    )
}

/// Any pixel format.
pub fn pixel_format(u: &mut Unstructured<'_>) -> Result<PixelFormat> {
    one_of(u, &[PixelFormat::Rgb, PixelFormat::Grey, PixelFormat::Cmyk])
}

/// A table: uniform, Annex K at a quality, or 64 steps of 8 or 16 bits.
pub fn table(u: &mut Unstructured<'_>) -> Result<QuantizationTable> {
    let table = match u.int_in_range(0..=3)? {
        0 => QuantizationTable::uniform(u.arbitrary::<u16>()?.max(1)),
        1 => QuantizationTable::annex_k_luminance().at_quality(u.int_in_range(1..=100)?),
        2 => QuantizationTable::from_natural(
            u.arbitrary::<[u8; 64]>()?
                .map(|step| u16::from(step.max(1))),
        ),
        _ => QuantizationTable::from_natural(u.arbitrary::<[u16; 64]>()?.map(|step| step.max(1))),
    };
    Ok(table.expect("steps of 1 and more, a quality of 1 to 100"))
}

/// One to four tables.
pub fn tables(u: &mut Unstructured<'_>) -> Result<QuantizationTables> {
    let count = u.int_in_range(1..=4)?;
    let tables = (0..count).map(|_| table(u)).collect::<Result<_>>()?;
    Ok(QuantizationTables::per_component(tables).expect("1 to 4 tables"))
}

/// An image of any colour space and sampling, sides up to `side`, with levels all over their range.
pub fn coefficient_image(
    u: &mut Unstructured<'_>,
    color_space: ColorSpace,
    side: u32,
) -> Result<CoefficientImage> {
    let (width, height) = (u.int_in_range(1..=side)?, u.int_in_range(1..=side)?);
    let count = match color_space.components() {
        Some(count) => count,
        None => u.int_in_range(1..=4)?,
    };
    let sampling = (0..count)
        .map(|_| {
            let byte: u8 = u.arbitrary()?;
            Ok(SamplingFactor::new(1 + (byte & 3), 1 + (byte >> 2 & 3)).expect("1 to 4"))
        })
        .collect::<Result<Vec<_>>>()?;
    let tables = tables(u)?;
    let mut image = CoefficientImage::new(width, height, color_space, &sampling, &tables)
        .expect("sides and components that fit");
    set_levels(u, &mut image)?;
    Ok(image)
}

/// Sets some levels, anywhere: alone, or over a whole block.
pub fn set_levels(u: &mut Unstructured<'_>, image: &mut CoefficientImage) -> Result<()> {
    while u.arbitrary::<bool>()? && !u.is_empty() {
        let component = u.choose_index(image.components().len())?;
        let blocks = image.components_mut()[component].blocks_mut();
        let block = u.choose_index(blocks.len())?;
        if u.arbitrary()? {
            blocks[block] = u.arbitrary()?;
        } else {
            blocks[block][u.choose_index(64)?] = u.arbitrary()?;
        }
    }
    Ok(())
}
