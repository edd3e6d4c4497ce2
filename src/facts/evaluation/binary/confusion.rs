//! What the four counts of right and wrong predictions say.
//!
//! Values follow scikit-learn, except where it answers 0 to a question that has no answer (precision when
//! nothing is predicted positive): there the status is `undefined`.

use std::collections::BTreeMap;

use super::super::interval::{self, Proportion};
use super::super::metric::{Interval, Metric, MetricId, MetricStatus};

/// Rows by prediction and label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Confusion {
    pub(crate) true_positives: u64,
    pub(crate) false_positives: u64,
    pub(crate) false_negatives: u64,
    pub(crate) true_negatives: u64,
}

/// A share of `denominator` rows with Wilson's interval; undefined for the reason `nothing` when there are none.
pub(crate) fn rate(id: MetricId, numerator: u64, denominator: u64, nothing: &str) -> Metric {
    if denominator == 0 {
        return Metric::without(id, MetricStatus::Undefined, 0, nothing);
    }
    let interval = interval::wilson(numerator, denominator).ok_or_else(String::new);
    let metric = Metric::of(id, numerator as f64 / denominator as f64, denominator, interval);
    Metric { numerator: Some(numerator), ..metric }
}

/// A rate of the table: which rows it counts among which.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) id: MetricId,
    /// Cells counted, of [tp, fp, fn, tn].
    pub(crate) counted: [bool; 4],
    /// Cells counted among.
    pub(crate) among: [bool; 4],
    /// Why it is undefined when there is nothing to count among.
    pub(crate) nothing: &'static str,
}

const ALL: [bool; 4] = [true; 4];
const TP: [bool; 4] = [true, false, false, false];
const FP: [bool; 4] = [false, true, false, false];
const FN: [bool; 4] = [false, false, true, false];
const TN: [bool; 4] = [false, false, false, true];
const POSITIVES: [bool; 4] = [true, false, true, false];
const NEGATIVES: [bool; 4] = [false, true, false, true];
const SELECTED: [bool; 4] = [true, true, false, false];
const REJECTED: [bool; 4] = [false, false, true, true];
const CORRECT: [bool; 4] = [true, false, false, true];

const NO_ROWS: &str = "there are no rows";
const NO_POSITIVES: &str = "no row is positive";
const NO_NEGATIVES: &str = "no row is negative";
const NO_SELECTED: &str = "no row is predicted positive";
const NO_REJECTED: &str = "no row is predicted negative";
pub(crate) const ONE_CLASS: &str = "only one of the two classes occurs";
pub(crate) const NO_FAVOURABLE: &str = "the manifest does not declare which class is favourable";
pub(crate) const ONE_MARGIN: &str = "only one class occurs among the labels or among the predictions";
pub(crate) const CHANCE_ALONE: &str = "labels and predictions are all of one class, where chance alone agrees";
pub(crate) const NO_VARIANCE: &str = "the estimate of its variance is zero";

const fn rate_of(id: MetricId, counted: [bool; 4], among: [bool; 4], nothing: &'static str) -> Rate {
    Rate { id, counted, among, nothing }
}

/// Every rate of the table. The favourable rate is the one that depends on a declaration.
pub(crate) const RATES: [Rate; 11] = [
    rate_of(MetricId::Prevalence, POSITIVES, ALL, NO_ROWS),
    rate_of(MetricId::SelectionRate, SELECTED, ALL, NO_ROWS),
    rate_of(MetricId::Accuracy, CORRECT, ALL, NO_ROWS),
    rate_of(MetricId::Precision, TP, SELECTED, NO_SELECTED),
    rate_of(MetricId::Recall, TP, POSITIVES, NO_POSITIVES),
    rate_of(MetricId::Specificity, TN, NEGATIVES, NO_NEGATIVES),
    rate_of(MetricId::NegativePredictiveValue, TN, REJECTED, NO_REJECTED),
    rate_of(MetricId::FalsePositiveRate, FP, NEGATIVES, NO_NEGATIVES),
    rate_of(MetricId::FalseNegativeRate, FN, POSITIVES, NO_POSITIVES),
    rate_of(MetricId::FalseDiscoveryRate, FP, SELECTED, NO_SELECTED),
    rate_of(MetricId::FalseOmissionRate, FN, REJECTED, NO_REJECTED),
];

/// The favourable rate, if it is declared which prediction is the good outcome.
pub(crate) fn favourable_rate(favourable_is_positive: bool) -> Rate {
    rate_of(MetricId::FavourableRate, if favourable_is_positive { SELECTED } else { REJECTED }, ALL, NO_ROWS)
}

impl Confusion {
    /// The counts in the order [tp, fp, fn, tn].
    fn cells(self) -> [u64; 4] {
        [self.true_positives, self.false_positives, self.false_negatives, self.true_negatives]
    }

    fn count(self, cells: [bool; 4]) -> u64 {
        self.cells().into_iter().zip(cells).filter(|(_, counted)| *counted).map(|(count, _)| count).sum()
    }

    fn rate(self, rate: Rate) -> Metric {
        self::rate(rate.id, self.count(rate.counted), self.count(rate.among), rate.nothing)
    }

    /// Every metric of the table.
    pub(crate) fn metrics(self, favourable_is_positive: Option<bool>) -> BTreeMap<MetricId, Metric> {
        let n = self.count(ALL);
        let mut metrics: BTreeMap<_, _> = RATES.iter().map(|rate| (rate.id, self.rate(*rate))).collect();
        let favourable = match favourable_is_positive {
            Some(positive) => self.rate(favourable_rate(positive)),
            None => Metric::without(MetricId::FavourableRate, MetricStatus::Undefined, n, NO_FAVOURABLE),
        };
        let others = [favourable, self.f1(), self.matthews(), self.kappa()];
        let ids = [MetricId::FavourableRate, MetricId::F1, MetricId::MatthewsCorrelation, MetricId::CohenKappa];
        metrics.extend(ids.into_iter().zip(others));
        metrics.extend(self.balance());
        metrics
    }

    /// F1 = 2TP / (2TP + FP + FN). With J = TP / (TP + FP + FN), F1 = 2J / (1 + J): a growing function
    /// of a proportion, so that Wilson's interval for J carries over.
    fn f1(self) -> Metric {
        let union = self.count([true, true, true, false]);
        if union == 0 {
            let reason = "no row is positive or predicted positive";
            return Metric::without(MetricId::F1, MetricStatus::Undefined, 0, reason);
        }
        let found = self.true_positives as f64;
        let value = 2.0 * found / (union as f64 + found);
        let from_jaccard = |share: f64| 2.0 * share / (1.0 + share);
        let interval = interval::wilson(self.true_positives, union).and_then(|jaccard| {
            interval::interval(from_jaccard(jaccard.low), from_jaccard(jaccard.high), "wilson-jaccard")
        });
        Metric::of(MetricId::F1, value, union, interval.ok_or_else(String::new))
    }

    /// Balanced accuracy, and Youden's J (Cancer 3, 1950), which is twice that less one; so is its interval.
    fn balance(self) -> [(MetricId, Metric); 2] {
        const IDS: [MetricId; 2] = [MetricId::BalancedAccuracy, MetricId::YoudenJ];
        let recall = Proportion::new(self.true_positives, self.count(POSITIVES));
        let specificity = Proportion::new(self.true_negatives, self.count(NEGATIVES));
        let (Some(recall), Some(specificity)) = (recall, specificity) else {
            return IDS.map(|id| (id, Metric::without(id, MetricStatus::Undefined, 0, ONE_CLASS)));
        };
        let n = self.count(ALL);
        let mean = interval::mean_of_two(&recall, &specificity);
        let sum = mean.as_ref().and_then(youden_of);
        let values = [f64::midpoint(recall.share, specificity.share), recall.share + specificity.share - 1.0];
        let [accuracy, youden] = IDS;
        [
            (accuracy, Metric::of(accuracy, values[0], n, mean.ok_or_else(String::new))),
            (youden, Metric::of(youden, values[1], n, sum.ok_or_else(String::new))),
        ]
    }

    fn matthews(self) -> Metric {
        let n = self.count(ALL);
        let estimate = Table::new(self.cells().map(|count| count as f64)).matthews();
        let Some(estimate) = estimate else {
            return Metric::without(MetricId::MatthewsCorrelation, MetricStatus::Undefined, n, empty_or(n, ONE_MARGIN));
        };
        let interval = fisher(estimate.value, self.standard_error(&estimate), "delta-fisher");
        Metric::of(MetricId::MatthewsCorrelation, estimate.value, n, interval)
    }

    fn kappa(self) -> Metric {
        let n = self.count(ALL);
        let Some(estimate) = Table::new(self.cells().map(|count| count as f64)).kappa() else {
            return Metric::without(MetricId::CohenKappa, MetricStatus::Undefined, n, empty_or(n, CHANCE_ALONE));
        };
        let interval = wald(estimate.value, self.standard_error(&estimate), (-1.0, 1.0), "fleiss-cohen-everitt");
        Metric::of(MetricId::CohenKappa, estimate.value, n, interval)
    }

    /// Delta method on the multinomial distribution of the four counts: √(Σ counts · influence²) / n.
    fn standard_error(self, estimate: &Estimate) -> f64 {
        let counts = self.cells().map(|count| count as f64);
        let squares: f64 = counts.iter().zip(estimate.influence).map(|(count, value)| count * (value * value)).sum();
        squares.sqrt() / counts.iter().sum::<f64>()
    }
}

fn empty_or(n: u64, reason: &'static str) -> &'static str {
    if n == 0 { NO_ROWS } else { reason }
}

/// The interval of Youden's J from that of balanced accuracy.
pub(crate) fn youden_of(balanced: &Interval) -> Option<Interval> {
    interval::interval(2.0 * balanced.low - 1.0, 2.0 * balanced.high - 1.0, &balanced.method)
}

/// Interval of a correlation on Fisher's scale, artanh: it stays inside (−1, 1).
pub(crate) fn fisher(value: f64, standard_error: f64, method: &str) -> Result<Interval, String> {
    let scale = 1.0 - value * value;
    let half = interval::Z * standard_error / scale;
    // What is left of a variance of zero by rounding is no variance.
    if scale <= 0.0 || half <= 1e-12 {
        return Err(NO_VARIANCE.to_owned());
    }
    let centre = libm::atanh(value);
    interval::interval(libm::tanh(centre - half), libm::tanh(centre + half), method).ok_or(NO_VARIANCE.to_owned())
}

/// Normal interval, cut off at the ends of the metric's range.
pub(crate) fn wald(value: f64, standard_error: f64, range: (f64, f64), method: &str) -> Result<Interval, String> {
    if standard_error <= 1e-12 * value.abs() {
        return Err(NO_VARIANCE.to_owned());
    }
    let half = interval::Z * standard_error;
    interval::interval((value - half).max(range.0), (value + half).min(range.1), method).ok_or(NO_VARIANCE.to_owned())
}

/// A function of the table, and its derivative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    /// What a row of each cell [tp, fp, fn, tn] contributes: the mean over rows is zero, and the variance of
    /// the value is that of the mean of these over as many rows.
    pub(crate) influence: [f64; 4],
}

/// Masses of the four cells: counts or sums of weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Table {
    cells: [f64; 4],
    positives: f64,
    negatives: f64,
    selected: f64,
    rejected: f64,
}

impl Table {
    /// From [tp, fp, fn, tn].
    pub(crate) fn new(cells: [f64; 4]) -> Self {
        let [tp, fp, fn_, tn] = cells;
        Self { cells, positives: tp + fn_, negatives: fp + tn, selected: tp + fp, rejected: fn_ + tn }
    }

    /// Matthews' correlation (tp·tn − fp·fn) / √(positives · negatives · selected · rejected). None if one of
    /// these is empty. As label and prediction, standardised to u and v, correlate at φ, a row's influence is
    /// uv − φ(u² + v²)/2; the variance is that of Bishop, Fienberg and Holland (1975), section 11.3.
    pub(crate) fn matthews(&self) -> Option<Estimate> {
        let [tp, fp, fn_, tn] = self.cells;
        let scale = (self.positives * self.negatives).sqrt() * (self.selected * self.rejected).sqrt();
        if scale <= 0.0 {
            return None;
        }
        let value = (difference_of_products(tp, tn, fp, fn_) / scale).clamp(-1.0, 1.0);
        let odds = (self.negatives / self.positives, self.rejected / self.selected);
        let influence_at = |positive: bool, selected: bool| {
            // The squares are those of (1 − p)/√(p(1 − p)) and −p/√(p(1 − p)).
            let u2 = if positive { odds.0 } else { 1.0 / odds.0 };
            let v2 = if selected { odds.1 } else { 1.0 / odds.1 };
            let product = (u2 * v2).sqrt();
            (if positive == selected { product } else { -product }) - value * (u2 + v2) / 2.0
        };
        let influence = [
            influence_at(true, true),
            influence_at(false, true),
            influence_at(true, false),
            influence_at(false, false),
        ];
        Some(Estimate { value, influence })
    }

    /// Cohen's kappa, (observed − chance) / (1 − chance) agreement, with the large-sample variance of Fleiss,
    /// Cohen and Everitt (Psychological Bulletin 72, 1969). None if chance alone agrees always.
    pub(crate) fn kappa(&self) -> Option<Estimate> {
        let [tp, fp, fn_, tn] = self.cells;
        let total = self.positives + self.negatives;
        // 1 − chance and 1 − observed, without the cancellation.
        let expected = self.positives * self.rejected + self.negatives * self.selected;
        if expected <= 0.0 {
            return None;
        }
        let chance_apart = expected / (total * total);
        let value = 2.0 * difference_of_products(tp, tn, fp, fn_) / expected;
        let apart = (fp + fn_) / total;
        let influence_at = |agree: bool, label: f64, prediction: f64| {
            let margins = (label + prediction) / total;
            f64::from(u8::from(agree)) / chance_apart - apart * margins / (chance_apart * chance_apart)
        };
        let raw = [
            influence_at(true, self.positives, self.selected),
            influence_at(false, self.positives, self.rejected),
            influence_at(false, self.negatives, self.selected),
            influence_at(true, self.negatives, self.rejected),
        ];
        let mean: f64 = self.cells.iter().zip(raw).map(|(cell, value)| cell / total * value).sum();
        // A constant prediction has no variance, and what rounding leaves of one is none.
        let centred = |part: f64| {
            let centred = part - mean;
            if centred.abs() <= 1e-14 * mean.abs() { 0.0 } else { centred }
        };
        Some(Estimate { value, influence: raw.map(centred) })
    }
}

/// a·b − c·d within two units in the last place (Kahan; analysed by Jeannerod, Louvet and Muller, 2013).
pub(crate) fn difference_of_products(a: f64, b: f64, c: f64, d: f64) -> f64 {
    let product = c * d;
    let error = libm::fma(-c, d, product);
    libm::fma(a, b, -product) + error
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn metrics(tp: u64, fp: u64, fn_: u64, tn: u64) -> BTreeMap<MetricId, Metric> {
        let table = Confusion { true_positives: tp, false_positives: fp, false_negatives: fn_, true_negatives: tn };
        table.metrics(Some(true))
    }

    #[track_caller]
    fn assert_close(actual: f64, expected: f64, tolerance: f64) {
        assert!((actual - expected).abs() <= tolerance, "{actual}, expected {expected}");
    }

    /// The variance of φ as it stands in Bishop, Fienberg and Holland (1975), section 11.3.
    fn published_phi_variance(tp: f64, fp: f64, fn_: f64, tn: f64, phi: f64) -> f64 {
        let n = tp + fp + fn_ + tn;
        let (p, q, r, s) = ((tp + fn_) / n, (fp + tn) / n, (tp + fp) / n, (fn_ + tn) / n);
        let product = (p - q) * (r - s) / (p * q * r * s).sqrt();
        let margins = (p - q).powi(2) / (p * q) + (r - s).powi(2) / (r * s);
        (1.0 - phi * phi + (phi + phi.powi(3) / 2.0) * product - 0.75 * phi * phi * margins) / n
    }

    /// The variance of κ as it stands in Fleiss, Cohen and Everitt (1969).
    fn published_kappa_variance(table: [[f64; 2]; 2], kappa: f64) -> f64 {
        let n: f64 = table.iter().flatten().sum();
        let rows = [0, 1].map(|i| (table[i][0] + table[i][1]) / n);
        let columns = [0, 1].map(|j| (table[0][j] + table[1][j]) / n);
        let chance: f64 = (0..2).map(|i| rows[i] * columns[i]).sum();
        let agree: f64 = (0..2).map(|i| table[i][i] / n * (1.0 - (rows[i] + columns[i]) * (1.0 - kappa)).powi(2)).sum();
        let apart: f64 = (0..2).map(|i| table[i][1 - i] / n * (columns[i] + rows[1 - i]).powi(2)).sum();
        let last = (kappa - chance * (1.0 - kappa)).powi(2);
        (agree + (1.0 - kappa).powi(2) * apart - last) / (n * (1.0 - chance).powi(2))
    }

    #[test]
    fn kappa_gives_the_published_example() {
        // Two raters of 50 grant proposals (Cohen's kappa, Wikipedia, "Simple example"): κ = 0.4.
        let all = metrics(20, 5, 10, 15);
        let kappa = &all[&MetricId::CohenKappa];
        assert_close(kappa.value.unwrap(), 0.4, 1e-15);
        let half = interval::Z * published_kappa_variance([[20.0, 5.0], [10.0, 15.0]], 0.4).sqrt();
        assert_close(kappa.interval.as_ref().unwrap().low, 0.4 - half, 1e-14);
    }

    #[test]
    fn every_undefined_value_says_why() {
        let none = metrics(0, 0, 0, 0);
        assert!(none.values().all(|metric| metric.status == MetricStatus::Undefined && metric.reason.is_some()));
        let never = metrics(0, 0, 4, 6);
        let reason = |id: MetricId| never[&id].reason.clone().unwrap_or_default();
        assert_eq!(reason(MetricId::Precision), NO_SELECTED);
        assert_eq!(reason(MetricId::FalseDiscoveryRate), NO_SELECTED);
        assert_eq!(reason(MetricId::MatthewsCorrelation), ONE_MARGIN);
        // A constant prediction agrees exactly as chance does: that is a value.
        assert_eq!((never[&MetricId::CohenKappa].value, reason(MetricId::CohenKappa)), (Some(0.0), NO_VARIANCE.into()));
        let agreed = metrics(0, 0, 0, 6);
        assert_eq!(agreed[&MetricId::CohenKappa].reason.as_deref(), Some(CHANCE_ALONE));
        assert_eq!(agreed[&MetricId::YoudenJ].reason.as_deref(), Some(ONE_CLASS));
        assert_eq!(agreed[&MetricId::F1].status, MetricStatus::Undefined);
    }

    #[test]
    fn a_perfect_table_has_no_variance() {
        let all = metrics(5, 0, 0, 7);
        for id in [MetricId::MatthewsCorrelation, MetricId::CohenKappa] {
            assert_eq!((all[&id].value, all[&id].interval.is_none()), (Some(1.0), true));
        }
        let youden = all[&MetricId::YoudenJ].interval.as_ref().unwrap();
        assert!(youden.low < 1.0 && youden.high == 1.0);
    }

    proptest! {
        #[test]
        fn variances_are_the_published_ones(tp in 1_u64..500, fp in 1_u64..500, fn_ in 1_u64..500, tn in 1_u64..500) {
            let table = Confusion {
                true_positives: tp, false_positives: fp, false_negatives: fn_, true_negatives: tn
            };
            let cells = [tp, fp, fn_, tn].map(|count| count as f64);
            let phi = Table::new(cells).matthews().unwrap();
            let expected = published_phi_variance(cells[0], cells[1], cells[2], cells[3], phi.value).sqrt();
            prop_assert!((table.standard_error(&phi) / expected - 1.0).abs() < 1e-9);
            let kappa = Table::new(cells).kappa().unwrap();
            let expected =
                published_kappa_variance([[cells[0], cells[1]], [cells[2], cells[3]]], kappa.value).sqrt();
            prop_assert!((table.standard_error(&kappa) / expected - 1.0).abs() < 1e-9);
        }

        #[test]
        fn swapping_the_classes_swaps_the_rates(
            tp in 0_u64..50, fp in 0_u64..50, fn_ in 0_u64..50, tn in 0_u64..50,
        ) {
            let (here, there) = (metrics(tp, fp, fn_, tn), metrics(tn, fn_, fp, tp));
            let pairs = [
                (MetricId::Recall, MetricId::Specificity),
                (MetricId::Precision, MetricId::NegativePredictiveValue),
                (MetricId::FalsePositiveRate, MetricId::FalseNegativeRate),
                (MetricId::FalseDiscoveryRate, MetricId::FalseOmissionRate),
                (MetricId::CohenKappa, MetricId::CohenKappa),
                (MetricId::YoudenJ, MetricId::YoudenJ),
            ];
            for (left, right) in pairs {
                prop_assert_eq!(here[&left].value, there[&right].value);
            }
            for metric in here.values() {
                let (Some(value), Some(interval)) = (metric.value, &metric.interval) else { continue };
                prop_assert!(interval.low <= value && value <= interval.high, "{:?}", metric);
            }
        }
    }
}
