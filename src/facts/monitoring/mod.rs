//! Monitoring configurations of every vendor, in one normal form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FileFacts;

/// Who would notice when the model goes wrong.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct MonitoringFacts {
    /// The configurations that were read, in the order of their paths.
    pub files: Vec<FileFacts>,
    /// Every signal that would raise an alarm, in the order of the files.
    pub signals: Vec<Signal>,
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
