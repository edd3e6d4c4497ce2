//! Precision, recall and F1 of classes or labels, and their averages.
//!
//! A row and a class make a decision: whether the class is the row's (or among the row's labels), and whether it is
//! predicted. Rows are independent of each other, the decisions of one row are not: standard errors add up what all
//! decisions of a row contribute.

use super::super::exact_sum::{ExactSum, exact_sum};
use super::super::interval::{self, Z};
use super::super::metric::{Interval, Metric, MetricId, MetricStatus};
use super::super::sample::{NO_VARIANCE, Sample};

/// Classes that a reason names before it only counts them.
const NAMES_MAX: usize = 10;

/// Rows and the sum of their weights.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Mass {
    pub(crate) rows: u64,
    pub(crate) mass: f64,
}

impl Mass {
    /// The rows that count for which `is` holds.
    pub(crate) fn of(sample: &Sample<'_>, is: impl Fn(usize) -> bool) -> Self {
        let rows = sample.count(&is);
        let mass = if sample.is_weighted() { sample.sum(|row| f64::from(u8::from(is(row)))) } else { rows as f64 };
        Self { rows, mass }
    }
}

/// The decisions of rows.
pub(crate) trait Decisions {
    /// Calls `visit` with every class that is labelled or predicted, in ascending order, and whether it is each.
    fn visit(&self, row: usize, visit: &mut dyn FnMut(usize, bool, bool));

    /// Whether the class is labelled, and whether it is predicted.
    fn decision(&self, row: usize, class: usize) -> (bool, bool);
}

/// A share of decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rate {
    /// Labelled among predicted.
    Precision,
    /// Predicted among labelled.
    Recall,
    /// Twice those that are both over the sum of those that are either (Dice).
    F1,
}

impl Rate {
    /// What a decision adds to the numerator and to the denominator.
    fn parts(self, labelled: bool, predicted: bool) -> (f64, f64) {
        let [labelled, predicted] = [labelled, predicted].map(|is| f64::from(u8::from(is)));
        match self {
            Self::Precision => (labelled * predicted, predicted),
            Self::Recall => (labelled * predicted, labelled),
            Self::F1 => (2.0 * labelled * predicted, labelled + predicted),
        }
    }

    /// The reason why there is no value for a class.
    fn nothing(self) -> &'static str {
        match self {
            Self::Precision => "it is never predicted",
            Self::Recall => "no row has it",
            Self::F1 => "no row has it and it is never predicted",
        }
    }
}

/// A metric without a value because the formula has none.
pub(crate) fn undefined(id: MetricId, n: u64, reason: impl Into<String>) -> Metric {
    Metric::without(id, MetricStatus::Undefined, n, reason)
}

/// Names classes by their index: `2, 5`.
pub(crate) fn names(classes: &[usize]) -> String {
    let first: Vec<String> = classes.iter().take(NAMES_MAX).map(usize::to_string).collect();
    let more = classes.len() - first.len();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", first.join(", "))
}

/// A value in [0, 1] with an interval on the logit scale by the delta method.
pub(crate) fn delta_metric(
    sample: &Sample<'_>,
    id: MetricId,
    value: f64,
    standard_error: Result<f64, String>,
    method: &str,
) -> Metric {
    // Sums that are each rounded once can make a quotient of one and a bit.
    let value = if value > 1.0 { 1.0 } else { value };
    let interval = standard_error
        .and_then(|error| interval::logit(value, error, &sample.method(method)).ok_or_else(|| NO_VARIANCE.to_owned()));
    Metric::of(id, value, sample.n, interval)
}

/// The name of the delta method of a sample: with weights it is called linearisation.
pub(crate) fn delta_method(sample: &Sample<'_>) -> &'static str {
    if sample.is_simple() { "delta-logit" } else { "linearised-logit" }
}

/// A share of rows. `is` says of a row whether it is counted, and whether it is counted among.
///
/// Interval: Wilson's for independent rows that count once. With weights or clusters, the linearised standard error
/// on the logit scale, and at 0 and 1, where that is zero, Wilson's with Kish's effective number of rows.
pub(crate) fn share(
    sample: &Sample<'_>,
    id: MetricId,
    (counted, among): (Mass, Mass),
    is: impl Fn(usize) -> (bool, bool),
    nothing: &str,
) -> Metric {
    if among.rows == 0 {
        return undefined(id, 0, nothing);
    }
    let value = counted.mass / among.mass;
    let interval = if sample.is_simple() {
        interval::wilson(counted.rows, among.rows).ok_or_else(|| NO_VARIANCE.to_owned())
    } else {
        let part = |is: bool| f64::from(u8::from(is));
        let residual = |row: usize| part(is(row).0) - value * part(is(row).1);
        sample.standard_error(residual, among.mass).and_then(|error| {
            let ends = if counted.rows == 0 || counted.rows == among.rows {
                wilson_kish(sample, counted.rows > 0, |row| is(row).1)
            } else {
                interval::logit(value, error, &sample.method("linearised-logit"))
            };
            ends.ok_or_else(|| NO_VARIANCE.to_owned())
        })
    };
    let numerator = (!sample.is_weighted()).then_some(counted.rows);
    Metric { numerator, ..Metric::of(id, value, among.rows, interval) }
}

/// Wilson's interval for all or none of as many rows as are effectively there.
fn wilson_kish(sample: &Sample<'_>, all: bool, among: impl Fn(usize) -> bool) -> Option<Interval> {
    let (size, square) = (sample.effective_size(among), Z * Z);
    let (low, high) = if all { (size / (size + square), 1.0) } else { (0.0, square / (size + square)) };
    interval::interval(low, high, &sample.method("wilson-kish"))
}

/// The rows of each class by label, by prediction, and by both.
pub(crate) struct Tally {
    pub(crate) labelled: Vec<Mass>,
    pub(crate) predicted: Vec<Mass>,
    pub(crate) both: Vec<Mass>,
    /// Labelled, but not predicted.
    pub(crate) missed: Vec<Mass>,
    /// Predicted, but not labelled.
    pub(crate) wrong: Vec<Mass>,
    /// Neither labelled nor predicted.
    pub(crate) neither: Vec<Mass>,
}

#[derive(Default, Clone)]
struct Sum {
    rows: u64,
    mass: ExactSum,
}

impl Sum {
    fn add(&mut self, weight: Option<f64>) {
        self.rows += 1;
        weight.into_iter().for_each(|weight| self.mass.add(weight));
    }
}

impl Tally {
    pub(crate) fn new(sample: &Sample<'_>, classes: usize, decisions: &impl Decisions) -> Self {
        // The last holds the weights of either with a minus sign.
        const EITHER: usize = 5;
        let mut sums: [Vec<Sum>; 6] = std::array::from_fn(|_| vec![Sum::default(); classes]);
        let mut all = Sum::default();
        for row in sample.rows() {
            let weight = sample.is_weighted().then(|| sample.weight(row));
            all.add(weight);
            decisions.visit(row, &mut |class, labelled, predicted| {
                let is =
                    [labelled, predicted, labelled && predicted, labelled && !predicted, predicted && !labelled, true];
                for (place, (sums, is)) in sums.iter_mut().zip(is).enumerate() {
                    if let (true, Some(sum)) = (is, sums.get_mut(class)) {
                        sum.add(if place == EITHER { weight.map(|weight| -weight) } else { weight });
                    }
                }
            });
        }
        let weighted = sample.is_weighted();
        let mass = |sum: &Sum| Mass { rows: sum.rows, mass: if weighted { sum.mass.value() } else { sum.rows as f64 } };
        let masses = |sums: &[Sum]| -> Vec<Mass> { sums.iter().map(mass).collect() };
        let [labelled, predicted, both, missed, wrong, mut either] = sums;
        for sum in &mut either {
            sum.rows = all.rows - sum.rows;
            sum.mass.merge(&all.mass);
        }
        Self {
            labelled: masses(&labelled),
            predicted: masses(&predicted),
            both: masses(&both),
            missed: masses(&missed),
            wrong: masses(&wrong),
            neither: masses(&either),
        }
    }

    pub(crate) fn classes(&self) -> usize {
        self.labelled.len()
    }

    pub(crate) fn mass(masses: &[Mass], class: usize) -> Mass {
        masses.get(class).copied().unwrap_or_default()
    }

    /// Labelled, predicted and both.
    fn of(&self, class: usize) -> [Mass; 3] {
        [&self.labelled, &self.predicted, &self.both].map(|masses| Self::mass(masses, class))
    }

    /// Numerator and denominator of a rate.
    fn parts(rate: Rate, [labelled, predicted, both]: [Mass; 3]) -> (f64, f64) {
        match rate {
            Rate::Precision => (both.mass, predicted.mass),
            Rate::Recall => (both.mass, labelled.mass),
            Rate::F1 => (2.0 * both.mass, labelled.mass + predicted.mass),
        }
    }

    /// The rate of every class; not a number where there is none.
    fn values(&self, rate: Rate) -> Vec<Value> {
        (0..self.classes())
            .map(|class| {
                let (numerator, denominator) = Self::parts(rate, self.of(class));
                Value { value: numerator / denominator, denominator, support: Self::mass(&self.labelled, class).mass }
            })
            .collect()
    }

    /// The rate of one class.
    pub(crate) fn class_metric(
        &self,
        sample: &Sample<'_>,
        decisions: &impl Decisions,
        (id, rate): (MetricId, Rate),
        class: usize,
    ) -> Metric {
        let masses @ [labelled, predicted, both] = self.of(class);
        let is = |row: usize| decisions.decision(row, class);
        match rate {
            Rate::Precision => {
                let is = |row| (is(row) == (true, true), is(row).1);
                share(sample, id, (both, predicted), is, rate.nothing())
            }
            Rate::Recall => {
                let is = |row| (is(row) == (true, true), is(row).0);
                share(sample, id, (both, labelled), is, rate.nothing())
            }
            Rate::F1 => {
                let union = labelled.rows + predicted.rows - both.rows;
                if union == 0 {
                    return undefined(id, 0, rate.nothing());
                }
                let (numerator, denominator) = Self::parts(rate, masses);
                let value = numerator / denominator;
                if sample.is_simple() {
                    let interval = dice_interval(both.rows, union).ok_or_else(|| NO_VARIANCE.to_owned());
                    return Metric::of(id, value, union, interval);
                }
                let residual = |row: usize| {
                    let (numerator, denominator) = rate.parts(is(row).0, is(row).1);
                    numerator - value * denominator
                };
                let error = sample.standard_error(residual, denominator);
                Metric { n: union, ..delta_metric(sample, id, value, error, delta_method(sample)) }
            }
        }
    }

    /// Why an average over all classes has no value, if it has none: a class without rows has no rate to speak of, and
    /// one that is never predicted no precision.
    pub(crate) fn absence(&self, rate: Rate) -> Option<String> {
        let without = |masses: &[Mass]| -> Vec<usize> {
            masses.iter().enumerate().filter(|(_, mass)| mass.rows == 0).map(|(class, _)| class).collect()
        };
        let (absent, unpredicted) = (without(&self.labelled), without(&self.predicted));
        if self.classes() == 0 {
            Some("no class is declared".to_owned())
        } else if !absent.is_empty() {
            Some(format!("without rows: {}", names(&absent)))
        } else if rate == Rate::Precision && !unpredicted.is_empty() {
            Some(format!("never predicted: {}", names(&unpredicted)))
        } else {
            None
        }
    }

    /// Mean of the classes' rates. Undefined if a class is without rows or its rate without a value.
    pub(crate) fn macro_metric(
        &self,
        sample: &Sample<'_>,
        decisions: &impl Decisions,
        (id, rate): (MetricId, Rate),
    ) -> Metric {
        if let Some(reason) = self.absence(rate) {
            return undefined(id, sample.n, reason);
        }
        let (values, classes) = (self.values(rate), self.classes() as f64);
        let value = exact_sum(values.iter().map(|class| class.value)) / classes;
        let influence = |row: usize| {
            let mut sum = 0.0;
            decisions.visit(row, &mut |class, labelled, predicted| {
                sum += values.get(class).map_or(0.0, |class| class.influence(rate, labelled, predicted));
            });
            sum / classes
        };
        delta_metric(sample, id, value, sample.standard_error(influence, 1.0), delta_method(sample))
    }

    /// Mean of the classes' rates by their support, Σ Tₖ·rateₖ / Σ Tₖ. A class without rows has no part in it;
    /// undefined if another one's rate has no value.
    pub(crate) fn weighted_metric(
        &self,
        sample: &Sample<'_>,
        decisions: &impl Decisions,
        (id, rate): (MetricId, Rate),
    ) -> Metric {
        let present = || (0..self.classes()).filter(|class| Self::mass(&self.labelled, *class).rows > 0);
        if present().next().is_none() {
            return undefined(id, sample.n, "no class has rows");
        }
        let unpredicted: Vec<usize> = present().filter(|class| Self::mass(&self.predicted, *class).rows == 0).collect();
        if rate == Rate::Precision && !unpredicted.is_empty() {
            return undefined(id, sample.n, format!("never predicted: {}", names(&unpredicted)));
        }
        let mut values = self.values(rate);
        for class in values.iter_mut().filter(|class| class.support == 0.0) {
            (class.value, class.denominator) = (0.0, 1.0);
        }
        let total = exact_sum(values.iter().map(|class| class.support));
        let value = exact_sum(values.iter().map(|class| class.support / total * class.value));
        let influence = |row: usize| {
            let mut sum = 0.0;
            decisions.visit(row, &mut |class, labelled, predicted| {
                let Some(class) = values.get(class) else { return };
                let own = if labelled { class.value - value } else { 0.0 };
                sum += own + class.support * class.influence(rate, labelled, predicted);
            });
            sum
        };
        delta_metric(sample, id, value, sample.standard_error(influence, total), delta_method(sample))
    }

    /// The rate of the decisions of all classes together. `n` is the number of decisions in the denominator.
    pub(crate) fn micro_metric(
        &self,
        sample: &Sample<'_>,
        decisions: &impl Decisions,
        (id, rate): (MetricId, Rate),
    ) -> Metric {
        let pooled = [&self.labelled, &self.predicted, &self.both].map(|masses| Mass {
            rows: masses.iter().map(|mass| mass.rows).sum(),
            mass: exact_sum(masses.iter().map(|mass| mass.mass)),
        });
        let [labelled, predicted, both] = pooled;
        let n = match rate {
            Rate::Precision => predicted.rows,
            Rate::Recall => labelled.rows,
            Rate::F1 => labelled.rows + predicted.rows - both.rows,
        };
        if n == 0 {
            return undefined(id, 0, "there is no such decision in any row");
        }
        let (numerator, denominator) = Self::parts(rate, pooled);
        let value = numerator / denominator;
        let residual = |row: usize| {
            let mut sum = 0.0;
            decisions.visit(row, &mut |_, labelled, predicted| {
                let (numerator, denominator) = rate.parts(labelled, predicted);
                sum += numerator - value * denominator;
            });
            sum
        };
        let error = sample.standard_error(residual, denominator);
        let whole = (rate != Rate::F1 && !sample.is_weighted()).then_some(both.rows);
        Metric { n, numerator: whole, ..delta_metric(sample, id, value, error, delta_method(sample)) }
    }
}

/// F1 is 2J / (1 + J) of the share J of rows that are both among those that are either: a growing function of a
/// proportion, so that Wilson's interval for J carries over.
fn dice_interval(both: u64, union: u64) -> Option<Interval> {
    let of = |share: f64| 2.0 * share / (1.0 + share);
    let jaccard = interval::wilson(both, union)?;
    interval::interval(of(jaccard.low), of(jaccard.high), "wilson-jaccard")
}

/// A class's rate.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Value {
    value: f64,
    denominator: f64,
    support: f64,
}

impl Value {
    /// The derivative of the rate by the weight of a row with this decision.
    fn influence(&self, rate: Rate, labelled: bool, predicted: bool) -> f64 {
        let (numerator, denominator) = rate.parts(labelled, predicted);
        (numerator - self.value * denominator) / self.denominator
    }
}
