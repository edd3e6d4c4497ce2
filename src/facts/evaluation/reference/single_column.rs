//! What one column alone says of the label. A column that says nearly everything was often written after the fact.

use std::collections::BTreeMap;

use super::super::binary::RocArea;
use super::super::drift::NumericSample;
use super::super::interval;
use super::super::metric::{Metric, MetricStatus};
use super::super::ranked::{Ranks, Sums};
use super::rows::{ByClass, NEGATIVE, POSITIVE};

/// Key of the area over numbers.
const OF_NUMBERS: &str = "single_column_roc_auc";
/// Key of the area over categories.
const OF_CATEGORIES: &str = "single_category_column_roc_auc";
/// Key of the area over whether there is a value.
const OF_MISSING: &str = "single_column_missing_roc_auc";

/// Rows of the two classes that score the same.
#[derive(Debug, Clone, Copy, Default)]
struct Tied {
    negatives: u64,
    positives: u64,
}

/// The area under the ROC curve with the column as the score, over rows with a class and a value. Below one half it
/// speaks against the class as strongly as above it for it.
pub(crate) fn of_numbers(negatives: Vec<f64>, positives: Vec<f64>) -> Metric {
    let rows = (negatives.len() + positives.len()) as u64;
    let (negatives, positives) = (NumericSample::new(negatives, 0), NumericSample::new(positives, 0));
    let infinite = negatives.infinite() + positives.infinite();
    if infinite > 0 {
        let reason = format!("{infinite} values are infinite");
        return Metric::keyed_without(OF_NUMBERS, MetricStatus::Error, rows, reason);
    }
    let mut positives = positives.points().peekable();
    let mut ascending = Vec::new();
    for point in negatives.points() {
        while let Some(before) = positives.next_if(|other| other.value < point.value) {
            ascending.push(Tied { negatives: 0, positives: before.through - before.below });
        }
        let tied = positives.next_if(|other| other.value <= point.value);
        ascending.push(Tied {
            negatives: point.through - point.below,
            positives: tied.map_or(0, |tied| tied.through - tied.below),
        });
    }
    ascending.extend(positives.map(|point| Tied { negatives: 0, positives: point.through - point.below }));
    area(OF_NUMBERS, &ascending)
}

/// The same with each row's category as the score: its share of positives in the reference, by which none of the rows
/// that are judged is judged by itself. A category that the reference does not have stands for the share of all.
pub(crate) fn of_categories(
    reference: &BTreeMap<Option<&str>, ByClass>,
    current: &BTreeMap<Option<&str>, ByClass>,
) -> Metric {
    let all = reference.values().fold([0_u64; 2], |[negatives, positives], rows| {
        [negatives.saturating_add(rows[NEGATIVE]), positives.saturating_add(rows[POSITIVE])]
    });
    let judged: u64 = current.values().map(|rows| rows[NEGATIVE] + rows[POSITIVE]).sum();
    if all.contains(&0) {
        let reason = "the reference has no labels of both classes to order categories by";
        return Metric::keyed_without(OF_CATEGORIES, MetricStatus::Undefined, judged, reason);
    }
    let share = |category: &Option<&str>| match reference.get(category) {
        Some(rows) if rows[NEGATIVE] + rows[POSITIVE] > 0 => [rows[NEGATIVE], rows[POSITIVE]],
        _ => all,
    };
    let mut ranked: Vec<_> = current.iter().map(|(category, rows)| (share(category), rows)).collect();
    // p/(p + n) < p'/(p' + n') exactly if p·n' < p'·n.
    let order = |left: &[u64; 2], right: &[u64; 2]| {
        (u128::from(left[1]) * u128::from(right[0])).cmp(&(u128::from(right[1]) * u128::from(left[0])))
    };
    ranked.sort_by(|left, right| order(&left.0, &right.0));
    let ties = ranked.chunk_by(|left, right| order(&left.0, &right.0).is_eq());
    let whole = |tied: &[([u64; 2], &ByClass)]| {
        tied.iter().fold(Tied::default(), |sum, (_, rows)| Tied {
            negatives: sum.negatives + rows[NEGATIVE],
            positives: sum.positives + rows[POSITIVE],
        })
    };
    let ascending: Vec<_> = ties.map(whole).collect();
    area(OF_CATEGORIES, &ascending)
}

/// The same with the score 1 for rows without a value and 0 for others.
pub(crate) fn of_missing(missing: ByClass, rows: ByClass) -> Metric {
    let present = Tied {
        negatives: rows[NEGATIVE].saturating_sub(missing[NEGATIVE]),
        positives: rows[POSITIVE].saturating_sub(missing[POSITIVE]),
    };
    area(OF_MISSING, &[present, Tied { negatives: missing[NEGATIVE], positives: missing[POSITIVE] }])
}

/// The area from groups of tied rows in ascending order, with the interval of DeLong, DeLong and Clarke-Pearson
/// (Biometrics 44, 1988) on the logit's scale.
fn area(key: &str, ascending: &[Tied]) -> Metric {
    let mut sums = Sums::default();
    for tied in ascending {
        sums.negatives += tied.negatives;
        sums.positives += tied.positives;
    }
    let rows = sums.negatives + sums.positives;
    let mut ranks = Ranks::default();
    let (mut negatives_below, mut positives_below) = (0, 0);
    for tied in ascending {
        // Twice the placements, so that ties count half.
        let win = u128::from(2 * negatives_below + tied.negatives);
        let loss = u128::from(2 * positives_below + tied.positives);
        ranks.wins += u128::from(tied.positives) * win;
        ranks.win_squares += u128::from(tied.positives) * win * win;
        ranks.loss_squares += u128::from(tied.negatives) * loss * loss;
        negatives_below += tied.negatives;
        positives_below += tied.positives;
    }
    let Some(area) = RocArea::of(&sums, &ranks) else {
        let reason = "rows with a value have one class only";
        return Metric::keyed_without(key, MetricStatus::Undefined, rows, reason);
    };
    let ends = area.standard_error.and_then(|error| interval::delong_logit(area.value, error));
    let ends = ends.ok_or_else(|| "the estimate of its variance is 0, which says nothing".to_owned());
    Metric::keyed(key, area.value, rows, ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_class(negatives: u64, positives: u64) -> ByClass {
        [negatives, positives, 0]
    }

    #[test]
    fn pairs_are_counted_with_ties_half() {
        let metric = of_numbers(vec![1.0, 2.0, 2.0, 5.0], vec![2.0, 3.0, 6.0]);
        // 2 beats 1 and ties twice, 3 beats three, 6 beats four.
        assert_eq!(metric.value, Some((1.0 + 1.0 + 3.0 + 4.0) / 12.0));
        assert_eq!(metric.n, 7);
        let ends = metric.interval.unwrap();
        assert!(ends.low < 0.75 && 0.75 < ends.high && ends.method == "delong-logit", "{ends:?}");
        assert_eq!(of_numbers(vec![3.0, 4.0], vec![1.0, 2.0]).value, Some(0.0));
        assert_eq!(of_numbers(vec![], vec![1.0]).status, MetricStatus::Undefined);
        assert_eq!(of_numbers(vec![f64::INFINITY], vec![1.0]).status, MetricStatus::Error);
    }

    #[test]
    fn categories_are_ordered_by_the_reference_and_not_by_the_rows() {
        let reference = BTreeMap::from([
            (Some("paid"), by_class(9, 1)),
            (Some("default"), by_class(1, 9)),
            (Some("none"), by_class(0, 0)),
            (None, by_class(5, 5)),
        ]);
        let told = BTreeMap::from([(Some("paid"), by_class(8, 0)), (Some("default"), by_class(0, 3))]);
        assert_eq!(of_categories(&reference, &told).value, Some(1.0));
        let against = BTreeMap::from([(Some("paid"), by_class(0, 8)), (Some("default"), by_class(3, 0))]);
        assert_eq!(of_categories(&reference, &against).value, Some(0.0));
        // New categories, those without a class and missing values all stand for one half here: they tie.
        let new = BTreeMap::from([
            (Some("new 1"), by_class(1, 0)),
            (Some("new 2"), by_class(0, 1)),
            (Some("none"), by_class(1, 1)),
            (None, by_class(0, 1)),
        ]);
        assert_eq!(of_categories(&reference, &new).value, Some(0.5));
        let unlabelled = BTreeMap::from([(Some("paid"), [0, 0, 10])]);
        assert_eq!(of_categories(&unlabelled, &told).status, MetricStatus::Undefined);
    }

    #[test]
    fn a_value_that_is_missing_can_say_all() {
        assert_eq!(of_missing(by_class(10, 0), by_class(10, 5)).value, Some(0.0));
        assert_eq!(of_missing(by_class(2, 1), by_class(10, 5)).value, Some(0.5));
        assert_eq!(of_missing(by_class(2, 0), by_class(10, 0)).status, MetricStatus::Undefined);
    }
}
