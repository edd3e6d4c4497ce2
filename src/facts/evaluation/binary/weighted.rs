//! Every metric of a binary classification whose rows have weights, or belong to clusters.
//!
//! Values are those of scikit-learn with `sample_weight`. Standard errors are linearised: each row has an influence,
//! the derivative of the metric by its weight, and the variance is the sum of their squares, those of a cluster
//! added up first. See [`Sample::standard_error`].

use std::collections::BTreeMap;

use super::super::exact_sum::exact_sum;
use super::super::interval::{self, Z};
use super::super::metric::{Interval, Metric, MetricId, MetricStatus, Metrics};
use super::calibration::{self, BrierSkill};
use super::calibration_error::{BINS, Gaps, bin_of, cholesky};
use super::confusion::{
    self, CHANCE_ALONE, Estimate, NO_FAVOURABLE, NO_VARIANCE, ONE_CLASS, ONE_MARGIN, RATES, Rate, Table,
};
use super::logistic::{self, CLIP, Compressor, EXACT_GROUPS_MAX, LogisticFit, LogitGroup, LogitGroups, expit};
use super::ranking_curve::{NEAR_THRESHOLD, RankingCurve, ranking_curve};
pub(crate) use super::sample::WeightedRows;
use super::sample::{Row, Sample};

/// Every metric of a binary classification.
pub(crate) const METRICS: [MetricId; 35] = [
    MetricId::Prevalence,
    MetricId::SelectionRate,
    MetricId::FavourableRate,
    MetricId::Accuracy,
    MetricId::Precision,
    MetricId::Recall,
    MetricId::Specificity,
    MetricId::NegativePredictiveValue,
    MetricId::FalsePositiveRate,
    MetricId::FalseNegativeRate,
    MetricId::FalseDiscoveryRate,
    MetricId::FalseOmissionRate,
    MetricId::F1,
    MetricId::BalancedAccuracy,
    MetricId::MatthewsCorrelation,
    MetricId::CohenKappa,
    MetricId::YoudenJ,
    MetricId::RocAuc,
    MetricId::Gini,
    MetricId::KolmogorovSmirnov,
    MetricId::AveragePrecision,
    MetricId::TopDecileLift,
    MetricId::TopDecileCapture,
    MetricId::LogLoss,
    MetricId::Brier,
    MetricId::BrierSkill,
    MetricId::ExpectedCalibrationError,
    MetricId::CalibrationSlope,
    MetricId::CalibrationIntercept,
    MetricId::CalibrationInTheLarge,
    MetricId::ObservedExpectedRatio,
    MetricId::SpiegelhalterZ,
    MetricId::ScoreResolution,
    MetricId::NearThreshold,
    MetricId::ClippedProbabilities,
];

/// Rows on each side of the end of the top tenth, as shares of the weight, whose positives say how many there are at
/// its end: between the 8th and the 12th hundredth.
const WINDOW: (f64, f64) = (0.08, 0.12);

/// Every metric of `rows`. A row is predicted positive if its score is at least `threshold`.
pub(crate) fn metrics(rows: &WeightedRows<'_>, threshold: f64, favourable_is_positive: Option<bool>) -> Metrics {
    let sample = Sample::new(rows);
    if sample.rows.is_empty() {
        let none = |id: MetricId| Metric::without(id, MetricStatus::Undefined, 0, "there are no rows");
        return Metrics(METRICS.iter().map(|id| (*id, none(*id))).collect());
    }
    let slice = Slice::new(&sample, threshold);
    let mut all: BTreeMap<MetricId, Metric> = RATES.iter().map(|rate| (rate.id, slice.rate(*rate))).collect();
    let favourable = match favourable_is_positive {
        Some(positive) => slice.rate(confusion::favourable_rate(positive)),
        None => undefined(MetricId::FavourableRate, sample.n(), NO_FAVOURABLE),
    };
    all.insert(MetricId::FavourableRate, favourable);
    all.extend(slice.table_metrics());
    all.extend(slice.area());
    all.extend(slice.curve());
    all.extend(slice.losses());
    all.extend(slice.shares());
    all.extend(slice.logistic());
    all.extend(slice.ratio_and_statistic());
    all.insert(MetricId::ExpectedCalibrationError, slice.calibration_error());
    Metrics(all)
}

fn undefined(id: MetricId, n: u64, reason: &str) -> Metric {
    Metric::without(id, MetricStatus::Undefined, n, reason)
}

/// −ln of the probability given to what happened, clipped as scikit-learn does for doubles.
fn log_loss(row: &Row) -> f64 {
    let clipped = row.score.clamp(CLIP, 1.0 - CLIP);
    -libm::log(if row.positive { clipped } else { 1.0 - clipped })
}

fn squared_error(row: &Row) -> f64 {
    let error = row.score - label(row);
    error * error
}

fn label(row: &Row) -> f64 {
    f64::from(u8::from(row.positive))
}

/// Interval of a share on the logit scale: it stays inside (0, 1).
fn logit_interval(share: f64, standard_error: f64, method: &str) -> Result<Interval, String> {
    let scale = share * (1.0 - share);
    let half = Z * standard_error / scale;
    // What rounding leaves of a variance of zero is none.
    if scale <= 0.0 || half <= 1e-12 {
        return Err(NO_VARIANCE.to_owned());
    }
    let centre = libm::log(share / (1.0 - share));
    interval::interval(expit(centre - half), expit(centre + half), method).ok_or_else(|| NO_VARIANCE.to_owned())
}

/// What the metrics of one sample share.
struct Slice<'a> {
    sample: &'a Sample,
    threshold: f64,
    positives: f64,
    negatives: f64,
    table: Table,
}

impl<'a> Slice<'a> {
    fn new(sample: &'a Sample, threshold: f64) -> Self {
        let cell = |cell: usize| sample.sum(|row| f64::from(u8::from(cell_of(row, threshold) == cell)));
        let positives = sample.sum(label);
        let negatives = sample.sum(|row| 1.0 - label(row));
        Self { sample, threshold, positives, negatives, table: Table::new([cell(0), cell(1), cell(2), cell(3)]) }
    }

    fn cell(&self, row: &Row) -> usize {
        cell_of(row, self.threshold)
    }

    fn total(&self) -> f64 {
        self.positives + self.negatives
    }

    fn holds(&self, cells: [bool; 4], row: &Row) -> bool {
        cells.get(self.cell(row)).copied().unwrap_or(false)
    }

    fn rate(&self, rate: Rate) -> Metric {
        let counted = |row: &Row| self.holds(rate.counted, row) && self.holds(rate.among, row);
        self.share(rate.id, counted, |row| self.holds(rate.among, row), rate.nothing)
    }

    /// Weight of the rows that are `counted` over that of those they are counted `among`, as a linearised ratio on the
    /// logit scale. At 0 and 1 that has no variance, and the interval is Wilson's for the effective number of rows.
    fn share(
        &self,
        id: MetricId,
        counted: impl Fn(&Row) -> bool,
        among: impl Fn(&Row) -> bool,
        nothing: &str,
    ) -> Metric {
        let n = self.sample.count(&among);
        if n == 0 {
            return undefined(id, 0, nothing);
        }
        let part = |is: bool| f64::from(u8::from(is));
        let denominator = self.sample.sum(|row| part(among(row)));
        let numerator = self.sample.sum(|row| part(counted(row)));
        let value = numerator / denominator;
        let count = self.sample.count(&counted);
        let influence = |row: &Row| (part(counted(row)) - value * part(among(row))) / denominator;
        let interval = self.sample.standard_error(influence).and_then(|error| {
            if count == 0 || count == n {
                let (size, square) = (self.sample.effective_size(&among), Z * Z);
                let (low, high) =
                    if count == 0 { (0.0, square / (size + square)) } else { (size / (size + square), 1.0) };
                let method = self.sample.method("wilson-kish");
                return interval::interval(low, high, &method).ok_or_else(|| NO_VARIANCE.to_owned());
            }
            logit_interval(value, error, &self.sample.method("linearised-logit"))
        });
        let numerator = (!self.sample.weighted).then_some(count);
        Metric { numerator, ..Metric::of(id, value, n, interval) }
    }

    /// What depends on all four cells.
    fn table_metrics(&self) -> BTreeMap<MetricId, Metric> {
        let sample = self.sample;
        let mut metrics = BTreeMap::from([(MetricId::F1, self.f1())]);
        metrics.extend(self.balance());
        let matthews = match self.table.matthews() {
            None => undefined(MetricId::MatthewsCorrelation, sample.n(), ONE_MARGIN),
            Some(estimate) => {
                let interval = self
                    .table_error(&estimate)
                    .and_then(|error| confusion::fisher(estimate.value, error, &sample.method("delta-fisher")));
                Metric::of(MetricId::MatthewsCorrelation, estimate.value, sample.n(), interval)
            }
        };
        let kappa = match self.table.kappa() {
            None => undefined(MetricId::CohenKappa, sample.n(), CHANCE_ALONE),
            Some(estimate) => {
                let method = sample.method("fleiss-cohen-everitt");
                let interval = self
                    .table_error(&estimate)
                    .and_then(|error| confusion::wald(estimate.value, error, (-1.0, 1.0), &method));
                Metric::of(MetricId::CohenKappa, estimate.value, sample.n(), interval)
            }
        };
        metrics.extend([(MetricId::MatthewsCorrelation, matthews), (MetricId::CohenKappa, kappa)]);
        metrics
    }

    fn table_error(&self, estimate: &Estimate) -> Result<f64, String> {
        let total = self.total();
        self.sample.standard_error(|row| estimate.influence.get(self.cell(row)).copied().unwrap_or(0.0) / total)
    }

    /// F1 = 2TP / (2TP + FP + FN), a linearised ratio on the logit scale.
    fn f1(&self) -> Metric {
        let parts = |row: &Row| match self.cell(row) {
            0 => (2.0, 2.0),
            1 | 2 => (0.0, 1.0),
            _ => (0.0, 0.0),
        };
        let n = self.sample.count(|row| parts(row).1 > 0.0);
        if n == 0 {
            return undefined(MetricId::F1, 0, "no row is positive or predicted positive");
        }
        let denominator = self.sample.sum(|row| parts(row).1);
        let value = self.sample.sum(|row| parts(row).0) / denominator;
        let error = self.sample.standard_error(|row| (parts(row).0 - value * parts(row).1) / denominator);
        let method = self.sample.method("linearised-logit");
        Metric::of(MetricId::F1, value, n, error.and_then(|error| logit_interval(value, error, &method)))
    }

    /// Balanced accuracy, and Youden's J, which is twice that less one; so is its interval.
    fn balance(&self) -> [(MetricId, Metric); 2] {
        const IDS: [MetricId; 2] = [MetricId::BalancedAccuracy, MetricId::YoudenJ];
        if self.positives <= 0.0 || self.negatives <= 0.0 {
            return IDS.map(|id| (id, undefined(id, 0, ONE_CLASS)));
        }
        let right = |row: &Row| f64::from(u8::from((row.score >= self.threshold) == row.positive));
        let recall = self.sample.sum(|row| label(row) * right(row)) / self.positives;
        let specificity = self.sample.sum(|row| (1.0 - label(row)) * right(row)) / self.negatives;
        let value = f64::midpoint(recall, specificity);
        let influence = |row: &Row| {
            let (share, of) = if row.positive { (recall, self.positives) } else { (specificity, self.negatives) };
            (right(row) - share) / of / 2.0
        };
        let method = self.sample.method("linearised-logit");
        let interval = self.sample.standard_error(influence).and_then(|error| logit_interval(value, error, &method));
        let doubled =
            interval.clone().and_then(|interval| confusion::youden_of(&interval).ok_or_else(|| NO_VARIANCE.to_owned()));
        let n = self.sample.n();
        let [accuracy, youden] = IDS;
        [
            (accuracy, Metric::of(accuracy, value, n, interval)),
            (youden, Metric::of(youden, recall + specificity - 1.0, n, doubled)),
        ]
    }

    /// Area under the ROC curve, and Gini.
    fn area(&self) -> [(MetricId, Metric); 2] {
        const IDS: [MetricId; 2] = [MetricId::RocAuc, MetricId::Gini];
        let n = self.sample.n();
        if self.positives <= 0.0 || self.negatives <= 0.0 {
            return IDS.map(|id| (id, undefined(id, n, ONE_CLASS)));
        }
        let placements = Placements::new(self.sample, self.positives, self.negatives);
        let name = if self.sample.clustered { "obuchowski-logit" } else { "delong-logit" };
        let method = self.sample.method(name);
        let area = placements.area;
        let interval = placements.standard_error(self.sample).and_then(|error| logit_interval(area, error, &method));
        let doubled =
            interval.clone().and_then(|interval| confusion::youden_of(&interval).ok_or_else(|| NO_VARIANCE.to_owned()));
        let [roc, gini] = IDS;
        [(roc, Metric::of(roc, area, n, interval)), (gini, Metric::of(gini, 2.0 * area - 1.0, n, doubled))]
    }

    /// What is read off the curve of distinct scores.
    fn curve(&self) -> BTreeMap<MetricId, Metric> {
        let (sample, curve) = (self.sample, ranking_curve(&self.sample.groups));
        let n = sample.n();
        let method = sample.method("infinitesimal-jackknife-logit");
        let of = |id: MetricId, value: f64, error: Result<f64, String>| {
            Metric::of(id, value, n, error.and_then(|error| logit_interval(value, error, &method)))
        };
        let precision = if self.positives > 0.0 {
            let (value, error) = self.average_precision();
            of(MetricId::AveragePrecision, value, error)
        } else {
            undefined(MetricId::AveragePrecision, n, "no row is positive")
        };
        let distance = match curve.kolmogorov_smirnov {
            None => undefined(MetricId::KolmogorovSmirnov, n, ONE_CLASS),
            Some(value) => of(MetricId::KolmogorovSmirnov, value, self.distance_error(&curve)),
        };
        let capture = match curve.top_decile_capture {
            None => undefined(MetricId::TopDecileCapture, n, "no row is positive"),
            Some(value) => of(MetricId::TopDecileCapture, value, self.capture_error(&curve, value)),
        };
        let lift = lift_of(&capture);
        let resolution = curve.distinct as f64 / n as f64;
        let reason = "a count of these rows, not an estimate".to_owned();
        let resolution = Metric::of(MetricId::ScoreResolution, resolution, n, Err(reason));
        BTreeMap::from([
            (MetricId::AveragePrecision, precision),
            (MetricId::KolmogorovSmirnov, distance),
            (MetricId::TopDecileCapture, capture),
            (MetricId::TopDecileLift, lift),
            (MetricId::ScoreResolution, Metric { numerator: Some(curve.distinct), ..resolution }),
        ])
    }

    /// Average precision is Σ over positives of w · P(s) / W₊, with P(s) the precision at the score and T(s) the weight
    /// at and above it. Its derivative by the weight of a row with label y and score s is
    /// [y(P(s) − AP) + Σ over positives at or below s of w (y − P) / T] / W₊.
    fn average_precision(&self) -> (f64, Result<f64, String>) {
        let groups = &self.sample.groups;
        let mut precisions = vec![(0.0, 0.0); groups.len()];
        let (mut found, mut selected) = (0.0, 0.0);
        for (group, at) in groups.iter().zip(&mut precisions).rev() {
            found += group.positives;
            selected += group.mass();
            *at = (found / selected, selected);
        }
        // Summed from the top, where a difference from the total would have lost the digits of small weights.
        let terms = groups.iter().zip(&precisions).map(|(group, at)| group.positives / self.positives * at.0);
        let value = exact_sum(terms);
        let (mut rising, mut falling) = (0.0, 0.0);
        let influences: Vec<[f64; 2]> = groups
            .iter()
            .zip(precisions)
            .map(|(group, (precision, selected))| {
                rising += group.positives / selected;
                falling += group.positives * precision / selected;
                [-falling, precision - value + rising - falling]
            })
            .collect();
        let error = self.sample.standard_error(|row| {
            let [negative, positive] = influences.get(row.group).copied().unwrap_or_default();
            (if row.positive { positive } else { negative }) / self.positives
        });
        (value, error)
    }

    /// The distance is a difference of two shares at the score where it is largest; that the score is an estimate
    /// too is of second order.
    fn distance_error(&self, curve: &RankingCurve) -> Result<f64, String> {
        let below = |row: &Row| f64::from(u8::from(row.score <= curve.kolmogorov_smirnov_at));
        let positive = self.sample.sum(|row| label(row) * below(row)) / self.positives;
        let negative = self.sample.sum(|row| (1.0 - label(row)) * below(row)) / self.negatives;
        self.sample.standard_error(|row| match row.positive {
            true => (below(row) - positive) / self.positives,
            false => -(below(row) - negative) / self.negatives,
        })
    }

    /// Capture is a share of the positives beyond a quantile of all scores. A row moves it by its own part, and by moving
    /// the quantile: (0.1 − part of it inside) times the share of positives there.
    fn capture_error(&self, curve: &RankingCurve, value: f64) -> Result<f64, String> {
        let (end, inside) = curve.top_decile_end;
        let part = |row: &Row| match row.score.total_cmp(&end) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => inside,
            std::cmp::Ordering::Less => 0.0,
        };
        let total = self.total();
        let (mut above, mut positives, mut rows) = (0.0, 0.0, 0.0);
        for group in self.sample.groups.iter().rev() {
            let from = above / total;
            above += group.mass();
            if above / total >= WINDOW.0 && from <= WINDOW.1 {
                positives += group.positives;
                rows += group.mass();
            }
        }
        let at_the_end = positives / rows;
        self.sample.standard_error(|row| {
            let own = label(row) * (part(row) - value);
            (own + at_the_end * (0.1 - part(row))) / self.positives
        })
    }

    fn losses(&self) -> [(MetricId, Metric); 3] {
        let sample = self.sample;
        let total = self.total();
        let mean = |id: MetricId, loss: fn(&Row) -> f64| {
            let value = sample.sum(loss) / total;
            let error = sample.standard_error(|row| (loss(row) - value) / total);
            let interval = error.and_then(|error| {
                let half = Z * error;
                let interval = interval::interval((value - half).max(0.0), value + half, &sample.method("clt"));
                interval.ok_or_else(|| NO_VARIANCE.to_owned())
            });
            (id, Metric::of(id, value, sample.n(), interval))
        };
        [mean(MetricId::LogLoss, log_loss), mean(MetricId::Brier, squared_error), (MetricId::BrierSkill, self.skill())]
    }

    fn skill(&self) -> Metric {
        let n = self.sample.n();
        if self.positives <= 0.0 || self.negatives <= 0.0 {
            return undefined(MetricId::BrierSkill, n, ONE_CLASS);
        }
        let total = self.total();
        let skill =
            BrierSkill::new(self.sample.sum(squared_error) / total, self.positives / total, self.negatives / total);
        let influence = |row: &Row| skill.influence(squared_error(row), row.positive) / total;
        match self.sample.standard_error(influence) {
            Ok(error) => skill.metric(n, error, &self.sample.method("delta-log")),
            Err(reason) => Metric { interval: None, reason: Some(reason), ..skill.metric(n, 0.0, "") },
        }
    }

    fn shares(&self) -> [(MetricId, Metric); 2] {
        let near = |row: &Row| (row.score - self.threshold).abs() < NEAR_THRESHOLD;
        let clipped = |row: &Row| row.score < CLIP || row.score > 1.0 - CLIP;
        [
            (MetricId::NearThreshold, self.share(MetricId::NearThreshold, near, |_| true, "")),
            (MetricId::ClippedProbabilities, self.share(MetricId::ClippedProbabilities, clipped, |_| true, "")),
        ]
    }

    fn logistic(&self) -> [(MetricId, Metric); 3] {
        const IDS: [MetricId; 3] =
            [MetricId::CalibrationSlope, MetricId::CalibrationIntercept, MetricId::CalibrationInTheLarge];
        let (sample, n) = (self.sample, self.sample.n());
        let groups = logit_groups(sample);
        let of = |id: MetricId, value: f64, fit: &LogisticFit, place: usize| {
            let influence = |row: &Row| {
                let both = fit.influence(logistic::logit(row.score), row.positive);
                both.get(place).copied().unwrap_or(0.0)
            };
            let method = sample.method("wald-sandwich");
            let interval = sample.standard_error(influence);
            Metric::of(id, value, n, interval.and_then(|error| logistic::wald(value, error, &method)))
        };
        let [slope, intercept, large] = IDS;
        let both = match LogisticFit::slope_and_intercept(&groups) {
            Ok(fit) => [of(slope, fit.slope, &fit, 1), of(intercept, fit.intercept, &fit, 0)],
            Err(no_fit) => [slope, intercept].map(|id| calibration::without_fit(id, n, no_fit)),
        };
        let alone = match LogisticFit::in_the_large(&groups) {
            Ok(fit) => of(large, fit.intercept, &fit, 0),
            Err(no_fit) => calibration::without_fit(large, n, no_fit),
        };
        let [first, second] = both;
        [(slope, first), (intercept, second), (large, alone)]
    }

    fn ratio_and_statistic(&self) -> [(MetricId, Metric); 2] {
        let (sample, n) = (self.sample, self.sample.n());
        let id = MetricId::ObservedExpectedRatio;
        let expected = sample.sum(|row| row.score);
        let ratio = if expected > 0.0 {
            let value = self.positives / expected;
            let error = sample.standard_error(|row| (label(row) - value * row.score) / expected);
            let method = sample.method("linearised-log");
            let none = calibration::NO_POSITIVE_FOR_LOGARITHM;
            let interval = error.and_then(|error| calibration::log_interval(value, error / value, none, &method));
            Metric::of(id, value, n, interval)
        } else {
            undefined(id, n, calibration::NO_EXPECTED)
        };
        let terms = |row: &Row| calibration::spiegelhalter_terms(row.positive, row.score);
        // The variance of a weighted sum has the squares of the weights.
        let variance = sample.sum(|row| row.weight * terms(row).1);
        let mut z = calibration::spiegelhalter(sample.sum(|row| terms(row).0), variance, n);
        if sample.clustered && z.value.is_some() {
            let reason = "a test statistic has no interval, and its p-value would need independent rows";
            z.reason = Some(reason.to_owned());
        }
        [(id, ratio), (MetricId::SpiegelhalterZ, z)]
    }

    /// Σ over bins of |Σ w (score − label)| / Σ w. A row's influence on the gap of its bin is its own gap less the
    /// bin's.
    fn calibration_error(&self) -> Metric {
        let (sample, total) = (self.sample, self.total());
        let mut gaps = Gaps { rows: sample.effective_size(|_| true), ..Gaps::default() };
        let mut mean_gaps = [0.0; BINS];
        for (bin, mean_gap) in mean_gaps.iter_mut().enumerate() {
            let inside = |row: &Row| f64::from(u8::from(bin_of(row.score) == bin));
            let weight = sample.sum(inside);
            let gap = sample.sum(|row| inside(row) * row.score) - sample.sum(|row| inside(row) * label(row));
            if let (true, Some(place), Some(share)) = (weight > 0.0, gaps.gap.get_mut(bin), gaps.share.get_mut(bin)) {
                (*place, *share, *mean_gap) = (gap / total, weight / total, gap / weight);
            }
        }
        let value = gaps.error();
        let influence = |row: &Row| {
            let mean = mean_gaps.get(bin_of(row.score)).copied().unwrap_or(0.0);
            (row.score - label(row) - mean) / total
        };
        let interval = sample.bin_covariance(influence).and_then(|covariance| {
            gaps.noise = cholesky(&covariance);
            gaps.interval(&sample.method("test-inversion-linearised"))
        });
        Metric::of(MetricId::ExpectedCalibrationError, value, sample.n(), interval)
    }
}

/// Lift is ten times the capture, and so is its interval.
pub(crate) fn lift_of(capture: &Metric) -> Metric {
    const ID: MetricId = MetricId::TopDecileLift;
    let Some(value) = capture.value else {
        return Metric::without(ID, capture.status, capture.n, capture.reason.clone().unwrap_or_default());
    };
    let reason = || capture.reason.clone().unwrap_or_default();
    let tenfold = |ends: &Interval| interval::interval(10.0 * ends.low, 10.0 * ends.high, &ends.method);
    Metric::of(ID, 10.0 * value, capture.n, capture.interval.as_ref().and_then(tenfold).ok_or_else(reason))
}

/// Place in [tp, fp, fn, tn].
fn cell_of(row: &Row, threshold: f64) -> usize {
    match (row.score >= threshold, row.positive) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) => 3,
    }
}

/// The weights at each logit, compressed where there are many.
fn logit_groups(sample: &Sample) -> LogitGroups {
    let mut groups: Vec<LogitGroup> = Vec::with_capacity(sample.groups.len());
    for group in &sample.groups {
        let next = LogitGroup { logit: logistic::logit(group.score), rows: group.mass(), positives: group.positives };
        match groups.last_mut().filter(|last| last.logit >= next.logit) {
            // Clipping, and the rounding of the logarithm, make ties.
            Some(last) => {
                last.rows += next.rows;
                last.positives += next.positives;
            }
            None => groups.push(next),
        }
    }
    match (groups.first(), groups.last()) {
        (Some(first), Some(last)) if groups.len() > EXACT_GROUPS_MAX => {
            let mut compressor = Compressor::new(first.logit, last.logit);
            groups.iter().for_each(|group| compressor.add(*group));
            compressor.finish()
        }
        _ => LogitGroups::exact(groups),
    }
}

/// The area, and the placement of each score group among the other class.
struct Placements {
    area: f64,
    /// For each group: how a positive of it is placed among the negatives, less the area, over the weight of the
    /// positives; and the same for a negative.
    influence: Vec<[f64; 2]>,
}

impl Placements {
    fn new(sample: &Sample, positives: f64, negatives: f64) -> Self {
        let (mut below, mut at_most) = ((0.0, 0.0), (0.0, 0.0));
        let placed: Vec<(f64, f64)> = sample
            .groups
            .iter()
            .map(|group| {
                below = at_most;
                at_most = (below.0 + group.positives, below.1 + group.negatives);
                (f64::midpoint(below.1, at_most.1), f64::midpoint(below.0, at_most.0))
            })
            .collect();
        let wins = sample.groups.iter().zip(&placed).map(|(group, placed)| group.positives * placed.0);
        let area = exact_sum(wins) / (positives * negatives);
        let influence = placed
            .iter()
            .map(|placed| {
                let negative = ((1.0 - placed.1 / positives) - area) / negatives;
                [negative, (placed.0 / negatives - area) / positives]
            })
            .collect();
        Self { area, influence }
    }

    /// Standard error of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988) where rows are independent, and of
    /// Obuchowski (Biometrics 53, 1997) where they come in clusters; with weights, the placements and their sums are
    /// weighted. With A and B the sums of influences over a cluster's positives and negatives, the variance is
    /// I₁₀/(I₁₀ − 1) Σ A² + I₀₁/(I₀₁ − 1) Σ B² + 2 I/(I − 1) Σ AB, where I, I₁₀ and I₀₁ count the clusters, those with
    /// a positive and those with a negative.
    fn standard_error(&self, sample: &Sample) -> Result<f64, String> {
        let of = |class: bool| {
            let within = move |row: &Row| row.positive == class;
            let influence = |row: &Row| {
                let [negative, positive] = self.influence.get(row.group).copied().unwrap_or_default();
                match (within(row), class) {
                    (false, _) => 0.0,
                    (true, true) => positive,
                    (true, false) => negative,
                }
            };
            let masses = sample.by_cluster(|row| f64::from(u8::from(within(row))));
            let clusters = masses.iter().filter(|mass| **mass > 0.0).count();
            (sample.by_cluster(influence), clusters)
        };
        let ((positive, of_positives), (negative, of_negatives)) = (of(true), of(false));
        if of_positives < 2 || of_negatives < 2 {
            let reason = match sample.clustered {
                true => "a class is in fewer than two clusters",
                false => "the DeLong variance needs two rows of each class",
            };
            return Err(reason.to_owned());
        }
        let correction = |count: usize| count as f64 / (count as f64 - 1.0);
        let sum = |left: &[f64], right: &[f64]| exact_sum(left.iter().zip(right).map(|(left, right)| left * right));
        let variance = correction(of_positives) * sum(&positive, &positive)
            + correction(of_negatives) * sum(&negative, &negative)
            + 2.0 * correction(sample.clusters) * sum(&positive, &negative);
        if variance > 0.0 { Ok(variance.sqrt()) } else { Err(NO_VARIANCE.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics as unweighted;
    use super::*;
    use crate::facts::evaluation::ranked::tests::state;
    use proptest::prelude::*;

    type Drawn = Vec<(bool, u8, u8, u8)>;

    /// Rows with ties, weights from 0 to 3 and five clusters.
    fn rows() -> impl Strategy<Value = Drawn> {
        prop::collection::vec((any::<bool>(), 0_u8..=20, 0_u8..4, 0_u8..5), 0..40)
    }

    /// With or without weights and clusters.
    fn of(rows: &Drawn, weighted: bool, clustered: bool) -> Metrics {
        scaled(rows, weighted, clustered, 1.0)
    }

    fn scaled(rows: &Drawn, weighted: bool, clustered: bool, scale: f64) -> Metrics {
        let label: Vec<_> = rows.iter().map(|row| row.0).collect();
        let score: Vec<_> = rows.iter().map(|row| f64::from(row.1) / 20.0).collect();
        let weight: Vec<_> = rows.iter().map(|row| f64::from(row.2) * scale).collect();
        let cluster: Vec<_> = rows.iter().map(|row| u64::from(row.3)).collect();
        let rows = WeightedRows {
            label: &label,
            score: &score,
            weight: weighted.then_some(weight.as_slice()),
            cluster: clustered.then_some(cluster.as_slice()),
        };
        metrics(&rows, 0.5, Some(true))
    }

    fn close(left: f64, right: f64, tolerance: f64) -> bool {
        (left - right).abs() <= tolerance * left.abs().max(1.0)
    }

    /// The area and its standard error by the formulas of DeLong, over all pairs.
    fn delong(rows: &Drawn) -> (f64, f64) {
        let class = |positive: bool| rows.iter().filter(|row| row.0 == positive).map(|row| row.1).collect::<Vec<_>>();
        let (positives, negatives) = (class(true), class(false));
        let win = |left: u8, right: u8| if left > right { 1.0 } else { f64::from(u8::from(left == right)) / 2.0 };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let above: Vec<f64> = positives
            .iter()
            .map(|left| mean(&negatives.iter().map(|right| win(*left, *right)).collect::<Vec<_>>()))
            .collect();
        let below: Vec<f64> = negatives
            .iter()
            .map(|right| mean(&positives.iter().map(|left| win(*left, *right)).collect::<Vec<_>>()))
            .collect();
        let area = mean(&above);
        let variance = |values: &[f64]| {
            let squares: f64 = values.iter().map(|value| (value - area).powi(2)).sum();
            squares / (values.len() as f64 - 1.0) / values.len() as f64
        };
        (area, (variance(&above) + variance(&below)).sqrt())
    }

    #[test]
    fn nothing_comes_of_nothing() {
        let none = of(&vec![(true, 3, 0, 0), (false, 4, 0, 1)], true, false);
        assert_eq!(none.0.len(), METRICS.len());
        assert!(none.0.values().all(|metric| metric.reason.as_deref() == Some("there are no rows")));
        let empty = of(&vec![], false, false);
        assert_eq!(none, empty);
    }

    #[test]
    fn one_cluster_has_no_interval() {
        let rows: Drawn = (0..12).map(|row| (row % 3 == 0, row, 1, 2)).collect();
        let all = of(&rows, false, true);
        assert!(all.0.values().all(|metric| metric.interval.is_none()));
        assert_eq!(all.0[&MetricId::Accuracy].reason.as_deref(), Some("there are fewer than two clusters"));
    }

    #[test]
    fn clusters_widen_what_they_repeat() {
        let once: Drawn = (0..20).map(|row| ((row * 7) % 20 > 9, row, 1, row)).collect();
        let fivefold: Drawn = once.iter().flat_map(|row| std::iter::repeat_n(*row, 5)).collect();
        let (few, many, naive) = (of(&once, false, true), of(&fivefold, false, true), of(&fivefold, false, false));
        for id in [MetricId::Accuracy, MetricId::RocAuc, MetricId::LogLoss, MetricId::CalibrationSlope] {
            let width = |metrics: &Metrics| metrics.0[&id].interval.as_ref().map(|ends| ends.high - ends.low).unwrap();
            // Rows that only repeat say nothing new, and the cluster's error knows.
            assert!(close(width(&few), width(&many), 1e-12), "{id:?}");
            assert!(width(&naive) < 0.6 * width(&many), "{id:?}");
        }
    }

    #[test]
    fn extreme_weights_do_not_overflow() {
        let label = [true, false, true, false];
        let score = [0.9, 0.2, 0.4, 0.6];
        let rows = |weight: &'static [f64; 4]| {
            let rows = WeightedRows { label: &label, score: &score, weight: Some(weight), cluster: None };
            metrics(&rows, 0.5, None)
        };
        let large = rows(&[1e308, 1e308, 1e308, 1e308]);
        let small = rows(&[1e-308, 1e-308, 1e-308, 1e-308]);
        for (id, metric) in &large.0 {
            assert_ne!(metric.status, MetricStatus::Error, "{id:?}");
            if let (Some(left), Some(right)) = (metric.value, small.0[id].value) {
                assert!(close(left, right, 1e-12), "{id:?} {left} {right}");
            }
        }
        assert_eq!(large.0[&MetricId::RocAuc].value, Some(0.75));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_order_gives_the_same_bits(
            (rows, shuffled) in rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        ) {
            for (weighted, clustered) in [(false, false), (true, false), (false, true), (true, true)] {
                prop_assert_eq!(of(&rows, weighted, clustered), of(&shuffled, weighted, clustered));
            }
        }

        #[test]
        fn a_power_of_two_on_every_weight_changes_no_bit(rows in rows(), exponent in -900_i32..900) {
            let scale = libm::ldexp(1.0, exponent);
            prop_assert_eq!(of(&rows, true, true), scaled(&rows, true, true, scale));
        }

        #[test]
        fn a_weight_is_a_number_of_copies(rows in rows()) {
            let copies: Drawn =
                rows.iter().flat_map(|row| std::iter::repeat_n(*row, usize::from(row.2))).collect();
            let (weighted, copied) = (of(&rows, true, false), of(&copies, false, false));
            for (id, metric) in &weighted.0 {
                let other = &copied.0[id];
                prop_assert_eq!(metric.status, other.status);
                // These count rows, or rest on the number of independent ones.
                if matches!(id, MetricId::ScoreResolution | MetricId::SpiegelhalterZ) {
                    continue;
                }
                if let (Some(left), Some(right)) = (metric.value, other.value) {
                    prop_assert!(close(left, right, 1e-11), "{:?} {} {}", id, left, right);
                }
            }
            // With clusters a copy is in the cluster of its row, and the intervals are the same too.
            let (weighted, copied) = (of(&rows, true, true), of(&copies, false, true));
            for id in [MetricId::Recall, MetricId::RocAuc, MetricId::AveragePrecision, MetricId::Brier, MetricId::F1] {
                let ends = |metrics: &Metrics| metrics.0[&id].interval.clone();
                match (ends(&weighted), ends(&copied)) {
                    (Some(left), Some(right)) => {
                        prop_assert!(close(left.low, right.low, 1e-6) && close(left.high, right.high, 1e-6));
                    }
                    (left, right) => prop_assert_eq!(left, right),
                }
            }
        }

        #[test]
        fn without_weights_the_values_are_those_of_the_parts(rows in rows().prop_filter("rows", |rows| !rows.is_empty())) {
            let of_class = |positive: bool| -> Vec<f64> {
                rows.iter().filter(|row| row.0 == positive).map(|row| f64::from(row.1) / 20.0).collect()
            };
            let (fast, curve) = state(&of_class(true), &of_class(false), 0.5);
            let ones: Drawn = rows.iter().map(|row| (row.0, row.1, 1, row.3)).collect();
            let (here, weighted) = (of(&rows, false, false), of(&ones, true, false));
            for (id, metric) in unweighted(&fast, &curve, None).0 {
                if id == MetricId::FavourableRate {
                    continue;
                }
                for other in [&here.0[&id], &weighted.0[&id]] {
                    prop_assert_eq!(metric.status, other.status);
                    prop_assert_eq!(metric.n, other.n, "{:?}", id);
                    if let (Some(left), Some(right)) = (metric.value, other.value) {
                        prop_assert!(close(left, right, 1e-12), "{:?} {} {}", id, left, right);
                    }
                }
            }
        }

        #[test]
        fn without_weights_the_area_and_the_losses_are_the_known_ones(rows in rows()) {
            let count = |positive: bool| rows.iter().filter(|row| row.0 == positive).count();
            prop_assume!(count(true) > 1 && count(false) > 1);
            let all = of(&rows, false, false);
            let (area, error) = delong(&rows);
            let metric = &all.0[&MetricId::RocAuc];
            prop_assert!(close(metric.value.unwrap(), area, 1e-14));
            match (&metric.interval, interval::delong_logit(area, error)) {
                (Some(left), Some(right)) => {
                    prop_assert!(close(left.low, right.low, 1e-11) && close(left.high, right.high, 1e-11));
                }
                (left, right) => prop_assert!(left.is_none() && (right.is_none() || error < 1e-12)),
            }
            let n = rows.len() as f64;
            let losses: Vec<_> = rows.iter()
                .map(|row| (f64::from(row.1) / 20.0 - f64::from(u8::from(row.0))).powi(2)).collect();
            let mean = losses.iter().sum::<f64>() / n;
            let deviation = (losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
            let expected = interval::mean_of_losses(mean, deviation, rows.len() as u64).unwrap();
            let brier = all.0[&MetricId::Brier].interval.clone().unwrap();
            prop_assert!(close(brier.low, expected.low, 1e-12) && close(brier.high, expected.high, 1e-12));
        }
    }
}
