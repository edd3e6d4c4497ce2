//! Dead Simple Signing Envelope, version 1: <https://github.com/secure-systems-lab/dsse>.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Deserialize, Serialize};

use super::key::{KeyError, PublicKey, SigningKey};
use crate::document::strict_json;

/// The one payload type that all verifiers of in-toto statements take.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Largest payload that is read or signed. GitHub's attestations allow a predicate of 16 MB.
pub const MAX_PAYLOAD_BYTES: usize = 16 * 1024 * 1024;

/// Largest envelope that is read: base64 of the largest payload, and a margin for the rest.
const MAX_ENVELOPE_BYTES: usize = 24 * 1024 * 1024;

/// A signed payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The envelope as it is written. Unknown fields are refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawEnvelope {
    payload: String,
    payload_type: String,
    signatures: Vec<RawSignature>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSignature {
    sig: String,
    /// Read for the sake of other producers and never believed. Never written: cosign 3.1.1 refuses a
    /// bundle whose `keyid` is its key's hint.
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "part of the format; whose signature it is, only the verification says")]
    keyid: Option<String>,
}

/// Why an envelope is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Another payload type.
    #[error("its payload type is `{0}`, and `{PAYLOAD_TYPE}` is expected")]
    PayloadType(String),
    /// Not one signature.
    #[error("it has {0} signatures, and exactly one is expected")]
    Signatures(usize),
    /// A field is not base64.
    #[error("its `{0}` is not base64")]
    NotBase64(&'static str),
    /// The payload is over [`MAX_PAYLOAD_BYTES`].
    #[error("its payload is over {MAX_PAYLOAD_BYTES} bytes")]
    TooLarge,
}

/// Pre-authentication encoding: what is signed in place of the payload, so that no payload of one
/// type passes for another. DSSE protocol, section "Signature Definition".
#[must_use]
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoding = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoding.extend_from_slice(payload);
    encoding
}

impl Envelope {
    /// Signs `payload` as it is: it is never written anew.
    ///
    /// # Errors
    /// [`KeyError::Encoding`].
    pub fn sign(payload: Vec<u8>, key: &SigningKey) -> Result<Self, KeyError> {
        let signature = key.sign(&pre_authentication_encoding(PAYLOAD_TYPE, &payload))?;
        Ok(Self { payload, signature })
    }

    /// Whether the signature is `key`'s over the payload.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verifies(&pre_authentication_encoding(PAYLOAD_TYPE, &self.payload), &self.signature)
    }

    /// The payload. Nothing is known of it until [`Self::is_signed_by`] has said yes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signature: of the key's own form, which for ECDSA is ASN.1 DER.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Reads a bare envelope; none where it is something else, such as a bundle. Nothing is known of its content until
    /// [`Self::is_signed_by`] has said yes.
    ///
    /// # Errors
    /// [`EnvelopeError`] for an envelope that is not of one signature over a statement.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Result<Self, EnvelopeError>> {
        if bytes.len() > MAX_ENVELOPE_BYTES {
            return None;
        }
        let raw: RawEnvelope = serde_json::from_value(strict_json::parse(bytes).ok()?).ok()?;
        Some(raw.try_into())
    }

    pub(super) fn to_raw(&self) -> RawEnvelope {
        RawEnvelope {
            payload: STANDARD.encode(&self.payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![RawSignature { sig: STANDARD.encode(&self.signature), keyid: None }],
        }
    }
}

impl TryFrom<RawEnvelope> for Envelope {
    type Error = EnvelopeError;

    fn try_from(raw: RawEnvelope) -> Result<Self, EnvelopeError> {
        if raw.payload_type != PAYLOAD_TYPE {
            return Err(EnvelopeError::PayloadType(raw.payload_type));
        }
        let [signature] = raw.signatures.as_slice() else {
            return Err(EnvelopeError::Signatures(raw.signatures.len()));
        };
        let payload = decode(&raw.payload).ok_or(EnvelopeError::NotBase64("payload"))?;
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(EnvelopeError::TooLarge);
        }
        let signature = decode(&signature.sig).ok_or(EnvelopeError::NotBase64("sig"))?;
        Ok(Self { payload, signature })
    }
}

/// Standard or URL-safe base64: the protocol allows both.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::Signature;
    use p256::ecdsa::signature::{Signer as _, Verifier as _};

    use super::*;
    use crate::digest::Sha256Digest;

    // The test vector of the DSSE protocol document: P-256, SHA-256, RFC 6979, raw `r || s`.
    const TYPE: &str = "http://example.com/HelloWorld";
    const PRIVATE_SCALAR: &str = "d73ec437fd6346e3619c5ebfdfff0f6916804955ad32ac9ac492b0ede1f6ffb7";
    const SIGNATURE: &str = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==";

    fn envelope(payload_type: &str, payload: &str, signatures: &[&str]) -> Result<Envelope, EnvelopeError> {
        let signatures: Vec<_> = signatures.iter().map(|sig| serde_json::json!({"sig": sig, "keyid": "x"})).collect();
        let raw = serde_json::json!({"payload": payload, "payloadType": payload_type, "signatures": signatures});
        Envelope::try_from(serde_json::from_value::<RawEnvelope>(raw).unwrap())
    }

    #[test]
    fn the_encoding_is_the_protocols() {
        assert_eq!(
            pre_authentication_encoding(TYPE, b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        // Lengths are of bytes, not of characters.
        assert_eq!(pre_authentication_encoding("\u{e9}", b""), "DSSEv1 2 \u{e9} 0 ".as_bytes());
    }

    #[test]
    fn the_protocols_key_makes_the_protocols_signature() {
        let scalar = Sha256Digest::from_hex(PRIVATE_SCALAR).unwrap();
        let key = p256::ecdsa::SigningKey::from_slice(scalar.as_bytes()).unwrap();
        let encoding = pre_authentication_encoding(TYPE, b"hello world");
        let signature: Signature = key.sign(&encoding);
        assert_eq!(STANDARD.encode(signature.to_bytes()), SIGNATURE);
        assert!(key.verifying_key().verify(&encoding, &signature).is_ok());
    }

    #[test]
    fn both_alphabets_of_base64_are_read() {
        // 0xfb 0xff needs the two letters in which the alphabets differ.
        let standard = envelope(PAYLOAD_TYPE, "+/8=", &["+/8="]).unwrap();
        assert_eq!(standard, envelope(PAYLOAD_TYPE, "-_8=", &["-_8="]).unwrap());
        assert_eq!(standard.payload(), [0xfb, 0xff]);
    }

    #[test]
    fn everything_else_is_refused() {
        let payload_type = "application/vnd.in-toto.svr+json";
        let wrong_type = envelope(payload_type, "", &[""]).unwrap_err();
        assert_eq!(wrong_type, EnvelopeError::PayloadType(payload_type.to_owned()));
        for signatures in [&[][..], &["", ""]] {
            let refused = envelope(PAYLOAD_TYPE, "", signatures).unwrap_err();
            assert_eq!(refused, EnvelopeError::Signatures(signatures.len()));
        }
        // Not base64; trailing bits that no encoder sets; the two alphabets mixed.
        for text in ["!", "+/9=", "+_8="] {
            assert_eq!(envelope(PAYLOAD_TYPE, text, &[""]), Err(EnvelopeError::NotBase64("payload")), "{text}");
            assert_eq!(envelope(PAYLOAD_TYPE, "", &[text]), Err(EnvelopeError::NotBase64("sig")), "{text}");
        }
    }
}
