//! What is covered by what: kinds of trouble by signals, clauses by controls.

use std::collections::BTreeMap;

use serde::Serialize;

use super::outcome::State;
use super::{Bounded, words};
use crate::decision::Outcome;
use crate::facts::monitoring::{InactiveSignal, MonitoringFacts, Signal, SignalKind};
use crate::policy::framework::Framework;

/// Signals of one kind.
const SIGNALS_MAX: usize = 12;

/// Clauses of one framework.
const CLAUSES_MAX: usize = 60;

/// Triggers of retraining.
const TRIGGERS_MAX: usize = 12;

/// Every kind of signal, and what it is for.
const KINDS: [(SignalKind, &str); 8] = [
    (SignalKind::Performance, "Quality of predictions against outcomes"),
    (SignalKind::DataDrift, "Distribution of inputs"),
    (SignalKind::PredictionDrift, "Distribution of outputs"),
    (SignalKind::Fairness, "Differences between groups of people"),
    (SignalKind::DataQuality, "Missing, malformed or late inputs"),
    (SignalKind::Operational, "Errors, latency, load"),
    (SignalKind::Safety, "Harmful output"),
    (SignalKind::Unclassified, "Signals whose kind could not be told"),
];

/// Who would notice when the model goes wrong.
#[derive(Debug, Serialize)]
pub(super) struct MonitoringView {
    files: usize,
    signals: usize,
    kinds: Vec<KindView>,
    /// What makes the model be trained again; none where no configuration can say.
    retraining: Option<Bounded<TriggerView>>,
}

/// One kind of trouble, and what watches for it.
#[derive(Debug, Serialize)]
struct KindView {
    name: String,
    meaning: &'static str,
    state: State,
    signals: Bounded<SignalView>,
    inactive: Bounded<InactiveView>,
}

#[derive(Debug, Serialize)]
struct SignalView {
    name: String,
    /// What raises the alarm.
    condition: String,
    /// Over which time and for how long; none where the configuration does not say.
    window: Option<String>,
    severity: Option<String>,
    /// Who is told.
    told: Option<String>,
    runbook: Option<String>,
    place: String,
}

#[derive(Debug, Serialize)]
struct InactiveView {
    name: String,
    reason: String,
    place: String,
}

#[derive(Debug, Serialize)]
struct TriggerView {
    condition: String,
    place: String,
}

impl MonitoringView {
    pub(super) fn of(facts: &MonitoringFacts) -> Self {
        let retraining = facts.retraining_triggers.as_ref().map(|triggers| {
            let trigger = triggers.iter().map(|trigger| TriggerView {
                condition: trigger.condition.clone(),
                place: format!("{}:{}", trigger.source.file, trigger.source.line),
            });
            Bounded::first(trigger, TRIGGERS_MAX)
        });
        Self {
            files: facts.files.len(),
            signals: facts.signals.len(),
            kinds: KINDS.iter().filter_map(|(kind, meaning)| KindView::of(*kind, meaning, facts)).collect(),
            retraining,
        }
    }

    /// Kinds of trouble that no active signal watches.
    pub(super) fn unwatched(&self) -> Vec<String> {
        self.kinds.iter().filter(|kind| kind.signals.shown.is_empty()).map(|kind| kind.name.clone()).collect()
    }
}

impl KindView {
    /// The kind with its signals; signals of no kind are a row only where there are some.
    fn of(kind: SignalKind, meaning: &'static str, facts: &MonitoringFacts) -> Option<Self> {
        let signals = facts.signals.iter().filter(|signal| signal.kind == kind).map(SignalView::of);
        let inactive = facts.inactive.iter().filter(|signal| signal.kind == kind).map(InactiveView::of);
        let (signals, inactive) = (Bounded::first(signals, SIGNALS_MAX), Bounded::first(inactive, SIGNALS_MAX));
        let state = match (signals.shown.is_empty(), inactive.shown.is_empty()) {
            (false, _) => State { mark: "✓", word: "watched", kind: "good" },
            (true, false) => State { mark: "!", word: "written down, but raises no alarm", kind: "caution" },
            (true, true) => State { mark: "–", word: "nothing watches it", kind: "quiet" },
        };
        let is_there = kind != SignalKind::Unclassified || !signals.shown.is_empty() || !inactive.shown.is_empty();
        is_there.then(|| Self { name: words(&kind), meaning, state, signals, inactive })
    }
}

impl SignalView {
    fn of(signal: &Signal) -> Self {
        let condition = match (&signal.operator, signal.threshold) {
            (Some(operator), Some(threshold)) if !signal.metrics.is_empty() => {
                format!("{} {operator} {threshold}", signal.metrics.join(", "))
            }
            _ => signal.expression.clone(),
        };
        let held = (signal.for_seconds > 0).then(|| format!("held for {}", duration(signal.for_seconds)));
        let back = signal.window_seconds.map(|seconds| format!("over {}", duration(seconds)));
        let window: Vec<String> = [back, held].into_iter().flatten().collect();
        Self {
            name: signal.name.clone(),
            condition,
            window: (!window.is_empty()).then(|| window.join(", ")),
            severity: signal.severity.clone(),
            told: signal.route.clone().or_else(|| signal.owner.clone()),
            runbook: signal.runbook.clone(),
            place: format!("{}:{}", signal.source.file, signal.source.line),
        }
    }
}

impl InactiveView {
    fn of(signal: &InactiveSignal) -> Self {
        Self {
            name: signal.name.clone(),
            reason: signal.reason.clone(),
            place: format!("{}:{}", signal.source.file, signal.source.line),
        }
    }
}

/// Seconds in the largest unit that they are a whole number of.
fn duration(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let unit = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{seconds} s"), |(unit, name)| format!("{} {name}", seconds / unit))
}

/// The clauses of a framework that controls serve.
#[derive(Debug, Serialize)]
pub(super) struct FrameworkView {
    id: String,
    title: Option<String>,
    /// Where it applies and whether it binds.
    standing: Option<String>,
    clauses: Bounded<ClauseView>,
}

#[derive(Debug, Serialize)]
struct ClauseView {
    id: String,
    title: Option<String>,
    controls: Vec<ServingView>,
}

#[derive(Debug, Serialize)]
struct ServingView {
    control: String,
    state: State,
}

/// Every clause that a control of the tier cites, with what that control came to.
pub(super) fn frameworks(outcomes: &[Outcome], known: &[Framework]) -> Vec<FrameworkView> {
    let mut cited: BTreeMap<&str, BTreeMap<&str, Vec<ServingView>>> = BTreeMap::new();
    for outcome in outcomes {
        for clause in &outcome.frameworks {
            let (framework, clause) = clause.split_once(':').unwrap_or((clause.as_str(), ""));
            let serving = ServingView { control: outcome.control.clone(), state: State::of(outcome) };
            cited.entry(framework).or_default().entry(clause).or_default().push(serving);
        }
    }
    let view = |(id, clauses): (&str, BTreeMap<&str, Vec<ServingView>>)| {
        let framework = known.iter().find(|framework| framework.id == id);
        let clause = |(id, controls): (&str, Vec<ServingView>)| {
            let clause = framework.and_then(|framework| framework.clauses.iter().find(|clause| clause.id == id));
            ClauseView { id: id.to_owned(), title: clause.map(|clause| clause.title.clone()), controls }
        };
        FrameworkView {
            id: id.to_owned(),
            title: framework.map(|framework| framework.title.clone()),
            standing: framework.map(|framework| format!("{}, {}", framework.jurisdiction, framework.status.name())),
            clauses: Bounded::first(clauses.into_iter().map(clause), CLAUSES_MAX),
        }
    };
    cited.into_iter().map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_in_words() {
        let words = [30, 60, 90, 3_600, 86_400, 0].map(duration);
        assert_eq!(words, ["30 s", "1 min", "90 s", "1 h", "1 d", "0 s"]);
    }
}
