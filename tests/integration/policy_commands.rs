//! `modelgate policy …` and `modelgate explain`, as an analyst uses them.

use std::time::{Duration, Instant};

use crate::common::{Sandbox, checkout, copy_tree};

/// A sandbox with a copy of the library in `policies/`.
fn with_library() -> Sandbox {
    let sandbox = Sandbox::with("approved");
    copy_tree(&checkout().join("policies"), &sandbox.path("policies"));
    sandbox
}

const DRIFT: &str = "policies/controls/monitoring/drift/drift.rego";
const WORDS: &str = "policies/lib/text_test.rego";

#[test]
fn a_sound_bundle_is_said_to_be_and_a_bad_one_lists_every_problem_also_as_sarif() {
    let sandbox = with_library();
    let sound = sandbox.run("policy check policies --sarif none.sarif").expect(0);
    assert!(sound.stdout.contains(" controls in "), "{}", sound.stdout);
    let log: serde_json::Value = serde_json::from_str(&sandbox.read("none.sarif")).unwrap();
    assert_eq!(log["runs"][0]["results"], serde_json::json!([]));

    sandbox.edit(DRIFT, "input.monitoring.signals", "input.monitorin.signals");
    sandbox.edit("policies/tiers/high.yaml", "condition_days: 30", "condition_days: 0");
    sandbox.edit("policies/controls/change/commit/commit.rego", "# title:", "# titel:");
    let found = sandbox.run("policy check policies --sarif found.sarif").expect(2);
    found.says(&["drift.rego:", "did you mean `monitoring`?", "tiers/high.yaml:", "commit.rego:2:"]);
    let log: serde_json::Value = serde_json::from_str(&sandbox.read("found.sarif")).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let rules: Vec<&str> = results.iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
    for code in ["unknown-input-path", "invalid-value", "unknown-key", "missing-key"] {
        assert!(rules.contains(&code), "{code}: {rules:?}");
    }
}

#[test]
fn a_failed_test_shows_the_values_that_differed() {
    let sandbox = with_library();
    sandbox.edit(WORDS, "== 3", "== 4");
    let ran = sandbox.run("policy test policies --run text_test --junit tests.xml").expect(1);
    insta::assert_snapshot!(ran.stdout, @r#"
    FAIL data.modelgate.lib.text_test.test_words
      --> policies/lib/text_test.rego:5
      is undefined: a condition in it does not hold
      line 7 does not hold: text.words("  one\ntwo  three ") == 4
        text.words("  one\ntwo  three ") is 3

    1 tests, 1 failed
    "#);
    let junit = sandbox.read("tests.xml");
    assert!(junit.contains("failures=\"1\"") && junit.contains("test_words"), "{junit}");
}

#[test]
fn an_empty_selection_fails_and_so_does_a_file_below_the_threshold() {
    let sandbox = with_library();
    sandbox.run("policy test policies --run no_such_test").expect(2).says(&["no test matches"]);
    sandbox.run("policy test policies --run x --threshold 100").expect(2).says(&["needs all tests"]);
    sandbox.run("policy test policies --threshold 101").expect(2);
    sandbox.run("policy test policies --threshold 100 --lcov l.info --cobertura c.xml").expect(0);
    assert!(sandbox.read("l.info").contains("SF:policies/lib/text.rego\n"), "{}", sandbox.read("l.info"));
    assert!(sandbox.read("c.xml").contains("filename=\"policies/lib/text.rego\""));
    let text = sandbox.read("policies/lib/text.rego") + "\nunused(x) := 1 if {\n\tx == 1\n}\n";
    sandbox.write("policies/lib/text.rego", text);
    let ran = sandbox.run("policy test policies --threshold 100").expect(1);
    ran.says(&["policies/lib/text.rego: tests reach", "not reached: "]);
    assert!(sandbox.run("policy test policies --coverage").expect(0).stdout.contains("policies/lib/text.rego"));
}

#[test]
fn a_new_control_passes_its_checks_and_its_tests() {
    let sandbox = with_library();
    sandbox.run("policy new validation/latency --id ORG-001 --policies policies").expect(0);
    sandbox.run("policy check policies").expect(0);
    let tests = sandbox.run("policy test policies --run latency").expect(0);
    assert_eq!(tests.stdout, "2 tests, 0 failed\n");
    let listed = sandbox.run("policy list policies --tier high").expect(0).stdout;
    assert!(listed.contains("ORG-001  shadow"), "{listed}");
    // Nothing is overwritten, and no id is given twice.
    sandbox.run("policy new validation/latency --id ORG-002 --policies policies").expect(2).says(&["latency.rego"]);
    sandbox.run("policy new validation/other --id ORG-001 --policies policies").expect(2).says(&["id-taken"]);
    sandbox.run("policy new ../x --id ORG-003 --policies policies").expect(2);
    sandbox.run("policy new validation/other --id org-3 --policies policies").expect(2);
}

#[test]
fn a_control_is_explained_with_what_it_read_and_which_conditions_held() {
    let sandbox = Sandbox::with("denied");
    let plain = sandbox.run("explain VAL-003").expect(0).stdout;
    for part in ["How to mend it", "What the tiers ask", "critical block", "Clauses that it serves"] {
        assert!(plain.contains(part), "`{part}` is not in:\n{plain}");
    }
    let ran = sandbox.run("explain INT-001 --release release").expect(0).stdout;
    for part in ["fail, enforced as block", "input.tier.declared = \"limited\"", "[holds]", "gives a result"] {
        assert!(ran.contains(part), "`{part}` is not in:\n{ran}");
    }
    sandbox.run("explain FAI-03").expect(2).says(&["did you mean `FAI-003`?"]);
    sandbox.run("explain VAL-003 --effective-time 2030-01-01").expect(2);
}

#[test]
fn what_a_tighter_threshold_would_change_is_said_before_it_is_set() {
    let sandbox = with_library();
    let facts = sandbox.run("facts release").expect(0).stdout;
    sandbox.write("facts.json", &facts);
    let same = sandbox.run("policy diff embedded policies --facts facts.json --exit-code").expect(0);
    assert_eq!(same.stdout, "0 of 1 releases would change, 0 of them to another decision\n");
    let tiers = "policies/controls/validation/discrimination/tiers.yaml";
    sandbox.edit(tiers, "minimum: 0.65", "minimum: 0.75");
    let ran = sandbox.run("policy diff embedded policies --facts facts.json --exit-code").expect(1).stdout;
    assert!(ran.contains("approve -> deny") && ran.contains("VAL-003: pass (block, 0 findings) -> fail"), "{ran}");
    let json = sandbox.run("policy diff embedded policies --facts facts.json --json").expect(0).json();
    assert_eq!(json["changed"][0]["after"]["decision"], "deny");
    sandbox.write("facts.json", facts.replacen("\"evaluations\"", "\"evalutions\"", 1));
    sandbox.run("policy diff embedded policies --facts facts.json").expect(3).says(&["holds no facts"]);
}

#[test]
fn the_catalogue_is_what_the_policies_say() {
    let sandbox = with_library();
    sandbox.run("policy docs policies --out docs").expect(0);
    sandbox.run("policy docs policies --out docs --check").expect(0);
    sandbox.edit("docs/VAL-003.md", "ROC AUC", "AUC");
    std::fs::remove_file(sandbox.path("docs/VAL-001.md")).unwrap();
    sandbox.write("docs/ZZZ-001.md", "x");
    let stale = sandbox.run("policy docs policies --out docs --check").expect(1);
    stale.says(&["VAL-003.md is not what", "VAL-001.md is missing", "ZZZ-001.md is the page of nothing"]);
    let matrix = sandbox.run("policy coverage --framework us-eeoc").expect(0).stdout;
    assert!(matrix.contains("FAI-002 (limited, high, critical)") && matrix.contains("Nothing serves"), "{matrix}");
    sandbox.run("policy coverage --framework eu-ai").expect(2).says(&["eu-ai-act"]);
}

#[test]
fn the_checked_in_catalogue_is_fresh() {
    let sandbox = Sandbox::new();
    let docs = checkout().join("docs/controls");
    let ran = sandbox.run_with(&["policy", "docs", "--out", docs.to_str().unwrap(), "--check"], &[]);
    ran.expect(0);
}

/// Written after conftest's documentation of what rules may give, and of `--data` and `--combine`.
#[test]
fn conftest_policies_run_unchanged() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "policy/base.rego",
        "package main\n\nimport rego.v1\n\nimport data.services\n\nname := input.metadata.name\n\n\
         deny contains msg if {\n\tinput.kind == \"Deployment\"\n\tnot input.spec.securityContext.runAsNonRoot\n\t\
         msg := sprintf(\"%s runs as root\", [name])\n}\n\n\
         violation contains {\"msg\": msg, \"details\": {\"port\": port}} if {\n\tsome port in input.spec.ports\n\t\
         port in services.denied\n\tmsg := sprintf(\"%s opens %d\", [name, port])\n}\n\n\
         warn_kind contains \"a service\" if input.kind == \"Service\"\n",
    );
    sandbox.write("data/services.yaml", "services:\n  denied: [22, 21]\n");
    sandbox.write(
        "both.yaml",
        "kind: Deployment\nmetadata: {name: web}\nspec: {}\n---\nkind: Service\nmetadata: {name: api}\nspec: {ports: [22, 80]}\n",
    );
    let ran = sandbox.run("policy eval both.yaml --data data").expect(1);
    insta::assert_snapshot!(ran.stdout, @r"
    FAIL - both.yaml - main.deny - web runs as root
    FAIL - both.yaml - main.violation - api opens 22
    WARN - both.yaml - main.warn_kind - a service

    3 rules, 0 passed, 1 warnings, 2 failures
    ");
    let json = sandbox.run("policy eval both.yaml --data data --json").expect(1).json();
    assert_eq!(json[0]["results"][1]["messages"][0]["metadata"]["details"]["port"], 22);

    sandbox.write("service.json", r#"{"kind": "Service", "metadata": {"name": "api"}, "spec": {"ports": [80]}}"#);
    sandbox.run("policy eval service.json --data data").expect(0);
    sandbox.run("policy eval service.json --data data --fail-on-warn").expect(1);
    sandbox.run("policy eval service.json --data data --namespace other").expect(2).says(&["no rule"]);
    sandbox.run("policy eval service.json --policy nowhere").expect(2).says(&["nowhere"]);
    sandbox.run("policy eval nothing.json --data data").expect(2).says(&["nothing.json"]);
    sandbox.write("empty.json", "[]");
    sandbox.run("policy eval empty.json --data data").expect(3).says(&["nothing was evaluated"]);
    // Data on the way of a package, which would replace its rules without a word.
    sandbox.write("data/main.yaml", "main: {deny: []}\n");
    sandbox.run("policy eval both.yaml --data data").expect(2).says(&["data-clash"]);
}

#[test]
fn a_bundle_that_extends_the_library_decides_with_both() {
    let sandbox = Sandbox::with("approved");
    let digest = sandbox.run("policy check").expect(0).stdout;
    let digest = digest.trim_end().rsplit(':').next().unwrap().to_owned();
    sandbox.write("org/bundle.yaml", format!("version: 1\nextends: embedded@sha256:{digest}\n"));
    sandbox.run("policy new validation/latency --id ORG-001 --policies org").expect(0);
    let tiers = "org/controls/validation/latency/tiers.yaml";
    sandbox.edit(
        tiers,
        "high: {enforcement: shadow, parameters: {minimum_rows: 100}}",
        "high: {enforcement: block, parameters: {minimum_rows: 1000000}}",
    );
    sandbox.write(
        "org/models/german-credit-default.yaml",
        "version: 1\nmodel: german-credit-default\nreason: Its population is small.\ncontrols:\n  ORG-001: {parameters: {minimum_rows: 999999}}\n",
    );
    let report = sandbox.run("check release --policies org --output json").expect(1).json();
    assert_eq!(report["policy"]["extends"], format!("embedded@sha256:{digest}"));
    let outcome =
        report["outcomes"].as_array().unwrap().iter().find(|outcome| outcome["control"] == "ORG-001").unwrap();
    assert_eq!((&outcome["result"], &outcome["findings"][0]["expected"]), (&"fail".into(), &999_999.into()));
    assert!(outcome["departures"][0].as_str().unwrap().contains("Its population is small"), "{outcome}");

    let text = sandbox.read("org/bundle.yaml").replace(&digest, &"0".repeat(64));
    sandbox.write("org/bundle.yaml", text);
    sandbox.run("check release --policies org").expect(2).says(&["other-base", &digest]);
}

/// One control that takes all memory, overflows the stack or never ends is that control's error. The others are
/// judged all the same, and the run is over in time.
#[test]
fn a_control_that_ends_its_process_is_its_own_error() {
    let doubling = |count: usize| {
        let lines = (1..=count).map(|step| format!("\tt{step} := concat(\"\", [t{0}, t{0}])\n", step - 1));
        format!("t0 := \"0123456789abcdef\"\n{}\tcount(t{count}) == 0\n", lines.collect::<String>())
    };
    for (condition, reasons) in [
        // On a busy machine the time is over before the memory is.
        (doubling(34), ["the policy process ended", "time limit"].as_slice()),
        (
            "every a in numbers.range(1, 99999) { every b in numbers.range(1, 99999) { a * b > 0 } }\n".to_owned(),
            ["limit"].as_slice(),
        ),
    ] {
        let sandbox = with_library();
        sandbox.edit(DRIFT, "not watched\n", &condition);
        let start = Instant::now();
        let report = sandbox.run("check release --policies policies --output json").expect(1).json();
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
        let outcomes = report["outcomes"].as_array().unwrap();
        let outcome = outcomes.iter().find(|outcome| outcome["control"] == "MON-001").unwrap();
        let others = outcomes.iter().filter(|outcome| outcome["control"] != "MON-001");
        assert!(
            others.clone().count() > 40 && others.clone().all(|outcome| outcome["result"] != "error"),
            "{report:#}"
        );
        assert_eq!(outcome["result"], "error", "{condition}");
        let said = outcome["reasons"][0].as_str().unwrap();
        assert!(reasons.iter().any(|reason| said.contains(reason)), "{outcome}");
    }
}
