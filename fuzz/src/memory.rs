//! Counts what is allocated: a run that takes more than it may is ended where it asks for it.
//!
//! libFuzzer's own `-malloc_limit_mb` needs a sanitizer, and its `-rss_limit_mb` looks once a second.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Memory that one run may take beyond what there was before it.
const RUN_BYTES_MAX: usize = 64 << 20;

struct Counted;

static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);
static LIMIT_BYTES: AtomicUsize = AtomicUsize::new(usize::MAX);

fn take(bytes: usize) {
    let live = LIVE_BYTES.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
    if live > LIMIT_BYTES.load(Ordering::Relaxed) {
        // So that what is said and done from here on may allocate.
        LIMIT_BYTES.store(usize::MAX, Ordering::Relaxed);
        eprintln!("more than {RUN_BYTES_MAX} bytes beyond the baseline; {bytes} were asked for last");
        eprintln!("{}", std::backtrace::Backtrace::force_capture());
        std::process::abort();
    }
}

fn give_back(bytes: usize) {
    LIVE_BYTES.fetch_sub(bytes, Ordering::Relaxed);
}

// SAFETY: every call is the system allocator's, with what this one was called with.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        give_back(layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        take(size.saturating_sub(layout.size()));
        give_back(layout.size().saturating_sub(size));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// Runs something within the bound.
pub(super) fn bounded(run: impl FnOnce()) {
    LIMIT_BYTES.store(LIVE_BYTES.load(Ordering::Relaxed).saturating_add(RUN_BYTES_MAX), Ordering::Relaxed);
    run();
    LIMIT_BYTES.store(usize::MAX, Ordering::Relaxed);
}
