//! A policy bundle: the files that decide, under one digest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use include_dir::{Dir, include_dir};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::framework::Framework;
use crate::canonical::CanonicalJson;
use crate::digest::Sha256Digest;
use crate::document::{Document, TEXT_BYTES_MAX, read_text};
use crate::problem::{Location, Problem};
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
    /// Files that come from the bundle that this one extends.
    inherited: BTreeSet<String>,
}

/// A bundle as one document, for the store.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Archive {
    version: u32,
    uri: String,
    files: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    inherited: BTreeSet<String>,
}

/// Name of the file in which a bundle says what it extends.
pub(super) const BUNDLE_FILE: &str = "bundle.yaml";

/// `bundle.yaml`: how an organisation's bundle extends the embedded library.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Extension {
    #[schemars(range(min = 1, max = 1))]
    #[expect(dead_code, reason = "checked by the schema")]
    version: u32,
    /// `embedded@sha256:` and the digest of the library: another library is another base.
    #[schemars(regex(pattern = "^embedded@sha256:[0-9a-f]{64}$"))]
    extends: String,
    /// Files of the library for which this bundle has its own.
    #[serde(default)]
    replaces: Vec<String>,
    /// Files of the library that this bundle goes without.
    #[serde(default)]
    removes: Vec<String>,
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
    /// The bundle that it extends, such as `embedded@sha256:…`; its files are among those of the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
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
        Ok(Self { uri: "embedded".to_owned(), files, inherited: BTreeSet::new() })
    }

    /// A bundle of `files`, by their paths in it, that were read from `uri`. What takes no part is left out.
    ///
    /// # Errors
    /// There is no policy among them, there are too many, or it cannot extend what it says it extends.
    pub fn of_files(uri: &str, mut files: BTreeMap<String, String>) -> Result<Self, Vec<Problem>> {
        files.retain(|path, _| takes_part(path));
        let too_large = |what: String| {
            let problem = Problem::new("bundle-too-large", format!("`{uri}` has more than {what}"));
            vec![problem.hint("name a bundle that holds the policies and nothing else")]
        };
        if files.len() > FILES_MAX {
            return Err(too_large(format!("{FILES_MAX} policy files")));
        }
        if files.values().map(String::len).sum::<usize>() > BUNDLE_BYTES_MAX {
            return Err(too_large(format!("{BUNDLE_BYTES_MAX} bytes of policies")));
        }
        if !files.keys().any(|path| path.ends_with(".rego")) && !files.contains_key(BUNDLE_FILE) {
            let problem = Problem::new("no-policies", format!("there is no policy in `{uri}`"));
            return Err(vec![
                problem.hint("a bundle has `tiering/`, `tiers/` and `controls/`, as the embedded library has"),
            ]);
        }
        Self { uri: uri.to_owned(), files, inherited: BTreeSet::new() }.extended()
    }

    /// The bundle with the files that it inherits. Nothing is replaced because its name happens to be the same.
    fn extended(mut self) -> Result<Self, Vec<Problem>> {
        let Some(text) = self.files.get(BUNDLE_FILE) else { return Ok(self) };
        let document = Document::parse(&self.shown(BUNDLE_FILE), text)?;
        let extension: Extension = document.decode()?;
        let base = Self::embedded()?;
        let digest = format!("embedded@sha256:{}", base.digest());
        let mut problems = Vec::new();
        if extension.extends != digest {
            let problem = Problem::new("other-base", "the bundle extends another library than this program has");
            let problem = problem.at(document.location("/extends"));
            problems.push(
                problem.hint(format!("compare the two with `modelgate policy diff`, then write `extends: {digest}`")),
            );
        }
        let listed = [("replaces", &extension.replaces, true), ("removes", &extension.removes, false)];
        for (key, paths, is_own) in listed {
            for (index, path) in paths.iter().enumerate() {
                let wrong = if !base.files.contains_key(path) {
                    "the library has no such file"
                } else if is_own && !self.files.contains_key(path) {
                    "this bundle has no such file"
                } else {
                    continue;
                };
                let problem = Problem::new("nothing-to-replace", format!("`{path}`: {wrong}"));
                problems
                    .push(problem.at(document.location(&format!("/{key}/{index}"))).hint("remove it from the list"));
            }
        }
        for path in
            self.files.keys().filter(|path| base.files.contains_key(*path) && !extension.replaces.contains(path))
        {
            let problem = Problem::new("unsaid-replacement", format!("`{path}` is in the library, too"));
            let at = Location { file: self.shown(path), line: 1, column: 1 };
            problems.push(problem.at(at).hint(format!("list it under `replaces` in `{BUNDLE_FILE}`, or rename it")));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        for (path, text) in base.files.into_iter().filter(|(path, _)| !extension.removes.contains(path)) {
            if !self.files.contains_key(&path) {
                self.inherited.insert(path.clone());
                self.files.insert(path, text);
            }
        }
        Ok(self)
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
        if problems.is_empty() { Self::of_files(&shown, files) } else { Err(problems) }
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
        Ok(Self { uri: archive.uri, files: archive.files, inherited: archive.inherited })
    }

    /// The whole bundle as canonical JSON.
    ///
    /// # Errors
    /// Never for texts; the error is that of the canonical writer.
    pub fn to_archive(&self) -> Result<CanonicalJson, Problem> {
        let archive =
            Archive { version: 1, uri: self.uri.clone(), files: self.files.clone(), inherited: self.inherited.clone() };
        CanonicalJson::of(&archive).map_err(|error| Problem::new("invalid-archive", error.to_string()))
    }

    /// Its catalogues of clauses, in the order of their ids. One that is not in order is left out: a bundle that decides is
    /// refused for it.
    #[must_use]
    pub fn frameworks(&self) -> Vec<Framework> {
        let files = self.files.iter().filter(|(path, _)| path.starts_with("frameworks/"));
        let read = |(path, text): (&String, &String)| Framework::read(&Document::parse(path, text).ok()?).ok();
        let mut frameworks: Vec<Framework> = files.filter_map(read).collect();
        frameworks.sort_by(|left, right| left.id.cmp(&right.id));
        frameworks
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
        let extends = self.files.get(BUNDLE_FILE).filter(|_| !self.inherited.is_empty());
        let extends = extends.and_then(|text| Document::parse(BUNDLE_FILE, text).ok()?.decode::<Extension>().ok());
        PolicyReference {
            uri: self.uri.clone(),
            sha256: self.digest(),
            files: self.files.len() as u64,
            extends: extends.map(|extension| extension.extends),
        }
    }

    /// Path and text of every file, in the order of paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// How problems and reports call a file.
    #[must_use]
    pub fn shown(&self, path: &str) -> String {
        let is_embedded = self.uri == "embedded" || self.inherited.contains(path);
        format!("{}/{path}", if is_embedded { "policies" } else { &self.uri })
    }

    /// The text of a file.
    pub(super) fn file(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self { uri: "test".to_owned(), files, inherited: BTreeSet::new() }
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
    fn a_bundle_extends_the_library_and_replaces_only_what_it_lists() {
        let base = PolicyBundle::embedded().unwrap();
        let extends = |more: &str| format!("version: 1\nextends: embedded@sha256:{}\n{more}", base.digest());
        let load = |files: &[(&str, &str)]| {
            let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
            let codes = |problems: Vec<Problem>| problems.iter().map(|problem| problem.code).collect::<Vec<_>>();
            PolicyBundle::of_files("org", files).map_err(codes)
        };
        let own = ("lib/organisation.rego", "package modelgate.lib.organisation\n");
        let whole = load(&[("bundle.yaml", &extends("")), own]).unwrap();
        assert_eq!(whole.files.len(), base.files.len() + 2);
        assert_eq!(whole.shown("lib/text.rego"), "policies/lib/text.rego");
        assert_eq!(whole.shown("lib/organisation.rego"), "org/lib/organisation.rego");
        assert_eq!(whole.reference().extends, Some(format!("embedded@sha256:{}", base.digest())));
        assert_eq!(PolicyBundle::from_archive(whole.to_archive().unwrap().bytes()).unwrap(), whole);

        let mine = ("lib/text.rego", "package modelgate.lib.text\n");
        assert_eq!(load(&[("bundle.yaml", &extends("")), mine]).unwrap_err(), ["unsaid-replacement"]);
        let replaced = load(&[("bundle.yaml", &extends("replaces: [lib/text.rego]\n")), mine]).unwrap();
        assert_eq!(replaced.file("lib/text.rego"), Some(mine.1));
        let removed = load(&[("bundle.yaml", &extends("removes: [lib/text_test.rego]\n")), own]).unwrap();
        assert_eq!(removed.file("lib/text_test.rego"), None);
        for (text, expected) in [
            (extends("replaces: [lib/text.rego]\n"), "nothing-to-replace"),
            (extends("removes: [lib/none.rego]\n"), "nothing-to-replace"),
            (extends("").replace(&base.digest().to_string(), &"0".repeat(64)), "other-base"),
            (extends("").replace("embedded@", "embeded@"), "invalid-value"),
        ] {
            assert_eq!(load(&[("bundle.yaml", &text), own]).unwrap_err(), [expected], "{text}");
        }
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
