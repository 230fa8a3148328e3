//! Work on rayon's current pool of threads.

use std::sync::{Mutex, PoisonError};

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::coefficients::Geometry;

/// Pixels of an image that is worth sharing.
const LARGE: u64 = 1 << 20;

/// Whether the threads of the current pool share the work on one image.
pub(crate) fn share(geometry: &Geometry) -> bool {
    let pixels = u64::from(geometry.width) * u64::from(geometry.height);
    pixels >= LARGE && rayon::current_num_threads() > 1
}

/// Does the same to all inputs on several threads. Results stand in the order of the inputs.
///
/// A task has a state of its own, made by `new` or left by a task that is done: there are as many states as
/// tasks ran at a time. They come back with the results, in no order.
pub(crate) fn each_with<I: Sync, S: Send, T: Send>(
    inputs: &[I],
    new: impl Fn() -> S + Sync,
    task: impl Fn(&mut S, &I) -> T + Sync,
) -> (Vec<T>, Vec<S>) {
    let idle = Mutex::new(Vec::new());
    // Taken for a moment only, and whole whatever becomes of a task.
    let lock = || idle.lock().unwrap_or_else(PoisonError::into_inner);
    let results = inputs
        .par_iter()
        // Pictures differ in size, and each is enough work to be handed to a thread by itself.
        .with_max_len(1)
        .map(|input| {
            let left = lock().pop();
            let mut state = left.unwrap_or_else(&new);
            let result = task(&mut state, input);
            lock().push(state);
            result
        })
        .collect();
    (
        results,
        idle.into_inner().unwrap_or_else(PoisonError::into_inner),
    )
}
