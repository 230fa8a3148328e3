//! The search for tables on closures whose optimum is known.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "indices are small, what is equal is equal to the last bit"
)]

use std::collections::HashSet;
use std::convert::Infallible;
use std::ops::ControlFlow;

use feature_distillation::{
    AccuracySensitive, AsMdDesign, BandStatistics, CoefficientImage, ColorSpace, FeatureDistiller,
    ForwardOptions, Handover, PixelFormat, PixelView, QuantizationTables, Score, ScoredTables,
    SearchOutcome, SearchProgress, SearchSpace, SearchState, TableScope, TableSearch, Weighting,
    design_tables,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Statistics of a picture whose bands rank otherwise in each component.
fn statistics(seed: u64) -> BandStatistics {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut walk = [128.0_f64; 3];
    let mut samples = Vec::new();
    for index in 0..64 * 64 * 3 {
        let channel = index % 3;
        let value: f64 = random.random_range(-30.0..30.0);
        walk[channel] = (0.7 + 0.1 * channel as f64) * (walk[channel] - 128.0) + 128.0 + value;
        samples.push(walk[channel].clamp(0.0, 255.0).round() as i16);
    }
    let samples: Vec<u8> = samples
        .into_iter()
        .map(|sample| u8::try_from(sample).unwrap())
        .collect();
    let image = CoefficientImage::from_pixels(
        PixelView::new(&samples, 64, 64, PixelFormat::Rgb).unwrap(),
        &QuantizationTables::annex_k(98).unwrap(),
        &ForwardOptions::precise(),
    )
    .unwrap();
    let mut statistics = BandStatistics::new();
    statistics.add_image(&image).unwrap();
    statistics
}

const BANDS: [usize; 5] = [0, 6, 15, 28, 64];
const AS_STEPS: [u16; 4] = [8, 16, 20, 30];
const MD_STEPS: [u16; 4] = [20, 30, 40, 60];
const SCALES: [&[f64]; 3] = [&[1.0], &[1.0, 1.5, 2.0], &[0.75]];

fn space() -> SearchSpace {
    SearchSpace::new(&BANDS, &AS_STEPS, &MD_STEPS)
        .unwrap()
        .with_scales(&SCALES)
        .unwrap()
}

/// The tables of all candidates, by the public design.
fn all_tables(statistics: &BandStatistics, scope: TableScope) -> Vec<QuantizationTables> {
    let mut all = Vec::new();
    for bands in BANDS {
        for scale in SCALES {
            for step in AS_STEPS {
                for other in MD_STEPS.into_iter().filter(|&other| step <= other) {
                    let design =
                        AsMdDesign::new(AccuracySensitive::Top(bands), step, other).unwrap();
                    let tables = design_tables(&design, statistics, scope).unwrap();
                    let factor = |component: usize| scale[component.min(scale.len() - 1)];
                    let scaled = (0..3)
                        .map(|index| tables.table(index).scaled(factor(index)).unwrap())
                        .collect();
                    all.push(QuantizationTables::per_component(scaled).unwrap());
                }
            }
        }
    }
    all
}

/// A network of which benign accuracy falls with every step, and attacked accuracy rises and falls.
#[derive(Debug, Clone)]
struct Toy {
    weights: Vec<f64>,
    turning_point: f64,
}

impl Toy {
    fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        Self {
            weights: (0..3 * 64).map(|_| random.random_range(0.0..1.0)).collect(),
            turning_point: random.random_range(15.0..60.0),
        }
    }

    fn score(&self, tables: &QuantizationTables) -> Score {
        let steps = (0..3).flat_map(|component| tables.table(component).to_natural());
        let weighted: f64 = steps
            .zip(&self.weights)
            .map(|(step, weight)| f64::from(step) * weight)
            .sum();
        let mean = weighted / self.weights.iter().sum::<f64>();
        let attacked = 0.7 - ((mean - self.turning_point) / 80.0).powi(2);
        Score::new(
            (0.9 - mean / 200.0).clamp(0.0, 1.0),
            attacked.clamp(0.0, 1.0),
        )
        .unwrap()
        .with_mean_bytes(1e6 / mean)
        .unwrap()
    }
}

fn go_on(_: &SearchProgress<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn run(search: &mut TableSearch, toy: &Toy) -> SearchOutcome {
    let measured = |tables: &QuantizationTables| Ok::<_, Infallible>(toy.score(tables));
    search.run(measured, go_on).unwrap()
}

/// The tables that a search measures, in order.
fn sequence(search: &TableSearch, toy: &Toy) -> Vec<QuantizationTables> {
    run(&mut search.clone(), toy)
        .evaluated()
        .iter()
        .map(|scored| scored.tables().clone())
        .collect()
}

fn dominates(a: &ScoredTables, b: &ScoredTables) -> bool {
    let objectives = |point: &ScoredTables| {
        [
            point.score().benign(),
            point.score().attacked(),
            point.radius(),
        ]
    };
    let pairs = || objectives(a).into_iter().zip(objectives(b));
    pairs().all(|(a, b)| a >= b) && pairs().any(|(a, b)| a > b)
}

fn scopes() -> impl Strategy<Value = TableScope> {
    prop_oneof![Just(TableScope::Shared), Just(TableScope::PerComponent)]
}

/// A grid search or one of the other kind.
fn searches() -> impl Strategy<Value = TableSearch> {
    let floor = prop_oneof![Just(None), (0.6..0.85).prop_map(Some)];
    let method = prop_oneof![Just(None), (any::<u64>(), 1_u32..30).prop_map(Some)];
    (floor, method, any::<bool>(), scopes()).prop_map(|(floor, method, prunes, scope)| {
        let mut search = TableSearch::new(&space().with_scope(scope), &statistics(1)).unwrap();
        if let Some(floor) = floor {
            search = search.with_benign_floor(floor).unwrap();
        }
        if let Some((seed, samples)) = method {
            search = search.random_then_local(seed, samples);
        }
        if prunes {
            search
        } else {
            search.without_pruning()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_grid_finds_the_best_of_all_tables_with_and_without_pruning(
        scope in scopes(),
        floor in 0.55..0.88,
        seed in any::<u64>(),
    ) {
        let (statistics, toy) = (statistics(seed), Toy::new(seed));
        let all = all_tables(&statistics, scope);
        let search = TableSearch::new(&space().with_scope(scope), &statistics).unwrap()
            .with_benign_floor(floor).unwrap();
        let pruned = run(&mut search.clone(), &toy);
        let full = run(&mut search.clone().without_pruning(), &toy);
        prop_assert!(full.is_complete() && pruned.is_complete());

        let different: HashSet<_> = all.iter().cloned().collect();
        let evaluated: HashSet<_> = full.evaluated().iter().map(|scored| scored.tables().clone()).collect();
        prop_assert_eq!(&evaluated, &different);
        prop_assert_eq!(evaluated.len(), full.evaluated().len());
        prop_assert_eq!(space().candidates(), all.len() as u64);

        // With random weights no two differ by so little that order matters.
        let best = different.iter()
            .filter(|tables| toy.score(tables).benign() >= floor)
            .max_by(|a, b| toy.score(a).attacked().total_cmp(&toy.score(b).attacked()));
        prop_assert_eq!(full.best().map(ScoredTables::tables), best);
        prop_assert_eq!(pruned.best().map(ScoredTables::tables), best);
        prop_assert_eq!(full.pruned(), 0);

        // What was passed over is below the floor, and coarser than something that was measured so.
        for skipped in full.evaluated() {
            if !pruned.evaluated().iter().any(|scored| scored.tables() == skipped.tables()) {
                prop_assert!(skipped.score().benign() < floor);
                let coarser = |finer: &ScoredTables| (0..3).all(|index| {
                    let pairs = skipped.tables().table(index).to_natural().into_iter()
                        .zip(finer.tables().table(index).to_natural());
                    pairs.into_iter().all(|(skipped, finer)| skipped >= finer)
                });
                prop_assert!(pruned.evaluated().iter()
                    .any(|finer| finer.score().benign() < floor && coarser(finer)));
            }
        }
    }

    #[test]
    fn the_front_is_what_nothing_dominates(search in searches(), seed in any::<u64>()) {
        let outcome = run(&mut search.clone(), &Toy::new(seed));
        let front: Vec<_> = outcome.front().collect();
        for point in outcome.evaluated() {
            let is_on_front = front.contains(&point);
            let is_dominated = front.iter().any(|other| dominates(other, point));
            prop_assert!(is_on_front != is_dominated);
        }
        prop_assert!(front.is_sorted_by(|a, b| a.score().benign() >= b.score().benign()));
    }

    #[test]
    fn resumed_after_any_stop_it_measures_nothing_twice_and_ends_alike(
        search in searches(),
        seed in any::<u64>(),
        stop in any::<prop::sample::Index>(),
        fails in any::<bool>(),
    ) {
        let toy = Toy::new(seed);
        let expected = run(&mut search.clone(), &toy);
        let order = sequence(&search, &toy);
        let stop = stop.index(order.len()) + 1;

        let mut measured = Vec::new();
        let mut first = search.clone();
        let mut saved = None;
        let halves = first.run(
            |tables| {
                if fails && measured.len() == stop {
                    return Err("out of power");
                }
                measured.push(tables.clone());
                Ok(toy.score(tables))
            },
            |progress| {
                saved = Some(progress.state().clone());
                if !fails && progress.evaluations() == stop {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            },
        );
        match &halves {
            Ok(outcome) if fails => prop_assert!(stop == order.len() && outcome == &expected),
            Ok(outcome) => prop_assert!(!outcome.is_complete()),
            Err(error) => prop_assert!(fails && *error == "out of power"),
        }
        prop_assert_eq!(&measured, &order[..stop]);
        prop_assert_eq!(saved.as_ref(), Some(&first.state()));

        let text = serde_json::to_string(&saved).unwrap();
        let state: SearchState = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&state, &first.state());
        prop_assert_eq!(state.evaluations(), stop);
        for mut second in [search.clone().resume(state).unwrap(), first] {
            let mut rest = Vec::new();
            let outcome = second.run(
                |tables| {
                    rest.push(tables.clone());
                    Ok::<_, Infallible>(toy.score(tables))
                },
                go_on,
            ).unwrap();
            prop_assert_eq!(&rest, &order[stop..]);
            prop_assert_eq!(&outcome, &expected);
        }
    }

    #[test]
    fn the_climb_ends_where_no_neighbour_is_better(
        seed in any::<u64>(),
        samples in 1_u32..10,
        floor in 0.6..0.85,
    ) {
        let (statistics, toy) = (statistics(2), Toy::new(seed));
        let search = TableSearch::new(&space(), &statistics).unwrap()
            .with_benign_floor(floor).unwrap()
            .random_then_local(seed, samples);
        let outcome = run(&mut search.clone(), &toy);
        let Some(best) = outcome.best() else { return Ok(()) };
        let parameters = best.parameters();
        let sorted = |mut values: Vec<usize>| { values.sort_unstable(); values };
        // One value up or down in each of the three lists of numbers.
        let near = |list: Vec<usize>, value: usize| -> Vec<usize> {
            let at = list.iter().position(|&other| other == value).unwrap();
            list[at.saturating_sub(1)..(at + 2).min(list.len())].to_vec()
        };
        let lists = [
            sorted(BANDS.to_vec()),
            AS_STEPS.map(usize::from).to_vec(),
            MD_STEPS.map(usize::from).to_vec(),
        ];
        let own = [
            parameters.accuracy_sensitive_bands(),
            parameters.accuracy_sensitive_step().into(),
            parameters.malicious_defense_step().into(),
        ];
        for (axis, list) in lists.into_iter().enumerate() {
            for value in near(list, own[axis]) {
                let mut changed = own;
                changed[axis] = value;
                let [bands, step, other] = changed;
                if step > other {
                    continue;
                }
                let design = AsMdDesign::new(
                    AccuracySensitive::Top(bands),
                    step.try_into().unwrap(),
                    other.try_into().unwrap(),
                ).unwrap();
                let tables = design_tables(&design, &statistics, TableScope::Shared).unwrap();
                let scales = parameters.scales();
                let scaled = (0..3).map(|index| {
                    tables.table(index).scaled(scales[index.min(scales.len() - 1)]).unwrap()
                });
                let score = toy.score(&QuantizationTables::per_component(scaled.collect()).unwrap());
                prop_assert!(score.benign() < floor || score.attacked() <= best.score().attacked());
            }
        }
    }

    #[test]
    fn a_score_is_stored_to_the_last_bit(
        benign in 0.0..=1.0_f64,
        attacked in 0.0..=1.0_f64,
        bytes in prop::option::of(0.0..1e300_f64),
    ) {
        let mut score = Score::new(benign, attacked).unwrap();
        if let Some(bytes) = bytes {
            score = score.with_mean_bytes(bytes).unwrap();
        }
        let text = serde_json::to_string(&score).unwrap();
        prop_assert_eq!(serde_json::from_str::<Score>(&text).unwrap(), score);
    }
}

#[test]
fn a_seed_decides_the_sequence() {
    let (statistics, toy) = (statistics(3), Toy::new(3));
    let search = |seed| {
        TableSearch::new(&space(), &statistics)
            .unwrap()
            .random_then_local(seed, 20)
    };
    assert_eq!(sequence(&search(7), &toy), sequence(&search(7), &toy));
    assert_ne!(sequence(&search(7), &toy), sequence(&search(8), &toy));
}

#[test]
fn random_samples_are_as_many_as_asked_for_or_all_there_are() {
    let flat = |_: &QuantizationTables| Ok::<_, Infallible>(Score::new(0.5, 0.5).unwrap());
    let statistics = statistics(4);
    let search = TableSearch::new(&space(), &statistics).unwrap();
    let all = run(&mut search.clone(), &Toy::new(1)).evaluated().len();
    let outcome = search
        .clone()
        .random_then_local(1, u32::MAX)
        .run(flat, go_on)
        .unwrap();
    assert_eq!(outcome.evaluated().len(), all);
    let none = search.random_then_local(1, 0).run(flat, go_on).unwrap();
    assert!(none.evaluated().is_empty() && none.best().is_none() && none.is_complete());
}

#[test]
fn tables_that_many_parameters_give_are_measured_once() {
    // Without AS bands the AS step means nothing, with 64 the MD step.
    let space = SearchSpace::new(&[0, 64], &[10, 20], &[20, 30, 30]).unwrap();
    assert_eq!(space.candidates(), 8);
    let mut search = TableSearch::new(&space, &statistics(5)).unwrap();
    let outcome = run(&mut search, &Toy::new(5));
    assert_eq!(outcome.evaluated().len(), 3);
    // Run again, it has nothing to measure.
    let again = search
        .run(|_| Err("measured again"), |_| ControlFlow::Break(()))
        .unwrap();
    assert_eq!(again, outcome);
}

#[test]
fn ties_go_to_the_larger_radius_then_benign_accuracy_then_coarseness() {
    let statistics = statistics(6);
    // Attacked accuracy is the same for all; so the largest radius wins, 30 / 16.
    let space = SearchSpace::new(&[15], &[20, 30], &[30, 60]).unwrap();
    let mut search = TableSearch::new(&space, &statistics).unwrap();
    let outcome = search
        .run(
            |tables| {
                // Coarser tables are worse: of the two radii of 30 / 16 the finer has more benign accuracy.
                let sum: u32 = tables
                    .table(0)
                    .to_natural()
                    .into_iter()
                    .map(u32::from)
                    .sum();
                Score::new(1.0 - f64::from(sum) / 1e5, 0.5)
            },
            go_on,
        )
        .unwrap();
    let best = outcome.best().unwrap().parameters();
    assert_eq!(
        (
            best.accuracy_sensitive_step(),
            best.malicious_defense_step()
        ),
        (30, 30)
    );
    assert_eq!(outcome.best().unwrap().radius(), 30.0 / 16.0);
    // The same accuracies everywhere: the coarser.
    let flat = |_: &QuantizationTables| Score::new(0.5, 0.5);
    let mut search = TableSearch::new(&space, &statistics).unwrap();
    let outcome = search.run(flat, go_on).unwrap();
    let best = outcome.best().unwrap().parameters();
    assert_eq!(
        (
            best.accuracy_sensitive_step(),
            best.malicious_defense_step()
        ),
        (30, 60)
    );
}

#[test]
fn the_paper_s_tables_have_a_radius_of_five_quarters() {
    let space = SearchSpace::new(&[15], &[20], &[30]).unwrap();
    let mut search = TableSearch::new(&space, &statistics(7)).unwrap();
    let outcome = run(&mut search, &Toy::new(7));
    let best = outcome.best().unwrap();
    assert_eq!(best.radius(), 1.25);
    // That of a profile with these tables, in any colour space.
    for color_space in [ColorSpace::Rgb, ColorSpace::YCbCr, ColorSpace::Grey] {
        let builder = FeatureDistiller::builder().tables(best.tables().clone());
        let distiller = builder.color_space(color_space).build().unwrap();
        let radii = distiller.profile().certified_radii(Handover::Float);
        assert_eq!(radii.linf, 1.25);
    }
    assert_eq!(outcome.front().len(), 1);
    assert!(
        outcome
            .front()
            .next()
            .unwrap()
            .score()
            .mean_bytes()
            .is_some()
    );
}

#[test]
fn a_margin_keeps_noise_from_hiding_tables() {
    let statistics = statistics(8);
    let space = SearchSpace::new(&[15], &[10], &[20, 30, 40]).unwrap();
    // The table of 30 does worse by chance than that of 40.
    let noisy = |tables: &QuantizationTables| {
        let benign = match tables.table(0).largest_step() {
            20 => 0.80,
            30 => 0.74,
            _ => 0.76,
        };
        Score::new(benign, 1.0 - benign)
    };
    let search = TableSearch::new(&space, &statistics)
        .unwrap()
        .with_benign_floor(0.75)
        .unwrap();
    let best = |mut search: TableSearch| {
        let outcome = search.run(noisy, go_on).unwrap();
        let step = outcome
            .best()
            .unwrap()
            .parameters()
            .malicious_defense_step();
        (step, outcome.pruned())
    };
    assert_eq!(best(search.clone()), (20, 1));
    assert_eq!(
        best(search.clone().with_pruning_margin(0.02).unwrap()),
        (40, 0)
    );
    assert_eq!(best(search.without_pruning()), (40, 0));
}

#[test]
fn below_the_floor_nothing_is_best() {
    let mut search = TableSearch::new(&space(), &statistics(9))
        .unwrap()
        .with_benign_floor(0.95)
        .unwrap();
    let outcome = run(&mut search, &Toy::new(9));
    assert!(outcome.best().is_none());
    assert!(outcome.front().len() > 0 && outcome.pruned() > 0);
}

#[test]
fn the_state_of_another_search_is_refused() {
    let statistics_of = statistics;
    let statistics = statistics_of(10);
    let search = |space: &SearchSpace| TableSearch::new(space, &statistics).unwrap();
    let mut original = search(&space());
    run(&mut original, &Toy::new(10));
    let state = original.state();
    assert!(search(&space()).resume(state.clone()).is_ok());
    let other_steps = SearchSpace::new(&BANDS, &AS_STEPS, &[20, 30, 40, 61])
        .unwrap()
        .with_scales(&SCALES)
        .unwrap();
    for other in [
        search(&other_steps),
        search(&space().with_scales(&SCALES[..2]).unwrap()),
        search(&space().with_scope(TableScope::PerComponent)),
        search(&space()).with_benign_floor(0.7).unwrap(),
        search(&space()).with_pruning_margin(0.1).unwrap(),
        search(&space()).without_pruning(),
        search(&space()).random_then_local(1, 5),
        TableSearch::new(&space(), &statistics_of(11)).unwrap(),
    ] {
        assert!(other.resume(state.clone()).is_err());
    }
    let random = |seed, samples| search(&space()).random_then_local(seed, samples);
    let state = random(1, 5).state();
    assert!(random(1, 5).resume(state.clone()).is_ok());
    assert!(random(2, 5).resume(state.clone()).is_err());
    assert!(random(1, 6).resume(state).is_err());
    // The weighting matters only where it ranks otherwise: of one image both rank alike.
    let images = search(&space().with_weighting(Weighting::Images));
    assert!(images.resume(original.state()).is_ok());
}

#[test]
fn states_that_no_search_wrote_are_refused() {
    let mut search = TableSearch::new(&space(), &statistics(12)).unwrap();
    run(&mut search, &Toy::new(12));
    let text = serde_json::to_string(&search.state()).unwrap();
    assert!(serde_json::from_str::<SearchState>(&text).is_ok());
    for (from, to) in [
        ("\"benign\":\"0.", "\"benign\":\"7."),
        ("\"benign\":\"0.", "\"benign\":\"NaN"),
        ("\"attacked\"", "\"forged\""),
        ("\"search\"", "\"other\""),
    ] {
        let forged = text.replacen(from, to, 1);
        assert_ne!(forged, text);
        assert!(serde_json::from_str::<SearchState>(&forged).is_err());
    }
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let new = SearchSpace::new;
    assert!(new(&[65], &[1], &[1]).is_err());
    assert!(new(&[1], &[0], &[1]).is_err());
    assert!(new(&[1], &[1], &[0]).is_err());
    for (bands, steps, others) in [
        (&[][..], &[1][..], &[1][..]),
        (&[1], &[], &[1]),
        (&[1], &[1], &[]),
        (&[1], &[31], &[30]),
    ] {
        assert!(new(bands, steps, others).is_err());
    }
    let space = new(&[1], &[1], &[65_535]).unwrap();
    for scales in [
        &[][..],
        &[&[][..]],
        &[&[0.0]],
        &[&[1.0, f64::NAN]],
        &[&[f64::INFINITY]],
        &[&[1.0; 256]],
    ] {
        assert!(space.clone().with_scales(scales).is_err());
    }
    // Steps are held to their range, as those of scaled tables are.
    let extreme = space.clone().with_scales(&[&[1e300], &[1e-300]]).unwrap();
    let mut search = TableSearch::new(&extreme, &statistics(13)).unwrap();
    assert_eq!(run(&mut search, &Toy::new(13)).evaluated().len(), 2);

    assert!(TableSearch::new(&space, &BandStatistics::new()).is_err());
    let four = space
        .with_scales(&[&[1.0; 4]])
        .unwrap()
        .with_scope(TableScope::PerComponent);
    assert!(TableSearch::new(&four, &statistics(13)).is_err());
    let search = TableSearch::new(&extreme, &statistics(13)).unwrap();
    for value in [-0.1, 1.1, f64::NAN] {
        assert!(search.clone().with_benign_floor(value).is_err());
        assert!(search.clone().with_pruning_margin(value).is_err());
        assert!(Score::new(value, 0.5).is_err());
        assert!(Score::new(0.5, value).is_err());
    }
    assert!(Score::new(0.5, 0.5).unwrap().with_mean_bytes(-1.0).is_err());
}
