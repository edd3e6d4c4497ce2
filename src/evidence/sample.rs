//! Facts and a record for tests: a release whose every kind of input is there.

use serde_json::{Value, json};

use crate::canonical::CanonicalJson;
use crate::decision::record::{DecisionRecord, PolicyReference, RecordReference, Tool};
use crate::decision::{Condition, Enforcement, Outcome, OutcomeResult, Severity, Verdict};
use crate::digest::Sha256Digest;
use crate::facts::Facts;

/// A file whose content is its own path.
fn file(path: &str) -> Value {
    json!({"path": path, "sha256": Sha256Digest::of(path.as_bytes()), "size_bytes": path.len()})
}

fn merged(mut left: Value, right: &Value) -> Value {
    let fields = right.as_object().unwrap().clone();
    left.as_object_mut().unwrap().extend(fields);
    left
}

fn artifact(path: &str, role: &str) -> Value {
    let inside = json!({
        "role": role, "format": "unknown", "lfs_pointer": false, "pickle": null, "safetensors": null,
        "onnx": null, "risks": [],
    });
    merged(file(path), &inside)
}

fn evaluation(name: &str, path: &str) -> Value {
    json!({
        "name": name, "task": "binary-classification", "data": file(path),
        "columns": {"label": "defaulted", "score": "score"},
        "classes": {"positive": 1, "negative": 0}, "threshold": 0.5,
        "rows": {
            "total": 2, "valid": 2, "label_missing": 0, "label_unknown": 0, "score_missing": 0,
            "score_not_finite": 0, "score_out_of_range": 0, "id_missing": null, "id_duplicates": null,
        },
        "metrics": {}, "slices": [], "comparisons": [], "claims": [],
    })
}

/// Facts of a release in tier `high`: two artifacts, two evaluations of the same rows, and a card.
pub(crate) fn facts() -> Facts {
    let card = json!({"license": "Apache-2.0", "front_matter": {}, "sections": []});
    serde_json::from_value(json!({
        "version": 1,
        "manifest": file("modelgate.yaml"),
        "model": {
            "name": "credit/default-risk", "version": "2.1.0", "owner": "risk@example.com",
            "task": "binary-classification", "purpose": "Scores applications",
        },
        "intake": {
            "exposure": "public", "decision_role": "recommends", "domain": "credit",
            "autonomy": "human-in-the-loop", "data_classes": ["personal"], "jurisdictions": ["DE"],
            "people_affected_per_year": 1000,
        },
        "tier": {
            "computed": "high", "declared": null, "effective": "high",
            "reasons": [{"rule": "TIER-CREDIT", "tier": "high", "reason": "It scores credit applications"}],
        },
        "artifacts": [artifact("model/model.onnx", "model"), artifact("model/scaler.json", "preprocessor")],
        "evaluations": [evaluation("holdout", "data/holdout.parquet"), evaluation("again", "data/holdout.parquet")],
        "monitoring": {"files": [file("monitoring/alerts.yaml")], "signals": []},
        "card": merged(file("CARD.md"), &card),
        "change": null,
        "repository": {
            "commit": null, "branch": null, "dirty": null, "reason": "git could not be run", "origin": "local", "review": {"status": "none", "request": null, "author": null, "approvers": [], "reason": null},
        },
    }))
    .unwrap()
}

/// A control's outcome.
pub(crate) fn outcome(control: &str, result: OutcomeResult, enforcement: Enforcement) -> Outcome {
    Outcome {
        control: control.to_owned(),
        title: format!("Title of {control}"),
        domain: "validation".to_owned(),
        severity: Severity::High,
        enforcement,
        result,
        reasons: Vec::new(),
        findings: Vec::new(),
        remediation: "Mend it".to_owned(),
        parameters: serde_json::Map::new(),
        departures: Vec::new(),
        frameworks: Vec::new(),
    }
}

/// The record of an approval: two controls passed.
pub(crate) fn record(facts: &Facts) -> DecisionRecord {
    let outcomes = vec![
        outcome("ART-001", OutcomeResult::Pass, Enforcement::Block),
        outcome("VAL-003", OutcomeResult::Pass, Enforcement::Condition),
    ];
    record_of(facts, outcomes)
}

/// The record that `outcomes` come to.
pub(crate) fn record_of(facts: &Facts, outcomes: Vec<Outcome>) -> DecisionRecord {
    let conditions = outcomes
        .iter()
        .filter(|outcome| outcome.verdict() == Verdict::Conditional)
        .map(|outcome| Condition {
            control: outcome.control.clone(),
            mitigation: outcome.remediation.clone(),
            owner: facts.model.owner.clone(),
            due: "2027-01-31".to_owned(),
        })
        .collect();
    let facts_json = CanonicalJson::of(facts).unwrap();
    DecisionRecord {
        version: 1,
        decision: Verdict::of(&outcomes),
        effective_time: "2027-01-01T12:00:00Z".to_owned(),
        tool: Tool { name: "modelgate".to_owned(), version: "0.1.0".to_owned(), regorus: "0.14.1".to_owned() },
        model: facts.model.name.clone(),
        model_version: facts.model.version.clone(),
        resource_uri: "pkg:generic/credit/default-risk@2.1.0".to_owned(),
        tier: facts.tier.clone(),
        facts: RecordReference::of(&facts_json),
        policy: PolicyReference {
            uri: "embedded".to_owned(),
            sha256: Sha256Digest::of(b"policies"),
            files: 40,
            extends: None,
        },
        outcomes,
        conditions,
    }
}
