//! Keys that `cosign generate-key-pair` makes: scrypt and NaCl's secretbox around PKCS#8.
//!
//! The form is that of `github.com/sigstore/sigstore/pkg/cryptoutils` and `go-securesystemslib/encrypted`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Private;
use super::access::KeyAccess;
use super::error::KeyFormatError;
use super::private::of_pkcs8;
use crate::document::strict_json;

/// Largest cost of scrypt: with `r` of 8 it takes a gibibyte and some seconds. cosign writes 65536.
pub(super) const SCRYPT_N_MAX: u64 = 1 << 20;

/// Largest block size, which every tool writes: memory is 128·N·r bytes.
const SCRYPT_R_MAX: u64 = 8;

/// How often scrypt may be run for one key: only the time grows with it.
const SCRYPT_P_MAX: u64 = 4;

/// Values in the document. It has eight.
const VALUES_MAX: usize = 32;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EncryptedKey {
    kdf: KeyDerivation,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyDerivation {
    name: String,
    params: ScryptParameters,
    salt: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScryptParameters {
    #[serde(rename = "N")]
    n: u64,
    r: u64,
    p: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Opens the key in the document of a PEM block of cosign's.
pub(super) fn open(document: &[u8], access: &KeyAccess) -> Result<Private, KeyFormatError> {
    let value = strict_json::parse_at_most(document, VALUES_MAX).map_err(|_| KeyFormatError::Damaged)?;
    let key: EncryptedKey = serde_json::from_value(value).map_err(|_| KeyFormatError::Damaged)?;
    if key.kdf.name != "scrypt" || key.cipher.name != "nacl/secretbox" {
        return Err(KeyFormatError::UnsupportedEncryption("neither scrypt nor NaCl's secretbox, as cosign does"));
    }
    let cost = check_scrypt(key.kdf.params.n, key.kdf.params.r, key.kdf.params.p)?;
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| KeyFormatError::Damaged);
    let (salt, ciphertext) = (decode(&key.kdf.salt)?, decode(&key.ciphertext)?);
    let nonce: [u8; 24] = decode(&key.cipher.nonce)?.try_into().map_err(|_| KeyFormatError::Damaged)?;
    let (passphrase, variable) = access.of_cosign()?;
    let mut derived = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase.expose().as_bytes(), &salt, &cost, derived.as_mut_slice())
        .map_err(|_| KeyFormatError::Damaged)?;
    let cipher = XSalsa20Poly1305::new(Key::from_slice(derived.as_slice()));
    let opened = cipher.decrypt(&Nonce::from(nonce), ciphertext.as_slice());
    let opened = Zeroizing::new(opened.map_err(|_| KeyFormatError::WrongPassphrase(variable))?);
    of_pkcs8(&opened)
}

/// The cost of scrypt, if it is one that a passphrase needs and a machine can bear.
pub(super) fn check_scrypt(n: u64, r: u64, p: u64) -> Result<scrypt::Params, KeyFormatError> {
    if n > SCRYPT_N_MAX || r > SCRYPT_R_MAX || p > SCRYPT_P_MAX {
        return Err(KeyFormatError::TooCostly(format!("scrypt with N={n}, r={r} and p={p}")));
    }
    if !n.is_power_of_two() || n < 2 {
        return Err(KeyFormatError::Damaged);
    }
    let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| KeyFormatError::Damaged)?;
    let (r, p) = (u32::try_from(r).unwrap_or_default(), u32::try_from(p).unwrap_or_default());
    scrypt::Params::new(log_n, r, p).map_err(|_| KeyFormatError::Damaged)
}
