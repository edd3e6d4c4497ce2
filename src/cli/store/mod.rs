//! `modelgate store`: what keeps a record of decisions right, and questions to it.

mod audit;
mod find;
mod index;
mod init;
mod log;
mod show;
mod sync;

use clap::Subcommand;

use super::printer::Printer;
use super::{Failure, policies};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::report::TextStyle;
use crate::store::{Store, StoreAddress, StoreError};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a store, and see that it can keep a record
    Init(init::Arguments),
    /// List runs, the newest first
    Log(log::Arguments),
    /// Show everything that the store knows of a run
    Show(show::Arguments),
    /// Find runs by model, file, tier, decision and time
    Find(find::Arguments),
    /// Write what is new in the log to the index, in which `find` looks
    Index(index::Arguments),
    /// Check all of a store, and that its log continues checkpoints that were kept elsewhere
    Audit(audit::Arguments),
    /// Copy what another store lacks
    Sync(sync::Arguments),
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    match &arguments.command {
        Command::Init(arguments) => init::run(arguments, environment, printer),
        Command::Log(arguments) => log::run(arguments, environment, printer),
        Command::Show(arguments) => show::run(arguments, environment, printer),
        Command::Find(arguments) => find::run(arguments, environment, printer),
        Command::Index(arguments) => index::run(arguments, environment, printer),
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

/// Which store.
#[derive(Debug, clap::Args)]
struct StoreArguments {
    /// The store
    #[arg(long, value_name = "STORE", default_value = DEFAULT_STORE, value_parser = address)]
    store: StoreAddress,
}

impl StoreArguments {
    /// Opens the store, which must be there, and asks it.
    fn ask<T>(
        &self,
        environment: &Environment,
        question: impl AsyncFnOnce(&Store) -> Result<T, StoreError>,
    ) -> Result<T, Failure> {
        let asked = async {
            let store = Store::open(&self.store, &environment.remote).await?;
            question(&store).await
        };
        policies::runtime()?.block_on(asked).map_err(failure)
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
