//! Engines of TensorRT, which hold compiled code for one kind of GPU: recognised, and not looked through.

use super::{Content, Findings, RiskSeverity};

/// Recognised by the mark of a serialised engine.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    content.bytes.starts_with(b"ftrt").then(|| {
        let mut findings = Findings::default();
        findings.metadata.framework = Some("tensorrt".to_owned());
        let message = "the TensorRT engine holds compiled code, which is not looked through";
        findings.risk(0, RiskSeverity::Medium, "opaque", message);
        findings
    })
}
