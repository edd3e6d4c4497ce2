//! All rows in the order of their scores, once, for every slice at a time.
//!
//! Rows are put into buckets of neighbouring scores, each bucket is sorted, and one walk over them in ascending
//! order gives each slice whole numbers from which its ranking metrics follow exactly, ties included. What
//! depends on one row alone is summed for its cell on the way. Everything that is added up is a whole number:
//! the results are the same bits for any order of rows, any chunks and any number of threads. With fewer than 2⁴⁰ rows,
//! of which each takes twelve bytes, none of these numbers leaves its type.

use std::io;
use std::num::NonZeroUsize;
use std::thread;

use serde::{Deserialize, Serialize};

use super::binary::calibration::spiegelhalter_terms;
use super::binary::calibration_error::{BINS, bin_of};
use super::binary::logistic::{CLIP, Compressor, EXACT_GROUPS_MAX, LogitGroup};
use super::binary::ranking_curve::{NEAR_THRESHOLD, ScoreGroup};
use super::fixed::FixedSum;
use super::spill::Spill;
use super::table::{BinaryTable, Block, ROW_BYTES};

/// Bits of a score that choose its fine bin: of 62, as the largest score is 1.
const FINE_BITS: u32 = 20;
pub(crate) const FINE_SHIFT: u32 = 62 - FINE_BITS;
/// Rows that a bucket should have at most: they are sorted in the processor's cache.
const BUCKET_ROWS: u64 = 8192;
/// Buckets there should be at least, where the scores allow it.
const BUCKETS_MIN: u64 = 4096;
/// Rows that wait to be written to a run's temporary file.
const SPILL_ROWS: usize = 4096;
/// Fine bins there are.
const FINE_BINS: usize = (1 << FINE_BITS) + 1;

/// What is asked of the rows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Question {
    /// Predicted positive if the score is at least this.
    pub(crate) threshold: f64,
    /// Of each cell, as many slices as `slices_of_a_cell` says that it is part of, cell by cell.
    pub(crate) slices_of_cells: Vec<u32>,
    /// Slices that each cell is part of.
    pub(crate) slices_of_a_cell: usize,
    /// Slices there are.
    pub(crate) slices: usize,
    /// Threads to work in.
    pub(crate) threads: NonZeroUsize,
    /// Bytes of rows that may be in memory at a time, where they do not all fit.
    pub(crate) memory_bytes: u64,
}

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

    /// Adds a row, of whose score the logarithms are known.
    fn add(&mut self, score: &Score, positive: bool, threshold: f64) {
        let predicted = score.value >= threshold;
        let [sum, sum_of_squares] = [&mut self.squared_error, &mut self.squared_error_squares];
        let ([of_negatives, of_positives], [squares_of_negatives, squares_of_positives]) = (sum, sum_of_squares);
        let (likelihood, error, sum, sum_of_squares) = if positive {
            self.positives += 1;
            self.true_positives += u64::from(predicted);
            (score.log, 1.0 - score.value, of_positives, squares_of_positives)
        } else {
            self.negatives += 1;
            self.false_positives += u64::from(predicted);
            (score.log_of_rest, score.value, of_negatives, squares_of_negatives)
        };
        let square = error * error;
        sum.add(square);
        sum_of_squares.add(square * square);
        self.near_threshold += u64::from((score.value - threshold).abs() < NEAR_THRESHOLD);
        self.clipped += u64::from(score.clipped);
        self.log_loss.add(-likelihood);
        self.log_loss_squares.add(likelihood * likelihood);
        let (excess, variance) = spiegelhalter_terms(positive, score.value);
        self.spiegelhalter.add(excess);
        self.spiegelhalter_variance.add(variance);
        if let Some(bin) = self.bins.get_mut(bin_of(score.value)) {
            bin.rows += 1;
            bin.positives += u64::from(positive);
            bin.scores.add(score.value);
        }
    }
}

/// A score with what is needed of it more than once.
#[derive(Debug, Clone, Copy)]
struct Score {
    value: f64,
    /// ln p of the probability p, clipped.
    log: f64,
    /// ln(1 − p).
    log_of_rest: f64,
    clipped: bool,
}

impl Score {
    fn of(key: u64) -> Self {
        let value = f64::from_bits(key);
        let kept = value.clamp(CLIP, 1.0 - CLIP);
        let clipped = kept.to_bits() != key;
        Self { value, log: libm::log(kept), log_of_rest: libm::log(1.0 - kept), clipped }
    }
}

/// What is known of all rows together beyond their sums: the distinct scores in ascending order, or what is kept of
/// them where there are too many.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Curve {
    /// Every distinct score.
    Exact(Vec<ScoreGroup>),
    /// Neighbouring scores together, and all of them as logits.
    Compressed(Vec<ScoreGroup>, Compressor),
}

impl Curve {
    fn new(rows: u64, edges: &Edges) -> Self {
        if rows <= EXACT_GROUPS_MAX as u64 {
            return Self::Exact(Vec::new());
        }
        let logit_of = |key: u64| {
            let score = Score::of(key);
            score.log - score.log_of_rest
        };
        Self::Compressed(Vec::new(), Compressor::new(logit_of(edges.keys.0), logit_of(edges.keys.1)))
    }

    /// Takes the rows of one score.
    fn add(&mut self, score: &Score, positives: u64, negatives: u64) {
        let (positives, negatives) = (positives as f64, negatives as f64);
        match self {
            Self::Exact(groups) => groups.push(ScoreGroup { score: score.value, positives, negatives }),
            Self::Compressed(groups, logits) => {
                if let Some(group) = groups.last_mut() {
                    group.positives += positives;
                    group.negatives += negatives;
                }
                let logit = score.log - score.log_of_rest;
                logits.add(LogitGroup { logit, rows: positives + negatives, positives });
            }
        }
    }

    /// What comes now are the rows of the next bucket.
    fn begin_bucket(&mut self, score: f64) {
        if let Self::Compressed(groups, _) = self {
            groups.push(ScoreGroup { score, ..ScoreGroup::default() });
        }
    }

    /// Appends the rows that come after these.
    pub(crate) fn append(&mut self, next: Self) {
        match (self, next) {
            (Self::Exact(groups), Self::Exact(more)) => groups.extend(more),
            (Self::Compressed(groups, logits), Self::Compressed(more, more_logits)) => {
                groups.extend(more);
                logits.merge(&more_logits);
            }
            // They are made for the same number of rows.
            (Self::Exact(_), Self::Compressed(..)) | (Self::Compressed(..), Self::Exact(_)) => {}
        }
    }
}

/// What one walk in ascending order says of a slice. m is the number of its positives and n that of its
/// negatives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ranks {
    /// Over the positives: twice the negatives below each, plus those equal to it. Over 2mn this is the area
    /// under the ROC curve.
    pub(crate) wins: u128,
    /// The sum of their squares.
    pub(crate) win_squares: u128,
    /// Over the negatives: the sum of squares of twice the positives below each, plus those equal to it.
    pub(crate) loss_squares: u128,
    /// Over the positives: the precision of a threshold at each.
    pub(crate) precisions: FixedSum,
    /// The largest of |positives up to a score · n − negatives up to it · m|.
    pub(crate) largest_gap: u128,
    /// Distinct scores.
    pub(crate) distinct: u64,
    /// Where the tenth with the highest scores begins.
    pub(crate) decile: Decile,
}

/// The score at which the tenth with the highest scores begins, by what lies at it and above it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decile {
    pub(crate) rows_above: u64,
    pub(crate) positives_above: u64,
    pub(crate) rows_at: u64,
    pub(crate) positives_at: u64,
}

impl Ranks {
    /// Adds those of the scores that come after these.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.wins += other.wins;
        self.win_squares += other.win_squares;
        self.loss_squares += other.loss_squares;
        self.precisions.merge(other.precisions);
        self.largest_gap = self.largest_gap.max(other.largest_gap);
        self.distinct += other.distinct;
        if other.decile.rows_at > 0 {
            self.decile = other.decile;
        }
    }
}

/// A slice while its scores go by in ascending order.
#[derive(Debug, Clone, Copy, Default)]
struct Walk {
    positives: u64,
    negatives: u64,
    positives_below: u64,
    negatives_below: u64,
    /// Rows at the present score.
    positives_at: u64,
    negatives_at: u64,
    /// Positives up to the present score · n − negatives up to it · m.
    gap: i128,
    /// Whether the tenth with the highest scores is still to come.
    before_decile: bool,
    ranks: Ranks,
}

impl Walk {
    /// Begins behind the rows that are below.
    fn begin(&mut self) {
        let below = |positives: u64, of: u64| i128::from(positives) * i128::from(of);
        self.gap = below(self.positives_below, self.negatives) - below(self.negatives_below, self.positives);
        self.before_decile = self.decile_is_to_come();
    }

    fn above(&self) -> u64 {
        self.positives - self.positives_below + self.negatives - self.negatives_below
    }

    fn decile_is_to_come(&self) -> bool {
        10 * self.above() >= self.positives + self.negatives
    }

    /// Leaves the present score behind.
    fn step(&mut self) {
        let (p, q) = (std::mem::take(&mut self.positives_at), std::mem::take(&mut self.negatives_at));
        let ranks = &mut self.ranks;
        if p > 0 {
            let win = 2 * self.negatives_below + q;
            let wins = u128::from(p) * u128::from(win);
            ranks.wins = ranks.wins.wrapping_add(wins);
            ranks.win_squares = ranks.win_squares.wrapping_add(wins.wrapping_mul(u128::from(win)));
            let found = self.positives - self.positives_below;
            let selected = found + self.negatives - self.negatives_below;
            ranks.precisions.add_times(found as f64 / selected as f64, p);
            self.positives_below += p;
            self.gap = self.gap.wrapping_add(i128::from(p) * i128::from(self.negatives));
        }
        if q > 0 {
            let loss = 2 * (self.positives_below - p) + p;
            let squares = (u128::from(q) * u128::from(loss)).wrapping_mul(u128::from(loss));
            ranks.loss_squares = ranks.loss_squares.wrapping_add(squares);
            self.negatives_below += q;
            self.gap = self.gap.wrapping_sub(i128::from(q) * i128::from(self.positives));
        }
        ranks.largest_gap = ranks.largest_gap.max(self.gap.unsigned_abs());
        ranks.distinct += 1;
        if self.before_decile && !self.decile_is_to_come() {
            self.before_decile = false;
            self.ranks.decile = Decile {
                rows_above: self.above(),
                positives_above: self.positives - self.positives_below,
                rows_at: p + q,
                positives_at: p,
            };
        }
    }
}

/// Rows of one part of the data in buckets of neighbouring scores.
struct Buckets {
    keys: Vec<u64>,
    tags: Vec<u32>,
    /// Where each bucket begins, and the end of the last.
    starts: Vec<usize>,
}

/// Rows of each label in a cell: negatives, positives.
pub(crate) type Counts = Vec<[u64; 2]>;

/// Walks over the rows of all `tables`; `renumbered` has, of each table, what its cells are called in the
/// question.
///
/// # Errors
/// A temporary file with rows that did not fit into memory cannot be read or written.
pub(crate) fn rank(
    mut tables: Vec<BinaryTable>,
    renumbered: &[Vec<u32>],
    cells: usize,
    question: &Question,
) -> io::Result<Ranked> {
    let totals = totals(tables.iter().map(|table| &table.counts), renumbered, cells);
    let edges = Edges::of(&fine_counts(&mut tables)?);
    let rows: u64 = totals.iter().flatten().sum();
    let mut walk = Progress::new(question, renumbered, &edges, (totals, vec![[0; 2]; cells]));
    let passes = (rows * ROW_BYTES as u64).div_ceil(question.memory_bytes.max(1)).max(1);
    if passes == 1 || tables.iter().all(|table| table.spill.is_none()) {
        walk.take(tables.into_iter().map(|table| table.blocks).collect());
        return Ok(walk.finish());
    }
    for mut spills in edges.partition(tables, passes)? {
        let mut blocks = Vec::with_capacity(spills.len());
        for spill in &mut spills {
            let mut of_part = Vec::new();
            spill.read(|block| {
                of_part.push(block);
                Ok(())
            })?;
            blocks.push(of_part);
        }
        drop(spills);
        walk.take(blocks);
    }
    Ok(walk.finish())
}

/// Rows of each cell over all parts, of which `renumbered` has what their own cells are called.
pub(crate) fn totals<'a>(parts: impl Iterator<Item = &'a Counts>, renumbered: &[Vec<u32>], cells: usize) -> Counts {
    let mut totals = vec![[0; 2]; cells];
    for (counts, renumbered) in parts.zip(renumbered) {
        for ([own_negatives, own_positives], cell) in counts.iter().zip(renumbered) {
            if let Some([negatives, positives]) = totals.get_mut(*cell as usize) {
                *negatives += own_negatives;
                *positives += own_positives;
            }
        }
    }
    totals
}

/// Walks over the rows of a run alone, which are all those that have its scores. Of each cell there are `totals` in all,
/// and those `before` are below the run. The cells of the block are those of the question.
#[cfg(feature = "cluster")]
pub(crate) fn walk_run(block: Block, edges: &Edges, question: &Question, totals: &Counts, before: Counts) -> Ranked {
    let same: Vec<u32> = (0..totals.len() as u32).collect();
    let renumbered = [same];
    let mut walk = Progress::new(question, &renumbered, edges, (totals.clone(), before));
    walk.take(vec![vec![block]]);
    walk.finish()
}

/// What the walk over all rows comes to.
#[derive(Debug, Clone)]
pub(crate) struct Ranked {
    /// Of each cell.
    pub(crate) sums: Vec<Sums>,
    /// Of each slice.
    pub(crate) ranks: Vec<Ranks>,
    /// Of all rows together.
    pub(crate) curve: Curve,
}

impl Ranked {
    /// No rows yet of those of which there are `totals`.
    pub(crate) fn nothing(totals: &Counts, slices: usize, edges: &Edges) -> Self {
        Self {
            sums: vec![Sums::default(); totals.len()],
            ranks: vec![Ranks::default(); slices],
            curve: Curve::new(totals.iter().flatten().sum(), edges),
        }
    }
}

/// A walk over all rows in ascending order, a run of buckets at a time.
struct Progress<'a> {
    question: &'a Question,
    renumbered: &'a [Vec<u32>],
    edges: &'a Edges,
    /// Rows of each cell.
    totals: Counts,
    /// Rows of each cell that are behind.
    before: Counts,
    sums: Vec<Sums>,
    ranks: Vec<Ranks>,
    curve: Curve,
}

impl<'a> Progress<'a> {
    /// Begins a walk over rows of which there are so many of each cell, and so many behind.
    fn new(
        question: &'a Question,
        renumbered: &'a [Vec<u32>],
        edges: &'a Edges,
        (totals, before): (Counts, Counts),
    ) -> Self {
        let nothing = Ranked::nothing(&totals, question.slices, edges);
        let Ranked { sums, ranks, curve } = nothing;
        Self { question, renumbered, edges, totals, before, sums, ranks, curve }
    }

    fn finish(self) -> Ranked {
        Ranked { sums: self.sums, ranks: self.ranks, curve: self.curve }
    }

    /// Walks over the rows of some buckets, which come after those that were walked over before.
    fn take(&mut self, blocks: Vec<Vec<Block>>) {
        let (edges, cells) = (self.edges, self.totals.len());
        let parts: Vec<Buckets> = thread::scope(|scope| {
            let tasks: Vec<_> = blocks
                .into_iter()
                .zip(self.renumbered)
                .map(|(blocks, renumbered)| scope.spawn(move || edges.distribute(blocks, renumbered)))
                .collect();
            tasks.into_iter().map(join).collect()
        });
        let segments = segments(&parts, edges.buckets, self.question.threads);
        let counts: Vec<Counts> = each(&segments, |range| count(&parts, range.clone(), cells));
        let mut tasks = Vec::with_capacity(segments.len());
        for (segment, counts) in segments.into_iter().zip(&counts) {
            let next = added(self.before.clone(), counts);
            tasks.push((segment, std::mem::replace(&mut self.before, next)));
        }
        let results = each(&tasks, |(range, start)| {
            let curve = Curve::new(self.totals.iter().flatten().sum(), edges);
            let mut walker = Walker::new(self.question, &self.totals, start, curve);
            range.clone().for_each(|bucket| walker.walk(&parts, bucket));
            (walker.sums, walker.walks, walker.curve)
        });
        for (part_sums, part_walks, part_curve) in results {
            self.sums.iter_mut().zip(&part_sums).for_each(|(sums, part)| sums.merge(part));
            self.ranks.iter_mut().zip(&part_walks).for_each(|(ranks, part)| ranks.merge(&part.ranks));
            self.curve.append(part_curve);
        }
    }
}

/// The result of a thread; a panic in it goes on in this one.
fn join<T>(task: thread::ScopedJoinHandle<'_, T>) -> T {
    task.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Does the same for each of `tasks`, at a time.
fn each<Task: Sync, Result: Send>(tasks: &[Task], work: impl Fn(&Task) -> Result + Sync) -> Vec<Result> {
    if let [task] = tasks {
        return vec![work(task)];
    }
    thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = tasks.iter().map(|task| scope.spawn(move || work(task))).collect();
        running.into_iter().map(join).collect()
    })
}

fn added(mut counts: Counts, more: &Counts) -> Counts {
    for ([negatives, positives], [more_negatives, more_positives]) in counts.iter_mut().zip(more) {
        *negatives += more_negatives;
        *positives += more_positives;
    }
    counts
}

/// Rows by the first bits of their scores.
#[derive(Debug, Clone)]
pub(crate) struct FineCounts {
    /// Of each fine bin.
    pub(crate) counts: Vec<u64>,
    /// The lowest and the highest score; the other way round where there is none.
    pub(crate) keys: (u64, u64),
}

impl Default for FineCounts {
    fn default() -> Self {
        Self { counts: vec![0; FINE_BINS], keys: (u64::MAX, 0) }
    }
}

impl FineCounts {
    /// Those of the rows of a table.
    pub(crate) fn of(table: &mut BinaryTable) -> io::Result<Self> {
        let mut fine = Self::default();
        table.each_block(|block| {
            fine.add(block);
            Ok(())
        })?;
        Ok(fine)
    }

    fn add(&mut self, block: &Block) {
        for key in &block.keys {
            self.keys = (self.keys.0.min(*key), self.keys.1.max(*key));
            if let Some(count) = self.counts.get_mut((key >> FINE_SHIFT) as usize) {
                *count += 1;
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.keys = (self.keys.0.min(other.keys.0), self.keys.1.max(other.keys.1));
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
    }
}

/// Those of all tables, each in a thread of its own.
fn fine_counts(tables: &mut [BinaryTable]) -> io::Result<FineCounts> {
    let parts: Vec<FineCounts> = thread::scope(|scope| {
        let tasks: Vec<_> = tables.iter_mut().map(|table| scope.spawn(move || FineCounts::of(table))).collect();
        tasks.into_iter().map(join).collect::<io::Result<_>>()
    })?;
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    parts.for_each(|part| all.merge(&part));
    Ok(all)
}

/// Which bucket a score belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Edges {
    /// Of each fine bin.
    pub(crate) bucket_of: Vec<u32>,
    pub(crate) buckets: usize,
    /// Rows of each bucket.
    pub(crate) rows_of: Vec<u64>,
    /// The lowest and the highest score.
    pub(crate) keys: (u64, u64),
}

impl Edges {
    /// Edges that give each bucket about as many rows, as far as fine bins can tell.
    pub(crate) fn of(fine: &FineCounts) -> Self {
        let keys = if fine.keys.0 <= fine.keys.1 { fine.keys } else { (0, 0) };
        let rows: u64 = fine.counts.iter().sum();
        let bucket_rows = (rows / BUCKETS_MIN).clamp(1, BUCKET_ROWS);
        let mut bucket_of = vec![0_u32; FINE_BINS];
        let mut rows_of = vec![0];
        for (entry, more) in bucket_of.iter_mut().zip(&fine.counts) {
            if rows_of.last().is_some_and(|rows| *rows > 0 && rows + more > bucket_rows) {
                rows_of.push(0);
            }
            if let Some(rows) = rows_of.last_mut() {
                *rows += more;
            }
            *entry = (rows_of.len() - 1) as u32;
        }
        Self { bucket_of, buckets: rows_of.len(), rows_of, keys }
    }

    /// Which run each bucket belongs to, of runs with at most `run_rows` rows. Only one score that very many rows have
    /// makes a run of more.
    pub(crate) fn runs(&self, run_rows: u64) -> Vec<usize> {
        let mut run_of = Vec::with_capacity(self.buckets);
        let (mut run, mut filled) = (0_usize, 0);
        for rows in &self.rows_of {
            if filled > 0 && filled + rows > run_rows {
                run += 1;
                filled = 0;
            }
            filled += rows;
            run_of.push(run);
        }
        run_of
    }

    /// Writes rows to temporary files: of each of at least `passes` runs of buckets with about as many rows, one
    /// file for each table.
    fn partition(&self, tables: Vec<BinaryTable>, passes: u64) -> io::Result<Vec<Vec<Spill>>> {
        let rows: u64 = self.rows_of.iter().sum();
        let run_of = self.runs(rows.div_ceil(passes));
        let run = run_of.last().copied().unwrap_or_default();
        let mut runs: Vec<Vec<Spill>> = (0..=run).map(|_| Vec::new()).collect();
        for table in tables {
            let mut spills: Vec<(Block, Spill)> = Vec::with_capacity(runs.len());
            for _ in 0..runs.len() {
                spills.push((Block::default(), Spill::new()?));
            }
            let mut put = |block: Block| -> io::Result<()> {
                for (key, tag) in block.keys.into_iter().zip(block.tags) {
                    let run = run_of.get(self.bucket(key)).copied().unwrap_or_default();
                    let Some((waiting, spill)) = spills.get_mut(run) else { continue };
                    waiting.keys.push(key);
                    waiting.tags.push(tag);
                    if waiting.keys.len() >= SPILL_ROWS {
                        spill.write(waiting)?;
                        waiting.keys.clear();
                        waiting.tags.clear();
                    }
                }
                Ok(())
            };
            table.blocks.into_iter().try_for_each(&mut put)?;
            if let Some(mut spill) = table.spill {
                spill.read(put)?;
            }
            for (of_run, (waiting, mut spill)) in runs.iter_mut().zip(spills) {
                spill.write(&waiting)?;
                of_run.push(spill);
            }
        }
        Ok(runs)
    }

    fn bucket(&self, key: u64) -> usize {
        self.bucket_of.get((key >> FINE_SHIFT) as usize).map_or(0, |bucket| *bucket as usize)
    }

    /// Puts rows into buckets. Blocks are freed on the way, and memory that is not written to yet is not
    /// there yet: at no time are there two copies of all rows.
    fn distribute(&self, blocks: Vec<Block>, renumbered: &[u32]) -> Buckets {
        let mut starts = vec![0_usize; self.buckets + 1];
        for key in blocks.iter().flat_map(|block| &block.keys) {
            if let Some(count) = starts.get_mut(self.bucket(*key) + 1) {
                *count += 1;
            }
        }
        let mut total = 0;
        for start in &mut starts {
            total += *start;
            *start = total;
        }
        let (mut keys, mut tags) = (vec![0_u64; total], vec![0_u32; total]);
        let mut next = starts.clone();
        for block in blocks {
            for (key, tag) in block.keys.into_iter().zip(block.tags) {
                let cell = renumbered.get((tag >> 1) as usize).copied().unwrap_or_default();
                let Some(place) = next.get_mut(self.bucket(key)) else { continue };
                if let (Some(key_place), Some(tag_place)) = (keys.get_mut(*place), tags.get_mut(*place)) {
                    *key_place = key;
                    *tag_place = (cell << 1) | (tag & 1);
                }
                *place += 1;
            }
        }
        Buckets { keys, tags, starts }
    }
}

impl Buckets {
    /// The rows of buckets.
    fn rows(&self, buckets: std::ops::Range<usize>) -> (&[u64], &[u32]) {
        let start = self.starts.get(buckets.start).copied().unwrap_or_default();
        let end = self.starts.get(buckets.end).copied().unwrap_or_default();
        (self.keys.get(start..end).unwrap_or_default(), self.tags.get(start..end).unwrap_or_default())
    }
}

/// As many runs of buckets as there are threads, of about as many rows.
fn segments(parts: &[Buckets], buckets: usize, threads: NonZeroUsize) -> Vec<std::ops::Range<usize>> {
    let rows_until = |bucket: usize| parts.iter().filter_map(|part| part.starts.get(bucket)).sum::<usize>();
    let total = rows_until(buckets);
    let mut segments = Vec::with_capacity(threads.get());
    let mut start = 0;
    for segment in 1..=threads.get() {
        let goal = (total as u128 * segment as u128 / threads.get() as u128) as usize;
        let mut end = start;
        while end < buckets && (segment == threads.get() || rows_until(end) < goal) {
            end += 1;
        }
        segments.push(start..end);
        start = end;
    }
    segments
}

fn count(parts: &[Buckets], buckets: std::ops::Range<usize>, cells: usize) -> Counts {
    let mut counts = vec![[0; 2]; cells];
    for part in parts {
        for tag in part.rows(buckets.clone()).1 {
            if let Some([negatives, positives]) = counts.get_mut((tag >> 1) as usize) {
                *positives += u64::from(tag & 1);
                *negatives += u64::from(1 - (tag & 1));
            }
        }
    }
    counts
}

/// One thread's walk over a run of buckets.
struct Walker<'a> {
    question: &'a Question,
    sums: Vec<Sums>,
    walks: Vec<Walk>,
    curve: Curve,
    rows: Vec<(u64, u32)>,
    /// Slices that have rows at the present score.
    touched: Vec<u32>,
}

impl<'a> Walker<'a> {
    fn new(question: &'a Question, totals: &Counts, before: &Counts, curve: Curve) -> Self {
        let mut walks = vec![Walk::default(); question.slices];
        let counts = totals.iter().zip(before);
        for (slices, ([negatives, positives], [negatives_below, positives_below])) in
            question.slices_of_cells.chunks(question.slices_of_a_cell.max(1)).zip(counts)
        {
            for slice in slices {
                if let Some(walk) = walks.get_mut(*slice as usize) {
                    walk.positives += positives;
                    walk.negatives += negatives;
                    walk.positives_below += positives_below;
                    walk.negatives_below += negatives_below;
                }
            }
        }
        walks.iter_mut().for_each(Walk::begin);
        let sums = vec![Sums::default(); totals.len()];
        Self { question, sums, walks, curve, rows: Vec::new(), touched: Vec::new() }
    }

    fn walk(&mut self, parts: &[Buckets], bucket: usize) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        for part in parts {
            let (keys, tags) = part.rows(bucket..bucket + 1);
            rows.extend(keys.iter().copied().zip(tags.iter().copied()));
        }
        rows.sort_unstable_by_key(|row| row.0);
        if let Some((key, _)) = rows.first() {
            self.curve.begin_bucket(f64::from_bits(*key));
        }
        for ties in rows.chunk_by(|left, right| left.0 == right.0) {
            match ties {
                [(key, tag)] => self.single(*key, *tag),
                _ => self.tied(ties),
            }
        }
        self.rows = rows;
    }

    fn slices_of(&self, cell: usize) -> &'a [u32] {
        let width = self.question.slices_of_a_cell;
        self.question.slices_of_cells.get(cell * width..(cell + 1) * width).unwrap_or_default()
    }

    fn add_to_cell(&mut self, score: &Score, tag: u32) {
        if let Some(sums) = self.sums.get_mut((tag >> 1) as usize) {
            sums.add(score, tag & 1 == 1, self.question.threshold);
        }
    }

    /// A score that one row has.
    fn single(&mut self, key: u64, tag: u32) {
        let score = Score::of(key);
        self.add_to_cell(&score, tag);
        let positive = u64::from(tag & 1);
        self.curve.add(&score, positive, 1 - positive);
        for slice in self.slices_of((tag >> 1) as usize) {
            if let Some(walk) = self.walks.get_mut(*slice as usize) {
                walk.positives_at = positive;
                walk.negatives_at = 1 - positive;
                walk.step();
            }
        }
    }

    /// A score that several rows have.
    fn tied(&mut self, rows: &[(u64, u32)]) {
        let Some(score) = rows.first().map(|(key, _)| Score::of(*key)) else { return };
        let mut all_positives = 0;
        for (_, tag) in rows {
            self.add_to_cell(&score, *tag);
            let positive = u64::from(tag & 1);
            all_positives += positive;
            for slice in self.slices_of((tag >> 1) as usize) {
                if let Some(walk) = self.walks.get_mut(*slice as usize) {
                    if walk.positives_at + walk.negatives_at == 0 {
                        self.touched.push(*slice);
                    }
                    walk.positives_at += positive;
                    walk.negatives_at += 1 - positive;
                }
            }
        }
        self.curve.add(&score, all_positives, rows.len() as u64 - all_positives);
        for slice in self.touched.drain(..) {
            if let Some(walk) = self.walks.get_mut(slice as usize) {
                walk.step();
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use arrow::array::Float64Array;
    use proptest::prelude::*;

    use super::super::binary::BinaryState;
    use super::super::table::Label;
    use super::*;

    /// A row: its score, whether it is positive, and its group.
    type Row = (f64, bool, u8);

    fn table(rows: &[Row], memory_bytes: u64) -> BinaryTable {
        let mut table = BinaryTable::new(1, memory_bytes);
        for rows in rows.chunks(7) {
            let label = |positive| if positive { Label::Positive } else { Label::Negative };
            let labels: Vec<_> = rows.iter().map(|row| label(row.1)).collect();
            let scores: Float64Array = rows.iter().map(|row| Some(row.0)).collect();
            let values = table.cells.values_mut(0).unwrap();
            let groups = rows.iter().map(|row| values.number(Some(&row.2.to_string())).unwrap()).collect();
            table.add(&labels, &scores, &[groups]).unwrap();
        }
        table
    }

    /// Sums and ranks of all rows, and those of each group in the order of the groups' names.
    fn ranked(parts: &[&[Row]], threads: usize) -> Vec<(Sums, Ranks)> {
        ranked_within(parts, threads, u64::MAX)
    }

    fn ranked_within(parts: &[&[Row]], threads: usize, memory_bytes: u64) -> Vec<(Sums, Ranks)> {
        use super::super::slices::{CommonCells, Groups};
        let tables: Vec<_> = parts.iter().map(|rows| table(rows, memory_bytes)).collect();
        let parts = tables.iter().map(|table| (&table.cells, table.invalid.as_slice()));
        let common = CommonCells::of(parts, 1).unwrap();
        let groups = Groups::of(&common.cells, &[vec![], vec![0]]);
        let question = Question {
            threshold: 0.5,
            slices: groups.groups.len(),
            slices_of_a_cell: 2,
            slices_of_cells: groups.of_cells,
            threads: NonZeroUsize::new(threads).unwrap(),
            memory_bytes,
        };
        let Ranked { sums, ranks, .. } = rank(tables, &common.renumbered, common.cells.len(), &question).unwrap();
        let mut of_slices = vec![Sums::default(); ranks.len()];
        for (line, sums) in question.slices_of_cells.chunks(2).zip(&sums) {
            line.iter().for_each(|slice| of_slices[*slice as usize].merge(sums));
        }
        of_slices.into_iter().zip(ranks).collect()
    }

    /// What is known of rows with these scores.
    pub(crate) fn state(positives: &[f64], negatives: &[f64], threshold: f64) -> (BinaryState, Curve) {
        let rows: Vec<Row> = positives
            .iter()
            .map(|score| (*score, true, 0))
            .chain(negatives.iter().map(|score| (*score, false, 0)))
            .collect();
        let question = Question {
            threshold,
            slices: 1,
            slices_of_a_cell: 1,
            slices_of_cells: vec![0],
            threads: NonZeroUsize::MIN,
            memory_bytes: u64::MAX,
        };
        let ranked = rank(vec![table(&rows, u64::MAX)], &[vec![0]], 1, &question).unwrap();
        (BinaryState { sums: ranked.sums[0], ranks: ranked.ranks[0], ..Default::default() }, ranked.curve)
    }

    /// The same from the definitions, with every pair looked at.
    fn by_definition(rows: &[Row]) -> Ranks {
        let of = |wanted: bool| rows.iter().filter(move |row| row.1 == wanted).map(|row| row.0);
        let twice_below = |score: f64, positive: bool| -> u128 {
            of(positive).map(|other| if other < score { 2 } else { u128::from(other == score) }).sum()
        };
        let wins: Vec<_> = of(true).map(|score| twice_below(score, false)).collect();
        let losses: Vec<_> = of(false).map(|score| twice_below(score, true)).collect();
        let (m, n) = (of(true).count() as u128, of(false).count() as u128);
        let mut precisions = FixedSum::default();
        for score in of(true) {
            let found = of(true).filter(|other| *other >= score).count();
            precisions.add(found as f64 / rows.iter().filter(|row| row.0 >= score).count() as f64);
        }
        let gap = |score: f64| {
            let until = |positive| of(positive).filter(|other| *other <= score).count() as u128;
            (until(true) * n).abs_diff(until(false) * m)
        };
        let mut scores: Vec<_> = rows.iter().map(|row| row.0.to_bits()).collect();
        scores.sort_unstable();
        scores.dedup();
        let above = |score: f64| rows.iter().filter(move |row| row.0 > score);
        let at = |score: f64| rows.iter().filter(move |row| row.0 == score);
        let decile = scores.iter().map(|bits| f64::from_bits(*bits)).find(|score| {
            let (above, at) = (above(*score).count(), at(*score).count());
            10 * above < rows.len() && rows.len() <= 10 * (above + at)
        });
        Ranks {
            wins: wins.iter().sum(),
            win_squares: wins.iter().map(|win| win * win).sum(),
            loss_squares: losses.iter().map(|loss| loss * loss).sum(),
            precisions,
            largest_gap: rows.iter().map(|row| gap(row.0)).max().unwrap_or_default(),
            distinct: scores.len() as u64,
            decile: decile.map_or_else(Decile::default, |score| Decile {
                rows_above: above(score).count() as u64,
                positives_above: above(score).filter(|row| row.1).count() as u64,
                rows_at: at(score).count() as u64,
                positives_at: at(score).filter(|row| row.1).count() as u64,
            }),
        }
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let score =
            prop_oneof![(0_u8..=20).prop_map(|step| f64::from(step) / 20.0), 0.0..=1.0, Just(0.0), Just(1e-300)];
        prop::collection::vec((score, any::<bool>(), 0_u8..4), 0..80)
    }

    proptest! {
        #[test]
        fn every_group_has_what_the_definitions_say(rows in rows()) {
            let found = ranked(&[&rows], 2);
            prop_assert_eq!(found[0].1, by_definition(&rows));
            let mut groups: Vec<_> = rows.iter().map(|row| row.2).collect();
            groups.sort_unstable();
            groups.dedup();
            prop_assert_eq!(found.len(), groups.len() + 1);
            for (group, (sums, ranks)) in groups.iter().zip(&found[1..]) {
                let own: Vec<_> = rows.iter().copied().filter(|row| row.2 == *group).collect();
                prop_assert_eq!(*ranks, by_definition(&own));
                prop_assert_eq!(sums.positives, own.iter().filter(|row| row.1).count() as u64);
            }
        }

        #[test]
        fn order_parts_and_threads_do_not_matter(rows in rows(), split in 0_usize..80, threads in 1_usize..8) {
            let reversed: Vec<_> = rows.iter().rev().copied().collect();
            let (left, right) = reversed.split_at(split.min(rows.len()));
            prop_assert_eq!(ranked(&[left, right], threads), ranked(&[&rows], 1));
        }
    }

    #[test]
    fn many_rows_fill_many_buckets() {
        // A multiplicative congruence gives distinct scores in no order, and labels that lean with them.
        let rows: Vec<Row> = (0..100_000_u64)
            .map(|row| (row, (row * 7_919) % 100_003))
            .map(|(row, place)| (place as f64 / 100_003.0, (place + row * row % 50_000) > 75_000, (row % 3) as u8))
            .collect();
        let found = ranked(&[&rows[..30_000], &rows[30_000..]], 7);
        assert_eq!(found, ranked(&[&rows], 1));
        assert_eq!(found[0].1.distinct, 100_000);
        // With room for a sixth of the rows, they go through temporary files.
        assert_eq!(ranked_within(&[&rows[..70_000], &rows[70_000..]], 2, 200_000), found);
        let thousand: Vec<_> = rows[..1_000].to_vec();
        assert_eq!(ranked(&[&thousand], 3)[0].1, by_definition(&thousand));
    }
}
