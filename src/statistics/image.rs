//! One image on its way into the statistics, rows of blocks at a time.

use crate::band::{BANDS, Block};
use crate::coefficients::{ColorSpace, Component, Outline};
use crate::error::Result;
use crate::vectors::Vectors;

use super::tally::Tally;
use super::{BandStatistics, BlockSelection};

/// The running sums over one image. Nothing is counted before it is finished.
#[derive(Debug)]
pub(super) struct ImageTally {
    color_space: ColorSpace,
    components: Vec<ComponentTally>,
}

#[derive(Debug)]
struct ComponentTally {
    tally: Tally,
    /// Sixteenths of a coefficient in a level.
    units: [u64; BANDS],
    blocks_wide: usize,
    counted: Counted,
}

/// The blocks of a component that are counted.
#[derive(Debug)]
enum Counted {
    All,
    /// Those of the first columns, and of so many rows yet.
    First {
        columns: usize,
        rows: usize,
    },
}

impl BandStatistics {
    /// Begins with an image.
    ///
    /// # Errors
    ///
    /// As [`add_image`](Self::add_image).
    pub(super) fn begin_image(&self, outline: &Outline<'_>) -> Result<ImageTally> {
        self.check(outline.color_space, outline.components.len())?;
        let vectors = Vectors::detected();
        let component = |component: &Component| ComponentTally {
            tally: Tally::new(vectors, self.bin_width > 0),
            units: component
                .quantization_table()
                .to_natural()
                .map(|step| 16 * u64::from(step)),
            blocks_wide: component.blocks_wide() as usize,
            counted: match self.selection {
                BlockSelection::All => Counted::All,
                BlockSelection::Interior => Counted::First {
                    columns: (component.width() / 8) as usize,
                    rows: (component.height() / 8) as usize,
                },
            },
        };
        Ok(ImageTally {
            color_space: outline.color_space,
            components: outline.components.iter().map(component).collect(),
        })
    }

    /// Counts an image all of whose blocks were added.
    ///
    /// # Errors
    ///
    /// As [`add_image`](Self::add_image).
    pub(super) fn finish_image(&mut self, image: &ImageTally) -> Result<()> {
        self.begin(image.color_space, image.components.len())?;
        for (sums, component) in self.components.iter_mut().zip(&image.components) {
            sums.add_image(&component.tally, &component.units, self.bin_width);
        }
        Ok(())
    }
}

impl ImageTally {
    /// Adds the next rows of blocks of a component, whole ones.
    pub(super) fn add_rows(&mut self, component: usize, blocks: &[Block]) {
        if let Some(component) = self.components.get_mut(component) {
            component.add_rows(blocks);
        }
    }

    pub(super) const fn color_space(&self) -> ColorSpace {
        self.color_space
    }
}

impl ComponentTally {
    fn add_rows(&mut self, blocks: &[Block]) {
        match &mut self.counted {
            Counted::All => self.tally.add(blocks),
            Counted::First { columns, rows } => {
                let of_picture = blocks.chunks_exact(self.blocks_wide);
                for row in of_picture.take(*rows) {
                    self.tally.add(&row[..*columns]);
                    *rows -= 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::coefficients::{CoefficientImage, SamplingFactor};
    use crate::quantization::QuantizationTables;

    use super::*;

    proptest! {
        #[test]
        fn rows_added_some_at_a_time_are_the_whole_image(
            width in 1..70_u32,
            height in 1..70_u32,
            interior in any::<bool>(),
            rows_at_a_time in 1..4_usize,
            seed in any::<i16>(),
        ) {
            let tables = QuantizationTables::annex_k(75).unwrap();
            let sampling = [SamplingFactor::new(2, 2).unwrap(), SamplingFactor::ONE, SamplingFactor::ONE];
            let mut image =
                CoefficientImage::new(width, height, ColorSpace::YCbCr, &sampling, &tables).unwrap();
            let mut level = seed;
            for component in image.components_mut() {
                for block in component.blocks_mut() {
                    *block = std::array::from_fn(|_| {
                        level = level.wrapping_mul(25_173).wrapping_add(13_849);
                        level >> 5
                    });
                }
            }
            let selection = if interior { BlockSelection::Interior } else { BlockSelection::All };
            let mut whole = BandStatistics::with_selection(selection);
            whole.add_image(&image).unwrap();

            let mut in_parts = BandStatistics::with_selection(selection);
            let mut tally = in_parts.begin_image(&image.outline()).unwrap();
            for (index, component) in image.components().iter().enumerate() {
                let wide = component.blocks_wide() as usize;
                for rows in component.blocks().chunks(rows_at_a_time * wide) {
                    tally.add_rows(index, rows);
                }
            }
            prop_assert_eq!(&in_parts, &BandStatistics::with_selection(selection));
            in_parts.finish_image(&tally).unwrap();
            prop_assert_eq!(in_parts, whole);
        }
    }
}
