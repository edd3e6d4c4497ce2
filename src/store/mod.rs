//! The store: an append-only record of every decision, in a directory or a bucket.
//!
//! Object storage is all that it needs: nothing runs, and every object is created once and never
//! changed. What is stored is named by its digest; a log of hash-chained entries says what was decided
//! in which order.
//!
//! ```text
//! v1/meta.json                          format and origin of the store
//! v1/blobs/sha256/ab/abcd…              facts, decision records, bundles, policies, reports
//! v1/runs/<run key>                     receipt: a retry finds that it was recorded
//! v1/log/entry/000000000042             {seq, previous, frontier, leaf}
//! v1/subjects/sha256/<digest>/<leaf>    which runs judged a file; can be rebuilt
//! v1/index/…                            the log in columns, by month; can be rebuilt
//! ```
//!
//! An entry is created under the next number only if nobody else has: that is where concurrent
//! writers are put in order. It carries the compact range of the Merkle tree before it, so that
//! signed checkpoints (C2SP tlog-checkpoint) and tiles can be derived from what is stored today; this
//! version writes neither.
//!
//! What holds:
//! - A receipt means that the decision stands at a fixed place of the log.
//! - No two entries have the same number.
//! - A run that was cut off can be repeated, and comes to one receipt. If others appended meanwhile,
//!   its entry may be there twice; readers tell by the run key.
//! - A change, removal or swap of an entry or a blob is found by [`Store::verify_chain`].
//!
//! What does not: whoever can write the store can cut off its end or write all of it anew. Only an
//! earlier root hash that was kept elsewhere shows that.

mod audit;
mod index;
mod log;
mod merkle;
mod objects;
mod query;
mod show;
mod subjects;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path as FilePath, PathBuf};

use object_store::path::Path;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::audit::Audit;
pub use self::index::Indexed;
pub use self::log::Leaf;
use self::objects::{Created, Objects};
pub use self::query::{Filter, Found, LoggedRun, Models, Newest};
pub use self::show::{BlobKind, BlobState, InvalidReference, Reference, Shown, StoredBlob};
use crate::canonical::{CanonicalJson, NotCanonical};
use crate::decision::Verdict;
use crate::decision::record::DecisionRecord;
use crate::digest::Sha256Digest;
use crate::document::strict_json;
pub use crate::evidence::RunKey;
use crate::evidence::SignedRun;

/// Version of the layout.
const FORMAT: u32 = 1;

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
    /// There is no store in the directory.
    #[error("there is no store in `{}`: name its directory", directory.display())]
    NoStore {
        /// The directory.
        directory: PathBuf,
    },
    /// The store was made by another version.
    #[error(
        "`{object}` is of format {found}, and this version reads format {FORMAT}: use a newer version of modelgate"
    )]
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
    /// Names the log among others, as the first line of a signed checkpoint will.
    origin: String,
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

/// What an append came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Where the run is recorded.
    pub receipt: Receipt,
    /// Whether it had been recorded before. Its bundles are those of the first time, which another key
    /// may have signed.
    pub already_recorded: bool,
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
            version: FORMAT,
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
}

impl Store {
    /// Opens the store in a directory, and makes both if they are not there. A new one keeps itself
    /// out of Git by a `.gitignore`: a store in the work tree would make each release look changed.
    ///
    /// # Errors
    /// [`StoreError`] if the directory cannot be written or holds a store of another format.
    pub async fn open_local(directory: impl AsRef<FilePath>) -> Result<Self, StoreError> {
        let directory = directory.as_ref().to_owned();
        let failed = |error: &dyn fmt::Display| StoreError::Directory {
            directory: directory.clone(),
            reason: error.to_string(),
        };
        std::fs::create_dir_all(&directory).map_err(|error| failed(&error))?;
        let objects = Objects::local(&directory).map_err(|error| failed(&error))?;
        if !objects.exists(&meta_path()).await? {
            match std::fs::OpenOptions::new().write(true).create_new(true).open(directory.join(".gitignore")) {
                Ok(mut file) => std::io::Write::write_all(&mut file, b"*\n").map_err(|error| failed(&error))?,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&error)),
            }
        }
        Self::open(objects).await
    }

    /// Opens the store that is in a directory, to be read: nothing is made.
    ///
    /// # Errors
    /// [`StoreError::NoStore`] if there is none, among others.
    pub async fn open_existing(directory: impl AsRef<FilePath>) -> Result<Self, StoreError> {
        let directory = directory.as_ref().to_owned();
        if !directory.join(meta_path().as_ref()).is_file() {
            return Err(StoreError::NoStore { directory });
        }
        Self::open(Objects::local(&directory)?).await
    }

    async fn open(objects: Objects) -> Result<Self, StoreError> {
        let path = meta_path();
        if objects.get(&path).await?.is_none() {
            let (high, low) = (random()?, random()?);
            let meta = Meta { format: FORMAT, origin: format!("modelgate-store/{high:016x}{low:016x}") };
            // Whoever else makes the store at this moment may be first: theirs is read below.
            objects.create(&path, CanonicalJson::of(&meta)?.bytes()).await?;
        }
        let Some(bytes) = objects.get(&path).await? else {
            return Err(StoreError::Missing { object: objects.shown(&path) });
        };
        // The format is read before the rest, which another format may write in another way.
        let format = strict_json::parse(&bytes).ok().and_then(|meta| meta.get("format")?.as_u64());
        match format.map(u32::try_from) {
            Some(Ok(FORMAT)) => {}
            Some(found) => {
                let found = found.unwrap_or(u32::MAX);
                return Err(StoreError::Format { object: objects.shown(&path), found });
            }
            None => return Err(StoreError::damaged(objects.shown(&path), "it names no `format`")),
        }
        let (meta, _) = parse_canonical::<Meta>(&objects, &path, &bytes)?;
        Ok(Self { objects, origin: meta.origin })
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

    /// Records a run: blobs, log entry, index, receipt, in this order, so that whatever is named is
    /// there. Any step may be cut off and the whole repeated.
    ///
    /// # Errors
    /// [`StoreError`]; what was stored until then stays, and harms nobody.
    pub async fn append(&self, run: &Run) -> Result<Appended, StoreError> {
        if let Some(receipt) = self.read_receipt(run.leaf.run_key).await? {
            return self.recorded_before(receipt, run).await;
        }
        for blob in &run.blobs {
            self.put_blob(blob).await?;
        }
        let entry = log::append(&self.objects, &run.leaf).await?;
        let pointer = CanonicalJson::of(&SubjectPointer { version: FORMAT, run_key: run.leaf.run_key })?;
        for subject in run.subjects.iter().collect::<BTreeSet<_>>() {
            let path = Path::from(format!("v1/subjects/sha256/{subject}/{}", entry.leaf_hash));
            self.objects.create_same(&path, pointer.bytes()).await?;
        }
        let receipt = Receipt {
            version: FORMAT,
            run_key: run.leaf.run_key,
            sequence: entry.sequence,
            leaf_hash: entry.leaf_hash,
            decision: entry.leaf.decision,
            decision_record: entry.leaf.decision_record,
            bundles: entry.leaf.bundles,
            blobs: entry.leaf.blobs,
        };
        let path = receipt_path(receipt.run_key);
        let bytes = CanonicalJson::of(&receipt)?;
        for _ in 0..RECEIPT_ATTEMPTS {
            if self.objects.create(&path, bytes.bytes()).await? == Created::New {
                return Ok(Appended { receipt, already_recorded: false });
            }
            // The same run, at the same time: the first receipt counts.
            if let Some(first) = self.read_receipt(receipt.run_key).await? {
                return self.recorded_before(first, run).await;
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
        match self.find_receipt(&receipt.run_key).await? {
            Some(receipt) => Ok(Appended { receipt, already_recorded: true }),
            None => Err(StoreError::Missing { object: self.objects.shown(&receipt_path(receipt.run_key)) }),
        }
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
