//! The key that signs checkpoints. It is the log's alone: whoever signs decisions need not be able to sign the log,
//! and the other way round.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use zeroize::Zeroizing;

use super::note::VerifierKey;
use crate::digest::Sha256Digest;
use crate::evidence::key::KeyError;
use crate::evidence::key::file::{read_private, write_new};

/// A log key cannot be read, made or written. No message holds any of a key's text.
#[derive(Debug, thiserror::Error)]
pub enum LogKeyError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] KeyError),
    /// The text is no Ed25519 key.
    #[error(
        "{name} is no Ed25519 private key in PEM (PKCS#8, without a passphrase): make one with \
         `openssl genpkey -algorithm ed25519`, or let `modelgate store init` make it"
    )]
    NotAKey {
        /// The file, or what else the text came from.
        name: String,
    },
    /// The operating system gave no random numbers.
    #[error("no log key could be made: the operating system gave no random numbers")]
    NoRandomness,
    /// The key could not be encoded.
    #[error("the log key could not be encoded")]
    Encoding,
}

/// A log's private key. It does not show itself, and is wiped from memory when it goes.
#[derive(Clone)]
pub struct LogKey(SigningKey);

impl LogKey {
    /// Makes a key from the operating system's random numbers.
    ///
    /// # Errors
    /// [`LogKeyError::NoRandomness`].
    pub fn generate() -> Result<Self, LogKeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| LogKeyError::NoRandomness)?;
        Ok(Self::from_seed(&seed))
    }

    pub(super) fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Reads a key in PEM: PKCS#8, as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// [`LogKeyError::NotAKey`], without any of the text.
    pub fn from_pem_text(text: &str, name: &str) -> Result<Self, LogKeyError> {
        let key = SigningKey::from_pkcs8_pem(text.trim());
        key.map(Self).map_err(|_| LogKeyError::NotAKey { name: name.to_owned() })
    }

    /// Reads a key from a file that only its owner may read.
    ///
    /// # Errors
    /// [`LogKeyError`].
    pub fn load(path: &Path) -> Result<Self, LogKeyError> {
        let text = read_private(path)?;
        let name = format!("the log key `{}`", path.display());
        match std::str::from_utf8(&text) {
            Ok(text) => Self::from_pem_text(text, &name),
            Err(_) => Err(LogKeyError::NotAKey { name }),
        }
    }

    /// Writes the key to a file that is not there, readable by its owner alone.
    ///
    /// # Errors
    /// [`LogKeyError`] if the file is there already or cannot be written.
    pub fn write_new(&self, path: &Path) -> Result<(), LogKeyError> {
        // Without the public half: OpenSSL reads only this form of an Ed25519 key.
        let bytes = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let pem = bytes.to_pkcs8_pem(LineEnding::LF).map_err(|_| LogKeyError::Encoding)?;
        Ok(write_new(path, pem.as_bytes())?)
    }

    /// The public half, for the log with this name.
    #[must_use]
    pub fn verifier(&self, origin: &str) -> VerifierKey {
        VerifierKey::new(origin.to_owned(), self.0.verifying_key())
    }

    pub(super) fn sign(&self, message: &[u8]) -> Signature {
        self.0.sign(message)
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LogKey(***)")
    }
}

/// Where the log keys are that this process may use.
#[derive(Debug, Clone, Default)]
pub struct LogKeys {
    given: Option<LogKey>,
    directory: Option<PathBuf>,
}

impl LogKeys {
    /// One key that was given, for whichever log it is; and a directory with keys that were made for local stores,
    /// on a person's machine.
    #[must_use]
    pub const fn new(given: Option<LogKey>, directory: Option<PathBuf>) -> Self {
        Self { given, directory }
    }

    /// The key of a log that is there.
    pub(super) fn find(&self, origin: &str) -> Result<Option<LogKey>, LogKeyError> {
        if let Some(given) = &self.given {
            return Ok(Some(given.clone()));
        }
        match self.file(origin) {
            Some(file) if file.exists() => LogKey::load(&file).map(Some),
            _ => Ok(None),
        }
    }

    /// A key for a new local log: the one that was given, or one that is made; none where there is no place for it.
    pub(super) fn make(&self, origin: &str) -> Result<Option<LogKey>, LogKeyError> {
        if let Some(given) = &self.given {
            return Ok(Some(given.clone()));
        }
        let Some(file) = self.file(origin) else { return Ok(None) };
        // A directory that cannot be made shows as a file that cannot be written.
        let _ = file.parent().map(fs::create_dir_all);
        let key = LogKey::generate()?;
        key.write_new(&file)?;
        Ok(Some(key))
    }

    /// By a digest: a log's name may hold what no file may be called.
    fn file(&self, origin: &str) -> Option<PathBuf> {
        let name: String = Sha256Digest::of(origin.as_bytes()).to_hex().chars().take(16).collect();
        self.directory.as_ref().map(|directory| directory.join(format!("{name}.pem")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl genpkey -algorithm ed25519`; the body alone, so that no scanner takes this file for a key.
    const BODY: &str = "MC4CAQAwBQYDK2VwBCIEIIpuFRWp9clpXAlZH+Mobb9bYCfi47DwKaPG5Cflc8K7";

    #[test]
    fn keys_of_openssl_are_read_and_written_in_the_same_form() {
        let directory = tempfile::tempdir().unwrap();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----\n");
        let key = LogKey::from_pem_text(&pem, "it").unwrap();
        let file = directory.path().join("log-key.pem");
        key.write_new(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), pem);
        assert_eq!(LogKey::load(&file).unwrap().verifier("log"), key.verifier("log"));
        assert!(matches!(key.write_new(&file), Err(LogKeyError::File(KeyError::Exists(_)))));
        assert_eq!(format!("{key:?}"), "LogKey(***)");
    }

    #[test]
    fn what_is_no_log_key_is_refused_without_its_text() {
        let p256 = crate::evidence::key::SigningKey::generate().unwrap().to_pem().unwrap();
        for text in [p256.as_str(), "", "hunter2", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"]
        {
            let error = LogKey::from_pem_text(text, "the log key's text").unwrap_err().to_string();
            assert!(error.contains("openssl genpkey") && !error.contains("hunter2"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let keys = LogKeys::new(None, Some(directory.path().join("keys")));
        assert!(keys.find("log").unwrap().is_none());
        let made = keys.make("log").unwrap().unwrap();
        assert_eq!(keys.find("log").unwrap().unwrap().verifier("log"), made.verifier("log"));
        let file = keys.file("log").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(keys.find("log"), Err(LogKeyError::File(KeyError::NotPrivate { .. }))));
    }
}
