//! Regression: how far predicted numbers are from actual ones.
//!
//! Values follow scikit-learn, except where it gives a number to a question that has no answer (R² of a constant,
//! a percentage of zero): there the status is `undefined`. Every value depends on the set of rows alone, not on
//! their order.

mod deviance;
mod fair_coin;
pub(crate) mod forecast;
mod median;
mod normalized_gini;

use std::collections::BTreeMap;

use self::median::median_metric;
use self::normalized_gini::{CONSTANT, normalized_gini};
use super::interval;
use super::metric::{Metric, MetricId, MetricStatus, Metrics};
use super::sample::{ANY, NO_VARIANCE, NOT_NEGATIVE, Sample, at, power_of_two};

const NO_ROWS: &str = "there are no rows";
const NO_INTERVAL: &str = "no predicted interval is declared";
pub(crate) const NO_QUANTILES: &str = "no quantiles are declared";
pub(crate) const ALL_ZERO: &str = "all actual values are 0";

/// Columns of equal length: one entry a row.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RegressionRows<'a> {
    /// What happened. Finite.
    pub(crate) actual: &'a [f64],
    /// What was predicted, in the same unit.
    pub(crate) predicted: &'a [f64],
    /// Weights: finite, not negative. A row of weight 0 does not count.
    pub(crate) weight: Option<&'a [f64]>,
    /// Ids of clusters: rows of one are not independent of each other.
    pub(crate) cluster: Option<&'a [u64]>,
    /// Lower ends of the predicted interval.
    pub(crate) lower: Option<&'a [f64]>,
    /// Upper ends of the predicted interval, which belong to it.
    pub(crate) upper: Option<&'a [f64]>,
    /// Predicted quantiles with their levels, which are in (0, 1) and distinct.
    pub(crate) quantiles: &'a [(f64, &'a [f64])],
}

/// Every metric of this family.
pub(crate) const IDS: [MetricId; 17] = [
    MetricId::ActualMean,
    MetricId::PredictedMean,
    MetricId::MeanError,
    MetricId::MeanAbsoluteError,
    MetricId::RootMeanSquaredError,
    MetricId::MedianAbsoluteError,
    MetricId::RSquared,
    MetricId::MeanAbsolutePercentageError,
    MetricId::WeightedAbsolutePercentageError,
    MetricId::SymmetricPercentageError,
    MetricId::RootMeanSquaredLogError,
    MetricId::PoissonDeviance,
    MetricId::GammaDeviance,
    MetricId::NormalizedGini,
    MetricId::IntervalCoverage,
    MetricId::IntervalWidth,
    MetricId::PinballLoss,
];

/// Every metric of the rows. Which has no value, and why, is in its status and reason.
pub(crate) fn metrics(rows: &RegressionRows<'_>) -> Metrics {
    let table = match Table::new(rows) {
        Ok(table) => table,
        Err((status, reason)) => {
            return Metrics(IDS.iter().map(|&id| (id, Metric::without(id, status, 0, reason.as_str()))).collect());
        }
    };
    let mut metrics: BTreeMap<MetricId, Metric> = BTreeMap::new();
    metrics.extend(IDS.map(|id| (id, table.metric(id))));
    Metrics(metrics)
}

/// Rows of which at least one counts and each is a number throughout.
pub(crate) struct Table<'a> {
    rows: RegressionRows<'a>,
    pub(crate) sample: Sample<'a>,
}

impl<'a> Table<'a> {
    /// The rows, or the status and reason of all metrics without values.
    pub(crate) fn new(rows: &RegressionRows<'a>) -> Result<Self, (MetricStatus, String)> {
        if let Some(fault) = fault(rows) {
            return Err((MetricStatus::Error, fault));
        }
        let sample = Sample::new(rows.actual.len(), rows.weight, rows.cluster);
        if sample.n == 0 {
            return Err((MetricStatus::Undefined, NO_ROWS.to_owned()));
        }
        Ok(Self { rows: *rows, sample })
    }

    fn actual(&self, row: usize) -> f64 {
        at(self.rows.actual, row)
    }

    fn predicted(&self, row: usize) -> f64 {
        at(self.rows.predicted, row)
    }

    /// Prediction less actual value.
    pub(crate) fn error(&self, row: usize) -> f64 {
        self.predicted(row) - self.actual(row)
    }

    /// |prediction − actual value|.
    pub(crate) fn distance(&self, row: usize) -> f64 {
        self.error(row).abs()
    }

    /// |actual value|.
    pub(crate) fn size(&self, row: usize) -> f64 {
        self.actual(row).abs()
    }

    pub(crate) fn undefined(&self, id: MetricId, reason: impl Into<String>) -> Metric {
        Metric::without(id, MetricStatus::Undefined, self.sample.n, reason)
    }

    fn metric(&self, id: MetricId) -> Metric {
        let sample = &self.sample;
        match id {
            MetricId::ActualMean => sample.mean_metric(id, ANY, |row| self.actual(row)),
            MetricId::PredictedMean => sample.mean_metric(id, ANY, |row| self.predicted(row)),
            MetricId::MeanError => sample.mean_metric(id, ANY, |row| self.error(row)),
            MetricId::MeanAbsoluteError => sample.mean_metric(id, NOT_NEGATIVE, |row| self.distance(row)),
            MetricId::RootMeanSquaredError => self.root_mean_square(id, |row| self.error(row)),
            MetricId::MedianAbsoluteError => median_metric(sample, id, |row| self.distance(row)),
            MetricId::RSquared => self.r_squared(id),
            MetricId::MeanAbsolutePercentageError => self.percentage(id),
            MetricId::WeightedAbsolutePercentageError => self.weighted_percentage(id),
            MetricId::SymmetricPercentageError => sample.mean_metric(id, (0.0, 2.0), |row| self.symmetric(row)),
            MetricId::RootMeanSquaredLogError => self.log_error(id),
            MetricId::PoissonDeviance => self.poisson(id),
            MetricId::GammaDeviance => self.gamma(id),
            MetricId::NormalizedGini => normalized_gini(sample, self.rows.actual, self.rows.predicted),
            MetricId::IntervalCoverage => self.coverage(id),
            MetricId::IntervalWidth => self.width(id),
            MetricId::PinballLoss => self.pinball(id),
            _ => Metric::without(id, MetricStatus::Undefined, sample.n, "not a metric of regression"),
        }
    }

    /// √(mean of squares). Its standard error is that of the mean over twice the root (delta method).
    fn root_mean_square(&self, id: MetricId, error: impl Fn(usize) -> f64) -> Metric {
        let sample = &self.sample;
        // In units of about the largest error, so that no square leaves the range of numbers.
        let unit = power_of_two(sample.largest(|row| error(row).abs()));
        let square = |row: usize| (error(row) / unit) * (error(row) / unit);
        let mean = sample.mean(square);
        let root = mean.sqrt();
        let standard_error =
            sample.standard_error(|row| square(row) - mean, sample.total).map(|of_mean| match root > 0.0 {
                true => unit * (of_mean / (2.0 * root)),
                false => 0.0,
            });
        sample.metric(id, unit * root, standard_error, NOT_NEGATIVE, "delta")
    }

    /// R² = 1 − Σ w(a − p)² / Σ w(a − mean)². As that is least at the mean, the mean's own error does not count to
    /// first order, and the residuals are those of a ratio.
    fn r_squared(&self, id: MetricId) -> Metric {
        let sample = &self.sample;
        if sample.is_constant(|row| self.actual(row)) {
            return self.undefined(id, CONSTANT);
        }
        let mean = sample.mean(|row| self.actual(row));
        // The mean is rounded; what it leaves is removed as well.
        let rest = sample.mean(|row| self.actual(row) - mean);
        let deviation = |row: usize| (self.actual(row) - mean) - rest;
        let unit = power_of_two(sample.largest(|row| self.distance(row).max(deviation(row).abs())));
        let square = |value: f64| (value / unit) * (value / unit);
        let total = sample.sum(|row| square(deviation(row)));
        let unexplained = sample.sum(|row| square(self.error(row))) / total;
        let error = sample.standard_error(|row| square(self.error(row)) - unexplained * square(deviation(row)), total);
        sample.metric(id, 1.0 - unexplained, error, (f64::NEG_INFINITY, 1.0), "linearisation")
    }

    /// Mean of |error| / |actual|; undefined if an actual value is 0.
    fn percentage(&self, id: MetricId) -> Metric {
        let zeros = self.sample.count(|row| self.actual(row) == 0.0);
        if zeros > 0 {
            return self.undefined(id, format!("{zeros} of {} actual values are 0", self.sample.n));
        }
        self.sample.mean_metric(id, NOT_NEGATIVE, |row| self.distance(row) / self.size(row))
    }

    /// Σ w|error| / Σ w|actual|.
    fn weighted_percentage(&self, id: MetricId) -> Metric {
        if self.sample.count(|row| self.actual(row) != 0.0) == 0 {
            return self.undefined(id, ALL_ZERO);
        }
        self.sample.ratio_metric(id, |row| self.distance(row), |row| self.size(row))
    }

    /// 2|error| / (|actual| + |predicted|), between 0 and 2 ("200 % form"). It is 0 where both are 0: there is no
    /// error.
    fn symmetric(&self, row: usize) -> f64 {
        let (distance, sizes) = (self.distance(row), self.size(row) + self.predicted(row).abs());
        if distance == 0.0 {
            0.0
        } else if sizes.is_finite() {
            2.0 * (distance / sizes)
        } else {
            f64::NAN
        }
    }

    /// Root mean square of ln(1 + predicted) − ln(1 + actual); undefined if a value is −1 or below.
    fn log_error(&self, id: MetricId) -> Metric {
        let outside = |row: usize| self.actual(row) <= -1.0 || self.predicted(row) <= -1.0;
        self.in_domain(id, outside, "an actual or predicted value of −1 or below").unwrap_or_else(|| {
            self.root_mean_square(id, |row| deviance::log_error(self.actual(row), self.predicted(row)))
        })
    }

    fn poisson(&self, id: MetricId) -> Metric {
        let outside = |row: usize| self.actual(row) < 0.0 || self.predicted(row) <= 0.0;
        self.in_domain(id, outside, "an actual value below 0 or a predicted one not above 0").unwrap_or_else(|| {
            let loss = |row: usize| deviance::poisson(self.actual(row), self.predicted(row));
            self.sample.mean_metric(id, NOT_NEGATIVE, loss)
        })
    }

    fn gamma(&self, id: MetricId) -> Metric {
        let outside = |row: usize| self.actual(row) <= 0.0 || self.predicted(row) <= 0.0;
        self.in_domain(id, outside, "an actual or predicted value not above 0").unwrap_or_else(|| {
            let loss = |row: usize| deviance::gamma(self.actual(row), self.predicted(row));
            self.sample.mean_metric(id, NOT_NEGATIVE, loss)
        })
    }

    /// The metric without a value, if a row is outside its domain.
    fn in_domain(&self, id: MetricId, outside: impl Fn(usize) -> bool, what: &str) -> Option<Metric> {
        let rows = self.sample.count(outside);
        (rows > 0).then(|| self.undefined(id, format!("{rows} of {} rows have {what}", self.sample.n)))
    }

    /// The predicted interval, unless it is not declared or its ends are the wrong way round in some row.
    fn ends(&self) -> Result<(&'a [f64], &'a [f64]), String> {
        let (Some(lower), Some(upper)) = (self.rows.lower, self.rows.upper) else {
            return Err(NO_INTERVAL.to_owned());
        };
        match self.sample.count(|row| at(lower, row) > at(upper, row)) {
            0 => Ok((lower, upper)),
            crossed => Err(format!("{crossed} of {} rows have a lower end above the upper one", self.sample.n)),
        }
    }

    /// Share of rows with lower ≤ actual ≤ upper.
    fn coverage(&self, id: MetricId) -> Metric {
        let (lower, upper) = match self.ends() {
            Ok(ends) => ends,
            Err(reason) => return self.undefined(id, reason),
        };
        let sample = &self.sample;
        let covered = |row: usize| at(lower, row) <= self.actual(row) && self.actual(row) <= at(upper, row);
        let count = sample.count(covered);
        let numerator = (!sample.is_weighted()).then_some(count);
        if sample.is_simple() {
            let interval = interval::wilson(count, sample.n).ok_or_else(|| NO_VARIANCE.to_owned());
            return Metric { numerator, ..Metric::of(id, count as f64 / sample.n as f64, sample.n, interval) };
        }
        let indicator = |row: usize| f64::from(u8::from(covered(row)));
        let share = sample.mean(indicator);
        let method = sample.method(if sample.is_weighted() { "wilson-effective" } else { "wilson" });
        let interval = sample
            .standard_error(|row| indicator(row) - share, sample.total)
            .and_then(|error| interval::wilson_effective(share, error, &method).ok_or_else(|| NO_VARIANCE.to_owned()));
        Metric { numerator, ..Metric::of(id, share, sample.n, interval) }
    }

    /// Mean of upper less lower end.
    fn width(&self, id: MetricId) -> Metric {
        match self.ends() {
            Ok((lower, upper)) => self.sample.mean_metric(id, NOT_NEGATIVE, |row| at(upper, row) - at(lower, row)),
            Err(reason) => self.undefined(id, reason),
        }
    }

    /// The quantiles in the order of their levels, each with its share of the interval of levels: those that are
    /// nearer to it than to any other. None are empty.
    pub(crate) fn quantiles(&self) -> Result<Vec<Quantile<'a>>, String> {
        let mut quantiles = self.rows.quantiles.to_vec();
        if quantiles.is_empty() {
            return Err(NO_QUANTILES.to_owned());
        }
        if let Some((level, _)) = quantiles.iter().find(|(level, _)| !(*level > 0.0 && *level < 1.0)) {
            return Err(format!("the quantile level {level} is not between 0 and 1"));
        }
        quantiles.sort_by(|left, right| left.0.total_cmp(&right.0));
        let levels: Vec<f64> = quantiles.iter().map(|(level, _)| *level).collect();
        if let Some(pair) = levels.windows(2).find(|pair| pair.first() == pair.last()) {
            return Err(format!("the quantile level {} is declared twice", pair.first().copied().unwrap_or(f64::NAN)));
        }
        let middles = levels.iter().zip(levels.iter().skip(1)).map(|(left, right)| f64::midpoint(*left, *right));
        let ends: Vec<f64> = std::iter::once(0.0).chain(middles).chain(std::iter::once(1.0)).collect();
        let shares = ends.iter().zip(ends.iter().skip(1)).map(|(left, right)| right - left);
        let quantiles = quantiles.iter().zip(shares);
        Ok(quantiles.map(|(&(level, values), share)| Quantile { level, values, share }).collect())
    }

    /// The row's quantile loss, averaged over the quantiles.
    pub(crate) fn mean_quantile_loss(&self, quantiles: &[Quantile<'_>], row: usize) -> f64 {
        let losses = quantiles.iter().map(|quantile| quantile.loss(row, self.actual(row)));
        losses.sum::<f64>() / quantiles.len() as f64
    }

    /// The row's quantile loss, integrated over the levels.
    pub(crate) fn integrated_quantile_loss(&self, quantiles: &[Quantile<'_>], row: usize) -> f64 {
        quantiles.iter().map(|quantile| quantile.share * quantile.loss(row, self.actual(row))).sum()
    }

    fn pinball(&self, id: MetricId) -> Metric {
        match self.quantiles() {
            Ok(quantiles) => self.sample.mean_metric(id, NOT_NEGATIVE, |row| self.mean_quantile_loss(&quantiles, row)),
            Err(reason) => self.undefined(id, reason),
        }
    }
}

/// A predicted quantile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quantile<'a> {
    level: f64,
    values: &'a [f64],
    /// Its share of the levels between 0 and 1.
    share: f64,
}

impl Quantile<'_> {
    /// Quantile (pinball) loss: level · (a − q) if the actual value is above, (1 − level) · (q − a) if it is below.
    fn loss(&self, row: usize, actual: f64) -> f64 {
        let difference = actual - at(self.values, row);
        if difference >= 0.0 { self.level * difference } else { (self.level - 1.0) * difference }
    }
}

/// What makes the rows no table of numbers, if anything does.
fn fault(rows: &RegressionRows<'_>) -> Option<String> {
    let len = rows.actual.len();
    let columns = [Some(rows.actual), Some(rows.predicted), rows.weight, rows.lower, rows.upper];
    let columns = || columns.iter().flatten().copied().chain(rows.quantiles.iter().map(|(_, values)| *values));
    if columns().any(|column| column.len() != len) || rows.cluster.is_some_and(|cluster| cluster.len() != len) {
        return Some("the columns differ in length".to_owned());
    }
    if columns().any(|column| column.iter().any(|value| !value.is_finite())) {
        return Some("a value is not a finite number".to_owned());
    }
    let negative = rows.weight.is_some_and(|weight| weight.iter().any(|weight| *weight < 0.0));
    negative.then(|| "a weight is negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows<'a>(actual: &'a [f64], predicted: &'a [f64]) -> RegressionRows<'a> {
        RegressionRows { actual, predicted, ..RegressionRows::default() }
    }

    fn get(rows: &RegressionRows<'_>, id: MetricId) -> Metric {
        metrics(rows).get(id).unwrap().clone()
    }

    #[track_caller]
    fn assert_value(rows: &RegressionRows<'_>, id: MetricId, expected: f64, tolerance: f64) {
        let metric = get(rows, id);
        assert!((metric.value.unwrap() - expected).abs() <= tolerance, "{metric:?}, expected {expected}");
    }

    #[track_caller]
    fn assert_undefined(rows: &RegressionRows<'_>, id: MetricId, reason: &str) {
        let metric = get(rows, id);
        assert_eq!((metric.status, metric.value, metric.interval), (MetricStatus::Undefined, None, None));
        assert_eq!(metric.reason.unwrap(), reason);
    }

    #[test]
    fn the_examples_of_scikit_learn() {
        // The docstrings of sklearn.metrics 1.9.
        let usual = rows(&[3.0, -0.5, 2.0, 7.0], &[2.5, 0.0, 2.0, 8.0]);
        assert_value(&usual, MetricId::MeanAbsoluteError, 0.5, 0.0);
        assert_value(&usual, MetricId::MedianAbsoluteError, 0.5, 0.0);
        assert_value(&usual, MetricId::RootMeanSquaredError, 0.612, 5e-4);
        assert_value(&usual, MetricId::RSquared, 0.948, 1e-3);
        assert_value(&usual, MetricId::MeanAbsolutePercentageError, 0.3273, 1e-4);
        assert_value(
            &rows(&[3.0, 5.0, 2.5, 7.0], &[2.5, 5.0, 4.0, 8.0]),
            MetricId::RootMeanSquaredLogError,
            0.199,
            1e-3,
        );
        let counts = rows(&[2.0, 0.0, 1.0, 4.0], &[0.5, 0.5, 2.0, 2.0]);
        assert_value(&counts, MetricId::PoissonDeviance, 1.4260, 5e-5);
        let positive = rows(&[2.0, 0.5, 1.0, 4.0], &[0.5, 0.5, 2.0, 2.0]);
        assert_value(&positive, MetricId::GammaDeviance, 1.0568, 1e-4);
        let quantile = |level| {
            let quantiles: [(f64, &[f64]); 1] = [(level, &[0.0, 2.0, 3.0])];
            let actual = [1.0, 2.0, 3.0];
            get(&RegressionRows { quantiles: &quantiles, ..rows(&actual, &actual) }, MetricId::PinballLoss)
                .value
                .unwrap()
        };
        assert!((quantile(0.1) - 0.1 / 3.0).abs() < 1e-16 && (quantile(0.9) - 0.3).abs() < 1e-16);
    }

    #[test]
    fn by_hand() {
        let usual = rows(&[3.0, -0.5, 2.0, 7.0], &[2.5, 0.0, 2.0, 8.0]);
        assert_value(&usual, MetricId::ActualMean, 2.875, 0.0);
        assert_value(&usual, MetricId::PredictedMean, 3.125, 0.0);
        assert_value(&usual, MetricId::MeanError, 0.25, 0.0);
        assert_value(&usual, MetricId::WeightedAbsolutePercentageError, 2.0 / 12.5, 1e-16);
        assert_value(&usual, MetricId::SymmetricPercentageError, 2.0 * (0.5 / 5.5 + 1.0 + 1.0 / 15.0) / 4.0, 1e-15);
        // The errors −½, ½, 0, 1 have s² = ⅓·(0.75² + 0.25² + 0.25² + 0.75²) = 5/12.
        let interval = get(&usual, MetricId::MeanError).interval.unwrap();
        let half = interval::Z * (5.0_f64 / 48.0).sqrt();
        assert!((interval.high - 0.25 - half).abs() < 1e-15 && (interval.low - 0.25 + half).abs() < 1e-15);
        assert_eq!(interval.method, "clt");
        // The squares ¼, ¼, 0, 1 have the mean ⅜ and s² = ⅓·(1/64 + 1/64 + 9/64 + 25/64) = 3/16.
        let root = get(&usual, MetricId::RootMeanSquaredError).interval.unwrap();
        let half = interval::Z * (3.0_f64 / 64.0).sqrt() / (2.0 * 0.375_f64.sqrt());
        assert!((root.high - 0.375_f64.sqrt() - half).abs() < 1e-15);
        assert_eq!(root.method, "delta");
    }

    #[test]
    fn what_has_no_answer_is_undefined() {
        let zero = rows(&[0.0, 1.0, 0.0], &[1.0, 1.0, 1.0]);
        assert_undefined(&zero, MetricId::MeanAbsolutePercentageError, "2 of 3 actual values are 0");
        assert_undefined(&rows(&[0.0; 2], &[1.0; 2]), MetricId::WeightedAbsolutePercentageError, ALL_ZERO);
        // scikit-learn says 1 here, and 0 where the prediction is off.
        assert_undefined(&rows(&[4.0; 3], &[4.0; 3]), MetricId::RSquared, CONSTANT);
        assert_undefined(&rows(&[4.0], &[3.0]), MetricId::RSquared, CONSTANT);
        assert_undefined(&rows(&[4.0; 3], &[4.0; 3]), MetricId::NormalizedGini, CONSTANT);
        let negative = rows(&[-1.0, 2.0, -0.5], &[1.0, 0.0, 0.5]);
        let below = "1 of 3 rows have an actual or predicted value of −1 or below";
        assert_undefined(&negative, MetricId::RootMeanSquaredLogError, below);
        let poisson = "3 of 3 rows have an actual value below 0 or a predicted one not above 0";
        assert_undefined(&negative, MetricId::PoissonDeviance, poisson);
        assert_undefined(&zero, MetricId::GammaDeviance, "2 of 3 rows have an actual or predicted value not above 0");
        assert_undefined(&zero, MetricId::IntervalCoverage, NO_INTERVAL);
        assert_undefined(&zero, MetricId::IntervalWidth, NO_INTERVAL);
        assert_undefined(&zero, MetricId::PinballLoss, NO_QUANTILES);
        let values: &[f64] = &[1.0; 3];
        let (beyond, twice) = ([(1.0, values)], [(0.5, values), (0.1, values), (0.5, values)]);
        let of = |quantiles| get(&RegressionRows { quantiles, ..zero }, MetricId::PinballLoss).reason.unwrap();
        assert_eq!(of(&beyond), "the quantile level 1 is not between 0 and 1");
        assert_eq!(of(&twice), "the quantile level 0.5 is declared twice");
    }

    #[test]
    fn no_rows_and_no_numbers() {
        for nothing in [rows(&[], &[]), RegressionRows { weight: Some(&[0.0]), ..rows(&[1.0], &[2.0]) }] {
            for id in IDS {
                assert_undefined(&nothing, id, NO_ROWS);
            }
        }
        let faults = [
            rows(&[1.0, f64::NAN], &[1.0, 2.0]),
            rows(&[1.0, 2.0], &[1.0]),
            RegressionRows { weight: Some(&[1.0, -1.0]), ..rows(&[1.0, 2.0], &[1.0, 2.0]) },
            RegressionRows { cluster: Some(&[1]), ..rows(&[1.0, 2.0], &[1.0, 2.0]) },
        ];
        for fault in faults {
            assert!(
                metrics(&fault).0.values().all(|metric| metric.status == MetricStatus::Error && metric.value.is_none())
            );
        }
    }

    #[test]
    fn one_row_has_values_and_no_intervals() {
        let metrics = metrics(&rows(&[2.0], &[3.0]));
        assert_eq!(metrics.get(MetricId::RootMeanSquaredError).unwrap().value, Some(1.0));
        assert!(metrics.0.values().all(|metric| metric.interval.is_none() && metric.reason.is_some()));
    }

    #[test]
    fn the_ends_of_the_range_of_numbers() {
        let large = rows(&[1e200, 3e200], &[2e200, 2e200]);
        assert_value(&large, MetricId::RootMeanSquaredError, 1e200, 1e185);
        assert_value(&large, MetricId::RSquared, 0.0, 1e-15);
        let small = rows(&[1e-200, 3e-200], &[2e-200, 2e-200]);
        assert_value(&small, MetricId::RootMeanSquaredError, 1e-200, 1e-215);
        let beyond = rows(&[f64::MAX, 1.0], &[-f64::MAX, 1.0]);
        for id in [
            MetricId::MeanAbsoluteError,
            MetricId::RootMeanSquaredError,
            MetricId::RSquared,
            MetricId::MedianAbsoluteError,
        ] {
            assert_eq!(get(&beyond, id).status, MetricStatus::Error, "{id:?}");
        }
        // The sum of the sizes leaves the range: to divide by it would say 0.
        let sizes = rows(&[1.7e308], &[1.0e308]);
        assert_eq!(get(&sizes, MetricId::SymmetricPercentageError).status, MetricStatus::Error);
    }

    #[test]
    fn perfect_predictions_have_no_error_and_no_variance() {
        let actual = [0.1, 0.2, 0.3, 5.0, 7.0, 9.0];
        let perfect = rows(&actual, &actual);
        for id in [
            MetricId::MeanAbsoluteError,
            MetricId::RootMeanSquaredError,
            MetricId::PoissonDeviance,
            MetricId::GammaDeviance,
        ] {
            let metric = get(&perfect, id);
            assert_eq!((metric.value, metric.interval), (Some(0.0), None), "{id:?}");
            assert_eq!(metric.reason.unwrap(), NO_VARIANCE);
        }
        assert_value(&perfect, MetricId::RSquared, 1.0, 0.0);
        // Order statistics need no variance: six of six errors are 0.
        assert!(get(&perfect, MetricId::MedianAbsoluteError).interval.is_some());
    }

    #[test]
    fn a_constant_error_has_no_variance_in_spite_of_rounding() {
        let metric = get(&rows(&[0.0; 7], &[0.1; 7]), MetricId::MeanAbsoluteError);
        assert_eq!((metric.interval, metric.reason.as_deref()), (None, Some(NO_VARIANCE)));
    }

    #[test]
    fn coverage_counts_both_ends_and_refuses_crossed_ones() {
        let (actual, lower, upper) = ([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 4.0, 0.0], [1.0, 2.0, 5.0, 3.0]);
        let declared = RegressionRows { lower: Some(&lower), upper: Some(&upper), ..rows(&actual, &actual) };
        let coverage = get(&declared, MetricId::IntervalCoverage);
        assert_eq!((coverage.value, coverage.numerator, coverage.n), (Some(0.5), Some(2), 4));
        assert_eq!(coverage.interval.unwrap().method, "wilson");
        assert_value(&declared, MetricId::IntervalWidth, 1.25, 0.0);
        let weighted = RegressionRows { weight: Some(&[2.0, 0.0, 1.0, 1.0]), ..declared };
        let coverage = get(&weighted, MetricId::IntervalCoverage);
        assert_eq!((coverage.value, coverage.numerator, coverage.n), (Some(0.5), None, 3));
        assert_eq!(coverage.interval.unwrap().method, "wilson-effective");
        let crossed = RegressionRows { lower: Some(&upper), upper: Some(&lower), ..declared };
        assert_undefined(&crossed, MetricId::IntervalCoverage, "3 of 4 rows have a lower end above the upper one");
        assert_undefined(&RegressionRows { upper: None, ..declared }, MetricId::IntervalWidth, NO_INTERVAL);
    }

    #[test]
    fn one_cluster_has_no_interval() {
        let actual = [1.0, 2.0, 4.0, 7.0, 3.0, 5.0, 6.0];
        let clustered = RegressionRows { cluster: Some(&[5; 7]), ..rows(&actual, &[3.0; 7]) };
        let metrics = metrics(&clustered);
        assert!(metrics.0.values().all(|metric| metric.interval.is_none() && metric.reason.is_some()));
        assert_eq!(
            metrics.get(MetricId::MeanAbsoluteError).unwrap().reason.as_deref(),
            Some("all rows are of one cluster")
        );
    }

    #[test]
    fn the_order_of_quantiles_is_of_no_consequence() {
        let (actual, low, high) = ([1.0, 5.0, 2.0], [0.3, 0.1, 0.7], [3.1, 4.0, 2.2]);
        let of = |quantiles| get(&RegressionRows { quantiles, ..rows(&actual, &actual) }, MetricId::PinballLoss);
        assert_eq!(of(&[(0.1, &low), (0.7, &high)]), of(&[(0.7, &high), (0.1, &low)]));
    }

    /// Columns that a property is tested on.
    #[derive(Debug, Clone)]
    struct Columns {
        actual: Vec<f64>,
        predicted: Vec<f64>,
        weight: Vec<f64>,
        cluster: Vec<u64>,
        lower: Vec<f64>,
        upper: Vec<f64>,
    }

    impl Columns {
        fn pick(&self, order: &[usize]) -> Self {
            let pick = |column: &[f64]| order.iter().map(|row| column[*row]).collect::<Vec<f64>>();
            Self {
                actual: pick(&self.actual),
                predicted: pick(&self.predicted),
                weight: pick(&self.weight),
                cluster: order.iter().map(|row| self.cluster[*row]).collect(),
                lower: pick(&self.lower),
                upper: pick(&self.upper),
            }
        }

        fn metrics(&self, weighted: bool, clustered: bool) -> Metrics {
            let quantiles: [(f64, &[f64]); 2] = [(0.2, &self.lower), (0.9, &self.upper)];
            metrics(&RegressionRows {
                actual: &self.actual,
                predicted: &self.predicted,
                weight: weighted.then_some(&self.weight),
                cluster: clustered.then_some(&self.cluster),
                lower: Some(&self.lower),
                upper: Some(&self.upper),
                quantiles: &quantiles,
            })
        }
    }

    /// Few distinct numbers, so that there are ties, zeros and negatives, and some of any size.
    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![(-3_i8..12).prop_map(|number| f64::from(number) / 3.0), 0.01..1e3_f64, -1e12..1e12_f64, Just(-0.0)]
    }

    fn columns() -> impl Strategy<Value = Columns> {
        let row = (number(), number(), 0_u8..4, 0_u64..5, number(), 0.0..9.0_f64);
        prop::collection::vec(row, 1..40).prop_map(|rows| Columns {
            actual: rows.iter().map(|row| row.0).collect(),
            predicted: rows.iter().map(|row| row.1).collect(),
            weight: rows.iter().map(|row| f64::from(row.2)).collect(),
            cluster: rows.iter().map(|row| row.3).collect(),
            lower: rows.iter().map(|row| row.4).collect(),
            upper: rows.iter().map(|row| row.4 + row.5).collect(),
        })
    }

    /// Everything there is; `Debug` writes a number so that its bits can be read back.
    fn bits(metrics: &Metrics) -> String {
        format!("{metrics:?}")
    }

    proptest! {
        #[test]
        fn the_order_of_rows_is_of_no_consequence(
            (columns, order) in columns().prop_flat_map(|columns| {
                let order: Vec<usize> = (0..columns.actual.len()).collect();
                (Just(columns), Just(order).prop_shuffle())
            }),
            weighted: bool,
            clustered: bool,
        ) {
            let (before, after) = (columns.metrics(weighted, clustered), columns.pick(&order).metrics(weighted, clustered));
            prop_assert_eq!(bits(&before), bits(&after));
        }

        #[test]
        fn a_weight_is_as_many_rows(columns in columns()) {
            let copies: Vec<usize> =
                (0..columns.actual.len()).flat_map(|row| vec![row; columns.weight[row] as usize]).collect();
            let (weighted, repeated) = (columns.metrics(true, false), columns.pick(&copies).metrics(false, false));
            for id in IDS {
                let (left, right) = (weighted.get(id).unwrap(), repeated.get(id).unwrap());
                prop_assert_eq!(left.status, right.status);
                let difference = left.value.unwrap_or(0.0) - right.value.unwrap_or(0.0);
                // What is a difference may be small against its parts.
                let scale = match id {
                    MetricId::ActualMean | MetricId::PredictedMean | MetricId::MeanError => 1e12,
                    MetricId::RSquared | MetricId::NormalizedGini => left.value.unwrap_or(0.0).abs().max(1.0),
                    _ => left.value.unwrap_or(0.0).abs(),
                };
                prop_assert!(difference.abs() <= 1e-12 * scale, "{id:?}: {left:?} {right:?}");
            }
        }

        #[test]
        fn a_row_of_weight_zero_is_not_there(columns in columns(), clustered: bool) {
            let counted: Vec<usize> = (0..columns.actual.len()).filter(|row| columns.weight[*row] > 0.0).collect();
            prop_assert_eq!(columns.metrics(true, clustered), columns.pick(&counted).metrics(true, clustered));
        }

        #[test]
        fn the_unit_of_weights_is_of_no_consequence(columns in columns(), power in -900_i32..900, clustered: bool) {
            let mut scaled = columns.clone();
            scaled.weight.iter_mut().for_each(|weight| *weight = libm::ldexp(*weight, power));
            prop_assert_eq!(bits(&columns.metrics(true, clustered)), bits(&scaled.metrics(true, clustered)));
        }

        #[test]
        fn the_unit_of_values_is_of_no_consequence(columns in columns(), power in -200_i32..200, clustered: bool) {
            let mut scaled = columns.clone();
            let in_unit = |column: &mut Vec<f64>| column.iter_mut().for_each(|value| *value = libm::ldexp(*value, power));
            [&mut scaled.actual, &mut scaled.predicted, &mut scaled.lower, &mut scaled.upper].into_iter().for_each(in_unit);
            let (before, after) = (columns.metrics(false, clustered), scaled.metrics(false, clustered));
            let same = [
                MetricId::RSquared, MetricId::NormalizedGini, MetricId::IntervalCoverage, MetricId::SymmetricPercentageError,
                MetricId::WeightedAbsolutePercentageError, MetricId::MeanAbsolutePercentageError,
            ];
            for id in same {
                prop_assert_eq!(before.get(id), after.get(id));
            }
            let of_unit = [
                MetricId::MeanAbsoluteError, MetricId::RootMeanSquaredError, MetricId::MedianAbsoluteError,
                MetricId::IntervalWidth, MetricId::PinballLoss,
            ];
            for id in of_unit {
                let value = |metrics: &Metrics| metrics.get(id).unwrap().value;
                prop_assert_eq!(value(&before).map(|value| libm::ldexp(value, power)), value(&after));
            }
        }

        #[test]
        fn a_cluster_of_its_own_for_each_row_changes_no_standard_error(mut columns in columns(), weighted: bool) {
            columns.cluster = (0..columns.actual.len() as u64).rev().collect();
            let (plain, clustered) = (columns.metrics(weighted, false), columns.metrics(weighted, true));
            for id in IDS {
                let ends = |metrics: &Metrics| metrics.get(id).unwrap().interval.as_ref().map(|interval| (interval.low, interval.high));
                // Without weights and clusters these two have exact intervals.
                let exact = !weighted && [MetricId::MedianAbsoluteError, MetricId::IntervalCoverage].contains(&id);
                prop_assert!(exact || ends(&plain) == ends(&clustered), "{id:?}");
                prop_assert_eq!(plain.get(id).unwrap().value, clustered.get(id).unwrap().value);
            }
        }

        #[test]
        fn nothing_panics_and_a_value_is_a_number_inside_its_interval(
            actual in prop::collection::vec(any::<f64>(), 0..12),
            predicted in prop::collection::vec(any::<f64>(), 0..12),
            weight in prop::collection::vec(any::<f64>(), 0..12),
            finite: bool,
        ) {
            let len = if finite { actual.len().min(predicted.len()).min(weight.len()) } else { usize::MAX };
            let tidy = |column: Vec<f64>| -> Vec<f64> {
                let tidy = |value: f64| if finite && !value.is_finite() { 1.0 } else { value };
                column.into_iter().take(len).map(tidy).collect()
            };
            let (actual, predicted, weight) = (tidy(actual), tidy(predicted), tidy(weight));
            let weight: Vec<f64> = weight.into_iter().map(f64::abs).collect();
            let quantiles: [(f64, &[f64]); 1] = [(0.5, &predicted)];
            let rows = RegressionRows {
                weight: Some(&weight), lower: Some(&predicted), upper: Some(&actual), quantiles: &quantiles, ..rows(&actual, &predicted)
            };
            for (id, metric) in metrics(&rows).0 {
                prop_assert_eq!(metric.value.is_some(), metric.status == MetricStatus::Ok);
                prop_assert_eq!(metric.reason.is_some(), metric.interval.is_none(), "{:?}", id);
                if let (Some(value), Some(interval)) = (metric.value, metric.interval) {
                    prop_assert!(value.is_finite() && interval.low <= value && value <= interval.high, "{id:?} {value} {interval:?}");
                }
            }
        }
    }
}
