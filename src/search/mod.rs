//! The search for tables: the paper's figures 3 and 4 as a tool.

mod outcome;
mod run;
mod score;
mod space;
mod state;

pub use outcome::{SearchOutcome, SearchProgress};
pub use score::{Score, ScoredTables};
pub use space::{SearchSpace, TableParameters};
pub use state::SearchState;

use std::fmt::Write;
use std::ops::ControlFlow;

use sha2::{Digest, Sha256};

use crate::error::{ArgumentError, Result};
use crate::quantization::QuantizationTables;
use crate::statistics::BandStatistics;

use run::Run;
use space::RankedSpace;

/// A search for the tables that keep the most accuracy under attack at a bearable loss without one.
///
/// The caller's closure measures both accuracies of a set of tables, however long that takes: distil a set of
/// benign pictures and a set of attacked ones, run the network, count. The search decides which tables are worth
/// it. It is a grid search over a [`SearchSpace`] unless
/// [`random_then_local`](Self::random_then_local) is chosen.
///
/// - Equal tables are measured once, whatever parameters lead to them.
/// - With a floor for benign accuracy, tables that are nowhere finer than others that failed it
///   are passed over (see [`without_pruning`](Self::without_pruning)).
/// - The order depends on nothing but the settings, the scores and the seed. A search that was stopped, by the
///   callback, an error or a power cut, goes on from its [`SearchState`] to the same result.
///
/// ```
/// use feature_distillation::{BandStatistics, Score, SearchSpace, TableSearch};
/// use std::ops::ControlFlow;
/// # use feature_distillation::{CoefficientImage, ColorSpace, QuantizationTables, SamplingFactor, Band};
/// # let image = CoefficientImage::new(64, 64, ColorSpace::Grey, &[SamplingFactor::ONE],
/// #     &QuantizationTables::annex_k(90)?)?;
/// let mut statistics = BandStatistics::new();
/// statistics.add_image(&image)?;
///
/// let space = SearchSpace::new(&[6, 15, 28], &[10, 20, 30], &[20, 30, 40])?;
/// // At most 2 % below the network's 76 % without the defence.
/// let mut search = TableSearch::new(&space, &statistics)?.with_benign_floor(0.76 - 0.02)?;
/// let outcome = search.run(
///     |tables| {
///         // Here the network would be run on distilled pictures.
///         let steps = tables.table(0).to_natural().map(f64::from);
///         let coarseness = steps.iter().sum::<f64>() / 64.0;
///         Score::new(0.78 - 0.002 * coarseness, (0.02 * coarseness).min(1.0))
///     },
///     |progress| {
///         println!("{}: {:?}", progress.evaluations(), progress.latest().score());
///         ControlFlow::Continue(())
///     },
/// )?;
/// let best = outcome.best().expect("tables above the floor");
/// assert_eq!(best.parameters().malicious_defense_step(), 20);
/// assert!(best.score().benign() >= 0.74);
/// for tables in outcome.front() {
///     println!("radius {:.2}: {:?}", tables.radius(), tables.score());
/// }
/// # Ok::<(), feature_distillation::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TableSearch {
    space: RankedSpace,
    method: Method,
    benign_floor: Option<f64>,
    /// How far below the floor tables must be for coarser ones to be passed over.
    pruning_margin: Option<f64>,
    /// Scores of an earlier search, if there are any; the hash in it is set when the search runs.
    state: SearchState,
}

#[derive(Debug, Clone, Copy)]
enum Method {
    Grid,
    RandomThenLocal { seed: u64, samples: u32 },
}

impl TableSearch {
    /// A grid search: all candidates of the space, finer before coarser; bands are ranked by the
    /// statistics.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::EmptyStatistics`] where no blocks were counted, [`ArgumentError::Components`] where tables
    /// per component have more scale factors than there are components.
    pub fn new(space: &SearchSpace, statistics: &BandStatistics) -> Result<Self> {
        Ok(Self {
            space: RankedSpace::new(space, statistics)?,
            method: Method::Grid,
            benign_floor: None,
            pruning_margin: Some(0.0),
            state: SearchState {
                search: String::new(),
                evaluations: Vec::new(),
            },
        })
    }

    /// Evaluates at most this many candidates drawn at random, then climbs: from the best it goes to the best of
    /// its neighbours, one value up or down in a parameter or in both steps, as long as that is better.
    ///
    /// For spaces too large for the grid. Tables near a random sample's best are found in few evaluations where
    /// accuracy changes smoothly with the steps (random search of tables: arXiv 2003.02874); a better
    /// optimum elsewhere may be missed.
    #[must_use]
    pub const fn random_then_local(mut self, seed: u64, samples: u32) -> Self {
        self.method = Method::RandomThenLocal { seed, samples };
        self
    }

    /// Sets the least benign accuracy that is accepted: the accuracy without the defence, less the loss that
    /// can be borne.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] unless it is 0 to 1.
    pub fn with_benign_floor(mut self, floor: f64) -> Result<Self> {
        self.benign_floor = Some(fraction("floor of benign accuracy", floor)?);
        Ok(self)
    }

    /// Passes over coarser tables only where finer ones were below the floor by more than this margin.
    ///
    /// Benign accuracy falls with every step, but measured on few pictures it also varies by chance. A margin of
    /// twice the standard error, `2 sqrt(a (1 - a) / pictures)`, keeps chance from hiding tables.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Number`] unless it is 0 to 1.
    pub fn with_pruning_margin(mut self, margin: f64) -> Result<Self> {
        self.pruning_margin = Some(fraction("pruning margin", margin)?);
        Ok(self)
    }

    /// Evaluates tables even where finer ones were below the floor.
    ///
    /// Passing them over is a heuristic: it finds the same [`best`](SearchOutcome::best) wherever benign
    /// accuracy never rises with a step, which noise may break, and the front then lacks what is below the floor.
    #[must_use]
    pub const fn without_pruning(mut self) -> Self {
        self.pruning_margin = None;
        self
    }

    /// Goes on where a search with the same settings was, without measuring anything again. Call it after the
    /// settings are made.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Search`] for the state of a search with another space, ranking of bands, floor,
    /// pruning, method or seed.
    pub fn resume(mut self, state: SearchState) -> Result<Self> {
        if state.search != self.fingerprint() {
            return Err(ArgumentError::Search(
                "the state was saved by another search: its space, ranking of bands, floor, pruning, method or seed differ",
            )
            .into());
        }
        self.state = state;
        Ok(self)
    }

    /// The space that is searched.
    #[must_use]
    pub const fn space(&self) -> &SearchSpace {
        self.space.space()
    }

    /// What was measured so far, also after an error.
    #[must_use]
    pub fn state(&self) -> SearchState {
        SearchState {
            search: self.fingerprint(),
            evaluations: self.state.evaluations.clone(),
        }
    }

    /// Runs the search to its end, or until the callback breaks. Run again, it goes on.
    ///
    /// `score` measures tables; `progress` is called after each measurement, not for those before a resumption.
    ///
    /// # Errors
    ///
    /// The first error of `score`, as it is; what was measured before is kept.
    pub fn run<E>(
        &mut self,
        score: impl FnMut(&QuantizationTables) -> Result<Score, E>,
        progress: impl FnMut(&SearchProgress<'_>) -> ControlFlow<()>,
    ) -> Result<SearchOutcome, E> {
        self.state.search = self.fingerprint();
        Run::new(
            &self.space,
            self.benign_floor,
            self.pruning_margin,
            &mut self.state,
            score,
            progress,
        )
        .outcome(self.method)
    }

    fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"feature-distillation search 1\n");
        match self.method {
            Method::Grid => hash.update(b"grid"),
            Method::RandomThenLocal { seed, samples } => {
                hash.update(b"random then local");
                hash.update(seed.to_be_bytes());
                hash.update(samples.to_be_bytes());
            }
        }
        for setting in [self.benign_floor, self.pruning_margin] {
            match setting {
                Some(value) => hash.update(value.to_bits().to_be_bytes()),
                None => hash.update(b"none"),
            }
        }
        self.space.hash(&mut hash);
        let mut digits = String::new();
        for byte in hash.finalize() {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        digits
    }
}

fn fraction(what: &'static str, value: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(ArgumentError::Number { what, value }.into())
    }
}
