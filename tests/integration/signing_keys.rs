//! Keys of every kind sign, services sign through their programs, and models have signatures.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::common::{Ran, Sandbox};

/// A check that signs with `key`, with these variables set.
fn check(sandbox: &Sandbox, key: &str, variables: &[(&str, &str)]) -> Ran {
    sandbox.run_with(&["check", "release", "--key", key, "--out", "evidence", "--output", "json"], variables)
}

fn verdict(sandbox: &Sandbox) -> String {
    let mut names = fs::read_dir(sandbox.path("evidence")).unwrap().map(|entry| entry.unwrap().file_name());
    let name = names.find(|name| name.to_str().unwrap().ends_with(".verdict.sigstore.json")).unwrap();
    format!("evidence/{}", name.to_str().unwrap())
}

#[test]
fn an_ed25519_key_signs_and_makes_no_model_signature() {
    let sandbox = Sandbox::with("approved");
    sandbox.run("keygen key.pem --algorithm ed25519").expect(0);
    check(&sandbox, "key.pem", &[]).expect(0);
    let bundle = verdict(&sandbox);
    sandbox.run(&format!("verify {bundle} --key key.pem.pub --artifact release/model/model.onnx")).expect(0);
    sandbox.run("keygen other.pem --algorithm ed25519").expect(0);
    sandbox.run(&format!("verify {bundle} --key other.pem.pub")).expect(1).says(&["signature"]);
    assert!(!sandbox.path("evidence/model.sig").exists());
}

#[test]
fn an_encrypted_key_is_opened_by_its_variable_alone() {
    let sandbox = Sandbox::with("approved");
    sandbox.run("keygen key.pem --encrypt").expect(2).says(&["MODELGATE_KEY_PASSWORD"]);
    assert!(!sandbox.path("key.pem").exists());
    let passphrase = ("MODELGATE_KEY_PASSWORD", "correct horse battery");
    let made = sandbox.run_with(&["keygen", "key.pem", "--encrypt"], &[passphrase]).expect(0);
    assert!(!made.stderr.contains(passphrase.1), "{}", made.stderr);
    assert!(sandbox.read("key.pem").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let ran = check(&sandbox, "key.pem", &[passphrase]).expect(0);
    assert!(!ran.stdout.contains(passphrase.1) && !ran.stderr.contains(passphrase.1));
    let bundle = verdict(&sandbox);
    sandbox.run(&format!("verify {bundle} --key key.pem.pub")).expect(0);
    check(&sandbox, "key.pem", &[]).expect(4).says(&["there is no passphrase", "MODELGATE_KEY_PASSWORD"]);
    let wrong = ("MODELGATE_KEY_PASSWORD", "wrong horse battery");
    let ran = check(&sandbox, "key.pem", &[wrong]).expect(4).says(&["MODELGATE_KEY_PASSWORD", "does not open it"]);
    assert!(!ran.stderr.contains(wrong.1), "{}", ran.stderr);
    // The key's text in the variable, as CI systems have it.
    let text = sandbox.read("key.pem");
    let variables = [("MODELGATE_SIGNING_KEY", text.as_str()), passphrase];
    sandbox.run_with(&["check", "release"], &variables).expect(0);
}

/// A program of a key management service on the sandbox's own path; OpenSSL signs in its place.
#[cfg(unix)]
fn service(sandbox: &Sandbox, signs_with: &str, says: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let script = format!(
        "#!/bin/sh\n\
         printf '%s\\n' \"$1 $2\" >> {log}\n\
         case \"$2\" in\n\
         *'\"methodName\":\"publicKey\"'*) printf '{{\"publicKey\":{{\"publicKeyPEM\":\"%s\"}}}}' \"$(base64 -w0 {public})\" ;;\n\
         *) {says}\n\
            printf '{{\"signMessage\":{{\"signature\":\"%s\"}}}}' \"$(openssl dgst -sha256 -sign {key} | base64 -w0)\" ;;\n\
         esac\n",
        log = sandbox.path("calls").display(),
        public = sandbox.path("key.pem.pub").display(),
        key = sandbox.path(signs_with).display(),
    );
    sandbox.write("bin/sigstore-kms-stub", script);
    let file = sandbox.path("bin/sigstore-kms-stub");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    format!("{}:{path}", sandbox.path("bin").display())
}

#[cfg(unix)]
#[test]
#[ignore = "needs openssl: .ci/run runs it"]
fn a_service_signs_through_its_program() {
    let sandbox = Sandbox::with("approved");
    sandbox.run("keygen key.pem").expect(0);
    let path = service(&sandbox, "key.pem", "");
    let report = check(&sandbox, "stub://ring/key?v=1", &[("PATH", &path)]).expect(0).json();
    assert_eq!(report["evidence"]["recorded"]["signed_by"], "key stub://ring/key?v=1");
    let bundle = verdict(&sandbox);
    sandbox.run(&format!("verify {bundle} --key key.pem.pub --artifact release/model/model.onnx")).expect(0);
    assert_eq!(sandbox.read("evidence/public-key.pem"), sandbox.read("key.pem.pub"));
    let calls = sandbox.read("calls");
    let lines: Vec<&str> = calls.lines().collect();
    // Once for the public key, then for two statements and the model.
    assert_eq!(lines.len(), 4, "{calls}");
    assert!(lines.iter().all(|line| line.starts_with("v1 {") && line.contains(r#""keyResourceID":"ring/key?v=1""#)));
    // Signatures differ each time; the run is the same one.
    let again = check(&sandbox, "stub://ring/key?v=1", &[("PATH", &path)]).expect(0).json();
    assert_eq!(again["evidence"]["recorded"]["already_recorded"], true);
    let variables = [("PATH", path.as_str()), ("MODELGATE_SIGNING_KEY", "stub://ring/key")];
    sandbox.run_with(&["check", "release"], &variables).expect(0);
}

#[cfg(unix)]
#[test]
#[ignore = "needs openssl: .ci/run runs it"]
fn a_service_that_fails_or_lies_signs_nothing() {
    let sandbox = Sandbox::with("approved");
    sandbox.run("keygen key.pem").expect(0);
    sandbox.run("keygen other.pem").expect(0);
    let path = service(&sandbox, "other.pem", "");
    check(&sandbox, "stub://key", &[("PATH", &path)]).expect(4).says(&["is not signed by the key `stub://key`"]);
    assert!(!sandbox.path("evidence").exists());
    let path = service(&sandbox, "key.pem", r#"printf '{"errorMessage":"PIN %s refused"}' "$HSM_PIN"; exit 0"#);
    let ran = check(&sandbox, "stub://key", &[("PATH", &path), ("HSM_PIN", "97531-secret")]).expect(4);
    let ran = ran.says(&["`sigstore-kms-stub` says: PIN *** refused"]);
    assert!(!ran.stderr.contains("97531"), "{}", ran.stderr);
    check(&sandbox, "nobody://key", &[]).expect(4).says(&["no program `sigstore-kms-nobody` on the path"]);
}

/// A release whose model is a directory of two files, both artifacts.
fn with_model_directory() -> Sandbox {
    let sandbox = Sandbox::with("approved");
    sandbox.write("release/model/serving.json", "{}");
    let entry = "  - path: model/model.onnx\n    role: model\n";
    let both = format!("{entry}  - path: model/serving.json\n    role: configuration\n");
    sandbox.edit("release/modelgate.yaml", entry, &both);
    sandbox
}

#[test]
fn an_approved_model_has_a_signature_that_its_files_are_checked_against() {
    let sandbox = with_model_directory();
    sandbox.run("keygen key.pem").expect(0);
    check(&sandbox, "key.pem", &[]).expect(0);
    let verify = "verify --model release/model --signature evidence/model.sig --key key.pem.pub";
    let ran = sandbox.run(verify).expect(0);
    assert!(ran.stdout.starts_with("verified: the model model is as it was signed"), "{}", ran.stdout);
    sandbox.run("keygen other.pem").expect(0);
    sandbox.run(&verify.replace("key.pem", "other.pem")).expect(1).says(&["not this key's"]);
    sandbox.write("release/model/added.py", "");
    sandbox.run(verify).expect(1).says(&["`added.py` was not signed"]);
    // What nobody judged is in the directory: it is not signed.
    fs::remove_file(sandbox.path("evidence/model.sig")).unwrap();
    check(&sandbox, "key.pem", &[]).expect(0);
    assert!(!sandbox.path("evidence/model.sig").exists());
    sandbox.run("verify --model release/model --key key.pem.pub").expect(2);
    sandbox.run("verify --key key.pem.pub").expect(2);

    let denied = Sandbox::with("denied");
    denied.run("keygen key.pem").expect(0);
    check(&denied, "key.pem", &[]).expect(1);
    assert!(!denied.path("evidence/model.sig").exists());
}

#[test]
fn a_signature_that_came_with_the_model_becomes_a_fact_and_an_input() {
    let sandbox = with_model_directory();
    sandbox.run("keygen key.pem").expect(0);
    check(&sandbox, "key.pem", &[]).expect(0);
    fs::rename(sandbox.path("evidence/model.sig"), sandbox.path("release/model/model.sig")).unwrap();
    let untrusted = sandbox.run("facts release").expect(0).json();
    let signature = &untrusted["supply_chain"]["signatures"][0];
    assert_eq!((&signature["status"], &signature["signer"]), (&"untrusted".into(), &serde_json::Value::Null));

    let key = sandbox.read("key.pem.pub").lines().map(|line| format!("  {line}\n")).collect::<String>();
    crate::common::copy_tree(&crate::common::checkout().join("policies"), &sandbox.path("policies"));
    sandbox.write("policies/signers/ml.yaml", format!("version: 1\nname: ml@example.com\npublic_key: |\n{key}"));
    let verified = sandbox.run("facts release --policies policies").expect(0).json();
    let signature = &verified["supply_chain"]["signatures"][0];
    assert_eq!((&signature["status"], &signature["signer"]), (&"verified".into(), &"ml@example.com".into()));
    assert_eq!(signature["covers"], serde_json::json!(["model/model.onnx", "model/serving.json"]));
    assert_eq!(signature["file"]["path"], "model/model.sig");

    fs::remove_dir_all(sandbox.path("evidence")).unwrap();
    let arguments = ["check", "release", "--policies", "policies", "--key", "key.pem", "--out", "evidence"];
    sandbox.run_with(&arguments, &[]).expect(0);
    assert!(!sandbox.path("evidence/model.sig").exists(), "the model has a signature of its own");
    let bundle: serde_json::Value = serde_json::from_str(&sandbox.read(&verdict(&sandbox))).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let inputs = decoded(payload)["predicate"]["inputAttestations"].clone();
    assert_eq!(inputs[1]["uri"], "model/model.sig");
    assert_eq!(inputs[1]["digest"]["sha256"], signature["file"]["sha256"]);

    sandbox.write("release/model/serving.json", "{ }");
    let invalid = sandbox.run("facts release --policies policies").expect(0).json();
    let signature = &invalid["supply_chain"]["signatures"][0];
    assert_eq!(signature["status"], "invalid");
    assert!(signature["reason"].as_str().unwrap().contains("`serving.json` was changed"), "{signature}");
    sandbox.write("policies/signers/ml.yaml", "version: 1\nname: ml@example.com\npublic_key: nonsense\n");
    sandbox.run("facts release --policies policies").expect(2).says(&["ml@example.com", "`signers/`"]);
}

/// The JSON in standard base64.
fn decoded(text: &str) -> serde_json::Value {
    serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap()
}
