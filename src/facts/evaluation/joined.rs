//! The champion's scores from a file of its own, joined to the rows of an evaluation by their ids.
//!
//! Order is not alignment: rows that stand in the same place of two files need not be about the same case.

use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::DataType;

use super::Resources;
use super::columns::{self, ColumnError};
use super::reference::kind::{self, Kind};
use super::scan::{self, DataFile, Finder, Parts};
use super::source::{Format, Sink, Source, SourceError};
use crate::facts::FileFacts;
use crate::manifest::raw::{Champion, RawEvaluation};
use crate::problem::Problem;

/// A case by the key of its id, in two halves, and its score; NaN where it has none.
#[derive(Debug, Clone, Copy)]
struct Scored {
    key: [u64; 2],
    score: f64,
}

/// Scores by id.
#[derive(Debug)]
pub(crate) struct JoinedScores {
    /// In the order of keys, each of which is there once.
    scores: Vec<Scored>,
    kind: Kind,
    empty_is_missing: bool,
    /// The file.
    pub(crate) data: FileFacts,
    /// Rows of the evaluation that have a score here.
    matched: AtomicU64,
}

const fn halves(key: u128) -> [u64; 2] {
    [(key >> 64) as u64, key as u64]
}

impl JoinedScores {
    /// Scores of rows with these ids, as far as they are here; NaN otherwise.
    pub(crate) fn of(&self, ids: &ArrayRef) -> Result<Vec<f64>, ColumnError> {
        let keys = kind::keys(&kind::canonical(ids, self.kind, self.empty_is_missing)?)?;
        let mut matched = 0;
        let mut score = |key: Option<u128>| {
            let key = halves(key?);
            let place = self.scores.binary_search_by_key(&key, |scored| scored.key).ok()?;
            matched += 1;
            self.scores.get(place).map(|scored| scored.score)
        };
        let scores = keys.into_iter().map(|key| score(key).unwrap_or(f64::NAN)).collect();
        self.matched.fetch_add(matched, Ordering::Relaxed);
        Ok(scores)
    }

    /// Scores of cases that are not among the rows of the evaluation, if all of these have been looked up.
    pub(crate) fn beyond(&self) -> u64 {
        (self.scores.len() as u64).saturating_sub(self.matched.load(Ordering::Relaxed))
    }

    /// Reads the champion's scores for the evaluation's rows in `rows`.
    ///
    /// # Errors
    /// A file cannot be read or lacks a column, ids of both cannot be compared, are missing or not unique, or there are
    /// more than fit into memory.
    pub(crate) fn read(
        declared: &RawEvaluation,
        champion: &Champion,
        rows: DataFile<'_>,
        file: DataFile<'_>,
        resources: Resources,
    ) -> Result<Self, Vec<Problem>> {
        let refused = |error: SourceError| vec![file.refused(&error)];
        let Some(own_id) = declared.columns.id.as_deref() else {
            let problem = file.problem("missing-part", "a file of the champion is joined by ids, and there are none");
            return Err(vec![problem.hint("declare the column of ids under `columns.id`")]);
        };
        let own = Source::open(rows.files).map_err(|error| vec![rows.refused(&error)])?;
        let source = Source::open(file.files).map_err(refused)?;
        let id_name = champion.id.as_deref().unwrap_or(own_id);
        let (mut finder, mut of_rows) = (Finder::new(file, &source), Finder::new(rows, &own));
        let id = finder.find("the id", id_name, scan::Kind::Key);
        let score = finder.find("the score", &champion.column, scan::Kind::Number);
        let own_id = of_rows.find("the id", own_id, scan::Kind::Key);
        let parts = match (finder.finish(), of_rows.finish()) {
            (Ok(parts), Ok(_)) => parts,
            (own, of_rows) => return Err([own.err(), of_rows.err()].into_iter().flatten().flatten().collect()),
        };
        let (id_type, own_type) = (source.schema().field(id).data_type(), own.schema().field(own_id).data_type());
        let kind = kind_of((own_type, own.format()), (id_type, source.format())).ok_or_else(|| {
            let message =
                format!("ids of `{}` are {id_type}, and those of `{}` {own_type}", file.shown_as, rows.shown_as);
            vec![file.problem("wrong-column-type", message).hint("write the ids of both as the same type")]
        })?;
        let empty_is_missing = own.format().is_untyped() || source.format().is_untyped();
        let rows_max = resources.rows_bytes() / size_of::<Scored>() as u64 / resources.threads.get() as u64;
        let sink = || ScoreSink {
            parts: &parts,
            id,
            score,
            kind,
            empty_is_missing,
            scores: Vec::new(),
            ids_missing: 0,
            rows_max: usize::try_from(rows_max).unwrap_or(usize::MAX),
        };
        let mut sinks: Vec<_> = (0..resources.threads.get()).map(|_| sink()).collect();
        let content = source.read(&parts.columns, &[], &mut sinks).map_err(refused)?;
        let (scores, ids_missing) = sorted(sinks);
        unique(file, id_name, &scores, ids_missing)?;
        let data = file.facts(&content);
        Ok(Self { scores, kind, empty_is_missing, data, matched: AtomicU64::new(0) })
    }
}

/// What ids of both sides are compared as. Text of a format without types is read as what the other side has.
fn kind_of(left: (&DataType, Format), right: (&DataType, Format)) -> Option<Kind> {
    match (left.1.is_untyped(), right.1.is_untyped()) {
        (true, true) => Some(Kind::Text),
        (true, false) => Kind::of(right.0),
        (false, true) => Kind::of(left.0),
        (false, false) => Kind::of(left.0)?.common(Kind::of(right.0)?),
    }
}

fn sorted(sinks: Vec<ScoreSink<'_>>) -> (Vec<Scored>, u64) {
    let ids_missing = sinks.iter().map(|sink| sink.ids_missing).sum();
    let mut scores = Vec::new();
    for sink in sinks {
        if scores.is_empty() { scores = sink.scores } else { scores.extend(sink.scores) }
    }
    scores.sort_unstable_by_key(|scored| scored.key);
    (scores, ids_missing)
}

fn unique(file: DataFile<'_>, id: &str, scores: &[Scored], ids_missing: u64) -> Result<(), Vec<Problem>> {
    let pairs = scores.windows(2);
    let repeated = pairs.filter(|pair| matches!(pair, [left, right] if left.key == right.key)).count();
    let problem = |message: String| {
        let hint = "each case has one id, and the champion one score for it";
        Err(vec![file.problem("ids-not-unique", message).hint(hint)])
    };
    if repeated > 0 {
        return problem(format!("`{}`: {repeated} rows have an id in `{id}` that an earlier row has", file.shown_as));
    }
    if ids_missing > 0 {
        return problem(format!("`{}`: {ids_missing} rows have no id in `{id}`", file.shown_as));
    }
    Ok(())
}

/// Takes ids and scores.
struct ScoreSink<'a> {
    parts: &'a Parts,
    id: usize,
    score: usize,
    kind: Kind,
    empty_is_missing: bool,
    scores: Vec<Scored>,
    ids_missing: u64,
    rows_max: usize,
}

impl Sink for ScoreSink<'_> {
    fn take(&mut self, rows: &RecordBatch) -> Result<(), SourceError> {
        let keys = self
            .parts
            .read(rows, self.id, |ids| kind::keys(&kind::canonical(ids, self.kind, self.empty_is_missing)?))?;
        let scores = self.parts.read(rows, self.score, columns::numbers)?;
        if self.scores.len() + keys.len() > self.rows_max {
            return Err(SourceError::TooManyRows(self.rows_max));
        }
        for (row, key) in keys.into_iter().enumerate() {
            let score = if scores.is_valid(row) { scores.value(row) } else { f64::NAN };
            match key {
                Some(key) => self.scores.push(Scored { key: halves(key), score }),
                None => self.ids_missing += 1,
            }
        }
        Ok(())
    }
}
