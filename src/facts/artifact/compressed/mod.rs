//! Compressed files. `joblib.dump` and pandas write pickles into them, and their loaders unpack without
//! being asked; so they are unpacked here too, and what cannot be unpacked is a risk.

pub(super) mod decoder;

use std::io;

use self::decoder::Decoder;
use super::archive::{Source, Walk, within_budget};
use super::{ArtifactFormat, Content, Findings, RiskSeverity};

/// What begins with these bytes is unpacked by nothing here.
const OPAQUE: &[(&[u8], &str)] = &[(b"Rar!\x1a\x07", "RAR"), (b"LZIP", "lzip"), (b"\x1f\x9d", "compress")];

/// Bytes of what joblib wrote before 0.10: a mark, the length in hexadecimal digits, and then zlib.
const OLD_JOBLIB_MARK: &[u8] = b"ZF0x";
const OLD_JOBLIB_HEADER_BYTES: u64 = 21;

/// How something is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zlib,
    OldJoblib,
    Bzip2,
    Xz,
    Lzma,
    Zstandard,
    Lz4,
}

impl Packing {
    /// Told by the first bytes.
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            // RFC 1950, 2.2: deflate with a window of 32 KiB, and a check on both bytes.
            [0x78, flags, ..] if (0x7800 + u16::from(*flags)).is_multiple_of(31) => Some(Self::Zlib),
            // The second mark is that of a block, or of the end where there is none.
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', b'&', b'S', b'Y', ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x5d, 0, _, _, _, _, ..] => Some(Self::Lzma),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstandard),
            [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => Some(Self::Lz4),
            _ => bytes.starts_with(OLD_JOBLIB_MARK).then_some(Self::OldJoblib),
        }
    }

    /// Whether the mark is so short that other bytes have it by chance.
    const fn is_weak(self) -> bool {
        matches!(self, Self::Zlib | Self::Lzma)
    }

    fn decoder(self, content: Content<'_>) -> io::Result<Decoder<'_>> {
        let all = content.pieces(0, content.size_bytes);
        Ok(match self {
            Self::Gzip => decoder::gzip(all),
            Self::Zlib => decoder::zlib(all),
            Self::OldJoblib => {
                // Some versions wrote one blank more.
                let blank = u64::from(content.at(OLD_JOBLIB_HEADER_BYTES, 1).is_some_and(|byte| *byte == *b" "));
                let start = OLD_JOBLIB_HEADER_BYTES + blank;
                decoder::zlib(content.pieces(start, content.size_bytes.saturating_sub(start)))
            }
            Self::Bzip2 => decoder::bzip2(all),
            Self::Xz => decoder::xz(all),
            Self::Lzma => decoder::lzma(all)?,
            Self::Zstandard => decoder::zstandard(all)?,
            Self::Lz4 => decoder::lz4(all),
        })
    }
}

/// Recognised by the marks of compressors.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    if let Some((_, name)) = OPAQUE.iter().find(|(mark, _)| content.bytes.starts_with(mark)) {
        let mut findings = Findings { format: Some(ArtifactFormat::Unknown), ..Findings::default() };
        let message = format!("the file is packed with {name}, which is not looked into");
        findings.risk(0, RiskSeverity::High, "packed-not-inspected", message);
        return Some(findings);
    }
    let packing = Packing::of(content.bytes)?;
    let mut is_certain = !packing.is_weak();
    let findings = within_budget(content, |content, budget| {
        let mut findings = Findings::default();
        let mut walk = Walk::alone(content, budget, &mut findings);
        let source = packing.decoder(content).unwrap_or_else(|_| Box::new(io::empty()));
        let seen = walk.look_into("in the unpacked content", 0, Source::Packed(source));
        walk.finish();
        let why = if seen.length == 0 { Some("it unpacks to nothing") } else { seen.broken };
        // What does not unpack to its end has the mark by chance, unless somebody made it so.
        is_certain |= seen.length > 0 && (why.is_none() || findings.pickle.is_some() || !content.is_member);
        if let Some(why) = why {
            let message = format!("the file is compressed and could not be looked through: {why}");
            findings.risk(0, RiskSeverity::High, "packed-not-inspected", message);
        }
        findings.format = Some(match seen.format {
            // The loaders that unpack without being asked are those of pickles; and a `.tar.gz` is an archive.
            Some(format @ (ArtifactFormat::Pickle | ArtifactFormat::Tar)) => format,
            Some(ArtifactFormat::Unknown) | None => {
                findings.risk(0, RiskSeverity::Low, "packed", "the file is compressed, and nothing known is in it");
                ArtifactFormat::Unknown
            }
            Some(_) => ArtifactFormat::Compressed,
        });
        findings
    });
    is_certain.then_some(findings)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::facts::artifact::detect;
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
        // Marks of what is not unpacked, and of what does not unpack to anything.
        for mark in [&b"Rar!\x1a\x07\x01"[..], b"LZIP\x01", b"BZh91AY&SY", b"ZF0x1", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0"]
        {
            let found = found(&[mark, b"\xaf\x27\x1c"].concat());
            assert_eq!(found.0, ArtifactFormat::Unknown, "{mark:02x?}");
            assert!(found.3.contains(&"packed-not-inspected".to_owned()), "{mark:02x?}");
        }
        assert_eq!(found(&gzip(b"\0\x01\x02\xff")), not_inspected(&["packed"]));
    }

    #[test]
    fn what_is_packed_more_than_once_is_unpacked_as_often() {
        let mut packed = UNSAFE.to_vec();
        for depth in 0..6 {
            let (format, imports, _, risks) = found(&packed);
            let is_found = imports == ["os.system"];
            let is_too_deep = risks.contains(&"archive-nested-too-deep".to_owned());
            assert_eq!((is_found, is_too_deep), (depth < 5, depth >= 5), "{depth} {format:?}");
            packed = gzip(&packed);
        }
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
