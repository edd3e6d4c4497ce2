//! Binary classification: every metric of a slice from its sums and ranks.
//!
//! Definitions follow scikit-learn to the last digits, except where it answers 0 to a question that
//! has no answer (precision when nothing is predicted positive): there the status is `undefined`.

use std::collections::BTreeMap;

use super::RowCounts;
use super::fixed::FixedSum;
use super::interval::{self, Proportion};
use super::metric::{Interval, Metric, MetricId, MetricStatus, Metrics};
use super::ranked::{Bin, Ranks, Sums};
use super::table::InvalidRows;
use crate::manifest::raw::Favourable;

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

    /// The counts of rows. What concerns ids is counted elsewhere.
    pub(crate) fn row_counts(&self) -> RowCounts {
        RowCounts {
            total: self.valid() + self.invalid.total(),
            valid: self.valid(),
            label_missing: self.invalid.label_missing,
            label_unknown: self.invalid.label_unknown,
            score_missing: self.invalid.score_missing,
            score_not_finite: self.invalid.score_not_finite,
            score_out_of_range: self.invalid.score_out_of_range,
            id_missing: None,
            id_duplicates: None,
        }
    }
}

/// Every metric of a slice. `favourable` says which prediction is the good outcome, if it is declared.
pub(crate) fn metrics(state: &BinaryState, favourable: Option<Favourable>) -> Metrics {
    let invalid = state.invalid.total();
    if invalid > 0 {
        let reason = format!("{invalid} of {} rows have no valid label and score", state.valid() + invalid);
        return without_value(MetricStatus::Error, &reason);
    }
    if state.valid() == 0 {
        return without_value(MetricStatus::Undefined, "there are no rows");
    }
    let mut metrics = Confusion::of(&state.sums).metrics(favourable);
    metrics.extend(ranking(state));
    metrics.extend(calibration(&state.sums));
    Metrics(metrics)
}

fn without_value(status: MetricStatus, reason: &str) -> Metrics {
    Metrics(MetricId::ALL.iter().map(|&id| (id, missing(id, status, 0, reason))).collect())
}

/// Formula and version. The version changes when a value could.
pub(crate) fn definition(key: &str) -> String {
    format!("{key}/1")
}

fn missing(id: MetricId, status: MetricStatus, n: u64, reason: &str) -> Metric {
    Metric {
        definition: definition(id.key()),
        status,
        value: None,
        n,
        numerator: None,
        interval: None,
        reason: Some(reason.to_owned()),
    }
}

fn present(id: MetricId, value: f64, n: u64, interval: Option<Interval>, no_interval: &str) -> Metric {
    if !value.is_finite() {
        return missing(id, MetricStatus::Error, n, "the computation left the range of numbers");
    }
    let reason = interval.is_none().then(|| no_interval.to_owned());
    let definition = definition(id.key());
    Metric { definition, status: MetricStatus::Ok, value: Some(value + 0.0), n, numerator: None, interval, reason }
}

fn rate(id: MetricId, numerator: u64, denominator: u64, nothing: &str) -> Metric {
    if denominator == 0 {
        return missing(id, MetricStatus::Undefined, 0, nothing);
    }
    let value = numerator as f64 / denominator as f64;
    let metric = present(id, value, denominator, interval::wilson(numerator, denominator), "");
    Metric { numerator: Some(numerator), ..metric }
}

/// Counts of right and wrong predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Confusion {
    true_positives: u64,
    false_positives: u64,
    false_negatives: u64,
    true_negatives: u64,
}

impl Confusion {
    fn of(sums: &Sums) -> Self {
        Self {
            true_positives: sums.true_positives,
            false_positives: sums.false_positives,
            false_negatives: sums.positives - sums.true_positives,
            true_negatives: sums.negatives - sums.false_positives,
        }
    }

    fn metrics(self, favourable: Option<Favourable>) -> BTreeMap<MetricId, Metric> {
        let Self { true_positives, false_positives, false_negatives, true_negatives } = self;
        let positives = true_positives + false_negatives;
        let negatives = true_negatives + false_positives;
        let selected = true_positives + false_positives;
        let n = positives + negatives;
        let favourable = match favourable {
            Some(Favourable::Positive) => rate(MetricId::FavourableRate, selected, n, ""),
            Some(Favourable::Negative) => rate(MetricId::FavourableRate, n - selected, n, ""),
            None => missing(
                MetricId::FavourableRate,
                MetricStatus::Undefined,
                n,
                "the manifest does not declare which class is favourable",
            ),
        };
        BTreeMap::from([
            (MetricId::Prevalence, rate(MetricId::Prevalence, positives, n, "")),
            (MetricId::SelectionRate, rate(MetricId::SelectionRate, selected, n, "")),
            (MetricId::FavourableRate, favourable),
            (MetricId::Accuracy, rate(MetricId::Accuracy, true_positives + true_negatives, n, "")),
            (MetricId::Precision, rate(MetricId::Precision, true_positives, selected, "no row is predicted positive")),
            (MetricId::Recall, rate(MetricId::Recall, true_positives, positives, "no row is positive")),
            (MetricId::Specificity, rate(MetricId::Specificity, true_negatives, negatives, "no row is negative")),
            (MetricId::F1, self.f1()),
            (MetricId::BalancedAccuracy, self.balanced_accuracy()),
        ])
    }

    /// F1 = 2TP / (2TP + FP + FN). With J = TP / (TP + FP + FN), F1 = 2J / (1 + J): a growing function
    /// of a proportion, so that Wilson's interval for J carries over.
    fn f1(self) -> Metric {
        let union = self.true_positives + self.false_positives + self.false_negatives;
        if union == 0 {
            let reason = "no row is positive or predicted positive";
            return missing(MetricId::F1, MetricStatus::Undefined, 0, reason);
        }
        let value = (2 * self.true_positives) as f64 / (union + self.true_positives) as f64;
        let from_jaccard = |share: f64| 2.0 * share / (1.0 + share);
        let interval = interval::wilson(self.true_positives, union).and_then(|jaccard| {
            interval::interval(from_jaccard(jaccard.low), from_jaccard(jaccard.high), "wilson-jaccard")
        });
        present(MetricId::F1, value, union, interval, "")
    }

    fn balanced_accuracy(self) -> Metric {
        let recall = Proportion::new(self.true_positives, self.true_positives + self.false_negatives);
        let specificity = Proportion::new(self.true_negatives, self.true_negatives + self.false_positives);
        let (Some(recall), Some(specificity)) = (recall, specificity) else {
            let reason = "only one of the two classes occurs";
            return missing(MetricId::BalancedAccuracy, MetricStatus::Undefined, 0, reason);
        };
        let value = f64::midpoint(recall.share, specificity.share);
        let interval = interval::mean_of_two(&recall, &specificity);
        present(MetricId::BalancedAccuracy, value, recall.trials + specificity.trials, interval, "")
    }
}

/// What depends only on the order of the scores.
fn ranking(state: &BinaryState) -> BTreeMap<MetricId, Metric> {
    let (sums, ranks, n) = (&state.sums, &state.ranks, state.valid());
    let area = match RocArea::of(sums, ranks) {
        None => missing(MetricId::RocAuc, MetricStatus::Undefined, n, "only one of the two classes occurs"),
        Some(area) => {
            let interval = area.standard_error.and_then(|error| interval::delong_logit(area.value, error));
            let no_interval = "the DeLong variance is zero or needs two rows of each class";
            present(MetricId::RocAuc, area.value, n, interval, no_interval)
        }
    };
    let precision = if sums.positives == 0 {
        missing(MetricId::AveragePrecision, MetricStatus::Undefined, n, "no row is positive")
    } else {
        let no_interval = "no closed form; none is computed in this version";
        let value = ranks.precisions.value() / sums.positives as f64;
        present(MetricId::AveragePrecision, value, n, None, no_interval)
    };
    BTreeMap::from([(MetricId::RocAuc, area), (MetricId::AveragePrecision, precision)])
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

/// What depends on the scores as probabilities.
fn calibration(sums: &Sums) -> BTreeMap<MetricId, Metric> {
    let n = sums.positives + sums.negatives;
    let no_interval = "biased upwards by its bins; none is computed in this version";
    let error = expected_calibration_error(&sums.bins, n);
    BTreeMap::from([
        (MetricId::LogLoss, mean_loss(MetricId::LogLoss, sums.log_loss, sums.log_loss_squares, n)),
        (MetricId::Brier, mean_loss(MetricId::Brier, sums.squared_error, sums.squared_error_squares, n)),
        (MetricId::ExpectedCalibrationError, present(MetricId::ExpectedCalibrationError, error, n, None, no_interval)),
    ])
}

fn mean_loss(id: MetricId, sum: FixedSum, squares: FixedSum, n: u64) -> Metric {
    let mean = sum.value() / n as f64;
    // What is left of equal losses is their rounding, and no variance.
    let all = squares.value();
    let deviations = squares.less(sum.value() * mean).value();
    let deviations = if deviations <= 4.0 * f64::EPSILON * all { 0.0 } else { deviations };
    let deviation = (deviations / (n as f64 - 1.0)).sqrt();
    present(id, mean, n, interval::mean_of_losses(mean, deviation, n), "one row has no variance")
}

/// Σ over bins of (rows in the bin / rows) · |mean score − share of positives|.
fn expected_calibration_error(bins: &[Bin], n: u64) -> f64 {
    let mut sum = FixedSum::default();
    bins.iter().for_each(|bin| sum.add(bin.scores.less(bin.positives as f64).value().abs() / n as f64));
    sum.value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::facts::evaluation::ranked::tests::state;

    const NEGATIVE: Option<Favourable> = Some(Favourable::Negative);

    fn value(metrics: &Metrics, id: MetricId) -> f64 {
        let metric = metrics.get(id).unwrap();
        assert_eq!(metric.status, MetricStatus::Ok, "{id:?}: {metric:?}");
        metric.value.unwrap()
    }

    #[test]
    fn a_small_example_worked_by_hand() {
        let metrics = metrics(&state(&[0.9, 0.6, 0.4], &[0.6, 0.3, 0.1, 0.0], 0.5), NEGATIVE);
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
            let metrics = metrics(&state(positives, negatives, 0.5), NEGATIVE);
            let without = metrics.0.iter().filter(|(_, metric)| metric.status == MetricStatus::Undefined);
            without.map(|(id, metric)| (*id, metric.value.is_none()).0).collect()
        };
        use MetricId::{AveragePrecision, BalancedAccuracy, F1, Precision, Recall, RocAuc, Specificity};
        assert_eq!(undefined(&[0.9], &[]), [Specificity, BalancedAccuracy, RocAuc]);
        let one_class = [Precision, Recall, F1, BalancedAccuracy, RocAuc, AveragePrecision];
        assert_eq!(undefined(&[], &[0.1]), one_class);
        assert_eq!(undefined(&[], &[]), MetricId::ALL);
    }

    #[test]
    fn one_invalid_row_leaves_no_value_at_all() {
        let mut state = state(&[0.9], &[0.1], 0.5);
        state.invalid.label_missing = 1;
        let metrics = metrics(&state, NEGATIVE);
        for metric in metrics.0.values() {
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
                let state = state(positives, negatives, 0.5);
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
            let metrics = metrics(&state(&positives, &negatives, threshold), None);
            prop_assert_eq!(metrics.0.len(), MetricId::ALL.len());
            for (id, metric) in &metrics.0 {
                prop_assert_eq!(metric.value.is_some(), metric.status == MetricStatus::Ok);
                prop_assert_eq!(metric.reason.is_some(), metric.value.is_none() || metric.interval.is_none());
                let Some(value) = metric.value else { continue };
                let most = if *id == MetricId::LogLoss { 37.0 } else { 1.0 };
                prop_assert!((0.0..=most).contains(&value), "{:?} {}", id, value);
                if let Some(interval) = &metric.interval {
                    let slack = 1e-12;
                    prop_assert!(interval.low - slack <= value && value <= interval.high + slack, "{:?}", metric);
                }
            }
        }
    }
}
