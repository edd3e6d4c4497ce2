//! Rego as OPA documents it, case by case, by the engine as modelgate sets it up.
//!
//! The cases in `tests/conformance/` have the shape of OPA's own: `note`, `module` or `modules`, `data`, `input`,
//! `query` (by default `data.test.p`), and what is wanted: `want_result`, `want_error` (a part of the message) or
//! `want_undefined`. A module without a `package` is of the package `test`. Builtin errors are errors, as under
//! OPA's `--strict-builtin-errors`.
//!
//! Where the engine is known to differ, the wanted outcome is the engine's, and `differs` says what OPA gives: an
//! upgrade that changes either is seen.

use std::collections::BTreeSet;
use std::fs;

use modelgate::document::Document;
use modelgate::policy::conformance::evaluate;
use serde_json::{Value, json};

use crate::common::checkout;

const KEYS: [&str; 10] =
    ["note", "module", "modules", "data", "input", "query", "want_result", "want_error", "want_undefined", "differs"];

/// Every case of every file, with the file's name before its note.
fn cases() -> Vec<Value> {
    let mut paths: Vec<_> =
        fs::read_dir(checkout().join("tests/conformance")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let document = Document::parse(stem, &text).unwrap_or_else(|problems| panic!("{stem}: {problems:?}"));
        for case in document.value()["cases"].as_array().unwrap() {
            let mut case = case.as_object().unwrap().clone();
            let note = format!("{stem}/{}", case.get("note").and_then(Value::as_str).unwrap());
            case.insert("note".to_owned(), json!(note));
            cases.push(Value::Object(case));
        }
    }
    cases
}

fn modules(case: &Value) -> Vec<String> {
    let texts = case["modules"].as_array().cloned().unwrap_or_else(|| vec![case["module"].clone()]);
    let with_package = |module: &Value| {
        let text = module.as_str().unwrap();
        let has_package = text.lines().any(|line| line.starts_with("package "));
        if has_package { text.to_owned() } else { format!("package test\n\n{text}\n") }
    };
    texts.iter().map(with_package).collect()
}

/// What the engine comes to: a result, `error` or `undefined`.
fn outcome(case: &Value) -> Value {
    let modules = modules(case);
    let modules: Vec<&str> = modules.iter().map(String::as_str).collect();
    let object = |key: &str| case.get(key).cloned().unwrap_or_else(|| json!({}));
    let query = case["query"].as_str().unwrap_or("data.test.p");
    match evaluate(&modules, &object("data"), &object("input"), query) {
        Ok(value) => json!({"result": value}),
        Err(message) if message.ends_with("is undefined") => json!({"undefined": true}),
        Err(message) => json!({"error": message}),
    }
}

/// Numbers are equal by value: `1` and `1.0` are the same to Rego.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}

/// Whether `outcome` is what the entries `want_…` ask for.
fn is_wanted(case: &Value, outcome: &Value) -> bool {
    if let Some(result) = case.get("want_result") {
        return outcome.get("result").is_some_and(|value| same(value, result));
    }
    if let Some(part) = case.get("want_error") {
        return outcome["error"].as_str().is_some_and(|message| message.contains(part.as_str().unwrap()));
    }
    outcome.get("undefined").is_some()
}

/// Whether OPA, by `differs`, gives the same as what is wanted of the engine.
fn agrees(case: &Value, differs: &Value) -> bool {
    match differs.get("error") {
        // Messages are each one's own.
        Some(_) => case.get("want_error").is_some(),
        None => is_wanted(case, differs),
    }
}

#[test]
fn the_engine_gives_what_opa_gives_or_differs_as_it_is_known_to() {
    let cases = cases();
    assert!(cases.len() >= 120, "{} cases", cases.len());
    let mut failed = Vec::new();
    for case in &cases {
        let outcome = outcome(case);
        if !is_wanted(case, &outcome) {
            failed.push(format!("{}: {outcome}", case["note"].as_str().unwrap()));
        }
    }
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

#[test]
fn every_case_is_well_formed() {
    let mut notes = BTreeSet::new();
    for case in cases() {
        let note = case["note"].as_str().unwrap().to_owned();
        for key in case.as_object().unwrap().keys() {
            assert!(KEYS.contains(&key.as_str()), "{note}: unknown key `{key}`");
        }
        let wants = case.as_object().unwrap().keys().filter(|key| key.starts_with("want_")).count();
        assert_eq!(wants, 1, "{note}: one of want_result, want_error and want_undefined");
        assert!(case.get("want_error").is_none_or(|part| part.as_str().is_some_and(|part| !part.is_empty())), "{note}");
        assert!(case.get("want_undefined").is_none_or(|wanted| wanted == true), "{note}");
        assert_ne!(case.get("module").is_some(), case.get("modules").is_some(), "{note}: module or modules");
        if let Some(differs) = case.get("differs") {
            assert!(!agrees(&case, differs), "{note}: that is no difference");
        }
        assert!(notes.insert(note.clone()), "{note} occurs twice");
    }
}

/// A case that no outcome fails would prove nothing.
#[test]
fn every_case_can_fail() {
    for case in cases() {
        let others = [
            json!({"result": "something else"}),
            json!({"result": null}),
            json!({"error": "something else"}),
            json!({"undefined": true}),
        ];
        let failing = others.iter().filter(|outcome| !is_wanted(&case, outcome)).count();
        assert!(failing >= others.len() - 1, "{}", case["note"]);
    }
    assert!(!same(&json!([1, 2]), &json!([1])) && !same(&json!({"a": 1}), &json!({"b": 1})));
    assert!(!same(&json!(1), &json!("1")) && same(&json!([{"a": 1}]), &json!([{"a": 1.0}])));
}
