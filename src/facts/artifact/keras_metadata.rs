//! `keras_metadata.pb` beside a SavedModel: the configuration of each layer that Keras 2 saved, as JSON in the messages
//! of its `saved_metadata.proto`.

use super::pages::Broken;
use super::protobuf::{Field, Part, Wire};
use super::{Content, Findings, RiskSeverity, keras_config};

/// What the kinds of Keras' objects begin with.
const IDENTIFIER: &str = "_tf_keras";

/// Length of the configuration of one object; that of the model holds those of all layers.
const JSON_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Recognised by a first object that is one of Keras.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let wire = Wire::of(content);
    let (1, Field::Part(first)) = wire.field(&mut 0, wire.whole().end).ok()? else { return None };
    if !object(&wire, first).ok()?.identifier.starts_with(IDENTIFIER) {
        return None;
    }
    let mut findings = Findings::default();
    findings.metadata.framework = Some("keras".to_owned());
    let result = wire.each(wire.whole(), |number, field| match (number, field) {
        (1, Field::Part(part)) => {
            let object = object(&wire, part)?;
            match object.metadata {
                Some(metadata) => check(&wire, metadata, object.path == "root", &mut findings),
                None => Ok(()),
            }
        }
        _ => Err(Broken::new(0, "it has a field that no metadata of Keras has")),
    });
    if let Err(broken) = result {
        broken.note(&mut findings, "keras-metadata-malformed", "the metadata of the Keras model");
    }
    Some(findings)
}

/// `SavedObject`.
struct Object {
    path: String,
    identifier: String,
    metadata: Option<Part>,
}

fn object(wire: &Wire<'_>, part: Part) -> Result<Object, Broken> {
    let mut object = Object { path: String::new(), identifier: String::new(), metadata: None };
    wire.each(part, |number, field| {
        match (number, field) {
            (3, Field::Part(path)) => object.path = wire.text(path)?,
            (4, Field::Part(identifier)) => object.identifier = wire.text(identifier)?,
            (5, Field::Part(metadata)) => object.metadata = Some(metadata),
            _ => {}
        }
        Ok(())
    })?;
    Ok(object)
}

/// Looks through the configuration of an object, that of the root being of the whole model.
pub(super) fn check(wire: &Wire<'_>, part: Part, is_root: bool, findings: &mut Findings) -> Result<(), Broken> {
    let bytes = wire.bytes(part, JSON_BYTES_MAX)?;
    match serde_json::from_slice::<serde_json::Value>(&bytes) {
        Ok(config) => {
            keras_config::check(&config, part.start, findings);
            if let Some(model) = config.get("model_config").filter(|_| is_root) {
                keras_config::check_model(model, part.start, findings);
            }
        }
        Err(error) => {
            let message = format!("the configuration of a Keras layer could not be read: {error}");
            findings.risk(part.start, RiskSeverity::High, "keras-config-not-inspected", message);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::protobuf::tests::{number, part};
    use crate::facts::artifact::sample;

    fn codes(bytes: &[u8]) -> Option<Vec<String>> {
        let findings = inspect(Content::of(bytes, bytes.len() as u64))?;
        Some(findings.risks.into_iter().map(|risk| risk.code).collect())
    }

    fn object(path: &str, metadata: &str) -> Vec<u8> {
        let parts = [number(2, 3), part(3, path), part(4, "_tf_keras_layer"), part(5, metadata), part(6, number(1, 1))];
        part(1, parts.concat())
    }

    #[test]
    fn layers_are_looked_at() {
        let bytes = sample("keras2-keras_metadata.pb");
        let findings = inspect(Content::of(&bytes, bytes.len() as u64)).unwrap();
        assert_eq!(findings.metadata.architecture.as_deref(), Some("Sequential"));
        assert!(!findings.risks.is_empty() && findings.risks.iter().all(|risk| risk.code == "keras-lambda"));
        let lambda = r#"{"class_name": "Lambda", "config": {"function": ["4wEA", null, null]}}"#;
        assert_eq!(codes(&object("root.layer", lambda)).unwrap(), ["keras-lambda"]);
        assert_eq!(codes(&object("root.layer", "{")).unwrap(), ["keras-config-not-inspected"]);
    }

    #[test]
    fn what_is_cut_is_broken_and_what_is_something_else_is_none() {
        let first = object("root", "{}");
        let whole = [first.clone(), object("root.layer", "{}")].concat();
        assert_eq!(codes(&whole), Some(Vec::new()));
        for length in first.len() + 1..whole.len() {
            assert_eq!(codes(&whole[..length]).unwrap(), ["keras-metadata-malformed"], "{length}");
        }
        assert_eq!(codes(&part(1, part(4, "something"))), None);
        assert_eq!(codes(b""), None);
    }
}
