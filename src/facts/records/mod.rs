//! Records: what people found out or promised and no file of the model can say, such as a threat model.
//!
//! A record is a YAML file of its own with an author and a date. What it says is not measured; that it is
//! there, in date, complete and consistent is what controls ask for.

pub mod content;

use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::content::{
    ChangeLog, DataStatement, Exceptions, Explainability, HumanOversight, Incidents, PrivacyAssessment, Remediations,
    Reproducibility, RobustnessTests, SecurityTests, ThreatModel,
};
use super::FileFacts;
use crate::digest::Sha256Digest;
use crate::document::{Document, TEXT_BYTES_MAX, pointer_to, read_text};
use crate::problem::{Problem, nearest};

/// The records of a release; null for what is not there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordsFacts {
    /// Who would attack or misuse the model, how, and what stands against it.
    pub threat_model: Option<Recorded<ThreatModel>>,
    /// Tests against those attacks.
    pub security_tests: Option<Recorded<SecurityTests>>,
    /// What the model does with data about people, and why it may.
    pub privacy_assessment: Option<Recorded<PrivacyAssessment>>,
    /// Who watches the model's decisions and what they can do.
    pub human_oversight: Option<Recorded<HumanOversight>>,
    /// How a decision is explained, and to whom.
    pub explainability: Option<Recorded<Explainability>>,
    /// How the model holds when its input is not what it was trained on.
    pub robustness_tests: Option<Recorded<RobustnessTests>>,
    /// Where the training data comes from and what it lacks.
    pub data_statement: Option<Recorded<DataStatement>>,
    /// What it takes to train the model again.
    pub reproducibility: Option<Recorded<Reproducibility>>,
    /// What went wrong with the model in use.
    pub incidents: Option<Recorded<Incidents>>,
    /// What was promised when earlier releases were approved.
    pub remediations: Option<Recorded<Remediations>>,
    /// Risks that somebody accepted for a time.
    pub exceptions: Option<Recorded<Exceptions>>,
    /// What changed from release to release.
    pub change_log: Option<Recorded<ChangeLog>>,
}

/// One record: its file, who stands for it, until when, and what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recorded<T> {
    /// The file that it was read from.
    pub file: FileFacts,
    /// Who wrote it.
    pub author: String,
    /// Who approved it, or null.
    pub approved_by: Option<String>,
    /// Day on which it was written or last confirmed.
    pub date: String,
    /// Day on which it is to be looked at again, or null.
    pub review_by: Option<String>,
    /// The model version that it was written for, or null if for any.
    pub model_version: Option<String>,
    /// What it says.
    pub content: T,
}

/// The file of a record.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "modelgate record, version 1")]
struct RawRecord<T> {
    /// Version of this format. Always 1.
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "checked by the schema")]
    version: u32,
    /// The kind of record.
    #[expect(dead_code, reason = "read before the rest, which depends on it")]
    record: String,
    /// Who wrote it.
    #[schemars(length(min = 1, max = 254))]
    author: String,
    /// Who approved it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 254))]
    approved_by: Option<String>,
    /// Day on which it was written or last confirmed.
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    date: String,
    /// Day on which it is to be looked at again.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    review_by: Option<String>,
    /// The model version that it was written for.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    model_version: Option<String>,
    /// What it says.
    content: T,
}

/// The kinds of records, as files name them.
pub const KINDS: [&str; 12] = [
    "change-log",
    "data-statement",
    "exceptions",
    "explainability",
    "human-oversight",
    "incidents",
    "privacy-assessment",
    "remediations",
    "reproducibility",
    "robustness-tests",
    "security-tests",
    "threat-model",
];

/// Keys whose values are days; a schema cannot say that the thirtieth of February is none.
const DAYS: [&str; 12] = [
    "date",
    "review_by",
    "performed_on",
    "collected_from",
    "collected_to",
    "since",
    "opened",
    "closed",
    "due",
    "from",
    "expires",
    "released",
];

impl RecordsFacts {
    /// Reads the record at `absolute`, which is called `shown`, into its place.
    ///
    /// # Errors
    /// It cannot be read, is of no known kind, is not as that kind is written, or is the second of its kind.
    pub fn read(&mut self, shown: &str, absolute: &Path) -> Result<(), Vec<Problem>> {
        let text = read_text(absolute, shown, TEXT_BYTES_MAX).map_err(|problem| vec![problem])?;
        let document = Document::parse(shown, &text)?;
        let file = FileFacts {
            path: shown.to_owned(),
            sha256: Sha256Digest::of(text.as_bytes()),
            size_bytes: text.len() as u64,
        };
        let kind = document.value().get("record").and_then(Value::as_str).unwrap_or_default().to_owned();
        match kind.as_str() {
            "change-log" => place(&mut self.change_log, &document, file),
            "data-statement" => place(&mut self.data_statement, &document, file),
            "exceptions" => place(&mut self.exceptions, &document, file),
            "explainability" => place(&mut self.explainability, &document, file),
            "human-oversight" => place(&mut self.human_oversight, &document, file),
            "incidents" => place(&mut self.incidents, &document, file),
            "privacy-assessment" => place(&mut self.privacy_assessment, &document, file),
            "remediations" => place(&mut self.remediations, &document, file),
            "reproducibility" => place(&mut self.reproducibility, &document, file),
            "robustness-tests" => place(&mut self.robustness_tests, &document, file),
            "security-tests" => place(&mut self.security_tests, &document, file),
            "threat-model" => place(&mut self.threat_model, &document, file),
            _ => Err(vec![unknown_kind(&document, &kind)]),
        }
    }

    /// The files of the records, in the order of paths.
    #[must_use]
    pub fn files(&self) -> Vec<&FileFacts> {
        let files = [
            self.change_log.as_ref().map(|record| &record.file),
            self.data_statement.as_ref().map(|record| &record.file),
            self.exceptions.as_ref().map(|record| &record.file),
            self.explainability.as_ref().map(|record| &record.file),
            self.human_oversight.as_ref().map(|record| &record.file),
            self.incidents.as_ref().map(|record| &record.file),
            self.privacy_assessment.as_ref().map(|record| &record.file),
            self.remediations.as_ref().map(|record| &record.file),
            self.reproducibility.as_ref().map(|record| &record.file),
            self.robustness_tests.as_ref().map(|record| &record.file),
            self.security_tests.as_ref().map(|record| &record.file),
            self.threat_model.as_ref().map(|record| &record.file),
        ];
        let mut files: Vec<&FileFacts> = files.into_iter().flatten().collect();
        files.sort_by(|left, right| left.path.cmp(&right.path));
        files
    }
}

fn unknown_kind(document: &Document, kind: &str) -> Problem {
    let known = KINDS.map(|kind| format!("`{kind}`")).join(", ");
    if kind.is_empty() {
        let problem = Problem::new("missing-key", "the record does not say what it is");
        return problem.at(document.location("")).hint(format!("add `record:` with one of {known}"));
    }
    let problem = Problem::new("unknown-record", format!("there is no kind of record `{kind}`"));
    problem.at(document.location("/record")).hint(match nearest(kind, KINDS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the kinds are {known}"),
    })
}

fn place<T: DeserializeOwned + JsonSchema + 'static>(
    slot: &mut Option<Recorded<T>>,
    document: &Document,
    file: FileFacts,
) -> Result<(), Vec<Problem>> {
    let raw: RawRecord<T> = document.decode()?;
    let mut problems = Vec::new();
    impossible_days(document, document.value(), "", &mut problems);
    if let Some(first) = slot {
        let message = format!("`{}` is a record of this kind already", first.file.path);
        let problem = Problem::new("duplicate-record", message).at(document.location("/record"));
        problems.push(problem.hint("put what both say into one file"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    *slot = Some(Recorded {
        file,
        author: raw.author,
        approved_by: raw.approved_by,
        date: raw.date,
        review_by: raw.review_by,
        model_version: raw.model_version,
        content: raw.content,
    });
    Ok(())
}

fn impossible_days(document: &Document, value: &Value, pointer: &str, problems: &mut Vec<Problem>) {
    match value {
        Value::Object(entries) => {
            for (key, entry) in entries {
                let pointer = pointer_to(pointer, key);
                if let Some(text) = entry.as_str().filter(|_| DAYS.contains(&key.as_str()))
                    && text.parse::<chrono::NaiveDate>().is_err()
                {
                    let problem = Problem::new("invalid-date", format!("`{text}` is not a day"));
                    problems.push(problem.at(document.location(&pointer)).hint("write it as YYYY-MM-DD"));
                }
                impossible_days(document, entry, &pointer, problems);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                impossible_days(document, item, &pointer_to(pointer, &index.to_string()), problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGE_LOG: &str = "version: 1\nrecord: change-log\nauthor: a@example.com\ndate: \"2026-02-28\"\n\
                              content:\n  entries:\n    - {version: 1.0.0, released: \"2026-02-28\", summary: First.}\n";

    fn read(texts: &[&str]) -> Result<RecordsFacts, Vec<(&'static str, u64)>> {
        let directory = tempfile::tempdir().unwrap();
        let mut records = RecordsFacts::default();
        for (index, text) in texts.iter().enumerate() {
            let path = directory.path().join(index.to_string());
            std::fs::write(&path, text).unwrap();
            records.read(&format!("records/{index}.yaml"), &path).map_err(|problems| {
                problems
                    .iter()
                    .map(|problem| (problem.code, problem.location.as_ref().unwrap().line))
                    .collect::<Vec<_>>()
            })?;
        }
        Ok(records)
    }

    #[test]
    fn a_record_is_read_with_its_file() {
        let records = read(&[CHANGE_LOG]).unwrap();
        let log = records.change_log.as_ref().unwrap();
        assert_eq!((log.author.as_str(), log.content.entries.len()), ("a@example.com", 1));
        assert_eq!(log.file.sha256, Sha256Digest::of(CHANGE_LOG.as_bytes()));
        assert_eq!(records.files(), [&log.file]);
        assert!(records.threat_model.is_none());
    }

    #[test]
    fn what_is_no_record_is_refused_at_its_place() {
        for (text, expected) in [
            (CHANGE_LOG.replace("change-log", "changelog"), ("unknown-record", 2)),
            (CHANGE_LOG.replace("record: change-log\n", ""), ("missing-key", 1)),
            (CHANGE_LOG.replace("summary:", "sumary:"), ("missing-key", 7)),
            (CHANGE_LOG.replace("date: \"2026-02-28\"", "date: \"2026-02-30\""), ("invalid-date", 4)),
            (CHANGE_LOG.replace("released: \"2026-02-28\"", "released: \"2026-02-30\""), ("invalid-date", 7)),
            (CHANGE_LOG.replace("author: a@example.com", "author: 7"), ("wrong-type", 3)),
        ] {
            assert_eq!(read(&[&text]).unwrap_err().first(), Some(&expected), "{text}");
        }
        assert_eq!(read(&[CHANGE_LOG, CHANGE_LOG]).unwrap_err(), [("duplicate-record", 2)]);
    }
}
