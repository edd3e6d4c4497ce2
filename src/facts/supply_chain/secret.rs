//! A secret that was found, as facts tell it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
