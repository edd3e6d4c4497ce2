//! `modelgate evidence`

mod export;
mod import;
mod readme;

use super::{Failure, Printer};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Write everything that was recorded of a run into one directory, with how to check it without modelgate
    Export(export::Arguments),
    /// Check what an export holds, all of it, and store it
    Import(import::Arguments),
    /// Deliver what `check` left in its directory when the store could not be reached
    Push(import::Arguments),
}

pub(super) fn run(command: &Command, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    match command {
        Command::Export(arguments) => export::run(arguments, environment, printer),
        // Both check everything first: what lay in a directory for a while is no better known than what was sent.
        Command::Import(arguments) | Command::Push(arguments) => import::run(arguments, environment, printer),
    }
}
