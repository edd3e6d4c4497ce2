//! The model card: which sections it has, and whether anything is in them.

use std::path::Path;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::FileFacts;
use crate::digest::Sha256Digest;
use crate::document::{Document, TEXT_BYTES_MAX, read_text};
use crate::problem::Problem;

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

/// Words in headings and what a section with them is about. The first match counts, so that what is
/// narrower stands first: "out-of-scope use" before "use", "training data" before "data".
const HEADINGS: &[(&[&str], SectionKind)] = &[
    (&["out-of-scope", "out of scope", "misuse", "prohibited use"], SectionKind::OutOfScopeUse),
    (&["intended use", "direct use", "downstream use", "use cases", "uses"], SectionKind::IntendedUse),
    (&["training"], SectionKind::TrainingData),
    (&["evaluation data", "testing data", "test data", "evaluation set"], SectionKind::EvaluationData),
    (&["fairness", "bias", "subgroup", "disaggregated"], SectionKind::Fairness),
    (&["limitation", "caveat", "known issue"], SectionKind::Limitations),
    (&["performance", "metrics", "evaluation", "results", "quantitative"], SectionKind::Performance),
    (&["ethical", "societal", "risks"], SectionKind::EthicalConsiderations),
    (&["oversight", "human review", "contest"], SectionKind::HumanOversight),
    (&["monitoring", "in use", "in production"], SectionKind::Monitoring),
    (&["contact", "authors", "maintainer"], SectionKind::Contact),
    (
        &["model details", "model description", "architecture", "overview", "technical specification"],
        SectionKind::ModelDetails,
    ),
];

/// Texts that stand for something still to be written, in lower case.
const PLACEHOLDERS: &[&str] =
    &["todo", "tbd", "fixme", "[more information needed]", "lorem ipsum", "<your ", "[your ", "to be completed", "{{"];

/// Reads a model card: Markdown, with YAML front matter between lines of `---`.
///
/// # Errors
/// The file is absent, too large or no text, or its front matter is not YAML.
pub fn read(path: &str, absolute: &Path) -> Result<CardFacts, Problem> {
    let text = read_text(absolute, path, TEXT_BYTES_MAX)?;
    let file =
        FileFacts { path: path.to_owned(), sha256: Sha256Digest::of(text.as_bytes()), size_bytes: text.len() as u64 };
    let (front_matter, body_start) = front_matter(path, &text)?;
    let license = front_matter.get("license").and_then(|license| match license {
        Value::String(license) => Some(license.clone()),
        // The Hub allows a list of licences.
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        _ => None,
    });
    let sections = sections(&text, body_start);
    Ok(CardFacts { file, license, front_matter, sections })
}

/// The front matter and the byte at which the Markdown begins.
fn front_matter(path: &str, text: &str) -> Result<(Map<String, Value>, usize), Problem> {
    let none = Ok((Map::new(), 0));
    let start = if text.starts_with("---\n") {
        4
    } else if text.starts_with("---\r\n") {
        5
    } else {
        return none;
    };
    let mut end = start;
    for line in text.get(start..).unwrap_or_default().split_inclusive('\n') {
        let after = end + line.len();
        if line.trim_end() == "---" {
            // A line feed stands for the opening line, so that places are those of the card.
            let yaml = format!("\n{}", text.get(start..end).unwrap_or_default());
            if yaml.trim().is_empty() {
                return Ok((Map::new(), after));
            }
            let document = Document::parse(path, &yaml).map_err(|problems| {
                let first = problems.into_iter().next();
                first.unwrap_or_else(|| Problem::new("front-matter", "the front matter cannot be read"))
            })?;
            return match document.value() {
                Value::Object(entries) => Ok((entries.clone(), after)),
                _ => Err(Problem::new("front-matter", format!("the front matter of `{path}` is not a mapping"))
                    .at(document.location(""))
                    .hint("write keys and values, such as `license: apache-2.0`")),
            };
        }
        end = after;
    }
    Err(Problem::new("front-matter", format!("the front matter of `{path}` does not end"))
        .hint("close it with a line of `---`"))
}

/// Every heading with what stands below it, down to the next heading of its level or above.
fn sections(text: &str, body_start: usize) -> Vec<Section> {
    let body = text.get(body_start..).unwrap_or_default();
    let mut sections: Vec<Section> = Vec::new();
    let mut heading: Option<String> = None;
    let mut in_code = false;
    let mut block = String::new();
    for (event, range) in Parser::new_ext(body, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                count_block(&mut sections, &mut block);
                let line = text.get(..body_start + range.start).unwrap_or_default().matches('\n').count() as u64 + 1;
                sections.push(Section {
                    kind: None,
                    heading: String::new(),
                    level: level as u8,
                    line,
                    words: 0,
                    placeholder: false,
                });
                heading = Some(String::new());
            }
            Event::End(TagEnd::Heading(_)) => {
                if let (Some(title), Some(section)) = (heading.take(), sections.last_mut()) {
                    section.kind = kind_of(&title);
                    section.heading = title;
                }
            }
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::End(
                TagEnd::Paragraph | TagEnd::Item | TagEnd::TableRow | TagEnd::TableHead | TagEnd::BlockQuote(_),
            ) => {
                count_block(&mut sections, &mut block);
            }
            Event::Text(part) | Event::Code(part) if !in_code => match &mut heading {
                Some(title) => title.push_str(&part),
                None => block.push_str(&part),
            },
            // A template's `<your text>` is HTML to the parser; a comment is no content.
            Event::InlineHtml(part) if !part.starts_with("<!--") => block.push_str(&part),
            Event::SoftBreak | Event::HardBreak | Event::End(TagEnd::TableCell) => match &mut heading {
                Some(title) => title.push(' '),
                None => block.push(' '),
            },
            _ => {}
        }
    }
    count_block(&mut sections, &mut block);
    sections
}

/// Counts a finished block of text for its section and those that it is within.
fn count_block(sections: &mut [Section], block: &mut String) {
    let text = std::mem::take(block);
    if text.trim().is_empty() {
        return;
    }
    let lower = text.to_lowercase();
    let placeholder = lower.trim() == "..." || PLACEHOLDERS.iter().any(|mark| contains_mark(&lower, mark));
    let words = if placeholder { 0 } else { text.split_whitespace().count() as u64 };
    let mut within = u8::MAX;
    for section in sections.iter_mut().rev() {
        if section.level < within {
            within = section.level;
            section.words += words;
            section.placeholder |= placeholder;
        }
    }
}

/// Whether `mark` occurs as a word of its own: a card about `mastodon` holds no `todo`.
fn contains_mark(text: &str, mark: &str) -> bool {
    text.match_indices(mark).any(|(start, _)| {
        let is_letter = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(start + mark.len()..).and_then(|after| after.chars().next());
        let ends_in_letter = mark.ends_with(char::is_alphanumeric);
        let starts_with_letter = mark.starts_with(char::is_alphanumeric);
        !(starts_with_letter && is_letter(before) || ends_in_letter && is_letter(after))
    })
}

fn kind_of(heading: &str) -> Option<SectionKind> {
    let heading = heading.to_lowercase();
    HEADINGS.iter().find(|(words, _)| words.iter().any(|word| heading.contains(word))).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(text: &str) -> Result<CardFacts, Problem> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read("CARD.md", file.path())
    }

    fn summary(text: &str) -> Vec<(Option<SectionKind>, u64, u64, bool)> {
        let sections = card(text).unwrap().sections;
        sections.iter().map(|section| (section.kind, section.line, section.words, section.placeholder)).collect()
    }

    #[test]
    fn front_matter_is_read_at_its_place() {
        let read = card("---\nlicense: mit\ntags: [a]\n---\n\n# Uses\n\nFor example.\n").unwrap();
        assert_eq!(read.license.as_deref(), Some("mit"));
        assert_eq!(read.sections[0].line, 6);
        assert_eq!(card("# No front matter\n").unwrap().license, None);
        let problem = card("---\nlicense: mit\nlicense: x\n---\n").unwrap_err();
        assert_eq!((problem.code, problem.location.unwrap().line), ("duplicate-key", 3));
        assert_eq!(card("---\nlicense: mit\n").unwrap_err().code, "front-matter");
        assert_eq!(card("---\n- a\n---\n").unwrap_err().code, "front-matter");
    }

    #[test]
    fn content_counts_for_the_sections_that_it_is_within() {
        let text = "# Card\n\none two\n\n## Training data\n\nthree four five\n\n### Sources\n\n- six\n- seven eight\n\n\
                    ## Limitations\n\n```\n# not a heading\nnot content\n```\n<!-- nor this -->\n\n| a | b |\n|---|---|\n| c | d |\n";
        let expected = [
            (None, 1, 12, false),
            (Some(SectionKind::TrainingData), 5, 6, false),
            (None, 9, 3, false),
            (Some(SectionKind::Limitations), 14, 4, false),
        ];
        assert_eq!(summary(text), expected);
    }

    #[test]
    fn placeholders_are_no_content() {
        for text in [
            "TODO",
            "To be completed by the team",
            "[More Information Needed]",
            "...",
            "Write <your text> here",
            "TBD.",
        ] {
            let sections = summary(&format!("# Limitations\n\n{text}\n"));
            assert_eq!(sections, [(Some(SectionKind::Limitations), 1, 0, true)], "{text}");
        }
        assert_eq!(summary("# Uses\n\nmastodon posts\n")[0].2, 2);
    }

    #[test]
    fn headings_are_understood() {
        for (heading, kind) in [
            ("Out-of-Scope Use", SectionKind::OutOfScopeUse),
            ("Intended uses & limitations", SectionKind::IntendedUse),
            ("Training Details", SectionKind::TrainingData),
            ("Evaluation data", SectionKind::EvaluationData),
            ("Evaluation results", SectionKind::Performance),
            ("Bias, Risks, and Limitations", SectionKind::Fairness),
            ("Model Card Contact", SectionKind::Contact),
        ] {
            assert_eq!(kind_of(heading), Some(kind), "{heading}");
        }
        assert_eq!(kind_of("Appendix"), None);
    }
}
