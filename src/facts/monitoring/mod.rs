//! Monitoring configurations of every vendor, in one normal form.

mod alarm_rule;
mod alertmanager;
mod azure_ml;
mod cloudwatch;
mod cron;
mod cursor;
mod datadog;
mod evidently;
mod go_template;
mod grafana;
mod kinds;
mod nannyml;
pub mod own;
mod prometheus;
mod routing;
mod sagemaker;
mod terraform;
mod vertex;
mod whylogs;

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::kinds::Overrides;
use super::FileFacts;
use crate::digest::Sha256Digest;
use crate::document::{Document, TEXT_BYTES_MAX, read_text, text_of};
pub use crate::manifest::raw::{MonitoringFormat, SignalKind};
use crate::problem::Problem;

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

/// A condition that a configuration writes down.
#[derive(Debug, PartialEq)]
struct Alert {
    signal: Signal,
    /// Why it raises no alarm, if it does not.
    inactive: Option<&'static str>,
    /// What its routes are chosen by, where its vendor has routes.
    address: Option<routing::Address>,
}

/// What a configuration has.
#[derive(Debug, Default, PartialEq)]
struct Found {
    alerts: Vec<Alert>,
    /// What makes the model be trained again, where the format can say.
    retraining: Option<Vec<RetrainingTrigger>>,
    /// Who is told of which alerts, of this file and of others.
    routes: Option<routing::Routes>,
}

impl Found {
    /// Takes a signal, which raises no alarm if there is a reason. One with problems is none.
    fn push(&mut self, (signal, inactive): (Option<Signal>, Option<&'static str>)) {
        self.alerts.extend(signal.map(|signal| Alert { signal, inactive, address: None }));
    }

    /// What was read raises no alarm, for this reason.
    fn deactivate(&mut self, reason: &'static str) {
        for alert in &mut self.alerts {
            alert.inactive.get_or_insert(reason);
        }
    }

    const fn len(&self) -> usize {
        self.alerts.len()
    }

    const fn is_empty(&self) -> bool {
        self.alerts.is_empty()
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
/// Every problem of every file, and routes that contradict each other.
pub fn read(inputs: &[MonitoringInput<'_>]) -> Result<MonitoringFacts, Vec<Problem>> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for input in inputs {
        let text = read_text(input.absolute, input.path, TEXT_BYTES_MAX).map_err(|problem| vec![problem]);
        match text.and_then(|text| file(input.path, &text, input.format, input.kinds)) {
            Ok(read) => files.push(read),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { together(files) } else { Err(problems) }
}

/// Reads the bytes of one configuration, which is called `path` in problems.
///
/// # Errors
/// Every problem of it.
pub fn read_bytes(path: &str, bytes: &[u8], format: MonitoringFormat) -> Result<MonitoringFacts, Vec<Problem>> {
    let text = text_of(bytes.to_vec(), path, TEXT_BYTES_MAX).map_err(|problem| vec![problem])?;
    together(vec![file(path, &text, format, &BTreeMap::new())?])
}

/// A configuration that was read.
struct File {
    facts: FileFacts,
    format: MonitoringFormat,
    found: Found,
}

fn file(
    path: &str,
    text: &str,
    format: MonitoringFormat,
    kinds: &BTreeMap<String, SignalKind>,
) -> Result<File, Vec<Problem>> {
    let document = match format {
        // Templates have tags of their own (`!Ref`).
        MonitoringFormat::Cloudwatch | MonitoringFormat::Sagemaker => Document::parse_with_tags(path, text)?,
        _ => Document::parse(path, text)?,
    };
    // A new vendor is one file and one line here.
    let mut found = match format {
        MonitoringFormat::Modelgate => own::read(&document)?,
        MonitoringFormat::Prometheus => prometheus::read(&document)?,
        MonitoringFormat::Alertmanager => alertmanager::read(&document)?,
        MonitoringFormat::Grafana => grafana::read(&document)?,
        MonitoringFormat::AzureMl => azure_ml::read(&document)?,
        MonitoringFormat::Sagemaker => sagemaker::read(&document)?,
        MonitoringFormat::VertexAi => vertex::read(&document)?,
        MonitoringFormat::Cloudwatch => cloudwatch::read(&document)?,
        MonitoringFormat::Datadog => datadog::read(&document)?,
        MonitoringFormat::Evidently => evidently::read(&document)?,
        MonitoringFormat::Whylogs => whylogs::read(&document)?,
        MonitoringFormat::Nannyml => nannyml::read(&document)?,
        MonitoringFormat::TerraformPlan => terraform::read(&document)?,
    };
    found.alerts.sort_by_key(|alert| alert.signal.source.line);
    let overrides = Overrides::new(kinds);
    found.alerts.iter_mut().for_each(|alert| overrides.apply(&mut alert.signal));
    let sha256 = Sha256Digest::of(text.as_bytes());
    Ok(File { facts: FileFacts { path: path.to_owned(), sha256, size_bytes: text.len() as u64 }, format, found })
}

/// The facts of all configurations: one may hold the alerts, and another say who is told.
fn together(mut files: Vec<File>) -> Result<MonitoringFacts, Vec<Problem>> {
    routing::apply(&mut files)?;
    let mut facts = MonitoringFacts::default();
    for file in files {
        facts.files.push(file.facts);
        for Alert { signal, inactive, .. } in file.found.alerts {
            match inactive {
                None => facts.signals.push(signal),
                Some(reason) => facts.inactive.push(InactiveSignal {
                    name: signal.name,
                    kind: signal.kind,
                    reason: reason.to_owned(),
                    source: signal.source,
                }),
            }
        }
        if let Some(triggers) = file.found.retraining {
            facts.retraining_triggers.get_or_insert_default().extend(triggers);
        }
    }
    Ok(facts)
}

/// Characters of the names of those who are told. They are part of every signal that tells them, so that long ones would
/// take the memory of both numbers multiplied.
const LISTED_CHARACTERS_MAX: usize = 1_000;

/// Names with commas between them, if there are any.
fn listed(names: impl IntoIterator<Item = String>) -> Option<String> {
    let mut names = names.into_iter();
    let mut list = names.next()?;
    for name in names {
        list.push_str(", ");
        list.push_str(&name);
        if list.len() > 4 * LISTED_CHARACTERS_MAX {
            break;
        }
    }
    Some(cursor::cut(&list, LISTED_CHARACTERS_MAX))
}

/// The first link in a text.
fn link_in(text: &str) -> Option<String> {
    let start = text.find("https://").or_else(|| text.find("http://"))?;
    let end = |character: char| character.is_whitespace() || "\"'<>)]".contains(character);
    let link = text.get(start..)?.split(end).next()?;
    Some(link.trim_end_matches(['.', ',', ';']).to_owned())
}

#[cfg(test)]
mod tests;
