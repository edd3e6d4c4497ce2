//! What tests ask of documents: of which elements they are made, and what a reader sees.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, Options, Parser, Tag};
use quick_xml::events::{BytesStart, Event as XmlEvent};

use super::escape;

/// The elements of a document and its text. Equality is that of the elements.
#[derive(Debug, Clone)]
pub(super) struct Structure {
    elements: BTreeMap<String, usize>,
    pub(super) text: String,
}

impl PartialEq for Structure {
    fn eq(&self, other: &Self) -> bool {
        self.elements == other.elements
    }
}

impl Structure {
    pub(super) fn count(&self, element: &str) -> usize {
        self.elements.get(element).copied().unwrap_or(0)
    }

    /// Of a page, which has to be well-formed beside the elements that have no end. `code` is not counted: prose makes it of
    /// what stands between backticks.
    pub(super) fn of_html(page: &str) -> Self {
        let lines = page.lines().filter(|line| !line.starts_with("<meta ") && !line.starts_with("<link "));
        let xml: String = lines.flat_map(|line| [line, "\n"]).collect();
        let xml = xml.replace("<!doctype html>", "").replace("<br>", "<br/>");
        let mut reader = quick_xml::Reader::from_str(&xml);
        let (mut elements, mut text) = (BTreeMap::new(), String::new());
        loop {
            match reader.read_event().unwrap() {
                XmlEvent::Eof => break,
                XmlEvent::Start(start) | XmlEvent::Empty(start) => count(&mut elements, &start),
                XmlEvent::Text(part) => text.push_str(&part.decode().unwrap()),
                XmlEvent::GeneralRef(reference) => text.push(character(&reference.decode().unwrap())),
                XmlEvent::End(_) => {}
                other => panic!("{other:?}"),
            }
        }
        Self { elements, text }
    }

    /// Of Markdown, in which the only HTML is a break within a cell.
    pub(super) fn of_markdown(markdown: &str) -> Self {
        let (mut elements, mut text) = (BTreeMap::new(), String::new());
        let options = Options::all().difference(Options::ENABLE_SMART_PUNCTUATION);
        for event in Parser::new_ext(markdown, options) {
            let name = match event {
                Event::Start(Tag::Heading { .. }) => "heading",
                Event::Start(Tag::Table(_)) => "table",
                Event::Start(Tag::TableHead | Tag::TableRow) => "row",
                Event::Start(Tag::TableCell) => "cell",
                Event::Start(Tag::Item) => "item",
                Event::Start(Tag::List(None)) => "list",
                Event::Start(Tag::Strong) => "strong",
                Event::Start(Tag::Paragraph) => "paragraph",
                Event::InlineHtml(html) if &*html == "<br>" => "break",
                Event::Text(part) | Event::Code(part) => {
                    text.push_str(&part);
                    continue;
                }
                Event::End(_) | Event::SoftBreak => continue,
                other => panic!("{other:?} in\n{markdown}"),
            };
            *elements.entry(name.to_owned()).or_default() += 1;
        }
        Self { elements, text: text.replace('\u{200b}', "") }
    }
}

fn count(elements: &mut BTreeMap<String, usize>, start: &BytesStart<'_>) {
    let name = String::from_utf8(start.name().as_ref().to_vec()).unwrap();
    for attribute in start.attributes() {
        let attribute = attribute.unwrap();
        let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
        assert!(!key.starts_with("on") && key != "style" && key != "src", "{name} {key}");
        assert!(key != "href" || attribute.value.starts_with(b"#"), "{name} {attribute:?}");
    }
    if name != "code" {
        *elements.entry(name).or_default() += 1;
    }
}

fn character(reference: &str) -> char {
    match reference {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "#39" => '\'',
        "#91" => '[',
        other => panic!("&{other};"),
    }
}

/// Fails where a document holds what cannot be seen, or a line that a CI runner takes for a command.
pub(super) fn nothing_hidden(document: &str) {
    let hidden = |character: char| !matches!(character, '\n' | '\u{200b}') && escape::is_hidden(character);
    assert!(!document.chars().any(hidden));
    assert!(document.lines().all(|line| !line.trim_start().starts_with("::") && !line.contains("##[")));
}
