//! Zip archives: `torch.save` files, `.npz`, and whatever else hides pickles in members.
//!
//! Members are found by the central directory, as Python's `zipfile` finds them. What cannot be looked
//! into is a risk that says so; nothing is passed over.

#[cfg(test)]
pub(super) mod build;
mod directory;
mod member;
pub(super) mod npz;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub(super) use self::directory::ends_as_archive;
use super::archive::{Broken, Budget, Source, Walk, is_unsafe_name, shown, within_budget};
use super::{Content, Findings, RiskSeverity, detect};

/// An archive whose directory was read.
pub(super) struct Archive<'a> {
    content: Content<'a>,
    members: Vec<Member>,
    /// Where the directory begins, and members have to end.
    directory: u64,
    /// Where the record ends that ends the archive.
    end: u64,
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
    is_link: bool,
}

impl Member {
    /// Its name. What is no UTF-8 in it is replaced.
    pub(super) fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name)
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
    Ok(Archive { content, members, directory: directory.start, end: directory.end })
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

    /// The first bytes of a member, unpacked.
    ///
    /// # Errors
    /// It is shorter than that, or cannot be read.
    pub(super) fn head<const LENGTH: usize>(&self, member: &Member) -> Result<[u8; LENGTH], Broken> {
        member::head(self, member)
    }

    /// All of a member, unpacked.
    ///
    /// # Errors
    /// It is longer than that, encrypted, or not what the directory says.
    pub(super) fn read(&self, member: &Member, bytes_max: u64) -> Result<Vec<u8>, Broken> {
        member::read(self, member, bytes_max)
    }
}

impl<'a> Archive<'a> {
    /// A member as content of its own; none where its bytes do not lie in the archive as they are.
    pub(super) fn stored(&self, member: &Member) -> Option<Content<'a>> {
        let place = member::place(self, member).ok()?;
        match member::source(self, member, place).ok()? {
            Source::Stored { start, length } => self.content.part(start, length),
            Source::Packed(_) => None,
        }
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
    is_marked(content.bytes).then(|| within_budget(content, look))
}

fn look(content: Content<'_>, budget: &Budget) -> Findings {
    let mut findings = Findings::default();
    let archive = match open(content) {
        Ok(archive) => archive,
        Err(why) => {
            let message = format!("the archive could not be looked into: {why}");
            findings.risk(0, RiskSeverity::High, "archive-not-inspected", message);
            return findings;
        }
    };
    judge_names(&archive, &mut findings);
    let mut walk = Walk::new(content, budget, &mut findings);
    let mut places = Vec::new();
    for member in archive.members() {
        if !walk.count(member.header) {
            break;
        }
        match look_into(&archive, member, &mut walk) {
            Ok(end) => places.push((member.header, end)),
            Err(why) => {
                let message = format!("the member `{}` could not be looked into: {why}", shown(&member.name));
                walk.risk(member.header, RiskSeverity::High, "archive-member-not-inspected", message);
            }
        }
    }
    walk.finish();
    if places.len() == archive.members().len() {
        judge_places(&archive, places, &mut findings);
    }
    findings.format = detect::kind_of_archive(&archive, &mut findings);
    findings
}

/// Looks into a member, and gives where its bytes end.
fn look_into(archive: &Archive<'_>, member: &Member, walk: &mut Walk<'_, '_>) -> Result<u64, Broken> {
    let place = member::place(archive, member)?;
    let name = shown(&member.name);
    if let Some(why) = place.disagreement {
        let message = format!("readers see different things in the member `{name}`: {why}");
        walk.risk(member.header, RiskSeverity::High, "archive-disagreement", message);
    }
    if member.is_link {
        let message = format!("the member `{name}` is a link");
        walk.risk(member.header, RiskSeverity::Medium, "archive-link", message);
    }
    let source = member::source(archive, member, place)?;
    let seen = walk.look_into(&format!("in the member `{name}`"), member.header, source);
    if let Some(why) = seen.broken {
        return Err(why);
    }
    if seen.length != member.unpacked {
        let message = format!("the member `{name}` unpacks to another size than the directory says");
        walk.risk(member.header, RiskSeverity::High, "archive-disagreement", message);
    } else if seen.crc.is_some_and(|crc| crc != member.crc) {
        let message =
            format!("the checksum of the member `{name}` is wrong: some readers refuse it, and others do not");
        walk.risk(member.header, RiskSeverity::High, "archive-checksum", message);
    }
    Ok(place.end)
}

/// Names that lead elsewhere, or that readers take for the same. PyTorch's reader does not tell letters by their case.
fn judge_names(archive: &Archive<'_>, findings: &mut Findings) {
    for member in archive.members().iter().filter(|member| is_unsafe_name(&member.name)) {
        let message = format!("the name of the member `{}` leads out of the archive's directory", shown(&member.name));
        findings.risk(member.header, RiskSeverity::High, "archive-unsafe-name", message);
    }
    let folded = |member: &&Member| member.name.to_ascii_lowercase();
    let mut members: Vec<&Member> = archive.members().iter().collect();
    members.sort_by_cached_key(folded);
    for pair in members.windows(2) {
        let [first, second] = pair else { continue };
        if first.name.eq_ignore_ascii_case(&second.name) {
            let message = format!("there are two members `{}`, of which readers take either", shown(&second.name));
            findings.risk(first.header.max(second.header), RiskSeverity::High, "archive-duplicate-name", message);
        }
    }
}

/// Members that lie in each other, and bytes that belong to none of them, which readers that look for headers find.
fn judge_places(archive: &Archive<'_>, mut places: Vec<(u64, u64)>, findings: &mut Findings) {
    places.sort_unstable();
    places.push((archive.directory, archive.end));
    places.push((archive.content.size_bytes, u64::MAX));
    let mut before = 0;
    for (start, end) in places {
        if start < before {
            let message = "two members of the archive lie in each other";
            findings.risk(start, RiskSeverity::High, "archive-overlap", message);
        } else if start > before {
            let message = format!("{} bytes of the archive belong to no member", start - before);
            // A member that the directory does not name is there for readers that go by headers.
            let is_member = archive.content.at(before, 4).is_some_and(|mark| *mark == *b"PK\x03\x04");
            let severity = if is_member { RiskSeverity::High } else { RiskSeverity::Medium };
            findings.risk(before, severity, "archive-hidden-data", message);
        }
        before = end.max(before);
    }
}
