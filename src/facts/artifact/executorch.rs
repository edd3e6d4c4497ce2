//! Programs of ExecuTorch, which call operators of the application that runs them: recognised, and not looked through.

use super::{Content, Findings, RiskSeverity};

/// Recognised by the identifier of the schema (`program.fbs`): `ET` and two digits.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let is_marked = matches!(content.bytes.get(4..8)?, [b'E', b'T', b'0'..=b'9', b'0'..=b'9']);
    is_marked.then(|| {
        let mut findings = Findings::default();
        findings.metadata.framework = Some("executorch".to_owned());
        let message = "the ExecuTorch program is not looked through";
        findings.risk(0, RiskSeverity::Medium, "opaque", message);
        findings
    })
}
