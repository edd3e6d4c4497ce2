//! Monitoring configurations of every vendor, in one normal form.

mod azure_ml;
mod cloudwatch;
mod cursor;
mod datadog;
mod grafana;
pub mod own;
mod prometheus;
mod sagemaker;
mod terraform;
mod vertex;

use std::collections::BTreeMap;
use std::path::Path;

use globset::{Glob, GlobMatcher};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::cursor::Cursor;
use super::FileFacts;
use crate::digest::Sha256Digest;
use crate::document::{Document, TEXT_BYTES_MAX, read_text};
use crate::manifest::raw::MonitoringFormat;
pub use crate::manifest::raw::SignalKind;
use crate::problem::{Problem, nearest};

/// Who would notice when the model goes wrong.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct MonitoringFacts {
    /// The configurations that were read, in the order of their paths.
    pub files: Vec<FileFacts>,
    /// Every signal that would raise an alarm, in the order of the files.
    pub signals: Vec<Signal>,
    /// Signals that are written down and raise none: paused, silenced or not enabled.
    #[serde(default)]
    pub inactive: Vec<InactiveSignal>,
    /// What makes the model be trained again; null where no configuration that was read can say.
    pub retraining_triggers: Option<Vec<RetrainingTrigger>>,
}

/// A condition that raises no alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InactiveSignal {
    /// The vendor's name for it.
    pub name: String,
    /// What it would watch.
    pub kind: SignalKind,
    /// Why it raises none.
    pub reason: String,
    /// Where it is written.
    pub source: Source,
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
    /// Seconds between two looks at the condition, or null where the configuration does not say.
    #[serde(default)]
    pub interval_seconds: Option<u64>,
    /// Severity label, or null.
    pub severity: Option<String>,
    /// Who is told: a team, receiver or channel; or null.
    pub route: Option<String>,
    /// Who answers for it, or null.
    #[serde(default)]
    pub owner: Option<String>,
    /// Link to what to do about it, or null.
    pub runbook: Option<String>,
    /// Where it is written.
    pub source: Source,
}

/// How the kind of a signal was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KindBasis {
    /// The configuration says it: with a label or tag `modelgate_signal`, or by its own type of signal.
    Declared,
    /// The manifest says it of signals with such a name.
    Manifest,
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
    /// What the manifest says of signals whose names match a glob.
    pub kinds: &'a BTreeMap<String, SignalKind>,
}

/// What a configuration has.
#[derive(Debug, Default, PartialEq)]
struct Found {
    signals: Vec<Signal>,
    inactive: Vec<(Signal, &'static str)>,
    /// What makes the model be trained again, where the format can say.
    retraining: Option<Vec<RetrainingTrigger>>,
}

impl Found {
    /// Takes a signal, which raises no alarm if there is a reason. One with problems is none.
    fn push(&mut self, (signal, inactive): (Option<Signal>, Option<&'static str>)) {
        match (signal, inactive) {
            (Some(signal), Some(reason)) => self.inactive.push((signal, reason)),
            (Some(signal), None) => self.signals.push(signal),
            (None, _) => {}
        }
    }

    /// What was read raises no alarm, for this reason.
    fn deactivate(&mut self, reason: &'static str) {
        self.inactive.extend(self.signals.drain(..).map(|signal| (signal, reason)));
    }

    const fn len(&self) -> usize {
        self.signals.len() + self.inactive.len()
    }

    const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Signal {
    /// One of which no more is known.
    fn new(name: String, (kind, kind_basis): (SignalKind, KindBasis), source: Source) -> Self {
        Self {
            kind,
            kind_basis,
            name,
            expression: String::new(),
            metrics: Vec::new(),
            operator: None,
            threshold: None,
            window_seconds: None,
            for_seconds: 0,
            interval_seconds: None,
            severity: None,
            route: None,
            owner: None,
            runbook: None,
            source,
        }
    }
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
            Ok((file, found)) => {
                facts.files.push(file);
                facts.signals.extend(found.signals);
                facts.inactive.extend(found.inactive.into_iter().map(|(signal, reason)| InactiveSignal {
                    name: signal.name,
                    kind: signal.kind,
                    reason: reason.to_owned(),
                    source: signal.source,
                }));
                if let Some(triggers) = found.retraining {
                    facts.retraining_triggers.get_or_insert_default().extend(triggers);
                }
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(facts) } else { Err(problems) }
}

fn read_one(input: &MonitoringInput<'_>) -> Result<(FileFacts, Found), Vec<Problem>> {
    let text = read_text(input.absolute, input.path, TEXT_BYTES_MAX).map_err(|problem| vec![problem])?;
    let document = match input.format {
        // Templates have tags of their own (`!Ref`).
        MonitoringFormat::Cloudwatch | MonitoringFormat::Sagemaker => Document::parse_with_tags(input.path, &text)?,
        _ => Document::parse(input.path, &text)?,
    };
    // A new vendor is one file and one line here.
    let mut found = match input.format {
        MonitoringFormat::Modelgate => own::read(&document)?,
        MonitoringFormat::Prometheus => Found { signals: prometheus::signals(&document)?, ..Found::default() },
        MonitoringFormat::Grafana => grafana::read(&document)?,
        MonitoringFormat::AzureMl => azure_ml::read(&document)?,
        MonitoringFormat::Sagemaker => sagemaker::read(&document)?,
        MonitoringFormat::VertexAi => vertex::read(&document)?,
        MonitoringFormat::Cloudwatch => cloudwatch::read(&document)?,
        MonitoringFormat::Datadog => datadog::read(&document)?,
        MonitoringFormat::TerraformPlan => terraform::read(&document)?,
    };
    found.signals.sort_by_key(|signal| signal.source.line);
    found.inactive.sort_by_key(|(signal, _)| signal.source.line);
    // A glob that is none was refused with the manifest.
    let matcher = |(glob, kind): (&String, &SignalKind)| Some((Glob::new(glob).ok()?.compile_matcher(), *kind));
    let kinds: Vec<_> = input.kinds.iter().filter_map(matcher).collect();
    for signal in found.signals.iter_mut().chain(found.inactive.iter_mut().map(|(signal, _)| signal)) {
        overridden(signal, &kinds);
    }
    let sha256 = Sha256Digest::of(text.as_bytes());
    Ok((FileFacts { path: input.path.to_owned(), sha256, size_bytes: text.len() as u64 }, found))
}

/// What the manifest says of a signal counts before what was guessed, and not before what its own file declares.
fn overridden(signal: &mut Signal, kinds: &[(GlobMatcher, SignalKind)]) {
    if signal.kind_basis == KindBasis::Declared {
        return;
    }
    if let Some((_, kind)) = kinds.iter().find(|(matcher, _)| matcher.is_match(&signal.name)) {
        signal.kind = *kind;
        signal.kind_basis = KindBasis::Manifest;
    }
}

/// What a signal watches: as a label or tag `modelgate_signal` says, or else by words in its names.
fn classified<'a>(
    declared: Option<Cursor<'_>>,
    names: impl Iterator<Item = &'a str>,
    problems: &mut Vec<Problem>,
) -> (SignalKind, KindBasis) {
    if let Some(cursor) = declared {
        let text = cursor.text().unwrap_or_default();
        let text = text.strip_prefix("modelgate_signal:").unwrap_or(&text);
        match declared_kind(text) {
            Ok(kind) => return (kind, KindBasis::Declared),
            Err(hint) => {
                problems.push(cursor.problem("unknown-signal", format!("`{SIGNAL_LABEL}` is `{text}`"), &hint));
            }
        }
    }
    guessed(names)
}

/// The kind that a label says, or how to mend it.
fn declared_kind(text: &str) -> Result<SignalKind, String> {
    // `unclassified` is what is said when nothing is known; nobody declares that.
    let is_known = SIGNAL_KINDS.contains(&text);
    let kind = serde_json::from_value(Value::String(text.to_owned())).ok().filter(|_| is_known);
    kind.ok_or_else(|| match nearest(text, SIGNAL_KINDS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the kinds are {}", SIGNAL_KINDS.join(", ")),
    })
}

/// What an alert with these names probably watches, if they say.
fn guessed<'a>(names: impl Iterator<Item = &'a str>) -> (SignalKind, KindBasis) {
    match kind_by_name(names) {
        SignalKind::Unclassified => (SignalKind::Unclassified, KindBasis::None),
        kind => (kind, KindBasis::Name),
    }
}

/// The first link in a text.
fn link_in(text: &str) -> Option<String> {
    let start = text.find("https://").or_else(|| text.find("http://"))?;
    let end = |character: char| character.is_whitespace() || "\"'<>)]".contains(character);
    let link = text.get(start..)?.split(end).next()?;
    Some(link.trim_end_matches(['.', ',', ';']).to_owned())
}

/// Label that says what an alert watches.
const SIGNAL_LABEL: &str = "modelgate_signal";

/// What a label may say of a signal.
const SIGNAL_KINDS: [&str; 7] =
    ["performance", "data-drift", "prediction-drift", "fairness", "data-quality", "operational", "safety"];

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
        &[
            "latency",
            "error",
            "errors",
            "failures",
            "timeouts",
            "5xx",
            "http_requests",
            "availability",
            "saturation",
            "cpu",
            "memory",
            "down",
        ],
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

#[cfg(test)]
mod tests;
