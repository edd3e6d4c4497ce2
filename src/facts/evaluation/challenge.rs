//! The version now in use beside the new one, on the rows of an evaluation.

use super::champion::mcnemar::McNemar;
use super::champion::{self, Difference, PairedNumbers, PairedRows};
use super::metric::{Metric, MetricStatus};
use super::reference::{ChampionFacts, McNemarTest, MetricDifference, Swap, SwapSet};
use super::rows::gather;
use crate::manifest::raw;
use crate::metric_id::Better;

/// Rows column by column; the champion's entry is NaN where it did not judge the row.
pub(crate) struct Paired<'a> {
    pub(crate) challenger: &'a [f64],
    pub(crate) champion: &'a [f64],
    pub(crate) weight: Option<&'a [f64]>,
    pub(crate) cluster: Option<&'a [u64]>,
}

/// Groups of one protected column: its name, the values, and which of them each row has.
pub(crate) struct PairedGroups {
    pub(crate) column: Option<String>,
    pub(crate) values: Vec<String>,
    pub(crate) of_rows: Vec<u32>,
}

impl Paired<'_> {
    /// The positions of rows that the champion judged.
    fn judged(&self) -> Vec<u32> {
        let judged = self.champion.iter().enumerate().filter(|(_, score)| !score.is_nan());
        judged.map(|(position, _)| position as u32).collect()
    }
}

/// Binary classification: `label` is true for the positive class.
pub(crate) fn binary(
    declared: &raw::Champion,
    rows: &Paired<'_>,
    label: &[bool],
    threshold: f64,
    groups: &[PairedGroups],
) -> ChampionFacts {
    let judged = rows.judged();
    let label = gather(label, &judged);
    let (challenger, champion) = (gather(rows.challenger, &judged), gather(rows.champion, &judged));
    let weight = rows.weight.map(|weight| gather(weight, &judged));
    let cluster = rows.cluster.map(|cluster| gather(cluster, &judged));
    let all = vec![0; judged.len()];
    let paired = PairedRows {
        label: &label,
        challenger: &challenger,
        champion: &champion,
        threshold_challenger: threshold,
        threshold_champion: declared.threshold.unwrap_or(threshold),
        cluster: cluster.as_deref(),
        weight: weight.as_deref(),
        group: &all,
        groups: 1,
    };
    let mut swaps = swap_sets(&paired, None, &[String::new()]);
    for grouping in groups {
        let group = gather(&grouping.of_rows, &judged);
        let of_grouping = PairedRows { group: &group, groups: grouping.values.len(), ..paired };
        swaps.extend(swap_sets(&of_grouping, grouping.column.as_deref(), &grouping.values));
    }
    let facts = facts(declared, rows, judged.len(), champion::differences(&paired));
    ChampionFacts {
        swaps,
        decisions: champion::mcnemar_of_decisions(&paired).map(test),
        correctness: champion::mcnemar_of_correctness(&paired).map(test),
        ..facts
    }
}

/// A task that predicts numbers.
pub(crate) fn numbers(declared: &raw::Champion, rows: &Paired<'_>, actual: &[f64]) -> ChampionFacts {
    let judged = rows.judged();
    let weight = rows.weight.map(|weight| gather(weight, &judged));
    let cluster = rows.cluster.map(|cluster| gather(cluster, &judged));
    let differences = champion::error_differences(&PairedNumbers {
        actual: &gather(actual, &judged),
        challenger: &gather(rows.challenger, &judged),
        champion: &gather(rows.champion, &judged),
        cluster: cluster.as_deref(),
        weight: weight.as_deref(),
    });
    facts(declared, rows, judged.len(), differences)
}

fn facts(declared: &raw::Champion, rows: &Paired<'_>, judged: usize, differences: Vec<Difference>) -> ChampionFacts {
    let without = (rows.champion.len() - judged) as u64;
    let difference = |difference: Difference| {
        let metric = difference.difference;
        let (metric, p_value) = if without == 0 {
            (metric, difference.p_value)
        } else {
            let reason = format!("the champion did not judge {without} of {} rows", rows.champion.len());
            let status = MetricStatus::Error;
            let none =
                Metric { status, value: None, n: 0, numerator: None, interval: None, reason: Some(reason), ..metric };
            (none, None)
        };
        MetricDifference {
            metric: difference.metric,
            higher_is_better: difference.metric.better() == Better::Higher,
            difference: metric,
            p_value,
        }
    };
    ChampionFacts {
        version: declared.version.clone(),
        rows: judged as u64,
        rows_without: without,
        data: None,
        rows_beyond: None,
        differences: differences.into_iter().map(difference).collect(),
        swaps: Vec::new(),
        decisions: None,
        correctness: None,
    }
}

fn swap_sets(rows: &PairedRows<'_>, column: Option<&str>, values: &[String]) -> Vec<SwapSet> {
    let swap =
        |swap: champion::Swap| Swap { rows: swap.rows, right_before: swap.right_before, right_after: swap.right_after };
    let sets = champion::swap_sets(rows).unwrap_or_default();
    let set = |(value, set): (&String, champion::SwapSet)| SwapSet {
        column: column.map(str::to_owned),
        value: value.clone(),
        rows: set.rows,
        to_positive: swap(set.to_positive),
        to_negative: swap(set.to_negative),
    };
    values.iter().zip(sets).map(set).collect()
}

fn test(test: McNemar) -> McNemarTest {
    McNemarTest {
        only_challenger: test.only_challenger,
        only_champion: test.only_champion,
        p_value: test.p_value,
        test: test.test.to_owned(),
    }
}
