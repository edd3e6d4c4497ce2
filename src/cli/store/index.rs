//! `modelgate store index`

use super::StoreArguments;
use crate::cli::{Failure, Printer};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    store: StoreArguments,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let indexed = arguments.store.ask(environment, async |store| store.index().await)?;
    let text = if indexed.added == 0 {
        format!("the index has all of {} runs\n", indexed.entries)
    } else {
        format!(
            "indexed {} of {} runs: {} segments, {} files, {} bytes\n",
            indexed.added, indexed.entries, indexed.segments, indexed.files, indexed.bytes
        )
    };
    printer.data(&text)?;
    Ok(ExitStatus::Success)
}
