//! `modelgate sigstore-conformance`: the command line that Sigstore's conformance suite drives
//! (<https://github.com/sigstore/sigstore-conformance>, `docs/cli_protocol.md`).

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::keyless::read_bounded;
use super::{Failure, Printer};
use crate::digest::Sha256Digest;
use crate::evidence::bundle::MAX_BUNDLE_BYTES;
use crate::evidence::keyless::{Identity, KeylessError, MAX_TRUSTED_ROOT_BYTES, Root, Signed, Signer, Trust};
use crate::exit_status::ExitStatus;
use crate::problem::Problem;

/// Largest public key that is read.
const KEY_BYTES_MAX: u64 = 16 * 1024;

/// Largest artifact that is read; those of the suite are of a few bytes.
const ARTIFACT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Verify a bundle over a file or a digest
    VerifyBundle(VerifyBundle),
}

#[derive(Debug, Args)]
struct VerifyBundle {
    /// Believe Sigstore's staging instance
    #[arg(long)]
    staging: bool,
    /// The bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// Who must have signed
    #[arg(long, value_name = "IDENTITY", required_unless_present = "key", requires = "certificate_oidc_issuer")]
    certificate_identity: Option<String>,
    /// Who vouches for the identity
    #[arg(long, value_name = "URL", requires = "certificate_identity")]
    certificate_oidc_issuer: Option<String>,
    /// Public key that must have signed, PEM
    #[arg(long, value_name = "FILE", conflicts_with = "certificate_identity")]
    key: Option<PathBuf>,
    /// A trusted root
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    /// The artifact, or its digest as `sha256:…`
    #[arg(value_name = "FILE_OR_DIGEST")]
    artifact: PathBuf,
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    let Command::VerifyBundle(arguments) = &arguments.command;
    match arguments.verify()? {
        Ok(()) => Ok(ExitStatus::Success),
        Err(error) => {
            printer.problems("not verified", &[Problem::new("not-verified", error.to_string())]);
            Ok(ExitStatus::Denied)
        }
    }
}

impl VerifyBundle {
    fn verify(&self) -> Result<Result<(), KeylessError>, Failure> {
        let bundle = read_bounded(&self.bundle, MAX_BUNDLE_BYTES as u64)?;
        let root_text = self.trusted_root.as_deref().map(|path| text(path, MAX_TRUSTED_ROOT_BYTES)).transpose()?;
        let root = match &root_text {
            Some(text) => Root::Text(text),
            None if self.staging => Root::Staging,
            None => Root::Public,
        };
        let pem = self.key.as_deref().map(|path| text(path, KEY_BYTES_MAX)).transpose()?;
        let identity = Identity {
            subject: self.certificate_identity.clone().unwrap_or_default(),
            issuer: self.certificate_oidc_issuer.clone().unwrap_or_default(),
        };
        let signer = pem.as_deref().map_or(Signer::Identity(&identity), Signer::Key);
        let content;
        let signed = if let Some(digest) = digest(&self.artifact) {
            Signed::Digest(digest)
        } else {
            content = read_bounded(&self.artifact, ARTIFACT_BYTES_MAX)?;
            Signed::Content(&content)
        };
        Ok(Trust::new(root).and_then(|trust| trust.verify_artifact(&bundle, signed, &signer)))
    }
}

/// The digest that an argument is, by the protocol: with its prefix, of the right length, and not a path on disk.
fn digest(argument: &Path) -> Option<Sha256Digest> {
    let hexadecimal = argument.to_str()?.strip_prefix("sha256:")?;
    let digest = Sha256Digest::from_hex(hexadecimal).ok()?;
    if fs::exists(argument).unwrap_or(true) { None } else { Some(digest) }
}

fn text(path: &Path, bytes_max: u64) -> Result<String, Failure> {
    String::from_utf8(read_bounded(path, bytes_max)?)
        .map_err(|_| Failure::usage(Problem::new("not-text", format!("`{}` is not text", path.display()))))
}
