//! Whether a text is a template of Prometheus: Prometheus refuses a rule whose labels or annotations are none, and with
//! it the whole file. Nothing is carried out here.
//!
//! The grammar is that of Go's `text/template/parse`, as of Go 1.23.

/// Parentheses and blocks within each other. The parser descends once for each.
const DEPTH_MAX: usize = 64;

/// Functions of Go's templates, and of Prometheus' (`template/template.go`) up to version 3.
const FUNCTIONS: [&str; 48] = [
    "and",
    "args",
    "call",
    "eq",
    "externalURL",
    "first",
    "ge",
    "graphLink",
    "gt",
    "html",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "index",
    "js",
    "label",
    "le",
    "len",
    "lt",
    "match",
    "ne",
    "not",
    "now",
    "or",
    "parseDuration",
    "pathPrefix",
    "print",
    "printf",
    "println",
    "query",
    "reReplaceAll",
    "safeHtml",
    "slice",
    "sortByLabel",
    "stripDomain",
    "stripPort",
    "strvalue",
    "tableLink",
    "title",
    "toDuration",
    "toLower",
    "toTime",
    "toUpper",
    "urlQueryEscape",
    "urlquery",
    "value",
];

/// Variables that Prometheus defines before the text.
const VARIABLES: [&str; 5] = ["$", "$labels", "$externalLabels", "$externalURL", "$value"];

/// Checks a text.
///
/// # Errors
/// Why it is no template.
pub(super) fn check(text: &str) -> Result<(), String> {
    let tokens = tokens(text)?;
    let variables = VARIABLES.map(str::to_owned).to_vec();
    let mut parser = Parser { tokens: &tokens, at: 0, variables, ranges: 0, depth: 0 };
    parser.list(true)?;
    if parser.peek().is_some() {
        return Err("an `end` or `else` belongs to nothing".to_owned());
    }
    Ok(())
}

/// A part of what stands between `{{` and `}}`.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Space,
    /// A name: of a function, or a word of the language such as `if`.
    Word(String),
    Variable(String),
    Field,
    Dot,
    /// A number, a character, `true`, `false`: what has no fields.
    Constant,
    Text,
    Pipe,
    Assign,
    Comma,
    OtherMark,
    LeftParenthesis,
    RightParenthesis,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some((_, inside)) = rest.split_once("{{") {
        let trimmed = match inside.strip_prefix('-') {
            Some(after) => after.strip_prefix(is_space).unwrap_or(inside),
            None => inside,
        };
        if let Some(comment) = trimmed.strip_prefix("/*") {
            let (_, after) = comment.split_once("*/").ok_or("a comment has no end")?;
            let closed = after.strip_prefix("}}").or_else(|| after.strip_prefix(is_space)?.strip_prefix("-}}"));
            rest = closed.ok_or("a comment ends before its action")?;
            continue;
        }
        tokens.push(Token::Open);
        rest = action(trimmed, &mut tokens)?;
        tokens.push(Token::Close);
    }
    Ok(tokens)
}

const fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn is_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

/// Reads up to `}}`, and returns what comes behind.
fn action<'a>(text: &'a str, tokens: &mut Vec<Token>) -> Result<&'a str, String> {
    let mut rest = text;
    let mut open = 0_usize;
    loop {
        let end = rest.trim_start_matches(is_space);
        let closed = rest.strip_prefix("}}").or_else(|| end.strip_prefix("-}}").filter(|_| end.len() < rest.len()));
        if let Some(after) = closed {
            return if open == 0 { Ok(after) } else { Err("a parenthesis is not closed".to_owned()) };
        }
        let mut characters = rest.chars();
        let first = characters.next().ok_or("an action is not closed")?;
        let after = characters.as_str();
        let second = characters.next();
        let (token, after) = match first {
            _ if is_space(first) => (Token::Space, end),
            '=' => (Token::Assign, after),
            ':' => (Token::Assign, after.strip_prefix('=').ok_or("`:` is not followed by `=`")?),
            '|' => (Token::Pipe, after),
            ',' => (Token::Comma, after),
            '"' | '`' | '\'' => quoted(first, after)?,
            '$' => {
                let (name, after) = name(after)?;
                (Token::Variable(format!("${name}")), after)
            }
            '.' if !second.is_some_and(|digit| digit.is_ascii_digit()) => {
                let (name, after) = name(after)?;
                (if name.is_empty() { Token::Dot } else { Token::Field }, after)
            }
            '.' | '+' | '-' | '0'..='9' => (Token::Constant, number(rest)?),
            '(' => {
                open += 1;
                (Token::LeftParenthesis, after)
            }
            ')' => {
                open = open.checked_sub(1).ok_or("a parenthesis closes nothing")?;
                (Token::RightParenthesis, after)
            }
            _ if is_word(first) => match name(rest)? {
                ("true" | "false", after) => (Token::Constant, after),
                (name, after) => (Token::Word(name.to_owned()), after),
            },
            ' '..='~' => (Token::OtherMark, after),
            other => return Err(format!("`{other}` means nothing here")),
        };
        tokens.push(token);
        rest = after;
    }
}

/// A name, which has to end where a name may.
fn name(text: &str) -> Result<(&str, &str), String> {
    let end = text.find(|character| !is_word(character)).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    match rest.chars().next() {
        None => Ok((name, rest)),
        Some(next) if is_space(next) || ".,|:)(".contains(next) || rest.starts_with("}}") => Ok((name, rest)),
        Some(next) => Err(format!("`{next}` may not follow `{name}`")),
    }
}

/// A quoted text or character behind its first quote.
fn quoted(quote: char, text: &str) -> Result<(Token, &str), String> {
    if quote == '`' {
        let (_, rest) = text.split_once('`').ok_or("a quoted text has no end")?;
        return Ok((Token::Text, rest));
    }
    let mut characters = text.chars();
    let mut count = 0_usize;
    loop {
        count += 1;
        match characters.next() {
            None | Some('\n') => return Err("a quoted text has no end".to_owned()),
            Some('\\') => escaped(&mut characters, quote)?,
            Some(end) if end == quote => break,
            Some(_) => {}
        }
    }
    match (quote, count) {
        ('\'', 2) => Ok((Token::Constant, characters.as_str())),
        ('\'', _) => Err("a quoted character is not one".to_owned()),
        _ => Ok((Token::Text, characters.as_str())),
    }
}

/// What may follow a backslash (`strconv.UnquoteChar`).
fn escaped(characters: &mut std::str::Chars<'_>, quote: char) -> Result<(), String> {
    let next = characters.next().ok_or("a quoted text has no end")?;
    let (digits, radix) = match next {
        'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => return Ok(()),
        other if other == quote => return Ok(()),
        '0'..='7' => (2, 8),
        'x' => (2, 16),
        'u' => (4, 16),
        'U' => (8, 16),
        other => return Err(format!("`\\{other}` is no character")),
    };
    let text: String = characters.by_ref().take(digits).collect();
    let whole = if radix == 8 { format!("{next}{text}") } else { text };
    let is_whole = whole.chars().count() == digits + usize::from(radix == 8) && !whole.starts_with(['+', '-']);
    let value = u32::from_str_radix(&whole, radix).ok().filter(|_| is_whole);
    let is_known = match next {
        'u' | 'U' => value.is_some_and(|value| char::from_u32(value).is_some()),
        _ => value.is_some_and(|value| value < 256),
    };
    if is_known { Ok(()) } else { Err(format!("`\\{next}{whole}` is no character")) }
}

/// What comes behind a number (`lexNumber` of the package, and its `newNumber`).
fn number(text: &str) -> Result<&str, String> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, exponent, body) = match unsigned.get(..2) {
        Some("0x" | "0X") => ("0123456789abcdefABCDEF_", "pP", unsigned.get(2..)),
        Some("0o" | "0O") => ("01234567_", "", unsigned.get(2..)),
        Some("0b" | "0B") => ("01_", "", unsigned.get(2..)),
        _ => ("0123456789_", "eE", None),
    };
    let is_decimal = body.is_none();
    let start = body.unwrap_or(unsigned);
    let is_digit = |character: char| digits.contains(character);
    let mut rest = start.trim_start_matches(is_digit);
    let mut is_integer = true;
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(is_digit);
        is_integer = false;
    }
    if let Some(power) = rest.strip_prefix(|mark: char| exponent.contains(mark)) {
        let unsigned = power.strip_prefix(['+', '-']).unwrap_or(power);
        rest = unsigned.trim_start_matches(|character: char| character.is_ascii_digit() || character == '_');
        is_integer = false;
    }
    let end = rest.strip_prefix('i').unwrap_or(rest);
    let written = text.get(..text.len() - rest.len()).unwrap_or_default();
    if end.starts_with(is_word) {
        return Err(format!("`{written}` goes on as no number does"));
    }
    let value = start.get(..start.len() - rest.len()).unwrap_or_default().replace('_', "");
    let is_number = match (is_integer, is_decimal) {
        (true, true) => value.parse::<u64>().is_ok(),
        (true, false) => value.len() <= 64 && !value.is_empty(),
        (false, true) => value.parse::<f64>().is_ok_and(f64::is_finite),
        (false, false) => value.contains(['p', 'P']),
    };
    if is_number { Ok(end) } else { Err(format!("`{written}` is no number")) }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    /// Variables that are defined here.
    variables: Vec<String>,
    /// Loops around here, which `break` and `continue` need.
    ranges: usize,
    depth: usize,
}

/// How a list of actions ended.
#[derive(PartialEq)]
enum Ending {
    End,
    Else,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(&Token::Space) {
            self.at += 1;
        }
    }

    /// Takes a token of this kind, spaces before it passed over.
    fn take(&mut self, wanted: &Token) -> bool {
        self.skip_space();
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn close(&mut self) -> Result<(), String> {
        if self.take(&Token::Close) { Ok(()) } else { Err("an action goes on where it has to end".to_owned()) }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth >= DEPTH_MAX {
            return Err(format!("it nests deeper than {DEPTH_MAX}"));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Actions up to the end of the text, or to an `end` or `else`, which is left where it stands.
    fn list(&mut self, is_top: bool) -> Result<(), String> {
        while self.peek() == Some(&Token::Open) {
            let start = self.at;
            self.at += 1;
            self.skip_space();
            let word = match self.peek() {
                Some(Token::Word(word)) => word.clone(),
                _ => String::new(),
            };
            if word == "end" || word == "else" {
                return Ok(());
            }
            self.at = start + 1;
            self.action(&word, is_top)?;
        }
        Ok(())
    }

    /// A list within a block, and how it ended. What it defines ends with it.
    fn inner(&mut self) -> Result<Ending, String> {
        self.deeper(|parser| parser.list(false))?;
        let ending = match self.peek() {
            Some(Token::Word(word)) if word == "end" => Ending::End,
            Some(Token::Word(word)) if word == "else" => Ending::Else,
            _ => return Err("a block has no `end`".to_owned()),
        };
        self.at += 1;
        Ok(ending)
    }

    fn action(&mut self, word: &str, is_top: bool) -> Result<(), String> {
        let is_block = matches!(word, "if" | "with" | "range" | "template" | "block" | "define" | "break" | "continue");
        if is_block {
            self.take(&Token::Word(word.to_owned()));
        }
        match word {
            "if" | "with" | "range" => self.block(word),
            "template" => {
                self.template_name()?;
                if !self.take(&Token::Close) {
                    self.pipeline("template", &Token::Close)?;
                }
                Ok(())
            }
            "break" | "continue" if self.ranges > 0 => self.close(),
            "break" | "continue" => Err(format!("`{word}` stands outside of a loop")),
            "block" => {
                self.template_name()?;
                self.pipeline("block", &Token::Close)?;
                self.apart()
            }
            "define" if is_top => {
                self.template_name()?;
                self.close()?;
                self.apart()
            }
            "define" => Err("`define` stands within something else".to_owned()),
            _ => self.pipeline("action", &Token::Close),
        }
    }

    fn template_name(&mut self) -> Result<(), String> {
        if self.take(&Token::Text) { Ok(()) } else { Err("a template has no name".to_owned()) }
    }

    /// The body of a template of its own, which sees no variables but `$`.
    fn apart(&mut self) -> Result<(), String> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let ranges = std::mem::take(&mut self.ranges);
        let ending = self.inner()?;
        self.variables = variables;
        self.ranges = ranges;
        if ending == Ending::Else {
            return Err("`else` belongs to nothing".to_owned());
        }
        self.close()
    }

    /// `if`, `with` or `range`, behind its word.
    fn block(&mut self, word: &str) -> Result<(), String> {
        let defined = self.variables.len();
        self.pipeline(word, &Token::Close)?;
        let ranges = self.ranges;
        self.ranges += usize::from(word == "range");
        let ending = self.inner()?;
        // A loop's `else` is part of it, but runs where it does not.
        self.ranges = ranges;
        if ending == Ending::Else {
            self.skip_space();
            if word != "range" && self.peek() == Some(&Token::Word(word.to_owned())) {
                // `else if` needs no `end` of its own.
                self.at += 1;
                self.deeper(|parser| parser.block(word))?;
                self.variables.truncate(defined);
                return Ok(());
            }
            self.close()?;
            if self.inner()? == Ending::Else {
                return Err("a block has two `else`".to_owned());
            }
        }
        self.variables.truncate(defined);
        self.close()
    }

    /// Commands with `|` between them, perhaps given to a variable.
    fn pipeline(&mut self, context: &str, end: &Token) -> Result<(), String> {
        self.declarations(context)?;
        let mut commands = 0;
        while !self.take(end) {
            let starts_with_constant = self.command()?;
            if commands > 0 && starts_with_constant {
                return Err("a constant is no command that takes what comes before it".to_owned());
            }
            commands += 1;
        }
        if commands == 0 { Err("a value is missing".to_owned()) } else { Ok(()) }
    }

    fn declarations(&mut self, context: &str) -> Result<(), String> {
        for position in 0_usize.. {
            self.skip_space();
            let Some(Token::Variable(name)) = self.peek() else { return Ok(()) };
            let (name, start) = (name.clone(), self.at);
            self.at += 1;
            if self.take(&Token::Assign) {
                self.variables.push(name);
                return Ok(());
            }
            if !self.take(&Token::Comma) {
                self.at = start;
                return Ok(());
            }
            if context != "range" || position > 0 {
                return Err("there are too many variables".to_owned());
            }
            self.variables.push(name);
            self.skip_space();
            if !matches!(self.peek(), Some(Token::Variable(_) | Token::Close | Token::RightParenthesis)) {
                return Err("a loop gives values to variables alone".to_owned());
            }
        }
        Ok(())
    }

    /// Operands with spaces between them, and the `|` behind them. Tells whether the first is a constant.
    fn command(&mut self) -> Result<bool, String> {
        let mut operands = 0_usize;
        let mut starts_with_constant = false;
        loop {
            self.skip_space();
            let first = self.peek().cloned();
            if self.operand()? {
                operands += 1;
                if operands == 1 {
                    // `nil` is a word that is a constant.
                    starts_with_constant = matches!(first, Some(Token::Constant | Token::Text | Token::Dot))
                        || first == Some(Token::Word("nil".to_owned()));
                }
            }
            match self.peek() {
                Some(Token::Space) => self.at += 1,
                Some(Token::Pipe) => {
                    self.at += 1;
                    break;
                }
                Some(Token::Close | Token::RightParenthesis) => break,
                _ => return Err("there is something that nobody expects".to_owned()),
            }
        }
        if operands == 0 { Err("a command is missing".to_owned()) } else { Ok(starts_with_constant) }
    }

    /// An operand with its fields, if one is there.
    fn operand(&mut self) -> Result<bool, String> {
        let has_fields = match self.peek() {
            Some(Token::Word(word)) if word == "nil" => false,
            Some(Token::Word(word)) => {
                if !FUNCTIONS.contains(&word.as_str()) {
                    return Err(format!("there is no function `{word}`"));
                }
                true
            }
            Some(Token::Variable(name)) => {
                if !self.variables.contains(name) {
                    return Err(format!("there is no variable `{name}`"));
                }
                true
            }
            Some(Token::Field) => true,
            Some(Token::Dot | Token::Constant | Token::Text) => false,
            Some(Token::LeftParenthesis) => {
                self.at += 1;
                self.deeper(|parser| parser.pipeline("parenthesis", &Token::RightParenthesis))?;
                self.at -= 1;
                true
            }
            _ => return Ok(false),
        };
        self.at += 1;
        while self.peek() == Some(&Token::Field) {
            if !has_fields {
                return Err("a constant has no fields".to_owned());
            }
            self.at += 1;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `promtool check rules` 2.42 says of the same texts.
    #[test]
    fn templates_are_those_of_prometheus() {
        for text in [
            "no template",
            "}}",
            "{ { x } }",
            "{{ 1 | }}",
            "{{$value | humanize |}}",
            "{{ .Labels.x }}{{ . }}{{ $ }}{{ $.Labels.x }}",
            "{{ $labels.a.b }}{{$value}}{{- $value -}}",
            "{{ 1.5e3 }}{{ 0x1F }}{{ .5 }}{{ 1i }}{{ -1 }}{{ 1_000 }}{{ 'a' }}{{ nil }}{{ 1 2 }}",
            "{{/* c */}}{{- /* c */ -}}",
            "{{ if true }}a{{ else if false }}b{{ else }}c{{ end }}",
            "{{if and (gt $value 1.0) (lt $value 2.0)}}x{{end}}",
            "{{ range $i, $e := query \"up\" }}{{ $e | value }}{{ break }}{{ end }}",
            "{{ define \"a\" }}x{{ end }}{{ template \"a\" }}{{ template \"a\" . }}{{ block \"b\" . }}x{{end}}",
            "{{ (query \"up\" | first).Value }}{{ printf \"%.2f\" $value }}{{ `\\q` }}{{ \"\\x41\\u00e9\\101\" }}",
            "{{ $x := 1 }}{{ $x = 2 }}{{ with $y := 1 }}{{ $y }}{{ $x }}{{ end }}",
            "{{ parseDuration \"1m\" }}{{ toTime 1.0 }}{{ stripDomain \"a\" }}{{ externalURL }}{{ pathPrefix }}",
            "{{ len $labels | eq 3 }}",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in [
            "{{ $labels.x ",
            "{{ | humanize }}",
            "{{ }}",
            "{{}}",
            "{{ \"a\" | 1 }}",
            "{{ $labels.a-b }}",
            "{{ 1a }}",
            "{{ 99999999999999999999 }}",
            "{{ 'ab' }}",
            "{{ \"a }}",
            "{{/* c }}",
            "{{/* c */ x }}",
            "{{-$value}}",
            "{{ if }}a{{ end }}",
            "{{ if true }}a",
            "{{ break }}",
            "{{ with $x := 1 }}{{ $x }}{{ end }}{{ $x }}",
            "{{ end }}",
            "{{ else }}",
            "{{ \"a\".b }}",
            "{{ foo . }}",
            "{{ $foo }}",
            "{{ (1 }}",
            "{{ 1) }}",
            "{{ () }}",
            "{{ $a, $b := 1 }}",
            "{{ if true }}a{{ else }}b{{ else }}c{{ end }}",
            "{{ \"\\q\" }}",
            "{{ + }}",
            "{{ a%b }}",
            "{{ % }}",
            "{{ é }}",
            "{{ true.x }}",
            "{{ :x }}",
            "{{ $x : 1 }}",
            "{{ define \"a\" }}",
            "{{ if true }}{{ define \"x\" }}{{ end }}{{ end }}",
            "{{ define \"a\" }}{{ $value }}{{ end }}",
            "{{ 0b12 }}",
            "{{ 1.2.3 }}",
            "{{ $labels.1a }}",
            "{{ template x }}",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
        assert!(check(&"{{ if true }}".repeat(1_000)).unwrap_err().contains("deeper"));
        assert!(
            check(&format!("{{{{ {}1{} }}}}", "(".repeat(1_000), ")".repeat(1_000))).unwrap_err().contains("deeper")
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "{{", "}}", "{{-", " -}}", " ", "$x", "$", ":=", ",", "|", "if ", "else ", "end", "range ", "with ", "(", ")",
                    "\"", "'", "`", "\\", "1", "0x", ".", "e", "i", "-", "é", "\n", "/*", "*/", "define ", "nil", "len", "_",
                ]),
                0..20,
            ),
        ) {
            let _ = check(&parts.concat());
        }
    }
}
