//! The example releases come to the decisions that their READMEs promise.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::{Sandbox, checkout, copy_tree};

/// Ids of the controls with `result` in a JSON report.
fn controls(report: &Value, result: &str) -> BTreeSet<String> {
    let outcomes = report["outcomes"].as_array().unwrap();
    let matching = outcomes.iter().filter(|outcome| outcome["result"] == result);
    matching.map(|outcome| outcome["control"].as_str().unwrap().to_owned()).collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn the_approved_release_is_approved() {
    let report = Sandbox::with("approved").run("check release --output json").expect(0).json();
    assert_eq!(report["decision"], "approve");
    assert_eq!(report["tier"]["effective"], "high");
    assert_eq!(controls(&report, "fail"), set(&[]));
    assert_eq!(controls(&report, "error"), set(&[]));
    assert!(controls(&report, "pass").len() >= 20);
}

#[test]
fn the_conditional_release_is_approved_on_conditions() {
    let sandbox = Sandbox::with("conditional");
    let report = sandbox.run("check release --output json").expect(0).json();
    assert_eq!(report["decision"], "conditional");
    assert_eq!(controls(&report, "fail"), set(&["FAI-002", "FAI-005", "MON-004"]));
    let conditions = report["conditions"].as_array().unwrap();
    assert_eq!(conditions.len(), 3);
    for condition in conditions {
        assert!(condition["owner"].as_str().unwrap().ends_with("@example.com"));
        assert_eq!(condition["due"].as_str().unwrap().len(), "2027-01-31".len());
    }
    sandbox.run("check release --fail-on condition").expect(1);
}

#[test]
fn the_denied_release_is_denied_for_every_planted_fault() {
    let report = Sandbox::with("denied").run("check release --output json").expect(1).json();
    assert_eq!(report["decision"], "deny");
    let failed = controls(&report, "fail");
    for planted in ["VAL-005", "ART-001", "ART-002", "INT-001", "MON-001"] {
        assert!(failed.contains(planted), "{planted} is not among {failed:?}");
    }
    assert_eq!(controls(&report, "error"), set(&[]));
}

#[test]
fn text_names_every_planted_fault() {
    let ran = Sandbox::with("denied").run("check release").expect(1);
    for part in
        ["DENIED", "VAL-005", "ART-001", "ART-002", "INT-001", "MON-001", "roc_auc", "system", "modelgate verify"]
    {
        assert!(ran.stdout.contains(part), "`{part}` is not in:\n{}", ran.stdout);
    }
}

#[test]
fn the_tier_is_computed_and_a_declaration_can_only_raise_it() {
    let sandbox = Sandbox::with("denied");
    let tier = sandbox.run("tier release --json").expect(0).json();
    assert_eq!(
        (&tier["computed"], &tier["declared"], &tier["effective"]),
        (&"high".into(), &"limited".into(), &"high".into())
    );
    sandbox.edit("release/modelgate.yaml", "declared_tier: limited", "declared_tier: critical");
    let tier = sandbox.run("tier release --json").expect(0).json();
    assert_eq!((&tier["computed"], &tier["effective"]), (&"high".into(), &"critical".into()));
    assert!(sandbox.run("tier release").expect(0).stdout.starts_with("critical\n"));
}

#[test]
fn the_same_run_gives_the_same_bytes_and_a_changed_byte_other_ones() {
    let sandbox = Sandbox::with("approved");
    let arguments = "check release --output json --effective-time 2999-01-01";
    let digests = |report: &Value| {
        (report["evidence"]["recorded"]["decision_sha256"].clone(), report["evidence"]["facts_sha256"].clone())
    };
    assert!(sandbox.run(arguments).expect(0).json()["evidence"]["recorded"]["decision_sha256"].is_string());
    let first = digests(&sandbox.run(arguments).expect(0).json());
    assert_eq!(digests(&sandbox.run(arguments).expect(0).json()), first);
    let facts = sandbox.run("facts release").expect(0).stdout;
    assert_eq!(sandbox.run("facts release").expect(0).stdout, facts);
    for file in ["model/model.onnx", "data/holdout.parquet", "MODEL_CARD.md", "monitoring/alerts.yml", "modelgate.yaml"]
    {
        let path = sandbox.path("release").join(file);
        let original = std::fs::read(&path).unwrap();
        let mut changed = original.clone();
        // A comment, a blank, or a byte that a format need not notice: the digest must.
        changed.push(b'\n');
        std::fs::write(&path, changed).unwrap();
        let ran = sandbox.run(arguments);
        if ran.code == 0 || ran.code == 1 {
            let (decision, facts) = digests(&ran.json());
            assert_ne!(decision, first.0, "{file}");
            assert_ne!(facts, first.1, "{file}");
        } else {
            assert_eq!(ran.code, 3, "{file}: {}", ran.stderr);
        }
        std::fs::write(&path, original).unwrap();
    }
}

#[test]
fn init_writes_a_release_that_says_what_is_missing_and_never_overwrites() {
    let sandbox = Sandbox::new();
    sandbox.run("init fresh").expect(0);
    for file in ["modelgate.yaml", "MODEL_CARD.md", "monitoring/alerts.yml"] {
        assert!(sandbox.path("fresh").join(file).is_file(), "{file}");
    }
    let before = sandbox.read("fresh/MODEL_CARD.md");
    sandbox.run("init fresh").expect(2).says(&["modelgate.yaml"]);
    assert_eq!(sandbox.read("fresh/MODEL_CARD.md"), before);
    // The files that only the team has are missing: an error that names them, and no decision.
    sandbox.run("check fresh").expect(3).says(&["fresh/modelgate.yaml:", "hint"]);
}

#[test]
fn timings_name_the_stations() {
    Sandbox::with("approved")
        .run("check release --timings")
        .expect(0)
        .says(&["manifest", "policies", "tier", "facts", "policy", "evidence", "report", "total"]);
}

#[test]
fn every_release_below_a_directory_is_decided_as_it_would_be_alone() {
    let sandbox = Sandbox::with("approved");
    for release in ["conditional", "denied"] {
        let from = checkout().join("fixtures/credit-scoring").join(release);
        copy_tree(&from, &sandbox.path(&format!("release/other/{release}")));
    }
    sandbox.write("release/broken/modelgate.yaml", "version: 1\n");
    sandbox.write("release/.hidden/modelgate.yaml", "version: 1\n");
    let report = sandbox.run("check release --each --output json").expect(2).json();
    let rows = report["releases"].as_array().unwrap();
    let of = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap_or("").to_owned();
        (text("manifest"), text("decision"), row["exit_code"].as_u64().unwrap())
    };
    let row = |manifest: &str, decision: &str, code| (format!("{manifest}modelgate.yaml"), decision.to_owned(), code);
    assert_eq!(
        rows.iter().map(of).collect::<Vec<_>>(),
        [
            row("broken/", "", 2),
            row("", "approve", 0),
            row("other/conditional/", "conditional", 0),
            row("other/denied/", "deny", 1),
        ]
    );
    assert!(rows[0]["problems"][0]["message"].as_str().unwrap().contains("`artifacts`"));
    let alone = sandbox.run("check release/other/denied --output json").expect(1).json();
    assert_eq!(rows[3]["decision_sha256"], alone["evidence"]["recorded"]["decision_sha256"]);
    assert!(sandbox.path(".modelgate/evidence/other/denied").is_dir());

    std::fs::remove_dir_all(sandbox.path("release/broken")).unwrap();
    sandbox.run("check release --each").expect(1);
    sandbox.run("check release --each --output sarif").expect(2).says(&["no report as sarif"]);
    sandbox.run("check home --each").expect(2).says(&["no `modelgate.yaml`"]);
}

#[test]
fn files_state_metrics_too() {
    let sandbox = Sandbox::with("approved");
    let manifest = "release/modelgate.yaml";
    sandbox.write(
        "release/metrics.json",
        r#"{"test": {"auc": 0.7623, "acc": 0.748, "loss": 1.5}, "train": {"auc": 0.99}}"#,
    );
    let from = "    claims_from: [{path: metrics.json, format: metrics-json, prefix: test.}]\n    reference:\n";
    sandbox.edit(manifest, "    reference:\n", from);
    let facts = sandbox.run("facts release").expect(0).json();
    let evaluation = facts.pointer("/evaluations/0").unwrap();
    let claims = evaluation["claims"].as_array().unwrap();
    let of_file: Vec<_> = claims.iter().filter(|claim| claim["source"] == "metrics.json").collect();
    assert_eq!(of_file.len(), 2);
    assert!(of_file.iter().all(|claim| claim["result"] == "confirmed"));
    assert_eq!(evaluation["other_claims"], serde_json::json!(["metrics.json: test.loss"]));
    assert_eq!(evaluation.pointer("/claim_files/0/path").unwrap(), "metrics.json");
    sandbox.edit("release/metrics.json", "0.7623", "0.8123");
    let ran = sandbox.run("check release").expect(1);
    assert!(
        ran.stdout.contains("the claimed roc_auc in metrics.json is 0.8123; the rows give 0.7623"),
        "{}",
        ran.stdout
    );
    sandbox.edit(manifest, "path: metrics.json", "path: absent.json");
    sandbox.run("check release").expect(3).says(&["absent.json", "missing-file"]);
}

#[test]
fn alerts_of_other_vendors_count_and_switched_off_ones_do_not() {
    let sandbox = Sandbox::with("approved");
    let own = "version: 1\nsignals:\n  - {name: Parity, kind: fairness, metric: impact ratio, operator: '<', threshold: 0.8, window: 30d, \
               severity: high, route: risk, runbook: https://wiki.example.com, enabled: false}\n";
    sandbox.write("release/monitoring/own.yaml", own);
    let first = "monitoring:\n";
    sandbox.edit("release/modelgate.yaml", first, "monitoring:\n  - {path: monitoring/own.yaml, format: modelgate}\n");
    let facts = sandbox.run("facts release").expect(0).json();
    assert_eq!(facts["monitoring"]["inactive"][0]["name"], "Parity");
    assert!(facts["monitoring"]["signals"].as_array().unwrap().iter().all(|signal| signal["name"] != "Parity"));
    let decided = sandbox.run("check release --output json").expect(0).json();
    assert_eq!(decided["decision"], "conditional");
    let text = decided.to_string();
    assert!(
        text.contains("MON-009") && text.contains("the alert is written down and raises no alarm: it is not enabled")
    );
    sandbox.edit("release/monitoring/own.yaml", "enabled: false", "enabled: true");
    let facts = sandbox.run("facts release").expect(0).json();
    assert!(facts["monitoring"]["inactive"].as_array().unwrap().is_empty());
    sandbox.edit("release/monitoring/own.yaml", "threshold: 0.8", "treshold: 0.8");
    sandbox.run("facts release").expect(3).says(&["did you mean `threshold`", "own.yaml:3"]);
    sandbox.edit("release/modelgate.yaml", "format: modelgate}", "format: grafana}");
    sandbox.run("facts release").expect(3).says(&["not-alerts"]);
    sandbox.edit("release/modelgate.yaml", "format: grafana}", "format: modelgate, kinds: {'[': safety}}");
    sandbox.run("facts release").expect(2).says(&["invalid-glob"]);
}
