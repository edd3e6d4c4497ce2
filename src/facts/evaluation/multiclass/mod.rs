//! Every metric of a classification with more than two classes; of several labels a row in [`multilabel`].
//!
//! The classes are those that are declared, whether rows have them or not. What averages over all of them has no value
//! where one has no rows: it is neither left out nor counted as 0. Classes are named by their number.
//!
//! Intervals: Wilson's for shares of rows, DeLong's for an area, and the delta method for the rest: each row has an
//! influence, the derivative of the metric by its weight, and the variance is the sum of their squares, those of a
//! cluster added up first. See [`Sample::standard_error`].

mod agreement;
mod class_calibration;
mod class_ranking;
pub(crate) mod multilabel;
mod rates;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use agreement::Agreement;
use class_calibration::Forecasts;
use class_ranking::{ClassRanking, Labels};
use rates::{Decisions, Mass, Rate, Tally, delta_method, delta_metric, names, share, undefined};

use super::exact_sum::exact_sum;
use super::interval::{self, Proportion};
use super::metric::{Metric, MetricId, MetricStatus, Metrics};
use super::sample::{NO_VARIANCE, NOT_NEGATIVE, Sample, at};

/// How far the probabilities of a row may add up to something else than 1.
const SUM_TOLERANCE: f64 = 1e-6;

/// Probabilities this close to 0 or 1 are moved to here in the log loss: the epsilon of doubles, as scikit-learn does.
const CLIP: f64 = f64::EPSILON;

const NO_ROWS: &str = "there are no rows";
const NO_PROBABILITIES: &str = "there are no probabilities";

/// What depends on the predicted classes.
const OF_PREDICTIONS: [MetricId; 13] = [
    MetricId::Accuracy,
    MetricId::BalancedAccuracy,
    MetricId::MacroPrecision,
    MetricId::MacroRecall,
    MetricId::MacroF1,
    MetricId::MicroPrecision,
    MetricId::MicroRecall,
    MetricId::MicroF1,
    MetricId::WeightedPrecision,
    MetricId::WeightedRecall,
    MetricId::WeightedF1,
    MetricId::MatthewsCorrelation,
    MetricId::CohenKappa,
];

/// What depends on the order of probabilities.
const OF_RANKS: [MetricId; 5] = [
    MetricId::MacroRocAucOvr,
    MetricId::WeightedRocAucOvr,
    MetricId::MacroRocAucOvo,
    MetricId::MacroAveragePrecision,
    MetricId::TopKAccuracy,
];

/// What takes probabilities at their word.
const OF_PROBABILITIES: [MetricId; 5] = [
    MetricId::LogLoss,
    MetricId::ClippedProbabilities,
    MetricId::Brier,
    MetricId::ExpectedCalibrationError,
    MetricId::ClasswiseCalibrationError,
];

/// What a class has whether or not there are probabilities, and what it has only with them.
const OF_CLASS: [MetricId; 4] = [MetricId::Prevalence, MetricId::Precision, MetricId::Recall, MetricId::F1];
const OF_CLASS_PROBABILITIES: [MetricId; 3] =
    [MetricId::RocAuc, MetricId::AveragePrecision, MetricId::ExpectedCalibrationError];

/// Rows of a classification. Columns are of the same length, one entry a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MulticlassRows<'a> {
    /// Number of the true class of each row, from 0 and below the number of classes.
    pub(crate) label: &'a [u64],
    /// For each class a column of probabilities in [0, 1].
    pub(crate) probability: Option<&'a [Vec<f64>]>,
    /// Number of the predicted class of each row. Where there are none it is the class with the highest probability,
    /// the first of several.
    pub(crate) predicted: Option<&'a [u64]>,
    /// Finite and not negative; a row of weight 0 does not count.
    pub(crate) weight: Option<&'a [f64]>,
    /// Rows of the same number may depend on each other.
    pub(crate) cluster: Option<&'a [u64]>,
}

/// What the manifest declares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MulticlassOptions {
    /// Number of classes.
    pub(crate) classes: usize,
    /// The k of top-k accuracy, at least 1.
    pub(crate) top_k: usize,
}

/// The metrics of a classification.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MulticlassMetrics {
    /// Over all classes.
    pub(crate) metrics: Metrics,
    /// Of each class against all others, in the order of their numbers: prevalence, precision, recall, F1, area under
    /// the ROC curve, average precision, expected calibration error.
    pub(crate) classes: Vec<Metrics>,
    /// Rows that count, whatever their weight, by `[label][predicted]`.
    pub(crate) confusion: Vec<Vec<u64>>,
}

impl<'a> MulticlassRows<'a> {
    fn probabilities(&self) -> Option<Probabilities<'a>> {
        self.probability.map(|columns| Probabilities { columns, label: self.label })
    }

    /// The predicted class of each row; none if there are neither predictions nor probabilities.
    pub(crate) fn decisions(&self) -> Option<Vec<usize>> {
        match (self.predicted, self.probabilities()) {
            (Some(predicted), _) => Some(predicted.iter().map(|class| number(*class)).collect()),
            (None, Some(probability)) => {
                Some((0..self.label.len()).map(|row| probability.most_probable(row)).collect())
            }
            (None, None) => None,
        }
    }
}

/// Every metric of `rows`. One that has no value says why; without probabilities that is every one of them.
pub(crate) fn metrics(rows: &MulticlassRows<'_>, options: &MulticlassOptions) -> MulticlassMetrics {
    let sample = Sample::new(rows.label.len(), rows.weight, rows.cluster);
    let probability = rows.probabilities();
    let predicted = rows.decisions();
    let overall = |ids: &[MetricId], reason: &str| without(ids, sample.n, reason);
    let empty = (sample.n == 0).then_some(NO_ROWS);
    let mut all = BTreeMap::new();
    let mut classes = vec![BTreeMap::new(); options.classes];
    let mut confusion = vec![vec![0; options.classes]; options.classes];
    match (empty, predicted) {
        (None, Some(predicted)) => {
            let table = Table::new(&sample, rows.label, predicted, options.classes);
            all.extend(table.metrics());
            classes.iter_mut().enumerate().for_each(|(class, all)| all.extend(table.class_metrics(class)));
            confusion = table.confusion();
        }
        (reason, _) => {
            let reason = reason.unwrap_or("there are neither predictions nor probabilities");
            all.extend(overall(&OF_PREDICTIONS, reason));
            classes.iter_mut().for_each(|all| all.extend(overall(&OF_CLASS, reason)));
        }
    }
    match (empty, probability) {
        (None, Some(probability)) => {
            let ranks = Ranks::new(&sample, &probability, options.classes);
            all.extend(ranks.metrics());
            all.insert(MetricId::TopKAccuracy, probability.top_k_accuracy(&sample, options.top_k));
            let fault = probability.fault(&sample);
            let error = |id: MetricId, reason: &String| Metric::without(id, MetricStatus::Error, sample.n, reason);
            match &fault {
                Some(reason) => all.extend(OF_PROBABILITIES.map(|id| (id, error(id, reason)))),
                None => all.extend(probability.metrics(&sample)),
            }
            for (class, (all, ranks)) in classes.iter_mut().zip(ranks.classes).enumerate() {
                all.extend(ranks);
                let calibration = match &fault {
                    Some(reason) => error(MetricId::ExpectedCalibrationError, reason),
                    None => probability.class_calibration(&sample, class),
                };
                all.insert(MetricId::ExpectedCalibrationError, calibration);
            }
        }
        (reason, _) => {
            let reason = reason.unwrap_or(NO_PROBABILITIES);
            all.extend(overall(&OF_RANKS, reason));
            all.extend(overall(&OF_PROBABILITIES, reason));
            classes.iter_mut().for_each(|all| all.extend(overall(&OF_CLASS_PROBABILITIES, reason)));
        }
    }
    MulticlassMetrics { metrics: Metrics(all), classes: classes.into_iter().map(Metrics).collect(), confusion }
}

/// Those metrics, undefined for the same reason.
fn without(ids: &[MetricId], n: u64, reason: &str) -> BTreeMap<MetricId, Metric> {
    ids.iter().map(|id| (*id, undefined(*id, n, reason))).collect()
}

/// The number of a class as a place; one that cannot be is no class.
fn number(class: u64) -> usize {
    usize::try_from(class).unwrap_or(usize::MAX)
}

fn part(is: bool) -> f64 {
    f64::from(u8::from(is))
}

/// Labels and predictions.
struct Table<'a> {
    sample: &'a Sample<'a>,
    decisions: Pairs<'a>,
    tally: Tally,
    /// All rows, and those that are right.
    all: Mass,
    correct: Mass,
}

/// The label and the prediction of each row.
struct Pairs<'a> {
    label: &'a [u64],
    predicted: Vec<usize>,
}

impl Pairs<'_> {
    fn of(&self, row: usize) -> (usize, usize) {
        (place(self.label, row), self.predicted.get(row).copied().unwrap_or(usize::MAX))
    }

    fn is_correct(&self, row: usize) -> bool {
        let (label, predicted) = self.of(row);
        label == predicted
    }
}

/// The class of a row.
fn place(label: &[u64], row: usize) -> usize {
    label.get(row).map_or(usize::MAX, |class| number(*class))
}

impl Decisions for Pairs<'_> {
    fn visit(&self, row: usize, visit: &mut dyn FnMut(usize, bool, bool)) {
        let (label, predicted) = self.of(row);
        if label == predicted {
            return visit(label, true, true);
        }
        let mut both = [(label, true, false), (predicted, false, true)];
        both.sort_unstable();
        both.into_iter().for_each(|(class, labelled, predicted)| visit(class, labelled, predicted));
    }

    fn decision(&self, row: usize, class: usize) -> (bool, bool) {
        let (label, predicted) = self.of(row);
        (label == class, predicted == class)
    }
}

impl<'a> Table<'a> {
    fn new(sample: &'a Sample<'a>, label: &'a [u64], predicted: Vec<usize>, classes: usize) -> Self {
        let decisions = Pairs { label, predicted };
        let tally = Tally::new(sample, classes, &decisions);
        let all = Mass::of(sample, |_| true);
        let correct = Mass::of(sample, |row| decisions.is_correct(row));
        Self { sample, decisions, tally, all, correct }
    }

    fn metrics(&self) -> BTreeMap<MetricId, Metric> {
        let rates = [
            (MetricId::MacroPrecision, MetricId::WeightedPrecision, Rate::Precision),
            (MetricId::MacroRecall, MetricId::WeightedRecall, Rate::Recall),
            (MetricId::MacroF1, MetricId::WeightedF1, Rate::F1),
        ];
        let mut all = BTreeMap::new();
        for (macro_id, weighted_id, rate) in rates {
            let (sample, tally, decisions) = (self.sample, &self.tally, &self.decisions);
            all.insert(macro_id, tally.macro_metric(sample, decisions, (macro_id, rate)));
            all.insert(weighted_id, tally.weighted_metric(sample, decisions, (weighted_id, rate)));
        }
        for id in [MetricId::MacroRecall, MetricId::BalancedAccuracy] {
            all.insert(id, self.mean_recall(id));
        }
        // A row that is wrong is one wrong prediction and one label that was not found: all three are the accuracy.
        for id in [MetricId::Accuracy, MetricId::MicroPrecision, MetricId::MicroRecall, MetricId::MicroF1] {
            all.insert(id, self.accuracy(id));
        }
        all.extend(self.agreement());
        all
    }

    fn accuracy(&self, id: MetricId) -> Metric {
        share(self.sample, id, (self.correct, self.all), |row| (self.decisions.is_correct(row), true), NO_ROWS)
    }

    /// Mean recall of the classes. Given their labels, the recalls of classes are independent proportions.
    fn mean_recall(&self, id: MetricId) -> Metric {
        let metric = self.tally.macro_metric(self.sample, &self.decisions, (id, Rate::Recall));
        if metric.value.is_none() || !self.sample.is_simple() {
            return metric;
        }
        let classes = self.tally.labelled.iter().zip(&self.tally.both);
        let recalls: Option<Vec<_>> = classes.map(|(all, found)| Proportion::new(found.rows, all.rows)).collect();
        match recalls.and_then(|recalls| interval::mean_of(&recalls)) {
            Some(interval) => Metric { interval: Some(interval), reason: None, ..metric },
            None => metric,
        }
    }

    fn agreement(&self) -> [(MetricId, Metric); 2] {
        let (sample, agreement) = (self.sample, Agreement::new(&self.tally));
        let influence = |of: &dyn Fn(usize, usize) -> f64, row: usize| {
            let (label, predicted) = self.decisions.of(row);
            of(label, predicted)
        };
        let matthews = match agreement.matthews() {
            None => {
                undefined(MetricId::MatthewsCorrelation, sample.n, "all labels or all predictions are of one class")
            }
            Some(estimate) => {
                let error = sample.standard_error(|row| influence(&estimate.influence, row), sample.total);
                let interval = error.and_then(|error| {
                    interval::fisher(estimate.value, error, &sample.method("delta-fisher"))
                        .ok_or_else(|| NO_VARIANCE.to_owned())
                });
                Metric::of(MetricId::MatthewsCorrelation, estimate.value, sample.n, interval)
            }
        };
        let kappa = match agreement.kappa() {
            None => undefined(MetricId::CohenKappa, sample.n, "all labels and all predictions are of one class"),
            Some(estimate) => {
                let error = sample.standard_error(|row| influence(&estimate.influence, row), sample.total);
                sample.metric(MetricId::CohenKappa, estimate.value, error, (-1.0, 1.0), "fleiss-cohen-everitt")
            }
        };
        [(MetricId::MatthewsCorrelation, matthews), (MetricId::CohenKappa, kappa)]
    }

    fn class_metrics(&self, class: usize) -> BTreeMap<MetricId, Metric> {
        let rates =
            [(MetricId::Precision, Rate::Precision), (MetricId::Recall, Rate::Recall), (MetricId::F1, Rate::F1)];
        let rate = |rate: (MetricId, Rate)| self.tally.class_metric(self.sample, &self.decisions, rate, class);
        let mut all: BTreeMap<_, _> = rates.map(|of| (of.0, rate(of))).into();
        let is = |row: usize| (self.decisions.decision(row, class).0, true);
        let labelled = Tally::mass(&self.tally.labelled, class);
        all.insert(MetricId::Prevalence, share(self.sample, MetricId::Prevalence, (labelled, self.all), is, NO_ROWS));
        all
    }

    fn confusion(&self) -> Vec<Vec<u64>> {
        let classes = self.tally.classes();
        let mut table = vec![vec![0; classes]; classes];
        for row in self.sample.rows() {
            let (label, predicted) = self.decisions.of(row);
            if let Some(cell) = table.get_mut(label).and_then(|cells| cells.get_mut(predicted)) {
                *cell += 1;
            }
        }
        table
    }
}

/// How the probabilities of all classes rank the rows.
struct Ranks<'a> {
    sample: &'a Sample<'a>,
    /// Classes without rows.
    absent: Vec<usize>,
    masses: Vec<f64>,
    /// Of each class, 0 where it has none.
    areas: Vec<f64>,
    pairwise: Vec<f64>,
    precisions: Vec<f64>,
    /// Sums over the classes of what each row has on them; areas by the class's share of rows besides.
    area_influence: Vec<f64>,
    area_influence_by_share: Vec<f64>,
    pairwise_influence: Vec<f64>,
    precision_influence: Vec<f64>,
    label: &'a [u64],
    /// Area and average precision of each class.
    classes: Vec<BTreeMap<MetricId, Metric>>,
}

impl<'a> Ranks<'a> {
    fn new(sample: &'a Sample<'a>, probability: &Probabilities<'a>, classes: usize) -> Self {
        let label = probability.label;
        let of = |row: usize| place(label, row);
        let rows: Vec<Mass> = (0..classes).map(|class| Mass::of(sample, |row| of(row) == class)).collect();
        let masses: Vec<f64> = rows.iter().map(|mass| mass.mass).collect();
        let labels = Labels { sample, of, masses: masses.clone() };
        let absent = rows.iter().enumerate().filter(|(_, mass)| mass.rows == 0).map(|(class, _)| class).collect();
        let empty = || vec![0.0; label.len()];
        let mut ranks = Self {
            sample,
            absent,
            masses,
            areas: vec![0.0; classes],
            pairwise: vec![0.0; classes],
            precisions: vec![0.0; classes],
            area_influence: empty(),
            area_influence_by_share: empty(),
            pairwise_influence: empty(),
            precision_influence: empty(),
            label,
            classes: Vec::with_capacity(classes),
        };
        for (class, mass) in rows.iter().enumerate() {
            let column = probability.columns.get(class).map(Vec::as_slice).unwrap_or_default();
            let ranking = (mass.rows > 0).then(|| labels.rank(column, class));
            if let Some(ranking) = &ranking {
                ranks.add(class, ranking);
            }
            ranks.classes.push(class_ranks(sample, ranking.as_ref(), mass.rows, |row| of(row) == class));
        }
        ranks
    }

    fn add(&mut self, class: usize, ranking: &ClassRanking) {
        let share = at(&self.masses, class) / self.sample.total;
        let values = [
            (&mut self.areas, ranking.area),
            (&mut self.pairwise, ranking.pairwise),
            (&mut self.precisions, ranking.precision),
        ];
        for (values, value) in values {
            values.iter_mut().skip(class).take(1).for_each(|of_class| *of_class = value);
        }
        let influences = [
            (&mut self.area_influence, &ranking.area_influence, 1.0),
            (&mut self.area_influence_by_share, &ranking.area_influence, share),
            (&mut self.pairwise_influence, &ranking.pairwise_influence, 1.0),
            (&mut self.precision_influence, &ranking.precision_influence, 1.0),
        ];
        for (sums, influence, factor) in influences {
            sums.iter_mut().zip(influence).for_each(|(sum, part)| *sum += factor * part);
        }
    }

    /// Averages over all classes: they have a value if every class has rows.
    fn metrics(&self) -> BTreeMap<MetricId, Metric> {
        let classes = self.masses.len();
        let reason = if !self.absent.is_empty() {
            format!("without rows: {}", names(&self.absent))
        } else if classes < 2 {
            "there are fewer than two classes".to_owned()
        } else {
            return self.averages();
        };
        OF_RANKS.iter().map(|id| (*id, undefined(*id, self.sample.n, reason.clone()))).collect()
    }

    fn averages(&self) -> BTreeMap<MetricId, Metric> {
        let classes = self.masses.len() as f64;
        let (sample, pairs) = (self.sample, classes * (classes - 1.0));
        let mean = |values: &[f64], count: f64| exact_sum(values.iter().copied()) / count;
        let weighted = exact_sum(self.masses.iter().zip(&self.areas).map(|(mass, area)| mass / sample.total * area));
        // A row adds to the share of its class, too.
        let by_share = |row: usize| {
            let share = (at(&self.areas, place(self.label, row)) - weighted) / sample.total;
            share + at(&self.area_influence_by_share, row)
        };
        let metric =
            |id: MetricId, value: f64, error| (id, delta_metric(sample, id, value, error, delta_method(sample)));
        let error = |influence: &[f64], count: f64| sample.standard_error(|row| at(influence, row), count);
        BTreeMap::from([
            metric(MetricId::MacroRocAucOvr, mean(&self.areas, classes), error(&self.area_influence, classes)),
            metric(MetricId::WeightedRocAucOvr, weighted, sample.standard_error(by_share, 1.0)),
            metric(MetricId::MacroRocAucOvo, mean(&self.pairwise, pairs), error(&self.pairwise_influence, pairs)),
            metric(
                MetricId::MacroAveragePrecision,
                mean(&self.precisions, classes),
                error(&self.precision_influence, classes),
            ),
        ])
    }
}

/// The area under the ROC curve of a class or label, and its average precision. `ranking` is there if `rows` is not 0.
fn class_ranks(
    sample: &Sample<'_>,
    ranking: Option<&ClassRanking>,
    rows: u64,
    inside: impl Fn(usize) -> bool,
) -> BTreeMap<MetricId, Metric> {
    const BOTH: [MetricId; 2] = [MetricId::RocAuc, MetricId::AveragePrecision];
    let Some(ranking) = ranking else { return without(&BOTH, sample.n, "no row has it") };
    let area = if rows == sample.n {
        undefined(MetricId::RocAuc, sample.n, "every row has it")
    } else {
        let error = ranking.area_error(sample, inside);
        delta_metric(sample, MetricId::RocAuc, ranking.area, error, "delong-logit")
    };
    let error = sample.standard_error(|row| at(&ranking.precision_influence, row), 1.0);
    let precision = delta_metric(sample, MetricId::AveragePrecision, ranking.precision, error, delta_method(sample));
    BTreeMap::from([(MetricId::RocAuc, area), (MetricId::AveragePrecision, precision)])
}

/// Probabilities by class and row, and the labels.
#[derive(Clone, Copy)]
struct Probabilities<'a> {
    columns: &'a [Vec<f64>],
    label: &'a [u64],
}

impl Probabilities<'_> {
    fn of(&self, row: usize, class: usize) -> f64 {
        self.columns.get(class).map_or(f64::NAN, |column| at(column, row))
    }

    fn of_label(&self, row: usize) -> f64 {
        self.of(row, place(self.label, row))
    }

    /// The class with the highest probability, the first of several.
    fn most_probable(&self, row: usize) -> usize {
        let probabilities = (0..self.columns.len()).map(|class| self.of(row, class));
        let first = (0, f64::NEG_INFINITY);
        probabilities.enumerate().fold(first, |best, next| if next.1 > best.1 { next } else { best }).0
    }

    /// Whether the label is among the `k` most probable classes. A class as probable as the label goes before it.
    fn is_among_first(&self, row: usize, k: usize) -> bool {
        let (label, own) = (place(self.label, row), self.of_label(row));
        (0..self.columns.len()).filter(|class| *class != label && self.of(row, *class) >= own).count() < k
    }

    fn top_k_accuracy(&self, sample: &Sample<'_>, k: usize) -> Metric {
        const ID: MetricId = MetricId::TopKAccuracy;
        if k == 0 {
            return undefined(ID, sample.n, "k is 0");
        }
        let counted = Mass::of(sample, |row| self.is_among_first(row, k));
        share(sample, ID, (counted, Mass::of(sample, |_| true)), |row| (self.is_among_first(row, k), true), NO_ROWS)
    }

    fn is_sum_off(&self, row: usize) -> bool {
        let sum: f64 = self.columns.iter().map(|column| at(column, row)).sum();
        (sum - 1.0).abs() > SUM_TOLERANCE
    }

    /// Why probabilities cannot be taken at their word: those of a row have to add up to 1. To normalise them would be
    /// to judge another model.
    fn fault(&self, sample: &Sample<'_>) -> Option<String> {
        let off = sample.count(|row| self.is_sum_off(row));
        let rows = if off == 1 { "row" } else { "rows" };
        (off > 0).then(|| format!("the probabilities of {off} {rows} do not add up to 1 within {SUM_TOLERANCE:e}"))
    }

    /// Losses and calibration.
    fn metrics(&self, sample: &Sample<'_>) -> BTreeMap<MetricId, Metric> {
        let loss = |row: usize| -libm::log(self.of_label(row).clamp(CLIP, 1.0 - CLIP));
        let is_clipped = |row: usize| !(CLIP..=1.0 - CLIP).contains(&self.of_label(row));
        let (clipped, all) = (Mass::of(sample, is_clipped), Mass::of(sample, |_| true));
        let squares = |row: usize| -> f64 {
            let classes = 0..self.columns.len();
            let error = |class: usize| self.of(row, class) - part(place(self.label, row) == class);
            classes.map(|class| error(class) * error(class)).sum()
        };
        let all = [
            sample.mean_metric(MetricId::LogLoss, NOT_NEGATIVE, loss),
            sample.mean_metric(MetricId::Brier, (0.0, 2.0), squares),
            share(sample, MetricId::ClippedProbabilities, (clipped, all), |row| (is_clipped(row), true), NO_ROWS),
            class_calibration::calibration_error(sample, MetricId::ExpectedCalibrationError, &TopLabel(*self)),
            class_calibration::calibration_error(sample, MetricId::ClasswiseCalibrationError, self),
        ];
        let ids = [
            MetricId::LogLoss,
            MetricId::Brier,
            MetricId::ClippedProbabilities,
            MetricId::ExpectedCalibrationError,
            MetricId::ClasswiseCalibrationError,
        ];
        ids.into_iter().zip(all).collect()
    }

    fn class_calibration(&self, sample: &Sample<'_>, class: usize) -> Metric {
        let one = OneClass { probability: *self, class };
        class_calibration::calibration_error(sample, MetricId::ExpectedCalibrationError, &one)
    }
}

/// Every class of every row.
impl Forecasts for Probabilities<'_> {
    fn columns(&self) -> usize {
        self.columns.len()
    }

    fn probability(&self, row: usize, column: usize) -> f64 {
        self.of(row, column)
    }

    fn happened(&self, row: usize, column: usize) -> bool {
        place(self.label, row) == column
    }
}

/// The most probable class of each row, whatever is predicted.
struct TopLabel<'a>(Probabilities<'a>);

impl Forecasts for TopLabel<'_> {
    fn columns(&self) -> usize {
        1
    }

    fn probability(&self, row: usize, _: usize) -> f64 {
        self.0.of(row, self.0.most_probable(row))
    }

    fn happened(&self, row: usize, _: usize) -> bool {
        place(self.0.label, row) == self.0.most_probable(row)
    }
}

/// One class of each row.
struct OneClass<'a> {
    probability: Probabilities<'a>,
    class: usize,
}

impl Forecasts for OneClass<'_> {
    fn columns(&self) -> usize {
        1
    }

    fn probability(&self, row: usize, _: usize) -> f64 {
        self.probability.of(row, self.class)
    }

    fn happened(&self, row: usize, _: usize) -> bool {
        place(self.probability.label, row) == self.class
    }
}
