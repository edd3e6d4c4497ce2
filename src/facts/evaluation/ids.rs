//! Ids of rows: how many are missing, and how many are there twice.

use std::io;
use std::num::NonZeroUsize;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use sha2::{Digest as _, Sha256};

use super::overlap::{Key, OverlapCounter};

/// What is wrong with ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IdCounts {
    pub(crate) missing: u64,
    pub(crate) duplicates: u64,
}

/// Ids as keys: whole numbers as they are, and the beginning of the SHA-256 of any other.
#[derive(Debug)]
pub(crate) struct Ids {
    numbers: OverlapCounter<u64>,
    hashes: OverlapCounter<u128>,
    missing: u64,
}

impl Default for Ids {
    fn default() -> Self {
        Self { numbers: OverlapCounter::new(None), hashes: OverlapCounter::new(None), missing: 0 }
    }
}

impl Ids {
    /// Takes the ids of rows.
    pub(crate) fn add(&mut self, column: &ArrayRef) -> Result<(), ArrowError> {
        self.missing += match column.data_type() {
            DataType::UInt64 => add(&mut self.numbers, column.as_primitive::<UInt64Type>().iter())?,
            data_type if data_type.is_integer() => {
                let column = cast(column, &DataType::Int64)?;
                let ids = column.as_primitive::<Int64Type>().iter();
                add(&mut self.numbers, ids.map(|id| id.map(i64::cast_unsigned)))?
            }
            _ => add(&mut self.hashes, keys(column)?.into_iter())?,
        };
        Ok(())
    }

    /// The keys of rows that have one, each as another one of its own.
    #[cfg(feature = "cluster")]
    pub(crate) fn keys(&self) -> Vec<u128> {
        self.numbers.evaluation().map(u128::from).chain(self.hashes.evaluation()).collect()
    }

    /// Counts over all parts of the data.
    pub(crate) fn count(parts: Vec<Self>, threads: NonZeroUsize) -> io::Result<IdCounts> {
        let missing = Self::missing(&parts);
        let mut all = Self::default();
        for Self { numbers, hashes, .. } in parts {
            all.numbers.absorb(numbers);
            all.hashes.absorb(hashes);
        }
        let duplicates = all.numbers.finish(threads)?.evaluation_duplicates;
        Ok(IdCounts { missing, duplicates: duplicates + all.hashes.finish(threads)?.evaluation_duplicates })
    }

    /// Rows without an id, over all parts of the data.
    pub(crate) fn missing(parts: &[Self]) -> u64 {
        parts.iter().map(|part| part.missing).sum()
    }
}

/// Adds the keys that are there; returns how many are not.
fn add<K: Key>(counter: &mut OverlapCounter<K>, keys: impl Iterator<Item = Option<K>>) -> io::Result<u64> {
    let mut missing = 0;
    for key in keys {
        match key {
            Some(key) => counter.add_evaluation(key)?,
            None => missing += 1,
        }
    }
    Ok(missing)
}

/// Keys beyond the first of their kind.
#[cfg(feature = "cluster")]
pub(crate) fn duplicates(mut keys: Vec<u128>) -> u64 {
    keys.sort_unstable();
    keys.windows(2).filter(|pair| matches!(pair, [left, right] if left == right)).count() as u64
}

/// Identifiers of rows as keys; none where a row has none.
pub(crate) fn keys(column: &ArrayRef) -> Result<Vec<Option<u128>>, ArrowError> {
    Ok(match column.data_type() {
        DataType::UInt64 => column.as_primitive::<UInt64Type>().iter().map(|id| id.map(u128::from)).collect(),
        data_type if data_type.is_integer() => {
            let column = cast(column, &DataType::Int64)?;
            column.as_primitive::<Int64Type>().iter().map(|id| Some(u128::from(id?.cast_unsigned()))).collect()
        }
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) | DataType::BinaryView => {
            let column = cast(column, &DataType::LargeBinary)?;
            column.as_binary::<i64>().iter().map(|id| id.map(hash)).collect()
        }
        _ => {
            let column = cast(column, &DataType::Utf8)?;
            column.as_string::<i32>().iter().map(|id| id.map(|id| hash(id.as_bytes()))).collect()
        }
    })
}

/// The key of a group of rows, such as a cluster, in 64 bits.
pub(crate) const fn folded(key: u128) -> u64 {
    key as u64 ^ (key >> 64) as u64
}

pub(crate) fn hash(id: &[u8]) -> u128 {
    let digest: [u8; 32] = Sha256::digest(id).into();
    digest.first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Int32Array, StringArray};

    use super::*;

    fn counts(columns: &[ArrayRef]) -> (u64, u64) {
        let part = |column| {
            let mut ids = Ids::default();
            ids.add(column).unwrap();
            ids
        };
        let threads = NonZeroUsize::new(2).unwrap();
        let counts = Ids::count(columns.iter().map(part).collect(), threads).unwrap();
        (counts.missing, counts.duplicates)
    }

    #[test]
    fn ids_of_any_kind_are_counted_across_parts() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), Some(-1), None, Some(1)]));
        assert_eq!(counts(&[Arc::clone(&numbers)]), (1, 1));
        assert_eq!(counts(&[Arc::clone(&numbers), numbers]), (2, 4));
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("b"), Some(""), Some("a"), None]));
        assert_eq!(counts(&[texts]), (1, 1));
        let days: ArrayRef = Arc::new(Date32Array::from(vec![1, 2, 2, 2]));
        assert_eq!(counts(&[days]), (0, 2));
        assert_eq!(counts(&[]), (0, 0));
    }
}
