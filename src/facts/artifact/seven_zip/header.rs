//! The header of a 7-Zip archive: which streams are packed where and how, and the files in them (7-Zip's `7zFormat.txt`).

use super::super::archive::{Broken, MEMBERS_MAX};

/// Bytes of a header. Names of as many members as are looked into have some mebibytes.
pub(super) const HEADER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Folders: one for each member where they were not packed together.
const FOLDERS_MAX: u64 = 50_000;

/// Coders of a folder: filters one after the other and one that compresses. 7-Zip itself uses four at most.
const CODERS_MAX: u64 = 8;

/// Bytes of what a coder is set by.
const PROPERTIES_BYTES_MAX: u64 = 1024;

const BROKEN: Broken = "its header is broken";
const TOO_MANY: Broken = "it has too many members";
const ELSEWHERE: Broken = "a part of its header is elsewhere";

const END: u64 = 0;
const HEADER: u64 = 1;
const ARCHIVE_PROPERTIES: u64 = 2;
const MAIN_STREAMS: u64 = 4;
const FILES: u64 = 5;
const PACK: u64 = 6;
const UNPACK: u64 = 7;
const SUBSTREAMS: u64 = 8;
const SIZES: u64 = 9;
const CHECKSUMS: u64 = 10;
const FOLDERS: u64 = 11;
const CODER_SIZES: u64 = 12;
const COUNTS: u64 = 13;
const EMPTY_STREAMS: u64 = 14;
const NAMES: u64 = 17;
const ATTRIBUTES: u64 = 21;
const PACKED_HEADER: u64 = 23;

/// One step of unpacking.
#[derive(Debug, Clone)]
pub(super) struct Coder {
    pub(super) method: Vec<u8>,
    pub(super) properties: Vec<u8>,
    /// Bytes that come out of it.
    pub(super) length: u64,
}

/// What is unpacked together, from one stretch of the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Folder {
    /// From the one that reads what is packed to the one that gives what is unpacked; none where they are put together in
    /// another way than one after the other.
    pub(super) coders: Option<Vec<Coder>>,
    /// Where it is packed, from the beginning of the file, and how long.
    pub(super) start: u64,
    pub(super) packed: u64,
    /// Length of what it unpacks to.
    pub(super) length: u64,
    pub(super) checksum: Option<u32>,
    /// The files in it, as lengths and checksums.
    pub(super) files: Vec<(u64, Option<u32>)>,
}

/// A file, in the order of the archive.
#[derive(Debug, Clone, Default)]
pub(super) struct File {
    /// UTF-8, whatever is none replaced.
    pub(super) name: String,
    /// Whether there is nothing in it, so that it has no part of a folder.
    pub(super) is_empty: bool,
    /// As Windows has them, with those of Unix in the upper half.
    pub(super) attributes: u32,
}

/// What a header says.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) folders: Vec<Folder>,
    pub(super) files: Vec<File>,
    /// Where streams are packed: beginnings and lengths.
    pub(super) streams: Vec<(u64, u64)>,
}

/// What a header is: one, or where one is packed.
pub(super) enum Parsed {
    Header(Header),
    Packed(Header),
}

/// Reads a header. `origin` is where places in the file are counted from.
pub(super) fn parse(bytes: &[u8], origin: u64) -> Result<Parsed, Broken> {
    let mut reader = Reader { rest: bytes };
    let mut header = Header::default();
    match reader.number()? {
        PACKED_HEADER => {
            reader.streams(&mut header, origin)?;
            return Ok(Parsed::Packed(header));
        }
        HEADER => {}
        _ => return Err(BROKEN),
    }
    loop {
        match reader.number()? {
            END => break,
            ARCHIVE_PROPERTIES => {
                while reader.number()? != END {
                    reader.passed()?;
                }
            }
            MAIN_STREAMS => reader.streams(&mut header, origin)?,
            FILES => reader.files(&mut header)?,
            _ => return Err("its header says things that are not known"),
        }
    }
    if reader.rest.is_empty() { Ok(Parsed::Header(header)) } else { Err(BROKEN) }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: u64) -> Result<&'a [u8], Broken> {
        let length = usize::try_from(length).map_err(|_| BROKEN)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(BROKEN)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Broken> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(BROKEN)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Broken> {
        self.array().map(|[byte]| byte)
    }

    /// A number in one to nine bytes: the leading ones of the first say how many follow, least significant first, and its
    /// other bits are the most significant.
    fn number(&mut self) -> Result<u64, Broken> {
        let first = self.byte()?;
        let more = first.leading_ones();
        let low = self.take(u64::from(more))?.iter().rev().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        let mask = 0x7f_u8.checked_shr(more).unwrap_or_default();
        let high = u64::from(first & mask).checked_shl(8 * more).unwrap_or_default();
        Ok(high | low)
    }

    fn count(&mut self, most: u64, why: Broken) -> Result<usize, Broken> {
        let count = self.number()?;
        if count > most { Err(why) } else { usize::try_from(count).map_err(|_| why) }
    }

    fn expect(&mut self, id: u64) -> Result<(), Broken> {
        if self.number()? == id { Ok(()) } else { Err(BROKEN) }
    }

    /// Passes over what stands behind its own length.
    fn passed(&mut self) -> Result<(), Broken> {
        let length = self.number()?;
        self.take(length).map(drop)
    }

    /// A bit each, most significant first.
    fn bits(&mut self, count: usize) -> Result<Vec<bool>, Broken> {
        let bytes = self.take(count.div_ceil(8) as u64)?;
        let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) != 0));
        Ok(bits.take(count).collect())
    }

    /// The same behind a byte that says whether it is all of them.
    fn bits_or_all(&mut self, count: usize) -> Result<Vec<bool>, Broken> {
        if self.byte()? == 0 { self.bits(count) } else { Ok(vec![true; count]) }
    }

    fn checksums(&mut self, count: usize) -> Result<Vec<Option<u32>>, Broken> {
        let bits = self.bits_or_all(count)?;
        let checksum = |is_there: bool| is_there.then(|| self.array().map(u32::from_le_bytes)).transpose();
        bits.into_iter().map(checksum).collect()
    }

    fn streams(&mut self, header: &mut Header, origin: u64) -> Result<(), Broken> {
        let (mut streams, mut needed) = (Vec::new(), Vec::new());
        let mut has_files = false;
        loop {
            match self.number()? {
                END => break,
                PACK => streams = self.packed(origin)?,
                UNPACK => (header.folders, needed) = self.folders()?,
                SUBSTREAMS => {
                    has_files = true;
                    self.substreams(&mut header.folders)?;
                }
                _ => return Err(BROKEN),
            }
        }
        let mut rest = streams.iter();
        for (folder, needed) in header.folders.iter_mut().zip(needed) {
            for index in 0..needed {
                let (start, length) = rest.next().ok_or(BROKEN)?;
                if index == 0 {
                    (folder.start, folder.packed) = (*start, *length);
                }
            }
            if !has_files {
                folder.files = vec![(folder.length, folder.checksum)];
            }
        }
        if rest.next().is_some() {
            return Err("it has streams that belong to no member");
        }
        header.streams = streams;
        Ok(())
    }

    /// Where streams are packed.
    fn packed(&mut self, origin: u64) -> Result<Vec<(u64, u64)>, Broken> {
        let mut start = self.number()?.checked_add(origin).ok_or(BROKEN)?;
        let count = self.count(MEMBERS_MAX, TOO_MANY)?;
        let mut streams = Vec::new();
        loop {
            match self.number()? {
                END => break,
                SIZES => {
                    for _ in 0..count {
                        let length = self.number()?;
                        streams.push((start, length));
                        start = start.checked_add(length).ok_or(BROKEN)?;
                    }
                }
                CHECKSUMS => drop(self.checksums(count)?),
                _ => return Err(BROKEN),
            }
        }
        if streams.len() == count { Ok(streams) } else { Err(BROKEN) }
    }

    /// The folders, and how many packed streams each of them reads.
    fn folders(&mut self) -> Result<(Vec<Folder>, Vec<usize>), Broken> {
        self.expect(FOLDERS)?;
        let count = self.count(FOLDERS_MAX, TOO_MANY)?;
        if self.byte()? != 0 {
            return Err(ELSEWHERE);
        }
        let mut described = Vec::new();
        for _ in 0..count {
            described.push(self.folder()?);
        }
        self.expect(CODER_SIZES)?;
        let (mut folders, mut needed) = (Vec::new(), Vec::new());
        for described in described {
            let lengths: Vec<u64> = (0..described.outputs).map(|_| self.number()).collect::<Result<_, _>>()?;
            let length = described.last.and_then(|last| lengths.get(last).copied()).ok_or(BROKEN)?;
            let coders = described.order.map(|order| {
                let coder = |index: usize| {
                    let coder = described.coders.get(index)?;
                    Some(Coder { length: *lengths.get(index)?, ..coder.clone() })
                };
                order.into_iter().filter_map(coder).collect()
            });
            folders.push(Folder { coders, length, ..Folder::default() });
            needed.push(described.packed);
        }
        match self.number()? {
            END => return Ok((folders, needed)),
            CHECKSUMS => {
                let checksums = self.checksums(count)?;
                folders.iter_mut().zip(checksums).for_each(|(folder, checksum)| folder.checksum = checksum);
            }
            _ => return Err(BROKEN),
        }
        self.expect(END)?;
        Ok((folders, needed))
    }

    fn folder(&mut self) -> Result<Described, Broken> {
        let count = self.count(CODERS_MAX, BROKEN)?;
        let (mut coders, mut inputs, mut outputs) = (Vec::new(), 0_u64, 0_u64);
        for _ in 0..count {
            let flags = self.byte()?;
            let method = self.take(u64::from(flags & 0x0f))?.to_vec();
            let (ins, outs) = if flags & 0x10 == 0 { (1, 1) } else { (self.number()?, self.number()?) };
            if ins > CODERS_MAX || outs > CODERS_MAX || flags & 0x80 != 0 {
                return Err(BROKEN);
            }
            (inputs, outputs) = (inputs + ins, outputs + outs);
            let length = if flags & 0x20 == 0 { 0 } else { self.number()? };
            if length > PROPERTIES_BYTES_MAX {
                return Err(BROKEN);
            }
            coders.push(Coder { method, properties: self.take(length)?.to_vec(), length: 0 });
        }
        let bound = outputs.checked_sub(1).ok_or(BROKEN)?;
        let pairs: Vec<(u64, u64)> =
            (0..bound).map(|_| Ok((self.number()?, self.number()?))).collect::<Result<_, Broken>>()?;
        let packed = inputs.checked_sub(bound).filter(|packed| *packed > 0).ok_or(BROKEN)?;
        if packed > 1 {
            for _ in 0..packed {
                self.number()?;
            }
        }
        // The output that nobody takes is the last.
        let mut last = (0..outputs).filter(|output| pairs.iter().all(|(_, from)| from != output));
        let last = (last.next(), last.next());
        let (Some(last), None) = last else { return Err(BROKEN) };
        let is_simple = inputs == count as u64 && outputs == count as u64;
        let order = if is_simple { Some(in_order(last, &pairs, count)?) } else { None };
        let packed = usize::try_from(packed).map_err(|_| BROKEN)?;
        Ok(Described { coders, outputs, order, packed, last: usize::try_from(last).ok() })
    }

    /// The files in each folder.
    fn substreams(&mut self, folders: &mut [Folder]) -> Result<(), Broken> {
        let mut counts = vec![1; folders.len()];
        let mut id = self.number()?;
        if id == COUNTS {
            let mut total = 0;
            for count in &mut counts {
                *count = self.count(MEMBERS_MAX, TOO_MANY)?;
                total += *count as u64;
                if total > MEMBERS_MAX {
                    return Err(TOO_MANY);
                }
            }
            id = self.number()?;
        }
        let has_sizes = id == SIZES;
        for (folder, count) in folders.iter_mut().zip(&counts) {
            let mut left = folder.length;
            for index in 0..*count {
                // The last has what is left.
                let length = if index + 1 == *count {
                    left
                } else if has_sizes {
                    self.number()?
                } else {
                    return Err(BROKEN);
                };
                left = left.checked_sub(length).ok_or(BROKEN)?;
                folder.files.push((length, None));
            }
        }
        if has_sizes {
            id = self.number()?;
        }
        if id == CHECKSUMS {
            let is_known = |folder: &Folder| folder.files.len() == 1 && folder.checksum.is_some();
            let unknown = folders.iter().filter(|folder| !is_known(folder)).map(|folder| folder.files.len()).sum();
            let mut checksums = self.checksums(unknown)?.into_iter();
            for folder in folders.iter_mut() {
                let known = folder.checksum.filter(|_| is_known(folder));
                for (_, checksum) in &mut folder.files {
                    *checksum = known.or_else(|| checksums.next().flatten());
                }
            }
            id = self.number()?;
        }
        if id == END { Ok(()) } else { Err(BROKEN) }
    }

    fn files(&mut self, header: &mut Header) -> Result<(), Broken> {
        let count = self.count(MEMBERS_MAX, TOO_MANY)?;
        header.files = vec![File::default(); count];
        loop {
            let id = self.number()?;
            if id == END {
                return Ok(());
            }
            let length = self.number()?;
            let mut part = Reader { rest: self.take(length)? };
            match id {
                EMPTY_STREAMS => {
                    let bits = part.bits(count)?;
                    header.files.iter_mut().zip(bits).for_each(|(file, is_empty)| file.is_empty = is_empty);
                }
                NAMES => part.names(&mut header.files)?,
                ATTRIBUTES => part.attributes(&mut header.files)?,
                _ => {}
            }
        }
    }

    /// UTF-16, each ending with a zero.
    fn names(&mut self, files: &mut [File]) -> Result<(), Broken> {
        if self.byte()? != 0 {
            return Err(ELSEWHERE);
        }
        for file in files {
            let mut name = Vec::new();
            loop {
                match u16::from_le_bytes(self.array()?) {
                    0 => break,
                    unit => name.push(unit),
                }
            }
            file.name = String::from_utf16_lossy(&name);
        }
        Ok(())
    }

    fn attributes(&mut self, files: &mut [File]) -> Result<(), Broken> {
        let bits = self.bits_or_all(files.len())?;
        if self.byte()? != 0 {
            return Err(ELSEWHERE);
        }
        for (file, _) in files.iter_mut().zip(bits).filter(|(_, is_there)| *is_there) {
            file.attributes = u32::from_le_bytes(self.array()?);
        }
        Ok(())
    }
}

/// A folder before its lengths are known.
struct Described {
    coders: Vec<Coder>,
    outputs: u64,
    order: Option<Vec<usize>>,
    packed: usize,
    last: Option<usize>,
}

/// The coders from the one that reads to the one that gives, each bound to the next.
fn in_order(last: u64, pairs: &[(u64, u64)], count: usize) -> Result<Vec<usize>, Broken> {
    let mut order = vec![last];
    while let Some((_, from)) = pairs.iter().find(|(input, _)| Some(input) == order.last()) {
        if order.len() >= count {
            return Err(BROKEN);
        }
        order.push(*from);
    }
    if order.len() != count {
        return Err(BROKEN);
    }
    order.iter().rev().map(|index| usize::try_from(*index).map_err(|_| BROKEN)).collect()
}
