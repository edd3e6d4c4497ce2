//! Which format a file has, by its content: a name is a claim.

use super::{ArtifactFormat, Content, Findings, RiskSeverity, onnx, pickle, safetensors, zip};

/// Says whether a file is of a format, and if so what is in it.
type Inspector = fn(Content<'_>) -> Option<Findings>;

/// A new format is one file and one line here. The first that recognises a file counts: what has a
/// clear mark stands before what must be guessed.
const FORMATS: &[(ArtifactFormat, Inspector)] = &[
    (ArtifactFormat::Zip, zip::inspect),
    (ArtifactFormat::Safetensors, safetensors::inspect),
    (ArtifactFormat::Pickle, pickle::inspect),
    (ArtifactFormat::Pickle, pickle::inspect_numpy),
    (ArtifactFormat::Onnx, onnx::inspect),
    (ArtifactFormat::Json, json),
    (ArtifactFormat::Text, text),
];

/// The format, and what its inspector found.
pub(super) fn inspect(content: Content<'_>) -> (ArtifactFormat, Findings) {
    let found = FORMATS.iter().find_map(|(format, inspector)| Some((*format, inspector(content)?)));
    found.unwrap_or_else(|| {
        let mut findings = Findings::default();
        findings.risk(0, RiskSeverity::Low, "unknown-format", "the file is of no format that this version knows");
        (ArtifactFormat::Unknown, findings)
    })
}

/// A Git LFS pointer stands for a file that was not fetched (git-lfs specification, `docs/spec.md`).
pub(super) fn is_lfs_pointer(content: Content<'_>) -> bool {
    const POINTER_BYTES_MAX: u64 = 1024;
    content.size_bytes <= POINTER_BYTES_MAX
        && content.bytes.starts_with(b"version https://git-lfs.github.com/spec/v1\n")
}

fn json(content: Content<'_>) -> Option<Findings> {
    let first = content.bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
    let looks_like = matches!(first, b'{' | b'[') && content.is_whole();
    let parsed = looks_like && serde_json::from_slice::<serde::de::IgnoredAny>(content.bytes).is_ok();
    parsed.then(Findings::default)
}

fn text(content: Content<'_>) -> Option<Findings> {
    let is_text = content.is_whole() && std::str::from_utf8(content.bytes).is_ok_and(|text| !text.contains('\0'));
    is_text.then(Findings::default)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn format(bytes: &[u8]) -> ArtifactFormat {
        inspect(Content { bytes, size_bytes: bytes.len() as u64 }).0
    }

    #[test]
    fn formats_are_told_by_content() {
        assert_eq!(format(b"{\"a\": 1}"), ArtifactFormat::Json);
        assert_eq!(format(b"{\"a\": 1"), ArtifactFormat::Text);
        assert_eq!(format(b"hello"), ArtifactFormat::Text);
        assert_eq!(format(b""), ArtifactFormat::Text);
        assert_eq!(format(b"\x00\x01\x02\xff"), ArtifactFormat::Unknown);
        assert_eq!(format(b"\x80\x04N."), ArtifactFormat::Pickle);
    }

    #[test]
    fn a_pointer_is_no_file() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        assert!(is_lfs_pointer(Content { bytes: pointer, size_bytes: pointer.len() as u64 }));
        assert!(!is_lfs_pointer(Content { bytes: pointer, size_bytes: 5000 }));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            inspect(Content { bytes: &bytes, size_bytes: bytes.len() as u64 });
            // A file whose end was not kept.
            inspect(Content { bytes: &bytes, size_bytes: u64::MAX });
        }

        #[test]
        fn marked_bytes_never_panic(
            mark in prop::sample::select(vec![&b"PK\x03\x04"[..], b"\x80\x04", b"\x80\x02c", b"\x08\x07\x12", b"\x20\0\0\0\0\0\0\0{"]),
            bytes in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            let bytes = [mark, &bytes].concat();
            inspect(Content { bytes: &bytes, size_bytes: bytes.len() as u64 });
        }
    }
}
