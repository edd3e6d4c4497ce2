//! From what a control's rules gave to its outcome.

use std::collections::BTreeMap;

use serde_json::Value;

use super::EffectiveTime;
use super::metadata::{Control, Need};
use super::profile::ControlProfile;
use crate::decision::{Enforcement, Finding, Outcome, OutcomeResult};

/// Findings that one control reports; the rest is counted.
const FINDINGS_MAX: usize = 1_000;

/// The outcome of `control`. `evaluate` gives the values of rules, or why it cannot.
pub(super) fn of(
    control: &Control,
    chosen: &ControlProfile,
    facts: &Value,
    when: EffectiveTime,
    evaluate: impl Fn(&[String]) -> Result<Vec<Value>, String>,
) -> Outcome {
    let mut outcome = Outcome {
        control: control.id.clone(),
        title: control.title.clone(),
        domain: control.domain.clone(),
        severity: control.severity,
        enforcement: chosen.enforcement,
        result: OutcomeResult::Error,
        reasons: Vec::new(),
        findings: Vec::new(),
        remediation: control.remediation.clone(),
        parameters: chosen.parameters.clone(),
        frameworks: control.frameworks.clone(),
    };
    let not_yet = control.effective_on.as_ref().filter(|day| **day > when.date());
    match result_of(control, facts, &evaluate) {
        Err(reason) => outcome.reasons.push(reason),
        Ok(Verdict::NotApplicable(reasons)) => {
            outcome.result = OutcomeResult::NotApplicable;
            outcome.reasons = reasons;
        }
        Ok(Verdict::Findings(findings)) if findings.is_empty() => outcome.result = OutcomeResult::Pass,
        Ok(Verdict::Findings(findings)) => {
            outcome.result = OutcomeResult::Fail;
            outcome.findings = findings;
            if let Some(day) = not_yet
                && outcome.enforcement > Enforcement::Warn
            {
                outcome.reasons.push(format!("enforced as `{:?}` from {day} on", chosen.enforcement).to_lowercase());
                outcome.enforcement = Enforcement::Warn;
            }
        }
    }
    outcome
}

enum Verdict {
    NotApplicable(Vec<String>),
    Findings(Vec<Finding>),
}

fn result_of(
    control: &Control,
    facts: &Value,
    evaluate: &impl Fn(&[String]) -> Result<Vec<Value>, String>,
) -> Result<Verdict, String> {
    let rule = |name: &str| format!("data.{}.{name}", control.package);
    let not_applicable = if control.has_not_applicable {
        let values = evaluate(&[rule("not_applicable")])?;
        reasons(values.into_iter().next())?
    } else {
        Vec::new()
    };
    if !not_applicable.is_empty() {
        return Ok(Verdict::NotApplicable(not_applicable));
    }
    let missing: Vec<Finding> =
        control.needs.iter().filter(|need| !need.is_met_by(facts)).map(|need| need.missing()).collect();
    if !missing.is_empty() {
        return Ok(Verdict::Findings(missing));
    }
    let values = evaluate(&[rule("violation")])?;
    findings(values.into_iter().next()).map(Verdict::Findings)
}

fn reasons(value: Option<Value>) -> Result<Vec<String>, String> {
    let Some(Value::Array(items)) = value else { return Err("`not_applicable` is not a set".to_owned()) };
    let text = |item: Value| match item {
        Value::String(text) if !text.is_empty() => Ok(text),
        other => Err(format!("`not_applicable` gives {other}, which is no sentence")),
    };
    items.into_iter().map(text).collect()
}

/// The findings in a fixed order, once each.
fn findings(value: Option<Value>) -> Result<Vec<Finding>, String> {
    let Some(Value::Array(items)) = value else { return Err("`violation` is not a set of findings".to_owned()) };
    let mut sorted = BTreeMap::new();
    for item in items {
        let key = item.to_string();
        let finding: Finding = serde_json::from_value(item)
            .map_err(|error| format!("`violation` gives something that is no finding: {error}"))?;
        if finding.message.is_empty() || finding.subject.is_empty() {
            return Err("`violation` gives a finding without a subject or a message".to_owned());
        }
        sorted.insert((finding.subject.clone(), finding.message.clone(), key), finding);
    }
    let count = sorted.len();
    let mut findings: Vec<Finding> = sorted.into_values().take(FINDINGS_MAX).collect();
    if count > FINDINGS_MAX {
        findings.push(finding("release", format!("there are {} more findings", count - FINDINGS_MAX)));
    }
    Ok(findings)
}

fn finding(subject: &str, message: String) -> Finding {
    Finding { subject: subject.to_owned(), message, observed: Value::Null, expected: Value::Null, source: None }
}

impl Need {
    fn is_met_by(self, facts: &Value) -> bool {
        let has_items = |pointer| facts.pointer(pointer).and_then(Value::as_array).is_some_and(|items| !items.is_empty());
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
        finding("manifest", format!("the manifest declares no {what} (`{key}`)"))
    }
}
