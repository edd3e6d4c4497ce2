//! HDF5 files, and the Keras models in them: the configuration is an attribute of the root group.

use super::hdf5::{self, Attribute, Hdf5};
use super::{Content, Findings, RiskSeverity, keras_config};

/// Attributes of a model that are read.
const TEXTS: [&str; 3] = ["keras_version", "model_config", "training_config"];

/// Recognised by the mark of HDF5.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    if !content.bytes.starts_with(hdf5::MARK) {
        return None;
    }
    let mut findings = Findings::default();
    match hdf5::read(content, &TEXTS, &mut findings) {
        Ok(file) => {
            findings.metadata.parameters = Some(file.elements);
            if is_keras(&file) {
                check(&file, &mut findings);
            }
        }
        Err(broken) => broken.note(&mut findings, "hdf5-malformed", "the HDF5 file"),
    }
    findings.metadata.custom_code.sort();
    Some(findings)
}

fn is_keras(file: &Hdf5) -> bool {
    let has = |name| file.attributes.contains_key(name) || file.names.contains(name);
    ["keras_version", "model_config", "layer_names", "model_weights", "_layer_checkpoint_dependencies"]
        .iter()
        .any(|name| has(*name))
}

fn check(file: &Hdf5, findings: &mut Findings) {
    findings.metadata.framework = Some("keras".to_owned());
    if let Some(Attribute::Text(version)) = file.attributes.get("keras_version") {
        findings.metadata.framework_version = Some(version.clone());
    }
    let not_read = |findings: &mut Findings, why: &str| {
        let message = format!("the configuration of the Keras model could not be read: {why}");
        findings.risk(0, RiskSeverity::High, "keras-config-not-inspected", message);
    };
    for (name, is_model) in [("model_config", true), ("training_config", false)] {
        match file.attributes.get(name) {
            Some(Attribute::Text(text)) => match serde_json::from_str(text) {
                Ok(config) if is_model => keras_config::check_model(&config, 0, findings),
                Ok(config) => keras_config::check(&config, 0, findings),
                Err(_) => not_read(findings, "it is no JSON"),
            },
            Some(Attribute::Other) => not_read(findings, "it is no text in the file itself"),
            // A file of weights alone has none.
            None if is_model && file.names.contains("model_weights") => not_read(findings, "it is not there"),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::{MetadataFacts, sample};

    fn found(bytes: &[u8]) -> (MetadataFacts, Vec<String>) {
        let findings = inspect(Content::of(bytes, bytes.len() as u64)).unwrap();
        (findings.metadata, findings.risks.into_iter().map(|risk| risk.code).collect())
    }

    #[test]
    fn models_of_keras_give_their_facts() {
        let expected = MetadataFacts {
            framework: Some("keras".to_owned()),
            framework_version: Some("3.15.1".to_owned()),
            architecture: Some("Sequential".to_owned()),
            parameters: Some(10),
            inputs: vec!["features".to_owned()],
            outputs: vec!["score".to_owned()],
            ..MetadataFacts::default()
        };
        assert_eq!(found(&sample("dense.h5")), (expected.clone(), Vec::new()));
        let custom = MetadataFacts { custom_code: vec!["mine>Mine".to_owned()], ..expected };
        assert_eq!(found(&sample("custom.h5")), (custom, Vec::new()));
        for name in ["lambda.h5", "keras2.h5", "new.h5"] {
            assert_eq!(found(&sample(name)).1, ["keras-lambda"], "{name}");
        }
    }

    #[test]
    fn a_configuration_that_is_hidden_is_said() {
        let renamed = |from: &[u8], to: &[u8]| {
            let mut bytes = sample("dense.h5");
            let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
            bytes[at..at + to.len()].copy_from_slice(to);
            found(&bytes).1
        };
        assert_eq!(renamed(b"model_config\0", b"other_config\0"), ["keras-config-not-inspected"]);
        assert_eq!(renamed(b"{\"class_name\"", b"x\"class_name\""), ["keras-config-not-inspected"]);
    }

    #[test]
    fn what_is_cut_is_broken() {
        let whole = sample("dense.h5");
        for length in (8..whole.len()).step_by(499) {
            assert_eq!(found(&whole[..length]).1, ["hdf5-malformed"], "{length}");
        }
        assert!(inspect(Content::of(&whole[..7], 7)).is_none());
    }
}
