//! Reports: one decision, said to a person in a terminal, to a pull request, and to other programs.
//!
//! Every renderer is a pure function of the same [`ReportInput`], so the same decision gives the
//! same bytes. Names, messages and values come from a pull request and are hostile until shown
//! otherwise: what makes them harmless in each format is in [`escape`], and nowhere else.

pub mod catalogue;
mod code_quality;
mod compared;
pub mod escape;
mod groups;
pub mod json;
mod junit;
mod layout;
mod listed;
mod markdown;
mod number;
pub mod page;
pub mod policy_tests;
pub mod problems;
pub mod releases;
pub mod review;
mod sarif;
pub mod sbom;
pub mod stored;
mod template;
pub mod text;
pub mod verification;
mod view;

#[cfg(test)]
mod documents;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod snapshots;

pub use markdown::{CommentInput, comment};
pub use text::TextStyle;

use std::fmt;
use std::str::FromStr;

use crate::decision::record::DecisionRecord;
use crate::decision::{Severity, Verdict};
use crate::digest::Sha256Digest;
use crate::facts::Facts;
use crate::policy::Control;
use crate::policy::framework::Framework;
use crate::store::CheckpointSummary;

/// What every renderer is given.
#[derive(Debug, Clone, Copy)]
pub struct ReportInput<'a> {
    /// What was decided.
    pub record: &'a DecisionRecord,
    /// What was measured.
    pub facts: &'a Facts,
    /// Where the evidence is; `None` when none was recorded.
    pub evidence: Option<&'a EvidenceSummary>,
    /// The controls of the policy bundle, for formats that list rules beside results.
    pub controls: &'a [ControlSummary],
    /// The catalogues of clauses that controls cite, for formats that say what a clause is about.
    pub frameworks: &'a [Framework],
    /// Directory of the release below the root of its repository, with `/` between its parts; empty where they are one,
    /// and where that is not known. Formats that forges read name files from there.
    pub directory: &'a str,
}

/// The evidence of a run, as far as a reader needs it to find and verify it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceSummary {
    /// SHA-256 of the canonical decision record.
    pub decision_sha256: Sha256Digest,
    /// SHA-256 of the canonical facts.
    pub facts_sha256: Sha256Digest,
    /// The run's key in the store.
    pub run: String,
    /// Where the store is.
    pub store: String,
    /// The store's log up to this run, as the run's own report has it; none where the run is read from a store later.
    pub checkpoint: Option<CheckpointSummary>,
    /// Whether the log's key signed it.
    pub checkpoint_is_signed: bool,
    /// Paths of the signed bundles.
    pub files: Vec<String>,
    /// The command that verifies them.
    pub verify_command: String,
    /// Description of the key that signed.
    pub signed_by: String,
    /// Whether the store already held this very run.
    pub already_recorded: bool,
}

impl EvidenceSummary {
    /// The checkpoint in a line: size, root and origin, as its lines have them.
    pub(crate) fn checkpoint_text(&self) -> Option<String> {
        let CheckpointSummary { origin, size, root } = self.checkpoint.as_ref()?;
        let unsigned = if self.checkpoint_is_signed { "" } else { ", not signed" };
        Some(format!("{size} {root} {origin}{unsigned}"))
    }
}

/// A control, as its metadata describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlSummary {
    /// Stable id, such as `VAL-003`.
    pub id: String,
    /// What it asks for.
    pub title: String,
    /// Why it matters and how it is judged.
    pub description: String,
    /// How much it matters.
    pub severity: Severity,
    /// How to mend a fail.
    pub remediation: String,
    /// Domain, such as `validation`.
    pub domain: String,
}

impl From<&Control> for ControlSummary {
    fn from(control: &Control) -> Self {
        Self {
            id: control.id.clone(),
            title: control.title.clone(),
            description: control.description.clone(),
            severity: control.severity,
            remediation: control.remediation.clone(),
            domain: control.domain.clone(),
        }
    }
}

/// A format of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFormat {
    /// For a person, in a terminal.
    Text,
    /// Report v1, as `docs/schema/report-v1.schema.json` describes it.
    Json,
    /// For a step summary or a comment on a pull request.
    Markdown,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for test reports.
    Junit,
    /// A page in one file, for people who decide or review.
    Html,
    /// Code quality, for the widget of a merge request on GitLab.
    CodeQuality,
}

impl OutputFormat {
    /// Every format.
    pub const ALL: [Self; 7] =
        [Self::Text, Self::Json, Self::Markdown, Self::Html, Self::Sarif, Self::Junit, Self::CodeQuality];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Markdown => "markdown",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Html => "html",
            Self::CodeQuality => "code-quality",
        }
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The name is that of no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown output format `{0}`: `text`, `json`, `markdown`, `html`, `sarif`, `junit` and `code-quality` are known"
)]
pub struct UnknownFormat(String);

impl FromStr for OutputFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// The report cannot be written in the format.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// JSON or SARIF.
    #[error("the report cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// JUnit.
    #[error("the report cannot be written as JUnit XML: {0}")]
    Junit(#[from] quick_junit::SerializeError),
    /// HTML, and the documents for review boards.
    #[error("the report cannot be written by its template: {0:#}")]
    Template(#[from] minijinja::Error),
}

/// The decision in a line: what was decided, and why. Nothing that comes from a release is in it.
#[must_use]
pub fn line(record: &DecisionRecord, verdict: Verdict) -> String {
    let word = match verdict {
        Verdict::Approve => "Approved",
        Verdict::Conditional => "Conditionally approved",
        Verdict::Deny => "Denied",
    };
    format!("{word}: {}", groups::Groups::of(record).reason(record.decision))
}

/// Renders the report, with a newline at its end.
///
/// # Errors
/// [`RenderError`] if the format cannot carry the record.
pub fn render(format: OutputFormat, input: &ReportInput<'_>, style: &TextStyle) -> Result<String, RenderError> {
    match format {
        OutputFormat::Text => Ok(text::render(input, *style)),
        OutputFormat::Json => json::render(input),
        OutputFormat::Markdown => Ok(markdown::render(input)),
        OutputFormat::Sarif => sarif::render(input),
        OutputFormat::Junit => junit::render(input),
        OutputFormat::Html => page::decision(input),
        OutputFormat::CodeQuality => code_quality::render(input),
    }
}
