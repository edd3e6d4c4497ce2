//! What unpacks: each reads packed bytes from their beginning and gives what they unpack to, streams one after the other
//! where readers take them for one file. None needs more memory than its window, and none has a larger window than
//! [`WINDOW_BYTES_MAX`].

use std::io::{self, BufRead, Read};

use bzip2::bufread::{BzDecoder, MultiBzDecoder};
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use lz4_flex::frame::FrameDecoder;
use lzma_rust2::{Lzma2Reader, LzmaReader, XzReader};

use super::super::content::Pieces;

/// How far back what was unpacked may be repeated: the dictionary of `xz -9`, and half of what `zstd --ultra -22` takes.
const WINDOW_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// The same in the units of LZMA, with what its tables need.
const LZMA_KIBIBYTES_MAX: u32 = WINDOW_BYTES_MAX / 1024 + 8 * 1024;

/// Unpacks what it reads.
pub(in super::super) type Decoder<'a> = Box<dyn Read + 'a>;

/// RFC 1951, as members of zip archives are packed.
pub(in super::super) fn deflate(packed: Pieces<'_>) -> Decoder<'_> {
    Box::new(DeflateDecoder::new(packed))
}

/// RFC 1952.
pub(super) fn gzip(packed: Pieces<'_>) -> Decoder<'_> {
    Box::new(MultiGzDecoder::new(packed))
}

/// RFC 1950.
pub(super) fn zlib(packed: Pieces<'_>) -> Decoder<'_> {
    Box::new(ZlibStreams(ZlibDecoder::new(packed)))
}

/// One stream of bzip2, as members of archives are packed.
pub(in super::super) fn bzip2_once(packed: Pieces<'_>) -> Decoder<'_> {
    Box::new(BzDecoder::new(packed))
}

/// A file of bzip2.
pub(in super::super) fn bzip2(packed: Pieces<'_>) -> Decoder<'_> {
    Box::new(MultiBzDecoder::new(packed))
}

/// A file of xz.
pub(in super::super) fn xz(packed: Pieces<'_>) -> Decoder<'_> {
    Box::new(XzReader::new_mem_limit(packed, true, LZMA_KIBIBYTES_MAX))
}

/// A file of LZMA, with the header of LZMA SDK's `lzma.txt`.
pub(super) fn lzma(packed: Pieces<'_>) -> io::Result<Decoder<'_>> {
    Ok(Box::new(LzmaAlone(Some(LzmaReader::new_mem_limit(packed, LZMA_KIBIBYTES_MAX, None)?))))
}

/// A stream of LZMA whose properties stand elsewhere: one byte, and four of the window. The length that it unpacks to is
/// all ones where it ends with a mark.
pub(in super::super) fn lzma_raw<'a>(
    packed: impl Read + 'a,
    properties: [u8; 5],
    length: u64,
) -> io::Result<Decoder<'a>> {
    let [properties, window @ ..] = properties;
    let window = u32::from_le_bytes(window);
    if window > WINDOW_BYTES_MAX {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    Ok(Box::new(LzmaReader::new_with_props(packed, length, properties, window, None)?))
}

/// A stream of LZMA2 whose window stands elsewhere.
pub(in super::super) fn lzma2_raw<'a>(packed: impl Read + 'a, window: u32) -> io::Result<Decoder<'a>> {
    Ok(Box::new(Lzma2Reader::new_mem_limit(packed, window, LZMA_KIBIBYTES_MAX, None)?))
}

/// RFC 8878.
pub(in super::super) fn zstandard(packed: Pieces<'_>) -> io::Result<Decoder<'_>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
    decoder.window_log_max(WINDOW_BYTES_MAX.ilog2())?;
    Ok(Box::new(decoder))
}

/// The frame format of LZ4.
pub(super) fn lz4(packed: Pieces<'_>) -> Decoder<'_> {
    Box::new(Lz4Frames(FrameDecoder::new(packed)))
}

/// What is packed of something else: the error that follows.
fn trailing() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "something else follows")
}

/// Streams of zlib one after the other, which joblib and Python's `zlib` objects take for one.
struct ZlibStreams<'a>(ZlibDecoder<Pieces<'a>>);

impl Read for ZlibStreams<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.0.read(buffer)?;
            if count > 0 || buffer.is_empty() || self.0.get_mut().fill_buf()?.is_empty() {
                return Ok(count);
            }
            // Every stream takes two bytes at least, so that this ends.
            let before = self.0.total_in();
            let rest = std::mem::replace(self.0.get_mut(), Pieces::empty());
            if before == 0 {
                return Err(trailing());
            }
            self.0 = ZlibDecoder::new(rest);
        }
    }
}

/// A file of LZMA, which nothing may follow: readers disagree about what does.
struct LzmaAlone<'a>(Option<LzmaReader<Pieces<'a>>>);

impl Read for LzmaAlone<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(reader) = &mut self.0 else { return Ok(0) };
        let count = reader.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            let Some((mut rest, unused)) = self.0.take().map(LzmaReader::into_parts) else { return Ok(0) };
            if !unused.is_empty() || !rest.fill_buf()?.is_empty() {
                return Err(trailing());
            }
        }
        Ok(count)
    }
}

/// Frames of LZ4 one after the other.
struct Lz4Frames<'a>(FrameDecoder<Pieces<'a>>);

impl Read for Lz4Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let before = self.0.get_ref().left();
            let count = self.0.read(buffer)?;
            let after = self.0.get_ref().left();
            if count > 0 || buffer.is_empty() || after == 0 {
                return Ok(count);
            }
            if before == after {
                return Err(trailing());
            }
        }
    }
}
