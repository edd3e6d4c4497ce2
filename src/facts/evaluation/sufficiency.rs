//! Whether there are rows enough for the differences that matter.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::interval::Z;
use super::metric::{Metric, MetricId, MetricStatus, Metrics};
use super::power::{Design, minimal_detectable, power, sample_size};
use crate::manifest::raw::RawEvaluation;
use crate::metric_id::Better;

/// The power that rows are asked for.
const POWER_WANTED: f64 = 0.8;

/// What this many rows can show of one metric.
///
/// The question is put before the answer is known: if the true value is the one that was measured, how probable is it that
/// the unfavourable end of the 95 % interval of as many rows is within the margin of it? A gate that asks for a bound one
/// margin away passes so often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sufficiency {
    /// The metric.
    pub metric: MetricId,
    /// The smallest difference that matters, as declared, in the metric's own unit.
    pub margin: f64,
    /// The probability, 0 to 1; null where it is not known, for the reason in `reason`.
    pub power: Option<f64>,
    /// The smallest margin with a power of 0.8; null where none has it.
    pub minimal_detectable: Option<f64>,
    /// Rows with which the margin has a power of 0.8, where these are as they are now; null where no number of them has.
    pub rows_needed: Option<u64>,
    /// How it was computed: `binomial`, `hanley-mcneil`, or `normal` by the standard error of the interval; null
    /// without a power.
    pub method: Option<String>,
    /// Why there is no power.
    pub reason: Option<String>,
}

/// What the rows are worth for each declared margin, in the order of the metrics' keys.
pub(crate) fn sufficiency(declared: &RawEvaluation, metrics: &Metrics, rows: u64) -> Vec<Sufficiency> {
    let of = |(metric, margin): (&MetricId, &f64)| {
        judge(metrics, *metric, *margin, rows).unwrap_or_else(|reason| Sufficiency {
            metric: *metric,
            margin: *margin,
            power: None,
            minimal_detectable: None,
            rows_needed: None,
            method: None,
            reason: Some(reason),
        })
    };
    declared.margins.iter().map(of).collect()
}

fn judge(metrics: &Metrics, id: MetricId, margin: f64, rows: u64) -> Result<Sufficiency, String> {
    let metric = metrics.get(id).ok_or_else(|| "this task does not have it".to_owned())?;
    let value = metric.value.filter(|_| metric.status == MetricStatus::Ok);
    let value = value.ok_or_else(|| metric.reason.clone().unwrap_or_else(|| "it has no value".to_owned()))?;
    let (design, count, method) = design(metrics, id, metric, value, margin)?;
    let power = power(design, margin).ok_or_else(|| "the margin is wider than what is left of the range".to_owned())?;
    // The design's own count, such as positive rows, has the share of all rows that it has now.
    let needed = sample_size(design, margin, POWER_WANTED).map(|needed| needed as f64 * (rows as f64 / count));
    Ok(Sufficiency {
        metric: id,
        margin,
        power: Some(power),
        minimal_detectable: minimal_detectable(design, POWER_WANTED),
        rows_needed: needed.map(|needed| needed.ceil() as u64),
        method: Some(method.to_owned()),
        reason: None,
    })
}

/// The design whose bound is one margin worse than the value, how much of what it counts there is, and its name.
fn design(
    metrics: &Metrics,
    id: MetricId,
    metric: &Metric,
    value: f64,
    margin: f64,
) -> Result<(Design, f64, &'static str), String> {
    if id.better() == Better::Neither {
        return Err("neither more nor less of it is better".to_owned());
    }
    // What is better the less there is of it, is as good as there is more of the rest.
    let share = if id.better() == Better::Lower { 1.0 - value } else { value };
    if metric.numerator.is_some() {
        let trials = metric.n as f64;
        return Ok((Design::Proportion { bound: share - margin, trials }, trials, "binomial"));
    }
    // Counts of classes are those of rows without weights and clusters alone.
    let counted = |id| metrics.get(id).filter(|rate| rate.numerator.is_some()).map(|rate| rate.n as f64);
    if let (MetricId::RocAuc, Some(positives), Some(negatives)) =
        (id, counted(MetricId::Recall), counted(MetricId::Specificity))
    {
        return Ok((Design::Area { bound: value - margin, positives, negatives }, positives, "hanley-mcneil"));
    }
    let Some(interval) = &metric.interval else {
        return Err(metric.reason.clone().unwrap_or_else(|| "it has no interval".to_owned()));
    };
    let standard_error = (interval.high - interval.low) / (2.0 * Z);
    let n = metric.n.max(1) as f64;
    Ok((Design::Mean { standard_deviation: standard_error * n.sqrt(), n }, n, "normal"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::facts::evaluation::interval;

    fn judged(metrics: &[(MetricId, Metric)], id: MetricId, margin: f64, rows: u64) -> Result<Sufficiency, String> {
        judge(&Metrics(metrics.iter().cloned().collect::<BTreeMap<_, _>>()), id, margin, rows)
    }

    fn rate(id: MetricId, successes: u64, trials: u64) -> (MetricId, Metric) {
        let value = successes as f64 / trials as f64;
        let interval = interval::wilson(successes, trials).ok_or_else(String::new);
        (id, Metric { numerator: Some(successes), ..Metric::of(id, value, trials, interval) })
    }

    #[test]
    fn a_rate_by_the_binomial_law() {
        let judged = judged(&[rate(MetricId::Recall, 80, 100)], MetricId::Recall, 0.1, 1000).unwrap();
        // Φ((0.1 − 1.96 · √(0.7 · 0.3/100))/√(0.8 · 0.2/100)).
        assert!((judged.power.unwrap() - 0.600_5).abs() < 1e-4, "{judged:?}");
        // ((1.96 · √0.21 + 0.8416 · √0.16)/0.1)² = 152.5 positive rows, of which there is one in ten.
        assert_eq!((judged.rows_needed, judged.method.as_deref()), (Some(1530), Some("binomial")));
        assert!(judged.minimal_detectable.is_some_and(|margin| (0.11..0.14).contains(&margin)), "{judged:?}");
    }

    #[test]
    fn an_area_by_its_classes_and_any_other_by_its_interval() {
        let area =
            Metric::of(MetricId::RocAuc, 0.8, 200, interval::interval(0.74, 0.86, "delong").ok_or_else(String::new));
        let rates = [rate(MetricId::Recall, 50, 100), rate(MetricId::Specificity, 80, 100), (MetricId::RocAuc, area)];
        let by_classes = judged(&rates, MetricId::RocAuc, 0.05, 200).unwrap();
        assert_eq!(by_classes.method.as_deref(), Some("hanley-mcneil"));
        let by_interval = judged(&rates[2..], MetricId::RocAuc, 0.05, 200).unwrap();
        assert_eq!(by_interval.method.as_deref(), Some("normal"));
        let (left, right) = (by_classes.power.unwrap(), by_interval.power.unwrap());
        assert!((left - right).abs() < 0.1, "{left} {right}");
        // (2.8 · 0.0306/0.05)² = 2.94 times as many.
        assert!(by_interval.rows_needed.is_some_and(|rows| (585..592).contains(&rows)), "{by_interval:?}");
    }

    #[test]
    fn what_is_not_known_has_a_reason() {
        let reason = |metrics: &[(MetricId, Metric)], id, margin| judged(metrics, id, margin, 100).unwrap_err();
        assert_eq!(reason(&[], MetricId::Recall, 0.1), "this task does not have it");
        let none = Metric::without(MetricId::Recall, MetricStatus::Undefined, 0, "no row is positive");
        assert_eq!(reason(&[(MetricId::Recall, none)], MetricId::Recall, 0.1), "no row is positive");
        let low = [rate(MetricId::Recall, 5, 100)];
        assert_eq!(reason(&low, MetricId::Recall, 0.1), "the margin is wider than what is left of the range");
        let prevalence = [rate(MetricId::Prevalence, 5, 100)];
        assert_eq!(reason(&prevalence, MetricId::Prevalence, 0.1), "neither more nor less of it is better");
        let bare = Metric::of(MetricId::Brier, 0.1, 1, Err("one row has no variance".to_owned()));
        assert_eq!(reason(&[(MetricId::Brier, bare)], MetricId::Brier, 0.1), "one row has no variance");
    }
}
