//! Our own file, for whatever watches a model and has no file of its own.

use schemars::JsonSchema;
use serde::Deserialize;

use super::prometheus::duration_seconds;
use super::{Found, KindBasis, RetrainingTrigger, Signal, SignalKind, Source};
use crate::document::Document;
use crate::problem::Problem;

/// What watches a model, and what makes it be trained again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitoringFile {
    /// Version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "checked by the schema")]
    version: u32,
    /// Every condition that raises an alarm.
    #[serde(default)]
    signals: Vec<OwnSignal>,
    /// What makes the model be trained again; an empty list says that nothing does.
    #[serde(default)]
    retraining: Option<Vec<OwnTrigger>>,
}

/// One condition that raises an alarm.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OwnSignal {
    /// Its name.
    #[schemars(length(min = 1, max = 256))]
    name: String,
    /// What it watches.
    kind: SignalKind,
    /// What is measured.
    #[schemars(length(min = 1, max = 1024))]
    metric: String,
    /// How it is compared with the threshold.
    operator: Operator,
    /// In the metric's unit.
    threshold: f64,
    /// How far it looks back, such as `7d`.
    #[serde(default)]
    window: Option<String>,
    /// How long it must hold before the alarm, such as `1h`.
    #[serde(default, rename = "for")]
    hold: Option<String>,
    /// How often it is looked at, such as `1d`.
    #[serde(default)]
    interval: Option<String>,
    /// How bad it is.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    severity: Option<String>,
    /// Who is told: a team, receiver or channel.
    #[serde(default)]
    #[schemars(length(min = 1, max = 256))]
    route: Option<String>,
    /// Who answers for it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 256))]
    owner: Option<String>,
    /// Link to what to do about it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1024))]
    runbook: Option<String>,
    /// False while it raises no alarm.
    #[serde(default)]
    enabled: Option<bool>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
enum Operator {
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    LessOrEqual,
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=")]
    GreaterOrEqual,
}

impl Operator {
    const fn text(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// What makes the model be trained again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OwnTrigger {
    /// What happens, such as a signal's name or a schedule.
    #[schemars(length(min = 1, max = 1024))]
    condition: String,
}

/// The signals of a file.
///
/// # Errors
/// Every problem: another shape, a duration or a number that is none.
pub(super) fn read(document: &Document) -> Result<Found, Vec<Problem>> {
    let file: MonitoringFile = document.decode()?;
    let (mut found, mut problems) = (Found::default(), Vec::new());
    for (index, signal) in file.signals.into_iter().enumerate() {
        let pointer = format!("/signals/{index}");
        let mut seconds = |part: &str, text: &Option<String>| {
            let text = text.as_deref()?;
            let seconds = duration_seconds(text);
            if seconds.is_none() {
                let problem = Problem::new("duration", format!("`{text}` is no duration"));
                let problem = problem.at(document.location(&format!("{pointer}/{part}")));
                problems.push(problem.hint("write a duration such as `30m` or `7d`"));
            }
            seconds
        };
        let (window, hold) = (seconds("window", &signal.window), seconds("for", &signal.hold));
        let interval = seconds("interval", &signal.interval);
        if signal.kind == SignalKind::Unclassified {
            let problem = Problem::new("unknown-signal", "a declared signal watches something");
            let problem = problem.at(document.location(&format!("{pointer}/kind")));
            problems.push(problem.hint("write what it watches, such as `performance`"));
        }
        let operator = signal.operator.text();
        let source = Source { file: document.file().to_owned(), line: document.location(&pointer).line };
        let read = Signal {
            expression: format!("{} {operator} {}", signal.metric, signal.threshold),
            metrics: vec![signal.metric],
            operator: Some(operator.to_owned()),
            threshold: Some(signal.threshold),
            window_seconds: window,
            for_seconds: hold.unwrap_or_default(),
            interval_seconds: interval,
            severity: signal.severity,
            route: signal.route,
            owner: signal.owner,
            runbook: signal.runbook,
            ..Signal::new(signal.name, (signal.kind, KindBasis::Declared), source)
        };
        found.push((Some(read), (signal.enabled == Some(false)).then_some("it is not enabled")));
    }
    found.retraining = file.retraining.map(|triggers| {
        let trigger = |(index, trigger): (usize, OwnTrigger)| RetrainingTrigger {
            condition: trigger.condition,
            source: Source {
                file: document.file().to_owned(),
                line: document.location(&format!("/retraining/{index}")).line,
            },
        };
        triggers.into_iter().enumerate().map(trigger).collect()
    });
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}
