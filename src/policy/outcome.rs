//! From what a control's rules gave to its outcome.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::EffectiveTime;
use super::engine::{Answer, AskedRule, Parameters, Question};
use super::metadata::{Control, Need};
use super::profile::ControlProfile;
use crate::policy::{Enforcement, Finding, Outcome, OutcomeResult, Severity};

/// Findings that one control reports; the rest is counted.
const FINDINGS_MAX: usize = 1_000;

/// Reasons for which one control does not apply; the rest is counted.
const REASONS_MAX: usize = 100;

/// Length of a text in a finding or a reason. Some of it comes from the release, such as the name of
/// a slice, and a report is read by people.
const TEXT_CHARACTERS_MAX: usize = 2_000;

/// Size of an observed or expected value as JSON.
const VALUE_BYTES_MAX: usize = 16 << 10;

/// What is asked of `control`, which has `number` in its program.
pub(super) fn question(control: &Control, chosen: &ControlProfile, number: usize, facts: &Value) -> Question {
    let rule = |rule: &str| AskedRule { path: format!("data.{}.{rule}", control.package) };
    let mut rules = Vec::new();
    if control.has_not_applicable {
        rules.push(rule("not_applicable"));
    }
    // Without what it needs, what it would say is not asked for.
    if control.needs.iter().all(|need| need.is_met_by(facts)) {
        rules.push(rule("violation"));
    }
    Question { rules, parameters: Some(Parameters { number, values: chosen.parameters.clone() }) }
}

/// The outcome of `control`, from the answer to its [`question`].
pub(super) fn of(
    control: &Control,
    chosen: &ControlProfile,
    facts: &Value,
    when: EffectiveTime,
    answer: Answer,
) -> Outcome {
    let places = facts.pointer("/intake/jurisdictions").and_then(Value::as_array);
    let places = places.into_iter().flatten().filter_map(Value::as_str);
    let enforcement = chosen.enforcement_in(places);
    let mut outcome = Outcome {
        control: control.id.clone(),
        title: control.title.clone(),
        domain: control.domain.clone(),
        severity: control.severity,
        enforcement,
        result: OutcomeResult::Error,
        reasons: Vec::new(),
        findings: Vec::new(),
        remediation: control.remediation.clone(),
        parameters: chosen.parameters.clone(),
        departures: chosen.departures.clone(),
        frameworks: control.frameworks.clone(),
    };
    let not_yet = control.effective_on.as_ref().filter(|day| **day > when.date());
    match result_of(control, facts, answer) {
        Err(reason) => outcome.reasons.push(cut(reason)),
        Ok(Verdict::NotApplicable(reasons)) => {
            outcome.result = OutcomeResult::NotApplicable;
            outcome.reasons = reasons;
        }
        Ok(Verdict::Findings(findings)) if findings.is_empty() => outcome.result = OutcomeResult::Pass,
        Ok(Verdict::Findings(findings)) => {
            outcome.result = OutcomeResult::Fail;
            outcome.findings = findings;
            if let Some(inconclusive) = chosen.inconclusive
                && outcome.enforcement > inconclusive
                && outcome.findings.iter().all(|finding| finding.inconclusive)
            {
                outcome.reasons.push(format!(
                    "`{}` and not `{}`, as no finding is conclusive",
                    inconclusive.name(),
                    outcome.enforcement.name()
                ));
                outcome.enforcement = inconclusive;
            }
            if let Some(day) = not_yet
                && outcome.enforcement > Enforcement::Warn
            {
                outcome.reasons.push(format!("enforced as `{}` from {day} on", enforcement.name()));
                outcome.enforcement = Enforcement::Warn;
            }
        }
    }
    outcome
}

/// The outcome of a control that the bundle does not have.
pub(super) fn of_missing_control(id: &str, chosen: &ControlProfile) -> Outcome {
    Outcome {
        control: id.to_owned(),
        title: format!("The control {id} is in the policy bundle"),
        domain: "policy".to_owned(),
        severity: Severity::Critical,
        enforcement: chosen.enforcement,
        result: OutcomeResult::Error,
        reasons: vec![format!("there is no control `{id}` in the bundle")],
        findings: Vec::new(),
        remediation: "Add the control to the policy bundle, or remove it from the tier profile.".to_owned(),
        parameters: chosen.parameters.clone(),
        departures: chosen.departures.clone(),
        frameworks: Vec::new(),
    }
}

enum Verdict {
    NotApplicable(Vec<String>),
    Findings(Vec<Finding>),
}

fn result_of(control: &Control, facts: &Value, answer: Answer) -> Result<Verdict, String> {
    let mut answers = answer.into_iter();
    let mut next = || answers.next().unwrap_or_else(|| Err("the policy engine gave no answer".to_owned()));
    let not_applicable = if control.has_not_applicable { reasons(next()?)? } else { Vec::new() };
    if !not_applicable.is_empty() {
        return Ok(Verdict::NotApplicable(not_applicable));
    }
    let missing: Vec<Finding> =
        control.needs.iter().filter(|need| !need.is_met_by(facts)).map(|need| need.missing()).collect();
    if !missing.is_empty() {
        return Ok(Verdict::Findings(missing));
    }
    findings(next()?).map(Verdict::Findings)
}

fn reasons(value: Value) -> Result<Vec<String>, String> {
    let Value::Array(items) = value else { return Err("`not_applicable` is not a set of reasons".to_owned()) };
    let text = |item: Value| match item {
        Value::String(text) if !text.is_empty() => Ok(cut(text)),
        other => Err(format!("`not_applicable` gives {other}, which is no sentence")),
    };
    let sorted = items.into_iter().map(text).collect::<Result<BTreeSet<String>, String>>()?;
    let count = sorted.len();
    let mut reasons: Vec<String> = sorted.into_iter().take(REASONS_MAX).collect();
    if count > REASONS_MAX {
        reasons.push(format!("there are {} more reasons", count - REASONS_MAX));
    }
    Ok(reasons)
}

/// The findings in a fixed order, once each.
fn findings(value: Value) -> Result<Vec<Finding>, String> {
    let Value::Array(items) = value else { return Err("`violation` is not a set of findings".to_owned()) };
    let mut sorted = BTreeMap::new();
    for item in items {
        let key = item.to_string();
        let finding: Finding = serde_json::from_value(item)
            .map_err(|error| format!("`violation` gives something that is no finding: {error}"))?;
        if finding.message.is_empty() || finding.subject.is_empty() {
            return Err("`violation` gives a finding without a subject or a message".to_owned());
        }
        sorted.insert((finding.subject.clone(), finding.message.clone(), key), bounded(finding));
    }
    let count = sorted.len();
    let mut findings: Vec<Finding> = sorted.into_values().take(FINDINGS_MAX).collect();
    if count > FINDINGS_MAX {
        findings.push(Finding::new("release", format!("there are {} more findings", count - FINDINGS_MAX)));
    }
    Ok(findings)
}

/// The finding with its texts and values cut to what a report can show.
fn bounded(finding: Finding) -> Finding {
    let value = |value: Value| {
        let size_bytes = value.to_string().len();
        if size_bytes > VALUE_BYTES_MAX { Value::String(format!("a value of {size_bytes} bytes")) } else { value }
    };
    Finding {
        subject: cut(finding.subject),
        message: cut(finding.message),
        observed: value(finding.observed),
        expected: value(finding.expected),
        source: finding.source,
        inconclusive: finding.inconclusive,
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(TEXT_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl Need {
    fn is_met_by(self, facts: &Value) -> bool {
        let has_items =
            |pointer| facts.pointer(pointer).and_then(Value::as_array).is_some_and(|items| !items.is_empty());
        match self {
            Self::Artifacts => has_items("/artifacts"),
            Self::Evaluations => has_items("/evaluations"),
            Self::Monitoring => has_items("/monitoring/files"),
            Self::Card => facts.get("card").is_some_and(Value::is_object),
            Self::Change => facts.get("change").is_some_and(Value::is_object),
        }
    }

    fn missing(self) -> Finding {
        let (what, key) = match self {
            Self::Artifacts => ("artifact", "artifacts"),
            Self::Evaluations => ("evaluation", "evaluations"),
            Self::Monitoring => ("monitoring configuration", "monitoring"),
            Self::Card => ("model card", "card"),
            Self::Change => ("description of the change", "change"),
        };
        Finding::new("manifest", format!("the manifest declares no {what} (`{key}`)"))
    }
}
