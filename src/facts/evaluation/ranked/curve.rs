//! The scores of all rows together.

use serde::{Deserialize, Serialize};

use super::super::binary::logistic::{Compressor, EXACT_GROUPS_MAX, LogitColumns};
use super::super::binary::ranking_curve::ScoreGroup;
use super::buckets::FINE_SHIFT;
use super::sums::logs;

/// What is known of all rows together beyond their sums: the distinct scores in ascending order, or what is kept of
/// them where there are too many.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Curve {
    /// Every distinct score.
    Exact(Vec<ScoreGroup>),
    /// Neighbouring scores together, and all of them as logits.
    Compressed(Vec<ScoreGroup>, Compressor),
}

impl Curve {
    /// No scores yet of so many rows, of which the lowest and the highest are known.
    pub(super) fn new(rows: u64, (lowest, highest): (u64, u64)) -> Self {
        if rows <= EXACT_GROUPS_MAX as u64 {
            return Self::Exact(Vec::new());
        }
        let logit_of = |key: u64| {
            let (log, log_of_rest) = logs(f64::from_bits(key));
            log - log_of_rest
        };
        Self::Compressed(Vec::new(), Compressor::new(logit_of(lowest), logit_of(highest)))
    }

    /// Takes rows in ascending order of their scores, which are above those that came before, and their distinct scores as
    /// logits. Only rows with the first bits of their scores in common are put together.
    pub(super) fn add(&mut self, rows: &[(u64, u32)], logits: &LogitColumns) {
        match self {
            Self::Exact(groups) => {
                groups.extend(rows.chunk_by(|left, right| left.0 == right.0).filter_map(group));
            }
            Self::Compressed(groups, compressor) => {
                groups.extend(
                    rows.chunk_by(|left, right| left.0 >> FINE_SHIFT == right.0 >> FINE_SHIFT).filter_map(group),
                );
                compressor.add_ascending(logits);
            }
        }
    }

    /// Puts neighbouring scores together, up to so many rows: into the buckets of [`super::Edges`].
    pub(super) fn join(&mut self, bucket_rows: u64) {
        let Self::Compressed(groups, _) = self else { return };
        groups.dedup_by(|group, before| {
            // Counts: their sums are exact.
            let fits = before.mass() + group.mass() <= bucket_rows as f64;
            if fits {
                before.positives += group.positives;
                before.negatives += group.negatives;
            }
            fits
        });
    }

    /// Appends the rows that come after these.
    pub(crate) fn append(&mut self, next: Self) {
        match (self, next) {
            (Self::Exact(groups), Self::Exact(more)) => groups.extend(more),
            (Self::Compressed(groups, logits), Self::Compressed(more, more_logits)) => {
                groups.extend(more);
                logits.merge(&more_logits);
            }
            // They are made for the same number of rows.
            (Self::Exact(_), Self::Compressed(..)) | (Self::Compressed(..), Self::Exact(_)) => {}
        }
    }
}

/// Rows as one group, which has the score of the first.
fn group(rows: &[(u64, u32)]) -> Option<ScoreGroup> {
    let positives = rows.iter().filter(|(_, tag)| tag & 1 == 1).count() as f64;
    let score = f64::from_bits(rows.first()?.0);
    Some(ScoreGroup { score, positives, negatives: rows.len() as f64 - positives })
}
