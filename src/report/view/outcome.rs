//! Controls and what they came to.

use serde::Serialize;
use serde_json::Value;

use super::Bounded;
use crate::decision::{Condition, Enforcement, Finding, Outcome, OutcomeResult, Verdict};
use crate::report::groups::{self, Groups};
use crate::report::number;

/// Findings of one control.
const FINDINGS_MAX: usize = 20;

/// Reasons of one control.
const REASONS_MAX: usize = 10;

/// How many controls came to something.
#[derive(Debug, Serialize)]
pub(super) struct CountView {
    word: &'static str,
    kind: &'static str,
    mark: &'static str,
    count: usize,
}

/// Controls that came to the same.
#[derive(Debug, Serialize)]
pub(super) struct SectionView {
    /// Where a link finds it.
    anchor: &'static str,
    title: &'static str,
    kind: &'static str,
    outcomes: Vec<OutcomeView>,
}

/// What one control came to, at length.
#[derive(Debug, Serialize)]
pub(super) struct OutcomeView {
    control: String,
    title: String,
    severity: &'static str,
    enforcement: &'static str,
    state: State,
    reasons: Bounded<String>,
    findings: Bounded<FindingView>,
    remediation: String,
    /// The tier's parameters in words; none where there are none.
    parameters: Option<String>,
    departures: Vec<String>,
}

/// What a control came to, in a word and a mark: nothing is said by a colour alone.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct State {
    pub(super) mark: &'static str,
    pub(super) word: &'static str,
    /// Class of the style: `good`, `bad`, `caution` or `quiet`.
    pub(super) kind: &'static str,
}

/// One reason for a fail.
#[derive(Debug, Serialize)]
pub(super) struct FindingView {
    subject: String,
    message: String,
    observed: Option<String>,
    expected: Option<String>,
    place: Option<String>,
}

/// A mitigation that a conditional approval requires.
#[derive(Debug, Serialize)]
pub(super) struct ConditionView {
    control: String,
    mitigation: String,
    owner: String,
    due: String,
}

/// The controls of a domain.
#[derive(Debug, Serialize)]
pub(super) struct DomainView {
    name: String,
    passed: usize,
    total: usize,
    rows: Vec<ControlView>,
}

/// What one control came to, in a row.
#[derive(Debug, Serialize)]
pub(super) struct ControlView {
    control: String,
    title: String,
    severity: &'static str,
    state: State,
    /// The first finding or reason, and how many more there are.
    note: Option<String>,
}

impl State {
    pub(super) const fn of(outcome: &Outcome) -> Self {
        let (mark, word, kind) = match (outcome.result, outcome.enforcement) {
            (OutcomeResult::Pass, _) => ("✓", "passed", "good"),
            (OutcomeResult::Fail, Enforcement::Block) => ("✗", "failed: blocks", "bad"),
            (OutcomeResult::Fail, Enforcement::Condition) => ("!", "failed: condition", "caution"),
            (OutcomeResult::Fail, Enforcement::Warn) => ("!", "failed: warning", "caution"),
            (OutcomeResult::Fail, Enforcement::Shadow) => ("○", "failed: recorded only", "quiet"),
            (OutcomeResult::Error, _) => ("?", "could not be evaluated: blocks", "bad"),
            (OutcomeResult::Waived, _) => ("○", "risk accepted", "caution"),
            (OutcomeResult::NotApplicable, _) => ("–", "not applicable", "quiet"),
        };
        Self { mark, word, kind }
    }
}

pub(super) fn counts(groups: &Groups<'_>) -> Vec<CountView> {
    let all = [
        ("block the release", "bad", "✗", groups.blocking.len()),
        ("could not be evaluated", "bad", "?", groups.errors.len()),
        ("ask for a condition", "caution", "!", groups.conditional.len()),
        ("warn", "caution", "!", groups.warnings.len()),
        ("have an accepted risk", "caution", "○", groups.waived.len()),
        ("recorded only", "quiet", "○", groups.shadow.len()),
        ("passed", "good", "✓", groups.passed.len()),
        ("do not apply", "quiet", "–", groups.not_applicable.len()),
    ];
    let counted = all.into_iter().filter(|(_, _, _, count)| *count > 0);
    counted.map(|(word, kind, mark, count)| CountView { word, kind, mark, count }).collect()
}

/// What asks for attention, the worst first.
pub(super) fn sections(decision: Verdict, groups: &Groups<'_>) -> Vec<SectionView> {
    let conditional = match decision {
        Verdict::Conditional => "Why there are conditions",
        Verdict::Approve | Verdict::Deny => "Becomes a condition once nothing blocks",
    };
    let all = [
        ("blocks", "Blocks the release", "bad", &groups.blocking),
        ("errors", "Could not be evaluated, which blocks too", "bad", &groups.errors),
        ("conditional", conditional, "caution", &groups.conditional),
        ("warnings", "Warnings", "caution", &groups.warnings),
        ("waived", "Accepted risks", "caution", &groups.waived),
        ("shadow", "Recorded only, in shadow", "quiet", &groups.shadow),
    ];
    let with_outcomes = all.into_iter().filter(|(_, _, _, outcomes)| !outcomes.is_empty());
    let section = |(anchor, title, kind, outcomes): (_, _, _, &Vec<&Outcome>)| SectionView {
        anchor,
        title,
        kind,
        outcomes: outcomes.iter().map(|outcome| OutcomeView::of(outcome)).collect(),
    };
    with_outcomes.map(section).collect()
}

impl OutcomeView {
    fn of(outcome: &Outcome) -> Self {
        let parameters = Value::Object(outcome.parameters.clone());
        Self {
            control: outcome.control.clone(),
            title: outcome.title.clone(),
            severity: groups::severity(outcome.severity),
            enforcement: outcome.enforcement.name(),
            state: State::of(outcome),
            reasons: Bounded::first(outcome.reasons.iter().cloned(), REASONS_MAX),
            findings: Bounded::first(outcome.findings.iter().map(FindingView::of), FINDINGS_MAX),
            remediation: outcome.remediation.trim().to_owned(),
            parameters: number::observed_and_expected(&parameters, &Value::Null)
                .0
                .filter(|_| !outcome.parameters.is_empty()),
            departures: outcome.departures.clone(),
        }
    }
}

impl FindingView {
    fn of(finding: &Finding) -> Self {
        let (observed, expected) = number::observed_and_expected(&finding.observed, &finding.expected);
        Self {
            subject: finding.subject.clone(),
            message: finding.message.clone(),
            observed,
            expected,
            place: groups::place(finding),
        }
    }
}

impl ConditionView {
    pub(super) fn of(condition: &Condition) -> Self {
        Self {
            control: condition.control.clone(),
            mitigation: condition.mitigation.trim().to_owned(),
            owner: condition.owner.clone(),
            due: condition.due.clone(),
        }
    }
}

/// All controls by domain, both in the order of their names.
pub(super) fn domains(outcomes: &[Outcome]) -> Vec<DomainView> {
    let mut sorted: Vec<&Outcome> = outcomes.iter().collect();
    sorted.sort_by_key(|outcome| (&outcome.domain, &outcome.control));
    let of_a_domain = sorted.chunk_by(|left, right| left.domain == right.domain);
    let domain = |outcomes: &[&Outcome]| DomainView {
        name: outcomes.first().map(|outcome| outcome.domain.clone()).unwrap_or_default(),
        passed: outcomes.iter().filter(|outcome| outcome.result == OutcomeResult::Pass).count(),
        total: outcomes.len(),
        rows: outcomes.iter().map(|outcome| ControlView::of(outcome)).collect(),
    };
    of_a_domain.map(domain).collect()
}

impl ControlView {
    fn of(outcome: &Outcome) -> Self {
        let findings = outcome.findings.iter().map(|finding| &finding.message);
        let mut notes = outcome.reasons.iter().chain(findings);
        let first = notes.next();
        let note = first.map(|first| match notes.count() {
            0 => first.clone(),
            more => format!("{first} (and {more} more)"),
        });
        Self {
            control: outcome.control.clone(),
            title: outcome.title.clone(),
            severity: groups::severity(outcome.severity),
            state: State::of(outcome),
            note,
        }
    }
}
