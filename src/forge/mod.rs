//! The forge: the decision where people look, on the pull or merge request.
//!
//! What should be there is compared with what is there ([`plan`](mod@plan), pure), and only the difference is written: one
//! comment for each gate and manifest, a status, a check run, results for code scanning. GitHub is reached through
//! octocrab, GitLab through reqwest; both are sent one request at a time, with the pauses that they ask for.
//!
//! Nothing here changes a verdict. What cannot be written is said, and a token that may not write is no news on a fork.

pub mod annotation;
pub mod context;
mod exchange;
mod github;
mod gitlab;
pub mod marker;
mod pace;
pub mod plan;
mod publish;
pub mod reported;
pub mod sarif;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod server;

use std::fmt;

pub use exchange::REQUEST_TIME;
pub use pace::Clock;
pub use publish::{Published, publish};

use self::exchange::Answer;
use crate::report::escape;

/// Characters of a forge's own message that are shown.
const MESSAGE_CHARACTERS_MAX: usize = 200;

/// What was asked of a forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Who the token is.
    Identity,
    /// The comments of the request.
    Comments,
    /// A comment.
    Comment,
    /// The statuses of the commit.
    Statuses,
    /// A status.
    Status,
    /// The check runs of the commit.
    CheckRuns,
    /// A check run.
    CheckRun,
    /// What code scanning has.
    Analyses,
    /// Results for code scanning.
    Sarif,
    /// The workflow run that ended.
    Run,
    /// The pull request of that run.
    Requests,
}

impl What {
    /// What has to be allowed for it, in GitHub's words and in GitLab's.
    const fn permission(self) -> &'static str {
        match self {
            Self::Identity => "a token that GitLab or GitHub knows",
            Self::Comments | Self::Comment => "`pull-requests: write` in GitHub, a token with `api` in GitLab",
            Self::Statuses | Self::Status => "`statuses: write` in GitHub, a token with `api` in GitLab",
            Self::CheckRuns | Self::CheckRun => "`checks: write`",
            Self::Analyses | Self::Sarif => "`security-events: write`, and code scanning switched on",
            Self::Run => "`actions: read`",
            Self::Requests => "`pull-requests: read`",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Identity => "who the token is cannot be asked",
            Self::Comments => "the comments cannot be read",
            Self::Comment => "the comment cannot be written",
            Self::Statuses => "the statuses cannot be read",
            Self::Status => "the status cannot be set",
            Self::CheckRuns => "the check runs cannot be read",
            Self::CheckRun => "the check run cannot be written",
            Self::Analyses => "the analyses of code scanning cannot be read",
            Self::Sarif => "the results cannot be uploaded to code scanning",
            Self::Run => "the workflow run cannot be read",
            Self::Requests => "the pull requests cannot be read",
        })
    }
}

/// Something could not be published. What was decided stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// There is nothing to reach the forge with.
    #[error("nothing can be published: {reason}")]
    Setup {
        /// Why.
        reason: String,
    },
    /// The token may not.
    #[error("{what}: the forge answered {status}; it needs {}", what.permission())]
    Forbidden {
        /// What was asked.
        what: What,
        /// 401, 403 or 404.
        status: u16,
    },
    /// The forge refused.
    #[error("{what}: the forge answered {status}: {message}")]
    Refused {
        /// What was asked.
        what: What,
        /// The answer.
        status: u16,
        /// What it said.
        message: String,
    },
    /// It may have been written.
    #[error("{what}: {reason}")]
    Unknown {
        /// What was asked.
        what: What,
        /// Why nobody knows.
        reason: String,
    },
    /// It was tried as often as it may be.
    #[error("{what}: {reason}")]
    GaveUp {
        /// What was asked.
        what: What,
        /// Why.
        reason: String,
    },
    /// The answer is not what the forge's documentation says.
    #[error("{what}: the answer is not understood")]
    NotUnderstood {
        /// What was asked.
        what: What,
    },
    /// There is more than is read.
    #[error("{what}: there are more than {most}")]
    TooMany {
        /// What was asked.
        what: What,
        /// How many are read.
        most: usize,
    },
    /// The forge has no such thing.
    #[error("{what}: {reason}")]
    NotThere {
        /// What was asked.
        what: What,
        /// Why.
        reason: String,
    },
}

impl ForgeError {
    /// Whether the token is not allowed to, which is no news on a fork.
    #[must_use]
    pub const fn is_permission(&self) -> bool {
        matches!(self, Self::Forbidden { .. })
    }

    fn refused(what: What, answer: Option<&Answer>) -> Self {
        let Some(answer) = answer else { return Self::NotUnderstood { what } };
        if matches!(answer.status, 401 | 403 | 404) {
            return Self::Forbidden { what, status: answer.status };
        }
        let said = answer.json().and_then(|body| {
            let message = ["message", "error"].iter().find_map(|key| body.get(key))?;
            Some(message.as_str().map_or_else(|| message.to_string(), str::to_owned))
        });
        let said = said.unwrap_or_else(|| "it gave no reason".to_owned());
        let message = escape::cut(&escape::visible(&said), MESSAGE_CHARACTERS_MAX, "…").into_owned();
        Self::Refused { what, status: answer.status, message }
    }
}
