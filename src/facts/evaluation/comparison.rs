//! Comparisons between the groups of a protected column.
//!
//! A comparison with a group for which the rate has no value has no value itself: an unknown is not
//! an equality.

use super::binary::RocArea;
use super::groups::{self, GroupRate};
use super::interval::{self, Proportion};
use super::metric::{Interval, Metric, MetricId, MetricStatus, definition};
use super::multiplicity::{PValue, benjamini_hochberg, holm};
use super::{ComparisonId, GroupComparison, LeftOutGroup, Slice};

/// Rows below which the rate of a group says next to nothing: Wilson's interval for 5 of 10 reaches from 0.24 to 0.76.
pub(crate) const CASES_MIN: u64 = 10;

/// A group of a column: its slice, and the area under its ROC curve where that is known with its standard error.
pub(crate) struct Group<'a> {
    pub(crate) slice: &'a Slice,
    pub(crate) area: Option<RocArea>,
}

/// Every comparison between the groups of `column` with at least [`CASES_MIN`] rows; the others are named. With the
/// favourable rate of a `reference` group the lowest is compared, too.
pub(crate) fn compare(column: &str, groups: &[Group<'_>], reference: Option<&str>) -> Vec<GroupComparison> {
    let (groups, small): (Vec<&Group<'_>>, Vec<_>) = groups.iter().partition(|group| group.slice.rows >= CASES_MIN);
    let left_out: Vec<_> =
        small.iter().map(|group| LeftOutGroup { value: name(group.slice), rows: group.slice.rows }).collect();
    let comparisons = [
        (ComparisonId::ImpactRatio, MetricId::FavourableRate),
        (ComparisonId::RecallDifference, MetricId::Recall),
        (ComparisonId::SpecificityDifference, MetricId::Specificity),
        (ComparisonId::RocAucDifference, MetricId::RocAuc),
    ];
    // A comparison without a value is one, too.
    let either = |compared: Result<_, Box<_>>| compared.unwrap_or_else(|none| *none);
    let of_rate = |(comparison, rate)| either(compare_one(column, &groups, comparison, rate));
    let mut compared: Vec<_> = comparisons.into_iter().map(of_rate).collect();
    compared.extend(equalised_odds(&compared));
    compared.extend(reference.map(|reference| either(compare_with_reference(column, &groups, reference))));
    compared.into_iter().map(|comparison| GroupComparison { left_out: left_out.clone(), ..comparison }).collect()
}

/// The larger of the differences in recall and in specificity, which is that of the false positive rates (Hardt, Price
/// and Srebro 2016; as Fairlearn's equalized_odds_difference). It is not tested: its two parts are.
fn equalised_odds(compared: &[GroupComparison]) -> Option<GroupComparison> {
    let part = |wanted: ComparisonId| compared.iter().find(|comparison| comparison.comparison == wanted);
    let (recall, specificity) = (part(ComparisonId::RecallDifference)?, part(ComparisonId::SpecificityDifference)?);
    let larger = match (recall.metric.value, specificity.metric.value) {
        (Some(left), Some(right)) if right > left => specificity,
        // What has no value says why, and the whole has none then.
        (Some(_), None) => specificity,
        _ => recall,
    };
    let comparison = ComparisonId::EqualisedOddsDifference;
    Some(GroupComparison {
        comparison,
        metric: Metric { definition: definition(comparison.key()), ..larger.metric.clone() },
        smallest_denominator: recall.smallest_denominator.min(specificity.smallest_denominator),
        adjusted_p_value: None,
        adjustment: None,
        ..larger.clone()
    })
}

fn name(slice: &Slice) -> String {
    if slice.value.is_empty() && slice.missing { "(missing)".to_owned() } else { slice.value.clone() }
}

/// Groups of one column by one rate.
struct Compared<'a> {
    column: &'a str,
    comparison: ComparisonId,
    rate: MetricId,
    rates: Vec<(&'a Group<'a>, &'a Metric)>,
}

impl<'a> Compared<'a> {
    fn of(column: &'a str, groups: &[&'a Group<'a>], comparison: ComparisonId, rate: MetricId) -> Self {
        let rates = groups.iter().filter_map(|group| Some((*group, group.slice.metrics.get(rate)?))).collect();
        Self { column, comparison, rate, rates }
    }

    fn without(&self, status: MetricStatus, reason: String) -> GroupComparison {
        GroupComparison {
            column: self.column.to_owned(),
            comparison: self.comparison,
            metric: Metric {
                definition: definition(self.comparison.key()),
                status,
                value: None,
                n: self.rates.iter().map(|(_, metric)| metric.n).sum(),
                numerator: None,
                interval: None,
                reason: Some(reason),
            },
            lowest_group: None,
            highest_group: None,
            smallest_denominator: self.rates.iter().map(|(_, metric)| metric.n).min().unwrap_or(0),
            left_out: Vec::new(),
            adjusted_p_value: None,
            adjustment: None,
        }
    }

    /// The comparison of two groups that comes to `value`.
    fn with(
        &self,
        value: f64,
        interval: Option<Interval>,
        (lowest, highest): (&Group<'_>, &Group<'_>),
    ) -> GroupComparison {
        let reason = interval.is_none().then(|| "a group is too small or uniform for an interval".to_owned());
        let empty = self.without(MetricStatus::Ok, String::new());
        GroupComparison {
            metric: Metric { value: Some(value), interval, reason, ..empty.metric },
            lowest_group: Some(name(lowest.slice)),
            highest_group: Some(name(highest.slice)),
            ..empty
        }
    }

    /// The value of each group; a comparison without one if a group has none, or rests on too few rows.
    fn values(&self) -> Result<Vec<(f64, &'a Group<'a>, &'a Metric)>, Box<GroupComparison>> {
        if self.rates.len() < 2 {
            let reason = format!("there are fewer than two groups of {CASES_MIN} rows or more");
            return Err(Box::new(self.without(MetricStatus::Undefined, reason)));
        }
        let mut values = Vec::with_capacity(self.rates.len());
        for (group, metric) in &self.rates {
            let Some(value) = metric.value else {
                let status = if metric.status == MetricStatus::Error { metric.status } else { MetricStatus::Undefined };
                let why = metric.reason.as_deref().unwrap_or("it has no value");
                let reason = format!("{} of {}: {why}", self.rate.key(), name(group.slice));
                return Err(Box::new(self.without(status, reason)));
            };
            values.push((value, *group, *metric));
        }
        if let Some((_, group, metric)) = values.iter().find(|(.., metric)| metric.n < CASES_MIN) {
            let (rate, group, n) = (self.rate.key(), name(group.slice), metric.n);
            let reason = format!("{rate} of {group} rests on {n} rows, fewer than {CASES_MIN}");
            return Err(Box::new(self.without(MetricStatus::Insufficient, reason)));
        }
        Ok(values)
    }
}

/// The lowest favourable rate over that of the reference group. The reference is the team's word: the ratio to the highest
/// rate, which is never larger, is what no choice can mend.
fn compare_with_reference(
    column: &str,
    groups: &[&Group<'_>],
    reference: &str,
) -> Result<GroupComparison, Box<GroupComparison>> {
    let compared = Compared::of(column, groups, ComparisonId::ReferenceImpactRatio, MetricId::FavourableRate);
    let values = compared.values()?;
    let without = |reason| Err(Box::new(compared.without(MetricStatus::Undefined, reason)));
    let (of_reference, others): (Vec<_>, Vec<_>) =
        values.into_iter().partition(|(_, group, _)| !group.slice.missing && group.slice.value == reference);
    let lowest = others.iter().min_by(|left, right| left.0.total_cmp(&right.0));
    let (Some((share, group, metric)), Some(lowest)) = (of_reference.first(), lowest) else {
        return without(format!("the reference group `{reference}` has fewer than {CASES_MIN} rows"));
    };
    if *share <= 0.0 {
        return without(format!("nobody in the reference group `{reference}` gets the favourable outcome"));
    }
    Ok(compared.with(lowest.0 / share, ratio(lowest.2, metric), (lowest.1, group)))
}

fn compare_one(
    column: &str,
    groups: &[&Group<'_>],
    comparison: ComparisonId,
    rate: MetricId,
) -> Result<GroupComparison, Box<GroupComparison>> {
    let compared = Compared::of(column, groups, comparison, rate);
    let values = compared.values()?;
    let without = |reason| Err(Box::new(compared.without(MetricStatus::Undefined, reason)));
    // `min_by` keeps the first and `max_by` the last of equals; the groups are sorted by value.
    let (Some(lowest), Some(highest)) = (
        values.iter().min_by(|left, right| left.0.total_cmp(&right.0)),
        values.iter().max_by(|left, right| left.0.total_cmp(&right.0)),
    ) else {
        return without("there are fewer than two groups".to_owned());
    };
    if comparison == ComparisonId::ImpactRatio && highest.0 <= 0.0 {
        return without("nobody in any group gets the favourable outcome".to_owned());
    }
    let gap = largest_gap(comparison, &values);
    let (value, interval) = if comparison == ComparisonId::ImpactRatio {
        (lowest.0 / highest.0, ratio(lowest.2, highest.2))
    } else {
        (highest.0 - lowest.0, gap.interval.or_else(|| difference(highest.2, lowest.2)))
    };
    Ok(GroupComparison {
        adjusted_p_value: gap.p_value,
        adjustment: gap.p_value.map(|_| "bonferroni".to_owned()),
        ..compared.with(value, interval, (lowest.1, highest.1))
    })
}

/// What is known of the largest gap. Where groups have counts it is judged as the largest of many; weights and clusters
/// leave the pair.
fn largest_gap(comparison: ComparisonId, values: &[(f64, &Group<'_>, &Metric)]) -> groups::Gap {
    let counts: Option<Vec<GroupRate>> = values.iter().map(|(.., metric)| rate_of(metric)).collect();
    let areas: Vec<Option<RocArea>> = values.iter().map(|(_, group, _)| group.area).collect();
    match (comparison, &counts) {
        (ComparisonId::RocAucDifference, _) => groups::largest_area_gap(&areas),
        (_, Some(counts)) => groups::largest_rate_gap(counts),
        (_, None) => groups::Gap::default(),
    }
}

fn rate_of(metric: &Metric) -> Option<GroupRate> {
    GroupRate::new(metric.numerator?, metric.n)
}

/// Corrects p-values, each of which is already that of the largest of its gaps, for the number of comparisons: those of
/// single columns by Holm's method, and those of intersections, which explore, by that of Benjamini and Hochberg.
pub(crate) fn adjust(comparisons: &mut [GroupComparison], intersection: impl Fn(&str) -> bool) {
    type Method = fn(&[PValue]) -> Vec<PValue>;
    let families: [(bool, Method, &str); 2] =
        [(false, holm, "bonferroni-holm"), (true, benjamini_hochberg, "bonferroni-benjamini-hochberg")];
    for (of_intersections, method, name) in families {
        let of_family = |comparison: &GroupComparison| {
            p_value(comparison).filter(|_| intersection(&comparison.column) == of_intersections)
        };
        let tested: Vec<PValue> = comparisons.iter().filter_map(of_family).collect();
        let family = comparisons.iter_mut().filter(|comparison| of_family(comparison).is_some());
        for (comparison, adjusted) in family.zip(method(&tested)) {
            comparison.adjusted_p_value = Some(adjusted.get());
            comparison.adjustment = Some(name.to_owned());
        }
    }
}

fn p_value(comparison: &GroupComparison) -> Option<PValue> {
    PValue::new(comparison.adjusted_p_value?)
}

fn proportion(metric: &Metric) -> Option<Proportion> {
    Proportion::new(metric.numerator?, metric.n)
}

/// Interval for the difference of two independent estimates: Newcombe's for counts, and by their own intervals for
/// what has weights or clusters.
fn difference(left: &Metric, right: &Metric) -> Option<Interval> {
    match (proportion(left), proportion(right)) {
        (Some(left), Some(right)) => interval::newcombe(&left, &right),
        _ => interval::difference((left.value?, left.interval.as_ref()?), (right.value?, right.interval.as_ref()?)),
    }
}

/// Interval for the ratio of two independent rates: Katz's or Koopman's for counts, and by their own intervals otherwise.
fn ratio(left: &Metric, right: &Metric) -> Option<Interval> {
    match (rate_of(left), rate_of(right)) {
        (Some(left), Some(right)) => groups::ratio_interval(left, right),
        _ => interval::ratio((left.value?, left.interval.as_ref()?), (right.value?, right.interval.as_ref()?)),
    }
}
