//! An allocator that counts what each thread asks for and holds, and what all of them hold.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// To be made the `#[global_allocator]` of a test binary.
pub struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

static HELD_BY_ALL: AtomicUsize = AtomicUsize::new(0);
static PEAK_OF_ALL: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is the one asked for.
        unsafe { System.alloc(layout) }
    }

    // Zeroed pages come from the system as cheaply as they do without counting.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is the one asked for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get().saturating_sub(layout.size()));
        HELD_BY_ALL.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise is the one asked for.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn count(bytes: usize) {
    CALLS.set(CALLS.get() + 1);
    let held = HELD.get() + bytes;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
    let held = HELD_BY_ALL.fetch_add(bytes, Relaxed) + bytes;
    PEAK_OF_ALL.fetch_max(held, Relaxed);
}

/// Most bytes that this thread held at a time while `work` ran, beyond those held before.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let result = work();
    (result, PEAK.get() - before)
}

/// Most bytes that all threads of the process held at a time while `work` ran, beyond those held before. Nothing else may
/// run meanwhile, so that a test binary of several tests must have them wait for each other.
pub fn peak_of_all_threads<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD_BY_ALL.load(Relaxed);
    PEAK_OF_ALL.store(before, Relaxed);
    let result = work();
    (result, PEAK_OF_ALL.load(Relaxed) - before)
}

/// How often this thread asked for memory while `work` ran, for more of what it had too.
pub fn allocations_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = CALLS.get();
    let result = work();
    (result, CALLS.get() - before)
}
