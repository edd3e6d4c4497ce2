//! One step on one file, as an executor does it.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, LargeBinaryArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::wire::{Answer, Counted, Order, RowsOrder, SentProblem, Step, encode};
use crate::facts::evaluation::cells::Cells;
use crate::facts::evaluation::ids::Ids;
use crate::facts::evaluation::ranked::{FINE_SHIFT, FineCounts};
use crate::facts::evaluation::scan::{self, DataFile};
use crate::facts::evaluation::source::{Content, Source};
use crate::facts::evaluation::table::{BinaryTable, Block};
use crate::facts::evaluation::{Resources, RowsFile};
use crate::problem::Problem;

/// Rows that are handed on at a time.
const BATCH_ROWS: usize = 1 << 16;

/// The first bit of a key, which no score has: what follows is a count of rows below the run.
pub(super) const IS_COUNT: u64 = 1 << 63;

/// What an executor may read, and with how much of its machine.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Directories, as the file system itself names them; nothing outside is read.
    pub roots: Vec<PathBuf>,
    /// For one task.
    pub resources: Resources,
}

/// The columns that a step gives.
pub(super) fn schema(step: &Step) -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, false);
    Arc::new(Schema::new(match step {
        Step::Count => vec![field("file", DataType::UInt32), field("counted", DataType::LargeBinary)],
        Step::Rows(_) => {
            vec![field("run", DataType::UInt32), field("key", DataType::UInt64), field("tag", DataType::UInt32)]
        }
        Step::Ids(_) => {
            vec![field("run", DataType::UInt32), field("high", DataType::UInt64), field("low", DataType::UInt64)]
        }
    }))
}

/// Takes what a step gives, and says whether it goes on.
pub(super) type Take<'a> = dyn FnMut(Vec<ArrayRef>) -> bool + 'a;

/// Does the step of `order` on the file at `index`.
///
/// # Errors
/// What nobody can mend by looking at the data: an order of another version, or one that this executor must not follow.
pub(super) fn run(order: &Order, index: usize, limits: &Limits, take: &mut Take<'_>) -> Result<(), String> {
    let done = match &order.step {
        Step::Count => {
            let answer: Answer =
                count(order, index, limits).map_err(|problems| problems.into_iter().map(SentProblem::from).collect());
            let number: ArrayRef = Arc::new(UInt32Array::from(vec![index as u32]));
            take(vec![number, Arc::new(LargeBinaryArray::from(vec![encode(&answer)?.as_slice()]))]);
            Ok(())
        }
        Step::Rows(rows) => give_rows(order, rows, index, limits, take),
        Step::Ids(buckets) => give_ids(order, *buckets, index, limits, take),
    };
    // The file was counted without a problem before: it changed, or there is no room now.
    done.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// The files of an order, if this executor serves them.
fn served(order: &Order, index: usize, limits: &Limits) -> Result<(), Vec<Problem>> {
    let refuse = |file: &RowsFile| {
        let problem = Problem::new("file-not-served", format!("`{}` is in no directory that is served", file.shown_as));
        vec![problem.hint("start the executors with `--data DIRECTORY` and the path that all machines have it at")]
    };
    // The columns are those of the first file.
    for file in order.files.first().into_iter().chain(order.files.get(index)) {
        let unreadable = |error| vec![crate::document::unreadable(&file.shown_as, &error)];
        let real = std::fs::canonicalize(&file.path).map_err(unreadable)?;
        if !limits.roots.iter().any(|root| real.starts_with(root)) {
            return Err(refuse(file));
        }
    }
    Ok(())
}

fn data_file(order: &Order) -> DataFile<'_> {
    DataFile { files: &order.files, shown_as: &order.shown_as, location: None }
}

fn opened(order: &Order, index: usize, limits: &Limits) -> Result<Source, Vec<Problem>> {
    served(order, index, limits)?;
    let file = data_file(order);
    Source::open_one(file.files, index).map_err(|error| vec![file.refused(&error)])
}

/// What was read of one file.
struct Scanned {
    content: Content,
    table: BinaryTable,
    ids: Option<Vec<Ids>>,
}

/// The rows of one file, with their ids only where these are asked for.
fn scanned(order: &Order, index: usize, limits: &Limits, with_ids: bool) -> Result<Scanned, Vec<Problem>> {
    let wrong = |message: String| vec![Problem::new("cluster-failed", message)];
    let mut declared = order.declared().map_err(wrong)?;
    declared.columns.id = declared.columns.id.filter(|_| with_ids);
    let (Some(classes), Some(score)) = (&declared.classes, &declared.columns.score) else {
        return Err(wrong("the order is for no two classes".to_owned()));
    };
    let source = opened(order, index, limits)?;
    let scan = scan::binary_of(source, data_file(order), &declared, (classes, score), None, limits.resources)?;
    let table = scan.tables.into_iter().next().ok_or_else(|| wrong("nothing was read".to_owned()))?.0;
    Ok(Scanned { content: scan.content, table, ids: scan.ids })
}

fn count(order: &Order, index: usize, limits: &Limits) -> Result<Counted, Vec<Problem>> {
    let Scanned { content, mut table, ids } = scanned(order, index, limits, true)?;
    let fine = FineCounts::of(&mut table).map_err(|error| vec![no_room(order, &error)])?;
    let ids_missing = ids.as_deref().map(Ids::missing);
    let identity = (content.sha256, content.size_bytes);
    Ok(Counted::new(identity, &table.cells, (table.counts, table.invalid), &fine, ids_missing))
}

fn no_room(order: &Order, error: &std::io::Error) -> Problem {
    Problem::new("no-room", format!("a temporary file for rows of `{}`: {error}", order.shown_as))
        .hint("give the executors more memory, or make room in their directory for temporary files (TMPDIR)")
}

fn give_rows(
    order: &Order,
    rows: &RowsOrder,
    index: usize,
    limits: &Limits,
    take: &mut Take<'_>,
) -> Result<(), Vec<Problem>> {
    let Scanned { content, mut table, .. } = scanned(order, index, limits, false)?;
    let file = order.files.get(index).map_or_else(String::new, |file| file.shown_as.clone());
    if rows.digests.get(index) != Some(&content.sha256) {
        return Err(vec![Problem::new("changed-file", format!("`{file}` changed while it was read"))]);
    }
    let numbers = renumbered(&table.cells, &rows.cells);
    let numbers =
        numbers.ok_or_else(|| vec![Problem::new("changed-file", format!("`{file}` has other groups now"))])?;
    let mut giver = Giver::new(&rows.runs, numbers, take);
    let given = table.each_block(|block| if giver.give(block) { Ok(()) } else { Err(std::io::Error::other(STOPPED)) });
    match given {
        Ok(()) => giver.finish(),
        Err(error) if error.to_string() == STOPPED => {}
        Err(error) => return Err(vec![no_room(order, &error)]),
    }
    Ok(())
}

/// Nobody takes rows any more.
const STOPPED: &str = "stopped";

/// What the cells of a file are called by all.
fn renumbered(own: &Cells, common: &[Vec<Option<String>>]) -> Option<Vec<u32>> {
    let known: std::collections::HashMap<_, _> = common.iter().zip(0_u32..).collect();
    own.all_texts().iter().map(|texts| known.get(texts).copied()).collect()
}

/// Columns of rows that wait to be handed on.
#[derive(Default)]
struct Batch {
    runs: Vec<u32>,
    keys: Vec<u64>,
    tags: Vec<u32>,
}

/// Hands rows on, each with its run, and behind them how many rows are below each run.
struct Giver<'a, 'b> {
    runs: &'a [u32],
    /// What the cells of the file are called by all.
    numbers: Vec<u32>,
    /// Rows of each cell of the file, run by run.
    counts: Vec<[u64; 2]>,
    batch: Batch,
    take: &'a mut Take<'b>,
}

impl<'a, 'b> Giver<'a, 'b> {
    fn new(runs: &'a [u32], numbers: Vec<u32>, take: &'a mut Take<'b>) -> Self {
        let counts = vec![[0; 2]; numbers.len() * runs.len()];
        Self { runs, numbers, counts, batch: Batch::default(), take }
    }

    fn give(&mut self, block: &Block) -> bool {
        for (key, tag) in block.keys.iter().zip(&block.tags) {
            let run = run_of(self.runs, (key >> FINE_SHIFT) as u32);
            let own = (tag >> 1) as usize;
            let cell = self.numbers.get(own).copied().unwrap_or_default();
            if let Some([negatives, positives]) = self.counts.get_mut(own * self.runs.len() + run as usize) {
                *negatives += u64::from(1 - (tag & 1));
                *positives += u64::from(tag & 1);
            }
            if !self.push(run, *key, (cell << 1) | (tag & 1)) {
                return false;
            }
        }
        true
    }

    fn push(&mut self, run: u32, key: u64, tag: u32) -> bool {
        self.batch.runs.push(run);
        self.batch.keys.push(key);
        self.batch.tags.push(tag);
        self.batch.runs.len() < BATCH_ROWS || self.flush()
    }

    fn flush(&mut self) -> bool {
        let Batch { runs, keys, tags } = std::mem::take(&mut self.batch);
        let (runs, keys, tags) = (UInt32Array::from(runs), UInt64Array::from(keys), UInt32Array::from(tags));
        (self.take)(vec![Arc::new(runs), Arc::new(keys), Arc::new(tags)])
    }

    fn finish(mut self) {
        let (counts, numbers) = (std::mem::take(&mut self.counts), std::mem::take(&mut self.numbers));
        for (of_cell, cell) in counts.chunks(self.runs.len().max(1)).zip(numbers) {
            let mut below = [0_u64; 2];
            for (run, of_run) in (0_u32..).zip(of_cell) {
                for (label, count) in (0_u32..).zip(below).filter(|(_, count)| *count > 0) {
                    if !self.push(run, IS_COUNT | count, (cell << 1) | label) {
                        return;
                    }
                }
                below.iter_mut().zip(of_run).for_each(|(below, more)| *below += more);
            }
        }
        self.flush();
    }
}

/// The run that a fine bin is in; each begins with the bin that `runs` says.
fn run_of(runs: &[u32], bin: u32) -> u32 {
    runs.partition_point(|start| *start <= bin).saturating_sub(1) as u32
}

fn give_ids(
    order: &Order,
    buckets: u32,
    index: usize,
    limits: &Limits,
    take: &mut Take<'_>,
) -> Result<(), Vec<Problem>> {
    let declared = order.declared().map_err(|message| vec![Problem::new("cluster-failed", message)])?;
    let source = opened(order, index, limits)?;
    let name = declared.columns.id.as_deref().unwrap_or_default();
    let ids = scan::ids_of(source, data_file(order), name)?;
    for keys in ids.keys().chunks(BATCH_ROWS) {
        let of = |half: fn(u128) -> u64| UInt64Array::from_iter_values(keys.iter().map(|key| half(*key)));
        let runs = UInt32Array::from_iter_values(keys.iter().map(|key| bucket_of(*key, buckets)));
        let (high, low) = (of(|key| (key >> 64) as u64), of(|key| key as u64));
        if !take(vec![Arc::new(runs), Arc::new(high), Arc::new(low)]) {
            break;
        }
    }
    Ok(())
}

/// A bucket for an id. Whole numbers are their own keys, so that their bits have to be mixed.
fn bucket_of(key: u128, buckets: u32) -> u32 {
    let mixed = crate::facts::evaluation::ids::folded(key).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    ((mixed * u64::from(buckets)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_is_in_the_run_that_begins_last_before_it() {
        let runs = [0, 10, 20];
        for (bin, run) in [(0, 0), (9, 0), (10, 1), (19, 1), (20, 2), (1 << 20, 2)] {
            assert_eq!(run_of(&runs, bin), run, "{bin}");
        }
    }

    #[test]
    fn each_run_is_told_what_is_below_it() {
        let mut given = Vec::new();
        let mut take = |columns: Vec<ArrayRef>| {
            use arrow::array::AsArray;
            use arrow::datatypes::{UInt32Type, UInt64Type};
            let runs = columns[0].as_primitive::<UInt32Type>().values().to_vec();
            let keys = columns[1].as_primitive::<UInt64Type>().values().to_vec();
            let tags = columns[2].as_primitive::<UInt32Type>().values().to_vec();
            given.extend(runs.into_iter().zip(keys).zip(tags).map(|((run, key), tag)| (run, key, tag)));
            true
        };
        let key = |bin: u64| bin << FINE_SHIFT;
        let runs = [0, 1, 2, 3];
        let mut giver = Giver::new(&runs, vec![5], &mut take);
        let block = Block { keys: vec![key(0), key(2), key(0)], tags: vec![1, 0, 1] };
        assert!(giver.give(&block));
        giver.finish();
        assert_eq!(&given[..3], [(0, key(0), 11), (2, key(2), 10), (0, key(0), 11)]);
        let counts = &given[3..];
        assert_eq!(
            counts,
            [(1, IS_COUNT | 2, 11), (2, IS_COUNT | 2, 11), (3, IS_COUNT | 1, 10), (3, IS_COUNT | 2, 11)]
        );
    }

    #[test]
    fn buckets_of_consecutive_ids_are_filled_alike() {
        let mut filled = [0_u32; 8];
        (0..8000_u128).for_each(|id| filled[bucket_of(id, 8) as usize] += 1);
        assert!(filled.iter().all(|count| (900..1100).contains(count)), "{filled:?}");
    }
}
