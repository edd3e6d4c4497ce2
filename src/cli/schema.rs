//! `modelgate schema`

use super::{Failure, Printer};
use crate::exit_status::ExitStatus;
use crate::schema::Schema;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The document
    document: Schema,
}

pub(super) fn run(arguments: &Arguments, printer: &Printer) -> Result<ExitStatus, Failure> {
    printer.data(&arguments.document.to_json())?;
    Ok(ExitStatus::Success)
}
