//! Sizes of perturbations: the norms they are measured in, and a radius in each.

/// How the size of a perturbation is measured, over all samples that it touches, in 8-bit pixel units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Norm {
    /// The largest change of a sample.
    Linf,
    /// The square root of the sum of squared changes.
    L2,
    /// The sum of absolute changes.
    L1,
}

impl Norm {
    /// All norms.
    pub const ALL: [Self; 3] = [Self::Linf, Self::L2, Self::L1];

    /// A short name, stable across versions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linf => "Linf",
            Self::L2 => "L2",
            Self::L1 => "L1",
        }
    }
}

/// A radius in each norm: every perturbation that is smaller, strictly, in at least one norm is removed.
///
/// The radii of several blocks are the smallest of each norm: a perturbation of the whole picture that is
/// smaller is smaller in every block. Zero says that nothing is guaranteed.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Radii {
    /// In the largest change of a sample.
    pub linf: f64,
    /// In the square root of the sum of squared changes.
    pub l2: f64,
    /// In the sum of absolute changes.
    pub l1: f64,
}

impl Radii {
    /// Where nothing can move: the radii of no coefficient at all.
    pub(crate) const UNBOUNDED: Self = Self {
        linf: f64::INFINITY,
        l2: f64::INFINITY,
        l1: f64::INFINITY,
    };

    /// The radius in one norm.
    #[must_use]
    pub const fn get(&self, norm: Norm) -> f64 {
        match norm {
            Norm::Linf => self.linf,
            Norm::L2 => self.l2,
            Norm::L1 => self.l1,
        }
    }

    /// Whether every perturbation of at most `size` is removed: the radius is larger.
    #[must_use]
    pub const fn certify(&self, norm: Norm, size: f64) -> bool {
        self.get(norm) > size
    }

    /// The smaller radius of each norm.
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        Self {
            linf: self.linf.min(other.linf),
            l2: self.l2.min(other.l2),
            l1: self.l1.min(other.l1),
        }
    }
}
