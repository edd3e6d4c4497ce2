//! Private keys as texts: PEM with PKCS#8, SEC 1, encrypted PKCS#8, or a key of cosign's.

use p256::SecretKey;
use pkcs8::der::{Encode as _, SecretDocument, pem};
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::access::KeyAccess;
use super::error::KeyFormatError;
use super::{Private, cosign, encrypted};

const PKCS8_LABEL: &str = "PRIVATE KEY";
const SEC1_LABEL: &str = "EC PRIVATE KEY";
const ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";
/// What cosign writes, and what it wrote before version 2.
const COSIGN_LABELS: [&str; 2] = ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"];
pub(super) const SPKI_LABEL: &str = "PUBLIC KEY";

/// RFC 5480: a key of an elliptic curve, whose parameters name the curve.
pub(super) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// RFC 8410.
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Other keys by their names, for messages. Of elliptic curves and of algorithms.
const OTHERS: [(&str, &str); 10] = [
    ("1.3.132.0.34", "ECDSA P-384"),
    ("1.3.132.0.35", "ECDSA P-521"),
    ("1.3.132.0.33", "ECDSA P-224"),
    ("1.3.132.0.10", "ECDSA secp256k1"),
    ("1.3.36.3.3.2.8.1.1.7", "ECDSA brainpoolP256r1"),
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.113", "Ed448"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
];

/// Reads a private key in PEM.
pub(super) fn parse(text: &str, access: &KeyAccess) -> Result<Private, KeyFormatError> {
    if let Some(block) = pem_block(text, PKCS8_LABEL) {
        return of_pkcs8(&decoded(block)?);
    }
    if let Some(block) = pem_block(text, SEC1_LABEL) {
        return of_sec1(&decoded(block)?);
    }
    if let Some(block) = pem_block(text, ENCRYPTED_LABEL) {
        return encrypted::open(&decoded(block)?, access);
    }
    if let Some(block) = COSIGN_LABELS.iter().find_map(|label| pem_block(text, label)) {
        return cosign::open(&decoded(block)?, access);
    }
    Err(if pem_block(text, SPKI_LABEL).is_some() {
        KeyFormatError::PublicInsteadOfPrivate
    } else if text.contains("PRIVATE KEY-----") {
        // A label without its end, or one that nobody knows.
        other_label(text)
    } else {
        KeyFormatError::NoPrivateKey
    })
}

fn other_label(text: &str) -> KeyFormatError {
    let known = [PKCS8_LABEL, SEC1_LABEL, ENCRYPTED_LABEL].into_iter().chain(COSIGN_LABELS);
    let begun = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
    if begun("RSA PRIVATE KEY") {
        return KeyFormatError::OtherAlgorithm("RSA".to_owned());
    }
    if begun("DSA PRIVATE KEY") {
        return KeyFormatError::OtherAlgorithm("DSA".to_owned());
    }
    if known.into_iter().any(begun) { KeyFormatError::Damaged } else { KeyFormatError::NoPrivateKey }
}

/// The key in a PKCS#8 document.
pub(super) fn of_pkcs8(der: &[u8]) -> Result<Private, KeyFormatError> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| KeyFormatError::Damaged)?;
    let curve = info.algorithm.parameters_oid().ok();
    match (info.algorithm.oid, curve) {
        (EC, Some(P256)) => {
            let key = SecretKey::try_from(info).map_err(|_| KeyFormatError::Damaged)?;
            Ok(Private::P256(p256::ecdsa::SigningKey::from(&key)))
        }
        (ED25519, _) => {
            let key = ed25519_dalek::SigningKey::try_from(info).map_err(|_| KeyFormatError::Damaged)?;
            Ok(Private::Ed25519(Box::new(key)))
        }
        (EC, Some(curve)) => Err(other(curve)),
        (algorithm, _) => Err(other(algorithm)),
    }
}

fn of_sec1(der: &[u8]) -> Result<Private, KeyFormatError> {
    SecretKey::from_sec1_der(der).map(|key| Private::P256(p256::ecdsa::SigningKey::from(&key))).map_err(|_| {
        // The curve is somewhere in the document as an object identifier; only the message depends on it.
        let names = |text: &str| ObjectIdentifier::new(text).ok().and_then(|identifier| identifier.to_der().ok());
        let named = OTHERS.iter().find(|(text, _)| {
            names(text).is_some_and(|encoded| der.windows(encoded.len()).any(|part| part == encoded.as_slice()))
        });
        named.map_or(KeyFormatError::Damaged, |(_, name)| KeyFormatError::OtherAlgorithm((*name).to_owned()))
    })
}

/// A key of another kind, by the name of its algorithm or curve.
pub(super) fn other(identifier: ObjectIdentifier) -> KeyFormatError {
    let text = identifier.to_string();
    let named = OTHERS.iter().find(|(known, _)| *known == text).map(|(_, name)| (*name).to_owned());
    KeyFormatError::OtherAlgorithm(named.unwrap_or(text))
}

/// The first PEM block with this label, its boundaries included. What stands around it, such as the
/// curve's parameters that OpenSSL puts first, is left out.
pub(super) fn pem_block<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let block = text.get(text.find(&begin)?..)?;
    let length = block.find(&end)?.checked_add(end.len())?;
    block.get(..length)
}

fn decoded(block: &str) -> Result<Zeroizing<Vec<u8>>, KeyFormatError> {
    let (_, bytes) = pem::decode_vec(block.as_bytes()).map_err(|_| KeyFormatError::Damaged)?;
    Ok(Zeroizing::new(bytes))
}

/// PEM of an encrypted key.
pub(super) fn encrypted_pem(document: &SecretDocument) -> Option<Zeroizing<String>> {
    document.to_pem(ENCRYPTED_LABEL, pem::LineEnding::LF).ok()
}
