//! Segments: which part of the log is indexed, in which files, and up to which entry.

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::SEGMENT_ENTRIES;
use crate::canonical::CanonicalJson;
use crate::digest::Sha256Digest;
use crate::store::StoreError;
use crate::store::log::Entry;
use crate::store::objects::{MAX_OBJECT_BYTES, Objects};
use crate::store::read_canonical;

/// Version of the state object and of the files' columns.
pub(super) const FORMAT: u32 = 1;

/// State objects that are listed: one for each run of the index, hourly for a century.
const MAX_SEGMENTS: usize = 1_000_000;

/// Files of a segment: one for each month in it, for eight thousand years.
const MAX_FILES: usize = 100_000;

/// The range of the log that a segment covers, as its name has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct SegmentName {
    pub(in crate::store) first: u64,
    /// Inclusive.
    pub(in crate::store) last: u64,
    /// The first eight bytes of the state object's SHA-256: damage is not taken for what it says.
    pub(super) check: u64,
}

impl SegmentName {
    /// Number of the entry behind the last.
    pub(in crate::store) const fn end(self) -> u64 {
        self.last.saturating_add(1)
    }

    pub(super) const fn length(self) -> u64 {
        self.end().saturating_sub(self.first)
    }

    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".json")?.split('-');
        let (first, last, check) = (parts.next()?, parts.next()?, parts.next()?);
        let check = u64::from_str_radix(check, 16).ok()?;
        let parsed = Self { first: first.parse().ok()?, last: last.parse().ok()?, check };
        let block = |sequence: u64| sequence.checked_div(SEGMENT_ENTRIES);
        let is_in_order = parsed.first <= parsed.last && block(parsed.first) == block(parsed.last);
        // One spelling of each name, so that it is found again.
        (is_in_order && parsed.file_name() == name).then_some(parsed)
    }

    fn file_name(self) -> String {
        format!("{}-{:016x}.json", self.range(), self.check)
    }

    fn path(self) -> Path {
        Path::from(format!("v1/index/segments/{}", self.file_name()))
    }

    /// The entries that it covers, as names of objects have them.
    fn range(self) -> String {
        format!("{:012}-{:012}", self.first, self.last)
    }
}

/// The first eight bytes of a digest.
fn check_of(digest: Sha256Digest) -> u64 {
    digest.as_bytes().first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// A part of a file, with its digest: what is read of a file is checked, and no more of it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store) struct Part {
    pub(super) start: u64,
    pub(super) length: u64,
    pub(super) sha256: Sha256Digest,
}

/// A Parquet file of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store) struct IndexFile {
    /// `2027-01`.
    pub(super) month: String,
    pub(super) rows: u64,
    pub(super) sha256: Sha256Digest,
    pub(super) size_bytes: u64,
    /// The metadata at its end, with the least and greatest values of each row group.
    pub(super) footer: Part,
    pub(super) row_groups: Vec<Part>,
}

/// What a segment covers, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::store) struct Segment {
    pub(super) version: u32,
    /// The log's.
    pub(super) origin: String,
    pub(super) first: u64,
    pub(super) last: u64,
    /// SHA-256 of the object of entry `last`.
    pub(super) last_entry: Sha256Digest,
    /// RFC 6962 root hash of the log up to entry `last`.
    pub(super) root: Sha256Digest,
    pub(super) files: Vec<IndexFile>,
}

impl Segment {
    /// Reads a state object that is named by the cover.
    pub(in crate::store) async fn read(objects: &Objects, name: SegmentName, origin: &str) -> Result<Self, StoreError> {
        let path = name.path();
        let damaged = |reason: &str| StoreError::index(objects.shown(&path), reason);
        let (segment, content) = match read_canonical::<Self>(objects, &path).await {
            Ok(Some(read)) => read,
            Ok(None) => return Err(damaged("it is gone")),
            Err(StoreError::Damaged { object, reason }) => return Err(StoreError::index(object, reason)),
            Err(error) => return Err(error),
        };
        let rows = segment.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.rows));
        if check_of(content.digest()) != name.check {
            return Err(damaged("its content is not what was written"));
        }
        if segment.version != FORMAT || segment.origin != origin {
            return Err(damaged("it is of another version or of another log"));
        }
        if (segment.first, segment.last) != (name.first, name.last) || rows != Some(name.length()) {
            return Err(damaged("it does not cover what its name says"));
        }
        if segment.files.len() > MAX_FILES || !segment.files.iter().all(IndexFile::is_within_bounds) {
            return Err(damaged("its files are not those of an index"));
        }
        Ok(segment)
    }

    /// Creates the state object, and gives its name.
    pub(super) async fn create(&self, objects: &Objects) -> Result<SegmentName, StoreError> {
        let content = CanonicalJson::of(self)?;
        let name = SegmentName { first: self.first, last: self.last, check: check_of(content.digest()) };
        objects.create_same(&name.path(), content.bytes()).await?;
        Ok(name)
    }

    /// That the log of `entries` entries still has the last one that is covered.
    pub(in crate::store) async fn check_log(&self, objects: &Objects, entries: u64) -> Result<(), StoreError> {
        let end = self.last.saturating_add(1);
        if entries < end {
            return Err(StoreError::LogTruncated { indexed: end, entries });
        }
        match Entry::read(objects, self.last).await? {
            Some(entry) if entry.digest() == self.last_entry => Ok(()),
            _ => Err(StoreError::LogRewritten { sequence: self.last }),
        }
    }
}

impl IndexFile {
    /// Whether its numbers are those that a segment may have. They come from the store.
    fn is_within_bounds(&self) -> bool {
        let is_month = self.month.len() == 7
            && self.month.bytes().enumerate().all(|(position, byte)| match position {
                4 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let is_within = |part: &Part| part.start.checked_add(part.length).is_some_and(|end| end <= self.size_bytes);
        let parts = self.row_groups.iter().chain([&self.footer]);
        is_month && self.size_bytes <= MAX_OBJECT_BYTES && parts.into_iter().all(is_within)
    }
}

/// Where the files of a month are.
pub(super) fn directory(month: &str) -> Path {
    Path::from(format!("v1/index/{month}"))
}

/// Where a file is. Two versions may write the same rows in other bytes: each has a name of its own.
pub(super) fn file_path(first: u64, last: u64, file: &IndexFile) -> Path {
    let digest: String = file.sha256.to_hex().chars().take(16).collect();
    directory(&file.month).join(format!("{first:012}-{last:012}-{digest}.parquet"))
}

/// The segments that cover the log from its first entry without a hole, as far as they go.
pub(in crate::store) async fn cover(objects: &Objects) -> Result<Vec<SegmentName>, StoreError> {
    let prefix = Path::from("v1/index/segments");
    let names = objects.names_beginning_with(&prefix, "", MAX_SEGMENTS).await?;
    let mut segments: Vec<_> = names.iter().filter_map(|name| SegmentName::parse(name)).collect();
    segments.sort_unstable();
    Ok(covering(&segments))
}

/// Of sorted segments: at each place the longest that begins there.
fn covering(segments: &[SegmentName]) -> Vec<SegmentName> {
    let mut cover: Vec<SegmentName> = Vec::new();
    for segment in segments {
        let end = cover.last().map_or(0, |last| last.end());
        match cover.last_mut() {
            // The next of those that begin at the same place is longer.
            Some(last) if last.first == segment.first => *last = *segment,
            _ if segment.first == end => cover.push(*segment),
            _ => {}
        }
    }
    cover
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_were_written_are_names() {
        let name = SegmentName { first: 7, last: 131_071, check: 0xab };
        assert_eq!(SegmentName::parse("000000000007-000000131071-00000000000000ab.json"), Some(name));
        for other in [
            "",
            "7-9-ab.json",
            "000000000007-000000131071.json",
            "000000000007-000000131071-00000000000000ab",
            "000000000009-000000000007-00000000000000ab.json",
            "000000000007-000000131072-00000000000000ab.json",
            "000000000007-000000131071-00000000000000AB.json",
            "000000000007-000000131071-00000000000000ab-1.json",
            "+00000000007-000000131071-00000000000000ab.json",
            "000000000007-99999999999999999999-00000000000000ab.json",
        ] {
            assert_eq!(SegmentName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn the_longest_segment_at_each_place_is_taken() {
        let covering = |ranges: &[(u64, u64)]| {
            let segments: Vec<_> =
                ranges.iter().map(|(first, last)| SegmentName { first: *first, last: *last, check: 0 }).collect();
            super::covering(&segments).iter().map(|segment| (segment.first, segment.last)).collect::<Vec<_>>()
        };
        assert_eq!(covering(&[]), []);
        assert_eq!(covering(&[(1, 4)]), []);
        assert_eq!(covering(&[(0, 1), (0, 4), (2, 4), (2, 9), (5, 6), (8, 9)]), [(0, 4), (5, 6)]);
    }
}
