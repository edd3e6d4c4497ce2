//! The manifest: what the team declares about a release, read and checked before anything is opened.

pub mod raw;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use self::raw::{
    ArtifactRole, Champion, ClaimFormat, ClassLabel, MonitoringFormat, RawEvaluation, RawManifest, Reference,
    SignalKind, SqlCheck, Task,
};
use crate::digest::Sha256Digest;
use crate::document::{Document, TEXT_BYTES_MAX, bounded, pointer_to, read_text};
use crate::problem::{Location, Problem};
use crate::release_root::{ReleasePath, ReleaseRoot, is_mark};
use crate::remote::mlflow::Reference as MlflowReference;
use crate::remote::{self, Address};

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
    /// The records.
    pub records: Vec<RecordEntry>,
    /// The bill of materials.
    pub bill_of_materials: Option<Entry>,
    /// What DVC recorded.
    pub dvc: Vec<RecordEntry>,
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
    /// Where they are, if that is elsewhere.
    pub elsewhere: Option<Elsewhere>,
    /// What they are to the release.
    pub role: ArtifactRole,
    /// Where it is written.
    pub location: Location,
}

/// Where artifacts are that are not in the release.
#[derive(Debug, Clone)]
pub enum Elsewhere {
    /// At an address.
    Address(Address),
    /// On the pipeline's MLflow server.
    Mlflow(MlflowReference),
}

/// Files of rows.
#[derive(Debug, Clone)]
pub struct RowsEntry {
    /// Path, directory or glob as written.
    pub pattern: String,
    /// The files that it stands for now, in the order of their paths.
    pub files: Vec<ReleasePath>,
    /// Where they are, if that is elsewhere.
    pub address: Option<Address>,
    /// Where it is written.
    pub location: Location,
}

/// An evaluation.
#[derive(Debug, Clone)]
pub struct EvaluationEntry {
    /// As declared.
    pub declared: RawEvaluation,
    /// Its rows.
    pub data: RowsEntry,
    /// What they are compared with.
    pub reference: Option<ReferenceEntry>,
    /// The champion's scores, where these are in a file of their own.
    pub champion: Option<RowsEntry>,
    /// What states metric values, in the order of the manifest.
    pub claims_from: Vec<ClaimsEntry>,
}

/// What states metric values.
#[derive(Debug, Clone)]
pub struct ClaimsEntry {
    /// The file or the run.
    pub source: ClaimsPlace,
    /// Where it is named.
    pub location: Location,
}

/// Where metric values are stated.
#[derive(Debug, Clone)]
pub enum ClaimsPlace {
    /// In a file, or a directory of files.
    Path(ReleasePath),
    /// On the pipeline's MLflow server.
    Mlflow(MlflowReference),
}

/// What the rows of an evaluation are compared with.
#[derive(Debug, Clone)]
pub enum ReferenceEntry {
    /// Other rows.
    Rows(RowsEntry),
    /// What was frozen of them.
    Baseline(Entry),
}

impl ReferenceEntry {
    /// Its rows, if it has any.
    #[must_use]
    pub const fn rows(&self) -> Option<&RowsEntry> {
        match self {
            Self::Rows(rows) => Some(rows),
            Self::Baseline(_) => None,
        }
    }
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
    /// What signals watch whose names match a glob.
    pub kinds: BTreeMap<String, SignalKind>,
    /// Where it is written.
    pub location: Location,
}

/// Records, of people or of DVC.
#[derive(Debug, Clone)]
pub struct RecordEntry {
    /// Path, directory or glob as written.
    pub pattern: String,
    /// The files that it stands for now.
    pub files: Vec<ReleasePath>,
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
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // A manifest that is a link to a file elsewhere would show that file's lines among the problems.
    let root = ReleaseRoot::open(directory);
    if let Ok(root) = &root {
        root.refuse_leaving_link(&shown, &file).map_err(|problem| vec![problem])?;
    }
    let text = read_text(&file, &shown, TEXT_BYTES_MAX).map_err(|problem| vec![with_start(problem)])?;
    let root = root.map_err(|problem| vec![problem])?;
    let document =
        Document::parse(&shown, &text).map_err(|problems| problems.into_iter().map(with_start).collect::<Vec<_>>())?;
    let raw: RawManifest = document.decode()?;
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
        records: check.records(&raw.records, "/records"),
        bill_of_materials: raw
            .supply_chain
            .as_ref()
            .and_then(|chain| chain.bill_of_materials.as_ref())
            .and_then(|bill| check.path(bill, "/supply_chain/bill_of_materials")),
        dvc: raw.supply_chain.as_ref().map(|chain| check.records(&chain.dvc, "/supply_chain/dvc")).unwrap_or_default(),
        model: raw.model,
        intake: raw.intake,
        change: raw.change,
        root: root.clone(),
    };
    check.texts(document.value(), "");
    check.monitored_once(&manifest.monitoring);
    check.repeated(&manifest.intake.data_classes, "/intake/data_classes");
    check.repeated(&manifest.intake.jurisdictions, "/intake/jurisdictions");
    let mut problems = check.problems;
    if problems.is_empty() {
        return Ok(manifest);
    }
    problems.sort_by(|left, right| left.location.cmp(&right.location));
    Err(bounded(problems))
}

/// A problem of a manifest that is not there yet says how to begin one.
fn with_start(problem: Problem) -> Problem {
    match problem.code {
        "missing-file" => problem.hint("write one with `modelgate init`, or name the release's directory"),
        "empty-document" => problem.hint("remove it and write one with `modelgate init`"),
        _ => problem,
    }
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

    /// Files of rows: one, those that a glob matches, or those of a directory apart from the marks that engines leave there
    /// (`_SUCCESS`, `.part-0.crc`). There need not be any: that is said when they are read.
    fn rows(&mut self, pattern: &str, pointer: &str) -> Option<RowsEntry> {
        let location = self.document.location(pointer);
        if remote::is_address(pattern) {
            let address = Address::parse(pattern).map_err(|problem| self.problems.push(problem.at(location.clone())));
            let of = |address| RowsEntry {
                pattern: pattern.to_owned(),
                files: Vec::new(),
                address: Some(address),
                location,
            };
            return address.ok().map(of);
        }
        let found = || -> Result<_, Problem> {
            let mut files = self.root.expand(pattern)?;
            let is_glob = pattern.contains(['*', '?', '[', '{']);
            let is_directory = !is_glob && self.root.resolve(pattern)?.absolute.is_dir();
            if is_directory {
                files.retain(|file| !is_mark(&file.relative));
            } else if !is_glob && files.is_empty() {
                files.push(self.root.resolve(pattern)?);
            }
            Ok(files)
        };
        match found() {
            Ok(files) => Some(RowsEntry { pattern: pattern.to_owned(), files, address: None, location }),
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

    /// What a path names that is no file of the release, if it is meant to.
    fn elsewhere(path: &str) -> Option<Result<Elsewhere, Problem>> {
        if MlflowReference::is_meant(path) {
            return Some(MlflowReference::parse(path).map(Elsewhere::Mlflow));
        }
        remote::is_address(path).then(|| Address::parse(path).map(Elsewhere::Address))
    }

    /// What states metric values.
    fn claims_from(&mut self, evaluation: &RawEvaluation, pointer: &str) -> Vec<ClaimsEntry> {
        let mut entries = Vec::new();
        for (index, source) in evaluation.claims_from.iter().enumerate() {
            let pointer = format!("{pointer}/claims_from/{index}/path");
            let location = self.document.location(&pointer);
            let place = match source.format {
                ClaimFormat::Mlflow if MlflowReference::is_meant(&source.path) => {
                    MlflowReference::parse(&source.path).map(ClaimsPlace::Mlflow)
                }
                _ => self.root.resolve(&source.path).map(ClaimsPlace::Path),
            };
            match place {
                Ok(source) => entries.push(ClaimsEntry { source, location }),
                Err(problem) => self.problems.push(problem.at(location)),
            }
        }
        entries
    }

    fn artifacts(&mut self, raw: &RawManifest) -> Vec<ArtifactEntry> {
        let mut named: BTreeMap<String, usize> = BTreeMap::new();
        let mut entries = Vec::new();
        for (index, artifact) in raw.artifacts.iter().enumerate() {
            let pointer = format!("/artifacts/{index}/path");
            let (files, elsewhere) = match Self::elsewhere(&artifact.path) {
                None => (self.expand(&artifact.path, &pointer), None),
                Some(Ok(elsewhere)) => (Vec::new(), Some(elsewhere)),
                Some(Err(problem)) => {
                    self.problems.push(problem.at(self.document.location(&pointer)));
                    continue;
                }
            };
            let names = files.iter().map(|file| &file.relative).chain(elsewhere.as_ref().map(|_| &artifact.path));
            for name in names {
                if let Some(first) = named.insert(name.clone(), index) {
                    let message = format!("`{name}` is already part of `artifacts[{first}]`");
                    self.refuse("duplicate-artifact", message, "name each file once", &pointer);
                }
            }
            entries.push(ArtifactEntry {
                pattern: artifact.path.clone(),
                files,
                elsewhere,
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
                kinds: self.signal_kinds(&monitoring.kinds, &format!("/monitoring/{index}/kinds")),
                location: self.document.location(&pointer),
            }
        };
        raw.monitoring.iter().enumerate().map(entry).collect()
    }

    fn records(&mut self, patterns: &[String], pointer: &str) -> Vec<RecordEntry> {
        let entry = |(index, pattern): (usize, &String)| {
            let pointer = format!("{pointer}/{index}");
            let files = self.expand(pattern, &pointer);
            RecordEntry { pattern: pattern.clone(), files, location: self.document.location(&pointer) }
        };
        patterns.iter().enumerate().map(entry).collect()
    }

    /// A period is of real days, the first of which is not after the last.
    fn period(&mut self, period: &raw::Period, pointer: &str) {
        let mut days = Vec::new();
        for (key, text) in [("from", &period.from), ("to", &period.to)] {
            match text.parse::<chrono::NaiveDate>() {
                Ok(day) => days.push(day),
                Err(_) => {
                    let place = format!("{pointer}/period/{key}");
                    self.refuse("invalid-date", format!("`{text}` is not a day"), "write it as YYYY-MM-DD", &place);
                }
            }
        }
        if let [from, to] = days.as_slice()
            && from > to
        {
            let message = format!("the period ends on {to}, before it begins");
            self.refuse("invalid-period", message, "write the earlier day first", &format!("{pointer}/period"));
        }
    }

    /// A file that is named twice would raise each of its alarms twice.
    fn monitored_once(&mut self, entries: &[MonitoringEntry]) {
        let mut named: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            for file in &entry.files {
                if let Some(first) = named.insert(&file.relative, index) {
                    let message = format!("`{}` is already part of `monitoring[{first}]`", file.relative);
                    let pointer = format!("/monitoring/{index}/path");
                    self.refuse("duplicate-monitoring", message, "name each file once", &pointer);
                }
            }
        }
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
            self.intersections(evaluation, &pointer);
            self.parts_of_task(raw.model.task, evaluation, &pointer);
            self.classes(evaluation, &pointer);
            if let Some(period) = &evaluation.period {
                self.period(period, &pointer);
            }
            let mut claimed = BTreeMap::new();
            for (position, claim) in evaluation.claims.iter().enumerate() {
                let place = format!("{pointer}/claims/{position}");
                if claimed.insert(claim.metric, ()).is_some() {
                    let message = format!("`{}` is claimed twice", claim.metric.key());
                    self.refuse(
                        "duplicate-claim",
                        message,
                        "keep one claim for each metric",
                        &format!("{place}/metric"),
                    );
                }
            }
            self.sql_checks(&evaluation.sql_checks, &pointer);
            let reference = evaluation.reference.as_ref();
            let reference = reference.and_then(|reference| self.reference(reference, evaluation, &pointer));
            let claims_from = self.claims_from(evaluation, &pointer);
            let champion = evaluation.champion.as_ref();
            let champion = champion.and_then(|champion| self.champion(champion, evaluation, &pointer));
            if let Some(data) = self.rows(&evaluation.data, &format!("{pointer}/data")) {
                entries.push(EvaluationEntry { declared: evaluation.clone(), data, reference, champion, claims_from });
            }
        }
        entries
    }

    /// Checks have different names, and only columns of the answer are null.
    fn sql_checks(&mut self, checks: &[SqlCheck], pointer: &str) {
        for (index, check) in checks.iter().enumerate() {
            let place = format!("{pointer}/sql_checks/{index}");
            if checks.iter().take(index).any(|earlier| earlier.name == check.name) {
                let message = format!("the name `{}` is already that of another check", check.name);
                self.refuse("duplicate-name", message, "give each check its own name", &format!("{place}/name"));
            }
            for (position, column) in check.nullable.iter().enumerate() {
                if !check.columns.contains_key(column) {
                    let message = format!("`{column}` is not among the columns");
                    let place = format!("{place}/nullable/{position}");
                    self.refuse("unknown-column", message, "declare it under `columns`, too", &place);
                }
            }
        }
    }

    /// A champion in a file of its own is joined by ids.
    fn champion(&mut self, champion: &Champion, evaluation: &RawEvaluation, pointer: &str) -> Option<RowsEntry> {
        let place = format!("{pointer}/champion");
        let Some(data) = &champion.data else {
            if champion.id.is_some() {
                let message = "scores of the same file are not joined by ids".to_owned();
                self.refuse("needless-part", message, "remove it, or name the file as `data`", &format!("{place}/id"));
            }
            return None;
        };
        if evaluation.columns.id.is_none() {
            let message = "a file of the champion is joined by ids, and the evaluation has none".to_owned();
            self.refuse(
                "missing-part",
                message,
                "declare the column of ids under `columns.id`",
                &format!("{place}/data"),
            );
        }
        self.rows(data, &format!("{place}/data"))
    }

    /// A reference is rows or a baseline, and only with rows is leakage found.
    fn reference(
        &mut self,
        reference: &Reference,
        evaluation: &RawEvaluation,
        pointer: &str,
    ) -> Option<ReferenceEntry> {
        let place = format!("{pointer}/reference");
        let columns = evaluation.parts();
        let beside = [("entity", &reference.entity), ("time", &reference.time)];
        let predicted = ["the label", "the score", "the prediction", "a label", "a score"];
        let prediction =
            |column: &&str| columns.iter().any(|(_, part, name)| predicted.contains(part) && name == column);
        for (key, column) in beside.into_iter().filter_map(|(key, column)| Some((key, column.as_deref()?))) {
            if prediction(&column) {
                let message = format!("the column `{column}` is label or prediction already");
                self.refuse("duplicate-column", message, "a column plays one part", &format!("{place}/{key}"));
            } else if reference.data.is_none() {
                let message = format!("`{key}` is not compared with a baseline");
                self.refuse("needless-part", message, "remove it, or name the rows", &format!("{place}/{key}"));
            }
        }
        for (index, feature) in reference.features.iter().enumerate() {
            let place = format!("{place}/features/{index}");
            if let Some((_, part, _)) = columns.iter().find(|(.., column)| column == feature) {
                let message = format!("the column `{feature}` is {part} and no feature");
                self.refuse("duplicate-column", message, "a column plays one part", &place);
            } else if reference.features.iter().take(index).any(|earlier| earlier == feature) {
                self.refuse("duplicate-value", format!("`{feature}` is listed twice"), "remove one", &place);
            }
        }
        if reference.embargo_days > 0 && reference.time.is_none() {
            let message = "an embargo needs a column for `time`".to_owned();
            self.refuse("missing-part", message, "write `time: COLUMN`", &format!("{place}/embargo_days"));
        }
        match (&reference.data, &reference.baseline) {
            (Some(data), None) => self.rows(data, &format!("{place}/data")).map(ReferenceEntry::Rows),
            (None, Some(baseline)) => self.path(baseline, &format!("{place}/baseline")).map(ReferenceEntry::Baseline),
            (Some(_), Some(_)) | (None, None) => {
                let message = "a reference is either `data` or `baseline`".to_owned();
                self.refuse("missing-part", message, "declare one of the two", &place);
                None
            }
        }
    }

    /// A column plays one part: a score that is also a slice, or a label that is also an id, is a mistake.
    fn columns(&mut self, evaluation: &RawEvaluation, pointer: &str) {
        let mut parts: BTreeMap<&str, String> = BTreeMap::new();
        let slices = evaluation
            .slices
            .iter()
            .enumerate()
            .map(|(index, slice)| (format!("slices/{index}/column"), "a slice", slice.column.as_str()));
        for (place, part, column) in evaluation.parts().into_iter().chain(slices) {
            if let Some(first) = parts.insert(column, part.to_owned()) {
                let message = format!("the column `{column}` is {part} and already {first}");
                self.refuse("duplicate-column", message, "a column plays one part", &format!("{pointer}/{place}"));
            }
        }
    }

    /// An intersection is of different slice columns, and no two are of the same.
    fn intersections(&mut self, evaluation: &RawEvaluation, pointer: &str) {
        let mut known = BTreeSet::new();
        for (index, columns) in evaluation.intersections.iter().enumerate() {
            let place = format!("{pointer}/intersections/{index}");
            for (position, column) in columns.iter().enumerate() {
                let place = format!("{place}/{position}");
                if !evaluation.slices.iter().any(|slice| slice.column == *column) {
                    let message = format!("`{column}` is not among the slices");
                    self.refuse("unknown-slice", message, "declare it under `slices`, too", &place);
                } else if columns.iter().take(position).any(|earlier| earlier == column) {
                    self.refuse("duplicate-value", format!("`{column}` is listed twice"), "remove one", &place);
                }
            }
            if !known.insert(columns.iter().collect::<BTreeSet<_>>()) {
                self.refuse("duplicate-value", "the intersection is listed twice".to_owned(), "remove one", &place);
            }
        }
    }

    /// What a task computes with has to be declared, and nothing else is.
    fn parts_of_task(&mut self, task: Task, evaluation: &RawEvaluation, pointer: &str) {
        let (needed, possible) = (task.needed_parts(), task.possible_parts());
        let declared = evaluation.columns.parts();
        let place = format!("{pointer}/columns");
        for needed in needed {
            if declared.iter().all(|(key, ..)| key != needed) {
                let message = format!("the task `{}` needs a column for `{needed}`", task.key());
                let hint = format!("write `{needed}: COLUMN` under `columns`");
                self.refuse("missing-part", message, &hint, &place);
            }
        }
        for (key, ..) in &declared {
            if !possible.contains(key) {
                let message = format!("the task `{}` makes nothing of `{key}`", task.key());
                self.refuse("needless-part", message, "remove it", &format!("{place}/{key}"));
            }
        }
        let binary = task == Task::BinaryClassification;
        let (multiclass, multilabel) = (task == Task::MulticlassClassification, task == Task::MultilabelClassification);
        let settings = [
            ("classes", binary, evaluation.classes.is_some()),
            ("threshold", binary || multilabel, evaluation.threshold.is_some()),
            ("ranking", task == Task::Ranking, evaluation.ranking.is_some()),
            ("labels", multiclass || multilabel, !evaluation.labels.is_empty()),
        ];
        for (key, wanted, declared) in settings {
            if wanted && !declared {
                let message = format!("the task `{}` needs `{key}`", task.key());
                self.refuse("missing-part", message, "declare it for the evaluation", pointer);
            } else if !wanted && declared {
                let message = format!("the task `{}` makes nothing of `{key}`", task.key());
                self.refuse("needless-part", message, "remove it", &format!("{pointer}/{key}"));
            }
        }
        if !multiclass && evaluation.top_k.is_some() {
            let message = format!("the task `{}` makes nothing of `top_k`", task.key());
            self.refuse("needless-part", message, "remove it", &format!("{pointer}/top_k"));
        }
        if multiclass || multilabel {
            self.labels(task, evaluation, pointer);
        }
        if let Some(champion) = &evaluation.champion {
            self.champion_of_task(task, champion, &format!("{pointer}/champion"));
        }
        if evaluation.columns.lower.is_some() != evaluation.columns.upper.is_some() {
            let message = "an interval has a lower and an upper end".to_owned();
            self.refuse("missing-part", message, "declare both `lower` and `upper`", &place);
        }
        if evaluation.interval_level.is_some() && evaluation.columns.lower.is_none() {
            let message = "there is no predicted interval that could have a level".to_owned();
            self.refuse(
                "needless-part",
                message,
                "remove it, or declare its ends",
                &format!("{pointer}/interval_level"),
            );
        }
        let mut levels: Vec<f64> = evaluation.columns.quantiles.iter().map(|quantile| quantile.level).collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        if levels.len() < evaluation.columns.quantiles.len() {
            let message = "two quantiles have the same level".to_owned();
            self.refuse("duplicate-value", message, "remove one", &format!("{place}/quantiles"));
        }
    }

    /// Globs of signals' names, and what these watch.
    fn signal_kinds(&mut self, kinds: &BTreeMap<String, SignalKind>, place: &str) -> BTreeMap<String, SignalKind> {
        for (glob, kind) in kinds {
            let place = pointer_to(place, glob);
            if let Err(error) = globset::Glob::new(glob) {
                self.refuse("invalid-glob", format!("`{glob}` is not a glob: {}", error.kind()), "correct it", &place);
            }
            if *kind == SignalKind::Unclassified {
                let message = "what a signal watches cannot be declared as unclassified".to_owned();
                self.refuse("unknown-signal", message, "write what it watches, or remove it", &place);
            }
        }
        kinds.clone()
    }

    /// What a task can compare with a champion.
    fn champion_of_task(&mut self, task: Task, champion: &Champion, place: &str) {
        if task == Task::MulticlassClassification && champion.data.is_some() {
            let message = "the champion's classes are not joined from a file of its own".to_owned();
            let hint = "write the class that it predicts into a column of the same rows";
            self.refuse("needless-part", message, hint, &format!("{place}/data"));
        }
        if task == Task::MultilabelClassification {
            let message = format!("a champion is not compared with where the task is `{}`", task.key());
            self.refuse("needless-part", message, "remove it", place);
        } else if task != Task::BinaryClassification && champion.threshold.is_some() {
            let message = format!("the task `{}` makes nothing of `threshold`", task.key());
            self.refuse("needless-part", message, "remove it", &format!("{place}/threshold"));
        }
    }

    /// Classes are told apart, of one type, and predicted in one of two ways; labels have their columns.
    fn labels(&mut self, task: Task, evaluation: &RawEvaluation, pointer: &str) {
        let labels = &evaluation.labels;
        let multiclass = task == Task::MulticlassClassification;
        for (index, label) in labels.iter().enumerate() {
            let place = format!("{pointer}/labels/{index}");
            if labels.iter().take(index).any(|earlier| earlier.class == label.class) {
                let message = format!("the class `{}` is listed twice", label.class);
                self.refuse("duplicate-value", message, "remove one", &format!("{place}/class"));
            }
            let kind = std::mem::discriminant(&label.class);
            if labels.first().is_some_and(|first| std::mem::discriminant(&first.class) != kind) {
                let message = "the classes are of different types".to_owned();
                let hint = "write them as they stand in the label column";
                self.refuse("mixed-classes", message, hint, &format!("{place}/class"));
            }
            let needed = |declared: bool, key: &str| (!declared).then(|| format!("`{}` needs a {key}", label.class));
            let lacks = match multiclass {
                true => {
                    let any = labels.iter().any(|label| label.score.is_some());
                    needed(label.score.is_some() || !any, "score, as the others have one")
                }
                false => needed(label.column.is_some(), "column").or_else(|| needed(label.score.is_some(), "score")),
            };
            if let Some(message) = lacks {
                self.refuse("missing-part", message, "name the column", &place);
            }
            if multiclass && label.column.is_some() {
                let message = format!("the task `{}` has one label column for all classes", task.key());
                self.refuse("needless-part", message, "remove it", &format!("{place}/column"));
            }
        }
        if labels.len() == 1 {
            let message = "there is one class only".to_owned();
            self.refuse("missing-part", message, "list every class, seen or not", &format!("{pointer}/labels"));
        }
        let predicted = evaluation.columns.prediction.is_some() || labels.iter().any(|label| label.score.is_some());
        if multiclass && !predicted {
            let message = "nothing is predicted".to_owned();
            let hint = "give each class its `score`, or name the column of the predicted class as `prediction`";
            self.refuse("missing-part", message, hint, pointer);
        }
    }

    fn classes(&mut self, evaluation: &RawEvaluation, pointer: &str) {
        let Some(classes) = &evaluation.classes else { return };
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

    /// Texts end in reports and terminals; what cannot be seen in one is an accident or an attack.
    fn texts(&mut self, value: &serde_json::Value, pointer: &str) {
        match value {
            serde_json::Value::String(text) => {
                // Only these are prose; a name of several lines would forge lines of a report.
                let is_prose = matches!(pointer, "/model/purpose" | "/change/summary")
                    || (pointer.contains("/sql_checks/") && pointer.ends_with("/query"));
                if let Some(character) = hidden_character(text, is_prose) {
                    let message =
                        format!("the text contains the character U+{:04X}, which cannot be seen", u32::from(character));
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

/// The first character of a text that a report must not carry: a control, or one that changes the
/// direction of what follows (Unicode, UAX #9, section 2), with which a text reads as another than it
/// is. Prose may have several lines.
pub(crate) fn hidden_character(text: &str, is_prose: bool) -> Option<char> {
    text.chars().find(|character| match character {
        '\n' => !is_prose,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    })
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
    fn texts_that_hide_something_are_refused() {
        assert_eq!(with("owner: o", "owner: \"a\\nb\""), ["2:39 control-character"]);
        assert_eq!(with("owner: o", "owner: \"a\\u202eb\""), ["2:39 control-character"]);
        assert_eq!(with("label: y", "label: \"a\\tb\""), ["16:30 control-character"]);
        assert_eq!(with("purpose: p", "purpose: \"two\\nlines\""), Vec::<String>::new());
    }

    #[test]
    fn five_mistakes_are_five_problems_in_the_order_of_their_places() {
        let text = MANIFEST
            .replace("version: 1", "version: 2")
            .replace("exposure: internal", "exposure: intern")
            .replace("[EU]", "[Europe]")
            .replace("  - path: model.bin", "  - path: model.bin\n    rol: model")
            .replace("threshold: 0.5", "threshold: high");
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE_NAME);
        std::fs::write(&file, text).unwrap();
        let expected = [
            "1:10: `version` is the number `2` (hint: write 1)",
            "4:13: `intake.exposure` is the string `intern` (hint: did you mean `internal`? The choices are `internal`, `partner`, `public`)",
            "9:19: `intake.jurisdictions[0]` is the string `Europe` (hint: it must match `^[A-Z]{2}(-[A-Z0-9]{1,3})?$` \
             (Where the people whom it affects are: `EU`, or ISO 3166 codes such as `US` and `US-NY`))",
            "13:5: unknown key `rol` in `artifacts[0]` (hint: did you mean `role`?)",
            "19:16: `evaluations[0].threshold` is the string `high` (hint: write a number)",
        ];
        let found: Vec<_> = load(&file).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(found, expected.map(|problem| format!("{}:{problem}", file.display())));
    }

    #[test]
    fn labels_of_any_kind_are_taken_and_others_explained() {
        let class = |value: &str| {
            let directory = tempfile::tempdir().unwrap();
            let text = MANIFEST.replace("positive: 1, negative: 0", &format!("positive: {value}, negative: {value}2"));
            std::fs::write(directory.path().join(FILE_NAME), text).unwrap();
            let problems = load(&directory.path().join(FILE_NAME)).map(drop).err().unwrap_or_default();
            problems.first().map(|problem| format!("{} (hint: {})", problem.message, problem.hint.as_deref().unwrap()))
        };
        assert_eq!(class("good"), None);
        assert_eq!(class("7"), None);
        assert_eq!(
            class("1.5").unwrap(),
            "`evaluations[0].classes.positive` is the number `1.5` (hint: write `true` or `false` or an integer or a string)"
        );
        let hint = "(hint: write it as an integer of at most 63 bits, without point and exponent)";
        assert_eq!(class("922337203685477580"), None);
        assert_eq!(
            class("1844674407370955161").unwrap(),
            format!("`evaluations[0].classes.negative` is the number `18446744073709551612` {hint}")
        );
        let people = MANIFEST.replace("people_affected_per_year: 10", "people_affected_per_year: 1e3");
        assert_eq!(problems(&people), ["10:29 invalid-value"]);
    }

    #[test]
    fn artifacts_elsewhere_are_named_as_their_keepers_do() {
        for path in
            ["s3://models/credit/", "gs://models/*.onnx", "models:/credit/3", "models:/credit@champion", "runs:/ab/m"]
        {
            assert_eq!(with("path: model.bin", &format!("path: '{path}'")), Vec::<String>::new(), "{path}");
        }
        for path in ["s3://models/credit.onnx?versionId=1", "models:/credit/latest", "runs:/ab", "ftp://host/m"] {
            assert_eq!(with("path: model.bin", &format!("path: '{path}'")), ["12:11 invalid-address"], "{path}");
        }
        let twice = "path: 'models:/credit/3'\n  - path: 'models:/credit/3'";
        assert_eq!(with("path: model.bin", twice), ["13:11 duplicate-artifact"]);
        let claims = |path: &str, format: &str| {
            let claims_from = format!("claims_from: [{{path: '{path}', format: {format}}}]");
            with("claims: [{metric: roc_auc, value: 0.8}]", &claims_from)
        };
        assert_eq!(claims("models:/credit@champion", "mlflow"), Vec::<String>::new());
        assert_eq!(claims("models:/credit", "mlflow"), ["20:26 invalid-address"]);
    }

    #[test]
    fn files_are_named_once() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("model.bin"), "m").unwrap();
        std::fs::write(directory.path().join("a.yml"), "groups: []").unwrap();
        let monitoring =
            "monitoring:\n  - {path: a.yml, format: prometheus}\n  - {path: '*.yml', format: prometheus}\n";
        let text = MANIFEST.replace("  - path: model.bin\n", "  - path: model.bin\n  - path: ./model.*\n") + monitoring;
        std::fs::write(directory.path().join(FILE_NAME), text).unwrap();
        let found: Vec<_> = load(directory.path())
            .unwrap_err()
            .into_iter()
            .map(|problem| (problem.location.unwrap().line, problem.code, problem.message))
            .collect();
        assert_eq!(
            found,
            [
                (13, "duplicate-artifact", "`model.bin` is already part of `artifacts[0]`".to_owned()),
                (24, "duplicate-monitoring", "`a.yml` is already part of `monitoring[0]`".to_owned()),
            ]
        );
    }

    #[test]
    fn no_manifest_is_a_hint_to_write_one() {
        let directory = tempfile::tempdir().unwrap();
        let said = |path: &Path| {
            let problems = load(path).unwrap_err();
            assert_eq!(problems.len(), 1);
            (problems[0].code, problems[0].hint.clone().unwrap())
        };
        let hint = "write one with `modelgate init`, or name the release's directory".to_owned();
        assert_eq!(said(directory.path()), ("missing-file", hint.clone()));
        assert_eq!(said(&directory.path().join("absent/modelgate.yaml")), ("missing-file", hint));
        std::fs::write(directory.path().join(FILE_NAME), "\n").unwrap();
        assert_eq!(
            said(directory.path()),
            ("empty-document", "remove it and write one with `modelgate init`".to_owned())
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_manifest_that_is_a_link_to_elsewhere_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let release = directory.path().join("release");
        std::fs::create_dir(&release).unwrap();
        std::fs::write(directory.path().join("secret"), "key: value").unwrap();
        std::os::unix::fs::symlink("../secret", release.join(FILE_NAME)).unwrap();
        let problems = load(&release).unwrap_err();
        assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["path-leaves-release"]);
        std::fs::remove_file(release.join(FILE_NAME)).unwrap();
        std::fs::write(release.join("other.yaml"), MANIFEST).unwrap();
        std::os::unix::fs::symlink("other.yaml", release.join(FILE_NAME)).unwrap();
        assert_eq!(load(&release).unwrap().file_name, FILE_NAME);
    }

    #[test]
    fn what_the_schema_says_is_checked_all_at_once() {
        let text = MANIFEST
            .replace("version: 1", "version: 2")
            .replace("threshold: 0.5", "threshold: 1.5")
            .replace("[EU]", "[Europe]");
        assert_eq!(problems(&text), ["1:10 invalid-value", "9:19 invalid-value", "18:16 invalid-value"]);
    }
}
