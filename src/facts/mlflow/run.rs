//! A run of MLflow: on its server, or in the directory that MLflow's file store keeps of it.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{LocalFiles, cut, of_pairs, too_many, within};
use crate::document::Document;
use crate::problem::Problem;
use crate::remote::mlflow::answers::{self, Pair};

/// Metrics, and parameters, of one run: more is no record of a training.
const VALUES_MAX: usize = 10_000;
/// Data sets of one run.
const DATASETS_MAX: usize = 1_000;

/// A run, as whoever logged it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunFacts {
    /// Id.
    pub run_id: String,
    /// Name, or null.
    pub name: Option<String>,
    /// Id of the experiment that it belongs to.
    pub experiment_id: String,
    /// What became of it.
    pub status: RunStatus,
    /// Whether somebody deleted it.
    pub deleted: bool,
    /// When it began, as RFC 3339 in UTC, or null.
    pub start_time: Option<String>,
    /// When it ended, or null.
    pub end_time: Option<String>,
    /// Who ran it, or null.
    pub user: Option<String>,
    /// What was run, such as the name of a script, or null.
    pub source: Option<String>,
    /// Commit of what was run (`mlflow.source.git.commit`), or null.
    pub commit: Option<String>,
    /// The data that it read, in the order of names.
    pub datasets: Vec<DatasetFacts>,
    /// The last value of each metric, in the order of names.
    pub metrics: Vec<LoggedMetric>,
    /// Parameters; what is longer than 1,024 characters is cut and ends with `…`.
    pub params: BTreeMap<String, String>,
    /// Tags, cut in the same way.
    pub tags: BTreeMap<String, String>,
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// It ended without an error.
    Finished,
    /// It has not ended.
    Running,
    /// It has not begun.
    Scheduled,
    /// It ended with an error.
    Failed,
    /// Somebody ended it.
    Killed,
    /// Nothing that this version knows.
    Unknown,
}

/// Data that a run read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct DatasetFacts {
    /// Name, or null.
    pub name: Option<String>,
    /// MLflow's own digest of it, or null: some eight digits that tell versions apart and prove nothing.
    pub digest: Option<String>,
    /// What it was to the run, such as `training`, or null.
    pub context: Option<String>,
    /// Kind of the place that it came from, such as `s3`, or null.
    pub source_type: Option<String>,
}

/// A metric that a run logged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoggedMetric {
    /// Name.
    pub name: String,
    /// Its last value; null if that was no finite number.
    pub value: Option<f64>,
}

/// The run that a server answers with.
pub(super) fn of_answer(run: answers::Run) -> Result<RunFacts, Problem> {
    let answers::Run { info, data, inputs, .. } = run;
    let tags: BTreeMap<String, String> = of_pairs(data.tags, super::TAGS_MAX, "tags")?;
    let stated = |text: Option<String>| text.filter(|text| !text.is_empty()).map(|text| cut(&text));
    if inputs.dataset_inputs.len() > DATASETS_MAX {
        return Err(too_many("data sets", DATASETS_MAX));
    }
    let dataset = |input: answers::DatasetInput| DatasetFacts {
        name: stated(input.dataset.name),
        digest: stated(input.dataset.digest),
        context: input.tags.into_iter().find(|tag| tag.key == CONTEXT_TAG).map(|tag| cut(&tag.value)),
        source_type: stated(input.dataset.source_type),
    };
    let metric = |metric: answers::Metric| (metric.key, metric.value);
    let status = match info.status.as_deref() {
        Some("FINISHED") => RunStatus::Finished,
        Some("RUNNING") => RunStatus::Running,
        Some("SCHEDULED") => RunStatus::Scheduled,
        Some("FAILED") => RunStatus::Failed,
        Some("KILLED") => RunStatus::Killed,
        _ => RunStatus::Unknown,
    };
    Ok(RunFacts {
        run_id: cut(&info.run_id),
        name: stated(info.run_name),
        experiment_id: cut(&info.experiment_id),
        status,
        // Anything but what is known to be in use has been taken out of it.
        deleted: info.lifecycle_stage.is_some_and(|stage| stage != "active"),
        start_time: moment(info.start_time),
        end_time: moment(info.end_time),
        user: tags.get("mlflow.user").cloned().or_else(|| stated(info.user_id)),
        source: tags.get("mlflow.source.name").cloned(),
        commit: tags.get(COMMIT_TAG).cloned(),
        datasets: sorted(inputs.dataset_inputs.into_iter().map(dataset).collect()),
        metrics: metrics(data.metrics.into_iter().map(metric))?,
        params: of_pairs(data.params, VALUES_MAX, "parameters")?,
        tags,
    })
}

const COMMIT_TAG: &str = "mlflow.source.git.commit";
const CONTEXT_TAG: &str = "mlflow.data.context";

fn sorted(mut datasets: Vec<DatasetFacts>) -> Vec<DatasetFacts> {
    datasets.sort();
    datasets
}

fn metrics(metrics: impl Iterator<Item = (String, Option<f64>)>) -> Result<Vec<LoggedMetric>, Problem> {
    let mut found: Vec<_> = metrics.map(|(name, value)| LoggedMetric { name: cut(&name), value }).collect();
    if found.len() > VALUES_MAX {
        return Err(too_many("metrics", VALUES_MAX));
    }
    found.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(found)
}

/// A moment in milliseconds since 1970; 0 is how MLflow leaves it out.
pub(super) fn moment(milliseconds: i64) -> Option<String> {
    let moment = DateTime::from_timestamp_millis(milliseconds).filter(|_| milliseconds > 0)?;
    Some(moment.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// The run whose directory has this `meta.yaml`, if it is one of a run.
pub(super) fn of_directory(files: &LocalFiles<'_>, directory: &str) -> Result<Option<RunFacts>, Problem> {
    let text = files.text(&within(directory, "meta.yaml"))?;
    let Ok(document) = Document::parse("meta.yaml", &text) else { return Ok(None) };
    let value = document.value();
    let text = |key: &str| value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(cut);
    // Experiments, data sets and models have a `meta.yaml`, too.
    let (Some(run_id), Some(status)) = (text("run_id").or_else(|| text("run_uuid")), value.get("status")) else {
        return Ok(None);
    };
    if value.get("artifact_uri").is_none() {
        return Ok(None);
    }
    // `RunStatus` of mlflow/protos/service.proto.
    let status = match status.as_i64() {
        Some(1) => RunStatus::Running,
        Some(2) => RunStatus::Scheduled,
        Some(3) => RunStatus::Finished,
        Some(4) => RunStatus::Failed,
        Some(5) => RunStatus::Killed,
        _ => RunStatus::Unknown,
    };
    let pairs = |kind: &str, most: usize| -> Result<BTreeMap<String, String>, Problem> {
        let read = |(name, path): (&str, &str)| Ok(Pair { key: name.to_owned(), value: files.text(path)? });
        let read = files.below(&within(directory, kind)).into_iter().map(read);
        of_pairs(read.collect::<Result<_, Problem>>()?, most, kind)
    };
    let tags = pairs("tags", super::TAGS_MAX)?;
    let mut found = Vec::new();
    for (name, path) in files.below(&within(directory, "metrics")) {
        let value = last_value(&files.text(path)?).ok_or_else(|| {
            Problem::new("malformed-run", format!("`{path}` has no lines of a moment, a number and a step"))
                .hint("release the directory of the run as MLflow wrote it")
        })?;
        found.push((name.to_owned(), Some(value).filter(|value| value.is_finite())));
    }
    let time = |key: &str| moment(value.get(key).and_then(Value::as_i64).unwrap_or_default());
    Ok(Some(RunFacts {
        run_id,
        name: text("run_name"),
        experiment_id: text("experiment_id").unwrap_or_default(),
        status,
        deleted: text("lifecycle_stage").is_some_and(|stage| stage != "active"),
        start_time: time("start_time"),
        end_time: time("end_time"),
        user: tags.get("mlflow.user").cloned().or_else(|| text("user_id")),
        source: tags.get("mlflow.source.name").cloned(),
        commit: tags.get(COMMIT_TAG).cloned(),
        datasets: datasets(files, directory)?,
        metrics: metrics(found.into_iter())?,
        params: pairs("params", VALUES_MAX)?,
        tags,
    }))
}

/// The data sets that are named below `inputs`. What each is stands beside the run, in its experiment, which need not be
/// released.
fn datasets(files: &LocalFiles<'_>, directory: &str) -> Result<Vec<DatasetFacts>, Problem> {
    let experiment = directory.rsplit_once('/').map(|(above, _)| above);
    let mut found = Vec::new();
    let inputs = files.below(&within(directory, "inputs")).into_iter();
    for (name, path) in inputs.filter(|(name, _)| name.ends_with("/meta.yaml")) {
        let malformed = || {
            Problem::new("malformed-run", format!("`{path}` is no input of a run: `{name}` does not name its data set"))
        };
        let document = Document::parse(path, &files.text(path)?).map_err(|_| malformed())?;
        if document.value().get("source_type").and_then(Value::as_str) != Some("DATASET") {
            continue;
        }
        let id = document.value().get("source_id").and_then(Value::as_str).ok_or_else(malformed)?;
        let tag = document.value().pointer("/tags/mlflow.data.context").and_then(Value::as_str);
        let described = experiment.map(|experiment| within(experiment, &format!("datasets/{id}/meta.yaml")));
        let described = match described.filter(|path| files.has(path)) {
            Some(path) => Document::parse(&path, &files.text(&path)?).ok(),
            None => None,
        };
        let text = |key: &str| described.as_ref()?.value().get(key).and_then(Value::as_str).map(cut);
        found.push(DatasetFacts {
            name: text("name"),
            digest: text("digest"),
            context: tag.map(cut),
            source_type: text("source_type"),
        });
        if found.len() > DATASETS_MAX {
            return Err(too_many("data sets", DATASETS_MAX));
        }
    }
    Ok(sorted(found))
}

/// The value that MLflow takes for the last one of a metric: of the highest step, there of the latest moment, there the
/// highest. None if a line is no moment, number and step.
pub(crate) fn last_value(text: &str) -> Option<f64> {
    let mut last: Option<(i64, i64, f64)> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let mut parts = line.split_whitespace();
        let (moment, value) = (parts.next()?.parse().ok()?, parts.next()?.parse::<f64>().ok()?);
        // Versions before 1.0 wrote no step.
        let step = parts.next().map_or(Some(0), |step| step.parse().ok())?;
        let is_later = last.is_none_or(|(last_step, last_moment, last_value)| {
            (step, moment).cmp(&(last_step, last_moment)).then(value.total_cmp(&last_value)).is_ge()
        });
        if is_later {
            last = Some((step, moment, value));
        }
    }
    last.map(|(.., value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_value_is_that_of_the_highest_step() {
        assert_eq!(last_value("1700000000 2.5 0\n1700000001 1.5 1\n"), Some(1.5));
        assert_eq!(last_value("1700000001 1.5 1\n1700000000 2.5 0\n"), Some(1.5));
        assert_eq!(last_value("2 1.5 0\n1 2.5 0\n"), Some(1.5));
        assert_eq!(last_value("1 1.5 0\n1 2.5 0\n1 2.0 0\n"), Some(2.5));
        assert_eq!(last_value("1 0.5\n"), Some(0.5));
        assert_eq!(last_value("1 0.5 0 train cc78dd00\n"), Some(0.5));
        assert!(last_value("1 nan 0\n").unwrap().is_nan());
        for text in ["", "\n", "1\n", "x 1 0\n", "1 x 0\n", "1 1 x\n", "1 1 0\n1 x 0\n"] {
            assert_eq!(last_value(text), None, "{text:?}");
        }
    }

    #[test]
    fn moments_are_of_utc() {
        assert_eq!(moment(1_795_891_114_382).as_deref(), Some("2026-11-28T18:38:34.382Z"));
        for nothing in [0, -1, i64::MAX, i64::MIN] {
            assert_eq!(moment(nothing), None);
        }
    }

    #[test]
    fn a_status_that_nobody_knows_is_not_finished() {
        let run = |info: &str| of_answer(serde_json::from_str(&format!(r#"{{"info": {{{info}}}}}"#)).unwrap()).unwrap();
        assert_eq!(run(r#""status": "FINISHED", "lifecycle_stage": "active""#).status, RunStatus::Finished);
        assert_eq!(run(r#""status": "DONE""#).status, RunStatus::Unknown);
        assert_eq!(run("").status, RunStatus::Unknown);
        assert!(run(r#""lifecycle_stage": "deleted""#).deleted);
        assert!(!run(r#""lifecycle_stage": "active""#).deleted);
    }

    #[test]
    fn more_than_a_run_has_is_refused() {
        let metric = answers::Metric { key: "m".to_owned(), value: Some(0.5), step: 0 };
        let mut run = answers::Run::default();
        run.data.metrics = vec![metric; VALUES_MAX];
        assert_eq!(of_answer(run.clone()).unwrap().metrics.len(), VALUES_MAX);
        run.data.metrics.push(answers::Metric::default());
        assert_eq!(of_answer(run).unwrap_err().code, "too-many-values");
    }

    proptest! {
        #[test]
        fn any_lines_have_a_last_value_or_none(text in "([0-9a-z.+-]{1,20}[ \n]){0,12}", milliseconds: i64) {
            let _ = last_value(&text);
            let _ = moment(milliseconds);
        }
    }
}
