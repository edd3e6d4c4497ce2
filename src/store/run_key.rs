//! What names a run: a digest of everything that it decided on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::canonical::{CanonicalJson, NotCanonical};
use crate::decision::record::{DecisionRecord, PolicyReference, RecordReference, Tool};
use crate::digest::{InvalidDigest, Sha256Digest};

/// Digits of [`RunKey::short`]: enough to tell the runs of a directory apart.
const SHORT_DIGITS: usize = 16;

/// The name of a run. A retry comes to the same key, and so finds its own receipt.
///
/// It is the SHA-256 of the canonical JSON of the facts' and the policies' digests, the effective
/// time, the program's versions and the identifier of the CI run. The attempt within a CI run is left
/// out on purpose. What was decided is left out, too: the same inputs must come to the same decision,
/// and a store that sees them come to another one says so.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RunKey(String);

#[derive(Serialize)]
struct Inputs<'a> {
    version: u32,
    facts: &'a RecordReference,
    policy: &'a PolicyReference,
    effective_time: &'a str,
    tool: &'a Tool,
    ci_run: Option<&'a str>,
}

impl RunKey {
    /// The key of the run that made `record`; `ci_run` is CI's own identifier of it, or none.
    ///
    /// # Errors
    /// [`NotCanonical`]; there is no record that causes one.
    pub fn of(record: &DecisionRecord, ci_run: Option<&str>) -> Result<Self, NotCanonical> {
        let inputs = Inputs {
            version: 1,
            facts: &record.facts,
            policy: &record.policy,
            effective_time: &record.effective_time,
            tool: &record.tool,
            ci_run,
        };
        CanonicalJson::of(&inputs).map(|inputs| Self(inputs.digest().to_hex()))
    }

    /// The first 16 of its 64 digits, with which the names of its files begin.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..SHORT_DIGITS).unwrap_or(&self.0)
    }

    /// All 64 digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.0.clone()
    }
}

impl TryFrom<String> for RunKey {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        Sha256Digest::from_hex(&text).map(|_| Self(text))
    }
}

impl fmt::Display for RunKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for RunKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "run {self}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::decision::Verdict;

    #[test]
    fn whatever_was_decided_on_changes_the_key_and_what_was_decided_does_not() {
        let record = sample::record(&sample::facts());
        let key = RunKey::of(&record, None).unwrap();
        let changed = |change: fn(&mut DecisionRecord)| {
            let mut record = record.clone();
            change(&mut record);
            RunKey::of(&record, None).unwrap()
        };
        let keys = [
            key.clone(),
            RunKey::of(&record, Some("17")).unwrap(),
            RunKey::of(&record, Some("")).unwrap(),
            changed(|record| record.facts.sha256 = Sha256Digest::of(b"other")),
            changed(|record| record.policy.sha256 = Sha256Digest::of(b"other")),
            changed(|record| record.effective_time = "2027-01-01T00:00:00Z".to_owned()),
            changed(|record| record.tool.version = "9.9.9".to_owned()),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{index}");
        }
        assert_eq!(key, changed(|record| record.decision = Verdict::Deny));
        assert_eq!((key.to_hex().len(), key.short()), (64, &key.to_hex()[..16]));
    }

    #[test]
    fn only_a_digest_is_read_as_a_key() {
        let key = RunKey::of(&sample::record(&sample::facts()), None).unwrap();
        let written = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<RunKey>(&written).unwrap(), key);
        for text in ["\"\"", "\"../../meta.json\"", &written.to_uppercase()] {
            assert!(serde_json::from_str::<RunKey>(text).is_err(), "{text}");
        }
    }
}
