//! Reports for people and for forges, and documents for review boards from what was recorded.

use crate::common::Sandbox;

/// A sandbox with a recorded decision about `release`, and the key of its run.
fn recorded(release: &str, code: i32) -> (Sandbox, String) {
    let sandbox = Sandbox::with(release);
    let outputs = "--output html=page.html --output code-quality=quality.json --output sarif=a.sarif \
                   --output junit=a.xml --output markdown=a.md --output json=a.json";
    sandbox.run(&format!("check release {outputs}")).expect(code);
    let report: serde_json::Value = serde_json::from_str(&sandbox.read("a.json")).unwrap();
    let run = report.pointer("/evidence/recorded/run").and_then(serde_json::Value::as_str).unwrap().to_owned();
    (sandbox, run)
}

#[test]
fn one_run_writes_every_report() {
    let (sandbox, run) = recorded("denied", 1);
    let page = sandbox.read("page.html");
    for part in
        ["<title>Denied: ", "id=\"evaluation-1-roc-title\"", "Monitoring coverage", "Regulation (EU) 2024/1689", &run]
    {
        assert!(page.contains(part), "{part} is not in the page");
    }
    let issues: Vec<serde_json::Value> = serde_json::from_str(&sandbox.read("quality.json")).unwrap();
    assert!(issues.iter().any(|issue| issue["severity"] == "critical" || issue["severity"] == "blocker"));
    for file in ["a.sarif", "a.xml", "a.md"] {
        assert!(!sandbox.read(file).is_empty(), "{file}");
    }
    // Again is the same run, with the same bytes but for the note that it was recorded before.
    sandbox.run("check release --output html=again.html --output code-quality=again.json").expect(1);
    assert_eq!(sandbox.read("again.html"), page);
    assert_eq!(sandbox.read("again.json"), sandbox.read("quality.json"));
}

#[test]
fn forges_find_files_from_the_root_of_the_repository() {
    let sandbox = Sandbox::with("denied");
    std::fs::create_dir(sandbox.path(".git")).unwrap();
    sandbox.run("check release --output code-quality=quality.json --output sarif=a.sarif").expect(1);
    let issues: Vec<serde_json::Value> = serde_json::from_str(&sandbox.read("quality.json")).unwrap();
    for issue in &issues {
        let path = issue["location"]["path"].as_str().unwrap();
        assert!(sandbox.path(path).is_file(), "{path}");
    }
    assert!(sandbox.read("a.sarif").contains("\"uri\": \"release/"));
}

#[test]
fn documents_are_written_from_the_store() {
    let (sandbox, run) = recorded("conditional", 0);
    let start = run.get(..12).unwrap();
    let whole = sandbox.run(&format!("report assessment {run}")).expect(0).stdout;
    for part in [
        "# Model Risk Assessment: german-credit-default 1.3.0",
        "**Recommendation: Approve on conditions.**",
        "### Limitations",
        "| Independent validator | model-validation",
        "condition of approval",
        "#### Subgroups of holdout",
        "| Threat model |",
    ] {
        assert!(whole.contains(part), "{part} is not in\n{whole}");
    }
    assert_eq!(sandbox.run(&format!("report assessment {start}")).expect(0).stdout, whole);
    assert_eq!(sandbox.run("report assessment a.json").expect(0).stdout, whole);
    sandbox.run(&format!("report assessment {start} --format html --output a.html")).expect(0);
    assert!(sandbox.read("a.html").contains("<h1>german-credit-default 1.3.0</h1>"));
    let memo = sandbox.run(&format!("report memo {start}")).expect(0).stdout;
    assert!(memo.starts_with("# Memo: german-credit-default 1.3.0\n"), "{memo}");
    assert!(memo.len() < 6_000, "{}", memo.len());
}

#[test]
fn what_cannot_be_found_is_said() {
    let (sandbox, run) = recorded("approved", 0);
    let mut other = run.clone();
    other.replace_range(..4, if run.starts_with("0000") { "1111" } else { "0000" });
    sandbox.run(&format!("report memo {other}")).expect(2).says(&["unknown-run", "hint"]);
    sandbox.run("report memo xyz").expect(2).says(&["unknown-run", "model@version"]);
    sandbox.run("report memo none/at/all").expect(2).says(&["unknown-run"]);
    sandbox.run(&format!("report memo {run} --store elsewhere")).expect(2).says(&["no-store", "--store"]);
    assert!(!sandbox.path("elsewhere").exists());
    sandbox.write("b.json", "{\"evidence\": {\"recorded\": null}}");
    sandbox.run("report memo b.json").expect(2).says(&["not-a-report", "was not stored"]);
    sandbox.write("b.json", "no json");
    sandbox.run("report memo b.json").expect(2).says(&["not-a-report"]);
    sandbox.run(&format!("report memo {run} --output none/x.md")).expect(4).says(&["report-file"]);
}

#[test]
fn a_changed_record_is_no_document() {
    let (sandbox, run) = recorded("approved", 0);
    sandbox.tampers();
    let report: serde_json::Value = serde_json::from_str(&sandbox.read("a.json")).unwrap();
    let facts = report["evidence"]["facts_sha256"].as_str().unwrap();
    let blob = format!(".modelgate/store/v1/blobs/sha256/{}/{facts}", facts.get(..2).unwrap());
    let text = sandbox.read(&blob);
    sandbox.write(&blob, text.replace("\"holdout\"", "\"hold0ut\""));
    sandbox.run(&format!("report assessment {run}")).expect(3).says(&["damaged"]);
    std::fs::remove_file(sandbox.path(&blob)).unwrap();
    sandbox.run(&format!("report assessment {run}")).expect(3).says(&["incomplete-record", "facts.json"]);
}
