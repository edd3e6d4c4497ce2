//! Facts of large files that were inspected before, on a person's own machine.
//!
//! A file is taken for the same as long as its path, size, inode and times of change are. Whoever wants to can make two
//! files alike in all of them, so that pipelines do not use this by default.

use std::fs::{self, Metadata};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use super::together::Inspected;
use super::{ArtifactFacts, FileInput};
use crate::digest::Sha256Digest;

/// Files below this are read faster than they are worth a file in the cache.
const CACHED_BYTES_MIN: u64 = 16 * 1024 * 1024;

/// Longer than the clocks of file systems go without a tick: what changed so lately may change again unnoticed.
const SETTLED: Duration = Duration::from_secs(3);

/// A directory with the facts of files that were inspected before.
#[derive(Debug, Clone)]
pub struct Cache {
    /// The directory, which is this user's own.
    pub directory: PathBuf,
    /// The program that inspects: what another one found out may be less.
    pub program: Option<PathBuf>,
    /// The time by which a file must have settled.
    pub now: SystemTime,
}

impl Cache {
    /// What was found out about a file when it was what it is now.
    pub(super) fn find(&self, input: FileInput<'_>) -> Option<Inspected> {
        let text = fs::read(self.entry(input)?).ok()?;
        let Inspected { facts, inside } = serde_json::from_slice(&text).ok()?;
        // The same file in another release, or as something else in it.
        let file = super::FileFacts { path: input.path.to_owned(), ..facts.file };
        Some(Inspected { facts: ArtifactFacts { file, role: input.role, ..facts }, inside })
    }

    /// Keeps what was found out about a file, unless it was changed a moment ago. `before` is where it would have been
    /// kept before it was read. A cache that cannot be written to is none.
    pub(super) fn keep(&self, input: FileInput<'_>, before: Option<&Path>, file: &Inspected) {
        let Some(path) = self.entry(input).filter(|path| Some(path.as_path()) == before) else { return };
        let write = || -> Option<()> {
            fs::create_dir_all(&self.directory).ok()?;
            let mut entry = tempfile::NamedTempFile::new_in(&self.directory).ok()?;
            entry.write_all(&serde_json::to_vec(file).ok()?).ok()?;
            entry.persist(path).ok().map(drop)
        };
        write();
    }

    /// Where the facts of a file are kept, if they are.
    pub(super) fn entry(&self, input: FileInput<'_>) -> Option<PathBuf> {
        let metadata = fs::metadata(input.absolute).ok()?;
        let changed = metadata.modified().ok()?;
        if metadata.len() < CACHED_BYTES_MIN || changed.checked_add(SETTLED)? > self.now {
            return None;
        }
        let program = self.program.as_deref().and_then(|program| fs::metadata(program).ok())?;
        let mut key = Sha256::new();
        key.update(env!("CARGO_PKG_VERSION"));
        key.update(stamp(&program)?);
        key.update(stamp(&metadata)?);
        key.update(fs::canonicalize(input.absolute).ok()?.as_os_str().as_encoded_bytes());
        let key = Sha256Digest::from_bytes(key.finalize().into());
        Some(self.directory.join(format!("{key}.json")))
    }
}

/// What tells a file from itself before and after a change.
#[cfg(unix)]
fn stamp(metadata: &Metadata) -> Option<Vec<u8>> {
    use std::os::unix::fs::MetadataExt as _;
    let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
    let numbers = [metadata.dev(), metadata.ino(), metadata.len()];
    let bytes = times.iter().flat_map(|time| time.to_le_bytes());
    Some(bytes.chain(numbers.iter().flat_map(|number| number.to_le_bytes())).collect())
}

/// What tells a file from itself before and after a change.
#[cfg(not(unix))]
fn stamp(metadata: &Metadata) -> Option<Vec<u8>> {
    let modified = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let created = metadata.created().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let numbers = [modified.as_nanos(), created.as_nanos(), u128::from(metadata.len())];
    Some(numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "files that have just been written are as old as the clock says")]
mod tests {
    use super::*;
    use crate::facts::artifact::{Limits, inspect};
    use crate::manifest::raw::ArtifactRole;

    fn facts(path: &str, absolute: &Path, cache: &Cache) -> ArtifactFacts {
        let input = FileInput { path, absolute, role: ArtifactRole::Model };
        let limits = Limits { cache: Some(cache), ..Limits::default() };
        inspect(&[input], limits).files.remove(0).unwrap()
    }

    #[test]
    fn a_file_that_did_not_change_is_not_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("model.bin");
        let write = |byte: u8, age: u64| {
            fs::write(&file, vec![byte; CACHED_BYTES_MIN as usize]).unwrap();
            let changed = SystemTime::now() - Duration::from_secs(age);
            fs::File::options().write(true).open(&file).unwrap().set_modified(changed).unwrap();
        };
        let cache = Cache {
            directory: directory.path().join("cache"),
            program: std::env::current_exe().ok(),
            now: SystemTime::now(),
        };
        let entries = || fs::read_dir(&cache.directory).map_or(0, Iterator::count);
        // What changed a moment ago is not kept.
        write(1, 0);
        facts("model.bin", &file, &cache);
        assert_eq!(entries(), 0);
        write(1, 60);
        let first = facts("model.bin", &file, &cache);
        assert_eq!(entries(), 1);
        // What is kept is what is used: here it was made another.
        let kept = fs::read_dir(&cache.directory).unwrap().next().unwrap().unwrap().path();
        let changed = fs::read_to_string(&kept).unwrap().replace(&first.file.sha256.to_string(), &"0".repeat(64));
        fs::write(&kept, changed).unwrap();
        let second = facts("other/name.bin", &file, &cache);
        assert_eq!(second.file.sha256.to_string(), "0".repeat(64));
        assert_eq!(second.file.path, "other/name.bin");
        // Another content of the same length, and an entry that cannot be read.
        write(2, 60);
        assert_ne!(facts("model.bin", &file, &cache).file.sha256, first.file.sha256);
        write(1, 60);
        let entry = cache.entry(FileInput { path: "m", absolute: &file, role: ArtifactRole::Model }).unwrap();
        fs::write(entry, "{").unwrap();
        assert_eq!(facts("model.bin", &file, &cache), first);
    }

    #[test]
    fn small_files_and_those_of_an_unknown_program_are_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("model.bin");
        let cache = Cache {
            directory: directory.path().join("cache"),
            program: None,
            now: SystemTime::now() + Duration::from_secs(60),
        };
        fs::write(&file, vec![0; CACHED_BYTES_MIN as usize]).unwrap();
        facts("model.bin", &file, &cache);
        let cache = Cache { program: std::env::current_exe().ok(), ..cache };
        fs::write(&file, vec![0; CACHED_BYTES_MIN as usize - 1]).unwrap();
        facts("model.bin", &file, &cache);
        assert!(!cache.directory.exists());
    }
}
