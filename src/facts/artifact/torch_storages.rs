//! The old format of `torch.save`: five pickles, and behind them the data of the storages that the fourth
//! refers to (`torch/serialization.py`, `_legacy_save`).
//!
//! What is behind the last stream of a pickle hides what it is, unless it is known to be this.

use std::collections::BTreeMap;

use super::pickle_reader::Reader;

/// Storages of a file. A model has some thousand tensors.
const STORAGES_MAX: usize = 100_000;

/// How many pickles stand before the data.
pub(super) const STREAMS: u64 = 5;

/// The opcode of a number in ten bytes, and PyTorch's magic number.
const MAGIC: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// Whether the first stream is the magic number and nothing else, whatever its protocol and frame.
pub(super) fn is_marked(reader: &mut Reader<'_>) -> bool {
    const FRAME_BYTES: usize = 9;
    let start = reader.peek(2 + FRAME_BYTES + MAGIC.len());
    matches!(start, [0x80, _, rest @ ..] if rest.starts_with(MAGIC) || rest.get(FRAME_BYTES..) == Some(MAGIC))
}

/// Bytes of an element, if an import is a class of storages.
pub(super) fn element_bytes(module: &str, name: &str) -> Option<u8> {
    let bytes = match (module, name) {
        ("torch.storage", "UntypedStorage") => 1,
        ("torch" | "torch.cuda", name) => match name.strip_suffix("Storage")? {
            "Bool" | "Byte" | "Char" | "QInt8" | "QUInt8" | "QUInt4x2" | "QUInt2x4" => 1,
            "BFloat16" | "Half" | "Short" => 2,
            "Float" | "Int" | "QInt32" => 4,
            "ComplexFloat" | "Double" | "Long" => 8,
            "ComplexDouble" => 16,
            _ => return None,
        },
        _ => return None,
    };
    Some(bytes)
}

/// The storages that a stream refers to, by their keys, with the bytes of each.
#[derive(Debug, Default)]
pub(super) struct Storages {
    bytes: BTreeMap<Vec<u8>, u64>,
    /// Whether one of them could not be told, or was told in two ways.
    is_unsure: bool,
}

impl Storages {
    pub(super) fn note(&mut self, key: Vec<u8>, elements: i64, element_bytes: u8) {
        let bytes = u64::try_from(elements).ok().and_then(|elements| elements.checked_mul(u64::from(element_bytes)));
        let Some(bytes) = bytes.filter(|_| self.bytes.len() < STORAGES_MAX) else {
            self.is_unsure = true;
            return;
        };
        self.is_unsure |= self.bytes.insert(key, bytes).is_some_and(|known| known != bytes);
    }

    /// Bytes that the data of all of them takes, each behind its number of elements.
    pub(super) fn file_bytes(&self) -> Option<u64> {
        const COUNT_BYTES: u64 = 8;
        let sum = self.bytes.values().try_fold(0_u64, |sum, bytes| sum.checked_add(*bytes)?.checked_add(COUNT_BYTES));
        sum.filter(|_| !self.is_unsure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::{Content, pickle};

    /// `torch.save({"x": torch.tensor([1.0, 2.0])}, …, _use_new_zipfile_serialization=False)` of PyTorch 2.15.
    fn file(elements: &[u8]) -> Vec<u8> {
        let tensor = [
            b"\x80\x02}X\x01\0\0\0xctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n\
              X\x01\0\0\0aX\x03\0\0\0cpu"
                .as_slice(),
            elements,
            b"NtQK\0K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs.",
        ]
        .concat();
        [b"\x80\x02", MAGIC, b"\x80\x02M\xe9\x03.", b"\x80\x02}.", &tensor, b"\x80\x02]X\x01\0\0\0aa."].concat()
    }

    fn risks(bytes: &[u8]) -> Vec<String> {
        let findings = pickle::inspect(Content::of(bytes, bytes.len() as u64)).unwrap();
        findings.risks.into_iter().map(|risk| risk.code).collect()
    }

    #[test]
    fn the_data_of_tensors_is_no_trailing_data() {
        let data = [&2_u64.to_le_bytes()[..], &[0x80, 2, 0, 0, b'c', b'o', b's', b'\n']].concat();
        assert_eq!(risks(&[file(b"K\x02"), data.clone()].concat()), Vec::<String>::new());
        for (elements, data) in [
            // One byte more or less, more elements than there are, a number of them that is none.
            (&b"K\x02"[..], [&data[..], b"\0"].concat()),
            (b"K\x02", data[..15].to_vec()),
            (b"K\x03", data.clone()),
            (b"J\xff\xff\xff\xff", data.clone()),
            (b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", data.clone()),
            (b"N", data.clone()),
        ] {
            assert!(!risks(&[file(elements), data].concat()).is_empty(), "{elements:02x?}");
        }
        // Without the magic number, or with another stream in between, they are somebody's data.
        let other = [file(b"K\x02").replace_first(MAGIC, b"K\x01."), data.clone()].concat();
        assert!(!risks(&other).is_empty());
        assert!(!risks(&[file(b"K\x02"), b"\x80\x02N.".to_vec(), data].concat()).is_empty());
    }

    trait ReplaceFirst {
        fn replace_first(&self, from: &[u8], to: &[u8]) -> Vec<u8>;
    }

    impl ReplaceFirst for Vec<u8> {
        fn replace_first(&self, from: &[u8], to: &[u8]) -> Vec<u8> {
            let at = self.windows(from.len()).position(|window| window == from).unwrap();
            [&self[..at], to, &self[at + from.len()..]].concat()
        }
    }
}
