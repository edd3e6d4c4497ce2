//! What a person looks at beside the numbers: the ROC curve and the reliability of the scores.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::binary::BinaryState;
use super::metric::Interval;
use super::ranked::Curve;

/// Points of a curve at most: more than the eye tells apart.
const POINTS_MAX: usize = 200;

/// Steps that a coordinate of a curve is rounded to: finer than any picture, so that facts stay small.
const STEPS_OF_ONE: f64 = 10_000.0;

/// Curves of a binary classification without weights: for people to look at, and not for policies to compare, which have
/// the metrics.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Plots {
    /// False positive rate and recall, from (0, 0) to (1, 1), to four decimals; empty where a class has no rows.
    pub roc: Vec<[f64; 2]>,
    /// Calibration bins that have rows, by ascending score.
    pub reliability: Vec<ReliabilityBin>,
}

/// Rows whose scores are in one tenth of the scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReliabilityBin {
    /// Mean score.
    pub mean_score: f64,
    /// Share of positives.
    pub share: f64,
    /// Wilson's interval of that share.
    pub interval: Option<Interval>,
    /// Rows that are positive.
    pub positives: u64,
    /// Rows that are negative.
    pub negatives: u64,
}

impl Plots {
    pub(crate) fn of(state: &BinaryState, curve: &Curve) -> Self {
        let (positives, negatives) = (state.sums.positives as f64, state.sums.negatives as f64);
        let groups = match curve {
            Curve::Exact(groups) | Curve::Compressed(groups, _) => groups,
        };
        let mut roc = vec![[0.0, 0.0]];
        let (mut found, mut alarms) = (0.0, 0.0);
        for group in groups.iter().rev() {
            found += group.positives;
            alarms += group.negatives;
            let point = [alarms / negatives, found / positives];
            // A point is kept where it is far enough from the last one to be seen.
            let far = roc.last().is_none_or(|last: &[f64; 2]| {
                last.iter().zip(point).map(|(before, now)| now - before).sum::<f64>() >= 2.0 / POINTS_MAX as f64
            });
            if far {
                roc.push(point.map(|rate| (rate * STEPS_OF_ONE).round() / STEPS_OF_ONE));
            }
        }
        roc.push([1.0, 1.0]);
        if positives == 0.0 || negatives == 0.0 {
            roc.clear();
        }
        let bins = state.sums.bins.iter().filter(|bin| bin.rows > 0);
        let reliability = bins.map(|bin| ReliabilityBin {
            mean_score: bin.scores.value() / bin.rows as f64,
            share: bin.positives as f64 / bin.rows as f64,
            interval: super::interval::wilson(bin.positives, bin.rows),
            positives: bin.positives,
            negatives: bin.rows - bin.positives,
        });
        Self { roc, reliability: reliability.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ranked::tests::state;
    use super::*;

    #[test]
    fn curves_go_through_the_known_points() {
        let (state, curve) = state(&[0.9, 0.6, 0.4], &[0.6, 0.3, 0.1, 0.0], 0.5);
        let plots = Plots::of(&state, &curve);
        let expected =
            [[0.0, 0.0], [0.0, 0.3333], [0.25, 0.6667], [0.25, 1.0], [0.5, 1.0], [0.75, 1.0], [1.0, 1.0], [1.0, 1.0]];
        assert_eq!(plots.roc, expected);
        let bins: Vec<_> = plots.reliability.iter().map(|bin| (bin.positives, bin.negatives)).collect();
        assert_eq!(bins, [(0, 1), (0, 1), (0, 1), (1, 0), (1, 1), (1, 0)]);
    }

    #[test]
    fn many_scores_make_few_points() {
        let scores: Vec<f64> = (0..5_000).map(|score| f64::from(score) / 5_000.0).collect();
        let (state, curve) = state(&scores, &scores, 0.5);
        let plots = Plots::of(&state, &curve);
        assert!((100..=POINTS_MAX + 2).contains(&plots.roc.len()), "{}", plots.roc.len());
        assert!(plots.roc.windows(2).all(|pair| pair[0][0] <= pair[1][0] && pair[0][1] <= pair[1][1]));
    }

    #[test]
    fn one_class_has_no_curve() {
        let (state, curve) = state(&[0.5], &[], 0.5);
        assert_eq!(Plots::of(&state, &curve).roc, Vec::<[f64; 2]>::new());
    }
}
