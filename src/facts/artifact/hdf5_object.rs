//! The parts of HDF5: superblock, object headers and their messages, symbol tables, heaps. Sections are those of the
//! HDF5 File Format Specification, version 3.0.

use std::cell::Cell;

use super::hdf5::{Attribute, MARK};
use super::pages::{Broken, Pages};

pub(super) const DATASPACE: u16 = 0x01;
pub(super) const LINK_INFO: u16 = 0x02;
pub(super) const LINK: u16 = 0x06;
pub(super) const EXTERNAL_FILES: u16 = 0x07;
pub(super) const LAYOUT: u16 = 0x08;
pub(super) const FILTERS: u16 = 0x0b;
pub(super) const ATTRIBUTE: u16 = 0x0c;
const CONTINUATION: u16 = 0x10;
pub(super) const SYMBOL_TABLE: u16 = 0x11;
pub(super) const DRIVER: u16 = 0x14;
pub(super) const ATTRIBUTE_INFO: u16 = 0x15;

/// Messages, entries of groups and nodes of their trees, over all of a file. The largest models have some hundred
/// thousand; a file can be made whose groups all have the same ones.
const STEPS_MAX: u64 = 1_000_000;
/// Bytes of all names.
const NAMES_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Levels of a tree: each holds at least twice as many as the next.
const LEVELS_MAX: u8 = 32;
/// Length of a name.
const NAME_BYTES_MAX: usize = 1_024;
/// Length of a text in an attribute: the configuration of the largest models has some megabytes.
const TEXT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Objects of a heap that are passed over before the one that is looked for.
const HEAP_OBJECTS_MAX: usize = 65_536;
/// Dimensions of a dataset, as the library bounds them.
const DIMENSIONS_MAX: u8 = 32;

/// A message of an object's header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub(super) kind: u16,
    /// Whether it only says where the message is.
    pub(super) is_shared: bool,
    pub(super) start: u64,
    pub(super) length: u64,
}

/// What a name in a group stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Hard(u64),
    Soft,
    External,
    Custom,
}

#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) target: Target,
    pub(super) at: u64,
}

/// Where the data of a dataset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Here,
    Virtual,
    Unknown,
}

/// A file, and how wide its addresses and lengths are.
pub(super) struct File<'a, 'p> {
    pages: &'a Pages<'p>,
    offset_bytes: u8,
    length_bytes: u8,
    /// Address of the root group's header.
    pub(super) root: u64,
    pub(super) has_driver: bool,
    steps_left: Cell<u64>,
    names_bytes_left: Cell<u64>,
}

/// Reads one number after the other.
struct Cursor<'a, 'p> {
    pages: &'a Pages<'p>,
    at: u64,
}

impl Cursor<'_, '_> {
    fn number(&mut self, bytes: u8) -> Result<u64, Broken> {
        let mut number = [0; 8];
        let found = self.pages.get(self.at, usize::from(bytes.min(8)))?;
        number.iter_mut().zip(found.iter()).for_each(|(to, from)| *to = *from);
        self.at += u64::from(bytes);
        Ok(u64::from_le_bytes(number))
    }

    fn skip(&mut self, bytes: u64) {
        self.at = self.at.saturating_add(bytes);
    }

    fn is(&mut self, mark: [u8; 4]) -> Result<(), Broken> {
        if self.pages.array::<4>(self.at)? != mark {
            return Err(Broken::new(self.at, "a part of it is not what it should be"));
        }
        self.at += 4;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Broken> {
        let [byte] = self.pages.array(self.at)?;
        self.at += 1;
        Ok(byte)
    }
}

impl<'a, 'p> File<'a, 'p> {
    /// The superblock (II.A), which must be at the beginning and of a file that is all there.
    pub(super) fn open(pages: &'a Pages<'p>) -> Result<Self, Broken> {
        let mut cursor = Cursor { pages, at: MARK.len() as u64 };
        let version = cursor.byte()?;
        let mut file = Self {
            pages,
            offset_bytes: 8,
            length_bytes: 8,
            root: 0,
            has_driver: false,
            steps_left: Cell::new(STEPS_MAX),
            names_bytes_left: Cell::new(NAMES_BYTES_MAX),
        };
        let widths = |file: &mut Self, cursor: &mut Cursor<'_, '_>| {
            (file.offset_bytes, file.length_bytes) = (cursor.byte()?, cursor.byte()?);
            let is_known = |bytes| matches!(bytes, 2 | 4 | 8);
            if is_known(file.offset_bytes) && is_known(file.length_bytes) {
                return Ok(());
            }
            Err(Broken::new(cursor.at, "its addresses have no known width"))
        };
        let (base, end);
        match version {
            0 | 1 => {
                // Versions of the parts, and how large the nodes of trees are.
                cursor.skip(4);
                widths(&mut file, &mut cursor)?;
                cursor.skip(if version == 0 { 9 } else { 13 });
                (base, _, end) = (file.offset(&mut cursor)?, file.offset(&mut cursor)?, file.offset(&mut cursor)?);
                let driver = file.offset(&mut cursor)?;
                file.has_driver = !file.is_undefined(driver);
                // The entry of the root group: where its name is, which it does not have, and its header.
                file.offset(&mut cursor)?;
                file.root = file.offset(&mut cursor)?;
            }
            2 | 3 => {
                widths(&mut file, &mut cursor)?;
                cursor.skip(1);
                base = file.offset(&mut cursor)?;
                let extension = file.offset(&mut cursor)?;
                (end, file.root) = (file.offset(&mut cursor)?, file.offset(&mut cursor)?);
                if !file.is_undefined(extension) {
                    file.has_driver = file.messages(extension)?.iter().any(|message| message.kind == DRIVER);
                }
            }
            _ => return Err(Broken::new(8, "its version is not known")),
        }
        if base != 0 {
            return Err(Broken::new(8, "it does not begin where it says"));
        }
        if end > pages.size_bytes() {
            return Err(Broken::new(pages.size_bytes(), "it was cut: it says that it is longer"));
        }
        Ok(file)
    }

    fn step(&self, at: u64) -> Result<(), Broken> {
        let left = self.steps_left.get().checked_sub(1).ok_or(Broken::new(at, "it holds more than a model does"))?;
        self.steps_left.set(left);
        Ok(())
    }

    /// A name as it can be shown.
    fn name(&self, at: u64, bytes: &[u8]) -> Result<String, Broken> {
        let left = self.names_bytes_left.get().checked_sub(bytes.len() as u64);
        self.names_bytes_left.set(left.ok_or(Broken::new(at, "its names are longer than those of a model"))?);
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    fn offset(&self, cursor: &mut Cursor<'_, '_>) -> Result<u64, Broken> {
        cursor.number(self.offset_bytes)
    }

    fn length(&self, cursor: &mut Cursor<'_, '_>) -> Result<u64, Broken> {
        cursor.number(self.length_bytes)
    }

    /// Whether an address stands for none: all its bits are set.
    const fn is_undefined(&self, address: u64) -> bool {
        match self.offset_bytes {
            2 => address == u16::MAX as u64,
            4 => address == u32::MAX as u64,
            _ => address == u64::MAX,
        }
    }

    const fn cursor(&self, at: u64) -> Cursor<'a, 'p> {
        Cursor { pages: self.pages, at }
    }

    /// All messages of an object's header (IV.A).
    pub(super) fn messages(&self, address: u64) -> Result<Vec<Message>, Broken> {
        let mut cursor = self.cursor(address);
        let mut messages = Vec::new();
        let mut blocks = Vec::new();
        let second = self.pages.array::<4>(address)? == *b"OHDR";
        let mut has_order = false;
        if second {
            cursor.skip(4);
            if cursor.byte()? != 2 {
                return Err(Broken::new(address, "an object has a header of no known version"));
            }
            let flags = cursor.byte()?;
            has_order = flags & 0x04 != 0;
            cursor.skip(if flags & 0x20 == 0 { 0 } else { 16 });
            cursor.skip(if flags & 0x10 == 0 { 0 } else { 4 });
            let length = cursor.number(1 << (flags & 3))?;
            blocks.push((cursor.at, length));
        } else {
            if cursor.byte()? != 1 {
                return Err(Broken::new(address, "an object has a header of no known version"));
            }
            cursor.skip(7);
            let length = cursor.number(4)?;
            // The messages begin at a multiple of eight bytes.
            cursor.skip(4);
            blocks.push((cursor.at, length));
        }
        let mut next = 0;
        while let Some((start, length)) = blocks.get(next).copied() {
            next += 1;
            let end = start.checked_add(length).filter(|end| *end <= self.pages.size_bytes());
            let end = end.ok_or(Broken::new(start, "the header of an object ends beyond the file"))?;
            let block = Block { start, end, is_second: second, has_order };
            self.step(start)?;
            self.block(&block, &mut messages, &mut blocks)?;
        }
        Ok(messages)
    }

    /// The messages of one block; where more of them are is added to the blocks.
    fn block(&self, block: &Block, messages: &mut Vec<Message>, blocks: &mut Vec<(u64, u64)>) -> Result<(), Broken> {
        let prefix = match (block.is_second, block.has_order) {
            (false, _) => 8,
            (true, false) => 4,
            (true, true) => 6,
        };
        let mut cursor = self.cursor(block.start);
        // What is shorter than the prefix of a message is a gap.
        while block.end.saturating_sub(cursor.at) >= prefix {
            let start = cursor.at;
            let kind = cursor.number(if block.is_second { 1 } else { 2 })?;
            let length = cursor.number(2)?;
            let flags = cursor.byte()?;
            cursor.at = start + prefix;
            let kind = u16::try_from(kind).unwrap_or(u16::MAX);
            let message = Message { kind, is_shared: flags & 2 != 0, start: cursor.at, length };
            cursor.skip(length);
            if cursor.at > block.end {
                return Err(Broken::new(start, "a message of an object ends beyond its header"));
            }
            if kind == CONTINUATION {
                let mut place = self.cursor(message.start);
                let (mut address, mut length) = (self.offset(&mut place)?, self.length(&mut place)?);
                if block.is_second {
                    self.cursor(address).is(*b"OCHK")?;
                    // A mark before the messages and a checksum behind them.
                    address = address.saturating_add(4);
                    length = length.checked_sub(8).ok_or(Broken::new(address, "a header has a block of no length"))?;
                }
                blocks.push((address, length));
            }
            self.step(start)?;
            messages.push(message);
        }
        Ok(())
    }

    /// Elements of a dataset (IV.A.2.b).
    pub(super) fn elements(&self, message: Message) -> Result<u64, Broken> {
        let mut cursor = self.cursor(message.start);
        let (version, dimensions, _flags) = (cursor.byte()?, cursor.byte()?, cursor.byte()?);
        if dimensions > DIMENSIONS_MAX {
            return Err(Broken::new(message.start, "a dataset has too many dimensions"));
        }
        match version {
            1 => cursor.skip(5),
            2 => {
                // 2 is the null dataspace.
                if cursor.byte()? == 2 {
                    return Ok(0);
                }
            }
            _ => return Err(Broken::new(message.start, "the shape of a dataset has no known version")),
        }
        let mut elements = Some(1_u64);
        for _ in 0..dimensions {
            let extent = self.length(&mut cursor)?;
            elements = elements.and_then(|elements| elements.checked_mul(extent));
        }
        elements.ok_or(Broken::new(message.start, "a dataset is larger than any file"))
    }

    /// Where a dataset's data is (IV.A.2.i), which must be in the file.
    pub(super) fn layout(&self, message: Message) -> Result<Layout, Broken> {
        let mut cursor = self.cursor(message.start);
        let (version, class) = (cursor.byte()?, cursor.byte()?);
        match (version, class) {
            (3 | 4, 1) => {
                let (address, length) = (self.offset(&mut cursor)?, self.length(&mut cursor)?);
                let is_here = address.checked_add(length).is_some_and(|end| end <= self.pages.size_bytes());
                if !is_here && !self.is_undefined(address) {
                    return Err(Broken::new(message.start, "the data of a dataset is beyond the end of the file"));
                }
                Ok(Layout::Here)
            }
            (3 | 4, 0 | 2) => Ok(Layout::Here),
            (4, 3) => Ok(Layout::Virtual),
            // The class is the third byte of the versions before; none of them is virtual.
            (1 | 2, _) => Ok(Layout::Here),
            _ => Ok(Layout::Unknown),
        }
    }

    /// Numbers of a dataset's filters (IV.A.2.l).
    pub(super) fn filters(&self, message: Message) -> Result<Vec<u64>, Broken> {
        let mut cursor = self.cursor(message.start);
        let (version, count) = (cursor.byte()?, cursor.byte()?);
        cursor.skip(if version == 1 { 6 } else { 0 });
        let mut filters = Vec::new();
        for _ in 0..count {
            let filter = cursor.number(2)?;
            // Filters of the library have no name in the second version.
            let name = if version == 1 || filter >= 256 { cursor.number(2)? } else { 0 };
            let _flags = cursor.number(2)?;
            let values = cursor.number(2)?;
            let padding = u64::from(version == 1 && values % 2 == 1);
            cursor.skip(if version == 1 { name.next_multiple_of(8) } else { name });
            cursor.skip(4 * (values + padding));
            filters.push(filter);
        }
        Ok(filters)
    }

    /// Whether attributes are kept in a heap (IV.A.2.v).
    pub(super) fn is_dense_attributes(&self, message: Message) -> Result<bool, Broken> {
        let mut cursor = self.cursor(message.start + 1);
        let flags = cursor.byte()?;
        cursor.skip(if flags & 1 == 0 { 0 } else { 2 });
        Ok(!self.is_undefined(self.offset(&mut cursor)?))
    }

    /// Whether links are kept in a heap (IV.A.2.c).
    pub(super) fn is_dense_links(&self, message: Message) -> Result<bool, Broken> {
        let mut cursor = self.cursor(message.start + 1);
        let flags = cursor.byte()?;
        cursor.skip(if flags & 1 == 0 { 0 } else { 8 });
        Ok(!self.is_undefined(self.offset(&mut cursor)?))
    }

    /// A link (IV.A.2.g).
    pub(super) fn link(&self, message: Message) -> Result<Link, Broken> {
        let mut cursor = self.cursor(message.start + 1);
        let flags = cursor.byte()?;
        let kind = if flags & 0x08 == 0 { 0 } else { cursor.byte()? };
        cursor.skip(if flags & 0x04 == 0 { 0 } else { 8 });
        cursor.skip(if flags & 0x10 == 0 { 0 } else { 1 });
        let length = cursor.number(1 << (flags & 3))?;
        let length = usize::try_from(length).ok().filter(|length| *length <= NAME_BYTES_MAX);
        let length = length.ok_or(Broken::new(cursor.at, "a name is longer than any name"))?;
        let name = self.name(cursor.at, &self.pages.get(cursor.at, length)?)?;
        cursor.skip(length as u64);
        let target = match kind {
            0 => Target::Hard(self.offset(&mut cursor)?),
            1 => Target::Soft,
            64 => Target::External,
            _ => Target::Custom,
        };
        Ok(Link { name, target, at: message.start })
    }

    /// The entries of a group of the old form: a tree of nodes of symbols, and a heap of names (III.A.1, III.B, III.D).
    pub(super) fn symbols(&self, message: Message) -> Result<Vec<Link>, Broken> {
        let mut cursor = self.cursor(message.start);
        let (tree, heap) = (self.offset(&mut cursor)?, self.offset(&mut cursor)?);
        let mut cursor = self.cursor(heap);
        cursor.is(*b"HEAP")?;
        cursor.skip(4);
        let (length, _free) = (self.length(&mut cursor)?, self.length(&mut cursor)?);
        let names = (self.offset(&mut cursor)?, length);
        let mut links = Vec::new();
        let mut waiting = vec![(tree, LEVELS_MAX)];
        while let Some((node, levels)) = waiting.pop() {
            let mut cursor = self.cursor(node);
            if levels < LEVELS_MAX && self.pages.array::<4>(node)? == *b"SNOD" {
                self.symbol_node(node, names, &mut links)?;
                continue;
            }
            cursor.is(*b"TREE")?;
            let (kind, level, count) = (cursor.byte()?, cursor.byte()?, cursor.number(2)?);
            if kind != 0 || level >= levels {
                return Err(Broken::new(node, "the tree of a group is not one"));
            }
            // Its siblings are found from above.
            cursor.skip(2 * u64::from(self.offset_bytes));
            for _ in 0..count {
                self.step(node)?;
                let _key = self.length(&mut cursor)?;
                waiting.push((self.offset(&mut cursor)?, level));
            }
        }
        Ok(links)
    }

    fn symbol_node(&self, node: u64, names: (u64, u64), links: &mut Vec<Link>) -> Result<(), Broken> {
        let mut cursor = self.cursor(node + 4);
        cursor.skip(2);
        let count = cursor.number(2)?;
        for _ in 0..count {
            let at = cursor.at;
            self.step(at)?;
            let (name, address) = (self.offset(&mut cursor)?, self.offset(&mut cursor)?);
            // 2 says that the entry is a soft link, whose value is in the heap of names.
            let cached = cursor.number(4)?;
            cursor.skip(4 + 16);
            let target = if cached == 2 { Target::Soft } else { Target::Hard(address) };
            links.push(Link { name: self.heap_name(names, name)?, target, at });
        }
        Ok(())
    }

    /// A name in a local heap, which ends in a zero.
    fn heap_name(&self, (heap, length): (u64, u64), place: u64) -> Result<String, Broken> {
        let broken = Broken::new(heap, "a name is beyond its heap");
        let room = length.checked_sub(place).ok_or(broken)?;
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(NAME_BYTES_MAX);
        let start = heap.checked_add(place).ok_or(broken)?;
        let bytes = self.pages.get(start, room)?;
        let end = bytes.iter().position(|byte| *byte == 0).ok_or(Broken::new(start, "a name has no end"))?;
        self.name(start, bytes.get(..end).unwrap_or_default())
    }

    /// An attribute's name and value (IV.A.2.m); the value only of those that are wanted.
    pub(super) fn attribute(&self, message: Message, wanted: &[&str]) -> Result<(String, Attribute), Broken> {
        let mut cursor = self.cursor(message.start);
        let (version, flags) = (cursor.byte()?, cursor.byte()?);
        if !(1..=3).contains(&version) {
            return Err(Broken::new(message.start, "an attribute has no known version"));
        }
        let (name, kind, shape) = (cursor.number(2)?, cursor.number(2)?, cursor.number(2)?);
        cursor.skip(u64::from(version == 3));
        // The first version fills each part up to a multiple of eight bytes.
        let padded = |length: u64| if version == 1 { length.next_multiple_of(8) } else { length };
        let name_at = cursor.at;
        let kind_at = name_at + padded(name);
        let shape_at = kind_at + padded(kind);
        let data_at = shape_at + padded(shape);
        let end = message.start.saturating_add(message.length);
        let length = usize::try_from(name).unwrap_or(usize::MAX);
        if data_at > end || length > NAME_BYTES_MAX {
            return Err(Broken::new(message.start, "an attribute is longer than its message"));
        }
        let name = self.pages.get(name_at, length)?;
        let name = self.name(name_at, name.split(|byte| *byte == 0).next().unwrap_or_default())?;
        if !wanted.contains(&name.as_str()) {
            return Ok((name, Attribute::Other));
        }
        // The kind or the shape of its value may be said elsewhere.
        if version > 1 && flags & 3 != 0 {
            return Ok((name, Attribute::Other));
        }
        let shape = Message { kind: DATASPACE, is_shared: false, start: shape_at, length: shape };
        let value = match self.elements(shape)? {
            1 => self.text_value(kind_at, data_at, end)?,
            _ => None,
        };
        Ok((name, value.map_or(Attribute::Other, Attribute::Text)))
    }

    /// A single text of fixed or variable length; none where the value is something else (IV.A.2.d).
    fn text_value(&self, kind_at: u64, data_at: u64, end: u64) -> Result<Option<String>, Broken> {
        let mut cursor = self.cursor(kind_at);
        let class = cursor.byte()? & 0x0f;
        let (bits, _, _) = (cursor.byte()?, cursor.byte()?, cursor.byte()?);
        let size = cursor.number(4)?;
        let bytes = match (class, bits & 0x0f) {
            (3, _) => {
                if data_at.checked_add(size).is_none_or(|data_end| data_end > end) {
                    return Err(Broken::new(data_at, "an attribute is longer than its message"));
                }
                self.pages.get(data_at, usize::try_from(size).unwrap_or(usize::MAX))?.into_owned()
            }
            (9, 1) => {
                let mut cursor = self.cursor(data_at);
                let length = cursor.number(4)?;
                let (heap, index) = (self.offset(&mut cursor)?, cursor.number(4)?);
                self.heap_object(heap, index, length)?
            }
            _ => return Ok(None),
        };
        let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(String::from_utf8(bytes.to_vec()).ok())
    }

    /// An object of a global heap (III.E).
    fn heap_object(&self, heap: u64, wanted: u64, length: u64) -> Result<Vec<u8>, Broken> {
        let mut cursor = self.cursor(heap);
        cursor.is(*b"GCOL")?;
        cursor.skip(4);
        let size = self.length(&mut cursor)?;
        let end = heap.checked_add(size).filter(|end| *end <= self.pages.size_bytes());
        let end = end.ok_or(Broken::new(heap, "a heap ends beyond the file"))?;
        for _ in 0..HEAP_OBJECTS_MAX {
            if cursor.at >= end {
                break;
            }
            let index = cursor.number(2)?;
            cursor.skip(6);
            let size = self.length(&mut cursor)?;
            // The free space of a heap has no number, and is its last.
            if index == 0 {
                break;
            }
            if index == wanted {
                if length > size || size > TEXT_BYTES_MAX || cursor.at.saturating_add(size) > end {
                    return Err(Broken::new(cursor.at, "a text is longer than its place in the heap"));
                }
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                return Ok(self.pages.get(cursor.at, length)?.into_owned());
            }
            cursor.skip(size.checked_next_multiple_of(8).unwrap_or(u64::MAX));
        }
        Err(Broken::new(heap, "a text is not in its heap"))
    }
}

/// Messages that stand together.
struct Block {
    start: u64,
    end: u64,
    /// Whether they are of the second form of headers.
    is_second: bool,
    /// Whether each says when it was made.
    has_order: bool,
}
