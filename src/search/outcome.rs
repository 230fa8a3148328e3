//! What a search found, and how far it has come.

use super::{ScoredTables, SearchState};

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOutcome {
    evaluated: Vec<ScoredTables>,
    /// Indices of what no other dominates.
    front: Vec<usize>,
    best: Option<usize>,
    pruned: u64,
    is_complete: bool,
}

impl SearchOutcome {
    pub(super) fn new(
        evaluated: Vec<ScoredTables>,
        best: Option<usize>,
        pruned: u64,
        is_complete: bool,
    ) -> Self {
        let mut front: Vec<usize> = (0..evaluated.len())
            .filter(|&index| {
                let point: &ScoredTables = &evaluated[index];
                !evaluated.iter().any(|other| point.is_dominated_by(other))
            })
            .collect();
        front.sort_by(|&a, &b| {
            let benign = |index: usize| evaluated[index].score().benign();
            benign(b).total_cmp(&benign(a))
        });
        Self {
            evaluated,
            front,
            best,
            pruned,
            is_complete,
        }
    }

    /// The tables that no others dominate in benign accuracy, attacked accuracy and radius together, by
    /// falling benign accuracy.
    #[must_use]
    pub fn front(&self) -> impl ExactSizeIterator<Item = &ScoredTables> {
        self.front.iter().map(|&index| &self.evaluated[index])
    }

    /// The tables of the largest attacked accuracy among those whose benign accuracy reaches the floor; of
    /// equals those of the larger radius, then the larger benign accuracy, then the coarser, then the
    /// first. `None` where none reach it.
    #[must_use]
    pub fn best(&self) -> Option<&ScoredTables> {
        self.best.map(|index| &self.evaluated[index])
    }

    /// All tables that were evaluated, in that order.
    #[must_use]
    pub fn evaluated(&self) -> &[ScoredTables] {
        &self.evaluated
    }

    /// How often a candidate was passed over since it is coarser than tables below the floor.
    #[must_use]
    pub const fn pruned(&self) -> u64 {
        self.pruned
    }

    /// Whether the search came to its end, rather than being stopped.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.is_complete
    }
}

/// How far a search has come, after each evaluation.
#[derive(Debug, Clone, Copy)]
pub struct SearchProgress<'a> {
    pub(super) evaluated: &'a [ScoredTables],
    pub(super) latest: &'a ScoredTables,
    pub(super) best: Option<usize>,
    pub(super) pruned: u64,
    pub(super) state: &'a SearchState,
}

impl<'a> SearchProgress<'a> {
    /// The tables that were evaluated just now.
    #[must_use]
    pub const fn latest(&self) -> &'a ScoredTables {
        self.latest
    }

    /// The best so far, see [`SearchOutcome::best`].
    #[must_use]
    pub fn best(&self) -> Option<&'a ScoredTables> {
        self.best.map(|index| &self.evaluated[index])
    }

    /// Number of tables evaluated, those before a resumption included.
    #[must_use]
    pub const fn evaluations(&self) -> usize {
        self.evaluated.len()
    }

    /// How often a candidate was passed over, see [`SearchOutcome::pruned`].
    #[must_use]
    pub const fn pruned(&self) -> u64 {
        self.pruned
    }

    /// What to store, so that the search can be resumed from here.
    #[must_use]
    pub const fn state(&self) -> &'a SearchState {
        self.state
    }
}
