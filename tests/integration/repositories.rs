//! What files of a release say together, and secrets in them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{Ran, Sandbox};

/// Adds files below `release/hub/` to the artifacts of the approved release.
fn with_files(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::with("approved");
    let artifact = "artifacts:\n";
    sandbox.edit("release/modelgate.yaml", artifact, &format!("{artifact}  - {{path: hub/**, role: configuration}}\n"));
    for (path, text) in files {
        sandbox.write(&format!("release/hub/{path}"), text);
    }
    sandbox
}

fn outcome<'a>(report: &'a Value, control: &str) -> &'a Value {
    let outcomes = report["outcomes"].as_array().unwrap();
    outcomes.iter().find(|outcome| outcome["control"] == control).unwrap()
}

/// Every file below a directory that has a text in it.
fn files_with(directory: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(text) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_secret_denies_the_release_and_is_shown_nowhere() {
    // In pieces, so that no scanner of this repository takes it for one.
    let token = concat!("hf_", "qXwTbLmZkPvRsNdYhJcFgVaKoEiUyQtBnM");
    let password = concat!("Tr0ub4dor", "Zx9qLw");
    let notebook = format!(
        r#"{{"nbformat": 4, "nbformat_minor": 5, "metadata": {{}}, "cells": [{{"cell_type": "code", "metadata": {{}},
            "source": [], "outputs": [{{"name": "stdout", "text": ["logged in with {token}\n"]}}]}}]}}"#
    );
    let sandbox = with_files(&[("train.ipynb", &notebook)]);
    sandbox.edit("release/MODEL_CARD.md", "---\n", &format!("---\nhub_token: {token}\n"));
    sandbox.edit(
        "release/modelgate.yaml",
        "  purpose: >-\n",
        &format!("  purpose: >-\n    At https://ci:{password}@host.example/. "),
    );
    let facts = sandbox.run("facts release").expect(0);
    let secrets = &facts.json()["supply_chain"]["secrets"];
    let expected = serde_json::json!([
        {"path": "MODEL_CARD.md", "line": 2, "rule": "hugging-face-token"},
        {"path": "hub/train.ipynb", "line": 2, "rule": "hugging-face-token"},
        {"path": "modelgate.yaml", "line": 11, "rule": "password-in-url"},
    ]);
    assert_eq!(secrets, &expected);
    assert_eq!(facts.json()["card"]["front_matter"]["hub_token"], "***");
    let shows = |ran: &Ran, text: &str| ran.stdout.contains(text) || ran.stderr.contains(text);
    assert!(!shows(&facts, token) && !shows(&facts, password));
    let before = files_with(sandbox.path("").as_path(), token).len();
    let ran = sandbox
        .run("check release --output json --output sarif=r.sarif --output markdown=r.md --output junit=r.xml")
        .expect(1);
    assert!(!shows(&ran, token) && !shows(&ran, password));
    let report = ran.json();
    assert_eq!(outcome(&report, "SEC-004")["result"], "fail");
    assert_eq!(outcome(&report, "SEC-004")["findings"].as_array().unwrap().len(), 3);
    // Neither the reports nor the evidence have it.
    assert!(sandbox.path("r.sarif").is_file());
    assert_eq!(files_with(sandbox.path("").as_path(), token).len(), before);
    assert!(!shows(&sandbox.run("explain SEC-004 --release release"), token));
}

#[test]
fn code_of_its_own_is_released_with_the_model() {
    let config =
        r#"{"auto_map": {"AutoModel": "modeling_x.XModel"}, "model_type": "x", "transformers_version": "4.57.0"}"#;
    let judged = |files: &[(&str, &str)]| {
        let report = with_files(files).run("check release --output json").json();
        ["ART-002", "ART-010"].map(|control| outcome(&report, control)["result"].as_str().unwrap().to_owned())
    };
    assert_eq!(judged(&[("config.json", config)]), ["fail", "fail"]);
    assert_eq!(judged(&[("config.json", config), ("modeling_x.py", "class XModel:\n    pass\n")]), ["pass", "pass"]);
    let elsewhere = config.replace("modeling_x.XModel", "owner/x--modeling_x.XModel");
    assert_eq!(judged(&[("config.json", &elsewhere), ("modeling_x.py", "x = 1\n")]), ["fail", "fail"]);
    assert_eq!(judged(&[("config.json", "{\"model_type\": \"bert\"}")]), ["pass", "not-applicable"]);
}
