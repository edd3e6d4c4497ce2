//! What is wrong with something that was handed in: said once, with its place and the mend.

use std::fmt;

use serde::Serialize;

/// A place in a file, as an editor counts it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Location {
    /// The file, as the user would name it.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One problem with an input. Stations collect every problem before they give up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable kebab-case code, such as `unknown-key`.
    pub code: &'static str,
    /// One sentence without a full stop that names what is wrong.
    pub message: String,
    /// Where, when it has a place.
    pub location: Option<Location>,
    /// How to mend it, as one sentence without a full stop.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem without a place or a mend.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), location: None, hint: None }
    }

    /// The same problem, at `location`.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// The same problem, with its mend.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(formatter, "{location}: ")?;
        }
        write!(formatter, "{}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(formatter, " (hint: {hint})")?;
        }
        Ok(())
    }
}

/// The candidate that `word` was probably meant to be, for "did you mean".
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Jaro-Winkler favours a common prefix, which is how keys get misspelt. Below 0.8 the guesses
    // stop being plausible ("role" for "rows").
    const LEAST_SIMILARITY: f64 = 0.8;
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= LEAST_SIMILARITY)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_its_neighbour_and_a_foreign_one_does_not() {
        let keys = ["evaluations", "artifacts", "monitoring"];
        assert_eq!(nearest("evalutions", keys), Some("evaluations"));
        assert_eq!(nearest("colour", keys), None);
    }
}
