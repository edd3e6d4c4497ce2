//! 7-Zip archives. Members are unpacked folder by folder, as they were packed together.

mod header;
#[cfg(test)]
mod tests;

use std::io::{self, Read as _};

use crc32fast::hash;
use lzma_rust2::filter::bcj::BcjReader;
use lzma_rust2::filter::delta::DeltaReader;

use self::header::{Coder, File, Folder, HEADER_BYTES_MAX, Header, Parsed};
use super::archive::{Broken, Budget, Source, Walk, is_unsafe_name, shown, within_budget};
use super::compressed::decoder::{self, Decoder};
use super::content::Pieces;
use super::{Content, Findings, RiskSeverity};

const MARK: &[u8] = b"7z\xbc\xaf\x27\x1c";

/// Bytes of the record that says where the header is.
const START_BYTES: u64 = 32;

/// Headers that are packed in headers. 7-Zip packs one.
const HEADERS_MAX: usize = 4;

/// A symbolic link, as Unix writes the kind of a file (`S_IFMT` and `S_IFLNK`), and as Windows does.
const UNIX_KIND: u32 = 0o170_000 << 16;
const UNIX_LINK: u32 = 0o120_000 << 16;
const WINDOWS_LINK: u32 = 0x400;
const HAS_UNIX_KIND: u32 = 0x8000;

/// Recognised by its mark.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    content.bytes.starts_with(MARK).then(|| within_budget(content, look))
}

fn look(content: Content<'_>, budget: &Budget) -> Findings {
    let mut findings = Findings::default();
    let mut streams = Vec::new();
    let header = match read(content, &mut streams) {
        Ok(header) => header,
        Err(why) => {
            let message = format!("the archive could not be looked into: {why}");
            findings.risk(0, RiskSeverity::High, "archive-not-inspected", message);
            return findings;
        }
    };
    let mut walk = Walk::new(content, budget, &mut findings);
    streams.extend(&header.streams);
    judge_places(content, streams, &mut walk);
    let mut files = header.files.iter();
    for folder in &header.folders {
        if !look_into(content, folder, &mut files, &mut walk) {
            break;
        }
    }
    for file in &header.files {
        judge_name(file, &mut walk);
    }
    if files.any(|file| !file.is_empty) {
        let message = "the archive could not be looked into further: some members are in no folder".to_owned();
        walk.risk(0, RiskSeverity::High, "archive-not-inspected", message);
    }
    walk.finish();
    findings
}

/// Finds the header and reads it, and notes what it is packed in.
fn read(content: Content<'_>, streams: &mut Vec<(u64, u64)>) -> Result<Header, Broken> {
    let broken = "its beginning is broken";
    let start = content.at(0, START_BYTES as usize).ok_or(broken)?;
    let long =
        |at: usize| start.get(at..).and_then(<[u8]>::first_chunk).map(|bytes| u64::from_le_bytes(*bytes)).ok_or(broken);
    let short =
        |at: usize| start.get(at..).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_le_bytes(*bytes)).ok_or(broken);
    if short(8)? != hash(start.get(12..).unwrap_or_default()) {
        return Err(broken);
    }
    let (offset, length) = (long(12)?, long(20)?);
    streams.push((0, START_BYTES));
    if length == 0 {
        return if content.size_bytes == START_BYTES { Ok(Header::default()) } else { Err("its header is empty") };
    }
    if length > HEADER_BYTES_MAX {
        return Err("its header is too large");
    }
    let at = offset.checked_add(START_BYTES).ok_or(broken)?;
    let length_bytes = usize::try_from(length).map_err(|_| broken)?;
    let mut bytes = content.at(at, length_bytes).ok_or("its header is beyond the file")?.into_owned();
    if hash(&bytes) != short(28)? {
        return Err("the checksum of its header is wrong");
    }
    streams.push((at, length));
    for _ in 0..HEADERS_MAX {
        let packed = match header::parse(&bytes, START_BYTES)? {
            Parsed::Header(header) => return Ok(header),
            Parsed::Packed(packed) => packed,
        };
        streams.extend(&packed.streams);
        let [folder] = packed.folders.as_slice() else { return Err("its header is broken") };
        if folder.length > HEADER_BYTES_MAX {
            return Err("its header is too large");
        }
        bytes = Vec::new();
        let unpacked = unpacked(content, folder)?.take(folder.length).read_to_end(&mut bytes);
        if unpacked.is_err() || bytes.len() as u64 != folder.length {
            return Err("its header cannot be unpacked");
        }
        if folder.checksum.is_some_and(|checksum| checksum != hash(&bytes)) {
            return Err("the checksum of its header is wrong");
        }
    }
    Err("its header is packed too often")
}

/// Streams that lie in each other, and bytes that belong to none of them.
fn judge_places(content: Content<'_>, mut streams: Vec<(u64, u64)>, walk: &mut Walk<'_, '_>) {
    streams.push((content.size_bytes, 0));
    streams.sort_unstable();
    let mut before = 0;
    for (start, length) in streams {
        if start < before {
            let message = "two members of the archive lie in each other".to_owned();
            walk.risk(start, RiskSeverity::High, "archive-overlap", message);
        } else if start > before {
            let message = format!("{} bytes of the archive belong to no member", start - before);
            walk.risk(before, RiskSeverity::Medium, "archive-hidden-data", message);
        }
        before = before.max(start.saturating_add(length));
    }
}

/// Unpacks a folder and looks at the files in it, one after the other; says whether there may be more.
fn look_into<'h>(
    content: Content<'_>,
    folder: &Folder,
    files: &mut impl Iterator<Item = &'h File>,
    walk: &mut Walk<'_, '_>,
) -> bool {
    let mut decoder = unpacked(content, folder);
    for (length, checksum) in &folder.files {
        let Some(file) = files.find(|file| !file.is_empty) else {
            let message = "a folder of the archive holds more than its members".to_owned();
            walk.risk(folder.start, RiskSeverity::High, "archive-hidden-data", message);
            return false;
        };
        if !walk.count(folder.start) {
            return false;
        }
        let name = shown(file.name.as_bytes());
        let why = match &mut decoder {
            Ok(decoder) => {
                let source = Source::Packed(Box::new(decoder.take(*length)));
                let seen = walk.look_into(&format!("in the member `{name}`"), folder.start, source);
                let is_whole = seen.length == *length;
                if is_whole && checksum.zip(seen.crc).is_some_and(|(told, found)| told != found) {
                    let message = format!(
                        "the checksum of the member `{name}` is wrong: some readers refuse it, and others do not"
                    );
                    walk.risk(folder.start, RiskSeverity::High, "archive-checksum", message);
                }
                seen.broken.or((!is_whole).then_some("it is shorter than the archive says"))
            }
            Err(why) => Some(*why),
        };
        if let Some(why) = why {
            let message = format!("the member `{name}` could not be looked into: {why}");
            walk.risk(folder.start, RiskSeverity::High, "archive-member-not-inspected", message);
            decoder = Err("what was packed before it cannot be unpacked");
        }
    }
    true
}

fn judge_name(file: &File, walk: &mut Walk<'_, '_>) {
    let name = shown(file.name.as_bytes());
    if is_unsafe_name(file.name.as_bytes()) {
        let message = format!("the name of the member `{name}` leads out of the archive's directory");
        walk.risk(0, RiskSeverity::High, "archive-unsafe-name", message);
    }
    let is_unix_link = file.attributes & HAS_UNIX_KIND != 0 && file.attributes & UNIX_KIND == UNIX_LINK;
    if is_unix_link || file.attributes & WINDOWS_LINK != 0 {
        let message = format!("the member `{name}` is a link");
        walk.risk(0, RiskSeverity::Medium, "archive-link", message);
    }
}

/// What a folder unpacks to.
fn unpacked<'a>(content: Content<'a>, folder: &Folder) -> Result<Decoder<'a>, Broken> {
    let coders = folder.coders.as_deref().ok_or("it is packed in a way that is not known")?;
    let (first, filters) = coders.split_first().ok_or("it is packed in a way that is not known")?;
    let packed = content.pieces(folder.start, folder.packed);
    let mut decoder = compressor(first, packed)?;
    for coder in filters {
        decoder = filter(coder, decoder)?;
    }
    Ok(decoder)
}

fn compressor<'a>(coder: &Coder, packed: Pieces<'a>) -> Result<Decoder<'a>, Broken> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let decoder = match (coder.method.as_slice(), coder.properties.as_slice()) {
        ([0x21], [window]) => {
            lzma2_window(*window).ok_or_else(invalid).and_then(|size| decoder::lzma2_raw(packed, size))
        }
        ([3, 1, 1], properties) => {
            let properties = properties.try_into().map_err(|_| invalid());
            properties.and_then(|properties| decoder::lzma_raw(packed, properties, coder.length))
        }
        ([4, 1, 8], _) => Ok(decoder::deflate(packed)),
        ([4, 2, 2], _) => Ok(decoder::bzip2(packed)),
        ([4, 0xf7, 0x11, 1], _) => decoder::zstandard(packed),
        ([6, 0xf1, 7, 1], _) => return Err("it is encrypted"),
        _ => return filter(coder, Box::new(packed)),
    };
    decoder.map_err(|_| "it cannot be unpacked, or needs too much memory")
}

/// The window of LZMA2, by the byte that stands for it.
fn lzma2_window(code: u8) -> Option<u32> {
    match code {
        40 => Some(u32::MAX),
        0..40 => (2 | u32::from(code & 1)).checked_shl(u32::from(code / 2) + 11),
        _ => None,
    }
}

/// What changes bytes and does not unpack them.
fn filter<'a>(coder: &Coder, packed: Decoder<'a>) -> Result<Decoder<'a>, Broken> {
    Ok(match (coder.method.as_slice(), coder.properties.as_slice()) {
        ([0], _) => packed,
        ([3], [distance]) => Box::new(DeltaReader::new(packed, usize::from(*distance) + 1)),
        ([4] | [3, 3, 1, 3], []) => Box::new(BcjReader::new_x86(packed, 0)),
        ([5] | [3, 3, 2, 5], []) => Box::new(BcjReader::new_ppc(packed, 0)),
        ([6] | [3, 3, 4, 1], []) => Box::new(BcjReader::new_ia64(packed, 0)),
        ([7] | [3, 3, 5, 1], []) => Box::new(BcjReader::new_arm(packed, 0)),
        ([8] | [3, 3, 7, 1], []) => Box::new(BcjReader::new_arm_thumb(packed, 0)),
        ([9] | [3, 3, 8, 5], []) => Box::new(BcjReader::new_sparc(packed, 0)),
        ([10], []) => Box::new(BcjReader::new_arm64(packed, 0)),
        _ => return Err("it is packed in a way that is not known"),
    })
}
