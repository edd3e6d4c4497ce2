//! `modelgate store log`

use super::{StoreArguments, not_written, style};
use crate::cli::{Failure, Printer};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::report::stored::RunsDocument;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    store: StoreArguments,
    /// Runs that are listed at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Print JSON (docs/schema/store-runs-v1.schema.json)
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let document = arguments.store.ask(environment, async |store| {
        let newest = store.newest(arguments.limit).await?;
        Ok(RunsDocument::newest(store.origin(), &newest))
    })?;
    let json = || document.json().map_err(|error| not_written(&error));
    printer.data(&if arguments.json { json()? } else { document.text(&style(printer)) })?;
    Ok(ExitStatus::Success)
}
