//! XGBoost: models in JSON and in UBJSON (its `doc/model.schema`), which say the same, and the binary form that
//! XGBoost gave up.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Content, Findings, MetadataFacts, RiskSeverity, pages, ubjson};

/// The mark of the binary form, and of the same in base64 (`src/learner.cc` before 3.1).
const BINARY: [&[u8]; 2] = [b"binf", b"bs64"];

/// What is read of a model. Keys that occur twice are refused.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Model {
    learner: Learner,
    #[serde(default)]
    version: Vec<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct Learner {
    #[serde(default)]
    feature_names: Vec<String>,
    gradient_booster: Booster,
    #[serde(rename = "objective")]
    _objective: IgnoredAny,
}

#[derive(Debug, Default, Deserialize)]
struct Booster {
    name: String,
}

/// Recognised by `learner`, which is the first key of both forms.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let mut findings = Findings::default();
    findings.metadata.framework = Some("xgboost".to_owned());
    if BINARY.iter().any(|mark| content.bytes.starts_with(mark)) {
        let message = "the model is in the binary form that XGBoost gave up, which is not looked through";
        findings.risk(0, RiskSeverity::Medium, "opaque", message);
        return Some(findings);
    }
    let model = if ubjson::begins_with(content.bytes, "learner") {
        ubjson::read(content).map_err(|broken| (broken.at, broken.why.to_owned()))
    } else if begins_as_json(content.bytes) {
        pages::json(content).map_err(|why| (0, why))
    } else {
        return None;
    };
    match model {
        Ok(model) => findings.metadata = metadata(model),
        Err((at, why)) => {
            findings.risk(at, RiskSeverity::High, "xgboost-malformed", format!("the XGBoost model is broken: {why}"));
        }
    }
    Some(findings)
}

fn begins_as_json(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start().strip_prefix(b"{").unwrap_or_default();
    bytes.trim_ascii_start().starts_with(b"\"learner\"")
}

fn metadata(model: Model) -> MetadataFacts {
    let version = model.version.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
    MetadataFacts {
        framework: Some("xgboost".to_owned()),
        framework_version: Some(version).filter(|version| !version.is_empty()),
        architecture: Some(model.learner.gradient_booster.name),
        inputs: model.learner.feature_names,
        ..MetadataFacts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::pages::tests::as_large_file;
    use crate::facts::artifact::sample;
    use proptest::prelude::*;

    fn found(bytes: &[u8]) -> Option<Findings> {
        inspect(Content::of(bytes, bytes.len() as u64))
    }

    #[test]
    fn both_forms_say_the_same() {
        let expected = MetadataFacts {
            framework: Some("xgboost".to_owned()),
            framework_version: Some("3.2.0".to_owned()),
            architecture: Some("gbtree".to_owned()),
            inputs: ["age", "income", "debt"].map(str::to_owned).to_vec(),
            ..MetadataFacts::default()
        };
        for name in ["xgboost.json", "xgboost.ubj"] {
            let whole = sample(name);
            let findings = found(&whole).unwrap();
            assert_eq!((&findings.metadata, findings.risks.len()), (&expected, 0), "{name}");
            for length in 20..whole.len() {
                assert_eq!(found(&whole[..length]).unwrap().risks[0].code, "xgboost-malformed", "{name} {length}");
            }
            let more = [&whole[..], b"x"].concat();
            assert_eq!(found(&more).unwrap().risks[0].code, "xgboost-malformed", "{name}");
        }
        let spaces = [b" ".repeat(200_000), b"{ \"learner\"".to_vec(), sample("xgboost.json")[10..].to_vec()].concat();
        assert_eq!(as_large_file(&sample("xgboost.json"), |content| inspect(content).unwrap()).metadata, expected);
        assert_eq!(found(&spaces).unwrap().metadata, expected);
    }

    #[test]
    fn the_binary_form_is_not_looked_through() {
        assert_eq!(found(b"binf\0\0\0").unwrap().risks[0].code, "opaque");
        assert!(found(b"{\"trees\": []}").is_none());
        let twice = br#"{"learner": {"gradient_booster": {"name": "a"}, "objective": 1}, "learner": {}}"#;
        assert_eq!(found(twice).unwrap().risks[0].code, "xgboost-malformed");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(at in 0..4_000_usize, bytes in prop::collection::vec(any::<u8>(), 1..9)) {
            let mut flipped = sample("xgboost.ubj");
            let at = at % flipped.len();
            let end = (at + bytes.len()).min(flipped.len());
            flipped[at..end].copy_from_slice(&bytes[..end - at]);
            found(&flipped);
        }
    }
}
