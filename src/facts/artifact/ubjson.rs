//! Universal Binary JSON (draft 12), as a deserializer: numbers, texts, lists and mappings, with counts and types that
//! may stand before their items. What is not wanted is passed over by its length.

use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use super::Content;
use super::pages::{Broken, Pages};

/// Lists and mappings within each other. Models have some eight.
const DEPTH_MAX: usize = 64;

/// Length of a text that is wanted.
const TEXT_BYTES_MAX: usize = 65_536;

/// Why a file could not be read, and where.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) at: u64,
    pub(super) why: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.why)
    }
}

impl std::error::Error for Unreadable {}

impl de::Error for Unreadable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { at: 0, why: message.to_string() }
    }
}

impl From<Broken> for Unreadable {
    fn from(broken: Broken) -> Self {
        Self { at: broken.at, why: broken.why.to_owned() }
    }
}

/// Whether bytes begin as a mapping whose first key is this, with a length of eight bytes as XGBoost writes it.
pub(super) fn begins_with(bytes: &[u8], key: &str) -> bool {
    let rest = bytes.strip_prefix(b"{L").and_then(|rest| rest.split_first_chunk::<8>());
    rest.is_some_and(|(length, rest)| {
        u64::from_be_bytes(*length) == key.len() as u64 && rest.starts_with(key.as_bytes())
    })
}

/// Reads all of a file.
pub(super) fn read<T: DeserializeOwned>(content: Content<'_>) -> Result<T, Unreadable> {
    let mut reader = Reader { pages: Pages::of(content), at: 0, depth: 0 };
    let value = T::deserialize(&mut reader).map_err(|error| Unreadable { at: error.at.max(reader.at), ..error })?;
    if reader.at == content.size_bytes { Ok(value) } else { Err(reader.broken("something follows it").into()) }
}

struct Reader<'a> {
    pages: Pages<'a>,
    at: u64,
    depth: usize,
}

impl Reader<'_> {
    const fn broken(&self, why: &'static str) -> Broken {
        Broken::new(self.at, why)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let bytes = self.pages.array(self.at)?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, Broken> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn is_next(&mut self, byte: u8) -> Result<bool, Broken> {
        let is_next = self.pages.array(self.at)? == [byte];
        self.at += u64::from(is_next);
        Ok(is_next)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Broken> {
        let end = self.at.checked_add(bytes).filter(|end| *end <= self.pages.size_bytes());
        self.at = end.ok_or(self.broken("a value is longer than the file"))?;
        Ok(())
    }

    fn whole_number(&mut self, kind: u8) -> Result<i64, Broken> {
        Ok(match kind {
            b'i' => i64::from(i8::from_be_bytes(self.take()?)),
            b'U' => i64::from(self.byte()?),
            b'I' => i64::from(i16::from_be_bytes(self.take()?)),
            b'l' => i64::from(i32::from_be_bytes(self.take()?)),
            b'L' => i64::from_be_bytes(self.take()?),
            _ => return Err(self.broken("a length is no number")),
        })
    }

    fn length(&mut self) -> Result<u64, Broken> {
        let kind = self.byte()?;
        let length = self.whole_number(kind)?;
        u64::try_from(length).map_err(|_| self.broken("a length is below zero"))
    }

    fn text(&mut self) -> Result<String, Broken> {
        let length = self.length()?;
        let bytes = usize::try_from(length).ok().filter(|length| *length <= TEXT_BYTES_MAX);
        let bytes = self.pages.get(self.at, bytes.ok_or(self.broken("a text is too long"))?)?.into_owned();
        let text = String::from_utf8(bytes).map_err(|_| self.broken("a text is not UTF-8"))?;
        self.at += length;
        Ok(text)
    }

    fn enter(&mut self) -> Result<Items, Broken> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.broken("values nest too deep"));
        }
        let kind = if self.is_next(b'$')? { Some(self.byte()?) } else { None };
        // What takes no byte could be there without end.
        if kind.is_some_and(|kind| !b"iUIlLdDCSH[{".contains(&kind)) {
            return Err(self.broken("a list is of no known kind"));
        }
        let left = if self.is_next(b'#')? { Some(self.length()?) } else { None };
        if kind.is_some() && left.is_none() {
            return Err(self.broken("a list has a kind and no count"));
        }
        Ok(Items { kind, left })
    }

    /// Whether there is one more item.
    fn more(&mut self, items: &mut Items, end: u8) -> Result<bool, Broken> {
        match &mut items.left {
            Some(0) => return Ok(false),
            Some(left) => *left -= 1,
            // Behind its end, a list has no more items, however often it is asked.
            None if self.is_next(end)? => {
                items.left = Some(0);
                return Ok(false);
            }
            None => {}
        }
        Ok(true)
    }

    fn kind(&mut self, items: &Items) -> Result<u8, Broken> {
        items.kind.map_or_else(|| self.byte(), Ok)
    }

    /// Passes over a value of a kind.
    fn pass(&mut self, kind: u8) -> Result<(), Broken> {
        match kind {
            b'S' | b'H' => {
                let length = self.length()?;
                self.skip(length)
            }
            b'[' => {
                let mut items = self.enter()?;
                match (items.kind.map(size_of), items.left) {
                    (Some(Some(bytes)), Some(count)) => self.skip(count.saturating_mul(bytes))?,
                    _ => {
                        while self.more(&mut items, b']')? {
                            let kind = self.kind(&items)?;
                            self.pass(kind)?;
                        }
                    }
                }
                self.depth -= 1;
                Ok(())
            }
            b'{' => {
                let mut items = self.enter()?;
                while self.more(&mut items, b'}')? {
                    let key = self.length()?;
                    self.skip(key)?;
                    let kind = self.kind(&items)?;
                    self.pass(kind)?;
                }
                self.depth -= 1;
                Ok(())
            }
            b'Z' | b'N' | b'T' | b'F' => Ok(()),
            kind => {
                let bytes = size_of(kind).ok_or(self.broken("a value is of no known kind"))?;
                self.skip(bytes)
            }
        }
    }

    fn value<'de, V: Visitor<'de>>(&mut self, kind: u8, visitor: V) -> Result<V::Value, Unreadable> {
        match kind {
            b'Z' | b'N' => visitor.visit_unit(),
            b'T' => visitor.visit_bool(true),
            b'F' => visitor.visit_bool(false),
            b'd' => visitor.visit_f32(f32::from_be_bytes(self.take()?)),
            b'D' => visitor.visit_f64(f64::from_be_bytes(self.take()?)),
            b'C' => visitor.visit_char(char::from(self.byte()?)),
            b'S' | b'H' => visitor.visit_string(self.text()?),
            b'[' => {
                let items = self.enter()?;
                let mut list = Sequence { reader: self, items, end: b']' };
                let value = visitor.visit_seq(&mut list)?;
                // What was not asked for would be read as what follows.
                while list.next_element::<de::IgnoredAny>()?.is_some() {}
                self.depth -= 1;
                Ok(value)
            }
            b'{' => {
                let items = self.enter()?;
                let value = visitor.visit_map(Sequence { reader: self, items, end: b'}' })?;
                self.depth -= 1;
                Ok(value)
            }
            kind => visitor.visit_i64(
                self.whole_number(kind).map_err(|broken| Broken { why: "a value is of no known kind", ..broken })?,
            ),
        }
    }
}

/// Bytes of a value that has always the same.
const fn size_of(kind: u8) -> Option<u64> {
    match kind {
        b'i' | b'U' | b'C' => Some(1),
        b'I' => Some(2),
        b'l' | b'd' => Some(4),
        b'L' | b'D' => Some(8),
        _ => None,
    }
}

/// What is said before the items of a list or a mapping.
struct Items {
    kind: Option<u8>,
    left: Option<u64>,
}

struct Sequence<'a, 'p> {
    reader: &'a mut Reader<'p>,
    items: Items,
    end: u8,
}

impl<'de> SeqAccess<'de> for Sequence<'_, '_> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unreadable> {
        if !self.reader.more(&mut self.items, self.end)? {
            return Ok(None);
        }
        let kind = self.reader.kind(&self.items)?;
        seed.deserialize(Value { reader: self.reader, kind }).map(Some)
    }
}

impl<'de> MapAccess<'de> for Sequence<'_, '_> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unreadable> {
        if !self.reader.more(&mut self.items, self.end)? {
            return Ok(None);
        }
        seed.deserialize(self.reader.text()?.into_deserializer()).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Unreadable> {
        let kind = self.reader.kind(&self.items)?;
        seed.deserialize(Value { reader: self.reader, kind })
    }
}

/// A value whose kind was read.
struct Value<'a, 'p> {
    reader: &'a mut Reader<'p>,
    kind: u8,
}

impl<'de> Deserializer<'de> for Value<'_, '_> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.reader.value(self.kind, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.reader.pass(self.kind)?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'_> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let kind = self.byte()?;
        self.value(kind, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    fn json(bytes: &[u8]) -> Result<Json, String> {
        read(Content::of(bytes, bytes.len() as u64)).map_err(|error| error.why)
    }

    #[test]
    fn values_are_those_of_json() {
        let bytes = b"{U\x01aTi\x01b[i\xffI\x01\0d\x3f\x80\0\0]U\x01cSU\x02hiU\x01dZ}";
        assert_eq!(json(bytes), Ok(json!({"a": true, "b": [-1, 256, 1.0], "c": "hi", "d": null})));
        assert_eq!(json(b"[$U#i\x03\x01\x02\x03"), Ok(json!([1, 2, 3])));
        assert_eq!(json(b"{$i#U\x01U\x01a\x05"), Ok(json!({"a": 5})));
        assert_eq!(json(b"[#U\x02[]{}"), Ok(json!([[], {}])));
    }

    #[test]
    fn what_is_passed_over_is_as_long_as_what_is_read() {
        let values = [
            &b"[$l#U\x02\0\0\0\x01\0\0\0\x02"[..],
            b"[TFZ]",
            b"{U\x01aSU\x03abc}",
            b"D\0\0\0\0\0\0\0\0",
            b"[$[#U\x02]]",
        ];
        for value in values {
            let inside = [b"[", value, b"i\x07]"].concat();
            let items = json(&inside).unwrap();
            assert_eq!(items[1], 7, "{value:02x?}");
            let passed = read::<(de::IgnoredAny, u8)>(Content::of(&inside, inside.len() as u64)).unwrap();
            assert_eq!(passed.1, 7, "{value:02x?}");
        }
    }

    #[test]
    fn what_is_broken_is_said_and_ends() {
        for bytes in [
            &b"[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff"[..],
            b"[$U#L\x7f\xff\xff\xff\xff\xff\xff\xff",
            b"[#L\x7f\xff\xff\xff\xff\xff\xff\xff",
            b"SL\x7f\xff\xff\xff\xff\xff\xff\xff",
            b"Si\xff",
            b"[$U]",
            b"{U\x01\xffT}",
            b"x",
            b"",
            b"TT",
            &[b'['; 10_000],
        ] {
            assert!(json(bytes).is_err(), "{bytes:02x?}");
            assert!(read::<de::IgnoredAny>(Content::of(bytes, bytes.len() as u64)).is_err(), "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = json(&[b"[", &bytes[..]].concat());
            let _ = json(&[b"{", &bytes[..]].concat());
        }
    }
}
