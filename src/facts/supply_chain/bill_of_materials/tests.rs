//! Bills in the shape in which real programs write them: cyclonedx-bom 7.5, spdx-tools 0.8.5, Kubernetes' `bom`, and the
//! examples of the specifications.

use proptest::prelude::*;

use super::*;
use crate::facts::artifact::{ArtifactFacts, FileInput, Limits, inspect};
use crate::manifest::raw::ArtifactRole;

const MODEL: &[u8] = b"the model";

/// A release with `model/model.onnx` and two files called `config.json`.
fn artifacts() -> Vec<ArtifactFacts> {
    let directory = tempfile::tempdir().unwrap();
    let artifact = |path: &str, bytes: &[u8]| {
        let absolute = directory.path().join("file");
        std::fs::write(&absolute, bytes).unwrap();
        let input = FileInput { path, absolute: &absolute, role: ArtifactRole::Model };
        inspect(&[input], Limits::default()).files.remove(0).unwrap()
    };
    vec![
        artifact("model/model.onnx", MODEL),
        artifact("model/config.json", b"{}"),
        artifact("tokenizer/config.json", b"[]"),
    ]
}

fn bill_at(path: &str, text: &str) -> Result<BillOfMaterialsFacts, Problem> {
    let directory = tempfile::tempdir().unwrap();
    let absolute = directory.path().join("bom.json");
    std::fs::write(&absolute, text).unwrap();
    read(path, &absolute, &artifacts())
}

fn bill(text: &str) -> BillOfMaterialsFacts {
    bill_at("bom.json", text).unwrap()
}

/// Kind, name, version and licence; a star behind the subject, a minus behind what is excluded.
fn components(bill: &BillOfMaterialsFacts) -> Vec<String> {
    let written = |component: &ComponentFacts| {
        let kind = serde_json::to_value(component.kind).unwrap();
        let mark = if component.subject { "*" } else { "" };
        let excluded = if component.excluded { "-" } else { "" };
        let of = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        format!(
            "{} {} {} {}{mark}{excluded}",
            kind.as_str().unwrap(),
            component.name,
            of(&component.version),
            of(&component.licence)
        )
    };
    bill.components.iter().map(written).collect()
}

fn cyclonedx(components: &str) -> String {
    format!(
        "{{\n\"$schema\": \"http://cyclonedx.org/schema/bom-1.6.schema.json\", \"bomFormat\": \"CycloneDX\",\n\
         \"specVersion\": \"1.6\", \"version\": 1,\n\"metadata\": {{\"component\": {{\"type\": \"machine-learning-model\",\n\
         \"bom-ref\": \"m\", \"name\": \"credit\", \"version\": \"1.4.0\", \"licenses\": [{{\"expression\": \"MIT OR ISC\"}}]}}}},\n\
         \"components\": [{components}]}}"
    )
}

#[test]
fn a_bill_of_cyclonedx_lists_models_data_and_software() {
    let found = bill(&cyclonedx(
        r#"
{"bom-ref": "PyYAML==6.0.4", "name": "PyYAML", "type": "library", "version": "6.0.4", "purl": "pkg:pypi/pyyaml@6.0.4",
 "licenses": [{"license": {"acknowledgement": "declared", "id": "MIT"}}, {"license": {"name": "BSD License"}}]},
{"type": "framework", "group": "org.acme", "name": "runtime", "licenses": [], "components": [
  {"type": "library", "name": "inner", "version": "2", "licenses": [{"expression": "A OR B"}]}]},
{"type": "data", "name": "rows", "scope": "excluded", "version": null},
{"type": "cryptographic-asset", "name": "key"},
{"type": "file", "name": "model.onnx"}"#,
    ));
    assert_eq!((found.format.as_str(), found.files), ("CycloneDX 1.6", 1));
    assert_eq!(
        components(&found),
        [
            "software PyYAML 6.0.4 MIT AND BSD License",
            "model credit 1.4.0 MIT OR ISC*",
            "software inner 2 A OR B",
            "other key ? ?",
            "software org.acme/runtime ? ?",
            "data-set rows ? ?-",
        ]
    );
    assert_eq!(found.mismatches, []);
}

#[test]
fn a_bill_of_spdx_2_lists_packages_and_files() {
    let digest = Sha256Digest::of(b"another");
    let text = format!(
        r#"{{"SPDXID": "SPDXRef-DOCUMENT", "spdxVersion": "SPDX-2.3", "name": "model", "dataLicense": "CC0-1.0",
 "packages": [
  {{"SPDXID": "SPDXRef-model", "downloadLocation": "https://example.com", "filesAnalyzed": false, "name": "credit",
   "licenseDeclared": "Apache-2.0", "licenseConcluded": "NOASSERTION", "versionInfo": "1.4.0"}},
  {{"SPDXID": "SPDXRef-np", "name": "numpy", "licenseDeclared": "NOASSERTION",
   "licenseConcluded": "BSD-3-Clause AND MIT", "versionInfo": "2.3.1"}},
  {{"SPDXID": "SPDXRef-x", "name": "x", "licenseConcluded": "NONE"}}],
 "files": [
  {{"SPDXID": "SPDXRef-f", "fileName": "./model/model.onnx", "checksums": [
   {{"algorithm": "SHA1", "checksumValue": "0000000000000000000000000000000000000000"}},
   {{"algorithm": "SHA256", "checksumValue": "{digest}"}}]}},
  {{"SPDXID": "SPDXRef-g", "fileName": "src/main.py", "checksums": []}}],
 "relationships": [{{"spdxElementId": "SPDXRef-DOCUMENT", "relatedSpdxElement": "SPDXRef-model", "relationshipType": "DESCRIBES"}}]}}"#
    );
    let found = bill(&text);
    assert_eq!((found.format.as_str(), found.files), ("SPDX 2.3", 2));
    let expected = ["software credit 1.4.0 Apache-2.0*", "software numpy 2.3.1 BSD-3-Clause AND MIT", "software x ? ?"];
    assert_eq!(components(&found), expected);
    let mismatch = DigestMismatch {
        path: "model/model.onnx".to_owned(),
        listed_as: "./model/model.onnx".to_owned(),
        listed: Some(digest),
        actual: Sha256Digest::of(MODEL),
    };
    assert_eq!(found.mismatches, [mismatch]);
    let described = text.replace("\"relationships\"", "\"documentDescribes\": [\"SPDXRef-np\"], \"others\"");
    assert!(bill(&described).components[1].subject);
}

/// After `ai/example02` of spdx/spdx-examples.
const SPDX_3: &str = r#"{
 "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
 "@graph": [
  {"type": "CreationInfo", "@id": "_:creationinfo", "specVersion": "3.0.1", "created": "2024-06-24T05:30:00Z"},
  {"type": "SpdxDocument", "spdxId": "urn:doc", "rootElement": ["urn:sbom"], "profileConformance": ["ai", "core", "dataset"]},
  {"type": "software_Sbom", "spdxId": "urn:sbom", "rootElement": ["urn:ai"]},
  {"type": "ai_AIPackage", "spdxId": "urn:ai", "name": "Sentiment demo", "software_packageVersion": "1.0",
   "ai_metric": [{"type": "DictionaryEntry", "key": "f1", "value": "0.46"}], "software_primaryPurpose": "model"},
  {"type": "dataset_DatasetPackage", "spdxId": "urn:data", "name": "Data after preprocessing"},
  {"type": "software_Package", "spdxId": "urn:fasttext", "name": "fasttext", "software_packageVersion": "0.9.3"},
  {"type": "software_File", "spdxId": "urn:file", "name": "model.onnx", "verifiedUsing": [
   {"type": "Hash", "algorithm": "sha256", "hashValue": "DIGEST"}]},
  {"type": "simplelicensing_LicenseExpression", "spdxId": "urn:either", "simplelicensing_licenseExpression": "MIT OR ISC"},
  {"type": "Relationship", "spdxId": "urn:1", "from": "urn:data", "relationshipType": "hasDeclaredLicense", "to": ["https://spdx.org/licenses/CC0-1.0"]},
  {"type": "Relationship", "spdxId": "urn:2", "from": "urn:ai", "relationshipType": "hasConcludedLicense", "to": ["urn:either"]},
  {"type": "Relationship", "spdxId": "urn:3", "from": "urn:ai", "relationshipType": "hasDeclaredLicense", "to": ["https://spdx.org/licenses/Apache-2.0", "urn:either"]},
  {"type": "Relationship", "spdxId": "urn:4", "from": "urn:fasttext", "relationshipType": "hasDeclaredLicense", "to": ["https://spdx.org/rdf/3.0.1/terms/Licensing/NoAssertion"]},
  {"type": "Relationship", "spdxId": "urn:5", "from": "urn:fasttext", "relationshipType": "hasConcludedLicense", "to": ["https://spdx.org/licenses/MIT"]}
 ]}"#;

#[test]
fn a_bill_of_spdx_3_lists_models_data_and_software() {
    let text = SPDX_3.replace("DIGEST", &Sha256Digest::of(MODEL).to_hex().to_uppercase());
    let found = bill(&text);
    assert_eq!((found.format.as_str(), found.files), ("SPDX 3.0.1", 1));
    assert_eq!(
        components(&found),
        [
            "data-set Data after preprocessing ? CC0-1.0",
            "model Sentiment demo 1.0 Apache-2.0 AND (MIT OR ISC)*",
            "software fasttext 0.9.3 MIT",
        ]
    );
    assert_eq!(found.mismatches, []);
    assert_eq!(bill(&SPDX_3.replace("DIGEST", &"0".repeat(64))).mismatches.len(), 1);
}

#[test]
fn listed_files_are_found_by_their_paths() {
    let entry = |name: &str, more: &str| {
        let other = "0".repeat(64);
        format!(r#"{{"type": "file", "name": "{name}", "hashes": [{{"alg": "SHA-256", "content": "{other}"}}]{more}}}"#)
    };
    let file = |name: &str, more: &str| cyclonedx(&entry(name, more));
    let found = |path: &str, text: &str| {
        let mismatches = bill_at(path, text).unwrap().mismatches;
        mismatches.into_iter().map(|mismatch| mismatch.path).collect::<Vec<_>>()
    };
    for name in ["model/model.onnx", "./model/model.onnx", "/model/model.onnx", "model.onnx"] {
        assert_eq!(found("bom.json", &file(name, "")), ["model/model.onnx"], "{name}");
    }
    // Two files have this name; of the bill's own directory it is one of them.
    assert_eq!(found("bom.json", &file("config.json", "")), Vec::<String>::new());
    assert_eq!(found("tokenizer/bom.json", &file("config.json", "")), ["tokenizer/config.json"]);
    assert_eq!(found("tokenizer/bom.json", &file("model/config.json", "")), ["model/config.json"]);
    assert_eq!(found("bom.json", &file("other/model.onnx", "")), Vec::<String>::new());
    let evidence = r#", "evidence": {"occurrences": [{"location": "model/model.onnx"}]}"#;
    assert_eq!(found("bom.json", &file("credit", evidence)), ["model/model.onnx"]);
    // A part of a base model is not a file of this release for its name alone.
    let part = |name: &str| {
        let base =
            format!(r#"{{"type": "machine-learning-model", "name": "base", "components": [{}]}}"#, entry(name, ""));
        found("bom.json", &cyclonedx(&base))
    };
    assert_eq!(part("model.onnx"), Vec::<String>::new());
    assert_eq!(part("model/model.onnx"), ["model/model.onnx"]);
}

#[test]
fn digests_that_cannot_be_compared_are_no_agreement() {
    let with = |hashes: &str| {
        bill(&cyclonedx(&format!(r#"{{"type": "file", "name": "model/model.onnx", "hashes": [{hashes}]}}"#))).mismatches
    };
    let (right, other) = (Sha256Digest::of(MODEL), Sha256Digest::of(b"another"));
    let sha256 = |digest: Sha256Digest| format!(r#"{{"alg": "SHA-256", "content": "{digest}"}}"#);
    let md5 = r#"{"alg": "MD5", "content": "0123456789abcdef0123456789abcdef"}"#;
    assert_eq!(with(""), []);
    assert_eq!(with(&sha256(right)), []);
    assert_eq!(with(&format!("{md5}, {}", sha256(right))), []);
    let listed = |mismatches: Vec<DigestMismatch>| mismatches.iter().map(|one| one.listed).collect::<Vec<_>>();
    assert_eq!(listed(with(md5)), [None]);
    assert_eq!(listed(with(&format!("{}, {}", sha256(right), sha256(other)))), [Some(other)]);
}

#[test]
fn what_is_broken_is_refused_at_its_place() {
    let problem = |text: &str| {
        let problem = bill_at("bom.json", text).unwrap_err();
        (problem.code, problem.location.map(|location| location.line))
    };
    let components = |text: &str| problem(&cyclonedx(text));
    assert_eq!(components("\n{\"type\": \"library\"}"), ("missing-key", Some(7)));
    assert_eq!(components("\n{\"name\": \"a\"}"), ("missing-key", Some(7)));
    assert_eq!(components("\n7"), ("wrong-type", Some(7)));
    assert_eq!(components("{\"type\": \"library\", \"name\": 7}"), ("wrong-type", Some(6)));
    assert_eq!(components("{\"type\": \"library\", \"name\": \"a\", \"licenses\": [{}]}"), ("missing-key", Some(6)));
    assert_eq!(
        components("{\"type\": \"library\", \"name\": \"a\", \"licenses\": [{\"license\": {\"text\": {}}}]}"),
        ("missing-key", Some(6))
    );
    let hash = |content: &str| {
        components(&format!(
            "{{\"type\": \"file\", \"name\": \"a\",\n\"hashes\": [{{\"alg\": \"SHA-256\", \"content\": \"{content}\"}}]}}"
        ))
    };
    assert_eq!(hash("abc"), ("malformed-digest", Some(7)));
    assert_eq!(hash(" "), ("missing-key", Some(7)));
    let deep = "{\"type\": \"library\", \"name\": \"a\", \"components\": [".repeat(20) + &"]}".repeat(20);
    assert_eq!(components(&deep), ("too-deep", Some(6)));
    let many = "{\"type\": \"library\", \"name\": \"a\"},".repeat(COMPONENTS_MAX + 1);
    assert_eq!(components(many.trim_end_matches(',')), ("too-many-components", Some(6)));
    assert_eq!(problem(&cyclonedx("").replace("\"1.6\"", "\"2.0\"")), ("unknown-bill-of-materials", Some(3)));
    assert_eq!(problem("{\"spdxVersion\": \"SPDX-2.1\"}"), ("unknown-bill-of-materials", Some(1)));
    assert_eq!(problem(&SPDX_3.replace("\"3.0.1\", \"c", "\"3.1.0\", \"c")), ("unknown-bill-of-materials", Some(4)));
    assert_eq!(problem(&SPDX_3.replace("CreationInfo", "Info")), ("missing-key", Some(1)));
    assert_eq!(problem(&SPDX_3.replace("DIGEST", "x")), ("malformed-digest", Some(12)));
    assert_eq!(problem("{}"), ("unknown-bill-of-materials", None));
    assert_eq!(problem("[]"), ("unknown-bill-of-materials", None));
    assert_eq!(problem("{"), ("json-syntax", Some(1)));
}

proptest! {
    #[test]
    fn arbitrary_values_never_panic(
        mark in prop::sample::select(vec![
            "\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.6\", \"components\"",
            "\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.6\", \"metadata\"",
            "\"spdxVersion\": \"SPDX-2.3\", \"packages\"",
            "\"spdxVersion\": \"SPDX-2.3\", \"files\"",
            "\"@context\": \"https://spdx.org/rdf/3.0.1/spdx-context.jsonld\", \"@graph\"",
        ]),
        value in "(\\[|\\]|\\{|\\}|\"(name|type|hashes|licenses|component|SPDXID|checksums|spdxId|file)\"|:|,|1|null){0,24}",
    ) {
        if let Ok(json) = Json::parse("bom.json", format!("{{{mark}: {value}}}")) {
            for format in FORMATS {
                let _ = format(&json);
            }
        }
    }
}
