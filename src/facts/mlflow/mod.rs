//! What MLflow says of released files: in the registry of models, of the run that made them, and in what it writes
//! beside a model.
//!
//! All of it is what somebody logged, and no more than that: policies compare it with what was measured.

pub(crate) mod mlmodel;
pub(crate) mod run;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::mlmodel::MlmodelFacts;
pub use self::run::{LoggedMetric, RunFacts, RunStatus};
use super::artifact::{ArtifactFacts, ArtifactFormat, Risk, RiskSeverity};
use crate::digest::Sha256Digest;
use crate::document::{TEXT_BYTES_MAX, read_text};
use crate::manifest::raw::ArtifactRole;
use crate::problem::Problem;
use crate::remote::RemoteSettings;
use crate::remote::mlflow::answers::{LoggedModel, ModelVersion, Pair};
use crate::remote::mlflow::{Described, Reference, describe};

/// Tags of a run, or of a version of a model.
const TAGS_MAX: usize = 1_000;
/// Aliases of a version of a model.
const ALIASES_MAX: usize = 1_000;
/// Length of a value that is kept.
const VALUE_CHARACTERS_MAX: usize = 1_024;

/// Files that MLflow writes beside a model, and that are no part of it.
const BESIDE_MODEL: [&str; 6] = [
    mlmodel::FILE_NAME,
    "conda.yaml",
    "python_env.yaml",
    "requirements.txt",
    "input_example.json",
    "serving_input_example.json",
];

/// What MLflow says of one model or run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MlflowFacts {
    /// What the manifest names, such as `models:/credit@champion`; of a directory among the artifacts, its path.
    pub source: String,
    /// What the paths of its artifacts begin with, such as `models:/credit/3`: the version that an alias stood for.
    pub root: String,
    /// Who says so.
    pub origin: MlflowOrigin,
    /// The version of a registered model, or null.
    pub registered: Option<RegisteredFacts>,
    /// The model as a run logged it (MLflow 3), or null.
    pub logged_model: Option<LoggedModelFacts>,
    /// The run that it comes from, or null if there is none or the server no longer has it.
    pub run: Option<RunFacts>,
    /// What its `MLmodel` file says, or null if there is none.
    pub model: Option<MlmodelFacts>,
}

/// Who says what MLflow says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MlflowOrigin {
    /// The tracking server of the pipeline.
    Server,
    /// Files among the artifacts, which are the team's own.
    Files,
}

/// A version of a registered model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegisteredFacts {
    /// Name of the model.
    pub name: String,
    /// The version.
    pub version: String,
    /// Aliases of the version, sorted.
    pub aliases: Vec<String>,
    /// Stage of the registry, such as `Production`, or null. MLflow has given stages up for aliases.
    pub stage: Option<String>,
    /// Tags; what is longer than 1,024 characters is cut and ends with `…`.
    pub tags: BTreeMap<String, String>,
    /// When it was registered, as RFC 3339 in UTC, or null.
    pub created: Option<String>,
    /// When it was last changed, or null.
    pub updated: Option<String>,
    /// Id of the run that it comes from, or null.
    pub run_id: Option<String>,
}

/// A model as a run logged it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoggedModelFacts {
    /// Id, such as `m-1f84329b5d264af3ba44c93bf22f4016`.
    pub model_id: String,
    /// The name under which it was logged.
    pub name: String,
    /// Id of the run that logged it, or null.
    pub run_id: Option<String>,
    /// Tags, cut as those of a version.
    pub tags: BTreeMap<String, String>,
}

/// The facts of what a server says of a reference.
///
/// # Errors
/// It says more than is kept.
pub(super) fn of_server(reference: &Reference, described: Described) -> Result<MlflowFacts, Problem> {
    let Described { root, version, logged_model, run_id, run, .. } = described;
    Ok(MlflowFacts {
        source: reference.to_string(),
        root,
        origin: MlflowOrigin::Server,
        registered: version.map(|version| registered(version, run_id)).transpose()?,
        logged_model: logged_model.map(logged).transpose()?,
        run: run.map(run::of_answer).transpose()?,
        model: None,
    })
}

/// The run of a reference whose metrics are claims. What is not among `known` is asked for, and then is.
///
/// # Errors
/// The server does not say which run it is.
pub(super) async fn run_of<'a>(
    reference: &Reference,
    settings: &RemoteSettings,
    known: &'a mut Vec<MlflowFacts>,
) -> Result<&'a RunFacts, Problem> {
    let source = reference.to_string();
    if known.iter().all(|facts| facts.source != source) {
        let described = describe(reference, settings).await?;
        known.push(of_server(reference, described)?);
        in_order(known);
    }
    let run = known.iter().find(|facts| facts.source == source).and_then(|facts| facts.run.as_ref());
    run.ok_or_else(|| {
        Problem::new("absent-claim", format!("the MLflow server knows no run of `{source}`"))
            .hint("log metrics in the run that registers the model, or state the claims in the manifest")
    })
}

fn in_order(facts: &mut [MlflowFacts]) {
    facts.sort_by(|left, right| (&left.root, &left.source).cmp(&(&right.root, &right.source)));
}

fn registered(version: ModelVersion, run_id: Option<String>) -> Result<RegisteredFacts, Problem> {
    let mut aliases: Vec<String> = version.aliases.iter().map(|alias| cut(alias)).collect();
    if aliases.len() > ALIASES_MAX {
        return Err(too_many("aliases", ALIASES_MAX));
    }
    aliases.sort();
    Ok(RegisteredFacts {
        name: version.name,
        version: version.version,
        aliases,
        // `None` is the name of the stage that every version begins with.
        stage: version.current_stage.filter(|stage| !matches!(stage.as_str(), "" | "None")).map(|stage| cut(&stage)),
        tags: of_pairs(version.tags, TAGS_MAX, "tags")?,
        created: run::moment(version.creation_timestamp),
        updated: run::moment(version.last_updated_timestamp),
        run_id,
    })
}

fn logged(model: LoggedModel) -> Result<LoggedModelFacts, Problem> {
    Ok(LoggedModelFacts {
        model_id: model.info.model_id,
        name: cut(&model.info.name),
        run_id: model.info.source_run_id.filter(|id| !id.is_empty()),
        tags: of_pairs(model.info.tags, TAGS_MAX, "tags")?,
    })
}

fn of_pairs(pairs: Vec<Pair>, most: usize, what: &str) -> Result<BTreeMap<String, String>, Problem> {
    if pairs.len() > most {
        return Err(too_many(what, most));
    }
    Ok(pairs.into_iter().map(|pair| (cut(&pair.key), cut(&pair.value))).collect())
}

fn too_many(what: &str, most: usize) -> Problem {
    Problem::new("too-many-values", format!("MLflow says more than {most} {what} of one run or model"))
        .hint("log what is needed to judge the model, and the rest as files")
}

/// A text from outside, cut where it is too long to be kept.
fn cut(text: &str) -> String {
    let mut characters = text.chars();
    let mut kept: String = characters.by_ref().take(VALUE_CHARACTERS_MAX).collect();
    if characters.next().is_some() {
        kept.push('…');
    }
    kept
}

/// The path of what is in a directory; that of the release is called by nothing.
fn within(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Artifacts that are read again for what they say of each other.
pub(super) struct LocalFiles<'a> {
    files: BTreeMap<&'a str, (&'a Path, Sha256Digest)>,
}

impl<'a> LocalFiles<'a> {
    pub(super) fn new(files: impl Iterator<Item = (&'a str, &'a Path, Sha256Digest)>) -> Self {
        Self { files: files.map(|(path, absolute, sha256)| (path, (absolute, sha256))).collect() }
    }

    fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Files below a directory, with their names there and their paths.
    fn below(&self, directory: &str) -> Vec<(&'a str, &'a str)> {
        let prefix = format!("{directory}/");
        let length = prefix.len();
        let below =
            self.files.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded)).map(|(path, _)| *path);
        below
            .take_while(|path| path.starts_with(&prefix))
            .filter_map(|path| Some((path.get(length..)?, path)))
            .collect()
    }

    /// The text of a file, which has to be the one that was hashed.
    fn text(&self, path: &str) -> Result<String, Problem> {
        let Some((absolute, sha256)) = self.files.get(path) else {
            return Err(Problem::new("missing-file", format!("`{path}` is not among the artifacts")));
        };
        let text = read_text(absolute, path, TEXT_BYTES_MAX)?;
        if Sha256Digest::of(text.as_bytes()) != *sha256 {
            let problem = Problem::new("changed-file", format!("`{path}` changed while it was read"));
            return Err(problem.hint("release what is no longer written to"));
        }
        Ok(text)
    }
}

/// Adds what files among the artifacts say: `MLmodel` files, and directories of runs. Of files that MLflow writes beside a
/// model the role becomes that of a configuration, where they are texts; a file that is called `MLmodel` and is none is a
/// danger.
///
/// # Errors
/// Of each file: it cannot be read, changed since it was hashed, or says more than is kept.
pub(super) fn add_local(
    found: &mut Vec<MlflowFacts>,
    artifacts: &mut [ArtifactFacts],
    files: &LocalFiles<'_>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut models: Vec<String> = Vec::new();
    for artifact in artifacts.iter_mut() {
        let path = artifact.file.path.clone();
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let added = match name {
            mlmodel::FILE_NAME if artifact.format == ArtifactFormat::MlflowModel => {
                models.push(directory.to_owned());
                model(found, directory, &path, files)
            }
            mlmodel::FILE_NAME => {
                artifact.risks.push(Risk {
                    offset: 0,
                    severity: RiskSeverity::High,
                    code: "mlflow-malformed".to_owned(),
                    message: "it is called MLmodel, and is no file by which MLflow loads a model".to_owned(),
                });
                artifact.risks.sort();
                Ok(())
            }
            "meta.yaml" if artifact.file.size_bytes <= TEXT_BYTES_MAX && artifact.format == ArtifactFormat::Text => {
                run(found, directory, files)
            }
            _ => Ok(()),
        };
        problems.extend(added.err());
    }
    for artifact in artifacts {
        let (directory, name) = artifact.file.path.rsplit_once('/').unwrap_or(("", &artifact.file.path));
        let is_text =
            matches!(artifact.format, ArtifactFormat::Text | ArtifactFormat::Json | ArtifactFormat::MlflowModel);
        if is_text && BESIDE_MODEL.contains(&name) && models.iter().any(|model| model == directory) {
            artifact.role = ArtifactRole::Configuration;
        }
    }
    in_order(found);
    problems
}

fn of_files(directory: &str) -> MlflowFacts {
    let path = if directory.is_empty() { "." } else { directory };
    MlflowFacts {
        source: path.to_owned(),
        root: path.to_owned(),
        origin: MlflowOrigin::Files,
        registered: None,
        logged_model: None,
        run: None,
        model: None,
    }
}

fn model(found: &mut Vec<MlflowFacts>, directory: &str, path: &str, files: &LocalFiles<'_>) -> Result<(), Problem> {
    // What is wrong with it was said when it was inspected.
    let Some(Ok(read)) = mlmodel::read(&files.text(path)?) else { return Ok(()) };
    let facts = MlmodelFacts { path: path.to_owned(), ..read.facts };
    match found.iter_mut().find(|facts| facts.root == directory) {
        Some(known) => known.model = Some(facts),
        None => found.push(MlflowFacts { model: Some(facts), ..of_files(directory) }),
    }
    Ok(())
}

fn run(found: &mut Vec<MlflowFacts>, directory: &str, files: &LocalFiles<'_>) -> Result<(), Problem> {
    if let Some(run) = run::of_directory(files, directory)? {
        found.push(MlflowFacts { run: Some(run), ..of_files(directory) });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::{FileInput, Limits, inspect};

    /// Files of a release, inspected.
    struct Release {
        directory: tempfile::TempDir,
        artifacts: Vec<ArtifactFacts>,
    }

    fn release(files: &[(&str, &[u8])]) -> Release {
        let directory = tempfile::tempdir().unwrap();
        let mut artifacts = Vec::new();
        for (path, bytes) in files {
            let absolute = directory.path().join(path);
            std::fs::create_dir_all(absolute.parent().unwrap()).unwrap();
            std::fs::write(&absolute, bytes).unwrap();
            let input = FileInput { path, absolute: &absolute, role: ArtifactRole::Model };
            artifacts.extend(inspect(&[input], Limits::default()).files.into_iter().map(Result::unwrap));
        }
        Release { directory, artifacts }
    }

    fn added(release: &mut Release) -> (Vec<MlflowFacts>, Vec<&'static str>) {
        let known = release.artifacts.clone();
        let places: Vec<_> = known.iter().map(|known| release.directory.path().join(&known.file.path)).collect();
        let files = known
            .iter()
            .zip(&places)
            .map(|(known, place)| (known.file.path.as_str(), place.as_path(), known.file.sha256));
        let mut found = Vec::new();
        let problems = add_local(&mut found, &mut release.artifacts, &LocalFiles::new(files));
        (found, problems.into_iter().map(|problem| problem.code).collect())
    }

    const MLMODEL: &[u8] = b"flavors:\n  python_function: {loader_module: mlflow.sklearn, model_path: model.pkl}\n";

    #[test]
    fn only_texts_beside_a_model_are_its_configuration() {
        let mut release = release(&[
            ("m/MLmodel", MLMODEL),
            ("m/requirements.txt", b"numpy\n"),
            // A pickle under the name of a text.
            ("m/conda.yaml", b"\x80\x02cos\nsystem\n)R."),
            ("m/code/requirements.txt", b"numpy\n"),
            ("m/model.pkl", b"\x80\x04N."),
            ("requirements.txt", b"numpy\n"),
        ]);
        let (found, problems) = added(&mut release);
        assert_eq!((found.len(), problems), (1, Vec::new()));
        let configuration = |artifact: &&ArtifactFacts| artifact.role == ArtifactRole::Configuration;
        let paths: Vec<_> =
            release.artifacts.iter().filter(configuration).map(|artifact| &artifact.file.path).collect();
        assert_eq!(paths, ["m/MLmodel", "m/requirements.txt"]);
    }

    #[test]
    fn a_file_that_changed_after_it_was_hashed_says_nothing() {
        let mut release = release(&[("MLmodel", MLMODEL)]);
        std::fs::write(release.directory.path().join("MLmodel"), b"flavors: {python_function: {}}").unwrap();
        assert_eq!(added(&mut release), (Vec::new(), vec!["changed-file"]));
    }

    #[test]
    fn what_is_called_meta_yaml_need_not_be_a_run() {
        let mut release = release(&[
            ("a/meta.yaml", b"artifact_location: /x\nexperiment_id: '0'\nlifecycle_stage: active\n"),
            ("b/meta.yaml", b"status: 3\nrun_id: r\n"),
            ("c/meta.yaml", b": ["),
            ("d/meta.yaml", b"artifact_uri: /x\nrun_uuid: r\nstatus: 4\n"),
        ]);
        let (found, problems) = added(&mut release);
        assert_eq!((found.len(), problems), (1, Vec::new()));
        assert_eq!((found[0].root.as_str(), found[0].run.as_ref().unwrap().status), ("d", RunStatus::Failed));
    }

    #[test]
    fn long_texts_are_cut_at_characters() {
        assert_eq!(cut(&"ä".repeat(VALUE_CHARACTERS_MAX)), "ä".repeat(VALUE_CHARACTERS_MAX));
        assert_eq!(cut(&"ä".repeat(VALUE_CHARACTERS_MAX + 1)), format!("{}…", "ä".repeat(VALUE_CHARACTERS_MAX)));
    }
}
