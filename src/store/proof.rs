//! Proofs that an entry is in the log, for whoever has no access to the store (C2SP tlog-proof).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::log::Entry;
use super::merkle::{self, Subtree};
use super::note::{Checkpoint, MAX_NOTE_BYTES, NoteError, VerifierKey, base64_digest, decimal};
use super::objects::Objects;
use super::{Store, StoreError, log};
use crate::digest::Sha256Digest;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Most hashes of a proof: the height of a tree of 2^64 leaves.
const MAX_HASHES: usize = 64;

/// Largest proof that is read: the checkpoint, and lines of 45 bytes.
const MAX_PROOF_BYTES: usize = MAX_NOTE_BYTES + 8 * 1024;

/// That an entry is in the log under a signed checkpoint: the content of a `.tlog-proof` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    /// Number of the entry, from 0.
    pub index: u64,
    hashes: Vec<Sha256Digest>,
    /// The signed note.
    checkpoint: String,
}

/// A text is no proof, or does not prove what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not in the form of a proof.
    #[error("it is no tlog-proof: {0}")]
    NotAProof(&'static str),
    /// The checkpoint does not hold.
    #[error("its checkpoint does not hold: {0}")]
    Checkpoint(#[from] NoteError),
    /// The hashes do not lead from the entry to the root.
    #[error("its hashes do not lead from this entry to the checkpoint's root")]
    NotIncluded,
}

impl LogProof {
    /// The content of the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let hashes: String = self.hashes.iter().map(|hash| STANDARD.encode(hash.as_bytes()) + "\n").collect();
        format!("{FIRST_LINE}\nindex {}\n{hashes}\n{}", self.index, self.checkpoint)
    }

    /// Reads a file. Extra data, which is not authenticated, is refused.
    ///
    /// # Errors
    /// [`ProofError::NotAProof`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        let refused = ProofError::NotAProof;
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(refused("it is larger than any proof"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| refused("it is not UTF-8"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(refused("it has no checkpoint"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(refused("its first line is another"));
        }
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or(refused("its second line is not `index` and a number"))?;
        let hashes: Option<Vec<_>> = lines.map(base64_digest).collect();
        let hashes = hashes.ok_or(refused("a line is no hash"))?;
        if hashes.len() > MAX_HASHES {
            return Err(refused("it has more hashes than any proof"));
        }
        Ok(Self { index, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// Checks that the leaf with this hash is in the log of `key`, and gives the checkpoint that says so.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn verify(&self, leaf_hash: Sha256Digest, key: &VerifierKey) -> Result<Checkpoint, ProofError> {
        let checkpoint = Checkpoint::verify(self.checkpoint.as_bytes(), key)?;
        if merkle::proves_inclusion(self.index, checkpoint.size, leaf_hash, &self.hashes, checkpoint.root) {
            Ok(checkpoint)
        } else {
            Err(ProofError::NotIncluded)
        }
    }
}

impl Store {
    /// The proof that entry `sequence` is in the log, under the first checkpoint that has it: the one that its run
    /// was told.
    ///
    /// # Errors
    /// [`StoreError::NoCheckpoint`] if none was signed since, among others.
    pub async fn prove_inclusion(&self, sequence: u64) -> Result<LogProof, StoreError> {
        let Some(entry) = Entry::read(&self.objects, sequence).await? else {
            return Err(StoreError::Missing { object: self.objects.shown(&log::path(sequence)) });
        };
        let Some(key) = &self.verifier else { return Err(StoreError::NoCheckpoint { sequence }) };
        let mut size = sequence.saturating_add(1);
        let note = loop {
            if let Some(note) = self.objects.get(&log::checkpoint_path(size)).await? {
                break note;
            }
            // The entry that this size ends with: behind the log's end there are no checkpoints.
            if !self.objects.exists(&log::path(size)).await? {
                return Err(StoreError::NoCheckpoint { sequence });
            }
            size = size.saturating_add(1);
        };
        let damaged = |reason: String| StoreError::damaged(self.objects.shown(&log::checkpoint_path(size)), reason);
        let hashes = hashes(&self.objects, merkle::inclusion_path(sequence, size)).await?;
        let checkpoint = String::from_utf8(note).map_err(|error| damaged(error.to_string()))?;
        let proof = LogProof { index: sequence, hashes, checkpoint };
        // What was changed in the store is found here, and not first by whoever is given the proof.
        let proven = proof.verify(entry.leaf_hash, key).map_err(|error| damaged(error.to_string()))?;
        if proven.size == size { Ok(proof) } else { Err(damaged("its size is not the one in its name".to_owned())) }
    }

    /// Checks that the log continues the one that `earlier` is of, from a number of entries that grows with the
    /// logarithm of its length. The audit reads all of them.
    ///
    /// # Errors
    /// [`StoreError::Rewritten`] if it does not, among others.
    pub async fn check_continues(&self, earlier: &[u8]) -> Result<Checkpoint, StoreError> {
        let earlier = self.kept_elsewhere(earlier);
        let earlier = earlier.map_err(|error| StoreError::Rewritten { size: 0, reason: error.to_string() })?;
        let rewritten = |reason: &str| StoreError::Rewritten { size: earlier.size, reason: reason.to_owned() };
        if earlier.origin != self.origin {
            return Err(rewritten("it is of another log"));
        }
        let size = log::length(&self.objects).await?;
        let head = match size.checked_sub(1) {
            None => None,
            Some(last) => Entry::read(&self.objects, last).await?,
        };
        let now = Checkpoint { origin: self.origin.clone(), size, root: log::frontier_after(head.as_ref()).root() };
        if earlier.size > size {
            return Err(rewritten(&format!("the log has {size} entries: its end was cut off")));
        }
        let proof = hashes(&self.objects, merkle::consistency_path(earlier.size, size)).await?;
        let is_empty = earlier.size == 0 && earlier.root == merkle::Frontier::default().root();
        if is_empty || merkle::proves_consistency((earlier.size, earlier.root), (size, now.root), &proof) {
            Ok(now)
        } else {
            Err(rewritten("its root is not that of the log's first entries: the log was written anew"))
        }
    }
}

/// Hashes of subtrees. Each perfect one is completed by an entry that holds all that it takes.
async fn hashes(objects: &Objects, path: Vec<Subtree>) -> Result<Vec<Sha256Digest>, StoreError> {
    let mut hashes = Vec::with_capacity(path.len());
    for subtree in path {
        let mut parts = Vec::new();
        for perfect in subtree.perfect() {
            let path = log::path(perfect.last);
            let Some(entry) = Entry::read(objects, perfect.last).await? else {
                return Err(StoreError::Missing { object: objects.shown(&path) });
            };
            let hash = entry.completed(perfect.level);
            parts.push(hash.ok_or_else(|| StoreError::damaged(objects.shown(&path), "its `frontier` is too short"))?);
        }
        hashes.extend(merkle::join(&parts));
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::log_key::LogKey;

    fn proof() -> (LogProof, Sha256Digest, VerifierKey) {
        let key = LogKey::from_seed(&[7; 32]);
        let leaves = [b"a", b"b", b"c"].map(|leaf| merkle::leaf_hash(leaf));
        let tree = leaves.iter().fold(merkle::Frontier::default(), |tree, leaf| tree.with(*leaf));
        let checkpoint = Checkpoint { origin: "example.com/log".to_owned(), size: 3, root: tree.root() };
        // The sibling of the last of three leaves is the node of the first two.
        let [pair, _] = [tree.hashes()[0], tree.hashes()[1]];
        let proof = LogProof { index: 2, hashes: vec![pair], checkpoint: checkpoint.sign(&key) };
        (proof, leaves[2], key.verifier("example.com/log"))
    }

    #[test]
    fn a_proof_is_read_back_and_proves_its_entry_alone() {
        let (proof, leaf, key) = proof();
        let text = proof.to_text();
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 2\n"), "{text}");
        assert_eq!(LogProof::from_bytes(text.as_bytes()), Ok(proof.clone()));
        assert_eq!(proof.verify(leaf, &key).unwrap().size, 3);
        assert_eq!(proof.verify(merkle::leaf_hash(b"d"), &key), Err(ProofError::NotIncluded));
    }

    #[test]
    fn every_flipped_bit_of_a_proof_is_noticed() {
        let (proof, leaf, key) = proof();
        let text = proof.to_text().into_bytes();
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut changed = text.clone();
                changed[at] ^= 1 << bit;
                let holds = LogProof::from_bytes(&changed).is_ok_and(|proof| proof.verify(leaf, &key).is_ok());
                assert!(!holds, "bit {bit} of byte {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_upset_the_parser(start in "(c2sp.org/tlog-proof@v1\n)?(index [0-9]{0,22}\n)?", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [start.as_bytes(), &bytes].concat();
            if let Ok(proof) = LogProof::from_bytes(&bytes) {
                prop_assert_eq!(proof.to_text().into_bytes(), bytes);
            }
        }
    }
}
