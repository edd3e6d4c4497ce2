//! The files of a model, compared with a manifest: none changed, none missing, none more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::manifest::ModelManifest;
use super::{EXCLUDED, ModelSignatureError, SINGLE_FILE};
use crate::digest::Sha256Digest;

/// SHA-256 of files that were read already, by their places.
pub type KnownDigests = BTreeMap<PathBuf, Sha256Digest>;

/// Depth of directories in a model.
const DEPTH_MAX: usize = 32;

/// Entries of a model's directory. A manifest holds a tenth of it.
const ENTRIES_MAX: usize = 1_000_000;

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 1 << 18;

/// Differences that are told, of what may be a hundred thousand.
const TOLD_MAX: usize = 5;

/// What takes part.
pub(super) struct Rules<'a> {
    /// Whether links to files count as the files.
    pub(super) allow_symlinks: bool,
    /// Paths that are left out, with everything below them.
    pub(super) ignored: &'a BTreeSet<String>,
}

/// Why the files cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub(super) enum WalkError {
    #[error("`{path}` cannot be read: {source}")]
    Unreadable { path: String, source: io::Error },
    #[error("the name of a file in `{0}` is not UTF-8")]
    NotUtf8(String),
    #[error("`{0}` is a symbolic link, which the signature does not allow")]
    Link(String),
    #[error("`{0}` is a symbolic link that leads out of the model, or to a directory")]
    LeavingLink(String),
    #[error("`{0}` is neither a file nor a directory")]
    Special(String),
    #[error("there are more than {ENTRIES_MAX} files and directories, or more than {DEPTH_MAX} levels of them")]
    TooMany,
}

/// Names of the files below `directory` that take part, with `/` between their parts.
pub(super) fn names(directory: &Path, rules: &Rules<'_>) -> Result<BTreeSet<String>, WalkError> {
    let unreadable = |path: &str, source| WalkError::Unreadable { path: path.to_owned(), source };
    let root = fs::canonicalize(directory).map_err(|error| unreadable(&directory.display().to_string(), error))?;
    let (mut names, mut waiting, mut entries) = (BTreeSet::new(), vec![(String::new(), 0_usize)], 0_usize);
    while let Some((at, depth)) = waiting.pop() {
        for entry in fs::read_dir(root.join(&at)).map_err(|error| unreadable(&at, error))? {
            let entry = entry.map_err(|error| unreadable(&at, error))?;
            entries = entries.saturating_add(1);
            if entries > ENTRIES_MAX || depth > DEPTH_MAX {
                return Err(WalkError::TooMany);
            }
            let name = entry.file_name().into_string().map_err(|_| WalkError::NotUtf8(at.clone()))?;
            let path = if at.is_empty() { name } else { format!("{at}/{name}") };
            if (at.is_empty() && EXCLUDED.contains(&path.as_str())) || rules.ignored.contains(&path) {
                continue;
            }
            let kind = entry.file_type().map_err(|error| unreadable(&path, error))?;
            if kind.is_dir() {
                waiting.push((path, depth.saturating_add(1)));
                continue;
            }
            if kind.is_symlink() {
                check_link(&root, &path, rules)?;
            } else if !kind.is_file() {
                return Err(WalkError::Special(path));
            }
            names.insert(path);
        }
    }
    Ok(names)
}

fn check_link(root: &Path, path: &str, rules: &Rules<'_>) -> Result<(), WalkError> {
    if !rules.allow_symlinks {
        return Err(WalkError::Link(path.to_owned()));
    }
    match fs::canonicalize(root.join(path)) {
        Ok(target) if target.starts_with(root) && target.is_file() => Ok(()),
        _ => Err(WalkError::LeavingLink(path.to_owned())),
    }
}

impl ModelManifest {
    /// Compares the model at `model`, a directory or a file, with this manifest. `signature` is left out where it
    /// is in the directory. Gives the places of the files.
    ///
    /// # Errors
    /// [`ModelSignatureError::Files`] for a file that was changed, is missing or was added, for a link that is not
    /// allowed, and for what cannot be read.
    pub fn check(
        &self,
        model: &Path,
        signature: &Path,
        known: &KnownDigests,
    ) -> Result<Vec<PathBuf>, ModelSignatureError> {
        let failed = |error: WalkError| ModelSignatureError::Files(error.to_string());
        if self.is_single_file() {
            return self.check_single_file(model, known);
        }
        let mut ignored = self.ignored.clone();
        if let (Ok(root), Ok(signature)) = (fs::canonicalize(model), fs::canonicalize(signature)) {
            let inside = signature.strip_prefix(root).ok().and_then(Path::to_str);
            ignored.extend(inside.map(str::to_owned));
        }
        let rules = Rules { allow_symlinks: self.allow_symlinks, ignored: &ignored };
        let names = names(model, &rules).map_err(failed)?;
        let mut found = BTreeMap::new();
        for name in &names {
            let path = model.join(name);
            let hashed = match (self.shard_bytes, known.get(&path)) {
                (None, Some(digest)) => vec![(name.clone(), *digest)],
                (shard_bytes, _) => hash(&path, name, shard_bytes)
                    .map_err(|source| failed(WalkError::Unreadable { path: name.clone(), source }))?,
            };
            found.extend(hashed);
        }
        self.compare(&found)?;
        Ok(names.iter().map(|name| model.join(name)).collect())
    }

    fn check_single_file(&self, model: &Path, known: &KnownDigests) -> Result<Vec<PathBuf>, ModelSignatureError> {
        let shown = model.display().to_string();
        if !model.is_file() {
            let message = format!("the signature is over one file, and `{shown}` is none");
            return Err(ModelSignatureError::Files(message));
        }
        let digest = match known.get(model) {
            Some(digest) => *digest,
            None => hash(model, &shown, None)
                .ok()
                .and_then(|hashed| hashed.first().map(|(_, digest)| *digest))
                .ok_or_else(|| ModelSignatureError::Files(format!("`{shown}` cannot be read")))?,
        };
        self.compare(&BTreeMap::from([(SINGLE_FILE.to_owned(), digest)]))?;
        Ok(vec![model.to_owned()])
    }

    fn compare(&self, found: &BTreeMap<String, Sha256Digest>) -> Result<(), ModelSignatureError> {
        let differs = |(name, digest): (&String, &Sha256Digest)| match self.resources.get(name) {
            Some(signed) if signed == digest => None,
            Some(_) => Some(format!("`{name}` was changed")),
            None => Some(format!("`{name}` was not signed")),
        };
        let missing = self.resources.keys().filter(|name| !found.contains_key(*name));
        let missing = missing.map(|name| format!("`{name}` is missing"));
        let differences: Vec<String> = found.iter().filter_map(differs).chain(missing).collect();
        if differences.is_empty() {
            return Ok(());
        }
        let mut told = differences.iter().take(TOLD_MAX).cloned().collect::<Vec<_>>().join(", ");
        if differences.len() > TOLD_MAX {
            told.push_str(&format!(" and {} more", differences.len().saturating_sub(TOLD_MAX)));
        }
        Err(ModelSignatureError::Files(told))
    }
}

/// The digest of a file, or of each of its shards by `<path>:<start>:<end>`. An empty file has no shards.
fn hash(path: &Path, name: &str, shard_bytes: Option<u64>) -> io::Result<Vec<(String, Sha256Digest)>> {
    let mut file = File::open(path)?;
    let Some(shard_bytes) = shard_bytes else {
        let (digest, _) = hash_part(&mut file)?;
        return Ok(vec![(name.to_owned(), digest)]);
    };
    let (mut shards, mut start) = (Vec::new(), 0_u64);
    loop {
        let (digest, size) = hash_part(&mut file.by_ref().take(shard_bytes))?;
        if size == 0 {
            return Ok(shards);
        }
        let end = start.saturating_add(size);
        shards.push((format!("{name}:{start}:{end}"), digest));
        start = end;
    }
}

fn hash_part(reader: &mut impl Read) -> io::Result<(Sha256Digest, u64)> {
    let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; BUFFER_BYTES]);
    loop {
        let count = reader.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        size = size.saturating_add(bytes.len() as u64);
    }
    Ok((Sha256Digest::from_bytes(hasher.finalize().into()), size))
}
