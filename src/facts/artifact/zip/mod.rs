//! Zip archives: `torch.save` files, `.npz`, and whatever else hides pickles in members.
//!
//! Members are found by the central directory, as Python's `zipfile` finds them. What cannot be looked
//! into is a risk that says so; nothing is passed over.

#[cfg(test)]
pub(super) mod build;
mod directory;
mod member;

use std::borrow::Cow;

pub(super) use self::directory::ends_as_archive;
use self::member::Place;
use super::{Content, Findings, PickleFacts, RiskSeverity, compressed, detect, pickle};

/// Bytes that members are unpacked to, all together: an archive bomb ends here.
const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Why something could not be read.
pub(super) type Broken = &'static str;

/// An archive whose directory was read.
pub(super) struct Archive<'a> {
    content: Content<'a>,
    members: Vec<Member>,
    /// Where the directory begins, and members have to end.
    directory: u64,
}

/// A member, as the directory tells of it.
pub(super) struct Member {
    name: Box<[u8]>,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    unpacked: u64,
    header: u64,
}

impl Member {
    /// Its name. What is no UTF-8 in it is replaced.
    pub(super) fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name)
    }

    /// Bytes that it unpacks to, by the directory's word.
    pub(super) const fn unpacked_bytes(&self) -> u64 {
        self.unpacked
    }

    /// Byte offset of its header: the place of what is said of it.
    pub(super) const fn offset(&self) -> u64 {
        self.header
    }
}

/// Reads the directory of an archive.
///
/// # Errors
/// It is no archive, or one that readers read differently.
pub(super) fn open(content: Content<'_>) -> Result<Archive<'_>, Broken> {
    let directory = directory::find(content)?;
    let members = directory::members(content, directory)?;
    Ok(Archive { content, members, directory: directory.start })
}

impl Archive<'_> {
    /// Its members, in the order of the directory.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member of that name; the last, as Python takes it. That there are two is said elsewhere.
    pub(super) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().rfind(|member| *member.name == *name.as_bytes())
    }

    /// All of a member, unpacked.
    ///
    /// # Errors
    /// It is longer than that, encrypted, or not what the directory says.
    pub(super) fn read(&self, member: &Member, bytes_max: u64) -> Result<Vec<u8>, Broken> {
        member::read(self, member, bytes_max)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

/// Recognised by the signature of a local header, or of an empty archive.
pub(super) fn is_marked(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Recognised as [`is_marked`] says.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    is_marked(content.bytes).then(|| {
        let mut findings = Findings::default();
        match open(content) {
            Ok(archive) => {
                scan(&archive, &mut findings);
                findings.format = detect::kind_of_archive(&archive, &mut findings);
            }
            Err(why) => {
                let message = format!("the archive could not be looked into: {why}");
                findings.risk(0, RiskSeverity::High, "zip-not-inspected", message);
            }
        }
        findings
    })
}

fn scan(archive: &Archive<'_>, findings: &mut Findings) {
    let mut room = UNPACKED_BYTES_MAX;
    let mut joined: Option<PickleFacts> = None;
    for member in archive.members() {
        let name = member.name();
        if let Ok(Place { disagreement: Some(why), .. }) = member::place(archive, member) {
            let message = format!("of the member `{name}`, {why}: readers see different files");
            findings.risk(member.header, RiskSeverity::High, "zip-disagreement", message);
        }
        match archive.read(member, room) {
            Ok(unpacked) => {
                room -= unpacked.len() as u64;
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
}

fn inspect_member(name: &str, bytes: &[u8], offset: u64, findings: &mut Findings) -> Option<PickleFacts> {
    let content = Content::of(bytes, bytes.len() as u64);
    if compressed::is_packed(bytes) || ends_as_archive(content) {
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

#[cfg(test)]
mod tests {
    use super::build::Entry;
    use super::directory::END_BYTES;
    use super::*;

    /// An archive with one member, whose content is as it stands there.
    fn archive(name: &str, packed: &[u8], method: u16, flags: u16) -> Vec<u8> {
        build::archive(&[Entry { method, flags, ..Entry::stored(name, packed) }])
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
        let bytes = build::archive(&[Entry::deflated("data.png", UNSAFE)]);
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
        assert_eq!(codes(&renamed), ["zip-disagreement"]);
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
        assert_eq!(changed(8, 8), ["zip-disagreement"]);
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
        let ends = |bytes: &[u8]| ends_as_archive(Content::of(bytes, bytes.len() as u64));
        let good = archive("a", b"text", 0, 0);
        assert!(ends(&good));
        assert!(ends(&[b"some text before it", &good[..]].concat()));
        assert!(ends(&[&good[..], b"and after it"].concat()));
        assert!(!ends(b"PK\x05\x06 in a text that is long enough to hold a record"));
        assert!(!ends(b""));
    }
}
