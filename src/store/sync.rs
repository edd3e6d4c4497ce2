//! A copy of a store: what the other lacks, checked on the way, in an order that leaves it right wherever it is cut
//! off.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use object_store::path::Path;

use super::log::{self, Entry};
use super::note::Checkpoint;
use super::objects::{Created, Objects};
use super::{
    Receipt, RunKey, Store, StoreAddress, StoreError, SubjectPointer, VERSION, blob_path, make_directory, meta_path,
    receipt_path, subject_path,
};
use crate::canonical::CanonicalJson;
use crate::digest::Sha256Digest;
use crate::document::strict_json;
use crate::remote::RemoteSettings;

/// What a copy brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Synced {
    /// Entries in the log that was copied.
    pub entries: u64,
    /// Entries that were new.
    pub new_entries: u64,
    /// Blobs that were new.
    pub new_blobs: u64,
    /// Checkpoints that were new.
    pub new_checkpoints: u64,
    /// Receipts that were new.
    pub new_receipts: u64,
}

impl Store {
    /// Copies what the store at `to` lacks: blobs, then the entry that names them, and after all entries checkpoints
    /// and receipts. A store is made there if there is none, with the same log.
    ///
    /// # Errors
    /// [`StoreError::LogsDiffer`] if the store there has another log, or one that goes on differently; and whatever is
    /// damaged here, which is not copied.
    pub async fn sync_to(&self, to: &StoreAddress, settings: &RemoteSettings) -> Result<Synced, StoreError> {
        if let StoreAddress::Directory(directory) = to {
            make_directory(directory)?;
        }
        let Some(objects) = to.objects(settings)? else {
            return Err(StoreError::NoStore { store: to.to_string() });
        };
        self.sync_objects(&objects).await
    }

    pub(super) async fn sync_objects(&self, to: &Objects) -> Result<Synced, StoreError> {
        self.same_log(to).await?;
        let mut synced = Synced::default();
        let mut head: Option<Entry> = None;
        while let Some(entry) =
            Entry::read(&self.objects, head.as_ref().map_or(0, |head| head.sequence.saturating_add(1))).await?
        {
            entry.check_follows(head.as_ref(), &self.objects)?;
            self.sync_entry(&entry, to, &mut synced).await?;
            head = Some(entry);
        }
        synced.entries = head.as_ref().map_or(0, |head| head.sequence.saturating_add(1));
        // Behind a hole there would be more, which is then no copy.
        let names =
            self.objects.names(&log::prefix(), head.as_ref().map(|head| log::path(head.sequence)).as_ref()).await?;
        if !names.is_empty() && !self.objects.exists(&log::path(synced.entries)).await? {
            return Err(StoreError::Missing { object: self.objects.shown(&log::path(synced.entries)) });
        }
        self.sync_checkpoints(to, &mut synced).await?;
        self.sync_receipts(to, &mut synced).await?;
        Ok(synced)
    }

    fn differs(&self, to: &Objects, reason: &str) -> StoreError {
        let (from, to) = (self.objects.shown_store(), to.shown_store());
        StoreError::LogsDiffer { from, to, reason: reason.to_owned() }
    }

    /// Makes a store of what is none, with the same name and key; or finds the same there.
    async fn same_log(&self, to: &Objects) -> Result<(), StoreError> {
        let Some(meta) = self.objects.get(&meta_path()).await? else {
            return Err(StoreError::Missing { object: self.objects.shown(&meta_path()) });
        };
        if !to.exists(&meta_path()).await? {
            to.probe().await?;
            to.keep_out_of_git()?;
            to.create(&meta_path(), &meta).await?;
        }
        match to.get(&meta_path()).await? {
            Some(there) if there == meta => Ok(()),
            _ => Err(self.differs(to, "their names or their log keys differ")),
        }
    }

    async fn sync_entry(&self, entry: &Entry, to: &Objects, synced: &mut Synced) -> Result<(), StoreError> {
        let path = log::path(entry.sequence);
        let is_other = || self.differs(to, &format!("entry {} is another", entry.sequence));
        let there = to.get(&path).await?;
        if there.as_ref().is_some_and(|there| there != entry.object().bytes()) {
            return Err(is_other());
        }
        for digest in entry.leaf.bundles.iter().chain(&entry.leaf.blobs) {
            if !to.exists(&blob_path(*digest)).await? {
                let blob = self.get_blob(*digest).await?;
                synced.new_blobs += u64::from(to.create_same(&blob_path(*digest), &blob).await? == Created::New);
            }
        }
        if there.is_none() {
            match to.create_same(&path, entry.object().bytes()).await {
                Ok(Created::New) => synced.new_entries += 1,
                Ok(Created::AlreadyThere) => {}
                // Somebody appends there: then it is a log of its own.
                Err(StoreError::Conflict { .. }) => return Err(is_other()),
                Err(error) => return Err(error),
            }
        }
        let Some(judged) = judged(self, &entry.leaf.bundles).await? else { return Ok(()) };
        let pointer = CanonicalJson::of(&SubjectPointer { version: VERSION, run_key: entry.leaf.run_key })?;
        for subject in judged {
            to.create_same(&subject_path(subject, entry.leaf_hash), pointer.bytes()).await?;
        }
        Ok(())
    }

    async fn sync_checkpoints(&self, to: &Objects, synced: &mut Synced) -> Result<(), StoreError> {
        let there: BTreeSet<_> = to.names(&log::checkpoint_prefix(), None).await?.into_iter().collect();
        for name in self.objects.names(&log::checkpoint_prefix(), None).await? {
            let path = log::checkpoint_prefix().join(name.as_str());
            if there.contains(&name) {
                continue;
            }
            let damaged = |reason: String| StoreError::damaged(self.objects.shown(&path), reason);
            let (Some(verifier), Some(note)) = (&self.verifier, self.objects.get(&path).await?) else { continue };
            let checkpoint = Checkpoint::verify(&note, verifier).map_err(|error| damaged(error.to_string()))?;
            let last = match checkpoint.size.checked_sub(1) {
                Some(last) => Entry::read(&self.objects, last).await?,
                None => None,
            };
            let is_sound = last.is_some_and(|last| self.checkpoint_of(&last) == checkpoint);
            if !is_sound || log::checkpoint_path(checkpoint.size) != path {
                return Err(damaged("it is not that of the log's entries".to_owned()));
            }
            synced.new_checkpoints += u64::from(to.create_same(&path, &note).await? == Created::New);
        }
        Ok(())
    }

    async fn sync_receipts(&self, to: &Objects, synced: &mut Synced) -> Result<(), StoreError> {
        let there: BTreeSet<_> = to.names(&Path::from("v1/runs"), None).await?.into_iter().collect();
        for name in self.objects.names(&Path::from("v1/runs"), None).await? {
            let Ok(digest) = Sha256Digest::from_hex(&name) else { continue };
            if there.contains(&name) {
                continue;
            }
            let path = receipt_path(RunKey::from_digest(digest));
            let Some(receipt) = self.read_receipt(RunKey::from_digest(digest)).await? else { continue };
            let entry = Entry::read(&self.objects, receipt.sequence).await?;
            if entry.is_none_or(|entry| Receipt::of(&entry) != receipt) {
                let reason = "the log has no such entry: the entry was changed or removed";
                return Err(StoreError::damaged(self.objects.shown(&path), reason));
            }
            let bytes = CanonicalJson::of(&receipt)?;
            synced.new_receipts += u64::from(to.create_same(&path, bytes.bytes()).await? == Created::New);
        }
        Ok(())
    }
}

/// The inputs that a run has judged, as its signed statements say: the index is made from them, and can be again. None
/// if a statement is gone or cannot be read.
pub(super) async fn judged(
    store: &Store,
    bundles: &[Sha256Digest],
) -> Result<Option<BTreeSet<Sha256Digest>>, StoreError> {
    let mut judged = None;
    for bundle in bundles {
        let bundle = match store.get_blob(*bundle).await {
            Ok(bundle) => bundle,
            Err(StoreError::Missing { .. } | StoreError::Damaged { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Some(subjects) = subjects(&bundle) {
            judged.get_or_insert_with(BTreeSet::new).extend(subjects);
        }
    }
    Ok(judged)
}

/// Digests of the subjects of an evaluation record; none of another statement, whose subjects are among these.
fn subjects(bundle: &[u8]) -> Option<Vec<Sha256Digest>> {
    let bundle = strict_json::parse(bundle).ok()?;
    let payload = STANDARD.decode(bundle.get("dsseEnvelope")?.get("payload")?.as_str()?).ok()?;
    let statement = strict_json::parse(&payload).ok()?;
    if statement.get("predicateType")?.as_str()? != crate::evidence::statement::EVALUATION_PREDICATE {
        return None;
    }
    let digest =
        |subject: &serde_json::Value| Sha256Digest::from_hex(subject.get("digest")?.get("sha256")?.as_str()?).ok();
    statement.get("subject")?.as_array()?.iter().map(digest).collect()
}
