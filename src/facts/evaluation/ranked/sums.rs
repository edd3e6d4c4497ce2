//! Sums over the rows of each cell, of what depends on one row alone.

use serde::{Deserialize, Serialize};

use super::super::binary::calibration::spiegelhalter_terms;
use super::super::binary::calibration_error::{BINS, bin_of};
use super::super::binary::logistic::CLIP;
use super::super::binary::ranking_curve::NEAR_THRESHOLD;
use super::super::fixed::{FixedSum, Scale, WINDOW_TERMS, Window};
use super::logarithm::log;

/// Sums over the valid rows of one cell, or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub(crate) positives: u64,
    pub(crate) negatives: u64,
    pub(crate) true_positives: u64,
    pub(crate) false_positives: u64,
    pub(crate) near_threshold: u64,
    pub(crate) clipped: u64,
    pub(crate) log_loss: FixedSum,
    pub(crate) log_loss_squares: FixedSum,
    /// Σ (p − y)² of the negatives, and of the positives.
    pub(crate) squared_error: [FixedSum; 2],
    /// Σ (p − y)⁴ of the negatives, and of the positives.
    pub(crate) squared_error_squares: [FixedSum; 2],
    /// Σ (y − p)(1 − 2p) of Spiegelhalter's z.
    pub(crate) spiegelhalter: FixedSum,
    /// Σ (1 − 2p)² p (1 − p), its variance.
    pub(crate) spiegelhalter_variance: FixedSum,
    pub(crate) bins: [Bin; BINS],
}

/// Rows whose scores are in one calibration bin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bin {
    pub(crate) rows: u64,
    pub(crate) positives: u64,
    pub(crate) scores: FixedSum,
}

impl Sums {
    /// Adds the sums of other rows.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.positives += other.positives;
        self.negatives += other.negatives;
        self.true_positives += other.true_positives;
        self.false_positives += other.false_positives;
        self.near_threshold += other.near_threshold;
        self.clipped += other.clipped;
        self.log_loss.merge(other.log_loss);
        self.log_loss_squares.merge(other.log_loss_squares);
        for (sum, more) in self.squared_error.iter_mut().zip(other.squared_error) {
            sum.merge(more);
        }
        for (sum, more) in self.squared_error_squares.iter_mut().zip(other.squared_error_squares) {
            sum.merge(more);
        }
        self.spiegelhalter.merge(other.spiegelhalter);
        self.spiegelhalter_variance.merge(other.spiegelhalter_variance);
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            bin.rows += more.rows;
            bin.positives += more.positives;
            bin.scores.merge(more.scores);
        }
    }

    /// Counts rows of a class whose scores are in `band`.
    fn count(&mut self, rows: u64, positive: bool, band: Band) {
        let of_positives = if positive { rows } else { 0 };
        self.positives += of_positives;
        self.negatives += rows - of_positives;
        if band.predicted {
            self.true_positives += of_positives;
            self.false_positives += rows - of_positives;
        }
        self.near_threshold += if band.near == 0 { rows } else { 0 };
        self.clipped += if band.clipped == 0 { 0 } else { rows };
        if let Some(bin) = self.bins.get_mut(band.bin) {
            bin.rows += rows;
            bin.positives += of_positives;
        }
    }

    /// What the terms of a row of a class in `band` are added to.
    fn targets(&mut self, positive: bool, band: Band) -> impl Iterator<Item = &mut FixedSum> {
        let [of_negatives, of_positives] = &mut self.squared_error;
        let [squares_of_negatives, squares_of_positives] = &mut self.squared_error_squares;
        let (squared_error, squares) =
            if positive { (of_positives, squares_of_positives) } else { (of_negatives, squares_of_negatives) };
        let losses = [&mut self.log_loss, &mut self.log_loss_squares, squared_error, squares];
        let calibration = [&mut self.spiegelhalter, &mut self.spiegelhalter_variance];
        let scores = self.bins.get_mut(band.bin).map(|bin| &mut bin.scores);
        losses.into_iter().chain(calibration).chain(scores)
    }
}

/// ln p and ln(1 − p) of the probability p that a score is, clipped.
#[inline(always)]
pub(super) fn logs(score: f64) -> (f64, f64) {
    let kept = score.clamp(CLIP, 1.0 - CLIP);
    (log(kept), log(1.0 - kept))
}

/// What neighbouring scores have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Band {
    /// The calibration bin.
    bin: usize,
    predicted: bool,
    /// Whether the threshold is near: 0, or else the side of it.
    near: i8,
    /// Whether the score is kept as it is for its logarithms: 0, or else the end that it is too near to.
    clipped: i8,
}

impl Band {
    fn of(score: f64, threshold: f64) -> Self {
        let side = |value: f64, low: bool, high: bool| match (low, high) {
            _ if value.is_nan() => 1,
            (true, _) => -1,
            (_, true) => 1,
            (false, false) => 0,
        };
        let distance = score - threshold;
        Self {
            bin: bin_of(score),
            predicted: score >= threshold,
            near: side(distance, distance <= -NEAR_THRESHOLD, distance >= NEAR_THRESHOLD),
            clipped: side(score, score < CLIP, score > 1.0 - CLIP),
        }
    }
}

/// Terms that a row adds to sums, and a place for one more: processors take them two at a time.
const TERMS: usize = 8;

/// Log losses are at most 37 and their squares at most 1300; all others are at most 1.
const SCALE: Scale<TERMS> = Scale::new([36, 31, 42, 42, 42, 42, 42, 42]);

/// The terms of a row, in the order of [`Sums::targets`].
fn terms(score: f64, positive: bool, log_likelihood: f64) -> [f64; TERMS] {
    let error = if positive { 1.0 - score } else { score };
    let square = error * error;
    let (excess, variance) = spiegelhalter_terms(positive, score);
    [-log_likelihood, log_likelihood * log_likelihood, square, square * square, excess, variance, score, 0.0]
}

/// Rows of one class in a cell since the last fold. All are in one band.
#[derive(Debug, Clone, Copy, Default)]
struct Waiting {
    rows: u64,
    terms: Window<TERMS>,
}

/// Sums of every cell, of rows that come in ascending order of their scores.
pub(super) struct CellSums {
    threshold: f64,
    sums: Vec<Sums>,
    /// Of each cell: negatives, positives.
    waiting: Vec<[Waiting; 2]>,
    /// That of the rows that are waiting.
    band: Band,
    /// How many rows are waiting.
    rows: u64,
}

impl CellSums {
    pub(super) fn new(cells: usize, threshold: f64) -> Self {
        Self {
            threshold,
            sums: vec![Sums::default(); cells],
            waiting: vec![Default::default(); cells],
            band: Band::of(0.0, threshold),
            rows: 0,
        }
    }

    /// Takes rows, and the logarithms of each one's score.
    pub(super) fn add(&mut self, rows: &[(u64, u32)], logs: &[(f64, f64)]) {
        let threshold = self.threshold;
        let band_of = |row: &(u64, u32)| Band::of(f64::from_bits(row.0), threshold);
        let (mut rows, mut logs) = (rows, logs);
        while let (Some(first), Some(last)) = (rows.first(), rows.last()) {
            let band = band_of(first);
            let all = rows.len().min(WINDOW_TERMS as usize);
            let end =
                if band_of(last) == band { all } else { rows.partition_point(|row| band_of(row) == band).min(all) };
            let ((taken, rest), (logs_taken, logs_rest)) = (rows.split_at(end.max(1)), logs.split_at(end.max(1)));
            if band != self.band || self.rows + taken.len() as u64 > WINDOW_TERMS {
                self.fold();
                self.band = band;
            }
            self.rows += taken.len() as u64;
            self.add_banded(taken, logs_taken);
            (rows, logs) = (rest, logs_rest);
        }
    }

    fn add_banded(&mut self, rows: &[(u64, u32)], logs: &[(f64, f64)]) {
        for ((key, tag), (log, log_of_rest)) in rows.iter().zip(logs) {
            let (cell, positive) = ((tag >> 1) as usize, tag & 1 == 1);
            let Some([of_negatives, of_positives]) = self.waiting.get_mut(cell) else { continue };
            let waiting = if positive { of_positives } else { of_negatives };
            let terms = terms(f64::from_bits(*key), positive, if positive { *log } else { *log_of_rest });
            waiting.rows += 1;
            if !waiting.terms.add(&terms, &SCALE)
                && let Some(sums) = self.sums.get_mut(cell)
            {
                sums.targets(positive, self.band).zip(terms).for_each(|(sum, term)| sum.add(term));
            }
        }
    }

    /// Moves what is waiting to the sums.
    fn fold(&mut self) {
        for (sums, waiting) in self.sums.iter_mut().zip(&mut self.waiting) {
            for (class, waiting) in waiting.iter_mut().enumerate() {
                let rows = std::mem::take(&mut waiting.rows);
                if rows > 0 {
                    sums.count(rows, class == 1, self.band);
                    waiting.terms.fold(&SCALE, sums.targets(class == 1, self.band));
                }
            }
        }
        self.rows = 0;
    }

    /// The sums of all rows that were taken.
    pub(super) fn finish(mut self) -> Vec<Sums> {
        self.fold();
        self.sums
    }
}
