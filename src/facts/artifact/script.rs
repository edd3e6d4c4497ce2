//! Scripts that say in their first line who runs them.

use super::{Content, Findings, RiskSeverity};

/// Recognised by a first line that names who runs it.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    content.bytes.starts_with(b"#!").then(|| {
        let mut findings = Findings::default();
        findings.risk(0, RiskSeverity::Medium, "script", "the file is a script");
        findings
    })
}
