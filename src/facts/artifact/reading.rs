//! Reading a file once: its bytes are hashed as they go by, and its beginning is kept for the inspectors.

use std::fs::File;

use sha2::{Digest as _, Sha256};

use super::FileInput;
use super::content::{Content, LookAhead, PAGE_BYTES, read_at};
use crate::digest::Sha256Digest;
use crate::document::{special, unreadable};
use crate::problem::Problem;

/// Bytes that are read at a time, a whole number of pages: few calls, and still in the processor's cache when they are
/// hashed. A second thread that reads ahead would take a processor from the next file.
const BLOCK_BYTES: usize = 4 * PAGE_BYTES as usize;

/// A file that is open, whose beginning was read.
pub(super) struct Reading<'a> {
    input: FileInput<'a>,
    file: File,
    size_bytes: u64,
    beginning: &'a [u8],
    /// Of the beginning.
    hasher: Sha256,
}

impl<'a> Reading<'a> {
    /// Opens a file and reads its beginning into `memory`: `beginning_bytes`, a whole number of pages, or all of a
    /// shorter file. Memory that was used before costs less than new one.
    ///
    /// # Errors
    /// The file is absent, a directory, a pipe or device, or cannot be read.
    pub(super) fn open(input: FileInput<'a>, beginning_bytes: usize, memory: &'a mut Vec<u8>) -> Result<Self, Problem> {
        let problem = |error: std::io::Error| unreadable(input.path, &error);
        // Looked at before it is opened: opening a named pipe waits for a writer for ever.
        let metadata = std::fs::metadata(input.absolute).map_err(problem)?;
        if metadata.is_dir() {
            let message = format!("`{}` is a directory", input.path);
            return Err(Problem::new("directory-for-file", message).hint("name the file in it"));
        }
        if !metadata.is_file() {
            return Err(special(input.path));
        }
        let file = File::open(input.absolute).map_err(problem)?;
        let size_bytes = file.metadata().map_err(problem)?.len();
        let kept = usize::try_from(size_bytes).unwrap_or(usize::MAX).min(beginning_bytes);
        if memory.capacity() < kept {
            // Nothing of the old is worth a copy, and new memory is empty without being written.
            *memory = vec![0; kept];
        }
        memory.resize(kept, 0);
        let (mut hasher, mut position) = (Sha256::new(), 0);
        for block in memory.chunks_mut(BLOCK_BYTES) {
            if fill(&file, block, position).map_err(problem)? < block.len() {
                return Err(changed(input.path));
            }
            hasher.update(&*block);
            position += block.len() as u64;
        }
        Ok(Self { input, file, size_bytes, beginning: memory, hasher })
    }

    /// Lets `inspect` look at the file, then hashes the rest of it.
    ///
    /// # Errors
    /// The file cannot be read to its end, or is not what was inspected any more.
    pub(super) fn inspect<T>(self, inspect: impl FnOnce(Content<'_>) -> T) -> Result<(T, Sha256Digest, u64), Problem> {
        let ahead = LookAhead::new(&self.file, self.size_bytes);
        let is_whole = self.beginning.len() as u64 == self.size_bytes;
        let content = Content { ahead: (!is_whole).then_some(&ahead), ..Content::of(self.beginning, self.size_bytes) };
        let found = inspect(content);
        if ahead.has_failed() {
            return Err(changed(self.input.path));
        }
        let mut hasher = self.hasher.clone();
        self.hash_rest(&mut hasher, &ahead)?;
        Ok((found, Sha256Digest::from_bytes(hasher.finalize().into()), self.size_bytes))
    }

    /// Hashes what follows the beginning, to the end that the file has by now.
    fn hash_rest(&self, hasher: &mut Sha256, ahead: &LookAhead<'_>) -> Result<(), Problem> {
        let mut position = self.beginning.len() as u64;
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            let filled = fill(&self.file, &mut block, position).map_err(|error| unreadable(self.input.path, &error))?;
            block.truncate(filled);
            hasher.update(&block);
            for (page, number) in block.chunks(PAGE_BYTES as usize).zip(position / PAGE_BYTES..) {
                if !ahead.is_unused() && !ahead.agrees(number, page) {
                    return Err(changed(self.input.path));
                }
            }
            position += filled as u64;
            if filled < BLOCK_BYTES {
                return if position == self.size_bytes { Ok(()) } else { Err(changed(self.input.path)) };
            }
        }
    }
}

/// Reads until the block is full or the file ends.
fn fill(file: &File, block: &mut [u8], position: u64) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = block.get_mut(filled..).filter(|room| !room.is_empty()) {
        match read_at(file, room, position + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// A file that somebody writes is no evidence.
fn changed(path: &str) -> Problem {
    Problem::new("file-changed", format!("`{path}` changed while it was read"))
        .hint("run the gate when nothing writes to the release")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::path::Path;

    use super::*;
    use crate::manifest::raw::ArtifactRole;

    const PAGE: usize = PAGE_BYTES as usize;

    fn open<'a>(path: &'a Path, memory: &'a mut Vec<u8>) -> Reading<'a> {
        Reading::open(FileInput { path: "model.bin", absolute: path, role: ArtifactRole::Model }, PAGE, memory).unwrap()
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index * 31 + index / 251) as u8).collect()
    }

    #[test]
    fn any_part_of_a_file_can_be_looked_at_and_all_of_it_is_hashed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.bin");
        // One piece of memory for all: what is left in it of a longer file is not of the next.
        let mut memory = bytes(2 * PAGE);
        for length in [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 17, BLOCK_BYTES + PAGE, 2 * BLOCK_BYTES + PAGE + 5] {
            let all = bytes(length);
            std::fs::write(&path, &all).unwrap();
            let look = |content: Content<'_>| {
                assert_eq!(content.is_whole(), length <= PAGE);
                for (offset, count) in [(0, 0), (0, length), (length / 2, length / 3), (length, 0)] {
                    let part = content.at(offset as u64, count).unwrap();
                    assert_eq!(part, &all[offset..offset + count], "{length} {offset} {count}");
                }
                assert!(content.at(length as u64, 1).is_none());
                assert!(content.at(u64::MAX, 1).is_none());
                assert!(content.at(0, usize::MAX).is_none());
            };
            let ((), digest, size_bytes) = open(&path, &mut memory).inspect(look).unwrap();
            assert_eq!((digest, size_bytes), (Sha256Digest::of(&all), length as u64), "{length}");
        }
    }

    #[test]
    fn a_file_that_changes_behind_a_look_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.bin");
        let code = |reading: Reading<'_>, look: &dyn Fn(Content<'_>)| {
            reading.inspect(look).map(|_| ()).map_err(|problem| problem.code.to_owned())
        };
        let refused = Err("file-changed".to_owned());
        let all = bytes(20 * PAGE);
        let swap = |content: Content<'_>| {
            content.at(3 * PAGE_BYTES + 7, 9).unwrap();
            let mut other = all.clone();
            other[3 * PAGE] ^= 1;
            std::fs::write(&path, &other).unwrap();
        };
        std::fs::write(&path, &all).unwrap();
        assert_eq!(code(open(&path, &mut Vec::new()), &swap), refused);
        // What was not looked at may have been anything: only the digest speaks of it.
        std::fs::write(&path, &all).unwrap();
        assert_eq!(code(open(&path, &mut Vec::new()), &|_| std::fs::write(&path, bytes(20 * PAGE)).unwrap()), Ok(()));
        // Two looks at a page that changed in between, others between them, and a page that is there no more.
        let twice = |content: Content<'_>| {
            swap(content);
            for page in 4..20 {
                content.at(page * PAGE_BYTES, 1).unwrap();
            }
            assert!(content.at(3 * PAGE_BYTES, 1).is_none());
        };
        std::fs::write(&path, &all).unwrap();
        assert_eq!(code(open(&path, &mut Vec::new()), &twice), refused);
        std::fs::write(&path, &all).unwrap();
        let cut = |_: Content<'_>| std::fs::write(&path, &all[..4 * PAGE]).unwrap();
        assert_eq!(code(open(&path, &mut Vec::new()), &cut), refused);
        let grow = |_: Content<'_>| {
            std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap();
        };
        for length in [PAGE / 2, 4 * PAGE] {
            std::fs::write(&path, &all[..length]).unwrap();
            assert_eq!(code(open(&path, &mut Vec::new()), &grow), refused, "{length}");
        }
    }
}
