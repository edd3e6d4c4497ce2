//! Rows by where their scores lie, put there as they are read.

use super::table::Block;

/// Partitions of equal width that [0, 1] is divided into, apart from the lowest, which are divided further.
const WIDE: usize = 1 << 11;
/// The first of them that is not divided further, at 2⁻⁷: from there down a partition is a sixteenth of an octave.
const FIRST_WIDE: usize = 1 << 4;
/// Octaves that are divided into sixteenths. What is below 2⁻⁷¹ is with the last sixteenth.
const OCTAVES: usize = 64;
/// Sixteenths of octaves.
const NARROW: usize = OCTAVES << 4;
/// Bits of a score below those that say its octave and the sixteenth.
const NARROW_SHIFT: u32 = 48;
/// Partitions there are. The last is for the score 1.
pub(crate) const PARTITIONS: usize = NARROW + WIDE - FIRST_WIDE + 1;
/// Rows in a block of a partition: few, since the last of each is half empty. A multiple of 64, and more than that.
const BLOCK_ROWS: usize = 256;

/// The partition of a score. It does not decrease when the score increases.
pub(crate) fn partition_of(key: u64) -> usize {
    // The cast saturates.
    let wide = (f64::from_bits(key) * WIDE as f64) as u32 as usize;
    if wide >= FIRST_WIDE {
        return (NARROW + wide - FIRST_WIDE).min(PARTITIONS - 1);
    }
    let below = (first_wide_key() >> NARROW_SHIFT).saturating_sub(key >> NARROW_SHIFT) as usize;
    NARROW.saturating_sub(below)
}

const fn first_wide_key() -> u64 {
    (FIRST_WIDE as f64 / WIDE as f64).to_bits()
}

/// The lowest score that is not below a partition.
pub(crate) fn start_of(partition: usize) -> u64 {
    if partition == 0 {
        return 0;
    }
    match partition.checked_sub(NARROW) {
        Some(wide) => ((wide + FIRST_WIDE) as f64 / WIDE as f64).to_bits(),
        None => first_wide_key() - (((NARROW - partition) as u64) << NARROW_SHIFT),
    }
}

/// A valid row in twelve bytes. A score in [0, 1] has the order of its bits, which are kept in halves; a tag is the cell's
/// number, doubled, plus one for the positive class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    key: [u32; 2],
    pub(crate) tag: u32,
}

impl Row {
    pub(crate) const fn new(key: u64, tag: u32) -> Self {
        Self { key: [(key >> 32) as u32, key as u32], tag }
    }

    /// The bits of its score.
    pub(crate) const fn key(self) -> u64 {
        let [high, low] = self.key;
        (high as u64) << 32 | low as u64
    }
}

/// Rows in memory, by partition.
#[derive(Debug)]
pub(crate) struct Partitions {
    /// Of each partition, blocks that are full.
    full: Vec<Vec<Vec<Row>>>,
    /// Of each partition, the block that is being filled.
    last: Vec<Vec<Row>>,
    rows: u64,
}

impl Default for Partitions {
    fn default() -> Self {
        Self { full: vec![Vec::new(); PARTITIONS], last: vec![Vec::new(); PARTITIONS], rows: 0 }
    }
}

impl Partitions {
    /// Rows there are.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// The rows of a partition.
    pub(crate) fn blocks(&self, partition: usize) -> impl Iterator<Item = &[Row]> {
        let full = self.full.get(partition).into_iter().flatten();
        full.chain(self.last.get(partition)).map(Vec::as_slice)
    }

    /// Rows of a partition.
    pub(crate) fn rows_of(&self, partition: usize) -> usize {
        self.blocks(partition).map(<[Row]>::len).sum()
    }

    /// All blocks.
    pub(crate) fn all(&self) -> impl Iterator<Item = &[Row]> {
        (0..PARTITIONS).flat_map(|partition| self.blocks(partition))
    }

    /// Takes rows.
    pub(crate) fn add(&mut self, rows: &Block) {
        for (key, tag) in rows.keys.iter().zip(&rows.tags) {
            let number = partition_of(*key);
            let Some(last) = self.last.get_mut(number) else { continue };
            if last.len() == last.capacity() {
                grow(last, self.full.get_mut(number));
            }
            last.push(Row::new(*key, *tag));
        }
        self.rows += rows.keys.len() as u64;
    }
}

/// Makes room in a block, or for the next one. Where there are few rows, blocks are small.
#[cold]
fn grow(last: &mut Vec<Row>, full: Option<&mut Vec<Vec<Row>>>) {
    if last.capacity() < BLOCK_ROWS {
        last.reserve_exact((last.capacity().max(BLOCK_ROWS / 64) * 4).min(BLOCK_ROWS) - last.len());
    } else if let Some(full) = full {
        full.push(std::mem::replace(last, Vec::with_capacity(BLOCK_ROWS)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn partitions_begin_where_they_say() {
        for partition in 1..PARTITIONS {
            let start = start_of(partition);
            assert_eq!((partition_of(start), partition_of(start - 1)), (partition, partition - 1));
        }
        assert_eq!((start_of(0), partition_of(0), partition_of(1)), (0, 0, 0));
        assert_eq!(partition_of(1.0_f64.to_bits()), PARTITIONS - 1);
        assert!([f64::INFINITY, f64::NAN, -1.0].iter().all(|score| partition_of(score.to_bits()) < PARTITIONS));
    }

    proptest! {
        #[test]
        fn rows_are_where_they_belong(
            batches in prop::collection::vec(
                prop::collection::vec((prop_oneof![0.0..=1.0, 0.0..1e-3, Just(0.25)], any::<u32>()), 0..600), 0..4,
            ),
        ) {
            let mut partitions = Partitions::default();
            let mut expected = vec![Vec::new(); PARTITIONS];
            for batch in &batches {
                let keys = batch.iter().map(|row: &(f64, u32)| row.0.to_bits()).collect();
                let rows = Block { keys, tags: batch.iter().map(|row| row.1).collect() };
                partitions.add(&rows);
                for (key, tag) in rows.keys.into_iter().zip(rows.tags) {
                    expected[partition_of(key)].push((key, tag));
                }
            }
            for (partition, expected) in expected.iter().enumerate() {
                let found: Vec<_> = partitions.blocks(partition).flatten().map(|row| (row.key(), row.tag)).collect();
                prop_assert_eq!(&found, expected);
                prop_assert_eq!(partitions.rows_of(partition), expected.len());
            }
            prop_assert_eq!(partitions.rows(), batches.iter().map(Vec::len).sum::<usize>() as u64);
            prop_assert_eq!(partitions.all().map(<[Row]>::len).sum::<usize>() as u64, partitions.rows());
        }
    }
}
