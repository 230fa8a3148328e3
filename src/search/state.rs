//! What a search has measured so far, as a value that can be stored.

use crate::quantization::QuantizationTables;

use super::Score;

/// The scores that a search has measured, to be stored and given to the same search later.
///
/// With the feature `serde` it serializes; scores are decimal strings, which come back to the same bits
/// through any format. It belongs to one search: that space, ranking, floor, pruning, method and seed.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct SearchState {
    /// Hash of all that decides the sequence of tables, in hexadecimal digits.
    pub(super) search: String,
    pub(super) evaluations: Vec<Evaluation>,
}

/// The score of one set of tables.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub(super) struct Evaluation {
    pub(super) tables: QuantizationTables,
    pub(super) score: Score,
}

impl SearchState {
    /// Number of tables that were measured.
    #[must_use]
    pub fn evaluations(&self) -> usize {
        self.evaluations.len()
    }
}

/// A score as it is stored: not every format gives floats back to the last bit, or at all.
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScoreParts {
    benign: String,
    attacked: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mean_bytes: Option<String>,
}

#[cfg(feature = "serde")]
impl From<Score> for ScoreParts {
    fn from(score: Score) -> Self {
        Self {
            benign: score.benign().to_string(),
            attacked: score.attacked().to_string(),
            mean_bytes: score.mean_bytes().map(|bytes| bytes.to_string()),
        }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<ScoreParts> for Score {
    type Error = Box<dyn std::error::Error>;

    fn try_from(parts: ScoreParts) -> Result<Self, Self::Error> {
        let score = Self::new(parts.benign.parse()?, parts.attacked.parse()?)?;
        match parts.mean_bytes {
            Some(bytes) => Ok(score.with_mean_bytes(bytes.parse()?)?),
            None => Ok(score),
        }
    }
}
