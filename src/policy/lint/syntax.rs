//! Hints for Rego that is newer than the engine.

/// How to write what stands in `source_line`, which the engine refused with `message`, if the reason
/// is known.
#[must_use]
pub fn explain_syntax_error(source_line: &str, message: &str) -> Option<String> {
    let code = without_text(source_line);
    let hint = if message.contains("exceeds maximum column width") {
        "break the line: the engine reads at most 1024 characters in one"
    } else if code.contains("$\"") || code.contains("$`") {
        "the engine has no template strings: write `sprintf(\"… %v\", [value])`"
    } else if message.contains("unexpected keyword `with`") {
        "`with` ends a statement of a body: write `name := value if value := … with … as …`"
    } else if code.contains("rego.metadata.") {
        "the engine does not read METADATA: a finding needs no metadata, modelgate adds it"
    } else if has_word(&code, "and") {
        "there is no `and`: write each condition on a line of its own, all of them must hold"
    } else if has_word(&code, "or") {
        "there is no `or`: write one rule for each alternative"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

/// `line` without its comment and without what stands between quotes.
fn without_text(line: &str) -> String {
    let mut code = String::new();
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '#') => break,
            (None, '"' | '`') => {
                quote = Some(character);
                code.push(character);
            }
            (None, _) => code.push(character),
            (Some('"'), '\\') => {
                characters.next();
            }
            (Some(open), _) if character == open => {
                quote = None;
                code.push(character);
            }
            (Some(_), _) => {}
        }
    }
    code
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|character: char| !character.is_alphanumeric() && character != '_' && character != '.')
        .any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The engine's message for `body`, which it must refuse.
    fn refusal(body: &str) -> String {
        let mut engine = regorus::Engine::new();
        let error = engine.add_policy("p.rego".to_owned(), format!("package p\n{body}\n")).unwrap_err();
        error.to_string()
    }

    #[test]
    fn newer_syntax_is_refused_by_the_engine_and_explained() {
        for (line, hint) in [
            (r#"x := $"{y}""#, "sprintf"),
            ("x := $`{y}`", "sprintf"),
            ("x if { a and b }", "a line of its own"),
            ("x if { a or b }", "one rule for each"),
            ("x := y with input as {}", "ends a statement"),
        ] {
            let explained = explain_syntax_error(line, &refusal(line)).unwrap();
            assert!(explained.contains(hint), "{line}: {explained}");
        }
        let long = format!("x := \"{}\"", "a".repeat(1100));
        let explained = explain_syntax_error(&long, &refusal(&long)).unwrap();
        assert!(explained.starts_with("break the line"), "{explained}");
    }

    #[test]
    fn text_and_other_mistakes_are_not_explained() {
        for line in
            [r#"x := "costs $" + "a and b \" or c""#, "x := # this or that", "x := `a or b", "x := bits.or(", ""]
        {
            assert_eq!(explain_syntax_error(line, "error: unexpected token"), None, "{line}");
        }
    }
}
