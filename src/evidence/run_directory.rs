//! Runs in a directory: what `check` leaves there, and what an export is.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::run_parts::{Part, RunParts};
use crate::digest::Sha256Digest;

/// Size of one part. The store reads no object that is larger.
const PART_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Files that are looked at. A directory with more is not one of evidence.
const FILES_MAX: usize = 100_000;

/// The public key of whoever signed, where all runs of a directory have one.
pub const PUBLIC_KEY: &str = "public-key.pem";

/// The directory cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RunDirectoryError {
    /// A file or the directory itself.
    #[error("`{}` cannot be read: {source}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A part of a size that none has.
    #[error("`{}` has more than {PART_BYTES_MAX} bytes, which no part of a run has", .0.display())]
    TooLarge(PathBuf),
    /// Too much is there.
    #[error("`{}` holds more than {FILES_MAX} files: name the directory that holds the evidence and nothing else", .0.display())]
    TooMany(PathBuf),
    /// A blob that is not the one that its name says.
    #[error("`{}` was changed: its content does not have the digest in its name", .0.display())]
    Changed(PathBuf),
}

/// The runs of a directory, each by its short key, with the parts that are there. Files of other names are left alone.
///
/// # Errors
/// [`RunDirectoryError`].
pub fn read(directory: &Path) -> Result<BTreeMap<String, RunParts>, RunDirectoryError> {
    let unreadable = |source| RunDirectoryError::Unreadable { path: directory.to_owned(), source };
    let mut runs: BTreeMap<String, RunParts> = BTreeMap::new();
    for (index, entry) in fs::read_dir(directory).map_err(unreadable)?.enumerate() {
        if index >= FILES_MAX {
            return Err(RunDirectoryError::TooMany(directory.to_owned()));
        }
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let Some((run, rest)) = name.to_str().and_then(split) else { continue };
        let parts = runs.entry(run.to_owned()).or_default();
        match Part::ALL.into_iter().find(|part| part.suffix() == rest) {
            Some(part) => parts.insert(part, read_part(&entry.path())?),
            None => {
                let Some(digest) = rest.strip_prefix("blob-") else { continue };
                let blob = read_part(&entry.path())?;
                if Sha256Digest::from_hex(digest) != Ok(Sha256Digest::of(&blob)) {
                    return Err(RunDirectoryError::Changed(entry.path()));
                }
                parts.others.push(blob);
            }
        }
    }
    let shared = directory.join(PUBLIC_KEY);
    if shared.is_file() {
        let key = read_part(&shared)?;
        for parts in runs.values_mut().filter(|parts| parts.get(Part::PublicKey).is_err()) {
            parts.insert(Part::PublicKey, key.clone());
        }
    }
    runs.retain(|_, parts| parts.iter().any(|(part, _)| part != Part::PublicKey));
    for parts in runs.values_mut() {
        // A directory has no order of its own.
        parts.others.sort_unstable();
    }
    Ok(runs)
}

/// The short key of a run, and what follows it in the name of a file.
fn split(name: &str) -> Option<(&str, &str)> {
    let (run, rest) = name.split_once('.')?;
    let is_key = run.len() == 16 && run.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_key.then_some((run, rest))
}

fn read_part(path: &Path) -> Result<Vec<u8>, RunDirectoryError> {
    let unreadable = |source| RunDirectoryError::Unreadable { path: path.to_owned(), source };
    // Before it is opened: to open a pipe would wait for a writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("it is not a regular file")));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(PART_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > PART_BYTES_MAX {
        return Err(RunDirectoryError::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_told_apart_by_their_names_and_the_rest_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| fs::write(directory.path().join(name), content).unwrap();
        let (first, second) = ("0123456789abcdef", "fedcba9876543210");
        write(&format!("{first}.facts.json"), "facts");
        write(&format!("{second}.decision.json"), "decision");
        write(&format!("{second}.public-key.pem"), "its own");
        write(&format!("{second}.blob-{}", Sha256Digest::of(b"more")), "more");
        write(PUBLIC_KEY, "shared");
        write("README.md", "");
        write("0123.facts.json", "");
        write(&format!("{first}.other.json"), "");
        let runs = read(directory.path()).unwrap();
        assert_eq!(runs.keys().collect::<Vec<_>>(), [first, second]);
        assert_eq!(runs[first].get(Part::Facts).unwrap(), b"facts");
        assert_eq!(runs[first].get(Part::PublicKey).unwrap(), b"shared");
        assert_eq!(runs[second].get(Part::PublicKey).unwrap(), b"its own");
        assert_eq!(runs[second].others, [b"more".to_vec()]);
        assert!(runs[first].get(Part::Record).is_err());
        write(&format!("{first}.blob-{}", Sha256Digest::of(b"x")), "y");
        assert!(matches!(read(directory.path()), Err(RunDirectoryError::Changed(_))));
        assert!(read(&directory.path().join("nowhere")).is_err());
    }
}
