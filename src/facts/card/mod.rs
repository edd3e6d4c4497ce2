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

/// Phrases in headings and what a section with them is about. The first match counts, so that what is
/// narrower stands first: "out-of-scope use" before "uses", "training data" before "data".
///
/// A phrase matches whole words, the last of them in the plural as well. The Hub's "Bias, Risks, and
/// Limitations" is about limitations: it stands in every card there, and says nothing of subgroups.
const HEADINGS: &[(&[&str], SectionKind)] = &[
    (&["out of scope", "misuse", "prohibited use"], SectionKind::OutOfScopeUse),
    (&["intended use", "direct use", "downstream use", "use case", "uses"], SectionKind::IntendedUse),
    (&["training"], SectionKind::TrainingData),
    (
        &["evaluation data", "evaluation dataset", "testing data", "test data", "evaluation set"],
        SectionKind::EvaluationData,
    ),
    (&["limitation", "caveat", "known issue"], SectionKind::Limitations),
    (&["fairness", "bias", "subgroup", "disaggregated"], SectionKind::Fairness),
    (&["performance", "metric", "evaluation", "result", "quantitative"], SectionKind::Performance),
    (&["ethical", "ethics", "societal", "risk"], SectionKind::EthicalConsiderations),
    (&["oversight", "human review", "contest", "contesting", "contestability"], SectionKind::HumanOversight),
    (&["monitoring", "in use", "in production"], SectionKind::Monitoring),
    (&["contact", "author", "maintainer"], SectionKind::Contact),
    (
        &["model detail", "model description", "architecture", "overview", "technical specification"],
        SectionKind::ModelDetails,
    ),
];

/// Texts that stand for something still to be written, in lower case.
const PLACEHOLDERS: &[&str] =
    &["todo", "tbd", "fixme", "xxx", "[more information needed]", "lorem ipsum", "[your ", "to be completed", "{{"];

/// HTML elements with attributes that take no value: `<details open>` is no `<your text>`.
const ELEMENTS_WITH_BARE_ATTRIBUTES: [&str; 10] =
    ["audio", "button", "details", "dialog", "img", "input", "ol", "option", "select", "video"];

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

/// What some editors put before a text; it is no part of it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The front matter and the byte at which the Markdown begins.
fn front_matter(path: &str, text: &str) -> Result<(Map<String, Value>, usize), Problem> {
    let mark = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    let first = text.get(mark..).unwrap_or_default().split_inclusive('\n').next().unwrap_or_default();
    if first.trim_end() != "---" || !first.ends_with('\n') {
        return Ok((Map::new(), mark));
    }
    let start = mark + first.len();
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
    let mut html = String::new();
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
            // A template's `<your text>` is HTML to the parser.
            Event::InlineHtml(part) => block.push_str(if is_template(&part) { &part } else { " " }),
            Event::Html(part) => html.push_str(&part),
            Event::End(TagEnd::HtmlBlock) => {
                block.push_str(&text_of_html(&html));
                html.clear();
                count_block(&mut sections, &mut block);
            }
            Event::SoftBreak | Event::HardBreak | Event::End(TagEnd::TableCell) => match &mut heading {
                Some(title) => title.push(' '),
                None => block.push(' '),
            },
            _ => {}
        }
    }
    count_block(&mut sections, &mut block);
    forget_title(&mut sections);
    sections
}

/// The only heading of the first level, when it begins the card, is its title: what words are in the name of
/// a model says nothing about the card, all of which is below it.
fn forget_title(sections: &mut [Section]) {
    if let [title, rest @ ..] = sections
        && title.level == 1
        && !rest.is_empty()
        && rest.iter().all(|section| section.level > 1)
    {
        title.kind = None;
    }
}

/// What a block of HTML shows: its text without tags and comments.
fn text_of_html(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, follows) = match after.strip_prefix("!--") {
            Some(comment) => ("", comment.split_once("-->").map_or("", |(_, follows)| follows)),
            None => after.split_once('>').unwrap_or((after, "")),
        };
        let template = format!("<{tag}>");
        text.push_str(if is_template(&template) { &template } else { " " });
        rest = follows;
    }
    text.push_str(rest);
    text
}

/// Whether something in angle brackets is to be replaced by a text, such as `<your text>` or `<model_name>`.
fn is_template(bracketed: &str) -> bool {
    let Some(inner) = bracketed.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else { return false };
    let first = inner.split_whitespace().next().unwrap_or_default().to_lowercase();
    inner.starts_with(|first: char| first.is_ascii_alphabetic())
        && inner.contains([' ', '_', '-'])
        && !inner.contains(['=', ':', '@', '<', '/', '\n'])
        && !ELEMENTS_WITH_BARE_ATTRIBUTES.contains(&first.as_str())
}

/// Whether a text has something in angle brackets that is to be replaced, as a word of its own.
fn has_template(text: &str) -> bool {
    text.match_indices('<').any(|(start, _)| {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let length = text.get(start..).and_then(|rest| rest.find('>'));
        let bracketed = length.and_then(|length| text.get(start..=start + length));
        !before.is_some_and(char::is_alphanumeric) && bracketed.is_some_and(is_template)
    })
}

/// Counts a finished block of text for its section and those that it is within.
fn count_block(sections: &mut [Section], block: &mut String) {
    let text = std::mem::take(block);
    if text.trim().is_empty() {
        return;
    }
    let lower = text.to_lowercase();
    let placeholder = matches!(lower.trim(), "..." | "\u{2026}")
        || has_template(&lower)
        || PLACEHOLDERS.iter().any(|mark| contains_mark(&lower, mark));
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
    let words: Vec<&str> =
        heading.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let occurs = |phrase: &&str| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        words.windows(phrase.len()).any(|window| {
            window.iter().zip(&phrase).enumerate().all(|(index, (word, expected))| {
                let ending = word.strip_prefix(expected);
                ending == Some("") || (index + 1 == phrase.len() && matches!(ending, Some("s" | "es")))
            })
        })
    };
    HEADINGS.iter().find(|(phrases, _)| phrases.iter().any(occurs)).map(|(_, kind)| *kind)
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
            "XXX",
            "\u{2026}",
            "The model <model_name> is for <insert purpose>",
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
            ("Bias, Risks, and Limitations", SectionKind::Limitations),
            ("Biases", SectionKind::Fairness),
            ("Uses", SectionKind::IntendedUse),
            ("Model Card Contact", SectionKind::Contact),
        ] {
            assert_eq!(kind_of(heading), Some(kind), "{heading}");
        }
        for heading in ["Appendix", "Root causes", "Main users", "Restraining", ""] {
            assert_eq!(kind_of(heading), None, "{heading}");
        }
    }

    #[test]
    fn a_title_is_no_section() {
        let expected = [(None, 1, 2, false), (Some(SectionKind::IntendedUse), 3, 2, false)];
        assert_eq!(summary("# Fairness classifier\n\n## Uses\n\none two\n"), expected);
        let kinds = |text: &str| summary(text).into_iter().map(|section| section.0).collect::<Vec<_>>();
        assert_eq!(kinds("# Fairness\n\na\n\n# Uses\n"), [Some(SectionKind::Fairness), Some(SectionKind::IntendedUse)]);
        assert_eq!(kinds("# Limitations\n\nSome.\n"), [Some(SectionKind::Limitations)]);
        assert_eq!(kinds("Limitations\n===\n\nSome.\n"), [Some(SectionKind::Limitations)]);
    }

    #[test]
    fn html_counts_by_its_text() {
        let words = |text: &str| summary(&format!("# Limitations\n\n{text}\n"))[0];
        let limitations = |words, placeholder| (Some(SectionKind::Limitations), 1, words, placeholder);
        assert_eq!(words("<p align=\"center\">one two</p>"), limitations(2, false));
        assert_eq!(words("<details open>\n<summary>one</summary>\ntwo three\n</details>"), limitations(3, false));
        assert_eq!(words("<!-- one two\nthree -->"), limitations(0, false));
        assert_eq!(words("<div><!-- one --> two</div>"), limitations(1, false));
        assert_eq!(words("one<br>two <!-- three -->"), limitations(2, false));
        assert_eq!(words("<your text>"), limitations(0, true));
        // As a reader of Markdown sees it, `<b and c>` is an element.
        assert_eq!(words("<https://example.org> if a<b and c>d"), limitations(5, false));
    }

    #[test]
    fn a_byte_order_mark_does_not_hide_the_front_matter() {
        let read = card("\u{feff}--- \nlicense: mit\n---\n\n# Uses\n\nFor example.\n").unwrap();
        assert_eq!((read.license.as_deref(), read.sections[0].line), (Some("mit"), 5));
    }
}
