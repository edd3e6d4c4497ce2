//! Bills of materials: what the model is made of, and which files of the release they list.

pub(in crate::facts) mod cyclonedx;
mod spdx2;
mod spdx3;

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::document::{JSON_BYTES_MAX, Json, Node, read_text};
use crate::facts::FileFacts;
use crate::facts::artifact::ArtifactFacts;
use crate::problem::Problem;

/// Components of a bill at most: an image of a system has a few thousand.
const COMPONENTS_MAX: usize = 20_000;

/// What the model is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BillOfMaterialsFacts {
    /// The file that lists it.
    pub file: FileFacts,
    /// Format, such as `CycloneDX 1.6`.
    pub format: String,
    /// The components that are no files, in the order of names.
    pub components: Vec<ComponentFacts>,
    /// Files that it lists.
    #[serde(default)]
    pub files: u64,
    /// Artifacts that it lists and whose digest is another than it says, in the order of paths.
    #[serde(default)]
    pub mismatches: Vec<DigestMismatch>,
}

/// A component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ComponentFacts {
    /// Name, with its group where it has one.
    pub name: String,
    /// Version, or null.
    pub version: Option<String>,
    /// SPDX licence expression, or null.
    pub licence: Option<String>,
    /// Whether it is a model, a data set or software.
    pub kind: ComponentKind,
    /// Whether it is what the bill is of.
    #[serde(default)]
    pub subject: bool,
    /// Whether the bill says that it is no part of what is released, such as the rows of a test (CycloneDX's scope
    /// `excluded`).
    #[serde(default)]
    pub excluded: bool,
}

/// What a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentKind {
    /// A model.
    Model,
    /// A data set.
    DataSet,
    /// A program or a library.
    Software,
    /// Anything else, such as a device.
    Other,
}

/// An artifact that a bill lists with another digest than its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct DigestMismatch {
    /// Path of the artifact.
    pub path: String,
    /// Name that the bill lists it by.
    pub listed_as: String,
    /// SHA-256 that the bill gives, or null where it gives digests and no SHA-256 among them, so that there is nothing to
    /// compare.
    pub listed: Option<Sha256Digest>,
    /// SHA-256 of the artifact.
    pub actual: Sha256Digest,
}

/// A bill as it is read.
#[derive(Debug)]
struct Bill {
    format: String,
    components: Vec<ComponentFacts>,
    files: u64,
    listed: Vec<Listed>,
}

/// Something with digests that may be a file of the release.
#[derive(Debug)]
struct Listed {
    /// Its name, and the places where it was found.
    names: Vec<String>,
    sha256: Vec<Sha256Digest>,
    /// Whether it is no part of another component.
    outermost: bool,
}

impl Bill {
    const fn new(format: String) -> Self {
        Self { format, components: Vec::new(), files: 0, listed: Vec::new() }
    }

    fn add(&mut self, node: &Node<'_>, component: ComponentFacts) -> Result<(), Problem> {
        if self.components.len() >= COMPONENTS_MAX {
            let message = format!("the bill of materials lists more than {COMPONENTS_MAX} components");
            return Err(node.problem("too-many-components", message, "write one of the model alone"));
        }
        self.components.push(component);
        Ok(())
    }
}

/// Reads a bill if it is of the format.
type Reader = fn(&Json) -> Result<Option<Bill>, Problem>;

/// A new format is one file and one line here.
const FORMATS: &[Reader] = &[cyclonedx::read, spdx2::read, spdx3::read];

/// Reads the bill at `absolute`, which is called `path`, and compares what it lists with `artifacts`.
///
/// # Errors
/// The file is absent, too large or of no known format, or something that is read is not as its format has it.
pub fn read(path: &str, absolute: &Path, artifacts: &[ArtifactFacts]) -> Result<BillOfMaterialsFacts, Problem> {
    let text = read_text(absolute, path, JSON_BYTES_MAX)?;
    let file =
        FileFacts { path: path.to_owned(), sha256: Sha256Digest::of(text.as_bytes()), size_bytes: text.len() as u64 };
    let json = Json::parse(path, text)?;
    for format in FORMATS {
        if let Some(Bill { format, mut components, files, listed }) = format(&json)? {
            components.sort();
            components.dedup();
            let mismatches = mismatches(path, &listed, artifacts);
            return Ok(BillOfMaterialsFacts { file, format, components, files, mismatches });
        }
    }
    let message = format!("`{path}` is no bill of materials that is known");
    Err(Problem::new("unknown-bill-of-materials", message)
        .hint("write it as JSON of CycloneDX (1.4 to 1.7) or SPDX (2.2, 2.3 or 3.0)"))
}

fn mismatches(path: &str, listed: &[Listed], artifacts: &[ArtifactFacts]) -> Vec<DigestMismatch> {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let mut found = Vec::new();
    for item in listed {
        for name in &item.names {
            let Some(artifact) = artifact(name, item.outermost, directory, artifacts) else { continue };
            let mismatch = |listed| DigestMismatch {
                path: artifact.file.path.clone(),
                listed_as: name.clone(),
                listed,
                actual: artifact.file.sha256,
            };
            let others = item.sha256.iter().filter(|digest| **digest != artifact.file.sha256);
            found.extend(others.map(|digest| mismatch(Some(*digest))));
            if item.sha256.is_empty() {
                found.push(mismatch(None));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The artifact that a name means: by its path from the release or from the bill's directory, or, where it names no
/// directory and is no part of another component, the only one with that file name.
fn artifact<'a>(
    name: &str,
    outermost: bool,
    directory: &str,
    artifacts: &'a [ArtifactFacts],
) -> Option<&'a ArtifactFacts> {
    let name = name.trim_start_matches("./").trim_start_matches('/');
    let at = |path: &str| artifacts.iter().find(|artifact| artifact.file.path == path);
    let found = at(name).or_else(|| at(&format!("{directory}/{name}")));
    if found.is_some() || name.contains('/') || !outermost {
        return found;
    }
    let file_name = |artifact: &&ArtifactFacts| artifact.file.path.rsplit('/').next() == Some(name);
    let mut named = artifacts.iter().filter(file_name);
    named.next().filter(|_| named.next().is_none())
}

/// The SHA-256 that an entry with an algorithm and its hexadecimal digits gives; none if it is of another algorithm.
fn hash_of(hash: &Node<'_>, algorithm: &str, content: &str) -> Result<Option<Sha256Digest>, Problem> {
    let name = hash.needed_text(algorithm)?.replace('-', "");
    let digits = hash.needed_text(content)?.to_ascii_lowercase();
    if !name.eq_ignore_ascii_case("sha256") {
        return Ok(None);
    }
    Sha256Digest::from_hex(&digits)
        .map(Some)
        .map_err(|error| hash.problem("malformed-digest", error.to_string(), "write its 64 hexadecimal digits"))
}

/// Licences all of which apply, as one expression.
fn all_of(names: &[String]) -> Option<String> {
    match names {
        [] => None,
        [one] => Some(one.clone()),
        several => {
            let part = |name: &String| if name.contains(" OR ") { format!("({name})") } else { name.clone() };
            Some(several.iter().map(part).collect::<Vec<_>>().join(" AND "))
        }
    }
}

/// Whether a licence is one: SPDX has words for that nobody looked, and for that there is none.
fn is_asserted(licence: &str) -> bool {
    !matches!(licence, "NOASSERTION" | "NONE")
}

#[cfg(test)]
mod tests;
