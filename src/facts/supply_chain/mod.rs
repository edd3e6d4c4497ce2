//! Where the released files come from, as documents beside them say.

pub mod bill_of_materials;
pub mod dvc;
pub mod licences;
mod secret;
mod signature;
pub mod signatures;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::bill_of_materials::BillOfMaterialsFacts;
use self::dvc::DvcFacts;
use self::licences::LicenceFacts;
pub use self::secret::SecretFacts;
pub use self::signature::{SignatureFacts, SignatureStatus};
use self::signatures::SignatureVerifier;
use super::artifact::ArtifactFacts;
use super::card::CardFacts;
use super::{FileFacts, nothing_there, place};
use crate::manifest::Manifest;
use crate::problem::Problem;

/// What was released with the model to say where it comes from; null for what is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplyChainFacts {
    /// Signatures over the released files, such as an OpenSSF `model.sig`.
    pub signatures: Option<Vec<SignatureFacts>>,
    /// Who built the model from what.
    pub provenance: Option<ProvenanceFacts>,
    /// What the model is made of.
    pub bill_of_materials: Option<BillOfMaterialsFacts>,
    /// Under which licences the files say that the model is; empty where none says so.
    #[serde(default)]
    pub licences: Vec<LicenceFacts>,
    /// What DVC recorded of the files.
    #[serde(default)]
    pub dvc: Option<DvcFacts>,
    /// Secrets, such as access keys, that were found in the texts of the release: artifacts, manifest, card, monitoring
    /// files, records, bill of materials and files of DVC; none in archives and binary files.
    pub secrets: Option<Vec<SecretFacts>>,
}

/// Who built the model from what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProvenanceFacts {
    /// The file that says so.
    pub file: FileFacts,
    /// Whether its signature was checked and holds.
    pub verified: bool,
    /// The builder, as a URI.
    pub builder: String,
    /// The source that it was built from, as a URI.
    pub source: String,
    /// Commit of the source.
    pub commit: Option<String>,
    /// Paths of the artifacts that it covers.
    pub covers: Vec<String>,
}

impl SupplyChainFacts {
    /// The files that say so.
    #[must_use]
    pub fn files(&self) -> Vec<&FileFacts> {
        let bill = self.bill_of_materials.iter().map(|bill| &bill.file);
        let signatures = self.signatures.iter().flatten().map(|signature| &signature.file);
        bill.chain(self.dvc.iter().flat_map(|dvc| &dvc.files)).chain(signatures).collect()
    }
}

/// What documents beside the files say of them. Nobody reads provenance yet.
pub(super) fn measure(
    manifest: &Manifest,
    card: Option<&CardFacts>,
    artifacts: &[ArtifactFacts],
    verifier: &(dyn SignatureVerifier + Sync),
    problems: &mut Vec<Problem>,
) -> SupplyChainFacts {
    let bill_of_materials = manifest.bill_of_materials.as_ref().and_then(|entry| {
        bill_of_materials::read(&entry.path.relative, &entry.path.absolute, artifacts)
            .map_err(|problem| problems.push(place(problem, &entry.location)))
            .ok()
    });
    let dvc = (!manifest.dvc.is_empty()).then(|| recorded_by_dvc(manifest, artifacts, problems));
    let licences = licences::stated(card, bill_of_materials.as_ref(), artifacts);
    let signatures = signatures::measure(&manifest.root, artifacts, verifier, problems);
    let signatures = (!signatures.is_empty()).then_some(signatures);
    SupplyChainFacts { signatures, bill_of_materials, licences, dvc, ..SupplyChainFacts::default() }
}

fn recorded_by_dvc(manifest: &Manifest, artifacts: &[ArtifactFacts], problems: &mut Vec<Problem>) -> DvcFacts {
    let mut facts = DvcFacts::default();
    for entry in &manifest.dvc {
        if entry.files.is_empty() {
            problems.push(nothing_there(&entry.pattern, &entry.location));
        }
        for file in &entry.files {
            if let Err(found) = facts.read(file, &manifest.root, artifacts) {
                problems.extend(found.into_iter().map(|problem| place(problem, &entry.location)));
            }
        }
    }
    facts
}
