//! Archives for tests, written field by field so that each can be made wrong.

use std::io::Read as _;

/// One member, with what its headers say of it.
#[derive(Debug, Clone)]
pub(in super::super) struct Entry {
    pub(in super::super) name: Vec<u8>,
    pub(in super::super) flags: u16,
    pub(in super::super) method: u16,
    pub(in super::super) crc: u32,
    pub(in super::super) packed: Vec<u8>,
    pub(in super::super) unpacked_bytes: u64,
    /// Whether the sizes stand in the extra fields of the Zip64 form.
    pub(in super::super) is_wide: bool,
}

impl Entry {
    pub(in super::super) fn stored(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            flags: 0,
            method: 0,
            crc: crc32fast::hash(content),
            packed: content.to_vec(),
            unpacked_bytes: content.len() as u64,
            is_wide: false,
        }
    }

    pub(in super::super) fn deflated(name: &str, content: &[u8]) -> Self {
        let mut packed = Vec::new();
        let mut encoder = flate2::read::DeflateEncoder::new(content, flate2::Compression::best());
        encoder.read_to_end(&mut packed).unwrap();
        Self { method: 8, packed, ..Self::stored(name, content) }
    }

    fn sizes(&self) -> (Vec<u8>, Vec<u8>) {
        let (packed, unpacked) = (self.packed.len() as u64, self.unpacked_bytes);
        if self.is_wide {
            let extra = [&[1, 0, 16, 0], &unpacked.to_le_bytes()[..], &packed.to_le_bytes()].concat();
            return (vec![0xff; 8], extra);
        }
        ([(packed as u32).to_le_bytes(), (unpacked as u32).to_le_bytes()].concat(), Vec::new())
    }

    /// Local header and content, and what follows it when the flags say so.
    fn local(&self) -> Vec<u8> {
        let (sizes, extra) = self.sizes();
        let is_described_behind = self.flags & 8 != 0;
        let (crc, sizes, extra) =
            if is_described_behind { (0, vec![0; 8], Vec::new()) } else { (self.crc, sizes, extra) };
        let mut bytes = b"PK\x03\x04\x14\0".to_vec();
        bytes.extend([self.flags.to_le_bytes(), self.method.to_le_bytes()].concat());
        bytes.extend([&[0; 4], &crc.to_le_bytes()[..], &sizes].concat());
        bytes.extend([(self.name.len() as u16).to_le_bytes(), (extra.len() as u16).to_le_bytes()].concat());
        bytes.extend([&self.name[..], &extra, &self.packed].concat());
        if is_described_behind {
            bytes.extend([&b"PK\x07\x08"[..], &self.crc.to_le_bytes()].concat());
            let (packed, unpacked) = (self.packed.len() as u64, self.unpacked_bytes);
            if self.is_wide {
                bytes.extend([packed.to_le_bytes(), unpacked.to_le_bytes()].concat());
            } else {
                bytes.extend([(packed as u32).to_le_bytes(), (unpacked as u32).to_le_bytes()].concat());
            }
        }
        bytes
    }

    fn central(&self, offset: u64) -> Vec<u8> {
        let (sizes, extra) = self.sizes();
        let mut bytes = b"PK\x01\x02\x14\0\x14\0".to_vec();
        bytes.extend([self.flags.to_le_bytes(), self.method.to_le_bytes()].concat());
        bytes.extend([&[0; 4], &self.crc.to_le_bytes()[..], &sizes].concat());
        bytes.extend([(self.name.len() as u16).to_le_bytes(), (extra.len() as u16).to_le_bytes()].concat());
        bytes.extend([&[0; 10][..], &(offset as u32).to_le_bytes(), &self.name, &extra].concat());
        bytes
    }
}

/// An archive with these members, in the usual form.
pub(in super::super) fn archive(entries: &[Entry]) -> Vec<u8> {
    let (mut bytes, directory) = body(entries);
    let start = bytes.len() as u32;
    bytes.extend(&directory);
    let count = (entries.len() as u16).to_le_bytes();
    bytes.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count].concat());
    bytes.extend([&(directory.len() as u32).to_le_bytes()[..], &start.to_le_bytes(), &[0; 2]].concat());
    bytes
}

/// An archive with these members, in the Zip64 form.
pub(in super::super) fn archive_64(entries: &[Entry]) -> Vec<u8> {
    let (mut bytes, directory) = body(entries);
    let start = (bytes.len() as u64).to_le_bytes();
    bytes.extend(&directory);
    let end = (bytes.len() as u64).to_le_bytes();
    let count = (entries.len() as u64).to_le_bytes();
    bytes.extend([&b"PK\x06\x06"[..], &44_u64.to_le_bytes(), &[45, 0, 45, 0], &[0; 8], &count, &count].concat());
    bytes.extend([(directory.len() as u64).to_le_bytes(), start].concat());
    bytes.extend([&b"PK\x06\x07\0\0\0\0"[..], &end, &1_u32.to_le_bytes()].concat());
    bytes.extend([&b"PK\x05\x06\0\0\0\0"[..], &[0xff; 12], &[0; 2]].concat());
    bytes
}

fn body(entries: &[Entry]) -> (Vec<u8>, Vec<u8>) {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        directory.extend(entry.central(bytes.len() as u64));
        bytes.extend(entry.local());
    }
    (bytes, directory)
}
