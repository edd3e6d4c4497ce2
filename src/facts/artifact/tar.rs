//! Tar archives: ustar, pax and those of GNU (POSIX.1-2024, `pax`; GNU tar's manual, "Basic Tar Format").
//!
//! A header is recognised by its checksum, as Python's `tarfile` recognises it: the mark behind the name came later than
//! the format. Where readers disagree about what follows, nothing that follows is passed over silently: the walk ends
//! with a risk.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _};

use sha2::{Digest as _, Sha256};

use super::archive::{Broken, Budget, Source, Walk, is_unsafe_name, shown, within_budget};
use super::{ArtifactFormat, Content, Findings, RiskSeverity, torch};

/// Everything in an archive is a whole number of these.
const BLOCK_BYTES: u64 = 512;

/// Bytes of a header that describes the next one: a long name, or records of pax.
const DESCRIPTION_BYTES_MAX: u64 = 1024 * 1024;

/// Bytes behind the end that are looked through. Archives are padded to ten kibibytes, some to a mebibyte.
const PADDING_BYTES_MAX: u64 = 1024 * 1024;

const CHECKSUM: std::ops::Range<usize> = 148..156;

const BROKEN: Broken = "a header is broken";
const CUT: Broken = "it breaks off";

/// A header.
type Block<'a> = Cow<'a, [u8]>;

/// Recognised by the checksum of its first header.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let block = content.bytes.get(..BLOCK_BYTES as usize)?;
    let is_marked = block.get(257..262) == Some(b"ustar");
    (is_marked || is_header(block)).then(|| within_budget(content, look))
}

fn look(content: Content<'_>, budget: &Budget) -> Findings {
    let mut findings = Findings::default();
    let mut walk = Walk::new(content, budget, &mut findings);
    let mut reader =
        Reader { content, at: 0, next: Description::default(), names: BTreeSet::new(), parts: BTreeMap::new() };
    if let Err(why) = reader.read(&mut walk) {
        let message = format!("the archive could not be looked into further: {why}");
        walk.risk(reader.at, RiskSeverity::High, "archive-not-inspected", message);
    }
    let parts = reader.parts;
    if TORCH_PARTS.iter().all(|name| parts.contains_key(*name)) {
        judge_torch(content, &parts, &mut walk);
        walk.finish();
        findings.format = Some(ArtifactFormat::Torch);
        findings.metadata.framework = Some("pytorch".to_owned());
    } else {
        walk.finish();
    }
    findings
}

/// Members of what `torch.save` wrote before 0.1.10.
const TORCH_PARTS: [&str; 4] = ["pickle", "storages", "sys_info", "tensors"];

/// Bytes of such a member that are held.
const TORCH_PART_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Two of them have other bytes between their pickles.
fn judge_torch(content: Content<'_>, parts: &BTreeMap<&str, Part>, walk: &mut Walk<'_, '_>) {
    let part = |name: &str| parts.get(name).copied();
    let bytes = |part: Part| {
        let length = usize::try_from(part.length.min(TORCH_PART_BYTES_MAX)).ok()?;
        content.at(part.start, length)
    };
    let (Some(storages), Some(tensors)) = (part("storages"), part("tensors")) else { return };
    let facts = bytes(storages).zip(bytes(tensors)).and_then(|(in_storages, in_tensors)| {
        let storages = Content::of(&in_storages, storages.length);
        torch::legacy::inspect_parts(storages, Content::of(&in_tensors, tensors.length))
    });
    match facts {
        Some(facts) => walk.replace(&[storages.header, tensors.header], facts),
        None => {
            let message = "its tensors are not as PyTorch wrote them".to_owned();
            walk.risk(storages.header, RiskSeverity::High, "torch-malformed", message);
        }
    }
}

/// Where a member is.
#[derive(Debug, Clone, Copy)]
struct Part {
    header: u64,
    start: u64,
    length: u64,
}

/// What headers before a member say of it.
#[derive(Debug, Default)]
struct Description {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

/// What is said of a member, in its header and before it.
struct Member {
    name: Vec<u8>,
    size: u64,
    /// What a link leads to, where that is not in the header.
    target: Option<Vec<u8>>,
}

struct Reader<'a> {
    content: Content<'a>,
    /// Where the header is that is being read.
    at: u64,
    next: Description,
    /// Digests of the names, which can be long.
    names: BTreeSet<[u8; 32]>,
    /// The members that are in [`TORCH_PARTS`].
    parts: BTreeMap<&'static str, Part>,
}

impl Reader<'_> {
    fn read(&mut self, walk: &mut Walk<'_, '_>) -> Result<(), Broken> {
        while self.at < self.content.size_bytes {
            let block = self.content.at(self.at, BLOCK_BYTES as usize).ok_or(CUT)?;
            if block.iter().all(|byte| *byte == 0) {
                return self.judge_padding(walk);
            }
            if !is_header(&block) {
                return Err(BROKEN);
            }
            if !walk.count(self.at) {
                return Ok(());
            }
            let kind = byte(&block, 156);
            let end = match kind {
                b'x' | b'X' | b'g' | b'L' | b'K' => self.description(&block, kind)?,
                b'1' | b'2' => self.link(&block, kind, walk)?,
                b'3' | b'4' | b'6' => self.device(&block, walk)?,
                b'5' => self.directory(&block, walk)?,
                b'S' => return Err("a member has holes in it, which are not read"),
                b'D' | b'M' | b'V' | b'N' => return Err("it is one of several that belong together"),
                _ => self.file(&block, kind, walk)?,
            };
            self.at = end;
        }
        let message = "the archive ends without the mark that ends one: it may have been cut".to_owned();
        walk.risk(self.content.size_bytes, RiskSeverity::Medium, "archive-cut", message);
        Ok(())
    }

    /// Where the header behind so many bytes is.
    fn after(&self, length: u64) -> Result<u64, Broken> {
        let padded = length.checked_next_multiple_of(BLOCK_BYTES).ok_or(CUT)?;
        (self.at + BLOCK_BYTES).checked_add(padded).ok_or(CUT)
    }

    /// A header that describes the next one.
    fn description(&mut self, block: &Block<'_>, kind: u8) -> Result<u64, Broken> {
        let length = number(block.get(124..136).ok_or(BROKEN)?)?;
        if length > DESCRIPTION_BYTES_MAX {
            return Err("what describes a member is too long");
        }
        let length_bytes = usize::try_from(length).map_err(|_| CUT)?;
        let bytes = self.content.at(self.at + BLOCK_BYTES, length_bytes).ok_or(CUT)?;
        let text = || bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        match kind {
            b'L' => self.next.name = Some(text()),
            b'K' => self.next.target = Some(text()),
            _ => {
                let records = records(&bytes)?;
                if kind == b'g' && (records.name.is_some() || records.target.is_some() || records.size.is_some()) {
                    return Err("it describes all of its members at once");
                }
                // Of two that say the same of a member, readers take the later.
                self.next.name = records.name.or(self.next.name.take());
                self.next.target = records.target.or(self.next.target.take());
                self.next.size = records.size.or(self.next.size);
            }
        }
        self.after(length)
    }

    /// What is said of a member. Whatever described it is used up.
    fn member(&mut self, block: &Block<'_>) -> Result<Member, Broken> {
        let described = std::mem::take(&mut self.next);
        let size = match described.size {
            Some(size) => size,
            None => number(block.get(124..136).ok_or(BROKEN)?)?,
        };
        let (prefix, name) = (text(block, 345..500), text(block, 0..100));
        // GNU has other things where the prefix is.
        let is_posix = block.get(257..263) == Some(b"ustar\0");
        let short = if is_posix && !prefix.is_empty() { [prefix, b"/", name].concat() } else { name.to_vec() };
        Ok(Member { name: described.name.unwrap_or(short), size, target: described.target })
    }

    fn judge_name(&mut self, name: &[u8], walk: &mut Walk<'_, '_>) {
        if is_unsafe_name(name) {
            let message = format!("the name of the member `{}` leads out of the archive's directory", shown(name));
            walk.risk(self.at, RiskSeverity::High, "archive-unsafe-name", message);
        }
        let name_without_slash = name.strip_suffix(b"/").unwrap_or(name);
        if !self.names.insert(Sha256::digest(name_without_slash).into()) {
            let message = format!("there are two members `{}`, of which readers take either", shown(name));
            walk.risk(self.at, RiskSeverity::Medium, "archive-duplicate-name", message);
        }
    }

    fn file(&mut self, block: &Block<'_>, kind: u8, walk: &mut Walk<'_, '_>) -> Result<u64, Broken> {
        let Member { name, size, .. } = self.member(block)?;
        self.judge_name(&name, walk);
        // Before there was a kind of directories, they were files whose names end in a slash.
        if kind == 0 && name.ends_with(b"/") && size > 0 {
            return Err("readers disagree about what a member is");
        }
        let end = self.after(size)?;
        let start = self.at + BLOCK_BYTES;
        if start.checked_add(size).is_none_or(|end| end > self.content.size_bytes) {
            return Err(CUT);
        }
        if let Some(part) = TORCH_PARTS.iter().find(|part| part.as_bytes() == name) {
            self.parts.insert(part, Part { header: self.at, start, length: size });
        }
        let name = shown(&name);
        let source = Source::Stored { start, length: size };
        let seen = walk.look_into(&format!("in the member `{name}`"), self.at, source);
        if let Some(why) = seen.broken {
            let message = format!("the member `{name}` could not be looked into: {why}");
            walk.risk(self.at, RiskSeverity::High, "archive-member-not-inspected", message);
        }
        Ok(end)
    }

    fn directory(&mut self, block: &Block<'_>, walk: &mut Walk<'_, '_>) -> Result<u64, Broken> {
        let Member { name, size, .. } = self.member(block)?;
        self.judge_name(&name, walk);
        self.without_content(size)
    }

    fn link(&mut self, block: &Block<'_>, kind: u8, walk: &mut Walk<'_, '_>) -> Result<u64, Broken> {
        let Member { name, size, target } = self.member(block)?;
        self.judge_name(&name, walk);
        let target = target.unwrap_or_else(|| text(block, 157..257).to_vec());
        // A symbolic link begins at the directory that it is in, a hard link at that of the archive.
        let directory = if kind == b'2' { name.as_slice() } else { b"" };
        let (severity, where_to) = match leaves(directory, &target) {
            true => (RiskSeverity::High, "out of the archive's directory"),
            false => (RiskSeverity::Medium, "to another member"),
        };
        let message = format!("the member `{}` is a link {where_to}: `{}`", shown(&name), shown(&target));
        walk.risk(self.at, severity, "archive-link", message);
        self.without_content(size)
    }

    fn device(&mut self, block: &Block<'_>, walk: &mut Walk<'_, '_>) -> Result<u64, Broken> {
        let Member { name, size, .. } = self.member(block)?;
        self.judge_name(&name, walk);
        let message = format!("the member `{}` is a device or a pipe", shown(&name));
        walk.risk(self.at, RiskSeverity::High, "archive-device", message);
        self.without_content(size)
    }

    /// Some readers pass over as many bytes as the header says, others over none.
    fn without_content(&self, size: u64) -> Result<u64, Broken> {
        if size > 0 { Err("readers disagree about where a member ends") } else { self.after(0) }
    }

    /// Behind the end there are zeros.
    fn judge_padding(&self, walk: &mut Walk<'_, '_>) -> Result<(), Broken> {
        let length = self.content.size_bytes - self.at;
        let mut padding = self.content.pieces(self.at, length.min(PADDING_BYTES_MAX));
        let mut is_empty = length <= PADDING_BYTES_MAX;
        loop {
            let piece = padding.fill_buf().map_err(|_: io::Error| "it cannot be read")?;
            let count = piece.len();
            if count == 0 {
                break;
            }
            is_empty &= piece.iter().all(|byte| *byte == 0);
            padding.consume(count);
        }
        if !is_empty {
            let message = format!("{length} bytes of the archive belong to no member");
            walk.risk(self.at, RiskSeverity::Medium, "archive-hidden-data", message);
        }
        Ok(())
    }
}

/// Whether a target leads out of the directory that all members are in.
fn leaves(link: &[u8], target: &[u8]) -> bool {
    let parts = |path: &[u8]| -> Vec<Vec<u8>> {
        let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
        parts.map(<[u8]>::to_vec).collect()
    };
    if target.starts_with(b"/") || target.contains(&b'\\') || target.contains(&b':') {
        return true;
    }
    let mut depth = parts(link).len().saturating_sub(1);
    parts(target).iter().any(|part| {
        let deeper = if part == b".." { depth.checked_sub(1) } else { depth.checked_add(1) };
        depth = deeper.unwrap_or_default();
        deeper.is_none()
    })
}

fn byte(block: &[u8], at: usize) -> u8 {
    block.get(at).copied().unwrap_or_default()
}

/// A text that ends with its field, or before that with a zero.
fn text(block: &[u8], at: std::ops::Range<usize>) -> &[u8] {
    let field = block.get(at).unwrap_or_default();
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number in octal digits, or where they do not suffice in binary, most significant byte first.
fn number(field: &[u8]) -> Result<u64, Broken> {
    if let [0x80, bytes @ ..] = field {
        let digit = |number: u64, byte: &u8| number.checked_mul(256)?.checked_add(u64::from(*byte));
        return bytes.iter().try_fold(0, digit).ok_or(BROKEN);
    }
    let digits = field.trim_ascii_start();
    let length = digits.iter().position(|byte| matches!(byte, 0 | b' ')).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(length).ok_or(BROKEN)?;
    if !rest.iter().all(|byte| matches!(byte, 0 | b' ')) {
        return Err(BROKEN);
    }
    let digit = |number: u64, byte: &u8| match byte {
        b'0'..=b'7' => number.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    };
    digits.iter().try_fold(0, digit).ok_or(BROKEN)
}

/// Whether the checksum of a block is the sum of its bytes, those of the checksum taken as blanks. Some writers took bytes
/// for signed.
fn is_header(block: &[u8]) -> bool {
    let Some(Ok(told)) = block.get(CHECKSUM).map(number) else { return false };
    let bytes = block.iter().enumerate().map(|(at, byte)| if CHECKSUM.contains(&at) { b' ' } else { *byte });
    let sums = bytes.fold((0_u64, 0_i64), |(unsigned, signed), byte| {
        (unsigned + u64::from(byte), signed + i64::from(byte.cast_signed()))
    });
    byte(block, 0) != 0 && (told == sums.0 || i64::try_from(told) == Ok(sums.1))
}

/// Records of pax: a length that counts itself, a blank, a key, `=`, a value, and a line's end.
fn records(mut bytes: &[u8]) -> Result<Description, Broken> {
    let mut description = Description::default();
    while let [first, ..] = bytes {
        // Python stops at a zero.
        if *first == 0 {
            break;
        }
        let blank = bytes.iter().take(20).position(|byte| *byte == b' ').ok_or(BROKEN)?;
        let length = std::str::from_utf8(bytes.get(..blank).unwrap_or_default()).map_err(|_| BROKEN)?;
        let length: usize = length.parse().map_err(|_| BROKEN)?;
        let (record, rest) = bytes.split_at_checked(length).ok_or(BROKEN)?;
        let record = record.get(blank + 1..).and_then(|record| record.strip_suffix(b"\n")).ok_or(BROKEN)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(BROKEN)?;
        let (key, value) = (record.get(..equals).unwrap_or_default(), record.get(equals + 1..).unwrap_or_default());
        match key {
            b"path" => description.name = Some(value.to_vec()),
            b"linkpath" => description.target = Some(value.to_vec()),
            b"size" => {
                let size =
                    std::str::from_utf8(value).ok().filter(|size| size.bytes().all(|byte| byte.is_ascii_digit()));
                description.size = Some(size.and_then(|size| size.parse().ok()).ok_or(BROKEN)?);
            }
            _ if key.starts_with(b"GNU.sparse.") => return Err("a member has holes in it, which are not read"),
            _ => {}
        }
        bytes = rest;
    }
    Ok(description)
}

#[cfg(test)]
mod tests {
    use ::tar::{Builder, EntryType, Header};
    use proptest::prelude::*;

    use super::*;
    use crate::facts::artifact::ArtifactFormat;

    const UNSAFE: &[u8] = b"\x80\x02cos\nsystem\n)R.";

    fn found(bytes: &[u8]) -> Findings {
        inspect(Content::of(bytes, bytes.len() as u64)).unwrap()
    }

    fn codes(bytes: &[u8]) -> Vec<String> {
        found(bytes).risks.into_iter().map(|risk| risk.code).collect()
    }

    fn imports(bytes: &[u8]) -> Vec<String> {
        let imports = found(bytes).pickle.into_iter().flat_map(|pickle| pickle.imports);
        imports.map(|import| format!("{}.{}", import.module, import.name)).collect()
    }

    fn member(name: &[u8], kind: EntryType, target: &[u8], content: &[u8]) -> Vec<u8> {
        let mut header = Header::new_ustar();
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name);
        old.linkname[..target.len()].copy_from_slice(target);
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let mut bytes = [header.as_bytes(), content].concat();
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    fn file(name: &str, content: &[u8]) -> Vec<u8> {
        member(name.as_bytes(), EntryType::Regular, b"", content)
    }

    fn ended(members: &[Vec<u8>]) -> Vec<u8> {
        [members.concat(), vec![0; 1024]].concat()
    }

    const NONE: [&str; 0] = [];

    #[test]
    fn members_are_looked_into() {
        let bytes = ended(&[file("a.txt", b"text"), file("model.pkl", UNSAFE)]);
        let findings = found(&bytes);
        assert_eq!(findings.risks, []);
        assert_eq!(findings.pickle.unwrap().imports[0].offset, 1024);
        let archive = findings.archive.unwrap();
        assert_eq!((archive.members, archive.formats), (2, vec![ArtifactFormat::Pickle, ArtifactFormat::Text]));
        // Without the blocks of zeros that end it, and without its mark.
        assert_eq!(codes(&bytes[..bytes.len() - 1024]), ["archive-cut"]);
        let mut old = Header::new_old();
        old.set_path("model.pkl").unwrap();
        old.set_size(UNSAFE.len() as u64);
        old.set_cksum();
        let mut bytes = [old.as_bytes(), UNSAFE].concat();
        bytes.resize(2048, 0);
        assert_eq!((codes(&bytes), imports(&bytes)), (vec![], vec!["os.system".to_owned()]));
    }

    #[test]
    fn long_names_of_gnu_and_pax_are_read() {
        let long = format!("{}/model.pkl", "directory/".repeat(30));
        let mut builder = Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_size(UNSAFE.len() as u64);
        builder.append_data(&mut header, &long, UNSAFE).unwrap();
        let bytes = builder.into_inner().unwrap();
        assert_eq!((codes(&bytes), imports(&bytes)), (vec![], vec!["os.system".to_owned()]));
        let record = |key: &str, value: &str| {
            let rest = format!(" {key}={value}\n");
            let length = (1..).find(|length: &usize| length.to_string().len() + rest.len() == *length).unwrap();
            format!("{length}{rest}")
        };
        let described = |kind: u8, records: &str, member: Vec<u8>| {
            ended(&[super::tests::member(b"pax", EntryType::new(kind), b"", records.as_bytes()), member])
        };
        let size = record("size", &UNSAFE.len().to_string());
        let mut hidden = file("model.pkl", UNSAFE);
        // A header that says there is nothing in the member, and a record that says there is.
        hidden[124..136].copy_from_slice(b"00000000000\0");
        let mut header = Header::from_byte_slice(&hidden[..512]).clone();
        header.set_cksum();
        hidden[..512].copy_from_slice(header.as_bytes());
        assert_eq!(imports(&described(b'x', &size, hidden)), ["os.system"]);
        for (kind, records, expected) in [
            (b'x', record("path", "a/b"), &NONE[..]),
            (b'x', record("path", "../b"), &["archive-unsafe-name"]),
            (b'x', record("GNU.sparse.major", "1"), &["archive-not-inspected"]),
            (b'g', record("comment", "0123"), &NONE[..]),
            (b'g', record("path", "a"), &["archive-not-inspected"]),
            (b'x', "9 a=b\n".to_owned(), &["archive-not-inspected"]),
            (b'x', record("size", "-1"), &["archive-not-inspected"]),
        ] {
            assert_eq!(codes(&described(kind, &records, file("a", b"text"))), expected, "{records}");
        }
    }

    #[test]
    fn what_unpacks_elsewhere_is_a_risk() {
        for name in ["/etc/passwd", "../a", "a/../../b"] {
            assert_eq!(codes(&ended(&[file(name, b"text")])), ["archive-unsafe-name"], "{name}");
        }
        let risks = |kind, name: &[u8], target: &[u8]| {
            let risks = found(&ended(&[member(name, kind, target, b"")])).risks;
            risks.into_iter().map(|risk| (risk.code, risk.severity)).collect::<Vec<_>>()
        };
        let link = |severity| vec![("archive-link".to_owned(), severity)];
        for (name, target, severity) in [
            (&b"a/b"[..], &b"c"[..], RiskSeverity::Medium),
            (b"a/b/c", b"../../d", RiskSeverity::Medium),
            (b"a/b", b"../../d", RiskSeverity::High),
            (b"a", b"/etc/passwd", RiskSeverity::High),
            (b"a", b"c:\\windows", RiskSeverity::High),
        ] {
            assert_eq!(risks(EntryType::Symlink, name, target), link(severity));
        }
        assert_eq!(risks(EntryType::Link, b"a/b/c", b"../d"), link(RiskSeverity::High));
        for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo] {
            assert_eq!(risks(kind, b"a", b""), [("archive-device".to_owned(), RiskSeverity::High)]);
        }
        let twice = ended(&[file("a", b"text"), file("a", UNSAFE)]);
        assert_eq!(
            (codes(&twice), imports(&twice)),
            (vec!["archive-duplicate-name".to_owned()], vec!["os.system".to_owned()])
        );
    }

    #[test]
    fn what_is_not_looked_into_is_said() {
        for kind in [EntryType::GNUSparse, EntryType::new(b'M'), EntryType::new(b'V')] {
            assert_eq!(codes(&ended(&[member(b"a", kind, b"", b"text")])), ["archive-not-inspected"]);
        }
        // A directory and a link with content, which some readers pass over and others read as headers.
        for kind in [EntryType::Directory, EntryType::Symlink] {
            let codes = codes(&ended(&[member(b"a", kind, b"b", &file("b", UNSAFE))]));
            assert!(codes.contains(&"archive-not-inspected".to_owned()), "{kind:?}");
        }
        let hidden = [ended(&[file("a", b"text")]), file("model.pkl", UNSAFE)].concat();
        assert_eq!(codes(&hidden), ["archive-hidden-data"]);
        let mut broken = ended(&[file("a", b"text"), file("model.pkl", UNSAFE)]);
        broken[1024 + 3] ^= 1;
        assert_eq!(codes(&broken), ["archive-not-inspected"]);
        // Numbers in binary, one of them beyond any file.
        let mut large = file("model.pkl", UNSAFE);
        large[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        let mut header = Header::from_byte_slice(&large[..512]).clone();
        header.set_cksum();
        large[..512].copy_from_slice(header.as_bytes());
        assert_eq!(codes(&ended(&[large])), ["archive-not-inspected"]);
    }

    fn good() -> Vec<u8> {
        ended(&[file("a.txt", b"text"), file("model.pkl", UNSAFE)])
    }

    #[test]
    fn no_truncation_and_no_flipped_bit_loses_an_import_silently() {
        let good = good();
        for length in 512..good.len() {
            let bytes = &good[..length];
            assert!(imports(bytes) == ["os.system"] || !codes(bytes).is_empty(), "{length}");
        }
        // A tar archive has no checksums of contents: what is changed there is another file.
        let contents = [512..1024, 1536..2048];
        for at in (0..good.len()).filter(|at| !contents.iter().any(|content| content.contains(at))) {
            let mut bytes = good.clone();
            bytes[at] ^= 0x41;
            let found = inspect(Content::of(&bytes, bytes.len() as u64));
            // A broken first header makes it no archive for any reader.
            let Some(found) = found else {
                assert!(at < 512, "{at}");
                continue;
            };
            assert!(!found.risks.is_empty() || found.pickle.is_some(), "{at}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            rest in prop::collection::vec(any::<u8>(), 0..600),
            is_mended in any::<bool>(),
        ) {
            let mut bytes = good();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if is_mended {
                for at in [0, 1024] {
                    let mut header = Header::from_byte_slice(&bytes[at..at + 512]).clone();
                    header.set_cksum();
                    bytes[at..at + 512].copy_from_slice(header.as_bytes());
                }
            }
            bytes.extend(rest);
            inspect(Content::of(&bytes, bytes.len() as u64));
            inspect(Content::of(&bytes, u64::MAX));
        }
    }
}
