//! Adjustment of p-values for the number of tests.

/// A probability in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct PValue(f64);

impl PValue {
    /// None for what is not in [0, 1], such as NaN.
    pub(crate) fn new(value: f64) -> Option<Self> {
        // Adding zero turns −0 into 0.
        (0.0..=1.0).contains(&value).then_some(Self(value + 0.0))
    }

    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

/// Adjusted by Holm's step-down method (Scandinavian Journal of Statistics 6, 1979), which bounds the probability of
/// any false rejection under every dependence. In the order of `values`; equal ones get equal ones.
///
/// The j-th smallest of m becomes the largest of (m − i + 1) · pᵢ over i ≤ j, at most 1.
pub(crate) fn holm(values: &[PValue]) -> Vec<PValue> {
    let count = values.len() as f64;
    let mut largest = 0.0_f64;
    adjusted(values, ranked(values).into_iter(), |place, value| {
        largest = largest.max((count - place as f64) * value).min(1.0);
        largest
    })
}

/// Adjusted by the step-up method of Benjamini and Hochberg (JRSS B 57, 1995), which bounds the expected share of false
/// rejections for independent or positively dependent tests. In the order of `values`; equal ones get equal ones.
///
/// The j-th smallest of m becomes the smallest of m/i · pᵢ over i ≥ j, at most 1.
pub(crate) fn benjamini_hochberg(values: &[PValue]) -> Vec<PValue> {
    let count = values.len() as f64;
    let mut smallest = 1.0_f64;
    adjusted(values, ranked(values).into_iter().rev(), |place, value| {
        smallest = smallest.min(count / (place as f64 + 1.0) * value);
        smallest
    })
}

/// Place and index, ascending by value.
fn ranked(values: &[PValue]) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|left, right| at(values, *left).total_cmp(&at(values, *right)));
    order.into_iter().enumerate().collect()
}

fn at(values: &[PValue], index: usize) -> f64 {
    values.get(index).map_or(1.0, |value| value.0)
}

fn adjusted(
    values: &[PValue],
    order: impl Iterator<Item = (usize, usize)>,
    mut step: impl FnMut(usize, f64) -> f64,
) -> Vec<PValue> {
    let mut results = values.to_vec();
    for (place, index) in order {
        let value = step(place, at(values, index));
        if let Some(result) = results.get_mut(index) {
            *result = PValue(value);
        }
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(of: &[f64]) -> Vec<PValue> {
        of.iter().map(|value| PValue::new(*value).unwrap()).collect()
    }

    #[track_caller]
    fn assert_close(actual: &[PValue], expected: &[f64]) {
        assert_eq!(actual.len(), expected.len());
        for (actual, expected) in actual.iter().zip(expected) {
            assert!((actual.0 - expected).abs() < 1e-15, "{actual:?} {expected}");
        }
    }

    #[test]
    fn small_examples() {
        let given = values(&[0.01, 0.04, 0.03, 0.005]);
        assert_close(&holm(&given), &[0.03, 0.06, 0.06, 0.02]);
        assert_close(&benjamini_hochberg(&given), &[0.02, 0.04, 0.04, 0.02]);
        assert_close(&holm(&values(&[0.7, 0.9])), &[1.0, 1.0]);
        assert!(holm(&[]).is_empty() && benjamini_hochberg(&[]).is_empty());
        assert_close(&benjamini_hochberg(&values(&[0.3])), &[0.3]);
    }

    #[test]
    fn benjamini_and_hochberg_reject_four_of_their_fifteen() {
        // Benjamini and Hochberg (1995), section 3.2: 4 rejections at q = 0.05, where Bonferroni and Holm find 3.
        let given = values(&[
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0,
        ]);
        let rejected = |adjusted: Vec<PValue>| adjusted.iter().filter(|value| value.0 <= 0.05).count();
        assert_eq!((rejected(benjamini_hochberg(&given)), rejected(holm(&given))), (4, 3));
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        for wrong in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
            assert_eq!(PValue::new(wrong), None);
        }
        assert_eq!(PValue::new(-0.0).unwrap().get().to_bits(), 0);
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_ties_stay_ties(
            given in prop::collection::vec((0_u32..20).prop_map(|k| f64::from(k) / 19.0), 0..30),
            turn in 0_usize..30,
        ) {
            let original = values(&given);
            let mut turned = original.clone();
            turned.rotate_left(turn.min(given.len()));
            for adjust in [holm, benjamini_hochberg] {
                let plain = adjust(&original);
                let mut expected = plain.clone();
                expected.rotate_left(turn.min(given.len()));
                prop_assert_eq!(&adjust(&turned), &expected);
                for (left, at_left) in original.iter().zip(&plain) {
                    prop_assert!(left.0 <= at_left.0 && at_left.0 <= 1.0);
                    for (right, at_right) in original.iter().zip(&plain) {
                        prop_assert!(left.0 < right.0 || at_right.0 <= at_left.0);
                    }
                }
            }
        }
    }
}
