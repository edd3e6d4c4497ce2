//! What a control comes to for a release.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

impl Enforcement {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Warn => "warn",
            Self::Condition => "condition",
            Self::Block => "block",
        }
    }
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

impl OutcomeResult {
    /// As documents have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Waived => "waived",
            Self::NotApplicable => "not-applicable",
            Self::Error => "error",
        }
    }
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
    /// Where enforcement or parameters are not those that the control names for the tier, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departures: Vec<String>,
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
    /// Whether what was asked for is neither shown nor refuted: the bound is inside the interval.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inconclusive: bool,
}

impl Finding {
    /// One that its message says all of.
    #[must_use]
    pub fn new(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            message: message.into(),
            observed: serde_json::Value::Null,
            expected: serde_json::Value::Null,
            source: None,
            inconclusive: false,
        }
    }
}
