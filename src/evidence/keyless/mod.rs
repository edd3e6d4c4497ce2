//! Bundles that a certificate signed (Sigstore): by a short-lived key for which a certificate authority vouches that the
//! signer was a certain CI job or person, as a public log recorded.
//!
//! Offline always: the authorities and logs that are believed come from a trusted root, a file.

mod provider;
pub mod signing;

use sigstore_verify::trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT, TrustedRoot};
use sigstore_verify::types::{Artifact, Bundle, DerPublicKey, Sha256Hash, SignatureContent};
use sigstore_verify::{Policy, PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult, Verifier};

use super::bundle::MAX_BUNDLE_BYTES;
use super::dsse::MAX_PAYLOAD_BYTES;
use crate::digest::Sha256Digest;
use crate::document::strict_json;

/// Largest trusted root that is read. The public instance's has 7 kB.
pub const MAX_TRUSTED_ROOT_BYTES: u64 = 1024 * 1024;

/// Who may have signed, exactly as the certificate says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate's subject alternative name: an address of a workflow at a reference, or of a person.
    pub subject: String,
    /// The issuer of the token that proved it to the authority.
    pub issuer: String,
}

/// Nothing is proven.
#[derive(Debug, thiserror::Error)]
pub enum KeylessError {
    /// The trusted root is none.
    #[error("the trusted root is refused: {0}")]
    TrustedRoot(String),
    /// Not JSON, or not of the form of a bundle.
    #[error("it is not a Sigstore bundle: {0}")]
    Form(String),
    /// The file is over [`MAX_BUNDLE_BYTES`], or its payload over [`MAX_PAYLOAD_BYTES`].
    #[error("it is over {MAX_BUNDLE_BYTES} bytes, or its payload over {MAX_PAYLOAD_BYTES}")]
    TooLarge,
    /// A bundle over something that is no statement.
    #[error("it has no statement: it signs a file")]
    NoStatement,
    /// The public key is none.
    #[error("the public key is refused: {0}")]
    PublicKey(String),
    /// The certificate, the log, the timestamp or the signature does not hold.
    #[error("{0}")]
    Refused(#[from] Box<sigstore_verify::Error>),
}

/// Which trusted root.
#[derive(Debug, Clone, Copy)]
pub enum Root<'a> {
    /// The snapshot of Sigstore's public instance in this build.
    Public,
    /// The snapshot of Sigstore's staging instance in this build.
    Staging,
    /// The text of a `trusted_root.json`.
    Text(&'a str),
}

impl<'a> Root<'a> {
    const fn text(self) -> &'a str {
        match self {
            Self::Public => SIGSTORE_PRODUCTION_TRUSTED_ROOT,
            Self::Staging => SIGSTORE_STAGING_TRUSTED_ROOT,
            Self::Text(text) => text,
        }
    }
}

/// Authorities and logs that are believed.
pub struct Trust {
    verifier: Verifier,
    /// Whether certificates must be in a certificate transparency log: where the root names one.
    has_certificate_logs: bool,
    /// Whether signatures must be in a transparency log: where the root names one.
    has_signature_logs: bool,
}

/// What is to be verified with.
#[derive(Debug)]
pub enum Signer<'a> {
    /// A certificate for this identity.
    Identity(&'a Identity),
    /// A public key, PEM.
    Key(&'a str),
}

/// A file, or what is known of it.
#[derive(Debug, Clone, Copy)]
pub enum Signed<'a> {
    /// Its content.
    Content(&'a [u8]),
    /// Its SHA-256.
    Digest(Sha256Digest),
}

impl Trust {
    /// Reads a trusted root.
    ///
    /// # Errors
    /// [`KeylessError::TrustedRoot`].
    pub fn new(root: Root<'_>) -> Result<Self, KeylessError> {
        provider::install();
        let refused = |error: &dyn std::fmt::Display| KeylessError::TrustedRoot(error.to_string());
        let root = TrustedRoot::from_json(root.text()).map_err(|error| refused(&error))?;
        Ok(Self {
            verifier: Verifier::new(&root).map_err(|error| refused(&error))?,
            has_certificate_logs: !root.ctlogs.is_empty(),
            has_signature_logs: !root.tlogs.is_empty(),
        })
    }

    /// Verifies a bundle over a file, or over a statement that has the file among its subjects.
    ///
    /// # Errors
    /// [`KeylessError`] for the first thing that does not hold.
    pub fn verify_artifact(&self, bundle: &[u8], signed: Signed<'_>, signer: &Signer<'_>) -> Result<(), KeylessError> {
        let bundle = read(bundle)?;
        let policy: Box<dyn Policy> = match signer {
            Signer::Identity(identity) => {
                Box::new(VerificationPolicy::new(identity.subject.as_str(), identity.issuer.as_str()))
            }
            Signer::Key(pem) => {
                let key = DerPublicKey::from_pem(pem).map_err(|error| KeylessError::PublicKey(error.to_string()))?;
                Box::new(PublicKeyVerificationPolicy::new(key))
            }
        };
        let artifact = match signed {
            Signed::Content(content) => Artifact::from_blob(content),
            Signed::Digest(digest) => Artifact::from_digest(Sha256Hash::new(*digest.as_bytes())),
        };
        self.verifier.verify(artifact, &bundle, policy.as_ref()).map_err(Box::new)?;
        Ok(())
    }

    /// Verifies that `identity` signed the statement in a bundle, and gives its payload as it was signed. Whether the
    /// statement is about anything in particular is for its reader.
    ///
    /// # Errors
    /// [`KeylessError`] for the first thing that does not hold.
    pub fn verify_statement(&self, bundle: &[u8], identity: &Identity) -> Result<Vec<u8>, KeylessError> {
        let policy = VerificationPolicy::new(identity.subject.as_str(), identity.issuer.as_str());
        let (payload, _) = self.verify_by(bundle, policy)?;
        Ok(payload)
    }

    /// Verifies a statement that was signed a moment ago, and says as whom.
    fn verify_own(&self, bundle: &[u8]) -> Result<Identity, KeylessError> {
        let (_, result) = self.verify_by(bundle, VerificationPolicy::any_identity())?;
        let subject = result.identity().map(|subject| subject.as_str().to_owned());
        let identity = subject.zip(result.issuer().map(str::to_owned));
        let identity = identity.map(|(subject, issuer)| Identity { subject, issuer });
        identity.ok_or_else(|| KeylessError::Form("its certificate names no identity".to_owned()))
    }

    fn verify_by(
        &self,
        bundle: &[u8],
        mut policy: VerificationPolicy,
    ) -> Result<(Vec<u8>, VerificationResult), KeylessError> {
        let bundle = read(bundle)?;
        let SignatureContent::DsseEnvelope(envelope) = &bundle.content else { return Err(KeylessError::NoStatement) };
        let payload = envelope.payload.as_bytes();
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(KeylessError::TooLarge);
        }
        if !self.has_certificate_logs {
            policy = policy.skip_sct();
        }
        if !self.has_signature_logs {
            policy = policy.skip_tlog_unsafe();
        }
        // The crate wants an artifact: the statement's own subject is one. What the statement must be about is checked
        // where it is read.
        let digest = first_subject(payload)?;
        let artifact = Artifact::from_digest(Sha256Hash::new(*digest.as_bytes()));
        let result = self.verifier.verify(artifact, &bundle, &policy).map_err(Box::new)?;
        Ok((payload.to_vec(), result))
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Trust").finish_non_exhaustive()
    }
}

fn read(bytes: &[u8]) -> Result<Bundle, KeylessError> {
    if bytes.len() > MAX_BUNDLE_BYTES {
        return Err(KeylessError::TooLarge);
    }
    let form = |error: &dyn std::fmt::Display| KeylessError::Form(error.to_string());
    // For keys that are there twice: readers that take the one or the other would see different bundles.
    strict_json::parse(bytes).map_err(|error| form(&error))?;
    let text = std::str::from_utf8(bytes).map_err(|error| form(&error))?;
    Bundle::from_json(text).map_err(|error| form(&error))
}

fn first_subject(payload: &[u8]) -> Result<Sha256Digest, KeylessError> {
    let value = strict_json::parse(payload).map_err(|error| KeylessError::Form(error.to_string()))?;
    let digest = value.pointer("/subject/0/digest/sha256").and_then(serde_json::Value::as_str);
    let missing = || KeylessError::Form("its statement has no subject with a SHA-256 digest".to_owned());
    Sha256Digest::from_hex(digest.ok_or_else(missing)?).map_err(|_| missing())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    macro_rules! vector {
        ($name:literal) => {
            include_bytes!(concat!("../../../tests/interop/sigstore-conformance/", $name))
        };
    }

    /// A statement that the suite's own workflow signed, logged by Rekor v2.
    const BUNDLE: &[u8] = vector!("rekor2-dsse-happy-path/bundle.sigstore.json");
    const ROOT: &[u8] = vector!("rekor2-dsse-happy-path/trusted_root.json");

    fn trust() -> Trust {
        Trust::new(Root::Text(std::str::from_utf8(ROOT).unwrap())).unwrap()
    }

    fn identity() -> Identity {
        Identity {
            subject: "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main".to_owned(),
            issuer: "https://token.actions.githubusercontent.com".to_owned(),
        }
    }

    #[test]
    fn a_statement_is_given_as_it_was_signed_for_its_signer_alone() {
        let payload = trust().verify_statement(BUNDLE, &identity()).unwrap();
        let statement: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
        let other = Identity { subject: identity().subject.replace("main", "other"), ..identity() };
        assert!(matches!(trust().verify_statement(BUNDLE, &other), Err(KeylessError::Refused(_))));
        let other = Identity { issuer: "https://gitlab.com".to_owned(), ..identity() };
        assert!(matches!(trust().verify_statement(BUNDLE, &other), Err(KeylessError::Refused(_))));
        assert!(matches!(
            Trust::new(Root::Public).unwrap().verify_statement(BUNDLE, &identity()),
            Err(KeylessError::Refused(_))
        ));
    }

    #[test]
    fn what_is_no_statement_or_is_doubled_is_refused() {
        let file = vector!("happy-path-v0.3/bundle.sigstore.json");
        let public = Trust::new(Root::Public).unwrap();
        assert!(matches!(public.verify_statement(file, &identity()), Err(KeylessError::NoStatement)));
        let doubled = String::from_utf8(BUNDLE.to_vec()).unwrap().replacen('{', r#"{"mediaType":"x","#, 1);
        assert!(matches!(trust().verify_statement(doubled.as_bytes(), &identity()), Err(KeylessError::Form(_))));
        let large = vec![b' '; MAX_BUNDLE_BYTES + 1];
        assert!(matches!(trust().verify_statement(&large, &identity()), Err(KeylessError::TooLarge)));
        for root in ["", "[]", "{\"tlogs\": 1}"] {
            assert!(matches!(Trust::new(Root::Text(root)), Err(KeylessError::TrustedRoot(_))), "{root}");
        }
    }

    #[test]
    fn no_changed_byte_gives_another_statement() {
        let (trust, identity) = (trust(), identity());
        let expected = trust.verify_statement(BUNDLE, &identity).unwrap();
        let mut refused = 0_usize;
        for index in 0..BUNDLE.len() {
            let mut changed = BUNDLE.to_vec();
            changed[index] ^= 1 << (index % 7);
            match trust.verify_statement(&changed, &identity) {
                Ok(payload) => assert_eq!(payload, expected, "byte {index}"),
                Err(_) => refused += 1,
            }
        }
        assert!(refused * 10 > BUNDLE.len() * 6, "{refused} of {}", BUNDLE.len());
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(trust().verify_statement(&bytes, &identity()).is_err());
        }
    }
}
