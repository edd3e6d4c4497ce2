//! JUnit XML: a suite for each domain, a case for each control.
//!
//! What becomes a failure is what asks for work before or after the release: a fail under `block` or
//! `condition`. A fail under `warn` or `shadow` passes, with its findings as the case's output: a red
//! test that stops nobody teaches people not to look. Waived and not applicable are skipped, with
//! the reason.

use std::collections::BTreeMap;

use chrono::DateTime;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::decision::{Enforcement, Finding, Outcome, OutcomeResult};

use super::{RenderError, ReportInput, escape, groups, number};

/// Renders the report.
pub(super) fn render(input: &ReportInput<'_>) -> Result<String, RenderError> {
    let record = input.record;
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    for outcome in &record.outcomes {
        let suite = suites.entry(&outcome.domain).or_insert_with(|| {
            let mut suite = TestSuite::new(field(&outcome.domain));
            if let Ok(time) = DateTime::parse_from_rfc3339(&record.effective_time) {
                suite.set_timestamp(time);
            }
            suite
        });
        suite.add_test_case(case(outcome));
    }
    let name = format!("modelgate {} {}", record.model, record.model_version);
    let mut report = Report::new(field(&name));
    report.add_test_suites(suites.into_values());
    Ok(report.to_string()?)
}

fn case(outcome: &Outcome) -> TestCase {
    let name = format!("{} {}", outcome.control, outcome.title);
    let mut case = TestCase::new(field(&name), status(outcome));
    case.set_classname(field(&format!("modelgate.{}", outcome.domain)));
    case.add_property(("severity", groups::severity(outcome.severity)));
    case.add_property(("enforcement", outcome.enforcement.name()));
    if outcome.result == OutcomeResult::Waived || is_tolerated(outcome) {
        case.set_system_out(description(outcome));
    }
    case
}

const fn is_tolerated(outcome: &Outcome) -> bool {
    matches!((outcome.result, outcome.enforcement), (OutcomeResult::Fail, Enforcement::Warn | Enforcement::Shadow))
}

fn status(outcome: &Outcome) -> TestCaseStatus {
    let mut status = match outcome.result {
        OutcomeResult::Fail if is_tolerated(outcome) => return TestCaseStatus::success(),
        OutcomeResult::Pass => return TestCaseStatus::success(),
        OutcomeResult::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        OutcomeResult::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        OutcomeResult::Waived | OutcomeResult::NotApplicable => TestCaseStatus::skipped(),
    };
    let message = match outcome.result {
        OutcomeResult::Fail => outcome.findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>(),
        _ => outcome.reasons.iter().map(String::as_str).collect(),
    };
    let message = match outcome.result {
        OutcomeResult::Waived => format!("waived: {}", message.join("; ")),
        OutcomeResult::NotApplicable => format!("not applicable: {}", message.join("; ")),
        _ => message.join("; "),
    };
    status.set_message(field(&message));
    if matches!(outcome.result, OutcomeResult::Fail | OutcomeResult::Error) {
        status.set_type(outcome.enforcement.name());
        status.set_description(description(outcome));
    }
    status
}

/// Findings and the mend, a line each.
fn description(outcome: &Outcome) -> String {
    let mut lines: Vec<String> = outcome.reasons.iter().map(|reason| format!("- {}", field(reason))).collect();
    lines.extend(outcome.findings.iter().map(line));
    if !outcome.remediation.is_empty() {
        lines.push(format!("hint: {}", field(&outcome.remediation)));
    }
    lines.join("\n")
}

fn line(finding: &Finding) -> String {
    let (observed, expected) = number::observed_and_expected(&finding.observed, &finding.expected);
    let mut line = format!("- {}: {}", finding.subject, finding.message);
    for (word, value) in [("observed", observed), ("expected", expected), ("at", groups::place(finding))] {
        if let Some(value) = value {
            line.push_str(&format!("; {word} {value}"));
        }
    }
    field(&line)
}

fn field(text: &str) -> String {
    let text = escape::visible(text);
    let text = escape::cut(&text, escape::MAX_TEXT_FIELD_CHARACTERS, "…");
    escape::runner_commands(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn parsed(document: &str) -> Report {
        Report::deserialize_from_str(document).unwrap()
    }

    /// `(suite, case, status, message)` of every case.
    fn cases(report: &Report) -> Vec<(String, String, String, String)> {
        let mut cases = Vec::new();
        for suite in &report.test_suites {
            for case in &suite.test_cases {
                let (status, message) = match &case.status {
                    TestCaseStatus::Success { .. } => ("success".to_owned(), None),
                    TestCaseStatus::NonSuccess { kind, message, .. } => (format!("{kind:?}"), message.clone()),
                    TestCaseStatus::Skipped { message, .. } => ("skipped".to_owned(), message.clone()),
                };
                let message = message.map(|message| message.as_str().to_owned()).unwrap_or_default();
                cases.push((suite.name.as_str().to_owned(), case.name.as_str().to_owned(), status, message));
            }
        }
        cases
    }

    #[test]
    fn every_outcome_is_a_case() {
        let sample = sample::denied();
        let report = parsed(&render(&sample.input()).unwrap());
        assert_eq!((report.tests, report.failures, report.errors, report.skipped), (13, 3, 1, 2));
        let listed: Vec<String> = cases(&report)
            .into_iter()
            .map(|(suite, case, status, message)| {
                format!("{suite} | {} | {status} | {message}", case.get(..7).unwrap())
            })
            .collect();
        assert_eq!(
            listed,
            [
                "artifacts | ART-001 | Failure | the pickle imports `os.system`, which runs code",
                "artifacts | ART-002 | success | ",
                "artifacts | ART-006 | skipped | not applicable: no artifact is an adapter",
                "documentation | DOC-001 | success | ",
                "documentation | DOC-005 | success | ",
                "fairness | FAI-002 | skipped | waived: accepted by risk-committee@bank.example until 2027-01-31: manual review of every refusal",
                "monitoring | MON-001 | success | ",
                "monitoring | MON-004 | Error | the control stopped after 2 s: the time limit of one control",
                "validation | VAL-001 | success | ",
                "validation | VAL-002 | success | ",
                "validation | VAL-003 | Failure | ROC AUC is below the floor",
                "validation | VAL-007 | Failure | the expected calibration error is above the ceiling",
                "validation | VAL-011 | success | ",
            ]
        );
    }

    #[test]
    fn a_tolerated_fail_is_told_in_the_output() {
        let report = parsed(&render(&sample::denied().input()).unwrap());
        let output = report.test_suites[1].test_cases[1].system_out.as_ref().unwrap();
        assert_eq!(
            output.as_str(),
            "- card/MODEL_CARD.md: the section on limitations has 12 words; observed 12; expected 40; at MODEL_CARD.md:88\n\
             hint: Say for whom and in which situations the model is wrong more often."
        );
    }

    #[test]
    fn hostile_strings_stay_inside_their_elements() {
        for text in sample::HOSTILE {
            let document = render(&sample::hostile(text).input()).unwrap();
            let report = parsed(&document);
            assert_eq!(report.tests, 13, "{text:?}");
            assert!(!document.chars().any(|character| character != '\n' && escape::is_hidden(character)), "{text:?}");
            assert!(document.lines().all(|line| !line.trim_start().starts_with("::") && !line.contains("##[")));
            let (_, _, status, message) = &cases(&report)[0];
            assert_eq!((status.as_str(), message.as_str()), ("Failure", field(text).as_str()), "{document}");
        }
    }
}
