//! The hidden first line by which a comment is found again, and which run wrote it.
//!
//! It is the first line, so that no cut can lose it, and an HTML comment, so that nobody sees it. Forges give it back as
//! it was written as long as it has nothing in it that Markdown has a meaning for.

use std::fmt;

use crate::digest::Sha256Digest;

/// Characters of a key that are kept; what is longer ends in a digest of the whole.
const KEY_CHARACTERS_MAX: usize = 120;

/// Digits of the digest that stands for what a key cannot carry.
const DIGEST_DIGITS: usize = 16;

/// What the marker of this version begins with.
const PREFIX: &str = "<!-- modelgate:v1 ";

/// Which run wrote something, so that an older one never writes over a newer one.
///
/// Runs are numbered upwards by both forges. A run that is repeated keeps its number and counts its attempts, so that
/// repeating the run of an old commit does not make it the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// The workflow run, or the pipeline; 0 outside of CI.
    pub run: u64,
    /// The attempt, or the job.
    pub attempt: u64,
}

/// What a comment, a status or a check run is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    gate: String,
    manifest: String,
}

impl Key {
    /// The key of a gate's decision about a manifest.
    ///
    /// Only `[a-z0-9./:=-]` stays as it is. Where anything else occurs, a digest of the whole keeps two manifests apart
    /// that would look the same.
    #[must_use]
    pub fn new(gate: &str, manifest: &str) -> Self {
        Self { gate: plain(gate), manifest: plain(manifest) }
    }

    /// The name of statuses and check runs: the gate's, and the directory of the manifest unless that is the root.
    ///
    /// It says `verdict`, since a status that is called like a job hides it in GitLab.
    #[must_use]
    pub fn name(&self) -> String {
        match self.manifest.rsplit_once('/') {
            None if self.manifest == crate::manifest::FILE_NAME => format!("{} verdict", self.gate),
            None => format!("{} verdict: {}", self.gate, self.manifest),
            Some((directory, file)) if file == crate::manifest::FILE_NAME => {
                format!("{} verdict: {directory}", self.gate)
            }
            Some(_) => format!("{} verdict: {}", self.gate, self.manifest),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.gate, self.manifest)
    }
}

/// `text` in the characters that a marker may have.
fn plain(text: &str) -> String {
    let is_plain =
        |character: char| matches!(character, 'a'..='z' | '0'..='9' | '.' | '/' | '-') && character.is_ascii();
    let mut kept = String::with_capacity(text.len());
    for character in text.chars().take(KEY_CHARACTERS_MAX) {
        // Two dashes in a row could end the comment.
        let character = if is_plain(character) { character } else { '-' };
        if character != '-' || !kept.ends_with('-') {
            kept.push(character);
        }
    }
    if kept == text && !kept.is_empty() {
        return kept;
    }
    let digest = Sha256Digest::of(text.as_bytes()).to_hex();
    format!("{}:{}", kept.trim_matches('-'), digest.get(..DIGEST_DIGITS).unwrap_or_default())
}

/// The first line of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// What it is about.
    pub key: Key,
    /// The commit that was judged.
    pub commit: String,
    /// Which run wrote it.
    pub stamp: Stamp,
}

impl fmt::Display for Marker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stamp { run, attempt } = self.stamp;
        write!(formatter, "{PREFIX}key={} sha={} run={run}.{attempt} -->", self.key, plain(&self.commit))
    }
}

/// The stamp of a comment that begins with a marker of `key`; none for any other text.
#[must_use]
pub fn stamp_of(body: &str, key: &Key) -> Option<Stamp> {
    let first = body.lines().next()?.trim_end();
    let rest = first.strip_prefix(PREFIX)?.strip_prefix(&format!("key={key} sha="))?.strip_suffix(" -->")?;
    let (commit, run) = rest.split_once(" run=")?;
    if commit.contains(char::is_whitespace) {
        return None;
    }
    let (run, attempt) = run.split_once('.')?;
    Some(Stamp { run: run.parse().ok()?, attempt: attempt.parse().ok()? })
}

/// What an older comment of ours becomes when there are several: it is no longer found, and nobody takes it for the
/// decision.
#[must_use]
pub fn superseded(key: &Key) -> String {
    format!("{PREFIX}key={key} superseded -->\nA newer comment has this gate's decision.\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marker(manifest: &str) -> Marker {
        let stamp = Stamp { run: 123, attempt: 2 };
        Marker { key: Key::new("modelgate", manifest), commit: "4b825dc642cb".to_owned(), stamp }
    }

    #[test]
    fn a_marker_is_written_and_found() {
        let marker = marker("models/credit/modelgate.yaml");
        let body = format!("{marker}\nmore");
        insta::assert_snapshot!(marker.to_string(), @"<!-- modelgate:v1 key=modelgate:models/credit/modelgate.yaml sha=4b825dc642cb run=123.2 -->");
        assert_eq!(stamp_of(&body, &marker.key), Some(marker.stamp));
        assert_eq!(stamp_of(&body.replace('\n', "\r\n"), &marker.key), Some(marker.stamp));
        assert_eq!(stamp_of(&body, &Key::new("modelgate", "models/credit")), None);
        assert_eq!(stamp_of(&body, &Key::new("other", "models/credit/modelgate.yaml")), None);
        // Not on the first line: somebody quoted it.
        assert_eq!(stamp_of(&format!("> quoted\n{body}"), &marker.key), None);
        assert_eq!(stamp_of(&superseded(&marker.key), &marker.key), None);
    }

    #[test]
    fn names_that_a_marker_cannot_carry_stay_apart() {
        let names =
            ["models/A/modelgate.yaml", "models/a_/modelgate.yaml", "models/ä/modelgate.yaml", "a b", "a  b", ""];
        let keys: std::collections::BTreeSet<_> =
            names.iter().map(|name| Key::new("modelgate", name).to_string()).collect();
        assert_eq!(keys.len(), names.len(), "{keys:?}");
        assert_eq!(Key::new("modelgate", "modelgate.yaml").name(), "modelgate verdict");
        assert_eq!(Key::new("modelgate", "models/credit/modelgate.yaml").name(), "modelgate verdict: models/credit");
    }

    proptest! {
        #[test]
        fn nothing_ends_the_comment_before_its_end(manifest in any::<String>(), commit in any::<String>()) {
            let marker = Marker { commit, ..marker(&manifest) };
            let text = marker.to_string();
            let inside = text.strip_prefix(PREFIX).unwrap().strip_suffix(" -->").unwrap();
            let is_allowed = |character: char| matches!(character, 'a'..='z' | '0'..='9' | '.' | '/' | ':' | '=' | '-' | ' ');
            prop_assert!(inside.chars().all(is_allowed), "{text}");
            prop_assert!(!inside.contains("--") && text.len() < 512, "{text}");
            prop_assert_eq!(stamp_of(&text, &marker.key), Some(marker.stamp));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            prop_assert_eq!(stamp_of(&text, &Key::new("modelgate", "m")), None);
        }
    }
}
