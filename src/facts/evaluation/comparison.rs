//! Comparisons between the groups of a protected column.
//!
//! A comparison with a group for which the rate has no value has no value itself: an unknown is not
//! an equality.

use super::binary::{BinaryState, RocArea, definition};
use super::interval::{self, Proportion};
use super::metric::{Interval, Metric, MetricId, MetricStatus};
use super::{ComparisonId, GroupComparison, Slice};

/// A group of a column: its slice and what is known of its rows.
pub(crate) struct Group<'a> {
    pub(crate) slice: &'a Slice,
    pub(crate) state: &'a BinaryState,
}

/// Every comparison between the groups of `column`.
pub(crate) fn compare(column: &str, groups: &[Group<'_>]) -> Vec<GroupComparison> {
    let comparisons = [
        (ComparisonId::ImpactRatio, MetricId::FavourableRate),
        (ComparisonId::RecallDifference, MetricId::Recall),
        (ComparisonId::SpecificityDifference, MetricId::Specificity),
        (ComparisonId::RocAucDifference, MetricId::RocAuc),
    ];
    comparisons.into_iter().map(|(comparison, rate)| compare_one(column, groups, comparison, rate)).collect()
}

const fn key(comparison: ComparisonId) -> &'static str {
    match comparison {
        ComparisonId::ImpactRatio => "impact_ratio",
        ComparisonId::RecallDifference => "recall_difference",
        ComparisonId::SpecificityDifference => "specificity_difference",
        ComparisonId::RocAucDifference => "roc_auc_difference",
    }
}

fn name(slice: &Slice) -> String {
    if slice.value.is_empty() && slice.missing { "(missing)".to_owned() } else { slice.value.clone() }
}

fn compare_one(column: &str, groups: &[Group<'_>], comparison: ComparisonId, rate: MetricId) -> GroupComparison {
    let rates: Vec<(&Group<'_>, &Metric)> =
        groups.iter().filter_map(|group| Some((group, group.slice.metrics.get(rate)?))).collect();
    let n = rates.iter().map(|(_, metric)| metric.n).sum();
    let smallest_denominator = rates.iter().map(|(_, metric)| metric.n).min().unwrap_or(0);
    let without = |status, reason: String| GroupComparison {
        column: column.to_owned(),
        comparison,
        metric: Metric {
            definition: definition(key(comparison)),
            status,
            value: None,
            n,
            numerator: None,
            interval: None,
            reason: Some(reason),
        },
        lowest_group: None,
        highest_group: None,
        smallest_denominator,
        adjusted_p_value: None,
        adjustment: None,
    };
    if rates.len() < 2 {
        return without(MetricStatus::Undefined, "there are fewer than two groups".to_owned());
    }
    let mut values = Vec::with_capacity(rates.len());
    for (group, metric) in &rates {
        let Some(value) = metric.value else {
            let status = if metric.status == MetricStatus::Error { metric.status } else { MetricStatus::Undefined };
            let why = metric.reason.as_deref().unwrap_or("it has no value");
            return without(status, format!("{} of {}: {why}", rate.key(), name(group.slice)));
        };
        values.push((value, *group, *metric));
    }
    // `min_by` keeps the first and `max_by` the last of equals; the groups are sorted by value.
    let (Some(lowest), Some(highest)) = (
        values.iter().min_by(|left, right| left.0.total_cmp(&right.0)),
        values.iter().max_by(|left, right| left.0.total_cmp(&right.0)),
    ) else {
        return without(MetricStatus::Undefined, "there are fewer than two groups".to_owned());
    };
    if comparison == ComparisonId::ImpactRatio && highest.0 <= 0.0 {
        return without(MetricStatus::Undefined, "nobody in any group gets the favourable outcome".to_owned());
    }
    let (value, interval) = match comparison {
        ComparisonId::ImpactRatio => (lowest.0 / highest.0, proportions(lowest.2, highest.2, interval::katz)),
        ComparisonId::RecallDifference | ComparisonId::SpecificityDifference => {
            (highest.0 - lowest.0, proportions(highest.2, lowest.2, interval::newcombe))
        }
        ComparisonId::RocAucDifference => (highest.0 - lowest.0, area_difference(highest.1.state, lowest.1.state)),
    };
    let reason = interval.is_none().then(|| "a group is too small or uniform for an interval".to_owned());
    GroupComparison {
        column: column.to_owned(),
        comparison,
        metric: Metric {
            definition: definition(key(comparison)),
            status: MetricStatus::Ok,
            value: Some(value),
            n,
            numerator: None,
            interval,
            reason,
        },
        lowest_group: Some(name(lowest.1.slice)),
        highest_group: Some(name(highest.1.slice)),
        smallest_denominator,
        adjusted_p_value: None,
        adjustment: None,
    }
}

fn proportions(
    left: &Metric,
    right: &Metric,
    interval: impl Fn(&Proportion, &Proportion) -> Option<Interval>,
) -> Option<Interval> {
    let left = Proportion::new(left.numerator?, left.n)?;
    let right = Proportion::new(right.numerator?, right.n)?;
    interval(&left, &right)
}

/// Normal interval for the difference of two areas; the groups are disjoint, so their errors are independent.
fn area_difference(left: &BinaryState, right: &BinaryState) -> Option<Interval> {
    let (left, right) = (RocArea::of(&left.sums, &left.ranks)?, RocArea::of(&right.sums, &right.ranks)?);
    let half = interval::Z * left.standard_error?.hypot(right.standard_error?);
    let difference = left.value - right.value;
    interval::interval((difference - half).max(-1.0), (difference + half).min(1.0), "delong-independent")
}
