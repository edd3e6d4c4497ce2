//! Rows in buckets of neighbouring scores.

use std::io;

use super::super::spill::Spill;
use super::super::table::{BinaryTable, Block};

/// Bits of a score that choose its fine bin: of 62, as the largest score is 1.
const FINE_BITS: u32 = 20;
pub(crate) const FINE_SHIFT: u32 = 62 - FINE_BITS;
/// Rows that a bucket should have at most: they are sorted in the processor's cache.
const BUCKET_ROWS: u64 = 8192;
/// Buckets there should be at least, where the scores allow it.
const BUCKETS_MIN: u64 = 4096;
/// Rows that wait to be written to a run's temporary file.
const SPILL_ROWS: usize = 4096;
/// Fine bins there are.
const FINE_BINS: usize = (1 << FINE_BITS) + 1;

/// Rows by the first bits of their scores.
#[derive(Debug, Clone)]
pub(crate) struct FineCounts {
    /// Of each fine bin.
    pub(crate) counts: Vec<u64>,
    /// The lowest and the highest score; the other way round where there is none.
    pub(crate) keys: (u64, u64),
}

impl Default for FineCounts {
    fn default() -> Self {
        Self { counts: vec![0; FINE_BINS], keys: (u64::MAX, 0) }
    }
}

impl FineCounts {
    /// Those of the rows of a table.
    pub(crate) fn of(table: &mut BinaryTable) -> io::Result<Self> {
        let mut fine = Self::default();
        table.each_block(|block| {
            fine.add(block);
            Ok(())
        })?;
        Ok(fine)
    }

    fn add(&mut self, block: &Block) {
        for key in &block.keys {
            self.keys = (self.keys.0.min(*key), self.keys.1.max(*key));
            if let Some(count) = self.counts.get_mut((key >> FINE_SHIFT) as usize) {
                *count += 1;
            }
        }
    }

    pub(super) fn merged(mut self, other: Self) -> Self {
        self.keys = (self.keys.0.min(other.keys.0), self.keys.1.max(other.keys.1));
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self
    }
}

/// Rows that a bucket should have at most, of so many in all.
pub(super) fn bucket_rows(rows: u64) -> u64 {
    (rows / BUCKETS_MIN).clamp(1, BUCKET_ROWS)
}

/// Which bucket a score belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Edges {
    /// Of each fine bin.
    pub(crate) bucket_of: Vec<u32>,
    pub(crate) buckets: usize,
    /// Rows of each bucket.
    pub(crate) rows_of: Vec<u64>,
    /// The lowest and the highest score.
    pub(crate) keys: (u64, u64),
}

impl Edges {
    /// Edges that give each bucket about as many rows, as far as fine bins can tell.
    pub(crate) fn of(fine: &FineCounts) -> Self {
        let keys = if fine.keys.0 <= fine.keys.1 { fine.keys } else { (0, 0) };
        let rows: u64 = fine.counts.iter().sum();
        let bucket_rows = bucket_rows(rows);
        let mut bucket_of = vec![0_u32; FINE_BINS];
        let mut rows_of = vec![0];
        for (entry, more) in bucket_of.iter_mut().zip(&fine.counts) {
            if rows_of.last().is_some_and(|rows| *rows > 0 && rows + more > bucket_rows) {
                rows_of.push(0);
            }
            if let Some(rows) = rows_of.last_mut() {
                *rows += more;
            }
            *entry = (rows_of.len() - 1) as u32;
        }
        Self { bucket_of, buckets: rows_of.len(), rows_of, keys }
    }

    /// Which run each bucket belongs to, of runs with at most `run_rows` rows. Only one score that very many rows have
    /// makes a run of more.
    pub(crate) fn runs(&self, run_rows: u64) -> Vec<usize> {
        let mut run_of = Vec::with_capacity(self.buckets);
        let (mut run, mut filled) = (0_usize, 0);
        for rows in &self.rows_of {
            if filled > 0 && filled + rows > run_rows {
                run += 1;
                filled = 0;
            }
            filled += rows;
            run_of.push(run);
        }
        run_of
    }

    /// Writes rows to temporary files: of each of at least `passes` runs of buckets with about as many rows, one
    /// file for each table.
    pub(super) fn partition(&self, tables: Vec<BinaryTable>, passes: u64) -> io::Result<Vec<Vec<Spill>>> {
        let rows: u64 = self.rows_of.iter().sum();
        let run_of = self.runs(rows.div_ceil(passes));
        let run = run_of.last().copied().unwrap_or_default();
        let mut runs: Vec<Vec<Spill>> = (0..=run).map(|_| Vec::new()).collect();
        for mut table in tables {
            let mut spills: Vec<(Block, Spill)> = Vec::with_capacity(runs.len());
            for _ in 0..runs.len() {
                spills.push((Block::default(), Spill::new()?));
            }
            table.each_block(|block| {
                for (key, tag) in block.keys.iter().zip(&block.tags) {
                    let run = run_of.get(self.bucket(*key)).copied().unwrap_or_default();
                    let Some((waiting, spill)) = spills.get_mut(run) else { continue };
                    waiting.keys.push(*key);
                    waiting.tags.push(*tag);
                    if waiting.keys.len() >= SPILL_ROWS {
                        spill.write(waiting)?;
                        waiting.keys.clear();
                        waiting.tags.clear();
                    }
                }
                Ok(())
            })?;
            for (of_run, (waiting, mut spill)) in runs.iter_mut().zip(spills) {
                spill.write(&waiting)?;
                of_run.push(spill);
            }
        }
        Ok(runs)
    }

    fn bucket(&self, key: u64) -> usize {
        self.bucket_of.get((key >> FINE_SHIFT) as usize).map_or(0, |bucket| *bucket as usize)
    }
}
