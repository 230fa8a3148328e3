//! Work on rayon's current pool of threads.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::coefficients::Geometry;

/// Pixels of an image that is worth sharing.
const LARGE: u64 = 1 << 20;

thread_local! {
    /// Whether the task at hand is to keep to its thread: it is one of more than there are threads, or was told to.
    static IS_ONE_OF_MANY: Cell<bool> = const { Cell::new(false) };
}

/// Does work whose calls into this crate keep to one thread: large pictures are not shared (feature `rayon`).
///
/// Calls that share a picture wait for other threads of rayon's current pool, and a thread that waits takes up whatever
/// else was handed to that pool. Inside such a pool this may begin another picture meanwhile, on the same stack:
/// more pictures are held than there are threads, a scratch that belongs to the thread is borrowed twice, and a lock
/// that is held over the call may be asked for again. This call, or a pool of the crate's own, prevents that; so do
/// [`FeatureDistiller::batch`](crate::FeatureDistiller::batch) and
/// [`BandStatistics::add_jpegs`](crate::BandStatistics::add_jpegs) where there are more inputs than threads.
///
/// ```
/// use std::cell::RefCell;
///
/// use feature_distillation::{FeatureDistiller, PixelScratch, QuantizationTable, on_this_thread};
/// use rayon::prelude::*;
/// # use feature_distillation::{PixelFormat, PixelView};
///
/// thread_local! {
///     static SCRATCH: RefCell<PixelScratch> = RefCell::new(PixelScratch::new());
/// }
/// let distiller = FeatureDistiller::builder().tables(QuantizationTable::uniform(24)?).build()?;
/// # let samples = vec![90; 64 * 64 * 3];
/// # let jpeg = distiller.compress(PixelView::new(&samples, 64, 64, PixelFormat::Rgb)?)?;
/// # let files: Vec<Vec<u8>> = vec![jpeg; 3];
/// let distilled = files
///     .par_iter()
///     .map(|bytes| {
///         SCRATCH.with_borrow_mut(|scratch| {
///             on_this_thread(|| distiller.one_pass_jpeg_in(bytes, scratch))
///         })
///     })
///     .collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(distilled.len(), 3);
/// # Ok::<(), feature_distillation::Error>(())
/// ```
pub fn on_this_thread<T>(work: impl FnOnce() -> T) -> T {
    one_of(true, work)
}

/// Whether the threads of the current pool share the work on one image.
pub(crate) fn share(geometry: &Geometry) -> bool {
    let pixels = u64::from(geometry.width) * u64::from(geometry.height);
    pixels >= LARGE && are_free()
}

/// Whether there are threads beside this one to share the work on one image: not where all have images of their
/// own. One that waited for others would begin the next image meanwhile, and hold both.
fn are_free() -> bool {
    !IS_ONE_OF_MANY.get() && rayon::current_num_threads() > 1
}

/// How many rows of MCUs of an image threads share at a time: a few for each, but not most of the image where there
/// are many threads.
pub(crate) fn rows_at_a_time() -> usize {
    const MOST: usize = 32;
    MOST.min(4 * rayon::current_num_threads())
}

/// Does a task that is one of many, or of few.
fn one_of<T>(many: bool, task: impl FnOnce() -> T) -> T {
    /// Sets back what was, also behind a panic.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            IS_ONE_OF_MANY.set(self.0);
        }
    }
    let _before = Before(IS_ONE_OF_MANY.replace(many));
    task()
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
    let many = inputs.len() > rayon::current_num_threads();
    let results = inputs
        .par_iter()
        // Pictures differ in size, and each is enough work to be handed to a thread by itself.
        .with_max_len(1)
        .map(|input| {
            let left = lock().pop();
            let mut state = left.unwrap_or_else(&new);
            let result = one_of(many, || task(&mut state, input));
            lock().push(state);
            result
        })
        .collect();
    (
        results,
        idle.into_inner().unwrap_or_else(PoisonError::into_inner),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_an_image_where_there_are_no_more_images_than_threads() {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(3)
            .build()
            .unwrap();
        let free = |count: usize| {
            let (free, _) =
                pool.install(|| each_with(&vec![(); count], || (), |(), ()| are_free()));
            free
        };
        assert_eq!(free(3), [true; 3]);
        assert_eq!(free(4), [false; 4]);
        assert_eq!(free(1), [true]);
        assert!(pool.install(are_free));
    }
}
