//! What inspectors see of a file: its beginning, and on demand any other part of it.
//!
//! Every byte of a file is read once to be hashed. An inspector that needs a part far from the beginning, such as
//! the directory at the end of an archive, looks ahead; what it saw there is compared with what is hashed later,
//! so that no file is judged by other bytes than those its digest stands for.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use super::archive::Budget;

/// Bytes that are looked at together. A power of two, so that pages lie within the blocks that are hashed.
pub(super) const PAGE_BYTES: u64 = 64 * 1024;

/// Bytes of one look. What needs more at once is bounded by its inspector before.
const LOOK_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The beginning of a file, and how long all of it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) size_bytes: u64,
    /// The rest of a file whose beginning `bytes` is; none for what was unpacked.
    pub(super) ahead: Option<&'a LookAhead<'a>>,
    /// Where it begins in that file: a part of a file is content of its own.
    pub(super) start: u64,
    /// Archives and compressed files around it.
    pub(super) depth: usize,
    /// Whether it is one of the members of an archive, of which nobody says what they are: most are tensors, whose first
    /// bytes can be a mark by chance.
    pub(super) is_member: bool,
    /// What may still be unpacked; none for a file, which has all of it.
    pub(super) budget: Option<&'a Budget>,
}

impl<'a> Content<'a> {
    /// All of something, or as much of it as there is.
    pub(super) const fn of(bytes: &'a [u8], size_bytes: u64) -> Self {
        Self { bytes, size_bytes, ahead: None, start: 0, depth: 0, is_member: false, budget: None }
    }

    /// Whether nothing is missing from the bytes.
    pub(super) const fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.size_bytes
    }

    /// `length` bytes at `offset`; none if they are not all in the file or cannot be read.
    pub(super) fn at(&self, offset: u64, length: usize) -> Option<Cow<'a, [u8]>> {
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.size_bytes)?;
        if end <= self.bytes.len() as u64 {
            let start = usize::try_from(offset).ok()?;
            return self.bytes.get(start..start.checked_add(length)?).map(Cow::Borrowed);
        }
        self.ahead?.look(self.start.checked_add(offset)?, length).map(Cow::Owned)
    }

    /// A part as content of its own; none if it is not all in reach.
    pub(super) fn part(self, offset: u64, length: u64) -> Option<Self> {
        let end = offset.checked_add(length).filter(|end| *end <= self.size_bytes)?;
        let range = usize::try_from(offset).ok()?..usize::try_from(end).ok()?;
        let bytes = match self.bytes.get(range) {
            Some(bytes) => bytes,
            None => self.ahead.map(|_| &[][..])?,
        };
        Some(Self { bytes, size_bytes: length, start: self.start.checked_add(offset)?, ..self })
    }

    /// A part, to be read from its beginning to its end in pieces. What is not in the file is an error when it is read.
    pub(super) const fn pieces(self, offset: u64, length: u64) -> Pieces<'a> {
        Pieces { content: self, next: offset, left: length, piece: Cow::Borrowed(&[]), used: 0 }
    }
}

/// Bytes of a piece.
const PIECE_BYTES: u64 = 4 * PAGE_BYTES;

/// A part of a file that is read a piece after the other.
#[derive(Debug)]
pub(super) struct Pieces<'a> {
    content: Content<'a>,
    /// Where the next piece begins.
    next: u64,
    left: u64,
    piece: Cow<'a, [u8]>,
    used: usize,
}

impl Pieces<'_> {
    /// Nothing.
    pub(super) const fn empty() -> Self {
        Content::of(&[], 0).pieces(0, 0)
    }

    /// Bytes that were not read yet.
    pub(super) fn left(&self) -> u64 {
        self.left + self.piece.len().saturating_sub(self.used) as u64
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used >= self.piece.len() && self.left > 0 {
            // Pieces end where pages do, so that each page is read once.
            let length = (PIECE_BYTES - self.content.start.wrapping_add(self.next) % PAGE_BYTES).min(self.left);
            let piece = usize::try_from(length).ok().and_then(|length| self.content.at(self.next, length));
            self.piece = piece.ok_or(io::ErrorKind::UnexpectedEof)?;
            (self.next, self.left, self.used) = (self.next + length, self.left - length, 0);
        }
        Ok(self.piece.get(self.used..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.used = self.piece.len().min(self.used.saturating_add(count));
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// Pages that are kept after a look: the small members of an archive lie together, and each is looked at more than once.
const PAGES_KEPT: usize = 8;

/// Parts of a file that are read before their turn.
#[derive(Debug)]
pub(super) struct LookAhead<'a> {
    file: &'a File,
    size_bytes: u64,
    /// Digests of the pages that were looked at, by number.
    seen: RefCell<BTreeMap<u64, [u8; 32]>>,
    /// The pages that were looked at last.
    recent: RefCell<VecDeque<(u64, Rc<[u8]>)>>,
    has_failed: Cell<bool>,
}

impl<'a> LookAhead<'a> {
    pub(super) const fn new(file: &'a File, size_bytes: u64) -> Self {
        Self {
            file,
            size_bytes,
            seen: RefCell::new(BTreeMap::new()),
            recent: RefCell::new(VecDeque::new()),
            has_failed: Cell::new(false),
        }
    }

    fn look(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        if length > LOOK_BYTES_MAX {
            return None;
        }
        let mut found = Vec::with_capacity(length);
        let mut position = offset;
        let end = offset.checked_add(length as u64)?;
        while position < end {
            let number = position / PAGE_BYTES;
            let page = self.page(number)?;
            let start = number * PAGE_BYTES;
            let from = usize::try_from(position - start).ok()?;
            let to = usize::try_from(end - start).ok()?.min(page.len());
            found.extend_from_slice(page.get(from..to).filter(|part| !part.is_empty())?);
            position = start + to as u64;
        }
        Some(found)
    }

    /// A page as it is in the file now, which has to be what it was when it was looked at before.
    fn page(&self, number: u64) -> Option<Rc<[u8]>> {
        let kept = self.recent.borrow().iter().find(|(kept, _)| *kept == number).map(|(_, page)| Rc::clone(page));
        if kept.is_some() {
            return kept;
        }
        let start = number.checked_mul(PAGE_BYTES)?;
        let length = self.size_bytes.checked_sub(start)?.min(PAGE_BYTES);
        let mut page = vec![0; usize::try_from(length).ok()?];
        if read_exact_at(self.file, &mut page, start).is_err() {
            self.has_failed.set(true);
            return None;
        }
        let digest = Sha256::digest(&page).into();
        if *self.seen.borrow_mut().entry(number).or_insert(digest) != digest {
            self.has_failed.set(true);
            return None;
        }
        let page: Rc<[u8]> = page.into();
        let mut recent = self.recent.borrow_mut();
        if recent.len() >= PAGES_KEPT {
            recent.pop_front();
        }
        recent.push_back((number, Rc::clone(&page)));
        Some(page)
    }

    /// Whether a page that is being hashed is what was seen of it, if anything was.
    pub(super) fn agrees(&self, number: u64, page: &[u8]) -> bool {
        self.seen.borrow().get(&number).is_none_or(|seen| *seen == <[u8; 32]>::from(Sha256::digest(page)))
    }

    /// Whether a part of the file could not be read, or changed between two looks.
    pub(super) const fn has_failed(&self) -> bool {
        self.has_failed.get()
    }

    /// Whether nothing was looked at.
    pub(super) fn is_unused(&self) -> bool {
        self.seen.borrow().is_empty()
    }
}

fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let count = read_at(file, buffer, offset)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = buffer.get_mut(count..).unwrap_or_default();
        offset += count as u64;
    }
    Ok(())
}

/// Reads at a place, whatever was read before.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(file, buffer, offset);
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(file, buffer, offset);
        match read {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
