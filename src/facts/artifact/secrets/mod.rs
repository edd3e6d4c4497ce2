//! Secrets in texts: access keys, tokens and passwords, found by the rules in `rules.txt`.
//!
//! Where one is and by which rule it was found is a fact; its text is not, and is taken out of every other fact
//! that quotes it. Most texts hold none, and a vocabulary of ten megabytes must cost no time: the keywords of all
//! rules are looked for in one go, and patterns only around them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use regex::bytes::{Regex, RegexBuilder};
use serde_json::Value;

use crate::environment::Secret;
use crate::facts::supply_chain::SecretFacts;

/// Secrets of one file that are told. Whoever has so many needs no more to mend it.
const SECRETS_MAX: usize = 100;

/// Bytes before and behind a keyword in which a pattern must match. The longest are JSON Web Tokens, whose end needs
/// not be seen.
const BEFORE_BYTES: usize = 256;
const BEHIND_BYTES: usize = 4 * 1024;

/// Characters of a secret that are looked for in other facts, and of a line of one that has several. What is shorter
/// would be found in words.
const HIDDEN_CHARACTERS_MIN: usize = 6;
const HIDDEN_PART_CHARACTERS_MIN: usize = 16;

/// Bytes of a secret in which a part that makes it an example is no accident.
const EXAMPLE_BYTES_MAX: usize = 200;

/// What stands in facts where a secret stood.
const HIDDEN: &str = "***";

/// The same character so often in a row is no secret: `xxxxxx`, `000000`, `******`.
const RUN_MAX: usize = 6;

/// Texts, in lower case, that make a value an example, a placeholder or a reference to where the secret is.
const EXAMPLES: &[&str] = &[
    "example",
    "xxxx",
    "your",
    "redacted",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "dummy",
    "insert",
    "replace",
    "12345",
    "abcde",
    "****",
    "....",
    "${",
    "{{",
    "<",
    "$(",
    "%(",
    "os.environ",
    "getenv",
    "env.",
    "env:",
    "secrets.",
    "vault:",
    "arn:aws:",
    "projects/",
    "://",
    // The key of Azure's storage emulator, and the token that jwt.io shows: both are public.
    "eby8vdm02xnocqflquwjpllmetlcdxj1ouzft50usrz6ifsufq2uverc",
    "eyjzdwiioiixmjm0nty3odkwiiwibmftzsi6ikpvag4grg9l",
];

/// What stands in addresses in place of a password, in lower case.
const NO_PASSWORDS: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "token",
    "username",
    "postgres",
    "mysql",
    "mariadb",
    "rabbitmq",
    "guest",
    "mongodb",
    "default",
    "testtest",
    "x-access-token",
    "x-oauth-basic",
];

/// What a kind of secret looks like.
struct Rule {
    name: &'static str,
    keywords: Vec<&'static str>,
    pattern: &'static str,
    entropy: f64,
    mixed: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Rule {
    /// Patterns are compiled when a keyword of theirs occurs: most never do.
    fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| RegexBuilder::new(self.pattern).unicode(false).build().ok()).as_ref()
    }
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| rules(include_str!("rules.txt")));

/// What finds any keyword, and the rules that each is of.
type Keywords = (Option<Regex>, BTreeMap<&'static str, Vec<usize>>);

static KEYWORDS: LazyLock<Keywords> = LazyLock::new(|| {
    let mut keywords: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, rule) in RULES.iter().enumerate() {
        for keyword in &rule.keywords {
            keywords.entry(keyword).or_default().push(number);
        }
    }
    // Of two keywords that begin alike the longer comes first, and brings the rules of the shorter.
    let mut longest_first: Vec<&str> = keywords.keys().copied().collect();
    longest_first.sort_by_key(|keyword| std::cmp::Reverse(keyword.len()));
    let any: Vec<String> = longest_first.iter().map(|keyword| regex::escape(keyword)).collect();
    let regex = RegexBuilder::new(&any.join("|")).unicode(false).case_insensitive(true).build().ok();
    let all = keywords.keys().map(|keyword| {
        let parts = keywords.iter().filter(|(part, _)| keyword.contains(**part));
        (*keyword, parts.flat_map(|(_, rules)| rules.iter().copied()).collect())
    });
    let all = all.collect();
    (regex, all)
});

fn rules(text: &'static str) -> Vec<Rule> {
    let blocks = text.split("\n\n");
    let block = |block: &'static str| {
        let value = |key: &str| {
            let mut lines = block.lines().filter_map(|line| line.split_once(' '));
            lines.find(|(name, _)| *name == key).map(|(_, value)| value.trim())
        };
        Some(Rule {
            name: value("rule")?,
            keywords: value("keywords")?.split(' ').collect(),
            pattern: value("pattern")?,
            entropy: value("entropy")?.parse().ok()?,
            mixed: value("mixed")?,
            compiled: OnceLock::new(),
        })
    };
    blocks.filter_map(block).collect()
}

/// A secret in a text.
#[derive(Debug)]
struct Found {
    /// Line, from 1.
    line: u64,
    rule: &'static str,
    text: Secret,
}

/// The secrets of a text, in the order of their places.
fn search(text: &[u8]) -> Vec<Found> {
    let mut places: Vec<(Range<usize>, &Rule)> = Vec::new();
    for (number, windows) in windows(text) {
        let Some((rule, regex)) = RULES.get(number).and_then(|rule| Some((rule, rule.regex()?))) else { continue };
        for window in windows {
            for captures in regex.captures_iter(text.get(window.clone()).unwrap_or_default()) {
                let whole = captures.get(0);
                let Some(place) = captures.iter().skip(1).flatten().next().or(whole).map(|found| found.range()) else {
                    continue;
                };
                let place = window.start + place.start..window.start + place.end;
                let secret = text.get(place.clone()).unwrap_or_default();
                let is_new = !places.iter().any(|(other, _)| other.start < place.end && place.start < other.end);
                if is_new && is_secret(rule, secret) {
                    places.push((place, rule));
                }
                if places.len() == SECRETS_MAX {
                    return told(text, places);
                }
            }
        }
    }
    told(text, places)
}

/// Where each rule has to be tried: around its keywords. Windows of one rule do not overlap, so that no byte is looked
/// at twice by it.
fn windows(text: &[u8]) -> BTreeMap<usize, Vec<Range<usize>>> {
    let mut windows: BTreeMap<usize, Vec<Range<usize>>> = BTreeMap::new();
    let (Some(regex), keywords) = &*KEYWORDS else { return windows };
    for hit in regex.find_iter(text) {
        let keyword = String::from_utf8_lossy(hit.as_bytes()).to_ascii_lowercase();
        let window = hit.start().saturating_sub(BEFORE_BYTES)..(hit.end() + BEHIND_BYTES).min(text.len());
        for number in keywords.get(keyword.as_str()).into_iter().flatten() {
            let windows = windows.entry(*number).or_default();
            match windows.last_mut() {
                Some(last) if last.end >= window.start => last.end = window.end,
                _ => windows.push(window.clone()),
            }
        }
    }
    windows
}

/// The lines of places.
fn told(text: &[u8], mut places: Vec<(Range<usize>, &'static Rule)>) -> Vec<Found> {
    places.sort_by_key(|(place, _)| place.start);
    let (mut line, mut position) = (1, 0);
    let mut found = Vec::new();
    for (place, rule) in places {
        let before = text.get(position..place.start).unwrap_or_default();
        line += before.iter().filter(|byte| **byte == b'\n').count() as u64;
        position = place.start;
        let secret = String::from_utf8_lossy(text.get(place).unwrap_or_default()).into_owned();
        found.push(Found { line, rule: rule.name, text: Secret::new(secret) });
    }
    found
}

fn is_secret(rule: &Rule, secret: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(secret).to_ascii_lowercase();
    let has = |of: fn(&u8) -> bool| secret.iter().any(of);
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    let is_example = secret.len() <= EXAMPLE_BYTES_MAX && EXAMPLES.iter().any(|example| lower.contains(example));
    (rule.mixed == "no" || is_mixed)
        && !(rule.mixed == "strictly" && is_name(&lower))
        && entropy(secret) >= rule.entropy
        && !is_example
        && !NO_PASSWORDS.contains(&lower.trim_end_matches(|last: char| last.is_ascii_digit()))
        && !has_run(secret)
}

/// Whether a text is several words and numbers, as names of resources are.
fn is_name(lower: &str) -> bool {
    let mut parts = lower.split(['-', '_', '.', '/', ':']);
    let is_word = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_number =
        |part: &str| part.len() <= 4 && part.trim_start_matches('v').bytes().all(|byte| byte.is_ascii_digit());
    lower.contains(['-', '_', '.', '/']) && parts.all(|part| is_word(part) || is_number(part))
}

/// Shannon entropy of the bytes, in bits a byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = BTreeMap::new();
    bytes.iter().for_each(|byte| *counts.entry(byte).or_insert(0_u32) += 1);
    let share = |count: u32| f64::from(count) / bytes.len() as f64;
    counts.into_values().map(share).map(|share| -share * libm::log2(share)).sum()
}

fn has_run(bytes: &[u8]) -> bool {
    bytes.windows(RUN_MAX).any(|window| window.iter().all(|byte| Some(byte) == window.first()))
}

/// The secrets of a release.
#[derive(Debug, Default)]
pub(in crate::facts) struct Secrets {
    facts: Vec<SecretFacts>,
    texts: Vec<Secret>,
}

impl Secrets {
    /// Searches a text, which is called `path`.
    pub(in crate::facts) fn search(&mut self, path: &str, text: &[u8]) {
        for Found { line, rule, text } in search(text) {
            self.facts.push(SecretFacts { path: path.to_owned(), line: Some(line), rule: rule.to_owned() });
            self.texts.push(text);
        }
    }

    /// Adds those of another file.
    pub(in crate::facts) fn extend(&mut self, other: Self) {
        self.facts.extend(other.facts);
        self.texts.extend(other.texts);
    }

    /// Where they are, by path and line.
    pub(in crate::facts) fn facts(&self) -> Vec<SecretFacts> {
        let mut facts = self.facts.clone();
        facts.sort_by(|left, right| (&left.path, left.line, &left.rule).cmp(&(&right.path, right.line, &right.rule)));
        facts.dedup();
        facts
    }

    /// Whether there are none.
    pub(in crate::facts) const fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// Takes them out of facts that quote what they stand in, such as a card's front matter.
    pub(in crate::facts) fn hide(&self, facts: &mut Value) {
        // A key of several lines is quoted by its lines, and what is escaped in one text is not in another.
        let ends = |character: char| character.is_whitespace() || matches!(character, '\\' | '"' | '\'' | ',');
        let mut texts = Vec::new();
        for text in self.texts.iter().map(Secret::expose) {
            let least = if text.contains(ends) { HIDDEN_PART_CHARACTERS_MIN } else { HIDDEN_CHARACTERS_MIN };
            texts.extend(text.split(ends).filter(|part| part.len() >= least));
        }
        // The longest first: one may be part of another.
        texts.sort_by_key(|text| (std::cmp::Reverse(text.len()), *text));
        hide(facts, &texts);
    }
}

fn hide(value: &mut Value, texts: &[&str]) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(hidden) = without(text, texts) {
                *text = hidden;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, texts)),
        Value::Object(entries) => {
            for (key, mut value) in std::mem::take(entries) {
                hide(&mut value, texts);
                entries.insert(without(&key, texts).into_owned(), value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn without<'a>(text: &'a str, secrets: &[&str]) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for secret in secrets {
        if text.contains(secret) {
            text = Cow::Owned(text.replace(secret, HIDDEN));
        }
    }
    text
}

#[cfg(test)]
mod tests;
