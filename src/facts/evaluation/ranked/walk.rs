//! The walk over rows in ascending order of their scores.

use super::super::binary::logistic::LogitColumns;
use super::curve::Curve;
use super::ranks::{Ranks, STRETCH_ROWS, Walk};
use super::sorter::{Part, Sorter};
use super::sums::{CellSums, Sums, logs};
use super::{Counts, Question};

/// One thread's walk over some partitions.
pub(super) struct Walker<'a> {
    question: &'a Question,
    sums: CellSums,
    walks: Vec<Walk>,
    /// Rows since the walks' stretches began.
    stretch_rows: u64,
    curve: Curve,
    sorter: Sorter,
    /// Of each row of a partition, ln p and ln(1 − p) of its score.
    logs: Vec<(f64, f64)>,
    /// The distinct scores of a partition.
    logits: LogitColumns,
    /// Slices that have rows at the present score.
    touched: Vec<u32>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(question: &'a Question, totals: &Counts, before: &Counts, curve: Curve) -> Self {
        let mut walks = vec![Walk::default(); question.slices];
        let lines = question.slices_of_cells.chunks(question.slices_of_a_cell.max(1));
        for (slices, (totals, before)) in lines.zip(totals.iter().zip(before)) {
            for slice in slices {
                if let Some(walk) = walks.get_mut(*slice as usize) {
                    walk.expect(totals, before);
                }
            }
        }
        walks.iter_mut().for_each(Walk::begin);
        Self {
            question,
            sums: CellSums::new(totals.len(), question.threshold),
            walks,
            stretch_rows: 0,
            curve,
            sorter: Sorter::default(),
            logs: Vec::new(),
            logits: LogitColumns::default(),
            touched: Vec::new(),
        }
    }

    /// Walks over the rows of a partition.
    pub(super) fn walk(&mut self, parts: &[Part<'_>], partition: usize) {
        let mut sorter = std::mem::take(&mut self.sorter);
        let rows = sorter.sorted(parts, partition);
        self.logs.clear();
        self.logs.extend(rows.iter().map(|(key, _)| logs(f64::from_bits(*key))));
        self.sums.add(rows, &self.logs);
        let LogitColumns { logits, rows: counts, positives } = &mut self.logits;
        logits.clear();
        counts.clear();
        positives.clear();
        let is_distinct = rows.windows(2).all(|pair| matches!(pair, [left, right] if left.0 != right.0));
        if is_distinct && self.stretch_rows + rows.len() as u64 <= STRETCH_ROWS {
            logits.extend(self.logs.iter().map(|(log, log_of_rest)| log - log_of_rest));
            counts.resize(rows.len(), 1.0);
            positives.extend(rows.iter().map(|(_, tag)| f64::from(tag & 1)));
            self.stretch_rows += rows.len() as u64;
            for (_, tag) in rows {
                self.single(*tag);
            }
        } else {
            self.ties(rows);
        }
        self.curve.add(rows, &self.logits);
        self.sorter = sorter;
    }

    /// Walks over rows some of which have the same score.
    fn ties(&mut self, rows: &[(u64, u32)]) {
        let mut place = 0;
        for ties in rows.chunk_by(|left, right| left.0 == right.0) {
            if self.stretch_rows + ties.len() as u64 > STRETCH_ROWS {
                self.walks.iter_mut().for_each(Walk::fold);
                self.stretch_rows = 0;
            }
            let fits = ties.len() as u64 <= STRETCH_ROWS;
            self.stretch_rows += if fits { ties.len() as u64 } else { 0 };
            let positives = match ties {
                [(_, tag)] => self.single(*tag),
                _ => self.tied(ties, fits),
            };
            if let Some((log, log_of_rest)) = self.logs.get(place) {
                self.logits.logits.push(log - log_of_rest);
                self.logits.rows.push(ties.len() as f64);
                self.logits.positives.push(positives as f64);
            }
            place += ties.len();
        }
    }

    /// Sums and ranks of the rows that were walked over, and their curve.
    pub(super) fn finish(mut self) -> (Vec<Sums>, Vec<Ranks>, Curve) {
        self.walks.iter_mut().for_each(Walk::fold);
        (self.sums.finish(), self.walks.into_iter().map(|walk| walk.ranks).collect(), self.curve)
    }

    fn slices_of(&self, cell: usize) -> &'a [u32] {
        let width = self.question.slices_of_a_cell;
        self.question.slices_of_cells.get(cell * width..(cell + 1) * width).unwrap_or_default()
    }

    /// A score that one row has. Returns how many positives have it.
    fn single(&mut self, tag: u32) -> u64 {
        let positive = tag & 1;
        for slice in self.slices_of((tag >> 1) as usize) {
            if let Some(walk) = self.walks.get_mut(*slice as usize) {
                if positive == 1 { walk.positive() } else { walk.negative() }
            }
        }
        u64::from(positive)
    }

    /// A score that several rows have, which may be too many for a stretch. Returns how many positives have it.
    fn tied(&mut self, rows: &[(u64, u32)], fits: bool) -> u64 {
        let mut positives = 0;
        for (_, tag) in rows {
            let positive = tag & 1 == 1;
            positives += u64::from(positive);
            for slice in self.slices_of((tag >> 1) as usize) {
                if self.walks.get_mut(*slice as usize).is_some_and(|walk| walk.meet(positive)) {
                    self.touched.push(*slice);
                }
            }
        }
        for slice in self.touched.drain(..) {
            if let Some(walk) = self.walks.get_mut(slice as usize) {
                if fits { walk.step() } else { walk.leap() }
            }
        }
        positives
    }
}
