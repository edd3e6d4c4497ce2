//! Expected calibration error, ten bins of equal width, of the positive class.

use super::super::exact_sum::exact_sum;
use super::super::interval;
use super::super::metric::{Interval, Metric, MetricId, MetricStatus};
use super::super::random;
use super::confusion::NO_VARIANCE;

/// Number of bins.
pub(crate) const BINS: usize = 10;

/// Replicates of the simulation behind the interval.
const REPLICATES: usize = 1000;
/// Places of the 2.5 % and 97.5 % quantiles among that many in ascending order, from 0.
const LOW_PLACE: usize = 24;
const HIGH_PLACE: usize = 975;
/// Halvings of the search for an end: to 1e-9 of it.
const HALVINGS: u32 = 30;
/// Doublings to find where to search for it.
const DOUBLINGS_MAX: u32 = 40;

/// The bin of a score in [0, 1]: ⌊10·score⌋ as doubles multiply, and 1 belongs to the last.
pub(crate) fn bin_of(score: f64) -> usize {
    // The cast saturates.
    ((score * BINS as f64) as usize).min(BINS - 1)
}

/// Rows of one bin.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct CalibrationBin {
    pub(crate) rows: u64,
    pub(crate) positives: u64,
    /// Exact sum of scores, rounded once.
    pub(crate) score_sum: f64,
}

/// Σ over bins of (rows of the bin / rows) · |mean score − share of positives|, with an interval by inversion of
/// tests; see [`Gaps::interval`]. The variance of a bin's gap is p(1 − p)/rows with the share of positives
/// p = (positives + ½)/(rows + 1), which is never 0 or 1.
pub(crate) fn calibration_error(bins: &[CalibrationBin; BINS]) -> Metric {
    const ID: MetricId = MetricId::ExpectedCalibrationError;
    let n: u64 = bins.iter().map(|bin| bin.rows).sum();
    if n == 0 {
        return Metric::without(ID, MetricStatus::Undefined, 0, "there are no rows");
    }
    let rows = n as f64;
    let mut gaps = Gaps::default();
    for ((bin, gap), (noise, share)) in
        bins.iter().zip(&mut gaps.gap).zip(gaps.noise.iter_mut().enumerate().zip(&mut gaps.share))
    {
        *gap = (bin.score_sum - bin.positives as f64) / rows;
        *share = bin.rows as f64 / rows;
        let positive = (bin.positives as f64 + 0.5) / (bin.rows as f64 + 1.0);
        let (place, noise) = noise;
        if let Some(diagonal) = noise.get_mut(place) {
            *diagonal = (bin.rows as f64 * positive * (1.0 - positive)).sqrt() / rows;
        }
    }
    gaps.rows = rows;
    Metric::of(ID, gaps.error(), n, gaps.interval("test-inversion"))
}

/// The gaps of the bins, and how uncertain they are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gaps {
    /// Σ (score − label) over the rows of the bin / rows of all bins: the bin's share times its gap.
    pub(crate) gap: [f64; BINS],
    /// Share of rows (of weight) in the bin.
    pub(crate) share: [f64; BINS],
    /// Lower triangle L of the Cholesky factorisation of the covariance LLᵀ of `gap`, given the scores.
    pub(crate) noise: Vec<Vec<f64>>,
    /// Effective number of rows, for the variance that comes from the shares.
    pub(crate) rows: f64,
}

impl Default for Gaps {
    fn default() -> Self {
        Self { gap: [0.0; BINS], share: [0.0; BINS], noise: vec![vec![0.0; BINS]; BINS], rows: 0.0 }
    }
}

impl Gaps {
    /// The expected calibration error.
    pub(crate) fn error(&self) -> f64 {
        exact_sum(self.gap.iter().map(|gap| gap.abs()))
    }

    /// Interval by inversion of tests; see [`test_inversion`].
    pub(crate) fn interval(&self, method: &str) -> Result<Interval, String> {
        let error = self.error();
        // Variance over rows of the size of their bin's gap, for the error is its mean.
        let squares = self.gap.iter().zip(&self.share).filter(|(_, share)| **share > 0.0);
        let square: f64 = squares.map(|(gap, share)| gap * gap / share).sum();
        let share_error = ((square - error * error).max(0.0) / self.rows).sqrt();
        test_inversion(&self.gap, &self.noise, share_error, method)
    }
}

/// Interval of Σ|gap| by inversion of tests. That sum is biased upwards: a perfectly calibrated model too has gaps by
/// chance. So let the true gaps be λ times the observed ones, add normal noise with the covariance of the gaps, and
/// take the error of that: T(λ). The interval goes from the λ at which the observed error is the 97.5 % quantile
/// of T to that at which it is the 2.5 % quantile, times the error. It reaches down to 0 where no gap
/// at all explains the observed error, and up to the error at least.
///
/// `noise` is the lower triangle L of the Cholesky factorisation LLᵀ of the covariance of `gap`, and `share_error` the
/// standard error of the sum that comes from how rows fall into bins.
pub(crate) fn test_inversion(
    gap: &[f64],
    noise: &[Vec<f64>],
    share_error: f64,
    method: &str,
) -> Result<Interval, String> {
    let error = exact_sum(gap.iter().map(|gap| gap.abs()));
    if error <= 0.0 {
        return Err("no bin has a gap that could be scaled".to_owned());
    }
    if !noise.iter().flatten().any(|part| part.abs() > 1e-12 * error) {
        return Err(NO_VARIANCE.to_owned());
    }
    let simulation = Simulation::new(gap, noise, share_error);
    let low = simulation.root(error, HIGH_PLACE) * error;
    let high = simulation.root(error, LOW_PLACE).max(1.0) * error;
    interval::interval(low.min(error), high.min(1.0), method).ok_or_else(|| NO_VARIANCE.to_owned())
}

/// Replicates of the noise.
struct Simulation {
    gap: Vec<f64>,
    /// For each replicate the noise of every bin that has rows.
    noise: Vec<f64>,
    /// For each replicate what the shares of the bins add, for λ = 1.
    shares: Vec<f64>,
}

impl Simulation {
    fn new(gap: &[f64], noise: &[Vec<f64>], share_error: f64) -> Self {
        // A bin without rows has neither gap nor noise.
        let used: Vec<(f64, &Vec<f64>)> = gap
            .iter()
            .zip(noise)
            .filter(|(gap, row)| **gap != 0.0 || row.iter().any(|part| *part != 0.0))
            .map(|(gap, row)| (*gap, row))
            .collect();
        let bins = gap.len();
        let (mut noises, mut shares) = (Vec::with_capacity(REPLICATES * used.len()), Vec::with_capacity(REPLICATES));
        for replicate in 0..REPLICATES {
            let draw = |place: usize| random::normal_quantile(random::uniform((replicate * (bins + 1) + place) as u64));
            let normals: Vec<f64> = (0..bins).map(draw).collect();
            for (_, row) in &used {
                noises.push(row.iter().zip(&normals).map(|(part, normal)| part * normal).sum());
            }
            shares.push(share_error * draw(bins));
        }
        Self { gap: used.iter().map(|(gap, _)| *gap).collect(), noise: noises, shares }
    }

    /// The value at `place` in ascending order of T(λ).
    fn quantile(&self, factor: f64, place: usize) -> f64 {
        let mut errors: Vec<f64> = self
            .noise
            .chunks_exact(self.gap.len().max(1))
            .zip(&self.shares)
            .map(|(noise, share)| {
                let error: f64 = noise.iter().zip(&self.gap).map(|(noise, gap)| (factor * gap + noise).abs()).sum();
                error + factor * share
            })
            .collect();
        let place = place.min(errors.len().saturating_sub(1));
        *errors.select_nth_unstable_by(place, f64::total_cmp).1
    }

    /// The λ at which the quantile of T(λ) at `place` is `error`, or 0 if it is above that already there.
    fn root(&self, error: f64, place: usize) -> f64 {
        if self.quantile(0.0, place) >= error {
            return 0.0;
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..DOUBLINGS_MAX {
            if self.quantile(high, place) >= error {
                break;
            }
            low = high;
            high *= 2.0;
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if self.quantile(middle, place) >= error { high = middle } else { low = middle }
        }
        f64::midpoint(low, high)
    }
}

/// The lower triangle L with LLᵀ = `covariance`, which is positive semidefinite up to rounding. What rounding
/// leaves of a direction without variance is zero.
pub(crate) fn cholesky<R: AsRef<[f64]>>(covariance: &[R]) -> Vec<Vec<f64>> {
    let size = covariance.len();
    let mut lower: Vec<Vec<f64>> = vec![vec![0.0; size]; size];
    let entry = |row: usize, column: usize| {
        covariance.get(row).and_then(|row| row.as_ref().get(column)).copied().unwrap_or(0.0)
    };
    for column in 0..size {
        let rest = |lower: &[Vec<f64>], row: usize| {
            let before = |row: usize| lower.get(row).into_iter().flatten().take(column);
            let known: f64 = before(row).zip(before(column)).map(|(left, right)| left * right).sum();
            entry(row, column) - known
        };
        let pivot = rest(&lower, column);
        if pivot <= 1e-13 * entry(column, column) {
            continue;
        }
        let root = pivot.sqrt();
        for row in column..size {
            let value = if row == column { root } else { rest(&lower, row) / root };
            if let Some(cell) = lower.get_mut(row).and_then(|cells| cells.get_mut(column)) {
                *cell = value;
            }
        }
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bins(filled: &[(usize, u64, u64, f64)]) -> [CalibrationBin; BINS] {
        let mut bins = [CalibrationBin::default(); BINS];
        for &(place, rows, positives, score_sum) in filled {
            bins[place] = CalibrationBin { rows, positives, score_sum };
        }
        bins
    }

    #[test]
    fn bins_are_cut_as_doubles_multiply() {
        assert_eq!([0.0, 0.1, 0.3, 0.299_999_999_999_999_93, 0.999, 1.0].map(bin_of), [0, 1, 3, 2, 9, 9]);
        // 0.7 is below seven tenths, yet ten times it is 7.
        assert_eq!(bin_of(0.7), 7);
    }

    #[test]
    fn the_error_is_the_weighted_gap() {
        let metric = calibration_error(&bins(&[(1, 40, 8, 6.0), (7, 60, 40, 45.0)]));
        assert!((metric.value.unwrap() - 0.07).abs() < 1e-15);
        let interval = metric.interval.unwrap();
        assert!(interval.low < 0.07 && interval.high > 0.07);
        assert_eq!(calibration_error(&bins(&[])).status, MetricStatus::Undefined);
        let exact = calibration_error(&bins(&[(5, 4, 2, 2.0)]));
        assert_eq!((exact.value, exact.interval), (Some(0.0), None));
    }

    #[test]
    fn the_interval_covers_the_truth() {
        // True gaps of 0, 0.01 and 0.1 in every bin; 100 data sets of 2000 rows each.
        for (gap, expected) in [(0.0, 0.0), (0.01, 0.01), (0.1, 0.1)] {
            let mut covered = 0;
            for set in 0..100_u64 {
                let mut drawn = bins(&[]);
                for (place, bin) in drawn.iter_mut().enumerate() {
                    let share = (place as f64 + 0.5) / 10.0;
                    let truth = if place < 5 { share + gap } else { share - gap };
                    let uniform = |row: u64| random::uniform(1_000_000_007 * (set + 1) + row * 10 + place as u64);
                    let positives = (0..200).filter(|row| uniform(*row) < truth).count() as u64;
                    *bin = CalibrationBin { rows: 200, positives, score_sum: 200.0 * share };
                }
                let interval = calibration_error(&drawn).interval.unwrap();
                covered += u32::from(interval.low <= expected && expected <= interval.high);
            }
            assert!(covered >= 90, "{gap}: {covered} of 100");
        }
    }

    #[test]
    fn a_factor_gives_its_matrix_back() {
        // Of rank two: the outer products of two vectors.
        let covariance: [[f64; BINS]; BINS] =
            std::array::from_fn(|row| std::array::from_fn(|column| (row * column) as f64 + 1.0));
        let lower = cholesky(&covariance);
        for (row, expected) in covariance.iter().enumerate() {
            for (column, expected) in expected.iter().enumerate() {
                let product: f64 = lower[row].iter().zip(&lower[column]).map(|(left, right)| left * right).sum();
                assert!((product - expected).abs() < 1e-9, "{row} {column} {product}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_value(
            rows in prop::collection::vec((0_u64..50, 0.0..1.0_f64), BINS),
        ) {
            let filled: Vec<_> = rows.iter().enumerate()
                .map(|(place, (rows, share))| {
                    let score = (place as f64 + 0.5) / 10.0;
                    (place, *rows, (*rows as f64 * share) as u64, *rows as f64 * score)
                })
                .collect();
            let metric = calibration_error(&bins(&filled));
            if let (Some(value), Some(interval)) = (metric.value, metric.interval) {
                prop_assert!(interval.low <= value && value <= interval.high);
            }
        }
    }
}
