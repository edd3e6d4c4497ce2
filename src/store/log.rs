//! The log: one entry for each decision, chained by hashes, its order fixed by who creates a number
//! first.

use std::time::Duration;

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::merkle::{Frontier, leaf_hash};
use super::objects::{Created, Objects};
use super::{StoreError, parse_canonical};
use crate::canonical::CanonicalJson;
use crate::decision::Verdict;
use crate::digest::Sha256Digest;
use crate::evidence::RunKey;
use crate::tier::Tier;

/// Largest leaf: C2SP tlog-tiles writes a leaf's length in 16 bits.
pub(super) const MAX_LEAF_BYTES: usize = 65_535;

/// The last number that the name of an entry has digits for.
const MAX_SEQUENCE: u64 = 999_999_999_999;

/// How often an append is tried anew. What ends it first is the time that an append has; this bounds what it asks
/// of a store that answers at once.
const MAX_ATTEMPTS: u32 = 1000;

/// The pause before a new attempt is random, below a bound that doubles from the first to the last.
const FIRST_PAUSE_MILLISECONDS: u64 = 4;
const LAST_PAUSE_MILLISECONDS: u64 = 512;

/// What the log says of one decision: digests, never content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// Version of this format. Always 1.
    pub version: u32,
    /// The run.
    pub run_key: RunKey,
    /// What was decided.
    pub decision: Verdict,
    /// SHA-256 of the decision record.
    pub decision_record: Sha256Digest,
    /// SHA-256 of the facts.
    pub facts: Sha256Digest,
    /// Name of the model.
    pub model: String,
    /// Version of the model.
    pub model_version: String,
    /// The tier that applied.
    pub tier: Tier,
    /// The time at which policies were evaluated.
    pub effective_time: String,
    /// SHA-256 of each signed payload.
    pub statements: Vec<Sha256Digest>,
    /// SHA-256 of each bundle.
    pub bundles: Vec<Sha256Digest>,
    /// SHA-256 of each other blob: facts, record, policies, reports.
    pub blobs: Vec<Sha256Digest>,
    /// How many inputs were judged.
    pub subjects: u64,
}

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    seq: u64,
    /// SHA-256 of the previous entry's object; null for the first.
    previous: Option<Sha256Digest>,
    /// Compact range of the tree before this leaf, so that whoever reads one entry can append the next
    /// and sign the tree with it.
    frontier: Vec<Sha256Digest>,
    leaf: Leaf,
}

/// An entry that was read, or is about to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) sequence: u64,
    pub(super) leaf: Leaf,
    pub(super) leaf_hash: Sha256Digest,
    previous: Option<Sha256Digest>,
    before: Frontier,
    object: CanonicalJson,
}

impl Entry {
    /// The entry for `leaf` behind `head`, or the first.
    pub(super) fn after(head: Option<&Self>, leaf: Leaf) -> Result<Self, StoreError> {
        let leaf_json = CanonicalJson::of(&leaf)?;
        if leaf_json.bytes().len() > MAX_LEAF_BYTES {
            return Err(StoreError::LeafTooLarge { bytes: leaf_json.bytes().len() });
        }
        let sequence = head.map_or(0, |head| head.sequence.saturating_add(1));
        if sequence > MAX_SEQUENCE {
            return Err(StoreError::Full);
        }
        let (previous, before) = (head.map(|head| head.object.digest()), frontier_after(head));
        let raw = RawEntry { seq: sequence, previous, frontier: before.hashes().to_vec(), leaf };
        let object = CanonicalJson::of(&raw)?;
        Ok(Self { sequence, leaf: raw.leaf, leaf_hash: leaf_hash(leaf_json.bytes()), previous, before, object })
    }

    /// Reads entry `sequence`, or none when it is not there.
    pub(super) async fn read(objects: &Objects, sequence: u64) -> Result<Option<Self>, StoreError> {
        match objects.get(&path(sequence)).await? {
            None => Ok(None),
            Some(bytes) => Self::parse(objects, sequence, &bytes).map(Some),
        }
    }

    /// Reads the bytes of entry `sequence`.
    pub(super) fn parse(objects: &Objects, sequence: u64, bytes: &[u8]) -> Result<Self, StoreError> {
        let path = path(sequence);
        let (raw, object) = parse_canonical::<RawEntry>(objects, &path, bytes)?;
        let damaged = |reason| StoreError::damaged(objects.shown(&path), reason);
        if raw.seq != sequence {
            return Err(damaged("its `seq` is not the number in its name"));
        }
        let before = Frontier::new(sequence, raw.frontier)
            .ok_or_else(|| damaged("its `frontier` is not that of a tree of its size"))?;
        let leaf_json = CanonicalJson::of(&raw.leaf)?;
        Ok(Self {
            sequence,
            leaf: raw.leaf,
            leaf_hash: leaf_hash(leaf_json.bytes()),
            previous: raw.previous,
            before,
            object,
        })
    }

    /// That this entry stands behind `previous`: the link and the tree.
    pub(super) fn check_follows(&self, previous: Option<&Self>, objects: &Objects) -> Result<(), StoreError> {
        let damaged = |reason| Err(StoreError::damaged(objects.shown(&path(self.sequence)), reason));
        if self.previous != previous.map(|previous| previous.object.digest()) {
            return damaged("its `previous` is not the digest of the entry before it: one of the two was changed");
        }
        if self.before != frontier_after(previous) {
            return damaged("its `frontier` is not that of the entries before it");
        }
        Ok(())
    }

    /// SHA-256 of the object of the entry before this one, as this one says.
    pub(super) const fn previous(&self) -> Option<Sha256Digest> {
        self.previous
    }

    /// The tree before this entry, as it says.
    pub(super) const fn before(&self) -> &Frontier {
        &self.before
    }

    /// The object as it is stored.
    pub(super) const fn object(&self) -> &CanonicalJson {
        &self.object
    }

    /// Root of the perfect subtree of 2^`level` leaves that ends with this entry, if one does.
    pub(super) fn completed(&self, level: u32) -> Option<Sha256Digest> {
        self.before.completed(self.leaf_hash, level)
    }

    /// SHA-256 of the entry's object, by which the next one names it.
    pub(super) const fn digest(&self) -> Sha256Digest {
        self.object.digest()
    }

    /// The tree with this entry.
    pub(super) fn frontier(&self) -> Frontier {
        self.before.with(self.leaf_hash)
    }
}

/// The tree with this entry at its end, or the empty one.
pub(super) fn frontier_after(entry: Option<&Entry>) -> Frontier {
    entry.map_or_else(Frontier::default, Entry::frontier)
}

/// Where the entries are.
pub(super) fn prefix() -> Path {
    Path::from("v1/log/entry")
}

/// Where the checkpoints are.
pub(super) fn checkpoint_prefix() -> Path {
    Path::from("v1/log/checkpoint")
}

/// Where the checkpoint of the log with `size` entries is.
pub(super) fn checkpoint_path(size: u64) -> Path {
    Path::from(format!("v1/log/checkpoint/{size:012}"))
}

/// Where entry `sequence` is.
pub(super) fn path(sequence: u64) -> Path {
    Path::from(format!("v1/log/entry/{sequence:012}"))
}

/// Appends `leaf`, unless the end of the log has it, and gives its entry.
pub(super) async fn append(objects: &Objects, leaf: &Leaf) -> Result<Entry, StoreError> {
    let mut head = match head(objects, leaf).await? {
        Head::Ours(entry) => return Ok(entry),
        Head::Other(head) => head,
    };
    for attempt in 0..MAX_ATTEMPTS {
        let entry = Entry::after(head.as_ref(), leaf.clone())?;
        let created = objects.create(&path(entry.sequence), entry.object.bytes()).await;
        if matches!(created, Ok(Created::New)) {
            return Ok(entry);
        }
        // Somebody else's, or our own whose answer was lost: what is there decides. It may be nothing:
        // S3 says that it is there when a concurrent attempt got in the way of both.
        match follow(objects, head, leaf).await? {
            Head::Ours(entry) => return Ok(entry),
            Head::Other(latest) => head = latest,
        }
        created?;
        pause(attempt).await?;
    }
    Err(StoreError::Contended { attempts: MAX_ATTEMPTS })
}

/// The end of the log: an entry with the leaf that was to be appended, or another, or none yet.
enum Head {
    Ours(Entry),
    Other(Option<Entry>),
}

/// Finds the last entry, and checks its link to the one before it.
async fn head(objects: &Objects, leaf: &Leaf) -> Result<Head, StoreError> {
    let length = length(objects).await?;
    // From the entry before the last: for the link, and because a run that was cut off after its
    // entry may by now have another behind it.
    let start = length.saturating_sub(2);
    let Some(first) = (if length == 0 { None } else { Entry::read(objects, start).await? }) else {
        return Ok(Head::Other(None));
    };
    if start == 0 {
        first.check_follows(None, objects)?;
    }
    if first.leaf == *leaf {
        return Ok(Head::Ours(first));
    }
    follow(objects, Some(first), leaf).await
}

/// Walks from `head` to the last entry, checking each link.
async fn follow(objects: &Objects, mut head: Option<Entry>, leaf: &Leaf) -> Result<Head, StoreError> {
    loop {
        let next = head.as_ref().map_or(0, |head| head.sequence.saturating_add(1));
        let Some(entry) = Entry::read(objects, next).await? else { return Ok(Head::Other(head)) };
        entry.check_follows(head.as_ref(), objects)?;
        if entry.leaf == *leaf {
            return Ok(Head::Ours(entry));
        }
        head = Some(entry);
    }
}

/// How many entries there are, found in a logarithmic number of requests: entries are created one
/// behind the other, so whether a number is there says whether all below it are.
pub(super) async fn length(objects: &Objects) -> Result<u64, StoreError> {
    let (mut there, mut absent) = (0, 1);
    // `there` entries are there for certain; entry `absent - 1` is the next to be asked for.
    while objects.exists(&path(absent - 1)).await? {
        there = absent;
        absent = absent.saturating_mul(2);
    }
    while there + 1 < absent {
        let middle = there.midpoint(absent);
        if objects.exists(&path(middle - 1)).await? { there = middle } else { absent = middle }
    }
    // Whoever removed an entry could otherwise have the log written on from the hole.
    if is_any_behind(objects, there).await? && !objects.exists(&path(there)).await? {
        return Err(StoreError::Missing { object: objects.shown(&path(there)) });
    }
    Ok(there)
}

/// Whether there is an entry behind the place `end`, where none was a moment ago.
///
/// A bucket lists what is behind a name in one request. A directory is read whole for that, which for
/// a million entries takes seconds at each append; there, the places at distances that double are
/// looked at. A hole that is no longer than what follows it is found. Behind a longer one the first
/// writer that reaches the rest finds that its link does not hold, and the audit reads all names.
async fn is_any_behind(objects: &Objects, end: u64) -> Result<bool, StoreError> {
    if objects.lists_from_offset() {
        let offset = end.checked_sub(1).map(path);
        return Ok(!objects.names(&prefix(), offset.as_ref()).await?.is_empty());
    }
    let distances = (0..u64::BITS).map_while(|doubling| 1_u64.checked_shl(doubling));
    for place in distances.map(|distance| end.saturating_add(distance)).take_while(|place| *place <= MAX_SEQUENCE) {
        if objects.exists(&path(place)).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn pause(attempt: u32) -> Result<(), StoreError> {
    let bound = FIRST_PAUSE_MILLISECONDS.saturating_mul(1_u64.checked_shl(attempt).unwrap_or(u64::MAX));
    sleep_below(bound.min(LAST_PAUSE_MILLISECONDS)).await
}

/// Sleeps for a random time, so that writers which met do not meet again.
pub(super) async fn sleep_below(bound_milliseconds: u64) -> Result<(), StoreError> {
    let random = getrandom::u64().map_err(|_| StoreError::NoRandomness)?;
    let milliseconds = random.checked_rem(bound_milliseconds).unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    Ok(())
}
