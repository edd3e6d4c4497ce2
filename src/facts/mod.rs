//! Facts v1: everything that was measured, and the only thing that a policy sees as `input`.
//!
//! Facts are canonical JSON, so that their digest names what was measured. A number that could not
//! be computed is never absent, null or NaN on its own: every [`evaluation::Metric`] has a status
//! and a reason.

pub mod artifact;
pub mod card;
pub mod evaluation;
mod file;
mod hidden;
pub mod mlflow;
pub mod monitoring;
pub mod records;
mod released;
pub mod repository;
pub mod supply_chain;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::evaluation::claims::{self, ClaimsFile};
use self::evaluation::sql::SqlContext;
use self::evaluation::{EvaluationFiles, ReferenceFile, RowsFile, RowsFiles};
pub use self::file::FileFacts;
use crate::environment::Environment;
use crate::manifest::{ClaimsPlace, Entry, EvaluationEntry, Manifest, ReferenceEntry, RowsEntry, raw};
use crate::problem::{Location, Problem};
use crate::release_root::ReleasePath;
use crate::tier::TierFacts;

/// Everything that was measured about one release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "modelgate facts, version 1")]
pub struct Facts {
    /// Version of this format. Always 1.
    pub version: u32,
    /// The manifest that was read.
    pub manifest: FileFacts,
    /// The model, as declared.
    pub model: raw::Model,
    /// The intake answers, as declared.
    pub intake: raw::Intake,
    /// The tier, and why.
    pub tier: TierFacts,
    /// The files that would be released, in the order of their paths.
    pub artifacts: Vec<artifact::ArtifactFacts>,
    /// What was recomputed from rows, in the order of the manifest.
    pub evaluations: Vec<evaluation::EvaluationFacts>,
    /// Who would notice when the model goes wrong.
    pub monitoring: monitoring::MonitoringFacts,
    /// The model card, or null when none is declared.
    pub card: Option<card::CardFacts>,
    /// The change, as declared, or null.
    pub change: Option<raw::Change>,
    /// What people found out or promised, such as a threat model.
    #[serde(default)]
    pub records: records::RecordsFacts,
    /// What MLflow says of them, in the order of their paths.
    #[serde(default)]
    pub mlflow: Vec<mlflow::MlflowFacts>,
    /// Where the released files come from.
    #[serde(default)]
    pub supply_chain: supply_chain::SupplyChainFacts,
    /// Where the release comes from.
    pub repository: repository::RepositoryFacts,
}

/// What the policy bundle asks of facts, and whom it trusts.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Queries over the rows of evaluations.
    pub sql_checks: &'a [raw::BundledSqlCheck],
    /// Who says whether a signature over released files holds.
    pub signatures: &'a (dyn supply_chain::signatures::SignatureVerifier + Sync),
}

/// Measures everything that `manifest` declares. `tier` was worked out from its intake answers.
///
/// # Errors
/// Every problem of every file: evidence that is missing or unreadable is no fact to decide on.
pub async fn measure(
    manifest: &Manifest,
    tier: &TierFacts,
    asked: Asked<'_>,
    environment: &Environment,
) -> Result<Facts, Vec<Problem>> {
    let mut problems = Vec::new();
    let released::Released { artifacts, mut mlflow, mut secrets } =
        released::measure(manifest, environment, &mut problems).await;
    let mut evaluations = Vec::new();
    for entry in &manifest.evaluations {
        match evaluation(manifest, entry, asked.sql_checks, environment, &mut mlflow).await {
            Ok(facts) => evaluations.push(facts),
            Err(found) => problems.extend(found),
        }
    }
    let monitoring = monitoring(manifest).unwrap_or_else(|found| {
        problems.extend(found);
        monitoring::MonitoringFacts::default()
    });
    let card = manifest.card.as_ref().and_then(|entry| {
        card::read(&entry.path.relative, &entry.path.absolute)
            .map_err(|problem| problems.push(place(problem, &entry.location)))
            .ok()
    });
    let records = records(manifest, &mut problems);
    let mut supply_chain = supply_chain::measure(manifest, card.as_ref(), &artifacts, asked.signatures, &mut problems);
    if problems.is_empty() {
        hidden::search(manifest, &mut secrets, &mut problems);
        hidden::search_said(&mlflow, &mut secrets);
    }
    supply_chain.secrets = Some(secrets.facts());
    if !problems.is_empty() {
        return Err(problems);
    }
    let facts = Facts {
        version: 1,
        manifest: FileFacts {
            path: manifest.file_name.clone(),
            sha256: manifest.sha256,
            size_bytes: manifest.size_bytes,
        },
        model: manifest.model.clone(),
        intake: manifest.intake.clone(),
        tier: tier.clone(),
        artifacts,
        evaluations,
        monitoring,
        card,
        change: manifest.change.clone(),
        records,
        mlflow,
        supply_chain,
        repository: repository::measure(
            manifest.root.directory(),
            environment.origin,
            environment.ci_branch.as_deref(),
            repository::review::ask(environment.review.as_ref()).await,
        ),
    };
    hidden::without(facts, &secrets).map_err(|problem| vec![problem])
}

/// Measures one evaluation.
async fn evaluation(
    manifest: &Manifest,
    entry: &EvaluationEntry,
    bundled: &[raw::BundledSqlCheck],
    environment: &Environment,
    mlflow: &mut Vec<mlflow::MlflowFacts>,
) -> Result<evaluation::EvaluationFacts, Vec<Problem>> {
    let mut problems = Vec::new();
    let rows = [Some(&entry.data), entry.reference.as_ref().and_then(ReferenceEntry::rows), entry.champion.as_ref()];
    let absent = rows.into_iter().flatten().filter(|rows| rows.files.is_empty() && rows.address.is_none());
    problems.extend(absent.map(|rows| nothing_there(&rows.pattern, &rows.location)));
    let mut stated = Vec::new();
    for (declared, entry) in entry.declared.claims_from.iter().zip(&entry.claims_from) {
        let found = match &entry.source {
            ClaimsPlace::Path(path) => claims::read(ClaimsFile { declared, path, root: &manifest.root }),
            ClaimsPlace::Mlflow(reference) => {
                let run = mlflow::run_of(reference, &environment.remote, mlflow).await;
                run.and_then(|run| claims::of_run(declared, run))
            }
        };
        match found {
            Ok(found) => stated.push(found),
            Err(problem) => problems.push(place(problem, &entry.location)),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let one = |problem: Problem| vec![problem];
    let data = rows_files(&entry.data, environment).await.map_err(one)?;
    let reference = match &entry.reference {
        Some(ReferenceEntry::Rows(entry)) => {
            let files = rows_files(entry, environment).await.map_err(one)?;
            Some((ReferenceFile::Rows as fn(_) -> _, files, &entry.location))
        }
        Some(ReferenceEntry::Baseline(entry)) => {
            Some((ReferenceFile::Baseline as _, single_file(entry), &entry.location))
        }
        None => None,
    };
    let reference = reference.as_ref().map(|(of, files, location)| of(files.data_file(Some(location))));
    let champion = match &entry.champion {
        Some(champion) => Some((rows_files(champion, environment).await.map_err(one)?, &champion.location)),
        None => None,
    };
    let champion = champion.as_ref().map(|(files, location)| files.data_file(Some(location)));
    let sql = SqlContext { bundled, worker: environment.executable.as_deref() };
    let rows = data.data_file(Some(&entry.data.location));
    let files = EvaluationFiles { rows, reference, champion, cluster: environment.cluster.as_ref() };
    evaluation::measure(manifest.model.task, &entry.declared, files, &stated, sql, environment.resources)
}

/// Files of rows as an evaluation reads them.
async fn rows_files(entry: &RowsEntry, environment: &Environment) -> Result<RowsFiles, Problem> {
    if let Some(address) = &entry.address {
        let files = RowsFiles::at(address, &entry.pattern, &environment.remote).await;
        return files.map_err(|problem| place(problem, &entry.location));
    }
    let parts = entry.pattern.split('/').filter(|part| !matches!(*part, "." | ""));
    let parts: Vec<&str> = parts.collect();
    let fixed = match entry.files.as_slice() {
        // A path that names one file is no pattern, and its directories give no columns.
        [file] if file.relative == parts.join("/") => usize::MAX,
        _ => parts.iter().take_while(|part| !part.contains(['*', '?', '[', '{'])).count(),
    };
    let file = |file: &ReleasePath| RowsFile::new(file.absolute.clone(), &file.relative, fixed);
    Ok(RowsFiles { files: entry.files.iter().map(file).collect(), shown_as: parts.join("/"), downloaded: None })
}

fn single_file(entry: &Entry) -> RowsFiles {
    let file = RowsFile::new(entry.path.absolute.clone(), &entry.path.relative, usize::MAX);
    RowsFiles { files: vec![file], shown_as: entry.path.relative.clone(), downloaded: None }
}

/// A problem of a file, at the place where the manifest names it unless it has a better one.
fn place(problem: Problem, location: &Location) -> Problem {
    if problem.location.is_some() { problem } else { problem.at(location.clone()) }
}

/// What a pattern stands for must be there.
fn nothing_there(pattern: &str, location: &Location) -> Problem {
    Problem::new("missing-file", format!("`{pattern}` stands for no file"))
        .at(location.clone())
        .hint("correct the path, or add the file to the release")
}

fn monitoring(manifest: &Manifest) -> Result<monitoring::MonitoringFacts, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut inputs = Vec::new();
    for entry in &manifest.monitoring {
        if entry.files.is_empty() {
            problems.push(nothing_there(&entry.pattern, &entry.location));
        }
        inputs.extend(entry.files.iter().map(|file| monitoring::MonitoringInput {
            path: &file.relative,
            absolute: &file.absolute,
            format: entry.format,
            kinds: &entry.kinds,
        }));
    }
    inputs.sort_by_key(|input| input.path);
    match monitoring::read(&inputs) {
        Ok(facts) if problems.is_empty() => Ok(facts),
        Ok(_) => Err(problems),
        Err(found) => Err(problems.into_iter().chain(found).collect()),
    }
}

fn records(manifest: &Manifest, problems: &mut Vec<Problem>) -> records::RecordsFacts {
    let mut records = records::RecordsFacts::default();
    for entry in &manifest.records {
        if entry.files.is_empty() {
            problems.push(nothing_there(&entry.pattern, &entry.location));
        }
        for file in &entry.files {
            if let Err(found) = records.read(&file.relative, &file.absolute) {
                problems.extend(found.into_iter().map(|problem| place(problem, &entry.location)));
            }
        }
    }
    records
}
