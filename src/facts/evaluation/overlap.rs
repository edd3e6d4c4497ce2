//! The exact overlap of two sets of keys in bounded memory: whether rows of an evaluation were in the training data.
//!
//! Keys go into 256 partitions by a hash of their bits, so that equal keys meet in the same one. Each partition is
//! then sorted and counted by itself. With a limit, full buffers of partitions are written to one anonymous temporary
//! file, which the system removes with the process.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use super::spread::Spread;

/// Bits of a key's hash that name its partition.
const PARTITION_BITS: u32 = 8;
/// Partitions of either side.
const PARTITIONS: usize = 1 << PARTITION_BITS;
/// A memory limit below this counts as this much.
const SMALLEST_MEMORY_BYTES: usize = 1 << 18;

/// What two sets of keys have in common. A row beyond the first of its key is a duplicate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Overlap {
    /// Evaluation rows whose key is in the reference, duplicates included.
    pub(crate) shared: u64,
    /// Different keys that are on both sides.
    pub(crate) distinct_shared: u64,
    /// Keys of the evaluation.
    pub(crate) evaluation_rows: u64,
    /// Keys of the reference.
    pub(crate) reference_rows: u64,
    /// Evaluation rows less their different keys.
    pub(crate) evaluation_duplicates: u64,
    /// Reference rows less their different keys.
    pub(crate) reference_duplicates: u64,
}

/// How much may be held in memory, and where the rest goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpillLimit {
    /// Memory for keys: half of it holds what waits for its partition's turn, half is used to count. From 64 MiB on
    /// the file is written in pieces that suit a disk.
    pub(crate) memory_bytes: usize,
    /// Directory of the temporary file, which takes up to the size of all keys, if not the one for temporary files.
    pub(crate) directory: Option<PathBuf>,
}

/// What rows are matched by: a whole number, or 128 bits of a hash.
pub(crate) trait Key: Copy + Ord + Send + Sync {
    /// Its size.
    const BYTES: usize;

    /// 64 bits that depend on all of its bits.
    fn hash(self) -> u64;

    /// Another key for each key, which begins with its hash.
    fn mixed(self) -> Self;

    /// The hash of a key, of what was made of it.
    fn hash_of_mixed(self) -> u64;

    /// Appends its bytes.
    fn write(self, bytes: &mut Vec<u8>);

    /// The key of the first bytes.
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl Key for u64 {
    const BYTES: usize = 8;

    /// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): ids in sequence go to all partitions.
    fn hash(self) -> u64 {
        let mixed = (self ^ (self >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn mixed(self) -> Self {
        self.hash()
    }

    fn hash_of_mixed(self) -> u64 {
        self
    }

    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|bytes| Self::from_le_bytes(*bytes))
    }
}

impl Key for u128 {
    const BYTES: usize = 16;

    fn hash(self) -> u64 {
        let (high, low) = ((self >> 64) as u64, self as u64);
        (high ^ low.hash()).hash()
    }

    fn mixed(self) -> Self {
        Self::from(self.hash()) << 64 | Self::from(self as u64)
    }

    fn hash_of_mixed(self) -> u64 {
        (self >> 64) as u64
    }

    fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|bytes| Self::from_le_bytes(*bytes))
    }
}

/// Takes the keys of both sides in any order and counts what they share.
#[derive(Debug)]
pub(crate) struct OverlapCounter<K> {
    reference: Side<K>,
    evaluation: Side<K>,
    storage: Storage,
}

impl<K: Key> OverlapCounter<K> {
    /// Holds every key in memory or, with a limit, what goes beyond it in a file.
    pub(crate) fn new(limit: Option<SpillLimit>) -> Self {
        Self { reference: Side::new(), evaluation: Side::new(), storage: Storage::new::<K>(limit) }
    }

    /// Adds a key of the reference, such as the training data. An error is one of the temporary file; there is no
    /// result after it.
    pub(crate) fn add_reference(&mut self, key: K) -> io::Result<()> {
        self.reference.add(key, &mut self.storage)
    }

    /// Adds a key of the evaluation data. An error is one of the temporary file; there is no result after it.
    pub(crate) fn add_evaluation(&mut self, key: K) -> io::Result<()> {
        self.evaluation.add(key, &mut self.storage)
    }

    /// The keys of the evaluation, of which none was written, each as another one of its own.
    #[cfg(feature = "cluster")]
    pub(crate) fn evaluation(&self) -> impl Iterator<Item = K> {
        self.evaluation.partitions.iter().flat_map(|partition| &partition.keys).flatten().copied()
    }

    /// Takes in the keys of another counter, of another thread. Nothing may have been written by this one.
    pub(crate) fn absorb(&mut self, other: Self) {
        let Self { reference, evaluation, storage } = other;
        let first = self.storage.files.len();
        self.storage.files.extend(storage.files);
        self.reference.absorb(reference, first);
        self.evaluation.absorb(evaluation, first);
    }

    /// Counts, in as many threads where all keys are in memory. An error is one of the temporary file.
    pub(crate) fn finish(mut self, threads: NonZeroUsize) -> io::Result<Overlap> {
        let (reference_rows, evaluation_rows) = (self.reference.rows, self.evaluation.rows);
        let partitions = self.reference.partitions.into_iter().zip(self.evaluation.partitions);
        let partitions: Vec<_> = Hashes::partitions().zip(partitions).collect();
        let totals = if self.storage.files.is_empty() {
            let part = partitions.len().div_ceil(threads.get());
            let parts = partitions.chunks(part.max(1));
            let of_part = |part: &[_]| count_partitions(part, &mut self.storage.without_files());
            thread::scope(|scope| {
                let counting: Vec<_> = parts
                    .map(|part| (part, thread::Builder::new().spawn_scoped(scope, move || of_part(part))))
                    .collect();
                let counted = counting.into_iter().map(|(part, counting)| match counting {
                    Ok(counting) => counting.join().unwrap_or_else(|_| Err(io::Error::other("a thread stopped"))),
                    // No thread is to be had: one after the other.
                    Err(_) => of_part(part),
                });
                counted.collect::<io::Result<Vec<Counts>>>()
            })?
        } else {
            vec![count_partitions(&partitions, &mut self.storage)?]
        };
        let total = totals.into_iter().fold(Counts::default(), Counts::plus);
        Ok(Overlap {
            shared: total.shared,
            distinct_shared: total.distinct_shared,
            evaluation_rows,
            reference_rows,
            evaluation_duplicates: evaluation_rows - total.distinct_evaluation,
            reference_duplicates: reference_rows - total.distinct_reference,
        })
    }
}

/// A partition of both sides, and the hashes of its keys.
type Paired<K> = (Hashes, (Partition<K>, Partition<K>));

/// The counts of some partitions.
fn count_partitions<K: Key>(partitions: &[Paired<K>], storage: &mut Storage) -> io::Result<Counts> {
    let mut total = Counts::default();
    for (hashes, (reference, evaluation)) in partitions {
        let mut waiting = vec![*hashes];
        while let Some(hashes) = waiting.pop() {
            match count(reference, evaluation, hashes, storage)? {
                Some(counts) => total = total.plus(counts),
                None => waiting.extend(hashes.halves().into_iter().flatten()),
            }
        }
    }
    Ok(total)
}

/// Keys of one side.
#[derive(Debug)]
struct Side<K> {
    rows: u64,
    partitions: Vec<Partition<K>>,
}

impl<K: Key> Side<K> {
    fn new() -> Self {
        let partition = || Partition { keys: Vec::new(), count: 0, extents: Vec::new() };
        Self { rows: 0, partitions: std::iter::repeat_with(partition).take(PARTITIONS).collect() }
    }

    /// Takes in keys of another one, whose files come after the first `files`.
    fn absorb(&mut self, other: Self, files: usize) {
        self.rows += other.rows;
        for (own, other) in self.partitions.iter_mut().zip(other.partitions) {
            own.keys.extend(other.keys);
            own.count += other.count;
            let moved = |extent: Extent| Extent { file: extent.file + files, ..extent };
            own.extents.extend(other.extents.into_iter().map(moved));
        }
    }

    fn add(&mut self, key: K, storage: &mut Storage) -> io::Result<()> {
        let key = key.mixed();
        let number = (key.hash_of_mixed() >> (u64::BITS - PARTITION_BITS)) as usize;
        let Some(partition) = self.partitions.get_mut(number) else {
            return Err(io::Error::other("a key has no partition"));
        };
        self.rows += 1;
        partition.push(key);
        if partition.count >= storage.buffer_keys {
            partition.extents.push(storage.write(&partition.keys)?);
            partition.keys.truncate(1);
            partition.keys.iter_mut().for_each(Vec::clear);
            partition.count = 0;
        }
        Ok(())
    }
}

/// Keys whose hashes have the same first bits.
#[derive(Debug)]
struct Partition<K> {
    /// Those in memory, mixed: some in each vector, so that none grows by being copied.
    keys: Vec<Vec<K>>,
    /// How many these are.
    count: usize,
    /// Those in the file.
    extents: Vec<Extent>,
}

/// Keys in a vector of a partition.
const CHUNK_KEYS: usize = 1024;

impl<K> Partition<K> {
    fn push(&mut self, key: K) {
        self.count += 1;
        match self.keys.last_mut() {
            Some(last) if last.len() < CHUNK_KEYS => last.push(key),
            Some(_) => {
                let mut next = Vec::with_capacity(CHUNK_KEYS);
                next.push(key);
                self.keys.push(next);
            }
            // Where there are few keys, there is no room for many.
            None => self.keys.push(vec![key]),
        }
    }
}

/// A piece of the file.
#[derive(Debug, Clone, Copy)]
struct Extent {
    file: usize,
    start_byte: u64,
    keys: usize,
}

/// A range of hashes, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hashes {
    first: u64,
    last: u64,
}

impl Hashes {
    /// Those of each partition.
    fn partitions() -> impl Iterator<Item = Self> {
        let below = u64::MAX >> PARTITION_BITS;
        (0..PARTITIONS as u64).map(move |number| {
            let first = number << (u64::BITS - PARTITION_BITS);
            Self { first, last: first | below }
        })
    }

    fn contains(self, hash: u64) -> bool {
        (self.first..=self.last).contains(&hash)
    }

    /// The two halves, if it has more than one hash.
    fn halves(self) -> Option<[Self; 2]> {
        let middle = self.first + (self.last - self.first) / 2;
        let halves = [Self { last: middle, ..self }, Self { first: middle.wrapping_add(1), ..self }];
        (self.first < self.last).then_some(halves)
    }
}

/// Where keys are that are not in memory.
#[derive(Debug)]
struct Storage {
    /// A partition's keys that are held in memory before they are written.
    buffer_keys: usize,
    /// Keys that are sorted at a time.
    block_keys: usize,
    /// Different keys of both sides that are counted at a time.
    counted_keys: usize,
    directory: Option<PathBuf>,
    /// The file, once something was written, and those of counters that were taken in.
    files: Vec<File>,
    end_byte: u64,
    bytes: Vec<u8>,
}

impl Storage {
    fn new<K: Key>(limit: Option<SpillLimit>) -> Self {
        let (memory_keys, directory) = match limit {
            Some(limit) => (limit.memory_bytes.max(SMALLEST_MEMORY_BYTES) / K::BYTES, limit.directory),
            None => (usize::MAX, None),
        };
        // A vector grows by doubling: a power of two leaves no room unused.
        let buffer_keys = 1 << (memory_keys / (4 * PARTITIONS)).ilog2();
        // To merge a block into the different keys takes up to three and a half times their memory.
        let counted_keys = memory_keys / 8;
        let block_keys = counted_keys / 4;
        Self { buffer_keys, block_keys, counted_keys, directory, files: Vec::new(), end_byte: 0, bytes: Vec::new() }
    }

    /// The same bounds for keys that are all in memory.
    fn without_files(&self) -> Self {
        Self { directory: None, files: Vec::new(), end_byte: 0, bytes: Vec::new(), ..*self }
    }

    fn write<K: Key>(&mut self, keys: &[Vec<K>]) -> io::Result<Extent> {
        if self.files.is_empty() {
            self.files.push(match &self.directory {
                Some(directory) => tempfile::tempfile_in(directory)?,
                None => tempfile::tempfile()?,
            });
        }
        let file = self.files.first_mut().ok_or_else(|| io::Error::other("there is no file"))?;
        self.bytes.clear();
        keys.iter().flatten().for_each(|key| key.write(&mut self.bytes));
        file.seek(SeekFrom::Start(self.end_byte))?;
        file.write_all(&self.bytes)?;
        let extent = Extent { file: 0, start_byte: self.end_byte, keys: self.bytes.len() / K::BYTES };
        self.end_byte += self.bytes.len() as u64;
        Ok(extent)
    }

    fn read<K: Key>(&mut self, extent: Extent) -> io::Result<impl Iterator<Item = K>> {
        let file = self.files.get_mut(extent.file).ok_or_else(|| io::Error::other("nothing was written"))?;
        self.bytes.resize(extent.keys * K::BYTES, 0);
        file.seek(SeekFrom::Start(extent.start_byte))?;
        file.read_exact(&mut self.bytes)?;
        Ok(self.bytes.chunks_exact(K::BYTES).filter_map(K::read))
    }
}

/// The keys of a partition with certain hashes, a block at a time.
struct Blocks<'a, K> {
    hashes: Hashes,
    keys: &'a [Vec<K>],
    extents: std::slice::Iter<'a, Extent>,
    spread: Spread<K>,
}

impl<'a, K: Key> Blocks<'a, K> {
    fn new(partition: &'a Partition<K>, hashes: Hashes) -> Self {
        Self { hashes, keys: &partition.keys, extents: partition.extents.iter(), spread: Spread::default() }
    }

    /// Fills and sorts `block`; false if nothing is left.
    fn next(&mut self, storage: &mut Storage, block: &mut Vec<K>) -> io::Result<bool> {
        let hashes = self.hashes;
        let wanted = |key: &K| hashes.contains(key.hash_of_mixed());
        block.clear();
        let keys = std::mem::take(&mut self.keys);
        block.reserve(keys.iter().map(Vec::len).sum());
        keys.iter().for_each(|keys| block.extend(keys.iter().copied().filter(wanted)));
        while block.len() < storage.block_keys {
            let Some(extent) = self.extents.next() else { break };
            block.extend(storage.read(*extent)?.filter(wanted));
        }
        self.spread.sort(block, |key| key.hash_of_mixed(), (hashes.first, hashes.last));
        Ok(!block.is_empty())
    }
}

/// Counts of keys with certain hashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    shared: u64,
    distinct_shared: u64,
    distinct_reference: u64,
    distinct_evaluation: u64,
}

impl Counts {
    const fn plus(self, other: Self) -> Self {
        Self {
            shared: self.shared + other.shared,
            distinct_shared: self.distinct_shared + other.distinct_shared,
            distinct_reference: self.distinct_reference + other.distinct_reference,
            distinct_evaluation: self.distinct_evaluation + other.distinct_evaluation,
        }
    }
}

/// The counts of the keys with certain hashes, or none if they are too many for the memory and can be halved.
fn count<K: Key>(
    reference: &Partition<K>,
    evaluation: &Partition<K>,
    hashes: Hashes,
    storage: &mut Storage,
) -> io::Result<Option<Counts>> {
    let room = if hashes.halves().is_some() { storage.counted_keys } else { usize::MAX };
    let (mut known, mut seen, mut block) = (Vec::new(), Vec::new(), Vec::new());
    let mut blocks = Blocks::new(reference, hashes);
    while blocks.next(storage, &mut block)? {
        merge(&mut known, &mut block);
        if known.len() > room {
            return Ok(None);
        }
    }
    let mut shared = 0;
    let mut blocks = Blocks::new(evaluation, hashes);
    while blocks.next(storage, &mut block)? {
        shared += matches(&known, &block);
        merge(&mut seen, &mut block);
        if known.len() + seen.len() > room {
            return Ok(None);
        }
    }
    let distinct_shared = matches(&known, &seen);
    let (distinct_reference, distinct_evaluation) = (known.len() as u64, seen.len() as u64);
    Ok(Some(Counts { shared, distinct_shared, distinct_reference, distinct_evaluation }))
}

/// Moves the sorted keys of `block` into `distinct`, which stays sorted and without duplicates.
fn merge<K: Key>(distinct: &mut Vec<K>, block: &mut Vec<K>) {
    block.dedup();
    if distinct.is_empty() {
        std::mem::swap(distinct, block);
        return;
    }
    distinct.append(block);
    // The stable sort finds the two sorted runs and merges them.
    distinct.sort();
    distinct.dedup();
}

/// How many of the sorted `rows` are among the sorted and distinct `known`.
fn matches<K: Key>(known: &[K], rows: &[K]) -> u64 {
    let mut known = known.iter().peekable();
    let shared = rows.iter().filter(|row| {
        while known.next_if(|key| key < row).is_some() {}
        known.peek().is_some_and(|key| key == row)
    });
    shared.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    use proptest::prelude::*;

    const THREADS: NonZeroUsize = NonZeroUsize::new(3).unwrap();

    fn limit() -> SpillLimit {
        SpillLimit { memory_bytes: 0, directory: None }
    }

    /// Reference and evaluation in turn, as long as both last.
    fn count_all<K: Key>(
        reference: &[K],
        evaluation: &[K],
        limit: Option<SpillLimit>,
    ) -> io::Result<(Overlap, Option<u64>)> {
        let mut counter = OverlapCounter::new(limit);
        for place in 0..reference.len().max(evaluation.len()) {
            reference.get(place).map_or(Ok(()), |key| counter.add_reference(*key))?;
            evaluation.get(place).map_or(Ok(()), |key| counter.add_evaluation(*key))?;
        }
        let written = (!counter.storage.files.is_empty()).then_some(counter.storage.end_byte);
        Ok((counter.finish(THREADS)?, written))
    }

    fn expected<K: Key + std::hash::Hash>(reference: &[K], evaluation: &[K]) -> Overlap {
        let count = |keys: &[K]| {
            let mut counts = HashMap::new();
            keys.iter().for_each(|key| *counts.entry(*key).or_insert(0) += 1);
            counts
        };
        let (known, seen): (HashMap<K, u64>, HashMap<K, u64>) = (count(reference), count(evaluation));
        let both = || seen.iter().filter(|(key, _)| known.contains_key(key));
        Overlap {
            shared: both().map(|(_, rows)| rows).sum(),
            distinct_shared: both().count() as u64,
            evaluation_rows: evaluation.len() as u64,
            reference_rows: reference.len() as u64,
            evaluation_duplicates: (evaluation.len() - seen.len()) as u64,
            reference_duplicates: (reference.len() - known.len()) as u64,
        }
    }

    #[track_caller]
    fn assert_counted<K: Key + std::hash::Hash>(reference: &[K], evaluation: &[K]) -> Option<u64> {
        let expected = expected(reference, evaluation);
        assert_eq!(count_all(reference, evaluation, None).unwrap(), (expected, None));
        let (limited, written) = count_all(reference, evaluation, Some(limit())).unwrap();
        assert_eq!(limited, expected);
        written
    }

    #[test]
    fn a_small_example_worked_by_hand() {
        let overlap = count_all::<u64>(&[1, 2, 2, 3], &[2, 2, 2, 3, 4, 4], None).unwrap().0;
        let expected = Overlap {
            shared: 4,
            distinct_shared: 2,
            evaluation_rows: 6,
            reference_rows: 4,
            evaluation_duplicates: 3,
            reference_duplicates: 1,
        };
        assert_eq!(overlap, expected);
    }

    #[test]
    fn nothing_shares_nothing() {
        assert_eq!(assert_counted::<u64>(&[], &[]), None);
        assert_eq!(assert_counted::<u64>(&[], &[0, u64::MAX]), None);
        assert_eq!(assert_counted::<u128>(&[0, u128::MAX], &[]), None);
    }

    #[test]
    fn every_bit_of_a_key_tells_it_from_others() {
        let keys: Vec<u128> = (0..128).map(|bit| 1 << bit).collect();
        assert_counted(&keys, &keys[1..]);
        assert_counted(&keys[..64], &keys[64..]);
    }

    #[test]
    fn more_keys_than_there_is_room_for_are_counted_in_parts() {
        let crowded = |number: u64| number.hash() >> (u64::BITS - PARTITION_BITS) == 7;
        let keys: Vec<u64> = (0..).filter(|number| crowded(*number)).take(9_000).collect();
        assert!(keys.len() > Storage::new::<u64>(Some(limit())).counted_keys);
        assert_eq!(assert_counted(&keys[..6_000], &keys[1_000..]), Some((6_000 + 8_000) / 32 * 32 * 8));
    }

    #[test]
    fn keys_of_one_hash_are_counted_although_they_cannot_be_parted() {
        let keys: Vec<u128> = (0..6_000_u64).map(|low| u128::from(low.hash() ^ 42) << 64 | u128::from(low)).collect();
        assert_eq!(keys[0].hash(), keys[1].hash());
        assert!(assert_counted(&keys[..4_000], &keys[2_000..]).is_some());
    }

    #[test]
    fn one_key_over_and_over_is_read_in_blocks() {
        let (reference, evaluation) = (vec![7_u64; 50_000], vec![7_u64; 40_000]);
        assert!(assert_counted(&reference, &evaluation).is_some());

        let mut counter = OverlapCounter::new(Some(limit()));
        reference.iter().for_each(|key| counter.add_reference(*key).unwrap());
        let OverlapCounter { reference: side, mut storage, .. } = counter;
        let partition = side.partitions.iter().find(|partition| !partition.extents.is_empty()).unwrap();
        let mut blocks = Blocks::new(partition, Hashes { first: 0, last: u64::MAX });
        let (mut block, mut rows) = (Vec::new(), 0);
        while blocks.next(&mut storage, &mut block).unwrap() {
            assert!(block.len() < storage.block_keys + storage.buffer_keys);
            rows += block.len();
        }
        assert_eq!(rows, 50_000);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_an_error() {
        let keys: Vec<u64> = (0..20_000).collect();
        let nowhere = SpillLimit { memory_bytes: 0, directory: Some("/nowhere/at/all".into()) };
        assert_eq!(count_all(&keys, &keys, Some(nowhere)).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_that_cannot_be_written_or_is_cut_off_is_an_error() {
        let mut counter = OverlapCounter::new(Some(limit()));
        counter.storage.files = vec![File::open(std::env::current_exe().unwrap()).unwrap()];
        assert!((0..20_000_u64).any(|key| counter.add_reference(key).is_err()));

        let mut counter = OverlapCounter::new(Some(limit()));
        (0..20_000_u64).for_each(|key| counter.add_evaluation(key).unwrap());
        counter.storage.files[0].set_len(1_000).unwrap();
        assert_eq!(counter.finish(THREADS).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn hashes_are_halved_without_loss() {
        let all: Vec<Hashes> = Hashes::partitions().collect();
        assert_eq!((all[0].first, all[PARTITIONS - 1].last), (0, u64::MAX));
        assert!(all.windows(2).all(|pair| pair[0].last + 1 == pair[1].first));
        let [left, right] = all[255].halves().unwrap();
        assert_eq!((left.first, right.last), (all[255].first, u64::MAX));
        assert_eq!(left.last + 1, right.first);
        assert_eq!(Hashes { first: u64::MAX, last: u64::MAX }.halves(), None);
        let [left, right] = Hashes { first: 4, last: 5 }.halves().unwrap();
        assert_eq!((left, right), (Hashes { first: 4, last: 4 }, Hashes { first: 5, last: 5 }));
    }

    /// Keys of `rows` rows, at most `different` of them.
    fn keys(rows: usize, different: u64, seed: u64) -> Vec<u64> {
        (0..rows as u64).map(|row| (row ^ seed).hash() % different).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn counters_of_threads_count_as_one(
            parts in prop::collection::vec((0_usize..6_000, 0_usize..6_000), 1..4),
            different in prop_oneof![1_u64..100, 1_u64..20_000],
            seed: u64,
            is_limited: bool,
        ) {
            let (mut all, mut sides) = (OverlapCounter::<u64>::new(is_limited.then(limit)), (Vec::new(), Vec::new()));
            for (index, (reference, evaluation)) in parts.into_iter().enumerate() {
                let (reference, evaluation) =
                    (keys(reference, different, seed ^ index as u64), keys(evaluation, different, !seed ^ index as u64));
                let mut part = OverlapCounter::new(is_limited.then(limit));
                reference.iter().for_each(|key| part.add_reference(*key).unwrap());
                evaluation.iter().for_each(|key| part.add_evaluation(*key).unwrap());
                all.absorb(part);
                sides.0.extend(reference);
                sides.1.extend(evaluation);
            }
            prop_assert_eq!(all.finish(THREADS).unwrap(), expected(&sides.0, &sides.1));
        }

        #[test]
        fn it_counts_what_a_hash_map_counts(
            rows in (0_usize..20_000, 0_usize..20_000),
            different in prop_oneof![1_u64..100, 1_u64..50_000, Just(u64::MAX)],
            seed: u64,
        ) {
            let (reference, evaluation) = (keys(rows.0, different, seed), keys(rows.1, different, !seed));
            assert_counted(&reference, &evaluation);
            let wide = |keys: &[u64]| keys.iter().map(|key| u128::from(*key) << 60).collect::<Vec<_>>();
            assert_counted(&wide(&reference), &wide(&evaluation));
        }
    }
}
