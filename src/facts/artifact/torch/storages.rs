//! The storages that a pickle of PyTorch refers to, by persistent ids: in its old format their data stands behind the
//! pickles (`torch/serialization.py`, `_legacy_save`), so that it is known how much has to be there.

use std::collections::BTreeMap;

/// Storages of a file. A model has some thousand tensors.
const STORAGES_MAX: usize = 100_000;

/// Bytes of an element, if an import is a class of storages.
pub(in super::super) fn element_bytes(module: &str, name: &str) -> Option<u8> {
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
pub(in super::super) struct Storages {
    bytes: BTreeMap<Vec<u8>, u64>,
    /// Whether one of them could not be told, or was told in two ways.
    is_unsure: bool,
}

impl Storages {
    pub(in super::super) fn note(&mut self, key: Vec<u8>, elements: i64, element_bytes: u8) {
        let bytes = u64::try_from(elements).ok().and_then(|elements| elements.checked_mul(u64::from(element_bytes)));
        let Some(bytes) = bytes.filter(|_| self.bytes.len() < STORAGES_MAX) else {
            self.is_unsure = true;
            return;
        };
        self.is_unsure |= self.bytes.insert(key, bytes).is_some_and(|known| known != bytes);
    }

    /// Bytes that the data of all of them takes, each behind its number of elements.
    pub(in super::super) fn file_bytes(&self) -> Option<u64> {
        const COUNT_BYTES: u64 = 8;
        let sum = self.bytes.values().try_fold(0_u64, |sum, bytes| sum.checked_add(*bytes)?.checked_add(COUNT_BYTES));
        sum.filter(|_| !self.is_unsure)
    }
}
