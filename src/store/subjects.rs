//! Which runs judged a file: pointers by the file's digest, and the statements that say so themselves.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use serde::Deserialize;

use super::log::Entry;
use super::objects::Objects;
use super::{Store, StoreError, SubjectPointer, read_canonical};
use crate::digest::Sha256Digest;
use crate::document::strict_json;
use crate::evidence::bundle::Bundle;
use crate::evidence::statement::Subject;

/// Pointers that are followed one by one. A file that more runs judged is looked for in the index or the
/// log, where a leaf takes less than a request.
const MAX_POINTERS_FOLLOWED: usize = 1_000;

/// Pointers that are read at a time.
const READS_AT_A_TIME: usize = 32;

/// What is read of a statement: what it is about, and what kind it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatementHead {
    pub(super) predicate_type: String,
    pub(super) subject: Vec<Subject>,
}

/// The head of the statement in a bundle. Its signature is not checked: the log has the bundle's digest.
pub(super) fn statement_head(bundle: &[u8]) -> Result<StatementHead, String> {
    let bundle = Bundle::from_bytes(bundle).map_err(|error| error.to_string())?;
    let statement = strict_json::parse(bundle.envelope.payload()).map_err(|error| error.to_string())?;
    serde_json::from_value(statement).map_err(|error| error.to_string())
}

fn pointers(subject: Sha256Digest) -> Path {
    Path::from(format!("v1/subjects/sha256/{subject}"))
}

/// Hashes of the leaves of the runs that judged a file, by the names of its pointers.
pub(super) async fn leaves(objects: &Objects, subject: Sha256Digest) -> Result<BTreeSet<Sha256Digest>, StoreError> {
    let prefix = pointers(subject);
    let names = objects.names(&prefix, None).await?;
    let leaf = |name: String| {
        let foreign = |_| StoreError::damaged(format!("{}/{name}", objects.shown(&prefix)), "no run is named so");
        Sha256Digest::from_hex(&name).map_err(foreign)
    };
    names.into_iter().map(leaf).collect()
}

/// That a bundle of the run names the file: a pointer can be put there by whoever can write.
pub(super) async fn check_judged(store: &Store, entry: &Entry, subject: Sha256Digest) -> Result<(), StoreError> {
    for digest in &entry.leaf.bundles {
        let head = statement_head(&store.get_blob(*digest).await?);
        let path = super::blob_path(*digest);
        let head = head.map_err(|reason| StoreError::damaged(store.objects.shown(&path), reason))?;
        if head.subject.iter().any(|named| named.digest.sha256 == subject) {
            return Ok(());
        }
    }
    let pointer = store.objects.shown(&pointers(subject).join(entry.leaf_hash.to_hex()));
    Err(StoreError::damaged(pointer, format!("no statement of run {} names the file", entry.leaf.run_key)))
}

impl Store {
    /// Numbers of the runs that judged a file, or none when they have to be looked for: there are many,
    /// or one has no receipt that says its number.
    pub(super) async fn sequences_of(&self, subject: Sha256Digest) -> Result<Option<Vec<u64>>, StoreError> {
        let leaves = leaves(&self.objects, subject).await?;
        if leaves.len() > MAX_POINTERS_FOLLOWED {
            return Ok(None);
        }
        let sequences = futures::stream::iter(leaves).map(|leaf| async move {
            let path = pointers(subject).join(leaf.to_hex());
            let Some((pointer, _)) = read_canonical::<SubjectPointer>(&self.objects, &path).await? else {
                return Err(StoreError::Missing { object: self.objects.shown(&path) });
            };
            let receipt = self.read_receipt(pointer.run_key).await?;
            Ok(receipt.filter(|receipt| receipt.leaf_hash == leaf).map(|receipt| receipt.sequence))
        });
        let sequences: Vec<_> = sequences.buffered(READS_AT_A_TIME).try_collect().await?;
        Ok(sequences.into_iter().collect())
    }
}
