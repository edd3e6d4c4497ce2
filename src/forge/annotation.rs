//! Findings at their places: for check runs, and as commands of a runner where no token may write.

use crate::decision::record::DecisionRecord;
use crate::decision::{Finding, Outcome, Verdict};
use crate::report::escape;

/// Annotations of one decision: more are in the reports, and a page with a thousand is read by nobody.
pub const ANNOTATIONS_MAX: usize = 1_000;

/// Characters of a title (GitHub's OpenAPI description: 255).
const TITLE_CHARACTERS_MAX: usize = 255;

/// Characters of a message: GitHub takes 64 KB, and four bytes may be one character.
const MESSAGE_CHARACTERS_MAX: usize = 4_000;

/// A finding at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The file, relative to the repository.
    pub path: String,
    /// Line, from 1.
    pub line: u64,
    /// How much it matters.
    pub level: Level,
    /// The control.
    pub title: String,
    /// What is wrong, and how to mend it.
    pub message: String,
}

/// How much an annotation matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// It changes nothing of the decision.
    #[default]
    Notice,
    /// It makes the approval conditional.
    Warning,
    /// It denies.
    Failure,
}

impl Annotation {
    /// An annotation with texts that are harmless and fit.
    #[must_use]
    pub fn new(path: &str, line: u64, level: Level, title: &str, message: &str) -> Self {
        let cut = |text: &str, most: usize| {
            let lines: Vec<_> = text.lines().map(escape::visible).collect();
            escape::cut(&lines.join("\n"), most.saturating_sub(1), "…").into_owned()
        };
        Self {
            path: path.to_owned(),
            line: line.max(1),
            level,
            title: cut(title, TITLE_CHARACTERS_MAX).replace('\n', " "),
            message: cut(message, MESSAGE_CHARACTERS_MAX),
        }
    }
}

/// Every finding of what failed, what denies first. `directory` is that of the release in the repository, and
/// `manifest` is where what has no place of its own is shown.
#[must_use]
pub fn annotations(record: &DecisionRecord, directory: &str, manifest: &str) -> Vec<Annotation> {
    let mut outcomes: Vec<&Outcome> = record.outcomes.iter().filter(|outcome| is_shown(outcome)).collect();
    outcomes.sort_by_key(|outcome| (std::cmp::Reverse(outcome.verdict()), &outcome.control));
    let all = outcomes.into_iter().flat_map(|outcome| of_outcome(outcome, directory, manifest));
    all.take(ANNOTATIONS_MAX).collect()
}

fn is_shown(outcome: &Outcome) -> bool {
    use crate::decision::{Enforcement, OutcomeResult};
    match outcome.result {
        OutcomeResult::Error => true,
        OutcomeResult::Fail => outcome.enforcement != Enforcement::Shadow,
        OutcomeResult::Pass | OutcomeResult::Waived | OutcomeResult::NotApplicable => false,
    }
}

fn of_outcome(outcome: &Outcome, directory: &str, manifest: &str) -> Vec<Annotation> {
    let level = match outcome.verdict() {
        Verdict::Deny => Level::Failure,
        Verdict::Conditional => Level::Warning,
        Verdict::Approve => Level::Notice,
    };
    let title = format!("{} {}", outcome.control, outcome.title);
    let annotation = |place: Option<(String, u64)>, what: &str| {
        let (path, line) = place.unwrap_or_else(|| (manifest.to_owned(), 1));
        Annotation::new(&path, line, level, &title, &format!("{what}\n{}", outcome.remediation))
    };
    let place = |finding: &Finding| {
        let source = finding.source.as_ref()?;
        Some((inside(directory, &source.file)?, source.line))
    };
    let reasons = outcome.reasons.iter().map(|reason| annotation(None, reason));
    let findings = outcome
        .findings
        .iter()
        .map(|finding| annotation(place(finding), &format!("{}: {}", finding.subject, finding.message)));
    // A reason beside findings says why the enforcement is another; the findings say what is wrong.
    if outcome.findings.is_empty() { reasons.collect() } else { findings.collect() }
}

/// A path of the release in the repository; none for one that is no plain path in it.
fn inside(directory: &str, path: &str) -> Option<String> {
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && !part.chars().any(escape::is_hidden);
    if !path.split('/').all(is_part) || path.contains("://") {
        return None;
    }
    Some(if directory.is_empty() { path.to_owned() } else { format!("{directory}/{path}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_harmless_and_fit() {
        let annotation = Annotation::new("m.yaml", 0, Level::Failure, &"ä\n".repeat(400), "a\u{1b}[31m\nb\u{202e}");
        assert_eq!(annotation.line, 1);
        assert!(annotation.title.chars().count() <= TITLE_CHARACTERS_MAX && !annotation.title.contains('\n'));
        assert_eq!(annotation.message, "a\\u{1b}[31m\nb\\u{202e}");
    }

    #[test]
    fn paths_stay_inside() {
        assert_eq!(inside("models/a", "card.md").as_deref(), Some("models/a/card.md"));
        assert_eq!(inside("", "card.md").as_deref(), Some("card.md"));
        for path in ["../x", "/etc/passwd", "a//b", "s3://bucket/x", "a\nb", ""] {
            assert_eq!(inside("models", path), None, "{path:?}");
        }
    }
}
