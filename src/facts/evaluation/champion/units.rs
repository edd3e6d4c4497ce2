//! Weighted rows as independent units: single rows, or clusters of them.

use super::super::exact_sum::{ExactSum, exact_sum};
use super::super::interval::Z;

/// Why a clustered standard error does not exist.
pub(crate) const FEW_CLUSTERS: &str = "there are fewer than two clusters";
/// Why an independent one does not.
pub(crate) const ONE_ROW: &str = "one row has no variance";
/// Why there is no interval although there are units enough.
pub(crate) const NO_VARIANCE: &str = "the estimate of its variance is zero";
/// Why nothing can be computed from columns that do not fit together.
pub(crate) const RAGGED: &str = "the columns differ in their numbers of rows";

/// `values[index]`, and the default outside. Columns are checked for their lengths before.
pub(crate) fn at<T: Copy + Default>(values: &[T], index: usize) -> T {
    values.get(index).copied().unwrap_or_default()
}

/// 1 for true.
pub(crate) fn unit(is: bool) -> f64 {
    f64::from(u8::from(is))
}

/// The rows that count, those of a weight above 0, and which of them belong together.
#[derive(Debug, Clone)]
pub(crate) struct Units<'a> {
    rows: usize,
    weight: Option<&'a [f64]>,
    /// A power of two that is taken out of every weight: nothing is rounded, and no sum overflows.
    exponent: i32,
    /// Cluster and index of the rows that count, sorted; none where rows are independent.
    clusters: Option<Vec<(u64, usize)>>,
    /// Number of rows that count.
    pub(crate) n: u64,
    /// Number of independent units: clusters or rows.
    pub(crate) count: u64,
}

impl<'a> Units<'a> {
    pub(crate) fn new(rows: usize, weight: Option<&'a [f64]>, cluster: Option<&[u64]>) -> Self {
        let largest = weight.into_iter().flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
        let exponent = if weight.is_some() { libm::ilogb(largest) } else { 0 };
        let mut units = Self { rows, weight, exponent, clusters: None, n: 0, count: 0 };
        units.n = units.indices().count() as u64;
        units.count = units.n;
        if let Some(cluster) = cluster {
            let mut sorted: Vec<(u64, usize)> = units.indices().map(|index| (at(cluster, index), index)).collect();
            sorted.sort_unstable();
            units.count = sorted.chunk_by(|left, right| left.0 == right.0).count() as u64;
            units.clusters = Some(sorted);
        }
        units
    }

    /// Whether every row counts once and by itself.
    pub(crate) fn are_plain(&self) -> bool {
        self.weight.is_none() && self.clusters.is_none()
    }

    pub(crate) fn are_weighted(&self) -> bool {
        self.weight.is_some()
    }

    pub(crate) fn are_clustered(&self) -> bool {
        self.clusters.is_some()
    }

    /// `name`, with what says that the standard error is of clusters.
    pub(crate) fn method(&self, name: &str) -> String {
        if self.are_clustered() { format!("{name}-clustered") } else { name.to_owned() }
    }

    /// The weight of a row, over the power of two.
    pub(crate) fn weight(&self, index: usize) -> f64 {
        self.weight.map_or(1.0, |weights| libm::ldexp(at(weights, index), -self.exponent))
    }

    /// The rows that count, ascending.
    pub(crate) fn indices(&self) -> impl Iterator<Item = usize> {
        (0..self.rows).filter(|index| self.weight(*index) > 0.0)
    }

    /// Σ weight · term.
    pub(crate) fn sum(&self, term: impl Fn(usize) -> f64) -> f64 {
        exact_sum(self.indices().map(|index| self.weight(index) * term(index)))
    }

    /// Visits the sums over each unit of weight · terms, exact and rounded once.
    pub(crate) fn visit<const N: usize>(&self, terms: impl Fn(usize) -> [f64; N], mut visit: impl FnMut([f64; N])) {
        let of_row = |index: usize| terms(index).map(|term| self.weight(index) * term);
        let Some(clusters) = &self.clusters else {
            self.indices().for_each(|index| visit(of_row(index)));
            return;
        };
        for cluster in clusters.chunk_by(|left, right| left.0 == right.0) {
            let mut sums: [ExactSum; N] = std::array::from_fn(|_| ExactSum::default());
            for (_, index) in cluster {
                sums.iter_mut().zip(of_row(*index)).for_each(|(sum, term)| sum.add(term));
            }
            visit(sums.map(|sum| sum.value()));
        }
    }

    /// G/(G − 1), for G independent units.
    pub(crate) fn correction(&self) -> Result<f64, String> {
        if self.count < 2 {
            return Err(if self.are_clustered() { FEW_CLUSTERS } else { ONE_ROW }.to_owned());
        }
        Ok(self.count as f64 / (self.count as f64 - 1.0))
    }

    /// Standard error √(G/(G − 1) · Σ over units of (Σ weight · influence)²), where the influence of a row is the
    /// derivative of an estimate by its weight: the linearised, or infinitesimal-jackknife, variance (Binder,
    /// International Statistical Review 51, 1983), with the rows of a cluster together. Zero is none.
    pub(crate) fn standard_error(&self, influence: impl Fn(usize) -> f64) -> Result<f64, String> {
        let correction = self.correction()?;
        let mut squares = ExactSum::default();
        self.visit(|index| [influence(index)], |[sum]| squares.add(sum * sum));
        let error = (correction * squares.value()).sqrt();
        if error > 0.0 { Ok(error) } else { Err(NO_VARIANCE.to_owned()) }
    }

    /// Kish's effective size (Survey Sampling, 1965) of the rows for which `is` holds: (Σ w)² / Σ w², over units.
    pub(crate) fn effective_size(&self, is: impl Fn(usize) -> bool) -> f64 {
        let (mut sum, mut squares) = (ExactSum::default(), ExactSum::default());
        self.visit(
            |index| [unit(is(index))],
            |[weight]| {
                sum.add(weight);
                squares.add(weight * weight);
            },
        );
        let sum = sum.value();
        if sum > 0.0 { sum * sum / squares.value() } else { 0.0 }
    }
}

/// Variances of two estimates and their covariance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Covariance {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) both: f64,
}

impl Covariance {
    /// Zero where an estimate has no variance.
    pub(crate) fn correlation(&self) -> f64 {
        let scale = self.left.sqrt() * self.right.sqrt();
        if scale > 0.0 { (self.both / scale).clamp(-1.0, 1.0) } else { 0.0 }
    }
}

/// z²/(n + z²): what share of changes may be behind n units in which nothing changed (Wilson's interval at 0).
pub(crate) fn unseen(units: f64) -> f64 {
    Z * Z / (units + Z * Z)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_of_its_own_is_a_row() {
        let values = [1.0, 5.0, 2.0, 8.0];
        let mean = 4.0;
        let influence = |index: usize| (values[index] - mean) / 4.0;
        let alone = Units::new(4, None, None).standard_error(influence).unwrap();
        // √(s²/n), with s² = (9 + 1 + 4 + 16)/3.
        assert!((alone - (10.0_f64 / 4.0).sqrt()).abs() < 1e-15);
        let own = Units::new(4, None, Some(&[9, 3, 7, 1])).standard_error(influence).unwrap();
        assert_eq!(alone, own);
        // Two clusters: sums −2/4 and 2/4; 2/1 · (1/4 + 1/4).
        let pairs = Units::new(4, None, Some(&[1, 1, 2, 2])).standard_error(influence).unwrap();
        assert!((pairs - 1.0).abs() < 1e-15);
        let one = Units::new(4, None, Some(&[1; 4])).standard_error(influence);
        assert_eq!(one, Err(FEW_CLUSTERS.to_owned()));
        assert_eq!(Units::new(1, None, None).standard_error(|_| 1.0), Err(ONE_ROW.to_owned()));
    }

    #[test]
    fn a_row_without_weight_does_not_count() {
        let weights = [1e300, 0.0, 3e300];
        let units = Units::new(3, Some(&weights), Some(&[1, 2, 3]));
        assert_eq!((units.n, units.count), (2, 2));
        assert!((units.sum(|_| 1.0) / units.weight(0) - 4.0).abs() < 1e-15);
        assert!((units.effective_size(|_| true) - 1.6).abs() < 1e-15);
        assert_eq!(units.effective_size(|index| index == 1), 0.0);
    }
}
