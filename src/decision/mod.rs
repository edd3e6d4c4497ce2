//! The decision: what the outcomes of the controls come to.
//!
//! Any `error`, or a `fail` under `block`, is a denial. Otherwise a `fail` under `condition` makes
//! the approval conditional. Otherwise the release is approved.

pub mod record;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// What a fail of a control does in a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// It is recorded and nothing more.
    Shadow,
    /// It is reported.
    Warn,
    /// It makes the approval conditional.
    Condition,
    /// It denies.
    Block,
}

/// How much a control matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good practice.
    Low,
    /// A weakness.
    Medium,
    /// A serious weakness.
    High,
    /// Harm is likely.
    Critical,
}

/// What a control came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeResult {
    /// What it asks for is there.
    Pass,
    /// It is not; the findings say what is wrong.
    Fail,
    /// It failed, and an accountable person accepted the risk for a time.
    Waived,
    /// It does not apply to this release; the reasons say why.
    NotApplicable,
    /// It could not be evaluated; the reasons say why. Blocks under every enforcement.
    Error,
}

/// What one control came to for one release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// Stable id, such as `VAL-002`.
    pub control: String,
    /// Title of the control: what it asks for.
    pub title: String,
    /// Domain, such as `validation`.
    pub domain: String,
    /// How much it matters.
    pub severity: Severity,
    /// What a fail does in this tier.
    pub enforcement: Enforcement,
    /// What it came to.
    pub result: OutcomeResult,
    /// Why it is not applicable, waived or an error; empty otherwise.
    pub reasons: Vec<String>,
    /// What is wrong; empty unless it failed or was waived.
    pub findings: Vec<Finding>,
    /// How to mend it.
    pub remediation: String,
    /// The tier's parameters for it.
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// Clauses of frameworks that it serves, such as `eu-ai-act:Art.15(1)`.
    pub frameworks: Vec<String>,
}

/// One reason for a fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What it is about, such as `evaluation/holdout` or `artifact/model/model.pkl`.
    pub subject: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What was found; null where the message says it all.
    #[serde(default)]
    pub observed: serde_json::Value,
    /// What is asked for; null where the message says it all.
    #[serde(default)]
    pub expected: serde_json::Value,
    /// Where to look, or null.
    #[serde(default)]
    pub source: Option<crate::facts::monitoring::Source>,
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
