//! What is signed: in-toto Statement v1 with a standard predicate.
//!
//! Two statements, because in-toto matches subjects by digest alone: had the verdict the evaluation
//! data among its subjects, the data would itself verify as a released artifact that passed.
//!
//! - The **verdict** is a SLSA Verification Summary about the released artifacts and nothing else.
//! - The **evaluation record** is an in-toto Test Result about every input that was judged.
//!
//! What neither predicate has a field for stands under [`EXTENSION`]: a field named by a URI, which
//! the parsing rules of both allow and which verifiers that do not know it leave alone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::canonical::{CanonicalJson, NotCanonical};
use crate::decision::record::{DecisionRecord, RecordReference};
use crate::decision::{Enforcement, Outcome, OutcomeResult, Verdict};
use crate::digest::Sha256Digest;
use crate::facts::evaluation::EvaluationFacts;
use crate::facts::{Facts, FileFacts};
use crate::tier::Tier;

/// `_type` of a statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// Predicate of the verdict: <https://slsa.dev/spec/v1.2/verification_summary>.
pub const VERDICT_PREDICATE: &str = "https://slsa.dev/verification_summary/v1";

/// Predicate of the evaluation record: in-toto's `test-result.md`.
pub const EVALUATION_PREDICATE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// Who verified. A verifier trusts a pair of key and id: the same key may sign for other programs.
pub const VERIFIER_ID: &str = "urn:modelgate:verifier:v1";

/// Name of the field that holds what is modelgate's own.
pub const EXTENSION: &str = "urn:modelgate:decision:v1";

/// Most subjects of one statement: cosign 3.1.1 refuses 1025.
pub const MAX_SUBJECTS: usize = 1024;

/// Version of SLSA whose verification summary is written.
const SLSA_VERSION: &str = "1.2";

/// Level of a verdict that did not pass.
const FAILED_LEVEL: &str = "FAILED";

/// No statement can be made of this decision.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// More subjects than verifiers take.
    #[error(
        "the {statement} would have {count} subjects, and verifiers take {MAX_SUBJECTS} at most: \
         pack the files into fewer, such as one archive"
    )]
    TooManySubjects {
        /// Which statement.
        statement: &'static str,
        /// How many it would have.
        count: usize,
    },
    /// No subject: a statement about nothing.
    #[error("the {0} would be about nothing: the facts name no file for it")]
    NoSubjects(&'static str),
    /// The record is about other facts than those that were given.
    #[error("the decision record is about the facts {expected}, and facts {found} were given")]
    OtherFacts {
        /// Digest in the record.
        expected: Sha256Digest,
        /// Digest of what was given.
        found: Sha256Digest,
    },
    /// Something that JSON cannot carry.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

/// in-toto Statement v1. Nothing but these four fields: cosign refuses others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement<P> {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// What it is about.
    pub subject: Vec<Subject>,
    /// What kind of predicate it has.
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What is said.
    pub predicate: P,
}

/// Something that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Name, for people: what binds is the digest.
    pub name: String,
    /// Its digest.
    pub digest: DigestSet,
}

/// The one digest that is written and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestSet {
    /// SHA-256.
    pub sha256: Sha256Digest,
}

/// SLSA Verification Summary v1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerdictPredicate {
    /// Who verified.
    pub verifier: Verifier,
    /// The effective time of the decision.
    pub time_verified: String,
    /// Where the release goes.
    pub resource_uri: String,
    /// The policies.
    pub policy: Resource,
    /// The evaluation record's bundle, and the signatures that came with the released files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input_attestations: Vec<Resource>,
    /// Passed or failed; there is no third.
    pub verification_result: VerificationResult,
    /// `MODELGATE_TIER_<TIER>`, or `FAILED`.
    pub verified_levels: Vec<String>,
    /// Version of SLSA.
    pub slsa_version: String,
    /// What is modelgate's own.
    #[serde(rename = "urn:modelgate:decision:v1")]
    pub decision: DecisionSummary,
}

/// Who verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verifier {
    /// [`VERIFIER_ID`].
    pub id: String,
    /// Versions of its parts.
    pub version: VerifierVersion,
}

/// Versions of the verifier's parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifierVersion {
    /// The program.
    pub modelgate: String,
    /// The policy engine in it.
    pub regorus: String,
}

/// A resource by its place and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its place.
    pub uri: String,
    /// Its digest.
    pub digest: DigestSet,
}

/// What a verdict came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum VerificationResult {
    /// Approved, or approved on conditions.
    Passed,
    /// Denied.
    Failed,
}

/// in-toto Test Result v0.1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvaluationPredicate {
    /// The worst of what the controls came to.
    pub result: TestResult,
    /// The policies, and the program that ran them.
    pub configuration: Vec<Configuration>,
    /// Controls that passed.
    pub passed_tests: Vec<String>,
    /// Controls that failed and do not block: under `condition` or `warn`.
    pub warned_tests: Vec<String>,
    /// Controls that failed under `block`, and those that could not be evaluated.
    pub failed_tests: Vec<String>,
    /// What is modelgate's own.
    #[serde(rename = "urn:modelgate:decision:v1")]
    pub decision: EvaluationSummary,
}

/// What a test run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TestResult {
    /// No control failed.
    Passed,
    /// Some failed, and none that blocks.
    Warned,
    /// The release is denied.
    Failed,
}

/// A part of what the controls were run with: an in-toto resource descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// What it is.
    pub name: String,
    /// Its place.
    pub uri: String,
    /// Its digest, or none for the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<DigestSet>,
    /// Versions, for the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<VerifierVersion>,
}

/// The decision behind a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionSummary {
    /// What the gate came to.
    pub decision: Verdict,
    /// The decision record.
    pub decision_record: RecordReference,
    /// The facts.
    pub facts: RecordReference,
    /// Name of the model.
    pub model: String,
    /// Version of the model.
    pub model_version: String,
    /// The tier that applied.
    pub tier: Tier,
    /// The time at which policies were evaluated.
    pub effective_time: String,
    /// What the approval depends on; absent unless it is conditional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<ConditionsReference>,
}

/// The conditions of an approval, by their digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionsReference {
    /// How many.
    pub count: u64,
    /// SHA-256 of the canonical JSON of the record's `conditions`.
    pub sha256: Sha256Digest,
}

/// The decision behind an evaluation record, with the controls that a test result has no list for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationSummary {
    /// The decision.
    #[serde(flatten)]
    pub summary: DecisionSummary,
    /// Controls that failed and whose risk was accepted.
    pub waived: Vec<String>,
    /// Controls that did not apply.
    pub not_applicable: Vec<String>,
    /// Controls that failed under `shadow`.
    pub shadow: Vec<String>,
    /// Those of the failed controls that could not be evaluated.
    pub errors: Vec<String>,
}

/// The level that a passed verdict of a tier verifies.
#[must_use]
pub fn level(tier: Tier) -> String {
    format!("MODELGATE_TIER_{}", tier.name().to_ascii_uppercase())
}

/// The verdict about the released artifacts, and about nothing else. `evaluation` is the bundle of
/// the evaluation record, by its file name.
///
/// # Errors
/// [`StatementError`] for no artifact or too many.
pub fn verdict(
    record: &DecisionRecord,
    facts: &Facts,
    decision_record: &RecordReference,
    evaluation: Option<Resource>,
) -> Result<Statement<VerdictPredicate>, StatementError> {
    let subjects = facts.artifacts.iter().map(|artifact| subject("", &artifact.file)).collect();
    let (verification_result, level) = match record.decision {
        // That it is conditional stands in the extension: the standard has no third result.
        Verdict::Approve | Verdict::Conditional => (VerificationResult::Passed, level(record.tier.effective)),
        Verdict::Deny => (VerificationResult::Failed, FAILED_LEVEL.to_owned()),
    };
    let predicate = VerdictPredicate {
        verifier: Verifier { id: VERIFIER_ID.to_owned(), version: version(record) },
        time_verified: record.effective_time.clone(),
        resource_uri: record.resource_uri.clone(),
        policy: Resource { uri: policy_uri(&record.policy.uri), digest: DigestSet { sha256: record.policy.sha256 } },
        input_attestations: evaluation.into_iter().chain(model_signatures(facts)).collect(),
        verification_result,
        verified_levels: vec![level],
        slsa_version: SLSA_VERSION.to_owned(),
        decision: summary(record, decision_record)?,
    };
    statement("verdict", subjects, VERDICT_PREDICATE, predicate)
}

/// The evaluation record about every input that was judged, each named by its role.
///
/// # Errors
/// [`StatementError`] for too many inputs.
pub fn evaluation(
    record: &DecisionRecord,
    facts: &Facts,
    decision_record: &RecordReference,
) -> Result<Statement<EvaluationPredicate>, StatementError> {
    let lists = Lists::of(&record.outcomes);
    let result = match record.decision {
        Verdict::Deny => TestResult::Failed,
        Verdict::Approve | Verdict::Conditional if lists.warned.is_empty() => TestResult::Passed,
        Verdict::Approve | Verdict::Conditional => TestResult::Warned,
    };
    let policies = Configuration {
        name: "policies".to_owned(),
        uri: policy_uri(&record.policy.uri),
        digest: Some(DigestSet { sha256: record.policy.sha256 }),
        annotations: None,
    };
    let tool = Configuration {
        name: record.tool.name.clone(),
        uri: format!("pkg:cargo/{}@{}", record.tool.name, record.tool.version),
        digest: None,
        annotations: Some(version(record)),
    };
    let predicate = EvaluationPredicate {
        result,
        configuration: vec![policies, tool],
        passed_tests: lists.passed,
        warned_tests: lists.warned,
        failed_tests: lists.failed,
        decision: EvaluationSummary {
            summary: summary(record, decision_record)?,
            waived: lists.waived,
            not_applicable: lists.not_applicable,
            shadow: lists.shadow,
            errors: lists.errors,
        },
    };
    statement("evaluation record", inputs(facts), EVALUATION_PREDICATE, predicate)
}

/// Control ids by what the controls came to, each list in the order of the record.
#[derive(Default)]
struct Lists {
    passed: Vec<String>,
    warned: Vec<String>,
    failed: Vec<String>,
    waived: Vec<String>,
    not_applicable: Vec<String>,
    shadow: Vec<String>,
    errors: Vec<String>,
}

impl Lists {
    fn of(outcomes: &[Outcome]) -> Self {
        let mut lists = Self::default();
        for outcome in outcomes {
            let list = match (outcome.result, outcome.enforcement) {
                (OutcomeResult::Pass, _) => &mut lists.passed,
                (OutcomeResult::Fail, Enforcement::Block) => &mut lists.failed,
                (OutcomeResult::Fail, Enforcement::Condition | Enforcement::Warn) => &mut lists.warned,
                (OutcomeResult::Fail, Enforcement::Shadow) => &mut lists.shadow,
                (OutcomeResult::Waived, _) => &mut lists.waived,
                (OutcomeResult::NotApplicable, _) => &mut lists.not_applicable,
                (OutcomeResult::Error, _) => {
                    lists.errors.push(outcome.control.clone());
                    &mut lists.failed
                }
            };
            list.push(outcome.control.clone());
        }
        lists
    }
}

fn statement<P>(
    name: &'static str,
    subject: Vec<Subject>,
    predicate_type: &str,
    predicate: P,
) -> Result<Statement<P>, StatementError> {
    match subject.len() {
        0 => Err(StatementError::NoSubjects(name)),
        count if count > MAX_SUBJECTS => Err(StatementError::TooManySubjects { statement: name, count }),
        _ => Ok(Statement {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject,
            predicate_type: predicate_type.to_owned(),
            predicate,
        }),
    }
}

/// Every file that was judged, by role. One file in one role is one subject, however often the
/// manifest names it; in two roles, or under two names, it is two.
fn inputs(facts: &Facts) -> Vec<Subject> {
    let artifacts = facts.artifacts.iter().map(|artifact| subject("model/", &artifact.file));
    let evaluations = facts.evaluations.iter().flat_map(evaluated);
    let monitoring = facts.monitoring.files.iter().map(|file| subject("monitoring/", file));
    let card = facts.card.iter().map(|card| subject("card/", &card.file));
    let manifest = std::iter::once(subject("manifest/", &facts.manifest));
    let mut seen = BTreeSet::new();
    let records = facts.records.files().into_iter().map(|file| subject("record/", file));
    let supply_chain = facts.supply_chain.files().into_iter().map(|file| subject("supply-chain/", file));
    let all =
        artifacts.chain(evaluations).chain(monitoring).chain(card).chain(records).chain(supply_chain).chain(manifest);
    all.filter(|subject| seen.insert(subject.clone())).collect()
}

/// The rows of an evaluation, and what they were compared with: other rows, the champion's scores, and what the
/// team states. Each of them decides as much as the rows do.
fn evaluated(evaluation: &EvaluationFacts) -> Vec<Subject> {
    let references = [
        evaluation.leakage.as_ref().and_then(|leakage| leakage.data.as_ref()),
        evaluation.drift.as_ref().and_then(|drift| drift.data.as_ref()),
    ];
    let champion = evaluation.champion.as_ref().and_then(|champion| champion.data.as_ref());
    let mut subjects = vec![subject("evaluation/", &evaluation.data)];
    subjects.extend(references.into_iter().flatten().map(|file| subject("reference/", file)));
    subjects.extend(champion.map(|file| subject("champion/", file)));
    subjects.extend(evaluation.claim_files.iter().map(|file| subject("claims/", file)));
    subjects
}

/// The signatures that came with the released files, whatever was found out about them: the record says that.
fn model_signatures(facts: &Facts) -> impl Iterator<Item = Resource> {
    let signatures = facts.supply_chain.signatures.iter().flatten();
    signatures.map(|signature| Resource {
        uri: relative_uri(&signature.file.path),
        digest: DigestSet { sha256: signature.file.sha256 },
    })
}

fn subject(role: &str, file: &FileFacts) -> Subject {
    Subject { name: format!("{role}{}", file.path), digest: DigestSet { sha256: file.sha256 } }
}

fn version(record: &DecisionRecord) -> VerifierVersion {
    VerifierVersion { modelgate: record.tool.version.clone(), regorus: record.tool.regorus.clone() }
}

pub(super) fn summary(
    record: &DecisionRecord,
    decision_record: &RecordReference,
) -> Result<DecisionSummary, NotCanonical> {
    let conditions = match record.conditions.as_slice() {
        [] => None,
        conditions => Some(ConditionsReference {
            count: conditions.len() as u64,
            sha256: CanonicalJson::of(&conditions)?.digest(),
        }),
    };
    Ok(DecisionSummary {
        decision: record.decision,
        decision_record: decision_record.clone(),
        facts: record.facts.clone(),
        model: record.model.clone(),
        model_version: record.model_version.clone(),
        tier: record.tier.effective,
        effective_time: record.effective_time.clone(),
        conditions,
    })
}

/// The place of the policies as a URI, which the standard asks for: a path, or `embedded`, becomes a
/// URN. What binds is the digest beside it.
fn policy_uri(place: &str) -> String {
    // A scheme of one letter is the drive of a Windows path.
    let is_uri = place.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.len() > 1
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
    });
    if is_uri {
        return place.to_owned();
    }
    format!("urn:modelgate:policies:{}", relative_uri(place))
}

/// A path as a reference relative to the release, RFC 3986.
fn relative_uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::evidence::sample;

    fn reference() -> RecordReference {
        RecordReference { sha256: Sha256Digest::of(b"record"), size_bytes: 6 }
    }

    fn to_value<P: Serialize>(statement: &Statement<P>) -> Value {
        serde_json::from_slice(CanonicalJson::of(statement).unwrap().bytes()).unwrap()
    }

    fn entry(name: &str, path: &str) -> Value {
        json!({"name": name, "digest": {"sha256": Sha256Digest::of(path.as_bytes())}})
    }

    #[test]
    fn a_verdict_is_a_verification_summary_about_the_artifacts_alone() {
        let facts = sample::facts();
        let record = sample::record(&facts);
        let evaluation = Resource {
            uri: "x.evaluation.sigstore.json".to_owned(),
            digest: DigestSet { sha256: Sha256Digest::of(b"bundle") },
        };
        let written = to_value(&verdict(&record, &facts, &reference(), Some(evaluation)).unwrap());
        let expected = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [
                entry("model/model.onnx", "model/model.onnx"),
                entry("model/scaler.json", "model/scaler.json"),
            ],
            "predicateType": "https://slsa.dev/verification_summary/v1",
            "predicate": {
                "verifier": {
                    "id": "urn:modelgate:verifier:v1",
                    "version": {"modelgate": "0.1.0", "regorus": "0.14.1"},
                },
                "timeVerified": "2027-01-01T12:00:00Z",
                "resourceUri": "pkg:generic/credit/default-risk@2.1.0",
                "policy": {
                    "uri": "urn:modelgate:policies:embedded",
                    "digest": {"sha256": Sha256Digest::of(b"policies")},
                },
                "inputAttestations": [
                    {"uri": "x.evaluation.sigstore.json", "digest": {"sha256": Sha256Digest::of(b"bundle")}},
                ],
                "verificationResult": "PASSED",
                "verifiedLevels": ["MODELGATE_TIER_HIGH"],
                "slsaVersion": "1.2",
                "urn:modelgate:decision:v1": {
                    "decision": "approve",
                    "decision_record": reference(),
                    "facts": record.facts,
                    "model": "credit/default-risk",
                    "model_version": "2.1.0",
                    "tier": "high",
                    "effective_time": "2027-01-01T12:00:00Z",
                },
            },
        });
        assert_eq!(written, expected);
    }

    #[test]
    fn a_denial_has_failed_and_verifies_no_tier() {
        let facts = sample::facts();
        let outcomes = vec![sample::outcome("VAL-001", OutcomeResult::Fail, Enforcement::Block)];
        let record = sample::record_of(&facts, outcomes);
        let predicate = verdict(&record, &facts, &reference(), None).unwrap().predicate;
        assert_eq!(predicate.verification_result, VerificationResult::Failed);
        assert_eq!(predicate.verified_levels, ["FAILED"]);
        assert_eq!(predicate.decision.decision, Verdict::Deny);
        let test_result = evaluation(&record, &facts, &reference()).unwrap().predicate;
        assert_eq!((test_result.result, test_result.failed_tests), (TestResult::Failed, vec!["VAL-001".to_owned()]));
    }

    #[test]
    fn a_conditional_approval_passes_and_names_its_conditions() {
        let facts = sample::facts();
        let outcomes = vec![sample::outcome("FAI-002", OutcomeResult::Fail, Enforcement::Condition)];
        let record = sample::record_of(&facts, outcomes);
        let predicate = verdict(&record, &facts, &reference(), None).unwrap().predicate;
        assert_eq!(predicate.verification_result, VerificationResult::Passed);
        assert_eq!(predicate.decision.decision, Verdict::Conditional);
        let conditions =
            br#"[{"control":"FAI-002","due":"2027-01-31","mitigation":"Mend it","owner":"risk@example.com"}]"#;
        let reference_of_conditions = ConditionsReference { count: 1, sha256: Sha256Digest::of(conditions) };
        assert_eq!(predicate.decision.conditions, Some(reference_of_conditions));
        let test_result = evaluation(&record, &facts, &reference()).unwrap().predicate;
        assert_eq!((test_result.result, test_result.warned_tests), (TestResult::Warned, vec!["FAI-002".to_owned()]));
    }

    #[test]
    fn an_evaluation_record_names_every_input_once_by_its_role() {
        let mut facts = sample::facts();
        // The same bytes under another name are another input.
        facts.monitoring.files.push(FileFacts { path: "copy.yaml".to_owned(), ..facts.monitoring.files[0].clone() });
        let statement = evaluation(&sample::record(&facts), &facts, &reference()).unwrap();
        let expected = json!([
            entry("model/model/model.onnx", "model/model.onnx"),
            entry("model/model/scaler.json", "model/scaler.json"),
            entry("evaluation/data/holdout.parquet", "data/holdout.parquet"),
            entry("monitoring/monitoring/alerts.yaml", "monitoring/alerts.yaml"),
            entry("monitoring/copy.yaml", "monitoring/alerts.yaml"),
            entry("card/CARD.md", "CARD.md"),
            entry("manifest/modelgate.yaml", "modelgate.yaml"),
        ]);
        assert_eq!(to_value(&statement)["subject"], expected);
    }

    #[test]
    fn what_an_evaluation_was_compared_with_is_an_input_too() {
        let mut facts = sample::facts();
        let file =
            |path: &str| json!({"path": path, "sha256": Sha256Digest::of(path.as_bytes()), "size_bytes": path.len()});
        let read = |path: &str| serde_json::from_value::<FileFacts>(file(path)).unwrap();
        let evaluation = &mut facts.evaluations[0];
        evaluation.claim_files = vec![read("metrics.json")];
        evaluation.drift = Some(
            serde_json::from_value(json!({
                "reference": "training", "data": file("training.parquet"), "columns": [], "score": null, "label": null,
            }))
            .unwrap(),
        );
        evaluation.champion = Some(
            serde_json::from_value(json!({
                "version": "2.0.0", "rows": 2, "data": file("champion.parquet"), "differences": [],
            }))
            .unwrap(),
        );
        let statement = super::evaluation(&sample::record(&facts), &facts, &reference()).unwrap();
        let names: Vec<_> = statement.subject.iter().map(|subject| subject.name.as_str()).collect();
        for name in ["reference/training.parquet", "champion/champion.parquet", "claims/metrics.json"] {
            assert!(names.contains(&name), "{name} is not among {names:?}");
        }
        // None of them is what is released.
        let verdict = verdict(&sample::record(&facts), &facts, &reference(), None).unwrap();
        assert_eq!(verdict.subject.len(), 2);
    }

    #[test]
    fn every_control_is_in_the_list_of_what_it_came_to() {
        let facts = sample::facts();
        let results = [
            ("AAA-001", OutcomeResult::Pass, Enforcement::Block),
            ("AAA-002", OutcomeResult::Fail, Enforcement::Warn),
            ("AAA-003", OutcomeResult::Fail, Enforcement::Shadow),
            ("AAA-004", OutcomeResult::Waived, Enforcement::Block),
            ("AAA-005", OutcomeResult::NotApplicable, Enforcement::Block),
            ("AAA-006", OutcomeResult::Error, Enforcement::Shadow),
            ("AAA-007", OutcomeResult::Fail, Enforcement::Block),
        ];
        let outcomes = results.map(|(control, result, enforcement)| sample::outcome(control, result, enforcement));
        let record = sample::record_of(&facts, outcomes.to_vec());
        let written = to_value(&evaluation(&record, &facts, &reference()).unwrap());
        assert_eq!(
            written["predicate"],
            json!({
                "result": "FAILED",
                "configuration": [
                    {
                        "name": "policies",
                        "uri": "urn:modelgate:policies:embedded",
                        "digest": {"sha256": Sha256Digest::of(b"policies")},
                    },
                    {
                        "name": "modelgate",
                        "uri": "pkg:cargo/modelgate@0.1.0",
                        "annotations": {"modelgate": "0.1.0", "regorus": "0.14.1"},
                    },
                ],
                "passedTests": ["AAA-001"],
                "warnedTests": ["AAA-002"],
                "failedTests": ["AAA-006", "AAA-007"],
                "urn:modelgate:decision:v1": {
                    "decision": "deny",
                    "decision_record": reference(),
                    "facts": record.facts,
                    "model": "credit/default-risk",
                    "model_version": "2.1.0",
                    "tier": "high",
                    "effective_time": "2027-01-01T12:00:00Z",
                    "waived": ["AAA-004"],
                    "not_applicable": ["AAA-005"],
                    "shadow": ["AAA-003"],
                    "errors": ["AAA-006"],
                },
            })
        );
    }

    #[test]
    fn too_many_subjects_and_none_are_refused() {
        let mut facts = sample::facts();
        let record = sample::record(&facts);
        let artifact = facts.artifacts[0].clone();
        facts.artifacts = vec![artifact.clone(); MAX_SUBJECTS];
        assert_eq!(verdict(&record, &facts, &reference(), None).unwrap().subject.len(), 1024);
        facts.artifacts.push(artifact);
        let error = verdict(&record, &facts, &reference(), None).unwrap_err().to_string();
        assert!(error.contains("1025") && error.contains("1024"), "{error}");
        facts.artifacts.clear();
        assert!(matches!(verdict(&record, &facts, &reference(), None), Err(StatementError::NoSubjects("verdict"))));
    }

    #[test]
    fn a_place_of_policies_is_written_as_a_uri() {
        for (place, uri) in [
            ("embedded", "urn:modelgate:policies:embedded"),
            ("../our policies/v1", "urn:modelgate:policies:../our%20policies/v1"),
            (r"C:\policies", "urn:modelgate:policies:C%3A%5Cpolicies"),
            ("https://example.com/policies.tar.gz", "https://example.com/policies.tar.gz"),
            ("https://example.com/a b", "urn:modelgate:policies:https%3A//example.com/a%20b"),
        ] {
            assert_eq!(policy_uri(place), uri);
        }
    }
}
