//! What the tests of policies came to: for a person, for a CI server, and for tools that show coverage.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use quick_xml::escape::escape as xml;
use serde_json::Value;

use super::{RenderError, escape};
use crate::policy::PolicyBundle;
use crate::policy::testing::{FileCoverage, TestResult, TestRun};
use crate::policy::trace::{BodyTrace, Seen, StatementTrace};

/// Characters of a value that is shown. Two findings that differ in one word fit.
const VALUE_CHARACTERS_MAX: usize = 2_000;

/// Characters of an expression that is shown beside its value.
const EXPRESSION_CHARACTERS_MAX: usize = 80;

/// Solutions of a statement that are shown.
const SOLUTIONS_SHOWN: usize = 3;

/// Which files reach too few of their lines.
#[must_use]
pub fn below(run: &TestRun, threshold_percent: f64) -> Vec<(&str, &FileCoverage)> {
    let files = run.coverage.iter().filter(|(_, lines)| lines.percent() < threshold_percent);
    files.map(|(file, lines)| (file.as_str(), lines)).collect()
}

/// For a person: each test that failed and why, and a line about all of them.
#[must_use]
pub fn text(bundle: &PolicyBundle, run: &TestRun) -> String {
    let mut text = String::new();
    let mut failed = 0_usize;
    for result in run.failed() {
        failed += 1;
        text.push_str(&failure(bundle, result));
    }
    let _ = writeln!(text, "{} tests, {failed} failed", run.results.len());
    escape_lines(&text)
}

fn failure(bundle: &PolicyBundle, result: &TestResult) -> String {
    let Some(failure) = &result.failure else { return String::new() };
    let mut text = format!("FAIL {}\n  --> {}:{}\n", result.name, bundle.shown(&result.file), result.line);
    let _ = writeln!(text, "  {}", failure.reason);
    for body in failure.bodies.iter().filter(|body| !body.holds) {
        text.push_str(&where_it_stops(body));
    }
    text.push('\n');
    text
}

/// The statement at which a body stops, and the values that it saw.
fn where_it_stops(body: &BodyTrace) -> String {
    let mut text = String::new();
    let Some(statement) = body.statements.last() else { return text };
    let _ = writeln!(text, "  line {} does not hold: {}", statement.line, statement.text);
    if let Some(error) = &statement.error {
        let _ = writeln!(text, "    error: {error}");
    }
    text.push_str(&values_seen(statement, "    "));
    text
}

/// The values that a statement saw, one line each.
#[must_use]
pub fn values_seen(statement: &StatementTrace, indent: &str) -> String {
    let mut text = String::new();
    for values in statement.seen.iter().take(SOLUTIONS_SHOWN) {
        for seen in values {
            let _ = writeln!(
                text,
                "{indent}{} is {}",
                cut(&seen.expression, EXPRESSION_CHARACTERS_MAX),
                shown(&seen.value)
            );
        }
        if let [left, right] = values.as_slice() {
            text.push_str(&only_in_one(left, right, indent));
        }
    }
    let more = statement.seen.len().saturating_sub(SOLUTIONS_SHOWN);
    if more > 0 {
        let _ = writeln!(text, "{indent}and {more} more");
    }
    text
}

/// The elements of two sets or lists that only one of them has.
fn only_in_one(left: &Seen, right: &Seen, indent: &str) -> String {
    let (Value::Array(lefts), Value::Array(rights)) = (&left.value, &right.value) else { return String::new() };
    let mut text = String::new();
    for (own, other, side) in [(lefts, rights, "left"), (rights, lefts, "right")] {
        for element in own.iter().filter(|element| !other.contains(element)) {
            let _ = writeln!(text, "{indent}only on the {side}: {}", shown(element));
        }
    }
    text
}

fn shown(value: &Value) -> String {
    cut(&value.to_string(), VALUE_CHARACTERS_MAX)
}

fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn escape_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", escape::visible(line))).collect()
}

/// Coverage for a person: a line for each file.
#[must_use]
pub fn coverage_text(bundle: &PolicyBundle, run: &TestRun) -> String {
    let mut text = String::new();
    for (file, lines) in &run.coverage {
        let missing =
            if lines.not_reached.is_empty() { String::new() } else { format!("  {}", ranges(&lines.not_reached)) };
        let _ = writeln!(text, "{:>6.1} %  {}{missing}", lines.percent(), bundle.shown(file));
    }
    escape_lines(&text)
}

/// `3, 5-8`.
fn ranges(lines: &BTreeSet<u32>) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for &line in lines {
        match parts.last_mut() {
            Some((_, last)) if last.saturating_add(1) == line => *last = line,
            _ => parts.push((line, line)),
        }
    }
    let shown = parts.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// JUnit XML: a suite for each file, a case for each test.
///
/// # Errors
/// Never for texts; the error is that of the writer.
pub fn junit(bundle: &PolicyBundle, run: &TestRun) -> Result<String, RenderError> {
    let mut suites: Vec<TestSuite> = Vec::new();
    for result in &run.results {
        let name = bundle.shown(&result.file);
        if suites.last().is_none_or(|suite| suite.name.as_str() != name) {
            suites.push(TestSuite::new(name));
        }
        let mut status = TestCaseStatus::success();
        if let Some(failed) = &result.failure {
            status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(escape::visible(&failed.reason).into_owned());
            status.set_description(escape_lines(&failure(bundle, result)));
        }
        let (package, test) = result.name.rsplit_once('.').unwrap_or(("", &result.name));
        let mut case = TestCase::new(test, status);
        case.set_classname(package);
        if let Some(suite) = suites.last_mut() {
            suite.add_test_case(case);
        }
    }
    let mut report = Report::new("policies");
    report.add_test_suites(suites);
    Ok(report.to_string()?)
}

/// LCOV tracefile, as `geninfo(1)` describes it: `DA` lines with hits of one or none.
#[must_use]
pub fn lcov(bundle: &PolicyBundle, run: &TestRun) -> String {
    let mut text = String::new();
    for (file, lines) in &run.coverage {
        let _ = writeln!(text, "TN:\nSF:{}", bundle.shown(file));
        for (line, hits) in hits(lines) {
            let _ = writeln!(text, "DA:{line},{hits}");
        }
        let total = lines.reached.len() + lines.not_reached.len();
        let _ = writeln!(text, "LF:{total}\nLH:{}\nend_of_record", lines.reached.len());
    }
    text
}

/// Cobertura XML (coverage-04.dtd): a package for each directory, a class for each file.
#[must_use]
pub fn cobertura(bundle: &PolicyBundle, run: &TestRun) -> String {
    let reached: usize = run.coverage.values().map(|lines| lines.reached.len()).sum();
    let valid: usize = reached + run.coverage.values().map(|lines| lines.not_reached.len()).sum::<usize>();
    let mut packages = String::new();
    for (file, lines) in &run.coverage {
        let path = bundle.shown(file);
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let rate = rate(lines.reached.len(), lines.reached.len() + lines.not_reached.len());
        let attributes = format!("line-rate=\"{rate}\" branch-rate=\"0\" complexity=\"0\"");
        let _ = writeln!(packages, "  <package name=\"{}\" {attributes}><classes>", xml(directory));
        let (name, filename) = (xml(file.as_str()), xml(path.as_str()));
        let _ = writeln!(packages, "   <class name=\"{name}\" filename=\"{filename}\" {attributes}><methods/><lines>");
        for (line, hits) in hits(lines) {
            let _ = writeln!(packages, "    <line number=\"{line}\" hits=\"{hits}\"/>");
        }
        let _ = writeln!(packages, "   </lines></class>\n  </classes></package>");
    }
    format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE coverage SYSTEM \"http://cobertura.sourceforge.net/xml/coverage-04.dtd\">\n\
         <coverage line-rate=\"{}\" branch-rate=\"0\" lines-covered=\"{reached}\" lines-valid=\"{valid}\" \
         branches-covered=\"0\" branches-valid=\"0\" complexity=\"0\" version=\"{}\" timestamp=\"0\">\n \
         <sources><source>.</source></sources>\n <packages>\n{packages} </packages>\n</coverage>\n",
        rate(reached, valid),
        env!("CARGO_PKG_VERSION"),
    )
}

fn hits(lines: &FileCoverage) -> Vec<(u32, u8)> {
    let reached = lines.reached.iter().map(|&line| (line, 1));
    let mut hits: Vec<(u32, u8)> = reached.chain(lines.not_reached.iter().map(|&line| (line, 0))).collect();
    hits.sort_unstable();
    hits
}

fn rate(reached: usize, total: usize) -> String {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if total == 0 { "1".to_owned() } else { format!("{:.4}", number(reached) / number(total)) }
}
