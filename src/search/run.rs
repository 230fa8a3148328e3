//! One run of a search: a function of its settings and the scores, so that stored scores replay it.

use std::collections::HashMap;
use std::ops::ControlFlow;

use crate::quantization::QuantizationTables;
use crate::random::Draws;

use super::Method;
use super::outcome::{SearchOutcome, SearchProgress};
use super::score::{Score, ScoredTables};
use super::space::{Position, RankedSpace};
use super::state::{Evaluation, SearchState};

/// Draws for each sample, of as many as there are candidates at most, before a space is taken to hold no
/// more tables.
const DRAWS_PER_SAMPLE: u64 = 64;

pub(super) struct Run<'a, F, P> {
    space: &'a RankedSpace,
    benign_floor: Option<f64>,
    pruning_margin: Option<f64>,
    state: &'a mut SearchState,
    score: F,
    progress: P,
    /// Scores in the state, by their tables.
    known: HashMap<QuantizationTables, Score>,
    evaluated: Vec<ScoredTables>,
    /// What each evaluated set of tables is in that list.
    indices: HashMap<QuantizationTables, usize>,
    positions: Vec<Position>,
    /// Those of which coarser tables are passed over.
    failed: Vec<usize>,
    best: Option<usize>,
    pruned: u64,
}

/// Why a run ends early.
enum Stop<E> {
    Asked,
    Failed(E),
}

impl<'a, F, P> Run<'a, F, P> {
    pub(super) fn new(
        space: &'a RankedSpace,
        benign_floor: Option<f64>,
        pruning_margin: Option<f64>,
        state: &'a mut SearchState,
        score: F,
        progress: P,
    ) -> Self {
        let known = state
            .evaluations
            .iter()
            .map(|evaluation| (evaluation.tables.clone(), evaluation.score))
            .collect();
        Self {
            space,
            benign_floor,
            pruning_margin,
            state,
            score,
            progress,
            known,
            evaluated: Vec::new(),
            indices: HashMap::new(),
            positions: Vec::new(),
            failed: Vec::new(),
            best: None,
            pruned: 0,
        }
    }

    pub(super) fn outcome<E>(mut self, method: Method) -> Result<SearchOutcome, E>
    where
        F: FnMut(&QuantizationTables) -> Result<Score, E>,
        P: FnMut(&SearchProgress<'_>) -> ControlFlow<()>,
    {
        let end = match method {
            Method::Grid => self.grid(),
            Method::RandomThenLocal { seed, samples } => {
                self.random(seed, samples).and_then(|()| self.climb())
            }
        };
        let is_complete = match end {
            Ok(()) => true,
            Err(Stop::Asked) => false,
            Err(Stop::Failed(error)) => return Err(error),
        };
        let best = self
            .best
            .filter(|&index| self.evaluated[index].reaches(self.benign_floor));
        Ok(SearchOutcome::new(
            self.evaluated,
            best,
            self.pruned,
            is_complete,
        ))
    }

    fn grid<E>(&mut self) -> Result<(), Stop<E>>
    where
        F: FnMut(&QuantizationTables) -> Result<Score, E>,
        P: FnMut(&SearchProgress<'_>) -> ControlFlow<()>,
    {
        let space = self.space;
        for position in space.positions() {
            self.visit(position)?;
        }
        Ok(())
    }

    fn random<E>(&mut self, seed: u64, samples: u32) -> Result<(), Stop<E>>
    where
        F: FnMut(&QuantizationTables) -> Result<Score, E>,
        P: FnMut(&SearchProgress<'_>) -> ControlFlow<()>,
    {
        let samples = u64::from(samples).min(self.space.space().candidates());
        let mut draws = Draws::new(seed, 0);
        for _ in 0..DRAWS_PER_SAMPLE * samples {
            if self.evaluated.len() as u64 >= samples {
                break;
            }
            if let Some(position) = self.space.draw(|end| draws.below(end)) {
                self.visit(position)?;
            }
        }
        Ok(())
    }

    fn climb<E>(&mut self) -> Result<(), Stop<E>>
    where
        F: FnMut(&QuantizationTables) -> Result<Score, E>,
        P: FnMut(&SearchProgress<'_>) -> ControlFlow<()>,
    {
        let space = self.space;
        let mut from = self.best;
        while let Some(index) = from {
            for neighbour in space.neighbours(self.positions[index]) {
                self.visit(neighbour)?;
            }
            from = self.best.filter(|&best| best != index);
        }
        Ok(())
    }

    /// Evaluates a candidate, unless its tables are known or passed over.
    fn visit<E>(&mut self, position: Position) -> Result<(), Stop<E>>
    where
        F: FnMut(&QuantizationTables) -> Result<Score, E>,
        P: FnMut(&SearchProgress<'_>) -> ControlFlow<()>,
    {
        let tables = self.space.tables(position);
        if self.indices.contains_key(&tables) {
            return Ok(());
        }
        if self.is_hopeless(&tables) {
            self.pruned += 1;
            return Ok(());
        }
        let known = self.known.get(&tables).copied();
        let score = match known {
            Some(score) => score,
            None => (self.score)(&tables).map_err(Stop::Failed)?,
        };
        if known.is_none() {
            self.state.evaluations.push(Evaluation {
                tables: tables.clone(),
                score,
            });
        }
        let scored = ScoredTables::new(self.space.parameters(position), tables.clone(), score);
        let index = self.evaluated.len();
        if let (Some(floor), Some(margin)) = (self.benign_floor, self.pruning_margin)
            && score.benign() < floor - margin
        {
            self.failed.push(index);
        }
        if self.best.is_none_or(|best| {
            scored
                .compare(&self.evaluated[best], self.benign_floor)
                .is_gt()
        }) {
            self.best = Some(index);
        }
        self.indices.insert(tables, index);
        self.positions.push(position);
        self.evaluated.push(scored);
        if known.is_none() {
            let progress = SearchProgress {
                evaluated: &self.evaluated,
                latest: &self.evaluated[index],
                best: self
                    .best
                    .filter(|&best| self.evaluated[best].reaches(self.benign_floor)),
                pruned: self.pruned,
                state: self.state,
            };
            if (self.progress)(&progress).is_break() {
                return Err(Stop::Asked);
            }
        }
        Ok(())
    }

    /// Whether tables are nowhere finer than others that failed the floor.
    fn is_hopeless(&self, tables: &QuantizationTables) -> bool {
        self.failed.iter().any(|&failed| {
            ScoredTables::is_coarser_or_equal(tables, self.evaluated[failed].tables())
        })
    }
}
