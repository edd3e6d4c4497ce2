//! `.signatures.json` of OPA bundles: a JSON Web Token that lists every file with its SHA-256.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;
use serde::Deserialize;
use serde_json::Value;

use crate::digest::Sha256Digest;
use crate::document::{Document, read_text};
use crate::problem::Problem;

/// Size of a public key's file.
const KEY_BYTES_MAX: u64 = 64 << 10;

#[derive(Debug, Deserialize)]
struct Signatures {
    signatures: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
}

#[derive(Debug, Deserialize)]
struct Payload {
    files: Vec<SignedFile>,
}

#[derive(Debug, Deserialize)]
struct SignedFile {
    name: String,
    hash: String,
    algorithm: String,
}

/// Checks that the key in `key_file` signed exactly `files`.
pub(super) fn verify(
    uri: &str,
    signatures: &[u8],
    files: &BTreeMap<String, Vec<u8>>,
    key_file: &Path,
) -> Result<(), Problem> {
    let refuse = |message: String| Problem::new("invalid-signature", format!("`{uri}`: {message}"));
    let shown = key_file.display().to_string();
    let pem = read_text(key_file, &shown, KEY_BYTES_MAX)?;
    let key = VerifyingKey::from_public_key_pem(&pem).map_err(|_| {
        Problem::new("invalid-key", format!("`{shown}` is no ECDSA P-256 public key in PEM"))
            .hint("`openssl ec -in key.pem -pubout` writes one")
    })?;
    let signatures: Signatures =
        serde_json::from_slice(signatures).map_err(|error| refuse(format!("the signatures are not read: {error}")))?;
    // OPA writes one, and takes no other number.
    let [token] = signatures.signatures.as_slice() else {
        return Err(refuse(format!("{} signatures, where one is expected", signatures.signatures.len())));
    };
    let payload = payload(token, &key).map_err(refuse)?;
    let mut unsigned: BTreeMap<&str, &Vec<u8>> = files.iter().map(|(path, bytes)| (path.as_str(), bytes)).collect();
    for file in &payload.files {
        if !file.algorithm.eq_ignore_ascii_case("SHA-256") {
            return Err(refuse(format!("`{}` is signed by {}, not SHA-256", file.name, file.algorithm)));
        }
        let name = file.name.trim_start_matches("./").trim_start_matches('/');
        let Some(bytes) = unsigned.remove(name) else {
            return Err(refuse(format!("`{name}` is signed, and is not there or is listed twice")));
        };
        let digest = digest(name, bytes).map_err(refuse)?;
        if !file.hash.eq_ignore_ascii_case(&digest.to_string()) {
            return Err(refuse(format!("`{name}` is not what was signed")));
        }
    }
    match unsigned.keys().next() {
        Some(name) => Err(refuse(format!("`{name}` was not signed"))),
        None => Ok(()),
    }
}

/// What the token says, once its signature holds.
fn payload(token: &str, key: &VerifyingKey) -> Result<Payload, String> {
    let mut parts = token.split('.');
    let (Some(header), Some(body), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("the signature is no JSON Web Token".to_owned());
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "the signature is no JSON Web Token".to_owned());
    let parsed: Header = serde_json::from_slice(&decode(header)?).map_err(|error| error.to_string())?;
    if parsed.alg != "ES256" {
        return Err(format!("it is signed with {}: sign it with `opa sign --signing-alg ES256`", parsed.alg));
    }
    let signature =
        Signature::from_slice(&decode(signature)?).map_err(|_| "the signature is not one of ES256".to_owned())?;
    key.verify(format!("{header}.{body}").as_bytes(), &signature)
        .map_err(|_| "the signature is not by this key".to_owned())?;
    serde_json::from_slice(&decode(body)?).map_err(|error| format!("what is signed is not read: {error}"))
}

/// The digest of a file as OPA makes it: of `data.json`, `data.yaml` and `.manifest` what they say, as compact JSON
/// with sorted keys; of other files their bytes.
fn digest(name: &str, bytes: &[u8]) -> Result<Sha256Digest, String> {
    let value: Value = match name.rsplit('/').next() {
        Some("data.json" | ".manifest") => {
            serde_json::from_slice(bytes).map_err(|error| format!("`{name}`: {error}"))?
        }
        Some("data.yaml") => {
            let text = std::str::from_utf8(bytes).map_err(|error| format!("`{name}`: {error}"))?;
            let document = Document::parse(name, text);
            document.map_err(|_| format!("`{name}` is not read as YAML"))?.value().clone()
        }
        _ => return Ok(Sha256Digest::of(bytes)),
    };
    Ok(Sha256Digest::of(value.to_string().as_bytes()))
}
