//! The manifest in a model's signature: parsed strictly, held in the order that its signer gave it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{ModelSignatureError, SINGLE_FILE};
use crate::digest::Sha256Digest;
use crate::document::strict_json;
use crate::evidence::dsse::MAX_PAYLOAD_BYTES;
use crate::evidence::statement::{STATEMENT_TYPE, Statement};

/// Predicate of a model's manifest.
pub const MODEL_PREDICATE: &str = "https://model_signing/signature/v1.0";

/// Most files or shards of one manifest. At a gigabyte each it would be a hundred terabytes.
pub const MAX_RESOURCES: usize = 100_000;

/// Values in a payload: four for each resource, and a margin for the paths that are left out.
const VALUES_MAX: usize = 8 * MAX_RESOURCES;

/// Bytes of a path: Linux's `PATH_MAX`.
const PATH_BYTES_MAX: usize = 4096;

/// 2^53: up to here a double, which is how sizes may be written, is a whole number.
const EXACT_DOUBLES: f64 = 9_007_199_254_740_992.0;

/// What the predicate says. Nothing but these two fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelPredicate {
    pub(super) resources: Vec<ModelResource>,
    pub(super) serialization: Serialization,
}

/// A file or a shard of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelResource {
    pub(super) name: String,
    pub(super) digest: Sha256Digest,
    pub(super) algorithm: String,
}

/// How the model was made into resources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Serialization {
    method: String,
    hash_type: String,
    /// A whole number, which `model_signing` writes as `3.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard_size: Option<f64>,
    allow_symlinks: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ignore_paths: Vec<String>,
}

impl Serialization {
    /// A resource for each file.
    pub(super) fn files(ignore_paths: Vec<String>) -> Self {
        Self {
            method: "files".to_owned(),
            hash_type: "sha256".to_owned(),
            shard_size: None,
            allow_symlinks: false,
            ignore_paths,
        }
    }
}

/// A model's manifest. It is whole, and says nothing of any file yet: [`Self::check`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelManifest {
    /// Name of the model, by the signer's word.
    pub name: String,
    /// SHA-256 over the digests, which names the manifest's files.
    pub root: Sha256Digest,
    /// Digests of files or shards, by their names.
    pub(super) resources: BTreeMap<String, Sha256Digest>,
    /// Bytes of a shard, if files are cut into such.
    pub(super) shard_bytes: Option<u64>,
    pub(super) allow_symlinks: bool,
    pub(super) ignored: BTreeSet<String>,
}

impl ModelManifest {
    /// Reads the payload of a signature.
    ///
    /// # Errors
    /// [`ModelSignatureError::Manifest`] and [`ModelSignatureError::Hash`].
    pub fn from_payload(payload: &[u8]) -> Result<Self, ModelSignatureError> {
        let refuse = |reason: String| ModelSignatureError::Manifest(reason);
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(refuse(format!("it is over {MAX_PAYLOAD_BYTES} bytes")));
        }
        let value = strict_json::parse_at_most(payload, VALUES_MAX).map_err(|error| refuse(error.to_string()))?;
        // Before the predicate is read as what it may not be.
        for (key, expected) in [("_type", STATEMENT_TYPE), ("predicateType", MODEL_PREDICATE)] {
            match value.get(key) {
                Some(Value::String(found)) if found == expected => {}
                Some(Value::String(found)) => {
                    return Err(refuse(format!("its `{key}` is `{found}`, and `{expected}` is expected")));
                }
                Some(_) | None => return Err(refuse(format!("it has no `{key}`"))),
            }
        }
        // Its digests have another length, which would be the first thing to be complained about.
        let hash = value.pointer("/predicate/serialization/hash_type").and_then(Value::as_str);
        if let Some(hash @ ("blake2b" | "blake2" | "blake3")) = hash {
            return Err(ModelSignatureError::Hash(hash.to_owned()));
        }
        let statement: Statement<ModelPredicate> =
            serde_json::from_value(value).map_err(|error| refuse(error.to_string()))?;
        let [subject] = statement.subject.as_slice() else {
            return Err(refuse(format!("it has {} subjects, and exactly one is expected", statement.subject.len())));
        };
        let manifest = Self::of(subject.name.clone(), statement.predicate).map_err(refuse)?;
        if manifest.root != subject.digest.sha256 {
            return Err(refuse("its subject's digest is not that of its files' digests".to_owned()));
        }
        Ok(manifest)
    }

    fn of(name: String, predicate: ModelPredicate) -> Result<Self, String> {
        let ModelPredicate { resources: listed, serialization } = predicate;
        let shard_bytes = shard_bytes(&serialization)?;
        let algorithm = match shard_bytes {
            Some(bytes) => format!("sha256-sharded-{bytes}"),
            None => "sha256".to_owned(),
        };
        match listed.len() {
            0 => return Err("it has no files".to_owned()),
            count if count > MAX_RESOURCES => {
                return Err(format!("it has {count} files or shards, and {MAX_RESOURCES} are the most"));
            }
            _ => {}
        }
        let (mut root, mut resources) = (Sha256::new(), BTreeMap::new());
        for resource in listed {
            // `model_signing` names the shards' algorithm with their size; the specification by the hash alone.
            if resource.algorithm != algorithm && resource.algorithm != "sha256" {
                return Err(format!("`{}` is hashed with `{}`, not `{algorithm}`", resource.name, resource.algorithm));
            }
            if !is_plain(&resource.name) && resource.name != SINGLE_FILE {
                return Err(format!("`{}` is not a plain relative path", resource.name));
            }
            root.update(resource.digest.as_bytes());
            if let Some(name) = resources.insert(resource.name.clone(), resource.digest).map(|_| resource.name) {
                return Err(format!("`{name}` is in it twice"));
            }
        }
        if resources.contains_key(SINGLE_FILE) && resources.len() > 1 {
            return Err("it is of one file and of others, too".to_owned());
        }
        let ignored = serialization.ignore_paths.into_iter().filter(|path| is_plain(path)).collect();
        let root = Sha256Digest::from_bytes(root.finalize().into());
        Ok(Self { name, root, resources, shard_bytes, allow_symlinks: serialization.allow_symlinks, ignored })
    }

    /// Whether the model is one file.
    #[must_use]
    pub fn is_single_file(&self) -> bool {
        self.resources.contains_key(SINGLE_FILE)
    }
}

fn shard_bytes(serialization: &Serialization) -> Result<Option<u64>, String> {
    if serialization.hash_type != "sha256" {
        return Err(format!("`{}` is no hash function of the specification", serialization.hash_type));
    }
    match (serialization.method.as_str(), serialization.shard_size) {
        ("files", None) => Ok(None),
        ("files", Some(_)) => Err("its files are whole, and a size of shards is given".to_owned()),
        ("shards", Some(size)) if (1.0..=EXACT_DOUBLES).contains(&size) && size.fract() == 0.0 => {
            // Written and read again: there is no other conversion that is exact and no cast.
            let size = format!("{size:.0}").parse().map_err(|_| "its size of shards is no number".to_owned())?;
            Ok(Some(size))
        }
        ("shards", Some(size)) => Err(format!("{size} is no size of a shard")),
        ("shards", None) => Err("its files are cut into shards of no size".to_owned()),
        (method, _) => Err(format!("`{method}` is no method of serialization")),
    }
}

/// Whether `path` is relative, without empty parts, `.` and `..`, and means the same on every system.
fn is_plain(path: &str) -> bool {
    path.len() <= PATH_BYTES_MAX
        && !path.contains(['\\', '\0'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
