//! The champion's scores from a file of its own, joined to the rows of an evaluation by their ids.
//!
//! Order is not alignment: rows that stand in the same place of two files need not be about the same case.

use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::DataType;

use super::Resources;
use super::columns::{self, ColumnError};
use super::reference::kind::{self, Kind};
use super::scan::{DataFile, absent};
use super::source::{Content, Format, Sink, Source, SourceError};
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
        let (id, score) =
            (column(file, &source, "the id", id_name), column(file, &source, "the score", &champion.column));
        let own_id = column(rows, &own, "the id", own_id);
        let ((id, id_type), (score, score_type), (_, own_type)) = match (id, score, own_id) {
            (Ok(id), Ok(score), Ok(own_id)) => (id, score, own_id),
            (id, score, own_id) => return Err([id.err(), score.err(), own_id.err()].into_iter().flatten().collect()),
        };
        if !columns::is_number(&score_type, source.format().is_untyped()) {
            let message = format!("the score column `{}` of `{}` is {score_type}", champion.column, file.shown_as);
            return Err(vec![file.problem("wrong-column-type", message).hint("write it as a number")]);
        }
        let kind = kind_of((&own_type, own.format()), (&id_type, source.format())).ok_or_else(|| {
            let message =
                format!("ids of `{}` are {id_type}, and those of `{}` {own_type}", file.shown_as, rows.shown_as);
            vec![file.problem("wrong-column-type", message).hint("write the ids of both as the same type")]
        })?;
        let empty_is_missing = own.format().is_untyped() || source.format().is_untyped();
        let mut columns = vec![id, score];
        columns.sort_unstable();
        columns.dedup();
        let at = |position: usize| columns.iter().position(|column| *column == position).unwrap_or_default();
        let rows_max = resources.rows_bytes() / size_of::<Scored>() as u64 / resources.threads.get() as u64;
        let sink = || ScoreSink {
            format: source.format(),
            id: at(id),
            score: at(score),
            kind,
            empty_is_missing,
            scores: Vec::new(),
            ids_missing: 0,
            rows_max: usize::try_from(rows_max).unwrap_or(usize::MAX),
        };
        let mut sinks: Vec<_> = (0..resources.threads.get()).map(|_| sink()).collect();
        let content = source.read(&columns, &[], &mut sinks).map_err(refused)?;
        let (scores, ids_missing) = sorted(sinks);
        unique(file, id_name, &scores, ids_missing)?;
        let data = facts(file, &content);
        Ok(Self { scores, kind, empty_is_missing, data, matched: AtomicU64::new(0) })
    }
}

fn facts(file: DataFile<'_>, content: &Content) -> FileFacts {
    FileFacts { path: file.shown_as.to_owned(), sha256: content.sha256, size_bytes: content.size_bytes }
}

/// The position of a column and its type.
fn column(file: DataFile<'_>, source: &Source, part: &str, name: &str) -> Result<(usize, DataType), Problem> {
    let schema = source.schema();
    let position = columns::position(schema, name).ok_or_else(|| absent(file, schema, part, name))?;
    Ok((position, schema.field(position).data_type().clone()))
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

fn sorted(sinks: Vec<ScoreSink>) -> (Vec<Scored>, u64) {
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
struct ScoreSink {
    format: Format,
    id: usize,
    score: usize,
    kind: Kind,
    empty_is_missing: bool,
    scores: Vec<Scored>,
    ids_missing: u64,
    rows_max: usize,
}

impl Sink for ScoreSink {
    fn take(&mut self, rows: &RecordBatch) -> Result<(), SourceError> {
        let (Some(ids), Some(scores)) = (rows.columns().get(self.id), rows.columns().get(self.score)) else {
            return Err(SourceError::Stopped);
        };
        let malformed = |error: ColumnError| self.format.malformed(error.to_string());
        let form = kind::canonical(ids, self.kind, self.empty_is_missing).map_err(malformed)?;
        let keys = kind::keys(&form).map_err(malformed)?;
        let scores = columns::numbers(scores).map_err(|error| self.format.malformed(error.to_string()))?;
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
