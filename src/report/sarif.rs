//! SARIF 2.1.0 (OASIS Standard, 27 March 2020), for code scanning.
//!
//! Only the properties that are written are here; every one of them is named after the standard's.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::decision::{Enforcement, Finding, Outcome, OutcomeResult};

use super::{ControlSummary, RenderError, ReportInput, escape, groups, listed};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const VERSION: &str = "2.1.0";

/// Results of one run that GitHub keeps; it refuses a file with more than 25,000.
const MAX_RESULTS: usize = 5_000;

/// Tags of a rule that GitHub keeps.
const MAX_TAGS: usize = 10;

/// Renders the report.
pub(super) fn render(input: &ReportInput<'_>) -> Result<String, RenderError> {
    let rules = rules(input);
    let positions: BTreeMap<&str, usize> =
        rules.iter().enumerate().map(|(position, rule)| (rule.id.as_str(), position)).collect();
    let mut outcomes: Vec<&Outcome> = input.record.outcomes.iter().collect();
    // What denies comes first, so that a cut never takes it.
    outcomes.sort_by_key(|outcome| (std::cmp::Reverse(outcome.verdict()), &outcome.control));
    let mut results: Vec<SarifResult> = outcomes
        .into_iter()
        .flat_map(|outcome| results(outcome, positions.get(outcome.control.as_str()).copied(), input))
        .collect();
    let left_out = results.len().saturating_sub(MAX_RESULTS);
    results.truncate(MAX_RESULTS);
    let log = Log {
        schema: SCHEMA,
        version: VERSION,
        runs: [Run {
            tool: Tool {
                driver: Driver { name: &input.record.tool.name, version: &input.record.tool.version, rules: &rules },
            },
            invocations: [invocation(input, left_out)],
            column_kind: "unicodeCodePoints",
            results: &results,
        }],
    };
    let mut document = serde_json::to_string_pretty(&log)?;
    document.push('\n');
    Ok(escape::json(&document))
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    results: &'a [SarifResult],
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
struct Driver<'a> {
    name: &'a str,
    version: &'a str,
    rules: &'a [Rule],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    name: String,
    short_description: Message,
    full_description: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Message>,
    default_configuration: Configuration,
    properties: Value,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Message {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressions: Option<[Suppression; 1]>,
    properties: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    logical_locations: [LogicalLocation; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    end_time_utc: String,
    tool_execution_notifications: Vec<Notification>,
    properties: Value,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
}

/// A message whose text is literal: braces open placeholders (3.11.5) and brackets open links
/// (3.11.6).
fn message(text: &str) -> Message {
    let text = escape::cut(text, escape::MAX_TEXT_FIELD_CHARACTERS, "…");
    let mut literal = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '{' | '}' => literal.push(character),
            '[' | ']' | '\\' => literal.push('\\'),
            _ => {}
        }
        literal.push(character);
    }
    Message { text: literal, markdown: None }
}

/// A description of a rule, as it stands: it comes from the policy bundle and nothing is filled into it.
fn description(text: &str) -> Message {
    Message { text: text.to_owned(), markdown: None }
}

const fn level(outcome: &Outcome) -> &'static str {
    match (outcome.result, outcome.enforcement) {
        (OutcomeResult::Error, _) | (OutcomeResult::Fail, Enforcement::Block) => "error",
        (OutcomeResult::Fail, Enforcement::Condition) => "warning",
        _ => "note",
    }
}

const fn default_level(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::Block => "error",
        Enforcement::Condition => "warning",
        Enforcement::Warn | Enforcement::Shadow => "note",
    }
}

/// A rule for every control that was run, in the order of ids. A control that the bundle's summaries
/// do not have still gets one, from its outcome.
fn rules(input: &ReportInput<'_>) -> Vec<Rule> {
    let summaries: BTreeMap<&str, &ControlSummary> =
        input.controls.iter().map(|control| (control.id.as_str(), control)).collect();
    let mut by_id = BTreeMap::new();
    for outcome in &input.record.outcomes {
        by_id.entry(outcome.control.as_str()).or_insert(outcome);
    }
    by_id.into_iter().map(|(id, outcome)| rule(outcome, summaries.get(id).copied())).collect()
}

fn rule(outcome: &Outcome, summary: Option<&ControlSummary>) -> Rule {
    let (title, remediation, severity) = summary
        .map_or((&outcome.title, &outcome.remediation, outcome.severity), |control| {
            (&control.title, &control.remediation, control.severity)
        });
    let mut tags = vec![outcome.domain.clone()];
    tags.extend(outcome.frameworks.iter().take(MAX_TAGS.saturating_sub(1)).cloned());
    Rule {
        id: outcome.control.clone(),
        name: pascal_case(title),
        short_description: description(title),
        full_description: description(summary.map_or(title, |control| &control.description)),
        help: (!remediation.is_empty())
            .then(|| Message { text: remediation.clone(), markdown: Some(escape::markdown(remediation)) }),
        default_configuration: Configuration { level: default_level(outcome.enforcement) },
        properties: json!({ "tags": tags, "severity": groups::severity(severity) }),
    }
}

/// `Scores are calibrated` as `ScoresAreCalibrated`: names of rules are identifiers (3.49.7).
fn pascal_case(title: &str) -> String {
    let words = title.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words
        .flat_map(|word| {
            let mut characters = word.chars();
            let first = characters.next().into_iter().flat_map(char::to_uppercase);
            first.chain(characters).collect::<Vec<char>>()
        })
        .collect()
}

fn results(outcome: &Outcome, rule_index: Option<usize>, input: &ReportInput<'_>) -> Vec<SarifResult> {
    let is_listed = matches!(outcome.result, OutcomeResult::Fail | OutcomeResult::Waived | OutcomeResult::Error);
    if !is_listed {
        return Vec::new();
    }
    let reasons = || outcome.reasons.join("; ");
    let waived = outcome.result == OutcomeResult::Waived;
    listed::findings(outcome)
        .iter()
        .map(|finding| SarifResult {
            rule_id: outcome.control.clone(),
            rule_index,
            level: level(outcome),
            message: message(&listed::sentence(outcome, finding)),
            locations: [location(finding, input)],
            partial_fingerprints: fingerprints(outcome, finding),
            suppressions: waived
                .then(|| [Suppression { kind: "external", status: "accepted", justification: reasons() }]),
            properties: json!({
                "result": outcome.result,
                "enforcement": outcome.enforcement,
                "subject": finding.subject,
                "observed": finding.observed,
                "expected": finding.expected,
            }),
        })
        .collect()
}

/// Where a finding is, since code scanning drops a result without a place.
fn location(finding: &Finding, input: &ReportInput<'_>) -> Location {
    let (path, start_line) = listed::place(finding, input);
    Location {
        physical_location: PhysicalLocation {
            artifact_location: ArtifactLocation { uri: uri(&path) },
            region: Region { start_line },
        },
        logical_locations: [LogicalLocation { fully_qualified_name: finding.subject.clone() }],
    }
}

/// A relative path as a relative URI reference (RFC 3986).
fn uri(path: &str) -> String {
    path.split('/').map(percent_encoded).collect::<Vec<_>>().join("/")
}

fn percent_encoded(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What makes two results the same one across runs.
///
/// GitHub reads `primaryLocationLineHash` alone and makes it of the line's text where it is absent,
/// so that every finding on the manifest's first line would be one alert.
fn fingerprints(outcome: &Outcome, finding: &Finding) -> BTreeMap<&'static str, String> {
    let digest = listed::digest(outcome, finding);
    let short: String = digest.chars().take(16).collect();
    BTreeMap::from([("modelgateFinding/v1", digest), ("primaryLocationLineHash", format!("{short}:1"))])
}

/// How the run went. `executionSuccessful` is about the tool, not the verdict: it is false where a
/// control could not be evaluated.
fn invocation(input: &ReportInput<'_>, left_out: usize) -> Invocation {
    let record = input.record;
    let mut notifications = Vec::new();
    for outcome in record.outcomes.iter().filter(|outcome| outcome.result == OutcomeResult::Error) {
        let text = format!("{} could not be evaluated: {}", outcome.control, outcome.reasons.join("; "));
        notifications.push(Notification { level: "error", message: message(&text) });
    }
    if left_out > 0 {
        let text = format!("{left_out} results were left out: the JSON report has them");
        notifications.push(Notification { level: "warning", message: message(&text) });
    }
    Invocation {
        execution_successful: record.outcomes.iter().all(|outcome| outcome.result != OutcomeResult::Error),
        end_time_utc: record.effective_time.clone(),
        tool_execution_notifications: notifications,
        properties: json!({
            "decision": record.decision,
            "model": record.model,
            "modelVersion": record.model_version,
            "tier": record.tier.effective,
            "factsSha256": record.facts.sha256,
            "policySha256": record.policy.sha256,
            "decisionSha256": input.evidence.map(|evidence| evidence.decision_sha256),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Verdict;
    use crate::facts::monitoring::Source;
    use crate::report::sample;

    fn parsed(input: &ReportInput<'_>) -> Value {
        serde_json::from_str(&render(input).unwrap()).unwrap()
    }

    #[test]
    fn every_fail_error_and_accepted_risk_is_a_result() {
        let log = parsed(&sample::denied().input());
        let listed: Vec<String> = log["runs"][0]["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| {
                let place = &result["locations"][0]["physicalLocation"];
                format!(
                    "{} {} {}:{}{}",
                    result["ruleId"].as_str().unwrap(),
                    result["level"].as_str().unwrap(),
                    place["artifactLocation"]["uri"].as_str().unwrap(),
                    place["region"]["startLine"],
                    if result["suppressions"].is_array() { " suppressed" } else { "" },
                )
            })
            .collect();
        assert_eq!(
            listed,
            [
                "ART-001 error modelgate.yaml:1",
                "MON-004 error modelgate.yaml:1",
                "VAL-003 error modelgate.yaml:31",
                "VAL-007 warning modelgate.yaml:1",
                "DOC-005 note MODEL_CARD.md:88",
                "FAI-002 note modelgate.yaml:1 suppressed",
                "VAL-011 note modelgate.yaml:1",
            ]
        );
        assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], json!(false));
        let approved = parsed(&sample::conditional().input());
        assert_eq!(approved["runs"][0]["invocations"][0]["executionSuccessful"], json!(true));
    }

    #[test]
    fn a_result_points_to_its_rule_and_says_everything() {
        let log = parsed(&sample::denied().input());
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), 13);
        let results = run["results"].as_array().unwrap();
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
        }
        assert_eq!(
            rules[0],
            json!({
                "id": "ART-001",
                "name": "NoModelFileRunsCodeWhenItIsLoaded",
                "shortDescription": {"text": "No model file runs code when it is loaded"},
                "fullDescription": {"text": "Why ART-001 matters."},
                "help": {
                    "text": "Export the model to safetensors or ONNX, or load the weights without a pickle.",
                    "markdown": "Export the model to safetensors or ONNX, or load the weights without a pickle.",
                },
                "defaultConfiguration": {"level": "error"},
                "properties": {
                    "tags": ["artifacts", "eu-ai-act:Art.15(5)", "nist-ai-rmf:MEASURE-2.7"], "severity": "critical",
                },
            })
        );
        assert_eq!(
            results[2]["message"]["text"],
            json!("evaluation/holdout: ROC AUC is below the floor; observed 0.64998; expected 0.65")
        );
    }

    #[test]
    fn fingerprints_tell_findings_apart_and_outlive_their_place() {
        let of = |control: &str, subject: &str, message: &str| {
            let mut outcome = sample::denied().record.outcomes[0].clone();
            outcome.control = control.to_owned();
            let mut finding = sample::finding(subject, message, json!(0.5), Value::Null);
            let first = fingerprints(&outcome, &finding);
            finding.source = Some(Source { file: "a".to_owned(), line: 9 });
            finding.observed = json!(0.6);
            assert_eq!(fingerprints(&outcome, &finding), first);
            first
        };
        let all = [of("A", "b", "c"), of("Ab", "", "c"), of("A", "", "bc"), of("A", "bc", "")];
        for (position, left) in all.iter().enumerate() {
            assert!(all.iter().skip(position + 1).all(|right| left != right), "{position}");
        }
    }

    #[test]
    fn uris_are_relative_and_stay_inside_the_root() {
        for (path, expected) in [
            ("modelgate.yaml", Some("modelgate.yaml")),
            ("a b/ü#?%.yml", Some("a%20b/%C3%BC%23%3F%25.yml")),
            ("../../etc/passwd", Some("etc/passwd")),
            ("//host/x", Some("host/x")),
            ("https://host/x", Some("https%3A/host/x")),
            ("C:\\x", Some("C%3A%5Cx")),
            ("./..", None),
            ("", None),
        ] {
            let found = listed::relative(path).map(|path| uri(&path));
            assert_eq!(found.as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn text_is_literal_where_sarif_gives_it_a_meaning() {
        assert_eq!(message("see [a](b) {0} \\").text, "see \\[a\\](b) {{0}} \\\\");
    }

    #[test]
    fn a_flood_of_findings_is_cut_and_the_cut_is_told() {
        let mut sample = sample::denied();
        for outcome in &mut sample.record.outcomes {
            if outcome.control == "VAL-011" {
                outcome.findings = (0..6_000)
                    .map(|number| sample::finding(&number.to_string(), "x", Value::Null, Value::Null))
                    .collect();
            }
        }
        let log = parsed(&sample.input());
        let run = &log["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), MAX_RESULTS);
        assert_eq!(
            run["invocations"][0]["toolExecutionNotifications"][1]["message"]["text"],
            json!("1006 results were left out: the JSON report has them")
        );
        let denying = sample.record.outcomes.iter().filter(|outcome| outcome.verdict() == Verdict::Deny).count();
        let errors = run["results"].as_array().unwrap().iter().filter(|result| result["level"] == "error").count();
        assert_eq!(errors, denying);
    }

    #[test]
    fn hostile_strings_stay_strings() {
        for text in sample::HOSTILE {
            let sample = sample::hostile(text);
            let document = render(&sample.input()).unwrap();
            assert!(!document.chars().any(|character| character != '\n' && escape::is_hidden(character)), "{text:?}");
            assert!(document.lines().all(|line| !line.trim_start().starts_with("::") && !line.contains("##[")));
            let log: Value = serde_json::from_str(&document).unwrap();
            assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 7);
            let result = &log["runs"][0]["results"][0];
            assert_eq!(result["properties"]["subject"], json!(text));
            let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
            assert!(uri.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%/".contains(&byte)), "{uri}");
        }
    }
}
