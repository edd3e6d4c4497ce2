//! The process's surroundings, read in one place: environment variables and the clock.
//!
//! Everything else is given what it needs as values, so that a test can say what the surroundings are
//! and a pure station cannot look.

mod secret;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

pub use self::secret::Secret;
use crate::facts::artifact::Cache;
use crate::facts::evaluation::Resources;
use crate::facts::evaluation::engine::ClusterAddress;
use crate::facts::repository::Origin;
use crate::facts::repository::review::{Forge, ReviewRequest};
use crate::remote::mlflow::{Credentials, DEFAULT_REQUEST_TIME, TrackingServer};
use crate::remote::{DOWNLOAD_BYTES_MAX, RemoteSettings};

/// PEM text of a signing key, or the path of a file that holds it.
pub const SIGNING_KEY: &str = "MODELGATE_SIGNING_KEY";

/// Token that may read the pull request; in its absence the forge's own variable.
pub const FORGE_TOKEN: &str = "MODELGATE_FORGE_TOKEN";

/// Whether rows are also read from this machine's own addresses, and from them over http.
pub const ALLOW_LOOPBACK: &str = "MODELGATE_ALLOW_LOOPBACK";

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
    /// Signing key from [`SIGNING_KEY`].
    pub signing_key: Option<Secret>,
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
    /// What evaluations may use: every processor, and half of the memory.
    pub resources: Resources,
    /// The cluster that reads rows, if it is not this machine that does.
    pub cluster: Option<ClusterAddress>,
    /// What may be fetched from elsewhere, and as whom.
    pub remote: RemoteSettings,
    /// The time at which the process began.
    pub now: DateTime<Utc>,
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
        let runners =
            [("GITHUB_ACTIONS", Origin::GithubActions), ("GITLAB_CI", Origin::GitlabCi), ("CI", Origin::OtherCi)];
        let runner = runners.into_iter().find(|(variable, _)| is_true(variable));
        let origin = runner.map_or(Origin::Local, |(_, origin)| origin);
        let (ci_run, ci_branch) = match origin {
            // On a pull request GITHUB_REF_NAME is the merge reference; the head has the branch.
            Origin::GithubActions => {
                (text("GITHUB_RUN_ID"), text("GITHUB_HEAD_REF").or_else(|| text("GITHUB_REF_NAME")))
            }
            Origin::GitlabCi => (
                text("CI_PIPELINE_ID"),
                text("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME").or_else(|| text("CI_COMMIT_REF_NAME")),
            ),
            Origin::OtherCi | Origin::Local => (None, None),
        };
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
            review: review_request(origin, &text),
            signing_key: text(SIGNING_KEY).map(Secret::new),
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
                sarif_file: text("MODELGATE_ACTION_SARIF_FILE"),
                junit_file: text("MODELGATE_ACTION_JUNIT_FILE"),
                report_file: text("MODELGATE_ACTION_REPORT_FILE"),
                evidence_dir: text("MODELGATE_ACTION_EVIDENCE_DIR"),
                store: text("MODELGATE_ACTION_STORE"),
            },
            cluster: None,
            resources: Resources {
                threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
                memory_bytes: memory_bytes() / 2,
            },
            now: DateTime::from(SystemTime::now()),
        }
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

/// The request that CI builds, as its variables name it.
fn review_request(origin: Origin, text: &impl Fn(&str) -> Option<String>) -> Option<ReviewRequest> {
    let token = |variable| text(FORGE_TOKEN).or_else(|| text(variable)).map(Secret::new);
    match origin {
        Origin::GithubActions => Some(ReviewRequest {
            forge: Forge::Github,
            api_url: text("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned()),
            project: text("GITHUB_REPOSITORY")?,
            // `refs/pull/<number>/merge` in runs for a pull request.
            number: text("GITHUB_REF")?.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok()?,
            token: token("GITHUB_TOKEN"),
        }),
        Origin::GitlabCi => Some(ReviewRequest {
            forge: Forge::Gitlab,
            api_url: text("CI_API_V4_URL")?,
            project: text("CI_PROJECT_ID")?,
            number: text("CI_MERGE_REQUEST_IID")?.parse().ok()?,
            token: token("GITLAB_TOKEN"),
        }),
        Origin::OtherCi | Origin::Local => None,
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
}
