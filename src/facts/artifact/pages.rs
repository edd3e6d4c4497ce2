//! Small parts of a file, one after the other, wherever they are in it.
//!
//! A part behind the beginning costs a page that is read and hashed; the last few pages are kept, so that a walk
//! through a large file reads each of them once. How many it may read is bounded.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::BufReader;

use serde::de::DeserializeOwned;

use super::content::PAGE_BYTES;
use super::{Content, Findings, RiskSeverity};

/// Pages that are kept: a walk goes back and forth between a few places.
const KEPT_PAGES_MAX: usize = 16;

/// Pages that one walk may read behind the beginning: a gibibyte. What describes the tensors of the largest models is
/// some megabytes; a file that is made to be looked through for hours ends here.
const PAGES_MAX: u32 = 16_384;

/// Why a file could not be read on, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) at: u64,
    pub(super) why: &'static str,
}

impl Broken {
    pub(super) const fn new(at: u64, why: &'static str) -> Self {
        Self { at, why }
    }

    /// Notes that a file of a format does not hold to it.
    pub(super) fn note(self, findings: &mut Findings, code: &str, subject: &str) {
        let message = format!("{subject} is broken: {}", self.why);
        findings.risk(self.at, RiskSeverity::High, code, message);
    }
}

/// Why a part is not there.
const CUT: &str = "it goes on beyond the end of the file";

#[derive(Debug)]
pub(super) struct Pages<'a> {
    content: Content<'a>,
    kept: RefCell<VecDeque<(u64, Vec<u8>)>>,
    left: Cell<u32>,
}

impl<'a> Pages<'a> {
    pub(super) const fn of(content: Content<'a>) -> Self {
        Self { content, kept: RefCell::new(VecDeque::new()), left: Cell::new(PAGES_MAX) }
    }

    pub(super) const fn size_bytes(&self) -> u64 {
        self.content.size_bytes
    }

    /// `length` bytes at `offset`; the caller bounds the length.
    pub(super) fn get(&self, offset: u64, length: usize) -> Result<Cow<'a, [u8]>, Broken> {
        let cut = Broken::new(offset, CUT);
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.content.size_bytes).ok_or(cut)?;
        if end <= self.content.bytes.len() as u64 {
            let start = usize::try_from(offset).map_err(|_| cut)?;
            return self.content.bytes.get(start..).and_then(|rest| rest.get(..length)).map(Cow::Borrowed).ok_or(cut);
        }
        let mut found = Vec::with_capacity(length);
        let mut position = offset;
        while position < end {
            let start = position - position % PAGE_BYTES;
            let from = usize::try_from(position - start).map_err(|_| cut)?;
            let count = self.with_page(start, |page| {
                let to = usize::try_from(end - start).map_or(page.len(), |to| to.min(page.len()));
                let part = page.get(from..to).unwrap_or_default();
                found.extend_from_slice(part);
                part.len()
            })?;
            if count == 0 {
                return Err(cut);
            }
            position += count as u64;
        }
        Ok(Cow::Owned(found))
    }

    /// So many bytes as they are.
    pub(super) fn array<const N: usize>(&self, offset: u64) -> Result<[u8; N], Broken> {
        // The way of nearly every byte of nearly every file.
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some(bytes) = self.content.bytes.get(start..).and_then(|rest| rest.first_chunk::<N>()) {
            return Ok(*bytes);
        }
        self.get(offset, N)?.first_chunk::<N>().copied().ok_or(Broken::new(offset, CUT))
    }

    fn with_page<T>(&self, start: u64, look: impl FnOnce(&[u8]) -> T) -> Result<T, Broken> {
        let mut kept = self.kept.borrow_mut();
        if let Some((_, page)) = kept.iter().find(|(place, _)| *place == start) {
            return Ok(look(page));
        }
        let left = self.left.get().checked_sub(1).ok_or(Broken::new(start, "it is too large to be looked through"))?;
        self.left.set(left);
        let length = (self.content.size_bytes - start).min(PAGE_BYTES);
        let length = usize::try_from(length).map_err(|_| Broken::new(start, CUT))?;
        let page = self.content.at(start, length).ok_or(Broken::new(start, "it is too large to be looked through"))?;
        let found = look(&page);
        if kept.len() >= KEPT_PAGES_MAX {
            kept.pop_front();
        }
        kept.push_back((start, page.into_owned()));
        Ok(found)
    }
}

/// Reads all of a file as JSON of a known form.
pub(super) fn json<T: DeserializeOwned>(content: Content<'_>) -> Result<T, String> {
    let parsed = match content.is_whole() {
        true => serde_json::from_slice(content.bytes),
        false => serde_json::from_reader(BufReader::new(content.pieces(0, content.size_bytes))),
    };
    parsed.map_err(|error| error.to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::facts::artifact::FileInput;
    use crate::facts::artifact::reading::Reading;
    use crate::manifest::raw::ArtifactRole;

    /// Looks at bytes as at a file of which only the first page is kept.
    pub(in crate::facts::artifact) fn as_large_file<T>(bytes: &[u8], look: impl FnOnce(Content<'_>) -> T) -> T {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        let input = FileInput { path: "file", absolute: &path, role: ArtifactRole::Model };
        let kept = usize::try_from(PAGE_BYTES).unwrap();
        Reading::open(input, kept, &mut Vec::new()).unwrap().inspect(look).unwrap().0
    }

    #[test]
    fn parts_are_the_same_wherever_they_are() {
        let bytes: Vec<u8> = (0..5 * PAGE_BYTES + 100).map(|index| (index * 7 + index / 253) as u8).collect();
        as_large_file(&bytes, |content| {
            let (far, near) = (Pages::of(content), Pages::of(Content::of(&bytes, bytes.len() as u64)));
            let places = [0, 1, PAGE_BYTES - 2, PAGE_BYTES, 2 * PAGE_BYTES - 1, 5 * PAGE_BYTES + 96, u64::MAX];
            for offset in places {
                assert_eq!(far.array::<4>(offset), near.array::<4>(offset), "{offset}");
                assert_eq!(far.get(offset, 70_000), near.get(offset, 70_000), "{offset}");
                assert_eq!(far.get(offset, 0), near.get(offset, 0), "{offset}");
            }
            assert_eq!(far.array::<4>(5 * PAGE_BYTES + 97), Err(Broken::new(5 * PAGE_BYTES + 97, CUT)));
        });
    }

    #[test]
    fn a_walk_reads_only_so_many_pages() {
        let bytes = vec![0; 4 * PAGE_BYTES as usize];
        as_large_file(&bytes, |content| {
            let pages = Pages::of(content);
            pages.left.set(2);
            assert!(pages.array::<1>(PAGE_BYTES).is_ok() && pages.array::<1>(2 * PAGE_BYTES).is_ok());
            // Those that are kept cost nothing.
            assert!(pages.array::<1>(PAGE_BYTES).is_ok());
            assert_eq!(pages.array::<1>(3 * PAGE_BYTES).unwrap_err().why, "it is too large to be looked through");
        });
    }
}
