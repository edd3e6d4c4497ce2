//! Scripts that say in their first line who runs them.

use super::{Content, Findings, RiskSeverity, text};

/// Recognised by the mark of such a line, which two bytes of a tensor in an archive can be by chance.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    if !content.bytes.starts_with(b"#!") || (content.is_member && text::of(content).is_none()) {
        return None;
    }
    let mut findings = Findings::default();
    // No loader runs it for this line; what has one run is a risk of whoever names it, as in `auto_map`.
    findings.risk(0, RiskSeverity::Low, "script", "the file is a script");
    Some(findings)
}
