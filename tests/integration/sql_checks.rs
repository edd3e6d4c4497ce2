//! Queries of the manifest and of the policy bundle over the rows.

use serde_json::{Value, json};

use crate::common::Sandbox;

const MANIFEST: &str = "release/modelgate.yaml";

fn with_checks(checks: &str) -> Sandbox {
    let sandbox = Sandbox::with("approved");
    sandbox.edit(MANIFEST, "    claims:\n", &format!("    sql_checks:\n{checks}    claims:\n"));
    sandbox
}

fn answers(facts: &Value) -> Vec<Value> {
    facts.pointer("/evaluations/0/sql_checks").unwrap().as_array().unwrap().clone()
}

#[test]
fn answers_are_facts() {
    let sandbox = with_checks(
        "      - name: young\n        query: |\n          SELECT age_band, count(*) AS applicants, avg(probability) AS mean\n          FROM evaluation\n          WHERE age_band = '18-25'\n          GROUP BY age_band\n        columns: {age_band: text, applicants: integer, mean: number}\n\
         \x20     - name: also-in-training\n        query: SELECT count(*) AS n FROM evaluation e JOIN reference r ON e.id = r.id\n        columns: {n: integer}\n\
         \x20     - name: parts\n        query: SELECT sum(label) AS positives FROM parts\n        columns: {positives: integer}\n",
    );
    let facts = sandbox.run("facts release").expect(0).json();
    let answers = answers(&facts);
    let names: Vec<_> = answers.iter().map(|answer| answer["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["also-in-training", "parts", "young"]);
    assert_eq!(answers[0]["rows"], json!([{"n": 0}]));
    assert_eq!(answers[1]["rows"], json!([{"positives": 151}]));
    assert_eq!((&answers[2]["status"], &answers[2]["source"]), (&json!("ok"), &json!("manifest")));
    assert_eq!(answers[2]["rows"][0]["applicants"], 107);
    sandbox.run("check release").expect(0);
}

#[test]
fn a_query_without_an_answer_blocks() {
    let sandbox = with_checks(
        "      - {name: forever, seconds: 1, columns: {n: integer}, query: 'SELECT count(*) AS n FROM generate_series(1, 1000000000) a, generate_series(1, 1000000000) b'}\n\
         \x20     - {name: huge, columns: {n: integer}, query: \"SELECT length(repeat('x', 100000000000)) AS n\"}\n\
         \x20     - {name: absent, columns: {n: integer}, query: SELECT income AS n FROM evaluation}\n",
    );
    let facts = sandbox.run("facts release").expect(0).json();
    let reasons: Vec<_> =
        answers(&facts).iter().map(|answer| answer["reason"].as_str().unwrap_or_default().to_owned()).collect();
    let [absent, forever, huge] = reasons.try_into().unwrap();
    assert!(absent.contains("No field named income"), "{absent}");
    assert_eq!(forever, "the query took longer than its 1 s");
    assert!(!huge.is_empty(), "an answer of a hundred gigabytes");
    let ran = sandbox.run("check release").expect(1);
    assert!(ran.stdout.contains("VAL-018"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("evaluation/holdout/forever: the query has no answer: the query took longer than its 1 s")
    );
}

#[test]
fn what_a_check_declares_is_checked() {
    let sandbox = with_checks(
        "      - {name: a, columns: {n: integer}, nullable: [m], query: SELECT 1 AS n}\n      - {name: a, columns: {n: integer}, query: SELECT 1 AS n}\n      - {name: b, columns: {n: whole}, query: SELECT 1 AS n}\n",
    );
    sandbox.run("facts release").expect(2).says(&["`evaluations[0].sql_checks[2].columns.n` is the string `whole`"]);
    sandbox.edit(MANIFEST, "whole", "integer");
    sandbox.run("facts release").expect(2).says(&[
        "error[duplicate-name]",
        "error[unknown-column]",
        "`m` is not among",
    ]);
}

#[test]
fn a_bundle_asks_every_evaluation_of_its_tasks() {
    let sandbox = Sandbox::with("approved");
    let library = crate::common::checkout().join("policies");
    crate::common::copy_tree(&library, &sandbox.path("policies"));
    let query = |name: &str, tasks: &str| {
        format!(
            "version: 1\ntasks: [{tasks}]\ncheck:\n  name: {name}\n  query: SELECT count(DISTINCT score) AS scores FROM parts\n  columns: {{scores: integer}}\n"
        )
    };
    sandbox.write("policies/sql/scores.yaml", query("scores", "binary-classification"));
    sandbox.write("policies/sql/queries.yaml", query("queries", "ranking"));
    sandbox.run("policy check policies").expect(0);
    sandbox.run("check release --policies policies").expect(0);
    let store = sandbox.run("facts release --policies policies").expect(0).json();
    let asked = answers(&store);
    assert_eq!(asked.len(), 1);
    assert_eq!((&asked[0]["name"], &asked[0]["source"]), (&json!("scores"), &json!("policies")));
    assert_eq!(asked[0]["rows"], json!([{"scores": 500}]));
    sandbox.write("policies/sql/again.yaml", query("scores", "ranking"));
    sandbox.write("policies/sql/wrong.yaml", "version: 1\ncheck: {name: w, query: SELECT 1 AS n, columns: {}}\n");
    sandbox.run("policy check policies").expect(2).says(&["error[duplicate-name]", "policies/sql/wrong.yaml"]);
}
