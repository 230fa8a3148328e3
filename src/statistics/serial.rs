//! Statistics from another machine: checked before they are believed.

use serde::{Deserialize, Deserializer, de};

use crate::band::BANDS;
use crate::coefficients::ColorSpace;

use super::{BandStatistics, BlockSelection, ComponentSums};

/// 65535 coefficient units.
const LARGEST_BIN: u32 = 16 * 65535;

/// The fields of [`BandStatistics`] as they come.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    selection: BlockSelection,
    bin_width: u32,
    color_space: Option<ColorSpace>,
    components: Vec<ComponentSums>,
}

impl<'de> Deserialize<'de> for BandStatistics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts = Parts::deserialize(deserializer)?;
        if parts.bin_width > LARGEST_BIN {
            return Err(de::Error::custom("the histogram's bins are too wide"));
        }
        let components = match parts.color_space {
            None => parts.components.is_empty(),
            Some(space) => match space.components() {
                Some(count) => parts.components.len() == count,
                None => (1..=4).contains(&parts.components.len()),
            },
        };
        if !components {
            return Err(de::Error::custom(
                "the components do not fit the colour space",
            ));
        }
        if !parts
            .components
            .iter()
            .all(|component| is_possible(component, parts.bin_width))
        {
            return Err(de::Error::custom("no images have these sums"));
        }
        Ok(Self {
            selection: parts.selection,
            bin_width: parts.bin_width,
            color_space: parts.color_space,
            components: parts.components,
        })
    }
}

fn is_possible(component: &ComponentSums, bin_width: u32) -> bool {
    component.bands.len() == BANDS
        && component.images <= component.figures
        && component.figures <= component.blocks
        && (component.images == 0) == (component.blocks == 0)
        && component
            .bands
            .iter()
            .all(|band| band.is_possible(component.blocks, component.figures, bin_width))
}
