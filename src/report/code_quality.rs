//! Code quality as GitLab reads it: a list of issues in the format of Code Climate, without a byte order mark.
//!
//! GitLab compares the issues of a merge request with those of its target by their fingerprints, so that these must be
//! the same in each run; two issues with one fingerprint are shown as one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{RenderError, ReportInput, escape, listed};
use crate::decision::{Enforcement, Outcome, OutcomeResult, Severity, Verdict};

/// Issues that are written: GitLab shows the first of a few hundred and reads files of many more slowly.
const ISSUES_MAX: usize = 5_000;

/// An issue.
#[derive(Serialize)]
struct Issue {
    #[serde(rename = "type")]
    kind: &'static str,
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
    categories: [&'static str; 1],
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u64,
}

/// Renders the report.
pub(super) fn render(input: &ReportInput<'_>) -> Result<String, RenderError> {
    let mut outcomes: Vec<&Outcome> = input.record.outcomes.iter().collect();
    // What denies comes first, so that a cut never takes it.
    outcomes.sort_by_key(|outcome| (std::cmp::Reverse(outcome.verdict()), &outcome.control));
    let listed = outcomes.into_iter().filter(|outcome| is_listed(outcome));
    let issues: Vec<Issue> = listed.flat_map(|outcome| issues(outcome, input)).take(ISSUES_MAX).collect();
    let mut document = serde_json::to_string_pretty(&apart(issues))?;
    document.push('\n');
    Ok(escape::json(&document))
}

/// Fails and errors. An accepted risk is no issue of the change that is looked at.
const fn is_listed(outcome: &Outcome) -> bool {
    matches!(outcome.result, OutcomeResult::Fail | OutcomeResult::Error)
}

fn issues(outcome: &Outcome, input: &ReportInput<'_>) -> Vec<Issue> {
    let findings = listed::findings(outcome);
    let issue = |finding: &crate::decision::Finding| {
        let (path, begin) = listed::place(finding, input);
        let text = format!("{}: {}", outcome.title, listed::sentence(outcome, finding));
        Issue {
            kind: "issue",
            description: escape::cut(&text, escape::MAX_TEXT_FIELD_CHARACTERS, "…").into_owned(),
            check_name: outcome.control.clone(),
            fingerprint: listed::digest(outcome, finding),
            severity: severity(outcome),
            location: Location { path, lines: Lines { begin } },
            categories: ["Bug Risk"],
        }
    };
    findings.iter().map(issue).collect()
}

/// How bad it is for the release, and not how bad it could be: what denies is at least critical.
const fn severity(outcome: &Outcome) -> &'static str {
    match (outcome.verdict(), outcome.enforcement, outcome.severity) {
        (Verdict::Deny, _, Severity::Critical) => "blocker",
        (Verdict::Deny, _, _) => "critical",
        (Verdict::Conditional, _, _) => "major",
        (Verdict::Approve, Enforcement::Shadow, _) => "info",
        (Verdict::Approve, _, _) => "minor",
    }
}

/// The issues with a fingerprint each: the second of the same control, subject and message is another issue.
fn apart(mut issues: Vec<Issue>) -> Vec<Issue> {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for issue in &mut issues {
        let count = seen.entry(issue.fingerprint.clone()).or_default();
        *count = count.saturating_add(1);
        if *count > 1 {
            issue.fingerprint = format!("{}-{count}", issue.fingerprint);
        }
    }
    issues
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::sample;

    fn parsed(input: &ReportInput<'_>) -> Vec<Value> {
        serde_json::from_str(&render(input).unwrap()).unwrap()
    }

    #[test]
    fn every_fail_and_error_is_an_issue_with_a_place() {
        let listed: Vec<String> = parsed(&sample::denied().input())
            .iter()
            .map(|issue| {
                let (location, lines) = (&issue["location"]["path"], &issue["location"]["lines"]["begin"]);
                format!("{} {} {location}:{lines}", issue["check_name"], issue["severity"]).replace('"', "")
            })
            .collect();
        assert_eq!(
            listed,
            [
                "ART-001 blocker modelgate.yaml:1",
                "MON-004 critical modelgate.yaml:1",
                "VAL-003 critical modelgate.yaml:31",
                "VAL-007 major modelgate.yaml:1",
                "DOC-005 minor MODEL_CARD.md:88",
                "VAL-011 info modelgate.yaml:1",
            ]
        );
    }

    #[test]
    fn fingerprints_are_stable_and_differ() {
        let sample = sample::denied();
        let of = |issues: &[Value]| -> Vec<String> {
            issues.iter().map(|issue| issue["fingerprint"].as_str().unwrap().to_owned()).collect()
        };
        let first = of(&parsed(&sample.input()));
        let mut later = sample::denied();
        later.record.effective_time = "2027-03-01T00:00:00Z".to_owned();
        for outcome in &mut later.record.outcomes {
            for finding in &mut outcome.findings {
                finding.observed = serde_json::json!(0.1);
                finding.source = None;
            }
        }
        assert_eq!(of(&parsed(&later.input())), first);
        let outcome = later.record.outcomes.iter_mut().find(|outcome| !outcome.findings.is_empty()).unwrap();
        let again = outcome.findings[0].clone();
        outcome.findings.push(again);
        let mut all = of(&parsed(&later.input()));
        assert_eq!(all.len(), first.len() + 1);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), first.len() + 1);
    }

    #[test]
    fn hostile_strings_come_back_as_they_were() {
        for text in sample::HOSTILE {
            let document = render(&sample::hostile(text).input()).unwrap();
            assert!(document.starts_with("[\n"), "{document}");
            assert!(!document.chars().any(|character| character != '\n' && escape::is_hidden(character)), "{text:?}");
            assert!(document.lines().all(|line| !line.trim_start().starts_with("::") && !line.contains("##[")));
            let issues: Vec<Value> = serde_json::from_str(&document).unwrap();
            assert!(issues[0]["description"].as_str().unwrap().contains(text), "{text:?}");
            for issue in &issues {
                let path = issue["location"]["path"].as_str().unwrap();
                assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."), "{path}");
            }
        }
    }
}
