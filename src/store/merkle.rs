//! The Merkle tree of RFC 6962, section 2.1: its roots, and proofs that a leaf is in a tree and that one tree
//! continues another.

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
        join(&self.hashes).unwrap_or_else(|| Sha256Digest::of(b""))
    }

    /// Root of the perfect subtree of 2^`level` leaves that `leaf` completes, or none if it completes no such one.
    pub(super) fn completed(&self, leaf: Sha256Digest, level: u32) -> Option<Sha256Digest> {
        if self.size.trailing_ones() < level {
            return None;
        }
        let left = self.hashes.iter().rev().take(usize::try_from(level).ok()?);
        Some(left.fold(leaf, |right, left| node_hash(*left, right)))
    }
}

/// Hash of the subtree that consists of these perfect ones, the largest first; none of nothing.
pub(super) fn join(perfect: &[Sha256Digest]) -> Option<Sha256Digest> {
    let mut hashes = perfect.iter().rev().copied();
    let smallest = hashes.next()?;
    Some(hashes.fold(smallest, |right, left| node_hash(left, right)))
}

/// The leaves from `start` on up to `end`, where the tree has a hash of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subtree {
    start: u64,
    end: u64,
}

/// A perfect subtree: the number of its last leaf, and the height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Perfect {
    pub(super) last: u64,
    pub(super) level: u32,
}

impl Subtree {
    /// Both halves: the left one has the largest power of two of leaves that is below their number. None of one leaf.
    fn halves(self) -> Option<(Self, Self)> {
        let leaves = self.end.saturating_sub(self.start);
        let left = 1_u64.checked_shl(leaves.checked_sub(1)?.checked_ilog2()?)?;
        let middle = self.start.saturating_add(left);
        Some((Self { end: middle, ..self }, Self { start: middle, ..self }))
    }

    /// The perfect subtrees that it consists of, the largest first.
    pub(super) fn perfect(self) -> Vec<Perfect> {
        let (mut start, mut perfect) = (self.start, Vec::new());
        while let Some(level) = self.end.saturating_sub(start).checked_ilog2() {
            let leaves = 1_u64.checked_shl(level).unwrap_or(u64::MAX);
            start = start.saturating_add(leaves);
            perfect.push(Perfect { last: start.saturating_sub(1), level });
        }
        perfect
    }
}

/// The subtrees whose hashes prove that leaf `index` is in a tree of `size` leaves, from the leaf's sibling to the
/// root's child (RFC 6962, section 2.1.1).
pub(super) fn inclusion_path(index: u64, size: u64) -> Vec<Subtree> {
    let (mut tree, mut path) = (Subtree { start: 0, end: size }, Vec::new());
    while let Some((left, right)) = tree.halves() {
        let (own, other) = if index < right.start { (left, right) } else { (right, left) };
        path.push(other);
        tree = own;
    }
    path.reverse();
    path
}

/// The subtrees whose hashes prove that the tree of `second` leaves continues that of `first` (RFC 6962, section
/// 2.1.2). Nothing has to be proven of an empty tree or of the same one.
pub(super) fn consistency_path(first: u64, second: u64) -> Vec<Subtree> {
    let (mut tree, mut path) = (Subtree { start: 0, end: second }, Vec::new());
    if first == 0 || first >= second {
        return path;
    }
    while tree.end != first {
        let Some((left, right)) = tree.halves() else { break };
        let (within, other) = if first <= right.start { (left, right) } else { (right, left) };
        path.push(other);
        tree = within;
    }
    // Whoever verifies has the hash of the whole first tree.
    if tree.start != 0 {
        path.push(tree);
    }
    path.reverse();
    path
}

/// Whether `proof` shows that the leaf is at `index` of the tree of `size` leaves with this root (RFC 9162, section
/// 2.1.3.2).
pub(super) fn proves_inclusion(
    index: u64,
    size: u64,
    leaf: Sha256Digest,
    proof: &[Sha256Digest],
    root: Sha256Digest,
) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size.saturating_sub(1), leaf);
    for other in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(*other, hash);
            skip_lone(&mut node, &mut last);
        } else {
            hash = node_hash(hash, *other);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == root
}

/// Whether `proof` shows that the tree of `second` leaves continues that of `first` (RFC 9162, section 2.1.4.2). Of an
/// empty tree nothing can be shown.
pub(super) fn proves_consistency(
    (first, first_root): (u64, Sha256Digest),
    (second, second_root): (u64, Sha256Digest),
    proof: &[Sha256Digest],
) -> bool {
    if first == second {
        let is_tree = first != 0 || first_root == Frontier::default().root();
        return proof.is_empty() && first_root == second_root && is_tree;
    }
    if first == 0 || first > second {
        return false;
    }
    // A perfect first tree is a node of the second: its hash, which the verifier has, is not in the proof.
    let own = first.is_power_of_two().then_some(first_root);
    let mut hashes = own.iter().chain(proof).copied();
    // The proof itself is never empty when the sizes differ.
    let (Some(start), false) = (hashes.next(), proof.is_empty()) else { return false };
    let (mut node, mut last) = (first.saturating_sub(1), second.saturating_sub(1));
    let ones = node.trailing_ones();
    (node, last) = (node.checked_shr(ones).unwrap_or(0), last.checked_shr(ones).unwrap_or(0));
    let (mut of_first, mut of_second) = (start, start);
    for other in hashes {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            of_first = node_hash(other, of_first);
            of_second = node_hash(other, of_second);
            skip_lone(&mut node, &mut last);
        } else {
            of_second = node_hash(of_second, other);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && of_first == first_root && of_second == second_root
}

/// Goes up from a node that has no sibling on its right, which is the same node in every level until it is one
/// itself.
fn skip_lone(node: &mut u64, last: &mut u64) {
    while *node & 1 == 0 && *node != 0 {
        *node >>= 1;
        *last >>= 1;
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

    fn vectors(text: &str) -> impl Iterator<Item = serde_json::Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap())
    }

    /// A hash in base64; what is no hash is one of nothing, which every vector with such a one is refused for.
    fn hash(value: &serde_json::Value) -> Option<Sha256Digest> {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str()?).unwrap();
        Some(Sha256Digest::from_bytes(bytes.try_into().ok()?))
    }

    fn hashes(value: &serde_json::Value) -> Option<Vec<Sha256Digest>> {
        value.as_array().map_or(Some(Vec::new()), |hashes| hashes.iter().map(hash).collect())
    }

    #[test]
    fn inclusion_is_judged_as_by_the_reference_implementation() {
        let mut held = 0;
        for vector in vectors(include_str!("../../tests/merkle/inclusion.jsonl")) {
            let number = |key: &str| vector[key].as_u64().unwrap();
            let parts = (hash(&vector["leafHash"]), hashes(&vector["proof"]), hash(&vector["root"]));
            let holds = matches!(&parts, (Some(leaf), Some(proof), Some(root))
                if proves_inclusion(number("leafIdx"), number("treeSize"), *leaf, proof, *root));
            assert_eq!(holds, !vector["wantErr"].as_bool().unwrap(), "{vector}");
            held += u32::from(holds);
        }
        assert!(held >= 6, "{held} vectors hold");
    }

    #[test]
    fn consistency_is_judged_as_by_the_reference_implementation() {
        let mut held = 0;
        for vector in vectors(include_str!("../../tests/merkle/consistency.jsonl")) {
            let number = |key: &str| vector[key].as_u64().unwrap();
            // Some vectors have roots of another length, which ours cannot have: what they mean is whether the two are equal.
            let root =
                |key: &str| hash(&vector[key]).or_else(|| Some(Sha256Digest::of(vector[key].as_str()?.as_bytes())));
            let parts = (root("root1"), root("root2"), hashes(&vector["proof"]));
            let holds = matches!(&parts, (Some(first), Some(second), Some(proof))
                if proves_consistency((number("size1"), *first), (number("size2"), *second), proof));
            assert_eq!(holds, !vector["wantErr"].as_bool().unwrap(), "{vector}");
            held += u32::from(holds);
        }
        assert!(held >= 4, "{held} vectors hold");
    }

    /// Hashes of subtrees, from what stands before each leaf.
    fn prove(before: &[Frontier], leaves: &[Sha256Digest], path: Vec<Subtree>) -> Vec<Sha256Digest> {
        let of = |perfect: Perfect| {
            let last = usize::try_from(perfect.last).unwrap();
            before[last].completed(leaves[last], perfect.level).unwrap()
        };
        path.into_iter()
            .map(|subtree| join(&subtree.perfect().into_iter().map(of).collect::<Vec<_>>()).unwrap())
            .collect()
    }

    #[test]
    fn every_proof_that_is_made_holds_and_for_nothing_else() {
        let leaves: Vec<_> = (0_u8..37).map(|leaf| leaf_hash(&[leaf])).collect();
        let mut before = vec![Frontier::default()];
        for leaf in &leaves {
            before.push(before[before.len() - 1].with(*leaf));
        }
        let root = |size: u64| before[size as usize].root();
        for size in 1..=37_u64 {
            for index in 0..size {
                let proof = prove(&before, &leaves, inclusion_path(index, size));
                let leaf = leaves[index as usize];
                assert!(proves_inclusion(index, size, leaf, &proof, root(size)), "{index} in {size}");
                assert!(!proves_inclusion((index + 1) % size, size, leaf, &proof, root(size)) || size == 1);
                assert!(!proves_inclusion(index, size, leaf_hash(b"other"), &proof, root(size)));
                assert!(!proves_inclusion(index, size, leaf, &[proof, vec![leaf]].concat(), root(size)));
            }
            for first in 1..=size {
                let proof = prove(&before, &leaves, consistency_path(first, size));
                assert!(proves_consistency((first, root(first)), (size, root(size)), &proof), "{first} to {size}");
                assert!(!proves_consistency((first, root(first)), (size, root(size - 1)), &proof));
                assert!(!proves_consistency((first, leaves[0]), (size, root(size)), &proof) || first == 1);
            }
        }
    }
}
