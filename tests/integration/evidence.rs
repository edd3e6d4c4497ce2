//! What a run leaves: replayed, verified for a deployment, exported, imported, delivered later.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use modelgate::canonical::CanonicalJson;
use modelgate::digest::Sha256Digest;
use modelgate::evidence::key::PublicKey;
use modelgate::evidence::trust::Trust;
use modelgate::evidence::verify::{self, Expectations, StatementKind};
use serde_json::{Value, json};

use crate::common::{Ran, Sandbox, checkout, copy_tree};

const KEY: &str = "--key home/.config/modelgate/local-signing-key.pem.pub";

/// A sandbox in which a release was checked, and the run's key.
fn checked(release: &str) -> (Sandbox, String) {
    let sandbox = Sandbox::with(release);
    let ran = sandbox.run("check release --output json");
    assert!(ran.code <= 1, "{}", ran.stderr);
    let report = ran.json();
    let run = report.pointer("/evidence/recorded/run").and_then(Value::as_str).unwrap().to_owned();
    (sandbox, run)
}

/// The path of a file of evidence, relative to the sandbox.
fn evidence(run: &str, suffix: &str) -> String {
    format!(".modelgate/evidence/{}.{suffix}", &run[..16])
}

fn code(ran: &Ran) -> String {
    ran.json().pointer("/refused/0/code").and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[test]
fn every_example_replays_to_the_same_bytes() {
    for (release, decision) in [("approved", "approve"), ("conditional", "conditional"), ("denied", "deny")] {
        let (sandbox, run) = checked(release);
        let replay = sandbox.run(&format!("replay {} --output json", &run[..8])).expect(0).json();
        assert_eq!((&replay["result"], &replay["mode"]), (&json!("same"), &json!("replay")));
        assert_eq!(replay["recorded"]["decision"], decision);
        assert_eq!(replay["recorded"], replay["replayed"]);
        assert_eq!((&replay["fields"], &replay["controls"]), (&json!([]), &json!([])));
        let (model, version) = (replay["model"].as_str().unwrap(), replay["model_version"].as_str().unwrap());
        let text = sandbox.run(&format!("replay {model}@{version}")).expect(0).stdout;
        assert!(text.starts_with("the same: every byte"), "{text}");
    }
}

/// The path of a blob of the store.
fn blob(sandbox: &Sandbox, digest: &str) -> std::path::PathBuf {
    sandbox.path(&format!(".modelgate/store/v1/blobs/sha256/{}/{digest}", &digest[..2]))
}

fn receipt(sandbox: &Sandbox, run: &str) -> Value {
    serde_json::from_str(&sandbox.read(&format!(".modelgate/store/v1/runs/{run}"))).unwrap()
}

#[test]
fn a_record_that_lacks_something_cannot_be_replayed() {
    let (sandbox, run) = checked("approved");
    let facts: Value = serde_json::from_str(&sandbox.read(&evidence(&run, "decision.json"))).unwrap();
    let facts = facts["facts"]["sha256"].as_str().unwrap().to_owned();
    let bytes = fs::read(blob(&sandbox, &facts)).unwrap();
    fs::remove_file(blob(&sandbox, &facts)).unwrap();
    sandbox.run(&format!("replay {run}")).expect(3).says(&["incomplete-record", "the facts"]);
    fs::write(blob(&sandbox, &facts), &bytes[1..]).unwrap();
    sandbox.run(&format!("replay {run}")).expect(3).says(&["damaged"]);
    fs::write(blob(&sandbox, &facts), bytes).unwrap();
    // Every other blob: the policies are among them.
    let record = receipt(&sandbox, &run)["decision_record"].as_str().unwrap().to_owned();
    let mut missed = 0;
    for digest in receipt(&sandbox, &run)["blobs"].as_array().unwrap() {
        let digest = digest.as_str().unwrap();
        let kept = fs::read(blob(&sandbox, digest)).unwrap();
        fs::remove_file(blob(&sandbox, digest)).unwrap();
        let ran = sandbox.run(&format!("replay {run}"));
        assert!(ran.code == 3 || (ran.code == 0 && digest != record && digest != facts), "{digest}: {}", ran.stderr);
        missed += usize::from(ran.code == 3);
        fs::write(blob(&sandbox, digest), kept).unwrap();
    }
    assert_eq!(missed, 3, "facts, record and policies");
}

/// Changes the decision record of an export.
fn rewrite(directory: &Path, run: &str, change: impl FnOnce(&mut Value)) {
    let path = directory.join(format!("{run}.decision.json"));
    let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut record);
    fs::write(path, CanonicalJson::of(&record).unwrap().bytes()).unwrap();
}

#[test]
fn a_difference_is_named_with_its_control() {
    let (sandbox, run) = checked("denied");
    sandbox.run(&format!("evidence export {run} --out export")).expect(0);
    let export = sandbox.path("export");
    rewrite(&export, &run[..16], |record| record["tool"]["version"] = json!("0.0.1"));
    let replay = sandbox.run("replay export --output json").expect(0).json();
    assert_eq!(replay["result"], "same-but-for-the-tool");
    assert_eq!(replay["fields"][0]["recorded"]["version"], "0.0.1");
    rewrite(&export, &run[..16], |record| {
        record["decision"] = json!("approve");
        let outcomes = record["outcomes"].as_array_mut().unwrap();
        let failed = outcomes.iter_mut().find(|outcome| outcome["control"] == "VAL-005").unwrap();
        failed["result"] = json!("pass");
        failed["findings"] = json!([]);
    });
    let replay = sandbox.run("replay export --output json").expect(1).json();
    assert_eq!(replay["result"], "different");
    assert_eq!(replay["controls"].as_array().unwrap().len(), 1);
    assert_eq!(replay["controls"][0]["control"], "VAL-005");
    assert_eq!(replay["controls"][0]["differs"], json!(["findings", "result"]));
    let text = sandbox.run("replay export").expect(1).stdout;
    for part in ["DIFFERENT", "approve -> deny", "0.0.1", "VAL-005", "pass (block) -> fail (block)"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn other_policies_say_what_it_would_come_to_now() {
    let (sandbox, run) = checked("approved");
    let same = sandbox.run(&format!("replay {run} --policies embedded --output json")).expect(0).json();
    assert_eq!((&same["mode"], &same["replayed"]["decision"]), (&json!("what-if"), &json!("approve")));
    copy_tree(&checkout().join("policies"), &sandbox.path("strict"));
    // A floor that the model does not reach.
    let tiers = sandbox.path("strict/controls/validation");
    let control = fs::read_dir(&tiers).unwrap().map(|entry| entry.unwrap().path()).find(|path| {
        fs::read_to_string(path.join(format!("{}.rego", path.file_name().unwrap().to_str().unwrap())))
            .is_ok_and(|text| text.contains("id: VAL-003"))
    });
    let control = control.unwrap();
    let name = control.file_name().unwrap().to_str().unwrap().to_owned();
    let rego = control.join(format!("{name}.rego"));
    let text = fs::read_to_string(&rego).unwrap();
    let always = "\nviolation contains {\"subject\": \"release\", \"message\": \"stricter than it was\"} if true\n";
    fs::write(&rego, text + always).unwrap();
    let strict = sandbox.run(&format!("replay {run} --policies strict --output json"));
    let strict = strict.expect(1).json();
    let differing = strict["controls"].as_array().unwrap();
    assert!(differing.iter().any(|control| control["control"] == "VAL-003"), "{differing:?}");
    assert_eq!(strict["recorded"]["decision"], "approve");
    assert_eq!(strict["replayed"]["decision"], "deny");
    let text = sandbox.run(&format!("replay {run} --policies strict")).expect(1).stdout;
    assert!(text.contains("it would be DENIED") && text.contains("stricter than it was"), "{text}");
    // A time of one's own, also one that is past.
    let dated = sandbox.run(&format!("replay {run} --effective-time 2020-01-01 --output json"));
    assert_eq!(dated.json()["replayed"]["effective_time"], "2020-01-01T00:00:00Z");
    sandbox.run(&format!("replay {run} --policies nowhere")).expect(2).says(&["nowhere"]);
    sandbox.run(&format!("replay {run} --effective-time tomorrow")).expect(2).says(&["tomorrow"]);
}

#[test]
fn a_run_that_is_not_there_is_said() {
    let (sandbox, run) = checked("approved");
    for (reference, says) in
        [("0000000000", "unknown-run"), ("nobody@1", "unknown-run"), ("../x", "unknown-run"), ("", "unknown-run")]
    {
        sandbox.run_with(&["replay", reference], &[]).expect(2).says(&[says]);
    }
    sandbox.run(&format!("replay {run} --store nowhere")).expect(2).says(&["nowhere"]);
    assert!(!sandbox.path("nowhere").exists(), "a store that is read is not made");
    sandbox.write("empty/README.md", "");
    sandbox.run("replay empty").expect(2).says(&["no-evidence"]);
    sandbox.run("check release --effective-time 2999-01-01").expect(0);
    sandbox.run("replay .modelgate/evidence").expect(2).says(&["ambiguous-run"]);
    // Of two runs of one version, the last.
    let last = sandbox.run("replay german-credit-default@1.4.0 --output json").expect(0).json();
    assert_eq!(last["recorded"]["effective_time"], "2999-01-01T00:00:00Z");
}

#[test]
fn a_deployment_step_finds_the_verdict_in_the_store() {
    let (sandbox, run) = checked("approved");
    let verify = |more: &str| sandbox.run(&format!("verify --store .modelgate/store {KEY} {more} --output json"));
    let proven = verify("--artifact release/model --require-tier high --max-age 2d").expect(0).json();
    assert_eq!(proven["verified"], true);
    assert_eq!(proven["statement"]["source"], format!("run {}", &run[..16]));
    assert_eq!(proven["statement"]["result"], "PASSED");
    assert_eq!(proven["artifacts"][0]["path"], "release/model/model.onnx");
    let policy = proven["statement"]["policy"].as_str().unwrap();
    verify(&format!("--artifact release/model --policy-digest sha256:{policy}")).expect(0);
    let other = "0".repeat(64);
    let both = format!("--policy-digest {other} --policy-digest {policy}");
    verify(&format!("--artifact release/model/model.onnx {both}")).expect(0);
    assert_eq!(code(&verify(&format!("--artifact release/model --policy-digest {other}")).expect(1)), "other-policy");
    assert_eq!(code(&verify("--artifact release/model --require-tier critical").expect(1)), "other-tier");
    // What was judged may not therefore be released.
    assert_eq!(code(&verify("--artifact release/data/holdout.parquet").expect(1)), "not-a-subject");
    sandbox.write("unknown.bin", "never judged");
    assert_eq!(code(&verify("--artifact unknown.bin").expect(1)), "no-verdict");
    verify("--artifact nowhere").expect(2);
    sandbox.run(&format!("verify --artifact release/model {KEY}")).expect(2);
    sandbox.run("verify --artifact release/model --store .modelgate/store").expect(2).says(&["--key", "--trust"]);
    let text = sandbox.run(&format!("verify {run} --store .modelgate/store {KEY} --artifact release/model")).expect(0);
    assert!(text.stdout.contains("given, and the same"), "{}", text.stdout);
    sandbox.run(&format!("verify {} {KEY} --artifact release/model", evidence(&run, "verdict.intoto.json"))).expect(0);
    sandbox.run(&format!("verify .modelgate/evidence {KEY} --artifact release/model")).expect(0);
    sandbox.run(&format!("verify {run} --store .modelgate/store {KEY} --evaluation")).expect(0);
}

#[test]
fn every_way_not_to_be_proven_has_its_own_message() {
    let (sandbox, run) = checked("approved");
    let bundle = evidence(&run, "verdict.sigstore.json");
    let verify = |more: &str| sandbox.run(&format!("verify {bundle} {KEY} {more} --output json")).expect(1);
    copy_tree(&sandbox.path("release/model"), &sandbox.path("deployed"));
    sandbox.run(&format!("verify {bundle} {KEY} --artifact deployed")).expect(0);
    sandbox.write("deployed/.hidden", "extra");
    assert_eq!(code(&verify("--artifact deployed")), "extra-file");
    fs::remove_file(sandbox.path("deployed/.hidden")).unwrap();
    fs::rename(sandbox.path("deployed/model.onnx"), sandbox.path("deployed/other.onnx")).unwrap();
    assert_eq!(code(&verify("--artifact deployed")), "other-name");
    sandbox.write("deployed/other.onnx", "other");
    assert_eq!(code(&verify("--artifact deployed")), "extra-file");
    fs::rename(sandbox.path("deployed/other.onnx"), sandbox.path("deployed/model.onnx")).unwrap();
    assert_eq!(code(&verify("--artifact deployed")), "changed-file");
    fs::remove_file(sandbox.path("deployed/model.onnx")).unwrap();
    assert_eq!(code(&verify("--artifact deployed")), "empty-directory");
    assert_eq!(code(&verify("--artifact release/data/train.parquet")), "not-a-subject");
    assert_eq!(code(&verify("--evaluation")), "other-statement");
    let ahead = sandbox.run("check release --effective-time 2999-01-01 --out ahead").expect(0);
    assert!(ahead.stderr.is_empty() || !ahead.stderr.contains("error"), "{}", ahead.stderr);
    assert_eq!(code(&sandbox.run(&format!("verify ahead {KEY} --output json")).expect(1)), "not-yet");
    sandbox.run("keygen other.pem").expect(0);
    let foreign = sandbox.run(&format!("verify {bundle} --key other.pem.pub --output json")).expect(1);
    assert_eq!(code(&foreign), "untrusted-signature");
    // One of several keys is enough.
    sandbox.run(&format!("verify {bundle} --key other.pem.pub {KEY}")).expect(0);
    let (denied, run) = checked("denied");
    let ran = denied.run(&format!("verify {} {KEY} --output json", evidence(&run, "verdict.sigstore.json"))).expect(1);
    assert_eq!(code(&ran), "failed");
}

#[test]
fn an_old_verdict_is_refused_by_its_age() {
    let (sandbox, run) = checked("approved");
    let bundle = evidence(&run, "verdict.sigstore.json");
    // It is of the start of this day, which is over at some time of the day.
    sandbox.run(&format!("verify {bundle} {KEY} --max-age 2d")).expect(0);
    let ran = sandbox.run(&format!("verify {bundle} {KEY} --max-age 0s --output json"));
    assert!(ran.code == 0 || code(&ran) == "too-old", "{}", ran.stdout);
    sandbox.run(&format!("verify {bundle} {KEY} --max-age soon")).expect(2);
}

#[cfg(unix)]
#[test]
fn a_link_in_a_directory_is_refused() {
    let (sandbox, run) = checked("approved");
    fs::create_dir(sandbox.path("deployed")).unwrap();
    std::os::unix::fs::symlink(sandbox.path("release/model/model.onnx"), sandbox.path("deployed/model.onnx")).unwrap();
    let bundle = evidence(&run, "verdict.sigstore.json");
    sandbox.run(&format!("verify {bundle} {KEY} --artifact deployed")).expect(2).says(&["link"]);
}

#[test]
fn trust_roots_say_who_may_sign_what() {
    let (sandbox, run) = checked("approved");
    let bundle = evidence(&run, "verdict.sigstore.json");
    let root =
        "version: 1\nkeys:\n  - name: local\n    public_key_file: home/.config/modelgate/local-signing-key.pem.pub\n";
    let verify = |more: &str| {
        sandbox.write("trust.yaml", format!("{root}{more}"));
        sandbox.run(&format!("verify {bundle} --trust trust.yaml --output json"))
    };
    let proven = verify("").expect(0).json();
    assert_eq!(proven["statement"]["key"], "local");
    assert_eq!(code(&verify("    max_tier: limited\n").expect(1)), "key-not-for-this");
    assert_eq!(code(&verify("    valid_until: '2020-01-01'\n").expect(1)), "key-not-for-this");
    assert_eq!(code(&verify("    verifiers: ['urn:example:other']\n").expect(1)), "key-not-for-this");
    assert_eq!(code(&verify("    revoked: left the company\n").expect(1)), "revoked-key");
    verify("    revoked: 7\n").expect(2);
    sandbox.run(&format!("verify {bundle} --trust nowhere.yaml")).expect(2).says(&["nowhere.yaml"]);
    let schema = fs::read_to_string(checkout().join("docs/schema/trust-v1.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let written = json!({"version": 1, "keys": [{"name": "local", "public_key": "-", "max_tier": "high"}]});
    assert!(schema.is_valid(&written));
}

#[test]
fn a_later_denial_is_said_beside_the_approval() {
    let (sandbox, _) = checked("approved");
    sandbox.edit("release/modelgate.yaml", "card: MODEL_CARD.md\n", "");
    sandbox.run("check release").expect(1);
    let ran = sandbox.run(&format!("verify --store .modelgate/store {KEY} --artifact release/model")).expect(0);
    assert!(ran.stderr.contains("were denied in another run"), "{}", ran.stderr);
}

#[test]
fn an_export_is_whole_and_comes_back_as_it_was() {
    for release in ["approved", "denied"] {
        let (sandbox, run) = checked(release);
        sandbox.run(&format!("evidence export {run} --out export")).expect(0);
        for name in ["README.md", "report.md", "report.json", "receipt.json", "public-key.pem"] {
            assert!(sandbox.path("export").join(name).is_file(), "{name}");
        }
        // Nothing is overwritten.
        sandbox.run(&format!("evidence export {run} --out export")).expect(4).says(&["not empty"]);
        sandbox.run("replay export").expect(0);
        let first = sandbox.run(&format!("evidence import export --store other {KEY}")).expect(0).stdout;
        assert!(first.contains("recorded, as entry 0"), "{first}");
        let second = sandbox.run(&format!("evidence import export --store other {KEY}")).expect(0).stdout;
        assert!(second.contains("recorded before"), "{second}");
        let entries = fs::read_dir(sandbox.path("other/v1/log/entry")).unwrap().count();
        assert_eq!(entries, 1);
        let name = format!("v1/runs/{run}");
        let (from, to) = (sandbox.read(&format!(".modelgate/store/{name}")), sandbox.read(&format!("other/{name}")));
        assert_eq!(from, to, "the receipt names the same");
        sandbox.run(&format!("replay {run} --store other")).expect(0);
        sandbox.run(&format!("evidence export {run} --store other --out again")).expect(0);
        for entry in fs::read_dir(sandbox.path("export")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let again = fs::read(sandbox.path("again").join(path.file_name().unwrap())).unwrap();
                assert!(fs::read(&path).unwrap() == again, "{}", path.display());
            }
        }
        sandbox.run("keygen other.pem").expect(0);
        let foreign = sandbox.run("evidence import export --store third --key other.pem.pub").expect(1);
        assert!(foreign.stderr.contains("nothing was stored"), "{}", foreign.stderr);
        assert!(!sandbox.path("third").exists());
    }
}

#[test]
fn a_changed_export_is_not_imported() {
    let (sandbox, run) = checked("approved");
    sandbox.run(&format!("evidence export {run} --out export")).expect(0);
    let short = &run[..16];
    for suffix in [
        "decision.json",
        "facts.json",
        "policies.json",
        "run.json",
        "verdict.sigstore.json",
        "evaluation.sigstore.json",
        "verdict.intoto.json",
    ] {
        let path = sandbox.path(&format!("export/{short}.{suffix}"));
        let kept = fs::read(&path).unwrap();
        let mut changed = kept.clone();
        // A digit or letter in the middle, so that it stays JSON in most cases.
        let middle = changed.len() / 2;
        let at = middle + changed[middle..].iter().position(u8::is_ascii_lowercase).unwrap();
        changed[at] = if changed[at] == b'a' { b'b' } else { b'a' };
        fs::write(&path, changed).unwrap();
        let ran = sandbox.run(&format!("evidence import export --store other {KEY}"));
        assert!([1, 3].contains(&ran.code), "{suffix}: {}", ran.stdout);
        fs::remove_file(&path).unwrap();
        let ran = sandbox.run(&format!("evidence import export --store other {KEY}"));
        // The envelope is the bundle's.
        assert_eq!(ran.code, if suffix == "verdict.intoto.json" { 0 } else { 3 }, "{suffix}: {}", ran.stderr);
        fs::write(&path, kept).unwrap();
    }
}

#[test]
fn what_could_not_be_stored_is_delivered_later() {
    let sandbox = Sandbox::with("approved");
    sandbox.write("blocked", "a file where a directory should be");
    let ran = sandbox.run("check release --store blocked --out left").expect(4);
    let command = ran.stderr.split('`').find(|part| part.starts_with("modelgate evidence push")).unwrap().to_owned();
    assert_eq!(command, "modelgate evidence push left --store blocked");
    sandbox.run(command.strip_prefix("modelgate ").unwrap()).expect(4).says(&["evidence push"]);
    fs::remove_file(sandbox.path("blocked")).unwrap();
    let pushed = sandbox.run(command.strip_prefix("modelgate ").unwrap()).expect(0).stdout;
    assert!(pushed.contains("recorded, as entry 0"), "{pushed}");
    let again = sandbox.run(command.strip_prefix("modelgate ").unwrap()).expect(0).stdout;
    assert!(again.contains("recorded before"), "{again}");
    // The same as if the check had stored it.
    let checked = sandbox.run("check release --store blocked --out left --output json").expect(0).json();
    assert_eq!(checked["evidence"]["recorded"]["already_recorded"], true);
    sandbox.run("replay german-credit-default@1.4.0 --store blocked").expect(0);
}

#[test]
fn runs_that_were_stored_are_no_hindrance_to_those_that_were_not() {
    let sandbox = Sandbox::with("approved");
    sandbox.run("check release --store store --out left").expect(0);
    sandbox.write("blocked", "a file where a directory should be");
    sandbox.run("check release --store blocked --out left --effective-time 2999-01-01").expect(4);
    let pushed = sandbox.run("evidence push left --store store").expect(0).stdout;
    assert!(pushed.contains("recorded, as entry 1") && pushed.contains("recorded before"), "{pushed}");
    // In a store that has neither, the first lacks its policies.
    sandbox.run("evidence push left --store other").expect(3).says(&["policies"]);
}

#[test]
#[ignore = "needs openssl: .ci/run runs it"]
fn the_commands_of_an_export_check_it_with_openssl() {
    let (sandbox, run) = checked("approved");
    sandbox.run(&format!("evidence export {run} --out export")).expect(0);
    let readme = sandbox.read("export/README.md");
    let script: Vec<_> = readme
        .split("```")
        .filter_map(|block| block.strip_prefix("sh\n"))
        .filter(|block| !block.contains("cosign") && !block.contains("modelgate "))
        .collect();
    assert_eq!(script.len(), 4, "{readme}");
    let output = std::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script.join("\n")])
        .current_dir(sandbox.path("export"))
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("Verified OK") && stdout.contains("\"verificationResult\":\"PASSED\""), "{stdout}");
    let record: Value = serde_json::from_str(&sandbox.read(&format!("export/{}.decision.json", &run[..16]))).unwrap();
    for digest in [&record["policy"]["sha256"], &record["facts"]["sha256"]] {
        assert!(stdout.contains(digest.as_str().unwrap()), "{digest} is not in:\n{stdout}");
    }
    // They can fail, too.
    let envelope = sandbox.path(&format!("export/{}.verdict.intoto.json", &run[..16]));
    let text = fs::read_to_string(&envelope).unwrap();
    let at = text.find("\"payload\":\"").unwrap() + 40;
    let letter = if &text[at..=at] == "A" { "B" } else { "A" };
    fs::write(&envelope, format!("{}{letter}{}", &text[..at], &text[at + 1..])).unwrap();
    let failed = std::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script.join("\n")])
        .current_dir(sandbox.path("export"))
        .output()
        .unwrap();
    assert!(!failed.status.success());
}

#[test]
fn no_changed_byte_of_real_evidence_changes_what_is_proven() {
    for release in ["approved", "denied"] {
        let (sandbox, run) = checked(release);
        let pem = sandbox.read("home/.config/modelgate/local-signing-key.pem.pub");
        let trust: Trust = PublicKey::from_pem_text(&pem).unwrap().into();
        for (suffix, kind) in [
            ("verdict.sigstore.json", StatementKind::Verdict),
            ("verdict.intoto.json", StatementKind::Verdict),
            ("evaluation.sigstore.json", StatementKind::Evaluation),
        ] {
            let original = fs::read(sandbox.path(&evidence(&run, suffix))).unwrap();
            // Also what is denied is read, so that a denial that turns into an approval would show.
            let expectations = Expectations { kind, allow_failed: true, ..Expectations::default() };
            let expected = verify::verify(&original, &trust, &expectations).unwrap();
            for index in 0..original.len() {
                let mut changed = original.clone();
                changed[index] ^= 1 << (index % 7);
                if let Ok(verified) = verify::verify(&changed, &trust, &expectations) {
                    assert_eq!(verified, expected, "{release}, {suffix}, byte {index}");
                }
            }
            statement_bytes(&original, |changed, index| {
                let verified = verify::verify(changed, &trust, &expectations);
                assert!(verified.is_err(), "{release}, {suffix}, byte {index} of the statement");
            });
        }
    }
}

/// The signed file with one bit of its statement changed, for every eighth byte: the signature is over all of them alike.
fn statement_bytes(signed: &[u8], mut check: impl FnMut(&[u8], usize)) {
    let whole: Value = serde_json::from_slice(signed).unwrap();
    let pointer = if whole.get("payload").is_some() { "/payload" } else { "/dsseEnvelope/payload" };
    let payload = STANDARD.decode(whole.pointer(pointer).unwrap().as_str().unwrap()).unwrap();
    for index in (0..payload.len()).step_by(8) {
        let mut changed = payload.clone();
        *changed.get_mut(index).unwrap() ^= 1 << (index % 7);
        let mut other = whole.clone();
        *other.pointer_mut(pointer).unwrap() = json!(STANDARD.encode(changed));
        check(other.to_string().as_bytes(), index);
    }
}

#[test]
fn the_documents_fit_their_schemas() {
    let (sandbox, run) = checked("approved");
    for (command, schema) in [
        (format!("replay {run} --output json"), "replay-v1.schema.json"),
        (
            format!("verify .modelgate/evidence {KEY} --artifact release/model --output json"),
            "verification-v1.schema.json",
        ),
    ] {
        let document = sandbox.run(&command).expect(0).json();
        let text = fs::read_to_string(checkout().join("docs/schema").join(schema)).unwrap();
        let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
        let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
    let digest = Sha256Digest::of(&fs::read(sandbox.path("release/model/model.onnx")).unwrap());
    let document = sandbox.run(&format!("verify .modelgate/evidence {KEY} --output json")).expect(0).json();
    assert_eq!(document["statement"]["subjects"][0]["sha256"], digest.to_hex());
}
