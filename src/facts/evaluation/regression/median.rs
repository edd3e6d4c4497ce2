//! The median of a loss with an interval from order statistics.

use super::super::exact_sum::ExactSum;
use super::super::interval::{self, LEVEL, Z};
use super::super::metric::{Metric, MetricId};
use super::super::sample::{NO_VARIANCE, Sample};
use super::fair_coin::fair_coin_rank;

const TOO_FEW: &str = "there are too few rows for order statistics to bound the median";

/// The median of `value`: the mean of the two middle ones where there is no single middle.
pub(crate) fn median_metric(sample: &Sample<'_>, id: MetricId, value: impl Fn(usize) -> f64) -> Metric {
    if !sample.largest(&value).is_finite() {
        return Metric::of(id, f64::NAN, sample.n, Err(String::new()));
    }
    if sample.is_simple() { simple(sample, id, value) } else { weighted(sample, id, value) }
}

/// Independent rows of equal weight. The interval lies between the k-th smallest and the k-th largest value,
/// where P(fewer than k of n fair coins) ≤ 2.5 % (Conover, Practical Nonparametric Statistics, 1999, section 3.2):
/// it covers with at least 95 %, whatever the distribution.
fn simple(sample: &Sample<'_>, id: MetricId, value: impl Fn(usize) -> f64) -> Metric {
    let mut sorted: Vec<f64> = sample.rows().map(value).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = |rank: u64| usize::try_from(rank).ok().and_then(|rank| sorted.get(rank)).copied().unwrap_or(f64::NAN);
    let last = sample.n.saturating_sub(1);
    let median = f64::midpoint(rank(last / 2), rank(last.div_ceil(2)));
    let interval = fair_coin_rank(sample.n, (1.0 - LEVEL) / 2.0)
        .and_then(|k| interval::interval(rank(k - 1), rank(sample.n - k), "order-statistic"));
    Metric::of(id, median, sample.n, interval.ok_or_else(|| TOO_FEW.to_owned()))
}

/// Weighted or clustered rows. The interval is Woodruff's (Journal of the American Statistical Association 47,
/// 1952): the quantiles at ½ ± z·e, where e is the standard error of the share of weight up to the median.
fn weighted(sample: &Sample<'_>, id: MetricId, value: impl Fn(usize) -> f64) -> Metric {
    let mut sorted: Vec<(f64, f64)> = sample.rows().map(|row| (value(row), sample.weight(row))).collect();
    sorted.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
    let median = middle(&sorted);
    let up_to = |row: usize| f64::from(u8::from(value(row) <= median));
    let share = sample.mean(up_to);
    let interval = sample.standard_error(|row| up_to(row) - share, sample.total).and_then(|error| {
        let half = Z * error;
        if half <= 0.0 {
            return Err(NO_VARIANCE.to_owned());
        }
        if half >= 0.5 {
            return Err(TOO_FEW.to_owned());
        }
        let (low, high) =
            (quantile(&sorted, (0.5 - half) * sample.total), quantile(&sorted, (0.5 + half) * sample.total));
        interval::interval(low, high, &sample.method("woodruff")).ok_or_else(|| TOO_FEW.to_owned())
    });
    Metric::of(id, median, sample.n, interval)
}

/// The value at which half of the weight is reached; where it is reached exactly, the mean of it and the next.
fn middle(sorted: &[(f64, f64)]) -> f64 {
    // Weight up to here less weight beyond, without rounding: whether it is zero decides.
    let mut balance = ExactSum::default();
    sorted.iter().for_each(|(_, weight)| balance.add(-weight));
    for (place, (value, weight)) in sorted.iter().enumerate() {
        balance.add(*weight);
        balance.add(*weight);
        let balance = balance.value();
        if balance > 0.0 {
            return *value;
        }
        if balance == 0.0 {
            let next = sorted.get(place + 1).map_or(*value, |(next, _)| *next);
            return f64::midpoint(*value, next);
        }
    }
    f64::NAN
}

/// The smallest value at which the weight so far is at least `wanted`.
fn quantile(sorted: &[(f64, f64)], wanted: f64) -> f64 {
    let mut sum = ExactSum::default();
    for (value, weight) in sorted {
        sum.add(*weight);
        if sum.value() >= wanted {
            return *value;
        }
    }
    sorted.last().map_or(f64::NAN, |(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn median(values: &[f64], weights: Option<&[f64]>) -> Metric {
        let sample = Sample::new(values.len(), weights, None);
        median_metric(&sample, MetricId::MedianAbsoluteError, |row| values[row])
    }

    #[test]
    fn both_middles_count() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0], None).value, Some(2.5));
        assert_eq!(median(&[4.0, 1.0, 3.0], None).value, Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0], Some(&[0.1; 4])).value, Some(2.5));
        // Half of the weight is reached at 1 and the next is 3, as 2 has none.
        assert_eq!(median(&[2.0, 1.0, 3.0], Some(&[0.0, 0.3, 0.3])).value, Some(2.0));
        assert_eq!(median(&[2.0, 1.0, 3.0], Some(&[1.0, 5.0, 1.0])).value, Some(1.0));
    }

    #[test]
    fn order_statistics_bound_it() {
        // Conover's ranks for n = 20 are 6 and 15.
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        let interval = median(&values, None).interval.unwrap();
        assert_eq!((interval.low, interval.high), (6.0, 15.0));
        assert_eq!(median(&values[..5], None).reason.unwrap(), TOO_FEW);
        // e = √(20/19 · 20 · ¼)/20 = 0.1147, so that the quantiles are at 0.275 and 0.725.
        let interval = median(&values, Some(&[3.0; 20])).interval.unwrap();
        assert_eq!((interval.low, interval.high, interval.method.as_str()), (6.0, 15.0, "woodruff"));
    }
}
