//! JSON files: what in them speaks of a model.
//!
//! They may be hundreds of megabytes long, most of it vocabularies and numbers. So they are read once, and only the
//! entries that mean something to [`hugging_face`] are kept.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Content, Findings, hugging_face};

/// Values that are kept of a file. The index of the largest models names 100,000 tensors.
const VALUES_MAX: usize = 1_000_000;

/// Values of an outermost list that are kept: that of a model's modules has some dozens.
const LIST_VALUES_MAX: usize = 100_000;

/// Entries of which nothing is known that are kept: the components of a pipeline have two texts, or two and a
/// mapping with some more.
const OTHER_ENTRIES_MAX: usize = 10_000;
const OTHER_VALUES_MAX: usize = 24;

/// Recognised by its first character, and by being JSON to the last.
pub(super) fn inspect(content: Content<'_>) -> Option<Findings> {
    let mut findings = Findings::default();
    (is_marked(content) && content.is_whole()).then(|| look(content, &mut findings))??;
    Some(findings)
}

/// Whether a file begins as JSON does.
pub(super) fn is_marked(content: Content<'_>) -> bool {
    let first = content.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    first.is_some_and(|first| matches!(first, b'{' | b'['))
}

/// Looks at JSON of whatever format; none if it is not.
pub(super) fn look(content: Content<'_>, findings: &mut Findings) -> Option<()> {
    let document = Document::read(content.bytes)?;
    hugging_face::look(&document, content.bytes, findings);
    Some(())
}

/// A value that is kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kept {
    Text(String),
    /// A whole number, zero or above; sums are written as `1.0` by some.
    Number(u64),
    List(Vec<Kept>),
    Map(BTreeMap<String, Kept>),
    Other,
}

impl Kept {
    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What is behind a key of a mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.get(key),
            _ => None,
        }
    }

    /// Every text in it.
    pub(super) fn texts(&self) -> Vec<&str> {
        match self {
            Self::Text(text) => vec![text],
            Self::List(items) => items.iter().flat_map(Self::texts).collect(),
            Self::Map(entries) => entries.values().flat_map(Self::texts).collect(),
            Self::Number(_) | Self::Other => Vec::new(),
        }
    }
}

/// A JSON file as far as it is kept.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Document {
    /// Entries of the outermost mapping that have a meaning, and those that are short lists.
    pub(super) entries: BTreeMap<String, Kept>,
    /// Items of the outermost list.
    pub(super) items: Vec<Kept>,
    /// Keys with a meaning that occur twice: readers disagree on which counts.
    pub(super) twice: Vec<String>,
    /// Whether something that has a meaning was too large to be kept.
    pub(super) is_cut: bool,
    /// Whether there were too many short lists, or too many items of an outermost list.
    pub(super) is_cut_elsewhere: bool,
}

impl Document {
    /// Reads all of a text; none if it is no JSON.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let document = deserializer.deserialize_any(Outermost).ok()?;
        deserializer.end().ok()?;
        Some(document)
    }

    /// What is behind a key of the outermost mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Kept> {
        self.entries.get(key)
    }

    /// The text behind a key.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }
}

struct Outermost;

impl<'de> Visitor<'de> for Outermost {
    type Value = Document;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a mapping or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Document, A::Error> {
        let mut document = Document::default();
        let room = Cell::new(LIST_VALUES_MAX);
        while let Some(item) = items.next_element_seed(Keep(&room))? {
            if room.get() > 0 {
                document.items.push(item);
            }
        }
        document.is_cut_elsewhere = room.get() == 0;
        Ok(document)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Document, A::Error> {
        let mut document = Document::default();
        let room = Cell::new(VALUES_MAX);
        let mut others = 0;
        while let Some(key) = entries.next_key::<String>()? {
            if !hugging_face::has_meaning(&key) {
                let little = Cell::new(OTHER_VALUES_MAX);
                let value = entries.next_value_seed(Keep(&little))?;
                if matches!(value, Kept::List(_)) && little.get() > 0 && others < OTHER_ENTRIES_MAX {
                    others += 1;
                    document.entries.insert(key, value);
                }
            } else if document.entries.insert(key.clone(), entries.next_value_seed(Keep(&room))?).is_some() {
                document.twice.push(key);
            }
        }
        document.is_cut = room.get() == 0;
        document.is_cut_elsewhere = others == OTHER_ENTRIES_MAX;
        Ok(document)
    }
}

/// Reads a value, and keeps of it what there is room for.
#[derive(Clone, Copy)]
struct Keep<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Keep<'_> {
    type Value = Kept;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kept, D::Error> {
        match self.0.get() {
            0 => deserializer.deserialize_ignored_any(IgnoredAny).map(|_| Kept::Other),
            room => {
                self.0.set(room - 1);
                deserializer.deserialize_any(self)
            }
        }
    }
}

impl<'de> Visitor<'de> for Keep<'_> {
    type Value = Kept;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Kept, E> {
        Ok(Kept::Other)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Kept, E> {
        Ok(u64::try_from(number).map_or(Kept::Other, Kept::Number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Kept, E> {
        Ok(Kept::Number(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Kept, E> {
        // Beyond 2⁵³ a double is no exact number.
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        let is_whole = number.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&number);
        Ok(if is_whole { Kept::Number(number as u64) } else { Kept::Other })
    }

    fn visit_str<E>(self, text: &str) -> Result<Kept, E> {
        Ok(Kept::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Kept, E> {
        Ok(Kept::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kept, A::Error> {
        let mut kept = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            if self.0.get() > 0 {
                kept.push(item);
            }
        }
        Ok(Kept::List(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Kept, A::Error> {
        let mut kept = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self)?;
            if self.0.get() > 0 {
                kept.insert(key, value);
            }
        }
        Ok(Kept::Map(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_has_a_meaning_is_kept() {
        let text = r#"{"architectures": ["A", null], "vocab": {"a": 1}, "unet": ["diffusers", "B"], "weight_map": {"w": "f"},
            "metadata": {"total_size": 12.0, "negative": -1, "half": 0.5, "yes": true}, "auto_map": "x", "auto_map": "y"}"#;
        let document = Document::read(text.as_bytes()).unwrap();
        let keys: Vec<_> = document.entries.keys().collect();
        assert_eq!(keys, ["architectures", "auto_map", "metadata", "unet", "weight_map"]);
        assert_eq!(document.get("architectures").unwrap().texts(), ["A"]);
        assert_eq!(document.get("metadata").unwrap().get("total_size"), Some(&Kept::Number(12)));
        assert_eq!(document.get("metadata").unwrap().get("half"), Some(&Kept::Other));
        assert_eq!((document.text("auto_map"), &document.twice), (Some("y"), &vec!["auto_map".to_owned()]));
        assert!(!document.is_cut);
        let list = Document::read(b" [{\"type\": \"a\"}, 2]").unwrap();
        assert_eq!((list.items.len(), list.items[0].get("type").and_then(Kept::text)), (2, Some("a")));
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in ["", "{", "{} {}", "{\"a\": 1,}", "1", "\"a\"", "{'a': 1}", "[1"] {
            assert_eq!(Document::read(text.as_bytes()), None, "{text}");
        }
        assert!(Document::read("[".repeat(100_000).as_bytes()).is_none());
    }

    #[test]
    fn more_than_there_is_room_for_is_said() {
        let names = |count: usize| {
            let names: Vec<String> = (0..count).map(|number| format!("\"{number}\":1")).collect();
            Document::read(format!("{{\"weight_map\":{{{}}}}}", names.join(",")).as_bytes()).unwrap()
        };
        assert!(!names(1_000).is_cut);
        assert!(names(VALUES_MAX + 1).is_cut);
        let numbers = format!("{{\"embeddings\":[{}1]}}", "0.5,".repeat(VALUES_MAX));
        assert_eq!(Document::read(numbers.as_bytes()), Some(Document::default()));
        let pairs: Vec<String> = (0..=OTHER_ENTRIES_MAX).map(|number| format!("\"{number}\":[]")).collect();
        assert!(Document::read(format!("{{{}}}", pairs.join(",")).as_bytes()).unwrap().is_cut_elsewhere);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\[{\\]}\",:0-9a-e.\\\\ ]{0,80}") {
            Document::read(text.as_bytes());
        }
    }
}
