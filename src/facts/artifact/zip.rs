//! Zip archives: `torch.save` files, `.npz`, and whatever else hides pickles in members.
//!
//! Members are found by the central directory, as Python's `zipfile` finds them. What cannot be looked
//! into is a risk that says so; nothing is passed over.

use std::io::Read as _;

use flate2::read::DeflateDecoder;

use super::{Content, Findings, PickleFacts, RiskSeverity, pickle};

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
    for member in members(bytes)? {
        let name = String::from_utf8_lossy(member.name).into_owned();
        match unpack(bytes, &member, &mut room) {
            Ok(unpacked) => inspect_member(&name, &unpacked, member.header, findings),
            Err(why) => {
                let message = format!("the member `{name}` could not be looked into: {why}");
                findings.risk(member.header, RiskSeverity::High, "zip-member-not-inspected", message);
            }
        }
    }
    Ok(())
}

fn inspect_member(name: &str, bytes: &[u8], offset: u64, findings: &mut Findings) {
    let content = Content { bytes, size_bytes: bytes.len() as u64 };
    if bytes.starts_with(b"PK\x03\x04") {
        let message = format!("the member `{name}` is an archive itself, which is not looked into");
        findings.risk(offset, RiskSeverity::High, "zip-nested", message);
    }
    let Some(found) = pickle::inspect(content).or_else(|| pickle::inspect_numpy(content)) else { return };
    for risk in found.risks {
        findings.risk(offset, risk.severity, &risk.code, format!("in the member `{name}`: {}", risk.message));
    }
    if let Some(found) = found.pickle {
        findings.pickle = Some(match findings.pickle.take() {
            None => found,
            Some(before) => join(before, found),
        });
    }
}

fn join(mut facts: PickleFacts, more: PickleFacts) -> PickleFacts {
    facts.protocol = facts.protocol.max(more.protocol);
    facts.streams += more.streams;
    facts.complete &= more.complete;
    facts.imports.extend(more.imports);
    facts.imports.sort();
    facts.imports.dedup_by(|left, right| (&left.module, &left.name) == (&right.module, &right.name));
    facts
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

/// The central directory (APPNOTE 4.3.12 and 4.3.16). Zip64 is not read.
fn members(bytes: &[u8]) -> Result<Vec<Member<'_>>, &'static str> {
    const END_BYTES: usize = 22;
    const COMMENT_BYTES_MAX: usize = 65_535;
    let broken = "its directory is broken";
    let from = bytes.len().saturating_sub(END_BYTES + COMMENT_BYTES_MAX);
    let tail = bytes.get(from..).unwrap_or_default();
    let end = tail.windows(4).rposition(|window| window == b"PK\x05\x06").ok_or("it has no directory")? + from;
    if bytes.len() < end + END_BYTES {
        return Err(broken);
    }
    let count = usize::from(u16_at(bytes, end + 10).ok_or(broken)?);
    let offset = u32_at(bytes, end + 16).ok_or(broken)?;
    if count == usize::from(u16::MAX) || offset == u32::MAX {
        return Err("it is of the Zip64 form");
    }
    if count > MEMBERS_MAX {
        return Err("it has too many members");
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
    Ok(members)
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
        let findings = inspect(Content { bytes, size_bytes: bytes.len() as u64 }).unwrap();
        findings.risks.into_iter().map(|risk| risk.code).collect()
    }

    const UNSAFE: &[u8] = b"\x80\x02cos\nsystem\n)R.";

    #[test]
    fn pickles_in_members_are_found() {
        let bytes = archive("archive/data.pkl", UNSAFE, 0, 0);
        let findings = inspect(Content { bytes: &bytes, size_bytes: bytes.len() as u64 }).unwrap();
        assert_eq!(findings.pickle.unwrap().imports[0].name, "system");
        let mut encoder = flate2::read::DeflateEncoder::new(UNSAFE, flate2::Compression::best());
        let mut packed = Vec::new();
        encoder.read_to_end(&mut packed).unwrap();
        let bytes = archive("data.png", &packed, 8, 0);
        let findings = inspect(Content { bytes: &bytes, size_bytes: bytes.len() as u64 }).unwrap();
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
}
