//! A signature over released files, as facts tell it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::FileFacts;

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
