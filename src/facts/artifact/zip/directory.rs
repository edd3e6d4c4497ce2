//! The central directory of a zip archive: where it is, and the members that it names (APPNOTE 6.3.10, 4.3.12 to 4.3.16).
//!
//! Readers disagree about where a directory begins (at its offset, or by its length before the end), where it stops
//! (after so many entries, or at the end), and which of two records counts: in an archive that they all read alike, all
//! of these agree. One that does not is refused.

use std::io::{self, Read as _};

use super::super::Content;
use super::super::archive::{Broken, MEMBERS_MAX};
use super::{Member, u16_at, u32_at, u64_at};

/// Bytes of a directory: what so many members need whose names have a hundred bytes, as those of tensors have.
const DIRECTORY_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Bytes of the record that ends an archive, without its comment.
pub(super) const END_BYTES: usize = 22;

/// Bytes of the longest comment.
const COMMENT_BYTES_MAX: usize = 65_535;

/// Bytes of the record that says where the end record of the Zip64 form is. It stands before the usual one.
const LOCATOR_BYTES: usize = 20;

/// Bytes of the end record of the Zip64 form, up to what may extend it.
const END_64_BYTES: usize = 56;

/// Bytes of an entry, without its name, extra fields and comment.
const ENTRY_BYTES: usize = 46;

/// Id of the extra field that holds what is too large for the usual ones.
const EXTRA_64: u16 = 1;

const NO_DIRECTORY: Broken = "it has no directory";
const BROKEN: Broken = "its directory is broken";
const ELSEWHERE: Broken = "its directory is not where it says";
const UNREADABLE: Broken = "a part of it cannot be read";

/// Where the members are told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directory {
    pub(super) start: u64,
    pub(super) length: u64,
    /// Entries that the end record counts.
    pub(super) count: u64,
    /// Where the archive ends, by its own word.
    pub(super) end: u64,
}

/// The end of a file that can hold the record that ends an archive, and where it begins.
fn tail(content: Content<'_>) -> Option<(u64, std::borrow::Cow<'_, [u8]>)> {
    let length = content.size_bytes.min((LOCATOR_BYTES + END_BYTES + COMMENT_BYTES_MAX) as u64);
    let start = content.size_bytes - length;
    Some((start, content.at(start, usize::try_from(length).ok()?)?))
}

/// Where the record that ends an archive begins: the last that there is, as Python takes it.
fn end_of(tail: &[u8]) -> Option<usize> {
    let from = tail.len().saturating_sub(END_BYTES + COMMENT_BYTES_MAX);
    Some(tail.get(from..)?.windows(4).rposition(|window| window == b"PK\x05\x06")? + from)
}

/// Whether the record before the end is the locator of the Zip64 form, which then counts instead of it.
fn locator(tail: &[u8], end: usize) -> Option<usize> {
    end.checked_sub(LOCATOR_BYTES).filter(|at| u32_at(tail, *at) == Some(0x0706_4b50))
}

/// Whether a reader that looks for the end of an archive would find one, whatever stands before it.
pub(in super::super) fn ends_as_archive(content: Content<'_>) -> bool {
    let Some((start, tail)) = tail(content) else { return false };
    end_of(&tail).is_some_and(|end| {
        let length = u32_at(&tail, end + 12).map(u64::from);
        let directory = length.and_then(|length| (start + end as u64).checked_sub(length));
        let begins = directory.and_then(|at| content.at(at, 4)).is_some_and(|bytes| *bytes == *b"PK\x01\x02");
        // Of what was unpacked, only the end may be there.
        let comment = u16_at(&tail, end + 20).map(usize::from);
        let ends = directory.is_none() && comment.is_some_and(|comment| end + END_BYTES + comment == tail.len());
        locator(&tail, end).is_some() || begins || ends
    })
}

/// Finds the directory.
pub(super) fn find(content: Content<'_>) -> Result<Directory, Broken> {
    let (start, tail) = tail(content).ok_or(UNREADABLE)?;
    let end = end_of(&tail).ok_or(NO_DIRECTORY)?;
    let word = |at: usize| u16_at(&tail, end + at).ok_or(BROKEN);
    let long = |at: usize| u32_at(&tail, end + at).ok_or(BROKEN);
    let (disks, counts) = ([word(4)?, word(6)?], [word(8)?, word(10)?]);
    let (length, offset, comment) = (long(12)?, long(16)?, word(20)?);
    let mut directory = Directory {
        start: u64::from(offset),
        length: u64::from(length),
        count: u64::from(counts[1]),
        end: start + (end + END_BYTES) as u64 + u64::from(comment),
    };
    let mut directory_end = start + end as u64;
    if let Some(at) = locator(&tail, end) {
        let larger = find_64(content, &tail, at, start)?;
        let agrees = |small: u64, large: u64, most: u64| small == most || small == large;
        if !(agrees(directory.count, larger.count, u64::from(u16::MAX))
            && agrees(directory.length, larger.length, u64::from(u32::MAX))
            && agrees(directory.start, larger.start, u64::from(u32::MAX)))
        {
            return Err("its two end records disagree");
        }
        directory_end = larger.end;
        directory = Directory { end: directory.end, ..larger };
    }
    let one_disk = disks.iter().all(|disk| matches!(disk, 0 | 0xffff)) && counts[0] == counts[1];
    if !one_disk {
        return Err("it is spread over several files");
    }
    if directory.end > content.size_bytes {
        return Err(BROKEN);
    }
    if directory.count > MEMBERS_MAX || directory.length > DIRECTORY_BYTES_MAX {
        return Err("it has too many members");
    }
    if directory.start.checked_add(directory.length) != Some(directory_end) {
        return Err(ELSEWHERE);
    }
    Ok(directory)
}

/// What the end record of the Zip64 form says; its own beginning is the end of what it gives.
fn find_64(content: Content<'_>, tail: &[u8], locator: usize, start: u64) -> Result<Directory, Broken> {
    let at = u64_at(tail, locator + 8).ok_or(BROKEN)?;
    let record = content.at(at, END_64_BYTES).ok_or(ELSEWHERE)?;
    let long = |at: usize| u64_at(&record, at).ok_or(BROKEN);
    // The length leaves out itself and the signature.
    let end = at.checked_add(12).and_then(|at| at.checked_add(long(4).ok()?));
    if u32_at(&record, 0) != Some(0x0606_4b50) || end != Some(start + locator as u64) {
        return Err(ELSEWHERE);
    }
    let disks = [u32_at(tail, locator + 4), u32_at(&record, 16), u32_at(&record, 20)];
    let one_disk = disks.iter().all(|disk| *disk == Some(0)) && matches!(u32_at(tail, locator + 16), Some(0 | 1));
    if !one_disk || long(24)? != long(32)? {
        return Err("it is spread over several files");
    }
    Ok(Directory { start: long(48)?, length: long(40)?, count: long(32)?, end: at })
}

/// The members, in the order of the directory.
pub(super) fn members(content: Content<'_>, directory: Directory) -> Result<Vec<Member>, Broken> {
    let mut bytes = content.pieces(directory.start, directory.length);
    let mut members = Vec::new();
    let mut rest = Vec::new();
    for _ in 0..directory.count {
        let mut entry = [0; ENTRY_BYTES];
        bytes.read_exact(&mut entry).map_err(unreadable)?;
        if u32_at(&entry, 0) != Some(0x0201_4b50) {
            return Err(BROKEN);
        }
        let lengths = [28, 30, 32].map(|at| usize::from(u16_at(&entry, at).unwrap_or_default()));
        rest.resize(lengths.iter().sum(), 0);
        bytes.read_exact(&mut rest).map_err(unreadable)?;
        members.push(member(&entry, &rest, lengths)?);
    }
    if bytes.left() == 0 { Ok(members) } else { Err("its directory has other members than it counts") }
}

fn unreadable(error: io::Error) -> Broken {
    if error.kind() == io::ErrorKind::UnexpectedEof { BROKEN } else { UNREADABLE }
}

/// The member that an entry tells of; behind the entry stand its name, its extra fields and a comment.
fn member(entry: &[u8], rest: &[u8], [name, extra, _]: [usize; 3]) -> Result<Member, Broken> {
    let word = |at: usize| u16_at(entry, at).ok_or(BROKEN);
    let long = |at: usize| u32_at(entry, at).ok_or(BROKEN);
    let (name, rest) = rest.split_at_checked(name).ok_or(BROKEN)?;
    let extra = rest.get(..extra).ok_or(BROKEN)?;
    let [unpacked, packed, header] = widened([long(24)?, long(20)?, long(42)?].map(u64::from), extra)?;
    if !matches!(word(34)?, 0 | 0xffff) {
        return Err("it is spread over several files");
    }
    // Unix wrote it, and its kind of a file is a symbolic link (APPNOTE 4.4.2 and 4.4.15).
    let is_link = word(4)? >> 8 == 3 && long(38)? >> 28 == 0o12;
    let (flags, method, crc) = (word(8)?, word(10)?, long(16)?);
    Ok(Member { name: name.into(), flags, method, crc, packed, unpacked, header, is_link })
}

/// Sizes with those that were too large taken from the extra field, where they stand in the same order.
pub(super) fn widened<const COUNT: usize>(sizes: [u64; COUNT], extra: &[u8]) -> Result<[u64; COUNT], Broken> {
    let field = extra_64(extra)?;
    let mut at = 0;
    let mut widened = sizes;
    for size in widened.iter_mut().filter(|size| **size == u64::from(u32::MAX)) {
        // A size can be what stands for one that is too large, where no field says more.
        let Some(field) = field else { break };
        *size = u64_at(field, at).ok_or(BROKEN)?;
        at += 8;
    }
    Ok(widened)
}

/// The extra field of the Zip64 form. Of two, readers take either.
fn extra_64(mut extra: &[u8]) -> Result<Option<&[u8]>, Broken> {
    let mut found = None;
    while let [a, b, c, d, rest @ ..] = extra {
        let (id, length) = (u16::from_le_bytes([*a, *b]), usize::from(u16::from_le_bytes([*c, *d])));
        let Some((field, rest)) = rest.split_at_checked(length) else {
            return Err("an extra field is longer than all of them");
        };
        if id == EXTRA_64 && found.replace(field).is_some() {
            return Err("it has two extra fields of the Zip64 form");
        }
        extra = rest;
    }
    Ok(found)
}
