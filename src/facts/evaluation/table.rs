//! The rows of a binary classification as they are read: the score, the label and the cell of each valid one,
//! and a count of every reason for which a row could not be used.
//!
//! Scores are kept rather than sums, so that ranking metrics are exact, ties included. Twelve bytes a row is
//! what that costs, in memory as far as it goes and then in a temporary file.

use std::io;

use arrow::array::{Array, Float64Array};
use serde::{Deserialize, Serialize};

use super::cells::{Cells, TooManyCells};
use super::partitions::Partitions;
use super::spill::Spill;

/// Bytes that a valid row takes.
pub(crate) const ROW_BYTES: usize = size_of::<u64>() + size_of::<u32>();

/// What a label says of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    /// The negative class.
    Negative,
    /// The positive class.
    Positive,
    /// Neither class.
    Unknown,
    /// Null.
    Missing,
}

/// Rows that cannot be evaluated, by the first reason that applies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InvalidRows {
    pub(crate) label_missing: u64,
    pub(crate) label_unknown: u64,
    pub(crate) score_missing: u64,
    pub(crate) score_not_finite: u64,
    pub(crate) score_out_of_range: u64,
    pub(crate) weight_invalid: u64,
    pub(crate) cluster_missing: u64,
}

impl InvalidRows {
    const fn as_array(self) -> [u64; 7] {
        [
            self.label_missing,
            self.label_unknown,
            self.score_missing,
            self.score_not_finite,
            self.score_out_of_range,
            self.weight_invalid,
            self.cluster_missing,
        ]
    }

    /// Rows that cannot be evaluated.
    pub(crate) fn total(self) -> u64 {
        self.as_array().iter().sum()
    }

    /// One row for the first reason of these.
    pub(crate) fn first(self) -> Self {
        let mut seen = 0;
        let mut once = |count: u64| {
            let first = u64::from(seen == 0 && count > 0);
            seen += count;
            first
        };
        Self {
            label_missing: once(self.label_missing),
            label_unknown: once(self.label_unknown),
            score_missing: once(self.score_missing),
            score_not_finite: once(self.score_not_finite),
            score_out_of_range: once(self.score_out_of_range),
            weight_invalid: once(self.weight_invalid),
            cluster_missing: once(self.cluster_missing),
        }
    }

    /// Adds other counts.
    pub(crate) fn merge(&mut self, other: Self) {
        self.label_missing += other.label_missing;
        self.label_unknown += other.label_unknown;
        self.score_missing += other.score_missing;
        self.score_not_finite += other.score_not_finite;
        self.score_out_of_range += other.score_out_of_range;
        self.weight_invalid += other.weight_invalid;
        self.cluster_missing += other.cluster_missing;
    }

    /// Counts a row for the first reason that it has; none if it can be evaluated.
    pub(crate) fn count(&mut self, label: Label, score: Option<f64>) {
        match (label, score) {
            (Label::Missing, _) => self.label_missing += 1,
            (Label::Unknown, _) => self.label_unknown += 1,
            (_, None) => self.score_missing += 1,
            (_, Some(score)) if !score.is_finite() => self.score_not_finite += 1,
            (_, Some(score)) if !(0.0..=1.0).contains(&score) => self.score_out_of_range += 1,
            _ => {}
        }
    }
}

/// Rows cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// They have too many combinations of slice values.
    #[error(transparent)]
    TooManyCells(#[from] TooManyCells),
    /// The temporary file cannot be written.
    #[error("the temporary file for rows beyond the memory bound: {0}")]
    Spill(#[from] io::Error),
}

/// Valid rows on their way, column by column: the bits of their scores, and their tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) keys: Vec<u64>,
    pub(crate) tags: Vec<u32>,
}

/// Rows of some part of the data.
#[derive(Debug)]
pub(crate) struct BinaryTable {
    pub(crate) cells: Cells,
    /// Invalid rows of each cell; cells of valid rows only may be beyond its end.
    pub(crate) invalid: Vec<InvalidRows>,
    /// Valid rows of each cell: negatives, positives. Cells of invalid rows only may be beyond its end.
    pub(crate) counts: Vec<[u64; 2]>,
    /// Rows in memory.
    pub(crate) rows: Partitions,
    /// Rows beyond the bound.
    pub(crate) spill: Option<Spill>,
    /// Rows that may be in memory.
    rows_max: u64,
    /// The rows of one call, which come to one of the two.
    taken: Block,
}

impl BinaryTable {
    /// No rows yet; `columns` is the number of slice columns, and `memory_bytes` what rows may take in memory.
    pub(crate) fn new(columns: usize, memory_bytes: u64) -> Self {
        Self {
            cells: Cells::new(columns),
            invalid: Vec::new(),
            counts: Vec::new(),
            rows: Partitions::default(),
            spill: None,
            rows_max: memory_bytes / ROW_BYTES as u64,
            taken: Block::default(),
        }
    }

    /// Takes rows: their labels, scores and, for each slice column, the numbers that [`Cells::values_mut`] gave
    /// their values.
    pub(crate) fn add(
        &mut self,
        labels: &[Label],
        scores: &Float64Array,
        values: &[Vec<u32>],
    ) -> Result<(), TableError> {
        let mut cells = vec![0_u32; labels.len()];
        for (column, numbers) in values.iter().enumerate() {
            self.cells.combine(column, &mut cells, numbers)?;
        }
        let validity = scores.nulls().filter(|nulls| nulls.null_count() > 0);
        self.counts.resize(self.cells.len().max(self.counts.len()), [0; 2]);
        let Block { keys, tags } = &mut self.taken;
        keys.clear();
        tags.clear();
        let is_valid = |label: &Label| matches!(label, Label::Positive | Label::Negative);
        if validity.is_none() && labels.iter().all(is_valid) && scores.values().iter().all(is_probability) {
            keys.extend(scores.values().iter().map(key_of));
            tags.extend(labels.iter().zip(&cells).map(|(label, cell)| tag_of(*label, *cell)));
        } else {
            for (row, ((label, score), cell)) in labels.iter().zip(scores.values()).zip(cells).enumerate() {
                let present = validity.is_none_or(|nulls| nulls.is_valid(row));
                if present && is_valid(label) && is_probability(score) {
                    keys.push(key_of(score));
                    tags.push(tag_of(*label, cell));
                    continue;
                }
                let cell = cell as usize;
                if cell >= self.invalid.len() {
                    self.invalid.resize(cell + 1, InvalidRows::default());
                }
                if let Some(invalid) = self.invalid.get_mut(cell) {
                    invalid.count(*label, present.then_some(*score));
                }
            }
        }
        for tag in &*tags {
            if let Some([negatives, positives]) = self.counts.get_mut((tag >> 1) as usize) {
                *negatives += u64::from(1 - (tag & 1));
                *positives += u64::from(tag & 1);
            }
        }
        Ok(self.keep()?)
    }

    /// Gives each block to `take`: those in memory and then those that are not.
    pub(crate) fn each_block(&mut self, mut take: impl FnMut(&Block) -> io::Result<()>) -> io::Result<()> {
        let mut block = Block::default();
        for rows in self.rows.all() {
            block.keys.clear();
            block.tags.clear();
            block.keys.extend(rows.iter().map(|row| row.key()));
            block.tags.extend(rows.iter().map(|row| row.tag));
            take(&block)?;
        }
        match &mut self.spill {
            Some(spill) => spill.read(|block| take(&block)),
            None => Ok(()),
        }
    }

    /// Keeps the rows that were taken: in memory if there is room, and else in the temporary file.
    fn keep(&mut self) -> io::Result<()> {
        if self.rows.rows() + self.taken.keys.len() as u64 <= self.rows_max {
            self.rows.add(&self.taken);
            return Ok(());
        }
        match &mut self.spill {
            Some(spill) => spill.write(&self.taken),
            empty => empty.insert(Spill::new()?).write(&self.taken),
        }
    }
}

/// Whether a score is one.
fn is_probability(score: &f64) -> bool {
    (0.0..=1.0).contains(score)
}

/// The bits of a score. Adding zero turns −0 into 0: two spellings of one score must be one tie.
fn key_of(score: &f64) -> u64 {
    (score + 0.0).to_bits()
}

/// The tag of a row of either class.
fn tag_of(label: Label, cell: u32) -> u32 {
    (cell << 1) | u32::from(label == Label::Positive)
}
