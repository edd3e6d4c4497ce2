//! Findings as programs list them: a sentence, a place, and a name that is the same in each run.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use super::{ReportInput, number};
use crate::decision::{Finding, Outcome, OutcomeResult};
use crate::digest::Sha256Digest;

/// The findings of an outcome; of one that has none, a finding that says why it came to what it is.
pub(super) fn findings(outcome: &Outcome) -> Cow<'_, [Finding]> {
    if outcome.result != OutcomeResult::Error && !outcome.findings.is_empty() {
        return Cow::Borrowed(&outcome.findings);
    }
    let reasons = outcome.reasons.join("; ");
    let message = match outcome.result {
        OutcomeResult::Error => format!("the control could not be evaluated: {reasons}"),
        _ => reasons,
    };
    Cow::Owned(vec![Finding::new(format!("control/{}", outcome.control), message)])
}

/// What is wrong with what, what was found and what is asked for.
pub(super) fn sentence(outcome: &Outcome, finding: &Finding) -> String {
    let (observed, expected) = number::observed_and_expected(&finding.observed, &finding.expected);
    let mut text = format!("{}: {}", finding.subject, finding.message);
    for (word, value) in [("observed", observed), ("expected", expected)] {
        if let Some(value) = value {
            text.push_str(&format!("; {word} {value}"));
        }
    }
    if outcome.result == OutcomeResult::Waived {
        text.push_str(&format!(" (waived: {})", outcome.reasons.join("; ")));
    }
    text
}

/// Where a finding is: path below the root of the repository, and line. Without a source it is the first line of the
/// manifest, since forges drop what has no place.
pub(super) fn place(finding: &Finding, input: &ReportInput<'_>) -> (String, u64) {
    let below = |file: &str| Some(format!("{}{}", root(input), relative(file)?));
    let source = finding.source.as_ref();
    source
        .and_then(|source| Some((below(&source.file)?, source.line.max(1))))
        .or_else(|| Some((below(&input.facts.manifest.path)?, 1)))
        .unwrap_or_else(|| ("modelgate.yaml".to_owned(), 1))
}

/// The release's directory below the root of the repository, with `/` at its end; empty for the root itself.
fn root(input: &ReportInput<'_>) -> String {
    relative(input.directory).map(|directory| format!("{directory}/")).unwrap_or_default()
}

/// `path` with nothing that leaves the root; `None` if nothing is left of it.
pub(super) fn relative(path: &str) -> Option<String> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !matches!(*segment, "" | "." | "..")).collect();
    (!segments.is_empty()).then(|| segments.join("/"))
}

/// What makes two findings the same one across runs, in hexadecimal: control, subject and message, and no number or line,
/// which change from run to run.
pub(super) fn digest(outcome: &Outcome, finding: &Finding) -> String {
    let mut hash = Sha256::new();
    for part in [&outcome.control, &finding.subject, &finding.message] {
        // Lengths keep the parts apart: nothing in one part can be taken for the start of the next.
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    Sha256Digest::from_bytes(hash.finalize().into()).to_hex()
}
