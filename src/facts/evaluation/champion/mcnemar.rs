//! Tests of two models' decisions on the same rows.

use super::super::exact_sum::ExactSum;
use super::super::random::normal_distribution;
use super::discrete::sign_test;
use super::units::{Units, unit};

/// Differing pairs below which the exact test is used.
const EXACT_BELOW: u64 = 25;

/// A test of whether as many rows change one way as the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct McNemar {
    /// Rows where only the challenger says yes (or is right).
    pub(crate) only_challenger: u64,
    /// Rows where only the champion does.
    pub(crate) only_champion: u64,
    /// Two-sided; none without rows, or with fewer than two clusters.
    pub(crate) p_value: Option<f64>,
    /// `mcnemar-exact`, `mcnemar-mid-p`, or with weights or clusters `mcnemar-score` and `mcnemar-score-clustered`.
    pub(crate) test: &'static str,
}

impl McNemar {
    /// Test of counts: with b and c rows that differ, the exact binomial test if b + c < 25, and its mid-p form (Fagerland,
    /// Lydersen and Laake, BMC Medical Research Methodology 13:91, 2013) from there on.
    pub(crate) fn of_counts(only_challenger: u64, only_champion: u64) -> Self {
        let test = sign_test(only_challenger, only_champion);
        let (p_value, test) = if only_challenger.saturating_add(only_champion) < EXACT_BELOW {
            (test.exact, "mcnemar-exact")
        } else {
            (test.mid, "mcnemar-mid-p")
        };
        Self { only_challenger, only_champion, p_value: Some(p_value), test }
    }

    /// Test of rows, where `challenger` and `champion` say whether each says yes. With weights or clusters the statistic
    /// is (Σ d)²/Σ d² for d = Σ w(challenger − champion) over a unit (Yang, Sun and Hardin, Biometrical
    /// Journal 52, 2010), against χ² with one degree of freedom.
    pub(crate) fn of_units(
        units: &Units<'_>,
        challenger: impl Fn(usize) -> bool,
        champion: impl Fn(usize) -> bool,
    ) -> Self {
        let only = |first: &dyn Fn(usize) -> bool, second: &dyn Fn(usize) -> bool| {
            units.indices().filter(|index| first(*index) && !second(*index)).count() as u64
        };
        let counted = Self::of_counts(only(&challenger, &champion), only(&champion, &challenger));
        if units.n == 0 {
            return Self { p_value: None, ..counted };
        }
        if units.are_plain() {
            return counted;
        }
        let (mut sum, mut squares) = (ExactSum::default(), ExactSum::default());
        let difference = |index: usize| [unit(challenger(index)) - unit(champion(index))];
        units.visit(difference, |[difference]| {
            sum.add(difference);
            squares.add(difference * difference);
        });
        let (sum, squares) = (sum.value(), squares.value());
        let p_value = if squares > 0.0 { two_sided(sum / squares.sqrt()) } else { 1.0 };
        Self {
            p_value: (units.count > 1).then_some(p_value),
            test: if units.are_clustered() { "mcnemar-score-clustered" } else { "mcnemar-score" },
            ..counted
        }
    }
}

/// Probability that a standard normal number is as far from zero as `z`.
pub(crate) fn two_sided(z: f64) -> f64 {
    2.0 * normal_distribution(-z.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples() {
        // Fagerland, Lydersen and Laake (2013), table 1, b = 1 and c = 7: exact 0.070, mid-p 0.039.
        let exact = McNemar::of_counts(1, 7);
        assert!((exact.p_value.unwrap() - 18.0 / 256.0).abs() < 1e-15);
        assert!((sign_test(1, 7).mid - 10.0 / 256.0).abs() < 1e-15);
        assert_eq!(exact.test, "mcnemar-exact");
        // statsmodels, test of `mcnemar`, from SAS: b = 121 and c = 59.
        let large = McNemar::of_counts(121, 59);
        assert_eq!(large.test, "mcnemar-mid-p");
        assert!((sign_test(121, 59).exact - 4.434e-6).abs() < 5e-10);
        assert!(large.p_value.unwrap() < 4.434e-6);
        assert_eq!(
            (McNemar::of_counts(12, 12).test, McNemar::of_counts(12, 13).test),
            ("mcnemar-exact", "mcnemar-mid-p")
        );
    }

    #[test]
    fn a_cluster_that_moves_as_one_is_one_observation() {
        let cluster: Vec<u64> = (0..40).map(|row| row / 20).collect();
        let challenger = |index: usize| index < 20;
        let alone = McNemar::of_units(&Units::new(40, None, None), challenger, |_| false);
        assert!(alone.p_value.unwrap() < 1e-5);
        let together = McNemar::of_units(&Units::new(40, None, Some(&cluster)), challenger, |_| false);
        // d = 20 and 0: (Σd)²/Σd² = 1.
        assert!((together.p_value.unwrap() - two_sided(1.0)).abs() < 1e-15);
        assert_eq!(together.only_challenger, 20);
        assert_eq!(McNemar::of_units(&Units::new(0, None, None), challenger, |_| false).p_value, None);
        let one = Units::new(40, None, Some(&[0; 40]));
        assert_eq!(McNemar::of_units(&one, challenger, |_| false).p_value, None);
    }
}
