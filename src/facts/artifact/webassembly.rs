//! Programs in WebAssembly.

use super::{Content, Findings, RiskSeverity};

/// Recognised by its mark and version.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    content.bytes.starts_with(b"\0asm").then(|| {
        let mut findings = Findings::default();
        findings.risk(0, RiskSeverity::Medium, "webassembly", "the file is a program in WebAssembly");
        findings
    })
}
