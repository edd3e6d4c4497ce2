//! Rows with weights and clusters, and the two things every metric needs of them: sums, and standard errors.

use super::exact_sum::exact_sum;
use super::interval;
use super::metric::{Metric, MetricId};

pub(crate) const NO_VARIANCE: &str = "the estimate of its variance is zero";
const ONE_ROW: &str = "one row has no variance";
const ONE_CLUSTER: &str = "all rows are of one cluster";
const OUT_OF_RANGE: &str = "its variance leaves the range of numbers";

/// A standard error of this many units in the last place of the value is what rounding leaves of zero.
pub(crate) const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// A range without ends.
pub(crate) const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
/// The range of losses.
pub(crate) const NOT_NEGATIVE: (f64, f64) = (0.0, f64::INFINITY);

/// The value of a row; not a number if the column is too short, which makes an error of whatever it enters.
pub(crate) fn at(column: &[f64], row: usize) -> f64 {
    column.get(row).copied().unwrap_or(f64::NAN)
}

/// The largest power of two that is not above `value`. To divide by it costs no precision.
pub(crate) fn power_of_two(value: f64) -> f64 {
    f64::from_bits(value.to_bits() & f64::INFINITY.to_bits()).max(f64::MIN_POSITIVE)
}

/// The rows that count: those with a weight above 0.
///
/// Weights are used as they come but for a power of two, so that no product leaves the range of numbers.
pub(crate) struct Sample<'a> {
    len: usize,
    weight: Option<&'a [f64]>,
    unit: f64,
    cluster: Option<&'a [u64]>,
    /// With clusters, the rows that count in the order of theirs.
    by_cluster: Vec<usize>,
    /// Rows that count.
    pub(crate) n: u64,
    /// Sum of their weights.
    pub(crate) total: f64,
}

impl<'a> Sample<'a> {
    /// The rows 0 to `len`. Weights are finite and not negative.
    pub(crate) fn new(len: usize, weight: Option<&'a [f64]>, cluster: Option<&'a [u64]>) -> Self {
        let largest = weight.map_or(1.0, |weight| weight.iter().copied().fold(0.0, f64::max));
        let unit = power_of_two(largest);
        let mut sample = Self { len, weight, unit, cluster, by_cluster: Vec::new(), n: 0, total: 0.0 };
        sample.n = sample.rows().count() as u64;
        sample.total = sample.sum(|_| 1.0);
        if cluster.is_some() {
            let mut rows: Vec<usize> = sample.rows().collect();
            rows.sort_unstable_by_key(|row| sample.cluster_of(*row));
            sample.by_cluster = rows;
        }
        sample
    }

    /// The rows that count.
    pub(crate) fn rows(&self) -> impl Iterator<Item = usize> {
        let (len, weight) = (self.len, self.weight);
        (0..len).filter(move |row| weight.is_none_or(|weight| at(weight, *row) > 0.0))
    }

    /// Whether the rows have weights.
    pub(crate) fn is_weighted(&self) -> bool {
        self.weight.is_some()
    }

    /// Whether each row is independent of the others, for all that is known, and counts once.
    pub(crate) fn is_simple(&self) -> bool {
        self.weight.is_none() && self.cluster.is_none()
    }

    /// Weight of a row: up to the power of two, 1 without weights.
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weight.map_or(1.0, |weight| at(weight, row) / self.unit)
    }

    /// Weighted mean over some of the rows that count. Their weights may be small against all others.
    pub(crate) fn mean_over(&self, rows: &[usize], value: impl Fn(usize) -> f64) -> f64 {
        let raw = |row: &usize| self.weight.map_or(1.0, |weight| at(weight, *row));
        let unit = power_of_two(rows.iter().map(raw).fold(0.0, f64::max));
        let weights = exact_sum(rows.iter().map(|row| raw(row) / unit));
        exact_sum(rows.iter().map(|row| raw(row) / unit * value(*row))) / weights
    }

    fn cluster_of(&self, row: usize) -> Option<&u64> {
        self.cluster.and_then(|cluster| cluster.get(row))
    }

    /// The rows of each cluster, in ascending order of its id.
    pub(crate) fn clusters(&self) -> impl Iterator<Item = &[usize]> {
        self.by_cluster.chunk_by(|left, right| self.cluster_of(*left) == self.cluster_of(*right))
    }

    /// Σ weight · value.
    pub(crate) fn sum(&self, value: impl Fn(usize) -> f64) -> f64 {
        exact_sum(self.rows().map(|row| self.weight(row) * value(row)))
    }

    /// Σ weight · value / Σ weight.
    pub(crate) fn mean(&self, value: impl Fn(usize) -> f64) -> f64 {
        self.sum(value) / self.total
    }

    /// Rows that count for which `condition` holds.
    pub(crate) fn count(&self, condition: impl Fn(usize) -> bool) -> u64 {
        self.rows().filter(|row| condition(*row)).count() as u64
    }

    /// The largest value of the rows that count; not a number if one of them is not. At least 0.
    pub(crate) fn largest(&self, value: impl Fn(usize) -> f64) -> f64 {
        self.rows().map(value).fold(0.0, |largest, next| if next.is_nan() { next } else { next.max(largest) })
    }

    /// Whether `value` is the same for all rows that count.
    pub(crate) fn is_constant(&self, value: impl Fn(usize) -> f64) -> bool {
        let mut values = self.rows().map(value);
        let first = values.next();
        values.all(|next| Some(next) == first)
    }

    /// Standard error of an estimate Σ w·u / `total` from its linearised residuals r, whose weighted sum is zero:
    /// √(G/(G−1) · Σ over clusters (Σ w·r)²) / `total`.
    ///
    /// Each row is a cluster where none are given. Then equal weights give s/√n, and others √(n/(n−1) · Σ w²r²)/Σ w
    /// (Binder, International Statistical Review 51, 1983; the "with replacement" estimator of survey software).
    pub(crate) fn standard_error(&self, residual: impl Fn(usize) -> f64, total: f64) -> Result<f64, String> {
        let term = |row: usize| self.weight(row) * residual(row);
        let (groups, squares) = if self.cluster.is_some() {
            let squares = self.clusters().map(|rows| {
                let sum = exact_sum(rows.iter().map(|row| term(*row)));
                let largest = rows.iter().map(|row| term(*row).abs()).fold(0.0, f64::max);
                // Where the rows of a cluster cancel, what is left is the rounding of each.
                let none = sum.abs() <= ROUNDING * rows.len() as f64 * largest;
                if none { 0.0 } else { (sum / total) * (sum / total) }
            });
            (self.clusters().count(), exact_sum(squares))
        } else {
            let squares = self.rows().map(|row| (term(row) / total) * (term(row) / total));
            (usize::try_from(self.n).unwrap_or(usize::MAX), exact_sum(squares))
        };
        if groups < 2 {
            return Err(if self.n < 2 { ONE_ROW } else { ONE_CLUSTER }.to_owned());
        }
        let groups = groups as f64;
        let error = (groups / (groups - 1.0) * squares).sqrt();
        if error.is_finite() { Ok(error) } else { Err(OUT_OF_RANGE.to_owned()) }
    }

    /// Σ w·value of each cluster, or of each row where there are none.
    pub(crate) fn unit_sums(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let term = |row: usize| self.weight(row) * value(row);
        if self.cluster.is_some() {
            return self.clusters().map(|rows| exact_sum(rows.iter().map(|row| term(*row)))).collect();
        }
        self.rows().map(term).collect()
    }

    /// Whether rows are given in clusters.
    pub(crate) fn is_clustered(&self) -> bool {
        self.cluster.is_some()
    }

    /// Kish's effective number (1965) of the units whose rows `is` holds for: (Σ w)² / Σ w².
    pub(crate) fn effective_size(&self, is: impl Fn(usize) -> bool) -> f64 {
        let sums = self.unit_sums(|row| f64::from(u8::from(is(row))));
        let (sum, squares) = (exact_sum(sums.iter().copied()), exact_sum(sums.iter().map(|sum| sum * sum)));
        sum * (sum / squares)
    }

    /// The name of an interval: `plain`, and whether it is robust to clusters.
    pub(crate) fn method(&self, plain: &str) -> String {
        if self.cluster.is_some() { format!("{plain}-clustered") } else { plain.to_owned() }
    }

    /// A metric from its value and standard error, with a normal interval inside `range`.
    pub(crate) fn metric(
        &self,
        id: MetricId,
        value: f64,
        standard_error: Result<f64, String>,
        range: (f64, f64),
        method: &str,
    ) -> Metric {
        let interval = standard_error.and_then(|error| {
            if error <= ROUNDING * value.abs() {
                return Err(NO_VARIANCE.to_owned());
            }
            interval::wald(value, error, range, &self.method(method)).ok_or_else(|| OUT_OF_RANGE.to_owned())
        });
        Metric::of(id, value, self.n, interval)
    }

    /// The mean of `value`, by the central limit theorem.
    pub(crate) fn mean_metric(&self, id: MetricId, range: (f64, f64), value: impl Fn(usize) -> f64) -> Metric {
        let mean = self.mean(&value);
        let error = self.standard_error(|row| value(row) - mean, self.total);
        self.metric(id, mean, error, range, if self.is_weighted() { "linearisation" } else { "clt" })
    }

    /// Σ w·numerator / Σ w·denominator, where the latter is positive. The residual of a row is
    /// numerator − ratio · denominator (Cochran, Sampling Techniques, 1977, section 6.3).
    pub(crate) fn ratio_metric(
        &self,
        id: MetricId,
        numerator: impl Fn(usize) -> f64,
        denominator: impl Fn(usize) -> f64,
    ) -> Metric {
        let below = self.sum(&denominator);
        let ratio = self.sum(&numerator) / below;
        let error = self.standard_error(|row| numerator(row) - ratio * denominator(row), below);
        self.metric(id, ratio, error, NOT_NEGATIVE, "linearisation")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_of_two_is_found_for_every_size() {
        assert_eq!(power_of_two(1.0), 1.0);
        assert_eq!(power_of_two(7.9), 4.0);
        assert_eq!(power_of_two(0.3), 0.25);
        assert_eq!(power_of_two(0.0), f64::MIN_POSITIVE);
    }

    #[test]
    fn a_cluster_for_each_row_is_no_cluster() {
        let (values, ids) = ([1.0, 4.0, 9.5, 2.0], [9, 3, 7, 1]);
        let (plain, clustered) = (Sample::new(4, None, None), Sample::new(4, None, Some(&ids)));
        let mean = plain.mean(|row| values[row]);
        let error = |sample: &Sample<'_>| sample.standard_error(|row| values[row] - mean, sample.total).unwrap();
        assert_eq!(error(&plain), error(&clustered));
        assert!((error(&plain) - (43.1875_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn clusters_that_cancel_have_no_variance() {
        // Fifths of the second do not add up to 0 in doubles.
        for values in [[1.0, 3.0, 2.0, 3.0, 1.0], [0.5, 1.0, -1.5, 0.5, -0.5], [0.1, 0.2, -0.3, 0.7, -0.7]] {
            let sample = Sample::new(5, None, Some(&[1, 1, 1, 2, 2]));
            let metric = sample.mean_metric(MetricId::ActualMean, ANY, |row| values[row]);
            assert_eq!((metric.interval, metric.reason.as_deref()), (None, Some(NO_VARIANCE)), "{values:?}");
        }
    }
}
