//! What many releases came to: a line for each, as text or JSON.

use serde::Serialize;

use super::layout::{Align, Layout, Paint};
use super::{RenderError, TextStyle, escape};
use crate::decision::Verdict;
use crate::problem::Problem;

/// Controls that are named in a line of text; the rest is counted.
const CONTROLS_SHOWN_MAX: usize = 5;

/// What one of many releases came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReleaseRow {
    /// Its manifest, relative to the directory that was asked for.
    pub manifest: String,
    /// Name of the model, if there is a decision.
    pub model: Option<String>,
    /// Version of the model, if there is a decision.
    pub model_version: Option<String>,
    /// What the gate came to, if it came to something.
    pub decision: Option<Verdict>,
    /// The tier, if there is a decision.
    pub tier: Option<String>,
    /// Controls that deny, or that make conditions where none denies.
    pub controls: Vec<String>,
    /// SHA-256 of the decision record.
    pub decision_sha256: Option<String>,
    /// What a `check` of this release alone would have ended with.
    pub exit_code: u8,
    /// Why there is no decision, or no evidence of it.
    pub problems: Vec<RowProblem>,
}

/// A problem with a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// Its code.
    pub code: &'static str,
    /// What is wrong, with the place and how to mend it.
    pub message: String,
}

impl From<&Problem> for RowProblem {
    fn from(problem: &Problem) -> Self {
        Self { code: problem.code, message: problem.to_string() }
    }
}

/// The rows as JSON.
///
/// # Errors
/// [`RenderError::Json`] if they cannot be written.
pub fn json(rows: &[ReleaseRow]) -> Result<String, RenderError> {
    let document = serde_json::to_string_pretty(&serde_json::json!({"version": 1, "releases": rows}))?;
    Ok(escape::json(&document) + "\n")
}

/// The rows as a table, and how many came to what.
#[must_use]
pub fn text(rows: &[ReleaseRow], style: &TextStyle) -> String {
    let mut layout = Layout::new(*style);
    let table: Vec<Vec<String>> = rows.iter().map(cells).collect();
    layout.table(0, &[Align::Left; 4], &table);
    for row in rows {
        for problem in &row.problems {
            layout.wrapped(2, &[(Paint::Plain, "- ")], &format!("{}: {}", row.manifest, problem.message), Paint::Plain);
        }
    }
    let count = |decision: Option<Verdict>| rows.iter().filter(|row| row.decision == decision).count();
    let summary = format!(
        "{} releases: {} approved, {} approved on conditions, {} denied, {} not evaluated",
        rows.len(),
        count(Some(Verdict::Approve)),
        count(Some(Verdict::Conditional)),
        count(Some(Verdict::Deny)),
        count(None)
    );
    layout.blank();
    layout.wrapped(0, &[], &summary, Paint::Strong);
    layout.finish()
}

fn cells(row: &ReleaseRow) -> Vec<String> {
    let decision = match row.decision {
        Some(Verdict::Approve) => "approved",
        Some(Verdict::Conditional) => "conditional",
        Some(Verdict::Deny) => "denied",
        None => "not evaluated",
    };
    let shown = row.controls.iter().take(CONTROLS_SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    let controls = match row.controls.len().saturating_sub(CONTROLS_SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    };
    vec![decision.to_owned(), row.tier.clone().unwrap_or_default(), row.manifest.clone(), controls]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_shows_every_release_and_no_escape_of_a_terminal() {
        let row = |manifest: &str, decision: Option<Verdict>, controls: usize| ReleaseRow {
            manifest: manifest.to_owned(),
            model: decision.map(|_| "m".to_owned()),
            model_version: decision.map(|_| "1".to_owned()),
            decision,
            tier: decision.map(|_| "high".to_owned()),
            controls: (1..=controls).map(|number| format!("VAL-{number:03}")).collect(),
            decision_sha256: None,
            exit_code: 0,
            problems: Vec::new(),
        };
        let rows = [row("a/modelgate.yaml", Some(Verdict::Approve), 0), row("b\x1b[31m/x", Some(Verdict::Deny), 7)];
        let text = text(&rows, &TextStyle { columns: 100, colour: false, unicode: true });
        assert!(text.contains("VAL-005 and 2 more"), "{text}");
        assert!(text.contains("2 releases: 1 approved, 0 approved on conditions, 1 denied, 0 not evaluated"), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
        assert!(!json(&rows).unwrap().contains('\x1b'));
    }
}
