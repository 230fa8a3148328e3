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
