//! One member of a zip archive: its local header, which has to agree with the directory, and its content.

use std::io::{self, Read};

use crc32fast::Hasher;

use super::super::archive::Source;
use super::super::compressed::decoder::{self, Decoder};
use super::directory::widened;
use super::{Archive, Broken, Member, u16_at, u32_at, u64_at};

/// Bytes of a local header, without its name and extra fields (APPNOTE 4.3.7).
const HEADER_BYTES: usize = 30;

/// The member is encrypted.
const ENCRYPTED: u16 = 1;

/// Sizes and checksum follow the content.
const DESCRIBED_BEHIND: u16 = 1 << 3;

/// Signature of the record that holds them then. Writers may leave it out.
const DESCRIPTOR: u32 = 0x0807_4b50;

const BROKEN: Broken = "its header is broken";

/// Where the content of a member is, and what its header says otherwise than the directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    start: u64,
    /// Where its bytes end, with the record that follows them.
    pub(super) end: u64,
    pub(super) disagreement: Option<Broken>,
}

/// Reads the local header of a member.
pub(super) fn place(archive: &Archive<'_>, member: &Member) -> Result<Place, Broken> {
    let content = archive.content;
    let header = content.at(member.header, HEADER_BYTES).ok_or(BROKEN)?;
    if u32_at(&header, 0) != Some(0x0403_4b50) {
        return Err(BROKEN);
    }
    let word = |at: usize| u16_at(&header, at).ok_or(BROKEN);
    let long = |at: usize| u32_at(&header, at).ok_or(BROKEN);
    let name_length = usize::from(word(26)?);
    let names = content.at(member.header + HEADER_BYTES as u64, name_length + usize::from(word(28)?)).ok_or(BROKEN)?;
    let (name, extra) = names.split_at_checked(name_length).ok_or(BROKEN)?;
    let start = member.header + (HEADER_BYTES + names.len()) as u64;
    let end =
        start.checked_add(member.packed).filter(|end| *end <= archive.directory).ok_or("it ends beyond the file")?;
    let [unpacked, packed] = widened([u64::from(long(22)?), u64::from(long(18)?)], extra)?;
    let is_described_behind = member.flags & DESCRIBED_BEHIND != 0;
    let agrees = |local: u64, told: u64| local == told || (is_described_behind && local == 0);
    let disagreement = if name != &*member.name {
        Some("the header and the directory disagree about its name")
    } else if word(8)? != member.method {
        Some("the header and the directory disagree about its compression")
    } else if word(6)? != member.flags {
        Some("the header and the directory disagree about its flags")
    } else if !agrees(unpacked, member.unpacked) || !agrees(packed, member.packed) {
        Some("the header and the directory disagree about its size")
    } else if !agrees(u64::from(long(14)?), u64::from(member.crc)) {
        Some("the header and the directory disagree about its checksum")
    } else {
        None
    };
    let end = if is_described_behind { end + descriptor(archive, member, end)? } else { end };
    Ok(Place { start, end, disagreement })
}

/// Bytes of the record behind the content, which has to say what the directory says. None is there when nothing says so.
fn descriptor(archive: &Archive<'_>, member: &Member, at: u64) -> Result<u64, Broken> {
    let length = archive.directory.saturating_sub(at).min(24);
    let bytes = archive.content.at(at, usize::try_from(length).unwrap_or_default()).ok_or(BROKEN)?;
    for skipped in [4, 0] {
        if skipped == 4 && u32_at(&bytes, 0) != Some(DESCRIPTOR) || u32_at(&bytes, skipped) != Some(member.crc) {
            continue;
        }
        let wide = [u64_at(&bytes, skipped + 4), u64_at(&bytes, skipped + 12)];
        if wide == [Some(member.packed), Some(member.unpacked)] {
            return Ok(skipped as u64 + 20);
        }
        let narrow = [u32_at(&bytes, skipped + 4), u32_at(&bytes, skipped + 8)].map(|size| size.map(u64::from));
        if narrow == [Some(member.packed), Some(member.unpacked)] {
            return Ok(skipped as u64 + 12);
        }
    }
    Ok(0)
}

/// Where the content of a member comes from.
pub(super) fn source<'a>(archive: &Archive<'a>, member: &Member, place: Place) -> Result<Source<'a>, Broken> {
    if member.method == 0 && member.flags & ENCRYPTED == 0 {
        return Ok(Source::Stored { start: place.start, length: member.packed });
    }
    Ok(Source::Packed(unpacked(archive, member, place)?))
}

/// Unpacks a member (APPNOTE 4.4.5).
fn unpacked<'a>(archive: &Archive<'a>, member: &Member, place: Place) -> Result<Decoder<'a>, Broken> {
    if member.flags & ENCRYPTED != 0 {
        return Err("it is encrypted");
    }
    let packed = archive.content.pieces(place.start, member.packed);
    let decoder = match member.method {
        0 => Ok(Box::new(packed) as Decoder<'a>),
        8 => Ok(decoder::deflate(packed)),
        12 => Ok(decoder::bzip2_once(packed)),
        14 => lzma(archive, member, place),
        93 => decoder::zstandard(packed),
        95 => Ok(decoder::xz(packed)),
        _ => return Err("its compression is not known"),
    };
    decoder.map_err(|_: io::Error| "it cannot be unpacked")
}

/// LZMA has a header of its own: a version, the length of the properties, and these (APPNOTE 5.8.8).
fn lzma<'a>(archive: &Archive<'a>, member: &Member, place: Place) -> io::Result<Decoder<'a>> {
    const HEADER_BYTES: u64 = 9;
    const ENDS_WITH_MARK: u16 = 1 << 1;
    let header = archive.content.at(place.start, 9).ok_or(io::ErrorKind::UnexpectedEof)?;
    let [_, _, 5, 0, properties @ ..] = &*header else { return Err(io::ErrorKind::InvalidData.into()) };
    let properties = properties.try_into().map_err(|_| io::ErrorKind::InvalidData)?;
    let length = member.packed.saturating_sub(HEADER_BYTES);
    let packed = archive.content.pieces(place.start + HEADER_BYTES, length);
    let unpacked = if member.flags & ENDS_WITH_MARK == 0 { member.unpacked } else { u64::MAX };
    decoder::lzma_raw(packed, properties, unpacked)
}

/// Reads the first bytes of a member.
pub(super) fn head<const LENGTH: usize>(archive: &Archive<'_>, member: &Member) -> Result<[u8; LENGTH], Broken> {
    let mut head = [0; LENGTH];
    let place = place(archive, member)?;
    unpacked(archive, member, place)?.read_exact(&mut head).map_err(|_| "it cannot be unpacked")?;
    Ok(head)
}

/// Reads all of a member, which has to be what the directory says of it.
pub(super) fn read(archive: &Archive<'_>, member: &Member, bytes_max: u64) -> Result<Vec<u8>, Broken> {
    let place = place(archive, member)?;
    if member.unpacked > bytes_max {
        return Err("it is too large");
    }
    let mut bytes = Vec::new();
    let mut content = unpacked(archive, member, place)?.take(bytes_max.saturating_add(1));
    content.read_to_end(&mut bytes).map_err(|_: io::Error| "it cannot be unpacked")?;
    let mut crc = Hasher::new();
    crc.update(&bytes);
    match () {
        () if bytes.len() as u64 > bytes_max => Err("it is too large"),
        () if bytes.len() as u64 != member.unpacked => Err("it unpacks to another size than the directory says"),
        () if crc.finalize() != member.crc => Err("its checksum is wrong"),
        () => Ok(bytes),
    }
}
