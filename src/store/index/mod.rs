//! The index: the log in columns, as Parquet by month, for questions that would read a million entries.
//!
//! It is derived: nothing that it says is believed, and it can be removed and made anew.
//!
//! ```text
//! v1/index/segments/000000000000-000000131071-<digest>.json     what a segment covers, and its files
//! v1/index/2026-11/000000000000-000000131071-<digest>.parquet   its runs of one month
//! ```
//!
//! A segment covers a range of the log without a hole, and is created whole: first its files, one for
//! each month in it, then its state object, by which readers find them. Objects are created once and
//! never changed, so the next run only adds. It takes back small segments before it into the one that it
//! writes, as long as they are no longer than that: so there are few of them, and an entry is written a
//! logarithmic number of times. Readers take the longest segment at each place, and what is within a
//! longer one is left there unread. No segment crosses a multiple of [`SEGMENT_ENTRIES`], which bounds
//! the memory that one takes.
//!
//! Every entry is read from the log, never from an earlier segment, and its link is checked. A state
//! object has the digest of its last entry: a log that was cut off or written anew behind the index is
//! noticed by the next run, and by `find`.

mod search;
mod segment;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

pub(super) use self::search::search;
use self::segment::{IndexFile, Part, file_path};
pub(super) use self::segment::{Segment, SegmentName, cover};
use self::table::{Row, Table};
use super::log::{self, Entry};
use super::query::{effective_seconds, walk};
use super::{Store, StoreError};
use crate::digest::Sha256Digest;

/// Entries in a segment at most. Their rows take some 40 MB while a segment is made.
pub(super) const SEGMENT_ENTRIES: u64 = 1 << 17;

/// What a run of the index came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// Entries in the log, all of which the index covers now.
    pub entries: u64,
    /// How many of them it did not cover before.
    pub added: u64,
    /// Segments that were written.
    pub segments: u64,
    /// Their Parquet files.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
}

impl Store {
    /// Brings the index up to the end of the log, in one pass over what is new.
    ///
    /// # Errors
    /// [`StoreError`] if an entry does not follow the one before it, or if the log is shorter than or
    /// other than what was indexed.
    pub async fn index(&self) -> Result<Indexed, StoreError> {
        let entries = log::length(&self.objects).await?;
        let cover = cover(&self.objects).await?;
        let indexed = cover.last().map_or(0, |segment| segment.end());
        let mut done = Indexed { entries, added: entries.saturating_sub(indexed), segments: 0, files: 0, bytes: 0 };
        if let Some(last) = cover.last() {
            Segment::read(&self.objects, *last, &self.origin).await?.check_log(&self.objects, entries).await?;
        }
        if done.added == 0 {
            return Ok(done);
        }
        let first = first_to_write(&cover, indexed, entries);
        let known = self.known_ends(&cover, first).await?;
        for range in pieces(first, entries) {
            let segment = self.index_segment(range, &known).await?;
            done.segments += 1;
            done.files += segment.files.len() as u64;
            done.bytes += segment.files.iter().map(|file| file.size_bytes).sum::<u64>();
        }
        Ok(done)
    }

    /// Digests of entries that the index has: of the one before `first`, and behind it of the last one
    /// of each segment that is written anew.
    async fn known_ends(&self, cover: &[SegmentName], first: u64) -> Result<BTreeMap<u64, Sha256Digest>, StoreError> {
        let mut known = BTreeMap::new();
        for name in cover.iter().filter(|segment| segment.end() >= first) {
            let segment = Segment::read(&self.objects, *name, &self.origin).await?;
            known.insert(name.last, segment.last_entry);
        }
        Ok(known)
    }

    /// Makes the segment of `range`, which is within bounds, and writes it.
    async fn index_segment(
        &self,
        range: Range<u64>,
        known: &BTreeMap<u64, Sha256Digest>,
    ) -> Result<Segment, StoreError> {
        let mut months: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        if let Some(before) = range.start.checked_sub(1) {
            check_known(&self.entry(before).await?, known)?;
        }
        let last = walk(&self.objects, range.clone(), |entry| {
            check_known(entry, known)?;
            let row = Row::of(entry, effective_seconds(entry, &self.objects)?);
            let month = entry.leaf.effective_time.chars().take(7).collect();
            months.entry(month).or_default().push(row);
            Ok(())
        })
        .await?;
        let Some(last) = last else { return Err(StoreError::Full) };
        let mut files = Vec::with_capacity(months.len());
        for (month, rows) in months {
            files.push(self.write_file(range.start, last.sequence, month, rows).await?);
        }
        let segment = Segment {
            version: segment::FORMAT,
            origin: self.origin.clone(),
            first: range.start,
            last: last.sequence,
            last_entry: last.digest(),
            root: last.frontier().root(),
            files,
        };
        segment.create(&self.objects).await?;
        Ok(segment)
    }

    /// Writes the rows of a month in the segment from `first` to `last`.
    async fn write_file(&self, first: u64, last: u64, month: String, rows: Vec<Row>) -> Result<IndexFile, StoreError> {
        let at = segment::directory(&month);
        let failed = |reason: String| StoreError::index(self.objects.shown(&at), reason);
        let count = rows.len() as u64;
        let table = tokio::task::spawn_blocking(move || table::write(rows)).await;
        let Table { bytes, footer, row_groups } = table.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
        let part = |range: &Range<usize>| {
            let content = bytes.get(range.clone()).unwrap_or_default();
            Part { start: range.start as u64, length: content.len() as u64, sha256: Sha256Digest::of(content) }
        };
        let file = IndexFile {
            rows: count,
            sha256: Sha256Digest::of(&bytes),
            size_bytes: bytes.len() as u64,
            footer: part(&footer),
            row_groups: row_groups.iter().map(part).collect(),
            month,
        };
        self.objects.create_same(&file_path(first, last, &file), &bytes).await?;
        Ok(file)
    }
}

/// That an entry which was indexed before is the same as then.
fn check_known(entry: &Entry, known: &BTreeMap<u64, Sha256Digest>) -> Result<(), StoreError> {
    match known.get(&entry.sequence) {
        Some(digest) if *digest != entry.digest() => Err(StoreError::LogRewritten { sequence: entry.sequence }),
        _ => Ok(()),
    }
}

/// Where the next segment begins: behind what is indexed, or before small segments that it takes back.
fn first_to_write(cover: &[SegmentName], indexed: u64, entries: u64) -> u64 {
    let block = |sequence: u64| sequence.checked_div(SEGMENT_ENTRIES).unwrap_or_default();
    let block_end = block(indexed).saturating_add(1).saturating_mul(SEGMENT_ENTRIES);
    let end = entries.min(block_end);
    let mut first = indexed;
    for segment in cover.iter().rev().take_while(|segment| block(segment.first) == block(indexed)) {
        // A block that is complete becomes one segment, and stays so.
        if segment.length() > end.saturating_sub(first) && end < block_end {
            break;
        }
        first = segment.first;
    }
    first
}

/// `first..end`, cut at the multiples of [`SEGMENT_ENTRIES`].
fn pieces(first: u64, end: u64) -> Vec<Range<u64>> {
    let mut pieces = Vec::new();
    let mut start = first;
    while start < end {
        let block = start.checked_div(SEGMENT_ENTRIES).unwrap_or_default();
        let next = block.saturating_add(1).saturating_mul(SEGMENT_ENTRIES).min(end);
        pieces.push(start..next);
        start = next;
    }
    pieces
}
