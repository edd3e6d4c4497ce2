//! Where the gate runs, as far as a forge knows of it: the project, the request, the commit and the run.
//!
//! It is made from variables and the event's file, which the runner writes. What came from a release is not among them.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::marker::Stamp;
use crate::environment::{FORGE_TOKEN, Secret};
use crate::facts::repository::Origin;
use crate::facts::repository::review::{Forge, ReviewRequest};

/// Bytes of an event's file: GitHub delivers none with more than 25 MB.
const EVENT_BYTES_MAX: u64 = 25_000_000;

/// What CI says about where it runs.
#[derive(Debug, Clone)]
pub struct Context {
    /// The forge and the project in it; none where reports are only files (Azure Pipelines, Jenkins, a person's machine).
    pub project: Option<Project>,
    /// What started the run.
    pub event: Event,
    /// The commit that verdicts belong to: the head of the request, and not the merge commit that is checked out.
    pub commit: Option<String>,
    /// The Git reference of that commit, such as `refs/pull/7/head`.
    pub reference: Option<String>,
    /// Number of the pull or merge request.
    pub request: Option<u64>,
    /// Whether the token cannot write: the request comes from a fork, or from Dependabot.
    pub is_read_only: bool,
    /// Which run this is.
    pub stamp: Stamp,
    /// Page of the run.
    pub run_url: Option<String>,
    /// GitLab's pipeline, to which statuses belong.
    pub pipeline: Option<u64>,
    /// The checkout, to which paths in annotations and keys are relative.
    pub workspace: Option<PathBuf>,
}

/// A project in a forge, and how to reach it.
#[derive(Debug, Clone)]
pub struct Project {
    /// The forge.
    pub forge: Forge,
    /// URL of its API.
    pub api_url: String,
    /// `owner/name` in GitHub, the project's id in GitLab.
    pub name: String,
    /// The project that the request is in: not that of the run where it comes from a fork in GitLab.
    pub of_request: String,
    /// Token, if there is one.
    pub token: Option<Secret>,
}

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A pull or merge request.
    Request,
    /// A push to a branch, or anything else that is about a commit alone.
    Commit,
    /// A merge queue, which tests a commit of its own.
    MergeGroup,
    /// Another workflow run ended, whose result is published by this one.
    WorkflowRun {
        /// Identifier of the run that ended.
        run: u64,
    },
}

impl Context {
    /// Reads the context from the variables of the CI system that the program runs in.
    #[must_use]
    pub fn read(origin: Origin, text: &impl Fn(&str) -> Option<String>) -> Self {
        match origin {
            Origin::GithubActions => {
                let event = text("GITHUB_EVENT_PATH").and_then(|path| event_file(Path::new(&path)));
                github(text, &event.unwrap_or(Value::Null))
            }
            Origin::GitlabCi => gitlab(text),
            Origin::OtherCi => generic(text),
            Origin::Local => Self::none(),
        }
    }

    /// Nothing is known.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            project: None,
            event: Event::Commit,
            commit: None,
            reference: None,
            request: None,
            is_read_only: false,
            stamp: Stamp { run: 0, attempt: 0 },
            run_url: None,
            pipeline: None,
            workspace: None,
        }
    }

    /// The request that CI builds, to ask who reviewed it.
    #[must_use]
    pub fn review(&self) -> Option<ReviewRequest> {
        let project = self.project.as_ref()?;
        Some(ReviewRequest {
            forge: project.forge,
            api_url: project.api_url.clone(),
            project: project.of_request.clone(),
            number: self.request?,
            token: project.token.clone(),
        })
    }

    /// A path of the release as the repository has it: relative to the checkout, with `/`.
    #[must_use]
    pub fn in_repository(&self, path: &Path) -> String {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let below = self.workspace.as_ref().and_then(|workspace| {
            let path = real(path);
            path.strip_prefix(real(workspace)).ok().map(Path::to_owned)
        });
        let path = below.unwrap_or_else(|| path.to_owned());
        let parts = path.components().filter_map(|part| match part {
            std::path::Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
            _ => None,
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

/// Reads an event's file; none if it cannot be read or is too large.
fn event_file(path: &Path) -> Option<Value> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(EVENT_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > EVENT_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(&bytes).ok()
}

/// A commit's name: 40 hexadecimal digits, or 64.
#[must_use]
pub fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `owner/name`: what a path of GitHub's API can carry as it is.
#[must_use]
pub fn is_repository(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    text.split('/').count() == 2 && text.split('/').all(is_part)
}

/// The token, without what an editor or a shell put around it.
fn token(text: &impl Fn(&str) -> Option<String>, own: &str) -> Option<Secret> {
    let token = text(FORGE_TOKEN).or_else(|| text(own))?;
    Some(Secret::new(token.trim().to_owned())).filter(|token| !token.expose().is_empty())
}

fn github(text: &impl Fn(&str) -> Option<String>, event: &Value) -> Context {
    let found = |pointer: &str| event.pointer(pointer);
    let commit_at = |pointer: &str| found(pointer)?.as_str().filter(|text| is_commit(text)).map(str::to_owned);
    let repository = text("GITHUB_REPOSITORY").filter(|name| is_repository(name));
    let api_url = text("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned());
    let number = |name: &str| text(name)?.parse().ok();
    let stamp = Stamp { run: number("GITHUB_RUN_ID").unwrap_or(0), attempt: number("GITHUB_RUN_ATTEMPT").unwrap_or(1) };
    let mut context = Context {
        project: repository.clone().map(|name| Project {
            forge: Forge::Github,
            api_url,
            of_request: name.clone(),
            name,
            token: token(text, "GITHUB_TOKEN"),
        }),
        stamp,
        run_url: repository.as_ref().filter(|_| stamp.run > 0).map(|name| {
            let server = text("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned());
            format!("{server}/{name}/actions/runs/{}/attempts/{}", stamp.run, stamp.attempt)
        }),
        workspace: text("GITHUB_WORKSPACE").map(PathBuf::from),
        reference: text("GITHUB_REF"),
        ..Context::none()
    };
    // `refs/pull/<number>/merge` in runs for a pull request.
    let of_reference = || {
        let reference = text("GITHUB_REF")?;
        reference.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok()
    };
    let request = found("/pull_request/number").and_then(Value::as_u64).or_else(of_reference);
    match text("GITHUB_EVENT_NAME").as_deref() {
        Some("workflow_run") => {
            context.event = Event::WorkflowRun { run: found("/workflow_run/id").and_then(Value::as_u64).unwrap_or(0) };
            context.commit = commit_at("/workflow_run/head_sha");
            context.reference = None;
        }
        Some("merge_group") => {
            context.event = Event::MergeGroup;
            context.commit =
                commit_at("/merge_group/head_sha").or_else(|| text("GITHUB_SHA").filter(|text| is_commit(text)));
        }
        _ if request.is_some() => {
            context.event = Event::Request;
            context.request = request;
            // GITHUB_SHA is the merge commit here, and a status on it is shown nowhere.
            context.commit = commit_at("/pull_request/head/sha");
            context.reference = request.map(|number| format!("refs/pull/{number}/head"));
            let head = found("/pull_request/head/repo/full_name").and_then(Value::as_str);
            let is_fork = !event.is_null() && head != repository.as_deref();
            let is_dependabot = text("GITHUB_ACTOR").as_deref() == Some("dependabot[bot]");
            context.is_read_only = is_fork || is_dependabot;
        }
        _ => context.commit = text("GITHUB_SHA").filter(|text| is_commit(text)),
    }
    context
}

fn gitlab(text: &impl Fn(&str) -> Option<String>) -> Context {
    let number = |name: &str| -> Option<u64> { text(name)?.parse().ok() };
    let commit = |name: &str| text(name).filter(|text| is_commit(text));
    let project = number("CI_PROJECT_ID").map(|id| id.to_string());
    let of_request = number("CI_MERGE_REQUEST_PROJECT_ID").map(|id| id.to_string());
    let request = number("CI_MERGE_REQUEST_IID");
    Context {
        project: text("CI_API_V4_URL").zip(project.clone()).map(|(api_url, name)| Project {
            forge: Forge::Gitlab,
            api_url,
            of_request: of_request.clone().unwrap_or_else(|| name.clone()),
            name,
            token: token(text, "GITLAB_TOKEN"),
        }),
        event: if request.is_some() { Event::Request } else { Event::Commit },
        // In pipelines for merged results CI_COMMIT_SHA is the merge commit; the source branch's is named only there.
        commit: commit("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").or_else(|| commit("CI_COMMIT_SHA")),
        reference: text("CI_COMMIT_REF_NAME"),
        request,
        // A pipeline of a fork runs in the fork's project, with the fork's variables.
        is_read_only: of_request.is_some() && of_request != project,
        stamp: Stamp { run: number("CI_PIPELINE_ID").unwrap_or(0), attempt: number("CI_JOB_ID").unwrap_or(0) },
        run_url: text("CI_JOB_URL"),
        pipeline: number("CI_PIPELINE_ID"),
        workspace: text("CI_PROJECT_DIR").map(PathBuf::from),
    }
}

/// Azure Pipelines and Jenkins: commit and page of the run. They get files, and no forge that is posted to.
fn generic(text: &impl Fn(&str) -> Option<String>) -> Context {
    let commits = ["SYSTEM_PULLREQUEST_SOURCECOMMITID", "BUILD_SOURCEVERSION", "GIT_COMMIT"];
    let azure = || {
        let (server, project, build) =
            (text("SYSTEM_COLLECTIONURI")?, text("SYSTEM_TEAMPROJECT")?, text("BUILD_BUILDID")?);
        Some(format!("{}/{}/_build/results?buildId={build}", server.trim_end_matches('/'), project.replace(' ', "%20")))
    };
    let workspaces = ["BUILD_SOURCESDIRECTORY", "WORKSPACE"];
    Context {
        commit: commits.iter().find_map(|name| text(name)).filter(|text| is_commit(text)),
        reference: text("BUILD_SOURCEBRANCH").or_else(|| text("BRANCH_NAME")),
        run_url: azure().or_else(|| text("BUILD_URL")),
        workspace: workspaces.iter().find_map(|name| text(name)).map(PathBuf::from),
        ..Context::none()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEAD: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    const MERGE: &str = "1111111111111111111111111111111111111111";

    fn variables<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    const ACTIONS: [(&str, &str); 6] = [
        ("GITHUB_REPOSITORY", "bank/credit"),
        ("GITHUB_RUN_ID", "77"),
        ("GITHUB_RUN_ATTEMPT", "2"),
        ("GITHUB_SHA", MERGE),
        ("GITHUB_TOKEN", " t0ken\n"),
        ("GITHUB_API_URL", "https://github.bank.example/api/v3"),
    ];

    fn actions(event: &str, reference: &str, payload: &Value) -> Context {
        let pairs = [&ACTIONS[..], &[("GITHUB_EVENT_NAME", event), ("GITHUB_REF", reference)]].concat();
        github(&variables(&pairs), payload)
    }

    fn pull_request(head: &Value) -> Value {
        json!({"pull_request": {"number": 7, "head": {"sha": HEAD, "repo": head}}})
    }

    #[test]
    fn a_pull_request_is_judged_at_its_head() {
        let payload = pull_request(&json!({"full_name": "bank/credit"}));
        let context = actions("pull_request", "refs/pull/7/merge", &payload);
        assert_eq!((context.event, context.request, context.is_read_only), (Event::Request, Some(7), false));
        assert_eq!((context.commit.as_deref(), context.reference.as_deref()), (Some(HEAD), Some("refs/pull/7/head")));
        assert_eq!(context.stamp, Stamp { run: 77, attempt: 2 });
        assert_eq!(context.run_url.unwrap(), "https://github.com/bank/credit/actions/runs/77/attempts/2");
        let project = context.project.unwrap();
        assert_eq!(project.api_url, "https://github.bank.example/api/v3");
        assert_eq!(project.token.unwrap().expose(), "t0ken");
    }

    #[test]
    fn a_fork_cannot_write() {
        for head in [json!({"full_name": "eve/credit"}), Value::Null] {
            assert!(actions("pull_request", "refs/pull/7/merge", &pull_request(&head)).is_read_only, "{head}");
        }
        let pairs =
            [&ACTIONS[..], &[("GITHUB_EVENT_NAME", "pull_request"), ("GITHUB_ACTOR", "dependabot[bot]")]].concat();
        let payload = pull_request(&json!({"full_name": "bank/credit"}));
        assert!(github(&variables(&pairs), &payload).is_read_only);
    }

    #[test]
    fn without_the_events_file_the_merge_commit_is_not_taken_for_the_head() {
        let context = actions("pull_request", "refs/pull/7/merge", &Value::Null);
        assert_eq!((context.request, context.commit), (Some(7), None));
        let review = actions("pull_request", "refs/pull/7/merge", &Value::Null).review().unwrap();
        assert_eq!((review.number, review.project.as_str()), (7, "bank/credit"));
    }

    #[test]
    fn other_events_have_their_own_commits() {
        let push = actions("push", "refs/heads/main", &json!({}));
        assert_eq!((push.event, push.commit.as_deref(), push.request), (Event::Commit, Some(MERGE), None));
        let group = actions(
            "merge_group",
            "refs/heads/gh-readonly-queue/main/pr-7",
            &json!({"merge_group": {"head_sha": HEAD}}),
        );
        assert_eq!((group.event, group.commit.as_deref()), (Event::MergeGroup, Some(HEAD)));
        let ended = json!({"workflow_run": {"id": 12, "head_sha": HEAD}});
        let run = actions("workflow_run", "refs/heads/main", &ended);
        assert_eq!((run.event, run.commit.as_deref()), (Event::WorkflowRun { run: 12 }, Some(HEAD)));
        assert!(run.review().is_none());
        let malformed = json!({"workflow_run": {"id": "x", "head_sha": "../.."}});
        assert_eq!(actions("workflow_run", "", &malformed).commit, None);
    }

    #[test]
    fn a_repository_that_would_change_the_path_is_none() {
        for name in ["bank", "bank/credit/x", "bank/../x", "bank/cre dit", "/x", "bank/.."] {
            let pairs = [("GITHUB_REPOSITORY", name)];
            assert!(github(&variables(&pairs), &Value::Null).project.is_none(), "{name}");
        }
    }

    #[test]
    fn gitlab_names_the_request_and_the_pipeline() {
        let mut pairs = vec![
            ("CI_API_V4_URL", "https://gitlab.example/api/v4"),
            ("CI_PROJECT_ID", "5"),
            ("CI_PIPELINE_ID", "900"),
            ("CI_JOB_ID", "4001"),
            ("CI_COMMIT_SHA", MERGE),
        ];
        let branch = gitlab(&variables(&pairs));
        assert_eq!((branch.request, branch.commit.as_deref(), branch.pipeline), (None, Some(MERGE), Some(900)));
        pairs.extend([
            ("CI_MERGE_REQUEST_IID", "3"),
            ("CI_MERGE_REQUEST_PROJECT_ID", "5"),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", HEAD),
        ]);
        let request = gitlab(&variables(&pairs));
        assert_eq!((request.request, request.commit.as_deref(), request.is_read_only), (Some(3), Some(HEAD), false));
        assert_eq!(request.stamp, Stamp { run: 900, attempt: 4001 });
        pairs.retain(|(name, _)| *name != "CI_MERGE_REQUEST_PROJECT_ID");
        pairs.push(("CI_MERGE_REQUEST_PROJECT_ID", "4"));
        let fork = gitlab(&variables(&pairs));
        assert!(fork.is_read_only);
        assert_eq!(fork.review().unwrap().project, "4");
    }

    #[test]
    fn other_systems_say_commit_and_page() {
        let azure = generic(&variables(&[
            ("BUILD_SOURCEVERSION", MERGE),
            ("SYSTEM_PULLREQUEST_SOURCECOMMITID", HEAD),
            ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/bank/"),
            ("SYSTEM_TEAMPROJECT", "credit models"),
            ("BUILD_BUILDID", "12"),
        ]));
        assert_eq!(azure.commit.as_deref(), Some(HEAD));
        assert_eq!(
            azure.run_url.as_deref(),
            Some("https://dev.azure.com/bank/credit%20models/_build/results?buildId=12")
        );
        let jenkins = generic(&variables(&[("GIT_COMMIT", HEAD), ("BUILD_URL", "https://ci.example/job/1/")]));
        assert_eq!(jenkins.run_url.as_deref(), Some("https://ci.example/job/1/"));
        assert!(azure.project.is_none() && jenkins.project.is_none());
    }

    #[test]
    fn paths_are_those_of_the_repository() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("models/a")).unwrap();
        let context = Context { workspace: Some(directory.path().to_owned()), ..Context::none() };
        assert_eq!(context.in_repository(&directory.path().join("models/a")), "models/a");
        assert_eq!(context.in_repository(directory.path()), "");
        assert_eq!(Context::none().in_repository(Path::new("./models/a")), "models/a");
    }
}
