//! What the order of the scores says, in one ascending pass over distinct scores.

use serde::{Deserialize, Serialize};

/// Rows with one and the same score. Counts, or sums of weights.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct ScoreGroup {
    pub(crate) score: f64,
    pub(crate) positives: f64,
    pub(crate) negatives: f64,
}

impl ScoreGroup {
    pub(crate) fn mass(&self) -> f64 {
        self.positives + self.negatives
    }
}

/// Scores nearer to the threshold than this are near it.
pub(crate) const NEAR_THRESHOLD: f64 = 0.01;

/// What a pass over the groups gives. A value is none where it has no meaning: average precision and
/// capture without a positive, Kolmogorov-Smirnov without both classes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct RankingCurve {
    /// Σ (Rᵢ − Rᵢ₋₁) Pᵢ over distinct scores, without interpolation, as
    /// `sklearn.metrics.average_precision_score`.
    pub(crate) average_precision: Option<f64>,
    /// Largest |F₁ − F₀| of the two classes' distribution functions.
    pub(crate) kolmogorov_smirnov: Option<f64>,
    /// The lowest score at which it is attained, counted as below.
    pub(crate) kolmogorov_smirnov_at: f64,
    /// Share of the positives in the tenth of the rows (of their weight) with the highest scores. Where the
    /// tenth ends among rows of one score, each of these counts in part: the expectation over random order.
    pub(crate) top_decile_capture: Option<f64>,
    /// The score at which the tenth ends, and the part of its rows that is inside.
    pub(crate) top_decile_end: (f64, f64),
    /// Number of distinct scores.
    pub(crate) distinct: u64,
}

impl RankingCurve {
    /// Positives in the top tenth over those in a tenth at random: ten times the capture, as the tenth is
    /// one exactly.
    #[cfg(test)]
    pub(crate) fn top_decile_lift(&self) -> Option<f64> {
        self.top_decile_capture.map(|capture| capture * 10.0)
    }
}

/// Collects a [`RankingCurve`] from groups in strictly ascending order of score.
#[derive(Debug, Clone)]
pub(crate) struct RankingPass {
    total: ScoreGroup,
    below: ScoreGroup,
    precision_sum: f64,
    compensation: f64,
    curve: RankingCurve,
    distance: f64,
}

impl RankingPass {
    /// `positives` and `negatives` are the totals over all groups.
    pub(crate) fn new(positives: f64, negatives: f64) -> Self {
        Self {
            total: ScoreGroup { score: 0.0, positives, negatives },
            below: ScoreGroup::default(),
            precision_sum: 0.0,
            compensation: 0.0,
            curve: RankingCurve::default(),
            distance: -1.0,
        }
    }

    /// Takes the next group.
    pub(crate) fn add(&mut self, group: ScoreGroup) {
        self.curve.distinct += 1;
        if group.positives > 0.0 {
            let positives_from_here = self.total.positives - self.below.positives;
            let from_here = self.total.mass() - self.below.mass();
            self.add_precision(group.positives / self.total.positives * (positives_from_here / from_here));
        }
        self.below.positives += group.positives;
        self.below.negatives += group.negatives;
        let shares = (self.below.positives / self.total.positives, self.below.negatives / self.total.negatives);
        let distance = (shares.0 - shares.1).abs();
        if distance > self.distance {
            self.distance = distance;
            self.curve.kolmogorov_smirnov_at = group.score;
        }
        let (total, above) = (self.total.mass(), self.total.mass() - self.below.mass());
        if 10.0 * above < total && total <= 10.0 * (above + group.mass()) {
            let inside = (total - 10.0 * above) / (10.0 * group.mass());
            let positives_above = self.total.positives - self.below.positives;
            self.curve.top_decile_capture = Some((positives_above + inside * group.positives) / self.total.positives);
            self.curve.top_decile_end = (group.score, inside);
        }
    }

    /// A compensated sum (Neumaier 1974).
    fn add_precision(&mut self, term: f64) {
        let sum = self.precision_sum + term;
        self.compensation += if self.precision_sum >= term {
            (self.precision_sum - sum) + term
        } else {
            (term - sum) + self.precision_sum
        };
        self.precision_sum = sum;
    }

    /// The curve of all groups taken.
    pub(crate) fn finish(self) -> RankingCurve {
        let (positives, negatives) = (self.total.positives > 0.0, self.total.negatives > 0.0);
        RankingCurve {
            average_precision: positives.then_some(self.precision_sum + self.compensation),
            kolmogorov_smirnov: (positives && negatives).then_some(self.distance),
            top_decile_capture: self.curve.top_decile_capture.filter(|_| positives),
            ..self.curve
        }
    }
}

/// The curve of `groups`, in strictly ascending order of score.
pub(crate) fn ranking_curve(groups: &[ScoreGroup]) -> RankingCurve {
    let (positives, negatives) =
        groups.iter().fold((0.0, 0.0), |sums, group| (sums.0 + group.positives, sums.1 + group.negatives));
    let mut pass = RankingPass::new(positives, negatives);
    groups.iter().for_each(|group| pass.add(*group));
    pass.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn groups(rows: &[(f64, f64, f64)]) -> Vec<ScoreGroup> {
        rows.iter().map(|&(score, positives, negatives)| ScoreGroup { score, positives, negatives }).collect()
    }

    #[test]
    fn average_precision_of_the_scikit_learn_example() {
        // sklearn.metrics.average_precision_score, documentation: y = [0, 0, 1, 1], s = [.1, .4, .35, .8].
        let curve = ranking_curve(&groups(&[(0.1, 0.0, 1.0), (0.35, 1.0, 0.0), (0.4, 0.0, 1.0), (0.8, 1.0, 0.0)]));
        assert!((curve.average_precision.unwrap() - 5.0 / 6.0).abs() < 1e-15);
        assert_eq!(curve.kolmogorov_smirnov, Some(0.5));
        assert_eq!(curve.distinct, 4);
        // The top tenth is 0.4 of the highest row, which is positive.
        assert!((curve.top_decile_capture.unwrap() - 0.2).abs() < 1e-15);
        assert!((curve.top_decile_lift().unwrap() - 2.0).abs() < 1e-15);
    }

    #[test]
    fn ties_at_the_end_of_the_tenth_count_in_part() {
        // Of 100 rows, 5 are above the tie; the 5 others of the tenth are a quarter of the 20 tied.
        let curve = ranking_curve(&groups(&[(0.1, 0.0, 75.0), (0.5, 8.0, 12.0), (0.9, 4.0, 1.0)]));
        assert!((curve.top_decile_capture.unwrap() - (4.0 + 2.0) / 12.0).abs() < 1e-15);
        assert_eq!(curve.top_decile_end, (0.5, 0.25));
        // Where a group ends exactly with the tenth, none of the next is inside.
        let curve = ranking_curve(&groups(&[(0.1, 3.0, 87.0), (0.9, 4.0, 6.0)]));
        assert_eq!((curve.top_decile_capture, curve.top_decile_end), (Some(4.0 / 7.0), (0.9, 1.0)));
    }

    #[test]
    fn one_class_and_no_rows_have_no_values() {
        let none = ranking_curve(&[]);
        assert_eq!((none.average_precision, none.kolmogorov_smirnov, none.top_decile_capture), (None, None, None));
        let negatives = ranking_curve(&groups(&[(0.1, 0.0, 3.0)]));
        assert_eq!((negatives.average_precision, negatives.top_decile_capture), (None, None));
        let positives = ranking_curve(&groups(&[(0.1, 3.0, 0.0)]));
        assert_eq!((positives.average_precision, positives.kolmogorov_smirnov), (Some(1.0), None));
    }

    proptest! {
        #[test]
        fn a_scale_of_the_counts_changes_nothing(
            counts in prop::collection::vec((0_u32..5, 0_u32..5), 1..30),
        ) {
            let at = |scale: f64| {
                let groups: Vec<_> = counts.iter().enumerate().filter(|(_, counts)| counts.0 + counts.1 > 0)
                    .map(|(index, counts)| ScoreGroup {
                        score: index as f64,
                        positives: scale * f64::from(counts.0),
                        negatives: scale * f64::from(counts.1),
                    })
                    .collect();
                ranking_curve(&groups)
            };
            prop_assert_eq!(at(1.0), at(4.0));
        }
    }
}
