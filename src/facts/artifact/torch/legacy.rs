//! What `torch.save` wrote before it wrote zip archives: pickles with the tensors behind them (1.5 and before, and later
//! on request), and before that a tar archive (0.1.9 and before).

use super::super::pickle::{self, Streams};
use super::super::{Content, Findings, PickleFacts, RiskSeverity};
use super::storages::element_bytes;

/// Pickles at the beginning: a magic number, a version, the system, the object, and the keys of its tensors.
const STREAMS: u64 = 5;

/// The magic number `0x1950a86a20f9469cfc6c`, as LONG1 writes it.
const MAGIC: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// Pickles in a member of the old archive. The largest models of that time had some thousand tensors.
const PICKLES_MAX: u64 = 100_000;

/// Recognised by its first pickle.
pub(in super::super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let rest = content.bytes.strip_prefix(b"\x80")?.get(1..)?;
    // From protocol 4 on there is a frame around it.
    let rest = if rest.starts_with(b"\x95") { rest.get(9..)? } else { rest };
    if !rest.starts_with(MAGIC) {
        return None;
    }
    let Streams { mut findings, end, storage_bytes } = pickle::inspect_streams(content, STREAMS);
    findings.metadata.framework = Some("pytorch".to_owned());
    if let Some(end) = end
        && end.checked_add(storage_bytes.unwrap_or(u64::MAX)) != Some(content.size_bytes)
    {
        let message = "what follows the pickles is not the data of the tensors in them";
        findings.risk(end, RiskSeverity::High, "pickle-trailing-data", message);
    }
    Some(findings)
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
        let class =
            facts.imports.get(imports..)?.iter().find_map(|import| element_bytes(&import.module, &import.name))?;
        let elements = storages.at(at, 8)?.first_chunk().map(|count| u64::from_le_bytes(*count))?;
        at = elements.checked_mul(u64::from(class))?.checked_add(8)?.checked_add(at)?;
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
    if facts.streams > PICKLES_MAX {
        return None;
    }
    let bytes = content.bytes.get(usize::try_from(*at).ok()?..)?;
    let rest = Content::of(bytes, content.size_bytes.checked_sub(*at)?);
    let Streams { findings, end, .. } = pickle::inspect_streams(rest, 1);
    let found = findings.pickle?;
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

    /// `torch.save({"x": tensor, …}, …, _use_new_zipfile_serialization=False)` of PyTorch 2.15, up to the data of tensors
    /// whose numbers of elements are these opcodes.
    fn pickles(elements: &[&[u8]]) -> Vec<u8> {
        let tensor = |(key, elements): (usize, &&[u8])| {
            let key = b'a' + u8::try_from(key).unwrap();
            let id = b"X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0";
            let tail = b"NtQK\0K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR";
            [b"ctorch._utils\n_rebuild_tensor_v2\n((".as_slice(), id, &[key], b"X\x03\0\0\0cpu", elements, tail]
                .concat()
        };
        let tensors: Vec<u8> = elements.iter().enumerate().flat_map(tensor).collect();
        [HEAD, b"\x80\x02](", &tensors, b"e.", b"\x80\x02]X\x01\0\0\0aa."].concat()
    }

    #[test]
    fn tensors_behind_pickles_are_no_pickles() {
        // 128 elements begin as a pickle does.
        let storages = [storage(128, 512), storage(3, 12), storage(0, 0)].concat();
        let good = pickles(&[b"K\x80", b"K\x03", b"K\x00"]);
        let imports = ["collections.OrderedDict", "torch.FloatStorage", "torch._utils._rebuild_tensor_v2"];
        let imports = imports.map(str::to_owned).to_vec();
        assert_eq!(found(&[&good[..], &storages].concat()), (ArtifactFormat::Torch, imports, vec![]));
        let trailing = |pickles: &[u8], rest: &[u8]| found(&[pickles, rest].concat()).2;
        assert_eq!(trailing(&good, &[&storages[..], b"more"].concat()), ["pickle-trailing-data"]);
        assert_eq!(trailing(&good, &storages[..storages.len() - 1]), ["pickle-trailing-data"]);
        assert_eq!(trailing(&good, b""), ["pickle-trailing-data"]);
        assert_eq!(trailing(&pickles(&[]), b""), Vec::<String>::new());
        assert_eq!(trailing(&pickles(&[]), b"\x80\x02cos\nsystem\n)R."), ["pickle-trailing-data"]);
        // Numbers of elements that cannot be: below zero, beyond any file, none.
        for elements in [&b"J\xff\xff\xff\xff"[..], b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", b"N"] {
            assert_eq!(trailing(&pickles(&[elements]), &storage(2, 8)), ["pickle-trailing-data"]);
        }
        for length in HEAD.len()..good.len() {
            assert!(!found(&good[..length]).2.is_empty(), "{length}");
        }
        let unsafe_object = [HEAD, b"\x80\x02cos\nsystem\n)R.", b"\x80\x02]."].concat();
        assert_eq!(found(&unsafe_object).1, ["os.system"]);
    }

    #[test]
    fn only_the_beginning_of_a_large_file_has_to_be_in_memory() {
        let bytes = [&pickles(&[b"\x8a\x05\0\0\0\0\x04"])[..], &storage(1 << 34, 10)].concat();
        let (_, findings) = detect::inspect(Content::of(&bytes, bytes.len() as u64 - 10 + (1 << 36)));
        assert!(findings.pickle.unwrap().complete);
        assert_eq!(findings.risks, vec![]);
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
