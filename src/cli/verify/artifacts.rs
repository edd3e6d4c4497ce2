//! What is given to be released: files and directories, hashed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::super::Failure;
use crate::digest::Sha256Digest;
use crate::evidence::released::ReleasedDirectory;
use crate::evidence::statement::MAX_SUBJECTS;
use crate::problem::Problem;
use crate::report::verification::GivenArtifact;

/// Bytes that are read at a time.
const BUFFER_BYTES: usize = 1 << 18;

/// Files and directories by their digests.
#[derive(Debug, Default)]
pub(super) struct Artifacts {
    /// Files that were named one by one.
    pub(super) files: Vec<(String, Sha256Digest)>,
    pub(super) directories: Vec<ReleasedDirectory>,
}

impl Artifacts {
    /// Hashes what `paths` name. The files of `evidence` are no part of a directory that they lie in: no statement is about
    /// itself.
    pub(super) fn read(paths: &[PathBuf], evidence: &[PathBuf]) -> Result<Self, Failure> {
        // What is not there cannot lie in a directory either.
        let evidence: Vec<_> = evidence.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let mut artifacts = Self::default();
        for path in paths {
            let name = path.display().to_string();
            if fs::metadata(path).map_err(|error| unreadable(path, &error))?.is_dir() {
                artifacts.directories.push(ReleasedDirectory { name, files: files_below(path, &evidence)? });
            } else {
                artifacts.files.push((name, digest(path)?));
            }
        }
        Ok(artifacts)
    }

    /// The digest by which a store is asked for what is known of them.
    pub(super) fn first(&self) -> Option<(&str, Sha256Digest)> {
        let directory = self.directories.iter().find_map(|directory| directory.files.first_key_value());
        let directory = directory.map(|(name, digest)| (name.as_str(), *digest));
        self.files.first().map(|(name, digest)| (name.as_str(), *digest)).or(directory)
    }

    /// Every file, for the report.
    pub(super) fn given(&self) -> Vec<GivenArtifact> {
        let files = self.files.iter().map(|(path, sha256)| GivenArtifact { path: path.clone(), sha256: *sha256 });
        let below = self.directories.iter().flat_map(|directory| {
            let name = directory.name.trim_end_matches('/');
            let given = move |(file, sha256): (&String, &Sha256Digest)| GivenArtifact {
                path: format!("{name}/{file}"),
                sha256: *sha256,
            };
            directory.files.iter().map(given)
        });
        files.chain(below).collect()
    }

    /// Whether a file with this digest was given.
    pub(super) fn has(&self, digest: Sha256Digest) -> bool {
        self.files.iter().any(|(_, given)| *given == digest)
            || self.directories.iter().any(|directory| directory.files.values().any(|given| *given == digest))
    }
}

/// Every file below `directory`, hidden ones, too. A link or a special file is refused: what it stands for when it is read
/// again is not what was verified.
fn files_below(directory: &Path, evidence: &[PathBuf]) -> Result<BTreeMap<String, Sha256Digest>, Failure> {
    let mut files = Vec::new();
    let mut waiting = vec![(directory.to_owned(), String::new())];
    while let Some((at, prefix)) = waiting.pop() {
        for entry in fs::read_dir(&at).map_err(|error| unreadable(&at, &error))? {
            let entry = entry.map_err(|error| unreadable(&at, &error))?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(|error| unreadable(&at, &error))?);
            let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else {
                return Err(refused(&path, "its name is not UTF-8, and no subject has such a name"));
            };
            if kind.is_dir() {
                waiting.push((path, format!("{name}/")));
            } else if !kind.is_file() {
                return Err(refused(&path, "it is a link or a special file, and only regular files are released"));
            } else if !path.canonicalize().is_ok_and(|path| evidence.contains(&path)) {
                if files.len() >= MAX_SUBJECTS {
                    let message = format!("`{}` holds more than {MAX_SUBJECTS} files", directory.display());
                    let problem = Problem::new("too-many-files", message);
                    return Err(Failure::usage(problem.hint("no verdict is about so many: name what was released")));
                }
                files.push((name, path));
            }
        }
    }
    files.sort();
    digests(&files)
}

/// The digests of files, in all threads: a model in shards is as fast as the disk.
fn digests(files: &[(String, PathBuf)]) -> Result<BTreeMap<String, Sha256Digest>, Failure> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((name, path)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(digest(path).map(|digest| (name.clone(), digest)));
        }
        done
    };
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(files.len());
    let done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            // A thread that stopped half-way must not leave its files out.
            let stopped =
                || Err(Failure::NotEvaluated(vec![Problem::new("no-threads", "a thread stopped while it hashed")]));
            done.extend(other.join().unwrap_or_else(|_| vec![stopped()]));
        }
        done
    });
    done.into_iter().collect()
}

fn refused(path: &Path, reason: &str) -> Failure {
    Failure::usage(Problem::new("not-a-file", format!("`{}` cannot be verified: {reason}", path.display())))
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(Problem::new("unreadable-file", format!("`{}` cannot be read: {error}", path.display())))
}

pub(in crate::cli) fn digest(path: &Path) -> Result<Sha256Digest, Failure> {
    use sha2::{Digest as _, Sha256};
    let failure = |error: io::Error| unreadable(path, &error);
    let mut file = File::open(path).map_err(failure)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = file.read(&mut buffer).map_err(failure)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
    }
    Ok(Sha256Digest::from_bytes(hasher.finalize().into()))
}
