//! SQL checks: questions of the analyst to the rows, whose answers are facts.
//!
//! A query is one `SELECT` over the tables `evaluation`, `parts` (the same rows under the names of the parts that columns
//! play, such as `label` and `score`) and, if there are rows of a reference, `reference`, and if the champion has a file
//! of its own, `champion`. It reads nothing else, writes nothing, and asks neither clock nor chance: the same files give the same answer, whose rows are in the order
//! of their values. On the command line it runs in a process of its own, with bounds on time, memory and rows. The
//! rows that it sees are those of the file by its digest.

mod query;
mod table;
pub mod worker;

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::source::RowsFile;
use super::{DataFile, EvaluationFacts, EvaluationFiles, ReferenceFile, Resources};
use crate::digest::Sha256Digest;
use crate::facts::FileFacts;
use crate::manifest::raw::{BundledSqlCheck, RawEvaluation, SqlCheck, Task};

/// Rows of an answer at most: it is evidence, and no export.
pub(crate) const ROWS_MAX: usize = 1000;

/// The answer to a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SqlCheckFacts {
    /// The check's name.
    pub name: String,
    /// Who asks.
    pub source: SqlSource,
    /// SHA-256 of the query's text.
    pub query_sha256: Sha256Digest,
    /// Whether there is an answer.
    pub status: SqlStatus,
    /// Why there is none.
    pub reason: Option<String>,
    /// The rows of the answer, in the order of their values; at most 1000.
    pub rows: Vec<BTreeMap<String, Option<SqlValue>>>,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SqlSource {
    /// The manifest.
    Manifest,
    /// The policy bundle.
    Policies,
}

/// Whether there is an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SqlStatus {
    /// It is in the rows.
    Ok,
    /// The query is refused, or came to an error or a bound; the reason says which.
    Error,
}

/// A value of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SqlValue {
    /// A truth value.
    Boolean(bool),
    /// A whole number, within ±2⁵³.
    Integer(i64),
    /// A finite number.
    Number(f64),
    /// Text of at most 1024 characters.
    Text(String),
}

/// A row of an answer.
pub(crate) type Row = BTreeMap<String, Option<SqlValue>>;

/// What queries are run with.
#[derive(Debug, Clone, Copy)]
pub struct SqlContext<'a> {
    /// The checks of the policy bundle.
    pub bundled: &'a [BundledSqlCheck],
    /// The program that runs a query in a process of its own; none runs it in this one.
    pub worker: Option<&'a Path>,
}

/// A file that a query sees as a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableFile {
    pub(crate) name: String,
    pub(crate) files: Vec<RowsFile>,
    pub(crate) sha256: Sha256Digest,
    /// Parts and their columns, for the same rows under the parts' names.
    pub(crate) parts: Vec<(String, String)>,
}

/// A question to a file of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) tables: Vec<TableFile>,
    pub(crate) check: SqlCheck,
    pub(crate) memory_bytes: u64,
}

/// The answers of an evaluation: those that its manifest asks for and then those of the policy bundle, each in the order
/// of names.
pub(crate) fn answers(
    task: Task,
    declared: &RawEvaluation,
    files: EvaluationFiles<'_>,
    facts: &EvaluationFacts,
    context: SqlContext<'_>,
    resources: Resources,
) -> Vec<SqlCheckFacts> {
    let for_task = |check: &&BundledSqlCheck| check.tasks.is_empty() || check.tasks.contains(&task);
    let bundled = context.bundled.iter().filter(for_task).map(|bundled| (SqlSource::Policies, &bundled.check));
    let mut checks: Vec<_> = declared.sql_checks.iter().map(|check| (SqlSource::Manifest, check)).collect();
    checks.sort_by(|left, right| left.1.name.cmp(&right.1.name));
    checks.extend(bundled);
    if checks.is_empty() {
        return Vec::new();
    }
    let parts = declared.columns.parts().into_iter().filter(|(key, ..)| *key != "quantiles");
    let whole = |name: &str, file: DataFile<'_>, data: &FileFacts| TableFile {
        name: name.to_owned(),
        files: file.files.to_vec(),
        sha256: data.sha256,
        parts: Vec::new(),
    };
    let mut tables = vec![TableFile {
        name: "evaluation".to_owned(),
        files: files.rows.files.to_vec(),
        sha256: facts.data.sha256,
        parts: parts.map(|(key, _, column)| (key.to_owned(), column.to_owned())).collect(),
    }];
    if let (Some(ReferenceFile::Rows(file)), Some(leakage)) = (files.reference, &facts.leakage) {
        tables.extend(leakage.data.as_ref().map(|data| whole("reference", file, data)));
    }
    if let (Some(file), Some(data)) =
        (files.champion, facts.champion.as_ref().and_then(|champion| champion.data.as_ref()))
    {
        tables.push(whole("champion", file, data));
    }
    let answer = |(source, check): (SqlSource, &SqlCheck)| {
        let request = Request { tables: tables.clone(), check: check.clone(), memory_bytes: resources.rows_bytes() };
        let answered = match context.worker {
            Some(program) => worker::ask(program, &request),
            None => query::run(&request),
        };
        let (status, reason, rows) = match answered {
            Ok(rows) => (SqlStatus::Ok, None, rows),
            Err(reason) => (SqlStatus::Error, Some(reason), Vec::new()),
        };
        let query_sha256 = Sha256Digest::of(check.query.as_bytes());
        SqlCheckFacts { name: check.name.clone(), source, query_sha256, status, reason, rows }
    };
    checks.into_iter().map(answer).collect()
}
