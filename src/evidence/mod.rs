//! Evidence: signed statements that tools which know nothing of us verify.
//!
//! A run gives a verdict and an evaluation, each an in-toto statement in a Sigstore bundle, and the
//! verdict once more as a bare DSSE envelope for verifiers that read no bundles.

pub mod bundle;
pub mod key;
pub mod statement;
pub mod verify;

use self::bundle::{Bundle, Envelope};
use self::key::SigningKey;
use self::statement::Statement;
use crate::canonical::{CanonicalJson, NotCanonical};
use crate::decision::record::DecisionRecord;
use crate::digest::Sha256Digest;
use crate::facts::Facts;

/// A file of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceFile {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// SHA-256 of the statement in it.
    pub statement_sha256: Sha256Digest,
}

/// The signed evidence of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRun {
    /// The verdict, as a bundle.
    pub verdict: EvidenceFile,
    /// The evaluation, as a bundle.
    pub evaluation: EvidenceFile,
    /// The verdict, as a bare envelope.
    pub verdict_envelope: EvidenceFile,
}

/// Evidence cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Too many files.
    #[error(transparent)]
    TooManySubjects(#[from] statement::TooManySubjects),
    /// A statement cannot be written.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

impl SignedRun {
    /// The files, in the order of their names.
    #[must_use]
    pub fn files(&self) -> [&EvidenceFile; 3] {
        [&self.evaluation, &self.verdict_envelope, &self.verdict]
    }
}

/// Signs what is to be said of a run, whose short name begins the names of the files.
///
/// # Errors
/// [`EvidenceError`].
pub fn sign(
    run: &str,
    record: &DecisionRecord,
    decision: Sha256Digest,
    facts: &Facts,
    key: &SigningKey,
) -> Result<SignedRun, EvidenceError> {
    let evaluation = signed(&statement::evaluation(record, decision, facts)?, key)?;
    let evaluation_name = format!("{run}.evaluation.sigstore.json");
    let evaluation_bytes = Bundle::new(evaluation.0, &key.public_key()).to_json().into_bytes();
    let evaluation_reference = (evaluation_name.as_str(), Sha256Digest::of(&evaluation_bytes));
    let (envelope, verdict_sha256) = signed(&statement::verdict(record, decision, facts, evaluation_reference)?, key)?;
    Ok(SignedRun {
        verdict_envelope: EvidenceFile {
            name: format!("{run}.verdict.intoto.json"),
            bytes: envelope.to_json().into_bytes(),
            statement_sha256: verdict_sha256,
        },
        verdict: EvidenceFile {
            name: format!("{run}.verdict.sigstore.json"),
            bytes: Bundle::new(envelope, &key.public_key()).to_json().into_bytes(),
            statement_sha256: verdict_sha256,
        },
        evaluation: EvidenceFile { name: evaluation_name, bytes: evaluation_bytes, statement_sha256: evaluation.1 },
    })
}

fn signed(statement: &Statement, key: &SigningKey) -> Result<(Envelope, Sha256Digest), NotCanonical> {
    let payload = CanonicalJson::of(statement)?;
    Ok((Envelope::sign(payload.bytes(), key), payload.digest()))
}
