//! A walk over the whole store: is everything that it says of itself so?

use std::collections::{BTreeMap, BTreeSet};

use object_store::path::Path;

use super::log::{self, Entry};
use super::merkle::Frontier;
use super::{RunKey, Store, StoreError};
use crate::digest::Sha256Digest;

/// What a walk over the store found to be in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Entries in the log.
    pub entries: u64,
    /// RFC 6962 root hash over their leaves. Kept elsewhere, it shows later that none was cut off.
    pub root: Sha256Digest,
    /// Blobs that were read and have the digest in their name.
    pub blobs: u64,
    /// Entries whose run has no receipt: it was cut off, and repeating it writes one.
    pub without_receipt: Vec<u64>,
}

impl Store {
    /// Reads the log from its first entry, and derives the links, the tree and the blobs anew.
    ///
    /// # Errors
    /// [`StoreError`] for the first thing that does not hold: an entry or blob that was changed or
    /// removed, an object that no log has, a receipt for an entry that is not there.
    pub async fn verify_chain(&self) -> Result<Audit, StoreError> {
        let numbers = self.objects.names(&log::prefix(), None).await?;
        let (mut head, mut blobs): (Option<Entry>, _) = (None, BTreeSet::new());
        let mut places: BTreeMap<RunKey, BTreeMap<u64, Sha256Digest>> = BTreeMap::new();
        for (sequence, number) in (0_u64..).zip(&numbers) {
            let path = log::path(sequence);
            if path.filename() != Some(number) {
                return Err(StoreError::Missing { object: self.objects.shown(&path) });
            }
            let Some(entry) = Entry::read(&self.objects, sequence).await? else {
                return Err(StoreError::Missing { object: self.objects.shown(&path) });
            };
            entry.check_follows(head.as_ref(), &self.objects)?;
            for digest in entry.leaf.bundles.iter().chain(&entry.leaf.blobs) {
                if blobs.insert(*digest) {
                    self.get_blob(*digest).await?;
                }
            }
            places.entry(entry.leaf.run_key).or_default().insert(sequence, entry.leaf_hash);
            head = Some(entry);
        }
        let without_receipt = self.check_receipts(places).await?;
        Ok(Audit {
            entries: numbers.len() as u64,
            root: head.map_or_else(|| Frontier::default().root(), |head| head.frontier().root()),
            blobs: blobs.len() as u64,
            without_receipt,
        })
    }

    /// That each receipt is for an entry as it stands; the last entry has no other that vouches for it.
    async fn check_receipts(
        &self,
        mut places: BTreeMap<RunKey, BTreeMap<u64, Sha256Digest>>,
    ) -> Result<Vec<u64>, StoreError> {
        for name in self.objects.names(&Path::from("v1/runs"), None).await? {
            let path = Path::from(format!("v1/runs/{name}"));
            let damaged = |reason| StoreError::damaged(self.objects.shown(&path), reason);
            let digest = Sha256Digest::from_hex(&name).map_err(|_| damaged("its name is not that of a run"))?;
            let run_key = RunKey::from_digest(digest);
            let Some(receipt) = self.find_receipt(&run_key).await? else { continue };
            let place = places.remove(&run_key).and_then(|entries| entries.get(&receipt.sequence).copied());
            if place != Some(receipt.leaf_hash) {
                return Err(damaged("the log has no such entry: the entry was changed or removed"));
            }
        }
        Ok(places.into_values().flat_map(BTreeMap::into_keys).collect())
    }
}
