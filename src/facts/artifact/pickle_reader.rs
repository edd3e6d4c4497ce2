//! The bytes of a pickle, one after the other. What is only passed over is not touched, so that a file of any
//! size needs a window of it in memory, and a file that lies about its lengths needs no more.

use std::borrow::Cow;

use super::content::{Content, PAGE_BYTES};
use super::pickle_machine::Broken;

/// Length of a text that is kept: names of modules and classes. Python's own longest has some sixty.
pub(super) const NAME_BYTES_MAX: u16 = 1_000;

/// Where a short text is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text {
    offset: u64,
    length: u16,
}

impl Text {
    /// A text, unless it is longer than names are.
    pub(super) fn short(offset: u64, length: u64) -> Option<Self> {
        let length = u16::try_from(length).ok().filter(|length| *length <= NAME_BYTES_MAX)?;
        Some(Self { offset, length })
    }
}

pub(super) struct Reader<'a> {
    pub(super) content: Content<'a>,
    pub(super) position: u64,
    /// Whether the walk came to a part of the file that cannot be looked at: only its beginning is there.
    pub(super) is_cut: bool,
    window: Cow<'a, [u8]>,
    window_start: u64,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(content: Content<'a>, position: u64) -> Self {
        // The beginning of the file is in memory already.
        Self { content, position, is_cut: false, window: Cow::Borrowed(content.bytes), window_start: 0 }
    }

    /// `length` bytes at `offset`, which fit into a window.
    fn bytes(&mut self, offset: u64, length: usize) -> Result<&[u8], Broken> {
        if self.held(offset, length).is_none() {
            let left = self.content.size_bytes.checked_sub(offset).ok_or("the file ends too early")?;
            let wanted = usize::try_from(PAGE_BYTES.min(left)).map_err(|_| "the file ends too early")?;
            if wanted < length {
                return Err("the file ends too early");
            }
            let Some(window) = self.content.at(offset, wanted) else {
                self.is_cut = true;
                return Err("the file cannot be read further");
            };
            (self.window, self.window_start) = (window, offset);
        }
        self.held(offset, length).ok_or("the file ends too early")
    }

    fn held(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.window_start)?).ok()?;
        self.window.get(start..start.checked_add(length)?)
    }

    pub(super) fn text(&mut self, text: Text) -> Result<&[u8], Broken> {
        self.bytes(text.offset, usize::from(text.length))
    }

    /// The next bytes, which are read.
    pub(super) fn take<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Broken> {
        let position = self.position;
        let taken = self.bytes(position, LENGTH)?.try_into().map_err(|_| "the file ends too early")?;
        self.position += LENGTH as u64;
        Ok(taken)
    }

    /// Passes over bytes, and says where they are.
    pub(super) fn skip(&mut self, length: u64) -> Result<u64, Broken> {
        let start = self.position;
        let end = start.checked_add(length).ok_or("a length is beyond the file")?;
        if end > self.content.size_bytes {
            return Err("the file ends too early");
        }
        self.position = end;
        Ok(start)
    }

    /// Passes over bytes behind a little-endian length of `WIDTH` bytes, and says where they are and how many.
    pub(super) fn counted<const WIDTH: usize>(&mut self) -> Result<(u64, u64), Broken> {
        let width: [u8; WIDTH] = self.take()?;
        let length = width.iter().rev().fold(0, |length, byte| (length << 8) | u64::from(*byte));
        Ok((self.skip(length)?, length))
    }

    /// Passes over a line and its end, and says where it is and how long without its end.
    pub(super) fn line(&mut self) -> Result<(u64, u64), Broken> {
        let start = self.position;
        let mut position = start;
        loop {
            self.bytes(position, 1).map_err(|_| "a line does not end")?;
            let from = usize::try_from(position - self.window_start).map_err(|_| "a line does not end")?;
            let rest = self.window.get(from..).unwrap_or_default();
            if let Some(length) = rest.iter().position(|byte| *byte == b'\n') {
                self.position = position + length as u64 + 1;
                return Ok((start, self.position - start - 1));
            }
            position += rest.len() as u64;
        }
    }

    /// A line that is kept: one that is longer than names are is none.
    pub(super) fn short_line(&mut self) -> Result<Option<Text>, Broken> {
        let (offset, length) = self.line()?;
        Ok(Text::short(offset, length))
    }

    /// As many of the next bytes as there are, up to so many, without reading them.
    pub(super) fn peek(&mut self, length: usize) -> &[u8] {
        let left = self.content.size_bytes.saturating_sub(self.position);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(length);
        self.bytes(self.position, length).unwrap_or_default()
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.position >= self.content.size_bytes
    }
}
