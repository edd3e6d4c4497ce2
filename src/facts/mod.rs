//! Facts v1: everything that was measured, and the only thing that a policy sees as `input`.
//!
//! Facts are canonical JSON, so that their digest names what was measured. A number that could not
//! be computed is never absent, null or NaN on its own: every [`evaluation::Metric`] has a status
//! and a reason.

pub mod artifact;
pub mod card;
pub mod evaluation;
pub mod monitoring;
pub mod repository;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::raw;
use crate::tier::TierFacts;

/// Everything that was measured about one release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "modelgate facts, version 1")]
pub struct Facts {
    /// Version of this format. Always 1.
    pub version: u32,
    /// The manifest that was read.
    pub manifest: FileFacts,
    /// The model, as declared.
    pub model: raw::Model,
    /// The intake answers, as declared.
    pub intake: raw::Intake,
    /// The tier, and why.
    pub tier: TierFacts,
    /// The files that would be released, in the order of their paths.
    pub artifacts: Vec<artifact::ArtifactFacts>,
    /// What was recomputed from rows, in the order of the manifest.
    pub evaluations: Vec<evaluation::EvaluationFacts>,
    /// Who would notice when the model goes wrong.
    pub monitoring: monitoring::MonitoringFacts,
    /// The model card, or null when none is declared.
    pub card: Option<card::CardFacts>,
    /// The change, as declared, or null.
    pub change: Option<raw::Change>,
    /// Where the release comes from.
    pub repository: repository::RepositoryFacts,
}

/// A file by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileFacts {
    /// Path relative to the release root, with `/` between its parts.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: crate::digest::Sha256Digest,
    /// Size in bytes.
    pub size_bytes: u64,
}
