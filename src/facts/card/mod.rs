//! The model card: which sections it has, and whether anything is in them.

mod cyclonedx;
mod headings;
mod markdown;
mod placeholders;
mod sections;
mod toolkit;

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::FileFacts;
use crate::digest::Sha256Digest;
use crate::document::{JSON_BYTES_MAX, Json, Node, TEXT_BYTES_MAX, read_text};
use crate::problem::Problem;

/// A model card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CardFacts {
    /// The file.
    #[serde(flatten)]
    pub file: FileFacts,
    /// What it is written as.
    #[serde(default)]
    pub format: CardFormat,
    /// Licence that it states, or null.
    pub license: Option<String>,
    /// Whole front matter; empty where the format has none.
    pub front_matter: Map<String, Value>,
    /// Sections in the order of the text.
    pub sections: Vec<Section>,
}

/// What a model card is written as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CardFormat {
    /// Markdown, with YAML front matter as Hugging Face has it.
    #[default]
    Markdown,
    /// JSON of Google's Model Card Toolkit, version 0.0.2 of its schema.
    ModelCardToolkit,
    /// The `modelCard` of a component in a bill of materials of CycloneDX, 1.5 or later.
    Cyclonedx,
}

/// A section of a model card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Section {
    /// What the heading means, or null when it is none of the known ones.
    pub kind: Option<SectionKind>,
    /// The heading as written; in JSON the key.
    pub heading: String,
    /// Heading level, 1 to 6.
    pub level: u8,
    /// Line of the heading, from 1.
    pub line: u64,
    /// Words of content, placeholders not; those of subsections included unless they are about something else.
    pub words: u64,
    /// Whether placeholder text (`TODO`, `[More Information Needed]`) stands in it.
    pub placeholder: bool,
    /// Its content without markup and placeholders, a line for each block, cut after 20,000 characters; that of
    /// subsections is with them.
    #[serde(default)]
    pub text: String,
}

/// What a section of a model card is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SectionKind {
    /// What the model is: architecture, inputs, outputs, how it was trained.
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

/// A metric as a card states it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StatedMetric {
    /// Name of the metric.
    pub(crate) name: String,
    /// The subgroup or data set that it is of, if it is not of all.
    pub(crate) slice: Option<String>,
    /// Its value.
    pub(crate) value: f64,
}

/// The text of a card, read as far as that is the same for several formats.
enum CardText {
    Plain(String),
    Json(Json),
}

/// What a card says.
#[derive(Debug, Default)]
struct Content {
    license: Option<String>,
    front_matter: Map<String, Value>,
    sections: Vec<Section>,
}

/// Reads a card, which is called by its path in problems; none where it is of another format.
type Reader = fn(&str, &CardText) -> Result<Option<Content>, Problem>;

/// A new format is one file and one line here.
const FORMATS: &[(CardFormat, Reader)] = &[
    (CardFormat::Cyclonedx, cyclonedx::read),
    (CardFormat::ModelCardToolkit, toolkit::read),
    (CardFormat::Markdown, markdown::read),
];

/// Reads a model card. Its format is told by its content.
///
/// # Errors
/// The file is absent, too large, no text or of no known format, or something that is read is not as its format has it.
pub fn read(path: &str, absolute: &Path) -> Result<CardFacts, Problem> {
    let (file, text) = open(path, absolute)?;
    for (format, reader) in FORMATS {
        if let Some(Content { license, front_matter, sections }) = reader(path, &text)? {
            return Ok(CardFacts { file, format: *format, license, front_matter, sections });
        }
    }
    let message = format!("`{path}` is JSON and no model card that is known");
    Err(Problem::new("unknown-card", message)
        .hint("name a card of the Model Card Toolkit, a bill of materials of CycloneDX with one, or a Markdown file"))
}

/// The metrics that a JSON card states, with its file.
///
/// # Errors
/// As [`read`]; the card is of another format; a metric has no name or no number.
pub(crate) fn metrics(
    path: &str,
    absolute: &Path,
    format: CardFormat,
) -> Result<(FileFacts, Vec<StatedMetric>), Problem> {
    let (file, text) = open(path, absolute)?;
    let found = match (format, &text) {
        (CardFormat::ModelCardToolkit, CardText::Json(json)) => toolkit::metrics(json)?,
        (CardFormat::Cyclonedx, CardText::Json(json)) => cyclonedx::metrics(json)?,
        _ => None,
    };
    let other = || Problem::new("malformed-claims", format!("`{path}` is a card of another format"));
    found.map(|metrics| (file, metrics)).ok_or_else(|| other().hint("correct `format`, or the path"))
}

fn open(path: &str, absolute: &Path) -> Result<(FileFacts, CardText), Problem> {
    let text = read_text(absolute, path, JSON_BYTES_MAX)?;
    let file =
        FileFacts { path: path.to_owned(), sha256: Sha256Digest::of(text.as_bytes()), size_bytes: text.len() as u64 };
    let start = text.trim_start_matches('\u{feff}').trim_start();
    // Two braces are a place to be filled in a template of a Markdown card.
    if start.starts_with('{') && !start.starts_with("{{") {
        return Ok((file, CardText::Json(Json::parse(path, text)?)));
    }
    if file.size_bytes > TEXT_BYTES_MAX {
        let message = format!("`{path}` is larger than {TEXT_BYTES_MAX} bytes");
        return Err(Problem::new("file-too-large", message).hint("is it the right file?"));
    }
    Ok((file, CardText::Plain(text)))
}

/// The metrics of a list whose items have a `type`, a `value` and perhaps a `slice`, as both JSON formats write them.
fn stated(items: &[Node<'_>]) -> Result<Vec<StatedMetric>, Problem> {
    let metric = |item: &Node<'_>| {
        let name = item.needed_text("type")?.to_owned();
        let value = item.get("value");
        // Both formats write numbers as texts.
        let number = value.as_ref().and_then(|value| match value.value() {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        });
        let Some(number) = number.filter(|number: &f64| number.is_finite()) else {
            let at = value.as_ref().unwrap_or(item);
            let message = format!("the metric `{name}` has no number");
            return Err(at.problem("malformed-claims", message, "correct it, or state the claims in the manifest"));
        };
        Ok(StatedMetric { name, slice: sliced(item)?, value: number })
    };
    items.iter().map(metric).collect()
}

/// The slice of a metric; none where it is of all rows, for which the toolkit's own examples write `overall`.
fn sliced(item: &Node<'_>) -> Result<Option<String>, Problem> {
    let slice = item.text("slice")?;
    Ok(slice.filter(|slice| !slice.eq_ignore_ascii_case("overall")).map(str::to_owned))
}

/// Sections about the metrics of such a list: those over all rows, and those of slices.
fn performance(sections: &mut sections::Sections, owner: Option<&Node<'_>>, key: &str) -> Result<(), Problem> {
    let Some(owner) = owner else { return Ok(()) };
    let items = owner.objects(key)?;
    for (kind, heading, wants_slice) in
        [(SectionKind::Performance, key.to_owned(), false), (SectionKind::Fairness, format!("{key} by slice"), true)]
    {
        let mut begun = false;
        for item in &items {
            let slice = sliced(item)?;
            if slice.is_some() != wants_slice {
                continue;
            }
            if !begun {
                sections.begin(Some(kind), heading.clone(), 2, item.line());
                begun = true;
            }
            let value = item.get("value").map(|value| match value.value() {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            let name = item.text("type")?.unwrap_or_default();
            sections.add(&[name, slice.as_deref().unwrap_or_default(), &value.unwrap_or_default()].join(" "));
        }
    }
    Ok(())
}
