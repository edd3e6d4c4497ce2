//! Expected calibration errors of the probabilities of several classes, ten bins of equal width.

use super::super::binary::calibration_error::{BINS, bin_of, cholesky, test_inversion};
use super::super::exact_sum::{ExactSum, exact_sum};
use super::super::metric::{Interval, Metric, MetricId};
use super::super::sample::{Sample, at};
use super::agreement::add_product;

/// Bins over all classes up to which there is an interval: the covariance of their gaps takes the square of that, and
/// a row the square of the number of classes.
const BINS_MAX: usize = 200;

/// The bit that counts 1 in the sums of covariances: they are whole numbers, so that the order of rows is nothing.
const FIXED_BITS: i32 = 100;

/// A probability and whether what it is of happened, by row and column.
pub(crate) trait Forecasts {
    fn columns(&self) -> usize;
    fn probability(&self, row: usize, column: usize) -> f64;
    fn happened(&self, row: usize, column: usize) -> bool;
}

/// Mean over the columns of Σ over bins of |Σ w (probability − happened)| / Σ w.
///
/// The interval is that of [`test_inversion`], over the bins of all columns together: a row's forecasts depend on each
/// other. The covariance of the gaps is that of their influences by row or cluster, and each bin has a quarter of a mean
/// row's squared weight besides, for a bin of equal outcomes is not certain.
pub(crate) fn calibration_error(sample: &Sample<'_>, id: MetricId, forecasts: &impl Forecasts) -> Metric {
    let columns = forecasts.columns();
    let mut gaps = Gaps { forecasts, gap: Vec::new(), mean: Vec::new(), share: columns as f64 * sample.total };
    for column in 0..columns {
        gaps.add(sample, column);
    }
    let value = exact_sum(gaps.gap.iter().map(|gap| gap.abs()));
    Metric::of(id, value, sample.n, gaps.interval(sample, value))
}

struct Gaps<'a, F> {
    forecasts: &'a F,
    /// For each column and bin Σ w (probability − happened) / (columns · Σ w over all rows).
    gap: Vec<f64>,
    /// The same over the weight of the bin: what is between a mean probability and a share.
    mean: Vec<f64>,
    /// What a gap is of.
    share: f64,
}

impl<F: Forecasts> Gaps<'_, F> {
    fn add(&mut self, sample: &Sample<'_>, column: usize) {
        let mut sums: [(ExactSum, ExactSum); BINS] = Default::default();
        for row in sample.rows() {
            let (probability, weight) = (self.forecasts.probability(row, column), sample.weight(row));
            if let Some((gap, mass)) = sums.get_mut(bin_of(probability)) {
                add_product(gap, weight, probability);
                gap.add(if self.forecasts.happened(row, column) { -weight } else { 0.0 });
                mass.add(weight);
            }
        }
        for (gap, mass) in sums {
            let (gap, mass) = (gap.value(), mass.value());
            self.gap.push(gap / self.share);
            self.mean.push(if mass > 0.0 { gap / mass } else { 0.0 });
        }
    }

    fn place(&self, row: usize, column: usize) -> usize {
        column * BINS + bin_of(self.forecasts.probability(row, column))
    }

    /// What a row adds to the gap of its bin beyond the mean of the bin.
    fn influence(&self, row: usize, column: usize) -> f64 {
        let happened = f64::from(u8::from(self.forecasts.happened(row, column)));
        let residual = self.forecasts.probability(row, column) - happened - at(&self.mean, self.place(row, column));
        residual / self.share
    }

    fn interval(&self, sample: &Sample<'_>, value: f64) -> Result<Interval, String> {
        if self.gap.len() > BINS_MAX {
            return Err(format!("there are more than {BINS_MAX} bins over all classes"));
        }
        let columns = self.forecasts.columns();
        let size = |row| (0..columns).map(|column| at(&self.mean, self.place(row, column)).abs()).sum::<f64>();
        let share_error = sample.standard_error(|row| size(row) / columns as f64 - value, sample.total)?;
        let noise = cholesky(&self.covariance(sample));
        test_inversion(&self.gap, &noise, share_error, &sample.method("test-inversion-linearised"))
    }

    fn covariance(&self, sample: &Sample<'_>) -> Vec<Vec<f64>> {
        let mut sums = vec![vec![0_i128; self.gap.len()]; self.gap.len()];
        let mut used = vec![false; self.gap.len()];
        let mut units = 0.0;
        let mut add = |terms: &[(usize, f64)]| {
            units += 1.0;
            for (place, left) in terms {
                for (other, right) in terms {
                    if let Some(sum) = sums.get_mut(*place).and_then(|sums| sums.get_mut(*other)) {
                        *sum += fixed(left * right);
                    }
                }
            }
        };
        let term =
            |row: usize, column: usize| (self.place(row, column), sample.weight(row) * self.influence(row, column));
        let columns = self.forecasts.columns();
        for row in sample.rows() {
            (0..columns)
                .for_each(|column| used.iter_mut().skip(self.place(row, column)).take(1).for_each(|is| *is = true));
        }
        if sample.is_clustered() {
            for rows in sample.clusters() {
                let mut terms = vec![0_i128; self.gap.len()];
                for (place, value) in rows.iter().flat_map(|row| (0..columns).map(|column| term(*row, column))) {
                    terms.iter_mut().skip(place).take(1).for_each(|sum| *sum += fixed(value));
                }
                let terms: Vec<_> = terms.iter().enumerate().filter(|(_, sum)| **sum != 0).collect();
                add(&terms.iter().map(|(place, sum)| (*place, floating(**sum))).collect::<Vec<_>>());
            }
        } else {
            for row in sample.rows() {
                add(&(0..columns).map(|column| term(row, column)).collect::<Vec<_>>());
            }
        }
        let correction = units / (units - 1.0);
        let row = 1.0 / (columns as f64 * sample.n as f64);
        let mut covariance: Vec<Vec<f64>> =
            sums.iter().map(|sums| sums.iter().map(|sum| correction * floating(*sum)).collect()).collect();
        for (place, sums) in covariance.iter_mut().enumerate() {
            if let (Some(variance), Some(true)) = (sums.get_mut(place), used.get(place)) {
                *variance += row * row / 4.0;
            }
        }
        covariance
    }
}

fn fixed(value: f64) -> i128 {
    // The cast saturates; terms are at most 2 and add up to at most 4.
    libm::ldexp(value, FIXED_BITS) as i128
}

fn floating(value: i128) -> f64 {
    libm::ldexp(value as f64, -FIXED_BITS)
}
