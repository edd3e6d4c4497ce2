//! OPA bundles: a gzipped tar archive of policies and data, with an optional `.manifest` and `.signatures.json`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use serde::Deserialize;
use tar::{Archive, EntryType};

use super::signatures;
use crate::policy::PolicyBundle;
use crate::problem::{Location, Problem};

/// Bytes that an archive unpacks to, and files in it. The limits of a bundle are lower; this is what is read
/// before they can be looked at.
const UNPACKED_BYTES_MAX: u64 = 128 << 20;
const ENTRIES_MAX: usize = 20_000;

const MANIFEST: &str = ".manifest";
const SIGNATURES: &str = ".signatures.json";

/// `.manifest`, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(default = "whole")]
    roots: Vec<String>,
}

/// Without a word about roots, a bundle owns all of `data`.
fn whole() -> Vec<String> {
    vec![String::new()]
}

/// The bundle in an archive that was read from `uri`.
pub(super) fn bundle(uri: &str, bytes: &[u8], public_key: Option<&Path>) -> Result<PolicyBundle, Vec<Problem>> {
    let refuse = |problem: Problem| vec![problem];
    let mut files = unpack(uri, bytes).map_err(refuse)?;
    let signed = files.remove(SIGNATURES);
    if let Some(key) = public_key {
        let Some(signed) = &signed else {
            let problem = Problem::new("unsigned-bundle", format!("`{uri}` has no `{SIGNATURES}`, and a key is given"));
            return Err(vec![problem.hint("sign it with `opa sign`, or leave the key out")]);
        };
        signatures::verify(uri, signed, &files, key).map_err(refuse)?;
    }
    let manifest = files.remove(MANIFEST);
    let mut texts = BTreeMap::new();
    for (path, bytes) in files {
        // What takes no part may be anything, such as a compiled module.
        if ![".rego", ".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end)) {
            continue;
        }
        let text = String::from_utf8(bytes).map_err(|_| {
            let problem = Problem::new("not-utf8", format!("`{path}` in `{uri}` is not UTF-8 text"));
            vec![problem.hint("save it as UTF-8")]
        })?;
        texts.insert(path, text);
    }
    if let Some(manifest) = manifest {
        roots(uri, &manifest, &texts)?;
    }
    PolicyBundle::of_files(uri, texts)
}

/// The files of an archive, by their paths.
fn unpack(uri: &str, bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, Problem> {
    let broken = |error: std::io::Error| {
        Problem::new("invalid-bundle", format!("`{uri}` is no gzipped tar archive: {error}"))
            .hint("make one with `tar -czf bundle.tar.gz -C policies .` or `opa build`")
    };
    let refuse = |path: &str, what: &str| {
        Problem::new("hostile-bundle", format!("`{path}` in `{uri}` {what}"))
            .hint("make the archive anew from a directory of plain files")
    };
    let mut files = BTreeMap::new();
    let mut left = UNPACKED_BYTES_MAX;
    let mut archive = Archive::new(GzDecoder::new(bytes).take(UNPACKED_BYTES_MAX));
    for (count, entry) in archive.entries().map_err(broken)?.enumerate() {
        let mut entry = entry.map_err(broken)?;
        let shown = entry.path().map_or_else(|_| "an entry".to_owned(), |path| path.display().to_string());
        if count >= ENTRIES_MAX {
            return Err(refuse(&shown, "is one of too many entries"));
        }
        match entry.header().entry_type() {
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            EntryType::Regular | EntryType::Continuous => {}
            _ => return Err(refuse(&shown, "is neither a file nor a directory")),
        }
        let path = entry.path().ok().and_then(|path| inside(&path));
        let path = path.ok_or_else(|| refuse(&shown, "is a path that leaves the bundle"))?;
        let mut content = Vec::new();
        (&mut entry).take(left.saturating_add(1)).read_to_end(&mut content).map_err(broken)?;
        left = left
            .checked_sub(content.len() as u64)
            .ok_or_else(|| refuse(&shown, "unpacks to more than a bundle can have"))?;
        if content.len() as u64 != entry.size() {
            return Err(refuse(&shown, "is cut off"));
        }
        if files.insert(path, content).is_some() {
            return Err(refuse(&shown, "is there twice"));
        }
    }
    Ok(files)
}

/// The path as a bundle names it: relative, with `/` between its parts.
fn inside(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            // `/x` and `./x` are how `opa build` and `tar -C dir .` write `x`.
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Whether every package and every data file is below one of the roots that the manifest names.
fn roots(uri: &str, manifest: &[u8], files: &BTreeMap<String, String>) -> Result<(), Vec<Problem>> {
    let shown = format!("{uri}/{MANIFEST}");
    let refuse = |message: String, hint: &str| {
        let at = Location { file: shown.clone(), line: 1, column: 1 };
        Problem::new("invalid-manifest", message).at(at).hint(hint)
    };
    let manifest: Manifest = serde_json::from_slice(manifest).map_err(|error| {
        vec![refuse(format!("the manifest is not read: {error}"), "see OPA's documentation of bundles")]
    })?;
    let roots: Vec<&str> = manifest.roots.iter().map(|root| root.trim_matches('/')).collect();
    let mut problems = Vec::new();
    for (index, root) in roots.iter().enumerate() {
        if roots.iter().skip(index + 1).any(|other| is_below(root, other) || is_below(other, root)) {
            problems.push(refuse(format!("the root `{root}` overlaps with another"), "name each part of `data` once"));
        }
    }
    for (path, text) in files {
        let owned = if path.ends_with(".rego") {
            crate::policy::package_path(text)
        } else if path.starts_with("data/") {
            // Where the bundle's data is mounted.
            Some(format!("bundle/{}", path.trim_start_matches("data/").rsplit_once('.').map_or("", |(stem, _)| stem)))
        } else {
            None
        };
        if let Some(owned) = owned.filter(|owned| !roots.iter().any(|root| is_below(owned, root))) {
            let message = format!("`{path}` is at `{owned}`, below no root of the manifest");
            problems.push(refuse(message, "add its root to the manifest, or leave the file out"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Whether `path` is `root` or below it.
fn is_below(path: &str, root: &str) -> bool {
    root.is_empty() || path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
