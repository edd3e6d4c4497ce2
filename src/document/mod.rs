//! YAML and JSON texts from outside, as values whose places are known.
//!
//! The text is read as parser events into a plain value beside a table of places. Anchors, aliases
//! and tags are refused: no document of ours needs them, and an alias bomb is how a reader is made to
//! run out of memory. What a document must look like is the JSON Schema of a Rust type.

mod decode;
mod file;
mod scalar;

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};
use serde_json::{Map, Value};

pub(crate) use self::file::unreadable;
pub use self::file::{TEXT_BYTES_MAX, read_text};
use crate::problem::{Location, Problem};

/// Nesting of mappings and sequences. Ours nest four deep; each level costs stack in what follows.
const DEPTH_MAX: usize = 32;

/// Scalars, sequences and mappings of one document.
const NODES_MAX: usize = 100_000;

/// A document: its value, and where every part of it stands.
#[derive(Debug, Clone)]
pub struct Document {
    file: String,
    value: Value,
    places: BTreeMap<String, Places>,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy)]
struct Places {
    key: Place,
    value: Place,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    line: u64,
    column: u64,
}

impl Place {
    // The parser counts lines from 1 and columns from 0.
    fn of(marker: &Marker) -> Self {
        Self { line: marker.line().max(1) as u64, column: marker.col() as u64 + 1 }
    }

    fn in_file(self, file: &str) -> Location {
        Location { file: file.to_owned(), line: self.line, column: self.column }
    }
}

impl Document {
    /// Reads `text`, which is called `file` in problems.
    ///
    /// # Errors
    /// Every problem, as far as the parser gets.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        if text.len() as u64 > TEXT_BYTES_MAX {
            let message = format!("`{file}` is larger than {TEXT_BYTES_MAX} bytes");
            return Err(vec![Problem::new("document-too-large", message)]);
        }
        let mut builder = Builder::new(file);
        // A byte-order mark is allowed at the start and is no part of the content.
        for event in Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
            match event {
                Ok((event, span)) => builder.take(event, &span),
                Err(error) => {
                    let problem = Problem::new("yaml-syntax", format!("not YAML: {}", error.info()));
                    builder.problems.push(problem.at(Place::of(error.marker()).in_file(file)));
                    break;
                }
            }
            if builder.is_over() {
                break;
            }
        }
        builder.finish()
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// The name of the file in problems.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Where the value at a JSON pointer stands, or the nearest thing above it that exists.
    #[must_use]
    pub fn location(&self, pointer: &str) -> Location {
        self.places(pointer).value.in_file(&self.file)
    }

    /// Where the key of the entry at a JSON pointer stands; for an element of a sequence, the element.
    #[must_use]
    pub fn key_location(&self, pointer: &str) -> Location {
        self.places(pointer).key.in_file(&self.file)
    }

    fn places(&self, pointer: &str) -> Places {
        let start = Place { line: 1, column: 1 };
        let mut pointer = pointer;
        loop {
            if let Some(places) = self.places.get(pointer) {
                return *places;
            }
            match pointer.rsplit_once('/') {
                Some((above, _)) => pointer = above,
                None => return Places { key: start, value: start },
            }
        }
    }
}

/// Adds a part to a JSON pointer (RFC 6901).
pub(crate) fn pointer_to(above: &str, part: &str) -> String {
    format!("{above}/{}", part.replace('~', "~0").replace('/', "~1"))
}

/// A collection that is being read.
enum Open {
    Sequence { items: Vec<Value> },
    Mapping { entries: Map<String, Value>, key: Option<(String, Place)> },
}

struct Frame {
    open: Open,
    pointer: String,
    places: Places,
}

struct Builder<'a> {
    file: &'a str,
    stack: Vec<Frame>,
    root: Option<Value>,
    places: BTreeMap<String, Places>,
    problems: Vec<Problem>,
    nodes: usize,
    documents: usize,
    over: bool,
}

impl<'a> Builder<'a> {
    const fn new(file: &'a str) -> Self {
        Self {
            file,
            stack: Vec::new(),
            root: None,
            places: BTreeMap::new(),
            problems: Vec::new(),
            nodes: 0,
            documents: 0,
            over: false,
        }
    }

    const fn is_over(&self) -> bool {
        self.over
    }

    fn refuse(&mut self, code: &'static str, message: impl Into<String>, hint: &str, place: Place) {
        self.problems.push(Problem::new(code, message).at(place.in_file(self.file)).hint(hint));
    }

    /// Takes one event. Collections are kept on a stack of our own, so that depth costs no call stack.
    fn take(&mut self, event: Event<'_>, span: &Span) {
        let place = Place::of(&span.start);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.refuse("yaml-documents", "there is more than one document", "remove what follows `---`", place);
                    self.over = true;
                }
            }
            Event::Alias(_) => {
                self.refuse("yaml-alias", "aliases are not allowed", "write the value out where it is used", place);
                self.add(Value::Null, place);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_decorations(anchor, tag.as_deref(), place);
                match scalar::resolve(&text, style == ScalarStyle::Plain) {
                    Ok(value) => self.add(value, place),
                    Err(message) => {
                        self.refuse("yaml-number", message, "write a number that JSON can carry, or quote it", place);
                        self.add(Value::Null, place);
                    }
                }
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_decorations(anchor, tag.as_deref(), place);
                self.open(Open::Sequence { items: Vec::new() }, place);
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_decorations(anchor, tag.as_deref(), place);
                self.open(Open::Mapping { entries: Map::new(), key: None }, place);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }

    fn refuse_decorations(&mut self, anchor: usize, tag: Option<&saphyr_parser::Tag>, place: Place) {
        if anchor != 0 {
            self.refuse("yaml-alias", "anchors are not allowed", "write the value out where it is used", place);
        }
        if let Some(tag) = tag {
            let message = format!("the tag `{}{}` is not allowed", tag.handle, tag.suffix);
            self.refuse("yaml-tag", message, "remove it; quote a value to make it a string", place);
        }
    }

    /// Where the next value goes, or none where a key is expected.
    fn next_slot(&self, place: Place) -> Option<(String, Places)> {
        let Some(frame) = self.stack.last() else { return Some((String::new(), Places { key: place, value: place })) };
        match &frame.open {
            Open::Sequence { items } => {
                let pointer = pointer_to(&frame.pointer, &items.len().to_string());
                Some((pointer, Places { key: place, value: place }))
            }
            Open::Mapping { key: Some((key, key_place)), .. } => {
                Some((pointer_to(&frame.pointer, key), Places { key: *key_place, value: place }))
            }
            Open::Mapping { key: None, .. } => None,
        }
    }

    fn count(&mut self, place: Place) {
        self.nodes += 1;
        if self.nodes == NODES_MAX + 1 {
            let message = format!("there are more than {NODES_MAX} values");
            self.refuse("document-too-large", message, "split the document", place);
            self.over = true;
        }
    }

    fn open(&mut self, open: Open, place: Place) {
        self.count(place);
        if self.stack.len() >= DEPTH_MAX {
            let message = format!("values nest more than {DEPTH_MAX} deep");
            self.refuse("document-too-deep", message, "flatten it", place);
            self.over = true;
            return;
        }
        let (pointer, places) = self.next_slot(place).unwrap_or_else(|| {
            // A collection as a key: refused when it closes.
            (String::new(), Places { key: place, value: place })
        });
        self.stack.push(Frame { open, pointer, places });
    }

    fn close(&mut self) {
        let Some(frame) = self.stack.pop() else { return };
        let value = match frame.open {
            Open::Sequence { items } => Value::Array(items),
            Open::Mapping { entries, .. } => Value::Object(entries),
        };
        self.put(value, frame.places.value);
    }

    fn add(&mut self, value: Value, place: Place) {
        self.count(place);
        self.put(value, place);
    }

    /// Puts a finished value where it belongs: into the open collection, or as the whole document.
    fn put(&mut self, value: Value, place: Place) {
        if let Some((pointer, places)) = self.next_slot(place) {
            self.places.entry(pointer).or_insert(places);
        }
        match self.stack.last_mut().map(|frame| &mut frame.open) {
            None => self.root = Some(value),
            Some(Open::Sequence { items }) => items.push(value),
            Some(Open::Mapping { entries, key: slot @ Some(_) }) => {
                if let Some((key, _)) = slot.take() {
                    // The first of two equal keys is kept: the second was refused as a key.
                    entries.entry(key).or_insert(value);
                }
            }
            Some(Open::Mapping { key: slot @ None, .. }) => {
                let key = match value {
                    Value::String(key) => key,
                    other => {
                        *slot = Some((other.to_string(), place));
                        let hint = "quote it to make it a string";
                        return self.refuse("yaml-key", format!("the key `{other}` is not a string"), hint, place);
                    }
                };
                *slot = Some((key.clone(), place));
                self.refuse_duplicate(&key, place);
            }
        }
    }

    fn refuse_duplicate(&mut self, key: &str, place: Place) {
        let Some(Frame { open: Open::Mapping { entries, .. }, pointer, .. }) = self.stack.last() else { return };
        if entries.contains_key(key) {
            let first = self.places.get(&pointer_to(pointer, key)).map_or(0, |places| places.key.line);
            let message = format!("the key `{key}` occurs twice; the first is in line {first}");
            self.refuse("duplicate-key", message, "keep one of them", place);
        }
    }

    fn finish(mut self) -> Result<Document, Vec<Problem>> {
        if self.root.as_ref().is_none_or(Value::is_null) && self.problems.is_empty() {
            let place = Place { line: 1, column: 1 };
            self.refuse("empty-document", format!("`{}` is empty", self.file), "see `modelgate init` for a start", place);
        }
        match self.root {
            Some(value) if self.problems.is_empty() => {
                Ok(Document { file: self.file.to_owned(), value, places: self.places })
            }
            _ => Err(self.problems),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn codes(text: &str) -> Vec<(&'static str, u64, u64)> {
        let problems = Document::parse("m.yaml", text).unwrap_err();
        let place = |problem: &Problem| problem.location.as_ref().map(|at| (at.line, at.column)).unwrap();
        problems.iter().map(|problem| (problem.code, place(problem).0, place(problem).1)).collect()
    }

    #[test]
    fn values_follow_the_core_schema_and_know_their_places() {
        let text = "\u{feff}a: no\nb:\n  - 1\n  - 2.5\n  - '3'\nc: {d: ~, e: true}\n";
        let document = Document::parse("m.yaml", text).unwrap();
        assert_eq!(*document.value(), json!({"a": "no", "b": [1, 2.5, "3"], "c": {"d": null, "e": true}}));
        let place = |pointer: &str| (document.location(pointer).line, document.location(pointer).column);
        assert_eq!(place("/b/1"), (4, 5));
        assert_eq!(place("/c/e"), (6, 14));
        assert_eq!(place("/c/e/absent/below"), (6, 14));
        assert_eq!(document.key_location("/c/e").column, 11);
    }

    #[test]
    fn what_is_refused_is_refused_at_its_place() {
        assert_eq!(codes("a: &x 1\nb: *x\n"), [("yaml-alias", 1, 4), ("yaml-alias", 2, 4)]);
        assert_eq!(codes("a: 1\nb: 2\na: 3\n"), [("duplicate-key", 3, 1)]);
        assert_eq!(codes("a: !!python/object x\n").first().map(|code| code.0), Some("yaml-tag"));
        assert_eq!(codes("1: a\n"), [("yaml-key", 1, 1)]);
        assert_eq!(codes("a: .nan\n"), [("yaml-number", 1, 4)]);
        assert_eq!(codes("a: 99999999999999999999\n"), [("yaml-number", 1, 4)]);
        assert_eq!(codes("a: 1\n---\nb: 2\n").first().map(|code| code.0), Some("yaml-documents"));
        assert_eq!(codes(""), [("empty-document", 1, 1)]);
        assert_eq!(codes(&"[".repeat(100)).first().map(|code| code.0), Some("document-too-deep"));
        assert_eq!(codes("a: [1").first().map(|code| code.0), Some("yaml-syntax"));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[ -~\\n\u{e9}]{0,120}") {
            let lines = text.lines().count() as u64 + 1;
            if let Err(problems) = Document::parse("m.yaml", &text) {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    prop_assert!(problem.location.unwrap().line <= lines + 1);
                }
            }
        }
    }
}
