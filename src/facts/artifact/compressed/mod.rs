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
    use proptest::prelude::*;

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

    /// What Python's `lzma` writes of a pickle that calls `posix.system`, in both of its formats.
    const XZ: &[u8] = b"\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x16\x00\x00\x00\x74\x2f\xe5\xa3\x01\x00\x2f\x80\x04\x95\x25\x00\x00\x00\x00\x00\x00\x00\x8c\x05\x70\x6f\x73\x69\x78\x94\x8c\x06\x73\x79\x73\x74\x65\x6d\x94\x93\x94\x8c\x0a\x65\x63\x68\x6f\x20\x69\x6e\x65\x72\x74\x94\x85\x94\x52\x94\x2e\x00\xd4\x4f\xda\x8a\x23\x80\x97\x9e\x00\x01\x48\x30\x8a\x40\xff\x3e\x1f\xb6\xf3\x7d\x01\x00\x00\x00\x00\x04\x59\x5a";
    const LZMA: &[u8] = b"\x5d\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x40\x01\x0e\x6f\xb7\x3e\x29\x0a\x90\xfd\x01\xdd\x7b\x2b\x1b\x26\xdf\x37\x77\x16\x7d\x15\x38\xaa\xb9\xa9\x7b\x0d\x87\x0a\x4e\x7a\x43\xed\x3c\x82\x0a\xb1\x27\xd8\x8a\x73\x56\xc5\x34\x85\x9c\x6e\x4f\xff\xff\x07\x26\x00\x00";

    /// The same pickle, compressed in every way.
    fn samples() -> Vec<Vec<u8>> {
        let mut bzip2 = Vec::new();
        bzip2::read::BzEncoder::new(UNSAFE, bzip2::Compression::best()).read_to_end(&mut bzip2).unwrap();
        let zstandard = zstd::stream::encode_all(UNSAFE, 3).unwrap();
        let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
        std::io::Write::write_all(&mut lz4, UNSAFE).unwrap();
        let old = [&b"ZF0x11                "[..OLD_JOBLIB_HEADER_BYTES as usize], &zlib(UNSAFE)].concat();
        vec![gzip(UNSAFE), zlib(UNSAFE), old, bzip2, XZ.to_vec(), LZMA.to_vec(), zstandard, lz4.finish().unwrap()]
    }

    #[test]
    fn every_compressor_is_unpacked() {
        for sample in samples() {
            let (format, imports, complete, risks) = found(&sample);
            assert_eq!((format, imports.len(), complete), (ArtifactFormat::Pickle, 1, Some(true)), "{sample:02x?}");
            assert_eq!(risks, Vec::<String>::new(), "{sample:02x?}");
            // Bytes behind the end, which some readers pass over.
            let longer = found(&[&sample[..], b"more of it"].concat());
            assert!(longer.3.contains(&"packed-not-inspected".to_owned()), "{sample:02x?} {longer:?}");
        }
        // One file of two: bzip2, xz, Zstandard and LZ4 join what is in them.
        for sample in [3, 4, 6, 7].map(|index| samples()[index].clone()) {
            let (format, imports, _, risks) = found(&[&sample[..], &sample].concat());
            assert_eq!((format, imports.len(), risks), (ArtifactFormat::Pickle, 1, vec![]), "{sample:02x?}");
        }
    }

    #[test]
    fn no_truncation_and_no_flipped_bit_loses_an_import_silently() {
        for sample in samples() {
            let is_said = |bytes: &[u8]| {
                let (format, imports, _, risks) = found(bytes);
                // Without its mark it is no compressed file for anybody.
                !imports.is_empty() || !risks.is_empty() || format == ArtifactFormat::Text
            };
            assert!((1..sample.len()).all(|length| is_said(&sample[..length])), "{sample:02x?}");
            for at in 0..sample.len() {
                for bit in 0..8 {
                    let mut bytes = sample.clone();
                    bytes[at] ^= 1 << bit;
                    assert!(is_said(&bytes), "{at} {bit} {sample:02x?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(
            sample in prop::sample::select(samples()),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            rest in prop::collection::vec(any::<u8>(), 0..300),
            mark_bytes in 2_usize..20,
        ) {
            let mut changed = sample.clone();
            for (at, byte) in changes {
                let at = at.index(changed.len());
                changed[at] = byte;
            }
            found(&changed);
            found(&[&sample[..mark_bytes.min(sample.len())], &rest].concat());
        }
    }
}
