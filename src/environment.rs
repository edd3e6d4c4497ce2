//! The process's surroundings, read in one place: environment variables and the clock.
//!
//! Everything else is given what it needs as values, so that a test can say what the surroundings are
//! and a pure station cannot look.

mod secret;

use std::ffi::OsString;
use std::future::Future;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

pub use self::secret::{COSIGN_PASSWORD, KEY_PASSWORD, Secret};
use crate::evidence::key::KeyAccess;
use crate::facts::artifact::Cache;
use crate::facts::evaluation::Resources;
use crate::facts::evaluation::engine::ClusterAddress;
use crate::facts::repository::Origin;
use crate::facts::repository::review::ReviewRequest;
use crate::forge::Clock;
use crate::forge::context::Context;
use crate::remote::mlflow::{Credentials, DEFAULT_REQUEST_TIME, TrackingServer};
use crate::remote::{DOWNLOAD_BYTES_MAX, RemoteSettings};

/// PEM text of a signing key, the path of a file that holds it, or `<scheme>://<key>` of a key management service.
pub const SIGNING_KEY: &str = "MODELGATE_SIGNING_KEY";

/// PEM text of the key that signs a store's log, or the path of a file that holds it.
pub const LOG_KEY: &str = "MODELGATE_LOG_KEY";

/// Token that may read the pull request, and write to it where that is asked for; in its absence the forge's own variable.
pub const FORGE_TOKEN: &str = "MODELGATE_FORGE_TOKEN";

/// Whether rows are also read from this machine's own addresses, and from them over http.
pub const ALLOW_LOOPBACK: &str = "MODELGATE_ALLOW_LOOPBACK";

/// Largest event of GitHub Actions that is read. GitHub caps them at 25 MB.
const EVENT_BYTES_MAX: u64 = 25_000_000;

/// What the process was started in.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Where the gate runs.
    pub origin: Origin,
    /// Identifier of the CI run, the same for each retry of it.
    pub ci_run: Option<String>,
    /// Branch that CI says it builds.
    pub ci_branch: Option<String>,
    /// The pull or merge request that CI builds.
    pub review: Option<ReviewRequest>,
    /// What a forge knows of this run, for publishing.
    pub forge: Context,
    /// Token for a forge that is named on the command line.
    pub forge_token: Option<Secret>,
    /// Signing key from [`SIGNING_KEY`].
    pub signing_key: Option<Secret>,
    /// Passphrases of signing keys, and what other programs must not make this one show.
    pub key_access: KeyAccess,
    /// Key of a store's log from [`LOG_KEY`].
    pub log_key: Option<Secret>,
    /// Directory for what can be fetched again.
    pub cache_directory: Option<PathBuf>,
    /// Facts of files that were inspected before, where they may be used.
    pub artifact_cache: Option<Cache>,
    /// This program's own file, to be started again.
    pub executable: Option<PathBuf>,
    /// Directory for a person's own settings and keys.
    pub config_directory: Option<PathBuf>,
    /// Whether `NO_COLOR` asks for plain output.
    pub no_color: bool,
    /// File for the job's summary, in GitHub Actions.
    pub step_summary: Option<PathBuf>,
    /// File for the step's outputs, in GitHub Actions.
    pub step_output: Option<PathBuf>,
    /// Inputs of the GitHub Action.
    pub action: ActionInputs,
    /// How a CI job proves who it is, and who may see that.
    pub ci_identity: CiIdentity,
    /// What evaluations may use: every processor, and half of the memory.
    pub resources: Resources,
    /// The cluster that reads rows, if it is not this machine that does.
    pub cluster: Option<ClusterAddress>,
    /// What may be fetched from elsewhere, and as whom.
    pub remote: RemoteSettings,
    /// The time at which the process began.
    pub now: DateTime<Utc>,
}

/// How a CI job proves who it is.
#[derive(Debug, Clone, Default)]
pub struct CiIdentity {
    /// In GitHub Actions, where to ask for a token, and the token to ask with.
    pub github: Option<(Secret, Secret)>,
    /// A token that CI made for Sigstore.
    pub token: Option<Secret>,
    /// Whether CI says that the repository is public. Where it does not say so, it is not.
    pub is_public: bool,
}

/// Inputs of the GitHub Action, as `action.yml` passes them. An empty input is an absent one.
#[derive(Debug, Clone, Default)]
pub struct ActionInputs {
    /// Directory of the release, or its manifest.
    pub release: Option<String>,
    /// Directory of policies.
    pub policies: Option<String>,
    /// `enforce` or `report`.
    pub mode: Option<String>,
    /// `deny` or `condition`.
    pub fail_on: Option<String>,
    /// When to comment on the pull request: `auto`, `always` or `never`.
    pub comment: Option<String>,
    /// Whether to set a status on the commit.
    pub commit_status: bool,
    /// Whether to make a check run.
    pub check_run: bool,
    /// File for SARIF.
    pub sarif_file: Option<String>,
    /// File for JUnit XML.
    pub junit_file: Option<String>,
    /// File for the JSON report.
    pub report_file: Option<String>,
    /// Directory for the signed bundles.
    pub evidence_dir: Option<String>,
    /// Directory of the store.
    pub store: Option<String>,
}

impl Environment {
    /// Reads the process's environment and the clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment and the clock")]
    pub fn read() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let is_true = |name: &str| text(name).is_some_and(|value| value == "true" || value == "1");
        let origin = origin(&text);
        let forge = Context::read(origin, &text);
        let (ci_run, ci_branch) = ci_run_and_branch(origin, &text);
        let clouds = ["AWS_", "GOOGLE_", "AZURE_"];
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            let is_of_cloud = !value.is_empty() && clouds.iter().any(|cloud| name.starts_with(cloud));
            is_of_cloud.then(|| (name, Secret::new(value)))
        });
        let remote = RemoteSettings {
            variables: variables.collect(),
            offline: false,
            bytes_max: DOWNLOAD_BYTES_MAX,
            loopback: is_true(ALLOW_LOOPBACK),
            tracking: tracking_server(&text),
        };
        let config_directory = text("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| text("HOME").map(|home| PathBuf::from(home).join(".config")));
        let cache_directory = text("MODELGATE_CACHE_DIR").map(PathBuf::from).or_else(|| {
            let caches = text("XDG_CACHE_HOME").map(PathBuf::from);
            let caches = caches.or_else(|| text("HOME").map(|home| PathBuf::from(home).join(".cache")));
            caches.map(|directory| directory.join("modelgate"))
        });
        Self {
            origin,
            ci_run,
            ci_branch,
            review: forge.review(),
            forge,
            forge_token: [FORGE_TOKEN, "GITHUB_TOKEN", "GITLAB_TOKEN"]
                .iter()
                .find_map(|name| text(name))
                .map(Secret::new),
            signing_key: text(SIGNING_KEY).map(Secret::new),
            key_access: key_access(&text, std::env::var(COSIGN_PASSWORD).ok(), std::env::vars_os()),
            log_key: text(LOG_KEY).map(Secret::new),
            cache_directory,
            remote,
            artifact_cache: None,
            executable: std::env::current_exe().ok(),
            config_directory: config_directory.map(|directory| directory.join("modelgate")),
            // no-color.org: present and not empty, whatever its value.
            no_color: text("NO_COLOR").is_some(),
            step_summary: text("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            step_output: text("GITHUB_OUTPUT").map(PathBuf::from),
            action: ActionInputs {
                release: text("MODELGATE_ACTION_RELEASE"),
                policies: text("MODELGATE_ACTION_POLICIES"),
                mode: text("MODELGATE_ACTION_MODE"),
                fail_on: text("MODELGATE_ACTION_FAIL_ON"),
                comment: text("MODELGATE_ACTION_COMMENT"),
                commit_status: is_true("MODELGATE_ACTION_COMMIT_STATUS"),
                check_run: is_true("MODELGATE_ACTION_CHECK_RUN"),
                sarif_file: text("MODELGATE_ACTION_SARIF_FILE"),
                junit_file: text("MODELGATE_ACTION_JUNIT_FILE"),
                report_file: text("MODELGATE_ACTION_REPORT_FILE"),
                evidence_dir: text("MODELGATE_ACTION_EVIDENCE_DIR"),
                store: text("MODELGATE_ACTION_STORE"),
            },
            ci_identity: ci_identity(origin, &text),
            cluster: None,
            resources: Resources {
                threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
                memory_bytes: memory_bytes() / 2,
            },
            now: DateTime::from(SystemTime::now()),
        }
    }
}

/// Passphrases of keys. cosign's may be set and empty: that is an empty passphrase, which it makes keys with.
fn key_access(
    text: &impl Fn(&str) -> Option<String>,
    cosign: Option<String>,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> KeyAccess {
    KeyAccess {
        passphrase: text(KEY_PASSWORD).map(Secret::new),
        cosign_passphrase: cosign.map(Secret::new),
        secrets: secrets(variables),
    }
}

/// Values of variables whose names say that they are secret.
fn secrets(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<Secret> {
    let words = ["PASSWORD", "PASSPHRASE", "TOKEN", "SECRET", "KEY", "PIN", "CREDENTIAL"];
    let secret = variables.filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?.to_ascii_uppercase(), value.into_string().ok()?);
        let is_secret = !value.is_empty() && words.iter().any(|word| name.contains(word));
        is_secret.then(|| Secret::new(value))
    });
    secret.collect()
}

/// Where the program runs.
fn origin(text: &impl Fn(&str) -> Option<String>) -> Origin {
    let is_true = |name: &str| text(name).is_some_and(|value| value == "true" || value == "1");
    let runners = [("GITHUB_ACTIONS", Origin::GithubActions), ("GITLAB_CI", Origin::GitlabCi), ("CI", Origin::OtherCi)];
    let runner = runners.into_iter().find(|(variable, _)| is_true(variable));
    // Azure Pipelines and Jenkins need not set CI; a key of a person's machine must not be made there.
    let is_other = ["TF_BUILD", "JENKINS_URL"].into_iter().any(|variable| text(variable).is_some());
    let unnamed = if is_other { Origin::OtherCi } else { Origin::Local };
    runner.map_or(unnamed, |(_, origin)| origin)
}

/// The identifier of the CI run, and the branch that it builds.
fn ci_run_and_branch(origin: Origin, text: &impl Fn(&str) -> Option<String>) -> (Option<String>, Option<String>) {
    match origin {
        // On a pull request GITHUB_REF_NAME is the merge reference; the head has the branch.
        Origin::GithubActions => (text("GITHUB_RUN_ID"), text("GITHUB_HEAD_REF").or_else(|| text("GITHUB_REF_NAME"))),
        Origin::GitlabCi => {
            (text("CI_PIPELINE_ID"), text("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME").or_else(|| text("CI_COMMIT_REF_NAME")))
        }
        Origin::OtherCi => (
            text("BUILD_BUILDID").or_else(|| text("BUILD_TAG")),
            text("SYSTEM_PULLREQUEST_SOURCEBRANCH")
                .or_else(|| text("BUILD_SOURCEBRANCHNAME"))
                .or_else(|| text("CHANGE_BRANCH"))
                .or_else(|| text("BRANCH_NAME")),
        ),
        Origin::Local => (None, None),
    }
}

/// The MLflow server, by the variables of MLflow's own client.
fn tracking_server(text: &impl Fn(&str) -> Option<String>) -> Option<TrackingServer> {
    let secret = |variable| text(variable).map(Secret::new);
    let uri = secret("MLFLOW_TRACKING_URI")?;
    let password = secret("MLFLOW_TRACKING_USERNAME").zip(secret("MLFLOW_TRACKING_PASSWORD"));
    let credentials = match (password, secret("MLFLOW_TRACKING_TOKEN")) {
        (Some((username, password)), _) => Credentials::Password { username, password },
        (None, Some(token)) => Credentials::Token(token),
        (None, None) => Credentials::None,
    };
    // A time that is none, or longer than a job, is no time to wait.
    let seconds = text("MLFLOW_HTTP_REQUEST_TIMEOUT").and_then(|text| text.parse().ok());
    let request_time = seconds.filter(|seconds| (1..=600).contains(seconds)).map(Duration::from_secs);
    Some(TrackingServer { uri, credentials, request_time: request_time.unwrap_or(DEFAULT_REQUEST_TIME) })
}

fn ci_identity(origin: Origin, text: &impl Fn(&str) -> Option<String>) -> CiIdentity {
    let secret = |variable| text(variable).map(Secret::new);
    CiIdentity {
        github: secret("ACTIONS_ID_TOKEN_REQUEST_URL").zip(secret("ACTIONS_ID_TOKEN_REQUEST_TOKEN")),
        token: secret("SIGSTORE_ID_TOKEN"),
        is_public: is_public(origin, text),
    }
}

/// Whether CI says that the repository is public. GitHub says it in the event that started the run, GitLab in a variable.
fn is_public(origin: Origin, text: &impl Fn(&str) -> Option<String>) -> bool {
    match origin {
        Origin::GithubActions => {
            let file = text("GITHUB_EVENT_PATH").and_then(|path| std::fs::File::open(path).ok());
            let event = file.and_then(|file| {
                serde_json::from_reader::<_, serde_json::Value>(std::io::Read::take(file, EVENT_BYTES_MAX)).ok()
            });
            let repository = event.as_ref().and_then(|event| event.get("repository"));
            let visibility = repository.and_then(|repository| repository.get("visibility"));
            repository.and_then(|repository| repository.get("private")) == Some(&serde_json::Value::Bool(false))
                && visibility.is_none_or(|visibility| visibility == "public")
        }
        Origin::GitlabCi => text("CI_PROJECT_VISIBILITY").as_deref() == Some("public"),
        Origin::OtherCi | Origin::Local => false,
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment and the clock")]
    fn now(&self) -> DateTime<Utc> {
        DateTime::from(SystemTime::now())
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(time))
    }

    fn jitter(&self) -> u32 {
        // Without random numbers clients that failed together come back together, which is no error.
        getrandom::u32().unwrap_or_default().checked_rem(1_000).unwrap_or_default()
    }
}

/// Memory of the machine, or of the container that this runs in; 8 GiB where neither says.
fn memory_bytes() -> u64 {
    const UNKNOWN: u64 = 8 << 30;
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let machine = read("/proc/meminfo").lines().find_map(|line| {
        let kibibytes = line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
        kibibytes.checked_mul(1024)
    });
    // A container without a bound says `max`.
    let container = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .into_iter()
        .find_map(|path| read(path).trim().parse::<u64>().ok());
    machine.unwrap_or(UNKNOWN).min(container.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tracking_server_is_asked_as_mlflow_would() {
        let server = |variables: &[(&str, &str)]| {
            let text =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            tracking_server(&text).map(|server| (server.credentials, server.request_time.as_secs()))
        };
        let uri = ("MLFLOW_TRACKING_URI", "https://h");
        let token = ("MLFLOW_TRACKING_TOKEN", "t");
        let (name, password) = (("MLFLOW_TRACKING_USERNAME", "ann"), ("MLFLOW_TRACKING_PASSWORD", "p"));
        assert!(server(&[token]).is_none());
        assert!(matches!(server(&[uri]), Some((Credentials::None, 60))));
        assert!(matches!(server(&[uri, token, name]), Some((Credentials::Token(_), _))));
        assert!(matches!(server(&[uri, token, name, password]), Some((Credentials::Password { .. }, _))));
        let waiting = |seconds| server(&[uri, ("MLFLOW_HTTP_REQUEST_TIMEOUT", seconds)]).map(|(_, seconds)| seconds);
        assert_eq!(["5", "0", "9999", "soon"].map(waiting), [Some(5), Some(60), Some(60), Some(60)]);
    }

    #[test]
    fn variables_with_secret_names_are_secrets() {
        let variables = [("VAULT_TOKEN", "t0ken"), ("my_hsm_pin", "1234"), ("PATH", "/bin"), ("EMPTY_KEY", "")];
        let found = secrets(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        assert_eq!(found.iter().map(Secret::expose).collect::<Vec<_>>(), ["t0ken", "1234"]);
    }

    #[test]
    fn a_repository_is_public_only_where_ci_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let event = directory.path().join("event.json");
        let public = |origin, variables: &[(&str, &str)]| {
            is_public(origin, &|name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        for (visibility, holds) in [("public", true), ("internal", false), ("private", false), ("", false)] {
            assert_eq!(public(Origin::GitlabCi, &[("CI_PROJECT_VISIBILITY", visibility)]), holds);
        }
        assert!(!public(Origin::GitlabCi, &[]) && !public(Origin::GithubActions, &[]));
        for (text, holds) in [
            (r#"{"repository":{"private":false}}"#, true),
            (r#"{"repository":{"private":false,"visibility":"public"}}"#, true),
            (r#"{"repository":{"private":false,"visibility":"internal"}}"#, false),
            (r#"{"repository":{"private":true}}"#, false),
            (r#"{"repository":{"private":"false"}}"#, false),
            (r#"{"repository":{}}"#, false),
            ("{", false),
        ] {
            std::fs::write(&event, text).unwrap();
            let variables = [("GITHUB_EVENT_PATH", event.to_str().unwrap())];
            assert_eq!(public(Origin::GithubActions, &variables), holds, "{text}");
            assert!(!public(Origin::Local, &variables));
        }
    }
}
