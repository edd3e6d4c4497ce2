//! Forecasts of several time series: the metrics of regression with the series as clusters, and those that are
//! scaled by each series' history or use the whole predicted distribution.

use std::collections::BTreeMap;

use super::super::metric::{Metric, MetricId, MetricStatus, Metrics};
use super::super::sample::{NOT_NEGATIVE, Sample, at, power_of_two};
use super::{ALL_ZERO, RegressionRows, Table};

const NO_SCALE: &str = "no scale from the series' history is declared";

/// Columns of equal length: one entry for each series and time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ForecastRows<'a> {
    /// Actual values and forecasts. Its `cluster` is not read: the series are the clusters.
    pub(crate) rows: RegressionRows<'a>,
    /// Series of the row.
    pub(crate) series: &'a [u64],
    /// Steps from the origin of the forecast to the time of the row.
    pub(crate) horizon: Option<&'a [u64]>,
    /// Mean absolute error of the seasonal naive forecast in the history of the row's series.
    pub(crate) scale_absolute: Option<&'a [f64]>,
    /// Mean squared error of the seasonal naive forecast in the history of the row's series.
    pub(crate) scale_squared: Option<&'a [f64]>,
}

/// The metrics that regression does not have.
const IDS: [MetricId; 4] = [
    MetricId::MeanAbsoluteScaledError,
    MetricId::RootMeanSquaredScaledError,
    MetricId::WeightedQuantileLoss,
    MetricId::ContinuousRankedProbability,
];

/// Every metric over all rows, those of regression among them. Standard errors treat each series as one cluster.
pub(crate) fn metrics(rows: &ForecastRows<'_>) -> Metrics {
    let of_series = RegressionRows { cluster: Some(rows.series), ..rows.rows };
    let mut metrics = super::metrics(&of_series);
    let table = Table::new(&of_series).and_then(|table| match fault(rows) {
        Some(fault) => Err((MetricStatus::Error, fault)),
        None => Ok(table),
    });
    metrics.0.extend(IDS.map(|id| {
        let metric = match &table {
            Ok(table) => metric(id, table, rows),
            Err((status, reason)) => Metric::without(id, *status, 0, reason.as_str()),
        };
        (id, metric)
    }));
    metrics
}

fn fault(rows: &ForecastRows<'_>) -> Option<String> {
    let len = rows.series.len();
    let scales = || [rows.scale_absolute, rows.scale_squared].into_iter().flatten();
    if scales().any(|scale| scale.len() != len) || rows.horizon.is_some_and(|horizon| horizon.len() != len) {
        return Some("the columns differ in length".to_owned());
    }
    let not_finite = scales().any(|scale| scale.iter().any(|value| !value.is_finite()));
    not_finite.then(|| "a scale is not a finite number".to_owned())
}

fn metric(id: MetricId, table: &Table<'_>, rows: &ForecastRows<'_>) -> Metric {
    match id {
        MetricId::MeanAbsoluteScaledError => scaled(id, table, rows.scale_absolute, |rows, scale| {
            table.sample.mean_over(rows, |row| table.distance(row) / scale)
        }),
        MetricId::RootMeanSquaredScaledError => scaled(id, table, rows.scale_squared, |rows, scale| {
            // In units of about the largest error, so that no square leaves the range of numbers.
            let unit = power_of_two(rows.iter().map(|row| table.distance(*row)).fold(0.0, f64::max));
            let square = |row| (table.error(row) / unit) * (table.error(row) / unit);
            table.sample.mean_over(rows, square).sqrt() * (unit / scale.sqrt())
        }),
        MetricId::WeightedQuantileLoss => weighted_quantile_loss(id, table),
        _ => continuous_ranked_probability(id, table),
    }
}

/// Mean over the series of `of_series`, which is given a series' rows and its scale (Hyndman and Koehler,
/// International Journal of Forecasting 22, 2006). Every series counts the same; weights are those of rows within
/// one. `n` is the number of series, and they are the sample of the interval.
///
/// Undefined if a series has a scale of 0, as a constant history has, or more than one scale.
fn scaled(id: MetricId, table: &Table<'_>, scale: Option<&[f64]>, of_series: impl Fn(&[usize], f64) -> f64) -> Metric {
    let n = table.sample.clusters().count() as u64;
    let Some(scale) = scale else {
        return Metric::without(id, MetricStatus::Undefined, n, NO_SCALE);
    };
    let first = |rows: &[usize]| rows.first().map_or(f64::NAN, |row| at(scale, *row));
    let count = |condition: &dyn Fn(&[usize]) -> bool| table.sample.clusters().filter(|rows| condition(rows)).count();
    let several = count(&|rows| rows.iter().any(|row| at(scale, *row) != first(rows)));
    if several > 0 {
        return Metric::without(id, MetricStatus::Undefined, n, format!("{several} of {n} series have several scales"));
    }
    let not_positive = count(&|rows| first(rows) <= 0.0);
    if not_positive > 0 {
        let reason = format!("{not_positive} of {n} series have a scale that is not above 0");
        return Metric::without(id, MetricStatus::Undefined, n, reason);
    }
    let values: Vec<f64> = table.sample.clusters().map(|rows| of_series(rows, first(rows))).collect();
    let series: Vec<u64> = (0..n).collect();
    let metric = Sample::new(values.len(), None, Some(&series)).mean_metric(id, NOT_NEGATIVE, |row| at(&values, row));
    Metric { n, ..metric }
}

/// Mean over the levels of 2 Σ w·quantile loss / Σ w|actual|.
fn weighted_quantile_loss(id: MetricId, table: &Table<'_>) -> Metric {
    let quantiles = match table.quantiles() {
        Ok(quantiles) => quantiles,
        Err(reason) => return table.undefined(id, reason),
    };
    if table.sample.count(|row| table.size(row) != 0.0) == 0 {
        return table.undefined(id, ALL_ZERO);
    }
    table.sample.ratio_metric(id, |row| 2.0 * table.mean_quantile_loss(&quantiles, row), |row| table.size(row))
}

/// Mean of twice the integral of the quantile loss over the levels 0 to 1 (Gneiting and Ranjan, Journal of Business
/// and Economic Statistics 29, 2011), in the unit of the actual values.
///
/// It is an approximation: a level that is not declared is taken to have the loss of the nearest one that is. Levels
/// at (k − ½)/K count the same, and the median alone gives the absolute error.
fn continuous_ranked_probability(id: MetricId, table: &Table<'_>) -> Metric {
    match table.quantiles() {
        Ok(quantiles) => {
            table.sample.mean_metric(id, NOT_NEGATIVE, |row| 2.0 * table.integrated_quantile_loss(&quantiles, row))
        }
        Err(reason) => table.undefined(id, reason),
    }
}

/// The metrics of each horizon, in ascending order; none where horizons are not declared or do not match the rows.
pub(crate) fn by_horizon(rows: &ForecastRows<'_>) -> Vec<(u64, Metrics)> {
    let Some(horizons) = rows.horizon.filter(|horizon| horizon.len() == rows.rows.actual.len()) else {
        return Vec::new();
    };
    let mut groups: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (row, horizon) in horizons.iter().enumerate() {
        groups.entry(*horizon).or_default().push(row);
    }
    groups.into_iter().map(|(horizon, group)| (horizon, of_group(rows, &group))).collect()
}

/// The metrics of some of the rows.
fn of_group(all: &ForecastRows<'_>, group: &[usize]) -> Metrics {
    // A row that a column does not have is left out, so that the lengths differ and the metrics say so.
    fn some<T: Copy>(column: &[T], group: &[usize]) -> Vec<T> {
        group.iter().filter_map(|row| column.get(*row)).copied().collect()
    }
    let optional = |column: Option<&[f64]>| column.map(|column| some(column, group));
    let (actual, predicted) = (some(all.rows.actual, group), some(all.rows.predicted, group));
    let (weight, lower, upper) = (optional(all.rows.weight), optional(all.rows.lower), optional(all.rows.upper));
    let quantiles: Vec<(f64, Vec<f64>)> =
        all.rows.quantiles.iter().map(|(level, values)| (*level, some(values, group))).collect();
    let quantiles: Vec<(f64, &[f64])> = quantiles.iter().map(|(level, values)| (*level, values.as_slice())).collect();
    let (scale_absolute, scale_squared) = (optional(all.scale_absolute), optional(all.scale_squared));
    metrics(&ForecastRows {
        rows: RegressionRows {
            actual: &actual,
            predicted: &predicted,
            weight: weight.as_deref(),
            cluster: None,
            lower: lower.as_deref(),
            upper: upper.as_deref(),
            quantiles: &quantiles,
        },
        series: &some(all.series, group),
        horizon: None,
        scale_absolute: scale_absolute.as_deref(),
        scale_squared: scale_squared.as_deref(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use super::super::super::exact_sum::exact_sum;

    /// Mean absolute and mean squared error of the seasonal naive forecast, yₜ by yₜ₋ₛ, in a history in the order of time:
    /// the scales of MASE (Hyndman and Koehler, 2006) and RMSSE (Makridakis et al., International Journal of Forecasting
    /// 38, 2022). A season of 1 is the naive forecast. None if the history is not longer than the season, is not finite,
    /// or the errors leave the range of numbers.
    fn seasonal_naive_scale(history: &[f64], season: usize) -> Option<(f64, f64)> {
        let count = history.len().checked_sub(season).filter(|count| *count > 0 && season > 0)? as f64;
        if history.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let errors = || history.iter().skip(season).zip(history).map(|(later, earlier)| later - earlier);
        let absolute = exact_sum(errors().map(f64::abs)) / count;
        let squared = exact_sum(errors().map(|error| error * error)) / count;
        (absolute.is_finite() && squared.is_finite()).then_some((absolute, squared))
    }

    /// Australian beer production in megalitres, by quarter, 1992 to the second of 2010 (`ausbeer` of R's `fpp2`).
    const BEER: [f64; 74] = [
        443.0, 410.0, 420.0, 532.0, 433.0, 421.0, 410.0, 512.0, 449.0, 381.0, 423.0, 531.0, 426.0, 408.0, 416.0, 520.0,
        409.0, 398.0, 398.0, 507.0, 432.0, 398.0, 406.0, 526.0, 428.0, 397.0, 403.0, 517.0, 435.0, 383.0, 424.0, 521.0,
        421.0, 402.0, 414.0, 500.0, 451.0, 380.0, 416.0, 492.0, 428.0, 408.0, 406.0, 506.0, 435.0, 380.0, 421.0, 490.0,
        435.0, 390.0, 412.0, 454.0, 416.0, 403.0, 408.0, 482.0, 438.0, 386.0, 405.0, 491.0, 427.0, 383.0, 394.0, 473.0,
        420.0, 390.0, 410.0, 488.0, 415.0, 398.0, 419.0, 488.0, 414.0, 374.0,
    ];

    fn value(metrics: &Metrics, id: MetricId) -> f64 {
        metrics.get(id).unwrap().value.unwrap()
    }

    fn reason(metrics: &Metrics, id: MetricId) -> String {
        let metric = metrics.get(id).unwrap();
        assert_eq!((metric.status, metric.value), (MetricStatus::Undefined, None));
        metric.reason.clone().unwrap()
    }

    #[test]
    fn the_published_accuracy_of_beer_forecasts() {
        // Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 2nd edition, section 3.4: RMSE, MAE, MAPE
        // and MASE of the mean, the naive and the seasonal naive forecast.
        let (history, actual) = BEER.split_at(64);
        let (scale, scale_squared) = seasonal_naive_scale(history, 4).unwrap();
        let mean = history.iter().sum::<f64>() / 64.0;
        let seasonal: Vec<f64> = history[60..].iter().copied().cycle().take(10).collect();
        let published = [
            (vec![mean; 10], [38.45, 34.83, 8.28, 2.44]),
            (vec![history[63]; 10], [62.69, 57.40, 14.18, 4.01]),
            (seasonal, [14.31, 13.40, 3.17, 0.94]),
        ];
        for (predicted, expected) in published {
            let metrics = metrics(&ForecastRows {
                rows: RegressionRows { actual, predicted: &predicted, ..RegressionRows::default() },
                series: &[1; 10],
                scale_absolute: Some(&[scale; 10]),
                scale_squared: Some(&[scale_squared; 10]),
                ..ForecastRows::default()
            });
            let values = [
                value(&metrics, MetricId::RootMeanSquaredError),
                value(&metrics, MetricId::MeanAbsoluteError),
                100.0 * value(&metrics, MetricId::MeanAbsolutePercentageError),
                value(&metrics, MetricId::MeanAbsoluteScaledError),
            ];
            for (value, expected) in values.into_iter().zip(expected) {
                assert!((value - expected).abs() < 0.005 + 1e-9, "{values:?}, expected {expected}");
            }
            // One series: a value, and nothing to tell its error by.
            assert!(metrics.0.values().all(|metric| metric.interval.is_none()));
            let root = value(&metrics, MetricId::RootMeanSquaredScaledError);
            assert!((root - values[0] / scale_squared.sqrt()).abs() < 1e-14);
        }
    }

    #[test]
    fn series_count_the_same_whatever_their_length() {
        // Series 1 has |errors| 1, 3 at scale 2; series 2 has 4 at scale 1: means 1 and 4.
        let rows = ForecastRows {
            rows: RegressionRows {
                actual: &[0.0, 0.0, 0.0],
                predicted: &[1.0, 4.0, -3.0],
                ..RegressionRows::default()
            },
            series: &[1, 2, 1],
            scale_absolute: Some(&[2.0, 1.0, 2.0]),
            scale_squared: Some(&[5.0, 4.0, 5.0]),
            horizon: Some(&[1, 1, 2]),
        };
        let all = metrics(&rows);
        let scaled = all.get(MetricId::MeanAbsoluteScaledError).unwrap();
        assert_eq!((scaled.value, scaled.n), (Some(2.5), 2));
        assert_eq!(scaled.interval.as_ref().unwrap().method, "clt-clustered");
        assert!((value(&all, MetricId::RootMeanSquaredScaledError) - 1.5).abs() < 1e-15);
        let horizons = by_horizon(&rows);
        assert_eq!(horizons.iter().map(|(horizon, _)| *horizon).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(value(&horizons[0].1, MetricId::MeanAbsoluteScaledError), (0.5 + 4.0) / 2.0);
        assert_eq!(value(&horizons[1].1, MetricId::MeanAbsoluteScaledError), 1.5);
        assert!(by_horizon(&ForecastRows { horizon: None, ..rows }).is_empty());
    }

    #[test]
    fn scales_that_scale_nothing() {
        let rows = ForecastRows {
            rows: RegressionRows { actual: &[0.0; 3], predicted: &[1.0; 3], ..RegressionRows::default() },
            series: &[1, 2, 1],
            scale_absolute: Some(&[0.0, 1.0, 0.0]),
            scale_squared: Some(&[1.0, 1.0, 2.0]),
            ..ForecastRows::default()
        };
        let all = metrics(&rows);
        let zero = "1 of 2 series have a scale that is not above 0";
        assert_eq!(reason(&all, MetricId::MeanAbsoluteScaledError), zero);
        assert_eq!(reason(&all, MetricId::RootMeanSquaredScaledError), "1 of 2 series have several scales");
        assert_eq!(reason(&all, MetricId::WeightedQuantileLoss), super::super::NO_QUANTILES);
        let none = metrics(&ForecastRows { scale_absolute: None, ..rows });
        assert_eq!(reason(&none, MetricId::MeanAbsoluteScaledError), NO_SCALE);
        let empty = metrics(&ForecastRows::default());
        assert_eq!(reason(&empty, MetricId::MeanAbsoluteScaledError), "there are no rows");
        let short = metrics(&ForecastRows { scale_absolute: Some(&[1.0]), ..rows });
        assert_eq!(short.get(MetricId::MeanAbsoluteScaledError).unwrap().status, MetricStatus::Error);
        assert_eq!(short.get(MetricId::MeanAbsoluteError).unwrap().status, MetricStatus::Ok);
        let without_series = metrics(&ForecastRows { series: &[], ..rows });
        assert!(without_series.0.values().all(|metric| metric.status == MetricStatus::Error));
    }

    #[test]
    fn losses_of_quantiles() {
        // Levels 0.1, 0.5 and 0.6 stand for 0–0.3, 0.3–0.55 and 0.55–1. Losses of the row: 0.9·1, 0.5·1 and 0.6·1.
        let quantiles: [(f64, &[f64]); 3] = [(0.6, &[4.0]), (0.1, &[6.0]), (0.5, &[4.0])];
        let rows = |quantiles| ForecastRows {
            rows: RegressionRows { actual: &[5.0], predicted: &[5.5], quantiles, ..RegressionRows::default() },
            series: &[1],
            ..ForecastRows::default()
        };
        let all = metrics(&rows(&quantiles));
        let crps = 2.0 * (0.3 * 0.9 + 0.25 * 0.5 + 0.45 * 0.6);
        assert!((value(&all, MetricId::ContinuousRankedProbability) - crps).abs() < 1e-15);
        assert!((value(&all, MetricId::WeightedQuantileLoss) - 2.0 * (0.9 + 0.5 + 0.6) / 3.0 / 5.0).abs() < 1e-15);
        // The median alone is a point forecast: its absolute error.
        let median = metrics(&rows(&[(0.5, &[4.0])]));
        assert_eq!(value(&median, MetricId::ContinuousRankedProbability), 1.0);
    }

    #[test]
    fn scales_of_histories() {
        assert_eq!(seasonal_naive_scale(&[1.0, 2.0, 4.0, 8.0], 1), Some((7.0 / 3.0, 7.0)));
        assert_eq!(seasonal_naive_scale(&[1.0, 2.0, 4.0, 8.0], 2), Some((4.5, 22.5)));
        assert_eq!(seasonal_naive_scale(&[3.0; 5], 2), Some((0.0, 0.0)));
        assert_eq!(seasonal_naive_scale(&[1.0, 2.0], 2), None);
        assert_eq!(seasonal_naive_scale(&[1.0, 2.0], 0), None);
        assert_eq!(seasonal_naive_scale(&[1.0, f64::NAN, 2.0], 1), None);
        assert_eq!(seasonal_naive_scale(&[f64::MAX, -f64::MAX], 1), None);
        assert_eq!(seasonal_naive_scale(&[], 1), None);
    }

    proptest! {
        #[test]
        fn the_order_of_rows_is_of_no_consequence(
            rows in prop::collection::vec((-5.0..50.0_f64, 0.0..50.0_f64, 0_u64..4, 0_u64..3), 1..30).prop_flat_map(|rows| {
                let shuffled = Just(rows.clone()).prop_shuffle();
                (Just(rows), shuffled)
            }),
        ) {
            let of = |rows: &[(f64, f64, u64, u64)]| {
                let actual: Vec<f64> = rows.iter().map(|row| row.0).collect();
                let predicted: Vec<f64> = rows.iter().map(|row| row.1).collect();
                let series: Vec<u64> = rows.iter().map(|row| row.2).collect();
                let horizon: Vec<u64> = rows.iter().map(|row| row.3).collect();
                let scale: Vec<f64> = rows.iter().map(|row| row.2 as f64 + 0.3).collect();
                let forecasts = ForecastRows {
                    rows: RegressionRows { actual: &actual, predicted: &predicted, quantiles: &[(0.3, &predicted)], ..RegressionRows::default() },
                    series: &series,
                    horizon: Some(&horizon),
                    scale_absolute: Some(&scale),
                    scale_squared: Some(&scale),
                };
                (metrics(&forecasts), by_horizon(&forecasts))
            };
            prop_assert_eq!(of(&rows.0), of(&rows.1));
        }
    }
}
