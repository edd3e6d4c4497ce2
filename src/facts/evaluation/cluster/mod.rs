//! Evaluation on a cluster of Ballista: the rows of each file are read where they lie, and only what they come to is sent.
//!
//! Two jobs. The first hashes and counts each file: rows by cell, and by the first bits of their scores. From these follow
//! the same buckets of scores as on one machine, and runs of buckets that fit into an executor's memory. The second reads
//! the files again, which have to have the same digests, and sends each row to the one task that walks over its run, with
//! how many rows of its cell are below. What runs come to is whole numbers, which are added up here in the order of scores:
//! the same bits as on one machine. A third job counts ids that are there twice, where there is a column of them.

mod plan;
mod services;
mod step;
mod wire;

use std::thread;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::UInt32Type;
use ballista::prelude::SessionContextExt as _;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{AggregateUDF, Partitioning, col};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use serde::de::DeserializeOwned;

use self::plan::{Codec, Reduce, Reduction, StepTable};
pub use self::services::{ExecutorSettings, LOST_AFTER, executor, scheduler};
pub use self::step::Limits;
use self::wire::{Answer, Counted, Order, RowsOrder, Step, WalkOrder, Walked, decode, encode};
use super::cells::{Cells, TooManyCells};
use super::engine::ClusterAddress;
use super::ids::IdCounts;
use super::ranked::{self, Counts, Edges, FineCounts, Question, Ranked};
use super::scan::DataFile;
use super::slices::CommonCells;
use super::source::{Content, RowsFile, SourceError};
use crate::facts::FileFacts;
use crate::manifest::raw::RawEvaluation;
use crate::problem::Problem;

/// Rows of a run at most: in an executor they take 24 bytes each at first, and are sorted.
const RUN_ROWS: u64 = 1 << 24;
/// Rows of a run at least, where that makes runs enough for all executors to have something to do.
const SMALL_RUN_ROWS: u64 = 1 << 16;
/// Runs of few rows.
const SMALL_RUNS: u64 = 32;
/// Counts of cells below runs that one file may have.
const COUNTS_MAX: usize = 1 << 25;
/// Partitions between two stages.
const PARTITIONS_MAX: usize = 4096;
/// Ids of a bucket.
const BUCKET_IDS: u64 = 1 << 22;

/// What a cluster makes of a file of two classes.
pub(crate) struct Distributed {
    pub(crate) content: Content,
    pub(crate) ids: Option<IdCounts>,
    pub(crate) common: CommonCells,
    pub(crate) question: Question,
    pub(crate) ranked: Ranked,
}

/// Reads the rows of a binary classification without weights, clusters and champion. `ask` makes the question of the cells
/// that were found.
///
/// # Errors
/// Every problem of the files, as on one machine; and the cluster cannot be reached or gave up.
pub(crate) fn binary(
    file: DataFile<'_>,
    declared: &RawEvaluation,
    address: &ClusterAddress,
    ask: impl FnOnce(&Cells) -> Question + Send,
) -> Result<Distributed, Vec<Problem>> {
    let none = |error: std::io::Error| vec![Problem::new("no-threads", format!("no threads: {error}"))];
    let work = || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(none)?;
        runtime.block_on(async {
            let cluster = Cluster::new(file, declared, address).map_err(|problem| vec![problem])?;
            cluster.binary(ask).await
        })
    };
    // Whoever asks may be in a runtime already, in which none is waited in nor ended.
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("cluster".to_owned()).spawn_scoped(scope, work).map_err(none)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A client of a cluster, for one evaluation.
struct Cluster<'a> {
    file: DataFile<'a>,
    /// Its files where every machine has them.
    files: Vec<RowsFile>,
    /// As JSON.
    declared: String,
    has_ids: bool,
    columns: usize,
    url: String,
    config: SessionConfig,
}

impl<'a> Cluster<'a> {
    fn new(file: DataFile<'a>, declared: &RawEvaluation, address: &ClusterAddress) -> Result<Self, Problem> {
        let tls = address.tls.as_deref().map(services::Tls::read).transpose()?;
        let codec = std::sync::Arc::new(Codec::default());
        let declared_text = serde_json::to_string(declared);
        // Executors have been started elsewhere.
        let whole = |file: &RowsFile| {
            let path = std::path::absolute(&file.path);
            path.map(|path| RowsFile { path, ..file.clone() })
                .map_err(|error| crate::document::unreadable(&file.shown_as, &error))
        };
        Ok(Self {
            file,
            files: file.files.iter().map(whole).collect::<Result<_, _>>()?,
            declared: declared_text.map_err(|error| Problem::new("not-canonical", error.to_string()))?,
            has_ids: declared.columns.id.is_some(),
            columns: declared.slices.len(),
            url: format!("df://{}:{}", address.host, address.port),
            config: services::session(tls.as_ref(), &codec),
        })
    }

    async fn binary(&self, ask: impl FnOnce(&Cells) -> Question) -> Result<Distributed, Vec<Problem>> {
        let one = |problem| vec![problem];
        let counted = self.counted().await?;
        let of_file = |(file, counted): (&RowsFile, &Counted)| FileFacts {
            path: file.shown_as.clone(),
            sha256: counted.sha256,
            size_bytes: counted.size_bytes,
        };
        let contents = self.file.files.iter().zip(&counted).map(of_file).collect();
        let content = Content::of(contents).map_err(|error| one(failed(&error)))?;
        let (common, totals) = common(&counted, self.columns)
            .map_err(|error| one(self.file.refused(&SourceError::TooManyCells(error))))?;
        let mut fine = FineCounts::default();
        counted.iter().for_each(|counted| counted.add_to(&mut fine));
        let edges = Edges::of(&fine);
        let question = ask(&common.cells);
        let digests = counted.iter().map(|counted| counted.sha256).collect();
        let ranked = self.ranked(&edges, &question, &common.cells, (totals, digests)).await.map_err(one)?;
        let ids_missing = counted.iter().map(|counted| counted.ids_missing.unwrap_or_default()).sum();
        let rows: u64 = fine.counts.iter().sum();
        let ids = match self.has_ids {
            true => Some(IdCounts { missing: ids_missing, duplicates: self.duplicates(rows).await.map_err(one)? }),
            false => None,
        };
        Ok(Distributed { content, ids, common, question, ranked })
    }

    /// The files, counted, in their order.
    async fn counted(&self) -> Result<Vec<Counted>, Vec<Problem>> {
        let one = |problem| vec![problem];
        let table = self.table(Step::Count).await.map_err(one)?;
        let answers: Vec<(u32, Answer)> = self.results(table.1).await.map_err(one)?;
        let mut counted = Vec::with_capacity(answers.len());
        for (number, answer) in answers {
            if number as usize != counted.len() {
                return Err(one(failed(&format!(
                    "file {} was not counted, or twice: there is {number}",
                    counted.len()
                ))));
            }
            let placed = |problem| self.file.placed(Problem::from(problem));
            counted.push(answer.map_err(|problems| problems.into_iter().map(placed).collect::<Vec<_>>())?);
        }
        if counted.len() != self.file.files.len() {
            return Err(one(failed(&format!("{} of {} files were counted", counted.len(), self.file.files.len()))));
        }
        Ok(counted)
    }

    /// What the walk over all rows comes to.
    async fn ranked(
        &self,
        edges: &Edges,
        question: &Question,
        cells: &Cells,
        (totals, digests): (Counts, Vec<crate::digest::Sha256Digest>),
    ) -> Result<Ranked, Problem> {
        let mut ranked = Ranked::nothing(&totals, question.slices, edges);
        let runs = runs(edges, cells.len());
        let partitions = runs.len().clamp(1, PARTITIONS_MAX);
        let (context, rows) = self.table(Step::Rows(RowsOrder { runs, cells: cells.all_texts(), digests })).await?;
        let order = encode(&WalkOrder::new(question.clone(), totals.clone(), edges)).map_err(|error| failed(&error))?;
        let walk = reduced(rows, partitions, Reduction::Walk(order.into()), ["key", "tag"])?;
        let results: Vec<(u32, Walked)> = self.results(walk).await?;
        drop(context);
        if results.windows(2).any(|pair| matches!(pair, [left, right] if left.0 == right.0)) {
            return Err(failed("a run was walked over twice"));
        }
        results.into_iter().for_each(|(_, walked)| walked.append_to(&mut ranked));
        let walked = ranked.sums.iter().map(|sums| [sums.negatives, sums.positives]);
        if !walked.eq(totals) {
            return Err(failed("rows were counted that nobody walked over"));
        }
        Ok(ranked)
    }

    /// Rows beyond the first with the same id.
    async fn duplicates(&self, rows: u64) -> Result<u64, Problem> {
        let buckets = rows.div_ceil(BUCKET_IDS).clamp(1, PARTITIONS_MAX as u64);
        let (context, ids) = self.table(Step::Ids(buckets as u32)).await?;
        let found = reduced(ids, buckets as usize, Reduction::Duplicates, ["high", "low"])?;
        let found: Vec<(u32, u64)> = self.results(found).await?;
        drop(context);
        Ok(found.into_iter().map(|(_, duplicates)| duplicates).sum())
    }

    /// A step over the files, in a session of its own.
    async fn table(&self, step: Step) -> Result<(SessionContext, DataFrame), Problem> {
        let order = Order {
            step,
            declared: self.declared.clone(),
            files: self.files.clone(),
            shown_as: self.file.shown_as.to_owned(),
        };
        let state = SessionStateBuilder::new().with_config(self.config.clone()).with_default_features().build();
        let context = SessionContext::remote_with_state(&self.url, state).await.map_err(|error| failed(&error))?;
        let table = context.read_table(std::sync::Arc::new(StepTable::new(order)));
        Ok((context, table.map_err(|error| failed(&error))?))
    }

    /// The results of a job by number, in ascending order.
    async fn results<T: DeserializeOwned>(&self, frame: DataFrame) -> Result<Vec<(u32, T)>, Problem> {
        let batches = frame.collect().await.map_err(|error| self.gave_up(&error.to_string()))?;
        let mut results = Vec::new();
        for batch in &batches {
            results.extend(decoded(batch).map_err(|error| failed(&error))?);
        }
        results.sort_by_key(|(number, _)| *number);
        Ok(results)
    }

    fn gave_up(&self, error: &str) -> Problem {
        // The scheduler ends what there is no executor for.
        let error = if error.ends_with("Cancelled") { "there was no executor for it" } else { error };
        let text: String = error.chars().filter(|character| !character.is_control()).take(600).collect();
        let message = format!("`{}` could not be evaluated on the cluster: {text}", self.file.shown_as);
        let hint = "look whether the scheduler and an executor are up and believe the same certificates, or leave out --engine";
        self.file.problem("cluster-failed", message).hint(hint)
    }
}

fn failed(what: &(impl std::fmt::Display + ?Sized)) -> Problem {
    Problem::new("cluster-failed", format!("the cluster gave no result: {what}"))
        .hint("look whether the scheduler and the executors are up and of this version, or leave out --engine")
}

/// The rows of each run in one task, reduced.
fn reduced(rows: DataFrame, partitions: usize, by: Reduction, columns: [&str; 2]) -> Result<DataFrame, Problem> {
    let function = AggregateUDF::new_from_impl(Reduce::new(by));
    let rows = rows.repartition(Partitioning::Hash(vec![col("run")], partitions));
    let reduced = rows.and_then(|rows| {
        rows.aggregate(vec![col("run")], vec![function.call(columns.map(col).to_vec()).alias("reduced")])
    });
    reduced.map_err(|error| failed(&error))
}

/// Numbers and results.
fn decoded<T: DeserializeOwned>(batch: &RecordBatch) -> Result<Vec<(u32, T)>, String> {
    let [numbers, bytes] = batch.columns() else { return Err("a result has other columns".to_owned()) };
    let numbers = numbers.as_primitive_opt::<UInt32Type>().ok_or("a result has no numbers")?;
    let bytes = bytes.as_binary_opt::<i64>().ok_or("a result has no bytes")?;
    if numbers.null_count() + bytes.null_count() > 0 {
        return Err("a result is missing".to_owned());
    }
    numbers
        .values()
        .iter()
        .zip(bytes)
        .map(|(number, bytes)| Ok((*number, decode(bytes.unwrap_or_default())?)))
        .collect()
}

/// The cells of all files under common numbers, and the valid rows of each.
fn common(counted: &[Counted], columns: usize) -> Result<(CommonCells, Counts), TooManyCells> {
    let parts = counted.iter().map(|file| (&file.cells, file.invalid.as_slice()));
    let common = CommonCells::of_texts(parts, columns)?;
    let counts = counted.iter().map(|file| &file.counts);
    let totals = ranked::totals(counts, &common.renumbered, common.cells.len());
    Ok((common, totals))
}

/// The fine bin in which each run begins.
fn runs(edges: &Edges, cells: usize) -> Vec<u32> {
    let rows: u64 = edges.rows_of.iter().sum();
    let wanted = rows.div_ceil(RUN_ROWS).max(rows.div_ceil(SMALL_RUN_ROWS).min(SMALL_RUNS));
    let wanted = wanted.min((COUNTS_MAX / cells.max(1)) as u64).max(1);
    starts(edges, &edges.runs(rows.div_ceil(wanted)))
}

/// The fine bin in which each of these runs of buckets begins.
fn starts(edges: &Edges, run_of: &[usize]) -> Vec<u32> {
    let mut starts = Vec::new();
    for (bin, bucket) in (0..).zip(&edges.bucket_of) {
        if run_of.get(*bucket as usize).is_some_and(|run| *run == starts.len()) {
            starts.push(bin);
        }
    }
    starts
}

#[cfg(test)]
mod tests;
