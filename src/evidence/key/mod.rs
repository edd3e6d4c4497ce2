//! Signing keys: ECDSA on P-256 with SHA-256, the one algorithm that every verifier of Sigstore
//! bundles takes, and on request Ed25519. A key is in a file or a variable, perhaps under a passphrase, or it is
//! held by a key management service, which signs by a program of its own.

mod access;
mod cosign;
mod encrypted;
mod error;
pub(crate) mod file;
mod plugin;
mod private;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{DerSignature, VerifyingKey};
use p256::pkcs8::{DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use pkcs8::SubjectPublicKeyInfoRef;
use pkcs8::der::{Decode as _, pem};
use zeroize::Zeroizing;

pub use self::access::KeyAccess;
pub use self::error::{KeyError, KeyFormatError};
use self::plugin::Plugin;
pub use self::plugin::PluginError;
use self::private::SPKI_LABEL;
use crate::digest::Sha256Digest;

/// How often a random string is drawn before giving up. One in 2^32 is not a private key of P-256.
const MAX_DRAWS: u32 = 8;

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    #[default]
    EcdsaP256,
    /// Ed25519, over the message itself. OpenSSF's verifier of models does not know it.
    Ed25519,
}

/// A private key. It does not show itself, and is wiped from memory when it goes.
pub struct SigningKey(Private);

enum Private {
    P256(p256::ecdsa::SigningKey),
    // Boxed: they are larger, and a key that is moved leaves its bytes behind.
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Elsewhere(Box<Plugin>),
}

/// A public key: what a verifier trusts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(Public);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Public {
    P256(VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl SigningKey {
    /// Makes a key of ECDSA P-256 from the operating system's random numbers.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate() -> Result<Self, KeyError> {
        Self::generate_for(KeyAlgorithm::EcdsaP256)
    }

    /// Makes a key of `algorithm` from the operating system's random numbers.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate_for(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        for _ in 0..MAX_DRAWS {
            getrandom::fill(bytes.as_mut_slice()).map_err(|_| KeyError::NoRandomness)?;
            match algorithm {
                KeyAlgorithm::Ed25519 => {
                    return Ok(Self(Private::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&bytes)))));
                }
                KeyAlgorithm::EcdsaP256 => {
                    // Drawing again, rather than reducing modulo the order, keeps every key equally likely.
                    if let Ok(key) = p256::ecdsa::SigningKey::from_slice(bytes.as_slice()) {
                        return Ok(Self(Private::P256(key)));
                    }
                }
            }
        }
        Err(KeyError::NoRandomness)
    }

    /// Reads a key in PEM: PKCS#8, SEC 1 as `openssl ecparam -genkey` writes it, encrypted PKCS#8, or a key of
    /// cosign's.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`], without any of the text.
    pub fn from_pem_text(text: &str, access: &KeyAccess) -> Result<Self, KeyError> {
        private::parse(text, access)
            .map(Self)
            .map_err(|reason| KeyError::NotAKey { name: "the signing key's text".to_owned(), reason })
    }

    /// The key that `reference` names: `<scheme>://<key>` of a key management service, whose program
    /// `sigstore-kms-<scheme>` is then asked for the public key, or a file that only its owner may read (on Unix:
    /// no permission bit for group or others).
    ///
    /// # Errors
    /// [`KeyError`] for a file that is not there, not regular, not private, too large or not a key, and for a
    /// program that does not answer as it should.
    pub fn open(reference: &Path, access: &KeyAccess) -> Result<Self, KeyError> {
        if let Some(reference) = reference.to_str().filter(|text| Plugin::is_reference(text)) {
            return Ok(Self(Private::Elsewhere(Box::new(Plugin::open(reference, access)?))));
        }
        let text = file::read(reference, |metadata| file::check_private(reference, metadata))?;
        std::str::from_utf8(&text)
            .map_err(|_| KeyFormatError::NoPrivateKey)
            .and_then(|text| private::parse(text, access))
            .map(Self)
            .map_err(|reason| not_a_key(reference, reason))
    }

    /// Reads a key without a passphrase from a file, as [`Self::open`] does.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        Self::open(path, &KeyAccess::default())
    }

    /// The key as PKCS#8 PEM, in memory that is wiped when it goes.
    ///
    /// # Errors
    /// [`KeyError::Encoding`]; [`KeyError::NotExportable`] for a key that a service holds.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let pem = match &self.0 {
            Private::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
            Private::Ed25519(key) => key.to_pkcs8_pem(LineEnding::LF),
            Private::Elsewhere(_) => return Err(KeyError::NotExportable),
        };
        pem.map_err(|_| KeyError::Encoding)
    }

    /// The key as encrypted PKCS#8 PEM, under the passphrase in `access`.
    ///
    /// # Errors
    /// As [`Self::to_pem`]; [`KeyError::NoPassphrase`].
    pub fn to_encrypted_pem(&self, access: &KeyAccess) -> Result<Zeroizing<String>, KeyError> {
        let document = match &self.0 {
            Private::P256(key) => key.to_pkcs8_der(),
            Private::Ed25519(key) => key.to_pkcs8_der(),
            Private::Elsewhere(_) => return Err(KeyError::NotExportable),
        };
        let document = document.map_err(|_| KeyError::Encoding)?;
        let passphrase = access.passphrase.as_ref().ok_or(KeyError::NoPassphrase)?;
        encrypted::seal(document.as_bytes(), passphrase)
    }

    /// Writes the key to `path`, readable by its owner alone, and the public key beside it with
    /// `.pub` added to the name. Gives the public key's path.
    ///
    /// # Errors
    /// [`KeyError`] if either file is there already or cannot be written; then neither is left new.
    pub fn write_new(&self, path: &Path) -> Result<PathBuf, KeyError> {
        self.write_pem(path, &self.to_pem()?)
    }

    /// The same with the private key under the passphrase in `access`.
    ///
    /// # Errors
    /// As [`Self::write_new`]; [`KeyError::NoPassphrase`].
    pub fn write_new_encrypted(&self, path: &Path, access: &KeyAccess) -> Result<PathBuf, KeyError> {
        self.write_pem(path, &self.to_encrypted_pem(access)?)
    }

    fn write_pem(&self, path: &Path, pem: &str) -> Result<PathBuf, KeyError> {
        let public = file::public_path(path);
        if public.symlink_metadata().is_ok() {
            return Err(KeyError::Exists(public));
        }
        file::write_new(path, pem.as_bytes())?;
        let written =
            self.public_key().to_pem().and_then(|pem| file::write_new(&public, pem.as_bytes()).map(|()| public));
        if written.is_err() {
            // It was made a moment ago by this very call: nothing of anybody's is lost.
            let _ = std::fs::remove_file(path);
        }
        written
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        match &self.0 {
            Private::P256(key) => PublicKey(Public::P256(*key.verifying_key())),
            Private::Ed25519(key) => PublicKey(Public::Ed25519(key.verifying_key())),
            Private::Elsewhere(plugin) => plugin.public_key(),
        }
    }

    /// Signs `message`. ECDSA gives ASN.1 DER, Ed25519 its 64 bytes; a key that is here signs deterministically
    /// (RFC 6979, RFC 8032), so that a retry comes to the same bytes. What a service signed is verified before it
    /// is given back.
    ///
    /// # Errors
    /// [`KeyError::Encoding`]; [`KeyError::Plugin`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.0 {
            Private::P256(key) => {
                let signature: DerSignature = key.try_sign(message).map_err(|_| KeyError::Encoding)?;
                Ok(signature.as_bytes().to_vec())
            }
            Private::Ed25519(key) => Ok(key.try_sign(message).map_err(|_| KeyError::Encoding)?.to_bytes().to_vec()),
            Private::Elsewhere(plugin) => Ok(plugin.sign(message)?),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey(***)")
    }
}

impl PublicKey {
    /// Reads a public key (SPKI) in PEM.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`].
    pub fn from_pem_text(text: &str) -> Result<Self, KeyError> {
        Self::parse(text).map_err(|reason| KeyError::NotAKey { name: "the public key's text".to_owned(), reason })
    }

    /// Reads a public key (SPKI PEM) from a file.
    ///
    /// # Errors
    /// [`KeyError`] for a file that is not there, not regular, too large or not a public key.
    pub fn load_pem(path: &Path) -> Result<Self, KeyError> {
        let text = file::read(path, |_| Ok(()))?;
        std::str::from_utf8(&text)
            .map_err(|_| KeyFormatError::NoPublicKey)
            .and_then(Self::parse)
            .map_err(|reason| not_a_key(path, reason))
    }

    fn parse(text: &str) -> Result<Self, KeyFormatError> {
        let Some(block) = private::pem_block(text, SPKI_LABEL) else {
            return Err(if text.contains(" PRIVATE KEY-----") || text.contains("-----BEGIN PRIVATE KEY-----") {
                KeyFormatError::PrivateInsteadOfPublic
            } else {
                KeyFormatError::NoPublicKey
            });
        };
        let (_, der) = pem::decode_vec(block.as_bytes()).map_err(|_| KeyFormatError::Damaged)?;
        let info = SubjectPublicKeyInfoRef::from_der(&der).map_err(|_| KeyFormatError::Damaged)?;
        match (info.algorithm.oid, info.algorithm.parameters_oid().ok()) {
            (private::EC, Some(private::P256)) => {
                VerifyingKey::from_public_key_der(&der).map(|key| Self(Public::P256(key)))
            }
            (private::ED25519, _) => {
                let key = ed25519_dalek::VerifyingKey::from_public_key_der(&der);
                // With a point of small order, one signature would hold for any message.
                let strong = key.ok().filter(|key| !key.is_weak()).ok_or(KeyFormatError::Damaged)?;
                return Ok(Self(Public::Ed25519(strong)));
            }
            (private::EC, Some(curve)) => return Err(private::other(curve)),
            (algorithm, _) => return Err(private::other(algorithm)),
        }
        .map_err(|_| KeyFormatError::Damaged)
    }

    /// How the key signs.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        match self.0 {
            Public::P256(_) => KeyAlgorithm::EcdsaP256,
            Public::Ed25519(_) => KeyAlgorithm::Ed25519,
        }
    }

    /// The key as SPKI PEM.
    ///
    /// # Errors
    /// [`KeyError::Encoding`].
    pub fn to_pem(&self) -> Result<String, KeyError> {
        match &self.0 {
            Public::P256(key) => key.to_public_key_pem(LineEnding::LF),
            Public::Ed25519(key) => key.to_public_key_pem(LineEnding::LF),
        }
        .map_err(|_| KeyError::Encoding)
    }

    /// Base64 of the SHA-256 of the SPKI DER: how cosign and RFC 6962 name a key.
    ///
    /// # Errors
    /// [`KeyError::Encoding`].
    pub fn hint(&self) -> Result<String, KeyError> {
        let der = match &self.0 {
            Public::P256(key) => key.to_public_key_der(),
            Public::Ed25519(key) => key.to_public_key_der(),
        };
        let der = der.map_err(|_| KeyError::Encoding)?;
        Ok(STANDARD.encode(Sha256Digest::of(der.as_bytes()).as_bytes()))
    }

    /// Hexadecimal SHA-256 of the SPKI PEM: how OpenSSF Model Signing names a key.
    ///
    /// # Errors
    /// [`KeyError::Encoding`].
    pub fn model_signing_hint(&self) -> Result<String, KeyError> {
        Ok(Sha256Digest::of(self.to_pem()?.as_bytes()).to_hex())
    }

    /// Whether `signature` (ASN.1 DER for ECDSA, 64 bytes for Ed25519) is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Public::P256(key) => {
                DerSignature::try_from(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            Public::Ed25519(key) => ed25519_dalek::Signature::try_from(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.hint().unwrap_or_default())
    }
}

fn not_a_key(path: &Path, reason: KeyFormatError) -> KeyError {
    KeyError::NotAKey { name: format!("the key `{}`", path.display()), reason }
}
