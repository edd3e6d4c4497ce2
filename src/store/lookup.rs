//! Runs that are recorded, found by their key, their model or a file that they judged, and read again whole.

use object_store::path::Path;

use super::log::{self, Entry};
use super::{Receipt, RunKey, Store, StoreError, SubjectPointer, read_canonical};
use crate::decision::record::DecisionRecord;
use crate::digest::Sha256Digest;
use crate::evidence::key::PublicKey;
use crate::evidence::run_parts::{Part, RunParts};
use crate::policy::PolicyBundle;

/// Size of a public key in PEM. One of P-256 has 178 bytes.
const PUBLIC_KEY_BYTES_MAX: usize = 16 * 1024;

impl Store {
    /// The runs whose key begins with `prefix`, which is hexadecimal, in the order of their keys.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub async fn runs_beginning_with(&self, prefix: &str) -> Result<Vec<RunKey>, StoreError> {
        if let Ok(digest) = Sha256Digest::from_hex(prefix) {
            let run_key = RunKey::from_digest(digest);
            return Ok(self.read_receipt(run_key).await?.map(|_| run_key).into_iter().collect());
        }
        let names = self.objects.names_beginning_with(&Path::from("v1/runs"), prefix, usize::MAX).await?;
        Ok(names.iter().filter_map(|name| Sha256Digest::from_hex(name).ok().map(RunKey::from_digest)).collect())
    }

    /// The last run that was recorded of a version of a model, walking back from the end of the log.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or an entry is damaged.
    pub async fn last_run_of(&self, model: &str, version: &str) -> Result<Option<RunKey>, StoreError> {
        let length = log::length(&self.objects).await?;
        for sequence in (0..length).rev() {
            let Some(entry) = Entry::read(&self.objects, sequence).await? else {
                return Err(StoreError::Missing { object: self.objects.shown(&log::path(sequence)) });
            };
            if entry.leaf.model == model && entry.leaf.model_version == version {
                return Ok(Some(entry.leaf.run_key));
            }
        }
        Ok(None)
    }

    /// The receipts of the runs that judged a file with this digest, the last recorded first. They say that it was an
    /// input; whether it may be released, only a verdict says.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or a pointer is damaged.
    pub async fn runs_about(&self, subject: Sha256Digest) -> Result<Vec<Receipt>, StoreError> {
        let prefix = Path::from(format!("v1/subjects/sha256/{subject}"));
        let mut receipts: Vec<Receipt> = Vec::new();
        for name in self.objects.names(&prefix, None).await? {
            let path = Path::from(format!("{prefix}/{name}"));
            let pointer = read_canonical::<SubjectPointer>(&self.objects, &path).await?;
            let Some((SubjectPointer { run_key, .. }, _)) = pointer else { continue };
            if receipts.iter().any(|receipt| receipt.run_key == run_key) {
                continue;
            }
            // A run that was cut off before its receipt is no run that was recorded.
            receipts.extend(self.read_receipt(run_key).await?);
        }
        receipts.sort_by_key(|receipt| std::cmp::Reverse(receipt.sequence));
        Ok(receipts)
    }

    /// The parts of a recorded run, as far as they are there; none if the run is not recorded.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or a blob is damaged.
    pub async fn parts(&self, run_key: RunKey) -> Result<Option<(Receipt, RunParts)>, StoreError> {
        let Some(receipt) = self.read_receipt(run_key).await? else { return Ok(None) };
        let mut parts = RunParts::default();
        let mut bundles = receipt.bundles.iter();
        for (part, digest) in [Part::Verdict, Part::Evaluation].into_iter().zip(bundles.by_ref()) {
            self.take(*digest, part, &mut parts).await?;
        }
        for digest in bundles {
            parts.others.extend(self.blob_if_there(*digest).await?);
        }
        self.take(receipt.decision_record, Part::Record, &mut parts).await?;
        let record = parts.record().ok().map(|(record, _)| record);
        for digest in receipt.blobs.iter().filter(|digest| **digest != receipt.decision_record) {
            if *digest == run_key.digest() {
                self.take(*digest, Part::Inputs, &mut parts).await?;
            } else if record.as_ref().is_some_and(|record| record.facts.sha256 == *digest) {
                self.take(*digest, Part::Facts, &mut parts).await?;
            } else if let Some(blob) = self.blob_if_there(*digest).await? {
                match part_of(&blob, record.as_ref()) {
                    Some(part) => parts.insert(part, blob),
                    None => parts.others.push(blob),
                }
            }
        }
        if let (Err(_), Some(record)) = (parts.get(Part::Inputs), record.as_ref()) {
            // Before inputs were recorded; outside CI they can be had from the record.
            let inputs = RunKey::inputs(record, None)?;
            if inputs.digest() == run_key.digest() {
                parts.insert(Part::Inputs, inputs.bytes().to_vec());
            }
        }
        Ok(Some((receipt, parts)))
    }

    async fn take(&self, digest: Sha256Digest, part: Part, parts: &mut RunParts) -> Result<(), StoreError> {
        if let Some(blob) = self.blob_if_there(digest).await? {
            parts.insert(part, blob);
        }
        Ok(())
    }

    /// A blob, or none where it is gone: what is missing is for the reader of the parts to say.
    async fn blob_if_there(&self, digest: Sha256Digest) -> Result<Option<Vec<u8>>, StoreError> {
        match self.get_blob(digest).await {
            Ok(blob) => Ok(Some(blob)),
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Which part a blob is that nothing names: policies are known by their digest, and a public key by its form.
fn part_of(blob: &[u8], record: Option<&DecisionRecord>) -> Option<Part> {
    if is_public_key(blob) {
        return Some(Part::PublicKey);
    }
    let policies = PolicyBundle::from_archive(blob).ok()?;
    (policies.digest() == record?.policy.sha256).then_some(Part::Policies)
}

/// Whether a blob is a public key in PEM.
pub(super) fn is_public_key(blob: &[u8]) -> bool {
    blob.len() <= PUBLIC_KEY_BYTES_MAX
        && std::str::from_utf8(blob).is_ok_and(|text| PublicKey::from_pem_text(text).is_ok())
}
