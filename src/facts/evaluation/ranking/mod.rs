//! Ranking and recommendation: what a model's order of the items of each query is worth.
//!
//! The unit of inference is the query. A metric is the (weighted) mean over queries, and its standard error is that of
//! queries, or of clusters of them, such as users.
//!
//! A query in which nothing is relevant has no best order. It is left out and counted, where others say 0 or 1: either
//! would measure the data and not the model. A query of one item counts. Only what is in the rows is known: a relevant
//! item that was never scored is in no denominator.
//!
//! Items with equal scores have no order. A metric is its expectation over all of theirs; for NDCG that is
//! scikit-learn's averaging of ties.

mod tied_ranking;

use std::collections::BTreeMap;

use self::tied_ranking::{Discounts, Item, TiedRanking};
use super::champion::PairedQueries;
use super::exact_sum::ExactSum;
use super::interval;
use super::metric::{Interval, Metric, MetricId, MetricStatus, Metrics};
use super::sample::{NO_VARIANCE, ROUNDING, Sample};

/// The metrics of this family.
const IDS: [MetricId; 7] = [
    MetricId::Ndcg,
    MetricId::MeanAveragePrecision,
    MetricId::MeanReciprocalRank,
    MetricId::PrecisionAtK,
    MetricId::RecallAtK,
    MetricId::HitRateAtK,
    MetricId::CatalogueCoverage,
];

/// The range of every metric here.
const SHARE: (f64, f64) = (0.0, 1.0);

/// What an item is worth in the discounted cumulative gain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gain {
    /// Its relevance (Järvelin and Kekäläinen 2002).
    Linear,
    /// 2^relevance − 1 (Burges et al. 2005).
    Exponential,
}

impl Gain {
    fn of(self, relevance: f64) -> f64 {
        match self {
            Self::Linear => relevance,
            // What is near 0 would be lost in 1 + x − 1; whole numbers are exact without the logarithm.
            Self::Exponential if relevance < 0.5 => libm::expm1(relevance * std::f64::consts::LN_2),
            Self::Exponential => libm::exp2(relevance) - 1.0,
        }
    }
}

/// How rankings are judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RankingOptions {
    /// Places of a ranking that are looked at.
    pub(crate) k: u32,
    /// What NDCG takes an item to be worth.
    pub(crate) gain: Gain,
    /// An item of this relevance or more is relevant to the metrics that know only yes and no.
    pub(crate) relevant_from: f64,
}

/// Rows of items, one for each item of each query. All slices have the same length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RankingRows<'a> {
    /// Which query the row belongs to. The rows of a query need not be together.
    pub(crate) query: &'a [u64],
    /// The item, which a query has once.
    pub(crate) item: Option<&'a [u64]>,
    /// How relevant the item is to the query; at least 0.
    pub(crate) relevance: &'a [f64],
    /// The model's score; higher is nearer the top.
    pub(crate) score: &'a [f64],
    /// What queries share, such as the user; one value in a query.
    pub(crate) cluster: Option<&'a [u64]>,
    /// Weight of the query; one value in a query.
    pub(crate) weight: Option<&'a [f64]>,
}

/// The metrics, and what they rest on. Queries of weight 0 are not counted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RankingMetrics {
    /// NDCG, mean average precision, mean reciprocal rank, precision, recall, hit rate, catalogue coverage, all at k.
    pub(crate) metrics: Metrics,
    /// Queries.
    pub(crate) queries: u64,
    /// Queries without an item of a relevance above 0, which NDCG leaves out.
    pub(crate) queries_without_gain: u64,
    /// Queries without a relevant item, which all other means leave out.
    pub(crate) queries_without_relevant: u64,
    /// Queries of one item, which any model ranks perfectly.
    pub(crate) queries_of_one_item: u64,
    /// Queries in which two items have the same score.
    pub(crate) tied_queries: u64,
}

/// Every metric of a ranking.
///
/// For a query with R relevant items, of which h are among its first k: precision is h/k, also where there are fewer
/// than k items; recall is h/R; average precision is the sum of the precisions down to each of the h over min(k, R).
pub(crate) fn metrics(rows: &RankingRows<'_>, options: &RankingOptions) -> RankingMetrics {
    let mut judged = Judged::default();
    let metrics = if options.k == 0 {
        without_value(MetricStatus::Undefined, "k is 0")
    } else if !rows.are_complete() {
        without_value(MetricStatus::Error, "the columns differ in length")
    } else {
        judged.read(rows, options);
        match judged.contradiction() {
            Some(reason) => without_value(MetricStatus::Error, &reason),
            None if rows.query.is_empty() => without_value(MetricStatus::Undefined, "there are no rows"),
            None if judged.queries == 0 => without_value(MetricStatus::Undefined, "every query has the weight 0"),
            None => judged.metrics(rows),
        }
    };
    RankingMetrics {
        metrics,
        queries: judged.queries,
        queries_without_gain: judged.queries - judged.graded.value.len() as u64,
        queries_without_relevant: judged.queries - judged.found.value.len() as u64,
        queries_of_one_item: judged.queries_of_one_item,
        tied_queries: judged.tied_queries,
    }
}

/// The metrics in which two orders of the same items are compared.
pub(crate) const COMPARED: [MetricId; 6] = [
    MetricId::Ndcg,
    MetricId::MeanAveragePrecision,
    MetricId::MeanReciprocalRank,
    MetricId::PrecisionAtK,
    MetricId::RecallAtK,
    MetricId::HitRateAtK,
];

/// The same rows in the order of their scores and in that of the `champion`'s, query by query: NDCG, and apart from it the
/// metrics that know only yes and no, for which other queries count.
///
/// # Errors
/// Why the rows have no meaning.
pub(crate) fn paired(
    rows: &RankingRows<'_>,
    champion: &[f64],
    options: &RankingOptions,
) -> Result<[PairedQueries; 2], String> {
    let other = RankingRows { score: champion, ..*rows };
    if options.k == 0 || !rows.are_complete() || !other.are_complete() {
        return Err("k is 0, or the columns differ in length".to_owned());
    }
    let [mut own, mut others] = [Judged::default(), Judged::default()];
    own.read(rows, options);
    others.read(&other, options);
    if let Some(reason) = own.contradiction() {
        return Err(reason);
    }
    let part = |id, of: fn(&Found) -> f64| {
        let values = |judged: &Judged| judged.found.value.iter().map(of).collect();
        (id, values(&own), values(&others))
    };
    let found = vec![
        part(MetricId::MeanAveragePrecision, |found| found.average_precision),
        part(MetricId::MeanReciprocalRank, |found| found.reciprocal_rank),
        part(MetricId::PrecisionAtK, |found| found.precision),
        part(MetricId::RecallAtK, |found| found.recall),
        part(MetricId::HitRateAtK, |found| found.hit),
    ];
    let ndcg = vec![(MetricId::Ndcg, own.graded.value.clone(), others.graded.value.clone())];
    Ok([own.graded.queries(rows, ndcg), own.found.queries(rows, found)])
}

fn without_value(status: MetricStatus, reason: &str) -> Metrics {
    Metrics(IDS.iter().map(|&id| (id, Metric::without(id, status, 0, reason))).collect())
}

/// What a query counts, and what it shares with others.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Unit {
    weight: f64,
    cluster: u64,
}

impl RankingRows<'_> {
    fn are_complete(&self) -> bool {
        let rows = self.query.len();
        let lengths = [Some(self.relevance.len()), Some(self.score.len())];
        let optional = [self.item.map(<[_]>::len), self.cluster.map(<[_]>::len), self.weight.map(<[_]>::len)];
        lengths.into_iter().chain(optional).flatten().all(|length| length == rows)
    }

    fn row(&self, row: usize, options: &RankingOptions) -> Option<(Item, Unit)> {
        let relevance = *self.relevance.get(row)?;
        let item = Item {
            // Adding zero turns −0 into 0, which is the same score.
            score: self.score.get(row)? + 0.0,
            gain: options.gain.of(relevance),
            relevant: relevance >= options.relevant_from,
            id: self.item.and_then(|item| item.get(row)).copied().unwrap_or_default(),
        };
        let cluster = self.cluster.and_then(|cluster| cluster.get(row)).copied().unwrap_or_default();
        let weight = self.weight.and_then(|weight| weight.get(row)).copied().unwrap_or(1.0);
        Some((item, Unit { weight, cluster }))
    }
}

/// What was found in a query with relevant items.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Found {
    average_precision: f64,
    reciprocal_rank: f64,
    precision: f64,
    recall: f64,
    hit: f64,
}

/// Values of the queries that have one, with their weights and clusters.
#[derive(Debug)]
struct Values<T> {
    value: Vec<T>,
    weight: Vec<f64>,
    cluster: Vec<u64>,
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self { value: Vec::new(), weight: Vec::new(), cluster: Vec::new() }
    }
}

impl<T: Copy> Values<T> {
    fn push(&mut self, value: T, unit: Unit) {
        self.value.push(value);
        self.weight.push(unit.weight);
        self.cluster.push(unit.cluster);
    }

    fn sample(&self, rows: &RankingRows<'_>) -> Sample<'_> {
        let weight = rows.weight.is_some().then_some(self.weight.as_slice());
        let cluster = rows.cluster.is_some().then_some(self.cluster.as_slice());
        Sample::new(self.value.len(), weight, cluster)
    }

    /// Values of these queries, with what is known of them.
    fn queries(&self, rows: &RankingRows<'_>, values: Vec<(MetricId, Vec<f64>, Vec<f64>)>) -> PairedQueries {
        PairedQueries {
            values,
            weight: rows.weight.map(|_| self.weight.clone()),
            cluster: rows.cluster.map(|_| self.cluster.clone()),
        }
    }

    /// `part` of the value of a query; not a number beyond the last.
    fn get(&self, query: usize, part: impl Fn(T) -> f64) -> f64 {
        self.value.get(query).map_or(f64::NAN, |value| part(*value))
    }
}

/// Every query judged by itself.
#[derive(Debug, Default)]
struct Judged {
    queries: u64,
    queries_of_one_item: u64,
    tied_queries: u64,
    queries_of_several_weights: u64,
    queries_of_several_clusters: u64,
    repeated_items: u64,
    /// NDCG.
    graded: Values<f64>,
    found: Values<Found>,
    /// The item of each row and the probability that its query shows it; empty where items are not named.
    exposure: Vec<(u64, f64)>,
}

impl Judged {
    fn read(&mut self, rows: &RankingRows<'_>, options: &RankingOptions) {
        let mut order: Vec<(u64, usize)> = rows.query.iter().copied().zip(0..).collect();
        order.sort_unstable();
        let mut items = Vec::new();
        let mut ids = Vec::new();
        let mut discounts = Discounts::default();
        for query in order.chunk_by(|left, right| left.0 == right.0) {
            let mut read = query.iter().filter_map(|(_, row)| rows.row(*row, options));
            let Some((item, mut unit)) = read.next() else { continue };
            items.clear();
            items.push(item);
            let (mut weights_differ, mut clusters_differ) = (false, false);
            for (item, other) in read {
                items.push(item);
                weights_differ |= other.weight != unit.weight;
                clusters_differ |= other.cluster != unit.cluster;
                unit.weight = unit.weight.max(other.weight);
            }
            self.queries_of_several_weights += u64::from(weights_differ);
            // A query that does not count is not looked at.
            if unit.weight > 0.0 {
                self.queries_of_several_clusters += u64::from(clusters_differ);
                if rows.item.is_some() {
                    self.repeated_items += repeated(&items, &mut ids);
                }
                let ranking = TiedRanking::new(&mut items);
                if rows.item.is_some() {
                    self.exposure.extend(ranking.exposure(places(options)));
                }
                self.judge(&ranking, options, &mut discounts, unit);
            }
        }
    }

    fn judge(&mut self, ranking: &TiedRanking<'_>, options: &RankingOptions, discounts: &mut Discounts, unit: Unit) {
        let k = places(options);
        self.queries += 1;
        self.queries_of_one_item += u64::from(ranking.items() == 1);
        self.tied_queries += u64::from(ranking.is_tied());
        if let Some(ndcg) = ranking.ndcg(k, discounts) {
            self.graded.push(ndcg, unit);
        }
        if let Some(average_precision) = ranking.average_precision(k) {
            let found = ranking.found(k);
            let found = Found {
                average_precision,
                reciprocal_rank: ranking.reciprocal_rank(k),
                precision: found / k as f64,
                recall: (found / ranking.relevant() as f64).min(1.0),
                hit: ranking.hit(k),
            };
            self.found.push(found, unit);
        }
    }

    /// Why the rows have no meaning, if they have none.
    fn contradiction(&self) -> Option<String> {
        let counts = [
            (self.queries_of_several_weights, "queries with more than one weight"),
            (self.queries_of_several_clusters, "queries in more than one cluster"),
            (self.repeated_items, "rows that repeat an item of their query"),
        ];
        let found: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{what}: {count}")).collect();
        (!found.is_empty()).then(|| found.join("; "))
    }

    fn metrics(&mut self, rows: &RankingRows<'_>) -> Metrics {
        let coverage = if rows.item.is_some() {
            coverage(&mut self.exposure)
        } else {
            let reason = "the rows do not name their items";
            Metric::without(MetricId::CatalogueCoverage, MetricStatus::Undefined, 0, reason)
        };
        let (graded, found) = (self.graded.sample(rows), self.found.sample(rows));
        let mean_of = |id, part: fn(Found) -> f64| (id, mean(&found, id, |query| self.found.get(query, part)));
        Metrics(BTreeMap::from([
            (MetricId::Ndcg, mean(&graded, MetricId::Ndcg, |query| self.graded.get(query, |ndcg| ndcg))),
            mean_of(MetricId::MeanAveragePrecision, |found| found.average_precision),
            mean_of(MetricId::MeanReciprocalRank, |found| found.reciprocal_rank),
            mean_of(MetricId::PrecisionAtK, |found| found.precision),
            mean_of(MetricId::RecallAtK, |found| found.recall),
            (MetricId::HitRateAtK, hit_rate(&found, |query| self.found.get(query, |found| found.hit))),
            (MetricId::CatalogueCoverage, coverage),
        ]))
    }
}

fn places(options: &RankingOptions) -> usize {
    usize::try_from(options.k).unwrap_or(usize::MAX)
}

/// How many items occurred before. `ids` is room to sort in.
fn repeated(items: &[Item], ids: &mut Vec<u64>) -> u64 {
    ids.clear();
    ids.extend(items.iter().map(|item| item.id));
    ids.sort_unstable();
    ids.windows(2).filter(|pair| pair.first() == pair.last()).count() as u64
}

/// A mean over no queries.
fn without_queries(id: MetricId) -> Metric {
    let wanted = if id == MetricId::Ndcg { "an item of a relevance above 0" } else { "a relevant item" };
    Metric::without(id, MetricStatus::Undefined, 0, format!("no query has {wanted}"))
}

fn mean(sample: &Sample<'_>, id: MetricId, value: impl Fn(usize) -> f64) -> Metric {
    if sample.n == 0 {
        return without_queries(id);
    }
    sample.mean_metric(id, SHARE, value)
}

/// Share of queries with a hit. It is a count over a count unless a tie at the last place or a weight makes it a mean
/// of probabilities.
fn hit_rate(sample: &Sample<'_>, hit: impl Fn(usize) -> f64) -> Metric {
    let id = MetricId::HitRateAtK;
    if sample.n == 0 {
        return without_queries(id);
    }
    let share = sample.mean(&hit);
    let whole = sample.rows().all(|query| [0.0, 1.0].contains(&hit(query)));
    let hits = (whole && !sample.is_weighted()).then(|| sample.count(|query| hit(query) == 1.0));
    let interval = match hits {
        Some(hits) if sample.is_simple() => interval::wilson(hits, sample.n).ok_or_else(|| NO_VARIANCE.to_owned()),
        _ => effective_interval(sample, share, hit),
    };
    Metric { numerator: hits, ..Metric::of(id, share, sample.n, interval) }
}

fn effective_interval(sample: &Sample<'_>, share: f64, hit: impl Fn(usize) -> f64) -> Result<Interval, String> {
    let error = sample.standard_error(|query| hit(query) - share, sample.total)?;
    if error <= ROUNDING * share {
        return Err(NO_VARIANCE.to_owned());
    }
    let method = sample.method("wilson-effective");
    interval::wilson_effective(share, error, &method).ok_or_else(|| NO_VARIANCE.to_owned())
}

/// Items that some query shows among its first k, over items of all rows. Where ties leave open whether a query shows
/// an item, it is the expected share: for an item, 1 − Π over queries of (1 − the probability that it is shown).
fn coverage(exposure: &mut [(u64, f64)]) -> Metric {
    let id = MetricId::CatalogueCoverage;
    exposure.sort_unstable_by(|left, right| left.0.cmp(&right.0).then_with(|| right.1.total_cmp(&left.1)));
    let (mut items, mut covered, mut whole) = (0_u64, 0_u64, true);
    let mut expected = ExactSum::default();
    for rows in exposure.chunk_by(|left, right| left.0 == right.0) {
        // The certain ones come first, so that what is certainly shown is exactly 1.
        let shown = rows.iter().fold(0.0, |shown, (_, chance)| shown + chance * (1.0 - shown));
        items += 1;
        covered += u64::from(shown == 1.0);
        whole &= rows.iter().all(|(_, chance)| [0.0, 1.0].contains(chance));
        expected.add(shown);
    }
    let no_interval = "it describes the whole catalogue and is no mean over queries".to_owned();
    let metric = Metric::of(id, expected.value() / items as f64, items, Err(no_interval));
    Metric { numerator: whole.then_some(covered), ..metric }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPTIONS: RankingOptions = RankingOptions { k: 2, gain: Gain::Linear, relevant_from: 1.0 };

    /// Columns of rows (query, item, relevance, score, cluster, weight).
    #[derive(Debug, Clone, Default)]
    struct Table {
        query: Vec<u64>,
        item: Vec<u64>,
        relevance: Vec<f64>,
        score: Vec<f64>,
        cluster: Vec<u64>,
        weight: Vec<f64>,
    }

    impl Table {
        fn of(rows: &[(u64, u64, f64, f64, u64, f64)]) -> Self {
            let mut table = Self::default();
            for &(query, item, relevance, score, cluster, weight) in rows {
                table.query.push(query);
                table.item.push(item);
                table.relevance.push(relevance);
                table.score.push(score);
                table.cluster.push(cluster);
                table.weight.push(weight);
            }
            table
        }

        /// Items by number, one cluster a query, weight 1.
        fn simple(rows: &[(u64, f64, f64)]) -> Self {
            let rows = rows.iter().zip(0..);
            Self::of(
                &rows
                    .map(|((query, relevance, score), item)| (*query, item, *relevance, *score, *query, 1.0))
                    .collect::<Vec<_>>(),
            )
        }

        fn rows(&self) -> RankingRows<'_> {
            let Self { query, item, relevance, score, .. } = self;
            RankingRows { query, item: Some(item), relevance, score, cluster: None, weight: None }
        }

        fn all_columns(&self) -> RankingRows<'_> {
            RankingRows { cluster: Some(&self.cluster), weight: Some(&self.weight), ..self.rows() }
        }
    }

    fn value(metrics: &RankingMetrics, id: MetricId) -> f64 {
        let metric = metrics.metrics.get(id).unwrap();
        assert_eq!(metric.status, MetricStatus::Ok, "{id:?}: {metric:?}");
        metric.value.unwrap()
    }

    #[track_caller]
    fn assert_all(metrics: &RankingMetrics, status: MetricStatus, reason: &str) {
        assert_eq!(metrics.metrics.0.len(), IDS.len());
        for (id, metric) in &metrics.metrics.0 {
            assert_eq!((metric.status, metric.value, metric.reason.as_deref()), (status, None, Some(reason)), "{id:?}");
        }
    }

    /// Three queries: relevant at 1 and 3 of 3, at 2 of 2, and none of 2.
    fn example() -> Table {
        Table::simple(&[
            (1, 1.0, 0.9),
            (1, 0.0, 0.8),
            (1, 1.0, 0.7),
            (2, 0.0, 0.9),
            (2, 1.0, 0.1),
            (3, 0.0, 0.9),
            (3, 0.0, 0.1),
        ])
    }

    #[test]
    fn a_small_example_worked_by_hand() {
        let table = example();
        let metrics = metrics(&table.rows(), &OPTIONS);
        let second = 1.0 / 3.0_f64.log2();
        let expected = [
            (MetricId::Ndcg, f64::midpoint(1.0 / (1.0 + second), second), 2),
            (MetricId::MeanAveragePrecision, f64::midpoint(0.5, 0.5), 2),
            (MetricId::MeanReciprocalRank, f64::midpoint(1.0, 0.5), 2),
            (MetricId::PrecisionAtK, 0.5, 2),
            (MetricId::RecallAtK, f64::midpoint(0.5, 1.0), 2),
            (MetricId::HitRateAtK, 1.0, 2),
            (MetricId::CatalogueCoverage, 6.0 / 7.0, 7),
        ];
        for (id, expected, n) in expected {
            assert!((value(&metrics, id) - expected).abs() < 1e-15, "{id:?}");
            assert_eq!(metrics.metrics.get(id).unwrap().n, n, "{id:?}");
        }
        assert_eq!((metrics.queries, metrics.queries_without_relevant, metrics.queries_without_gain), (3, 1, 1));
        assert_eq!((metrics.queries_of_one_item, metrics.tied_queries), (0, 0));
        let hits = metrics.metrics.get(MetricId::HitRateAtK).unwrap();
        assert_eq!((hits.numerator, hits.interval.as_ref().unwrap().method.as_str()), (Some(2), "wilson"));
        assert_eq!(metrics.metrics.get(MetricId::CatalogueCoverage).unwrap().numerator, Some(6));
        let reciprocal = metrics.metrics.get(MetricId::MeanReciprocalRank).unwrap().interval.clone().unwrap();
        // Standard error 0.25; cut off at 1.
        assert_eq!((reciprocal.high, reciprocal.method.as_str()), (1.0, "clt"));
        assert!((reciprocal.low - (0.75 - 0.25 * interval::Z)).abs() < 1e-15);
        let precision = metrics.metrics.get(MetricId::PrecisionAtK).unwrap();
        assert_eq!((&precision.interval, precision.reason.as_deref()), (&None, Some(NO_VARIANCE)));
    }

    #[test]
    fn reciprocal_rank_gives_the_published_example() {
        // Wikipedia, Mean reciprocal rank (after Craswell 2009): first relevant at 3, 2 and 1.
        let rows: Vec<_> = [3, 2, 1]
            .iter()
            .flat_map(|first| (1..=3).map(move |rank| (*first, f64::from(u8::from(rank == *first)), -(rank as f64))))
            .collect();
        let metrics = metrics(&Table::simple(&rows).rows(), &RankingOptions { k: 3, ..OPTIONS });
        assert!((value(&metrics, MetricId::MeanReciprocalRank) - 11.0 / 18.0).abs() < 1e-15);
    }

    #[test]
    fn exponential_gains_are_powers_of_two_less_one() {
        let gains: Vec<f64> = [0.0, 1.0, 3.0, 1e-18].iter().map(|&relevance| Gain::Exponential.of(relevance)).collect();
        assert_eq!(gains, [0.0, 1.0, 7.0, 1e-18 * std::f64::consts::LN_2]);
        let table = Table::simple(&[(1, 1.0, 0.9), (1, 3.0, 0.1), (2, 1.0, 0.9), (2, 0.0, 0.1)]);
        let metrics = metrics(&table.rows(), &RankingOptions { gain: Gain::Exponential, ..OPTIONS });
        let second = 1.0 / 3.0_f64.log2();
        let expected = f64::midpoint((1.0 + 7.0 * second) / (7.0 + second), 1.0);
        assert!((value(&metrics, MetricId::Ndcg) - expected).abs() < 1e-15);
    }

    #[test]
    fn the_two_kinds_of_relevance_leave_out_different_queries() {
        let table = Table::simple(&[(1, 0.5, 0.9), (1, 0.0, 0.1), (2, 2.0, 0.9), (2, 0.0, 0.1)]);
        let from_one = metrics(&table.rows(), &OPTIONS);
        assert_eq!((from_one.queries_without_relevant, from_one.queries_without_gain), (1, 0));
        assert_eq!(from_one.metrics.get(MetricId::Ndcg).unwrap().n, 2);
        assert_eq!(from_one.metrics.get(MetricId::RecallAtK).unwrap().n, 1);
        let nothing = Table::simple(&[(1, 0.0, 0.9), (2, 0.0, 0.1)]);
        let without = metrics(&nothing.rows(), &OPTIONS);
        assert_eq!((without.queries_without_relevant, without.queries_of_one_item), (2, 2));
        let reason = |id| without.metrics.get(id).unwrap().reason.clone().unwrap();
        assert_eq!(reason(MetricId::Ndcg), "no query has an item of a relevance above 0");
        assert_eq!(reason(MetricId::HitRateAtK), "no query has a relevant item");
        assert_eq!(value(&without, MetricId::CatalogueCoverage), 1.0);
        // From 0 on everything is relevant, but nothing has gain.
        let all = metrics(&nothing.rows(), &RankingOptions { relevant_from: 0.0, ..OPTIONS });
        assert_eq!((all.queries_without_relevant, all.queries_without_gain), (0, 2));
        assert_eq!(value(&all, MetricId::MeanAveragePrecision), 1.0);
    }

    #[test]
    fn a_query_of_one_item_counts() {
        let table = Table::simple(&[(1, 1.0, 0.5), (2, 1.0, 0.5), (2, 0.0, 0.9)]);
        let metrics = metrics(&table.rows(), &OPTIONS);
        assert_eq!((metrics.queries, metrics.queries_of_one_item), (2, 1));
        assert_eq!(value(&metrics, MetricId::MeanReciprocalRank), 0.75);
        // Half of two places, although there is one item.
        assert_eq!(value(&metrics, MetricId::PrecisionAtK), 0.5);
    }

    #[test]
    fn what_has_no_rows_or_no_places_is_undefined() {
        assert_all(&metrics(&Table::default().rows(), &OPTIONS), MetricStatus::Undefined, "there are no rows");
        let table = example();
        let no_places = metrics(&table.rows(), &RankingOptions { k: 0, ..OPTIONS });
        assert_all(&no_places, MetricStatus::Undefined, "k is 0");
        let weight = [0.0; 7];
        let no_weight = metrics(&RankingRows { weight: Some(&weight), ..table.rows() }, &OPTIONS);
        assert_all(&no_weight, MetricStatus::Undefined, "every query has the weight 0");
        let unnamed = metrics(&RankingRows { item: None, ..table.rows() }, &OPTIONS);
        assert_eq!(unnamed.metrics.get(MetricId::CatalogueCoverage).unwrap().status, MetricStatus::Undefined);
        assert_eq!(value(&unnamed, MetricId::HitRateAtK), 1.0);
    }

    #[test]
    fn columns_that_contradict_themselves_are_errors() {
        let mut table = example();
        table.weight[2] = 3.0;
        table.cluster[4] = 9;
        table.cluster[6] = 9;
        let reason = "queries with more than one weight: 1; queries in more than one cluster: 2";
        assert_all(&metrics(&table.all_columns(), &OPTIONS), MetricStatus::Error, reason);
        let mut table = example();
        table.item[1] = 2;
        table.item[3] = 2;
        assert_all(
            &metrics(&table.rows(), &OPTIONS),
            MetricStatus::Error,
            "rows that repeat an item of their query: 1",
        );
        let short = RankingRows { score: &table.score[1..], ..table.rows() };
        assert_all(&metrics(&short, &OPTIONS), MetricStatus::Error, "the columns differ in length");
    }

    #[test]
    fn gains_beyond_the_range_of_numbers_are_errors() {
        let table = Table::simple(&[(1, 5000.0, 0.5), (1, 0.5, 0.9)]);
        let metrics = metrics(&table.rows(), &RankingOptions { gain: Gain::Exponential, ..OPTIONS });
        assert_eq!(metrics.metrics.get(MetricId::Ndcg).unwrap().status, MetricStatus::Error);
        assert_eq!(value(&metrics, MetricId::MeanReciprocalRank), 0.5);
    }

    #[test]
    fn a_model_that_says_nothing_is_no_better_than_chance() {
        // The relevant item comes first in the file; minus zero is zero.
        let table = Table::simple(&[(1, 1.0, 0.0), (1, 0.0, -0.0), (1, 0.0, 0.0), (1, 0.0, 0.0)]);
        let metrics = metrics(&table.rows(), &RankingOptions { k: 1, ..OPTIONS });
        for id in &IDS {
            assert_eq!(value(&metrics, *id), 0.25, "{id:?}");
        }
        assert_eq!(metrics.tied_queries, 1);
        assert_eq!(metrics.metrics.get(MetricId::HitRateAtK).unwrap().numerator, None);
        assert_eq!(metrics.metrics.get(MetricId::CatalogueCoverage).unwrap().numerator, None);
    }

    #[test]
    fn queries_of_one_user_are_not_independent() {
        // Both queries of a user have the relevant item first, or both last.
        let rows: Vec<_> = (0..16)
            .flat_map(|query| {
                let first = query / 2 % 2 == 0;
                [(query, f64::from(u8::from(first)), 0.9), (query, f64::from(u8::from(!first)), 0.1)]
            })
            .collect();
        let mut table = Table::simple(&rows);
        let options = RankingOptions { k: 1, ..OPTIONS };
        let interval = |table: &Table, id| {
            let rows = RankingRows { cluster: Some(&table.cluster), ..table.rows() };
            metrics(&rows, &options).metrics.get(id).unwrap().interval.clone()
        };
        let apart = interval(&table, MetricId::PrecisionAtK).unwrap();
        assert_eq!(apart.method, "clt-clustered");
        table.cluster = table.query.iter().map(|query| query / 2).collect();
        let together = interval(&table, MetricId::PrecisionAtK).unwrap();
        // Standard errors √(0.25/7) and √(0.25/15).
        let ratio = (together.high - together.low) / (apart.high - apart.low);
        assert!((ratio - (15.0_f64 / 7.0).sqrt()).abs() < 1e-14, "{ratio}");
        assert_eq!(interval(&table, MetricId::HitRateAtK).unwrap().method, "wilson-effective-clustered");
        table.cluster = vec![5; 32];
        assert_eq!(interval(&table, MetricId::PrecisionAtK), None);
        assert_eq!(interval(&table, MetricId::HitRateAtK), None);
    }

    type Rows = Vec<(u64, u64, f64, f64, u64, f64)>;

    /// Up to eight queries of up to six different items, with few scores and grades.
    fn any_rows() -> impl Strategy<Value = Rows> {
        let query = (prop::collection::btree_map(0_u64..9, (0_u8..4, 0_u8..4), 1..6), 0_u64..3, 0_u8..4);
        prop::collection::vec(query, 0..8).prop_map(|queries| {
            let queries = queries.into_iter().zip(0..);
            let rows = queries.flat_map(|((items, cluster, weight), query)| {
                items.into_iter().map(move |(item, (relevance, score))| {
                    (query, item, f64::from(relevance), f64::from(score) / 3.0, cluster, f64::from(weight) / 3.0)
                })
            });
            rows.collect()
        })
    }

    proptest! {
        #[test]
        fn the_order_of_rows_changes_no_bit(
            (rows, shuffled) in any_rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
            k in 1_u32..8,
            exponential: bool,
        ) {
            let gain = if exponential { Gain::Exponential } else { Gain::Linear };
            let options = RankingOptions { k, gain, ..OPTIONS };
            let text = |rows: &Rows| format!("{:?}", metrics(&Table::of(rows).all_columns(), &options));
            prop_assert_eq!(text(&rows), text(&shuffled));
        }

        #[test]
        fn a_weight_of_two_is_the_query_twice(rows in any_rows(), k in 1_u32..8) {
            let options = RankingOptions { k, ..OPTIONS };
            let heavy: Rows = rows.iter().map(|row| (row.0, row.1, row.2, row.3, row.4, if row.0 % 2 == 0 { 2.0 } else { 1.0 })).collect();
            let mut twice = rows.clone();
            twice.extend(rows.iter().filter(|row| row.0 % 2 == 0).map(|row| (row.0 + 100, row.1, row.2, row.3, row.4, row.5)));
            let (heavy, twice) = (Table::of(&heavy), Table::of(&twice));
            let heavy = metrics(&RankingRows { weight: Some(&heavy.weight), ..heavy.rows() }, &options);
            let twice = metrics(&twice.rows(), &options);
            for id in IDS.iter().filter(|id| **id != MetricId::CatalogueCoverage) {
                let value = |metrics: &RankingMetrics| metrics.metrics.get(*id).unwrap().value;
                prop_assert_eq!(value(&heavy), value(&twice), "{:?}", id);
            }
        }

        #[test]
        fn a_weight_of_zero_is_no_query(rows in any_rows(), k in 1_u32..8) {
            let options = RankingOptions { k, ..OPTIONS };
            let without: Rows = rows.iter().filter(|row| row.5 > 0.0).copied().collect();
            prop_assume!(!without.is_empty());
            let (all, without) = (Table::of(&rows), Table::of(&without));
            prop_assert_eq!(metrics(&all.all_columns(), &options), metrics(&without.all_columns(), &options));
        }

        #[test]
        fn every_value_has_its_range_and_lies_in_its_interval(rows in any_rows(), k in 1_u32..8) {
            let table = Table::of(&rows);
            let metrics = metrics(&table.all_columns(), &RankingOptions { k, ..OPTIONS });
            prop_assert_eq!(metrics.metrics.0.len(), IDS.len());
            for (id, metric) in &metrics.metrics.0 {
                prop_assert_eq!(metric.value.is_some(), metric.status == MetricStatus::Ok);
                prop_assert_eq!(metric.reason.is_some(), metric.value.is_none() || metric.interval.is_none());
                let Some(value) = metric.value else { continue };
                prop_assert!((0.0..=1.0).contains(&value), "{:?} {}", id, value);
                if let Some(interval) = &metric.interval {
                    prop_assert!(interval.low <= value && value <= interval.high, "{:?}", metric);
                }
            }
        }
    }
}
