//! Signing keys: ECDSA P-256, which every verifier of Sigstore bundles takes.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey as P256SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use zeroize::Zeroizing;

use crate::digest::Sha256Digest;

/// A P-256 key is 227 bytes of PEM; with comments around it, a few thousand.
const KEY_FILE_BYTES_MAX: u64 = 16 * 1024;

/// A key that cannot be used. None of its texts holds anything of a private key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("the key file `{path}` {what}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner may read it.
    #[error("the key file `{path}` may be read by others (mode {mode:04o}); run `chmod 600 {path}`")]
    NotPrivate {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is something else than a file.
    #[error("the key file `{0}` is not a regular file")]
    NotAFile(PathBuf),
    /// It holds no key that is understood.
    #[error("{origin} holds no ECDSA P-256 key as PKCS#8 PEM (`BEGIN PRIVATE KEY`, or `BEGIN PUBLIC KEY`); `modelgate keygen` makes one")]
    NotAKey {
        /// Where it was looked for.
        origin: String,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes: {0}")]
    NoRandomness(String),
}

/// A private key. What holds it is wiped when it is dropped.
pub struct SigningKey {
    key: P256SigningKey,
    description: String,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("description", &self.description).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes a key from the operating system's random bytes.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate() -> Result<Self, KeyError> {
        // Of 2^256 scalars all but one in 2^32 are keys of P-256.
        const ATTEMPTS_MAX: usize = 8;
        for _ in 0..ATTEMPTS_MAX {
            let mut scalar = Zeroizing::new([0_u8; 32]);
            getrandom::fill(scalar.as_mut_slice()).map_err(|error| KeyError::NoRandomness(error.to_string()))?;
            if let Ok(key) = P256SigningKey::from_slice(scalar.as_slice()) {
                return Ok(Self { key, description: "new key".to_owned() });
            }
        }
        Err(KeyError::NoRandomness("none of them was a key".to_owned()))
    }

    /// Reads a key from a file that only its owner can read.
    ///
    /// # Errors
    /// The file is absent, not private, no file, or holds no key.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let text = read(path, true)?;
        Self::from_pem(&text, &format!("the key file `{}`", path.display()))
    }

    /// Reads a key from PEM text, which `origin` names in errors.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`].
    pub fn from_pem(text: &str, origin: &str) -> Result<Self, KeyError> {
        // The decoder's own error could quote what it read.
        let key = P256SigningKey::from_pkcs8_pem(text.trim()).map_err(|_| KeyError::NotAKey { origin: origin.to_owned() })?;
        Ok(Self { key, description: origin.to_owned() })
    }

    /// Writes the key to a new file that only its owner can read, and the public key beside it with
    /// `.pub` added to the name. Gives the path of the latter.
    ///
    /// # Errors
    /// Either file exists already or cannot be written.
    pub fn write_new(&self, path: &Path) -> Result<PathBuf, KeyError> {
        let public_path = PathBuf::from(format!("{}.pub", path.display()));
        let not_encoded = || KeyError::NotAKey { origin: "the new key".to_owned() };
        let private = self.key.to_pkcs8_pem(LineEnding::LF).map_err(|_| not_encoded())?;
        if public_path.exists() {
            let source = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(KeyError::Io { path: public_path, what: "cannot be written", source });
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| KeyError::Io { path: path.to_owned(), what: "cannot be written", source })?;
        }
        create(path, private.as_bytes(), 0o600)?;
        create(&public_path, self.public_key().to_pem().as_bytes(), 0o644)?;
        Ok(public_path)
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey { key: *self.key.verifying_key() }
    }

    /// Where the key came from, for reports.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The same key under another description.
    #[must_use]
    pub fn described_as(self, description: impl Into<String>) -> Self {
        Self { description: description.into(), ..self }
    }

    /// Signs: ECDSA with SHA-256, DER, deterministic (RFC 6979), so that the same statement gives the
    /// same bundle.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.key.sign(message);
        signature.to_der().as_bytes().to_vec()
    }
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
}

impl PublicKey {
    /// Reads a key in PEM (`BEGIN PUBLIC KEY`).
    ///
    /// # Errors
    /// The file is absent or holds no such key.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let text = read(path, false)?;
        let key = VerifyingKey::from_public_key_pem(text.trim())
            .map_err(|_| KeyError::NotAKey { origin: format!("the key file `{}`", path.display()) })?;
        Ok(Self { key })
    }

    /// The key as PEM that ends with a line feed.
    #[must_use]
    pub fn to_pem(&self) -> String {
        // Encoding a key that exists does not fail.
        self.key.to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    /// Names the key in a bundle: base64 of the SHA-256 of its SPKI DER, as cosign does.
    #[must_use]
    pub fn hint(&self) -> String {
        let der = self.key.to_public_key_der().map(|der| der.as_bytes().to_vec()).unwrap_or_default();
        STANDARD.encode(Sha256Digest::of(&der).as_bytes())
    }

    /// Whether `signature` (DER) is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_der(signature).is_ok_and(|signature| self.key.verify(message, &signature).is_ok())
    }
}

fn read(path: &Path, private: bool) -> Result<Zeroizing<String>, KeyError> {
    let unreadable = |source| KeyError::Io { path: path.to_owned(), what: "cannot be read", source };
    let file = File::open(path).map_err(unreadable)?;
    // Of the file that is open, not of the name, which could mean another one by now.
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(KeyError::NotAFile(path.to_owned()));
    }
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::NotPrivate { path: path.to_owned(), mode });
        }
    }
    let mut text = Zeroizing::new(String::new());
    file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

fn create(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(mode);
    }
    options
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|source| KeyError::Io { path: path.to_owned(), what: "cannot be written", source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_file_and_never_shows_itself() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sub/key.pem");
        let key = SigningKey::generate().unwrap();
        let public = key.write_new(&path).unwrap();
        let loaded = SigningKey::load(&path).unwrap();
        let signature = loaded.sign(b"message");
        assert_eq!(signature, key.sign(b"message"), "signatures are deterministic");
        let public = PublicKey::load(&public).unwrap();
        assert!(public.verifies(b"message", &signature));
        assert!(!public.verifies(b"massage", &signature));
        assert!(!SigningKey::generate().unwrap().public_key().verifies(b"message", &signature));
        let secret = fs::read_to_string(&path).unwrap();
        let body = secret.lines().nth(1).unwrap();
        assert!(!format!("{loaded:?}").contains(body));
        assert!(key.write_new(&path).is_err(), "an existing key is never overwritten");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        SigningKey::generate().unwrap().write_new(&path).unwrap();
        for mode in [0o644, 0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let message = SigningKey::load(&path).unwrap_err().to_string();
            assert!(message.contains("chmod 600") && message.contains(&format!("{mode:04o}")), "{message}");
        }
        assert!(SigningKey::load(directory.path()).is_err());
    }

    #[test]
    fn what_is_no_key_is_not_quoted() {
        for text in ["", "secret", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"] {
            let message = SigningKey::from_pem(text, "MODELGATE_SIGNING_KEY").unwrap_err().to_string();
            assert!(message.contains("MODELGATE_SIGNING_KEY") && !message.contains("c2Vj"), "{message}");
        }
    }
}
