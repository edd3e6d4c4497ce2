//! Every metric of a classification that gives a row any number of labels.
//!
//! The labels are those that are declared. What averages over all of them has no value where no row has one of them.

use std::collections::BTreeMap;

use super::super::exact_sum::exact_sum;
use super::super::metric::{Metric, MetricId, Metrics};
use super::super::sample::{Sample, at};
use super::class_ranking::{ClassRanking, Labels};
use super::rates::{Decisions, Mass, Rate, Tally, delta_method, delta_metric, names, share, undefined};
use super::{NO_ROWS, class_ranks, without};

const OVERALL: [MetricId; 14] = [
    MetricId::MacroPrecision,
    MetricId::MacroRecall,
    MetricId::MacroF1,
    MetricId::MicroPrecision,
    MetricId::MicroRecall,
    MetricId::MicroF1,
    MetricId::WeightedPrecision,
    MetricId::WeightedRecall,
    MetricId::WeightedF1,
    MetricId::SubsetAccuracy,
    MetricId::HammingLoss,
    MetricId::SamplesF1,
    MetricId::MacroRocAucOvr,
    MetricId::MacroAveragePrecision,
];
const OF_LABEL: [MetricId; 6] = [
    MetricId::Prevalence,
    MetricId::Precision,
    MetricId::Recall,
    MetricId::F1,
    MetricId::RocAuc,
    MetricId::AveragePrecision,
];

/// Rows of a classification. Columns are of the same length, one entry a row, and there are as many of scores as of
/// labels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MultilabelRows<'a> {
    /// For each label whether a row has it.
    pub(crate) label: &'a [Vec<bool>],
    /// For each label a column of scores in [0, 1]. They need not add up to anything.
    pub(crate) score: &'a [Vec<f64>],
    /// Finite and not negative; a row of weight 0 does not count.
    pub(crate) weight: Option<&'a [f64]>,
    /// Rows of the same number may depend on each other.
    pub(crate) cluster: Option<&'a [u64]>,
}

/// The metrics of a classification.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MultilabelMetrics {
    /// Over all labels.
    pub(crate) metrics: Metrics,
    /// Of each label, in the order of the columns: prevalence, precision, recall, F1, area under the ROC curve, average
    /// precision.
    pub(crate) labels: Vec<Metrics>,
}

/// Every metric of `rows`. A label is predicted if its score is at least `threshold`.
pub(crate) fn metrics(rows: &MultilabelRows<'_>, threshold: f64) -> MultilabelMetrics {
    let len = rows.label.first().map_or(0, Vec::len);
    let sample = Sample::new(len, rows.weight, rows.cluster);
    if sample.n == 0 {
        let labels = rows.label.iter().map(|_| Metrics(without(&OF_LABEL, 0, NO_ROWS)));
        return MultilabelMetrics { metrics: Metrics(without(&OVERALL, 0, NO_ROWS)), labels: labels.collect() };
    }
    let decisions = Columns { rows, threshold };
    let tally = Tally::new(&sample, rows.label.len(), &decisions);
    let table = Table { sample: &sample, decisions: &decisions, tally: &tally };
    let mut all = table.rates();
    all.extend(table.row_metrics());
    let (of_labels, means) = table.ranks();
    all.extend(means.metrics(&sample));
    let labels = of_labels.into_iter().enumerate().map(|(label, ranks)| {
        let mut all = table.label_rates(label);
        all.extend(ranks);
        Metrics(all)
    });
    MultilabelMetrics { labels: labels.collect(), metrics: Metrics(all) }
}

/// The labels and the scores of each row.
struct Columns<'a> {
    rows: &'a MultilabelRows<'a>,
    threshold: f64,
}

impl Columns<'_> {
    fn is_labelled(&self, row: usize, label: usize) -> bool {
        self.rows.label.get(label).and_then(|column| column.get(row)).copied().unwrap_or(false)
    }

    fn score(&self, label: usize) -> &[f64] {
        self.rows.score.get(label).map(Vec::as_slice).unwrap_or_default()
    }

    /// Labels of a row, predicted ones, and those that are both.
    fn counts(&self, row: usize) -> (usize, usize, usize) {
        let mut counts = (0, 0, 0);
        self.visit(row, &mut |_, labelled, predicted| {
            counts.0 += usize::from(labelled);
            counts.1 += usize::from(predicted);
            counts.2 += usize::from(labelled && predicted);
        });
        counts
    }

    /// Labels of a row that are wrong.
    fn wrong(&self, row: usize) -> usize {
        let (labelled, predicted, both) = self.counts(row);
        labelled + predicted - 2 * both
    }
}

impl Decisions for Columns<'_> {
    fn visit(&self, row: usize, visit: &mut dyn FnMut(usize, bool, bool)) {
        for label in 0..self.rows.label.len() {
            let (labelled, predicted) = self.decision(row, label);
            if labelled || predicted {
                visit(label, labelled, predicted);
            }
        }
    }

    fn decision(&self, row: usize, label: usize) -> (bool, bool) {
        (self.is_labelled(row, label), at(self.score(label), row) >= self.threshold)
    }
}

struct Table<'a> {
    sample: &'a Sample<'a>,
    decisions: &'a Columns<'a>,
    tally: &'a Tally,
}

impl Table<'_> {
    fn rates(&self) -> BTreeMap<MetricId, Metric> {
        let rates = [
            (Rate::Precision, [MetricId::MacroPrecision, MetricId::MicroPrecision, MetricId::WeightedPrecision]),
            (Rate::Recall, [MetricId::MacroRecall, MetricId::MicroRecall, MetricId::WeightedRecall]),
            (Rate::F1, [MetricId::MacroF1, MetricId::MicroF1, MetricId::WeightedF1]),
        ];
        let (sample, decisions) = (self.sample, self.decisions);
        let metrics = rates.into_iter().flat_map(|(rate, [of_labels, of_decisions, by_support])| {
            [
                (of_labels, self.tally.macro_metric(sample, decisions, (of_labels, rate))),
                (of_decisions, self.tally.micro_metric(sample, decisions, (of_decisions, rate))),
                (by_support, self.tally.weighted_metric(sample, decisions, (by_support, rate))),
            ]
        });
        metrics.collect()
    }

    fn label_rates(&self, label: usize) -> BTreeMap<MetricId, Metric> {
        let rates =
            [(MetricId::Precision, Rate::Precision), (MetricId::Recall, Rate::Recall), (MetricId::F1, Rate::F1)];
        let rate = |rate: (MetricId, Rate)| self.tally.class_metric(self.sample, self.decisions, rate, label);
        let mut all: BTreeMap<_, _> = rates.map(|of| (of.0, rate(of))).into();
        let is = |row: usize| (self.decisions.is_labelled(row, label), true);
        let parts = (Tally::mass(&self.tally.labelled, label), Mass::of(self.sample, |_| true));
        all.insert(MetricId::Prevalence, share(self.sample, MetricId::Prevalence, parts, is, NO_ROWS));
        all
    }

    /// What is of each row first.
    fn row_metrics(&self) -> [(MetricId, Metric); 3] {
        let is_right = |row: usize| self.decisions.wrong(row) == 0;
        let parts = (Mass::of(self.sample, is_right), Mass::of(self.sample, |_| true));
        let subset = share(self.sample, MetricId::SubsetAccuracy, parts, |row| (is_right(row), true), NO_ROWS);
        [
            (MetricId::SubsetAccuracy, subset),
            (MetricId::HammingLoss, self.hamming_loss()),
            (MetricId::SamplesF1, self.samples_f1()),
        ]
    }

    /// Wrong decisions over all, which are rows times labels. The rows are what is independent.
    fn hamming_loss(&self) -> Metric {
        const ID: MetricId = MetricId::HammingLoss;
        let (sample, labels) = (self.sample, self.tally.classes());
        let wrong = |row: usize| self.decisions.wrong(row) as f64;
        let all = labels as f64 * sample.total;
        let value = sample.sum(wrong) / all;
        let error = sample.standard_error(|row| wrong(row) - value * labels as f64, all);
        let count = sample.rows().map(|row| self.decisions.wrong(row) as u64).sum();
        let n = sample.n.saturating_mul(labels as u64);
        let numerator = (!sample.is_weighted()).then_some(count);
        Metric { n, numerator, ..delta_metric(sample, ID, value, error, delta_method(sample)) }
    }

    /// Mean over rows of 2·both / (labels + predicted labels). A row with neither has no such quotient and no part in the
    /// mean; `n` counts the others.
    fn samples_f1(&self) -> Metric {
        const ID: MetricId = MetricId::SamplesF1;
        let sample = self.sample;
        let parts = |row: usize| {
            let (labelled, predicted, both) = self.decisions.counts(row);
            let either = labelled + predicted;
            if either == 0 { None } else { Some(2.0 * both as f64 / either as f64) }
        };
        let rows = Mass::of(sample, |row| parts(row).is_some());
        if rows.rows == 0 {
            return undefined(ID, 0, "no row has a label or a predicted one");
        }
        let value = sample.sum(|row| parts(row).unwrap_or(0.0)) / rows.mass;
        let error = sample.standard_error(|row| parts(row).map_or(0.0, |of_row| of_row - value), rows.mass);
        Metric { n: rows.rows, ..delta_metric(sample, ID, value, error, delta_method(sample)) }
    }

    /// Area and average precision of each label, and what their means need.
    fn ranks(&self) -> (Vec<BTreeMap<MetricId, Metric>>, Means) {
        let (sample, tally) = (self.sample, self.tally);
        let mut means = Means::default();
        let mut of_labels = Vec::with_capacity(tally.classes());
        for (label, (with, without)) in tally.labelled.iter().zip(not_labelled(tally)).enumerate() {
            let inside = |row: usize| self.decisions.is_labelled(row, label);
            let labels = Labels { sample, of: |row| usize::from(inside(row)), masses: vec![without, with.mass] };
            let ranking = (with.rows > 0).then(|| labels.rank(self.decisions.score(label), 1));
            means.add(label, ranking.as_ref(), with.rows == sample.n);
            of_labels.push(class_ranks(sample, ranking.as_ref(), with.rows, inside));
        }
        (of_labels, means)
    }
}

/// For each label the weight of the rows that do not have it.
fn not_labelled(tally: &Tally) -> impl Iterator<Item = f64> {
    tally.wrong.iter().zip(&tally.neither).map(|(wrong, neither)| wrong.mass + neither.mass)
}

/// Sums over labels.
#[derive(Default)]
struct Means {
    /// Labels that no row has, and those that every row has.
    absent: Vec<usize>,
    constant: Vec<usize>,
    areas: Vec<f64>,
    precisions: Vec<f64>,
    area_influence: Vec<f64>,
    precision_influence: Vec<f64>,
}

impl Means {
    fn add(&mut self, label: usize, ranking: Option<&ClassRanking>, is_constant: bool) {
        let Some(ranking) = ranking else { return self.absent.push(label) };
        if is_constant {
            self.constant.push(label);
        }
        self.areas.push(ranking.area);
        self.precisions.push(ranking.precision);
        let influences = [
            (&mut self.area_influence, &ranking.area_influence),
            (&mut self.precision_influence, &ranking.precision_influence),
        ];
        for (sums, influence) in influences {
            sums.resize(sums.len().max(influence.len()), 0.0);
            sums.iter_mut().zip(influence).for_each(|(sum, part)| *sum += part);
        }
    }

    fn metrics(&self, sample: &Sample<'_>) -> [(MetricId, Metric); 2] {
        let metric = |id: MetricId, values: &[f64], influence: &[f64], constant: &[usize]| {
            let metric = if !self.absent.is_empty() {
                undefined(id, sample.n, format!("without rows: {}", names(&self.absent)))
            } else if !constant.is_empty() {
                undefined(id, sample.n, format!("every row has: {}", names(constant)))
            } else {
                let labels = values.len() as f64;
                let value = exact_sum(values.iter().copied()) / labels;
                let error = sample.standard_error(|row| at(influence, row), labels);
                delta_metric(sample, id, value, error, delta_method(sample))
            };
            (id, metric)
        };
        [
            metric(MetricId::MacroRocAucOvr, &self.areas, &self.area_influence, &self.constant),
            metric(MetricId::MacroAveragePrecision, &self.precisions, &self.precision_influence, &[]),
        ]
    }
}
