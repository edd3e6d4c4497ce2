//! Metric values that files of the team state: `metrics.json`, model cards in each of their formats, a run of MLflow,
//! the metrics of a pipeline of DVC.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::metric::Metrics;
use super::{ClaimCheck, ClaimResult};
use crate::document::{Document, TEXT_BYTES_MAX, pointer_to, read_text};
use crate::facts::card::CardFormat;
use crate::facts::mlflow::RunFacts;
use crate::facts::mlflow::run::last_value;
use crate::facts::supply_chain::dvc::joined;
use crate::facts::{FileFacts, card};
use crate::manifest::raw::{ClaimFormat, ClaimSource};
use crate::metric_id::MetricId;
use crate::problem::Problem;
use crate::release_root::{ReleasePath, ReleaseRoot};

/// Values of a file at most: more is no list of metrics.
const VALUES_MAX: usize = 10_000;

/// Other names of metrics, as libraries and people write them; small letters, with `_` for what is no letter or digit.
const ALIASES: &[(&str, MetricId)] = &[
    ("acc", MetricId::Accuracy),
    ("auc", MetricId::RocAuc),
    ("auroc", MetricId::RocAuc),
    ("roc_auc_score", MetricId::RocAuc),
    ("pr_auc", MetricId::AveragePrecision),
    ("average_precision_score", MetricId::AveragePrecision),
    ("accuracy_score", MetricId::Accuracy),
    ("f1_score", MetricId::F1),
    ("precision_score", MetricId::Precision),
    ("recall_score", MetricId::Recall),
    ("sensitivity", MetricId::Recall),
    ("tpr", MetricId::Recall),
    ("tnr", MetricId::Specificity),
    ("fpr", MetricId::FalsePositiveRate),
    ("fnr", MetricId::FalseNegativeRate),
    ("mcc", MetricId::MatthewsCorrelation),
    ("matthews_corrcoef", MetricId::MatthewsCorrelation),
    ("cohen_kappa_score", MetricId::CohenKappa),
    ("brier_score", MetricId::Brier),
    ("brier_score_loss", MetricId::Brier),
    ("logloss", MetricId::LogLoss),
    ("cross_entropy", MetricId::LogLoss),
    ("ece", MetricId::ExpectedCalibrationError),
    ("ks", MetricId::KolmogorovSmirnov),
    ("f1_macro", MetricId::MacroF1),
    ("f1_micro", MetricId::MicroF1),
    ("f1_weighted", MetricId::WeightedF1),
    ("mae", MetricId::MeanAbsoluteError),
    ("mse", MetricId::MeanSquaredError),
    ("rmse", MetricId::RootMeanSquaredError),
    ("mape", MetricId::MeanAbsolutePercentageError),
    ("smape", MetricId::SymmetricPercentageError),
    ("wape", MetricId::WeightedAbsolutePercentageError),
    ("r2", MetricId::RSquared),
    ("r2_score", MetricId::RSquared),
    ("medae", MetricId::MedianAbsoluteError),
    ("mase", MetricId::MeanAbsoluteScaledError),
    ("map", MetricId::MeanAveragePrecision),
    ("mrr", MetricId::MeanReciprocalRank),
];

/// A source of claims, and the file or directory that it names.
#[derive(Debug, Clone, Copy)]
pub struct ClaimsFile<'a> {
    /// As declared.
    pub declared: &'a ClaimSource,
    /// Where it is.
    pub path: &'a ReleasePath,
    /// The directory that files which it names are below.
    pub root: &'a ReleaseRoot,
}

/// Names, what they mean, and their values.
type Values = Vec<(String, Option<MetricId>, f64)>;

/// What a source states.
#[derive(Debug, Clone, PartialEq)]
pub struct Stated {
    /// Its files.
    pub files: Vec<FileFacts>,
    /// Where it is from, with the tolerance that it allows.
    source: String,
    tolerance: f64,
    /// Names as they stand there, in the order of names, with their values.
    values: Values,
}

/// Reads what a source states.
///
/// # Errors
/// A file is absent, unreadable or not of its format, states one metric twice, or states nothing.
pub fn read(claims: ClaimsFile<'_>) -> Result<Stated, Problem> {
    let ClaimsFile { declared, path, root } = claims;
    let dataset = declared.dataset.as_deref();
    let found = match declared.format {
        ClaimFormat::MetricsJson => metrics_json(path)?,
        ClaimFormat::ModelIndex => model_index(path, dataset)?,
        ClaimFormat::ModelCardToolkit => card_metrics(path, CardFormat::ModelCardToolkit, dataset)?,
        ClaimFormat::Cyclonedx => card_metrics(path, CardFormat::Cyclonedx, dataset)?,
        ClaimFormat::Mlflow => mlflow(path)?,
        ClaimFormat::Dvc => dvc(path, root)?,
    };
    stated(declared, &path.relative, found)
}

/// What a run on an MLflow server states, which has no files of its own.
///
/// # Errors
/// As [`read`].
pub(crate) fn of_run(declared: &ClaimSource, run: &RunFacts) -> Result<Stated, Problem> {
    let found = run.metrics.iter().map(|metric| (metric.name.clone(), metric.value.unwrap_or(f64::NAN))).collect();
    stated(declared, &declared.path, (Vec::new(), found))
}

fn stated(declared: &ClaimSource, shown: &str, (files, found): Found) -> Result<Stated, Problem> {
    let prefix = declared.prefix.as_deref().unwrap_or_default();
    let named = |(name, value): (String, f64)| {
        let rest = name.strip_prefix(prefix)?;
        let metric = declared.names.get(&name).copied().or_else(|| metric(rest));
        Some((name, metric, value))
    };
    let mut values: Vec<_> = found.into_iter().filter_map(named).collect();
    values.sort_by(|left, right| left.0.cmp(&right.0));
    // What was logged as no number states nothing; only where it is a metric has somebody to know.
    if let Some((name, ..)) = values.iter().find(|(_, metric, value)| metric.is_some() && !value.is_finite()) {
        return Err(malformed(shown, format!("states `{name}` as no finite number")));
    }
    let unknown = declared.names.keys().find(|name| values.iter().all(|(found, ..)| found != *name));
    if let Some(name) = unknown {
        let message = format!("`{shown}` states nothing for `{name}`, which is declared as a metric");
        return Err(Problem::new("absent-claim", message).hint("correct the name, or remove it"));
    }
    for (index, (name, metric, _)) in values.iter().enumerate() {
        let other = values.iter().take(index).find(|(_, other, _)| metric.is_some() && other == metric);
        if let (Some((other, ..)), Some(metric)) = (other, metric) {
            let message = format!("`{shown}` states `{}` as `{other}` and as `{name}`", metric.key());
            return Err(Problem::new("duplicate-claim", message).hint("say which ones are meant with `prefix`"));
        }
    }
    if values.iter().all(|(_, metric, _)| metric.is_none()) {
        let message = format!("`{shown}` states no metric that is recomputed");
        return Err(Problem::new("absent-claim", message).hint("say what its names mean with `names`"));
    }
    Ok(Stated { files, source: shown.to_owned(), tolerance: declared.tolerance, values })
}

impl Stated {
    /// Each stated metric beside the recomputed one.
    pub(crate) fn checks(&self, metrics: &Metrics) -> Vec<ClaimCheck> {
        let of = |(_, metric, value): &(String, Option<MetricId>, f64)| {
            Some(check((*metric)?, *value, self.tolerance, Some(&self.source), metrics))
        };
        self.values.iter().filter_map(of).collect()
    }

    /// Names that are no metric that is recomputed.
    pub(crate) fn others(&self) -> impl Iterator<Item = String> {
        self.values
            .iter()
            .filter(|(_, metric, _)| metric.is_none())
            .map(|(name, ..)| format!("{}: {name}", self.source))
    }
}

/// A stated value beside the recomputed one.
pub(crate) fn check(
    metric: MetricId,
    claimed: f64,
    tolerance: f64,
    source: Option<&str>,
    metrics: &Metrics,
) -> ClaimCheck {
    // A claim that was rounded to the tolerance's digits may lie exactly on its edge, where the
    // difference of two doubles is off by a few units in the last place.
    const EDGE: f64 = 1e-12;
    let recomputed = metrics.get(metric).and_then(|metric| metric.value);
    let result = match recomputed {
        None => ClaimResult::Unverifiable,
        Some(value) if (value - claimed).abs() <= tolerance + EDGE => ClaimResult::Confirmed,
        Some(_) => ClaimResult::Contradicted,
    };
    ClaimCheck { metric, claimed, recomputed, tolerance, result, source: source.map(str::to_owned) }
}

/// The metric of a name, however it is written.
fn metric(name: &str) -> Option<MetricId> {
    let plain = |character: char| if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '_' };
    let name: String = name.trim().chars().map(plain).collect();
    let by_key = MetricId::ALL.iter().find(|id| id.key() == name);
    by_key.or_else(|| ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, id)| id)).copied()
}

type Found = (Vec<FileFacts>, Vec<(String, f64)>);

fn malformed(path: &str, what: impl std::fmt::Display) -> Problem {
    Problem::new("malformed-claims", format!("`{path}` {what}"))
        .hint("correct the file, or state the claims in the manifest")
}

/// Every number of a JSON object, its name with `.` between the keys on the way to it.
fn metrics_json(path: &ReleasePath) -> Result<Found, Problem> {
    let (file, text) = read_text(&path.absolute, &path.relative, TEXT_BYTES_MAX).map(|text| of_text(path, text))?;
    let value: Value =
        serde_json::from_str(&text).map_err(|error| malformed(&path.relative, format!("is no JSON: {error}")))?;
    if !value.is_object() {
        return Err(malformed(&path.relative, "is no JSON object"));
    }
    numbers(path, &value).map(|found| (vec![file], found))
}

fn numbers(path: &ReleasePath, value: &Value) -> Result<Vec<(String, f64)>, Problem> {
    let mut found = Vec::new();
    flatten(String::new(), value, &mut found);
    if found.len() > VALUES_MAX {
        return Err(malformed(&path.relative, format!("has more than {VALUES_MAX} numbers")));
    }
    Ok(found)
}

/// Every number of the metrics files that a `dvc.yaml` names, for the pipeline and for its stages, as [`metrics_json`]
/// names them.
fn dvc(path: &ReleasePath, root: &ReleaseRoot) -> Result<Found, Problem> {
    let first = |problems: Vec<Problem>| {
        problems.into_iter().next().unwrap_or_else(|| malformed(&path.relative, "cannot be read"))
    };
    let text = read_text(&path.absolute, &path.relative, TEXT_BYTES_MAX)?;
    let pipeline = Document::parse(&path.relative, &text).map_err(first)?;
    let mut named = metrics_of(&pipeline, pipeline.value(), "", "")?;
    for (name, stage) in pipeline.value().get("stages").and_then(Value::as_object).into_iter().flatten() {
        let directory = stage.get("wdir").and_then(Value::as_str).unwrap_or_default();
        named.extend(metrics_of(&pipeline, stage, &pointer_to("/stages", name), directory)?);
    }
    named.sort();
    named.dedup();
    let own = path.relative.rsplit_once('/').map_or("", |(own, _)| own);
    let (mut files, mut found) = (vec![of_text(path, text).0], Vec::new());
    for name in named {
        let place = root.resolve(&joined(&[own, &name]).unwrap_or(name))?;
        let text = read_text(&place.absolute, &place.relative, TEXT_BYTES_MAX)?;
        // JSON is read as the YAML that it is.
        let metrics = Document::parse(&place.relative, &text).map_err(first)?;
        for (name, value) in numbers(&place, metrics.value())? {
            if found.iter().any(|(other, _)| *other == name) {
                let message = format!("two metrics files of `{}` state `{name}`", path.relative);
                return Err(Problem::new("duplicate-claim", message)
                    .hint("name the one that is meant, with the format `metrics-json`"));
            }
            found.push((name, value));
        }
        files.push(of_text(&place, text).0);
    }
    Ok((files, found))
}

/// The files that `metrics` of a pipeline or a stage names: each as it is, or as the key of its settings.
fn metrics_of(pipeline: &Document, owner: &Value, pointer: &str, directory: &str) -> Result<Vec<String>, Problem> {
    let mut named = Vec::new();
    for (index, item) in owner.get("metrics").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let path = match item {
            Value::String(path) => Some(path),
            Value::Object(settings) => settings.keys().next(),
            _ => None,
        };
        // What DVC would fill in from parameters stands for a path that is not known here.
        let Some(path) = path.filter(|path| !path.contains("${")) else {
            let problem = malformed(pipeline.file(), "has metrics that name no file");
            return Err(problem.at(pipeline.location(&format!("{pointer}/metrics/{index}"))));
        };
        named.push(if directory.is_empty() { path.clone() } else { format!("{directory}/{path}") });
    }
    Ok(named)
}

/// The performance metrics of a JSON card: those of no slice, or those of `slice` alone. The others are named with their
/// slices, so that none of them is a metric over all rows.
fn card_metrics(path: &ReleasePath, format: CardFormat, slice: Option<&str>) -> Result<Found, Problem> {
    let (file, stated) = card::metrics(&path.relative, &path.absolute, format)?;
    if stated.len() > VALUES_MAX {
        return Err(malformed(&path.relative, format!("has more than {VALUES_MAX} metrics")));
    }
    let named = stated.into_iter().map(|metric| match metric.slice {
        Some(of) if slice != Some(of.as_str()) => (format!("{} [{of}]", metric.name), metric.value),
        None if slice.is_some() => (format!("{} [all]", metric.name), metric.value),
        _ => (metric.name, metric.value),
    });
    Ok((vec![file], named.collect()))
}

fn of_text(path: &ReleasePath, text: String) -> (FileFacts, String) {
    let sha256 = crate::digest::Sha256Digest::of(text.as_bytes());
    (FileFacts { path: path.relative.clone(), sha256, size_bytes: text.len() as u64 }, text)
}

fn flatten(name: String, value: &Value, found: &mut Vec<(String, f64)>) {
    match value {
        Value::Number(number) => found.extend(number.as_f64().map(|number| (name, number))),
        Value::Object(entries) => {
            for (key, value) in entries {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(name, value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => {}
    }
}

/// The metrics of `model-index` in the front matter of a card (Hugging Face's model card metadata), of the results for
/// `dataset` if one is named.
fn model_index(path: &ReleasePath, dataset: Option<&str>) -> Result<Found, Problem> {
    let card = card::read(&path.relative, &path.absolute)?;
    let entries = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let mut found = Vec::new();
    for model in entries(card.front_matter.get("model-index")) {
        for result in entries(model.get("results")) {
            let names = ["name", "type", "config"].map(|key| result.pointer(&format!("/dataset/{key}")));
            let is_meant = |wanted: &str| names.iter().flatten().any(|name| name.as_str() == Some(wanted));
            if dataset.is_some_and(|wanted| !is_meant(wanted)) {
                continue;
            }
            for metric in entries(result.get("metrics")) {
                let name = metric.get("type").or_else(|| metric.get("name")).and_then(Value::as_str);
                let value = metric.get("value").and_then(Value::as_f64);
                let Some((name, value)) = name.zip(value) else {
                    return Err(malformed(&path.relative, "has a metric of `model-index` without a type or a number"));
                };
                found.push((name.to_owned(), value));
            }
        }
    }
    Ok((vec![card.file], found))
}

/// The last value of each metric of a run, as MLflow's file store keeps it: `metrics/NAME` has a line for each time it was
/// logged, of the moment, the value and the step.
fn mlflow(path: &ReleasePath) -> Result<Found, Problem> {
    let directory = path.absolute.join("metrics");
    let mut pending = vec![(directory, String::new())];
    let (mut files, mut found) = (Vec::new(), Vec::new());
    while let Some((directory, above)) = pending.pop() {
        let unreadable = |error: std::io::Error| malformed(&path.relative, format!("is no run of MLflow: {error}"));
        for entry in fs::read_dir(&directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = format!("{above}{}", entry.file_name().to_string_lossy());
            // Links are not followed: what they lead to is not the run's.
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() && name.matches('/').count() < 8 {
                pending.push((entry.path(), format!("{name}/")));
            } else if kind.is_file() {
                if found.len() >= VALUES_MAX {
                    return Err(malformed(&path.relative, format!("has more than {VALUES_MAX} metrics")));
                }
                let (file, value) = logged(&format!("{}/metrics/{name}", path.relative), &entry.path())?;
                files.push(file);
                found.push((name, value));
            }
        }
    }
    files.sort_by(|left: &FileFacts, right| left.path.cmp(&right.path));
    Ok((files, found))
}

fn logged(shown: &str, path: &Path) -> Result<(FileFacts, f64), Problem> {
    let absolute = path.to_owned();
    let place = ReleasePath { relative: shown.to_owned(), absolute };
    let text = read_text(path, shown, TEXT_BYTES_MAX)?;
    let value = last_value(&text).ok_or_else(|| malformed(shown, "has no lines of a moment, a number and a step"))?;
    Ok((of_text(&place, text).0, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(
        format: ClaimFormat,
        files: &[(&str, &str)],
        path: &str,
        change: fn(&mut ClaimSource),
    ) -> Result<Values, &'static str> {
        let directory = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let file = directory.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let mut declared = ClaimSource {
            path: path.to_owned(),
            format,
            dataset: None,
            prefix: None,
            names: Default::default(),
            tolerance: 0.001,
        };
        change(&mut declared);
        let place = ReleasePath { relative: path.to_owned(), absolute: directory.path().join(path) };
        let root = ReleaseRoot::open(directory.path()).unwrap();
        read(ClaimsFile { declared: &declared, path: &place, root: &root })
            .map(|stated| stated.values)
            .map_err(|problem| problem.code)
    }

    fn value(name: &str, metric: MetricId, value: f64) -> (String, Option<MetricId>, f64) {
        (name.to_owned(), Some(metric), value)
    }

    #[test]
    fn numbers_of_json_are_named_by_their_way() {
        let json = [(
            "m.json",
            r#"{"test": {"AUC": 0.9, "Brier score": 0.1}, "train": {"auc": 0.99}, "epochs": 3, "tags": ["a"]}"#,
        )];
        assert_eq!(
            stated(ClaimFormat::MetricsJson, &json, "m.json", |source| source.prefix = Some("test.".to_owned())),
            Ok(vec![value("test.AUC", MetricId::RocAuc, 0.9), value("test.Brier score", MetricId::Brier, 0.1)])
        );
        let named = stated(ClaimFormat::MetricsJson, &json, "m.json", |source| {
            source.names.insert("test.AUC".to_owned(), MetricId::RocAuc);
        });
        assert_eq!(named.unwrap().iter().filter(|(_, metric, _)| metric.is_some()).count(), 1);
        let of = |text: &str, change| stated(ClaimFormat::MetricsJson, &[("m.json", text)], "m.json", change);
        assert_eq!(of(r#"{"auc": 0.9, "roc_auc": 0.8}"#, |_| ()), Err("duplicate-claim"));
        assert_eq!(of(r#"{"epochs": 3}"#, |_| ()), Err("absent-claim"));
        assert_eq!(
            of(r#"{"auc": 0.9}"#, |source| source.names.extend([("b".to_owned(), MetricId::F1)])),
            Err("absent-claim")
        );
        assert_eq!(of("[0.9]", |_| ()), Err("malformed-claims"));
        assert_eq!(of("{", |_| ()), Err("malformed-claims"));
    }

    #[test]
    fn a_card_states_the_results_of_data_sets() {
        let card = "---\nmodel-index:\n- name: m\n  results:\n  - dataset: {name: Holdout, type: csv}\n    metrics:\n    - {type: accuracy, value: 0.75}\n    - {type: f1, value: 0.5, name: F1}\n  - dataset: {name: Other, type: csv}\n    metrics: [{type: accuracy, value: 0.5}]\n---\n# Card\n";
        let of = |change| stated(ClaimFormat::ModelIndex, &[("c.md", card)], "c.md", change);
        assert_eq!(
            of(|source| source.dataset = Some("Holdout".to_owned())),
            Ok(vec![value("accuracy", MetricId::Accuracy, 0.75), value("f1", MetricId::F1, 0.5)])
        );
        assert_eq!(of(|_| ()), Err("duplicate-claim"));
        assert_eq!(of(|source| source.dataset = Some("None".to_owned())), Err("absent-claim"));
        let broken = card.replace("value: 0.75", "value: high");
        assert_eq!(stated(ClaimFormat::ModelIndex, &[("c.md", &broken)], "c.md", |_| ()), Err("malformed-claims"));
    }

    #[test]
    fn a_json_card_states_the_metrics_of_no_slice_or_of_one() {
        let metrics =
            r#"[{"type": "Accuracy", "value": "0.75"}, {"type": "accuracy", "value": "0.9", "slice": "cat"}]"#;
        let toolkit = format!("{{\"quantitative_analysis\": {{\"performance_metrics\": {metrics}}}}}");
        let cyclonedx = format!(
            "{{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.6\", \"components\": [{{\"name\": \"m\", \
             \"modelCard\": {{\"quantitativeAnalysis\": {{\"performanceMetrics\": {metrics}}}}}}}]}}"
        );
        for (format, text) in [(ClaimFormat::ModelCardToolkit, toolkit.as_str()), (ClaimFormat::Cyclonedx, &cyclonedx)]
        {
            let of = |change| stated(format, &[("c.json", text)], "c.json", change);
            let other = |name: &str, value| (name.to_owned(), None, value);
            assert_eq!(of(|_| ()), Ok(vec![value("Accuracy", MetricId::Accuracy, 0.75), other("accuracy [cat]", 0.9)]));
            let cat = of(|source| source.dataset = Some("cat".to_owned()));
            assert_eq!(cat, Ok(vec![other("Accuracy [all]", 0.75), value("accuracy", MetricId::Accuracy, 0.9)]));
            assert_eq!(of(|source| source.dataset = Some("dog".to_owned())), Err("absent-claim"));
        }
        // A card under the name of another format is refused, as is Markdown.
        assert_eq!(stated(ClaimFormat::Cyclonedx, &[("c", &toolkit)], "c", |_| ()), Err("malformed-claims"));
        assert_eq!(stated(ClaimFormat::ModelCardToolkit, &[("c", "# Card\n")], "c", |_| ()), Err("malformed-claims"));
    }

    #[test]
    fn a_pipeline_of_dvc_states_what_its_metrics_files_say() {
        // After iterative/example-get-started, whose metrics are those of two halves of the data.
        let pipeline = "stages:\n  evaluate:\n    cmd: python evaluate.py\n    wdir: eval\n    metrics:\n    - live.yaml:\n        \
                        cache: false\nmetrics:\n- eval/metrics.json\n";
        let metrics = r#"{"avg_prec": {"train": 0.97, "test": 0.94}, "roc_auc": {"train": 0.98, "test": 0.95}}"#;
        let files = [
            ("p/dvc.yaml", pipeline),
            ("p/eval/metrics.json", metrics),
            ("p/eval/live.yaml", "step: 3\nepoch: {last: 2}\n"),
        ];
        let named = |source: &mut ClaimSource| {
            source.names.insert("avg_prec.test".to_owned(), MetricId::AveragePrecision);
            source.names.insert("roc_auc.test".to_owned(), MetricId::RocAuc);
        };
        let found = stated(ClaimFormat::Dvc, &files, "p/dvc.yaml", named).unwrap();
        let known: Vec<_> = found.iter().filter(|(_, metric, _)| metric.is_some()).cloned().collect();
        let expected =
            [value("avg_prec.test", MetricId::AveragePrecision, 0.94), value("roc_auc.test", MetricId::RocAuc, 0.95)];
        assert_eq!((known.as_slice(), found.len()), (&expected[..], 6));
        let with = |pipeline: &str| stated(ClaimFormat::Dvc, &[("dvc.yaml", pipeline), files[1]], "dvc.yaml", |_| ());
        assert_eq!(with("metrics: ['${file}']"), Err("malformed-claims"));
        assert_eq!(with("metrics: [../secret.json]"), Err("path-leaves-release"));
        assert_eq!(with("metrics: [absent.json]"), Err("missing-file"));
        assert_eq!(with("metrics: []"), Err("absent-claim"));
        assert_eq!(with("stages: {a: {wdir: p, metrics: [7]}}"), Err("malformed-claims"));
        let twice = [("dvc.yaml", "metrics: [a.json, b.json]"), ("a.json", "{\"auc\": 1}"), ("b.json", "{\"auc\": 1}")];
        assert_eq!(stated(ClaimFormat::Dvc, &twice, "dvc.yaml", |_| ()), Err("duplicate-claim"));
    }

    #[test]
    fn a_run_states_what_it_logged_last() {
        let files =
            [("run/metrics/test/rmse", "1700000000 2.5 0\n1700000001 1.5 1\n"), ("run/metrics/loss", "1 0.25 0\n")];
        assert_eq!(
            stated(ClaimFormat::Mlflow, &files, "run", |source| source.prefix = Some("test/".to_owned())),
            Ok(vec![value("test/rmse", MetricId::RootMeanSquaredError, 1.5)])
        );
        assert_eq!(
            stated(ClaimFormat::Mlflow, &[("run/metrics/mae", "1 nan 0\n")], "run", |_| ()),
            Err("malformed-claims")
        );
        assert_eq!(stated(ClaimFormat::Mlflow, &[], "run", |_| ()), Err("malformed-claims"));
    }

    #[test]
    fn a_name_is_a_metric_or_another_name_of_one() {
        assert_eq!(metric("ROC-AUC"), Some(MetricId::RocAuc));
        assert_eq!(metric("r2"), Some(MetricId::RSquared));
        assert_eq!(metric("loss"), None);
        let mut names: Vec<_> =
            ALIASES.iter().map(|(alias, _)| *alias).chain(MetricId::ALL.iter().map(|id| id.key())).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a name says one thing");
    }
}
