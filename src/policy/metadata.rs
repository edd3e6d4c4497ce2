//! The `# METADATA` block of a control: who it is, and what it asks for.
//!
//! The engine throws comments away, so the block is read from the source.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::document::Document;
use crate::policy::Severity;
use crate::problem::{Location, Problem, nearest};

/// A control, as its METADATA describes it.
#[derive(Debug, Clone)]
pub struct Control {
    /// Stable id, such as `VAL-003`.
    pub id: String,
    /// What it asks for.
    pub title: String,
    /// Why, and how it is judged.
    pub description: String,
    /// Domain: the folder that its folder is in.
    pub domain: String,
    /// How much it matters.
    pub severity: Severity,
    /// How to mend a fail.
    pub remediation: String,
    /// Whether a person may accept the risk of a fail.
    pub waivable: bool,
    /// Sections of the facts that must be there.
    pub needs: Vec<Need>,
    /// Parameters that the tier profile gives it.
    pub parameters: BTreeMap<String, Parameter>,
    /// Clauses of frameworks that it serves.
    pub frameworks: Vec<String>,
    /// Day from which on its enforcement counts; before it, a fail is a warning.
    pub effective_on: Option<String>,
    /// Its package, such as `modelgate.controls.validation.discrimination`.
    pub package: String,
    /// Its file in the bundle.
    pub path: String,
    /// Whether it can say that it does not apply.
    pub has_not_applicable: bool,
}

/// A section of the facts that a control cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// At least one artifact.
    Artifacts,
    /// At least one evaluation.
    Evaluations,
    /// At least one monitoring configuration.
    Monitoring,
    /// A model card.
    Card,
    /// A description of the change.
    Change,
}

/// A parameter of a control.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// What it means, with its unit.
    pub description: String,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    /// Any finite number.
    Number,
    /// A whole number.
    Integer,
    /// A text.
    String,
    /// True or false.
    Boolean,
    /// A list.
    Array,
}

impl ParameterType {
    /// Whether `value` is of this type.
    #[must_use]
    pub fn admits(self, value: &serde_json::Value) -> bool {
        match self {
            Self::Number => value.is_number(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::String => value.is_string(),
            Self::Boolean => value.is_boolean(),
            Self::Array => value.is_array(),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawMetadata {
    #[schemars(length(min = 1, max = 120))]
    title: String,
    #[schemars(length(min = 1))]
    description: String,
    custom: RawCustom,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawCustom {
    #[schemars(regex(pattern = "^[A-Z]{3}-[0-9]{3}$"))]
    id: String,
    severity: Severity,
    #[schemars(length(min = 1))]
    remediation: String,
    waivable: bool,
    #[serde(default)]
    needs: Vec<Need>,
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
    #[serde(default)]
    frameworks: Vec<String>,
    #[serde(default)]
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    effective_on: Option<String>,
}

/// Reads the METADATA block above the `package` line of a control's source.
///
/// # Errors
/// There is none, or every problem of it.
pub(super) fn read(path: &str, shown: &str, source: &str, clauses: &BTreeSet<String>) -> Result<Control, Vec<Problem>> {
    let start = Location { file: shown.to_owned(), line: 1, column: 1 };
    let lines: Vec<&str> = source.lines().collect();
    let package_line = lines.iter().position(|line| line.starts_with("package ")).unwrap_or(lines.len());
    let header = lines.get(..package_line).unwrap_or_default();
    let Some(marker) = header.iter().rposition(|line| line.trim() == "# METADATA") else {
        return Err(vec![
            Problem::new("no-metadata", "the control has no METADATA block above its package")
                .at(start)
                .hint("begin the file with `# METADATA` and its YAML as comments; see docs/policies.md"),
        ]);
    };
    // Blank lines before the block and nothing in front of its text: lines and columns stay those of the
    // source but for the two characters of each comment.
    let block: Vec<&str> = header.get(marker + 1..).unwrap_or_default().iter().map(|line| comment_text(line)).collect();
    let text = format!("{}{}", "\n".repeat(marker + 1), block.join("\n"));
    let document = Document::parse(shown, &text).map_err(shift_columns)?;
    let raw: RawMetadata = document.decode().map_err(shift_columns)?;
    let mut problems = Vec::new();
    for (index, clause) in raw.custom.frameworks.iter().enumerate() {
        if !clauses.contains(clause) {
            let problem =
                Problem::new("unknown-clause", format!("no framework of the bundle has the clause `{clause}`"))
                    .at(document.location(&format!("/custom/frameworks/{index}")));
            problems.push(match nearest(clause, clauses.iter().map(String::as_str)) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("add it to its catalogue in `frameworks/`"),
            });
        }
    }
    if let Some(day) = &raw.custom.effective_on
        && day.parse::<chrono::NaiveDate>().is_err()
    {
        let problem = Problem::new("invalid-date", format!("`{day}` is not a day"));
        problems.push(problem.at(document.location("/custom/effective_on")));
    }
    if !problems.is_empty() {
        return Err(shift_columns(problems));
    }
    let folders: Vec<&str> = path.split('/').collect();
    let domain = folders.get(1).copied().unwrap_or_default().to_owned();
    let name = folders.get(2).copied().unwrap_or_default();
    Ok(Control {
        id: raw.custom.id,
        title: raw.title,
        description: raw.description.trim_end().to_owned(),
        package: format!("modelgate.controls.{domain}.{name}"),
        domain,
        severity: raw.custom.severity,
        remediation: raw.custom.remediation,
        waivable: raw.custom.waivable,
        needs: raw.custom.needs,
        parameters: raw.custom.parameters,
        frameworks: raw.custom.frameworks,
        effective_on: raw.custom.effective_on,
        path: path.to_owned(),
        has_not_applicable: false,
    })
}

fn comment_text(line: &str) -> &str {
    let text = line.trim_start().strip_prefix('#').unwrap_or_default();
    text.strip_prefix(' ').unwrap_or(text)
}

fn shift_columns(problems: Vec<Problem>) -> Vec<Problem> {
    const COMMENT_CHARACTERS: u64 = 2;
    let shift = |mut problem: Problem| {
        if let Some(location) = &mut problem.location {
            location.column += COMMENT_CHARACTERS;
        }
        problem
    };
    problems.into_iter().map(shift).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
# METADATA
# title: A title
# description: A description
# custom:
#   id: VAL-001
#   severity: high
#   remediation: Mend it.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum: {type: number, description: Least value}
#   frameworks: [law:1]
package modelgate.controls.validation.sample
";

    fn codes(source: &str) -> Vec<(&'static str, u64, u64)> {
        let clauses = BTreeSet::from(["law:1".to_owned()]);
        match read("controls/validation/sample/sample.rego", "s.rego", source, &clauses) {
            Ok(_) => Vec::new(),
            Err(problems) => problems
                .iter()
                .map(|problem| {
                    let at = problem.location.as_ref().unwrap();
                    (problem.code, at.line, at.column)
                })
                .collect(),
        }
    }

    #[test]
    fn a_block_is_read_and_its_mistakes_have_places() {
        assert_eq!(codes(SOURCE), []);
        assert_eq!(codes(&SOURCE.replace("law:1", "law:2")), [("unknown-clause", 12, 18)]);
        assert_eq!(codes(&SOURCE.replace("severity: high", "severity: hihg")), [("unknown-value", 6, 15)]);
        assert_eq!(codes(&SOURCE.replace("remediation", "remedation")), [("missing-key", 4, 3), ("unknown-key", 7, 5)]);
        assert_eq!(codes("package x\n"), [("no-metadata", 1, 1)]);
    }
}
