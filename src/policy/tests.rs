//! The traps of the engine and the promises of the module, on small bundles.

use std::time::{Duration, Instant};

use regorus::{Engine, Value as RegoValue};
use serde_json::{Value, json};

use super::*;
use crate::decision::Verdict;
use crate::policy::{Enforcement, Finding, OutcomeResult};

const HEADER: &str = "\
# METADATA
# title: A sample
# description: For tests.
# custom:
#   id: VAL-001
#   severity: high
#   remediation: Mend it.
#   waivable: true
package modelgate.controls.validation.sample
";

const TIERING: &str = "package modelgate.tiering\nreason contains {\"rule\": \"TIER-BASE\", \"tier\": \"minimal\", \"reason\": \"every model\"}\n";

const CONTROL: &str = "controls/validation/sample/sample.rego";
const HARMLESS: &str = "violation contains finding if {\n\tsome finding in []\n}\n";

fn profile(tier: &str, controls: &str) -> String {
    format!("version: 1\ntier: {tier}\ncondition_days: 30\ncontrols:\n{controls}")
}

/// A bundle of one control and four profiles that name it; `others` are added or replace what is there.
fn bundle(control: &str, others: &[(&str, &str)]) -> PolicyBundle {
    let profiles: Vec<(String, String)> = Tier::ALL
        .iter()
        .map(|tier| (format!("tiers/{tier}.yaml"), profile(tier.name(), "  VAL-001: {enforcement: block}\n")))
        .collect();
    let mut files = vec![("tiering/tiering.rego", TIERING), (CONTROL, control)];
    files.extend(profiles.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    files.extend(others);
    PolicyBundle::of(&files)
}

fn schema() -> Value {
    schemars::schema_for!(crate::facts::Facts).to_value()
}

fn checked(control: &str, others: &[(&str, &str)]) -> CheckedPolicies {
    match bundle(control, others).check(&schema()) {
        Ok(policies) => policies,
        Err(problems) => panic!("{problems:#?}"),
    }
}

/// Code and place of every problem of a bundle.
fn refused(control: &str, others: &[(&str, &str)]) -> Vec<String> {
    let problems = bundle(control, others).check(&schema()).err().unwrap_or_default();
    let shown = |problem: &Problem| {
        let place = problem.location.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{} {}", problem.code, place.trim_start_matches("test/"))
    };
    problems.iter().map(shown).collect()
}

fn facts() -> Value {
    json!({
        "version": 1, "model": {"name": "scores", "task": "binary-classification"}, "artifacts": [], "evaluations": [],
        "monitoring": {"files": []}, "card": null, "change": null
    })
}

fn when() -> EffectiveTime {
    EffectiveTime::parse("2026-11-23").unwrap()
}

fn evaluate(policies: &CheckedPolicies) -> Outcome {
    let mut outcomes = policies.evaluate(&facts(), Tier::High, when(), &Limits::default());
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

fn outcome_of(rules: &str) -> Outcome {
    evaluate(&checked(&format!("{HEADER}{rules}"), &[]))
}

#[test]
fn a_control_passes_fails_or_does_not_apply() {
    let pass = outcome_of(HARMLESS);
    assert_eq!((pass.result, pass.findings, pass.reasons), (OutcomeResult::Pass, vec![], vec![]));

    let fail = outcome_of(
        "violation contains {\"subject\": \"b\", \"message\": \"m\"}\n\
         violation contains {\"subject\": \"a\", \"message\": \"m\", \"observed\": 1.5, \"expected\": [2], \"source\": {\"file\": \"f\", \"line\": 3}} if input.model.name == \"scores\"\n",
    );
    let source = serde_json::from_value(json!({"file": "f", "line": 3})).unwrap();
    let expected = [
        Finding {
            subject: "a".to_owned(),
            message: "m".to_owned(),
            observed: json!(1.5),
            expected: json!([2]),
            source: Some(source),
            inconclusive: false,
        },
        Finding {
            subject: "b".to_owned(),
            message: "m".to_owned(),
            observed: Value::Null,
            expected: Value::Null,
            source: None,
            inconclusive: false,
        },
    ];
    assert_eq!((fail.result, fail.enforcement, fail.reasons), (OutcomeResult::Fail, Enforcement::Block, vec![]));
    assert_eq!(fail.findings, expected);

    let not_applicable = outcome_of(
        "violation contains {\"subject\": \"a\", \"message\": \"m\"}\nnot_applicable contains \"no reason to\" if input.card == null\n",
    );
    assert_eq!(not_applicable.result, OutcomeResult::NotApplicable);
    assert_eq!((not_applicable.reasons, not_applicable.findings), (vec!["no reason to".to_owned()], vec![]));
}

#[test]
fn what_cannot_be_judged_is_an_error_and_denies() {
    let place = "test/controls/validation/sample/sample.rego";
    let cases = [
        ("violation := \"x\"", "`violation` is not a set of findings".to_owned()),
        ("violation := 1", "`violation` is not a set of findings".to_owned()),
        ("violation := {\"subject\": \"a\", \"message\": \"m\"}", "`violation` is not a set of findings".to_owned()),
        ("violation := false", "`violation` is not a set of findings".to_owned()),
        (
            "violation := 1 if input.card == 1",
            "`data.modelgate.controls.validation.sample.violation` is undefined".to_owned(),
        ),
        (
            "violation contains \"x\"",
            "`violation` gives something that is no finding: invalid type: string \"x\", expected struct Finding"
                .to_owned(),
        ),
        (
            "violation contains {\"subject\": \"a\"}",
            "`violation` gives something that is no finding: missing field `message`".to_owned(),
        ),
        (
            "violation contains {\"subject\": \"\", \"message\": \"m\"}",
            "`violation` gives a finding without a subject or a message".to_owned(),
        ),
        ("violation contains to_number(\"x\")", format!("{place}:10:31: could not parse string as number")),
        // In a head, regorus finds it only when the rule is reached; in a body, when it is loaded.
        ("violation contains x", format!("{place}:10:20: var x is unsafe")),
        // Undefined in OPA, and so a violation that is not there.
        (
            "violation contains {\"subject\": \"a\", \"message\": \"m\"} if not to_number(\"x\")",
            format!("{place}:10:71: could not parse string as number"),
        ),
        (
            "violation contains f(\"x\")\nf(x) := to_number(x)\nf(x) := 1 if x == \"x\"",
            format!("{place}:11:19: could not parse string as number"),
        ),
        (
            "violation contains {\"subject\": \"a\", \"message\": x} if some x in violation",
            format!("{place}:10:1: recursion detected when evaluating rule"),
        ),
        (
            "violation contains numbers.range(0, 9000000000000000000)",
            format!("{place}:10:33: a range of more than 1000000 elements is over the limit"),
        ),
        (
            "violation contains x if x := 1\nnot_applicable := true",
            "`not_applicable` is not a set of reasons".to_owned(),
        ),
        (
            "violation contains x if x := 1\nnot_applicable contains 1",
            "`not_applicable` gives 1, which is no sentence".to_owned(),
        ),
    ];
    for (rules, reason) in cases {
        let outcome = outcome_of(rules);
        assert_eq!(outcome.reasons, [reason], "{rules}");
        assert_eq!((outcome.control.as_str(), outcome.result), ("VAL-001", OutcomeResult::Error), "{rules}");
        assert_eq!(Verdict::of(&[outcome]), Verdict::Deny, "{rules}");
    }
}

/// Millions of binary digits take seconds to become decimal ones, and no builtin looks at the clock.
fn slow_builtin() -> String {
    let digits = if cfg!(debug_assertions) { 2_000_000 } else { 16_000_000 };
    format!("count(sprintf(\"%d\", [bits.lsh(1, {digits})])) == 0")
}

#[test]
fn an_evaluation_without_an_end_is_an_error_in_time() {
    let limits = Limits { control_time: Duration::from_millis(100) };
    let loops = "some a in numbers.range(1, 9999)\n\tsome b in numbers.range(1, 9999)\n\ta * b == 0";
    let builtin = slow_builtin();
    let cases = [
        format!("violation contains 1 if {{\n\t{loops}\n}}\n"),
        format!("violation contains 1 if f(1)\nf(x) if {{\n\tx == 1\n\t{loops}\n}}\n"),
        format!("violation contains 1 if {builtin}\n"),
        format!("violation contains 1 if false\nnot_applicable contains \"r\" if {builtin}\n"),
    ];
    for rules in cases {
        let policies = checked(&format!("{HEADER}{rules}"), &[]);
        let start = Instant::now();
        let outcomes = policies.evaluate(&facts(), Tier::High, when(), &limits);
        assert!(start.elapsed() < Duration::from_secs(3), "{rules}: {:?}", start.elapsed());
        assert_eq!(outcomes.len(), 1, "{rules}");
        assert_eq!(outcomes[0].result, OutcomeResult::Error, "{rules}");
        assert_eq!(outcomes[0].reasons, ["the time limit of 100 ms is exceeded"], "{rules}");
    }
}

#[test]
fn one_control_that_hangs_does_not_take_the_others_with_it() {
    let other = HEADER.replace("VAL-001", "VAL-002").replace("A sample", "Another").replace("sample", "other");
    let other = format!("{other}{HARMLESS}");
    let controls = "  VAL-002: {enforcement: warn}\n  VAL-001: {enforcement: block}\n";
    let policies = checked(
        &format!("{HEADER}violation contains 1 if {}\n", slow_builtin()),
        &[("controls/validation/other/other.rego", &other), ("tiers/high.yaml", &profile("high", controls))],
    );
    let limits = Limits { control_time: Duration::from_millis(100) };
    let outcomes = policies.evaluate(&facts(), Tier::High, when(), &limits);
    let results: Vec<_> = outcomes.iter().map(|outcome| (outcome.control.as_str(), outcome.result)).collect();
    assert_eq!(results, [("VAL-001", OutcomeResult::Error), ("VAL-002", OutcomeResult::Pass)]);
}

#[test]
fn the_clock_is_the_effective_time() {
    let rules = "violation contains {\"subject\": time.format(time.now_ns()), \"message\": sprintf(\"%d\", [mocked])}\n\
                 mocked := x if x := time.now_ns() with time.now_ns as 7\n";
    let outcome = outcome_of(rules);
    assert_eq!(
        (outcome.findings[0].subject.as_str(), outcome.findings[0].message.as_str()),
        ("2026-11-23T00:00:00Z", "7")
    );
}

#[test]
fn every_control_sees_its_own_parameters() {
    let header = HEADER.replace(
        "#   waivable: true\n",
        "#   waivable: true\n#   parameters:\n#     least: {type: number, description: Least}\n",
    );
    let rules = "violation contains {\"subject\": \"a\", \"message\": \"m\", \"observed\": data.parameters.least}\n";
    let first = format!("{header}{rules}");
    let second = first.replace("VAL-001", "VAL-002").replace("A sample", "Another").replace("sample", "other");
    let controls = "  VAL-001: {enforcement: block, parameters: {least: 0.5}}\n  VAL-002: {enforcement: warn, parameters: {least: 7}}\n";
    let profiles = Tier::ALL.map(|tier| (format!("tiers/{tier}.yaml"), profile(tier.name(), controls)));
    let mut others: Vec<_> = profiles.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    others.push(("controls/validation/other/other.rego", second.as_str()));
    let outcomes = checked(&first, &others).evaluate(&facts(), Tier::Limited, when(), &Limits::default());
    let observed: Vec<_> = outcomes.iter().map(|outcome| outcome.findings[0].observed.clone()).collect();
    assert_eq!(observed, [json!(0.5), json!(7)]);
    assert_eq!(outcomes[0].parameters, *json!({"least": 0.5}).as_object().unwrap());

    let broken = [
        ("{}", "missing-parameter tiers/high.yaml:5:3"),
        ("{least: high}", "wrong-parameter-type tiers/high.yaml:5:53"),
        ("{least: 1, laest: 1}", "unknown-parameter tiers/high.yaml:5:56"),
    ];
    for (parameters, expected) in broken {
        let controls = format!("  VAL-001: {{enforcement: block, parameters: {parameters}}}\n");
        let high = profile("high", &controls);
        let mut others = others.clone();
        others.push(("tiers/high.yaml", high.as_str()));
        assert_eq!(refused(&first, &others), [expected], "{parameters}");
    }
}

#[test]
fn a_missing_section_is_a_finding_and_the_rules_are_not_asked() {
    for (need, pointer, key, present) in [
        ("artifacts", "/artifacts", "artifacts", json!([{}])),
        ("evaluations", "/evaluations", "evaluations", json!([{}])),
        ("monitoring", "/monitoring/files", "monitoring", json!([{}])),
        ("card", "/card", "card", json!({})),
        ("change", "/change", "change", json!({})),
    ] {
        let header = HEADER.replace("#   waivable: true\n", &format!("#   waivable: true\n#   needs: [{need}]\n"));
        let policies = checked(&format!("{header}violation contains to_number(\"asked\")\n"), &[]);
        let outcome = evaluate(&policies);
        assert_eq!(outcome.result, OutcomeResult::Fail, "{need}");
        assert_eq!(outcome.findings.len(), 1, "{need}");
        assert!(outcome.findings[0].message.ends_with(&format!("(`{key}`)")), "{}", outcome.findings[0].message);

        let mut facts = facts();
        *facts.pointer_mut(pointer).unwrap() = present;
        let outcomes = policies.evaluate(&facts, Tier::High, when(), &Limits::default());
        assert_eq!(outcomes[0].result, OutcomeResult::Error, "{need} is there, so the rule is asked");
    }
}

#[test]
fn a_control_that_is_not_yet_in_force_warns() {
    let header = HEADER.replace("#   waivable: true\n", "#   waivable: true\n#   effective_on: 2026-12-01\n");
    let policies = checked(&format!("{header}violation contains {{\"subject\": \"a\", \"message\": \"m\"}}\n"), &[]);
    for (day, enforcement, reasons) in [
        ("2026-11-30", Enforcement::Warn, vec!["enforced as `block` from 2026-12-01 on"]),
        ("2026-12-01", Enforcement::Block, vec![]),
        ("9999-12-31", Enforcement::Block, vec![]),
    ] {
        let when = EffectiveTime::parse(day).unwrap();
        let outcome = policies.evaluate(&facts(), Tier::High, when, &Limits::default()).remove(0);
        assert_eq!((outcome.result, outcome.enforcement), (OutcomeResult::Fail, enforcement), "{day}");
        assert_eq!(outcome.reasons, reasons, "{day}");
    }
    // Not being able to judge is no fail, and nothing makes it milder.
    let raises = checked(&format!("{header}violation contains to_number(\"x\")\n"), &[]);
    assert_eq!(Verdict::of(&[evaluate(&raises)]), Verdict::Deny);
}

#[test]
fn what_a_control_reports_is_bounded() {
    let outcome = outcome_of(
        "violation contains {\"subject\": sprintf(\"%04d\", [n]), \"message\": long} if {\n\
         \tsome n in numbers.range(1, 1500)\n}\n\
         long := concat(\"\", [\"é\" | some _ in numbers.range(1, 3000)])\n\
         violation contains {\"subject\": \"0000\", \"message\": \"m\", \"observed\": numbers.range(1, 20000)}\n",
    );
    assert_eq!(outcome.findings.len(), 1_001);
    assert_eq!(outcome.findings[0].observed, json!("a value of 108895 bytes"));
    assert_eq!(outcome.findings[1].message, format!("{}…", "é".repeat(2_000)));
    assert_eq!(outcome.findings[1_000].message, "there are 501 more findings");
}

#[test]
fn a_control_that_vanished_is_an_error() {
    let mut policies = checked(&format!("{HEADER}{HARMLESS}"), &[]);
    policies.controls.clear();
    let outcome = evaluate(&policies);
    assert_eq!((outcome.control.as_str(), outcome.result), ("VAL-001", OutcomeResult::Error));
    assert_eq!(outcome.reasons, ["there is no control `VAL-001` in the bundle"]);
    policies.profiles.tiers.clear();
    let outcomes = policies.evaluate(&facts(), Tier::High, when(), &Limits::default());
    assert_eq!(Verdict::of(&outcomes), Verdict::Deny);
}

#[test]
fn a_bundle_with_a_mistake_is_refused_with_its_place() {
    let sound = format!("{HEADER}{HARMLESS}");
    assert_eq!(refused(&sound, &[]), Vec::<String>::new());
    let at_start = |code: &str| vec![format!("{code} {CONTROL}:1:1")];
    for (control, expected) in [
        (format!("{HEADER}violation contains if\n"), vec![format!("policy-syntax {CONTROL}:10:20")]),
        (format!("{HEADER}{HARMLESS}x := $\"y\"\n"), vec![format!("policy-syntax {CONTROL}:13:6")]),
        (format!("{HEADER}{HARMLESS}x := \"{}\"\n", "y".repeat(1_100)), vec![format!("policy-syntax {CONTROL}:13:7")]),
        (format!("{HEADER}violation contains 1 if {{\n\tx > 1\n}}\n"), vec![format!("invalid-policy {CONTROL}:11:5")]),
        (format!("{HEADER}helper := 1\n"), at_start("no-violation-rule")),
        (format!("{HEADER}violations contains 1\n"), at_start("near-miss-rule-name")),
        (format!("{HEADER}Violation contains 1\n"), at_start("near-miss-rule-name")),
        (format!("{HEADER}deny contains \"x\"\n"), at_start("near-miss-rule-name")),
        (format!("{sound}not_applicables contains \"x\"\n"), at_start("near-miss-rule-name")),
        (sound.replace("# METADATA\n", ""), at_start("no-metadata")),
        (sound.replace("id: VAL-001", "id: VAL-1"), vec![format!("invalid-value {CONTROL}:5:9")]),
        (sound.replace("validation.sample", "validation.other"), vec![format!("wrong-package {CONTROL}:9:1")]),
        (
            sound.replace("package modelgate.controls", "package  parameters"),
            vec![format!("wrong-package {CONTROL}:9:1"), format!("reserved-package {CONTROL}:9:10")],
        ),
        // Written like the right one when its parts are joined by dots, and another package.
        (
            sound.replace("modelgate.controls.validation.sample", "modelgate[\"controls.validation\"].sample"),
            vec![format!("wrong-package {CONTROL}:9:1")],
        ),
    ] {
        assert_eq!(refused(&control, &[]), expected, "{control}");
    }
}

#[test]
fn a_file_that_is_out_of_place_is_refused() {
    let sound = format!("{HEADER}{HARMLESS}");
    let twin = sound.replace("sample\n", "twin\n");
    let controls = |controls: &str| profile("high", controls);
    let (unknown, empty, shadow) = (
        controls("  VAL-010: {enforcement: block}\n"),
        controls("  {}\n"),
        controls("  VAL-001: {enforcement: blok}\n"),
    );
    let wrong_tier = profile("critical", "  VAL-001: {enforcement: block}\n");
    for (path, text, expected) in [
        ("lib/a.rego", "package parameters\n", vec!["wrong-package lib/a.rego:1:1", "reserved-package lib/a.rego:1:9"]),
        ("lib/a.rego", " package bundle\n", vec!["wrong-package lib/a.rego:1:1", "reserved-package lib/a.rego:1:10"]),
        ("lib/deep/a.rego", "package modelgate.lib.deep.a\n", vec!["misplaced-policy lib/deep/a.rego:1:1"]),
        ("main.rego", "package main\ndeny contains \"x\"\n", vec!["misplaced-policy main.rego:1:1"]),
        (
            "data/a.rego",
            "package bundle.a\n",
            vec!["misplaced-policy data/a.rego:1:1", "reserved-package data/a.rego:1:9"],
        ),
        (
            "controls/validation/sample/other.rego",
            "package a\n",
            vec![
                "misplaced-policy controls/validation/sample/other.rego:1:1",
                "no-metadata controls/validation/sample/other.rego:1:1",
            ],
        ),
        ("lib/a_test.rego", "package modelgate.lib.a_test\ntest_x if {\n", vec!["policy-syntax lib/a_test.rego:3:1"]),
        ("controls/validation/twin/twin.rego", &twin, vec!["duplicate-control controls/validation/twin/twin.rego:1:1"]),
        (
            "modelgate.json",
            "{\"controls\": {\"validation\": {\"sample\": {\"violation\": []}}}}",
            vec!["data-clash modelgate.json:1:1"],
        ),
        (
            "controls/validation/sample/data.json",
            "{\"violation\": []}",
            vec!["data-clash controls/validation/sample/data.json:1:1"],
        ),
        ("tiers/high.yaml", &unknown, vec!["unknown-control tiers/high.yaml:5:3"]),
        ("tiers/high.yaml", &empty, vec!["empty-profile tiers/high.yaml:5:3"]),
        ("tiers/high.yaml", &shadow, vec!["unknown-value tiers/high.yaml:5:26"]),
        ("tiers/high.yaml", &wrong_tier, vec!["wrong-tier tiers/high.yaml:2:7"]),
        ("tiers/hihg.yaml", &wrong_tier, vec!["unknown-profile tiers/hihg.yaml:1:1"]),
        ("tiers/high.yml", &wrong_tier, vec!["unknown-profile tiers/high.yml:1:1"]),
        (
            "tiering/tiering.rego",
            "package modelgate.tiering\nreasons contains 1\n",
            vec!["no-tiering-rules tiering/tiering.rego:1:1"],
        ),
    ] {
        assert_eq!(refused(&sound, &[(path, text)]), expected, "{path}: {text}");
    }
}

#[test]
fn a_profile_and_the_tiering_rules_must_be_there() {
    let sound = format!("{HEADER}{HARMLESS}");
    let problems = PolicyBundle::of(&[(CONTROL, &sound)]).check(&schema()).err().unwrap();
    let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["no-tiering-rules", "missing-profile", "missing-profile", "missing-profile", "missing-profile"]);
}

#[test]
fn data_is_below_its_root_and_clashes_are_refused() {
    let control = format!(
        "{HEADER}violation contains {{\"subject\": \"a\", \"message\": data.bundle.teams.names[0]}} if data.bundle.limits.least == 1\n"
    );
    let policies = checked(&control, &[("data/teams/names.yaml", "[risk]\n"), ("data/limits.json", "{\"least\": 1}")]);
    assert_eq!(evaluate(&policies).findings[0].message, "risk");

    let sound = format!("{HEADER}{HARMLESS}");
    let clash = [("data/a.yaml", "{b: 1}"), ("data/a/b.json", "2")];
    assert_eq!(refused(&sound, &clash), ["data-clash data/a/b.json:1:1"]);
    let twice = [("data/a.yaml", "1"), ("data/a.json", "2")];
    assert_eq!(refused(&sound, &twice), ["data-clash data/a.yaml:1:1"]);
}

#[test]
fn the_tier_comes_with_its_reasons_or_not_at_all() {
    let control = format!("{HEADER}{HARMLESS}");
    let tier = |rules: &str, declared| {
        let rules = format!("package modelgate.tiering\n{rules}\n");
        let policies = checked(&control, &[("tiering/tiering.rego", rules.as_str())]);
        policies.tier(&json!({"name": "scores"}), &json!({"exposure": "public"}), declared, when())
    };
    let rule = "reason contains {\"rule\": \"TIER-A\", \"tier\": \"high\", \"reason\": \"it is public\"} if input.intake.exposure == \"public\"";
    let facts = tier(rule, Some(Tier::Minimal)).unwrap();
    let reason = TierReason { rule: "TIER-A".to_owned(), tier: Tier::High, reason: "it is public".to_owned() };
    let expected =
        TierFacts { computed: Tier::High, declared: Some(Tier::Minimal), effective: Tier::High, reasons: vec![reason] };
    assert_eq!(facts, expected);

    for (rules, message) in [
        ("reason contains x if some x in []", "no rule gives a reason for any tier"),
        ("reason contains {\"rule\": \"A\", \"tier\": \"hihg\", \"reason\": \"r\"}", "unknown variant `hihg`"),
        ("reason contains {\"rule\": \"A\", \"tier\": \"high\"}", "missing field `reason`"),
        (
            "reason contains {\"rule\": \"A\", \"tier\": \"high\", \"reason\": \"\"}",
            "a reason has no rule id or no text",
        ),
        ("reason := \"high\"", "invalid type: string"),
        ("reason := 1 if input.intake.exposure == \"internal\"", "is undefined"),
        ("reason contains to_number(\"x\")", "could not parse string as number"),
    ] {
        let problems = tier(rules, Some(Tier::Critical)).unwrap_err();
        assert_eq!(problems.len(), 1, "{rules}");
        assert!(problems[0].message.contains(message), "{rules}: {}", problems[0].message);
    }
}

#[test]
fn the_embedded_library_passes_its_checks_and_its_tests() {
    let library = PolicyBundle::embedded().unwrap();
    let run = testing::run(&library, &testing::TestOptions::default()).unwrap();
    let failures: Vec<_> = run.results.iter().filter(|result| result.failure.is_some()).collect();
    assert_eq!(failures, Vec::<&testing::TestResult>::new());
    let policies = match library.check(&schema()) {
        Ok(policies) => policies,
        Err(problems) => panic!("{problems:#?}"),
    };
    // A control that no tier runs is dead: it reads as a requirement, and asks nothing of anybody.
    for control in policies.controls() {
        let runs = Tier::ALL.iter().any(|tier| policies.profile(*tier).unwrap().controls.contains_key(&control.id));
        assert!(runs, "{} is in no profile", control.id);
    }
}

#[test]
fn a_deep_chain_of_rules_does_not_end_the_program() {
    let chain: String = (0..2_000).map(|n| format!("r{n} := r{}\n", n + 1)).collect();
    let rules = format!("violation contains {{\"subject\": \"a\", \"message\": r0}}\n{chain}r2000 := \"the end\"\n");
    assert_eq!(outcome_of(&rules).findings[0].message, "the end");
}

#[test]
fn the_same_facts_come_to_the_same_outcomes() {
    let rules = "violation contains {\"subject\": s, \"message\": m, \"observed\": {\"b\": 1, \"a\": 2}} if {\n\
                 \tsome s in {\"x\", \"y\", \"z\"}\n\tsome m in {\"1\", \"2\"}\n}\n";
    let policies = checked(&format!("{HEADER}{rules}"), &[]);
    let run = || serde_json::to_string(&evaluate(&policies)).unwrap();
    let first = run();
    assert!((0..20).all(|_| run() == first));
}

// What follows is about regorus itself: what the code above relies on or guards against. An upgrade that
// changes one of these wants the guard looked at again.

fn regorus_value(source: &str, data: &str, query: &str) -> Result<RegoValue, String> {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    engine.add_policy("p.rego".to_owned(), source.to_owned()).map_err(|error| error.to_string())?;
    engine.add_data_json(data).map_err(|error| error.to_string())?;
    engine.set_input(RegoValue::new_object());
    engine.eval_rule(query.to_owned()).map_err(|error| error.to_string())
}

#[test]
fn regorus_lets_data_shadow_a_rule() {
    let value = regorus_value("package a\nv contains 1", r#"{"a": {"v": []}}"#, "data.a.v").unwrap();
    assert_eq!(value, RegoValue::from_json_str("[]").unwrap(), "`data.bundle` guards against this");
}

#[test]
fn regorus_finds_an_unknown_function_when_it_is_reached_and_not_before() {
    let source = |condition: &str| format!("package a\nv contains 1 if {{\n\t{condition}\n\tno.such(1)\n}}\n");
    assert_eq!(regorus_value(&source("input.x"), "{}", "data.a.v").unwrap(), RegoValue::new_set());
    assert!(regorus_value(&source("true"), "{}", "data.a.v").unwrap_err().contains("could not find function no.such"));
}

#[test]
fn regorus_gives_an_empty_set_where_no_body_holds_and_undefined_for_a_complete_rule() {
    assert_eq!(regorus_value("package a\nv contains 1 if input.x", "{}", "data.a.v").unwrap(), RegoValue::new_set());
    assert_eq!(regorus_value("package a\nv := 1 if input.x", "{}", "data.a.v").unwrap(), RegoValue::Undefined);
    assert!(regorus_value("package a\nv := 1", "{}", "data.a.w").unwrap_err().contains("not a valid rule path"));
}

#[test]
fn regorus_keeps_the_first_of_two_defaults() {
    let value = regorus_value("package a\ndefault v := 1\ndefault v := 2\n", "{}", "data.a.v").unwrap();
    assert_eq!(value, RegoValue::from(1_i64), "the lint refuses it");
}

#[test]
fn regorus_orders_null_before_numbers_and_numbers_before_strings() {
    for (expression, holds) in
        [("null < 0.9", true), ("null > 0.1", false), ("\"0.5\" < 0.9", false), ("\"0.5\" > 0.9", true)]
    {
        let value = regorus_value(&format!("package a\nv := {expression}"), "{}", "data.a.v").unwrap();
        assert_eq!(value, RegoValue::from(holds), "{expression}");
    }
}

#[test]
fn regorus_has_neither_network_nor_environment() {
    for call in ["http.send({})", "opa.runtime()", "uuid.rfc4122(\"x\")"] {
        let error = regorus_value(&format!("package a\nv := {call}"), "{}", "data.a.v").unwrap_err();
        assert!(error.contains("could not find function"), "{call}: {error}");
    }
}

#[test]
fn there_is_no_chance() {
    let source = "package a\nv := rand.intn(\"x\", 9)";
    assert!(regorus_value(source, "{}", "data.a.v").is_ok(), "no feature leaves it out of regorus");
    let mut engine = Engine::new();
    engine.add_policy("p.rego".to_owned(), source.to_owned()).unwrap();
    engine::replace_builtins(&mut engine, when()).unwrap();
    assert!(engine.eval_rule("data.a.v".to_owned()).unwrap_err().to_string().contains("there is no chance in it"));
}

#[test]
fn our_ranges_are_those_of_the_builtins() {
    for expression in [
        "numbers.range(1, 4)",
        "numbers.range(4, 1)",
        "numbers.range(2, 2)",
        "numbers.range(-2, 1)",
        "numbers.range_step(0, 10, 3)",
        "numbers.range_step(10, 0, 3)",
        "numbers.range_step(0, 0, 5)",
    ] {
        let source = format!("package a\nv := {expression}");
        let builtin = regorus_value(&source, "{}", "data.a.v").unwrap();
        let mut engine = Engine::new();
        engine.add_policy("p.rego".to_owned(), source).unwrap();
        engine::replace_builtins(&mut engine, when()).unwrap();
        assert_eq!(engine.eval_rule("data.a.v".to_owned()).unwrap(), builtin, "{expression}");
    }
    for call in [
        "numbers.range(0, 1000000)",
        "numbers.range(0.5, 2)",
        "numbers.range_step(0, 9, 0)",
        "numbers.range_step(0, 9, -1)",
    ] {
        let mut engine = Engine::new();
        engine.add_policy("p.rego".to_owned(), format!("package a\nv := {call}")).unwrap();
        engine::replace_builtins(&mut engine, when()).unwrap();
        assert!(engine.eval_rule("data.a.v".to_owned()).is_err(), "{call}");
    }
}

#[test]
fn the_recorded_version_of_regorus_is_the_pinned_one() {
    let manifest = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    assert!(manifest.contains(&format!("regorus = {{ version = \"={REGORUS_VERSION}\"")));
}

/// What a control says of its tiers, and where a tier, a group or a model departs from it.
#[test]
fn profiles_depart_from_what_controls_say_only_where_they_say_so() {
    let control = format!("{HEADER}{HARMLESS}").replace(
        "#   waivable: true\n",
        "#   waivable: true\n#   parameters:\n#     minimum: {type: number, description: Least value}\n",
    );
    let control = format!("{control}least := data.parameters.minimum\n");
    let own = "version: 1\ntiers:\n  minimal: {enforcement: warn, parameters: {minimum: 1}}\n  limited: {enforcement: warn, parameters: {minimum: 1}}\n  high: {enforcement: condition, by_jurisdiction: {US: shadow}, parameters: {minimum: 2}}\n  critical: {enforcement: block, parameters: {minimum: 3}}\n";
    let empty = |tier: &str| format!("version: 1\ntier: {tier}\ncondition_days: 30\n");
    let critical = format!("{}groups: {{all: {{enforcement: shadow}}}}\n", empty("critical"));
    let high = format!("{}controls: {{VAL-001: {{parameters: {{minimum: 5}}}}}}\n", empty("high"));
    let model = "version: 1\nmodel: scores\nreason: It is small.\ncontrols: {VAL-001: {enforcement: block}}\n";
    let others: [(&str, &str); 7] = [
        ("controls/validation/sample/tiers.yaml", own),
        ("tiers/minimal.yaml", &empty("minimal")),
        ("tiers/limited.yaml", &empty("limited")),
        ("tiers/high.yaml", &high),
        ("tiers/critical.yaml", &critical),
        ("groups/all.yaml", "version: 1\ntitle: All\ncontrols: [VAL-001]\n"),
        ("models/scores.yaml", model),
    ];
    let policies = checked(&control, &others);
    let of = |tier: Tier, model: &str, place: &str| {
        let facts = json!({"model": {"name": model}, "intake": {"jurisdictions": [place]}});
        let mut outcomes = policies.evaluate(&facts, tier, when(), &Limits::default());
        let outcome = outcomes.remove(0);
        (outcome.enforcement, outcome.parameters["minimum"].clone(), outcome.departures)
    };
    assert_eq!(of(Tier::Minimal, "other", "EU"), (Enforcement::Warn, json!(1), vec![]));
    let departs = |what: &str| vec![what.to_owned()];
    let by_tier = "the tier says it of this control";
    assert_eq!(of(Tier::High, "other", "EU"), (Enforcement::Condition, json!(5), departs(by_tier)));
    assert_eq!(of(Tier::High, "other", "US-NY"), (Enforcement::Shadow, json!(5), departs(by_tier)));
    let by_group = "the tier says it of the group `all`";
    assert_eq!(of(Tier::Critical, "other", "EU"), (Enforcement::Shadow, json!(3), departs(by_group)));
    let both = vec![by_tier.to_owned(), "models/scores.yaml: It is small.".to_owned()];
    assert_eq!(of(Tier::High, "scores", "EU"), (Enforcement::Block, json!(5), both));

    let refused_with = |path: &str, text: &str| {
        let mut changed: Vec<(&str, &str)> = others.iter().filter(|(known, _)| *known != path).copied().collect();
        changed.push((path, text));
        refused(&control, &changed)
    };
    let excluded = format!("{}excludes: {{VAL-001: It is covered elsewhere.}}\n", empty("high"));
    assert_eq!(refused_with("tiers/high.yaml", &excluded), ["empty-profile tiers/high.yaml:1:1"]);
    let unknown = high.replace("VAL-001", "VAL-002");
    assert_eq!(refused_with("tiers/high.yaml", &unknown), ["unknown-control tiers/high.yaml:4:12"]);
    let group = critical.replace("all:", "al:");
    assert_eq!(refused_with("tiers/critical.yaml", &group), ["unknown-group tiers/critical.yaml:4:10"]);
    let place = own.replace("{US:", "{USA:");
    let file = "controls/validation/sample/tiers.yaml";
    assert_eq!(refused_with(file, &place), [format!("invalid-jurisdiction {file}:5:52")]);
    let parameter = own.replace("minimum: 2", "minimum: a");
    assert_eq!(refused_with(file, &parameter), [format!("wrong-parameter-type {file}:5:87")]);
    let model = model.replace("enforcement: block", "parameters: {maximum: 1}");
    assert_eq!(refused_with("models/scores.yaml", &model), ["unknown-parameter models/scores.yaml:4:35"]);
}

#[test]
fn the_keys_that_may_sign_models_are_named_once_each() {
    let sound = format!("{HEADER}{HARMLESS}");
    let signer = |name: &str| format!("version: 1\nname: {name}\npublic_key: k\n");
    let (b, a) = (signer("b@example.com"), signer("a@example.com"));
    let policies = checked(&sound, &[("signers/1.yaml", &b), ("signers/2.yaml", &a)]);
    let names: Vec<&str> = policies.model_signers().iter().map(|signer| signer.name.as_str()).collect();
    assert_eq!(names, ["a@example.com", "b@example.com"]);
    let twice = refused(&sound, &[("signers/1.yaml", &a), ("signers/2.yaml", &a)]);
    assert_eq!(twice, ["duplicate-name signers/2.yaml:1:1"]);
    let unknown = refused(&sound, &[("signers/1.yaml", "version: 1\nname: x\nkey: k\n")]);
    assert_eq!(unknown.len(), 2, "{unknown:?}");
}
