//! `modelgate keygen`

use std::path::PathBuf;

use super::{Failure, Printer};
use crate::environment::{Environment, KEY_PASSWORD};
use crate::evidence::key::{KeyAlgorithm, SigningKey};
use crate::exit_status::ExitStatus;
use crate::problem::Problem;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// File for the private key; the public one is written beside it with `.pub` added
    #[arg(default_value = "modelgate-key.pem", value_name = "FILE")]
    file: PathBuf,
    /// How the key signs: every verifier of bundles takes ECDSA P-256; Ed25519 is not for model.sig
    #[arg(long, value_name = "ALGORITHM", value_enum, default_value_t)]
    algorithm: Algorithm,
    /// Encrypt the private key with the passphrase in MODELGATE_KEY_PASSWORD
    #[arg(long)]
    encrypt: bool,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Algorithm {
    /// ECDSA on P-256 with SHA-256
    #[default]
    EcdsaP256,
    /// Ed25519
    Ed25519,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let algorithm = match arguments.algorithm {
        Algorithm::EcdsaP256 => KeyAlgorithm::EcdsaP256,
        Algorithm::Ed25519 => KeyAlgorithm::Ed25519,
    };
    let write = |key: SigningKey| {
        if arguments.encrypt {
            key.write_new_encrypted(&arguments.file, &environment.key_access)
        } else {
            key.write_new(&arguments.file)
        }
    };
    let public = SigningKey::generate_for(algorithm)
        .and_then(write)
        .map_err(|error| Failure::usage(Problem::new("keygen", error.to_string())))?;
    let private = arguments.file.display();
    let secret = if arguments.encrypt { format!("opened by {KEY_PASSWORD}") } else { "keep it secret".to_owned() };
    printer.say(&format!("private key {private} ({secret}), public key {}", public.display()));
    Ok(ExitStatus::Success)
}
