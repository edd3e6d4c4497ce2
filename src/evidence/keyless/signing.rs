//! Signing as a CI job: a certificate for a key that lives as long as the run, a log entry and a timestamp for each signature.
//!
//! Fulcio v2, Rekor v2 (which logs a digest and gives no time) and RFC 3161. There is no interactive flow: without a token
//! that CI made, nothing is signed. What was signed is verified with the trusted root before it is used.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::{Client, Url};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::{Value, json};
use sigstore_verify::trust_root::TrustedRoot;

use super::{Identity, KeylessError, Root, Trust};
use crate::digest::Sha256Digest;
use crate::document::strict_json;
use crate::environment::{CiIdentity, Secret};
use crate::evidence::bundle::MEDIA_TYPE;
use crate::evidence::dsse::{Envelope, PAYLOAD_TYPE, pre_authentication_encoding};
use crate::evidence::key::SigningKey;
use crate::evidence::service::{answer, in_thread};
use crate::evidence::timestamp::{Authorities, Service};
use crate::evidence::{EvidenceError, SignedPayload, StatementSigner};

/// Services of Sigstore's public instance: <https://github.com/sigstore/root-signing>, `signing_config.v0.2.json`.
const PUBLIC_FULCIO: &str = "https://fulcio.sigstore.dev";
const PUBLIC_REKOR: &str = "https://log2025-1.rekor.sigstore.dev";
const PUBLIC_TIMESTAMP: &str = "https://timestamp.sigstore.dev/api/v1/timestamp";

/// Whom the token is for.
const AUDIENCE: &str = "sigstore";
/// Largest token. Those of CI have some 2 kB.
const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// Nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// CI gave no token.
    #[error(
        "there is no token to prove who signs: in GitHub Actions the job needs `id-token: write`, in GitLab `id_tokens` with SIGSTORE_ID_TOKEN for `sigstore`"
    )]
    NoToken,
    /// The token is none that can be read.
    #[error("the token that CI gave is no identity token")]
    Token,
    /// An address that a token is not sent to.
    #[error("the address of {0} is not `https://…`")]
    Address(&'static str),
    /// A service gave no answer that can be used.
    #[error("{service} did not do its part: {reason}")]
    Service {
        /// Which.
        service: &'static str,
        /// Why.
        reason: String,
    },
    /// The trusted root is none, or has no time-stamping authority.
    #[error(transparent)]
    Root(KeylessError),
    /// What was signed is not used.
    #[error("what was signed does not verify: {0}")]
    NotVerified(KeylessError),
}

/// The services that vouch for a signature, and the root by which that is verified.
#[derive(Debug)]
pub struct Instance {
    fulcio: Url,
    rekor: Url,
    timestamp: Service,
    trust: Trust,
}

/// Addresses of an instance that is not the public one, and its trusted root.
#[derive(Debug, Clone, Copy)]
pub struct CustomInstance<'a> {
    /// Certificate authority (Fulcio).
    pub fulcio: &'a str,
    /// Transparency log (Rekor v2).
    pub rekor: &'a str,
    /// Time-stamping service.
    pub timestamp: &'a str,
    /// Text of its `trusted_root.json`.
    pub root: &'a str,
}

impl Instance {
    /// Sigstore's public instance, or another.
    ///
    /// # Errors
    /// [`SigningError`] for an address that a token is not sent to, or a trusted root that is none.
    pub fn new(custom: Option<CustomInstance<'_>>) -> Result<Self, SigningError> {
        let (fulcio, rekor, timestamp, root) = match custom {
            Some(custom) => (custom.fulcio, custom.rekor, custom.timestamp, Root::Text(custom.root)),
            None => (PUBLIC_FULCIO, PUBLIC_REKOR, PUBLIC_TIMESTAMP, Root::Public),
        };
        let refused = |error: &dyn std::fmt::Display| SigningError::Root(KeylessError::TrustedRoot(error.to_string()));
        let parsed = TrustedRoot::from_json(root.text()).map_err(|error| refused(&error))?;
        let chains = parsed.timestamp_authorities.iter().flat_map(|authority| &authority.cert_chain.certificates);
        let certificates = chains.map(|entry| CertificateDer::from(entry.raw_bytes.as_bytes().to_vec()));
        let authorities = Authorities::new(certificates.collect()).map_err(|error| refused(&error))?;
        let service = "the time-stamping service";
        Ok(Self {
            fulcio: address(fulcio, "api/v2/signingCert").ok_or(SigningError::Address("the certificate authority"))?,
            rekor: address(rekor, "api/v2/log/entries").ok_or(SigningError::Address("the transparency log"))?,
            timestamp: Service::new(timestamp, authorities).map_err(|_| SigningError::Address(service))?,
            trust: Trust::new(root).map_err(SigningError::Root)?,
        })
    }
}

/// The address of a service that may have a token: over https, or on this machine.
fn address(base: &str, path: &str) -> Option<Url> {
    Url::parse(&format!("{}/{path}", base.trim_end_matches('/'))).ok().filter(may_have_a_token)
}

fn may_have_a_token(url: &Url) -> bool {
    let is_here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let is_plain = url.username().is_empty() && url.password().is_none();
    is_plain && url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && is_here))
}

/// A key with a certificate, for the statements of one run.
pub struct Session<'a> {
    instance: &'a Instance,
    key: SigningKey,
    /// DER.
    certificate: Vec<u8>,
}

impl<'a> Session<'a> {
    /// Makes a key and has its certificate issued to whom CI says this job is.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn open(instance: &'a Instance, identity: &CiIdentity) -> Result<Self, SigningError> {
        let key = SigningKey::generate().map_err(|error| own(&error))?;
        let token = token(identity)?;
        let subject = subject(token.expose()).ok_or(SigningError::Token)?;
        let proof = key.sign(subject.as_bytes()).map_err(|error| own(&error))?;
        let request = json!({
            "credentials": {"oidcIdentityToken": token.expose()},
            "publicKeyRequest": {
                "publicKey": {"algorithm": "ECDSA", "content": key.public_key().to_pem().map_err(|error| own(&error))?},
                "proofOfPossession": STANDARD.encode(proof),
            },
        });
        let service = "the certificate authority";
        let issued = post(&instance.fulcio, &request).map_err(|reason| SigningError::Service { service, reason })?;
        let certificate = leaf(&issued)
            .ok_or_else(|| SigningError::Service { service, reason: "its answer has no certificate".to_owned() })?;
        Ok(Self { instance, key, certificate })
    }

    /// As whom a bundle of this session is signed.
    ///
    /// # Errors
    /// [`SigningError::NotVerified`].
    pub fn identity(&self, bundle: &[u8]) -> Result<Identity, SigningError> {
        self.instance.trust.verify_own(bundle).map_err(SigningError::NotVerified)
    }
}

impl StatementSigner for Session<'_> {
    fn sign_statement(&self, payload: Vec<u8>) -> Result<SignedPayload, EvidenceError> {
        let digest = Sha256Digest::of(&pre_authentication_encoding(PAYLOAD_TYPE, &payload));
        let envelope = Envelope::sign(payload, &self.key)?;
        let timestamp = self.instance.timestamp.stamp(envelope.signature())?;
        let certificate = STANDARD.encode(&self.certificate);
        let request = json!({"hashedRekordRequestV002": {
            "digest": STANDARD.encode(digest.as_bytes()),
            "signature": {
                "content": STANDARD.encode(envelope.signature()),
                "verifier": {
                    "x509Certificate": {"rawBytes": certificate},
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                },
            },
        }});
        let service = "the transparency log";
        let entry = post(&self.instance.rekor, &request).map_err(|reason| SigningError::Service { service, reason })?;
        let envelope = envelope.to_raw();
        let bundle = serde_json::to_vec(&json!({
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {
                "certificate": {"rawBytes": certificate},
                "tlogEntries": [entry],
                "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": STANDARD.encode(timestamp)}]},
            },
            "dsseEnvelope": &envelope,
        }))?;
        // Nothing is used that whoever reads it would refuse.
        self.identity(&bundle)?;
        Ok(SignedPayload { bundle, envelope: serde_json::to_vec(&envelope)? })
    }
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Session").finish_non_exhaustive()
    }
}

/// A failure of this machine's own, such as one without random numbers.
fn own(error: &dyn std::fmt::Display) -> SigningError {
    SigningError::Service { service: "this machine", reason: error.to_string() }
}

/// GitHub's answer with a token.
#[derive(Deserialize)]
struct Answer {
    value: String,
}

/// The token that CI made, or makes when it is asked.
fn token(identity: &CiIdentity) -> Result<Secret, SigningError> {
    if let Some(token) = &identity.token {
        return Ok(token.clone());
    }
    let (address, bearer) = identity.github.as_ref().ok_or(SigningError::NoToken)?;
    let service = "GitHub's token service";
    let url = Url::parse(address.expose()).ok().filter(may_have_a_token);
    let mut url = url.ok_or(SigningError::Address(service))?;
    url.query_pairs_mut().append_pair("audience", AUDIENCE);
    let answered =
        in_thread(
            |client: Client| async move { answer(|| client.get(url.clone()).bearer_auth(bearer.expose())).await },
        );
    let failed = |reason: String| SigningError::Service { service, reason };
    let answer: Answer =
        serde_json::from_slice(&answered.map_err(failed)?).map_err(|_| failed("it gave no token".to_owned()))?;
    Ok(Secret::new(answer.value))
}

/// What the holder of a token proves with it: the address of a person, else the subject.
fn subject(token: &str) -> Option<String> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let claims: Value = strict_json::parse(&claims).ok()?;
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    claim("email").or_else(|| claim("sub"))
}

/// Posts JSON, and reads the JSON that comes back.
fn post(url: &Url, request: &Value) -> Result<Value, String> {
    let answered = in_thread(|client: Client| async move { answer(|| client.post(url.clone()).json(request)).await })?;
    strict_json::parse(&answered).map_err(|_| "its answer is not JSON".to_owned())
}

/// The first certificate of the chain that was issued, in DER.
fn leaf(issued: &Value) -> Option<Vec<u8>> {
    let chain =
        ["signedCertificateEmbeddedSct", "signedCertificateDetachedSct"].iter().find_map(|kind| issued.get(kind))?;
    let pem = chain.pointer("/chain/certificates/0")?.as_str()?;
    CertificateDer::from_pem_slice(pem.as_bytes()).ok().map(|certificate| certificate.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_of(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_job_proves_its_subject_and_a_person_an_address() {
        assert_eq!(
            subject(&token_of(r#"{"sub":"repo:o/r:ref:refs/heads/main"}"#)).unwrap(),
            "repo:o/r:ref:refs/heads/main"
        );
        assert_eq!(subject(&token_of(r#"{"sub":"1","email":"ann@example.org"}"#)).unwrap(), "ann@example.org");
        for bad in
            ["", "a.b", "a.!.c", &token_of("{}"), &token_of(r#"{"sub":1}"#), &token_of(r#"{"sub":"a","sub":"b"}"#)]
        {
            assert_eq!(subject(bad), None, "{bad}");
        }
        assert_eq!(subject(&token_of(&format!(r#"{{"sub":"{}"}}"#, "a".repeat(TOKEN_BYTES_MAX)))), None);
    }

    #[test]
    fn a_token_goes_over_https_or_nowhere_else() {
        assert_eq!(address("https://fulcio.example.org/", "a").unwrap().as_str(), "https://fulcio.example.org/a");
        assert!(address("http://127.0.0.1:8080", "a").is_some());
        for bad in ["http://fulcio.example.org", "ftp://a", "https://u:p@fulcio.example.org", "fulcio"] {
            assert!(address(bad, "a").is_none(), "{bad}");
        }
    }

    #[test]
    fn without_a_token_nothing_is_asked() {
        let instance = Instance::new(None).unwrap();
        assert!(matches!(Session::open(&instance, &CiIdentity::default()), Err(SigningError::NoToken)));
    }
}
