//! `modelgate store`: made, checked, copied, and what becomes of evidence that it cannot take.

use std::fs;

use crate::common::Sandbox;

/// A sandbox with a store `gate` whose log has the key `log.pem`, and two runs in it.
fn with_store() -> Sandbox {
    let sandbox = Sandbox::with("approved");
    // In CI, what is no commit is denied.
    sandbox.commit();
    sandbox.run("store init gate --log-key log.pem --origin example.com/gate").expect(0).says(&["made the log key"]);
    for day in ["2999-01-01", "2999-01-02"] {
        let check = format!("check release --store gate --log-key log.pem --effective-time {day} --out {day}");
        sandbox.run(&check).expect(0);
    }
    sandbox
}

/// The checkpoint that a run left in its directory.
fn kept(sandbox: &Sandbox, day: &str) -> String {
    let mut files = fs::read_dir(sandbox.path(day)).unwrap().map(|entry| entry.unwrap().path());
    files.find(|file| file.extension().is_some_and(|end| end == "checkpoint")).unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_store_is_made_once_and_audited() {
    let sandbox = with_store();
    sandbox.run("store init gate --log-key log.pem").expect(2).says(&["there is a store at `gate` already"]);
    sandbox.run("store init other").expect(2).says(&["error[no-log-key]", "--log-key"]);
    sandbox.run("store audit").expect(2).says(&["there is no store at `.modelgate/store`", "store init"]);
    let audit = sandbox.run("store audit --store gate --json").expect(0).json();
    assert_eq!(audit["checkpoint"]["origin"], "example.com/gate");
    assert_eq!(
        (&audit["checkpoint"]["size"], &audit["receipts"], &audit["checkpoints"]),
        (&2.into(), &2.into(), &2.into())
    );
    let text = sandbox.run("store audit --store gate").expect(0).stdout;
    assert!(text.starts_with("all of it holds\n"), "{text}");
    // The checkpoint in the report is the one in the store and beside the evidence.
    let report = sandbox.run("check release --store gate --log-key log.pem --effective-time 2999-01-02 --output json");
    let report = report.expect(0).json();
    let recorded = &report["evidence"]["recorded"];
    assert_eq!((&recorded["checkpoint"], &recorded["checkpoint_is_signed"]), (&audit["checkpoint"], &true.into()));
    let note = fs::read_to_string(kept(&sandbox, "2999-01-02")).unwrap();
    assert_eq!(note, sandbox.read("gate/v1/log/checkpoint/000000000002"));
    assert!(note.contains(recorded["checkpoint"]["root"].as_str().unwrap()), "{note}");
}

#[test]
fn an_end_that_was_cut_off_is_found_by_what_was_kept() {
    let sandbox = with_store();
    let (first, second) = (kept(&sandbox, "2999-01-01"), kept(&sandbox, "2999-01-02"));
    let both = format!("store audit --store gate --against {first} --against {second}");
    assert!(sandbox.run(&both).expect(0).stdout.contains("2 of 2 checkpoints kept elsewhere"));
    assert!(sandbox.run(&format!("{both} --quick")).expect(0).stdout.contains("continues 2 checkpoints"));
    for file in ["v1/log/entry/000000000001", "v1/log/checkpoint/000000000002"] {
        fs::remove_file(sandbox.path(&format!("gate/{file}"))).unwrap();
    }
    let found = sandbox.run(&format!("{both} --json")).expect(1).json();
    let kinds: Vec<_> =
        found["findings"].as_array().unwrap().iter().map(|found| found["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"truncated") && kinds.contains(&"receipt"), "{kinds:?}");
    let text = sandbox.run(&both).expect(1).stdout;
    assert!(text.contains("its end was cut off") && text.contains("1 of 2 checkpoints"), "{text}");
    sandbox.run(&format!("store audit --store gate --against {second} --quick")).expect(1).says(&["was cut off"]);
    sandbox.write("text", b"no checkpoint");
    sandbox.run("store audit --store gate --against text").expect(2).says(&["error[not-a-checkpoint]"]);
    sandbox.run("store audit --store gate --quick").expect(2).says(&["--against"]);
}

#[test]
fn a_copy_is_the_same_log_and_another_log_is_refused() {
    let sandbox = with_store();
    let text = sandbox.run("store sync gate copy").expect(0).stdout;
    assert!(text.starts_with("2 entries, of which 2 were copied"), "{text}");
    let again = sandbox.run("store sync gate copy").expect(0).stdout;
    assert!(again.starts_with("2 entries, of which 0 were copied, with 0 blobs"), "{again}");
    let audit = |store: &str| sandbox.run(&format!("store audit --store {store} --json")).expect(0).stdout;
    assert_eq!(audit("gate"), audit("copy"));
    sandbox.run("store init other --log-key log.pem").expect(0);
    sandbox.run("store sync gate other").expect(1).says(&["do not hold the same log"]);
    sandbox.run("store sync nowhere copy").expect(2).says(&["there is no store at `nowhere`"]);
}

#[test]
fn a_log_is_signed_with_its_key_or_said_not_to_be() {
    let sandbox = with_store();
    let report = sandbox.run("check release --output json").expect(0).json();
    assert_eq!(report["evidence"]["recorded"]["checkpoint_is_signed"], true);
    assert!(sandbox.path("home/.config/modelgate/log-keys").is_dir());
    sandbox.run("keygen key.pem").expect(0);
    let in_ci = |more: &[&str]| {
        let arguments = [&["check", "release", "--key", "key.pem"], more].concat();
        sandbox.run_with(&arguments, &[("CI", "true")])
    };
    // A store that is made in CI has no key unless one is given, and says so.
    let unsigned = in_ci(&["--store", "runner", "--output", "json"]).expect(0).json();
    assert_eq!(unsigned["evidence"]["recorded"]["checkpoint_is_signed"], false);
    assert!(sandbox.read("runner/v1/meta.json").contains("\"format\":1"));
    assert!(in_ci(&["--store", "runner"]).expect(0).stdout.contains("not signed"));
    // One that has a key is not written on without it.
    let refused = in_ci(&["--store", "gate", "--effective-time", "2999-01-03"]).expect(4);
    refused.says(&["error[store]", "MODELGATE_LOG_KEY", "modelgate evidence push .modelgate/evidence --store gate"]);
    let size = sandbox.run("store audit --store gate --json").expect(0).json()["checkpoint"]["size"].clone();
    assert_eq!(size, 2);
    let log_key = sandbox.read("log.pem");
    let arguments = ["check", "release", "--key", "key.pem", "--store", "gate", "--effective-time", "2999-01-03"];
    sandbox.run_with(&arguments, &[("CI", "true"), ("MODELGATE_LOG_KEY", &log_key)]).expect(0);
    let foreign = ["check", "release", "--store", "gate", "--log-key", "key.pem"];
    sandbox.run_with(&foreign, &[]).expect(4).says(&["is no Ed25519 private key"]);
}

#[test]
fn evidence_that_the_store_cannot_take_is_kept_with_the_command_that_delivers_it() {
    let sandbox = Sandbox::with("approved");
    sandbox.run("keygen key.pem").expect(0);
    let arguments = ["check", "release", "--key", "key.pem", "--store", "s3://evidence/gate", "--out", "kept"];
    let variables = [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9/hunter2"),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2hunter2"),
    ];
    let ran = sandbox.run_with(&arguments, &variables).expect(4);
    assert!(!ran.stderr.contains("hunter2") && !ran.stderr.contains("AKIA"), "{}", ran.stderr);
    ran.says(&["s3://evidence/gate/v1/meta.json", "modelgate evidence push kept --store s3://evidence/gate"]);
    let files = fs::read_dir(sandbox.path("kept")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(files.filter(|file| file.to_str().unwrap().ends_with(".sigstore.json")).count() >= 2);
    sandbox
        .run_with(&["check", "release", "--store", "https://example.org/store"], &[])
        .expect(2)
        .says(&["s3://bucket"]);
}
