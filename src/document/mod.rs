//! YAML and JSON texts from outside, as values whose places are known.
//!
//! The text is read as parser events into a plain value beside a table of places. Anchors, aliases
//! and tags are refused: no document of ours needs them, and an alias bomb is how a reader is made to
//! run out of memory. What a document must look like is the JSON Schema of a Rust type.

mod decode;
mod file;
mod json;
mod scalar;
pub(crate) mod strict_json;
mod surrogates;

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};
use serde_json::{Map, Value};

pub use self::file::{TEXT_BYTES_MAX, read_text};
pub(crate) use self::file::{special, text_of, unreadable};
pub(crate) use self::json::{JSON_BYTES_MAX, Json, Node};
use crate::problem::{Location, Problem};

/// Nesting of mappings and sequences. Ours nest four deep; each level costs stack in what follows.
const DEPTH_MAX: usize = 32;

/// Scalars, sequences and mappings of one document.
const NODES_MAX: usize = 100_000;

/// Problems that are told at once. Whoever has so many mends the first and asks again; a text of
/// nothing but mistakes must not fill a log.
pub(crate) const PROBLEMS_MAX: usize = 100;

/// Characters of a key or a value that a message quotes.
const QUOTED_CHARACTERS_MAX: usize = 60;

/// A document: its value, and where every part of it stands.
#[derive(Debug, Clone)]
pub struct Document {
    file: String,
    value: Value,
    places: Places,
}

/// Where an entry stands, and everything below it.
///
/// A tree of the value's own shape: a table of JSON pointers would repeat every key for every value
/// below it, and one long key above many values would then fill the memory.
#[derive(Debug, Clone)]
struct Places {
    key: Place,
    value: Place,
    below: Below,
}

#[derive(Debug, Clone)]
enum Below {
    Nothing,
    Items(Vec<Places>),
    Entries(BTreeMap<String, Places>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    line: u64,
    column: u64,
}

impl Place {
    const START: Self = Self { line: 1, column: 1 };

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
        Self::read(file, text, false)
    }

    /// The same of a template of CloudFormation, whose tags (`!Ref topic`) become mappings (`{"!Ref": "topic"}`).
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with_tags(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        Self::read(file, text, true)
    }

    fn read(file: &str, text: &str, with_tags: bool) -> Result<Self, Vec<Problem>> {
        if text.len() as u64 > TEXT_BYTES_MAX {
            let message = format!("`{file}` is larger than {TEXT_BYTES_MAX} bytes");
            return Err(vec![Problem::new("document-too-large", message)]);
        }
        // A byte-order mark is allowed at the start and is no part of the content.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let joined = surrogates::joined(text);
        let (text, pairs) = match &joined {
            Some((text, pairs)) => (text.as_str(), pairs.as_slice()),
            None => (text, [].as_slice()),
        };
        let lines = Lines::of(text, pairs);
        let mut builder = Builder::new(file, with_tags);
        for event in Parser::new_from_str(text) {
            match event {
                Ok((event, span)) => builder.take(event, lines.place(&span.start)),
                Err(error) => {
                    let hint = "look at the indentation, the quotes and the brackets here and above";
                    builder.refuse(
                        "yaml-syntax",
                        format!("not YAML: {}", error.info()),
                        hint,
                        lines.place(error.marker()),
                    );
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

    /// The places of what a pointer names, or of the nearest thing above it.
    fn places(&self, pointer: &str) -> &Places {
        let mut places = &self.places;
        for part in pointer.split('/').skip(1) {
            let below = match &places.below {
                Below::Nothing => None,
                Below::Items(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
                Below::Entries(entries) => entries.get(&part_of_pointer(part)),
            };
            match below {
                Some(below) => places = below,
                None => break,
            }
        }
        places
    }
}

/// Characters of each line.
///
/// At the end of a text the parser is a line ahead, even if no line break is there: a place of its is
/// brought back into the text.
struct Lines<'a> {
    lengths: Vec<usize>,
    /// Places behind which more characters stand in the text than the parser was given.
    pairs: &'a [(usize, usize)],
}

impl<'a> Lines<'a> {
    fn of(text: &str, pairs: &'a [(usize, usize)]) -> Self {
        // YAML breaks lines at line feeds, carriage returns, and both together (YAML 1.2.2, 5.4).
        let mut lengths = vec![0];
        let mut previous = ' ';
        for character in text.chars() {
            match (previous, character) {
                ('\r', '\n') => {}
                (_, '\r' | '\n') => lengths.push(0),
                _ => {
                    if let Some(length) = lengths.last_mut() {
                        *length += 1;
                    }
                }
            }
            previous = character;
        }
        Self { lengths, pairs }
    }

    // The parser counts lines from 1 and columns from 0.
    fn place(&self, marker: &Marker) -> Place {
        let line = marker.line().clamp(1, self.lengths.len());
        let length = self.lengths.get(line - 1).copied().unwrap_or_default();
        let column = if line == marker.line() { marker.col().min(length) } else { length };
        let pairs_before = |place| self.pairs.partition_point(|pair| *pair <= place);
        let pairs = pairs_before((line, column)).saturating_sub(pairs_before((line, 0)));
        Place { line: line as u64, column: (column + surrogates::CHARACTERS_LESS * pairs) as u64 + 1 }
    }
}

/// The first of `problems`, and how many more there are.
pub(crate) fn bounded(mut problems: Vec<Problem>) -> Vec<Problem> {
    let more = problems.len().saturating_sub(PROBLEMS_MAX);
    if more > 0 {
        problems.truncate(PROBLEMS_MAX);
        problems.push(
            Problem::new("more-problems", format!("{more} more problems are not shown")).hint("mend these first"),
        );
    }
    problems
}

/// The beginning of a text from outside, for a message.
fn cut(text: &str) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(QUOTED_CHARACTERS_MAX).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// A part of a JSON pointer without its escapes (RFC 6901, section 4: `~1` first, so that `~01` is `~1`).
fn part_of_pointer(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// Adds a part to a JSON pointer (RFC 6901).
pub(crate) fn pointer_to(above: &str, part: &str) -> String {
    format!("{above}/{}", part.replace('~', "~0").replace('/', "~1"))
}

/// A collection that is being read.
enum Open {
    Sequence { items: Vec<Value>, places: Vec<Places> },
    Mapping { entries: Map<String, Value>, places: BTreeMap<String, Places>, key: Option<(String, Place)> },
}

struct Frame {
    open: Open,
    place: Place,
    /// The tag before it.
    tag: Option<String>,
}

/// A value below its tag.
fn tagged(value: Value, tag: Option<String>) -> Value {
    match tag {
        Some(tag) => Value::Object(Map::from_iter([(tag, value)])),
        None => value,
    }
}

/// Why a key is refused.
enum Refused {
    Duplicate { line: u64 },
    NotText(String),
}

struct Builder<'a> {
    file: &'a str,
    stack: Vec<Frame>,
    root: Option<(Value, Places)>,
    problems: Vec<Problem>,
    nodes: usize,
    documents: usize,
    over: bool,
    /// Whether local tags are read.
    with_tags: bool,
}

impl<'a> Builder<'a> {
    fn new(file: &'a str, with_tags: bool) -> Self {
        let (stack, problems) = (Vec::new(), Vec::new());
        Self { file, stack, root: None, problems, nodes: 0, documents: 0, over: false, with_tags }
    }

    const fn is_over(&self) -> bool {
        self.over
    }

    fn refuse(&mut self, code: &'static str, message: impl Into<String>, hint: &str, place: Place) {
        self.problems.push(Problem::new(code, message).at(place.in_file(self.file)).hint(hint));
        self.over |= self.problems.len() >= PROBLEMS_MAX;
    }

    /// Takes one event. Collections are kept on a stack of our own, so that depth costs no call stack.
    fn take(&mut self, event: Event<'_>, place: Place) {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.refuse(
                        "yaml-documents",
                        "there is more than one document",
                        "remove what follows `---`",
                        place,
                    );
                    self.over = true;
                }
            }
            Event::Alias(_) => {
                self.refuse("yaml-alias", "aliases are not allowed", "write the value out where it is used", place);
                self.add(Value::Null, place);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = self.tag(anchor, tag.as_deref(), place);
                let plain = style == ScalarStyle::Plain;
                if plain && text == "<<" && self.expects_key() {
                    self.refuse("yaml-merge-key", "merge keys are not allowed", "write the entries out", place);
                }
                match scalar::resolve(&text, plain) {
                    Ok(value) => self.add(tagged(value, tag), place),
                    Err(message) => {
                        self.refuse("yaml-number", message, "write a number that JSON can carry, or quote it", place);
                        self.add(Value::Null, place);
                    }
                }
            }
            Event::SequenceStart(anchor, tag) => {
                let tag = self.tag(anchor, tag.as_deref(), place);
                self.open(Open::Sequence { items: Vec::new(), places: Vec::new() }, place, tag);
            }
            Event::MappingStart(anchor, tag) => {
                let tag = self.tag(anchor, tag.as_deref(), place);
                self.open(Open::Mapping { entries: Map::new(), places: BTreeMap::new(), key: None }, place, tag);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }

    /// The tag of a value, where tags are read; it and anchors are refused elsewhere.
    fn tag(&mut self, anchor: usize, tag: Option<&saphyr_parser::Tag>, place: Place) -> Option<String> {
        if anchor != 0 {
            self.refuse("yaml-alias", "anchors are not allowed", "write the value out where it is used", place);
        }
        let tag = tag?;
        if self.with_tags && tag.handle == "!" {
            return Some(format!("!{}", tag.suffix));
        }
        let message = format!("the tag `{}` is not allowed", cut(&format!("{}{}", tag.handle, tag.suffix)));
        self.refuse("yaml-tag", message, "remove it; quote a value to make it a string", place);
        None
    }

    fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { open: Open::Mapping { key: None, .. }, .. }))
    }

    fn count(&mut self, place: Place) {
        self.nodes += 1;
        if self.nodes == NODES_MAX + 1 {
            let message = format!("there are more than {NODES_MAX} values");
            self.refuse("document-too-large", message, "split the document", place);
            self.over = true;
        }
    }

    fn open(&mut self, open: Open, place: Place, tag: Option<String>) {
        self.count(place);
        if self.stack.len() >= DEPTH_MAX {
            let message = format!("values nest more than {DEPTH_MAX} deep");
            self.refuse("document-too-deep", message, "flatten it", place);
            self.over = true;
            return;
        }
        self.stack.push(Frame { open, place, tag });
    }

    fn close(&mut self) {
        let Some(Frame { open, place, tag }) = self.stack.pop() else { return };
        let (value, below) = match open {
            Open::Sequence { items, places } => (Value::Array(items), Below::Items(places)),
            Open::Mapping { entries, places, .. } => (Value::Object(entries), Below::Entries(places)),
        };
        // Below a tag the places are those of what it stands before.
        self.put(tagged(value, tag), below, place);
    }

    fn add(&mut self, value: Value, place: Place) {
        self.count(place);
        self.put(value, Below::Nothing, place);
    }

    /// Puts a finished value where it belongs: into the open collection, or as the whole document.
    fn put(&mut self, value: Value, below: Below, place: Place) {
        let mut there = Places { key: place, value: place, below };
        match self.stack.last_mut().map(|frame| &mut frame.open) {
            None => self.root = Some((value, there)),
            Some(Open::Sequence { items, places }) => {
                items.push(value);
                places.push(there);
            }
            Some(Open::Mapping { entries, places, key }) => match key.take() {
                Some((name, key_place)) => {
                    there.key = key_place;
                    // The first of two equal keys is kept: the second was refused as a key.
                    places.entry(name.clone()).or_insert(there);
                    entries.entry(name).or_insert(value);
                }
                None => {
                    let (name, refused) = match value {
                        Value::String(name) => {
                            let first = places.get(&name).map(|first| first.key.line);
                            (name, first.map(|line| Refused::Duplicate { line }))
                        }
                        other => (String::new(), Some(Refused::NotText(decode::described(&other)))),
                    };
                    *key = Some((name.clone(), place));
                    if let Some(refused) = refused {
                        self.refuse_key(&name, refused, place);
                    }
                }
            },
        }
    }

    fn refuse_key(&mut self, name: &str, refused: Refused, place: Place) {
        match refused {
            Refused::Duplicate { line } => {
                let message = format!("the key `{}` occurs twice; the first is in line {line}", cut(name));
                self.refuse("duplicate-key", message, "keep one of them", place);
            }
            Refused::NotText(what) => {
                let message = format!("a key is {what}, and keys are strings");
                self.refuse("yaml-key", message, "quote it to make it a string", place);
            }
        }
    }

    fn finish(mut self) -> Result<Document, Vec<Problem>> {
        if self.root.as_ref().is_none_or(|(value, _)| value.is_null()) && self.problems.is_empty() {
            self.refuse("empty-document", format!("`{}` is empty", self.file), "is it the right file?", Place::START);
        }
        match self.root {
            Some((value, places)) if self.problems.is_empty() => {
                Ok(Document { file: self.file.to_owned(), value, places })
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

    fn only_problem(text: &str) -> String {
        let problems = Document::parse("m.yaml", text).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        format!("{} {}", problems[0].code, problems[0])
    }

    #[test]
    fn json_escapes_characters_in_halves() {
        let text = "{\"\\ud83d\\ude80 a\": \"\\\\ud83d \\uD83D\\uDEA8\\u00e9\", \"b\": [1,\r\n \"\\udbff\\udfff\", 2]}";
        let document = Document::parse("m.json", text).unwrap();
        assert_eq!(*document.value(), serde_json::from_str::<Value>(text).unwrap());
        let place = |pointer: &str| (document.location(pointer).line, document.location(pointer).column);
        for (pointer, expected) in [("/b/0", "1,\r"), ("/b/1", "\"\\udbff"), ("/b/2", "2]")] {
            let before = &text[..text.find(expected).unwrap()];
            let line = before.matches('\n').count();
            let column = before.rsplit('\n').next().unwrap().chars().count();
            assert_eq!(place(pointer), (line as u64 + 1, column as u64 + 1), "{pointer}");
        }
        // Half a character is none, and YAML has no such escapes.
        for text in
            [r#"{"a": "\ud83d"}"#, r#"{"a": "\ude00\ud83d"}"#, "a: \"\\ud83d\\ude00\"", "{a: \"\\ud83d\\ude00\"}"]
        {
            assert!(only_problem(text).starts_with("yaml-syntax"), "{text}");
        }
        assert_eq!(*Document::parse("m.yaml", "a: '\\ud83d\\ude00'").unwrap().value(), json!({"a": "\\ud83d\\ude00"}));
    }

    proptest! {
        #[test]
        fn json_is_read_as_json_whatever_it_escapes(text in any::<String>(), line in "[a\\u{1f600}\\u{fffff}\n]{0,8}") {
            let escaped: String = serde_json::to_string(&(text, line)).unwrap().encode_utf16().map(|unit| match unit {
                0x20..0x7f => char::from_u32(unit.into()).unwrap().to_string(),
                _ => format!("\\u{unit:04x}"),
            }).collect();
            let document = Document::parse("m.json", &escaped).unwrap();
            prop_assert_eq!(document.value(), &serde_json::from_str::<Value>(&escaped).unwrap());
        }
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
        assert_eq!(place("/b/9"), place("/b"));
        assert_eq!(place("/absent"), place(""));
        assert_eq!(document.key_location("/c/e").column, 11);
        assert_eq!(document.key_location("/b").line, 2);
    }

    #[test]
    fn keys_that_json_pointers_escape_are_found() {
        let document = Document::parse("m.yaml", "a/b:\n  c~d: 1\n  ~1: 2\n").unwrap();
        assert_eq!(document.location(&pointer_to(&pointer_to("", "a/b"), "c~d")).line, 2);
        assert_eq!(document.location("/a~1b/~01").line, 3);
    }

    #[test]
    fn json_is_yaml() {
        let text = "{\n  \"a\": [1, -2.5e3, \"\\u00e9\\n\"],\n\t\"b\": {\"c\": null, \"d\": false}\n}\n";
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(*Document::parse("m.json", text).unwrap().value(), expected);
    }

    #[test]
    fn what_is_refused_is_refused_at_its_place() {
        for (text, problem) in [
            (
                "a: 1\nb: 2\na: 3\n",
                "duplicate-key m.yaml:3:1: the key `a` occurs twice; the first is in line 1 (hint: keep one of them)",
            ),
            (
                "a: !!str 1\n",
                "yaml-tag m.yaml:1:4: the tag `tag:yaml.org,2002:str` is not allowed (hint: remove it; quote a value to make it a string)",
            ),
            (
                "1: a\n",
                "yaml-key m.yaml:1:1: a key is the number `1`, and keys are strings (hint: quote it to make it a string)",
            ),
            (
                "a: 1\n? [b]\n: 2\n",
                "yaml-key m.yaml:2:3: a key is a list, and keys are strings (hint: quote it to make it a string)",
            ),
            ("<<: {a: 1}\n", "yaml-merge-key m.yaml:1:1: merge keys are not allowed (hint: write the entries out)"),
            (
                "a: .nan\n",
                "yaml-number m.yaml:1:4: `.nan` is not a finite number (hint: write a number that JSON can carry, or quote it)",
            ),
            (
                "a: 99999999999999999999\n",
                "yaml-number m.yaml:1:4: the integer `99999999999999999999` is beyond 64 bits (hint: write a number that JSON can carry, or quote it)",
            ),
            (
                "a: 1\n---\nb: 2\n",
                "yaml-documents m.yaml:2:1: there is more than one document (hint: remove what follows `---`)",
            ),
            (
                "a: [1",
                "yaml-syntax m.yaml:1:6: not YAML: while parsing a flow sequence, expected ',' or ']' (hint: look at the indentation, the quotes and the brackets here and above)",
            ),
            ("", "empty-document m.yaml:1:1: `m.yaml` is empty (hint: is it the right file?)"),
            ("# nothing\n", "empty-document m.yaml:1:1: `m.yaml` is empty (hint: is it the right file?)"),
            ("~\n", "empty-document m.yaml:1:1: `m.yaml` is empty (hint: is it the right file?)"),
        ] {
            assert_eq!(only_problem(text), problem);
        }
        assert_eq!(codes("a: &x 1\nb: *x\n"), [("yaml-alias", 1, 4), ("yaml-alias", 2, 4)]);
        assert_eq!(codes("a: !!python/object x\nb: *x\n"), [("yaml-tag", 1, 4), ("yaml-syntax", 2, 4)]);
        // A quoted `<<` is a key like any other.
        assert_eq!(*Document::parse("m.yaml", "'<<': 1\n").unwrap().value(), json!({"<<": 1}));
    }

    #[test]
    fn what_is_over_a_limit_is_refused_at_the_limit() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Document::parse("m.yaml", &nested(DEPTH_MAX)).is_ok());
        assert_eq!(codes(&nested(DEPTH_MAX + 1)), [("document-too-deep", 1, 33)]);
        let list = |items: usize| "- 1\n".repeat(items);
        assert!(Document::parse("m.yaml", &list(NODES_MAX - 1)).is_ok());
        assert_eq!(codes(&list(NODES_MAX)), [("document-too-large", 100_000, 3)]);
        let text = |bytes: usize| format!("a{}", " ".repeat(bytes - 1));
        assert!(Document::parse("m.yaml", &text(1 << 20)).is_ok());
        let problems = Document::parse("m.yaml", &text((1 << 20) + 1)).unwrap_err();
        assert_eq!(problems[0].code, "document-too-large");
        let refused = "- &a 1\n".repeat(PROBLEMS_MAX + 1);
        assert_eq!(codes(&refused).len(), PROBLEMS_MAX);
    }

    #[test]
    fn messages_quote_the_beginning_of_what_is_long() {
        let key = "k".repeat(5000);
        for text in [format!("? {key}\n: 1\n? {key}\n: 2\n"), format!("a: {}\n", "9".repeat(5000)), format!("!{key} a")]
        {
            let problems = Document::parse("m.yaml", &text).unwrap_err();
            assert!(problems[0].message.chars().count() < 130, "{}", problems[0].message);
            assert!(problems[0].message.contains('…'), "{}", problems[0].message);
        }
    }

    #[test]
    fn an_alias_bomb_is_refused_and_never_expanded() {
        let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
        for (name, previous) in ('b'..='z').zip('a'..='y') {
            bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{previous}"); 9].join(", ")));
        }
        let problems = codes(&bomb);
        assert_eq!(problems.first(), Some(&("yaml-alias", 1, 4)));
        assert!(problems.len() <= PROBLEMS_MAX && problems.iter().all(|problem| problem.0 == "yaml-alias"));
    }

    #[test]
    fn a_long_key_above_many_values_costs_no_more_than_its_text() {
        // A table of pointers would take 45 gigabytes here.
        let key = "k".repeat(500_000);
        let document = Document::parse("m.yaml", &format!("? {key}\n: [{}1]\n", "1,".repeat(90_000))).unwrap();
        assert_eq!(document.location(&format!("/{key}/90000")).column, 4 + 180_000);
    }

    /// Every place in a tree of places.
    fn all_places(places: &Places, found: &mut Vec<Place>) {
        found.extend([places.key, places.value]);
        match &places.below {
            Below::Nothing => {}
            Below::Items(items) => items.iter().for_each(|below| all_places(below, found)),
            Below::Entries(entries) => entries.values().for_each(|below| all_places(below, found)),
        }
    }

    fn assert_places_are_in(text: &str) {
        let places = match Document::parse("m.yaml", text) {
            Ok(document) => {
                let mut places = Vec::new();
                all_places(&document.places, &mut places);
                places
            }
            Err(problems) => {
                assert!(!problems.is_empty());
                let place = |at: Location| Place { line: at.line, column: at.column };
                problems.into_iter().map(|problem| place(problem.location.unwrap())).collect()
            }
        };
        let text = text.replace("\r\n", "\n");
        let lines: Vec<&str> = text.split(['\n', '\r']).collect();
        for Place { line, column } in places {
            let length =
                lines.get(line as usize - 1).unwrap_or_else(|| panic!("line {line} of {text:?}")).chars().count();
            assert!(column >= 1 && column <= length as u64 + 1, "{line}:{column} of {text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn arbitrary_text_never_panics_and_places_are_in_it(text in any::<String>()) {
            assert_places_are_in(&text);
        }

        // Mostly what YAML gives a meaning to.
        #[test]
        fn arbitrary_punctuation_never_panics_and_places_are_in_it(
            text in "([-?:,{}&*!|>'\"%@`#. \t\n\r\\[\\]\\\\]|[a<~0-9x\u{e9}\u{feff}\u{85}\u{2028}]|---|\n  |: |- ){0,40}",
        ) {
            assert_places_are_in(&text);
        }
    }
}
