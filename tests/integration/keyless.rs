//! Bundles that a certificate signed: Sigstore's conformance vectors, and verdicts of our own.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::common::{Ran, Sandbox, checkout};
use crate::services::Service;

/// Who signed the vectors that do not say otherwise: `test/client.py` of the suite.
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn vectors() -> PathBuf {
    checkout().join("tests/interop/sigstore-conformance")
}

fn text_or(path: &Path, default: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| default.to_owned(), |text| text.trim().to_owned())
}

/// Runs one vector as the suite does, over the artifact or its digest.
fn verify(sandbox: &Sandbox, vector: &Path, by_digest: bool) -> Ran {
    let shown = |path: PathBuf| path.to_str().unwrap().to_owned();
    let mut arguments = vec!["sigstore-conformance".to_owned(), "verify-bundle".to_owned()];
    arguments.extend(["--bundle".to_owned(), shown(vector.join("bundle.sigstore.json"))]);
    let key = vector.join("key.pub");
    if key.exists() {
        arguments.extend(["--key".to_owned(), shown(key)]);
    } else {
        arguments.extend(["--certificate-identity".to_owned(), text_or(&vector.join("identity"), IDENTITY)]);
        arguments.extend(["--certificate-oidc-issuer".to_owned(), text_or(&vector.join("issuer"), ISSUER)]);
    }
    let root = vector.join("trusted_root.json");
    if root.exists() {
        arguments.extend(["--trusted-root".to_owned(), shown(root)]);
    }
    let own = vector.join("artifact");
    let artifact = if own.exists() { own } else { vectors().join("a.txt") };
    arguments.push(if by_digest {
        let digest: [u8; 32] = Sha256::digest(fs::read(artifact).unwrap()).into();
        let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{hexadecimal}")
    } else {
        shown(artifact)
    });
    sandbox.run_with(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &[])
}

#[test]
fn every_vector_of_sigstores_conformance_suite_comes_out_right_by_path_and_by_digest() {
    let sandbox = Sandbox::new();
    let mut wrong = Vec::new();
    let (mut passed, mut refused) = (0, 0);
    for entry in fs::read_dir(vectors()).unwrap() {
        let vector = entry.unwrap().path();
        if !vector.is_dir() {
            continue;
        }
        let name = vector.file_name().unwrap().to_str().unwrap().to_owned();
        let expected = if name.ends_with("_fail") { 1 } else { 0 };
        for by_digest in [false, true] {
            let ran = verify(&sandbox, &vector, by_digest);
            if ran.code != expected || ran.stderr.contains("panicked") {
                wrong.push(format!("{name} (by digest: {by_digest}): {} {}", ran.code, ran.stderr));
            }
            if ran.code == 0 { passed += 1 } else { refused += 1 }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!((passed, refused), (42, 98));
}

const WORKFLOW: &str = "https://github.com/example/release/.github/workflows/gate.yml@refs/heads/main";
const WORKFLOW_ISSUER: &str = "https://token.actions.example.org";

fn instance(options: &[&str]) -> Service {
    Service::start("sigstore_instance.py", options)
}

/// Runs `check` with the variables by which a job of GitHub Actions gets a token, and with none that say that it is one: there,
/// the change would have to be reviewed as well.
fn check(sandbox: &Sandbox, service: &Service, more: &[&str]) -> Ran {
    let (base, timestamp, root) = (service.url(""), service.url("timestamp"), service.shown("trusted_root.json"));
    let mut arguments = vec!["check", "release", "--keyless", "--fulcio-url", &base, "--rekor-url", &base];
    arguments.extend(["--timestamp-url", &timestamp, "--trusted-root", &root]);
    arguments.extend(more);
    let token = service.url("token?api-version=2.0");
    let job = [("ACTIONS_ID_TOKEN_REQUEST_URL", token.as_str()), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner")];
    sandbox.run_with(&arguments, &job)
}

fn bundle(sandbox: &Sandbox, kind: &str) -> String {
    let directory = sandbox.path(".modelgate/evidence");
    let mut names = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let found = names.find(|path| path.to_str().unwrap().ends_with(&format!(".{kind}.sigstore.json")));
    found.unwrap().to_str().unwrap().to_owned()
}

fn verify_ours(sandbox: &Sandbox, bundle: &str, root: &str, identity: &str, issuer: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["verify", bundle, "--certificate-identity", identity, "--certificate-oidc-issuer", issuer];
    arguments.extend(["--trusted-root", root]);
    arguments.extend(more);
    sandbox.run_with(&arguments, &[])
}

#[test]
fn a_job_signs_by_its_identity_and_is_verified_by_it() {
    let (sandbox, service) = (Sandbox::with("approved"), instance(&[]));
    let ran = check(&sandbox, &service, &[]).expect(0);
    assert!(ran.stdout.contains(&format!("--certificate-identity {WORKFLOW}")), "{}", ran.stdout);
    assert!(!sandbox.path(".modelgate/evidence/public-key.pem").exists());
    let (verdict, root) = (bundle(&sandbox, "verdict"), service.shown("trusted_root.json"));
    let verify =
        |identity: &str, issuer: &str, more: &[&str]| verify_ours(&sandbox, &verdict, &root, identity, issuer, more);
    verify(WORKFLOW, WORKFLOW_ISSUER, &["--artifact", "release/model/model.onnx", "--require-tier", "high"]).expect(0);

    // Our own rules hold just the same.
    let other = &["--artifact", "release/data/holdout.parquet"];
    verify(WORKFLOW, WORKFLOW_ISSUER, other).expect(1).says(&["holdout.parquet"]);
    verify(WORKFLOW, WORKFLOW_ISSUER, &["--require-tier", "critical"]).expect(1).says(&["critical"]);
    let evaluation = bundle(&sandbox, "evaluation");
    verify_ours(&sandbox, &evaluation, &root, WORKFLOW, WORKFLOW_ISSUER, &[]).expect(1).says(&["is expected"]);
    verify_ours(&sandbox, &evaluation, &root, WORKFLOW, WORKFLOW_ISSUER, &["--evaluation"]).expect(0);

    // Another workflow, another branch, another issuer, another instance.
    let branch = WORKFLOW.replace("heads/main", "pull/7/merge");
    verify(&branch, WORKFLOW_ISSUER, &[]).expect(1).says(&["identity"]);
    verify(WORKFLOW, "https://gitlab.com", &[]).expect(1).says(&["issuer"]);
    let elsewhere = instance(&[]);
    let elsewhere = elsewhere.shown("trusted_root.json");
    verify_ours(&sandbox, &verdict, &elsewhere, WORKFLOW, WORKFLOW_ISSUER, &[]).expect(1);
    sandbox
        .run_with(
            &["verify", &verdict, "--certificate-identity", WORKFLOW, "--certificate-oidc-issuer", WORKFLOW_ISSUER],
            &[],
        )
        .expect(1);
}

#[test]
fn a_denial_that_a_job_signed_proves_nothing() {
    let (sandbox, service) = (Sandbox::with("denied"), instance(&[]));
    check(&sandbox, &service, &[]).expect(1);
    let root = service.shown("trusted_root.json");
    verify_ours(&sandbox, &bundle(&sandbox, "verdict"), &root, WORKFLOW, WORKFLOW_ISSUER, &[])
        .expect(1)
        .says(&["FAILED"]);
}

#[test]
fn no_changed_byte_of_a_bundle_that_a_certificate_signed_proves_anything_else() {
    let (sandbox, service) = (Sandbox::with("approved"), instance(&[]));
    check(&sandbox, &service, &[]).expect(0);
    let root = service.shown("trusted_root.json");
    let original = fs::read(bundle(&sandbox, "verdict")).unwrap();
    let expected = {
        sandbox.write("changed.json", &original);
        verify_ours(&sandbox, "changed.json", &root, WORKFLOW, WORKFLOW_ISSUER, &[]).expect(0).stdout
    };
    // A process for each, so that not every byte is tried; the step is prime to the length of a line of base64.
    for index in (0..original.len()).step_by(211) {
        let mut changed = original.clone();
        changed[index] ^= 1 << (index % 7);
        sandbox.write("changed.json", &changed);
        let ran = verify_ours(&sandbox, "changed.json", &root, WORKFLOW, WORKFLOW_ISSUER, &[]);
        assert!(ran.code == 1 || (ran.code == 0 && ran.stdout == expected), "byte {index}: {ran:?}");
        assert!(!ran.stderr.contains("panicked"), "byte {index}: {ran:?}");
    }
}

#[test]
fn what_a_service_did_wrong_is_not_signed() {
    for (fault, says) in [
        ("no-token", "token service"),
        ("no-certificate", "certificate authority"),
        ("no-log", "transparency log"),
        ("other-certificate", "does not verify"),
        ("other-entry", "does not verify"),
        ("wrong-checkpoint", "does not verify"),
    ] {
        let (sandbox, service) = (Sandbox::with("approved"), instance(&["--fault", fault]));
        let ran = check(&sandbox, &service, &[]).expect(4).says(&[says]);
        assert!(!ran.stderr.contains("runner"), "{}", ran.stderr);
        assert!(!sandbox.path(".modelgate/evidence").exists(), "{fault}");
    }
}

#[test]
fn a_private_repository_is_not_published_and_no_job_signs_unasked() {
    let sandbox = Sandbox::with("approved");
    // It has a token, and nobody asked for it.
    let token = ("SIGSTORE_ID_TOKEN", "e30.e30.e30");
    let ran = sandbox.run_with(&["check", "release"], &[token]).expect(0);
    assert!(ran.stdout.contains("--key "), "{}", ran.stdout);
    sandbox.run_with(&["check", "release", "--keyless"], &[token]).expect(4).says(&["--keyless-public-log"]);
    let visible = |visibility| [("GITLAB_CI", "true"), ("CI_PROJECT_VISIBILITY", visibility)];
    for visibility in ["internal", "private", ""] {
        sandbox.run_with(&["check", "release", "--keyless"], &visible(visibility)).says(&["--keyless-public-log"]);
    }
    // Public, or allowed: it fails only for want of a token.
    sandbox.run_with(&["check", "release", "--keyless"], &visible("public")).says(&["id_tokens"]);
    sandbox.run_with(&["check", "release", "--keyless", "--keyless-public-log"], &[]).expect(4).says(&["id_tokens"]);
}
