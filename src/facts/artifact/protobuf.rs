//! Messages of protocol buffers, read from the wire without a schema compiler: the fields that matter are looked at,
//! and the others passed over by their lengths, whether the file is in memory or not.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::Content;
use super::pages::{Broken, Pages};

/// Length of a name. Those of graphs that were traced from nested modules have some hundred bytes.
pub(super) const NAME_BYTES_MAX: u64 = 4_096;

/// Bytes of all names that are kept of a file. Those of the largest graphs have some megabytes.
const KEPT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a name takes besides its bytes.
const NAME_OVERHEAD_BYTES: u64 = 32;

/// Where a message, a text or a payload is in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Part {
    pub(super) const fn length(self) -> u64 {
        self.end - self.start
    }
}

/// A field of a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field {
    Number(u64),
    Part(Part),
    /// Four or eight bytes.
    Fixed,
}

/// A file that is read as messages.
pub(super) struct Wire<'a> {
    pages: Pages<'a>,
    kept_bytes_left: Cell<u64>,
}

impl<'a> Wire<'a> {
    pub(super) const fn of(content: Content<'a>) -> Self {
        Self { pages: Pages::of(content), kept_bytes_left: Cell::new(KEPT_BYTES_MAX) }
    }

    /// All of the file as one message.
    pub(super) const fn whole(&self) -> Part {
        Part { start: 0, end: self.pages.size_bytes() }
    }

    /// Hands each field of a message on, by its number.
    pub(super) fn each(
        &self,
        part: Part,
        mut take: impl FnMut(u64, Field) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let mut at = part.start;
        while at < part.end {
            let (number, field) = self.field(&mut at, part.end)?;
            take(number, field)?;
        }
        Ok(())
    }

    /// The field at a place, which is moved behind it.
    pub(super) fn field(&self, at: &mut u64, end: u64) -> Result<(u64, Field), Broken> {
        let start = *at;
        let tag = self.varint(at, end)?;
        let field = match tag & 7 {
            0 => Field::Number(self.varint(at, end)?),
            1 => self.pass(at, 8, end).map(|_| Field::Fixed)?,
            2 => {
                let length = self.varint(at, end)?;
                Field::Part(self.pass(at, length, end)?)
            }
            5 => self.pass(at, 4, end).map(|_| Field::Fixed)?,
            _ => return Err(Broken::new(start, "it has a field of no known kind")),
        };
        match tag >> 3 {
            0 => Err(Broken::new(start, "it has a field without a number")),
            number => Ok((number, field)),
        }
    }

    fn varint(&self, at: &mut u64, end: u64) -> Result<u64, Broken> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            if *at >= end {
                return Err(Broken::new(*at, "it ends in the middle of a number"));
            }
            let [byte] = self.pages.array(*at)?;
            *at += 1;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Broken::new(*at, "a number in it is too long"))
    }

    fn pass(&self, at: &mut u64, length: u64, end: u64) -> Result<Part, Broken> {
        let start = *at;
        let behind = start.checked_add(length).filter(|behind| *behind <= end);
        *at = behind.ok_or(Broken::new(start, "a field is longer than what it is in"))?;
        Ok(Part { start, end: *at })
    }

    /// A name or another short text.
    pub(super) fn text(&self, part: Part) -> Result<String, Broken> {
        let bytes = self.bytes(part, NAME_BYTES_MAX)?;
        String::from_utf8(bytes).map_err(|_| Broken::new(part.start, "a text in it is not UTF-8"))
    }

    /// A name that is kept, unless there are too many.
    pub(super) fn name(&self, part: Part) -> Result<String, Broken> {
        let name = self.text(part)?;
        self.make_room(&name, part.start)?;
        Ok(name)
    }

    /// Adds to names that are kept.
    pub(super) fn keep(&self, names: &mut BTreeSet<String>, name: String, at: u64) -> Result<(), Broken> {
        if !names.contains(&name) {
            self.make_room(&name, at)?;
            names.insert(name);
        }
        Ok(())
    }

    /// Takes what a name needs from what all of them may.
    pub(super) fn make_room(&self, name: &str, at: u64) -> Result<(), Broken> {
        let left = self.kept_bytes_left.get().checked_sub(name.len() as u64 + NAME_OVERHEAD_BYTES);
        self.kept_bytes_left.set(left.ok_or(Broken::new(at, "it has more names than a model has"))?);
        Ok(())
    }

    /// All of a part that is not too long.
    pub(super) fn bytes(&self, part: Part, bytes_max: u64) -> Result<Vec<u8>, Broken> {
        let length = usize::try_from(part.length()).ok().filter(|_| part.length() <= bytes_max);
        let length = length.ok_or(Broken::new(part.start, "a text in it is too long"))?;
        Ok(self.pages.get(part.start, length)?.into_owned())
    }

    /// Whole numbers of a repeated field, which may stand one by one or packed into one part.
    pub(super) fn numbers(&self, field: Field, mut take: impl FnMut(u64)) -> Result<(), Broken> {
        match field {
            Field::Number(number) => take(number),
            Field::Part(part) => {
                let mut at = part.start;
                while at < part.end {
                    take(self.varint(&mut at, part.end)?);
                }
            }
            Field::Fixed => {}
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::facts::artifact) fn varint(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }

    /// A field that is a text, a payload or a message.
    pub(in crate::facts::artifact) fn part(number: u64, content: impl AsRef<[u8]>) -> Vec<u8> {
        let content = content.as_ref();
        [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
    }

    pub(in crate::facts::artifact) fn number(number: u64, value: u64) -> Vec<u8> {
        [varint(number << 3), varint(value)].concat()
    }

    /// The numbers of the fields, or why they could not be read to the end.
    fn fields(bytes: &[u8]) -> Result<Vec<u64>, &'static str> {
        let wire = Wire::of(Content::of(bytes, bytes.len() as u64));
        let mut numbers = Vec::new();
        let take = |number, _| {
            numbers.push(number);
            Ok(())
        };
        wire.each(wire.whole(), take).map_err(|broken| broken.why)?;
        Ok(numbers)
    }

    #[test]
    fn fields_are_read_to_the_last_byte() {
        let fixed = [&varint(5 << 3 | 5)[..], &[0; 4], &varint(6 << 3 | 1), &[0; 8]].concat();
        let whole = [number(1, u64::MAX), part(300, b"abc"), fixed].concat();
        assert_eq!(fields(&whole), Ok(vec![1, 300, 5, 6]));
        assert_eq!(fields(b""), Ok(Vec::new()));
        // Cut anywhere but between two fields.
        let between = [0, number(1, u64::MAX).len(), 11 + part(300, b"abc").len(), whole.len() - 9];
        for length in 0..whole.len() {
            assert_eq!(fields(&whole[..length]).is_ok(), between.contains(&length), "{length}");
        }
        for broken in [&b"\x00\x00"[..], b"\x0b", b"\x0c", b"\x0e", b"\x0f", &[0xff; 11], &part(1, b"")[..1]] {
            assert!(fields(broken).is_err(), "{broken:02x?}");
        }
        assert!(fields(&[&varint(1 << 3 | 2)[..], &varint(u64::MAX)].concat()).is_err());
    }

    #[test]
    fn texts_are_utf_8_and_not_too_long() {
        let text = |content: &[u8]| {
            let wire = Wire::of(Content::of(content, content.len() as u64));
            wire.text(wire.whole()).map_err(|broken| broken.why)
        };
        assert_eq!(text(b"name"), Ok("name".to_owned()));
        assert_eq!(text(b"\xff"), Err("a text in it is not UTF-8"));
        assert!(text(&[b'a'; NAME_BYTES_MAX as usize]).is_ok());
        assert_eq!(text(&[b'a'; NAME_BYTES_MAX as usize + 1]), Err("a text in it is too long"));
    }
}
