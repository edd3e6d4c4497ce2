//! What makes a string from a pull request harmless in each format.
//!
//! The dangers: terminal control sequences, characters that reverse or hide text, Markdown and HTML
//! that change what a reader sees, mentions that notify people, references that write into other
//! threads, and lines that a CI runner takes for its own commands.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Longest string in characters that the text report shows whole. A message that is longer is made
/// to be long, and the JSON report has it.
pub const MAX_TEXT_FIELD_CHARACTERS: usize = 2_000;

/// Longest string in characters that Markdown shows whole: a row of a table must fit many times
/// into the size that a comment may have.
pub const MAX_MARKDOWN_FIELD_CHARACTERS: usize = 300;

/// A zero-width space: GitHub and GitLab look for references in what Markdown has already become,
/// where no backslash is left that could stop them.
const BREAK: char = '\u{200b}';

/// Whether a character is a control, reverses the reading order, or cannot be seen.
///
/// Joiners that some scripts and emoji need are among them: in a report a name with an escape in it
/// is better than two different names that look the same.
#[must_use]
pub const fn is_hidden(character: char) -> bool {
    matches!(character,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'                       // C0, DEL, C1
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'         // zero width, separators, overrides
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}') // tags, more variation selectors
}

fn push_escaped(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        other => {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(other));
        }
    }
}

fn escape_where(text: &str, escapes: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&escapes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if escapes(character) {
            push_escaped(&mut out, character);
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// `text` on one line with everything hidden in it shown: `\n`, `\u{1b}`, `\u{202e}`.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    escape_where(text, is_hidden)
}

/// As [`visible`], and everything beyond ASCII is escaped too.
#[must_use]
pub fn visible_ascii(text: &str) -> Cow<'_, str> {
    escape_where(text, |character| !character.is_ascii() || is_hidden(character))
}

/// The first `most_characters` of `text`, with `ellipsis` where something was cut.
#[must_use]
pub fn cut<'a>(text: &'a str, most_characters: usize, ellipsis: &str) -> Cow<'a, str> {
    match text.char_indices().nth(most_characters).and_then(|(end, _)| text.get(..end)) {
        Some(head) => Cow::Owned(format!("{head}{ellipsis}")),
        None => Cow::Borrowed(text),
    }
}

/// Lines that no CI runner takes for a command of its own.
///
/// GitHub's runner acts on a line that begins with `::` after any white space, and on `##[`
/// anywhere in a line.
#[must_use]
pub fn runner_commands(lines: &str) -> Cow<'_, str> {
    let begins_with_command = |line: &str| line.trim_start().starts_with("::");
    if !lines.contains("##[") && !lines.lines().any(begins_with_command) {
        return Cow::Borrowed(lines);
    }
    let mut out = String::with_capacity(lines.len());
    for line in lines.split_inclusive('\n') {
        let line = line.replace("##[", "##\\u{5b}");
        if begins_with_command(&line) {
            out.push_str(&line.replacen("::", "\\u{3a}:", 1));
        } else {
            out.push_str(&line);
        }
    }
    Cow::Owned(out)
}

/// The same JSON document, with everything hidden in its strings as `\uXXXX`, and without `##[`.
///
/// No value changes: outside strings none of these occurs but line feeds, which stay, and inside
/// strings an escape is the same character.
#[must_use]
pub fn json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for character in document.chars() {
        if character == '[' && out.ends_with("##") {
            out.push_str("\\u005b");
        } else if character != '\n' && is_hidden(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// `text` as HTML reads it: harmless in elements and in quoted attributes, with everything hidden in it shown.
#[must_use]
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in visible(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // A runner acts on it anywhere in a line of its log.
            '[' if out.ends_with("##") => out.push_str("&#91;"),
            other => out.push(other),
        }
    }
    out
}

/// `text` as Markdown that reads as it stands: no markup, HTML, link, mention or reference.
///
/// What stands between two backticks becomes code, since that is how messages mark keys and paths;
/// inside code nothing has a meaning, so a hostile string gains nothing by it. Fits into a table
/// cell.
#[must_use]
pub fn markdown(text: &str) -> String {
    markdown_within(text, MAX_MARKDOWN_FIELD_CHARACTERS)
}

/// As [`markdown`], with at most so many characters of `text`.
#[must_use]
pub fn markdown_within(text: &str, most_characters: usize) -> String {
    let text = visible(text);
    let text = cut(&text, most_characters, "…");
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest: &str = &text;
    while let Some((before, after)) = rest.split_once('`') {
        push_prose(&mut out, before);
        match after.split_once('`') {
            Some((inside, next)) if is_plain_code(inside) && !out.ends_with('`') => {
                push_code(&mut out, inside);
                rest = next;
            }
            _ => {
                out.push_str("\\`");
                rest = after;
            }
        }
    }
    push_prose(&mut out, rest);
    out
}

/// `text` as an inline code span, or as prose where a span cannot carry it. Fits into a table cell.
#[must_use]
pub fn markdown_code(text: &str) -> String {
    let text = visible(text);
    let text = cut(&text, MAX_MARKDOWN_FIELD_CHARACTERS, "…");
    if text.contains('`') || !is_plain_code(&text) {
        return markdown(&text);
    }
    let mut out = String::with_capacity(text.len() + 2);
    push_code(&mut out, &text);
    out
}

/// Whether a code span can carry `text`. A table is split at `|` before code is looked for, white
/// space at the ends is stripped, `##[` would reach a runner's log as it is, and `<!--` is how a
/// forge's own comment is found again.
fn is_plain_code(text: &str) -> bool {
    let has_meaning = ["|", "##[", "<!--"].into_iter().any(|part| text.contains(part));
    !text.is_empty() && text.trim() == text && !has_meaning
}

fn push_code(out: &mut String, text: &str) {
    out.push('`');
    out.push_str(text);
    out.push('`');
}

/// Appends prose with every character escaped that Markdown, GitHub or GitLab give a meaning to.
fn push_prose(out: &mut String, text: &str) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '|' => out.push_str("&#124;"),
            '\\' | '*' | '_' | '[' | ']' | '#' | '~' | '$' | '!' | '^' | '@' | '{' | '}' => {
                out.push('\\');
                out.push(character);
            }
            // They open a list, a heading or a definition where a line begins with them.
            '-' | '+' | '=' | ':' if out.is_empty() => {
                out.push('\\');
                out.push(character);
            }
            ':' if next == Some('/') => out.push_str("\\:"),
            // `1. ` and `1) ` open a numbered item.
            '.' | ')' if is_number(out) && next.is_none_or(char::is_whitespace) => {
                out.push('\\');
                out.push(character);
            }
            '.' if ends_ignoring_case(out, "www") => {
                out.push('\\');
                out.push(character);
            }
            other => out.push(other),
        }
        if makes_reference(out, character, next) {
            out.push(BREAK);
        }
    }
}

/// Whether `next` after `character` could be a mention (`@team`), a reference (`#12`, `!12`,
/// `GH-12`) or a bare link (`https://`, `www.`).
fn makes_reference(out: &str, character: char, next: Option<char>) -> bool {
    let Some(next) = next else { return false };
    match character {
        '@' | '#' | '!' | '$' | '~' | '%' | '&' | '^' => next.is_alphanumeric() || matches!(next, '_' | '"' | '#'),
        ':' => next == '/',
        '-' => next.is_ascii_digit() && ends_ignoring_case(out, "gh-"),
        '.' => ends_ignoring_case(out, "www\\."),
        _ => false,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn ends_ignoring_case(text: &str, ending: &str) -> bool {
    text.len()
        .checked_sub(ending.len())
        .and_then(|start| text.get(start..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::*;

    /// What a reader sees of Markdown, and the events that are no text.
    fn read(markdown: &str) -> (String, Vec<Event<'_>>) {
        let mut text = String::new();
        let mut others = Vec::new();
        // GitHub and GitLab do not turn quotation marks and dashes into typographic ones.
        let options = Options::all().difference(Options::ENABLE_SMART_PUNCTUATION);
        for event in Parser::new_ext(markdown, options) {
            match event {
                Event::Text(part) | Event::Code(part) => text.push_str(&part),
                other => others.push(other),
            }
        }
        (text.replace(BREAK, ""), others)
    }

    fn is_harmless(event: &Event<'_>) -> bool {
        matches!(event, Event::Start(Tag::Paragraph) | Event::End(pulldown_cmark::TagEnd::Paragraph))
    }

    proptest! {
        #[test]
        fn nothing_hidden_stays(text in any::<String>()) {
            let shown = visible(&text);
            prop_assert!(!shown.chars().any(is_hidden));
            let again = visible(&shown).into_owned();
            prop_assert_eq!(again.as_str(), shown.as_ref());
            prop_assert!(visible_ascii(&text).is_ascii());
        }

        #[test]
        fn json_strings_keep_their_value(text in "(\\PC|##\\[|\u{202e}|\u{1b}|\u{e0041}|\u{9b}|\n)*") {
            let document = json(&serde_json::to_string(&text).unwrap());
            prop_assert!(!document.contains("##["));
            prop_assert!(!document.chars().any(is_hidden));
            prop_assert_eq!(serde_json::from_str::<String>(&document).unwrap(), text);
        }

        #[test]
        fn markdown_reads_as_the_text_and_has_no_markup(
            text in "([\\PC&&[^`]]|[-+*_#@!:<>|&\\[\\]()~$^={}.\\\\/ 0-9a-w]|www\\.|https://|<!--|&amp;|\n){0,40}"
        ) {
            let markdown = markdown(&text);
            let (seen, others) = read(&markdown);
            prop_assert!(others.iter().all(is_harmless), "{:?} from {:?}", others, markdown);
            let expected = visible(&text);
            prop_assert_eq!(seen.trim(), expected.trim());
        }

        #[test]
        fn code_reads_as_the_text_but_for_its_backticks(text in "([\\PC]|`|[|<@#\\\\ ]){0,40}") {
            for written in [markdown(&text), markdown_code(&text)] {
                let (seen, others) = read(&written);
                prop_assert!(others.iter().all(is_harmless), "{:?} from {:?}", others, written);
                let (seen, expected) = (seen.replace('`', ""), visible(&text).replace('`', ""));
                prop_assert_eq!(seen.trim(), expected.trim());
            }
        }

        #[test]
        fn no_line_is_a_command_of_a_runner(text in "(:|#|\\[|a| |\n){0,20}") {
            let lines = runner_commands(&text);
            prop_assert!(!lines.contains("##["));
            prop_assert!(lines.lines().all(|line| !line.trim_start().starts_with("::")), "{:?}", lines);
        }
    }

    #[test]
    fn mentions_references_and_links_are_broken() {
        for (text, written) in [
            ("@everyone", "\\@\u{200b}everyone"),
            ("fixes #12", "fixes \\#\u{200b}12"),
            ("GH-12", "GH-\u{200b}12"),
            ("https://a.example", "https\\:\u{200b}//a.example"),
            ("www.a.example", "www\\.\u{200b}a.example"),
            ("<!-- a -->", "&lt;\\!-- a --&gt;"),
            ("a|b", "a&#124;b"),
            ("see `model.pkl`", "see `model.pkl`"),
            ("see `model.pkl", "see \\`model.pkl"),
            ("1. item", "1\\. item"),
            ("0.65 at 17:58", "0.65 at 17:58"),
        ] {
            assert_eq!(markdown(text), written, "{text}");
        }
    }

    #[test]
    fn a_long_string_is_cut_between_characters() {
        assert_eq!(cut("äöü", 2, "…"), "äö…");
        assert_eq!(cut("äöü", 3, "…"), "äöü");
        assert_eq!(markdown(&"ä".repeat(500)).chars().count(), MAX_MARKDOWN_FIELD_CHARACTERS + 1);
    }

    #[test]
    fn controls_are_spelt_out() {
        assert_eq!(visible("a\u{1b}[31m\nb\u{202e}"), "a\\u{1b}[31m\\nb\\u{202e}");
        assert_eq!(visible_ascii("Zürich"), "Z\\u{fc}rich");
        assert_eq!(runner_commands("a\n  ::error::x\n##[group]y\n"), "a\n  \\u{3a}:error::x\n##\\u{5b}group]y\n");
    }
}
