//! Report v1: the decision for other programs.
//!
//! These structs are the format. They are not the decision record's, so that the record can change
//! without breaking who reads reports; the words for verdicts, results, enforcements, severities and
//! tiers are the glossary's and are shared.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::decision::record::DecisionRecord;
use crate::decision::{Enforcement, Finding, Outcome, OutcomeResult, Severity, Verdict};
use crate::digest::Sha256Digest;
use crate::document::strict_json;
use crate::store::CheckpointSummary;
use crate::tier::Tier;

use super::groups::Groups;
use super::{EvidenceSummary, RenderError, ReportInput, escape};

/// Version of the format.
const VERSION: u32 = 1;

/// The JSON Schema of report v1.
#[must_use]
pub fn schema() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Report>().to_value()
}

/// Renders the report.
pub(super) fn render(input: &ReportInput<'_>) -> Result<String, RenderError> {
    let mut document = serde_json::to_string_pretty(&Report::of(input))?;
    document.push('\n');
    Ok(escape::json(&document))
}

/// A report that was read back.
#[derive(Debug, Clone)]
pub struct Reported {
    /// What was decided. Its facts are known by their digest alone.
    pub record: DecisionRecord,
    /// The commit, or none.
    pub commit: Option<String>,
    /// The evidence, if any was recorded.
    pub evidence: Option<EvidenceSummary>,
}

/// A report that cannot be read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// It is no JSON, or does not fit the schema.
    #[error("it is no report of version 1: {0}")]
    Invalid(String),
    /// Its outcomes come to something stricter than it says.
    #[error("it says `{said}`, and its outcomes come to `{found}`")]
    Contradicts {
        /// What it says.
        said: &'static str,
        /// What its outcomes come to.
        found: &'static str,
    },
}

/// Reads a report back. It may come from anybody: what it says is not proven by it.
///
/// # Errors
/// [`ReportError`] if it does not fit the schema, or says something milder than its outcomes come to.
pub fn parse(bytes: &[u8]) -> Result<Reported, ReportError> {
    let invalid = |error: &dyn std::fmt::Display| ReportError::Invalid(error.to_string());
    let report = strict_json::parse(bytes).map_err(|error| invalid(&error))?;
    let validator = jsonschema::validator_for(&schema()).map_err(|error| invalid(&error))?;
    if let Some(error) = validator.iter_errors(&report).next() {
        let place = error.instance_path().to_string();
        return Err(ReportError::Invalid(format!("`{place}` is not as the schema has it")));
    }
    let at = |pointer: &str| report.pointer(pointer).cloned().unwrap_or(Value::Null);
    let record = serde_json::json!({
        "version": at("/version"),
        "decision": at("/decision"),
        "effective_time": at("/effective_time"),
        "tool": at("/tool"),
        "model": at("/model/name"),
        "model_version": at("/model/version"),
        "resource_uri": at("/model/resource_uri"),
        "tier": at("/tier"),
        "facts": {"sha256": at("/evidence/facts_sha256"), "size_bytes": 0},
        "policy": at("/policy"),
        "outcomes": at("/outcomes"),
        "conditions": at("/conditions"),
    });
    let record: DecisionRecord = serde_json::from_value(record).map_err(|error| invalid(&error))?;
    let found = Verdict::of(&record.outcomes);
    if found > record.decision {
        return Err(ReportError::Contradicts { said: record.decision.name(), found: found.name() });
    }
    let recorded: Option<Recorded> =
        serde_json::from_value(at("/evidence/recorded")).map_err(|error| invalid(&error))?;
    let evidence = recorded.map(|recorded| EvidenceSummary {
        decision_sha256: recorded.decision_sha256,
        facts_sha256: record.facts.sha256,
        run: recorded.run,
        store: recorded.store,
        checkpoint: recorded.checkpoint,
        checkpoint_is_signed: recorded.checkpoint_is_signed,
        files: recorded.files,
        verify_command: recorded.verify_command,
        signed_by: recorded.signed_by,
        already_recorded: recorded.already_recorded,
    });
    Ok(Reported { record, commit: at("/repository/commit").as_str().map(str::to_owned), evidence })
}

/// Evidence that a report says was recorded.
#[derive(Deserialize)]
struct Recorded {
    decision_sha256: Sha256Digest,
    run: String,
    store: String,
    #[serde(default)]
    checkpoint: Option<CheckpointSummary>,
    #[serde(default)]
    checkpoint_is_signed: bool,
    files: Vec<String>,
    verify_command: String,
    signed_by: String,
    already_recorded: bool,
}

/// A decision about one release.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "modelgate report, version 1")]
struct Report<'a> {
    /// Version of this format. Always 1.
    version: u32,
    /// What the gate came to.
    decision: Verdict,
    /// Why, as a sentence for a person.
    reason: String,
    /// The time at which policies were evaluated, RFC 3339, UTC.
    effective_time: &'a str,
    /// The program that decided.
    tool: ReportTool<'a>,
    /// The model.
    model: ReportModel<'a>,
    /// Where the release comes from.
    repository: ReportRepository<'a>,
    /// The tier, and why.
    tier: ReportTier<'a>,
    /// The policies that were run.
    policy: ReportPolicy<'a>,
    /// Controls by what they came to.
    counts: ReportCounts,
    /// What every control of the tier came to, in the order of their ids.
    outcomes: Vec<ReportOutcome<'a>>,
    /// What a conditional approval requires; empty otherwise.
    conditions: Vec<ReportCondition<'a>>,
    /// How to prove it.
    evidence: ReportEvidence<'a>,
}

/// The program that decided.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportTool<'a> {
    /// Its name.
    name: &'a str,
    /// Its version.
    version: &'a str,
    /// Version of the policy engine in it.
    regorus: &'a str,
}

/// The model.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportModel<'a> {
    /// Name in the model inventory.
    name: &'a str,
    /// Version of this release.
    version: &'a str,
    /// The person or team that answers for it.
    owner: &'a str,
    /// Where it will be released to.
    resource_uri: &'a str,
}

/// Where the release comes from.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportRepository<'a> {
    /// Commit, as its full object id, or null for the reason in `reason`.
    commit: Option<&'a str>,
    /// Branch, or null when the checkout is on none.
    branch: Option<&'a str>,
    /// Whether files of the release differ from the commit; null when there is no commit.
    dirty: Option<bool>,
    /// Why there is no commit; null when there is one.
    reason: Option<&'a str>,
}

/// The tier of a release, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportTier<'a> {
    /// What the tiering rules came to.
    computed: Tier,
    /// What the team declared, or null.
    declared: Option<Tier>,
    /// The tier that applies.
    effective: Tier,
    /// Every rule that applied, the strictest first.
    reasons: Vec<ReportTierReason<'a>>,
}

/// One reason for a tier.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportTierReason<'a> {
    /// Stable id of the tiering rule.
    rule: &'a str,
    /// The tier that it asks for at least.
    tier: Tier,
    /// Why, as a sentence about this release.
    reason: &'a str,
}

/// The policies that were run.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportPolicy<'a> {
    /// Where they were taken from: `embedded` or a path.
    uri: &'a str,
    /// SHA-256 over their files.
    sha256: Sha256Digest,
    /// Files in them.
    files: u64,
    /// The bundle that they extend, such as `embedded@sha256:…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    extends: Option<&'a str>,
}

/// Controls by what they came to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportCounts {
    /// Controls of the tier.
    total: usize,
    /// What they ask for is there.
    pass: usize,
    /// It is not.
    fail: usize,
    /// It is not, and the risk was accepted.
    waived: usize,
    /// They do not apply.
    not_applicable: usize,
    /// They could not be evaluated.
    error: usize,
    /// Fails and errors that deny.
    blocking: usize,
}

/// What one control came to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportOutcome<'a> {
    /// Stable id.
    control: &'a str,
    /// What it asks for.
    title: &'a str,
    /// Domain.
    domain: &'a str,
    /// How much it matters.
    severity: Severity,
    /// What a fail does in this tier.
    enforcement: Enforcement,
    /// What it came to.
    result: OutcomeResult,
    /// Why it is not applicable, waived or an error; empty otherwise.
    reasons: &'a [String],
    /// What is wrong; empty unless it failed or was waived.
    findings: Vec<ReportFinding<'a>>,
    /// How to mend it.
    remediation: &'a str,
    /// The tier's parameters for it.
    parameters: &'a Map<String, Value>,
    /// Where enforcement or parameters are not those that the control names for the tier, and why.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    departures: &'a [String],
    /// Clauses of frameworks that it serves.
    frameworks: &'a [String],
}

/// One reason for a fail.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportFinding<'a> {
    /// What it is about.
    subject: &'a str,
    /// What is wrong, in one sentence.
    message: &'a str,
    /// What was found; null where the message says it all.
    observed: &'a Value,
    /// What is asked for; null where the message says it all.
    expected: &'a Value,
    /// Where to look, or null.
    source: Option<ReportSource<'a>>,
}

/// A place in a file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportSource<'a> {
    /// Path relative to the release root.
    file: &'a str,
    /// Line, from 1.
    line: u64,
}

/// A mitigation that a conditional approval requires.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportCondition<'a> {
    /// The control that failed.
    control: &'a str,
    /// What must be done.
    mitigation: &'a str,
    /// Who must do it.
    owner: &'a str,
    /// Last day, inclusive, UTC: `YYYY-MM-DD`.
    due: &'a str,
}

/// How to prove the decision.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportEvidence<'a> {
    /// SHA-256 of the canonical facts.
    facts_sha256: Sha256Digest,
    /// What was recorded, or null when nothing was.
    recorded: Option<ReportRecorded<'a>>,
}

/// Evidence that was recorded.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReportRecorded<'a> {
    /// SHA-256 of the canonical decision record.
    decision_sha256: Sha256Digest,
    /// The run's key in the store.
    run: &'a str,
    /// Where the store is.
    store: &'a str,
    /// The store's log up to this run, or null where that is not known. Kept elsewhere, it shows later whether the log was
    /// changed.
    checkpoint: Option<&'a CheckpointSummary>,
    /// Whether the log's key signed the checkpoint.
    checkpoint_is_signed: bool,
    /// Paths of the signed bundles.
    files: &'a [String],
    /// The command that verifies them.
    verify_command: &'a str,
    /// The key that signed.
    signed_by: &'a str,
    /// Whether the store already held this very run.
    already_recorded: bool,
}

impl<'a> Report<'a> {
    fn of(input: &ReportInput<'a>) -> Self {
        let (record, facts) = (input.record, input.facts);
        Self {
            version: VERSION,
            decision: record.decision,
            reason: Groups::of(record).reason(record.decision),
            effective_time: &record.effective_time,
            tool: ReportTool { name: &record.tool.name, version: &record.tool.version, regorus: &record.tool.regorus },
            model: ReportModel {
                name: &record.model,
                version: &record.model_version,
                owner: &facts.model.owner,
                resource_uri: &record.resource_uri,
            },
            repository: ReportRepository {
                commit: facts.repository.commit.as_deref(),
                branch: facts.repository.branch.as_deref(),
                dirty: facts.repository.dirty,
                reason: facts.repository.reason.as_deref(),
            },
            tier: ReportTier::of(&record.tier),
            policy: ReportPolicy {
                uri: &record.policy.uri,
                sha256: record.policy.sha256,
                files: record.policy.files,
                extends: record.policy.extends.as_deref(),
            },
            counts: ReportCounts::of(&record.outcomes),
            outcomes: record.outcomes.iter().map(ReportOutcome::of).collect(),
            conditions: record.conditions.iter().map(ReportCondition::of).collect(),
            evidence: ReportEvidence {
                facts_sha256: input.evidence.map_or(record.facts.sha256, |evidence| evidence.facts_sha256),
                recorded: input.evidence.map(ReportRecorded::of),
            },
        }
    }
}

impl<'a> ReportTier<'a> {
    fn of(tier: &'a crate::tier::TierFacts) -> Self {
        let reasons = tier.reasons.iter();
        Self {
            computed: tier.computed,
            declared: tier.declared,
            effective: tier.effective,
            reasons: reasons
                .map(|reason| ReportTierReason { rule: &reason.rule, tier: reason.tier, reason: &reason.reason })
                .collect(),
        }
    }
}

impl ReportCounts {
    fn of(outcomes: &[Outcome]) -> Self {
        let count = |result| outcomes.iter().filter(|outcome| outcome.result == result).count();
        Self {
            total: outcomes.len(),
            pass: count(OutcomeResult::Pass),
            fail: count(OutcomeResult::Fail),
            waived: count(OutcomeResult::Waived),
            not_applicable: count(OutcomeResult::NotApplicable),
            error: count(OutcomeResult::Error),
            blocking: outcomes.iter().filter(|outcome| outcome.verdict() == Verdict::Deny).count(),
        }
    }
}

impl<'a> ReportOutcome<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        Self {
            control: &outcome.control,
            title: &outcome.title,
            domain: &outcome.domain,
            severity: outcome.severity,
            enforcement: outcome.enforcement,
            result: outcome.result,
            reasons: &outcome.reasons,
            findings: outcome.findings.iter().map(ReportFinding::of).collect(),
            remediation: &outcome.remediation,
            parameters: &outcome.parameters,
            departures: &outcome.departures,
            frameworks: &outcome.frameworks,
        }
    }
}

impl<'a> ReportFinding<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            subject: &finding.subject,
            message: &finding.message,
            observed: &finding.observed,
            expected: &finding.expected,
            source: finding.source.as_ref().map(|source| ReportSource { file: &source.file, line: source.line }),
        }
    }
}

impl<'a> ReportCondition<'a> {
    fn of(condition: &'a crate::decision::Condition) -> Self {
        Self {
            control: &condition.control,
            mitigation: &condition.mitigation,
            owner: &condition.owner,
            due: &condition.due,
        }
    }
}

impl<'a> ReportRecorded<'a> {
    fn of(evidence: &'a EvidenceSummary) -> Self {
        Self {
            decision_sha256: evidence.decision_sha256,
            run: &evidence.run,
            store: &evidence.store,
            checkpoint: evidence.checkpoint.as_ref(),
            checkpoint_is_signed: evidence.checkpoint_is_signed,
            files: &evidence.files,
            verify_command: &evidence.verify_command,
            signed_by: &evidence.signed_by,
            already_recorded: evidence.already_recorded,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::sample;

    fn parsed(input: &ReportInput<'_>) -> Value {
        serde_json::from_str(&render(input).unwrap()).unwrap()
    }

    #[test]
    fn the_checked_in_schema_is_that_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/report-v1.schema.json");
        let checked_in: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(checked_in, schema());
    }

    #[test]
    fn every_report_is_valid_under_the_schema() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let mut samples = vec![sample::denied(), sample::conditional()];
        samples.extend(sample::HOSTILE.map(sample::hostile));
        for sample in &samples {
            let report = parsed(&sample.input());
            assert!(validator.is_valid(&report), "{report:#}");
            let report = parsed(&ReportInput { evidence: None, ..sample.input() });
            assert!(validator.is_valid(&report), "{report:#}");
        }
        let mut unknown = parsed(&samples[0].input());
        unknown["surprise"] = json!(1);
        assert!(!validator.is_valid(&unknown));
    }

    #[test]
    fn a_report_is_read_back() {
        for sample in [sample::denied(), sample::conditional()].into_iter().chain(sample::HOSTILE.map(sample::hostile))
        {
            let reported = parse(render(&sample.input()).unwrap().as_bytes()).unwrap();
            let mut record = sample.record.clone();
            record.facts.size_bytes = 0;
            assert_eq!(reported.record, record);
            assert_eq!(reported.evidence, Some(sample.evidence.clone()));
            assert_eq!(reported.commit, sample.facts.repository.commit);
        }
    }

    #[test]
    fn a_report_that_is_wrong_is_refused() {
        let sample = sample::denied();
        let report = parsed(&sample.input());
        let changed = |pointer: &str, value: Value| {
            let mut report = report.clone();
            *report.pointer_mut(pointer).unwrap() = value;
            parse(report.to_string().as_bytes()).map(|reported| reported.record.decision)
        };
        assert_eq!(
            changed("/decision", json!("approve")),
            Err(ReportError::Contradicts { said: "approve", found: "deny" })
        );
        assert_eq!(changed("/outcomes", json!([])), Ok(Verdict::Deny));
        for (pointer, value) in [("/version", json!("2")), ("/tier/effective", json!("none")), ("/model", json!({}))] {
            assert!(matches!(changed(pointer, value), Err(ReportError::Invalid(_))), "{pointer}");
        }
        for text in ["", "{", "[]", "{\"version\": 1, \"version\": 1}"] {
            assert!(matches!(parse(text.as_bytes()), Err(ReportError::Invalid(_))), "{text}");
        }
    }

    #[test]
    fn a_denied_release_says_why() {
        let sample = sample::denied();
        let report = parsed(&sample.input());
        assert_eq!(report["version"], json!(1));
        assert_eq!(report["decision"], json!("deny"));
        assert_eq!(
            report["reason"],
            json!("2 controls block the release; 1 control could not be evaluated; 1 warning; 1 accepted risk")
        );
        assert_eq!(
            report["counts"],
            json!({
                "total": 13, "pass": 5, "fail": 5, "waived": 1, "not_applicable": 1, "error": 1, "blocking": 3
            })
        );
        assert_eq!(
            report["outcomes"][10]["findings"],
            json!([{
                "subject": "evaluation/holdout", "message": "ROC AUC is below the floor",
                "observed": 0.649_98, "expected": 0.65, "source": {"file": "modelgate.yaml", "line": 31}
            }])
        );
        let without = parsed(&ReportInput { evidence: None, ..sample.input() });
        assert_eq!(without["evidence"]["recorded"], Value::Null);
        assert_eq!(without["evidence"]["facts_sha256"], report["evidence"]["facts_sha256"]);
    }

    #[test]
    fn hostile_strings_come_back_as_they_were() {
        for text in sample::HOSTILE {
            let sample = sample::hostile(text);
            let document = render(&sample.input()).unwrap();
            assert!(!document.chars().any(|character| character != '\n' && escape::is_hidden(character)), "{text:?}");
            assert!(document.lines().all(|line| !line.trim_start().starts_with("::") && !line.contains("##[")));
            let report: Value = serde_json::from_str(&document).unwrap();
            assert_eq!(report["model"]["name"], json!(text));
            assert_eq!(report["outcomes"][0]["findings"][0]["message"], json!(text));
        }
    }
}
