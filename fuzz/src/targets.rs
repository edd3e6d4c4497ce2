//! The table of targets, and the choice of one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, OnceLock};

use crate::document::{Document, strict_json};
use crate::evidence::bundle::Bundle;
use crate::evidence::dsse::Envelope;
use crate::evidence::key::{KeyAccess, PublicKey, SigningKey};
use crate::facts::artifact::fuzzing;
use crate::facts::card;
use crate::facts::mlflow::mlmodel;
use crate::facts::monitoring::{self, MonitoringFormat};
use crate::facts::supply_chain::{bill_of_materials, dvc};
use crate::manifest::raw::RawManifest;
use crate::memory;
use crate::policy::PolicyBundle;

/// What a target does with bytes.
type Target = Box<dyn Fn(&[u8]) + Send + Sync>;

/// A new target is one line here; formats of artifacts (`artifact-…`) and of monitoring (`monitoring-…`) have theirs by the
/// tables of the program.
fn table() -> BTreeMap<String, Target> {
    let mut table: BTreeMap<String, Target> = BTreeMap::new();
    let mut target = |name: &str, run: Target| assert!(table.insert(name.to_owned(), run).is_none(), "{name}");
    for format in fuzzing::formats() {
        target(&format!("artifact-{format}"), Box::new(move |bytes| fuzzing::inspector(&format, bytes)));
    }
    for (name, format) in monitoring_formats() {
        target(&format!("monitoring-{name}"), Box::new(move |bytes| drop(monitoring::read_bytes("m", bytes, format))));
    }
    target("artifact", Box::new(fuzzing::detection));
    target(
        "artifact-large",
        Box::new(|bytes| with_files(&[&spread(bytes)[..]], |files| fuzzing::large_file(files[0]))),
    );
    target("artifacts-together", Box::new(artifacts_together));
    target("bill-of-materials", Box::new(|bytes| with_files(&[bytes], |files| drop(bill(files[0])))));
    target("card", Box::new(|bytes| with_files(&[bytes], |files| drop(card::read("CARD.md", files[0])))));
    target("dvc-pointer", Box::new(|bytes| assert!(bytes.len() < 1 << 20 || !dvc::is_pointer(bytes))));
    target("evidence-bundle", Box::new(evidence_bundle));
    target("evidence-envelope", Box::new(|bytes| drop(Envelope::from_bytes(bytes))));
    target(
        "evidence-private-key",
        Box::new(|bytes| with_text(bytes, |text| drop(SigningKey::from_pem_text(text, &KeyAccess::default())))),
    );
    target("evidence-public-key", Box::new(|bytes| with_text(bytes, |text| drop(PublicKey::from_pem_text(text)))));
    target("json", Box::new(|bytes| drop(strict_json::parse(bytes))));
    target("manifest", Box::new(|bytes| with_text(bytes, manifest)));
    target("mlflow-model", Box::new(|bytes| with_text(bytes, |text| drop(mlmodel::read(text)))));
    target("policy-bundle", Box::new(|bytes| crate::bundle_source::unpack(bytes, None)));
    target("policy-control", Box::new(|bytes| with_text(bytes, |text| policies("controls/a/b/b.rego", text))));
    target("policy-framework", Box::new(|bytes| with_text(bytes, |text| policies("frameworks/a.yaml", text))));
    target("policy-profile", Box::new(|bytes| with_text(bytes, |text| policies("tiers/high.yaml", text))));
    table
}

static TARGET: OnceLock<Target> = OnceLock::new();

/// Chooses the target that MODELGATE_FUZZ_TARGET names. Without one, or with `list`, their names are written.
pub fn begin() {
    let name = std::env::var("MODELGATE_FUZZ_TARGET").unwrap_or_default();
    let mut table = table();
    match table.remove(&name) {
        Some(target) => {
            // What is made once for all runs, such as regular expressions, is no run's.
            target(b"");
            target(b"{}");
            let _ = TARGET.set(target);
        }
        None if matches!(name.as_str(), "" | "list") => {
            table.keys().for_each(|name| println!("{name}"));
            std::process::exit(0);
        }
        None => {
            eprintln!("there is no target `{name}`");
            std::process::exit(2);
        }
    }
}

/// Runs the target once.
pub fn run(bytes: &[u8]) {
    if let Some(target) = TARGET.get() {
        memory::bounded(|| target(bytes));
    }
}

/// Formats as manifests name them, from the schema of the manifest.
fn monitoring_formats() -> Vec<(String, MonitoringFormat)> {
    let schema = schemars::schema_for!(MonitoringFormat).to_value();
    let variants = schema["oneOf"].as_array().expect("the formats have docs of their own");
    let format = |variant: &serde_json::Value| {
        let name = variant["const"].clone();
        (name.as_str().unwrap().to_owned(), serde_json::from_value(name).unwrap())
    };
    variants.iter().map(format).collect()
}

fn with_text(bytes: &[u8], run: impl FnOnce(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        run(text);
    }
}

/// Writes files, in memory where there is such a place.
fn with_files(contents: &[&[u8]], run: impl FnOnce(&[&Path])) {
    static DIRECTORY: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        directory.expect("a directory for files")
    });
    let paths: Vec<PathBuf> = (0..contents.len()).map(|index| DIRECTORY.path().join(index.to_string())).collect();
    for (path, content) in paths.iter().zip(contents) {
        fs::write(path, content).expect("a file in memory");
    }
    run(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>());
}

/// Two parts, the second in another page of the file: the first byte says how much is the first.
fn spread(bytes: &[u8]) -> Vec<u8> {
    const PAGES_BYTES: usize = 128 << 10;
    let (first, rest) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
    let (head, tail) = rest.split_at(rest.len() * usize::from(first) / 256);
    let mut file = head.to_vec();
    file.resize(PAGES_BYTES.max(head.len()), 0);
    file.extend_from_slice(tail);
    file
}

/// Files of a repository that speak of each other, with a line feed and a NUL between them.
fn artifacts_together(bytes: &[u8]) {
    const NAMES: [&str; 4] =
        ["config.json", "model.safetensors.index.json", "tokenizer_config.json", "requirements.txt"];
    let mut parts: Vec<&[u8]> = vec![bytes];
    while let Some(last) = parts.pop() {
        let cut = last.windows(2).position(|window| window == b"\n\0").filter(|_| parts.len() + 1 < NAMES.len());
        let Some(cut) = cut else {
            parts.push(last);
            break;
        };
        parts.extend([&last[..cut], &last[cut + 2..]]);
    }
    with_files(&parts, |files| {
        let files: Vec<_> = NAMES.into_iter().zip(files.iter().copied()).collect();
        fuzzing::together(&files);
    });
}

fn bill(path: &Path) -> Result<impl Sized, impl Sized> {
    bill_of_materials::read("bom.json", path, &[])
}

/// What is looked at before a signature holds: the rest is what the key's owner wrote.
fn evidence_bundle(bytes: &[u8]) {
    static KEY: LazyLock<PublicKey> = LazyLock::new(|| SigningKey::generate().expect("a key").public_key());
    drop(Bundle::timestamps(bytes));
    if let Ok(bundle) = Bundle::from_bytes(bytes) {
        assert!(!bundle.envelope.is_signed_by(&KEY), "nobody has this key");
        let written = bundle.to_json().expect("what was read can be written");
        assert_eq!(Bundle::from_bytes(&written).as_ref(), Ok(&bundle));
    }
}

fn manifest(text: &str) {
    if let Ok(document) = Document::parse("modelgate.yaml", text) {
        drop(document.decode::<RawManifest>());
    }
}

/// A bundle with one file that is the fuzzer's, beside a control that is in order.
fn policies(path: &str, text: &str) {
    thread_local! {
        static SCHEMA: RefCell<serde_json::Value> = RefCell::new(
            serde_json::from_str(include_str!("../../docs/schema/facts-v1.schema.json")).expect("the facts' schema"),
        );
    }
    let mut files = BTreeMap::from([("lib/a.rego".to_owned(), "package modelgate.lib.a\n\nf(x) := x\n".to_owned())]);
    files.insert(path.to_owned(), text.to_owned());
    if let Ok(bundle) = PolicyBundle::of_files("fuzz", files) {
        SCHEMA.with_borrow(|schema| drop(bundle.check(schema)));
    }
}
