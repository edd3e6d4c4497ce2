//! Tables in columns, Parquet and Arrow IPC: recognised, with both of their ends.

use super::flatbuffer::Buffer;
use super::pages::{Broken, Pages};
use super::{Content, Findings, RiskSeverity};

const PARQUET: &[u8; 4] = b"PAR1";
/// What stands in its place when the footer is encrypted.
const PARQUET_ENCRYPTED: &[u8; 4] = b"PARE";
const ARROW: &[u8; 6] = b"ARROW1";

/// Recognised by the mark of Parquet.
pub(super) fn inspect_parquet(content: Content<'_>) -> Option<Findings> {
    let is_encrypted = content.bytes.starts_with(PARQUET_ENCRYPTED);
    if !is_encrypted && !content.bytes.starts_with(PARQUET) {
        return None;
    }
    let mut findings = Findings::default();
    if is_encrypted {
        let message = "the Parquet file is encrypted and could not be looked through";
        findings.risk(0, RiskSeverity::Medium, "opaque", message);
    }
    let mark = if is_encrypted { PARQUET_ENCRYPTED } else { PARQUET };
    if let Err(broken) = footer(content, mark, 4) {
        broken.note(&mut findings, "parquet-malformed", "the Parquet file");
    }
    Some(findings)
}

/// Recognised by the mark of Arrow's files.
pub(super) fn inspect_arrow(content: Content<'_>) -> Option<Findings> {
    if !content.bytes.starts_with(ARROW) {
        return None;
    }
    let mut findings = Findings::default();
    if let Err(broken) = footer(content, ARROW, 8) {
        broken.note(&mut findings, "arrow-malformed", "the Arrow file");
    }
    Some(findings)
}

/// The length of the footer and the mark once more, at the end.
fn footer(content: Content<'_>, mark: &[u8], start: u64) -> Result<(), Broken> {
    let pages = Pages::of(content);
    let cut = Broken::new(content.size_bytes, "it has no end");
    let end = content.size_bytes.checked_sub(mark.len() as u64 + 4).ok_or(cut)?;
    let length = u64::from(u32::from_le_bytes(pages.array(end)?));
    if *pages.get(end + 4, mark.len())? != *mark || length == 0 || length.saturating_add(start) > end {
        return Err(cut);
    }
    Ok(())
}

/// Recognised by the mark of a message in Arrow's streams, and a schema in it.
pub(super) fn inspect_stream(content: Content<'_>) -> Option<Findings> {
    /// `MessageHeader.Schema`.
    const SCHEMA: u8 = 1;
    let rest = content.bytes.strip_prefix(&[0xff; 4])?;
    let length = u64::from(u32::from_le_bytes(*rest.first_chunk()?));
    let buffer = Buffer::of(Pages::of(content));
    let is_schema = length.is_multiple_of(8)
        && length < content.size_bytes
        && buffer.root(8).and_then(|message| buffer.byte(message, 1)).is_ok_and(|kind| kind == SCHEMA);
    is_schema.then(Findings::default)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::{ArtifactFormat, detect, sample};

    fn found(bytes: &[u8]) -> (ArtifactFormat, Vec<String>) {
        let (format, findings) = detect::inspect(Content::of(bytes, bytes.len() as u64));
        (format, findings.risks.into_iter().map(|risk| risk.code).collect())
    }

    #[test]
    fn tables_are_recognised_and_have_an_end() {
        assert_eq!(found(&sample("table.parquet")), (ArtifactFormat::Parquet, Vec::new()));
        assert_eq!(found(&sample("file.arrow")), (ArtifactFormat::Arrow, Vec::new()));
        assert_eq!(found(&sample("stream.arrow")), (ArtifactFormat::Arrow, Vec::new()));
        for (name, code) in [("table.parquet", "parquet-malformed"), ("file.arrow", "arrow-malformed")] {
            let whole = sample(name);
            for length in 6..whole.len() {
                assert_eq!(found(&whole[..length]).1, [code], "{name} {length}");
            }
        }
        assert_eq!(found(b"PARE\x01\0\0\0\x01\x01\0\0\0PARE").1, ["opaque"]);
        assert_eq!(found(&[0xff; 64]).0, ArtifactFormat::Unknown);
    }
}
