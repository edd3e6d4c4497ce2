//! Decision record v1: what was decided, on what, by which policies. What evidence is about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Condition, Outcome, Verdict};
use crate::canonical::CanonicalJson;
use crate::digest::Sha256Digest;
use crate::facts::Facts;
use crate::policy::EffectiveTime;
pub use crate::policy::PolicyReference;
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

impl RecordReference {
    /// The name of a record by its canonical bytes.
    #[must_use]
    pub fn of(record: &CanonicalJson) -> Self {
        Self { sha256: record.digest(), size_bytes: record.bytes().len() as u64 }
    }
}

/// What a decision is made of.
pub struct Inputs<'a> {
    /// The facts.
    pub facts: &'a Facts,
    /// Their digest.
    pub facts_reference: RecordReference,
    /// The policies.
    pub policy: PolicyReference,
    /// What every control came to.
    pub outcomes: Vec<Outcome>,
    /// Days until conditions are due.
    pub condition_days: u32,
    /// The time that policies were told.
    pub effective_time: EffectiveTime,
}

/// Decides.
#[must_use]
pub fn decide(inputs: Inputs<'_>) -> DecisionRecord {
    let Inputs { facts, facts_reference, policy, outcomes, condition_days, effective_time } = inputs;
    let decision = Verdict::of(&outcomes);
    let due = effective_time.plus_days(condition_days);
    // A denial requires nothing: what stands in its way must be mended before it is asked again.
    let conditions = match decision {
        Verdict::Conditional => outcomes
            .iter()
            .filter(|outcome| outcome.verdict() == Verdict::Conditional)
            .map(|outcome| Condition {
                control: outcome.control.clone(),
                mitigation: outcome.remediation.clone(),
                owner: facts.model.owner.clone(),
                due: due.clone(),
            })
            .collect(),
        Verdict::Approve | Verdict::Deny => Vec::new(),
    };
    let model = &facts.model;
    // The package URL of a thing that is in no registry (purl type `generic`).
    let resource_uri =
        model.resource_uri.clone().unwrap_or_else(|| format!("pkg:generic/{}@{}", model.name, model.version));
    DecisionRecord {
        version: 1,
        decision,
        effective_time: effective_time.to_rfc3339(),
        tool: Tool::this(),
        model: model.name.clone(),
        model_version: model.version.clone(),
        resource_uri,
        tier: facts.tier.clone(),
        facts: facts_reference,
        policy,
        outcomes,
        conditions,
    }
}

impl Tool {
    /// The running program.
    #[must_use]
    pub fn this() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            regorus: crate::policy::REGORUS_VERSION.to_owned(),
        }
    }
}
