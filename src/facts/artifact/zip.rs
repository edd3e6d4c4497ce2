//! Zip archives: `torch.save` files, `.npz`, and whatever else hides pickles in members.
//!
//! Members are found by the central directory, as Python's `zipfile` finds them. What cannot be looked
//! into is a risk that says so; nothing is passed over.

use std::io::Read as _;

use flate2::read::DeflateDecoder;

use super::{Content, Findings, PickleFacts, RiskSeverity, compressed, pickle};

/// Members of an archive. A `torch.save` file has one for each tensor, some thousand.
const MEMBERS_MAX: usize = 20_000;

/// Bytes that members are unpacked to, all together: an archive bomb ends here.
const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Recognised by the signature of a local header, or of an empty archive.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let marked = content.bytes.starts_with(b"PK\x03\x04") || content.bytes.starts_with(b"PK\x05\x06");
    marked.then(|| {
        let mut findings = Findings::default();
        let result = if content.is_whole() { scan(content.bytes, &mut findings) } else { Err("it is too large") };
        if let Err(why) = result {
            let message = format!("the archive could not be looked into: {why}");
            findings.risk(0, RiskSeverity::High, "zip-not-inspected", message);
        }
        findings
    })
}

/// An entry of the central directory.
struct Member<'a> {
    name: &'a [u8],
    flags: u16,
    method: u16,
    packed: u64,
    header: u64,
}

fn scan(bytes: &[u8], findings: &mut Findings) -> Result<(), &'static str> {
    let mut room = UNPACKED_BYTES_MAX;
    let mut joined: Option<PickleFacts> = None;
    for member in members(bytes)? {
        let name = String::from_utf8_lossy(member.name).into_owned();
        match unpack(bytes, &member, &mut room) {
            Ok(unpacked) => {
                if let Some(found) = inspect_member(&name, &unpacked, member.header, findings) {
                    join(&mut joined, found);
                }
            }
            Err(why) => {
                let message = format!("the member `{name}` could not be looked into: {why}");
                findings.risk(member.header, RiskSeverity::High, "zip-member-not-inspected", message);
            }
        }
    }
    findings.pickle = joined.map(|facts| PickleFacts { imports: pickle::unique(facts.imports), ..facts });
    Ok(())
}

fn inspect_member(name: &str, bytes: &[u8], offset: u64, findings: &mut Findings) -> Option<PickleFacts> {
    let content = Content::of(bytes, bytes.len() as u64);
    if compressed::is_packed(bytes) || ends_as_archive(bytes) {
        let message = format!("the member `{name}` is an archive itself, which is not looked into");
        findings.risk(offset, RiskSeverity::High, "zip-nested", message);
    }
    let found = pickle::inspect_unnamed(content).or_else(|| pickle::inspect_numpy(content))?;
    for risk in found.risks {
        findings.risk(offset, risk.severity, &risk.code, format!("in the member `{name}`: {}", risk.message));
    }
    let mut facts = found.pickle?;
    // A deflated member has no opcodes at places of their own: imports stand where their member does.
    facts.imports.iter_mut().for_each(|import| import.offset = offset);
    Some(facts)
}

fn join(facts: &mut Option<PickleFacts>, more: PickleFacts) {
    let Some(facts) = facts else {
        *facts = Some(more);
        return;
    };
    facts.protocol = facts.protocol.max(more.protocol);
    facts.streams += more.streams;
    facts.complete &= more.complete;
    facts.imports.extend(more.imports);
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

/// Bytes of the record that ends an archive, without its comment (APPNOTE 4.3.16).
const END_BYTES: usize = 22;

/// Where the record that ends an archive begins: the last that there is, as Python takes it.
fn end_of(bytes: &[u8]) -> Option<usize> {
    const COMMENT_BYTES_MAX: usize = 65_535;
    let from = bytes.len().saturating_sub(END_BYTES + COMMENT_BYTES_MAX);
    Some(bytes.get(from..)?.windows(4).rposition(|window| window == b"PK\x05\x06")? + from)
}

/// Whether the record before the end is the locator of the Zip64 form, which then counts instead of it.
fn is_zip64(bytes: &[u8], end: usize) -> bool {
    const LOCATOR_BYTES: usize = 20;
    end.checked_sub(LOCATOR_BYTES).and_then(|at| u32_at(bytes, at)) == Some(0x0706_4b50)
}

/// Whether a reader that looks for the end of an archive would find one, whatever stands before it.
pub(super) fn ends_as_archive(bytes: &[u8]) -> bool {
    end_of(bytes).is_some_and(|end| {
        let length = u32_at(bytes, end + 12).and_then(|length| usize::try_from(length).ok());
        let directory = length.and_then(|length| end.checked_sub(length));
        is_zip64(bytes, end) || directory.and_then(|at| u32_at(bytes, at)) == Some(0x0201_4b50)
    })
}

/// The central directory (APPNOTE 4.3.12 and 4.3.16). Zip64 is not read.
///
/// Readers disagree about where a directory begins (at its offset, or by its length before the end) and
/// where it stops (after so many entries, or at the end): in an archive that they all read alike, both agree.
fn members(bytes: &[u8]) -> Result<Vec<Member<'_>>, &'static str> {
    let broken = "its directory is broken";
    let end = end_of(bytes).ok_or("it has no directory")?;
    if bytes.len() < end + END_BYTES {
        return Err(broken);
    }
    let count = usize::from(u16_at(bytes, end + 10).ok_or(broken)?);
    let length = u32_at(bytes, end + 12).ok_or(broken)?;
    let offset = u32_at(bytes, end + 16).ok_or(broken)?;
    if is_zip64(bytes, end) || count == usize::from(u16::MAX) || offset == u32::MAX {
        return Err("it is of the Zip64 form");
    }
    if count > MEMBERS_MAX {
        return Err("it has too many members");
    }
    if u64::from(offset) + u64::from(length) != end as u64 {
        return Err("its directory is not where it says");
    }
    let mut at = usize::try_from(offset).map_err(|_| broken)?;
    let mut members = Vec::with_capacity(count);
    for _ in 0..count {
        if u32_at(bytes, at) != Some(0x0201_4b50) {
            return Err(broken);
        }
        let word = |offset: usize| u16_at(bytes, at + offset).ok_or(broken);
        let long = |offset: usize| u32_at(bytes, at + offset).map(u64::from).ok_or(broken);
        let name_length = usize::from(word(28)?);
        let name = bytes.get(at + 46..at + 46 + name_length).ok_or(broken)?;
        members.push(Member { name, flags: word(8)?, method: word(10)?, packed: long(20)?, header: long(42)? });
        at += 46 + name_length + usize::from(word(30)?) + usize::from(word(32)?);
    }
    if at == end { Ok(members) } else { Err("its directory has other members than it counts") }
}

/// The content of a member.
fn unpack(bytes: &[u8], member: &Member<'_>, room: &mut u64) -> Result<Vec<u8>, &'static str> {
    let broken = "its header is broken";
    let at = usize::try_from(member.header).map_err(|_| broken)?;
    if u32_at(bytes, at) != Some(0x0403_4b50) {
        return Err(broken);
    }
    let name_length = usize::from(u16_at(bytes, at + 26).ok_or(broken)?);
    let extra_length = usize::from(u16_at(bytes, at + 28).ok_or(broken)?);
    // Readers that go by local headers would see another file under this name.
    if bytes.get(at + 30..at + 30 + name_length) != Some(member.name) {
        return Err("its header and the directory disagree about its name");
    }
    if member.flags & 1 != 0 {
        return Err("it is encrypted");
    }
    if u16_at(bytes, at + 8) != Some(member.method) {
        return Err("its header and the directory disagree about its compression");
    }
    let start = at + 30 + name_length + extra_length;
    let length = usize::try_from(member.packed).map_err(|_| broken)?;
    let packed = start.checked_add(length).and_then(|end| bytes.get(start..end)).ok_or("it ends beyond the file")?;
    let mut unpacked = Vec::new();
    match member.method {
        0 => packed.take(*room + 1).read_to_end(&mut unpacked),
        8 => DeflateDecoder::new(packed).take(*room + 1).read_to_end(&mut unpacked),
        _ => return Err("its compression is not known"),
    }
    .map_err(|_| "it cannot be unpacked")?;
    *room = room.checked_sub(unpacked.len() as u64).ok_or("the archive unpacks to too much")?;
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive with one member.
    fn archive(name: &str, content: &[u8], method: u16, flags: u16) -> Vec<u8> {
        let length = (content.len() as u32).to_le_bytes();
        let name_length = (name.len() as u16).to_le_bytes();
        let mut bytes = [
            b"PK\x03\x04\x14\0",
            &flags.to_le_bytes()[..],
            &method.to_le_bytes(),
            &[0; 8],
            &length,
            &length,
            &name_length,
            &[0; 2],
            name.as_bytes(),
            content,
        ]
        .concat();
        let start = bytes.len() as u32;
        bytes.extend(
            [
                b"PK\x01\x02\x14\0\x14\0",
                &flags.to_le_bytes()[..],
                &method.to_le_bytes(),
                &[0; 8],
                &length,
                &length,
                &name_length,
                &[0; 16],
                name.as_bytes(),
            ]
            .concat(),
        );
        let size = bytes.len() as u32 - start;
        bytes.extend(
            [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &size.to_le_bytes()[..], &start.to_le_bytes(), &[0; 2]].concat(),
        );
        bytes
    }

    fn codes(bytes: &[u8]) -> Vec<String> {
        let findings = inspect(Content::of(bytes, bytes.len() as u64)).unwrap();
        findings.risks.into_iter().map(|risk| risk.code).collect()
    }

    const UNSAFE: &[u8] = b"\x80\x02cos\nsystem\n)R.";

    #[test]
    fn pickles_in_members_are_found() {
        let bytes = archive("archive/data.pkl", UNSAFE, 0, 0);
        let findings = inspect(Content::of(&bytes, bytes.len() as u64)).unwrap();
        assert_eq!(findings.pickle.unwrap().imports[0].name, "system");
        let mut encoder = flate2::read::DeflateEncoder::new(UNSAFE, flate2::Compression::best());
        let mut packed = Vec::new();
        encoder.read_to_end(&mut packed).unwrap();
        let bytes = archive("data.png", &packed, 8, 0);
        let findings = inspect(Content::of(&bytes, bytes.len() as u64)).unwrap();
        assert_eq!(findings.pickle.unwrap().imports[0].name, "system");
    }

    #[test]
    fn what_is_not_looked_into_is_said() {
        assert_eq!(codes(&archive("a", b"text", 0, 0)), Vec::<String>::new());
        assert_eq!(codes(&archive("a", b"text", 0, 1)), ["zip-member-not-inspected"]);
        assert_eq!(codes(&archive("a", b"text", 99, 0)), ["zip-member-not-inspected"]);
        assert_eq!(codes(&archive("a", b"PK\x03\x04...", 0, 0)), ["zip-nested"]);
        assert_eq!(codes(b"PK\x03\x04 and then nothing"), ["zip-not-inspected"]);
        let mut renamed = archive("abc", b"text", 0, 0);
        renamed[30] = b'x';
        assert_eq!(codes(&renamed), ["zip-member-not-inspected"]);
        let whole = archive("a", UNSAFE, 0, 0);
        for length in 4..whole.len() {
            assert!(!codes(&whole[..length]).is_empty(), "{length}");
        }
    }

    #[test]
    fn archives_that_readers_read_differently_are_refused() {
        let good = archive("a", b"text", 0, 0);
        let end = good.len() - END_BYTES;
        let changed = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            codes(&bytes)
        };
        assert_eq!(codes(&good), Vec::<String>::new());
        // Fewer entries than there are, a directory of another length, another compression in the header.
        assert_eq!(changed(end + 10, 0), ["zip-not-inspected"]);
        assert_eq!(changed(end + 12, 1), ["zip-not-inspected"]);
        assert_eq!(changed(8, 8), ["zip-member-not-inspected"]);
        // A second directory, which readers find by the length before the end.
        let hidden = archive("data.pkl", UNSAFE, 0, 0);
        let mut twice = [&good[..end], &hidden[hidden.len() - END_BYTES - 54..]].concat();
        assert_eq!(codes(&twice), ["zip-not-inspected"]);
        // The Zip64 form, whose records count although none of the usual fields says so.
        twice = [&good[..end], b"PK\x06\x07", &[0; 16], &good[end..]].concat();
        assert_eq!(codes(&twice), ["zip-not-inspected"]);
    }

    #[test]
    fn tensors_are_no_pickles_by_chance() {
        assert_eq!(codes(&archive("data/0", b"\x80\x03\0\0\x80\x3f", 0, 0)), Vec::<String>::new());
        let bytes = archive("data/0", b"\x80\x03cos\nsystem\n)R\0", 0, 0);
        assert_eq!(codes(&bytes), ["pickle-incomplete"]);
    }

    #[test]
    fn the_end_of_an_archive_is_seen_behind_anything() {
        let good = archive("a", b"text", 0, 0);
        assert!(ends_as_archive(&good));
        assert!(ends_as_archive(&[b"some text before it", &good[..]].concat()));
        assert!(ends_as_archive(&[&good[..], b"and after it"].concat()));
        assert!(!ends_as_archive(b"PK\x05\x06 in a text that is long enough to hold a record"));
        assert!(!ends_as_archive(b""));
    }
}
