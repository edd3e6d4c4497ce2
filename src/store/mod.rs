//! The store: an append-only record of every decision, in a directory or a bucket.
//!
//! Object storage is all that it needs: nothing runs, and every object is created once and never
//! changed. What is stored is named by its digest; a log of hash-chained entries says what was decided
//! in which order.
//!
//! ```text
//! v1/meta.json                          format, origin, and public key of the log
//! v1/blobs/sha256/ab/abcd…              facts, decision records, bundles, policies, reports
//! v1/runs/<run key>                     receipt: a retry finds that it was recorded
//! v1/log/entry/000000000042             {seq, previous, frontier, leaf}
//! v1/log/checkpoint/000000000043        signed: origin, size and Merkle root of the log with 43 entries
//! v1/subjects/sha256/<digest>/<leaf>    which runs judged a file; can be rebuilt
//! v1/index/…                            the log in columns, by month; can be rebuilt
//! ```
//!
//! An entry is created under the next number only if nobody else has: that is where concurrent
//! writers are put in order. It carries the compact range of the Merkle tree before it, so that whoever
//! reads one entry can append the next and sign the tree with it.
//!
//! What holds:
//! - A receipt means that the decision stands at a fixed place of the log.
//! - No two entries have the same number.
//! - A run that was cut off can be repeated, and comes to one receipt. If others appended meanwhile,
//!   its entry may be there twice; readers tell by the run key.
//! - A change, removal or swap of an entry or a blob is found by [`Store::audit`].
//!
//! What does not: whoever can write the store and has its log key can cut off its end or write all of it
//! anew. Only an earlier checkpoint that was kept elsewhere shows that.

mod address;
mod audit;
mod checkpoint;
mod index;
mod log;
mod log_key;
mod lookup;
mod merkle;
mod note;
mod objects;
mod proof;
mod query;
mod show;
mod subjects;
mod sync;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path as FilePath, PathBuf};

use object_store::path::Path;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::address::StoreAddress;
pub use self::audit::{Audit, CheckpointSummary, Finding, FindingKind};
pub use self::index::Indexed;
use self::log::Entry;
pub use self::log::Leaf;
pub use self::log_key::{LogKey, LogKeyError, LogKeys};
pub use self::note::{Checkpoint, NoteError, VerifierKey};
use self::objects::{Created, Objects};
pub use self::proof::{LogProof, ProofError};
pub use self::query::{Filter, Found, LoggedRun, Models, Newest};
pub use self::show::{BlobKind, BlobState, InvalidReference, Reference, Shown, StoredBlob};
pub use self::sync::Synced;
use crate::canonical::{CanonicalJson, NotCanonical};
use crate::decision::Verdict;
use crate::decision::record::DecisionRecord;
use crate::digest::Sha256Digest;
use crate::document::strict_json;
pub use crate::evidence::RunKey;
use crate::evidence::SignedRun;
use crate::evidence::run_parts::{Part, RunParts};
use crate::remote::RemoteSettings;

/// Version of receipts, leaves and pointers.
const VERSION: u32 = 1;

/// Format of a store whose log nobody signs: one that an earlier version made, or that had no key when it was made.
const UNSIGNED_FORMAT: u32 = 1;

/// Format of a store with checkpoints.
const FORMAT: u32 = 2;

/// How often a receipt is written that is said to be there and is not: S3 says so when a concurrent
/// attempt got in the way of both.
const RECEIPT_ATTEMPTS: u32 = 3;

/// The store cannot do what it was asked to. What was stored before is untouched.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made or opened.
    #[error("the store `{}` cannot be opened: {reason}; name a directory that can be written", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// Why.
        reason: String,
    },
    /// An object cannot be read, listed or created.
    #[error("`{object}` cannot be reached: {reason}; nothing was lost, and the same run can be repeated")]
    Access {
        /// The object.
        object: String,
        /// Why.
        reason: String,
    },
    /// An object could not be created in several attempts.
    #[error(
        "`{object}` could not be created in {attempts} attempts: {reason}; nothing was lost, and the same run can be \
         repeated"
    )]
    Unanswered {
        /// The object.
        object: String,
        /// How often it was tried.
        attempts: u32,
        /// Why the last attempt failed.
        reason: String,
    },
    /// An append took longer than it may.
    #[error("the store did not take the run in {seconds} s: nothing was lost, and the same run can be repeated")]
    TimedOut {
        /// The time that an append has.
        seconds: u64,
    },
    /// The credentials do not suffice.
    #[error("`{object}` may not be read, listed or created with these credentials: give such that may ({credentials})")]
    Refused {
        /// The object.
        object: String,
        /// What they are given by.
        credentials: &'static str,
    },
    /// There is no store at the place.
    #[error("there is no store at `{store}`: make one with `modelgate store init {store}`")]
    NoStore {
        /// The place.
        store: String,
    },
    /// There is a store at the place already.
    #[error("there is a store at `{store}` already, and it is not made anew")]
    StoreExists {
        /// The place.
        store: String,
    },
    /// The place cannot create an object only if it is not there.
    #[error(
        "`{store}` created the same object twice, or did not show it: two runs could overwrite each other there; use \
         an object store with conditional writes (`If-None-Match: *`)"
    )]
    NotConditional {
        /// The place.
        store: String,
    },
    /// The store's log is signed, and there is no key to sign it with.
    #[error("the log of `{store}` is signed, and its key is not given: pass it with `--log-key` or MODELGATE_LOG_KEY")]
    NoLogKey {
        /// The store.
        store: String,
    },
    /// The key is another than that of the log.
    #[error("the log key is not that of `{store}`: the log's is `{expected}`, and the one that was given is `{found}`")]
    LogKeyDiffers {
        /// The store.
        store: String,
        /// Verifier key in the store.
        expected: String,
        /// Verifier key of the key that was given.
        found: String,
    },
    /// A log key cannot be read or made.
    #[error(transparent)]
    LogKey(#[from] LogKeyError),
    /// A name that no log may have.
    #[error("`{0}` cannot be the name of a log: write it without spaces and `+`, such as `example.com/modelgate`")]
    InvalidOrigin(String),
    /// No checkpoint covers an entry.
    #[error("no checkpoint was signed since entry {sequence}: there is nothing to prove it under")]
    NoCheckpoint {
        /// Number of the entry.
        sequence: u64,
    },
    /// The log does not continue an earlier one.
    #[error("the log does not continue the checkpoint of {size} entries: {reason}")]
    Rewritten {
        /// Entries of the checkpoint.
        size: u64,
        /// What differs.
        reason: String,
    },
    /// Two stores do not hold the same log.
    #[error("`{from}` and `{to}` do not hold the same log: {reason}; nothing of either was changed")]
    LogsDiffer {
        /// Where was to be copied from.
        from: String,
        /// Where to.
        to: String,
        /// What differs.
        reason: String,
    },
    /// The file system cannot create a file only if it is not there.
    #[error(
        "the store `{}` is on a file system without hard links, where two runs could overwrite each other: \
         name a directory on another one", directory.display()
    )]
    NoHardLinks {
        /// The directory.
        directory: PathBuf,
    },
    /// An object is not what its name says, or not of the store's format.
    #[error("`{object}` is damaged: {reason}; restore it from a copy, it is not overwritten")]
    Damaged {
        /// The object.
        object: String,
        /// What is wrong.
        reason: String,
    },
    /// An object is named by what is stored and is not there.
    #[error("`{object}` is missing, and the store refers to it: restore it from a copy")]
    Missing {
        /// The object.
        object: String,
    },
    /// Other bytes are there under the same name.
    #[error("`{object}` is there with other content: somebody changed it, or wrote to the store by other means")]
    Conflict {
        /// The object.
        object: String,
    },
    /// The index is not what was written. It is derived from the log.
    #[error(
        "`{object}` of the index is damaged: {reason}; the index is derived: remove the store's `v1/index` and \
         run `modelgate store index`"
    )]
    Index {
        /// The object.
        object: String,
        /// What is wrong.
        reason: String,
    },
    /// The index says other of a run than the log.
    #[error(
        "the index says other of entry {sequence} than the log: one of the two was changed; ask the log itself with \
         `--no-index`, and check it"
    )]
    IndexDiffers {
        /// Number of the entry.
        sequence: u64,
    },
    /// Entries that were indexed are gone from the end of the log.
    #[error(
        "the log has {entries} entries, and {indexed} were indexed: its end was cut off; restore `v1/log/entry` from a \
         copy"
    )]
    LogTruncated {
        /// Entries that the index covers.
        indexed: u64,
        /// Entries in the log.
        entries: u64,
    },
    /// An entry is another than when it was indexed.
    #[error(
        "entry {sequence} of the log is not the one that was indexed: the log was written anew; compare it with a \
         copy or with an earlier root hash"
    )]
    LogRewritten {
        /// Number of the entry.
        sequence: u64,
    },
    /// Nothing in the store is named so.
    #[error("the store has no run `{0}`")]
    NoSuchRun(String),
    /// Several runs are named so.
    #[error("several runs of the store begin with `{0}`: write more of its digits")]
    Ambiguous(String),
    /// The store was made by another version.
    #[error("`{object}` is of format {found}, and this version reads up to {FORMAT}: use a newer version of modelgate")]
    Format {
        /// The object.
        object: String,
        /// Its format.
        found: u32,
    },
    /// The same inputs came to another decision before.
    #[error(
        "run {run_key} is recorded with the decision record {recorded}, and now came to {found} from the same \
         inputs: the evaluation is not deterministic, and neither decision can be relied on"
    )]
    DecisionDiffers {
        /// The run.
        run_key: RunKey,
        /// Record in the store.
        recorded: Sha256Digest,
        /// Record of this run.
        found: Sha256Digest,
    },
    /// The leaf holds more digests than a log takes.
    #[error("the run's entry has {bytes} bytes, and {max} are the most: store fewer blobs with it", max = log::MAX_LEAF_BYTES)]
    LeafTooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
    /// Others were faster each time.
    #[error("{attempts} attempts to append lost to other writers: repeat the run when fewer write at once")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// Every number is taken.
    #[error("the log is full: begin a new store")]
    Full,
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers")]
    NoRandomness,
    /// Something that JSON cannot carry.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

impl StoreError {
    fn access(object: &impl fmt::Display, error: &impl fmt::Display) -> Self {
        Self::Access { object: object.to_string(), reason: error.to_string() }
    }

    fn damaged(object: String, reason: impl fmt::Display) -> Self {
        Self::Damaged { object, reason: reason.to_string() }
    }

    fn index(object: String, reason: impl fmt::Display) -> Self {
        Self::Index { object, reason: reason.to_string() }
    }
}

/// What the store is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta {
    format: u32,
    /// Names the log among others: the first line of each checkpoint.
    origin: String,
    /// The key that checkpoints are signed with, as a `vkey` of signed-note; from format 2 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log_key: Option<String>,
}

/// That a run is recorded, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Version of this format. Always 1.
    pub version: u32,
    /// The run.
    pub run_key: RunKey,
    /// Number of its entry in the log, from 0.
    pub sequence: u64,
    /// RFC 6962 hash of its leaf.
    pub leaf_hash: Sha256Digest,
    /// What was decided.
    pub decision: Verdict,
    /// SHA-256 of the decision record.
    pub decision_record: Sha256Digest,
    /// SHA-256 of each bundle.
    pub bundles: Vec<Sha256Digest>,
    /// SHA-256 of each other blob.
    pub blobs: Vec<Sha256Digest>,
}

impl Receipt {
    /// The receipt for an entry: all of it stands in the log.
    fn of(entry: &Entry) -> Self {
        Self {
            version: VERSION,
            run_key: entry.leaf.run_key,
            sequence: entry.sequence,
            leaf_hash: entry.leaf_hash,
            decision: entry.leaf.decision,
            decision_record: entry.leaf.decision_record,
            bundles: entry.leaf.bundles.clone(),
            blobs: entry.leaf.blobs.clone(),
        }
    }
}

/// What an append came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Where the run is recorded.
    pub receipt: Receipt,
    /// Whether it had been recorded before. Its bundles are those of the first time, which another key
    /// may have signed.
    pub already_recorded: bool,
    /// The log up to the run's entry. Kept elsewhere, it shows later whether the log was changed.
    pub checkpoint: Checkpoint,
    /// The same, signed by the log's key, where there is one.
    pub signed_checkpoint: Option<String>,
}

/// A run that is to be recorded.
#[derive(Debug, Clone)]
pub struct Run {
    leaf: Leaf,
    /// Bundles first.
    blobs: Vec<Vec<u8>>,
    subjects: Vec<Sha256Digest>,
}

impl Run {
    /// A signed run with its facts, its decision record and its bundles. `blobs` are stored beside
    /// them: the policies, and reports.
    #[must_use]
    pub fn new(record: &DecisionRecord, signed: &SignedRun, blobs: Vec<Vec<u8>>) -> Self {
        let statements = [&signed.verdict, &signed.evaluation];
        let mut other = vec![signed.facts.bytes().to_vec(), signed.record.bytes().to_vec()];
        other.extend(blobs);
        let leaf = Leaf {
            version: VERSION,
            run_key: signed.run_key,
            decision: record.decision,
            decision_record: signed.record.digest(),
            facts: signed.facts.digest(),
            model: record.model.clone(),
            model_version: record.model_version.clone(),
            tier: record.tier.effective,
            effective_time: record.effective_time.clone(),
            statements: statements.map(|statement| statement.statement_sha256).to_vec(),
            bundles: statements.map(|statement| statement.bundle.digest()).to_vec(),
            blobs: other.iter().map(|blob| Sha256Digest::of(blob)).collect(),
            subjects: signed.subjects.len() as u64,
        };
        let blobs = statements.map(|statement| statement.bundle.bytes.clone()).into_iter().chain(other).collect();
        Self { leaf, blobs, subjects: signed.subjects.clone() }
    }

    /// The same, with all of its parts beside its statements.
    #[must_use]
    pub fn of_parts(record: &DecisionRecord, signed: &SignedRun, parts: &RunParts) -> Self {
        let beside = [Part::Policies, Part::PublicKey, Part::Inputs];
        let blobs =
            beside.iter().filter_map(|part| parts.get(*part).ok()).chain(parts.others.iter().map(Vec::as_slice));
        Self::new(record, signed, blobs.map(<[u8]>::to_vec).collect())
    }

    /// What the log will say of it.
    #[must_use]
    pub const fn leaf(&self) -> &Leaf {
        &self.leaf
    }
}

/// Which run judged a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectPointer {
    version: u32,
    run_key: RunKey,
}

/// An open store. Clones share it; any number of processes may use one store at once.
///
/// Its functions need a Tokio runtime with time enabled.
#[derive(Debug, Clone)]
pub struct Store {
    objects: Objects,
    origin: String,
    /// Verifies checkpoints; none where nobody signs.
    verifier: Option<VerifierKey>,
    /// Signs checkpoints.
    signer: Option<LogKey>,
}

impl Store {
    /// Opens a store to be read. Nothing is made.
    ///
    /// # Errors
    /// [`StoreError::NoStore`] if there is none, among others.
    pub async fn open(address: &StoreAddress, settings: &RemoteSettings) -> Result<Self, StoreError> {
        let none = || StoreError::NoStore { store: address.to_string() };
        let objects = address.objects(settings)?.ok_or_else(none)?;
        Self::of(objects).await?.ok_or_else(none)
    }

    /// Opens a store to be written. A local one is made if it is not there.
    ///
    /// # Errors
    /// [`StoreError::NoLogKey`] if its log is signed, `is_signing` asks for that, and the key is not there;
    /// [`StoreError::LogKeyDiffers`] if it is another's; [`StoreError::NoStore`] if there is no store at a place that is
    /// no directory, among others.
    pub async fn open_to_append(
        address: &StoreAddress,
        settings: &RemoteSettings,
        keys: &LogKeys,
        is_signing: bool,
    ) -> Result<Self, StoreError> {
        let store = match address {
            StoreAddress::Directory(directory) => Self::open_or_make(directory, keys).await?,
            StoreAddress::Bucket(_) => Self::open(address, settings).await?,
        };
        store.with_key(keys, is_signing)
    }

    /// Makes a store, after it was seen that objects are created only if they are not there.
    ///
    /// # Errors
    /// [`StoreError::StoreExists`], [`StoreError::NotConditional`], and [`StoreError::NoLogKey`] if no key is given,
    /// among others.
    pub async fn init(
        address: &StoreAddress,
        settings: &RemoteSettings,
        key: &LogKey,
        origin: Option<&str>,
    ) -> Result<Self, StoreError> {
        if let StoreAddress::Directory(directory) = address {
            make_directory(directory)?;
        }
        let none = || StoreError::NoStore { store: address.to_string() };
        let objects = address.objects(settings)?.ok_or_else(none)?;
        let exists = || StoreError::StoreExists { store: address.to_string() };
        if objects.exists(&meta_path()).await? {
            return Err(exists());
        }
        let origin = origin.map_or_else(random_origin, |origin| Ok(origin.to_owned()))?;
        if !note::is_key_name(&origin) {
            return Err(StoreError::InvalidOrigin(origin));
        }
        objects.probe().await?;
        let verifier = key.verifier(&origin);
        write_meta(&objects, &Meta { format: FORMAT, origin, log_key: Some(verifier.to_string()) }).await?;
        let store = Self::of(objects).await?.ok_or_else(none)?;
        // Somebody else may have been first.
        if store.verifier.as_ref() == Some(&verifier) { Ok(store) } else { Err(exists()) }
    }

    /// Opens the store in a directory, and makes both if they are not there, without a log key. A new one keeps itself
    /// out of Git by a `.gitignore`: a store in the work tree would make each release look changed.
    ///
    /// # Errors
    /// [`StoreError`] if the directory cannot be written or holds a store of another format.
    pub async fn open_local(directory: impl AsRef<FilePath>) -> Result<Self, StoreError> {
        Self::open_or_make(directory.as_ref(), &LogKeys::default()).await
    }

    async fn open_or_make(directory: &FilePath, keys: &LogKeys) -> Result<Self, StoreError> {
        make_directory(directory)?;
        let objects = Objects::local(directory)?;
        if !objects.exists(&meta_path()).await? {
            let origin = random_origin()?;
            // The key first: a log that names a key which nobody has could never be signed.
            let key = keys.make(&origin)?;
            let log_key = key.map(|key| key.verifier(&origin).to_string());
            let format = if log_key.is_some() { FORMAT } else { UNSIGNED_FORMAT };
            write_meta(&objects, &Meta { format, origin, log_key }).await?;
        }
        let store = Self::of(objects).await?;
        store.ok_or_else(|| StoreError::NoStore { store: directory.display().to_string() })
    }

    /// The store that these objects are, or none.
    async fn of(objects: Objects) -> Result<Option<Self>, StoreError> {
        let path = meta_path();
        let Some(bytes) = objects.get(&path).await? else { return Ok(None) };
        // The format is read before the rest, which another format may write in another way.
        let format = strict_json::parse(&bytes).ok().and_then(|meta| meta.get("format")?.as_u64());
        match format.map(u32::try_from) {
            Some(Ok(UNSIGNED_FORMAT | FORMAT)) => {}
            Some(found) => {
                let found = found.unwrap_or(u32::MAX);
                return Err(StoreError::Format { object: objects.shown(&path), found });
            }
            None => return Err(StoreError::damaged(objects.shown(&path), "it names no `format`")),
        }
        let (meta, _) = parse_canonical::<Meta>(&objects, &path, &bytes)?;
        let damaged = |reason| StoreError::damaged(objects.shown(&path), reason);
        if meta.log_key.is_some() != (meta.format == FORMAT) {
            return Err(damaged("its format and its `log_key` do not go together"));
        }
        let verifier = meta.log_key.map(|key| key.parse::<VerifierKey>()).transpose();
        let verifier = verifier.map_err(|_| damaged("its `log_key` is no verifier key"))?;
        if verifier.as_ref().is_some_and(|verifier| verifier.name() != meta.origin) {
            return Err(damaged("its `log_key` is that of another log"));
        }
        Ok(Some(Self { objects, origin: meta.origin, verifier, signer: None }))
    }

    /// The store with the key that signs its log.
    fn with_key(mut self, keys: &LogKeys, is_signing: bool) -> Result<Self, StoreError> {
        let Some(verifier) = &self.verifier else { return Ok(self) };
        self.signer = keys.find(&self.origin)?;
        match &self.signer {
            Some(key) if key.verifier(&self.origin) != *verifier => Err(StoreError::LogKeyDiffers {
                store: self.objects.shown_store(),
                expected: verifier.to_string(),
                found: key.verifier(&self.origin).to_string(),
            }),
            None if is_signing => Err(StoreError::NoLogKey { store: self.objects.shown_store() }),
            _ => Ok(self),
        }
    }

    /// The key that checkpoints are verified with; none where nobody signs the log.
    #[must_use]
    pub const fn verifier(&self) -> Option<&VerifierKey> {
        self.verifier.as_ref()
    }

    /// The name of this store's log among all logs.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Stores `blob` under its digest.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Conflict`] if a damaged blob is there.
    pub async fn put_blob(&self, blob: &[u8]) -> Result<Sha256Digest, StoreError> {
        let digest = Sha256Digest::of(blob);
        self.objects.create_same(&blob_path(digest), blob).await?;
        Ok(digest)
    }

    /// The blob with this digest, checked against it.
    ///
    /// # Errors
    /// [`StoreError::Missing`] and [`StoreError::Damaged`], among others.
    pub async fn get_blob(&self, digest: Sha256Digest) -> Result<Vec<u8>, StoreError> {
        let path = blob_path(digest);
        let Some(blob) = self.objects.get(&path).await? else {
            return Err(StoreError::Missing { object: self.objects.shown(&path) });
        };
        let found = Sha256Digest::of(&blob);
        if found == digest {
            Ok(blob)
        } else {
            let reason = format!("its content has the digest {found}, and not the one in its name");
            Err(StoreError::damaged(self.objects.shown(&path), reason))
        }
    }

    /// The receipt of a run, or none when it is not recorded. What it names is there.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if a blob that it names is not, among others.
    pub async fn find_receipt(&self, run_key: &RunKey) -> Result<Option<Receipt>, StoreError> {
        let Some(receipt) = self.read_receipt(*run_key).await? else { return Ok(None) };
        for digest in receipt.bundles.iter().chain(&receipt.blobs) {
            let path = blob_path(*digest);
            if !self.objects.exists(&path).await? {
                return Err(StoreError::Missing { object: self.objects.shown(&path) });
            }
        }
        Ok(Some(receipt))
    }

    /// Records a run: blobs, log entry, index, checkpoint, receipt, in this order, so that whatever is named is
    /// there. Any step may be cut off and the whole repeated.
    ///
    /// # Errors
    /// [`StoreError`]; what was stored until then stays, and harms nobody.
    pub async fn append(&self, run: &Run) -> Result<Appended, StoreError> {
        let time = self.objects.append_time;
        let in_time = tokio::time::timeout(time, self.append_steps(run)).await;
        in_time.unwrap_or(Err(StoreError::TimedOut { seconds: time.as_secs() }))
    }

    async fn append_steps(&self, run: &Run) -> Result<Appended, StoreError> {
        if let Some(receipt) = self.read_receipt(run.leaf.run_key).await? {
            return self.recorded_before(receipt, run).await;
        }
        for blob in &run.blobs {
            self.put_blob(blob).await?;
        }
        let entry = log::append(&self.objects, &run.leaf).await?;
        let pointer = CanonicalJson::of(&SubjectPointer { version: VERSION, run_key: run.leaf.run_key })?;
        for subject in run.subjects.iter().collect::<BTreeSet<_>>() {
            self.objects.create_same(&subject_path(*subject, entry.leaf_hash), pointer.bytes()).await?;
        }
        let signed_checkpoint = self.sign_checkpoint(&entry).await?;
        let receipt = Receipt::of(&entry);
        let path = receipt_path(receipt.run_key);
        let bytes = CanonicalJson::of(&receipt)?;
        for _ in 0..RECEIPT_ATTEMPTS {
            let created = self.objects.create(&path, bytes.bytes()).await? == Created::New;
            // The same run, at the same time: the first receipt counts.
            let first = if created { None } else { self.read_receipt(receipt.run_key).await? };
            match first {
                Some(first) if first != receipt => return self.recorded_before(first, run).await,
                None if !created => {}
                _ => {
                    let checkpoint = self.checkpoint_of(&entry);
                    return Ok(Appended { receipt, already_recorded: false, checkpoint, signed_checkpoint });
                }
            }
        }
        Err(StoreError::Contended { attempts: RECEIPT_ATTEMPTS })
    }

    /// Checks that an earlier receipt is about the same decision, and puts back what it names and is
    /// gone, as far as this run has it.
    async fn recorded_before(&self, receipt: Receipt, run: &Run) -> Result<Appended, StoreError> {
        if receipt.decision_record != run.leaf.decision_record {
            return Err(StoreError::DecisionDiffers {
                run_key: receipt.run_key,
                recorded: receipt.decision_record,
                found: run.leaf.decision_record,
            });
        }
        let named: BTreeSet<_> = receipt.bundles.iter().chain(&receipt.blobs).copied().collect();
        for blob in run.blobs.iter().filter(|blob| named.contains(&Sha256Digest::of(blob))) {
            self.put_blob(blob).await?;
        }
        let path = receipt_path(receipt.run_key);
        let Some(receipt) = self.find_receipt(&receipt.run_key).await? else {
            return Err(StoreError::Missing { object: self.objects.shown(&path) });
        };
        // A receipt is believed for the entry that it names, not for itself.
        let entry = Entry::read(&self.objects, receipt.sequence).await?.filter(|entry| Receipt::of(entry) == receipt);
        let Some(entry) = entry else {
            let reason = "the log has no such entry: the entry was changed or removed";
            return Err(StoreError::damaged(self.objects.shown(&path), reason));
        };
        let signed_checkpoint = self.stored_checkpoint(&entry).await?;
        let checkpoint = self.checkpoint_of(&entry);
        Ok(Appended { receipt, already_recorded: true, checkpoint, signed_checkpoint })
    }

    async fn read_receipt(&self, run_key: RunKey) -> Result<Option<Receipt>, StoreError> {
        let path = receipt_path(run_key);
        let Some((receipt, _)) = read_canonical::<Receipt>(&self.objects, &path).await? else { return Ok(None) };
        if receipt.run_key == run_key {
            Ok(Some(receipt))
        } else {
            Err(StoreError::damaged(self.objects.shown(&path), "its `run_key` is not the one in its name"))
        }
    }
}

fn random() -> Result<u64, StoreError> {
    getrandom::u64().map_err(|_| StoreError::NoRandomness)
}

fn random_origin() -> Result<String, StoreError> {
    Ok(format!("modelgate-store/{:016x}{:016x}", random()?, random()?))
}

/// Makes the directory of a store.
fn make_directory(directory: &FilePath) -> Result<(), StoreError> {
    std::fs::create_dir_all(directory)
        .map_err(|error| StoreError::Directory { directory: directory.to_owned(), reason: error.to_string() })
}

/// Makes a store of what is none, unless somebody else does at this moment: who opens it reads whose it is.
async fn write_meta(objects: &Objects, meta: &Meta) -> Result<(), StoreError> {
    objects.keep_out_of_git()?;
    objects.create(&meta_path(), CanonicalJson::of(meta)?.bytes()).await?;
    Ok(())
}

fn subject_path(subject: Sha256Digest, leaf_hash: Sha256Digest) -> Path {
    Path::from(format!("v1/subjects/sha256/{subject}/{leaf_hash}"))
}

fn meta_path() -> Path {
    Path::from("v1/meta.json")
}

fn blob_path(digest: Sha256Digest) -> Path {
    let digest = digest.to_hex();
    // Two digits keep the number of files in one directory within what file systems do well.
    let first: String = digest.chars().take(2).collect();
    Path::from(format!("v1/blobs/sha256/{first}/{digest}"))
}

fn receipt_path(run_key: RunKey) -> Path {
    Path::from(format!("v1/runs/{run_key}"))
}

/// Reads a record that the store wrote, or none when it is not there.
async fn read_canonical<T: DeserializeOwned + Serialize>(
    objects: &Objects,
    path: &Path,
) -> Result<Option<(T, CanonicalJson)>, StoreError> {
    match objects.get(path).await? {
        None => Ok(None),
        Some(bytes) => parse_canonical(objects, path, &bytes).map(Some),
    }
}

/// Parses a record, and checks that its bytes are the very ones that the store would write.
fn parse_canonical<T: DeserializeOwned + Serialize>(
    objects: &Objects,
    path: &Path,
    bytes: &[u8],
) -> Result<(T, CanonicalJson), StoreError> {
    let damaged = |reason: String| StoreError::damaged(objects.shown(path), reason);
    let value = strict_json::parse(bytes).map_err(|error| damaged(error.to_string()))?;
    let record: T = serde_json::from_value(value).map_err(|error| damaged(error.to_string()))?;
    let canonical = CanonicalJson::of(&record)?;
    if canonical.bytes() == bytes {
        Ok((record, canonical))
    } else {
        Err(damaged("its bytes are not those that the store writes".to_owned()))
    }
}
