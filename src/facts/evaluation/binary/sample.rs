//! Weighted rows in a canonical order, and standard errors from what each row contributes.

use super::super::exact_sum::{ExactSum, exact_sum};
use super::calibration_error::{BINS, bin_of};
use super::ranking_curve::ScoreGroup;

/// Rows of a binary classification. All slices have the length of the labels; scores are in [0, 1], weights finite
/// and not negative.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WeightedRows<'a> {
    /// Whether the row is positive.
    pub(crate) label: &'a [bool],
    /// Probability of the positive class.
    pub(crate) score: &'a [f64],
    /// Weights, or none where every row counts once.
    pub(crate) weight: Option<&'a [f64]>,
    /// What the rows with one value share, such as a person; none where rows are independent.
    pub(crate) cluster: Option<&'a [u64]>,
}

/// One row that counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    pub(crate) score: f64,
    pub(crate) positive: bool,
    /// Weight, scaled so that the largest is in [1, 2).
    pub(crate) weight: f64,
    /// Place among the distinct clusters in ascending order; the row's own where rows are independent.
    cluster: usize,
    /// Place among the distinct scores in ascending order.
    pub(crate) group: usize,
}

/// The rows that count, sorted by score, label, weight and cluster.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) rows: Vec<Row>,
    /// Weights of the classes at each distinct score, ascending.
    pub(crate) groups: Vec<ScoreGroup>,
    /// Number of clusters.
    pub(crate) clusters: usize,
    pub(crate) weighted: bool,
    pub(crate) clustered: bool,
}

/// Why a clustered standard error does not exist.
pub(crate) const FEW_CLUSTERS: &str = "there are fewer than two clusters";
/// Why an independent one does not.
pub(crate) const ONE_ROW: &str = "one row has no variance";

impl Sample {
    pub(crate) fn new(rows: &WeightedRows<'_>) -> Self {
        let weights = rows.weight.into_iter().flatten().copied();
        let largest = weights.fold(0.0, f64::max);
        // A power of two is taken out of every weight: nothing is rounded, and no sum overflows.
        let exponent = if rows.weight.is_some() { libm::ilogb(largest.max(f64::MIN_POSITIVE)) } else { 0 };
        let mut sorted: Vec<(Row, u64)> = (0..rows.label.len().min(rows.score.len()))
            .filter_map(|index| {
                let weight = rows.weight.map_or(Some(1.0), |weights| weights.get(index).copied())?;
                let cluster = rows.cluster.map_or(Some(0), |clusters| clusters.get(index).copied())?;
                // Adding zero turns −0 into +0: two spellings of one score must be one tie.
                let score = rows.score.get(index)? + 0.0;
                let weight = libm::ldexp(weight, -exponent);
                let row = Row { score, positive: *rows.label.get(index)?, weight, cluster: 0, group: 0 };
                (row.weight > 0.0).then_some((row, cluster))
            })
            .collect();
        sorted.sort_unstable_by(|(left, left_cluster), (right, right_cluster)| {
            let order = left.score.total_cmp(&right.score).then(left.positive.cmp(&right.positive));
            order.then(left.weight.total_cmp(&right.weight)).then(left_cluster.cmp(right_cluster))
        });
        let mut names: Vec<u64> =
            if rows.cluster.is_some() { sorted.iter().map(|row| row.1).collect() } else { vec![] };
        names.sort_unstable();
        names.dedup();
        let clustered = rows.cluster.is_some();
        let clusters = if clustered { names.len() } else { sorted.len() };
        let mut groups: Vec<ScoreGroup> = Vec::new();
        for (index, (row, name)) in sorted.iter_mut().enumerate() {
            row.cluster = if clustered { names.partition_point(|other| other < name) } else { index };
            if groups.last().is_none_or(|last| last.score < row.score) {
                groups.push(ScoreGroup { score: row.score, positives: 0.0, negatives: 0.0 });
            }
            row.group = groups.len() - 1;
            if let Some(group) = groups.last_mut() {
                *(if row.positive { &mut group.positives } else { &mut group.negatives }) += row.weight;
            }
        }
        let rows_that_count = sorted.into_iter().map(|(row, _)| row).collect();
        Self { rows: rows_that_count, groups, clusters, weighted: rows.weight.is_some(), clustered }
    }

    /// Number of rows that count.
    pub(crate) fn n(&self) -> u64 {
        self.rows.len() as u64
    }

    /// `name`, with what says that the standard error is of clusters.
    pub(crate) fn method(&self, name: &str) -> String {
        if self.clustered { format!("{name}-clustered") } else { name.to_owned() }
    }

    /// Σ weight · term.
    pub(crate) fn sum(&self, term: impl Fn(&Row) -> f64) -> f64 {
        exact_sum(self.rows.iter().map(|row| row.weight * term(row)))
    }

    /// Number of rows for which `is` holds.
    pub(crate) fn count(&self, is: impl Fn(&Row) -> bool) -> u64 {
        self.rows.iter().filter(|row| is(row)).count() as u64
    }

    /// The sum over the rows of each cluster of weight · influence.
    pub(crate) fn by_cluster(&self, influence: impl Fn(&Row) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.clusters];
        for row in &self.rows {
            if let Some(sum) = sums.get_mut(row.cluster) {
                *sum += row.weight * influence(row);
            }
        }
        sums
    }

    /// G/(G − 1), for G clusters or independent rows.
    fn correction(&self) -> Result<f64, String> {
        if self.clusters < 2 {
            return Err(if self.clustered { FEW_CLUSTERS } else { ONE_ROW }.to_owned());
        }
        Ok(self.clusters as f64 / (self.clusters as f64 - 1.0))
    }

    /// Standard error √(G/(G − 1) · Σ over clusters of (Σ weight · influence)²), where the influence of a row is the
    /// derivative of the estimate by its weight: the linearised, or infinitesimal-jackknife, variance (Binder,
    /// International Statistical Review 51, 1983), with the rows of a cluster together.
    pub(crate) fn standard_error(&self, influence: impl Fn(&Row) -> f64) -> Result<f64, String> {
        let correction = self.correction()?;
        let sums = self.by_cluster(influence);
        Ok((correction * exact_sum(sums.iter().map(|sum| sum * sum))).sqrt())
    }

    /// Kish's effective size (1965) of the rows for which `is` holds: (Σ w)² / Σ w², over clusters.
    pub(crate) fn effective_size(&self, is: impl Fn(&Row) -> bool) -> f64 {
        let sums = self.by_cluster(|row| f64::from(u8::from(is(row))));
        let (sum, squares) = (exact_sum(sums.iter().copied()), exact_sum(sums.iter().map(|sum| sum * sum)));
        sum * sum / squares
    }

    /// Covariance of the sums by calibration bin of weight · influence.
    pub(crate) fn bin_covariance(&self, influence: impl Fn(&Row) -> f64) -> Result<[[f64; BINS]; BINS], String> {
        let correction = self.correction()?;
        let mut sums = vec![[0.0; BINS]; self.clusters];
        for row in &self.rows {
            if let Some(sum) = sums.get_mut(row.cluster).and_then(|bins| bins.get_mut(bin_of(row.score))) {
                *sum += row.weight * influence(row);
            }
        }
        let mut exact: [[ExactSum; BINS]; BINS] = Default::default();
        for bins in &sums {
            for (row, left) in exact.iter_mut().zip(bins).filter(|(_, left)| **left != 0.0) {
                for (cell, right) in row.iter_mut().zip(bins).filter(|(_, right)| **right != 0.0) {
                    cell.add(left * right);
                }
            }
        }
        Ok(exact.map(|row| row.map(|cell| correction * cell.value())))
    }
}
