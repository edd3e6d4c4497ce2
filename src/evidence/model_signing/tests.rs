//! Our manifests and others', and every way in which a model may not be what was signed.

use std::fs;

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::evidence::sample;
use crate::facts::supply_chain::SignatureStatus;
use crate::facts::supply_chain::signatures::{ModelSigner, SignatureCheck, SignatureInput, SignatureVerifier as _};

/// A directory with files whose content is their own path.
fn files(paths: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for path in paths {
        let file = directory.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, path).unwrap();
    }
    directory
}

fn key() -> SigningKey {
    SigningKey::generate().unwrap()
}

fn bundle_of(payload: &[u8], key: &SigningKey) -> Vec<u8> {
    let envelope = Envelope::sign(payload.to_vec(), key).unwrap();
    Bundle { envelope, hint: String::new() }.to_json().unwrap()
}

/// A manifest in the order of `resources`, as another signer would write it.
fn payload(resources: &[(&str, &[u8])], serialization: Value, algorithm: &str) -> Value {
    let mut root = Sha256::new();
    resources.iter().for_each(|(_, bytes)| root.update(Sha256Digest::of(bytes).as_bytes()));
    let root = Sha256Digest::from_bytes(root.finalize().into());
    let resource = |(name, bytes): &(&str, &[u8])| json!({"name": name, "algorithm": algorithm, "digest": Sha256Digest::of(bytes)});
    json!({
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "m", "digest": {"sha256": root}}],
        "predicateType": MODEL_PREDICATE,
        "predicate": {"resources": resources.iter().map(resource).collect::<Vec<_>>(), "serialization": serialization},
    })
}

fn whole_files() -> Value {
    json!({"method": "files", "hash_type": "sha256", "allow_symlinks": false, "ignore_paths": [".git", "model.sig"]})
}

/// In the order of `model_signing` 1.1.1, which is not that of the specification.
fn theirs() -> Value {
    payload(&[("a/x.bin", b"a/x.bin"), ("a-y.bin", b"a-y.bin"), ("a.json", b"a.json")], whole_files(), "sha256")
}

fn read(payload: &Value) -> Result<ModelManifest, ModelSignatureError> {
    ModelManifest::from_payload(payload.to_string().as_bytes())
}

fn signed(directory: &Path, facts: &Facts, key: &SigningKey) -> Vec<u8> {
    match of_release(directory, facts, Verdict::Approve, key).unwrap() {
        OwnModelSignature::Signed(file) => file.bytes,
        OwnModelSignature::NotSigned(reason) => panic!("{reason:?}"),
    }
}

#[test]
fn a_release_is_signed_in_the_form_of_the_specification() {
    let directory = files(&["model/model.onnx", "model/scaler.json", "modelgate.yaml"]);
    let key = key();
    let bundle = signed(directory.path(), &sample::facts(), &key);
    assert_eq!(bundle, signed(directory.path(), &sample::facts(), &key));
    let written: Value = serde_json::from_slice(&bundle).unwrap();
    let hint = Sha256Digest::of(key.public_key().to_pem().unwrap().as_bytes()).to_hex();
    assert_eq!(written["verificationMaterial"], json!({"publicKey": {"hint": hint}, "tlogEntries": []}));
    let envelope = Bundle::from_bytes(&bundle).unwrap().envelope;
    let serialization = json!({
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": false,
        "ignore_paths": [".git", ".gitattributes", ".github", ".gitignore", "model.sig"],
    });
    let resources: [(&str, &[u8]); 2] = [("model.onnx", b"model/model.onnx"), ("scaler.json", b"model/scaler.json")];
    let mut expected = payload(&resources, serialization, "sha256");
    expected["subject"][0]["name"] = json!("model");
    assert_eq!(serde_json::from_slice::<Value>(envelope.payload()).unwrap(), expected);
    let model = directory.path().join("model");
    let signature = model.join(FILE_NAME);
    fs::write(&signature, &bundle).unwrap();
    assert_eq!(verify(&bundle, &key.public_key(), &model, &signature).unwrap().name, "model");
    let foreign = verify(&bundle, &self::key().public_key(), &model, &signature);
    assert_eq!(foreign, Err(ModelSignatureError::Signature));
}

#[test]
fn names_are_in_the_order_of_code_points() {
    let directory = files(&["m/a/x.bin", "m/a-y.bin", "m/a.json"]);
    let mut facts = sample::facts();
    let artifact = facts.artifacts[0].clone();
    facts.artifacts = ["m/a/x.bin", "m/a-y.bin", "m/a.json"]
        .map(|path| {
            let mut artifact = artifact.clone();
            artifact.file.path = path.to_owned();
            artifact.file.sha256 = Sha256Digest::of(path.as_bytes());
            artifact
        })
        .to_vec();
    let bundle = signed(directory.path(), &facts, &key());
    let payload: Value = serde_json::from_slice(Bundle::from_bytes(&bundle).unwrap().envelope.payload()).unwrap();
    let resources = payload["predicate"]["resources"].as_array().unwrap();
    let names: Vec<&str> = resources.iter().map(|resource| resource["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a-y.bin", "a.json", "a/x.bin"]);
}

#[test]
fn only_one_artifact_is_signed_as_a_file() {
    let directory = files(&["model/model.onnx", "model/notes.txt"]);
    let mut facts = sample::facts();
    facts.artifacts.truncate(1);
    let key = key();
    let bundle = signed(directory.path(), &facts, &key);
    let file = directory.path().join("model/model.onnx");
    let check = |file: &Path| verify(&bundle, &key.public_key(), file, Path::new("model.sig"));
    assert!(check(&file).unwrap().is_single_file());
    assert!(matches!(check(&directory.path().join("model")), Err(ModelSignatureError::Files(_))));
    fs::write(&file, "changed").unwrap();
    assert!(matches!(check(&file), Err(ModelSignatureError::Files(_))));
}

#[test]
fn what_was_not_judged_or_denied_is_not_signed() {
    let facts = sample::facts();
    let directory = files(&["model/model.onnx", "model/scaler.json"]);
    let refused =
        |directory: &Path, facts: &Facts, decision, key: &SigningKey| match of_release(directory, facts, decision, key)
            .unwrap()
        {
            OwnModelSignature::NotSigned(reason) => reason.unwrap_or_default(),
            OwnModelSignature::Signed(_) => panic!("it was signed"),
        };
    let reason = refused(directory.path(), &facts, Verdict::Deny, &key());
    assert_eq!(reason, "");
    let ed25519 = SigningKey::generate_for(KeyAlgorithm::Ed25519).unwrap();
    let reason = refused(directory.path(), &facts, Verdict::Approve, &ed25519);
    assert!(reason.contains("Ed25519"), "{reason}");
    let mut has_one = facts.clone();
    has_one.supply_chain.signatures = Some(Vec::new());
    let reason = refused(directory.path(), &has_one, Verdict::Approve, &key());
    assert_eq!(reason, "");
    fs::write(directory.path().join("model/modeling.py"), "x").unwrap();
    let reason = refused(directory.path(), &facts, Verdict::Conditional, &key());
    assert!(reason.contains("`model/modeling.py`"), "{reason}");
    fs::remove_file(directory.path().join("model/model.onnx")).unwrap();
    let reason = refused(directory.path(), &facts, Verdict::Approve, &key());
    assert!(reason.contains("`model/model.onnx` is elsewhere"), "{reason}");
    let flat = files(&["a.onnx", "b.json"]);
    let mut facts = facts;
    facts.artifacts[0].file.path = "a.onnx".to_owned();
    facts.artifacts[1].file.path = "b.json".to_owned();
    let reason = refused(flat.path(), &facts, Verdict::Approve, &key());
    assert!(reason.contains("no directory of their own"), "{reason}");
}

#[test]
fn a_changed_missing_added_or_renamed_file_is_found() {
    let key = key();
    let bundle = bundle_of(theirs().to_string().as_bytes(), &key);
    let check = |directory: &Path| verify(&bundle, &key.public_key(), directory, &directory.join("model.sig"));
    let sound = || files(&["a/x.bin", "a-y.bin", "a.json"]);
    let model = sound();
    // Left out at the root alone.
    for excluded in [".gitignore", ".gitattributes"] {
        fs::write(model.path().join(excluded), "x").unwrap();
    }
    for excluded in [".git", ".github"] {
        fs::create_dir(model.path().join(excluded)).unwrap();
        fs::write(model.path().join(excluded).join("x"), "x").unwrap();
    }
    fs::write(model.path().join("model.sig"), &bundle).unwrap();
    assert_eq!(check(model.path()).unwrap().name, "m");
    fs::write(model.path().join("a/.gitignore"), "x").unwrap();
    let error = check(model.path()).unwrap_err().to_string();
    assert!(error.contains("`a/.gitignore` was not signed"), "{error}");

    type Change = (fn(&Path), &'static str);
    let changes: [Change; 5] = [
        (|model| fs::write(model.join("a.json"), "other").unwrap(), "`a.json` was changed"),
        (|model| fs::remove_file(model.join("a.json")).unwrap(), "`a.json` is missing"),
        (|model| fs::write(model.join("b"), "").unwrap(), "`b` was not signed"),
        (|model| fs::rename(model.join("a.json"), model.join("b.json")).unwrap(), "`b.json` was not signed"),
        (
            |model| {
                fs::write(model.join("a.json"), "a-y.bin").unwrap();
                fs::write(model.join("a-y.bin"), "a.json").unwrap();
            },
            "`a-y.bin` was changed, `a.json` was changed",
        ),
    ];
    for (change, says) in changes {
        let model = sound();
        change(model.path());
        let error = check(model.path()).unwrap_err().to_string();
        assert!(error.contains(says), "`{says}` is not in: {error}");
    }
}

#[test]
fn others_manifests_hold_in_their_own_order_alone() {
    let manifest = read(&theirs()).unwrap();
    let sorted: [(&str, &[u8]); 3] = [("a-y.bin", b"a-y.bin"), ("a.json", b"a.json"), ("a/x.bin", b"a/x.bin")];
    let ours = read(&payload(&sorted, whole_files(), "sha256")).unwrap();
    assert_ne!(manifest.root, ours.root);
    let mut wrong = theirs();
    wrong["subject"][0]["digest"]["sha256"] = json!(ours.root);
    assert!(read(&wrong).unwrap_err().to_string().contains("subject's digest"));
}

#[test]
fn shards_cover_a_file_from_its_beginning_to_its_end() {
    let shards: [(&str, &[u8]); 4] =
        [("a.bin:0:3", b"a.b"), ("a.bin:3:5", b"in"), ("d/b.bin:0:3", b"d/b"), ("d/b.bin:3:6", b".bi")];
    let method = json!({"method": "shards", "hash_type": "sha256", "shard_size": 3.0, "allow_symlinks": false});
    let mut all = shards.to_vec();
    all.push(("d/b.bin:6:7", b"n"));
    let model = files(&["a.bin", "d/b.bin"]);
    fs::write(model.path().join("empty"), "").unwrap();
    for algorithm in ["sha256-sharded-3", "sha256"] {
        let manifest = read(&payload(&all, method.clone(), algorithm)).unwrap();
        let covered = manifest.check(model.path(), Path::new("model.sig"), &KnownDigests::new()).unwrap();
        assert_eq!(covered.len(), 3);
    }
    let short = read(&payload(&shards, method.clone(), "sha256-sharded-3")).unwrap();
    let error = short.check(model.path(), Path::new("x"), &KnownDigests::new()).unwrap_err().to_string();
    assert!(error.contains("`d/b.bin:6:7` was not signed"), "{error}");
    for size in [json!(0), json!(0.5), json!(-3), json!(1e300), Value::Null] {
        let mut method = method.clone();
        method["shard_size"] = size.clone();
        assert!(matches!(read(&payload(&all, method, "sha256")), Err(ModelSignatureError::Manifest(_))), "{size}");
    }
}

#[test]
fn what_is_no_manifest_is_refused_and_named() {
    let one: [(&str, &[u8]); 1] = [("a", b"a")];
    let change = |pointer: &str, value: Value| {
        let mut payload = payload(&one, whole_files(), "sha256");
        *payload.pointer_mut(pointer).unwrap() = value;
        payload.to_string()
    };
    let named = |name: &str| payload(&[(name, b"a")], whole_files(), "sha256").to_string();
    let subject = json!({"name": "m", "digest": {"sha256": Sha256Digest::of(b"")}});
    for (payload, says) in [
        ("{".to_owned(), "EOF"),
        ("{}".to_owned(), "`_type`"),
        (change("/_type", json!("x")), "its `_type` is `x`"),
        (change("/predicateType", json!("https://slsa.dev/provenance/v1")), "provenance"),
        (change("/subject", json!([])), "0 subjects"),
        (change("/subject", json!([subject, subject])), "2 subjects"),
        (change("/predicate/resources", json!([])), "no files"),
        (change("/predicate/resources/0/digest", json!("AA")), "digest"),
        (change("/predicate/resources/0/algorithm", json!("sha512")), "sha512"),
        (change("/predicate/serialization/method", json!("tar")), "`tar`"),
        (change("/predicate/serialization/hash_type", json!("sha1")), "`sha1`"),
        (change("/predicate/serialization/hash_type", json!("blake3")), "only SHA-256 is checked"),
        (change("/predicate/serialization/hash_type", json!("blake2b")), "only SHA-256 is checked"),
        (payload(&[("a", b"a"), ("a", b"a")], whole_files(), "sha256").to_string(), "twice"),
        (payload(&[("a", b"a"), (".", b"a")], whole_files(), "sha256").to_string(), "of one file"),
        (named("../a"), "`../a`"),
        (named("/a"), "`/a`"),
        (named("a//b"), "`a//b`"),
        (named("a/./b"), "`a/./b`"),
        (named("a\\b"), "plain relative path"),
        (named("a\0"), "plain relative path"),
        (change("/predicate", json!({"resources": [], "serialization": whole_files(), "extra": 1})), "extra"),
        (theirs().to_string().replacen('{', r#"{"_type":"x","#, 1), "twice"),
    ] {
        let error = ModelManifest::from_payload(payload.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(says), "`{says}` is not in: {error}");
    }
}

#[cfg(unix)]
#[test]
fn links_count_where_the_signer_allowed_them_and_stay_inside() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    let model = files(&["a"]);
    symlink("a", model.path().join("b")).unwrap();
    let both: [(&str, &[u8]); 2] = [("a", b"a"), ("b", b"a")];
    let manifest = |allowed: bool| {
        let mut method = whole_files();
        method["allow_symlinks"] = json!(allowed);
        read(&payload(&both, method, "sha256")).unwrap()
    };
    let check = |manifest: &ModelManifest| manifest.check(model.path(), Path::new("x"), &KnownDigests::new());
    assert!(check(&manifest(false)).unwrap_err().to_string().contains("`b` is a symbolic link"));
    assert_eq!(check(&manifest(true)).unwrap().len(), 2);
    fs::remove_file(model.path().join("b")).unwrap();
    symlink("/etc/hostname", model.path().join("b")).unwrap();
    assert!(check(&manifest(true)).unwrap_err().to_string().contains("leads out of the model"));
    fs::remove_file(model.path().join("b")).unwrap();
    fs::write(model.path().join(std::ffi::OsStr::from_bytes(b"b\xff")), "x").unwrap();
    assert!(check(&manifest(true)).unwrap_err().to_string().contains("not UTF-8"));
}

fn signers(key: &SigningKey) -> ModelSigners {
    let signer = |name: &str, key: &SigningKey| ModelSigner {
        version: 1,
        name: name.to_owned(),
        public_key: key.public_key().to_pem().unwrap(),
    };
    ModelSigners::of(&[signer("other@example.com", &self::key()), signer("ml@example.com", key)]).unwrap()
}

fn looked_at(signers: &ModelSigners, model: &Path, name: &str, bytes: &[u8]) -> SignatureCheck {
    let path = model.join(name);
    fs::write(&path, bytes).unwrap();
    signers.verify(&SignatureInput { bytes, path: &path, known: &KnownDigests::new() })
}

#[test]
fn a_signature_that_came_with_a_model_is_verified_by_the_keys_of_the_policies() {
    let key = key();
    let model = files(&["a/x.bin", "a-y.bin", "a.json"]);
    let sound = bundle_of(theirs().to_string().as_bytes(), &key);
    let check = looked_at(&signers(&key), model.path(), "model.sig", &sound);
    let covers = ["a-y.bin", "a.json", "a/x.bin"].map(|path| model.path().join(path)).to_vec();
    let signer = Some("ml@example.com".to_owned());
    assert_eq!(check, SignatureCheck { status: SignatureStatus::Verified, signer, covers, reason: None });

    let unknown = looked_at(&ModelSigners::default(), model.path(), "model.sig", &sound);
    assert_eq!((unknown.status, unknown.signer, unknown.covers.len()), (SignatureStatus::Untrusted, None, 0));
    // By a certificate, which is not looked at: still, the files must be those that were signed.
    let mut certified: Value = serde_json::from_slice(&sound).unwrap();
    certified["verificationMaterial"] = json!({"certificate": {"rawBytes": ""}, "tlogEntries": [{}]});
    let certified = certified.to_string();
    let stranger = looked_at(&ModelSigners::default(), model.path(), "model.sig", certified.as_bytes());
    assert_eq!(stranger.status, SignatureStatus::Untrusted);
    assert!(stranger.reason.unwrap().contains("certificate"));
    fs::write(model.path().join("a.json"), "other").unwrap();
    for bytes in [sound.as_slice(), certified.as_bytes()] {
        let check = looked_at(&signers(&key), model.path(), "model.sig", bytes);
        assert_eq!((check.status, check.signer), (SignatureStatus::Invalid, None));
        assert!(check.reason.unwrap().contains("`a.json` was changed"));
    }
}

#[test]
fn what_is_no_signature_of_a_model_is_said() {
    let key = key();
    let model = files(&["m.bin"]);
    for (name, bytes, status, says) in [
        ("model.sig", b"\x88\x01".as_slice(), SignatureStatus::Invalid, "not a Sigstore bundle"),
        ("model.sig", b"{}", SignatureStatus::Invalid, "without a signed statement"),
        ("m.bin.asc.sig", b"\x88\x01", SignatureStatus::Untrusted, "OpenSSF Model Signing"),
    ] {
        let check = looked_at(&signers(&key), model.path(), name, bytes);
        assert_eq!(check.status, status, "{name}");
        assert!(check.reason.as_ref().unwrap().contains(says), "{check:?}");
    }
    let single = payload(&[(".", b"m.bin")], whole_files(), "sha256");
    let bundle = bundle_of(single.to_string().as_bytes(), &key);
    let check = looked_at(&signers(&key), model.path(), "m.bin.sig", &bundle);
    assert_eq!((check.status, check.covers), (SignatureStatus::Verified, vec![model.path().join("m.bin")]));
    // Another file may not be taken for it: the subject is called `m`.
    let check = looked_at(&signers(&key), model.path(), "model.sig", &bundle);
    assert!(check.reason.unwrap().contains("`m` is missing"));
    assert!(ModelSigners::of(&[ModelSigner { version: 1, name: "x".to_owned(), public_key: "x".to_owned() }]).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = ModelManifest::from_payload(&bytes);
        let _ = ModelSigners::default().verify(&SignatureInput {
            bytes: &bytes, path: Path::new("/nowhere/model.sig"), known: &KnownDigests::new(),
        });
    }

    #[test]
    fn a_changed_manifest_is_refused_or_names_the_same_files(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let original = read(&theirs()).unwrap();
        let mut changed = theirs().to_string().into_bytes();
        let at = at.index(changed.len());
        changed[at] = byte;
        if let Ok(read) = ModelManifest::from_payload(&changed) {
            // A name may have changed, which the signature covers; the digests may not.
            prop_assert_eq!(read.root, original.root);
            prop_assert_eq!(read.resources.len(), original.resources.len());
        }
    }
}
