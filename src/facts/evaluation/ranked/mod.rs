//! All rows in the order of their scores, once, for every slice at a time.
//!
//! Rows are put into buckets of neighbouring scores, each bucket is sorted, and one walk over them in ascending
//! order gives each slice whole numbers from which its ranking metrics follow exactly, ties included. What
//! depends on one row alone is summed for its cell on the way. Everything that is added up is a whole number:
//! the results are the same bits for any order of rows, any chunks and any number of threads. With fewer than 2⁴⁰ rows,
//! of which each takes twelve bytes, none of these numbers leaves its type.

mod buckets;
mod curve;
mod logarithm;
mod ranks;
mod sorter;
mod sums;
mod walk;

use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::thread;

use serde::{Deserialize, Serialize};

#[cfg(feature = "cluster")]
pub(crate) use self::buckets::FINE_SHIFT;
use self::buckets::bucket_rows;
pub(crate) use self::buckets::{Edges, FineCounts};
pub(crate) use self::curve::Curve;
pub(crate) use self::ranks::Ranks;
use self::sorter::Part;
pub(crate) use self::sums::Sums;
use self::walk::Walker;
use super::partitions::{PARTITIONS, Partitions};
#[cfg(feature = "cluster")]
use super::table::Block;
use super::table::{BinaryTable, ROW_BYTES};

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
    let rows: u64 = totals.iter().flatten().sum();
    let before = vec![[0; 2]; cells];
    if tables.iter().all(|table| table.spill.is_none()) {
        let parts: Vec<Partitions> = tables.into_iter().map(|table| table.rows).collect();
        let mut walk = Progress::new(question, renumbered, ends(&parts), (totals, before));
        walk.take(parts);
        return Ok(walk.finish());
    }
    let edges = Edges::of(&fine_counts(&mut tables)?);
    let mut walk = Progress::new(question, renumbered, edges.keys, (totals, before));
    let passes = (rows * ROW_BYTES as u64).div_ceil(question.memory_bytes.max(1));
    for mut spills in edges.partition(tables, passes)? {
        let mut parts = Vec::with_capacity(spills.len());
        for spill in &mut spills {
            let mut rows = Partitions::default();
            spill.read(|block| {
                rows.add(&block);
                Ok(())
            })?;
            parts.push(rows);
        }
        drop(spills);
        walk.take(parts);
    }
    Ok(walk.finish())
}

/// The lowest and the highest score, which are in the first and in the last partition that have rows.
fn ends(parts: &[Partitions]) -> (u64, u64) {
    let keys =
        |partition: usize| parts.iter().flat_map(move |part| part.blocks(partition)).flatten().map(|row| row.key());
    let lowest = (0..PARTITIONS).find_map(|partition| keys(partition).min());
    let highest = (0..PARTITIONS).rev().find_map(|partition| keys(partition).max());
    lowest.zip(highest).unwrap_or_default()
}

/// Those of the rows of all tables, each in a thread of its own.
fn fine_counts(tables: &mut [BinaryTable]) -> io::Result<FineCounts> {
    let parts: Vec<FineCounts> = thread::scope(|scope| {
        let tasks: Vec<_> = tables.iter_mut().map(|table| scope.spawn(move || FineCounts::of(table))).collect();
        tasks.into_iter().map(join).collect::<io::Result<_>>()
    })?;
    Ok(parts.into_iter().reduce(FineCounts::merged).unwrap_or_default())
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
    let mut walk = Progress::new(question, &renumbered, edges.keys, (totals.clone(), before));
    let mut rows = Partitions::default();
    rows.add(&block);
    walk.take(vec![rows]);
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

#[cfg(feature = "cluster")]
impl Ranked {
    /// No rows yet of those of which there are `totals`.
    pub(crate) fn nothing(totals: &Counts, slices: usize, edges: &Edges) -> Self {
        Self {
            sums: vec![Sums::default(); totals.len()],
            ranks: vec![Ranks::default(); slices],
            curve: Curve::new(totals.iter().flatten().sum(), edges.keys),
        }
    }
}

/// A walk over all rows in ascending order, a run of buckets at a time.
struct Progress<'a> {
    question: &'a Question,
    renumbered: &'a [Vec<u32>],
    /// The lowest and the highest score of all.
    ends: (u64, u64),
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
        ends: (u64, u64),
        (totals, before): (Counts, Counts),
    ) -> Self {
        let curve = Curve::new(totals.iter().flatten().sum(), ends);
        let (sums, ranks) = (vec![Sums::default(); totals.len()], vec![Ranks::default(); question.slices]);
        Self { question, renumbered, ends, totals, before, sums, ranks, curve }
    }

    fn finish(mut self) -> Ranked {
        self.curve.join(bucket_rows(self.totals.iter().flatten().sum()));
        Ranked { sums: self.sums, ranks: self.ranks, curve: self.curve }
    }

    /// Walks over rows, which come after those that were walked over before.
    fn take(&mut self, parts: Vec<Partitions>) {
        let parts = parts.into_iter().zip(self.renumbered).map(|(rows, renumbered)| Part { rows, renumbered });
        let parts: Vec<Part<'_>> = parts.collect();
        let segments = segments(&parts, self.question.threads);
        // What is below the last segment follows from the others.
        let (_, others) = segments.split_last().unwrap_or((&(0..0), &[]));
        let counts: Vec<Counts> = each(others, |range| count(&parts, range.clone(), self.totals.len()));
        let mut start = self.before.clone();
        let mut tasks = Vec::with_capacity(segments.len());
        for (place, segment) in segments.iter().enumerate() {
            let next = counts.get(place).map(|counts| added(start.clone(), counts));
            tasks.push((segment.clone(), std::mem::replace(&mut start, next.unwrap_or_default())));
        }
        let results = each(&tasks, |(range, start)| {
            let curve = Curve::new(self.totals.iter().flatten().sum(), self.ends);
            let mut walker = Walker::new(self.question, &self.totals, start, curve);
            range.clone().for_each(|partition| walker.walk(&parts, partition));
            walker.finish()
        });
        for (part_sums, part_ranks, part_curve) in results {
            for ((sums, part), before) in self.sums.iter_mut().zip(&part_sums).zip(&mut self.before) {
                sums.merge(part);
                *before = [before[0] + part.negatives, before[1] + part.positives];
            }
            self.ranks.iter_mut().zip(&part_ranks).for_each(|(ranks, part)| ranks.merge(part));
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

/// As many runs of partitions as there are threads, of about as many rows.
fn segments(parts: &[Part<'_>], threads: NonZeroUsize) -> Vec<Range<usize>> {
    let rows_of = |partition: usize| parts.iter().map(|part| part.rows.rows_of(partition)).sum::<usize>();
    let total: u64 = parts.iter().map(|part| part.rows.rows()).sum();
    let mut segments = Vec::with_capacity(threads.get());
    let (mut start, mut end, mut rows) = (0, 0, 0);
    for segment in 1..=threads.get() {
        let goal = u128::from(total) * segment as u128 / threads.get() as u128;
        while end < PARTITIONS && (segment == threads.get() || rows < goal) {
            rows += rows_of(end) as u128;
            end += 1;
        }
        segments.push(start..end);
        start = end;
    }
    segments
}

/// Rows of each cell in some partitions.
fn count(parts: &[Part<'_>], partitions: Range<usize>, cells: usize) -> Counts {
    let mut counts = vec![[0; 2]; cells];
    for part in parts {
        let mut own = vec![[0; 2]; part.renumbered.len()];
        for row in partitions.clone().flat_map(|partition| part.rows.blocks(partition)).flatten() {
            if let Some([negatives, positives]) = own.get_mut((row.tag >> 1) as usize) {
                *positives += u64::from(row.tag & 1);
                *negatives += u64::from(1 - (row.tag & 1));
            }
        }
        counts = added(counts, &totals(std::iter::once(&own), &[part.renumbered.to_vec()], cells));
    }
    counts
}

#[cfg(test)]
pub(crate) mod tests {
    use arrow::array::Float64Array;
    use proptest::prelude::*;

    use super::super::binary::BinaryState;
    use super::super::fixed::FixedSum;
    use super::super::table::Label;
    use super::ranks::Decile;
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
        ranked_of(parts.iter().map(|rows| table(rows, memory_bytes)).collect(), threads, memory_bytes)
    }

    fn ranked_of(tables: Vec<BinaryTable>, threads: usize, memory_bytes: u64) -> Vec<(Sums, Ranks)> {
        use super::super::slices::{CommonCells, Groups};
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
        // One thread read nearly all of them, and wrote what did not fit into its share of a memory in which all fit.
        let uneven = vec![table(&rows[..90_000], 600_000), table(&rows[90_000..], 600_000)];
        assert!(uneven[0].spill.is_some() && uneven[1].spill.is_none());
        assert_eq!(ranked_of(uneven, 2, 1_200_000), found);
        let thousand: Vec<_> = rows[..1_000].to_vec();
        assert_eq!(ranked(&[&thousand], 3)[0].1, by_definition(&thousand));
    }
}
