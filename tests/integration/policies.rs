//! The embedded library: its tests pass and reach every line; and a bundle that could pass by
//! accident is refused.

use modelgate::policy::{PolicyBundle, testing};

use crate::common::{Sandbox, checkout, copy_tree};

#[test]
fn every_test_of_the_library_passes_and_every_line_is_reached() {
    let run = testing::run(&PolicyBundle::embedded().unwrap(), &testing::TestOptions::default()).unwrap();
    let failed: Vec<_> = run.failed().collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(run.results.len() >= 60, "{} tests", run.results.len());
    let missed: Vec<_> = run.coverage.iter().filter(|(_, lines)| !lines.not_reached.is_empty()).collect();
    assert!(missed.is_empty(), "lines that no test reaches: {missed:?}");
}

/// A sandbox with a release and a copy of the library that is changed by `change`.
pub(crate) fn with_policies(change: impl FnOnce(&Sandbox)) -> Sandbox {
    let sandbox = Sandbox::with("approved");
    copy_tree(&checkout().join("policies"), &sandbox.path("policies"));
    change(&sandbox);
    sandbox
}

pub(crate) const DRIFT: &str = "policies/controls/monitoring/drift/drift.rego";

fn check(sandbox: &Sandbox) -> crate::common::Ran {
    sandbox.run("check release --policies policies --output json")
}

#[test]
fn the_library_as_a_directory_decides_as_the_embedded_one() {
    let sandbox = with_policies(|_| {});
    let ours = check(&sandbox).expect(0).json();
    let embedded = sandbox.run("check release --output json").expect(0).json();
    assert!(ours["policy"]["sha256"].is_string());
    assert_eq!(ours["policy"]["sha256"], embedded["policy"]["sha256"]);
    assert_eq!(ours["outcomes"], embedded["outcomes"]);
}

#[test]
fn a_syntax_error_has_a_place() {
    let sandbox = with_policies(|sandbox| sandbox.edit(DRIFT, "watched if {", "watched if {{"));
    check(&sandbox).expect(2).says(&["drift.rego:", "nothing was decided"]);
}

#[test]
fn an_unknown_function_is_refused_where_no_line_reaches_it() {
    let sandbox = with_policies(|sandbox| {
        let rule = "\nviolation contains finding if {\n\tinput.model.name == \"never\"\n\tfinding := crypto.sha256(\"x\")\n}\n";
        let text = sandbox.read(DRIFT) + rule;
        sandbox.write(DRIFT, text);
    });
    check(&sandbox).expect(2).says(&["crypto.sha256", "drift.rego:"]);
}

#[test]
fn an_input_path_that_the_facts_do_not_have_is_refused() {
    let sandbox = with_policies(|sandbox| sandbox.edit(DRIFT, "input.monitoring.signals", "input.monitorin.signals"));
    check(&sandbox).expect(2).says(&["monitorin", "monitoring", "drift.rego:"]);
}

#[test]
fn a_policy_that_raises_denies_and_says_which() {
    let sandbox = with_policies(|sandbox| {
        sandbox.edit(DRIFT, "not watched\n", "not watched_at(to_number(input.model.name))\n");
        let text = sandbox.read(DRIFT) + "\nwatched_at(number) if number > 0\n";
        sandbox.write(DRIFT, text);
    });
    let report = check(&sandbox).expect(1).json();
    let outcome =
        report["outcomes"].as_array().unwrap().iter().find(|outcome| outcome["control"] == "MON-001").unwrap().clone();
    assert_eq!(outcome["result"], "error");
    assert!(outcome["reasons"][0].as_str().unwrap().contains("drift.rego"), "{outcome}");
}

#[test]
fn a_policy_that_never_ends_denies() {
    for condition in [
        "some a in numbers.range(1, 9999)\n\tsome b in numbers.range(1, 9999)\n\tsome c in numbers.range(1, 9999)\n\ta * b * c < 0\n",
        "count(numbers.range(0, 2000000000)) == 1\n",
    ] {
        let sandbox = with_policies(|sandbox| sandbox.edit(DRIFT, "not watched\n", condition));
        let report = check(&sandbox).expect(1).json();
        let outcome = report["outcomes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|outcome| outcome["control"] == "MON-001")
            .unwrap()
            .clone();
        assert_eq!(outcome["result"], "error");
        assert!(outcome["reasons"][0].as_str().unwrap().contains("limit"), "{outcome}");
    }
}

#[test]
fn data_cannot_shadow_a_rule() {
    for (path, content) in [
        ("policies/data.json", r#"{"modelgate": {"controls": {"monitoring": {"drift": {"violation": []}}}}}"#),
        ("policies/modelgate/controls/monitoring/drift/violation.json", "[]"),
        ("policies/data/x.json", "[]\n---\n[]"),
    ] {
        let sandbox = with_policies(|sandbox| sandbox.write(path, content));
        check(&sandbox).expect(2).says(&["policies/"]);
    }
    let sandbox = with_policies(|sandbox| {
        sandbox.write("policies/data/modelgate.json", r#"{"controls": {"monitoring": {"drift": {"violation": []}}}}"#);
        sandbox.write("release/monitoring/alerts.yml", "groups: []\n");
    });
    // Mounted below its own root it is harmless: the rule still fires.
    let report = check(&sandbox).expect(1).json();
    let outcome =
        report["outcomes"].as_array().unwrap().iter().find(|outcome| outcome["control"] == "MON-001").unwrap().clone();
    assert_eq!(outcome["result"], "fail");
}

#[test]
fn a_package_below_a_root_of_data_is_refused() {
    let sandbox =
        with_policies(|sandbox| sandbox.write("policies/lib/parameters.rego", "package parameters\n\nminimum := 0\n"));
    check(&sandbox).expect(2).says(&["parameters.rego"]);
}

#[test]
fn what_is_no_set_of_findings_is_an_error() {
    for rule in [
        "violation := \"all is well\"",
        "violation := {}",
        "violation := 0",
        "violation contains \"a text\"",
        "violation contains {\"message\": \"m\"}",
    ] {
        let sandbox = with_policies(|sandbox| {
            let text = sandbox.read(DRIFT);
            let head = text.split("watched if").next().unwrap();
            sandbox.write(DRIFT, format!("{head}\n{rule}\n"));
            std::fs::remove_file(sandbox.path("policies/controls/monitoring/drift/drift_test.rego")).unwrap();
        });
        let report = check(&sandbox).expect(1).json();
        let outcome = report["outcomes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|outcome| outcome["control"] == "MON-001")
            .unwrap()
            .clone();
        assert_eq!(outcome["result"], "error", "{rule}");
    }
}

#[test]
fn profiles_must_fit_the_controls() {
    let own = "policies/controls/validation/discrimination/tiers.yaml";
    let high = "policies/tiers/high.yaml";
    for (file, from, to, says) in [
        (own, "minimum: 0.65", "minimun: 0.65", "minimun"),
        (own, "minimum: 0.65", "minimum: '0.65'", "0.65"),
        (own, "enforcement: block", "enforcement: blok", "did you mean `block`?"),
        (high, "tier: high", "tier: limited", "limited"),
        (high, "condition_days: 30", "condition_days: 30\ncontrols: {MON-011: {enforcement: block}}", "MON-011"),
    ] {
        let sandbox = with_policies(|sandbox| sandbox.edit(file, from, to));
        check(&sandbox).expect(2).says(&[says, file.strip_prefix("policies/").unwrap()]);
    }
    let sandbox = with_policies(|sandbox| std::fs::remove_file(sandbox.path("policies/tiers/minimal.yaml")).unwrap());
    check(&sandbox).expect(2).says(&["tiers/minimal.yaml"]);
}

#[test]
fn a_rule_with_a_name_that_nobody_asks_for_is_refused() {
    let sandbox = with_policies(|sandbox| {
        let text = sandbox.read(DRIFT).replace("violation contains", "violations contains");
        sandbox.write(DRIFT, text);
    });
    check(&sandbox).expect(2).says(&["violations", "did you mean `violation`?"]);
}

#[test]
fn tiering_without_a_reason_decides_nothing() {
    let sandbox = with_policies(|sandbox| {
        sandbox.write(
            "policies/tiering/tiering.rego",
            "package modelgate.tiering\n\nreason contains r if {\n\tinput.model.name == \"x\"\n\tr := {}\n}\n",
        );
        std::fs::remove_file(sandbox.path("policies/tiering/tiering_test.rego")).unwrap();
    });
    check(&sandbox).expect(2).says(&["tier"]);
}

#[test]
fn brackets_that_would_keep_the_parser_busy_are_refused() {
    let deep = format!("\nx := {}1{}\n", "[".repeat(40), "]".repeat(40));
    let sandbox = with_policies(|sandbox| {
        let text = sandbox.read(DRIFT) + &deep;
        sandbox.write(DRIFT, text);
    });
    check(&sandbox).expect(2).says(&["nest deeper", "drift.rego:"]);
}
