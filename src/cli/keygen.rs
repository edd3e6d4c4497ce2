//! `modelgate keygen`

use std::path::PathBuf;

use super::{Failure, Printer};
use crate::evidence::key::SigningKey;
use crate::exit_status::ExitStatus;
use crate::problem::Problem;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// File for the private key; the public one is written beside it with `.pub` added
    #[arg(default_value = "modelgate-key.pem", value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    let public = SigningKey::generate()
        .and_then(|key| key.write_new(&arguments.file))
        .map_err(|error| Failure::usage(Problem::new("keygen", error.to_string())))?;
    let private = arguments.file.display();
    printer.say(&format!("private key {private} (keep it secret), public key {}", public.display()));
    Ok(ExitStatus::Success)
}
