//! Documents beside the files: bills of materials, cards as JSON, what DVC recorded.

use std::fs;

use serde_json::{Value, json};

use crate::common::{Ran, Sandbox};

fn outcome(ran: &Ran, control: &str) -> Value {
    let report = ran.json();
    let outcomes = report.get("outcomes").and_then(Value::as_array).unwrap();
    outcomes.iter().find(|outcome| outcome.get("control").is_some_and(|id| id == control)).unwrap().clone()
}

/// The approved release with more lines in its manifest, and the bill that `modelgate sbom` wrote of it then.
fn with_bill(lines: &str) -> Sandbox {
    with_bill_and(lines, &[])
}

/// The same with more files.
fn with_bill_and(lines: &str, files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::with("approved");
    for (path, text) in files {
        sandbox.write(&format!("release/{path}"), text);
    }
    let manifest = sandbox.read("release/modelgate.yaml");
    sandbox.write("release/modelgate.yaml", manifest + lines);
    sandbox.run("sbom release --output release/bom.cdx.json").expect(0);
    sandbox
}

const DECLARED: &str = "supply_chain:\n  bill_of_materials: bom.cdx.json\n";

#[test]
fn a_bill_is_written_read_and_believed() {
    let sandbox = with_bill(DECLARED);
    let first = sandbox.read("release/bom.cdx.json");
    // It does not rest on the one that is there.
    assert_eq!(sandbox.run("sbom release").expect(0).stdout, first);
    let ran = sandbox.run("check release --output json").expect(0);
    assert_eq!(ran.json()["decision"], "approve");
    assert_eq!(outcome(&ran, "ART-008")["result"], "pass");
    assert_eq!(outcome(&ran, "ART-005")["result"], "pass");
    let facts = sandbox.run("facts release").expect(0).json();
    let bill = &facts["supply_chain"]["bill_of_materials"];
    assert_eq!(
        (&bill["format"], &bill["files"], &bill["mismatches"]),
        (&"CycloneDX 1.6".into(), &1.into(), &json!([]))
    );
    let licences = facts["supply_chain"]["licences"].as_array().unwrap();
    let stated: Vec<_> = licences.iter().map(|licence| (&licence["source"], &licence["stated"])).collect();
    assert_eq!(stated, [(&"card".into(), &"apache-2.0".into()), (&"bill-of-materials".into(), &"Apache-2.0".into())]);
    let time = sandbox.run("sbom release --effective-time 2099-01-31").expect(0).json();
    assert_eq!(time["metadata"]["timestamp"], "2099-01-31T00:00:00Z");
    assert_eq!(serde_json::from_str::<Value>(&first).unwrap()["metadata"].get("timestamp"), None);
}

#[test]
fn a_bill_of_other_files_is_a_finding() {
    let sandbox = with_bill(DECLARED);
    let bill: Value = serde_json::from_str(&sandbox.read("release/bom.cdx.json")).unwrap();
    let digest = bill["components"][0]["hashes"][0]["content"].as_str().unwrap();
    let other = "0".repeat(64);
    sandbox.edit("release/bom.cdx.json", digest, &other);
    sandbox.edit("release/bom.cdx.json", "\"Apache-2.0\"", "\"MIT\"");
    let ran = sandbox.run("check release --output json").expect(0);
    assert_eq!(ran.json()["decision"], "conditional");
    let finding = &outcome(&ran, "ART-008")["findings"][0];
    assert_eq!(
        (&finding["subject"], &finding["observed"], &finding["expected"]),
        (&"artifact/model/model.onnx".into(), &digest.into(), &other.into())
    );
    let finding = &outcome(&ran, "ART-005")["findings"][0];
    let said = "the files state different licences: `apache-2.0` (MODEL_CARD.md), `MIT` (bom.cdx.json)";
    assert_eq!(finding["message"], said);
}

#[test]
fn a_bill_that_cannot_be_read_is_no_evidence() {
    let sandbox = with_bill(DECLARED);
    sandbox.edit("release/bom.cdx.json", "\"type\": \"file\"", "\"type\": 7");
    sandbox.run("check release").expect(3).says(&["wrong-type", "bom.cdx.json:", "`type` is not a text"]);
    fs::remove_file(sandbox.path("release/bom.cdx.json")).unwrap();
    sandbox.run("check release").expect(3).says(&["missing-file", "modelgate.yaml:"]);
    sandbox.edit("release/modelgate.yaml", "bill_of_materials: bom", "bill_of_materials: ../bom");
    sandbox.run("check release").expect(2).says(&["path-leaves-release"]);
}

#[test]
fn the_card_of_a_bill_is_a_card_and_its_metrics_are_claims() {
    let sandbox = with_bill("");
    sandbox.edit("release/modelgate.yaml", "card: MODEL_CARD.md", "card: bom.cdx.json");
    let from = "    claims_from: [{path: bom.cdx.json, format: cyclonedx}]\n    slices:\n";
    sandbox.edit("release/modelgate.yaml", "    slices:\n", from);
    let ran = sandbox.run("check release --output json").expect(0);
    // Every section of the Markdown card is in it, with the same words.
    assert_eq!(
        (outcome(&ran, "DOC-002")["result"].clone(), outcome(&ran, "VAL-005")["result"].clone()),
        ("pass".into(), "pass".into())
    );
    let facts = sandbox.run("facts release").expect(0).json();
    assert_eq!(facts["card"]["format"], "cyclonedx");
    let claims = facts["evaluations"][0]["claims"].as_array().unwrap();
    let stated: Vec<_> = claims.iter().filter(|claim| claim["source"] == "bom.cdx.json").collect();
    assert!(stated.len() > 20 && stated.iter().all(|claim| claim["result"] == "confirmed"), "{stated:?}");
    let slices = facts["evaluations"][0]["other_claims"].as_array().unwrap();
    assert!(slices.contains(&"bom.cdx.json: recall [sex: female]".into()), "{slices:?}");
}

#[test]
fn what_dvc_recorded_is_compared_with_what_is_released() {
    let lock = |md5: &str| {
        format!(
            "schema: '2.0'\nstages:\n  train:\n    cmd: python train.py\n    outs:\n    - path: model/model.onnx\n      \
             hash: md5\n      md5: {md5}\n      size: 1\n"
        )
    };
    let zeros = "0a".repeat(16);
    let sandbox = with_bill_and("supply_chain: {dvc: [dvc.lock]}\n", &[("dvc.lock", &lock(&zeros))]);
    let ran = sandbox.run("check release --output json").expect(1);
    let finding = &outcome(&ran, "REP-007")["findings"][0];
    assert_eq!((&finding["expected"], &finding["source"]["line"]), (&zeros.into(), &6.into()));
    sandbox.write("release/dvc.lock", lock(finding["observed"].as_str().unwrap()));
    let ran = sandbox.run("check release --output json").expect(0);
    assert_eq!(outcome(&ran, "REP-007")["result"], "pass");
    // The file that stands for the model is not the model.
    sandbox.write("release/model/model.onnx", "outs:\n- md5: 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a\n  path: model.onnx\n");
    let ran = sandbox.run("check release --output json").expect(1);
    assert_eq!(
        outcome(&ran, "ART-003")["findings"][0]["message"],
        "the file is the `.dvc` file of another one, and not that file"
    );
    sandbox.write("release/dvc.lock", "stages: {}\n");
    sandbox.run("check release").expect(3).says(&["unknown-dvc"]);
}

#[test]
fn what_was_read_is_in_the_signed_record() {
    let pointer = "outs:\n- md5: 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a\n  path: m\n";
    let lines = "supply_chain: {bill_of_materials: bom.cdx.json, dvc: [m.dvc]}\n";
    let sandbox = with_bill_and(lines, &[("m.dvc", pointer)]);
    sandbox.run("check release --out evidence").expect(0);
    let bundle = fs::read_dir(sandbox.path("evidence")).unwrap().map(|entry| entry.unwrap().path());
    let bundle = bundle.into_iter().find(|path| path.to_string_lossy().ends_with(".evaluation.sigstore.json")).unwrap();
    let bundle: Value = serde_json::from_str(&fs::read_to_string(bundle).unwrap()).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    use base64::Engine as _;
    let statement = base64::engine::general_purpose::STANDARD.decode(payload).unwrap();
    let statement: Value = serde_json::from_slice(&statement).unwrap();
    let names: Vec<_> = statement["subject"].as_array().unwrap().iter().map(|subject| &subject["name"]).collect();
    for name in ["supply-chain/bom.cdx.json", "supply-chain/m.dvc"] {
        assert!(names.contains(&&name.into()), "{name} is not among {names:?}");
    }
}
