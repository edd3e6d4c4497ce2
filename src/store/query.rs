//! Questions to the store: the newest runs, and those that a filter picks.
//!
//! What is answered is read from the log. The index only says where to look: each hit is compared with
//! its entry, so that an index which somebody edited cannot lie about a run.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{DateTime, SecondsFormat};
use futures::{StreamExt as _, TryStreamExt as _};
use globset::{GlobBuilder, GlobMatcher};

use super::index::{self, Segment};
use super::log::{self, Entry};
use super::objects::Objects;
use super::{Leaf, Store, StoreError, subjects};
use crate::decision::Verdict;
use crate::digest::Sha256Digest;
use crate::policy::EffectiveTime;
use crate::tier::Tier;

/// Entries that are read at a time. A request to a bucket takes tens of milliseconds: one after the
/// other, a million of them would take a working day.
const READS_AT_A_TIME: usize = 32;

/// A run as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRun {
    /// Number of its entry, from 0.
    pub sequence: u64,
    /// RFC 6962 hash of its leaf.
    pub leaf_hash: Sha256Digest,
    /// What the log says of it.
    pub leaf: Leaf,
}

impl LoggedRun {
    pub(super) fn of(entry: &Entry) -> Self {
        Self { sequence: entry.sequence, leaf_hash: entry.leaf_hash, leaf: entry.leaf.clone() }
    }
}

/// Which runs are looked for: those that fit all of it.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Models by their names; [`Filter::models()`] makes it.
    pub models: Option<Models>,
    /// The tier that applied.
    pub tier: Option<Tier>,
    /// What was decided.
    pub decision: Option<Verdict>,
    /// The first effective time.
    pub since: Option<EffectiveTime>,
    /// The last effective time, inclusive.
    pub until: Option<EffectiveTime>,
    /// A file that was judged.
    pub subject: Option<Sha256Digest>,
}

/// Models by their names.
#[derive(Debug, Clone)]
pub struct Models {
    glob: GlobMatcher,
    /// What every name begins with.
    start: String,
    /// The one name, where the pattern has no wildcard.
    only: Option<String>,
}

impl Filter {
    /// The same filter for models whose name fits `glob`; `*` also stands for `/`.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn models(self, glob: &str) -> Result<Self, String> {
        let matcher = GlobBuilder::new(glob).build().map_err(|error| error.kind().to_string())?.compile_matcher();
        let start: String = glob.chars().take_while(|character| !"*?[]{}\\".contains(*character)).collect();
        let only = (start == glob).then(|| glob.to_owned());
        Ok(Self { models: Some(Models { glob: matcher, start, only }), ..self })
    }

    /// The same filter for one model.
    #[must_use]
    pub fn model(self, name: &str) -> Self {
        let literal: String = globset::escape(name);
        let glob = GlobBuilder::new(&literal).build().ok().map(|glob| glob.compile_matcher());
        let models = glob.map(|glob| Models { glob, start: name.to_owned(), only: Some(name.to_owned()) });
        Self { models, ..self }
    }

    /// Whether a model of this name is looked for.
    pub(super) fn takes_model(&self, name: &str) -> bool {
        self.models.as_ref().is_none_or(|models| match &models.only {
            Some(only) => only == name,
            None => models.glob.is_match(name),
        })
    }

    /// Whether a model between these two names, both inclusive, may be looked for.
    pub(super) fn takes_models_between(&self, least: &[u8], most: &[u8]) -> bool {
        self.models.as_ref().is_none_or(|models| {
            let start = models.start.as_bytes();
            let head = least.get(..start.len().min(least.len())).unwrap_or_default();
            start <= most && if models.only.is_some() { least <= start } else { head <= start }
        })
    }

    /// Whether a decision in a tier at a time, in seconds since 1970, is looked for.
    pub(super) fn takes(&self, tier: &str, decision: &str, seconds: i64) -> bool {
        self.tier.is_none_or(|wanted| wanted.name() == tier)
            && self.decision.is_none_or(|wanted| wanted.name() == decision)
            && self.since.is_none_or(|since| since.seconds() <= seconds)
            && self.until.is_none_or(|until| seconds <= until.seconds())
    }

    /// Whether a month, as `2027-01`, may have what is looked for.
    pub(super) fn takes_month(&self, month: &str) -> bool {
        let month_of = |time: EffectiveTime| time.date().chars().take(7).collect::<String>();
        self.since.is_none_or(|since| month_of(since).as_str() <= month)
            && self.until.is_none_or(|until| month <= month_of(until).as_str())
    }

    fn takes_entry(&self, entry: &Entry, objects: &Objects) -> Result<bool, StoreError> {
        let leaf = &entry.leaf;
        let seconds = effective_seconds(entry, objects)?;
        Ok(self.takes_model(&leaf.model) && self.takes(leaf.tier.name(), leaf.decision.name(), seconds))
    }
}

/// The effective time of an entry in seconds since 1970.
///
/// # Errors
/// [`StoreError::Damaged`] unless it is written as the gate writes times. An entry without one would
/// otherwise be in no answer about a time.
pub(super) fn effective_seconds(entry: &Entry, objects: &Objects) -> Result<i64, StoreError> {
    let text = &entry.leaf.effective_time;
    let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    let time = time.filter(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true) == *text);
    let no_time = || {
        let reason = "its `effective_time` is not a time as `2027-01-31T12:00:00Z`";
        StoreError::damaged(objects.shown(&log::path(entry.sequence)), reason)
    };
    time.map(|time| time.timestamp()).ok_or_else(no_time)
}

/// The newest runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Entries in the log.
    pub entries: u64,
    /// The newest of them, the newest first.
    pub runs: Vec<LoggedRun>,
}

/// What a question came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Entries in the log.
    pub entries: u64,
    /// How many of them the index covers, from the first on.
    pub indexed: u64,
    /// How many runs fit.
    pub matched: u64,
    /// The newest of those, the newest first. Each is as the log has it.
    pub runs: Vec<LoggedRun>,
    /// What of the index could not be used. The log was read in its place.
    pub warnings: Vec<String>,
}

/// The newest of what fits, and how many did.
struct Hits {
    most: usize,
    matched: u64,
    newest: BTreeMap<u64, Sha256Digest>,
}

impl Hits {
    fn add(&mut self, sequence: u64, leaf_hash: Sha256Digest) {
        self.matched = self.matched.saturating_add(1);
        self.newest.insert(sequence, leaf_hash);
        if self.newest.len() > self.most {
            self.newest.pop_first();
        }
    }
}

impl Store {
    /// The newest `limit` runs. The link of each to the one before is checked.
    ///
    /// # Errors
    /// [`StoreError`] for an entry that is missing, damaged or does not follow the one before.
    pub async fn newest(&self, limit: usize) -> Result<Newest, StoreError> {
        let entries = log::length(&self.objects).await?;
        let first = entries.saturating_sub(u64::try_from(limit).unwrap_or(u64::MAX));
        let mut runs = Vec::new();
        walk(&self.objects, first..entries, |entry| {
            runs.push(LoggedRun::of(entry));
            Ok(())
        })
        .await?;
        runs.reverse();
        Ok(Newest { entries, runs })
    }

    /// The runs that fit `filter`, the newest `limit` of them. With `use_index`, what the index covers is
    /// looked up there, and only the rest of the log is read.
    ///
    /// # Errors
    /// [`StoreError`] if the log is damaged, shorter than what was indexed or not what was indexed. A
    /// damaged index is no error: the log is read, and a warning says so.
    pub async fn find(&self, filter: &Filter, limit: usize, use_index: bool) -> Result<Found, StoreError> {
        let entries = log::length(&self.objects).await?;
        let cover = if use_index { index::cover(&self.objects).await? } else { Vec::new() };
        let indexed = cover.last().map_or(0, |segment| segment.end());
        let mut warnings = Vec::new();
        let mut hits = Hits { most: limit, matched: 0, newest: BTreeMap::new() };
        if let Some(subject) = filter.subject
            && let Some(sequences) = self.sequences_of(subject).await?
        {
            self.check_end(&cover, entries, &mut warnings).await?;
            for sequence in sequences {
                let entry = self.entry(sequence).await?;
                if filter.takes_entry(&entry, &self.objects)? {
                    hits.add(sequence, entry.leaf_hash);
                }
            }
        } else {
            let leaves = match filter.subject {
                Some(subject) => Some(subjects::leaves(&self.objects, subject).await?),
                None => None,
            };
            self.check_end(&cover, entries, &mut warnings).await?;
            let search = Search::of(filter, leaves.as_ref());
            self.search(&search, &cover, entries, &mut hits, &mut warnings).await?;
        }
        let runs = self.confirmed(filter, &hits).await?;
        Ok(Found { entries, indexed, matched: hits.matched, runs, warnings })
    }

    /// That the log still has what was indexed, at least at the end of it.
    async fn check_end(
        &self,
        cover: &[index::SegmentName],
        entries: u64,
        warnings: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let Some(last) = cover.last() else { return Ok(()) };
        match Segment::read(&self.objects, *last, &self.origin).await {
            Ok(segment) => segment.check_log(&self.objects, entries).await,
            Err(error) => recoverable(error).map(|warning| warnings.push(warning)),
        }
    }

    async fn search(
        &self,
        search: &Search<'_>,
        cover: &[index::SegmentName],
        entries: u64,
        hits: &mut Hits,
        warnings: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        for name in cover {
            match index::search(&self.objects, *name, &self.origin, search).await {
                Ok(rows) => rows.into_iter().for_each(|(sequence, leaf_hash)| hits.add(sequence, leaf_hash)),
                Err(error) => {
                    let warning = recoverable(error)?;
                    if !warnings.contains(&warning) {
                        warnings.push(warning);
                    }
                    self.search_log(search, name.first..name.end(), hits).await?;
                }
            }
        }
        let indexed = cover.last().map_or(0, |segment| segment.end());
        self.search_log(search, indexed..entries, hits).await
    }

    async fn search_log(&self, search: &Search<'_>, range: Range<u64>, hits: &mut Hits) -> Result<(), StoreError> {
        walk(&self.objects, range, |entry| {
            if search.takes_leaf(&entry.leaf_hash) && search.filter.takes_entry(entry, &self.objects)? {
                hits.add(entry.sequence, entry.leaf_hash);
            }
            Ok(())
        })
        .await
        .map(|_| ())
    }

    /// The entries behind the hits, compared with what the index said of them.
    async fn confirmed(&self, filter: &Filter, hits: &Hits) -> Result<Vec<LoggedRun>, StoreError> {
        let entries = futures::stream::iter(hits.newest.iter().rev()).map(|(sequence, leaf_hash)| async move {
            Ok::<_, StoreError>((self.entry(*sequence).await?, *leaf_hash))
        });
        let entries: Vec<_> = entries.buffered(READS_AT_A_TIME).try_collect().await?;
        let mut runs = Vec::with_capacity(entries.len());
        for (entry, leaf_hash) in entries {
            if entry.leaf_hash != leaf_hash || !filter.takes_entry(&entry, &self.objects)? {
                return Err(StoreError::IndexDiffers { sequence: entry.sequence });
            }
            if let Some(subject) = filter.subject {
                subjects::check_judged(self, &entry, subject).await?;
            }
            runs.push(LoggedRun::of(&entry));
        }
        Ok(runs)
    }

    /// Entry `sequence`, which must be there.
    pub(super) async fn entry(&self, sequence: u64) -> Result<Entry, StoreError> {
        let missing = || StoreError::Missing { object: self.objects.shown(&log::path(sequence)) };
        Entry::read(&self.objects, sequence).await?.ok_or_else(missing)
    }
}

/// A filter, and the only leaves that come into question where a file is looked for.
pub(super) struct Search<'a> {
    pub(super) filter: &'a Filter,
    leaves: Option<&'a BTreeSet<Sha256Digest>>,
}

impl<'a> Search<'a> {
    pub(super) const fn of(filter: &'a Filter, leaves: Option<&'a BTreeSet<Sha256Digest>>) -> Self {
        Self { filter, leaves }
    }

    pub(super) fn takes_leaf(&self, leaf_hash: &Sha256Digest) -> bool {
        self.leaves.is_none_or(|leaves| leaves.contains(leaf_hash))
    }
}

/// What to say of an error of the index, which the log can stand in for; any other error stays one.
fn recoverable(error: StoreError) -> Result<String, StoreError> {
    match error {
        StoreError::Index { .. } => Ok(format!("{error}; the log was read in its place")),
        other => Err(other),
    }
}

/// Hands the entries of `range` to `each` in their order, many being read at a time, and checks the link
/// of each to the one before it. Gives the last.
pub(super) async fn walk(
    objects: &Objects,
    range: Range<u64>,
    mut each: impl FnMut(&Entry) -> Result<(), StoreError>,
) -> Result<Option<Entry>, StoreError> {
    let read = |sequence| {
        let task = tokio::spawn(read_entry(objects.clone(), sequence));
        async move {
            // A task ends without a result only when it panicked or the process ends.
            task.await.map_err(|error| StoreError::access(&log::path(sequence), &error))?
        }
    };
    let mut last = match range.start.checked_sub(1).filter(|_| !range.is_empty()) {
        Some(before) => Some(read_entry(objects.clone(), before).await?),
        None => None,
    };
    let mut entries = futures::stream::iter(range).map(read).buffered(READS_AT_A_TIME);
    while let Some(entry) = entries.try_next().await? {
        entry.check_follows(last.as_ref(), objects)?;
        each(&entry)?;
        last = Some(entry);
    }
    Ok(last)
}

async fn read_entry(objects: Objects, sequence: u64) -> Result<Entry, StoreError> {
    let missing = || StoreError::Missing { object: objects.shown(&log::path(sequence)) };
    Entry::read(&objects, sequence).await?.ok_or_else(missing)
}
