//! What an MLflow server answers (`mlflow/protos/service.proto` and `model_registry.proto`), as far as it is read.
//!
//! JSON of protocol buffers leaves out what has its default, and writes 64-bit integers as text or as numbers.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A key with its value.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pair {
    pub(crate) key: String,
    #[serde(deserialize_with = "text")]
    pub(crate) value: String,
}

/// The last value of a metric.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Metric {
    pub(crate) key: String,
    /// None for what is no number.
    #[serde(deserialize_with = "number")]
    pub(crate) value: Option<f64>,
    #[serde(deserialize_with = "integer")]
    pub(crate) step: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct ModelVersionAnswer {
    pub(super) model_version: ModelVersion,
}

/// A version of a registered model.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ModelVersion {
    pub(crate) name: String,
    #[serde(deserialize_with = "text")]
    pub(crate) version: String,
    #[serde(deserialize_with = "integer")]
    pub(crate) creation_timestamp: i64,
    #[serde(deserialize_with = "integer")]
    pub(crate) last_updated_timestamp: i64,
    pub(crate) current_stage: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) run_id: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) tags: Vec<Pair>,
    pub(crate) aliases: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DownloadUri {
    pub(super) artifact_uri: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct LoggedModelAnswer {
    pub(super) model: LoggedModel,
}

/// A model that a run logged.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LoggedModel {
    pub(crate) info: LoggedModelInfo,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LoggedModelInfo {
    pub(crate) model_id: String,
    pub(crate) name: String,
    pub(crate) artifact_uri: String,
    pub(crate) status: Option<String>,
    pub(crate) source_run_id: Option<String>,
    pub(crate) tags: Vec<Pair>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RunAnswer {
    pub(super) run: Run,
}

/// A run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Run {
    pub(crate) info: RunInfo,
    pub(crate) data: RunData,
    pub(crate) inputs: RunInputs,
    pub(crate) outputs: RunOutputs,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RunInfo {
    pub(crate) run_id: String,
    pub(crate) experiment_id: String,
    pub(crate) run_name: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) status: Option<String>,
    #[serde(deserialize_with = "integer")]
    pub(crate) start_time: i64,
    #[serde(deserialize_with = "integer")]
    pub(crate) end_time: i64,
    pub(crate) artifact_uri: String,
    pub(crate) lifecycle_stage: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RunData {
    pub(crate) metrics: Vec<Metric>,
    pub(crate) params: Vec<Pair>,
    pub(crate) tags: Vec<Pair>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RunInputs {
    pub(crate) dataset_inputs: Vec<DatasetInput>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DatasetInput {
    pub(crate) tags: Vec<Pair>,
    pub(crate) dataset: Dataset,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Dataset {
    pub(crate) name: Option<String>,
    pub(crate) digest: Option<String>,
    pub(crate) source_type: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RunOutputs {
    pub(crate) model_outputs: Vec<ModelOutput>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ModelOutput {
    pub(crate) model_id: String,
}

/// Files and directories in a directory of artifacts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Listing {
    pub(super) files: Vec<Listed>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Listed {
    pub(super) path: String,
    pub(super) is_dir: bool,
    #[serde(deserialize_with = "size")]
    pub(super) file_size: Option<u64>,
}

/// Why the server did not do what it was asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refused {
    pub(super) error_code: String,
    pub(super) message: String,
}

fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let found = match &value {
        Value::Null => Some(0),
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    found.ok_or_else(|| serde::de::Error::custom("an integer of 64 bits is expected"))
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let size = integer(deserializer)?;
    u64::try_from(size).map(Some).map_err(|_| serde::de::Error::custom("a size is not negative"))
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("a text is expected")),
    }
}

/// A finite number; `"NaN"`, `"Infinity"` and `"-Infinity"` are what the JSON of protocol buffers has for the others.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Number(number) => Ok(number.as_f64().filter(|number| number.is_finite())),
        Value::Null => Ok(None),
        Value::String(text) if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") => Ok(None),
        _ => Err(serde::de::Error::custom("a number is expected")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_as_numbers_and_as_text() {
        let version: ModelVersion =
            serde_json::from_str(r#"{"version": 3, "creation_timestamp": "1795891124661", "run_id": null}"#).unwrap();
        assert_eq!((version.version.as_str(), version.creation_timestamp), ("3", 1_795_891_124_661));
        let metrics = r#"[{"key": "a", "value": 0.5}, {"key": "b", "value": "NaN"}, {"key": "c"}]"#;
        let metrics: Vec<Metric> = serde_json::from_str(metrics).unwrap();
        assert_eq!(metrics.iter().map(|metric| metric.value).collect::<Vec<_>>(), [Some(0.5), None, None]);
        let sizes: Vec<Listed> = serde_json::from_str(r#"[{"file_size": "7"}, {}]"#).unwrap();
        assert_eq!(sizes.iter().map(|file| file.file_size).collect::<Vec<_>>(), [Some(7), None]);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for metric in [r#"{"value": "high"}"#, r#"{"value": [1]}"#, r#"{"step": 1.5}"#, r#"{"step": "x"}"#] {
            assert!(serde_json::from_str::<Metric>(metric).is_err(), "{metric}");
        }
        assert!(serde_json::from_str::<Listed>(r#"{"file_size": -1}"#).is_err());
        assert!(serde_json::from_str::<Pair>(r#"{"value": {}}"#).is_err());
    }
}
