//! A walk over the whole store: is everything that it says of itself so?

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::pin;

use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::log::{self, Entry};
use super::merkle::Frontier;
use super::note::Checkpoint;
use super::objects::Objects;
use super::sync::judged;
use super::{Receipt, RunKey, Store, StoreError, SubjectPointer, VERSION, blob_path, receipt_path, subject_path};
use crate::canonical::CanonicalJson;
use crate::digest::Sha256Digest;

/// Objects that are read at a time: in a bucket each takes as long as the way there and back.
const READ_AT_A_TIME: usize = 16;

/// What a walk over the store came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "modelgate audit of a store, version 1")]
pub struct Audit {
    /// Version of this format. Always 1.
    pub version: u32,
    /// The log as it was derived from its entries.
    pub checkpoint: CheckpointSummary,
    /// Whether the log has a key that checkpoints are signed with. A log without one is only as good as the checkpoints
    /// that its readers kept.
    pub is_signed: bool,
    /// Blobs that have the digest in their name.
    pub blobs: u64,
    /// Receipts that are those of their entries.
    pub receipts: u64,
    /// Pointers from inputs to runs that are those of the runs' statements.
    pub subjects: u64,
    /// Checkpoints that are signed and have the root of their size.
    pub checkpoints: u64,
    /// Checkpoints kept elsewhere that the log continues.
    pub continues: u64,
    /// Entries whose run has no receipt: it was cut off, and repeating it writes one. No fault.
    pub without_receipt: Vec<u64>,
    /// Everything that does not hold.
    pub findings: Vec<Finding>,
}

/// A checkpoint as documents show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointSummary {
    /// Names the log among all logs.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// Merkle tree hash of their leaves (RFC 6962), base64.
    pub root: String,
}

impl From<&Checkpoint> for CheckpointSummary {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self { origin: checkpoint.origin.clone(), size: checkpoint.size, root: checkpoint.root_base64() }
    }
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The object, as a person finds it.
    pub object: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What an audit finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// An entry is gone, and others stand behind it.
    MissingEntry,
    /// An entry is not in the form that the store writes, or not under its number.
    DamagedEntry,
    /// An entry does not stand behind the one before it: one of the two was changed.
    BrokenChain,
    /// A blob that an entry names is gone.
    MissingBlob,
    /// A blob has not the digest in its name.
    DamagedBlob,
    /// A receipt is not that of its entry.
    Receipt,
    /// A pointer from an input to a run is gone, or no run is there for it. The pointers can be rebuilt.
    SubjectIndex,
    /// A checkpoint is not signed by the log's key, or not of this log at its size.
    Checkpoint,
    /// A checkpoint that was kept elsewhere has more entries than the log.
    Truncated,
    /// A checkpoint that was kept elsewhere has another root than the log at its size.
    Rewritten,
    /// An object that no store has.
    Foreign,
}

/// What the walk keeps of an entry.
struct Place {
    leaf_hash: Sha256Digest,
    run_key: RunKey,
    receipt_digest: Sha256Digest,
    bundles: Vec<Sha256Digest>,
    has_receipt: bool,
}

struct Walk<'a> {
    store: &'a Store,
    objects: &'a Objects,
    findings: Vec<Finding>,
    places: BTreeMap<u64, Place>,
    leaves: BTreeSet<Sha256Digest>,
    /// Blobs, and an entry that names them.
    named: BTreeMap<Sha256Digest, u64>,
    /// The root of the first n entries, as they say.
    roots: BTreeMap<u64, Sha256Digest>,
    entries: u64,
}

impl Store {
    /// Reads everything, and derives the links, the trees, blobs, receipts, the index and the checkpoints anew. `against`
    /// holds checkpoints that were kept elsewhere, signed or not: that the log continues them cannot be seen from the
    /// log alone.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read. What does not hold is no error but a finding.
    pub async fn audit(&self, against: &[Vec<u8>]) -> Result<Audit, StoreError> {
        let mut walk = Walk {
            store: self,
            objects: &self.objects,
            findings: Vec::new(),
            places: BTreeMap::new(),
            leaves: BTreeSet::new(),
            named: BTreeMap::new(),
            roots: BTreeMap::from([(0, Frontier::default().root())]),
            entries: 0,
        };
        walk.entries().await?;
        let blobs = walk.blobs().await?;
        let receipts = walk.receipts().await?;
        let subjects = walk.subjects().await?;
        let checkpoints = walk.checkpoints().await?;
        let continues = walk.continues(against);
        walk.findings.sort();
        walk.findings.dedup();
        let root = walk.roots.get(&walk.entries).copied().unwrap_or_else(|| Frontier::default().root());
        let checkpoint = Checkpoint { origin: self.origin.clone(), size: walk.entries, root };
        Ok(Audit {
            version: 1,
            checkpoint: CheckpointSummary::from(&checkpoint),
            is_signed: self.verifier.is_some(),
            blobs,
            receipts,
            subjects,
            checkpoints,
            continues,
            without_receipt: walk.without_receipt(),
            findings: walk.findings,
        })
    }
}

/// Reads objects, several at a time, in the order of what they are named by.
fn each<'a, T: Send + 'a>(
    objects: &'a Objects,
    named: Vec<T>,
    path: impl Fn(&T) -> Path + Send + 'a,
) -> impl Stream<Item = Result<(T, Option<Vec<u8>>), StoreError>> + Send + 'a {
    let read = move |item: T| {
        let path = path(&item);
        async move { Ok((item, objects.get(&path).await?)) }
    };
    stream::iter(named).map(read).buffered(READ_AT_A_TIME)
}

impl Walk<'_> {
    fn find(&mut self, kind: FindingKind, path: &Path, reason: impl fmt::Display) {
        self.findings.push(Finding { kind, object: self.objects.shown(path), reason: reason.to_string() });
    }

    fn foreign(&mut self, path: &Path) {
        self.find(FindingKind::Foreign, path, "no store has an object of this name");
    }

    async fn entries(&mut self) -> Result<(), StoreError> {
        let names = self.objects.names(&log::prefix(), None).await?;
        let (mut numbers, mut next) = (Vec::new(), 0);
        for name in names {
            let number = name.parse().ok().filter(|number| log::path(*number).filename() == Some(&name));
            let Some(number) = number else {
                self.foreign(&log::prefix().join(name));
                continue;
            };
            if number > next {
                let reason = format!("{} of the log's entries are gone from here on", number - next);
                self.find(FindingKind::MissingEntry, &log::path(next), reason);
            }
            next = number.saturating_add(1);
            numbers.push(number);
        }
        self.entries = next;
        // The digest of the object before, and the tree with it where it is known.
        let mut before: Option<(u64, Sha256Digest, Option<Frontier>)> = None;
        let objects = self.objects.clone();
        let mut read = pin!(each(&objects, numbers, |number| log::path(*number)));
        while let Some((number, bytes)) = read.try_next().await? {
            let Some(bytes) = bytes else {
                self.find(FindingKind::MissingEntry, &log::path(number), "it went while the log was read");
                continue;
            };
            let digest = Sha256Digest::of(&bytes);
            let tree = match Entry::parse(&objects, number, &bytes) {
                Ok(entry) => {
                    self.check_link(&entry, before.as_ref());
                    let tree = entry.frontier();
                    self.keep(&entry)?;
                    Some(tree)
                }
                Err(StoreError::Damaged { reason, .. }) => {
                    self.find(FindingKind::DamagedEntry, &log::path(number), reason);
                    None
                }
                Err(error) => return Err(error),
            };
            before = Some((number, digest, tree));
        }
        Ok(())
    }

    /// That an entry stands behind the one before it. Whatever was changed before, later entries are judged by what
    /// they themselves say of the tree, so that one change is one finding.
    fn check_link(&mut self, entry: &Entry, before: Option<&(u64, Sha256Digest, Option<Frontier>)>) {
        let path = log::path(entry.sequence);
        let (digest, tree) = match before {
            None if entry.sequence == 0 => (None, Some(Frontier::default())),
            Some((number, digest, tree)) if number.checked_add(1) == Some(entry.sequence) => {
                (Some(*digest), tree.clone())
            }
            // The entry before it is missing, which is said.
            _ => return,
        };
        if entry.previous() != digest {
            let reason = "its `previous` is not the digest of the entry before it: one of the two was changed";
            self.find(FindingKind::BrokenChain, &path, reason);
        }
        if tree.is_some_and(|tree| tree != *entry.before()) {
            let reason = "its `frontier` is not that of the entries before it: one of them was changed";
            self.find(FindingKind::BrokenChain, &path, reason);
        }
    }

    fn keep(&mut self, entry: &Entry) -> Result<(), StoreError> {
        self.roots.entry(entry.sequence).or_insert_with(|| entry.before().root());
        self.roots.insert(entry.sequence.saturating_add(1), entry.frontier().root());
        for digest in entry.leaf.bundles.iter().chain(&entry.leaf.blobs) {
            self.named.entry(*digest).or_insert(entry.sequence);
        }
        self.leaves.insert(entry.leaf_hash);
        let place = Place {
            leaf_hash: entry.leaf_hash,
            run_key: entry.leaf.run_key,
            receipt_digest: CanonicalJson::of(&Receipt::of(entry))?.digest(),
            bundles: entry.leaf.bundles.clone(),
            has_receipt: false,
        };
        self.places.insert(entry.sequence, place);
        Ok(())
    }

    /// Every blob, named or not, has the digest in its name; every one that is named is there.
    async fn blobs(&mut self) -> Result<u64, StoreError> {
        let (mut digests, mut there) = (Vec::new(), BTreeSet::new());
        for path in self.objects.paths(&Path::from("v1/blobs")).await? {
            let digest = path.filename().and_then(|name| Sha256Digest::from_hex(name).ok());
            match digest.filter(|digest| blob_path(*digest) == path) {
                Some(digest) => digests.push(digest),
                None => self.foreign(&path),
            }
        }
        let mut sound = 0;
        let objects = self.objects.clone();
        let mut read = pin!(each(&objects, digests, |digest| blob_path(*digest)));
        while let Some((digest, bytes)) = read.try_next().await? {
            let Some(found) = bytes.map(|bytes| Sha256Digest::of(&bytes)) else { continue };
            there.insert(digest);
            if found == digest {
                sound += 1;
            } else {
                let reason = format!("its content has the digest {found}, and not the one in its name");
                self.find(FindingKind::DamagedBlob, &blob_path(digest), reason);
            }
        }
        for (digest, sequence) in
            std::mem::take(&mut self.named).into_iter().filter(|(digest, _)| !there.contains(digest))
        {
            self.find(FindingKind::MissingBlob, &blob_path(digest), format!("entry {sequence} names it"));
        }
        Ok(sound)
    }

    /// Every receipt is the one for its entry.
    async fn receipts(&mut self) -> Result<u64, StoreError> {
        let mut runs = Vec::new();
        for name in self.objects.names(&Path::from("v1/runs"), None).await? {
            match Sha256Digest::from_hex(&name) {
                Ok(digest) => runs.push(RunKey::from_digest(digest)),
                Err(_) => self.foreign(&Path::from("v1/runs").join(name)),
            }
        }
        let mut sound = 0;
        let objects = self.objects.clone();
        let mut read = pin!(each(&objects, runs, |run_key| receipt_path(*run_key)));
        while let Some((run_key, bytes)) = read.try_next().await? {
            let Some(bytes) = bytes else { continue };
            // The sequence alone is taken from it; all else has to be what the entry says.
            let receipt: Option<Receipt> = serde_json::from_slice(&bytes).ok();
            let place = receipt.and_then(|receipt| self.places.get_mut(&receipt.sequence));
            let place = place.filter(|place| place.run_key == run_key);
            match place.filter(|place| place.receipt_digest == Sha256Digest::of(&bytes)) {
                Some(place) => {
                    place.has_receipt = true;
                    sound += 1;
                }
                None => {
                    let reason =
                        "the log has no such entry: the receipt or the entry was changed, or the entry removed";
                    self.find(FindingKind::Receipt, &receipt_path(run_key), reason);
                }
            }
        }
        Ok(sound)
    }

    /// Every run can be found by each of its inputs, and no other run by it.
    async fn subjects(&mut self) -> Result<u64, StoreError> {
        let mut listed: BTreeMap<Sha256Digest, BTreeSet<Sha256Digest>> = BTreeMap::new();
        for path in self.objects.paths(&Path::from("v1/subjects")).await? {
            let parts: Vec<_> = path.parts().skip(3).map(|part| Sha256Digest::from_hex(part.as_ref()).ok()).collect();
            match parts.as_slice() {
                [Some(subject), Some(leaf)] if subject_path(*subject, *leaf) == path => {
                    if self.leaves.contains(leaf) {
                        listed.entry(*leaf).or_default().insert(*subject);
                    } else {
                        self.find(FindingKind::SubjectIndex, &path, "the log has no entry with this leaf");
                    }
                }
                _ => self.foreign(&path),
            }
        }
        // A run that is in the log twice, after it was cut off, has the same leaf and the same pointers.
        let places: BTreeMap<_, _> = self.places.iter().map(|(sequence, place)| (place.leaf_hash, *sequence)).collect();
        let bundles = |sequence: u64| self.places.get(&sequence).map(|place| place.bundles.clone());
        let places: Vec<_> = places.into_values().map(|at| (at, bundles(at).unwrap_or_default())).collect();
        let with_receipt = self.runs_with_receipt();
        let store = self.store;
        let read = |(sequence, bundles): (u64, Vec<Sha256Digest>)| async move {
            Ok::<_, StoreError>((sequence, judged(store, &bundles).await?))
        };
        let (mut sound, none) = (0, BTreeSet::new());
        let mut read = stream::iter(places).map(read).buffered(READ_AT_A_TIME);
        while let Some((sequence, judged)) = read.try_next().await? {
            // Without its statement, which is missing and said so, nothing is known of a run's inputs.
            let (Some(judged), Some(place)) = (judged, self.places.get(&sequence)) else { continue };
            let listed = listed.get(&place.leaf_hash).unwrap_or(&none);
            let has_receipt = with_receipt.contains(&place.run_key);
            sound += self.pointers(sequence, &judged, listed, has_receipt).await?;
        }
        Ok(sound)
    }

    async fn pointers(
        &mut self,
        sequence: u64,
        judged: &BTreeSet<Sha256Digest>,
        listed: &BTreeSet<Sha256Digest>,
        has_receipt: bool,
    ) -> Result<u64, StoreError> {
        let Some(place) = self.places.get(&sequence) else { return Ok(0) };
        let (leaf_hash, run_key) = (place.leaf_hash, place.run_key);
        let pointer = CanonicalJson::of(&SubjectPointer { version: VERSION, run_key })?;
        for subject in listed.difference(judged) {
            let reason = format!("entry {sequence} has not judged this file");
            self.find(FindingKind::SubjectIndex, &subject_path(*subject, leaf_hash), reason);
        }
        // A run that was cut off has not written all of them.
        for subject in judged.difference(listed).filter(|_| has_receipt) {
            let reason = format!("entry {sequence} has judged this file, and is not found by it");
            self.find(FindingKind::SubjectIndex, &subject_path(*subject, leaf_hash), reason);
        }
        let mut sound = 0;
        let objects = self.objects.clone();
        let there: Vec<_> = judged.intersection(listed).copied().collect();
        let mut read = pin!(each(&objects, there, |subject| subject_path(*subject, leaf_hash)));
        while let Some((subject, bytes)) = read.try_next().await? {
            if bytes.as_deref() == Some(pointer.bytes()) {
                sound += 1;
            } else {
                let reason = format!("it does not name the run of entry {sequence}");
                self.find(FindingKind::SubjectIndex, &subject_path(subject, leaf_hash), reason);
            }
        }
        Ok(sound)
    }

    /// Every checkpoint is signed, and its root is that of the log at its size.
    async fn checkpoints(&mut self) -> Result<u64, StoreError> {
        let names = self.objects.names(&log::checkpoint_prefix(), None).await?;
        let mut sizes = Vec::new();
        for name in names {
            match name.parse().ok().filter(|size| log::checkpoint_path(*size).filename() == Some(&name)) {
                Some(size) => sizes.push(size),
                None => self.foreign(&log::checkpoint_prefix().join(name)),
            }
        }
        let mut sound = 0;
        let objects = self.objects.clone();
        let mut read = pin!(each(&objects, sizes, |size| log::checkpoint_path(*size)));
        while let Some((size, bytes)) = read.try_next().await? {
            let Some(bytes) = bytes else { continue };
            match self.checkpoint_fault(size, &bytes) {
                None => sound += 1,
                Some(reason) => self.find(FindingKind::Checkpoint, &log::checkpoint_path(size), reason),
            }
        }
        Ok(sound)
    }

    /// What is wrong with the checkpoint that is stored for `size`.
    fn checkpoint_fault(&self, size: u64, bytes: &[u8]) -> Option<String> {
        let Some(verifier) = &self.store.verifier else {
            return Some("the log has no key that could have signed it".to_owned());
        };
        match Checkpoint::verify(bytes, verifier) {
            Err(error) => Some(error.to_string()),
            Ok(checkpoint) if checkpoint.size != size => Some("its size is not the one in its name".to_owned()),
            Ok(checkpoint) => self.contradiction(&checkpoint).map(|(_, reason)| reason),
        }
    }

    /// In what the log, as it is, contradicts a checkpoint of it.
    fn contradiction(&self, checkpoint: &Checkpoint) -> Option<(FindingKind, String)> {
        let (size, entries) = (checkpoint.size, self.entries);
        if size > entries {
            let reason = format!("it has {size} entries, and the log has {entries}: its end was cut off");
            return Some((FindingKind::Truncated, reason));
        }
        if self.roots.get(&size) != Some(&checkpoint.root) {
            let reason = format!("its root is not that of the log's first {size} entries: the log was changed");
            return Some((FindingKind::Rewritten, reason));
        }
        None
    }

    /// That the log continues what was kept elsewhere.
    fn continues(&mut self, against: &[Vec<u8>]) -> u64 {
        let mut held = 0;
        for bytes in against {
            let found = match self.store.kept_elsewhere(bytes) {
                Err(error) => Some((FindingKind::Rewritten, error.to_string())),
                Ok(checkpoint) if checkpoint.origin != self.store.origin => {
                    Some((FindingKind::Rewritten, format!("it is of another log: `{}`", checkpoint.origin)))
                }
                Ok(checkpoint) => self.contradiction(&checkpoint),
            };
            match found {
                None => held += 1,
                Some((kind, reason)) => {
                    let object = "the checkpoint that was kept elsewhere".to_owned();
                    self.findings.push(Finding { kind, object, reason });
                }
            }
        }
        held
    }

    fn runs_with_receipt(&self) -> BTreeSet<RunKey> {
        self.places.values().filter(|place| place.has_receipt).map(|place| place.run_key).collect()
    }

    /// Entries of runs of which no entry has a receipt.
    fn without_receipt(&self) -> Vec<u64> {
        let with = self.runs_with_receipt();
        let without = self.places.iter().filter(|(_, place)| !with.contains(&place.run_key));
        without.map(|(sequence, _)| *sequence).collect()
    }
}
