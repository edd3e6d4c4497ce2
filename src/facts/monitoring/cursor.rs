//! Reading what others' programs define: keys of theirs that mean nothing here are passed over, and what is meant to be
//! read and has another type is a problem.

use serde_json::Value;

use super::Source;
use crate::document::{Document, pointer_to};
use crate::problem::{Location, Problem};

/// Characters of a text that becomes part of several signals, as `modelgate schema monitoring` has them of a name: long
/// ones would take the memory of both numbers multiplied.
const SHORT_CHARACTERS_MAX: usize = 256;

/// The beginning of a text.
pub(super) fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The beginning of a text that becomes part of several signals.
pub(super) fn short(text: &str) -> String {
    cut(text, SHORT_CHARACTERS_MAX)
}

/// A value of a document and its place.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    document: &'a Document,
    pointer: String,
    value: &'a Value,
}

impl<'a> Cursor<'a> {
    pub(super) fn root(document: &'a Document) -> Self {
        Self { document, pointer: String::new(), value: document.value() }
    }

    /// The value of a key that is there and not null.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Self { document: self.document, pointer: pointer_to(&self.pointer, key), value })
    }

    /// The value of the first of these keys that is there.
    pub(super) fn first(&self, keys: &[&str]) -> Option<Self> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// The value behind several keys.
    pub(super) fn path(&self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self.clone(), |cursor, key| cursor.get(key))
    }

    /// The items of a sequence; of anything else none.
    pub(super) fn items(&self) -> Vec<Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        let item =
            |(index, value)| Self { document: self.document, pointer: format!("{}/{index}", self.pointer), value };
        items.map(item).collect()
    }

    /// The items of the sequence behind a key.
    pub(super) fn items_of(&self, key: &str) -> Vec<Self> {
        self.get(key).map(|items| items.items()).unwrap_or_default()
    }

    /// The entries of a mapping that are not null, by their keys.
    pub(super) fn entries(&self) -> Vec<(&'a str, Self)> {
        let keys = self.value.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
        keys.filter_map(|key| Some((key, self.get(key)?))).collect()
    }

    pub(super) const fn value(&self) -> &'a Value {
        self.value
    }

    /// A text that is not blank; numbers and truths as they are written.
    pub(super) fn text(&self) -> Option<String> {
        let text = match self.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        (!text.trim().is_empty()).then_some(text)
    }

    pub(super) fn text_of(&self, key: &str) -> Option<String> {
        self.get(key)?.text()
    }

    /// The text behind a key, for several signals.
    pub(super) fn short_of(&self, key: &str) -> Option<String> {
        self.text_of(key).map(|text| short(&text))
    }

    /// The first of these keys that has a text.
    pub(super) fn first_text(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.text_of(key))
    }

    /// A finite number, also where it is written as text.
    pub(super) fn number(&self) -> Option<f64> {
        let number = match self.value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| number.is_finite())
    }

    /// The number behind a key; what is there and is none is a problem.
    pub(super) fn number_of(&self, key: &str, problems: &mut Vec<Problem>) -> Option<f64> {
        let found = self.get(key)?;
        let number = found.number();
        if number.is_none() {
            problems.push(found.problem("not-a-number", format!("`{key}` is no number"), "write a number"));
        }
        number
    }

    /// Whole seconds behind a key; what is there and is none, or below zero, is a problem.
    pub(super) fn seconds_of(&self, key: &str, problems: &mut Vec<Problem>) -> Option<u64> {
        let seconds = self.number_of(key, problems)?;
        if seconds < 0.0 {
            let found = self.get(key)?;
            problems.push(found.problem("duration", format!("`{key}` is below zero"), "write a duration"));
            return None;
        }
        Some(seconds as u64)
    }

    /// Whether the value of a key is true, in whatever way it is written.
    pub(super) fn is_true(&self, key: &str) -> Option<bool> {
        match self.get(key)?.value {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The texts of a sequence, or the one text that stands for it.
    pub(super) fn texts_of(&self, key: &str) -> Vec<String> {
        let Some(found) = self.get(key) else { return Vec::new() };
        match found.value {
            Value::Array(_) => found.items().iter().filter_map(Self::named).collect(),
            _ => found.named().into_iter().collect(),
        }
    }

    /// A text, or what a reference of a template refers to (`!Ref topic`, `{"Ref": "topic"}`).
    pub(super) fn named(&self) -> Option<String> {
        if let Some(text) = self.text() {
            return Some(text);
        }
        let (key, inner) = self.entries().into_iter().next()?;
        let inner = match inner.value {
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("."),
            _ => inner.text()?,
        };
        match key.trim_start_matches('!').trim_start_matches("Fn::") {
            // A text with places for parameters is read as it is written.
            "Sub" => Some(inner),
            key => Some(format!("{key}:{inner}")),
        }
    }

    pub(super) fn source(&self) -> Source {
        Source { file: self.document.file().to_owned(), line: self.document.key_location(&self.pointer).line }
    }

    pub(super) fn location(&self) -> Location {
        self.document.location(&self.pointer)
    }

    pub(super) fn problem(&self, code: &'static str, message: impl Into<String>, hint: &str) -> Problem {
        Problem::new(code, message).at(self.location()).hint(hint)
    }
}
