//! JSON texts that other programs write: larger than ours, and with keys that mean nothing here.
//!
//! Keys that nobody asks for are passed over. What is asked for and has another type is a problem with its place,
//! which is looked up in the text when it is needed: a table of places would take more memory than the values.

use serde_json::Value;

use super::{part_of_pointer, pointer_to, strict_json};
use crate::problem::{Location, Problem};

/// Size of such a text: a bill of materials of a container image with the texts of its licences is a third of it.
pub(crate) const JSON_BYTES_MAX: u64 = 32 << 20;

/// Values in it. Such a bill has some hundred thousand; each takes about a hundred bytes of memory.
const VALUES_MAX: usize = 1_000_000;

/// A text and its value.
#[derive(Debug)]
pub(crate) struct Json {
    file: String,
    text: String,
    value: Value,
}

impl Json {
    /// Reads `text`, which is called `file` in problems.
    ///
    /// # Errors
    /// It is no JSON, has a key twice in one object, or more values than [`VALUES_MAX`].
    pub(crate) fn parse(file: &str, mut text: String) -> Result<Self, Problem> {
        // A mark that programs on Windows put before a text; RFC 8259, section 8.1, lets readers pass it over.
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        let value = strict_json::parse_at_most(text.as_bytes(), VALUES_MAX).map_err(|error| {
            let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
            let column = line.get(..error.column().saturating_sub(1)).map_or(1, |before| before.chars().count() + 1);
            let location = Location { file: file.to_owned(), line: error.line().max(1) as u64, column: column as u64 };
            let what = error.to_string();
            let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
            Problem::new("json-syntax", format!("`{file}` is no JSON that can be read: {what}"))
                .at(location)
                .hint("write it again with the program that it is from")
        })?;
        Ok(Self { file: file.to_owned(), text, value })
    }

    /// All of it.
    pub(crate) fn root(&self) -> Node<'_> {
        Node { json: self, pointer: String::new(), value: &self.value }
    }

    fn location(&self, pointer: &str) -> Location {
        let before = self.text.get(..offset_of(&self.text, pointer)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Location {
            file: self.file.clone(),
            line: before.matches('\n').count() as u64 + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() as u64 + 1,
        }
    }
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    json: &'a Json,
    pointer: String,
    value: &'a Value,
}

impl<'a> Node<'a> {
    /// The value behind a key, if it is there and not null.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Self { json: self.json, pointer: pointer_to(&self.pointer, key), value })
    }

    /// The object behind a key, if there is one.
    ///
    /// # Errors
    /// What is there is no object.
    pub(crate) fn object(&self, key: &str) -> Result<Option<Self>, Problem> {
        match self.get(key) {
            Some(found) if !found.value.is_object() => Err(found.expected(key, "an object")),
            found => Ok(found),
        }
    }

    /// The items of the list behind a key; none where nothing is there.
    ///
    /// # Errors
    /// What is there is no list.
    pub(crate) fn items(&self, key: &str) -> Result<Vec<Self>, Problem> {
        let Some(found) = self.get(key) else { return Ok(Vec::new()) };
        let Value::Array(items) = found.value else { return Err(found.expected(key, "a list")) };
        let item = |(index, value)| Self { json: self.json, pointer: format!("{}/{index}", found.pointer), value };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// The items of the list behind a key, each of which is an object.
    ///
    /// # Errors
    /// What is there is no list, or an item is no object.
    pub(crate) fn objects(&self, key: &str) -> Result<Vec<Self>, Problem> {
        let items = self.items(key)?;
        match items.iter().find(|item| !item.value.is_object()) {
            Some(other) => Err(other.expected(key, "a list of objects")),
            None => Ok(items),
        }
    }

    /// The text behind a key; none where nothing is there or it is blank.
    ///
    /// # Errors
    /// What is there is no text.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, Problem> {
        match self.get(key).map(|found| (found.value, found)) {
            None => Ok(None),
            Some((Value::String(text), _)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Some((_, found)) => Err(found.expected(key, "a text")),
        }
    }

    /// The text behind a key that cannot be done without.
    ///
    /// # Errors
    /// What is there is no text, nothing, or blank.
    pub(crate) fn needed_text(&self, key: &str) -> Result<&'a str, Problem> {
        self.text(key)?.ok_or_else(|| self.problem("missing-key", format!("there is no `{key}`"), "add it"))
    }

    /// The value itself.
    pub(crate) const fn value(&self) -> &'a Value {
        self.value
    }

    /// Its line, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.json.location(&self.pointer).line
    }

    /// A problem at its place.
    pub(crate) fn problem(&self, code: &'static str, message: impl Into<String>, hint: &str) -> Problem {
        Problem::new(code, message).at(self.json.location(&self.pointer)).hint(hint)
    }

    fn expected(&self, key: &str, what: &str) -> Problem {
        self.problem("wrong-type", format!("`{key}` is not {what}"), &format!("write {what}"))
    }
}

/// The byte at which what a pointer names begins, or the nearest thing above it. `text` is JSON.
fn offset_of(text: &str, pointer: &str) -> usize {
    let mut at = after_space(text, 0);
    for part in pointer.split('/').skip(1) {
        match child(text, at, &part_of_pointer(part)) {
            Some(below) => at = below,
            None => break,
        }
    }
    at.min(text.len())
}

/// The byte at which the entry or item `part` of the object or list at `start` begins.
fn child(text: &str, start: usize, part: &str) -> Option<usize> {
    let byte = |at: usize| text.as_bytes().get(at).copied();
    let is_object = match byte(start)? {
        b'{' => true,
        b'[' => false,
        _ => return None,
    };
    let wanted: Option<usize> = part.parse().ok();
    let mut at = after_space(text, start + 1);
    for index in 0.. {
        if matches!(byte(at)?, b'}' | b']') {
            return None;
        }
        let mut found = wanted == Some(index);
        if is_object {
            let end = end_of_value(text, at);
            found = serde_json::from_str::<String>(text.get(at..end)?).ok()? == part;
            // Past the colon.
            at = after_space(text, after_space(text, end) + 1);
        }
        if found {
            return Some(at);
        }
        at = after_space(text, end_of_value(text, at));
        if byte(at)? == b',' {
            at = after_space(text, at + 1);
        }
    }
    None
}

fn after_space(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    start + rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len()
}

/// The byte after the value that begins at `start`.
fn end_of_value(text: &str, start: usize) -> usize {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate().skip(start) {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            if !in_text && depth == 0 {
                return at + 1;
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 1 => depth -= 1,
            b'}' | b']' if depth == 1 => return at + 1,
            // The end of a number or a word.
            b'}' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Json {
        Json::parse("a.json", text.to_owned()).unwrap()
    }

    fn place(json: &Json, pointer: &str) -> (u64, u64) {
        let location = json.location(pointer);
        (location.line, location.column)
    }

    #[test]
    fn every_value_has_its_place() {
        let text =
            "\u{feff}{\n  \"a/b\": [1, -2.5e3,\n    {\"é\\\"}\": [[], {}, \"]\"]}],\n \"c\": true , \"d\" : null}\n";
        let json = parse(text);
        assert_eq!(place(&json, ""), (1, 1));
        assert_eq!(place(&json, "/a~1b"), (2, 10));
        assert_eq!(place(&json, "/a~1b/1"), (2, 14));
        assert_eq!(place(&json, "/a~1b/2/é\"}/2"), (3, 23));
        assert_eq!(place(&json, "/c"), (4, 7));
        assert_eq!(place(&json, "/d"), (4, 20));
        // What is not there is at what it would be in.
        assert_eq!(place(&json, "/a~1b/7/x"), (2, 10));
        assert_eq!(place(&json, "/c/x"), (4, 7));
    }

    #[test]
    fn what_is_asked_for_has_a_type() {
        let json = parse("{\"a\": \" x \",\n\"b\": [1], \"c\": \"  \", \"d\": null, \"e\": {\"f\": 7}}");
        let root = json.root();
        assert_eq!(root.text("a").unwrap(), Some("x"));
        assert_eq!((root.text("c").unwrap(), root.text("d").unwrap(), root.text("z").unwrap()), (None, None, None));
        assert_eq!(root.items("b").unwrap().len(), 1);
        assert!(root.items("z").unwrap().is_empty() && root.object("z").unwrap().is_none());
        let said = |problem: Problem| problem.to_string();
        assert_eq!(said(root.text("b").unwrap_err()), "a.json:2:6: `b` is not a text (hint: write a text)");
        assert_eq!(said(root.items("e").unwrap_err()), "a.json:2:38: `e` is not a list (hint: write a list)");
        assert_eq!(said(root.object("a").unwrap_err()), "a.json:1:7: `a` is not an object (hint: write an object)");
        assert_eq!(root.objects("b").unwrap_err().code, "wrong-type");
        let inner = root.object("e").unwrap().unwrap();
        assert_eq!(said(inner.needed_text("g").unwrap_err()), "a.json:2:38: there is no `g` (hint: add it)");
        assert_eq!((inner.get("f").unwrap().value().as_u64(), inner.line()), (Some(7), 2));
    }

    #[test]
    fn what_is_no_json_is_refused_at_its_place() {
        let said = |text: &str| {
            let problem = Json::parse("a.json", text.to_owned()).unwrap_err();
            let location = problem.location.unwrap();
            assert_eq!(problem.code, "json-syntax");
            (location.line, location.column)
        };
        assert_eq!(said(""), (1, 1));
        assert_eq!(said("{\n \"é\": 1,\n \"é\": 2}"), (3, 4));
        assert_eq!(said("{\"a\": 1} x"), (1, 10));
        let many = format!("[{}1]", "1,".repeat(VALUES_MAX));
        assert!(Json::parse("a.json", many).unwrap_err().message.contains("too many values"));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[\\[\\]{}:,\"\\\\ 0-9a-zé\n]{0,60}", pointer in "(/[a-z0-9]{0,2}){0,4}") {
            if let Ok(json) = Json::parse("a.json", text.clone()) {
                json.location(&pointer);
            }
            // Whatever it is, it is not JSON that was read.
            prop_assert!(offset_of(&text, &pointer) <= text.len());
        }

        #[test]
        fn the_place_of_a_value_is_where_it_begins(keys in prop::collection::vec("[a-z\"\\\\/~ ]{0,3}", 1..5), wanted in 0_usize..4) {
            let mut entries = serde_json::Map::new();
            for (index, key) in keys.iter().enumerate() {
                entries.insert(key.clone(), serde_json::json!([{"x": index}, "]"]));
            }
            let key = &keys[wanted % keys.len()];
            let text = serde_json::to_string_pretty(&entries).unwrap();
            let pointer = pointer_to("", key) + "/0/x";
            let expected = entries[key][0]["x"].to_string();
            prop_assert!(text[offset_of(&text, &pointer)..].starts_with(&expected));
        }
    }
}
