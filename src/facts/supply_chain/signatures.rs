//! Signatures over released files: `model.sig` of OpenSSF Model Signing, and other `*.sig` beside a model.
//!
//! Who may sign is for the policies to say, and how a signature is checked for whoever measures: this finds the
//! files, and notes what came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SignatureFacts, SignatureStatus};
use crate::digest::Sha256Digest;
use crate::document::{special, unreadable};
use crate::facts::FileFacts;
use crate::facts::artifact::ArtifactFacts;
use crate::problem::Problem;
use crate::release_root::ReleaseRoot;

/// Signatures that are looked at. A model has one.
const SIGNATURES_MAX: usize = 64;

/// Entries of a directory that are looked through for signatures.
const ENTRIES_MAX: usize = 100_000;

/// Largest signature: that of a model with a hundred thousand files.
const SIGNATURE_BYTES_MAX: u64 = 24 << 20;

/// Characters of a reason.
const REASON_CHARACTERS_MAX: usize = 1_000;

/// A key whose signatures over models are trusted: `signers/<name>.yaml` of a policy bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSigner {
    /// Version of this format. Always 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// Whose key it is, such as `ml-platform@example.com`.
    #[schemars(length(min = 1, max = 254))]
    pub name: String,
    /// The public key: SPKI in PEM, ECDSA P-256 or Ed25519.
    #[schemars(length(min = 1, max = 4096))]
    pub public_key: String,
}

/// A signature file, and what is known of the files beside it.
pub struct SignatureInput<'a> {
    /// Its content.
    pub bytes: &'a [u8],
    /// Its place.
    pub path: &'a Path,
    /// SHA-256 of files that were read already, by their places.
    pub known: &'a BTreeMap<PathBuf, Sha256Digest>,
}

/// What came of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureCheck {
    /// Whether it holds.
    pub status: SignatureStatus,
    /// Who signed, or none if nobody knows.
    pub signer: Option<String>,
    /// Places of the files that it covers.
    pub covers: Vec<PathBuf>,
    /// Why it does not hold; none when it does.
    pub reason: Option<String>,
}

/// Says whether a signature holds.
pub trait SignatureVerifier {
    /// Checks one signature file.
    fn verify(&self, input: &SignatureInput<'_>) -> SignatureCheck;
}

/// Every signature in the directories of the artifacts and above them, in the order of paths.
pub(super) fn measure(
    root: &ReleaseRoot,
    artifacts: &[ArtifactFacts],
    verifier: &dyn SignatureVerifier,
    problems: &mut Vec<Problem>,
) -> Vec<SignatureFacts> {
    let mut found = BTreeSet::new();
    for directory in directories(artifacts) {
        if let Err(problem) = search(root, &directory, &mut found) {
            problems.push(problem);
        }
    }
    let known: BTreeMap<PathBuf, Sha256Digest> =
        artifacts.iter().map(|artifact| (root.directory().join(&artifact.file.path), artifact.file.sha256)).collect();
    let mut facts = Vec::new();
    for path in found {
        match read(root, &path) {
            Ok((absolute, bytes)) => {
                let check = verifier.verify(&SignatureInput { bytes: &bytes, path: &absolute, known: &known });
                facts.push(of(path, &bytes, check, root, artifacts));
            }
            Err(problem) => problems.push(problem),
        }
    }
    facts
}

fn of(
    path: String,
    bytes: &[u8],
    check: SignatureCheck,
    root: &ReleaseRoot,
    artifacts: &[ArtifactFacts],
) -> SignatureFacts {
    let covered: BTreeSet<&PathBuf> = check.covers.iter().collect();
    let is_covered = |artifact: &&ArtifactFacts| {
        // A signature that is listed as a file of the model's directory is not for anybody to sign.
        artifact.file.path == path || covered.contains(&root.directory().join(&artifact.file.path))
    };
    let covers = artifacts.iter().filter(is_covered).map(|artifact| artifact.file.path.clone()).collect();
    SignatureFacts {
        file: FileFacts { path, sha256: Sha256Digest::of(bytes), size_bytes: bytes.len() as u64 },
        status: check.status,
        signer: check.signer,
        covers,
        // What the file says of itself may be in it, at any length.
        reason: check.reason.map(|reason| reason.chars().take(REASON_CHARACTERS_MAX).collect()),
    }
}

/// The directories of the artifacts and those above, relative to the root, which is the empty path.
fn directories(artifacts: &[ArtifactFacts]) -> BTreeSet<String> {
    let mut directories = BTreeSet::new();
    for artifact in artifacts {
        let mut path = artifact.file.path.as_str();
        while let Some((directory, _)) = path.rsplit_once('/') {
            directories.insert(directory.to_owned());
            path = directory;
        }
        directories.insert(String::new());
    }
    directories
}

/// Adds the signatures of a directory. Artifacts that are elsewhere have none here.
fn search(root: &ReleaseRoot, directory: &str, found: &mut BTreeSet<String>) -> Result<(), Problem> {
    let Ok(entries) = fs::read_dir(root.directory().join(directory)) else { return Ok(()) };
    for entry in entries.take(ENTRIES_MAX).flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.ends_with(".sig") && name.len() > ".sig".len()) else {
            continue;
        };
        if entry.path().is_dir() {
            continue;
        }
        let path = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
        found.insert(path);
        if found.len() > SIGNATURES_MAX {
            let message = format!("there are more than {SIGNATURES_MAX} files `*.sig` beside the artifacts");
            let hint = "release one signature for each model, such as an OpenSSF `model.sig` for its directory";
            return Err(Problem::new("too-many-signatures", message).hint(hint));
        }
    }
    Ok(())
}

fn read(root: &ReleaseRoot, path: &str) -> Result<(PathBuf, Vec<u8>), Problem> {
    let absolute = root.resolve(path)?.absolute;
    let failed = |error: std::io::Error| unreadable(path, &error);
    if !fs::metadata(&absolute).map_err(failed)?.is_file() {
        return Err(special(path));
    }
    let mut bytes = Vec::new();
    let file = File::open(&absolute).map_err(failed)?;
    file.take(SIGNATURE_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > SIGNATURE_BYTES_MAX {
        let message = format!("the signature `{path}` is larger than {SIGNATURE_BYTES_MAX} bytes");
        return Err(Problem::new("file-too-large", message).hint("is it the right file?"));
    }
    Ok((absolute, bytes))
}
