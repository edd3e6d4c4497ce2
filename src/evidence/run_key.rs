//! What names a run: a digest of everything that it decided on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::canonical::{CanonicalJson, NotCanonical};
use crate::decision::record::{DecisionRecord, PolicyReference, RecordReference, Tool};
use crate::digest::Sha256Digest;

/// The name of a run. A retry comes to the same key, and so finds its own receipt.
///
/// It is the SHA-256 of the canonical JSON of the facts' and the policies' digests, the effective
/// time, the program's versions and the identifier of the CI run. The attempt within a CI run is left
/// out on purpose. What was decided is left out, too: the same inputs must come to the same decision,
/// and a store that sees them come to another one says so.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunKey(Sha256Digest);

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
        CanonicalJson::of(&inputs).map(|inputs| Self(inputs.digest()))
    }

    /// The key that a digest is.
    #[must_use]
    pub const fn from_digest(digest: Sha256Digest) -> Self {
        Self(digest)
    }

    /// The digest that the key is.
    #[must_use]
    pub const fn digest(self) -> Sha256Digest {
        self.0
    }

    /// The first 16 of its 64 digits: long enough to tell the runs of a directory apart.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(16).collect()
    }
}

impl fmt::Display for RunKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for RunKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "run {self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Verdict;
    use crate::evidence::sample;

    #[test]
    fn whatever_was_decided_on_changes_the_key_and_what_was_decided_does_not() {
        let record = sample::record(&sample::facts());
        let key = RunKey::of(&record, None).unwrap();
        let changed = |change: fn(&mut DecisionRecord)| {
            let mut record = record.clone();
            change(&mut record);
            RunKey::of(&record, None).unwrap()
        };
        let other = Sha256Digest::of(b"other");
        let keys = [
            key,
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
        assert_ne!(key, RunKey::from_digest(other));
        assert_eq!(key.to_string().get(..16), Some(key.short().as_str()));
    }
}
