//! A bill of materials of a release: CycloneDX 1.6 (ECMA-424) as JSON, with a card of the model.
//!
//! Only the properties that are written are here; every one of them is named after the standard's. What the standard has
//! no property for has one of ours, whose name begins with `modelgate:`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{RenderError, escape};
use crate::digest::Sha256Digest;
use crate::facts::artifact::MetadataFacts;
use crate::facts::card::{CardFacts, SectionKind};
use crate::facts::evaluation::Metrics;
use crate::facts::evaluation::metric::MetricStatus;
use crate::facts::{Facts, FileFacts};
use crate::manifest::raw::ArtifactRole;

const SCHEMA: &str = "http://cyclonedx.org/schema/bom-1.6.schema.json";

/// Reference of the model within the bill.
const MODEL: &str = "model";

/// SPDX ids of licences, as the standard writes them. A licence that is not here is written by its name: an id that SPDX
/// does not have breaks the standard's schema. These are those of the policy library, and the most frequent on the Hub.
const LICENCE_IDS: [&str; 20] = [
    "AGPL-3.0",
    "Apache-2.0",
    "Artistic-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC-BY-4.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-SA-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "EUPL-1.2",
    "GPL-2.0",
    "GPL-3.0",
    "ISC",
    "LGPL-3.0",
    "MIT",
    "MPL-2.0",
    "ODbL-1.0",
    "Unlicense",
];

/// The bill of what `facts` are about. `timestamp` is the time that it says it was written at, or none.
///
/// The same facts give the same bytes: the serial number is the digest of all the rest, as a UUID of version 8.
///
/// # Errors
/// [`RenderError`] if JSON cannot carry the facts.
pub fn render(facts: &Facts, timestamp: Option<String>) -> Result<String, RenderError> {
    let data = data_sets(facts);
    let files = facts.artifacts.iter().map(|artifact| {
        let file = &artifact.file;
        let licence = artifact.metadata.licence.as_deref();
        Component {
            bom_ref: file_ref(file),
            hashes: vec![Hash::of(file.sha256)],
            licenses: licences(licence),
            properties: vec![
                Property::ours("format", key(&artifact.format)),
                Property::ours("role", key(&artifact.role)),
                Property::ours("size-bytes", file.size_bytes.to_string()),
            ],
            ..Component::new("file", &file.path)
        }
    });
    let components: Vec<Component> = files.chain(data.values().map(data_component)).collect();
    let mut bill = Bill {
        schema: SCHEMA,
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: None,
        version: 1,
        metadata: Metadata { timestamp, tools: Tools::this(), component: model(facts, &data) },
        components,
        dependencies: [Dependency {
            bom_ref: MODEL,
            depends_on: facts.artifacts.iter().map(|artifact| file_ref(&artifact.file)).collect(),
        }],
    };
    bill.serial_number = Some(format!("urn:uuid:{}", uuid(Sha256Digest::of(&serde_json::to_vec(&bill)?))));
    let mut document = serde_json::to_string_pretty(&bill)?;
    document.push('\n');
    Ok(escape::json(&document))
}

/// The first half of a digest as a UUID of version 8 (RFC 9562, 5.8), whose bits are the writer's own.
fn uuid(digest: Sha256Digest) -> String {
    let hexadecimal = digest.to_hex();
    let part = |from: usize, to: usize| hexadecimal.get(from..to).unwrap_or_default();
    // The two highest bits of this digit are 10: the variant of the standard.
    let variant = match part(16, 17) {
        "0" | "4" | "8" | "c" => '8',
        "1" | "5" | "9" | "d" => '9',
        "2" | "6" | "a" | "e" => 'a',
        _ => 'b',
    };
    format!("{}-{}-8{}-{variant}{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

fn file_ref(file: &FileFacts) -> String {
    format!("file:{}", file.path)
}

/// The files that the model was evaluated on or compared with, by their references.
fn data_sets(facts: &Facts) -> BTreeMap<String, &FileFacts> {
    let mut found = BTreeMap::new();
    for evaluation in &facts.evaluations {
        let training = evaluation.leakage.as_ref().and_then(|leakage| leakage.data.as_ref());
        let rows = match evaluation.data_files.as_slice() {
            [] => std::slice::from_ref(&evaluation.data),
            several => several,
        };
        for file in rows.iter().chain(training) {
            found.insert(format!("data:{}", file.path), file);
        }
    }
    found
}

/// A file of rows. It is not released with the model, which the standard calls excluded.
fn data_component(file: &&FileFacts) -> Component {
    // The digest of several files together is not that of any file.
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let is_one_file = name.contains('.') && !file.path.contains(['*', '?', '[', '{']);
    Component {
        bom_ref: format!("data:{}", file.path),
        scope: Some("excluded"),
        hashes: if is_one_file { vec![Hash::of(file.sha256)] } else { Vec::new() },
        properties: vec![Property::ours("size-bytes", file.size_bytes.to_string())],
        ..Component::new("data", &file.path)
    }
}

fn model(facts: &Facts, data: &BTreeMap<String, &FileFacts>) -> Component {
    let card = facts.card.as_ref();
    let stated = facts.supply_chain.licences.first().map(|licence| licence.stated.as_str());
    let named = card.map(|card| named(card, "datasets")).unwrap_or_default().into_iter();
    let ancestors = base_models(facts);
    Component {
        bom_ref: MODEL.to_owned(),
        version: Some(facts.model.version.clone()),
        description: Some(facts.model.purpose.clone()),
        supplier: Some(Organisation { name: facts.model.owner.clone() }),
        licenses: licences(stated),
        pedigree: (!ancestors.is_empty()).then_some(Pedigree { ancestors }),
        model_card: Some(ModelCard {
            model_parameters: ModelParameters {
                task: facts.model.task.key(),
                model_architecture: of_models(facts).find_map(|metadata| metadata.architecture.clone()),
                datasets: named
                    .map(DataSet::named)
                    .chain(data.keys().map(|reference| DataSet::listed(reference)))
                    .collect(),
            },
            quantitative_analysis: QuantitativeAnalysis { performance_metrics: performance_metrics(facts) },
            considerations: card.map(considerations),
            properties: card.map(other_sections).unwrap_or_default(),
        }),
        properties: properties(facts),
        ..Component::new("machine-learning-model", &facts.model.name)
    }
}

fn properties(facts: &Facts) -> Vec<Property> {
    let metrics = facts.evaluations.iter().flat_map(|evaluation| evaluation.metrics.0.values());
    // It is the same for all of them.
    let level = metrics.filter_map(|metric| metric.interval.as_ref()).map(|interval| interval.level).next();
    let mut properties = vec![
        Property::ours("tier", facts.tier.effective.name().to_owned()),
        Property::ours("manifest-sha256", facts.manifest.sha256.to_hex()),
    ];
    properties.extend(level.map(|level| Property::ours("confidence-level", level.to_string())));
    properties
}

/// The texts behind a key of the card's front matter: one, or a list of them.
fn named(card: &CardFacts, key: &str) -> Vec<String> {
    match card.front_matter.get(key) {
        Some(serde_json::Value::String(one)) => vec![one.clone()],
        Some(serde_json::Value::Array(several)) => {
            several.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

/// What the model files say of themselves.
fn of_models(facts: &Facts) -> impl Iterator<Item = &MetadataFacts> {
    let models = facts.artifacts.iter().filter(|artifact| artifact.role == ArtifactRole::Model);
    models.map(|artifact| &artifact.metadata)
}

/// The models that the card and the files say it was made from.
fn base_models(facts: &Facts) -> Vec<Component> {
    let of_card = facts.card.iter().flat_map(|card| named(card, "base_model"));
    let of_files = of_models(facts).flat_map(|metadata| metadata.base_models.iter().cloned());
    let names: BTreeSet<String> = of_card.chain(of_files).collect();
    let component = |name: String| Component {
        bom_ref: format!("base-model:{name}"),
        ..Component::new("machine-learning-model", &name)
    };
    names.into_iter().map(component).collect()
}

/// The licence by its SPDX id, as an expression, or by its name.
fn licences(stated: Option<&str>) -> Vec<LicenceChoice> {
    let Some(stated) = stated.map(str::trim).filter(|stated| !stated.is_empty()) else { return Vec::new() };
    let id = LICENCE_IDS.iter().find(|id| id.eq_ignore_ascii_case(stated));
    let is_expression = [" OR ", " AND ", " WITH "].iter().any(|operator| stated.contains(operator));
    vec![match id {
        Some(id) => LicenceChoice::License { id: Some(*id), name: None },
        None if is_expression => LicenceChoice::Expression(stated.to_owned()),
        None => LicenceChoice::License { id: None, name: Some(stated.to_owned()) },
    }]
}

/// Every metric with a value: over all rows, and for the groups of each protected column. The rows of several evaluations
/// are told apart by the name of a slice, which is all that the standard has for it.
fn performance_metrics(facts: &Facts) -> Vec<PerformanceMetric> {
    let mut found = Vec::new();
    for evaluation in &facts.evaluations {
        let name = (facts.evaluations.len() > 1).then_some(evaluation.name.as_str());
        of_metrics(&evaluation.metrics, name.map(str::to_owned).as_ref(), &mut found);
        for slice in evaluation.slices.iter().filter(|slice| slice.protected && slice.parts.len() <= 1) {
            let group = match slice.missing {
                true => format!("{}: (missing)", slice.column),
                false => format!("{}: {}", slice.column, slice.value),
            };
            let group = name.map_or_else(|| group.clone(), |name| format!("{name}, {group}"));
            of_metrics(&slice.metrics, Some(&group), &mut found);
        }
    }
    found
}

fn of_metrics(metrics: &Metrics, slice: Option<&String>, found: &mut Vec<PerformanceMetric>) {
    for (id, metric) in &metrics.0 {
        let Some(value) = metric.value.filter(|_| metric.status == MetricStatus::Ok) else { continue };
        found.push(PerformanceMetric {
            metric: id.key(),
            value: value.to_string(),
            slice: slice.cloned(),
            confidence_interval: metric.interval.as_ref().map(|interval| ConfidenceInterval {
                lower_bound: interval.low.to_string(),
                upper_bound: interval.high.to_string(),
            }),
        });
    }
}

/// The sections of the card that the standard has a place for.
fn considerations(card: &CardFacts) -> Considerations {
    let of = |kind: SectionKind| -> Vec<String> {
        let sections = card.sections.iter().filter(|section| section.kind == Some(kind) && !section.text.is_empty());
        sections.map(|section| section.text.clone()).collect()
    };
    Considerations {
        use_cases: of(SectionKind::IntendedUse),
        technical_limitations: of(SectionKind::Limitations),
        ethical_considerations: of(SectionKind::EthicalConsiderations).into_iter().map(|name| Risk { name }).collect(),
    }
}

/// The other sections of the card that are about something, by their headings.
fn other_sections(card: &CardFacts) -> Vec<Property> {
    let has_a_place =
        [SectionKind::IntendedUse, SectionKind::Limitations, SectionKind::EthicalConsiderations].map(Some);
    let sections = card
        .sections
        .iter()
        .filter(|section| section.kind.is_some() && !has_a_place.contains(&section.kind) && !section.text.is_empty());
    sections.map(|section| Property { name: section.heading.clone(), value: section.text.clone() }).collect()
}

/// The word of documents for a value, such as `onnx`.
fn key<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bill {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: [Dependency; 1],
}

#[derive(Serialize)]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    tools: Tools,
    component: Component,
}

#[derive(Serialize)]
struct Tools {
    components: [Component; 1],
}

impl Tools {
    fn this() -> Self {
        let version = Some(env!("CARGO_PKG_VERSION").to_owned());
        let name = env!("CARGO_PKG_NAME");
        Self { components: [Component { bom_ref: "tool".to_owned(), version, ..Component::new("application", name) }] }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    #[serde(rename = "ref")]
    bom_ref: &'static str,
    depends_on: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    bom_ref: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<Organisation>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenceChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pedigree: Option<Pedigree>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_card: Option<ModelCard>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

impl Component {
    fn new(kind: &'static str, name: &str) -> Self {
        Self {
            kind,
            bom_ref: String::new(),
            supplier: None,
            name: name.to_owned(),
            version: None,
            description: None,
            scope: None,
            hashes: Vec::new(),
            licenses: Vec::new(),
            pedigree: None,
            model_card: None,
            properties: Vec::new(),
        }
    }
}

#[derive(Serialize)]
struct Organisation {
    name: String,
}

#[derive(Serialize)]
struct Pedigree {
    ancestors: Vec<Component>,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: Sha256Digest,
}

impl Hash {
    const fn of(content: Sha256Digest) -> Self {
        Self { alg: "SHA-256", content }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum LicenceChoice {
    License {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    Expression(String),
}

#[derive(Serialize)]
struct Property {
    name: String,
    value: String,
}

impl Property {
    fn ours(name: &str, value: String) -> Self {
        Self { name: format!("modelgate:{name}"), value }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModelCard {
    model_parameters: ModelParameters,
    quantitative_analysis: QuantitativeAnalysis,
    #[serde(skip_serializing_if = "Option::is_none")]
    considerations: Option<Considerations>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModelParameters {
    task: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_architecture: Option<String>,
    datasets: Vec<DataSet>,
}

/// A data set by its name, or by its reference among the components.
#[derive(Serialize)]
#[serde(untagged)]
enum DataSet {
    Named {
        #[serde(rename = "type")]
        kind: &'static str,
        name: String,
    },
    Listed {
        #[serde(rename = "ref")]
        bom_ref: String,
    },
}

impl DataSet {
    const fn named(name: String) -> Self {
        Self::Named { kind: "dataset", name }
    }

    fn listed(bom_ref: &str) -> Self {
        Self::Listed { bom_ref: bom_ref.to_owned() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QuantitativeAnalysis {
    performance_metrics: Vec<PerformanceMetric>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PerformanceMetric {
    #[serde(rename = "type")]
    metric: &'static str,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    slice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence_interval: Option<ConfidenceInterval>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfidenceInterval {
    lower_bound: String,
    upper_bound: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Considerations {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    use_cases: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    technical_limitations: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ethical_considerations: Vec<Risk>,
}

#[derive(Serialize)]
struct Risk {
    name: String,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::document::Json;
    use crate::facts::artifact::ArtifactFacts;
    use crate::facts::{card, supply_chain};
    use crate::report::sample;

    const CARD: &str = "---\nlicense: apache-2.0\ndatasets: [statlog]\nbase_model: acme/base\n---\n# Card\n\n\
                        ## Intended use\n\nLoan officers see it.\n\n## Limitations\n\nTODO\n\nOld data.\n\n\
                        ## Human oversight\n\nEach decision is confirmed.\n\n## Appendix\n\nNothing.\n";

    fn artifact(bytes: &[u8]) -> ArtifactFacts {
        let facts = serde_json::json!({
            "path": "model/model.onnx", "sha256": Sha256Digest::of(bytes), "size_bytes": bytes.len(), "role": "model",
            "format": "onnx", "lfs_pointer": false, "pickle": null, "safetensors": null, "onnx": null, "risks": [],
            "metadata": {
                "framework": null, "framework_version": null, "architecture": "LogisticRegression", "parameters": null,
                "licence": null, "base_models": ["acme/older"], "inputs": [], "outputs": [], "custom_code": [],
            },
        });
        serde_json::from_value(facts).unwrap()
    }

    /// The sample with an artifact and a card, which is in `directory`.
    fn facts(directory: &std::path::Path) -> Facts {
        let mut facts = sample::denied().facts;
        let card_file = directory.join("CARD.md");
        std::fs::write(&card_file, CARD).unwrap();
        facts.artifacts = vec![artifact(b"the model")];
        facts.card = Some(card::read("CARD.md", &card_file).unwrap());
        facts.supply_chain.licences = supply_chain::licences::stated(facts.card.as_ref(), None, &facts.artifacts);
        facts
    }

    #[test]
    fn what_is_written_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let facts = facts(directory.path());
        let path = directory.path().join("bom.json");
        std::fs::write(&path, render(&facts, None).unwrap()).unwrap();
        let bill = supply_chain::bill_of_materials::read("bom.json", &path, &facts.artifacts).unwrap();
        assert_eq!((bill.format.as_str(), bill.files, bill.mismatches.len()), ("CycloneDX 1.6", 1, 0));
        let subject = bill.components.iter().find(|component| component.subject).unwrap();
        assert_eq!(subject.name, facts.model.name);
        assert_eq!((subject.version.as_deref(), subject.licence.as_deref()), (Some("1.4.0"), Some("Apache-2.0")));
        let data: Vec<_> = bill.components.iter().filter(|component| component.excluded).collect();
        assert_eq!(data.iter().map(|component| component.name.as_str()).collect::<Vec<_>>(), ["data/holdout.parquet"]);
        // Another file under the same name is found.
        let others = [artifact(b"another")];
        let bill = supply_chain::bill_of_materials::read("bom.json", &path, &others).unwrap();
        assert_eq!(bill.mismatches[0].listed, Some(facts.artifacts[0].file.sha256));
        let written: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let model = &written["metadata"]["component"];
        assert_eq!(model["modelCard"]["modelParameters"]["modelArchitecture"], "LogisticRegression");
        let ancestors = model["pedigree"]["ancestors"].as_array().unwrap();
        let names: Vec<_> = ancestors.iter().map(|component| &component["name"]).collect();
        assert_eq!(names, ["acme/base", "acme/older"]);
    }

    #[test]
    fn the_card_that_is_written_says_what_the_card_said() {
        let directory = tempfile::tempdir().unwrap();
        let facts = facts(directory.path());
        let path = directory.path().join("bom.json");
        std::fs::write(&path, render(&facts, None).unwrap()).unwrap();
        let read = card::read("bom.json", &path).unwrap();
        assert_eq!((read.format, read.license.as_deref()), (card::CardFormat::Cyclonedx, Some("Apache-2.0")));
        let text = |kind: SectionKind| {
            let mut sections = read.sections.iter().filter(|section| section.kind == Some(kind));
            (sections.next().unwrap().text.clone(), sections.count())
        };
        assert_eq!(text(SectionKind::IntendedUse), ("Loan officers see it.".to_owned(), 0));
        assert_eq!(text(SectionKind::Limitations), ("Old data.".to_owned(), 0));
        assert_eq!(text(SectionKind::HumanOversight), ("Each decision is confirmed.".to_owned(), 0));
        assert!(read.sections.iter().all(|section| section.text != "Nothing."));
        let (_, metrics) = card::metrics("bom.json", &path, card::CardFormat::Cyclonedx).unwrap();
        let overall: Vec<_> = metrics.iter().filter(|metric| metric.slice.is_none()).collect();
        let expected = &facts.evaluations[0].metrics.0;
        assert_eq!(overall.len(), expected.values().filter(|metric| metric.value.is_some()).count());
        for metric in overall {
            let found = expected.iter().find(|(id, _)| id.key() == metric.name).unwrap().1;
            assert_eq!(found.value, Some(metric.value), "{}", metric.name);
        }
        let slices: std::collections::BTreeSet<_> =
            metrics.iter().filter_map(|metric| metric.slice.as_deref()).collect();
        assert_eq!(slices.into_iter().collect::<Vec<_>>(), ["age: (missing)", "age: 18-25", "age: 26-60"]);
    }

    #[test]
    fn the_same_facts_give_the_same_bytes_and_others_another_number() {
        let directory = tempfile::tempdir().unwrap();
        let mut facts = facts(directory.path());
        let bill = render(&facts, None).unwrap();
        assert_eq!(render(&facts, None).unwrap(), bill);
        let number =
            |bill: &str| serde_json::from_str::<Value>(bill).unwrap()["serialNumber"].as_str().unwrap().to_owned();
        let first = number(&bill);
        let digits: Vec<char> = first.chars().collect();
        assert!(first.starts_with("urn:uuid:") && first.len() == 45, "{first}");
        assert!(digits[23] == '8' && "89ab".contains(digits[28]), "{first}");
        assert_ne!(number(&render(&facts, Some("2027-01-31T00:00:00Z".to_owned())).unwrap()), first);
        // Where it comes from is no part of what it is made of.
        facts.repository.branch = None;
        assert_eq!(number(&render(&facts, None).unwrap()), first);
        facts.model.version = "1.4.1".to_owned();
        assert_ne!(number(&render(&facts, None).unwrap()), first);
    }

    #[test]
    fn two_evaluations_are_told_apart_by_their_names() {
        let mut facts = sample::denied().facts;
        let mut second = facts.evaluations[0].clone();
        second.name = "stress".to_owned();
        second.data_files =
            vec![second.data.clone(), FileFacts { path: "data/b.parquet".to_owned(), ..second.data.clone() }];
        facts.evaluations.push(second);
        let bill: Value = serde_json::from_str(&render(&facts, None).unwrap()).unwrap();
        let card = &bill["metadata"]["component"]["modelCard"];
        let metrics = card["quantitativeAnalysis"]["performanceMetrics"].as_array().unwrap();
        assert_eq!(metrics[0]["slice"], "holdout");
        assert!(metrics.iter().any(|metric| metric["slice"] == "stress, age: 18-25"));
        let refs: Vec<_> =
            card["modelParameters"]["datasets"].as_array().unwrap().iter().map(|data| &data["ref"]).collect();
        assert_eq!(refs, ["data:data/b.parquet", "data:data/holdout.parquet"]);
    }

    #[test]
    fn licences_are_written_as_the_standard_has_them() {
        let written = |stated: &str| serde_json::to_string(&licences(Some(stated))).unwrap();
        assert_eq!(written("apache-2.0"), r#"[{"license":{"id":"Apache-2.0"}}]"#);
        assert_eq!(written("openrail"), r#"[{"license":{"name":"openrail"}}]"#);
        assert_eq!(written("MIT OR GPL-2.0"), r#"[{"expression":"MIT OR GPL-2.0"}]"#);
        assert_eq!(written(" "), "[]");
    }

    #[test]
    fn hostile_texts_do_not_leave_their_strings() {
        for text in sample::HOSTILE {
            let mut facts = sample::hostile(text).facts;
            (facts.model.name, facts.model.purpose) = (text.to_owned(), text.to_owned());
            let bill = render(&facts, None).unwrap();
            let json = Json::parse("bom.json", bill).unwrap();
            let metadata = json.root().object("metadata").unwrap().unwrap();
            let component = metadata.object("component").unwrap().unwrap();
            assert_eq!(component.get("name").unwrap().value(), text);
        }
    }
}
