//! What `check`, `facts` and `tier` share: from the command line to an opened release.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::{Failure, ReleaseArguments};
use crate::bundle_source::{LoadOptions, PolicySource};
use crate::environment::Environment;
use crate::gate::{GateError, Opened, Request, Timings};
use crate::policy::{EffectiveTime, PolicyBundle};
use crate::problem::Problem;

impl From<GateError> for Failure {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Usage(problems) => Self::Usage(problems),
            GateError::Evidence(problems) => Self::NotEvaluated(problems),
        }
    }
}

impl ReleaseArguments {
    /// Opens the release.
    pub(super) fn open(&self, environment: &Environment, timings: &mut Timings) -> Result<Opened, Failure> {
        let request = Request {
            release: self.release.clone(),
            policies: timings.time("bundle", || self.policies.load(environment)),
            effective_time: self.effective_time(environment.now)?,
            policy_worker: environment.executable.clone(),
        };
        Ok(Opened::open(request, timings)?)
    }

    /// By default the start of the day: whatever is dated in policies and acceptances is dated by the
    /// day, and a second run on the same day comes to the same bytes.
    pub(super) fn effective_time(&self, now: DateTime<Utc>) -> Result<EffectiveTime, Failure> {
        let today = EffectiveTime::start_of_day(now);
        let Some(text) = &self.effective_time else { return Ok(today) };
        let time = EffectiveTime::parse(text).map_err(|message| {
            Failure::usage(
                Problem::new("effective-time", format!("`--effective-time {text}`: {message}"))
                    .hint("write a day such as `2027-01-31` or a time such as `2027-01-31T12:00:00Z`"),
            )
        })?;
        if time < today {
            let problem = Problem::new("back-dated", format!("`--effective-time {text}` is in the past"));
            return Err(Failure::usage(problem.hint(
                "a past date would bring back exceptions that have expired; only a recorded decision is replayed at its own time",
            )));
        }
        Ok(time)
    }
}

/// Which policies.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PolicyArguments {
    /// Policies instead of the embedded library: a directory, an OPA bundle (`.tar.gz`),
    /// `https://…#sha256=…` or `oci://…@sha256:…`
    #[arg(long, value_name = "SOURCE")]
    pub(super) policies: Option<PolicySource>,
    #[command(flatten)]
    pub(super) fetching: FetchArguments,
}

/// How policies are fetched.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct FetchArguments {
    /// Public key (ECDSA P-256, PEM) that must have signed the archive of policies
    #[arg(long, value_name = "FILE")]
    policies_key: Option<PathBuf>,
    /// Fetch nothing: policies from elsewhere must be in the cache, and rows on this machine
    #[arg(long)]
    pub(super) offline: bool,
}

impl PolicyArguments {
    pub(super) fn load(&self, environment: &Environment) -> Result<PolicyBundle, Vec<Problem>> {
        self.fetching.load(self.policies.as_ref().unwrap_or(&PolicySource::Embedded), environment)
    }
}

impl FetchArguments {
    /// The bundle from `source`.
    pub(super) fn load(&self, source: &PolicySource, environment: &Environment) -> Result<PolicyBundle, Vec<Problem>> {
        let options = LoadOptions {
            cache: environment.cache_directory.as_deref(),
            public_key: self.policies_key.as_deref(),
            offline: self.offline,
        };
        // Most bundles are read without waiting for anybody; several threads would be started for nothing.
        let runtime = small_runtime().map_err(|problem| vec![problem])?;
        runtime.block_on(source.load(&options))
    }
}

/// A runtime in this thread, for what seldom waits.
pub(super) fn small_runtime() -> Result<tokio::runtime::Runtime, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Problem::new("no-threads", format!("no runtime could be started: {error}")))
}

/// A runtime for what reads and stores.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::NotEvaluated(vec![Problem::new("no-threads", format!("no worker threads could be started: {error}"))])
    })
}
