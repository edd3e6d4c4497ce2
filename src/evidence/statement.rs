//! The in-toto statements about a run: the verdict and the evaluation.
//!
//! in-toto binds a statement to things by digest alone. So the verdict's subjects are the released
//! files and nothing else: an evaluation file among them would itself verify as passed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::decision::record::DecisionRecord;
use crate::decision::{Outcome, OutcomeResult, Verdict};
use crate::digest::Sha256Digest;
use crate::facts::Facts;
use crate::tier::Tier;

/// Type of a statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// Predicate of a verdict: SLSA Verification Summary.
pub const VERDICT_TYPE: &str = "https://slsa.dev/verification_summary/v1";

/// Predicate of an evaluation: in-toto Test Result.
pub const EVALUATION_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// Name of the field that carries what the standard predicates have no place for.
pub const EXTENSION: &str = "urn:modelgate:decision:v1";

/// Name of the verifier in verdicts.
pub const VERIFIER: &str = "urn:modelgate:verifier:v1";

/// Subjects of one statement: cosign refuses more.
pub const SUBJECTS_MAX: usize = 1_024;

/// An in-toto statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement {
    /// Always [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// What it is about.
    pub subject: Vec<Subject>,
    /// What it says of it.
    pub predicate_type: String,
    /// The saying itself.
    pub predicate: Value,
}

/// A thing by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Its digests, by algorithm.
    pub digest: BTreeMap<String, String>,
}

impl Subject {
    fn new(name: String, sha256: Sha256Digest) -> Self {
        Self { name, digest: BTreeMap::from([("sha256".to_owned(), sha256.to_hex())]) }
    }

    /// Whether its SHA-256 is this one.
    #[must_use]
    pub fn has_sha256(&self, digest: Sha256Digest) -> bool {
        self.digest.get("sha256").is_some_and(|sha256| *sha256 == digest.to_hex())
    }
}

/// There are more files than a statement can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the release has {0} files, and a statement is about at most {SUBJECTS_MAX}: pack them into an archive")]
pub struct TooManySubjects(usize);

/// The level that a verdict of `tier` verifies.
#[must_use]
pub fn level_of(tier: Tier) -> String {
    format!("MODELGATE_TIER_{}", tier.name().to_uppercase())
}

/// The verdict: PASSED or FAILED, for which tier, under which policies. An approval on conditions is
/// PASSED, with the number of conditions in the extension.
///
/// # Errors
/// [`TooManySubjects`].
pub fn verdict(
    record: &DecisionRecord,
    decision: Sha256Digest,
    facts: &Facts,
    evaluation: (&str, Sha256Digest),
) -> Result<Statement, TooManySubjects> {
    let passed = record.decision != Verdict::Deny;
    let subject: Vec<Subject> = facts
        .artifacts
        .iter()
        .map(|artifact| Subject::new(artifact.file.path.clone(), artifact.file.sha256))
        .collect();
    let (evaluation_name, evaluation_sha256) = evaluation;
    let predicate = json!({
        "verifier": {
            "id": VERIFIER,
            "version": {"modelgate": record.tool.version, "regorus": record.tool.regorus},
        },
        "timeVerified": record.effective_time,
        "resourceUri": record.resource_uri,
        "policy": {"uri": policy_uri(record), "digest": {"sha256": record.policy.sha256}},
        "inputAttestations": [{"uri": evaluation_name, "digest": {"sha256": evaluation_sha256}}],
        "verificationResult": if passed { "PASSED" } else { "FAILED" },
        "verifiedLevels": [if passed { level_of(record.tier.effective) } else { "FAILED".to_owned() }],
        "slsaVersion": "1.2",
        EXTENSION: extension(record, decision),
    });
    statement(subject, VERDICT_TYPE, predicate)
}

/// The evaluation: every input by role and digest, and what every control came to.
///
/// # Errors
/// [`TooManySubjects`].
pub fn evaluation(record: &DecisionRecord, decision: Sha256Digest, facts: &Facts) -> Result<Statement, TooManySubjects> {
    let model = facts.artifacts.iter().map(|artifact| ("model", &artifact.file));
    let rows = facts.evaluations.iter().map(|evaluation| ("evaluation", &evaluation.data));
    let monitoring = facts.monitoring.files.iter().map(|file| ("monitoring", file));
    let card = facts.card.iter().map(|card| ("card", &card.file));
    let manifest = std::iter::once(("manifest", &facts.manifest));
    let inputs = model.chain(rows).chain(monitoring).chain(card).chain(manifest);
    let subject = inputs.map(|(role, file)| Subject::new(format!("{role}/{}", file.path), file.sha256)).collect();
    let ids = |wanted: &dyn Fn(&Outcome) -> bool| -> Vec<&str> {
        record.outcomes.iter().filter(|outcome| wanted(outcome)).map(|outcome| outcome.control.as_str()).collect()
    };
    let failed = |outcome: &Outcome| outcome.verdict() == Verdict::Deny;
    let warned = |outcome: &Outcome| outcome.result == OutcomeResult::Fail && !failed(outcome);
    let result = match record.decision {
        Verdict::Approve if ids(&warned).is_empty() => "PASSED",
        Verdict::Approve | Verdict::Conditional => "WARNED",
        Verdict::Deny => "FAILED",
    };
    let predicate = json!({
        "result": result,
        "configuration": [
            {"name": "policy", "uri": policy_uri(record), "digest": {"sha256": record.policy.sha256}},
            {"name": "facts", "digest": {"sha256": record.facts.sha256}},
        ],
        "passedTests": ids(&|outcome| outcome.result == OutcomeResult::Pass),
        "warnedTests": ids(&warned),
        "failedTests": ids(&failed),
        EXTENSION: {
            "decision": extension(record, decision),
            "waived": ids(&|outcome| outcome.result == OutcomeResult::Waived),
            "notApplicable": ids(&|outcome| outcome.result == OutcomeResult::NotApplicable),
        },
    });
    statement(subject, EVALUATION_TYPE, predicate)
}

fn policy_uri(record: &DecisionRecord) -> String {
    // A path is no URI, and would tell where somebody's files are; the digest says which policies they were.
    match record.policy.uri.as_str() {
        "embedded" => format!("urn:modelgate:policies:embedded:{}", record.tool.version),
        _ => "urn:modelgate:policies:directory".to_owned(),
    }
}

fn extension(record: &DecisionRecord, decision: Sha256Digest) -> Value {
    json!({
        "decision": record.decision,
        "decisionRecord": {"sha256": decision},
        "facts": {"sha256": record.facts.sha256},
        "tier": record.tier.effective,
        "conditions": record.conditions.len(),
    })
}

fn statement(subject: Vec<Subject>, predicate_type: &str, predicate: Value) -> Result<Statement, TooManySubjects> {
    if subject.len() > SUBJECTS_MAX {
        return Err(TooManySubjects(subject.len()));
    }
    Ok(Statement {
        statement_type: STATEMENT_TYPE.to_owned(),
        subject,
        predicate_type: predicate_type.to_owned(),
        predicate,
    })
}
