//! Everything that a run leaves: enough to check it, and to run it again, without the machine that it ran on.
//!
//! The parts are the same in a store, where each is a blob, and in a directory, where each is a file. They name
//! each other by digest: the statements name the record, the record the facts and the policies, and the run's
//! own name is the digest of its inputs.

use std::collections::BTreeMap;

use super::bundle::Bundle;
use super::statement::{self, StatementError};
use super::trust::Trust;
use super::verify::{self, Expectations, StatementKind, VerifiedStatement, VerifyError};
use super::{EvidenceFile, RunKey, SignedRun, SignedStatement};
use crate::canonical::CanonicalJson;
use crate::decision::record::{DecisionRecord, RecordReference};
use crate::digest::Sha256Digest;
use crate::facts::Facts;
use crate::policy::PolicyBundle;

/// A part of what a run leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What the run's key is the digest of.
    Inputs,
    /// The decision record.
    Record,
    /// The facts.
    Facts,
    /// The policies, as one document.
    Policies,
    /// The verdict's bundle.
    Verdict,
    /// The evaluation record's bundle.
    Evaluation,
    /// The verdict's bare envelope, which the bundle holds, too.
    Envelope,
    /// The public key of whoever signed, by their own word.
    PublicKey,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 8] = [
        Self::Inputs,
        Self::Record,
        Self::Facts,
        Self::Policies,
        Self::Verdict,
        Self::Evaluation,
        Self::Envelope,
        Self::PublicKey,
    ];

    /// What a file's name ends in, behind the run's short key and a full stop.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Inputs => "run.json",
            Self::Record => "decision.json",
            Self::Facts => "facts.json",
            Self::Policies => "policies.json",
            Self::Verdict => "verdict.sigstore.json",
            Self::Evaluation => "evaluation.sigstore.json",
            Self::Envelope => "verdict.intoto.json",
            Self::PublicKey => "public-key.pem",
        }
    }

    /// What it is, for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inputs => "the run's inputs",
            Self::Record => "the decision record",
            Self::Facts => "the facts",
            Self::Policies => "the policies",
            Self::Verdict => "the verdict's bundle",
            Self::Evaluation => "the evaluation record's bundle",
            Self::Envelope => "the verdict's envelope",
            Self::PublicKey => "the public key",
        }
    }
}

/// What a run left is not enough, or not what it says of itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Without this part nothing can be checked or run again.
    #[error("the record is incomplete: {name} (`{suffix}`) is not in it", name = .0.name(), suffix = .0.suffix())]
    Missing(Part),
    /// A part is not of its form, or of a version that this program does not read.
    #[error("{name} cannot be read: {reason}", name = part.name())]
    Malformed {
        /// The part.
        part: Part,
        /// Why.
        reason: String,
    },
    /// Two parts that belong to different runs, or one that was changed.
    #[error("{name} is not the one that was recorded: {reason}", name = part.name())]
    Other {
        /// The part.
        part: Part,
        /// What does not fit.
        reason: String,
    },
    /// A statement proves nothing.
    #[error("{name} proves nothing: {error}", name = part.name())]
    Unproven {
        /// The part.
        part: Part,
        /// Why.
        error: VerifyError,
    },
}

impl RunError {
    /// Whether the record lacks something, and is not known to be wrong.
    #[must_use]
    pub const fn is_incomplete(&self) -> bool {
        matches!(self, Self::Missing(_) | Self::Malformed { .. })
    }
}

/// The parts of a run, as bytes that nobody has checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunParts {
    parts: BTreeMap<Part, Vec<u8>>,
    /// What was recorded beside them, each named by its digest.
    pub others: Vec<Vec<u8>>,
}

/// What can be run again: a decision with everything that it was made on.
#[derive(Debug, Clone)]
pub struct RecordedRun {
    /// The decision record.
    pub record: DecisionRecord,
    /// Its bytes.
    pub record_json: CanonicalJson,
    /// The facts.
    pub facts: Facts,
    /// Their bytes.
    pub facts_json: CanonicalJson,
    /// The policies.
    pub policies: PolicyBundle,
}

impl RunParts {
    /// Adds a part, or exchanges it.
    pub fn insert(&mut self, part: Part, bytes: Vec<u8>) {
        self.parts.insert(part, bytes);
    }

    /// The parts that are there, in the order of [`Part::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Part, &[u8])> {
        self.parts.iter().map(|(part, bytes)| (*part, bytes.as_slice()))
    }

    /// A part.
    ///
    /// # Errors
    /// [`RunError::Missing`].
    pub fn get(&self, part: Part) -> Result<&[u8], RunError> {
        self.parts.get(&part).map(Vec::as_slice).ok_or(RunError::Missing(part))
    }

    /// What each file is called, and what is in it.
    pub fn files(&self, run: &str) -> impl Iterator<Item = (String, &[u8])> {
        let parts = self.iter().map(move |(part, bytes)| (format!("{run}.{}", part.suffix()), bytes));
        let others =
            self.others.iter().map(move |blob| (format!("{run}.blob-{}", Sha256Digest::of(blob)), blob.as_slice()));
        parts.chain(others)
    }

    /// The decision record, as far as it is canonical and of the version that this program reads.
    ///
    /// # Errors
    /// [`RunError`] for one that is missing or not of its form.
    pub fn record(&self) -> Result<(DecisionRecord, CanonicalJson), RunError> {
        let (value, record_json) = canonical(Part::Record, self.get(Part::Record)?)?;
        let record: DecisionRecord = serde_json::from_value(value).map_err(|error| malformed(Part::Record, &error))?;
        if record.version == 1 {
            Ok((record, record_json))
        } else {
            Err(malformed(Part::Record, &format!("it is of version {}, and this program reads 1", record.version)))
        }
    }

    /// The decision with what it was made on, each by the digest that the record names.
    ///
    /// # Errors
    /// [`RunError`] for a part that is missing, not of its form, or another than the record names.
    pub fn recorded(&self) -> Result<RecordedRun, RunError> {
        let (record, record_json) = self.record()?;
        let (value, facts_json) = canonical(Part::Facts, self.get(Part::Facts)?)?;
        same(Part::Facts, "the facts", record.facts.sha256, facts_json.digest())?;
        let facts: Facts = serde_json::from_value(value).map_err(|error| malformed(Part::Facts, &error))?;
        let policies = PolicyBundle::from_archive(self.get(Part::Policies)?)
            .map_err(|problem| malformed(Part::Policies, &problem.message))?;
        same(Part::Policies, "the policies", record.policy.sha256, policies.digest())?;
        Ok(RecordedRun { record, record_json, facts, facts_json, policies })
    }

    /// Checks everything: that the parts belong together, and that both statements are about this very decision and
    /// signed by a key that is trusted. A denial is as well recorded as an approval.
    ///
    /// # Errors
    /// [`RunError`] for the first thing that does not hold.
    pub fn signed(&self, trust: &Trust) -> Result<(RecordedRun, SignedRun), RunError> {
        let recorded = self.recorded()?;
        let record = &recorded.record;
        let run_key = RunKey::of_inputs(self.get(Part::Inputs)?, record).ok_or_else(|| RunError::Other {
            part: Part::Inputs,
            reason: "they are not those of the decision record".to_owned(),
        })?;
        let verdict = self.statement(Part::Verdict, StatementKind::Verdict, trust, &recorded)?;
        let evaluation = self.statement(Part::Evaluation, StatementKind::Evaluation, trust, &recorded)?;
        let evaluation_bundle = Sha256Digest::of(self.get(Part::Evaluation)?);
        if !verdict.input_attestations.iter().any(|input| input.digest.sha256 == evaluation_bundle) {
            let reason = "the verdict names another one".to_owned();
            return Err(RunError::Other { part: Part::Evaluation, reason });
        }
        let envelope = Bundle::from_bytes(self.get(Part::Verdict)?)
            .map_err(|error| malformed(Part::Verdict, &error))?
            .envelope_json()
            .map_err(|error| malformed(Part::Verdict, &error))?;
        if self.parts.get(&Part::Envelope).is_some_and(|found| *found != envelope) {
            let reason = "the verdict's bundle has another one".to_owned();
            return Err(RunError::Other { part: Part::Envelope, reason });
        }
        let mut subjects: Vec<_> = evaluation.subjects.iter().map(|subject| subject.digest.sha256).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let file =
            |part: Part, bytes: Vec<u8>| EvidenceFile { name: format!("{}.{}", run_key.short(), part.suffix()), bytes };
        let signed = |part: Part, statement_sha256| {
            Ok(SignedStatement { statement_sha256, bundle: file(part, self.get(part)?.to_vec()) })
        };
        let run = SignedRun {
            run_key,
            verdict: signed(Part::Verdict, verdict.statement_sha256)?,
            evaluation: signed(Part::Evaluation, evaluation.statement_sha256)?,
            verdict_envelope: file(Part::Envelope, envelope),
            facts: recorded.facts_json.clone(),
            record: recorded.record_json.clone(),
            subjects,
        };
        Ok((recorded, run))
    }

    /// A statement about the recorded decision.
    fn statement(
        &self,
        part: Part,
        kind: StatementKind,
        trust: &Trust,
        recorded: &RecordedRun,
    ) -> Result<VerifiedStatement, RunError> {
        let expectations = Expectations { kind, allow_failed: true, ..Expectations::default() };
        let verified = verify::verify(self.get(part)?, trust, &expectations)
            .map_err(|error| RunError::Unproven { part, error })?;
        let record = &recorded.record;
        let expected = statement::summary(record, &RecordReference::of(&recorded.record_json))
            .map_err(|error| malformed(Part::Record, &StatementError::from(error)))?;
        if verified.decision == expected && verified.policy.digest.sha256 == record.policy.sha256 {
            Ok(verified)
        } else {
            Err(RunError::Other { part, reason: "it is about another decision than the record".to_owned() })
        }
    }
}

impl SignedRun {
    /// The parts of the run. `policies` are those that were run, `public_key` is the signer's as PEM if it has one, and
    /// `inputs` is what the run's key is the digest of.
    #[must_use]
    pub fn parts(&self, inputs: &CanonicalJson, policies: &CanonicalJson, public_key: Option<&str>) -> RunParts {
        let parts = [
            (Part::Inputs, inputs.bytes()),
            (Part::Record, self.record.bytes()),
            (Part::Facts, self.facts.bytes()),
            (Part::Policies, policies.bytes()),
            (Part::Verdict, self.verdict.bundle.bytes.as_slice()),
            (Part::Evaluation, self.evaluation.bundle.bytes.as_slice()),
            (Part::Envelope, self.verdict_envelope.bytes.as_slice()),
        ];
        let public_key = public_key.map(|key| (Part::PublicKey, key.as_bytes()));
        let parts = parts.into_iter().chain(public_key).map(|(part, bytes)| (part, bytes.to_vec()));
        RunParts { parts: parts.collect(), others: Vec::new() }
    }
}

fn malformed(part: Part, reason: &impl ToString) -> RunError {
    RunError::Malformed { part, reason: reason.to_string() }
}

fn canonical(part: Part, bytes: &[u8]) -> Result<(serde_json::Value, CanonicalJson), RunError> {
    CanonicalJson::read(bytes).map_err(|error| malformed(part, &error))
}

fn same(part: Part, what: &str, expected: Sha256Digest, found: Sha256Digest) -> Result<(), RunError> {
    if expected == found {
        return Ok(());
    }
    let reason = format!("the decision record is about {what} sha256:{expected}, and these are sha256:{found}");
    Err(RunError::Other { part, reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::key::SigningKey;
    use crate::evidence::{sample, sign_run};

    /// The parts of a run of the sample release under the embedded policies, and the key that signed it.
    fn parts() -> (RunParts, SigningKey) {
        let (facts, key) = (sample::facts(), SigningKey::generate().unwrap());
        let policies = PolicyBundle::embedded().unwrap();
        let mut record = sample::record(&facts);
        record.policy = policies.reference();
        let inputs = RunKey::inputs(&record, Some("17")).unwrap();
        let signed = sign_run(&record, &facts, RunKey::of(&record, Some("17")).unwrap(), &key).unwrap();
        let pem = key.public_key().to_pem().unwrap();
        (signed.parts(&inputs, &policies.to_archive().unwrap(), Some(&pem)), key)
    }

    fn trust(key: &SigningKey) -> Trust {
        key.public_key().into()
    }

    #[test]
    fn what_was_signed_is_read_again_as_it_was() {
        let (parts, key) = parts();
        let (recorded, signed) = parts.signed(&trust(&key)).unwrap();
        assert_eq!(recorded.record_json.bytes(), parts.get(Part::Record).unwrap());
        let policies = recorded.policies.to_archive().unwrap();
        let pem = key.public_key().to_pem().unwrap();
        let inputs = RunKey::inputs(&recorded.record, Some("17")).unwrap();
        assert_eq!(signed.parts(&inputs, &policies, Some(&pem)), parts);
        assert_eq!(signed.subjects.len(), 6);
    }

    #[test]
    fn a_missing_part_is_named() {
        let (parts, key) = parts();
        for part in Part::ALL {
            let mut without = parts.clone();
            without.parts.remove(&part);
            match without.signed(&trust(&key)) {
                // The one can be had from the bundle, the other is the verifier's to know.
                Ok(_) => assert!(matches!(part, Part::Envelope | Part::PublicKey), "{part:?}"),
                Err(error) => {
                    assert!(error.is_incomplete() && error.to_string().contains(part.suffix()), "{part:?}: {error}");
                }
            }
        }
    }

    #[test]
    fn no_changed_byte_of_any_part_is_taken_for_the_run() {
        let (parts, key) = parts();
        let (_, expected) = parts.signed(&trust(&key)).unwrap();
        for part in Part::ALL {
            let bytes = parts.get(part).unwrap();
            // Signatures are slow to check in a build without optimisation; the statements' own test flips every byte.
            for index in (0..bytes.len()).step_by((bytes.len() / 40).max(1)) {
                let mut changed = parts.clone();
                let mut other = bytes.to_vec();
                other[index] ^= 1 << (index % 7);
                changed.insert(part, other);
                if let Ok((_, signed)) = changed.signed(&trust(&key)) {
                    assert_eq!(signed.record, expected.record, "{part:?}, byte {index}");
                    assert_eq!(signed.run_key, expected.run_key, "{part:?}, byte {index}");
                    assert!(matches!(part, Part::PublicKey | Part::Verdict), "{part:?}, byte {index}");
                }
            }
        }
    }

    #[test]
    fn parts_of_two_runs_do_not_make_one() {
        let (parts, key) = parts();
        let (other, _) = super::tests::parts();
        for part in [Part::Verdict, Part::Evaluation, Part::Envelope] {
            let mut mixed = parts.clone();
            mixed.insert(part, other.get(part).unwrap().to_vec());
            let error = mixed.signed(&trust(&key)).unwrap_err();
            assert!(!error.is_incomplete(), "{part:?}: {error}");
        }
        let foreign = SigningKey::generate().unwrap();
        assert!(matches!(parts.signed(&trust(&foreign)), Err(RunError::Unproven { .. })));
    }
}
