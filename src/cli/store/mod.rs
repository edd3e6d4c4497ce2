//! `modelgate store`

mod find;
mod index;
mod log;
mod show;

use std::path::PathBuf;

use super::policies::runtime;
use super::{Failure, Printer};
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::report::TextStyle;
use crate::store::{Store, StoreError};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List runs, the newest first
    Log(log::Arguments),
    /// Show everything that the store knows of a run
    Show(show::Arguments),
    /// Find runs by model, file, tier, decision and time
    Find(find::Arguments),
    /// Write what is new in the log to the index, in which `find` looks
    Index(index::Arguments),
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    match &arguments.command {
        Command::Log(arguments) => log::run(arguments, printer),
        Command::Show(arguments) => show::run(arguments, printer),
        Command::Find(arguments) => find::run(arguments, printer),
        Command::Index(arguments) => index::run(arguments, printer),
    }
}

/// Which store.
#[derive(Debug, clap::Args)]
struct StoreArguments {
    /// Directory of the store
    #[arg(long, value_name = "DIRECTORY", default_value = ".modelgate/store")]
    store: PathBuf,
}

impl StoreArguments {
    /// Opens the store, which must be there, and asks it.
    fn ask<T>(&self, question: impl AsyncFnOnce(&Store) -> Result<T, StoreError>) -> Result<T, Failure> {
        let asked = async {
            let store = Store::open_existing(&self.store).await?;
            question(&store).await
        };
        runtime()?.block_on(asked).map_err(failure)
    }
}

/// What was asked for is not there, or the store is not in order.
fn failure(error: StoreError) -> Failure {
    let problem = |code| Problem::new(code, error.to_string());
    match error {
        StoreError::NoStore { .. } => Failure::usage(problem("no-store")),
        StoreError::NoSuchRun(_) => Failure::usage(problem("no-such-run").hint("`modelgate store log` lists the runs")),
        StoreError::Ambiguous(_) => Failure::usage(problem("ambiguous-run")),
        _ => Failure::Store(vec![problem("store")]),
    }
}

/// What is shown cannot be written.
fn not_written(error: &crate::report::RenderError) -> Failure {
    Failure::not_recorded(Problem::new("report", error.to_string()))
}

fn style(printer: &Printer) -> TextStyle {
    TextStyle { columns: Printer::columns(), colour: printer.color_stdout(), unicode: true }
}
