//! Compressed files. `joblib.dump` and pandas write pickles into them, and their loaders unpack without
//! being asked; so they are unpacked here too, and what cannot be unpacked is a risk.

use std::io::Read as _;

use flate2::bufread::{GzDecoder, ZlibDecoder};

use super::{ArtifactFormat, Content, Findings, Risk, RiskSeverity, detect};

/// Bytes that a file is unpacked to. A bomb ends here.
const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What begins with these bytes is unpacked by nothing here.
const OPAQUE: &[(&[u8], &str)] = &[
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\x04\x22\x4d\x18", "LZ4"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!\x1a\x07", "RAR"),
    // What joblib wrote before 0.10: a length in hexadecimal digits, then zlib.
    (b"ZF0x", "joblib's old zlib"),
];

/// Where the mark of a tar archive stands (POSIX.1-2024, pax, ustar header).
const TAR_MARK_OFFSET_BYTES: usize = 257;

/// Unpacks one stream to the end of the vector, and gives what follows it.
type Unpacker = for<'a> fn(&'a [u8], u64, &mut Vec<u8>) -> Result<&'a [u8], std::io::Error>;

/// Recognised by the marks of compressors and archivers.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let lzma = content.bytes.starts_with(b"\x5d\0").then_some("LZMA");
    if let Some(name) = opaque(content.bytes).or(lzma) {
        return Some(not_inspected(name));
    }
    let unpacked = match content.bytes {
        [0x1f, 0x8b, 8, ..] => unpack(content.bytes, |packed, room, unpacked| {
            let mut stream = GzDecoder::new(packed);
            (&mut stream).take(room).read_to_end(unpacked)?;
            Ok(stream.into_inner())
        }),
        // RFC 1950, 2.2: deflate with a window of 32 KiB, and a check on both bytes.
        [0x78, flags, ..] if (0x7800 + u16::from(*flags)).is_multiple_of(31) => {
            unpack(content.bytes, |packed, room, unpacked| {
                let mut stream = ZlibDecoder::new(packed);
                (&mut stream).take(room).read_to_end(unpacked)?;
                Ok(stream.into_inner())
            })
        }
        _ => return None,
    };
    let (bytes, why) = match unpacked {
        // Two bytes are a weak mark: what does not unpack at all is something else.
        (bytes, Some(_)) if bytes.is_empty() && content.bytes.starts_with(b"\x78") => return None,
        (bytes, None) if !content.is_whole() => (bytes, Some("it is too large")),
        unpacked => unpacked,
    };
    Some(look_inside(&bytes, why))
}

/// Recognised by the mark of a tar archive, which stands behind its first name.
pub(super) fn inspect_tar(content: Content<'_>) -> Option<Findings> {
    let marked = content.bytes.get(TAR_MARK_OFFSET_BYTES..)?.starts_with(b"ustar");
    marked.then(|| not_inspected("tar"))
}

/// Whether bytes are packed in a way that has a clear mark.
pub(super) fn is_packed(bytes: &[u8]) -> bool {
    let is_tar = bytes.get(TAR_MARK_OFFSET_BYTES..).is_some_and(|rest| rest.starts_with(b"ustar\0"));
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\x1f\x8b\x08") || opaque(bytes).is_some() || is_tar
}

fn opaque(bytes: &[u8]) -> Option<&'static str> {
    OPAQUE.iter().find(|(mark, _)| bytes.starts_with(mark)).map(|(_, name)| *name)
}

fn not_inspected(name: &str) -> Findings {
    let mut findings = Findings::default();
    let message = format!("the file is packed with {name}, which is not looked into");
    findings.risk(0, RiskSeverity::High, "packed-not-inspected", message);
    findings
}

/// What is in the unpacked bytes, and why they are not all. Of the facts only those of a pickle are kept:
/// the loaders that unpack without being asked are those of pickles.
fn look_inside(bytes: &[u8], why_not_all: Option<&str>) -> Findings {
    let mut findings = Findings::default();
    if let Some(why) = why_not_all {
        let message = format!("the file is compressed and could not be looked through: {why}");
        findings.risk(0, RiskSeverity::High, "packed-not-inspected", message);
    }
    // Unpacking stops here: a file can be made that unpacks to itself.
    if is_packed(bytes) {
        findings.risk(0, RiskSeverity::High, "packed-not-inspected", "what is packed in the file is packed once more");
        return findings;
    }
    let missing = u64::from(why_not_all.is_some());
    let (format, inside) = detect::inspect(Content::of(bytes, bytes.len() as u64 + missing));
    if format != ArtifactFormat::Pickle {
        findings.risk(0, RiskSeverity::Low, "packed", "the file is compressed, and no pickle is in it");
    }
    findings.pickle = inside.pickle;
    let place = |risk: Risk| Risk { message: format!("in the unpacked content: {}", risk.message), ..risk };
    findings.risks.extend(inside.risks.into_iter().map(place));
    findings
}

/// Everything that one stream after the other unpacks to, and why it is not everything.
fn unpack(bytes: &[u8], one: Unpacker) -> (Vec<u8>, Option<&'static str>) {
    let mut unpacked = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let room = UNPACKED_BYTES_MAX - unpacked.len() as u64;
        match one(rest, room + 1, &mut unpacked) {
            _ if unpacked.len() as u64 > UNPACKED_BYTES_MAX => return (unpacked, Some("it unpacks to too much")),
            Ok(after) if after.len() < rest.len() => rest = after,
            _ => return (unpacked, Some("it is broken")),
        }
    }
    (unpacked, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::bufread::{GzEncoder, ZlibEncoder};

    const UNSAFE: &[u8] = b"\x80\x02cos\nsystem\n)R.";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        GzEncoder::new(bytes, Compression::best()).read_to_end(&mut packed).unwrap();
        packed
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        ZlibEncoder::new(bytes, Compression::best()).read_to_end(&mut packed).unwrap();
        packed
    }

    /// The format, the imports, whether they are all, and the codes of the risks.
    fn found(bytes: &[u8]) -> (ArtifactFormat, Vec<String>, Option<bool>, Vec<String>) {
        let (format, findings) = detect::inspect(Content::of(bytes, bytes.len() as u64));
        let complete = findings.pickle.as_ref().map(|pickle| pickle.complete);
        let imports = findings.pickle.into_iter().flat_map(|pickle| pickle.imports);
        let imports = imports.map(|import| format!("{}.{}", import.module, import.name)).collect();
        (format, imports, complete, findings.risks.into_iter().map(|risk| risk.code).collect())
    }

    #[test]
    fn pickles_are_found_in_what_loaders_unpack() {
        let system = vec!["os.system".to_owned()];
        let expected = (ArtifactFormat::Pickle, system, Some(true), Vec::new());
        assert_eq!(found(&gzip(UNSAFE)), expected);
        assert_eq!(found(&zlib(UNSAFE)), expected);
        // Streams one after the other are one file to Python.
        let (start, end) = UNSAFE.split_at(5);
        assert_eq!(found(&[gzip(start), gzip(end)].concat()), expected);
        assert_eq!(found(&[zlib(start), zlib(end)].concat()), expected);
    }

    #[test]
    fn what_is_not_looked_into_is_said() {
        let not_inspected = |risks: &[&str]| {
            let risks = risks.iter().map(|code| (*code).to_owned()).collect();
            (ArtifactFormat::Unknown, Vec::new(), None, risks)
        };
        for mark in ["BZh91AY&SY", "7z\u{bc}", "Rar!\x1a\x07\x01", "ZF0x1", "]\0\0"] {
            let bytes: Vec<u8> = mark.chars().map(|character| character as u8).collect();
            let bytes = [&bytes[..], b"\xaf\x27\x1c"].concat();
            assert_eq!(found(&bytes), not_inspected(&["packed-not-inspected"]), "{mark}");
        }
        let tar = [&[b'm'; TAR_MARK_OFFSET_BYTES][..], b"ustar\x0000"].concat();
        assert_eq!(found(&tar), not_inspected(&["packed-not-inspected"]));
        assert_eq!(found(&gzip(&gzip(UNSAFE))), not_inspected(&["packed-not-inspected"]));
        assert_eq!(found(&gzip(b"text")), not_inspected(&["packed"]));
    }

    #[test]
    fn a_cut_stream_keeps_what_came_before() {
        // Long enough for the first block to be unpacked before the cut.
        let long = [UNSAFE, &(0..60_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>()].concat();
        for packed in [gzip(&long), zlib(&long)] {
            let (format, imports, complete, risks) = found(&packed[..packed.len() - 9]);
            assert_eq!((format, complete), (ArtifactFormat::Pickle, Some(false)));
            assert_eq!(imports, ["os.system"]);
            assert!(risks.contains(&"packed-not-inspected".to_owned()), "{risks:?}");
        }
        assert_eq!(found(b"x^ is a sentence that begins like zlib").0, ArtifactFormat::Text);
    }
}
