//! Checkpoints: the state of the log in three lines, signed (C2SP tlog-checkpoint and signed-note).
//!
//! ```text
//! modelgate-store/0123…        origin: which log
//! 43                           size: how many entries
//! CsUYapGGPo4dkMgIAUqom4Xa…    root: their Merkle tree hash (RFC 6962), base64
//!
//! — modelgate-store/0123… Uw2QOkn8srV1…
//! ```
//!
//! Only Ed25519 is signed and verified (signature type 1). Others may add signatures, of which nothing is
//! believed.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::log_key::LogKey;
use crate::digest::Sha256Digest;

/// Largest note that is read: sixteen signatures of 5 kB, which signed-note asks verifiers to take, and as much again.
pub(super) const MAX_NOTE_BYTES: usize = 160 * 1024;

/// Most signatures of a note that is read; signed-note asks for 16 at least.
const MAX_SIGNATURES: usize = 32;

/// Most characters of a log's name.
const MAX_ORIGIN_CHARACTERS: usize = 255;

/// Ed25519, in the table of signature types of signed-note.
const ED25519: u8 = 1;

/// The state of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Names the log among all logs.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// Merkle tree hash of their leaves (RFC 6962).
    pub root: Sha256Digest,
}

/// A text is no checkpoint, or nobody signed it who should have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// More bytes or signatures than are read.
    #[error("it is larger than any checkpoint")]
    TooLarge,
    /// Not in the form of a signed note.
    #[error("it is no signed note: {0}")]
    NotANote(&'static str),
    /// The text of the note is no checkpoint.
    #[error("it is no checkpoint: {0}")]
    NotACheckpoint(&'static str),
    /// The log's key has not signed.
    #[error("the log's key `{0}` has not signed it")]
    NotSigned(String),
    /// The signature of the log's key is not over this text.
    #[error("the signature of the log's key `{0}` is not over this text: it was changed")]
    WrongSignature(String),
    /// No verifier key.
    #[error("it is no verifier key of an Ed25519 log key")]
    NotAKey,
}

impl Checkpoint {
    /// The three lines that are signed.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root_base64())
    }

    /// The root as checkpoints write it.
    #[must_use]
    pub fn root_base64(&self) -> String {
        STANDARD.encode(self.root.as_bytes())
    }

    /// Reads the three lines. Extension lines, which no log of ours writes, are refused.
    ///
    /// # Errors
    /// [`NoteError::NotACheckpoint`].
    pub fn from_text(text: &str) -> Result<Self, NoteError> {
        let refused = NoteError::NotACheckpoint;
        let lines = text.strip_suffix('\n').ok_or(refused("its last line does not end"))?;
        let mut lines = lines.split('\n');
        let (Some(origin), Some(size), Some(root), None) = (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(refused("it has not three lines"));
        };
        if !is_key_name(origin) {
            return Err(refused("its first line names no log"));
        }
        let size = decimal(size).ok_or(refused("its second line is no number of entries"))?;
        let root = base64_digest(root).ok_or(refused("its third line is no root hash"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// The signed note.
    #[must_use]
    pub fn sign(&self, key: &LogKey) -> String {
        let text = self.to_text();
        let verifier = key.verifier(&self.origin);
        let signature = [verifier.id().as_slice(), &key.sign(text.as_bytes()).to_bytes()].concat();
        format!("{text}\n\u{2014} {} {}\n", verifier.name, STANDARD.encode(signature))
    }

    /// Reads a signed note, and checks that `key` signed it for its own log.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn verify(note: &[u8], key: &VerifierKey) -> Result<Self, NoteError> {
        let note = Note::parse(note)?;
        note.check_signed(key)?;
        let checkpoint = Self::from_text(note.text)?;
        if checkpoint.origin == key.name {
            Ok(checkpoint)
        } else {
            Err(NoteError::NotACheckpoint("it is of another log than the key's"))
        }
    }

    /// Reads a checkpoint without asking who signed it, if anybody did: one that its reader kept.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn unverified(bytes: &[u8]) -> Result<Self, NoteError> {
        if is_unsigned(bytes) {
            return Self::from_text(note_text(bytes)?);
        }
        Self::from_text(Note::parse(bytes)?.text)
    }
}

/// Whether a checkpoint's three lines stand alone.
pub(super) fn is_unsigned(bytes: &[u8]) -> bool {
    !bytes.windows(2).any(|pair| pair == b"\n\n")
}

/// A name of a key, and of a log: signed-note takes no spaces and no plus.
pub(super) fn is_key_name(name: &str) -> bool {
    let is_taken = |character: char| !character.is_whitespace() && !character.is_control() && character != '+';
    !name.is_empty() && name.chars().count() <= MAX_ORIGIN_CHARACTERS && name.chars().all(is_taken)
}

/// A number without a sign and without leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

/// A digest in base64, in the one spelling that it has.
pub(super) fn base64_digest(text: &str) -> Option<Sha256Digest> {
    STANDARD.decode(text).ok()?.try_into().ok().map(Sha256Digest::from_bytes)
}

/// A signed note, taken apart.
struct Note<'a> {
    /// With the newline at its end.
    text: &'a str,
    signatures: Vec<NoteSignature<'a>>,
}

struct NoteSignature<'a> {
    name: &'a str,
    id: [u8; 4],
    signature: Vec<u8>,
}

fn note_text(bytes: &[u8]) -> Result<&str, NoteError> {
    if bytes.len() > MAX_NOTE_BYTES {
        return Err(NoteError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| NoteError::NotANote("it is not UTF-8"))?;
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(NoteError::NotANote("it has control characters"));
    }
    Ok(text)
}

impl<'a> Note<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, NoteError> {
        let whole = note_text(bytes)?;
        let at = whole.rfind("\n\n").ok_or(NoteError::NotANote("it has no signatures"))?;
        let (text, signatures) = whole.split_at(at.saturating_add(1));
        let signatures = signatures.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let lines = signatures.ok_or(NoteError::NotANote("its last line does not end"))?.split('\n');
        let signatures: Vec<_> = lines.map(NoteSignature::parse).collect::<Result<_, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::TooLarge);
        }
        Ok(Self { text, signatures })
    }

    /// Signatures of unknown keys are passed over; each of the known one has to hold.
    fn check_signed(&self, key: &VerifierKey) -> Result<(), NoteError> {
        let mut own = self.signatures.iter().filter(|line| line.name == key.name && line.id == key.id()).peekable();
        if own.peek().is_none() {
            return Err(NoteError::NotSigned(key.name.clone()));
        }
        let holds = |line: &NoteSignature<'_>| {
            Signature::from_slice(&line.signature)
                .is_ok_and(|signature| key.key.verify_strict(self.text.as_bytes(), &signature).is_ok())
        };
        if own.all(holds) { Ok(()) } else { Err(NoteError::WrongSignature(key.name.clone())) }
    }
}

impl<'a> NoteSignature<'a> {
    fn parse(line: &'a str) -> Result<Self, NoteError> {
        let refused = NoteError::NotANote("a signature is not in the form `— NAME BASE64`");
        let parts = line.strip_prefix("\u{2014} ").and_then(|line| line.split_once(' '));
        let Some((name, encoded)) = parts.filter(|(name, _)| is_key_name(name)) else { return Err(refused) };
        let decoded = STANDARD.decode(encoded).map_err(|_| refused.clone())?;
        let Some((id, signature)) = decoded.split_first_chunk::<4>().filter(|(_, signature)| !signature.is_empty())
        else {
            return Err(refused);
        };
        Ok(Self { name, id: *id, signature: signature.to_vec() })
    }
}

/// The public half of a log's key, with the log's name: what a verifier of checkpoints trusts. Its text is a `vkey` of
/// signed-note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: VerifyingKey,
}

impl VerifierKey {
    pub(super) const fn new(name: String, key: VerifyingKey) -> Self {
        Self { name, key }
    }

    /// The name of the log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> [u8; 4] {
        let hashed = [self.name.as_bytes(), b"\n", &[ED25519], self.key.as_bytes()].concat();
        let [first, second, third, fourth, ..] = *Sha256Digest::of(&hashed).as_bytes();
        [first, second, third, fourth]
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id());
        let key = STANDARD.encode([[ED25519].as_slice(), self.key.as_bytes()].concat());
        write!(formatter, "{}+{id:08x}+{key}", self.name)
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::NotAKey);
        };
        let decoded = STANDARD.decode(encoded).map_err(|_| NoteError::NotAKey)?;
        let key = match decoded.split_first() {
            Some((&ED25519, key)) => <&[u8; 32]>::try_from(key).ok().and_then(|key| VerifyingKey::from_bytes(key).ok()),
            _ => None,
        };
        let read = key.filter(|_| is_key_name(name)).map(|key| Self { name: name.to_owned(), key });
        // One spelling of each key: the digits of the id are checked with it.
        read.filter(|read| read.to_string() == text).ok_or(NoteError::NotAKey)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of the signed-note specification.
    const EXAMPLE_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const EXAMPLE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "example.com/log".to_owned(), size: 43, root: Sha256Digest::of(b"root") }
    }

    fn key() -> LogKey {
        LogKey::from_seed(&[7; 32])
    }

    #[test]
    fn the_example_of_the_specification_is_verified() {
        let key: VerifierKey = EXAMPLE_KEY.parse().unwrap();
        assert_eq!(key.to_string(), EXAMPLE_KEY);
        Note::parse(EXAMPLE.as_bytes()).unwrap().check_signed(&key).unwrap();
        let changed = EXAMPLE.replace("an example", "no example");
        let error = Note::parse(changed.as_bytes()).unwrap().check_signed(&key).unwrap_err();
        assert_eq!(error, NoteError::WrongSignature("example.com/foo".to_owned()));
    }

    #[test]
    fn what_is_signed_is_read_back_and_is_the_same_each_time() {
        let (checkpoint, key) = (checkpoint(), key());
        let note = checkpoint.sign(&key);
        assert_eq!(note, checkpoint.sign(&key));
        assert!(note.starts_with("example.com/log\n43\n"), "{note}");
        let verifier = key.verifier("example.com/log");
        assert_eq!(Checkpoint::verify(note.as_bytes(), &verifier).as_ref(), Ok(&checkpoint));
        assert_eq!(Checkpoint::unverified(note.as_bytes()).as_ref(), Ok(&checkpoint));
        assert_eq!(Checkpoint::unverified(checkpoint.to_text().as_bytes()).as_ref(), Ok(&checkpoint));
        // Others may add their signatures, known or not.
        let witnessed = format!("{note}\u{2014} witness.example mJirIklj\n");
        assert_eq!(Checkpoint::verify(witnessed.as_bytes(), &verifier).as_ref(), Ok(&checkpoint));
        let other = LogKey::from_seed(&[8; 32]).verifier("example.com/log");
        let error = Checkpoint::verify(note.as_bytes(), &other).unwrap_err();
        assert_eq!(error, NoteError::NotSigned("example.com/log".to_owned()));
        // The key of one log does not vouch for another.
        let foreign = Checkpoint { origin: "example.com/other".to_owned(), ..checkpoint };
        let line = foreign.sign(&key).replace("\u{2014} example.com/other", "\u{2014} example.com/log");
        assert!(Checkpoint::verify(line.as_bytes(), &verifier).is_err());
    }

    #[test]
    fn every_flipped_bit_of_a_checkpoint_is_noticed() {
        let (checkpoint, key) = (checkpoint(), key());
        let (note, verifier) = (checkpoint.sign(&key).into_bytes(), key.verifier("example.com/log"));
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut changed = note.clone();
                changed[at] ^= 1 << bit;
                assert!(Checkpoint::verify(&changed, &verifier).is_err(), "bit {bit} of byte {at}");
            }
        }
        for length in 0..note.len() {
            assert!(Checkpoint::verify(&note[..length], &verifier).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let root = checkpoint().root_base64();
        for text in [
            String::new(),
            "\n".to_owned(),
            format!("log\n43\n{root}"),
            format!("\n43\n{root}\n"),
            format!("a log\n43\n{root}\n"),
            format!("a+log\n43\n{root}\n"),
            format!("log\n043\n{root}\n"),
            format!("log\n+43\n{root}\n"),
            format!("log\n-1\n{root}\n"),
            format!("log\n18446744073709551616\n{root}\n"),
            format!("log\n\n{root}\n"),
            format!("log\n43\n{}\n", root.trim_end_matches('=')),
            format!("log\n43\n{root}=\n"),
            "log\n43\nAAAA\n".to_owned(),
            format!("log\n43\n{root}\nextension\n"),
            format!("{}\n43\n{root}\n", "l".repeat(256)),
        ] {
            assert!(Checkpoint::from_text(&text).is_err(), "{text:?}");
        }
        let many = checkpoint().sign(&key()) + &"\u{2014} witness mJirIklj\n".repeat(MAX_SIGNATURES);
        assert_eq!(Checkpoint::unverified(many.as_bytes()), Err(NoteError::TooLarge));
        assert_eq!(Checkpoint::unverified(&vec![b'a'; MAX_NOTE_BYTES + 1]), Err(NoteError::TooLarge));
        for key in
            ["", "a+b", "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "a+00000000+Ag=="]
        {
            assert!(key.parse::<VerifierKey>().is_err(), "{key}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_upset_the_parsers(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Checkpoint::unverified(&bytes);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                let _ = text.parse::<VerifierKey>();
            }
        }

        #[test]
        fn what_resembles_a_note_is_its_own_form_or_refused(
            text in "[ab\n]{0,6}[0-9]{0,3}\n?[A-Za-z=]{0,46}\n{0,3}", name in "(\u{2014} )?[a-z+ ]{0,6}", end in "[A-Za-z0-9=]{0,12}\n?",
        ) {
            let note = format!("{text}{name} {end}");
            if let Ok(checkpoint) = Checkpoint::unverified(note.as_bytes()) {
                prop_assert!(note.starts_with(&checkpoint.to_text()));
            }
        }

        #[test]
        fn any_checkpoint_is_read_back(origin in "[!-*,-~\u{e9}]{1,40}", size: u64, seed: [u8; 32]) {
            let (checkpoint, key) = (Checkpoint { origin, size, root: Sha256Digest::of(&seed) }, LogKey::from_seed(&seed));
            let verifier = key.verifier(&checkpoint.origin);
            prop_assert_eq!(Checkpoint::verify(checkpoint.sign(&key).as_bytes(), &verifier), Ok(checkpoint));
            prop_assert_eq!(verifier.to_string().parse(), Ok(verifier));
        }
    }
}
