//! The Merkle tree of RFC 6962, section 2.1, as far as an appender needs it.

use sha2::{Digest as _, Sha256};

use crate::digest::Sha256Digest;

/// Prefixes that keep a leaf from passing for a node (RFC 6962, section 2.1).
const LEAF_PREFIX: [u8; 1] = [0];
const NODE_PREFIX: [u8; 1] = [1];

/// Hash of a leaf: SHA-256 of `0x00` and the leaf.
pub(super) fn leaf_hash(leaf: &[u8]) -> Sha256Digest {
    Sha256Digest::from_bytes(Sha256::new().chain_update(LEAF_PREFIX).chain_update(leaf).finalize().into())
}

fn node_hash(left: Sha256Digest, right: Sha256Digest) -> Sha256Digest {
    let hash = Sha256::new().chain_update(NODE_PREFIX).chain_update(left.as_bytes()).chain_update(right.as_bytes());
    Sha256Digest::from_bytes(hash.finalize().into())
}

/// The compact range of a tree: the roots of its perfect subtrees, the largest first. One for each
/// bit that is set in the tree's size, so 64 at most.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Frontier {
    size: u64,
    hashes: Vec<Sha256Digest>,
}

impl Frontier {
    /// The compact range of a tree of `size` leaves, or none if that needs another number of hashes.
    pub(super) fn new(size: u64, hashes: Vec<Sha256Digest>) -> Option<Self> {
        (hashes.len() == size.count_ones() as usize).then_some(Self { size, hashes })
    }

    /// Roots of the perfect subtrees.
    pub(super) fn hashes(&self) -> &[Sha256Digest] {
        &self.hashes
    }

    /// The compact range after one more leaf.
    #[must_use]
    pub(super) fn with(&self, leaf: Sha256Digest) -> Self {
        let mut hashes = self.hashes.clone();
        let mut hash = leaf;
        // The perfect subtrees that the leaf completes are those of the trailing ones of the size.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = hashes.pop() {
                hash = node_hash(left, hash);
            }
        }
        hashes.push(hash);
        Self { size: self.size.saturating_add(1), hashes }
    }

    /// Merkle tree hash of all leaves; of the empty string when there is none.
    pub(super) fn root(&self) -> Sha256Digest {
        let mut hashes = self.hashes.iter().rev().copied();
        let Some(smallest) = hashes.next() else { return Sha256Digest::of(b"") };
        hashes.fold(smallest, |right, left| node_hash(left, right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves and roots of the reference implementation of Certificate Transparency.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn roots_are_those_of_the_reference_implementation() {
        let mut frontier = Frontier::default();
        assert_eq!(frontier.root().to_hex(), ROOTS[0]);
        for (leaf, root) in LEAVES.iter().zip(&ROOTS[1..]) {
            frontier = frontier.with(leaf_hash(leaf));
            assert_eq!(frontier.root().to_hex(), *root);
        }
    }

    /// The definition of RFC 6962, which splits at the largest power of two below the size.
    fn definition(leaves: &[Vec<u8>]) -> Sha256Digest {
        match leaves {
            [] => Sha256Digest::of(b""),
            [leaf] => leaf_hash(leaf),
            leaves => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(definition(left), definition(right))
            }
        }
    }

    #[test]
    fn appending_comes_to_the_definition() {
        let leaves: Vec<_> = (0_u8..70).map(|leaf| vec![leaf]).collect();
        let mut frontier = Frontier::default();
        for (index, leaf) in leaves.iter().enumerate() {
            frontier = frontier.with(leaf_hash(leaf));
            assert_eq!(frontier.root(), definition(&leaves[..=index]));
            let size = index as u64 + 1;
            assert_eq!(Frontier::new(size, frontier.hashes().to_vec()), Some(frontier.clone()));
            assert_eq!(
                Frontier::new(size + 1, frontier.hashes().to_vec()).is_some(),
                size.count_ones() == (size + 1).count_ones()
            );
        }
    }
}
