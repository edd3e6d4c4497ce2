//! The model card: which sections it has, and whether anything is in them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FileFacts;

/// A model card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CardFacts {
    /// The file.
    #[serde(flatten)]
    pub file: FileFacts,
    /// Licence that the front matter states, or null.
    pub license: Option<String>,
    /// Whole front matter.
    pub front_matter: serde_json::Map<String, serde_json::Value>,
    /// Sections in the order of the text.
    pub sections: Vec<Section>,
}

/// A section of a model card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Section {
    /// What the heading means, or null when it is none of the known ones.
    pub kind: Option<SectionKind>,
    /// The heading as written.
    pub heading: String,
    /// Heading level, 1 to 6.
    pub level: u8,
    /// Line of the heading, from 1.
    pub line: u64,
    /// Words of content, those of subsections included, placeholders not.
    pub words: u64,
    /// Whether placeholder text (`TODO`, `[More Information Needed]`) stands in it.
    pub placeholder: bool,
}

/// What a section of a model card is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SectionKind {
    /// What the model is: architecture, inputs, outputs.
    ModelDetails,
    /// What it is for.
    IntendedUse,
    /// What it must not be used for.
    OutOfScopeUse,
    /// What it was trained on.
    TrainingData,
    /// What it was evaluated on.
    EvaluationData,
    /// How well it does, overall.
    Performance,
    /// How well it does for subgroups; fairness and bias.
    Fairness,
    /// Where it fails.
    Limitations,
    /// Ethical considerations and risks.
    EthicalConsiderations,
    /// How people oversee it and can contest it.
    HumanOversight,
    /// How it is watched in use.
    Monitoring,
    /// Whom to ask.
    Contact,
}
