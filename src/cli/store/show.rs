//! `modelgate store show`

use super::{StoreArguments, not_written, style};
use crate::cli::{Failure, Printer};
use crate::environment::Environment;
use crate::exit_status::ExitStatus;
use crate::problem::Problem;
use crate::report::stored::RunDocument;
use crate::store::{InvalidReference, Reference};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The run: the number of its entry, the first digits of its key, or `model@version` for the newest of a version
    #[arg(value_name = "RUN", value_parser = parse)]
    run: Reference,
    #[command(flatten)]
    store: StoreArguments,
    /// Print JSON (docs/schema/store-run-v1.schema.json)
    #[arg(long)]
    json: bool,
}

fn parse(text: &str) -> Result<Reference, InvalidReference> {
    text.parse()
}

pub(super) fn run(arguments: &Arguments, environment: &Environment, printer: &Printer) -> Result<ExitStatus, Failure> {
    let document = arguments.store.ask(environment, async |store| {
        let shown = store.show(&arguments.run).await?;
        Ok(RunDocument::of(store.origin(), &shown))
    })?;
    let json = || document.json().map_err(|error| not_written(&error));
    printer.data(&if arguments.json { json()? } else { document.text(&style(printer)) })?;
    if document.is_intact() {
        return Ok(ExitStatus::Success);
    }
    let problem = Problem::new("store", format!("blobs of run {} are missing or damaged", document.run.run));
    Err(Failure::Store(vec![problem.hint("restore them from a copy")]))
}
