//! Where the released files come from, as documents beside them say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FileFacts;

/// What was released with the model to say where it comes from; null for what is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SupplyChainFacts {
    /// Signatures over the released files, such as an OpenSSF `model.sig`.
    pub signatures: Option<Vec<SignatureFacts>>,
    /// Who built the model from what.
    pub provenance: Option<ProvenanceFacts>,
    /// What the model is made of.
    pub bill_of_materials: Option<BillOfMaterialsFacts>,
    /// Secrets, such as access keys, that were found in released files.
    pub secrets: Option<Vec<SecretFacts>>,
}

/// A signature over released files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignatureFacts {
    /// The file that it is in.
    pub file: FileFacts,
    /// Whether it holds.
    pub status: SignatureStatus,
    /// Who signed, or null.
    pub signer: Option<String>,
    /// Paths of the artifacts that it covers.
    pub covers: Vec<String>,
    /// Why it does not hold; null when it does.
    pub reason: Option<String>,
}

/// Whether a signature holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureStatus {
    /// By a key or an identity that is trusted.
    Verified,
    /// By one that nobody named.
    Untrusted,
    /// It does not fit the files.
    Invalid,
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

/// What the model is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BillOfMaterialsFacts {
    /// The file that lists it.
    pub file: FileFacts,
    /// Format, such as `CycloneDX 1.6`.
    pub format: String,
    /// The components, in the order of names.
    pub components: Vec<ComponentFacts>,
}

/// A component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentFacts {
    /// Name.
    pub name: String,
    /// Version, or null.
    pub version: Option<String>,
    /// SPDX licence expression, or null.
    pub licence: Option<String>,
    /// Whether it is a model, a data set or software.
    pub kind: String,
}

/// A secret in a released file. Its text is never part of the facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretFacts {
    /// Path of the file.
    pub path: String,
    /// Line, from 1, or null in a binary file.
    pub line: Option<u64>,
    /// The rule that found it, such as `aws-access-key`.
    pub rule: String,
}
