//! Canonical JSON (RFC 8785): the bytes whose digest names a record.

use serde::Serialize;

use crate::digest::Sha256Digest;

/// The record holds something that JSON cannot carry, such as a number that is not finite.
#[derive(Debug, thiserror::Error)]
#[error("the record cannot be written as canonical JSON: {0}")]
pub struct NotCanonical(String);

/// Canonical JSON bytes, and the digest that names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalJson {
    bytes: Vec<u8>,
    digest: Sha256Digest,
}

impl CanonicalJson {
    /// Writes `record` in the form of RFC 8785: sorted keys, shortest numbers, no white space.
    ///
    /// # Errors
    /// [`NotCanonical`] for NaN, an infinity, or keys that are not strings.
    pub fn of<T: Serialize>(record: &T) -> Result<Self, NotCanonical> {
        // A NaN becomes `null` in serde_json's value and would pass for "absent"; the canonicalizer
        // reads the record itself and refuses it.
        let bytes = serde_json_canonicalizer::to_vec(record).map_err(|error| NotCanonical(error.to_string()))?;
        let digest = Sha256Digest::of(&bytes);
        Ok(Self { bytes, digest })
    }

    /// Takes bytes that are canonical already, with the value that they stand for.
    ///
    /// # Errors
    /// [`NotCanonical`] for what is not JSON, and for JSON that would be written in other bytes.
    pub fn read(bytes: &[u8]) -> Result<(serde_json::Value, Self), NotCanonical> {
        let value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|error| NotCanonical(error.to_string()))?;
        let canonical = Self::of(&value)?;
        // A key that is there twice is written once, and so is found here, too.
        if canonical.bytes == bytes {
            Ok((value, canonical))
        } else {
            Err(NotCanonical("its bytes are not those that it would be written in".to_owned()))
        }
    }

    /// The bytes themselves.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their SHA-256.
    #[must_use]
    pub const fn digest(&self) -> Sha256Digest {
        self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_white_space_is_gone() {
        let canonical = CanonicalJson::of(&serde_json::json!({"b": 1.0, "a": [true, null]})).unwrap();
        assert_eq!(canonical.bytes(), br#"{"a":[true,null],"b":1}"#);
    }

    #[test]
    fn numbers_that_are_read_again_are_the_same_bytes() {
        // Doubles whose shortest decimals a reader that does not round to the nearest takes for a neighbour.
        let numbers: Vec<f64> = (1_u64..20_000).map(|k| (k as f64).sqrt() * 0.7 + 1.0 / k as f64).collect();
        let written = CanonicalJson::of(&numbers).unwrap();
        let read: Vec<f64> = serde_json::from_slice(written.bytes()).unwrap();
        assert_eq!(CanonicalJson::of(&read).unwrap(), written);
    }

    #[test]
    fn only_canonical_bytes_are_read() {
        let written = CanonicalJson::of(&serde_json::json!({"b": 1.0, "a": [0.1, -0.0, 1e21, 1_u64 << 40]})).unwrap();
        assert_eq!(CanonicalJson::read(written.bytes()).unwrap().1, written);
        for other in ["", "{", r#"{"a": 1}"#, r#"{"b":1,"a":1}"#, r#"{"a":1,"a":1}"#, r#"{"a":1.0}"#, "{}\n"] {
            assert!(CanonicalJson::read(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn numbers_that_json_cannot_carry_are_refused() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(CanonicalJson::of(&number).is_err(), "{number}");
        }
    }
}
