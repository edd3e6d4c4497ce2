//! Why a key cannot be used, in words that hold none of its text.

use std::io;
use std::path::PathBuf;

use super::cosign::SCRYPT_N_MAX;
use super::encrypted::PBKDF2_ITERATIONS_MAX;
use super::file::MAX_KEY_FILE_BYTES;
use super::plugin::PluginError;
use crate::environment::{COSIGN_PASSWORD, KEY_PASSWORD};

/// A key cannot be read, made or written. No message holds any of a key's text.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be opened or read.
    #[error("the key `{}` cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The path is a directory, a pipe or a device.
    #[error("the key `{}` is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// The file is far larger than a key.
    #[error("the key `{}` is over {MAX_KEY_FILE_BYTES} bytes, which no key is", .0.display())]
    TooLarge(PathBuf),
    /// Others than its owner may read or write the file.
    #[error(
        "the key `{shown}` is open to others than its owner (mode {mode:04o}): run `chmod 600 {shown}`, \
         and make a new key if somebody may have read it",
        shown = path.display()
    )]
    NotPrivate {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The text is not a key of the kind that is needed.
    #[error("{name} cannot be used: {reason}")]
    NotAKey {
        /// The file, or what else the text came from.
        name: String,
        /// What is wrong.
        reason: KeyFormatError,
    },
    /// The file is there already, and a key is never overwritten.
    #[error("`{}` is there already and is not overwritten: name another file", .0.display())]
    Exists(PathBuf),
    /// The file cannot be written.
    #[error("the key `{}` cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key is to be encrypted, and nobody said with what.
    #[error("there is no passphrase to encrypt the key with: set `{KEY_PASSWORD}`")]
    NoPassphrase,
    /// The operating system gave no random numbers.
    #[error("no key could be made: the operating system gave no random numbers")]
    NoRandomness,
    /// The key could not be encoded or used.
    #[error("the key could not be encoded")]
    Encoding,
    /// A key that never leaves the place that holds it.
    #[error("the key is held by a key management service and cannot be written to a file")]
    NotExportable,
    /// The program that holds the key.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

/// Why a text is not a usable key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFormatError {
    /// No private key in PEM.
    #[error("it has no PEM block `PRIVATE KEY` (PKCS#8), `EC PRIVATE KEY` (SEC 1) or an encrypted one")]
    NoPrivateKey,
    /// A public key where a private one is needed.
    #[error("it holds a public key, and a private one is needed")]
    PublicInsteadOfPrivate,
    /// A private key where a public one is needed.
    #[error("it holds a private key, and the public one is needed: the file that ends in `.pub`")]
    PrivateInsteadOfPublic,
    /// No public key in PEM.
    #[error("it has no PEM block `PUBLIC KEY`")]
    NoPublicKey,
    /// The block is there, and what is in it cannot be decoded.
    #[error("it is damaged: restore it from a copy, or make a new one with `modelgate keygen`")]
    Damaged,
    /// An intact key of another kind.
    #[error(
        "it is a key of {0}, and ECDSA P-256 or Ed25519 is needed, which the verifiers of bundles take: make one \
         with `modelgate keygen`"
    )]
    OtherAlgorithm(String),
    /// It is encrypted with a passphrase, and there is none.
    #[error("it is encrypted, and there is no passphrase: set `{KEY_PASSWORD}`")]
    PassphraseMissing,
    /// It is encrypted by cosign, and there is no passphrase.
    #[error("it is encrypted by cosign, and there is no passphrase: set `{KEY_PASSWORD}` or `{COSIGN_PASSWORD}`")]
    CosignPassphraseMissing,
    /// Another passphrase. A changed ciphertext looks the same.
    #[error("the passphrase in `{0}` does not open it: it is that of another key, or the key was changed")]
    WrongPassphrase(&'static str),
    /// The file asks for more work than a passphrase needs.
    #[error(
        "its encryption asks for {0}, and at most {PBKDF2_ITERATIONS_MAX} rounds of PBKDF2, or scrypt with \
         N={SCRYPT_N_MAX}, r=8 and p=4 are done: encrypt it anew, such as with `openssl pkcs8 -topk8`"
    )]
    TooCostly(String),
    /// A scheme that is broken, or known to few.
    #[error(
        "it is encrypted by {0}, and PBES2 with AES and PBKDF2 (SHA-2) or scrypt is needed: encrypt it anew with \
         `openssl pkcs8 -topk8 -v2 aes-256-cbc`"
    )]
    UnsupportedEncryption(&'static str),
}
