//! Our side of each road, as a caller would go it: every result is allocated anew.

use feature_distillation::{
    BandStatistics, ChromaSubsampling, CoefficientImage, ColorSpace, DecodeOptions, EncodeOptions,
    FeatureDistiller, ForwardOptions, HuffmanTables, InverseOptions, Limits, PixelBuffer,
    PixelPipeline, PixelView, QuantizationTable, QuantizationTables, Upsampling,
};

/// The pipelines between coefficients and pixels, and their names in tables of results.
pub const PIPELINES: [(&str, PixelPipeline); 2] = [
    ("libjpeg-equal", PixelPipeline::LibjpegEqual),
    ("precise", PixelPipeline::Precise),
];

pub fn to_coefficients(bytes: &[u8]) -> CoefficientImage {
    CoefficientImage::decode(bytes).unwrap()
}

pub fn to_bytes(image: &CoefficientImage, huffman: HuffmanTables) -> Vec<u8> {
    let options = EncodeOptions::new().with_huffman_tables(huffman);
    image.encode_with(&options).unwrap().bytes
}

/// RGB with triangle upsampling.
pub fn to_rgb(bytes: &[u8], pipeline: PixelPipeline) -> PixelBuffer {
    let options = InverseOptions::libjpeg_equal().with_pipeline(pipeline);
    PixelBuffer::decode(bytes, &DecodeOptions::default(), &options).unwrap()
}

pub fn from_rgb(
    pixels: PixelView<'_>,
    tables: &QuantizationTables,
    subsampling: ChromaSubsampling,
    pipeline: PixelPipeline,
    huffman: HuffmanTables,
) -> Vec<u8> {
    let options = match pipeline {
        PixelPipeline::Precise => ForwardOptions::precise(),
        _ => ForwardOptions::libjpeg_equal(),
    }
    .with_subsampling(subsampling);
    let image = CoefficientImage::from_pixels(pixels, tables, &options).unwrap();
    to_bytes(&image, huffman)
}

/// Tables of the kind that the distiller uses: fine steps in the low bands, coarse ones above.
pub fn defensive_tables() -> QuantizationTables {
    QuantizationTable::from_fn(|band| if band.zigzag() < 15 { 20 } else { 30 })
        .unwrap()
        .into()
}

/// A distiller in `YCbCr` with the defensive tables.
pub fn distiller(subsampling: ChromaSubsampling, pipeline: PixelPipeline) -> FeatureDistiller {
    FeatureDistiller::builder()
        .tables(defensive_tables())
        .color_space(ColorSpace::YCbCr)
        .subsampling(subsampling)
        .pipeline(pipeline)
        .upsampling(Upsampling::Triangle)
        .limits(Limits::none())
        .build()
        .unwrap()
}

pub fn one_pass(distiller: &FeatureDistiller, bytes: &[u8]) -> PixelBuffer {
    distiller.one_pass_jpeg(bytes).unwrap()
}

pub fn two_passes(distiller: &FeatureDistiller, pixels: PixelView<'_>) -> (Vec<u8>, PixelBuffer) {
    let bytes = distiller.compress(pixels).unwrap();
    let distilled = distiller.distill_jpeg(&bytes).unwrap();
    (bytes, distilled)
}

/// As a calibration goes: one file after the other is added to the same statistics.
pub fn calibrate(statistics: &mut BandStatistics, bytes: &[u8]) {
    let added = statistics.add_jpeg(bytes, &DecodeOptions::default());
    added.unwrap();
}
