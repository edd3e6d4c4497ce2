//! Binary classification: every metric from the sums and ranks of a slice, or from its rows where these have
//! weights or belong to clusters.
//!
//! Definitions follow scikit-learn to the last digits, except where it answers 0 to a question that has no answer
//! (precision when nothing is predicted positive): there the status is `undefined`.

pub(crate) mod bootstrap;
pub(crate) mod calibration;
pub(crate) mod calibration_error;
pub(crate) mod confusion;
pub(crate) mod logistic;
pub(crate) mod ranking_curve;
mod sample;
pub(crate) mod weighted;

use std::collections::BTreeMap;

use self::bootstrap::{ScoreBins, Values};
use self::calibration::SquaredErrors;
use self::calibration_error::{BINS, CalibrationBin, calibration_error};
use self::confusion::{Confusion, ONE_CLASS};
use self::logistic::{LogitGroup, LogitGroups, logit};
use self::weighted::lift_of;
use super::fixed::FixedSum;
use super::interval;
use super::metric::{Interval, Metric, MetricId, MetricStatus, Metrics};
use super::ranked::{Curve, Ranks, Sums};
use super::table::InvalidRows;
use crate::manifest::raw::Favourable;

pub(crate) use self::weighted::METRICS;

/// The metrics of a slice: those that groups are compared by. All others are of all rows together.
pub(crate) const SLICE_METRICS: [MetricId; 17] = [
    MetricId::Prevalence,
    MetricId::SelectionRate,
    MetricId::FavourableRate,
    MetricId::Accuracy,
    MetricId::Precision,
    MetricId::Recall,
    MetricId::Specificity,
    MetricId::FalsePositiveRate,
    MetricId::FalseNegativeRate,
    MetricId::F1,
    MetricId::BalancedAccuracy,
    MetricId::RocAuc,
    MetricId::AveragePrecision,
    MetricId::LogLoss,
    MetricId::Brier,
    MetricId::ExpectedCalibrationError,
    MetricId::ObservedExpectedRatio,
];

/// Why a slice has no interval that takes a thousand replicates.
const OF_ALL_ROWS: &str = "an interval is computed over all rows together only";

/// What is known of a slice's rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BinaryState {
    pub(crate) sums: Sums,
    pub(crate) ranks: Ranks,
    pub(crate) invalid: InvalidRows,
}

impl BinaryState {
    /// Rows that can be evaluated.
    pub(crate) fn valid(&self) -> u64 {
        self.sums.positives + self.sums.negatives
    }

    /// Why there is no metric at all, if there is none.
    fn refusal(&self) -> Option<(MetricStatus, String)> {
        let invalid = self.invalid.total();
        if invalid > 0 {
            let reason = format!("{invalid} of {} rows have no valid label and score", self.valid() + invalid);
            return Some((MetricStatus::Error, reason));
        }
        (self.valid() == 0).then(|| (MetricStatus::Undefined, "there are no rows".to_owned()))
    }
}

/// Every metric of all rows. `favourable` says which prediction is the good outcome, if it is declared.
pub(crate) fn metrics(state: &BinaryState, curve: &Curve, favourable: Option<Favourable>) -> Metrics {
    if let Some((status, reason)) = state.refusal() {
        return without_values(&METRICS, status, &reason);
    }
    let (sums, n) = (&state.sums, state.valid());
    let mut metrics = common(state, favourable);
    metrics.extend(curve_metrics(state, curve));
    metrics.insert(MetricId::ExpectedCalibrationError, calibration_error(&bins(sums)));
    let logits = logits(curve);
    let [slope, intercept] = calibration::slope_and_intercept(&logits, n);
    let gini = gini(metrics.get(&MetricId::RocAuc), n);
    let class = |rows: u64, sum: FixedSum, squares: FixedSum| SquaredErrors {
        rows,
        sum: sum.value(),
        sum_of_squares: squares.value(),
    };
    let ([of_negatives, of_positives], [squares_of_negatives, squares_of_positives]) =
        (sums.squared_error, sums.squared_error_squares);
    let skill = calibration::brier_skill(
        class(sums.positives, of_positives, squares_of_positives),
        class(sums.negatives, of_negatives, squares_of_negatives),
    );
    let no_statistics = "a share of the scores, not of a sample";
    let resolution = state.ranks.distinct as f64 / n as f64;
    metrics.extend([
        (MetricId::CalibrationSlope, slope),
        (MetricId::CalibrationIntercept, intercept),
        (MetricId::CalibrationInTheLarge, calibration::in_the_large(&logits, n)),
        (
            MetricId::SpiegelhalterZ,
            calibration::spiegelhalter(sums.spiegelhalter.value(), sums.spiegelhalter_variance.value(), n),
        ),
        (MetricId::Gini, gini),
        (MetricId::BrierSkill, skill),
        (
            MetricId::ScoreResolution,
            Metric::of(MetricId::ScoreResolution, resolution, n, Err(no_statistics.to_owned())),
        ),
        (MetricId::NearThreshold, confusion::rate(MetricId::NearThreshold, sums.near_threshold, n, "")),
        (MetricId::ClippedProbabilities, confusion::rate(MetricId::ClippedProbabilities, sums.clipped, n, "")),
    ]);
    Metrics(metrics)
}

/// The metrics of a slice.
pub(crate) fn slice_metrics(state: &BinaryState, favourable: Option<Favourable>) -> Metrics {
    if let Some((status, reason)) = state.refusal() {
        return without_values(&SLICE_METRICS, status, &reason);
    }
    let (sums, n) = (&state.sums, state.valid());
    let mut metrics = common(state, favourable);
    let precision = match average_precision(state) {
        Some(value) => Metric::of(MetricId::AveragePrecision, value, n, Err(OF_ALL_ROWS.to_owned())),
        None => Metric::without(MetricId::AveragePrecision, MetricStatus::Undefined, n, "no row is positive"),
    };
    metrics.insert(MetricId::AveragePrecision, precision);
    let mut error = FixedSum::default();
    for bin in bins(sums) {
        error.add((bin.score_sum - bin.positives as f64).abs() / n as f64);
    }
    let error = Metric::of(MetricId::ExpectedCalibrationError, error.value(), n, Err(OF_ALL_ROWS.to_owned()));
    metrics.insert(MetricId::ExpectedCalibrationError, error);
    metrics.retain(|id, _| SLICE_METRICS.contains(id));
    Metrics(metrics)
}

fn without_values(ids: &[MetricId], status: MetricStatus, reason: &str) -> Metrics {
    Metrics(ids.iter().map(|&id| (id, Metric::without(id, status, 0, reason))).collect())
}

/// What all rows and slices have.
fn common(state: &BinaryState, favourable: Option<Favourable>) -> BTreeMap<MetricId, Metric> {
    let (sums, n) = (&state.sums, state.valid());
    let counts = Confusion {
        true_positives: sums.true_positives,
        false_positives: sums.false_positives,
        false_negatives: sums.positives - sums.true_positives,
        true_negatives: sums.negatives - sums.false_positives,
    };
    let mut metrics = counts.metrics(favourable.map(|favourable| favourable == Favourable::Positive));
    let area = match RocArea::of(sums, &state.ranks) {
        None => Metric::without(MetricId::RocAuc, MetricStatus::Undefined, n, ONE_CLASS),
        Some(area) => {
            let interval = area.standard_error.and_then(|error| interval::delong_logit(area.value, error));
            let no_interval = "the DeLong variance is zero or needs two rows of each class";
            Metric::of(MetricId::RocAuc, area.value, n, interval.ok_or_else(|| no_interval.to_owned()))
        }
    };
    let mut squares = FixedSum::default();
    let mut squares_of_squares = FixedSum::default();
    sums.squared_error.into_iter().for_each(|sum| squares.merge(sum));
    sums.squared_error_squares.into_iter().for_each(|sum| squares_of_squares.merge(sum));
    let mut scores = FixedSum::default();
    sums.bins.iter().for_each(|bin| scores.merge(bin.scores));
    metrics.extend([
        (MetricId::RocAuc, area),
        (MetricId::LogLoss, mean_loss(MetricId::LogLoss, sums.log_loss, sums.log_loss_squares, n)),
        (MetricId::Brier, mean_loss(MetricId::Brier, squares, squares_of_squares, n)),
        (MetricId::ObservedExpectedRatio, calibration::observed_expected(sums.positives, scores.value(), n)),
    ]);
    metrics
}

fn bins(sums: &Sums) -> [CalibrationBin; BINS] {
    sums.bins.map(|bin| CalibrationBin { rows: bin.rows, positives: bin.positives, score_sum: bin.scores.value() })
}

/// Gini = 2 · area − 1, and so is its interval.
fn gini(area: Option<&Metric>, n: u64) -> Metric {
    let Some((area, value)) = area.and_then(|area| Some((area, area.value?))) else {
        return Metric::without(MetricId::Gini, MetricStatus::Undefined, n, ONE_CLASS);
    };
    let doubled =
        |interval: &Interval| interval::interval(2.0 * interval.low - 1.0, 2.0 * interval.high - 1.0, &interval.method);
    let interval = area.interval.as_ref().and_then(doubled);
    Metric::of(MetricId::Gini, 2.0 * value - 1.0, n, interval.ok_or_else(|| area.reason.clone().unwrap_or_default()))
}

fn average_precision(state: &BinaryState) -> Option<f64> {
    (state.sums.positives > 0).then(|| state.ranks.precisions.value() / state.sums.positives as f64)
}

/// What needs the order of scores, with intervals from a bootstrap.
fn curve_metrics(state: &BinaryState, curve: &Curve) -> [(MetricId, Metric); 4] {
    let (positives, negatives) = (state.sums.positives, state.sums.negatives);
    let n = positives + negatives;
    let groups = match curve {
        Curve::Exact(groups) | Curve::Compressed(groups, _) => groups,
    };
    let mut bins = ScoreBins::new(positives, negatives, groups.len() as u64);
    groups.iter().for_each(|group| bins.add(*group));
    let gap = state.ranks.largest_gap as f64 / (u128::from(positives) * u128::from(negatives)) as f64;
    let decile = state.ranks.decile;
    // The tenth may end among rows of one score, of which it has as large a share of the positives as of all.
    let rest = (n as f64 / 10.0 - decile.rows_above as f64) / decile.rows_at.max(1) as f64;
    let captured = decile.positives_above as f64 + decile.positives_at as f64 * rest;
    let values = Values {
        average_precision: average_precision(state).unwrap_or(f64::NAN),
        kolmogorov_smirnov: gap,
        capture: captured / positives as f64,
    };
    let intervals = bins.intervals(values.clone());
    let metric = |id: MetricId, value: f64, exists: bool, nothing: &str, interval: Result<Interval, String>| {
        let interval = interval.map(|interval| containing(interval, value));
        if exists {
            Metric::of(id, value, n, interval)
        } else {
            Metric::without(id, MetricStatus::Undefined, n, nothing)
        }
    };
    let (some, both) = (positives > 0, positives > 0 && negatives > 0);
    let nothing = "no row is positive";
    let capture = metric(MetricId::TopDecileCapture, values.capture, some, nothing, intervals.capture);
    [
        (
            MetricId::AveragePrecision,
            metric(MetricId::AveragePrecision, values.average_precision, some, nothing, intervals.average_precision),
        ),
        (
            MetricId::KolmogorovSmirnov,
            metric(MetricId::KolmogorovSmirnov, gap, both, ONE_CLASS, intervals.kolmogorov_smirnov),
        ),
        (MetricId::TopDecileLift, lift_of(&capture)),
        (MetricId::TopDecileCapture, capture),
    ]
}

/// The interval, widened to the value: one that is corrected for bias may leave it out where there are few rows.
fn containing(interval: Interval, value: f64) -> Interval {
    Interval { low: interval.low.min(value), high: interval.high.max(value), ..interval }
}

/// The scores as logits, one group for each distinct one, or as compressed.
fn logits(curve: &Curve) -> LogitGroups {
    match curve {
        Curve::Compressed(_, compressor) => compressor.clone().finish(),
        Curve::Exact(groups) => {
            let mut logits: Vec<LogitGroup> = Vec::with_capacity(groups.len());
            for group in groups {
                let logit = logit(group.score);
                match logits.last_mut() {
                    // Clipping and the logarithm's rounding make ties.
                    Some(last) if last.logit >= logit => {
                        last.rows += group.mass();
                        last.positives += group.positives;
                    }
                    _ => logits.push(LogitGroup { logit, rows: group.mass(), positives: group.positives }),
                }
            }
            LogitGroups::exact(logits)
        }
    }
}

/// Area under the ROC curve with the standard error of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RocArea {
    /// Probability that a positive scores above a negative, ties counted half.
    pub(crate) value: f64,
    /// Standard error, or none with fewer than two rows of a class.
    pub(crate) standard_error: Option<f64>,
}

impl RocArea {
    /// The area, if both classes occur. Pairs are whole numbers: it is rounded once, in the division.
    pub(crate) fn of(sums: &Sums, ranks: &Ranks) -> Option<Self> {
        let (m, n) = (sums.positives, sums.negatives);
        let pairs = 2 * u128::from(m) * u128::from(n);
        if pairs == 0 {
            return None;
        }
        let standard_error = (m > 1 && n > 1).then(|| {
            let of_positives = squared_deviations(m, ranks.wins, ranks.win_squares);
            let of_negatives = squared_deviations(n, pairs.saturating_sub(ranks.wins), ranks.loss_squares);
            // A placement is a count over twice the rows of the other class.
            let variance = |deviations: f64, own: u64, other: u64| {
                deviations / (own as f64 - 1.0) / own as f64 / (2.0 * other as f64) / (2.0 * other as f64)
            };
            (variance(of_positives, m, n) + variance(of_negatives, n, m)).sqrt()
        });
        Some(Self { value: ranks.wins as f64 / pairs as f64, standard_error })
    }
}

/// Σ (xᵢ − mean)² of whole numbers from their number, sum and sum of squares: exact but for the last rounding,
/// unless there are so many that the products leave 128 bits.
fn squared_deviations(count: u64, sum: u128, squares: u128) -> f64 {
    let exact = u128::from(count)
        .checked_mul(squares)
        .zip(sum.checked_mul(sum))
        .map(|(of_squares, square)| of_squares.saturating_sub(square) as f64 / count as f64);
    exact.unwrap_or_else(|| (squares as f64 - sum as f64 * (sum as f64 / count as f64)).max(0.0))
}

fn mean_loss(id: MetricId, sum: FixedSum, squares: FixedSum, n: u64) -> Metric {
    let mean = sum.value() / n as f64;
    // What is left of equal losses is their rounding, and no variance.
    let all = squares.value();
    let deviations = squares.less(sum.value() * mean).value();
    let deviations = if deviations <= 4.0 * f64::EPSILON * all { 0.0 } else { deviations };
    let deviation = (deviations / (n as f64 - 1.0)).sqrt();
    let interval = interval::mean_of_losses(mean, deviation, n);
    Metric::of(id, mean, n, interval.ok_or_else(|| "one row has no variance".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::facts::evaluation::ranked::tests::state;

    const NEGATIVE: Option<Favourable> = Some(Favourable::Negative);

    fn whole(positives: &[f64], negatives: &[f64], threshold: f64) -> Metrics {
        let (state, curve) = state(positives, negatives, threshold);
        metrics(&state, &curve, NEGATIVE)
    }

    fn value(metrics: &Metrics, id: MetricId) -> f64 {
        let metric = metrics.get(id).unwrap();
        assert_eq!(metric.status, MetricStatus::Ok, "{id:?}: {metric:?}");
        metric.value.unwrap()
    }

    #[test]
    fn a_small_example_worked_by_hand() {
        let metrics = whole(&[0.9, 0.6, 0.4], &[0.6, 0.3, 0.1, 0.0], 0.5);
        // TP 2, FN 1, FP 1, TN 3. Pairs: 4 + 3.5 + 3 of 12.
        let expected = [
            (MetricId::Prevalence, 3.0 / 7.0),
            (MetricId::SelectionRate, 3.0 / 7.0),
            (MetricId::FavourableRate, 4.0 / 7.0),
            (MetricId::Accuracy, 5.0 / 7.0),
            (MetricId::Precision, 2.0 / 3.0),
            (MetricId::Recall, 2.0 / 3.0),
            (MetricId::Specificity, 3.0 / 4.0),
            (MetricId::F1, 2.0 / 3.0),
            (MetricId::BalancedAccuracy, 17.0 / 24.0),
            (MetricId::RocAuc, 10.5 / 12.0),
            // Thresholds 0.9: 1/3·1; 0.6: 1/3·2/3; 0.4: 1/3·3/4.
            (MetricId::AveragePrecision, (1.0 + 2.0 / 3.0 + 0.75) / 3.0),
            (MetricId::Brier, (0.01 + 0.16 + 0.36 + 0.36 + 0.09 + 0.01) / 7.0),
        ];
        for (id, expected) in expected {
            let value = value(&metrics, id);
            assert!((value - expected).abs() < 1e-14, "{id:?}: {value} instead of {expected}");
        }
    }

    #[test]
    fn questions_without_an_answer_are_undefined() {
        let undefined = |positives: &[f64], negatives: &[f64]| -> Vec<MetricId> {
            let metrics = whole(positives, negatives, 0.5);
            let without = metrics.0.iter().filter(|(_, metric)| metric.status == MetricStatus::Undefined);
            without.map(|(id, metric)| (*id, metric.value.is_none()).0).collect()
        };
        use MetricId::*;
        let of_two_classes = [
            BalancedAccuracy,
            MatthewsCorrelation,
            CohenKappa,
            YoudenJ,
            RocAuc,
            Gini,
            KolmogorovSmirnov,
            BrierSkill,
            CalibrationSlope,
            CalibrationIntercept,
            CalibrationInTheLarge,
        ];
        let with = |more: &[MetricId]| {
            let mut ids = [&of_two_classes, more].concat();
            ids.sort_unstable();
            ids
        };
        let without_negatives = [Specificity, NegativePredictiveValue, FalsePositiveRate, FalseOmissionRate];
        assert_eq!(undefined(&[0.9], &[]), with(&without_negatives));
        let without_positives = [
            Precision,
            Recall,
            FalseNegativeRate,
            FalseDiscoveryRate,
            F1,
            AveragePrecision,
            TopDecileLift,
            TopDecileCapture,
        ];
        assert_eq!(undefined(&[], &[0.1]), with(&without_positives));
        assert_eq!(undefined(&[], &[]).len(), METRICS.len());
    }

    #[test]
    fn one_invalid_row_leaves_no_value_at_all() {
        let (mut state, curve) = state(&[0.9], &[0.1], 0.5);
        state.invalid.label_missing = 1;
        let (whole, slice) = (metrics(&state, &curve, NEGATIVE), slice_metrics(&state, NEGATIVE));
        assert_eq!((whole.0.len(), slice.0.len()), (METRICS.len(), SLICE_METRICS.len()));
        for metric in whole.0.values().chain(slice.0.values()) {
            assert_eq!((metric.status, metric.value), (MetricStatus::Error, None));
            assert_eq!(metric.reason.as_deref(), Some("1 of 3 rows have no valid label and score"));
        }
    }

    proptest! {
        #[test]
        fn the_area_is_the_share_of_pairs_won(
            positives in prop::collection::vec(0_u8..30, 1..40),
            negatives in prop::collection::vec(0_u8..30, 1..40),
        ) {
            let share = |values: &[u8]| values.iter().map(|value| f64::from(*value) / 30.0).collect::<Vec<_>>();
            let (positives, negatives) = (share(&positives), share(&negatives));
            let area_of = |positives: &[f64], negatives: &[f64]| {
                let (state, _) = state(positives, negatives, 0.5);
                RocArea::of(&state.sums, &state.ranks).unwrap().value
            };
            let won = |positive: f64, negative: f64| match positive.total_cmp(&negative) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
            let pairs = (positives.len() * negatives.len()) as f64;
            let area = positives.iter().flat_map(|p| negatives.iter().map(move |n| won(*p, *n))).sum::<f64>() / pairs;
            prop_assert!((area_of(&positives, &negatives) - area).abs() < 1e-14);
            // Exchanging the classes exchanges the ends.
            let exchanged = area_of(&negatives, &positives);
            prop_assert!((exchanged - (1.0 - area)).abs() < 1e-14);
        }

        #[test]
        fn every_value_has_its_range_and_lies_in_its_interval(
            positives in prop::collection::vec(0.0..=1.0, 0..40),
            negatives in prop::collection::vec(0.0..=1.0, 0..40),
            threshold in 0.0..=1.0,
        ) {
            let (state, curve) = state(&positives, &negatives, threshold);
            let metrics = metrics(&state, &curve, None);
            prop_assert_eq!(metrics.0.len(), METRICS.len());
            for (id, metric) in &metrics.0 {
                prop_assert_eq!(metric.value.is_some(), metric.status == MetricStatus::Ok);
                prop_assert_eq!(metric.reason.is_some(), metric.value.is_none() || metric.interval.is_none());
                let Some(value) = metric.value else { continue };
                let range = match id {
                    MetricId::LogLoss => 0.0..=37.0,
                    MetricId::TopDecileLift => 0.0..=10.0,
                    MetricId::ObservedExpectedRatio => 0.0..=f64::MAX,
                    MetricId::MatthewsCorrelation | MetricId::CohenKappa | MetricId::YoudenJ | MetricId::Gini => -1.0..=1.0,
                    MetricId::BrierSkill => f64::MIN..=1.0,
                    MetricId::CalibrationSlope
                    | MetricId::CalibrationIntercept
                    | MetricId::CalibrationInTheLarge
                    | MetricId::SpiegelhalterZ => f64::MIN..=f64::MAX,
                    _ => 0.0..=1.0,
                };
                prop_assert!(range.contains(&value), "{:?} {}", id, value);
                if let Some(interval) = &metric.interval {
                    let slack = 1e-12;
                    prop_assert!(interval.low - slack <= value && value <= interval.high + slack, "{:?}", metric);
                }
            }
        }
    }
}
