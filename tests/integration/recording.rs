//! Evidence: signed, stored once, verified, and never lost.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::Sandbox;

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { pending.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// The verdict bundle that a check wrote.
fn verdict(sandbox: &Sandbox) -> String {
    let files = files_below(&sandbox.path(".modelgate/evidence"));
    let bundle = files.iter().find(|file| file.to_string_lossy().ends_with(".verdict.sigstore.json"));
    bundle.unwrap_or_else(|| panic!("no verdict among {files:?}")).to_str().unwrap().to_owned()
}

const PUBLIC_KEY: &str = "home/.config/modelgate/local-signing-key.pem.pub";

#[test]
fn an_approval_verifies_for_its_artifact_and_for_no_other() {
    let sandbox = Sandbox::with("approved");
    sandbox.run("check release").expect(0);
    let bundle = verdict(&sandbox);
    let verify = |artifact: &str, more: &str| {
        sandbox.run(&format!("verify {bundle} --key {PUBLIC_KEY} --artifact {artifact} {more}"))
    };
    verify("release/model/model.onnx", "").expect(0);
    verify("release/model/model.onnx", "--require-tier high").expect(0);
    verify("release/model/model.onnx", "--require-tier critical").expect(1);
    verify("release/data/holdout.parquet", "").expect(1).says(&["holdout.parquet"]);
    sandbox.run("keygen other.pem").expect(0);
    sandbox.run(&format!("verify {bundle} --key other.pem.pub")).expect(1).says(&["signature"]);
    sandbox.run(&format!("verify {bundle} --key nothing.pub")).expect(2).says(&["nothing.pub"]);
    sandbox.run(&format!("verify nothing.json --key {PUBLIC_KEY}")).expect(2).says(&["nothing.json"]);
}

#[test]
fn a_denial_does_not_verify_as_approved() {
    let sandbox = Sandbox::with("denied");
    sandbox.run("check release").expect(1);
    sandbox.run(&format!("verify {} --key {PUBLIC_KEY}", verdict(&sandbox))).expect(1).says(&["FAILED"]);
}

#[test]
fn a_tampered_bundle_does_not_verify() {
    let sandbox = Sandbox::with("approved");
    sandbox.run("check release").expect(0);
    let bundle = verdict(&sandbox);
    let text = fs::read_to_string(&bundle).unwrap();
    let payload = text.find("\"payload\"").unwrap() + 20;
    let mut bytes = text.into_bytes();
    bytes[payload] = if bytes[payload] == b'A' { b'B' } else { b'A' };
    fs::write(&bundle, bytes).unwrap();
    sandbox.run(&format!("verify {bundle} --key {PUBLIC_KEY}")).expect(1);
}

#[test]
fn a_retry_finds_its_receipt_and_appends_nothing() {
    let sandbox = Sandbox::with("approved");
    let arguments = "check release --effective-time 2999-01-01 --output json";
    let first = sandbox.run(arguments).expect(0).json();
    assert_eq!(first["evidence"]["recorded"]["already_recorded"], false);
    let stored = files_below(&sandbox.path(".modelgate/store"));
    assert_eq!(stored.iter().filter(|file| file.to_string_lossy().contains("/log/entry/")).count(), 1);
    let second = sandbox.run(arguments).expect(0).json();
    assert_eq!(second["evidence"]["recorded"]["already_recorded"], true);
    assert_eq!(second["evidence"]["recorded"]["run"], first["evidence"]["recorded"]["run"]);
    assert_eq!(files_below(&sandbox.path(".modelgate/store")), stored);
    // Another day is another decision.
    sandbox.run("check release --effective-time 2999-01-02").expect(0);
    let entries = files_below(&sandbox.path(".modelgate/store/v1/log/entry"));
    assert_eq!(entries.len(), 2);
}

#[test]
fn what_was_decided_on_is_in_the_store_under_its_digest() {
    let sandbox = Sandbox::with("approved");
    let report = sandbox.run("check release --output json").expect(0).json();
    let facts = sandbox.run("facts release").expect(0).stdout;
    let digest = report["evidence"]["facts_sha256"].as_str().unwrap();
    let blob = sandbox.path(&format!(".modelgate/store/v1/blobs/sha256/{}/{digest}", &digest[..2]));
    assert_eq!(fs::read_to_string(blob).unwrap(), facts.trim_end());
}

#[cfg(unix)]
#[test]
fn a_store_that_cannot_be_written_is_said_and_the_evidence_is_kept() {
    let sandbox = Sandbox::with("approved");
    sandbox.write("blocked", "a file where a directory should be");
    sandbox.run("check release --store blocked").expect(4).says(&["blocked"]);
    assert!(fs::metadata(verdict(&sandbox)).unwrap().len() > 0);
}

#[cfg(unix)]
#[test]
fn the_local_key_is_private_and_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::with("approved");
    let ran = sandbox.run("check release").expect(0).says(&["local-signing-key.pem"]);
    assert!(ran.stdout.contains("local key"), "{}", ran.stdout);
    let mode = fs::metadata(sandbox.path("home/.config/modelgate/local-signing-key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    sandbox.run("keygen home/.config/modelgate/local-signing-key.pem").expect(2);
}

#[test]
fn the_key_can_come_by_the_environment() {
    let sandbox = Sandbox::with("approved");
    sandbox.run("keygen key.pem").expect(0);
    let pem = sandbox.read("key.pem");
    let ran = sandbox.run_with(&["check", "release"], &[("MODELGATE_SIGNING_KEY", &pem)]).expect(0);
    assert!(!ran.stdout.contains("PRIVATE") && !ran.stderr.contains("PRIVATE"));
    sandbox.run(&format!("verify {} --key key.pem.pub", verdict(&sandbox))).expect(0);
}

#[test]
fn the_action_writes_summary_and_outputs() {
    let sandbox = Sandbox::with("conditional");
    sandbox.run("keygen key.pem").expect(0);
    let pem = sandbox.read("key.pem");
    let variable = |name: &str| sandbox.path(name).to_str().unwrap().to_owned();
    let (summary, output) = (variable("summary.md"), variable("output.txt"));
    let variables = [
        ("GITHUB_STEP_SUMMARY", summary.as_str()),
        ("GITHUB_OUTPUT", output.as_str()),
        ("MODELGATE_SIGNING_KEY", pem.as_str()),
        ("MODELGATE_ACTION_RELEASE", "release"),
        ("MODELGATE_ACTION_SARIF_FILE", "out.sarif"),
        ("MODELGATE_ACTION_REPORT_FILE", "report.json"),
        ("MODELGATE_ACTION_EVIDENCE_DIR", "evidence"),
    ];
    sandbox.run_with(&["action"], &variables).expect(0);
    let outputs = sandbox.read("output.txt");
    for line in [
        "decision=conditional",
        "tier=high",
        "exit-code=0",
        "evidence-dir=evidence",
        "sarif-file=out.sarif",
        "report-file=report.json",
    ] {
        assert!(outputs.lines().any(|output| output == line), "`{line}` is not in:\n{outputs}");
    }
    assert!(sandbox.read("summary.md").contains("FAI-002"));
    assert!(sandbox.read("out.sarif").contains("FAI-002"));
    let failing = [&variables[..], &[("MODELGATE_ACTION_FAIL_ON", "condition")]].concat();
    sandbox.run_with(&["action"], &failing).expect(1);
    let missing = [&variables[..], &[("MODELGATE_ACTION_RELEASE", "nowhere")]].concat();
    let ran = sandbox.run_with(&["action"], &missing).expect(2);
    assert!(ran.stdout.contains("::error title="), "{}", ran.stdout);
    assert!(sandbox.read("output.txt").ends_with("exit-code=2\n"));
}
