//! safetensors: an eight-byte length, a JSON header, and the tensors one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::together::Tensors;
use super::{Content, Findings, MetadataFacts, RiskSeverity, SafetensorsFacts};

/// Length of a header, as the reference implementation bounds it.
const HEADER_BYTES_MAX: u64 = 100_000_000;

/// Bits of an element, by type.
const DTYPES: [(&str, u64); 20] = [
    ("BF16", 16),
    ("BOOL", 8),
    ("C64", 64),
    ("F16", 16),
    ("F32", 32),
    ("F4", 4),
    ("F64", 64),
    ("F6_E2M3", 6),
    ("F6_E3M2", 6),
    ("F8_E4M3", 8),
    ("F8_E5M2", 8),
    ("F8_E8M0", 8),
    ("I16", 16),
    ("I32", 32),
    ("I64", 64),
    ("I8", 8),
    ("U16", 16),
    ("U32", 32),
    ("U64", 64),
    ("U8", 8),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// The header, each key once at every level: a repeated one would hide the first from every reader but one.
#[derive(Default)]
struct Header {
    tensors: BTreeMap<String, Tensor>,
    metadata: Option<Metadata>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a mapping of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header::default();
                while let Some(key) = map.next_key::<String>()? {
                    let is_new = if key == "__metadata__" {
                        header.metadata.replace(map.next_value()?).is_none()
                    } else {
                        header.tensors.insert(key.clone(), map.next_value()?).is_none()
                    };
                    if !is_new {
                        return Err(A::Error::custom(format!("`{key}` occurs twice")));
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Texts by keys that each occur once.
struct Metadata(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Metadata;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a mapping of texts in `__metadata__`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
                let mut texts = BTreeMap::new();
                while let Some((key, text)) = map.next_entry::<String, String>()? {
                    if texts.insert(key.clone(), text).is_some() {
                        return Err(A::Error::custom(format!("`{key}` occurs twice in `__metadata__`")));
                    }
                }
                Ok(Metadata(texts))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Recognised by a plausible length that is followed by the brace of a header.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let (length, rest) = content.bytes.split_first_chunk::<8>()?;
    let length = u64::from_le_bytes(*length);
    if rest.first() != Some(&b'{') || !(2..=HEADER_BYTES_MAX).contains(&length) {
        return None;
    }
    // Two small numbers of 64 bits begin like this in one of 256 cases, but no key does.
    if content.is_member && !matches!(rest.get(1), Some(b'"' | b'}' | b' ' | b'\n' | b'\r' | b'\t')) {
        return None;
    }
    let mut findings = Findings::default();
    let header = usize::try_from(length).ok().and_then(|length| rest.get(..length));
    let facts = match header {
        Some(header) => check(header, content.size_bytes - 8 - length),
        None => Err("the header is longer than the file".to_owned()),
    };
    match facts {
        Ok((facts, framework, tensors)) => {
            let parameters = Some(facts.parameters);
            findings.inside.tensors = Some(tensors);
            findings.metadata = MetadataFacts { framework, parameters, ..MetadataFacts::default() };
            findings.safetensors = Some(facts);
        }
        Err(message) => {
            let message = format!("the safetensors header is broken: {message}");
            findings.risk(8, RiskSeverity::High, "safetensors-malformed", message);
        }
    }
    Some(findings)
}

/// Whose tensors they are, as the libraries that write them say in the metadata.
const FRAMEWORKS: [(&str, &str); 6] = [
    ("flax", "flax"),
    ("mlx", "mlx"),
    ("np", "numpy"),
    ("paddle", "paddlepaddle"),
    ("pt", "pytorch"),
    ("tf", "tensorflow"),
];

/// What the header says, the framework if it names one, and the tensors, if they cover the data without a hole, an
/// overlap or a rest.
fn check(header: &[u8], data_bytes: u64) -> Result<(SafetensorsFacts, Option<String>, Tensors), String> {
    let header: Header = serde_json::from_slice(header).map_err(|error| error.to_string())?;
    let format = header.metadata.and_then(|Metadata(mut texts)| texts.remove("format"));
    let framework = format.and_then(|format| FRAMEWORKS.iter().find(|(name, _)| *name == format));
    let mut spans = Vec::new();
    let mut dtypes = BTreeSet::new();
    let mut parameters = 0_u64;
    for (name, tensor) in header.tensors {
        let bits = DTYPES.iter().find(|(dtype, _)| *dtype == tensor.dtype).map(|(_, bits)| *bits);
        let bits = bits.ok_or_else(|| format!("`{name}` has the unknown type `{}`", tensor.dtype))?;
        let elements = tensor.shape.iter().try_fold(1_u64, |product, extent| product.checked_mul(*extent));
        // Elements of less than a byte must fill their last one.
        let bits = elements.and_then(|elements| elements.checked_mul(bits)).filter(|bits| bits.is_multiple_of(8));
        let size = bits.map(|bits| bits / 8);
        let (begin, end) = tensor.data_offsets;
        if size.is_none() || end.checked_sub(begin) != size {
            return Err(format!("the bytes of `{name}` do not fit its shape and type"));
        }
        parameters = parameters.saturating_add(elements.unwrap_or_default());
        dtypes.insert(tensor.dtype);
        spans.push((begin, end, name));
    }
    spans.sort();
    let mut position = 0;
    for (begin, end, name) in &spans {
        if *begin != position {
            return Err(format!("`{name}` does not begin where the tensor before it ends"));
        }
        position = *end;
    }
    if position != data_bytes {
        return Err(format!("the tensors end at byte {position} of {data_bytes}"));
    }
    let facts = SafetensorsFacts { tensors: spans.len() as u64, parameters, dtypes: dtypes.into_iter().collect() };
    let tensors = Tensors { names: spans.into_iter().map(|(.., name)| name).collect(), bytes: data_bytes };
    Ok((facts, framework.map(|(_, framework)| (*framework).to_owned()), tensors))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    fn inspect_bytes(bytes: &[u8]) -> Option<Findings> {
        inspect(Content::of(bytes, bytes.len() as u64))
    }

    const GOOD: &str = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"I8","shape":[4],"data_offsets":[24,28]}}"#;

    #[test]
    fn a_file_in_order_gives_its_facts() {
        let findings = inspect_bytes(&file(GOOD, 28)).unwrap();
        let expected = SafetensorsFacts { tensors: 2, parameters: 10, dtypes: vec!["F32".to_owned(), "I8".to_owned()] };
        assert_eq!((findings.safetensors, findings.risks), (Some(expected), Vec::new()));
    }

    #[test]
    fn whatever_does_not_add_up_is_a_risk() {
        for (header, data) in [
            (GOOD.to_owned(), 27),
            (GOOD.to_owned(), 29),
            (GOOD.replace("[24,28]", "[20,24]"), 24),
            (GOOD.replace("[24,28]", "[25,29]"), 29),
            (GOOD.replace("[2,3]", "[2,4]"), 28),
            (GOOD.replace("[2,3]", "[4294967296,4294967296,3]"), 28),
            (GOOD.replace("F32", "F33"), 28),
            (GOOD.replace("\"b\"", "\"a\""), 28),
            (GOOD.replace("\"pt\"", "1"), 28),
            (GOOD.replace("}}", "}"), 28),
            // Keys that occur twice within an entry.
            (GOOD.replace("\"dtype\":\"I8\"", "\"dtype\":\"F32\",\"dtype\":\"I8\""), 28),
            (GOOD.replace("\"format\":\"pt\"", "\"format\":\"pt\",\"format\":\"np\""), 28),
            // Three elements of four bits are a byte and a half.
            (GOOD.replace("\"I8\",\"shape\":[4]", "\"F4\",\"shape\":[7]"), 28),
        ] {
            let findings = inspect_bytes(&file(&header, data)).unwrap();
            assert_eq!(findings.risks.len(), 1, "{header} {data}");
            assert_eq!(findings.safetensors, None);
        }
        let mut long = file(GOOD, 28);
        long[0] = 255;
        assert_eq!(inspect_bytes(&long).unwrap().risks[0].code, "safetensors-malformed");
        assert!(inspect_bytes(b"short").is_none());
    }
}
