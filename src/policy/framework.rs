//! Catalogues of clauses that controls serve, as dated data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::problem::Problem;

/// A law, a standard or a guidance, by its clauses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Version of this format. Always 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// Stable id, such as `eu-ai-act`.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9-]{0,63}$"))]
    pub id: String,
    /// Its name.
    pub title: String,
    /// Where it applies, such as `EU` or `international`.
    pub jurisdiction: String,
    /// Whether it binds.
    pub status: FrameworkStatus,
    /// First day, or null.
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub effective_from: Option<String>,
    /// Last day, or null.
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub effective_to: Option<String>,
    /// The framework that took its place, or null.
    #[serde(default)]
    pub superseded_by: Option<String>,
    /// Where its text is published.
    pub source: String,
    /// What to know about dates, scope, and what was not checked.
    #[serde(default)]
    pub note: Option<String>,
    /// Its clauses, as far as a release gate can serve them.
    #[schemars(length(min = 1))]
    pub clauses: Vec<Clause>,
}

/// Whether a framework binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FrameworkStatus {
    /// It does.
    InForce,
    /// It will, or does from the day that it says.
    Adopted,
    /// It is followed by choice.
    Voluntary,
    /// Another took its place.
    Superseded,
}

impl FrameworkStatus {
    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InForce => "in-force",
            Self::Adopted => "adopted",
            Self::Voluntary => "voluntary",
            Self::Superseded => "superseded",
        }
    }
}

/// A clause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Its id in the framework, such as `Art.15.1`.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// What it is about, in our own words.
    #[schemars(length(min = 1, max = 160))]
    pub title: String,
    /// Whether id and meaning were compared with the primary text.
    pub checked: bool,
    /// First day, where it is not that of the framework.
    #[serde(default)]
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub effective_from: Option<String>,
    /// Last day, where it is not that of the framework.
    #[serde(default)]
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub effective_to: Option<String>,
    /// Whether it binds, where that is not as the framework does.
    #[serde(default)]
    pub status: Option<FrameworkStatus>,
}

impl Framework {
    /// Reads a catalogue.
    ///
    /// # Errors
    /// Every way in which it is none: its shape, days that there are not, clauses that occur twice.
    pub(super) fn read(document: &Document) -> Result<Self, Vec<Problem>> {
        let framework: Self = document.decode()?;
        let mut problems = Vec::new();
        let mut day = |day: &Option<String>, pointer: String| {
            if let Some(text) = day
                && text.parse::<chrono::NaiveDate>().is_err()
            {
                problems.push(
                    Problem::new("invalid-date", format!("`{text}` is not a day")).at(document.location(&pointer)),
                );
            }
        };
        day(&framework.effective_from, "/effective_from".to_owned());
        day(&framework.effective_to, "/effective_to".to_owned());
        for (index, clause) in framework.clauses.iter().enumerate() {
            day(&clause.effective_from, format!("/clauses/{index}/effective_from"));
            day(&clause.effective_to, format!("/clauses/{index}/effective_to"));
        }
        for (index, clause) in framework.clauses.iter().enumerate() {
            if framework.clauses.iter().take(index).any(|earlier| earlier.id == clause.id) {
                let problem = Problem::new("duplicate-clause", format!("the clause `{}` is there already", clause.id));
                problems
                    .push(problem.at(document.location(&format!("/clauses/{index}/id"))).hint("keep one of the two"));
            }
        }
        if problems.is_empty() { Ok(framework) } else { Err(problems) }
    }

    /// Every clause as controls cite it: `eu-ai-act:Art.15.1`.
    pub(super) fn clause_ids(&self) -> impl Iterator<Item = String> {
        self.clauses.iter().map(|clause| format!("{}:{}", self.id, clause.id))
    }
}
