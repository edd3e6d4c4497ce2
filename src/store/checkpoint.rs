//! Checkpoints as they are stored: signed by whoever appends, one for each size that the log had.

use super::log::{self, Entry};
use super::note::{self, Checkpoint, NoteError};
use super::{Store, StoreError};

/// How far back an earlier checkpoint is looked for before a new one is signed. Writers that are at it at the same
/// time have not all written theirs yet.
const LOOKED_AT: u64 = 8;

impl Store {
    /// The log up to `entry`.
    pub(super) fn checkpoint_of(&self, entry: &Entry) -> Checkpoint {
        Checkpoint {
            origin: self.origin.clone(),
            size: entry.sequence.saturating_add(1),
            root: entry.frontier().root(),
        }
    }

    /// Reads a checkpoint that was kept elsewhere. Its signature, if it has one, has to be that of the log's key; without
    /// one whoever kept it knows where it came from.
    pub(super) fn kept_elsewhere(&self, bytes: &[u8]) -> Result<Checkpoint, NoteError> {
        match &self.verifier {
            Some(verifier) if !note::is_unsigned(bytes) => Checkpoint::verify(bytes, verifier),
            _ => Checkpoint::unverified(bytes),
        }
    }

    /// Signs and stores the log up to `entry`, which was seen to stand behind the one before it; none without a key.
    pub(super) async fn sign_checkpoint(&self, entry: &Entry) -> Result<Option<String>, StoreError> {
        let Some(key) = &self.signer else { return Ok(None) };
        self.check_earlier(entry).await?;
        let checkpoint = self.checkpoint_of(entry);
        let note = checkpoint.sign(key);
        self.objects.create_same(&log::checkpoint_path(checkpoint.size), note.as_bytes()).await?;
        Ok(Some(note))
    }

    /// A log's key never signs what contradicts the latest checkpoint before: that would be a fork with its signature.
    async fn check_earlier(&self, entry: &Entry) -> Result<(), StoreError> {
        let sizes = (0..=entry.sequence).rev().take_while(|size| *size > 0);
        for size in sizes.take(usize::try_from(LOOKED_AT).unwrap_or_default()) {
            let Some(earlier) = self.read_checkpoint(size).await? else { continue };
            let before = if size == entry.sequence {
                Some(entry.before().root())
            } else {
                Entry::read(&self.objects, size).await?.map(|entry| entry.before().root())
            };
            if before == Some(earlier.root) {
                return Ok(());
            }
            let reason = "its root is not that of the log's first entries: the log was written anew";
            return Err(StoreError::Rewritten { size, reason: reason.to_owned() });
        }
        Ok(())
    }

    /// The signed checkpoint of the log up to `entry`, if one is stored.
    pub(super) async fn stored_checkpoint(&self, entry: &Entry) -> Result<Option<String>, StoreError> {
        let expected = self.checkpoint_of(entry);
        match self.read_checkpoint(expected.size).await? {
            None => Ok(None),
            Some(found) if found == expected => {
                let note = self.objects.get(&log::checkpoint_path(expected.size)).await?;
                Ok(note.and_then(|note| String::from_utf8(note).ok()))
            }
            Some(_) => {
                let reason = "its root is not that of the log's first entries: the log was written anew";
                Err(StoreError::Rewritten { size: expected.size, reason: reason.to_owned() })
            }
        }
    }

    /// The checkpoint of `size` entries, signed by the log's key; none if it is not there.
    async fn read_checkpoint(&self, size: u64) -> Result<Option<Checkpoint>, StoreError> {
        let Some(verifier) = &self.verifier else { return Ok(None) };
        let path = log::checkpoint_path(size);
        let Some(note) = self.objects.get(&path).await? else { return Ok(None) };
        let checkpoint = Checkpoint::verify(&note, verifier);
        let checkpoint = checkpoint.map_err(|error| StoreError::damaged(self.objects.shown(&path), error))?;
        if checkpoint.size == size {
            Ok(Some(checkpoint))
        } else {
            Err(StoreError::damaged(self.objects.shown(&path), "its size is not the one in its name"))
        }
    }
}
