//! Keys of key management services and hardware modules, by Sigstore's protocol of command line plugins
//! (`github.com/sigstore/sigstore`, `pkg/signature/kms/cliplugin`), so that no vendor's library is needed here.
//!
//! `<scheme>://<key>` is signed with by the program `sigstore-kms-<scheme>`. Its first argument is the protocol's
//! version, its second JSON with what is asked, its input what is to be signed, its output JSON; its exit status
//! says nothing. The program inherits the environment, which is how it gets its credentials.
//!
//! The program is believed in nothing but the public key, which whoever verifies names for themselves: a
//! signature that is not that key's is an error.

use std::io::{self, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::access::KeyAccess;
use super::{KeyAlgorithm, PublicKey};
use crate::digest::Sha256Digest;
use crate::document::strict_json;
use crate::environment::Secret;

/// As cosign 3.1.1 says it.
const PROTOCOL_VERSION: &str = "v1";

/// Go's number of SHA-256 among hash functions, which the protocol uses.
const SHA256: u32 = 5;

/// How long a program may take. A service answers in a second; a person may have to touch a token.
const CALL_TIME: Duration = Duration::from_secs(60);

/// Most bytes of an answer. A public key or a signature takes a hundredth of it.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Values in an answer.
const VALUES_MAX: usize = 256;

/// Characters of what a program says that are shown.
const MESSAGE_CHARACTERS_MAX: usize = 400;

/// Shortest secret that is looked for: shorter ones are part of ordinary words.
const SECRET_BYTES_MIN: usize = 4;

/// How often it is looked whether a program has ended that has said everything.
const POLL_TIME: Duration = Duration::from_millis(2);

/// The program of a key management service did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// Nothing by that name is on the path.
    #[error("there is no program `{program}` on the path for the key `{reference}`: install that plugin of Sigstore's")]
    Missing {
        /// Name of the program.
        program: String,
        /// The key.
        reference: String,
    },
    /// It cannot be started or talked to.
    #[error("the program `{program}` cannot be run: {source}")]
    NotRun {
        /// Name of the program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It took too long, and was ended.
    #[error("the program `{program}` did not answer within {seconds} seconds: look whether its service can be reached")]
    TimedOut {
        /// Name of the program.
        program: String,
        /// What it may take.
        seconds: u64,
    },
    /// It answered with something else.
    #[error("the program `{program}` gave no answer of the protocol: {reason}")]
    Answer {
        /// Name of the program.
        program: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It answered with an error of its own.
    #[error("the program `{program}` says: {message}")]
    Refused {
        /// Name of the program.
        program: String,
        /// What it says.
        message: String,
    },
    /// Its public key is of a kind that is not signed with here.
    #[error("the key `{reference}` cannot be used: {reason}")]
    PublicKey {
        /// The key.
        reference: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The signature is not that of the key.
    #[error(
        "what `{program}` signed is not signed by the key `{reference}`, whose public key it gave: nothing is written"
    )]
    OtherSignature {
        /// Name of the program.
        program: String,
        /// The key.
        reference: String,
    },
}

/// A key that a program signs with.
pub(super) struct Plugin {
    program: String,
    reference: String,
    resource: String,
    public_key: PublicKey,
    secrets: Vec<Secret>,
    time: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    error_message: String,
    public_key: Option<PublicKeyAnswer>,
    sign_message: Option<SignatureAnswer>,
}

#[derive(Debug, Deserialize)]
struct PublicKeyAnswer {
    /// Base64 of the PEM.
    #[serde(rename = "publicKeyPEM")]
    public_key_pem: String,
}

#[derive(Debug, Deserialize)]
struct SignatureAnswer {
    /// Base64.
    signature: String,
}

impl Plugin {
    /// Whether `text` is `<scheme>://…`, with a scheme of RFC 3986 in lower case.
    pub(super) fn is_reference(text: &str) -> bool {
        scheme(text).is_some()
    }

    /// Asks the program for the public key.
    pub(super) fn open(reference: &str, access: &KeyAccess) -> Result<Self, PluginError> {
        let scheme = scheme(reference).map_or("", |(scheme, _)| scheme);
        Self::open_as(&format!("sigstore-kms-{scheme}"), reference, access, CALL_TIME)
    }

    /// The same of a program by its name or path, which may take `time`.
    pub(super) fn open_as(
        program: &str,
        reference: &str,
        access: &KeyAccess,
        time: Duration,
    ) -> Result<Self, PluginError> {
        let refuse = |reason: String| PluginError::PublicKey { reference: reference.to_owned(), reason };
        let resource = scheme(reference).map_or("", |(_, resource)| resource);
        let call = Call { program, reference, resource, secrets: &access.secrets, time };
        let answer = call.ask("publicKey", json!({"publicKeyOptions": {"rpcOptions": rpc_options()}}), &[])?;
        let pem = answer.public_key.ok_or_else(|| call.answer("it has no `publicKey`"))?.public_key_pem;
        let pem = STANDARD.decode(pem).map_err(|_| call.answer("`publicKeyPEM` is not base64"))?;
        let pem = String::from_utf8(pem).map_err(|_| call.answer("`publicKeyPEM` is not a text"))?;
        let public_key = PublicKey::parse(&pem).map_err(|reason| refuse(reason.to_string()))?;
        Ok(Self {
            program: call.program.to_owned(),
            reference: reference.to_owned(),
            resource: resource.to_owned(),
            public_key,
            secrets: access.secrets.clone(),
            time,
        })
    }

    pub(super) const fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// A signature over `message`, which is the key's.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PluginError> {
        let call = Call {
            program: &self.program,
            reference: &self.reference,
            resource: &self.resource,
            secrets: &self.secrets,
            time: self.time,
        };
        let mut options = json!({});
        // With the digest at hand, a module that signs nothing else needs no hash function. Ed25519 has no digest
        // that could be signed in the message's place.
        if self.public_key.algorithm() == KeyAlgorithm::EcdsaP256 {
            options = json!({"digest": STANDARD.encode(Sha256Digest::of(message).as_bytes()), "hashFunc": SHA256});
        }
        let arguments = json!({"signOptions": {"rpcOptions": rpc_options(), "messageOptions": options}});
        let answer = call.ask("signMessage", arguments, message)?;
        let signature = answer.sign_message.ok_or_else(|| call.answer("it has no `signMessage`"))?.signature;
        let signature = STANDARD.decode(signature).map_err(|_| call.answer("`signature` is not base64"))?;
        if self.public_key.verifies(message, &signature) {
            return Ok(signature);
        }
        Err(PluginError::OtherSignature { program: self.program.clone(), reference: self.reference.clone() })
    }
}

/// Neither a version of the key nor a check by the service is asked for, as cosign says it.
fn rpc_options() -> serde_json::Value {
    json!({"keyVersion": "", "remoteVerification": false})
}

fn scheme(reference: &str) -> Option<(&str, &str)> {
    let (scheme, resource) = reference.split_once("://")?;
    let begins = scheme.starts_with(|first: char| first.is_ascii_lowercase());
    let known = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "+-.".contains(letter);
    (begins && scheme.chars().all(known)).then_some((scheme, resource))
}

/// One question to the program.
struct Call<'a> {
    program: &'a str,
    reference: &'a str,
    resource: &'a str,
    secrets: &'a [Secret],
    time: Duration,
}

impl Call<'_> {
    fn ask(&self, method: &str, arguments: serde_json::Value, input: &[u8]) -> Result<Answer, PluginError> {
        let question = json!({
            "initOptions": {
                "protocolVersion": PROTOCOL_VERSION,
                "keyResourceID": self.resource,
                "hashFunc": SHA256,
                "rpcOptions": rpc_options(),
            },
            "methodName": method,
            method: arguments,
        });
        let bytes = self.run(&question.to_string(), input)?;
        let value = strict_json::parse_at_most(&bytes, VALUES_MAX);
        // What it said is not repeated: it is not known what is in it.
        let answer = value.and_then(serde_json::from_value::<Answer>);
        let answer = answer.map_err(|_| self.answer("its output is not JSON of the expected form"))?;
        if answer.error_message.is_empty() {
            return Ok(answer);
        }
        let message = shown(&answer.error_message, self.secrets);
        Err(PluginError::Refused { program: self.program.to_owned(), message })
    }

    fn answer(&self, reason: &str) -> PluginError {
        PluginError::Answer { program: self.program.to_owned(), reason: reason.to_owned() }
    }

    fn timed_out(&self) -> PluginError {
        PluginError::TimedOut { program: self.program.to_owned(), seconds: self.time.as_secs() }
    }

    fn not_run(&self, source: io::Error) -> PluginError {
        match source.kind() {
            io::ErrorKind::NotFound => {
                PluginError::Missing { program: self.program.to_owned(), reference: self.reference.to_owned() }
            }
            _ => PluginError::NotRun { program: self.program.to_owned(), source },
        }
    }

    /// What the program writes when it is asked `question` with `input`.
    fn run(&self, question: &str, input: &[u8]) -> Result<Vec<u8>, PluginError> {
        let mut command = Command::new(self.program);
        command
            .args([PROTOCOL_VERSION, question])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // The protocol's place for what people are to read, such as that a token wants to be touched.
            .stderr(Stdio::inherit());
        let is_apart = set_apart(&mut command);
        let mut child = command.spawn().map_err(|error| self.not_run(error))?;
        let deadline = Instant::now().checked_add(self.time);
        let output = self.exchange(&mut child, input);
        let output = output.and_then(|output| self.wait(&mut child, deadline).map(|()| output));
        if output.is_err() {
            // Not waited for without end: it may have ended by itself.
            if is_apart {
                kill_group(&child);
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        output
    }

    /// Writes and reads in threads of their own: a program that does neither must not hold up this one.
    fn exchange(&self, child: &mut Child, input: &[u8]) -> Result<Vec<u8>, PluginError> {
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(self.answer("its input and output are not there"));
        };
        let input = input.to_vec();
        thread::spawn(move || {
            // A program that was given the digest need not read the message.
            let _ = stdin.write_all(&input);
        });
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut output = Vec::new();
            let read = stdout.take(ANSWER_BYTES_MAX.saturating_add(1)).read_to_end(&mut output);
            let _ = sender.send(read.map(|_| output));
        });
        match receiver.recv_timeout(self.time) {
            Ok(Ok(output)) if output.len() as u64 > ANSWER_BYTES_MAX => {
                Err(self.answer(&format!("it is over {ANSWER_BYTES_MAX} bytes")))
            }
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => Err(self.not_run(error)),
            Err(_) => Err(self.timed_out()),
        }
    }

    fn wait(&self, child: &mut Child, deadline: Option<Instant>) -> Result<(), PluginError> {
        loop {
            if child.try_wait().map_err(|error| self.not_run(error))?.is_some() {
                return Ok(());
            }
            if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
                return Err(self.timed_out());
            }
            thread::sleep(POLL_TIME);
        }
    }
}

/// Gives the program a process group of its own, so that what it starts ends with it. On a terminal it stays in ours:
/// only so may it ask there for a PIN.
#[cfg(unix)]
fn set_apart(command: &mut Command) -> bool {
    use std::io::IsTerminal as _;
    let is_apart = !io::stdin().is_terminal();
    if is_apart {
        std::os::unix::process::CommandExt::process_group(command, 0);
    }
    is_apart
}

#[cfg(not(unix))]
const fn set_apart(_: &mut Command) -> bool {
    false
}

#[cfg(unix)]
fn kill_group(child: &Child) {
    let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(child), rustix::process::Signal::KILL);
}

#[cfg(not(unix))]
const fn kill_group(_: &Child) {}

/// What a program says, without secrets, on one line, and not too much of it.
fn shown(message: &str, secrets: &[Secret]) -> String {
    let mut message = message.to_owned();
    let mut secrets: Vec<&str> = secrets.iter().map(Secret::expose).collect();
    secrets.retain(|secret| secret.len() >= SECRET_BYTES_MIN);
    // The longest first: a shorter one may be a part of it.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets {
        message = message.replace(secret, "***");
    }
    let line = message.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let cut: String = line.take(MESSAGE_CHARACTERS_MAX).collect();
    cut.trim().to_owned()
}
