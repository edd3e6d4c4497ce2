//! Documents from templates. These stand in files, and whatever they are given is escaped: a template cannot forget to.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::escape;

const TEMPLATES: [(&str, &str); 11] = [
    ("base.html", include_str!("templates/base.html")),
    ("charts.html", include_str!("templates/charts.html")),
    ("parts.html", include_str!("templates/parts.html")),
    ("measured.html", include_str!("templates/measured.html")),
    ("check.html", include_str!("templates/check.html")),
    ("evaluation.html", include_str!("templates/evaluation.html")),
    ("assessment.html", include_str!("templates/assessment.html")),
    ("memo.html", include_str!("templates/memo.html")),
    ("parts.md", include_str!("templates/parts.md")),
    ("assessment.md", include_str!("templates/assessment.md")),
    ("memo.md", include_str!("templates/memo.md")),
];

/// The style of every page, between the tags as it stands: the policy below names its digest.
const STYLE: &str = include_str!("templates/style.css");

/// How templates in Markdown escape.
const MARKDOWN: &str = "markdown";

/// Longest text in characters that a document shows whole: a sentence of a purpose or of a record fits many times.
const FIELD_CHARACTERS_MAX: usize = 2_000;

/// Renders the template `name`, whose ending says how it escapes, with a newline at the end.
///
/// # Errors
/// The template asks for something that `view` does not have.
pub(super) fn render(name: &str, view: &impl Serialize) -> Result<String, Error> {
    let environment = environment()?;
    let document = environment.get_template(name)?.render(Serde(view))?;
    Ok(format!("{}\n", document.trim_end()))
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    // A misspelt name is an error, and not an empty place in a document that people sign.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| match name.rsplit_once('.') {
        Some((_, "md")) => AutoEscape::Custom(Cow::Borrowed(MARKDOWN)),
        _ => AutoEscape::Html,
    });
    environment.set_formatter(format_value);
    environment.add_filter("code", |text: &str| Value::from_safe_string(escape::markdown_code(text)));
    environment.add_filter("prose", |text: &str| Value::from_safe_string(html_prose(text)));
    environment.add_global("style", Value::from_safe_string(STYLE.to_owned()));
    environment.add_global("content_security_policy", content_security_policy());
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

/// Nothing is loaded, run or sent; the one style is the one whose digest this names. The empty icon keeps browsers from
/// asking the server of the page for one.
fn content_security_policy() -> String {
    let digest = BASE64.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'")
}

/// Writes a value as its document takes it. Only what came out of a template or of a filter here is taken as it is.
fn format_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let text = match value.as_str() {
        Some(text) => Cow::Borrowed(text),
        None if value.is_undefined() || value.is_none() => {
            return Err(Error::new(ErrorKind::UndefinedError, "a template writes what is not there"));
        }
        None => value.to_string().into(),
    };
    let written = match state.auto_escape() {
        _ if value.is_safe() => text,
        // Spaces before a block would make code of it.
        AutoEscape::Custom(_) => escape::markdown_within(text.trim(), FIELD_CHARACTERS_MAX).into(),
        _ => html_text(&text).into(),
    };
    out.write_str(&written).map_err(Error::from)
}

fn html_text(text: &str) -> String {
    escape::html(&escape::cut(text, FIELD_CHARACTERS_MAX, "…"))
}

/// Text in which what stands between two backticks is code, which is how messages mark keys and paths. Code changes no
/// more than the letters, so that a hostile text gains nothing by it.
fn html_prose(text: &str) -> String {
    let text = escape::cut(text, FIELD_CHARACTERS_MAX, "…");
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape::html(&text);
    }
    let mut out = String::with_capacity(text.len());
    for (position, part) in parts.into_iter().enumerate() {
        match (position.is_multiple_of(2), part.trim().is_empty()) {
            (true, _) => out.push_str(&escape::html(part)),
            (false, true) => out.push_str(&escape::html(&format!("`{part}`"))),
            (false, false) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "<code>{}</code>", escape::html(part));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_in_prose_is_marked_and_nothing_else() {
        assert_eq!(html_prose("set `a<b` to `c`"), "set <code>a&lt;b</code> to <code>c</code>");
        assert_eq!(html_prose("one ` alone"), "one ` alone");
        assert_eq!(html_prose("`` <i>"), "`` &lt;i&gt;");
    }

    #[test]
    fn every_template_compiles_and_the_policy_names_the_style() {
        let environment = environment().unwrap();
        for (name, _) in TEMPLATES {
            environment.get_template(name).unwrap();
        }
        // A tag in it would end the element before the end of what the digest is of.
        assert!(!STYLE.contains('<') && STYLE.is_ascii());
        assert!(content_security_policy().contains("style-src 'sha256-"));
    }
}
