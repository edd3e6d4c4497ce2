//! What `torch.save` wrote before it wrote zip archives: pickles with the tensors behind them (1.5 and before, and later
//! on request), and before that a tar archive (0.1.9 and before).

use std::collections::BTreeSet;

use super::super::{Content, Findings, PickleFacts, RiskSeverity, pickle};

/// Pickles at the beginning: a magic number, a version, the system, the object, and the keys of its tensors.
const STREAMS: u64 = 5;

/// The magic number `0x1950a86a20f9469cfc6c`, as LONG1 writes it.
const MAGIC: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// Storages, and readings of them, that are followed. The largest models of that time had some thousand.
const READINGS_MAX: usize = 100_000;

/// Bytes of an element.
const ELEMENT_BYTES: [u64; 5] = [1, 2, 4, 8, 16];

/// Recognised by its first pickle.
pub(in super::super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let rest = content.bytes.strip_prefix(b"\x80")?.get(1..)?;
    // From protocol 4 on there is a frame around it.
    let rest = if rest.starts_with(b"\x95") { rest.get(9..)? } else { rest };
    if !rest.starts_with(MAGIC) {
        return None;
    }
    let (mut findings, end) = pickle::inspect_streams(content, STREAMS);
    findings.metadata.framework = Some("pytorch".to_owned());
    if let Some(end) = end
        && !holds_storages(content, end)
    {
        let message = "bytes that are no tensors follow the pickles";
        findings.risk(end, RiskSeverity::Medium, "pickle-trailing-data", message);
    }
    Some(findings)
}

/// Whether storages fill the rest: each is the number of its elements, and the elements. How long one is stands in the
/// pickles; any of them that leads to the end will do.
fn holds_storages(content: Content<'_>, start: u64) -> bool {
    let mut places = BTreeSet::from([start]);
    for _ in 0..READINGS_MAX {
        let Some(place) = places.pop_first() else { return false };
        if place == content.size_bytes {
            return true;
        }
        let Some(count) = content.at(place, 8) else { continue };
        let count = count.first_chunk().map_or(0, |count| u64::from_le_bytes(*count));
        let ends = ELEMENT_BYTES.iter().filter_map(|size| count.checked_mul(*size)?.checked_add(place)?.checked_add(8));
        places.extend(ends.filter(|end| *end <= content.size_bytes));
    }
    false
}

/// Bytes of an element of a storage, by the name of its class.
fn element_bytes(class: &str) -> Option<u64> {
    Some(match class {
        "ByteStorage" | "CharStorage" | "BoolStorage" => 1,
        "HalfStorage" | "ShortStorage" | "BFloat16Storage" => 2,
        "FloatStorage" | "IntStorage" => 4,
        "DoubleStorage" | "LongStorage" => 8,
        _ => return None,
    })
}

/// The members of the old tar archive whose pickles have other bytes between them. Each is judged pickle by pickle; none
/// where a member is not as PyTorch wrote it.
pub(in super::super) fn inspect_parts(storages: Content<'_>, tensors: Content<'_>) -> Option<PickleFacts> {
    let mut facts = PickleFacts { protocol: 0, streams: 0, imports: Vec::new(), complete: true };
    let mut at = 0;
    let count = small_number(&mut facts, storages, &mut at)?;
    for _ in 0..count {
        let imports = facts.imports.len();
        stream(&mut facts, storages, &mut at)?;
        let class = facts.imports.get(imports..)?.iter().find_map(|import| element_bytes(&import.name))?;
        let elements = storages.at(at, 8)?.first_chunk().map(|count| u64::from_le_bytes(*count))?;
        at = elements.checked_mul(class)?.checked_add(8)?.checked_add(at)?;
    }
    stream(&mut facts, storages, &mut at)?;
    let is_complete = at == storages.size_bytes;
    at = 0;
    let count = small_number(&mut facts, tensors, &mut at)?;
    for _ in 0..count {
        stream(&mut facts, tensors, &mut at)?;
        // The number of dimensions in four bytes and four more, then as many sizes and strides, and an offset.
        let dimensions = tensors.at(at, 4)?.first_chunk().map(|count| u32::from_le_bytes(*count))?;
        at = at.checked_add(8 + 16 * u64::from(dimensions) + 8)?;
    }
    (is_complete && at == tensors.size_bytes).then_some(facts)
}

/// Walks the pickle that begins there, and goes behind it.
fn stream(facts: &mut PickleFacts, content: Content<'_>, at: &mut u64) -> Option<()> {
    if facts.streams > READINGS_MAX as u64 {
        return None;
    }
    let bytes = content.bytes.get(usize::try_from(*at).ok()?..)?;
    let rest = Content::of(bytes, content.size_bytes.checked_sub(*at)?);
    let (found, end) = pickle::inspect_streams(rest, 1);
    let found = found.pickle?;
    facts.protocol = facts.protocol.max(found.protocol);
    facts.streams += 1;
    facts.complete &= found.complete;
    facts.imports.extend(found.imports);
    *at = at.checked_add(end?)?;
    Some(())
}

/// The number that a pickle is, of those that need two bytes at most.
fn small_number(facts: &mut PickleFacts, content: Content<'_>, at: &mut u64) -> Option<u64> {
    let start = usize::try_from(*at).ok()?;
    stream(facts, content, at)?;
    let pickle = content.bytes.get(start..usize::try_from(*at).ok()?)?;
    match pickle {
        [0x80, _, b'K', number, b'.'] => Some(u64::from(*number)),
        [0x80, _, b'M', low, high, b'.'] => Some(u64::from(u16::from_le_bytes([*low, *high]))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::{ArtifactFormat, detect};

    const HEAD: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.";

    fn storage(count: u64, size: usize) -> Vec<u8> {
        [&count.to_le_bytes()[..], &vec![7; size]].concat()
    }

    fn found(bytes: &[u8]) -> (ArtifactFormat, Vec<String>, Vec<String>) {
        let (format, findings) = detect::inspect(Content::of(bytes, bytes.len() as u64));
        let imports = findings.pickle.into_iter().flat_map(|pickle| pickle.imports);
        let imports = imports.map(|import| format!("{}.{}", import.module, import.name)).collect();
        (format, imports, findings.risks.into_iter().map(|risk| risk.code).collect())
    }

    #[test]
    fn tensors_behind_pickles_are_no_pickles() {
        let object = b"\x80\x02ccollections\nOrderedDict\n)R.";
        let keys = b"\x80\x02].";
        // 128 elements begin as a pickle does.
        let storages = [storage(128, 512), storage(3, 24), storage(0, 0), storage(5, 5)].concat();
        let good = [HEAD, object, keys, &storages].concat();
        let imports = vec!["collections.OrderedDict".to_owned()];
        assert_eq!(found(&good), (ArtifactFormat::Torch, imports.clone(), vec![]));
        let trailing = |rest: &[u8]| found(&[HEAD, object, keys, rest].concat()).2;
        assert_eq!(trailing(&[&storages[..], b"more"].concat()), ["pickle-trailing-data"]);
        assert_eq!(trailing(&storages[..storages.len() - 1]), ["pickle-trailing-data"]);
        assert_eq!(trailing(b""), Vec::<String>::new());
        for length in HEAD.len()..HEAD.len() + object.len() + keys.len() {
            assert!(!found(&good[..length]).2.is_empty(), "{length}");
        }
        let unsafe_object = b"\x80\x02cos\nsystem\n)R.";
        assert_eq!(found(&[HEAD, unsafe_object, keys, &storages].concat()).1, ["os.system"]);
    }

    #[test]
    fn only_the_beginning_of_a_large_file_has_to_be_in_memory() {
        let bytes = [HEAD, b"\x80\x02N.\x80\x02].", &storage(1 << 34, 10)].concat();
        let (_, findings) = detect::inspect(Content::of(&bytes, bytes.len() as u64 + (1 << 36)));
        assert!(findings.pickle.unwrap().complete);
    }

    #[test]
    fn parts_of_the_old_archive_are_read_pickle_by_pickle() {
        let argument = |class: &str| [b"\x80\x02K\x01X\x03\0\0\0cpuctorch\n", class.as_bytes(), b"\n\x87."].concat();
        let storages = |class: &str| {
            [
                b"\x80\x02K\x02.",
                &argument("FloatStorage")[..],
                &storage(3, 12),
                &argument(class),
                &storage(128, 1024),
                b"\x80\x02].",
            ]
            .concat()
        };
        let tensors = [
            b"\x80\x02K\x01.\x80\x02K\x01K\x02ctorch\nFloatTensor\n\x87.",
            &2_u32.to_le_bytes()[..],
            &[0; 4 + 16 + 16 + 8],
        ]
        .concat();
        let read = |storages: &[u8], tensors: &[u8]| {
            let of = |bytes| Content::of(bytes, u64::try_from(<[u8]>::len(bytes)).unwrap());
            let facts = inspect_parts(of(storages), of(tensors))?;
            Some(facts.imports.into_iter().map(|import| import.name).collect::<Vec<_>>())
        };
        let good = storages("DoubleStorage");
        let expected = ["FloatStorage", "DoubleStorage", "FloatTensor"].map(str::to_owned).to_vec();
        assert_eq!(read(&good, &tensors), Some(expected));
        assert_eq!(read(&storages("FloatStorage"), &tensors), None);
        assert_eq!(read(&good[..good.len() - 1], &tensors), None);
        assert_eq!(read(&good, &tensors[..tensors.len() - 1]), None);
        assert_eq!(read(&[&good[..], b"N"].concat(), &tensors), None);
    }
}
