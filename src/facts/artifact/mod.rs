//! What is inside the files that would be released, found without running any of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FileFacts;
use crate::manifest::raw::ArtifactRole;

/// One file that would be released.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArtifactFacts {
    /// The file.
    #[serde(flatten)]
    pub file: FileFacts,
    /// What it is to the release.
    pub role: ArtifactRole,
    /// The format, found by content and not by name.
    pub format: ArtifactFormat,
    /// Whether it is a Git LFS pointer whose content was never fetched.
    pub lfs_pointer: bool,
    /// What a pickle would import when it is loaded; null for other formats.
    pub pickle: Option<PickleFacts>,
    /// What a safetensors header says; null for other formats.
    pub safetensors: Option<SafetensorsFacts>,
    /// What an ONNX model says; null for other formats.
    pub onnx: Option<OnnxFacts>,
    /// Everything in the file that is a danger or breaks its format, in the order of byte offsets.
    pub risks: Vec<Risk>,
}

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArtifactFormat {
    /// Open Neural Network Exchange.
    Onnx,
    /// safetensors.
    Safetensors,
    /// A Python pickle: a program that runs when it is loaded.
    Pickle,
    /// A zip archive, `torch.save` files and `.npz` among them.
    Zip,
    /// JSON text.
    Json,
    /// Other UTF-8 text.
    Text,
    /// None of the formats that this version knows.
    Unknown,
}

/// What a pickle would do when it is loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PickleFacts {
    /// The highest protocol that a stream in it declares, 0 to 5.
    pub protocol: u8,
    /// Pickle streams in the file.
    pub streams: u64,
    /// Every callable or class that it would import, once each, sorted.
    pub imports: Vec<PickleImport>,
    /// Whether the scan reached the end of every stream and resolved every import.
    pub complete: bool,
}

/// Something that a pickle would import.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct PickleImport {
    /// Module, such as `sklearn.linear_model._logistic`.
    pub module: String,
    /// Name in the module, such as `LogisticRegression`.
    pub name: String,
    /// What the lists say of it.
    pub verdict: ImportVerdict,
    /// Byte offset of the first opcode that names it.
    pub offset: u64,
}

/// What the lists say of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImportVerdict {
    /// On the allow-list of a framework.
    Allowed,
    /// On neither list.
    Unknown,
    /// Known to run code, reach the network or the file system.
    Dangerous,
}

/// What a safetensors header says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SafetensorsFacts {
    /// Tensors in the file.
    pub tensors: u64,
    /// Elements over all tensors.
    pub parameters: u64,
    /// Element types that occur, sorted.
    pub dtypes: Vec<String>,
}

/// What an ONNX model says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OnnxFacts {
    /// Version of the intermediate representation.
    pub ir_version: i64,
    /// Tool that wrote it.
    pub producer: String,
    /// Operator sets that it needs, sorted by domain.
    pub opsets: Vec<OnnxOpset>,
    /// Names of the graph's inputs.
    pub inputs: Vec<String>,
    /// Names of the graph's outputs.
    pub outputs: Vec<String>,
    /// Nodes in the graph.
    pub nodes: u64,
    /// Files outside the model that hold its tensors, sorted.
    pub external_data: Vec<String>,
}

/// An operator set that an ONNX model needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct OnnxOpset {
    /// Domain; empty for the standard one.
    pub domain: String,
    /// Version.
    pub version: i64,
}

/// Something in a file that is a danger or breaks its format.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Risk {
    /// Byte offset of it.
    pub offset: u64,
    /// How bad it is.
    pub severity: RiskSeverity,
    /// Stable code, such as `pickle-dangerous-import`.
    pub code: String,
    /// What it is, in a sentence.
    pub message: String,
}

/// How bad a risk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RiskSeverity {
    /// Worth knowing.
    Low,
    /// May run code under some loader, or hides what it is.
    Medium,
    /// Runs code, or cannot be what it says it is.
    High,
}
