//! The rows of a partition in order.

use super::super::partitions::{Partitions, start_of};
use super::super::spread::sort_ranges;

/// Rows in memory of one part of the data.
pub(super) struct Part<'a> {
    pub(super) rows: Partitions,
    /// What its cells are called in the question.
    pub(super) renumbered: &'a [u32],
}

/// Puts rows in order.
#[derive(Default)]
pub(super) struct Sorter {
    rows: Vec<(u64, u32)>,
    /// Where the rows of each range of scores end.
    ends: Vec<usize>,
}

/// Ranges at most, as a power of two: their ends stay in the processor's cache.
const RANGES_BITS_MAX: u32 = 16;

impl Sorter {
    /// The rows of a partition in all parts, in ascending order of their scores, with their cells as the question calls
    /// them. They are put into about as many ranges of equal width as there are rows, which leaves little to be sorted.
    pub(super) fn sorted(&mut self, parts: &[Part<'_>], partition: usize) -> &[(u64, u32)] {
        let rows: usize = parts.iter().map(|part| part.rows.rows_of(partition)).sum();
        let start = start_of(partition);
        let width = start_of(partition + 1).saturating_sub(start).max(2) - 1;
        let bits = (rows.max(1).ilog2() + 1).min(RANGES_BITS_MAX);
        let shift = (u64::BITS - width.leading_zeros()).saturating_sub(bits);
        let last = (width >> shift) as usize;
        let range = |key: u64| ((key.saturating_sub(start) >> shift) as usize).min(last);
        self.ends.clear();
        self.ends.resize(last + 2, 0);
        for row in parts.iter().flat_map(|part| part.rows.blocks(partition)).flatten() {
            if let Some(count) = self.ends.get_mut(range(row.key()) + 1) {
                *count += 1;
            }
        }
        let mut total = 0;
        for end in &mut self.ends {
            total += *end;
            *end = total;
        }
        self.rows.resize(rows, (0, 0));
        for part in parts {
            for block in part.rows.blocks(partition) {
                for row in block {
                    let (key, tag) = (row.key(), row.tag);
                    let cell = part.renumbered.get((tag >> 1) as usize).copied().unwrap_or_default();
                    let Some(place) = self.ends.get_mut(range(key)) else { continue };
                    if let Some(row) = self.rows.get_mut(*place) {
                        *row = (key, (cell << 1) | (tag & 1));
                    }
                    *place += 1;
                }
            }
        }
        sort_ranges(&mut self.rows, &self.ends, |left, right| left.0.cmp(&right.0));
        &self.rows
    }
}
