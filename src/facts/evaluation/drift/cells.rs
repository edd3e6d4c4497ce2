//! Distances of two distributions over the same cells: the bins of a number, or categories.
//!
//! k of the N rows that are judged and l of the M rows of the reference are in a cell; a = k/N and e = l/M are its
//! shares. Differences are taken of the whole numbers k·M and l·N, so that nothing cancels where the shares are nearly
//! the same.

use std::f64::consts::LN_2;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::exact_sum::exact_sum;
use super::super::interval::{Z, interval};
use super::super::metric::{Interval, Metric, MetricStatus};
use super::chi_squared;

/// The share that a population stability index takes for a cell that is empty on one side.
pub(crate) const EMPTY_SHARE: f64 = 1e-4;
/// The probability with which a population stability index is beyond its bound though nothing has moved.
pub(crate) const ALPHA: f64 = 0.05;

pub(super) const NO_TEST_INTERVAL: &str = "the result of a test has no interval";
const NO_VARIANCE: &str = "the estimate of its variance is 0, which says nothing";

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// Numbers between two edges, the upper one included.
    Bin,
    /// One category.
    Category,
    /// The categories of the reference that the baseline does not list one by one, and with them every one that is
    /// new: they cannot be told apart.
    Other,
    /// The categories that the reference does not have.
    New,
    /// Rows without a value.
    Missing,
}

/// A side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What the rows are compared with.
    Reference,
    /// The rows that are judged.
    Current,
}

/// A cell that is empty on one side, where the population stability index takes 0.0001 for its share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplacedCell {
    /// What the cell holds.
    pub kind: CellKind,
    /// The bin as `(lower, upper]`, or the category; empty for the other kinds.
    pub name: String,
    /// The side on which it is empty.
    pub empty: Side,
}

/// A cell with its rows on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) kind: CellKind,
    pub(crate) name: String,
    pub(crate) reference: u64,
    pub(crate) current: u64,
}

impl Cell {
    pub(crate) fn unnamed(kind: CellKind, reference: u64, current: u64) -> Self {
        Self { kind, name: String::new(), reference, current }
    }
}

/// The cells that have rows on at least one side. Both sides have rows.
pub(crate) struct Cells {
    cells: Vec<Cell>,
    reference: u64,
    current: u64,
}

/// The two-sample test of χ².
pub(crate) struct ChiSquared {
    pub(crate) statistic: Metric,
    pub(crate) degrees_of_freedom: u64,
    pub(crate) p_value: Metric,
    pub(crate) smallest_expected: f64,
    pub(crate) cramers_v: Metric,
}

impl Cells {
    /// None where a side has no rows.
    pub(crate) fn new(mut cells: Vec<Cell>) -> Option<Self> {
        cells.retain(|cell| cell.reference > 0 || cell.current > 0);
        let total = |rows: fn(&Cell) -> u64| cells.iter().map(rows).fold(0, u64::saturating_add);
        let (reference, current) = (total(|cell| cell.reference), total(|cell| cell.current));
        (reference > 0 && current > 0).then_some(Self { cells, reference, current })
    }

    /// The cells that are empty on one side.
    pub(crate) fn replaced(&self) -> Vec<ReplacedCell> {
        let replaced = |cell: &Cell| {
            let empty = match (cell.reference, cell.current) {
                (0, _) => Side::Reference,
                (_, 0) => Side::Current,
                _ => return None,
            };
            Some(ReplacedCell { kind: cell.kind, name: cell.name.clone(), empty })
        };
        self.cells.iter().filter_map(replaced).collect()
    }

    /// The population stability index Σ(a − e)·ln(a/e) (Lewis, An Introduction to Credit Scoring, 1994; it is the
    /// divergence of Jeffreys, 1946). A share of zero becomes [`EMPTY_SHARE`], and the others stay as they are.
    ///
    /// The interval is by the delta method, from the variances of the index in the multinomial counts of both sides.
    /// As the index is never negative, its expectation is above the true value by about (B − 1)(1/N + 1/M): the lower
    /// end is taken down by as much. There is no interval where a cell is empty, since nothing is known of its share.
    pub(crate) fn population_stability_index(&self) -> Metric {
        let value = exact_sum(self.cells.iter().map(|cell| self.stability_term(cell)));
        let gradients = |cell: &Cell| {
            let (a, e) = (self.share(cell), self.reference_share(cell));
            let ratio = self.logarithm_of_ratio(cell);
            (ratio - e / a, -ratio - a / e)
        };
        let interval = if self.cells.iter().any(|cell| cell.reference == 0 || cell.current == 0) {
            Err("a cell is empty on one side, and its share was replaced".to_owned())
        } else {
            self.delta_interval(value, self.bias(), f64::INFINITY, gradients)
        };
        Metric::keyed("population_stability_index", value, self.current, interval)
    }

    /// What the index exceeds with a probability of [`ALPHA`] though both sides come from one distribution:
    /// (1/N + 1/M)·χ²(B − 1; 1 − α) for B cells (Yurdakul and Naranjo, Journal of Risk Model Validation 14, 2020).
    /// It is a limit for many rows: with 100 on both sides and ten bins, 8 % are beyond it.
    pub(crate) fn population_stability_bound(&self) -> Metric {
        let key = "population_stability_bound";
        let Some(freedom) = self.degrees_of_freedom() else {
            return self.one_cell(key);
        };
        let value = self.noise() * chi_squared::upper_quantile(ALPHA, freedom);
        Metric::keyed(key, value, self.current, Err("a critical value has no interval".to_owned()))
    }

    /// The divergence of Jensen and Shannon in bits, between 0 and 1, and its square root, the distance (Lin, IEEE
    /// Transactions on Information Theory 37, 1991; Endres and Schindelin, ibid. 49, 2003).
    ///
    /// The interval is by the delta method as that of the population stability index, with the bias
    /// (B − 1)(1/N + 1/M)/(8 ln 2).
    pub(crate) fn jensen_shannon(&self) -> (Metric, Metric) {
        let product = self.product();
        let term = |cell: &Cell| {
            let (k, l) = self.scaled(cell);
            let sum = k.saturating_add(l) as f64;
            sum / product / 4.0 * entropy_of_contrast(difference(k, l) / sum)
        };
        let divergence = exact_sum(self.cells.iter().map(term)).min(1.0);
        let gradients = |cell: &Cell| {
            let (a, e) = (cell.current as f64 / self.current as f64, cell.reference as f64 / self.reference as f64);
            let half_log = |share: f64| if share > 0.0 { libm::log(2.0 * share / (a + e)) / LN_2 / 2.0 } else { 0.0 };
            (half_log(a), half_log(e))
        };
        let interval = self.delta_interval(divergence, self.bias() / (8.0 * LN_2), 1.0, gradients);
        let root = interval.clone().map(|ends| Interval { low: ends.low.sqrt(), high: ends.high.sqrt(), ..ends });
        (
            Metric::keyed("jensen_shannon_divergence_base_2", divergence, self.current, interval),
            Metric::keyed("jensen_shannon_distance_base_2", divergence.sqrt(), self.current, root),
        )
    }

    /// Half of Σ|a − e|: the largest difference of the shares of any set of cells.
    pub(crate) fn total_variation(&self) -> Metric {
        let product = self.product();
        let distance = |cell: &Cell| {
            let (k, l) = self.scaled(cell);
            k.abs_diff(l) as f64 / product
        };
        let value = (exact_sum(self.cells.iter().map(distance)) / 2.0).min(1.0);
        let reason = "the distance has no smooth variance where shares are the same";
        Metric::keyed("total_variation", value, self.current, Err(reason.to_owned()))
    }

    /// The test of homogeneity of the table of two rows and B columns (Pearson 1900, without Yates's correction), both
    /// sides being samples, and Cramér's V corrected for bias (Bergsma, Journal of the Korean Statistical Society 42,
    /// 2013).
    pub(crate) fn chi_squared(&self) -> ChiSquared {
        let product = self.product();
        let term = |cell: &Cell| {
            let (k, l) = self.scaled(cell);
            let difference = k.abs_diff(l) as f64;
            difference / product * (difference / cell_rows(cell))
        };
        let statistic = exact_sum(self.cells.iter().map(term));
        let rows = self.current as f64 + self.reference as f64;
        let smaller = self.current.min(self.reference) as f64;
        let expected = self.cells.iter().map(|cell| cell_rows(cell) / rows * smaller);
        let freedom = self.degrees_of_freedom();
        let metric = |key: &str, value: f64| match freedom {
            Some(_) => Metric::keyed(key, value, self.current, Err(NO_TEST_INTERVAL.to_owned())),
            None => self.one_cell(key),
        };
        ChiSquared {
            statistic: metric("two_sample_chi_squared", statistic),
            degrees_of_freedom: freedom.unwrap_or(0),
            p_value: metric("two_sample_chi_squared_p_value", chi_squared::survival(statistic, freedom.unwrap_or(1))),
            smallest_expected: expected.fold(f64::INFINITY, f64::min),
            cramers_v: self.cramers_v(statistic),
        }
    }

    fn cramers_v(&self, statistic: f64) -> Metric {
        let key = "cramers_v_bias_corrected";
        let Some(freedom) = self.degrees_of_freedom() else {
            return self.one_cell(key);
        };
        let (rows, freedom) = (self.current as f64 + self.reference as f64, freedom as f64);
        let association = (statistic / rows - freedom / (rows - 1.0)).max(0.0);
        // The corrected numbers of columns and of rows of the table, less one.
        let columns = freedom * (1.0 - freedom / (rows - 1.0));
        let sides = 1.0 - 1.0 / (rows - 1.0);
        let most = columns.min(sides);
        if most <= 0.0 {
            let reason = "there are as many cells as rows";
            return Metric::keyed_without(key, MetricStatus::Undefined, self.current, reason);
        }
        let value = (association / most).sqrt().min(1.0);
        let reason = "the statistic is cut off at 0, and its variance there is not known";
        Metric::keyed(key, value, self.current, Err(reason.to_owned()))
    }

    /// B − 1, or none for a single cell.
    fn degrees_of_freedom(&self) -> Option<u64> {
        (self.cells.len() as u64).checked_sub(1).filter(|freedom| *freedom > 0)
    }

    fn one_cell(&self, key: &str) -> Metric {
        Metric::keyed_without(key, MetricStatus::Undefined, self.current, "all rows of both sides are in one cell")
    }

    /// 1/N + 1/M
    fn noise(&self) -> f64 {
        1.0 / self.current as f64 + 1.0 / self.reference as f64
    }

    /// (B − 1)(1/N + 1/M)
    fn bias(&self) -> f64 {
        self.degrees_of_freedom().unwrap_or(0) as f64 * self.noise()
    }

    /// N·M
    fn product(&self) -> f64 {
        (u128::from(self.current) * u128::from(self.reference)) as f64
    }

    /// k·M and l·N
    fn scaled(&self, cell: &Cell) -> (u128, u128) {
        (u128::from(cell.current) * u128::from(self.reference), u128::from(cell.reference) * u128::from(self.current))
    }

    fn share(&self, cell: &Cell) -> f64 {
        if cell.current == 0 { EMPTY_SHARE } else { cell.current as f64 / self.current as f64 }
    }

    fn reference_share(&self, cell: &Cell) -> f64 {
        if cell.reference == 0 { EMPTY_SHARE } else { cell.reference as f64 / self.reference as f64 }
    }

    fn stability_term(&self, cell: &Cell) -> f64 {
        let difference = if cell.current == 0 || cell.reference == 0 {
            self.share(cell) - self.reference_share(cell)
        } else {
            let (k, l) = self.scaled(cell);
            difference(k, l) / self.product()
        };
        difference * self.logarithm_of_ratio(cell)
    }

    /// ln(a/e)
    fn logarithm_of_ratio(&self, cell: &Cell) -> f64 {
        if cell.current == 0 || cell.reference == 0 {
            return libm::log(self.share(cell) / self.reference_share(cell));
        }
        let (k, l) = self.scaled(cell);
        let relative = difference(k, l) / l as f64;
        if relative.abs() < 0.5 { libm::log1p(relative) } else { libm::log(k as f64 / l as f64) }
    }

    /// `value` ± z times its standard error, the lower end less `bias`, within 0 and `most`. `gradients` gives the
    /// derivatives in the shares of a cell, of the rows that are judged and of the reference.
    fn delta_interval(
        &self,
        value: f64,
        bias: f64,
        most: f64,
        gradients: impl Fn(&Cell) -> (f64, f64),
    ) -> Result<Interval, String> {
        let slopes: Vec<(f64, f64)> = self.cells.iter().map(gradients).collect();
        let current = self.cells.iter().zip(&slopes).map(|(cell, slope)| (cell.current, slope.0));
        let reference = self.cells.iter().zip(&slopes).map(|(cell, slope)| (cell.reference, slope.1));
        let variance = variance_of_mean(current, self.current) + variance_of_mean(reference, self.reference);
        // Rounding leaves a residue where all slopes are the same.
        if variance <= 1e-30 {
            return Err(NO_VARIANCE.to_owned());
        }
        let half = Z * variance.sqrt();
        interval((value - bias - half).max(0.0), (value + half).min(most), "delta")
            .ok_or_else(|| NO_VARIANCE.to_owned())
    }
}

/// The variance of the mean of `rows` draws of which so many had each value.
pub(super) fn variance_of_mean(values: impl Iterator<Item = (u64, f64)> + Clone, rows: u64) -> f64 {
    let rows = rows as f64;
    let mean = exact_sum(values.clone().map(|(count, value)| count as f64 * value)) / rows;
    exact_sum(values.map(|(count, value)| count as f64 * (value - mean) * (value - mean))) / rows / rows
}

fn cell_rows(cell: &Cell) -> f64 {
    cell.reference as f64 + cell.current as f64
}

fn difference(left: u128, right: u128) -> f64 {
    let distance = left.abs_diff(right) as f64;
    if left < right { -distance } else { distance }
}

/// (1 + d)·log₂(1 + d) + (1 − d)·log₂(1 − d) for −1 ≤ d ≤ 1, to full relative precision.
fn entropy_of_contrast(d: f64) -> f64 {
    let square = d * d;
    let nats = if square < 0.0625 {
        // Σ d²ⁱ/(i(2i − 1)); the first term that is left out is 1e-18 of the first.
        (1..=13).rev().map(f64::from).fold(0.0, |sum, i| square * (1.0 / (i * (2.0 * i - 1.0)) + sum))
    } else {
        let part = |x: f64| if x > -1.0 { (1.0 + x) * libm::log1p(x) } else { 0.0 };
        part(d) + part(-d)
    };
    nats / LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(reference: &[u64], current: &[u64]) -> Cells {
        let cell = |(reference, current): (&u64, &u64)| Cell::unnamed(CellKind::Category, *reference, *current);
        Cells::new(reference.iter().zip(current).map(cell).collect()).unwrap()
    }

    #[track_caller]
    fn assert_close(value: f64, expected: f64) {
        assert!((value - expected).abs() <= 1e-14 * expected.abs(), "{value:e}, expected {expected:e}");
    }

    #[test]
    fn the_bound_is_that_of_the_table() {
        // Yurdakul, Statistical Properties of Population Stability Index (2018), 10 bins: 16.919 · (1/N + 1/M).
        let ten = |rows: u64| cells(&[rows; 10], &[rows; 10]).population_stability_bound().value.unwrap();
        assert!((ten(100) - 0.0338).abs() < 5e-5);
        assert!((ten(10) - 0.338).abs() < 5e-4);
    }

    #[test]
    fn the_index_of_shares_that_can_be_checked_by_hand() {
        // 0.2·ln 3 twice: 0.4 ↔ 0.1 would be another.
        let metric = cells(&[30, 10], &[10, 30]).population_stability_index();
        assert_close(metric.value.unwrap(), libm::log(3.0));
        assert!(metric.interval.is_some());
        // (0.5 − 1e-4)·ln(0.5/1e-4), and 1 against 0.5.
        let half = cells(&[10, 0], &[5, 5]);
        let metric = half.population_stability_index();
        assert_close(metric.value.unwrap(), 0.5 * libm::log(2.0) + 0.4999 * libm::log(5000.0));
        assert_eq!(metric.interval, None);
        assert_eq!(
            half.replaced(),
            [ReplacedCell { kind: CellKind::Category, name: String::new(), empty: Side::Reference }]
        );
    }

    #[test]
    fn cells_without_rows_do_not_count() {
        let (with, without) = (cells(&[5, 0, 6, 0], &[7, 0, 3, 0]), cells(&[5, 6], &[7, 3]));
        assert_eq!(with.population_stability_bound(), without.population_stability_bound());
        assert_eq!(with.replaced(), []);
    }

    #[test]
    fn the_same_shares_are_no_distance_and_have_no_interval() {
        let same = cells(&[10, 20, 30], &[1, 2, 3]);
        let (divergence, distance) = same.jensen_shannon();
        for metric in [same.population_stability_index(), divergence, distance] {
            assert_eq!((metric.value, metric.interval), (Some(0.0), None), "{}", metric.definition);
        }
        assert_eq!(same.total_variation().value, Some(0.0));
        let test = same.chi_squared();
        assert_eq!((test.statistic.value, test.p_value.value, test.cramers_v.value), (Some(0.0), Some(1.0), Some(0.0)));
        assert_eq!(test.smallest_expected, 1.0);
    }

    #[test]
    fn the_example_of_scipy() {
        // scipy.stats.chi2_contingency, documentation of version 1.17.
        let test = cells(&[10, 10, 20], &[20, 20, 20]).chi_squared();
        assert_close(test.statistic.value.unwrap(), 2.777_777_777_777_777_7);
        assert_close(test.p_value.value.unwrap(), 0.249_352_208_777_296_2);
        assert_eq!((test.degrees_of_freedom, test.smallest_expected), (2, 12.0));
    }

    #[test]
    fn nothing_in_common_is_the_largest_distance() {
        let apart = cells(&[3, 4, 0, 0], &[0, 0, 5, 6]);
        let (divergence, distance) = apart.jensen_shannon();
        assert_eq!((divergence.value, distance.value), (Some(1.0), Some(1.0)));
        assert_eq!(divergence.interval, None);
        assert_eq!(apart.total_variation().value, Some(1.0));
        // scipy.spatial.distance.jensenshannon([1, 0], [½, ½]), documentation of version 1.17, in base e.
        let half = cells(&[1, 0], &[1, 1]).jensen_shannon().1.value.unwrap();
        assert!((half * LN_2.sqrt() - 0.464_501_404_022_458_93).abs() < 1e-15);
    }

    #[test]
    fn one_cell_has_an_index_but_no_test() {
        let one = cells(&[10], &[20]);
        assert_eq!(one.population_stability_index().value, Some(0.0));
        assert_eq!(one.population_stability_bound().status, MetricStatus::Undefined);
        let test = one.chi_squared();
        for metric in [test.statistic, test.p_value, test.cramers_v] {
            assert_eq!(metric.status, MetricStatus::Undefined, "{}", metric.definition);
        }
        assert!(Cells::new(vec![Cell::unnamed(CellKind::Bin, 0, 1)]).is_none());
        // Each row a cell of its own.
        assert_eq!(cells(&[1, 0], &[0, 1]).chi_squared().cramers_v.status, MetricStatus::Undefined);
    }

    #[test]
    fn counts_near_the_end_of_their_range_do_not_overflow() {
        let huge = cells(&[u64::MAX / 2, u64::MAX / 2], &[u64::MAX / 2, u64::MAX / 2 - 1]);
        assert!(huge.population_stability_index().value.unwrap() < 1e-30);
        assert!(huge.jensen_shannon().0.value.unwrap() < 1e-30);
        let beyond = cells(&[u64::MAX, u64::MAX], &[u64::MAX, 1]);
        assert_eq!(beyond.chi_squared().p_value.value, Some(0.0));
        assert!(beyond.total_variation().value.unwrap() <= 1.0);
    }

    #[test]
    fn the_series_meets_the_logarithm() {
        let at = |d: f64| entropy_of_contrast(d);
        assert!((at(0.25 - 1e-15) / at(0.25) - 1.0).abs() < 2e-14);
        assert_eq!(at(1.0), 2.0);
        assert_eq!(at(-0.3), at(0.3));
        assert_close(at(1e-8), 1e-16 / LN_2);
    }
}
