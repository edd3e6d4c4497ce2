//! Decision record v1: what was decided, on what, by which policies. What evidence is about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Condition, Outcome, Verdict};
use crate::digest::Sha256Digest;
use crate::tier::TierFacts;

/// A decision about one release. Canonical JSON; its digest names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "modelgate decision record, version 1")]
pub struct DecisionRecord {
    /// Version of this format. Always 1.
    pub version: u32,
    /// What the gate came to.
    pub decision: Verdict,
    /// The time at which policies were evaluated, RFC 3339, UTC.
    pub effective_time: String,
    /// The program that decided.
    pub tool: Tool,
    /// Name of the model.
    pub model: String,
    /// Version of the model.
    pub model_version: String,
    /// Where it will be released to.
    pub resource_uri: String,
    /// The tier, and why.
    pub tier: TierFacts,
    /// The facts that were decided on.
    pub facts: RecordReference,
    /// The policies that were run.
    pub policy: PolicyReference,
    /// What every control of the tier came to, in the order of their ids.
    pub outcomes: Vec<Outcome>,
    /// What a conditional approval requires; empty otherwise.
    pub conditions: Vec<Condition>,
}

/// The program that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Version of the policy engine in it.
    pub regorus: String,
}

/// A record by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordReference {
    /// SHA-256 of its canonical bytes.
    pub sha256: Sha256Digest,
    /// Size of those bytes.
    pub size_bytes: u64,
}

/// A policy bundle by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyReference {
    /// Where it was taken from: `embedded` or a path.
    pub uri: String,
    /// SHA-256 over its files, as `docs/policies.md` defines it.
    pub sha256: Sha256Digest,
    /// Files in it.
    pub files: u64,
}
