//! CatBoost: its own form, a FlatBuffer behind a mark and a length (`model.fbs`), and its export to JSON.

use serde::Deserialize;

use super::flatbuffer::{Buffer, Table};
use super::pages::{Broken, Pages};
use super::{Content, Findings, MetadataFacts, RiskSeverity, pages};

const MARK: &[u8] = b"CBM1";

/// Bytes of the mark and of the length behind it.
const HEADER_BYTES: u64 = 8;

/// Where in a JSON its keys are looked for: the first of them, `features_info`, names the features.
const BEGINNING_BYTES: usize = 4_096;

/// Key of what the library that wrote a model says of itself.
const VERSION_KEY: &str = "catboost_version_info";

/// What is read of a model in JSON.
#[derive(Deserialize)]
struct Exported {
    features_info: Features,
    model_info: Info,
}

#[derive(Deserialize)]
struct Features {
    #[serde(default)]
    float_features: Vec<Feature>,
    #[serde(default)]
    categorical_features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    feature_id: Option<String>,
    flat_feature_index: u64,
}

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    catboost_version_info: String,
}

/// Recognised by the mark of its own form.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    if !content.bytes.starts_with(MARK) {
        return None;
    }
    let mut findings = Findings::default();
    match read(content) {
        Ok(metadata) => findings.metadata = metadata,
        Err(broken) => broken.note(&mut findings, "catboost-malformed", "the CatBoost model"),
    }
    Some(findings)
}

/// Recognised by the first keys of an export to JSON.
pub(super) fn inspect_json(content: Content<'_>) -> Option<Findings> {
    let beginning = content.bytes.get(..BEGINNING_BYTES).unwrap_or(content.bytes).trim_ascii_start();
    let inside = beginning.strip_prefix(b"{")?.trim_ascii_start();
    if !inside.starts_with(b"\"features_info\"") && !inside.starts_with(b"\"ctr_data\"") {
        return None;
    }
    let mut findings = Findings::default();
    match pages::json::<Exported>(content) {
        Ok(Exported { features_info, model_info }) => {
            let features = features_info.float_features.into_iter().chain(features_info.categorical_features);
            let features = features.map(|feature| (feature.flat_feature_index, feature.feature_id.unwrap_or_default()));
            findings.metadata = metadata(features.collect(), &model_info.catboost_version_info);
        }
        Err(error) => {
            let message = format!("the CatBoost model is broken: {error}");
            findings.risk(0, RiskSeverity::High, "catboost-malformed", message);
        }
    }
    Some(findings)
}

/// The names of the features by their places, unless some have none.
fn metadata(mut features: Vec<(u64, String)>, version_info: &str) -> MetadataFacts {
    features.sort();
    let has_names = features.iter().all(|(_, name)| !name.is_empty());
    MetadataFacts {
        framework: Some("catboost".to_owned()),
        framework_version: version(version_info),
        architecture: Some("gradient-boosted-trees".to_owned()),
        inputs: features.into_iter().filter(|_| has_names).map(|(_, name)| name).collect(),
        ..MetadataFacts::default()
    }
}

/// The version, in a text that also says who made it of which branch.
fn version(info: &str) -> Option<String> {
    let branch = info.lines().find_map(|line| line.trim().strip_prefix("Branch: tags/v"))?;
    Some(branch.trim().to_owned())
}

fn read(content: Content<'_>) -> Result<MetadataFacts, Broken> {
    let pages = Pages::of(content);
    let length = u64::from(u32::from_le_bytes(pages.array(MARK.len() as u64)?));
    let end = HEADER_BYTES + length;
    let buffer = Buffer::of(pages);
    let core = buffer.root(HEADER_BYTES)?;
    // What follows are tables of categories, which the core names.
    let parts = buffer.vector(core, 3, 4)?.count;
    if end > content.size_bytes || (parts == 0 && end != content.size_bytes) {
        return Err(Broken::new(end, "it does not end where it says"));
    }
    let trees = buffer.table(core, 1)?.ok_or(Broken::new(HEADER_BYTES, "it has no trees"))?;
    let mut features = Vec::new();
    // Features with categories and with numbers; where their place and their name are.
    for (list, place, name) in [(4, 1, 2), (5, 2, 4)] {
        for feature in buffer.tables(trees, list)? {
            let index = u64::from(buffer.number(feature, place)?);
            features.push((index, buffer.text(feature, name)?.unwrap_or_default()));
        }
    }
    Ok(metadata(features, &info(&buffer, core)?))
}

/// What the library that wrote the model says of itself, among what else is said.
fn info(buffer: &Buffer<'_>, core: Table) -> Result<String, Broken> {
    for entry in buffer.tables(core, 2)? {
        if buffer.text(entry, 0)?.as_deref() == Some(VERSION_KEY) {
            return Ok(buffer.text(entry, 1)?.unwrap_or_default());
        }
    }
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::sample;
    use proptest::prelude::*;

    fn found(bytes: &[u8]) -> Findings {
        let content = Content::of(bytes, bytes.len() as u64);
        inspect(content).or_else(|| inspect_json(content)).unwrap()
    }

    #[test]
    fn both_forms_give_their_facts() {
        for (name, inputs) in
            [("named.cbm", &["age", "income", "debt", "town"][..]), ("plain.cbm", &[]), ("plain.json", &[])]
        {
            let findings = found(&sample(name));
            let expected = MetadataFacts {
                framework: Some("catboost".to_owned()),
                framework_version: Some("1.2.10".to_owned()),
                architecture: Some("gradient-boosted-trees".to_owned()),
                inputs: inputs.iter().map(|name| (*name).to_owned()).collect(),
                ..MetadataFacts::default()
            };
            assert_eq!((findings.metadata, findings.risks), (expected, Vec::new()), "{name}");
        }
    }

    #[test]
    fn what_is_cut_or_longer_than_it_says_is_broken() {
        for name in ["plain.cbm", "plain.json"] {
            let whole = sample(name);
            for length in (30..whole.len() - 1).step_by(41) {
                assert_eq!(found(&whole[..length]).risks[0].code, "catboost-malformed", "{name} {length}");
            }
            assert_eq!(found(&[&whole[..], b"more"].concat()).risks[0].code, "catboost-malformed", "{name}");
        }
        assert!(inspect_json(Content::of(b"{\"features\": 1}", 15)).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(at in 0..8_000_usize, bytes in prop::collection::vec(any::<u8>(), 1..9)) {
            let mut flipped = sample("named.cbm");
            let at = at % flipped.len();
            let end = (at + bytes.len()).min(flipped.len());
            flipped[at..end].copy_from_slice(&bytes[..end - at]);
            inspect(Content::of(&flipped, flipped.len() as u64));
        }
    }
}
