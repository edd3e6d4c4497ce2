//! GGUF, the format of llama.cpp: metadata and descriptions of tensors, and behind them the tensors themselves
//! (ggml's `docs/gguf.md`, versions 2 and 3).

use std::collections::BTreeSet;

use super::{Content, Findings, GgufFacts, MetadataFacts, RiskSeverity, chat_template};

const MARK: &[u8] = b"GGUF";

/// Entries of metadata, and tensors. The largest models have some thousands.
const ENTRIES_MAX: u64 = 1_000_000;
/// Arrays within arrays.
const DEPTH_MAX: usize = 4;
/// Dimensions of a tensor, as ggml bounds them.
const DIMENSIONS_MAX: u32 = 4;
/// Where nothing else is said, tensors begin at multiples of this.
const ALIGNMENT: u64 = 32;

/// Elements of a block and its bytes, by the number of the tensor's type (`ggml.h`). Numbers that ggml gave up are left out.
const TYPES: [(u32, &str, u64, u64); 32] = [
    (0, "F32", 1, 4),
    (1, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (9, "Q8_1", 32, 36),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17),
];

/// Recognised by its mark.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    if !content.bytes.starts_with(MARK) {
        return None;
    }
    let mut findings = Findings::default();
    let mut reader = Reader { content, at: MARK.len() };
    match read(&mut reader, &mut findings) {
        Ok(facts) => {
            findings.metadata = MetadataFacts {
                framework: Some("llama.cpp".to_owned()),
                architecture: facts.architecture.clone(),
                parameters: Some(facts.parameters),
                licence: facts.licence.clone(),
                base_models: std::mem::take(&mut findings.metadata.base_models),
                ..MetadataFacts::default()
            };
            findings.metadata.base_models.sort();
            findings.gguf = Some(facts);
        }
        Err(message) => {
            let (severity, code) = match content.is_whole() || (reader.at as u64) < content.bytes.len() as u64 {
                true => (RiskSeverity::High, "gguf-malformed"),
                false => (RiskSeverity::High, "too-large-to-inspect"),
            };
            findings.risk(reader.at as u64, severity, code, format!("the GGUF header is broken: {message}"));
        }
    }
    Some(findings)
}

/// Reads numbers and texts one after the other, and never beyond the end.
struct Reader<'a> {
    content: Content<'a>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: u64) -> Result<&'a [u8], String> {
        let end = usize::try_from(count).ok().and_then(|count| self.at.checked_add(count));
        let bytes = end.and_then(|end| self.content.bytes.get(self.at..end));
        let bytes = bytes.ok_or_else(|| "it is longer than the file".to_owned())?;
        self.at += bytes.len();
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, String> {
        let bytes = self.bytes(4)?;
        Ok(bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)))
    }

    fn u64(&mut self) -> Result<u64, String> {
        let bytes = self.bytes(8)?;
        Ok(bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)))
    }

    fn text(&mut self) -> Result<&'a str, String> {
        let length = self.u64()?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| "a text is not UTF-8".to_owned())
    }

    /// Passes over a value, and gives it where it is a text or a whole number.
    fn value(&mut self, kind: u32, depth: usize) -> Result<Value<'a>, String> {
        match kind {
            0 | 1 | 7 => self.bytes(1).map(|_| Value::Other),
            2 | 3 => self.bytes(2).map(|_| Value::Other),
            4 => self.u32().map(|number| Value::Number(u64::from(number))),
            5 | 6 => self.bytes(4).map(|_| Value::Other),
            8 => self.text().map(Value::Text),
            9 => {
                let (kind, count) = (self.u32()?, self.u64()?);
                let depth = depth.checked_sub(1).ok_or("arrays nest too deep")?;
                // Every item has a byte at least: no array is longer than the file.
                if count > self.content.size_bytes {
                    return Err("an array is longer than the file".to_owned());
                }
                for _ in 0..count {
                    self.value(kind, depth)?;
                }
                Ok(Value::Other)
            }
            10 => self.u64().map(Value::Number),
            11 | 12 => self.bytes(8).map(|_| Value::Other),
            other => Err(format!("a value has the unknown type {other}")),
        }
    }
}

enum Value<'a> {
    Text(&'a str),
    Number(u64),
    Other,
}

fn read(reader: &mut Reader<'_>, findings: &mut Findings) -> Result<GgufFacts, String> {
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return Err(format!("the version {version} is not read"));
    }
    let (tensors, entries) = (reader.u64()?, reader.u64()?);
    if tensors > ENTRIES_MAX || entries > ENTRIES_MAX {
        return Err("there are too many tensors or entries".to_owned());
    }
    let mut facts = GgufFacts { version, tensors, ..GgufFacts::default() };
    let (mut keys, mut alignment) = (BTreeSet::new(), ALIGNMENT);
    for _ in 0..entries {
        let key = reader.text()?;
        if !keys.insert(key) {
            return Err("a key of the metadata occurs twice".to_owned());
        }
        let kind = reader.u32()?;
        let start = reader.at as u64;
        match (key, reader.value(kind, DEPTH_MAX)?) {
            ("general.architecture", Value::Text(text)) => facts.architecture = Some(text.to_owned()),
            ("general.name", Value::Text(text)) => facts.name = Some(text.to_owned()),
            ("general.license", Value::Text(text)) => facts.licence = Some(text.to_owned()),
            (key, Value::Text(text)) if key.starts_with("general.base_model.") && key.ends_with(".repo_url") => {
                findings.metadata.base_models.push(text.to_owned());
            }
            ("general.alignment", Value::Number(number)) => alignment = number,
            (key, Value::Text(text)) if key.starts_with("tokenizer.chat_template") => {
                facts.has_chat_template = true;
                if let Some(way) = chat_template::way_out(text) {
                    let message = format!("the chat template `{key}` uses `{way}`, which leads out of its sandbox");
                    findings.risk(start, RiskSeverity::High, "gguf-template-injection", message);
                }
            }
            _ => {}
        }
    }
    if alignment == 0 || !alignment.is_multiple_of(8) {
        return Err(format!("the alignment {alignment} is no multiple of 8"));
    }
    let ends = descriptions(reader, tensors, alignment, &mut facts)?;
    let data = (reader.at as u64).next_multiple_of(alignment);
    within(data, &ends, reader.content.size_bytes)?;
    Ok(facts)
}

/// Where each tensor begins and ends behind the header.
fn descriptions(
    reader: &mut Reader<'_>,
    tensors: u64,
    alignment: u64,
    facts: &mut GgufFacts,
) -> Result<Vec<(u64, u64)>, String> {
    let (mut names, mut types, mut places) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for _ in 0..tensors {
        let name = reader.text()?;
        let dimensions = reader.u32()?;
        if !names.insert(name) || dimensions > DIMENSIONS_MAX {
            return Err("a tensor occurs twice, or has too many dimensions".to_owned());
        }
        let mut elements = 1_u64;
        for _ in 0..dimensions {
            elements = elements.checked_mul(reader.u64()?).ok_or("a tensor is larger than any file")?;
        }
        let kind = reader.u32()?;
        let offset = reader.u64()?;
        let known = TYPES.iter().find(|(number, ..)| *number == kind);
        let (_, type_name, block, bytes) = known.ok_or_else(|| format!("a tensor has the unknown type {kind}"))?;
        if !elements.is_multiple_of(*block) || !offset.is_multiple_of(alignment) {
            return Err("a tensor is no whole number of blocks, or begins out of line".to_owned());
        }
        let size = (elements / block).checked_mul(*bytes).ok_or("a tensor is larger than any file")?;
        let end = offset.checked_add(size).ok_or("a tensor ends beyond any file")?;
        places.push((offset, end));
        types.insert(*type_name);
        facts.parameters = facts.parameters.saturating_add(elements);
    }
    facts.types = types.into_iter().map(str::to_owned).collect();
    Ok(places)
}

/// No tensor may end beyond the file or lie in another.
fn within(data: u64, places: &[(u64, u64)], size_bytes: u64) -> Result<(), String> {
    let mut places = places.to_vec();
    places.sort_unstable();
    if places.windows(2).any(|pair| matches!(pair, [left, right] if left.1 > right.0 && right.0 < right.1)) {
        return Err("tensors overlap".to_owned());
    }
    let end = places.iter().map(|(_, end)| *end).max().unwrap_or_default();
    match data.checked_add(end) {
        Some(end) if end <= size_bytes || places.is_empty() => Ok(()),
        _ => Err("a tensor ends beyond the file".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    }

    fn entry(key: &str, value: &str) -> Vec<u8> {
        [text(key), 8_u32.to_le_bytes().to_vec(), text(value)].concat()
    }

    fn tensor(name: &str, shape: &[u64], kind: u32, offset: u64) -> Vec<u8> {
        let mut bytes = text(name);
        bytes.extend((shape.len() as u32).to_le_bytes());
        shape.iter().for_each(|dimension| bytes.extend(dimension.to_le_bytes()));
        bytes.extend(kind.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes
    }

    /// A file with these entries and tensors, and so many bytes behind the header.
    fn file(entries: &[Vec<u8>], tensors: &[Vec<u8>], data: usize) -> Vec<u8> {
        let mut bytes = [MARK, &3_u32.to_le_bytes()].concat();
        bytes.extend((tensors.len() as u64).to_le_bytes());
        bytes.extend((entries.len() as u64).to_le_bytes());
        bytes.extend(entries.concat());
        bytes.extend(tensors.concat());
        bytes.resize(bytes.len().next_multiple_of(32) + data, 0);
        bytes
    }

    fn found(bytes: &[u8]) -> Findings {
        inspect(Content::of(bytes, bytes.len() as u64)).unwrap()
    }

    fn broken(bytes: &[u8]) -> String {
        let findings = found(bytes);
        assert!(findings.gguf.is_none());
        assert_eq!(findings.risks[0].code, "gguf-malformed");
        findings.risks[0].message.clone()
    }

    #[test]
    fn a_header_says_what_the_model_is() {
        let array = [
            text("tokenizer.ggml.tokens"),
            9_u32.to_le_bytes().to_vec(),
            8_u32.to_le_bytes().to_vec(),
            2_u64.to_le_bytes().to_vec(),
            text("a"),
            text("b"),
        ]
        .concat();
        let entries = [
            entry("general.architecture", "llama"),
            entry("general.license", "apache-2.0"),
            entry("general.base_model.0.repo_url", "https://huggingface.co/a/b"),
            entry("general.base_model.0.name", "B"),
            entry("tokenizer.chat_template", "{% for message in messages %}{{ message.content }}{% endfor %}"),
            array,
        ];
        let tensors = [tensor("a", &[32, 2], 2, 0), tensor("b", &[3], 0, 64)];
        let findings = found(&file(&entries, &tensors, 76));
        assert_eq!(findings.metadata.base_models, ["https://huggingface.co/a/b"]);
        let facts = findings.gguf.unwrap();
        assert_eq!((facts.version, facts.tensors, facts.parameters), (3, 2, 67));
        assert_eq!((facts.architecture.as_deref(), facts.licence.as_deref()), (Some("llama"), Some("apache-2.0")));
        assert_eq!((facts.types, facts.has_chat_template), (vec!["F32".to_owned(), "Q4_0".to_owned()], true));
    }

    #[test]
    fn what_does_not_fit_is_broken() {
        assert!(broken(&file(&[], &[tensor("a", &[32], 0, 0)], 127)).contains("ends beyond the file"));
        assert!(broken(&file(&[], &[tensor("a", &[32], 0, 0), tensor("b", &[1], 0, 96)], 200)).contains("overlap"));
        assert!(broken(&file(&[], &[tensor("a", &[31], 2, 0)], 100)).contains("whole number of blocks"));
        assert!(broken(&file(&[], &[tensor("a", &[1], 0, 4)], 100)).contains("out of line"));
        assert!(broken(&file(&[], &[tensor("a", &[1], 4, 0)], 100)).contains("unknown type 4"));
        assert!(broken(&file(&[], &[tensor("a", &[u64::MAX, 2], 0, 0)], 100)).contains("larger than any file"));
        assert!(broken(&file(&[], &[tensor("a", &[1], 0, 0), tensor("a", &[1], 0, 32)], 100)).contains("twice"));
        assert!(broken(&file(&[entry("a", "b"), entry("a", "c")], &[], 0)).contains("occurs twice"));
        assert!(broken(&[MARK, &1_u32.to_le_bytes()].concat()).contains("version 1"));
        assert!(broken(&[MARK, &3_u32.to_le_bytes(), &[0xff; 16]].concat()).contains("too many"));
        let mut whole = file(&[entry("a", "b")], &[], 0);
        whole.truncate(40);
        assert!(broken(&whole).contains("longer than the file"));
        // An array of arrays of arrays, and one of as many items as there are numbers.
        let nested = [
            text("a"),
            9_u32.to_le_bytes().to_vec(),
            vec![[9_u32.to_le_bytes().to_vec(), 1_u64.to_le_bytes().to_vec()].concat(); 6].concat(),
        ]
        .concat();
        assert!(broken(&file(&[nested], &[], 0)).contains("too deep"));
        let endless =
            [text("a"), 9_u32.to_le_bytes().to_vec(), 0_u32.to_le_bytes().to_vec(), u64::MAX.to_le_bytes().to_vec()]
                .concat();
        assert!(broken(&file(&[endless], &[], 0)).contains("longer than the file"));
    }

    #[test]
    fn a_template_that_leads_out_of_its_sandbox_is_a_danger() {
        let template = "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}";
        let findings = found(&file(&[entry("tokenizer.chat_template.tool_use", template)], &[], 0));
        assert_eq!(
            (findings.risks[0].code.as_str(), findings.risks[0].severity),
            ("gguf-template-injection", RiskSeverity::High)
        );
        assert!(findings.gguf.is_some_and(|facts| facts.has_chat_template));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let bytes = [MARK, &3_u32.to_le_bytes(), &bytes].concat();
            inspect(Content::of(&bytes, bytes.len() as u64));
            inspect(Content::of(&bytes, u64::MAX));
        }
    }
}
