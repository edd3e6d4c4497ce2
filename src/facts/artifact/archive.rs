//! Looks into what archives and compressed files hold, whatever they are packed with.
//!
//! A member that lies in the file as it is is a part of the file, and only as much of it is read as an inspector asks
//! for. One that must be unpacked is unpacked once, a piece after the other: what no inspector knows by its beginning is
//! let go, what one knows is kept, in memory or beyond that in a file without a name. All of it is bounded by one
//! [`Budget`], which what is nested shares.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write as _};

use crc32fast::Hasher;

use super::content::{LookAhead, PAGE_BYTES};
use super::{
    ArchiveFacts, ArtifactFormat, Content, Findings, PickleFacts, RISKS_MAX, RiskSeverity, detect, pickle, zip,
};

/// Archives around one that is looked into. A `torch.save` file in an archive in a `.tar.gz` has three.
const DEPTH_MAX: usize = 3;

/// Bytes that a file is unpacked to, with all that is nested in it. A bomb ends here, or before, where
/// [`is_bomb`] knows it.
const UNPACKED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Bytes of members that lie in the file as they are, which are read only for their checksum. Each is read twice
/// and hashed three times; what is in the tensors of a large model is known by the digest of the file.
const CHECKED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Members of a file, with all that is nested in it. A `torch.save` file has one for each tensor: some ten thousand in
/// the largest models.
pub(super) const MEMBERS_MAX: u64 = 200_000;

/// Bytes of the beginning of a member by which its format is told: of one that lies in the file, where no more is read
/// than must be, and of one that is unpacked.
const STORED_HEAD_BYTES: usize = PAGE_BYTES as usize;
const UNPACKED_HEAD_BYTES: usize = 1024 * 1024;

/// Bytes of a member that are kept in memory once its format is known. All of it can be looked at.
const KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes at the end of a member that can hold the end of a zip archive with its comment.
const TAIL_BYTES: usize = 70_000;

/// Bytes that are unpacked at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// Characters of a name that are told.
const SHOWN_CHARACTERS_MAX: usize = 200;

/// Imports of all members. A model has some dozens.
const IMPORTS_MAX: usize = 50_000;

/// Why something could not be read.
pub(super) type Broken = &'static str;

const TOO_MUCH: Broken = "the archive unpacks to too much";

/// What may still be unpacked of a file.
#[derive(Debug)]
pub(super) struct Budget {
    unpacked: Cell<u64>,
    checked: Cell<u64>,
    members: Cell<u64>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            unpacked: Cell::new(UNPACKED_BYTES_MAX),
            checked: Cell::new(CHECKED_BYTES_MAX),
            members: Cell::new(MEMBERS_MAX),
        }
    }
}

/// Takes from what is left, if there is as much.
fn take(left: &Cell<u64>, count: u64) -> bool {
    let rest = left.get().checked_sub(count);
    rest.is_some_and(|rest| {
        left.set(rest);
        true
    })
}

/// Whether so much came of so little that it was made for that. Deflate makes a thousand of one at most, of zeros;
/// tensors pack to half at best.
const fn is_bomb(packed: u64, unpacked: u64) -> bool {
    const BYTES_MIN: u64 = 1024 * 1024 * 1024;
    const RATIO_MIN: u64 = 100;
    unpacked >= BYTES_MIN && unpacked / RATIO_MIN >= packed
}

/// What a member's bytes come from.
pub(super) enum Source<'a> {
    /// They lie in the archive as they are.
    Stored {
        /// Where they begin.
        start: u64,
        /// How many they are.
        length: u64,
    },
    /// They are unpacked from their beginning.
    Packed(Box<dyn Read + 'a>),
}

/// What was seen of a member.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Bytes that it has, as far as they were read.
    pub(super) length: u64,
    /// CRC-32 of them, if they were all read for it.
    pub(super) crc: Option<u32>,
    /// Why not all of it could be looked at.
    pub(super) broken: Option<Broken>,
    /// What is in it; none where nothing knows its format.
    pub(super) format: Option<ArtifactFormat>,
}

/// A name as messages tell it.
pub(super) fn shown(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name.get(..4 * SHOWN_CHARACTERS_MAX).unwrap_or(name));
    match name.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.into_owned(),
    }
}

/// Why a name is none that a member may have: whoever unpacks it writes elsewhere. Under Windows a backslash parts names
/// as well, and a colon follows a drive.
pub(super) fn is_unsafe_name(name: &[u8]) -> bool {
    let mut parts = name.split(|byte| matches!(byte, b'/' | b'\\'));
    let is_absolute = matches!(name, [b'/' | b'\\', ..] | [_, b':', b'/' | b'\\', ..]);
    is_absolute || name.contains(&0) || parts.any(|part| part == b"..")
}

/// Looks into an archive, with a budget of its own unless it is nested.
pub(super) fn within_budget(content: Content<'_>, look: impl FnOnce(Content<'_>, &Budget) -> Findings) -> Findings {
    if content.depth > DEPTH_MAX {
        let mut findings = Findings::default();
        let message = "it is packed in too many archives, one in the other, to be looked into";
        findings.risk(0, RiskSeverity::High, "archive-nested-too-deep", message);
        return findings;
    }
    let own = Budget::default();
    let budget = content.budget.unwrap_or(&own);
    look(Content { budget: Some(budget), ..content }, budget)
}

/// A look at the members of one archive, one after the other.
pub(super) struct Walk<'a, 'f> {
    content: Content<'a>,
    budget: &'a Budget,
    findings: &'f mut Findings,
    pickle: Option<PickleFacts>,
    formats: BTreeSet<ArtifactFormat>,
    members: u64,
    unpacked: u64,
    is_alone: bool,
}

impl<'a, 'f> Walk<'a, 'f> {
    /// Looks at the members of an archive.
    pub(super) fn new(content: Content<'a>, budget: &'a Budget, findings: &'f mut Findings) -> Self {
        Self {
            content,
            budget,
            findings,
            pickle: None,
            formats: BTreeSet::new(),
            members: 0,
            unpacked: 0,
            is_alone: false,
        }
    }

    /// Looks at what a file is compressed from: whoever opens it gets that and nothing else, as far as it is sure that
    /// the file is compressed at all.
    pub(super) fn alone(content: Content<'a>, budget: &'a Budget, findings: &'f mut Findings) -> Self {
        Self { is_alone: true, ..Self::new(content, budget, findings) }
    }

    /// Says something of a member.
    pub(super) fn risk(&mut self, offset: u64, severity: RiskSeverity, code: &str, message: String) {
        self.findings.risk(offset, severity, code, message);
    }

    /// Counts a member, and says whether it may be looked into.
    pub(super) fn count(&mut self, offset: u64) -> bool {
        self.members += 1;
        let imports = self.pickle.as_ref().map_or(0, |pickle| pickle.imports.len());
        let why = if !take(&self.budget.members, 1) {
            "it has too many members"
        } else if self.findings.risks.len() > RISKS_MAX || imports > IMPORTS_MAX {
            "too much was found in the members before"
        } else {
            return true;
        };
        let message = format!("the archive could not be looked into further: {why}");
        self.findings.risk(offset, RiskSeverity::High, "archive-not-inspected", message);
        false
    }

    /// Looks into a member. `place` says where it is, such as `in the member …`; what is found there is told at
    /// `offset`.
    pub(super) fn look_into(&mut self, place: &str, offset: u64, source: Source<'_>) -> Seen {
        let (seen, found) = match source {
            Source::Stored { start, length } => self.stored(start, length),
            Source::Packed(reader) => self.packed(reader),
        };
        self.unpacked = self.unpacked.saturating_add(seen.length);
        if let Some((format, found)) = found {
            self.merge(place, offset, format, found);
        }
        seen
    }

    /// A member as a file of its own.
    fn member<'b>(&self, bytes: &'b [u8], size_bytes: u64) -> Content<'b>
    where
        'a: 'b,
    {
        Content {
            depth: self.content.depth + 1,
            is_member: !self.is_alone || self.content.is_member,
            budget: Some(self.budget),
            ..Content::of(bytes, size_bytes)
        }
    }

    fn stored(&self, start: u64, length: u64) -> (Seen, Option<(ArtifactFormat, Findings)>) {
        let mut seen = Seen { length, ..Seen::default() };
        let in_memory = start.checked_add(length).is_some_and(|end| end <= self.content.bytes.len() as u64);
        let look = |most: usize| {
            let kept = usize::try_from(length).unwrap_or(usize::MAX);
            let kept = if in_memory { kept } else { kept.min(most) };
            let bytes = self.content.at(start, kept)?;
            let is_whole = bytes.len() as u64 == length;
            let part = self.content.start.checked_add(start)?;
            let ahead = if is_whole { None } else { self.content.ahead };
            let found = detect::recognise(Content { ahead, start: part, ..self.member(&bytes, length) });
            let needs_more = !is_whole && most < KEPT_BYTES_MAX && needs_more(found.as_ref(), &bytes);
            Some((found, needs_more))
        };
        let found = match look(STORED_HEAD_BYTES) {
            Some((_, true)) => look(KEPT_BYTES_MAX),
            found => found,
        };
        let Some((found, _)) = found else {
            seen.broken = Some("it cannot be read");
            return (seen, None);
        };
        seen.format = found.as_ref().map(|(format, _)| *format);
        if take(&self.budget.checked, length) {
            let mut crc = Hasher::new();
            match io::copy(&mut self.content.pieces(start, length), &mut Checking(&mut crc)) {
                Ok(_) => seen.crc = Some(crc.finalize()),
                Err(_) => seen.broken = Some("it cannot be read"),
            }
        }
        (seen, found)
    }

    fn packed(&self, reader: Box<dyn Read + '_>) -> (Seen, Option<(ArtifactFormat, Findings)>) {
        let mut stream = Stream {
            reader,
            budget: self.budget,
            packed: self.content.size_bytes,
            crc: Hasher::new(),
            length: 0,
            is_at_end: false,
            broken: None,
        };
        let mut bytes = Vec::new();
        stream.fill(&mut bytes, UNPACKED_HEAD_BYTES);
        let mut found = detect::recognise(self.member(&bytes, stream.size_bytes()));
        if stream.goes_on() && (found.is_some() || is_text(&bytes)) {
            stream.fill(&mut bytes, KEPT_BYTES_MAX);
            found = self.kept(&mut stream, &bytes);
        } else if stream.goes_on() {
            let tail = stream.pass(bytes);
            // Where it begins is not there any more, so that only its end can be compared.
            if zip::ends_as_archive(Content::of(&tail, tail.len() as u64)) {
                found = Some((ArtifactFormat::Unknown, detect::polyglot(stream.length)));
            }
        }
        let Stream { crc, length, is_at_end, broken, .. } = stream;
        let format = found.as_ref().map(|(format, _)| *format);
        (Seen { length, crc: is_at_end.then(|| crc.finalize()), broken, format }, found)
    }

    /// Keeps the rest of what is unpacked in a file, so that every part of it can be looked at.
    fn kept(&self, stream: &mut Stream<'_>, bytes: &[u8]) -> Option<(ArtifactFormat, Findings)> {
        let file = if stream.goes_on() { stream.spill(bytes) } else { None };
        let content = self.member(bytes, stream.size_bytes());
        match file {
            Some(file) if stream.broken.is_none() => {
                let ahead = LookAhead::new(&file, stream.length);
                detect::recognise(Content { ahead: Some(&ahead), ..content })
            }
            _ => detect::recognise(content),
        }
    }

    fn merge(&mut self, place: &str, offset: u64, format: ArtifactFormat, found: Findings) {
        self.formats.insert(format);
        for risk in found.risks {
            self.findings.risk(offset, risk.severity, &risk.code, format!("{place}: {}", risk.message));
        }
        if let Some(mut facts) = found.pickle {
            // What was unpacked has no bytes at places of their own: imports stand where their member does.
            facts.imports.iter_mut().for_each(|import| import.offset = offset);
            join(&mut self.pickle, facts);
        }
        if let Some(archive) = found.archive {
            self.formats.extend(archive.formats);
            // A compressed archive is the archive.
            self.members += if self.is_alone { archive.members } else { 0 };
        }
        let (all, metadata) = (&mut self.findings.metadata, found.metadata);
        all.custom_code.extend(metadata.custom_code);
        all.base_models.extend(metadata.base_models);
    }

    /// Puts something better in the place of what pickles in these members seemed to be.
    pub(super) fn replace(&mut self, offsets: &[u64], mut facts: PickleFacts) {
        let is_replaced = |offset: u64| offsets.contains(&offset);
        self.findings.risks.retain(|risk| !(risk.code.starts_with("pickle-") && is_replaced(risk.offset)));
        facts.imports.iter_mut().for_each(|import| import.offset = offsets.first().copied().unwrap_or_default());
        join(&mut self.pickle, facts);
    }

    /// Says what was found in all of them.
    pub(super) fn finish(self) {
        let findings = self.findings;
        if is_bomb(self.content.size_bytes, self.unpacked) {
            let message = format!("{} bytes unpack to {} or more", self.content.size_bytes, self.unpacked);
            findings.risk(0, RiskSeverity::High, "archive-bomb", message);
        }
        findings.pickle = self.pickle.map(|facts| PickleFacts { imports: pickle::unique(facts.imports), ..facts });
        for list in [&mut findings.metadata.custom_code, &mut findings.metadata.base_models] {
            list.sort();
            list.dedup();
        }
        let formats = self.formats.into_iter().collect();
        findings.archive = Some(ArchiveFacts { members: self.members, formats });
    }
}

/// Adds what one pickle would do to what those before it would.
fn join(facts: &mut Option<PickleFacts>, more: PickleFacts) {
    let Some(facts) = facts else {
        *facts = Some(more);
        return;
    };
    facts.protocol = facts.protocol.max(more.protocol);
    facts.streams += more.streams;
    facts.complete &= more.complete;
    let before = facts.imports.len();
    facts.imports.extend(more.imports);
    if facts.imports.len() > 2 * before.max(1_000) {
        facts.imports = pickle::unique(std::mem::take(&mut facts.imports));
    }
}

/// Whether more than the beginning of a member is worth a look: what was found there may be all. Archives look at any part
/// themselves.
fn needs_more(found: Option<&(ArtifactFormat, Findings)>, beginning: &[u8]) -> bool {
    match found {
        Some((_, found)) => found.archive.is_none() && !found.risks.is_empty(),
        None => is_text(beginning),
    }
}

/// Whether bytes may be the beginning of a text, which may end within a character.
fn is_text(bytes: &[u8]) -> bool {
    let is_text = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    is_text && !bytes.contains(&0)
}

/// Computes the checksum of what is written to it.
struct Checking<'a>(&'a mut Hasher);

impl io::Write for Checking<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is unpacked, a piece after the other.
struct Stream<'a> {
    reader: Box<dyn Read + 'a>,
    budget: &'a Budget,
    /// Bytes of all that it is packed in.
    packed: u64,
    crc: Hasher,
    length: u64,
    is_at_end: bool,
    broken: Option<Broken>,
}

impl Stream<'_> {
    const fn goes_on(&self) -> bool {
        !self.is_at_end && self.broken.is_none()
    }

    /// Bytes of all of it. More than there are says that some are missing.
    const fn size_bytes(&self) -> u64 {
        if self.is_at_end { self.length } else { self.length.saturating_add(1) }
    }

    /// Unpacks the next piece; an empty one at the end.
    fn next<'b>(&mut self, piece: &'b mut [u8]) -> &'b [u8] {
        let count = loop {
            match self.reader.read(piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(|_| "it cannot be unpacked"),
            }
        };
        let count = count.and_then(|count| match take(&self.budget.unpacked, count as u64) {
            true => Ok(count),
            false => Err(TOO_MUCH),
        });
        match count {
            Ok(0) => self.is_at_end = true,
            Ok(count) => {
                let read = piece.get(..count).unwrap_or_default();
                self.crc.update(read);
                self.length += count as u64;
                if is_bomb(self.packed, self.length) {
                    self.broken = Some(TOO_MUCH);
                }
                return read;
            }
            Err(why) => self.broken = Some(why),
        }
        &[]
    }

    /// Unpacks until there are so many bytes.
    fn fill(&mut self, bytes: &mut Vec<u8>, most: usize) {
        let mut piece = vec![0; PIECE_BYTES];
        while self.goes_on() && bytes.len() < most {
            let room = piece.len().min(most - bytes.len());
            let read = self.next(piece.get_mut(..room).unwrap_or_default());
            bytes.extend_from_slice(read);
        }
    }

    /// Unpacks all of it and keeps none but its end.
    fn pass(&mut self, beginning: Vec<u8>) -> Vec<u8> {
        let mut tail = beginning;
        let mut piece = vec![0; PIECE_BYTES];
        while self.goes_on() {
            tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
            let read = self.next(&mut piece);
            tail.extend_from_slice(read);
        }
        tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
        tail
    }

    /// Unpacks the rest into a file that goes with this process.
    fn spill(&mut self, beginning: &[u8]) -> Option<File> {
        let unwritten: Broken = "there is no room to unpack it";
        let file = tempfile::tempfile().and_then(|mut file| file.write_all(beginning).map(|()| file));
        let Ok(mut file) = file else {
            self.broken = Some(unwritten);
            return None;
        };
        let mut piece = vec![0; PIECE_BYTES];
        while self.goes_on() {
            let read = self.next(&mut piece);
            if file.write_all(read).is_err() {
                self.broken = Some(unwritten);
            }
        }
        Some(file)
    }
}
