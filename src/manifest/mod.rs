//! The manifest: what the team declares about a release, read and checked before anything is opened.

pub mod raw;

use std::collections::BTreeMap;
use std::path::Path;

use self::raw::{ArtifactRole, ClassLabel, MonitoringFormat, RawEvaluation, RawManifest};
use crate::digest::Sha256Digest;
use crate::document::{Document, TEXT_BYTES_MAX, pointer_to, read_text};
use crate::problem::{Location, Problem};
use crate::release_root::{ReleasePath, ReleaseRoot};

/// Name of the manifest in the directory of a release.
pub const FILE_NAME: &str = "modelgate.yaml";

/// A manifest that is in order: its shape, its meaning, and where its paths lead.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The directory that paths are relative to.
    pub root: ReleaseRoot,
    /// Name of the manifest in it.
    pub file_name: String,
    /// SHA-256 of the manifest.
    pub sha256: Sha256Digest,
    /// Size of the manifest in bytes.
    pub size_bytes: u64,
    /// The model.
    pub model: raw::Model,
    /// The intake answers.
    pub intake: raw::Intake,
    /// The model card.
    pub card: Option<Entry>,
    /// The files that would be released.
    pub artifacts: Vec<ArtifactEntry>,
    /// The evaluations.
    pub evaluations: Vec<EvaluationEntry>,
    /// The monitoring configurations.
    pub monitoring: Vec<MonitoringEntry>,
    /// The change.
    pub change: Option<raw::Change>,
}

/// A file, and where the manifest names it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The file.
    pub path: ReleasePath,
    /// Where it is named.
    pub location: Location,
}

/// Files that would be released.
#[derive(Debug, Clone)]
pub struct ArtifactEntry {
    /// Path, directory or glob as written.
    pub pattern: String,
    /// The files that it stands for now.
    pub files: Vec<ReleasePath>,
    /// What they are to the release.
    pub role: ArtifactRole,
    /// Where it is written.
    pub location: Location,
}

/// An evaluation.
#[derive(Debug, Clone)]
pub struct EvaluationEntry {
    /// As declared.
    pub declared: RawEvaluation,
    /// Its rows.
    pub data: Entry,
}

/// Monitoring configurations.
#[derive(Debug, Clone)]
pub struct MonitoringEntry {
    /// Path, directory or glob as written.
    pub pattern: String,
    /// The files that it stands for now.
    pub files: Vec<ReleasePath>,
    /// Whose configuration it is.
    pub format: MonitoringFormat,
    /// Where it is written.
    pub location: Location,
}

/// Reads the manifest at `release`, which is it or the directory that it is in.
///
/// # Errors
/// Every problem, in the order of places.
pub fn load(release: &Path) -> Result<Manifest, Vec<Problem>> {
    let file = if release.is_dir() { release.join(FILE_NAME) } else { release.to_owned() };
    let shown = file.display().to_string();
    let text = read_text(&file, &shown, TEXT_BYTES_MAX).map_err(|problem| {
        let is_missing = problem.code == "missing-file";
        vec![if is_missing { problem.hint("write one with `modelgate init`, or name the release's directory") } else { problem }]
    })?;
    let document = Document::parse(&shown, &text)?;
    let raw: RawManifest = document.decode()?;
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let root = ReleaseRoot::open(directory).map_err(|problem| vec![problem])?;
    let mut check = Check { document: &document, root: &root, problems: Vec::new() };
    let file_name = file.file_name().map_or_else(|| FILE_NAME.to_owned(), |name| name.to_string_lossy().into_owned());
    let manifest = Manifest {
        file_name,
        sha256: Sha256Digest::of(text.as_bytes()),
        size_bytes: text.len() as u64,
        card: raw.card.as_ref().and_then(|card| check.path(card, "/card")),
        artifacts: check.artifacts(&raw),
        evaluations: check.evaluations(&raw),
        monitoring: check.monitoring(&raw),
        model: raw.model,
        intake: raw.intake,
        change: raw.change,
        root: root.clone(),
    };
    check.texts(document.value(), "");
    check.repeated(&manifest.intake.data_classes, "/intake/data_classes");
    check.repeated(&manifest.intake.jurisdictions, "/intake/jurisdictions");
    let mut problems = check.problems;
    if problems.is_empty() {
        return Ok(manifest);
    }
    problems.sort_by(|left, right| left.location.cmp(&right.location));
    Err(problems)
}

/// What a schema cannot say.
struct Check<'a> {
    document: &'a Document,
    root: &'a ReleaseRoot,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn refuse(&mut self, code: &'static str, message: String, hint: &str, pointer: &str) {
        self.problems.push(Problem::new(code, message).at(self.document.location(pointer)).hint(hint));
    }

    fn path(&mut self, path: &str, pointer: &str) -> Option<Entry> {
        let location = self.document.location(pointer);
        match self.root.resolve(path) {
            Ok(path) => Some(Entry { path, location }),
            Err(problem) => {
                self.problems.push(problem.at(location));
                None
            }
        }
    }

    fn expand(&mut self, pattern: &str, pointer: &str) -> Vec<ReleasePath> {
        self.root.expand(pattern).unwrap_or_else(|problem| {
            self.problems.push(problem.at(self.document.location(pointer)));
            Vec::new()
        })
    }

    fn artifacts(&mut self, raw: &RawManifest) -> Vec<ArtifactEntry> {
        let mut named: BTreeMap<String, usize> = BTreeMap::new();
        let mut entries = Vec::new();
        for (index, artifact) in raw.artifacts.iter().enumerate() {
            let pointer = format!("/artifacts/{index}/path");
            let files = self.expand(&artifact.path, &pointer);
            for file in &files {
                if let Some(first) = named.insert(file.relative.clone(), index) {
                    let message = format!("`{}` is already part of `artifacts[{first}]`", file.relative);
                    self.refuse("duplicate-artifact", message, "name each file once", &pointer);
                }
            }
            entries.push(ArtifactEntry {
                pattern: artifact.path.clone(),
                files,
                role: artifact.role,
                location: self.document.location(&pointer),
            });
        }
        entries
    }

    fn monitoring(&mut self, raw: &RawManifest) -> Vec<MonitoringEntry> {
        let entry = |(index, monitoring): (usize, &raw::RawMonitoring)| {
            let pointer = format!("/monitoring/{index}/path");
            MonitoringEntry {
                pattern: monitoring.path.clone(),
                files: self.expand(&monitoring.path, &pointer),
                format: monitoring.format,
                location: self.document.location(&pointer),
            }
        };
        raw.monitoring.iter().enumerate().map(entry).collect()
    }

    fn evaluations(&mut self, raw: &RawManifest) -> Vec<EvaluationEntry> {
        let mut names = BTreeMap::new();
        let mut entries = Vec::new();
        for (index, evaluation) in raw.evaluations.iter().enumerate() {
            let pointer = format!("/evaluations/{index}");
            if let Some(first) = names.insert(&evaluation.name, index) {
                let message = format!("the name `{}` is already that of `evaluations[{first}]`", evaluation.name);
                self.refuse("duplicate-name", message, "give each evaluation its own name", &format!("{pointer}/name"));
            }
            self.columns(evaluation, &pointer);
            self.classes(evaluation, &pointer);
            let mut claimed = BTreeMap::new();
            for (position, claim) in evaluation.claims.iter().enumerate() {
                let place = format!("{pointer}/claims/{position}");
                if claimed.insert(claim.metric, ()).is_some() {
                    let message = format!("`{}` is claimed twice", claim.metric.key());
                    self.refuse("duplicate-claim", message, "keep one claim for each metric", &format!("{place}/metric"));
                }
            }
            if let Some(data) = self.path(&evaluation.data, &format!("{pointer}/data")) {
                entries.push(EvaluationEntry { declared: evaluation.clone(), data });
            }
        }
        entries
    }

    /// A column plays one part: a score that is also a slice, or a label that is also an id, is a mistake.
    fn columns(&mut self, evaluation: &RawEvaluation, pointer: &str) {
        let columns = &evaluation.columns;
        let mut parts: BTreeMap<&str, String> = BTreeMap::new();
        let slices = evaluation
            .slices
            .iter()
            .enumerate()
            .map(|(index, slice)| (slice.column.as_str(), format!("slices/{index}/column"), "a slice"));
        let named = [
            Some((columns.label.as_str(), "columns/label".to_owned(), "the label")),
            Some((columns.score.as_str(), "columns/score".to_owned(), "the score")),
            columns.id.as_deref().map(|id| (id, "columns/id".to_owned(), "the id")),
        ];
        for (column, place, part) in named.into_iter().flatten().chain(slices) {
            if let Some(first) = parts.insert(column, part.to_owned()) {
                let message = format!("the column `{column}` is {part} and already {first}");
                self.refuse("duplicate-column", message, "a column plays one part", &format!("{pointer}/{place}"));
            }
        }
    }

    fn classes(&mut self, evaluation: &RawEvaluation, pointer: &str) {
        let classes = &evaluation.classes;
        let place = format!("{pointer}/classes/negative");
        let same_kind = matches!(
            (&classes.positive, &classes.negative),
            (ClassLabel::Boolean(_), ClassLabel::Boolean(_))
                | (ClassLabel::Integer(_), ClassLabel::Integer(_))
                | (ClassLabel::Text(_), ClassLabel::Text(_))
        );
        if classes.positive == classes.negative {
            let message = "the positive and the negative class are the same".to_owned();
            self.refuse("same-classes", message, "write both classes as they stand in the label column", &place);
        } else if !same_kind {
            let message = "the positive and the negative class are of different types".to_owned();
            self.refuse("mixed-classes", message, "write both classes as they stand in the label column", &place);
        }
    }

    fn repeated<T: PartialEq>(&mut self, values: &[T], pointer: &str) {
        for (index, value) in values.iter().enumerate() {
            if values.iter().take(index).any(|earlier| earlier == value) {
                let place = format!("{pointer}/{index}");
                self.refuse("duplicate-value", "the value is listed twice".to_owned(), "remove one", &place);
            }
        }
    }

    /// Texts end in reports and terminals; a control character in one is an accident or an attack.
    fn texts(&mut self, value: &serde_json::Value, pointer: &str) {
        match value {
            serde_json::Value::String(text) => {
                if text.chars().any(|character| character.is_control() && character != '\n') {
                    let message = "the text contains a control character".to_owned();
                    self.refuse("control-character", message, "remove it", pointer);
                }
            }
            serde_json::Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.texts(item, &pointer_to(pointer, &index.to_string()));
                }
            }
            serde_json::Value::Object(entries) => {
                for (key, entry) in entries {
                    self.texts(entry, &pointer_to(pointer, key));
                }
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "\
version: 1
model: {name: m, version: '1', owner: o, task: binary-classification, purpose: p}
intake:
  exposure: internal
  decision_role: informs
  domain: other
  autonomy: human-in-the-loop
  data_classes: [public]
  jurisdictions: [EU]
  people_affected_per_year: 10
artifacts:
  - path: model.bin
evaluations:
  - name: holdout
    data: rows.parquet
    columns: {id: id, label: y, score: s}
    classes: {positive: 1, negative: 0}
    threshold: 0.5
    slices: [{column: sex, protected: true}]
    claims: [{metric: roc_auc, value: 0.8}]
";

    fn problems(text: &str) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE_NAME);
        std::fs::write(&file, text).unwrap();
        match load(directory.path()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems
                .iter()
                .map(|problem| {
                    let at = problem.location.as_ref().map_or((0, 0), |at| (at.line, at.column));
                    format!("{}:{} {}", at.0, at.1, problem.code)
                })
                .collect(),
        }
    }

    fn with(from: &str, to: &str) -> Vec<String> {
        assert!(MANIFEST.contains(from), "{from}");
        problems(&MANIFEST.replacen(from, to, 1))
    }

    #[test]
    fn a_manifest_in_order_has_no_problems() {
        assert_eq!(problems(MANIFEST), Vec::<String>::new());
    }

    #[test]
    fn what_the_schema_cannot_say_is_checked_at_its_place() {
        assert_eq!(with("negative: 0", "negative: 1"), ["17:38 same-classes"]);
        assert_eq!(with("negative: 0", "negative: 'no'"), ["17:38 mixed-classes"]);
        assert_eq!(with("column: sex", "column: s"), ["19:23 duplicate-column"]);
        assert_eq!(with("id: id", "id: y"), ["16:19 duplicate-column"]);
        assert_eq!(with("data: rows.parquet", "data: ../rows.parquet"), ["15:11 path-leaves-release"]);
        assert_eq!(with("path: model.bin", "path: /model.bin"), ["12:11 path-leaves-release"]);
        assert_eq!(with("purpose: p", "purpose: \"a\\u001b[31m\""), ["2:80 control-character"]);
        assert_eq!(with("[EU]", "[EU, EU]"), ["9:23 duplicate-value"]);
        let twice = "claims: [{metric: roc_auc, value: 0.8}, {metric: roc_auc, value: 0.9}]";
        assert_eq!(with("claims: [{metric: roc_auc, value: 0.8}]", twice), ["20:54 duplicate-claim"]);
    }

    #[test]
    fn what_the_schema_says_is_checked_all_at_once() {
        let text = MANIFEST.replace("version: 1", "version: 2").replace("threshold: 0.5", "threshold: 1.5").replace("[EU]", "[Europe]");
        assert_eq!(problems(&text), ["1:10 invalid-value", "9:19 invalid-value", "18:16 invalid-value"]);
    }
}
