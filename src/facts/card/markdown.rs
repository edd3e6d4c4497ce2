//! Markdown, with YAML front matter between lines of `---` as Hugging Face has it.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::{Map, Value};

use super::headings::kind_of;
use super::placeholders::is_template;
use super::sections::Sections;
use super::{CardText, Content, Section};
use crate::document::Document;
use crate::problem::Problem;

/// Reads the card, unless it is JSON.
pub(super) fn read(path: &str, text: &CardText) -> Result<Option<Content>, Problem> {
    let CardText::Plain(text) = text else { return Ok(None) };
    let (front_matter, body_start) = front_matter(path, text)?;
    let license = front_matter.get("license").and_then(|license| match license {
        Value::String(license) => Some(license.clone()),
        // The Hub allows a list of licences.
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        _ => None,
    });
    let sections = sections(text, body_start);
    Ok(Some(Content { license, front_matter, sections }))
}

/// What some editors put before a text; it is no part of it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The front matter and the byte at which the Markdown begins.
fn front_matter(path: &str, text: &str) -> Result<(Map<String, Value>, usize), Problem> {
    let mark = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    // The Hub takes white space before it, and cards have it.
    let blank = text.get(mark..).unwrap_or_default();
    let start = mark + blank.len() - blank.trim_start().len();
    let first = text.get(start..).unwrap_or_default().split_inclusive('\n').next().unwrap_or_default();
    if first.trim_end() != "---" || !first.ends_with('\n') {
        return Ok((Map::new(), mark));
    }
    let start = start + first.len();
    let mut end = start;
    for line in text.get(start..).unwrap_or_default().split_inclusive('\n') {
        let after = end + line.len();
        if line.trim_end() == "---" {
            // Line feeds stand for what is before, so that places are those of the card.
            let before = text.get(..start).unwrap_or_default().matches('\n').count();
            let yaml = "\n".repeat(before) + text.get(start..end).unwrap_or_default();
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
    let mut sections = Sections::default();
    let mut heading: Option<String> = None;
    let mut in_code = false;
    let mut block = String::new();
    let mut html = String::new();
    // The line of the last heading and the byte that it begins at: counting from the start for each takes hours.
    let (mut line, mut counted) = (1 + newlines(text.get(..body_start)), body_start);
    for (event, range) in Parser::new_ext(body, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                sections.add(&std::mem::take(&mut block));
                let start = body_start + range.start;
                (line, counted) = (line + newlines(text.get(counted..start)), start);
                sections.begin(None, "", level as u8, line);
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
            ) => sections.add(&std::mem::take(&mut block)),
            Event::Text(part) | Event::Code(part) if !in_code => match &mut heading {
                Some(title) => title.push_str(&part),
                None => block.push_str(&part),
            },
            // A template's `<your text>` is HTML to the parser.
            Event::InlineHtml(part) => block.push_str(if is_template(&part) { &part } else { " " }),
            Event::Html(part) => html.push_str(&part),
            Event::End(TagEnd::HtmlBlock) => {
                block.push_str(&text_of_html(&std::mem::take(&mut html)));
                sections.add(&std::mem::take(&mut block));
            }
            Event::SoftBreak | Event::HardBreak | Event::End(TagEnd::TableCell) => match &mut heading {
                Some(title) => title.push(' '),
                None => block.push(' '),
            },
            _ => {}
        }
    }
    sections.add(&block);
    sections.finish()
}

fn newlines(text: Option<&str>) -> u64 {
    text.unwrap_or_default().matches('\n').count() as u64
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::card::SectionKind;
    use proptest::prelude::*;

    fn card(text: &str) -> Result<Content, Problem> {
        read("CARD.md", &CardText::Plain(text.to_owned())).map(Option::unwrap)
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

    #[test]
    fn blank_lines_before_the_front_matter_are_passed_over() {
        let read = card("\n\n---\nlicense: mit\n---\n\n# Uses\n\nFor example.\n").unwrap();
        assert_eq!((read.license.as_deref(), read.sections[0].line), (Some("mit"), 7));
        let problem = card("\n---\nlicense: mit\nlicense: x\n---\n").unwrap_err();
        assert_eq!((problem.code, problem.location.unwrap().line), ("duplicate-key", 4));
    }

    #[test]
    fn placeholders_are_no_content() {
        assert_eq!(summary("# Limitations\n\nTODO\n"), [(Some(SectionKind::Limitations), 1, 0, true)]);
        // What the trainer of Transformers writes for everybody.
        let text = "<!-- You should probably proofread and complete it -->\n\n# m\n\n## Intended uses & limitations\n\n\
                    More information needed\n\n## Training and evaluation data\n\nMore information needed\n\n\
                    ## Training procedure\n\n### Training hyperparameters\n\n- learning_rate: 2e-05\n";
        let expected = [
            (None, 3, 2, true),
            (Some(SectionKind::IntendedUse), 5, 0, true),
            (Some(SectionKind::TrainingData), 9, 0, true),
            (Some(SectionKind::ModelDetails), 13, 2, false),
            (Some(SectionKind::ModelDetails), 15, 2, false),
        ];
        assert_eq!(summary(text), expected);
        // The Hub's template as it comes, and with the instructions no longer hidden.
        let hidden =
            "# Uses\n\n<!-- This section is for the model use when fine-tuned for a task, or when plugged in -->\n";
        assert_eq!(summary(hidden), [(Some(SectionKind::IntendedUse), 1, 0, false)]);
        let shown = hidden.replace("<!-- ", "").replace(" -->", "");
        assert_eq!(summary(&shown), [(Some(SectionKind::IntendedUse), 1, 0, true)]);
    }

    #[test]
    fn text_is_kept_without_markup_and_placeholders() {
        let read =
            card("# Uses\n\nFor *one*\nthing, see [there](https://example.org).\n\n- TODO\n- `two`\n\n## Not\n\nx\n");
        let texts: Vec<_> = read.unwrap().sections.into_iter().map(|section| section.text).collect();
        assert_eq!(texts, ["For one thing, see there.\ntwo", "x"]);
    }

    #[test]
    fn a_card_of_nothing_but_headings_is_read_in_one_go() {
        // Whoever looks at all sections for each block, or counts lines from the start, is busy for hours.
        let text = "# a\n\nb\n\n".repeat(100_000);
        assert_eq!(card(&text).unwrap().sections.len(), 100_000);
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "(---\n|# |## |[-a-z:<>!`*|{}\\[\\]é\u{feff} \n]){0,60}") {
            let _ = card(&text);
        }
    }
}
