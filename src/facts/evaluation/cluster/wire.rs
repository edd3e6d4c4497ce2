//! What the machines of a cluster tell each other, in Postcard's encoding.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::facts::evaluation::cells::Cells;
use crate::facts::evaluation::ranked::{Counts, Curve, Edges, FineCounts, Question, Ranked, Ranks, Sums};
use crate::facts::evaluation::source::RowsFile;
use crate::facts::evaluation::table::InvalidRows;
use crate::manifest::raw::RawEvaluation;
use crate::problem::Problem;

/// Version of everything here: machines of different versions do not work together.
const FORMAT: u32 = 1;

/// Encodes `value`, with the version in front.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    postcard::to_allocvec(&(FORMAT, value)).map_err(|error| error.to_string())
}

/// Decodes what [`encode`] wrote.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let (format, rest) = postcard::take_from_bytes::<u32>(bytes).map_err(|error| error.to_string())?;
    if format != FORMAT {
        return Err(format!("another machine runs another version of modelgate (format {format}, not {FORMAT})"));
    }
    postcard::from_bytes(rest).map_err(|error| error.to_string())
}

/// What is to be done with each file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Step {
    /// Hash it, and count its rows by cell and by the first bits of their scores.
    Count,
    /// Give its rows, each in the run of scores that it belongs to.
    Rows(RowsOrder),
    /// Give the ids of its rows, in as many buckets as this says.
    Ids(u32),
}

/// How rows are given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct RowsOrder {
    /// The fine bin in which each run begins.
    pub(super) runs: Vec<u32>,
    /// The values of all cells, by their common number.
    pub(super) cells: Vec<Vec<Option<String>>>,
    /// What each file was when it was counted.
    pub(super) digests: Vec<Sha256Digest>,
}

/// A step over the files of an evaluation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) step: Step,
    /// As JSON, which its own decoder reads.
    pub(super) declared: String,
    pub(super) files: Vec<RowsFile>,
    pub(super) shown_as: String,
}

impl Order {
    /// The evaluation that is asked for.
    pub(super) fn declared(&self) -> Result<RawEvaluation, String> {
        serde_json::from_str(&self.declared).map_err(|error| error.to_string())
    }
}

/// What is known of a file when it has been counted.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Counted {
    pub(super) sha256: Sha256Digest,
    pub(super) size_bytes: u64,
    /// The values of its cells, by their own number.
    pub(super) cells: Vec<Vec<Option<String>>>,
    /// Valid rows of each cell: negatives, positives.
    pub(super) counts: Counts,
    pub(super) invalid: Vec<InvalidRows>,
    /// Rows by fine bin, where there are any.
    fine: Vec<(u32, u64)>,
    keys: (u64, u64),
    /// Rows without an id, if there is a column of them.
    pub(super) ids_missing: Option<u64>,
}

impl Counted {
    pub(super) fn new(
        (sha256, size_bytes): (Sha256Digest, u64),
        cells: &Cells,
        (counts, invalid): (Counts, Vec<InvalidRows>),
        fine: &FineCounts,
        ids_missing: Option<u64>,
    ) -> Self {
        let bins = fine.counts.iter().enumerate().filter(|(_, rows)| **rows > 0);
        Self {
            sha256,
            size_bytes,
            cells: cells.all_texts(),
            counts,
            invalid,
            fine: bins.map(|(bin, rows)| (bin as u32, *rows)).collect(),
            keys: fine.keys,
            ids_missing,
        }
    }

    /// Adds its rows to those of other files.
    pub(super) fn add_to(&self, fine: &mut FineCounts) {
        for (bin, rows) in &self.fine {
            if let Some(count) = fine.counts.get_mut(*bin as usize) {
                *count += rows;
            }
        }
        fine.keys = (fine.keys.0.min(self.keys.0), fine.keys.1.max(self.keys.1));
    }
}

/// A problem with a file, on its way to whoever asked for it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SentProblem {
    code: String,
    message: String,
    hint: Option<String>,
}

/// Codes of problems that files of rows have.
const CODES: [&str; 12] = [
    "absent-column",
    "ambiguous-column",
    "changed-file",
    "file-not-served",
    "missing-file",
    "missing-part",
    "no-room",
    "too-many-groups",
    "unreadable-file",
    "unreadable-rows",
    "unsafe-path",
    "wrong-column-type",
];

impl From<Problem> for SentProblem {
    fn from(problem: Problem) -> Self {
        Self { code: problem.code.to_owned(), message: problem.message, hint: problem.hint }
    }
}

impl From<SentProblem> for Problem {
    fn from(sent: SentProblem) -> Self {
        let code = CODES.into_iter().find(|code| *code == sent.code).unwrap_or("cluster-failed");
        let problem = Self::new(code, sent.message);
        match sent.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// What a file gives of a step that comes to one result.
pub(super) type Answer = Result<Counted, Vec<SentProblem>>;

/// How the rows of a run are walked over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct WalkOrder {
    pub(super) question: Question,
    /// Rows of each cell.
    pub(super) totals: Counts,
    /// Which bucket each fine bin belongs to, as lengths: so many buckets in a row, of so many bins each.
    buckets: Vec<(u32, u32)>,
    keys: (u64, u64),
}

impl WalkOrder {
    pub(super) fn new(question: Question, totals: Counts, edges: &Edges) -> Self {
        let mut buckets: Vec<(u32, u32)> = Vec::new();
        for of_bucket in edges.bucket_of.chunk_by(|left, right| left == right) {
            let bins = of_bucket.len() as u32;
            match buckets.last_mut().filter(|(_, last)| *last == bins) {
                Some((times, _)) => *times += 1,
                None => buckets.push((1, bins)),
            }
        }
        Self { question, totals, buckets, keys: edges.keys }
    }

    /// The edges of buckets. Of how many rows each has, nothing is known here.
    pub(super) fn edges(&self) -> Edges {
        let sizes = self.buckets.iter().flat_map(|(times, bins)| (0..*times).map(|_| *bins));
        let mut bucket_of = Vec::new();
        let mut buckets = 0;
        for bins in sizes {
            bucket_of.extend((0..bins).map(|_| buckets as u32));
            buckets += 1;
        }
        Edges { bucket_of, buckets, rows_of: Vec::new(), keys: self.keys }
    }
}

/// What the walk over one run comes to; cells and slices without rows in it are left out.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Walked {
    sums: Vec<(u32, Sums)>,
    ranks: Vec<(u32, Ranks)>,
    curve: Curve,
}

fn some<T: Default + PartialEq>(all: Vec<T>) -> Vec<(u32, T)> {
    let some = all.into_iter().enumerate().filter(|(_, item)| *item != T::default());
    some.map(|(number, item)| (number as u32, item)).collect()
}

impl From<Ranked> for Walked {
    fn from(ranked: Ranked) -> Self {
        Self { sums: some(ranked.sums), ranks: some(ranked.ranks), curve: ranked.curve }
    }
}

impl Walked {
    /// Adds it to the runs before it.
    pub(super) fn append_to(self, ranked: &mut Ranked) {
        for (cell, sums) in &self.sums {
            if let Some(of_cell) = ranked.sums.get_mut(*cell as usize) {
                of_cell.merge(sums);
            }
        }
        for (slice, ranks) in &self.ranks {
            if let Some(of_slice) = ranked.ranks.get_mut(*slice as usize) {
                of_slice.merge(ranks);
            }
        }
        ranked.curve.append(self.curve);
    }
}
