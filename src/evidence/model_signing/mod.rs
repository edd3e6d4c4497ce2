//! OpenSSF Model Signing v1.0: a signed manifest of a model, `model.sig`
//! (<https://github.com/ossf/model-signing-spec>).
//!
//! A manifest binds names as well as digests: a statement with a subject for each file would still hold when two
//! shards change names, or one is left out. What is written here lists files in the order of their names' code
//! points, as the specification says; `model_signing` 1.1.1 sorts by the parts of paths, so that what others wrote
//! is taken in the order that it has.

mod files;
mod manifest;
mod signers;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sha2::{Digest as _, Sha256};

pub use self::files::KnownDigests;
pub use self::manifest::{MAX_RESOURCES, MODEL_PREDICATE, ModelManifest};
use self::manifest::{ModelPredicate, ModelResource, Serialization};
pub use self::signers::ModelSigners;
use super::bundle::{Bundle, BundleError};
use super::dsse::{Envelope, MAX_PAYLOAD_BYTES};
use super::key::{KeyAlgorithm, PublicKey, SigningKey};
use super::statement::{DigestSet, STATEMENT_TYPE, Statement, Subject};
use super::{EvidenceError, EvidenceFile};
use crate::canonical::CanonicalJson;
use crate::decision::Verdict;
use crate::digest::Sha256Digest;
use crate::facts::Facts;

/// Name of the file.
pub const FILE_NAME: &str = "model.sig";

/// What is no part of a model at the root of its directory: section "Exclusions" of the specification.
const EXCLUDED: [&str; 4] = [".git", ".gitattributes", ".github", ".gitignore"];

/// Name of the only resource of a model that is one file.
const SINGLE_FILE: &str = ".";

/// A signature over a model does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelSignatureError {
    /// The file is not a bundle that is read here.
    #[error("the signature is refused: {0}")]
    Bundle(#[from] BundleError),
    /// The key did not sign this manifest.
    #[error("the signature is not this key's: the manifest was changed, or another key signed it")]
    Signature,
    /// Signed, but not a manifest of the specification.
    #[error("what was signed is not a model's manifest: {0}")]
    Manifest(String),
    /// In the specification, and not implemented here.
    #[error(
        "its files are hashed with {0}, and only SHA-256 is checked here: sign the model anew with `--hash sha256`"
    )]
    Hash(String),
    /// The files are not those of the manifest.
    #[error("the files are not those that were signed: {0}")]
    Files(String),
}

/// Verifies a signature over the model at `model`, a directory or a file, against one key.
///
/// # Errors
/// [`ModelSignatureError`] for the first thing that does not hold.
pub fn verify(
    bundle: &[u8],
    key: &PublicKey,
    model: &Path,
    signature: &Path,
) -> Result<ModelManifest, ModelSignatureError> {
    let bundle = Bundle::from_bytes(bundle)?;
    if !bundle.envelope.is_signed_by(key) {
        return Err(ModelSignatureError::Signature);
    }
    let manifest = ModelManifest::from_payload(bundle.envelope.payload())?;
    manifest.check(model, signature, &KnownDigests::new())?;
    Ok(manifest)
}

/// What came of signing a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnModelSignature {
    /// The signature.
    Signed(EvidenceFile),
    /// Why there is none; nothing where none is wanted, since the release was denied or the model has its own.
    NotSigned(Option<String>),
}

/// Signs the manifest of a release's model: the directory of its artifacts, if everything in it was judged, or the
/// only artifact.
///
/// # Errors
/// [`EvidenceError`] if the key cannot sign, or the manifest is larger than verifiers read.
pub fn of_release(
    directory: &Path,
    facts: &Facts,
    decision: Verdict,
    key: &SigningKey,
) -> Result<OwnModelSignature, EvidenceError> {
    // Whoever trusts this key would take the signature over a model that was denied for a release's.
    if decision == Verdict::Deny || facts.supply_chain.signatures.is_some() {
        return Ok(OwnModelSignature::NotSigned(None));
    }
    match listed(directory, facts, key.public_key().algorithm()) {
        Ok((name, resources)) => sign(&name, resources, key).map(OwnModelSignature::Signed),
        Err(reason) => Ok(OwnModelSignature::NotSigned(Some(reason))),
    }
}

/// The name and the files of a model that may be signed.
fn listed(
    directory: &Path,
    facts: &Facts,
    algorithm: KeyAlgorithm,
) -> Result<(String, BTreeMap<String, Sha256Digest>), String> {
    if algorithm == KeyAlgorithm::Ed25519 {
        return Err("verifiers of model signatures take no Ed25519".to_owned());
    }
    let here = |path: &str| directory.join(path).is_file();
    if let Some(elsewhere) = facts.artifacts.iter().find(|artifact| !here(&artifact.file.path)) {
        return Err(format!("`{}` is elsewhere", elsewhere.file.path));
    }
    let mut paths = facts.artifacts.iter().map(|artifact| artifact.file.path.as_str());
    let (Some(first), Some(second)) = (paths.next(), paths.next()) else {
        let only = facts.artifacts.first().ok_or("there is no artifact")?;
        let name = only.file.path.rsplit('/').next().unwrap_or_default();
        return Ok((name.to_owned(), BTreeMap::from([(SINGLE_FILE.to_owned(), only.file.sha256)])));
    };
    let common = paths.fold(common_directory(first, second), common_directory);
    let Some(name) = common.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty()) else {
        return Err("its files have no directory of their own".to_owned());
    };
    let resources: BTreeMap<String, Sha256Digest> = facts
        .artifacts
        .iter()
        .filter_map(|artifact| Some((artifact.file.path.strip_prefix(common)?.to_owned(), artifact.file.sha256)))
        .collect();
    let there =
        files::names(&directory.join(common), &files::Rules { allow_symlinks: false, ignored: &BTreeSet::new() })
            .map_err(|error| error.to_string())?;
    match there.iter().find(|name| !resources.contains_key(*name)) {
        // Signed by its directory, it would pass for one that was judged.
        Some(other) => Err(format!("`{common}{other}` is in its directory, and not among the artifacts")),
        None => Ok((name.to_owned(), resources)),
    }
}

/// The directory that both paths are in, with `/` at its end, or nothing.
fn common_directory<'a>(left: &'a str, right: &str) -> &'a str {
    let same = left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
    let end = left.get(..same).and_then(|same| same.rfind('/')).map_or(0, |slash| slash.saturating_add(1));
    left.get(..end).unwrap_or_default()
}

fn sign(name: &str, files: BTreeMap<String, Sha256Digest>, key: &SigningKey) -> Result<EvidenceFile, EvidenceError> {
    let mut root = Sha256::new();
    files.values().for_each(|digest| root.update(digest.as_bytes()));
    let root = Sha256Digest::from_bytes(root.finalize().into());
    let resource =
        |(name, digest): (String, Sha256Digest)| ModelResource { name, digest, algorithm: "sha256".to_owned() };
    let mut ignored: Vec<String> = EXCLUDED.map(str::to_owned).to_vec();
    ignored.push(FILE_NAME.to_owned());
    let statement = Statement {
        statement_type: STATEMENT_TYPE.to_owned(),
        subject: vec![Subject { name: name.to_owned(), digest: DigestSet { sha256: root } }],
        predicate_type: MODEL_PREDICATE.to_owned(),
        predicate: ModelPredicate {
            resources: files.into_iter().map(resource).collect(),
            serialization: Serialization::files(ignored),
        },
    };
    let payload = CanonicalJson::of(&statement)?;
    let size = payload.bytes().len();
    if size > MAX_PAYLOAD_BYTES {
        return Err(EvidenceError::TooLarge { statement: "model's manifest", size });
    }
    let envelope = Envelope::sign(payload.bytes().to_vec(), key)?;
    let bundle = Bundle { envelope, hint: key.public_key().model_signing_hint()? };
    Ok(EvidenceFile { name: FILE_NAME.to_owned(), bytes: bundle.to_json()? })
}
