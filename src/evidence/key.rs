//! Signing keys: ECDSA on P-256 with SHA-256, the one algorithm that every verifier of Sigstore
//! bundles takes.

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::SecretKey;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{DerSignature, VerifyingKey};
use p256::pkcs8::{DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use zeroize::Zeroizing;

use crate::digest::Sha256Digest;

/// Largest key file that is read. A P-256 key in PEM has some 250 bytes; comments may stand before it.
const MAX_KEY_FILE_BYTES: u64 = 16 * 1024;

/// How often a random string is drawn before giving up. One in 2^32 is not a private key of P-256.
const MAX_DRAWS: u32 = 8;

const PKCS8_LABEL: &str = "PRIVATE KEY";
const SEC1_LABEL: &str = "EC PRIVATE KEY";
const SPKI_LABEL: &str = "PUBLIC KEY";

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
    /// The operating system gave no random numbers.
    #[error("no key could be made: the operating system gave no random numbers")]
    NoRandomness,
    /// The key could not be encoded or used.
    #[error("the key could not be encoded")]
    Encoding,
}

/// Why a text is not a usable key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFormatError {
    /// No private key in PEM.
    #[error("it has no PEM block `PRIVATE KEY` (PKCS#8) or `EC PRIVATE KEY` (SEC 1)")]
    NoPrivateKey,
    /// A public key where a private one is needed.
    #[error("it holds a public key, and a private one is needed")]
    PublicInsteadOfPrivate,
    /// A private key where a public one is needed.
    #[error("it holds a private key, and the public one is needed: the file that ends in `.pub`")]
    PrivateInsteadOfPublic,
    /// A passphrase is needed.
    #[error("it is encrypted, and keys with a passphrase are not supported: decrypt it with `openssl pkcs8`")]
    Encrypted,
    /// No public key in PEM.
    #[error("it has no PEM block `PUBLIC KEY`")]
    NoPublicKey,
    /// PEM, but of another kind of key, or damaged.
    #[error("it is not an intact ECDSA P-256 key: make one with `modelgate keygen`")]
    NotP256,
}

/// A private key. It does not show itself, and is wiped from memory when it goes.
pub struct SigningKey(p256::ecdsa::SigningKey);

/// A public key: what a verifier trusts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl SigningKey {
    /// Makes a key from the operating system's random numbers.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        for _ in 0..MAX_DRAWS {
            getrandom::fill(bytes.as_mut_slice()).map_err(|_| KeyError::NoRandomness)?;
            // Drawing again, rather than reducing modulo the order, keeps every key equally likely.
            if let Ok(key) = p256::ecdsa::SigningKey::from_slice(bytes.as_slice()) {
                return Ok(Self(key));
            }
        }
        Err(KeyError::NoRandomness)
    }

    /// Reads a key in PEM: PKCS#8, or SEC 1 as `openssl ecparam -genkey` writes it.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`], without any of the text.
    pub fn from_pem_text(text: &str) -> Result<Self, KeyError> {
        Self::parse(text).map_err(|reason| KeyError::NotAKey { name: "the signing key's text".to_owned(), reason })
    }

    /// Reads a key from a file that only its owner may read (on Unix: no permission bit for group or
    /// others).
    ///
    /// # Errors
    /// [`KeyError`] for a file that is not there, not regular, not private, too large or not a key.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let text = read_private_file(path)?;
        std::str::from_utf8(&text)
            .map_err(|_| KeyFormatError::NoPrivateKey)
            .and_then(Self::parse)
            .map_err(|reason| not_a_key(path, reason))
    }

    fn parse(text: &str) -> Result<Self, KeyFormatError> {
        let Some(block) = pem_block(text, PKCS8_LABEL).or_else(|| pem_block(text, SEC1_LABEL)) else {
            // Sigstore's and PKCS#8's encrypted keys both say so in the label.
            return Err(if text.contains("-----BEGIN ENCRYPTED ") {
                KeyFormatError::Encrypted
            } else if pem_block(text, SPKI_LABEL).is_some() {
                KeyFormatError::PublicInsteadOfPrivate
            } else {
                KeyFormatError::NoPrivateKey
            });
        };
        let key = SecretKey::from_pem(block).map_err(|_| KeyFormatError::NotP256)?;
        Ok(Self(p256::ecdsa::SigningKey::from(&key)))
    }

    /// The key as PKCS#8 PEM, in memory that is wiped when it goes.
    ///
    /// # Errors
    /// [`KeyError::Encoding`].
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        self.0.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyError::Encoding)
    }

    /// Writes the key to `path`, readable by its owner alone, and the public key beside it with
    /// `.pub` added to the name. Gives the public key's path.
    ///
    /// # Errors
    /// [`KeyError`] if either file is there already or cannot be written; then neither is left new.
    pub fn write_new(&self, path: &Path) -> Result<PathBuf, KeyError> {
        let public = public_path(path);
        if public.symlink_metadata().is_ok() {
            return Err(KeyError::Exists(public));
        }
        write_new_file(path, self.to_pem()?.as_bytes())?;
        let written =
            self.public_key().to_pem().and_then(|pem| write_new_file(&public, pem.as_bytes()).map(|()| public));
        if written.is_err() {
            // It was made a moment ago by this very call: nothing of anybody's is lost.
            let _ = std::fs::remove_file(path);
        }
        written
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// Signs `message`: ASN.1 DER, deterministic (RFC 6979), so that a retry comes to the same bytes.
    ///
    /// # Errors
    /// [`KeyError::Encoding`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature: DerSignature = self.0.try_sign(message).map_err(|_| KeyError::Encoding)?;
        Ok(signature.as_bytes().to_vec())
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
        let text = read_key_file(path, |_| Ok(()))?;
        std::str::from_utf8(&text)
            .map_err(|_| KeyFormatError::NoPublicKey)
            .and_then(Self::parse)
            .map_err(|reason| not_a_key(path, reason))
    }

    fn parse(text: &str) -> Result<Self, KeyFormatError> {
        let Some(block) = pem_block(text, SPKI_LABEL) else {
            return Err(if text.contains(" PRIVATE KEY-----") || text.contains("-----BEGIN PRIVATE KEY-----") {
                KeyFormatError::PrivateInsteadOfPublic
            } else {
                KeyFormatError::NoPublicKey
            });
        };
        VerifyingKey::from_public_key_pem(block).map(Self).map_err(|_| KeyFormatError::NotP256)
    }

    /// The key as SPKI PEM.
    ///
    /// # Errors
    /// [`KeyError::Encoding`].
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(|_| KeyError::Encoding)
    }

    /// Base64 of the SHA-256 of the SPKI DER: how cosign and RFC 6962 name a key.
    ///
    /// # Errors
    /// [`KeyError::Encoding`].
    pub fn hint(&self) -> Result<String, KeyError> {
        let der = self.0.to_public_key_der().map_err(|_| KeyError::Encoding)?;
        Ok(STANDARD.encode(Sha256Digest::of(der.as_bytes()).as_bytes()))
    }

    /// Whether `signature` (ASN.1 DER) is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        DerSignature::try_from(signature).is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.hint().unwrap_or_default())
    }
}

/// `<path>.pub`.
fn public_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".pub");
    PathBuf::from(name)
}

fn not_a_key(path: &Path, reason: KeyFormatError) -> KeyError {
    KeyError::NotAKey { name: format!("the key `{}`", path.display()), reason }
}

/// The first PEM block with this label, its boundaries included. What stands around it, such as the
/// curve's parameters that OpenSSL puts first, is left out.
fn pem_block<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let block = text.get(text.find(&begin)?..)?;
    let length = block.find(&end)?.checked_add(end.len())?;
    block.get(..length)
}

/// Reads a file of bounded size, after `check` has seen the metadata of the very file that is read.
fn read_key_file(
    path: &Path,
    check: impl FnOnce(&Metadata) -> Result<(), KeyError>,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let unreadable = |source| KeyError::Unreadable { path: path.to_owned(), source };
    // Before it is opened: to open a pipe would wait for a writer.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(KeyError::NotAFile(path.to_owned()));
    }
    let file = File::open(path).map_err(unreadable)?;
    check(&file.metadata().map_err(unreadable)?)?;
    let limit = MAX_KEY_FILE_BYTES.saturating_add(1);
    // With its whole capacity from the start, no copy is left behind by growing.
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or_default()));
    file.take(limit).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_KEY_FILE_BYTES {
        return Err(KeyError::TooLarge(path.to_owned()));
    }
    Ok(text)
}

/// Reads the file of a private key, which only its owner may read.
pub(crate) fn read_private_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    read_key_file(path, |metadata| check_private(path, metadata))
}

#[cfg(unix)]
fn check_private(path: &Path, metadata: &Metadata) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::NotPrivate { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn check_private(_: &Path, _: &Metadata) -> Result<(), KeyError> {
    Ok(())
}

/// Creates `path`, readable by its owner alone, with `bytes` in it. Never overwrites.
pub(crate) fn write_new_file(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::Unwritable { path: path.to_owned(), source },
    })?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|source| {
        // Half a key is no use to anybody, and would stand in the way of the next attempt.
        let _ = std::fs::remove_file(path);
        KeyError::Unwritable { path: path.to_owned(), source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Bodies alone, so that no scanner takes this file for one with a key in it.
    /// Made with `openssl ecparam -name prime256v1 -genkey`.
    const SEC1_BODY: &str = "MHcCAQEEIJUzjR6i5ZWwU7DCPR46i9fD1IL+04rpr7E9imm8/hCpoAoGCCqGSM49\n\
        AwEHoUQDQgAE5C9uD8D9RrhBObe5TziCiJnLufXCkFxFekB9D0rW81Tz60/AniL9\n\
        6FsUMhVuEF9ajPtSa+LO6DZ4Uv3gVrWGdQ==";
    /// The same key through `openssl pkcs8 -topk8 -nocrypt`.
    const PKCS8_BODY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglTONHqLllbBTsMI9\n\
        HjqL18PUgv7TiumvsT2Kabz+EKmhRANCAATkL24PwP1GuEE5t7lPOIKImcu59cKQ\n\
        XEV6QH0PStbzVPPrT8CeIv3oWxQyFW4QX1qM+1Jr4s7oNnhS/eBWtYZ1";
    /// Its public key by `openssl ec -pubout`.
    const SPKI_BODY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE5C9uD8D9RrhBObe5TziCiJnLufXC\n\
        kFxFekB9D0rW81Tz60/AniL96FsUMhVuEF9ajPtSa+LO6DZ4Uv3gVrWGdQ==";
    /// Made with `openssl genpkey -algorithm ed25519`.
    const ED25519_BODY: &str = "MC4CAQAwBQYDK2VwBCIEIIpuFRWp9clpXAlZH+Mobb9bYCfi47DwKaPG5Cflc8K7";

    fn pem(label: &str, body: &str) -> String {
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    }

    /// As OpenSSL writes it: the curve's parameters come first.
    fn sec1() -> String {
        pem("EC PARAMETERS", "BggqhkjOPQMBBw==") + &pem(SEC1_LABEL, SEC1_BODY)
    }

    fn pkcs8() -> String {
        pem(PKCS8_LABEL, PKCS8_BODY)
    }

    fn spki() -> String {
        pem(SPKI_LABEL, SPKI_BODY)
    }

    #[test]
    fn both_encodings_of_openssl_are_the_same_key() {
        let key = SigningKey::from_pem_text(&sec1()).unwrap();
        assert_eq!(key.to_pem().unwrap().as_str(), pkcs8());
        assert_eq!(key.public_key().to_pem().unwrap(), spki());
        assert_eq!(key.public_key(), PublicKey::from_pem_text(&spki()).unwrap());
        for text in [pkcs8(), pkcs8().replace('\n', "\r\n"), format!("# who made it\n{}\n\n", pkcs8())] {
            assert_eq!(SigningKey::from_pem_text(&text).unwrap().to_pem().unwrap().as_str(), pkcs8());
        }
    }

    #[test]
    fn the_hint_is_what_cosign_computes() {
        // openssl ec -pubin -outform der | openssl dgst -sha256 -binary | base64
        assert_eq!(
            PublicKey::from_pem_text(&spki()).unwrap().hint().unwrap(),
            "942FJQV0ErVRwou8FglIjq/t7cmL8FSqutRq/D7dycU="
        );
    }

    #[test]
    fn a_signature_holds_for_its_message_and_key_alone() {
        let (key, other) = (SigningKey::from_pem_text(&sec1()).unwrap(), SigningKey::generate().unwrap());
        let signature = key.sign(b"message").unwrap();
        assert_eq!(signature, key.sign(b"message").unwrap());
        assert!(key.public_key().verifies(b"message", &signature));
        assert!(!key.public_key().verifies(b"massage", &signature));
        assert!(!other.public_key().verifies(b"message", &signature));
        assert!(!key.public_key().verifies(b"message", b""));
    }

    #[test]
    fn every_other_text_is_refused_with_its_reason() {
        let encrypted = pkcs8().replace("PRIVATE", "ENCRYPTED PRIVATE");
        let damaged = pkcs8().replacen("MIG", "MIH", 1);
        for (text, reason) in [
            ("", KeyFormatError::NoPrivateKey),
            ("-----BEGIN PRIVATE KEY-----", KeyFormatError::NoPrivateKey),
            (spki().as_str(), KeyFormatError::PublicInsteadOfPrivate),
            (encrypted.as_str(), KeyFormatError::Encrypted),
            (damaged.as_str(), KeyFormatError::NotP256),
            (pem(PKCS8_LABEL, ED25519_BODY).as_str(), KeyFormatError::NotP256),
        ] {
            let KeyError::NotAKey { reason: found, .. } = SigningKey::from_pem_text(text).unwrap_err() else {
                panic!("{text}")
            };
            assert_eq!(found, reason, "{text}");
        }
        for (text, reason) in [
            ("", KeyFormatError::NoPublicKey),
            (pkcs8().as_str(), KeyFormatError::PrivateInsteadOfPublic),
            (sec1().as_str(), KeyFormatError::PrivateInsteadOfPublic),
            (&spki().replacen("MFk", "MFl", 1), KeyFormatError::NotP256),
        ] {
            let KeyError::NotAKey { reason: found, .. } = PublicKey::from_pem_text(text).unwrap_err() else {
                panic!("{text}")
            };
            assert_eq!(found, reason, "{text}");
        }
    }

    #[test]
    fn a_key_never_shows_itself() {
        let key = SigningKey::from_pem_text(&pkcs8()).unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey(***)");
        // A line of the key in a text that is refused: neither form of the error repeats it.
        let secret = PKCS8_BODY.lines().next().unwrap();
        let error = SigningKey::from_pem_text(&pkcs8().replacen("MIG", "MIH", 1)).unwrap_err();
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains(&secret[8..40]), "{shown}");
        }
    }

    #[test]
    fn a_new_key_is_private_and_never_overwrites() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        let key = SigningKey::generate().unwrap();
        let public = key.write_new(&path).unwrap();
        assert_eq!(public, directory.path().join("key.pem.pub"));
        assert_eq!(SigningKey::load(&path).unwrap().public_key(), key.public_key());
        assert_eq!(PublicKey::load_pem(&public).unwrap(), key.public_key());

        let before = std::fs::read(&path).unwrap();
        let other = SigningKey::generate().unwrap();
        assert!(matches!(other.write_new(&path), Err(KeyError::Exists(there)) if there == public));
        std::fs::remove_file(&public).unwrap();
        assert!(matches!(other.write_new(&path), Err(KeyError::Exists(there)) if there == path));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert!(!public.exists());
        let nowhere = directory.path().join("nowhere/key.pem");
        assert!(other.write_new(&nowhere).unwrap_err().to_string().contains("nowhere/key.pem"));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_mend() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        SigningKey::generate().unwrap().write_new(&path).unwrap();
        for mode in [0o644, 0o640, 0o604, 0o660, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = SigningKey::load(&path).unwrap_err().to_string();
            let mend = format!("chmod 600 {}", path.display());
            assert!(error.contains(&mend) && error.contains(&format!("{mode:04o}")), "{error}");
        }
        for mode in [0o600, 0o400] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(SigningKey::load(&path).is_ok());
        }
    }

    #[test]
    fn what_is_no_key_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(SigningKey::load(directory.path()), Err(KeyError::NotAFile(_))));
        let missing = SigningKey::load(&directory.path().join("missing.pem")).unwrap_err().to_string();
        assert!(missing.contains("missing.pem"), "{missing}");
        let large = directory.path().join("large.pem");
        write_new_file(&large, &vec![b'a'; 20_000]).unwrap();
        assert!(matches!(SigningKey::load(&large), Err(KeyError::TooLarge(_))));
        let binary = directory.path().join("binary.pem");
        write_new_file(&binary, b"\xff\xfe").unwrap();
        assert!(SigningKey::load(&binary).unwrap_err().to_string().contains("PEM block `PRIVATE KEY`"));
        assert!(PublicKey::load_pem(&binary).unwrap_err().to_string().contains("binary.pem"));
    }
}
