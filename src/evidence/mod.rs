//! Evidence: what was decided, as signed statements that tools which know nothing of modelgate verify.
//!
//! Sigstore bundle v0.3 around a DSSE envelope around an in-toto statement. A run gives two
//! statements ([`statement`] says why two) and, for slsa-verifier, the verdict's bare envelope. The
//! same decision and key give the same bytes, since signatures are deterministic (RFC 6979), unless they get a trusted
//! timestamp ([`timestamp`]).

pub mod bundle;
pub mod dsse;
pub mod key;
#[cfg(feature = "keyless")]
pub mod keyless;
pub mod model_signing;
pub mod released;
pub mod run_directory;
mod run_key;
pub mod run_parts;
#[cfg(test)]
pub(crate) mod sample;
mod service;
pub mod statement;
pub mod timestamp;
pub mod trust;
pub mod verify;

use serde::Serialize;

use self::bundle::Bundle;
use self::dsse::{Envelope, MAX_PAYLOAD_BYTES};
use self::key::{KeyError, SigningKey};
pub use self::run_key::RunKey;
use self::statement::{DigestSet, Resource, Statement, StatementError};
use crate::canonical::{CanonicalJson, NotCanonical};
use crate::decision::record::{DecisionRecord, RecordReference};
use crate::digest::Sha256Digest;
use crate::facts::Facts;

/// A decision cannot be made into evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// No statement can be made of it.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No trusted timestamp, though one was asked for.
    #[error(transparent)]
    Timestamp(#[from] timestamp::TimestampError),
    /// No certificate, no log entry, or what was signed does not verify.
    #[cfg(feature = "keyless")]
    #[error(transparent)]
    Keyless(#[from] keyless::signing::SigningError),
    /// Something that JSON cannot carry.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// A statement is larger than verifiers read.
    #[error("the {statement} has {size} bytes, and {MAX_PAYLOAD_BYTES} are the most that verifiers read")]
    TooLarge {
        /// Which statement.
        statement: &'static str,
        /// Its size in bytes.
        size: usize,
    },
    /// The bundle cannot be written as JSON.
    #[error("the bundle cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// A file of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceFile {
    /// Name, without a directory.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

impl EvidenceFile {
    /// SHA-256 of the content.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        Sha256Digest::of(&self.bytes)
    }
}

/// A statement in its bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatement {
    /// SHA-256 of the signed payload.
    pub statement_sha256: Sha256Digest,
    /// The Sigstore bundle.
    pub bundle: EvidenceFile,
}

/// The evidence of a run.
#[derive(Debug, Clone)]
pub struct SignedRun {
    /// The run.
    pub run_key: RunKey,
    /// `<run>.verdict.sigstore.json`.
    pub verdict: SignedStatement,
    /// `<run>.evaluation.sigstore.json`.
    pub evaluation: SignedStatement,
    /// `<run>.verdict.intoto.json`: the verdict's envelope alone, with the same signature.
    pub verdict_envelope: EvidenceFile,
    /// The facts, canonical.
    pub facts: CanonicalJson,
    /// The decision record, canonical.
    pub record: CanonicalJson,
    /// Digests of every input that was judged, sorted, each once.
    pub subjects: Vec<Sha256Digest>,
}

impl SignedRun {
    /// Every file, to be written beside each other: the verdict names the evaluation record's bundle.
    pub fn files(&self) -> impl Iterator<Item = &EvidenceFile> {
        [&self.verdict.bundle, &self.evaluation.bundle, &self.verdict_envelope].into_iter()
    }
}

/// Makes and signs the statements about a decision. `<run>` in the files' names is
/// [`RunKey::short`].
///
/// # Errors
/// [`EvidenceError`] if the record is about other facts, if it has more inputs than verifiers take, or
/// if the key cannot sign.
pub fn sign_run(
    record: &DecisionRecord,
    facts: &Facts,
    run_key: RunKey,
    signer: &(impl StatementSigner + ?Sized),
) -> Result<SignedRun, EvidenceError> {
    let facts_json = CanonicalJson::of(facts)?;
    if facts_json.digest() != record.facts.sha256 {
        return Err(StatementError::OtherFacts { expected: record.facts.sha256, found: facts_json.digest() }.into());
    }
    let record_json = CanonicalJson::of(record)?;
    let reference = RecordReference::of(&record_json);
    let run = run_key.short();

    let evaluation = statement::evaluation(record, facts, &reference)?;
    let mut subjects: Vec<_> = evaluation.subject.iter().map(|subject| subject.digest.sha256).collect();
    subjects.sort_unstable();
    subjects.dedup();
    let name = format!("{run}.evaluation.sigstore.json");
    let (evaluation, _) = sign("evaluation record", &evaluation, name, signer)?;

    let input =
        Resource { uri: evaluation.bundle.name.clone(), digest: DigestSet { sha256: evaluation.bundle.digest() } };
    let verdict = statement::verdict(record, facts, &reference, Some(input))?;
    let (verdict, envelope) = sign("verdict", &verdict, format!("{run}.verdict.sigstore.json"), signer)?;
    let verdict_envelope = EvidenceFile { name: format!("{run}.verdict.intoto.json"), bytes: envelope };
    Ok(SignedRun { run_key, verdict, evaluation, verdict_envelope, facts: facts_json, record: record_json, subjects })
}

/// Signs `statement`, and gives its bundle as well as the bare envelope.
fn sign<P: Serialize>(
    what: &'static str,
    statement: &Statement<P>,
    name: String,
    signer: &(impl StatementSigner + ?Sized),
) -> Result<(SignedStatement, Vec<u8>), EvidenceError> {
    let payload = CanonicalJson::of(statement)?;
    let size = payload.bytes().len();
    if size > MAX_PAYLOAD_BYTES {
        return Err(EvidenceError::TooLarge { statement: what, size });
    }
    let signed = signer.sign_statement(payload.bytes().to_vec())?;
    let file = EvidenceFile { name, bytes: signed.bundle };
    Ok((SignedStatement { statement_sha256: payload.digest(), bundle: file }, signed.envelope))
}

/// A signed payload as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPayload {
    /// The Sigstore bundle.
    pub bundle: Vec<u8>,
    /// The envelope alone.
    pub envelope: Vec<u8>,
}

/// Who signs statements: a key alone, or with others who vouch for the signature.
pub trait StatementSigner {
    /// Signs `payload` as it is.
    ///
    /// # Errors
    /// [`EvidenceError`] if it is not signed as it was asked for.
    fn sign_statement(&self, payload: Vec<u8>) -> Result<SignedPayload, EvidenceError>;
}

impl StatementSigner for SigningKey {
    fn sign_statement(&self, payload: Vec<u8>) -> Result<SignedPayload, EvidenceError> {
        let bundle = Bundle { envelope: Envelope::sign(payload, self)?, hint: self.public_key().hint()? };
        Ok(SignedPayload { bundle: bundle.to_json()?, envelope: bundle.envelope_json()? })
    }
}

/// A key whose signatures get a trusted timestamp. What it signs differs from time to time.
#[derive(Debug, Clone, Copy)]
pub struct Timestamped<'a> {
    /// The key.
    pub key: &'a SigningKey,
    /// Who vouches for the time.
    pub service: &'a timestamp::Service,
}

impl StatementSigner for Timestamped<'_> {
    fn sign_statement(&self, payload: Vec<u8>) -> Result<SignedPayload, EvidenceError> {
        let bundle = Bundle { envelope: Envelope::sign(payload, self.key)?, hint: self.key.public_key().hint()? };
        let timestamp = self.service.stamp(bundle.envelope.signature())?;
        Ok(SignedPayload { bundle: bundle.to_json_with(&[timestamp])?, envelope: bundle.envelope_json()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_decision_and_key_give_the_same_bytes() {
        let (facts, key) = (sample::facts(), SigningKey::generate().unwrap());
        let record = sample::record(&facts);
        let run_key = RunKey::of(&record, Some("17")).unwrap();
        let files = |key: &SigningKey| {
            let run = sign_run(&record, &facts, run_key, key).unwrap();
            run.files().cloned().collect::<Vec<_>>()
        };
        let first = files(&key);
        assert_eq!(first, files(&key));
        let other_key = files(&SigningKey::generate().unwrap());
        let run = run_key.short();
        let names = ["verdict.sigstore.json", "evaluation.sigstore.json", "verdict.intoto.json"];
        for ((file, other), name) in first.iter().zip(&other_key).zip(names) {
            assert_eq!(file.name, format!("{run}.{name}"));
            assert_ne!(file.bytes, other.bytes);
        }
    }

    #[test]
    fn the_verdict_names_the_evaluation_record_and_the_bare_envelope_is_the_bundles() {
        let (facts, key) = (sample::facts(), SigningKey::generate().unwrap());
        let record = sample::record(&facts);
        let run = sign_run(&record, &facts, RunKey::of(&record, None).unwrap(), &key).unwrap();
        let bundle: serde_json::Value = serde_json::from_slice(&run.verdict.bundle.bytes).unwrap();
        let envelope: serde_json::Value = serde_json::from_slice(&run.verdict_envelope.bytes).unwrap();
        assert_eq!(bundle["dsseEnvelope"], envelope);
        let payload = Bundle::from_bytes(&run.verdict.bundle.bytes).unwrap().envelope;
        let statement: serde_json::Value = serde_json::from_slice(payload.payload()).unwrap();
        let expected = serde_json::json!([{
            "uri": run.evaluation.bundle.name,
            "digest": {"sha256": Sha256Digest::of(&run.evaluation.bundle.bytes)},
        }]);
        assert_eq!(statement["predicate"]["inputAttestations"], expected);
        // Canonical: what was signed is what a reader would write again.
        assert_eq!(CanonicalJson::of(&statement).unwrap().bytes(), payload.payload());
        assert_eq!(run.subjects.len(), 6);
    }

    #[test]
    fn a_record_of_other_facts_is_not_signed() {
        let mut facts = sample::facts();
        let record = sample::record(&facts);
        facts.model.version = "2.1.1".to_owned();
        let run_key = RunKey::of(&record, None).unwrap();
        let error = sign_run(&record, &facts, run_key, &SigningKey::generate().unwrap()).unwrap_err();
        assert!(matches!(error, EvidenceError::Statement(StatementError::OtherFacts { .. })), "{error}");
    }
}
