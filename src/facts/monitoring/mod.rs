//! Monitoring configurations of every vendor, in one normal form.

mod prometheus;

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FileFacts;
use crate::digest::Sha256Digest;
use crate::document::{Document, TEXT_BYTES_MAX, read_text};
use crate::manifest::raw::MonitoringFormat;
use crate::problem::Problem;

/// Who would notice when the model goes wrong.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct MonitoringFacts {
    /// The configurations that were read, in the order of their paths.
    pub files: Vec<FileFacts>,
    /// Every signal that would raise an alarm, in the order of the files.
    pub signals: Vec<Signal>,
    /// What makes the model be trained again; null where no configuration that was read can say.
    pub retraining_triggers: Option<Vec<RetrainingTrigger>>,
}

/// What makes the model be trained again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetrainingTrigger {
    /// What happens, such as a signal's name or a schedule.
    pub condition: String,
    /// Where it is declared.
    pub source: Source,
}

/// One condition that raises an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Signal {
    /// What it watches.
    pub kind: SignalKind,
    /// How its kind was found.
    pub kind_basis: KindBasis,
    /// The vendor's name for it, such as the alert's name.
    pub name: String,
    /// The condition as the vendor writes it.
    pub expression: String,
    /// Metrics that the condition reads, sorted.
    pub metrics: Vec<String>,
    /// Comparison with the threshold (`>`, `<`, `>=`, `<=`, `==`, `!=`), or null.
    pub operator: Option<String>,
    /// Threshold, in the metric's unit, or null when the condition has none that is a number.
    pub threshold: Option<f64>,
    /// Longest look-back of the condition in seconds, or null.
    pub window_seconds: Option<u64>,
    /// How long the condition must hold before the alarm, in seconds.
    pub for_seconds: u64,
    /// Severity label, or null.
    pub severity: Option<String>,
    /// Who is told: a team, receiver or channel; or null.
    pub route: Option<String>,
    /// Link to what to do about it, or null.
    pub runbook: Option<String>,
    /// Where it is written.
    pub source: Source,
}

/// What a signal watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignalKind {
    /// Quality of predictions against outcomes.
    Performance,
    /// Distribution of inputs.
    DataDrift,
    /// Distribution of outputs.
    PredictionDrift,
    /// Differences between groups of people.
    Fairness,
    /// Missing, malformed or late inputs.
    DataQuality,
    /// Errors, latency, load.
    Operational,
    /// Harmful output.
    Safety,
    /// It could not be told.
    Unclassified,
}

/// How the kind of a signal was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KindBasis {
    /// The configuration says it, with a label `modelgate_signal`.
    Declared,
    /// By words in the names of the alert and of its metrics.
    Name,
    /// It could not be told.
    None,
}

/// A place in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Path relative to the release root.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
}

/// A configuration that is to be read.
#[derive(Debug, Clone, Copy)]
pub struct MonitoringInput<'a> {
    /// Path relative to the release root.
    pub path: &'a str,
    /// Path as the program opens it.
    pub absolute: &'a Path,
    /// Whose configuration it is.
    pub format: MonitoringFormat,
}

/// Reads configurations of any vendor into one normal form.
///
/// # Errors
/// Every problem of every file.
pub fn read(inputs: &[MonitoringInput<'_>]) -> Result<MonitoringFacts, Vec<Problem>> {
    let mut facts = MonitoringFacts::default();
    let mut problems = Vec::new();
    for input in inputs {
        match read_one(input) {
            Ok((file, signals)) => {
                facts.files.push(file);
                facts.signals.extend(signals);
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(facts) } else { Err(problems) }
}

fn read_one(input: &MonitoringInput<'_>) -> Result<(FileFacts, Vec<Signal>), Vec<Problem>> {
    let text = read_text(input.absolute, input.path, TEXT_BYTES_MAX).map_err(|problem| vec![problem])?;
    let document = Document::parse(input.path, &text)?;
    // A new vendor is one file and one line here.
    let signals = match input.format {
        MonitoringFormat::Prometheus => prometheus::signals(&document)?,
    };
    let sha256 = Sha256Digest::of(text.as_bytes());
    Ok((FileFacts { path: input.path.to_owned(), sha256, size_bytes: text.len() as u64 }, signals))
}

/// Words in names and what an alert with them watches. The first match counts: what is narrower
/// stands first.
const KIND_WORDS: &[(&[&str], SignalKind)] = &[
    (&["fairness", "parity", "disparate", "impact_ratio", "bias"], SignalKind::Fairness),
    (&["toxicity", "refusal", "jailbreak", "harm"], SignalKind::Safety),
    (
        &["score_drift", "prediction_drift", "score_psi", "score_distribution", "output_drift"],
        SignalKind::PredictionDrift,
    ),
    (&["drift", "psi", "distribution_shift", "wasserstein"], SignalKind::DataDrift),
    (
        &["auc", "accuracy", "precision", "recall", "brier", "calibration", "f1_score", "logloss", "log_loss"],
        SignalKind::Performance,
    ),
    (&["missing", "null", "schema", "freshness", "stale", "out_of_range"], SignalKind::DataQuality),
    (
        &["latency", "error", "5xx", "http_requests", "availability", "saturation", "cpu", "memory", "down"],
        SignalKind::Operational,
    ),
];

/// What an alert with these names probably watches.
fn kind_by_name<'a>(names: impl Iterator<Item = &'a str>) -> SignalKind {
    let names: Vec<String> = names.map(snake_case).collect();
    let matches = |words: &&(&[&str], SignalKind)| {
        words.0.iter().any(|word| names.iter().any(|name| format!("_{name}_").contains(&format!("_{word}_"))))
    };
    KIND_WORDS.iter().find(matches).map_or(SignalKind::Unclassified, |(_, kind)| *kind)
}

/// `CreditScoreDrift` and `credit-score drift` as `credit_score_drift`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 8);
    let mut previous_lower = false;
    for character in name.chars() {
        if character.is_uppercase() && previous_lower {
            snake.push('_');
        }
        previous_lower = character.is_lowercase() || character.is_ascii_digit();
        snake.extend(if character.is_alphanumeric() { character.to_lowercase().next() } else { Some('_') });
    }
    snake
}
