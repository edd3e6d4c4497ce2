//! Binary classification: every metric from the sorted scores of two classes.
//!
//! Definitions follow scikit-learn to the last digits, except where it answers 0 to a question that
//! has no answer (precision when nothing is predicted positive): there the status is `undefined`.

use std::collections::BTreeMap;

use super::interval::{self, Proportion};
use super::metric::{Interval, Metric, MetricId, MetricStatus, Metrics};
use super::scores::BinaryScores;
use crate::manifest::raw::Favourable;

/// Calibration bins of [`MetricId::ExpectedCalibrationError`]: a score is in bin ⌊10·score⌋ as doubles
/// multiply, and 1 belongs to the last.
const CALIBRATION_BINS: usize = 10;

/// Probabilities are kept this far from 0 and 1 in the log loss, as scikit-learn does for doubles
/// (the machine epsilon): a certain and wrong score costs 36 rather than an infinity.
const LOG_LOSS_CLIP: f64 = f64::EPSILON;

/// How scores become predictions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DecisionRule {
    /// Predicted positive if the score is at least this.
    pub(crate) threshold: f64,
    /// Which prediction is the good outcome, if it is declared.
    pub(crate) favourable: Option<Favourable>,
}

/// Every metric of `scores`, which must be sorted.
pub(crate) fn metrics(scores: &BinaryScores, rule: DecisionRule) -> Metrics {
    let invalid = scores.invalid.total();
    if invalid > 0 {
        let reason = format!("{invalid} of {} rows have no valid label and score", scores.valid() + invalid);
        return without_value(MetricStatus::Error, &reason);
    }
    if scores.valid() == 0 {
        return without_value(MetricStatus::Undefined, "there are no rows");
    }
    let counts = Confusion::of(scores, rule.threshold);
    let mut metrics = counts.metrics(rule.favourable);
    metrics.extend(ranking(scores));
    metrics.extend(calibration(scores));
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
    fn of(scores: &BinaryScores, threshold: f64) -> Self {
        let below = |sorted: &[f64]| sorted.partition_point(|score| *score < threshold) as u64;
        let (false_negatives, true_negatives) = (below(&scores.positives), below(&scores.negatives));
        Self {
            true_positives: scores.positives.len() as u64 - false_negatives,
            false_positives: scores.negatives.len() as u64 - true_negatives,
            false_negatives,
            true_negatives,
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
fn ranking(scores: &BinaryScores) -> BTreeMap<MetricId, Metric> {
    let n = scores.valid();
    let (positives, negatives) = (scores.positives.len(), scores.negatives.len());
    let area = if positives == 0 || negatives == 0 {
        missing(MetricId::RocAuc, MetricStatus::Undefined, n, "only one of the two classes occurs")
    } else {
        let area = RocArea::of(scores);
        let interval = area.standard_error.and_then(|error| interval::delong_logit(area.value, error));
        let no_interval = "the DeLong variance is zero or needs two rows of each class";
        present(MetricId::RocAuc, area.value, n, interval, no_interval)
    };
    let precision = if positives == 0 {
        missing(MetricId::AveragePrecision, MetricStatus::Undefined, n, "no row is positive")
    } else {
        let no_interval = "no closed form; none is computed in this version";
        present(MetricId::AveragePrecision, average_precision(scores), n, None, no_interval)
    };
    BTreeMap::from([(MetricId::RocAuc, area), (MetricId::AveragePrecision, precision)])
}

/// Area under the ROC curve with the standard error of DeLong, DeLong and Clarke-Pearson
/// (Biometrics 44, 1988), in one merge of the two sorted classes (Sun and Xu, 2014).
pub(crate) struct RocArea {
    /// Probability that a positive scores above a negative, ties counted half.
    pub(crate) value: f64,
    /// Standard error, or none with fewer than two rows of a class.
    pub(crate) standard_error: Option<f64>,
}

impl RocArea {
    pub(crate) fn of(scores: &BinaryScores) -> Self {
        let (positives, negatives) = (scores.positives.as_slice(), scores.negatives.as_slice());
        let (m, n) = (positives.len() as f64, negatives.len() as f64);
        // Twice the number of pairs won is a whole number, however many ties there are.
        let twice_wins: u128 = doubled_ranks(positives, negatives).map(u128::from).sum();
        let value = twice_wins as f64 / (2.0 * m * n);
        let standard_error = (positives.len() > 1 && negatives.len() > 1).then(|| {
            let variance_of = |own: &[f64], other: &[f64], mean: f64| {
                let squares = doubled_ranks(own, other).map(|rank| {
                    let placement = rank as f64 / (2.0 * other.len() as f64);
                    (placement - mean) * (placement - mean)
                });
                stable_sum(squares) / (own.len() as f64 - 1.0) / own.len() as f64
            };
            let variance = variance_of(positives, negatives, value) + variance_of(negatives, positives, 1.0 - value);
            variance.sqrt()
        });
        Self { value, standard_error }
    }
}

/// For each of `own` (sorted): twice the number of `other` (sorted) below it, plus the number equal to it.
fn doubled_ranks<'a>(own: &'a [f64], other: &'a [f64]) -> impl Iterator<Item = u64> + 'a {
    let (mut below, mut at_most) = (0, 0);
    own.iter().map(move |score| {
        below += other.get(below..).unwrap_or_default().iter().take_while(|rival| *rival < score).count();
        at_most = at_most.max(below);
        at_most += other.get(at_most..).unwrap_or_default().iter().take_while(|rival| *rival <= score).count();
        (below + at_most) as u64
    })
}

/// Σ (Rᵢ − Rᵢ₋₁) Pᵢ over distinct scores in descending order, without interpolation, as
/// `sklearn.metrics.average_precision_score`.
fn average_precision(scores: &BinaryScores) -> f64 {
    let total = scores.positives.len() as f64;
    let mut positives = scores.positives.iter().rev().copied().peekable();
    let mut negatives = scores.negatives.iter().rev().copied().peekable();
    let (mut true_positives, mut false_positives) = (0_u64, 0_u64);
    let steps = std::iter::from_fn(|| {
        let threshold = *positives.peek()?;
        let before = true_positives;
        while positives.next_if(|score| *score >= threshold).is_some() {
            true_positives += 1;
        }
        while negatives.next_if(|score| *score >= threshold).is_some() {
            false_positives += 1;
        }
        let precision = true_positives as f64 / (true_positives + false_positives) as f64;
        Some((true_positives - before) as f64 / total * precision)
    });
    stable_sum(steps)
}

/// What depends on the scores as probabilities.
fn calibration(scores: &BinaryScores) -> BTreeMap<MetricId, Metric> {
    let n = scores.valid();
    let log_losses = || {
        let clip = |score: f64| score.clamp(LOG_LOSS_CLIP, 1.0 - LOG_LOSS_CLIP);
        let positives = scores.positives.iter().map(move |score| -libm::log(clip(*score)));
        positives.chain(scores.negatives.iter().map(move |score| -libm::log(1.0 - clip(*score))))
    };
    let squared_errors = || {
        let positives = scores.positives.iter().map(|score| (score - 1.0) * (score - 1.0));
        positives.chain(scores.negatives.iter().map(|score| score * score))
    };
    let error = expected_calibration_error(scores);
    BTreeMap::from([
        (MetricId::LogLoss, mean_loss(MetricId::LogLoss, log_losses, n)),
        (MetricId::Brier, mean_loss(MetricId::Brier, squared_errors, n)),
        (
            MetricId::ExpectedCalibrationError,
            present(
                MetricId::ExpectedCalibrationError,
                error,
                n,
                None,
                "biased upwards by its bins; none is computed in this version",
            ),
        ),
    ])
}

fn mean_loss<I: Iterator<Item = f64>>(id: MetricId, losses: impl Fn() -> I, n: u64) -> Metric {
    let mean = stable_sum(losses()) / n as f64;
    let squares = stable_sum(losses().map(|loss| (loss - mean) * (loss - mean)));
    let deviation = (squares / (n as f64 - 1.0)).sqrt();
    present(id, mean, n, interval::mean_of_losses(mean, deviation, n), "one row has no variance")
}

/// Σ over bins of (rows in the bin / rows) · |mean score − share of positives|.
fn expected_calibration_error(scores: &BinaryScores) -> f64 {
    #[derive(Clone, Copy, Default)]
    struct Bin {
        rows: u64,
        positives: u64,
        score_sum: StableSum,
    }
    let mut bins = [Bin::default(); CALIBRATION_BINS];
    let classes = [(&scores.positives, 1), (&scores.negatives, 0)];
    for (class, positive) in classes {
        for score in class {
            // A score of 1 belongs to the last bin. The cast saturates and the scores are in [0, 1].
            let index = ((score * CALIBRATION_BINS as f64) as usize).min(CALIBRATION_BINS - 1);
            if let Some(bin) = bins.get_mut(index) {
                bin.rows += 1;
                bin.positives += positive;
                bin.score_sum.add(*score);
            }
        }
    }
    let total = scores.valid() as f64;
    stable_sum(bins.iter().map(|bin| (bin.score_sum.value() - bin.positives as f64).abs() / total))
}

/// A compensated sum (Neumaier 1974): its error does not grow with the number of terms.
#[derive(Clone, Copy, Default)]
struct StableSum {
    sum: f64,
    compensation: f64,
}

impl StableSum {
    fn add(&mut self, term: f64) {
        let sum = self.sum + term;
        self.compensation +=
            if self.sum.abs() >= term.abs() { (self.sum - sum) + term } else { (term - sum) + self.sum };
        self.sum = sum;
    }

    fn value(self) -> f64 {
        self.sum + self.compensation
    }
}

fn stable_sum(terms: impl Iterator<Item = f64>) -> f64 {
    let mut sum = StableSum::default();
    terms.for_each(|term| sum.add(term));
    sum.value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: DecisionRule = DecisionRule { threshold: 0.5, favourable: Some(Favourable::Negative) };

    fn scores(positives: &[f64], negatives: &[f64]) -> BinaryScores {
        let mut scores = BinaryScores::default();
        for score in positives {
            scores.add(Some(Some(true)), Some(*score));
        }
        for score in negatives {
            scores.add(Some(Some(false)), Some(*score));
        }
        scores.sort();
        scores
    }

    fn value(metrics: &Metrics, id: MetricId) -> f64 {
        let metric = metrics.get(id).unwrap();
        assert_eq!(metric.status, MetricStatus::Ok, "{id:?}: {metric:?}");
        metric.value.unwrap()
    }

    #[test]
    fn a_small_example_worked_by_hand() {
        let metrics = metrics(&scores(&[0.9, 0.6, 0.4], &[0.6, 0.3, 0.1, 0.0]), RULE);
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
        let undefined = |scores: &BinaryScores| -> Vec<MetricId> {
            let metrics = metrics(scores, RULE);
            let without = metrics.0.iter().filter(|(_, metric)| metric.status == MetricStatus::Undefined);
            without.map(|(id, metric)| (*id, metric.value.is_none()).0).collect()
        };
        use MetricId::{AveragePrecision, BalancedAccuracy, F1, Precision, Recall, RocAuc, Specificity};
        assert_eq!(undefined(&scores(&[0.9], &[])), [Specificity, BalancedAccuracy, RocAuc]);
        let one_class = [Precision, Recall, F1, BalancedAccuracy, RocAuc, AveragePrecision];
        assert_eq!(undefined(&scores(&[], &[0.1])), one_class);
        assert_eq!(undefined(&scores(&[], &[])), MetricId::ALL);
    }

    #[test]
    fn one_invalid_row_leaves_no_value_at_all() {
        let mut scores = scores(&[0.9], &[0.1]);
        scores.add(None, Some(0.5));
        let metrics = metrics(&scores, RULE);
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
            let sorted = scores(&positives, &negatives);
            let won = |positive: f64, negative: f64| match positive.total_cmp(&negative) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
            let pairs = (positives.len() * negatives.len()) as f64;
            let area = positives.iter().flat_map(|p| negatives.iter().map(move |n| won(*p, *n))).sum::<f64>() / pairs;
            prop_assert!((RocArea::of(&sorted).value - area).abs() < 1e-14);
            // Exchanging the classes exchanges the ends.
            let exchanged = RocArea::of(&scores(&negatives, &positives)).value;
            prop_assert!((exchanged - (1.0 - area)).abs() < 1e-14);
        }

        #[test]
        fn every_value_has_its_range_and_lies_in_its_interval(
            positives in prop::collection::vec(0.0..=1.0, 0..40),
            negatives in prop::collection::vec(0.0..=1.0, 0..40),
            threshold in 0.0..=1.0,
        ) {
            let rule = DecisionRule { threshold, favourable: None };
            let metrics = metrics(&scores(&positives, &negatives), rule);
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
