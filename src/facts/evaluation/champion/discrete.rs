//! Exact tests on counts: binomial at one half, and hypergeometric.
//!
//! Probabilities are computed by Loader's saddle-point expansion ("Fast and accurate computation of binomial
//! probabilities", 2000), which loses no digits where log-factorials cancel. A tail is summed term by term, and each adds a rounding.

use std::f64::consts::PI;

/// ln(n!) less Stirling's formula, for n from 0 to 15.
const STIRLING_ERRORS: [f64; 16] = [
    0.0,
    0.081_061_466_795_327_26,
    0.041_340_695_955_409_29,
    0.027_677_925_684_998_34,
    0.020_790_672_103_765_093,
    0.016_644_691_189_821_193,
    0.013_876_128_823_070_748,
    0.011_896_709_945_891_77,
    0.010_411_265_261_972_096,
    0.009_255_462_182_712_733,
    0.008_330_563_433_362_87,
    0.007_573_675_487_951_841,
    0.006_942_840_107_209_53,
    0.006_408_994_188_004_207,
    0.005_951_370_112_758_848,
    0.005_554_733_551_962_801,
];

/// ln(n!) − ln(√(2πn) (n/e)ⁿ).
fn stirling_error(n: u64) -> f64 {
    if let Some(error) = usize::try_from(n).ok().and_then(|n| STIRLING_ERRORS.get(n)) {
        return *error;
    }
    let inverse = 1.0 / n as f64;
    let square = inverse * inverse;
    // Bernoulli numbers over 2k(2k − 1); the next term is below 1e-17 from n = 16.
    let terms = [-691.0 / 360_360.0, 1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    terms.iter().fold(0.0, |sum, term| sum * square + term) * inverse
}

/// x ln(x/m) + m − x, without cancellation where x is near m.
fn deviance(x: f64, mean: f64) -> f64 {
    if (x - mean).abs() >= 0.1 * (x + mean) {
        return x * libm::log(x / mean) + mean - x;
    }
    let ratio = (x - mean) / (x + mean);
    let (mut sum, mut power) = ((x - mean) * ratio, 2.0 * x * ratio);
    let square = ratio * ratio;
    for place in 1..1000 {
        power *= square;
        let next = sum + power / f64::from(2 * place + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// P(X = x) for X binomial with n trials of probability p, 0 < p < 1; q = 1 − p, given apart so that neither is rounded.
fn binomial(x: u64, n: u64, p: f64, q: f64) -> f64 {
    if x > n {
        return 0.0;
    }
    let (trials, successes, failures) = (n as f64, x as f64, (n - x) as f64);
    let all_of_one = |chance: f64, other: f64| {
        let exponent =
            if other < 0.1 { -deviance(trials, trials * chance) - trials * other } else { trials * libm::log(chance) };
        libm::exp(exponent)
    };
    if n == 0 {
        return 1.0;
    }
    if x == 0 {
        return all_of_one(q, p);
    }
    if x == n {
        return all_of_one(p, q);
    }
    let exponent = stirling_error(n)
        - stirling_error(x)
        - stirling_error(n - x)
        - deviance(successes, trials * p)
        - deviance(failures, trials * q);
    libm::exp(exponent) * (trials / (2.0 * PI * successes * failures)).sqrt()
}

/// What is added to a sum of falling terms until it no longer changes.
fn falling(first: f64, mut ratio: impl FnMut(u64) -> f64) -> f64 {
    let (mut sum, mut term, mut place) = (first, first, 0_u64);
    loop {
        term *= ratio(place);
        place += 1;
        if sum + term <= sum {
            return sum;
        }
        sum += term;
    }
}

/// A two-sided test that heads and tails are equally probable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SignTest {
    /// Twice the smaller tail, at most 1.
    pub(crate) exact: f64,
    /// That less the probability of what was seen: each tail counts half of it (Lancaster 1961).
    pub(crate) mid: f64,
}

/// Exact test of `heads` and `tails` against a fair coin. Nothing tossed is no evidence: 1.
pub(crate) fn sign_test(heads: u64, tails: u64) -> SignTest {
    let (few, tosses) = (heads.min(tails), heads.saturating_add(tails));
    let here = binomial(few, tosses, 0.5, 0.5);
    let tail = falling(here, |place| {
        let x = few.saturating_sub(place);
        x as f64 / ((tosses - x) as f64 + 1.0)
    });
    SignTest { exact: (2.0 * tail).min(1.0), mid: (2.0 * tail - here).min(1.0) }
}

/// Hypergeometric distribution: `drawn` of a population of `marked` and `plain` ones; how many are marked?
#[derive(Debug, Clone, Copy)]
struct Hypergeometric {
    marked: u64,
    plain: u64,
    drawn: u64,
}

impl Hypergeometric {
    /// P(X = x), as a product of three binomials with the probability of being drawn. Needs 0 < drawn < population.
    fn at(self, x: u64) -> f64 {
        let population = (self.marked + self.plain) as f64;
        let (p, q) = (self.drawn as f64 / population, (self.marked + self.plain - self.drawn) as f64 / population);
        binomial(x, self.marked, p, q) * binomial(self.drawn - x, self.plain, p, q)
            / binomial(self.drawn, self.marked + self.plain, p, q)
    }

    /// P(X = x + 1) / P(X = x).
    fn ratio(self, x: u64) -> f64 {
        let more = (self.marked - x) as f64 * (self.drawn - x) as f64;
        more / ((x + 1) as f64 * (self.plain + x + 1 - self.drawn) as f64)
    }

    /// P(X ≥ x), where the probabilities fall from x on.
    fn upper(self, x: u64) -> f64 {
        let most = self.marked.min(self.drawn);
        falling(self.at(x), |place| if x + place < most { self.ratio(x + place) } else { 0.0 })
    }

    /// P(X ≤ x), where the probabilities fall from x down.
    fn lower(self, x: u64) -> f64 {
        let least = self.drawn.saturating_sub(self.plain);
        falling(self.at(x), |place| if x > least + place { 1.0 / self.ratio(x - place - 1) } else { 0.0 })
    }
}

/// Probabilities within this of each other count as equal, as in R's `fisher.test`.
const TIE: f64 = 1.0 + 1e-7;

/// Fisher's exact test of two rates, two-sided: the probability, given the margins, of every table that is no more
/// probable than this one. 1 if there is only one such table.
pub(crate) fn fisher_exact(left: [u64; 2], right: [u64; 2]) -> f64 {
    let ([left_yes, left_no], [right_yes, right_no]) = (left, right);
    let table = Hypergeometric { marked: left_yes + right_yes, plain: left_no + right_no, drawn: left_yes + left_no };
    let least = table.drawn.saturating_sub(table.plain);
    let most = table.marked.min(table.drawn);
    if least == most {
        return 1.0;
    }
    let here = table.at(left_yes);
    let no_more_probable = |x: u64| table.at(x) <= here * TIE;
    // The probabilities rise up to the mode and fall from there.
    let mode = ((u128::from(table.marked + 1) * u128::from(table.drawn + 1))
        / u128::from(table.marked + table.plain + 2))
    .clamp(u128::from(least), u128::from(most)) as u64;
    if no_more_probable(mode) {
        return 1.0;
    }
    // Below the mode the first x that is more probable, above it the first that is not.
    let below = search(least, mode, |x| !no_more_probable(x));
    let above = search(mode, most + 1, no_more_probable);
    let lower = if below > least { table.lower(below - 1) } else { 0.0 };
    let upper = if above <= most { table.upper(above) } else { 0.0 };
    (lower + upper).min(1.0)
}

/// The first of [low, high) for which `holds`, and `high` if there is none; it holds for all after the first.
fn search(mut low: u64, mut high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn assert_close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() <= 1e-13 * expected, "{actual} {expected}");
    }

    #[test]
    fn the_lady_tasting_tea() {
        // Fisher, The Design of Experiments (1935): 3 of 4 cups right, p = 34/70 two-sided; all right, 2/70.
        assert_close(fisher_exact([3, 1], [1, 3]), 34.0 / 70.0);
        assert_close(fisher_exact([4, 0], [0, 4]), 2.0 / 70.0);
        assert_close(fisher_exact([2, 2], [2, 2]), 1.0);
    }

    #[test]
    fn one_possible_table_is_no_evidence() {
        for (left, right) in [([0, 5], [0, 7]), ([5, 0], [7, 0]), ([0, 0], [3, 4]), ([0, 0], [0, 0])] {
            assert_eq!(fisher_exact(left, right), 1.0);
        }
    }

    #[test]
    fn a_fair_coin() {
        // 2 (1 + 10) / 1024, and without half of each end's outcome.
        assert_close(sign_test(1, 9).exact, 22.0 / 1024.0);
        assert_close(sign_test(1, 9).mid, 12.0 / 1024.0);
        assert_close(sign_test(0, 6).exact, 2.0 / 64.0);
        assert_eq!((sign_test(0, 0).exact, sign_test(7, 7).exact), (1.0, 1.0));
        assert_close(sign_test(7, 7).mid, 1.0);
        assert_eq!(sign_test(0, 100_000).exact, 0.0);
        assert!((sign_test(1 << 30, 1 << 30).mid - 1.0).abs() < 1e-11);
    }

    proptest! {
        #[test]
        fn the_tests_agree_with_whole_numbers(a in 0_u64..9, b in 0_u64..9, c in 0_u64..9, d in 0_u64..9) {
            let choose = |n: u64, k: u64| (0..k).fold(1_u128, |all, i| all * u128::from(n - i) / u128::from(i + 1));
            let (marked, plain, drawn) = (a + c, b + d, a + b);
            let ways = |x: u64| if x <= marked && x <= drawn && drawn - x <= plain {
                choose(marked, x) * choose(plain, drawn - x)
            } else { 0 };
            let tail: u128 = (0..=drawn).map(ways).filter(|ways_x| *ways_x <= ways(a)).sum();
            let expected = tail as f64 / choose(marked + plain, drawn) as f64;
            prop_assert!((fisher_exact([a, b], [c, d]) - expected).abs() < 1e-13 * expected);
            let heads: u128 = (0..=a.min(b)).map(|x| choose(a + b, x)).sum();
            let exact = (2.0 * heads as f64 / (1_u64 << (a + b)) as f64).min(1.0);
            prop_assert!((sign_test(a, b).exact - exact).abs() < 1e-14);
        }
    }
}
