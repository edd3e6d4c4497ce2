//! The decision: what the outcomes of the controls come to.
//!
//! Any `error`, or a `fail` under `block`, is a denial. Otherwise a `fail` under `condition` makes
//! the approval conditional. Otherwise the release is approved.

pub mod record;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::policy::{Enforcement, Finding, Outcome, OutcomeResult, Severity};

/// What the gate came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The release may go ahead.
    Approve,
    /// It may go ahead, and its conditions must be met by their due dates.
    Conditional,
    /// It may not go ahead.
    Deny,
}

/// A mitigation that a conditional approval requires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Condition {
    /// The control that failed.
    pub control: String,
    /// What must be done.
    pub mitigation: String,
    /// Who must do it.
    pub owner: String,
    /// Last day, inclusive, UTC: `YYYY-MM-DD`.
    pub due: String,
}

impl Verdict {
    /// The name in records and outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Conditional => "conditional",
            Self::Deny => "deny",
        }
    }

    /// What `outcomes` come to. No outcome at all denies: a gate that checked nothing must not open.
    #[must_use]
    pub fn of(outcomes: &[Outcome]) -> Self {
        if outcomes.is_empty() {
            return Self::Deny;
        }
        outcomes.iter().map(Outcome::verdict).max().unwrap_or(Self::Deny)
    }
}

impl Outcome {
    /// What this outcome alone would come to.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match (self.result, self.enforcement) {
            (OutcomeResult::Error, _) | (OutcomeResult::Fail, Enforcement::Block) => Verdict::Deny,
            (OutcomeResult::Fail, Enforcement::Condition) => Verdict::Conditional,
            (OutcomeResult::Fail, Enforcement::Warn | Enforcement::Shadow)
            | (OutcomeResult::Pass | OutcomeResult::Waived | OutcomeResult::NotApplicable, _) => Verdict::Approve,
        }
    }
}
