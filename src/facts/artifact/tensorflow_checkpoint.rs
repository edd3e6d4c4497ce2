//! The index of TensorFlow's checkpoints, such as `variables.index`: a sorted table, recognised by its end.

use super::{Content, Findings};

/// The last bytes of a table (`tensorflow/core/lib/io/format.h`).
const MARK: [u8; 8] = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];

/// Bytes of what ends a table: two places and the mark.
const FOOTER_BYTES: u64 = 48;

/// Recognised by its last bytes.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let end = content.size_bytes.checked_sub(MARK.len() as u64).filter(|_| content.size_bytes >= FOOTER_BYTES)?;
    (*content.at(end, MARK.len())? == MARK).then(|| {
        let mut findings = Findings::default();
        findings.metadata.framework = Some("tensorflow".to_owned());
        findings
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::sample;

    #[test]
    fn an_index_is_recognised_by_its_end() {
        let whole = sample("plain-variables-variables.index");
        assert!(inspect(Content::of(&whole, whole.len() as u64)).is_some());
        assert!(inspect(Content::of(&whole[..whole.len() - 1], whole.len() as u64 - 1)).is_none());
        assert!(inspect(Content::of(&MARK, 8)).is_none());
    }
}
