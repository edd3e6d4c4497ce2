//! `modelgate store`: what keeps a record of decisions right.

mod audit;
mod init;
mod sync;

use clap::Subcommand;

use super::printer::Printer;
use super::{Failure, policies};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::store::{StoreAddress, StoreError};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a store, and see that it can keep a record
    Init(init::Arguments),
    /// Check all of a store, and that its log continues checkpoints that were kept elsewhere
    Audit(audit::Arguments),
    /// Copy what another store lacks
    Sync(sync::Arguments),
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    match &arguments.command {
        Command::Init(arguments) => init::run(arguments, environment, printer),
        Command::Audit(arguments) => audit::run(arguments, environment, printer),
        Command::Sync(arguments) => sync::run(arguments, environment, printer),
    }
}

/// The store, where nothing says another.
const DEFAULT_STORE: &str = ".modelgate/store";

/// A place for a store as the command line names it.
pub(super) fn address(text: &str) -> Result<StoreAddress, String> {
    text.parse()
}

/// Runs what needs a store to its end. One that cannot be had is said, and is no verdict about it.
fn wait<T>(
    work: impl Future<Output = Result<T, StoreError>>,
    printer: &Printer,
) -> Result<Result<T, ExitStatus>, Failure> {
    let runtime = policies::runtime()?;
    Ok(runtime.block_on(work).map_err(|error| {
        let status = match error {
            StoreError::LogKey(_) => ExitStatus::Usage,
            StoreError::NoStore { .. }
            | StoreError::StoreExists { .. }
            | StoreError::InvalidOrigin(_)
            | StoreError::NotConditional { .. }
            | StoreError::NoHardLinks { .. }
            | StoreError::Directory { .. } => ExitStatus::Usage,
            StoreError::LogsDiffer { .. } | StoreError::Rewritten { .. } => ExitStatus::Denied,
            _ => ExitStatus::NotEvaluated,
        };
        printer.problems("the store was left as it is", &[Problem::new("store", error.to_string())]);
        status
    }))
}
