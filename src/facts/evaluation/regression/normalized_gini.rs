//! The normalised Gini coefficient: how well the predictions rank the actual values.

use std::cmp::Ordering;

use super::super::metric::{Metric, MetricId, MetricStatus};
use super::super::sample::{Sample, at, power_of_two};

pub(crate) const CONSTANT: &str = "all actual values are the same";

/// Σ over pairs w·w (aᵢ − aⱼ) sgn(pᵢ − pⱼ) / Σ over pairs w·w |aᵢ − aⱼ|, in [−1, 1].
///
/// This is the Gini coefficient of the actual values in the order of their predictions over that in their own order.
/// Equal predictions count as if averaged over all of their orders, so that the order of rows is of no consequence.
/// For labels 0 and 1 it is twice the area under the ROC curve less one. It is a Gini correlation (Schechtman and
/// Yitzhaki, Communications in Statistics 16, 1987).
///
/// The interval linearises a ratio of two U-statistics: with K(i) = Σⱼ wⱼ (aᵢ − aⱼ) sgn(…), the residual of a row is
/// 2(K of the predictions − value · K of the actual values).
pub(crate) fn normalized_gini(sample: &Sample<'_>, actual: &[f64], predicted: &[f64]) -> Metric {
    let id = MetricId::NormalizedGini;
    if sample.is_constant(|row| at(actual, row)) {
        return Metric::without(id, MetricStatus::Undefined, sample.n, CONSTANT);
    }
    // Differences are all that counts. About the mean, and divided by a power of two, they are small.
    let mean = sample.mean(|row| at(actual, row));
    let unit = power_of_two(sample.largest(|row| (at(actual, row) - mean).abs()));
    let centred: Vec<f64> = actual.iter().map(|value| (value - mean) / unit).collect();
    let of_predicted = contrasts(sample, &centred, predicted);
    let of_actual = contrasts(sample, &centred, actual);
    let below = sample.sum(|row| at(&of_actual, row));
    let ratio = sample.sum(|row| at(&of_predicted, row)) / below;
    // The limits are exact in the reals, but the last digit may be beyond. A number that is none stays so.
    let ratio = if ratio.abs() > 1.0 { ratio.signum() } else { ratio };
    let residual = |row: usize| 2.0 * (at(&of_predicted, row) - ratio * at(&of_actual, row));
    let error = sample.standard_error(residual, below);
    sample.metric(id, ratio, error, (-1.0, 1.0), "linearisation")
}

/// Σⱼ wⱼ (vᵢ − vⱼ) sgn(kᵢ − kⱼ) of each row, for values v and keys k. Rows that do not count have 0.
fn contrasts(sample: &Sample<'_>, values: &[f64], keys: &[f64]) -> Vec<f64> {
    let mut rows: Vec<usize> = sample.rows().collect();
    // A total order up to rows that are the same, so that running sums depend on the set of rows alone.
    rows.sort_unstable_by(|left, right| {
        let by_key = compare(at(keys, *left), at(keys, *right));
        let by_value = || at(values, *left).total_cmp(&at(values, *right));
        by_key.then_with(by_value).then_with(|| sample.weight(*left).total_cmp(&sample.weight(*right)))
    });
    let ties = || rows.chunk_by(|left, right| compare(at(keys, *left), at(keys, *right)) == Ordering::Equal);
    let mut contrasts = vec![0.0; values.len()];
    // Rows with smaller keys, then those with larger ones.
    add_passed(sample, values, ties(), 1.0, &mut contrasts);
    add_passed(sample, values, ties().rev(), -1.0, &mut contrasts);
    contrasts
}

/// Adds sign · Σⱼ wⱼ (vᵢ − vⱼ) to each row's contrast, over the rows of the groups before its own.
fn add_passed<'a>(
    sample: &Sample<'_>,
    values: &[f64],
    groups: impl Iterator<Item = &'a [usize]>,
    sign: f64,
    contrasts: &mut [f64],
) {
    let (mut weights, mut weighted_values) = (RunningSum::default(), RunningSum::default());
    for group in groups {
        for row in group {
            if let Some(contrast) = contrasts.get_mut(*row) {
                *contrast += sign * (at(values, *row) * weights.value() - weighted_values.value());
            }
        }
        for row in group {
            weights.add(sample.weight(*row));
            weighted_values.add(sample.weight(*row) * at(values, *row));
        }
    }
}

/// Numbers in order; 0 and −0 are the same.
fn compare(left: f64, right: f64) -> Ordering {
    (left + 0.0).total_cmp(&(right + 0.0))
}

/// A sum with twice the digits (Knuth's two-sum), so that each of many prefixes can be read at little cost.
#[derive(Debug, Clone, Copy, Default)]
struct RunningSum {
    high: f64,
    low: f64,
}

impl RunningSum {
    fn add(&mut self, term: f64) {
        let sum = self.high + term;
        let part = sum - self.high;
        self.low += (self.high - (sum - part)) + (term - part);
        self.high = sum;
    }

    fn value(self) -> f64 {
        self.high + self.low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gini(actual: &[f64], predicted: &[f64]) -> Metric {
        normalized_gini(&Sample::new(actual.len(), None, None), actual, predicted)
    }

    #[test]
    fn perfect_reversed_and_blind_rankings() {
        let actual = [3.0, 0.0, 7.5, 7.5, -2.0];
        assert_eq!(gini(&actual, &actual).value, Some(1.0));
        assert_eq!(gini(&actual, &actual.map(|value| -value)).value, Some(-1.0));
        assert_eq!(gini(&actual, &[1.0; 5]).value, Some(0.0));
        assert_eq!(gini(&[4.0; 5], &actual).status, MetricStatus::Undefined);
    }

    #[test]
    fn by_hand() {
        // Pairs (a, p): (1, 1), (3, 2), (2, 2), (6, 0). Signed differences: 2 + 1 − 5 + 0 − 3 − 4 = −9, of 16 in all.
        let metric = gini(&[1.0, 3.0, 2.0, 6.0], &[1.0, 2.0, 2.0, 0.0]);
        assert!((metric.value.unwrap() + 9.0 / 16.0).abs() < 1e-15);
    }

    #[test]
    fn ties_are_added_up_in_one_order() {
        // Sums of these depend on their order even with twice the digits of a double.
        let tied = [1e36, 1e18, 1.0, -1e36, -1e18];
        let (keys, mut rows) = ([0.0; 5], [0, 1, 2, 3, 4]);
        let mut seen = Vec::new();
        for turn in 0..20 {
            rows.swap(turn % 5, (3 * turn + 1) % 5);
            let values: Vec<f64> = rows.iter().map(|row| tied[*row]).chain([3.0]).collect();
            let keys: Vec<f64> = keys.into_iter().chain([1.0]).collect();
            seen.push(contrasts(&Sample::new(6, None, None), &values, &keys)[5].to_bits());
        }
        assert!(seen.iter().all(|bits| *bits == seen[0]), "{seen:x?}");
    }

    #[test]
    fn zeros_of_either_sign_are_a_tie() {
        assert_eq!(gini(&[1.0, 2.0], &[-0.0, 0.0]).value, Some(0.0));
    }
}
