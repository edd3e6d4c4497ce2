//! Measures of one ranking in which items may be tied: their expectation over a random order of the tied items.
//!
//! A measure of a sorted list depends on how a sort happens to break ties, and a model that gives every item the same
//! score would be as good as the file's order. The expectation does not; it has closed forms (McSherry and Najork,
//! Computing information retrieval performance measures efficiently in the presence of tied scores, ECIR 2008).

/// An item of a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Item {
    /// Higher is nearer the top.
    pub(crate) score: f64,
    /// What it is worth in the first place.
    pub(crate) gain: f64,
    /// Whether it is relevant to the query.
    pub(crate) relevant: bool,
    /// Id, if there are any.
    pub(crate) id: u64,
}

/// Items of equal score, which take `size` successive places in any order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tie {
    /// Items above.
    before: usize,
    size: usize,
    /// Relevant items above.
    relevant_before: usize,
    relevant: usize,
    /// Sum of gains.
    gain: f64,
}

impl Tie {
    /// Its places among the first `k`, counted from 0.
    fn places(&self, k: usize) -> std::ops::Range<usize> {
        self.before..k.min(self.before + self.size)
    }

    /// How many of its places are among the first `k`.
    fn shown(&self, k: usize) -> usize {
        self.places(k).len()
    }
}

/// The places of a ranking, from 0: 1/log₂(place + 2) (Järvelin and Kekäläinen, ACM TOIS 20, 2002).
#[derive(Debug, Default)]
pub(crate) struct Discounts(Vec<f64>);

impl Discounts {
    /// The discounts of the first places.
    fn first(&mut self, places: usize) -> &[f64] {
        for place in self.0.len()..places {
            self.0.push(1.0 / libm::log2(place as f64 + 2.0));
        }
        self.0.get(..places).unwrap_or(&self.0)
    }
}

/// One query's items in the order of their scores.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TiedRanking<'a> {
    items: &'a [Item],
    ties: Vec<Tie>,
    relevant: usize,
}

impl<'a> TiedRanking<'a> {
    /// Sorts the items by falling score, and those of equal score by falling gain, so that sums over them do not
    /// depend on the order they come in.
    pub(crate) fn new(items: &'a mut [Item]) -> Self {
        items.sort_unstable_by(|left, right| {
            right.score.total_cmp(&left.score).then_with(|| right.gain.total_cmp(&left.gain))
        });
        let (mut before, mut relevant_before) = (0, 0);
        let ties = items.chunk_by(|left, right| left.score == right.score).map(|tied| {
            let relevant = tied.iter().filter(|item| item.relevant).count();
            let gain = tied.iter().map(|item| item.gain).sum();
            let tie = Tie { before, size: tied.len(), relevant_before, relevant, gain };
            before += tie.size;
            relevant_before += relevant;
            tie
        });
        let ties = ties.collect();
        Self { items, ties, relevant: relevant_before }
    }

    /// Items.
    pub(crate) fn items(&self) -> usize {
        self.items.len()
    }

    /// Relevant items.
    pub(crate) fn relevant(&self) -> usize {
        self.relevant
    }

    /// Whether two items have the same score.
    pub(crate) fn is_tied(&self) -> bool {
        self.ties.len() < self.items.len()
    }

    /// Normalised discounted cumulative gain of the first `k`: Σ gain · discount over the same sum for the items in
    /// the order of falling gain. None if there is no gain; not a number if gains are not finite.
    pub(crate) fn ndcg(&self, k: usize, discounts: &mut Discounts) -> Option<f64> {
        let mut gains: Vec<f64> = self.items.iter().map(|item| item.gain).collect();
        gains.sort_unstable_by(|left, right| right.total_cmp(left));
        // The ratio does not depend on the unit of gains. With the largest as the unit no sum leaves the range of
        // numbers, at either end.
        let unit = gains.first().copied().filter(|largest| *largest != 0.0)?;
        let discounts = discounts.first(k.min(gains.len()));
        let ideal: f64 = gains.iter().zip(discounts).map(|(gain, discount)| gain / unit * discount).sum();
        let gained = self.ties.iter().take_while(|tie| tie.before < k).map(|tie| {
            let discounts = discounts.get(tie.places(k)).unwrap_or_default();
            tie.gain / unit / tie.size as f64 * discounts.iter().sum::<f64>()
        });
        let share = gained.sum::<f64>() / ideal;
        // Rounding may leave a perfect ranking above 1. (`f64::min` would turn NaN into 1.)
        Some(if share > 1.0 { 1.0 } else { share })
    }

    /// Expected average precision of the first `k`: Σ over the places of relevant items of the precision down to
    /// there, over min(k, relevant), the most that there could be: a perfect ranking has 1 at any k. (trec_eval's
    /// map_cut divides by all relevant items.) None without relevant items.
    ///
    /// At the offset o in a tie of m items, r of them relevant, below R relevant items, an item is relevant with
    /// probability r/m, and then R + 1 + o·(r−1)/(m−1) items are expected to be relevant down to it.
    pub(crate) fn average_precision(&self, k: usize) -> Option<f64> {
        let mut sum = 0.0;
        for tie in self.ties.iter().take_while(|tie| tie.before < k).filter(|tie| tie.relevant > 0) {
            let chance = tie.relevant as f64 / tie.size as f64;
            let step = if tie.size > 1 { (tie.relevant as f64 - 1.0) / (tie.size as f64 - 1.0) } else { 0.0 };
            for (offset, place) in tie.places(k).enumerate() {
                let found = tie.relevant_before as f64 + 1.0 + offset as f64 * step;
                sum += chance * found / (place as f64 + 1.0);
            }
        }
        (self.relevant > 0).then(|| (sum / k.min(self.relevant) as f64).min(1.0))
    }

    /// Expected 1/rank of the first relevant item, or 0 where that is not among the first `k`.
    pub(crate) fn reciprocal_rank(&self, k: usize) -> f64 {
        self.first_relevant(k, |place| 1.0 / (place as f64 + 1.0)).min(1.0)
    }

    /// Probability that a relevant item is among the first `k`.
    pub(crate) fn hit(&self, k: usize) -> f64 {
        match self.ties.iter().find(|tie| tie.relevant > 0) {
            // Fewer items are irrelevant than there are places: one of them holds a relevant item.
            Some(tie) if tie.size - tie.relevant < tie.shown(k) => 1.0,
            Some(_) => self.first_relevant(k, |_| 1.0).min(1.0),
            None => 0.0,
        }
    }

    /// Σ over the first `k` places of `value` times the probability that the first relevant item is there.
    ///
    /// Of a tie of m items, r of them relevant, the first relevant item is at the offset o with probability
    /// C(m−1−o, r−1)/C(m, r): r/m for o = 0, and each next one is (m−o−r)/(m−o−1) of that before.
    fn first_relevant(&self, k: usize, value: impl Fn(usize) -> f64) -> f64 {
        let Some(tie) = self.ties.iter().find(|tie| tie.relevant > 0) else { return 0.0 };
        let (size, relevant) = (tie.size as f64, tie.relevant as f64);
        let mut chance = relevant / size;
        let mut sum = 0.0;
        for (offset, place) in tie.places(k).enumerate() {
            sum += chance * value(place);
            let left = size - offset as f64;
            if left <= relevant {
                break;
            }
            chance *= (left - relevant) / (left - 1.0);
        }
        sum
    }

    /// Expected number of relevant items among the first `k`.
    pub(crate) fn found(&self, k: usize) -> f64 {
        let ties = self.ties.iter().take_while(|tie| tie.before < k);
        ties.map(|tie| tie.relevant as f64 * tie.shown(k) as f64 / tie.size as f64).sum()
    }

    /// Each item's id with the probability that it is among the first `k`.
    pub(crate) fn exposure(&self, k: usize) -> impl Iterator<Item = (u64, f64)> {
        let ties = self.items.chunk_by(|left, right| left.score == right.score).zip(&self.ties);
        ties.flat_map(move |(items, tie)| {
            let chance = tie.shown(k) as f64 / tie.size as f64;
            items.iter().map(move |item| (item.id, chance))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn items(scores: &[f64], gains: &[f64]) -> Vec<Item> {
        let items = scores.iter().zip(gains).zip(0..);
        items.map(|((score, gain), id)| Item { score: *score, gain: *gain, relevant: *gain > 0.0, id }).collect()
    }

    fn ndcg(scores: &[f64], gains: &[f64], k: usize) -> f64 {
        TiedRanking::new(&mut items(scores, gains)).ndcg(k, &mut Discounts::default()).unwrap()
    }

    #[track_caller]
    fn assert_close(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() <= tolerance, "{value} instead of {expected}");
    }

    /// Every order of `items` in which scores fall.
    fn orders(items: &[Item]) -> Vec<Vec<Item>> {
        let Some(top) = items.iter().map(|item| item.score).max_by(f64::total_cmp) else { return vec![Vec::new()] };
        let firsts = (0..items.len()).filter(|place| items[*place].score == top);
        let with_first = firsts.flat_map(|place| {
            let mut rest = items.to_vec();
            let first = rest.remove(place);
            orders(&rest).into_iter().map(move |order| std::iter::once(first).chain(order).collect())
        });
        with_first.collect()
    }

    /// Average precision, reciprocal rank, hit and found of one order, from their definitions.
    fn measures(order: &[Item], k: usize) -> [f64; 4] {
        let relevant = order.iter().filter(|item| item.relevant).count();
        let found = |places: usize| order.iter().take(places).filter(|item| item.relevant).count() as f64;
        let hits: Vec<usize> = (1..=k.min(order.len())).filter(|rank| order[rank - 1].relevant).collect();
        let precisions: f64 = hits.iter().map(|rank| found(*rank) / *rank as f64).sum();
        let first = hits.first().map_or(0.0, |rank| 1.0 / *rank as f64);
        let hit = if hits.is_empty() { 0.0 } else { 1.0 };
        [precisions / k.min(relevant) as f64, first, hit, found(k)]
    }

    #[test]
    fn ndcg_gives_the_published_examples() {
        // scikit-learn 1.9, documentation of ndcg_score.
        let relevance = [10.0, 0.0, 0.0, 1.0, 5.0];
        assert_close(ndcg(&[0.1, 0.2, 0.3, 4.0, 70.0], &relevance, 5), 0.69569, 5e-6);
        assert_close(ndcg(&[0.05, 1.1, 1.0, 0.5, 0.0], &relevance, 5), 0.49368, 5e-6);
        assert_close(ndcg(&[0.05, 1.1, 1.0, 0.5, 0.0], &relevance, 4), 0.35202, 5e-6);
        assert_eq!(ndcg(&relevance, &relevance, 4), 1.0);
        assert_eq!(ndcg(&[1.0, 0.0, 0.0, 0.0, 1.0], &relevance, 1), 0.75);
        // Wikipedia, Discounted cumulative gain: DCG 6.861 of 7.141.
        assert_close(ndcg(&[6.0, 5.0, 4.0, 3.0, 2.0, 1.0], &[3.0, 2.0, 3.0, 0.0, 1.0, 2.0], 6), 6.861 / 7.141, 1e-4);
    }

    #[test]
    fn average_precision_gives_the_published_examples() {
        // The tests of Kaggle's ml_metrics (benhamner/Metrics, test_average_precision.py). First an irrelevant item,
        // then one of five relevant ones; what was not predicted has the lowest scores here.
        let average = |relevant: &[f64], k| {
            let scores: Vec<f64> = (0..relevant.len()).map(|place| -(place as f64)).collect();
            TiedRanking::new(&mut items(&scores, relevant)).average_precision(k).unwrap()
        };
        assert_eq!(average(&[0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0], 2), 0.25);
        let three = [[1.0, 0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 0.0, 0.0]];
        assert_close(
            three.iter().map(|relevant| average(relevant, 3)).sum::<f64>() / 3.0,
            0.685_185_185_185_185,
            1e-15,
        );
    }

    #[test]
    fn the_unit_of_gains_does_not_matter() {
        let (scores, gains) = ([4.0, 3.0, 3.0, 1.0], [1.0, 0.0, 2.0, 3.0]);
        let usual = ndcg(&scores, &gains, 3);
        for unit in [5e-324, 1e-300, 5e307] {
            assert_close(ndcg(&scores, &gains.map(|gain| gain * unit), 3), usual, 1e-15);
        }
        assert!(ndcg(&[2.0, 1.0], &[f64::INFINITY, 1.0], 2).is_nan());
    }

    #[test]
    fn nothing_to_find_has_no_measure() {
        let mut items = items(&[1.0, 2.0], &[0.0, 0.0]);
        let ranking = TiedRanking::new(&mut items);
        assert_eq!((ranking.ndcg(2, &mut Discounts::default()), ranking.average_precision(2)), (None, None));
        let mut none = [];
        let ranking = TiedRanking::new(&mut none);
        assert_eq!((ranking.ndcg(2, &mut Discounts::default()), ranking.average_precision(2)), (None, None));
        assert_eq!((ranking.hit(2), ranking.reciprocal_rank(2), ranking.found(2)), (0.0, 0.0, 0.0));
    }

    #[test]
    fn a_large_tie_is_exact() {
        // One relevant item among a million: found among the first with probability 1e-6 · k.
        let mut million: Vec<Item> =
            (0..1_000_000).map(|id| Item { score: 0.0, gain: 0.0, relevant: id == 5, id }).collect();
        let ranking = TiedRanking::new(&mut million);
        assert_close(ranking.hit(7), 7e-6, 1e-20);
        assert_close(ranking.found(7), 7e-6, 1e-20);
        assert_close(ranking.reciprocal_rank(2), 1.5e-6, 1e-20);
        assert_close(ranking.average_precision(2).unwrap(), 1.5e-6, 1e-20);
        assert_eq!(ranking.hit(1_000_000), 1.0);
    }

    #[test]
    fn exposure_is_shared_by_a_tie_at_the_last_place() {
        let mut items = items(&[3.0, 2.0, 2.0, 2.0, 1.0], &[0.0; 5]);
        let mut exposure: Vec<_> = TiedRanking::new(&mut items).exposure(3).collect();
        exposure.sort_by_key(|(id, _)| *id);
        let share = 2.0 / 3.0;
        assert_eq!(exposure, [(0, 1.0), (1, share), (2, share), (3, share), (4, 0.0)]);
    }

    proptest! {
        #[test]
        fn a_measure_is_its_mean_over_all_orders_of_the_tied(
            drawn in prop::collection::vec((0_u8..3, 0_u8..4), 1..7),
            k in 1_usize..8,
        ) {
            let scores: Vec<f64> = drawn.iter().map(|(score, _)| f64::from(*score)).collect();
            let gains: Vec<f64> = drawn.iter().map(|(_, gain)| f64::from(gain.saturating_sub(1))).collect();
            let mut items = items(&scores, &gains);
            let orders = orders(&items);
            prop_assume!(gains.iter().any(|gain| *gain > 0.0));
            let mean = |measure: &dyn Fn(&[Item]) -> f64| {
                orders.iter().map(|order| measure(order)).sum::<f64>() / orders.len() as f64
            };
            let dcg = |order: &[Item]| {
                let terms = order.iter().zip(0..k).map(|(item, place)| item.gain / (place as f64 + 2.0).log2());
                terms.sum::<f64>()
            };
            let mut best = items.clone();
            best.sort_by(|left, right| right.gain.total_cmp(&left.gain));
            let expected: Vec<f64> = (0..4).map(|measure| mean(&|order| measures(order, k)[measure])).collect();
            let expected_ndcg = mean(&dcg) / dcg(&best);

            let ranking = TiedRanking::new(&mut items);
            let average_precision = ranking.average_precision(k).unwrap();
            let computed = [average_precision, ranking.reciprocal_rank(k), ranking.hit(k), ranking.found(k)];
            for (computed, expected) in computed.iter().zip(&expected) {
                prop_assert!((computed - expected).abs() < 1e-13, "{:?} {:?}", computed, expected);
            }
            prop_assert!((ranking.ndcg(k, &mut Discounts::default()).unwrap() - expected_ndcg).abs() < 1e-13);
        }
    }
}
