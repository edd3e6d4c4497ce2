//! What a verification came to, as a document for the deployment step that asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::Verdict;
use crate::digest::Sha256Digest;
use crate::evidence::statement::TestResult;
use crate::evidence::verify::{VerifiedStatement, VerifyError};
use crate::tier::Tier;

/// A verification, version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "modelgate verification, version 1")]
pub struct Verification {
    /// Version of this format. Always 1.
    pub version: u32,
    /// Whether everything that was asked for is proven.
    pub verified: bool,
    /// The statement that proves it; null where nothing does.
    pub statement: Option<ProvenStatement>,
    /// What was given to be released.
    pub artifacts: Vec<GivenArtifact>,
    /// Why the statements that were looked at prove nothing, in the order in which they were looked at. Beside a proven
    /// statement: later ones that do not count, such as a later denial.
    pub refused: Vec<Refusal>,
}

/// The statement that proves what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProvenStatement {
    /// The file, or the run in the store.
    pub source: String,
    /// `PASSED`, or of an evaluation record `PASSED` or `WARNED`.
    pub result: String,
    /// What the gate came to.
    pub decision: Verdict,
    /// The tier that applied.
    pub tier: Tier,
    /// Name of the model.
    pub model: String,
    /// Version of the model.
    pub model_version: String,
    /// The time at which policies were evaluated, RFC 3339, UTC.
    pub time_verified: String,
    /// SHA-256 of the policies that were run.
    pub policy: Sha256Digest,
    /// SHA-256 of the decision record.
    pub decision_record: Sha256Digest,
    /// SHA-256 of the signed statement.
    pub statement: Sha256Digest,
    /// The trusted key that signed, by its name in the trust roots or its file; the identity in the certificate where one
    /// signed.
    pub key: String,
    /// Base64 of the SHA-256 of the key; for a certificate, who vouched for the identity.
    pub key_hint: String,
    /// The time of the signature, RFC 3339, UTC, that a time-stamping authority vouches for; null unless that was asked for.
    pub timestamp: Option<String>,
    /// What the statement is about.
    pub subjects: Vec<StatementSubject>,
}

/// A file that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementSubject {
    /// Its path in the release.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: Sha256Digest,
}

/// A file that was given to be released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GivenArtifact {
    /// Its path.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: Sha256Digest,
}

/// A statement that does not prove what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// The file, the run in the store, or the store.
    pub source: String,
    /// A stable name of the reason, such as `too-old`.
    pub code: String,
    /// The reason, as one sentence.
    pub message: String,
}

impl Refusal {
    /// Why `source` proves nothing.
    #[must_use]
    pub fn new(source: &str, error: &VerifyError) -> Self {
        Self { source: source.to_owned(), code: error.code().to_owned(), message: error.to_string() }
    }
}

impl ProvenStatement {
    /// What `source` says.
    #[must_use]
    pub fn new(source: &str, verified: &VerifiedStatement) -> Self {
        let decision = &verified.decision;
        let subject = |subject: &crate::evidence::statement::Subject| StatementSubject {
            name: subject.name.clone(),
            sha256: subject.digest.sha256,
        };
        let result = match verified.result {
            TestResult::Passed => "PASSED",
            TestResult::Warned => "WARNED",
            TestResult::Failed => "FAILED",
        };
        Self {
            source: source.to_owned(),
            result: result.to_owned(),
            decision: decision.decision,
            tier: decision.tier,
            model: decision.model.clone(),
            model_version: decision.model_version.clone(),
            time_verified: decision.effective_time.clone(),
            policy: verified.policy.digest.sha256,
            decision_record: decision.decision_record.sha256,
            statement: verified.statement_sha256,
            key: verified.signed_by.name.clone(),
            key_hint: verified.signed_by.key.clone(),
            timestamp: None,
            subjects: verified.subjects.iter().map(subject).collect(),
        }
    }
}
