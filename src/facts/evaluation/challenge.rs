//! The version now in use beside the new one, on the rows of an evaluation.

use super::champion::mcnemar::McNemar;
use super::champion::{self, Difference, PairedNumbers, PairedRows};
use super::metric::{Metric, MetricStatus};
use super::ranking::{self, RankingOptions, RankingRows};
use super::reference::{ChampionFacts, McNemarTest, MetricDifference, Swap, SwapSet};
use super::rows::gather;
use crate::manifest::raw;
use crate::metric_id::Better;

/// Rows column by column; the champion's entry is NaN where it did not judge the row.
pub(crate) struct Paired<'a> {
    pub(crate) challenger: &'a [f64],
    pub(crate) champion: &'a [f64],
    pub(crate) weight: Option<&'a [f64]>,
    pub(crate) cluster: Option<&'a [u64]>,
}

/// Groups of one protected column: its name, the values, and which of them each row has.
pub(crate) struct PairedGroups {
    pub(crate) column: Option<String>,
    pub(crate) values: Vec<String>,
    pub(crate) of_rows: Vec<u32>,
}

impl Paired<'_> {
    /// The positions of rows that the champion judged.
    fn judged(&self) -> Vec<u32> {
        let judged = self.champion.iter().enumerate().filter(|(_, score)| !score.is_nan());
        judged.map(|(position, _)| position as u32).collect()
    }
}

/// Binary classification: `label` is true for the positive class.
pub(crate) fn binary(
    declared: &raw::Champion,
    rows: &Paired<'_>,
    label: &[bool],
    threshold: f64,
    groups: &[PairedGroups],
) -> ChampionFacts {
    let judged = rows.judged();
    let label = gather(label, &judged);
    let (challenger, champion) = (gather(rows.challenger, &judged), gather(rows.champion, &judged));
    let weight = rows.weight.map(|weight| gather(weight, &judged));
    let cluster = rows.cluster.map(|cluster| gather(cluster, &judged));
    let all = vec![0; judged.len()];
    let paired = PairedRows {
        label: &label,
        challenger: &challenger,
        champion: &champion,
        threshold_challenger: threshold,
        threshold_champion: declared.threshold.unwrap_or(threshold),
        cluster: cluster.as_deref(),
        weight: weight.as_deref(),
        group: &all,
        groups: 1,
    };
    let mut swaps = swap_sets(&paired, None, &[String::new()]);
    for grouping in groups {
        let group = gather(&grouping.of_rows, &judged);
        let of_grouping = PairedRows { group: &group, groups: grouping.values.len(), ..paired };
        swaps.extend(swap_sets(&of_grouping, grouping.column.as_deref(), &grouping.values));
    }
    let facts = facts(declared, rows, judged.len(), champion::differences(&paired));
    ChampionFacts {
        swaps,
        decisions: champion::mcnemar_of_decisions(&paired).map(test),
        correctness: champion::mcnemar_of_correctness(&paired).map(test),
        ..facts
    }
}

/// A task that predicts numbers.
pub(crate) fn numbers(declared: &raw::Champion, rows: &Paired<'_>, actual: &[f64]) -> ChampionFacts {
    let judged = rows.judged();
    let weight = rows.weight.map(|weight| gather(weight, &judged));
    let cluster = rows.cluster.map(|cluster| gather(cluster, &judged));
    let differences = champion::error_differences(&PairedNumbers {
        actual: &gather(actual, &judged),
        challenger: &gather(rows.challenger, &judged),
        champion: &gather(rows.champion, &judged),
        cluster: cluster.as_deref(),
        weight: weight.as_deref(),
    });
    facts(declared, rows, judged.len(), differences)
}

/// One of several classes: `label` and both predictions are the numbers of classes.
pub(crate) fn classes(declared: &raw::Champion, rows: &Paired<'_>, label: &[f64]) -> ChampionFacts {
    let judged = rows.judged();
    let label = gather(label, &judged);
    let right = |predicted: &[f64]| -> Vec<f64> {
        let right = gather(predicted, &judged);
        right.iter().zip(&label).map(|(predicted, label)| f64::from(u8::from(predicted == label))).collect()
    };
    let (challenger, champion) = (right(rows.challenger), right(rows.champion));
    let weight = rows.weight.map(|weight| gather(weight, &judged));
    let cluster = rows.cluster.map(|cluster| gather(cluster, &judged));
    let paired = PairedRows {
        label: &vec![true; judged.len()],
        challenger: &challenger,
        champion: &champion,
        threshold_challenger: 0.5,
        threshold_champion: 0.5,
        cluster: cluster.as_deref(),
        weight: weight.as_deref(),
        group: &vec![0; judged.len()],
        groups: 1,
    };
    let facts = facts(declared, rows, judged.len(), vec![champion::accuracy_difference(&paired)]);
    ChampionFacts { correctness: champion::mcnemar_of_correctness(&paired).map(test), ..facts }
}

/// A ranking: the unit is the query, whose rows the champion puts in another order.
pub(crate) fn ranking(
    declared: &raw::Champion,
    rows: &RankingRows<'_>,
    champion: &[f64],
    options: &RankingOptions,
) -> ChampionFacts {
    let paired = Paired { challenger: rows.score, champion, weight: None, cluster: None };
    let judged = paired.judged().len();
    // An item that the champion did not judge has no place in its order.
    let differences = match ranking::paired(rows, champion, options) {
        Ok(queries) if judged == champion.len() => queries.iter().flat_map(champion::query_differences).collect(),
        Ok(_) => champion::unknown(&ranking::COMPARED, "the champion did not judge every item"),
        Err(reason) => champion::unknown(&ranking::COMPARED, &reason),
    };
    facts(declared, &paired, judged, differences)
}

fn facts(declared: &raw::Champion, rows: &Paired<'_>, judged: usize, differences: Vec<Difference>) -> ChampionFacts {
    let without = (rows.champion.len() - judged) as u64;
    let difference = |difference: Difference| {
        let metric = difference.difference;
        let (metric, p_value) = if without == 0 {
            (metric, difference.p_value)
        } else {
            let reason = format!("the champion did not judge {without} of {} rows", rows.champion.len());
            let status = MetricStatus::Error;
            let none =
                Metric { status, value: None, n: 0, numerator: None, interval: None, reason: Some(reason), ..metric };
            (none, None)
        };
        MetricDifference {
            metric: difference.metric,
            higher_is_better: difference.metric.better() == Better::Higher,
            difference: metric,
            p_value,
        }
    };
    ChampionFacts {
        version: declared.version.clone(),
        rows: judged as u64,
        rows_without: without,
        data: None,
        rows_beyond: None,
        differences: differences.into_iter().map(difference).collect(),
        swaps: Vec::new(),
        decisions: None,
        correctness: None,
    }
}

fn swap_sets(rows: &PairedRows<'_>, column: Option<&str>, values: &[String]) -> Vec<SwapSet> {
    let swap =
        |swap: champion::Swap| Swap { rows: swap.rows, right_before: swap.right_before, right_after: swap.right_after };
    let sets = champion::swap_sets(rows).unwrap_or_default();
    let set = |(value, set): (&String, champion::SwapSet)| SwapSet {
        column: column.map(str::to_owned),
        value: value.clone(),
        rows: set.rows,
        to_positive: swap(set.to_positive),
        to_negative: swap(set.to_negative),
    };
    values.iter().zip(sets).map(set).collect()
}

fn test(test: McNemar) -> McNemarTest {
    McNemarTest {
        only_challenger: test.only_challenger,
        only_champion: test.only_champion,
        p_value: test.p_value,
        test: test.test.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::metric::MetricId;
    use super::super::ranking::Gain;
    use super::*;

    fn champion() -> raw::Champion {
        raw::Champion { version: "1.0.0".to_owned(), data: None, id: None, column: "old".to_owned(), threshold: None }
    }

    fn of(facts: &ChampionFacts, id: MetricId) -> &MetricDifference {
        facts.differences.iter().find(|difference| difference.metric == id).unwrap()
    }

    #[test]
    fn of_several_classes_the_shares_of_right_ones_are_compared() {
        let label = [0.0, 1.0, 2.0, 1.0, 0.0, 2.0];
        let paired = Paired {
            challenger: &[0.0, 1.0, 2.0, 1.0, 1.0, 2.0],
            champion: &[0.0, 2.0, 2.0, 0.0, 0.0, 1.0],
            weight: None,
            cluster: None,
        };
        let facts = classes(&champion(), &paired, &label);
        let accuracy = of(&facts, MetricId::Accuracy);
        assert_eq!(facts.differences.len(), 1);
        assert!((accuracy.difference.value.unwrap() - 2.0 / 6.0).abs() < 1e-15 && accuracy.higher_is_better);
        let interval = accuracy.difference.interval.clone().unwrap();
        assert!(interval.low < 0.0 && interval.high > 2.0 / 6.0 && interval.method.contains("tango"), "{interval:?}");
        let test = facts.correctness.unwrap();
        assert_eq!((test.only_challenger, test.only_champion), (3, 1));
        // A row that the champion gives no class leaves no difference.
        let some = Paired { champion: &[0.0, 2.0, 2.0, 0.0, 0.0, f64::NAN], ..paired };
        let facts = classes(&champion(), &some, &label);
        assert_eq!((facts.rows, facts.rows_without), (5, 1));
        assert_eq!(of(&facts, MetricId::Accuracy).difference.status, MetricStatus::Error);
    }

    #[test]
    fn of_rankings_the_means_over_queries_are_compared() {
        let query: Vec<u64> = (0..40).map(|row| row / 4).collect();
        let relevance: Vec<f64> = (0..40).map(|row| f64::from((row * 7 % 11 % 3) as u8)).collect();
        let score: Vec<f64> = (0..40).map(|row| f64::from((row * 13 % 17) as u8)).collect();
        let other: Vec<f64> = (0..40).map(|row| f64::from((row * 5 % 19) as u8)).collect();
        let rows = RankingRows {
            query: &query,
            item: None,
            relevance: &relevance,
            score: &score,
            cluster: None,
            weight: None,
        };
        let options = RankingOptions { k: 3, gain: Gain::Linear, relevant_from: 1.0 };
        let facts = ranking(&champion(), &rows, &other, &options);
        let own = ranking::metrics(&rows, &options).metrics;
        let others = ranking::metrics(&RankingRows { score: &other, ..rows }, &options).metrics;
        for id in ranking::COMPARED {
            let value = |metrics: &super::super::Metrics| metrics.get(id).unwrap().value.unwrap();
            let difference = &of(&facts, id).difference;
            assert!((difference.value.unwrap() - (value(&own) - value(&others))).abs() < 1e-12, "{id:?}");
            assert_eq!(difference.n, own.get(id).unwrap().n, "{id:?}");
        }
        let same = ranking(&champion(), &rows, &score, &options);
        let ndcg = of(&same, MetricId::Ndcg);
        assert_eq!((ndcg.difference.value, ndcg.p_value), (Some(0.0), Some(1.0)));
        let interval = ndcg.difference.interval.clone().unwrap();
        assert!(interval.low < 0.0 && interval.high > 0.0, "{interval:?}");
        // One item without a score of the champion leaves no order.
        let some: Vec<f64> =
            other.iter().enumerate().map(|(row, score)| if row == 5 { f64::NAN } else { *score }).collect();
        let facts = ranking(&champion(), &rows, &some, &options);
        assert_eq!((facts.rows, facts.rows_without), (39, 1));
        assert!(facts.differences.iter().all(|difference| difference.difference.status == MetricStatus::Error));
    }

    #[test]
    fn rows_without_meaning_have_a_reason() {
        let rows = RankingRows {
            query: &[1, 1],
            item: Some(&[7, 7]),
            relevance: &[1.0, 0.0],
            score: &[0.5, 0.4],
            cluster: None,
            weight: None,
        };
        let options = RankingOptions { k: 3, gain: Gain::Linear, relevant_from: 1.0 };
        let facts = ranking(&champion(), &rows, &[0.1, 0.2], &options);
        let reason = of(&facts, MetricId::Ndcg).difference.reason.clone();
        assert_eq!(reason.as_deref(), Some("rows that repeat an item of their query: 1"));
    }
}
