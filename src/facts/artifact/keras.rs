//! Keras 3's own archives: `metadata.json`, `config.json`, and the weights in HDF5.

use serde::Deserialize;

use super::zip::{Archive, Member};
use super::{Content, Findings, RiskSeverity, hdf5, keras_config};

/// Length of what is JSON: the configuration of the largest models has some megabytes.
const JSON_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes of weights that are packed, and unpacked once more to be counted. Keras stores them as they are.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// `metadata.json`.
#[derive(Deserialize)]
struct Metadata {
    keras_version: String,
}

/// Recognised by the two members that Keras reads first.
pub(super) fn is_keras(archive: &Archive<'_>, findings: &mut Findings) -> bool {
    let (Some(metadata), Some(config)) = (archive.member("metadata.json"), archive.member("config.json")) else {
        return false;
    };
    let metadata = archive.read(metadata, JSON_BYTES_MAX);
    let metadata = metadata.ok().and_then(|bytes| serde_json::from_slice::<Metadata>(&bytes).ok());
    let Some(Metadata { keras_version }) = metadata else { return false };
    findings.metadata.framework = Some("keras".to_owned());
    findings.metadata.framework_version = Some(keras_version);
    match archive.read(config, JSON_BYTES_MAX) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(parsed) => keras_config::check_model(&parsed, config.offset(), findings),
            Err(error) => not_inspected(config, &error.to_string(), findings),
        },
        Err(why) => not_inspected(config, why, findings),
    }
    let mut parameters = None;
    for member in archive.members().iter().filter(|member| member.name().ends_with(".weights.h5")) {
        match elements(archive, member) {
            Some(elements) => parameters = Some(parameters.unwrap_or(0_u64).saturating_add(elements)),
            None => {
                let message = format!("the weights `{}` are no HDF5 file that could be read", member.name());
                findings.risk(member.offset(), RiskSeverity::High, "keras-weights-not-inspected", message);
            }
        }
    }
    findings.metadata.parameters = parameters;
    true
}

fn not_inspected(member: &Member, why: &str, findings: &mut Findings) {
    let message = format!("the configuration of the Keras model could not be read: {why}");
    findings.risk(member.offset(), RiskSeverity::High, "keras-config-not-inspected", message);
}

/// Elements of the weights, which are a file of HDF5. What else is to be said of it was said when the members were looked
/// into.
fn elements(archive: &Archive<'_>, member: &Member) -> Option<u64> {
    let elements = |content| hdf5::read(content, &[], &mut Findings::default()).ok().map(|file| file.elements);
    match archive.stored(member) {
        Some(content) => elements(content),
        None => {
            let bytes = archive.read(member, UNPACKED_BYTES_MAX).ok()?;
            elements(Content::of(&bytes, bytes.len() as u64))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::artifact::zip::build::{Entry, archive};
    use crate::facts::artifact::{ArtifactFormat, Content, MetadataFacts, detect, sample};

    fn found(bytes: &[u8]) -> (ArtifactFormat, MetadataFacts, Vec<String>) {
        let (format, findings) = detect::inspect(Content::of(bytes, bytes.len() as u64));
        (format, findings.metadata, findings.risks.into_iter().map(|risk| risk.code).collect())
    }

    const METADATA: &[u8] = br#"{"keras_version": "3.9.0", "date_saved": "2026-01-01@00:00:00"}"#;

    #[test]
    fn an_archive_gives_its_facts() {
        let expected = MetadataFacts {
            framework: Some("keras".to_owned()),
            framework_version: Some("3.15.1".to_owned()),
            architecture: Some("Sequential".to_owned()),
            parameters: Some(10),
            inputs: vec!["features".to_owned()],
            outputs: vec!["score".to_owned()],
            ..MetadataFacts::default()
        };
        assert_eq!(found(&sample("dense.keras")), (ArtifactFormat::Keras, expected, Vec::new()));
        assert_eq!(found(&sample("lambda.keras")).2, ["keras-lambda"]);
    }

    #[test]
    fn its_weights_are_looked_through_as_hdf5() {
        let config = br#"{"module": "keras", "class_name": "Sequential", "config": {"layers": []}}"#;
        let with = |weights: &[u8]| {
            let entries = [
                Entry::stored("metadata.json", METADATA),
                Entry::stored("config.json", config),
                Entry::stored("model.weights.h5", weights),
            ];
            let (format, _, codes) = found(&archive(&entries));
            assert_eq!(format, ArtifactFormat::Keras);
            codes
        };
        assert_eq!(with(&sample("dense.h5")), Vec::<String>::new());
        assert!(with(&sample("outside.h5")).contains(&"hdf5-leads-outside".to_owned()));
        assert_eq!(with(b"no weights"), ["keras-weights-not-inspected"]);
    }

    #[test]
    fn what_is_not_its_configuration_is_said() {
        let with = |metadata: &[u8], config: &[u8]| {
            let entries = [Entry::stored("metadata.json", metadata), Entry::stored("config.json", config)];
            let (format, _, codes) = found(&archive(&entries));
            (format, codes)
        };
        let not_inspected = vec!["keras-config-not-inspected".to_owned()];
        assert_eq!(with(METADATA, b"{\"class_name\": "), (ArtifactFormat::Keras, not_inspected.clone()));
        let nested = [&vec![b'['; 10_000][..], &vec![b']'; 10_000]].concat();
        assert_eq!(with(METADATA, &nested), (ArtifactFormat::Keras, not_inspected));
        // Archives of something else that has members of these names.
        assert_eq!(with(b"{}", b"{}"), (ArtifactFormat::Zip, Vec::new()));
    }
}
