//! The tables of an image: one for each component.

use crate::error::{ArgumentError, Result};

use super::QuantizationTable;

/// The quantization tables of an image, by component in frame order.
///
/// Component `i` uses table `i`, or the last one where there are fewer tables than components:
/// one table serves all, two serve luminance and both chrominances.
///
/// ```
/// use feature_distillation::{QuantizationTable, QuantizationTables};
/// let luma = QuantizationTable::uniform(20)?;
/// let chroma = QuantizationTable::uniform(30)?;
/// let tables = QuantizationTables::luminance_chrominance(luma, chroma);
/// assert_eq!(tables.table(2), &chroma);
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "Vec<QuantizationTable>", into = "Vec<QuantizationTable>")
)]
// Invariant: 1 to 255 tables.
pub struct QuantizationTables(Vec<QuantizationTable>);

impl QuantizationTables {
    /// One table for all components.
    #[must_use]
    pub fn shared(table: QuantizationTable) -> Self {
        Self(vec![table])
    }

    /// One table for the first component, another for all others.
    #[must_use]
    pub fn luminance_chrominance(
        luminance: QuantizationTable,
        chrominance: QuantizationTable,
    ) -> Self {
        Self::canonical(vec![luminance, chrominance])
    }

    /// A table for each component.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Components`] unless there are 1 to 255 tables.
    pub fn per_component(tables: Vec<QuantizationTable>) -> Result<Self> {
        if tables.is_empty() || tables.len() > 255 {
            return Err(ArgumentError::Components {
                expected: "1 to 255 tables",
                actual: tables.len(),
            }
            .into());
        }
        Ok(Self::canonical(tables))
    }

    /// The tables of T.81 Annex K.1 for luminance and chrominance at an IJG quality of 1 to 100.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Quality`] outside that range.
    pub fn annex_k(quality: u8) -> Result<Self> {
        Ok(Self::luminance_chrominance(
            QuantizationTable::annex_k_luminance().at_quality(quality)?,
            QuantizationTable::annex_k_chrominance().at_quality(quality)?,
        ))
    }

    /// Drops tables that repeat the one before to the end, so that equal choices are equal values; of 1
    /// to 255 tables.
    pub(crate) fn canonical(mut tables: Vec<QuantizationTable>) -> Self {
        while let [.., before, last] = tables.as_slice()
            && before == last
        {
            tables.pop();
        }
        Self(tables)
    }

    /// The table of a component, by its index in frame order.
    #[must_use]
    pub fn table(&self, component: usize) -> &QuantizationTable {
        &self.0[component.min(self.0.len() - 1)]
    }

    /// The tables, 1 to 4; the last one serves all further components.
    #[must_use]
    pub fn as_slice(&self) -> &[QuantizationTable] {
        &self.0
    }

    /// Every step of every table times `factor`: the paper's FD 2x, 3x.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] unless the factor is finite and positive.
    pub fn scaled(&self, factor: f64) -> Result<Self> {
        Ok(Self::canonical(
            self.0
                .iter()
                .map(|table| table.scaled(factor))
                .collect::<Result<_>>()?,
        ))
    }
}

impl From<QuantizationTable> for QuantizationTables {
    fn from(table: QuantizationTable) -> Self {
        Self::shared(table)
    }
}

impl TryFrom<Vec<QuantizationTable>> for QuantizationTables {
    type Error = crate::error::Error;

    fn try_from(tables: Vec<QuantizationTable>) -> Result<Self> {
        Self::per_component(tables)
    }
}

impl From<QuantizationTables> for Vec<QuantizationTable> {
    fn from(tables: QuantizationTables) -> Self {
        tables.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_1_to_255_tables() {
        let tables = |count: u16| {
            (1..=count)
                .map(|step| QuantizationTable::uniform(step).unwrap())
                .collect::<Vec<_>>()
        };
        for count in [0, 256, 257] {
            assert!(QuantizationTables::per_component(tables(count)).is_err());
        }
        for count in [1, 2, 5, 255] {
            let made = QuantizationTables::per_component(tables(count)).unwrap();
            assert_eq!(made.as_slice(), tables(count));
            assert_eq!(Vec::from(made), tables(count));
        }
    }

    #[test]
    fn the_last_table_serves_all_further_components() {
        let [one, two] = [1, 2].map(|step| QuantizationTable::uniform(step).unwrap());
        let tables = QuantizationTables::per_component(vec![one, two, two, two]).unwrap();
        assert_eq!(tables, QuantizationTables::luminance_chrominance(one, two));
        assert_eq!(
            [0, 1, 2, 300].map(|index| *tables.table(index)),
            [one, two, two, two]
        );
        let first_again = QuantizationTables::per_component(vec![one, two, one]).unwrap();
        assert_eq!(first_again.as_slice(), [one, two, one]);
    }
}
