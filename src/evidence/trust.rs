//! Whose signatures count, and for what.
//!
//! A bundle names its own key, which proves nothing. Whoever verifies says which keys may sign: one by one,
//! or in a file of trust roots that says for each key which verifier it may sign for, up to which tier, and
//! when.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::dsse::Envelope;
use super::key::PublicKey;
use super::statement::VERIFIER_ID;
use super::verify::VerifyError;
use crate::document::{Document, TEXT_BYTES_MAX, read_text};
use crate::policy::EffectiveTime;
use crate::problem::Problem;
use crate::tier::Tier;

/// Keys of one file. An organisation has a handful; each one costs a verification.
const KEYS_MAX: usize = 256;

/// Trust roots, version 1: which public keys may sign verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "modelgate trust roots, version 1")]
pub struct TrustRoots {
    /// Version of this format. Always 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The keys.
    #[schemars(length(min = 1, max = 256))]
    pub keys: Vec<TrustRoot>,
}

/// A key that may sign.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustRoot {
    /// Name, for messages.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The public key as PEM text. Either this or `public_key_file`.
    #[serde(default)]
    pub public_key: Option<String>,
    /// File with the public key as PEM, relative to this file.
    #[serde(default)]
    pub public_key_file: Option<String>,
    /// The ids of verifiers that it may sign for; by default `urn:modelgate:verifier:v1`, which is this program's.
    #[serde(default = "own_verifier")]
    #[schemars(length(min = 1))]
    pub verifiers: Vec<String>,
    /// The strictest tier that it may sign for; by default any.
    #[serde(default)]
    pub max_tier: Option<Tier>,
    /// First day of the verdicts that it may have signed, UTC: `YYYY-MM-DD`.
    #[serde(default)]
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub valid_from: Option<String>,
    /// Last day of them, inclusive, UTC.
    #[serde(default)]
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub valid_until: Option<String>,
    /// Why it is not to be trusted any more. Whatever it signed is refused, however old it says it is: whoever has the key
    /// writes the date.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub revoked: Option<String>,
}

fn own_verifier() -> Vec<String> {
    vec![VERIFIER_ID.to_owned()]
}

/// The keys that count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    keys: Vec<TrustedKey>,
}

/// A key, and what it may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// Its name in the trust roots, or its file.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    verifiers: Vec<String>,
    max_tier: Option<Tier>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    revoked: Option<String>,
}

impl TrustedKey {
    /// A key that may sign everything.
    #[must_use]
    pub fn new(name: impl Into<String>, key: PublicKey) -> Self {
        Self {
            name: name.into(),
            key,
            verifiers: own_verifier(),
            max_tier: None,
            valid_from: None,
            valid_until: None,
            revoked: None,
        }
    }

    /// Whether it may have signed what a verifier said of a tier at a time.
    fn allows(&self, verifier: &str, tier: Tier, when: EffectiveTime) -> Result<(), VerifyError> {
        let name = self.name.clone();
        let refused = |name: String, reason: String| Err(VerifyError::KeyNotFor { name, reason });
        if let Some(reason) = &self.revoked {
            return Err(VerifyError::Revoked { name, reason: reason.clone() });
        }
        if !self.verifiers.iter().any(|allowed| allowed == verifier) {
            return refused(name, format!("for the verifier `{verifier}`"));
        }
        if let Some(most) = self.max_tier.filter(|most| tier > *most) {
            return refused(name, format!("for the tier `{tier}`: `{most}` is the strictest"));
        }
        // Days of four-digit years have the order of their texts.
        let day = when.date();
        if let Some(first) = self.valid_from.as_ref().filter(|first| day < **first) {
            return refused(name, format!("on {day}: it is valid from {first} on"));
        }
        if let Some(last) = self.valid_until.as_ref().filter(|last| day > **last) {
            return refused(name, format!("on {day}: it was valid until {last}"));
        }
        Ok(())
    }
}

impl From<PublicKey> for Trust {
    fn from(key: PublicKey) -> Self {
        Self { keys: vec![TrustedKey::new("the key", key)] }
    }
}

impl Trust {
    /// Trusts `keys`.
    #[must_use]
    pub const fn new(keys: Vec<TrustedKey>) -> Self {
        Self { keys }
    }

    /// Trusts the keys of `other`, too.
    pub fn extend(&mut self, other: Self) {
        self.keys.extend(other.keys);
    }

    /// The keys that are not revoked.
    pub fn valid_keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.iter().filter(|trusted| trusted.revoked.is_none()).map(|trusted| &trusted.key)
    }

    /// Reads a file of trust roots, YAML or JSON.
    ///
    /// # Errors
    /// Every problem of it, and of the files of keys that it names.
    pub fn load(path: &Path) -> Result<Self, Vec<Problem>> {
        let shown = path.display().to_string();
        let text = read_text(path, &shown, TEXT_BYTES_MAX).map_err(|problem| vec![problem])?;
        Self::parse(&shown, &text, path.parent().unwrap_or_else(|| Path::new("")))
    }

    /// Reads trust roots whose files of keys are below `directory`.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(shown: &str, text: &str, directory: &Path) -> Result<Self, Vec<Problem>> {
        let document = Document::parse(shown, text)?;
        let roots: TrustRoots = document.decode()?;
        let (mut keys, mut problems) = (Vec::new(), Vec::new());
        for (index, root) in roots.keys.into_iter().take(KEYS_MAX).enumerate() {
            let at = document.location(&format!("/keys/{index}"));
            match root.checked(directory) {
                Ok(key) => keys.push(key),
                Err(message) => problems.push(Problem::new("trust-root", message).at(at)),
            }
        }
        if problems.is_empty() { Ok(Self { keys }) } else { Err(problems) }
    }

    /// The keys that signed `envelope`.
    ///
    /// # Errors
    /// [`VerifyError::Signature`] for none, and [`VerifyError::Revoked`] if all of them are revoked: then not even what the
    /// payload says is worth reading.
    pub(super) fn signers(&self, envelope: &Envelope) -> Result<Vec<&TrustedKey>, VerifyError> {
        let signers: Vec<_> = self.keys.iter().filter(|trusted| envelope.is_signed_by(&trusted.key)).collect();
        let Some(first) = signers.first() else { return Err(VerifyError::Signature) };
        if let (Some(reason), true) = (&first.revoked, signers.iter().all(|signer| signer.revoked.is_some())) {
            return Err(VerifyError::Revoked { name: first.name.clone(), reason: reason.clone() });
        }
        Ok(signers)
    }
}

/// The first of `signers` that may sign this, or why none may.
pub(super) fn authorised<'a>(
    signers: &[&'a TrustedKey],
    verifier: &str,
    tier: Tier,
    when: EffectiveTime,
) -> Result<&'a TrustedKey, VerifyError> {
    let mut refused = VerifyError::Signature;
    // From the end, so that the reason that stays is the first key's.
    for signer in signers.iter().rev() {
        match signer.allows(verifier, tier, when) {
            Ok(()) => return Ok(signer),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

impl TrustRoot {
    fn checked(self, directory: &Path) -> Result<TrustedKey, String> {
        let key = match (&self.public_key, &self.public_key_file) {
            (Some(text), None) => PublicKey::from_pem_text(text).map_err(|error| error.to_string())?,
            (None, Some(file)) => PublicKey::load_pem(&directory.join(file)).map_err(|error| error.to_string())?,
            _ => return Err(format!("the key `{}` needs either `public_key` or `public_key_file`", self.name)),
        };
        for day in [&self.valid_from, &self.valid_until].into_iter().flatten() {
            EffectiveTime::parse(day).map_err(|reason| format!("`{day}` of the key `{}`: {reason}", self.name))?;
        }
        if let (Some(first), Some(last)) = (&self.valid_from, &self.valid_until)
            && first > last
        {
            return Err(format!("the key `{}` is valid from {first} until {last}, which is never", self.name));
        }
        Ok(TrustedKey {
            name: self.name,
            key,
            verifiers: self.verifiers,
            max_tier: self.max_tier,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            revoked: self.revoked,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evidence::key::SigningKey;

    fn time(text: &str) -> EffectiveTime {
        EffectiveTime::parse(text).unwrap()
    }

    fn parse(text: &str) -> Result<Trust, Vec<Problem>> {
        Trust::parse("trust.yaml", text, Path::new("."))
    }

    /// A file with one key, and `more` said of it.
    fn roots(key: &SigningKey, more: &str) -> String {
        let pem = key.public_key().to_pem().unwrap().replace('\n', "\n      ");
        format!("version: 1\nkeys:\n  - name: release\n    public_key: |\n      {pem}\n{more}")
    }

    fn allows(more: &str, verifier: &str, tier: Tier, day: &str) -> Result<(), String> {
        let key = SigningKey::generate().unwrap();
        let trust = parse(&roots(&key, more)).unwrap();
        let envelope = Envelope::sign(b"{}".to_vec(), &key).unwrap();
        let signers = trust.signers(&envelope).map_err(|error| error.to_string())?;
        authorised(&signers, verifier, tier, time(day)).map(|_| ()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_signs_for_its_verifier_up_to_its_tier_and_in_its_time() {
        let ours = VERIFIER_ID;
        assert_eq!(allows("", ours, Tier::Critical, "2027-01-01"), Ok(()));
        let high = "    max_tier: high\n";
        assert_eq!(allows(high, ours, Tier::High, "2027-01-01"), Ok(()));
        assert!(allows(high, ours, Tier::Critical, "2027-01-01").unwrap_err().contains("`critical`"));
        let dated = "    valid_from: '2027-01-01'\n    valid_until: '2027-12-31'\n";
        for (day, holds) in [
            ("2026-12-31T23:59:59Z", false),
            ("2027-01-01", true),
            ("2027-12-31T23:59:59Z", true),
            ("2028-01-01", false),
        ] {
            assert_eq!(allows(dated, ours, Tier::Minimal, day).is_ok(), holds, "{day}");
        }
        let other = "    verifiers: [urn:example:other]\n";
        assert!(allows(other, ours, Tier::Minimal, "2027-01-01").unwrap_err().contains("urn:modelgate:verifier:v1"));
        assert_eq!(allows(other, "urn:example:other", Tier::Minimal, "2027-01-01"), Ok(()));
        let revoked = allows("    revoked: stolen\n", ours, Tier::Minimal, "2027-01-01").unwrap_err();
        assert!(revoked.contains("revoked") && revoked.contains("stolen"), "{revoked}");
    }

    #[test]
    fn a_key_may_be_there_twice_for_two_times() {
        let key = SigningKey::generate().unwrap();
        let first = roots(&key, "    valid_until: '2027-12-31'\n");
        let pem = key.public_key().to_pem().unwrap().replace('\n', "\n      ");
        let both = format!("{first}  - name: again\n    public_key: |\n      {pem}\n    valid_from: '2029-01-01'\n");
        let trust = parse(&both).unwrap();
        let envelope = Envelope::sign(b"{}".to_vec(), &key).unwrap();
        let signers = trust.signers(&envelope).unwrap();
        let by = |day: &str| authorised(&signers, VERIFIER_ID, Tier::High, time(day)).map(|key| key.name.clone());
        assert_eq!(by("2027-06-01").unwrap(), "release");
        assert_eq!(by("2029-06-01").unwrap(), "again");
        assert!(by("2028-06-01").unwrap_err().to_string().contains("until 2027-12-31"));
    }

    #[test]
    fn what_is_no_trust_root_is_refused_with_its_place() {
        let key = SigningKey::generate().unwrap();
        let private = key.to_pem().unwrap().replace('\n', "\n      ");
        let secret = private.lines().nth(1).unwrap().trim().to_owned();
        for (text, says) in [
            ("version: 2\nkeys: []\n".to_owned(), "version"),
            ("version: 1\nkeys: []\n".to_owned(), "keys"),
            ("version: 1\nkeys:\n  - name: a\n".to_owned(), "either"),
            (roots(&key, "    public_key_file: a.pub\n"), "either"),
            (roots(&key, "    max_tiers: high\n"), "max_tiers"),
            (roots(&key, "    max_tier: highest\n"), "highest"),
            (roots(&key, "    valid_from: '2027-02-30'\n"), "2027-02-30"),
            (roots(&key, "    valid_from: '2028-01-01'\n    valid_until: '2027-01-01'\n"), "never"),
            (roots(&key, "    verifiers: []\n"), "verifiers"),
            (format!("version: 1\nkeys:\n  - name: a\n    public_key: |\n      {private}\n"), "private key"),
            ("version: 1\nkeys:\n  - {name: a, public_key_file: nowhere.pub}\n".to_owned(), "nowhere.pub"),
        ] {
            let problems = parse(&text).unwrap_err();
            let said: String = problems.iter().map(Problem::to_string).collect();
            assert!(said.contains(says), "`{says}` is not in: {said}");
            assert!(!said.contains(&secret), "{said}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_stop(text in "(version: 1\n)?(keys:\n)?.{0,200}") {
            let _ = parse(&text);
        }
    }
}
