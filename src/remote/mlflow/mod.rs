//! Models that are kept on an MLflow server, and runs that made them.
//!
//! The server is the pipeline's (`MLFLOW_TRACKING_URI`): what a manifest names is a model or a run on it, never
//! another server. Its answers are bounded in size, number and time, and its credentials go nowhere else.

pub(crate) mod answers;
mod artifacts;
mod client;
mod reference;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use self::answers::{DownloadUri, LoggedModel, LoggedModelAnswer, ModelVersion, ModelVersionAnswer, Run, RunAnswer};
use self::client::{Client, Refusal};
pub use self::reference::Reference;
use self::reference::{is_id, is_logged_model};
use super::RemoteSettings;
use crate::environment::Secret;
use crate::problem::Problem;

/// Time for all that is asked about one reference, files excepted.
const QUESTIONS_TIME: Duration = Duration::from_secs(120);
/// Time for all files of one reference: 64 GiB at 20 MB a second.
const FILES_TIME: Duration = Duration::from_secs(3600);
/// Models of one run that are looked through for one by its name.
const RUN_MODELS_MAX: usize = 100;

/// The MLflow server of the pipeline.
#[derive(Debug, Clone)]
pub struct TrackingServer {
    /// Its address, which may hold a password that it should not.
    pub uri: Secret,
    /// As whom it is asked.
    pub credentials: Credentials,
    /// Time for an answer, and of a file for each part of it.
    pub request_time: Duration,
}

/// Time for an answer, unless `MLFLOW_HTTP_REQUEST_TIMEOUT` says otherwise: half of what MLflow's own client waits.
pub const DEFAULT_REQUEST_TIME: Duration = Duration::from_secs(60);

/// As whom an MLflow server is asked.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// As nobody.
    None,
    /// With a token.
    Token(Secret),
    /// With a name and a password.
    Password {
        /// The name.
        username: Secret,
        /// The password.
        password: Secret,
    },
}

/// What the server says of a reference.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    /// The reference without what moves: the version, not the alias.
    pub(crate) root: String,
    /// The version of a registered model.
    pub(crate) version: Option<ModelVersion>,
    /// The logged model.
    pub(crate) logged_model: Option<LoggedModel>,
    /// Id of the run that it comes from.
    pub(crate) run_id: Option<String>,
    /// That run, unless the server no longer has it.
    pub(crate) run: Option<Run>,
    /// Where its files are.
    artifact_uri: String,
    /// Parts of the path below that.
    within: Vec<String>,
}

/// What the server says of a reference, and its files.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) described: Described,
    /// Where each file is, and what it is called, in the order of names.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// The directory that they are in; it goes with this.
    pub(crate) directory: Arc<TempDir>,
}

/// Asks the server about a reference.
///
/// # Errors
/// There is no server, it cannot be reached or refuses, it has no such model, or it gives no answer that is understood.
pub(crate) async fn describe(reference: &Reference, settings: &RemoteSettings) -> Result<Described, Problem> {
    let client = client(reference, settings)?;
    in_time(QUESTIONS_TIME, describe_with(&client, reference)).await
}

/// Asks the server about a reference and downloads its files.
///
/// # Errors
/// As [`describe`]; files that are too many, too large, called what no file may be called, or that change meanwhile.
pub(crate) async fn fetch(reference: &Reference, settings: &RemoteSettings) -> Result<Fetched, Problem> {
    let client = client(reference, settings)?;
    let described = in_time(QUESTIONS_TIME, describe_with(&client, reference)).await?;
    let (files, directory) = in_time(FILES_TIME, artifacts::download(&client, &described, settings)).await?;
    Ok(Fetched { described, files, directory })
}

fn client(reference: &Reference, settings: &RemoteSettings) -> Result<Client, Problem> {
    settings.refuse_offline(&reference.to_string())?;
    Client::new(&reference.to_string(), settings)
}

async fn in_time<T>(time: Duration, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    tokio::time::timeout(time, work).await.unwrap_or_else(|_| {
        let message = format!("the MLflow server needs more than {} seconds", time.as_secs());
        Err(Problem::new("unreachable-server", message).hint("look whether it is up and how fast it is"))
    })
}

async fn describe_with(client: &Client, reference: &Reference) -> Result<Described, Problem> {
    match reference {
        Reference::Version { name, version } => {
            let query = [("name", name.as_str()), ("version", version)];
            let answer: ModelVersionAnswer =
                ask(client, reference, "api/2.0/mlflow/model-versions/get", &query).await?;
            if answer.model_version.version != *version {
                return Err(misunderstood(&format!("for `{reference}` it answers with another version")));
            }
            of_version(client, name, answer.model_version).await
        }
        Reference::Alias { name, alias } => {
            let query = [("name", name.as_str()), ("alias", alias)];
            let answer: ModelVersionAnswer =
                ask(client, reference, "api/2.0/mlflow/registered-models/alias", &query).await?;
            of_version(client, name, answer.model_version).await
        }
        Reference::LoggedModel { id } => {
            let model = logged_model(client, id, reference).await?;
            let run_id = model.info.source_run_id.clone().filter(|id| !id.is_empty());
            Ok(Described {
                root: reference.to_string(),
                version: None,
                run: run(client, run_id.as_deref()).await?,
                run_id,
                artifact_uri: model.info.artifact_uri.clone(),
                logged_model: Some(model),
                within: Vec::new(),
            })
        }
        Reference::Run { id, path } => of_run(client, reference, id, path).await,
    }
}

async fn of_version(client: &Client, name: &str, version: ModelVersion) -> Result<Described, Problem> {
    let is_number = !version.version.is_empty() && version.version.bytes().all(|byte| byte.is_ascii_digit());
    if version.name != name || !is_number {
        return Err(misunderstood(&format!("for the model `{name}` it answers with another one")));
    }
    let root = format!("models:/{name}/{}", version.version);
    if let Some(status) = version.status.as_deref().filter(|status| !matches!(*status, "" | "READY")) {
        return Err(not_ready(&root, status));
    }
    let reference = Reference::Version { name: name.to_owned(), version: version.version.clone() };
    let query = [("name", name), ("version", version.version.as_str())];
    let uri: DownloadUri = ask(client, &reference, "api/2.0/mlflow/model-versions/get-download-uri", &query).await?;
    let model_id = version.source.as_deref().and_then(|source| source.strip_prefix("models:/"));
    let logged_model = match model_id.filter(|id| is_logged_model(id)) {
        Some(id) => Some(logged_model(client, id, &reference).await?),
        None => None,
    };
    let of_model = logged_model.as_ref().and_then(|model| model.info.source_run_id.clone());
    let run_id = version.run_id.clone().or(of_model).filter(|id| !id.is_empty());
    let run = run(client, run_id.as_deref()).await?;
    let (artifact_uri, within) = (uri.artifact_uri, Vec::new());
    Ok(Described { root, version: Some(version), logged_model, run_id, run, artifact_uri, within })
}

/// Files of a run. MLflow 3 keeps a model that a run logged apart from the run's own files, by an id, and still finds it by
/// the name that it was logged under.
async fn of_run(client: &Client, reference: &Reference, id: &str, path: &str) -> Result<Described, Problem> {
    let run = run(client, Some(id)).await?.ok_or_else(|| absent(&reference.to_string(), "there is no such run"))?;
    let mut within: Vec<String> = path.split('/').map(str::to_owned).collect();
    let mut artifact_uri = run.info.artifact_uri.clone();
    if run.outputs.model_outputs.len() > RUN_MODELS_MAX {
        let message = format!("the run of `{reference}` logged more than {RUN_MODELS_MAX} models");
        return Err(Problem::new("too-many-files", message).hint("name the model by its id, `models:/m-…`"));
    }
    let mut found: Option<LoggedModel> = None;
    for output in &run.outputs.model_outputs {
        if !is_logged_model(&output.model_id) {
            return Err(misunderstood("it names a logged model by no id"));
        }
        let model = logged_model(client, &output.model_id, reference).await?;
        if Some(&model.info.name) != within.first() {
            continue;
        }
        if let Some(other) = &found {
            let ids = format!("`{}` and `{}`", other.info.model_id, model.info.model_id);
            let message = format!("`{reference}` is the name of several models, {ids} among them");
            return Err(Problem::new("ambiguous-model", message).hint("name one by its id, `models:/m-…`"));
        }
        found = Some(model);
    }
    if let Some(model) = &found {
        artifact_uri.clone_from(&model.info.artifact_uri);
        within.remove(0);
    }
    Ok(Described {
        root: reference.to_string(),
        version: None,
        logged_model: found,
        run_id: Some(id.to_owned()),
        run: Some(run),
        artifact_uri,
        within,
    })
}

async fn logged_model(client: &Client, id: &str, reference: &Reference) -> Result<LoggedModel, Problem> {
    let answer: LoggedModelAnswer = ask(client, reference, &format!("api/2.0/mlflow/logged-models/{id}"), &[]).await?;
    let model = answer.model;
    if model.info.model_id != id {
        return Err(misunderstood(&format!("for the model `{id}` it answers with another one")));
    }
    match model.info.status.as_deref() {
        None | Some("" | "LOGGED_MODEL_READY" | "READY") => Ok(model),
        Some(status) => Err(not_ready(&format!("models:/{id}"), status)),
    }
}

/// The run of an id, or none if the server does not have it.
async fn run(client: &Client, id: Option<&str>) -> Result<Option<Run>, Problem> {
    let Some(id) = id else { return Ok(None) };
    if !is_id(id) {
        return Err(misunderstood("it names a run by no id"));
    }
    match client.ask::<RunAnswer>("api/2.0/mlflow/runs/get", &[("run_id", id)]).await {
        Ok(answer) if answer.run.info.run_id == id => Ok(Some(answer.run)),
        Ok(_) => Err(misunderstood(&format!("for the run `{id}` it answers with another one"))),
        Err(Refusal::Absent { .. }) => Ok(None),
        Err(Refusal::Failed(problem)) => Err(problem),
    }
}

async fn ask<T: serde::de::DeserializeOwned>(
    client: &Client,
    reference: &Reference,
    endpoint: &str,
    query: &[(&str, &str)],
) -> Result<T, Problem> {
    client.ask(endpoint, query).await.map_err(|refusal| match refusal {
        Refusal::Absent { said } => absent(&reference.to_string(), &said),
        Refusal::Failed(problem) => problem,
    })
}

fn absent(what: &str, said: &str) -> Problem {
    let says = if said.is_empty() { String::new() } else { format!(": {said}") };
    Problem::new("missing-model", format!("`{what}` is not on the MLflow server{says}"))
        .hint("correct the name, the version or the alias, or look whether these credentials see it")
}

fn not_ready(what: &str, status: &str) -> Problem {
    let status: String = status.escape_debug().take(60).collect();
    Problem::new("missing-model", format!("`{what}` is not ready: the MLflow server says {status}"))
        .hint("wait until it is registered, or register it again")
}

fn misunderstood(what: &str) -> Problem {
    Problem::new("invalid-answer", format!("the MLflow server gives no answer that is understood: {what}"))
        .hint("is MLFLOW_TRACKING_URI that of an MLflow server?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_given_up() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let never = std::future::pending::<Result<(), Problem>>();
        let problem = runtime.block_on(in_time(Duration::from_millis(5), never)).unwrap_err();
        assert_eq!(problem.code, "unreachable-server");
        let at_once = async { Ok::<_, Problem>(7) };
        assert_eq!(runtime.block_on(in_time(Duration::from_secs(5), at_once)), Ok(7));
    }
}
