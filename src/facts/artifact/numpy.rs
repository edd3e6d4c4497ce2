//! Arrays of NumPy that hold numbers or texts (`numpy/lib/format.py`). Those that hold objects are pickles.

use super::pages::{Broken, Pages};
use super::{Content, Findings, MetadataFacts};

const MARK: &[u8] = b"\x93NUMPY";

/// Length of a header, as NumPy bounds it (`_MAX_HEADER_SIZE`).
const HEADER_BYTES_MAX: u64 = 10_000;

/// Recognised by its mark.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    if !content.bytes.starts_with(MARK) {
        return None;
    }
    let mut findings = Findings::default();
    findings.metadata.framework = Some("numpy".to_owned());
    match read(content) {
        Ok(parameters) => findings.metadata = MetadataFacts { parameters, ..findings.metadata },
        Err(broken) => broken.note(&mut findings, "numpy-malformed", "the array"),
    }
    Some(findings)
}

/// The elements, where the header is one that NumPy writes for one kind of numbers or texts.
fn read(content: Content<'_>) -> Result<Option<u64>, Broken> {
    let pages = Pages::of(content);
    let [major, _] = pages.array(MARK.len() as u64)?;
    let (length, start) = match major {
        1 => (u64::from(u16::from_le_bytes(pages.array(8)?)), 10),
        2 | 3 => (u64::from(u32::from_le_bytes(pages.array(8)?)), 12),
        _ => return Err(Broken::new(6, "its version is not known")),
    };
    let length = usize::try_from(length).ok().filter(|_| length <= HEADER_BYTES_MAX);
    let header = pages.get(start, length.ok_or(Broken::new(8, "its header is longer than any"))?)?;
    let broken = |why| Broken::new(start, why);
    let header = std::str::from_utf8(&header).map_err(|_| broken("its header is no text"))?;
    let shape = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')'));
    let (shape, _) = shape.ok_or(broken("its header has no shape"))?;
    let mut elements = Some(1_u64);
    for extent in shape.split(',').map(str::trim).filter(|extent| !extent.is_empty()) {
        let extent: u64 = extent.parse().map_err(|_| broken("its shape is no list of numbers"))?;
        elements = elements.and_then(|elements| elements.checked_mul(extent));
    }
    let elements = elements.ok_or(broken("it is larger than any file"))?;
    let Some(item_bytes) = item_bytes(header) else {
        // Records of several kinds are told by a list; objects among them would be a pickle.
        return if header.contains("'O'") || header.contains("|O") || header.contains("object") {
            Err(broken("its elements are objects, and are no pickle"))
        } else {
            Ok(Some(elements))
        };
    };
    let data = content.size_bytes - start - header.len() as u64;
    match elements.checked_mul(item_bytes) {
        Some(bytes) if bytes == data => Ok(Some(elements)),
        _ => Err(broken("its data does not fit its shape and type")),
    }
}

/// Bytes of an element by a description such as `'<f4'`.
fn item_bytes(header: &str) -> Option<u64> {
    let (_, rest) = header.split_once("'descr': '")?;
    let (description, _) = rest.split_once('\'')?;
    let rest = description.strip_prefix(['<', '>', '|', '='])?;
    let mut characters = rest.chars();
    let kind = characters.next()?;
    let digits: String = characters.take_while(char::is_ascii_digit).collect();
    let count: u64 = digits.parse().ok()?;
    match kind {
        'b' | 'i' | 'u' | 'f' | 'c' | 'm' | 'M' | 'S' | 'V' => Some(count),
        // Characters are stored as UCS-4.
        'U' => count.checked_mul(4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::{ArtifactFormat, detect, sample};
    use proptest::prelude::*;

    fn array(header: &str, data: usize) -> Vec<u8> {
        [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
    }

    fn found(bytes: &[u8]) -> (ArtifactFormat, Option<u64>, Vec<String>) {
        let (format, findings) = detect::inspect(Content::of(bytes, bytes.len() as u64));
        (format, findings.metadata.parameters, findings.risks.into_iter().map(|risk| risk.code).collect())
    }

    #[test]
    fn elements_are_counted_where_the_data_fits() {
        let numpy = |elements| (ArtifactFormat::Numpy, elements, Vec::new());
        assert_eq!(found(&sample("array.npy")), numpy(Some(12)));
        let with = |description: &str, shape: &str, data| {
            found(&array(&format!("{{'descr': {description}, 'fortran_order': False, 'shape': ({shape}), }}\n"), data))
        };
        assert_eq!(with("'<f8'", "2, 3", 48), numpy(Some(6)));
        assert_eq!(with("'<U5'", "2,", 40), numpy(Some(2)));
        assert_eq!(with("'|b1'", "", 1), numpy(Some(1)));
        assert_eq!(with("'<M8[ns]'", "2,", 16), numpy(Some(2)));
        assert_eq!(with("[('a', '<i4'), ('b', '<f8')]", "3,", 36), numpy(Some(3)));
        let broken = |found: (ArtifactFormat, Option<u64>, Vec<String>)| {
            assert_eq!((found.0, found.2), (ArtifactFormat::Numpy, vec!["numpy-malformed".to_owned()]));
        };
        broken(with("'<f8'", "2, 3", 47));
        broken(with("'<f8'", "2, 3", 49));
        broken(with("'<f8'", "2, -3", 48));
        broken(with("'<f8'", "4294967296, 4294967296, 2", 48));
        broken(with("'|O'", "1,", 8));
        broken(with("[('a', '|O')]", "1,", 8));
    }

    #[test]
    fn what_is_cut_is_broken() {
        let whole = sample("array.npy");
        for length in 6..whole.len() {
            assert_eq!(found(&whole[..length]).2, ["numpy-malformed"], "{length}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(rest in prop::collection::vec(any::<u8>(), 0..100)) {
            found(&[b"\x93NUMPY", &rest[..]].concat());
        }
    }
}
