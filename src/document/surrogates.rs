//! Characters beyond the first 65,536, which JSON escapes as two halves (RFC 8259, section 7): YAML, as which all
//! documents are read, has one escape for them, and takes a half for a mistake.

use serde::de::IgnoredAny;

/// Characters of such a pair, `\ud83d\ude00`.
const PAIR_CHARACTERS: usize = 12;

/// Characters by which a pair is longer than YAML's escape of the same, `\U0001f600`.
pub(super) const CHARACTERS_LESS: usize = 2;

/// A JSON text with YAML's escapes, and the place behind each of them: the line from 1 and the column from 0, as the
/// parser counts them. None if the text is no JSON or has no such character.
pub(super) fn joined(text: &str) -> Option<(String, Vec<(usize, usize)>)> {
    if !text.trim_start().starts_with(['{', '[']) || !text.contains("\\ud") && !text.contains("\\uD") {
        return None;
    }
    // In JSON, unlike in YAML, each backslash begins an escape.
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let (mut joined, mut places) = (String::with_capacity(text.len()), Vec::new());
    let mut walk = Walk { line: 1, column: 0, previous: ' ' };
    let mut rest = text;
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        let (replaced, length) = match pair(escape) {
            Some(character) => (format!("\\U{:08x}", u32::from(character)), PAIR_CHARACTERS),
            None => (escape.chars().take(2).collect(), 2),
        };
        for part in [before, replaced.as_str()] {
            walk.over(part);
            joined.push_str(part);
        }
        if length == PAIR_CHARACTERS {
            places.push((walk.line, walk.column));
        }
        rest = escape.get(length..)?;
    }
    joined.push_str(rest);
    (!places.is_empty()).then_some((joined, places))
}

/// The character of two escapes at the beginning of a text.
fn pair(text: &str) -> Option<char> {
    let half = |at: usize| u16::from_str_radix(text.get(at..at + 6)?.strip_prefix("\\u")?, 16).ok();
    char::decode_utf16([half(0)?, half(6)?]).next()?.ok().filter(|character| u32::from(*character) > 0xffff)
}

/// A place in a text.
struct Walk {
    line: usize,
    column: usize,
    previous: char,
}

impl Walk {
    fn over(&mut self, part: &str) {
        for character in part.chars() {
            match (self.previous, character) {
                ('\r', '\n') => {}
                (_, '\r' | '\n') => (self.line, self.column) = (self.line + 1, 0),
                _ => self.column += 1,
            }
            self.previous = character;
        }
    }
}
