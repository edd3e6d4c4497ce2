//! Keys in PKCS#8 that a passphrase protects: `ENCRYPTED PRIVATE KEY`, PBES2 of RFC 8018.
//!
//! How much work a passphrase costs is the file's word, and who wrote the file may want the gate to hang or
//! to run out of memory: what is over the bounds here is refused before it is begun.

use pkcs8::der::Decode as _;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::pkcs5::pbes2::{Kdf, Parameters, Pbkdf2Prf};
use pkcs8::pkcs5::{EncryptionScheme, Error as EncryptionError};
use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

use super::Private;
use super::access::KeyAccess;
use super::cosign::check_scrypt;
use super::error::{KeyError, KeyFormatError};
use super::private::{encrypted_pem, of_pkcs8};
use crate::environment::Secret;

/// Most rounds of PBKDF2, some seconds. RFC 8018, 4.2 names ten million for keys that matter most.
pub(super) const PBKDF2_ITERATIONS_MAX: u32 = 10_000_000;

/// Rounds of PBKDF2 with SHA-256 for keys that are made here: OWASP's Password Storage Cheat Sheet, 2023.
const PBKDF2_ITERATIONS: u32 = 600_000;

/// Opens the key in an `EncryptedPrivateKeyInfo`.
pub(super) fn open(der: &[u8], access: &KeyAccess) -> Result<Private, KeyFormatError> {
    let info = EncryptedPrivateKeyInfoRef::from_der(der).map_err(|_| unreadable(der))?;
    let Some(parameters) = info.encryption_algorithm.pbes2() else {
        return Err(KeyFormatError::UnsupportedEncryption("PBES1, which is broken"));
    };
    check_cost(parameters)?;
    let (passphrase, variable) = access.of_pkcs8()?;
    let opened = info.decrypt(passphrase.expose()).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            EncryptionError::UnsupportedAlgorithm { .. } | EncryptionError::AlgorithmParametersInvalid { .. },
        ) => KeyFormatError::UnsupportedEncryption("a scheme that is not known here"),
        // CBC has no checksum: under another passphrase its end looks wrong, or what comes out is no document.
        _ => KeyFormatError::WrongPassphrase(variable),
    })?;
    of_pkcs8(opened.as_bytes()).map_err(|error| match error {
        KeyFormatError::Damaged => KeyFormatError::WrongPassphrase(variable),
        other => other,
    })
}

/// Schemes that the parser does not know are told apart from damage: the outermost structure is whole.
fn unreadable(der: &[u8]) -> KeyFormatError {
    let whole = pkcs8::der::asn1::AnyRef::from_der(der).is_ok();
    if whole {
        KeyFormatError::UnsupportedEncryption("a scheme that is not known here")
    } else {
        KeyFormatError::Damaged
    }
}

fn check_cost(parameters: &Parameters) -> Result<(), KeyFormatError> {
    match &parameters.kdf {
        Kdf::Pbkdf2(kdf) if kdf.prf == Pbkdf2Prf::HmacWithSha1 => {
            Err(KeyFormatError::UnsupportedEncryption("PBES2 with PBKDF2 over SHA-1"))
        }
        Kdf::Pbkdf2(kdf) if kdf.iteration_count > PBKDF2_ITERATIONS_MAX => {
            Err(KeyFormatError::TooCostly(format!("{} rounds of PBKDF2", kdf.iteration_count)))
        }
        Kdf::Pbkdf2(_) => Ok(()),
        Kdf::Scrypt(kdf) => {
            check_scrypt(kdf.cost_parameter, u64::from(kdf.block_size), u64::from(kdf.parallelization)).map(|_| ())
        }
        _ => Err(KeyFormatError::UnsupportedEncryption("a scheme that is not known here")),
    }
}

/// A PKCS#8 document under a passphrase, as PEM: PBKDF2 and AES-256 in CBC, which OpenSSL and every library of
/// certificates opens.
pub(super) fn seal(der: &[u8], passphrase: &Secret) -> Result<Zeroizing<String>, KeyError> {
    let (mut salt, mut vector) = ([0; 16], [0; 16]);
    getrandom::fill(&mut salt).map_err(|_| KeyError::NoRandomness)?;
    getrandom::fill(&mut vector).map_err(|_| KeyError::NoRandomness)?;
    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(PBKDF2_ITERATIONS, &salt, vector)
        .map_err(|_| KeyError::Encoding)?;
    let sealed = parameters.encrypt(passphrase.expose(), der).map_err(|_| KeyError::Encoding)?;
    let encrypted_data = OctetStringRef::new(&sealed).map_err(|_| KeyError::Encoding)?;
    let info = EncryptedPrivateKeyInfoRef { encryption_algorithm: EncryptionScheme::from(parameters), encrypted_data };
    let document = SecretDocument::try_from(info).map_err(|_| KeyError::Encoding)?;
    encrypted_pem(&document).ok_or(KeyError::Encoding)
}
