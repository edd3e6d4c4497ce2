//! How far the reading of rows is, for whoever watches. Nothing depends on it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Rows and bytes since the process began.
static READ: Read = Read { rows: AtomicU64::new(0), bytes: AtomicU64::new(0), expected: AtomicU64::new(0) };

struct Read {
    rows: AtomicU64,
    bytes: AtomicU64,
    expected: AtomicU64,
}

/// What has been read so far, in all passes over all files together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// Bytes of the files that are read or have been.
    pub expected: u64,
}

/// What has been read so far.
#[must_use]
pub fn seen() -> Seen {
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Seen { rows: of(&READ.rows), bytes: of(&READ.bytes), expected: of(&READ.expected) }
}

pub(crate) fn expect(bytes: u64) {
    READ.expected.fetch_add(bytes, Ordering::Relaxed);
}

pub(crate) fn add_bytes(bytes: u64) {
    READ.bytes.fetch_add(bytes, Ordering::Relaxed);
}

pub(crate) fn add_rows(rows: u64) {
    READ.rows.fetch_add(rows, Ordering::Relaxed);
}
