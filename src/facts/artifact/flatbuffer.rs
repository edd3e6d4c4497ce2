//! FlatBuffers, read without a schema compiler: tables, vectors and texts by the numbers of their fields
//! (FlatBuffers documentation, "Internals").

use std::cell::Cell;

use super::pages::{Broken, Pages};

/// Tables that are looked at. Vectors may share their items, so that a small file can be made of very many.
const TABLES_MAX: u64 = 500_000;
/// Length of a name.
const TEXT_BYTES_MAX: u64 = 4_096;
/// Bytes of all texts that are read.
const TEXTS_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A buffer within a file.
pub(super) struct Buffer<'a> {
    pages: Pages<'a>,
    tables_left: Cell<u64>,
    texts_bytes_left: Cell<u64>,
}

/// A table: where it is, and where its list of fields is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    at: u64,
    fields: u64,
    fields_bytes: u64,
    bytes: u64,
}

/// Items of one kind, behind their count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vector {
    pub(super) at: u64,
    pub(super) count: u64,
}

impl<'a> Buffer<'a> {
    pub(super) const fn of(pages: Pages<'a>) -> Self {
        Self { pages, tables_left: Cell::new(TABLES_MAX), texts_bytes_left: Cell::new(TEXTS_BYTES_MAX) }
    }

    pub(super) const fn pages(&self) -> &Pages<'a> {
        &self.pages
    }

    fn u16(&self, at: u64) -> Result<u16, Broken> {
        self.pages.array(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: u64) -> Result<u32, Broken> {
        self.pages.array(at).map(u32::from_le_bytes)
    }

    /// What an offset at a place leads to; offsets lead forward.
    fn follow(&self, at: u64) -> Result<u64, Broken> {
        at.checked_add(u64::from(self.u32(at)?)).ok_or(Broken::new(at, "an offset leads beyond any file"))
    }

    /// The table that the buffer at a place begins with.
    pub(super) fn root(&self, at: u64) -> Result<Table, Broken> {
        self.table_at(self.follow(at)?)
    }

    fn table_at(&self, at: u64) -> Result<Table, Broken> {
        let left = self.tables_left.get().checked_sub(1);
        self.tables_left.set(left.ok_or(Broken::new(at, "it has more parts than a model has"))?);
        let back = i64::from(i32::from_le_bytes(self.pages.array(at)?));
        let fields = at.checked_add_signed(-back).ok_or(Broken::new(at, "a table has its fields beyond the file"))?;
        let (fields_bytes, bytes) = (u64::from(self.u16(fields)?), u64::from(self.u16(fields.saturating_add(2))?));
        if fields_bytes < 4 || fields_bytes % 2 != 0 || at.saturating_add(bytes) > self.pages.size_bytes() {
            return Err(Broken::new(fields, "a table has no sound list of fields"));
        }
        Ok(Table { at, fields, fields_bytes, bytes })
    }

    /// Where a field of so many bytes is, unless the table leaves it out.
    fn field(&self, table: Table, number: u16, bytes: u64) -> Result<Option<u64>, Broken> {
        let place = 4 + 2 * u64::from(number);
        if place + 2 > table.fields_bytes {
            return Ok(None);
        }
        match u64::from(self.u16(table.fields + place)?) {
            0 => Ok(None),
            offset if offset + bytes <= table.bytes => Ok(Some(table.at + offset)),
            _ => Err(Broken::new(table.fields + place, "a field is outside its table")),
        }
    }

    pub(super) fn byte(&self, table: Table, number: u16) -> Result<u8, Broken> {
        let place = self.field(table, number, 1)?;
        Ok(place.map_or(Ok([0]), |place| self.pages.array(place))?[0])
    }

    /// A number of four bytes; 0 where it is left out.
    pub(super) fn number(&self, table: Table, number: u16) -> Result<u32, Broken> {
        self.field(table, number, 4)?.map_or(Ok(0), |place| self.u32(place))
    }

    /// A number of eight bytes; 0 where it is left out.
    pub(super) fn long(&self, table: Table, number: u16) -> Result<u64, Broken> {
        let place = self.field(table, number, 8)?;
        place.map_or(Ok(0), |place| self.pages.array(place).map(u64::from_le_bytes))
    }

    pub(super) fn table(&self, table: Table, number: u16) -> Result<Option<Table>, Broken> {
        self.field(table, number, 4)?.map(|place| self.table_at(self.follow(place)?)).transpose()
    }

    /// A vector of items of so many bytes, all of which are in the file; an empty one where it is left out.
    pub(super) fn vector(&self, table: Table, number: u16, item_bytes: u64) -> Result<Vector, Broken> {
        let Some(place) = self.field(table, number, 4)? else { return Ok(Vector { at: 0, count: 0 }) };
        let start = self.follow(place)?;
        let count = u64::from(self.u32(start)?);
        let (at, length) = (start + 4, count.saturating_mul(item_bytes));
        if at.saturating_add(length) > self.pages.size_bytes() {
            return Err(Broken::new(start, "a list is longer than the file"));
        }
        Ok(Vector { at, count })
    }

    /// The tables in a vector of offsets.
    pub(super) fn tables(&self, table: Table, number: u16) -> Result<Vec<Table>, Broken> {
        let vector = self.vector(table, number, 4)?;
        // Each is looked at, and is one of those that may be.
        if vector.count > self.tables_left.get() {
            return Err(Broken::new(vector.at, "it has more parts than a model has"));
        }
        (0..vector.count).map(|index| self.table_at(self.follow(vector.at + 4 * index)?)).collect()
    }

    /// The numbers of four bytes in a vector.
    pub(super) fn numbers(&self, vector: Vector) -> impl Iterator<Item = Result<u32, Broken>> {
        (0..vector.count).map(move |index| self.u32(vector.at + 4 * index))
    }

    /// A text; none where it is left out.
    pub(super) fn text(&self, table: Table, number: u16) -> Result<Option<String>, Broken> {
        if self.field(table, number, 4)?.is_none() {
            return Ok(None);
        }
        let vector = self.vector(table, number, 1)?;
        let length = usize::try_from(vector.count).ok().filter(|_| vector.count <= TEXT_BYTES_MAX);
        let length = length.ok_or(Broken::new(vector.at, "a text in it is too long"))?;
        let left = self.texts_bytes_left.get().checked_sub(vector.count);
        self.texts_bytes_left.set(left.ok_or(Broken::new(vector.at, "it has more text than a model has"))?);
        let bytes = self.pages.get(vector.at, length)?.into_owned();
        String::from_utf8(bytes).map(Some).map_err(|_| Broken::new(vector.at, "a text in it is not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::artifact::Content;

    /// A table whose fields are a byte, a number, a text and a list of numbers, and one that is left out.
    fn buffer() -> Vec<u8> {
        let mut bytes = vec![20, 0, 0, 0, 0, 0];
        // Behind the offset of the root: the list of fields, of 14 bytes, for a table of 20.
        bytes.extend([14, 0, 20, 0, 4, 0, 8, 0, 12, 0, 16, 0, 0, 0]);
        assert_eq!(bytes.len(), 20);
        bytes.extend(14_i32.to_le_bytes());
        bytes.extend([7, 0, 0, 0]);
        bytes.extend(123_456_u32.to_le_bytes());
        bytes.extend(8_u32.to_le_bytes());
        bytes.extend(12_u32.to_le_bytes());
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend(b"abc\0");
        bytes.extend([2_u32, 5, 6].map(u32::to_le_bytes).concat());
        bytes
    }

    type Read = (u8, u32, Option<String>, Vec<u32>, Option<Table>);

    fn read(bytes: &[u8]) -> Result<Read, Broken> {
        let buffer = Buffer::of(Pages::of(Content::of(bytes, bytes.len() as u64)));
        let root = buffer.root(0)?;
        let list = buffer.vector(root, 3, 4)?;
        let list = buffer.numbers(list).collect::<Result<Vec<_>, _>>()?;
        Ok((buffer.byte(root, 0)?, buffer.number(root, 1)?, buffer.text(root, 2)?, list, buffer.table(root, 4)?))
    }

    #[test]
    fn fields_are_found_by_their_numbers() {
        let (byte, number, text, list, table) = read(&buffer()).unwrap();
        assert_eq!((byte, number, text.as_deref(), list), (7, 123_456, Some("abc"), vec![5, 6]));
        assert!(table.is_none());
    }

    #[test]
    fn what_points_out_of_the_file_is_broken() {
        let whole = buffer();
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
        // The root, the list of fields, its length, a field's place, a text's place and its length, a list's length.
        for at in [0, 20, 6, 10, 32, 40, 48] {
            let mut bytes = whole.clone();
            bytes[at..at + 4].fill(0xff);
            assert!(read(&bytes).is_err(), "{at}");
        }
    }
}
