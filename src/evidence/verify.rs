//! Verification of a bundle or a bare envelope that modelgate signed, offline and by the keys that are trusted.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::bundle::{Bundle, BundleError};
use super::dsse::Envelope;
use super::released::ReleasedDirectory;
use super::statement::{
    self, DecisionSummary, EVALUATION_PREDICATE, EvaluationPredicate, MAX_SUBJECTS, Resource, STATEMENT_TYPE,
    Statement, Subject, TestResult, VERDICT_PREDICATE, VERIFIER_ID, VerdictPredicate, VerificationResult,
};
use super::trust::{self, Trust};
use crate::decision::Verdict;
use crate::digest::Sha256Digest;
use crate::document::strict_json;
use crate::policy::EffectiveTime;
use crate::tier::Tier;

/// How far the clock of the machine that decided may be ahead of this one's.
const CLOCK_SKEW_SECONDS: i64 = 300;

/// Which of modelgate's statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatementKind {
    /// Whether the artifacts may be released.
    #[default]
    Verdict,
    /// What the controls came to, over every input.
    Evaluation,
}

/// What must hold beside the signature. The default asks for a passed verdict.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// Which statement it must be. An evaluation record says of its subjects that they were judged,
    /// and not that they may be released.
    pub kind: StatementKind,
    /// Files that the statement must be about: a name for messages, and the digest that binds.
    pub artifacts: Vec<(String, Sha256Digest)>,
    /// Directories that must be what the statement is about, whole and with nothing beside it.
    pub directories: Vec<ReleasedDirectory>,
    /// The tier whose profile the release must have passed, or a stricter one.
    pub require_tier: Option<Tier>,
    /// The policies that must have been run, by their digests: one of these. Empty takes any.
    pub policies: Vec<Sha256Digest>,
    /// The time of this verification; without it, no date is looked at.
    pub now: Option<DateTime<Utc>>,
    /// How long ago, in seconds, the decision may have been made.
    pub max_age_seconds: Option<i64>,
    /// Take a statement that says `FAILED`, too: to read why, never to release.
    pub allow_failed: bool,
}

/// What a verified statement says.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedStatement {
    /// Which statement.
    pub kind: StatementKind,
    /// Its predicate type.
    pub predicate_type: String,
    /// `PASSED`, `WARNED` or `FAILED`.
    pub result: TestResult,
    /// The decision behind it.
    pub decision: DecisionSummary,
    /// What it is about.
    pub subjects: Vec<Subject>,
    /// The policies that were run.
    pub policy: Resource,
    /// Where the release goes; an evaluation record does not say.
    pub resource_uri: Option<String>,
    /// What a verdict was decided on: the evaluation record's bundle.
    pub input_attestations: Vec<Resource>,
    /// The trusted key that signed.
    pub signed_by: Signer,
    /// SHA-256 of the signed payload.
    pub statement_sha256: Sha256Digest,
}

/// A key that signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signer {
    /// Its name in the trust roots, or its file.
    pub name: String,
    /// The hint of the key.
    pub key: String,
}

/// Nothing is proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The file is not a bundle that this version reads.
    #[error("the bundle is refused: {0}")]
    Bundle(#[from] BundleError),
    /// The key did not sign this payload.
    #[error("the signature is not that of a trusted key: the bundle was changed, or another key signed it")]
    Signature,
    /// The key signed, and is not trusted any more.
    #[error("the key `{name}` is revoked: {reason}")]
    Revoked {
        /// The key.
        name: String,
        /// Why.
        reason: String,
    },
    /// The key signed, and may not sign this.
    #[error("the key `{name}` may not sign {reason}")]
    KeyNotFor {
        /// The key.
        name: String,
        /// What it may not, and why.
        reason: String,
    },
    /// No certificate of the identity that was asked for signed.
    #[error("no certificate of the identity that is trusted signed it: {0}")]
    Certificate(String),
    /// The time of the signature is not vouched for as it was asked for.
    #[error("the time of the signature is not proven: {0}")]
    Timestamp(String),
    /// Signed, but not in the form of a statement.
    #[error("the signed payload is not a statement of modelgate: {0}")]
    Statement(String),
    /// Signed, but another kind of statement.
    #[error("the statement is of type `{found}`, and `{expected}` is expected")]
    PredicateType {
        /// Type in the bundle.
        found: String,
        /// Type that was asked for.
        expected: &'static str,
    },
    /// Signed by the key in another capacity.
    #[error("the statement was made by `{0}`, and `{VERIFIER_ID}` is expected")]
    Verifier(String),
    /// The parts of the statement contradict each other.
    #[error("the statement contradicts itself: {0}")]
    Contradiction(&'static str),
    /// Not about an artifact that was asked for.
    #[error("`{name}` is not what the statement is about: no subject has its digest sha256:{digest}")]
    NotASubject {
        /// The artifact.
        name: String,
        /// Its digest.
        digest: Sha256Digest,
    },
    /// A file that was judged, and is now another.
    #[error("`{path}` is not the file that was judged: its digest is sha256:{digest}")]
    Changed {
        /// The file.
        path: String,
        /// Its digest.
        digest: Sha256Digest,
    },
    /// A file that was not judged.
    #[error("`{path}` is no part of what the verdict is about (sha256:{digest}): take it away, or have it judged")]
    ExtraFile {
        /// The file.
        path: String,
        /// Its digest.
        digest: Sha256Digest,
    },
    /// A file that was judged under another name.
    #[error("`{path}` is `{subject}` of the release under another name: files were renamed or exchanged")]
    OtherName {
        /// The file.
        path: String,
        /// The subject with its digest.
        subject: String,
    },
    /// A file that was judged, and is not there.
    #[error("the verdict is about `{subject}`, too, and `{directory}` does not have it")]
    MissingFile {
        /// The directory.
        directory: String,
        /// The subject.
        subject: String,
    },
    /// A directory without files.
    #[error("`{0}` holds no file")]
    EmptyDirectory(String),
    /// Decided by other policies.
    #[error("the policies that were run are sha256:{found}, and {expected} is required")]
    Policy {
        /// Their digest.
        found: Sha256Digest,
        /// The digests that were asked for.
        expected: String,
    },
    /// Decided too long ago.
    #[error("the decision of {decided} is {age} old, and {most} is the most")]
    TooOld {
        /// When it was made.
        decided: String,
        /// Its age.
        age: String,
        /// The age that was asked for.
        most: String,
    },
    /// Decided for a day that has not come.
    #[error("the decision is of {0}, which has not come yet: it does not hold before, or a clock is wrong")]
    NotYet(String),
    /// The release was denied.
    #[error("the statement says FAILED: the release of {0} was denied")]
    Failed(String),
    /// The release passed a more lenient tier.
    #[error("the release passed the controls of tier `{found}`, and tier `{required}` is required")]
    Tier {
        /// Tier that it passed.
        found: Tier,
        /// Tier that was asked for.
        required: Tier,
    },
}

impl VerifyError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Bundle(_) => "malformed-bundle",
            Self::Signature => "untrusted-signature",
            Self::Revoked { .. } => "revoked-key",
            Self::KeyNotFor { .. } => "key-not-for-this",
            Self::Certificate(_) => "untrusted-certificate",
            Self::Timestamp(_) => "untrusted-timestamp",
            Self::Statement(_) => "malformed-statement",
            Self::PredicateType { .. } => "other-statement",
            Self::Verifier(_) => "other-verifier",
            Self::Contradiction(_) => "contradiction",
            Self::NotASubject { .. } => "not-a-subject",
            Self::Changed { .. } => "changed-file",
            Self::ExtraFile { .. } => "extra-file",
            Self::OtherName { .. } => "other-name",
            Self::MissingFile { .. } => "missing-file",
            Self::EmptyDirectory(_) => "empty-directory",
            Self::Policy { .. } => "other-policy",
            Self::TooOld { .. } => "too-old",
            Self::NotYet(_) => "not-yet",
            Self::Failed(_) => "failed",
            Self::Tier { .. } => "other-tier",
        }
    }
}

/// Verifies a bundle or a bare envelope: the signature over the payload as received, then that the payload is
/// a statement of modelgate's which the key may sign, then what is expected of it. The hint and the key id in
/// the bundle are not looked at.
///
/// # Errors
/// [`VerifyError`] for the first thing that does not hold.
pub fn verify(signed: &[u8], trust: &Trust, expectations: &Expectations) -> Result<VerifiedStatement, VerifyError> {
    let envelope = open(signed)?;
    let signers = trust.signers(&envelope)?;
    verify_payload(envelope.payload(), expectations, |tier, when| {
        let signer = trust::authorised(&signers, VERIFIER_ID, tier, when)?;
        Ok(Signer { name: signer.name.clone(), key: signer.key.hint().unwrap_or_default() })
    })
}

/// Verifies a payload of which it is known who signed it: that it is a statement of modelgate's, that the signer may
/// sign for its tier at its time, then what is expected of it.
///
/// # Errors
/// [`VerifyError`] for the first thing that does not hold.
pub fn verify_payload(
    payload: &[u8],
    expectations: &Expectations,
    authorise: impl FnOnce(Tier, EffectiveTime) -> Result<Signer, VerifyError>,
) -> Result<VerifiedStatement, VerifyError> {
    let mut verified = match expectations.kind {
        StatementKind::Verdict => verdict(payload)?,
        StatementKind::Evaluation => evaluation(payload)?,
    };
    let decision = &verified.decision;
    let when = EffectiveTime::parse(&decision.effective_time)
        .map_err(|reason| VerifyError::Statement(format!("its `effective_time`: {reason}")))?;
    verified.signed_by = authorise(decision.tier, when)?;
    expectations.check(&verified)?;
    expectations.check_date(&decision.effective_time)?;
    Ok(verified)
}

/// The envelope in a bundle, or the bare one.
fn open(signed: &[u8]) -> Result<Envelope, VerifyError> {
    match Envelope::from_bytes(signed) {
        Some(envelope) => Ok(envelope.map_err(BundleError::from)?),
        None => Ok(Bundle::from_bytes(signed)?.envelope),
    }
}

/// A number of seconds in the largest unit that it fills.
fn span(seconds: i64) -> String {
    match seconds {
        172_800.. => format!("{} days", seconds / 86_400),
        7_200.. => format!("{} hours", seconds / 3_600),
        120.. => format!("{} minutes", seconds / 60),
        _ => format!("{seconds} seconds"),
    }
}

impl Expectations {
    fn check(&self, verified: &VerifiedStatement) -> Result<(), VerifyError> {
        for (name, digest) in &self.artifacts {
            if !verified.subjects.iter().any(|subject| subject.digest.sha256 == *digest) {
                return Err(VerifyError::NotASubject { name: name.clone(), digest: *digest });
            }
        }
        for directory in &self.directories {
            directory.check(&verified.subjects)?;
        }
        let decision = &verified.decision;
        if verified.result == TestResult::Failed && !self.allow_failed {
            return Err(VerifyError::Failed(format!("{} {}", decision.model, decision.model_version)));
        }
        if let Some(required) = self.require_tier.filter(|required| decision.tier < *required) {
            return Err(VerifyError::Tier { found: decision.tier, required });
        }
        let found = verified.policy.digest.sha256;
        if !self.policies.is_empty() && !self.policies.contains(&found) {
            let expected: Vec<_> = self.policies.iter().map(|digest| format!("sha256:{digest}")).collect();
            return Err(VerifyError::Policy { found, expected: expected.join(" or ") });
        }
        Ok(())
    }

    /// That the decision of `decided` is neither of the future nor too old.
    fn check_date(&self, decided: &str) -> Result<(), VerifyError> {
        let Some(now) = self.now else { return Ok(()) };
        let when = DateTime::parse_from_rfc3339(decided).map_err(|error| VerifyError::Statement(error.to_string()))?;
        let age = now.timestamp().saturating_sub(when.timestamp());
        if age < -CLOCK_SKEW_SECONDS {
            return Err(VerifyError::NotYet(decided.to_owned()));
        }
        match self.max_age_seconds {
            Some(most) if age > most => {
                Err(VerifyError::TooOld { decided: decided.to_owned(), age: span(age), most: span(most) })
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn verdict(payload: &[u8]) -> Result<VerifiedStatement, VerifyError> {
    let statement: Statement<VerdictPredicate> = parse(payload, VERDICT_PREDICATE)?;
    let predicate = statement.predicate;
    if predicate.verifier.id != VERIFIER_ID {
        return Err(VerifyError::Verifier(predicate.verifier.id));
    }
    let decision = predicate.decision;
    let denied = decision.decision == Verdict::Deny;
    let result = match predicate.verification_result {
        VerificationResult::Failed if denied => TestResult::Failed,
        VerificationResult::Passed if !denied => TestResult::Passed,
        VerificationResult::Failed | VerificationResult::Passed => {
            return Err(VerifyError::Contradiction("its result is not what the decision comes to"));
        }
    };
    if predicate.time_verified != decision.effective_time {
        return Err(VerifyError::Contradiction("its `timeVerified` is not the time of the decision"));
    }
    if result == TestResult::Passed && !predicate.verified_levels.contains(&statement::level(decision.tier)) {
        return Err(VerifyError::Contradiction("its verified levels lack the tier of the decision"));
    }
    Ok(VerifiedStatement {
        kind: StatementKind::Verdict,
        predicate_type: statement.predicate_type,
        result,
        decision,
        subjects: statement.subject,
        policy: predicate.policy,
        resource_uri: Some(predicate.resource_uri),
        input_attestations: predicate.input_attestations,
        signed_by: Signer::default(),
        statement_sha256: Sha256Digest::of(payload),
    })
}

fn evaluation(payload: &[u8]) -> Result<VerifiedStatement, VerifyError> {
    let statement: Statement<EvaluationPredicate> = parse(payload, EVALUATION_PREDICATE)?;
    let predicate = statement.predicate;
    let policy = predicate
        .configuration
        .into_iter()
        .find_map(|part| Some(Resource { uri: part.uri, digest: part.digest? }))
        .ok_or_else(|| VerifyError::Statement("its `configuration` names no policies by digest".to_owned()))?;
    Ok(VerifiedStatement {
        kind: StatementKind::Evaluation,
        predicate_type: statement.predicate_type,
        result: predicate.result,
        decision: predicate.decision.summary,
        subjects: statement.subject,
        policy,
        resource_uri: None,
        input_attestations: Vec::new(),
        signed_by: Signer::default(),
        statement_sha256: Sha256Digest::of(payload),
    })
}

fn parse<P: DeserializeOwned>(payload: &[u8], expected: &'static str) -> Result<Statement<P>, VerifyError> {
    let not_a_statement = |error: serde_json::Error| VerifyError::Statement(error.to_string());
    let value = strict_json::parse(payload).map_err(not_a_statement)?;
    // Before the predicate is read as what it may not be.
    match value.get("predicateType") {
        Some(Value::String(found)) if found == expected => {}
        Some(Value::String(found)) => {
            return Err(VerifyError::PredicateType { found: found.clone(), expected });
        }
        Some(_) | None => return Err(VerifyError::Statement("it has no `predicateType`".to_owned())),
    }
    let statement: Statement<P> = serde_json::from_value(value).map_err(not_a_statement)?;
    if statement.statement_type != STATEMENT_TYPE {
        let found = statement.statement_type;
        return Err(VerifyError::Statement(format!("its `_type` is `{found}`, and `{STATEMENT_TYPE}` is expected")));
    }
    match statement.subject.len() {
        0 => Err(VerifyError::Statement("it has no subject".to_owned())),
        count if count > MAX_SUBJECTS => {
            Err(VerifyError::Statement(format!("it has {count} subjects, and {MAX_SUBJECTS} are the most")))
        }
        _ => Ok(statement),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::decision::{Enforcement, OutcomeResult};
    use crate::evidence::dsse::Envelope;
    use crate::evidence::key::SigningKey;
    use crate::evidence::{RunKey, SignedRun, sample, sign_run};

    fn trusted(key: &SigningKey) -> Trust {
        key.public_key().into()
    }

    fn key() -> SigningKey {
        SigningKey::generate().unwrap()
    }

    fn signed(key: &SigningKey, result: OutcomeResult, enforcement: Enforcement) -> SignedRun {
        let facts = sample::facts();
        let record = sample::record_of(&facts, vec![sample::outcome("VAL-001", result, enforcement)]);
        sign_run(&record, &facts, RunKey::of(&record, None).unwrap(), key).unwrap()
    }

    fn approved(key: &SigningKey) -> SignedRun {
        signed(key, OutcomeResult::Pass, Enforcement::Block)
    }

    fn artifact(path: &str) -> Expectations {
        let artifacts = vec![(path.to_owned(), Sha256Digest::of(path.as_bytes()))];
        Expectations { artifacts, ..Expectations::default() }
    }

    /// A bundle over `payload`, rightly signed by `key`.
    fn bundle_of(payload: &[u8], key: &SigningKey) -> Vec<u8> {
        let envelope = Envelope::sign(payload.to_vec(), key).unwrap();
        Bundle { envelope, hint: String::new() }.to_json().unwrap()
    }

    fn payload(run: &SignedRun) -> Value {
        serde_json::from_slice(Bundle::from_bytes(&run.verdict.bundle.bytes).unwrap().envelope.payload()).unwrap()
    }

    #[test]
    fn an_approval_verifies_for_its_artifacts_and_says_what_was_signed() {
        let key = key();
        let run = approved(&key);
        let verified = verify(&run.verdict.bundle.bytes, &trusted(&key), &artifact("model/scaler.json")).unwrap();
        assert_eq!((verified.kind, verified.result), (StatementKind::Verdict, TestResult::Passed));
        assert_eq!(verified.predicate_type, "https://slsa.dev/verification_summary/v1");
        assert_eq!((verified.decision.tier, verified.subjects.len()), (Tier::High, 2));
        assert_eq!(verified.policy.digest.sha256, Sha256Digest::of(b"policies"));
        assert_eq!(verified.decision.effective_time, "2027-01-01T12:00:00Z");
        assert_eq!(verified.decision.decision_record.sha256, run.record.digest());
        assert_eq!(verified.statement_sha256, run.verdict.statement_sha256);
        let other = verify(&run.verdict.bundle.bytes, &trusted(&key), &artifact("data/holdout.parquet"));
        let Err(VerifyError::NotASubject { name, .. }) = other else { panic!("{other:?}") };
        assert_eq!(name, "data/holdout.parquet");
    }

    #[test]
    fn a_conditional_approval_passes_with_its_conditions() {
        let key = key();
        let run = signed(&key, OutcomeResult::Fail, Enforcement::Condition);
        let verified = verify(&run.verdict.bundle.bytes, &trusted(&key), &Expectations::default()).unwrap();
        assert_eq!(verified.result, TestResult::Passed);
        assert_eq!(verified.decision.conditions.map(|conditions| conditions.count), Some(1));
    }

    #[test]
    fn a_denial_verifies_only_for_whoever_asks_to_read_it() {
        let key = key();
        let run = signed(&key, OutcomeResult::Fail, Enforcement::Block);
        let bundle = &run.verdict.bundle.bytes;
        let refused = verify(bundle, &trusted(&key), &Expectations::default()).unwrap_err();
        assert_eq!(refused, VerifyError::Failed("credit/default-risk 2.1.0".to_owned()));
        let read = Expectations { allow_failed: true, ..Expectations::default() };
        assert_eq!(verify(bundle, &trusted(&key), &read).unwrap().result, TestResult::Failed);
    }

    #[test]
    fn a_tier_holds_for_itself_and_for_those_below_it() {
        let key = key();
        let run = approved(&key);
        for (required, holds) in
            [(Tier::Minimal, true), (Tier::Limited, true), (Tier::High, true), (Tier::Critical, false)]
        {
            let expectations = Expectations { require_tier: Some(required), ..Expectations::default() };
            let verified = verify(&run.verdict.bundle.bytes, &trusted(&key), &expectations);
            assert_eq!(verified.is_ok(), holds, "{required}");
        }
    }

    #[test]
    fn an_evaluation_record_is_no_verdict() {
        let key = key();
        let run = approved(&key);
        let bundle = &run.evaluation.bundle.bytes;
        let refused = verify(bundle, &trusted(&key), &artifact("data/holdout.parquet")).unwrap_err();
        assert!(matches!(refused, VerifyError::PredicateType { .. }), "{refused}");
        let asked = Expectations { kind: StatementKind::Evaluation, ..artifact("data/holdout.parquet") };
        let verified = verify(bundle, &trusted(&key), &asked).unwrap();
        assert_eq!((verified.result, verified.subjects.len()), (TestResult::Passed, 6));
        assert_eq!(verified.policy.digest.sha256, Sha256Digest::of(b"policies"));
    }

    #[test]
    fn a_foreign_key_is_refused_whatever_the_hint_says() {
        let (key, foreign) = (key(), SigningKey::generate().unwrap());
        let run = approved(&foreign);
        let mut bundle: Value = serde_json::from_slice(&run.verdict.bundle.bytes).unwrap();
        bundle["verificationMaterial"]["publicKey"]["hint"] = json!(key.public_key().hint().unwrap());
        let bundle = bundle.to_string();
        let verified = verify(bundle.as_bytes(), &trusted(&key), &Expectations::default());
        assert_eq!(verified, Err(VerifyError::Signature));
        assert!(verify(bundle.as_bytes(), &trusted(&foreign), &Expectations::default()).is_ok());
    }

    #[test]
    fn no_changed_byte_changes_what_is_proven() {
        let key = key();
        let run = approved(&key);
        let original = &run.verdict.bundle.bytes;
        let expected = verify(original, &trusted(&key), &Expectations::default()).unwrap();
        let mut refused = 0_usize;
        for index in 0..original.len() {
            let mut changed = original.clone();
            // One bit: enough to leave the alphabet of base64, or to stay in it.
            changed[index] ^= 1 << (index % 7);
            match verify(&changed, &trusted(&key), &Expectations::default()) {
                Ok(verified) => assert_eq!(verified, expected, "byte {index}"),
                Err(_) => refused += 1,
            }
        }
        // The hint alone may change.
        assert!(refused > original.len() - 60, "{refused} of {}", original.len());
    }

    #[test]
    fn what_was_signed_but_is_no_statement_of_ours_is_refused() {
        let key = key();
        let run = approved(&key);
        let mut cases: Vec<(String, &str)> = vec![("{}".to_owned(), "predicateType"), ("[1".to_owned(), "EOF")];
        let mut change = |part: &str, value: Value, says: &'static str| {
            let mut payload = payload(&run);
            *payload.pointer_mut(part).unwrap() = value;
            cases.push((payload.to_string(), says));
        };
        change("/_type", json!("https://in-toto.io/Statement/v0.1"), "_type");
        change("/subject", json!([]), "no subject");
        change("/subject", json!(vec![payload(&run)["subject"][0].clone(); 1025]), "1025 subjects");
        change("/subject/0/digest", json!({"sha1": "00"}), "sha1");
        change("/predicateType", json!(7), "predicateType");
        change("/predicateType", json!("https://slsa.dev/provenance/v1"), "provenance");
        change("/predicate/verifier/id", json!("https://example.com/other"), "example.com/other");
        change("/predicate/verificationResult", json!("FAILED"), "contradicts");
        change("/predicate/verificationResult", json!("MAYBE"), "MAYBE");
        change("/predicate/timeVerified", json!("2027-01-01T00:00:00Z"), "timeVerified");
        change("/predicate/verifiedLevels", json!(["MODELGATE_TIER_CRITICAL"]), "contradicts");
        change("/predicate/urn:modelgate:decision:v1/tier", json!("critical"), "contradicts");
        let doubled = payload(&run).to_string().replacen('{', r#"{"subject":[],"#, 1);
        cases.push((doubled, "twice"));
        let unknown = payload(&run).to_string().replacen('{', r#"{"extra":1,"#, 1);
        cases.push((unknown, "extra"));
        for (payload, says) in cases {
            let bundle = bundle_of(payload.as_bytes(), &key);
            let error = verify(&bundle, &trusted(&key), &Expectations::default()).unwrap_err().to_string();
            assert!(error.contains(says), "`{says}` is not in: {error}");
        }
    }

    #[test]
    fn fields_that_a_later_version_adds_to_the_predicate_are_left_alone() {
        let key = key();
        let mut payload = payload(&approved(&key));
        payload["predicate"]["later"] = json!(true);
        let bundle = bundle_of(payload.to_string().as_bytes(), &key);
        assert!(verify(&bundle, &trusted(&key), &Expectations::default()).is_ok());
    }

    #[test]
    fn a_bare_envelope_proves_what_its_bundle_does() {
        let key = key();
        let run = approved(&key);
        let expected = verify(&run.verdict.bundle.bytes, &trusted(&key), &Expectations::default());
        assert_eq!(verify(&run.verdict_envelope.bytes, &trusted(&key), &Expectations::default()), expected);
        let foreign = SigningKey::generate().unwrap();
        let refused = verify(&run.verdict_envelope.bytes, &trusted(&foreign), &Expectations::default());
        assert_eq!(refused, Err(VerifyError::Signature));
    }

    #[test]
    fn a_verdict_holds_from_its_time_on_and_for_its_age() {
        let key = key();
        let run = approved(&key);
        let at = |now: &str, max_age_seconds: Option<i64>| {
            let now = Some(now.parse::<DateTime<Utc>>().unwrap());
            let expectations = Expectations { now, max_age_seconds, ..Expectations::default() };
            verify(&run.verdict.bundle.bytes, &trusted(&key), &expectations).map(|_| ()).map_err(|error| error.code())
        };
        // It is of 2027-01-01T12:00:00Z.
        let day = Some(86_400);
        assert_eq!(at("2027-01-01T12:00:00Z", day), Ok(()));
        assert_eq!(at("2027-01-01T11:55:00Z", day), Ok(()));
        assert_eq!(at("2027-01-01T11:54:59Z", None), Err("not-yet"));
        assert_eq!(at("2027-01-02T12:00:00Z", day), Ok(()));
        assert_eq!(at("2027-01-02T12:00:01Z", day), Err("too-old"));
        assert_eq!(at("2099-01-01T00:00:00Z", None), Ok(()));
    }

    #[test]
    fn pinned_policies_must_have_been_run() {
        let key = key();
        let run = approved(&key);
        let under = |policies: &[&[u8]]| {
            let policies = policies.iter().map(|policies| Sha256Digest::of(policies)).collect();
            let expectations = Expectations { policies, ..Expectations::default() };
            verify(&run.verdict.bundle.bytes, &trusted(&key), &expectations).map(|_| ()).map_err(|error| error.code())
        };
        assert_eq!(under(&[b"policies"]), Ok(()));
        assert_eq!(under(&[b"others", b"policies"]), Ok(()));
        assert_eq!(under(&[b"others"]), Err("other-policy"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_verifier_stop(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(verify(&bytes, &Trust::new(Vec::new()), &Expectations::default()).is_err());
        }

        /// Parts of a real bundle, cut out, doubled and put elsewhere.
        #[test]
        fn no_rearrangement_changes_what_is_proven(cuts in prop::collection::vec(0_usize..5_000, 4), byte in any::<u8>()) {
            static RUN: LazyLock<(SigningKey, SignedRun)> = LazyLock::new(|| {
                let key = key();
                let run = approved(&key);
                (key, run)
            });
            let (key, run) = &*RUN;
            let original = &run.verdict.bundle.bytes;
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % original.len()).collect();
            cuts.sort_unstable();
            let parts = [&original[..cuts[0]], &original[cuts[1]..cuts[2]], &[byte], &original[cuts[0]..cuts[1]], &original[cuts[3]..]];
            let expected = verify(original, &trusted(key), &Expectations::default()).unwrap();
            if let Ok(verified) = verify(&parts.concat(), &trusted(key), &Expectations::default()) {
                prop_assert_eq!(verified, expected);
            }
        }
    }
}
