//! DSSE envelopes and Sigstore bundles: what is signed, to the byte, and what is read, strictly.
//!
//! The producer keeps to what cosign, sigstore-js, sigstore-go and securesystemslib all take: one
//! signature, no `keyid`, the payload type of in-toto, and no timestamp or log entry, since a key
//! signs. `docs/evidence.md` names the tools and versions.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::key::{PublicKey, SigningKey};

/// Media type of a bundle.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Payload type of an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Size of a bundle that is read. A verdict has at most 1 024 subjects, some 200 KB.
pub const BUNDLE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A bundle as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bundle {
    media_type: String,
    verification_material: VerificationMaterial,
    dsse_envelope: Envelope,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VerificationMaterial {
    public_key: PublicKeyHint,
    #[serde(default)]
    tlog_entries: Vec<serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicKeyHint {
    hint: String,
}

/// A DSSE envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeSignature {
    sig: String,
    // Other producers write it; nothing is concluded from it.
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "accepted and ignored: a key is chosen by the verifier, never by the bundle")]
    keyid: Option<String>,
}

/// A bundle that is not one, or whose signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// It is not a Sigstore bundle with one DSSE envelope.
    #[error("not a Sigstore bundle that was signed with a key: {0}")]
    Malformed(String),
    /// The signature is not the key's.
    #[error("the signature is not that of the given key: the bundle was changed, or another key signed it")]
    WrongSignature,
}

impl Envelope {
    /// Signs a statement.
    #[must_use]
    pub fn sign(payload: &[u8], key: &SigningKey) -> Self {
        let signature = key.sign(&pre_authentication_encoding(PAYLOAD_TYPE, payload));
        Self {
            payload: STANDARD.encode(payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![EnvelopeSignature { sig: STANDARD.encode(signature), keyid: None }],
        }
    }

    /// The payload, if `key` signed it.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn verify(&self, key: &PublicKey) -> Result<Vec<u8>, BundleError> {
        let malformed = |what: &str| BundleError::Malformed(what.to_owned());
        if self.payload_type != PAYLOAD_TYPE {
            return Err(malformed("its payload is no in-toto statement"));
        }
        // With several signatures it would be unclear which of them was meant.
        let [signature] = self.signatures.as_slice() else { return Err(malformed("it does not have one signature")) };
        let payload = decode(&self.payload).ok_or_else(|| malformed("its payload is not base64"))?;
        let signature = decode(&signature.sig).ok_or_else(|| malformed("its signature is not base64"))?;
        if key.verifies(&pre_authentication_encoding(&self.payload_type, &payload), &signature) {
            Ok(payload)
        } else {
            Err(BundleError::WrongSignature)
        }
    }

    /// The envelope as JSON that ends with a line feed.
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

impl Bundle {
    /// The bundle of a signed envelope.
    #[must_use]
    pub fn new(envelope: Envelope, key: &PublicKey) -> Self {
        Self {
            media_type: MEDIA_TYPE.to_owned(),
            verification_material: VerificationMaterial {
                public_key: PublicKeyHint { hint: key.hint() },
                tlog_entries: Vec::new(),
            },
            dsse_envelope: envelope,
        }
    }

    /// Reads a bundle. Unknown and repeated fields are refused: two readers must not see two things.
    ///
    /// # Errors
    /// [`BundleError::Malformed`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, BundleError> {
        let bundle: Self = serde_json::from_slice(bytes).map_err(|error| BundleError::Malformed(error.to_string()))?;
        if bundle.media_type != MEDIA_TYPE {
            return Err(BundleError::Malformed(format!("its media type is not `{MEDIA_TYPE}`")));
        }
        Ok(bundle)
    }

    /// The envelope in it.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.dsse_envelope
    }

    /// The bundle as JSON that ends with a line feed.
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

fn to_json<T: Serialize>(document: &T) -> String {
    // Strings and lists: there is nothing in them that JSON could not carry.
    serde_json::to_string(document).map(|json| json + "\n").unwrap_or_default()
}

/// DSSE v1's pre-authentication encoding: what is really signed.
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoding = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoding.extend_from_slice(payload);
    encoding
}

/// Base64, standard or URL-safe: the DSSE specification allows both.
fn decode(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = |alphabet| GeneralPurpose::new(alphabet, config);
    engine(&alphabet::STANDARD).decode(text).or_else(|_| engine(&alphabet::URL_SAFE).decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_protocol() {
        // DSSE protocol.md, test vectors.
        let encoding = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoding, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn every_flipped_byte_fails_or_changes_nothing() {
        let key = SigningKey::generate().unwrap();
        let payload = br#"{"a":1}"#;
        let json = Bundle::new(Envelope::sign(payload, &key), &key.public_key()).to_json().into_bytes();
        let read = |bytes: &[u8]| Bundle::from_json(bytes).and_then(|bundle| bundle.envelope().verify(&key.public_key()));
        assert_eq!(read(&json).unwrap(), payload);
        for position in 0..json.len() {
            for bit in [0x01, 0x20] {
                let mut flipped = json.clone();
                flipped[position] ^= bit;
                if let Ok(read) = read(&flipped) {
                    assert_eq!(read, payload, "byte {position}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_exactly_one_signed_statement_is_refused() {
        let key = SigningKey::generate().unwrap();
        let json = Bundle::new(Envelope::sign(b"{}", &key), &key.public_key()).to_json();
        let read = |json: &str| Bundle::from_json(json.as_bytes()).and_then(|bundle| bundle.envelope().verify(&key.public_key()));
        assert!(read(&json).is_ok());
        let signature = &json[json.find("{\"sig\"").unwrap()..json.find("]}}").unwrap()];
        for (from, to) in [
            (PAYLOAD_TYPE, "application/json"),
            ("bundle.v0.3", "bundle.v0.2"),
            ("{\"mediaType\"", "{\"more\":1,\"mediaType\""),
            ("{\"mediaType\"", "{\"mediaType\":\"x\",\"mediaType\""),
            (signature, &format!("{signature},{signature}")),
            (signature, ""),
        ] {
            let changed = json.replacen(from, to, 1);
            assert_ne!(changed, json);
            assert!(read(&changed).is_err(), "{to}");
        }
        let other = SigningKey::generate().unwrap().public_key();
        let envelope = Bundle::from_json(json.as_bytes()).unwrap();
        assert_eq!(envelope.envelope().verify(&other), Err(BundleError::WrongSignature));
    }
}
