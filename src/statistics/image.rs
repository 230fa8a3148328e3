//! One image on its way into the statistics, rows of blocks at a time.

use crate::band::Block;
use crate::coefficients::{CoefficientImage, Component};
use crate::error::Result;
use crate::vectors::Vectors;

use super::tally::Tally;
use super::{BandStatistics, BlockSelection};

/// The running sums over one image. Nothing is counted before it is finished.
#[derive(Debug)]
pub(crate) struct ImageTally {
    components: Vec<ComponentTally>,
}

#[derive(Debug)]
struct ComponentTally {
    tally: Tally,
    blocks_wide: usize,
    counted: Counted,
}

/// The blocks of a component that are counted.
#[derive(Debug)]
enum Counted {
    All,
    /// Those of the first columns and rows.
    First {
        columns: usize,
        rows: usize,
    },
}

impl BandStatistics {
    /// Begins with an image, of which nothing is asked but what its frame header says.
    ///
    /// # Errors
    ///
    /// As [`add_image`](Self::add_image).
    pub(crate) fn begin_image(&self, image: &CoefficientImage) -> Result<ImageTally> {
        self.check(image.color_space(), image.components().len())?;
        let vectors = Vectors::detected();
        let component = |component: &Component| ComponentTally {
            tally: Tally::new(vectors, self.bin_width > 0),
            blocks_wide: component.blocks_wide().max(1) as usize,
            counted: match self.selection {
                BlockSelection::All => Counted::All,
                BlockSelection::Interior => Counted::First {
                    columns: (component.width() / 8) as usize,
                    rows: (component.height() / 8) as usize,
                },
            },
        };
        Ok(ImageTally {
            components: image.components().iter().map(component).collect(),
        })
    }

    /// Counts an image all of whose blocks were added; of the image itself the tables are taken.
    ///
    /// # Errors
    ///
    /// As [`add_image`](Self::add_image).
    pub(crate) fn finish_image(
        &mut self,
        tally: &ImageTally,
        image: &CoefficientImage,
    ) -> Result<()> {
        self.begin(image.color_space(), image.components().len())?;
        let components = image.components().iter().zip(&tally.components);
        for (sums, (component, of_component)) in self.components.iter_mut().zip(components) {
            let units = component
                .quantization_table()
                .to_natural()
                .map(|step| 16 * u64::from(step));
            sums.add_image(&of_component.tally, &units, self.bin_width);
        }
        Ok(())
    }
}

impl ImageTally {
    /// Adds whole rows of blocks of a component, from its row `first` on. Each row is to be added once, in
    /// any order.
    pub(crate) fn add_rows(&mut self, component: usize, first: u32, blocks: &[Block]) {
        if let Some(component) = self.components.get_mut(component) {
            component.add_rows(first as usize, blocks);
        }
    }
}

impl ComponentTally {
    fn add_rows(&mut self, first: usize, blocks: &[Block]) {
        match self.counted {
            Counted::All => self.tally.add(blocks),
            Counted::First { columns, rows } => {
                let of_picture = blocks.chunks_exact(self.blocks_wide);
                for row in of_picture.take(rows.saturating_sub(first)) {
                    self.tally.add(&row[..columns]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::coefficients::{ColorSpace, SamplingFactor};
    use crate::quantization::QuantizationTables;

    use super::*;

    proptest! {
        #[test]
        fn rows_added_in_any_order_and_number_are_the_whole_image(
            width in 1..70_u32,
            height in 1..70_u32,
            interior in any::<bool>(),
            rows_at_a_time in 1..4_u32,
            backwards in any::<bool>(),
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
            let mut tally = in_parts.begin_image(&image).unwrap();
            for (index, component) in image.components().iter().enumerate() {
                let mut pieces: Vec<u32> = (0..component.blocks_high())
                    .step_by(rows_at_a_time as usize)
                    .collect();
                if backwards {
                    pieces.reverse();
                }
                for first in pieces {
                    let rows = first..(first + rows_at_a_time).min(component.blocks_high());
                    let blocks: Vec<Block> =
                        rows.flat_map(|y| component.block_row(y)).copied().collect();
                    tally.add_rows(index, first, &blocks);
                }
            }
            prop_assert_eq!(&in_parts, &BandStatistics::with_selection(selection));
            in_parts.finish_image(&tally, &image).unwrap();
            prop_assert_eq!(in_parts, whole);
        }
    }
}
