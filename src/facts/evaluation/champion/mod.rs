//! Challenger against champion on the same rows: differences, what changes, and for whom.
//!
//! A difference is challenger less champion. Its interval and its p-value rest on the rows being the same: what
//! both models have in common cancels. Standard errors are linearised; see [`Units::standard_error`].

pub(crate) mod discrete;
pub(crate) mod mcnemar;
pub(crate) mod ranked_pair;
pub(crate) mod score_interval;
pub(crate) mod units;

use self::mcnemar::{McNemar, two_sided};
use self::ranked_pair::{Estimate, RankedPair};
use self::score_interval::{Recovered, mover, tango, within};
use self::units::{Covariance, NO_VARIANCE, RAGGED, Units, at, unit, unseen};
use super::exact_sum::{ExactSum, exact_sum};
use super::interval::{self, Z};
use super::metric::{Interval, Metric, MetricId, MetricStatus, definition};

/// Rows of a binary classification with the scores of both models, joined by their ids. All columns have the length of
/// the labels. Scores are probabilities of the positive class; a row is predicted positive if its score is
/// at least the model's threshold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PairedRows<'a> {
    pub(crate) label: &'a [bool],
    pub(crate) challenger: &'a [f64],
    pub(crate) champion: &'a [f64],
    pub(crate) threshold_challenger: f64,
    pub(crate) threshold_champion: f64,
    /// What rows with one value share, such as a person; none where rows are independent.
    pub(crate) cluster: Option<&'a [u64]>,
    /// Finite, not negative.
    pub(crate) weight: Option<&'a [f64]>,
    /// Index of the subgroup, below `groups`.
    pub(crate) group: &'a [u32],
    pub(crate) groups: usize,
}

/// Rows of a regression with the predictions of both models, joined by their ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PairedNumbers<'a> {
    pub(crate) actual: &'a [f64],
    pub(crate) challenger: &'a [f64],
    pub(crate) champion: &'a [f64],
    pub(crate) cluster: Option<&'a [u64]>,
    pub(crate) weight: Option<&'a [f64]>,
}

/// A metric of the challenger less that of the champion.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    pub(crate) metric: MetricId,
    /// Its definition is `<metric>_paired_difference/1`.
    pub(crate) difference: Metric,
    /// Two-sided, that the metrics are equal. None where there is no value or no variance; 1 where both models are the
    /// same in every row that counts.
    pub(crate) p_value: Option<f64>,
}

/// The metrics of [`differences`], in its order.
pub(crate) const METRICS: [MetricId; 9] = [
    MetricId::Accuracy,
    MetricId::Recall,
    MetricId::Specificity,
    MetricId::Precision,
    MetricId::F1,
    MetricId::RocAuc,
    MetricId::AveragePrecision,
    MetricId::LogLoss,
    MetricId::Brier,
];

const ONE_CLASS: &str = "only one of the two classes occurs";
const NO_POSITIVES: &str = "no row is positive";
const NO_ROWS: &str = "there are no rows";
const NO_QUERIES: &str = "no query has a relevant item";
/// Why an unbounded loss that is the same in every row has no interval.
const UNCHANGED: &str = "both models are the same in every row, and the loss has no bound";

/// Probabilities are clipped to [2⁻⁵², 1 − 2⁻⁵²], as scikit-learn does for doubles.
const CLIP: f64 = f64::EPSILON;
/// −ln 2⁻⁵²: the largest log loss.
const LOG_LOSS_MAX: f64 = 52.0 * std::f64::consts::LN_2;

/// A standard error of something between −1 and 1 up to this is what rounding leaves of zero.
const NEGLIGIBLE: f64 = 1e-12;

/// Every difference of a binary classification.
pub(crate) fn differences(rows: &PairedRows<'_>) -> Vec<Difference> {
    let units = match rows.units() {
        Ok(units) => units,
        Err((status, reason)) => return METRICS.map(|id| without(id, status, 0, reason)).into(),
    };
    let table = Table::new(rows, &units);
    let mut all: Vec<Difference> = RATES.iter().map(|rate| table.difference(rate)).collect();
    all.extend(ranked(rows, &units));
    let loss = |id: MetricId, most: f64, loss: fn(bool, f64) -> f64| {
        let of = |scores: &[f64], index: usize| loss(at(rows.label, index), at(scores, index));
        let difference = |index: usize| of(rows.challenger, index) - of(rows.champion, index);
        mean_difference(id, &units, difference, Some(most))
    };
    all.push(loss(MetricId::LogLoss, LOG_LOSS_MAX, log_loss));
    all.push(loss(MetricId::Brier, 1.0, squared_error));
    all
}

/// Differences of the mean absolute and the mean squared error.
pub(crate) fn error_differences(rows: &PairedNumbers<'_>) -> Vec<Difference> {
    const IDS: [MetricId; 2] = [MetricId::MeanAbsoluteError, MetricId::MeanSquaredError];
    let n = rows.actual.len();
    let lengths = [Some(rows.challenger.len()), Some(rows.champion.len()), rows.cluster.map(<[u64]>::len)];
    let units = match units(n, rows.weight, rows.cluster, &lengths) {
        Ok(units) => units,
        Err((status, reason)) => return IDS.map(|id| without(id, status, 0, reason)).into(),
    };
    let error = |predicted: &[f64], index: usize| at(predicted, index) - at(rows.actual, index);
    let both = |index: usize| (error(rows.challenger, index), error(rows.champion, index));
    let absolute = |index: usize| {
        let (challenger, champion) = both(index);
        challenger.abs() - champion.abs()
    };
    let squared = |index: usize| {
        let (challenger, champion) = both(index);
        challenger * challenger - champion * champion
    };
    vec![
        mean_difference(MetricId::MeanAbsoluteError, &units, absolute, None),
        mean_difference(MetricId::MeanSquaredError, &units, squared, None),
    ]
}

/// The difference of the shares of rows that each model has right.
pub(crate) fn accuracy_difference(rows: &PairedRows<'_>) -> Difference {
    let [accuracy, ..] = &RATES;
    match rows.units() {
        Ok(units) => Table::new(rows, &units).difference(accuracy),
        Err((status, reason)) => without(accuracy.id, status, 0, reason),
    }
}

/// Queries and what each model's order of their items is worth, by metrics in [0, 1].
#[derive(Debug, Clone)]
pub(crate) struct PairedQueries {
    /// The metric, that of the challenger and that of the champion, query by query.
    pub(crate) values: Vec<(MetricId, Vec<f64>, Vec<f64>)>,
    pub(crate) weight: Option<Vec<f64>>,
    pub(crate) cluster: Option<Vec<u64>>,
}

/// Differences of the means over queries.
pub(crate) fn query_differences(queries: &PairedQueries) -> Vec<Difference> {
    let (weight, cluster) = (queries.weight.as_deref(), queries.cluster.as_deref());
    let difference = |(id, challenger, champion): &(MetricId, Vec<f64>, Vec<f64>)| {
        let lengths = [Some(champion.len()), cluster.map(<[u64]>::len)];
        match units(challenger.len(), weight, cluster, &lengths) {
            Ok(units) => mean_difference(*id, &units, |query| at(challenger, query) - at(champion, query), Some(1.0)),
            Err((MetricStatus::Undefined, _)) => without(*id, MetricStatus::Undefined, 0, NO_QUERIES),
            Err((status, reason)) => without(*id, status, 0, reason),
        }
    };
    queries.values.iter().map(difference).collect()
}

/// Metrics of which nothing is known, for one reason.
pub(crate) fn unknown(ids: &[MetricId], reason: &str) -> Vec<Difference> {
    ids.iter().map(|id| without(*id, MetricStatus::Error, 0, reason)).collect()
}

/// Whether as many rows change from negative to positive as the other way. None for columns that do not fit together.
pub(crate) fn mcnemar_of_decisions(rows: &PairedRows<'_>) -> Option<McNemar> {
    let units = rows.columns().ok()?;
    Some(McNemar::of_units(&units, |index| rows.decisions(index).0, |index| rows.decisions(index).1))
}

/// Whether as many rows become right as become wrong. None for columns that do not fit together.
pub(crate) fn mcnemar_of_correctness(rows: &PairedRows<'_>) -> Option<McNemar> {
    let units = rows.columns().ok()?;
    let right = |decision: bool, index: usize| decision == at(rows.label, index);
    let challenger = |index: usize| right(rows.decisions(index).0, index);
    Some(McNemar::of_units(&units, challenger, |index| right(rows.decisions(index).1, index)))
}

/// Rows whose decision changes in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Swap {
    pub(crate) rows: u64,
    /// Those where the champion was right.
    pub(crate) right_before: u64,
    /// Those where the challenger is right: the others.
    pub(crate) right_after: u64,
}

/// Rows of a subgroup whose decision changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SwapSet {
    /// Rows of the subgroup.
    pub(crate) rows: u64,
    /// Swapped in: negative by the champion, positive by the challenger.
    pub(crate) to_positive: Swap,
    /// Swapped out.
    pub(crate) to_negative: Swap,
}

/// The swap set of each subgroup, by its index; rows of weight 0 do not count. None for columns that do not fit
/// together and for a subgroup that is not below `groups`.
pub(crate) fn swap_sets(rows: &PairedRows<'_>) -> Option<Vec<SwapSet>> {
    let units = rows.columns().ok()?;
    let mut sets = vec![SwapSet::default(); rows.groups];
    for index in units.indices() {
        let set = sets.get_mut(at(rows.group, index) as usize)?;
        set.rows += 1;
        let (challenger, champion) = rows.decisions(index);
        if challenger == champion {
            continue;
        }
        let swap = if challenger { &mut set.to_positive } else { &mut set.to_negative };
        swap.rows += 1;
        swap.right_before += u64::from(champion == at(rows.label, index));
        swap.right_after += u64::from(challenger == at(rows.label, index));
    }
    Some(sets)
}

type Problem = (MetricStatus, &'static str);

fn units<'a>(
    rows: usize,
    weight: Option<&'a [f64]>,
    cluster: Option<&[u64]>,
    lengths: &[Option<usize>],
) -> Result<Units<'a>, Problem> {
    let mut lengths = lengths.iter().copied().chain([weight.map(<[f64]>::len)]).flatten();
    if lengths.any(|length| length != rows) {
        return Err((MetricStatus::Error, RAGGED));
    }
    let units = Units::new(rows, weight, cluster);
    if units.n == 0 { Err((MetricStatus::Undefined, NO_ROWS)) } else { Ok(units) }
}

impl<'a> PairedRows<'a> {
    fn units(&self) -> Result<Units<'a>, Problem> {
        let lengths = [self.challenger.len(), self.champion.len(), self.group.len()].map(Some);
        let [challenger, champion, group] = lengths;
        units(
            self.label.len(),
            self.weight,
            self.cluster,
            &[challenger, champion, group, self.cluster.map(<[u64]>::len)],
        )
    }

    /// The units, be there rows or not.
    fn columns(&self) -> Result<Units<'a>, Problem> {
        match self.units() {
            Err((MetricStatus::Undefined, _)) => Ok(Units::new(0, None, None)),
            other => other,
        }
    }

    /// What the challenger and the champion predict.
    fn decisions(&self, index: usize) -> (bool, bool) {
        (at(self.challenger, index) >= self.threshold_challenger, at(self.champion, index) >= self.threshold_champion)
    }
}

fn named(id: MetricId, metric: Metric) -> Metric {
    Metric { definition: definition(&format!("{}_paired_difference", id.key())), ..metric }
}

fn without(id: MetricId, status: MetricStatus, n: u64, reason: &str) -> Difference {
    Difference { metric: id, difference: named(id, Metric::without(id, status, n, reason)), p_value: None }
}

fn with(id: MetricId, value: f64, n: u64, interval: Result<Interval, String>, p_value: Option<f64>) -> Difference {
    let difference = named(id, Metric::of(id, value, n, interval));
    let p_value = p_value.filter(|p| difference.value.is_some() && (0.0..=1.0).contains(p));
    Difference { metric: id, difference, p_value }
}

/// Normal interval and p-value of an estimate with a standard error, the ends brought into `range`.
fn wald(value: f64, error: f64, range: (f64, f64), method: &str) -> (Result<Interval, String>, Option<f64>) {
    let interval = interval::interval(value - Z * error, value + Z * error, method);
    let interval = interval.map(|interval| within(interval, range.0, range.1));
    (interval.ok_or_else(|| "the computation left the range of numbers".to_owned()), Some(two_sided(value / error)))
}

/// What stands for a normal interval where nothing changed in any of `effective` independent units and the difference of
/// one is at most `most`: ±most · z²/(n + z²), by Wilson's interval at 0 for the share of units that change.
fn unchanged(units: &Units<'_>, effective: f64, most: f64) -> Result<Interval, String> {
    units.correction()?;
    let half = most * unseen(effective);
    let method = units.method(if units.are_weighted() { "unchanged-kish" } else { "unchanged" });
    interval::interval(-half, half, &method).ok_or_else(|| NO_VARIANCE.to_owned())
}

/// −ln of the probability given to what happened.
fn log_loss(label: bool, score: f64) -> f64 {
    let clipped = score.clamp(CLIP, 1.0 - CLIP);
    -libm::log(if label { clipped } else { 1.0 - clipped })
}

fn squared_error(label: bool, score: f64) -> f64 {
    let error = score - unit(label);
    error * error
}

/// Mean of `difference` over the rows, by the central limit theorem. `most` bounds it in a row.
fn mean_difference(
    id: MetricId,
    units: &Units<'_>,
    difference: impl Fn(usize) -> f64,
    most: Option<f64>,
) -> Difference {
    let total = units.sum(|_| 1.0);
    let value = units.sum(&difference) / total;
    let mut of_rows = units.indices().map(&difference);
    let first = of_rows.next();
    if of_rows.all(|other| Some(other) == first) {
        let interval = match (first == Some(0.0), most) {
            (true, Some(most)) => unchanged(units, units.effective_size(|_| true), most),
            (true, None) => units.correction().and_then(|_| Err(UNCHANGED.to_owned())),
            (false, _) => units.correction().and_then(|_| Err(NO_VARIANCE.to_owned())),
        };
        return with(id, value, units.n, interval, (first == Some(0.0)).then_some(1.0));
    }
    let (interval, p_value) = match units.standard_error(|index| (difference(index) - value) / total) {
        Err(reason) => (Err(reason), None),
        Ok(error) => {
            let most = most.unwrap_or(f64::INFINITY);
            wald(value, error, (-most, most), &units.method("clt-paired"))
        }
    };
    with(id, value, units.n, interval, p_value)
}

/// Differences of the area under the ROC curve and of the average precision.
fn ranked(rows: &PairedRows<'_>, units: &Units<'_>) -> [Difference; 2] {
    let pair = RankedPair::new(rows.label, rows.challenger, rows.champion, units);
    let n = units.n;
    let area = pair.area.map(|area| {
        // As many pairs of a positive and a negative as there are in the smaller class share no row: had more than
        // `unseen` of all pairs changed places, one of these would have shown it.
        let of = |class: bool| units.effective_size(|index| at(rows.label, index) == class);
        let same = || unchanged(units, of(true).min(of(false)), 1.0);
        let name = if units.are_clustered() { "obuchowski-paired" } else { "delong-paired" };
        estimated(MetricId::RocAuc, &area, n, &units.method(name), same)
    });
    let precision = pair.average_precision.map(|precision| {
        let method = units.method("infinitesimal-jackknife-paired");
        let same = || Err("both models rank every row alike".to_owned());
        estimated(MetricId::AveragePrecision, &precision, n, &method, same)
    });
    let undefined = |id: MetricId, reason: &str| without(id, MetricStatus::Undefined, n, reason);
    [
        area.unwrap_or_else(|| undefined(MetricId::RocAuc, ONE_CLASS)),
        precision.unwrap_or_else(|| undefined(MetricId::AveragePrecision, NO_POSITIVES)),
    ]
}

fn estimated(
    id: MetricId,
    estimate: &Estimate,
    n: u64,
    method: &str,
    same: impl Fn() -> Result<Interval, String>,
) -> Difference {
    let (interval, p_value) = match &estimate.error {
        _ if estimate.unchanged => (same(), Some(1.0)),
        Ok(error) if *error > NEGLIGIBLE => wald(estimate.value, *error, (-1.0, 1.0), method),
        Ok(_) => (Err(NO_VARIANCE.to_owned()), None),
        Err(reason) => (Err(reason.clone()), None),
    };
    with(id, estimate.value, n, interval, p_value)
}

/// A ratio of sums over rows, by label and decision.
struct Rate {
    id: MetricId,
    /// What a row adds to the numerator and to the denominator.
    parts: fn(bool, bool) -> (f64, f64),
    /// Why it is undefined when there is nothing to count among; for precision and F1 of one of the models.
    nothing: &'static str,
    /// Whether both models are counted among the same rows.
    same_rows: bool,
}

const RATES: [Rate; 5] = [
    Rate {
        id: MetricId::Accuracy,
        parts: |label, decision| (unit(label == decision), 1.0),
        nothing: NO_ROWS,
        same_rows: true,
    },
    Rate {
        id: MetricId::Recall,
        parts: |label, decision| (unit(label && decision), unit(label)),
        nothing: NO_POSITIVES,
        same_rows: true,
    },
    Rate {
        id: MetricId::Specificity,
        parts: |label, decision| (unit(!label && !decision), unit(!label)),
        nothing: "no row is negative",
        same_rows: true,
    },
    Rate {
        id: MetricId::Precision,
        parts: |label, decision| (unit(label && decision), unit(decision)),
        nothing: "no row is predicted positive by one of the models",
        same_rows: false,
    },
    Rate {
        id: MetricId::F1,
        parts: |label, decision| (2.0 * unit(label && decision), unit(label) + unit(decision)),
        nothing: "no row is positive or predicted positive by one of the models",
        same_rows: false,
    },
];

/// Label, decision of the challenger, decision of the champion.
type Cell = (bool, bool, bool);

/// In the order of the numbers that the three make in binary.
const CELLS: [Cell; 8] = [
    (false, false, false),
    (false, false, true),
    (false, true, false),
    (false, true, true),
    (true, false, false),
    (true, false, true),
    (true, true, false),
    (true, true, true),
];

/// Rows and weights by label and both decisions.
struct Table<'a> {
    rows: &'a PairedRows<'a>,
    units: &'a Units<'a>,
    count: [u64; 8],
    weight: [f64; 8],
}

/// A rate of both models, and what each row contributes.
struct Ratios {
    challenger: f64,
    champion: f64,
    denominators: (f64, f64),
    parts: fn(bool, bool) -> (f64, f64),
}

impl Ratios {
    /// Derivatives of both rates by the weight of a row in the cell.
    fn influence(&self, (label, challenger, champion): Cell) -> [f64; 2] {
        let of = |decision: bool, value: f64, denominator: f64| {
            let (numerator, share) = (self.parts)(label, decision);
            (numerator - value * share) / denominator
        };
        [of(challenger, self.challenger, self.denominators.0), of(champion, self.champion, self.denominators.1)]
    }
}

impl<'a> Table<'a> {
    fn new(rows: &'a PairedRows<'a>, units: &'a Units<'a>) -> Self {
        let (mut count, mut weight) = ([0; 8], <[ExactSum; 8]>::default());
        for index in units.indices() {
            let (label, challenger, champion) = cell_of(rows, index);
            let place = 4 * usize::from(label) + 2 * usize::from(challenger) + usize::from(champion);
            if let (Some(count), Some(sum)) = (count.get_mut(place), weight.get_mut(place)) {
                *count += 1;
                sum.add(units.weight(index));
            }
        }
        Self { rows, units, count, weight: weight.map(|sum| sum.value()) }
    }

    /// Number of rows in the cells.
    fn rows_where(&self, is: impl Fn(Cell) -> bool) -> u64 {
        CELLS.iter().zip(self.count).filter(|(cell, _)| is(**cell)).map(|(_, count)| count).sum()
    }

    /// Σ weight · term over the cells.
    fn sum(&self, term: impl Fn(Cell) -> f64) -> f64 {
        exact_sum(CELLS.iter().zip(self.weight).map(|(cell, weight)| weight * term(*cell)))
    }

    fn difference(&self, rate: &Rate) -> Difference {
        let parts = rate.parts;
        let among = |(label, challenger, champion): Cell| parts(label, challenger).1 + parts(label, champion).1 > 0.0;
        let n = self.rows_where(among);
        let denominators = (
            self.sum(|(label, challenger, _)| parts(label, challenger).1),
            self.sum(|(label, _, champion)| parts(label, champion).1),
        );
        if denominators.0 <= 0.0 || denominators.1 <= 0.0 {
            return without(rate.id, MetricStatus::Undefined, n, rate.nothing);
        }
        let numerator_of_challenger = self.sum(|(label, challenger, _)| parts(label, challenger).0);
        let numerator_of_champion = self.sum(|(label, _, champion)| parts(label, champion).0);
        let ratios = Ratios {
            challenger: numerator_of_challenger / denominators.0,
            champion: numerator_of_champion / denominators.1,
            denominators,
            parts,
        };
        if rate.same_rows {
            // One division, and so one rounding.
            let value = (numerator_of_challenger - numerator_of_champion) / denominators.0;
            return self.of_the_same_rows(rate, value, n, &ratios);
        }
        let value = ratios.challenger - ratios.champion;
        let changes = |cell: Cell| among(cell) && cell.1 != cell.2;
        if self.rows_where(changes) == 0 {
            return self.unchanged(rate, n, among);
        }
        if self.units.are_plain() { self.recovered(rate, n, &ratios) } else { self.linearised(rate, value, n, &ratios) }
    }

    /// A difference of accuracy, recall or specificity: without weights and clusters Tango's interval and McNemar's test.
    fn of_the_same_rows(&self, rate: &Rate, value: f64, n: u64, ratios: &Ratios) -> Difference {
        let parts = rate.parts;
        let gain = |(label, challenger, champion): Cell| parts(label, challenger).0 - parts(label, champion).0;
        let (only_challenger, only_champion) =
            (self.rows_where(|cell| gain(cell) > 0.0), self.rows_where(|cell| gain(cell) < 0.0));
        if self.units.are_plain() {
            let interval = tango(only_challenger as f64, only_champion as f64, n as f64, "tango");
            let p_value = McNemar::of_counts(only_challenger, only_champion).p_value;
            return with(rate.id, value, n, interval.ok_or_else(|| NO_VARIANCE.to_owned()), p_value);
        }
        if only_challenger + only_champion == 0 {
            return self.unchanged(rate, n, |(label, ..)| parts(label, false).1 > 0.0);
        }
        self.linearised(rate, value, n, ratios)
    }

    /// Both models decide every row that counts alike.
    fn unchanged(&self, rate: &Rate, n: u64, among: impl Fn(Cell) -> bool) -> Difference {
        let effective = self.units.effective_size(|index| among(cell_of(self.rows, index)));
        with(rate.id, 0.0, n, unchanged(self.units, effective, 1.0), Some(1.0))
    }

    /// A difference with weights or clusters: normal.
    fn linearised(&self, rate: &Rate, value: f64, n: u64, ratios: &Ratios) -> Difference {
        let influence = |index: usize| {
            let [challenger, champion] = ratios.influence(cell_of(self.rows, index));
            challenger - champion
        };
        let (interval, p_value) = match self.units.standard_error(influence) {
            Ok(error) if error > NEGLIGIBLE => wald(value, error, (-1.0, 1.0), &self.units.method("linearised-paired")),
            Ok(_) => (Err(NO_VARIANCE.to_owned()), None),
            Err(reason) => (Err(reason), None),
        };
        with(rate.id, value, n, interval, p_value)
    }

    /// A difference of precision or F1: an interval recovered from Wilson's of each model and the correlation of
    /// both by linearisation. F1 = 2J/(1 + J) for the Jaccard index J, which is a proportion.
    fn recovered(&self, rate: &Rate, n: u64, ratios: &Ratios) -> Difference {
        let f1 = rate.id == MetricId::F1;
        let own = |value: f64, decision: fn(Cell) -> bool| {
            let found = self.rows_where(|cell| cell.0 && decision(cell));
            let among = self.rows_where(|cell| decision(cell) || (f1 && cell.0));
            let from = |share: f64| if f1 { 2.0 * share / (1.0 + share) } else { share };
            let wilson = interval::wilson(found, among)?;
            Some(Recovered { value, low: from(wilson.low), high: from(wilson.high) })
        };
        let correction = match self.units.correction() {
            Ok(correction) => correction,
            Err(reason) => return with(rate.id, ratios.challenger - ratios.champion, n, Err(reason), None),
        };
        let moment = |of: fn([f64; 2]) -> f64| correction * self.sum(|cell| of(ratios.influence(cell)));
        let covariance = Covariance {
            left: moment(|[left, _]| left * left),
            right: moment(|[_, right]| right * right),
            both: moment(|[left, right]| left * right),
        };
        let value = ratios.challenger - ratios.champion;
        let interval = own(ratios.challenger, |cell| cell.1)
            .zip(own(ratios.champion, |cell| cell.2))
            .and_then(|(left, right)| mover(left, right, covariance.correlation(), "mover-wilson-paired"))
            .map(|interval| within(interval, -1.0, 1.0));
        let error = moment(|[left, right]| (left - right) * (left - right)).sqrt();
        let p_value =
            if f1 { (error > NEGLIGIBLE).then(|| two_sided(value / error)) } else { self.precision_test(value) };
        with(rate.id, value, n, interval.ok_or_else(|| NO_VARIANCE.to_owned()), p_value)
    }

    /// Weighted generalised score test for two precisions on the same rows (Kosinski, Statistics in Medicine 32, 2013):
    /// with p the pooled precision, the variance of their difference is p(1 − p)(1/n₁ + 1/n₂) − 2Σ(y − p)²/(n₁n₂), the sum
    /// over the rows that both models select. None where every selected row is right, or none is.
    fn precision_test(&self, value: f64) -> Option<f64> {
        let count = |is: fn(Cell) -> bool| self.rows_where(is) as f64;
        let (challenger, champion) = (count(|cell| cell.1), count(|cell| cell.2));
        let found = count(|cell| cell.0 && cell.1) + count(|cell| cell.0 && cell.2);
        let pooled = found / (challenger + champion);
        let (both_right, both_wrong) =
            (count(|cell| cell == (true, true, true)), count(|cell| cell == (false, true, true)));
        let shared = both_right * (1.0 - pooled) * (1.0 - pooled) + both_wrong * pooled * pooled;
        let variance =
            pooled * (1.0 - pooled) * (1.0 / challenger + 1.0 / champion) - 2.0 * shared / (challenger * champion);
        (variance > NEGLIGIBLE * NEGLIGIBLE).then(|| two_sided(value / variance.sqrt()))
    }
}

fn cell_of(rows: &PairedRows<'_>, index: usize) -> Cell {
    let (challenger, champion) = rows.decisions(index);
    (at(rows.label, index), challenger, champion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Label, challenger, champion, weight, cluster.
    type Row = (bool, f64, f64, u8, u64);

    struct Columns {
        label: Vec<bool>,
        challenger: Vec<f64>,
        champion: Vec<f64>,
        weight: Vec<f64>,
        cluster: Vec<u64>,
        group: Vec<u32>,
    }

    impl Columns {
        fn new(rows: &[Row]) -> Self {
            Self {
                label: rows.iter().map(|row| row.0).collect(),
                challenger: rows.iter().map(|row| row.1).collect(),
                champion: rows.iter().map(|row| row.2).collect(),
                weight: rows.iter().map(|row| f64::from(row.3)).collect(),
                cluster: rows.iter().map(|row| row.4).collect(),
                group: rows.iter().map(|row| (row.4 % 3) as u32).collect(),
            }
        }

        fn rows(&self, weighted: bool, clustered: bool) -> PairedRows<'_> {
            PairedRows {
                label: &self.label,
                challenger: &self.challenger,
                champion: &self.champion,
                threshold_challenger: 0.5,
                threshold_champion: 0.5,
                cluster: clustered.then_some(&self.cluster),
                weight: weighted.then_some(&self.weight),
                group: &self.group,
                groups: 3,
            }
        }
    }

    fn of(differences: &[Difference], id: MetricId) -> &Difference {
        differences.iter().find(|difference| difference.metric == id).unwrap()
    }

    /// Ten rows: the challenger gains two positives and a false alarm, and loses one positive.
    fn ten() -> Columns {
        let high = 0.9;
        let low = 0.1;
        Columns::new(&[
            (true, high, low, 1, 0),
            (true, high, low, 1, 1),
            (true, low, high, 1, 2),
            (true, high, high, 1, 3),
            (true, low, low, 1, 4),
            (false, high, low, 1, 5),
            (false, low, low, 1, 6),
            (false, low, low, 1, 7),
            (false, low, low, 1, 8),
            (false, high, high, 1, 9),
        ])
    }

    #[test]
    fn ten_rows_by_hand() {
        let columns = ten();
        let all = differences(&columns.rows(false, false));
        assert_eq!(all.iter().map(|difference| difference.metric).collect::<Vec<_>>(), METRICS);
        let recall = of(&all, MetricId::Recall);
        assert_eq!((recall.difference.value, recall.difference.n), (Some(0.2), 5));
        assert_eq!(recall.difference.definition, "recall_paired_difference/1");
        assert_eq!(recall.difference.interval.as_ref().unwrap().method, "tango");
        // Two gained and one lost: 1 at three tosses.
        assert_eq!(recall.p_value, Some(1.0));
        let specificity = of(&all, MetricId::Specificity);
        assert_eq!((specificity.difference.value, specificity.p_value), (Some(-0.2), Some(1.0)));
        // Of 5 selected 3 are right, of 3 there were 2.
        let precision = of(&all, MetricId::Precision);
        assert!((precision.difference.value.unwrap() - (0.6 - 2.0 / 3.0)).abs() < 1e-15);
        assert_eq!(precision.difference.n, 6);
        // 6/10 against 4/8.
        assert!((of(&all, MetricId::F1).difference.value.unwrap() - 0.1).abs() < 1e-15);
        // Two rows gain 0.8 and two lose as much.
        assert!(of(&all, MetricId::Brier).difference.value.unwrap().abs() < 1e-15);
        let decisions = mcnemar_of_decisions(&columns.rows(false, false)).unwrap();
        assert_eq!((decisions.only_challenger, decisions.only_champion), (3, 1));
        let right = mcnemar_of_correctness(&columns.rows(false, false)).unwrap();
        assert_eq!((right.only_challenger, right.only_champion), (2, 2));
    }

    #[test]
    fn swap_sets_by_subgroup() {
        let columns = ten();
        let swap = |rows, right_before, right_after| Swap { rows, right_before, right_after };
        let sets = swap_sets(&columns.rows(false, false)).unwrap();
        let expected = [
            SwapSet { rows: 4, to_positive: swap(1, 0, 1), to_negative: swap(0, 0, 0) },
            SwapSet { rows: 3, to_positive: swap(1, 0, 1), to_negative: swap(0, 0, 0) },
            SwapSet { rows: 3, to_positive: swap(1, 1, 0), to_negative: swap(1, 1, 0) },
        ];
        assert_eq!(sets, expected);
        assert_eq!(swap_sets(&PairedRows { groups: 2, ..columns.rows(false, false) }), None);
    }

    #[test]
    fn questions_without_an_answer_are_undefined() {
        let without = |rows: &[Row]| -> Vec<MetricId> {
            let columns = Columns::new(rows);
            let all = differences(&columns.rows(false, false));
            let none = all.iter().filter(|difference| difference.difference.status == MetricStatus::Undefined);
            none.map(|difference| (difference.metric, assert_eq!(difference.p_value, None)).0).collect()
        };
        use MetricId::{AveragePrecision, F1, Precision, Recall, RocAuc, Specificity};
        assert_eq!(without(&[]), METRICS);
        assert_eq!(without(&[(true, 0.9, 0.1, 1, 0)]), [Specificity, Precision, RocAuc]);
        assert_eq!(without(&[(false, 0.1, 0.1, 1, 0)]), [Recall, Precision, F1, RocAuc, AveragePrecision]);
        let ragged = Columns { champion: vec![], ..ten() };
        for difference in differences(&ragged.rows(false, false)) {
            assert_eq!(difference.difference.status, MetricStatus::Error);
        }
        assert_eq!(mcnemar_of_decisions(&ragged.rows(false, false)), None);
        let nothing = Columns::new(&[]);
        assert_eq!(mcnemar_of_decisions(&nothing.rows(false, false)).unwrap().p_value, None);
        assert_eq!(swap_sets(&nothing.rows(true, true)).unwrap(), [SwapSet::default(); 3]);
    }

    #[test]
    fn agreement_on_every_row_is_not_certainty() {
        let rows: Vec<Row> =
            (0..60).map(|row| (row % 3 == 0, 0.3 + 0.01 * row as f64, 0.3 + 0.01 * row as f64, 1, row)).collect();
        let columns = Columns::new(&rows);
        let z2 = Z * Z;
        for clustered in [false, true] {
            let all = differences(&columns.rows(false, clustered));
            for (id, n, most) in [
                (MetricId::Accuracy, 60.0, 1.0),
                (MetricId::Recall, 20.0, 1.0),
                (MetricId::Precision, 40.0, 1.0),
                (MetricId::RocAuc, 20.0, 1.0),
                (MetricId::Brier, 60.0, 1.0),
                (MetricId::LogLoss, 60.0, LOG_LOSS_MAX),
            ] {
                let difference = of(&all, id);
                let interval = difference.difference.interval.as_ref().unwrap();
                assert_eq!((difference.difference.value, difference.p_value), (Some(0.0), Some(1.0)), "{id:?}");
                assert!((interval.high - most * z2 / (n + z2)).abs() < 1e-12, "{id:?} {interval:?}");
                assert_eq!(interval.low, -interval.high);
            }
            assert_eq!(of(&all, MetricId::AveragePrecision).difference.interval, None);
        }
    }

    #[test]
    fn errors_of_numbers() {
        let rows = PairedNumbers {
            actual: &[1.0, 2.0, 3.0],
            challenger: &[1.0, 2.5, 3.0],
            champion: &[2.0, 2.0, 5.0],
            cluster: None,
            weight: None,
        };
        let [absolute, squared] = error_differences(&rows).try_into().unwrap();
        // Differences −1, 0.5, −2 and −1, 0.25, −4.
        assert!((absolute.difference.value.unwrap() + 2.5 / 3.0).abs() < 1e-15);
        assert!((squared.difference.value.unwrap() + 4.75 / 3.0).abs() < 1e-15);
        assert_eq!(absolute.difference.interval.as_ref().unwrap().method, "clt-paired");
        let same = error_differences(&PairedNumbers { champion: rows.challenger, ..rows });
        assert_eq!((same[0].difference.value, &same[0].difference.interval), (Some(0.0), &None));
        let huge = PairedNumbers { challenger: &[1e200, 0.0, 0.0], ..rows };
        assert_eq!(error_differences(&huge)[1].difference.status, MetricStatus::Error);
        let ragged = PairedNumbers { champion: &[], ..rows };
        assert_eq!(error_differences(&ragged)[0].difference.status, MetricStatus::Error);
        let one = PairedNumbers { actual: &[1.0], challenger: &[1.0], champion: &[2.0], ..rows };
        assert_eq!(error_differences(&one)[0].difference.reason.as_deref(), Some("one row has no variance"));
    }

    fn grid() -> impl Strategy<Value = Vec<Row>> {
        let score = || prop_oneof![(0_u8..=10).prop_map(|tenth| f64::from(tenth) / 10.0), 0.0..=1.0];
        prop::collection::vec((any::<bool>(), score(), score(), 0_u8..3, 0_u64..6), 1..40)
    }

    proptest! {
        #[test]
        fn the_order_of_rows_does_not_change_a_bit(rows in grid(), turn in 0_usize..40, weighted: bool, clustered: bool) {
            let mut other = rows.clone();
            other.rotate_left(turn % rows.len());
            other.reverse();
            let (rows, other) = (Columns::new(&rows), Columns::new(&other));
            let (rows, other) = (rows.rows(weighted, clustered), other.rows(weighted, clustered));
            prop_assert_eq!(differences(&rows), differences(&other));
            prop_assert_eq!(mcnemar_of_decisions(&rows), mcnemar_of_decisions(&other));
            prop_assert_eq!(swap_sets(&rows), swap_sets(&other));
        }

        #[test]
        fn a_weight_of_two_is_the_row_twice(rows in grid()) {
            let twice: Vec<Row> = rows.iter().flat_map(|row| vec![*row; row.3.into()]).collect();
            let (weights, copies) = (Columns::new(&rows), Columns::new(&twice));
            let weighted = differences(&weights.rows(true, true));
            let copied = differences(&copies.rows(false, true));
            for (left, right) in weighted.iter().zip(&copied) {
                prop_assert_eq!(left.difference.status, right.difference.status);
                let (Some(value), Some(other)) = (left.difference.value, right.difference.value) else { continue };
                prop_assert!((value - other).abs() <= 1e-14 * value.abs().max(1.0), "{:?} {:?}", left, right);
                // Within clusters, standard errors are of sums, and these are the same.
                let (Some(ends), Some(others)) = (&left.difference.interval, &right.difference.interval) else { continue };
                if ends.method == others.method {
                    prop_assert!((ends.low - others.low).abs() < 1e-11 && (ends.high - others.high).abs() < 1e-11);
                }
            }
        }

        #[test]
        fn exchanging_the_models_turns_the_sign(rows in grid(), weighted: bool, clustered: bool) {
            let columns = Columns::new(&rows);
            let there = columns.rows(weighted, clustered);
            let back = PairedRows { challenger: there.champion, champion: there.challenger, ..there };
            for (left, right) in differences(&there).iter().zip(&differences(&back)) {
                let turned = right.difference.value.map(|value| -value + 0.0);
                prop_assert_eq!(left.difference.value, turned);
                if let (Some(left), Some(right)) = (left.p_value, right.p_value) {
                    prop_assert!((left - right).abs() < 1e-9, "{} {}", left, right);
                }
                if let (Some(left), Some(right)) = (&left.difference.interval, &right.difference.interval) {
                    prop_assert!((left.low + right.high).abs() < 1e-9 && (left.high + right.low).abs() < 1e-9);
                }
            }
        }

        #[test]
        fn every_value_lies_in_its_interval_and_reasons_are_given(rows in grid(), weighted: bool, clustered: bool) {
            let columns = Columns::new(&rows);
            for difference in differences(&columns.rows(weighted, clustered)) {
                let metric = &difference.difference;
                prop_assert_eq!(metric.value.is_some(), metric.status == MetricStatus::Ok);
                prop_assert_eq!(metric.reason.is_some(), metric.value.is_none() || metric.interval.is_none());
                prop_assert!(difference.p_value.is_none_or(|p| (0.0..=1.0).contains(&p)));
                if let (Some(value), Some(interval)) = (metric.value, &metric.interval) {
                    prop_assert!(interval.low - 1e-12 <= value && value <= interval.high + 1e-12, "{:?}", metric);
                }
            }
        }
    }
}
