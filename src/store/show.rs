//! Everything that the store knows of one run.

use std::collections::BTreeMap;

use object_store::path::Path;
use schemars::JsonSchema;
use serde::Serialize;

use super::log::{self, Entry};
use super::lookup::is_public_key;
use super::query::{Filter, LoggedRun};
use super::{Receipt, RunKey, Store, StoreError, blob_path, receipt_path, subjects};
use crate::decision::record::DecisionRecord;
use crate::decision::{Condition, OutcomeResult};
use crate::digest::Sha256Digest;
use crate::evidence::model_signing::MODEL_PREDICATE;
use crate::evidence::statement::{EVALUATION_PREDICATE, Subject, VERDICT_PREDICATE};
use crate::policy::PolicyBundle;

/// Digits of a run key that tell runs apart at the least: fewer are more likely a slip.
const LEAST_RUN_DIGITS: usize = 6;

/// Runs of one model version that are named beside the newest.
const MAX_OTHERS: usize = 20;

/// What a person calls a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// The number of its entry; where there is none, the first digits of its key.
    Number(String),
    /// The first digits of its key, or all of them.
    Run(String),
    /// The newest run of a version of a model.
    Version {
        /// The model.
        model: String,
        /// Its version.
        version: String,
    },
}

/// The text names no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "name a run by the number of its entry, by the first {LEAST_RUN_DIGITS} or more digits of its key, or as \
     `model@version`"
)]
pub struct InvalidReference;

impl std::str::FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        if let Some((model, version)) = text.rsplit_once('@').filter(|(model, _)| !model.is_empty()) {
            return Ok(Self::Version { model: model.to_owned(), version: version.to_owned() });
        }
        // The name of an entry has twelve digits.
        if (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Number(text.to_owned()));
        }
        let is_key = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if (LEAST_RUN_DIGITS..=64).contains(&text.len()) && text.bytes().all(is_key) {
            return Ok(Self::Run(text.to_owned()));
        }
        Err(InvalidReference)
    }
}

/// What a blob of a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlobKind {
    /// The signed verdict.
    Verdict,
    /// The signed record of the evaluation.
    Evaluation,
    /// A signed statement of another kind.
    Statement,
    /// The facts.
    Facts,
    /// The decision record.
    DecisionRecord,
    /// The policies, as an archive.
    Policies,
    /// The public key of whoever signed, by their own word.
    PublicKey,
    /// What the run's key is the digest of.
    Inputs,
    /// The model's own signature.
    ModelSignature,
    /// Something else that was stored with the run.
    Other,
}

/// Whether a blob is what its name says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum BlobState {
    /// It is there, and has the digest in its name.
    Intact {
        /// Its size.
        size_bytes: u64,
    },
    /// It is not there.
    Missing,
    /// It is there with other content, or cannot be read.
    Damaged {
        /// What is wrong.
        reason: String,
    },
}

/// A blob of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StoredBlob {
    /// What it is.
    pub kind: BlobKind,
    /// Its digest, which is its name.
    pub sha256: Sha256Digest,
    /// Where it is.
    pub object: String,
    /// Whether it is what its name says.
    #[serde(flatten)]
    pub state: BlobState,
}

/// Everything that the store knows of a run.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What the log says of it.
    pub run: LoggedRun,
    /// Where its entry is.
    pub entry: String,
    /// SHA-256 of the entry, by which the next one names it.
    pub entry_sha256: Sha256Digest,
    /// Whether an entry behind it vouches for it.
    pub is_followed: bool,
    /// Where its receipt is, or none when it was cut off before it had one.
    pub receipt: Option<String>,
    /// Its bundles, facts, record, policies and what else was stored.
    pub blobs: Vec<StoredBlob>,
    /// What was judged, by the signed record of the evaluation.
    pub subjects: Vec<Subject>,
    /// How many controls came to what, by the decision record.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Controls that failed or could not be evaluated.
    pub failed: Vec<String>,
    /// What a conditional approval requires, by the decision record.
    pub conditions: Vec<Condition>,
    /// Numbers of other runs that were asked for, the newest first: older ones of the same version.
    pub others: Vec<u64>,
}

impl Store {
    /// Everything that the store knows of the run that `reference` names.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`] and [`StoreError::Ambiguous`]; others if the entry, its neighbours or its
    /// receipt are damaged. Blobs that are missing or damaged are part of the answer.
    pub async fn show(&self, reference: &Reference) -> Result<Shown, StoreError> {
        let (sequence, others) = match reference {
            Reference::Number(digits) => (self.numbered(digits).await?, Vec::new()),
            Reference::Run(digits) => (self.receipt_beginning_with(digits).await?.sequence, Vec::new()),
            Reference::Version { model, version } => self.runs_of(model, version).await?,
        };
        let unknown = || StoreError::NoSuchRun(sequence.to_string());
        let entry = Entry::read(&self.objects, sequence).await?.ok_or_else(unknown)?;
        let is_followed = self.check_neighbours(&entry).await?;
        let receipt = self.read_receipt(entry.leaf.run_key).await?;
        if let Some(receipt) = &receipt {
            check_receipt(self, receipt, &entry).await?;
        }
        let mut shown = Shown {
            run: LoggedRun::of(&entry),
            entry: self.objects.shown(&log::path(sequence)),
            entry_sha256: entry.digest(),
            is_followed,
            receipt: receipt.map(|receipt| self.objects.shown(&receipt_path(receipt.run_key))),
            blobs: Vec::new(),
            subjects: Vec::new(),
            outcomes: BTreeMap::new(),
            failed: Vec::new(),
            conditions: Vec::new(),
            others,
        };
        self.add_blobs(&mut shown).await?;
        Ok(shown)
    }

    /// The number of the entry, or of the run whose key begins so.
    async fn numbered(&self, digits: &str) -> Result<u64, StoreError> {
        let unknown = || StoreError::NoSuchRun(digits.to_owned());
        let number = digits.parse().map_err(|_| unknown())?;
        if self.objects.exists(&log::path(number)).await? {
            return Ok(number);
        }
        if digits.len() < LEAST_RUN_DIGITS {
            return Err(unknown());
        }
        Ok(self.receipt_beginning_with(digits).await?.sequence)
    }

    /// The receipt of the one run whose key begins so.
    async fn receipt_beginning_with(&self, digits: &str) -> Result<Receipt, StoreError> {
        let unknown = || StoreError::NoSuchRun(digits.to_owned());
        let names = match Sha256Digest::from_hex(digits) {
            Ok(_) => vec![digits.to_owned()],
            Err(_) => self.objects.names_beginning_with(&Path::from("v1/runs"), digits, 2).await?,
        };
        let [name] = names.as_slice() else {
            return Err(if names.is_empty() { unknown() } else { StoreError::Ambiguous(digits.to_owned()) });
        };
        let digest = Sha256Digest::from_hex(name).map_err(|_| unknown())?;
        self.read_receipt(RunKey::from_digest(digest)).await?.ok_or_else(unknown)
    }

    /// The newest run of a version, and the numbers of older ones.
    async fn runs_of(&self, model: &str, version: &str) -> Result<(u64, Vec<u64>), StoreError> {
        let filter = Filter::default().model(model);
        let found = self.find(&filter, usize::MAX, true).await?;
        let of_version = found.runs.iter().filter(|run| run.leaf.model_version == version);
        let mut sequences = of_version.map(|run| run.sequence);
        let newest = sequences.next().ok_or_else(|| StoreError::NoSuchRun(format!("{model}@{version}")))?;
        Ok((newest, sequences.take(MAX_OTHERS).collect()))
    }

    /// Checks the links to the entries before and behind. Whether there is one behind.
    async fn check_neighbours(&self, entry: &Entry) -> Result<bool, StoreError> {
        let before = match entry.sequence.checked_sub(1) {
            Some(before) => Some(self.entry(before).await?),
            None => None,
        };
        entry.check_follows(before.as_ref(), &self.objects)?;
        match Entry::read(&self.objects, entry.sequence.saturating_add(1)).await? {
            Some(next) => next.check_follows(Some(entry), &self.objects).map(|()| true),
            None => Ok(false),
        }
    }

    /// Reads every blob, says what it is, and takes from the record and the evaluation what they tell.
    async fn add_blobs(&self, shown: &mut Shown) -> Result<(), StoreError> {
        let leaf = shown.run.leaf.clone();
        for digest in leaf.bundles.iter().chain(&leaf.blobs) {
            let content = match self.get_blob(*digest).await {
                Ok(content) => Ok(content),
                Err(StoreError::Missing { .. }) => Err(BlobState::Missing),
                Err(StoreError::Damaged { reason, .. }) => Err(BlobState::Damaged { reason }),
                Err(error) => return Err(error),
            };
            let kind = match &content {
                _ if *digest == leaf.facts => BlobKind::Facts,
                _ if *digest == leaf.decision_record => BlobKind::DecisionRecord,
                _ if leaf.bundles.contains(digest) => kind_of_bundle(content.as_deref().unwrap_or_default(), shown),
                _ if *digest == leaf.run_key.digest() => BlobKind::Inputs,
                Ok(content) => kind_beside(content),
                Err(_) => BlobKind::Other,
            };
            if let (BlobKind::DecisionRecord, Ok(content)) = (kind, &content) {
                add_record(content, shown);
            }
            let state = match content {
                Ok(content) => BlobState::Intact { size_bytes: content.len() as u64 },
                Err(state) => state,
            };
            let object = self.objects.shown(&blob_path(*digest));
            shown.blobs.push(StoredBlob { kind, sha256: *digest, object, state });
        }
        Ok(())
    }
}

/// That a receipt is for the entry that was asked for, or for another entry of the same run that is there.
async fn check_receipt(store: &Store, receipt: &Receipt, entry: &Entry) -> Result<(), StoreError> {
    let of_receipt = if receipt.sequence == entry.sequence {
        entry.leaf_hash
    } else {
        // The run was cut off and repeated, and is in the log twice.
        store.entry(receipt.sequence).await?.leaf_hash
    };
    if of_receipt == receipt.leaf_hash {
        return Ok(());
    }
    let path = receipt_path(receipt.run_key);
    let reason = format!("entry {} of the log is another one: it was changed", receipt.sequence);
    Err(StoreError::damaged(store.objects.shown(&path), reason))
}

/// What a blob is that nothing names.
fn kind_beside(content: &[u8]) -> BlobKind {
    match subjects::statement_head(content) {
        Ok(head) if head.predicate_type == MODEL_PREDICATE => BlobKind::ModelSignature,
        _ if is_public_key(content) => BlobKind::PublicKey,
        _ if PolicyBundle::from_archive(content).is_ok() => BlobKind::Policies,
        _ => BlobKind::Other,
    }
}

fn kind_of_bundle(bundle: &[u8], shown: &mut Shown) -> BlobKind {
    match subjects::statement_head(bundle) {
        Ok(head) if head.predicate_type == VERDICT_PREDICATE => BlobKind::Verdict,
        Ok(head) if head.predicate_type == EVALUATION_PREDICATE => {
            shown.subjects = head.subject;
            BlobKind::Evaluation
        }
        _ => BlobKind::Statement,
    }
}

fn add_record(content: &[u8], shown: &mut Shown) {
    let Ok(record) = serde_json::from_slice::<DecisionRecord>(content) else { return };
    for outcome in &record.outcomes {
        let count = shown.outcomes.entry(outcome.result.name()).or_default();
        *count = count.saturating_add(1);
        if matches!(outcome.result, OutcomeResult::Fail | OutcomeResult::Error) {
            shown.failed.push(outcome.control.clone());
        }
    }
    shown.conditions = record.conditions;
}
