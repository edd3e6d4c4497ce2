//! Gaps between groups of rows.
//!
//! The largest gap is picked after the fact, so its interval and its p-value account for every pair of groups.

use super::binary::RocArea;
use super::champion::discrete::fisher_exact;
use super::champion::mcnemar::two_sided;
use super::champion::score_interval::{Recovered, koopman, mover, within};
use super::interval::{self, Z};
use super::metric::Interval;
use super::random::normal_quantile;

/// Counts of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupRate {
    successes: u64,
    trials: u64,
}

/// Counts up to this are exact as doubles.
const COUNT_MAX: u64 = 1 << 53;

impl GroupRate {
    /// None for more successes than trials. No trials are a group without a rate.
    pub(crate) fn new(successes: u64, trials: u64) -> Option<Self> {
        (successes <= trials && trials <= COUNT_MAX).then_some(Self { successes, trials })
    }

    fn share(self) -> f64 {
        self.successes as f64 / self.trials as f64
    }

    /// Successes and trials.
    pub(crate) fn counts(self) -> [u64; 2] {
        [self.successes, self.trials]
    }

    /// Successes and failures.
    fn cells(self) -> [u64; 2] {
        [self.successes, self.trials - self.successes]
    }
}

/// What is known of the largest gap between groups, beside its size.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Gap {
    /// For the largest true gap, whichever pair has it.
    pub(crate) interval: Option<Interval>,
    /// Two-sided, that no gap is as large if there is none.
    pub(crate) p_value: Option<f64>,
}

/// Interval for the ratio of two rates: Katz's (1978) on the log scale where every count is at least [`KATZ_MIN`], and
/// Koopman's score interval (1984) otherwise.
pub(crate) fn ratio_interval(left: GroupRate, right: GroupRate) -> Option<Interval> {
    if [left.cells(), right.cells()].as_flattened().iter().all(|count| *count >= KATZ_MIN) {
        let parts = [left, right].map(|group| interval::Proportion::new(group.successes, group.trials));
        let [left, right] = parts;
        left.zip(right).and_then(|(left, right)| interval::katz(&left, &right))
    } else {
        koopman(left.counts(), right.counts())
    }
}

/// Successes and failures of a group from which on the log of its rate is near enough to normal.
const KATZ_MIN: u64 = 10;

/// Expected counts below this ask for the exact test (Cochran, Biometrics 10, 1954).
const EXPECTED_MIN: f64 = 5.0;

/// Two-sided test that two rates are equal: Fisher's exact test where a count expected under equality is below 5, else
/// the score test with the pooled rate, which is Pearson's χ² without correction. None without trials.
fn equality(left: GroupRate, right: GroupRate) -> Option<f64> {
    if left.trials == 0 || right.trials == 0 {
        return None;
    }
    let (left_trials, right_trials) = (left.trials as f64, right.trials as f64);
    let pooled = (left.successes + right.successes) as f64 / (left_trials + right_trials);
    if left_trials.min(right_trials) * pooled.min(1.0 - pooled) < EXPECTED_MIN {
        return Some(fisher_exact(left.cells(), right.cells()));
    }
    let variance = pooled * (1.0 - pooled) * (1.0 / left_trials + 1.0 / right_trials);
    Some(two_sided((left.share() - right.share()) / variance.sqrt()))
}

/// Wilson's interval at the quantile `z`; see [`interval::wilson`].
fn wilson(group: GroupRate, z: f64) -> Recovered {
    let (n, share, z2) = (group.trials as f64, group.share(), z * z);
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let low = if group.successes == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if group.successes == group.trials { 1.0 } else { (centre + half).min(1.0) };
    Recovered { value: share, low, high }
}

fn newcombe(left: GroupRate, right: GroupRate, z: f64) -> Option<Interval> {
    mover(wilson(left, z), wilson(right, z), 0.0, "newcombe").map(|interval| within(interval, -1.0, 1.0))
}

/// Quantile that bounds `comparisons` two-sided intervals together at 95 % (Bonferroni).
fn bonferroni(comparisons: usize) -> f64 {
    if comparisons <= 1 { Z } else { -normal_quantile((1.0 - interval::LEVEL) / 2.0 / comparisons as f64) }
}

fn pairs(groups: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..groups).flat_map(move |left| (left + 1..groups).map(move |right| (left, right)))
}

/// Ends of |δ| from those of δ.
fn magnitude(interval: &Interval) -> (f64, f64) {
    (interval.low.max(-interval.high).max(0.0), interval.high.max(-interval.low))
}

/// Interval for the largest of several gaps from an interval for each that hold together: the largest of the lower
/// ends to the largest of the upper ends.
fn of_the_largest(gaps: impl Iterator<Item = Option<Interval>>, method: &str) -> Option<Interval> {
    let mut ends = (0.0_f64, 0.0_f64);
    for gap in gaps {
        let (low, high) = magnitude(&gap?);
        ends = (ends.0.max(low), ends.1.max(high));
    }
    interval::interval(ends.0, ends.1, method)
}

/// The lowest and the highest, the first of equals.
fn extremes(values: &[f64]) -> Option<(usize, usize)> {
    let mut found = (0, 0);
    let (mut lowest, mut highest) = (*values.first()?, *values.first()?);
    for (index, value) in values.iter().enumerate() {
        if *value < lowest {
            (lowest, found.0) = (*value, index);
        }
        if *value > highest {
            (highest, found.1) = (*value, index);
        }
    }
    Some(found)
}

/// The largest gap between rates, all of which have trials. The interval is from the Newcombe intervals of all pairs at
/// a level that holds for them together; the p-value is that of the pair, times the number of pairs. Small groups make
/// both wide, as they should: nothing is known of them.
pub(crate) fn largest_rate_gap(groups: &[GroupRate]) -> Gap {
    let many = pairs(groups.len()).count();
    let z = bonferroni(many);
    let gap = |(left, right): (usize, usize)| newcombe(*groups.get(left)?, *groups.get(right)?, z);
    let shares: Vec<f64> = groups.iter().map(|group| group.share()).collect();
    let pair = extremes(&shares).and_then(|(low, high)| groups.get(high).zip(groups.get(low)));
    let p_value = pair.and_then(|(left, right)| equality(*left, *right));
    Gap {
        interval: of_the_largest(
            pairs(groups.len()).map(gap),
            if many == 1 { "newcombe" } else { "newcombe-bonferroni" },
        ),
        p_value: p_value.map(|p| (p * many as f64).min(1.0)),
    }
}

/// The same for areas under the ROC curve, with DeLong's standard errors, which are independent as no row is in two
/// groups. Nothing is known where one is not.
pub(crate) fn largest_area_gap(groups: &[Option<RocArea>]) -> Gap {
    let Some(areas) = groups.iter().copied().collect::<Option<Vec<RocArea>>>() else { return Gap::default() };
    let many = pairs(areas.len()).count();
    let z = bonferroni(many);
    let gap = |(left, right): (usize, usize)| area_interval(*areas.get(left)?, *areas.get(right)?, z);
    let values: Vec<f64> = areas.iter().map(|area| area.value).collect();
    let pair = extremes(&values).and_then(|(low, high)| areas.get(high).zip(areas.get(low)));
    let p_value = pair.and_then(|(left, right)| {
        let error = area_error(*left, *right).filter(|error| *error > 0.0)?;
        Some(two_sided((left.value - right.value) / error))
    });
    Gap {
        interval: of_the_largest(
            pairs(areas.len()).map(gap),
            if many == 1 { "delong-independent" } else { "delong-bonferroni" },
        ),
        p_value: p_value.map(|p| (p * many as f64).min(1.0)),
    }
}

fn area_error(left: RocArea, right: RocArea) -> Option<f64> {
    Some(left.standard_error?.hypot(right.standard_error?))
}

fn area_interval(left: RocArea, right: RocArea, z: f64) -> Option<Interval> {
    let (difference, half) = (left.value - right.value, z * area_error(left, right)?);
    interval::interval(difference - half, difference + half, "delong-independent")
        .map(|interval| within(interval, -1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(successes: u64, trials: u64) -> GroupRate {
        GroupRate::new(successes, trials).unwrap()
    }

    #[track_caller]
    fn assert_interval(interval: Option<Interval>, low: f64, high: f64, tolerance: f64, method: &str) {
        let interval = interval.unwrap();
        assert_eq!(interval.method, method);
        assert!((interval.low - low).abs() < tolerance && (interval.high - high).abs() < tolerance, "{interval:?}");
    }

    #[test]
    fn newcombe_gives_the_published_example() {
        // Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10: 56/70 − 48/80.
        let gap = largest_rate_gap(&[rate(48, 80), rate(56, 70)]);
        assert_eq!(gap.p_value, equality(rate(48, 80), rate(56, 70)));
        assert_interval(gap.interval, 0.0524, 0.3339, 5e-5, "newcombe");
    }

    #[test]
    fn koopman_where_counts_are_small_and_katz_elsewhere() {
        assert_interval(ratio_interval(rate(36, 40), rate(16, 80)), 2.94, 7.15, 5e-3, "koopman");
        let half = Z * (1.0_f64 / 40.0 - 0.01 + 1.0 / 50.0 - 0.01).sqrt();
        let (low, high) = (0.8 * libm::exp(-half), 0.8 * libm::exp(half));
        assert_interval(ratio_interval(rate(40, 100), rate(50, 100)), low, high, 1e-14, "katz-log");
        assert_eq!(ratio_interval(rate(0, 20), rate(5, 20)).unwrap().low, 0.0);
    }

    #[test]
    fn the_largest_gap_accounts_for_every_pair() {
        let groups = [rate(50, 100), rate(60, 100), rate(70, 100)];
        let largest = largest_rate_gap(&groups);
        assert_eq!(largest.p_value, Some(3.0 * equality(groups[2], groups[0]).unwrap()));
        // At 1 − 0.05/6 two-sided, z = 2.394.
        let z = bonferroni(3);
        assert!((z - 2.393_979_800).abs() < 1e-8);
        let pair = newcombe(groups[2], groups[0], z).unwrap();
        assert_interval(largest.interval, pair.low, pair.high, 1e-15, "newcombe-bonferroni");
        let area = |value| Some(RocArea { value, standard_error: Some(0.03) });
        let largest = largest_area_gap(&[area(0.7), area(0.8), area(0.75)]);
        let half = z * 0.03 * 2.0_f64.sqrt();
        assert_interval(largest.interval, (0.1 - half).max(0.0), 0.1 + half, 1e-15, "delong-bonferroni");
        assert_eq!(largest_area_gap(&[area(0.7), None]), Gap::default());
    }

    proptest! {
        #[test]
        fn the_largest_gap_does_not_depend_on_the_order(
            counts in prop::collection::vec((0_u64..30, 1_u64..30), 2..6), turn in 0_usize..6,
        ) {
            let groups: Vec<GroupRate> = counts.iter().map(|(yes, no)| rate(*yes, yes + no)).collect();
            let mut turned = groups.clone();
            turned.rotate_left(turn % groups.len());
            prop_assert_eq!(largest_rate_gap(&groups).interval, largest_rate_gap(&turned).interval);
        }
    }
}
