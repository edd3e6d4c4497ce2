//! A policy bundle: the files that decide, under one digest.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical::CanonicalJson;
use crate::digest::Sha256Digest;
use crate::document::{TEXT_BYTES_MAX, read_text};
use crate::problem::Problem;
use crate::release_root::ReleaseRoot;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/policies");

/// Files of a bundle. The embedded library has under two hundred.
const FILES_MAX: usize = 5_000;

/// Size of all files of a bundle. The embedded library has under a megabyte, and each file a limit of its own.
const BUNDLE_BYTES_MAX: usize = 64 << 20;

/// The files of a bundle, by their paths in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyBundle {
    uri: String,
    files: BTreeMap<String, String>,
}

/// A bundle as one document, for the store.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Archive {
    version: u32,
    uri: String,
    files: BTreeMap<String, String>,
}

/// Whether a file takes part. Everything else in a directory of policies (a README, a linter's
/// settings) is neither read nor part of the digest.
fn takes_part(path: &str) -> bool {
    [".rego", ".yaml", ".yml", ".json"].iter().any(|extension| path.ends_with(extension))
        && !path.split('/').any(|part| part.starts_with('.'))
}

/// A policy bundle by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyReference {
    /// Where it was taken from: `embedded` or a path.
    pub uri: String,
    /// SHA-256 over its files, as `docs/policies.md` defines it.
    pub sha256: Sha256Digest,
    /// Files in it.
    pub files: u64,
}

impl PolicyBundle {
    /// The library in this binary.
    ///
    /// # Errors
    /// A file in it is not UTF-8.
    pub fn embedded() -> Result<Self, Vec<Problem>> {
        let mut files = BTreeMap::new();
        let mut pending = vec![&EMBEDDED];
        while let Some(directory) = pending.pop() {
            pending.extend(directory.dirs());
            for file in directory.files() {
                let path = file.path().to_string_lossy().replace('\\', "/");
                if takes_part(&path) {
                    let text = file
                        .contents_utf8()
                        .ok_or_else(|| vec![Problem::new("not-utf8", format!("`{path}` is not UTF-8"))])?;
                    files.insert(path, text.to_owned());
                }
            }
        }
        Ok(Self { uri: "embedded".to_owned(), files })
    }

    /// The files below `directory`.
    ///
    /// # Errors
    /// It cannot be read, holds no policies, or too many; a file in it is not UTF-8 or too large.
    pub fn from_directory(directory: &Path) -> Result<Self, Vec<Problem>> {
        let shown = directory.display().to_string();
        let shown = shown.trim_end_matches('/').to_owned();
        let root = ReleaseRoot::open(directory).map_err(|_| {
            vec![
                Problem::new("missing-policies", format!("the policies `{shown}` cannot be opened"))
                    .hint("name a directory of policies, or leave `--policies` out for the embedded library"),
            ]
        })?;
        let mut paths = root.expand("**/*").map_err(|problem| vec![problem])?;
        paths.retain(|path| takes_part(&path.relative));
        let too_large = |what: String| {
            let problem = Problem::new("bundle-too-large", format!("`{shown}` has more than {what}"));
            vec![problem.hint("name the directory that holds the policies and nothing else")]
        };
        if paths.len() > FILES_MAX {
            return Err(too_large(format!("{FILES_MAX} policy files")));
        }
        let mut files = BTreeMap::new();
        let mut problems = Vec::new();
        let mut size_bytes = 0_usize;
        for path in paths {
            match read_text(&path.absolute, &format!("{shown}/{}", path.relative), TEXT_BYTES_MAX) {
                Ok(text) => {
                    size_bytes = size_bytes.saturating_add(text.len());
                    if size_bytes > BUNDLE_BYTES_MAX {
                        return Err(too_large(format!("{BUNDLE_BYTES_MAX} bytes of policies")));
                    }
                    files.insert(path.relative, text);
                }
                Err(problem) => problems.push(problem),
            }
        }
        if !files.keys().any(|path| path.ends_with(".rego")) && problems.is_empty() {
            problems.push(
                Problem::new("no-policies", format!("there is no policy in `{shown}`"))
                    .hint("a bundle has `tiering/`, `tiers/` and `controls/`, as the embedded library has"),
            );
        }
        if problems.is_empty() { Ok(Self { uri: shown, files }) } else { Err(problems) }
    }

    /// The bundle that [`Self::to_archive`] wrote.
    ///
    /// # Errors
    /// It is not such a document.
    pub fn from_archive(bytes: &[u8]) -> Result<Self, Problem> {
        let archive: Archive = serde_json::from_slice(bytes)
            .map_err(|error| Problem::new("invalid-archive", format!("not a policy archive: {error}")))?;
        if archive.version != 1 {
            return Err(Problem::new("invalid-archive", format!("policy archive of version {}", archive.version)));
        }
        Ok(Self { uri: archive.uri, files: archive.files })
    }

    /// The whole bundle as canonical JSON.
    ///
    /// # Errors
    /// Never for texts; the error is that of the canonical writer.
    pub fn to_archive(&self) -> Result<CanonicalJson, Problem> {
        let archive = Archive { version: 1, uri: self.uri.clone(), files: self.files.clone() };
        CanonicalJson::of(&archive).map_err(|error| Problem::new("invalid-archive", error.to_string()))
    }

    /// SHA-256 over the listing of all files: for each, in the order of paths, a line of its SHA-256,
    /// two spaces and its path, as `sha256sum` writes it. `(cd policies && find … | LC_ALL=C sort |
    /// xargs sha256sum) | sha256sum` comes to the same.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        let lines = self.files.iter().map(|(path, text)| format!("{}  {path}\n", Sha256Digest::of(text.as_bytes())));
        Sha256Digest::of(lines.collect::<String>().as_bytes())
    }

    /// The bundle by its digest.
    #[must_use]
    pub fn reference(&self) -> PolicyReference {
        PolicyReference { uri: self.uri.clone(), sha256: self.digest(), files: self.files.len() as u64 }
    }

    /// Path and text of every file, in the order of paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// How problems and reports call a file.
    #[must_use]
    pub fn shown(&self, path: &str) -> String {
        format!("{}/{path}", if self.uri == "embedded" { "policies" } else { &self.uri })
    }

    /// The text of a file.
    pub(super) fn file(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self { uri: "test".to_owned(), files }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_a_sha256sum_listing() {
        let bundle = PolicyBundle::of(&[("b.rego", "package b\n"), ("a.yaml", "x: 1\n")]);
        let listing =
            format!("{}  a.yaml\n{}  b.rego\n", Sha256Digest::of(b"x: 1\n"), Sha256Digest::of(b"package b\n"));
        assert_eq!(bundle.digest(), Sha256Digest::of(listing.as_bytes()));
        assert_ne!(PolicyBundle::of(&[("b.rego", "package b\n\n"), ("a.yaml", "x: 1\n")]).digest(), bundle.digest());
        assert_ne!(PolicyBundle::of(&[("c.rego", "package b\n"), ("a.yaml", "x: 1\n")]).digest(), bundle.digest());
    }

    #[test]
    fn a_bundle_survives_its_archive() {
        let bundle = PolicyBundle::embedded().unwrap();
        let archive = bundle.to_archive().unwrap();
        assert_eq!(PolicyBundle::from_archive(archive.bytes()).unwrap(), bundle);
        assert!(PolicyBundle::from_archive(b"{}").is_err());
    }

    #[test]
    fn a_directory_without_policies_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("README.md"), "x").unwrap();
        assert_eq!(PolicyBundle::from_directory(directory.path()).unwrap_err()[0].code, "no-policies");
        assert_eq!(PolicyBundle::from_directory(&directory.path().join("x")).unwrap_err()[0].code, "missing-policies");
        std::fs::write(directory.path().join("a.rego"), b"\xff").unwrap();
        assert_eq!(PolicyBundle::from_directory(directory.path()).unwrap_err()[0].code, "not-utf8");
    }
}
