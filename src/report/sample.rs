//! A release with every kind of outcome, for tests of the renderers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ControlSummary, EvidenceSummary, ReportInput};
use crate::decision::record::{DecisionRecord, PolicyReference, RecordReference, Tool};
use crate::decision::{Condition, Enforcement, Finding, Outcome, OutcomeResult, Severity, Verdict};
use crate::digest::Sha256Digest;
use crate::facts::card::{CardFacts, CardFormat, Section, SectionKind};
use crate::facts::evaluation::metric::{Interval, MetricStatus};
use crate::facts::evaluation::plots::{Plots, ReliabilityBin};
use crate::facts::evaluation::{
    ClaimCheck, ClaimResult, ComparisonId, EvaluationFacts, GroupComparison, Metric, MetricId, Metrics, RowCounts,
    Slice,
};
use crate::facts::monitoring::{InactiveSignal, KindBasis, MonitoringFacts, Signal, SignalKind, Source};
use crate::facts::records::Recorded;
use crate::facts::records::content::{AttackKind, Rating, Threat, ThreatModel};
use crate::facts::repository::{Origin, RepositoryFacts};
use crate::facts::{Facts, FileFacts};
use crate::manifest::raw;
use crate::store::CheckpointSummary;
use crate::tier::{Tier, TierFacts, TierReason};

/// Strings that try to break out of a format.
pub(super) const HOSTILE: [&str; 22] = [
    "<script>alert(1)</script>",
    "a|b|c",
    "a\\|b",
    "back`tick",
    "``` fence",
    "`` ` `|` ``",
    "@everyone",
    "fixes #123 and org/repo#5 and GH-7",
    "::error::owned",
    "##[error]owned",
    "\u{1b}[31mred\u{1b}[0m \u{9b}31m",
    "two\nlines\r\n| row |",
    "\n\n# heading\n\n::warning::owned",
    "\u{202e}desrever\u{2066}",
    "]]>",
    "<!-- hidden -->",
    "[link](https://evil.example) ![image](x)",
    "https://evil.example www.evil.example a@evil.example",
    "</details></summary>",
    "&lt;b&gt; &#64;team",
    "quote\" 'apostrophe' {0} {brace}",
    "\u{fffe}\u{0}\u{7f}",
];

pub(super) struct Sample {
    pub(super) record: DecisionRecord,
    pub(super) facts: Facts,
    pub(super) evidence: EvidenceSummary,
    pub(super) controls: Vec<ControlSummary>,
}

impl Sample {
    pub(super) fn input(&self) -> ReportInput<'_> {
        ReportInput {
            record: &self.record,
            facts: &self.facts,
            evidence: Some(&self.evidence),
            controls: &self.controls,
            frameworks: &[],
            directory: "",
        }
    }
}

pub(super) fn finding(subject: &str, message: &str, observed: Value, expected: Value) -> Finding {
    Finding {
        subject: subject.to_owned(),
        message: message.to_owned(),
        observed,
        expected,
        source: None,
        inconclusive: false,
    }
}

fn outcome(control: &str, title: &str, severity: Severity, enforcement: Enforcement, result: OutcomeResult) -> Outcome {
    let domain = match control.get(..3) {
        Some("VAL") => "validation",
        Some("FAI") => "fairness",
        Some("ART") => "artifacts",
        Some("MON") => "monitoring",
        _ => "documentation",
    };
    Outcome {
        control: control.to_owned(),
        title: title.to_owned(),
        domain: domain.to_owned(),
        severity,
        enforcement,
        result,
        reasons: Vec::new(),
        findings: Vec::new(),
        remediation: String::new(),
        parameters: Map::new(),
        departures: Vec::new(),
        frameworks: Vec::new(),
    }
}

fn outcomes() -> Vec<Outcome> {
    use Enforcement::{Block, Condition, Shadow, Warn};
    use OutcomeResult::{Error, Fail, NotApplicable, Pass, Waived};
    let mut art = outcome("ART-001", "No model file runs code when it is loaded", Severity::Critical, Block, Fail);
    art.findings = vec![finding(
        "artifact/model/scorer.pkl",
        "the pickle imports `os.system`, which runs code",
        json!(["os.system", "builtins.eval"]),
        json!("only imports on the allow-list"),
    )];
    art.remediation = "Export the model to safetensors or ONNX, or load the weights without a pickle.".to_owned();
    art.frameworks = vec!["eu-ai-act:Art.15(5)".to_owned(), "nist-ai-rmf:MEASURE-2.7".to_owned()];
    let mut val = outcome("VAL-003", "Discrimination is at least the tier's floor", Severity::High, Block, Fail);
    val.findings = vec![finding("evaluation/holdout", "ROC AUC is below the floor", json!(0.649_98), json!(0.65))];
    val.findings[0].source = Some(Source { file: "modelgate.yaml".to_owned(), line: 31 });
    val.remediation =
        "Retrain on more recent data, or ask the model risk team which tier the use belongs to.".to_owned();
    let mut err = outcome("MON-004", "Drift of the inputs is watched", Severity::High, Condition, Error);
    err.reasons = vec!["the control stopped after 2 s: the time limit of one control".to_owned()];
    let mut con = outcome("VAL-007", "Scores are calibrated", Severity::Medium, Condition, Fail);
    con.findings = vec![finding(
        "evaluation/holdout",
        "the expected calibration error is above the ceiling",
        json!(0.071_234),
        json!("at most 0.05"),
    )];
    con.remediation = "Recalibrate with isotonic regression on held-out rows.".to_owned();
    let mut warn = outcome("DOC-005", "The model card says where the model fails", Severity::Low, Warn, Fail);
    warn.findings =
        vec![finding("card/MODEL_CARD.md", "the section on limitations has 12 words", json!(12), json!(40))];
    warn.findings[0].source = Some(Source { file: "MODEL_CARD.md".to_owned(), line: 88 });
    warn.remediation = "Say for whom and in which situations the model is wrong more often.".to_owned();
    let mut waived = outcome("FAI-002", "No group is far less often granted credit", Severity::High, Block, Waived);
    waived.reasons =
        vec!["accepted by risk-committee@bank.example until 2027-01-31: manual review of every refusal".to_owned()];
    waived.findings =
        vec![finding("evaluation/holdout/age", "the impact ratio is below four fifths", json!(0.74), json!(0.8))];
    let mut shadow = outcome("VAL-011", "The champion is not better", Severity::Medium, Shadow, Fail);
    shadow.findings = vec![finding("evaluation/holdout", "no champion is recorded", Value::Null, Value::Null)];
    let mut none = outcome("ART-006", "Adapters name their base model", Severity::Medium, Block, NotApplicable);
    none.reasons = vec!["no artifact is an adapter".to_owned()];
    vec![
        art,
        outcome("ART-002", "Every file is of a known format", Severity::High, Block, Pass),
        none,
        outcome("DOC-001", "There is a model card", Severity::High, Block, Pass),
        warn,
        waived,
        outcome("MON-001", "Somebody would notice when quality falls", Severity::High, Block, Pass),
        err,
        outcome("VAL-001", "There is a holdout evaluation", Severity::Critical, Block, Pass),
        outcome("VAL-002", "Every row can be evaluated", Severity::High, Block, Pass),
        val,
        con,
        shadow,
    ]
}

fn metric(id: MetricId, value: f64, n: u64, half_width: f64) -> (MetricId, Metric) {
    let interval = (half_width > 0.0).then(|| Interval {
        low: value - half_width,
        high: value + half_width,
        level: 0.95,
        method: "wilson".to_owned(),
    });
    let definition = format!("{}/1", id.key());
    let metric =
        Metric { definition, status: MetricStatus::Ok, value: Some(value), n, numerator: None, interval, reason: None };
    (id, metric)
}

fn undefined(id: MetricId, reason: &str) -> (MetricId, Metric) {
    let (id, metric) = metric(id, 0.0, 0, 0.0);
    (id, Metric { status: MetricStatus::Undefined, value: None, reason: Some(reason.to_owned()), ..metric })
}

fn slice(column: &str, value: &str, rows: u64, recall: f64) -> Slice {
    let metrics = BTreeMap::from([
        metric(MetricId::RocAuc, 0.641, rows, 0.02),
        metric(MetricId::Recall, recall, rows / 5, 0.03),
        metric(MetricId::Specificity, 0.8123, rows / 2, 0.03),
        metric(MetricId::FavourableRate, 0.7012, rows, 0.03),
        undefined(MetricId::Precision, "nothing was predicted positive"),
    ]);
    let missing = value.is_empty();
    Slice {
        column: column.to_owned(),
        value: value.to_owned(),
        missing,
        parts: Vec::new(),
        protected: true,
        rows,
        metrics: Metrics(metrics),
    }
}

fn file(path: &str) -> FileFacts {
    FileFacts { path: path.to_owned(), sha256: Sha256Digest::of(path.as_bytes()), size_bytes: 1_024 }
}

fn evaluation() -> EvaluationFacts {
    let metrics = BTreeMap::from([
        metric(MetricId::RocAuc, 0.649_98, 4_521, 0.021),
        metric(MetricId::AveragePrecision, 0.412_345, 4_521, 0.0),
        metric(MetricId::Brier, 0.151_2, 4_521, 0.0),
        metric(MetricId::LogLoss, 0.467_89, 4_521, 0.0),
        metric(MetricId::ExpectedCalibrationError, 0.071_234, 4_521, 0.0),
        undefined(MetricId::Precision, "nothing was predicted positive"),
        metric(MetricId::Recall, 0.612_3, 911, 0.031),
        metric(MetricId::Specificity, 0.812_3, 3_610, 0.012),
        metric(MetricId::Prevalence, 0.201_5, 4_521, 0.011),
    ]);
    let (_, impact) = metric(MetricId::FavourableRate, 0.74, 4_521, 0.05);
    EvaluationFacts {
        name: "holdout".to_owned(),
        task: raw::Task::BinaryClassification,
        data: file("data/holdout.parquet"),
        data_files: Vec::new(),
        columns: raw::Columns { label: "defaulted".to_owned(), score: Some("score".to_owned()), ..Default::default() },
        classes: Some(raw::Classes {
            positive: raw::ClassLabel::Integer(1),
            negative: raw::ClassLabel::Integer(0),
            favourable: Some(raw::Favourable::Negative),
        }),
        threshold: Some(0.5),
        interval_level: None,
        rows: RowCounts { total: 4_530, valid: 4_521, label_missing: 9, ..RowCounts::default() },
        metrics: Metrics(metrics),
        slices: vec![slice("age", "18-25", 812, 0.55), slice("age", "26-60", 2_900, 0.62), slice("age", "", 3, 0.5)],
        comparisons: vec![GroupComparison {
            column: "age".to_owned(),
            comparison: ComparisonId::ImpactRatio,
            metric: impact,
            lowest_group: Some("18-25".to_owned()),
            highest_group: Some("26-60".to_owned()),
            smallest_denominator: 812,
            left_out: Vec::new(),
            adjusted_p_value: None,
            adjustment: None,
        }],
        horizons: Vec::new(),
        labels: Vec::new(),
        class_metrics: Vec::new(),
        confusion: Vec::new(),
        claim_files: Vec::new(),
        other_claims: Vec::new(),
        sufficiency: Vec::new(),
        weakest_groups: None,
        claims: vec![
            claim(MetricId::RocAuc, 0.65, Some(0.649_98), ClaimResult::Confirmed),
            claim(MetricId::Recall, 0.7, Some(0.612_3), ClaimResult::Contradicted),
            claim(MetricId::Precision, 0.5, None, ClaimResult::Unverifiable),
        ],
        period: None,
        holdout: None,
        leakage: None,
        drift: None,
        representativeness: Vec::new(),
        sql_checks: Vec::new(),
        champion: None,
        curves: Some(Plots {
            roc: vec![[0.0, 0.0], [0.2, 0.5], [0.6, 0.8], [1.0, 1.0]],
            reliability: vec![
                ReliabilityBin { mean_score: 0.14, share: 0.12, interval: None, positives: 400, negatives: 2_900 },
                ReliabilityBin { mean_score: 0.62, share: 0.42, interval: None, positives: 511, negatives: 710 },
            ],
        }),
    }
}

fn claim(metric: MetricId, claimed: f64, recomputed: Option<f64>, result: ClaimResult) -> ClaimCheck {
    ClaimCheck { metric, claimed, recomputed, tolerance: 0.000_05, result, source: None }
}

fn tier() -> TierFacts {
    let reason = |rule: &str, tier, reason: &str| TierReason { rule: rule.to_owned(), tier, reason: reason.to_owned() };
    TierFacts::new(
        vec![
            reason("TIER-CREDIT", Tier::High, "the output recommends a decision on the creditworthiness of people"),
            reason("TIER-SCALE", Tier::Limited, "it affects 120000 people in a year"),
        ],
        Some(Tier::Limited),
    )
    .unwrap()
}

fn facts() -> Facts {
    Facts {
        version: 1,
        manifest: file("modelgate.yaml"),
        model: raw::Model {
            name: "credit-default".to_owned(),
            version: "1.4.0".to_owned(),
            owner: "credit-models@bank.example".to_owned(),
            validator: None,
            task: raw::Task::BinaryClassification,
            purpose: "Recommends whether a consumer credit is granted".to_owned(),
            resource_uri: None,
        },
        intake: raw::Intake {
            exposure: raw::Exposure::Public,
            decision_role: raw::DecisionRole::Recommends,
            domain: raw::Domain::Credit,
            autonomy: raw::Autonomy::HumanInTheLoop,
            data_classes: vec![raw::DataClass::Financial],
            jurisdictions: vec!["EU".to_owned()],
            people_affected_per_year: 120_000,
            declared_tier: Some(Tier::Limited),
        },
        tier: tier(),
        artifacts: Vec::new(),
        evaluations: vec![evaluation()],
        monitoring: MonitoringFacts::default(),
        card: None,
        change: None,
        records: crate::facts::records::RecordsFacts::default(),
        mlflow: Vec::new(),
        supply_chain: crate::facts::supply_chain::SupplyChainFacts::default(),
        repository: RepositoryFacts {
            commit: Some("4b825dc642cb6eb9a060e54bf8d69288fbee4904".to_owned()),
            branch: Some("release/1.4".to_owned()),
            dirty: Some(true),
            reason: None,
            origin: Origin::Local,
            review: crate::facts::repository::review::ReviewFacts::none(),
        },
    }
}

/// A denied release with every kind of outcome.
pub(super) fn denied() -> Sample {
    let outcomes = outcomes();
    let digest = |text: &str| Sha256Digest::of(text.as_bytes());
    let controls = outcomes
        .iter()
        .map(|outcome| ControlSummary {
            id: outcome.control.clone(),
            title: outcome.title.clone(),
            description: format!("Why {} matters.", outcome.control),
            severity: outcome.severity,
            remediation: outcome.remediation.clone(),
            domain: outcome.domain.clone(),
        })
        .collect();
    let record = DecisionRecord {
        version: 1,
        decision: Verdict::of(&outcomes),
        effective_time: "2026-11-23T17:58:04Z".to_owned(),
        tool: Tool { name: "modelgate".to_owned(), version: "0.1.0".to_owned(), regorus: "0.14.1".to_owned() },
        model: "credit-default".to_owned(),
        model_version: "1.4.0".to_owned(),
        resource_uri: "pkg:generic/credit-default@1.4.0".to_owned(),
        tier: tier(),
        facts: RecordReference { sha256: digest("facts"), size_bytes: 9_000 },
        policy: PolicyReference { uri: "embedded".to_owned(), sha256: digest("policy"), files: 64, extends: None },
        outcomes,
        conditions: Vec::new(),
    };
    let evidence = EvidenceSummary {
        decision_sha256: digest("decision"),
        facts_sha256: digest("facts"),
        run: "9f2c4e1ab7d05c33".to_owned(),
        store: ".modelgate/store".to_owned(),
        checkpoint: Some(CheckpointSummary {
            origin: "example.com/modelgate".to_owned(),
            size: 43,
            root: "CsUYapGGPo4dkMgIAUqom4Xajj7h2fB2MPA3j2jxq2I=".to_owned(),
        }),
        checkpoint_is_signed: true,
        files: vec![
            ".modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json".to_owned(),
            ".modelgate/9f2c4e1ab7d05c33.evaluation.sigstore.json".to_owned(),
        ],
        verify_command: "modelgate verify --key modelgate.pub .modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json"
            .to_owned(),
        signed_by: "local key SHA256:q83vEjRWeJA (this machine only)".to_owned(),
        already_recorded: false,
    };
    Sample { record, facts: facts(), evidence, controls }
}

/// The same release without what denies it, and with its condition.
pub(super) fn conditional() -> Sample {
    let mut sample = denied();
    sample.record.outcomes.retain(|outcome| outcome.verdict() != Verdict::Deny);
    sample.record.decision = Verdict::of(&sample.record.outcomes);
    sample.record.conditions = vec![Condition {
        control: "VAL-007".to_owned(),
        mitigation: "Recalibrate with isotonic regression on held-out rows.".to_owned(),
        owner: "credit-models@bank.example".to_owned(),
        due: "2026-12-23".to_owned(),
    }];
    sample
}

/// The denied release with `text` in every place that a pull request can write to.
pub(super) fn hostile(text: &str) -> Sample {
    let mut sample = denied();
    let hostile = || text.to_owned();
    let record = &mut sample.record;
    (record.model, record.model_version, record.resource_uri) = (hostile(), hostile(), hostile());
    for reason in &mut record.tier.reasons {
        reason.reason = hostile();
    }
    for outcome in &mut record.outcomes {
        for reason in &mut outcome.reasons {
            *reason = hostile();
        }
        for finding in &mut outcome.findings {
            (finding.subject, finding.message) = (hostile(), hostile());
            (finding.observed, finding.expected) = (json!({ text: text }), json!([text, 1.5]));
            finding.source = Some(Source { file: hostile(), line: 3 });
        }
    }
    record.conditions =
        vec![Condition { control: "VAL-007".to_owned(), mitigation: hostile(), owner: hostile(), due: hostile() }];
    sample.facts.repository.branch = Some(hostile());
    sample.facts.model.owner = hostile();
    for evaluation in &mut sample.facts.evaluations {
        evaluation.name = hostile();
        for slice in &mut evaluation.slices {
            (slice.column, slice.value, slice.missing) = (hostile(), hostile(), false);
        }
        for comparison in &mut evaluation.comparisons {
            (comparison.column, comparison.lowest_group) = (hostile(), Some(hostile()));
        }
    }
    hostile_facts(&mut sample.facts, text);
    sample.evidence.files = vec![hostile()];
    sample.evidence.store = hostile();
    sample.evidence.signed_by = hostile();
    sample
}

/// `text` in the facts that only documents for people quote.
fn hostile_facts(facts: &mut Facts, text: &str) {
    let hostile = || text.to_owned();
    let source = || Source { file: hostile(), line: 3 };
    (facts.model.purpose, facts.model.validator) = (hostile(), Some(hostile()));
    facts.change =
        Some(raw::Change { kind: raw::ChangeKind::Retraining, champion_version: Some(hostile()), summary: hostile() });
    facts.monitoring.signals = vec![Signal {
        kind: SignalKind::DataDrift,
        kind_basis: KindBasis::Name,
        name: hostile(),
        expression: hostile(),
        metrics: vec![hostile()],
        operator: Some(">".to_owned()),
        threshold: Some(0.2),
        window_seconds: Some(3_600),
        for_seconds: 60,
        interval_seconds: None,
        severity: Some(hostile()),
        route: Some(hostile()),
        owner: None,
        runbook: Some(hostile()),
        source: source(),
    }];
    facts.monitoring.inactive =
        vec![InactiveSignal { name: hostile(), kind: SignalKind::Fairness, reason: hostile(), source: source() }];
    facts.card = Some(CardFacts {
        file: file(text),
        format: CardFormat::Markdown,
        license: None,
        front_matter: Map::new(),
        sections: vec![Section {
            kind: Some(SectionKind::IntendedUse),
            heading: hostile(),
            level: 2,
            line: 9,
            words: 3,
            placeholder: false,
            // Documents make a paragraph of each line.
            text: text.replace(['\n', '\r'], " "),
        }],
    });
    facts.records.threat_model = Some(Recorded {
        file: file(text),
        author: hostile(),
        approved_by: Some(hostile()),
        date: "2026-11-01".to_owned(),
        review_by: None,
        model_version: None,
        content: ThreatModel {
            threats: vec![Threat {
                id: hostile(),
                kind: AttackKind::Evasion,
                scenario: hostile(),
                likelihood: Rating::Low,
                impact: Rating::Medium,
                mitigations: vec![hostile()],
                residual: Rating::High,
            }],
        },
    });
}
