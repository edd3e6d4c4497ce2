//! Trusted timestamps: asked for when signing, and checked when verifying.

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::common::{Ran, Sandbox};
use crate::services::Service;

const KEY: &str = "home/.config/modelgate/local-signing-key.pem.pub";

fn check(sandbox: &Sandbox, service: &Service, path: &str, certificate: &str) -> Ran {
    let (url, certificate) = (service.url(path), service.shown(certificate));
    sandbox.run_with(&["check", "release", "--timestamp-url", &url, "--timestamp-certificate", &certificate], &[])
}

fn verdict(sandbox: &Sandbox) -> String {
    let directory = sandbox.path(".modelgate/evidence");
    let mut names = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let found = names.find(|path| path.to_str().unwrap().ends_with(".verdict.sigstore.json"));
    found.unwrap().to_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs openssl and Python: .ci/run runs it"]
fn the_time_of_a_signature_is_what_its_authority_says() {
    let (sandbox, service) = (Sandbox::with("approved"), Service::start("timestamp_authority.py", &[]));
    check(&sandbox, &service, "", "ca.pem").expect(0);
    let bundle = verdict(&sandbox);

    // Ours: with the authority's certificate the time is proven, without it the signature alone.
    let certificate = service.shown("ca.pem");
    let verify = |more: &[&str]| {
        let mut arguments = vec!["verify", &bundle, "--key", KEY, "--artifact", "release/model/model.onnx"];
        arguments.extend(more);
        sandbox.run_with(&arguments, &[])
    };
    let proven = verify(&["--timestamp-certificate", &certificate]).expect(0);
    assert!(proven.stdout.contains("  timestamp 20"), "{}", proven.stdout);
    let unchecked = verify(&[]).expect(0).says(&["not checked", "--timestamp-certificate"]);
    assert!(!unchecked.stdout.contains("timestamp"), "{}", unchecked.stdout);
    let other = Service::start("timestamp_authority.py", &[]);
    verify(&["--timestamp-certificate", &other.shown("ca.pem")]).expect(1).says(&["no authority"]);

    // openssl's: over the very bytes of the signature.
    let value: serde_json::Value = serde_json::from_slice(&fs::read(&bundle).unwrap()).unwrap();
    let decode = |pointer: &str| STANDARD.decode(value.pointer(pointer).unwrap().as_str().unwrap()).unwrap();
    let timestamps = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
    sandbox.write("response.tsr", decode(timestamps));
    sandbox.write("signature", decode("/dsseEnvelope/signatures/0/sig"));
    let openssl = Command::new("openssl")
        .args(["ts", "-verify", "-in", "response.tsr", "-data", "signature", "-CAfile", &certificate])
        .current_dir(sandbox.path(""))
        .output()
        .unwrap();
    assert!(openssl.status.success(), "{}", String::from_utf8_lossy(&openssl.stderr));
}

#[test]
#[ignore = "needs openssl and Python: .ci/run runs it"]
fn a_bundle_without_a_timestamp_proves_no_time() {
    let (sandbox, service) = (Sandbox::with("approved"), Service::start("timestamp_authority.py", &[]));
    sandbox.run("check release").expect(0);
    let certificate = service.shown("ca.pem");
    sandbox
        .run_with(&["verify", &verdict(&sandbox), "--key", KEY, "--timestamp-certificate", &certificate], &[])
        .expect(1)
        .says(&["no timestamp"]);
}

#[test]
#[ignore = "needs openssl and Python: .ci/run runs it"]
fn without_the_timestamp_that_was_asked_for_nothing_is_signed() {
    let (sandbox, service) = (Sandbox::with("approved"), Service::start("timestamp_authority.py", &[]));
    let other = Service::start("timestamp_authority.py", &[]);
    let ran = sandbox.run_with(
        &["check", "release", "--timestamp-url", &service.url(""), "--timestamp-certificate", &other.shown("ca.pem")],
        &[],
    );
    ran.expect(4).says(&["time-stamping service", "no authority"]);
    assert!(!sandbox.path(".modelgate/evidence").exists());
    sandbox.run("check release --timestamp-url http://127.0.0.1:9").expect(2).says(&["--timestamp-certificate"]);
}
