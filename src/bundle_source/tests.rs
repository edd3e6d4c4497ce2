//! Archives, signatures, downloads and the cache, against servers on this machine that end with the test.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::GzEncoder;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::json;

use super::*;

const POLICY: (&str, &str) = ("lib/a.rego", "package modelgate.lib.a\n");

/// A gzipped tar archive of `files`; a path is written as it is, however hostile.
fn archive_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn code(result: Result<PolicyBundle, Vec<Problem>>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(problems) => problems[0].code,
    }
}

fn load_with(source: &PolicySource, options: &LoadOptions<'_>) -> Result<PolicyBundle, Vec<Problem>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(source.load(options))
}

fn load_archive(bytes: &[u8], options: &LoadOptions<'_>) -> Result<PolicyBundle, Vec<Problem>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bundle.tar.gz");
    std::fs::write(&path, bytes).unwrap();
    load_with(&PolicySource::Archive(path), options)
}

#[test]
fn a_source_is_told_by_how_it_is_written() {
    let pin = "a".repeat(64);
    let parse = |text: &str| text.parse::<PolicySource>();
    assert_eq!(parse("embedded"), Ok(PolicySource::Embedded));
    assert_eq!(parse("policies"), Ok(PolicySource::Directory("policies".into())));
    assert_eq!(parse("a/b.tar.gz"), Ok(PolicySource::Archive("a/b.tar.gz".into())));
    assert!(matches!(parse(&format!("https://x/b.tar.gz#sha256={pin}")), Ok(PolicySource::Https { .. })));
    assert!(matches!(parse(&format!("http://127.0.0.1:1/b#sha256={pin}")), Ok(PolicySource::Https { .. })));
    let oci = parse(&format!("oci://registry:5000/a/b@sha256:{pin}")).unwrap();
    assert!(matches!(oci, PolicySource::Oci { registry, .. } if registry == "registry:5000"));
    for (text, reason) in [
        ("https://x/b.tar.gz".to_owned(), "needs the digest"),
        (format!("http://x/b#sha256={pin}"), "not read over http"),
        (format!("https://me:secret@x/b#sha256={pin}"), "password"),
        ("https://x/b#sha256=abc".to_owned(), "64 hexadecimal"),
        ("oci://x/y:latest".to_owned(), "tag can be moved"),
        (format!("oci://x@sha256:{pin}"), "write oci://"),
        (format!("oci://x/../y@sha256:{pin}"), "write oci://"),
        ("s3://x/y".to_owned(), "policies come from"),
    ] {
        let error = parse(&text).unwrap_err();
        assert!(error.contains(reason) && !error.contains("secret"), "{text}: {error}");
    }
}

#[test]
fn an_archive_is_read_and_a_hostile_one_is_refused() {
    let none = LoadOptions::default();
    let (path, text) = (POLICY.0, POLICY.1.as_bytes());
    let sound = load_archive(&archive_of(&[("./lib/a.rego", text), ("README.md", b"\xff")]), &none).unwrap();
    assert_eq!(sound.files().collect::<Vec<_>>(), [POLICY]);
    assert_eq!(code(load_archive(&archive_of(&[("/lib/a.rego", text)]), &none)), "ok");
    for (bytes, expected) in [
        (archive_of(&[("../a.rego", text)]), "hostile-bundle"),
        (archive_of(&[(path, text), ("./lib/a.rego", text)]), "hostile-bundle"),
        (archive_of(&[("lib/a.rego", b"\xff")]), "not-utf8"),
        (archive_of(&[("README.md", b"x")]), "no-policies"),
        (b"no archive at all".to_vec(), "invalid-bundle"),
        (archive_of(&[(path, text)])[..40].to_vec(), "invalid-bundle"),
    ] {
        assert_eq!(code(load_archive(&bytes, &none)), expected);
    }
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "lib/a.rego", "/etc/passwd").unwrap();
    let link = builder.into_inner().unwrap().finish().unwrap();
    assert_eq!(code(load_archive(&link, &none)), "hostile-bundle");
    // A small file that unpacks to more than is read.
    let zeros = vec![0_u8; 1 << 20];
    let names: Vec<String> = (0..140).map(|number| format!("z{number}")).collect();
    let bomb: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), zeros.as_slice())).collect();
    assert_ne!(code(load_archive(&archive_of(&bomb), &none)), "ok");
}

#[test]
fn roots_of_a_manifest_are_honoured() {
    let none = LoadOptions::default();
    for (manifest, expected) in [
        (r#"{"roots": ["modelgate"]}"#, "ok"),
        (r#"{"revision": "1"}"#, "ok"),
        (r#"{"roots": ["modelgate/lib", "bundle"]}"#, "ok"),
        (r#"{"roots": ["modelgate/li"]}"#, "invalid-manifest"),
        (r#"{"roots": ["modelgate", "modelgate/lib"]}"#, "invalid-manifest"),
        (r#"{"roots": "modelgate"}"#, "invalid-manifest"),
    ] {
        let bytes = archive_of(&[(".manifest", manifest.as_bytes()), (POLICY.0, POLICY.1.as_bytes())]);
        assert_eq!(code(load_archive(&bytes, &none)), expected, "{manifest}");
    }
    let data = archive_of(&[
        (".manifest", br#"{"roots": ["modelgate"]}"#),
        (POLICY.0, POLICY.1.as_bytes()),
        ("data/limits.yaml", b"a: 1\n"),
    ]);
    assert_eq!(code(load_archive(&data, &none)), "invalid-manifest");
}

fn token(key: &SigningKey, header: &serde_json::Value, files: &[(&str, &str)]) -> String {
    let files: Vec<_> =
        files.iter().map(|(name, hash)| json!({"name": name, "hash": hash, "algorithm": "SHA-256"})).collect();
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(&json!({"files": files})));
    let signature: Signature = key.sign(signed.as_bytes());
    json!({"signatures": [format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))]}).to_string()
}

#[test]
fn a_signature_covers_exactly_the_files_of_the_archive() {
    let directory = tempfile::tempdir().unwrap();
    let key = |number: u8| SigningKey::from_slice(&[number; 32]).unwrap();
    let public = directory.path().join("key.pub");
    std::fs::write(&public, key(1).verifying_key().to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
    let options = LoadOptions { public_key: Some(&public), ..LoadOptions::default() };
    let hash = Sha256Digest::of(POLICY.1.as_bytes()).to_string();
    // What a data file says is signed, not how it is written.
    let said = Sha256Digest::of(br#"{"a":[1,2],"b":"x"}"#).to_string();
    let es256 = json!({"alg": "ES256"});
    let all = [(POLICY.0, hash.as_str()), ("data/data.json", said.as_str())];
    let sealed = |signatures: &str, policy: &str| {
        archive_of(&[
            (".signatures.json", signatures.as_bytes()),
            (POLICY.0, policy.as_bytes()),
            ("data/data.json", b"{ \"b\": \"x\", \"a\": [1, 2] }"),
        ])
    };
    let good = token(&key(1), &es256, &all);
    assert_eq!(code(load_archive(&sealed(&good, POLICY.1), &options)), "ok");
    for (signatures, policy) in [
        (good.clone(), "package modelgate.lib.a\n\nx := 1\n"),
        (token(&key(2), &es256, &all), POLICY.1),
        (token(&key(1), &es256, &all[..1]), POLICY.1),
        (token(&key(1), &es256, &[all[0], all[1], ("lib/b.rego", &hash)]), POLICY.1),
        (token(&key(1), &es256, &[all[0], all[0], all[1]]), POLICY.1),
        (token(&key(1), &json!({"alg": "none"}), &all), POLICY.1),
        (json!({"signatures": []}).to_string(), POLICY.1),
    ] {
        assert_eq!(code(load_archive(&sealed(&signatures, policy), &options)), "invalid-signature", "{signatures}");
    }
    let unsigned = archive_of(&[(POLICY.0, POLICY.1.as_bytes())]);
    assert_eq!(code(load_archive(&unsigned, &options)), "unsigned-bundle");
    assert_eq!(code(load_with(&PolicySource::Embedded, &options)), "unsigned-bundle");
    std::fs::write(&public, "no key").unwrap();
    assert_eq!(code(load_archive(&sealed(&good, POLICY.1), &options)), "invalid-key");
}

/// A server on this machine that answers each path with what `pages` has, and counts requests.
struct Server {
    address: String,
    requests: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
}

type Pages = BTreeMap<String, (u16, String, Vec<u8>)>;

/// `connections` are answered, then the server ends.
fn serve(connections: usize, pages: impl FnOnce(&str) -> Pages) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let pages = pages(&address);
    let (requests, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (count, log) = (Arc::clone(&requests), Arc::clone(&seen));
    thread::spawn(move || {
        for stream in listener.incoming().take(connections) {
            count.fetch_add(1, Ordering::SeqCst);
            answer(stream.unwrap(), &pages, &log);
        }
    });
    Server { address, requests, seen }
}

fn answer(mut stream: TcpStream, pages: &Pages, log: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut buffer).unwrap();
        request.extend_from_slice(&buffer[..count]);
    }
    let request = String::from_utf8(request).unwrap();
    log.lock().unwrap().push(request.clone());
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let is_known = request.to_lowercase().contains("authorization: bearer pass");
    let guarded = pages.get(&format!("guarded {path}")).filter(|_| !is_known);
    let nothing = (404, String::new(), Vec::new());
    let (status, headers, body) = guarded.or_else(|| pages.get(&path)).unwrap_or(&nothing);
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
}

fn page(body: &[u8]) -> (u16, String, Vec<u8>) {
    (200, String::new(), body.to_vec())
}

#[test]
fn an_archive_is_downloaded_once_and_only_with_its_digest() {
    let bytes = archive_of(&[(POLICY.0, POLICY.1.as_bytes())]);
    let sha256 = Sha256Digest::of(&bytes);
    let server = serve(4, |address| {
        let elsewhere = (302, format!("location: http://{address}/b\r\n"), Vec::new());
        let outside = (302, "location: http://192.0.2.1/b\r\n".to_owned(), Vec::new());
        Pages::from([("/b".to_owned(), page(&bytes)), ("/moved".to_owned(), elsewhere), ("/out".to_owned(), outside)])
    });
    let cache = tempfile::tempdir().unwrap();
    let options = LoadOptions { cache: Some(cache.path()), ..LoadOptions::default() };
    let at = |path: &str, sha256| PolicySource::Https { url: format!("http://{}{path}", server.address), sha256 };
    let other = Sha256Digest::of(b"other");
    assert_eq!(code(load_with(&at("/b", other), &options)), "other-bundle");
    assert_eq!(code(load_with(&at("/out", sha256), &options)), "unreachable-bundle");
    let offline = LoadOptions { offline: true, ..options };
    assert_eq!(code(load_with(&at("/b", sha256), &offline)), "offline");
    assert_eq!(code(load_with(&at("/moved", sha256), &options)), "ok");
    assert_eq!(server.requests.load(Ordering::SeqCst), 4);
    // The server is gone; the cache is warm.
    let loaded = load_with(&at("/b", sha256), &offline).unwrap();
    assert_eq!(loaded.reference().uri, format!("http://{}/b#sha256={sha256}", server.address));
    let kept = cache.path().join("bundles/sha256").join(sha256.to_string());
    std::fs::write(&kept, "tampered with").unwrap();
    assert_eq!(code(load_with(&at("/b", sha256), &offline)), "offline");
    assert!(!kept.exists());
}

fn layer(kind: &str, title: &str, bytes: &[u8]) -> serde_json::Value {
    json!({
        "mediaType": kind, "digest": format!("sha256:{}", Sha256Digest::of(bytes)), "size": bytes.len(),
        "annotations": {"org.opencontainers.image.title": title},
    })
}

#[test]
fn an_artifact_is_pulled_from_a_registry_with_and_without_a_token() {
    let rego = "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego";
    let archive = archive_of(&[(POLICY.0, POLICY.1.as_bytes())]);
    let packed = "application/vnd.oci.image.layer.v1.tar+gzip";
    let files = json!({"schemaVersion": 2, "layers": [layer(rego, POLICY.0, POLICY.1.as_bytes())]}).to_string();
    let one = json!({"schemaVersion": 2, "layers": [layer(packed, "bundle.tar.gz", &archive)]}).to_string();
    let escaping = json!({"layers": [layer(rego, "../a.rego", POLICY.1.as_bytes())]}).to_string();
    let foreign = json!({"layers": [layer("text/plain", "a.rego", POLICY.1.as_bytes())]}).to_string();
    let blob = |bytes: &[u8]| format!("/v2/org/policies/blobs/sha256:{}", Sha256Digest::of(bytes));
    let manifest = |text: &str| format!("/v2/org/policies/manifests/sha256:{}", Sha256Digest::of(text.as_bytes()));
    let server = serve(9, |address| {
        let challenge =
            format!("www-authenticate: Bearer realm=\"http://{address}/token\",service=\"s\",scope=\"pull\"\r\n");
        let guard = (401, challenge, Vec::new());
        let mut pages = Pages::from([
            (format!("guarded {}", manifest(&files)), guard),
            ("/token?service=s&scope=pull".to_owned(), page(br#"{"token": "pass"}"#)),
            (blob(POLICY.1.as_bytes()), page(POLICY.1.as_bytes())),
            (blob(&archive), page(&archive)),
        ]);
        for text in [&files, &one, &escaping, &foreign] {
            pages.insert(manifest(text), page(text.as_bytes()));
        }
        pages
    });
    let pull = |text: &str| {
        let source = PolicySource::Oci {
            registry: server.address.clone(),
            repository: "org/policies".to_owned(),
            sha256: Sha256Digest::of(text.as_bytes()),
        };
        load_with(&source, &LoadOptions::default())
    };
    let loaded = pull(&files).unwrap();
    assert_eq!(loaded.files().collect::<Vec<_>>(), [POLICY]);
    assert!(loaded.reference().uri.starts_with(&format!("oci://{}/org/policies@sha256:", server.address)));
    assert_eq!(pull(&one).unwrap().files().collect::<Vec<_>>(), [POLICY]);
    assert_eq!(code(pull(&escaping)), "invalid-bundle");
    assert_eq!(code(pull(&foreign)), "invalid-bundle");
    assert_eq!(code(pull("not there")), "unreachable-bundle");
    let seen = server.seen.lock().unwrap();
    assert!(seen[0].to_lowercase().contains("accept: application/vnd.oci.image.manifest.v1+json"), "{}", seen[0]);
}

#[test]
fn a_blob_that_was_exchanged_is_refused() {
    let rego = "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego";
    let files = json!({"layers": [layer(rego, POLICY.0, POLICY.1.as_bytes())]}).to_string();
    let server = serve(2, |_| {
        let blob = format!("/v2/p/blobs/sha256:{}", Sha256Digest::of(POLICY.1.as_bytes()));
        let manifest = format!("/v2/p/manifests/sha256:{}", Sha256Digest::of(files.as_bytes()));
        Pages::from([(manifest, page(files.as_bytes())), (blob, page(b"package modelgate.lib.b\n"))])
    });
    let source = PolicySource::Oci {
        registry: server.address.clone(),
        repository: "p".to_owned(),
        sha256: Sha256Digest::of(files.as_bytes()),
    };
    assert_eq!(code(load_with(&source, &LoadOptions::default())), "other-bundle");
}

#[test]
fn a_file_that_is_not_there_is_said_to_be() {
    let missing = PolicySource::Archive(Path::new("/nowhere/bundle.tar.gz").to_owned());
    assert_eq!(code(load_with(&missing, &LoadOptions::default())), "missing-file");
}
