//! Questions to the store: which runs it has, and what it knows of one.

use std::fs;

use serde_json::Value;

use crate::common::{Sandbox, checkout, copy_tree};

/// A store with a denial, a conditional approval, and a second run of the same version on another day.
fn sandbox_with_runs() -> Sandbox {
    let sandbox = Sandbox::new();
    for release in ["denied", "approved"] {
        copy_tree(&checkout().join("fixtures/credit-scoring").join(release), &sandbox.path(release));
    }
    sandbox.run("check denied --effective-time 2999-01-31").expect(1);
    sandbox.run("check approved --effective-time 2999-01-31").expect(0);
    sandbox.run("check approved --effective-time 2999-02-01").expect(0);
    sandbox
}

fn sequences(document: &Value) -> Vec<u64> {
    document["runs"].as_array().unwrap().iter().map(|run| run["sequence"].as_u64().unwrap()).collect()
}

#[track_caller]
fn assert_fits(document: &Value, schema: &str) {
    let schema = fs::read_to_string(checkout().join("docs/schema").join(schema)).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<_> = schema.iter_errors(document).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn runs_are_listed_found_and_shown() {
    let sandbox = sandbox_with_runs();
    let log = sandbox.run("store log --json").expect(0).json();
    assert_eq!((sequences(&log), &log["entries"]), (vec![2, 1, 0], &Value::from(3)));
    assert_fits(&log, "store-runs-v1.schema.json");
    assert_eq!(sequences(&sandbox.run("store log --limit 1 --json").expect(0).json()), [2]);
    let text = sandbox.run("store log").expect(0).stdout;
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].trim_start().starts_with("seq  time"), "{text}");
    assert!(lines[1].contains("2999-02-01T00:00:00Z  conditional") && lines[3].contains("deny"), "{text}");

    let ask = |question: &str| {
        let found = sandbox.run(&format!("store find --json {question}")).expect(0).json();
        assert_fits(&found, "store-runs-v1.schema.json");
        sequences(&found)
    };
    let questions: [(&str, &[u64]); 9] = [
        ("", &[2, 1, 0]),
        ("--model german-*", &[2, 1, 0]),
        ("--model german", &[]),
        ("--decision conditional --tier high", &[2, 1]),
        ("--decision deny", &[0]),
        ("--since 2999-02-01", &[2]),
        ("--until 2999-01-31 --model *default", &[1, 0]),
        ("--subject denied/model/model.pkl", &[0]),
        ("--subject sha256:0000000000000000000000000000000000000000000000000000000000000000", &[]),
    ];
    for (question, expected) in questions {
        assert_eq!(ask(question), expected, "{question}");
    }
    sandbox.run("store index").expect(0);
    for (question, expected) in questions {
        assert_eq!(ask(question), expected, "{question}, by the index");
        assert_eq!(ask(&format!("--no-index {question}")), expected, "{question}, by the log");
    }
    assert!(sandbox.run("store index").expect(0).stdout.contains("all of 3 runs"));

    let run = log["runs"][0]["run"].as_str().unwrap();
    for name in ["2", run, &run[..12], "german-credit-default@1.4.0"] {
        let shown = sandbox.run(&format!("store show {name} --json")).expect(0).json();
        assert_eq!(shown["run"]["run"], run, "{name}");
        assert_fits(&shown, "store-run-v1.schema.json");
        let kinds: Vec<_> = shown["blobs"].as_array().unwrap().iter().map(|blob| blob["kind"].clone()).collect();
        let evidence = ["verdict", "evaluation", "facts", "decision-record"];
        assert_eq!(kinds, [&evidence[..], &["policies", "public-key", "inputs", "model-signature"]].concat());
    }
    // The commands that it names work.
    let text = sandbox.run("store show 2").expect(0).stdout;
    let commands: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("modelgate ")).collect();
    assert_eq!(commands.len(), 2, "{text}");
    for command in commands {
        // A verdict as of a day to come is refused by its date, when everything else holds.
        let command = command.replace("PUBLIC-KEY", ".modelgate/evidence/public-key.pem");
        sandbox.run(&command).expect(1).says(&["2999-02-01T00:00:00Z, which has not come yet"]);
    }
}

#[test]
fn what_cannot_be_answered_is_said() {
    let sandbox = sandbox_with_runs();
    sandbox.tampers();
    sandbox.run("store log --store nowhere").expect(2).says(&["no store at `nowhere`"]);
    assert!(!sandbox.path("nowhere").exists());
    sandbox.run("store show 7").expect(2).says(&["no run `7`", "store log"]);
    sandbox.run("store show x").expect(2).says(&["model@version"]);
    sandbox.run("store find --model [").expect(2).says(&["`--model [`"]);
    sandbox.run("store find --subject sha256:12").expect(2).says(&["64"]);
    sandbox.run("store find --subject nothing.bin").expect(2).says(&["nothing.bin"]);
    sandbox.run("store find --since soon").expect(2).says(&["RFC 3339"]);
    sandbox.run("store find --decision maybe").expect(2).says(&["approve, conditional and deny"]);

    sandbox.run("store index").expect(0);
    fs::remove_file(sandbox.path(".modelgate/store/v1/log/entry/000000000002")).unwrap();
    for question in ["store find", "store index"] {
        sandbox.run(question).expect(3).says(&["its end was cut off", "2 entries, and 3 were indexed"]);
    }
    let shown = sandbox.run("store show 0 --json").expect(0).json();
    fs::remove_file(sandbox.path(shown["blobs"][2]["object"].as_str().unwrap())).unwrap();
    let ran = sandbox.run("store show 0").expect(3).says(&["missing or damaged"]);
    assert!(ran.stdout.contains("MISSING"), "{}", ran.stdout);
    let entry = sandbox.path(".modelgate/store/v1/log/entry/000000000000");
    fs::write(&entry, fs::read_to_string(&entry).unwrap().replace("deny", "approve")).unwrap();
    sandbox.run("store log").expect(3).says(&["000000000001", "`previous`"]);
}
