//! Ids of rows: how many are missing, and how many are there twice.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use sha2::{Digest as _, Sha256};

/// What is wrong with ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IdCounts {
    pub(crate) missing: u64,
    pub(crate) duplicates: u64,
}

/// Ids as keys of 128 bits: whole numbers as they are, and the beginning of the SHA-256 of any other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ids {
    keys: Vec<u128>,
    missing: u64,
}

impl Ids {
    /// Takes the ids of rows.
    pub(crate) fn add(&mut self, column: &ArrayRef) -> Result<(), ArrowError> {
        let before = self.keys.len();
        self.keys.extend(keys(column)?.into_iter().flatten());
        self.missing += (column.len() - (self.keys.len() - before)) as u64;
        Ok(())
    }

    /// The keys of rows that have one.
    #[cfg(feature = "cluster")]
    pub(crate) fn keys(&self) -> &[u128] {
        &self.keys
    }

    /// Counts over all parts of the data.
    pub(crate) fn count(parts: Vec<Self>) -> IdCounts {
        let missing = Self::missing(&parts);
        let mut keys = Vec::new();
        for part in parts {
            if keys.is_empty() { keys = part.keys } else { keys.extend_from_slice(&part.keys) }
        }
        IdCounts { missing, duplicates: duplicates(keys) }
    }

    /// Rows without an id, over all parts of the data.
    pub(crate) fn missing(parts: &[Self]) -> u64 {
        parts.iter().map(|part| part.missing).sum()
    }
}

/// Keys beyond the first of their kind.
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
        let counts = Ids::count(columns.iter().map(part).collect());
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
