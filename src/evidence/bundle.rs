//! Sigstore bundle v0.3, signed by a key: <https://github.com/sigstore/protobuf-specs>.
//!
//! The narrowest form that cosign, sigstore-js and ourselves agree on: one DSSE envelope, a public
//! key's hint, no transparency log entry, and timestamps only where they were asked for. Reading is strict: what this
//! version does not know, it refuses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::dsse::{Envelope, EnvelopeError, RawEnvelope};
use crate::document::strict_json;

/// Media type of a bundle.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Largest bundle that is read: base64 of the largest payload, and a margin for the rest.
pub const MAX_BUNDLE_BYTES: usize = 24 * 1024 * 1024;

/// Timestamps in a bundle that are looked at.
pub const MAX_TIMESTAMPS: usize = 16;

/// A signed statement with what a verifier needs beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The signed statement.
    pub envelope: Envelope,
    /// Which key signed, by the producer's word. Never believed.
    pub hint: String,
}

/// Why a bundle is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The file is over [`MAX_BUNDLE_BYTES`].
    #[error("it is over {MAX_BUNDLE_BYTES} bytes")]
    TooLarge,
    /// Not JSON, or not of the form of a bundle that a key signed.
    #[error("it is not a Sigstore bundle v0.3 signed by a key: {0}")]
    Form(String),
    /// Another version of the format.
    #[error("its media type is `{0}`, and `{MEDIA_TYPE}` is expected")]
    MediaType(String),
    /// Entries that cannot be checked without a certificate.
    #[error("it has transparency log entries, which are checked for bundles that a certificate signed")]
    Unchecked,
    /// More timestamps than [`MAX_TIMESTAMPS`], or one that is not base64.
    #[error("it has more than {MAX_TIMESTAMPS} timestamps, or one that is not base64")]
    Timestamps,
    /// The envelope in it.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawBundle {
    media_type: String,
    verification_material: RawMaterial,
    dsse_envelope: RawEnvelope,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawMaterial {
    public_key: RawHint,
    #[serde(default)]
    tlog_entries: Vec<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp_verification_data: Option<RawTimestamps>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawTimestamps {
    #[serde(default, rename = "rfc3161Timestamps")]
    timestamps: Vec<RawTimestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawTimestamp {
    signed_timestamp: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHint {
    #[serde(default)]
    hint: String,
}

impl Bundle {
    /// Reads a bundle. Nothing is known of its content until the signature has been checked.
    ///
    /// # Errors
    /// [`BundleError`] for anything but one statement that a key signed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(BundleError::TooLarge);
        }
        let value = strict_json::parse(bytes).map_err(|error| BundleError::Form(error.to_string()))?;
        let raw: RawBundle = serde_json::from_value(value).map_err(|error| BundleError::Form(error.to_string()))?;
        if raw.media_type != MEDIA_TYPE {
            return Err(BundleError::MediaType(raw.media_type));
        }
        let material = raw.verification_material;
        if !material.tlog_entries.is_empty() {
            return Err(BundleError::Unchecked);
        }
        Ok(Self { envelope: raw.dsse_envelope.try_into()?, hint: material.public_key.hint })
    }

    /// The time-stamp responses in a bundle, in DER. Nothing is known of them.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn timestamps(bytes: &[u8]) -> Result<Vec<Vec<u8>>, BundleError> {
        let raw: RawBundle = serde_json::from_slice(bytes).map_err(|error| BundleError::Form(error.to_string()))?;
        let timestamps =
            raw.verification_material.timestamp_verification_data.map_or_else(Vec::new, |data| data.timestamps);
        if timestamps.len() > MAX_TIMESTAMPS {
            return Err(BundleError::Timestamps);
        }
        let decoded = timestamps.iter().map(|timestamp| STANDARD.decode(&timestamp.signed_timestamp));
        decoded.collect::<Result<_, _>>().map_err(|_| BundleError::Timestamps)
    }

    /// The bundle as JSON, the same bytes each time.
    ///
    /// # Errors
    /// [`serde_json::Error`]; there is no content that causes one.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        self.to_json_with(&[])
    }

    /// The bundle as JSON with time-stamp responses, in DER.
    ///
    /// # Errors
    /// [`serde_json::Error`]; there is no content that causes one.
    pub fn to_json_with(&self, timestamps: &[Vec<u8>]) -> Result<Vec<u8>, serde_json::Error> {
        let encoded = timestamps.iter().map(|response| RawTimestamp { signed_timestamp: STANDARD.encode(response) });
        serde_json::to_vec(&RawBundle {
            media_type: MEDIA_TYPE.to_owned(),
            verification_material: RawMaterial {
                public_key: RawHint { hint: self.hint.clone() },
                tlog_entries: Vec::new(),
                timestamp_verification_data: (!timestamps.is_empty())
                    .then(|| RawTimestamps { timestamps: encoded.collect() }),
            },
            dsse_envelope: self.envelope.to_raw(),
        })
    }

    /// The envelope alone, as slsa-verifier reads it.
    ///
    /// # Errors
    /// [`serde_json::Error`]; there is no content that causes one.
    pub fn envelope_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.envelope.to_raw())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::evidence::key::SigningKey;

    fn sample() -> Value {
        let envelope = Envelope::sign(b"{}".to_vec(), &SigningKey::generate().unwrap()).unwrap();
        let bundle = Bundle { envelope, hint: "hint".to_owned() };
        let written = bundle.to_json().unwrap();
        assert_eq!(Bundle::from_bytes(&written).unwrap(), bundle);
        serde_json::from_slice(&written).unwrap()
    }

    fn read(value: &Value) -> Result<Bundle, BundleError> {
        Bundle::from_bytes(value.to_string().as_bytes())
    }

    #[test]
    fn it_is_written_in_the_form_that_other_tools_read() {
        let mut bundle = sample();
        let signature = bundle["dsseEnvelope"]["signatures"][0]["sig"].take();
        assert!(signature.is_string());
        let expected = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": "hint"}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": "e30=",
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{"sig": null}],
            },
        });
        assert_eq!(bundle, expected);
    }

    #[test]
    fn unknown_and_doubled_fields_are_refused_everywhere() {
        for pointer in [
            "",
            "/verificationMaterial",
            "/verificationMaterial/publicKey",
            "/dsseEnvelope",
            "/dsseEnvelope/signatures/0",
        ] {
            let mut bundle = sample();
            bundle.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert("extra".to_owned(), Value::Null);
            let error = read(&bundle).unwrap_err();
            assert!(matches!(&error, BundleError::Form(reason) if reason.contains("`extra`")), "{pointer}: {error}");
        }
        let doubled = sample().to_string().replacen('{', r#"{"mediaType":"x","#, 1);
        let error = Bundle::from_bytes(doubled.as_bytes()).unwrap_err();
        assert!(matches!(&error, BundleError::Form(reason) if reason.contains("twice")), "{error}");
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        let mut bundle = sample();
        bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.2");
        assert!(matches!(read(&bundle), Err(BundleError::MediaType(_))));
        let mut bundle = sample();
        bundle["verificationMaterial"]["tlogEntries"] = json!([{}]);
        assert_eq!(read(&bundle), Err(BundleError::Unchecked));
        let mut bundle = sample();
        bundle["verificationMaterial"]["timestampVerificationData"] = json!({"rfc3161Timestamps": [], "extra": 1});
        assert!(matches!(read(&bundle), Err(BundleError::Form(_))));
        let mut bundle = sample();
        bundle["verificationMaterial"] = json!({"certificate": {"rawBytes": ""}, "tlogEntries": []});
        assert!(matches!(read(&bundle), Err(BundleError::Form(_))));
        let mut bundle = sample();
        let signature = bundle["dsseEnvelope"]["signatures"][0].clone();
        bundle["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(signature);
        assert_eq!(read(&bundle), Err(BundleError::Envelope(EnvelopeError::Signatures(2))));
        assert_eq!(Bundle::from_bytes(&vec![b' '; MAX_BUNDLE_BYTES + 1]), Err(BundleError::TooLarge));
        assert!(matches!(Bundle::from_bytes(b""), Err(BundleError::Form(_))));
    }

    #[test]
    fn timestamps_are_kept_beside_the_signature_in_the_form_of_sigstore() {
        let bundle = Bundle::from_bytes(sample().to_string().as_bytes()).unwrap();
        let written = bundle.to_json_with(&[vec![1, 2, 3]]).unwrap();
        let value: Value = serde_json::from_slice(&written).unwrap();
        let expected = json!({"rfc3161Timestamps": [{"signedTimestamp": "AQID"}]});
        assert_eq!(value["verificationMaterial"]["timestampVerificationData"], expected);
        assert_eq!(Bundle::from_bytes(&written).unwrap(), bundle);
        assert_eq!(Bundle::timestamps(&written).unwrap(), [[1, 2, 3]]);
        assert_eq!(Bundle::timestamps(&bundle.to_json().unwrap()).unwrap(), Vec::<Vec<u8>>::new());
        let many = bundle.to_json_with(&vec![vec![1]; MAX_TIMESTAMPS + 1]).unwrap();
        assert_eq!(Bundle::timestamps(&many), Err(BundleError::Timestamps));
    }
}
