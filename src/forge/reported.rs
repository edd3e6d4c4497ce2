//! A decision that another run came to, published by a run with a token: the `workflow_run` pattern for forks.
//!
//! Whoever opened the pull request wrote what the run did and what it left behind. So the commit, the pull request and
//! how the run ended are asked of the forge and never read from the artifact; what the artifact says is shown as what it
//! is, and makes no status green.

use std::time::Duration;

use serde_json::Value;

use super::context::{Context, Event, is_commit};
use super::exchange::{Client, Exchange};
use super::github::{PER_PAGE, encoded, list, number, text};
use super::marker::Stamp;
use super::pace::{Clock, Kind, Pace};
use super::{ForgeError, What};
use crate::decision::Verdict;

/// What is said above a report that came from somebody else's run.
pub const LABEL: &str =
    "Reported by the contributor's run: its workflow and its files are the contributor's. It is no approval.";

/// A run that ended, by the forge's own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedRun {
    /// Number of the pull request.
    pub request: u64,
    /// Its head, which the run was for.
    pub commit: String,
    /// Whether the run ended with success.
    pub is_success: bool,
    /// Which run it was.
    pub stamp: Stamp,
    /// Its page.
    pub url: Option<String>,
}

impl ReportedRun {
    /// What may be said of a verdict that the run left behind: nothing better than how the run ended.
    #[must_use]
    pub const fn verdict(&self, reported: Verdict) -> Verdict {
        if self.is_success { reported } else { Verdict::Deny }
    }

    /// The context in which it is published.
    #[must_use]
    pub fn context(&self, around: &Context) -> Context {
        Context {
            request: Some(self.request),
            commit: Some(self.commit.clone()),
            reference: Some(format!("refs/pull/{}/head", self.request)),
            stamp: self.stamp,
            run_url: self.url.clone(),
            ..around.clone()
        }
    }
}

/// Asks the forge about the run that ended.
///
/// # Errors
/// [`ForgeError`], also if the run was not for a pull request, or its commit is no longer the head of one.
pub async fn ask(
    context: &Context,
    clock: &dyn Clock,
    request_time: Duration,
) -> Result<Option<ReportedRun>, ForgeError> {
    let (Event::WorkflowRun { run }, Some(project)) = (&context.event, &context.project) else { return Ok(None) };
    let client = Client::new(project, request_time)?;
    let mut pace = Pace::new(&client, clock);
    let path = format!("/repos/{}/actions/runs/{run}", project.name);
    let answer = pace.send(What::Run, Kind::Read, &Exchange::get(path)).await?;
    let ended = answer.json().unwrap_or(Value::Null);
    let not_there = |reason: &str| ForgeError::NotThere { what: What::Run, reason: reason.to_owned() };
    let absent = || ForgeError::NotUnderstood { what: What::Run };
    if text(&ended, "/event") != Some("pull_request") {
        return Err(not_there("it was not for a pull request"));
    }
    if text(&ended, "/status") != Some("completed") {
        return Err(not_there("it has not ended"));
    }
    let commit = text(&ended, "/head_sha").filter(|commit| is_commit(commit)).ok_or_else(absent)?;
    let branch = text(&ended, "/head_branch").ok_or_else(absent)?;
    let head = text(&ended, "/head_repository/full_name").ok_or_else(absent)?;
    let owner = text(&ended, "/head_repository/owner/login").ok_or_else(absent)?;
    // For forks the run names no pull request; its branch does.
    let path = format!(
        "/repos/{}/pulls?state=open&head={}:{}&per_page={PER_PAGE}",
        project.name,
        encoded(owner),
        encoded(branch)
    );
    let answer = pace.send(What::Requests, Kind::Read, &Exchange::get(path)).await?;
    let is_it = |request: &Value| {
        text(request, "/head/sha") == Some(commit) && text(request, "/head/repo/full_name") == Some(head)
    };
    let mut requests: Vec<u64> = list(What::Requests, &answer)?
        .iter()
        .filter(|request| is_it(request))
        .filter_map(|it| number(it, "/number"))
        .collect();
    if let Some(wanted) = context.request {
        requests.retain(|number| *number == wanted);
    }
    let [request] = requests.as_slice() else {
        let reason = match requests.len() {
            0 => "no open pull request has its commit as its head: it was pushed to since, or closed".to_owned(),
            several => format!("{several} pull requests have its commit as their head: name one with --request"),
        };
        return Err(ForgeError::NotThere { what: What::Requests, reason });
    };
    Ok(Some(ReportedRun {
        request: *request,
        commit: commit.to_owned(),
        is_success: text(&ended, "/conclusion") == Some("success"),
        stamp: Stamp { run: *run, attempt: number(&ended, "/run_attempt").unwrap_or(1) },
        url: text(&ended, "/html_url").map(str::to_owned),
    }))
}
